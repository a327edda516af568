#ifndef CRIER_SERVICE_SIGNATURE_H
#define CRIER_SERVICE_SIGNATURE_H

/* Is this hook call from whom it says? Two schemes, as the source is configured: GitHub's
 * X-Hub-Signature-256 over the raw body, and Standard Webhooks (id, timestamp, body). Pure. */

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct signature_call {
    const void *body;
    size_t body_len;
    const char *hub;       /* X-Hub-Signature-256; NULL: absent */
    const char *id;        /* webhook-id */
    const char *timestamp; /* webhook-timestamp */
    const char *signature; /* webhook-signature: several, parted by blanks */
    int64_t now_ms;
};

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_MISSING, /* a header the scheme needs is not there */
    SIGNATURE_WRONG,
    SIGNATURE_STALE, /* genuine, but outside of the source's replay_window */
};
const char *signature_explain(enum signature_verdict v); /* for the answer and the log */

/* secret and old_secret of the source are both taken, so that one can be changed for the other
 * while calls go on. Comparing takes the same time wherever the difference is. A source without
 * a scheme (SIGN_NONE) is always good. */
enum signature_verdict signature_check(const struct source_settings *source,
                                       const struct signature_call *call);

#endif
