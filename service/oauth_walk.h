#ifndef CRIER_SERVICE_OAUTH_WALK_H
#define CRIER_SERVICE_OAUTH_WALK_H

/* Walks an adapter's oauth steps (login, renew) over the network: from a call to a verdict. Used by the keeper
 * and by `crier keys login`; keeps nothing, and decides nothing of what becomes of the grant. */

#include "adapters/oauth.h"
#include "config/config.h"
#include "service/out.h"

struct oauth_walk;
typedef void oauth_walk_fn(struct oauth_walk *w);

struct oauth_walk {
    /* in */
    struct out *out;
    const struct channel_settings
        *channel; /* borrowed until done: what may be reached, what is secret */
    const struct oauth_step *steps;
    struct oauth_call call; /* call.grant is the walk's own, and changed by it */
    bool once;              /* a repeat does harm: a refresh token is good for one time */
    oauth_walk_fn *done;
    /* out */
    struct oauth_verdict verdict; /* OK: call.grant is whole, and has a token */
    bool lost; /* with LATER: the request left, and what came of it is not known */
    /* its own */
    const struct oauth_step *at;
    struct http_request request;
    struct out_exchange exchange;
};

/* true: it is on its way, done comes exactly once and later; false: it has ended already (nothing is to be
 * asked, or nothing can be), done does not come. */
MUST_USE bool oauth_walk_start(struct oauth_walk *w);
/* done comes soon, with LATER. */
void oauth_walk_cancel(struct oauth_walk *w);
void oauth_walk_done(struct oauth_walk *w); /* frees what it holds, the call's grant too */

#endif
