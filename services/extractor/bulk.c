/*
 * The snapshot by bulk export, where the account has it: the job of export.c
 * carried out. A part is emitted only when its bytes are those that the job
 * announced.
 */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/base/time.h>

#include "download.h"
#include "rows.h"
#include "scratch.h"

#define PART_MAX ((uint64_t)16 << 30) /* packed */
#define CORRUPT_MAX ((uint64_t)1 << 30)
#define URL_MAX 4096
#define FIRST_MS 500 /* until the first look at a job, at most */

struct part {
    char url[URL_MAX];
    char sha256[65];
    int64_t bytes, rows;
};

/* What an answer about a job says. */
struct seen {
    enum export_state state;
    char status[24]; /* its word for it */
    uint32_t parts;
    uint64_t rows;
    int64_t requested_ms;
    struct part part; /* the next one to read */
    int64_t corrupt;
    char corrupt_url[URL_MAX];
    char id[EXPORT_ID_MAX];
};

static void copy(char *out, size_t n, struct dr_str s)
{
    (void)snprintf(out, n, DR_STR_FMT, DR_STR_ARG(s));
}

static void read_answer(const struct dr_json *j, uint32_t next,
                        struct seen *out)
{
    const struct dr_json *parts = dr_json_get(j, "parts");
    const struct dr_json *p = dr_json_at(parts, next);
    const struct dr_json *corrupt = dr_json_get(j, "corrupt");

    *out = (struct seen){.state = export_state(dr_json_get_str(j, "status")),
                         .parts = parts ? parts->count : 0,
                         .rows = (uint64_t)dr_json_get_i64(j, "rows_total", -1),
                         .corrupt = dr_json_get_i64(corrupt, "count", 0)};
    copy(out->status, sizeof(out->status), dr_json_get_str(j, "status"));
    copy(out->id, sizeof(out->id), dr_json_scalar(dr_json_get(j, "id")));
    copy(out->part.url, URL_MAX, dr_json_get_str(p, "url"));
    copy(out->part.sha256, sizeof(out->part.sha256),
         dr_json_get_str(p, "sha256"));
    out->part.bytes = dr_json_get_i64(p, "bytes", -1);
    out->part.rows = dr_json_get_i64(p, "rows", -1);
    copy(out->corrupt_url, URL_MAX, dr_json_get_str(corrupt, "url"));
    if (dr_time_parse(dr_json_get_str(j, "requested_at"), &out->requested_ms,
                      NULL)) {
        out->requested_ms = INT64_MAX;
    }
}

static void save(struct extractor *ex, struct object *o)
{
    emit_flush(ex);
    emit_cursor(ex, o);
    emit_status(ex, false);
}

/* T0 is the earliest request of all jobs (contract 4.10). */
static void note_request(struct extractor *ex, struct object *o,
                         const struct seen *s)
{
    struct cursor *c = &o->cursor;

    if (s->requested_ms < c->start_ms) {
        c->start_ms = s->requested_ms;
        c->watermark_ms = horizon_start(&ex->horizon, c->start_ms);
        c->assoc_watermark_ms = c->watermark_ms;
    }
    export_asked(&c->job, dr_str_z(s->id));
    save(ex, o); /* durable before the first poll */
    dr_log(DR_LOG_INFO, "extractor.export_requested", "object=%s job=%s",
           o->name, c->job.id);
}

static void body_of(struct dr_buf *b, const char *object)
{
    dr_buf_reset(b);
    dr_buf_printf(b,
                  "{\"object\":\"%s\",\"format\":\"ndjson\",\"compression\":"
                  "\"gzip\",\"updated_from\":null,\"properties\":[\"*\"],"
                  "\"include\":[\"archived\"]}",
                  object);
}

static void tell_unknown(const struct object *o)
{
    dr_log(DR_LOG_WARN, "extractor.export_unknown",
           "object=%s: a job was asked for and its id never came; none is "
           "asked for beside it, its lists are read",
           o->name);
}

/* The step after it; false: asked to stop. */
static bool request(struct extractor *ex, struct object *o,
                    enum export_do *what)
{
    struct dr_err err = {0};
    struct page page;
    struct seen s;
    enum api_result r;

    export_asks(&o->cursor.job, dr_wall_ms());
    save(ex, o); /* durable before the request */
    body_of(&ex->body, o->name);
    r = api_once(&ex->api, "/v1/exports", dr_buf_view(&ex->body),
                 ex->inner_arena, &page, &err);
    if (r == API_STOPPED) {
        export_asks_not(&o->cursor.job);
        save(ex, o);
        return false;
    }
    *what = EXPORT_LISTS;
    if (r == API_UNKNOWN) {
        tell_unknown(o);
        return true;
    }
    if (r != API_OK) {
        export_asks_not(&o->cursor.job);
        dr_log(DR_LOG_WARN, "extractor.export_refused",
               "object=%s code=%s: its lists are read", o->name, ex->api.code);
        return true;
    }
    read_answer(page.root, 0, &s);
    if (s.id[0] == '\0' || !type_ok(dr_str_z(s.id))) {
        dr_log(DR_LOG_WARN, "extractor.export_refused",
               "object=%s: the job has no usable id; its lists are read",
               o->name);
        return true;
    }
    note_request(ex, o, &s);
    *what = EXPORT_POLL;
    return true;
}

static void tell_waiting(struct object *o, const struct seen *s)
{
    struct export_job *j = &o->cursor.job;
    int64_t now = dr_wall_ms();

    if (export_tells(j, now)) {
        dr_log(DR_LOG_WARN, "extractor.export_waits",
               "object=%s job=%s status=%s minutes=%lld: it has failed when it "
               "takes %lld hours",
               o->name, j->id, s->status,
               (long long)((now - j->asked_ms) / 60000),
               (long long)(EXPORT_WAIT_MAX_MS / 3600000));
    }
}

static bool poll(struct extractor *ex, struct object *o, struct seen *s,
                 enum export_do *what)
{
    struct dr_err err = {0};
    struct page page;
    enum api_result r;

    dr_buf_reset(&ex->path);
    dr_buf_printf(&ex->path, "/v1/exports/%s", o->cursor.job.id);
    r = api_page(&ex->api, ex->path.p, (struct dr_str){0}, ex->inner_arena,
                 &page, &err);
    if (r == API_STOPPED) {
        return false;
    }
    *s = (struct seen){.state = EXPORT_LOST};
    if (r == API_OK) {
        read_answer(page.root, o->cursor.job.parts, s);
    }
    *what =
        export_next(&o->cursor.job, s->state, s->parts, s->rows, dr_wall_ms());
    if (*what == EXPORT_POLL) {
        tell_waiting(o, s);
    } else if (*what == EXPORT_REQUEST || *what == EXPORT_LISTS) {
        dr_log(
            DR_LOG_WARN, "extractor.export_lost",
            "object=%s: the job failed, expired, did not end in time or does "
            "not add up",
            o->name);
        save(ex, o);
    }
    return true;
}

/* ---- a part ---- */

static enum download_result get(struct extractor *ex, const char *url,
                                uint64_t max, FILE *f, struct downloaded *got)
{
    struct dr_err err = {0};
    enum download_result r = download(ex, dr_str_z(url), max, f, got, &err);

    if (r == DOWNLOAD_REFUSED) {
        dr_die(DR_EXIT_REFUSED, "source.download_hosts", "%s", err.text);
    }
    if (r == DOWNLOAD_BROKEN || r == DOWNLOAD_EXPIRED) {
        dr_log(DR_LOG_WARN, "extractor.download_failed", "%s", err.text);
    }
    return r;
}

/* All rows of the file; -1: it is damaged, -2: asked to stop, -3: it unpacks
 * to more than is believed. */
static int64_t emit_part(struct extractor *ex, struct object *o, FILE *f,
                         uint64_t bytes, const struct dr_map *corrupt)
{
    struct textfile t;
    struct text_line line;
    struct dr_err err;
    struct gather g;
    char name[32];
    int64_t rows = 0;
    int got;
    bool going = true;

    (void)snprintf(name, sizeof(name), "part %u", o->cursor.job.parts + 1);
    gather_open(&g, ex, o, DR_ORIGIN_SNAPSHOT);
    g.corrupt = corrupt;
    text_open(&t, f, true, text_bound(bytes, ex->unpack_ratio));
    while (going && (got = text_line(&t, &line, &err)) > 0) {
        rows++;
        going = gather_line(&g, &line, name) && !dr_stop;
    }
    going = going && gather_flush(&g);
    text_close(&t);
    gather_close(&g);
    if (!going) {
        return -2;
    }
    return got >= 0 ? rows : err.code == DR_ZIP_TOO_MUCH ? -3 : -1;
}

static void part_bad(struct extractor *ex, struct object *o, bool damaged,
                     const char *why, enum export_do *what)
{
    dr_log(DR_LOG_WARN, "extractor.part_bad", "object=%s part=%u: %s", o->name,
           o->cursor.job.parts + 1, why);
    *what = export_part_bad(&o->cursor.job, damaged);
    save(ex, o);
}

static bool read_file(struct extractor *ex, struct object *o,
                      const struct part *p, FILE *f,
                      const struct dr_map *corrupt, enum export_do *what)
{
    struct downloaded got = {0};
    uint64_t max = p->bytes >= 0 && (uint64_t)p->bytes < PART_MAX
                       ? (uint64_t)p->bytes
                       : PART_MAX;
    enum download_result r = get(ex, p->url, max, f, &got);
    int64_t rows;

    if (r == DOWNLOAD_STOPPED) {
        return false;
    }
    if (r != DOWNLOAD_OK) {
        part_bad(ex, o, false, "it did not come whole", what);
        return true;
    }
    if ((int64_t)got.bytes != p->bytes || strcmp(got.sha256, p->sha256) != 0) {
        part_bad(ex, o, true, "its length or SHA-256 is not the job's", what);
        return true;
    }
    rewind(f);
    rows = emit_part(ex, o, f, got.bytes, corrupt);
    if (rows == -2) {
        return false;
    }
    if (rows != p->rows) {
        part_bad(ex, o, true,
                 rows == -3 ? "it unpacks to more than source.unpack_ratio "
                              "lets pass: raise it, if it is sound"
                 : rows < 0 ? "it does not unpack"
                            : "it has not as many rows as the job says",
                 what);
        return true;
    }
    export_part_read(&o->cursor.job, (uint64_t)rows);
    save(ex, o);
    *what = EXPORT_POLL; /* addresses are fresh for the next one */
    return true;
}

static bool part(struct extractor *ex, struct object *o, const struct part *p,
                 const struct dr_map *corrupt, enum export_do *what)
{
    FILE *f = scratch_file();
    bool going = read_file(ex, o, p, f, corrupt, what);

    (void)fclose(f);
    return going;
}

/* ---- what the source itself cannot read ---- */

static void corrupt_line(struct extractor *ex, const struct text_line *line,
                         struct dr_map *ids)
{
    struct dr_err err = {0};
    const struct dr_json *j;
    struct dr_str id;

    dr_arena_reset(ex->inner_arena);
    j = dr_json_parse(ex->inner_arena, line->text, NULL, &err);
    id = dr_json_scalar(dr_json_get(j, "id"));
    if (id_ok(id)) {
        dr_map_put(ids, id, ex);
    }
}

/* The ids that the source says it cannot read: whatever their lines look
 * like, they are no records. */
static bool read_corrupt(struct extractor *ex, struct object *o,
                         const struct seen *s, struct dr_map *ids)
{
    FILE *f = s->corrupt > 0 ? scratch_file() : NULL;
    struct text_line line;
    struct downloaded got;
    struct textfile t;
    struct dr_err err;
    enum download_result r;

    if (!f) {
        return true;
    }
    r = get(ex, s->corrupt_url, CORRUPT_MAX, f, &got);
    if (r == DOWNLOAD_OK) {
        rewind(f);
        text_open(&t, f, false, CORRUPT_MAX);
        while (text_line(&t, &line, &err) > 0) {
            corrupt_line(ex, &line, ids);
        }
        text_close(&t);
    } else if (r != DOWNLOAD_STOPPED) {
        dr_log(DR_LOG_WARN, "extractor.corrupt_list",
               "object=%s: the list of what cannot be read did not come; the "
               "sweep finds them",
               o->name);
    }
    (void)fclose(f);
    return r != DOWNLOAD_STOPPED;
}

/* Those of them that no part held. */
static void emit_corrupt(struct extractor *ex, struct object *o,
                         const struct dr_map *ids)
{
    struct emitted_row row;
    struct dr_str id;
    size_t at = 0;
    void *value;

    while (dr_map_next(ids, &at, &id, &value)) {
        if (!was_rejected(ex, o, id) &&
            !emitted_get(ex->emitted, object_index(ex, o), id, &row)) {
            emit_unreadable(ex, o, id,
                            "FastTrack says that it cannot read this record");
        }
    }
}

/* ---- the job ---- */

static bool carry_out(struct extractor *ex, struct object *o,
                      struct dr_map *corrupt, enum export_do *what)
{
    int64_t first = ex->poll_ms < FIRST_MS ? ex->poll_ms : FIRST_MS;
    struct seen s = {0};
    unsigned waited = 0;
    bool going = true;

    *what = export_begin(&o->cursor.job);
    if (o->cursor.job.asking) {
        tell_unknown(o);
    }
    while (going && *what != EXPORT_LISTS && *what != EXPORT_DONE) {
        if (*what == EXPORT_REQUEST) {
            waited = 0;
            going = request(ex, o, what);
        } else if (*what == EXPORT_PART) {
            waited = 0;
            going = (dr_map_count(corrupt) > 0 ||
                     read_corrupt(ex, o, &s, corrupt)) &&
                    part(ex, o, &s.part, corrupt, what);
        } else {
            going = (s.parts > 0 && o->cursor.job.tries == 0) ||
                    api_wait(&ex->api, export_pause_ms(waited++, first));
            control_look(ex);
            going = going && poll(ex, o, &s, what);
        }
    }
    return going;
}

static bool take_export(struct extractor *ex, struct object *o,
                        enum export_do *what)
{
    struct dr_map *corrupt = dr_map_new(NULL);
    bool going = carry_out(ex, o, corrupt, what);

    if (going && *what == EXPORT_DONE) {
        emit_corrupt(ex, o, corrupt);
    }
    dr_map_free(corrupt);
    return going;
}

bool bulk_pages(struct extractor *ex, struct object *o)
{
    enum export_do what = EXPORT_LISTS;

    if (ex->bulk_export && o->is != OBJECT_EVENTS &&
        o->cursor.phase == CURSOR_LIST && o->cursor.after[0] == '\0' &&
        !take_export(ex, o, &what)) {
        return false;
    }
    if (what == EXPORT_LISTS) {
        o->cursor.job = (struct export_job){
            .jobs = o->cursor.job.jobs ? EXPORT_JOBS_MAX : 0};
        return api_pages(ex, o);
    }
    dr_log(DR_LOG_INFO, "extractor.export_read", "object=%s job=%s rows=%llu",
           o->name, o->cursor.job.id, (unsigned long long)o->cursor.job.rows);
    o->cursor.phase = CURSOR_LINES;
    save(ex, o);
    return true;
}
