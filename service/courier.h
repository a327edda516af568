#ifndef CRIER_SERVICE_COURIER_H
#define CRIER_SERVICE_COURIER_H

/* Runs deliveries: asks the scheduler what is due, loads it, walks the adapter's steps, writes
 * each attempt before and after, turns verdicts into states. The only caller of adapters' build
 * and read besides preview.c. */

#include "adapters/adapter.h"
#include "queue/ledger.h"

struct crier;
struct courier;

struct courier *courier_new(struct crier *c);
void courier_free(struct courier *k); /* nothing may be running */
/* Something changed (new jobs, a channel resumed, time was moved): look again. Cheap; runs on
 * the next turn of the loop. */
void courier_poke(struct courier *k);
/* New jobs from an accept, a move or a release. */
void courier_add(struct courier *k, const struct ledger_job *jobs, size_t count);
void courier_cancel(struct courier *k, struct delivery_id id);
/* Start nothing more; drained is called once nothing runs. hurry: abandon what is running (each
 * goes to again or unknown as its step allows). */
void courier_drain(struct courier *k, void (*drained)(struct crier *c));
void courier_hurry(struct courier *k);
/* Have the ledger look for what has become worthless. Cheap to call often. */
void courier_expire(struct courier *k);
size_t courier_running(const struct courier *k);

/* Run a channel's `test` course, which publishes nothing; done gets the verdict exactly once.
 */
typedef void courier_probe_fn(void *context, const struct verdict *v);
MUST_USE enum err_code courier_probe(struct courier *k,
                                     const char *channel,
                                     courier_probe_fn *done,
                                     void *context,
                                     struct err *why);

#endif
