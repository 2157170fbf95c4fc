#include "named.h"

#define TEXT_MAX 80 /* bytes of what stands for a name */

static const struct dr_str none = {"", 0};

/* The first line of it that says anything. */
static struct dr_str line_of(struct dr_str text)
{
    struct dr_str rest = dr_str_trim(text);

    return dr_utf8_prefix(dr_str_trim(dr_str_split(&rest, '\n')), TEXT_MAX);
}

struct dr_str named_record(const struct dr_json *body, struct dr_arena *a)
{
    static const char *const keys[] = {"display_name", "name",  "title",
                                       "file_name",    "notes", "description"};
    struct dr_str first = dr_json_get_str(body, "first_name");
    struct dr_str last = dr_json_get_str(body, "last_name");

    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        struct dr_str text = line_of(dr_json_get_str(body, keys[i]));
        if (text.n > 0) {
            return text;
        }
    }
    if (first.n > 0 || last.n > 0) {
        return line_of(dr_arena_printf(a, DR_STR_FMT " " DR_STR_FMT,
                                       DR_STR_ARG(first), DR_STR_ARG(last)));
    }
    return none;
}

static struct dr_str linked(const struct dr_json *end, const char *kind,
                            struct dr_arena *a)
{
    struct dr_str name = line_of(dr_json_get_str(end, "name"));
    struct dr_str id = dr_json_scalar(dr_json_get(end, "id"));

    if (id.n == 0) {
        return none;
    }
    return name.n > 0
               ? dr_arena_printf(a, DR_STR_FMT " (%s " DR_STR_FMT ")",
                                 DR_STR_ARG(name), kind, DR_STR_ARG(id))
               : dr_arena_printf(a, "%s " DR_STR_FMT, kind, DR_STR_ARG(id));
}

/* Of several accounts the primary one. */
static const struct dr_json *account(const struct dr_json *body)
{
    const struct dr_json *list = dr_json_get(body, "sales_accounts");

    DR_JSON_EACH(e, list)
    {
        if (dr_json_true(dr_json_get(e, "is_primary"))) {
            return e;
        }
    }
    return list && list->count > 0 ? dr_json_at(list, 0)
                                   : dr_json_get(body, "sales_account");
}

struct dr_str named_parent(const struct dr_json *body, struct dr_arena *a)
{
    static const char *const ids[][2] = {
        {"sales_account_id", "account"},
        {"parent_sales_account_id", "account"}};
    const struct dr_json *at = dr_json_at(dr_json_get(body, "targetables"), 0);
    struct dr_str type, id, account_text = linked(account(body), "account", a);

    at = at ? at : dr_json_get(body, "targetable");
    type = dr_json_get_str(at, "type");
    id = dr_json_scalar(dr_json_get(at, "id"));
    if (type.n > 0 && id.n > 0) {
        return dr_arena_printf(a, DR_STR_FMT " " DR_STR_FMT, DR_STR_ARG(type),
                               DR_STR_ARG(id));
    }
    for (size_t i = 0; account_text.n == 0 && i < DR_ARRAY_LEN(ids); i++) {
        id = dr_json_scalar(dr_json_get(body, ids[i][0]));
        if (id.n > 0) {
            account_text =
                dr_arena_printf(a, "%s " DR_STR_FMT, ids[i][1], DR_STR_ARG(id));
        }
    }
    return account_text;
}

struct dr_str named_owner(const struct dr_json *body,
                          const struct dr_json *users, struct dr_arena *a)
{
    struct dr_str id = dr_json_scalar(dr_json_get(body, "owner_id"));

    DR_JSON_EACH(u, users)
    {
        struct dr_str name = dr_json_get_str(u, "display_name");
        struct dr_str mail = dr_json_get_str(u, "email");
        if (id.n > 0 && dr_str_eq(dr_json_scalar(dr_json_get(u, "id")), id) &&
            name.n + mail.n > 0) {
            return line_of(name.n > 0 ? name : mail);
        }
    }
    return id.n > 0 ? dr_arena_printf(a, "user " DR_STR_FMT, DR_STR_ARG(id))
                    : none;
}
