#ifndef CRIER_SERVICE_CANARY_H
#define CRIER_SERVICE_CANARY_H

/* The canary of an audience (audience.canary): now and then a message that is for nobody goes through the stages
 * that a wave goes through, so that what is broken is known before the next alert.
 *
 *   ledger    a row is written and is on disk; members are read
 *   token     the access token in force is had, renewed where it must be (of adapters that have one)
 *   message   from the settings in force a message is planned, signed, and composed and encrypted for members
 *             of the audience, one of each push service, or for a sample where there are none; where messages are
 *             encrypted, one for a reader of our own making is read again
 *   probe     the adapter's own harmless test, where it has one: the platform says whether it knows us
 *   service   each push service that members are at is connected to, TLS is verified, it answers HTTP
 *
 * So what it does not prove: that a push service takes our messages, and that readers see them. */

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct canaries;
struct channel;
struct crier;

struct canaries *canaries_new(struct crier *c);
/* Nothing new begins. */
void canaries_stop(struct canaries *k);
bool canaries_idle(const struct canaries *k); /* none runs */
void canaries_free(struct canaries *k);       /* idle; NULL is fine */
/* What is due runs, what is late is told of. Cheap to call often. */
void canaries_look(struct canaries *k);
/* Now; ERR_CONFLICT: it runs already, or the service goes down. done once, later. */
typedef void canary_done_fn(void *context, bool ok, const char *stage, const char *detail);
MUST_USE enum err_code canary_run_now(struct canaries *k,
                                      struct channel *ch,
                                      canary_done_fn *done,
                                      void *context,
                                      struct err *why);
/* {"ok", "at", "ok_at", "stage", "detail", "late"}; new reference. NULL: the channel has no canary. */
json_t *canary_json(const struct canaries *k, const struct channel *ch);
void canaries_print_gauges(const struct canaries *k, struct buf *out);

#endif
