#ifndef CRIER_SOURCES_WEBSUB_H
#define CRIER_SOURCES_WEBSUB_H

/* What WebSub (https://www.w3.org/TR/websub/) says between a subscriber and a hub, as far as it can be told
 * without a socket or a clock: which hub a feed names, what is asked of it, what its calls mean. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/field.h"
#include "base/secret.h"

#define WEBSUB_LEASE_S INT64_C(604800) /* what we ask for: a week; hubs give 5 to 10 days */
#define WEBSUB_LEASE_MIN_S INT64_C(60) /* a shorter one would be renewed all the time */
#define WEBSUB_LEASE_MAX_S INT64_C(31536000)

/* ---- discovery, section 4: headers before the feed's own words ---- */
struct websub_offer {
    char *hub, *topic; /* absolute; hub NULL: there is none */
};
/* link_headers: values of Link; url: where the feed answered. hubs and self: as the feed names them, may be
 * NULL. secure: only hubs that are asked over TLS, since a secret goes to them. turn: the how-manieth hub
 * of those that are named, round and round. */
void websub_discover(struct websub_offer *out,
                     const struct strings *link_headers,
                     const char *url,
                     const struct strings *hubs,
                     const char *self,
                     bool secure,
                     size_t turn);
void websub_offer_done(struct websub_offer *o);

/* ---- asking, section 5.1: the form's body ---- */
struct websub_ask {
    bool unsubscribe;
    const char *topic, *callback;
    const struct secret *secret; /* subscribe only */
};
void websub_write_form(struct buf *out, const struct websub_ask *ask);

/* ---- what a hub wants to know, sections 5.2 and 5.3 ---- */
enum websub_intent_kind {
    WEBSUB_SUBSCRIBED,   /* answer 200 with the challenge */
    WEBSUB_UNSUBSCRIBED, /* the same */
    WEBSUB_DENIED,       /* answer 200 */
    WEBSUB_NOT_OURS,     /* answer 404: we did not ask for that */
};
struct websub_intent {
    enum websub_intent_kind kind;
    int64_t lease_s; /* SUBSCRIBED: granted, or asked for when it does not say; in our bounds */
};
struct websub_call { /* of the query, decoded; NULL: absent */
    const char *mode, *topic, *challenge, *lease_seconds;
};
/* topic: what we asked for. asked: a subscription is asked for or stands; leaving: its end is asked for. */
void websub_read_intent(struct websub_intent *out,
                        const struct websub_call *call,
                        const char *topic,
                        bool asked,
                        bool leaving);

/* ---- a delivery, section 7: X-Hub-Signature ---- */
enum websub_signature { WEBSUB_SIGNED, WEBSUB_UNSIGNED, WEBSUB_FORGED };
/* sha1, sha256, sha384 or sha512; several headers are not a thing. Comparing takes the same time wherever
 * the difference is. */
enum websub_signature websub_check_signature(const char *header, /* NULL: absent */
                                             const struct secret *secret,
                                             const void *body,
                                             size_t len);

#endif
