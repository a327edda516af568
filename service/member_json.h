#ifndef CRIER_SERVICE_MEMBER_JSON_H
#define CRIER_SERVICE_MEMBER_JSON_H

/* A member of an audience as JSON: as it comes in over the API, and as it goes out. What went out can come in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/audience.h"
#include "config/config.h"
#include "queue/ledger.h"

struct topics;

struct member_ask { /* what all members of one call share */
    const struct audience *audience;
    const struct channel_settings *settings;
    int64_t now_ms;
    /* For those that do not say it themselves: */
    char *source;           /* where they agreed; NULL */
    int64_t opted_in_at_ms; /* 0: not said */
    char *key; /* the public key of ours that subscriptions were made for; NULL: today's */
};
struct member_in {
    json_t *json; /* borrowed */
    struct ledger_new_member m;
    bool inactive; /* it says itself that it has stopped, or is gone */
};
#define MEMBER_WHY_BYTES 200
/* What can be said without the state of the service: on any thread. False: why says what is wrong with it. */
bool member_json_read(struct member_in *out,
                      const struct member_ask *ask,
                      const json_t *given,
                      char why[MEMBER_WHY_BYTES]);
/* The rest, on the loop: topics by their numbers, the zone. */
bool member_json_settle(struct member_in *m,
                        const struct member_ask *ask,
                        const struct topics *topics,
                        char why[MEMBER_WHY_BYTES]);
void member_in_done(struct member_in *m);

/* Appended, as one object. masked: for people to look at, without what is needed to write to them. */
void member_json_put(struct buf *b,
                     const struct ledger_member *m,
                     const struct channel_settings *settings,
                     const struct topics *topics,
                     bool masked);

#endif
