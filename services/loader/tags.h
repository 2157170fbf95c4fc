/*
 * Tags of a record: those that we wrote, and those that people gave it. What
 * we wrote is known one by one from DONE.fields; only that is ever taken away.
 * Pure.
 */
#ifndef DROVER_LOADER_TAGS_H
#define DROVER_LOADER_TAGS_H

#include <stdbool.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>
#include <drover/ledger/ledger.h>
#include <drover/wire/wire.h>

struct tags {
    const struct dr_json *now; /* of the record; NULL: it shows none     */
    struct dr_str fields;      /* what it was left at; empty: never ours */
    bool merged;               /* it was somebody else's before          */
};

bool tags_are(const struct dr_field *f);
/* All that is wanted is there, and nothing of ours beside it. */
bool tags_same(const struct tags *t, struct dr_str wanted, struct dr_arena *a);
/* Somebody took one away that we wrote and that is still wanted; where they are
 * not known one by one: somebody changed them. */
bool tags_theirs(const struct tags *t, struct dr_str wanted,
                 struct dr_arena *a);
/* The wanted ones, then people's own. */
void tags_write(struct dr_json_w *w, const struct tags *t, struct dr_str wanted,
                struct dr_arena *a);
/* What it is left at after a write: now is what the answer shows. */
void tags_commit(struct dr_commits *c, const struct tags *t,
                 struct dr_str wanted, struct dr_arena *a);
void tags_commit_again(struct dr_commits *c, struct dr_str fields);

#endif
