#ifndef CRIER_TESTS_SUPPORT_PUSH_SINK_H
#define CRIER_TESTS_SUPPORT_PUSH_SINK_H

/* A push service that is none: HTTP/2 on loopback, over TLS or plain, with answers and troubles as it is told. (Over
 * TLS it also answers HTTP/1.1: statuses, stall and close; no other troubles, no headers in the record, and no round
 * trip but as a delay.)
 * Unit tests run it inside (push_sink_start()); integration tests and benches as a program of its own, in Python
 * by tests/support/push_sink.py:
 *
 *     push_sink [ca=FILE] [port=N] [plain] [threads=N] [record=FILE] [paths=off]
 *
 * prints "listening PORT CONTROL_PORT". Its certificate, for localhost and 127.0.0.1, is made anew at each start
 * and written to FILE (SSL_CERT_FILE for who connects); "plain": HTTP/2 with prior knowledge, no TLS. The control
 * port speaks HTTP/1.1:
 *
 *     POST /do        each line of the body is a command, below; 200, or 400 with the line that is none
 *     GET /count      {"requests": …, "accepted": …, "bytes": …, "connections": now, "opened": …, "streams_max": …,
 *                      "goaways": …, "statuses": {"201": …}}; requests: whole ones, also those without an answer
 *     GET /paths      a line for each path: "ACCEPTED REQUESTS PATH"
 *     POST /reset     counts and paths are forgotten, rules and troubles end
 *
 * Every request that came in whole is a line of the record: {"path", "status" (0: it got no answer), "connection",
 * "at_us", "headers": {…}, "body": base64}. The record is written out at every /count.
 *
 * Commands:
 *     rule [path=GLOB] [host=GLOB] [percent=P] [every=K] [first=N] [once] [skip=N] WHAT [retry_after=SECONDS]
 *          [header=NAME:VALUE] [body=TEXT]
 *         The first rule that holds answers; without one it is 201. GLOB as of the shell, on path or :authority.
 *         percent: of the paths, always the same ones. every: each K-th request that came so far. first: only the
 *         first N that the rest holds for; skip: not the first N; once: a path the first time only.
 *         WHAT: status=NNN · stall (no answer) · close (the connection, read whole and unanswered) ·
 *         reset (INTERNAL_ERROR) · refuse (REFUSED_STREAM, not counted) · goaway (after the answer)
 *         body is the rest of the line.
 *     rules clear
 *     rtt MS            so much of a round trip, half of it on the way in and half on the way out
 *     streams N         SETTINGS_MAX_CONCURRENT_STREAMS of new connections (default 1000)
 *     then N AFTER      … which becomes N after AFTER requests of the connection, also midway: to shrink, or from 1 up;
 *                       0 0: not at all
 *     goaway N          every connection ends with GOAWAY after N requests; 0: none
 *     window BYTES      of a connection and of its streams, of new connections (default 16 MiB; 65535 is HTTP's own)
 *     down MS           nobody listens and all connections are cut, for so long; 0: up again
 *     cut               all connections are cut now
 *     freeze on|off     it neither reads nor writes
 *     location on|off   a Location in every 201
 *     http1 on|off|refuse   over TLS it speaks HTTP/1.1 only; who offers HTTP/2 alone is told no protocol, or refused */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct push_sink;

struct push_sink_options {
    const char *ca;     /* file for the certificate; NULL: none is written */
    const char *record; /* file; NULL: none */
    int port;           /* 0: the kernel's */
    bool plain;
    int threads; /* 0: one */
    bool no_paths;
};
struct push_sink_count {
    uint64_t requests, accepted, bytes, opened, goaways;
    size_t connections, streams_max;
    uint64_t statuses[600];
};

struct push_sink *
push_sink_start(const struct push_sink_options *o); /* NULL: said on standard error */
int push_sink_port(const struct push_sink *s);
bool push_sink_do(struct push_sink *s, const char *command);
void push_sink_count(struct push_sink *s, struct push_sink_count *out);
/* How often this path was asked for, whole; and answered with a 2xx. */
uint64_t push_sink_path(struct push_sink *s, const char *path, uint64_t *out_accepted);
/* Of every path: fn is called with the lock held. */
typedef void
push_sink_path_fn(void *context, const char *path, uint64_t requests, uint64_t accepted);
void push_sink_each_path(struct push_sink *s, push_sink_path_fn *fn, void *context);
void push_sink_reset(struct push_sink *s);
void push_sink_flush(struct push_sink *s); /* the record */
void push_sink_stop(struct push_sink *s);

#endif
