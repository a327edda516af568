#ifndef CRIER_BASE_ECE_H
#define CRIER_BASE_ECE_H

/* Messages that a push service carries and cannot read: the content coding aes128gcm (RFC 8188) as Web Push uses it
 * (RFC 8291): one record, keys from a secret that was agreed on with the browser. May be called on any thread,
 * several at the same time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/p256.h"

#define ECE_AUTH_BYTES 16
#define ECE_SALT_BYTES 16
/* What a body is longer than its text: a header of 86 (salt, record size, our public key), the mark that ends the
 * text, the tag. */
#define ECE_OVERHEAD_BYTES 103
/* Services must take bodies of 4096 bytes (RFC 8030 section 7.2). */
#define ECE_TEXT_MAX_BYTES (4096 - ECE_OVERHEAD_BYTES)

struct ece_to {
    const uint8_t *public_key; /* the browser's, P256_PUBLIC_BYTES … */
    const uint8_t *auth;       /* … and its secret, ECE_AUTH_BYTES */
    const uint8_t *our_public; /* of a pair that is used once, P256_PUBLIC_BYTES … */
    const uint8_t *secret;     /* … and what was agreed on by it, P256_SECRET_BYTES */
};
/* Append the body for a text, under a fresh salt; len at most ECE_TEXT_MAX_BYTES. */
void ece_seal(struct buf *out, const struct ece_to *to, const void *text, size_t len);
/* The same under this one. */
void ece_seal_with(struct buf *out,
                   const struct ece_to *to,
                   const uint8_t salt[ECE_SALT_BYTES],
                   const void *text,
                   size_t len);

/* What the browser makes of a body, appended; its private key is P256_PRIVATE_BYTES. False: it is for another, was
 * changed, or is none. Not for wherever speed counts. */
bool ece_open(struct buf *out,
              const uint8_t *private_key,
              const uint8_t *auth,
              const void *body,
              size_t len);

#endif
