/* What decides the fate of custom objects and events: on how many records they
 * hang, and which shapes of events there are. */
#include "event.h"
#include "profile_private.h"

#include <drover/base/arena.h>

void census_free(void *v)
{
    struct parentage *g = v;

    for (size_t k = 0; k < PARENT_KINDS; k++) {
        dr_map_free(g->of[k].per);
    }
}

/* Objects that stand on nothing, or whose fate is no question. */
static bool is_asked(struct dr_str object)
{
    static const char *const not [] = {
        "company", "contact", "deal",    "product", "line_item",  "task",
        "call",    "email",   "meeting", "note",    "attachment", "event"};

    for (size_t i = 0; i < DR_ARRAY_LEN(not ); i++) {
        if (dr_str_eqz(object, not [i])) {
            return false;
        }
    }
    return true;
}

static struct parentage *parentage_of(struct dr_profile *p,
                                      struct dr_str object)
{
    struct parentage *g = dr_map_get(p->parentage, object);

    if (!g) {
        g = dr_arena_alloc(p->arena, sizeof(*g));
        if (!g) {
            dr_die(DR_EXIT_NOMEM, "profile",
                   "the profile needs more memory than it may take");
        }
        for (size_t k = 0; k < PARENT_KINDS; k++) {
            g->of[k].per = dr_map_new(NULL);
        }
        dr_map_put(p->parentage, object, g);
    }
    return g;
}

/* The one that a record is taken to hang on: as pair_ends sorts them. */
static struct dr_str first_end(const struct dr_source *rec, struct dr_str pair)
{
    const struct dr_assoc *best = NULL;

    for (size_t i = 0; i < rec->assoc_count; i++) {
        const struct dr_assoc *as = &rec->assocs[i];
        if (dr_str_eq(as->pair, pair) &&
            (!best || as->primary > best->primary ||
             (as->primary == best->primary &&
              dr_str_cmp(as->to_id, best->to_id) < 0))) {
            best = as;
        }
    }
    return best ? best->to_id : (struct dr_str){NULL, 0};
}

static void count_parents(struct dr_profile *p, struct dr_arena *a,
                          const struct dr_source *rec)
{
    struct parentage *g = parentage_of(p, rec->object);
    bool any = false;

    for (size_t k = 0; k < PARENT_KINDS; k++) {
        struct dr_str id = first_end(
            rec, dr_arena_printf(a, DR_STR_FMT "_%s", DR_STR_ARG(rec->object),
                                 parent_kinds[k].object));
        uint64_t n;
        if (!id.p) {
            continue;
        }
        any = true;
        g->of[k].records++;
        profile_add_one(p, g->of[k].per, id);
        n = profile_count(g->of[k].per, id);
        g->of[k].most = n > g->of[k].most ? n : g->of[k].most;
    }
    g->linked += any;
}

static void count_event(struct dr_profile *p, struct dr_arena *a,
                        const struct dr_json *root)
{
    struct dr_str type = dr_json_get_str(root, "type");
    struct dr_str version = dr_json_scalar(dr_json_get(root, "schema_version"));
    const char *shape =
        event_shape_name(event_shape_of(dr_json_get(root, "data")));

    profile_add_one(p, p->events,
                    dr_arena_printf(a, DR_STR_FMT "\n" DR_STR_FMT "\n%s",
                                    DR_STR_ARG(type), DR_STR_ARG(version),
                                    shape));
}

void census_add(struct dr_profile *p, struct dr_arena *a,
                const struct dr_source *rec, const struct dr_json *root)
{
    if (dr_str_eqz(rec->object, "event")) {
        count_event(p, a, root);
    } else if (is_asked(rec->object)) {
        count_parents(p, a, rec);
    }
}
