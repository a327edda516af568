#ifndef CRIER_SERVICE_CALLBACKS_H
#define CRIER_SERVICE_CALLBACKS_H

/* What platforms tell us of their messages, by calling /callbacks/{channel}. */

struct crier;
struct door_request;

void callback_verify(struct crier *c, struct door_request *r);
void callback_deliver(struct crier *c, struct door_request *r);

#endif
