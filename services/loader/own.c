#include "own.h"

#include <string.h>

void own_init(struct own *o)
{
    *o = (struct own){.state = OWN_IDLE, .read_to = -1};
}

void own_done(struct own *o)
{
    dr_fold_free(o->fold);
    own_init(o);
}

int64_t own_start(struct own *o, const struct own_view *v, int64_t end,
                  bool claim, const uint8_t nonce[DR_LEDGER_NONCE])
{
    int64_t from = v->applied + 1;

    dr_fold_free(o->fold);
    o->state = OWN_RECOVER;
    o->end = end;
    o->claim = claim;
    o->meta_asked = false;
    memcpy(o->nonce, nonce, sizeof(o->nonce));
    if (v->applied >= 0 && v->oldest >= 0 && v->oldest < from) {
        from = v->oldest;
    }
    if (v->applied < 0 || v->applied >= end) {
        /* Nothing known, or the id map is of another log: from the start. */
        o->fold = dr_fold_new();
        o->read_to = -1;
        return 0;
    }
    o->read_to = from - 1;
    o->fold = from == 0 ? dr_fold_new() : dr_fold_resume(v->epoch);
    return from;
}

static enum own_wish recovered(struct own *o)
{
    if (dr_fold_rolled(o->fold)) {
        o->state = OWN_LOST;
        return OWN_STEP_DOWN;
    }
    if (!o->claim) {
        o->state = OWN_IDLE;
        return OWN_UP_TO_DATE;
    }
    o->state = OWN_CLAIM;
    o->epoch = dr_fold_epoch(o->fold) + 1;
    if (o->end == 0 && !o->meta_asked) {
        o->meta_asked = true;
        return OWN_APPEND_META;
    }
    return OWN_APPEND_OWNER;
}

static enum own_wish moved(struct own *o, int64_t offset)
{
    o->read_to = offset;
    if (o->state == OWN_RECOVER && offset + 1 >= o->end) {
        return recovered(o);
    }
    return OWN_NOTHING;
}

enum own_wish own_check(struct own *o)
{
    if (o->state == OWN_RECOVER && o->read_to + 1 >= o->end) {
        return recovered(o);
    }
    return OWN_NOTHING;
}

static enum own_wish taken_over(struct own *o)
{
    if (o->state == OWN_CLAIM) {
        if (dr_fold_owned_by(o->fold, o->epoch, o->nonce)) {
            o->state = OWN_ACTIVE;
            return OWN_READY;
        }
        if (dr_fold_epoch(o->fold) >= o->epoch) {
            /* Somebody was accepted first: one more turn. */
            o->epoch = dr_fold_epoch(o->fold) + 1;
            return OWN_APPEND_OWNER;
        }
        return OWN_NOTHING;
    }
    if (o->state == OWN_ACTIVE) {
        o->state = OWN_LOST;
        return OWN_STEP_DOWN;
    }
    return OWN_NOTHING;
}

enum own_wish own_record(struct own *o, const struct dr_env *env,
                         int64_t offset, struct dr_folded *folded)
{
    dr_fold_accept(o->fold, env, offset, folded);
    o->read_to = offset;
    if (folded->what == DR_FOLD_ROLL &&
        (o->state == OWN_CLAIM || o->state == OWN_ACTIVE)) {
        o->state = OWN_LOST;
        return OWN_STEP_DOWN;
    }
    if (folded->what == DR_FOLD_OWNER && o->state != OWN_RECOVER) {
        return taken_over(o);
    }
    return moved(o, offset);
}

enum own_wish own_skip(struct own *o, int64_t offset)
{
    return moved(o, offset);
}

int own_meta_fits(const struct own *o, uint32_t partitions, struct dr_err *err)
{
    const struct dr_meta *m = dr_fold_meta(o->fold);

    if (!m) {
        return 0;
    }
    if (m->partitions != partitions) {
        return dr_err_set(err, DR_HALT, 0, "ledger",
                          "the ledger was made with %u partitions, "
                          "kafka.partitions is %u: set it back",
                          (unsigned)m->partitions, (unsigned)partitions);
    }
    if (m->partitioner != DR_LEDGER_PARTITIONER ||
        m->mapping != DR_LEDGER_MAPPING) {
        return dr_err_set(err, DR_HALT, 0, "ledger",
                          "the ledger was written by another version of "
                          "Drover: finish the migration with that version");
    }
    return 0;
}

bool own_active(const struct own *o)
{
    return o->state == OWN_ACTIVE;
}
