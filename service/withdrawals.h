#ifndef CRIER_SERVICE_WITHDRAWALS_H
#define CRIER_SERVICE_WITHDRAWALS_H

/* Articles that were unpublished and may come back: when the time that their source is given for that
 * (retract_after) is over, they are retracted. Which wait, and until when, stands in the ledger. */

struct crier;
struct withdrawals;

struct withdrawals *withdrawals_new(struct crier *c);
/* What has changed in the ledger, or what has become due: for the start, after an acceptance, and when the clock
 * was moved. NULL: nothing happens (tests of parts). */
void withdrawals_look(struct withdrawals *w);
/* None is begun any more; what is submitted ends. */
void withdrawals_stop(struct withdrawals *w);
/* The ledger is closed. */
void withdrawals_free(struct withdrawals *w);

#endif
