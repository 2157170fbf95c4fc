#include "held.h"

#define HOPS_MAX 100 /* levels of a hierarchy that are looked through */

static bool by_another(struct auditor *au, const struct dr_load *load)
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

/* 0: it has none, or was never seen. */
static uint64_t parent_of(struct auditor *au, uint64_t account)
{
    struct dr_str texts[JUDGE_BODIES];
    size_t n =
        books_get_landed(au->books, DR_STR_LIT("sales_accounts"), account,
                         DR_STR_LIT("link"), au->arena, texts, JUDGE_BODIES);
    int64_t up = 0;

    for (size_t i = 0; i < n; i++) {
        const struct dr_json *j =
            dr_json_get(dr_json_parse(au->arena, texts[i], NULL, NULL),
                        "parent_sales_account_id");
        if (j) {
            return dr_json_i64(j, &up) == 0 && up > 0 ? (uint64_t)up : 0;
        }
    }
    return 0;
}

/* It stands above the parent that it shall have. */
static bool by_circle(struct auditor *au, const struct dr_load *load,
                      const struct judge_load *l)
{
    uint64_t self = 0, at = 0;

    for (size_t i = 0; i < load->ref_count; i++) {
        *(dr_str_eqz(load->refs[i].field, "self") ? &self : &at) = l->refs[i];
    }
    for (int i = 0; i < HOPS_MAX && at && at != self; i++) {
        at = parent_of(au, at);
    }
    return at && at == self;
}

bool held(struct auditor *au, const struct dr_load *load,
          const struct judge_load *l)
{
    return load->op == DR_LOAD_PATCH ? by_circle(au, load, l)
                                     : by_another(au, load);
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
