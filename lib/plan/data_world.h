/* The data sets beside the repository, as the services see them. */
#ifndef PLAN_DATA_WORLD_H
#define PLAN_DATA_WORLD_H

#include <drover/base/map.h>
#include <drover/plan/plan.h>

struct record {
    struct dr_str object, id, body;
};

struct set {
    char dir[400];
    struct dr_arena *a;
    struct dr_catalogs c;
    struct dr_map *links; /* "type id" -> struct list * */
    struct record *v;
    size_t n, cap;
};

struct list {
    struct dr_assoc v[64];
    size_t n;
};

struct sent {
    struct dr_source source;
    struct dr_assoc links[80];
    struct dr_part part;
};

/* False: there is no such set here; its place is in s->dir. */
bool set_open(struct set *s, const char *name);
void set_close(struct set *s);
/* A record of the set, with another body when that is wanted, and with the
 * links that the extractor would give it. */
void set_send(struct set *s, const struct record *r, struct dr_str body,
              struct sent *out);

#endif
