/*
 * Is it there? One record looked up by what identifies it (5 step 3; reference
 * 14.3, 14.4, 23.5): by id, by marker, in its parent's list. Search answers
 * are partial rows: the record itself is then read by id.
 */
#include "loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 50
#define ROWS_MAX 25 /* of one search (per_page) */
#define PLACES 4

enum stage {
    STAGE_ID,     /* GET the record                                   */
    STAGE_LOOKUP, /* /lookup by source id                             */
    STAGE_FILTER, /* /filtered_search by source id                    */
    STAGE_IDENT,  /* /lookup by e-mail or name: who holds it?         */
    STAGE_SEARCH, /* /search for the product's code                   */
    STAGE_LIST,   /* the parent's list of its kind, or all of its kind */
    STAGE_END,
};

struct find {
    struct loader *l;
    struct item *it;
    find_fn *then;
    enum stage stage, after; /* where to go on when an id was no match */
    uint64_t id;
    uint64_t rows[ROWS_MAX]; /* what the search found, to be read one by one: */
    size_t row_count, row;   /* it may fold case, or look at other fields     */
    bool flying;             /* one in flight in the lane                     */
    bool who;                /* who holds the name or e-mail matters, too */
    bool holder;             /* nothing but that matters */
    bool by_ident;
    int64_t page;
    int list;      /* of those without a parent                          */
    bool cut;      /* a list was longer than we read, or not to be had   */
    bool searched; /* one of the searches was answered              */
    char places[PLACES][PLACE_TEXT]; /* below which it may be */
    int place, place_count;          /* that is read; behind the last: none */
    char wanted[PLACE_TEXT];         /* below which it shall be */
    char contact[PLACE_TEXT];        /* what the person it hung on is now */
    int alike;                       /* of the same content, nobody else's */
    char *like;                      /* the first of them */
    int like_place;
};

static void step(struct find *f);

static void end(struct find *f, enum find_state s, const struct dr_json *record)
{
    struct item *it = f->it;

    f->l->looking--;
    if (!it->dead) {
        f->then(f->l, it, s, record);
    }
    it->lp->lane->in_flight -= f->flying;
    item_unpin(it);
    free(f->like);
    free(f);
}

static const char *ident_field(const struct dr_load *load)
{
    return dr_str_eqz(load->type, "sales_accounts") ? "name" : "email";
}

static const char *source_field(const struct type *t)
{
    return t->ident == IDENT_EXTERNAL ? "external_id" : "cf_source_id";
}

static enum stage next_stage(const struct find *f)
{
    const struct type *t = f->it->type;

    switch (f->stage) {
    case STAGE_LOOKUP:
        return t->module ? STAGE_END : STAGE_FILTER;
    case STAGE_FILTER:
        if (t->module) {
            return STAGE_LOOKUP; /* where it is known to search them first */
        }
        return f->who && t->unique ? STAGE_IDENT : STAGE_END;
    default:
        return STAGE_END;
    }
}

static void by_id(struct find *f, uint64_t id, enum stage after)
{
    f->id = id;
    f->after = after;
    f->stage = STAGE_ID;
    step(f);
}

static void nothing(struct find *f)
{
    if (f->stage == STAGE_ID && f->row < f->row_count) {
        by_id(f, f->rows[f->row++], f->after);
        return;
    }
    f->stage = f->stage == STAGE_ID ? f->after : next_stage(f);
    step(f);
}

/* More of them than we read: none of these says that there is none. */
static void add_row(struct find *f, uint64_t id)
{
    if (f->row_count < ROWS_MAX) {
        f->rows[f->row_count++] = id;
    } else {
        f->cut = true;
    }
}

static void begin_rows(struct find *f)
{
    f->row = f->row_count = 0;
}

/* The rows of the search are read in turn; without any it goes on at once. */
static void read_rows(struct find *f)
{
    enum stage after = next_stage(f);

    if (f->row_count > 0) {
        by_id(f, f->rows[f->row++], after);
    } else {
        nothing(f);
    }
}

/* ---- answers ---- */

/* Whoever is not answered knows nothing: only a 404, and what is marked as
 * deleted, says that it is not there. */
static void got_record(struct find *f, const struct dr_json *doc, bool gone)
{
    const struct type *t = f->it->type;
    const struct dr_json *record = row_record(t, doc, f->l->scratch);
    struct row_case c = {.type = t};

    if (gone || row_deleted(record)) {
        nothing(f);
        return;
    }
    if (!record) {
        end(f, FIND_FAILED, NULL);
        return;
    }
    if (f->holder) {
        end(f, FIND_OTHER, record);
        return;
    }
    if (f->it->route.dst) {
        end(f, row_id(record) == f->it->route.dst ? FIND_OURS : FIND_FAILED,
            record);
        return;
    }
    c.load = item_load(f->l, f->it);
    if (row_matches(&c, record, f->l->scratch) == ROW_SAME) {
        end(f, FIND_OURS, record);
    } else if (f->by_ident) {
        end(f, FIND_OTHER, record);
    } else {
        nothing(f);
    }
}

/* {"contacts": {"contacts": [...]}} or {"contacts": [...]} */
static const struct dr_json *rows_of(const struct type *t,
                                     const struct dr_json *doc)
{
    const struct dr_json *v = dr_json_get(doc, type_plural(t));

    if (dr_json_type(v) == DR_JSON_OBJECT) {
        v = dr_json_get(v, type_plural(t));
    }
    return dr_json_type(v) == DR_JSON_ARRAY ? v : NULL;
}

/* doc: NULL: it was refused, and nobody is found so. */
static void got_rows(struct find *f, const struct dr_json *doc)
{
    const struct dr_json *rows = rows_of(f->it->type, doc);
    const struct dr_json *self = NULL;

    if (doc && !rows) {
        end(f, FIND_FAILED, NULL); /* another question's answer */
        return;
    }
    f->searched |= doc != NULL;
    f->by_ident = f->stage == STAGE_IDENT;
    begin_rows(f);
    DR_JSON_EACH(r, rows)
    {
        if (f->holder && row_id(r) == f->it->route.dst) {
            self = r;
        } else if (row_id(r) && !row_deleted(r)) {
            add_row(f, row_id(r));
        }
    }
    if (self && f->row_count == 0) {
        end(f, FIND_OURS, self);
    } else {
        read_rows(f);
    }
}

static void got_search(struct find *f, const struct dr_json *doc)
{
    begin_rows(f);
    DR_JSON_EACH(r, doc)
    {
        if (dr_str_eqz(dr_json_get_str(r, "type"), "product") && row_id(r)) {
            add_row(f, row_id(r));
        }
    }
    read_rows(f);
}

static const char *place_of(const struct find *f, int i)
{
    return i < f->place_count ? f->places[i] : NULL;
}

static void may_be_below(struct find *f, const char *place)
{
    for (int i = 0; i < f->place_count; i++) {
        if (strcmp(f->places[i], place) == 0) {
            return;
        }
    }
    if (place[0] == '/' && f->place_count < PLACES) {
        (void)snprintf(f->places[f->place_count++], PLACE_TEXT, "%s", place);
    }
}

/* The lists of where it was put tell all. */
static bool place_is_known(const struct find *f)
{
    return f->it->route.dst != 0 || f->it->place[0] == '/';
}

/* Its list is read, and it is not there. What hung on a lead may have gone on
 * with the contact that it has become; of an update, which is not sent twice
 * anyway, that is not asked so closely. */
static void leave_place(struct find *f, const char *at)
{
    bool lead = strncmp(at, "/leads/", 7) == 0;

    f->place++;
    if (f->it->route.dst) {
        f->cut = f->cut && !place_of(f, f->place);
    } else if (lead && strcmp(at, f->contact) != 0) {
        f->cut |= f->contact[0] == '\0';
    }
}

static bool next_list(struct find *f)
{
    const struct type *t = f->it->type;
    const char *at = place_of(f, f->place);

    f->page = 1;
    if (!at) {
        f->list++;
    } else {
        leave_place(f, at);
        if (place_of(f, f->place)) {
            return true;
        }
        if (place_is_known(f) && !f->cut) {
            return false;
        }
        /* It may have been sent before there was anything to hang it on. */
        f->cut = t->lists[0] == NULL; /* the lists of all tell, too */
    }
    return f->list < TYPE_LISTS && t->lists[f->list] != NULL;
}

static bool is_it(struct find *f, const struct dr_json *record)
{
    struct row_case c = {.type = f->it->type, .dst = f->it->route.dst};

    c.load = item_load(f->l, f->it);
    return row_matches(&c, record, f->l->scratch) == ROW_SAME;
}

/* Nothing of ours is on it: it is noted, and the list read to its end. */
static void note_alike(struct find *f, const struct dr_json *record)
{
    if (claimed(f->l, f->it, row_id(record))) {
        return;
    }
    if (f->alike++ == 0) {
        f->like = dr_xstrndup(record->raw);
        f->like_place = f->place;
    }
}

/* The only one of its kind that nobody else claims is ours. */
static void end_alike(struct find *f)
{
    const struct dr_json *record = NULL;

    if (f->alike == 1) {
        record = dr_json_parse(f->l->scratch, dr_str_z(f->like), NULL, NULL);
        place_found(f->it, place_of(f, f->like_place), f->wanted, record);
    }
    end(f,
        record                   ? FIND_OURS
        : f->cut || f->alike > 0 ? FIND_UNKNOWN
                                 : FIND_NOTHING,
        record);
}

static void got_list(struct find *f, const struct dr_json *doc)
{
    const struct type *t = f->it->type;
    const struct dr_json *rows = dr_json_get(doc, type_plural(t));
    int64_t pages =
        dr_json_get_i64(dr_json_get(doc, "meta"), "total_pages", -1);
    bool more = false;

    DR_JSON_EACH(r, rows)
    {
        const struct dr_json *whole = row_whole(t, doc, r, f->l->scratch);
        bool same = whole && is_it(f, whole);
        if (same && t->ident == IDENT_CONTENT && !f->it->route.dst) {
            note_alike(f, whole);
        } else if (same) {
            place_found(f->it, place_of(f, f->place), f->wanted, whole);
            end(f, FIND_OURS, whole);
            return;
        }
    }
    f->cut |= rows == NULL; /* the parent is gone: its list says nothing */
    if (rows && (pages < 0 ? rows->count > 0 : f->page < pages)) {
        f->cut |= f->page == PAGES_MAX;
        more = f->page < PAGES_MAX;
    }
    if (more) {
        f->page++;
    } else if (!next_list(f)) {
        f->stage = STAGE_END;
    }
    step(f);
}

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct find *f = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    enum outcome o = answer_outcome(ans, doc != NULL);
    bool refused = o == OUT_REFUSED || o == OUT_AMBIGUOUS;

    look_heard(f->it, ans);
    if (f->it->dead || (o != OUT_SUCCESS && !refused)) {
        end(f, FIND_FAILED, NULL);
        return;
    }
    switch (f->stage) {
    case STAGE_ID:
        got_record(f, refused ? NULL : doc, ans->status == 404);
        break;
    case STAGE_LOOKUP:
    case STAGE_FILTER:
    case STAGE_IDENT:
        got_rows(f, refused ? NULL : doc);
        break;
    case STAGE_SEARCH:
        got_search(f, refused ? NULL : doc);
        break;
    case STAGE_LIST:
        if (!refused && !dr_json_get(doc, type_plural(f->it->type))) {
            end(f, FIND_FAILED, NULL); /* another question's answer */
        } else {
            got_list(f, refused ? NULL : doc);
        }
        break;
    case STAGE_END:
        break;
    }
}

/* ---- questions ---- */

static void ask(struct find *f, const char *method, struct dr_buf *path,
                const struct dr_buf *body)
{
    struct call *c =
        call_new(f->l, f->it->lp->lane, method, dr_buf_view(path), answered, f);

    if (body) {
        dr_buf_add(&c->body, body->p, body->n);
    }
    call_queue(f->l, c, true);
}

static void ask_lookup(struct find *f, struct dr_str value, const char *field)
{
    struct dr_buf p;

    dr_buf_init(&p, 8192);
    dr_buf_z(&p, "/lookup?q=");
    dr_buf_urlenc(&p, value);
    dr_buf_printf(&p, "&f=%s&entities=%s", field, f->it->type->entity);
    ask(f, "GET", &p, NULL);
    dr_buf_done(&p);
}

static void ask_filter(struct find *f)
{
    struct dr_buf p, body;
    struct dr_json_w w;

    dr_buf_init(&p, 256);
    dr_buf_init(&body, 8192);
    dr_buf_printf(&p, "/filtered_search/%s?per_page=25", f->it->type->entity);
    dr_json_w_init(&w, &body);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "filter_rule");
    dr_json_w_arr(&w);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "attribute", source_field(f->it->type));
    dr_json_w_kvz(&w, "operator", "is_in");
    dr_json_w_kv(&w, "value", key_id(f->it->key));
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    ask(f, "POST", &p, &body);
    dr_buf_done(&p);
    dr_buf_done(&body);
}

static void ask_list(struct find *f)
{
    const struct type *t = f->it->type;
    const char *at = place_of(f, f->place);
    struct dr_buf p;

    dr_buf_init(&p, 1024);
    if (at) {
        dr_buf_printf(&p, "%s/%s?page=%lld&per_page=100", at, t->sub,
                      (long long)f->page);
    } else {
        dr_buf_printf(&p, "%s&page=%lld&per_page=100", t->lists[f->list],
                      (long long)f->page);
    }
    ask(f, "GET", &p, NULL);
    dr_buf_done(&p);
}

static void ask_ident(struct find *f)
{
    const struct dr_load *load = item_load(f->l, f->it);

    if (load->ident.n == 0) {
        nothing(f);
        return;
    }
    ask_lookup(f, load->ident, ident_field(load));
}

static void ask_record(struct find *f)
{
    struct dr_buf p;

    dr_buf_init(&p, 1024);
    record_path(f->it->type, f->id, &p);
    ask(f, "GET", &p, NULL);
    dr_buf_done(&p);
}

static bool absent_is_unknown(const struct find *f)
{
    const struct type *t = f->it->type;

    if (f->it->route.dst == 0 &&
        (t->ident == IDENT_CODE || (t->entity && !f->searched))) {
        return true;
    }
    return f->cut;
}

static void step(struct find *f)
{
    struct dr_buf p;

    switch (f->stage) {
    case STAGE_ID:
        ask_record(f);
        break;
    case STAGE_LOOKUP:
        ask_lookup(f, key_id(f->it->key), source_field(f->it->type));
        break;
    case STAGE_FILTER:
        ask_filter(f);
        break;
    case STAGE_IDENT:
        ask_ident(f);
        break;
    case STAGE_SEARCH:
        dr_buf_init(&p, 8192);
        dr_buf_z(&p, "/search?q=");
        dr_buf_urlenc(&p, key_id(f->it->key));
        dr_buf_z(&p, "&include=product&per_page=25");
        ask(f, "GET", &p, NULL);
        dr_buf_done(&p);
        break;
    case STAGE_LIST:
        ask_list(f);
        break;
    case STAGE_END:
        if (f->it->type->ident == IDENT_CONTENT) {
            end_alike(f);
            return;
        }
        /* No search reaches products, and a list that was cut may hold it:
         * absence is not knowledge (23.4/8). */
        end(f, absent_is_unknown(f) ? FIND_UNKNOWN : FIND_NOTHING, NULL);
        break;
    }
}

/* -1: the id map is away. What stands there hangs where it was left, where an
 * attempt has put it, or where its parent has become another record. */
static int find_places(struct find *f)
{
    struct item *it = f->it;
    const struct dr_load *load;
    struct links links;

    if (item_links(f->l, it, &load, &links)) {
        return -1;
    }
    place_wanted(load, &links, f->wanted);
    if (it->route.dst) {
        may_be_below(f, it->fact.place);
    } else if (place_of_person(f->l, it, load, f->contact)) {
        return -1;
    }
    may_be_below(f, it->place);
    if (strncmp(it->place, "/leads/", 7) == 0) {
        may_be_below(f, f->contact);
    }
    /* Nothing tells a file from somebody's of that name but where it was put,
     * and it moves nowhere. */
    if (it->type->ident != IDENT_CONTENT || f->place_count == 0) {
        may_be_below(f, f->wanted);
    }
    return 0;
}

/* In its parent's list, or in the lists of all. */
static void begin_list(struct find *f)
{
    if (find_places(f) || (f->it->type->ident == IDENT_CONTENT &&
                           (!turn_enter(f->l, f->it) || !claims_read(f->l)))) {
        end(f, FIND_FAILED, NULL);
        return;
    }
    f->stage = STAGE_LIST;
    if (f->place_count == 0 && f->it->type->lists[0] == NULL) {
        f->cut = true; /* no list holds it */
        f->stage = STAGE_END;
    }
    step(f);
}

static struct find *begin(struct loader *l, struct item *it, find_fn *then)
{
    struct find *f = dr_xcalloc(1, sizeof(*f));

    f->l = l;
    f->it = it;
    f->then = then;
    f->page = 1;
    it->look_status = 0;
    it->strayed = false;
    it->pins++;
    l->looking++;
    return f;
}

void find_holder(struct loader *l, struct item *it, find_fn *then)
{
    struct find *f = begin(l, it, then);

    f->holder = true;
    f->stage = STAGE_IDENT;
    step(f);
}

static void start(struct find *f)
{
    struct item *it = f->it;

    if (it->route.dst && !it->type->unlisted) {
        by_id(f, it->route.dst, STAGE_END);
        return;
    }
    switch (it->type->ident) {
    case IDENT_EXTERNAL:
    case IDENT_CF:
        f->stage = it->type->module ? STAGE_FILTER : STAGE_LOOKUP;
        break;
    case IDENT_CODE:
        f->stage = STAGE_SEARCH;
        break;
    case IDENT_MARKER:
    case IDENT_CONTENT:
        begin_list(f);
        return;
    }
    step(f);
}

void find_item(struct loader *l, struct item *it, bool who, find_fn *then)
{
    struct find *f = begin(l, it, then);

    f->who = who;
    start(f);
}

void find_listed(struct loader *l, struct item *it, find_fn *then)
{
    struct find *f = begin(l, it, then);

    f->flying = true;
    start(f);
}
