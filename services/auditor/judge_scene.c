#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge_scene.h"

static void hear_field(void *ctx, const struct judged_field *f)
{
    struct said *s = ctx;

    assert_true(s->field_n < MAX);
    s->fields[s->field_n++] = *f;
}

static void hear_row(void *ctx, const struct record_row *r)
{
    struct said *s = ctx;

    assert_true(s->row_n < MAX);
    s->rows[s->row_n++] = *r;
}

size_t losses(const struct said *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->field_n; i++) {
        n += s->fields[i].verdict == JUDGED_LOSS;
        /* whatever is not as it was is told in words */
        assert_true(s->fields[i].verdict == JUDGED_SAME ||
                    s->fields[i].cause.n > 0);
    }
    return n;
}

const char content[32] = "content";

void set_body(struct scene *s, const char *json)
{
    s->c.loads[0].bodies[0] = dr_json_parse(s->a, dr_str_z(json), NULL, NULL);
    assert_non_null(s->c.loads[0].bodies[0]);
    s->c.loads[0].body_count = 1;
}

void scene_open(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    s->a = dr_arena_new(1 << 20);
    s->rec = (struct dr_source){
        .object = S("contact"),
        .id = S("c1"),
        .rev = 5,
        .has_version = true,
        .version = 3,
        .op = DR_SRC_UPSERT,
        .body = S("{\"properties\":{\"first_name\":\"Ana\",\"score\":\"7\"}}")};
    s->fields[0] = (struct dr_field){S("first_name"), S("contact.first_name"),
                                     DR_VAL_TEXT, S("Ana")};
    s->fields[1] = (struct dr_field){S("cf_score"), S("contact.score"),
                                     DR_VAL_NUMBER, S("7")};
    s->refs[0] = (struct dr_ref){.field = S("sales_accounts"),
                                 .rule = S("contact.company"),
                                 .lane = S("account"),
                                 .key = S("company:k1"),
                                 .primary = true,
                                 .on_miss = DR_MISS_ORPHAN};
    s->load = (struct dr_load){.lane = S("contact"),
                               .key = S("contact:c1"),
                               .object = S("contact"),
                               .id = S("c1"),
                               .rev = 5,
                               .type = S("contacts"),
                               .content_hash = {content, 32},
                               .fields = s->fields,
                               .field_count = 2,
                               .refs = s->refs,
                               .ref_count = 1};
    s->out = (struct dr_outcome){
        .state = DR_OUT_LOAD, .loads = &s->load, .load_count = 1};
    s->ref_ids[0] = 71;
    s->c = (struct judge_case){
        .rec = &s->rec, .out = &s->out, .in_scope_of_pass = true, .orphan = 9};
    s->c.loads[0] = (struct judge_load){.has_fact = true,
                                        .fact = {.lane = S("contact"),
                                                 .type = S("contacts"),
                                                 .key = S("contact:c1"),
                                                 .content_hash = {content, 32},
                                                 .dst = 501,
                                                 .rev = 5,
                                                 .origin = DR_DONE_CREATED},
                                        .dst = 501,
                                        .refs = s->ref_ids,
                                        .lead = s->leads};
    set_body(s, "{\"id\":501,\"first_name\":\"Ana\",\"custom_field\":{"
                "\"cf_score\":7},\"sales_accounts\":[{\"id\":71,"
                "\"is_primary\":true}]}");
}

const struct record_row *judged(struct scene *s)
{
    struct judge_sink sink = {hear_field, hear_row, &s->said};

    s->said.field_n = s->said.row_n = 0;
    judge(&s->c, s->a, &sink);
    return &s->said.rows[0];
}

void is_state(const struct record_row *r, const char *state)
{
    if (state) {
        assert_non_null(r->state);
        assert_string_equal(r->state, state);
    } else {
        assert_null(r->state);
    }
}
