/* What the plan's choices make of activities, notes and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "golden_test.h"

static struct world world;

/* A plan of these choices, with the first `from` made `to`; from NULL: as it
 * is. */
static struct dr_plan *plan_of(const struct dr_propose_opts *in,
                               const char *from, const char *to)
{
    struct dr_profile *profile = world_profile(&world, 0, 1);
    struct dr_propose_opts o = *in;
    struct dr_proposal p;
    struct dr_err err = {0};
    struct dr_plan *plan;
    struct dr_str text;
    size_t at;

    o.house_owner = world.house_owner;
    dr_proposal_init(&p);
    assert_int_equal(dr_plan_propose(profile, &world.c, &o, &p, &err), 0);
    text = dr_arena_dup(world.a, dr_buf_view(&p.plan));
    if (from) { /* without its hash: a person edited it */
        at = dr_str_find(text, DR_STR_LIT("\"hash\":\"sha256:"));
        text = dr_arena_printf(world.a, "%.*s%.*s", (int)at, text.p,
                               (int)(text.n - at - 81), text.p + at + 81);
        at = dr_str_find(text, dr_str_z(from));
        if (at == SIZE_MAX) {
            fail_msg("the plan does not hold %s", from);
        }
        text = dr_arena_printf(world.a, "%.*s%s%.*s", (int)at, text.p, to,
                               (int)(text.n - at - strlen(from)),
                               text.p + at + strlen(from));
    }
    plan = dr_plan_parse(text, &err);
    if (!plan) {
        fail_msg("%s", err.text);
    }
    dr_proposal_done(&p);
    dr_profile_free(profile);
    return plan;
}

static const struct dr_source *record(const char *path)
{
    for (size_t i = 0; i < world.n; i++) {
        if (strcmp(world.v[i].path, path) == 0) {
            return &world.v[i].source;
        }
    }
    fail_msg("no %s in the golden world", path);
    return NULL;
}

static struct dr_outcome apply(const struct dr_plan *plan,
                               const struct dr_source *rec)
{
    static const struct dr_apply_opts o = {
        .migration = {"test", 4}, .generation = 1, .pass = 1};
    struct dr_err err = {0};
    struct dr_outcome out;

    assert_int_equal(dr_plan_apply(plan, rec, &o, world.a, &out, &err), 0);
    return out;
}

static struct dr_str field(const struct dr_outcome *o, const char *name)
{
    for (size_t i = 0; o->load_count > 0 && i < o->loads[0].field_count; i++) {
        if (dr_str_eqz(o->loads[0].fields[i].name, name)) {
            return o->loads[0].fields[i].value;
        }
    }
    return (struct dr_str){NULL, 0};
}

static void assert_field(const struct dr_outcome *o, const char *name,
                         const char *want)
{
    struct dr_str have = field(o, name);

    if (!dr_str_eqz(have, want)) {
        fail_msg("%s is \"" DR_STR_FMT "\", not \"%s\"", name, DR_STR_ARG(have),
                 want);
    }
}

static void assert_holds(struct dr_str text, const char *part)
{
    if (dr_str_find(text, dr_str_z(part)) == SIZE_MAX) {
        fail_msg("\"" DR_STR_FMT "\" does not hold \"%s\"", DR_STR_ARG(text),
                 part);
    }
}

static size_t notes_on(const struct dr_outcome *o, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < o->note_count; i++) {
        n += dr_str_eqz(o->notes[i].field, name);
    }
    return n;
}

static const struct dr_propose_opts plain;

static void test_call_logs(void **state)
{
    struct dr_propose_opts o = {.calls_as_logs = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out = apply(p, record("call/plain"));
    struct dr_buf b;

    (void)state;
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_true(dr_str_eqz(out.loads[0].type, "call_logs"));
    assert_true(dr_str_eqz(out.loads[0].lane, "activity"));
    assert_field(&out, "call_direction", "true");
    assert_field(&out, "call_duration", "750");
    assert_field(&out, "outcome_id", "91"); /* of Freshsales' own type Phone */
    assert_null(field(&out, "owner_id").p);
    assert_null(field(&out, "title").p);
    assert_holds(field(&out, "description"), "Started: 2023-05-01T08:00:00Z");
    assert_holds(field(&out, "description"), "Subject: Price talk");
    assert_true(notes_on(&out, "started_at") == 1);
    assert_true(notes_on(&out, "owner_id") == 1); /* told, as of a meeting */
    assert_true(notes_on(&out, "direction") == 0);
    assert_true(notes_on(&out, "duration_s") == 0);
    /* nobody has to be found for what has no owner */
    out = apply(p, record("call/parked"));
    assert_int_equal(out.state, DR_OUT_LOAD);
    dr_buf_init(&b, (size_t)1 << 20);
    (void)dr_plan_check(p, &world.c, &b);
    assert_true(dr_str_find(dr_buf_view(&b), DR_STR_LIT("\"call\"")) ==
                SIZE_MAX);
    dr_buf_done(&b);
    dr_plan_free(p);
}

/* What people read: durations with their units, the labels of options, names
 * where the plan has them. */
static void test_lines_in_words(void **state)
{
    static const char *const times[][2] = {
        {"0", "Duration: 0 s\n"},
        {"60", "Duration: 1 min\n"},
        {"7200", "Duration: 2 h\n"},
        {"3661", "Duration: 1 h 1 min 1 s\n"},
        {"12.5", "Duration: 12.5 s\n"},
        {"-5", "Duration: -5\n"},
        {"PT5M", "Duration: PT5M\n"},
        {"about 5", "Duration: about 5\n"},
        {"86399", "Duration: 23 h 59 min 59 s\n"}};
    struct dr_plan *p =
        plan_of(&plain, "\"names\":{\"company\":{",
                "\"names\":{\"company\":{\"co_1\":\"Acme North\",");
    struct dr_source rec = *record("call/plain");
    struct dr_str body = rec.body;
    struct dr_outcome out = apply(p, &rec);
    size_t at = dr_str_find(body, DR_STR_LIT("\"750\""));

    (void)state;
    assert_holds(field(&out, "notes"), "Direction: Inbound\n");
    assert_holds(field(&out, "notes"), "Outcome: Left message\n");
    assert_holds(field(&out, "notes"),
                 "Owner in FastTrack: Ann North ann@north.example\n");
    assert_holds(field(&out, "notes"),
                 "Also linked with (FastTrack ids): contact c_1, contact c_2, "
                 "company Acme North (co_1)\n");
    assert_true(at < body.n);
    for (size_t i = 0; i < DR_ARRAY_LEN(times); i++) {
        rec.body = dr_arena_printf(world.a, "%.*s\"%s\"%.*s", (int)at, body.p,
                                   times[i][0], (int)(body.n - at - 5),
                                   body.p + at + 5);
        out = apply(p, &rec);
        assert_holds(field(&out, "notes"), times[i][1]);
    }
    dr_plan_free(p);
}

static void test_html_kept(void **state)
{
    struct dr_propose_opts o = {.html_keep = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out = apply(p, record("note/plain"));

    (void)state;
    assert_holds(field(&out, "description"),
                 "<p>Call <b>him</b> &amp; her</p>");
    assert_int_equal(notes_on(&out, "body"), 0);
    out = apply(p, record("note/inline_image"));
    assert_holds(field(&out, "description"),
                 "<p>See [image: logo.gif] and [image: cid:unknown@x]</p>");
    assert_int_equal(notes_on(&out, "body"), 1);
    out = apply(p, record("call/plain"));
    assert_holds(field(&out, "notes"), "<p>Asked for <b>a quote</b>.</p>");
    dr_plan_free(p);
}

/* A note whose body is this, as JSON writes it. */
static struct dr_outcome with_body(const struct dr_plan *p, const char *of,
                                   const char *was, const char *body)
{
    struct dr_source rec = *record(of);
    size_t at = dr_str_find(rec.body, dr_str_z(was));
    size_t behind = at + strlen(was);

    assert_true(at < rec.body.n);
    rec.body = dr_arena_printf(world.a, "%.*s%s%.*s", (int)at, rec.body.p, body,
                               (int)(rec.body.n - behind), rec.body.p + behind);
    return apply(p, &rec);
}

/* A call log is incoming or outgoing, and has whole seconds: what is neither
 * is told. */
static void test_call_logs_of_other_words(void **state)
{
    struct dr_propose_opts o = {.calls_as_logs = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out =
        with_body(p, "call/plain", "\"inbound\"", "\"internal\"");

    (void)state;
    assert_field(&out, "call_direction", "false");
    assert_int_equal(notes_on(&out, "direction"), 1);
    out = with_body(p, "call/plain", "\"inbound\"", "null");
    assert_int_equal(notes_on(&out, "direction"), 1);
    out = with_body(p, "call/plain", "\"inbound\"", "\" Outgoing\"");
    assert_int_equal(notes_on(&out, "direction"), 0);
    out = with_body(p, "call/plain", "\"750\"", "\"12.5\"");
    assert_field(&out, "call_duration", "");
    assert_int_equal(notes_on(&out, "duration_s"), 1);
    assert_holds(field(&out, "description"), "Duration: 12.5 s\n");
    out = with_body(p, "call/plain", "\"750\"", "null");
    assert_int_equal(notes_on(&out, "duration_s"), 0);
    dr_plan_free(p);
}

#define NOTE_BODY "<p>Call <b>him</b> &amp; her</p>"

static size_t told_unsafe(const struct dr_outcome *o)
{
    size_t n = 0;

    for (size_t i = 0; i < o->note_count; i++) {
        n += dr_str_starts(o->notes[i].cause, DR_STR_LIT("HTML made safe"));
    }
    return n;
}

/* What is kept runs nothing where it is shown, and the lines around it are
 * lines there, whatever stands in them. */
static void test_html_safe(void **state)
{
    struct dr_propose_opts o = {.html_keep = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out =
        with_body(p, "note/plain", NOTE_BODY,
                  "\\n<div onclick=x()>a<script>x()</script><i>b<script>\\n");
    struct dr_str text = field(&out, "description");

    (void)state;
    assert_holds(
        text,
        "(FastTrack)<br><br><div>a<i>b\n</i></div><br><br>Pinned: true<br>"
        "Source subject: Old mail<br>");
    assert_holds(text, "<br>FastTrack note n_1 [");
    assert_int_equal(told_unsafe(&out), 1);
    out = with_body(p, "note/plain", NOTE_BODY, "<p>a</p>");
    assert_int_equal(told_unsafe(&out), 0);
    /* text without a tag is text */
    out = with_body(p, "note/plain", NOTE_BODY, "a < b");
    assert_holds(field(&out, "description"), "\n\na < b\n\nPinned: true");
    /* an author's name is no HTML */
    out = with_body(p, "note/plain", "\"created_by\": \"u_2\"",
                    "\"created_by\": \"<b onclick=x()>\"");
    assert_holds(field(&out, "description"), "Note by &lt;b onclick=x()&gt;, ");
    dr_plan_free(p);
}

static void test_html_cut(void **state)
{
    struct dr_propose_opts o = {.html_keep = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_buf b;
    struct dr_outcome out;
    struct dr_str text;

    (void)state;
    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_z(&b, "<div>");
    while (b.n < 20000) {
        dr_buf_z(&b, "<a href='https://x.example/'>words</a> ");
    }
    dr_buf_z(&b, "</div>");
    out = with_body(p, "call/plain", "<p>Asked for <b>a quote</b>.</p>", b.p);
    text = field(&out, "notes");
    assert_true(dr_utf8_count(text) <= 10000);
    assert_true(dr_utf8_count(text) > 9500);
    assert_true(
        dr_str_find(text, DR_STR_LIT("</a></div><br><br>")) != SIZE_MAX ||
        dr_str_find(text, DR_STR_LIT("</a> </div><br><br>")) != SIZE_MAX);
    assert_true(dr_str_find(text, DR_STR_LIT("&lt;")) == SIZE_MAX);
    dr_buf_done(&b);
    dr_plan_free(p);
}

/* Blank lines around a body go, those inside of it stay. */
static void test_trimmed(void **state)
{
    static const char *const bodies[] = {
        "\\r\\n \\n  a\\n\\n\\nb\\r\\n\\n \\n", "\\n  a\\n\\n\\nb",
        "\xc2\xa0\\n  a\\n\\n\\nb\\n\xc2\xa0\\n\xc2\xa0"};
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_outcome out;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bodies); i++) {
        out = with_body(p, "note/plain", NOTE_BODY, bodies[i]);
        assert_holds(field(&out, "description"),
                     "(FastTrack)\n\n  a\n\n\nb\n\nPinned: true");
        assert_int_equal(notes_on(&out, "body"), 0);
    }
    out = with_body(p, "note/plain", NOTE_BODY, "\\n \\n");
    assert_holds(field(&out, "description"), "(FastTrack)\n\nPinned: true");
    dr_plan_free(p);
}

static void test_too_large(void **state)
{
    const struct dr_source *rec = record("attachment/too_large");
    struct dr_propose_opts o = {.files_too_large = "skip"};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out = apply(p, rec);

    (void)state;
    assert_int_equal(out.state, DR_OUT_EXCLUDED);
    assert_true(dr_str_eqz(out.rule, "file.too_large"));
    dr_plan_free(p);
    /* no address to link to: a note is better than nothing */
    o.files_too_large = "link";
    p = plan_of(&o, NULL, NULL);
    out = apply(p, rec);
    assert_true(dr_str_eqz(out.loads[0].type, "notes"));
    dr_plan_free(p);
    p = plan_of(&o, "\"max_bytes\"",
                "\"source_url\":\"https://crm.example/a/{id}?x\","
                "\"max_bytes\"");
    out = apply(p, rec);
    assert_true(dr_str_eqz(out.loads[0].type, "document_links"));
    assert_true(dr_str_eqz(out.loads[0].lane, "file"));
    assert_field(&out, "url", "https://crm.example/a/f_4?x");
    assert_field(&out, "name", "offer.pdf");
    dr_plan_free(p);
    /* a lower limit than the target's own, and bytes that came before it */
    o = (struct dr_propose_opts){.file_max_bytes = 1000};
    p = plan_of(&o, NULL, NULL);
    out = apply(p, record("attachment/stored"));
    assert_true(dr_str_eqz(out.loads[0].type, "notes"));
    assert_true(dr_str_eqz(out.loads[0].lane, "note"));
    assert_holds(field(&out, "description"), "larger than the 1000 bytes");
    dr_plan_free(p);
}

static void test_broken(void **state)
{
    struct dr_propose_opts o = {.files_broken = "reject"};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out = apply(p, record("attachment/wrong_hash"));

    (void)state;
    assert_int_equal(out.state, DR_OUT_REJECTED);
    assert_true(dr_str_eqz(out.reject.class, "broken_file"));
    out = apply(p, record("attachment/missing"));
    assert_int_equal(out.state, DR_OUT_REJECTED);
    dr_plan_free(p);
}

/* Every reason why bytes cannot be had is another word, and a note. */
static void test_blob_states(void **state)
{
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_source rec = *record("attachment/stored");
    struct dr_str said[DR_BLOB_REFUSED + 1] = {{NULL, 0}};

    (void)state;
    for (int s = DR_BLOB_STORED; s <= DR_BLOB_REFUSED; s++) {
        struct dr_outcome out;
        rec.blob.state = (enum dr_blob_state)s;
        out = apply(p, &rec);
        assert_int_equal(out.state, DR_OUT_LOAD);
        assert_true(dr_str_eqz(out.loads[0].type,
                               s == DR_BLOB_STORED ? "files" : "notes"));
        said[s] = field(&out, "description");
        for (int t = DR_BLOB_STORED; t < s; t++) {
            assert_false(dr_str_eq(said[s], said[t]));
        }
    }
    dr_plan_free(p);
}

static struct dr_str cause_on(const struct dr_outcome *o, const char *name)
{
    for (size_t i = 0; i < o->note_count; i++) {
        if (dr_str_eqz(o->notes[i].field, name)) {
            return o->notes[i].cause;
        }
    }
    return (struct dr_str){"", 0};
}

/* When it began is known from its end and its length. */
static void test_start_by_end(void **state)
{
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_outcome out =
        with_body(p, "call/plain", "\"2023-05-01T10:00:00+02:00\"", "null");

    (void)state;
    assert_field(&out, "start_date", "2023-05-01T08:00:00Z");
    assert_field(&out, "end_date", "2023-05-01T08:12:30Z");
    assert_holds(cause_on(&out, "started_at"), "its end less its duration");
    out =
        with_body(p, "call/plain", "\"2023-05-01T10:00:00+02:00\"", "\"soon\"");
    assert_field(&out, "start_date", "2023-05-01T08:00:00Z");
    assert_holds(cause_on(&out, "started_at"), "its end less its duration");
    assert_holds(field(&out, "notes"), "Time in FastTrack: soon\n");
    /* what is no length of time says nothing */
    out = with_body(p, "call/plain",
                    "\"2023-05-01T10:00:00+02:00\",\n   \"ended_at\": "
                    "\"2023-05-01T08:12:30Z\",\n   \"duration_s\": \"750\"",
                    "null, \"ended_at\": \"2023-05-01T08:12:30Z\", "
                    "\"duration_s\": \"12.5\"");
    assert_field(&out, "start_date", "2024-01-02T03:04:05Z");
    assert_holds(cause_on(&out, "started_at"), "the time of its creation");
    dr_plan_free(p);
}

/* A title or text of another kind stands there as its JSON, told. */
static void test_kinds(void **state)
{
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_outcome out =
        with_body(p, "call/plain", "\"Price talk\"", "{\"en\":\"Price\"}");

    (void)state;
    assert_field(&out, "title", "{\"en\":\"Price\"}");
    assert_holds(cause_on(&out, "subject"), "an object");
    out = with_body(p, "note/plain", "\"" NOTE_BODY "\"", "[\"a\"]");
    assert_holds(field(&out, "description"), "[\"a\"]");
    assert_holds(cause_on(&out, "body"), "a list");
    dr_plan_free(p);
}

/* A custom object folded into its deal stands for that deal. */
static void test_custom_parent(void **state)
{
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_outcome out = apply(p, record("note/on_custom"));

    (void)state;
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_int_equal(out.loads[0].ref_count, 1);
    assert_true(dr_str_eqz(out.loads[0].refs[0].field, "targetable:Deal"));
    assert_true(dr_str_eqz(out.loads[0].refs[0].lane, "link"));
    assert_true(dr_str_eqz(out.loads[0].refs[0].key, "co_shipment:s_1"));
    assert_int_equal(out.loads[0].refs[0].on_miss, DR_MISS_REJECT);
    dr_plan_free(p);
    p = plan_of(&plain, "\"fate\":\"fields\"", "\"fate\":\"notes\"");
    out = apply(p, record("note/on_custom"));
    assert_int_equal(out.state, DR_OUT_REJECTED);
    assert_true(dr_str_eqz(out.reject.class, "no_target"));
    dr_plan_free(p);
}

/* A type that is not there yet: asked for, refused, and no record goes. */
static void test_type_missing(void **state)
{
    struct dr_plan *p = plan_of(&plain, "\"value\":\"82\"", "\"value\":null");
    struct dr_outcome out = apply(p, record("call/plain"));
    struct dr_buf b;

    (void)state;
    assert_int_equal(out.state, DR_OUT_REJECTED);
    assert_true(dr_str_eqz(out.reject.rule, "call.type"));
    dr_buf_init(&b, (size_t)1 << 20);
    (void)dr_plan_check(p, &world.c, &b);
    assert_holds(dr_buf_view(&b),
                 "{\"code\":\"missing_activity_type\",\"object\":\"call\","
                 "\"field\":\"sales_activity_type_id\"");
    dr_buf_done(&b);
    dr_plan_free(p);
}

/* Of one time the smaller ids have room; told are the others, largest first. */
static void test_storage(void **state)
{
    struct dr_propose_opts o = {.storage_bytes = 7000};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_profile *profile = dr_profile_new();
    const struct dr_json *j;
    struct dr_err err = {0};
    struct dr_json_w w;
    struct dr_buf b;

    (void)state;
    for (int i = 0; i < 5000; i++) { /* more than are listed */
        struct dr_source rec = {.object = DR_STR_LIT("attachment"),
                                .op = DR_SRC_UPSERT};
        rec.id = dr_arena_printf(world.a, "f%d", (i * 7) % 5000);
        rec.body = dr_arena_printf(
            world.a, "{\"properties\":{\"file_name\":\"n\",\"size\":\"%d\"}}",
            (i * 7) % 5000 < 10 ? 1000 + (i * 7) % 5000 : 0);
        assert_int_equal(dr_profile_add(profile, &rec, &err), 0);
    }
    dr_buf_init(&b, (size_t)4 << 20);
    dr_json_w_init(&w, &b);
    dr_plan_files_json(profile, p, NULL, &w);
    j = dr_json_parse(world.a, dr_buf_view(&b), NULL, &err);
    assert_non_null(j);
    assert_int_equal(dr_json_get_i64(j, "files", 0), 5000);
    assert_int_equal(dr_json_get_i64(j, "bytes", 0), 10045);
    assert_int_equal(dr_json_get_i64(j, "storage_over", 0), 3045);
    j = dr_json_get(j, "items");
    assert_int_equal(j->count, 4); /* behind 1000 + 1001 + … + 1005 */
    assert_true(dr_str_eqz(dr_json_get_str(dr_json_at(j, 0), "id"), "f9"));
    assert_true(dr_str_eqz(dr_json_get_str(dr_json_at(j, 3), "id"), "f6"));
    assert_true(
        dr_str_eqz(dr_json_get_str(dr_json_at(j, 3), "class"), "storage"));
    dr_buf_done(&b);
    dr_profile_free(profile);
    dr_plan_free(p);
}

/* A body of five megabytes is cut, and its length is told. */
static void test_huge(void **state)
{
    static const char head[] = "{\"owner_id\":\"o_1\",\"properties\":{"
                               "\"subject\":\"s\",\"sent_at\":"
                               "\"2020-01-01T00:00:00Z\",\"body\":\"<p>";
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_source rec = *record("email/html");
    struct dr_outcome out;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, (size_t)8 << 20);
    dr_buf_z(&b, head);
    while (b.n < (size_t)5 << 20) {
        dr_buf_z(&b, "words and <b>words</b> &amp; ");
    }
    dr_buf_z(&b, "\"}}");
    rec.body = dr_buf_view(&b);
    out = apply(p, &rec);
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_int_equal(dr_utf8_count(field(&out, "notes")) > 9900, 1);
    assert_true(dr_utf8_count(field(&out, "notes")) <= 10000);
    assert_int_equal(notes_on(&out, "body"), 2); /* reduced, and cut */
    for (size_t i = 0; i < out.note_count; i++) {
        if (dr_str_starts(out.notes[i].cause, DR_STR_LIT("cut to"))) {
            assert_holds(out.notes[i].cause, "the whole has 3");
        }
    }
    dr_buf_done(&b);
    dr_plan_free(p);
}

/* By plan the whole of it stands in a note on the same record. */
static void test_long_notes(void **state)
{
    struct dr_propose_opts o = {.long_notes = true};
    struct dr_plan *p = plan_of(&o, NULL, NULL);
    struct dr_outcome out = apply(p, record("email/long"));
    const struct dr_load *l = &out.loads[1];
    struct dr_str lanes[4], text;

    (void)state;
    assert_int_equal(out.load_count, 2);
    assert_true(dr_utf8_count(field(&out, "notes")) <= 10000);
    assert_true(dr_str_eqz(l->lane, "note") && dr_str_eqz(l->type, "notes"));
    assert_true(dr_str_eqz(l->key, "email:e_3"));
    assert_int_equal(l->field_count, 1);
    text = l->fields[0].value;
    assert_int_equal(dr_utf8_count(text) > 12000, 1);
    assert_holds(text, "The whole text of this email (FastTrack)");
    assert_holds(text, "FastTrack email e_3 [");
    assert_false(dr_str_eq(l->marker, out.loads[0].marker));
    assert_int_equal(l->ref_count, 1);
    assert_true(dr_str_eqz(l->refs[0].key, "contact:c_1"));
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("email"), lanes), 2);
    assert_true(dr_str_eqz(lanes[1], "note"));
    out = apply(p, record("email/plain"));
    assert_int_equal(out.load_count, 1);
    out = apply(p, record("task/long_body"));
    assert_int_equal(out.load_count, 2);
    dr_plan_free(p);
    p = plan_of(&plain, NULL, NULL);
    out = apply(p, record("email/long"));
    assert_int_equal(out.load_count, 1);
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("email"), lanes), 1);
    dr_plan_free(p);
}

/* Word for word: what Freshsales cannot hold as it is, and what was made of a
 * file's name. */
static void test_conversions_are_told(void **state)
{
    struct dr_plan *p = plan_of(&plain, NULL, NULL);
    struct dr_source rec = *record("task/plain");
    struct dr_outcome out;
    size_t at = dr_str_find(rec.body, DR_STR_LIT("\"status\":"));

    (void)state;
    assert_true(at < rec.body.n);
    out = apply(p, &rec);
    assert_int_equal(notes_on(&out, "status"), 0);
    rec.body = dr_arena_printf(world.a, "%.*s\"status\":\"deferred\",\"x%.*s",
                               (int)at, rec.body.p, (int)(rec.body.n - at - 1),
                               rec.body.p + at + 1);
    out = apply(p, &rec);
    assert_int_equal(notes_on(&out, "status"), 1);
    assert_field(&out, "status", "0");
    out = apply(p, record("task/done"));
    assert_int_equal(notes_on(&out, "task_type"), 1);
    assert_int_equal(notes_on(&out, "status"), 0);
    out = apply(p, record("meeting/plain"));
    assert_int_equal(notes_on(&out, "outcome"), 1);
    out = apply(p, record("attachment/name"));
    assert_true(dr_str_eqz(out.notes[0].field, "file_name"));
    assert_true(dr_str_starts(out.notes[0].source, DR_STR_LIT("..\\x")));
    assert_true(dr_str_starts(out.notes[0].target, DR_STR_LIT(".._x")));
    dr_plan_free(p);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_logs),
        cmocka_unit_test(test_call_logs_of_other_words),
        cmocka_unit_test(test_html_kept),
        cmocka_unit_test(test_html_safe),
        cmocka_unit_test(test_html_cut),
        cmocka_unit_test(test_trimmed),
        cmocka_unit_test(test_lines_in_words),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_blob_states),
        cmocka_unit_test(test_start_by_end),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_custom_parent),
        cmocka_unit_test(test_type_missing),
        cmocka_unit_test(test_storage),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_long_notes),
        cmocka_unit_test(test_conversions_are_told)};

    return cmocka_run_group_tests(tests, open_world, close_world);
}
