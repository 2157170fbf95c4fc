/* An export folder: each trap of the source contract's section 6, what is
 * refused, and what is told. */
#include "drop_world.h"

/* One CSV file of contacts. */
static bool csv_bytes(struct world *w, const char *more, int rows,
                      struct dr_str bytes)
{
    char all[300];

    (void)snprintf(all, sizeof(all), ",\"format\":\"csv\"%s", more);
    dr_buf_reset(&w->files);
    file(w, "objects/contact.csv", "contact", rows, all, bytes);
    return opened(w, 100);
}

static bool csv(struct world *w, const char *more, int rows, const char *text)
{
    return csv_bytes(w, more, rows, dr_str_z(text));
}

static const char *body(const struct world *w, const char *id)
{
    static char out[4096];
    const struct entry *e =
        drop_find(drop_kind(w->drop, DR_STR_LIT("contact")), dr_str_z(id));
    struct dr_buf b;

    assert_non_null(e);
    dr_buf_init(&b, sizeof(out) - 1);
    assert_int_equal(drop_body(e, &b), 0);
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
    dr_buf_done(&b);
    return out;
}

#define assert_holds(w, id, t) assert_non_null(strstr(body(w, id), t))
#define assert_lacks(w, id, t) assert_null(strstr(body(w, id), t))

/* ---- encodings ---- */

static void test_marks_and_encodings(void **state)
{
    struct world *w = *state;
    static const char wide[] = "\xff\xfe"
                               "i\0d\0,\0n\0a\0m\0e\0\n\0c\0,\0\xe9\0\n\0";
    static const char big[] = "\xfe\xff"
                              "\0i\0d\0,\0n\0a\0m\0e\0\n\0c\0,\0\xe9\0\n";

    assert_true(csv(w, "", 1, "\xef\xbb\xbfid,name\nc,\xc3\xa9\n"));
    assert_holds(w, "c", "\"name\":\"\xc3\xa9\"");
    /* A mark knows better than the manifest. */
    assert_true(csv_bytes(w, ",\"encoding\":\"utf-8\"", 1,
                          (struct dr_str){wide, sizeof(wide) - 1}));
    assert_holds(w, "c", "\"name\":\"\xc3\xa9\"");
    assert_true(csv_bytes(w, ",\"encoding\":\"utf-16\"", 1,
                          (struct dr_str){big, sizeof(big) - 1}));
    assert_holds(w, "c", "\"name\":\"\xc3\xa9\"");
    assert_true(
        csv(w, ",\"encoding\":\"windows-1252\"", 1, "id,name\nc,\x80\xe9\n"));
    assert_holds(w, "c", "\"name\":\"\xe2\x82\xac\xc3\xa9\"");
    assert_false(csv(w, ",\"encoding\":\"ebcdic\"", 1, "id\nc\n"));
    assert_says(w, "encoding");
    assert_false(csv_bytes(w, ",\"encoding\":\"utf-16\"", 1,
                           (struct dr_str){wide, sizeof(wide) - 2}));
    assert_says(w, "middle of a character");
}

static void test_bytes_that_are_no_characters(void **state)
{
    struct world *w = *state;

    /* In UTF-8 the row is none; in others U+FFFD would hide it. */
    assert_true(csv(w, "", 2, "id,name\nc,ok\nd,\xe9\n"));
    assert_int_equal(w->drop->bad_n, 1);
    assert_true(
        csv(w, ",\"encoding\":\"windows-1252\"", 2, "id,name\nc,ok\nd,\x81\n"));
    assert_lacks(w, "c", "corrupt");
    assert_holds(
        w, "d", "\"corrupt\":{\"code\":\"undecodable\",\"fields\":[\"name\"]}");
}

static void test_nul_bytes(void **state)
{
    struct world *w = *state;
    static const char text[] = "id,name\nc,a\0b\nd\0,x\n";

    assert_true(csv_bytes(w, "", 2, (struct dr_str){text, sizeof(text) - 1}));
    assert_holds(w, "c", "\"name\":\"a\\u0000b\"");
    assert_int_equal(w->drop->bad_n, 1); /* no id has one */
}

/* ---- the dialect ---- */

static void test_delimiters_quotes_and_line_ends(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 2, "id;name\r\nc;\"a;\r\n\"\"b\"\"\"\rd;x\n"));
    assert_holds(w, "c", "\"name\":\"a;\\r\\n\\\"b\\\"\"");
    assert_holds(w, "d", "\"name\":\"x\"");
    assert_true(csv(w, "", 1, "id\tname\nc\ta,b;c\n"));
    assert_holds(w, "c", "\"name\":\"a,b;c\"");
    assert_true(csv(w, ",\"escape\":\"\\\\\"", 1, "id,name\nc,\"a\\\"b\"\n"));
    assert_holds(w, "c", "\"name\":\"a\\\"b\"");
    /* Not told of: the row is not read as something else. */
    assert_true(csv(w, "", 1, "id,name\nc,\"a\\\"b\"\n"));
    assert_int_equal(w->drop->bad_n, 1);
    assert_true(csv(w, "", 1, "sep=;\r\nid;name\r\nc;a,b,d\r\n"));
    assert_holds(w, "c", "\"name\":\"a,b,d\"");
    assert_true(csv(w, ",\"delimiter\":\"|\"", 1, "id|name\nc|a,b\n"));
    assert_false(csv(w, ",\"delimiter\":\"tab\"", 1, "id\tname\nc\ta\n"));
    assert_says(w, "delimiter");
}

static void test_ragged_rows_and_open_quotes(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 4, "id,name\nc,a\nd\ne,x,y\nf,\"open\n"));
    assert_int_equal(w->drop->bad_n, 3);
    assert_int_equal(w->drop->bad[0].offset, 12);
    assert_true(dr_str_eqz(w->drop->bad[2].raw, "f,\"open\n"));
}

static void test_a_quote_that_swallows_more_than_a_row_may_hold(void **state)
{
    struct world *w = *state;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_buf_z(&b, "id,name\nc,\"open\n");
    for (int i = 0; i < 700000; i++) {
        dr_buf_printf(&b, "c%06d,abcdef\n", i);
    }
    assert_true(csv_bytes(w, "", 700001, dr_buf_view(&b)));
    assert_int_equal(w->drop->bad_n, 1);
    assert_holds(w, "c699999", "abcdef");
    dr_buf_done(&b);
}

static void test_headers(void **state)
{
    struct world *w = *state;

    assert_false(csv(w, "", 1, "id,name,NAME,name\nc,a,b,c\n"));
    assert_says(w, "NAME");
    assert_false(csv(w, "", 1, "id,name,full name\nc,a,b\n"));
    assert_says(w, "twice");
    assert_false(csv(w, "", 1, "id,Same\nc,a\n"));
    assert_says(w, "label of two");
    assert_false(csv(w, "", 1, "name\nc\n"));
    assert_says(w, "no column id");
    assert_false(csv(w, "", 1, "id,Firmenname\nc,a\n"));
    assert_says(w, "columns");
    assert_true(csv(w, ",\"columns\":{\"Firmenname\":\"name\",\"x\":null}", 1,
                    "id,Firmenname,x\nc,a,b\n"));
    assert_holds(w, "c", "\"name\":\"a\"");
    /* A property without a label is not what a blank header means. */
    assert_true(csv(w, "", 1, "id,name,\nc,a,\n"));
    assert_lacks(w, "c", "tags");
    assert_false(csv(w, "", 1, "id,name,\nc,a,b\n"));
    assert_says(w, "no name");
}

/* ---- values ---- */

static void test_options_and_several_values(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 2,
                    "id,stage,tags\nc,Gewonnen,Very important;x\\;y\n"
                    "d,Twice,vip\n"));
    assert_holds(w, "c", "\"stage\":\"won\",\"tags\":[\"vip\",\"x;y\"]");
    assert_holds(w, "d", "\"stage\":\"Twice\",\"tags\":[\"vip\"]");
}

static void test_nothing_null_and_empty(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 4, "id,name\nc,\nd,\"\"\ne,\\N\nf,NULL\n"));
    assert_holds(w, "c", "\"name\":null");
    assert_holds(w, "d", "\"name\":\"\"");
    assert_holds(w, "e", "\"name\":null");
    assert_holds(w, "f", "\"name\":\"NULL\"");
    assert_told(w, "1 cells hold the word NULL");
    assert_true(
        csv(w, ",\"null\":\"NULL\"", 2, "id,name\nc,NULL\nd,\"NULL\"\n"));
    assert_holds(w, "c", "\"name\":null");
    assert_holds(w, "d", "\"name\":\"NULL\"");
}

static void test_numbers_of_a_locale(void **state)
{
    struct world *w = *state;

    assert_false(csv(w, "", 1, "id;amount\nc;1.234,56\n"));
    assert_says(w, "decimal");
    assert_true(csv(w, ",\"decimal\":\",\"", 3,
                    "id;amount\nc;1.234,56\nd;1.234\ne;n/a\n"));
    assert_holds(w, "c", "\"amount\":\"1234.56\"");
    assert_holds(w, "d", "\"amount\":\"1234\"");
    assert_holds(w, "e", "\"amount\":\"n/a\"");
    assert_false(csv(w, "", 1, "id;amount\nc;1.234\n"));
    assert_says(w, "decimal");
    assert_true(csv(w, ",\"decimal\":\".\"", 1, "id;amount\nc;1.234\n"));
    assert_holds(w, "c", "\"amount\":\"1.234\"");
    /* One that others give away is a person's slip, and goes on as it is. */
    assert_true(csv(w, "", 2, "id,amount\nc,12.50\nd,\"1.234,56\"\n"));
    assert_holds(w, "d", "\"amount\":\"1.234,56\"");
}

static void test_spreadsheets_leave_traces(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 5,
                    "id,phone,since,company,name\n"
                    "c,3.56213E+11,45321,1.2E+10,x\n"
                    "d,=\"0035621\",2024-01-30,c_1,#NAME?\n"
                    "e,'+356 21,,\"c_1\xe2\x80\xa6"
                    "and 12 more\",'=1+1\n"
                    "1.23457E+12,,,,x\n"
                    "=\"007\",,,,x\n"));
    assert_holds(w, "c", "\"phone\":\"3.56213E+11\"");
    assert_holds(w, "c",
                 "\"corrupt\":{\"code\":\"spreadsheet\",\"fields\":[\"phone\","
                 "\"since\",\"company\"]}");
    assert_holds(w, "d", "\"phone\":\"0035621\"");
    assert_holds(w, "d", "\"fields\":[\"name\"]");
    assert_holds(w, "e", "\"phone\":\"+356 21\"");
    assert_holds(w, "e", "\"name\":\"'=1+1\"");
    assert_holds(w, "e", "\"fields\":[\"company\"]");
    assert_holds(w, "007", "\"name\":\"x\"");
    assert_told(w, "1 texts begin with '");
    assert_int_equal(w->drop->bad_n, 1);
}

static void test_local_times_and_words(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 3,
                    "id,updated_at,archived\nc,31.12.2024 10:00,Yes\n"
                    "d,2024-12-31T10:00:00Z,0\ne,,wahr\n"));
    assert_holds(w, "c", "\"archived\":true");
    assert_holds(w, "c", "\"fields\":[\"updated_at\"]");
    assert_holds(w, "d", "\"archived\":false");
    assert_lacks(w, "d", "corrupt");
    assert_int_equal(w->drop->bad_n, 1);
}

static void test_several_rows_for_one_record(void **state)
{
    struct world *w = *state;

    assert_true(csv(w, "", 3,
                    "id,name,associations.company\nc,a,co_1\nc,a,co_2\n"
                    "d,b,\"co_1;co_2\xe2\x80\xa6"
                    "and 12 more\"\n"));
    assert_int_equal(drop_kind(w->drop, DR_STR_LIT("contact"))->n, 2);
    assert_told(w, "1 columns of associations are not read");
    assert_told(w, "1 rows repeat a record");
    assert_true(csv(w, "", 2, "id,version,name\nc,2,new\nc,1,old\n"));
    assert_holds(w, "c", "\"name\":\"new\"");
    assert_told(w, "1 an older version");
    assert_false(csv(w, "", 2, "id,name\nc,a\nc,b\n"));
    assert_says(w, "contact c: the folder holds it twice");
}

/* ---- links ---- */

static bool linked(struct world *w, const char *more, int rows,
                   const char *text)
{
    char all[200];

    (void)snprintf(all, sizeof(all), ",\"format\":\"csv\"%s", more);
    dr_buf_reset(&w->files);
    records(w);
    file(w, "associations/contact_company.csv", "association", rows, all,
         dr_str_z(text));
    return opened(w, 100);
}

#define PAIR ",\"from\":\"contact\",\"to\":\"company\""

static void test_a_folder_without_links_is_told(void **state)
{
    struct world *w = *state;
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);
    struct dr_str names[4];

    records(w);
    assert_true(opened(w, 100));
    assert_told(w, "contact/company: there is no file of these associations");
    assert_int_equal(drop_unlinked(w->drop, NULL, a, names, 4), 1);
    assert_true(linked(w, PAIR, 0, "from_id,to_id\n"));
    assert_string_equal(told(w), ""); /* a file without rows says it */
    assert_int_equal(drop_unlinked(w->drop, NULL, a, names, 4), 0);
}

static void test_links_that_a_later_drop_lost(void **state)
{
    struct world *w = *state;
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);
    struct dr_str names[4];
    struct drop *before;

    assert_true(linked(w, PAIR, 1, "from_id,to_id\nc,k\n"));
    before = w->drop;
    w->drop = NULL;
    assert_true(linked(w, PAIR, 1, "from_id,to_id\nd,k\n"));
    assert_int_equal(drop_unlinked(w->drop, before, a, names, 4), 0);
    assert_true(linked(w, PAIR, 0, "from_id,to_id\n"));
    assert_int_equal(drop_unlinked(w->drop, before, a, names, 4), 1);
    assert_true(dr_str_eqz(names[0], "contact/company"));
    drop_free(before);
}

static void test_links_are_read_by_their_header(void **state)
{
    struct world *w = *state;
    const struct drop_pair *p;

    assert_true(linked(w, PAIR, 1, "primary,to_id,from_id\nYes,k,c\n"));
    p = drop_pair(w->drop, DR_STR_LIT("contact"), DR_STR_LIT("company"));
    assert_true(dr_str_eqz(p->v[0].from, "c"));
    assert_true(dr_str_eqz(p->v[0].to, "k"));
    assert_true(p->v[0].primary);
    assert_false(linked(w, PAIR, 1, "from,to\nc,k\n"));
    assert_says(w, "from_id");
    assert_false(linked(w, PAIR, 1, "from_id,to_id\nc\n"));
    assert_says(w, "offset 14");
    assert_false(linked(w, PAIR, 1, "from_id,to_id\nc,\xe9\n"));
    assert_says(w, "not UTF-8");
    assert_false(linked(w, PAIR, 1, "from_id,to_id\nc,1.23457E+12\n"));
    assert_says(w, "spreadsheet");
    assert_false(linked(w, PAIR, 1, "from_id,to_id,primary\nc,k,wahr\n"));
    assert_says(w, "primary");
    assert_false(linked(w, "", 1, "from_id,to_id\nc,k\n"));
    assert_says(w, "from and to");
    assert_false(linked(w, ",\"from\":\"company\",\"to\":\"contact\"", 1,
                        "from_id,to_id\nk,c\n"));
    assert_says(w, "other way round");
}

static void test_two_files_hold_one_pair(void **state)
{
    struct world *w = *state;

    records(w);
    file(w, "associations/contact_company.csv", "association", 1,
         ",\"format\":\"csv\"" PAIR, DR_STR_LIT("from_id,to_id\nc,k\n"));
    file(w, "associations/other.csv", "association", 1,
         ",\"format\":\"csv\"" PAIR, DR_STR_LIT("from_id,to_id\nd,k\n"));
    assert_true(opened(w, 100));
    assert_int_equal(
        drop_pair(w->drop, DR_STR_LIT("contact"), DR_STR_LIT("company"))->n, 2);
}

static void test_ids_that_lost_their_zeros_dangle(void **state)
{
    struct world *w = *state;

    assert_true(linked(w, PAIR, 2, "from_id,to_id\nc,k\nd,k\n"));
    assert_string_equal(told(w), "");
    assert_true(linked(w, PAIR, 2, "from_id,to_id\n0c,k\n0d,k\n"));
    assert_told(w, "2 of 2 name a record that the folder has not");
}

/* ---- what is there and cannot be read ---- */

static void test_broken_lines_and_poison_are_not_gone(void **state)
{
    struct world *w = *state;
    const struct drop_kind *k;

    file(w, "objects/contact.ndjson", "contact", 5, ",\"format\":\"ndjson\"",
         DR_STR_LIT("{\"type\":\"contact\",\"id\":\"y\",\"version\":1,\n"
                    "{\"type\":\"contact\",\"id\":\"c\",\"version\":1}\n"
                    "{\"type\":\"contact\",\"id\":\"c\",\"version\":2,\n"
                    "{\"type\":\"contact\",\"id\":\"b\",\"version\":1,\n"
                    "nobody knows which\n"));
    dr_buf_z(&w->files, "],\"poison\":[{\"type\":\"contact\",\"id\":\"x\"},"
                        "{\"type\":\"contact\",\"id\":\"y\"},"
                        "{\"type\":\"company\",\"id\":\"k\"},"
                        "{\"type\":\"nothing\",\"id\":\"n\"},"
                        "{\"type\":\"contact\"}");
    assert_true(opened(w, 100));
    k = drop_kind(w->drop, DR_STR_LIT("contact"));
    assert_int_equal(k->broken_n, 3); /* b, x, y: each once, in this order */
    assert_true(dr_str_eqz(k->broken[0], "b"));
    assert_true(dr_str_eqz(k->broken[2], "y"));
    assert_int_equal(drop_broken_after(k, DR_STR_LIT("b")), 1);
    assert_true(drop_is_broken(k, DR_STR_LIT("x")));
    assert_false(drop_is_broken(k, DR_STR_LIT("c"))); /* one line of it reads */
    assert_true(drop_is_broken(drop_kind(w->drop, DR_STR_LIT("company")),
                               DR_STR_LIT("k")));
    assert_int_equal(w->drop->bad_n, 4);
}

/* ---- what is gone ---- */

static void test_tombstones(void **state)
{
    struct world *w = *state;
    const struct drop_kind *k;
    const struct drop_gone *g;

    put(w, "tombstones.ndjson",
        DR_STR_LIT(
            "{\"type\":\"contact\",\"id\":\"x\",\"op\":\"merge\",\"version\":7,"
            "\"merged_into\":\"c\"}\n"
            "{\"type\":\"contact\",\"id\":\"y\",\"op\":\"delete\"}\n"
            "{\"type\":\"contact\",\"id\":\"z\",\"op\":\"merge\"}\n"
            "{\"type\":\"contact\",\"id\":\"d\",\"op\":\"delete\"}\n"));
    records(w);
    assert_true(opened(w, 100));
    k = drop_kind(w->drop, DR_STR_LIT("contact"));
    g = drop_gone_find(k, DR_STR_LIT("x"));
    assert_non_null(g);
    assert_true(dr_str_eqz(g->merged_into, "c"));
    assert_int_equal(g->version, 7);
    g = drop_gone_find(k, DR_STR_LIT("y"));
    assert_non_null(g);
    assert_int_equal(g->merged_into.n, 0);
    assert_null(drop_gone_find(k, DR_STR_LIT("z")));
    assert_null(drop_gone_find(k, DR_STR_LIT("c")));
    assert_told(w, "1 lines are no tombstones");
    assert_told(w, "1 records are there though");
}

/* ---- bounds ---- */

static void test_more_rows_than_said_are_not_read(void **state)
{
    struct world *w = *state;

    assert_false(csv(w, "", 1, "id\nc\nd\ne\n"));
    assert_says(w, "more rows than the 1");
    assert_false(csv(w, "", 5, "id\nc\nd\ne\n"));
    assert_says(w, "it has 3 rows, the manifest says 5");
    assert_false(csv(w, "", -1, "id\nc\nd\ne\n"));
    assert_says(w, "it has 3 rows, the manifest says nothing");
}

static void test_rows_that_are_no_records_are_bounded(void **state)
{
    struct world *w = *state;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    for (int i = 0; i < 100001; i++) {
        dr_buf_z(&b, "x\n");
    }
    file(w, "objects/contact.ndjson", "contact", 100001,
         ",\"format\":\"ndjson\"", dr_buf_view(&b));
    assert_false(opened(w, 100));
    assert_says(w, "100000 rows are no records");
    dr_buf_done(&b);
}

/* ---- the proposal ---- */

static void test_a_proposal_names_everything(void **state)
{
    struct world *w = *state;
    char text[8192], path[200];
    FILE *f;
    size_t n;

    put(w, "objects/contact.csv", DR_STR_LIT("id;name\nc;\xe9\n"));
    put(w, "associations/contact_company.csv", DR_STR_LIT("from_id,to_id\n"));
    put(w, "associations/other.csv", DR_STR_LIT("from_id,to_id\n"));
    put(w, "tombstones.ndjson", DR_STR_LIT(""));
    assert_null(drop_open(w->dir, 100, &w->err));
    assert_says(w, "manifest.proposed.json");
    (void)snprintf(path, sizeof(path), "%s/manifest.proposed.json", w->dir);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    assert_non_null(strstr(text, "\"encoding\": \"windows-1252\""));
    assert_non_null(strstr(text, "\"delimiter\": \";\""));
    assert_non_null(strstr(text, "\"associations/contact_company.csv\""));
    assert_non_null(strstr(text, "\"from\": \"contact\""));
    assert_non_null(strstr(text, "\"from\": null"));
    assert_non_null(strstr(text, "\"object\": \"tombstone\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_marks_and_encodings),
        TEST(test_bytes_that_are_no_characters),
        TEST(test_nul_bytes),
        TEST(test_delimiters_quotes_and_line_ends),
        TEST(test_ragged_rows_and_open_quotes),
        TEST(test_a_quote_that_swallows_more_than_a_row_may_hold),
        TEST(test_headers),
        TEST(test_options_and_several_values),
        TEST(test_nothing_null_and_empty),
        TEST(test_numbers_of_a_locale),
        TEST(test_spreadsheets_leave_traces),
        TEST(test_local_times_and_words),
        TEST(test_several_rows_for_one_record),
        TEST(test_a_folder_without_links_is_told),
        TEST(test_links_that_a_later_drop_lost),
        TEST(test_links_are_read_by_their_header),
        TEST(test_two_files_hold_one_pair),
        TEST(test_ids_that_lost_their_zeros_dangle),
        TEST(test_broken_lines_and_poison_are_not_gone),
        TEST(test_tombstones),
        TEST(test_more_rows_than_said_are_not_read),
        TEST(test_rows_that_are_no_records_are_bounded),
        TEST(test_a_proposal_names_everything),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
