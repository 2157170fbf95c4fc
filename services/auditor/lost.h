/*
 * Whether somebody deleted in the target what a record had become: the newest
 * word of the ledger about it, be it of the record itself or of what is written
 * into it apart, such as an account's parent or a deal's lines. Pure.
 */
#ifndef DROVER_AUDITOR_LOST_H
#define DROVER_AUDITOR_LOST_H

#include <stdbool.h>

#include "books.h"

bool lost(const struct fact_row *record);
/* A part that never got there names no target: whoever asks knows that it goes
 * into this record. */
bool lost_by_part(const struct fact_row *record, const struct fact_row *part);

#endif
