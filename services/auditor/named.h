/* What people call a record of the target, read off what it was seen to hold.
 * Pure. Texts are in the arena; empty: it does not say. */
#ifndef DROVER_AUDITOR_NAMED_H
#define DROVER_AUDITOR_NAMED_H

#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>

/* Name, title, or the start of a text. */
struct dr_str named_record(const struct dr_json *body, struct dr_arena *a);
/* What it hangs on: "Deal 501", "Acme (account 71)". */
struct dr_str named_parent(const struct dr_json *body, struct dr_arena *a);
/* Its owner's name among the target's users; else the number. */
struct dr_str named_owner(const struct dr_json *body,
                          const struct dr_json *users, struct dr_arena *a);

#endif
