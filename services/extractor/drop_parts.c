/*
 * A folder's own files, its manifest first: each one whole and of the shape
 * that the API would answer it in. What is there and cannot be used is never
 * taken as if it were not there.
 */
#include "drop_private.h"

#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "plain.h"

#define JSON_MAX ((size_t)64 << 20)

FILE *drop_file(const struct drop *d, struct dr_str name)
{
    char path[5200];

    (void)snprintf(path, sizeof(path), "%s/" DR_STR_FMT, d->dir,
                   DR_STR_ARG(name));
    return plain_open(path);
}

int drop_unreadable(struct dr_err *err, struct dr_str name)
{
    char why[240];

    plain_why(why, sizeof(why));
    return dr_err_set(err, DR_HALT, 0, "source folder", DR_STR_FMT ": %s",
                      DR_STR_ARG(name), why);
}

static int wrong(struct dr_err *err, const char *name, const char *why)
{
    return dr_err_set(err, DR_HALT, 0, "source folder",
                      "%s: %s; export the folder again", name, why);
}

/* All of a file; false, err: it cannot be read. */
static bool bytes_of(FILE *f, const char *name, struct dr_buf *out,
                     struct dr_err *err)
{
    char piece[65536];
    size_t n;
    bool read;

    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_buf_add(out, piece, n);
    }
    read = ferror(f) == 0;
    if (!read) { /* before something else changes errno */
        (void)drop_unreadable(err, dr_str_z(name));
    }
    (void)fclose(f);
    return read;
}

static const struct dr_json *parsed(struct drop *d, const char *name,
                                    const struct dr_buf *b, struct dr_err *err)
{
    struct dr_json_limits limits = {.max_bytes = JSON_MAX};
    const struct dr_json *j = NULL;
    struct dr_err why = {0};

    if (!b->over) {
        j = dr_json_parse(d->arena, dr_arena_dup(d->arena, dr_buf_view(b)),
                          &limits, &why);
    }
    if (!j) {
        (void)wrong(err, name, why.text[0] ? why.text : "too large");
    }
    return j;
}

/* 0, *out NULL: it is not there, and need not be. */
static int json_of(struct drop *d, const char *name, bool required,
                   uint8_t hash[32], const struct dr_json **out,
                   struct dr_err *err)
{
    FILE *f = drop_file(d, dr_str_z(name));
    struct dr_buf b;

    if (!f) {
        return !required && plain_is_absent()
                   ? 0
                   : drop_unreadable(err, dr_str_z(name));
    }
    dr_buf_init(&b, JSON_MAX);
    if (bytes_of(f, name, &b, err)) {
        if (hash) {
            dr_sha256(dr_buf_view(&b), hash);
        }
        *out = parsed(d, name, &b, err);
    }
    dr_buf_done(&b);
    return *out ? 0 : -1;
}

const struct dr_json *drop_schema(struct drop *d)
{
    const struct dr_json *schema = NULL;
    struct dr_err none = {0};

    (void)json_of(d, "schema.json", false, NULL, &schema, &none);
    return schema;
}

/* ---- shapes ---- */

/* `of` has a list where the API has one: "results" of its `key`, or of itself
 * where that is NULL. */
static int has_results(const struct dr_json *of, const char *key,
                       const char *name, struct dr_err *err)
{
    const struct dr_json *holder = key ? dr_json_get(of, key) : of;
    char why[160];

    if (dr_json_type(dr_json_get(holder, "results")) == DR_JSON_ARRAY) {
        return 0;
    }
    (void)snprintf(why, sizeof(why),
                   "no list stands at %s%sresults, where the source contract "
                   "has it (an empty one says that there are none)",
                   key ? key : "", key ? "." : "");
    return wrong(err, name, why);
}

/* An object whose members, where it has them, hold lists. */
static int check_members(const struct dr_json *j, const char *name,
                         const char *const *members, struct dr_err *err)
{
    if (dr_json_type(j) != DR_JSON_OBJECT) {
        return wrong(err, name,
                     "it is no object as the source contract has "
                     "it");
    }
    for (; *members; members++) {
        if (dr_json_get(j, *members) && has_results(j, *members, name, err)) {
            return -1;
        }
    }
    return 0;
}

static bool has_deals(const struct drop *d)
{
    DR_JSON_EACH(o, dr_json_get(dr_json_get(d->schema, "objects"), "results"))
    {
        if (dr_str_eqz(dr_json_get_str(o, "type"), "deal")) {
            return true;
        }
    }
    return false;
}

static int check_shapes(const struct drop *d, struct dr_err *err)
{
    static const char *const pipelines[] = {"deal", NULL};
    static const char *const automation[] = {"workflows", "sequences",
                                             "email_templates", NULL};

    return has_results(d->schema, "objects", "schema.json", err) ||
                   check_members(d->pipelines, "pipelines.json", pipelines,
                                 err) ||
                   (has_deals(d) &&
                    has_results(d->pipelines, "deal", "pipelines.json", err)) ||
                   has_results(d->owners, NULL, "owners.json", err) ||
                   (d->currencies &&
                    has_results(d->currencies, NULL, "currencies.json", err)) ||
                   (d->automation &&
                    check_members(d->automation, "automation.json", automation,
                                  err))
               ? -1
               : 0;
}

static int check_manifest(struct drop *d, struct dr_err *err)
{
    return dr_time_parse(dr_json_get_str(d->manifest, "produced_at"),
                         &d->produced_ms, NULL) ||
                   !dr_str_eqz(dr_json_get_str(d->manifest, "contract"), "1") ||
                   dr_json_type(dr_json_get(d->manifest, "files")) !=
                       DR_JSON_ARRAY
               ? wrong(err, "manifest.json",
                       "contract is not \"1\", or produced_at or files is "
                       "missing")
               : 0;
}

int drop_read_parts(struct drop *d, struct dr_err *err)
{
    return json_of(d, "manifest.json", true, d->hash, &d->manifest, err) ||
                   json_of(d, "schema.json", true, NULL, &d->schema, err) ||
                   json_of(d, "pipelines.json", true, NULL, &d->pipelines,
                           err) ||
                   json_of(d, "owners.json", true, NULL, &d->owners, err) ||
                   json_of(d, "currencies.json", false, NULL, &d->currencies,
                           err) ||
                   json_of(d, "automation.json", false, NULL, &d->automation,
                           err) ||
                   check_manifest(d, err) || check_shapes(d, err)
               ? -1
               : 0;
}
