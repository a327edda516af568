/* What the scheduler makes of the answers: how many at once, when it backs off, when it is due again. */

#include "tests/support/sched_kit.h"

/* ---- feedback ---- */

/* Starts as many as may run at once. Returns how many. */
static size_t start_all(struct sched *s, uint64_t *next_id, uint64_t running[128])
{
    size_t count = 0;

    for (;;) {
        add(s, *next_id, "a");
        running[count] = started(s, T0);
        if (running[count] == 0) {
            sched_cancel(s, (struct delivery_id){*next_id});
            return count;
        }
        count++;
        (*next_id)++;
    }
}

/* … and all of them end well. */
static size_t good_round(struct sched *s, uint64_t *next_id)
{
    uint64_t running[128];
    size_t count = start_all(s, next_id, running);

    for (size_t i = 0; i < count; i++) {
        end(s, running[i], SCHED_OK, T0);
    }
    return count;
}

static void the_window_opens_quickly_until_the_first_trouble_then_by_one_a_cohort(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;
    uint64_t id = 1;
    size_t before, now = 0;

    (void)state;
    limits.concurrency = 64;
    s = with(0, "a", &limits, NULL);
    assert_int_equal(good_round(s, &id), 5);
    for (int round = 0; round < 12; round++) {
        now = good_round(s, &id);
    }
    assert_int_equal(now, 64);         /* and never over the ceiling */
    for (int i = 0; i < 6 * 64; i++) { /* six cohorts fail, though not one after the other */
        uint64_t bad, good;

        add(s, id++, "a");
        add(s, id++, "a");
        bad = started(s, T0);
        good = started(s, T0);
        end(s, bad, SCHED_TROUBLE, T0);
        end(s, good, SCHED_NEUTRAL, T0);
        if (window_of(s, "a") < 58.5) {
            break;
        }
        add(s, id, "a");
        end(s, started(s, T0), SCHED_OK, T0); /* so that it is not left alone */
    }
    before = good_round(s, &id);
    assert_int_equal(before, 58);
    for (int round = 0; round < 4; round++) {
        now = good_round(s, &id);
        assert_in_range(now, before, before + 1);
        before = now;
    }
    assert_in_range(now, 59, 62);
    sched_free(s);
}

/* One cohort at a destination that takes ten at once. Returns how many of it were refused. */
static size_t crowd(struct sched *s, uint64_t *next_id, size_t *out_taken)
{
    const struct sched_end many = {.outcome = SCHED_TROUBLE, .overload = true};
    uint64_t running[128];
    size_t count = start_all(s, next_id, running);

    for (size_t i = 0; i < count; i++) {
        if (i < 10) {
            end(s, running[i], SCHED_OK, T0);
        } else {
            sched_end(s, (struct delivery_id){running[i]}, &many, T0);
        }
    }
    *out_taken += count < 10 ? count : 10;
    return count > 10 ? count - 10 : 0;
}

static void a_limit_that_is_met_is_learned_and_kept_to(void **state)
{
    struct sched_limits limits = easy;
    size_t taken = 0, refused = 0, late_taken = 0, late_refused = 0;
    struct sched *s;
    uint64_t id = 1;

    (void)state;
    limits.concurrency = 64;
    s = with(0, "a", &limits, NULL);
    for (int round = 0; round < 200; round++) {
        refused += crowd(s, &id, &taken);
    }
    for (int round = 0; round < 2000; round++) {
        late_refused += crowd(s, &id, &late_taken);
    }
    assert_true(taken > 200 * 9); /* of 2,000 that it could have taken */
    assert_in_range(refused, 1, 40);
    assert_true(late_taken > 2000 * 99 / 10);
    assert_in_range(late_refused, 1, 10);
    /* it takes more by now: that is found out in time */
    for (int round = 0; round < 3000; round++) {
        good_round(s, &id);
    }
    assert_int_equal(good_round(s, &id), 64);
    sched_free(s);
}

static void a_window_that_is_not_used_does_not_grow(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);

    (void)state;
    for (uint64_t id = 1; id <= 100; id++) {
        add(s, id, "a");
        assert_int_equal(started(s, T0), id);
        end(s, id, SCHED_OK, T0);
    }
    assert_true(window_of(s, "a") > 4.99 && window_of(s, "a") < 5.01);
    sched_free(s);
}

/* Twenty run when it says "too many" to eight of them: half as many, not a 256th. */
static void too_many_is_heeded_once_for_all_that_were_running(void **state)
{
    const struct sched_end e = {.outcome = SCHED_TROUBLE, .overload = true};
    struct sched *s = with(0, "a", &easy, NULL);
    uint64_t id = 1, running[128];
    size_t count;

    (void)state;
    while (good_round(s, &id) < 20) {
    }
    count = start_all(s, &id, running);
    assert_int_equal(count, 20);
    for (size_t i = 0; i < 8; i++) {
        sched_end(s, (struct delivery_id){running[i]}, &e, T0);
    }
    assert_true(window_of(s, "a") > 9.99 && window_of(s, "a") < 10.01);
    for (size_t i = 8; i < count; i++) {
        end(s, running[i], SCHED_OK, T0);
    }
    add(s, id, "a"); /* said of one that was sent since: again */
    sched_end(s, (struct delivery_id){started(s, T0)}, &e, T0);
    assert_true(window_of(s, "a") < 6.0);
    sched_free(s);
}

static void failures_shrink_the_window_and_a_whole_cohort_makes_it_back_off(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);
    struct sched_view v;

    (void)state;
    for (uint64_t id = 1; id <= 10; id++) {
        add(s, id, "a");
    }
    for (int i = 0; i < 5; i++) {
        assert_true(started(s, T0) != 0);
    }
    for (uint64_t id = 1; id <= 4; id++) {
        double before = window_of(s, "a");

        end(s, id, SCHED_TROUBLE, T0);
        assert_true(window_of(s, "a") < before);
        if (window_of(s, "a") <= 1.0) {
            break; /* backed off already: 1/5 + 1/4.8 + … reach one cohort */
        }
    }
    end(s, 5, SCHED_TROUBLE, T0);
    sched_view(s, "a", T0, &v);
    assert_true(v.window <= 1.01);
    assert_in_range(v.quiet_until_ms, T0 + 500, T0 + 1000);
    assert_int_equal(sleeps_until(s, T0), v.quiet_until_ms);
    /* then one probe, alone, until it succeeds */
    assert_true(started(s, v.quiet_until_ms) != 0);
    assert_int_equal(started(s, v.quiet_until_ms), 0);
    sched_free(s);
}

static void a_probe_that_succeeds_opens_again_one_that_fails_waits_longer(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;
    int64_t now_ms = T0;
    int64_t longest = 0;
    uint64_t id;

    (void)state;
    limits.concurrency = 1;
    s = with(0, "a", &limits, NULL);
    for (id = 1; id <= 20; id++) {
        add(s, id, "a");
    }
    for (int n = 0; n < 12; n++) {
        int64_t until;

        id = started(s, now_ms);
        assert_true(id != 0);
        end(s, id, SCHED_TROUBLE, now_ms);
        until = sleeps_until(s, now_ms);
        assert_in_range(until - now_ms, 500, 600000);
        longest = until - now_ms > longest ? until - now_ms : longest;
        now_ms = until;
    }
    assert_true(longest > 20000);
    id = started(s, now_ms);
    end(s, id, SCHED_OK, now_ms);
    assert_true(started(s, now_ms) != 0);
    sched_free(s);
}

/* Five run and all five get "too many": a whole cohort, so the destination is left alone, once. With
 * several seeds, since the wait is drawn. */
static void failures_of_one_cohort_count_once(void **state)
{
    const struct sched_end e = {.outcome = SCHED_TROUBLE, .overload = true};

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sched *s = sched_new(seed, 0);
        struct sched_view v;

        sched_destination_set(s, "a", NULL, &easy, NULL, T0);
        finds_nothing(s, "a", T0);
        for (uint64_t id = 1; id <= 5; id++) {
            add(s, id, "a");
            assert_int_equal(started(s, T0), id);
        }
        for (uint64_t id = 1; id <= 5; id++) {
            sched_end(s, (struct delivery_id){id}, &e, T0);
        }
        sched_view(s, "a", T0, &v);
        assert_in_range(v.quiet_until_ms, T0 + 500, T0 + 1000); /* the first backoff */
        sched_free(s);
    }
}

static void too_many_halves_the_window_at_once(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);
    struct sched_end e = {.outcome = SCHED_TROUBLE, .overload = true};

    (void)state;
    add(s, 1, "a");
    assert_int_equal(started(s, T0), 1);
    sched_end(s, (struct delivery_id){1}, &e, T0);
    assert_true(window_of(s, "a") < 2.51 && window_of(s, "a") > 2.49);
    sched_free(s);
}

static void a_no_to_one_article_is_no_trouble_of_the_destination(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);

    (void)state;
    add(s, 1, "a");
    assert_int_equal(started(s, T0), 1);
    end(s, 1, SCHED_NEUTRAL, T0);
    assert_true(window_of(s, "a") > 4.99 && window_of(s, "a") < 5.01);
    sched_free(s);
}

/* ---- Retry-After ---- */

static void retry_after_is_obeyed_in_full_and_as_far_as_it_reaches(void **state)
{
    static const struct {
        bool channel, host;
        bool a_waits, b_waits, c_waits; /* b shares the host of a, c does not */
    } rows[] = {
        {false, false, false, false, false},
        {true, false, true, false, false},
        {false, true, true, true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sched *s = with(0, "ab", &easy, "api.example");
        struct sched_end e = {.outcome = SCHED_TROUBLE,
                              .whole_channel = rows[i].channel,
                              .whole_host = rows[i].host,
                              .retry_after_ms = 90000};
        const bool waits[] = {rows[i].a_waits, rows[i].b_waits, rows[i].c_waits};
        bool runs[3] = {false, false, false};
        uint64_t id;

        sched_destination_set(s, "c", "other.example", &easy, NULL, T0);
        finds_nothing(s, "c", T0);
        add(s, 1, "a");
        assert_int_equal(started(s, T0), 1);
        sched_end(s, (struct delivery_id){1}, &e, T0);
        add(s, 10, "a");
        add(s, 11, "b");
        add(s, 12, "c");
        while ((id = started(s, T0 + 89999)) != 0) {
            runs[id - 10] = true;
        }
        for (size_t n = 0; n < 3; n++) {
            assert_int_equal(runs[n], !waits[n]);
        }
        while ((id = started(s, T0 + 90000)) != 0) {
            runs[id - 10] = true;
        }
        assert_true(runs[0] && runs[1] && runs[2]);
        sched_free(s);
    }
}

static void a_retry_is_due_after_backoff_or_what_the_platform_asked_if_longer(void **state)
{
    static const struct {
        const char *channel;
        int64_t failures, retry_after_ms, least_ms, most_ms;
    } rows[] = {
        {"a", 1, 0, 500, 1000},
        {"a", 5, 0, 500, 16000},
        {"a", 1, 3600000, 3600000, 3600000},
        {"a", 30, 0, 500, 600000},
        {"nobody", 1, 0, 2500, 5000},
        {"a", 20, 700000, 700000, 700000},
    };
    struct sched *s = with(0, "a", &easy, NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int n = 0; n < 200; n++) {
            assert_in_range(
                sched_retry_at(
                    s, rows[i].channel, rows[i].failures, rows[i].retry_after_ms, T0),
                T0 + rows[i].least_ms,
                T0 + rows[i].most_ms);
        }
    }
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_window_opens_quickly_until_the_first_trouble_then_by_one_a_cohort),
        CASE(a_limit_that_is_met_is_learned_and_kept_to),
        CASE(a_window_that_is_not_used_does_not_grow),
        CASE(too_many_is_heeded_once_for_all_that_were_running),
        CASE(failures_shrink_the_window_and_a_whole_cohort_makes_it_back_off),
        CASE(a_probe_that_succeeds_opens_again_one_that_fails_waits_longer),
        CASE(failures_of_one_cohort_count_once),
        CASE(too_many_halves_the_window_at_once),
        CASE(a_no_to_one_article_is_no_trouble_of_the_destination),
        CASE(retry_after_is_obeyed_in_full_and_as_far_as_it_reaches),
        CASE(a_retry_is_due_after_backoff_or_what_the_platform_asked_if_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
