/* What `drover wait` can wait for, decided on an answer of /v1/status. Pure. */
#ifndef DROVER_CLI_COND_H
#define DROVER_CLI_COND_H

#include <stdbool.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/json/json.h>

struct cond {
    const struct cond_kind *kind;
    const char *of; /* what stands after the colon, or NULL */
};

/* -1: why says what conditions there are. */
int cond_parse(struct cond *c, const char *text,
               struct dr_buf *why) DR_MUSTCHECK;
bool cond_met(const struct cond *c, const struct dr_json *status);
/* What it waits for now, in a few words. */
void cond_progress(const struct cond *c, const struct dr_json *status,
                   struct dr_buf *out);
/* All conditions, blanks between: for help and completion. */
void cond_list(struct dr_buf *out);

#endif
