/* The change script: what happens in FastTrack while the tail reads. An edit
 * by the admin port is a line of it that is applied at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "world.h"

/* ---- what a line may be ---- */

static bool is_op(const struct dr_json *c, const char *op)
{
    return dr_str_eqz(dr_json_get_str(c, "op"), op);
}

static bool is_assoc(const struct dr_json *c)
{
    return is_op(c, "assoc_add") || is_op(c, "assoc_remove");
}

static bool is_of(const struct dr_json *c, const struct dr_json *record)
{
    return dr_str_eq(dr_json_get_str(c, "type"),
                     dr_json_get_str(record, "type")) &&
           dr_str_eq(dr_json_scalar(dr_json_get(c, "id")),
                     dr_json_scalar(dr_json_get(record, "id")));
}

const char *change_fault(struct world *w, const struct dr_json *c)
{
    static const char *const ops[] = {"upsert", "delete", "archive", "restore",
                                      "merge",  "purge",  "flood",   "poison",
                                      "hide",   "unhide"};
    bool known = false;

    if (is_op(c, "schema")) {
        return schema_fault(w, c);
    }
    if (is_assoc(c)) {
        return world_pair(w, dr_json_get_str(c, "from_type"),
                          dr_json_get_str(c, "to_type"))
                   ? NULL
                   : "from_type and to_type are no pair of this folder";
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(ops); i++) {
        known = known || is_op(c, ops[i]);
    }
    if (!known) {
        return "op is none of upsert, delete, archive, restore, merge, purge, "
               "poison, hide, unhide, assoc_add, assoc_remove, flood, schema";
    }
    if (!world_kind(w, dr_json_get_str(c, "type"))) {
        return "type is no object of the schema";
    }
    if (is_op(c, "flood")) {
        return NULL;
    }
    if (dr_json_scalar(dr_json_get(c, "id")).n == 0) {
        return "it has no id";
    }
    if (is_op(c, "upsert") && !is_of(c, dr_json_get(c, "record"))) {
        return "an upsert needs its record, of the same type and id";
    }
    if (is_op(c, "merge") &&
        dr_json_scalar(dr_json_get(c, "merged_into")).n == 0) {
        return "a merge needs merged_into";
    }
    return NULL;
}

void script_load(struct world *w, struct dr_str text, const char *file)
{
    struct dr_json_limits limits = {.max_bytes = (size_t)64 << 20};
    size_t row = 0;

    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        struct dr_err err = {0};
        const struct dr_json *j;
        const char *why;
        char where[64];

        row++;
        if (line.n == 0) {
            continue;
        }
        (void)snprintf(where, sizeof(where), "%s line %zu", file, row);
        j = dr_json_parse(w->arena, line, &limits, &err);
        why = j ? change_fault(w, j) : err.text;
        if (why) {
            world_refuse(where, why);
        }
        if (w->change_n == w->change_cap) {
            w->change_cap = w->change_cap ? w->change_cap * 2 : 256;
            w->changes = dr_xrealloc(
                w->changes, w->change_cap * sizeof(const struct dr_json *));
        }
        w->changes[w->change_n++] = j;
    }
}

/* By time; lines of one second stay in the order of their files. */
void script_sort(struct world *w)
{
    for (size_t i = 1; i < w->change_n; i++) {
        const struct dr_json *c = w->changes[i];
        int64_t at = dr_json_get_i64(c, "at_s", 0);
        size_t to = i;
        for (; to > 0 && dr_json_get_i64(w->changes[to - 1], "at_s", 0) > at;
             to--) {
            w->changes[to] = w->changes[to - 1];
        }
        w->changes[to] = c;
    }
}

/* ---- records ---- */

/* How long a change stays unseen by lists and changes. */
static int64_t lag_of(struct world *w, const struct dr_json *c)
{
    int64_t lag = knob_int(w->knobs, "visibility_lag_ms");

    if (knob_is(w->knobs, "visibility_lag", "random")) {
        lag = (int64_t)dr_rand_below(&w->rand, (uint64_t)lag + 1);
    } else if (knob_is(w->knobs, "visibility_lag", "bimodal")) {
        lag = dr_rand_below(&w->rand, 10) == 0 ? lag : 0;
    }
    return dr_json_get(c, "visible_after_s")
               ? dr_json_get_i64(c, "visible_after_s", 0) * 1000
               : lag;
}

/* Version, stamp and lag of a change; the record before it is kept for those
 * who cannot see the new one yet. */
static struct rec *touch(struct world *w, const struct dr_json *c, int64_t ms)
{
    struct kind *k = world_kind(w, dr_json_get_str(c, "type"));
    struct rec *r = kind_put(w, k, dr_json_scalar(dr_json_get(c, "id")));
    int64_t lag = lag_of(w, c);
    int64_t stamp = ms + dr_json_get_i64(c, "updated_at_offset_s", 0) * 1000 -
                    (w->edits++ % 2) * knob_int(w->knobs, "node_skew_ms");

    if (lag > 0 || knob_int(w->knobs, "search_lag_ms") > 0) {
        struct rec *was = dr_arena_alloc(w->arena, sizeof(*was));
        *was = *r;
        r->was = was;
        r->visible_ms = lag > 0 ? ms + lag : 0;
    } else {
        r->was = NULL;
        r->visible_ms = 0;
    }
    r->version =
        (uint64_t)dr_json_get_i64(c, "version", (int64_t)r->version + 1);
    r->updated_ms = stamp - stamp % 1000;
    r->restored = false;
    return r;
}

/* The record with version and stamps as this world's clock has them. A NULL
 * `archived_at` leaves what the record says itself. */
static struct dr_str restamped(struct world *w, const struct dr_json *rec,
                               const struct rec *r, const char *archived_at)
{
    struct dr_json_w out;
    struct dr_buf b;
    struct dr_str text;
    char at[DR_TIME_TEXT];

    dr_time_format(r->updated_ms, at);
    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&out, &b);
    dr_json_w_obj(&out);
    DR_JSON_EACH(m, rec)
    {
        dr_json_w_keys(&out, m->key);
        if (dr_str_eqz(m->key, "id") &&
            !dr_str_eq(dr_json_scalar(m), r->id)) { /* a copy */
            dr_json_w_str(&out, r->id);
        } else if (dr_str_eqz(m->key, "version")) {
            dr_json_w_u64(&out, r->version);
        } else if (dr_str_eqz(m->key, "updated_at") ||
                   (dr_str_eqz(m->key, "created_at") && r->version == 1)) {
            dr_json_w_z(&out, at);
        } else if (dr_str_eqz(m->key, "archived") && archived_at) {
            dr_json_w_bool(&out, archived_at[0] != '\0');
        } else if (dr_str_eqz(m->key, "archived_at") && archived_at) {
            dr_json_w_z(&out, archived_at[0] ? archived_at : NULL);
        } else {
            dr_json_w_tree(&out, m);
        }
    }
    dr_json_w_end(&out);
    text = dr_arena_dup(w->arena, dr_buf_view(&b));
    dr_buf_done(&b);
    return text;
}

/* A line item joins or leaves a deal's set (contract 4.6). */
static void move_line(struct world *w, const struct rec *r, struct dr_str deal,
                      bool removed)
{
    struct assoc_change c = {.ms = r->updated_ms,
                             .visible_ms = r->visible_ms,
                             .from_type = DR_STR_LIT("deal"),
                             .to_type = DR_STR_LIT("line_item"),
                             .from = deal,
                             .to = r->id,
                             .removed = removed};

    if (deal.n > 0) {
        moved_add(w, &c);
    }
}

static void edit(struct world *w, const struct dr_json *record, struct rec *r)
{
    bool joins = r->gone != LIVES || r->body.n == 0;
    struct dr_str before = r->deal_id;

    r->body = restamped(w, record, r, NULL);
    r->gone = LIVES;
    r->poison = false; /* an edit mends the record */
    r->bad_line = NULL;
    r->archived = dr_json_true(dr_json_get(record, "archived"));
    if (dr_str_eqz(dr_json_get_str(record, "type"), "line_item")) {
        struct dr_str deal =
            dr_json_get_str(dr_json_get(record, "properties"), "deal_id");
        if (!joins && dr_str_eq(before, deal)) {
            return;
        }
        r->deal_id = dr_arena_dup(w->arena, deal);
        move_line(w, r, r->deal_id, false);
        if (!joins) {
            move_line(w, r, before, true);
        }
    }
}

static void set_archived(struct world *w, struct rec *r, bool archived)
{
    const struct dr_json *j =
        r->poison ? NULL : dr_json_parse(w->arena, r->body, NULL, NULL);
    char at[DR_TIME_TEXT] = "";

    if (archived) {
        dr_time_format(r->updated_ms, at);
    }
    if (j) {
        r->body = restamped(w, j, r, at);
    }
    r->archived = archived;
    r->restored = !archived;
}

/* What a line of an export looks like that is no record (contract 4.9); it
 * begins as raw lines of the folder do. */
#define LONG_LINE ((size_t)9 << 20)

static const char *spoiled(struct dr_str form, struct dr_buf *b)
{
    if (dr_str_eqz(form, "truncated")) {
        b->n -= b->n / 3;
        return "bad_line.truncated";
    }
    if (dr_str_eqz(form, "utf8")) {
        b->p[b->n / 2] = '\xff';
        return "bad_line.utf8";
    }
    if (dr_str_eqz(form, "nul")) {
        b->p[b->n / 2] = '\0';
        return "bad_line.nul";
    }
    if (dr_str_eqz(form, "two")) {
        dr_buf_z(b, "{\"type\":\"other\",\"id\":\"other\"}");
        return "bad_line.two";
    }
    if (dr_str_eqz(form, "long")) {
        while (b->n < LONG_LINE) {
            dr_buf_z(b, "          ");
        }
        return "bad_line.long";
    }
    return NULL;
}

static void poison(struct world *w, const struct dr_json *c, struct rec *r)
{
    struct dr_buf b;

    if (r->gone != LIVES || r->body.n == 0 || r->poison) {
        return;
    }
    dr_buf_init(&b, (size_t)64 << 20);
    dr_buf_str(&b, r->body);
    r->bad_line = spoiled(dr_json_get_str(c, "line"), &b);
    r->body = dr_arena_dup(w->arena, dr_buf_view(&b));
    dr_buf_done(&b);
    r->poison = true;
    r->poison_named = dr_str_eqz(dr_json_get_str(c, "form"), "with_id");
}

static void change_record(struct world *w, const struct dr_json *c, int64_t ms)
{
    struct rec *r;

    if (is_op(c, "hide") || is_op(c, "unhide")) { /* no version moves */
        r = kind_find(world_kind(w, dr_json_get_str(c, "type")),
                      dr_json_scalar(dr_json_get(c, "id")));
        if (r) {
            r->hidden = is_op(c, "hide");
        }
        return;
    }
    r = touch(w, c, ms);
    if (is_op(c, "upsert")) {
        edit(w, dr_json_get(c, "record"), r);
    } else if (is_op(c, "poison")) {
        poison(w, c, r);
    } else if (is_op(c, "archive") || is_op(c, "restore")) {
        set_archived(w, r, is_op(c, "archive"));
    } else {
        r->gone = is_op(c, "merge") ? MERGED : DELETED;
        r->merged_into = dr_json_scalar(dr_json_get(c, "merged_into"));
        move_line(w, r, r->deal_id, true);
        if (is_op(c, "purge")) { /* no tombstone: changes say nothing */
            r->gone = PURGED;
            r->was = NULL;
            r->visible_ms = 0;
        }
    }
}

/* ---- associations ---- */

static void set_end(struct pair *p, const struct dr_json *c,
                    const struct assoc_change *m)
{
    struct assoc *a;

    for (size_t i = pair_from(p, m->from);
         i < p->n && dr_str_eq(p->v[i].from, m->from); i++) {
        if (dr_str_eq(p->v[i].to, m->to) && p->v[i].type_id == m->type_id) {
            memmove(&p->v[i], &p->v[i + 1], (p->n - i - 1) * sizeof(*p->v));
            p->n--;
            break;
        }
    }
    if (m->removed) {
        return;
    }
    a = pair_add(p);
    *a = (struct assoc){.from = m->from,
                        .to = m->to,
                        .label = dr_json_get_str(c, "label"),
                        .category = dr_json_get_str(c, "category"),
                        .type_id = m->type_id,
                        .updated_ms = m->ms,
                        .primary = dr_json_true(dr_json_get(c, "primary"))};
    pair_sort(p);
}

static void change_assoc(struct world *w, const struct dr_json *c, int64_t ms)
{
    struct assoc_change m = {.ms = ms - ms % 1000,
                             .type_id = dr_json_get_i64(c, "type_id", 0),
                             .from_type = dr_json_get_str(c, "from_type"),
                             .to_type = dr_json_get_str(c, "to_type"),
                             .from = dr_json_scalar(dr_json_get(c, "from_id")),
                             .to = dr_json_scalar(dr_json_get(c, "to_id")),
                             .removed = is_op(c, "assoc_remove")};
    struct pair *p = world_pair(w, m.from_type, m.to_type);
    int64_t lag = lag_of(w, c);

    m.visible_ms = lag > 0 ? ms + lag : 0;
    set_end(p, c, &m);
    moved_add(w, &m);
}

/* Many records in one second: n that are there, or as many new ones as a
 * copy of `like` under other ids. */
static void flood(struct world *w, const struct dr_json *c, int64_t ms)
{
    struct kind *k = world_kind(w, dr_json_get_str(c, "type"));
    struct rec *like = kind_find(k, dr_json_scalar(dr_json_get(c, "id")));
    const struct dr_json *tree =
        like ? dr_json_parse(w->arena, like->body, NULL, NULL) : NULL;
    int64_t n = dr_json_get_i64(c, "n", 0);
    struct dr_str deal = like ? like->deal_id : (struct dr_str){"", 0};
    size_t had = k->n;

    ms -= ms % 1000;
    for (int64_t i = 0; tree && i < n; i++) {
        struct rec *r = kind_append(k);
        r->id = dr_arena_printf(w->arena, "flood-%lld-%06lld",
                                (long long)w->edits, (long long)i);
        r->version = 1;
        r->updated_ms = ms;
        r->body = restamped(w, tree, r, NULL);
        r->deal_id = deal;
        move_line(w, r, deal, false);
    }
    w->edits++;
    for (size_t i = 0; !tree && i < had && n > 0; i++) {
        struct rec *r = &k->v[i];
        if (!rec_exists(r) || r->poison) {
            continue;
        }
        r->version++;
        r->updated_ms = ms;
        r->body =
            restamped(w, dr_json_parse(w->arena, r->body, NULL, NULL), r, NULL);
        n--;
    }
    kind_sort(k);
}

void change_apply(struct world *w, const struct dr_json *c, int64_t ms)
{
    if (is_op(c, "schema")) {
        schema_change(w, c);
    } else if (is_op(c, "flood")) {
        flood(w, c, ms);
    } else if (is_assoc(c)) {
        change_assoc(w, c, ms);
    } else {
        change_record(w, c, ms);
    }
}

/* ---- playing ---- */

static int64_t due_ms(const struct world *w, size_t i)
{
    return w->play_from_ms + dr_json_get_i64(w->changes[i], "at_s", 0) * 1000;
}

static void apply_next(struct world *w)
{
    size_t i = w->applied++;

    change_apply(w, w->changes[i], due_ms(w, i));
}

void script_tick(struct world *w)
{
    int64_t now;

    if (!w->playing) {
        return;
    }
    now = vclock_now(&w->clock);
    while (w->applied < w->change_n && due_ms(w, w->applied) <= now) {
        apply_next(w);
    }
    w->playing = w->applied < w->change_n;
}

static void begin(struct world *w)
{
    if (w->play_from_ms == 0) {
        w->play_from_ms = vclock_now(&w->clock);
        w->play_from_ms -= w->play_from_ms % 1000;
    }
}

void script_start(struct world *w, int64_t scale)
{
    if (scale > 0) {
        vclock_set(&w->clock, scale, 0);
    }
    begin(w);
    if (!w->playing && w->applied < w->change_n) {
        /* What fell due in a pause happens now, not in the past. */
        int64_t late = vclock_now(&w->clock) - due_ms(w, w->applied);
        w->play_from_ms += late > 0 ? late - late % 1000 : 0;
    }
    w->playing = w->applied < w->change_n;
}

/* A line's stamp is never later than the clock says: the clock moves first. */
static void advance_to(struct world *w, size_t i)
{
    int64_t now = vclock_now(&w->clock);

    if (due_ms(w, i) > now) {
        vclock_set(&w->clock, -1, due_ms(w, i) - now);
    }
}

void script_step(struct world *w)
{
    begin(w);
    if (w->applied < w->change_n) {
        advance_to(w, w->applied);
        apply_next(w);
    }
}

void script_all(struct world *w)
{
    while (w->applied < w->change_n) {
        script_step(w);
    }
    w->playing = false;
}

void script_status(const struct world *w, struct dr_buf *out)
{
    bool done = w->applied == w->change_n && w->play_from_ms != 0;

    dr_buf_printf(out,
                  "{\"total\":%zu,\"applied\":%zu,\"next_at_s\":", w->change_n,
                  w->applied);
    if (w->applied < w->change_n) {
        dr_buf_i64(out, dr_json_get_i64(w->changes[w->applied], "at_s", 0));
    } else {
        dr_buf_z(out, "null");
    }
    dr_buf_printf(out, ",\"state\":\"%s\"}",
                  done         ? "done"
                  : w->playing ? "running"
                               : "stopped");
}
