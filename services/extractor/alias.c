#include "alias.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/map.h>

struct answer {
    enum { ANSWER_MERGED, ANSWER_GONE, ANSWER_THERE } is;
    bool told;      /* by another record, and nothing more of it is known */
    unsigned round; /* of ANSWER_THERE */
    size_t n;
    char into[];
};

struct aliases {
    struct dr_map *answers; /* "<type>:<id>" -> struct answer */
    struct dr_map *left;    /* keys of what is left           */
    size_t merged;
    unsigned round;
    bool there; /* some answer of this round says so */
};

struct aliases *aliases_new(void)
{
    struct aliases *a = dr_xcalloc(1, sizeof(*a));

    a->answers = dr_map_new(free);
    a->left = dr_map_new(NULL);
    return a;
}

void aliases_free(struct aliases *a)
{
    if (a) {
        dr_map_free(a->answers);
        dr_map_free(a->left);
        free(a);
    }
}

bool aliases_full(const struct aliases *a)
{
    return dr_map_count(a->answers) - a->merged >= ALIASES_MAX;
}

bool aliases_any(const struct aliases *a)
{
    return dr_map_count(a->left) > 0;
}

size_t aliases_merged_count(const struct aliases *a)
{
    return a->merged;
}

struct dr_str alias_key(struct dr_buf *b, struct dr_str type, struct dr_str id)
{
    dr_buf_init(b, 512);
    dr_buf_printf(b, DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(type),
                  DR_STR_ARG(id));
    return dr_buf_view(b);
}

static const struct answer *answer_of(const struct aliases *a,
                                      struct dr_str type, struct dr_str id)
{
    struct dr_buf b;
    const struct answer *found =
        dr_map_get(a->answers, alias_key(&b, type, id));

    dr_buf_done(&b);
    return found && found->is == ANSWER_THERE && found->round != a->round
               ? NULL
               : found;
}

static void put(struct aliases *a, struct dr_str type, struct dr_str id,
                const struct answer *like, struct dr_str into)
{
    struct dr_buf b;
    struct dr_str key = alias_key(&b, type, id);
    const struct answer *had = dr_map_get(a->answers, key);
    bool was_merged = had && had->is == ANSWER_MERGED;
    bool room = like->is == ANSWER_MERGED
                    ? was_merged || a->merged < ALIASES_MAX
                    : had || !aliases_full(a);
    struct answer *one;

    if (room) {
        a->merged -= was_merged;
        a->merged += like->is == ANSWER_MERGED;
        one = dr_xmalloc(sizeof(*one) + into.n);
        *one = *like;
        one->n = into.n;
        if (into.n > 0) {
            memcpy(one->into, into.p, into.n);
        }
        dr_map_put(a->answers, key, one);
    }
    dr_buf_done(&b);
}

static bool merged(struct aliases *a, struct dr_str type, struct dr_str id,
                   struct dr_str into, bool told)
{
    struct dr_buf b;
    const struct answer *had = dr_map_get(a->answers, alias_key(&b, type, id));
    bool known = had && had->is == ANSWER_MERGED;
    bool same = known && dr_str_eq((struct dr_str){had->into, had->n}, into);

    dr_buf_done(&b);
    if (known ? told > had->told || (same && told == had->told)
              : a->merged >= ALIASES_MAX) {
        return false;
    }
    put(a, type, id, &(struct answer){.is = ANSWER_MERGED, .told = told}, into);
    dr_map_put(a->left, alias_key(&b, type, into), a);
    dr_buf_done(&b);
    return !same;
}

bool aliases_merged(struct aliases *a, struct dr_str type, struct dr_str id,
                    struct dr_str into)
{
    return merged(a, type, id, into, false);
}

bool aliases_told(struct aliases *a, struct dr_str type, struct dr_str id,
                  struct dr_str into)
{
    return merged(a, type, id, into, true);
}

void aliases_lived(struct aliases *a, struct dr_str type, struct dr_str id)
{
    struct dr_buf b;
    struct dr_str key = alias_key(&b, type, id);
    const struct answer *had = dr_map_get(a->answers, key);

    if (had && had->is == ANSWER_MERGED) {
        (void)dr_map_del(a->answers, key);
        a->merged--;
    }
    dr_buf_done(&b);
}

void aliases_gone(struct aliases *a, struct dr_str type, struct dr_str id)
{
    put(a, type, id, &(struct answer){.is = ANSWER_GONE}, (struct dr_str){0});
}

void aliases_there(struct aliases *a, struct dr_str type, struct dr_str id)
{
    a->there = true;
    put(a, type, id, &(struct answer){.is = ANSWER_THERE, .round = a->round},
        (struct dr_str){0});
}

bool aliases_is_merged(const struct aliases *a, struct dr_str type,
                       struct dr_str id)
{
    struct dr_buf b;
    const struct answer *had = dr_map_get(a->answers, alias_key(&b, type, id));

    dr_buf_done(&b);
    return had && had->is == ANSWER_MERGED && !had->told;
}

bool aliases_ask_anew(struct aliases *a)
{
    bool there = a->there;

    a->there = false;
    a->round++;
    return there;
}

bool aliases_concern(const struct aliases *a, struct dr_str type,
                     struct dr_str id)
{
    struct dr_buf b;
    struct dr_str key = alias_key(&b, type, id);
    bool is = aliases_any(a) &&
              (dr_map_has(a->left, key) || dr_map_has(a->answers, key));

    dr_buf_done(&b);
    return is;
}

struct dr_str aliases_follow(const struct aliases *a, struct dr_str type,
                             struct dr_str id, presence_fn *presence,
                             const void *ctx, struct dr_str *ask_out)
{
    const struct dr_str none = {"", 0};
    struct dr_str at = id;

    *ask_out = none;
    for (int hop = 0; hop < ALIAS_HOPS_MAX; hop++) {
        enum presence is = presence(ctx, type, at);
        const struct answer *said =
            is == PRESENCE_LIVES ? NULL : answer_of(a, type, at);

        if (is == PRESENCE_LIVES || (said && said->is == ANSWER_THERE)) {
            return hop > 0 ? at : none;
        }
        if (!said) {
            *ask_out = is == PRESENCE_UNKNOWN && !aliases_full(a) ? at : none;
            return none;
        }
        if (said->is == ANSWER_GONE || (said->told && is == PRESENCE_GONE)) {
            return none;
        }
        at = (struct dr_str){said->into, said->n};
    }
    return none;
}
