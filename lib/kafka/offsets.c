#include <drover/kafka/offsets.h>

#include <string.h>

#include <drover/base/err.h>

void dr_offsets_init(struct dr_offsets *o)
{
    memset(o, 0, sizeof(*o));
    o->base = -1;
}

static uint64_t *word(struct dr_offsets *o, int64_t offset)
{
    return &o->done[(offset % DR_OFFSETS_WINDOW) / 64];
}

static uint64_t bit(int64_t offset)
{
    return (uint64_t)1 << (offset % 64);
}

/* Moves base over everything that is settled. */
static void advance(struct dr_offsets *o)
{
    while (o->base < o->next && (*word(o, o->base) & bit(o->base))) {
        *word(o, o->base) &= ~bit(o->base);
        o->base++;
    }
}

void dr_offsets_take(struct dr_offsets *o, int64_t offset)
{
    if (o->base < 0) {
        o->base = o->next = offset;
    }
    DR_ASSERT(offset >= o->next);
    /* Offsets that the log does not have are settled by nature. */
    if (o->base == o->next) {
        o->base = o->next = offset;
    }
    DR_ASSERT(offset - o->base < DR_OFFSETS_WINDOW);
    for (; o->next < offset; o->next++) {
        *word(o, o->next) |= bit(o->next);
    }
    o->next = offset + 1;
}

void dr_offsets_settle(struct dr_offsets *o, int64_t offset)
{
    DR_ASSERT(offset >= o->base && offset < o->next);
    *word(o, offset) |= bit(offset);
    advance(o);
}

bool dr_offsets_full(const struct dr_offsets *o)
{
    /* Half the window is left for gaps in the next offset. */
    return o->base >= 0 && o->next - o->base >= DR_OFFSETS_WINDOW / 2;
}

int64_t dr_offsets_prefix(const struct dr_offsets *o)
{
    return o->base;
}

bool dr_offsets_idle(const struct dr_offsets *o)
{
    return o->base < 0 || o->base == o->next;
}
