/* An export folder's own files: what is there and cannot be read, what has
 * another shape, what is no file, and words that its manifest may not say. */
#include "drop_world.h"

static void link_to(const struct world *w, const char *name, const char *to)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    (void)unlink(path);
    assert_int_equal(symlink(to, path), 0);
}

static void pipe_at(const struct world *w, const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
}

/* Refused, with the part's name and this. */
static void assert_refused(struct world *w, const char *name, const char *text)
{
    assert_false(opened(w, 100));
    assert_says(w, name);
    assert_says(w, text);
}

/* What is of another shape, or broken, is put right again. */
static void assert_part(struct world *w, const char *name, const char *bad,
                        const char *text, const char *good)
{
    put(w, name, dr_str_z(bad));
    assert_refused(w, name, text);
    put(w, name, dr_str_z(good));
    assert_true(opened(w, 100));
}

static void test_optional_parts_that_are_damaged(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"currencies.json", "automation.json"};

    records(w);
    assert_true(opened(w, 100)); /* neither is there */
    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        char path[200];
        put(w, names[i], DR_STR_LIT("{\"results\":["));
        assert_refused(w, names[i], "export the folder again");
        link_to(w, names[i], names[i]); /* there, and cannot be opened */
        assert_refused(w, names[i], "symbolic links");
        link_to(w, names[i], "/proc/self/mem"); /* nor read */
        assert_refused(w, names[i], "Input/output error");
        pipe_at(w, names[i]);
        assert_refused(w, names[i], "a pipe");
        (void)snprintf(path, sizeof(path), "%s/%s", w->dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_true(opened(w, 100));
}

static void test_parts_of_another_shape(void **state)
{
    struct world *w = *state;
    static const char list[] = "{\"results\":[]}";

    records(w);
    assert_part(w, "owners.json", "{}", "results", list);
    assert_part(w, "owners.json", "[]", "results", list);
    assert_part(w, "owners.json", "{\"results\":{}}", "results", list);
    assert_part(w, "pipelines.json", "[]", "is no object", "{}");
    assert_part(w, "pipelines.json", "{\"deal\":[]}", "deal.results",
                "{\"deal\":{\"results\":[]}}");
    assert_part(w, "currencies.json", "{}", "results", list);
    assert_part(w, "automation.json", "[]", "is no object", "{}");
    assert_part(w, "automation.json", "{\"workflows\":[]}", "workflows.results",
                "{\"origin\":\"x\",\"workflows\":{\"results\":[]}}");
    assert_part(w, "schema.json", "{}", "objects.results", schema);
}

/* With deals in the schema their pipelines are needed, if only as none. */
static void test_deals_have_pipelines(void **state)
{
    struct world *w = *state;

    put(w, "schema.json",
        DR_STR_LIT("{\"objects\":{\"results\":[{\"type\":\"deal\"}]}}"));
    assert_refused(w, "pipelines.json", "deal.results");
    put(w, "pipelines.json", DR_STR_LIT("{\"deal\":{\"results\":[]}}"));
    assert_true(opened(w, 100));
}

/* Read for ever, if they were opened: the alarm ends that. */
static void test_what_is_no_file_is_not_read(void **state)
{
    struct world *w = *state;
    const char *const name = "objects/contact.csv";

    records(w);
    (void)alarm(20);
    pipe_at(w, name);
    assert_refused(w, name, "a pipe");
    link_to(w, name, "/dev/zero");
    assert_refused(w, name, "a device");
    link_to(w, name, ".");
    assert_refused(w, name, "a folder");
    link_to(w, name, "/proc/self/mem");
    assert_refused(w, name, "Input/output error");
    link_to(w, name, "nowhere");
    assert_refused(w, name, "is not there");
    (void)alarm(0);
}

/* Without a manifest it is not measured for a proposal either; a manifest that
 * cannot be read is none that lacks. */
static void test_a_proposal_leaves_out_what_is_no_file(void **state)
{
    struct world *w = *state;
    char path[200];

    (void)alarm(20);
    pipe_at(w, "objects/contact.csv");
    assert_null(drop_open(w->dir, 100, &w->err));
    assert_says(w, "manifest.proposed.json");
    (void)snprintf(path, sizeof(path), "%s/manifest.proposed.json", w->dir);
    assert_int_equal(unlink(path), 0);
    link_to(w, "manifest.json", "manifest.json");
    assert_null(drop_open(w->dir, 100, &w->err));
    assert_says(w, "manifest.json: it cannot be read");
    assert_int_equal(access(path, F_OK), -1);
    (void)alarm(0);
}

static void test_tombstones_that_cannot_be_read(void **state)
{
    struct world *w = *state;

    records(w);
    link_to(w, "tombstones.ndjson", "tombstones.ndjson");
    assert_refused(w, "tombstones.ndjson", "cannot be read");
}

/* ---- words ---- */

static bool said(struct world *w, const char *path, const char *object,
                 const char *more, const char *text)
{
    dr_buf_reset(&w->files);
    file(w, path, object, 1, more, dr_str_z(text));
    return opened(w, 100);
}

#define RECORD "{\"type\":\"contact\",\"id\":\"c\",\"version\":1}\n"
#define PAIR ",\"from\":\"contact\",\"to\":\"company\""

static void test_words_that_nobody_knows(void **state)
{
    struct world *w = *state;
    const char *const nd = "objects/contact.ndjson";
    const char *const as = "associations/contact_company.csv";

    assert_true(said(w, nd, "contact",
                     ",\"format\":\"ndjson\",\"compression\":\"none\","
                     "\"encoding\":\"UTF-8\"",
                     RECORD));
    assert_true(said(w, nd, "contact",
                     ",\"format\":\"ndjson\",\"compression\":null", RECORD));
    assert_false(said(w, nd, "contact",
                      ",\"format\":\"ndjson\",\"compression\":\"zip\"",
                      RECORD));
    assert_says(w, "its compression is \"zip\", known are none, gzip");
    assert_false(said(w, nd, "contact",
                      ",\"format\":\"ndjson\",\"compression\":true", RECORD));
    assert_says(w, "its compression is true, known are none, gzip");
    assert_false(said(w, nd, "contact",
                      ",\"format\":\"ndjson\",\"encoding\":\"klingon\"",
                      RECORD));
    assert_says(w, "its encoding is \"klingon\", known are utf-8");
    assert_false(said(w, nd, "contact",
                      ",\"format\":\"ndjson\",\"encoding\":\"utf-16\"",
                      RECORD));
    assert_says(w, "utf-8");
    assert_false(said(w, nd, "contact", ",\"format\":\"xlsx\"", RECORD));
    assert_says(w, "ndjson nor csv");
    assert_false(said(w, as, "association",
                      ",\"format\":\"csv\",\"encoding\":\"klingon\"" PAIR,
                      "from_id,to_id\nc,k\n"));
    assert_says(w, "utf-16be, windows-1252");
    assert_false(said(w, as, "association", ",\"format\":\"xlsx\"" PAIR,
                      "from_id,to_id\nc,k\n"));
    assert_says(w, "its format is \"xlsx\", known are csv");
    assert_false(said(w, "tombstones.ndjson", "tombstone",
                      ",\"format\":\"csv\"",
                      "{\"type\":\"contact\",\"id\":\"c\",\"op\":\"delete\"}"));
    assert_says(w, "its format is \"csv\", known are ndjson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_optional_parts_that_are_damaged),
        TEST(test_parts_of_another_shape),
        TEST(test_deals_have_pipelines),
        TEST(test_what_is_no_file_is_not_read),
        TEST(test_a_proposal_leaves_out_what_is_no_file),
        TEST(test_tombstones_that_cannot_be_read),
        TEST(test_words_that_nobody_knows),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
