/* Filling errors, and the one way a process ends on purpose. */
#include <drover/base/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <drover/base/log.h>

int dr_err_set(struct dr_err *err, enum dr_verdict verdict, int code,
               const char *where, const char *fmt, ...)
{
    va_list ap;

    if (err) {
        err->verdict = verdict;
        err->code = code;
        (void)snprintf(err->where, sizeof(err->where), "%s", where);
        va_start(ap, fmt);
        (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    return -1;
}

void dr_die(int exit_code, const char *where, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    dr_log(DR_LOG_ERROR, "exit", "%s: %s (exit %d)", where, text, exit_code);
    _exit(exit_code);
}
