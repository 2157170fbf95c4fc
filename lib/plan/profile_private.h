/* What a profile knows; the proposal reads it. */
#ifndef DROVER_PLAN_PROFILE_PRIVATE_H
#define DROVER_PLAN_PROFILE_PRIVATE_H

#include "plan_private.h"

/* Beyond so many distinct values a property is no pick-list. */
#define DISTINCT_MAX 300

struct field_stats {
    uint64_t filled, longest;
    bool overflow;           /* a number beyond 11 and 4 digits       */
    bool fraction;           /* a number with digits after the point  */
    bool many;               /* more than DISTINCT_MAX values         */
    struct dr_map *distinct; /* value -> uint64_t * count        */
};

struct named {
    struct dr_str id, created;
    struct dr_str name; /* what groups: normalised name, or e-mail */
    struct dr_str raw;  /* as the source has it                    */
};

struct named_list {
    struct named *v;
    size_t n, cap;
};

struct dr_profile {
    struct dr_arena *arena;
    struct dr_map *objects; /* object -> struct dr_map * of field_stats */
    struct dr_map *counts;  /* object -> uint64_t *                    */
    struct dr_map *owners;  /* owner id -> uint64_t * records          */
    struct dr_map *parents; /* company id -> struct dr_str * parent    */
    struct dr_map *deals;   /* normalised name -> uint64_t * count     */
    struct dr_map *stages;  /* "pipeline\nstage" used -> ""            */
    struct named_list companies, contacts;
    struct dr_map *had_accounts, *had_contacts, *had_deals; /* name -> id */
};

const struct field_stats *profile_field(const struct dr_profile *p,
                                        struct dr_str object,
                                        struct dr_str property);
uint64_t profile_count(const struct dr_map *m, struct dr_str key);

#endif
