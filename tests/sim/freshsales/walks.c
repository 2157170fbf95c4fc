/* Lists without a view: tasks and appointments by their filter, sales
 * activities one and all (reference 8 to 10). */
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "call.h"
#include "write.h"

#define PAGE_DEFAULT 25
#define ACTIVITIES_DEFAULT 10 /* so it appears in captures */
#define DAY_MS 86400000

typedef bool in_fn(struct account *a, const struct rec *r,
                   struct dr_str filter);

struct walk {
    const char *type, *filters; /* NULL: takes none */
    uint64_t per;
    enum meta meta;
    in_fn *in;
};

static int64_t day_of(struct account *a, int64_t ms)
{
    char text[STAMP_TEXT];
    int64_t day;

    stamp_text(a, ms, text);
    return dr_date_parse((struct dr_str){text, 10}, &day) ? 0 : day / DAY_MS;
}

static bool task_in(struct account *a, const struct rec *r,
                    struct dr_str filter)
{
    bool done = is(rec_value(r, "status"), "1");
    int64_t now = vclock_now(&a->clock), due;

    if (is(filter, "completed") || done) {
        return done && is(filter, "completed");
    }
    if (is(filter, "open") || dr_str_i64(rec_value(r, "due_date"), &due)) {
        return is(filter, "open");
    }
    return is(filter, "overdue")     ? due < now
           : is(filter, "due_today") ? day_of(a, due) == day_of(a, now)
                                     : day_of(a, due) == day_of(a, now) + 1;
}

/* By the end, as the reference has it: it knows no better. */
static bool appointment_in(struct account *a, const struct rec *r,
                           struct dr_str filter)
{
    int64_t end;

    if (dr_str_i64(rec_value(r, "end_date"), &end)) {
        return false;
    }
    return (end < vclock_now(&a->clock)) == is(filter, "past");
}

static bool any_in(struct account *a, const struct rec *r, struct dr_str filter)
{
    (void)a;
    (void)r;
    (void)filter;
    return true;
}

static const struct walk walks[] = {
    {"tasks", "open due_today due_tomorrow overdue completed", PAGE_DEFAULT,
     META_TOTAL, task_in},
    {"appointments", "past upcoming", PAGE_DEFAULT, META_TOTAL, appointment_in},
    {"sales_activities", NULL, ACTIVITIES_DEFAULT, META_PAGES, any_in},
};

/* The filter is mandatory and one of the known. */
static bool filter_ok(struct call *c, const struct walk *w)
{
    struct dr_str rest = dr_str_z(w->filters), filter = arg(c, "filter");

    while (w->filters && rest.p) {
        if (dr_str_eq(dr_str_split(&rest, ' '), filter)) {
            return true;
        }
    }
    if (w->filters) {
        fail_with(c, &(struct refusal){400, "%s is invalid", 0, "filter"});
    }
    return !w->filters;
}

static void walk_all(struct call *c, struct kind *k, const struct walk *w)
{
    struct dr_str filter = arg(c, "filter");
    struct rows rows = {.n = 0};
    uint64_t per;

    if (!filter_ok(c, w) || !page_size(c, w->per, &per)) {
        return;
    }
    rows.v = dr_xcalloc(k->n + 1, sizeof(*rows.v));
    for (size_t i = 0; i < k->n; i++) {
        if (w->in(c->a, k->v[i], filter)) {
            rows.v[rows.n++] = k->v[i];
        }
    }
    sort_rows(c, rows.v, rows.n);
    page(c, k, &rows, per, w->meta);
    free(rows.v);
}

bool walk(struct call *c, struct kind *k)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(walks); i++) {
        if (is_type(k, walks[i].type)) {
            walk_all(c, k, &walks[i]);
            return true;
        }
    }
    return false;
}
