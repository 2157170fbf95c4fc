/*
 * Calendar time. Times are int64_t milliseconds since the Unix epoch, UTC.
 * Years 0001 to 9999. A leap second :60 counts as :59 (contract 3.4).
 */
#ifndef DROVER_BASE_TIME_H
#define DROVER_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/str.h>

enum {
    DR_TIME_NO_ZONE = 1,     /* the text had no zone: UTC was assumed       */
    DR_TIME_LEAP_SECOND = 2, /* :60 was read as :59                         */
    DR_TIME_FRACTION = 4,    /* a fraction beyond milliseconds was dropped  */
    DR_TIME_24H = 8,         /* 24:00 was read as 00:00 of the next day     */
};

/* RFC 3339 date-time ('T' or blank between, optional seconds, fraction and
 * zone: Z, +hh:mm, +hhmm). -1: not such a text, or no such day. */
int dr_time_parse(struct dr_str s, int64_t *ms_out,
                  unsigned *flags_out) DR_MUSTCHECK;
/* YYYY-MM-DD; the result is midnight UTC. */
int dr_date_parse(struct dr_str s, int64_t *ms_out) DR_MUSTCHECK;

#define DR_TIME_TEXT 32
/* 2026-03-02T08:00:00Z (with .mmm only when there are milliseconds). */
const char *dr_time_format(int64_t ms, char out[DR_TIME_TEXT]);
const char *dr_date_format(int64_t ms, char out[DR_TIME_TEXT]);
/* HTTP date, RFC 9110: Mon, 02 Mar 2026 08:00:00 GMT. */
const char *dr_http_date_format(int64_t ms, char out[DR_TIME_TEXT]);
int dr_http_date_parse(struct dr_str s, int64_t *ms_out) DR_MUSTCHECK;

#endif
