/*
 * Applying a plan: limits at their edges, the same bytes for the same record,
 * and that whatever comes in, what goes out can be packed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "golden_test.h"

static const struct dr_apply_opts opts = {
    .migration = {"t", 1}, .generation = 1, .pass = 1};

/* ---- one value through one rule ---- */

static struct dr_plan *plan_with(const char *rule, const char *more)
{
    struct dr_err err = {0};
    struct dr_buf b;
    struct dr_plan *p;

    dr_buf_init(&b, 65536);
    dr_buf_printf(
        &b,
        "{\"format\":\"drover-plan/1\",\"scope\":[\"company\"],\"objects\":[{"
        "\"object\":\"company\",\"target_type\":\"sales_accounts\",\"lane\":"
        "\"account\",\"fields\":[{\"rule\":\"company.x\",\"source\":\"x\","
        "\"target\":\"cf_x\",%s}]}],\"owners\":{\"map\":{\"o\":\"5\"}}%s}",
        rule, more);
    p = dr_plan_parse(dr_buf_view(&b), &err);
    if (!p) {
        fail_msg("%s", err.text);
    }
    dr_buf_done(&b);
    return p;
}

static struct dr_plan *plan_of(const char *rule)
{
    return plan_with(rule, "");
}

/* The value of cf_x, "null", or "!" and the class of the refusal. */
static struct dr_str one_value(struct dr_arena *a, const struct dr_plan *p,
                               const char *json, size_t *notes)
{
    struct dr_str body = dr_arena_printf(
        a, "{\"owner_id\":\"o\",\"properties\":{\"name\":\"N\",\"x\":%s}}",
        json);
    struct dr_source s = {.object = DR_STR_LIT("company"),
                          .id = DR_STR_LIT("c"),
                          .op = DR_SRC_UPSERT,
                          .origin = DR_ORIGIN_SNAPSHOT,
                          .body = body};
    struct dr_outcome out;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
    *notes = out.note_count;
    if (out.state == DR_OUT_REJECTED) {
        assert_true(out.reject.reason.n > 0 && out.reject.cure.n > 0);
        return dr_arena_printf(a, "!" DR_STR_FMT, DR_STR_ARG(out.reject.class));
    }
    assert_int_equal(out.state, DR_OUT_LOAD);
    for (size_t i = 0; i < out.loads[0].field_count; i++) {
        const struct dr_field *f = &out.loads[0].fields[i];
        if (dr_str_eqz(f->name, "cf_x")) {
            return f->kind == DR_VAL_NULL ? DR_STR_LIT("null") : f->value;
        }
    }
    return DR_STR_LIT("absent");
}

struct row {
    const char *json, *want;
    size_t notes;
};

static void run_rows(const char *rule, const struct row *rows, size_t n)
{
    struct dr_plan *p = plan_of(rule);
    struct dr_arena *a = dr_arena_new((size_t)16 << 20);

    for (size_t i = 0; i < n; i++) {
        size_t notes;
        struct dr_str got = one_value(a, p, rows[i].json, &notes);
        if (!dr_str_eqz(got, rows[i].want) ||
            (rows[i].want[0] != '!' && notes != rows[i].notes)) {
            print_error("%s of %.60s: \"" DR_STR_FMT "\" with %zu notes, "
                        "not \"%s\" with %zu\n",
                        rule, rows[i].json, DR_STR_ARG(got), notes,
                        rows[i].want, rows[i].notes);
            fail();
        }
    }
    dr_arena_free(a);
    dr_plan_free(p);
}

/* What an end date cut off is told by that, not as out of scope. */
static void test_behind_the_end_date(void **state)
{
    struct dr_plan *p = plan_of("\"transform\":\"number\"");
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_source s = {.object = DR_STR_LIT("company"),
                          .id = DR_STR_LIT("1"),
                          .rev = 1,
                          .op = DR_SRC_INDEX};
    struct dr_outcome out;
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_EXCLUDED);
    assert_true(dr_str_eqz(out.rule, "source.until"));
    dr_arena_free(a);
    dr_plan_free(p);
}

struct called {
    const char *id, *source, *name, *other;
    size_t notes;
};

static void is_called(const struct dr_plan *p, const struct called *c,
                      enum dr_origin origin, struct dr_arena *a)
{
    struct dr_source s = {
        .object = DR_STR_LIT("company"),
        .id = dr_str_z(c->id),
        .op = DR_SRC_UPSERT,
        .origin = origin,
        .body = dr_arena_printf(
            a, "{\"owner_id\":\"o\",\"properties\":{\"name\":\"%s\"}}",
            c->source)};
    struct dr_outcome out;
    struct dr_err err = {0};
    const struct dr_load *l;

    assert_int_equal(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_LOAD);
    l = &out.loads[0];
    assert_true(dr_str_eqz(l->ident, c->name));
    assert_true(dr_str_eqz(l->other_name, c->other));
    assert_int_equal(out.note_count, c->notes);
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, "name")) {
            assert_true(dr_str_eqz(l->fields[i].value, c->name));
        }
    }
    /* Never found by a name that somebody else may have. */
    assert_int_equal(l->how, origin == DR_ORIGIN_SNAPSHOT ? DR_HOW_TWO_STEP
                                                          : DR_HOW_SINGLE);
    assert_true(origin != DR_ORIGIN_SNAPSHOT ||
                dr_str_find(l->working_name, l->marker) != SIZE_MAX);
}

/* What a company is called, and what it is where that is another one's. */
static void test_names_of_companies(void **state)
{
    static const struct called rows[] = {
        {"1", "Acme", "Acme", "Acme (1)", 0},
        {"2", "Acme", "Acme (2)", "Acme (2 2)", 1}, /* by the plan */
        {"2", "Beta", "Beta", "Beta (2)", 0},       /* renamed since */
        {"3", "Acme", "Acme (3 2)", "Acme (3 3)", 1},
        {"3", "Beta", "Beta", "Beta (3)", 0},
        {"4", "Acme", "Acme Berlin", "Acme (4)", 1}, /* people chose it */
        {"4", "Beta", "Acme Berlin", "Beta (4)", 1},
    };
    struct dr_plan *p = plan_with(
        "\"transform\":\"number\"",
        ",\"names\":{\"company\":{\"2\":\"Acme (2)\",\"3\":\"Acme (3 2)\","
        "\"4\":\"Acme Berlin\"}}");
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        is_called(p, &rows[i], DR_ORIGIN_SNAPSHOT, a);
        is_called(p, &rows[i], DR_ORIGIN_TAIL, a);
    }
    dr_arena_free(a);
    dr_plan_free(p);
}

static void test_numbers(void **state)
{
    static const struct row numbers[] = {
        {"\"12345678901.1234\"", "12345678901.1234", 0},
        {"\"-99999999999\"", "-99999999999", 0},
        {"\"123456789012\"", "!bad_value", 0},
        {"\"0.12345\"", "!bad_value", 0},
        {"\"0.10000\"", "0.1", 0},
        {"1.50", "1.5", 0},
        {"\"-0\"", "0", 0},
        {"\"\"", "null", 1},
        {"null", "null", 0},
        {"\"1e3\"", "!bad_value", 0},
        {"1e3", "!bad_value", 0},
        {"\"1.234,56\"", "!bad_value", 0},
        {"\"(1,200.00)\"", "!bad_value", 0},
        {"\"NaN\"", "!bad_value", 0},
        {"\" 5\"", "!bad_value", 0},
        {"\"9223372036854775808\"", "!bad_value", 0},
        {"[1]", "!bad_value", 0},
    };
    static const struct row money[] = {
        {"\"123456789012345678901234.123456\"",
         "123456789012345678901234.123456", 0},
        {"\"0.1000000000000000055\"", "0.1000000000000000055", 0},
    };
    static const struct row percents[] = {
        {"\"0\"", "0", 0},
        {"\"100\"", "100", 0},
        {"\"99.5\"", "100", 1},
        {"\"0.4\"", "0", 1},
        {"\"100.1\"", "!bad_value", 0},
        {"\"-1\"", "!bad_value", 0},
    };

    (void)state;
    run_rows("\"transform\":\"number\"", numbers, DR_ARRAY_LEN(numbers));
    run_rows("\"transform\":\"money\"", money, DR_ARRAY_LEN(money));
    run_rows("\"transform\":\"percent\"", percents, DR_ARRAY_LEN(percents));
}

static void test_times(void **state)
{
    static const struct row dates[] = {
        {"\"2024-02-29\"", "2024-02-29", 0},
        {"\"2023-02-29\"", "!bad_value", 0},
        {"\"1900-01-01\"", "1900-01-01", 0},
        {"\"1899-12-31\"", "!bad_value", 0},
        {"\"2100-12-31\"", "2100-12-31", 0},
        {"\"2101-01-01\"", "!bad_value", 0},
        {"\"12/11/2024\"", "!bad_value", 0},
        {"\"\"", "null", 1},
    };
    static const struct row times[] = {
        {"\"2024-06-01T12:00:00+14:00\"", "2024-05-31T22:00:00Z", 0},
        {"\"2024-06-01T12:00:00\"", "2024-06-01T12:00:00Z", 1},
        {"\"2016-12-31T23:59:60Z\"", "2016-12-31T23:59:59Z", 1},
        {"\"2024-06-01T24:00:00Z\"", "2024-06-02T00:00:00Z", 1},
        {"\"2024-06-01T12:00:00.250Z\"", "2024-06-01T12:00:00Z", 1},
        {"\"1969-12-31T23:59:59.999Z\"", "1969-12-31T23:59:59Z", 1},
        {"\"1717243200\"", "!bad_value", 0},
        {"\"0001-01-01T00:00:00Z\"", "!bad_value", 0},
        {"\"9999-12-31T23:59:59Z\"", "!bad_value", 0},
    };

    (void)state;
    run_rows("\"transform\":\"date\"", dates, DR_ARRAY_LEN(dates));
    run_rows("\"transform\":\"datetime\"", times, DR_ARRAY_LEN(times));
}

static void test_words(void **state)
{
    static const struct row bools[] = {
        {"true", "true", 0},
        {"false", "false", 0},
        {"\"Yes\"", "true", 1},
        {"\"NO\"", "false", 1},
        {"\"1\"", "true", 1},
        {"0", "false", 1},
        {"\"\"", "null", 1},
        {"null", "null", 0},
        {"\"maybe\"", "!bad_value", 0},
    };
    static const struct row options[] = {
        {"\"a\"", "Alpha", 0},
        {"\"z\"", "z", 0},
        {"\"\"", "null", 1},
        {"\"a\\u0000\"", "!bad_text", 0},
    };
    static const struct row ids[] = {
        {"\"a\"", "12", 0},
        {"\"none\"", "null", 1},
        {"\"later\"", "!bad_value", 0},
        {"\"new\"", "!bad_value", 0},
    };
    static const struct row several[] = {
        {"[\"a\",\"b\"]", "Alpha;b", 0},
        {"[\"a\",\"a\"]", "Alpha", 1},
        {"[]", "", 0},
        {"\"a\"", "Alpha", 0},
        {"[\"x;y\"]", "!bad_value", 0},
    };
    static const struct row joined[] = {
        {"[\"a;b\",\"c\"]", "a;b; c", 0},
        {"[\"c\",\"c\"]", "c; c", 0},
    };

    (void)state;
    run_rows("\"transform\":\"bool\"", bools, DR_ARRAY_LEN(bools));
    run_rows("\"transform\":\"optmap\",\"values\":{\"a\":\"Alpha\"}", options,
             DR_ARRAY_LEN(options));
    run_rows("\"transform\":\"id\",\"values\":{\"a\":\"12\",\"none\":\"\","
             "\"later\":null}",
             ids, DR_ARRAY_LEN(ids));
    run_rows("\"transform\":\"multi\",\"values\":{\"a\":\"Alpha\"}", several,
             DR_ARRAY_LEN(several));
    run_rows("\"transform\":\"join\"", joined, DR_ARRAY_LEN(joined));
}

static void test_texts(void **state)
{
    static const struct row rows[] = {
        {"\"\"", "", 0},
        {"\"abcd\"", "abcd", 0},
        {"\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"",
         "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 1},
        {"\"a\\u0000\"", "!bad_text", 0},
        {"12.50", "12.5", 1},
        {"{\"a\": 1}", "{\"a\"", 2},
    };
    static const struct row uncut[] = {
        {"12.50", "12.50", 0},
    };

    (void)state;
    run_rows("\"transform\":\"copy\",\"max\":4", rows, DR_ARRAY_LEN(rows));
    run_rows("\"transform\":\"copy\",\"max\":255", uncut, DR_ARRAY_LEN(uncut));
}

/* What is of another kind than a text lands as its JSON, and that is told;
 * numbers have the same letters there. */
static void test_kinds(void **state)
{
    static const struct row copy[] = {
        {"12", "12", 0},
        {"null", "null", 0},
        {"true", "true", 1},
        {"{}", "{}", 1},
        {"[]", "[]", 1},
        {"[\"a\"]", "[\"a\"]", 1},
        {"{\"a\":1}", "{\"a\":1}", 1},
    };
    static const struct row option[] = {
        {"\"a\"", "A", 0},
        {"true", "Yes", 0},
        {"[1]", "[1]", 1},
        {"false", "false", 1},
    };
    static const struct row join[] = {
        {"[\"a\",2]", "a; 2", 0}, {"[\"a\",[2]]", "a; [2]", 1},
        {"[{},{}]", "{}; {}", 1}, {"{\"a\":1}", "{\"a\":1}", 1},
        {"[true]", "true", 1},
    };
    static const struct row tags[] = {
        {"[\"a\"]", "[\"a\"]", 0},
        {"[{}]", "[\"{}\"]", 1},
        {"true", "[\"true\"]", 1},
    };

    (void)state;
    run_rows("\"transform\":\"copy\"", copy, DR_ARRAY_LEN(copy));
    run_rows(
        "\"transform\":\"optmap\",\"values\":{\"a\":\"A\",\"true\":\"Yes\"}",
        option, DR_ARRAY_LEN(option));
    run_rows("\"transform\":\"join\"", join, DR_ARRAY_LEN(join));
    run_rows("\"transform\":\"tags\"", tags, DR_ARRAY_LEN(tags));
}

/* What is told of a value that was cut names the limit that it met. */
static void test_limits_are_named(void **state)
{
    static const struct {
        const char *max, *says;
    } rows[] = {
        {"50", "cut to 50 characters, the limit of the field"},
        {"255", "cut to 255 characters, the limit of the field"},
        {"2000", "cut to 2,000 characters, the limit of the field"},
        {"10000", "cut to 10,000 characters, the limit of the field"},
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    char *x = dr_arena_calloc(a, 1, 10002);
    struct dr_source s = {.object = DR_STR_LIT("company"),
                          .id = DR_STR_LIT("c"),
                          .op = DR_SRC_UPSERT};

    (void)state;
    assert_non_null(x);
    memset(x, 'x', 10001);
    s.body = dr_arena_printf(
        a, "{\"owner_id\":\"o\",\"properties\":{\"name\":\"N\",\"x\":\"%s\"}}",
        x);
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_plan *p =
            plan_of(dr_arena_printf(a, "\"transform\":\"copy\",\"max\":%s%c",
                                    rows[i].max, '\0')
                        .p);
        struct dr_outcome out;
        struct dr_err err = {0};
        assert_int_equal(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
        assert_int_equal(out.note_count, 1);
        if (!dr_str_eqz(out.notes[0].cause, rows[i].says)) {
            fail_msg("\"" DR_STR_FMT "\", not \"%s\"",
                     DR_STR_ARG(out.notes[0].cause), rows[i].says);
        }
        dr_plan_free(p);
    }
}

/* ---- the record as a whole ---- */

static void test_same_bytes(void **state)
{
    struct world w;
    struct dr_plan *p;

    (void)state;
    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n; i++) {
        struct dr_arena *a = dr_arena_new((size_t)16 << 20);
        struct dr_source later = w.v[i].source;
        struct dr_apply_opts next = opts;
        struct dr_outcome one, two;
        struct dr_err err = {0};
        later.rev += 1000;
        next.pass = 9;
        assert_int_equal(dr_plan_apply(p, &w.v[i].source, &opts, a, &one, &err),
                         0);
        assert_int_equal(dr_plan_apply(p, &later, &next, a, &two, &err), 0);
        assert_int_equal(one.load_count, two.load_count);
        for (size_t k = 0; k < one.load_count; k++) {
            /* neither the pass nor the revision is sent */
            assert_true(dr_str_eq(one.loads[k].content_hash,
                                  two.loads[k].content_hash));
            assert_true(dr_str_eq(one.loads[k].marker, two.loads[k].marker));
            assert_int_equal(two.loads[k].pass, 9);
            assert_int_equal(two.loads[k].rev, one.loads[k].rev + 1000);
        }
        dr_arena_free(a);
    }
    dr_plan_free(p);
    world_close(&w);
}

static void pack(const struct dr_env *env, const char *what)
{
    struct dr_err err = {0};
    struct dr_buf b;

    dr_buf_init(&b, DR_WIRE_MAX);
    if (dr_wire_pack(env, &b, &err)) {
        fail_msg("%s cannot be packed: %s", what, err.text);
    }
    dr_buf_done(&b);
}

static void pack_all(const struct dr_outcome *o, const char *what)
{
    struct dr_env env = {.service = DR_STR_LIT("test")};

    for (size_t i = 0; i < o->load_count; i++) {
        env.kind = DR_MSG_LOAD;
        env.u.load = o->loads[i];
        pack(&env, what);
    }
    env.kind = DR_MSG_REJECTED;
    if (o->state == DR_OUT_REJECTED || o->state == DR_OUT_PARKED) {
        env.u.rejected = o->reject;
        pack(&env, what);
    }
    for (size_t i = 0; i < o->part_reject_count; i++) {
        env.u.rejected = o->part_rejects[i];
        pack(&env, what);
    }
    for (size_t i = 0; i < o->note_count; i++) {
        assert_true(dr_utf8_count(o->notes[i].source) <= 200);
        assert_true(dr_utf8_count(o->notes[i].target) <= 200);
        assert_true(strlen(o->notes[i].cause.p) == o->notes[i].cause.n);
    }
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

/* Bytes changed, and now and then an escaped NUL put into a text. */
static struct dr_str mutate(struct dr_arena *a, struct dr_str in,
                            unsigned *seed)
{
    static const char some[] = "\"\\{}[]:,0e-n \xc3\x01";
    static const char *const words[] = {"\\u0000", "null", "\"\"", "1e400",
                                        "[[[[]]]]"};
    char *p = dr_arena_alloc(a, in.n + 16);
    size_t n = in.n;

    memcpy(p, in.p, n);
    for (unsigned k = next(seed) % 3; k > 0 && n > 0; k--) {
        p[next(seed) % n] = some[next(seed) % (sizeof(some) - 1)];
    }
    if (n > 0 && next(seed) % 2) {
        const char *word = words[next(seed) % DR_ARRAY_LEN(words)];
        size_t at = next(seed) % n, len = strlen(word);
        memmove(p + at + len, p + at, n - at);
        memcpy(p + at, word, len);
        n += len;
    }
    return (struct dr_str){p, n};
}

/* Plans of other accounts: a module, notes, leads. */
#define PLANS 4
static struct dr_plan *plan_at(const struct world *w, size_t i)
{
    static const char *const accounts[PLANS] = {
        NULL, "{\"edition\":\"suite\",\"plan\":\"enterprise\"}",
        "{\"edition\":\"suite\",\"plan\":\"free\"}",
        "{\"edition\":\"classic\",\"plan\":\"forest\"}"};
    struct dr_catalogs c = w->c;
    struct dr_err err = {0};
    struct dr_proposal p;
    struct dr_plan *plan;

    if (accounts[i]) {
        c.dst_account = dr_json_parse(w->a, dr_str_z(accounts[i]), NULL, &err);
    }
    world_propose(w, &c, 0, 1, &p);
    plan = dr_plan_parse(dr_buf_view(&p.plan), &err);
    assert_non_null(plan);
    dr_proposal_done(&p);
    return plan;
}

static void test_hostile(void **state)
{
    struct world w;
    struct dr_plan *plans[PLANS];
    unsigned seed = 11;

    (void)state;
    world_open(&w);
    for (size_t i = 0; i < PLANS; i++) {
        plans[i] = plan_at(&w, i);
    }
    for (unsigned i = 0; i < 40000; i++) {
        const struct golden *g = &w.v[next(&seed) % w.n];
        struct dr_arena *a = dr_arena_new((size_t)4 << 20);
        struct dr_source s = g->source;
        struct dr_part *parts =
            dr_arena_calloc(a, s.part_count + 1, sizeof(*parts));
        struct dr_outcome out;
        struct dr_err err = {0};
        s.body = mutate(a, s.body, &seed);
        for (size_t k = 0; k < s.part_count; k++) {
            parts[k] = s.parts[k];
            parts[k].body = mutate(a, parts[k].body, &seed);
        }
        s.parts = parts;
        if (dr_plan_apply(plans[i % PLANS], &s, &opts, a, &out, &err) == 0) {
            pack_all(&out, g->path);
        }
        dr_arena_free(a);
    }
    for (size_t i = 0; i < PLANS; i++) {
        dr_plan_free(plans[i]);
    }
    world_close(&w);
}

static void assert_same(const struct dr_plan *p, const struct golden *g,
                        const struct dr_outcome *out)
{
    struct dr_arena *a = dr_arena_new((size_t)16 << 20);
    struct dr_outcome full;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(p, &g->source, &opts, a, &full, &err), 0);
    assert_int_equal(out->load_count, full.load_count);
    for (size_t i = 0; i < full.load_count; i++) {
        assert_true(
            dr_str_eq(out->loads[i].content_hash, full.loads[i].content_hash));
        assert_int_equal(out->loads[i].how, full.loads[i].how);
    }
    dr_arena_free(a);
}

/* A record larger than its budget is an error of that record alone, and is
 * never made in part. */
static void one_budget(const struct world *w, const struct dr_plan *p,
                       size_t max)
{
    for (size_t i = 0; i < w->n; i++) {
        struct dr_arena *a = dr_arena_new(max);
        struct dr_outcome out;
        struct dr_err err = {0};
        if (dr_plan_apply(p, &w->v[i].source, &opts, a, &out, &err)) {
            assert_int_equal(err.verdict, DR_REJECT);
        } else if (out.state == DR_OUT_LOAD) {
            assert_same(p, &w->v[i], &out);
        }
        dr_arena_free(a);
    }
}

static void test_budget(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    for (size_t k = 0; k < PLANS; k++) {
        struct dr_plan *p = plan_at(&w, k);
        for (size_t max = 256; max < 65536; max += 2039) {
            one_budget(&w, p, max + k * 509);
        }
        dr_plan_free(p);
    }
    world_close(&w);
}

static struct dr_str text_field(const struct dr_load *l, const char *name)
{
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, name)) {
            return l->fields[i].value;
        }
    }
    fail_msg("no %s", name);
    return (struct dr_str){"", 0};
}

/* Every id is one that a company may have, but for that of Drover's own. */
static void test_own_id(void **state)
{
    static const char *const ids[] = {"unassigned", "_drover:unassigned",
                                      "_drover"};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct dr_plan *p = plan_of("\"transform\":\"copy\"");
    struct dr_load own;

    (void)state;
    assert_true(dr_plan_orphan(p, &opts, a, &own));
    assert_true(dr_str_eqz(own.key, DR_ORPHAN_KEY));
    assert_true(text_field(&own, "cf_source_id").n > DR_SOURCE_ID_MAX);
    for (size_t i = 0; i < DR_ARRAY_LEN(ids); i++) {
        struct dr_source s = {
            .object = DR_STR_LIT("company"),
            .id = dr_str_z(ids[i]),
            .op = DR_SRC_UPSERT,
            .body = DR_STR_LIT("{\"owner_id\":\"o\",\"properties\":{"
                               "\"name\":\"N\"}}")};
        struct dr_outcome out;
        struct dr_err err = {0};
        assert_return_code(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
        assert_int_equal(out.state, DR_OUT_LOAD);
        assert_true(
            dr_str_eqz(text_field(&out.loads[0], "cf_source_id"), ids[i]));
        assert_false(dr_str_eq(out.loads[0].key, own.key));
        assert_false(dr_str_eq(out.loads[0].marker, own.marker));
    }
    dr_plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behind_the_end_date),
        cmocka_unit_test(test_names_of_companies),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_limits_are_named),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_own_id),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
