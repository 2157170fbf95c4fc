/*
 * The bytes of attachments (contract 4.8): from the address that the source
 * gives, in chunks, into the topic `files`. Nothing is held whole; a round has
 * a budget of bytes and time, and the next one goes on by Range, so that the
 * tail is never kept waiting. The token stays with the source: downloads have
 * a client of their own, which follows no redirect.
 */
#include "extractor.h"
#include "folder.h"
#include "plain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define CHUNK ((size_t)512 << 10)
#define ROUND_BYTES ((uint64_t)16 << 20)
#define ROUND_MS 2000
#define SILENCE_MS 30000
/* After failures of one file after the other: an outage is not asked for each
 * of them at once, and some that are bad hold the others up for moments. */
#define PAUSE_MS 100
#define PAUSE_MAX_MS 5000
#define TELL_MS 60000
#define WELLS_MAX 256
#define PARKED_MAX 4096
/* A file may take ten minutes, and what 16 KiB a second takes. */
#define SLOW_MS 600000
#define SLOWEST_PER_MS 16

/* What there is of a file whose transfer failed, for when it is due again. */
struct parked {
    uint64_t version, at;
    int64_t took_ms, first, last;
    struct dr_hash hash;
};

struct fetch {
    struct dr_http *http;
    char origin[320];
    char id[CONTRACT_ID_MAX + 1]; /* being fetched, or "" */
    struct file *file;
    uint64_t version; /* of its metadata when it was begun */
    int64_t took_ms;  /* in transfers that brought something */
    int64_t took_before;
    struct dr_url url; /* path "": none yet */
    uint64_t at;       /* bytes that were read */
    struct dr_hash hash;
    struct dr_buf chunk;
    int64_t first, last; /* offsets that Kafka gave */
    bool sent;           /* chunks whose offsets may not be known yet */
    /* this round */
    uint64_t until; /* where its budget ends */
    int64_t until_ms;
    bool open; /* a transfer is under way, begun at `before` */
    uint64_t before;
    bool paused, over, done;
    struct dr_http_answer ans;
    size_t turn;        /* of files_next */
    int64_t not_before; /* after failures of any */
    int failed;         /* in a row, of any */
    int64_t told_ms;
    struct dr_map *wells;  /* origin -> when it sent a file whole */
    struct dr_map *parked; /* id -> struct parked */
    char settled[CONTRACT_BATCH][CONTRACT_ID_MAX + 1];
    size_t settled_n;
};

struct fetch *fetch_new(void)
{
    struct fetch *f = dr_xcalloc(1, sizeof(*f));

    dr_buf_init(&f->chunk, CHUNK);
    f->wells = dr_map_new(free);
    f->parked = dr_map_new(free);
    f->told_ms = dr_mono_ms() - TELL_MS;
    return f;
}

void fetch_free(struct fetch *f)
{
    dr_http_free(f->http);
    dr_buf_done(&f->chunk);
    dr_map_free(f->wells);
    dr_map_free(f->parked);
    free(f);
}

static void chunk_there(void *ctx, int32_t partition, int64_t offset)
{
    struct fetch *f = ctx;

    (void)partition;
    f->first = f->first < 0 || offset < f->first ? offset : f->first;
    f->last = offset > f->last ? offset : f->last;
}

static void send_chunk(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    struct dr_str id = dr_str_z(f->id);

    if (f->chunk.n > 0) {
        dr_producer_send(ex->producer, ex->files_topic,
                         dr_partition(id, ex->svc->partitions), id,
                         dr_buf_view(&f->chunk), chunk_there, f);
        f->sent = true;
        emit_spare(ex, f->chunk.n);
        dr_buf_reset(&f->chunk);
    }
}

/* Until the offsets of all chunks that were sent are known. */
static void know_offsets(struct extractor *ex)
{
    emit_flush(ex);
    ex->fetch->sent = false;
}

/* ---- one file ---- */

/* Goes on where an earlier try of the same version ended. */
static void unpark(struct fetch *f)
{
    const struct parked *p = dr_map_get(f->parked, dr_str_z(f->id));

    if (p && p->version == f->version) {
        f->took_ms = p->took_ms;
        f->at = p->at;
        f->first = p->first;
        f->last = p->last;
        f->hash = p->hash;
    }
    (void)dr_map_del(f->parked, dr_str_z(f->id));
}

/* Another one may have its turn. */
static void park(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    struct parked *p;

    if (f->at > 0) {
        send_chunk(ex);
        know_offsets(ex);
        if (dr_map_count(f->parked) >= PARKED_MAX) {
            dr_map_free(f->parked); /* these begin anew */
            f->parked = dr_map_new(free);
        }
        p = dr_xcalloc(1, sizeof(*p));
        *p = (struct parked){f->version, f->at,   f->took_ms,
                             f->first,   f->last, f->hash};
        dr_map_put(f->parked, dr_str_z(f->id), p);
    }
    f->file = NULL; /* the id stays: its address is good yet */
}

static void begin(struct extractor *ex, struct dr_str id, struct file *file)
{
    struct fetch *f = ex->fetch;
    bool same = dr_str_eqz(id, f->id) && f->version == file->version;

    if (f->sent) { /* by one that was given up: they are no offsets of ours */
        know_offsets(ex);
    }
    if (f->open) { /* of one that is not wanted any more */
        dr_http_free(f->http);
        f->http = NULL;
        f->open = false;
    }
    if (!same) {
        f->url.host[0] = '\0';
        f->url.path[0] = '\0';
    }
    (void)snprintf(f->id, sizeof(f->id), DR_STR_FMT, DR_STR_ARG(id));
    f->file = file;
    f->version = file->version;
    f->took_ms = 0;
    f->at = 0;
    f->first = f->last = -1;
    dr_hash_init(&f->hash);
    dr_buf_reset(&f->chunk);
    unpark(f);
}

static void tell_broken(const struct fetch *f, enum dr_blob_state state)
{
    dr_log(DR_LOG_WARN, "extractor.file_broken",
           "attachment=%s state=%d read=%llu%s%s%s", f->id, (int)state,
           (unsigned long long)f->at, state == DR_BLOB_REFUSED ? " host=" : "",
           state == DR_BLOB_REFUSED ? f->url.host : "",
           state == DR_BLOB_REFUSED
               ? ": it may not be asked, or sent elsewhere; if it is right, "
                 "name it in source.download_hosts and start again"
               : "");
}

/* The records of what was settled, sent once more with their blobs. */
static bool send_settled(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    struct object *o = object_find(ex, DR_STR_LIT("attachment"));
    struct dr_str ids[CONTRACT_BATCH];
    size_t n = f->settled_n;

    for (size_t i = 0; i < n; i++) {
        ids[i] = dr_str_z(f->settled[i]);
    }
    f->settled_n = 0;
    if (n == 0 || !read_ids(ex, o, ids, n, DR_ORIGIN_TAIL)) {
        return n == 0;
    }
    emit_flush(ex);
    return true;
}

static bool settle(struct extractor *ex, enum dr_blob_state state)
{
    struct fetch *f = ex->fetch;
    struct dr_blob blob = {.state = state};
    uint8_t sum[32];
    bool read = f->at > 0 || state == DR_BLOB_STORED;

    dr_hash_final(&f->hash, sum);
    if (state == DR_BLOB_STORED) {
        send_chunk(ex);
        know_offsets(ex);
        blob.partition = dr_partition(dr_str_z(f->id), ex->svc->partitions);
        blob.first_offset = f->first < 0 ? 0 : f->first;
        blob.last_offset = f->last < 0 ? 0 : f->last;
        blob.size = f->at;
    } else {
        tell_broken(f, state);
    }
    (void)dr_map_del(f->parked, dr_str_z(f->id));
    files_settle(&ex->files, dr_str_z(f->id), &blob, read ? sum : NULL);
    memcpy(f->settled[f->settled_n++], f->id, sizeof(f->id));
    f->id[0] = '\0';
    return f->settled_n < CONTRACT_BATCH || send_settled(ex);
}

static bool verify(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    struct dr_hash copy = f->hash;
    uint8_t sum[32];

    if (f->at != f->file->size) {
        return settle(ex, DR_BLOB_SIZE);
    }
    dr_hash_final(&copy, sum);
    if (f->file->hashed && memcmp(sum, f->file->want, sizeof(sum)) != 0) {
        return settle(ex, DR_BLOB_HASH);
    }
    return settle(ex, DR_BLOB_STORED);
}

/* ---- what fails ---- */

static void note_well(struct fetch *f)
{
    struct dr_str origin = dr_str_z(f->origin);
    int64_t *at = dr_map_get(f->wells, origin);

    if (!at) {
        if (dr_map_count(f->wells) >= WELLS_MAX) {
            dr_map_free(f->wells);
            f->wells = dr_map_new(free);
        }
        at = dr_xcalloc(1, sizeof(*at));
        dr_map_put(f->wells, origin, at);
    }
    *at = dr_mono_ms();
    f->failed = 0;
}

/* When the host of the file sent one whole; 0: never. */
static int64_t well_ms(const struct fetch *f)
{
    const int64_t *at = dr_map_get(f->wells, dr_str_z(f->origin));

    return at ? *at : 0;
}

static void tell_waiting(struct extractor *ex, int64_t now)
{
    struct fetch *f = ex->fetch;
    bool answered = f->ans.outcome == DR_HTTP_ANSWERED;

    if (f->file->tries < 4 || now - f->told_ms < TELL_MS) {
        return;
    }
    f->told_ms = now;
    dr_log(DR_LOG_WARN, "extractor.file_waits",
           "attachment=%s host=%s status=%d failing_s=%lld tries=%d "
           "failing=%zu%s%s: tried until it comes, or until its host sends "
           "others and not this one",
           f->id, f->url.host, answered ? f->ans.status : 0,
           (long long)((now - f->file->failing_ms) / 1000), f->file->tries,
           files_failing(&ex->files),
           answered ? "" : " reason=", answered ? "" : f->ans.reason);
}

/* Neither whole nor refused: tried again later. */
static bool put_off(struct extractor *ex, bool progress)
{
    struct fetch *f = ex->fetch;
    int64_t now = dr_mono_ms(), wait = PAUSE_MS;

    if (files_failed(f->file, progress, well_ms(f), now)) {
        return settle(ex, DR_BLOB_MISSING);
    }
    f->failed = progress ? 0 : f->failed + 1;
    if (progress) {
        return true;
    }
    for (int i = 1; i < f->failed && wait < PAUSE_MAX_MS; i++) {
        wait *= 2;
    }
    f->not_before = now + (wait < PAUSE_MAX_MS ? wait : PAUSE_MAX_MS);
    f->took_ms = f->took_before;
    f->file->host = files_host(&ex->files, f->url.host);
    tell_waiting(ex, now);
    park(ex);
    return true;
}

/* ---- the address ---- */

static bool open_client(struct fetch *f, enum dr_reach reach)
{
    struct dr_err err = {0};
    struct dr_http_opts o = {.base_url = f->url.origin,
                             .allow_plain = true, /* files_address judged */
                             .reach = reach,
                             .total_ms = SILENCE_MS,
                             .max_connections = 1};

    if (f->http && strcmp(f->origin, f->url.origin) == 0) {
        return true;
    }
    dr_http_free(f->http);
    f->http = dr_http_new(&o, &err);
    (void)snprintf(f->origin, sizeof(f->origin), "%s", f->url.origin);
    return f->http != NULL;
}

/* True: the file is settled or there is an address; *stopped: asked to. */
static bool ask_address(struct extractor *ex, bool *stopped)
{
    struct fetch *f = ex->fetch;
    struct dr_err err = {0};
    struct page page;
    enum dr_reach reach;
    enum api_result r;

    path_download(&ex->path, dr_str_z(f->id));
    r = api_page(&ex->api, ex->path.p, DR_STR_LIT("{}"), ex->inner_arena, &page,
                 &err);
    *stopped = r == API_STOPPED;
    if (r == API_STOPPED) {
        return false;
    }
    if (r == API_NO && ex->api.status == 403) {
        ex->files_refused = true; /* asked of a person: ask.c */
        f->id[0] = '\0';
        return true;
    }
    if (r != API_OK) {
        return settle(ex, DR_BLOB_MISSING);
    }
    if (files_address(dr_json_get_str(page.root, "url"), ex->download_hosts,
                      ex->local, &f->url, &reach) ||
        !open_client(f, reach)) {
        return settle(ex, DR_BLOB_REFUSED);
    }
    return true;
}

/* ---- the transfer ---- */

static bool take_bytes(struct dr_str piece, void *ctx)
{
    struct extractor *ex = ctx;
    struct fetch *f = ex->fetch;

    if (piece.n > f->file->size - f->at) {
        f->over = true;
        return false;
    }
    dr_hash_bytes(&f->hash, piece);
    f->at += piece.n;
    while (piece.n > 0) {
        size_t room = CHUNK - f->chunk.n;
        size_t n = piece.n < room ? piece.n : room;
        dr_buf_add(&f->chunk, piece.p, n);
        piece = (struct dr_str){piece.p + n, piece.n - n};
        if (f->chunk.n == CHUNK) {
            send_chunk(ex);
        }
    }
    f->paused = f->at >= f->until || dr_mono_ms() >= f->until_ms;
    return !f->paused || f->at == f->file->size;
}

static void transfer_done(const struct dr_http_answer *ans, void *ctx)
{
    struct extractor *ex = ctx;

    ex->fetch->ans = *ans;
    ex->fetch->done = true;
}

/* What an answer means; false: asked to stop. */
static bool judge(struct extractor *ex, uint64_t before)
{
    struct fetch *f = ex->fetch;
    bool progress = f->at > before;
    int status = f->ans.status;

    if (f->over) {
        return settle(ex, DR_BLOB_SIZE);
    }
    if (f->ans.address_refused) {
        return settle(ex, DR_BLOB_REFUSED);
    }
    if (f->ans.outcome != DR_HTTP_ANSWERED) {
        return f->paused || put_off(ex, progress);
    }
    if (status == 200 || status == 206) {
        note_well(f);
        return verify(ex);
    }
    if (status == 404 || status == 410) {
        return settle(ex, DR_BLOB_MISSING);
    }
    if (status >= 300 && status < 400) {
        return settle(ex, DR_BLOB_REFUSED); /* none is followed */
    }
    if (status == 416) {
        return settle(ex, DR_BLOB_SIZE);
    }
    f->url.path[0] = '\0'; /* 403: it expired */
    return put_off(ex, progress);
}

/* As much of the answer as this round has time for. The client's own limit on
 * silence ends a transfer that says nothing. */
static bool transfer(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    int64_t from_ms = dr_mono_ms();

    if (!f->open) {
        f->before = f->at;
        f->took_before = f->took_ms;
        f->paused = f->over = f->done = false;
        f->open = true;
        dr_http_stream_from(f->http, f->url.path, f->at, take_bytes,
                            transfer_done, ex);
    }
    while (!f->done && !dr_stop && dr_mono_ms() < f->until_ms) {
        (void)dr_http_poll(f->http, 100);
        dr_service_tick(ex->svc, 0);
    }
    f->took_ms += dr_mono_ms() - from_ms;
    if (!f->done) {
        return !dr_stop; /* the next round listens on */
    }
    f->open = false;
    return judge(ex, f->before);
}

/* A source that drips would be listened to for ever. */
static bool is_too_slow(const struct fetch *f)
{
    return f->took_ms > SLOW_MS + (int64_t)(f->file->size / SLOWEST_PER_MS);
}

/* A folder's disk failed, or the file is none that can be read: it may be once
 * a person has looked, as with a host that does not answer. errno says why. */
static bool unreadable(struct extractor *ex, uint64_t before)
{
    struct fetch *f = ex->fetch;

    f->ans = (struct dr_http_answer){.outcome = DR_HTTP_UNKNOWN};
    plain_why(f->ans.reason, sizeof(f->ans.reason));
    (void)snprintf(f->url.host, sizeof(f->url.host), "the folder");
    if (f->file->tries == 0) {
        dr_log(DR_LOG_WARN, "extractor.file_unreadable",
               "attachment=%s files/%s: %s; it is tried again", f->id, f->id,
               f->ans.reason);
    }
    return put_off(ex, f->at > before);
}

/* The same bytes where the source is a folder. */
static bool from_folder(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    FILE *in = folder_file(ex->api.folder, dr_str_z(f->id));
    uint64_t before = f->at;
    char piece[65536];
    bool more = true, failed;
    size_t n = 0;
    int why;

    if (!in) {
        return plain_is_absent() ? settle(ex, DR_BLOB_MISSING)
                                 : unreadable(ex, before);
    }
    f->over = f->paused = false;
    failed = fseek(in, (long)f->at, SEEK_SET) != 0;
    while (!failed && more && (n = fread(piece, 1, sizeof(piece), in)) > 0) {
        more = take_bytes((struct dr_str){piece, n}, ex);
    }
    failed = failed || ferror(in);
    why = errno;
    (void)fclose(in);
    if (f->over) {
        return settle(ex, DR_BLOB_SIZE);
    }
    if (failed) {
        errno = why;
        return unreadable(ex, before);
    }
    return more || !f->paused || f->at == f->file->size ? verify(ex) : true;
}

/* An address may come when all of the round was spent on waiting for it. It
 * is used now: before the next round it may have run out, each time. */
static void give_time(struct fetch *f)
{
    int64_t now = dr_mono_ms();

    if (now >= f->until_ms) {
        f->until_ms = now + ROUND_MS;
    }
}

static bool one_step(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    bool stopped = false;

    if (f->open) {
        return transfer(ex);
    }
    if (ex->files_left) { /* a person said so */
        return settle(ex, DR_BLOB_MISSING);
    }
    if (f->file->status != FILE_AVAILABLE) {
        return settle(ex, f->file->status == FILE_MISSING
                              ? DR_BLOB_MISSING
                              : DR_BLOB_QUARANTINED);
    }
    if (!f->file->sized) {
        return settle(ex, DR_BLOB_SIZE);
    }
    if (f->at == f->file->size) { /* none, or all but the answer's end */
        return verify(ex);
    }
    if (ex->api.folder) {
        return from_folder(ex);
    }
    if (is_too_slow(f)) {
        return settle(ex, DR_BLOB_MISSING);
    }
    if (!f->url.path[0]) {
        if (!ask_address(ex, &stopped) || !f->id[0]) {
            return !stopped;
        }
        give_time(f);
    }
    return transfer(ex);
}

/* The file may have changed, or gone, while the tail went on. */
static bool still_wanted(struct extractor *ex)
{
    struct fetch *f = ex->fetch;

    return f->id[0] && f->file &&
           dr_map_get(ex->files.wanted, dr_str_z(f->id)) == f->file &&
           f->file->version == f->version;
}

bool fetch_round(struct extractor *ex)
{
    struct fetch *f = ex->fetch;
    uint64_t left = ROUND_BYTES;
    int64_t until_ms = dr_mono_ms() + ROUND_MS;
    bool going = true;

    f->until_ms = until_ms;
    while (going && !dr_stop && (!ex->files_refused || ex->files_left) &&
           left > 0 && dr_mono_ms() < until_ms &&
           dr_mono_ms() >= f->not_before) {
        struct dr_str id;
        struct file *file;
        uint64_t before;

        if (!still_wanted(ex)) {
            if (!files_next(&ex->files, dr_mono_ms(), &f->turn, &id, &file)) {
                break;
            }
            begin(ex, id, file);
        }
        before = f->at;
        f->until = f->at + left;
        going = one_step(ex);
        left -= f->at - before < left ? f->at - before : left;
        emit_status(ex, false);
    }
    return going && send_settled(ex) && !dr_stop;
}
