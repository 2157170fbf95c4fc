/* Help and completion scripts, made of the table of verbs. */
#include "args.h"

#include <stdio.h>
#include <string.h>

#include "cond.h"

#define COLUMN 26

static void two_columns(struct dr_buf *b, const char *left, const char *right)
{
    dr_buf_printf(b, "  %-*s", COLUMN, left);
    dr_buf_printf(b, "%s%s\n", strlen(left) >= COLUMN ? " " : "", right);
}

static void flags_help(struct dr_buf *b, const struct flag *f)
{
    for (; f && f->name; f++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", f->name,
                       f->value ? " " : "", f->value ? f->value : "");
        two_columns(b, left, f->help);
    }
}

static void verb_line(struct dr_buf *b, const struct verb *v)
{
    char left[96];
    const char *p0 = v->pos[0] ? v->pos[0] : "",
               *p1 = v->pos[1] ? v->pos[1] : "";

    (void)snprintf(left, sizeof(left), "%s%s%s%s%s", v->name, *p0 ? " " : "",
                   p0, *p1 ? " " : "", p1);
    two_columns(b, left, v->help);
}

static void settings_help(struct dr_buf *b)
{
    dr_buf_z(b, "\nA flag wins over the environment (DROVER_URL, "
                "DROVER_TOKEN_FILE,\nDROVER_ALLOW_PLAIN), that over the file "
                "(`key = value` lines: url,\ntoken_file, allow_plain).\n");
}

static void exit_help(struct dr_buf *b)
{
    dr_buf_z(b, "\nExit codes:\n"
                "  0    done\n"
                "  1    failure: no connection, token refused, no such "
                "thing\n"
                "  2    command line or settings\n"
                "  3    no plan, or not the approved one; reconcile: the "
                "books do not balance\n"
                "  4    problems in a plan or in data; sample diff: "
                "losses; reconcile: verified\n"
                "       fields differ\n"
                "  5    a gate refuses: an approval or something else is "
                "missing\n"
                "  6    rate-limited, rebuilding, or out of time\n"
                "  130  interrupted\n");
}

void help_all(struct dr_buf *b)
{
    dr_buf_z(b, "drover drives a migration through its auditor.\n\n"
                "Usage: drover COMMAND [OPTION...]\n\nCommands:\n");
    for (const struct verb *v = verbs; v->name; v++) {
        verb_line(b, v);
    }
    dr_buf_z(b, "\nOptions of every command:\n");
    flags_help(b, common_flags);
    settings_help(b);
    exit_help(b);
}

static bool in_group(const struct verb *v, const char *group)
{
    size_t n = strlen(group);

    return strncmp(v->name, group, n) == 0 && v->name[n] == ' ';
}

void help_group(struct dr_buf *b, const char *group)
{
    dr_buf_printf(b, "Usage: drover %s COMMAND [OPTION...]\n\nCommands:\n",
                  group);
    for (const struct verb *v = verbs; v->name; v++) {
        if (in_group(v, group)) {
            verb_line(b, v);
        }
    }
}

void help_verb(struct dr_buf *b, const struct verb *v)
{
    dr_buf_printf(b, "Usage: drover %s", v->name);
    for (int i = 0; i < VERB_POS && v->pos[i]; i++) {
        dr_buf_printf(b, " %s", v->pos[i]);
    }
    dr_buf_printf(b, " [OPTION...]\n\n%s\n", v->help);
    if (v->more) {
        dr_buf_printf(b, "%s\n", v->more);
    }
    if (v->flags) {
        dr_buf_z(b, "\nOptions:\n");
        flags_help(b, v->flags);
    }
    dr_buf_z(b, "\nOptions of every command:\n");
    flags_help(b, common_flags);
    if (!v->offline) {
        settings_help(b);
        dr_buf_printf(b,
                      "\nThe limit is %d s unless --timeout gives "
                      "another.\n",
                      v->timeout_s);
    }
    exit_help(b);
}

/* ---- completion ---- */

/* Words that may follow a verb as its first argument, or "". */
static void choices(struct dr_buf *b, const struct verb *v)
{
    if (strcmp(v->name, "report") == 0) {
        for (size_t i = 0; report_names[i]; i++) {
            dr_buf_printf(b, "%s%s", i > 0 ? " " : "", report_names[i]);
        }
    } else if (strcmp(v->name, "completion") == 0) {
        dr_buf_z(b, "bash zsh fish");
    } else if (strcmp(v->name, "wait") == 0) {
        struct dr_buf list;
        dr_buf_init(&list, 1024);
        cond_list(&list);
        dr_buf_str(b, dr_buf_view(&list));
        dr_buf_done(&list);
    }
}

/* The first words of all verbs, each once; verbs of a group stand together. */
static void first_words(struct dr_buf *b)
{
    struct dr_str last = {NULL, 0};

    for (const struct verb *v = verbs; v->name; v++) {
        struct dr_str rest = dr_str_z(v->name);
        struct dr_str head = dr_str_split(&rest, ' ');
        if (!dr_str_eq(head, last)) {
            dr_buf_printf(b, "%s" DR_STR_FMT, last.p ? " " : "",
                          DR_STR_ARG(head));
        }
        last = head;
    }
}

static void flag_words(struct dr_buf *b, const struct flag *f)
{
    for (; f && f->name; f++) {
        dr_buf_printf(b, " --%s", f->name);
    }
}

/* One case a verb and a group, for bash and zsh. */
static void cases(struct dr_buf *b)
{
    struct dr_str last = {NULL, 0};

    for (const struct verb *v = verbs; v->name; v++) {
        struct dr_str second = dr_str_z(v->name);
        struct dr_str head = dr_str_split(&second, ' ');
        if (second.p && !dr_str_eq(head, last)) {
            dr_buf_printf(b, "    '" DR_STR_FMT "') offer='", DR_STR_ARG(head));
            for (const struct verb *w = v; w->name; w++) {
                struct dr_str tail = dr_str_z(w->name);
                if (dr_str_eq(dr_str_split(&tail, ' '), head)) {
                    dr_buf_printf(b, "%s" DR_STR_FMT, w == v ? "" : " ",
                                  DR_STR_ARG(tail));
                }
            }
            dr_buf_z(b, "' ;;\n");
        }
        last = head;
        dr_buf_printf(b, "    '%s') offer='", v->name);
        choices(b, v);
        flag_words(b, v->flags);
        dr_buf_z(b, "'\" $common\" ;;\n");
    }
}

/* "a|b" of the options that take a value, each once. */
static void valued_flags(struct dr_buf *b, const struct verb *upto,
                         const struct flag *f)
{
    for (; f && f->name; f++) {
        bool again = false;
        for (const struct verb *v = verbs; upto && v != upto; v++) {
            for (const struct flag *g = v->flags; g && g->name; g++) {
                again = again || strcmp(f->name, g->name) == 0;
            }
        }
        if (f->value && !again) {
            dr_buf_printf(b, "%s--%s", b->n > 0 ? "|" : "", f->name);
        }
    }
}

/* "a|b" of the groups. */
static void groups(struct dr_buf *b)
{
    struct dr_str last = {NULL, 0};

    for (const struct verb *v = verbs; v->name; v++) {
        struct dr_str second = dr_str_z(v->name);
        struct dr_str head = dr_str_split(&second, ' ');
        if (second.p && !dr_str_eq(head, last)) {
            dr_buf_printf(b, "%s" DR_STR_FMT, b->n > 0 ? "|" : "",
                          DR_STR_ARG(head));
        }
        last = head;
    }
}

/* The verb so far is what stands before the cursor and is no option: one
 * word, or two when the first is a group. */
static void shell_body(struct dr_buf *b)
{
    struct dr_buf valued, grouped;

    dr_buf_init(&valued, 4096);
    dr_buf_init(&grouped, 4096);
    for (const struct verb *v = verbs; v->name; v++) {
        valued_flags(&valued, v, v->flags);
    }
    valued_flags(&valued, NULL, common_flags);
    groups(&grouped);
    dr_buf_z(b, "  local common='--help");
    flag_words(b, common_flags);
    dr_buf_printf(b,
                  "' offer='' verb='' w='' skip=''\n"
                  "  for w in \"${before[@]}\"; do\n"
                  "    if [ -n \"$skip\" ]; then skip=''; continue; fi\n"
                  "    case $w in\n"
                  "      %s) skip=1 ;;\n"
                  "      -*) ;;\n"
                  "      *) case $verb in\n"
                  "        '') verb=$w ;;\n"
                  "        %s) verb=\"$verb $w\" ;;\n"
                  "      esac ;;\n"
                  "    esac\n"
                  "  done\n"
                  "  case $verb in\n"
                  "    '') offer='",
                  valued.p, grouped.p);
    dr_buf_done(&valued);
    dr_buf_done(&grouped);
    first_words(b);
    dr_buf_z(b, "'\" $common --version\" ;;\n");
    cases(b);
    dr_buf_z(b, "  esac\n"
                "  if [ -n \"$skip\" ]; then offer=''; fi\n");
}

static void bash(struct dr_buf *b)
{
    dr_buf_z(b, "# bash: source <(drover completion bash)\n"
                "_drover() {\n"
                "  local line=${COMP_LINE:0:COMP_POINT} cur='' before=()\n"
                "  read -r -a before <<<\"$line\"\n"
                "  case $line in\n"
                "    *[[:space:]]) ;;\n"
                "    *) cur=${before[${#before[@]}-1]}\n"
                "       unset 'before[${#before[@]}-1]' ;;\n"
                "  esac\n"
                "  before=(\"${before[@]:1}\")\n");
    shell_body(b);
    dr_buf_z(b, "  COMPREPLY=($(compgen -W \"$offer\" -- \"$cur\"))\n"
                "  case $cur in\n"
                "    # bash takes a colon for the end of a word\n"
                "    *:*) COMPREPLY=(\"${COMPREPLY[@]#\"${cur%:*}:\"}\") ;;\n"
                "  esac\n"
                "}\n"
                "complete -o default -F _drover drover\n");
}

static void zsh(struct dr_buf *b)
{
    dr_buf_z(b, "#compdef drover\n"
                "# zsh: drover completion zsh > \"${fpath[1]}/_drover\"\n"
                "_drover() {\n"
                "  local line=(\"${(@)words[2,CURRENT-1]}\")\n"
                "  local -a before=(\"${line[@]}\")\n"
                "  _drover_words\n"
                "}\n"
                "_drover_words() {\n");
    shell_body(b);
    dr_buf_z(b, "  compadd -- ${=offer} || _files\n"
                "}\n"
                "# read as a file of fpath, this is the function's body\n"
                "if [ \"$funcstack[1]\" = _drover ]; then\n"
                "  _drover \"$@\"\n"
                "else\n"
                "  compdef _drover drover\n"
                "fi\n");
}

/* fish has a rule for each word. */
static void fish(struct dr_buf *b)
{
    struct dr_str last = {NULL, 0};

    dr_buf_z(b, "# fish: drover completion fish | source\n"
                "complete -c drover -f\n");
    for (const struct flag *f = common_flags; f->name; f++) {
        dr_buf_printf(b, "complete -c drover -l %s%s -d '%s'\n", f->name,
                      f->value ? " -r" : "", f->help);
    }
    for (const struct verb *v = verbs; v->name; v++) {
        struct dr_str second = dr_str_z(v->name);
        struct dr_str head = dr_str_split(&second, ' ');
        struct dr_buf list;
        if (!dr_str_eq(head, last)) {
            dr_buf_printf(
                b,
                "complete -c drover -n __fish_use_subcommand -a " DR_STR_FMT
                " -d '%s'\n",
                DR_STR_ARG(head), second.p ? "" : v->help);
        }
        last = head;
        if (second.p) {
            dr_buf_printf(
                b,
                "complete -c drover -n '__fish_seen_subcommand_from " DR_STR_FMT
                "' -a " DR_STR_FMT " -d '%s'\n",
                DR_STR_ARG(head), DR_STR_ARG(second), v->help);
        }
        for (const struct flag *f = v->flags; f && f->name; f++) {
            dr_buf_printf(
                b,
                "complete -c drover -n '__fish_seen_subcommand_from " DR_STR_FMT
                "' -l %s%s -d '%s'\n",
                DR_STR_ARG(second.p ? second : head), f->name,
                f->value ? " -r" : "", f->help);
        }
        dr_buf_init(&list, 2048);
        choices(&list, v);
        if (list.n > 0) {
            dr_buf_printf(b,
                          "complete -c drover -n '__fish_seen_subcommand_from "
                          "%s' -a '%s'\n",
                          v->name, list.p);
        }
        dr_buf_done(&list);
    }
}

int completion(struct dr_buf *b, const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(struct dr_buf *b);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

    for (size_t i = 0; i < DR_ARRAY_LEN(shells); i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print(b);
            return 0;
        }
    }
    return -1;
}
