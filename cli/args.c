/* The parser of the command line. */
#include "args.h"

#include <string.h>

#include <drover/base/err.h>

#include "text.h"

/* Letters to change, insert or leave out to get from a to b; 99 when either
 * is too long to have been a slip. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], n = strlen(b);

    if (n >= DR_ARRAY_LEN(row) || strlen(a) >= DR_ARRAY_LEN(row)) {
        return 99;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
        }
    }
    return row[n];
}

struct guess {
    const char *word, *best;
    size_t best_at;
};

static void consider(struct guess *g, const char *name)
{
    size_t d = distance(g->word, name);

    if (d < g->best_at) {
        g->best = name;
        g->best_at = d;
    }
}

static int unknown(struct dr_buf *why, const char *what, const char *dashes,
                   const struct guess *g)
{
    dr_buf_printf(why, "there is no %s \"%s", what, dashes);
    text_esc(why, dr_str_z(g->word));
    dr_buf_z(why, "\"");
    if (g->best) {
        dr_buf_printf(why, "; did you mean \"%s%s\"?", dashes, g->best);
    }
    return -1;
}

static const struct flag *in_list(const struct flag *list, struct dr_str name)
{
    for (; list && list->name; list++) {
        if (dr_str_eqz(name, list->name)) {
            return list;
        }
    }
    return NULL;
}

/* Some verb's own flag of that name: the verb may come later. */
static const struct flag *of_any_verb(struct dr_str name)
{
    for (const struct verb *v = verbs; v->name; v++) {
        const struct flag *f = in_list(v->flags, name);
        if (f) {
            return f;
        }
    }
    return NULL;
}

static int take_flag(struct args *a, const char *word, const char *next,
                     int *used, struct dr_buf *why)
{
    struct dr_str value = dr_str_z(word);
    struct dr_str name = dr_str_split(&value, '=');
    const struct flag *f = in_list(common_flags, name);

    if (!f && a->verb) {
        f = in_list(a->verb->flags, name);
    }
    if (!f) {
        f = of_any_verb(name);
    }
    if (!f) {
        struct guess g = {.word = word, .best_at = 3};
        for (f = common_flags; f->name; f++) {
            consider(&g, f->name);
        }
        for (f = a->verb ? a->verb->flags : NULL; f && f->name; f++) {
            consider(&g, f->name);
        }
        return unknown(why, "option", "--", &g);
    }
    *used = 1;
    if (!f->value && value.p) {
        dr_buf_printf(why, "--%s takes no value", f->name);
        return -1;
    }
    if (f->value && !value.p) {
        if (!next) {
            dr_buf_printf(why, "--%s needs a value: --%s %s", f->name, f->name,
                          f->value);
            return -1;
        }
        *used = 2;
    }
    if (args_flag(a, f->name)) {
        dr_buf_printf(why, "--%s is given twice", f->name);
        return -1;
    }
    DR_ASSERT(a->given_count < ARGS_FLAGS);
    a->given[a->given_count].flag = f;
    a->given[a->given_count++].value = !f->value ? ""
                                       : value.p ? value.p
                                                 : next;
    return 0;
}

/* The verb of one word, or of two when group is set. */
static const struct verb *find_verb(const char *group, const char *word,
                                    bool *is_group)
{
    size_t n = group ? strlen(group) : 0;

    *is_group = false;
    for (const struct verb *v = verbs; v->name; v++) {
        const char *space = strchr(v->name, ' ');
        if (group && space && (size_t)(space - v->name) == n &&
            strncmp(v->name, group, n) == 0 && strcmp(space + 1, word) == 0) {
            return v;
        }
        if (!group && !space && strcmp(v->name, word) == 0) {
            return v;
        }
        if (!group && space &&
            dr_str_eqz((struct dr_str){v->name, (size_t)(space - v->name)},
                       word)) {
            *is_group = true;
        }
    }
    return NULL;
}

static int no_such_verb(const struct args *a, const char *word,
                        struct dr_buf *why)
{
    struct guess g = {.word = word, .best_at = 3};
    char names[16][24];
    size_t n = 0;

    for (const struct verb *v = verbs; v->name; v++) {
        const char *space = strchr(v->name, ' ');
        struct dr_str head = {v->name, space ? (size_t)(space - v->name)
                                             : strlen(v->name)};
        if (a->group) {
            if (space && dr_str_eqz(head, a->group)) {
                consider(&g, space + 1);
            }
        } else if (head.n < sizeof(names[0]) && n < DR_ARRAY_LEN(names) &&
                   space) {
            memcpy(names[n], head.p, head.n);
            names[n][head.n] = '\0';
            consider(&g, names[n++]);
        } else if (!space) {
            consider(&g, v->name);
        }
    }
    (void)unknown(why, a->group ? a->group : "command", "", &g);
    dr_buf_printf(why, " (drover %s%s--help lists what there is)",
                  a->group ? a->group : "", a->group ? " " : "");
    return -1;
}

static int take_word(struct args *a, const char *word, struct dr_buf *why)
{
    bool is_group;

    if (!a->verb) {
        a->verb = find_verb(a->group, word, &is_group);
        if (a->verb) {
            return 0;
        }
        if (is_group) {
            a->group = word;
            return 0;
        }
        return no_such_verb(a, word, why);
    }
    if (a->pos_count == VERB_POS || !a->verb->pos[a->pos_count]) {
        dr_buf_printf(why, "drover %s takes no \"", a->verb->name);
        text_esc(why, dr_str_z(word));
        dr_buf_z(why, "\"");
        return -1;
    }
    if (word[0] == '\0') {
        dr_buf_printf(why, "%s is empty", a->verb->pos[a->pos_count]);
        return -1;
    }
    a->pos[a->pos_count++] = word;
    return 0;
}

/* What can only be said when all words are read. */
static int check(const struct args *a, struct dr_buf *why)
{
    for (int i = 0; a->verb && i < a->given_count; i++) {
        const char *name = a->given[i].flag->name;
        if (!in_list(common_flags, dr_str_z(name)) &&
            !in_list(a->verb->flags, dr_str_z(name))) {
            dr_buf_printf(why, "drover %s has no option --%s", a->verb->name,
                          name);
            return -1;
        }
    }
    if (a->help || a->version) {
        return 0;
    }
    if (!a->verb) {
        if (a->group) {
            dr_buf_printf(why, "drover %s: which one? (drover %s --help)",
                          a->group, a->group);
        } else {
            dr_buf_z(why, "no command given (drover --help)");
        }
        return -1;
    }
    if (a->pos_count < VERB_POS && a->verb->pos[a->pos_count]) {
        dr_buf_printf(why, "drover %s: %s is missing", a->verb->name,
                      a->verb->pos[a->pos_count]);
        return -1;
    }
    return 0;
}

int args_parse(struct args *a, int argc, char *const *argv, struct dr_buf *why)
{
    bool options = true;

    *a = (struct args){0};
    for (int i = 1; i < argc;) {
        const char *word = argv[i];
        int used = 1;
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options &&
                   (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            a->help = true;
        } else if (options && strcmp(word, "--version") == 0) {
            a->version = true;
        } else if (options && strncmp(word, "--", 2) == 0) {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL;
            if (take_flag(a, word + 2, next, &used, why)) {
                return -1;
            }
        } else if (options && word[0] == '-' && word[1] != '\0') {
            struct guess g = {.word = word};
            return unknown(why, "option", "", &g);
        } else if (take_word(a, word, why)) {
            return -1;
        }
        i += used;
    }
    return check(a, why);
}

const char *args_flag(const struct args *a, const char *name)
{
    for (int i = 0; i < a->given_count; i++) {
        if (strcmp(a->given[i].flag->name, name) == 0) {
            return a->given[i].value;
        }
    }
    return NULL;
}
