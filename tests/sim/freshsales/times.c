/* The account's time zone (reference 1.5): stamps are shown in it, days are
 * taken in it. */
#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

#include "store.h"

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define MINUTE_MS 60000

enum saving { NO_SAVING, EUROPE, AMERICA };

struct zone {
    bool utc; /* written as Z */
    int64_t standard_ms;
    enum saving saving;
};

static bool read_offset(struct dr_str s, int64_t *ms)
{
    int64_t h, m;

    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') ||
        dr_str_i64((struct dr_str){s.p + 1, 2}, &h) ||
        dr_str_i64((struct dr_str){s.p + 4, 2}, &m)) {
        return false;
    }
    *ms = (h * 60 + m) * MINUTE_MS * (s.p[0] == '-' ? -1 : 1);
    return true;
}

static enum saving saving_of(struct dr_str name)
{
    static const char *const europe[] = {
        "Amsterdam", "Athens", "Berlin", "Brussels", "Budapest",  "Copenhagen",
        "Dublin",    "Lisbon", "London", "Madrid",   "Paris",     "Prague",
        "Rome",      "Vienna", "Warsaw", "Zurich",   "Stockholm", "Helsinki"};

    for (size_t i = 0; i < DR_ARRAY_LEN(europe); i++) {
        if (dr_str_eqz(name, europe[i])) {
            return EUROPE;
        }
    }
    return dr_str_ends(name, DR_STR_LIT("(US & Canada)")) ? AMERICA : NO_SAVING;
}

/* The knob: "tenant" is the account's own zone, "+02:00" central Europe with
 * its summer time, anything else a fixed offset. */
static struct zone zone_of(const struct account *a)
{
    const char *knob = knob_text(a->knobs, "account_utc_offset");
    const struct dr_json *account = dr_json_get(a->tenant, "account");
    struct dr_str offset = dr_json_get_str(account, "utc_offset");
    struct zone z = {.utc = true};

    if (strcmp(knob, "tenant") != 0) {
        offset = dr_str_z(knob);
        if (dr_str_eqz(offset, "+02:00")) {
            return (struct zone){false, HOUR_MS, EUROPE};
        }
    } else {
        z.saving = saving_of(dr_json_get_str(account, "time_zone"));
    }
    if (read_offset(offset, &z.standard_ms)) {
        z.utc = z.standard_ms == 0 && z.saving == NO_SAVING;
    }
    return z;
}

/* The n-th Sunday of a month (n 0: the last), midnight UTC. */
static int64_t sunday(int64_t year, int month, int n)
{
    char text[32];
    int64_t ms, day;

    (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", (int)(year % 10000),
                   month, n == 0 ? 31 : n * 7);
    if (dr_date_parse(dr_str_z(text), &ms)) {
        return 0;
    }
    day = ms / DAY_MS;
    return (day - (day + 4) % 7) * DAY_MS; /* 1970-01-01 was a Thursday */
}

static int64_t year_of(int64_t ms)
{
    char text[DR_TIME_TEXT];
    int64_t year;

    dr_date_format(ms, text);
    return dr_str_i64((struct dr_str){text, 4}, &year) ? 1970 : year;
}

static int64_t offset_at(const struct zone *z, int64_t ms)
{
    /* Of the year asked for last: nearly always the same one. */
    static int64_t year_from, year_to, begin[3], end[3];

    if (z->saving == NO_SAVING || ms < 0) {
        return z->standard_ms;
    }
    if (ms < year_from || ms >= year_to) {
        int64_t year = year_of(ms);
        char text[32];
        (void)snprintf(text, sizeof(text), "%04d-01-01", (int)(year % 10000));
        (void)!dr_date_parse(dr_str_z(text), &year_from);
        (void)snprintf(text, sizeof(text), "%04d-01-01",
                       (int)(year % 10000 + 1));
        (void)!dr_date_parse(dr_str_z(text), &year_to);
        begin[EUROPE] = sunday(year, 3, 0) + HOUR_MS;
        end[EUROPE] = sunday(year, 10, 0) + HOUR_MS;
        begin[AMERICA] = sunday(year, 3, 2) + 2 * HOUR_MS;
        end[AMERICA] = sunday(year, 11, 1) + HOUR_MS;
    }
    if (z->saving == AMERICA) { /* by the clock on the wall */
        int64_t local = ms + z->standard_ms;
        return z->standard_ms +
               (local >= begin[AMERICA] && local < end[AMERICA] ? HOUR_MS : 0);
    }
    return z->standard_ms +
           (ms >= begin[EUROPE] && ms < end[EUROPE] ? HOUR_MS : 0);
}

static const char *with_offset(const struct zone *z, int64_t local,
                               int64_t offset, char out[STAMP_TEXT])
{
    char text[DR_TIME_TEXT];
    int64_t m = (offset < 0 ? -offset : offset) / MINUTE_MS;

    dr_time_format(local - ((local % 1000) + 1000) % 1000, text);
    if (z->utc) {
        (void)snprintf(out, STAMP_TEXT, "%s", text);
    } else { /* without its Z */
        (void)snprintf(out, STAMP_TEXT, "%.*s%c%02d:%02d",
                       (int)strlen(text) - 1, text, offset < 0 ? '-' : '+',
                       (int)(m / 60 % 24), (int)(m % 60));
    }
    return out;
}

const char *stamp_text(struct account *a, int64_t ms, char out[STAMP_TEXT])
{
    struct zone z = zone_of(a);
    int64_t offset = offset_at(&z, ms);

    return with_offset(&z, ms + offset, offset, out);
}

const char *midnight_text(struct account *a, struct dr_str day,
                          char out[STAMP_TEXT])
{
    struct zone z = zone_of(a);
    int64_t ms;

    if (dr_date_parse(day, &ms)) {
        out[0] = '\0';
        return out;
    }
    return with_offset(&z, ms, offset_at(&z, ms - z.standard_ms), out);
}

/* "Mon Jun 20 2016 10:30:00 GMT+0530 (IST)" */
static int read_javascript(struct dr_str s, int64_t *ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[32];
    size_t m = 0;

    if (s.n < 33 || memcmp(s.p + 25, "GMT", 3) != 0) {
        return -1;
    }
    while (m < 12 && memcmp(s.p + 4, months + 3 * m, 3) != 0) {
        m++;
    }
    (void)snprintf(iso, sizeof(iso), "%.4s-%02d-%.2sT%.8s%.5s", s.p + 11,
                   (int)(m % 12) + 1, s.p + 8, s.p + 16, s.p + 28);
    return m < 12 ? dr_time_parse(dr_str_z(iso), ms, NULL) : -1;
}

int read_time(struct account *a, struct dr_str s, int64_t *ms)
{
    char text[STAMP_TEXT];

    if (dr_date_parse(s, ms) == 0) {
        midnight_text(a, s, text);
        return dr_time_parse(dr_str_z(text), ms, NULL);
    }
    return dr_time_parse(s, ms, NULL) ? read_javascript(s, ms) : 0;
}

int read_day(struct account *a, struct dr_str s, char out[STAMP_TEXT])
{
    int64_t ms;

    if (dr_date_parse(s, &ms) == 0) {
        (void)snprintf(out, STAMP_TEXT, "%.10s", s.p);
        return 0;
    }
    if (read_time(a, s, &ms)) {
        return -1;
    }
    stamp_text(a, ms, out);
    out[10] = '\0';
    return 0;
}
