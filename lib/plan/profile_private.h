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

/* An attachment, as far as it says who asks for room, and for how much. */
struct seen_file {
    uint64_t size;
    int64_t created; /* milliseconds; INT64_MAX: no time that can be read */
    struct dr_str id, name, owner, author, parent_type, parent_id;
    uint32_t parents;
    const char *broken; /* why it has no bytes; NULL: it has */
};

struct seen_list {
    struct seen_file *v;
    size_t n, cap;
};

struct seen_files {
    struct seen_list whole;
    struct seen_list broken; /* the source says that it has no bytes to give */
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
    struct dr_map *stages;    /* "pipeline\nstage" used -> ""            */
    struct dr_map *parentage; /* object -> struct parentage *          */
    struct dr_map *events;    /* "type\nversion\nshape" -> uint64_t *  */
    struct dr_map *lines;     /* line_currencies.c                     */
    struct named_list companies, contacts;
    struct dr_map *inline_files; /* attachment id -> struct dr_str * name */
    struct dr_map *words; /* owners, authors, types of parents: kept once */
    struct seen_files files;
    struct dr_map *had_accounts, *had_contacts; /* name -> id */
};

const struct field_stats *profile_field(const struct dr_profile *p,
                                        struct dr_str object,
                                        struct dr_str property);
/* files.c */
void profile_add_file(struct dr_profile *p, const struct dr_source *rec,
                      const struct dr_json *root);
struct dr_str profile_text(struct dr_profile *p, struct dr_str s);
/* A text that many records have; kept once. */
struct dr_str profile_word(struct dr_profile *p, struct dr_str s);
uint64_t profile_count(const struct dr_map *m, struct dr_str key);
/* One more of a key. */
void profile_add_one(struct dr_profile *p, struct dr_map *m, struct dr_str key);

/* storage.c */
struct room {
    uint64_t max, storage;       /* of one file; of all, 0: not known     */
    const struct dr_map *listed; /* ids that ask for none; NULL: none     */
};
/* All in the order in which they are given room; to be freed. */
const struct seen_file **files_by_age(const struct seen_list *f);
/* Those that do not fit are moved, in their order, to the front of v. Returns
 * how many. */
size_t files_beyond(const struct seen_file **v, size_t n,
                    const struct room *room);

/* line_currencies.c: a line in another currency than its deal. */
void profile_add_line(struct dr_profile *p, struct dr_arena *a,
                      const struct dr_source *rec, const struct dr_json *props);

/* census.c */
void census_add(struct dr_profile *p, struct dr_arena *a,
                const struct dr_source *rec, const struct dr_json *root);
void census_free(void *parentage);

#endif
