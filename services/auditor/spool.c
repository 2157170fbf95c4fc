#include "spool.h"

#include <unistd.h>

#include <drover/base/err.h>

#define SPILL ((size_t)256 << 10) /* of a report in memory */

void spool_open(struct spool *s, struct auditor *au)
{
    *s = (struct spool){.au = au};
    dr_buf_init(&s->buf, AUDITOR_TEXT);
}

void spool_close(struct spool *s)
{
    dr_buf_done(&s->buf);
    if (s->file) {
        (void)fclose(s->file);
        s->file = NULL;
    }
}

static void no_room(void)
{
    dr_die(DR_EXIT_FAILURE, "books.file",
           "the report cannot be written beside the books: make room on the "
           "disk and start again");
}

/* Gone when it is closed. */
static FILE *nameless(struct auditor *au)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s.report",
                   dr_conf_text(au->svc->conf, "books.file"));
    f = fopen(path, "w+");
    if (!f || remove(path)) {
        dr_die(DR_EXIT_FAILURE, "books.file",
               "%s cannot be made: let the auditor write to the books' folder",
               path);
    }
    return f;
}

static void spill(struct spool *s)
{
    if (!s->file) {
        s->file = nameless(s->au);
    }
    if (fwrite(s->buf.p, 1, s->buf.n, s->file) != s->buf.n) {
        no_room();
    }
    dr_buf_reset(&s->buf);
}

void spool_flow(struct spool *s)
{
    if (s->buf.over) {
        no_room();
    }
    if (s->buf.n > SPILL) {
        spill(s);
    }
}

int64_t spool_answer(struct spool *s, struct dr_httpd_req *req,
                     const char *content_type)
{
    int64_t size;
    int fd;

    spool_flow(s);
    if (!s->file) {
        size = (int64_t)s->buf.n;
        dr_httpd_answer_take(req, 200, content_type, &s->buf);
        return size;
    }
    spill(s);
    size = fflush(s->file) ? -1 : ftell(s->file);
    fd = size >= 0 ? dup(fileno(s->file)) : -1;
    if (fd < 0) {
        no_room();
    }
    dr_httpd_answer_file(req, 200, content_type, fd, (uint64_t)size);
    return size;
}
