#include "access.h"

#include <stdio.h>
#include <string.h>

#include "kept.h"
#include "throttle.h"

/* How the key goes out: in a header, or as a parameter of each path. */
struct carried {
    struct dr_buf header;
    char name[65]; /* of that header, or empty */
    char param[ACCESS_PARAM_MAX];
};

static const struct dr_json *auth_of(const struct access *x)
{
    return dr_json_get(x->profile->root, "auth");
}

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct dr_buf *out, struct dr_str in)
{
    for (size_t i = 0; i < in.n; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)in.p[i] << 16;
        size_t n = in.n - i < 3 ? in.n - i : 3;
        if (n > 1) {
            v |= (uint32_t)(unsigned char)in.p[i + 1] << 8;
        }
        if (n > 2) {
            v |= (unsigned char)in.p[i + 2];
        }
        for (size_t k = 0; k < 4; k++) {
            dr_buf_ch(out, k <= n ? base64[v >> (18 - 6 * k) & 63] : '=');
        }
    }
}

void access_secret_buf(struct dr_buf *b, size_t max)
{
    dr_buf_init(b, max);
    (void)dr_buf_reserve(b, max);
}

void access_wipe(struct dr_buf *b)
{
    if (b->cap > 0) {
        explicit_bzero(b->p, b->cap);
    }
    dr_buf_done(b);
}

static struct dr_str host_of(struct dr_str url)
{
    size_t at = dr_str_find(url, DR_STR_LIT("://"));

    if (at < url.n) {
        url = (struct dr_str){url.p + at + 3, url.n - at - 3};
    }
    return dr_str_split(&url, '/');
}

/* The key goes to hosts that the profile allows; where it says nothing, to
 * that of source.url. */
static bool is_allowed(const struct access *x, struct dr_str url)
{
    const struct dr_json *hosts = dr_json_get(auth_of(x), "hosts");

    if (!hosts || hosts->count == 0) {
        return dr_str_ieq(host_of(url), host_of(dr_str_z(x->url)));
    }
    DR_JSON_EACH(h, hosts)
    {
        if (dr_str_ieq(dr_json_str(h), host_of(url))) {
            return true;
        }
    }
    return false;
}

static int carry_param(struct carried *c, struct dr_str name, struct dr_str key,
                       struct dr_err *err)
{
    struct dr_buf param;
    bool over;

    access_secret_buf(&param, sizeof(c->param) - 1);
    dr_buf_urlenc(&param, name);
    dr_buf_ch(&param, '=');
    dr_buf_urlenc(&param, key);
    over = param.over;
    (void)snprintf(c->param, sizeof(c->param), "%s", param.p);
    access_wipe(&param);
    return over ? dr_err_set(err, DR_HALT, 0, "http.auth",
                             "the key is too long for a parameter")
                : 0;
}

static int carry(struct carried *c, const struct dr_json *how,
                 struct dr_str key, struct dr_err *err)
{
    struct dr_str type = dr_json_get_str(how, "type");
    struct dr_str name = dr_json_get_str(how, "name");

    if (dr_str_eqz(type, "query")) {
        return carry_param(c, name, key, err);
    }
    if (dr_str_eqz(type, "basic")) {
        dr_buf_z(&c->header, "Basic ");
        add_base64(&c->header, key); /* the file holds user:password */
    } else {
        dr_buf_z(&c->header, dr_str_eqz(type, "header") ? "" : "Bearer ");
        dr_buf_str(&c->header, key);
    }
    if (dr_str_eqz(type, "header")) {
        (void)snprintf(c->name, sizeof(c->name), DR_STR_FMT, DR_STR_ARG(name));
    }
    return 0;
}

static void carried_done(struct carried *c)
{
    access_wipe(&c->header);
    explicit_bzero(c->param, sizeof(c->param));
}

static bool is_oauth2(const struct access *x)
{
    return dr_str_eqz(dr_json_get_str(auth_of(x), "type"), "oauth2");
}

static struct dr_http_opts plain_opts(const struct access *x)
{
    return (struct dr_http_opts){.base_url = x->url,
                                 .allow_plain = x->allow_plain,
                                 .max_answer = ANSWER_MAX,
                                 .max_connections = 1};
}

/* By the key of the configuration that holds what is wrong. */
static int wrong(struct dr_err *err, const char *key)
{
    (void)snprintf(err->where, sizeof(err->where), "%s", key);
    return -1;
}

int access_check_url(const struct access *x, struct dr_err *err)
{
    struct dr_http_opts o = plain_opts(x);

    if (!is_allowed(x, dr_str_z(x->url))) {
        return dr_err_set(err, DR_HALT, 0, "source.url",
                          "the profile does not allow this host: correct it, "
                          "or name the host in auth.hosts of the profile");
    }
    return dr_http_check(&o, err) ? wrong(err, "source.url") : 0;
}

/* Adds the key to what the client is made of, or says why it cannot be. Ends
 * by carried_done. */
static int with_key(const struct access *x, struct dr_str key,
                    struct carried *c, struct dr_http_opts *o,
                    struct dr_err *err)
{
    *c = (struct carried){0};
    access_secret_buf(&c->header, 8192);
    if (carry(c, auth_of(x), key, err)) {
        return wrong(err, "source.token_file");
    }
    o->auth_header = c->header.n > 0 ? c->header.p : NULL;
    o->auth_name = c->name[0] ? c->name : NULL;
    return 0;
}

/* Whatever the address is. */
static int check_header(struct dr_http_opts *o, struct dr_err *err)
{
    o->base_url = "https://localhost";
    return dr_http_check(o, err) ? wrong(err, "source.token_file") : 0;
}

/* ---- OAuth2 ---- */

static struct dr_http_opts token_opts(const struct access *x,
                                      const struct dr_url *url)
{
    return (struct dr_http_opts){.base_url = url->origin,
                                 .allow_plain = x->allow_plain,
                                 .form = true,
                                 .max_answer = TOKEN_ANSWER_MAX,
                                 .max_connections = 1};
}

int access_check_token_url(const struct access *x, struct dr_err *err)
{
    struct dr_str text = dr_json_get_str(auth_of(x), "token_url");
    struct dr_err why = {0};
    struct dr_http_opts o;
    struct dr_url url;

    if (!is_oauth2(x) || access_check_url(x, &why)) {
        return 0; /* which hosts are allowed is not known then */
    }
    if (!is_allowed(x, text)) {
        return dr_err_set(err, DR_HALT, 0, "source.profile",
                          "/auth/token_url: its host is not allowed: name it "
                          "in auth.hosts, beside that of source.url");
    }
    if (dr_url_split(text, &url, &why)) {
        return dr_err_set(err, DR_HALT, 0, "source.profile",
                          "/auth/token_url: %s", why.text);
    }
    o = token_opts(x, &url);
    return dr_http_check(&o, &why)
               ? dr_err_set(err, DR_HALT, 0, "source.profile",
                            "/auth/token_url: %s", why.text)
               : 0;
}

int access_check_refresh_file(const struct access *x, struct dr_err *err)
{
    const struct grant unknown = {0}; /* of which token it is does not matter */
    const char *path = x->refresh_file;
    char kept[GRANT_TOKEN_MAX + 1];
    struct dr_err why = {0};
    int r;

    if (!path || !path[0]) {
        return 0;
    }
    if (!(is_oauth2(x) && grant_refreshes(auth_of(x)))) {
        return dr_err_set(err, DR_HALT, 0, "source.refresh_file",
                          "the profile has no auth.grant refresh_token: leave "
                          "it empty");
    }
    r = kept_read(path, &unknown, kept, &why);
    explicit_bzero(kept, sizeof(kept));
    return r < 0 ? dr_err_set(err, DR_HALT, 0, "source.refresh_file", "%s",
                              why.text)
                 : 0;
}

/* "Basic …" where auth.client_auth says so. */
static void client_header(const struct access *x, const struct grant *g,
                          struct dr_buf *out)
{
    struct dr_buf pair;

    access_secret_buf(&pair, 16384);
    access_secret_buf(out, 32768);
    grant_client(&pair, auth_of(x), g);
    if (pair.n > 0) {
        dr_buf_z(out, "Basic ");
        add_base64(out, dr_buf_view(&pair));
    }
    access_wipe(&pair);
}

static int check_grant(const struct access *x, struct dr_err *err)
{
    struct dr_http_opts o = {0};
    struct dr_buf header;
    struct grant g;
    int r;

    if (grant_read(auth_of(x), x->secret, &g, err)) {
        return -1;
    }
    client_header(x, &g, &header);
    o.auth_header = header.n > 0 ? header.p : NULL;
    r = check_header(&o, err);
    access_wipe(&header);
    return r;
}

struct dr_http *access_token_client(const struct access *x,
                                    const struct dr_url *url,
                                    const struct grant *g, struct dr_err *err)
{
    struct dr_http_opts o = token_opts(x, url);
    struct dr_buf header;
    struct dr_http *http;

    client_header(x, g, &header);
    o.auth_header = header.n > 0 ? header.p : NULL;
    http = dr_http_new(&o, err);
    access_wipe(&header);
    return http;
}

int64_t access_max_wait_ms(const struct access *x)
{
    return 1000 * dr_json_get_i64(dr_json_get(x->profile->root, "limits"),
                                  "max_wait_s", THROTTLE_MAX_TOLD_MS / 1000);
}

/* ---- both ---- */

/* What OAuth2 gives is not there yet: what asks for it must be. */
int access_check_key(const struct access *x, struct dr_err *err)
{
    struct dr_http_opts o = {0};
    struct carried c;
    int r;

    if (is_oauth2(x)) {
        return check_grant(x, err);
    }
    r = with_key(x, x->secret, &c, &o, err) ? -1 : check_header(&o, err);
    carried_done(&c);
    return r;
}

int access_check(const struct access *x, struct dr_err *err)
{
    static access_check_fn *const all[] = {access_check_refresh_file,
                                           access_check_token_url,
                                           access_check_key, access_check_url};

    for (size_t i = 0; i < DR_ARRAY_LEN(all); i++) {
        if (all[i](x, err)) {
            return -1;
        }
    }
    return 0;
}

struct dr_http *access_client(const struct access *x, struct dr_str key,
                              char param_out[ACCESS_PARAM_MAX],
                              struct dr_err *err)
{
    struct dr_http_opts o = plain_opts(x);
    struct dr_http *http = NULL;
    struct carried c;

    if (with_key(x, key, &c, &o, err) == 0 && access_check_url(x, err) == 0) {
        http = dr_http_new(&o, err);
        memcpy(param_out, c.param, sizeof(c.param));
    }
    carried_done(&c);
    return http;
}
