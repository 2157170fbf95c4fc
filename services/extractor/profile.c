#include "profile.h"

#include <drover/base/buf.h>

int profile_parse(struct dr_arena *a, struct dr_str text, struct profile *out,
                  struct dr_err *err)
{
    struct dr_json_limits limits = {.max_bytes = PROFILE_MAX};
    struct dr_err why = {0};
    const struct dr_json *root = dr_json_parse(a, text, &limits, &why);

    if (!root) {
        return dr_err_set(err, DR_HALT, 0, "source.profile",
                          "the profile is no JSON: %.180s", why.text);
    }
    if (profile_check_tree(root, err)) {
        return -1;
    }
    *out = (struct profile){
        .root = root,
        .name = dr_json_get_str(root, "profile"),
        .mapped = dr_str_eqz(dr_json_get_str(root, "answers"), "mapped")};
    return 0;
}

const struct dr_json *profile_part(const struct profile *p,
                                   struct dr_str object, const char *part)
{
    const struct dr_json *own =
        dr_json_gets(dr_json_get(p->root, "objects"), object);
    const struct dr_json *j = dr_json_get(own, part);

    return j ? j : dr_json_get(dr_json_get(p->root, "default"), part);
}

bool profile_has(const struct profile *p, struct dr_str object)
{
    return !p->mapped || dr_json_gets(dr_json_get(p->root, "objects"), object);
}

struct dr_str profile_remote(const struct profile *p, struct dr_str object)
{
    struct dr_str remote = dr_json_str(profile_part(p, object, "remote"));

    return remote.n > 0 ? remote : object;
}

const struct dr_json *profile_call(const struct profile *p, const char *name)
{
    return dr_json_get(dr_json_get(p->root, "calls"), name);
}

const struct dr_json *profile_values(const struct profile *p, const char *key)
{
    return dr_json_get(dr_json_get(p->root, "values"), key);
}

/* The largest value that an assumption states for any object. */
static int64_t largest(const struct profile *p, const char *assumption,
                       const char *key, int64_t otherwise)
{
    const struct dr_json *d =
        dr_json_get(dr_json_get(p->root, "default"), "assumptions");
    int64_t most = dr_json_get_i64(dr_json_get(d, assumption), key, -1);

    DR_JSON_EACH(o, dr_json_get(p->root, "objects"))
    {
        const struct dr_json *own = dr_json_get(o, "assumptions");
        int64_t v = dr_json_get_i64(dr_json_get(own, assumption), key, -1);
        most = v > most ? v : most;
    }
    return most < 0 ? otherwise : most;
}

int64_t profile_lag_s(const struct profile *p)
{
    return largest(p, "A4", "lag_s", PROFILE_LAG_S);
}

int64_t profile_granularity_ms(const struct profile *p)
{
    return largest(p, "A3", "granularity_ms", 1000);
}

enum profile_do profile_do(const struct profile *p, int status,
                           struct dr_str code)
{
    static const char *const words[] = {
        [PROFILE_UNSAID] = "",     [PROFILE_RETRY] = "retry",
        [PROFILE_WAIT] = "wait",   [PROFILE_SKIP] = "skip",
        [PROFILE_MERGE] = "merge", [PROFILE_ISOLATE] = "isolate",
        [PROFILE_SPLIT] = "split", [PROFILE_STOP] = "stop",
    };

    DR_JSON_EACH(r, dr_json_get(dr_json_get(p->root, "errors"), "rules"))
    {
        const struct dr_json *only = dr_json_get(r, "code");
        struct dr_str what = dr_json_get_str(r, "do");
        if (dr_json_get_i64(r, "status", 0) != status ||
            (only && !dr_str_eq(only->text, code))) {
            continue;
        }
        for (size_t i = 1; i < DR_ARRAY_LEN(words); i++) {
            if (dr_str_eqz(what, words[i])) {
                return (enum profile_do)i;
            }
        }
    }
    return PROFILE_UNSAID;
}

struct dr_str profile_error_pointer(const struct profile *p, const char *what)
{
    return dr_json_get_str(dr_json_get(p->root, "errors"), what);
}
