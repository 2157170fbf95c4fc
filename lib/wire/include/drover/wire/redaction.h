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

#endif
