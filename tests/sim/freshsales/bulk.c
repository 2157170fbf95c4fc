/* bulk_upsert and its jobs (reference 15.2, 15.3, 23.3). */
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>

#include "store.h"

#define ITEMS_MAX 100
#define RETENTION_MS 86400000 /* of the scaled clock */

uint64_t bulk_accept(struct account *a, struct kind *k,
                     const struct dr_json *items)
{
    struct job *j = dr_xcalloc(1, sizeof(*j));
    struct dr_str text;

    j->id = new_id(a);
    j->kind = k;
    j->arena = dr_arena_new((size_t)256 << 20);
    text = dr_arena_dup(j->arena, items->raw);
    j->items = dr_json_parse(
        j->arena, text, &(struct dr_json_limits){.max_bytes = (size_t)64 << 20},
        NULL);
    j->size = items->count < ITEMS_MAX ? items->count : ITEMS_MAX;
    j->received_seq = journal_next(a->journal);
    j->received_ms = vclock_now(&a->clock);
    j->start_mono_ms = dr_mono_ms();
    j->due_mono_ms =
        j->start_mono_ms + knob_int(a->knobs, "job_delay_ms") /
                               (a->clock.scale > 0 ? a->clock.scale : 1);
    dr_buf_init(&j->failed, (size_t)16 << 20);
    a->bulk_calls++;
    a->bulk_records += j->size;
    *a->jobs_end = j;
    a->jobs_end = &j->next;
    return j->id;
}

static void note_failure(struct account *a, struct job *j, int64_t index,
                         const struct dr_json *ident, const struct refusal *r)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "index", index);
    dr_json_w_key(&w, "identifier");
    dr_json_w_obj(&w);
    if (ident) {
        dr_json_w_keys(&w, ident->key);
        dr_json_w_tree(&w, ident);
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "message");
    dr_json_w_arr(&w);
    dr_json_w_str(&w, said(a, r, a->scratch));
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    if (j->failed.n > 0) {
        dr_buf_ch(&j->failed, ',');
    }
    dr_buf_str(&j->failed, dr_buf_view(&b));
    dr_buf_done(&b);
    j->failed_n++;
}

static bool chosen_to_fail(struct account *a)
{
    struct dr_str s = dr_str_z(knob_text(a->knobs, "job_partial_failure_rate"));

    return dr_rand_chance(&a->rand, sim_millionths(s)) != 0;
}

static void one_item(struct account *a, struct job *j,
                     const struct dr_json *item, int64_t index)
{
    const struct dr_json *ident = NULL;
    struct refusal r = {0};
    struct rec *rec = NULL, *done = NULL;
    struct touch t = {.kind = j->kind};
    char id[24];

    DR_JSON_EACH(m, item)
    {
        if (!dr_str_eqz(m->key, "data")) {
            ident = m;
        }
    }
    if (chosen_to_fail(a)) {
        r = (struct refusal){.status = 500, .text = "Something went wrong."};
    } else if (!ident) {
        r = (struct refusal){400, "%s can't be blank", 0, "identifier"};
    } else if (find_for_upsert(a, j->kind, ident, &rec, &r) == 0) {
        done = write_record(
            a, j->kind, rec,
            with_identifier(a, dr_json_get(item, "data"), ident), "api", &r);
    }
    t.op = rec ? "update" : "create";
    t.id = done ? done->id : 0;
    if (!done) {
        note_failure(a, j, index, ident, &r);
    }
    j->success += done != NULL;
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)j->id);
    journal_write(a, &(struct entry){.method = DR_STR_LIT("JOB"),
                                     .path = dr_str_z(id),
                                     .query = {"", 0},
                                     .body = item->raw,
                                     .status = done ? 200 : 400,
                                     .touched = &t,
                                     .touched_n = done ? 1 : 0,
                                     .effect = done != NULL});
}

void bulk_tick(struct account *a)
{
    for (struct job *j = a->jobs; j; j = j->next) {
        int64_t index = 0;
        if (j->done || dr_mono_ms() < j->due_mono_ms) {
            continue;
        }
        DR_JSON_EACH(item, j->items)
        {
            if (index < ITEMS_MAX) {
                dr_arena_reset(a->scratch);
                one_item(a, j, item, index++);
            }
        }
        j->done = true;
        j->done_ms = vclock_now(&a->clock);
        dr_arena_free(j->arena);
        j->arena = NULL;
        j->items = NULL;
    }
}

struct job *job_find(const struct account *a, uint64_t id)
{
    for (struct job *j = a->jobs; j; j = j->next) {
        if (j->id == id) {
            bool kept =
                !j->done || vclock_now(&a->clock) - j->done_ms < RETENTION_MS;
            return kept && !j->expired ? j : NULL;
        }
    }
    return NULL;
}

/* Queued in the first half of its time, then in progress. */
static int64_t progress_of(const struct job *j)
{
    int64_t whole = j->due_mono_ms - j->start_mono_ms;
    int64_t past = dr_mono_ms() - j->start_mono_ms;

    return j->done || past * 2 < whole || whole == 0 ? 0
           : past < whole                            ? past * 100 / whole
                                                     : 99;
}

void job_write(struct account *a, const struct job *j, struct dr_json_w *w)
{
    int64_t progress = progress_of(j);
    char text[STAMP_TEXT];
    struct dr_buf b;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_buf_printf(&b, "{\"total\":%lld,\"success\":%lld,\"failed\":[",
                  (long long)j->size, (long long)j->success);
    dr_buf_str(&b, dr_buf_view(&j->failed));
    dr_buf_z(&b, "]}");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "job_type_name", "bulk_upsert");
    dr_json_w_kvz(w, "status",
                  j->done        ? "completed"
                  : progress > 0 ? "in_progress"
                                 : "queued");
    dr_json_w_kvi(w, "progress", j->done ? 100 : progress);
    dr_json_w_kv(w, "data", dr_buf_view(&b));
    dr_json_w_kvz(w, "created_at", stamp_text(a, j->received_ms, text));
    dr_json_w_kvz(w, "status_updated_at",
                  stamp_text(a, j->done ? j->done_ms : j->received_ms, text));
    dr_json_w_end(w);
    dr_buf_done(&b);
}
