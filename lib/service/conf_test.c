/* The table of keys as parser, checker and manual; the metrics' text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "service_private.h"

static const struct dr_conf_key keys[] = {
    DR_CONF_COMMON,
    {"source.url", DR_CONF_TEXT, "http://127.0.0.1:1", 0, 0, "base address"},
    {"source.tail", DR_CONF_BOOL, "yes", 0, 0, "read changes"},
    {"source.key_file", DR_CONF_SECRET, "", 0, 0, "the key"},
    {NULL, DR_CONF_TEXT, NULL, 0, 0, NULL}};

#define MINIMUM "migration = m\nkafka.brokers = b:1\n"

static char path[64];

static void write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int make_path(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/conf-test-XXXXXX");
    fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int drop_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* File and environment, as a service reads them. */
static struct dr_conf *load(const char *text, const char *const *env)
{
    static const char *const no_env[] = {NULL};
    struct dr_conf *c = dr_conf_new(keys);

    write_file(text, strlen(text));
    dr_conf_read(c, path);
    dr_conf_apply_env(c, (char *const *)(uintptr_t)(env ? env : no_env));
    dr_conf_finish(c);
    return c;
}

static bool says(const struct dr_conf *c, const char *why)
{
    return dr_str_find(dr_conf_faults(c), dr_str_z(why)) != SIZE_MAX;
}

/* Without a fault. */
static struct dr_conf *good(const char *text, const char *const *env)
{
    struct dr_conf *c = load(text, env);

    if (dr_conf_faults(c).n > 0) {
        fail_msg(DR_STR_FMT, DR_STR_ARG(dr_conf_faults(c)));
    }
    return c;
}

/* One of the faults says it. */
static void refused(const char *text, const char *const *env, const char *why)
{
    struct dr_conf *c = load(text, env);

    if (!says(c, why)) {
        fail_msg("wanted \"%s\", got \"" DR_STR_FMT "\"", why,
                 DR_STR_ARG(dr_conf_faults(c)));
    }
    dr_conf_free(c);
}

static void test_defaults_and_file(void **state)
{
    struct dr_conf *c = good("# a comment\r\n; one more\n\n" MINIMUM
                             "[source]\n url =  http://x/y=z \ntail=0\n"
                             "[kafka]\npartitions = 12",
                             NULL);

    (void)state;
    assert_non_null(c);
    assert_string_equal(dr_conf_text(c, "migration"), "m");
    assert_string_equal(dr_conf_text(c, "source.url"), "http://x/y=z");
    assert_false(dr_conf_bool(c, "source.tail"));
    assert_int_equal(dr_conf_int(c, "kafka.partitions"), 12);
    assert_int_equal(dr_conf_int(c, "kafka.session_ms"), 6000);
    assert_int_equal(dr_conf_secret(c, "source.key_file").n, 0);
    dr_conf_free(c);
}

static void test_environment_wins(void **state)
{
    static const char *const env[] = {
        "PATH=/bin", "DROVER_KAFKA_PARTITIONS=3",
        "DROVER_SOURCE_KEY_FILE=", "DROVER_SOURCE_URL=http://e", NULL};
    struct dr_conf *c =
        good(MINIMUM "kafka.partitions = 12\nsource.url = http://f\n", env);

    (void)state;
    assert_non_null(c);
    assert_int_equal(dr_conf_int(c, "kafka.partitions"), 3);
    assert_string_equal(dr_conf_text(c, "source.url"), "http://e");
    dr_conf_free(c);
}

static void test_refused_files(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"kafka.broker = b\n", "line 1: unknown key \"kafka.broker\", did you "
                               "mean \"kafka.brokers\""},
        {"a = b\n", "unknown key \"a\": see --help-config"},
        {"\n\npartitions = 3\n", "line 3: unknown key \"partitions\", did you "
                                 "mean \"kafka.partitions\""},
        {"[kafka]\nmigration = m\n", "unknown key \"kafka.migration\""},
        {"kafka.brokers = b\n", "migration is required: name of the"},
        {"migration = m\nkafka.brokers =\n", "kafka.brokers is required"},
        {MINIMUM "kafka.partitions = 0\n", "from 1 to 512"},
        {MINIMUM "kafka.partitions = 513\n",
         "line 3: kafka.partitions = 513: a"},
        {MINIMUM "kafka.partitions = 6x\n", "a whole number from 1 to 512"},
        {MINIMUM "kafka.partitions =\n", "a whole number"},
        {MINIMUM "http.port = 99999999999999999999\n", "0 to 65535"},
        {MINIMUM "source.tail = maybe\n", "source.tail = maybe: true or false"},
        {MINIMUM "migration = n\n", "migration is there twice"},
        {MINIMUM "[source\n", "a section is written [name]"},
        {MINIMUM "just words\n", "a line is written key = value"},
        {MINIMUM "= x\n", "unknown key \"\""},
        {MINIMUM "log.level = \xff\n", "is not a text file"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        refused(cases[i].text, NULL, cases[i].why);
    }
}

/* All of them, in order; of a key the first alone, and what was given wrong is
 * not called missing. */
static void test_every_fault_is_told(void **state)
{
    static const char *const env[] = {"DROVER_HTTP_PORT=x", NULL};
    struct dr_conf *c = load("migration =\nkafka.partitions = 0\nnope = 1\n"
                             "kafka.partitions = many\nsource.tail = so\n",
                             env);
    static const char *const want[] = {
        "line 2: kafka.partitions = 0: ", "line 3: unknown key \"nope\"",
        "line 5: source.tail = so: ",     "DROVER_HTTP_PORT: http.port = x: ",
        "migration is required",          "kafka.brokers is required"};
    struct dr_str rest = dr_conf_faults(c);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(want); i++) {
        struct dr_str line = dr_str_split(&rest, '\n');
        if (dr_str_find(line, dr_str_z(want[i])) == SIZE_MAX) {
            fail_msg("wanted \"%s\", got \"" DR_STR_FMT "\"", want[i],
                     DR_STR_ARG(line));
        }
    }
    assert_int_equal(rest.n, 0);
    dr_conf_free(c);
}

static void test_file_not_there(void **state)
{
    struct dr_conf *c = dr_conf_new(keys);

    (void)state;
    dr_conf_read(c, "/nowhere/drover.conf");
    assert_true(says(c, "/nowhere/drover.conf: No such file"));
    dr_conf_free(c);
}

static void test_file_hostile(void **state)
{
    struct dr_conf *c = dr_conf_new(keys);
    char *big = malloc((size_t)2 << 20);

    (void)state;
    write_file("migration = a\0b\n", 16);
    dr_conf_read(c, path);
    assert_true(says(c, "is not a text file"));
    assert_non_null(big);
    memset(big, 'x', (size_t)2 << 20);
    write_file(big, (size_t)2 << 20);
    dr_conf_read(c, path);
    assert_true(says(c, "at most 1 MiB"));
    write_file(big, 5000); /* one long key */
    dr_conf_read(c, path);
    assert_true(says(c, "line 1: a line is written key = value"));
    free(big);
    dr_conf_free(c);
}

static void test_refused_environment(void **state)
{
    static const char *const typo[] = {"DROVER_KAFKA_BROKER=x", NULL};
    static const char *const alien[] = {"DROVER_NO_SUCH_THING_AT_ALL=x", NULL};
    static const char *const range[] = {"DROVER_HTTP_PORT=70000", NULL};

    (void)state;
    refused(MINIMUM, typo,
            "DROVER_KAFKA_BROKER, did you mean DROVER_KAFKA_BROKERS:");
    refused(MINIMUM, alien, "DROVER_NO_SUCH_THING_AT_ALL: see");
    refused(MINIMUM, range,
            "DROVER_HTTP_PORT: http.port = 70000: a whole number");
}

/* What Kubernetes adds for a Service named drover-auditor is no mistake. */
static void test_service_links(void **state)
{
    static const char *const env[] = {
        "DROVER_AUDITOR_SERVICE_HOST=10.0.0.1",
        "DROVER_AUDITOR_SERVICE_PORT=8080",
        "DROVER_AUDITOR_SERVICE_PORT_HTTP=8080",
        "DROVER_AUDITOR_PORT=tcp://10.0.0.1:8080",
        "DROVER_AUDITOR_PORT_8080_TCP=tcp://10.0.0.1",
        "DROVER_AUDITOR_PORT_8080_TCP_PORT=8080",
        NULL};
    static const char *const port[] = {"DROVER_AUDITOR_PORT=8080", NULL};
    struct dr_conf *c = good(MINIMUM, env);

    (void)state;
    assert_non_null(c);
    dr_conf_free(c);
    refused(MINIMUM, port, "DROVER_AUDITOR_PORT");
}

static void test_secrets(void **state)
{
    char text[256], secret[80];
    struct dr_conf *c;
    struct dr_buf out;
    FILE *f;

    (void)state;
    refused(MINIMUM "source.key_file = /nowhere/key\n", NULL,
            "source.key_file: cannot read the secret file /nowhere/key: No "
            "such file or directory: write the secret into that file");
    (void)snprintf(secret, sizeof(secret), "%s.key", path);
    (void)snprintf(text, sizeof(text), MINIMUM "source.key_file = %s\n",
                   secret);
    f = fopen(secret, "we");
    assert_non_null(f);
    assert_int_equal(chmod(secret, 0600), 0);
    assert_int_equal(fclose(f), 0);
    refused(text, NULL, ".key is empty");
    f = fopen(secret, "we");
    assert_non_null(f);
    (void)fputs("  s3cret value\n\n", f);
    assert_int_equal(fclose(f), 0);
    c = good(text, NULL);
    assert_non_null(c);
    assert_true(
        dr_str_eqz(dr_conf_secret(c, "source.key_file"), "s3cret value"));
    dr_buf_init(&out, 100000);
    dr_conf_print(c, &out);
    assert_null(strstr(out.p, "s3cret"));
    dr_buf_done(&out);
    dr_conf_free(c);
    assert_int_equal(unlink(secret), 0);
}

/* --print-config is a configuration that says the same. */
static void test_print_round_trip(void **state)
{
    struct dr_conf *c = good(MINIMUM "source.url = http://x/#y;z=1\n", NULL);
    struct dr_buf first, second;

    (void)state;
    assert_non_null(c);
    dr_buf_init(&first, 100000);
    dr_buf_init(&second, 100000);
    dr_conf_print(c, &first);
    dr_conf_free(c);
    c = good(first.p, NULL);
    assert_non_null(c);
    dr_conf_print(c, &second);
    assert_string_equal(first.p, second.p);
    dr_conf_free(c);
    dr_buf_done(&first);
    dr_buf_done(&second);
}

static void test_help_is_a_table(void **state)
{
    struct dr_conf *c = dr_conf_new(keys);
    struct dr_buf out;

    (void)state;
    dr_buf_init(&out, 100000);
    dr_conf_help(c, &out);
    assert_non_null(strstr(
        out.p, "| key | type | default | meaning |\n| --- | --- | --- |"));
    assert_non_null(
        strstr(out.p, "| `kafka.partitions` | number 1 to 512 | 6 | part"));
    assert_non_null(strstr(out.p, "| `migration` | text | required | name"));
    assert_non_null(
        strstr(out.p, "| `source.key_file` | path of a secret | empty | "));
    for (const char *line = out.p; *line; line = strchr(line, '\n') + 1) {
        int bars = 0;
        for (const char *p = line; *p != '\n'; p++) {
            bars += *p == '|';
        }
        assert_int_equal(bars, 5);
    }
    dr_buf_done(&out);
    dr_conf_free(c);
}

static void test_metrics_text(void **state)
{
    struct dr_metrics *m = dr_metrics_new();
    int64_t *a = dr_metric(m, "drover_x_total", "counter", "things", "o=\"a\"");
    int64_t *plain = dr_metric(m, "drover_y", "gauge", "a level", "");
    int64_t *b = dr_metric(m, "drover_x_total", "counter", "things", "o=\"b\"");
    struct dr_buf out;

    (void)state;
    *a = 1;
    *b = INT64_MAX;
    *plain = -7;
    assert_ptr_equal(
        a, dr_metric(m, "drover_x_total", "counter", "things", "o=\"a\""));
    dr_buf_init(&out, 10000);
    dr_metrics_print(m, &out);
    assert_string_equal(out.p, "# HELP drover_x_total things\n"
                               "# TYPE drover_x_total counter\n"
                               "drover_x_total{o=\"a\"} 1\n"
                               "drover_x_total{o=\"b\"} 9223372036854775807\n"
                               "# HELP drover_y a level\n"
                               "# TYPE drover_y gauge\n"
                               "drover_y -7\n");
    dr_buf_done(&out);
    dr_metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_file),
        cmocka_unit_test(test_environment_wins),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_every_fault_is_told),
        cmocka_unit_test(test_file_not_there),
        cmocka_unit_test(test_file_hostile),
        cmocka_unit_test(test_refused_environment),
        cmocka_unit_test(test_service_links),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_print_round_trip),
        cmocka_unit_test(test_help_is_a_table),
        cmocka_unit_test(test_metrics_text),
    };

    return cmocka_run_group_tests(tests, make_path, drop_path);
}
