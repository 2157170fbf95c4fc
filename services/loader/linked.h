/*
 * The links that stand in a record itself: as the target shows them, as they
 * shall be, and as we left them, told alike so that they can be compared. Pure.
 */
#ifndef DROVER_LOADER_LINKED_H
#define DROVER_LOADER_LINKED_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>
#include <drover/ledger/ledger.h>
#include <drover/wire/wire.h>

#include "refs.h"

/* Bits of masks, in the order of linked_name. The first two are lists; behind
 * them come the relations of a module. */
enum linked {
    LINKED_ACCOUNTS, /* of a contact */
    LINKED_CONTACTS, /* of a deal    */
    LINKED_ACCOUNT,  /* of a deal    */
    LINKED_PARENT,   /* of an account */
    LINKED_TARGET,   /* on what an activity or a note stands */
    LINKED_KINDS
};

#define LINKED_ENDS 256 /* of a list; further ones are not looked at */
struct linked_ends {
    uint64_t id[LINKED_ENDS];
    bool primary[LINKED_ENDS];
    size_t n;
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
 * since Freshsales takes nothing off what it stands on. beside: linked_beside
 * of the record that ours is merged into, or NULL. */
struct dr_str linked_wanted(const struct dr_load *load,
                            const struct links *links, enum linked k,
                            const struct linked_ends *beside,
                            struct dr_arena *a);

/* The accounts of a contact that was somebody else's before, but for those
 * that we linked (`fields` of its DONE): they stay. NULL: it has none. */
const struct linked_ends *linked_beside(const struct dr_json *record,
                                        struct dr_str fields,
                                        struct dr_arena *a);
bool linked_has(const struct linked_ends *e, uint64_t id);

/* ---- what it was left at ---- */

/* ours: of a list, the words that we wrote; p NULL: all of them. */
void linked_commit(struct dr_commits *c, enum linked k, struct dr_str now,
                   struct dr_str ours);
/* What the earlier fact says stays true. */
void linked_commit_again(struct dr_commits *c, struct dr_str fields,
                         enum linked k);
/* It was written, and then somebody changed it: they added an end, or took one
 * away that is still wanted. One that is gone with its record is no edit. */
bool linked_is_theirs(struct dr_str fields, enum linked k, struct dr_str now,
                      struct dr_str wanted);
/* The same of a link, or a relation, that is told as a whole and was written:
 * one that is empty went with its record, unless it is wanted as we wrote it.
 */
bool linked_one_is_theirs(struct dr_str fields, struct dr_str name,
                          struct dr_str now, struct dr_str wanted);
/* It was written, and then somebody added to it or changed it. */
bool linked_was_changed(struct dr_str fields, enum linked k, struct dr_str now);

/* ---- relations of a custom module, under names of their own ---- */

/* The load's at-th reference is the first one of a module's relation. */
bool linked_relation(const struct dr_load *load, size_t at);
/* Its bit in masks; 0: there are more than the 50 that a module may have
 * (reference 19.3). */
uint64_t linked_relation_bit(const struct dr_load *load, size_t at);
struct dr_str linked_relation_now(const struct dr_json *record,
                                  struct dr_str field, struct dr_arena *a);
struct dr_str linked_relation_wanted(const struct dr_load *load,
                                     const struct links *links, size_t at,
                                     struct dr_arena *a);

/* The words of a list in an order of their own, each once. v is sorted. */
struct dr_str linked_words(struct dr_str *v, size_t n, struct dr_arena *a);

#endif
