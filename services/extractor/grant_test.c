/* OAuth2: the file of secrets, the form, the answers, what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "kept.h"

#define SECRET "hush-hush"

static const struct dr_json *json(struct dr_arena *a, const char *text)
{
    const struct dr_json *j = dr_json_parse(a, dr_str_z(text), NULL, NULL);

    assert_non_null(j);
    return j;
}

static void assert_str(struct dr_str got, const char *want)
{
    if (!dr_str_eqz(got, want)) {
        fail_msg("\n got: " DR_STR_FMT "\nwant: %s", DR_STR_ARG(got), want);
    }
}

/* ---- the file ---- */

static void a_file_of_secrets_is_read(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *auth = json(a, "{\"grant\":\"refresh_token\"}");
    struct dr_err err = {0};
    struct grant g;

    (void)state;
    assert_int_equal(grant_read(auth,
                                DR_STR_LIT("# of the test tenant\r\n"
                                           "client_id = a-b\r\n\r\n"
                                           "refresh_token=r==\n"
                                           "client_secret=" SECRET),
                                &g, &err),
                     0);
    assert_str(g.client_id, "a-b");
    assert_str(g.client_secret, SECRET);
    assert_str(g.refresh_token, "r==");
    assert_int_equal(
        grant_read(auth, DR_STR_LIT("client_id=a\nrefresh_token=r"), &g, &err),
        0); /* a public client */
    assert_int_equal(g.client_secret.n, 0);
}

static void a_file_that_lacks_something_is_refused(void **state)
{
    static const struct {
        const char *auth, *text, *says;
    } cases[] = {
        {"{\"grant\":\"refresh_token\"}", SECRET, "line 1 is no name=value"},
        {"{\"grant\":\"refresh_token\"}",
         "client_id=a\nsecret=" SECRET "\nrefresh_token=" SECRET,
         "line 2 is no name=value"},
        {"{\"grant\":\"refresh_token\"}",
         "client_id=a\nrefresh_token=" SECRET "\nrefresh_token=" SECRET,
         "line 3: refresh_token occurs twice"},
        {"{\"grant\":\"refresh_token\"}",
         "client_id=a\nclient_secret=\nrefresh_token=" SECRET,
         "line 2: client_secret is empty"},
        {"{\"grant\":\"refresh_token\"}",
         "client_id=a\nrefresh_token=" SECRET "\x01", "printable"},
        {"{\"grant\":\"refresh_token\"}", "client_id=a\nclient_secret=" SECRET,
         "lacks the line refresh_token="},
        {"{\"grant\":\"refresh_token\"}", "refresh_token=" SECRET,
         "lacks the line client_id="},
        {"{\"grant\":\"client_credentials\"}", "client_id=a",
         "lacks the line client_secret="},
        {"{\"grant\":\"refresh_token\",\"client_auth\":\"basic\"}",
         "client_id=a\nrefresh_token=" SECRET, "lacks the line client_secret="},
        {"{\"grant\":\"client_credentials\"}",
         "client_id=a\nclient_secret=" SECRET "\nrefresh_token=" SECRET,
         "remove one of them"},
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_err err = {0};
        struct grant g;
        assert_int_equal(grant_read(json(a, cases[i].auth),
                                    dr_str_z(cases[i].text), &g, &err),
                         -1);
        assert_string_equal(err.where, "source.token_file");
        if (!strstr(err.text, cases[i].says) || strstr(err.text, SECRET)) {
            fail_msg("case %zu says: %s", i, err.text);
        }
    }
}

/* ---- the form ---- */

static void the_form_is_encoded(void **state)
{
    const struct grant g = {DR_STR_LIT("a b"), DR_STR_LIT("s&t=u"),
                            DR_STR_LIT("old")};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *auth =
        json(a, "{\"grant\":\"refresh_token\",\"scope\":\"crm.read x\"}");
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    grant_form(&b, auth, &g, DR_STR_LIT("new/1"));
    assert_str(dr_buf_view(&b),
               "grant_type=refresh_token&refresh_token=new%2F1&client_id=a%20b"
               "&client_secret=s%26t%3Du&scope=crm.read%20x");
    grant_client(&b, auth, &g);
    assert_int_equal(b.n, 0);
    auth = json(a, "{\"grant\":\"client_credentials\",\"client_auth\":"
                   "\"basic\",\"audience\":\"https://crm\"}");
    grant_form(&b, auth, &g, g.refresh_token);
    assert_str(dr_buf_view(&b),
               "grant_type=client_credentials&audience=https%3A%2F%2Fcrm");
    grant_client(&b, auth, &g);
    assert_str(dr_buf_view(&b), "a%20b:s%26t%3Du");
    dr_buf_done(&b);
}

/* ---- the answer ---- */

static void what_is_given_is_read(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct given got;

    (void)state;
    assert_int_equal(
        grant_answer(json(a, "{\"access_token\":\"t\",\"token_type\":"
                             "\"bearer\",\"expires_in\":3600,"
                             "\"refresh_token\":\"n\"}"),
                     200, &got),
        GRANT_GIVEN);
    assert_str(got.token, "t");
    assert_str(got.refresh, "n");
    assert_int_equal(got.lasts_ms, 3600000);
    assert_int_equal(grant_answer(json(a, "{\"access_token\":\"t\","
                                          "\"expires_in\":\"90\"}"),
                                  200, &got),
                     GRANT_GIVEN);
    assert_int_equal(got.lasts_ms, 90000);
    assert_int_equal(got.refresh.n, 0);
    assert_int_equal(grant_answer(json(a, "{\"access_token\":\"t\","
                                          "\"expires_in\":0}"),
                                  200, &got),
                     GRANT_GIVEN);
    assert_int_equal(got.lasts_ms, -1);
}

static void what_is_not_given_is_understood(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum grant_says says;
        const char *code;
    } cases[] = {
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}",
         GRANT_REFUSED, "invalid_grant"},
        {401, "{\"error\":\"invalid_client\"}", GRANT_REFUSED,
         "invalid_client"},
        {401, NULL, GRANT_REFUSED, "invalid_client"},
        {403, NULL, GRANT_REFUSED, ""},
        {404, "{}", GRANT_REFUSED, ""},
        {400, "{\"error\":\"" SECRET " is wrong\"}", GRANT_REFUSED, ""},
        {200, "{\"error\":\"invalid_grant\"}", GRANT_REFUSED, "invalid_grant"},
        {400, "{\"error\":\"temporarily_unavailable\"}", GRANT_AGAIN, NULL},
        {429, "{\"error\":\"invalid_client\"}", GRANT_AGAIN, NULL},
        {503, NULL, GRANT_AGAIN, NULL},
        {302, NULL, GRANT_AGAIN, NULL},
        {408, NULL, GRANT_AGAIN, NULL},
        {200, NULL, GRANT_AGAIN, NULL},
        {200, "{\"access_token\":\"\"}", GRANT_AGAIN, NULL},
        {200, "{\"access_token\":\"a\\nb\"}", GRANT_AGAIN, NULL},
        {200, "{\"access_token\":\"a\",\"refresh_token\":\"\\u0000\"}",
         GRANT_AGAIN, NULL},
        {200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", GRANT_REFUSED,
         "token_type"},
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        const struct dr_json *root =
            cases[i].body ? json(a, cases[i].body) : NULL;
        struct given got;
        if (grant_answer(root, cases[i].status, &got) != cases[i].says) {
            fail_msg("case %zu", i);
        }
        assert_null(strstr(got.code, SECRET));
        if (cases[i].code) {
            assert_string_equal(got.code, cases[i].code);
        }
        assert_true(strlen(grant_cure(got.code)) > 20);
    }
}

static void a_token_is_renewed_before_its_end(void **state)
{
    (void)state;
    assert_int_equal(grant_renew_ms(3600000), 3540000);
    assert_int_equal(grant_renew_ms(60000), 45000);
    assert_int_equal(grant_renew_ms(1000), 750);
    assert_int_equal(grant_renew_ms(-1), -1);
}

/* ---- what is kept ---- */

static void a_refresh_token_is_kept(void **state)
{
    const struct grant g = {DR_STR_LIT("a"), DR_STR_LIT("s"),
                            DR_STR_LIT("first")};
    const struct grant another = {DR_STR_LIT("a"), DR_STR_LIT("s"),
                                  DR_STR_LIT("by hand")};
    char folder[] = "/tmp/kept-XXXXXX", path[64], taken[70];
    char got[GRANT_TOKEN_MAX + 1];
    struct dr_err err = {0};
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/refresh", folder);
    (void)snprintf(taken, sizeof(taken), "%s.new", path);
    assert_int_equal(mkdir(taken, 0700), 0); /* no name that others may take */
    assert_int_equal(kept_read(path, &g, got, &err), 0);
    for (int i = 0; i < 2; i++) {
        const char *token = i ? "third" : "second";
        assert_int_equal(kept_write(path, &g, dr_str_z(token), &err), 0);
        assert_int_equal(kept_read(path, &g, got, &err), 1);
        assert_string_equal(got, token);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rmdir(taken), 0);
    /* What a person writes into the token's file counts more. */
    assert_int_equal(kept_read(path, &another, got, &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(kept_write(path, &g, DR_STR_LIT("x"), &err), -1);
    assert_non_null(strstr(err.text, "No such file"));
}

static void another_file_is_not_taken_for_it(void **state)
{
    const struct grant g = {DR_STR_LIT("a"), DR_STR_LIT("s"),
                            DR_STR_LIT("first")};
    char path[] = "/tmp/kept-XXXXXX", got[GRANT_TOKEN_MAX + 1];
    int fd = mkstemp(path);
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(write(fd, "of=1\n", 5), 5);
    assert_int_equal(kept_read(path, &g, got, &err), -1);
    assert_int_equal(write(fd, SECRET "\n", strlen(SECRET) + 1),
                     strlen(SECRET) + 1);
    assert_int_equal(kept_read(path, &g, got, &err), -1);
    assert_null(strstr(err.text, SECRET));
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

/* ---- where the secrets may go ---- */

static void secrets_go_to_allowed_hosts_alone(void **state)
{
    static const struct {
        const char *url, *token_url, *hosts;
        bool plain;
        const char *where, *says; /* NULL: allowed */
    } cases[] = {
        {"https://crm.example/x", "https://crm.example/oauth", "", 0, 0, 0},
        {"https://crm.example", "https://CRM.example/oauth", "", 0, 0, 0},
        {"https://crm.example", "https://id.example/oauth", "", 0,
         "source.profile", "/auth/token_url: its host is not allowed"},
        {"https://crm.example", "https://crm.example:444/oauth", "", 0,
         "source.profile", "/auth/token_url: its host is not allowed"},
        {"https://crm.example", "https://id.example/oauth?a=b",
         "\"crm.example\",\"id.example\"", 0, 0, 0},
        {"https://crm.example", "https://id.example/oauth", "\"id.example\"", 0,
         "source.url", "does not allow this host"},
        {"https://crm.example", "https://id.example.evil.example/",
         "\"crm.example\",\"id.example\"", 0, "source.profile",
         "is not allowed"},
        {"https://crm.example", "https://evil.example#.id.example/",
         "\"crm.example\",\"id.example\"", 0, "source.profile",
         "is not allowed"},
        {"https://crm.example", "http://id.example/oauth",
         "\"crm.example\",\"id.example\"", 0, "source.profile", "use https"},
        {"http://crm.example", "http://id.example/oauth",
         "\"crm.example\",\"id.example\"", 1, 0, 0},
        {"http://127.0.0.1:1", "http://127.0.0.1:1/oauth", "", 0, 0, 0},
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_str text = dr_arena_printf(
            a,
            "{\"auth\":{\"type\":\"oauth2\",\"grant\":\"client_credentials\","
            "\"token_url\":\"%s\",\"hosts\":[%s]}}",
            cases[i].token_url, cases[i].hosts);
        struct profile p = {.root = json(a, text.p)};
        struct access x = {.url = cases[i].url,
                           .secret =
                               DR_STR_LIT("client_id=a\nclient_secret=" SECRET),
                           .allow_plain = cases[i].plain,
                           .profile = &p};
        struct dr_err err = {0};
        int r = access_check(&x, &err);
        if (r != (cases[i].where ? -1 : 0) ||
            (r && (strcmp(err.where, cases[i].where) != 0 ||
                   !strstr(err.text, cases[i].says)))) {
            fail_msg("case %zu: %s: %s", i, err.where, err.text);
        }
    }
}

static void a_file_to_keep_in_needs_something_to_keep(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct profile p = {.root =
                            json(a, "{\"auth\":{\"type\":\"oauth2\",\"grant\":"
                                    "\"client_credentials\",\"token_url\":"
                                    "\"https://crm.example/t\"}}")};
    struct access x = {.url = "https://crm.example",
                       .secret = DR_STR_LIT("client_id=a\nclient_secret=s"),
                       .refresh_file = "/tmp/x",
                       .profile = &p};
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(access_check(&x, &err), -1);
    assert_string_equal(err.where, "source.refresh_file");
    x.refresh_file = "";
    assert_int_equal(access_check(&x, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_secrets_is_read),
        cmocka_unit_test(a_file_that_lacks_something_is_refused),
        cmocka_unit_test(the_form_is_encoded),
        cmocka_unit_test(what_is_given_is_read),
        cmocka_unit_test(what_is_not_given_is_understood),
        cmocka_unit_test(a_token_is_renewed_before_its_end),
        cmocka_unit_test(a_refresh_token_is_kept),
        cmocka_unit_test(another_file_is_not_taken_for_it),
        cmocka_unit_test(secrets_go_to_allowed_hosts_alone),
        cmocka_unit_test(a_file_to_keep_in_needs_something_to_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
