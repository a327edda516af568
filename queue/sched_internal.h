#ifndef CRIER_QUEUE_SCHED_INTERNAL_H
#define CRIER_QUEUE_SCHED_INTERNAL_H

/* Between whose turn it is (sched.c), what a destination holds (sched_window.c) and how it is
 * doing (sched_feedback.c). */

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "queue/sched.h"

/* A time to be left alone, kept with its start: when the clock goes back before it, the rest is
 * counted anew from there, so a jump of the clock never makes a pause longer than it was. */
struct quiet {
    int64_t from_ms, until_ms; /* until 0: none */
};
int64_t quiet_left(struct quiet *q, int64_t now_ms); /* 0: over */
void quiet_extend(struct quiet *q, int64_t now_ms, int64_t wait_ms);

struct host {
    char *name;
    struct quiet quiet;
    size_t users;
};

/* Where a job is. */
enum place {
    PLACE_LATER,  /* not due: by due time (or by not_after, when that comes first) */
    PLACE_URGENT, /* breaking */
    PLACE_FRESH,  /* never failed */
    PLACE_RETRY,  /* failed before, or a look at an unknown outcome */
    PLACE_WAITING_COUNT,
    PLACE_RUNNING = PLACE_WAITING_COUNT,
};

struct sjob {
    struct heap_node node;
    struct ledger_job job;
    struct dest *dest;
    enum place place;
    uint64_t cohort, cut;    /* of the destination when it was started */
    double among;            /* so many could run then */
    struct ledger_job *next; /* it came in again while running; NULL */
};

struct dest {
    char name[64];
    struct host *host; /* NULL: none shared */
    struct sched_limits limits;
    struct bucket bucket;
    bool stopped, removed;

    struct heap jobs[PLACE_WAITING_COUNT];
    size_t running;
    int64_t turn_of_retries; /* counts normal starts */

    /* what else is in the ledger */
    bool loading, stale;  /* stale: what was asked for is no longer so */
    int64_t more_at_ms;   /* from then on there is work we do not hold; INT64_MAX: none */
    int64_t loaded_at_ms; /* the last answer */

    /* feedback (sched_feedback.c) */
    double window;
    double steep_till;     /* below it the window grows by one a success */
    uint64_t cut;          /* counts "too many" that were heeded */
    double limit;          /* the most that was not too many; 0: not known */
    double patience;       /* cohorts to stay there before one more is tried */
    double failed_cohorts; /* failures since the last success, in windows */
    int64_t backoffs;      /* in a row */
    uint64_t cohort;       /* counts backoffs: jobs of an earlier one no longer count */
    bool probing;          /* one at a time until one succeeds */
    struct quiet quiet;

    /* whose turn */
    struct list_node turn; /* in sched.turns or sched.starved */
    bool starved;
    struct heap_node wake; /* in sched.wakes while in neither */
    int64_t wake_at_ms;
};

struct sched {
    struct rng rng;
    int64_t total;
    size_t running;
    struct map *dests;   /* by name */
    struct map *hosts;   /* by name */
    struct map *jobs;    /* by id */
    struct list turns;   /* may have something to do */
    struct list starved; /* would start, but the total is used up */
    struct heap wakes;   /* the others, by when to look again */
    int64_t last_ms;     /* of the last sched_next */
};

/* sched_window.c */
void window_init(struct dest *d);
void window_done(struct sched *s, struct dest *d); /* drops what waits */
/* In no place yet. */
struct sjob *window_new(struct sched *s, struct dest *d, const struct ledger_job *job);
void window_put(struct sched *s, struct dest *d, const struct ledger_job *job, int64_t now_ms);
void window_promote(struct dest *d,
                    int64_t now_ms);               /* what is due by now is no longer "later" */
struct sjob *window_peek(struct dest *d);          /* whose turn it is; NULL: nothing is due */
void window_take(struct sjob *j);                  /* out of its heap */
void window_drop(struct sched *s, struct sjob *j); /* out of everything, freed */
void window_loaded(struct sched *s,
                   struct dest *d,
                   const struct ledger_job *jobs,
                   size_t count,
                   bool more,
                   int64_t now_ms);
void window_forget(struct sched *s, struct dest *d);
void window_asked(struct dest *d);               /* its SCHED_LOAD is on its way */
void window_more(struct dest *d, int64_t at_ms); /* there is more from then on */
bool window_wants_more(const struct dest *d, int64_t now_ms);
int64_t window_next_at(const struct dest *d, int64_t now_ms); /* when that may change */
size_t window_due(const struct dest *d);
bool job_is_over(const struct ledger_job *job, int64_t now_ms); /* its not_after has passed */

/* sched_feedback.c */
void feedback_init(struct dest *d);
void feedback_limits(struct dest *d);        /* after its limits changed */
size_t feedback_slots(const struct dest *d); /* how many may run */
void feedback_end(struct sched *s,
                  struct dest *d,
                  const struct sjob *j,
                  const struct sched_end *end,
                  int64_t now_ms);
int64_t feedback_quiet_left(struct dest *d, int64_t now_ms); /* its own and its host's */

#endif
