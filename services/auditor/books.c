#include "books.h"

#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "schema.h"

struct books {
    struct db *db;
};

static const struct dr_str nothing = {"", 0};

struct books *books_open(const char *path, struct dr_str migration)
{
    struct books *b = dr_xcalloc(1, sizeof(*b));
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct dr_str have;

    b->db = db_open(path, books_schema, BOOKS_VERSION);
    have = books_kept(b, "migration", a);
    if (have.n > 0 && !dr_str_eq(have, migration)) {
        dr_die(DR_EXIT_REFUSED, "books.file",
               "%s holds the books of another migration: name another file",
               path);
    }
    books_keep(b, "migration", migration);
    return b;
}

void books_close(struct books *b)
{
    if (b) {
        db_close(b->db);
        free(b);
    }
}

struct db *books_db(struct books *b)
{
    return b->db;
}

void books_begin(struct books *b)
{
    db_exec(b->db, "BEGIN IMMEDIATE");
}

void books_commit(struct books *b)
{
    db_exec(b->db, "COMMIT");
}

/* ---- what arrives ---- */

void books_source(struct books *b, const struct dr_source *s, struct dr_str env,
                  int64_t ts_ms)
{
    struct query *q = db_query(
        b->db, "INSERT INTO source(object, id, rev, op, ts, dirty)"
               " VALUES(?1,?2,?3,?4,?5,1)"
               " ON CONFLICT(object,id) DO UPDATE SET rev=excluded.rev,"
               " op=excluded.op, ts=excluded.ts, dirty=1"
               " WHERE excluded.rev > source.rev RETURNING n");
    int64_t n = 0;

    db_text(q, 1, s->object);
    db_text(q, 2, s->id);
    db_int(q, 3, (int64_t)s->rev);
    db_int(q, 4, s->op);
    db_int(q, 5, ts_ms);
    while (db_step(q)) {
        n = db_col_int(q, 0);
    }
    if (n > 0) { /* else there is a newer one */
        q = db_query(b->db, "INSERT OR REPLACE INTO bytes VALUES(?1,?2)");
        db_int(q, 1, n);
        db_blob(q, 2, env);
        db_run(q);
    }
}

static void mark_source(struct books *b, struct dr_str object, struct dr_str id)
{
    struct query *q =
        db_query(b->db, "UPDATE source SET dirty=1 WHERE object=?1 AND id=?2");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_run(q);
}

/* "<object>:<id>" of a load key. */
static void mark_key(struct books *b, struct dr_str key)
{
    struct dr_str id = key;
    struct dr_str object = dr_str_split(&id, ':');

    if (id.p) {
        mark_source(b, object, id);
    }
}

/* A deal that is gone took its lines along; and they may be the ones that met
 * nothing there. */
static void mark_along(struct books *b, struct dr_str key)
{
    struct dr_str id = key;
    struct dr_str object = dr_str_split(&id, ':');

    if (id.p && dr_str_eqz(object, "deal")) {
        mark_source(b, DR_STR_LIT("line_item"), id);
    } else if (id.p && dr_str_eqz(object, "line_item")) {
        mark_source(b, DR_STR_LIT("deal"), id);
    }
}

/* A lead that became a contact: what hangs on it may have stayed behind, so
 * everything that can hang on somebody is looked at again. */
static void mark_hanging(struct books *b, const struct fact_row *f)
{
    struct query *q;
    bool changed = false;

    if (!dr_str_eqz(f->lane, "contact") || f->type.n == 0) {
        return;
    }
    q = db_query(b->db, "SELECT type FROM fact WHERE lane=?1 AND key=?2");
    db_text(q, 1, f->lane);
    db_text(q, 2, f->key);
    if (db_step(q)) {
        changed = db_col(q, 0).n > 0 && !dr_str_eq(db_col(q, 0), f->type);
        db_end(q);
    }
    if (changed) {
        db_exec(b->db, "UPDATE source SET dirty=1 WHERE object NOT IN"
                       " ('company','contact','deal','product','line_item')");
    }
}

static void run_on_seen(struct books *b, const char *sql,
                        const struct fact_row *f)
{
    struct query *q = db_query(b->db, sql);

    db_text(q, 1, f->type);
    db_int(q, 2, (int64_t)f->dst);
    db_text(q, 3, f->lane);
    db_blob(q, 4, f->landed_hash);
    db_run(q);
}

/* What this DONE names was read before it; what was read before that is of no
 * use any more. Times are whole seconds: of two steps in one, which a loader
 * and another's walk may show in any order, the DONEs tell which came last. */
static void take_for_evidence(struct books *b, const struct fact_row *f)
{
    run_on_seen(b,
                "INSERT INTO landed"
                " SELECT type, dst, lane, 0, updated, ts, body, hash FROM seen"
                " WHERE type=?1 AND dst=?2 AND lane=?3 AND hash=?4"
                " ON CONFLICT(type,dst,lane,slot) DO UPDATE SET"
                " updated=excluded.updated, ts=excluded.ts,"
                " body=excluded.body, hash=excluded.hash"
                " WHERE excluded.updated >= landed.updated",
                f);
    run_on_seen(b,
                "DELETE FROM seen WHERE type=?1 AND dst=?2 AND lane=?3 AND"
                " (hash=?4 OR"
                "  updated < (SELECT updated FROM landed WHERE type=?1 AND"
                "  dst=?2 AND lane=?3 AND slot=0 AND hash=?4))",
                f);
}

void books_fact(struct books *b, const struct fact_row *f)
{
    mark_hanging(b, f);
    struct query *q = db_query(
        b->db,
        "INSERT INTO fact VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?13,?12)"
        " ON CONFLICT(lane,key) DO UPDATE SET refused=excluded.refused,"
        /* A refusal names no target; the record may stand there already. */
        " dst=CASE WHEN excluded.dst=0 THEN fact.dst ELSE excluded.dst END,"
        " rev=excluded.rev, pass=excluded.pass,"
        " origin=CASE WHEN fact.origin IN(1,3) THEN fact.origin"
        "  ELSE excluded.origin END,"
        " type=CASE WHEN excluded.type='' THEN fact.type"
        "  ELSE excluded.type END,"
        " class=excluded.class, reason=excluded.reason,"
        " content=excluded.content,"
        /* What is gone does not come back by a refusal. */
        " deleted=CASE WHEN excluded.refused=1 AND excluded.dst=0 AND"
        "  (fact.deleted IN (1,2) OR (fact.deleted=4 AND excluded.class IN"
        /* which nobody asked the target about */
        "   ('parent_missing','no_target','unchangeable','class_change')))"
        "  THEN fact.deleted ELSE excluded.deleted END,"
        " landed=CASE WHEN length(excluded.landed)=0 THEN fact.landed"
        "  ELSE excluded.landed END"
        " WHERE excluded.rev > fact.rev OR (excluded.rev = fact.rev AND"
        " (excluded.refused = 0 OR fact.refused = 1 OR"
        "  excluded.pass > fact.pass OR"
        /* which says that it stands there, not that it is as wanted */
        "  length(fact.content) = 0 OR fact.content = zeroblob(32)))");

    db_text(q, 1, f->lane);
    db_text(q, 2, f->key);
    db_int(q, 3, f->refused);
    db_int(q, 4, (int64_t)f->dst);
    db_int(q, 5, (int64_t)f->rev);
    db_int(q, 6, f->pass);
    db_int(q, 7, f->origin);
    db_text(q, 8, f->type);
    db_text(q, 9, f->class);
    db_text(q, 10, f->reason);
    db_blob(q, 11, f->content_hash);
    db_blob(q, 12, f->landed_hash);
    db_int(q, 13, f->deleted);
    db_run(q);
    if (f->landed_hash.n > 0 && db_changes(b->db) > 0) {
        take_for_evidence(b, f); /* not of an older one, read again */
    }
    mark_key(b, f->key);
    /* Of a set that was refused the lines may stand, and its deal's amount with
     * them. */
    if (f->deleted == FACT_LOST ||
        (f->refused && dr_str_eqz(f->lane, "deal_product"))) {
        mark_along(b, f->key);
    }
}

void books_fact_deleted(struct books *b, struct dr_str lane, struct dr_str key,
                        uint32_t how)
{
    struct query *q =
        db_query(b->db, "UPDATE fact SET deleted=?3 WHERE lane=?1 AND key=?2");

    db_text(q, 1, lane);
    db_text(q, 2, key);
    db_int(q, 3, how);
    db_run(q);
    mark_key(b, key);
    mark_along(b, key);
}

static bool is_evidence(struct books *b, const struct dr_landed *l,
                        struct dr_str hash)
{
    struct query *q =
        db_query(b->db, "SELECT count(*) FROM fact WHERE lane=?1 AND key=?2"
                        " AND landed=?3");

    db_text(q, 1, l->lane);
    db_text(q, 2, l->key);
    db_blob(q, 3, hash);
    return db_one(q) > 0;
}

static void put_landed(struct books *b, const struct dr_landed *l,
                       enum landed_slot slot, struct dr_str hash, int64_t ts_ms,
                       int64_t updated_ms)
{
    struct query *q =
        db_query(b->db, "INSERT INTO landed VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
                        " ON CONFLICT(type,dst,lane,slot) DO UPDATE SET"
                        " updated=excluded.updated, ts=excluded.ts,"
                        " body=excluded.body, hash=excluded.hash"
                        " WHERE excluded.updated > landed.updated OR"
                        " (excluded.updated = landed.updated AND"
                        "  excluded.ts >= landed.ts)");

    db_text(q, 1, l->type);
    db_int(q, 2, (int64_t)l->dst);
    db_text(q, 3, l->lane);
    db_int(q, 4, slot);
    db_int(q, 5, updated_ms);
    db_int(q, 6, ts_ms);
    db_blob(q, 7, l->body);
    db_blob(q, 8, hash);
    db_run(q);
}

static void put_seen(struct books *b, const struct dr_landed *l,
                     struct dr_str hash, int64_t ts_ms, int64_t updated_ms)
{
    struct query *q = db_query(
        b->db, "INSERT OR REPLACE INTO seen VALUES(?1,?2,?3,?4,?5,?6,?7)");

    db_text(q, 1, l->type);
    db_int(q, 2, (int64_t)l->dst);
    db_text(q, 3, l->lane);
    db_blob(q, 4, hash);
    db_int(q, 5, updated_ms);
    db_int(q, 6, ts_ms);
    db_blob(q, 7, l->body);
    db_run(q);
}

void books_landed(struct books *b, const struct dr_landed *l, int64_t ts_ms,
                  int64_t updated_ms)
{
    uint8_t sum[DR_SHA256];
    struct dr_str hash = {(const char *)sum, sizeof(sum)};
    bool named;

    dr_sha256(l->body, sum);
    if (l->how == DR_LANDED_BEFORE) {
        put_landed(b, l, LANDED_BEFORE, hash, ts_ms, updated_ms);
        return;
    }
    named = is_evidence(b, l, hash);
    if (l->rev > 0 || named) {
        put_landed(b, l, LANDED_EVIDENCE, hash, ts_ms, updated_ms);
    }
    if (!named) {
        put_seen(b, l, hash, ts_ms, updated_ms);
    }
    mark_key(b, l->key);
}

void books_reject(struct books *b, const struct dr_rejected *r, int64_t ts_ms)
{
    struct query *q = db_query(
        b->db, "INSERT OR REPLACE INTO reject VALUES(?1,?2,?3,?4,?5,?6,?7,?8,"
               "?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)");
    const struct dr_str texts[] = {r->object, r->id,    r->part_id, r->stage,
                                   r->lane,   r->class, r->field,   r->rule,
                                   r->reason, r->cure,  r->topic};
    const int64_t numbers[] = {
        r->partition,    r->offset,           r->redrivable,    r->parked,
        (int64_t)r->rev, (int64_t)r->version, (int64_t)r->pass, ts_ms};
    int at = 1;

    for (size_t i = 0; i < DR_ARRAY_LEN(texts); i++) {
        db_text(q, at++, texts[i]);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(numbers); i++) {
        db_int(q, at++, numbers[i]);
    }
    db_blob(q, at, r->original);
    db_run(q);
    mark_source(b, r->object, r->id);
}

void books_conflict(struct books *b, const struct dr_rejected *r, int64_t ts_ms)
{
    struct query *q =
        db_query(b->db, "INSERT INTO conflict VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
                        " ON CONFLICT(object,id,field) DO UPDATE SET"
                        " class=excluded.class, reason=excluded.reason,"
                        " rev=excluded.rev,"
                        " pass=excluded.pass, ts=excluded.ts"
                        " WHERE (excluded.pass, excluded.rev) >="
                        " (conflict.pass, conflict.rev)");

    db_text(q, 1, r->object);
    db_text(q, 2, r->id);
    db_text(q, 3, r->field);
    db_text(q, 4, r->class);
    db_text(q, 5, r->reason);
    db_int(q, 6, (int64_t)r->rev);
    db_int(q, 7, (int64_t)r->pass);
    db_int(q, 8, ts_ms);
    db_run(q);
    mark_source(b, r->object, r->id);
}

void books_removal(struct books *b, const struct dr_removal *r, uint64_t seq)
{
    struct query *q = db_query(b->db, "INSERT INTO removal VALUES(?1,?2,?3,?4)"
                                      " ON CONFLICT(object,id) DO UPDATE SET"
                                      " rev=excluded.rev, seq=excluded.seq"
                                      " WHERE excluded.seq >= removal.seq");

    db_text(q, 1, r->object);
    db_text(q, 2, r->id);
    db_int(q, 3, (int64_t)r->rev);
    db_int(q, 4, (int64_t)seq);
    db_run(q);
    mark_source(b, r->object, r->id);
}

void books_marker(struct books *b, struct dr_str lane, int32_t part,
                  const struct dr_marker *m, int64_t offset)
{
    struct query *q = db_query(
        b->db, "INSERT OR REPLACE INTO marker VALUES(?1,?2,?3,?4,?5,?6,?7)");

    db_text(q, 1, lane);
    db_int(q, 2, part);
    db_text(q, 3, m->object);
    db_int(q, 4, m->partition);
    db_int(q, 5, m->pass);
    db_int(q, 6, (int64_t)m->count);
    db_int(q, 7, offset);
    db_run(q);
}

/* Whether it is the key's first in this pass. */
static bool planned_first(struct books *b, struct dr_str lane,
                          struct dr_str key, uint32_t pass)
{
    struct query *q = db_query(
        b->db, "INSERT INTO planned_key VALUES(?1,?2,?3)"
               " ON CONFLICT(lane,key) DO UPDATE SET pass=excluded.pass"
               " WHERE excluded.pass > planned_key.pass");

    db_text(q, 1, lane);
    db_text(q, 2, key);
    db_int(q, 3, pass);
    db_run(q);
    return db_changes(b->db) > 0;
}

void books_planned(struct books *b, struct dr_str lane, struct dr_str key,
                   uint32_t pass)
{
    int64_t first = planned_first(b, lane, key, pass);
    struct query *q =
        db_query(b->db, "INSERT INTO planned VALUES(?1,?2,1,?3)"
                        " ON CONFLICT(lane,pass) DO UPDATE SET n=n+1,"
                        " keys=keys+excluded.keys");

    db_text(q, 1, lane);
    db_int(q, 2, pass);
    db_int(q, 3, first);
    db_run(q);
}

void books_file(struct books *b, struct dr_str id, uint64_t rev, int64_t size)
{
    struct query *q =
        db_query(b->db, "INSERT INTO file VALUES(?1,?2,?3)"
                        " ON CONFLICT(id) DO UPDATE SET rev=excluded.rev,"
                        " size=excluded.size WHERE excluded.rev > file.rev");

    db_text(q, 1, id);
    db_int(q, 2, (int64_t)rev);
    db_int(q, 3, size);
    db_run(q);
}

static void put_text(struct books *b, struct dr_str side, struct dr_str name,
                     struct dr_str body)
{
    struct query *q =
        db_query(b->db, "INSERT OR REPLACE INTO text VALUES(?1,?2,?3)");

    db_text(q, 1, side);
    db_text(q, 2, name);
    db_blob(q, 3, body);
    db_run(q);
}

void books_catalog(struct books *b, const struct dr_catalog *c)
{
    put_text(b, c->side, c->name, c->json);
}

void books_decision(struct books *b, const struct dr_audit_entry *e)
{
    struct query *q = db_query(
        b->db, "INSERT OR REPLACE INTO decision VALUES(?1,?2,?3,?4,?5,?6,?7)");

    db_int(q, 1, (int64_t)e->seq);
    db_int(q, 2, e->wall_ms);
    db_text(q, 3, e->actor);
    db_text(q, 4, e->operation);
    db_blob(q, 5, e->plan_hash);
    db_int(q, 6, e->status);
    db_blob(q, 7, e->prev);
    db_run(q);
}

/* ---- what is known ---- */

static struct dr_str get_text(struct books *b, const char *side,
                              const char *name, struct dr_arena *a)
{
    struct query *q =
        db_query(b->db, "SELECT body FROM text WHERE side=?1 AND name=?2");
    struct dr_str out = nothing;

    db_textz(q, 1, side);
    db_textz(q, 2, name);
    if (db_step(q)) {
        out = dr_arena_dup(a, db_col(q, 0));
        db_end(q);
    }
    return out;
}

struct dr_str books_catalog_text(struct books *b, const char *side,
                                 const char *name, struct dr_arena *a)
{
    return get_text(b, side, name, a);
}

struct dr_str books_extractor(struct books *b, struct dr_arena *a)
{
    struct query *q = db_query(
        b->db, "SELECT body FROM text WHERE side='status' AND name LIKE"
               " 'extractor:%' ORDER BY name LIMIT 1");
    struct dr_str out = nothing;

    if (db_step(q)) {
        out = dr_arena_dup(a, db_col(q, 0));
        db_end(q);
    }
    return out;
}

void books_keep(struct books *b, const char *name, struct dr_str text)
{
    put_text(b, DR_STR_LIT("kept"), dr_str_z(name), text);
}

struct dr_str books_kept(struct books *b, const char *name, struct dr_arena *a)
{
    return get_text(b, "kept", name, a);
}

const struct dr_source *books_get_source(struct books *b, struct dr_str object,
                                         struct dr_str id, struct dr_arena *a)
{
    struct query *q =
        db_query(b->db, "SELECT env FROM source JOIN bytes USING (n)"
                        " WHERE object=?1 AND id=?2");
    const struct dr_env *env = NULL;

    db_text(q, 1, object);
    db_text(q, 2, id);
    if (db_step(q)) {
        env = dr_wire_unpack(a, db_col(q, 0), NULL); /* copies all of it */
        db_end(q);
    }
    return env && env->kind == DR_MSG_SOURCE ? &env->u.source : NULL;
}

bool books_get_fact(struct books *b, struct dr_str lane, struct dr_str key,
                    struct dr_arena *a, struct fact_row *out)
{
    struct query *q = db_query(
        b->db, "SELECT refused, dst, rev, pass, origin, type, class, reason,"
               " content, deleted FROM fact WHERE lane=?1 AND key=?2");

    db_text(q, 1, lane);
    db_text(q, 2, key);
    if (!db_step(q)) {
        return false;
    }
    *out = (struct fact_row){.lane = lane,
                             .key = key,
                             .refused = db_col_int(q, 0) != 0,
                             .dst = (uint64_t)db_col_int(q, 1),
                             .rev = (uint64_t)db_col_int(q, 2),
                             .pass = (uint32_t)db_col_int(q, 3),
                             .origin = (uint32_t)db_col_int(q, 4),
                             .type = dr_arena_dup(a, db_col(q, 5)),
                             .class = dr_arena_dup(a, db_col(q, 6)),
                             .reason = dr_arena_dup(a, db_col(q, 7)),
                             .content_hash = dr_arena_dup(a, db_col(q, 8)),
                             .deleted = (uint32_t)db_col_int(q, 9)};
    db_end(q);
    return true;
}

static size_t get_bodies(struct books *b, const char *sql, struct dr_str type,
                         uint64_t dst, struct dr_str lane, struct dr_arena *a,
                         struct dr_str *bodies, size_t max)
{
    struct query *q = db_query(b->db, sql);
    size_t n = 0;

    db_text(q, 1, type);
    db_int(q, 2, (int64_t)dst);
    db_text(q, 3, lane);
    while (n < max && db_step(q)) {
        bodies[n++] = dr_arena_dup(a, db_col(q, 0));
    }
    db_end(q);
    return n;
}

size_t books_get_landed(struct books *b, struct dr_str type, uint64_t dst,
                        struct dr_str lane, struct dr_arena *a,
                        struct dr_str *bodies, size_t max)
{
    size_t n = get_bodies(b,
                          "SELECT body FROM landed WHERE type=?1 AND dst=?2"
                          " AND slot=0"
                          " ORDER BY updated DESC, lane=?3 DESC, ts DESC",
                          type, dst, lane, a, bodies, max);

    return n > 0 || max == 0
               ? n
               : get_bodies(b,
                            "SELECT body FROM seen WHERE type=?1 AND dst=?2"
                            " ORDER BY updated DESC, lane=?3 DESC, ts DESC",
                            type, dst, lane, a, bodies, 1);
}

size_t books_get_conflicts(struct books *b, struct dr_str object,
                           struct dr_str id, struct dr_arena *a,
                           struct conflict_row *out, size_t max)
{
    struct query *q = db_query(
        b->db, "SELECT field, class, reason, rev FROM conflict WHERE object=?1"
               " AND id=?2");
    size_t n = 0;

    db_text(q, 1, object);
    db_text(q, 2, id);
    while (n < max && db_step(q)) {
        out[n++] = (struct conflict_row){
            dr_arena_dup(a, db_col(q, 0)), dr_arena_dup(a, db_col(q, 1)),
            dr_arena_dup(a, db_col(q, 2)), (uint64_t)db_col_int(q, 3)};
    }
    db_end(q);
    return n;
}

bool books_removal_open(struct books *b, struct dr_str object, struct dr_str id,
                        uint64_t rev)
{
    struct query *q =
        db_query(b->db, "SELECT count(*) FROM removal WHERE object=?1 AND id=?2"
                        " AND rev>=?3");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_int(q, 3, (int64_t)rev);
    return db_one(q) > 0;
}

bool books_kept_back(struct books *b, struct dr_str object, struct dr_str id,
                     uint64_t rev)
{
    struct query *q =
        db_query(b->db, "SELECT count(*) FROM reject WHERE object=?1 AND id=?2"
                        " AND part_id='' AND stage='load'"
                        " AND class='changed_in_target' AND rev>=?3");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_int(q, 3, (int64_t)rev);
    return db_one(q) > 0;
}

void books_dirty_all(struct books *b)
{
    db_exec(b->db, "UPDATE source SET dirty=1 WHERE dirty=0");
}

int64_t books_dirty_count(struct books *b)
{
    return db_one(db_query(b->db, "SELECT count(*) FROM source WHERE dirty=1"));
}
