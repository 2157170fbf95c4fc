/*
 * What is known of each attachment (contract 4.8): what its metadata says, and
 * where its bytes stand in the topic `files`, or why they do not.
 */
#ifndef EXTRACTOR_FILES_H
#define EXTRACTOR_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/map.h>
#include <drover/http/address.h>
#include <drover/json/json.h>
#include <drover/wire/wire.h>

enum file_status { FILE_AVAILABLE, FILE_QUARANTINED, FILE_MISSING };

struct file {
    uint64_t version, size;
    enum file_status status;
    bool sized, hashed; /* what the metadata has */
    uint8_t want[32];
    struct dr_blob blob; /* state 0: not fetched yet */
    uint8_t sha256[32];
    bool again;         /* refused before this start: asked for once more */
    int tries;          /* in a row without a byte */
    uint8_t host;       /* of the last failure: files_host; 0: unknown */
    int64_t failing_ms; /* since when, by the steady clock */
    int64_t due_ms;     /* not before, after a failure */
};

#define FILES_HOSTS 8 /* that are told by name */

struct files {
    struct dr_map *all;    /* id -> struct file                       */
    struct dr_map *wanted; /* ids whose bytes are neither here nor given up */
    uint64_t limit;        /* no larger file is fetched; 0: none yet  */
    char hosts[FILES_HOSTS][256]; /* that transfers failed from, or ""  */
};
/* How many are in `files`, how many never will be, and the bytes there. */
void files_count(const struct files *f, uint64_t *stored, uint64_t *broken,
                 uint64_t *bytes);

void files_init(struct files *f);
void files_done(struct files *f);
/* A record that is about to be sent: fills its blob. What was fetched stays
 * while size, hash and status do; without a hash, while the version does.
 * What could not be fetched is tried again with each version. */
void files_note(struct files *f, struct dr_source *s,
                const struct dr_json *body);
/* A record that was read back: its blob counts, but one that was refused is
 * tried once more: the configuration may have been put right. */
void files_read_back(struct files *f, const struct dr_source *s,
                     const struct dr_json *body);
/* Those that are to be fetched and are not yet. */
size_t files_pending(const struct files *f);
/* The next of them that is due now; false: there is none. *at goes round. */
bool files_next(struct files *f, int64_t now_ms, size_t *at,
                struct dr_str *id_out, struct file **file_out);
/* Those of them whose last transfer failed. */
size_t files_failing(const struct files *f);
/* How many of these each host of f->hosts has; n[FILES_HOSTS]: others. */
void files_failing_by_host(const struct files *f, size_t n[FILES_HOSTS + 1]);
/* The number of a host, for file.host; 0: empty, or one too many. */
uint8_t files_host(struct files *f, const char *host);
#define FILES_OUTAGE_MAX_MS ((int64_t)12 * 3600 * 1000)
/* A transfer failed: the file is due later, or at once when it brought bytes.
 * well_ms: when the host sent another one whole. True: it may be given up. An
 * outage ends no file, unless it is longer than any freeze may wait: only one
 * that fails for long while its host sends others. */
bool files_failed(struct file *file, bool progress, int64_t well_ms,
                  int64_t now_ms);
/* What became of it. sha256: of what was read, 32 bytes, or NULL. */
void files_settle(struct files *f, struct dr_str id, const struct dr_blob *blob,
                  const uint8_t *sha256);
/* The last 8 bytes of a content: two blobs of one record are two contents. */
uint64_t files_mix(const struct dr_blob *b);

/* ---- where bytes may be fetched from (security 4.1) ---- */

/* `allowed`: "host[:port], …" or "". `local`: the source itself is loopback,
 * so that its download host may be. -1: refused. */
int files_address(struct dr_str url, const char *allowed, bool local,
                  struct dr_url *out, enum dr_reach *reach_out);

#endif
