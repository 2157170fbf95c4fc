#include "desk.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#include "checklist.h"
#include "kept.h"

/* Trees of the catalogues, while one proposal is made. */
#define CATALOG_ARENA ((size_t)256 << 20)

/* ---- catalogues ---- */

static const struct dr_json *tree(struct auditor *au, const char *side,
                                  const char *name, struct dr_arena *a)
{
    return dr_json_parse(a, books_catalog_text(au->books, side, name, a), NULL,
                         NULL);
}

static void catalogs(struct auditor *au, struct dr_arena *a,
                     struct dr_catalogs *out)
{
    *out = (struct dr_catalogs){
        .src_account = tree(au, "source", "account", a),
        .src_schema = tree(au, "source", "schema", a),
        .src_pipelines = tree(au, "source", "pipelines", a),
        .src_owners = tree(au, "source", "owners", a),
        .src_currencies = tree(au, "source", "currencies", a),
        .dst_account = tree(au, "target", "account", a),
        .dst_fields = tree(au, "target", "fields", a),
        .dst_selectors = tree(au, "target", "selectors", a),
        .dst_modules = tree(au, "target", "custom_modules", a)};
}

/* ---- the profile ---- */

static int profile_sources(struct auditor *au, struct dr_profile *p,
                           struct dr_err *err)
{
    struct query *q = db_query(books_db(au->books), "SELECT env FROM bytes");
    int rc = 0;

    while (rc == 0 && db_step(q)) {
        const struct dr_env *env;
        dr_arena_reset(au->arena);
        env = dr_wire_unpack(au->arena, db_col(q, 0), err);
        if (env && env->kind == DR_MSG_SOURCE) {
            rc = dr_profile_add(p, &env->u.source, err);
        }
    }
    db_end(q);
    return rc;
}

static int profile_existing(struct auditor *au, struct dr_profile *p,
                            struct dr_err *err)
{
    struct query *q = db_query(
        books_db(au->books), "SELECT type, dst, body FROM landed WHERE slot=1");
    int rc = 0;

    while (rc == 0 && db_step(q)) {
        rc = dr_profile_add_existing(
            p, db_col(q, 0), (uint64_t)db_col_int(q, 1), db_col(q, 2), err);
    }
    db_end(q);
    return rc;
}

static struct dr_profile *profile(struct auditor *au, struct dr_err *err)
{
    struct dr_profile *p = dr_profile_new();

    if (profile_sources(au, p, err) || profile_existing(au, p, err)) {
        dr_profile_free(p);
        return NULL;
    }
    return p;
}

/* ---- the schema audit ---- */

static void write_limits(struct dr_json_w *w, const struct dr_catalogs *c)
{
    dr_json_w_key(w, "limits");
    dr_json_w_obj(w);
    dr_json_w_key(w, "target_calls_an_hour");
    dr_json_w_tree(w, dr_json_get(c->dst_account, "rate_limit"));
    dr_json_w_key(w, "source_throttle");
    dr_json_w_tree(w, dr_json_get(c->src_account, "throttle"));
    dr_json_w_end(w);
}

/* One that is not even whole is kept nowhere: a word stands for it. */
static void keep_report(struct auditor *au, const char *name,
                        const struct dr_buf *b, struct desk_result *out)
{
    char word[KEPT_WORD];
    struct dr_str text = b->over ? kept_word(name, word) : dr_buf_view(b);

    if (!lead_keep(au, name, text) || b->over) {
        out->large[out->large_count++] = name;
    }
}

static void keep_audit(struct auditor *au, const struct dr_profile *p,
                       const struct dr_catalogs *c, struct dr_arena *a,
                       struct desk_result *out)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, AUDITOR_TEXT);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "source");
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "account");
    dr_json_w_tree(&w, c->src_account);
    dr_json_w_key(&w, "pipelines");
    dr_json_w_tree(&w, c->src_pipelines);
    dr_json_w_key(&w, "owners");
    dr_json_w_tree(&w, c->src_owners);
    dr_json_w_key(&w, "currencies");
    dr_json_w_tree(&w, c->src_currencies);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "target");
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "account");
    dr_json_w_tree(&w, c->dst_account);
    dr_json_w_key(&w, "fields");
    dr_json_w_tree(&w, c->dst_fields);
    dr_json_w_key(&w, "selectors");
    dr_json_w_tree(&w, c->dst_selectors);
    dr_json_w_key(&w, "custom_modules");
    dr_json_w_tree(&w, c->dst_modules);
    dr_json_w_end(&w);
    dr_profile_fields_json(p, c, &w);
    dr_profile_shapes_json(p, c, &w);
    write_limits(&w, c);
    dr_json_w_key(&w, "automation");
    dr_json_w_tree(&w, tree(au, "source", "automation", a));
    dr_json_w_end(&w);
    keep_report(au, "audit.json", &b, out);
    dr_buf_done(&b);
}

/* ---- proposing ---- */

static void count_items(const struct dr_json *list, struct desk_result *out)
{
    DR_JSON_EACH(i, list)
    {
        if (dr_str_eqz(dr_json_get_str(i, "status"), "missing")) {
            out->missing++;
        } else {
            out->present++;
        }
    }
}

static void count_checklist(struct dr_str json, struct dr_arena *a,
                            struct desk_result *out)
{
    count_items(dr_json_get(dr_json_parse(a, json, NULL, NULL), "items"), out);
}

static void count_proposal(const struct dr_proposal *p, struct dr_arena *a,
                           struct desk_result *out)
{
    const struct dr_json *j =
        dr_json_parse(a, dr_buf_view(&p->owners), NULL, NULL);
    const struct dr_json *list;

    list = dr_json_get(j, "unmatched");
    out->owners_unmatched = list ? list->count : 0;
    j = dr_json_parse(a, dr_buf_view(&p->duplicates), NULL, NULL);
    list = dr_json_get(j, "clusters");
    out->duplicates = list ? list->count : 0;
}

static void keep_plan(struct auditor *au, const struct dr_plan *plan,
                      struct dr_str json, char hex[65])
{
    char name[80];

    dr_hex(dr_plan_hash(plan).p, 32, hex);
    (void)snprintf(name, sizeof(name), "plan:%s", hex);
    (void)lead_keep(au, name, json);
    (void)lead_keep(au, "plan.latest", dr_str_z(hex));
}

static void keep_wishes(struct auditor *au, const struct wishes *w)
{
    struct dr_json_w j;
    struct dr_buf b;

    dr_buf_init(&b, 64 << 10);
    dr_json_w_init(&j, &b);
    wishes_write(w, &j);
    (void)lead_keep(au, "wishes", dr_buf_view(&b));
    dr_buf_done(&b);
}

static const struct dr_source *from_books(void *ctx, struct dr_str object,
                                          struct dr_str id, struct dr_arena *a)
{
    return books_get_source(ctx, object, id, a);
}

/* Which files will not fit, before any byte moves. */
static void keep_files(struct auditor *au, const struct dr_profile *p,
                       struct dr_str plan_json, struct desk_result *out)
{
    DR_AUTO(dr_plan) struct dr_plan *plan = dr_plan_parse(plan_json, NULL);
    const struct dr_records records = {from_books, au->books};
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, AUDITOR_TEXT);
    dr_json_w_init(&w, &b);
    dr_plan_files_json(p, plan, &records, &w);
    keep_report(au, "files.json", &b, out);
    dr_buf_done(&b);
}

/* kept: the reports are kept; NULL: none is. */
static int propose(struct auditor *au, const struct wishes *w,
                   struct dr_arena *a, const struct dr_catalogs *c,
                   struct dr_proposal *out, struct desk_result *kept,
                   struct dr_err *err)
{
    struct dr_profile *p = profile(au, err);
    struct dr_propose_opts o = wishes_opts(w);
    int rc;

    if (!p) {
        return -1;
    }
    rc = dr_plan_propose(p, c, &o, out, err);
    if (rc == 0 && kept) {
        keep_audit(au, p, c, a, kept);
        keep_files(au, p, dr_buf_view(&out->plan), kept);
    }
    dr_profile_free(p);
    return rc;
}

/* ---- the checklist ---- */

/* Plans go through Kafka to be approved, and checklists are read back. */
static int fits(const char *what, const struct dr_buf *b, struct dr_err *err)
{
    return !b->over && b->n <= KEPT_MAX
               ? 0
               : dr_err_set(err, DR_REJECT, 0, "plan",
                            "the %s has more than 7 MiB, which is as much as "
                            "can be kept: plan a smaller scope (`drover plan "
                            "propose --scope`)",
                            what);
}

static void merge_checklist(struct auditor *au, struct dr_str now,
                            const struct dr_catalogs *c, struct dr_arena *a,
                            struct dr_buf *out)
{
    const struct dr_json *before = dr_json_parse(
        a, books_kept(au->books, "checklist.json", a), NULL, NULL);

    checklist_merge(dr_json_parse(a, now, NULL, NULL), before, c, a, out);
}

static int keep_proposal(struct auditor *au, const struct dr_proposal *p,
                         const struct dr_catalogs *c, struct dr_arena *a,
                         struct desk_result *out, struct dr_err *err)
{
    DR_AUTO(dr_plan)
    struct dr_plan *plan = dr_plan_parse(dr_buf_view(&p->plan), err);
    struct dr_buf problems, checklist;

    dr_buf_init(&checklist, AUDITOR_TEXT);
    merge_checklist(au, dr_buf_view(&p->checklist), c, a, &checklist);
    if (!plan || fits("plan", &p->plan, err) ||
        fits("checklist", &checklist, err)) {
        dr_buf_done(&checklist);
        return -1;
    }
    keep_plan(au, plan, dr_buf_view(&p->plan), out->hash);
    (void)lead_keep(au, "checklist.json", dr_buf_view(&checklist));
    count_checklist(dr_buf_view(&checklist), a, out);
    dr_buf_done(&checklist);
    keep_report(au, "owners.json", &p->owners, out);
    keep_report(au, "duplicates.json", &p->duplicates, out);
    dr_buf_init(&problems, AUDITOR_TEXT);
    out->problems = (int64_t)dr_plan_check(plan, c, &problems);
    dr_buf_done(&problems);
    count_proposal(p, a, out);
    return 0;
}

int desk_propose(struct auditor *au, const struct wishes *w,
                 struct desk_result *out, struct dr_err *err)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(CATALOG_ARENA);
    struct dr_proposal p;
    struct dr_catalogs c;
    int rc;

    *out = (struct desk_result){.large_count = 0};
    catalogs(au, a, &c);
    dr_proposal_init(&p);
    rc = propose(au, w, a, &c, &p, out, err);
    if (rc == 0) {
        rc = keep_proposal(au, &p, &c, a, out, err);
        keep_wishes(au, w);
    }
    dr_proposal_done(&p);
    return rc;
}

/* ---- plans by hash ---- */

struct dr_str desk_plan(struct auditor *au, struct dr_str hex)
{
    char name[80], approved[65];
    struct dr_str prefix = DR_STR_LIT("sha256:"); /* as in the file itself */

    if (dr_str_starts(hex, prefix)) {
        hex = (struct dr_str){hex.p + prefix.n, hex.n - prefix.n};
    }
    if (hex.n == 0 && au->state.has_plan) {
        dr_hex(au->state.plan_hash, 32, approved);
        hex = dr_arena_dup(au->request, dr_str_z(approved));
    } else if (hex.n == 0) {
        hex = books_kept(au->books, "plan.latest", au->request);
    }
    if (hex.n != 64) {
        return (struct dr_str){"", 0};
    }
    if (au->state.has_plan) {
        dr_hex(au->state.plan_hash, 32, approved);
        if (dr_str_eqz(hex, approved)) {
            return dr_control(au->control)->plan_json;
        }
    }
    (void)snprintf(name, sizeof(name), "plan:" DR_STR_FMT, DR_STR_ARG(hex));
    return books_kept(au->books, name, au->request);
}

/* The plan without the hash that it had before somebody edited it. */
static int without_hash(struct auditor *au, struct dr_str json,
                        struct dr_buf *out, struct dr_err *err)
{
    const struct dr_json *j = dr_json_parse(au->request, json, NULL, err);
    struct dr_json_w w;

    if (dr_json_type(j) != DR_JSON_OBJECT) {
        return j ? dr_err_set(err, DR_REJECT, 0, "plan", "no JSON object") : -1;
    }
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, j)
    {
        if (!dr_str_eqz(m->key, "hash")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_end(&w);
    return 0;
}

/* The same with its own hash in it, in canonical form. */
static int with_hash(struct auditor *au, struct dr_str json, const char *hex,
                     struct dr_buf *out)
{
    const struct dr_json *j = dr_json_parse(au->request, json, NULL, NULL);
    const struct dr_json *again;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, AUDITOR_TEXT);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "hash", dr_arena_printf(au->request, "sha256:%s", hex));
    DR_JSON_EACH(m, j)
    {
        dr_json_w_keys(&w, m->key);
        dr_json_w_tree(&w, m);
    }
    dr_json_w_end(&w);
    again = dr_json_parse(
        au->request, dr_arena_dup(au->request, dr_buf_view(&b)), NULL, NULL);
    dr_buf_done(&b);
    if (!again) {
        return -1;
    }
    dr_json_canonical(out, again);
    return 0;
}

int desk_put(struct auditor *au, struct dr_str json, struct desk_result *out,
             struct dr_err *err)
{
    DR_AUTO(dr_plan) struct dr_plan *plan = NULL;
    struct dr_buf bare, whole, problems;
    int rc;

    *out = (struct desk_result){.large_count = 0};
    dr_buf_init(&bare, AUDITOR_TEXT);
    dr_buf_init(&whole, AUDITOR_TEXT);
    rc = without_hash(au, json, &bare, err);
    plan = rc == 0 ? dr_plan_parse(dr_buf_view(&bare), err) : NULL;
    if (plan) {
        dr_hex(dr_plan_hash(plan).p, 32, out->hash);
        rc = with_hash(au, dr_buf_view(&bare), out->hash, &whole);
        rc = rc == 0 ? fits("plan", &whole, err) : rc;
    }
    if (plan && rc == 0) {
        keep_plan(au, plan, dr_buf_view(&whole), out->hash);
        dr_buf_init(&problems, AUDITOR_TEXT);
        rc =
            desk_check(au, dr_str_z(out->hash), &problems, &out->problems, err);
        dr_buf_done(&problems);
    }
    dr_buf_done(&bare);
    dr_buf_done(&whole);
    return plan ? rc : -1;
}

int desk_check(struct auditor *au, struct dr_str hex, struct dr_buf *out,
               int64_t *problems, struct dr_err *err)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(CATALOG_ARENA);
    DR_AUTO(dr_plan) struct dr_plan *plan = NULL;
    struct dr_catalogs c;
    struct dr_str text =
        hex.n
            ? desk_plan(au, hex)
            : desk_plan(au, books_kept(au->books, "plan.latest", au->request));

    if (text.n == 0) {
        return dr_err_set(err, DR_REJECT, 404, "plan",
                          "no plan has this hash: propose one, or list the "
                          "latest with plan show");
    }
    plan = dr_plan_parse(text, err);
    if (!plan) {
        return -1;
    }
    catalogs(au, a, &c);
    *problems = (int64_t)dr_plan_check(plan, &c, out);
    return 0;
}

int desk_approve(struct auditor *au, struct dr_str hex, struct dr_str by,
                 struct dr_err *err)
{
    struct dr_str text = hex.n ? desk_plan(au, hex) : hex;
    struct dr_str prefix = DR_STR_LIT("sha256:");
    uint8_t hash[32];

    if (dr_str_starts(hex, prefix)) {
        hex = (struct dr_str){hex.p + prefix.n, hex.n - prefix.n};
    }
    if (text.n == 0 || dr_unhex(hex, hash, sizeof(hash))) {
        return dr_err_set(err, DR_REJECT, 404, "plan",
                          "no plan has this hash: propose one, or list the "
                          "latest with plan show");
    }
    lead_plan(au, (struct dr_str){(const char *)hash, 32}, text);
    gate_take(&au->state, STEP_APPROVE, hash);
    lead_publish(au, step_name(STEP_APPROVE), by);
    lead_take(au);
    watch_anew(au);
    books_dirty_all(au->books);
    return 0;
}

/* ---- readiness ---- */

int desk_ready(struct auditor *au, struct dr_buf *out, struct dr_err *err)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(CATALOG_ARENA);
    struct desk_result counts = {.large_count = 0};
    struct dr_proposal p;
    struct dr_catalogs c;
    struct dr_buf all;
    struct wishes w;
    int rc;

    if (wishes_parse(dr_json_parse(au->request,
                                   books_kept(au->books, "wishes", au->request),
                                   NULL, NULL),
                     &w, err)) {
        return -1;
    }
    catalogs(au, a, &c);
    dr_proposal_init(&p);
    rc = propose(au, &w, a, &c, &p, NULL, err);
    dr_buf_init(&all, AUDITOR_TEXT);
    if (rc == 0) {
        merge_checklist(au, dr_buf_view(&p.checklist), &c, a, &all);
        rc = fits("checklist", &all, err);
    }
    if (rc == 0) {
        const struct dr_json *items;
        struct dr_json_w j;
        items = dr_json_get(
            dr_json_parse(a, dr_arena_dup(a, dr_buf_view(&all)), NULL, NULL),
            "items");
        count_items(items, &counts);
        dr_json_w_init(&j, out);
        dr_json_w_obj(&j);
        dr_json_w_kvb(&j, "ready", counts.missing == 0);
        dr_json_w_key(&j, "items");
        dr_json_w_tree(&j, items);
        dr_json_w_end(&j);
    }
    dr_buf_done(&all);
    dr_proposal_done(&p);
    return rc;
}
