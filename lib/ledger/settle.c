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

void dr_content_loosen(uint8_t hash[32])
{
    hash[31] ^= 0xff;
}

enum dr_content dr_content_of(struct dr_str done_hash,
                              struct dr_str content_hash)
{
    uint8_t loose[32];

    if (dr_str_eq(done_hash, content_hash)) {
        return DR_CONTENT_WHOLE;
    }
    if (content_hash.n != sizeof(loose)) {
        return DR_CONTENT_OTHER;
    }
    memcpy(loose, content_hash.p, sizeof(loose));
    dr_content_loosen(loose);
    return dr_str_eq(done_hash,
                     (struct dr_str){(const char *)loose, sizeof(loose)})
               ? DR_CONTENT_LOOSE
               : DR_CONTENT_OTHER;
}

static bool done_covers(const struct dr_ledger_fact *fact, uint64_t rev,
                        uint32_t pass, struct dr_str content_hash)
{
    switch (dr_content_of(fact->content_hash, content_hash)) {
    case DR_CONTENT_WHOLE:
        return true;
    case DR_CONTENT_LOOSE:
        return fact->pass >= pass;
    case DR_CONTENT_OTHER:
        break;
    }
    return fact->rev > rev;
}

bool dr_fact_covers(const struct dr_ledger_fact *fact, uint64_t rev,
                    uint32_t pass, struct dr_str content_hash)
{
    switch (fact->state) {
    case DR_LEDGER_DONE:
        return done_covers(fact, rev, pass, content_hash);
    case DR_LEDGER_REFUSED:
        /* A newer pass tries again: the plan or the target has changed. */
        return fact->rev > rev || (fact->rev == rev && fact->pass >= pass);
    case DR_LEDGER_NOTHING:
    case DR_LEDGER_CREATED:
    case DR_LEDGER_DELETED:
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
