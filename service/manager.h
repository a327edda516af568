#ifndef CRIER_SERVICE_MANAGER_H
#define CRIER_SERVICE_MANAGER_H

/* What the service manager (systemd, or whoever speaks its protocol) hears of our life: READY,
 * RELOADING, STOPPING, STATUS and the pings of its watchdog. Without one every call does nothing,
 * and so it does when m is NULL. */

#include <stdint.h>

#include "base/err.h"

struct crier;
struct manager;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so
 * before there is a second thread. ERR_INVALID: one of them is not what the protocol says. */
MUST_USE enum err_code manager_new(struct manager **out, struct crier *c, struct err *why);
/* The door answers from here on; the watchdog is fed. */
void manager_ready(struct manager *m);
/* It does not come up: why, for the status line. */
void manager_failed(struct manager *m, const char *why);
/* Around a reload; refused is why the old settings stay, NULL when the new ones are in force. */
void manager_reloading(struct manager *m);
void manager_reloaded(struct manager *m, const char *refused);
/* The end has begun and may take so long; the manager is asked not to lose patience before. */
void manager_stopping(struct manager *m, const char *reason, int64_t at_most_ms);
/* The status line again, when it has changed. Cheap to call often. */
void manager_status(struct manager *m);
/* The ledger is closed, the loop is not. */
void manager_free(struct manager *m);

#endif
