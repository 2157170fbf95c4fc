/*
 * Values that FastTrack does not show to the token (dr_load.hides). A record
 * that stands may hold such a value, or what is made of it: then an update that
 * would take it out, or put something else in its place, is refused. Where the
 * value was hidden before, too, nothing of it stands, and the update goes on.
 */
#include "loader.h"

#include <drover/plan/plan.h>
#include <drover/wire/classes.h>
#include <drover/wire/redaction.h>

#include "tags.h"

bool hidden_stands(const struct item *it, const struct dr_load *load)
{
    bool whole = it->route.way == WAY_LINES || it->route.way == WAY_FOLD ||
                 dr_hides(load->hides, DR_STR_LIT(DR_HIDES_MORE));

    return load->hides.n > 0 && whole && it->fact.dst != 0 &&
           (it->fact.state == DR_FACT_DONE ||
            it->fact.state == DR_FACT_REFUSED);
}

/* A rule is named after its object and property: "deal.amount". */
static bool is_of_hidden(const struct dr_load *load, const struct dr_field *f)
{
    struct dr_str rest = f->rule;

    (void)dr_str_split(&rest, '.');
    return dr_hides(load->hides, dr_str_split(&rest, '.'));
}

static bool is_empty(const struct dr_field *f)
{
    return f->kind == DR_VAL_NULL || f->value.n == 0 ||
           dr_str_eqz(f->value, "[]");
}

/* Many values stand in one text. */
static bool is_text(const struct dr_field *f)
{
    return dr_str_eqz(f->name, "notes") || dr_str_eqz(f->name, "description");
}

static bool loses(struct loader *l, struct item *it, const struct dr_load *load,
                  size_t i, const struct dr_json *record)
{
    const struct dr_field *f = &load->fields[i];
    struct dr_str now;

    if (it->kept && it->kept[i]) {
        return false; /* it is not written */
    }
    if (tags_are(f)) {
        return dr_hides(load->hides, f->name) &&
               !tags_same(edits_tags(l, it, record), f->value, l->scratch);
    }
    return (is_empty(f) || is_of_hidden(load, f) || is_text(f)) &&
           dr_compare_field(load, f, record, l->scratch, &now) != DR_CMP_SAME &&
           now.n > 0;
}

bool hidden_loses(struct loader *l, struct item *it, const struct dr_load *load,
                  const struct dr_json *record)
{
    for (size_t i = 0; load->hides.n > 0 && i < load->field_count; i++) {
        if (loses(l, it, load, i, record)) {
            return true;
        }
    }
    return false;
}

void hidden_refuse(struct loader *l, struct item *it,
                   const struct dr_load *load)
{
    struct dr_buf b;

    dr_buf_init(&b, 2048);
    dr_buf_z(&b, "FastTrack does not show all of it to the token (");
    dr_buf_str(&b, load->hides);
    dr_buf_z(&b, "), and an update without that could take out what "
                 "Freshsales has");
    item_refuse(l, it, "redacted", 0,
                dr_class_named(DR_STR_LIT("redacted"))->cure, true,
                dr_buf_view(&b));
    dr_buf_done(&b);
}
