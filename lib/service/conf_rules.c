/*
 * What the table of keys cannot say of a value: forms that several services
 * want. The rules themselves stand where the value is used.
 */
#include "service_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drover/http/client.h>

#define VALUE_MAX 80 /* bytes of a value that a message repeats */

int dr_conf_refuse(const struct dr_conf *c, const char *key, struct dr_err *err,
                   const char *fmt, ...)
{
    struct dr_str value = dr_str_z(dr_conf_text(c, key));
    bool shown = dr_str_find(value, DR_STR_LIT("@")) == SIZE_MAX;
    struct dr_str head = dr_utf8_prefix(value, VALUE_MAX);
    char why[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    /* What has a user name may have a password behind it. */
    return dr_err_set(err, DR_HALT, 0, key, "%s%s" DR_STR_FMT "%s: %s", key,
                      shown && value.n > 0 ? " = " : "",
                      (int)(shown ? head.n : 0), head.p,
                      shown && head.n < value.n ? "..." : "", why);
}

int dr_conf_check_bind(const struct dr_conf *c, const char *key,
                       struct dr_err *err)
{
    struct dr_err why = {0};

    return dr_httpd_check_bind(dr_conf_text(c, key), &why)
               ? dr_conf_refuse(c, key, err, "%s", why.text)
               : 0;
}

int dr_conf_check_folder(const struct dr_conf *c, const char *key,
                         struct dr_err *err)
{
    const char *path = dr_conf_text(c, key);
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    char folder[4096] = ".";
    struct stat st;

    if (path[0] == '\0') {
        return 0;
    }
    if (slash) {
        (void)snprintf(folder, sizeof(folder), "%.*s", n > 0 ? (int)n : 1,
                       path);
    }
    if (path[strlen(path) - 1] == '/' ||
        (stat(path, &st) == 0 && S_ISDIR(st.st_mode))) {
        return dr_conf_refuse(c, key, err,
                              "that is a folder: a file is wanted");
    }
    if (access(folder, W_OK | X_OK) != 0) {
        return dr_conf_refuse(c, key, err,
                              "the file's folder is none to write into: %s",
                              strerror(errno));
    }
    return 0;
}

/* a to z, digits, '.', '-', '_': a name or an IPv4 address; or [IPv6]. */
static bool is_host(struct dr_str s)
{
    bool v6 = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';

    for (size_t i = v6 ? 1 : 0; i < s.n - (v6 ? 1 : 0); i++) {
        char ch = s.p[i];
        bool hex = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') ||
                   (ch >= 'A' && ch <= 'F');
        bool name = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    ch == '.' || ch == '-' || ch == '_';
        if (!hex && (v6 ? ch != ':' && ch != '.' : !name)) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 255;
}

static bool is_host_and_port(struct dr_str entry)
{
    size_t end = entry.n;
    uint64_t port;

    while (end > 0 && entry.p[end - 1] != ':' && entry.p[end - 1] != ']') {
        end--;
    }
    if (end == 0 || entry.p[end - 1] == ']') {
        return is_host(entry);
    }
    return is_host((struct dr_str){entry.p, end - 1}) &&
           dr_str_u64((struct dr_str){entry.p + end, entry.n - end}, &port) ==
               0 &&
           port >= 1 && port <= 65535;
}

static int check_hosts(const struct dr_conf *c, const char *key,
                       struct dr_str after_scheme(struct dr_str),
                       const char *scheme, struct dr_err *err)
{
    struct dr_str rest = dr_str_z(dr_conf_text(c, key));

    while (rest.p && rest.n > 0) {
        struct dr_str entry = dr_str_trim(dr_str_split(&rest, ','));
        if (!is_host_and_port(after_scheme ? after_scheme(entry) : entry)) {
            return dr_conf_refuse(
                c, key, err,
                "\"" DR_STR_FMT "\" is no host: host or host:port is wanted, "
                "more of them with commas between, %s and no path",
                (int)(entry.n < 40 ? entry.n : 40), entry.p, scheme);
        }
    }
    return 0;
}

int dr_conf_check_hosts(const struct dr_conf *c, const char *key,
                        struct dr_err *err)
{
    return check_hosts(c, key, NULL, "no scheme", err);
}

/* The listener's protocol, which librdkafka takes before the host, in letters
 * of any case. */
static struct dr_str after_protocol(struct dr_str entry)
{
    static const char *const names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                        "SASL_SSL"};
    size_t at = dr_str_find(entry, DR_STR_LIT("://"));

    for (size_t i = 0; at != SIZE_MAX && i < DR_ARRAY_LEN(names); i++) {
        if (dr_str_ieq((struct dr_str){entry.p, at}, dr_str_z(names[i]))) {
            return (struct dr_str){entry.p + at + 3, entry.n - at - 3};
        }
    }
    return entry;
}

int dr_conf_check_brokers(const struct dr_conf *c, const char *key,
                          struct dr_err *err)
{
    return check_hosts(c, key, after_protocol,
                       "no scheme but PLAINTEXT://, SSL://, SASL_PLAINTEXT:// "
                       "or SASL_SSL://",
                       err);
}
