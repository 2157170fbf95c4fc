/* Other encodings as UTF-8. */
#include <drover/csv/csv.h>

#include <stdint.h>

#define REPLACEMENT 0xfffdU

static void put(struct dr_buf *out, uint32_t c)
{
    if (c < 0x80) {
        dr_buf_ch(out, (char)c);
    } else if (c < 0x800) {
        dr_buf_ch(out, (char)(0xc0 | (c >> 6)));
        dr_buf_ch(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        dr_buf_ch(out, (char)(0xe0 | (c >> 12)));
        dr_buf_ch(out, (char)(0x80 | ((c >> 6) & 63)));
        dr_buf_ch(out, (char)(0x80 | (c & 63)));
    } else {
        dr_buf_ch(out, (char)(0xf0 | (c >> 18)));
        dr_buf_ch(out, (char)(0x80 | ((c >> 12) & 63)));
        dr_buf_ch(out, (char)(0x80 | ((c >> 6) & 63)));
        dr_buf_ch(out, (char)(0x80 | (c & 63)));
    }
}

/* 0x80 to 0x9f of Windows-1252; 0: the byte has no meaning. */
static const uint16_t high[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static size_t from_1252(struct dr_str in, struct dr_buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t b = (uint8_t)in.p[i];
        uint32_t c = b;
        if (b >= 0x80 && b < 0xa0) {
            c = high[b - 0x80] ? high[b - 0x80] : REPLACEMENT;
        }
        put(out, c);
    }
    return in.n;
}

static uint32_t unit(struct dr_str in, size_t at, bool big)
{
    uint8_t a = (uint8_t)in.p[at], b = (uint8_t)in.p[at + 1];

    return big ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
}

static size_t from_utf16(struct dr_str in, bool big, struct dr_buf *out)
{
    size_t i = 0;

    while (i + 2 <= in.n) {
        uint32_t c = unit(in, i, big);
        if (c >= 0xd800 && c < 0xdc00) {
            uint32_t low;
            if (i + 4 > in.n) {
                break; /* its other half is not here yet */
            }
            low = unit(in, i + 2, big);
            if (low >= 0xdc00 && low < 0xe000) {
                put(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
                i += 4;
                continue;
            }
            c = REPLACEMENT;
        } else if (c >= 0xdc00 && c < 0xe000) {
            c = REPLACEMENT;
        }
        put(out, c);
        i += 2;
    }
    return i;
}

/* A mark at the start knows better than a name. */
static enum dr_csv_encoding marked(enum dr_csv_encoding named,
                                   struct dr_str head)
{
    return dr_str_starts(head, DR_STR_LIT("\xfe\xff"))       ? DR_CSV_UTF16BE
           : dr_str_starts(head, DR_STR_LIT("\xff\xfe"))     ? DR_CSV_UTF16LE
           : dr_str_starts(head, DR_STR_LIT("\xef\xbb\xbf")) ? DR_CSV_UTF8
                                                             : named;
}

bool dr_csv_encoding_of(struct dr_str name, struct dr_str head,
                        enum dr_csv_encoding *out)
{
    static const struct {
        const char *name;
        enum dr_csv_encoding is;
    } names[] = {{"utf-8", DR_CSV_UTF8},       {"utf8", DR_CSV_UTF8},
                 {"utf-16", DR_CSV_UTF16LE},   {"utf-16le", DR_CSV_UTF16LE},
                 {"utf-16be", DR_CSV_UTF16BE}, {"windows-1252", DR_CSV_CP1252},
                 {"cp1252", DR_CSV_CP1252},    {"", DR_CSV_UTF8}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (dr_str_ieq(name, dr_str_z(names[i].name))) {
            *out = marked(names[i].is, head);
            return true;
        }
    }
    return false;
}

size_t dr_csv_mark(enum dr_csv_encoding e, struct dr_str head)
{
    bool wide = e == DR_CSV_UTF16LE || e == DR_CSV_UTF16BE;

    if (wide && head.n >= 2 && unit(head, 0, e == DR_CSV_UTF16BE) == 0xfeff) {
        return 2;
    }
    return e == DR_CSV_UTF8 && dr_str_starts(head, DR_STR_LIT("\xef\xbb\xbf"))
               ? 3
               : 0;
}

size_t dr_csv_decode(enum dr_csv_encoding e, struct dr_str in,
                     struct dr_buf *out)
{
    if (e == DR_CSV_UTF8) {
        dr_buf_str(out, in);
        return in.n;
    }
    return e == DR_CSV_CP1252 ? from_1252(in, out)
                              : from_utf16(in, e == DR_CSV_UTF16BE, out);
}
