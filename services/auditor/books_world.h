/* Books of a test of their own, in a file that goes with it. */
#ifndef DROVER_AUDITOR_BOOKS_WORLD_H
#define DROVER_AUDITOR_BOOKS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "books.h"

#define S(z) DR_STR_LIT(z)

extern char path[64];
extern struct books *b;
extern struct dr_arena *a;

int setup(void **state);
int teardown(void **state);

/* What the ledger says of deal:d1. */
void put_fact(bool refused, uint64_t rev, uint32_t pass, uint64_t dst,
              uint32_t origin);
/* What a walk shows of it, whose record there is 77. */
void put_landed(const char *body, int64_t updated, int64_t ts);
void put_landed_of(uint64_t rev, const char *body, int64_t updated, int64_t ts);

#endif
