/* How long to wait: backoff with jitter, and token buckets. Called by the scheduler; pure, so
 * that a week of retries is a loop in a test. */

#include "queue/policy.h"

static int64_t ceiling_ms(int64_t min_ms, int64_t max_ms, int64_t failures)
{
    int64_t ceiling = min_ms;

    while (failures > 1 && ceiling < max_ms) {
        ceiling = ceiling > max_ms / 2 ? max_ms : ceiling * 2;
        failures--;
    }
    return ceiling < max_ms ? ceiling : max_ms;
}

int64_t policy_backoff_ms(int64_t min_ms, int64_t max_ms, int64_t failures, struct rng *rng)
{
    int64_t floor_ms, ceiling;
    int64_t wait;

    if (min_ms < 1) {
        min_ms = 1;
    }
    if (max_ms < min_ms) {
        max_ms = min_ms;
    }
    floor_ms = min_ms / 2;
    ceiling = ceiling_ms(min_ms, max_ms, failures);
    wait = (int64_t)rng_below(rng, (uint64_t)ceiling + 1);
    return wait > floor_ms ? wait : floor_ms;
}

void bucket_fill(struct bucket *b, struct rate rate, int64_t now_ms)
{
    double full = (double)rate.count;

    if (rate.count <= 0 || rate.per_ms <= 0) {
        return;
    }
    if (now_ms > b->at_ms) {
        b->tokens += (double)(now_ms - b->at_ms) * full / (double)rate.per_ms;
    }
    b->at_ms = now_ms;
    if (b->tokens > full) {
        b->tokens = full; /* also after the settings lowered the rate */
    }
    if (b->tokens < 0) {
        b->tokens = 0;
    }
}

int64_t bucket_take(struct bucket *b, struct rate rate, int64_t now_ms)
{
    /* The sum of many small refills may miss a whole token by rounding; a job would then wait
     * one millisecond for nothing. */
    const double almost_one = 1.0 - 1e-9;
    double missing;

    if (rate.count <= 0 || rate.per_ms <= 0) {
        return 0;
    }
    bucket_fill(b, rate, now_ms);
    if (b->tokens >= almost_one) {
        b->tokens = b->tokens > 1.0 ? b->tokens - 1.0 : 0;
        return 0;
    }
    missing = (1.0 - b->tokens) * (double)rate.per_ms / (double)rate.count;
    return (int64_t)missing + 1;
}
