#include "relink.h"

#include <drover/base/log.h>

#include "lacking.h"

#define OPERATION "links"

/* Once after each freeze: what it could not mend a second one would not; and
 * after deletions that were let through since, for what hung on them. A
 * decision for a pass that `control` does not have yet is one that was cut
 * short between the two: the pass never began. */
static bool tried(struct auditor *au)
{
    struct query *q = db_query(
        books_db(au->books),
        "SELECT count(*) FROM decision WHERE operation='" OPERATION "' AND "
        "pass <= ?1 AND "
        "seq > (SELECT max(seq) FROM decision WHERE operation='freeze'"
        " OR operation LIKE 'removals:%')");

    db_int(q, 1, au->state.pass);
    return au->relinked || db_one(q) > 0;
}

static void start(struct auditor *au, int64_t n)
{
    dr_log(DR_LOG_INFO, "auditor.links",
           "%lld records can be written with more links than they have: a "
           "pass begins, in which the others are skipped",
           (long long)n);
    au->relinked = true;
    gate_take(&au->state, STEP_REDRIVE, NULL);
    lead_publish(au, OPERATION, DR_STR_LIT("drover"));
    lead_take(au);
    watch_anew(au);
    books_dirty_all(au->books);
}

void relink_anew(struct auditor *au)
{
    if (au->state.phase == PHASE_FREEZE) {
        au->relinked = false;
        au->lacking_pass = 0;
        au->evidence.links_open = true;
    }
}

void relink(struct auditor *au)
{
    struct evidence *e = &au->evidence;
    int64_t n;

    if (au->state.phase != PHASE_FREEZE) {
        au->relinked = e->links_open = false;
        au->lacking_pass = 0;
        return;
    }
    e->links_open = !tried(au);
    if (!e->links_open || !e->frozen || !e->drained || e->pending > 0) {
        return;
    }
    if (au->lacking_pass != au->state.pass) {
        /* Nobody tells a record what becomes of those it is linked with. */
        au->lacking_pass = au->state.pass;
        e->pending = books_dirty_lacking(au->books);
        return;
    }
    n = books_lacking(au->books, LACKS_ONCE);
    if (n > 0) {
        start(au, n);
    }
    e->links_open = n > 0;
}
