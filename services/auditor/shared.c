#include "shared.h"

/* By the ledger's word alone, whatever the records are judged to be. */
#define STANDS                                   \
    "dst>0 AND deleted NOT IN (1,2,4) AND lane " \
    "NOT IN ('link','deal_product')"
#define SHARED                                                              \
    "SELECT type, dst FROM fact WHERE " STANDS                              \
    " GROUP BY type, dst HAVING count(*)>1 AND" /* of those that are merged \
                                                   none is written over */  \
    " sum(origin=3)<count(*)"

static const char cure[] =
    "where they are one, merge them at the source; else one was written over: "
    "`drover find ID` shows what each of them should hold, add the one that is "
    "not there in Freshsales by hand";

int64_t shared_count(struct auditor *au)
{
    return db_one(
        db_query(books_db(au->books), "SELECT count(*) FROM (" SHARED ")"));
}

static void close_one(struct dr_json_w *w)
{
    dr_json_w_end(w);
    dr_json_w_kvz(w, "cure", cure);
    dr_json_w_end(w);
}

void shared_write(struct auditor *au, struct dr_json_w *w, struct spool *out)
{
    struct query *q =
        db_query(books_db(au->books),
                 "SELECT f.type, f.dst, f.key FROM (" SHARED ") s JOIN fact f"
                 " ON f.type=s.type AND f.dst=s.dst WHERE f." STANDS
                 " ORDER BY f.type, f.dst, f.key");
    struct dr_buf type;
    int64_t dst = 0;

    dr_buf_init(&type, 1024);
    dr_json_w_key(w, "shared");
    dr_json_w_arr(w);
    while (db_step(q)) {
        struct dr_str id = db_col(q, 2), object = dr_str_split(&id, ':');
        if (dst != db_col_int(q, 1) ||
            !dr_str_eq(dr_buf_view(&type), db_col(q, 0))) {
            if (dst) {
                close_one(w);
            }
            dst = db_col_int(q, 1);
            dr_buf_reset(&type);
            dr_buf_str(&type, db_col(q, 0));
            dr_json_w_obj(w);
            dr_json_w_kv(w, "type", db_col(q, 0));
            dr_json_w_kvi(w, "target_id", dst);
            dr_json_w_key(w, "records");
            dr_json_w_arr(w);
        }
        dr_json_w_obj(w);
        dr_json_w_kv(w, "object", object);
        dr_json_w_kv(w, "id", id);
        dr_json_w_end(w);
        spool_flow(out);
    }
    if (dst) {
        close_one(w);
    }
    dr_json_w_end(w);
    dr_buf_done(&type);
}
