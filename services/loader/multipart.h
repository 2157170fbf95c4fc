/*
 * The request that uploads a file (reference 11.1, RFC 7578): what comes
 * before the bytes and what comes after. Pure.
 *
 *   --<boundary> name="targetable_type" … name="file"; filename="…" <bytes>
 *   --<boundary>--
 *
 * A file's name is data of a CRM: what could end its quotes or its line is
 * written as a browser writes it (%22, %0D, %0A), and what no name may hold is
 * left out. The server cannot have the whole before its last byte, which is
 * held back until the bytes are known to be right.
 */
#ifndef DROVER_LOADER_MULTIPART_H
#define DROVER_LOADER_MULTIPART_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/wire/wire.h>

#include "refs.h"

#define BOUNDARY 32 /* hex digits */
/* 150 MB (reference 11.1), in its larger reading. */
#define FILE_MAX_BYTES (UINT64_C(150) << 20)

/* The name without control characters, at most 255 characters; "file" when
 * nothing is left. plain: as `filename` says it, without separators of paths;
 * else as the field `file_name` beside it. */
void file_name(const struct dr_load *load, bool plain, struct dr_buf *out);
/* boundary: BOUNDARY random hex digits. Fields of the load record: file_name,
 * is_shared and, if it looks like one, content_type. */
void multipart_head(const struct dr_load *load, const struct links *links,
                    const char *boundary, struct dr_buf *out);
/* What follows the bytes, for a head as above. */
void multipart_tail(struct dr_str head, struct dr_buf *out);
/* "multipart/form-data; boundary=…" */
void multipart_type(struct dr_str head, struct dr_buf *out);

#endif
