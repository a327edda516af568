#ifndef CRIER_SERVICE_UNREADABLE_H
#define CRIER_SERVICE_UNREADABLE_H

/* Calls that were signed rightly and could not be read: something is wrong on one of the two sides, and
 * a person has to see what came. The newest few are kept as rows of the ledger's inbox that nobody works
 * on; GET /v1/inbox shows them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNREADABLE_MAX 20
#define UNREADABLE_BYTES 65536 /* of each one's body; the rest is cut off */
#define UNREADABLE_KIND                                                                        \
    "unreadable" /* member "kind" of the row's body; "text" or "base64" is what came */

struct crier;
struct unreadables { /* in struct crier; zeroed */
    uint64_t ids[UNREADABLE_MAX];
    size_t count;
};

/* Everything is copied; whether it could be stored is told in the log only. */
void unreadable_keep(
    struct crier *c, const char *source, const char *body, size_t len, const char *why);
/* A row of the inbox from before the start: true, and counted, when it is one of these. */
bool unreadable_known(struct crier *c, uint64_t id, const char *row_body);

#endif
