#ifndef CRIER_SERVICE_METRICS_H
#define CRIER_SERVICE_METRICS_H

/* Counters, gauges and histograms in Prometheus' text format 0.0.4. Names and help stand in one
 * table in metrics.c; label values are adapters', channels' and verdicts' names, never free
 * text. */

#include <stdint.h>

#include "base/buf.h"

struct crier;
struct ledger_channel;
struct metrics;

enum metric_counter {
    METRIC_ARTICLES,    /* labels: outcome */
    METRIC_ATTEMPTS,    /* labels: channel, verdict */
    METRIC_MESSAGES,    /* labels: channel, outcome (of one message to one member) */
    METRIC_PUSHES,      /* labels: channel, service, outcome (of one message over lanes) */
    METRIC_MEMBER_NEWS, /* labels: channel, kind (what a platform told of messages and members) */
    METRIC_READERS,     /* labels: channel, what (of those who come by themselves) */
    METRIC_DELIVERIES,    /* labels: channel, state (ended) */
    METRIC_REFUSED,       /* labels: status (the door's) */
    METRIC_REQUESTS,      /* labels: route */
    METRIC_RELOADS,       /* labels: result */
    METRIC_CLICKS,        /* labels: target */
    METRIC_SOURCE_POLLS,  /* labels: source, result */
    METRIC_SOURCE_ITEMS,  /* labels: source, outcome */
    METRIC_SOURCE_PUSHES, /* labels: source, result */
    METRIC_GATE,          /* labels: outcome (good, degraded, stopped) */
    METRIC_FACEBOOK,      /* labels: result (told, failed) */
    METRIC_INBOX,         /* labels: source, result (waits, completed, overtaken, given_up) */
    METRIC_CREDENTIAL_RENEWALS, /* labels: channel, outcome (ok, later, revoked, refused) */
    METRIC_PREPARED,            /* labels: channel */
    METRIC_COUNTER_COUNT
};
enum metric_histogram {
    METRIC_ACCEPT_SECONDS,          /* request complete to commit done; label: source */
    METRIC_ACCEPT_TO_SEND_SECONDS,  /* accept to the first byte of the first attempt; label:
                                       adapter */
    METRIC_SEND_TO_VERDICT_SECONDS, /* label: adapter */
    METRIC_GATE_SECONDS,            /* accept to the gate's opening; label: outcome */
    METRIC_PUSH_SECONDS,            /* a wave's start to an answer; labels: channel, service */
    METRIC_PREPARE_SECONDS,         /* of the processor, for a block; label: channel */
    METRIC_HISTOGRAM_COUNT
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* Label values are copied; b may be NULL where the metric has one label. */
void metrics_add(struct metrics *m, enum metric_counter which, const char *a, const char *b);
void metrics_add_many(struct metrics *m, enum metric_counter which, const char *a, uint64_t by);
void metrics_observe_us(struct metrics *m,
                        enum metric_histogram which,
                        const char *label,
                        int64_t us);
/* So many messages to members of one push service. */
void metrics_add_pushes(struct metrics *m,
                        const char *channel,
                        const char *service,
                        const char *outcome,
                        int64_t by);
/* … whose answer took so long since their wave began. */
void metrics_observe_pushes(
    struct metrics *m, const char *channel, const char *service, int64_t us, int64_t times);
/* The whole page; gauges (queue by channel and state, oldest waiting, channel state, ledger,
 * memory, open connections) are read from c and the rows of a LEDGER_CHANNELS read. */
void metrics_print(struct metrics *m,
                   struct crier *c,
                   const struct ledger_channel *rows,
                   size_t row_count,
                   struct buf *out);

#endif
