/*
 * The source contract on the client's side: paths of calls, and what stands
 * in answers (fasttrack contract 4). Pure: text in, structs out. Everything
 * found lives in the arena of the parsed tree.
 */
#ifndef EXTRACTOR_CONTRACT_H
#define EXTRACTOR_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/json/json.h>
#include <drover/wire/wire.h>

#define CONTRACT_PAGE 200  /* rows of a list page, 4.2              */
#define CONTRACT_BATCH 100 /* ids of a batch read, 4.4              */
#define CONTRACT_INDEX_PAGE 1000
#define CONTRACT_ID_MAX 64 /* bytes of an id, 4.1                   */

/* How an object of the source is read. */
enum object_is {
    OBJECT_RECORDS,
    OBJECT_LINES,  /* line_item: as the set of its deal, 4.6 */
    OBJECT_FILES,  /* attachment: its ends come from its parents, 4.8 */
    OBJECT_EVENTS, /* append-only, 4.7 */
};
enum object_is object_is(struct dr_str type);
/* Place in the snapshot: what others refer to comes first (3.3). */
int object_rank(struct dr_str type, bool custom);
#define OBJECT_RANKS 10
/* A type names paths and topics: letters, digits, _ and -, at most 64. */
bool type_ok(struct dr_str type);

/* ---- paths ---- */

void path_list(struct dr_buf *b, const char *object, struct dr_str after,
               int limit);
void path_index(struct dr_buf *b, const char *object, struct dr_str after);
void path_changes(struct dr_buf *b, const char *object, int64_t since_ms,
                  int64_t before_ms, struct dr_str after);
void path_assoc_changes(struct dr_buf *b, int64_t since_ms, int64_t before_ms,
                        struct dr_str after);
void path_batch(struct dr_buf *b, const char *object);
void path_assoc_batch(struct dr_buf *b, const char *from, const char *to);
void path_events(struct dr_buf *b, struct dr_str after, int limit);
/* Where the bytes of an attachment are to be had, 4.8. */
void path_download(struct dr_buf *b, struct dr_str id);
/* {"ids":[…]} */
void body_ids(struct dr_buf *b, const struct dr_str *ids, size_t n);

const char *path_account(void);

/* ---- answers ---- */

/* Products to line items: a migration without them is none. */
bool object_needed(struct dr_str type);

/* At most 64 bytes, not empty, UTF-8 without NUL. */
bool id_ok(struct dr_str id);
/* A broken line mostly still shows which record it is; empty: it does not. */
struct dr_str id_in_broken(struct dr_str raw);

/* One whole page: parsed tree and the two things every answer has. */
struct page {
    const struct dr_json *root;
    int64_t server_ms;
    struct dr_str next; /* cursor; empty: the last page */
};

#define CONTRACT_AFTER_MAX 512 /* bytes of a page cursor, NUL included */

int page_parse(struct dr_arena *a, struct dr_str body, struct page *out,
               struct dr_err *err) DR_MUSTCHECK;
/* The same with another limit of depth; 0: the reader's own. */
int page_parse_deep(struct dr_arena *a, struct dr_str body, unsigned depth,
                    struct page *out, struct dr_err *err) DR_MUSTCHECK;

/* The envelope of a record (4.4); body is its bytes as read. A record without
 * a usable type, id or version is not one: -1 with the reason. */
int record_parse(const struct dr_json *j, struct dr_source *out,
                 struct dr_err *err) DR_MUSTCHECK;
/* An event (4.7): no version; updated_ms is when it was taken in. */
int event_parse(const struct dr_json *j, struct dr_source *out,
                struct dr_err *err) DR_MUSTCHECK;

struct index_row {
    struct dr_str id;
    uint64_t version;
    int64_t updated_ms;
    bool archived;
};
int index_row_parse(const struct dr_json *j,
                    struct index_row *out) DR_MUSTCHECK;

struct change_row {
    struct dr_str id, op, merged_into;
    uint64_t version;
    int64_t updated_ms;
};
int change_row_parse(const struct dr_json *j,
                     struct change_row *out) DR_MUSTCHECK;

/* The ends of one row of an associations batch read; appends to the vector. */
struct assoc_vec {
    struct dr_assoc *v;
    size_t n, cap;
};
void assoc_add(struct assoc_vec *vec, const struct dr_assoc *a);
/* -1: an end is not usable text; what came before it is in the vector. */
int assoc_row_parse(const struct dr_json *row, struct dr_str pair,
                    struct assoc_vec *out) DR_MUSTCHECK;
/* The cursor of the row's next ends; empty: there are no more. */
struct dr_str assoc_row_after(const struct dr_json *row);
/* One id, and where its row goes on. */
void body_ids_after(struct dr_buf *b, struct dr_str id, struct dr_str after);

/* Content hash of a source record: body, associations, parts, aliases. 32
 * bytes. */
void source_hash(const struct dr_source *s, uint8_t out[32]);

#endif
