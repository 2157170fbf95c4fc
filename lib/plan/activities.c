/* What the plan says of activities, notes and files: the types of sales
 * activities that an administrator makes, how HTML goes, which files fit. */
#include "propose_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of inline images: no more go into the plan, or more bytes. */
#define NAMES_MAX 5000
#define NAMES_BYTES ((size_t)512 << 10)

/* The API takes custom types only (10.1): one for each kind. */
static const char *type_name(const char *object)
{
    static const struct {
        const char *object, *name;
    } types[] = {{"call", "Imported call"},
                 {"email", "Imported email"},
                 {"event", "Imported event"}};

    for (size_t i = 0; i < DR_ARRAY_LEN(types); i++) {
        if (strcmp(object, types[i].object) == 0) {
            return types[i].name;
        }
    }
    return "Imported activity";
}

const struct dr_json *activity_type(const struct proposing *p,
                                    const struct target_kind *k)
{
    const struct dr_json *list =
        dr_json_get(p->c->dst_selectors, "sales_activity_types");
    /* A logged call is of the type that Freshsales itself has for calls. */
    const char *name =
        strcmp(k->type, "call_logs") == 0 ? "Phone" : type_name(k->object);

    return by_name(p->a, list, "name", dr_str_z(name));
}

void propose_activity_type(struct proposing *p, const struct target_kind *k)
{
    const struct dr_json *type = activity_type(p, k);
    struct dr_json_w *w = &p->plan;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "rule", dr_arena_printf(p->a, "%s.type", k->object));
    dr_json_w_kvz(w, "source", "");
    dr_json_w_kvz(w, "target", "sales_activity_type_id");
    dr_json_w_kvz(w, "transform", "const");
    dr_json_w_key(w, "value");
    if (type) {
        dr_json_w_str(w, id_of(type));
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_end(w);
    if (!type &&
        item_begin(p, "sales_activity_type", DR_STR_LIT("sales_activities"),
                   dr_str_z(type_name(k->object)),
                   DR_STR_LIT("a type of sales activity, made by an "
                              "administrator"))) {
        item_end(p);
    }
}

/* ---- the plan's words ---- */

void propose_activities(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;
    const char *html = p->o->html_keep ? "keep" : "text";

    dr_json_w_key(w, "activities");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "call",
                  p->o->calls_as_logs ? "call_log" : "sales_activity");
    dr_json_w_kvz(w, "html", html);
    dr_json_w_kvz(w, "long", p->o->long_notes ? "note" : "cut");
    dr_json_w_end(w);
    dr_json_w_key(w, "notes");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "html", html);
    dr_json_w_end(w);
}

/* Storage of a plan, for each active user (reference 19.4). */
static uint64_t storage_of(const struct proposing *p)
{
    static const struct {
        const char *plan;
        uint64_t gigabytes;
    } plans[] = {{"free", 0},         {"growth", 2},  {"pro", 5},
                 {"enterprise", 100}, {"blossom", 1}, {"garden", 2},
                 {"estate", 5},       {"forest", 100}};
    struct dr_str plan = dr_json_get_str(p->c->dst_account, "plan");
    uint64_t users = 0;

    DR_JSON_EACH(u, dr_json_get(p->c->dst_selectors, "users"))
    {
        users += dr_json_true(dr_json_get(u, "is_active"));
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(plans); i++) {
        if (dr_str_ieq(plan, dr_str_z(plans[i].plan))) {
            return (plans[i].gigabytes << 30) * users;
        }
    }
    return 0;
}

static void write_names(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;
    size_t n, bytes = 0;
    struct dr_str *ids = sorted_keys(p->a, p->profile->inline_files, &n);

    dr_json_w_key(w, "names");
    dr_json_w_obj(w);
    for (size_t i = 0; i < n && i < NAMES_MAX; i++) {
        struct dr_str name = map_text(p->profile->inline_files, ids[i]);
        bytes += ids[i].n + name.n;
        if (bytes > NAMES_BYTES) {
            break;
        }
        dr_json_w_keys(w, ids[i]);
        dr_json_w_str(w, name);
    }
    dr_json_w_end(w);
}

static void write_beyond(struct proposing *p, uint64_t max, uint64_t storage)
{
    const char *fate = p->o->files_beyond ? p->o->files_beyond : "upload";
    struct dr_json_w *w = &p->plan;
    const struct seen_file **v = NULL;
    size_t n = 0, bytes = 0;

    if (strcmp(fate, "upload") != 0) {
        v = files_by_age(&p->profile->files.whole);
        n = files_beyond(v, p->profile->files.whole.n,
                         &(struct room){.max = max, .storage = storage});
    }
    dr_json_w_kvz(w, "beyond", fate);
    dr_json_w_key(w, "beyond_ids");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n && i < BEYOND_MAX; i++) {
        bytes += v[i]->id.n;
        if (bytes > BEYOND_BYTES) {
            break;
        }
        dr_json_w_str(w, v[i]->id);
    }
    dr_json_w_end(w);
    free(v);
}

void propose_files(struct proposing *p)
{
    const struct dr_propose_opts *o = p->o;
    struct dr_json_w *w = &p->plan;
    uint64_t max = o->file_max_bytes > 0 && o->file_max_bytes < DR_FILE_MAX
                       ? o->file_max_bytes
                       : DR_FILE_MAX;
    uint64_t storage = o->storage_bytes > 0 ? o->storage_bytes : storage_of(p);

    dr_json_w_key(w, "files");
    dr_json_w_obj(w);
    dr_json_w_key(w, "max_bytes");
    dr_json_w_u64(w, max);
    dr_json_w_kvz(w, "too_large",
                  o->files_too_large ? o->files_too_large : "note");
    dr_json_w_kvz(w, "broken", o->files_broken ? o->files_broken : "note");
    dr_json_w_key(w, "storage_bytes");
    dr_json_w_u64(w, storage);
    write_beyond(p, max, storage);
    write_names(p);
    dr_json_w_end(w);
}
