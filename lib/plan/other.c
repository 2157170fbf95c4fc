/* The other form of a record: what is written where another record of the
 * target has what its own form wants to be unique, or where its own parent
 * stands below it. */
#include <string.h>

#include "plan_private.h"

#define PARENT "parent_sales_account_id"

static const struct kind_of_form {
    const char *type;
    struct dr_other told;
    bool keeps; /* the text that cannot stand there is kept beside it */
} forms[] = {
    {.type = "sales_accounts",
     .told = {.field = "name",
              .rule = DR_RULE_OTHER_NAME,
              .why = DR_WHY_NAME_TAKEN,
              .class = "name_taken",
              .unseen = true}},
    {.type = "contacts",
     .told = {.field = "emails",
              .rule = DR_RULE_OTHER_ADDRESS,
              .why = DR_WHY_ADDRESS_TAKEN,
              .class = "address_taken"},
     .keeps = true},
};

/* Of the lane `link`: the same without the parent. */
static const struct kind_of_form without_parent = {
    .type = "sales_accounts",
    .told = {.field = PARENT,
             .rule = DR_RULE_CIRCLE,
             .why = DR_WHY_CIRCLE,
             .class = "circle"}};

static bool has_parent(const struct dr_load *load)
{
    return dr_links_governed(load, DR_STR_LIT(PARENT)) && load->ref_count > 1;
}

static const struct kind_of_form *form_of(const struct dr_load *load)
{
    if (has_parent(load)) {
        return &without_parent;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(forms) && load->other_name.n > 0; i++) {
        if (dr_str_eqz(load->type, forms[i].type)) {
            return &forms[i];
        }
    }
    return NULL;
}

const struct dr_other *dr_other_of(const struct dr_load *load)
{
    const struct kind_of_form *k = form_of(load);

    return k ? &k->told : NULL;
}

bool dr_other_class(struct dr_str class)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(forms); i++) {
        if (dr_str_eqz(class, forms[i].told.class)) {
            return true;
        }
    }
    return dr_str_eqz(class, without_parent.told.class);
}

static const struct dr_str kept_in = {"work_email", sizeof("work_email") - 1};

/* true: it is one of those in which the two forms differ. */
static bool differs(const struct kind_of_form *k, struct dr_str field)
{
    return dr_str_eqz(field, k->told.field) ||
           (k->keeps && dr_str_eq(field, kept_in));
}

static struct dr_field in_other(const struct kind_of_form *k,
                                const struct dr_load *load, struct dr_field f)
{
    if (k->keeps && dr_str_eqz(f.name, k->told.field)) {
        f.kind = DR_VAL_NULL;
        f.value = (struct dr_str){"", 0};
    } else if (differs(k, f.name)) {
        f.kind = DR_VAL_TEXT;
        f.value = load->other_name;
    }
    return f;
}

bool dr_other_differs(const struct dr_load *load, struct dr_str field)
{
    const struct kind_of_form *k = form_of(load);

    return k && differs(k, field);
}

struct dr_str dr_other_own(const struct dr_load *load)
{
    const struct dr_other *o = dr_other_of(load);

    for (size_t i = 0; o && i < load->field_count; i++) {
        if (dr_str_eqz(load->fields[i].name, o->field)) {
            return load->fields[i].value;
        }
    }
    return (struct dr_str){"", 0};
}

struct dr_str dr_other_seen(struct dr_str type, const struct dr_json *record)
{
    return dr_str_eqz(type, "sales_accounts") ? dr_json_get_str(record, "name")
           : dr_str_eqz(type, "contacts")     ? dr_json_get_str(record, "email")
                                              : (struct dr_str){"", 0};
}

/* A reference without a key says that there is none (dr_links_settle). */
static int cut_parent(const struct dr_load *load, struct dr_arena *a,
                      struct dr_load *out)
{
    struct dr_ref *refs = dr_arena_calloc(a, load->ref_count, sizeof(*refs));

    if (!refs) {
        return -1;
    }
    *out = *load;
    out->refs = refs;
    for (size_t i = 0; i < load->ref_count; i++) {
        refs[i] = load->refs[i];
        if (dr_str_eqz(refs[i].field, PARENT)) {
            refs[i].key = (struct dr_str){"", 0};
            refs[i].dst = 0;
        }
    }
    return 0;
}

static int with_fields(const struct kind_of_form *k, const struct dr_load *load,
                       struct dr_arena *a, struct dr_load *out)
{
    struct dr_field *f = dr_arena_calloc(a, load->field_count + 1, sizeof(*f));
    bool kept = !k->keeps;

    if (!f) {
        return -1;
    }
    *out = *load;
    out->fields = f;
    out->ident = k->keeps ? (struct dr_str){"", 0} : load->other_name;
    for (size_t i = 0; i < load->field_count; i++) {
        f[i] = in_other(k, load, load->fields[i]);
        kept |= dr_str_eq(f[i].name, kept_in);
    }
    if (!kept) {
        f[out->field_count++] = (struct dr_field){
            kept_in, dr_str_z(k->told.rule), DR_VAL_TEXT, load->other_name};
    }
    return 0;
}

int dr_other_form(const struct dr_load *load, struct dr_arena *a,
                  struct dr_load *out)
{
    const struct kind_of_form *k = form_of(load);

    *out = *load;
    return !k                     ? 0
           : k == &without_parent ? cut_parent(load, a, out)
                                  : with_fields(k, load, a, out);
}

static bool shows_no_parent(const struct dr_json *record)
{
    const struct dr_json *parent = dr_json_get(record, PARENT);

    return parent &&
           (dr_json_is_null(parent) || dr_str_eqz(dr_json_scalar(parent), "0"));
}

bool dr_other_is_shown(const struct dr_load *load, const struct dr_json *record,
                       struct dr_arena *a)
{
    const struct kind_of_form *k = form_of(load);
    struct dr_load other;
    struct dr_str now;

    if (!k || !record || dr_other_form(load, a, &other)) {
        return false;
    }
    if (k == &without_parent) {
        return shows_no_parent(record);
    }
    for (size_t i = 0; i < other.field_count; i++) {
        if (differs(k, other.fields[i].name) &&
            dr_compare_field(&other, &other.fields[i], record, a, &now) !=
                DR_CMP_SAME) {
            return false;
        }
    }
    return true;
}
