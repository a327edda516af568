#ifndef CRIER_SERVICE_COURIER_H
#define CRIER_SERVICE_COURIER_H

/* Runs deliveries: asks the scheduler what is due, loads it, walks the adapter's steps, writes
 * each attempt before and after, turns verdicts into states. The only caller of adapters' build
 * and read besides preview.c. */

#include "adapters/adapter.h"
#include "queue/ledger.h"

struct channel;
struct crier;
struct courier;

struct courier *courier_new(struct crier *c);
void courier_free(struct courier *k); /* nothing may be running */
/* Something changed (new jobs, a channel resumed, time was moved): look again. Cheap; runs on
 * the next turn of the loop. */
void courier_poke(struct courier *k);
/* A new article's delivery to a channel, about to be accepted: when its turn is now, a run that holds
 * its place, and what the accept shall write of it (accept_channel.start), so that it leaves after one
 * commit instead of two. NULL: its turn comes later, by courier_add(). Every claim ends in exactly one
 * of courier_go() and courier_unclaim(). */
struct run;
struct run *courier_claim(struct courier *k,
                          const struct ledger_job *job,
                          const struct ledger_begin **out_start);
/* It is on disk as in flight, by this accept: send it. article gets a reference more. */
void courier_go(struct run *run, const struct ledger_accept *accept, struct article *article);
/* It is not: the place is given back. Before courier_add() of the same delivery. */
void courier_unclaim(struct run *run);
/* New jobs from an accept, a move or a release. */
void courier_add(struct courier *k, const struct ledger_job *jobs, size_t count);
void courier_cancel(struct courier *k, struct delivery_id id);
/* A delivery was moved, in the ledger: out with the turn it had, since its new one may come earlier. */
void courier_moved(struct courier *k, const struct ledger_move *m);
/* Start nothing more; drained is called once nothing runs. hurry: abandon what is running (each
 * goes to again or unknown as its step allows). */
void courier_drain(struct courier *k, void (*drained)(struct crier *c));
void courier_hurry(struct courier *k);
/* What waits on a channel that is blocked goes where its settings say (fallback). */
void courier_fall_back(struct courier *k, struct channel *ch);
/* Have the ledger look for what has become worthless. Cheap to call often. */
void courier_expire(struct courier *k);
size_t courier_running(const struct courier *k);
/* … of a channel; without probes. */
size_t courier_running_on(const struct courier *k, const struct channel *ch);
/* Something is under way that what can wait should keep away from: breaking news, or a delivery to this channel. */
bool courier_in_the_way(const struct courier *k, const char *channel);

/* Run a channel's `test` course, which publishes nothing; done gets the verdict exactly once.
 */
typedef void courier_probe_fn(void *context, const struct verdict *v);
MUST_USE enum err_code courier_probe(struct courier *k,
                                     const char *channel,
                                     courier_probe_fn *done,
                                     void *context,
                                     struct err *why);

#endif
