#ifndef CRIER_BASE_RS256_H
#define CRIER_BASE_RS256_H

/* Signatures with an RSA key that a platform gave an operator: RS256 (RFC 7518 section 3.3). Every function may be
 * called on any thread, several at the same time. */

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct rs256_key;

/* From PEM, PKCS #8 or PKCS #1, without a password. ERR_INVALID: what is wrong with it, shorter than 2048 bits, too;
 * never the text. */
MUST_USE enum err_code
rs256_key_read(struct rs256_key **out, const char *pem, size_t len, struct err *why);
void rs256_key_free(struct rs256_key *key); /* overwrites; NULL is fine */
/* Appends header.claims.signature, base64url each; of RFC 7515, both JSON. The same each time. */
void rs256_sign_jwt(const struct rs256_key *key,
                    const char *header,
                    const char *claims,
                    struct buf *out);

#endif
