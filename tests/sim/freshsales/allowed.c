/* What the role of the key's user forbids: the knob `forbidden`. */
#include "call.h"

/* "POST", "*", or "WRITE" for all that change something. */
static bool covers(struct dr_str word, struct dr_str method)
{
    return is(word, "*") || dr_str_eq(word, method) ||
           (is(word, "WRITE") && !is(method, "GET"));
}

/* The first word of a path says of what it is; of products and custom modules
 * it is the second. */
static struct dr_str entity_of(struct dr_str path)
{
    struct dr_str head = dr_str_split(&path, '/');

    return path.p && (is(head, "cpq") || is(head, "custom_module") ||
                      is(head, "filtered_search"))
               ? dr_str_split(&path, '/')
               : head;
}

/* In the knob a type may stand, too: files for documents. */
static bool means(struct dr_str word, struct dr_str entity)
{
    const struct kind *k = kind_of_path(entity);

    return dr_str_eq(word, entity) || (k && is(word, k->type)) ||
           (is(word, "files") && is(entity, "documents"));
}

bool forbidden(const struct call *c)
{
    struct dr_str rest = dr_str_z(knob_text(c->a->knobs, "forbidden"));
    struct dr_str entity = entity_of(c->path);

    while (rest.p) {
        struct dr_str word = dr_str_trim(dr_str_split(&rest, ','));
        struct dr_str method = dr_str_split(&word, ' ');
        if (word.p && covers(method, c->method) && means(word, entity)) {
            return true;
        }
    }
    return false;
}
