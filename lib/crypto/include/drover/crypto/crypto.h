/*
 * Hashes, HMAC, random bytes and secrets in memory over libsodium. Inputs made
 * of several parts are length-prefixed (effects protocol 4): use dr_hash_part.
 */
#ifndef DROVER_CRYPTO_CRYPTO_H
#define DROVER_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

#define DR_SHA256 32

void dr_crypto_init(void); /* once; ends the process when it cannot */
void dr_random(void *out, size_t n);
void dr_sha256(struct dr_str in, uint8_t out[DR_SHA256]);

/* Incremental SHA-256; dr_hash_part writes an 8-byte length first,
 * dr_hash_bytes none: for one long text in pieces. */
struct dr_hash {
    uint64_t opaque[32];
};
void dr_hash_init(struct dr_hash *h);
void dr_hash_part(struct dr_hash *h, struct dr_str part);
void dr_hash_bytes(struct dr_hash *h, struct dr_str piece);
void dr_hash_u64(struct dr_hash *h, uint64_t v);
void dr_hash_final(struct dr_hash *h, uint8_t out[DR_SHA256]);

/* Lower-case hex; out holds 2*n+1 bytes. */
void dr_hex(const void *p, size_t n, char *out);
int dr_unhex(struct dr_str hex, void *out, size_t n) DR_MUSTCHECK;
bool dr_ct_eq(struct dr_str a, struct dr_str b); /* constant time */

/* First 16 bytes of SHA-256 of the migration's name: Envelope.migration. */
void dr_migration_id(struct dr_str name, uint8_t out[16]);

/*
 * The marker of a record: first 16 bytes, as 32 hex digits, of HMAC-SHA-256
 * under the migration's key over migration, generation, type and source key.
 */
void dr_marker_hex(struct dr_str key, struct dr_str migration,
                   uint32_t generation, struct dr_str type,
                   struct dr_str source_key, char out[33]);

/* A secret read from a file, kept out of core files and swap where allowed,
 * trailing blanks cut, at most 4 KiB. Never printed. One that others than its
 * owner and group may read or write is refused, but where it is mounted to be
 * read alone. */
struct dr_secret;
struct dr_secret *dr_secret_read(const char *path,
                                 struct dr_err *err) DR_MUSTCHECK;
struct dr_str dr_secret_view(const struct dr_secret *s);
void dr_secret_free(struct dr_secret *s);

#endif
