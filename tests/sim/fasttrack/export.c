/* Bulk export: jobs, their limits, what is said of them (contract 4.10). */
#include "export.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define PART_MAX ((size_t)512 << 20)
#define DAY_MS 86400000

static const char *const states[] = {
    [JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running",
    [JOB_COMPLETE] = "complete",   [JOB_FAILED] = "failed",
    [JOB_CANCELLED] = "cancelled", [JOB_EXPIRED] = "expired"};

/* ---- time passes ---- */

static bool breaks(const struct world *w, const struct job *j, const char *how)
{
    return j->broken && knob_is(w->knobs, "export_break", how);
}

/* What the knob makes of the first part of a job. */
static void spoil(struct world *w, const struct job *j, struct part *p)
{
    char *tail = (char *)(uintptr_t)p->bytes.p + p->bytes.n;

    if (j->n > 0 || p->bytes.n < 16) {
        return;
    }
    if (breaks(w, j, "hash")) {
        bite(w, "export_break=hash");
        memset(p->sha256, '0', 64);
    } else if (breaks(w, j, "truncated")) {
        bite(w, "export_break=truncated");
        p->bytes.n -= p->bytes.n / 10 + 1;
    } else if (breaks(w, j, "rows")) {
        bite(w, "export_break=rows");
        p->rows++;
    } else if (breaks(w, j, "crc") && j->gzip) {
        uint8_t sum[32];
        bite(w, "export_break=crc");
        tail[-8] = (char)~tail[-8];
        dr_sha256(p->bytes, sum);
        dr_hex(sum, 32, p->sha256);
    }
}

static bool read_part(struct world *w, struct job *j, int64_t now)
{
    size_t max = (size_t)knob_int(w->knobs, "export_part_rows");
    struct part p = {.as_of_ms = now};
    struct dr_buf b;
    uint8_t sum[32];
    bool more;

    dr_buf_init(&b, PART_MAX);
    more = job_read(w, j, max > 0 ? max : 1, &b, &p);
    if (more) {
        p.bytes = j->gzip ? gzip_of(w, dr_buf_view(&b))
                          : dr_arena_dup(w->arena, dr_buf_view(&b));
        p.announced = p.bytes.n;
        dr_sha256(p.bytes, sum);
        dr_hex(sum, 32, p.sha256);
        j->rows += p.rows;
        spoil(w, j, &p);
        j->parts = dr_xrealloc(j->parts, (j->n + 1) * sizeof(*j->parts));
        j->parts[j->n++] = p;
    }
    dr_buf_done(&b);
    return more;
}

static void go_on(struct world *w, struct job *j, int64_t now)
{
    int64_t each = knob_int(w->knobs, "export_part_ms");

    if (j->state == JOB_QUEUED &&
        now >= j->requested_ms + knob_int(w->knobs, "export_queue_ms")) {
        j->state = JOB_RUNNING;
        j->started_ms = j->requested_ms + knob_int(w->knobs, "export_queue_ms");
    }
    while (j->state == JOB_RUNNING &&
           now >= j->started_ms + (int64_t)j->n * each) {
        if (j->n > 0 && breaks(w, j, "failed")) {
            bite(w, "export_break=failed");
            j->state = JOB_FAILED;
        } else if (!read_part(w, j, now)) {
            j->state = JOB_COMPLETE;
            j->completed_ms = now;
        }
    }
    if (j->state == JOB_COMPLETE &&
        now >= j->completed_ms + knob_int(w->knobs, "export_ttl_ms")) {
        j->state = JOB_EXPIRED;
    }
}

void exports_tick(struct world *w)
{
    int64_t now = vclock_now(&w->clock);

    for (size_t i = 0; i < w->job_n; i++) {
        go_on(w, &w->jobs[i], now);
    }
}

void exports_expire(struct world *w)
{
    for (size_t i = 0; i < w->job_n; i++) {
        w->jobs[i].state = JOB_EXPIRED;
    }
}

/* ---- POST /exports ---- */

static bool within_limits(struct call *c)
{
    int at_once = tenant_jobs(c->w, false), a_day = tenant_jobs(c->w, true);
    int64_t until;
    char text[24];

    for (size_t i = 0; i < c->w->job_n; i++) {
        const struct job *j = &c->w->jobs[i];
        at_once -= j->state == JOB_QUEUED || j->state == JOB_RUNNING;
        a_day -= j->requested_ms / DAY_MS == c->now / DAY_MS;
    }
    if (at_once > 0 && a_day > 0) {
        return true;
    }
    c->policy = "export_jobs";
    fail(c, 429, "rate_limited",
         a_day > 0 ? "too many jobs at once" : "too many jobs today");
    bite(c->w, "export_jobs");
    until = a_day > 0 ? 1 : (DAY_MS - c->now % DAY_MS) / 1000 + 1;
    (void)snprintf(text, sizeof(text), "%lld", (long long)until);
    dr_httpd_add_header(c->req, "Retry-After", text);
    return false;
}

static bool listed(const struct dr_json *list, const char *name)
{
    DR_JSON_EACH(v, list)
    {
        if (dr_str_eqz(dr_json_str(v), name)) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the request. */
static const char *fault_of(struct call *c, const struct dr_json *body)
{
    struct dr_str format = dr_json_get_str(body, "format");
    struct dr_str packing = dr_json_get_str(body, "compression");

    if (dr_json_type(body) != DR_JSON_OBJECT) {
        return "the body is no JSON object";
    }
    if (dr_json_get(body, "updated_to") || dr_json_get(body, "end_date")) {
        return "an export runs to the current date: updated_to and end_date "
               "are not supported";
    }
    if (!world_kind(c->w, dr_json_get_str(body, "object"))) {
        return "object: no such type";
    }
    if (!dr_str_eqz(format, "ndjson") && !dr_str_eqz(format, "csv")) {
        return "format: ndjson or csv";
    }
    if (!dr_str_eqz(packing, "gzip") && !dr_str_eqz(packing, "none")) {
        return "compression: gzip or none";
    }
    return NULL;
}

static struct dr_str names_of(struct world *w, const struct dr_json *list)
{
    struct dr_str all = {"", 0};

    DR_JSON_EACH(v, list)
    {
        all = dr_arena_printf(w->arena, DR_STR_FMT "%s" DR_STR_FMT,
                              DR_STR_ARG(all), all.n ? "," : "",
                              DR_STR_ARG(dr_json_str(v)));
    }
    return all;
}

static struct job *new_job(struct call *c, const struct dr_json *body)
{
    struct world *w = c->w;
    const struct dr_json *include = dr_json_get(body, "include");
    struct job *j;

    w->jobs = dr_xrealloc(w->jobs, (w->job_n + 1) * sizeof(*w->jobs));
    j = &w->jobs[w->job_n++];
    *j = (struct job){
        .id = dr_arena_printf(w->arena, "x_%zu", w->job_n),
        .object = dr_arena_dup(w->arena, dr_json_get_str(body, "object")),
        .properties = names_of(w, dr_json_get(body, "properties")),
        .csv = dr_str_eqz(dr_json_get_str(body, "format"), "csv"),
        .gzip = dr_str_eqz(dr_json_get_str(body, "compression"), "gzip"),
        .archived = listed(include, "archived"),
        .associations = listed(include, "associations"),
        .broken = (int64_t)w->job_n <= knob_int(w->knobs, "export_break_jobs"),
        .requested_ms = c->now};
    j->kind = world_kind(w, j->object);
    if (dr_time_parse(dr_json_get_str(body, "updated_from"), &j->from_ms,
                      NULL)) {
        j->from_ms = INT64_MIN;
    }
    bite(w, "export_job");
    return j;
}

/* ---- GET /exports/{id} ---- */

static void time_key(struct dr_json_w *o, const char *key, int64_t ms)
{
    char text[DR_TIME_TEXT];

    dr_json_w_kvz(o, key, ms > 0 ? dr_time_format(ms - ms % 1000, text) : NULL);
}

static void address(struct call *c, const struct job *j, const char *what,
                    bool expiry)
{
    struct dr_buf url;
    int64_t until;

    dr_buf_init(&url, 4096);
    until = download_address(c->w,
                             dr_arena_printf(c->a, "/exports/" DR_STR_FMT "/%s",
                                             DR_STR_ARG(j->id), what),
                             &url);
    dr_json_w_kv(&c->j, "url", dr_buf_view(&url));
    if (expiry) {
        time_key(&c->j, "url_expires_at", until);
    }
    dr_buf_done(&url);
}

static void tell_part(struct call *c, const struct job *j, size_t i)
{
    const struct part *p = &j->parts[i];
    char name[24];

    (void)snprintf(name, sizeof(name), "%zu", i + 1);
    dr_json_w_obj(&c->j);
    dr_json_w_kvi(&c->j, "n", (int64_t)i + 1);
    address(c, j, name, true);
    dr_json_w_kvi(&c->j, "bytes", (int64_t)p->announced);
    dr_json_w_kvi(&c->j, "rows", (int64_t)p->rows);
    dr_json_w_kvz(&c->j, "sha256", p->sha256);
    dr_json_w_kv(&c->j, "first_id", p->first_id);
    dr_json_w_kv(&c->j, "last_id", p->last_id);
    time_key(&c->j, "as_of", p->as_of_ms);
    dr_json_w_end(&c->j);
}

static void tell_result(struct call *c, const struct job *j)
{
    dr_json_w_key(&c->j, "parts");
    dr_json_w_arr(&c->j);
    for (size_t i = 0; i < j->n; i++) {
        tell_part(c, j, i);
    }
    dr_json_w_end(&c->j);
    dr_json_w_kvi(&c->j, "rows_total", (int64_t)j->rows);
    dr_json_w_key(&c->j, "corrupt");
    dr_json_w_obj(&c->j);
    dr_json_w_kvi(&c->j, "count", (int64_t)j->corrupt_n);
    address(c, j, "corrupt", false);
    dr_json_w_end(&c->j);
    time_key(&c->j, "expires_at",
             j->completed_ms + knob_int(c->w->knobs, "export_ttl_ms"));
}

static void tell(struct call *c, const struct job *j)
{
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", j->id);
    dr_json_w_kvz(&c->j, "status", states[j->state]);
    dr_json_w_kv(&c->j, "object", j->object);
    time_key(&c->j, "requested_at", j->requested_ms);
    time_key(&c->j, "started_at", j->started_ms);
    time_key(&c->j, "completed_at", j->completed_ms);
    dr_json_w_kvz(&c->j, "from", "1970-01-01T00:00:00Z");
    if (j->from_ms > 0) {
        time_key(&c->j, "from", j->from_ms);
    }
    time_key(&c->j, "to", j->completed_ms);
    if (j->state == JOB_COMPLETE) {
        tell_result(c, j);
    }
    server_time(c);
    dr_json_w_end(&c->j);
}

static struct job *find(struct world *w, struct dr_str id)
{
    for (size_t i = 0; i < w->job_n; i++) {
        if (dr_str_eq(w->jobs[i].id, id)) {
            return &w->jobs[i];
        }
    }
    return NULL;
}

static void request(struct call *c)
{
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);
    const char *why = fault_of(c, body);

    if (why) {
        fail(c, 400, "unsupported_parameter", why);
    } else if (within_limits(c)) {
        tell(c, new_job(c, body));
        c->status = 202;
    }
}

void exports(struct call *c, struct dr_str id)
{
    struct job *j = find(c->w, id);

    if (!tenant_may(c->w, "bulk_export")) {
        bite(c->w, "plan.refused");
        fail(c, 403, "plan_feature_unavailable", "the plan has no bulk export");
        return;
    }
    if (!id.p || id.n == 0) {
        request(c);
        return;
    }
    c->by_id = true;
    if (j && j->state == JOB_EXPIRED) {
        bite(c->w, "export_expired");
    }
    if (!j) {
        fail(c, 404, "not_found", "no such job");
        return;
    }
    if (dr_str_eqz(dr_httpd_method(c->req), "DELETE") &&
        (j->state == JOB_QUEUED || j->state == JOB_RUNNING)) {
        j->state = JOB_CANCELLED;
    }
    tell(c, j);
}

/* ---- behind the addresses, and for the admin port ---- */

bool export_body(struct world *w, struct dr_str path, struct dr_str *out)
{
    struct dr_str rest = path;
    const struct job *j;
    uint64_t n;

    (void)dr_str_split(&rest, '/');
    (void)dr_str_split(&rest, '/');
    j = find(w, dr_str_split(&rest, '/'));
    if (!j || j->state != JOB_COMPLETE) {
        return false;
    }
    if (dr_str_eqz(rest, "corrupt")) {
        *out = j->corrupt;
        return true;
    }
    if (dr_str_u64(rest, &n) || n == 0 || n > j->n) {
        return false;
    }
    *out = j->parts[n - 1].bytes;
    return true;
}

void exports_told(const struct world *w, struct dr_buf *out)
{
    for (size_t i = 0; i < w->job_n; i++) {
        const struct job *j = &w->jobs[i];
        struct dr_json_w o;
        dr_json_w_init(&o, out);
        dr_json_w_obj(&o);
        dr_json_w_kv(&o, "id", j->id);
        dr_json_w_kv(&o, "object", j->object);
        dr_json_w_kvz(&o, "status", states[j->state]);
        time_key(&o, "requested_at", j->requested_ms);
        dr_json_w_kvi(&o, "parts", (int64_t)j->n);
        dr_json_w_kvi(&o, "rows", (int64_t)j->rows);
        dr_json_w_end(&o);
        dr_buf_ch(out, '\n');
    }
}
