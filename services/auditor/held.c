#include "held.h"

bool held_by_another(struct auditor *au, const struct dr_load *load)
{
    struct query *q =
        db_query(books_db(au->books),
                 "SELECT count(*) FROM held WHERE word=?1 AND type=?2"
                 " AND NOT (object=?3 AND id=?4)");

    db_text(q, 1, dr_str_trim(dr_other_own(load)));
    db_text(q, 2, load->type);
    db_text(q, 3, load->object);
    db_text(q, 4, load->id);
    return db_one(q) > 0;
}

static struct dr_str seen(const struct judge_load *l, struct dr_str type)
{
    struct dr_str word = {"", 0};

    for (size_t i = 0; i < l->body_count && word.n == 0; i++) {
        word = dr_other_seen(type, l->bodies[i]);
    }
    return dr_str_trim(word);
}

void held_note(struct auditor *au, const struct judge_case *c)
{
    struct dr_str type = {"", 0}, word = {"", 0};
    struct query *q;

    if (!dr_str_eqz(c->rec->object, "contact") &&
        !dr_str_eqz(c->rec->object, "company")) {
        return;
    }
    if (c->out && c->out->load_count > 0 && c->loads[0].dst && !c->lost) {
        type = c->out->loads[0].type;
        word = seen(&c->loads[0], type);
    }
    q = db_query(books_db(au->books),
                 word.n > 0 ? "INSERT OR REPLACE INTO held VALUES(?1,?2,?3,?4)"
                            : "DELETE FROM held WHERE object=?1 AND id=?2");
    db_text(q, 1, c->rec->object);
    db_text(q, 2, c->rec->id);
    if (word.n > 0) {
        db_text(q, 3, type);
        db_text(q, 4, word);
    }
    db_run(q);
}
