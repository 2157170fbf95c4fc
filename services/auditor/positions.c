/* How far the books have read, and who owned a ledger's partition there. */
#include <string.h>

#include "books.h"

static struct query *position(struct books *b, struct dr_str topic,
                              int32_t part)
{
    struct query *q =
        db_query(books_db(b), "SELECT next, epoch, owner, rolled FROM position"
                              " WHERE topic=?1 AND part=?2");

    db_text(q, 1, topic);
    db_int(q, 2, part);
    return q;
}

int64_t books_position(struct books *b, struct dr_str topic, int32_t part)
{
    struct query *q = position(b, topic, part);
    int64_t next = 0;

    if (db_step(q)) {
        next = db_col_int(q, 0);
        db_end(q);
    }
    return next;
}

void books_place(struct books *b, struct dr_str topic, int32_t part,
                 struct dr_fold_place *out)
{
    struct query *q = position(b, topic, part);

    *out = (struct dr_fold_place){.offset = 0};
    if (db_step(q)) {
        struct dr_str nonce = db_col(q, 2);
        out->offset = db_col_int(q, 0);
        out->epoch = (uint64_t)db_col_int(q, 1);
        out->owned = nonce.n == sizeof(out->nonce);
        out->rolled = db_col_int(q, 3) != 0;
        if (out->owned) {
            memcpy(out->nonce, nonce.p, nonce.n);
        }
        db_end(q);
    }
}

void books_set_place(struct books *b, struct dr_str topic, int32_t part,
                     const struct dr_fold_place *at)
{
    struct query *q = db_query(books_db(b), "INSERT OR REPLACE INTO position"
                                            " VALUES(?1,?2,?3,?4,?5,?6)");

    db_text(q, 1, topic);
    db_int(q, 2, part);
    db_int(q, 3, at->offset);
    db_int(q, 4, (int64_t)at->epoch);
    db_blob(q, 5,
            (struct dr_str){(const char *)at->nonce,
                            at->owned ? sizeof(at->nonce) : 0});
    db_int(q, 6, at->rolled);
    db_run(q);
}

void books_set_position(struct books *b, struct dr_str topic, int32_t part,
                        int64_t next)
{
    struct dr_fold_place at = {.offset = next};

    books_set_place(b, topic, part, &at);
}
