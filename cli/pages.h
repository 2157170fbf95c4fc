/*
 * Answers that are never held whole: reports, and NDJSON fetched page by
 * page to its end.
 */
#ifndef DROVER_CLI_PAGES_H
#define DROVER_CLI_PAGES_H

#include "cli.h"

/* Follows bytes as they pass and knows whether they may end here. Pure. */
struct whole {
    bool ndjson; /* else one JSON value, or anything when text is set */
    bool text;
    bool in_string, escaped, begun;
    int64_t depth;
    char last;
    int64_t lines;
};
void whole_take(struct whole *w, struct dr_str piece);
bool whole_ended(const struct whole *w);

/* Pages of path (which may hold a query) until there is no next one. After
 * each page page_end is called, unless it is NULL; other codes than CLI_OK
 * end it. What is wrong is said. */
int pages_get(struct cli *c, const char *path, dr_http_take_fn *take,
              int (*page_end)(void *ctx), void *ctx) DR_MUSTCHECK;

#endif
