#ifndef CRIER_SERVICE_WATCHDOG_H
#define CRIER_SERVICE_WATCHDOG_H

/* Signs of life for the service manager (WATCHDOG=1), given only while work gets done: by the loop
 * and by both threads of the ledger. */

#include "base/err.h"

struct crier;
struct notify;
struct watchdog;

/* Reads WATCHDOG_USEC and WATCHDOG_PID (sd_watchdog_enabled(3)) and takes them out of the
 * environment. *out is NULL when nobody watches us. notify outlives it. */
MUST_USE enum err_code
watchdog_new(struct watchdog **out, struct crier *c, struct notify *notify, struct err *why);
/* From here on, until the loop ends; the ledger is open. NULL is fine, as in all of these. */
void watchdog_start(struct watchdog *w);
/* The ledger is closed, so that nothing is under way. Its memory ends with the loop. */
void watchdog_free(struct watchdog *w);

#endif
