#ifndef CRIER_SERVICE_LANE_H
#define CRIER_SERVICE_LANE_H

/* Outbound HTTP/2 for messages to very many members (adapters/push.h): threads, each with a loop and connections
 * of its own, on nghttp2 and OpenSSL. A batch goes in as a whole and comes back as a whole, as a message to the
 * loop; between the two nothing of it is touched by anybody else.
 *
 * A lane keeps as many streams as an origin allows on few connections, opens more of them only where the origin's
 * limit holds it up, honours GOAWAY and SETTINGS_MAX_CONCURRENT_STREAMS, leaves an origin alone as its
 * Retry-After says, and adapts how much it has under way to how an origin answers. TLS is verified; the address a
 * socket is about to connect to is checked as in out.c; redirects are not followed.
 *
 * A request counts as not sent only when no byte of it was handed to a connection, or the peer said that it was not
 * processed (GOAWAY below its id, REFUSED_STREAM; RFC 9113 section 8.7): then it goes again, by itself. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/push.h"
#include "base/err.h"
#include "base/list.h"

struct crier;
struct lanes;
struct lane_batch;
typedef void lane_done_fn(struct lane_batch *b); /* on the loop, exactly once */

/* How fast a channel's messages go, over all its lanes; written by the loop, read by the lanes. */
struct lane_pace {
    _Atomic int64_t per_second; /* 0: as fast as the origins take them */
    _Atomic int64_t own_ns;     /* the lanes': when the next one would be due; begins as 0 */
};

/* Of one member. */
struct lane_result {
    enum member_outcome outcome;
    bool sent;       /* the request left; false: AGAIN (or REFUSED, by compose) without a try */
    int status;      /* 0: no answer */
    uint8_t service; /* index into the batch's services */
    int64_t retry_after_ms; /* AGAIN: what the platform asked for; 0 */
    int64_t answered_ms;    /* wall clock */
    char *detail;           /* not of ACCEPTED; owned by the batch; NULL */
    /* AGAIN without a try, since its origin does not speak HTTP/2: it can be asked otherwise (wave_singly.c). */
    bool other_protocol;
    /* AGAIN without a try, since its origin is left alone for retry_after_ms: of trouble that was known before. */
    bool left_alone;
};
#define LANE_LEFT_ALONE "its push service is left alone for now"

#define LANE_SERVICES_MAX 16
struct lane_batch {
    /* in; borrowed until done */
    const struct push *push;
    const struct push_plan *plan;
    const struct member *members;
    size_t count;
    bool allow_private;
    int64_t timeout_ms;     /* of one request */
    int connections;        /* to one origin at most, over all lanes; 0: the default */
    struct lane_pace *pace; /* NULL: none */
    bool urgent; /* goes before those that are not, where an origin makes them wait */
    /* Different for every plan that is made while the program runs: then headers are made once for all its
     * batches. 0: for each batch anew. */
    uint64_t plan_number;
    lane_done_fn *done;
    /* out; until lane_batch_done() */
    struct lane_result *results; /* one for each member */
    const char *services
        [LANE_SERVICES_MAX]; /* as push->service() names them; the last one found stands for more */
    size_t service_count;
    bool
        stopped; /* the first verdict that concerns the wave as a whole (BLOCKED, REJECTED, AGAIN with
                           * SCOPE_CHANNEL); from then on nothing more of the batch has left */
    struct verdict why;
    /* the lanes' own */
    struct list_node node;
    void *own;
};

struct lanes_stats { /* for metrics; since the start */
    uint64_t messages, bytes, connections_opened, goaways, streams_refused;
    size_t connections, streams, waiting; /* now */
};

/* threads 0: one for each core but one, 1 to 4. */
MUST_USE enum err_code
lanes_new(struct lanes **out, struct crier *c, int threads, struct err *why);
void lanes_free(struct lanes *l); /* what is on its way ends first, as cancelled */
void lanes_submit(struct lanes *l, struct lane_batch *b);
/* done comes soon: what has not left is AGAIN without a try; hurried: what has left is not waited for, and UNKNOWN. */
void lanes_cancel(struct lanes *l, struct lane_batch *b, bool hurried);
void lane_batch_done(struct lane_batch *b); /* frees what it holds; not b itself */
void lanes_stats(const struct lanes *l, struct lanes_stats *out);

/* 0: messages to so many members may go, and are counted; else so many milliseconds later. On any thread. */
int64_t lane_pace_take(struct lane_pace *p, size_t count, int64_t now_us);
/* For who asks an origin otherwise, and leaves it alone as the lanes do.
 * How long the origin of a batch's member is left alone; 0: it is not. */
int64_t lanes_quiet_left(struct lanes *l, const struct lane_batch *b, const struct member *m);
/* It is in trouble: leave it alone as long as it says, 0: as long as we think. The time; 0 where it has answered well
 * since (of the clock that never jumps), so that one lost answer is no trouble of the origin. */
int64_t lanes_trouble(struct lanes *l,
                      const struct lane_batch *b,
                      const struct member *m,
                      int64_t retry_after_ms,
                      int64_t since_ms);
void lanes_well(struct lanes *l, const struct lane_batch *b, const struct member *m);

#endif
