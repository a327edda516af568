#ifndef CRIER_SERVICE_LOOKOUT_H
#define CRIER_SERVICE_LOOKOUT_H

/* What is seen of the audiences, every few seconds: how many members they have and in which states, which waves are
 * open, and which of those wait for a person. It says in the log when somebody is needed, and reminds. */

#include <jansson.h>

#include "base/buf.h"

struct channel;
struct crier;
struct lookout;

struct lookout *lookout_new(struct crier *c);
void lookout_free(struct lookout *l); /* no look is on its way; NULL is fine */
/* Look now, unless a look is on its way. */
void lookout_look(struct lookout *l);
/* The ledger has told of an event: of one that may change what is seen there is a look soon. */
void lookout_heard(struct lookout *l, const char *kind);
/* An audience as it was last seen, as the API shows it; new reference. NULL: the channel has none. */
json_t *lookout_json(const struct lookout *l, const struct channel *ch);
void lookout_print_gauges(const struct lookout *l, struct buf *out);

#endif
