#include "asks.h"

#include <stdio.h>
#include <string.h>

static const struct dr_json *asked(struct auditor *au)
{
    const struct dr_json *status = dr_json_parse(
        au->request, books_extractor(au->books, au->request), NULL, NULL);

    return dr_json_get(status, "asks");
}

static bool approved(const struct auditor *au, struct dr_str id)
{
    for (size_t i = 0; i < au->approval_count; i++) {
        if (dr_str_eqz(id, au->approvals[i])) {
            return true;
        }
    }
    return false;
}

void asks_write(struct auditor *au, struct dr_json_w *w)
{
    dr_json_w_arr(w);
    DR_JSON_EACH(q, asked(au))
    {
        struct dr_str id = dr_json_get_str(q, "id");
        dr_json_w_obj(w);
        dr_json_w_kv(w, "id", id);
        dr_json_w_kv(w, "kind", dr_json_get_str(q, "kind"));
        dr_json_w_kv(w, "text", dr_json_get_str(q, "text"));
        dr_json_w_kvi(w, "count", dr_json_get_i64(q, "count", 0));
        dr_json_w_kvb(w, "approved", approved(au, id));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static bool is_asked(struct auditor *au, struct dr_str id)
{
    DR_JSON_EACH(q, asked(au))
    {
        if (dr_str_eq(dr_json_get_str(q, "id"), id)) {
            return true;
        }
    }
    return false;
}

int asks_approve(struct auditor *au, struct dr_str id, struct dr_str by,
                 struct dr_err *err)
{
    char operation[AUDITOR_ASK_MAX + 16];

    if (!is_asked(au, id)) {
        return dr_err_set(err, DR_REJECT, 404, "ask",
                          "nothing of this name is asked: `drover asks` lists "
                          "what is");
    }
    if (approved(au, id)) {
        return 0;
    }
    if (id.n >= AUDITOR_ASK_MAX || au->approval_count == AUDITOR_APPROVALS) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "%d questions were answered already: something is "
                          "wrong with the source, look there first",
                          AUDITOR_APPROVALS);
    }
    (void)snprintf(au->approvals[au->approval_count++], AUDITOR_ASK_MAX,
                   DR_STR_FMT, DR_STR_ARG(id));
    (void)snprintf(operation, sizeof(operation), "ask:" DR_STR_FMT,
                   DR_STR_ARG(id));
    lead_publish(au, operation, by);
    return 0;
}
