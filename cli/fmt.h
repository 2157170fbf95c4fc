/*
 * The API's JSON as text for people. Pure: nothing here knows a terminal, a
 * clock or the network. Missing members show as "-" or nothing; they never
 * count as good news.
 */
#ifndef DROVER_CLI_FMT_H
#define DROVER_CLI_FMT_H

#include <stdbool.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/json/json.h>

struct text_table;

struct fmt {
    struct dr_buf *out;
    struct dr_arena *arena; /* for tables */
    bool color;
};

/* ---- fmt_status.c ---- */
void fmt_status(struct fmt *f, const struct dr_json *j);
/* One line: what changes in it is worth a line of its own. */
void fmt_status_line(struct fmt *f, const struct dr_json *j);
/* One line: how far, how fast, until when. */
void fmt_progress(struct fmt *f, const struct dr_json *j);
void fmt_step(struct fmt *f, const struct dr_json *j);

/* ---- fmt_plan.c ---- */
void fmt_proposed(struct fmt *f, const struct dr_json *j);
void fmt_plan(struct fmt *f, const struct dr_json *j);
void fmt_problems(struct fmt *f, const struct dr_json *problems);
void fmt_ready(struct fmt *f, const struct dr_json *j);
void fmt_owners(struct fmt *f, const struct dr_json *j);
void fmt_duplicates(struct fmt *f, const struct dr_json *j);

/* ---- fmt_report.c ---- */
/* Returns how many fields lost something. */
int64_t fmt_sample(struct fmt *f, const struct dr_json *j);
void fmt_reconciliation(struct fmt *f, const struct dr_json *j);
void fmt_found(struct fmt *f, const struct dr_json *j);
void fmt_rejected(struct fmt *f, const struct dr_json *j);
/* The line of rejected.ndjson as a row of a table with these heads. */
extern const char fmt_rejected_spec[];
extern const char *const fmt_rejected_heads[];
void fmt_rejected_row(struct text_table *t, const struct dr_json *j);

/* ---- fmt_decide.c ---- */
/* Lines of /v1/removals and /v1/conflicts as rows of tables. */
extern const char fmt_removal_spec[], fmt_conflict_spec[];
extern const char *const fmt_removal_heads[9], *const fmt_conflict_heads[9];
void fmt_removal_row(struct text_table *t, const struct dr_json *j);
void fmt_conflict_row(struct text_table *t, const struct dr_json *j);
/* Questions that wait for an answer. */
void fmt_asks(struct fmt *f, const struct dr_json *j);
/* What the source automates, to be rebuilt by hand. */
/* What a profile assumes and what was found; returns how many fail. */
int64_t fmt_profile_check(struct fmt *f, const struct dr_json *j);
void fmt_inventory(struct fmt *f, const struct dr_json *j);

/* ---- helpers ---- */
/* "name   value", nothing when the value is null or absent. */
void fmt_pair(struct fmt *f, const char *name, const struct dr_json *value);
/* Text, numbers and booleans as they are; arrays and objects as JSON. */
void fmt_value(struct dr_buf *b, const struct dr_json *value);
/* So as a cell, cut to so many columns; "-" for what is null. */
void fmt_cell(struct text_table *t, const struct dr_json *value,
              size_t columns);

#endif
