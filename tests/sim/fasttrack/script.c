/* The change script: what happens in FastTrack while the tail reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "world.h"

void script_load(struct world *w, struct dr_str text)
{
    size_t cap = 0;

    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        const struct dr_json *j =
            line.n ? dr_json_parse(w->arena, line, NULL, NULL) : NULL;
        if (!j) {
            continue;
        }
        if (w->change_n == cap) {
            cap = cap ? cap * 2 : 256;
            w->changes =
                dr_xrealloc(w->changes, cap * sizeof(const struct dr_json *));
        }
        w->changes[w->change_n++] = j;
    }
}

/* The record with version and stamps as this world's clock has them. */
static struct dr_str restamped(struct world *w, const struct dr_json *rec,
                               uint64_t version, int64_t ms, int archived)
{
    struct dr_json_w out;
    struct dr_buf b;
    struct dr_str text;
    char at[DR_TIME_TEXT];

    dr_time_format(ms - ms % 1000, at);
    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&out, &b);
    dr_json_w_obj(&out);
    DR_JSON_EACH(m, rec)
    {
        dr_json_w_keys(&out, m->key);
        if (dr_str_eqz(m->key, "version")) {
            dr_json_w_u64(&out, version);
        } else if (dr_str_eqz(m->key, "updated_at") ||
                   (dr_str_eqz(m->key, "created_at") && version == 1)) {
            dr_json_w_z(&out, at);
        } else if (dr_str_eqz(m->key, "archived") && archived >= 0) {
            dr_json_w_bool(&out, archived == 1);
        } else {
            dr_json_w_tree(&out, m);
        }
    }
    dr_json_w_end(&out);
    text = dr_arena_dup(w->arena, dr_buf_view(&b));
    dr_buf_done(&b);
    return text;
}

static void touch(struct world *w, struct rec *r, uint64_t version, int64_t ms)
{
    int64_t lag = knob_int(w->knobs, "visibility_lag_ms");

    r->version = version;
    r->updated_ms = ms - ms % 1000;
    if (knob_is(w->knobs, "visibility_lag", "random")) {
        lag = (int64_t)dr_rand_below(&w->rand, (uint64_t)lag + 1);
    }
    r->visible_ms = lag > 0 ? ms + lag : 0;
}

void world_edit(struct world *w, struct kind *k, struct dr_str id,
                const struct dr_json *record, int64_t ms)
{
    struct rec *r = kind_put(w, k, id);
    uint64_t version =
        (uint64_t)dr_json_get_i64(record, "version", (int64_t)r->version + 1);
    struct dr_str before = r->deal_id;

    r->body = restamped(w, record, version, ms, -1);
    r->gone = LIVES;
    r->archived = dr_json_true(dr_json_get(record, "archived"));
    touch(w, r, version, ms);
    if (dr_str_eqz(k->name, "line_item")) {
        struct assoc_change c = {.ms = r->updated_ms,
                                 .from_type = DR_STR_LIT("deal"),
                                 .to_type = DR_STR_LIT("line_item"),
                                 .to = r->id};
        r->deal_id = dr_arena_dup(
            w->arena,
            dr_json_get_str(dr_json_get(record, "properties"), "deal_id"));
        c.from = r->deal_id;
        moved_add(w, &c);
        if (before.n > 0 && !dr_str_eq(before, r->deal_id)) {
            c.from = before;
            c.removed = true;
            moved_add(w, &c);
        }
    }
}

static void end_record(struct world *w, const struct dr_json *c, struct rec *r,
                       int64_t ms)
{
    bool merge = dr_str_eqz(dr_json_get_str(c, "op"), "merge");

    r->gone = merge ? MERGED : DELETED;
    r->merged_into = dr_json_scalar(dr_json_get(c, "merged_into"));
    if (r->deal_id.n > 0) {
        struct assoc_change gone = {.ms = ms - ms % 1000,
                                    .from_type = DR_STR_LIT("deal"),
                                    .to_type = DR_STR_LIT("line_item"),
                                    .from = r->deal_id,
                                    .to = r->id,
                                    .removed = true};
        moved_add(w, &gone);
    }
}

static void set_archived(struct world *w, struct rec *r, bool archived,
                         uint64_t version, int64_t ms)
{
    const struct dr_json *j = dr_json_parse(w->arena, r->body, NULL, NULL);

    if (j) {
        r->body = restamped(w, j, version, ms, archived);
    }
    r->archived = archived;
}

static void change_record(struct world *w, const struct dr_json *c, int64_t ms)
{
    struct dr_str op = dr_json_get_str(c, "op");
    struct kind *k = world_kind(w, dr_json_get_str(c, "type"));
    struct dr_str id = dr_json_scalar(dr_json_get(c, "id"));
    struct rec *r;

    if (!k) {
        return;
    }
    if (dr_str_eqz(op, "upsert")) {
        world_edit(w, k, id, dr_json_get(c, "record"), ms);
        return;
    }
    r = kind_put(w, k, id);
    if (dr_str_eqz(op, "delete") || dr_str_eqz(op, "merge")) {
        end_record(w, c, r, ms);
    } else if (dr_str_eqz(op, "archive") || dr_str_eqz(op, "restore")) {
        set_archived(w, r, dr_str_eqz(op, "archive"),
                     (uint64_t)dr_json_get_i64(c, "version", 1), ms);
    }
    touch(w, r,
          (uint64_t)dr_json_get_i64(c, "version", (int64_t)r->version + 1), ms);
}

static void change_assoc(struct world *w, const struct dr_json *c, int64_t ms,
                         bool removed)
{
    struct assoc_change m = {.ms = ms - ms % 1000,
                             .from_type = dr_json_get_str(c, "from_type"),
                             .to_type = dr_json_get_str(c, "to_type"),
                             .from = dr_json_scalar(dr_json_get(c, "from_id")),
                             .to = dr_json_scalar(dr_json_get(c, "to_id")),
                             .removed = removed};
    struct pair *p = world_pair(w, m.from_type, m.to_type);
    int64_t type_id = dr_json_get_i64(c, "type_id", 0);

    if (!p) {
        return;
    }
    if (!removed) {
        struct assoc *a = pair_add(p);
        *a = (struct assoc){.from = m.from,
                            .to = m.to,
                            .label = dr_json_get_str(c, "label"),
                            .category = dr_json_get_str(c, "category"),
                            .type_id = type_id,
                            .updated_ms = m.ms,
                            .primary = dr_json_true(dr_json_get(c, "primary"))};
        pair_sort(p);
    } else {
        for (size_t i = pair_from(p, m.from);
             i < p->n && dr_str_eq(p->v[i].from, m.from); i++) {
            if (dr_str_eq(p->v[i].to, m.to) && p->v[i].type_id == type_id) {
                memmove(&p->v[i], &p->v[i + 1], (p->n - i - 1) * sizeof(*p->v));
                p->n--;
                break;
            }
        }
    }
    moved_add(w, &m);
}

static int64_t due_ms(const struct world *w, size_t i)
{
    return w->play_from_ms + dr_json_get_i64(w->changes[i], "at_s", 0) * 1000;
}

static void apply_next(struct world *w)
{
    const struct dr_json *c = w->changes[w->applied];
    struct dr_str op = dr_json_get_str(c, "op");
    int64_t ms = due_ms(w, w->applied);

    w->applied++;
    if (dr_str_eqz(op, "assoc_add") || dr_str_eqz(op, "assoc_remove")) {
        change_assoc(w, c, ms, dr_str_eqz(op, "assoc_remove"));
    } else {
        change_record(w, c, ms);
    }
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
    w->playing = w->applied < w->change_n;
}

/* A line's stamp is never later than the clock says: the clock moves first. */
static void advance_to(struct world *w, size_t i)
{
    int64_t now = vclock_now(&w->clock);

    if (due_ms(w, i) > now) {
        vclock_set(&w->clock, 0, due_ms(w, i) - now);
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
