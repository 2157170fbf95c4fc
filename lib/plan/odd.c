/* Values of another kind than their place wants: where a text belongs, what is
 * none lands as its JSON, so that nothing of it is lost, and that is told. What
 * numbers, times and boxes cannot take is rejected by their own rules. */
#include "plan_private.h"

struct dr_str value_text(const struct dr_json *j)
{
    switch (dr_json_type(j)) {
    case DR_JSON_STRING:
    case DR_JSON_NUMBER:
        return j->text;
    case DR_JSON_ABSENT:
    case DR_JSON_NULL:
        return (struct dr_str){"", 0};
    case DR_JSON_TRUE:
    case DR_JSON_FALSE:
    case DR_JSON_ARRAY:
    case DR_JSON_OBJECT:
        return j->raw;
    }
    return (struct dr_str){"", 0};
}

/* NULL: it is a text, or a number, which is written with the same letters. */
static const char *odd_one(const struct dr_json *j)
{
    switch (dr_json_type(j)) {
    case DR_JSON_OBJECT:
        return "an object stands at the source where a text belongs: its JSON "
               "was taken";
    case DR_JSON_ARRAY:
        return "a list stands at the source where a text belongs: its JSON "
               "was taken";
    case DR_JSON_TRUE:
    case DR_JSON_FALSE:
        return "a yes or no stands at the source where a text belongs: the "
               "word was taken";
    case DR_JSON_ABSENT:
    case DR_JSON_NULL:
    case DR_JSON_NUMBER:
    case DR_JSON_STRING:
        break;
    }
    return NULL;
}

/* The specials that are texts. */
static bool is_text(const struct rule *r)
{
    static const char *const texts[] = {"name",        "title",     "body",
                                        "description", "file_name", "email"};

    for (size_t i = 0; r->xf == XF_SPECIAL && i < DR_ARRAY_LEN(texts); i++) {
        if (dr_str_eqz(r->special, texts[i])) {
            return true;
        }
    }
    return r->xf == XF_COPY || r->xf == XF_HTML || r->xf == XF_OPTION;
}

static bool is_list(const struct rule *r)
{
    return r->xf == XF_JOIN || r->xf == XF_MULTI || r->xf == XF_TAGS ||
           r->xf == XF_APPEND;
}

/* The plan has a word for it; or it may well be what the schema says it is: a
 * yes or no in a line of text, or in a field that a custom module has. */
static bool is_known(const struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    bool is_bool = j->type == DR_JSON_TRUE || j->type == DR_JSON_FALSE;

    return map_text(r->values, value_text(j)).p ||
           (is_bool && (r->xf == XF_APPEND ||
                        dr_map_has(b->plan->customs, b->rec->object)));
}

void odd_tell(struct build *b, const struct rule *r, const struct dr_json *j)
{
    const struct dr_json *odd = NULL;

    if (!odd_one(j) || (!is_text(r) && !is_list(r)) || is_known(b, r, j)) {
        return;
    }
    if (!is_list(r) || j->type != DR_JSON_ARRAY) {
        odd = j;
    }
    DR_JSON_EACH(e, odd ? NULL : j)
    {
        if (!odd && odd_one(e) && !is_known(b, r, e)) {
            odd = e;
        }
    }
    if (odd) {
        build_note(b, r->source, r->id, odd->raw, value_text(odd),
                   odd_one(odd));
    }
}
