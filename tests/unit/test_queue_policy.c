/* How long to wait: backoff and token buckets, over rows of time. */

#include "queue/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void a_wait_is_never_under_half_the_least_nor_over_the_ceiling(void **state)
{
    static const struct {
        int64_t min_ms, max_ms, failures, ceiling_ms;
    } rows[] = {
        {1000, 60000, 1, 1000},
        {1000, 60000, 2, 2000},
        {1000, 60000, 4, 8000},
        {1000, 60000, 7, 60000},
        {1000, 60000, 100, 60000},
        {1000, 60000, INT64_MAX, 60000},
        {1000, 1000, 5, 1000},
        {5000, 1000, 3, 5000},
        {0, 0, 3, 1},
        {1, INT64_MAX, 3, 4},
        {1000, 60000, 0, 1000},
    };
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t least = INT64_MAX, most = 0;

        for (int n = 0; n < 2000; n++) {
            int64_t ms =
                policy_backoff_ms(rows[i].min_ms, rows[i].max_ms, rows[i].failures, &rng);

            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        assert_true(least >= rows[i].min_ms / 2);
        assert_true(most <= rows[i].ceiling_ms);
        assert_true(most > rows[i].ceiling_ms * 9 / 10 || rows[i].ceiling_ms < 10);
    }
}

static void waits_are_spread_over_the_whole_range(void **state)
{
    int seen[4] = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (int n = 0; n < 4000; n++) {
        seen[policy_backoff_ms(1000, 60000, 20, &rng) / 15001]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        assert_in_range(seen[i], 800, 1200);
    }
}

static void a_bucket_gives_so_many_and_then_one_each_share_of_the_period(void **state)
{
    struct rate rate = {.count = 20, .per_ms = 60000};
    struct bucket b = {.tokens = 20, .at_ms = 1000};
    int64_t now_ms = 1000;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(bucket_take(&b, rate, now_ms), 0);
    }
    for (int i = 0; i < 100; i++) {
        int64_t wait = bucket_take(&b, rate, now_ms);

        assert_in_range(wait, 2990, 3001);
        now_ms += wait;
        assert_int_equal(bucket_take(&b, rate, now_ms), 0);
    }
}

static void a_day_through_a_bucket_is_never_more_than_its_rate(void **state)
{
    struct rate rate = {.count = 300, .per_ms = 3 * MS_HOUR};
    struct bucket b = {.tokens = 300, .at_ms = 0};
    int64_t taken = 0;

    (void)state;
    for (int64_t now_ms = 0; now_ms <= MS_DAY; now_ms += 777) {
        taken += bucket_take(&b, rate, now_ms) == 0;
    }
    assert_in_range(taken, 300 + 8 * 300 - 2, 300 + 8 * 300);
}

static void no_rate_is_no_limit(void **state)
{
    struct bucket b = {.tokens = 0, .at_ms = 0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bucket_take(&b, (struct rate){.count = 0, .per_ms = 0}, 5), 0);
        assert_int_equal(bucket_take(&b, (struct rate){.count = RATE_UNLIMITED}, 5), 0);
    }
}

static void a_clock_that_goes_back_takes_nothing_and_gives_nothing(void **state)
{
    struct rate rate = {.count = 2, .per_ms = 1000};
    struct bucket b = {.tokens = 1, .at_ms = 10 * MS_HOUR};

    (void)state;
    bucket_fill(&b, rate, 9 * MS_HOUR);
    assert_true(b.tokens > 0.999 && b.tokens < 1.001);
    assert_int_equal(bucket_take(&b, rate, 9 * MS_HOUR), 0);
    assert_in_range(bucket_take(&b, rate, 9 * MS_HOUR), 1, 501); /* not an hour */
    assert_int_equal(bucket_take(&b, rate, 9 * MS_HOUR + 501), 0);
}

static void a_bucket_is_never_fuller_than_a_lowered_rate_nor_under_empty(void **state)
{
    struct bucket b = {.tokens = 100, .at_ms = 0};

    (void)state;
    bucket_fill(&b, (struct rate){.count = 3, .per_ms = 1000}, 0);
    assert_true(b.tokens <= 3.0);
    b.tokens = -50;
    bucket_fill(&b, (struct rate){.count = 3, .per_ms = 1000}, 0);
    assert_true(b.tokens >= 0);
    b.at_ms = 0;
    bucket_fill(&b, (struct rate){.count = 3, .per_ms = 1000}, INT64_MAX / 2);
    assert_true(b.tokens <= 3.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_is_never_under_half_the_least_nor_over_the_ceiling),
        cmocka_unit_test(waits_are_spread_over_the_whole_range),
        cmocka_unit_test(a_bucket_gives_so_many_and_then_one_each_share_of_the_period),
        cmocka_unit_test(a_day_through_a_bucket_is_never_more_than_its_rate),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(a_clock_that_goes_back_takes_nothing_and_gives_nothing),
        cmocka_unit_test(a_bucket_is_never_fuller_than_a_lowered_rate_nor_under_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
