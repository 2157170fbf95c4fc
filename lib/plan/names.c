/* Names that the target wants to be unique: what an account is called whose
 * own name is taken, and what a record is called until it has its own. */
#include "plan_private.h"

#define HEAD_MAX 180 /* leaves room for the id within 255 */

static struct dr_str head_of(struct dr_str name)
{
    return dr_utf8_prefix(dr_str_trim(name), HEAD_MAX);
}

struct dr_str plan_other_name(struct dr_arena *a, struct dr_str name,
                              struct dr_str id, int nth)
{
    struct dr_str head = head_of(name);

    return nth < 2 ? dr_arena_printf(a, DR_STR_FMT " (" DR_STR_FMT ")",
                                     DR_STR_ARG(head), DR_STR_ARG(id))
                   : dr_arena_printf(a, DR_STR_FMT " (" DR_STR_FMT " %d)",
                                     DR_STR_ARG(head), DR_STR_ARG(id), nth);
}

static struct dr_str less(struct dr_str s, size_t n)
{
    return (struct dr_str){s.p, s.n - n};
}

/* " 2" and the like */
static struct dr_str without_count(struct dr_str s)
{
    struct dr_str out = s;

    while (out.n > 0 && out.p[out.n - 1] >= '0' && out.p[out.n - 1] <= '9') {
        out.n--;
    }
    return out.n < s.n && out.n > 0 && out.p[out.n - 1] == ' ' ? less(out, 1)
                                                               : s;
}

/* other without " (id" at its end; NULL: it does not end so. */
static struct dr_str before_id(struct dr_str other, struct dr_str id)
{
    if (!dr_str_ends(other, id) ||
        !dr_str_ends(less(other, id.n), DR_STR_LIT(" ("))) {
        return (struct dr_str){NULL, 0};
    }
    return less(other, id.n + 2);
}

bool plan_other_is_stale(struct dr_str other, struct dr_str name,
                         struct dr_str id)
{
    struct dr_str open, head;

    if (!dr_str_ends(other, DR_STR_LIT(")"))) {
        return false;
    }
    open = less(other, 1);
    head = before_id(open, id);
    if (!head.p) {
        head = before_id(without_count(open), id);
    }
    return head.p && !dr_str_eq(head, head_of(name));
}

void build_two_step(struct build *b, struct dr_load *l, struct dr_str name)
{
    struct dr_str head = dr_utf8_prefix(name, 200);

    l->how = DR_HOW_TWO_STEP;
    l->working_name = build_printf(b, DR_STR_FMT " [" DR_STR_FMT "]",
                                   DR_STR_ARG(head), DR_STR_ARG(l->marker));
}
