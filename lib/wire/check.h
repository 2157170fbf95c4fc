/*
 * What protobuf-c lets through: looked for in the bytes, before a message is
 * built from them. Pure.
 */
#ifndef DROVER_WIRE_CHECK_H
#define DROVER_WIRE_CHECK_H

#include <protobuf-c/protobuf-c.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

/* A newer sender adds a few fields; more is no newer sender. */
#define WIRE_UNKNOWN_MAX 1024
/* A sub-message costs about 200 bytes of memory whatever it holds. Beyond
 * this many, they hold at least WIRE_SUB_BYTES each on average. */
#define WIRE_SUBS_FREE 4096
#define WIRE_SUB_BYTES 8

/*
 * DR_REJECT unless: well formed to the end, no field twice that cannot
 * repeat, one body, each field of the wire type it has, 32-bit numbers within
 * 32 bits, text valid UTF-8 without NUL (which protobuf-c cuts in silence).
 * Fields that the descriptor does not know are stepped over.
 */
int wire_check(const ProtobufCMessageDescriptor *desc, struct dr_str bytes,
               struct dr_err *err) DR_MUSTCHECK;

#endif
