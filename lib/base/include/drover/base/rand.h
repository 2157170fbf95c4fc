/*
 * Deterministic random numbers for simulators, jitter and tests: a counter
 * run through a 64-bit mixer (splitmix64). Not for secrets (lib/crypto).
 */
#ifndef DROVER_BASE_RAND_H
#define DROVER_BASE_RAND_H

#include <stdint.h>

struct dr_rand {
    uint64_t state;
};

void dr_rand_init(struct dr_rand *r, uint64_t seed);
uint64_t dr_rand_u64(struct dr_rand *r);
uint64_t dr_rand_below(struct dr_rand *r, uint64_t n); /* 0 when n is 0 */
/* True with the chance of `millionths` in a million. */
int dr_rand_chance(struct dr_rand *r, uint32_t millionths);

#endif
