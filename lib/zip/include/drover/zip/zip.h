/*
 * Reading a file that may be gzip: the one door to zlib. Piece by piece, never
 * whole in memory; what comes out is bounded, for a small file may unpack to
 * anything.
 */
#ifndef DROVER_ZIP_ZIP_H
#define DROVER_ZIP_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>

struct dr_zip;

/* Reads from where the file stands; the file stays the caller's. gzip false:
 * its bytes as they are. max_out: more than that is an error. */
struct dr_zip *dr_zip_open(FILE *f, bool gzip, uint64_t max_out);
void dr_zip_close(struct dr_zip *z);

#define DR_ZIP_TOO_MUCH 1 /* err->code: more than max_out */

/* At most max bytes; 0 is the end, reached only when every member's length
 * and CRC are right. -1: cut, damaged, no gzip, too much. */
int64_t dr_zip_read(struct dr_zip *z, char *out, size_t max,
                    struct dr_err *err) DR_MUSTCHECK;

#endif
