#ifndef CRIER_BASE_P256_H
#define CRIER_BASE_P256_H

/* The curve P-256 (FIPS 186-4; secp256r1): keys that sign by ES256 (RFC 7518 section 3.4) and keys that two sides
 * agree on a secret with (ECDH). Every function may be called on any thread, several at the same time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define P256_PUBLIC_BYTES 65 /* 04, x, y: uncompressed (SEC 1 section 2.3.3) */
#define P256_PRIVATE_BYTES 32
#define P256_SECRET_BYTES 32
#define P256_SIGNATURE_BYTES 64

struct p256_key; /* private and public; never changes */

/* From text: PEM (PKCS #8 or SEC 1, without a password), or the 32 bytes in base64url or base64, as `web-push`
 * prints them. ERR_INVALID: what was expected; never the text. */
MUST_USE enum err_code
p256_key_read(struct p256_key **out, const char *text, size_t len, struct err *why);
struct p256_key *p256_key_random(void);
void p256_key_free(struct p256_key *key);                   /* overwrites */
const uint8_t *p256_key_public(const struct p256_key *key); /* P256_PUBLIC_BYTES */
void p256_key_private(const struct p256_key *key, uint8_t out[P256_PRIVATE_BYTES]);
/* ES256: r and s, each 32 bytes. */
void p256_sign(const struct p256_key *key,
               const void *data,
               size_t len,
               uint8_t out[P256_SIGNATURE_BYTES]);
/* Appends header.claims.signature, base64url each; of RFC 7515, both JSON. */
void p256_sign_jwt(const struct p256_key *key,
                   const char *header,
                   const char *claims,
                   struct buf *out);

/* Whether it is a point of the curve; the one at infinity has no such form. */
bool p256_public_good(const uint8_t point[P256_PUBLIC_BYTES]);
/* A fresh key pair, and the secret it makes with a peer's public key. False: that is none. */
bool p256_agree(const uint8_t peer[P256_PUBLIC_BYTES],
                uint8_t out_public[P256_PUBLIC_BYTES],
                uint8_t out_secret[P256_SECRET_BYTES]);
/* The same with a private key that is there. False also when that is none. */
bool p256_agree_with(const uint8_t private_key[P256_PRIVATE_BYTES],
                     const uint8_t peer[P256_PUBLIC_BYTES],
                     uint8_t out_public[P256_PUBLIC_BYTES],
                     uint8_t out_secret[P256_SECRET_BYTES]);

#endif
