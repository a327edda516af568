#ifndef CRIER_SERVICE_CALLBACK_H
#define CRIER_SERVICE_CALLBACK_H

/* Waits on loopback for a browser that a platform sends back after a sign-in (RFC 8252 section 7.3): one page, for
 * `crier keys login`. Nobody else is answered but with 404. */

#include <stdbool.h>

#include <uv.h>

#include "base/err.h"

struct callback;
/* query: behind the question mark, borrowed; "" when there is none. The browser waits until
 * callback_answer(); then another one may come. */
typedef void callback_fn(void *context, const char *query);

/* path: "/callback". ERR_BUSY: the port is in use. */
MUST_USE enum err_code callback_listen(struct callback **out,
                                       uv_loop_t *loop,
                                       int port,
                                       const char *path,
                                       callback_fn *fn,
                                       void *context,
                                       struct err *why);
/* A page with this sentence; it may hold anything. Nothing when no browser waits. */
void callback_answer(struct callback *c, bool well, const char *sentence);
/* What was answered still leaves, while the loop runs. NULL is fine. */
void callback_close(struct callback *c);

#endif
