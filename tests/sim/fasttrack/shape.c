/*
 * A record as this caller gets it: only the properties it asked for, numbers
 * as strings or bare, bodies of e-mails redacted without their scope.
 */
#include <drover/base/buf.h>

#include "call.h"

#define REDACTED                                                            \
    "The body of this e-mail has been redacted: the token lacks the scope " \
    "email_body.read."

bool numbers_bare(const struct world *w)
{
    if (!knob_is(w->knobs, "number_encoding", "folder")) {
        return knob_is(w->knobs, "number_encoding", "json");
    }
    return dr_str_eqz(dr_json_get_str(w->manifest, "number_encoding"), "json");
}

/* RFC 8259: what may stand bare. */
static bool is_number(struct dr_str s)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 14);
    const struct dr_json *j =
        s.n > 0 && s.n < 400 ? dr_json_parse(a, s, NULL, NULL) : NULL;

    return dr_json_type(j) == DR_JSON_NUMBER;
}

static bool is_numeric(const struct world *w, struct dr_str type,
                       struct dr_str name)
{
    static const char *const types[] = {"int", "decimal", "money", "percent",
                                        "duration"};
    struct dr_str t =
        dr_json_get_str(schema_property(w, type, name), "data_type");

    for (size_t i = 0; i < DR_ARRAY_LEN(types); i++) {
        if (dr_str_eqz(t, types[i])) {
            return true;
        }
    }
    return false;
}

static bool has(struct dr_str list, struct dr_str name)
{
    while (list.n > 0) {
        struct dr_str one = dr_str_split(&list, ',');
        if (dr_str_eq(one, name) || dr_str_eqz(one, "*")) {
            return true;
        }
    }
    return false;
}

static void value(struct call *c, struct dr_str type, const struct dr_json *m,
                  bool redact)
{
    if (redact && dr_str_eqz(m->key, "body") && !dr_json_is_null(m)) {
        bite(c->w, "scopes.redacted");
        dr_json_w_z(&c->j, REDACTED);
    } else if (numbers_bare(c->w) && m->type == DR_JSON_STRING &&
               is_numeric(c->w, type, m->key) && is_number(m->text)) {
        bite(c->w, "number_encoding");
        dr_json_w_raw(&c->j, m->text);
    } else {
        dr_json_w_tree(&c->j, m);
    }
}

void record_write(struct call *c, const struct kind *k, const struct rec *r)
{
    struct dr_str odd = dr_str_z(knob_text(c->w->knobs, "unknown_activity"));
    bool redact =
        dr_str_eqz(k->name, "email") && !tenant_scope(c->w, "email_body.read");
    const struct dr_json *j;

    if (odd.n > 0 && dr_str_eq(dr_str_split(&odd, ':'), k->name)) {
        bite(c->w, "unknown_activity");
    }
    if (!redact && c->properties.n == 0 && !numbers_bare(c->w)) {
        dr_json_w_raw(&c->j, r->body);
        return;
    }
    j = dr_json_parse(c->a, r->body,
                      &(struct dr_json_limits){.max_bytes = (size_t)64 << 20},
                      NULL);
    if (!j) { /* deliberately no JSON: as it is */
        dr_json_w_raw(&c->j, r->body);
        return;
    }
    dr_json_w_obj(&c->j);
    DR_JSON_EACH(m, j)
    {
        dr_json_w_keys(&c->j, m->key);
        if (dr_str_eqz(m->key, "properties")) {
            dr_json_w_obj(&c->j);
            DR_JSON_EACH(p, m)
            {
                if (c->properties.n == 0 || has(c->properties, p->key)) {
                    dr_json_w_keys(&c->j, p->key);
                    value(c, k->name, p, redact);
                }
            }
            dr_json_w_end(&c->j);
        } else if (redact && dr_str_eqz(m->key, "redacted")) {
            dr_json_w_raw(&c->j, DR_STR_LIT("[\"body\"]"));
        } else {
            dr_json_w_tree(&c->j, m);
        }
    }
    dr_json_w_end(&c->j);
}
