/*
 * Which way a record goes, by its plan and by what the ledger says of its key.
 * Pure.
 */
#ifndef DROVER_LOADER_ROUTE_H
#define DROVER_LOADER_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/store/store.h>
#include <drover/wire/wire.h>

enum way {
    WAY_SKIP = 1,    /* the ledger has it already                          */
    WAY_BULK_CREATE, /* found by its identifier, up to 100 a call          */
    WAY_BULK_ID,     /* by the target's id, up to 100 a call               */
    WAY_CREATE,      /* POST                                               */
    WAY_UPDATE,      /* GET, pre-image, PUT by id                          */
    WAY_LINES,       /* PUT a deal's whole set of lines                    */
    WAY_FOLD,        /* GET, PUT: custom fields of a record of another lane */
    WAY_DELETE,      /* GET, DELETE by id                                  */
    WAY_CONVERT,     /* POST /leads/{id}/convert, then an update           */
};

/* An attempt's step beside those of two: */
#define STEP_CONVERT 3 /* a lead becomes a contact                      */
#define STEP_OTHER 4   /* in the load's other form: its own is taken    */

struct route {
    enum way way;
    uint32_t step; /* two-step: 1 or 2; else 0, or STEP_…            */
    enum dr_effect op;
    uint64_t dst; /* 0: to be created                               */
    bool preimage;
    bool merge; /* dst was there before the migration             */
    bool anew;  /* another one takes the place of what was left   */
    enum dr_done_origin origin;
};

struct route_case {
    const struct dr_load *load;
    const struct dr_fact *fact; /* of the record's own key in its lane     */
    uint64_t self_dst; /* link: what is patched; deal_product: the deal    */
    bool alone; /* few or doubtful: not in bulk                            */
    bool left;  /* a file on what has been merged since                    */
    bool open;  /* the outcome of an attempt at it is not known            */
    bool late;  /* deal_product: people may have changed the deal since    */
    size_t missing; /* links that would be left out                        */
};

void route_of(const struct route_case *c, struct route *out);

/* A lead in the target that is a contact now, and the other way round. */
bool conversion_due(const struct dr_fact *f, const struct dr_load *load);
bool conversion_back(const struct dr_fact *f, const struct dr_load *load);

/* The skip rule, for a fact as the id map holds it. */
bool fact_covers(const struct dr_fact *f, const struct dr_load *load,
                 size_t missing);

#endif
