/*
 * An export folder as the source (contract 6): it answers the calls of the
 * contract itself, from the files, so that snapshot, sweep and tail are the
 * same as with a server. A later drop in the same place is the delta: all of
 * it is offered as changed, and what it has not as deleted, under the guard.
 */
#ifndef EXTRACTOR_FOLDER_H
#define EXTRACTOR_FOLDER_H

#include <stdio.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>

struct extractor;
struct folder;

/* Ends the process when the folder is refused. */
struct folder *folder_open(struct extractor *ex, const char *dir);
void folder_free(struct folder *f);
/* The status of the answer; its body in *out. */
int folder_answer(struct folder *f, struct dr_str path, struct dr_str body,
                  struct dr_buf *out);
/* The bytes of an attachment, or NULL; the caller's. */
FILE *folder_file(const struct folder *f, struct dr_str id);
/* Lines that are no records become rejects; once the topics are there. */
void folder_reject(struct folder *f);

#endif
