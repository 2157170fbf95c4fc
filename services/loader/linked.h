/*
 * The links that stand in a record itself: as the target shows them and as
 * they shall be, told alike, so that they can be compared. Pure.
 */
#ifndef DROVER_LOADER_LINKED_H
#define DROVER_LOADER_LINKED_H

#include <stdbool.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>
#include <drover/wire/wire.h>

#include "refs.h"

/* Bits of masks, in the order of linked_name. The first two are lists. */
enum linked {
    LINKED_ACCOUNTS, /* of a contact */
    LINKED_CONTACTS, /* of a deal    */
    LINKED_ACCOUNT,  /* of a deal    */
    LINKED_PARENT,   /* of an account */
    LINKED_TARGET,   /* on what an activity or a note stands */
    LINKED_KINDS
};

/* As the target names it, and Drover in commitments and reports. */
struct dr_str linked_name(enum linked k);
bool linked_is_list(enum linked k);
/* The reference of a load record is such a link. */
bool linked_by(const struct dr_ref *r, enum linked k);
/* As the record shows it: ids, the primary one with a star, of targets also
 * their types; empty: none; p NULL: the record does not say. */
struct dr_str linked_now(const struct dr_json *record, enum linked k,
                         struct dr_arena *a);
/* As it shall be, in the same words; p NULL: nothing that could be asked for,
 * since Freshsales takes nothing off what it stands on. `beside`: the record of
 * somebody else that ours is merged into, or NULL: a contact keeps its
 * accounts. */
struct dr_str linked_wanted(const struct dr_load *load,
                            const struct links *links, enum linked k,
                            const struct dr_json *beside, struct dr_arena *a);

/* The words of a list in an order of their own, each once. v is sorted. */
struct dr_str linked_words(struct dr_str *v, size_t n, struct dr_arena *a);

#endif
