#ifndef CRIER_SERVICE_WAVE_FLOW_H
#define CRIER_SERVICE_WAVE_FLOW_H

/* How many members of a wave are handed to the lanes at a time (wave_lane.c): enough that they never wait for us,
 * and no more, so that what must go first waits for little. Pure: time comes in.
 *
 * As long as the lanes take what they are given in the time that one answer needs, twice as much is given. Once
 * they do not, what they have is what they send in HOLD_MS. Where it is the ledger that is waited for, on a slow
 * disk, larger batches help: the window grows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_BATCH_MAX 4000 /* members that are written down together */
#define FLOW_BATCHES_MAX                                                                       \
    12 /* open at a time (but wave_singly.c): what a crash leaves in doubt, and the memory */
#define FLOW_WINDOW_MAX 32000

struct wave_flow {
    size_t window;    /* members handed out at a time */
    int64_t since_ms; /* the sample at hand began; 0: it did not */
    int64_t answered; /* in it */
    int64_t least_ms; /* the quickest batch so far; 0: none */
    double per_ms;    /* as last measured; 0: not yet */
    bool was_full;    /* in the sample at hand: it is the lanes that were waited for */
};

void flow_init(struct wave_flow *f);
/* No more fits in, though there was more. */
void flow_full(struct wave_flow *f);
/* A batch came back whole, count of its members answered. Times are of the clock that never jumps. */
void flow_answered(struct wave_flow *f, size_t count, int64_t left_ms, int64_t now_ms);
/* Something held it up that says nothing of the lanes (a pause, another wave): what was measured is no measure. */
void flow_held_up(struct wave_flow *f);
/* Nearly nothing got through: it begins anew, with few. */
void flow_trouble(struct wave_flow *f);
/* The window, where no more than per_second may leave; 0: any number. */
size_t flow_window(const struct wave_flow *f, int64_t per_second);
/* How many to ask for next: a part of the window, so that batches follow each other. */
size_t flow_batch(const struct wave_flow *f, int64_t per_second);

#endif
