/* How many members of a wave are in the lanes: simulated lanes of a speed and a round trip, in time that is made up. */

#include "service/wave_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

#define BATCHES 64

/* Lanes that send so many a millisecond, in the order in which they get them, and have each answer after a round
 * trip. */
struct lanes {
    double per_ms;
    int64_t round_trip_ms;
    double busy_until_ms;
    struct {
        size_t count; /* 0: free */
        int64_t left_ms;
        double back_ms;
    } batches[BATCHES];
    size_t in_lanes;
    /* And a ledger that takes so long for a batch, and is asked for two at a time. */
    int64_t ask_ms;
    struct {
        size_t count;
        int64_t here_ms;
    } asked[2];
};

struct seen {
    int64_t answered;  /* in the last second */
    double longest_ms; /* that somebody new would have waited there, in the last second */
    size_t open;       /* batches, at most */
};

static void leave(struct lanes *l, size_t count, int64_t now_ms)
{
    for (size_t i = 0; i < BATCHES; i++) {
        if (l->batches[i].count == 0) {
            double from = l->busy_until_ms > (double)now_ms ? l->busy_until_ms : (double)now_ms;

            l->busy_until_ms = from + (double)count / l->per_ms;
            l->batches[i].count = count;
            l->batches[i].left_ms = now_ms;
            l->batches[i].back_ms = l->busy_until_ms + (double)l->round_trip_ms;
            l->in_lanes += count;
            return;
        }
    }
    fail_msg("more batches than any wave has");
}

static void hand_out(struct lanes *l, struct wave_flow *f, int64_t pace, int64_t now_ms)
{
    for (size_t i = 0; i < ARRAY_LEN(l->asked); i++) {
        if (l->asked[i].count == 0) {
            l->asked[i].count = flow_batch(f, pace);
            l->asked[i].here_ms = now_ms + l->ask_ms;
        }
        if (l->asked[i].here_ms > now_ms) {
            continue;
        }
        if (l->in_lanes < flow_window(f, pace)) {
            leave(l, l->asked[i].count, now_ms);
            l->asked[i].count = 0;
        } else {
            flow_full(f);
        }
    }
}

static size_t take_back(struct lanes *l, struct wave_flow *f, int64_t now_ms)
{
    size_t back = 0;

    for (size_t i = 0; i < BATCHES; i++) {
        if (l->batches[i].count > 0 && l->batches[i].back_ms <= (double)now_ms) {
            back += l->batches[i].count;
            l->in_lanes -= l->batches[i].count;
            flow_answered(f, l->batches[i].count, l->batches[i].left_ms, now_ms);
            l->batches[i].count = 0;
        }
    }
    return back;
}

static struct seen run(struct lanes *l, struct wave_flow *f, int64_t pace, int64_t for_ms)
{
    struct seen seen = {.answered = 0};

    for (int64_t now_ms = 1; now_ms <= for_ms; now_ms++) {
        size_t back = take_back(l, f, now_ms), open = 0;

        hand_out(l, f, pace, now_ms);
        for (size_t i = 0; i < BATCHES; i++) {
            open += l->batches[i].count > 0;
        }
        seen.open = open > seen.open ? open : seen.open;
        if (now_ms > for_ms - 1000) {
            double waits = l->busy_until_ms - (double)now_ms;

            seen.answered += (int64_t)back;
            seen.longest_ms = waits > seen.longest_ms ? waits : seen.longest_ms;
        }
    }
    return seen;
}

static void the_lanes_never_wait_and_who_goes_first_waits_under_a_second(void **state)
{
    static const struct {
        double per_ms;
        int64_t round_trip_ms;
    } rows[] = {
        {150, 1},
        {100, 150},
        {40, 300},
        {10, 20},
        {1, 150},
        {0.2, 150},
        {0.05, 400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lanes l = {.per_ms = rows[i].per_ms, .round_trip_ms = rows[i].round_trip_ms};
        struct wave_flow f;
        struct seen seen;
        double could = rows[i].per_ms * 1000;

        flow_init(&f);
        seen = run(&l, &f, 0, 60000);
        if ((double)seen.answered < could * 0.85 || seen.longest_ms > 1000) {
            fail_msg("%g a ms, %lld ms: %lld of %g answered, waits %g ms",
                     rows[i].per_ms,
                     (long long)rows[i].round_trip_ms,
                     (long long)seen.answered,
                     could,
                     seen.longest_ms);
        }
    }
}

static void a_fast_service_is_filled_within_two_seconds(void **state)
{
    struct lanes l = {.per_ms = 100, .round_trip_ms = 150};
    struct wave_flow f;

    (void)state;
    flow_init(&f);
    assert_true(run(&l, &f, 0, 2000).answered > 50000);
    assert_true(f.window <= FLOW_WINDOW_MAX);
}

static void a_slow_disk_makes_larger_batches(void **state)
{
    static const int64_t disks_ms[] = {1, 20, 100, 300};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(disks_ms); i++) {
        struct lanes l = {.per_ms = 20, .round_trip_ms = 20, .ask_ms = disks_ms[i]};
        struct wave_flow f;
        int64_t answered;

        flow_init(&f);
        flow_trouble(&f); /* it begins with few */
        answered = run(&l, &f, 0, 10000).answered;
        if (answered < 15000) {
            fail_msg("%lld of 20000 a second with %lld ms for a batch",
                     (long long)answered,
                     (long long)disks_ms[i]);
        }
    }
}

static void what_is_open_is_bounded(void **state)
{
    struct lanes l = {.per_ms = 1000, .round_trip_ms = 3000};
    struct wave_flow f;

    (void)state;
    flow_init(&f);
    assert_true(run(&l, &f, 0, 30000).open <= FLOW_BATCHES_MAX);
    assert_true(l.in_lanes <= FLOW_WINDOW_MAX + FLOW_BATCH_MAX);
}

static void a_pace_is_no_more_than_it_sends_in_a_moment(void **state)
{
    struct wave_flow f;

    (void)state;
    flow_init(&f);
    assert_int_equal(flow_window(&f, 0), f.window);
    assert_int_equal(flow_window(&f, 100), 40);
    assert_int_equal(flow_batch(&f, 100), 10);
    assert_int_equal(flow_window(&f, 1), 1);
    assert_int_equal(flow_batch(&f, 1), 1);
    assert_int_equal(flow_window(&f, 1000000), f.window);
}

static void after_trouble_few_are_tried(void **state)
{
    struct lanes l = {.per_ms = 100, .round_trip_ms = 50};
    struct wave_flow f;

    (void)state;
    flow_init(&f);
    (void)run(&l, &f, 0, 3000);
    flow_trouble(&f);
    assert_int_equal(flow_window(&f, 0), 100);
    l = (struct lanes){.per_ms = 100, .round_trip_ms = 50};
    assert_true(run(&l, &f, 0, 5000).answered > 80000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lanes_never_wait_and_who_goes_first_waits_under_a_second),
        cmocka_unit_test(a_fast_service_is_filled_within_two_seconds),
        cmocka_unit_test(a_slow_disk_makes_larger_batches),
        cmocka_unit_test(what_is_open_is_bounded),
        cmocka_unit_test(a_pace_is_no_more_than_it_sends_in_a_moment),
        cmocka_unit_test(after_trouble_few_are_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
