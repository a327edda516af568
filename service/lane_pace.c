/* How fast a channel's messages go, over all threads: each takes the next free moment from one line of them
 * (a generic cell rate algorithm), without a lock. */

#include "service/lane_internal.h"

#define NS INT64_C(1000000000)
#define AHEAD_NS                                                                               \
    (NS / 100) /* what may leave at once after a pause: a hundredth of a second's worth */

int64_t lane_pace_take(struct lane_pace *p, size_t count, int64_t now_us)
{
    int64_t rate = p ? atomic_load_explicit(&p->per_second, memory_order_relaxed) : 0;
    int64_t now_ns = now_us * 1000, due, from;

    if (rate <= 0) {
        return 0;
    }
    due = atomic_load(&p->own_ns);
    do {
        from = due > now_ns - AHEAD_NS ? due : now_ns - AHEAD_NS;
        if (from > now_ns) {
            return (from - now_ns) / 1000000 + 1;
        }
    } while (
        !atomic_compare_exchange_weak(&p->own_ns, &due, from + (int64_t)count * NS / rate));
    return 0;
}
