/* Which attachments will not fit: seen one by one, the largest remembered. */
#include "profile_private.h"

#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 2000
#define NAME_BYTES 1024 /* of what is shown of one text */

void profile_files_done(struct seen_files *f)
{
    for (size_t i = 0; i < f->largest_n; i++) {
        free(f->largest[i]);
    }
    free(f->largest);
    free(f->sizes);
    *f = (struct seen_files){0};
}

/* ---- remembering ---- */

static struct dr_str put(char **at, struct dr_str s)
{
    struct dr_str out = {*at, s.n};

    if (s.n > 0) {
        memcpy(*at, s.p, s.n);
    }
    *at += s.n;
    return out;
}

static struct dr_str shown(struct dr_str s)
{
    return dr_utf8_prefix(s, NAME_BYTES / 4);
}

static struct seen_file *copy(const struct seen_file *in)
{
    struct dr_str name = shown(in->name), type = shown(in->parent_type);
    struct dr_str id = shown(in->parent_id);
    size_t room =
        in->id.n + name.n + in->owner.n + in->author.n + type.n + id.n;
    struct seen_file *f = dr_xmalloc(sizeof(*f) + room + 1);
    char *at = (char *)(f + 1);

    *f = *in;
    f->id = put(&at, in->id);
    f->name = put(&at, name);
    f->owner = put(&at, in->owner);
    f->author = put(&at, in->author);
    f->parent_type = put(&at, type);
    f->parent_id = put(&at, id);
    return f;
}

/* The larger first; of one size the smaller id: no order of reading. */
static int order(const struct seen_file *a, const struct seen_file *b)
{
    if (a->size != b->size) {
        return a->size > b->size ? -1 : 1;
    }
    return dr_str_cmp(a->id, b->id);
}

static void swap(struct seen_file **a, struct seen_file **b)
{
    struct seen_file *x = *a;

    *a = *b;
    *b = x;
}

static void sift_up(struct seen_file **v, size_t i)
{
    while (i > 0 && order(v[i], v[(i - 1) / 2]) > 0) {
        swap(&v[i], &v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct seen_file **v, size_t n)
{
    size_t i = 0;

    for (;;) {
        size_t last = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < n; c++) {
            last = order(v[c], v[last]) > 0 ? c : last;
        }
        if (last == i) {
            return;
        }
        swap(&v[i], &v[last]);
        i = last;
    }
}

static void remember(struct seen_files *f, const struct seen_file *one)
{
    if (!f->largest) {
        f->largest = dr_xcalloc(LISTED_MAX, sizeof(struct seen_file *));
    }
    if (f->largest_n < LISTED_MAX) {
        f->largest[f->largest_n] = copy(one);
        sift_up(f->largest, f->largest_n++);
    } else if (order(one, f->largest[0]) < 0) {
        free(f->largest[0]);
        f->largest[0] = copy(one);
        sift_down(f->largest, f->largest_n);
    }
}

void profile_add_file(struct dr_profile *p, const struct dr_source *rec,
                      const struct dr_json *root)
{
    const struct dr_json *props = dr_json_get(root, "properties");
    const struct dr_json *parents = dr_json_get(props, "parents");
    const struct dr_json *first = dr_json_at(parents, 0);
    struct dr_str status = dr_str_trim(dr_json_get_str(props, "status"));
    struct seen_files *f = &p->files;
    struct seen_file one = {
        .id = rec->id,
        .name = dr_json_get_str(props, "file_name"),
        .owner = shown(dr_json_scalar(dr_json_get(root, "owner_id"))),
        .author = shown(dr_json_scalar(dr_json_get(root, "created_by"))),
        .parent_type = dr_json_get_str(first, "type"),
        .parent_id = dr_json_scalar(dr_json_get(first, "id")),
        .parents = dr_json_type(parents) == DR_JSON_ARRAY ? parents->count : 0,
        .broken = dr_str_ieq(status, DR_STR_LIT("missing")) ||
                  dr_str_ieq(status, DR_STR_LIT("quarantined"))};

    if (dr_str_u64(dr_str_trim(dr_json_scalar(dr_json_get(props, "size"))),
                   &one.size)) {
        one.size = 0;
    }
    if (one.broken) {
        f->broken++;
        return;
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 256;
        f->sizes = dr_xrealloc(f->sizes, f->cap * sizeof(*f->sizes));
    }
    f->sizes[f->n++] = one.size;
    remember(f, &one);
}

/* ---- the report ---- */

struct sums {
    uint64_t all, large, fit;       /* files */
    uint64_t all_b, large_b, fit_b; /* bytes */
};

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct sums sum_up(const struct seen_files *f, uint64_t max)
{
    struct sums s = {0};

    for (size_t i = 0; i < f->n; i++) {
        s.all_b = plus(s.all_b, f->sizes[i]);
        if (f->sizes[i] > max) {
            s.large++;
            s.large_b = plus(s.large_b, f->sizes[i]);
        } else {
            s.fit++;
            s.fit_b = plus(s.fit_b, f->sizes[i]);
        }
    }
    s.all = f->n;
    return s;
}

static int by_size(const void *a, const void *b)
{
    const struct seen_file *const *x = a;
    const struct seen_file *const *y = b;

    return order(*x, *y);
}

static const char *large_word(const struct dr_plan *p)
{
    static const char *const words[] = {
        [TOO_LARGE_NOTE] = "note",
        [TOO_LARGE_LINK] = "link",
        [TOO_LARGE_SKIP] = "skip",
    };

    return words[p ? p->files.too_large : TOO_LARGE_NOTE];
}

static void write_sum(struct dr_json_w *w, const char *key, uint64_t n,
                      uint64_t bytes, const char *decision)
{
    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    dr_json_w_key(w, "count");
    dr_json_w_u64(w, n);
    dr_json_w_key(w, "bytes");
    dr_json_w_u64(w, bytes);
    dr_json_w_kvz(w, "decision", decision);
    dr_json_w_end(w);
}

static void write_item(struct dr_json_w *w, const struct seen_file *f,
                       const struct dr_plan *plan, const char *class,
                       const char *decision)
{
    struct dr_str name =
        plan ? map_text(plan->authors, f->author) : (struct dr_str){"", 0};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "id", f->id);
    dr_json_w_kv(w, "file_name", f->name);
    dr_json_w_key(w, "size");
    dr_json_w_u64(w, f->size);
    dr_json_w_kvz(w, "class", class);
    dr_json_w_kvz(w, "decision", decision);
    dr_json_w_kv(w, "owner", f->owner);
    dr_json_w_kv(w, "author", name.n > 0 ? name : f->author);
    dr_json_w_key(w, "parent");
    dr_json_w_obj(w);
    dr_json_w_kv(w, "type", f->parent_type);
    dr_json_w_kv(w, "id", f->parent_id);
    dr_json_w_end(w);
    dr_json_w_kvi(w, "parents", f->parents);
    dr_json_w_end(w);
}

static uint64_t write_items(const struct seen_files *f,
                            const struct dr_plan *plan, uint64_t max,
                            uint64_t over, struct dr_json_w *w)
{
    struct seen_file **v =
        dr_xcalloc(f->largest_n + 1, sizeof(struct seen_file *));
    uint64_t written = 0;

    if (f->largest_n > 0) {
        memcpy(v, f->largest, f->largest_n * sizeof(*v));
        qsort(v, f->largest_n, sizeof(*v), by_size);
    }
    dr_json_w_key(w, "items");
    dr_json_w_arr(w);
    for (size_t i = 0; i < f->largest_n; i++) {
        if (v[i]->size > max) {
            write_item(w, v[i], plan, "too_large", large_word(plan));
            written++;
        } else if (over > 0) {
            write_item(w, v[i], plan, "storage", "upload");
            over -= v[i]->size < over ? v[i]->size : over;
        }
    }
    dr_json_w_end(w);
    free(v);
    return written;
}

void dr_plan_files_json(const struct dr_profile *profile,
                        const struct dr_plan *plan, struct dr_json_w *w)
{
    const struct seen_files *f = &profile->files;
    uint64_t max = plan ? plan->files.max_bytes : DR_FILE_MAX;
    uint64_t storage = plan ? plan->files.storage_bytes : 0;
    struct sums s = sum_up(f, max);
    uint64_t over = storage > 0 && s.fit_b > storage ? s.fit_b - storage : 0;
    uint64_t written;

    dr_json_w_obj(w);
    dr_json_w_key(w, "max_bytes");
    dr_json_w_u64(w, max);
    dr_json_w_key(w, "storage_bytes");
    dr_json_w_u64(w, storage);
    dr_json_w_key(w, "files");
    dr_json_w_u64(w, s.all + f->broken);
    dr_json_w_key(w, "bytes");
    dr_json_w_u64(w, s.all_b);
    write_sum(w, "too_large", s.large, s.large_b, large_word(plan));
    write_sum(w, "broken", f->broken, 0,
              plan && plan->files.reject_broken ? "reject" : "note");
    write_sum(w, "upload", s.fit, s.fit_b, "upload");
    dr_json_w_key(w, "storage_over");
    dr_json_w_u64(w, over);
    written = write_items(f, plan, max, over, w);
    dr_json_w_key(w, "left_off");
    dr_json_w_u64(w, s.large - written);
    dr_json_w_end(w);
}
