/*
 * Where the extractor stands with one object: durable, one JSON record a
 * cursor in the compacted topic `cursor`. Written only after everything it
 * covers was acknowledged. Pure.
 */
#ifndef EXTRACTOR_CURSOR_H
#define EXTRACTOR_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

#include "contract.h"
#include "export.h"

enum cursor_phase {
    CURSOR_NEW = 0,
    CURSOR_LIST,  /* keyset pages from `after`                            */
    CURSOR_INDEX, /* ids from the index and bodies by batch, past last_id */
    CURSOR_LINES, /* line items: sets are read, the orphans are not       */
    CURSOR_TAIL,  /* snapshot done, markers written                       */
};

#define CURSOR_AFTER_MAX CONTRACT_AFTER_MAX

struct cursor {
    enum cursor_phase phase;
    char after[CURSOR_AFTER_MAX]; /* the source's opaque page cursor */
    char last_id[80];             /* largest id that was emitted     */
    int64_t start_ms;             /* T0: server time before page 1   */
    int64_t watermark_ms;         /* W                               */
    int64_t assoc_watermark_ms;
    bool again;            /* it is to be read whole again: again.c */
    bool by_content;       /* some were not to be seen then: the sweep reads all
                              of it, whatever the versions say */
    struct export_job job; /* of a bulk export, while it is read */
};

void cursor_print(const struct cursor *c, struct dr_buf *out);
int cursor_parse(struct dr_str json, struct cursor *out,
                 struct dr_err *err) DR_MUSTCHECK;

#endif
