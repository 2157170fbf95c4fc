#include <drover/crypto/crypto.h>

#include <string.h>

#include <sodium.h>

_Static_assert(sizeof(struct dr_hash) >= sizeof(crypto_hash_sha256_state),
               "dr_hash holds libsodium's state");
_Static_assert(DR_SHA256 == crypto_hash_sha256_BYTES, "SHA-256");

void dr_crypto_init(void)
{
    if (sodium_init() < 0) {
        dr_die(DR_EXIT_FAILURE, "crypto", "libsodium does not start");
    }
}

void dr_random(void *out, size_t n)
{
    randombytes_buf(out, n);
}

void dr_sha256(struct dr_str in, uint8_t out[DR_SHA256])
{
    (void)crypto_hash_sha256(out, (const unsigned char *)in.p, in.n);
}

static crypto_hash_sha256_state *state_of(struct dr_hash *h)
{
    return (crypto_hash_sha256_state *)(void *)h->opaque;
}

void dr_hash_init(struct dr_hash *h)
{
    (void)crypto_hash_sha256_init(state_of(h));
}

void dr_hash_u64(struct dr_hash *h, uint64_t v)
{
    unsigned char b[8];

    for (int i = 0; i < 8; i++) {
        b[i] = (unsigned char)(v >> (8 * i));
    }
    (void)crypto_hash_sha256_update(state_of(h), b, sizeof(b));
}

void dr_hash_bytes(struct dr_hash *h, struct dr_str piece)
{
    (void)crypto_hash_sha256_update(state_of(h), (const unsigned char *)piece.p,
                                    piece.n);
}

void dr_hash_part(struct dr_hash *h, struct dr_str part)
{
    dr_hash_u64(h, part.n);
    dr_hash_bytes(h, part);
}

void dr_hash_final(struct dr_hash *h, uint8_t out[DR_SHA256])
{
    (void)crypto_hash_sha256_final(state_of(h), out);
}

void dr_hex(const void *p, size_t n, char *out)
{
    (void)sodium_bin2hex(out, 2 * n + 1, p, n);
}

int dr_unhex(struct dr_str hex, void *out, size_t n)
{
    size_t got = 0;

    if (hex.n != 2 * n ||
        sodium_hex2bin(out, n, hex.p, hex.n, NULL, &got, NULL) != 0 ||
        got != n) {
        return -1;
    }
    return 0;
}

bool dr_ct_eq(struct dr_str a, struct dr_str b)
{
    return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

void dr_migration_id(struct dr_str name, uint8_t out[16])
{
    uint8_t full[DR_SHA256];

    dr_sha256(name, full);
    memcpy(out, full, 16);
}

static void mac_part(crypto_auth_hmacsha256_state *s, struct dr_str part)
{
    unsigned char n[8];

    for (int i = 0; i < 8; i++) {
        n[i] = (unsigned char)((uint64_t)part.n >> (8 * i));
    }
    (void)crypto_auth_hmacsha256_update(s, n, sizeof(n));
    (void)crypto_auth_hmacsha256_update(s, (const unsigned char *)part.p,
                                        part.n);
}

void dr_marker_hex(struct dr_str key, struct dr_str migration,
                   uint32_t generation, struct dr_str type,
                   struct dr_str source_key, char out[33])
{
    crypto_auth_hmacsha256_state s;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    unsigned char gen[4];

    for (int i = 0; i < 4; i++) {
        gen[i] = (unsigned char)(generation >> (8 * i));
    }
    (void)crypto_auth_hmacsha256_init(&s, (const unsigned char *)key.p, key.n);
    mac_part(&s, migration);
    (void)crypto_auth_hmacsha256_update(&s, gen, sizeof(gen));
    mac_part(&s, type);
    mac_part(&s, source_key);
    (void)crypto_auth_hmacsha256_final(&s, mac);
    dr_hex(mac, 16, out);
}
