/*
 * What changed between two readings of the schema, in words for a person
 * (contract 4.3: new options, properties, stages). Pure.
 */
#ifndef EXTRACTOR_DRIFT_H
#define EXTRACTOR_DRIFT_H

#include <drover/base/buf.h>
#include <drover/base/map.h>
#include <drover/base/str.h>

#define DRIFT_MAX 64 /* told; more are counted */

/* The names of everything a plan depends on: "deal.stage", "deal.stage=new",
 * "deal.stage:enum", "pipeline pl_1", "stage pl_1/st_1". Free with
 * dr_map_free. schema: {"objects","properties","associations"}; pipelines:
 * {"deal":[…]}. */
struct dr_map *drift_items(struct dr_str schema, struct dr_str pipelines);
/* Writes what `now` has more ("new …") or no more ("gone …") into out, each on
 * a line; returns how many there are. */
size_t drift_between(const struct dr_map *was, const struct dr_map *now,
                     struct dr_buf *out);

#endif
