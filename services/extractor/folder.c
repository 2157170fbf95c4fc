#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#include "extractor.h"
#include "folder_private.h"
#include "plain.h"
#include "rows.h"
#include "scratch.h"

#define LOOK_MS 1000  /* between two looks at the manifest */
#define AGAIN_MS 5000 /* the same for a drop that was not taken, and */
#define LONG_MS 60000 /* when it is not taken again and again */
#define PAIRS_MAX 64
#define FINDINGS_MAX 20 /* in the status; the catalogue has all */
#define GUARD 50 /* absent records that need no question, and one in 200 */
#define GUARD_SHARE 200

struct folder *folder_open(struct extractor *ex, const char *dir)
{
    struct folder *f = dr_xcalloc(1, sizeof(*f));
    struct dr_err err = {0};

    scratch_many_files();
    f->ex = ex;
    f->absent_ids = dr_arena_new(FOLDER_ABSENT_MAX);
    f->unpack_ratio = ex->unpack_ratio;
    f->drop = drop_open(dir, f->unpack_ratio, &err);
    if (!f->drop) {
        dr_die(DR_EXIT_REFUSED, "source.url", "%s", err.text);
    }
    f->noticed_ms = dr_wall_ms() / 1000 * 1000;
    f->looked_ms = dr_mono_ms();
    return f;
}

void folder_free(struct folder *f)
{
    if (f) {
        drop_free(f->drop);
        drop_free(f->next);
        free(f->absent);
        dr_arena_free(f->absent_ids);
        free(f);
    }
}

int64_t folder_stamp(const struct folder *f, int64_t updated_ms)
{
    return f && updated_ms == 0 ? f->drop->produced_ms : updated_ms;
}

FILE *folder_file(const struct folder *f, struct dr_str id)
{
    char path[5200];
    FILE *in;

    errno = ENOENT;
    if (id.n == 0 || id.p[0] == '.' ||
        dr_str_find(id, DR_STR_LIT("/")) != SIZE_MAX) {
        return NULL;
    }
    (void)snprintf(path, sizeof(path), "%s/files/" DR_STR_FMT, f->drop->dir,
                   DR_STR_ARG(id));
    in = plain_open(path);
    if (!in && scratch_too_many()) { /* it may be there all the same */
        dr_die(DR_EXIT_REFUSED, "open files", "%s", scratch_too_many());
    }
    return in;
}

/* ---- what is told ---- */

void folder_findings(const struct folder *f, struct dr_json_w *w)
{
    const struct drop *d = f->drop;

    for (size_t i = 0; i < d->told_n && i < FINDINGS_MAX; i++) {
        struct dr_buf b;
        dr_buf_init(&b, 4096);
        dr_buf_str(&b, d->told[i].about);
        dr_buf_z(&b, ": ");
        dr_buf_str(&b, d->told[i].found);
        dr_json_w_str(w, dr_buf_view(&b));
        dr_buf_done(&b);
    }
}

/* As the check of a profile: one line each, with what can be done. */
void folder_publish(const struct folder *f)
{
    const struct drop *d = f->drop;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    profile_head(&w, DR_STR_LIT("folder"), f->ex->check.number);
    for (size_t i = 0; i < d->told_n; i++) {
        const struct drop_told *t = &d->told[i];
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "object", t->about);
        dr_json_w_kvz(&w, "assumption", "folder");
        dr_json_w_kvz(&w, "verdict", "fails");
        dr_json_w_kvb(&w, "must", false);
        dr_json_w_kv(&w, "found", t->found);
        dr_json_w_kv(&w, "cure", t->cure);
        dr_json_w_end(&w);
        dr_log(DR_LOG_WARN, "extractor.folder",
               DR_STR_FMT ": " DR_STR_FMT "; " DR_STR_FMT, DR_STR_ARG(t->about),
               DR_STR_ARG(t->found), DR_STR_ARG(t->cure));
    }
    dr_json_w_end(&w);
    dr_json_w_kvi(&w, "fails", (int64_t)d->told_n);
    dr_json_w_kvi(&w, "must_fail", 0);
    dr_json_w_end(&w);
    emit_catalog(f->ex, "source", "profile_check", dr_buf_view(&b));
    dr_buf_done(&b);
}

/* What was not told with the bytes of its line. */
static void tell_poison(const struct folder *f, const struct drop_kind *k)
{
    struct object *o = object_find(f->ex, k->name);

    for (size_t i = 0; o && i < k->broken_n; i++) {
        emit_unreadable(f->ex, o, k->broken[i],
                        "the folder's manifest says that this record cannot "
                        "be read (poison), and no line of it was found");
    }
}

static void tell_bad(const struct folder *f)
{
    for (size_t i = 0; i < f->drop->bad_n; i++) {
        const struct drop_bad *b = &f->drop->bad[i];
        struct gather g = {.ex = f->ex, .o = object_find(f->ex, b->object)};
        char name[1100], why[256];
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(b->file));
        (void)snprintf(why, sizeof(why), DR_STR_FMT, DR_STR_ARG(b->why));
        if (g.o) { /* the others are told of as a file */
            gather_bad(&g, b->raw, name, b->offset, b->bytes, why);
        }
    }
    for (size_t i = 0; i < f->drop->kind_n; i++) {
        tell_poison(f, &f->drop->kinds[i]);
    }
}

/* ---- what is asked ---- */

static void halt(struct folder *f, const char *why)
{
    if (strcmp(f->ex->halted, why) != 0) {
        (void)snprintf(f->ex->halted, sizeof(f->ex->halted), "%s", why);
        dr_log(DR_LOG_WARN, "extractor.drop_refused", "%s", why);
        f->pause_ms = AGAIN_MS;
    }
    f->halts = true;
    f->again_ms = dr_mono_ms() + f->pause_ms;
    f->pause_ms = f->pause_ms * 2 < LONG_MS ? f->pause_ms * 2 : LONG_MS;
    emit_status(f->ex, false);
}

static void go_on(struct folder *f)
{
    if (f->halts) {
        f->ex->halted[0] = '\0';
        f->halts = false;
        ask_close_all(f->ex, "absence:");
    }
}

/* A drop that lacks much is no deletion of much until somebody says so. */
static bool refused_absence(struct folder *f, int kind, size_t missing)
{
    char text[sizeof(f->ex->asks[0].text)];

    (void)snprintf(text, sizeof(text),
                   "%zu records of %s are not in the new drop: is it whole? "
                   "Export it again, or approve that they are deleted",
                   missing, f->ex->objects[kind].name);
    if (ask_absence(f->ex, kind, text)) {
        return false;
    }
    halt(f, text);
    f->again_ms = dr_mono_ms() + AGAIN_MS; /* an answer is not kept waiting */
    return true;
}

static bool lacks_too_much(struct folder *f, const struct drop *next)
{
    struct extractor *ex = f->ex;

    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        const struct drop_kind *k = drop_kind(next, dr_str_z(o->name));
        size_t share = emitted_count(ex->emitted, (int)i) / GUARD_SHARE;
        size_t missing;
        if (o->is == OBJECT_LINES || o->is == OBJECT_EVENTS) {
            continue;
        }
        emitted_sweep_begin(ex->emitted, (int)i);
        for (size_t at = 0; k && at < k->n; at++) {
            emitted_sweep_saw(ex->emitted, (int)i, k->v[at].id);
        }
        for (size_t at = 0; k && at < k->broken_n; at++) {
            emitted_sweep_saw(ex->emitted, (int)i, k->broken[at]);
        }
        for (size_t at = 0; k && at < k->gone_n; at++) { /* said, not missed */
            emitted_sweep_saw(ex->emitted, (int)i, k->gone[at].id);
        }
        missing = emitted_sweep_missing(ex->emitted, (int)i);
        if (missing > (share > GUARD ? share : GUARD) ||
            (missing > 0 && missing == emitted_living(ex->emitted, (int)i))) {
            if (refused_absence(f, (int)i, missing)) {
                return true;
            }
        }
    }
    return false;
}

/* True: there is something to ask. All links lack at first; later those that
 * the drop before had. */
static bool lacks_links(const struct drop *d, const struct drop *before,
                        struct ask *out)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 10);
    struct dr_str names[PAIRS_MAX];
    size_t n = drop_unlinked(d, before, a, names, PAIRS_MAX);
    char list[9];

    if (n == 0 || (!before && d->pair_n > 0)) {
        return false;
    }
    *out = (struct ask){.kind = "absence", .count = n};
    (void)snprintf(out->text, sizeof(out->text),
                   "the folder has no file of associations for " DR_STR_FMT
                   "%s: these records would go without their links. Export "
                   "associations/ and name its files in the manifest, or "
                   "approve that there are none",
                   DR_STR_ARG(names[0]), n > 1 ? " and others" : "");
    ask_name(names, n, list);
    (void)snprintf(out->id, sizeof(out->id), "absence:links:%zu:%s", n, list);
    return true;
}

/* ---- the first drop ---- */

bool folder_begin(struct folder *f)
{
    struct ask a;

    folder_publish(f);
    if (lacks_links(f->drop, NULL, &a) && !ask_wait(f->ex, &a)) {
        return false;
    }
    tell_bad(f);
    f->started = true;
    /* A drop that is read again after a restart is offered whole: what it
     * changed while nobody looked is news. */
    if (f->ex->objects[0].cursor.phase == CURSOR_TAIL) {
        f->delta = !lacks_too_much(f, f->drop);
        f->waits = !f->delta;
    }
    return true;
}

/* ---- the next one ---- */

/* The drop that is there already, once its absences were answered. */
static void offer(struct folder *f)
{
    if (f->waits && lacks_too_much(f, f->drop)) {
        return;
    }
    if (f->waits) {
        f->noticed_ms = dr_wall_ms() / 1000 * 1000;
        f->delta = true;
        f->waits = false;
    }
    go_on(f);
}

static void take(struct folder *f)
{
    drop_free(f->drop);
    f->drop = f->next;
    f->next = NULL;
    f->waits = false;
    go_on(f);
    f->noticed_ms = dr_wall_ms() / 1000 * 1000;
    f->delta = true;
    folder_publish(f);
    tell_bad(f);
    dr_log(DR_LOG_INFO, "extractor.drop", "a new drop is read as changes");
}

void folder_look(struct folder *f)
{
    struct dr_err err = {0};
    struct ask a;

    if (!f->started || dr_mono_ms() - f->looked_ms < LOOK_MS ||
        dr_mono_ms() < f->again_ms) {
        return;
    }
    f->looked_ms = dr_mono_ms();
    if (f->next && drop_changed(f->next)) {
        drop_free(f->next);
        f->next = NULL;
    }
    if (!f->next && !drop_changed(f->drop)) {
        offer(f);
        return;
    }
    f->next =
        f->next ? f->next : drop_open(f->drop->dir, f->unpack_ratio, &err);
    if (!f->next) { /* being written, perhaps: looked at again */
        halt(f, err.text);
        return;
    }
    if (lacks_links(f->next, f->drop, &a) && !ask(f->ex, &a)) {
        halt(f, a.text);
        f->again_ms = dr_mono_ms() + AGAIN_MS;
        return;
    }
    if (!lacks_too_much(f, f->next)) {
        take(f);
    }
}
