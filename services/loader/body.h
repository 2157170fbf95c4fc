/*
 * Request bodies (Freshsales reference 3-11, 15). Pure. Members appear in the
 * order of the load record; custom fields always as the full hash.
 */
#ifndef DROVER_LOADER_BODY_H
#define DROVER_LOADER_BODY_H

#include <drover/base/buf.h>
#include <drover/json/json.h>
#include <drover/wire/wire.h>

#include "linked.h"
#include "refs.h"
#include "tags.h"
#include "types.h"

struct body_opts {
    struct dr_str name;      /* stands for the field `name`; empty: as it is */
    const struct tags *tags; /* of the record before: people's stay; NULL: it
                                was not read                               */
    const struct dr_json *before; /* the record: rows of its lists that are not
                                     wanted are removed; NULL: not read      */
    const struct dr_json *linked; /* contacts of the deal before: those not
                                     wanted any more are removed            */
    const struct dr_json *custom; /* custom_field of the record before: what
                                     we do not write stays                  */
    const uint8_t *kept; /* fields that people changed: left out; NULL: none  */
    const struct linked_ends *beside; /* linked_beside, or NULL              */
    uint64_t kept_links; /* bits of enum linked                               */
    uint64_t ended_links; /* likewise: written as null, or as an empty list  */
};

/* {"contact": {…}} for POST and PUT, or in the type's own shape. */
void body_single(const struct type *t, const struct dr_load *load,
                 const struct links *links, const struct body_opts *o,
                 struct dr_buf *out);
/* One entry of a bulk_upsert: {"emails": "…", "data": {…}}. dst 0: found by
 * its identifier; else by id. */
void body_bulk(const struct dr_load *load, const struct links *links,
               uint64_t dst, const struct body_opts *o, struct dr_buf *out);
/* {"deal": {"products": […]}}: the whole set of lines that have a product. */
void body_lines(const struct dr_load *load, const struct links *links,
                struct dr_str amount, struct dr_buf *out);
/* {"deal": {"amount": …}} */
void body_amount(struct dr_str amount, struct dr_buf *out);

/* What a "targetable:<Type>" reference hangs on: "Deal"; a contact that is a
 * lead in the target is "Lead". Empty: no such reference. */
struct dr_str body_target(const struct dr_ref *r, bool lead);
/* "/deals/12", below which the lists are of what hangs on it; nothing when
 * nothing hangs on its kind. */
void body_target_path(struct dr_str target, uint64_t id, struct dr_buf *out);
/* The same of what the record hangs on; nothing when that is nothing. */
void body_parent_path(const struct dr_load *load, const struct links *links,
                      struct dr_buf *out);

#endif
