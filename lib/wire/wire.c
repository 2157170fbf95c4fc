#include <drover/wire/wire.h>

#include <string.h>

#include <drover/v1/drover.pb-c.h>

#include "check.h"
#include "maps.h"

/* Room for the messages built on packing; what they point to is borrowed,
 * but for text, which protobuf-c wants to end in NUL. */
#define PACK_ARENA ((size_t)32 << 20)

static void *member(void *base, size_t at)
{
    return (char *)base + at;
}

static const void *cmember(const void *base, size_t at)
{
    return (const char *)base + at;
}

/* Maps stand in the order of the message's fields (a test compares them). */
static const ProtobufCFieldDescriptor *field_of(const struct msg_map *map,
                                                const struct field_map *f)
{
    return &map->desc->fields[f - map->fields];
}

static const ProtobufCFieldDescriptor *body_field(enum dr_msg kind)
{
    return &drover__v1__envelope__descriptor
                .fields[BODY_FIRST + (unsigned)kind - 1];
}

static int bad(struct dr_err *err, const char *message, const char *field,
               const char *why)
{
    return dr_err_set(err, DR_REJECT, 0, "wire", "%s.%s: %s", message, field,
                      why);
}

/* ---- struct to message ---- */

struct packer {
    struct dr_arena *arena;
    struct dr_err *err;
};

static int pack_message(struct packer *p, const struct msg_map *map,
                        const void *st, ProtobufCMessage **out);

static void set_has(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_OPTIONAL) {
        *(protobuf_c_boolean *)member(m, f->quantifier_offset) = 1;
    }
}

static int pack_text(struct packer *p, const struct msg_map *map,
                     const char *field, struct dr_str s, char **out)
{
    if (!dr_text_valid(s)) {
        return bad(p->err, map->desc->short_name, field,
                   "not valid text (UTF-8 without NUL)");
    }
    *out = dr_arena_dupz(p->arena, s);
    return *out ? 0 : bad(p->err, map->desc->short_name, field, "too large");
}

static size_t wanted_bytes(enum map_kind kind)
{
    return kind == MAP_HASH ? 32 : kind == MAP_NONCE ? 16 : 0;
}

static int pack_bytes(struct packer *p, const struct msg_map *map,
                      const struct field_map *f, struct dr_str s,
                      ProtobufCBinaryData *out)
{
    size_t want = wanted_bytes(f->kind);

    if (want && s.n != want) {
        return bad(p->err, map->desc->short_name, f->name,
                   "not of the length it must have");
    }
    out->len = s.n;
    out->data = (uint8_t *)(uintptr_t)s.p; /* only read from */
    return 0;
}

static bool pack_number(const struct field_map *f, const void *from, void *to)
{
    switch (f->kind) {
    case MAP_U64:
    case MAP_I64:
        memcpy(to, from, 8);
        return *(const uint64_t *)from != 0;
    case MAP_BOOL:
        *(protobuf_c_boolean *)to = *(const bool *)from;
        return *(const bool *)from;
    default:
        memcpy(to, from, 4);
        return *(const uint32_t *)from != 0;
    }
}

static int pack_list(struct packer *p, const struct msg_map *map,
                     const struct field_map *f, const void *st, void *to,
                     size_t *n_out)
{
    size_t n = *(const size_t *)cmember(st, f->count_at);
    const char *v = *(const char *const *)cmember(st, f->at);
    size_t step = f->kind == MAP_TEXTS ? sizeof(struct dr_str) : f->sub->size;
    void **list = dr_arena_calloc(p->arena, n + 1, sizeof(*list));

    if (!list) {
        return bad(p->err, map->desc->short_name, f->name, "too large");
    }
    for (size_t i = 0; i < n; i++) {
        if (f->kind == MAP_TEXTS) {
            char *text;
            if (pack_text(p, map, f->name,
                          *(const struct dr_str *)(const void *)(v + i * step),
                          &text)) {
                return -1;
            }
            list[i] = text;
        } else {
            ProtobufCMessage *m;
            if (pack_message(p, f->sub, v + i * step, &m)) {
                return -1;
            }
            list[i] = m;
        }
    }
    *(void ***)to = list;
    *n_out = n;
    return 0;
}

static int pack_field(struct packer *p, const struct msg_map *map,
                      const struct field_map *f, const void *st,
                      ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *fd = field_of(map, f);
    const void *from = cmember(st, f->at);
    void *to = member(m, fd->offset);
    struct dr_str s;

    switch (f->kind) {
    case MAP_TEXT:
        s = *(const struct dr_str *)from;
        return s.p ? pack_text(p, map, f->name, s, (char **)to) : 0;
    case MAP_BYTES:
    case MAP_HASH:
    case MAP_NONCE:
        s = *(const struct dr_str *)from;
        if (!s.p || (s.n == 0 && f->kind != MAP_BYTES)) {
            return 0;
        }
        set_has(m, fd);
        return pack_bytes(p, map, f, s, to);
    case MAP_SUB:
        return pack_message(p, f->sub, from, (ProtobufCMessage **)to);
    case MAP_TEXTS:
    case MAP_SUBS:
        return pack_list(p, map, f, st, to,
                         (size_t *)member(m, fd->quantifier_offset));
    case MAP_U64:
    case MAP_U32:
    case MAP_I64:
    case MAP_I32:
    case MAP_BOOL:
    case MAP_ENUM:
        if (f->kind == MAP_ENUM && *(const uint32_t *)from > f->max) {
            return bad(p->err, map->desc->short_name, f->name,
                       "not one of its values");
        }
        if (pack_number(f, from, to)) {
            set_has(m, fd);
        }
        return 0;
    }
    return 0;
}

static int pack_message(struct packer *p, const struct msg_map *map,
                        const void *st, ProtobufCMessage **out)
{
    ProtobufCMessage *m = dr_arena_alloc(p->arena, map->desc->sizeof_message);

    if (!m) {
        return bad(p->err, map->desc->short_name, "*", "too large");
    }
    protobuf_c_message_init(map->desc, m);
    for (size_t i = 0; i < map->field_count; i++) {
        if (pack_field(p, map, &map->fields[i], st, m)) {
            return -1;
        }
    }
    *out = m;
    return 0;
}

/* A version of 0 that was read is not a version that was not. */
static void mark_version(const struct dr_env *env, ProtobufCMessage *body)
{
    if (env->kind == DR_MSG_SOURCE) {
        Drover__V1__SourceRecord *s = (Drover__V1__SourceRecord *)(void *)body;
        s->has_version = env->u.source.has_version;
        s->version = env->u.source.version;
    }
}

static int build_envelope(struct packer *p, const struct dr_env *env,
                          Drover__V1__Envelope *e)
{
    const struct body_map *b;
    const ProtobufCFieldDescriptor *fd;
    ProtobufCMessage *body;

    DR_ASSERT(env->kind > DR_MSG_NONE && (size_t)env->kind < body_map_count);
    b = &body_maps[env->kind];
    if (pack_message(p, b->map, cmember(env, b->at), &body)) {
        return -1;
    }
    mark_version(env, body);
    fd = body_field(env->kind);
    *(ProtobufCMessage **)member(e, fd->offset) = body;
    e->body_case = (Drover__V1__Envelope__BodyCase)fd->id;
    e->format = DR_WIRE_FORMAT;
    e->migration.len = sizeof(env->migration);
    e->migration.data = (uint8_t *)(uintptr_t)env->migration;
    e->has_generation = env->generation != 0;
    e->generation = env->generation;
    e->has_wall_ms = 1;
    e->wall_ms = env->wall_ms;
    if (env->service.p &&
        pack_text(p, b->map, "service", env->service, &e->service)) {
        return -1;
    }
    return 0;
}

int dr_wire_pack(const struct dr_env *env, struct dr_buf *out,
                 struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(PACK_ARENA);
    struct packer p = {a, err};
    Drover__V1__Envelope e;
    size_t n;

    drover__v1__envelope__init(&e);
    if (build_envelope(&p, env, &e)) {
        return -1;
    }
    n = drover__v1__envelope__get_packed_size(&e);
    if (n > DR_WIRE_MAX) {
        return dr_err_set(err, DR_REJECT, 0, "wire", "%s: larger than %u bytes",
                          dr_msg_name(env->kind), DR_WIRE_MAX);
    }
    if (!dr_buf_reserve(out, n)) { /* then nothing is added */
        return dr_err_set(err, DR_REJECT, 0, "wire", "%s: buffer too small",
                          dr_msg_name(env->kind));
    }
    out->n += drover__v1__envelope__pack(&e, (uint8_t *)out->p + out->n);
    out->p[out->n] = '\0';
    return 0;
}

/* ---- message to struct ---- */

static void *arena_take(void *ctx, size_t n)
{
    return dr_arena_alloc(ctx, n);
}

static void arena_drop(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

struct unpacker {
    struct dr_arena *arena;
    struct dr_err *err;
};

static int unpack_message(struct unpacker *u, const struct msg_map *map,
                          const ProtobufCMessage *m, void *st);

static int unpack_bytes(struct unpacker *u, const struct msg_map *map,
                        const struct field_map *f, const ProtobufCBinaryData *b,
                        struct dr_str *out)
{
    size_t want = wanted_bytes(f->kind);

    if (want && b->len != want) {
        return bad(u->err, map->desc->short_name, f->name,
                   "not of the length it must have");
    }
    /* Present and empty is not absent. */
    *out = (struct dr_str){b->data ? (const char *)b->data : "", b->len};
    return 0;
}

static int unpack_list(struct unpacker *u, const struct msg_map *map,
                       const struct field_map *f, size_t n, void *const *list,
                       void *st)
{
    size_t step = f->kind == MAP_TEXTS ? sizeof(struct dr_str) : f->sub->size;
    char *v = dr_arena_calloc(u->arena, n ? n : 1, step);

    if (!v) {
        return bad(u->err, map->desc->short_name, f->name, "too large");
    }
    for (size_t i = 0; i < n; i++) {
        if (f->kind == MAP_TEXTS) {
            *(struct dr_str *)(void *)(v + i * step) = dr_str_z(list[i]);
        } else if (unpack_message(u, f->sub, list[i], v + i * step)) {
            return -1;
        }
    }
    *(char **)member(st, f->at) = v;
    *(size_t *)member(st, f->count_at) = n;
    return 0;
}

static bool has(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return f->label != PROTOBUF_C_LABEL_OPTIONAL ||
           *(const protobuf_c_boolean *)cmember(m, f->quantifier_offset);
}

static int unpack_number(struct unpacker *u, const struct msg_map *map,
                         const struct field_map *f, const void *from, void *to)
{
    switch (f->kind) {
    case MAP_U64:
    case MAP_I64:
        memcpy(to, from, 8);
        return 0;
    case MAP_BOOL:
        *(bool *)to = *(const protobuf_c_boolean *)from != 0;
        return 0;
    case MAP_ENUM:
        if (*(const uint32_t *)from > f->max) {
            return bad(u->err, map->desc->short_name, f->name,
                       "a value this version does not know");
        }
        memcpy(to, from, 4);
        return 0;
    default:
        memcpy(to, from, 4);
        return 0;
    }
}

static int unpack_field(struct unpacker *u, const struct msg_map *map,
                        const struct field_map *f, const ProtobufCMessage *m,
                        void *st)
{
    const ProtobufCFieldDescriptor *fd = field_of(map, f);
    const void *from = cmember(m, fd->offset);
    void *to = member(st, f->at);

    switch (f->kind) {
    case MAP_TEXT: {
        const char *z = *(const char *const *)from; /* wire_check saw it */
        if (z) {
            *(struct dr_str *)to = dr_str_z(z);
        }
        return 0;
    }
    case MAP_BYTES:
    case MAP_HASH:
    case MAP_NONCE:
        return has(m, fd) ? unpack_bytes(u, map, f, from, to) : 0;
    case MAP_SUB: {
        const ProtobufCMessage *sub = *(ProtobufCMessage *const *)from;
        return sub ? unpack_message(u, f->sub, sub, to) : 0;
    }
    case MAP_TEXTS:
    case MAP_SUBS:
        return unpack_list(u, map, f,
                           *(const size_t *)cmember(m, fd->quantifier_offset),
                           *(void *const *const *)from, st);
    case MAP_U64:
    case MAP_U32:
    case MAP_I64:
    case MAP_I32:
    case MAP_BOOL:
    case MAP_ENUM:
        return has(m, fd) ? unpack_number(u, map, f, from, to) : 0;
    }
    return 0;
}

static int unpack_message(struct unpacker *u, const struct msg_map *map,
                          const ProtobufCMessage *m, void *st)
{
    for (size_t i = 0; i < map->field_count; i++) {
        if (unpack_field(u, map, &map->fields[i], m, st)) {
            return -1;
        }
    }
    return 0;
}

static int refused(struct dr_err *err, const char *why)
{
    return dr_err_set(err, DR_REJECT, 0, "wire", "%s", why);
}

static int check_envelope(const Drover__V1__Envelope *e, struct dr_err *err)
{
    if (e->format != DR_WIRE_FORMAT) {
        return dr_err_set(err, DR_REJECT, 0, "wire",
                          "format %u: this version reads format %d; update "
                          "the service that says this",
                          (unsigned)e->format, DR_WIRE_FORMAT);
    }
    if (e->migration.len != 16) {
        return refused(err, "Envelope.migration: not 16 bytes");
    }
    return 0;
}

static Drover__V1__Envelope *raw_unpack(struct dr_arena *a, struct dr_str bytes,
                                        struct dr_err *err)
{
    ProtobufCAllocator alloc = {arena_take, arena_drop, a};
    Drover__V1__Envelope *e;

    if (bytes.n > DR_WIRE_MAX) {
        (void)dr_err_set(err, DR_REJECT, 0, "wire", "larger than %u bytes",
                         DR_WIRE_MAX);
        return NULL;
    }
    if (wire_check(&drover__v1__envelope__descriptor, bytes, err)) {
        return NULL;
    }
    e = drover__v1__envelope__unpack(&alloc, bytes.n, (const uint8_t *)bytes.p);
    if (!e) {
        (void)refused(err, "format or migration are missing, or the record "
                           "needs more memory than one may take");
        return NULL;
    }
    return check_envelope(e, err) ? NULL : e;
}

static int check_body(const Drover__V1__Envelope *e, struct dr_err *err)
{
    if (e->has_cipher || e->key_id) {
        return refused(err, "encrypted: this version reads clear records only");
    }
    return e->body_case == DROVER__V1__ENVELOPE__BODY__NOT_SET
               ? refused(err, "a kind of record that this version does not "
                              "know; update the service that says this")
               : 0;
}

static enum dr_msg kind_of(const Drover__V1__Envelope *e)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
        &drover__v1__envelope__descriptor, (unsigned)e->body_case);

    DR_ASSERT(f != NULL);
    return (enum dr_msg)(f - body_field(DR_MSG_SOURCE) + DR_MSG_SOURCE);
}

const struct dr_env *dr_wire_unpack(struct dr_arena *a, struct dr_str bytes,
                                    struct dr_err *err)
{
    Drover__V1__Envelope *e = raw_unpack(a, bytes, err);
    struct unpacker u = {a, err};
    const struct body_map *b;
    struct dr_env *env;

    if (!e || check_body(e, err)) {
        return NULL;
    }
    env = dr_arena_alloc(a, sizeof(*env));
    if (!env) {
        (void)refused(err, "the record needs more memory than one may take");
        return NULL;
    }
    env->kind = kind_of(e);
    memcpy(env->migration, e->migration.data, sizeof(env->migration));
    env->generation = e->generation;
    env->wall_ms = e->wall_ms;
    if (e->service) {
        env->service = dr_str_z(e->service);
    }
    b = &body_maps[env->kind];
    if (unpack_message(
            &u, b->map,
            *(ProtobufCMessage **)member(e, body_field(env->kind)->offset),
            member(env, b->at))) {
        return NULL;
    }
    if (env->kind == DR_MSG_SOURCE) {
        env->u.source.has_version = e->source->has_version;
    }
    return env;
}

int dr_wire_repack(struct dr_str bytes, struct dr_buf *out, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(PACK_ARENA);
    Drover__V1__Envelope *e = raw_unpack(a, bytes, err);
    uint8_t *p;

    if (!e) {
        return -1;
    }
    p = dr_arena_alloc(a, drover__v1__envelope__get_packed_size(e));
    if (!p) {
        return refused(err, "the record needs more memory than one may take");
    }
    dr_buf_add(out, p, drover__v1__envelope__pack(e, p));
    return out->over ? refused(err, "buffer too small") : 0;
}

const char *dr_msg_name(enum dr_msg kind)
{
    return kind > DR_MSG_NONE && (size_t)kind < body_map_count
               ? body_maps[kind].oneof_name
               : "none";
}
