/* What one record becomes, piece by piece: fields, links, notes, the reason
 * why not, and the hash over all that is sent. */
#include "plan_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#define NOTE_CHARS 200
#define SENT_MAX ((size_t)16 << 20)
/* No record has as many values; their tree fits the budget (64 MiB). */
#define NODES_MAX 200000

/* Room for one more element in an arena vector. */
static void *grow(struct build *b, void *v, size_t n, size_t *cap, size_t size)
{
    void *more;

    if (n < *cap) {
        return v;
    }
    *cap = *cap ? *cap * 2 : 16;
    more = dr_arena_calloc(b->a, *cap, size);
    if (!more) {
        b->oom = true;
        *cap = n;
        return NULL;
    }
    if (n > 0) {
        memcpy(more, v, n * size);
    }
    return more;
}

void build_field(struct build *b, struct dr_str name, struct dr_str rule,
                 enum dr_value_kind kind, struct dr_str value)
{
    struct dr_field *v =
        grow(b, b->fields, b->field_n, &b->field_cap, sizeof(*b->fields));

    /* The last door: no text with NUL leaves, whatever rule made it. */
    if (kind == DR_VAL_TEXT && !dr_text_valid(value)) {
        build_reject(b, "bad_text", name, rule,
                     "the text holds a NUL character, which Freshsales cannot "
                     "store",
                     "remove the character in FastTrack; the record is picked "
                     "up by itself");
        return;
    }
    if (v) {
        b->fields = v;
        v[b->field_n++] = (struct dr_field){name, rule, kind, value};
    }
}

void build_text(struct build *b, const char *name, const char *rule,
                struct dr_str value)
{
    build_field(b, dr_str_z(name), dr_str_z(rule), DR_VAL_TEXT, value);
}

void build_number(struct build *b, const char *name, const char *rule,
                  struct dr_str value)
{
    build_field(b, dr_str_z(name), dr_str_z(rule), DR_VAL_NUMBER, value);
}

bool build_has(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->field_n; i++) {
        if (dr_str_eqz(b->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

void build_null(struct build *b, const char *name, const char *rule)
{
    if (!build_has(b, name)) {
        build_field(b, dr_str_z(name), dr_str_z(rule), DR_VAL_NULL,
                    (struct dr_str){"", 0});
    }
}

void build_ref(struct build *b, const struct dr_ref *r)
{
    struct dr_ref *v =
        grow(b, b->refs, b->ref_n, &b->ref_cap, sizeof(*b->refs));

    if (v) {
        b->refs = v;
        v[b->ref_n++] = *r;
    }
}

/* A copy: what is told may lie in a text that is still being made. */
static struct dr_str told(struct build *b, struct dr_str s)
{
    return s.n > 0 ? build_dup(b, dr_utf8_prefix(s, NOTE_CHARS)) : s;
}

void build_note(struct build *b, struct dr_str field, struct dr_str rule,
                struct dr_str source, struct dr_str target, const char *cause)
{
    struct dr_note *v =
        grow(b, b->notes, b->note_n, &b->note_cap, sizeof(*b->notes));

    if (v) {
        b->notes = v;
        v[b->note_n++] = (struct dr_note){.id = b->part_id,
                                          .field = field,
                                          .rule = rule,
                                          .source = told(b, source),
                                          .target = told(b, target),
                                          .cause = dr_str_z(cause)};
    }
}

void build_reject(struct build *b, const char *class, struct dr_str field,
                  struct dr_str rule, const char *reason, const char *cure)
{
    struct dr_rejected r = {.object = b->rec->object,
                            .id = b->rec->id,
                            .part_id = b->part_id,
                            .lane =
                                b->op ? b->op->lane : (struct dr_str){"", 0},
                            .stage = DR_STR_LIT("transform"),
                            .class = dr_str_z(class),
                            .field = field,
                            .rule = rule,
                            .reason = dr_str_z(reason),
                            .cure = dr_str_z(cure),
                            .redrivable = true,
                            .rev = b->rec->rev,
                            .version = b->rec->version,
                            .pass = b->opts->pass,
                            .offset = -1};

    if (b->part_id.n > 0) {
        struct dr_rejected *v = grow(b, b->part_rejects, b->part_reject_n,
                                     &b->part_reject_cap, sizeof(*v));
        if (v) {
            b->part_rejects = v;
            v[b->part_reject_n++] = r;
        }
        return;
    }
    if (b->state == 0) { /* the first reason is the one that is told */
        b->state = DR_OUT_REJECTED;
        b->reject = r;
    }
}

void build_end(struct build *b, enum dr_out_state state, struct dr_str rule,
               const char *reason)
{
    if (b->state == 0) {
        b->state = state;
        b->reject =
            (struct dr_rejected){.rule = rule, .reason = dr_str_z(reason)};
    }
}

const struct dr_json *build_read(struct build *b, struct dr_str text)
{
    struct dr_json_limits limits = {.max_nodes = NODES_MAX};
    const struct dr_json *j = dr_json_parse(b->a, text, &limits, NULL);

    /* Nothing that the reader asks for is larger than the text: when so much
     * is left, the text is at fault, else the budget. */
    if (!j && !dr_arena_alloc(b->a, text.n + 4096)) {
        b->oom = true;
    }
    return j;
}

const struct dr_json *build_parse(struct build *b, struct dr_str text)
{
    const struct dr_json *j = build_read(b, text);

    return dr_json_type(dr_json_get(j, "properties")) == DR_JSON_OBJECT ? j
                                                                        : NULL;
}

struct dr_str build_dup(struct build *b, struct dr_str s)
{
    struct dr_str out = dr_arena_dup(b->a, s);

    b->oom |= !out.p;
    return out;
}

struct dr_str build_take(struct build *b, struct dr_buf *text)
{
    struct dr_str out;

    b->oom |= text->over;
    out = dr_arena_take(b->a, text);
    b->oom |= !out.p;
    return out;
}

struct dr_str build_printf(struct build *b, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0) {
        text = dr_arena_alloc(b->a, (size_t)n + 1);
    }
    if (!text) {
        b->oom = true;
        return (struct dr_str){"", 0};
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct dr_str){text, (size_t)n};
}

/* "<object>:<id>" */
static struct dr_str joined(struct build *b, struct dr_str object,
                            struct dr_str id)
{
    char *p = dr_arena_alloc(b->a, object.n + id.n + 2);

    if (!p) {
        b->oom = true;
        return (struct dr_str){"", 0};
    }
    memcpy(p, object.p, object.n);
    p[object.n] = ':';
    memcpy(p + object.n + 1, id.p, id.n);
    return (struct dr_str){p, object.n + 1 + id.n};
}

struct dr_str load_key(struct build *b, const char *object, struct dr_str id)
{
    if (id.n == 0 || id.n > DR_SOURCE_ID_MAX || !dr_text_valid(id)) {
        build_reject(b, "bad_value", dr_str_z(object), DR_STR_LIT("record.id"),
                     "an id that is empty, longer than 64 bytes or no text",
                     "correct the reference in FastTrack");
        return (struct dr_str){"", 0};
    }
    return joined(b, dr_str_z(object), id);
}

void build_load(struct build *b, struct dr_load *out, const char *lane)
{
    struct dr_str key = joined(b, b->rec->object, b->rec->id);
    char marker[33];

    dr_marker_hex(b->opts->migration, b->opts->migration, b->opts->generation,
                  dr_str_z(lane), key, marker);
    *out = (struct dr_load){.lane = dr_str_z(lane),
                            .key = key,
                            .object = b->rec->object,
                            .id = b->rec->id,
                            .rev = b->rec->rev,
                            .version = b->rec->version,
                            .pass = b->opts->pass,
                            .plan_hash = dr_plan_hash(b->plan),
                            .marker = build_dup(b, dr_str_z(marker)),
                            .type = b->op->type,
                            .op = DR_LOAD_WRITE,
                            .hides = b->hides,
                            .how = DR_HOW_SINGLE,
                            .origin = b->rec->origin,
                            .fields = b->fields,
                            .field_count = b->field_n,
                            .refs = b->refs,
                            .ref_count = b->ref_n,
                            .lines = b->lines,
                            .line_count = b->line_n};
}

/* ---- the hash over what is sent ---- */

/* Seven bits a byte, the lowest first: lengths are short, and hashing is a
 * third of what a record costs. */
static void put_len(struct dr_buf *b, uint64_t n)
{
    while (n >= 0x80) {
        dr_buf_ch(b, (char)(unsigned char)(n | 0x80));
        n >>= 7;
    }
    dr_buf_ch(b, (char)n);
}

static void put_text(struct dr_buf *b, struct dr_str s)
{
    put_len(b, s.n);
    dr_buf_str(b, s);
}

static void put_fields(struct dr_buf *b, const struct dr_field *f, size_t n)
{
    put_len(b, n);
    for (size_t i = 0; i < n; i++) {
        put_text(b, f[i].name);
        put_len(b, f[i].kind);
        put_text(b, f[i].value);
    }
}

static void put_ref(struct dr_buf *b, const struct dr_ref *r)
{
    put_text(b, r->field);
    put_text(b, r->lane);
    put_text(b, r->key);
    put_len(b, r->primary);
    put_len(b, r->on_miss);
    put_len(b, r->dst);
}

void build_hash(struct build *b, struct dr_load *l)
{
    uint8_t out[32];
    struct dr_buf all;

    dr_buf_init(&all, SENT_MAX);
    put_text(&all, l->type);
    put_len(&all, l->op);
    put_fields(&all, l->fields, l->field_count);
    put_len(&all, l->ref_count);
    for (size_t i = 0; i < l->ref_count; i++) {
        put_ref(&all, &l->refs[i]);
    }
    put_len(&all, l->line_count);
    for (size_t i = 0; i < l->line_count; i++) {
        put_text(&all, l->lines[i].id);
        put_fields(&all, l->lines[i].fields, l->lines[i].field_count);
        put_ref(&all, &l->lines[i].product);
    }
    if (l->blob.state != 0) { /* where the bytes lie is no matter */
        put_len(&all, l->blob.state);
        put_len(&all, l->blob.size);
        put_text(&all, l->blob.sha256);
    }
    b->oom |= all.over;
    dr_sha256(dr_buf_view(&all), out);
    dr_buf_done(&all);
    l->content_hash = build_dup(b, (struct dr_str){(const char *)out, 32});
}
