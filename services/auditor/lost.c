#include "lost.h"

bool lost(const struct fact_row *record)
{
    return record->dst != 0 && record->deleted == FACT_LOST;
}

/* It was there when the record was written, or when it was deleted by us. */
static bool stood(const struct fact_row *record)
{
    return record->dst != 0 && record->deleted != FACT_DELETED &&
           record->deleted != FACT_GONE;
}

/* A record that was restored is written again with a newer version, or the
 * same one in a newer pass. */
static bool is_newer(const struct fact_row *a, const struct fact_row *b)
{
    return a->pass != b->pass ? a->pass > b->pass : a->rev > b->rev;
}

bool lost_by_part(const struct fact_row *record, const struct fact_row *part)
{
    bool same = part->dst == 0 || (part->dst == record->dst &&
                                   dr_str_eq(part->type, record->type));

    return stood(record) && same && part->deleted == FACT_LOST &&
           !is_newer(record, part);
}
