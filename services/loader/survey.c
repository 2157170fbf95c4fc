/*
 * Surveying the target: its catalogue, at the start and whenever control asks
 * for it, and once per migration everything that was there before. One loader
 * does it for all (a lock in Redis); what it found travels by `catalog`.
 */
#include "loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "catalog.h"

#define LOCK_MS 15000 /* of a loader that died */
#define RENEW_MS 4000
#define RETRY_MS 500
#define TEXT_MAX ((size_t)7 << 20)
#define QUESTIONS_MAX 40

enum survey_step { SURVEY_ASK, SURVEY_WALK };

/* Answers that said nothing. */
struct strange {
    int n;
    int64_t since_ms;
};

struct catalog_job {
    enum survey_step step;
    uint64_t seq;
    size_t open;
    char *texts[QUESTIONS_MAX];
    struct strange strange[QUESTIONS_MAX], of_modules[TYPES_MAX][2], of_page;
    struct module_texts modules[TYPES_MAX];
    size_t module_count;
    int64_t hour_limit;
    size_t type; /* of the walk */
    int view;
    struct walk_at at;
    int64_t rows[TYPES_MAX];
    int64_t began_ms, locked_ms;
};

/* ---- the catalog topic ---- */

void catalog_open(struct loader *l)
{
    const char *topics[1];
    struct dr_err err;
    int64_t end;

    dr_topic(l->svc, l->catalog_topic, "catalog", NULL);
    topics[0] = l->catalog_topic;
    l->catalog = dr_reader_new(&l->svc->kafka, topics, 1, &err);
    if (!l->catalog || dr_reader_end(l->catalog, 0, 0, 60000, &end, &err)) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    dr_reader_add(l->catalog, 0, 0, DR_OFFSET_BEGIN);
    l->catalog_end = end;
}

static void take_views(struct loader *l, const struct dr_json *views)
{
    for (size_t i = 0; i < type_count; i++) {
        int64_t ids[TYPE_VIEWS];
        l->view_count[i] = catalog_views(&types[i], views, ids);
        for (int k = 0; k < l->view_count[i]; k++) {
            l->views[i][k].id = ids[k];
        }
    }
}

static void take(struct loader *l, const struct dr_catalog *c)
{
    const struct dr_json *doc;

    if (!dr_str_eqz(c->side, "target")) {
        return;
    }
    doc = dr_json_parse(l->rows, c->json, NULL, NULL);
    if (dr_str_eqz(c->name, "custom_modules")) {
        DR_JSON_EACH(m, doc)
        {
            (void)type_module(dr_json_get_str(m, "entity_name"));
        }
    } else if (dr_str_eqz(c->name, "views")) {
        take_views(l, doc);
    } else if (dr_str_eqz(c->name, "account")) {
        l->catalog_seq = (uint64_t)dr_json_get_i64(doc, "catalog_seq", 0);
        l->catalog_read = true;
    } else if (dr_str_eqz(c->name, "existing")) {
        l->existing_done = dr_json_true(dr_json_get(doc, "complete"));
    }
}

static void read_topic(struct loader *l)
{
    const struct dr_env *env;
    struct dr_kmsg m;

    while (dr_reader_poll(l->catalog, 0, &m)) {
        dr_arena_reset(l->rows);
        env = m.value.p ? dr_wire_unpack(l->rows, m.value, NULL) : NULL;
        if (env && env->kind == DR_MSG_CATALOG) {
            take(l, &env->u.catalog);
        }
        l->catalog_at = m.offset + 1;
    }
}

static void publish(struct loader *l, const char *name, const struct dr_buf *b)
{
    struct dr_env env = {.kind = DR_MSG_CATALOG};
    uint8_t hash[DR_SHA256];
    char key[64];

    if (b->over) {
        dr_log(DR_LOG_ERROR, "loader.catalog",
               "%s: larger than 7 MiB, not published", name);
        return;
    }
    dr_sha256(dr_buf_view(b), hash);
    env.u.catalog =
        (struct dr_catalog){.side = DR_STR_LIT("target"),
                            .name = dr_str_z(name),
                            .json = dr_buf_view(b),
                            .hash = {(const char *)hash, sizeof(hash)}};
    (void)snprintf(key, sizeof(key), "target:%s", name);
    dr_service_send(l->svc, l->out, l->catalog_topic, 0, dr_str_z(key), &env,
                    NULL, NULL);
}

/* ---- ending ---- */

static void job_end(struct loader *l, const char *lock)
{
    struct catalog_job *j = l->catalog_job;
    struct dr_err err;

    if (dr_store_walk_unlock(l->store, lock, l->svc->id, -1, &err)) {
        view_failed(l, &err);
    }
    for (size_t i = 0; i < QUESTIONS_MAX; i++) {
        free(j->texts[i]);
    }
    for (size_t i = 0; i < j->module_count; i++) {
        free(j->modules[i].definition);
        free(j->modules[i].forms);
        free(j->modules[i].views);
    }
    free(j);
    l->catalog_job = NULL;
    l->catalog_retry_ms = l->now_ms + RETRY_MS; /* till the topic has it */
}

static void renew(struct loader *l, const char *lock)
{
    struct catalog_job *j = l->catalog_job;
    struct dr_err err;

    if (l->now_ms - j->locked_ms < RENEW_MS) {
        return;
    }
    j->locked_ms = l->now_ms;
    if (dr_store_walk_unlock(l->store, lock, l->svc->id, -1, &err) ||
        dr_store_walk_lock(l->store, lock, l->svc->id, LOCK_MS, &err) < 0) {
        view_failed(l, &err);
    }
}

/* ---- the catalogue ---- */

static void publish_all(struct loader *l)
{
    static const char *const names[PARTS] = {"fields", "selectors", "views"};
    struct catalog_job *j = l->catalog_job;
    struct catalog_account account = {.base_url = l->base_url,
                                      .user_agent = "drover",
                                      .plan = l->plan,
                                      .classic = l->classic,
                                      .hour_limit = j->hour_limit,
                                      .seq = j->seq};
    struct dr_buf b;

    for (size_t i = 0; i < question_count; i++) {
        account.modules |=
            questions[i].part == PART_MODULES && j->texts[i] != NULL;
    }
    dr_buf_init(&b, TEXT_MAX);
    catalog_modules_write(j->modules, j->module_count, &b);
    publish(l, "custom_modules", &b); /* before their views */
    dr_buf_done(&b);
    for (int p = 0; p < PARTS; p++) {
        dr_buf_init(&b, TEXT_MAX);
        catalog_write((enum catalog_part)p, j->texts, j->modules,
                      j->module_count, j->seq, &b);
        publish(l, names[p], &b);
        dr_buf_done(&b);
    }
    dr_buf_init(&b, TEXT_MAX);
    catalog_account_write(&account, &b);
    publish(l, "account", &b);
    dr_buf_done(&b);
    dr_log(DR_LOG_INFO, "loader.catalog",
           "the target's catalogue was read, "
           "seq=%llu",
           (unsigned long long)j->seq);
    job_end(l, "catalog");
}

static char *canonical(const struct dr_json *list)
{
    struct dr_buf text;
    char *out;

    dr_buf_init(&text, TEXT_MAX);
    dr_json_canonical(&text, list);
    out = dr_xstrndup(text.over ? DR_STR_LIT("[]") : dr_buf_view(&text));
    dr_buf_done(&text);
    return out;
}

static void one_answered(struct loader *l)
{
    if (--l->catalog_job->open == 0) {
        publish_all(l);
    }
}

static bool refused(enum outcome o)
{
    return o == OUT_REFUSED || o == OUT_AMBIGUOUS || o == OUT_FORBIDDEN;
}

static int64_t pause_of(const struct strange *s)
{
    return s->n > 0 ? single_pause_ms(s->n) : 0;
}

/* Neither an answer nor a refusal: it is asked again, ever more seldom. true:
 * for long, while others are answered; it is left out then. */
static bool is_mute(const struct loader *l, struct strange *s,
                    const struct dr_http_answer *ans)
{
    return single_often(l, &s->n, &s->since_ms) && ans->status != 429 &&
           l->well_ms >= l->catalog_job->began_ms;
}

/* ---- custom modules: what each has ---- */

static void module_forms_answered(struct loader *l, struct call *c,
                                  const struct dr_http_answer *ans);
static void module_views_answered(struct loader *l, struct call *c,
                                  const struct dr_http_answer *ans);

static struct strange *strange_of(struct loader *l,
                                  const struct module_texts *m, bool forms)
{
    struct catalog_job *j = l->catalog_job;

    return &j->of_modules[m - j->modules][forms];
}

static void ask_module(struct loader *l, struct module_texts *m, bool forms)
{
    struct dr_buf path;

    dr_buf_init(&path, 1024);
    if (forms) {
        dr_buf_printf(&path, "/settings/%s/forms", m->type->name);
    } else {
        dr_buf_printf(&path, "%s/filters", m->type->path);
    }
    call_later(l,
               call_new(l, &l->lanes[0], "GET", dr_buf_view(&path),
                        forms ? module_forms_answered : module_views_answered,
                        m),
               pause_of(strange_of(l, m, forms)));
    dr_buf_done(&path);
}

static void module_answered(struct loader *l, struct call *c,
                            const struct dr_http_answer *ans, bool forms)
{
    struct module_texts *m = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *list = dr_json_get(doc, forms ? "forms" : "filters");
    enum outcome o = answer_outcome(ans, list != NULL);

    if (!l->catalog_job || l->exit_code) {
        return;
    }
    renew(l, "catalog");
    if (o == OUT_SUCCESS) {
        *(forms ? &m->forms : &m->views) = canonical(list);
    } else if (refused(o) || is_mute(l, strange_of(l, m, forms), ans)) {
        dr_log(DR_LOG_WARN, "loader.catalog", "%s of %s answers %d: left out",
               forms ? "forms" : "filters", m->type->name, ans->status);
    } else {
        ask_module(l, m, forms);
        return;
    }
    one_answered(l);
}

static void module_forms_answered(struct loader *l, struct call *c,
                                  const struct dr_http_answer *ans)
{
    module_answered(l, c, ans, true);
}

static void module_views_answered(struct loader *l, struct call *c,
                                  const struct dr_http_answer *ans)
{
    module_answered(l, c, ans, false);
}

static void ask_modules(struct loader *l, const char *text)
{
    struct catalog_job *j = l->catalog_job;
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(TEXT_MAX * 4);

    DR_JSON_EACH(d, dr_json_parse(a, dr_str_z(text), NULL, NULL))
    {
        const struct type *t = type_module(dr_json_get_str(d, "entity_name"));
        if (t && j->module_count < DR_ARRAY_LEN(j->modules)) {
            struct module_texts *m = &j->modules[j->module_count++];
            m->type = t;
            m->definition = canonical(d);
            j->open += 2;
            ask_module(l, m, true);
            ask_module(l, m, false);
        } else {
            dr_log(DR_LOG_WARN, "loader.catalog",
                   "a custom module of an unusual name, or one too many: left "
                   "out");
        }
    }
}

/* ---- the fixed questions ---- */

static void queue_question(struct loader *l, size_t i);

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct catalog_job *j = l->catalog_job;
    size_t i = (size_t)((const struct question *)c->ctx - questions);
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *list = dr_json_get(doc, questions[i].root);
    enum outcome o = answer_outcome(ans, list != NULL);

    if (!j || l->exit_code) {
        return;
    }
    renew(l, "catalog");
    if (o == OUT_SUCCESS) {
        j->texts[i] = canonical(list);
        j->hour_limit = ans->limit > 0 ? ans->limit : j->hour_limit;
        if (questions[i].part == PART_MODULES) {
            ask_modules(l, j->texts[i]);
        }
    } else if (refused(o) || is_mute(l, &j->strange[i], ans)) {
        dr_log(questions[i].part == PART_MODULES ? DR_LOG_INFO : DR_LOG_WARN,
               "loader.catalog", "%s answers %d: left out", questions[i].path,
               ans->status);
    } else {
        queue_question(l, i);
        return;
    }
    one_answered(l);
}

static void queue_question(struct loader *l, size_t i)
{
    /* Only the address serves as a number; nothing is written through it. */
    void *ctx = (void *)(uintptr_t)&questions[i];

    call_later(l,
               call_new(l, &l->lanes[0], "GET", dr_str_z(questions[i].path),
                        answered, ctx),
               pause_of(&l->catalog_job->strange[i]));
}

static void start_reading(struct loader *l)
{
    struct catalog_job *j = dr_xcalloc(1, sizeof(*j));

    DR_ASSERT(question_count <= QUESTIONS_MAX);
    j->step = SURVEY_ASK;
    j->seq = l->catalog_wanted;
    j->hour_limit = -1;
    j->began_ms = j->locked_ms = l->now_ms;
    l->catalog_job = j;
    for (size_t i = 0; i < question_count; i++) {
        if (!questions[i].classic || l->classic) {
            j->open++;
            queue_question(l, i);
        }
    }
}

/* ---- what was there before ---- */

static struct lane *lane_of(struct loader *l, const struct type *t)
{
    const char *name = t->module                           ? "custom"
                       : strcmp(t->object, "company") == 0 ? "account"
                                                           : t->object;

    return &l->lanes[dr_lane_index(dr_str_z(name))];
}

static void ask_page(struct loader *l);

static void publish_before(struct loader *l, const struct type *t,
                           const struct dr_json *doc, size_t *count)
{
    char key[64];

    *count = 0;
    DR_JSON_EACH(r, dr_json_get(doc, t->name))
    {
        (*count)++;
        if (row_id(r) == 0 || row_deleted(r)) {
            continue;
        }
        (void)snprintf(key, sizeof(key), "dst:%s:%llu", t->name,
                       (unsigned long long)row_id(r));
        landed_publish(l, lane_of(l, t), dr_str_z(key), dr_str_z(key), t,
                       row_id(r), 0, DR_LANDED_BEFORE, r->raw, NULL, NULL);
    }
}

/* The position from which walks for our own records start: behind these. */
static void set_position(struct loader *l, size_t type, int view, int64_t rows)
{
    char what[64];
    struct dr_err err;

    (void)snprintf(what, sizeof(what), "%s:%lld", types[type].name,
                   (long long)l->views[type][view].id);
    if (dr_store_walk_lock(l->store, what, l->svc->id, LOCK_MS, &err) < 0 ||
        dr_store_walk_unlock(l->store, what, l->svc->id, rows, &err)) {
        view_failed(l, &err); /* costs calls later, nothing else */
    }
}

static void publish_existing(struct loader *l)
{
    struct catalog_job *j = l->catalog_job;
    struct dr_json_w w;
    struct dr_buf b;

    if (dr_producer_flush(l->out, 30000)) {
        dr_log(DR_LOG_WARN, "loader.survey", "the broker is slow: again");
        job_end(l, "existing");
        return;
    }
    dr_buf_init(&b, TEXT_MAX);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    for (size_t i = 0; i < type_count; i++) {
        if (l->view_count[i] > 0) {
            dr_json_w_kvi(&w, types[i].name, j->rows[i]);
        }
    }
    dr_json_w_kvb(&w, "complete", true);
    dr_json_w_kvi(&w, "catalog_seq", (int64_t)l->catalog_seq);
    dr_json_w_end(&w);
    publish(l, "existing", &b);
    dr_buf_done(&b);
    dr_log(DR_LOG_INFO, "loader.survey",
           "what was in the target before is published");
    job_end(l, "existing");
}

/* To the next view that there is, or the end. */
static void next_view(struct loader *l)
{
    struct catalog_job *j = l->catalog_job;

    while (j->type < type_count && j->view >= l->view_count[j->type]) {
        j->type++;
        j->view = 0;
    }
    if (j->type >= type_count) {
        publish_existing(l);
        return;
    }
    walk_begin(&j->at, 0);
    ask_page(l);
}

static void page_answered(struct loader *l, struct call *c,
                          const struct dr_http_answer *ans)
{
    struct catalog_job *j = l->catalog_job;
    const struct type *t;
    const struct dr_json *doc = NULL;
    enum outcome o;
    size_t count;

    (void)c;
    if (!j || l->exit_code) {
        return;
    }
    t = &types[j->type];
    dr_arena_reset(l->rows);
    if (ans->outcome == DR_HTTP_ANSWERED) {
        doc = dr_json_parse(l->rows, ans->body, NULL, NULL);
    }
    o = answer_outcome(ans, dr_json_get(doc, t->name) != NULL);
    if (o != OUT_SUCCESS && !refused(o) && !is_mute(l, &j->of_page, ans)) {
        ask_page(l);
        return;
    }
    renew(l, "existing");
    j->of_page = (struct strange){0};
    if (o != OUT_SUCCESS) {
        dr_log(DR_LOG_ERROR, "loader.survey",
               "a view of %s answers %d: what it holds is not known", t->name,
               ans->status);
        j->view++;
        next_view(l);
        return;
    }
    publish_before(l, t, doc, &count);
    walk_page(&j->at, count,
              dr_json_get_i64(dr_json_get(doc, "meta"), "total_pages", -1));
    if (!j->at.end) {
        ask_page(l);
        return;
    }
    j->rows[j->type] += j->at.rows;
    set_position(l, j->type, j->view, j->at.rows);
    j->view++;
    next_view(l);
}

static void ask_page(struct loader *l)
{
    struct catalog_job *j = l->catalog_job;
    const struct type *t = &types[j->type];
    struct dr_buf path;

    dr_buf_init(&path, 1024);
    walk_path(t, l->views[j->type][j->view].id, j->at.page, false, &path);
    call_later(l,
               call_new(l, lane_of(l, t), "GET", dr_buf_view(&path),
                        page_answered, NULL),
               pause_of(&j->of_page));
    dr_buf_done(&path);
}

static void start_walk(struct loader *l)
{
    l->catalog_job = dr_xcalloc(1, sizeof(*l->catalog_job));
    l->catalog_job->step = SURVEY_WALK;
    l->catalog_job->began_ms = l->catalog_job->locked_ms = l->now_ms;
    next_view(l);
}

/* ---- when ---- */

static bool locked(struct loader *l, const char *what, int ttl_ms)
{
    struct dr_err err;
    int rc = dr_store_walk_lock(l->store, what, l->svc->id, ttl_ms, &err);

    if (rc < 0) {
        view_failed(l, &err);
    }
    return rc == 1;
}

void catalog_pump(struct loader *l)
{
    read_topic(l);
    if (l->catalog_job || l->catalog_at < l->catalog_end ||
        l->now_ms < l->catalog_retry_ms || !view_usable(l) || l->draining) {
        return;
    }
    l->catalog_retry_ms = l->now_ms + RETRY_MS;
    if (!l->catalog_read || l->catalog_seq < l->catalog_wanted) {
        if (locked(l, "catalog", LOCK_MS)) {
            start_reading(l);
        }
    } else if (!l->existing_done && l->pass == 0) {
        if (locked(l, "existing", LOCK_MS)) {
            start_walk(l);
        }
    }
}
