#include "multipart.h"

#include <string.h>

#include "body.h"

#define NAME_CHARS 255

static struct dr_str value_of(const struct dr_load *load, const char *name)
{
    for (size_t i = 0; i < load->field_count; i++) {
        if (dr_str_eqz(load->fields[i].name, name)) {
            return load->fields[i].value;
        }
    }
    return (struct dr_str){"", 0};
}

void file_name(const struct dr_load *load, bool plain, struct dr_buf *out)
{
    struct dr_str name =
        dr_utf8_prefix(value_of(load, "file_name"), NAME_CHARS);

    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (plain && (c == '/' || c == '\\')) {
            dr_buf_ch(out, '_');
        } else if (c >= 0x20 && c != 0x7f) {
            dr_buf_ch(out, name.p[i]);
        }
    }
    if (out->n == 0 || (plain && (dr_str_eqz(dr_buf_view(out), ".") ||
                                  dr_str_eqz(dr_buf_view(out), "..")))) {
        dr_buf_reset(out);
        dr_buf_z(out, "file");
    }
}

static void open_part(struct dr_buf *out, const char *boundary,
                      const char *name)
{
    dr_buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=\"%s\"",
                  boundary, name);
}

static void part(struct dr_buf *out, const char *boundary, const char *name,
                 struct dr_str value)
{
    open_part(out, boundary, name);
    dr_buf_z(out, "\r\n\r\n");
    dr_buf_str(out, value);
    dr_buf_z(out, "\r\n");
}

static void quoted(struct dr_buf *out, struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '"':
            dr_buf_z(out, "%22");
            break;
        case '\r':
            dr_buf_z(out, "%0D");
            break;
        case '\n':
            dr_buf_z(out, "%0A");
            break;
        default:
            dr_buf_ch(out, s.p[i]);
            break;
        }
    }
}

static bool token(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '.' && c != '+' && c != '-') {
            return false;
        }
    }
    return s.n > 0 && s.n <= 100;
}

/* "application/pdf", when it looks like one. */
static struct dr_str media_type(const struct dr_load *load)
{
    struct dr_str whole = value_of(load, "content_type"), rest = whole;
    struct dr_str major = dr_str_split(&rest, '/');

    return rest.p && token(major) && token(rest)
               ? whole
               : DR_STR_LIT("application/octet-stream");
}

void multipart_head(const struct dr_load *load, const struct links *links,
                    const char *boundary, struct dr_buf *out)
{
    size_t at = refs_target(load, links);
    struct dr_buf name;

    dr_buf_init(&name, 5 * NAME_CHARS);
    file_name(load, false, &name);
    part(out, boundary, "file_name", dr_buf_view(&name));
    dr_buf_reset(&name);
    file_name(load, true, &name);
    part(out, boundary, "is_shared",
         dr_str_eqz(value_of(load, "is_shared"), "true") ? DR_STR_LIT("true")
                                                         : DR_STR_LIT("false"));
    if (at != SIZE_MAX) {
        struct dr_buf id;
        dr_buf_init(&id, 64);
        dr_buf_u64(&id, links->ref[at]);
        part(out, boundary, "targetable_id", dr_buf_view(&id));
        dr_buf_done(&id);
        part(out, boundary, "targetable_type",
             body_target(&load->refs[at], links->lead && links->lead[at]));
    }
    open_part(out, boundary, "file");
    dr_buf_z(out, "; filename=\"");
    quoted(out, dr_buf_view(&name));
    dr_buf_z(out, "\"\r\nContent-Type: ");
    dr_buf_str(out, media_type(load));
    dr_buf_z(out, "\r\n\r\n");
    dr_buf_done(&name);
}

static struct dr_str boundary_of(struct dr_str head)
{
    DR_ASSERT(head.n > BOUNDARY + 2);
    return (struct dr_str){head.p + 2, BOUNDARY};
}

void multipart_tail(struct dr_str head, struct dr_buf *out)
{
    dr_buf_z(out, "\r\n--");
    dr_buf_str(out, boundary_of(head));
    dr_buf_z(out, "--\r\n");
}

void multipart_type(struct dr_str head, struct dr_buf *out)
{
    dr_buf_z(out, "multipart/form-data; boundary=");
    dr_buf_str(out, boundary_of(head));
}
