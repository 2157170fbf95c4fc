/*
 * For tests: fills and compares our structs by their maps, so that a field
 * that is added is tested without a word.
 */
#ifndef DROVER_WIRE_FILL_PRIVATE_H
#define DROVER_WIRE_FILL_PRIVATE_H

#include <drover/base/arena.h>
#include <drover/base/rand.h>
#include <drover/wire/wire.h>

/* Every field set, lists of one to three. The strings live in the arena. */
void fill_env(struct dr_env *env, enum dr_msg kind, struct dr_arena *a,
              struct dr_rand *r);
/* NULL: equal. Else the name of the first field that is not. */
const char *differs(const struct dr_env *a, const struct dr_env *b);

#endif
