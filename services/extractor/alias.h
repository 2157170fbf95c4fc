/*
 * What is known of records that are not there: merged into another, gone for
 * another reason, or there after all though nobody sent them yet. Follows a
 * chain of merges to the record that is left. Pure; rebuilt from the source
 * topics at start. At most ALIASES_MAX merges, and as many other answers, some
 * 16 MiB; beyond it nothing more is learnt, so that no list of ids can grow
 * without end.
 */
#ifndef EXTRACTOR_ALIAS_H
#define EXTRACTOR_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>

#define ALIASES_MAX 50000
/* Merges one after the other; a longer chain leads nowhere. */
#define ALIAS_HOPS_MAX 64

struct aliases;

struct aliases *aliases_new(void);
void aliases_free(struct aliases *a);
/* No more can be asked; a merge that is told is still learnt. */
bool aliases_full(const struct aliases *a);
size_t aliases_merged_count(const struct aliases *a);
/* Whether some record may have been sent with an alias. */
bool aliases_any(const struct aliases *a);

/* An answer of the source, or a tombstone of its own. True: it says something
 * new. */
bool aliases_merged(struct aliases *a, struct dr_str type, struct dr_str id,
                    struct dr_str into);
/* What another record was sent with, some time: it is worth nothing beside the
 * former, whichever is read back first, nor where the record itself was sent.
 */
bool aliases_told(struct aliases *a, struct dr_str type, struct dr_str id,
                  struct dr_str into);
/* It is there, or was, after what is known of its merges. */
void aliases_lived(struct aliases *a, struct dr_str type, struct dr_str id);
/* That it was merged is known of itself. */
bool aliases_is_merged(const struct aliases *a, struct dr_str type,
                       struct dr_str id);
void aliases_gone(struct aliases *a, struct dr_str type, struct dr_str id);
/* It is there: for now, until aliases_ask_anew. */
void aliases_there(struct aliases *a, struct dr_str type, struct dr_str id);
/* True: there was such an answer. */
bool aliases_ask_anew(struct aliases *a);

/* Whether some merge names it, as what it was or as what is left. */
bool aliases_concern(const struct aliases *a, struct dr_str type,
                     struct dr_str id);

/* "<type>:<id>", in *b, which it begins and the caller ends. */
struct dr_str alias_key(struct dr_buf *b, struct dr_str type, struct dr_str id);

/* What the emitted records say of one. */
enum presence { PRESENCE_UNKNOWN, PRESENCE_LIVES, PRESENCE_GONE };
typedef enum presence presence_fn(const void *ctx, struct dr_str type,
                                  struct dr_str id);

/*
 * The record that a merged one became. Empty: it was not merged, or what is
 * left is deleted, hidden or unknown, or the chain is a circle. ask_out: the
 * record that only the source can tell about, or empty.
 */
struct dr_str aliases_follow(const struct aliases *a, struct dr_str type,
                             struct dr_str id, presence_fn *presence,
                             const void *ctx, struct dr_str *ask_out);

#endif
