/* The account's limits: fixed windows of an hour and a minute, and their
 * headers (reference 2). */
#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

#include "call.h"

int64_t hour_limit(const struct account *a)
{
    const char *plan = knob_text(a->knobs, "rate_plan");
    struct dr_str tenant = dr_json_get_str(a->tenant, "plan");
    int64_t n;

    if (strcmp(plan, "lifted") == 0) {
        return 0;
    }
    if (dr_str_i64(dr_str_z(plan), &n) == 0) {
        return n;
    }
    return is(tenant, "enterprise") ? 5000 : is(tenant, "pro") ? 2000 : 1000;
}

bool within_limits(struct account *a, int64_t now)
{
    int64_t limit = hour_limit(a);

    if (now / 3600000 != a->hour_slot) {
        a->hour_slot = now / 3600000;
        a->hour_used = 0;
    }
    if (now / 60000 != a->minute_slot) {
        a->minute_slot = now / 60000;
        a->minute_used = 0;
    }
    if (limit > 0 &&
        (a->hour_used >= limit ||
         (knob_is(a->knobs, "rate_minute", "on") && a->minute_used >= 400))) {
        return false;
    }
    a->hour_used++;
    a->minute_used++;
    return true;
}

void limit_headers(struct call *c, int64_t now)
{
    int64_t limit = hour_limit(c->a);
    int64_t reset = (now / 3600000 + 1) * 3600000;
    char text[64], iso[DR_TIME_TEXT];

    limit = limit ? limit : 1000000000;
    (void)snprintf(text, sizeof(text), "%lld", (long long)limit);
    dr_httpd_add_header(c->req, "X-RateLimit-Limit", text);
    (void)snprintf(
        text, sizeof(text), "%lld",
        (long long)(limit > c->a->hour_used ? limit - c->a->hour_used : 0));
    dr_httpd_add_header(c->req, "X-RateLimit-Remaining", text);
    dr_time_format(reset, iso); /* YYYY-MM-DDTHH:MM:SSZ */
    (void)snprintf(text, sizeof(text), "%.2s%.2s%.2s%.2s%.2s%.2s", iso + 8,
                   iso + 5, iso + 2, iso + 11, iso + 14, iso + 17);
    dr_httpd_add_header(c->req, "X-RateLimit-Reset", text);
    dr_httpd_add_header(c->req, "Date", dr_http_date_format(now, iso));
}

void refused(struct call *c)
{
    const char *after = knob_text(c->a->knobs, "retry_after");

    c->a->refused++;
    if (++c->a->burst > c->a->largest_burst) {
        c->a->largest_burst = c->a->burst;
    }
    if (strcmp(after, "absent") != 0) {
        dr_httpd_add_header(c->req, "Retry-After", after);
    }
    fail(c, 429, "Too many requests.");
}
