/*
 * What FastTrack does not show to the token (contract 2.2, 4.9): named in
 * `redacted`, or a sentence stands in its place. It is no value: it is carried
 * nowhere, and nothing takes the place of what an earlier version brought to
 * the target. A field is left alone. A text is made of many values: an update
 * without one of them would take it out, so that version is set aside.
 */
#include "plan_private.h"

#include <drover/wire/redaction.h>

static bool is_named(const struct dr_json *names, struct dr_str name)
{
    DR_JSON_EACH(e, names)
    {
        if (e->type == DR_JSON_STRING && dr_str_eq(e->text, name)) {
            return true;
        }
    }
    return false;
}

static bool hidden(const struct build *b, const struct dr_json *v)
{
    return is_named(dr_json_get(b->root, "redacted"), v->key) ||
           dr_is_redaction(b->rec->object, v->key, dr_json_str(v));
}

static bool any_hidden(const struct build *b, const struct dr_json *props)
{
    const struct dr_json *names = dr_json_get(b->root, "redacted");

    DR_JSON_EACH(v, props)
    {
        if (hidden(b, v)) {
            return true;
        }
    }
    return names && names->count > 0; /* of what is not even there */
}

static struct dr_json *copy_of(struct build *b, const struct dr_json *v)
{
    struct dr_json *copy = dr_arena_calloc(b->a, 1, sizeof(*copy));

    if (copy) {
        *copy = *v;
    }
    b->oom |= !copy;
    return copy;
}

const struct dr_json *redacted_props(struct build *b)
{
    const struct dr_json *props = dr_json_get(b->root, "properties");
    struct dr_json *out, **end;

    b->hides = any_hidden(b, props);
    if (!b->hides || !(out = copy_of(b, props))) {
        return props;
    }
    end = &out->child;
    DR_JSON_EACH(v, props)
    {
        struct dr_json *copy = copy_of(b, v);
        if (!copy) {
            return props;
        }
        if (hidden(b, v)) {
            *copy = (struct dr_json){
                .type = DR_JSON_NULL, .key = v->key, .raw = DR_STR_LIT("null")};
        }
        *end = copy;
        end = &copy->next;
    }
    *end = NULL;
    return out;
}

static void tell(struct build *b, struct dr_str name)
{
    build_note(b, name, DR_STR_LIT("source.flags"), (struct dr_str){"", 0},
               (struct dr_str){"", 0},
               "FastTrack does not show this value to the token: nothing is "
               "written in its place");
}

void redacted_tell(struct build *b)
{
    const struct dr_json *names = dr_json_get(b->root, "redacted");

    DR_JSON_EACH(e, names)
    {
        if (e->type == DR_JSON_STRING) {
            tell(b, e->text);
        }
    }
    DR_JSON_EACH(v, b->hides ? dr_json_get(b->root, "properties") : NULL)
    {
        if (hidden(b, v) && !is_named(names, v->key)) {
            tell(b, v->key);
        }
    }
}

bool redacted_hides(const struct build *b, struct dr_str property)
{
    const struct dr_json *v;

    if (!b->hides) {
        return false;
    }
    v = dr_json_gets(dr_json_get(b->root, "properties"), property);
    return v ? hidden(b, v)
             : is_named(dr_json_get(b->root, "redacted"), property);
}

/* ---- what the target may hold already ---- */

/* A record of the tail in another version than its first. */
static bool may_stand(const struct dr_source *rec)
{
    return (rec->origin == DR_ORIGIN_TAIL || rec->origin == DR_ORIGIN_SWEEP) &&
           !(rec->has_version && rec->version == 1);
}

static void wait_for(struct build *b, struct dr_str property,
                     struct dr_str rule)
{
    if (may_stand(b->rec)) {
        build_reject(b, "redacted", property, rule,
                     "FastTrack does not show this value to the token, and an "
                     "update without it would take out what Freshsales has",
                     "give the token the scope that it lacks: it is carried "
                     "when it is read again");
    }
}

/* A rule is named after its object and property: "deal.amount". */
static struct dr_str property_of(struct dr_str rule)
{
    struct dr_str rest = rule;

    (void)dr_str_split(&rest, '.');
    return rest.p ? dr_str_split(&rest, '.') : rule;
}

bool redacted_keeps(struct build *b, struct dr_str rule,
                    enum dr_value_kind kind)
{
    struct dr_str property = property_of(rule);

    if (!redacted_hides(b, property)) {
        return false;
    }
    if (kind == DR_VAL_TEXT) { /* made of something else, or of many values */
        wait_for(b, property, rule);
        return false;
    }
    return true;
}

void redacted_rule(struct build *b, const struct rule *r)
{
    bool text =
        dr_str_eqz(r->target, "notes") || dr_str_eqz(r->target, "description");

    if (text && r->xf != XF_IGNORE && redacted_hides(b, r->source)) {
        wait_for(b, r->source, r->id);
    }
}
