/* The fault script: the first entry that matches and still has turns acts. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <sim/sim.h>

struct entry {
    struct entry *next;
    char method[16];
    regex_t path;
    bool has_path;
    int64_t skip, times; /* times -1: for ever */
    uint32_t chance;     /* millionths; 0: by turns */
    struct fault fault;
};

struct faults {
    struct entry *first;
    struct dr_rand rand;
};

struct faults *faults_new(uint64_t seed)
{
    struct faults *f = dr_xcalloc(1, sizeof(*f));

    dr_rand_init(&f->rand, seed);
    return f;
}

void faults_clear(struct faults *f)
{
    while (f->first) {
        struct entry *e = f->first;
        f->first = e->next;
        if (e->has_path) {
            regfree(&e->path);
        }
        free(e);
    }
}

static void copy(char *out, size_t n, struct dr_str s)
{
    (void)snprintf(out, n, DR_STR_FMT, DR_STR_ARG(s));
}

uint32_t sim_millionths(struct dr_str s)
{
    uint32_t v = 0, unit = 1000000;
    bool point = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            point = true;
        } else if (s.p[i] >= '0' && s.p[i] <= '9' && unit > 0) {
            if (point) {
                unit /= 10;
            }
            v += (uint32_t)(s.p[i] - '0') * (point ? unit : 1000000);
        }
    }
    return v;
}

static void read_answer(const struct dr_json *a, struct fault *out)
{
    struct dr_str garble = dr_json_get_str(a, "garble");
    size_t n = 0;

    out->previous = dr_str_eqz(dr_json_get_str(a, "wrong_body"), "previous");
    DR_JSON_EACH(f, dr_json_get(a, "drop_fields"))
    {
        if (n < FAULT_FIELDS) {
            copy(out->drop[n++], sizeof(out->drop[0]), dr_json_str(f));
        }
    }
    copy(out->redirect, sizeof(out->redirect), dr_json_get_str(a, "redirect"));
    out->garble = dr_str_eqz(garble, "gzip_bomb")        ? FAULT_GZIP_BOMB
                  : dr_str_eqz(garble, "content_length") ? FAULT_CONTENT_LENGTH
                  : dr_str_eqz(garble, "chunked_no_end") ? FAULT_CHUNKED_NO_END
                  : dr_str_eqz(garble, "endless")        ? FAULT_ENDLESS
                                                         : FAULT_PLAIN;
    copy(out->expire, sizeof(out->expire), dr_json_get_str(a, "expire"));
    copy(out->plan, sizeof(out->plan), dr_json_get_str(a, "plan"));
    out->rate = dr_json_get_i64(a, "bytes_per_s", 0);
    out->lift_from_ms = dr_json_get_i64(dr_json_get(a, "lift"), "from_ms", 0);
    out->lift_until_ms = dr_json_get_i64(dr_json_get(a, "lift"), "until_ms", 0);
}

static void read_action(const struct dr_json *a, struct fault *out)
{
    struct dr_str close = dr_json_get_str(a, "close");

    out->status = (int)dr_json_get_i64(a, "status", 0);
    copy(out->retry_after, sizeof(out->retry_after),
         dr_json_get_str(a, "retry_after"));
    out->html = dr_str_eqz(dr_json_get_str(a, "body"), "html");
    out->close = dr_str_eqz(close, "before")  ? FAULT_BEFORE
                 : dr_str_eqz(close, "mid")   ? FAULT_MID
                 : dr_str_eqz(close, "after") ? FAULT_AFTER
                                              : FAULT_OPEN;
    out->delay_ms = dr_json_get_i64(a, "delay_ms", 0);
    out->no_effect = dr_str_eqz(dr_json_get_str(a, "then"), "none");
    out->truncate = (size_t)dr_json_get_i64(a, "truncate", 0);
    out->late_effect_ms = dr_json_get_i64(a, "late_effect_ms", 0);
    read_answer(a, out);
}

static int read_entry(struct faults *f, struct entry ***end,
                      const struct dr_json *j, struct dr_err *err)
{
    struct entry *e = dr_xcalloc(1, sizeof(*e));
    const struct dr_json *match = dr_json_get(j, "match");
    struct dr_str path = dr_json_get_str(match, "path");
    int64_t nth = dr_json_get_i64(j, "nth", 0);
    char pattern[512];

    (void)f;
    copy(e->fault.name, sizeof(e->fault.name), dr_json_get_str(j, "name"));
    copy(e->method, sizeof(e->method), dr_json_get_str(match, "method"));
    e->skip = nth > 0 ? nth - 1 : dr_json_get_i64(j, "after", 0);
    e->times = dr_json_get_i64(j, "times", 1);
    e->chance = sim_millionths(dr_json_scalar(dr_json_get(j, "chance")));
    read_action(dr_json_get(j, "action"), &e->fault);
    copy(pattern, sizeof(pattern), path);
    if (path.n > 0) {
        if (regcomp(&e->path, pattern, REG_EXTENDED | REG_NOSUB)) {
            free(e);
            return dr_err_set(err, DR_HALT, 0, "faults",
                              "path is not a regular expression");
        }
        e->has_path = true;
    }
    **end = e;
    *end = &e->next;
    return 0;
}

int faults_replace(struct faults *f, struct dr_str json, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)8 << 20);
    const struct dr_json *list = dr_json_parse(a, json, NULL, err);
    struct entry **end;

    if (dr_json_type(list) != DR_JSON_ARRAY) {
        return dr_err_set(err, DR_HALT, 0, "faults", "a JSON list is wanted");
    }
    faults_clear(f);
    end = &f->first;
    DR_JSON_EACH(j, list)
    {
        if (read_entry(f, &end, j, err)) {
            return -1;
        }
    }
    return 0;
}

const struct fault *faults_match(struct faults *f, struct dr_str method,
                                 struct dr_str path)
{
    char text[1024];

    copy(text, sizeof(text), path);
    for (struct entry *e = f->first; e; e = e->next) {
        if ((e->method[0] && !dr_str_eqz(method, e->method)) ||
            (e->has_path && regexec(&e->path, text, 0, NULL, 0) != 0)) {
            continue;
        }
        if (e->chance > 0) {
            if (dr_rand_chance(&f->rand, e->chance)) {
                return &e->fault;
            }
            continue;
        }
        if (e->skip > 0) {
            e->skip--;
            continue;
        }
        if (e->times == 0) {
            continue;
        }
        if (e->times > 0) {
            e->times--;
        }
        return &e->fault;
    }
    return NULL;
}
