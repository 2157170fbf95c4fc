/*
 * Below what a record is put. What no search finds is found in the list of the
 * record that it hangs on: of the one that the request named, which need not be
 * the one that its links name by then. INTENT says it of an attempt, DONE of
 * what cannot be read by its id.
 */
#include "loader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "linked.h"

static bool in_a_list(const struct item *it)
{
    return it->type && it->type->sub != NULL;
}

static void take(struct item *it, struct dr_str path)
{
    memset(it->place, 0, sizeof(it->place));
    if (path.n > 0 && path.n < sizeof(it->place)) {
        memcpy(it->place, path.p, path.n);
    }
}

void place_wanted(const struct dr_load *load, const struct links *links,
                  char out[PLACE_TEXT])
{
    struct dr_buf b;

    memset(out, 0, PLACE_TEXT);
    dr_buf_init(&b, 256);
    body_parent_path(load, links, &b);
    if (b.n > 0 && b.n < PLACE_TEXT) {
        memcpy(out, b.p, b.n);
    }
    dr_buf_done(&b);
}

void place_set(struct item *it, const struct dr_load *load,
               const struct links *links)
{
    char path[PLACE_TEXT];

    memset(it->place, 0, sizeof(it->place));
    if (it->route.way == WAY_FOLD) { /* its first id is the first parent's */
        (void)snprintf(it->place, sizeof(it->place), "%" PRIu64, it->route.dst);
    } else if (in_a_list(it)) {
        place_wanted(load, links, path);
        take(it, dr_str_z(path));
    }
}

void place_attempted(struct item *it, const struct dr_attempt *a)
{
    if (in_a_list(it)) {
        take(it, dr_str_z(a->place));
    }
}

struct dr_str place_intent(const struct item *it)
{
    return dr_str_z(in_a_list(it) ? it->place : "");
}

struct dr_str place_done(const struct item *it)
{
    return dr_str_z(in_a_list(it) && !it->type->unlisted ? "" : it->place);
}

/* The only reference to a contact; SIZE_MAX: there is none, or several. */
static size_t person_at(const struct dr_load *load)
{
    size_t at = SIZE_MAX, n = 0;

    for (size_t i = 0; i < load->ref_count; i++) {
        if (dr_str_eqz(load->refs[i].field, "targetable:Contact")) {
            at = i;
            n++;
        }
    }
    return n == 1 ? at : SIZE_MAX;
}

int place_of_person(struct loader *l, const struct item *it,
                    const struct dr_load *load, char out[PLACE_TEXT])
{
    const struct dr_attempt *a =
        it->lp->own.fold ? dr_fold_unsettled(it->lp->own.fold, it->key) : NULL;
    size_t at = person_at(load);
    const struct dr_ref *r;
    struct dr_fact fact;
    struct dr_buf b;

    memset(out, 0, PLACE_TEXT);
    if (at == SIZE_MAX || !a || !attempt_is_of(a, it->rev, it->pass)) {
        return 0;
    }
    r = &load->refs[at];
    if (view_facts(l, &r->lane, &r->key, 1, &fact)) {
        return -1;
    }
    if (fact.dst != 0) {
        dr_buf_init(&b, 256);
        body_target_path(body_target(r, strcmp(fact.type, "leads") == 0),
                         fact.dst, &b);
        (void)snprintf(out, PLACE_TEXT, DR_STR_FMT,
                       DR_STR_ARG(dr_buf_view(&b)));
        dr_buf_done(&b);
    }
    return 0;
}

bool place_is_shown(const struct dr_json *record, const char *place, bool *out)
{
    const struct dr_json *list = dr_json_get(record, "targetables");
    struct dr_buf b;

    if (dr_json_type(list) != DR_JSON_ARRAY) {
        return false;
    }
    *out = false;
    dr_buf_init(&b, 256);
    DR_JSON_EACH(t, list)
    {
        dr_buf_reset(&b);
        body_target_path(dr_json_get_str(t, "type"), row_id(t), &b);
        *out |= b.n > 0 && dr_str_eqz(dr_buf_view(&b), place);
    }
    dr_buf_done(&b);
    return true;
}

void place_found(struct item *it, const char *at, const char *wanted,
                 const struct dr_json *record)
{
    bool there = !at || strcmp(at, wanted) == 0;

    if (wanted[0]) {
        (void)place_is_shown(record, wanted, &there);
    }
    it->strayed = wanted[0] && !there && !it->type->fixed;
    if (at) {
        take(it, dr_str_z(at));
    }
}

bool place_is_news(const struct item *it)
{
    return it->type->unlisted && it->fact.dst != 0 &&
           it->fact.place[0] == '/' && it->place[0] == '/' &&
           strcmp(it->fact.place, it->place) != 0;
}
