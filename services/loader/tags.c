#include "tags.h"

#include <string.h>

#include "linked.h"

#define EACH_MAX 16 /* of more tags none is committed on its own */
#define WORDS_MAX 256

static const struct dr_str all = {"tags", 4}, each = {"tags+", 5};

bool tags_are(const struct dr_field *f)
{
    return f->kind == DR_VAL_JSON && dr_str_eq(f->name, all);
}

static const struct dr_json *list_of(struct dr_str wanted, struct dr_arena *a)
{
    return dr_json_parse(a, wanted, NULL, NULL);
}

static bool holds(const struct dr_json *list, struct dr_str tag)
{
    DR_JSON_EACH(e, list)
    {
        if (dr_str_eq(dr_json_scalar(e), tag)) {
            return true;
        }
    }
    return false;
}

/* As edits.c tells a list of words. */
static struct dr_str words_of(const struct dr_json *list, struct dr_arena *a)
{
    struct dr_str v[WORDS_MAX];
    size_t n = 0;

    DR_JSON_EACH(e, list)
    {
        struct dr_str word = dr_json_scalar(e);
        if (n == WORDS_MAX || word.n == 0) {
            return list->raw;
        }
        v[n++] = word;
    }
    return linked_words(v, n, a);
}

/* Each of ours stands there on its own. */
static bool known(const struct tags *t)
{
    return dr_committed(t->fields, each);
}

static bool untouched(const struct tags *t, struct dr_arena *a)
{
    return dr_committed_as(t->fields, all, words_of(t->now, a));
}

static bool is_ours(const struct tags *t, struct dr_str tag, bool same)
{
    return known(t) ? dr_committed_as(t->fields, each, tag)
                    : same && !t->merged;
}

bool tags_same(const struct tags *t, struct dr_str wanted, struct dr_arena *a)
{
    const struct dr_json *want = list_of(wanted, a);
    bool same = untouched(t, a);

    DR_JSON_EACH(e, want)
    {
        if (!holds(t->now, dr_json_scalar(e))) {
            return false;
        }
    }
    DR_JSON_EACH(e, t->now)
    {
        if (!holds(want, dr_json_scalar(e)) &&
            is_ours(t, dr_json_scalar(e), same)) {
            return false;
        }
    }
    return true;
}

bool tags_theirs(const struct tags *t, struct dr_str wanted, struct dr_arena *a)
{
    if (!known(t)) {
        return dr_committed(t->fields, all) && !untouched(t, a);
    }
    DR_JSON_EACH(e, list_of(wanted, a))
    {
        struct dr_str tag = dr_json_scalar(e);
        if (dr_committed_as(t->fields, each, tag) && !holds(t->now, tag)) {
            return true;
        }
    }
    return false;
}

void tags_write(struct dr_json_w *w, const struct tags *t, struct dr_str wanted,
                struct dr_arena *a)
{
    const struct dr_json *want = list_of(wanted, a);
    bool same = untouched(t, a);

    dr_json_w_arr(w);
    DR_JSON_EACH(e, want)
    {
        dr_json_w_tree(w, e);
    }
    DR_JSON_EACH(e, t->now)
    {
        if (!holds(want, dr_json_scalar(e)) &&
            !is_ours(t, dr_json_scalar(e), same)) {
            dr_json_w_tree(w, e);
        }
    }
    dr_json_w_end(w);
}

/* All or none: half of them would make people's own of the others. */
static void put_each(struct dr_commits *c, const struct dr_commits *alone)
{
    if (c->n + alone->n <= sizeof(c->bytes)) {
        memcpy(c->bytes + c->n, alone->bytes, alone->n);
        c->n += alone->n;
    }
}

/* One of ours that the target did not take away stays ours. */
void tags_commit(struct dr_commits *c, const struct tags *t,
                 struct dr_str wanted, struct dr_arena *a)
{
    const struct dr_json *want = list_of(wanted, a);
    struct dr_commits alone = {.n = 0};

    dr_commit(c, all, words_of(t->now, a));
    if (want && want->count > EACH_MAX) {
        return;
    }
    dr_commit(&alone, each, (struct dr_str){"", 0});
    DR_JSON_EACH(e, t->now)
    {
        struct dr_str tag = dr_json_scalar(e);
        if (tag.n > 0 &&
            (holds(want, tag) || dr_committed_as(t->fields, each, tag))) {
            dr_commit(&alone, each, tag);
        }
    }
    put_each(c, &alone);
}

void tags_commit_again(struct dr_commits *c, struct dr_str fields)
{
    struct dr_commits alone = {.n = 0};

    dr_commit_again(c, fields, all);
    dr_commit_again(&alone, fields, each);
    put_each(c, &alone);
}
