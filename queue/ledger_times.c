/* How long answers took, in few numbers: buckets that grow by a third, so that a share of them is told to a third of
 * its time. Called by whoever gathers them and by whoever shows them. */

#include "queue/ledger.h"

#define FIRST_MS 5

static int64_t longer(int64_t bound_ms)
{
    return bound_ms + (bound_ms + 2) / 3;
}

size_t ledger_time_bucket(int64_t ms)
{
    int64_t bound_ms = FIRST_MS;
    size_t bucket = 0;

    while (bucket < LEDGER_TIMES - 1 && ms > bound_ms) {
        bound_ms = longer(bound_ms);
        bucket++;
    }
    return bucket;
}

int64_t ledger_time_bound_ms(size_t bucket)
{
    int64_t bound_ms = FIRST_MS;

    if (bucket >= LEDGER_TIMES - 1) {
        return INT64_MAX;
    }
    for (size_t i = 0; i < bucket; i++) {
        bound_ms = longer(bound_ms);
    }
    return bound_ms;
}
