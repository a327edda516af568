#ifndef CRIER_SERVICE_EVENTS_H
#define CRIER_SERVICE_EVENTS_H

/* State changes, as committed, to whoever listens (GET /v1/events). The last 1,024 are kept in
 * memory; older ones come from the ledger. */

#include <stdint.h>

#include "queue/ledger.h"

struct crier;
struct event_hub;
struct door_request;

struct event_hub *event_hub_new(struct crier *c);
void event_hub_free(struct event_hub *h);
void event_hub_publish(void *hub, struct ledger_event *event); /* a ledger_event_fn */
/* Take over a request: answers text/event-stream, first what came after Last-Event-ID (from the
 * ring or the ledger), then live; a comment every 15 s. A listener too slow (256 KiB behind) is
 * cut off and may resume. */
void events_serve(struct crier *c, struct door_request *r);
void event_hub_close(struct event_hub *h); /* ends all streams (drain) */

#endif
