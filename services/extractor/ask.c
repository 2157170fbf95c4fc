/*
 * Questions to people. What is asked stands in the status record; the answer
 * is its id among the approvals of `control`. Until then the run of the thing
 * asked about halts.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define LOOK_MS 200

bool ask_approved(const struct extractor *ex, const char *id)
{
    const struct dr_control *c = &dr_control(ex->control)->state;

    for (size_t i = 0; i < c->approval_count; i++) {
        if (dr_str_eqz(c->approvals[i], id)) {
            return true;
        }
    }
    return false;
}

static struct ask *find(struct extractor *ex, const char *id)
{
    for (size_t i = 0; i < ex->ask_count; i++) {
        if (strcmp(ex->asks[i].id, id) == 0) {
            return &ex->asks[i];
        }
    }
    return NULL;
}

void ask_close(struct extractor *ex, const char *id)
{
    struct ask *a = find(ex, id);

    if (a) {
        memmove(a, a + 1,
                (size_t)(ex->asks + ex->ask_count - (a + 1)) * sizeof(*a));
        ex->ask_count--;
    }
}

bool ask(struct extractor *ex, const struct ask *what)
{
    if (ask_approved(ex, what->id)) {
        ask_close(ex, what->id);
        return true;
    }
    if (!find(ex, what->id) && ex->ask_count < ASKS_MAX) {
        ex->asks[ex->ask_count++] = *what;
        dr_log(DR_LOG_WARN, "extractor.asks", "id=%s: %s", what->id,
               what->text);
        emit_status(ex, true);
    }
    return false;
}

bool ask_wait(struct extractor *ex, const struct ask *what)
{
    while (!ask_approved(ex, what->id)) {
        (void)snprintf(ex->halted, sizeof(ex->halted), "%s", what->text);
        (void)ask(ex, what);
        emit_status(ex, false);
        if (!api_wait(&ex->api, LOOK_MS)) {
            return false;
        }
        control_poll(ex);
        profile_asked(ex);
    }
    ask_close(ex, what->id);
    ex->halted[0] = '\0';
    emit_status(ex, true);
    return true;
}

/* ---- what the source cannot read ---- */

static uint64_t total(const struct extractor *ex)
{
    uint64_t n = dr_map_count(ex->unreadable);

    for (size_t i = 0; i < ex->object_count; i++) {
        n += emitted_count(ex->emitted, (int)i);
    }
    return n;
}

static int by_text(const void *a, const void *b)
{
    return dr_str_cmp(*(const struct dr_str *)a, *(const struct dr_str *)b);
}

/* Names a list, in whatever order it is given, so that an approval is of these
 * and of no others. */
void ask_name(struct dr_str *ids, size_t n, char out[9])
{
    struct dr_hash h;
    uint8_t sum[32];
    char hex[65];

    qsort(ids, n, sizeof(*ids), by_text);
    dr_hash_init(&h);
    for (size_t i = 0; i < n; i++) {
        dr_hash_bytes(&h, ids[i]);
        dr_hash_bytes(&h, DR_STR_LIT("\n"));
    }
    dr_hash_final(&h, sum);
    dr_hex(sum, 4, hex);
    memcpy(out, hex, 9);
}

static void unreadable_name(const struct extractor *ex, char out[9])
{
    size_t n = dr_map_count(ex->unreadable), at = 0, i = 0;
    struct dr_str *keys = dr_xcalloc(n + 1, sizeof(*keys));
    void *of;

    while (i < n && dr_map_next(ex->unreadable, &at, &keys[i], &of)) {
        i++;
    }
    ask_name(keys, i, out);
    free(keys);
}

/* True: they are more than the budget lets through; *out is the question. */
static bool over_budget(const struct extractor *ex, struct ask *out)
{
    uint64_t bad = dr_map_count(ex->unreadable);
    char list[9];

    if (bad == 0 || bad * 1000 <= total(ex) * (uint64_t)ex->budget_permille) {
        return false;
    }
    unreadable_name(ex, list);
    *out = (struct ask){.kind = "corrupt", .count = bad};
    (void)snprintf(out->id, sizeof(out->id), "corrupt:%llu:%s",
                   (unsigned long long)bad, list);
    (void)snprintf(out->text, sizeof(out->text),
                   "%llu records cannot be read or carried: more than %lld in "
                   "a thousand. Look at the rejected ones and approve that "
                   "they stay behind, or have them mended in FastTrack",
                   (unsigned long long)bad, (long long)ex->budget_permille);
    return true;
}

/* Those of which the list has changed. */
void ask_close_but(struct extractor *ex, const char *head, const char *but)
{
    for (size_t i = ex->ask_count; i > 0; i--) {
        char id[sizeof(ex->asks[0].id)];
        memcpy(id, ex->asks[i - 1].id, sizeof(id));
        if (strncmp(id, head, strlen(head)) == 0 &&
            (!but || strcmp(id, but) != 0)) {
            ask_close(ex, id);
        }
    }
}

void ask_close_all(struct extractor *ex, const char *head)
{
    ask_close_but(ex, head, NULL);
}

bool ask_corrupt(struct extractor *ex)
{
    struct ask a;

    if (!over_budget(ex, &a)) {
        ask_close_but(ex, "corrupt:", NULL);
        return true;
    }
    ask_close_but(ex, "corrupt:", a.id);
    return ask(ex, &a);
}

bool ask_corrupt_wait(struct extractor *ex)
{
    struct ask a;

    if (!over_budget(ex, &a)) {
        return true;
    }
    ask_close_but(ex, "corrupt:", a.id);
    return ask_wait(ex, &a);
}

bool ask_absence(struct extractor *ex, int kind, const char *text)
{
    size_t n = emitted_sweep_missing(ex->emitted, kind), at = 0, i = 0;
    struct dr_str *ids = dr_xcalloc(n + 1, sizeof(*ids));
    struct ask a = {.kind = "absence", .count = n};
    char list[9], head[64];

    while (i < n && emitted_sweep_next(ex->emitted, kind, &at, &ids[i])) {
        i++;
    }
    ask_name(ids, i, list);
    free(ids);
    (void)snprintf(head, sizeof(head),
                   "absence:%.48s:", ex->objects[kind].name);
    (void)snprintf(a.id, sizeof(a.id), "%s%zu:%s", head, n, list);
    (void)snprintf(a.text, sizeof(a.text), "%s", text);
    ask_close_but(ex, head, a.id);
    return ask(ex, &a);
}
