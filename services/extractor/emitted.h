/*
 * What has been emitted: for every (object, id) the newest version, revision
 * and content seen so far. Decides whether a record that was read is news
 * (contract 3.3, newer()), and lists what a sweep did not find. Pure; rebuilt
 * from the source topics at start. 32 bytes and the id a record.
 */
#ifndef EXTRACTOR_EMITTED_H
#define EXTRACTOR_EMITTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/str.h>

struct emitted;

struct emitted_row {
    uint64_t version;
    uint64_t rev;
    uint64_t content; /* first 8 bytes of the content hash */
    bool has_version;
    bool gone;    /* deleted, merged or hidden at the source */
    bool hidden;  /* that one */
    uint8_t said; /* of a set of lines: currencies.h; else 0 */
};

struct emitted *emitted_new(void);
void emitted_free(struct emitted *e);

/* object: a small index of the caller's, 0 to 63. */
bool emitted_get(const struct emitted *e, int object, struct dr_str id,
                 struct emitted_row *out);
/* Remembers the row unless a newer revision is known already. */
void emitted_put(struct emitted *e, int object, struct dr_str id,
                 const struct emitted_row *row);

/*
 * True when a read is news. R1: a lower version is not; the same version is
 * only with other content (associations move no version); R4: a tombstone
 * blocks every version at or below its own.
 */
bool emitted_is_news(const struct emitted *e, int object, struct dr_str id,
                     const struct emitted_row *read);
/* Server time of the read, or one more than the last revision. */
uint64_t emitted_next_rev(const struct emitted *e, int object, struct dr_str id,
                          int64_t server_ms);

/* Those of an object that are not gone. */
size_t emitted_living(const struct emitted *e, int object);
size_t emitted_count(const struct emitted *e, int object);

/* A sweep: begin, note every id seen, then list the living not seen. */
void emitted_sweep_begin(struct emitted *e, int object);
void emitted_sweep_saw(struct emitted *e, int object, struct dr_str id);
size_t emitted_sweep_missing(const struct emitted *e, int object);
/* Next living id that was not seen; *at starts at 0. */
bool emitted_sweep_next(const struct emitted *e, int object, size_t *at,
                        struct dr_str *id_out);

#endif
