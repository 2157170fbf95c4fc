/*
 * The three ways in which a profile speaks of data: JSON pointers (RFC 6901),
 * {placeholders} and simple predicates. There is no other expression. Pure.
 */
#ifndef EXTRACTOR_EXPRESS_H
#define EXTRACTOR_EXPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

/* ---- pointers ---- */

/* "" or "/" and tokens; ~ only as ~0 and ~1. */
bool pointer_ok(struct dr_str pointer);
/* NULL when there is nothing. "" is the root. */
const struct dr_json *pointer_get(const struct dr_json *root,
                                  struct dr_str pointer);

/* ---- placeholders ---- */

enum var {
    VAR_OBJECT, /* the contract's name of the type        */
    VAR_REMOTE, /* the source's name of it                */
    VAR_TO,
    VAR_REMOTE_TO,
    VAR_ID,         /* in a body: its array is repeated for each id       */
    VAR_PROPERTY,   /* in a body: repeated for each property              */
    VAR_PROPERTIES, /* all of them, by comma                            */
    VAR_AFTER,
    VAR_OFFSET,
    VAR_PAGE,
    VAR_LAST,
    VAR_LIMIT,
    VAR_SINCE,
    VAR_BEFORE,
    VAR_COUNT
};

struct vars {
    struct dr_str v[VAR_COUNT];
    const struct dr_str *ids, *properties;
    size_t id_count, property_count;
};

/* The first {name} or {#name} that is no placeholder or not closed goes to
 * bad_out. */
bool template_ok(struct dr_str tpl, struct dr_str *bad_out);
/* tpl names the placeholder. */
bool template_has(struct dr_str tpl, enum var var);
/* Fills the template; values are percent-encoded when `encode`. False: a
 * placeholder of it has no value. */
bool template_fill(struct dr_buf *out, struct dr_str tpl,
                   const struct vars *vars, bool encode);
/* path?query of a call; a parameter without a value is left out. */
void request_path(struct dr_buf *out, const struct dr_json *call,
                  const struct vars *vars);
/* The JSON body of a call; empty when it has none. A string that is one
 * {#placeholder} becomes a bare number; a member whose placeholder has no
 * value is left out; an array whose one element names {id} or {property} is
 * repeated for each. */
void request_body(struct dr_buf *out, const struct dr_json *call,
                  const struct vars *vars);
/* Any string of the tree names it. */
bool tree_has(const struct dr_json *tpl, enum var var);

/* ---- predicates ---- */

/* {"path":P,"eq":V} ne in exists, {"and":[…]}, {"or":[…]}. */
int when_check(const struct dr_json *when, const char *at,
               struct dr_err *err) DR_MUSTCHECK;
/* Absent: true. Texts and numbers compare by their characters. */
bool when_true(const struct dr_json *when, const struct dr_json *row);

#endif
