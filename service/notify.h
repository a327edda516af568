#ifndef CRIER_SERVICE_NOTIFY_H
#define CRIER_SERVICE_NOTIFY_H

/* The protocol of sd_notify(3): one datagram of VARIABLE=value lines to the socket that
 * NOTIFY_SOCKET names. What is told, and when, is manager.c's affair. */

#include "base/err.h"

struct notify;

/* Reads NOTIFY_SOCKET and takes it out of the environment. *out is NULL when it is not set:
 * nobody wants to know. ERR_INVALID: it is neither an absolute path nor an abstract name (@…). */
MUST_USE enum err_code notify_new(struct notify **out, struct err *why);
void notify_free(struct notify *n);

/* Tell lines such as "READY=1\nSTATUS=…". Waits up to a second when the manager is behind with its
 * reading. What cannot be told is logged, once until something gets through again. All do nothing
 * when n is NULL. */
void notify_tell(struct notify *n, const char *lines);
/* The same for what is told again soon: never waits. */
void notify_tell_now(struct notify *n, const char *lines);

#endif
