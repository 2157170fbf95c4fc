/*
 * Sorted; a word for each class that the extractor, the plan or the loader
 * gives, and those of what the books alone say: a record that is parked or
 * rejected without a line of its own.
 */
#include "classes.h"

static const char *const classes[] = {"bad_text",
                                      "bad_value",
                                      "batch_refused",
                                      "broken_file",
                                      "changed_in_target",
                                      "class_change",
                                      "conflict",
                                      "corrupt",
                                      "deal_gone",
                                      "duplicate",
                                      "file_damaged",
                                      "forbidden",
                                      "gone",
                                      "left_behind",
                                      "missing_pipeline",
                                      "no_product",
                                      "no_target",
                                      "not_ours",
                                      "other_currency",
                                      "occupied",
                                      "outcome_unknown",
                                      "owner_unresolved",
                                      "parent_missing",
                                      "redacted",
                                      "refused",
                                      "rejected",
                                      "required_empty",
                                      "server_error",
                                      "storage_full",
                                      "too_large",
                                      "too_many_lines",
                                      "unchangeable",
                                      "unknown_currency",
                                      "unknown_pipeline",
                                      "unknown_stage",
                                      "unreadable"};

bool class_known(struct dr_str class)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(classes); i++) {
        if (dr_str_eqz(class, classes[i])) {
            return true;
        }
    }
    return false;
}

void classes_print(struct dr_buf *out)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(classes); i++) {
        dr_buf_printf(out, " %s", classes[i]);
    }
}
