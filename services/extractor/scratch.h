/*
 * A file that only this process knows, below $TMPDIR or /tmp, gone when it is
 * closed. It never takes the last of the disk: others live there too.
 */
#ifndef EXTRACTOR_SCRATCH_H
#define EXTRACTOR_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

struct scratch {
    FILE *f;
    uint64_t n;    /* bytes written            */
    uint64_t look; /* at which room is checked */
};

/* A folder holds a file open for each of its own: as many as may be. */
void scratch_many_files(void);
/* Why no more can be opened, and what to do, where errno says that too many
 * are; else NULL. */
const char *scratch_too_many(void);
/* The file, from its start; ends the process when none can be made. */
FILE *scratch_file(void);
struct scratch scratch_in(FILE *f);
/* -1: no room is left; err says what to do. */
int scratch_add(struct scratch *s, struct dr_str bytes,
                struct dr_err *err) DR_MUSTCHECK;
/* All of it is in the file. */
int scratch_end(struct scratch *s, struct dr_err *err) DR_MUSTCHECK;

#endif
