/* bulk_upsert and its jobs (reference 15.2, 15.3, 23.3). */
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>

#include "store.h"

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
    j->size = items->count;
    j->received_seq = journal_next(a->journal);
    j->due_mono_ms =
        dr_mono_ms() + knob_int(a->knobs, "job_delay_ms") / a->clock.scale;
    dr_buf_init(&j->failed, (size_t)16 << 20);
    a->bulk_calls++;
    a->bulk_records += items->count;
    j->next = NULL;
    for (struct job **at = &a->jobs;; at = &(*at)->next) {
        if (!*at) {
            *at = j;
            break;
        }
    }
    return j->id;
}

static void note_failure(struct job *j, int64_t index, const char *why)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "index", index);
    dr_json_w_key(&w, "message");
    dr_json_w_arr(&w);
    dr_json_w_z(&w, why);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    if (j->failed.n > 0) {
        dr_buf_ch(&j->failed, ',');
    }
    dr_buf_str(&j->failed, dr_buf_view(&b));
    dr_buf_done(&b);
    j->failed_n++;
}

/* The identifier stands beside "data"; a create takes it as an attribute. */
static const struct dr_json *with_identifier(struct dr_arena *a,
                                             const struct dr_json *item,
                                             const struct dr_json *ident)
{
    const struct dr_json *data = dr_json_get(item, "data");
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str text;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, data)
    {
        dr_json_w_keys(&w, m->key);
        dr_json_w_tree(&w, m);
    }
    if (ident && !dr_str_eqz(ident->key, "id") &&
        !dr_str_starts(ident->key, DR_STR_LIT("cf_")) &&
        !dr_json_gets(data, ident->key)) {
        dr_json_w_keys(&w, ident->key);
        dr_json_w_tree(&w, ident);
    }
    dr_json_w_end(&w);
    text = dr_arena_dup(a, dr_buf_view(&b));
    dr_buf_done(&b);
    return dr_json_parse(a, text, NULL, NULL);
}

static void one_item(struct account *a, struct job *j,
                     const struct dr_json *item, int64_t index)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct dr_json *ident = NULL, *attrs;
    struct refusal r = {0};
    struct rec *rec = NULL, *done;
    const char *op;

    DR_JSON_EACH(m, item)
    {
        if (!dr_str_eqz(m->key, "data")) {
            ident = m;
        }
    }
    if (ident) {
        rec = find_by(j->kind, ident->key, dr_json_scalar(ident));
    }
    attrs = with_identifier(ar, item, ident);
    op = rec ? "update" : "create";
    if (ident && dr_str_eqz(ident->key, "id") && !rec) {
        note_failure(j, index, "record not found");
        done = NULL;
    } else {
        done = write_record(a, j->kind, rec, attrs, "api", &r);
        if (!done) {
            note_failure(j, index, r.text);
        }
    }
    j->success += done != NULL;
    journal_write(a, DR_STR_LIT("JOB"),
                  dr_arena_printf(ar, "%llu", (unsigned long long)j->id),
                  (struct dr_str){"", 0}, done ? 200 : 400, j->kind,
                  done ? done->id : 0, op, item->raw, 0, NULL, done != NULL);
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
            one_item(a, j, item, index++);
        }
        j->done = true;
        dr_arena_free(j->arena);
        j->arena = NULL;
        j->items = NULL;
    }
}

struct job *job_find(const struct account *a, uint64_t id)
{
    for (struct job *j = a->jobs; j; j = j->next) {
        if (j->id == id) {
            return j;
        }
    }
    return NULL;
}

void job_write(const struct job *j, struct dr_json_w *w)
{
    struct dr_buf b;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_buf_printf(&b, "{\"total\":%lld,\"success\":%lld,\"failed\":[",
                  (long long)j->size, (long long)j->success);
    dr_buf_str(&b, dr_buf_view(&j->failed));
    dr_buf_z(&b, "]}");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "job_type_name", "bulk_upsert");
    dr_json_w_kvz(w, "status", j->done ? "completed" : "queued");
    dr_json_w_kvi(w, "progress", j->done ? 100 : 0);
    dr_json_w_kv(w, "data", dr_buf_view(&b));
    dr_json_w_end(w);
    dr_buf_done(&b);
}
