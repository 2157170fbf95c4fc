#include "check.h"

enum { WT_VARINT, WT_FIXED64, WT_BYTES, WT_FIXED32 = 5 };

struct scan {
    struct dr_err *err;
    size_t subs, unknown;
};

struct cut {
    const uint8_t *at, *end;
};

/* One field as it stands in the bytes. */
struct raw {
    uint32_t number;
    unsigned type;
    uint64_t value;      /* WT_VARINT */
    struct dr_str bytes; /* WT_BYTES */
};

static int refuse(struct scan *s, const ProtobufCMessageDescriptor *desc,
                  const char *field, const char *why)
{
    return dr_err_set(s->err, DR_REJECT, 0, "wire", "%s.%s: %s",
                      desc->short_name, field, why);
}

static int varint(struct cut *c, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b;
        if (c->at == c->end) {
            return -1;
        }
        b = *c->at++;
        if (shift == 63 && b > 1) {
            return -1;
        }
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return 0;
        }
    }
    return -1;
}

static int skip(struct cut *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at)) {
        return -1;
    }
    c->at += n;
    return 0;
}

static int next_field(struct cut *c, struct raw *out)
{
    uint64_t tag, n;

    if (varint(c, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
        return -1;
    }
    *out = (struct raw){.number = (uint32_t)(tag >> 3),
                        .type = (unsigned)(tag & 7)};
    switch (out->type) {
    case WT_VARINT:
        return varint(c, &out->value);
    case WT_FIXED64:
        return skip(c, 8);
    case WT_FIXED32:
        return skip(c, 4);
    case WT_BYTES:
        if (varint(c, &n)) {
            return -1;
        }
        out->bytes = (struct dr_str){(const char *)c->at, (size_t)n};
        return skip(c, n);
    default:
        return -1; /* groups: nobody writes them */
    }
}

static unsigned wire_type(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_STRING ||
                   f->type == PROTOBUF_C_TYPE_BYTES ||
                   f->type == PROTOBUF_C_TYPE_MESSAGE
               ? WT_BYTES
               : WT_VARINT;
}

static bool number_fits(const ProtobufCFieldDescriptor *f, uint64_t v)
{
    switch ((int)f->type) {
    case PROTOBUF_C_TYPE_UINT32:
        return v <= UINT32_MAX;
    case PROTOBUF_C_TYPE_INT32:
        return v <= INT32_MAX || v >= (uint64_t)(int64_t)INT32_MIN;
    default:
        return true;
    }
}

static int message(struct scan *s, const ProtobufCMessageDescriptor *desc,
                   struct dr_str bytes);

static int known_field(struct scan *s, const ProtobufCMessageDescriptor *desc,
                       const ProtobufCFieldDescriptor *f, const struct raw *r)
{
    if (r->type != wire_type(f)) {
        return refuse(s, desc, f->name, "not of the type it must have");
    }
    if (f->type == PROTOBUF_C_TYPE_STRING && !dr_text_valid(r->bytes)) {
        return refuse(s, desc, f->name, "not valid text (UTF-8 without NUL)");
    }
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        s->subs++;
        return message(s, f->descriptor, r->bytes);
    }
    return number_fits(f, r->value)
               ? 0
               : refuse(s, desc, f->name, "a number that is too large");
}

/* Goes as deep as the messages do: four, and none holds itself. */
static int message(struct scan *s, const ProtobufCMessageDescriptor *desc,
                   struct dr_str bytes)
{
    struct cut c = {(const uint8_t *)bytes.p,
                    (const uint8_t *)bytes.p + bytes.n};
    uint64_t seen = 0, oneof = 0;

    DR_ASSERT(desc->n_fields <= 64);
    while (c.at < c.end) {
        const ProtobufCFieldDescriptor *f;
        struct raw r;
        uint64_t bit;

        if (next_field(&c, &r)) {
            return refuse(s, desc, "*", "not a protobuf message");
        }
        f = protobuf_c_message_descriptor_get_field(desc, r.number);
        if (!f) {
            if (++s->unknown > WIRE_UNKNOWN_MAX) {
                return refuse(s, desc, "*", "too many unknown fields");
            }
            continue;
        }
        bit = (uint64_t)1 << (f - desc->fields);
        if (f->label != PROTOBUF_C_LABEL_REPEATED && seen & bit) {
            return refuse(s, desc, f->name, "there twice");
        }
        seen |= bit;
        if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && oneof++ > 0) {
            return refuse(s, desc, f->name, "a second body");
        }
        if (known_field(s, desc, f, &r)) {
            return -1;
        }
    }
    return 0;
}

int wire_check(const ProtobufCMessageDescriptor *desc, struct dr_str bytes,
               struct dr_err *err)
{
    struct scan s = {.err = err};

    if (bytes.n == 0) {
        return refuse(&s, desc, "*", "empty");
    }
    if (message(&s, desc, bytes)) {
        return -1;
    }
    if (s.subs > WIRE_SUBS_FREE && s.subs > bytes.n / WIRE_SUB_BYTES) {
        return refuse(&s, desc, "*", "too many empty parts");
    }
    return 0;
}
