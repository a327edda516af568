#ifndef CRIER_SERVICE_PREPARE_H
#define CRIER_SERVICE_PREPARE_H

/* What messages to members need and what does not depend on the message (push->prepare), made while there is nothing
 * else to do, on a thread of the lowest priority; kept in the ledger until a wave uses it. */

struct crier;
struct preparer;

struct preparer *prepare_new(struct crier *c);
/* Begins to look for work, every few seconds. */
void prepare_start(struct preparer *p);
/* Nothing more is made; what the ledger is asked comes to its end. Again is fine. */
void prepare_stop(struct preparer *p);
void prepare_free(struct preparer *p); /* the ledger is closed */

#endif
