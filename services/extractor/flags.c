/*
 * What the source says of a record that it can give (contract 4.4, 4.9): some
 * fields are damaged (`corrupt`), some were left out (`redacted`, or a
 * placeholder in their place). The record goes on; each such field is told as
 * a reject that is partial.
 */
#include "extractor.h"

#include <drover/wire/classes.h>
#include <drover/wire/redaction.h>

#define FIELDS_MAX 32

static void tell(struct extractor *ex, struct object *o,
                 const struct flagged *f, struct dr_str field,
                 const char *class, const char *reason, const char *cure)
{
    struct reject r = {.id = f->id,
                       .part_id = f->part_id,
                       .field = field,
                       .class = dr_str_z(class),
                       .reason = dr_str_z(reason),
                       .cure = dr_str_z(cure),
                       .version = f->version,
                       .partial = true};

    if (dr_text_valid(field)) {
        emit_rejected(ex, o, &r);
    }
}

static void tell_each(struct extractor *ex, struct object *o,
                      const struct flagged *f, const struct dr_json *fields,
                      const char *class, const char *reason, const char *cure)
{
    size_t n = 0;

    DR_JSON_EACH(name, fields)
    {
        if (n++ == FIELDS_MAX) {
            return;
        }
        tell(ex, o, f, dr_json_str(name), class, reason, cure);
    }
}

/* Why a field is damaged; the export folder has words of its own. */
static const char *why_damaged(struct dr_str code)
{
    return dr_str_eqz(code, "spreadsheet")
               ? "a spreadsheet or an export for reading has changed this (a "
                 "number rounded, a date's serial or local form, an error, a "
                 "list cut off): it is carried as it stands"
           : dr_str_eqz(code, "undecodable")
               ? "bytes of it are no characters of the file's encoding: "
                 "U+FFFD stands in their place"
               : "FastTrack marks this as damaged: what it gives is carried "
                 "as it is";
}

static const char *cure_of(struct dr_str code)
{
    return dr_str_eqz(code, "spreadsheet")
               ? "export again without a spreadsheet between, or the column "
                 "as text"
           : dr_str_eqz(code, "undecodable")
               ? "name the right encoding in the manifest, or export as UTF-8"
               : "mend the record in FastTrack: the tail picks it up by "
                 "itself";
}

/* True: a placeholder stands somewhere. */
static bool has_placeholder(const struct object *o, const struct dr_json *row)
{
    DR_JSON_EACH(v, dr_json_get(row, "properties"))
    {
        if (dr_is_redaction(dr_str_z(o->name), v->key, dr_json_str(v))) {
            return true;
        }
    }
    return false;
}

void tell_flags(struct extractor *ex, struct object *o, const struct flagged *f,
                const struct dr_json *row)
{
    static const char hidden[] =
        "FastTrack leaves this out: a placeholder stands in its place";
    const char *scope = dr_class_named(DR_STR_LIT("redacted"))->cure;
    const struct dr_json *corrupt = dr_json_get(row, "corrupt");
    const struct dr_json *redacted = dr_json_get(row, "redacted");
    const struct dr_json *properties = dr_json_get(row, "properties");

    if (dr_json_type(corrupt) == DR_JSON_OBJECT) {
        const struct dr_json *fields = dr_json_get(corrupt, "fields");
        struct dr_str code = dr_json_get_str(corrupt, "code");
        const char *damaged = why_damaged(code);
        const char *mend = cure_of(code);
        if (fields && fields->count > 0) {
            tell_each(ex, o, f, fields, "corrupt", damaged, mend);
        } else {
            tell(ex, o, f, DR_STR_LIT("(record)"), "corrupt", damaged, mend);
        }
    }
    note_redacted(ex, o, f->id,
                  (redacted && redacted->count > 0) || has_placeholder(o, row));
    tell_each(ex, o, f, redacted, "redacted", hidden, scope);
    if (redacted && redacted->count > 0) {
        return;
    }
    DR_JSON_EACH(v, properties)
    {
        if (dr_is_redaction(dr_str_z(o->name), v->key, dr_json_str(v))) {
            tell(ex, o, f, v->key, "redacted", hidden, scope);
        }
    }
}
