/*
 * A text of lines in a file, plain or gzip, read with one buffer that is no
 * larger than the longest line may be. Offsets count unpacked bytes.
 */
#ifndef EXTRACTOR_TEXTFILE_H
#define EXTRACTOR_TEXTFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/zip/zip.h>

#define TEXT_LINE_MAX ((size_t)8 << 20)

struct textfile {
    struct dr_zip *zip;
    struct dr_buf buf;
    size_t used;     /* bytes of buf that were handed out */
    uint64_t at;     /* offset of buf.p + used            */
    bool ended;      /* the file has no more              */
    char head[4096]; /* of a line that was too long */
};

/* What a packed file of so many bytes may unpack to: `ratio` times as much,
 * 64 MiB in any case. Records as text shrink to a tenth, seldom to a fiftieth;
 * a file made of nothing, to a thousandth. */
uint64_t text_bound(uint64_t packed_bytes, unsigned ratio);

/* The file stays the caller's. */
void text_open(struct textfile *t, FILE *f, bool gzip, uint64_t max_bytes);
void text_close(struct textfile *t);

/* What is there and not handed out; more of it after text_more. */
struct dr_str text_rest(const struct textfile *t);
/* Reads on; false when there is no more to read or no room. err->verdict is
 * not DR_OK when the file is damaged. */
bool text_more(struct textfile *t, struct dr_err *err);
/* The first n bytes of the rest were dealt with. */
void text_take(struct textfile *t, size_t n);

struct text_line {
    struct dr_str text; /* without its end; valid until the next call */
    uint64_t offset;    /* of its first byte */
    uint64_t bytes;     /* with its end      */
    bool too_long;      /* text is its beginning alone */
};
/* 1: a line; 0: the end; -1: the file is damaged. */
int text_line(struct textfile *t, struct text_line *out,
              struct dr_err *err) DR_MUSTCHECK;

#endif
