#ifndef CRIER_SERVICE_CLIENT_H
#define CRIER_SERVICE_CLIENT_H

/* The verbs' side of the HTTP API: blocking calls on libcurl, problem documents turned into
 * errors, server-sent events read one by one. No proxies, no redirects: the service is here. */

#include <jansson.h>

#include "adapters/http.h"
#include "base/err.h"
#include "base/secret.h"

struct cli_args;
struct client;

/* listen: as server.listen has it ("127.0.0.1:8480", "[::]:8480", "unix:/run/crier.sock") or a
 * whole URL; a wildcard address is asked on loopback. token is borrowed for the call, may be
 * NULL. */
MUST_USE enum err_code client_new(struct client **out,
                                  const char *listen,
                                  const struct secret *token,
                                  struct err *why);
/* As a verb's options and settings say; NULL and said on standard error when that is not
 * possible
 * (*out_exit is the exit code then). */
struct client *client_for(const struct cli_args *args, int *out_exit);
void client_free(struct client *c);
const char *client_url(const struct client *c); /* for messages */

/* One call. body: borrowed, NULL for none. *out: the answer, new reference (null when it has no
 * body), may be NULL when nobody wants it. Errors: ERR_NETWORK when the service was not reached
 * or did not answer; else by the status of its problem document (ERR_NOT_FOUND 404,
 * ERR_CONFLICT 409, ERR_DENIED 401 and 403, ERR_TOO_BIG 413, ERR_BUSY 429 and 503, ERR_INVALID
 * other 4xx, ERR_IO 5xx), and why says what it says, faults in the input included. */
MUST_USE enum err_code client_call(struct client *c,
                                   enum http_method method,
                                   const char *path,
                                   const json_t *body,
                                   json_t **out,
                                   struct err *why);
/* Status and JSON as they come, whatever the status (readiness answers 503). */
MUST_USE enum err_code client_ask(struct client *c,
                                  enum http_method method,
                                  const char *path,
                                  const json_t *body,
                                  long *out_status,
                                  json_t **out,
                                  struct err *why);

/* The same of a body that is no JSON value, of that media type. */
MUST_USE enum err_code client_ask_text(struct client *c,
                                       enum http_method method,
                                       const char *path,
                                       const char *type,
                                       const struct buf *body,
                                       long *out_status,
                                       json_t **out,
                                       struct err *why);
/* GET of an answer of any length, line by line; line false: no more is wanted, which is no error. The errors are
 * those of client_call(). */
typedef bool client_line_fn(void *context, const char *line, size_t len);
MUST_USE enum err_code client_lines(
    struct client *c, const char *path, client_line_fn *line, void *context, struct err *why);

/* GET /v1/events: open returns once the service has answered, so nothing that happens later is
 * missed. */
struct client_events;
struct client_event {
    char id[32], kind[64];
    json_t *data; /* borrowed until the next call; NULL when it was no JSON */
};
MUST_USE enum err_code
client_events_open(struct client_events **out, struct client *c, struct err *why);
/* The next event: ERR_NONE and *out filled; ERR_BUSY when none came within wait_ms; ERR_STOPPED
 * when the service ended the stream; ERR_NETWORK when the connection was lost. */
MUST_USE enum err_code client_events_next(struct client_events *e,
                                          int64_t wait_ms,
                                          struct client_event *out,
                                          struct err *why);
void client_events_close(struct client_events *e);

/* The exit code that fits an error of these calls; says it on standard error. */
int client_fail(const struct cli_args *args, enum err_code rc, const struct err *why);

#endif
