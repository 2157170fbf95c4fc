/*
 * Configuration: one table of keys is parser, checker and manual.
 */
#include "service_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/crypto/crypto.h>

#define FILE_MAX ((size_t)1 << 20)
/* 1 MiB of nothing but faults is cut off: people begin at the top. */
#define FAULTS_MAX ((size_t)1 << 20)
#define ENV_PREFIX "DROVER_"
#define ENV_NAME 65
/* Read by clients and tests, not configuration of a service. */
static const char *const foreign_env[] = {"DROVER_URL", "DROVER_TOKEN_FILE",
                                          "DROVER_ALLOW_PLAIN", "DROVER_CRASH",
                                          NULL};

struct value {
    const struct dr_conf_key *key;
    char *text; /* NULL: not given and no default */
    int64_t number;
    bool yes;
    bool in_file;
    bool bad; /* a fault of it was told */
    struct dr_secret *secret;
};

struct dr_conf {
    struct value *v;
    size_t n;
    struct dr_buf faults;
};

struct dr_conf *dr_conf_new(const struct dr_conf_key *keys)
{
    struct dr_conf *c = dr_xcalloc(1, sizeof(*c));

    while (keys[c->n].name) {
        c->n++;
    }
    c->v = dr_xcalloc(c->n, sizeof(*c->v));
    dr_buf_init(&c->faults, FAULTS_MAX);
    for (size_t i = 0; i < c->n; i++) {
        struct dr_err err = {0};
        c->v[i].key = &keys[i];
        if (keys[i].otherwise &&
            dr_conf_set(c, dr_str_z(keys[i].name), dr_str_z(keys[i].otherwise),
                        &err)) {
            dr_die(DR_EXIT_INVARIANT, "conf", "default of %s: %s", keys[i].name,
                   err.text);
        }
    }
    return c;
}

void dr_conf_free(struct dr_conf *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].text);
        dr_secret_free(c->v[i].secret);
    }
    free(c->v);
    dr_buf_done(&c->faults);
    free(c);
}

static struct value *find(const struct dr_conf *c, struct dr_str key)
{
    for (size_t i = 0; i < c->n; i++) {
        if (dr_str_eqz(key, c->v[i].key->name)) {
            return &c->v[i];
        }
    }
    return NULL;
}

/* The first fault of a value is told: others follow from it. v NULL: it is of
 * no key. */
static void fault(struct dr_conf *c, struct value *v, const char *text)
{
    if (v && v->bad) {
        return;
    }
    if (v) {
        v->bad = true;
    }
    dr_buf_printf(&c->faults, "%s\n", text);
}

struct dr_str dr_conf_faults(const struct dr_conf *c)
{
    return dr_buf_view(&c->faults);
}

void dr_conf_check(struct dr_conf *c, dr_conf_check_fn *const *checks)
{
    for (; checks && *checks; checks++) {
        struct dr_err err = {0};
        if ((*checks)(c, &err)) {
            fault(c, find(c, dr_str_z(err.where)), err.text);
        }
    }
}

/* Edit distance, for "did you mean": keys are short. */
static size_t distance(struct dr_str a, struct dr_str b)
{
    size_t row[65];

    if (a.n > 64 || b.n > 64) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = diag + (a.p[i - 1] != b.p[j - 1]);
            diag = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[b.n];
}

/* "brokers" for "kafka.brokers": the section was forgotten. */
static bool lacks_section(struct dr_str key, struct dr_str name)
{
    return key.n > 0 && name.n > key.n && dr_str_ends(name, key) &&
           name.p[name.n - key.n - 1] == '.';
}

/* The key that was probably meant; NULL: none is like it. */
static const char *nearest(const struct dr_conf *c, struct dr_str key)
{
    const char *best = NULL;
    size_t least = 4;

    for (size_t i = 0; i < c->n; i++) {
        struct dr_str name = dr_str_z(c->v[i].key->name);
        size_t d = lacks_section(key, name) ? 1 : distance(key, name);
        if (d < least) {
            least = d;
            best = c->v[i].key->name;
        }
    }
    return best;
}

static int unknown_key(const struct dr_conf *c, struct dr_str key,
                       struct dr_err *err)
{
    const char *best = nearest(c, key);

    return dr_err_set(err, DR_HALT, 0, "configuration",
                      "unknown key \"" DR_STR_FMT "\"%s%s%s: see --help-config",
                      (int)(key.n < 64 ? key.n : 64), key.p,
                      best ? ", did you mean \"" : "", best ? best : "",
                      best ? "\"" : "");
}

static int set_int(struct value *v, struct dr_str text, struct dr_err *err)
{
    const struct dr_conf_key *k = v->key;

    if (dr_str_i64(text, &v->number) || v->number < k->min ||
        v->number > k->max) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          "%s = " DR_STR_FMT
                          ": a whole number from %lld to %lld is wanted",
                          k->name, (int)(text.n < 40 ? text.n : 40), text.p,
                          (long long)k->min, (long long)k->max);
    }
    return 0;
}

static int set_bool(struct value *v, struct dr_str text, struct dr_err *err)
{
    static const char *const yes[] = {"true", "yes", "1"};
    static const char *const no[] = {"false", "no", "0"};

    for (size_t i = 0; i < DR_ARRAY_LEN(yes); i++) {
        if (dr_str_eqz(text, yes[i])) {
            v->yes = true;
            return 0;
        }
        if (dr_str_eqz(text, no[i])) {
            v->yes = false;
            return 0;
        }
    }
    return dr_err_set(err, DR_HALT, 0, "configuration",
                      "%s = " DR_STR_FMT ": true or false is wanted",
                      v->key->name, (int)(text.n < 40 ? text.n : 40), text.p);
}

int dr_conf_set(struct dr_conf *c, struct dr_str key, struct dr_str value,
                struct dr_err *err)
{
    struct value *v = find(c, key);

    if (!v) {
        return unknown_key(c, key, err);
    }
    if ((v->key->type == DR_CONF_INT && set_int(v, value, err)) ||
        (v->key->type == DR_CONF_BOOL && set_bool(v, value, err))) {
        return -1;
    }
    free(v->text);
    v->text = dr_xstrndup(value);
    return 0;
}

static int read_file(const char *path, struct dr_buf *out, struct dr_err *err)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    size_t n;

    if (!f) {
        return dr_err_set(err, DR_HALT, errno, "configuration",
                          "cannot read %s: %s", path, strerror(errno));
    }
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        dr_buf_add(out, chunk, n);
    }
    (void)fclose(f);
    if (out->over || !dr_text_valid(dr_buf_view(out))) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          "%s is not a text file of at most 1 MiB", path);
    }
    return 0;
}

static int set_from_file(struct dr_conf *c, struct dr_str key,
                         struct dr_str value, struct dr_err *err)
{
    struct value *v = find(c, key);

    if (v && v->in_file) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          "%s is there twice: keep one", v->key->name);
    }
    if (v) {
        v->in_file = true;
    }
    return dr_conf_set(c, key, value, err);
}

static int one_line(struct dr_conf *c, struct dr_str line,
                    struct dr_str *section, struct value **key_out,
                    struct dr_err *err)
{
    struct dr_str value = line, key;
    struct dr_buf full;
    int r;

    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';') {
        return 0;
    }
    if (line.p[0] == '[') {
        if (line.p[line.n - 1] != ']') {
            return dr_err_set(err, DR_HALT, 0, "configuration",
                              "a section is written [name]");
        }
        *section = (struct dr_str){line.p + 1, line.n - 2};
        return 0;
    }
    key = dr_str_trim(dr_str_split(&value, '='));
    if (!value.p) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          "a line is written key = value");
    }
    dr_buf_init(&full, 1024);
    if (section->n > 0) {
        dr_buf_str(&full, *section);
        dr_buf_ch(&full, '.');
    }
    dr_buf_str(&full, key);
    r = set_from_file(c, dr_buf_view(&full), dr_str_trim(value), err);
    *key_out = find(c, dr_buf_view(&full));
    dr_buf_done(&full);
    return r;
}

void dr_conf_read(struct dr_conf *c, const char *path)
{
    struct dr_buf text;
    struct dr_str rest = {0}, section = {0};
    struct dr_err err = {0};
    int line = 0;

    dr_buf_init(&text, FILE_MAX);
    if (read_file(path, &text, &err)) {
        fault(c, NULL, err.text);
    } else {
        rest = dr_buf_view(&text);
    }
    while (rest.p) {
        struct value *v = NULL;
        struct dr_err why = {0};
        line++;
        if (one_line(c, dr_str_trim(dr_str_split(&rest, '\n')), &section, &v,
                     &why)) {
            (void)dr_err_set(&err, DR_HALT, 0, "configuration",
                             "%s line %d: %s", path, line, why.text);
            fault(c, v, err.text);
        }
    }
    dr_buf_done(&text);
}

/* KAFKA_BROKERS, for kafka.brokers. */
static void env_name(const char *key, char out[ENV_NAME])
{
    size_t n = 0;

    for (; key[n] && n < ENV_NAME - 1; n++) {
        bool small = key[n] >= 'a' && key[n] <= 'z';
        out[n] = key[n] == '.' ? '_'
                 : small       ? (char)(key[n] - 'a' + 'A')
                               : key[n];
    }
    out[n] = '\0';
}

static struct value *find_env(const struct dr_conf *c, struct dr_str name)
{
    for (size_t i = 0; i < c->n; i++) {
        char want[ENV_NAME];
        env_name(c->v[i].key->name, want);
        if (dr_str_eqz(name, want)) {
            return &c->v[i];
        }
    }
    return NULL;
}

static int unknown_env(const struct dr_conf *c, struct dr_str name,
                       struct dr_err *err)
{
    char best[ENV_NAME] = "", want[ENV_NAME];
    size_t least = 4;

    for (size_t i = 0; i < c->n; i++) {
        size_t d;
        env_name(c->v[i].key->name, want);
        d = distance(name, dr_str_z(want));
        if (d < least) {
            least = d;
            memcpy(best, want, sizeof(best));
        }
    }
    return dr_err_set(err, DR_HALT, 0, "configuration",
                      "unknown key in the environment: " ENV_PREFIX DR_STR_FMT
                      "%s%s: see --help-config",
                      (int)(name.n < 64 ? name.n : 64), name.p,
                      best[0] ? ", did you mean " ENV_PREFIX : "", best);
}

/*
 * Kubernetes puts the address of each Service of the namespace into every
 * pod: of one called drover-auditor, DROVER_AUDITOR_SERVICE_HOST, _PORT
 * ("tcp://...") and _PORT_8080_TCP_ADDR among others.
 */
static bool is_service_link(struct dr_str name, struct dr_str value)
{
    size_t port = dr_str_find(name, DR_STR_LIT("_PORT_"));

    return dr_str_ends(name, DR_STR_LIT("_SERVICE_HOST")) ||
           dr_str_find(name, DR_STR_LIT("_SERVICE_PORT")) != SIZE_MAX ||
           (dr_str_ends(name, DR_STR_LIT("_PORT")) &&
            dr_str_find(value, DR_STR_LIT("://")) != SIZE_MAX) ||
           (port != SIZE_MAX && port + 6 < name.n && name.p[port + 6] >= '0' &&
            name.p[port + 6] <= '9');
}

static bool is_foreign(struct dr_str name)
{
    for (size_t i = 0; foreign_env[i]; i++) {
        if (dr_str_eqz(name, foreign_env[i])) {
            return true;
        }
    }
    return false;
}

static int one_env(struct dr_conf *c, struct value *v, struct dr_str name,
                   struct dr_str value, struct dr_err *err)
{
    struct dr_err why = {0};

    if (!v) {
        return is_service_link(name, value) ? 0 : unknown_env(c, name, err);
    }
    if (!dr_text_valid(value) ||
        dr_conf_set(c, dr_str_z(v->key->name), value, &why)) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          ENV_PREFIX DR_STR_FMT ": %s", DR_STR_ARG(name),
                          why.text[0] ? why.text : "not valid UTF-8");
    }
    return 0;
}

void dr_conf_apply_env(struct dr_conf *c, char *const *env)
{
    struct dr_str prefix = DR_STR_LIT(ENV_PREFIX);

    for (; *env; env++) {
        struct dr_str value = dr_str_z(*env);
        struct dr_str name = dr_str_split(&value, '=');
        struct dr_err err = {0};
        struct value *v;

        if (!dr_str_starts(name, prefix) || is_foreign(name)) {
            continue;
        }
        name = (struct dr_str){name.p + prefix.n, name.n - prefix.n};
        v = find_env(c, name);
        if (one_env(c, v, name, value, &err)) {
            fault(c, v, err.text);
        }
    }
}

static int finish_one(struct value *v, struct dr_err *err)
{
    struct dr_err why = {0};

    if (!v->text || (!v->key->otherwise && v->text[0] == '\0')) {
        return dr_err_set(err, DR_HALT, 0, "configuration",
                          "%s is required: %s", v->key->name, v->key->help);
    }
    if (v->key->type != DR_CONF_SECRET || v->text[0] == '\0') {
        return 0;
    }
    v->secret = dr_secret_read(v->text, &why);
    return v->secret ? 0
                     : dr_err_set(err, DR_HALT, 0, "configuration",
                                  "%s: %s: write the secret into that file, "
                                  "readable by this user alone",
                                  v->key->name, why.text);
}

void dr_conf_finish(struct dr_conf *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct dr_err err = {0};
        if (finish_one(&c->v[i], &err)) {
            fault(c, &c->v[i], err.text);
        }
    }
}

void dr_conf_print(const struct dr_conf *c, struct dr_buf *out)
{
    for (size_t i = 0; i < c->n; i++) {
        dr_buf_printf(out, "%s = %s\n", c->v[i].key->name,
                      c->v[i].text ? c->v[i].text : "");
    }
}

void dr_conf_help(const struct dr_conf *c, struct dr_buf *out)
{
    static const char *const types[] = {"text", "number", "true/false",
                                        "path of a secret"};

    dr_buf_z(out, "| key | type | default | meaning |\n| --- | --- | --- | "
                  "--- |\n");
    for (size_t i = 0; i < c->n; i++) {
        const struct dr_conf_key *k = c->v[i].key;
        dr_buf_printf(out, "| `%s` | %s", k->name, types[k->type]);
        if (k->type == DR_CONF_INT) {
            dr_buf_printf(out, " %lld to %lld", (long long)k->min,
                          (long long)k->max);
        }
        dr_buf_printf(out, " | %s | %s |\n",
                      k->otherwise ? (k->otherwise[0] ? k->otherwise : "empty")
                                   : "required",
                      k->help);
    }
}

static const struct value *get(const struct dr_conf *c, const char *key)
{
    const struct value *v = find(c, dr_str_z(key));

    if (!v) {
        dr_die(DR_EXIT_INVARIANT, "conf", "%s is in no table", key);
    }
    return v;
}

const char *dr_conf_text(const struct dr_conf *c, const char *key)
{
    const char *text = get(c, key)->text;

    return text ? text : ""; /* while faults are looked for: it is missing */
}

int64_t dr_conf_int(const struct dr_conf *c, const char *key)
{
    return get(c, key)->number;
}

bool dr_conf_bool(const struct dr_conf *c, const char *key)
{
    return get(c, key)->yes;
}

struct dr_str dr_conf_secret(const struct dr_conf *c, const char *key)
{
    return dr_secret_view(get(c, key)->secret);
}
