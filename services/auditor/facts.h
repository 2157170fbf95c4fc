/* What the ledger says of a record, as the books keep it. Pure. */
#ifndef DROVER_AUDITOR_FACTS_H
#define DROVER_AUDITOR_FACTS_H

#include <drover/ledger/ledger.h>
#include <drover/wire/wire.h>

#include "books.h"

/* env: the DONE or REFUSED that the fact came of, whose texts the row uses. */
struct fact_row facts_row(struct dr_str lane, const struct dr_ledger_fact *fact,
                          const struct dr_env *env);

#endif
