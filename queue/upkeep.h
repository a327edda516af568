#ifndef CRIER_QUEUE_UPKEEP_H
#define CRIER_QUEUE_UPKEEP_H

/* What is done to a ledger from outside, beside the service that writes it or while none runs: a copy of
 * it, a look whether all it says can be, a look at the credentials it keeps. None of them changes the ledger or holds up who writes it; all
 * see it as it stood at one moment. They block: called by verbs, never by the service. */

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "queue/ledger.h"

struct ledger_size {
    int64_t articles, deliveries;
    int64_t bytes; /* of the file, and of the log beside it */
    int version;   /* of its schema */
};

typedef bool
ledger_stop_fn(void); /* asked often: true ends what is under way, with ERR_STOPPED */

/* Writes a copy to the file `to`, which must not be there; it appears whole and on disk, or not at all. */
MUST_USE enum err_code ledger_backup(const char *location,
                                     const char *to,
                                     ledger_stop_fn *stop,
                                     struct ledger_size *out,
                                     struct err *why);

int ledger_schema_version(void); /* the newest that is known here */

struct ledger_finding {
    const char *table; /* "" when it is about the file */
    const char *row;   /* as the command line and the API name it, else its number or key; "" */
    const char *what;  /* is wrong */
    const char *todo;
};
typedef void ledger_finding_fn(void *context, const struct ledger_finding *f);

/* Tells `found` everything that cannot be; out: how much there was to look at. An older version is looked at as far as
 * any database can be: its rows are brought to what is known here when the service opens it. An error is
 * that it could not be looked at, not what was found. */
MUST_USE enum err_code ledger_check(const char *location,
                                    ledger_finding_fn *found,
                                    void *context,
                                    ledger_stop_fn *stop,
                                    struct ledger_size *out,
                                    struct err *why);

/* What LEDGER_CREDENTIALS gives; ledger_request_done(&out->req). */
MUST_USE enum err_code
ledger_credentials(const char *location, struct ledger_credentials *out, struct err *why);

#endif
