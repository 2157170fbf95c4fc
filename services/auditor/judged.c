/* The judged side of the books: terminal states, differences, figures. */
#include "books.h"

static void text_or_null(struct query *q, int at, struct dr_str s)
{
    if (s.n > 0) {
        db_text(q, at, s);
    }
}

void books_record(struct books *b, const struct record_row *r)
{
    struct query *q = db_query(
        books_db(b),
        "INSERT INTO record VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)"
        " ON CONFLICT(object,id) DO UPDATE SET src_object=excluded.src_object,"
        " src_id=excluded.src_id, rev=excluded.rev, version=excluded.version,"
        " state=excluded.state, lane=excluded.lane, type=excluded.type,"
        " target=excluded.target, rule=excluded.rule, reason=excluded.reason"
        " WHERE excluded.rev >= record.rev");

    db_text(q, 1, r->object);
    db_text(q, 2, r->id);
    db_text(q, 3, r->src_object);
    db_text(q, 4, r->src_id);
    db_int(q, 5, (int64_t)r->rev);
    if (r->has_version) {
        db_int(q, 6, (int64_t)r->version);
    }
    if (r->state) {
        db_textz(q, 7, r->state);
    }
    text_or_null(q, 8, r->lane);
    text_or_null(q, 9, r->type);
    if (r->target) {
        db_int(q, 10, (int64_t)r->target);
    }
    text_or_null(q, 11, r->rule);
    text_or_null(q, 12, r->reason);
    db_run(q);
}

void books_lines_gone(struct books *b, struct dr_str deal, uint64_t rev)
{
    struct query *q = db_query(
        books_db(b), "UPDATE record SET state='deleted', type=NULL,"
                     " target=NULL, lane=NULL, rule='source.gone',"
                     " reason='no longer a line of its deal at the source'"
                     " WHERE src_object='line_item' AND src_id=?1"
                     " AND object='line_item' AND rev<?2");

    db_text(q, 1, deal);
    db_int(q, 2, (int64_t)rev);
    db_run(q);
}

void books_clear_diffs(struct books *b, struct dr_str object, struct dr_str id)
{
    struct query *q = db_query(
        books_db(b), "DELETE FROM diff WHERE src_object=?1 AND src_id=?2");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_run(q);
}

void books_diff(struct books *b, const struct diff_row *d)
{
    DR_ASSERT(d->object.n > 0);
    struct query *q = db_query(
        books_db(b), "INSERT INTO diff VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)");

    db_text(q, 1, d->src_object);
    db_text(q, 2, d->src_id);
    db_text(q, 3, d->object);
    db_text(q, 4, d->id);
    db_text(q, 5, d->field);
    db_text(q, 6, d->source);
    db_text(q, 7, d->expected);
    db_text(q, 8, d->actual);
    db_text(q, 9, d->cause);
    db_int(q, 10, d->mismatch);
    db_run(q);
}

void books_verified(struct books *b, struct dr_str object, struct dr_str id,
                    int64_t fields, int64_t mismatches, int lacking)
{
    struct query *q = db_query(
        books_db(b), "INSERT OR REPLACE INTO verified VALUES(?1,?2,?3,?4,?5)");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_int(q, 3, fields);
    db_int(q, 4, mismatches);
    db_int(q, 5, lacking);
    db_run(q);
}

int64_t books_dirty_lacking(struct books *b)
{
    db_exec(books_db(b), "UPDATE source SET dirty=1 WHERE (object, id) IN"
                         " (SELECT object, id FROM verified WHERE lacking>0)");
    /* Whose account was it that was removed? No contact was told. */
    db_exec(books_db(b), "UPDATE source SET dirty=1 WHERE object='contact'"
                         " AND EXISTS(SELECT 1 FROM fact WHERE lane='account'"
                         " AND deleted IN (1,2))");
    return books_dirty_count(b);
}

int64_t books_lacking(struct books *b, int lacking)
{
    struct query *q = db_query(
        books_db(b),
        "SELECT count(*) FROM verified WHERE lacking>0 AND lacking=?1");

    db_int(q, 1, lacking);
    return db_one(q);
}

void books_clean(struct books *b, struct dr_str object, struct dr_str id)
{
    struct query *q = db_query(
        books_db(b), "UPDATE source SET dirty=0 WHERE object=?1 AND id=?2");

    db_text(q, 1, object);
    db_text(q, 2, id);
    db_run(q);
}

/* ---- figures of a type of the target ---- */

static int64_t of_type(struct books *b, const char *sql, struct dr_str type)
{
    struct query *q = db_query(books_db(b), sql);

    db_text(q, 1, type);
    return db_one(q);
}

struct type_counts books_type_counts(struct books *b, struct dr_str type)
{
    return (struct type_counts){
        .before = of_type(
            b, "SELECT count(*) FROM landed WHERE type=?1 AND slot=1", type),
        .created = of_type(
            b,
            "SELECT count(DISTINCT dst) FROM fact WHERE type=?1 AND dst>0"
            " AND origin=1 AND lane NOT IN ('link','deal_product')",
            type),
        .updated = of_type(
            b,
            "SELECT count(DISTINCT dst) FROM fact WHERE type=?1 AND dst>0"
            " AND origin=3 AND lane NOT IN ('link','deal_product')",
            type),
        .gone = of_type(
            b,
            "SELECT count(DISTINCT dst) FROM fact WHERE type=?1 AND dst>0"
            " AND (deleted IN (1,2,4) OR (lane IN ('account','deal')"
            /* by what should have gone into it, as its line says */
            "  AND EXISTS(SELECT 1 FROM record r WHERE r.rule='gone'"
            "   AND r.object=substr(fact.key,1,instr(fact.key,':')-1)"
            "   AND r.id=substr(fact.key,instr(fact.key,':')+1))))",
            type)};
}
