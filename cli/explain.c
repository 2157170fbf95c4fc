/* What a refusal means for the exit code, and what to tell the user. Pure. */
#include "cli.h"

#include <stdio.h>

#include "text.h"

static const struct meaning {
    int status;
    int exit;
    bool passing;
    const char *text; /* when the answer brings none */
} meanings[] = {
    {400, CLI_FAILED, false,
     "the auditor did not understand the request: are drover and the auditor "
     "of the same version?"},
    {401, CLI_FAILED, false,
     "the auditor refuses the token: check --token-file against its "
     "api.token_file"},
    {403, CLI_FAILED, false, "the auditor refuses access"},
    {404, CLI_FAILED, false, "the auditor has no such thing"},
    {409, CLI_GATE, false,
     "a gate refuses: `drover status` says what it waits for"},
    {422, CLI_DATA, false, "the plan has problems: see `drover plan check`"},
    {429, CLI_LATE, true, "too many requests: try again later"},
    {502, CLI_LATE, true, "the auditor is not there: try again later"},
    {503, CLI_LATE, true,
     "the auditor is still reading its books: try again later"},
    {504, CLI_LATE, true, "the auditor is not there: try again later"},
};

static const struct meaning *meaning_of(int status)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(meanings); i++) {
        if (meanings[i].status == status) {
            return &meanings[i];
        }
    }
    return NULL;
}

void api_explain(struct api_answer *a, const struct dr_json *json)
{
    const struct meaning *m = meaning_of(a->status);
    const struct dr_json *error = dr_json_get(json, "error");
    struct dr_str message = dr_json_get_str(error, "message");
    struct dr_str cure = dr_json_get_str(error, "cure");
    struct dr_str code = dr_json_get_str(error, "code");
    struct dr_buf b;

    a->exit = m ? m->exit : CLI_FAILED;
    if (dr_str_eqz(code, "no_such_object") ||
        dr_str_eqz(code, "no_such_class")) {
        a->exit = CLI_USAGE; /* a word of the command line */
    }
    a->passing = m && m->passing;
    dr_buf_init(&b, (size_t)64 << 10);
    if (message.n > 0) {
        text_esc(&b, message);
        if (cure.n > 0) {
            dr_buf_z(&b, "; ");
            text_esc(&b, cure);
        }
    } else if (m) {
        dr_buf_printf(&b, "%s (HTTP %d)", m->text, a->status);
    } else {
        dr_buf_printf(&b,
                      "an answer of HTTP %d that says nothing: is this "
                      "the auditor's address?",
                      a->status);
    }
    if (b.over) {
        dr_buf_reset(&b);
        dr_buf_printf(&b, "refused (HTTP %d); the reason is too long to show",
                      a->status);
    }
    (void)snprintf(a->text, sizeof(a->text), DR_STR_FMT,
                   DR_STR_ARG(dr_utf8_prefix(dr_buf_view(&b), 500)));
    dr_buf_done(&b);
}
