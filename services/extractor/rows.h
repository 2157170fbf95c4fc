/*
 * Records that come as lines of a text: gathered to pages and emitted as those
 * of the API are. A line that is no record is quarantined with its bytes and
 * its place.
 */
#ifndef EXTRACTOR_ROWS_H
#define EXTRACTOR_ROWS_H

#include "extractor.h"
#include "textfile.h"

struct gather {
    struct extractor *ex;
    struct object *o;
    enum dr_origin origin;
    const struct dr_map *corrupt; /* ids that the source says are; or NULL */
    struct dr_buf text;           /* of the page so far */
    size_t n;
};

void gather_open(struct gather *g, struct extractor *ex, struct object *o,
                 enum dr_origin origin);
void gather_close(struct gather *g);
/* One line of a file that is named for people ("part 2"); false: asked to
 * stop. */
bool gather_line(struct gather *g, const struct text_line *line,
                 const char *file);
/* One record, as JSON. */
bool gather_record(struct gather *g, struct dr_str json);
/* The rest of the page. */
bool gather_flush(struct gather *g);
/* Bytes that are no record. */
void gather_bad(struct gather *g, struct dr_str raw, const char *file,
                uint64_t offset, uint64_t bytes, const char *why);

#endif
