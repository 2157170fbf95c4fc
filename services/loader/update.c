/* Before a record that stands in the target is written: it is read, and what
 * it was goes to the ledger (5 step 4). */
#include "loader.h"

#include <string.h>

#include <drover/base/log.h>

void update_opts(struct loader *l, const struct item *it,
                 const struct dr_load *load, const struct dr_json *record,
                 struct body_opts *out)
{
    const struct dr_json *contacts = dr_json_get(record, "contacts");

    *out = (struct body_opts){.before = record,
                              .tags = edits_tags(l, it, record),
                              .kept = it->kept,
                              .kept_links = it->kept_links,
                              .ended_links = it->ended_links,
                              .custom = dr_json_get(record, "custom_field")};
    if (it->route.merge) {
        out->beside = linked_beside(record, edits_left(it), l->scratch);
    } else if (load->op == DR_LOAD_WRITE && dr_str_eqz(load->type, "deals")) {
        /* Fields that another record becomes say nothing of its contacts. */
        out->linked = contacts ? contacts : dr_json_get(record, "contact_ids");
    }
}

/* Nothing of it is in the way: it hangs on a lead that is a contact now, and
 * no list shows it any more. What it holds is not known; so it is only moved,
 * unless its content has changed at the source. */
static bool left_behind(struct loader *l, struct item *it)
{
    struct body_opts o = {0};
    const struct dr_load *load;
    struct links links;
    struct dr_buf b;

    if (it->route.way != WAY_UPDATE || it->type->fixed ||
        strncmp(it->fact.place, "/leads/", 7) != 0 ||
        strncmp(it->place, "/leads/", 7) == 0 ||
        item_links(l, it, &load, &links)) {
        return false;
    }
    edits_forget(it);
    if (dr_content_of((struct dr_str){(const char *)it->fact.content_hash, 32},
                      load->content_hash, NULL) != DR_CONTENT_OTHER) {
        it->kept = dr_xcalloc(load->field_count + 1, 1);
        memset(it->kept, 1, load->field_count);
    }
    o.kept = it->kept;
    place_set(it, load, &links);
    dr_buf_init(&b, (size_t)4 << 20);
    body_single(it->type, load, &links, &o, &b);
    DR_ASSERT(!b.over);
    item_body(it, &b);
    dr_buf_done(&b);
    return true;
}

/* 0; 1: it was refused; -1: the id map is away, the record waits for it. */
static int build(struct loader *l, struct item *it,
                 const struct dr_json *record)
{
    const struct dr_load *load;
    struct links links;
    struct body_opts o;
    struct dr_buf b;

    if (it->route.way == WAY_LINES) {
        return amount_find(l, it, record);
    }
    if (item_links(l, it, &load, &links)) {
        return -1;
    }
    if (it->route.way != WAY_FOLD || fold_is_here(it)) {
        if (edits_find(l, it, load, &links, record)) {
            return -1;
        }
        if (hidden_loses(l, it, load, record)) {
            hidden_refuse(l, it, load);
            return 1;
        }
    } else {
        edits_forget(it);
        if (fold_refused(l, it, load, record)) {
            return 1;
        }
    }
    update_opts(l, it, load, record, &o);
    if ((it->kept_links & 1u << LINKED_TARGET) == 0) {
        place_set(it, load, &links);
    }
    dr_buf_init(&b, (size_t)4 << 20);
    body_single(it->type, load, &links, &o, &b);
    DR_ASSERT(!b.over);
    item_body(it, &b);
    dr_buf_done(&b);
    return 0;
}

static void go_on(struct loader *l, struct item *it,
                  const struct dr_json *record)
{
    int rc = own_active(&it->lp->own) ? build(l, it, record) : -1;

    if (rc != 0) {
        if (rc < 0) {
            item_again(it);
        }
        return;
    }
    if (it->same) { /* as it shall be, but for what people changed */
        item_landed(l, it, it->route.dst, DR_LANDED_LOOKUP, DR_DONE_DISCOVERED,
                    record->raw);
        return;
    }
    if (it->route.way == WAY_LINES) {
        amount_ahead(l, it, record);
    }
    if (it->route.preimage) {
        ledger_preimage(l, it, it->route.dst, record->raw);
    }
    it->lp->lane->in_flight++;
    single_write(l, it, "PUT");
}

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *record = row_record(it->type, doc, l->scratch);
    enum outcome o = answer_outcome(ans, record != NULL);

    if (!it->dead && !single_failed(l, it, o, ans, doc)) {
        if (row_deleted(record)) {
            item_lost(l, it);
        } else if (row_id(record) != it->route.dst) {
            single_unread(l, it, ans->status); /* another record's answer */
        } else {
            go_on(l, it, record);
        }
    }
    it->lp->lane->in_flight--;
    item_unpin(it);
}

/* Its parent's list does not show it. */
static void missed(struct loader *l, struct item *it, enum find_state s)
{
    if (own_active(&it->lp->own) && left_behind(l, it)) {
        it->lp->lane->in_flight++;
        single_write(l, it, "PUT");
    } else if (s == FIND_UNKNOWN) {
        item_refuse(l, it, "gone", 0,
                    "look in the target: the record that it hangs on was "
                    "deleted or holds too many; then redrive",
                    true, DR_STR_LIT("the target does not show it any more"));
    } else {
        item_lost(l, it);
    }
}

/* What cannot be read by its id is read in its parent's list. */
static void listed(struct loader *l, struct item *it, enum find_state s,
                   const struct dr_json *record)
{
    switch (s) {
    case FIND_OURS:
        go_on(l, it, record);
        break;
    case FIND_NOTHING:
    case FIND_OTHER:
    case FIND_UNKNOWN:
        missed(l, it, s);
        break;
    case FIND_FAILED:
        single_unread(l, it, it->look_status);
        break;
    }
}

void update_read(struct loader *l, struct item *it)
{
    single_read(l, it, answered, listed);
}
