/* Uploads: see upload.h. The shell's part: where the chunks come from, when a
 * request is cut, what its end means. */
#include "upload.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "loader.h"
#include "multipart.h"

#define STARVED_MS 30000 /* no chunk for so long: cut, tried again */
#define REFUSED_IN_A_ROW 3
#define END_MS 3000 /* for the broker's word on the log's end */

enum upload_at { AT_HEAD, AT_BYTES, AT_TAIL };

/* Why it was cut. */
enum upload_cut {
    CUT_NOT,
    CUT_DAMAGED, /* other bytes than the source had               */
    CUT_STARVED, /* the chunks do not come                        */
    CUT_FENCED,  /* the partition is another's, or the item ended */
};

struct upload {
    struct loader *l;
    struct item *it;
    int slot;
    struct dr_blob blob;
    uint8_t want[DR_SHA256];
    struct dr_buf head, tail, type;
    enum upload_at at;
    enum upload_cut cut;
    struct dr_str chunk; /* what is left of it; the reader's memory */
    size_t sent;         /* of head or tail */
    uint64_t hashed;
    struct dr_hash hash;
    int64_t moved_ms, read_to;
    bool reading;
};

bool upload_room(const struct loader *l)
{
    for (int i = 0; i < UPLOADS; i++) {
        if (!l->uploads[i].used) {
            return true;
        }
    }
    return false;
}

static struct dr_reader *reader_of(struct loader *l, int slot)
{
    struct upload_slot *s = &l->uploads[slot];
    char topic[DR_TOPIC_MAX];
    const char *topics[1] = {topic};
    struct dr_err err;

    if (!s->reader) {
        dr_topic(l->svc, topic, "files", NULL);
        s->reader = dr_reader_new(&l->svc->kafka, topics, 1, &err);
        if (!s->reader) {
            dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
        }
    }
    return s->reader;
}

static void refuse_damaged(struct loader *l, struct item *it, const char *why)
{
    item_refuse(l, it, "file_damaged", 0,
                "let the source hold the whole file again; it is read anew "
                "when it changes there, then redrive",
                true, dr_str_z(why));
}

static bool sound(struct loader *l, struct item *it, const struct dr_blob *b)
{
    if (b->state != DR_BLOB_STORED || b->sha256.n != DR_SHA256 ||
        b->partition < 0 || b->partition >= l->parts) {
        refuse_damaged(l, it, "its bytes are not here");
        return false;
    }
    if (b->size > FILE_MAX_BYTES) {
        item_refuse(l, it, "too_large", 0,
                    "Freshsales takes files of 150 MB at most: keep it where "
                    "it is and let the plan write a link or a note",
                    true, DR_STR_LIT("the file is larger than 150 MB"));
        return false;
    }
    return true;
}

struct upload *upload_new(struct loader *l, struct item *it)
{
    const struct dr_blob *b = &item_load(l, it)->blob;
    struct upload *u;
    int slot = 0;

    if (!sound(l, it, b)) {
        return NULL;
    }
    while (l->uploads[slot].used) {
        slot++;
        DR_ASSERT(slot < UPLOADS);
    }
    u = dr_xcalloc(1, sizeof(*u));
    u->l = l;
    u->it = it;
    u->slot = slot;
    u->read_to = -1;
    u->blob = *b;
    memcpy(u->want, b->sha256.p, DR_SHA256);
    u->blob.sha256 = (struct dr_str){NULL, 0}; /* the scratch's */
    dr_buf_init(&u->head, 8192);
    dr_buf_init(&u->tail, 256);
    dr_buf_init(&u->type, 256);
    dr_buf_add(&u->head, it->body, it->body_size);
    multipart_tail(dr_buf_view(&u->head), &u->tail);
    multipart_type(dr_buf_view(&u->head), &u->type);
    DR_ASSERT(!u->head.over && !u->tail.over && !u->type.over);
    dr_hash_init(&u->hash);
    l->uploads[slot].used = true;
    return u;
}

void upload_free(struct upload *u)
{
    if (!u) {
        return;
    }
    if (u->reading) {
        dr_reader_remove(u->l->uploads[u->slot].reader, 0, u->blob.partition);
    }
    u->l->uploads[u->slot].used = false;
    dr_buf_done(&u->head);
    dr_buf_done(&u->tail);
    dr_buf_done(&u->type);
    free(u);
}

static long stop(struct upload *u, enum upload_cut why)
{
    u->cut = why;
    return DR_HTTP_CUT;
}

static long some(struct upload *u, struct dr_str from, char *out, size_t n)
{
    if (n > from.n - u->sent) {
        n = from.n - u->sent;
    }
    memcpy(out, from.p + u->sent, n);
    u->sent += n;
    return (long)n;
}

/* The next chunk of this file; chunks of others may lie in between. */
static long next_chunk(struct upload *u)
{
    struct dr_reader *r = u->l->uploads[u->slot].reader;
    int64_t now = dr_mono_ms();
    struct dr_kmsg m;

    while (u->chunk.n == 0) {
        if (u->read_to >= u->blob.last_offset) {
            return stop(u, CUT_DAMAGED); /* shorter than it was */
        }
        if (!dr_reader_poll(r, 0, &m)) {
            return now - u->moved_ms > STARVED_MS ? stop(u, CUT_STARVED)
                                                  : DR_HTTP_LATER;
        }
        u->moved_ms = now;
        u->read_to = m.offset;
        if (m.offset >= u->blob.first_offset &&
            m.offset <= u->blob.last_offset && m.value.n > 0 &&
            dr_str_eq(m.key, key_id(u->it->key))) {
            if (m.value.n > u->blob.size - u->hashed) {
                return stop(u, CUT_DAMAGED);
            }
            dr_hash_bytes(&u->hash, m.value);
            u->hashed += m.value.n;
            u->chunk = m.value;
        }
    }
    return 1;
}

static bool as_it_was(struct upload *u)
{
    uint8_t have[DR_SHA256];

    dr_hash_final(&u->hash, have);
    return memcmp(have, u->want, sizeof(have)) == 0;
}

static long bytes(struct upload *u, char *out, size_t n)
{
    long rc;

    if (u->chunk.n == 0 && u->hashed == u->blob.size) {
        if (!as_it_was(u)) {
            return stop(u, CUT_DAMAGED);
        }
        u->at = AT_TAIL;
        u->sent = 0;
        return some(u, dr_buf_view(&u->tail), out, n);
    }
    rc = u->chunk.n > 0 ? 1 : next_chunk(u);
    if (rc != 1) {
        return rc;
    }
    if (n > u->chunk.n) {
        n = u->chunk.n;
    }
    memcpy(out, u->chunk.p, n);
    u->chunk.p += n;
    u->chunk.n -= n;
    return (long)n;
}

static long give(char *out, size_t n, void *ctx)
{
    struct call *c = ctx;
    struct upload *u = c->upload;
    struct item *it = u->it;

    uploads_alive(u->l);
    if (it->dead || !own_active(&it->lp->own) ||
        it->epoch != it->lp->own.epoch) {
        return stop(u, CUT_FENCED);
    }
    switch (u->at) {
    case AT_HEAD:
        if (u->sent < u->head.n) {
            return some(u, dr_buf_view(&u->head), out, n);
        }
        u->at = AT_BYTES;
        return bytes(u, out, n);
    case AT_BYTES:
        return bytes(u, out, n);
    case AT_TAIL:
        break;
    }
    return some(u, dr_buf_view(&u->tail), out, n);
}

void upload_go(struct upload *u, struct call *c, dr_http_done_fn *done)
{
    struct dr_reader *r = reader_of(u->l, u->slot);
    uint64_t size = u->head.n + u->blob.size + u->tail.n;
    int64_t end = 0;
    struct dr_err err;

    u->moved_ms = dr_mono_ms();
    u->l->uploads_ms = u->moved_ms;
    if (u->blob.size > 0) {
        if (dr_reader_end(r, 0, u->blob.partition, END_MS, &end, &err)) {
            u->cut = CUT_STARVED;
        } else if (u->blob.first_offset < 0 || u->blob.last_offset >= end) {
            u->cut = CUT_DAMAGED; /* never were there */
        } else {
            dr_reader_add(r, 0, u->blob.partition, u->blob.first_offset);
            u->reading = true;
        }
    }
    if (u->cut != CUT_NOT) {
        struct dr_http_answer none = {.outcome = DR_HTTP_UNSETTLED,
                                      .body_cut = true,
                                      .retry_after_ms = -1,
                                      .date_ms = -1,
                                      .limit = -1,
                                      .remaining = -1};
        done(&none, c);
        return;
    }
    dr_http_upload(u->l->http, c->path, u->type.p, size, give, done, c);
}

static void refuse_too_large(struct loader *l, struct item *it, int status)
{
    item_refuse(l, it, "too_large", status,
                "the target takes no file of this size: keep it where it is "
                "and let the plan write a link or a note",
                true, DR_STR_LIT("the target says that it is too large"));
}

/* The words for it are in the user's language and its status is that of any
 * wrong value: file after file refused says it (reference 18). */
static void refuse(struct loader *l, struct item *it, int status,
                   const struct dr_json *doc)
{
    bool full = status == 507 || ++l->files_refused >= REFUSED_IN_A_ROW;
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    answer_message(doc, status, &b);
    item_refuse(l, it, full ? "storage_full" : "refused", status,
                "where the account's storage is full, buy or clear some; else "
                "change the value in the source or in the plan; then redrive",
                true, dr_buf_view(&b));
    dr_buf_done(&b);
    if (full) {
        lane_halt(it->lp->lane,
                  "the target refuses file after file: its storage may be "
                  "full. Buy or clear some, then pause and resume");
        l->files_refused = 0;
    }
}

static bool refused(struct loader *l, struct item *it,
                    const struct dr_http_answer *ans, const struct dr_json *doc)
{
    switch (ans->status) {
    case 413:
        refuse_too_large(l, it, ans->status);
        return true;
    case 400:
    case 409:
    case 422:
    case 507:
        refuse(l, it, ans->status, doc);
        return true;
    default:
        break;
    }
    if (ans->status >= 200 && ans->status < 300) {
        l->files_refused = 0;
    }
    return false;
}

bool upload_ended(struct loader *l, struct item *it, const struct upload *u,
                  const struct dr_http_answer *ans, const struct dr_json *doc)
{
    if (ans->outcome == DR_HTTP_ANSWERED) {
        return refused(l, it, ans, doc);
    }
    if (!ans->body_cut) {
        return false;
    }
    /* The whole of it never left: nothing can have come of it. */
    if (u->cut == CUT_DAMAGED) {
        refuse_damaged(l, it,
                       "the bytes read from the source are not those that "
                       "were read before");
    } else if (u->cut == CUT_FENCED) {
        item_again(it);
    } else if (!single_tired(l, it, 0)) {
        item_retry(l, it, "cut", 0);
    }
    return true;
}

/* A process that was stopped in the middle of an upload must not end it: its
 * partition may have been another's for long (6, P). */
void uploads_alive(struct loader *l)
{
    int64_t now = dr_mono_ms();
    bool any = false;

    for (int i = 0; i < UPLOADS; i++) {
        any |= l->uploads[i].used;
    }
    if (any && l->uploads_ms && now - l->uploads_ms > PAUSE_MS) {
        dr_die(DR_EXIT_FENCED, "loader",
               "paused for more than %d ms in the middle of an upload: start "
               "again, what is open is settled first",
               PAUSE_MS);
    }
    l->uploads_ms = any ? now : 0;
}

void uploads_close(struct loader *l)
{
    for (int i = 0; i < UPLOADS; i++) {
        dr_reader_free(l->uploads[i].reader);
        l->uploads[i].reader = NULL;
    }
    dr_reader_free(l->claims_reader);
    dr_map_free(l->claims);
}
