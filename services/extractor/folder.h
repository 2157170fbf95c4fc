/*
 * An export folder as the source (contract 6): it answers the calls of the
 * contract itself, from the files, so that snapshot, sweep and tail are the
 * same as with a server. A later drop in the same place is the delta: all of
 * it is offered as changed, and what it has not as merged or deleted: as its
 * tombstones say, else as deleted, under the guard.
 */
#ifndef EXTRACTOR_FOLDER_H
#define EXTRACTOR_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

struct extractor;
struct folder;

/* Ends the process when the folder is refused. */
struct folder *folder_open(struct extractor *ex, const char *dir);
void folder_free(struct folder *f);
/* The status of the answer; its body in *out. */
int folder_answer(struct folder *f, struct dr_str path, struct dr_str body,
                  struct dr_buf *out);
/* A record's stamp, or where it has none (0) when its drop was produced: later
 * it was not changed (contract 6). f NULL: no folder, the stamp as it is. */
int64_t folder_stamp(const struct folder *f, int64_t updated_ms);
/* The bytes of an attachment, the caller's. NULL: see plain.h. */
FILE *folder_file(const struct folder *f, struct dr_str id);
/* Once the topics are there: tells what the folder lacks, asks where that is
 * much, and rejects the lines that are no records. False: asked to stop. */
bool folder_begin(struct folder *f);
/* What a person should know of it, as texts of the open array. */
void folder_findings(const struct folder *f, struct dr_json_w *w);
/* The same with their cures, as a report of the profile's check. */
void folder_publish(const struct folder *f);

#endif
