/*
 * Which field of a message is which member of our struct: one table a
 * message, in the order of the field numbers; only trailing fields may be left
 * out. wire.c does the rest by the descriptors of the generated code.
 */
#ifndef DROVER_WIRE_MAPS_H
#define DROVER_WIRE_MAPS_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

enum map_kind {
    MAP_TEXT = 1, /* string: checked for UTF-8 and NUL        */
    MAP_BYTES,
    MAP_HASH,  /* bytes: absent or 32                          */
    MAP_NONCE, /* bytes: absent or 16                          */
    MAP_U64,
    MAP_U32,
    MAP_I64,
    MAP_I32,
    MAP_BOOL,
    MAP_ENUM,  /* a C enum; `max` is its last value            */
    MAP_SUB,   /* one sub-message, held by value               */
    MAP_TEXTS, /* repeated string                              */
    MAP_SUBS,  /* repeated sub-message                         */
};

struct msg_map;

struct field_map {
    const char *name;
    enum map_kind kind;
    size_t at;
    size_t count_at; /* MAP_TEXTS, MAP_SUBS: the size_t beside the array */
    unsigned max;    /* MAP_ENUM */
    const struct msg_map *sub;
};

struct msg_map {
    const ProtobufCMessageDescriptor *desc;
    size_t size; /* of our struct */
    const struct field_map *fields;
    size_t field_count;
};

struct body_map {
    const char *oneof_name;
    const struct msg_map *map;
    size_t at; /* in struct dr_env */
};

/* The first body among the envelope's fields; the others follow as in enum
 * dr_msg. */
#define BODY_FIRST 7
/* Indexed by enum dr_msg. */
extern const struct body_map body_maps[];
extern const size_t body_map_count;

#endif
