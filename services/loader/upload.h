/*
 * Files on their way: chunks out of the topic `files` into a request's body,
 * one at a time, hashed as they go. The last bytes of the request leave only
 * when the file is as long as it was and has the hash it had.
 */
#ifndef DROVER_LOADER_UPLOAD_H
#define DROVER_LOADER_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/http/client.h>

struct loader;
struct item;
struct call;
struct upload;
struct dr_json;

/* Room for another one. */
bool upload_room(const struct loader *l);
/* Takes the room for the item's file. NULL: it cannot be sent at all; then the
 * item was refused. */
struct upload *upload_new(struct loader *l, struct item *it);
void upload_free(struct upload *u);
/* Sends it; done is called once with the call, perhaps at once. */
void upload_go(struct upload *u, struct call *c, dr_http_done_fn *done);
/* After its end: true when the upload itself knows what became of it. */
bool upload_ended(struct loader *l, struct item *it, const struct upload *u,
                  const struct dr_http_answer *ans, const struct dr_json *doc);
/* Once a turn. */
void uploads_alive(struct loader *l);
void uploads_close(struct loader *l);

/* claims.c: which documents are known to be another record's. Reads on in
 * `landed`; false: not yet, try again. */
bool claims_read(struct loader *l);
bool claimed(const struct loader *l, const struct item *it, uint64_t id);

#endif
