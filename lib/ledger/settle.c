/* Decisions about attempts and facts, and the keys of ledger records. */
#include <drover/ledger/ledger.h>

#include <inttypes.h>
#include <string.h>

enum dr_settle dr_settle_decide(const struct dr_settle_case *c)
{
    bool create = c->op == DR_EFFECT_CREATE || c->op == DR_EFFECT_UPSERT;
    bool quiet = c->waited_ms >= c->quarantine_ms || c->whole_5xx ||
                 (c->unique && create);

    switch (c->found) {
    case DR_FOUND_SAME:
        return DR_SETTLE_DONE;
    case DR_FOUND_NOT_LOOKED:
        return quiet ? DR_SETTLE_LOOK : DR_SETTLE_WAIT;
    case DR_FOUND_OTHER:
        return quiet ? DR_SETTLE_REFUSE : DR_SETTLE_WAIT;
    case DR_FOUND_NOTHING:
    case DR_FOUND_OLDER:
        break;
    }
    return quiet ? DR_SETTLE_RETRY : DR_SETTLE_WAIT;
}

#define MISSING_MAX 127
#define OTHER_FORM 0x80u

static uint8_t missing_byte(size_t missing)
{
    return missing < MISSING_MAX ? (uint8_t)missing : MISSING_MAX;
}

void dr_content_loosen(uint8_t hash[32], size_t missing)
{
    hash[31] ^= missing_byte(missing);
}

void dr_content_in_other_form(uint8_t hash[32])
{
    hash[31] ^= OTHER_FORM;
}

/* The last byte of a DONE of this content against its own. */
static bool last_byte(struct dr_str done_hash, struct dr_str content_hash,
                      uint8_t *out)
{
    *out = 0;
    if (dr_str_eq(done_hash, content_hash)) {
        return true;
    }
    if (done_hash.n != 32 || content_hash.n != 32 ||
        memcmp(done_hash.p, content_hash.p, 31) != 0) {
        return false;
    }
    *out = (uint8_t)done_hash.p[31] ^ (uint8_t)content_hash.p[31];
    return true;
}

bool dr_content_is_other_form(struct dr_str done_hash,
                              struct dr_str content_hash)
{
    uint8_t last;

    return last_byte(done_hash, content_hash, &last) &&
           (last & OTHER_FORM) != 0;
}

enum dr_content dr_content_of(struct dr_str done_hash,
                              struct dr_str content_hash, size_t *missing_out)
{
    uint8_t last;

    if (!last_byte(done_hash, content_hash, &last)) {
        return DR_CONTENT_OTHER;
    }
    if (missing_out) {
        *missing_out = last & (OTHER_FORM - 1);
    }
    return last != 0 ? DR_CONTENT_LOOSE : DR_CONTENT_WHOLE;
}

static bool done_covers(const struct dr_ledger_fact *fact, uint64_t rev,
                        uint32_t pass, struct dr_str content_hash,
                        size_t missing)
{
    size_t before = 0;

    switch (dr_content_of(fact->content_hash, content_hash, &before)) {
    case DR_CONTENT_WHOLE:
    case DR_CONTENT_LOOSE:
        return fact->pass >= pass ||
               (before == missing_byte(missing) &&
                !dr_content_is_other_form(fact->content_hash, content_hash));
    case DR_CONTENT_OTHER:
        break;
    }
    return fact->rev > rev;
}

bool dr_fact_covers(const struct dr_ledger_fact *fact, uint64_t rev,
                    uint32_t pass, struct dr_str content_hash, size_t missing)
{
    switch (fact->state) {
    case DR_LEDGER_DONE:
        return done_covers(fact, rev, pass, content_hash, missing);
    case DR_LEDGER_REFUSED:
        /* A newer pass tries again: the plan or the target has changed. */
        return fact->rev > rev || (fact->rev == rev && fact->pass >= pass);
    case DR_LEDGER_DELETED:
        /* The removal is the newer word; what is newer still creates anew, be
         * it by the plan of a newer pass. */
        return fact->rev > rev || (fact->rev == rev && fact->pass >= pass);
    case DR_LEDGER_NOTHING:
    case DR_LEDGER_CREATED:
        break;
    }
    return false;
}

static bool hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool dr_marker_in(struct dr_str text, struct dr_str marker)
{
    while (marker.n > 0 && text.n >= marker.n) {
        size_t at = dr_str_find(text, marker);
        size_t end = at + marker.n;

        if (at == SIZE_MAX) {
            return false;
        }
        if ((at == 0 || !hex(text.p[at - 1])) &&
            (end == text.n || !hex(text.p[end]))) {
            return true;
        }
        text.p += at + 1;
        text.n -= at + 1;
    }
    return false;
}

void dr_ledger_key(struct dr_buf *out, struct dr_str key, const char *suffix)
{
    dr_buf_str(out, key);
    dr_buf_z(out, suffix);
}

void dr_ledger_pre_key(struct dr_buf *out, struct dr_str key, uint64_t rev)
{
    dr_buf_str(out, key);
    dr_buf_printf(out, "#pre#%" PRIu64, rev);
}

void dr_ledger_job_key(struct dr_buf *out, struct dr_str nonce,
                       const char *suffix)
{
    dr_buf_z(out, "job#");
    for (size_t i = 0; i < nonce.n; i++) {
        dr_buf_printf(out, "%02x", (unsigned)(unsigned char)nonce.p[i]);
    }
    dr_buf_z(out, suffix);
}
