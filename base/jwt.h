#ifndef CRIER_BASE_JWT_H
#define CRIER_BASE_JWT_H

/* JSON Web Tokens that we sign (RFC 7519) with a private key that a platform gave an operator: RS256 for an RSA
 * key, ES256 for one on P-256 (RFC 7518 section 3). */

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct jwt_key;
enum jwt_kind { JWT_RS256, JWT_ES256 };

/* From PEM, PKCS #8 or the older forms, not encrypted. ERR_INVALID: it is no such key, or an RSA key shorter than
 * 2048 bits; why never holds any of it. */
MUST_USE enum err_code jwt_key_read(struct jwt_key **out,
                                    enum jwt_kind kind,
                                    const char *pem,
                                    size_t len,
                                    struct err *why);
void jwt_key_free(struct jwt_key *key); /* NULL is fine */

/* The token, appended: claims is a JSON object, key_id goes into the header as "kid" (NULL: none; no character of
 * it may need an escape). May be called by several threads at once. The same claims give the same RS256 token each
 * time; each ES256 token is another. */
void jwt_sign(struct buf *out,
              const struct jwt_key *key,
              const char *key_id,
              const char *claims,
              size_t claims_len);

#endif
