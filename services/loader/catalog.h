/*
 * The target's catalogue: what is asked, and how the answers become the
 * `catalog` records (side "target"). Pure but for the arena.
 */
#ifndef DROVER_LOADER_CATALOG_H
#define DROVER_LOADER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

#include "types.h"

enum catalog_part { PART_FIELDS, PART_SELECTORS, PART_VIEWS, PARTS };

struct question {
    enum catalog_part part;
    const char *name; /* key in the part: "contacts", "users"       */
    const char *path; /* to ask for                                 */
    const char *root; /* key of the list in the answer              */
    bool classic;     /* in the classic edition only                */
};

extern const struct question questions[];
extern const size_t question_count;

/* texts[i]: the JSON list answered to question i, or NULL. Writes the part's
 * record. */
void catalog_write(enum catalog_part part, char *const *texts, uint64_t seq,
                   struct dr_buf *out);
struct catalog_account {
    const char *base_url, *user_agent;
    bool classic;
    int64_t hour_limit; /* as the target says it, -1: unknown */
    uint64_t seq;
};
void catalog_account_write(const struct catalog_account *a, struct dr_buf *out);

/* The views of a type to walk: "All …", else the parts whose union it is.
 * Returns their number; ids in out. */
int catalog_views(const struct type *t, const struct dr_json *views,
                  int64_t out[TYPE_VIEWS]);

#endif
