/*
 * References: what a load record's references become, given the facts of the
 * parents (effects protocol 5 step 2). Pure.
 */
#ifndef DROVER_LOADER_REFS_H
#define DROVER_LOADER_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/store/store.h>
#include <drover/wire/wire.h>

/* The facts a record needs besides its own, in this order: refs, products of
 * its lines, the orphan account. A literal reference has no key. */
size_t refs_count(const struct dr_load *load);
void refs_keys(const struct dr_load *load, struct dr_str *lanes,
               struct dr_str *keys);

/* Target ids, 0: the link is left out. */
struct links {
    const uint64_t *ref;  /* one a ref   */
    const uint64_t *line; /* one a line; 0: the line is refused */
    const bool *lead;     /* one a ref: it stands among the leads; or NULL */
    uint64_t orphan;      /* the Unassigned Account; 0: none is there      */
    /* Links and lines that are left out, go to the Unassigned Account instead
     * or hang on what may become another record (dr_links_settle). */
    size_t missing;
    size_t orphaned; /* of these: to the Unassigned Account */
};

enum refs_verdict {
    REFS_OK,
    REFS_WAIT,   /* a parent may still come */
    REFS_REJECT, /* *which is missing and the record makes no sense */
};

struct refs_case {
    const struct dr_load *load;
    const struct dr_fact *facts; /* refs_count of them */
    uint64_t orphan_dst; /* the account the admin named; 0: look at facts */
    bool may_wait;       /* in the tail, and the limit has not passed      */
};

/* -1: the arena is used up. */
int refs_resolve(const struct refs_case *c, struct dr_arena *a,
                 struct links *out, enum refs_verdict *verdict,
                 const struct dr_ref **which) DR_MUSTCHECK;
/* The reference on which an activity, a note or a file hangs: its number,
 * SIZE_MAX: none that is there. */
size_t refs_target(const struct dr_load *load, const struct links *links);
/* It was put on what has been merged since into what it hangs on now. path: of
 * the parent that it was put on, "/contacts/7". */
bool refs_left_by_merge(const struct refs_case *c, const struct links *links,
                        struct dr_str path);

#endif
