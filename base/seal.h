#ifndef CRIER_BASE_SEAL_H
#define CRIER_BASE_SEAL_H

/* What lies on disk and only we may read: AES-256-GCM (NIST SP 800-38D) with a fresh random nonce each time.
 *
 *   byte 0        1, the version of this form
 *   bytes 1..12   the nonce, 96 bits
 *   then          the text, as long as it is in the clear
 *   last 16       the tag, over the text, the version and `about`
 *
 * `about` is not in it, and must be the same when it is opened: what belongs to one channel cannot be passed
 * off as another's. Nonces are random, so one key is good for 2^32 sealings (section 8.3). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SEAL_KEY_BYTES 32
#define SEAL_VERSION 1
#define SEAL_NONCE_BYTES 12
#define SEAL_TAG_BYTES 16
#define SEAL_MORE_BYTES (1 + SEAL_NONCE_BYTES + SEAL_TAG_BYTES) /* than the text */

struct seal_key {
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* 32 bytes as 64 hex digits or as base64, spaces and line ends around it; false: it is neither. */
bool seal_key_parse(struct seal_key *out, const char *text, size_t len);
void seal_key_wipe(struct seal_key *key);

/* Appended to out. */
void seal_close(struct buf *out,
                const struct seal_key *key,
                const char *about,
                const void *text,
                size_t len);
/* The text appended to out. false, and nothing appended: another key, another `about`, or it was changed. */
MUST_USE bool seal_open(struct buf *out,
                        const struct seal_key *key,
                        const char *about,
                        const void *sealed,
                        size_t len);

/* For tests: seal_close with this nonce. */
void seal_close_with(struct buf *out,
                     const struct seal_key *key,
                     const uint8_t nonce[SEAL_NONCE_BYTES],
                     const char *about,
                     const void *text,
                     size_t len);

#endif
