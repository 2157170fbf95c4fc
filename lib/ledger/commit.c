/* What fields were left at, as hashes (see the header). */
#include <drover/ledger/ledger.h>

#include <string.h>

#include <drover/crypto/crypto.h>

#define TAG 3 /* bytes for the name */

static void tag_of(struct dr_str name, uint8_t out[TAG])
{
    uint8_t sum[DR_SHA256];

    dr_sha256(name, sum);
    memcpy(out, sum, TAG);
}

static void entry_of(struct dr_str name, struct dr_str value,
                     uint8_t out[DR_COMMIT])
{
    uint8_t sum[DR_SHA256];
    struct dr_hash h;

    tag_of(name, out);
    dr_hash_init(&h);
    dr_hash_part(&h, name);
    dr_hash_part(&h, value);
    dr_hash_final(&h, sum);
    memcpy(out + TAG, sum, DR_COMMIT - TAG);
}

static void add(struct dr_commits *c, const void *entry)
{
    if (c->n + DR_COMMIT <= sizeof(c->bytes)) {
        memcpy(c->bytes + c->n, entry, DR_COMMIT);
        c->n += DR_COMMIT;
    }
}

static bool holds(struct dr_str fields, const uint8_t *head, size_t n)
{
    for (size_t i = 0; i + DR_COMMIT <= fields.n; i += DR_COMMIT) {
        if (memcmp(fields.p + i, head, n) == 0) {
            return true;
        }
    }
    return false;
}

void dr_commit(struct dr_commits *c, struct dr_str name, struct dr_str value)
{
    uint8_t entry[DR_COMMIT];

    entry_of(name, value, entry);
    if (!holds((struct dr_str){(const char *)c->bytes, c->n}, entry,
               sizeof(entry))) {
        add(c, entry);
    }
}

void dr_commit_again(struct dr_commits *c, struct dr_str fields,
                     struct dr_str name)
{
    uint8_t tag[TAG];

    tag_of(name, tag);
    for (size_t i = 0; i + DR_COMMIT <= fields.n; i += DR_COMMIT) {
        if (memcmp(fields.p + i, tag, TAG) == 0) {
            add(c, fields.p + i);
        }
    }
}

bool dr_commits_full(struct dr_str fields)
{
    return fields.n >= (size_t)DR_COMMIT * DR_COMMITS_MAX;
}

bool dr_committed(struct dr_str fields, struct dr_str name)
{
    uint8_t tag[TAG];

    tag_of(name, tag);
    return holds(fields, tag, TAG);
}

bool dr_committed_as(struct dr_str fields, struct dr_str name,
                     struct dr_str value)
{
    uint8_t entry[DR_COMMIT];

    entry_of(name, value, entry);
    return holds(fields, entry, sizeof(entry));
}
