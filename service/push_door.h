#ifndef CRIER_SERVICE_PUSH_DOOR_H
#define CRIER_SERVICE_PUSH_DOOR_H

/* Where readers' browsers and apps subscribe by themselves: what the scripts in service/push/ talk to
 * (push/WIRE.md). Open to the world, so everything here is bounded: who may ask (origins, the app's key), how
 * often (push_door_limit.c), what counts as a subscription (push_door_proof.c). */

#include "service/door.h"

struct crier;
struct push_door;

struct push_door *push_door_new(struct crier *c);
/* Nothing is looked into any more; who waits for that is told to come again. */
void push_door_stop(struct push_door *p);
void push_door_free(struct push_door *p);

door_handler_fn push_key, push_subscribe, push_topics, push_unsubscribe, push_preflight;
/* The scripts, and a page to try them on (push_door_files.c). */
door_handler_fn push_serve_client, push_serve_worker, push_serve_page, push_serve_page_js;

#endif
