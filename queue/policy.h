#ifndef CRIER_QUEUE_POLICY_H
#define CRIER_QUEUE_POLICY_H

/* How long to wait. Pure. */

#include <stdint.h>

#include "base/clock.h"
#include "base/parse.h"

/* Exponential with full jitter: evenly from 0 to min(max_ms, min_ms * 2^(failures - 1)), and
 * never under min_ms / 2. failures from 1. */
int64_t policy_backoff_ms(int64_t min_ms, int64_t max_ms, int64_t failures, struct rng *rng);

/* Token bucket: rate.count tokens, refilled evenly over per_ms. rate.count 0 or
 * less: unlimited. */
struct bucket {
    double tokens;
    int64_t at_ms;
};
void bucket_fill(struct bucket *b, struct rate rate, int64_t now_ms);
/* 0 and one token less, or the wait in milliseconds until one is there (nothing taken). A clock
 * that went back never takes tokens away nor gives extra. */
int64_t bucket_take(struct bucket *b, struct rate rate, int64_t now_ms);

#endif
