/* What one record becomes, piece by piece: fields, links, notes, the reason
 * why not, and the hash over all that is sent. */
#include "plan_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#define NOTE_CHARS 200
/* No record has as many values; their tree fits the budget (64 MiB). */
#define NODES_MAX 200000
#define ID_MAX 64 /* of the source (contract 4.1) */

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

void build_ref(struct build *b, const struct dr_ref *r)
{
    struct dr_ref *v =
        grow(b, b->refs, b->ref_n, &b->ref_cap, sizeof(*b->refs));

    if (v) {
        b->refs = v;
        v[b->ref_n++] = *r;
    }
}

void build_note(struct build *b, struct dr_str field, struct dr_str rule,
                struct dr_str source, struct dr_str target, const char *cause)
{
    struct dr_note *v =
        grow(b, b->notes, b->note_n, &b->note_cap, sizeof(*b->notes));

    if (v) {
        b->notes = v;
        v[b->note_n++] =
            (struct dr_note){.id = b->part_id,
                             .field = field,
                             .rule = rule,
                             .source = dr_utf8_prefix(source, NOTE_CHARS),
                             .target = dr_utf8_prefix(target, NOTE_CHARS),
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

const struct dr_json *build_parse(struct build *b, struct dr_str text)
{
    struct dr_json_limits limits = {.max_nodes = NODES_MAX};
    const struct dr_json *j = dr_json_parse(b->a, text, &limits, NULL);

    /* Nothing that the reader asks for is larger than the text: when so much
     * is left, the text is at fault, else the budget. */
    if (!j && !dr_arena_alloc(b->a, text.n + 4096)) {
        b->oom = true;
    }
    return dr_json_type(dr_json_get(j, "properties")) == DR_JSON_OBJECT ? j
                                                                        : NULL;
}

struct dr_str build_dup(struct build *b, struct dr_str s)
{
    struct dr_str out = dr_arena_dup(b->a, s);

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

struct dr_str load_key(struct build *b, const char *object, struct dr_str id)
{
    if (id.n == 0 || id.n > ID_MAX || !dr_text_valid(id)) {
        build_reject(b, "bad_value", dr_str_z(object), DR_STR_LIT("record.id"),
                     "an id that is empty, longer than 64 bytes or no text",
                     "correct the reference in FastTrack");
        return (struct dr_str){"", 0};
    }
    return build_printf(b, "%s:" DR_STR_FMT, object, DR_STR_ARG(id));
}

void build_load(struct build *b, struct dr_load *out, const char *lane)
{
    struct dr_str key =
        build_printf(b, DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(b->rec->object),
                     DR_STR_ARG(b->rec->id));
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
                            .how = DR_HOW_SINGLE,
                            .origin = b->rec->origin,
                            .fields = b->fields,
                            .field_count = b->field_n,
                            .refs = b->refs,
                            .ref_count = b->ref_n,
                            .lines = b->lines,
                            .line_count = b->line_n};
}

static void hash_fields(struct dr_hash *h, const struct dr_field *f, size_t n)
{
    dr_hash_u64(h, n);
    for (size_t i = 0; i < n; i++) {
        dr_hash_part(h, f[i].name);
        dr_hash_u64(h, f[i].kind);
        dr_hash_part(h, f[i].value);
    }
}

static void hash_ref(struct dr_hash *h, const struct dr_ref *r)
{
    dr_hash_part(h, r->field);
    dr_hash_part(h, r->lane);
    dr_hash_part(h, r->key);
    dr_hash_u64(h, r->primary);
    dr_hash_u64(h, r->on_miss);
    dr_hash_u64(h, r->dst);
}

void build_hash(struct build *b, struct dr_load *l)
{
    struct dr_hash h;
    uint8_t out[32];

    dr_hash_init(&h);
    dr_hash_part(&h, l->type);
    dr_hash_u64(&h, l->op);
    hash_fields(&h, l->fields, l->field_count);
    dr_hash_u64(&h, l->ref_count);
    for (size_t i = 0; i < l->ref_count; i++) {
        hash_ref(&h, &l->refs[i]);
    }
    dr_hash_u64(&h, l->line_count);
    for (size_t i = 0; i < l->line_count; i++) {
        dr_hash_part(&h, l->lines[i].id);
        hash_fields(&h, l->lines[i].fields, l->lines[i].field_count);
        hash_ref(&h, &l->lines[i].product);
    }
    dr_hash_final(&h, out);
    l->content_hash = build_dup(b, (struct dr_str){(const char *)out, 32});
}
