#include "grant.h"

#include <string.h>

#define MARGIN_MS 60000 /* longer than a call may take */
#define LASTS_MAX_S 31536000

/* ---- the file ---- */

static bool is_printable(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* Which name a line begins with; count: none of them. */
static size_t name_of(struct dr_str line, const char *const *names,
                      size_t count, struct dr_str *value_out)
{
    struct dr_str name = dr_str_trim(dr_str_split(&line, '='));
    size_t i = 0;

    while (i < count && !dr_str_eqz(name, names[i])) {
        i++;
    }
    *value_out = dr_str_trim(line);
    return line.p ? i : count;
}

int grant_lines(struct dr_str text, const char *const *names,
                struct dr_str *out, size_t count, struct dr_err *err)
{
    int number = 0;

    for (size_t i = 0; i < count; i++) {
        out[i] = (struct dr_str){0};
    }
    while (text.p) {
        struct dr_str line = dr_str_trim(dr_str_split(&text, '\n'));
        struct dr_str value;
        size_t i = name_of(line, names, count, &value);
        number++;
        if (line.n == 0 || line.p[0] == '#') {
            continue;
        }
        if (i == count) {
            return dr_err_set(err, DR_HALT, 0, "grant",
                              "line %d is no name=value of a known name",
                              number);
        }
        if (out[i].n > 0 || value.n == 0 || !is_printable(value)) {
            return dr_err_set(err, DR_HALT, 0, "grant", "line %d: %s %s",
                              number, names[i],
                              out[i].n > 0   ? "occurs twice"
                              : value.n == 0 ? "is empty"
                                             : "holds characters that are no "
                                               "printable ASCII");
        }
        out[i] = value;
    }
    return 0;
}

bool grant_refreshes(const struct dr_json *auth)
{
    return dr_str_eqz(dr_json_get_str(auth, "grant"), "refresh_token");
}

static bool is_basic(const struct dr_json *auth)
{
    return dr_str_eqz(dr_json_get_str(auth, "client_auth"), "basic");
}

int grant_read(const struct dr_json *auth, struct dr_str text,
               struct grant *out, struct dr_err *err)
{
    static const char *const names[] = {"client_id", "client_secret",
                                        "refresh_token"};
    bool refreshes = grant_refreshes(auth);
    struct dr_str v[DR_ARRAY_LEN(names)];
    struct dr_err why = {0};
    bool lacks[DR_ARRAY_LEN(names)];

    if (grant_lines(text, names, v, DR_ARRAY_LEN(names), &why)) {
        return dr_err_set(err, DR_HALT, 0, "source.token_file",
                          "%s: auth.type oauth2 wants lines client_id=, "
                          "client_secret=, refresh_token= in the file",
                          why.text);
    }
    /* A client that cannot keep a secret has none (RFC 6749, 2.1). */
    lacks[0] = v[0].n == 0;
    lacks[1] = v[1].n == 0 && (!refreshes || is_basic(auth));
    lacks[2] = v[2].n == 0 && refreshes;
    if (lacks[0] || lacks[1] || lacks[2]) {
        return dr_err_set(err, DR_HALT, 0, "source.token_file",
                          "the file lacks%s%s%s which auth of the profile "
                          "needs",
                          lacks[0] ? " the line client_id=," : "",
                          lacks[1] ? " the line client_secret=," : "",
                          lacks[2] ? " the line refresh_token=," : "");
    }
    if (v[2].n > GRANT_TOKEN_MAX || (v[2].n > 0 && !refreshes)) {
        return dr_err_set(err, DR_HALT, 0, "source.token_file",
                          v[2].n > GRANT_TOKEN_MAX
                              ? "the refresh token is too long"
                              : "there is a refresh token, and auth.grant is "
                                "client_credentials: remove one of them");
    }
    *out = (struct grant){v[0], v[1], v[2]};
    return 0;
}

/* ---- the request ---- */

static void add_field(struct dr_buf *out, const char *name, struct dr_str value)
{
    if (value.n > 0) {
        dr_buf_z(out, out->n > 0 ? "&" : "");
        dr_buf_z(out, name);
        dr_buf_ch(out, '=');
        dr_buf_urlenc(out, value);
    }
}

void grant_form(struct dr_buf *out, const struct dr_json *auth,
                const struct grant *g, struct dr_str refresh_token)
{
    dr_buf_reset(out);
    add_field(out, "grant_type", dr_json_get_str(auth, "grant"));
    if (grant_refreshes(auth)) {
        add_field(out, "refresh_token", refresh_token);
    }
    if (!is_basic(auth)) {
        add_field(out, "client_id", g->client_id);
        add_field(out, "client_secret", g->client_secret);
    }
    add_field(out, "scope", dr_json_get_str(auth, "scope"));
    add_field(out, "audience", dr_json_get_str(auth, "audience"));
}

void grant_client(struct dr_buf *out, const struct dr_json *auth,
                  const struct grant *g)
{
    dr_buf_reset(out);
    if (is_basic(auth)) {
        dr_buf_urlenc(out, g->client_id);
        dr_buf_ch(out, ':');
        dr_buf_urlenc(out, g->client_secret);
    }
}

/* ---- the answer ---- */

static const struct {
    const char *code, *cure;
} refusals[] = {
    {"invalid_client",
     "correct client_id and client_secret in the file of source.token_file, "
     "or auth.client_auth of the profile"},
    {"invalid_grant",
     "the refresh token has run out, was taken back or was used before: have "
     "the source give a new one and write it into the file of "
     "source.token_file; where each use gives another, name a "
     "source.refresh_file"},
    {"unauthorized_client",
     "let the client use this grant at the source, or correct auth.grant of "
     "the profile"},
    {"unsupported_grant_type", "correct auth.grant of the profile"},
    {"invalid_scope", "correct auth.scope of the profile"},
    {"invalid_target", "correct auth.audience of the profile"},
    {"access_denied",
     "let the client have auth.scope and auth.audience of the profile"},
    {"invalid_request",
     "correct auth.grant, auth.client_auth, auth.scope and auth.audience of "
     "the profile"},
    {"token_type",
     "the source gives tokens that are no bearer tokens: nothing of ours can "
     "use them"},
    {"", "check auth.token_url of the profile"},
};

const char *grant_cure(const char *code)
{
    size_t i = 0;

    while (i + 1 < DR_ARRAY_LEN(refusals) &&
           strcmp(refusals[i].code, code) != 0) {
        i++;
    }
    return refusals[i].cure;
}

static enum grant_says refused(struct dr_str error, int status,
                               struct given *out)
{
    if (dr_str_eqz(error, "temporarily_unavailable") ||
        dr_str_eqz(error, "server_error") || dr_str_eqz(error, "slow_down")) {
        out->code = "the source asks to come again";
        return GRANT_AGAIN;
    }
    out->code = status == 401 ? "invalid_client" : "";
    for (size_t i = 0; i < DR_ARRAY_LEN(refusals); i++) {
        if (error.n > 0 && dr_str_eqz(error, refusals[i].code)) {
            out->code = refusals[i].code;
        }
    }
    return GRANT_REFUSED;
}

static bool is_token(struct dr_str s)
{
    return s.n > 0 && s.n <= GRANT_TOKEN_MAX && is_printable(s);
}

static enum grant_says given(const struct dr_json *root, struct given *out)
{
    struct dr_str type = dr_json_get_str(root, "token_type");
    int64_t lasts_s = dr_json_get_i64(root, "expires_in", -1);

    if (type.n > 0 && !dr_str_ieq(type, DR_STR_LIT("bearer"))) {
        out->code = "token_type";
        return GRANT_REFUSED;
    }
    out->token = dr_json_get_str(root, "access_token");
    out->refresh = dr_json_get_str(root, "refresh_token");
    if (!is_token(out->token) ||
        (out->refresh.n > 0 && !is_token(out->refresh))) {
        out->code = "an answer without a token of 1 to 3,900 printable "
                    "characters";
        return GRANT_AGAIN;
    }
    lasts_s = lasts_s > LASTS_MAX_S ? LASTS_MAX_S : lasts_s;
    out->lasts_ms = lasts_s > 0 ? 1000 * lasts_s : -1;
    return GRANT_GIVEN;
}

/* Some sources refuse with a 200. */
enum grant_says grant_answer(const struct dr_json *root, int status,
                             struct given *out)
{
    struct dr_str error = dr_json_get_str(root, "error");

    *out = (struct given){.lasts_ms = -1, .code = ""};
    if (status == 408 || status == 429 || status >= 500 || status / 100 == 3) {
        out->code = status / 100 == 3 ? "a redirect, which is not followed"
                                      : "the source asks to come again";
        return GRANT_AGAIN;
    }
    return status >= 400 || error.n > 0 ? refused(error, status, out)
                                        : given(root, out);
}

int64_t grant_renew_ms(int64_t lasts_ms)
{
    int64_t margin = lasts_ms / 4 < MARGIN_MS ? lasts_ms / 4 : MARGIN_MS;

    return lasts_ms < 0 ? -1 : lasts_ms - margin;
}
