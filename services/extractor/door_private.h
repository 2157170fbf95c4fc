/* What the parts of the door share. */
#ifndef EXTRACTOR_DOOR_PRIVATE_H
#define EXTRACTOR_DOOR_PRIVATE_H

#include "call.h"
#include "door.h"
#include "express.h"
#include "row.h"

#define DOOR_PAGES_MAX 1000 /* of a list that is wanted whole */

/* Where a list goes on, as the text of the contract's cursor: a letter for the
 * listing, then the source's own cursor. */
struct place {
    char lane; /* L living, A archived, I index, C changes, D archived since,
                  F all of them where changes end; 0: the first */
    int64_t since_ms; /* C: where this search began */
    uint64_t count;   /* C: rows it gave so far     */
    char inner[CONTRACT_AFTER_MAX - 64];
};

struct door {
    struct api *api;
    const struct profile *profile;
    struct row_types *types;
    struct dr_map *properties; /* object -> its properties' remote names */
    struct dr_arena *arena;    /* the source's answer                    */
    struct dr_arena *asked;    /* the extractor's request                */
    struct dr_buf path, body, out;
    int64_t server_ms;
};

/* One call to the source; its tree lives in d->arena until the next. */
struct ask {
    const struct dr_json *call; /* of the profile */
    struct vars vars;
    char limit[24], offset[24], since[32], before[32];
    const struct dr_json *root; /* the answer */
    const struct dr_json *rows;
};

/* ---- door.c ---- */

/* Fills what every call has. */
void ask_init(struct door *d, struct ask *ask, const struct dr_json *call,
              const struct call *c);
/* Sets the cursor of the call's style from its text. */
void ask_from(struct ask *ask, const char *inner);
enum api_result ask_source(struct door *d, struct ask *ask, struct dr_err *err);
/* The two halves of it: the call, and its answer as rows. */
enum api_result ask_send(struct door *d, struct ask *ask, struct dr_err *err);
int ask_read(struct door *d, struct ask *ask, struct dr_err *err) DR_MUSTCHECK;
/* ASK_LOOPS: its cursor leads back to itself, or cannot be held. */
enum ask_on { ASK_END, ASK_ON, ASK_LOOPS };
enum ask_on ask_peek(const struct ask *ask, const char *inner, char *next_out,
                     size_t cap);
/* The same where a loop ends the process.
 * Where the list goes on; false: here it ends. */
bool ask_next(const struct ask *ask, const char *inner, char *next_out,
              size_t cap);
struct row_kind door_kind(const struct door *d, const struct call *c);

void page_begin(struct door *d, struct dr_json_w *w);
/* next: "" where the list ends. */
void page_end(struct door *d, struct dr_json_w *w, const char *next);
/* A definite 404 of our own: the source has no such thing. */
enum api_result door_none(struct door *d, struct dr_err *err);

/* ---- door_lists.c, door_catalogue.c ---- */

enum api_result door_list(struct door *d, const struct call *c,
                          struct dr_err *err);
enum api_result door_changes(struct door *d, const struct call *c,
                             struct dr_err *err);
enum api_result door_read(struct door *d, const struct call *c,
                          const struct dr_json *body, struct dr_err *err);
enum api_result door_associations(struct door *d, const struct call *c,
                                  const struct dr_json *body,
                                  struct dr_err *err);
enum api_result door_account(struct door *d, struct dr_err *err);
enum api_result door_objects(struct door *d, struct dr_err *err);
enum api_result door_pairs(struct door *d);
enum api_result door_properties(struct door *d, const struct call *c,
                                struct dr_err *err);
enum api_result door_catalogue(struct door *d, const struct call *c,
                               struct dr_err *err);

#endif
