#ifndef CRIER_SERVICE_PUSH_DOOR_INTERNAL_H
#define CRIER_SERVICE_PUSH_DOOR_INTERNAL_H

/* What the files of the readers' door share: who may ask and for which channel (push_door.c), how often
 * (push_door_limit.c), whether an endpoint is one (push_door_proof.c). */

#include <jansson.h>

#include "adapters/audience.h"
#include "adapters/push.h"
#include "base/list.h"
#include "queue/ledger.h"
#include "service/channels.h"
#include "service/crier.h"
#include "service/out.h"
#include "service/push_door.h"
#include "service/push_wish.h"

/* ---- how often: push_door_limit.c ---- */

/* One client's credit, or everybody's together. */
struct push_credit {
    char peer[DOOR_PEER_BYTES]; /* or its /64; "": an empty place */
    double tokens;
    int64_t at_ms;
};
#define PUSH_CREDIT_SETS 1024
#define PUSH_CREDIT_WAYS 8
struct push_limit {
    struct push_credit all;
    struct push_credit peers[PUSH_CREDIT_SETS][PUSH_CREDIT_WAYS];
    uint8_t salt[16];
};
void push__limit_init(struct push_limit *l);
/* peer NULL: nobody knows who it is. 0: it may; else so many milliseconds until it may be worth trying again. */
int64_t
push__limit_take(struct push_limit *l, const char *peer, struct rate each, int64_t now_ms);

/* ---- whether an endpoint is one: push_door_proof.c ---- */

/* Why it can be none, whatever answers there: pure. NULL: it may be one. host: where it is, "name" or, where
 * private addresses are allowed, "name:port". */
#define PUSH_HOST_BYTES 300
const char *
push__endpoint_wrong(const char *url, bool allow_private, char host[PUSH_HOST_BYTES]);

enum push_proof { PUSH_PROVEN, PUSH_REFUSED, PUSH_TOO_MANY, PUSH_STOPPED };
struct push_proofs;
struct push_proving; /* waits inside the object that wants to know */
typedef void push_proving_fn(struct push_proving *w, enum push_proof what, const char *why);
struct push_proving {
    struct list_node node;
    push_proving_fn *done; /* exactly once; may come before push__prove() has returned */
};
/* Sends what asks a host: out_send(). */
typedef void push_ask_fn(struct crier *c, struct out_exchange *x);
struct push_proofs *push__proofs_new(struct crier *c, push_ask_fn *ask);
void push__proofs_stop(struct push_proofs *p);
void push__proofs_free(struct push_proofs *p);
void push__prove(struct push_proofs *p,
                 struct push_proving *w,
                 const struct push *push,
                 const char *endpoint,
                 bool allow_private,
                 int64_t now_ms);

/* ---- who may ask, for which channel: push_door.c ---- */

struct push_door {
    struct crier *crier;
    struct push_limit limit;
    struct push_proofs *proofs;
    int64_t told_ms; /* a page that was refused */
};

/* How somebody came in, for `opted_in_by`: "page https://news.example", "app". */
#define PUSH_BY_BYTES 300
/* Their body, when they may: they are not too many, it is JSON, and its origin or the app's key are right for the
 * channel that it names. New reference; NULL: refused already. by may be NULL. */
json_t *push__body(struct crier *c, struct door_request *r, struct channel **out, char *by);
/* A later part of an answer: the service takes nothing in now, or not so much. */
void push__come_again(struct door_request *r, int status, int64_t wait_ms, const char *why);
/* "https://News.Example:443/x" and "https://news.example": pure. */
bool push__same_origin(const char *url, const char *origin);
/* An endpoint, or a token, that the body names; normalised. false: refused already. */
bool push__address(struct door_request *r,
                   const struct channel *ch,
                   const json_t *body,
                   char out[MEMBER_ADDRESS_BYTES]);

#endif
