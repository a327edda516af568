#ifndef CRIER_SERVICE_GATE_H
#define CRIER_SERVICE_GATE_H

/* The link gate: before anything of an article is posted, its page is looked at as a crawler of link
 * previews would, until it is public and makes a good card, or until site.link_gate is over. Then what
 * waits may leave, and the ledger keeps what the page said: its other names, which may show that
 * two sources speak of one story, and what the article itself lacks.
 *
 * The ledger holds what is first sent until the gate is through or a time has come, so a crash or a
 * gate that does not get on delays a post, and never loses one. */

#include <stdint.h>

#include "queue/ledger.h"

struct crier;
struct gate;

/* What the ledger waits beyond site.link_gate, so that the gate has the last word, and says why. */
#define GATE_SLACK_MS 3000

struct gate *gate_new(struct crier *c);
/* Those whose gate was closed when the service ended are looked at again. */
void gate_start(struct gate *g);
/* A revision was stored: the gate begins to look, looks elsewhere, or stops. */
void gate_after_accept(struct gate *g, const struct ledger_accept *a);
/* Looks no more; what waits stays in the ledger for the next start. */
void gate_stop(struct gate *g);
void gate_free(struct gate *g); /* stops it */

#endif
