/*
 * Owners, pipelines and the schema: all that is sent later is read by them, so
 * that one damaged item among them is asked about whatever the budget is
 * (contract 4.9). The catalogue carries the item as it came.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>

static void note(struct extractor *ex, struct dr_buf *key)
{
    if (!key->over) {
        dr_map_put(ex->bad_items, dr_buf_view(key), ex);
    }
    dr_buf_done(key);
}

void items_list_bad(struct extractor *ex, const char *path)
{
    struct dr_buf key;

    dr_buf_init(&key, 1024);
    dr_buf_printf(&key, "list:%s", path);
    note(ex, &key);
}

/* What stands there says what is damaged; null and false: nothing is. */
static bool is_flagged(const struct dr_json *row)
{
    const struct dr_json *flag = dr_json_get(row, "corrupt");

    return dr_json_type(flag) > DR_JSON_FALSE;
}

/* An item that is flagged, or that nothing can name. */
static void one(struct extractor *ex, const char *what, const char *name_key,
                const struct dr_json *row, size_t n)
{
    struct dr_str name = dr_json_scalar(dr_json_get(row, name_key));
    bool named = name.n > 0 && name.n < 256 && dr_text_valid(name);
    struct dr_buf key;

    if (named && !is_flagged(row)) {
        return;
    }
    dr_buf_init(&key, 1024);
    if (named) {
        dr_buf_printf(&key, "%s:" DR_STR_FMT, what, DR_STR_ARG(name));
    } else {
        dr_buf_printf(&key, "%s:#%zu", what, n);
    }
    note(ex, &key);
}

void items_check(struct extractor *ex, const char *what, const char *name_key,
                 struct dr_str rows)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    size_t n = 0;

    DR_JSON_EACH(row, dr_json_parse(a, rows, NULL, NULL))
    {
        one(ex, what, name_key, row, ++n);
        DR_JSON_EACH(stage, dr_json_get(row, "stages"))
        {
            one(ex, "stage", "id", stage, n);
        }
    }
}

/* The question; its text names the first of the list. */
static bool question(const struct extractor *ex, struct ask *out)
{
    size_t n = dr_map_count(ex->bad_items), at = 0, i = 0;
    struct dr_str *keys;
    char list[9], first[101];
    void *of;

    if (n == 0) {
        return false;
    }
    keys = dr_xcalloc(n, sizeof(*keys));
    while (i < n && dr_map_next(ex->bad_items, &at, &keys[i], &of)) {
        i++;
    }
    ask_name(keys, i, list);
    (void)snprintf(first, sizeof(first), DR_STR_FMT, DR_STR_ARG(keys[0]));
    *out = (struct ask){.kind = "corrupt", .count = n};
    (void)snprintf(out->id, sizeof(out->id), "catalogue:%zu:%s", n, list);
    (void)snprintf(out->text, sizeof(out->text),
                   "%zu owners, pipelines or parts of the schema are damaged "
                   "or cannot be read, the first is %s. Have them mended "
                   "in FastTrack and start again, or approve that they stay "
                   "as they are",
                   n, first);
    free(keys);
    return true;
}

/* Of lists that are read once, at the start. */
static bool is_of_the_start(struct dr_str key)
{
    return dr_str_starts(key, DR_STR_LIT("owner:")) ||
           (dr_str_starts(key, DR_STR_LIT("list:")) &&
            !dr_str_starts(key, DR_STR_LIT("list:/v1/schema/")));
}

void items_anew(struct extractor *ex)
{
    struct dr_map *kept = dr_map_new(NULL);
    struct dr_str key;
    size_t at = 0;
    void *of;

    while (dr_map_next(ex->bad_items, &at, &key, &of)) {
        if (is_of_the_start(key)) {
            dr_map_put(kept, key, of);
        }
    }
    dr_map_free(ex->bad_items);
    ex->bad_items = kept;
}

bool items_ask(struct extractor *ex)
{
    struct ask a;

    if (!question(ex, &a)) {
        ask_close_all(ex, "catalogue:"); /* it was mended */
        return true;
    }
    ask_close_but(ex, "catalogue:", a.id);
    return ask(ex, &a);
}

bool items_ask_wait(struct extractor *ex)
{
    struct ask a;

    return !question(ex, &a) || ask_wait(ex, &a);
}
