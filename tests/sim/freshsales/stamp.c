/* Times: the forms that are read (1.5) and the zone they are shown in. */
#include <string.h>

#include <drover/base/time.h>

#include "fs.h"

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * HOUR_MS)

static bool two_digits(struct dr_str s, size_t at, int64_t *out)
{
    return s.n >= at + 2 &&
           dr_str_i64((struct dr_str){s.p + at, 2}, out) == 0 && *out >= 0;
}

static int month_of(struct dr_str s)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++) {
        if (s.n == 3 && memcmp(s.p, names + (size_t)i * 3, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* "GMT+0530" or "GMT" */
static int zone_of(struct dr_str s, int64_t *ms)
{
    int64_t h = 0, m = 0;

    *ms = 0;
    if (!dr_str_starts(s, DR_STR_LIT("GMT"))) {
        return -1;
    }
    if (s.n == 3) {
        return 0;
    }
    if (s.n != 8 || !two_digits(s, 4, &h) || !two_digits(s, 6, &m)) {
        return -1;
    }
    *ms = (h * HOUR_MS + m * MINUTE_MS) * (s.p[3] == '-' ? -1 : 1);
    return 0;
}

/* "Mon Jun 20 2016 10:30:00 GMT+0530 (IST)" */
static int script_style(struct dr_str s, int64_t *ms)
{
    struct dr_str word[6];
    char text[32];
    int64_t zone;
    int month;

    for (size_t i = 0; i < DR_ARRAY_LEN(word); i++) {
        word[i] = dr_str_split(&s, ' ');
    }
    month = month_of(word[1]);
    if (month == 0 || word[2].n == 0 || word[2].n > 2 || word[3].n != 4 ||
        word[4].n != 8 || zone_of(word[5], &zone)) {
        return -1;
    }
    (void)snprintf(text, sizeof(text), "%.4s-%02d-%s%.*sT%.8sZ", word[3].p,
                   month, word[2].n == 1 ? "0" : "", (int)word[2].n, word[2].p,
                   word[4].p);
    if (dr_time_parse(dr_str_z(text), ms, NULL)) {
        return -1;
    }
    *ms -= zone;
    return 0;
}

int stamp_parse(struct dr_str s, int64_t *ms)
{
    s = dr_str_trim(s);
    if (dr_time_parse(s, ms, NULL) == 0 || dr_date_parse(s, ms) == 0) {
        return 0;
    }
    return script_style(s, ms);
}

/* 01:00 UTC on the last Sunday of a month of 31 days. */
static int64_t last_sunday(int64_t year, int month)
{
    char text[16];
    int64_t ms = 0, day;

    (void)snprintf(text, sizeof(text), "%04d-%02d-31", (int)year, month);
    if (dr_date_parse(dr_str_z(text), &ms)) {
        return 0;
    }
    day = (ms / DAY_MS + 4) % 7; /* 1970-01-01 was a Thursday; 0: Sunday */
    if (day < 0) {
        day += 7;
    }
    return ms - day * DAY_MS + HOUR_MS;
}

static bool summer(int64_t ms)
{
    char text[DR_TIME_TEXT];
    int64_t year;

    (void)dr_date_format(ms, text);
    if (dr_str_i64((struct dr_str){text, 4}, &year)) {
        return false;
    }
    return ms >= last_sunday(year, 3) && ms < last_sunday(year, 10);
}

/* Minutes east of UTC at that instant. */
static int64_t offset_minutes(const struct fs *fs, int64_t ms)
{
    struct dr_str knob = dr_str_z(knob_text(fs->knobs, "account_utc_offset"));
    struct dr_buf own;
    int64_t h = 0, m = 0;

    if (dr_str_eqz(knob, "+02:00")) {
        return summer(ms) ? 120 : 60;
    }
    dr_buf_init(&own, 64);
    if (dr_str_eqz(knob, "tenant")) {
        jobj_text(&fs->account, "utc_offset", &own);
        knob = dr_buf_view(&own);
    }
    if (knob.n == 6 && two_digits(knob, 1, &h) && two_digits(knob, 4, &m)) {
        h = (h * 60 + m) * (knob.p[0] == '-' ? -1 : 1);
    }
    dr_buf_done(&own);
    return h;
}

static void write_offset(int64_t minutes, char *text, size_t n)
{
    size_t at = strlen(text);
    int64_t abs = minutes < 0 ? -minutes : minutes;

    (void)snprintf(text + at, n - at, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                   (int)(abs / 60), (int)(abs % 60));
}

static bool plain_utc(const struct fs *fs, bool dump)
{
    return dump || knob_is(fs->knobs, "account_utc_offset", "Z");
}

void stamp_write(const struct fs *fs, bool dump, int64_t ms,
                 struct dr_json_w *w)
{
    char text[64];
    int64_t minutes;

    ms -= ms % 1000; /* no sub-second precision (1.5) */
    if (plain_utc(fs, dump)) {
        dr_json_w_z(w, dr_time_format(ms, text));
        return;
    }
    minutes = offset_minutes(fs, ms);
    (void)dr_time_format(ms + minutes * MINUTE_MS, text);
    text[strlen(text) - 1] = '\0'; /* the Z */
    write_offset(minutes, text, sizeof(text));
    dr_json_w_z(w, text);
}

/* A custom date is shown as midnight in the account's zone (1.5). */
void midnight_write(const struct fs *fs, bool dump, struct dr_str date,
                    struct dr_json_w *w)
{
    char text[64];
    int64_t ms = 0;

    (void)snprintf(text, sizeof(text), "%.*sT00:00:00", (int)date.n, date.p);
    if (plain_utc(fs, dump) || dr_date_parse(date, &ms)) {
        (void)snprintf(text, sizeof(text), "%.*sT00:00:00Z", (int)date.n,
                       date.p);
    } else {
        write_offset(offset_minutes(fs, ms), text, sizeof(text));
    }
    dr_json_w_z(w, text);
}
