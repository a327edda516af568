#ifndef CRIER_QUEUE_SCHED_H
#define CRIER_QUEUE_SCHED_H

/* What is due and whose turn it is. Pure: time in, "start this" or "sleep until" out; no I/O,
 * no clock. Owned by the loop. It holds a bounded window of jobs per destination; the rest
 * waits in the ledger and is asked for by SCHED_LOAD.
 *
 * Order within a destination: breaking first, then new before retried in turns (one retry for
 * every SCHED_RETRY_SHARE - 1 new ones, so that neither starves), each by due time. Between
 * destinations: round robin, so that none with a long queue slows another. A destination has a
 * window of concurrency that adapts (sched_feedback.c): quickly up until the first trouble, then by
 * one a round; down by 1/N per failure, by half when it is told "too many", never under 1; when
 * failures go on (a whole cohort), the destination backs off as a whole with full jitter, and after that lets one job
 * through as a probe. Destinations that share a host also share its trouble (SCOPE_HOST). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/parse.h"
#include "queue/ledger.h"
#include "queue/policy.h"

#define SCHED_WINDOW 256    /* jobs held per destination of each sort: new, retried, later */
#define SCHED_RETRY_SHARE 4 /* of so many jobs in turn, one is a retry when there are both */

struct sched;

struct sched_limits {
    int64_t concurrency; /* ceiling */
    struct rate rate;    /* count 0 or less: unlimited */
    int64_t backoff_min_ms, backoff_max_ms;
};

struct sched *sched_new(uint64_t seed, int64_t total_concurrency);
void sched_free(struct sched *s);

/* Make a destination known or change its limits; host may be NULL. Jobs and state stay, and what
 * is left of its rate, at most what a new rate allows. bucket, for one that was not known: as kept
 * in the ledger, NULL: full. */
void sched_destination_set(struct sched *s,
                           const char *name,
                           const char *host,
                           const struct sched_limits *limits,
                           const struct ledger_bucket *bucket,
                           int64_t now_ms);
/* Its waiting jobs are dropped (they stay in the ledger); those running may still end. */
void sched_destination_remove(struct sched *s, const char *name);
void sched_total_set(struct sched *s, int64_t total_concurrency);
/* Stopped destinations start nothing (paused or blocked). */
void sched_stop(struct sched *s, const char *name, bool stopped);
bool sched_is_stopped(const struct sched *s, const char *name);

/* A job that is ready, or due later. Unknown destination: ignored (it waits in the ledger). The
 * same id twice: the later due time and state win. Over the window: dropped, and the
 * destination is marked as having more in the ledger; breaking jobs are always taken. */
void sched_add(struct sched *s, const struct ledger_job *job, int64_t now_ms);
/* A job that is about to be written: is its turn now? It is when its destination could start one more
 * and nothing that is due waits there, in the window or in the ledger. Then it counts as running, as
 * after SCHED_START, and out_bucket is to be stored with it; a token of the rate is taken. */
bool sched_claim(struct sched *s,
                 const struct ledger_job *job,
                 int64_t now_ms,
                 struct ledger_bucket *out_bucket);
/* The answer to SCHED_LOAD. `more` false says nothing of what came in after it was asked: what
 * was dropped since is still remembered. */
void sched_loaded(struct sched *s,
                  const char *name,
                  const struct ledger_job *jobs,
                  size_t count,
                  bool more,
                  int64_t now_ms);
/* The ledger has more that is due than what came in through sched_add: ask for it. */
void sched_more(struct sched *s, const char *name, int64_t now_ms);
/* What waits is dropped, and asked for anew: in the ledger it has other times by now. */
void sched_forget(struct sched *s);
void sched_cancel(struct sched *s, struct delivery_id id); /* unknown ids are fine */

enum sched_what {
    SCHED_SLEEP,  /* nothing now; ask again at until_ms (INT64_MAX: when something changes) */
    SCHED_START,  /* run job: it counts as running until sched_end() or sched_give_back() */
    SCHED_LOAD,   /* fetch the next jobs of `destination` from the ledger */
    SCHED_EXPIRE, /* job's not_after has passed: it is no longer held here */
};
struct sched_next {
    enum sched_what what;
    struct ledger_job job;
    struct ledger_bucket bucket; /* of the destination after this start, to be stored */
    char destination[64];
    size_t limit; /* SCHED_LOAD: ask for so many: the first of them may be known here already */
    int64_t until_ms;
};
void sched_next(struct sched *s, int64_t now_ms, struct sched_next *out);

/* How a running job ended for its destination. */
enum sched_outcome {
    SCHED_OK,      /* the platform answered well (also when it said no to this one article) */
    SCHED_TROUBLE, /* no connection, 5xx, 429: feedback down */
    SCHED_STOPPED, /* the channel is blocked: stop the destination */
    SCHED_NEUTRAL, /* no word on the destination (cancelled, our own error) */
};
struct sched_end {
    enum sched_outcome outcome;
    bool whole_channel;     /* retry_after_ms holds for the destination */
    bool whole_host;        /* … and for its host */
    int64_t retry_after_ms; /* what the platform asked for; 0 */
    bool overload;          /* it said "too many" (429, 503): concurrency goes down at once */
};
/* Nothing is put back: a delivery to be tried again comes in again through sched_add. */
void sched_end(struct sched *s,
               struct delivery_id id,
               const struct sched_end *end,
               int64_t now_ms);
/* A started job that never left (its begin was refused or failed): no word on the destination,
 * and its token is given back. Like SCHED_NEUTRAL, nothing is put back. */
void sched_give_back(struct sched *s, struct delivery_id id, int64_t now_ms);
/* When a delivery that failed so often is due: backoff with jitter, or retry_after_ms if
 * longer. */
int64_t sched_retry_at(struct sched *s,
                       const char *destination,
                       int64_t failures,
                       int64_t retry_after_ms,
                       int64_t now_ms);

struct sched_view {
    bool known, stopped;
    size_t waiting, running;
    double window;
    int64_t quiet_until_ms; /* backing off or asked to wait; 0 */
    struct ledger_bucket bucket;
    struct rate rate;
};
void sched_view(const struct sched *s,
                const char *destination,
                int64_t now_ms,
                struct sched_view *out);
size_t sched_running(const struct sched *s);

#endif
