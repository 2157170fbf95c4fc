/*
 * What stands in a source record in place of a value that is not shown. A
 * record names such properties in `redacted`; where the token lacks a scope, a
 * sentence may stand there without that (contract 2.2, 5.2).
 */
#ifndef DROVER_WIRE_REDACTION_H
#define DROVER_WIRE_REDACTION_H

#include <stdbool.h>

#include <drover/base/str.h>

/* Whether it is such a sentence: of an e-mail's body or subject, and short. */
bool dr_is_redaction(struct dr_str object, struct dr_str property,
                     struct dr_str value);

/* dr_load.hides: names of properties, with commas between. DR_HIDES_MORE among
 * them: one of which more than fields is made. */
#define DR_HIDES_MORE "*"
#define DR_HIDES_MAX 1024 /* bytes; more are not named */

bool dr_hides(struct dr_str hides, struct dr_str property);

#endif
