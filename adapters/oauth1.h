#ifndef CRIER_ADAPTERS_OAUTH1_H
#define CRIER_ADAPTERS_OAUTH1_H

/* Requests signed as RFC 5849 has it (OAuth 1.0a, HMAC-SHA1), for platforms that know tokens without an
 * end. Signed are method, address, query and a form body; JSON, multipart and files are not. */

#include <stdint.h>

#include "adapters/adapter.h"

struct oauth1_keys {
    const char *consumer_key, *consumer_secret, *token, *token_secret;
};

#define OAUTH1_NONCE_BYTES 33
/* The nonce of a request built at ctx->now_ms: the same for the same request at the same time, another for
 * each attempt. what: tells apart requests of one time to one address ("3" of a segment); may be NULL. */
void oauth1_nonce(const struct step_ctx *ctx,
                  const struct http_request *req,
                  const char *what,
                  char out[OAUTH1_NONCE_BYTES]);
/* Set Authorization; the request must be whole. */
void oauth1_sign(struct http_request *req,
                 const struct oauth1_keys *keys,
                 const char *nonce,
                 int64_t timestamp_s);
/* The signature alone, base64, appended. */
void oauth1_signature(struct buf *out,
                      const struct http_request *req,
                      const struct oauth1_keys *keys,
                      const char *nonce,
                      int64_t timestamp_s);

#endif
