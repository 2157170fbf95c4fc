/*
 * The command line, by one table of verbs (verbs.c). Pure: words in, a parsed
 * command or a sentence about what is wrong out.
 *
 * Options may stand before and after the verb, as `--name value` or
 * `--name=value`; `--` ends them.
 */
#ifndef DROVER_CLI_ARGS_H
#define DROVER_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>

struct cli;

struct flag {
    const char *name;  /* without the dashes                          */
    const char *value; /* what its value is called; NULL: a switch    */
    const char *help;
};

#define VERB_POS 2

struct verb {
    const char *name;          /* one word, or two: group and verb */
    const char *help;          /* one line                                    */
    const char *more;          /* further lines for --help, or NULL           */
    const struct flag *flags;  /* its own, ends in a NULL name; or NULL */
    const char *pos[VERB_POS]; /* names of the words that must follow */
    int timeout_s;             /* when --timeout is not given                 */
    bool offline;              /* needs no auditor                            */
    int (*run)(struct cli *c);
};

extern const struct verb verbs[]; /* ends in a NULL name */
extern const struct flag common_flags[];

#define ARGS_FLAGS 24

struct args {
    const struct verb *verb; /* NULL: none given                        */
    const char *group;       /* a group without a verb ("plan"), or NULL */
    const char *pos[VERB_POS];
    int pos_count;
    bool help, version;
    struct {
        const struct flag *flag;
        const char *value; /* NULL for a switch */
    } given[ARGS_FLAGS];
    int given_count;
};

/* -1: why says what is wrong and what would be right. */
int args_parse(struct args *a, int argc, char *const *argv,
               struct dr_buf *why) DR_MUSTCHECK;
/* The value of a flag, NULL when it was not given; "" for a switch. */
const char *args_flag(const struct args *a, const char *name);

/* Names of the reports, for `report` and its completion; ends in NULL. */
extern const char *const report_names[];

/* Help and completion, made of the table. */
void help_all(struct dr_buf *b);
void help_group(struct dr_buf *b, const char *group);
void help_verb(struct dr_buf *b, const struct verb *v);
/* shell: bash, zsh or fish. -1: another one. */
int completion(struct dr_buf *b, const char *shell) DR_MUSTCHECK;

#endif
