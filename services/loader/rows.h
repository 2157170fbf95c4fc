/*
 * What the target answers, read: pages of a view, single records, job states.
 * Pure. Every value is hostile: what is not there is absent, never assumed.
 */
#ifndef DROVER_LOADER_ROWS_H
#define DROVER_LOADER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/json/json.h>
#include <drover/wire/wire.h>

#include "refs.h"
#include "types.h"

#define PAGE_ROWS 100

/* A record's id, 0: none. */
uint64_t row_id(const struct dr_json *record);
int64_t row_updated_ms(const struct dr_json *record); /* -1: unknown */
bool row_deleted(const struct dr_json *record);
/* The record under its root key. */
const struct dr_json *row_root(const struct type *t, const struct dr_json *doc);
/* The same as it is compared and kept: a call log with the text of its note.
 * NULL: the answer holds none. */
const struct dr_json *row_record(const struct type *t,
                                 const struct dr_json *doc, struct dr_arena *a);
/* A row of a list that came in doc, in the same way. */
const struct dr_json *row_whole(const struct type *t, const struct dr_json *doc,
                                const struct dr_json *row, struct dr_arena *a);

/* Where a walk by id stands. Pages before the last one count as full: a short
 * page in between is a fault of the page, not of the count. */
struct walk_at {
    int64_t page; /* to ask for, from 1            */
    int64_t rows; /* of the view, as far as known  */
    bool end;
};

void walk_begin(struct walk_at *w, int64_t rows_settled);
/* rows: in this page; total_pages -1: the answer did not say. */
void walk_page(struct walk_at *w, size_t rows, int64_t total_pages);

/* How a record of the target stands to the version we want there. */
enum row_match {
    ROW_OTHER, /* not ours                                        */
    ROW_OLDER, /* ours, with other content                        */
    ROW_SAME,
};

struct row_case {
    const struct type *type;
    const struct dr_load *load;
    const struct links *links;
    uint32_t step;        /* 1: by the working name alone            */
    uint64_t dst;         /* known id, 0: found by identity          */
    bool content;         /* compare fields too, not identity alone  */
    const uint8_t *kept;  /* fields that people changed; NULL: none */
    uint64_t kept_links;  /* bits of enum linked                    */
    bool merge;           /* it was somebody else's before          */
    struct dr_str fields; /* what it was left at (DONE)             */
};

enum row_match row_matches(const struct row_case *c,
                           const struct dr_json *record, struct dr_arena *a);
/* deal_product: the deal holds exactly these lines. */
bool row_has_lines(const struct dr_load *load, const struct links *links,
                   const struct dr_json *deal);
/* Money as decimals; absent differs from everything. */
bool row_amount_is(const struct dr_json *deal, struct dr_str amount);
/* Told alike however it is shown. In the arena; empty: it shows none. */
struct dr_str row_amount(const struct dr_json *deal, struct dr_arena *a);

/* GET /job_statuses/{id}; the words are the vendor's secret: `progress` 100
 * or an unknown word ends a job (reference 23.3). */
struct job_state {
    bool known, terminal;
    const struct dr_json *failed; /* array of {index, identifier, message} */
};
/* data is a JSON text in the JSON: parsed into the arena. */
void job_read(const struct dr_json *doc, struct dr_arena *a,
              struct job_state *out);
/* The next guess of a job's duration, at most 30 s: half as long again when it
 * is not done although the guess has passed. Twenty jobs that are asked at once
 * say the same thing, and it counts once. */
int64_t job_longer(int64_t job_ms, int64_t since_accepted_ms);
/* The message for the index-th record of the batch; false: not named. */
bool job_failure(const struct job_state *j, int64_t index,
                 const struct dr_json **message);

#endif
