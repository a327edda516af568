#ifndef CRIER_SERVICE_LANE_INTERNAL_H
#define CRIER_SERVICE_LANE_INTERNAL_H

/* Shared by the files of the lanes: lane.c (the loop's side), lane_thread.c (a thread and its timers),
 * lane_batch.c (from batches to members and back), lane_origin.c (who may go, over how many connections),
 * lane_trouble.c (when an origin is left alone), lane_connect.c (a connection comes to stand), lane_conn.c (its
 * bytes), lane_session.c (HTTP/2), lane_send.c (one request), lane_answer.c (one answer), lane_pace.c.
 *
 * What belongs to whom: a batch is worked on by one thread, which has origins and connections of its own. Threads
 * share, behind locks, what is handed over (lane.inbox, lanes.done) and, by atomics, what they know of an origin
 * (struct lane_shared). */

#include <stdatomic.h>

#include <netdb.h>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/lane.h"

#define LANE_THREADS_MAX 4
#define LANE_CONNECTIONS 32         /* to one origin, where the batch does not say */
#define LANE_STREAMS_MAX 1000       /* on one connection, whatever the peer would take */
#define LANE_RECORD ((size_t)16384) /* of TLS */
#define LANE_OUT                                                                               \
    ((size_t)64 * 1024) /* made and not yet taken by the socket, of one connection */
#define LANE_ANSWER ((size_t)16 * 1024)
#define LANE_ANSWER_OF_MANY ((size_t)256 * 1024) /* which names members, a thousand at most */
#define LANE_ANSWER_HEADERS ((size_t)16 * 1024) /* of one answer, and what keeping them takes */
#define LANE_TRIES 5 /* of a message that was certainly not processed, by itself */
#define LANE_STALL_MS (5 * MS_SECOND) /* without any answer: an origin does not answer */
#define LANE_ERROR_BYTES 160

/* What the threads know together of an origin. */
struct lane_shared {
    atomic_int refs;
    _Atomic int connections;
    _Atomic int64_t quiet_until_ms; /* mono: left alone */
    _Atomic int64_t open_from_ms;   /* mono: no new connection before */
    _Atomic int troubles;           /* in a row */
    _Atomic int64_t well_ms;        /* mono: answered well by another protocol; 0: never */
    _Atomic int64_t other_until_ms; /* mono: it speaks no HTTP/2, as far as we know */
};

/* Headers that stand, and the place for those that change. */
struct lane_headers {
    uint64_t plan_number;           /* 0: of this group's batch only */
    const struct lane_work *work;   /* then */
    int64_t key_id, until_ms, used; /* used: a count, for who is thrown out */
    struct http_headers kept;
    nghttp2_nv *nv;
    size_t count; /* of nv, content-length included, which is the last */
};
#define LANE_HEADERS 4 /* sets of one origin */

struct lane_text { /* the changing parts of a request until nghttp2 has taken them */
    struct lane_text *next;
    struct buf path, body;
    size_t at; /* of the body */
};

struct lane_origin {
    struct list_node node; /* in lane->origins */
    struct lane *lane;
    struct lane_shared *shared;
    char *key, *url, *host,
        *authority; /* key: url and whether private addresses may be reached */
    char service[16];
    int port;
    bool tls, allow_private;
    bool stranger;      /* of no service that is known: see lane_trouble.c */
    struct list groups; /* those with members that wait */
    struct list conns;
    size_t waiting, in_flight, ready, connecting;
    int connections_max;
    struct lane_headers headers[LANE_HEADERS];
    int64_t headers_used;
    size_t body_max; /* the largest body so far */
    /* who may go */
    double window,
        slow_from; /* streams at a time, over all connections; from here on it grows slowly */
    int64_t slowed_ms;
    int64_t srtt_us;
    int64_t progress_ms; /* the last answer, or when the first of those under way left */
    bool stalled, dirty, held;
    struct list_node dirty_node;
    int64_t idle_since_ms;
    /* where it is */
    uv_getaddrinfo_t resolve;
    bool resolving, closing, asked_as_stranger;
    struct list_node name_node; /* in lane->names: its turn to be looked up has not come */
    struct addrinfo *addresses;
    int64_t resolved_ms;
};

enum lane_conn_state {
    CONN_CONNECTING,
    CONN_SHAKING,
    CONN_SETTLING,
    CONN_READY,
    CONN_DRAINING,
    CONN_CLOSED
};

struct lane_conn {
    struct list_node node; /* in origin->conns */
    struct lane_origin *origin;
    enum lane_conn_state state;
    uv_poll_t poll;
    int fd, events; /* events: asked of poll */
    const struct addrinfo *address;
    SSL *ssl; /* NULL: plain */
    nghttp2_session *session;
    struct list streams;
    size_t open, limit; /* streams of nghttp2; what the peer allows */
    bool proven;        /* it has answered something */
    bool blocked;       /* the socket takes no more */
    bool of_stranger;   /* counted so */
    bool more;          /* it has more to say than it may in one turn */
    bool dead;
    struct buf out;
    size_t out_at;
    uint64_t made,
        handed; /* bytes that were put into out, and that were given away, since the start */
    int64_t opened_ms, heard_ms, used_ms, ping_ms; /* ping_ms 0: none is under way */
    char error[LANE_ERROR_BYTES];
};

struct lane_stream {
    struct list_node node;           /* in conn->streams */
    struct lane_stream *next_unused; /* of the pool */
    struct lane_conn *conn;
    struct lane_group *group; /* NULL: settled */
    struct lane_text *text;   /* NULL: sent */
    struct buf *answer;       /* NULL: no body so far */
    struct http_headers headers;
    size_t header_bytes;
    int32_t id;
    uint32_t head, count; /* members, by work->next */
    int status;
    bool truncated;
    uint64_t made_from;
    int64_t started_us, started_ms;
};

/* The members of a batch that go to one origin. */
struct lane_group {
    struct list_node node; /* in origin->groups while some wait */
    struct list_node work_node;
    struct lane_work *work;
    struct lane_origin *origin;
    uint32_t head, tail; /* those that wait: index + 1; 0: none */
    size_t waiting;
    uint8_t service;
};

struct lane_work {         /* batch->own */
    struct list_node node; /* in lane->works */
    struct lane *lane;
    struct lane_batch *batch;
    struct list groups;
    size_t left;
    int64_t since_ms;
    atomic_int cancel; /* 1: yes, 2: hurried */
    int cancelled;     /* as far as the thread has obeyed */
    uint8_t *tries;
    bool *second;    /* those that go again at once, made otherwise; NULL: none so far */
    uint32_t next[]; /* index + 1, of the same group or request */
};

struct lane {
    struct lanes *lanes;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick, pace;
    uv_prepare_t pump;
    bool ticking, ending;
    uv_mutex_t lock; /* of inbox */
    struct list inbox;
    atomic_bool stopping;
    atomic_size_t load; /* members in it */
    /* the thread's own */
    struct list works, origins, dirty, names;
    struct map *by_key;
    int64_t now_ms, now_us, wall_ms;
    uint8_t *block;
    struct lane_text *texts;
    struct lane_stream *streams;
    struct buf **answers;
    size_t answer_count, answer_cap;
    struct member_word *words;
    const struct member **members;
    struct member *copies; /* of those that go for the second time */
    size_t words_cap;
    struct buf origin_text;
    struct rng rng;
    int64_t made_room_ms; /* for a stranger's connection, or tried to */
};

struct lanes {
    struct crier *crier;
    uv_async_t wake;
    SSL_CTX *tls;
    size_t thread_count;
    struct lane *threads;
    uv_mutex_t lock; /* of done and shared */
    uv_cond_t some_done;
    struct list done;
    struct map *shared;
    struct list busy; /* batches, until their done; the loop's */
    bool closing;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    _Atomic uint64_t messages, bytes, opened, goaways, refused;
    atomic_size_t connections, streams, waiting;
    _Atomic int strangers, names_asked; /* strangers': connections, look-ups under way */
};

/* lane_thread.c */
void lane__thread_begin(struct lane *t, struct lanes *l);
void lane__thread_end(struct lane *t); /* stops it and waits for it */
void lane__clock(struct lane *t);
void lane__wake_in(struct lane *t, int64_t ms); /* pump again then */

/* lane_batch.c */
struct lane_work *lane__work_new(struct lane_batch *b);
void lane__work_begin(struct lane *t, struct lane_work *w);
/* Takes up to `most` waiting members of one key; how many, their first in *out_head, chained. */
uint32_t lane__take(struct lane_group *g, size_t most, uint32_t *out_head);
/* The n-th member of a request, number i of the batch, as push is to see it. */
const struct member *
lane__member(struct lane *t, const struct lane_work *w, uint32_t i, size_t n);
/* Whether the answer asks for it otherwise, and it waits to go once more. */
bool lane__once_more(struct lane_group *g, uint32_t i, const struct member_word *word);
/* Back to the front, to go again; counted too often: AGAIN. */
void lane__put_back(struct lane_group *g, uint32_t head, uint32_t count, bool counts);
void lane__settle(
    struct lane_group *g, uint32_t i, const struct member_word *word, int status, bool sent);
/* Everybody who waits: AGAIN without a try. */
void lane__give_back(struct lane_group *g, int64_t retry_after_ms, const char *detail);
/* The same of an origin that is left alone, and of one that does not speak HTTP/2. */
void lane__leave_alone(struct lane_group *g, int64_t quiet_ms);
void lane__give_over(struct lane_group *g);
void lane__not_sent(struct lane_group *g, int64_t retry_after_ms, const char *error);
/* The wave's own verdict; the first one counts. */
void lane__stop(struct lane_work *w, const struct verdict *v);
void lane__obey_cancel(struct lane_work *w);
void lane__look_done(struct lane *t); /* hands over what is whole */

/* lane_origin.c */
#define LANE_KEY_BYTES 600
/* False: too long for one. */
bool lane__origin_key(char out[LANE_KEY_BYTES],
                      const char *url,
                      const char *apart,
                      bool allow_private);
struct lane_origin *
lane__origin_get(struct lane *t, const char *url, const char *apart, bool allow_private);
void lane__origin_queue(struct lane_group *g);
void lane__origin_dirty(struct lane_origin *o);
void lane__pump(struct lane_origin *o);
void lane__origin_free(struct lane_origin *o); /* without connections and look-ups */
bool lane__origin_idle(const struct lane_origin *o);

/* lane_trouble.c */
void lane__went_well(struct lane_origin *o, int64_t us);
void lane__too_much(struct lane_origin *o); /* less at a time */
/* Leave it alone: as long as it says, 0: as long as we think. The time. */
int64_t lane__quiet(struct lane_origin *o, int64_t retry_after_ms);
int64_t lane__quiet_left(const struct lane_origin *o);
/* No connection can be had: whoever waits is not sent. */
void lane__unreachable(struct lane_origin *o, const char *error);
void lane__look_after(struct lane_origin *o); /* in every tick */
/* For a connection to a stranger; maybe another one makes it. */
bool lane__room_for_stranger(struct lane_origin *o);
/* A connection stands, and is not one of HTTP/2: it ends. */
void lane__other_protocol(struct lane_conn *c);
bool lane__speaks_otherwise(const struct lane_origin *o);

/* lane_connect.c */
void lane__connect(
    struct lane_origin *o); /* one more connection begins; maybe names are asked first */
void lane__look_up_strangers(struct lane *t); /* whose turn has come */
void lane__connect_turn(struct lane_conn *c); /* of CONNECTING and SHAKING */

/* lane_conn.c */
void lane__conn_poll(struct lane_conn *c, int events);
void lane__conn_flush(struct lane_conn *c, bool all); /* all: also less than a record */
size_t lane__conn_room(const struct lane_conn *c);    /* requests it may take now */
void lane__conn_close(struct lane_conn *c);
void lane__conn_fail(struct lane_conn *c, const char *error); /* its streams end or go again */
void lane__conn_look_after(struct lane_conn *c);
void lane__on_poll(uv_poll_t *poll, int status, int events);

/* lane_session.c */
nghttp2_session_callbacks *lane__callbacks(void);
void lane__session_begin(struct lane_conn *c);
void lane__session_gather(struct lane_conn *c); /* what nghttp2 has to say, into out */
void lane__session_feed(struct lane_conn *c, const uint8_t *bytes, size_t len);

/* lane_send.c */
/* One request of the group; false: nothing left of it could be sent on this connection. */
bool lane__send(struct lane_conn *c, struct lane_group *g);
void lane__text_give(struct lane *t, struct lane_text *x);
void lane__headers_done(struct lane_headers *h);

/* lane_answer.c */
void lane__stream_free(struct lane_stream *s);
void lane__answered(struct lane_stream *s);
void lane__lost(struct lane_stream *s, const char *error);
/* Certainly not processed: it goes again, by itself. counts: as one of LANE_TRIES. */
void lane__again(struct lane_stream *s, bool counts);
struct buf *lane__answer_buf(struct lane *t);

#endif
