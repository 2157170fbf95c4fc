/* The small world of tests/golden: catalogues, records, what was there. */
#ifndef PLAN_GOLDEN_TEST_H
#define PLAN_GOLDEN_TEST_H

#include <drover/plan/plan.h>

#define GOLDEN_DIR DR_SOURCE_DIR "/tests/golden"
#define GOLDEN_MAX 256

struct golden {
    char path[256]; /* below GOLDEN_DIR, without ".in.json" */
    struct dr_source source;
};

struct world {
    struct dr_arena *a;
    struct dr_catalogs c;
    const struct dr_json *existing;
    uint64_t house_owner;        /* as decided for proposals */
    struct golden v[GOLDEN_MAX]; /* in the order of their paths */
    size_t n;
};

/* Ends the test program when a file is missing or no JSON. */
void world_open(struct world *w);
void world_close(struct world *w);
/* The text of a file below GOLDEN_DIR, in the world's arena; p NULL: none. */
struct dr_str world_read(struct world *w, const char *path);
/* All records, taken in the order first, first + step, …, and what was there.
 */
struct dr_profile *world_profile(const struct world *w, size_t first,
                                 size_t step);
/* Proposes from all records, taken in the order first, first + step, … */
void world_propose(const struct world *w, const struct dr_catalogs *c,
                   size_t first, size_t step, struct dr_proposal *out);
/* A plan, or the end of the test program. */
struct dr_plan *world_plan(const struct world *w);

#endif
