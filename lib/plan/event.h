/* Events of the source and their shapes (contract 4.7). */
#ifndef DROVER_PLAN_EVENT_H
#define DROVER_PLAN_EVENT_H

#include "plan_private.h"

enum event_shape { EVENT_UNKNOWN, EVENT_FLAT, EVENT_TYPED, EVENT_NESTED };
/* The simplest shape that the data has. */
enum event_shape event_shape_of(const struct dr_json *data);
const char *event_shape_name(enum event_shape s);
enum event_shape event_shape_named(struct dr_str name);

/* What the plan knows of one type: its name, and the shapes by version. */
struct event_type {
    struct dr_str name;
    struct dr_map *versions; /* "3" -> struct dr_str * ("nested") */
};

struct event_text {
    struct dr_buf out, path;
    unsigned lines, left_out, deep, shortened;
};
void event_text_init(struct event_text *t);
void event_text_done(struct event_text *t);
/* Appends the lines of the data, read as the shape says. */
void event_text_data(struct event_text *t, const struct dr_json *data,
                     enum event_shape as);

#endif
