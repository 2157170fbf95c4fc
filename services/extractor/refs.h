/* Which records a record names. Pure. */
#ifndef EXTRACTOR_REFS_H
#define EXTRACTOR_REFS_H

#include <drover/base/arena.h>
#include <drover/wire/wire.h>

typedef void ref_fn(void *ctx, struct dr_str type, struct dr_str id);

/* Calls fn for every end of an association and every property that the plan
 * takes for a link (contract 4.5 to 4.8); an id may come twice. The arena is
 * for the trees of bodies. */
void refs_each(const struct dr_source *s, struct dr_arena *arena, ref_fn *fn,
               void *ctx);

#endif
