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

enum catalog_part {
    PART_FIELDS,
    PART_SELECTORS,
    PART_VIEWS,
    PARTS,
    PART_MODULES = PARTS /* what else is to be asked hangs on the answer */
};

/* A custom module: its definition, its forms and its views, as they were
 * answered, or NULL. */
struct module_texts {
    char *definition, *forms, *views;
    const struct type *type;
};

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
 * record. Fields and views of modules stand beside those of the others. */
void catalog_write(enum catalog_part part, char *const *texts,
                   const struct module_texts *modules, size_t module_count,
                   uint64_t seq, struct dr_buf *out);
/* The record `custom_modules`: an array of definitions, each with `fields`, its
 * forms' fields without their groups. */
void catalog_modules_write(const struct module_texts *modules, size_t count,
                           struct dr_buf *out);
/* One of the plans' names (reference 19.1)? Case counts. */
bool catalog_plan_known(const char *plan);
struct catalog_account {
    const char *base_url, *user_agent;
    const char *plan;      /* as the settings name it, "": told by the limit */
    bool classic, modules; /* custom modules were to be had */
    int64_t hour_limit;    /* as the target says it, -1: unknown */
    uint64_t seq;
};
void catalog_account_write(const struct catalog_account *a, struct dr_buf *out);

/* The views of a type to walk: "All …", else the parts whose union it is; of a
 * module the first one whose name begins so, for its own name follows.
 * Returns their number; ids in out. */
int catalog_views(const struct type *t, const struct dr_json *views,
                  int64_t out[TYPE_VIEWS]);

#endif
