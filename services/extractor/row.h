/*
 * The one door at which a row of another CRM's shape becomes a record of the
 * contract (4.4): envelope, typed values, and the row itself under "raw", so
 * that nothing is lost. Pure: profile and JSON in, JSON text out.
 */
#ifndef EXTRACTOR_ROW_H
#define EXTRACTOR_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/map.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

#include "profile.h"

/* What is known of an object's properties: data types by the contract's
 * names, learnt from the source's schema. */
struct row_types;
struct row_types *row_types_new(void);
void row_types_free(struct row_types *t);
/* Rows of the schema in the contract's shape (4.3). */
void row_types_learn(struct row_types *t, struct dr_str object,
                     const struct dr_json *properties);

/* One object as the profile has it. */
struct row_kind {
    const struct profile *profile;
    struct dr_str object;
    const struct row_types *types; /* may be NULL: the profile's types only */
};

/* Times in any of the profile's forms; a text without zone takes the assumed
 * one. -1: no time. */
int row_time(const struct profile *p, const struct dr_json *j,
             int64_t *ms_out) DR_MUSTCHECK;
/* true by the profile's words. */
bool row_bool(const struct profile *p, const struct dr_json *j);

struct dr_str row_id(const struct row_kind *k, const struct dr_json *row);
int64_t row_updated_ms(const struct row_kind *k, const struct dr_json *row);

/* `archived`: the listing that the row stands in says so. */
void row_record(struct dr_json_w *w, const struct row_kind *k,
                const struct dr_json *row, bool archived);
/* [id, version, updated_at, archived] */
void row_index(struct dr_json_w *w, const struct row_kind *k,
               const struct dr_json *row, bool archived);
/* {id,op,version,updated_at}. What was archived is stamped by archived_at,
 * for archiving moves no other stamp. */
void row_stub(struct dr_json_w *w, const struct row_kind *k,
              const struct dr_json *row, bool archived);
/* A row of the catalogue: each member of map{} from its pointer. */
void row_map(struct dr_json_w *w, const struct profile *p,
             const struct dr_json *map, const struct dr_json *row);
/* The members only; the caller opened the object. `but` is left out. */
void row_map_members(struct dr_json_w *w, const struct profile *p,
                     const struct dr_json *map, const struct dr_json *row,
                     const char *but);
/* A property of the schema: renamed, its type by the profile where it says
 * one. */
void row_property(struct dr_json_w *w, const struct row_kind *k,
                  const struct dr_json *map, const struct dr_json *row);

#endif
