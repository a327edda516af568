#ifndef CRIER_SERVICE_WEBSUB_INTERNAL_H
#define CRIER_SERVICE_WEBSUB_INTERNAL_H

/* Shared by websub.c (the subscription's life), websub_door.c (what a hub sends) and websub_state.c (what
 * is remembered and shown). */

#include "service/out.h"
#include "service/watch_internal.h"
#include "service/websub.h"
#include "sources/websub.h"

/* NONE -> ASKED    the hub has taken our request; it will want to know whether it is ours
 * ASKED -> ACTIVE  it asked, and granted a lease. ACTIVE -> ACTIVE: renewed
 * any -> DENIED    it will not; asked again after a day
 * any -> FAILED    it did not answer, or not as it should; asked again later and later
 * any -> LEAVING   we want out; ends with the hub's question, or when it takes too long
 * While ACTIVE a renewal may fail: it stays so until the lease is over. */
enum websub_state {
    WEBSUB_NONE,
    WEBSUB_ASKED,
    WEBSUB_ACTIVE,
    WEBSUB_DENIED_STATE,
    WEBSUB_FAILED,
    WEBSUB_LEAVING,
    WEBSUB_STATE_COUNT
};
const char *websub__state_name(enum websub_state state);

#define WEBSUB_ID_BYTES 24
#define WEBSUB_SECRET_BYTES 32

struct websub {
    struct watched *source;
    enum websub_state state;
    char *hub, *topic;
    char *id;               /* of the callback: nobody can guess it */
    struct secret secret;   /* signs deliveries */
    bool allow_private;     /* as the source's settings had it, for leaving without them */
    int64_t lease_until_ms; /* ACTIVE */
    int64_t lease_s;
    int64_t next_mono_ms; /* ask again, or give up waiting; INT64_MAX: nothing to do */
    int64_t failures;     /* in a row */
    size_t turn;          /* which of several hubs */
    int64_t pushed_at_ms; /* the newest delivery that was signed */
    char *detail;         /* the newest trouble, for people; NULL */
    bool running;         /* a request of ours */
    bool heard;           /* the hub has asked back, or denied, since we asked */
    int redirects;
    struct http_request request;
    struct out_exchange exchange;
};

/* One function changes the state: logs, remembers, and plans what is next. */
void websub__set_state(struct websub *h, enum websub_state to, const char *detail);

#endif
