/* Settings out of flags, environment and file. */
#include "conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#include "text.h"

#define FILE_MAX ((size_t)64 << 10)

static const char *const names[CONF_KEYS] = {"url", "token_file",
                                             "allow_plain"};

void conf_set(struct conf *c, enum conf_key key, const char *value)
{
    if (!c->value[key] && value && value[0] != '\0') {
        c->value[key] = dr_xstrdup(value);
    }
}

void conf_done(struct conf *c)
{
    for (int i = 0; i < CONF_KEYS; i++) {
        free(c->value[i]);
        c->value[i] = NULL;
    }
}

static int one_line(struct conf *c, struct dr_str line, bool seen[CONF_KEYS],
                    struct dr_buf *why)
{
    struct dr_str value = line;
    struct dr_str name = dr_str_trim(dr_str_split(&value, '='));

    if (!value.p) {
        dr_buf_z(why, "not a line of the form key = value");
        return -1;
    }
    value = dr_str_trim(value);
    for (int i = 0; i < CONF_KEYS; i++) {
        if (!dr_str_eqz(name, names[i])) {
            continue;
        }
        if (seen[i]) {
            dr_buf_printf(why, "%s is given twice", names[i]);
            return -1;
        }
        if (value.n == 0 || !dr_text_valid(value)) {
            dr_buf_printf(why, "%s has no value, or one that is no text",
                          names[i]);
            return -1;
        }
        seen[i] = true;
        if (!c->value[i]) {
            c->value[i] = dr_xstrndup(value);
        }
        return 0;
    }
    dr_buf_z(why, "no such key: \"");
    text_esc(why, name);
    dr_buf_z(why, "\"; there are url, token_file, allow_plain");
    return -1;
}

int conf_parse(struct conf *c, struct dr_str text, struct dr_buf *why)
{
    bool seen[CONF_KEYS] = {false};

    for (int n = 1; text.p; n++) {
        struct dr_str line = dr_str_trim(dr_str_split(&text, '\n'));
        struct dr_buf what;
        int rc;
        if (line.n == 0 || line.p[0] == '#') {
            continue;
        }
        dr_buf_init(&what, 1024);
        rc = one_line(c, line, seen, &what);
        if (rc) {
            dr_buf_printf(why, "line %d: %s", n, what.p);
        }
        dr_buf_done(&what);
        if (rc) {
            return -1;
        }
    }
    return 0;
}

static int read_file(struct conf *c, const char *path, bool must,
                     struct dr_buf *why)
{
    FILE *f = fopen(path, "rbe");
    struct dr_buf text, what;
    char piece[4096];
    size_t n;
    int rc = -1;

    if (!f) {
        if (!must && errno == ENOENT) {
            return 0;
        }
        dr_buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
        return -1;
    }
    dr_buf_init(&text, FILE_MAX);
    dr_buf_init(&what, 1024);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_buf_add(&text, piece, n);
    }
    if (ferror(f)) {
        dr_buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
    } else if (text.over) {
        dr_buf_printf(why, "%s is larger than 64 KiB: is it the right file?",
                      path);
    } else if (conf_parse(c, dr_buf_view(&text), &what)) {
        dr_buf_printf(why, "%s: %s", path, what.p);
    } else {
        rc = 0;
    }
    (void)fclose(f);
    dr_buf_done(&text);
    dr_buf_done(&what);
    return rc;
}

/* ~/ at the beginning of a path in the file: no shell has seen it. */
static void expand_home(struct conf *c, const char *home)
{
    char *path = c->value[CONF_TOKEN_FILE];
    struct dr_buf b;

    if (!path || !home || strncmp(path, "~/", 2) != 0) {
        return;
    }
    dr_buf_init(&b, 8192);
    dr_buf_printf(&b, "%s%s", home, path + 1);
    free(path);
    c->value[CONF_TOKEN_FILE] = dr_xstrdup(b.p);
    dr_buf_done(&b);
}

int conf_load(struct conf *c, conf_flag_fn *flag, void *ctx, const char *path,
              struct dr_buf *why)
{
    const char *home = getenv("HOME");
    char usual[4096];

    for (int i = 0; i < CONF_KEYS; i++) {
        char dashed[32], variable[40];
        size_t n = 0;
        for (; names[i][n]; n++) {
            char l = names[i][n];
            dashed[n] = l == '_' ? '-' : l;
        }
        dashed[n] = '\0';
        (void)snprintf(variable, sizeof(variable), "DROVER_%s", names[i]);
        for (char *p = variable; *p; p++) {
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        }
        /* A switch that is given has the value "". */
        conf_set(c, (enum conf_key)i,
                 i == CONF_ALLOW_PLAIN && flag(dashed, ctx)
                     ? "true"
                     : flag(dashed, ctx));
        conf_set(c, (enum conf_key)i, getenv(variable));
    }
    if (!path) {
        if (!home || home[0] == '\0') {
            return 0;
        }
        (void)snprintf(usual, sizeof(usual), "%s/.config/drover.conf", home);
    }
    if (read_file(c, path ? path : usual, path != NULL, why)) {
        return -1;
    }
    expand_home(c, home);
    if (c->value[CONF_ALLOW_PLAIN] &&
        strcmp(c->value[CONF_ALLOW_PLAIN], "true") != 0 &&
        strcmp(c->value[CONF_ALLOW_PLAIN], "false") != 0) {
        dr_buf_z(why, "allow_plain is true or false");
        return -1;
    }
    return 0;
}
