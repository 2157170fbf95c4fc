/* Reading multipart/form-data (RFC 7578) in place: nothing of it is copied
 * but names. */
#ifndef FRESHSALES_MULTIPART_H
#define FRESHSALES_MULTIPART_H

#include <drover/base/arena.h>
#include <drover/base/attrs.h>
#include <drover/base/str.h>

#define PARTS_MAX 32
#define PART_HEADERS_MAX ((size_t)8 << 10)

struct part {
    struct dr_str name, filename, type; /* p NULL: absent */
    struct dr_str data;
};

struct multipart {
    struct part v[PARTS_MAX];
    size_t n;
};

/* -1: it is none, or has no end, or too many parts. */
int multipart_read(struct dr_arena *ar, struct dr_str content_type,
                   struct dr_str body, struct multipart *out) DR_MUSTCHECK;
/* The last part of a name; NULL: none. */
const struct part *multipart_get(const struct multipart *m, const char *name);

#endif
