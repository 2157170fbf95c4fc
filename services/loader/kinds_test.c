/* The kinds that go one a call: their bodies, and how they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "body.h"
#include "catalog.h"
#include "loader.h"
#include "multipart.h"
#include "refs.h"
#include "route.h"
#include "rows.h"
#include "types.h"

#define MARKER "0123456789abcdef0123456789abcdef"

static struct dr_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = dr_arena_new((size_t)8 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dr_arena_free(arena);
    return 0;
}

static const struct dr_json *json(const char *text)
{
    const struct dr_json *j = dr_json_parse(arena, dr_str_z(text), NULL, NULL);

    assert_non_null(j);
    return j;
}

static const struct type *kind(const char *name)
{
    const struct type *t = type_of(dr_str_z(name));

    assert_non_null(t);
    return t;
}

static struct dr_field text_field(const char *name, const char *value)
{
    return (struct dr_field){
        .name = dr_str_z(name), .kind = DR_VAL_TEXT, .value = dr_str_z(value)};
}

/* One record with one reference, written. */
static void written(const char *type, const struct dr_load *load, bool lead,
                    const char *want)
{
    uint64_t ids[2] = {7, 8};
    bool leads[2] = {lead, lead};
    struct links l = {.ref = ids, .lead = leads};
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    body_single(kind(type), load, &l, NULL, &b);
    assert_string_equal(b.p, want);
    dr_buf_done(&b);
}

/* A file on a contact, which has been merged into another one. */
static void a_file_is_left_by_a_merge(void **state)
{
    const struct dr_ref refs2[2] = {
        {.field = DR_STR_LIT("targetable:Contact"),
         .rule = DR_STR_LIT("attachment.target"),
         .lane = DR_STR_LIT("contact"),
         .key = DR_STR_LIT("contact:2"),
         .on_miss = DR_MISS_DROP},
        {.field = DR_STR_LIT("targetable:Contact"),
         .rule = DR_STR_LIT("attachment.target.merged"),
         .lane = DR_STR_LIT("contact"),
         .key = DR_STR_LIT("contact:1"),
         .on_miss = DR_MISS_DROP}};
    struct dr_load load = {.refs = refs2, .ref_count = 2};
    struct dr_fact f[3] = {{.state = DR_FACT_DONE, .dst = 8},
                           {.state = DR_FACT_DELETED, .dst = 7},
                           {.state = DR_FACT_NONE}};
    struct refs_case c = {.load = &load, .facts = f};
    enum refs_verdict v;
    const struct dr_ref *which;
    struct links l;

    (void)state;
    assert_int_equal(refs_resolve(&c, arena, &l, &v, &which), 0);
    assert_true(refs_left_by_merge(&c, &l, DR_STR_LIT("/contacts/7")));
    assert_false(refs_left_by_merge(&c, &l, DR_STR_LIT("/contacts/8")));
    assert_false(refs_left_by_merge(&c, &l, DR_STR_LIT("/deals/7")));
    assert_false(refs_left_by_merge(&c, &l, DR_STR_LIT("")));
    f[0].state = DR_FACT_NONE; /* what is left is not there: it stays */
    f[0].dst = 0;
    f[1].state = DR_FACT_DONE;
    assert_int_equal(refs_resolve(&c, arena, &l, &v, &which), 0);
    assert_false(refs_left_by_merge(&c, &l, DR_STR_LIT("/contacts/7")));
}

static void activities_hang_on_their_parent(void **state)
{
    struct dr_field f = text_field("notes", "n");
    struct dr_ref r = {.field = DR_STR_LIT("targetable:Contact")};
    struct dr_load load = {
        .fields = &f, .field_count = 1, .refs = &r, .ref_count = 1};

    (void)state;
    written("sales_activities", &load, false,
            "{\"sales_activity\":{\"notes\":\"n\",\"targetable_id\":7,"
            "\"targetable_type\":\"Contact\"}}");
    written("notes", &load, true,
            "{\"note\":{\"notes\":\"n\",\"targetable_id\":7,"
            "\"targetable_type\":\"Lead\"}}");
}

static void a_call_log_nests_its_note(void **state)
{
    struct dr_field f[2] = {{.name = DR_STR_LIT("call_direction"),
                             .kind = DR_VAL_BOOL,
                             .value = DR_STR_LIT("true")},
                            text_field("description", "hello")};
    struct dr_ref r = {.field = DR_STR_LIT("targetable:SalesAccount")};
    struct dr_load load = {
        .fields = f, .field_count = 2, .refs = &r, .ref_count = 1};

    (void)state;
    written("call_logs", &load, false,
            "{\"phone_call\":{\"call_direction\":true,\"note\":{"
            "\"description\":\"hello\"},\"targetable_type\":\"sales_account\","
            "\"targetable\":{\"id\":\"7\"}}}");
}

static void document_links_go_bare(void **state)
{
    struct dr_field f[2] = {text_field("url", "https://x.test/a"),
                            text_field("name", "a")};
    struct dr_ref r = {.field = DR_STR_LIT("targetable:Deal")};
    struct dr_load load = {
        .fields = f, .field_count = 2, .refs = &r, .ref_count = 1};

    (void)state;
    written("document_links", &load, false,
            "{\"url\":\"https://x.test/a\",\"name\":\"a\",\"targetable_id\":7,"
            "\"targetable_type\":\"Deal\"}");
}

static void modules_bear_their_own_names(void **state)
{
    const struct type *t = type_module(DR_STR_LIT("cm_shipment"));
    struct dr_field f[2] = {text_field("name", "S"),
                            text_field("cf_source_id", "12")};
    struct dr_ref r[2] = {{.field = DR_STR_LIT("deal_id")},
                          {.field = DR_STR_LIT("contact_ids")}};
    struct dr_load load = {.key = DR_STR_LIT("co_shipment:12"),
                           .fields = f,
                           .field_count = 2,
                           .refs = r,
                           .ref_count = 2};
    struct row_case c = {.type = t, .load = &load};

    (void)state;
    assert_non_null(t);
    assert_ptr_equal(type_module(DR_STR_LIT("cm_shipment")), t);
    assert_string_equal(t->path, "/custom_module/cm_shipment");
    assert_null(type_module(DR_STR_LIT("deals"))); /* a kind of its own */
    assert_null(type_module(DR_STR_LIT("../deals")));
    assert_null(type_module(DR_STR_LIT("")));
    written("cm_shipment", &load, false,
            "{\"cm_shipment\":{\"name\":\"S\",\"custom_field\":{"
            "\"cf_source_id\":\"12\"},\"deal_id\":7,\"contact_ids\":[8]}}");
    assert_int_equal(
        row_matches(&c,
                    json("{\"id\":1,\"custom_field\":{\"cf_source_id\":"
                         "\"12\"}}"),
                    arena),
        ROW_SAME);
    assert_int_equal(
        row_matches(&c,
                    json("{\"id\":1,\"custom_field\":{\"cf_source_id\":"
                         "\"1\"}}"),
                    arena),
        ROW_OTHER);
}

static void there_is_an_end_to_modules(void **state)
{
    char name[] = "cm_aa";
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        name[3] = (char)('a' + i / 26);
        name[4] = (char)('a' + i % 26);
        n += type_module(dr_str_z(name)) != NULL;
    }
    assert_in_range(n, 10, TYPES_MAX);
    assert_int_equal(type_count, TYPES_MAX);
}

static void what_is_not_ours_to_write_stays(void **state)
{
    struct dr_field f = text_field("cf_a", "new");
    struct dr_load load = {.fields = &f, .field_count = 1};
    struct links l = {.ref = NULL};
    struct body_opts o = {
        .custom = json("{\"cf_a\":\"old\",\"cf_b\":\"theirs\",\"cf_c\":null,"
                       "\"cf_d\":1.50}")};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_single(kind("deals"), &load, &l, &o, &b);
    assert_string_equal(b.p, "{\"deal\":{\"custom_field\":{\"cf_a\":\"new\","
                             "\"cf_b\":\"theirs\",\"cf_d\":1.50}}}");
    dr_buf_reset(&b);
    load.field_count = 0;
    body_single(kind("deals"), &load, &l, &o, &b);
    assert_string_equal(b.p, "{\"deal\":{}}");
    dr_buf_done(&b);
}

static void each_kind_has_its_text(void **state)
{
    static const char *const kinds[] = {"tasks", "sales_activities",
                                        "appointments", "call_logs", "notes"};
    struct dr_load load = {.key = DR_STR_LIT("x:1"),
                           .marker = DR_STR_LIT(MARKER)};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        struct row_case c = {.type = kind(kinds[i]), .load = &load};
        struct dr_buf b;
        dr_buf_init(&b, 4096);
        dr_buf_printf(&b, "{\"id\":1,\"%s\":\"hi [%s]\"}", c.type->text,
                      MARKER);
        assert_int_equal(row_matches(&c, json(b.p), arena), ROW_SAME);
        dr_buf_reset(&b);
        dr_buf_printf(&b, "{\"id\":1,\"title\":\"hi [%s]\"}", MARKER);
        assert_int_equal(row_matches(&c, json(b.p), arena), ROW_OTHER);
        dr_buf_done(&b);
    }
}

static void a_call_log_is_read_with_its_note(void **state)
{
    static const char *const answers[] = {
        "{\"phone_calls\":[{\"id\":5,\"note_id\":9}],\"notes\":[{\"id\":8,"
        "\"description\":\"no\"},{\"id\":9,\"description\":\"yes\"}]}",
        "{\"phone_call\":{\"id\":5,\"note\":{\"description\":\"yes\"}}}",
        "{\"phone_call\":{\"id\":5,\"description\":\"yes\"}}"};
    const struct dr_json *r;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(answers); i++) {
        r = row_record(kind("call_logs"), json(answers[i]), arena);
        assert_int_equal(row_id(r), 5);
        assert_true(dr_str_eqz(dr_json_get_str(r, "description"), "yes"));
    }
    assert_null(
        row_record(kind("call_logs"), json("{\"phone_calls\":[]}"), arena));
    assert_null(row_record(kind("notes"), json("{\"note\":[]}"), arena));
}

static void a_file_is_told_by_name_and_size(void **state)
{
    struct dr_field f = text_field("file_name", "a.pdf");
    struct dr_load load = {.key = DR_STR_LIT("attachment:1"),
                           .fields = &f,
                           .field_count = 1,
                           .blob = {.state = DR_BLOB_STORED, .size = 12}};
    struct row_case c = {.type = kind("files"), .load = &load};

    (void)state;
    assert_int_equal(
        row_matches(&c,
                    json("{\"id\":1,\"content_file_name\":\"a.pdf\","
                         "\"content_file_size\":12}"),
                    arena),
        ROW_SAME);
    assert_int_equal(
        row_matches(&c,
                    json("{\"id\":1,\"content_file_name\":\"a.pdf\","
                         "\"content_file_size\":13}"),
                    arena),
        ROW_OTHER);
    assert_int_equal(
        row_matches(&c, json("{\"id\":1,\"content_file_size\":12}"), arena),
        ROW_OTHER);
}

/* ---- what the catalogue says of modules ---- */

static void modules_have_their_fields_and_views(void **state)
{
    char definition[] = "{\"id\":1,\"entity_name\":\"cm_shipment\","
                        "\"fields\":3}";
    char forms[] = "[{\"id\":\"2\",\"fields\":[{\"name\":\"g\","
                   "\"fields\":[{\"name\":\"name\"},{\"name\":"
                   "\"cf_a\"}]},{\"name\":\"cf_b\"}]}]";
    char views[] = "[{\"id\":7,\"name\":\"Mine\"},{\"id\":8,\"name\":"
                   "\"All Shipments\"}]";
    struct module_texts m[2] = {
        {.definition = definition, .forms = forms, .views = views},
        {.definition = definition}};
    char *texts[64] = {NULL};
    int64_t ids[TYPE_VIEWS];
    struct dr_buf b;

    (void)state;
    m[0].type = m[1].type = type_module(DR_STR_LIT("cm_shipment"));
    dr_buf_init(&b, 4096);
    catalog_modules_write(m, 2, &b);
    assert_string_equal(
        b.p, "[{\"id\":1,\"entity_name\":\"cm_shipment\",\"fields\":["
             "{\"name\":\"name\"},{\"name\":\"cf_a\"},{\"name\":"
             "\"cf_b\"}]},{\"id\":1,\"entity_name\":\"cm_shipment\","
             "\"fields\":[]}]");
    dr_buf_reset(&b);
    catalog_write(PART_VIEWS, texts, m, 1, 3, &b);
    assert_int_equal(catalog_views(m[0].type, json(b.p), ids), 1);
    assert_int_equal(ids[0], 8);
    dr_buf_reset(&b);
    catalog_write(PART_FIELDS, texts, m, 1, 3, &b);
    assert_string_equal(b.p, "{\"cm_shipment\":[{\"name\":\"name\"},{"
                             "\"name\":\"cf_a\"},{\"name\":\"cf_b\"}],"
                             "\"catalog_seq\":3}");
    dr_buf_done(&b);
}

/* ---- multipart ---- */

#define EDGE "00112233445566778899aabbccddeeff"

static void named(const char *name, const char *want)
{
    struct dr_field f = text_field("file_name", name);
    struct dr_load load = {.fields = &f, .field_count = 1};
    struct dr_buf b;

    dr_buf_init(&b, 1024);
    file_name(&load, true, &b);
    assert_string_equal(b.p, want);
    dr_buf_done(&b);
}

static void a_file_name_is_data(void **state)
{
    char longer[400];

    (void)state;
    named("Angebot (2).pdf", "Angebot (2).pdf");
    named("../../etc/passwd", ".._.._etc_passwd");
    named("C:\\x\\y.doc", "C:_x_y.doc");
    named("a\r\nX-Evil: 1\r\n\r\n.txt", "aX-Evil: 1.txt");
    named("\x01\x7f", "file");
    named("..", "file");
    named("", "file");
    named("\xd0\xb4\xd0\xb0.pdf", "\xd0\xb4\xd0\xb0.pdf");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[254] = '\xc3'; /* the last one has two bytes */
    longer[255] = '\xa4';
    longer[sizeof(longer) - 1] = '\0';
    {
        struct dr_field f = text_field("file_name", longer);
        struct dr_load load = {.fields = &f, .field_count = 1};
        struct dr_buf b;
        dr_buf_init(&b, 2048);
        file_name(&load, true, &b);
        assert_int_equal(b.n, 256);
        dr_buf_done(&b);
    }
}

static void a_media_type_is_one_or_none(void **state)
{
    static const struct {
        const char *have, *want;
    } cases[] = {{"application/pdf", "application/pdf"},
                 {"image/svg+xml", "image/svg+xml"},
                 {"text/html\r\nX: y", "application/octet-stream"},
                 {"pdf", "application/octet-stream"},
                 {"/", "application/octet-stream"}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_field f = text_field("content_type", cases[i].have);
        struct dr_load load = {.fields = &f, .field_count = 1};
        struct links l = {.ref = NULL};
        char want[128];
        struct dr_buf b;
        dr_buf_init(&b, 4096);
        multipart_head(&load, &l, EDGE, &b);
        (void)snprintf(want, sizeof(want), "\r\nContent-Type: %s\r\n\r\n",
                       cases[i].want);
        assert_true(dr_str_ends(dr_buf_view(&b), dr_str_z(want)));
        dr_buf_done(&b);
    }
}

static void a_name_ends_neither_quotes_nor_part(void **state)
{
    struct dr_field f = text_field(
        "file_name", "a\"; name=\"targetable_id\r\n--" EDGE "--.pdf");
    struct dr_ref r = {.field = DR_STR_LIT("targetable:Contact")};
    struct dr_load load = {
        .fields = &f, .field_count = 1, .refs = &r, .ref_count = 1};
    uint64_t ids[1] = {7};
    struct links l = {.ref = ids};
    struct dr_buf b, tail, type;

    (void)state;
    dr_buf_init(&b, 4096);
    dr_buf_init(&tail, 128);
    dr_buf_init(&type, 128);
    multipart_head(&load, &l, EDGE, &b);
    assert_string_equal(
        b.p, "--" EDGE "\r\nContent-Disposition: form-data; name=\"file_name\""
             "\r\n\r\na\"; name=\"targetable_id--" EDGE "--.pdf\r\n"
             "--" EDGE "\r\nContent-Disposition: form-data; name=\"is_shared\""
             "\r\n\r\nfalse\r\n"
             "--" EDGE "\r\nContent-Disposition: form-data; "
             "name=\"targetable_id\"\r\n\r\n7\r\n"
             "--" EDGE "\r\nContent-Disposition: form-data; "
             "name=\"targetable_type\"\r\n\r\nContact\r\n"
             "--" EDGE "\r\nContent-Disposition: form-data; name=\"file\"; "
             "filename=\"a%22; name=%22targetable_id--" EDGE "--.pdf\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n");
    multipart_tail(dr_buf_view(&b), &tail);
    assert_string_equal(tail.p, "\r\n--" EDGE "--\r\n");
    multipart_type(dr_buf_view(&b), &type);
    assert_string_equal(type.p, "multipart/form-data; boundary=" EDGE);
    dr_buf_done(&b);
    dr_buf_done(&tail);
    dr_buf_done(&type);
}

static void folds_read_what_they_change(void **state)
{
    struct dr_ref r[] = {{.field = DR_STR_LIT("@record")},
                         {.field = DR_STR_LIT("parent_sales_account_id")}};
    struct dr_load load = {.lane = DR_STR_LIT("link"),
                           .key = DR_STR_LIT("co_x:1"),
                           .rev = 1,
                           .op = DR_LOAD_PATCH,
                           .refs = r,
                           .ref_count = 1};
    struct dr_fact none = {.state = DR_FACT_NONE};
    struct route_case c = {.load = &load, .fact = &none, .self_dst = 44};
    struct route out;

    (void)state;
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_FOLD);
    assert_int_equal(out.dst, 44);
    assert_true(out.preimage);
    r[0].field = DR_STR_LIT("self");
    load.ref_count = 2;
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_BULK_ID);
}

/* What a fact says of the content before counts no more. */
static void an_open_attempt_is_covered_by_no_fact(void **state)
{
    uint8_t hash[32] = {7};
    struct dr_load load = {.lane = DR_STR_LIT("account"),
                           .rev = 1,
                           .pass = 3,
                           .how = DR_HOW_TWO_STEP,
                           .content_hash = {(const char *)hash, sizeof(hash)}};
    struct dr_fact fact = {.state = DR_FACT_DONE,
                           .dst = 9,
                           .rev = 1,
                           .pass = 1,
                           .origin = DR_DONE_MERGED};
    struct route_case c = {.load = &load, .fact = &fact};
    struct route out;

    (void)state;
    memcpy(fact.content_hash, hash, sizeof(hash));
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
    c.open = true;
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_UPDATE);
    assert_int_equal(out.dst, 9);
    assert_int_equal(out.origin, DR_DONE_MERGED);
}

/* Only such a record is superseded; an older one may come late. */
static void an_attempt_of_a_newer_record(void **state)
{
    static const struct dr_attempt of[] = {
        {.rev = 1, .pass = 2}, {.rev = 2, .pass = 2}, {.rev = 9, .pass = 1}};
    struct dr_attempt next = {.rev = 3, .pass = 2}, pass = {.pass = 3};
    struct item it = {.rev = 2, .pass = 2};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(of); i++) {
        assert_false(attempt_is_newer(&of[i], &it));
    }
    assert_true(attempt_is_newer(&next, &it));
    assert_true(attempt_is_newer(&pass, &it));
}

static void a_contact_goes_in_bulk_by_our_id(void **state)
{
    struct dr_load load = {.how = DR_HOW_BULK,
                           .key = DR_STR_LIT("contact:c:1"),
                           .ident = DR_STR_LIT("a@b.example")};
    struct links none = {0};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_bulk(&load, &none, 0, NULL, &b);
    assert_string_equal(b.p, "{\"external_id\":\"c:1\",\"data\":{}}");
    dr_buf_done(&b);
}

/* An answer to a write shows it otherwise than a read may. */
static void an_amount_is_told_alike(void **state)
{
    static const char *const alike[] = {
        "{\"amount\":\"6.50\"}", "{\"amount\":\"6.5\"}", "{\"amount\":6.500}"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(dr_str_eqz(row_amount(json(alike[i]), arena), "6.5"));
    }
    assert_int_equal(row_amount(json("{\"amount\":null}"), arena).n, 0);
    assert_true(dr_str_eqz(row_amount(json("{\"amount\":\"n\"}"), arena), "n"));
}

static void ids_that_differ_in_case_are_alike(void **state)
{
    static const char *const same[][2] = {
        {"CASE-1", "case-1"}, {"0034x00001AbCdE", "0034X00001aBcDe"},
        {" a ", "A"},         {"\u00c9-\u0414", "\u00e9-\u0434"},
        {"\u212a1", "k1"},    {"\uff21", "\uff41"}};
    static const char *const other[][2] = {{"a-1", "a-2"},
                                           {"a_1", "a-1"},
                                           {"1", "01"},
                                           {"\u5ba2\u4e00", "\u5ba2\u4e8c"}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(same); i++) {
        struct dr_buf a, b;
        dr_buf_init(&a, 4096);
        dr_buf_init(&b, 4096);
        id_folded(dr_str_z(same[i][0]), &a);
        id_folded(dr_str_z(same[i][1]), &b);
        assert_string_equal(a.p, b.p);
        if (i < DR_ARRAY_LEN(other)) {
            dr_buf_reset(&a);
            dr_buf_reset(&b);
            id_folded(dr_str_z(other[i][0]), &a);
            id_folded(dr_str_z(other[i][1]), &b);
            assert_string_not_equal(a.p, b.p);
        }
        dr_buf_done(&a);
        dr_buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_differ_in_case_are_alike),
        cmocka_unit_test(a_file_is_left_by_a_merge),
        cmocka_unit_test(an_open_attempt_is_covered_by_no_fact),
        cmocka_unit_test(an_attempt_of_a_newer_record),
        cmocka_unit_test(a_contact_goes_in_bulk_by_our_id),
        cmocka_unit_test(activities_hang_on_their_parent),
        cmocka_unit_test(a_call_log_nests_its_note),
        cmocka_unit_test(document_links_go_bare),
        cmocka_unit_test(modules_bear_their_own_names),
        cmocka_unit_test(what_is_not_ours_to_write_stays),
        cmocka_unit_test(each_kind_has_its_text),
        cmocka_unit_test(a_call_log_is_read_with_its_note),
        cmocka_unit_test(a_file_is_told_by_name_and_size),
        cmocka_unit_test(modules_have_their_fields_and_views),
        cmocka_unit_test(a_file_name_is_data),
        cmocka_unit_test(a_media_type_is_one_or_none),
        cmocka_unit_test(a_name_ends_neither_quotes_nor_part),
        cmocka_unit_test(an_amount_is_told_alike),
        cmocka_unit_test(folds_read_what_they_change),
        cmocka_unit_test(there_is_an_end_to_modules), /* fills the table */
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
