/*
 * The target refuses a record and may mean its name or address: who has it, and
 * what follows. It is then written once more in its other form, an account
 * under the name that the plan gives it, a contact without the address: two
 * people are never made one without a word.
 */
#include "loader.h"

#include <drover/ledger/ledger.h>
#include <drover/plan/plan.h>

/* What ours is merged into was somebody's before, and keeps its name. */
static const struct dr_other *other_of(struct loader *l, struct item *it)
{
    return it->other || it->route.merge ? NULL : dr_other_of(item_load(l, it));
}

/* Nobody is seen to have it, and its other form is a way out all the same: what
 * has it lies in the recycle bin. */
static bool has_unseen(struct loader *l, struct item *it)
{
    const struct dr_other *o = other_of(l, it);

    return o && (o->unseen || it->said_taken);
}

/* It stands there so: that its own form is refused once more, for whatever
 * reason, takes nothing from it. */
static bool stands_in_other(struct loader *l, struct item *it)
{
    struct dr_str done = {(const char *)it->fact.content_hash,
                          sizeof(it->fact.content_hash)};

    return it->fact.state == DR_FACT_DONE &&
           dr_content_is_other_form(done, item_load(l, it)->content_hash);
}

bool taken_begins(const struct item *it, const struct dr_load *load)
{
    return load->other_first &&
           (it->fact.dst == 0 || it->fact.state == DR_FACT_DELETED);
}

void taken_is(struct item *it)
{
    it->other = true;
    it->load = NULL; /* it is read with the other name from here on */
}

const struct dr_load *taken_load(struct loader *l, const struct dr_load *load)
{
    struct dr_load *out = dr_arena_alloc(l->scratch, sizeof(*out));

    DR_ASSERT(out);
    if (dr_other_form(load, l->scratch, out)) {
        dr_die(DR_EXIT_INVARIANT, "taken", "the arena is used up");
    }
    return out;
}

/* The INTENT of what follows says that it is the other form (STEP_OTHER): who
 * finds the record after a kill compares it with that. */
bool taken_other(struct loader *l, struct item *it)
{
    const struct dr_other *o = other_of(l, it);

    if (!o) {
        return false;
    }
    taken_is(it);
    it->alone = true;
    item_retry(l, it, o->class, 400);
    return true;
}

bool taken_tried_alone(struct loader *l, struct item *it)
{
    if (!it->job_done || it->alone || !it->route.dst || !other_of(l, it)) {
        return false;
    }
    it->alone = true;
    item_retry(l, it, "job_failed", 0);
    return true;
}

/* ---- refusals ---- */

static void refuse_held(struct loader *l, struct item *it,
                        const struct dr_json *holder)
{
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_buf_z(&b, it->why ? it->why : "the name or e-mail is taken");
    if (row_id(holder)) {
        dr_buf_z(&b, ": the record ");
        dr_buf_u64(&b, row_id(holder));
        dr_buf_printf(&b, " of the %s in Freshsales has it", it->type->name);
    }
    item_refuse(l, it, "duplicate", 400,
                "change the name or e-mail of one of the two, at the source "
                "or in Freshsales, or let the plan merge this record into "
                "that one; then redrive",
                true, dr_buf_view(&b));
    dr_buf_done(&b);
}

/* No search shows what lies in the recycle bin. */
static void refuse_unheld(struct loader *l, struct item *it)
{
    struct dr_str why = it->why ? dr_str_z(it->why) : DR_STR_LIT("refused");

    if (alike_refuse(l, it)) {
        return;
    }
    if (item_load(l, it)->ident.n == 0) {
        item_refuse_value(l, it, 400, why);
        return;
    }
    item_refuse(l, it, "refused", 400,
                "change the value in the source, or the rule in the plan, then "
                "redrive; where the name or e-mail is said to be taken and "
                "Freshsales shows no record with it, that record lies in its "
                "recycle bin: restore it, or delete it there for good, then "
                "redrive",
                true, why);
}

/* ---- what a look-up says ---- */

void taken_held(struct loader *l, struct item *it, const struct dr_json *holder)
{
    if (!taken_other(l, it)) {
        refuse_held(l, it, holder);
    }
}

void taken_create(struct loader *l, struct item *it, enum find_state s,
                  const struct dr_json *record)
{
    switch (s) {
    case FIND_OURS:
        item_landed(l, it, row_id(record), DR_LANDED_LOOKUP, DR_DONE_DISCOVERED,
                    record->raw);
        break;
    case FIND_OTHER:
        taken_held(l, it, record);
        break;
    case FIND_NOTHING:
        /* In the recycle bin, or our own earlier one that the index does not
         * show yet: the quarantine tells (5 step 3). */
        if (has_unseen(l, it)) {
            item_unsettled(l, it, false);
        } else {
            refuse_unheld(l, it);
        }
        break;
    case FIND_UNKNOWN:
        refuse_unheld(l, it);
        break;
    case FIND_FAILED:
        item_unsettled(l, it, !has_unseen(l, it));
        break;
    }
}

bool taken_by_nobody(struct loader *l, struct item *it)
{
    return it->why && it->route.way == WAY_CREATE && has_unseen(l, it) &&
           taken_other(l, it);
}

static void looked(struct loader *l, struct item *it, enum find_state s,
                   const struct dr_json *holder)
{
    switch (s) {
    case FIND_OTHER:
        taken_held(l, it, holder);
        break;
    case FIND_NOTHING:
        /* In the recycle bin, where the target says so: our record stands under
         * its name, and another reason to refuse is none to rename it. */
        if ((!it->said_taken && !stands_in_other(l, it)) ||
            !taken_other(l, it)) {
            refuse_unheld(l, it);
        }
        break;
    case FIND_OURS: /* it is not the name */
    case FIND_UNKNOWN:
        if (!stands_in_other(l, it) || !taken_other(l, it)) {
            refuse_unheld(l, it);
        }
        break;
    case FIND_FAILED:
        item_unsettled(l, it, true);
        break;
    }
}

bool taken_ask(struct loader *l, struct item *it, int status,
               const struct dr_json *doc)
{
    if (item_load(l, it)->op == DR_LOAD_PATCH) {
        item_keep_why(it, status, doc);
        return circle_ask(l, it);
    }
    if (!it->type->unique ||
        (it->route.way != WAY_CREATE && it->route.way != WAY_UPDATE)) {
        return false;
    }
    item_keep_why(it, status, doc);
    it->said_taken =
        answer_taken(doc, it->type->ident == IDENT_EXTERNAL ? "email" : "name");
    it->said_alike =
        it->type->ident == IDENT_EXTERNAL && answer_taken(doc, "external_id");
    item_move(it, &it->lp->lane->work, ITEM_LOOK);
    if (it->route.way == WAY_CREATE) {
        find_item(l, it, true, taken_create);
    } else {
        find_holder(l, it, looked);
    }
    return true;
}
