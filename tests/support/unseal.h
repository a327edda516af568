#ifndef CRIER_TESTS_UNSEAL_H
#define CRIER_TESTS_UNSEAL_H

/* The browser's side of RFC 8291, by OpenSSL's own key agreement and HKDF: nothing of base/ece. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct unseal_browser {
    uint8_t private_key[32], public_key[65], auth[16];
};
/* The one of RFC 8291 section 5, whose public part is webpush's sample. */
void unseal_example(struct unseal_browser *out);
/* Appends the text; false: it is no body for this browser. */
bool unseal(const struct unseal_browser *b, const void *body, size_t len, struct buf *out);

#endif
