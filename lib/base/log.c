/* One write(2) a line, so that lines of two processes do not mix. */
#include <drover/base/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <drover/base/buf.h>
#include <drover/base/clock.h>
#include <drover/base/time.h>

static char log_service[64] = "drover";
static char log_migration[64];
static enum dr_log_level log_min = DR_LOG_INFO;

void dr_log_init(const char *service, const char *migration,
                 enum dr_log_level min_level)
{
    (void)snprintf(log_service, sizeof(log_service), "%s", service);
    (void)snprintf(log_migration, sizeof(log_migration), "%s", migration);
    log_min = min_level;
}

static void quoted(struct dr_buf *b, const char *z)
{
    dr_buf_ch(b, '"');
    for (; *z; z++) {
        unsigned char c = (unsigned char)*z;
        if (c == '"' || c == '\\') {
            dr_buf_ch(b, '\\');
            dr_buf_ch(b, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            dr_buf_printf(b, "\\u%04x", (unsigned)c);
        } else {
            dr_buf_ch(b, (char)c);
        }
    }
    dr_buf_ch(b, '"');
}

void dr_log(enum dr_log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char text[1024], ts[DR_TIME_TEXT];
    struct dr_buf b;
    va_list ap;
    ssize_t n;

    if (level < log_min) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!dr_utf8_valid(dr_str_z(text))) { /* a character cut at the end */
        for (char *p = text; *p; p++) {
            if ((unsigned char)*p >= 0x80) {
                *p = '?';
            }
        }
    }
    dr_buf_init(&b, 16 << 10);
    dr_buf_printf(&b, "{\"ts\":\"%s\",\"level\":\"%s\",\"service\":",
                  dr_time_format(dr_wall_ms(), ts), names[level]);
    quoted(&b, log_service);
    dr_buf_z(&b, ",\"migration\":");
    quoted(&b, log_migration);
    dr_buf_z(&b, ",\"event\":");
    quoted(&b, event);
    dr_buf_z(&b, ",\"text\":");
    quoted(&b, text);
    dr_buf_z(&b, "}\n");
    n = write(STDERR_FILENO, b.p, b.n);
    (void)n; /* nowhere left to complain to */
    dr_buf_done(&b);
}
