/* Calendar arithmetic of our own: no locale, no time zone data base. */
#include <drover/base/time.h>

#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000
#define FIRST_MS (-62135596800000) /* 0001-01-01T00:00:00Z */
#define LAST_MS 253402300799999    /* 9999-12-31T23:59:59.999Z */

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    int64_t era, yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int *m, int *d)
{
    int64_t era, doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

static int days_in(int64_t y, int m)
{
    static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : n[m - 1];
}

/* Exactly n digits at the front of *s. */
static bool take_digits(struct dr_str *s, size_t n, int *out)
{
    int v = 0;

    if (s->n < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') {
            return false;
        }
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    *out = v;
    return true;
}

static bool take_char(struct dr_str *s, char c)
{
    if (s->n == 0 || s->p[0] != c) {
        return false;
    }
    s->p++;
    s->n--;
    return true;
}

static bool take_date(struct dr_str *s, int64_t *days)
{
    int y, m, d;

    if (!take_digits(s, 4, &y) || !take_char(s, '-') ||
        !take_digits(s, 2, &m) || !take_char(s, '-') ||
        !take_digits(s, 2, &d)) {
        return false;
    }
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > days_in(y, m)) {
        return false;
    }
    *days = days_from_civil(y, m, d);
    return true;
}

static bool take_fraction(struct dr_str *s, int *ms, unsigned *flags)
{
    int v = 0;
    size_t n = 0;

    if (!take_char(s, '.')) {
        *ms = 0;
        return true;
    }
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
        if (n < 3) {
            v = v * 10 + (s->p[n] - '0');
        } else if (s->p[n] != '0') {
            *flags |= DR_TIME_FRACTION;
        }
        n++;
    }
    if (n == 0 || n > 18) {
        return false;
    }
    s->p += n;
    s->n -= n;
    for (; n < 3; n++) {
        v *= 10;
    }
    *ms = v;
    return true;
}

static bool take_clock(struct dr_str *s, int64_t *ms_of_day, unsigned *flags)
{
    int h, m, sec = 0, frac = 0;

    if (!take_digits(s, 2, &h) || !take_char(s, ':') ||
        !take_digits(s, 2, &m)) {
        return false;
    }
    if (take_char(s, ':') &&
        (!take_digits(s, 2, &sec) || !take_fraction(s, &frac, flags))) {
        return false;
    }
    if (h == 24 && m == 0 && sec == 0 && frac == 0) {
        *flags |= DR_TIME_24H;
    } else if (h > 23) {
        return false;
    }
    if (m > 59 || sec > 60) {
        return false;
    }
    if (sec == 60) {
        *flags |= DR_TIME_LEAP_SECOND;
        sec = 59;
    }
    *ms_of_day = ((int64_t)h * 3600 + m * 60 + sec) * 1000 + frac;
    return true;
}

static bool take_zone(struct dr_str *s, int64_t *offset_ms, unsigned *flags)
{
    int h, m;
    bool west;

    *offset_ms = 0;
    if (s->n == 0) {
        *flags |= DR_TIME_NO_ZONE;
        return true;
    }
    if (take_char(s, 'Z') || take_char(s, 'z')) {
        return true;
    }
    west = s->p[0] == '-';
    if ((!take_char(s, '+') && !take_char(s, '-')) || !take_digits(s, 2, &h)) {
        return false;
    }
    (void)take_char(s, ':');
    if (!take_digits(s, 2, &m)) {
        return false;
    }
    if (h > 14 || m > 59) {
        return false;
    }
    *offset_ms = ((int64_t)h * 3600 + m * 60) * 1000 * (west ? -1 : 1);
    return true;
}

int dr_time_parse(struct dr_str s, int64_t *ms_out, unsigned *flags_out)
{
    int64_t days, of_day, offset;
    unsigned flags = 0;

    if (!take_date(&s, &days) ||
        (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' ')) ||
        !take_clock(&s, &of_day, &flags) || !take_zone(&s, &offset, &flags) ||
        s.n != 0) {
        return -1;
    }
    of_day += days * DAY_MS - offset;
    if (of_day < FIRST_MS || of_day > LAST_MS) {
        return -1; /* the zone or 24:00 led out of the four-digit years */
    }
    *ms_out = of_day;
    if (flags_out) {
        *flags_out = flags;
    }
    return 0;
}

int dr_date_parse(struct dr_str s, int64_t *ms_out)
{
    int64_t days;

    if (!take_date(&s, &days) || s.n != 0) {
        return -1;
    }
    *ms_out = days * DAY_MS;
    return 0;
}

struct parts {
    int64_t y;
    int m, d, hh, mm, ss, ms, weekday;
};

static struct parts split(int64_t ms)
{
    struct parts t;
    int64_t days, rest;

    /* Beyond the four-digit years the text form says the nearest it can. */
    ms = ms < FIRST_MS ? FIRST_MS : ms;
    ms = ms > LAST_MS ? LAST_MS : ms;
    days = ms / DAY_MS;
    rest = ms % DAY_MS;

    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    civil_from_days(days, &t.y, &t.m, &t.d);
    t.ms = (int)(rest % 1000);
    rest /= 1000;
    t.ss = (int)(rest % 60);
    t.mm = (int)(rest / 60 % 60);
    t.hh = (int)(rest / 3600);
    t.weekday = (int)(((days % 7) + 11) % 7); /* 1970-01-01: a Thursday */
    return t;
}

const char *dr_time_format(int64_t ms, char out[DR_TIME_TEXT])
{
    struct parts t = split(ms);
    int n = snprintf(out, DR_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d",
                     (int)t.y, t.m, t.d, t.hh, t.mm, t.ss);

    if (n > 0 && n < DR_TIME_TEXT) {
        if (t.ms) {
            (void)snprintf(out + n, DR_TIME_TEXT - (size_t)n, ".%03dZ", t.ms);
        } else {
            (void)snprintf(out + n, DR_TIME_TEXT - (size_t)n, "Z");
        }
    }
    return out;
}

const char *dr_date_format(int64_t ms, char out[DR_TIME_TEXT])
{
    struct parts t = split(ms);

    (void)snprintf(out, DR_TIME_TEXT, "%04d-%02d-%02d", (int)t.y, t.m, t.d);
    return out;
}

static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *dr_http_date_format(int64_t ms, char out[DR_TIME_TEXT])
{
    struct parts t = split(ms);

    (void)snprintf(out, DR_TIME_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   weekdays[t.weekday], t.d, months[t.m - 1], (int)t.y, t.hh,
                   t.mm, t.ss);
    return out;
}

/* Only the fixed form that RFC 9110 asks senders for. */
int dr_http_date_parse(struct dr_str s, int64_t *ms_out)
{
    struct dr_str rest = s, month;
    unsigned flags = 0;
    int d, y, m = 0;
    int64_t of_day;

    if (s.n != 29 || s.p[3] != ',' || s.p[4] != ' ') {
        return -1;
    }
    rest.p += 5;
    rest.n -= 5;
    if (!take_digits(&rest, 2, &d) || !take_char(&rest, ' ')) {
        return -1;
    }
    month = (struct dr_str){rest.p, 3};
    for (int i = 0; i < 12; i++) {
        if (dr_str_eqz(month, months[i])) {
            m = i + 1;
        }
    }
    rest.p += 3;
    rest.n -= 3;
    if (m == 0 || !take_char(&rest, ' ') || !take_digits(&rest, 4, &y) ||
        !take_char(&rest, ' ') || !take_clock(&rest, &of_day, &flags) ||
        !dr_str_eqz(rest, " GMT") || y < 1 || d < 1 || d > days_in(y, m)) {
        return -1;
    }
    *ms_out = days_from_civil(y, m, d) * DAY_MS + of_day;
    return 0;
}
