/*
 * A report on its way to whoever asked for it: written into a buffer, and from
 * there into a file without a name beside the books, which the server sends.
 * So a report may have any length and takes no memory by it.
 */
#ifndef DROVER_AUDITOR_SPOOL_H
#define DROVER_AUDITOR_SPOOL_H

#include <stdio.h>

#include <drover/http/server.h>

#include "auditor.h"

struct spool {
    struct auditor *au;
    struct dr_buf buf; /* write here, at most AUDITOR_TEXT at a time */
    FILE *file;        /* NULL: all of it is in the buffer */
};

void spool_open(struct spool *s, struct auditor *au);
/* Between two pieces: what is in the buffer goes on when it is much. What
 * cannot be written ends the process: a report that was cut would look like
 * one that is whole. */
void spool_flow(struct spool *s);
/* Answers 200 with the whole; its bytes. */
int64_t spool_answer(struct spool *s, struct dr_httpd_req *req,
                     const char *content_type);
void spool_close(struct spool *s);

#endif
