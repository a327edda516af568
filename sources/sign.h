#ifndef CRIER_SOURCES_SIGN_H
#define CRIER_SOURCES_SIGN_H

/* Is this call from whom it says? Every vendor signs in a way of his own, and all ways are one: some
 * bytes (the body, the time, an id), a hash with a key, and a header that carries the result. So a
 * scheme is a row of data. Pure; a signature is decoded before it is compared, so that upper and lower case
 * and padding do not matter, and comparing takes the same time wherever the difference is. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/secret.h"
#include "sources/source.h"

enum sign_way {
    SIGN_BY_HMAC,
    SIGN_BY_SETTINGS, /* an HMAC as the newsroom describes it: struct sign_profile */
    SIGN_BY_TOKEN,    /* the secret itself comes along, from those who cannot sign */
    SIGN_BY_NOTHING,  /* anybody; only where nobody else can reach the door */
};
enum sign_coding { SIGN_HEX, SIGN_BASE64, SIGN_BASE64URL }; /* both base64 are read alike */

struct sign_scheme {
    const char *name; /* in `signature:` */
    enum sign_way way;
    const char *header,
        *old_header; /* carries the signature; the second: under an older name, NULL */
    const char
        *member; /* of a header like "t=1, v1=abc": which is the signature; NULL: all of it */
    const char *prefix; /* before the signature, "sha256="; NULL: none */
    bool several;       /* parted by blanks; any of them may be the right one */
    bool whsec;         /* a secret that begins with whsec_ is base64 (Standard Webhooks) */
    enum sign_coding coding;
    enum crypto_digest hash;
    /* What is signed: a text with {body}, {timestamp}, {id}, {json} (the body as a JSON string),
     * {env} (of the header) and {request} (Contentful's: method, path, headers, body). */
    const char *content;
    const char *time_header, *old_time_header;
    const char *time_member; /* the time is in the signature's header */
    int64_t time_unit_ms;    /* 1 or 1000 */
    const char *id_header, *old_id_header;
};

/* An HMAC of the newsroom's own description: the settings' `hmac:`. */
struct sign_profile {
    char *header, *prefix, *content, *time_header, *id_header; /* NULL: none */
    int coding;                                                /* enum sign_coding */
    int hash;                                                  /* enum crypto_digest */
    int unit;                                                  /* 0: seconds, 1: milliseconds */
};
extern const struct field sign_profile_fields[];
/* ERR_INVALID: it contradicts itself; why begins with "hmac." and the key. */
MUST_USE enum err_code sign_profile_check(const struct sign_profile *p, struct err *why);

struct sign_keys {
    const struct secret *secret, *old_secret; /* both open, so that one can follow the other */
    int64_t window_ms;                  /* a signed time may differ from ours by so much */
    const char *token_header;           /* where a token may come as well; NULL */
    const struct sign_profile *profile; /* for SIGN_BY_SETTINGS */
};

enum sign_verdict {
    SIGN_GOOD,
    SIGN_MISSING, /* a header that the scheme needs is not there */
    SIGN_WRONG,
    SIGN_STALE, /* genuine, but outside of the window: only who signed rightly is told so */
};
enum sign_verdict sign_check(const struct sign_scheme *scheme,
                             const struct sign_keys *keys,
                             const struct source_call *call);
/* For the answer and the log: what is wrong, and where it was looked for. Returns out. */
#define SIGN_TEXT_BYTES 200
const char *sign_explain(const struct sign_scheme *scheme,
                         const struct sign_keys *keys,
                         enum sign_verdict v,
                         char out[SIGN_TEXT_BYTES]);

/* sign_scheme.c: the rows. */
extern const struct sign_scheme sign_contentful, sign_ghost, sign_ghost_old, sign_hmac,
    sign_hub, sign_hygraph, sign_none, sign_sanity, sign_standard, sign_storyblok,
    sign_superdesk, sign_token, sign_webflow, sign_wp_webhooks;

#endif
