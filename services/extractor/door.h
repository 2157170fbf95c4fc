/*
 * The door to the source: what the extractor's steps ask in the contract's
 * words goes out in the words of the profile, and what comes back is a page of
 * the contract. A source that speaks the contract itself is passed through
 * byte for byte; of any other, one call may take several.
 */
#ifndef EXTRACTOR_DOOR_H
#define EXTRACTOR_DOOR_H

#include "api.h"
#include "profile.h"

struct door;

/* Borrows both. */
struct door *door_new(struct api *api, const struct profile *profile);
void door_free(struct door *d);

/* As api_page. */
enum api_result door_page(struct door *d, const char *path, struct dr_str body,
                          struct dr_arena *arena, struct page *out,
                          struct dr_err *err);

#endif
