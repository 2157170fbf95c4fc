/*
 * An attachment: a file with its bytes, or, where there are none that
 * Freshsales could take, a note about it on the record it belongs to.
 */
#include "plan_private.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_CHARS TEXT_MAX
/* A suffix that is kept when a name is cut. */
#define SUFFIX_MAX 16

static struct dr_str none = {"", 0};

/* ---- its name ---- */

/* Controls, what parts a path, and what turns the direction of reading: a name
 * that shows, or acts, as another one than it is. */
static bool deceives(uint32_t c)
{
    return c == '/' || c == '\\' || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
           c == 0x2028 || c == 0x2029 || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0xfeff;
}

/* s is valid UTF-8 and not empty. */
static uint32_t first_char(struct dr_str s, size_t *len)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? c : c & (0xffu >> (n + 1));

    if (n > s.n) {
        n = s.n;
    }
    for (size_t i = 1; i < n; i++) {
        v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    *len = n;
    return v;
}

static struct dr_str plain_name(struct build *b, struct dr_str s)
{
    struct dr_buf out;
    struct dr_str made;

    dr_buf_init(&out, s.n + 16);
    for (size_t i = 0; i < s.n;) {
        size_t n;
        uint32_t c = first_char((struct dr_str){s.p + i, s.n - i}, &n);
        if (deceives(c)) {
            dr_buf_ch(&out, '_');
        } else {
            dr_buf_add(&out, s.p + i, n);
        }
        i += n;
    }
    made = build_dup(b, dr_buf_view(&out));
    dr_buf_done(&out);
    return made;
}

/* Cut in the middle: the suffix says what it is. */
static struct dr_str cut_name(struct build *b, struct dr_str s)
{
    struct dr_str suffix = none;

    if (dr_utf8_count(s) <= NAME_MAX_CHARS) {
        return s;
    }
    for (size_t i = s.n; i > 1 && s.n - i < SUFFIX_MAX; i--) {
        if (s.p[i - 1] == '.') {
            suffix = (struct dr_str){s.p + i - 1, s.n - i + 1};
            break;
        }
    }
    s = dr_utf8_prefix(s, NAME_MAX_CHARS - dr_utf8_count(suffix));
    return build_printf(b, DR_STR_FMT DR_STR_FMT, DR_STR_ARG(s),
                        DR_STR_ARG(suffix));
}

static struct dr_str name_of(struct build *b)
{
    struct dr_str field = DR_STR_LIT("file_name");
    struct dr_str rule = DR_STR_LIT("attachment.file_name");
    struct dr_str raw = prop_text(b, "file_name"), out;

    if (dr_str_trim(raw).n == 0 || dr_str_eqz(raw, ".") ||
        dr_str_eqz(raw, "..")) {
        out = build_printf(b, "file-" DR_STR_FMT, DR_STR_ARG(b->rec->id));
        build_note(b, field, rule, raw, out,
                   "no name at the source, and a file has one");
        return out;
    }
    out = plain_name(b, raw);
    if (!dr_str_eq(out, raw)) {
        build_note(b, field, rule, raw, out,
                   "control characters, slashes, or characters that turn the "
                   "direction of reading, in the name: each is an underscore "
                   "now");
    }
    raw = out;
    out = cut_name(b, raw);
    if (out.n < raw.n) {
        build_note(b, field, rule, raw, out,
                   "a name of more than 255 characters: its middle was cut");
    }
    return out;
}

/* ---- what is known of it ---- */

struct facts {
    struct dr_str name, status, sha256;
    uint64_t size;
    bool has_size;
};

static struct facts facts_of(struct build *b)
{
    struct facts f = {.name = name_of(b),
                      .status = dr_str_trim(prop_text(b, "status")),
                      .sha256 = dr_str_trim(prop_text(b, "sha256"))};

    f.has_size = dr_str_u64(dr_str_trim(prop_text(b, "size")), &f.size) == 0;
    return f;
}

const char *file_withheld(struct dr_str status)
{
    return dr_str_ieq(status, DR_STR_LIT("missing"))
               ? "FastTrack has the bytes no more"
           : dr_str_ieq(status, DR_STR_LIT("quarantined"))
               ? "FastTrack holds the file back"
               : NULL;
}

/* Why there are no bytes to be had; NULL: there are, or they may come. */
static const char *broken(const struct build *b, const struct facts *f)
{
    switch (b->rec->blob.state) {
    case DR_BLOB_HASH:
        return "the bytes that FastTrack gave are others than its own hash "
               "says";
    case DR_BLOB_SIZE:
        return "the bytes that FastTrack gave are not as many as it says";
    case DR_BLOB_MISSING:
        return "FastTrack has the bytes no more";
    case DR_BLOB_QUARANTINED:
        return "FastTrack holds the file back";
    case DR_BLOB_REFUSED:
        return "FastTrack named an address for the bytes that is not asked";
    case DR_BLOB_STORED:
        return NULL;
    }
    return file_withheld(f->status);
}

static bool too_large(const struct build *b, const struct facts *f)
{
    uint64_t max = b->plan->files.max_bytes;

    return (f->has_size && f->size > max) ||
           (b->rec->blob.state == DR_BLOB_STORED && b->rec->blob.size > max);
}

/* ---- what it becomes ---- */

static void lost(struct build *b, const char *field, struct dr_str s,
                 const char *cause)
{
    if (s.n > 0) {
        build_note(b, dr_str_z(field), build_printf(b, "attachment.%s", field),
                   s, none, cause);
    }
}

static void tell_lost(struct build *b)
{
    struct dr_str at = prop_text(b, "uploaded_at");

    lost(b, "owner_id", dr_json_scalar(dr_json_get(b->root, "owner_id")),
         "a file has no owner that could be set");
    lost(b, "created_by", author_of(b),
         "a file carries the user of the key as its author");
    lost(b, "uploaded_at",
         at.n > 0 ? at : dr_json_get_str(b->root, "created_at"),
         "a file carries the time of its writing");
}

static size_t upload(struct build *b, const struct facts *f, struct dr_load *l)
{
    tell_lost(b);
    (void)apply_target(b, true);
    build_text(b, "file_name", "attachment.file_name", f->name);
    build_field(b, DR_STR_LIT("is_shared"), DR_STR_LIT("attachment.is_shared"),
                DR_VAL_BOOL, DR_STR_LIT("false"));
    build_load(b, l, "file");
    l->blob = b->rec->blob;
    target_hash_fixed(b, l);
    return 1;
}

static struct dr_str address(struct build *b)
{
    static const char mark[] = "{id}";
    struct dr_str url = b->plan->files.source_url;
    size_t at = dr_str_find(url, DR_STR_LIT("{id}"));
    struct dr_buf out;
    struct dr_str made;

    if (at == SIZE_MAX) {
        return none;
    }
    dr_buf_init(&out, 4096);
    dr_buf_str(&out, (struct dr_str){url.p, at});
    dr_buf_urlenc(&out, b->rec->id);
    at += sizeof(mark) - 1;
    dr_buf_str(&out, (struct dr_str){url.p + at, url.n - at});
    made = build_dup(b, dr_buf_view(&out));
    dr_buf_done(&out);
    return made;
}

static size_t link_to(struct build *b, const struct facts *f, struct dr_str url,
                      struct dr_load *l)
{
    tell_lost(b);
    (void)apply_target(b, true);
    build_text(b, "name", "attachment.file_name", f->name);
    build_text(b, "url", "attachment.link", url);
    build_field(b, DR_STR_LIT("is_shared"), DR_STR_LIT("attachment.is_shared"),
                DR_VAL_BOOL, DR_STR_LIT("false"));
    build_load(b, l, "file");
    l->type = DR_STR_LIT("document_links");
    target_hash_fixed(b, l);
    return 1;
}

/* All that is known of the file, for those who look for it. */
static size_t about(struct build *b, const struct facts *f, const char *why,
                    struct dr_load *l)
{
    struct text text = {.field = "description",
                        .source = DR_STR_LIT("file_name"),
                        .rule = DR_STR_LIT("attachment.note"),
                        .bytes = NOTE_MAX};
    struct dr_load head;

    (void)apply_target(b, true);
    text_line(b, "File", f->name);
    text_line(b, "Size in bytes", prop_text(b, "size"));
    text_line(b, "Content type", prop_text(b, "content_type"));
    text_line(b, "SHA-256", f->sha256);
    text_line(b, "Uploaded", prop_text(b, "uploaded_at"));
    apply_provenance(b, false);
    text_line(b, "Address in FastTrack", address(b));
    build_load(b, &head, "note");
    text.first = build_printf(b, "A file that is not here: %s.", why);
    text.last = marker_line(b, head.marker);
    apply_text(b, &text);
    build_load(b, l, "note");
    l->type = DR_STR_LIT("notes");
    build_hash(b, l);
    return 1;
}

static size_t no_bytes(struct build *b, const struct facts *f, const char *why,
                       struct dr_load *l)
{
    if (b->plan->files.reject_broken) {
        build_reject(b, "broken_file", DR_STR_LIT("file_name"),
                     DR_STR_LIT("file.broken"), why,
                     "upload the file in FastTrack again; it is picked up by "
                     "itself");
        return 0;
    }
    build_note(b, DR_STR_LIT("file_name"), DR_STR_LIT("file.broken"), f->name,
               DR_STR_LIT("a note"), why);
    return about(b, f, why, l);
}

/* A file for which the target has no room, by the plan's word for its class. */
static size_t no_room(struct build *b, const struct facts *f,
                      enum file_fate fate, struct dr_str rule, const char *why,
                      struct dr_load *l)
{
    struct dr_str field = DR_STR_LIT("file_name"), url = address(b);

    if (fate == FILE_SKIP) {
        build_end(b, DR_OUT_EXCLUDED, rule, why);
        return 0;
    }
    if (fate == FILE_LINK && url.n > 0) {
        build_note(b, field, rule, f->name, DR_STR_LIT("a link"), why);
        return link_to(b, f, url, l);
    }
    build_note(b, field, rule, f->name, DR_STR_LIT("a note"), why);
    return about(b, f, why, l);
}

static size_t large(struct build *b, const struct facts *f, struct dr_load *l)
{
    struct dr_str why =
        build_printf(b, "it is larger than the %llu bytes of the plan",
                     (unsigned long long)b->plan->files.max_bytes);

    return no_room(b, f, b->plan->files.too_large, DR_STR_LIT("file.too_large"),
                   why.n > 0 ? why.p : "it is larger than the plan's limit", l);
}

/* The plan's list decides, not what is there by now: whoever applies it, and
 * whenever, comes to the same. */
static bool beyond(const struct build *b)
{
    return b->plan->files.beyond != FILE_UPLOAD &&
           dr_map_has(b->plan->files.beyond_ids, b->rec->id);
}

size_t make_file(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct facts f = facts_of(b);
    const char *why = broken(b, &f);

    if (too_large(b, &f)) {
        return large(b, &f, &out[0]);
    }
    if (beyond(b)) {
        return no_room(b, &f, b->plan->files.beyond, DR_STR_LIT("file.storage"),
                       "the account's storage would be full", &out[0]);
    }
    if (why) {
        return no_bytes(b, &f, why, &out[0]);
    }
    if (b->rec->blob.state == DR_BLOB_STORED) {
        return upload(b, &f, &out[0]);
    }
    /* What would be refused anyway is told now, not when the bytes came. */
    if (apply_target(b, true)) {
        build_end(b, DR_OUT_WAITING, DR_STR_LIT("file.bytes"),
                  "its bytes are not here yet");
    }
    return 0;
}
