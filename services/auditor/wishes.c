#include "wishes.h"

#include <stdio.h>
#include <string.h>

static int refuse(struct dr_err *err, const char *name, const char *why)
{
    return dr_err_set(err, DR_REJECT, 0, "request", "%s %s", name, why);
}

static int read_id(const struct dr_json *j, const char *name, const char *why,
                   uint64_t *out, struct dr_err *err)
{
    struct dr_str s = dr_json_scalar(dr_json_get(j, name));

    return s.n > 0 && dr_str_u64(s, out) ? refuse(err, name, why) : 0;
}

/* One of the words, the first of which is what is meant by none. */
static int read_word(const struct dr_json *j, const char *name,
                     const char *const *words, const char **out,
                     struct dr_err *err)
{
    struct dr_str s = dr_json_scalar(dr_json_get(j, name));
    char known[80] = ""; /* all words of any of the lists below fit */
    size_t n = 0;

    *out = words[0];
    for (size_t i = 0; words[i]; i++) {
        if (dr_str_eqz(s, words[i])) {
            *out = words[i];
            return 0;
        }
        n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
                              i > 0 ? " or " : "", words[i]);
    }
    return s.n == 0 ? 0
                    : dr_err_set(err, DR_REJECT, 0, "request", "%s is %s", name,
                                 known);
}

static int read_list(const struct dr_json *j, const char *name,
                     struct dr_str *out, size_t max, size_t *n,
                     struct dr_err *err)
{
    DR_JSON_EACH(s, dr_json_get(j, name))
    {
        if (*n == max) {
            return refuse(err, name, "names too many");
        }
        out[(*n)++] = dr_json_str(s);
    }
    return 0;
}

static int read_files(const struct dr_json *j, struct wishes *out,
                      struct dr_err *err)
{
    static const char *const large[] = {"note", "link", "skip", NULL};
    static const char *const beyond[] = {"upload", "note", "link", "skip",
                                         NULL};
    static const char *const broken[] = {"note", "reject", NULL};

    return read_id(j, "max_bytes", "is no number of bytes",
                   &out->file_max_bytes, err) ||
                   read_id(j, "storage_bytes", "is no number of bytes",
                           &out->storage_bytes, err) ||
                   read_word(j, "too_large", large, &out->files_too_large,
                             err) ||
                   read_word(j, "beyond", beyond, &out->files_beyond, err) ||
                   read_word(j, "broken", broken, &out->files_broken, err)
               ? -1
               : 0;
}

static int read_choices(const struct dr_json *j, struct wishes *out,
                        struct dr_err *err)
{
    static const char *const calls[] = {"sales_activity", "call_log", NULL};
    static const char *const html[] = {"text", "keep", NULL};
    static const char *const events[] = {"activities", "report", NULL};
    static const char *const texts[] = {"note", "cut", NULL};
    static const char *const lines[] = {"reject", "deal", NULL};
    const char *word;

    if (read_word(j, "calls", calls, &word, err)) {
        return -1;
    }
    out->calls_as_logs = word == calls[1];
    if (read_word(j, "html", html, &word, err)) {
        return -1;
    }
    out->html_keep = word == html[1];
    if (read_word(j, "long_texts", texts, &word, err)) {
        return -1;
    }
    out->long_notes = word == texts[0];
    if (read_word(j, "events", events, &word, err)) {
        return -1;
    }
    out->events_report = word == events[1];
    if (read_word(j, "line_currency", lines, &word, err)) {
        return -1;
    }
    out->lines_as_deal = word == lines[1];
    return 0;
}

int wishes_parse(const struct dr_json *j, struct wishes *out,
                 struct dr_err *err)
{
    static const char no_user[] = "is no user id of Freshsales";

    *out = (struct wishes){
        .orphan_name = dr_json_scalar(dr_json_get(j, "orphan_account"))};
    return read_id(j, "fallback_owner", no_user, &out->fallback_owner, err) ||
                   read_id(j, "house_owner", no_user, &out->house_owner, err) ||
                   read_list(j, "scope", out->scope, WISHES_SCOPE,
                             &out->scope_count, err) ||
                   read_list(j, "custom_objects", out->fates, WISHES_FATES,
                             &out->fate_count, err) ||
                   read_choices(j, out, err) ||
                   read_files(dr_json_get(j, "files"), out, err)
               ? -1
               : 0;
}

static void write_list(struct dr_json_w *j, const char *name,
                       const struct dr_str *v, size_t n)
{
    dr_json_w_key(j, name);
    dr_json_w_arr(j);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_str(j, v[i]);
    }
    dr_json_w_end(j);
}

void wishes_write(const struct wishes *w, struct dr_json_w *j)
{
    dr_json_w_obj(j);
    dr_json_w_key(j, "fallback_owner");
    dr_json_w_u64(j, w->fallback_owner);
    dr_json_w_key(j, "house_owner");
    dr_json_w_u64(j, w->house_owner);
    dr_json_w_kv(j, "orphan_account", w->orphan_name);
    write_list(j, "scope", w->scope, w->scope_count);
    write_list(j, "custom_objects", w->fates, w->fate_count);
    dr_json_w_kvz(j, "calls", w->calls_as_logs ? "call_log" : "sales_activity");
    dr_json_w_kvz(j, "html", w->html_keep ? "keep" : "text");
    dr_json_w_kvz(j, "long_texts", w->long_notes ? "note" : "cut");
    dr_json_w_kvz(j, "events", w->events_report ? "report" : "activities");
    dr_json_w_kvz(j, "line_currency", w->lines_as_deal ? "deal" : "reject");
    dr_json_w_key(j, "files");
    dr_json_w_obj(j);
    dr_json_w_key(j, "max_bytes");
    dr_json_w_u64(j, w->file_max_bytes);
    dr_json_w_key(j, "storage_bytes");
    dr_json_w_u64(j, w->storage_bytes);
    dr_json_w_kvz(j, "too_large",
                  w->files_too_large ? w->files_too_large : "note");
    dr_json_w_kvz(j, "beyond", w->files_beyond ? w->files_beyond : "upload");
    dr_json_w_kvz(j, "broken", w->files_broken ? w->files_broken : "note");
    dr_json_w_end(j);
    dr_json_w_end(j);
}

struct dr_propose_opts wishes_opts(const struct wishes *w)
{
    return (struct dr_propose_opts){.scope = w->scope,
                                    .scope_count = w->scope_count,
                                    .fallback_owner = w->fallback_owner,
                                    .house_owner = w->house_owner,
                                    .orphan_name = w->orphan_name,
                                    .calls_as_logs = w->calls_as_logs,
                                    .html_keep = w->html_keep,
                                    .long_notes = w->long_notes,
                                    .file_max_bytes = w->file_max_bytes,
                                    .storage_bytes = w->storage_bytes,
                                    .files_too_large = w->files_too_large,
                                    .files_beyond = w->files_beyond,
                                    .files_broken = w->files_broken,
                                    .fates = w->fates,
                                    .fate_count = w->fate_count,
                                    .events_report = w->events_report,
                                    .lines_as_deal = w->lines_as_deal};
}
