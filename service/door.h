#ifndef CRIER_SERVICE_DOOR_H
#define CRIER_SERVICE_DOOR_H

/* The HTTP server: libmicrohttpd in external epoll mode under the libuv loop. It reads requests
 * whole (bounded), finds the route, checks who asks, and hands them to a handler, which answers
 * now or later (the connection is suspended meanwhile). It knows routes only as a table
 * (api.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/http.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"

struct config;
struct crier;
struct door;
struct door_request;

typedef void door_handler_fn(struct crier *c, struct door_request *r);

#define DOOR_READER_BYTES 16384
enum door_auth {
    AUTH_NONE,  /* open: health, share redirects */
    AUTH_TOKEN, /* bearer token (server.token), compared in constant time; loopback without a
                 * configured token is let in */
    AUTH_READER, /* the same to what readers' browsers send: a body of DOOR_READER_BYTES at most */
    AUTH_HOOK, /* the handler checks a signature, and ends with door_refuse_login() */
};
struct door_route {
    enum http_method method;
    enum door_auth auth;
    /* "/v1/articles/{id}": a segment in braces matches one segment, decoded */
    const char *pattern;
    door_handler_fn *handler;
};

/* Listens on the socket that was passed to us (crier.passed), else where server.listen says. */
MUST_USE enum err_code
door_new(struct door **out, struct crier *c, const struct door_route *routes, struct err *why);
/* The URL it listens on, with the port the kernel gave when the settings said 0. */
const char *door_url(const struct door *d);
/* ERR_INVALID: under these settings other machines would be let in unasked. The socket in use counts,
 * which may be another than server.listen names: it was passed to us, or the settings changed. */
MUST_USE enum err_code
door_fits(const struct door *d, const struct config *config, struct err *why);
size_t door_connections(const struct door *d);
/* Stop accepting; what is suspended must still be answered; then door_free(). Answers carry
 * Connection: close from here on. */
void door_quiesce(struct door *d);
bool door_idle(const struct door *d);
void door_free(struct door *d);

/* A handler's view of a request; valid until it is answered. */
struct crier *door_crier(const struct door_request *r);
enum http_method door_method(const struct door_request *r);
const char *door_path(const struct door_request *r);
const char *door_param(const struct door_request *r,
                       size_t index); /* of the pattern, decoded */
size_t door_param_count(const struct door_request *r);
const char *door_target(const struct door_request *r); /* path and query, as they came */
const char *door_query(struct door_request *r, const char *name);        /* decoded; NULL */
const char *door_header(const struct door_request *r, const char *name); /* NULL */
/* All of them, as they came: for whoever looks at them on another thread. */
void door_headers_dup(const struct door_request *r, struct pairs *out);
const char *door_peer(const struct door_request *r); /* address text, for logs */
/* By what a client is counted: its address, or its /64. A proxy at a private address is believed what it says of
 * its client, for that alone. False: nobody can tell, since a proxy on this machine does not say. */
#define DOOR_PEER_BYTES 64
bool door_peer_key(const struct door_request *r, char out[DOOR_PEER_BYTES]);
const char *door_body(const struct door_request *r, size_t *out_len);
int64_t door_started_us(const struct door_request *r);
void door_set_context(struct door_request *r, void *context, void (*free_context)(void *));
void *door_context(const struct door_request *r);

/* Each ends the request: exactly one of them, once. Bodies are taken. Security headers
 * (X-Content-Type-Options, Referrer-Policy, Cache-Control: no-store, CSP on pages) are added to
 * all. */
void door_reply_json(struct door_request *r, int status, json_t *body_taken);
void door_reply_text(struct door_request *r,
                     int status,
                     const char *type,
                     struct buf *body_taken);
void door_reply_empty(struct door_request *r, int status);
/* len bytes of an open file from `from` on, streamed. fd is taken; time to receive them is given on top of
 * server.request_timeout. */
void door_reply_file(
    struct door_request *r, int status, const char *type, int fd, uint64_t from, uint64_t len);
/* An extra header for the reply to come ("Location", "Retry-After", "Cache-Control"). */
void door_reply_header(struct door_request *r, const char *name, const char *value);
/* RFC 9457, application/problem+json: {"type": "about:blank", "title", "status", "detail",
 * …extra}. extra is taken, may be NULL. */
void door_problem(struct door_request *r,
                  int status,
                  json_t *extra_taken,
                  const char *format,
                  ...) PRINTF_LIKE(4, 5);
/* The status for an error of ours: 400, 404, 409, 413, 429, 503, 500. */
void door_problem_err(struct door_request *r, enum err_code rc, const struct err *why);

/* 401, or 429 when the peer has failed too often. tried: it gave a wrong password or signature,
 * which counts as a failure; none at all does not. */
void door_refuse_login(struct door_request *r, bool tried, const char *why);
/* For what asks for no password: true when the request comes from this machine and neither from a
 * page in somebody's browser (which names its origin, or comes under a host name that was made to
 * point here) nor through a proxy. Else refused with 403: why, and what is missing. */
bool door_from_here(struct door_request *r, const char *why);

/* A long answer written bit by bit (server-sent events). */
struct door_stream;
struct door_stream *door_stream_start(struct door_request *r,
                                      const char *type,
                                      void (*closed)(void *context),
                                      void *context);
/* False when more than max_pending_bytes wait unsent: nothing was added. */
bool door_stream_write(struct door_stream *s,
                       const char *bytes,
                       size_t len,
                       size_t max_pending_bytes);
/* Calls drained once, as soon as nothing waits unsent (not before this has returned): time to
 * write more to a reader of any speed. It may write, and may not end other streams. */
void door_stream_on_drained(struct door_stream *s, void (*drained)(void *context));
void door_stream_end(struct door_stream *s); /* closed is still called */
/* The same, and the reader is told that it is not whole: the connection is cut before its last chunk. */
void door_stream_break(struct door_stream *s);

#endif
