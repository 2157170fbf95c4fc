/*
 * Records that were merged at the source. Associations and properties go on
 * naming the one that is no more, and it may be gone since before the first
 * record was read: every record is sent with what it needs to know of that,
 * the aliases of the ids that it names. Those that were sent without are found
 * by reading the source topics, and sent again as they stand there: nothing of
 * them has changed at the source, so nothing is read there. Only ids that no
 * record has are asked for, each once.
 */
#include "extractor.h"

#include <stdlib.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#include "refs.h"

/* Ids that one reading of the topics finds to ask for; the next one finds the
 * others. */
#define WANTED_MAX 20000
/* Each answer may lead to other records: so often at most in one go. */
#define ROUNDS_MAX 8
/* In the tail the topics are read at most each minute, and for a twentieth of
 * the time. */
#define PAUSE_MS 60000
#define PAUSE_SHARE 20

void merges_init(struct merges *m)
{
    *m = (struct merges){.known = aliases_new(),
                         .wanted = dr_map_new(NULL),
                         .arena = dr_arena_new(HELD_MAX)};
}

void merges_done(struct merges *m)
{
    aliases_free(m->known);
    dr_map_free(m->wanted);
    dr_arena_free(m->arena);
    free(m->v);
}

/* ---- what a record has to know ---- */

/* One that cannot be read is there all the same. */
static enum presence presence(const void *ctx, struct dr_str type,
                              struct dr_str id)
{
    struct extractor *ex = (struct extractor *)(uintptr_t)ctx;
    struct object *o = object_find(ex, type);
    struct emitted_row row;

    if (emitted_get(ex->emitted, object_index(ex, o), id, &row)) {
        return row.gone ? PRESENCE_GONE : PRESENCE_LIVES;
    }
    return was_rejected(ex, o, id) ? PRESENCE_LIVES : PRESENCE_UNKNOWN;
}

static void add(struct merges *m, struct dr_str type, struct dr_str id,
                struct dr_str into)
{
    for (size_t i = 0; i < m->n; i++) {
        if (dr_str_eq(m->v[i].id, id) && dr_str_eq(m->v[i].type, type)) {
            return;
        }
    }
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->v = dr_xrealloc(m->v, m->cap * sizeof(*m->v));
    }
    m->v[m->n++] = (struct dr_alias){type, id, into};
}

static void want(struct extractor *ex, struct dr_str type, struct dr_str id)
{
    struct dr_buf b;

    if (ex->merges.asking && dr_map_count(ex->merges.wanted) < WANTED_MAX) {
        dr_map_put(ex->merges.wanted, alias_key(&b, type, id), ex);
        dr_buf_done(&b);
    } else {
        ex->merges.due = true;
    }
}

static void one_ref(void *ctx, struct dr_str type, struct dr_str id)
{
    struct extractor *ex = ctx;
    const struct object *o = object_find(ex, type);
    struct dr_str into, ask;

    if (!o || !o->readable || o->is == OBJECT_LINES || o->is == OBJECT_EVENTS ||
        !id_ok(id)) {
        return; /* not by id, or not to be had */
    }
    into = aliases_follow(ex->merges.known, type, id, presence, ex, &ask);
    if (into.n > 0) {
        add(&ex->merges, type, id, into);
    }
    /* A source of another shape answers that one is missing, never that it was
     * merged: it is not asked. */
    if (ask.n > 0 && !ex->profile.mapped) {
        want(ex, type, ask);
    }
}

void merges_attach(struct extractor *ex, struct dr_source *s)
{
    struct merges *m = &ex->merges;

    m->n = 0;
    dr_arena_reset(m->arena);
    if (s->op == DR_SRC_UPSERT) {
        refs_each(s, m->arena, one_ref, ex);
    }
    s->aliases = m->v;
    s->alias_count = m->n;
}

void merges_note(struct extractor *ex, const struct object *o,
                 const struct dr_source *s, bool lived)
{
    struct merges *m = &ex->merges;
    bool lives = s->op == DR_SRC_UPSERT || s->op == DR_SRC_INDEX;
    struct dr_str type = dr_str_z(o->name);

    if (o->is == OBJECT_LINES || o->is == OBJECT_EVENTS) {
        return;
    }
    if (s->op == DR_SRC_MERGE && s->merged_into.n > 0) {
        m->due |= aliases_merged(m->known, type, s->id, s->merged_into);
    }
    m->due |= lives != lived && aliases_concern(m->known, type, s->id);
    if (lives) {
        aliases_lived(m->known, type, s->id);
    }
}

void merges_read_back(struct extractor *ex, const struct dr_source *s)
{
    struct merges *m = &ex->merges;

    m->due = true; /* what was learnt when it stopped may be told to nobody */
    if (s->op == DR_SRC_MERGE && s->merged_into.n > 0) {
        (void)aliases_merged(m->known, s->object, s->id, s->merged_into);
    } else if (s->op == DR_SRC_UPSERT || s->op == DR_SRC_INDEX) {
        aliases_lived(m->known, s->object, s->id);
    }
    for (size_t i = 0; i < s->alias_count; i++) {
        const struct dr_alias *a = &s->aliases[i];
        (void)aliases_told(m->known, a->type, a->id, a->into);
    }
}

bool merges_knew(const struct extractor *ex, const struct object *o,
                 struct dr_str id)
{
    struct emitted_row row;

    return emitted_get(ex->emitted, object_index(ex, o), id, &row) &&
           row.gone &&
           aliases_is_merged(ex->merges.known, dr_str_z(o->name), id);
}

/* ---- asking ---- */

static struct object *newest(struct extractor *ex, const struct dr_env *env)
{
    const struct dr_source *s = &env->u.source;
    struct object *o =
        env->kind == DR_MSG_SOURCE ? object_find(ex, s->object) : NULL;
    struct emitted_row row;

    return o && s->op == DR_SRC_UPSERT &&
                   emitted_get(ex->emitted, object_index(ex, o), s->id, &row) &&
                   row.rev == s->rev
               ? o
               : NULL;
}

static void look_row(struct extractor *ex, const struct dr_env *env,
                     int32_t partition)
{
    struct dr_source s = env->u.source;

    (void)partition;
    if (newest(ex, env)) {
        merges_attach(ex, &s);
    }
}

static void take_missing(struct extractor *ex, const struct object *o,
                         const struct dr_json *miss)
{
    struct aliases *known = ex->merges.known;
    struct dr_str type = dr_str_z(o->name);
    struct dr_str id = dr_json_scalar(dr_json_get(miss, "id"));
    struct dr_str why = dr_json_get_str(miss, "reason");
    struct dr_str into = dr_json_scalar(dr_json_get(miss, "merged_into"));

    if (dr_str_eqz(why, "merged") && id_ok(into)) {
        (void)aliases_merged(known, type, id, into);
        ex->merges.n = 0;      /* no record's: what stood there is gone */
        one_ref(ex, type, id); /* and what became of that one */
    } else if (dr_str_eqz(why, "corrupt")) {
        aliases_there(known, type, id);
    }
}

/* Each of them has an answer afterwards. */
static bool ask_batch(struct extractor *ex, const struct object *o,
                      const struct dr_str *ids, size_t n)
{
    struct dr_str type = dr_str_z(o->name);
    struct page page;
    enum api_result r;

    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, n);
    r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page);
    if (r == API_STOPPED) {
        return false;
    }
    if (r != API_OK && n > 1) {
        return ask_batch(ex, o, ids, n / 2) &&
               ask_batch(ex, o, ids + n / 2, n - n / 2);
    }
    for (size_t i = 0; i < n; i++) {
        if (r == API_OK) {
            aliases_gone(ex->merges.known, type, ids[i]);
        } else {
            aliases_there(ex->merges.known, type, ids[i]);
        }
    }
    DR_JSON_EACH(row, r == API_OK ? dr_json_get(page.root, "results") : NULL)
    {
        struct dr_str id = dr_json_scalar(dr_json_get(row, "id"));
        if (id_ok(id)) {
            aliases_there(ex->merges.known, type, id);
        }
    }
    DR_JSON_EACH(miss, r == API_OK ? dr_json_get(page.root, "missing") : NULL)
    {
        if (id_ok(dr_json_scalar(dr_json_get(miss, "id")))) {
            take_missing(ex, o, miss);
        }
    }
    return true;
}

static bool ask_object(struct extractor *ex, const struct object *o,
                       const struct dr_map *wanted)
{
    struct dr_str ids[CONTRACT_BATCH], key;
    size_t n = 0, at = 0;
    void *value;

    while (dr_map_next(wanted, &at, &key, &value)) {
        struct dr_str id = key, type = dr_str_split(&id, ':');
        if (!dr_str_eqz(type, o->name)) {
            continue;
        }
        ids[n++] = id;
        if (n == CONTRACT_BATCH) {
            if (!ask_batch(ex, o, ids, n)) {
                return false;
            }
            n = 0;
        }
    }
    return n == 0 || ask_batch(ex, o, ids, n);
}

static bool ask_wanted(struct extractor *ex)
{
    bool going = true;

    while (going && dr_map_count(ex->merges.wanted) > 0) {
        struct dr_map *wanted = ex->merges.wanted;

        ex->merges.wanted = dr_map_new(NULL);
        for (size_t i = 0; going && i < ex->object_count; i++) {
            going = ask_object(ex, &ex->objects[i], wanted);
        }
        dr_map_free(wanted);
    }
    return going;
}

static bool learn(struct extractor *ex)
{
    bool going;

    emit_flush(ex); /* they are read up to what the broker has */
    ex->merges.asking = true;
    read_sources(ex, look_row);
    going = !dr_stop && ask_wanted(ex);
    ex->merges.asking = false;
    return going;
}

/* ---- telling ---- */

static bool same_aliases(const struct dr_source *a, const struct dr_source *b)
{
    bool same = a->alias_count == b->alias_count;

    for (size_t i = 0; same && i < a->alias_count; i++) {
        same = dr_str_eq(a->aliases[i].type, b->aliases[i].type) &&
               dr_str_eq(a->aliases[i].id, b->aliases[i].id) &&
               dr_str_eq(a->aliases[i].into, b->aliases[i].into);
    }
    return same;
}

static void tell_row(struct extractor *ex, const struct dr_env *env,
                     int32_t partition)
{
    struct object *o = newest(ex, env);
    struct dr_source s = env->u.source;

    (void)partition;
    /* One whose newest version cannot be read stays rejected: what stands here
     * is older. It is given its aliases when it is mended. */
    if (!o || was_rejected(ex, o, s.id)) {
        return;
    }
    merges_attach(ex, &s);
    if (!same_aliases(&s, &env->u.source)) {
        emit_source(ex, o, &s, ex->api.server_ms);
        ex->merges.told++;
    }
}

static bool tell(struct extractor *ex)
{
    uint64_t told = ex->merges.told;

    if (aliases_any(ex->merges.known)) {
        read_sources(ex, tell_row);
        emit_flush(ex);
    }
    if (ex->merges.told > told) {
        dr_log(DR_LOG_INFO, "extractor.merges_told",
               "%llu records name what was merged, and were sent again",
               (unsigned long long)(ex->merges.told - told));
    }
    return !dr_stop;
}

bool merges_settle(struct extractor *ex)
{
    int64_t begun = dr_mono_ms(), took, pause;

    for (int i = 0; ex->merges.due && i < ROUNDS_MAX; i++) {
        ex->merges.due = false;
        if (!learn(ex) || !tell(ex)) {
            return false;
        }
    }
    if (aliases_full(ex->merges.known) && !ex->merges.full) {
        ex->merges.full = true;
        dr_log(DR_LOG_WARN, "extractor.aliases_full",
               "more than %d records are named that are not there: whether "
               "the others were merged is not asked any more",
               ALIASES_MAX);
    }
    took = dr_mono_ms() - begun;
    pause = took * PAUSE_SHARE;
    ex->merges.next_ms = dr_mono_ms() + (pause > PAUSE_MS ? pause : PAUSE_MS);
    return true;
}

bool merges_tail(struct extractor *ex)
{
    return !ex->merges.due || dr_mono_ms() < ex->merges.next_ms ||
           merges_settle(ex);
}

bool merges_freeze(struct extractor *ex)
{
    /* What was there and not sent yet may have been merged since. */
    ex->merges.due |= aliases_ask_anew(ex->merges.known);
    return merges_settle(ex);
}
