/* Pages and streams. */
#include "pages.h"

#include <string.h>

#define PAGE_LINES 1000

void whole_take(struct whole *w, struct dr_str piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        char ch = piece.p[i];
        w->lines += ch == '\n';
        w->begun = w->begun || (ch != ' ' && ch != '\n' && ch != '\r');
        if (w->escaped) {
            w->escaped = false;
        } else if (w->in_string) {
            w->escaped = ch == '\\';
            w->in_string = ch != '"';
        } else if (ch == '"') {
            w->in_string = true;
        } else if (ch == '{' || ch == '[') {
            w->depth++;
        } else if (ch == '}' || ch == ']') {
            w->depth--;
        }
        w->last = ch;
    }
}

bool whole_ended(const struct whole *w)
{
    if (w->text) {
        return true;
    }
    if (w->ndjson && !w->begun) {
        return true; /* no lines at all */
    }
    return w->begun && !w->in_string && w->depth == 0 &&
           (!w->ndjson || w->last == '\n');
}

/* The cursor comes percent-encoded and goes back as it came; only what could
 * not stand in an address is encoded here. */
static void add_cursor(struct dr_buf *b, struct dr_str cursor)
{
    for (size_t i = 0; i < cursor.n; i++) {
        if (cursor.p[i] == '%') {
            dr_buf_ch(b, '%');
        } else {
            dr_buf_urlenc(b, (struct dr_str){cursor.p + i, 1});
        }
    }
}

int pages_get(struct cli *c, const char *path, dr_http_take_fn *take,
              int (*page_end)(void *ctx), void *ctx)
{
    char cursor[512] = "";

    for (;;) {
        struct api_answer a;
        struct dr_buf url;
        int rc;
        dr_buf_init(&url, 8192);
        dr_buf_printf(&url, "%s%climit=%d", path, strchr(path, '?') ? '&' : '?',
                      PAGE_LINES);
        if (cursor[0] != '\0') {
            dr_buf_z(&url, "&after=");
            add_cursor(&url, dr_str_z(cursor));
        }
        rc = api_stream(c, url.p, take, ctx, &a);
        dr_buf_done(&url);
        if (rc == CLI_OK && page_end) {
            rc = page_end(ctx);
        }
        if (rc != CLI_OK || a.next[0] == '\0') {
            return rc;
        }
        if (strcmp(a.next, cursor) == 0) {
            cli_say(c, "the auditor gives the same page again and again: are "
                       "drover and the auditor of the same version?");
            return CLI_FAILED;
        }
        memcpy(cursor, a.next, sizeof(cursor));
    }
}
