/* Reports as they are, streamed to stdout or to a file that is replaced only
 * when the new one is whole. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"
#include "text.h"

struct sink {
    struct cli *c;
    int fd;     /* -1: stdout */
    char *part; /* the file while it is written */
    int rc;
    struct whole whole;
};

static int write_all(int fd, struct dr_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            s.p += n;
            s.n -= (size_t)n;
        }
    }
    return 0;
}

static bool sink_take(struct dr_str piece, void *ctx)
{
    struct sink *s = ctx;

    whole_take(&s->whole, piece);
    if (s->fd < 0) {
        s->rc = cli_write_data(s->c, piece);
    } else if (write_all(s->fd, piece)) {
        cli_say(s->c, "%s cannot be written: %s", s->part, strerror(errno));
        s->rc = CLI_FAILED;
    }
    return s->rc == CLI_OK;
}

static int sink_page(void *ctx)
{
    struct sink *s = ctx;
    struct dr_buf line;

    if (!whole_ended(&s->whole)) {
        cli_say(s->c, "the answer ends in the middle of a line: try again");
        return CLI_FAILED;
    }
    dr_buf_init(&line, 256);
    text_count(&line, s->whole.lines);
    dr_buf_z(&line, " lines");
    if (s->fd >= 0 || !s->c->tty_out) {
        cli_progress(s->c, dr_buf_view(&line));
    }
    dr_buf_done(&line);
    return CLI_OK;
}

static int sink_open(struct sink *s, const char *path)
{
    struct dr_buf part;

    s->fd = -1;
    if (!path) {
        return CLI_OK;
    }
    dr_buf_init(&part, 8192);
    dr_buf_printf(&part, "%s.XXXXXX", path);
    s->part = dr_xstrdup(part.p);
    dr_buf_done(&part);
    s->fd = mkostemp(s->part, O_CLOEXEC); /* 0600: a report holds people */
    if (s->fd < 0) {
        cli_say(s->c, "%s cannot be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int sink_close(struct sink *s, int rc, const char *path)
{
    if (s->fd >= 0) {
        bool bad = fsync(s->fd) != 0;
        bad = close(s->fd) != 0 || bad;
        if (rc == CLI_OK && (bad || rename(s->part, path) != 0)) {
            cli_say(s->c, "%s cannot be written: %s", path, strerror(errno));
            rc = CLI_FAILED;
        }
        if (rc != CLI_OK) {
            (void)unlink(s->part);
        }
    }
    free(s->part);
    return rc;
}

static bool is_report_name(struct cli *c, const char *name)
{
    struct dr_buf list;

    dr_buf_init(&list, 4096);
    dr_buf_z(&list, "there is no report \"");
    text_esc(&list, dr_utf8_prefix(dr_str_z(name), 64));
    dr_buf_z(&list, "\"; there are:");
    for (size_t i = 0; report_names[i]; i++) {
        if (strcmp(name, report_names[i]) == 0) {
            dr_buf_done(&list);
            return true;
        }
        dr_buf_printf(&list, " %s", report_names[i]);
    }
    cli_say(c, "%s", list.p);
    dr_buf_done(&list);
    return false;
}

static int fetch_one(struct sink *s, const char *name)
{
    struct api_answer a;
    struct dr_buf path;
    int rc;

    s->whole.text = !dr_str_ends(dr_str_z(name), DR_STR_LIT(".json"));
    dr_buf_init(&path, 8192);
    dr_buf_printf(&path, "/v1/reports/%s", name);
    rc = api_stream(s->c, path.p, sink_take, s, &a);
    dr_buf_done(&path);
    if (rc == CLI_OK && !whole_ended(&s->whole)) {
        cli_say(s->c, "the answer ends in the middle: try again");
        rc = CLI_FAILED;
    }
    if (rc == CLI_OK && s->whole.begun && s->whole.last != '\n') {
        (void)sink_take(DR_STR_LIT("\n"), s);
        rc = s->rc;
    }
    return rc;
}

/* Reports that come in pages of lines; NULL: another one. */
static const char *lines_path(const char *name)
{
    static const char *const lines[][2] = {
        {"records.ndjson", "/v1/records"},
        {"rejected.ndjson", "/v1/rejected"},
        {"removals.ndjson", "/v1/removals"},
        {"conflicts.ndjson", "/v1/conflicts"},
        {"events.ndjson", "/v1/events"}};

    for (size_t i = 0; i < DR_ARRAY_LEN(lines); i++) {
        if (strcmp(name, lines[i][0]) == 0) {
            return lines[i][1];
        }
    }
    return NULL;
}

int cmd_report(struct cli *c)
{
    const char *name = c->args.pos[0], *out = args_flag(&c->args, "out");
    struct sink s = {.c = c};
    int rc;

    if (!is_report_name(c, name)) {
        return CLI_USAGE;
    }
    rc = sink_open(&s, out);
    if (rc == CLI_OK) {
        s.whole.ndjson = true;
        if (lines_path(name)) {
            rc = pages_get(c, lines_path(name), sink_take, sink_page, &s);
        } else {
            s.whole.ndjson = false;
            rc = fetch_one(&s, name);
        }
        cli_progress_end(c);
    }
    return sink_close(&s, rc, out);
}
