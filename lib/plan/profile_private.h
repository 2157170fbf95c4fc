/* What a profile knows; the proposal reads it. */
#ifndef DROVER_PLAN_PROFILE_PRIVATE_H
#define DROVER_PLAN_PROFILE_PRIVATE_H

#include "plan_private.h"

/* Beyond so many distinct values a property is no pick-list. */
#define DISTINCT_MAX 300
/* Nor with a value of more bytes. */
#define OPTION_MAX 200

struct field_stats {
    uint64_t filled, longest;
    uint64_t overflow;       /* numbers beyond 11 and 4 digits */
    uint64_t no_number;      /* no plain decimal               */
    uint64_t no_time;        /* neither a date nor a time      */
    uint64_t wide, huge;     /* beyond a line, beyond an area  */
    bool fraction;           /* a number with digits after the point  */
    bool many;               /* no pick-list, see above              */
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

/* An attachment, as far as the report of large files needs it. One block of
 * memory each: those that are no longer among the largest are given back. */
struct seen_file {
    uint64_t size;
    struct dr_str id, name, owner, author, parent_type, parent_id;
    uint32_t parents;
    bool broken; /* the source says that it has no bytes to give */
};

struct seen_files {
    uint64_t *sizes; /* of all, but the broken ones */
    size_t n, cap;
    uint64_t broken;
    struct seen_file **largest; /* a heap: the smallest of them first */
    size_t largest_n;
};

/* On what the records of one object hang. */
struct parentage {
    uint64_t linked; /* records with any of the three parents */
    struct {
        uint64_t records, most; /* with this one; most on one of them */
        struct dr_map *per;     /* parent's id -> uint64_t *          */
    } of[PARENT_KINDS];
};

struct dr_profile {
    struct dr_arena *arena;
    struct dr_map *objects;   /* object -> struct dr_map * of field_stats */
    struct dr_map *counts;    /* object -> uint64_t *                    */
    struct dr_map *owners;    /* owner id -> uint64_t * records          */
    struct dr_map *parents;   /* company id -> struct dr_str * parent    */
    struct dr_map *deals;     /* normalised name -> uint64_t * count     */
    struct dr_map *stages;    /* "pipeline\nstage" used -> ""            */
    struct dr_map *parentage; /* object -> struct parentage *          */
    struct dr_map *events;    /* "type\nversion\nshape" -> uint64_t *  */
    struct named_list companies, contacts;
    struct dr_map *inline_files; /* attachment id -> struct dr_str * name */
    struct seen_files files;
    struct dr_map *had_accounts, *had_contacts, *had_deals; /* name -> id */
};

const struct field_stats *profile_field(const struct dr_profile *p,
                                        struct dr_str object,
                                        struct dr_str property);
/* files.c */
void profile_add_file(struct dr_profile *p, const struct dr_source *rec,
                      const struct dr_json *root);
void profile_files_done(struct seen_files *f);
uint64_t profile_count(const struct dr_map *m, struct dr_str key);
/* One more of a key. */
void profile_add_one(struct dr_profile *p, struct dr_map *m, struct dr_str key);

/* census.c */
void census_add(struct dr_profile *p, struct dr_arena *a,
                const struct dr_source *rec, const struct dr_json *root);
void census_free(void *parentage);

#endif
