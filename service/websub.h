#ifndef CRIER_SERVICE_WEBSUB_H
#define CRIER_SERVICE_WEBSUB_H

/* Subscriptions at the hubs of feeds (WebSub): a source whose feed names a hub hears of news at once, and is
 * polled slowly beside it, since hubs lose messages. The callback is /websub/{id} under server.public_url,
 * with an id that nobody can guess and a secret that signs what comes; both are remembered with the
 * source, so a restart keeps the lease. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/http.h"
#include "sources/feed.h"

struct crier;
struct door_request;
struct watch;
struct watched;
struct websub;

/* A feed was read: which hub it names, if any. */
void websub_offer(struct watched *s,
                  const struct http_headers *headers,
                  const char *url,
                  const struct feed *feed);
/* Subscribe at the hub the feed named, when that is not done and the source's settings and ours allow it. */
void websub_consider(struct watched *s);
/* A lease runs: the hub tells us what is new. */
bool websub_is_active(const struct watched *s);
void websub_settings_changed(struct watched *s);
/* The source left: tell the hub, for a while. */
void websub_leave(struct watched *s);
void websub_stop(struct websub *h);          /* breaks off what runs; NULL is fine */
bool websub_is_busy(const struct websub *h); /* something runs, or we wait to be let go */
void websub_free(struct websub *h);          /* nothing runs; NULL is fine */

/* What is due: asking, renewing, giving up. */
void websub_tick(struct watch *w);
int64_t websub_next_mono_ms(const struct watch *w); /* INT64_MAX: nothing */

/* For the ledger, and back; NULL: there is none. */
json_t *websub_state_json(const struct websub *h);
struct websub *websub_restore(struct watched *s, const json_t *state);
/* For people: never the id, never the secret. */
json_t *websub_json(const struct websub *h);

/* GET /websub/{id}: is it we who asked? POST: what is new. */
void websub_verify(struct crier *c, struct door_request *r);
void websub_deliver(struct crier *c, struct door_request *r);

#endif
