/* Which attachments will not fit: seen one by one, and told. */
#include "profile_private.h"

#include <stdlib.h>

#include <drover/base/time.h>

#define LISTED_MAX 2000
#define NAME_BYTES 1024 /* of what is shown of one text */
#define MERGES_MAX 64   /* of a parent, one into the other */

static struct dr_str shown(struct dr_str s)
{
    return dr_utf8_prefix(s, NAME_BYTES / 4);
}

static void keep_texts(struct dr_profile *p, struct seen_file *one,
                       const struct dr_json *root)
{
    const struct dr_json *props = dr_json_get(root, "properties");
    const struct dr_json *parent = dr_json_at(dr_json_get(props, "parents"), 0);
    struct dr_str owner = dr_json_scalar(dr_json_get(root, "owner_id"));
    struct dr_str author = dr_json_scalar(dr_json_get(root, "created_by"));

    one->id = profile_text(p, one->id);
    one->name = profile_text(p, shown(dr_json_get_str(props, "file_name")));
    one->owner = profile_word(p, shown(owner));
    one->author = profile_word(p, shown(author));
    one->parent_type = profile_word(p, shown(dr_json_get_str(parent, "type")));
    one->parent_id =
        profile_text(p, shown(dr_json_scalar(dr_json_get(parent, "id"))));
}

void profile_add_file(struct dr_profile *p, const struct dr_source *rec,
                      const struct dr_json *root)
{
    const struct dr_json *props = dr_json_get(root, "properties");
    const struct dr_json *parents = dr_json_get(props, "parents");
    struct seen_file one = {
        .id = rec->id,
        .created = INT64_MAX,
        .parents = dr_json_type(parents) == DR_JSON_ARRAY ? parents->count : 0,
        .broken = file_withheld(dr_str_trim(dr_json_get_str(props, "status")))};
    struct seen_list *f = one.broken ? &p->files.broken : &p->files.whole;

    if (dr_str_u64(dr_str_trim(dr_json_scalar(dr_json_get(props, "size"))),
                   &one.size)) {
        one.size = 0;
    }
    if (dr_time_parse(dr_json_get_str(root, "created_at"), &one.created,
                      NULL)) {
        one.created = INT64_MAX;
    }
    keep_texts(p, &one, root);
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 256;
        f->v = dr_xrealloc(f->v, f->cap * sizeof(*f->v));
    }
    f->v[f->n++] = one;
}

/* ---- the report ---- */

struct sum {
    uint64_t n, bytes;
};

/* What becomes of the files: each stands in one of these. */
struct sums {
    struct sum large, listed, upload; /* listed: beyond, by the plan's list */
};

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add(struct sum *s, uint64_t bytes)
{
    s->n++;
    s->bytes = plus(s->bytes, bytes);
}

static bool is_listed(const struct seen_file *f, const struct room *room)
{
    return room->listed && dr_map_has(room->listed, f->id);
}

static struct sums sum_up(const struct seen_list *f, const struct room *room)
{
    struct sums s = {0};

    for (size_t i = 0; i < f->n; i++) {
        add(f->v[i].size > room->max    ? &s.large
            : is_listed(&f->v[i], room) ? &s.listed
                                        : &s.upload,
            f->v[i].size);
    }
    return s;
}

/* The larger first; of one size the smaller id: no order of reading. */
static int by_size(const void *a, const void *b)
{
    const struct seen_file *x = *(const struct seen_file *const *)a;
    const struct seen_file *y = *(const struct seen_file *const *)b;

    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

static const char *word_of(enum file_fate f)
{
    static const char *const words[] = {[FILE_NOTE] = "note",
                                        [FILE_LINK] = "link",
                                        [FILE_SKIP] = "skip",
                                        [FILE_UPLOAD] = "upload"};

    return words[f];
}

static void write_sum(struct dr_json_w *w, const char *key, struct sum sum,
                      const char *decision)
{
    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    dr_json_w_key(w, "count");
    dr_json_w_u64(w, sum.n);
    dr_json_w_key(w, "bytes");
    dr_json_w_u64(w, sum.bytes);
    dr_json_w_kvz(w, "decision", decision);
    dr_json_w_end(w);
}

static int by_id(const void *a, const void *b)
{
    const struct seen_file *x = *(const struct seen_file *const *)a;
    const struct seen_file *y = *(const struct seen_file *const *)b;

    return dr_str_cmp(x->id, y->id);
}

/* What the report is made of, besides the files. */
struct sources {
    const struct dr_plan *plan;
    const struct dr_records *records;
};

/* The record that a file hangs on; of merged ones the one that is left. */
static const struct dr_source *parent_of(const struct seen_file *f,
                                         const struct dr_records *records,
                                         struct dr_arena *a)
{
    struct dr_str id = f->parent_id;

    for (int i = 0; records && i < MERGES_MAX; i++) {
        const struct dr_source *rec =
            records->get(records->ctx, f->parent_type, id, a);
        if (!rec || rec->op != DR_SRC_MERGE) {
            return rec;
        }
        id = rec->merged_into;
    }
    return NULL;
}

/* Whom to ask about the file. */
static void write_owner(struct dr_json_w *w, const struct seen_file *f,
                        const struct dr_records *records)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_str owner = f->owner, of = DR_STR_LIT("attachment");

    if (owner.n == 0) {
        const struct dr_source *rec = parent_of(f, records, a);
        const struct dr_json *root =
            rec ? dr_json_parse(a, rec->body, NULL, NULL) : NULL;
        owner = shown(dr_json_scalar(dr_json_get(root, "owner_id")));
        of = owner.n > 0 ? f->parent_type : (struct dr_str){"", 0};
    }
    dr_json_w_kv(w, "owner", owner);
    dr_json_w_kv(w, "owner_of", of);
}

struct judged {
    const char *class, *reason, *decision;
};

static void write_item(struct dr_json_w *w, const struct seen_file *f,
                       const struct sources *from, const struct judged *is)
{
    struct dr_str name = from->plan ? map_text(from->plan->authors, f->author)
                                    : (struct dr_str){"", 0};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "id", f->id);
    dr_json_w_kv(w, "file_name", f->name);
    dr_json_w_key(w, "size");
    dr_json_w_u64(w, f->size);
    dr_json_w_kvz(w, "class", is->class);
    dr_json_w_kvz(w, "reason", is->reason);
    dr_json_w_kvz(w, "decision", is->decision);
    write_owner(w, f, from->records);
    dr_json_w_kv(w, "author", name.n > 0 ? name : f->author);
    dr_json_w_key(w, "parent");
    dr_json_w_obj(w);
    dr_json_w_kv(w, "type", f->parent_type);
    dr_json_w_kv(w, "id", f->parent_id);
    dr_json_w_end(w);
    dr_json_w_kvi(w, "parents", f->parents);
    dr_json_w_end(w);
}

/* Those that are too large, those that the plan lists, those that still do not
 * fit: the front of v, the largest first. Returns how many. */
static size_t without_room(const struct seen_list *f, const struct room *room,
                           const struct seen_file **v, struct sum *over)
{
    size_t n = files_beyond(v, f->n, room);

    for (size_t i = 0; i < n; i++) {
        add(over, v[i]->size);
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].size > room->max || is_listed(&f->v[i], room)) {
            v[n++] = &f->v[i];
        }
    }
    qsort(v, n, sizeof(*v), by_size);
    return n;
}

/* They follow on those n, by their ids. Returns how many there are now. */
static size_t and_broken(const struct seen_list *broken,
                         const struct seen_file ***v, size_t n)
{
    *v = dr_xrealloc(*v, (n + broken->n + 1) * sizeof(**v));
    for (size_t i = 0; i < broken->n; i++) {
        (*v)[n + i] = &broken->v[i];
    }
    qsort(*v + n, broken->n, sizeof(**v), by_id);
    return n + broken->n;
}

static struct judged judge(const struct seen_file *f,
                           const struct dr_plan *plan, const struct room *room)
{
    if (f->broken) {
        return (struct judged){"broken", f->broken,
                               plan && plan->files.reject_broken ? "reject"
                                                                 : "note"};
    }
    if (f->size > room->max) {
        return (struct judged){
            "too_large", "larger than a file may be (max_bytes)",
            word_of(plan ? plan->files.too_large : FILE_NOTE)};
    }
    return (struct judged){
        "storage", "no room is left in the account's storage",
        word_of(is_listed(f, room) ? plan->files.beyond : FILE_UPLOAD)};
}

static void write_items(const struct seen_file *const *v, size_t n,
                        const struct sources *from, const struct room *room,
                        struct dr_json_w *w)
{
    dr_json_w_key(w, "items");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
        struct judged is = judge(v[i], from->plan, room);
        write_item(w, v[i], from, &is);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "left_off");
    dr_json_w_u64(w, n > LISTED_MAX ? n - LISTED_MAX : 0);
}

static struct room room_of(const struct dr_plan *plan)
{
    struct room room = {.max = DR_FILE_MAX};

    if (plan) {
        room.max = plan->files.max_bytes;
        room.storage = plan->files.storage_bytes;
    }
    if (plan && plan->files.beyond != FILE_UPLOAD) {
        room.listed = plan->files.beyond_ids;
    }
    return room;
}

static void write_sums(struct dr_json_w *w, size_t broken_count,
                       const struct sums *s, const struct dr_plan *plan,
                       struct sum over)
{
    struct sum broken = {broken_count, 0};

    write_sum(w, "too_large", s->large,
              word_of(plan ? plan->files.too_large : FILE_NOTE));
    write_sum(w, "broken", broken,
              plan && plan->files.reject_broken ? "reject" : "note");
    write_sum(w, "beyond", s->listed,
              word_of(plan ? plan->files.beyond : FILE_UPLOAD));
    write_sum(w, "upload", s->upload, "upload");
    write_sum(w, "no_room", over, "upload");
}

void dr_plan_files_json(const struct dr_profile *profile,
                        const struct dr_plan *plan,
                        const struct dr_records *records, struct dr_json_w *w)
{
    const struct sources from = {plan, records};
    const struct seen_list *f = &profile->files.whole;
    const struct seen_list *broken = &profile->files.broken;
    const struct seen_file **v = files_by_age(f);
    struct room room = room_of(plan);
    struct sums s = sum_up(f, &room);
    struct sum over = {0};
    size_t n = without_room(f, &room, v, &over);
    uint64_t all = plus(s.large.bytes, plus(s.listed.bytes, s.upload.bytes));

    dr_json_w_obj(w);
    dr_json_w_key(w, "max_bytes");
    dr_json_w_u64(w, room.max);
    dr_json_w_key(w, "storage_bytes");
    dr_json_w_u64(w, room.storage);
    dr_json_w_kvz(w, "storage",
                  room.storage > 0 ? "known"
                                   : "not known: neither the account's plan "
                                     "nor the proposal says what it holds, so "
                                     "no file is found to be beyond it: "
                                     "propose again with `--storage BYTES`");
    dr_json_w_key(w, "files");
    dr_json_w_u64(w, f->n + broken->n);
    dr_json_w_key(w, "bytes");
    dr_json_w_u64(w, all);
    write_sums(w, broken->n, &s, plan, over);
    dr_json_w_key(w, "storage_over");
    dr_json_w_u64(w, room.storage > 0 && s.upload.bytes > room.storage
                         ? s.upload.bytes - room.storage
                         : 0);
    n = and_broken(broken, &v, n);
    write_items(v, n, &from, &room, w);
    dr_json_w_end(w);
    free(v);
}
