#ifndef CRIER_SERVICE_WARM_H
#define CRIER_SERVICE_WARM_H

/* Facebook's cache of link previews (it serves Instagram, Messenger and Threads too) is told to read
 * an article's page again, where site.facebook_token is set: it keeps what it has seen for a month,
 * also the grey card of a page that was not ready. Source: the Graph API's POST /?id=URL&scrape=true. */

#include <stdint.h>

#include "service/out.h"

struct crier;
struct warm;
typedef void warm_done_fn(struct warm *w);

struct warm {
    warm_done_fn *done; /* exactly once, never before warm_start() has returned */
    bool good;          /* out */
    /* warm.c's own */
    struct crier *crier;
    char *url;
    struct http_request request;
    struct out_exchange exchange;
};

bool warm_is_wanted(const struct crier *c);
void warm_start(struct crier *c, struct warm *w, const char *url, int64_t timeout_ms);
void warm_cancel(struct warm *w);     /* done comes soon */
void warm_free_parts(struct warm *w); /* in or after done */
/* Nobody waits for it. */
void warm_later(struct crier *c, const char *url);

#endif
