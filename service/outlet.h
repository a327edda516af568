#ifndef CRIER_SERVICE_OUTLET_H
#define CRIER_SERVICE_OUTLET_H

/* Serves the newsroom's own feeds and news sitemap, when `outlets` is on. They are made from what the
 * ledger has committed, when somebody asks, and kept until an article changes: a crowd of crawlers
 * costs what one does. Nothing older than the last committed change of an article is ever given out,
 * so a hub that is pinged for a change finds it in the feed. */

#include "config/config.h"
#include "service/outlet_write.h"

struct crier;
struct outlet;
struct door_request;

struct outlet *outlet_new(struct crier *c);
void outlet_free(struct outlet *o); /* after reader and ledger have ended; NULL is fine */
/* An event was committed, of that kind: what is kept may be out of date. Any kind will do. */
void outlet_heard(struct outlet *o, const char *kind);
void outlet_serve(struct crier *c, struct door_request *r, enum outlet_kind kind);
/* The file KEY.txt of a channel that has one, under /news/. */
void outlet_serve_key(struct crier *c, struct door_request *r, const char *file);

/* Where readers find it, below server.public_url, which must be set: yours. */
char *outlet_url_dup(const struct config *config, enum outlet_kind kind);

#endif
