/*
 * Where the auditor is: flag over environment over file. Pure but for
 * conf_load, which reads the file.
 */
#ifndef DROVER_CLI_CONF_H
#define DROVER_CLI_CONF_H

#include <stdbool.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/str.h>

enum conf_key { CONF_URL, CONF_TOKEN_FILE, CONF_ALLOW_PLAIN, CONF_KEYS };

struct conf {
    char *value[CONF_KEYS]; /* NULL: not set */
};

/* `key = value` lines; # begins a comment line. Keys that are set already
 * stay. -1: why names the line and what is wrong. */
int conf_parse(struct conf *c, struct dr_str text,
               struct dr_buf *why) DR_MUSTCHECK;
void conf_set(struct conf *c, enum conf_key key, const char *value);
void conf_done(struct conf *c);

/* A name in the file is "token_file"; the flag has dashes, the variable is
 * DROVER_TOKEN_FILE. flag(name) and env(name) give NULL for what is not set.
 * Then the file: path, or ~/.config/drover.conf when that is NULL, which need
 * not exist. */
typedef const char *conf_flag_fn(const char *name, void *ctx);
int conf_load(struct conf *c, conf_flag_fn *flag, void *ctx, const char *path,
              struct dr_buf *why) DR_MUSTCHECK;

#endif
