#ifndef CRIER_BASE_CRYPTO_H
#define CRIER_BASE_CRYPTO_H

/* Digests, message authentication, encodings and randomness, on OpenSSL's EVP. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SHA256_BYTES 32
#define SHA256_HEX_BYTES 65 /* with the NUL */

void crypto_random(void *out, size_t len); /* stops the program when the system has none */
void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
/* The first 8 bytes as a number, the first of them the highest: a digest cut short, for looking things up. */
uint64_t crypto_first64(const uint8_t *bytes);
/* The same over what comes in pieces; the end frees it. out NULL: nobody wants to know any more. */
struct crypto_sum;
struct crypto_sum *crypto_sha256_begin(void);
void crypto_sha256_add(struct crypto_sum *s, const void *data, size_t len);
void crypto_sha256_end(struct crypto_sum *s, uint8_t out[SHA256_BYTES]);
/* RFC 2104, RFC 6234. Returns the length of what it wrote; SHA-1 is for schemes of others that know no
 * better, and still sound in an HMAC. */
enum crypto_digest { CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA384, CRYPTO_SHA512 };
#define CRYPTO_DIGEST_MAX_BYTES 64
size_t crypto_hmac(enum crypto_digest digest,
                   const void *key,
                   size_t key_len,
                   const void *data,
                   size_t len,
                   uint8_t out[CRYPTO_DIGEST_MAX_BYTES]);
void crypto_hmac_sha256(
    const void *key, size_t key_len, const void *data, size_t len, uint8_t out[SHA256_BYTES]);
/* Time depends on len only. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* Lower-case hex; out holds 2 * len + 1. */
char *crypto_hex(const void *data, size_t len, char *out);
/* Either case; false unless exactly 2 * len digits. */
bool crypto_unhex(const char *text, size_t text_len, uint8_t *out, size_t len);
/* RFC 4648 sections 4 and 5 (url: no padding). */
void crypto_base64(struct buf *out, const void *data, size_t len);
void crypto_base64url(struct buf *out, const void *data, size_t len);
/* Both alphabets, with or without padding; false (and nothing appended) on anything else,
 * leftover bits that are not zero included, so that one value has one text. */
bool crypto_unbase64(struct buf *out, const char *text, size_t len);

#endif
