/*
 * What FastTrack does not show to the token (contract 2.2, 4.9): named in
 * `redacted`, or a sentence stands in its place. It is no value, and carried
 * nowhere: a new record is made without it. Where the record stands in the
 * target already, what it holds may be that very value, or made from it: the
 * load says that it hides one, and the loader leaves alone what stands.
 */
#include "plan_private.h"

#include <drover/wire/classes.h>
#include <drover/wire/redaction.h>

static bool hidden(const struct build *b, const struct dr_json *v)
{
    return dr_json_lists(dr_json_get(b->root, "redacted"), v->key) ||
           dr_is_redaction(b->rec->object, v->key, dr_json_str(v));
}

enum carried {
    CARRIED_NOT,
    CARRIED_AS_FIELD,
    CARRIED_OTHERWISE, /* a reference, or the kind of a record, is made of it */
};

static enum carried carried(const struct build *b, struct dr_str property)
{
    enum carried out = CARRIED_OTHERWISE;

    if (dr_str_eqz(property, "record_kind") ||
        dr_str_eqz(property, "parent_company_id")) {
        return out;
    }
    for (size_t i = 0; i < b->op->n; i++) {
        const struct rule *r = &b->op->rules[i];
        if (!dr_str_eq(r->source, property)) {
            continue;
        }
        if (r->xf != XF_IGNORE) {
            return CARRIED_AS_FIELD;
        }
        out = CARRIED_NOT;
    }
    return out;
}

static void take(struct build *b, struct dr_str property)
{
    enum carried how = carried(b, property);
    struct dr_str name =
        how == CARRIED_OTHERWISE ? DR_STR_LIT(DR_HIDES_MORE) : property;

    if (how == CARRIED_NOT || b->hides.n + name.n >= DR_HIDES_MAX ||
        dr_hides(b->hides, name)) {
        return;
    }
    b->hides = b->hides.n == 0
                   ? name
                   : build_printf(b, DR_STR_FMT "," DR_STR_FMT,
                                  DR_STR_ARG(b->hides), DR_STR_ARG(name));
}

static bool take_all(struct build *b, const struct dr_json *props)
{
    const struct dr_json *names = dr_json_get(b->root, "redacted");
    bool any = false;

    DR_JSON_EACH(e, names)
    {
        if (e->type == DR_JSON_STRING) { /* be it of what is not even there */
            take(b, e->text);
            any = true;
        }
    }
    DR_JSON_EACH(v, props)
    {
        if (dr_is_redaction(b->rec->object, v->key, dr_json_str(v))) {
            take(b, v->key);
            any = true;
        }
    }
    return any;
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

    if (!props || !take_all(b, props) || !(out = copy_of(b, props))) {
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
               "FastTrack does not show this value to the token: it stays "
               "empty");
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
    DR_JSON_EACH(v, dr_json_get(b->root, "properties"))
    {
        if (!dr_json_lists(names, v->key) && hidden(b, v)) {
            tell(b, v->key);
        }
    }
}

bool redacted_hides(const struct build *b, struct dr_str property)
{
    const struct dr_json *v =
        dr_json_gets(dr_json_get(b->root, "properties"), property);

    return v ? hidden(b, v)
             : dr_json_lists(dr_json_get(b->root, "redacted"), property);
}

void redacted_reject(struct build *b, const char *property, const char *rule,
                     const char *reason)
{
    build_reject(b, "redacted", dr_str_z(property), dr_str_z(rule), reason,
                 dr_class_named(DR_STR_LIT("redacted"))->cure);
}
