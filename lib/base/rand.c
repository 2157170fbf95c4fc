/* splitmix64. */
#include <drover/base/rand.h>

void dr_rand_init(struct dr_rand *r, uint64_t seed)
{
    r->state = seed;
}

uint64_t dr_rand_u64(struct dr_rand *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t dr_rand_below(struct dr_rand *r, uint64_t n)
{
    return n ? dr_rand_u64(r) % n : 0;
}

int dr_rand_chance(struct dr_rand *r, uint32_t millionths)
{
    return dr_rand_below(r, 1000000) < millionths;
}
