#include "removals.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "judge.h"
#include "named.h"
#include "relink.h"

#define CHUNK 5000 /* of one record in control */

/* The rows of one object whose main lane is ?2. A refusal to delete what was
 * changed meanwhile stands in `reject`. */
#define ROWS                                                                \
    " FROM source s JOIN fact f ON f.lane=?2 AND f.key=s.object||':'||s.id" \
    " LEFT JOIN removal m ON m.object=s.object AND m.id=s.id"               \
    "  AND m.rev>=s.rev"                                                    \
    " LEFT JOIN reject j ON j.object=s.object AND j.id=s.id"                \
    "  AND j.part_id='' AND j.stage='load' AND j.rev>=s.rev"                \
    "  AND j.class='changed_in_target'"                                     \
    " WHERE s.object=?1 AND s.op BETWEEN 2 AND 3 AND f.dst>0"               \
    " AND f.origin<>3"
/* What somebody deleted there may have been restored from the recycle bin since
 * a loader met it: the removal looks. */
#define STAYS \
    "(SELECT max(seq) FROM decision WHERE operation='cutover.keep_removals')"
#define STATE                                              \
    "CASE WHEN f.deleted=1 THEN 'deleted'"                 \
    " WHEN f.deleted=2 OR (f.deleted=4 AND f.type NOT IN"  \
    "  ('contacts','leads','sales_accounts','deals',"      \
    "   'products')) THEN 'gone'"                          \
    " WHEN f.deleted=3 OR j.class IS NOT NULL THEN 'kept'" \
    " WHEN m.seq IS NOT NULL THEN 'approved'"              \
    " WHEN " STAYS " IS NOT NULL THEN 'stays' ELSE 'proposed' END"

static bool lane_of(const struct auditor *au, struct dr_str object,
                    struct dr_str *lane)
{
    struct dr_str lanes[4];

    /* Lines go with their deal's set; what became fields of another record
     * is none that could be deleted. */
    if (!au->plan || dr_str_eqz(object, "line_item") ||
        !dr_plan_in_scope(au->plan, object) ||
        dr_plan_lanes_of(au->plan, object, lanes) == 0 ||
        dr_str_eqz(lanes[0], "link")) {
        return false;
    }
    *lane = lanes[0];
    return true;
}

static struct query *rows(struct auditor *au, const char *sql, size_t object)
{
    struct dr_str name = dr_str_z(au->object_names[object]), lane;
    struct query *q;

    if (!lane_of(au, name, &lane)) {
        return NULL;
    }
    q = db_query(books_db(au->books), sql);
    db_text(q, 1, name);
    db_text(q, 2, lane);
    return q;
}

void removals_count(struct auditor *au, struct removal_counts *out)
{
    *out = (struct removal_counts){0, 0, 0, 0, 0};
    for (size_t i = 0; i < au->object_count; i++) {
        struct query *q =
            rows(au, "SELECT " STATE " AS st, count(*)" ROWS " GROUP BY st", i);
        while (q && db_step(q)) {
            struct dr_str state = db_col(q, 0);
            int64_t n = db_col_int(q, 1);
            if (dr_str_eqz(state, "proposed")) {
                out->proposed += n;
            } else if (dr_str_eqz(state, "approved")) {
                out->approved += n;
            } else if (dr_str_eqz(state, "kept")) {
                out->kept += n;
            } else if (dr_str_eqz(state, "stays")) {
                out->stays += n;
            } else {
                out->deleted += n;
            }
        }
    }
}

/* By what it was last seen to hold: what a person knows it by. */
static void who(struct auditor *au, struct query *q,
                const struct dr_json *users, struct dr_json_w *w)
{
    const struct dr_json *body = NULL;
    struct dr_str text[1];

    if (books_get_landed(au->books, db_col(q, 2), (uint64_t)db_col_int(q, 3),
                         DR_STR_LIT(""), au->arena, text, 1) > 0) {
        body = dr_json_parse(au->arena, text[0], NULL, NULL);
    }
    dr_json_w_kv(w, "name", named_record(body, au->arena));
    dr_json_w_kv(w, "owner", named_owner(body, users, au->arena));
    dr_json_w_kv(w, "parent", named_parent(body, au->arena));
}

/* Who said that it stays, and when. */
static void decided(struct auditor *au, struct dr_str state,
                    struct dr_json_w *w)
{
    struct query *q = NULL;
    char at[DR_TIME_TEXT];

    if (dr_str_eqz(state, "stays")) {
        q = db_query(books_db(au->books), "SELECT actor, at_ms FROM decision"
                                          " WHERE seq=" STAYS);
    }
    if (q && db_step(q)) {
        dr_json_w_kv(w, "decided_by", db_col(q, 0));
        dr_json_w_kvz(w, "decided_at", dr_time_format(db_col_int(q, 1), at));
        db_end(q);
        return;
    }
    dr_json_w_key(w, "decided_by");
    dr_json_w_null(w);
    dr_json_w_key(w, "decided_at");
    dr_json_w_null(w);
}

static void line(struct auditor *au, struct query *q,
                 const struct dr_json *users, struct dr_buf *out)
{
    struct dr_source rec = {.op = DR_SRC_DELETE};
    const struct dr_env *env;
    struct dr_err err;
    struct dr_json_w w;

    dr_arena_reset(au->arena);
    env = dr_wire_unpack(au->arena, db_col(q, 4), &err);
    if (env && env->kind == DR_MSG_SOURCE) {
        rec = env->u.source;
    }

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "object", db_col(q, 0));
    dr_json_w_kv(&w, "id", db_col(q, 1));
    dr_json_w_kv(&w, "type", db_col(q, 2));
    dr_json_w_kvi(&w, "target_id", db_col_int(q, 3));
    who(au, q, users, &w);
    dr_json_w_kv(&w, "cause", judge_gone(&rec, au->arena));
    dr_json_w_kv(&w, "state", db_col(q, 5));
    decided(au, db_col(q, 5), &w);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}

/* The cursor is "<object>:<id>"; objects go in the order of their names'
 * table. */
void removals_list(struct auditor *au, struct dr_str only, struct dr_str after,
                   int64_t limit, struct spool *out, struct dr_buf *next)
{
    static const char sql[] =
        "SELECT s.object, s.id, f.type, f.dst,"
        " (SELECT env FROM bytes WHERE bytes.n=s.n), " STATE ROWS
        " AND s.id>?3 ORDER BY s.id LIMIT ?4";
    struct dr_str id = after, object = dr_str_split(&id, ':');
    const struct dr_json *users =
        dr_json_get(dr_json_parse(au->request,
                                  books_catalog_text(au->books, "target",
                                                     "selectors", au->request),
                                  NULL, NULL),
                    "users");
    bool on = after.n == 0;
    int64_t n = 0;

    dr_buf_reset(next);
    for (size_t i = 0; i < au->object_count && n < limit; i++) {
        bool here = !on && dr_str_eqz(object, au->object_names[i]);
        struct query *q;
        if (!on && !here) {
            continue;
        }
        on = true;
        q = only.n == 0 || dr_str_eqz(only, au->object_names[i])
                ? rows(au, sql, i)
                : NULL;
        if (!q) {
            continue;
        }
        db_text(q, 3, here ? id : (struct dr_str){"", 0});
        db_int(q, 4, limit - n);
        while (db_step(q)) {
            line(au, q, users, &out->buf);
            dr_buf_reset(next);
            dr_buf_str(next, db_col(q, 0));
            dr_buf_ch(next, ':');
            dr_buf_str(next, db_col(q, 1));
            spool_flow(out);
            n++;
        }
    }
    if (n < limit) {
        dr_buf_reset(next);
    }
}

/* ---- letting through ---- */

static bool named(const struct dr_json *ids, struct dr_str id)
{
    DR_JSON_EACH(e, ids)
    {
        if (dr_str_eq(dr_json_str(e), id)) {
            return true;
        }
    }
    return ids == NULL;
}

struct chosen {
    struct dr_removal v[CHUNK];
    size_t n;
    int64_t all;
};

static void choose(struct auditor *au, size_t object, const struct dr_json *ids,
                   struct chosen *c, struct dr_str by)
{
    struct query *q =
        rows(au, "SELECT s.id, s.rev, " STATE " AS st" ROWS, object);

    while (q && db_step(q)) {
        if (!dr_str_eqz(db_col(q, 2), "proposed") ||
            !named(ids, db_col(q, 0))) {
            continue;
        }
        if (c->n == CHUNK) {
            lead_removals(au, c->v, c->n, by);
            c->n = 0;
        }
        c->v[c->n++] =
            (struct dr_removal){.object = dr_str_z(au->object_names[object]),
                                .id = dr_arena_dup(au->request, db_col(q, 0)),
                                .rev = (uint64_t)db_col_int(q, 1)};
        c->all++;
    }
}

int64_t removals_approve(struct auditor *au, struct dr_str object,
                         const struct dr_json *ids, struct dr_str by,
                         struct dr_err *err)
{
    struct chosen *c = dr_xcalloc(1, sizeof(*c));
    int64_t n;

    for (size_t i = 0; i < au->object_count; i++) {
        if (object.n == 0 || dr_str_eqz(object, au->object_names[i])) {
            choose(au, i, ids, c, by);
        }
    }
    if (c->n > 0) {
        lead_removals(au, c->v, c->n, by);
    }
    n = c->all;
    free(c);
    if (n == 0 && ids) {
        return dr_err_set(err, DR_REJECT, 404, "removals",
                          "none of these is proposed for deletion: `drover "
                          "removals list` shows what is");
    }
    removals_take(au);
    relink_anew(au);
    return n;
}

void removals_take(struct auditor *au)
{
    const struct dr_control_view *v = dr_control(au->control);

    if (au->removals_taken >= v->removal_count) {
        return;
    }
    books_begin(au->books);
    for (; au->removals_taken < v->removal_count; au->removals_taken++) {
        const struct dr_removals *r = &v->removals[au->removals_taken];
        for (size_t i = 0; i < r->item_count; i++) {
            books_removal(au->books, &r->items[i], r->seq);
        }
    }
    books_commit(au->books);
}
