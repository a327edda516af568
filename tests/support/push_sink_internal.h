#ifndef CRIER_TESTS_SUPPORT_PUSH_SINK_INTERNAL_H
#define CRIER_TESTS_SUPPORT_PUSH_SINK_INTERNAL_H

/* Shared by the files of the fake push service: push_sink.c (connections), push_sink_rules.c (what is answered,
 * counted, written down), push_sink_tls.c (the certificate), push_sink_main.c (the program). */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/map.h"
#include "tests/support/push_sink.h"

enum sink_what { SINK_ANSWER, SINK_STALL, SINK_CLOSE, SINK_RESET, SINK_REFUSE, SINK_GOAWAY };

struct sink_rule {
    struct sink_rule *next;
    char path[256], host[128]; /* "": any */
    int percent, every, first, skip;
    bool once;
    enum sink_what what;
    int status, retry_after;
    char header_name[64], header_value[256], body[1024];
    uint64_t seen, held; /* requests that path and host fit; that all of it held for */
};

enum sink_http1 { SINK_BOTH, SINK_ONLY_ONE, SINK_ONLY_ONE_STRICTLY };

/* What one request gets. */
struct sink_answer {
    enum sink_what what;
    int status, retry_after;
    const struct sink_rule *rule; /* lives as long as the sink; NULL: none */
};

struct sink_request {
    struct sink_request *next; /* of the pool */
    int32_t id;
    size_t bytes;
    struct buf path, host;
    struct buf headers, body; /* of a record; headers as JSON members */
    struct sink_answer answer;
    size_t said; /* of the answer's body */
};

/* What HTTP/1.1 has brought so far; push_sink_one.c. */
struct sink_one {
    struct buf in;
};

struct sink_thread;
#define SINK_THREADS 8

struct push_sink {
    int port;
    bool plain, no_paths;
    SSL_CTX *tls;
    size_t thread_count;
    struct sink_thread *threads[SINK_THREADS];
    atomic_bool stopping;
    atomic_uint cut; /* goes up: all connections are cut */
    _Atomic int64_t down_until_us;
    atomic_int rtt_ms, streams, then_streams, then_after, goaway_after, window;
    atomic_bool location, frozen;
    atomic_int http1;     /* enum sink_http1 */
    pthread_mutex_t lock; /* of all below */
    struct sink_rule *rules, *old_rules;
    struct push_sink_count count;
    struct map *paths; /* struct sink_path */
    struct sink_path *path_list;
    FILE *record;
};

/* push_sink_rules.c */
/* A whole request: what it gets; counted and written down. */
void sink_judge(struct push_sink *s, struct sink_request *r, uint64_t connection);
void sink_rules_done(struct push_sink *s);

/* push_sink_one.c */
/* Takes bytes, answers whole requests into out; r is for each in turn. False: the connection ends. */
bool sink_one_feed(struct push_sink *s,
                   struct sink_one *one,
                   struct sink_request *r,
                   uint64_t connection,
                   const uint8_t *bytes,
                   size_t len,
                   struct buf *out);

/* push_sink_tls.c */
SSL_CTX *sink_tls_new(struct push_sink *s,
                      const char *ca_file); /* NULL: said on standard error */

#endif
