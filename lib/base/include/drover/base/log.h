/*
 * The log: one JSON object a line on stderr, for machines and grep. Never
 * holds a customer's field values or a secret; ids and digests only. lib/
 * never logs above debug: a failure is logged once, where it is acted on.
 *
 *   dr_log(DR_LOG_INFO, "loader.lane_open", "lane=%s pass=%d", lane, pass);
 *
 * `event` is a stable dotted name that tests expect; the text is free.
 * Control characters in the text are escaped.
 */
#ifndef DROVER_BASE_LOG_H
#define DROVER_BASE_LOG_H

#include <drover/base/attrs.h>

enum dr_log_level { DR_LOG_DEBUG, DR_LOG_INFO, DR_LOG_WARN, DR_LOG_ERROR };

/* Both are copied; cut at 63 bytes. Call once at start. */
void dr_log_init(const char *service, const char *migration,
                 enum dr_log_level min_level);
void dr_log(enum dr_log_level level, const char *event, const char *fmt, ...)
    DR_PRINTF(3, 4);

#endif
