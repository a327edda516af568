/* The scheduler, decision by decision. Hours of it are played in test_queue_world.c, what it makes of
 * the answers it hears stands in test_queue_sched_feedback.c. */

#include "tests/support/sched_kit.h"

/* ---- order ---- */

static void breaking_goes_first_then_by_due_time(void **state)
{
    static const uint64_t order[] = {4, 2, 3, 1};
    struct sched *s = with(0, "a", &easy, NULL);

    (void)state;
    for (uint64_t id = 1; id <= 4; id++) {
        struct ledger_job j = job(id, "a");

        j.breaking = id == 4;
        j.due_at_ms = id == 1 ? T0 : T0 - 100 + (int64_t)id;
        sched_add(s, &j, T0);
    }
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_int_equal(started(s, T0), order[i]);
    }
    assert_int_equal(sleeps_until(s, T0), INT64_MAX);
    sched_free(s);
}

static void one_in_four_is_a_retry_and_neither_waits_when_the_other_is_empty(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;
    int retries = 0;

    (void)state;
    limits.concurrency = 1;
    s = with(0, "a", &limits, NULL);
    for (uint64_t id = 1; id <= 80; id++) {
        struct ledger_job j = job(id, "a");

        j.attempts = id <= 40; /* 1-40 retried, and due longer */
        j.due_at_ms = T0 - 1000 + (int64_t)id;
        sched_add(s, &j, T0);
    }
    for (int n = 0; n < 80; n++) {
        uint64_t id = started(s, T0);

        retries += id <= 40;
        if (n < 40) {
            assert_in_range(retries, (n + 1) / 4, n / 4 + 1);
        }
        end(s, id, SCHED_OK, T0);
    }
    assert_int_equal(retries, 40);
    sched_free(s);
}

static void destinations_take_turns_however_long_their_queues(void **state)
{
    struct sched *s = with(1, "ab", &easy, NULL);
    uint64_t last = 0;

    (void)state;
    for (uint64_t id = 1; id <= 100; id++) {
        add(s, id, "a");
    }
    add(s, 1001, "b");
    add(s, 1002, "b");
    for (int n = 0; n < 4; n++) { /* a and b alternate while b has any */
        uint64_t id = started(s, T0);

        assert_true(n == 0 || (id > 1000) != (last > 1000));
        last = id;
        end(s, id, SCHED_OK, T0);
    }
    sched_free(s);
}

static void a_destination_with_nothing_running_starts_in_spite_of_the_total(void **state)
{
    struct sched *s = with(2, "ab", &easy, NULL);

    (void)state;
    add(s, 1, "a");
    add(s, 2, "a");
    add(s, 3, "a");
    assert_int_equal(started(s, T0), 1);
    assert_int_equal(started(s, T0), 2);
    assert_int_equal(started(s, T0), 0); /* a hangs with the whole total */
    add(s, 11, "b");
    add(s, 12, "b");
    assert_int_equal(started(s, T0), 11);
    assert_int_equal(started(s, T0), 0);
    end(s, 1, SCHED_OK, T0);
    assert_int_equal(started(s, T0), 0); /* two run */
    end(s, 11, SCHED_OK, T0);
    assert_true(started(s, T0) != 0);
    sched_free(s);
}

/* ---- jobs ---- */

static void the_same_id_twice_is_one_job_and_the_later_due_time_wins(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);
    struct ledger_job j = job(1, "a");

    (void)state;
    sched_add(s, &j, T0);
    j.due_at_ms = T0 + 5000;
    sched_add(s, &j, T0);
    j.due_at_ms = T0 + 3000;
    sched_add(s, &j, T0);
    assert_int_equal(sleeps_until(s, T0), T0 + 5000);
    assert_int_equal(started(s, T0 + 5000), 1);
    assert_int_equal(started(s, T0 + 5000), 0);
    sched_free(s);
}

static void a_job_that_comes_in_again_while_it_runs_waits_for_its_end(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);
    struct ledger_job j = job(1, "a");

    (void)state;
    sched_add(s, &j, T0);
    assert_int_equal(started(s, T0), 1);
    j.due_at_ms = T0 + 2000;
    j.attempts = 1;
    sched_add(s, &j, T0);
    sched_loaded(s, "a", &j, 1, false, T0);
    assert_int_equal(started(s, T0 + 2000), 0);
    end(s, 1, SCHED_OK, T0 + 2000);
    assert_int_equal(started(s, T0 + 2000), 1);
    sched_free(s);
}

static void what_is_worthless_expires_instead_of_starting(void **state)
{
    static const struct {
        int64_t due_ms, not_after_ms, at_ms;
        bool verify;
        enum sched_what what;
    } rows[] = {
        {0, 0, 1000, false, SCHED_START},
        {0, 1001, 1000, false, SCHED_START},
        {0, 1000, 1000, false, SCHED_EXPIRE},
        {9000, 1000, 1000, false, SCHED_EXPIRE},
        {9000, 1000, 999, false, SCHED_SLEEP},
        {0, 1000, 2000, true, SCHED_START},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sched *s = with(0, "a", &easy, NULL);
        struct ledger_job j = job(1, "a");
        struct sched_next n;

        j.due_at_ms = T0 + rows[i].due_ms;
        j.not_after_ms = rows[i].not_after_ms ? T0 + rows[i].not_after_ms : 0;
        j.verify = rows[i].verify;
        sched_add(s, &j, T0);
        sched_next(s, T0 + rows[i].at_ms, &n);
        assert_int_equal(n.what, rows[i].what);
        if (n.what == SCHED_EXPIRE) {
            assert_int_equal(n.job.id.v, 1);
            assert_int_equal(sleeps_until(s, T0 + rows[i].at_ms), INT64_MAX);
        }
        sched_free(s);
    }
}

static void a_cancelled_job_is_not_started_and_unknown_ids_are_fine(void **state)
{
    struct sched *s = with(0, "a", &easy, NULL);
    struct ledger_job stranger = job(9, "nobody");

    (void)state;
    add(s, 1, "a");
    sched_cancel(s, (struct delivery_id){1});
    sched_cancel(s, (struct delivery_id){77});
    end(s, 77, SCHED_OK, T0);
    sched_add(s, &stranger, T0);
    assert_int_equal(started(s, T0), 0);
    sched_free(s);
}

static void a_removed_destination_starts_nothing_and_what_runs_may_end(void **state)
{
    struct sched *s = with(0, "a", &easy, "h");

    (void)state;
    add(s, 1, "a");
    add(s, 2, "a");
    assert_int_equal(started(s, T0), 1);
    sched_destination_remove(s, "a");
    assert_int_equal(started(s, T0), 0);
    assert_int_equal(sched_running(s), 1);
    sched_destination_set(s, "a", NULL, &easy, NULL, T0);
    finds_nothing(s, "a", T0);
    end(s, 1, SCHED_TROUBLE, T0);
    assert_int_equal(sched_running(s), 0);
    add(s, 3, "a");
    assert_int_equal(started(s, T0), 3); /* the old one's trouble is not its */
    sched_destination_remove(s, "a");
    sched_free(s); /* with one running, of a removed destination */
}

static void a_stopped_destination_starts_and_asks_nothing_until_it_goes_on(void **state)
{
    struct sched *s = sched_new(1, 0);
    struct sched_next n;

    (void)state;
    sched_destination_set(s, "a", NULL, &easy, NULL, T0);
    sched_stop(s, "a", true);
    add(s, 1, "a");
    assert_int_equal(sleeps_until(s, T0), INT64_MAX);
    sched_stop(s, "a", false);
    sched_next(s, T0, &n);
    assert_int_equal(n.what, SCHED_LOAD);
    assert_string_equal(n.destination, "a");
    assert_int_equal(started(s, T0), 1);
    add(s, 2, "a");
    end(s, 1, SCHED_STOPPED, T0);
    assert_true(sched_is_stopped(s, "a"));
    assert_int_equal(started(s, T0), 0);
    sched_free(s);
}

/* ---- rates ---- */

static void a_rate_is_kept_across_a_restart(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;
    struct sched_next n;
    struct ledger_bucket kept = {.tokens = 0};

    (void)state;
    limits.rate = (struct rate){.count = 3, .per_ms = 60000};
    s = with(0, "a", &limits, NULL);
    for (uint64_t id = 1; id <= 5; id++) {
        add(s, id, "a");
    }
    for (int i = 0; i < 3; i++) {
        sched_next(s, T0, &n);
        assert_int_equal(n.what, SCHED_START);
        kept = n.bucket;
    }
    assert_in_range(sleeps_until(s, T0), T0 + 19990, T0 + 20001);
    sched_free(s);

    s = sched_new(2, 0);
    sched_destination_set(s, "a", NULL, &limits, &kept, T0 + 5000);
    finds_nothing(s, "a", T0 + 5000);
    add(s, 9, "a");
    assert_in_range(sleeps_until(s, T0 + 5000), T0 + 19990, T0 + 20001);
    assert_int_equal(started(s, T0 + 20001), 9);
    sched_free(s);
}

/* How many start at once. */
static int burst(struct sched *s, int64_t now_ms)
{
    int count = 0;

    while (started(s, now_ms)) {
        count++;
    }
    return count;
}

static void another_rate_gives_nothing_back_of_what_was_used(void **state)
{
    static const struct {
        struct rate first, then;
        int used, left;
    } rows[] = {
        {{10, 60000}, {20, 60000}, 9, 1}, /* more allowed from now on */
        {{10, 60000}, {5, 60000}, 2, 5},  /* at most what is allowed now */
        {{10, 60000}, {5, 60000}, 8, 2},
        {{10, 60000}, {10, 3600000}, 10, 0},
        {{0, 0}, {5, 60000}, 9, 5}, /* nothing was counted */
        {{10, 60000}, {0, 0}, 10, 20},
    };
    /* As it was in the ledger at the start: what a start with another rate would begin with. */
    const struct ledger_bucket kept = {.tokens = 1000, .at_ms = T0 - 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sched_limits limits = easy;
        struct sched *s;

        limits.concurrency = 1000;
        limits.rate = rows[i].first;
        s = with(0, "a", &limits, NULL);
        for (int id = 1; id <= rows[i].used; id++) {
            add(s, (uint64_t)id, "a");
            assert_int_equal(started(s, T0), id);
            end(s, (uint64_t)id, SCHED_OK, T0);
        }
        limits.rate = rows[i].then;
        sched_destination_set(s, "a", NULL, &limits, &kept, T0);
        sched_destination_set(s, "a", NULL, &limits, &kept, T0);
        for (uint64_t id = 100; id < 120; id++) {
            add(s, id, "a");
        }
        for (int left = rows[i].left; left > 0; left--) {
            uint64_t id = started(s, T0);

            assert_int_not_equal(id, 0);
            end(s, id, SCHED_OK, T0);
        }
        assert_int_equal(burst(s, T0), 0);
        sched_free(s);
    }
}

static void a_job_given_back_gives_its_token_back(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;

    (void)state;
    limits.rate = (struct rate){.count = 1, .per_ms = 60000};
    s = with(0, "a", &limits, NULL);
    add(s, 1, "a");
    add(s, 2, "a");
    assert_int_equal(started(s, T0), 1);
    assert_int_equal(started(s, T0), 0);
    sched_give_back(s, (struct delivery_id){1}, T0);
    assert_int_equal(started(s, T0), 2);
    sched_free(s);
}

static void a_clock_that_goes_back_an_hour_stalls_nothing(void **state)
{
    struct sched_limits limits = easy;
    int64_t now_ms = T0 - 3600000;
    struct sched *s;
    struct sched_view v;
    int64_t until;

    (void)state;
    limits.concurrency = 1;
    limits.rate = (struct rate){.count = 1, .per_ms = 10000};
    s = with(0, "a", &limits, NULL);
    add(s, 1, "a");
    add(s, 2, "a");
    add(s, 3, "a");
    assert_int_equal(started(s, T0), 1);
    end(s, 1, SCHED_TROUBLE, T0); /* backs off */
    assert_true(sleeps_until(s, T0) > T0);
    for (int i = 0; i < 10 && (until = sleeps_until(s, now_ms)) != 0; i++) {
        assert_true(until - now_ms <= 10001);
        now_ms = until;
        if (started(s, now_ms) == 2) {
            break;
        }
    }
    sched_view(s, "a", now_ms, &v);
    assert_int_equal(v.running, 1);
    assert_true(v.bucket.tokens >= 0);
    sched_free(s);
}

/* All that starts and succeeds at that moment; what is asked for is left without an answer. */
static size_t starts_at(struct sched *s, int64_t now_ms, size_t *loads)
{
    struct sched_next n;
    size_t starts = 0;

    for (sched_next(s, now_ms, &n); n.what != SCHED_SLEEP; sched_next(s, now_ms, &n)) {
        if (n.what == SCHED_LOAD) {
            (*loads)++;
            continue;
        }
        starts++;
        end(s, n.job.id.v, SCHED_OK, now_ms);
    }
    return starts;
}

/* The ledger was read before they were written, so its answer says "no more". */
static void an_older_answer_does_not_wipe_out_what_was_dropped_since(void **state)
{
    struct sched *s = sched_new(1, 0);
    size_t loads = 0;

    (void)state;
    sched_destination_set(s, "a", NULL, &easy, NULL, T0);
    asks(s, "a", T0);
    for (uint64_t id = 1; id <= SCHED_WINDOW + 50; id++) {
        add(s, id, "a");
    }
    sched_loaded(s, "a", NULL, 0, false, T0);
    assert_int_equal(starts_at(s, T0, &loads), SCHED_WINDOW);
    assert_int_equal(starts_at(s, T0 + 2000, &loads), 0);
    assert_int_equal(loads, 1); /* for the other 50 */
    sched_free(s);
}

static void more_told_while_an_answer_is_awaited_is_asked_for_after_it(void **state)
{
    struct sched *s = sched_new(1, 0);
    size_t loads = 0;

    (void)state;
    sched_destination_set(s, "a", NULL, &easy, NULL, T0);
    asks(s, "a", T0);
    sched_more(s, "a", T0);
    assert_int_equal(sleeps_until(s, T0), INT64_MAX); /* one question at a time */
    sched_loaded(s, "a", NULL, 0, false, T0);
    assert_int_equal(starts_at(s, T0 + 2000, &loads), 0);
    assert_int_equal(loads, 1);
    sched_loaded(s, "a", NULL, 0, false, T0 + 2000);
    assert_int_equal(sleeps_until(s, T0 + 2000), INT64_MAX); /* and only once */
    sched_more(s, "a", T0 + 2000);
    asks(s, "a", T0 + 2000);
    sched_more(s, "nobody", T0); /* fine */
    sched_free(s);
}

/* What runs here may be ready still in the ledger, and comes first in its answer. */
static void it_asks_for_as_many_more_as_it_knows_already(void **state)
{
    struct sched_limits limits = easy;
    struct sched *s;
    struct sched_next n;

    (void)state;
    limits.concurrency = 300;
    s = with(0, "a", &limits, NULL);
    for (uint64_t id = 1; id <= 200; id++) {
        add(s, id, "a");
    }
    while (window_of(s, "a") < 100.0) {
        end(s, started(s, T0), SCHED_OK, T0);
        add(s, 1000 + (uint64_t)window_of(s, "a"), "a");
        (void)started(s, T0);
    }
    sched_more(s, "a", T0);
    do {
        sched_next(s, T0, &n);
    } while (n.what == SCHED_START);
    assert_int_equal(n.what, SCHED_LOAD);
    assert_true(sched_running(s) > 50);
    assert_true(n.limit >= SCHED_WINDOW + sched_running(s));
    sched_free(s);
}

/* ---- a turn for what is not written yet ---- */

static bool claim(struct sched *s, uint64_t id, const char *channel, int64_t now_ms)
{
    struct ledger_job j = job(id, channel);
    struct ledger_bucket bucket;

    return sched_claim(s, &j, now_ms, &bucket);
}

static void a_turn_is_claimed_only_where_nothing_waits_and_one_more_may_run(void **state)
{
    static const struct sched_limits two = {
        .concurrency = 2, .backoff_min_ms = 1000, .backoff_max_ms = 1000};
    struct sched *s = sched_new(1, 0);

    (void)state;
    assert_false(claim(s, 1, "a", T0)); /* not known */
    sched_destination_set(s, "a", NULL, &two, NULL, T0);
    assert_false(claim(s, 1, "a", T0)); /* the ledger was not asked yet */
    asks(s, "a", T0);
    assert_false(claim(s, 1, "a", T0)); /* it has not answered */
    sched_loaded(s, "a", NULL, 0, false, T0);
    assert_true(claim(s, 1, "a", T0));
    assert_false(claim(s, 1, "a", T0)); /* twice */
    assert_true(claim(s, 2, "a", T0));
    assert_false(claim(s, 3, "a", T0)); /* the window is full */
    assert_int_equal(sched_running(s), 2);
    end(s, 1, SCHED_OK, T0);
    add(s, 4, "a");
    assert_false(claim(s, 3, "a", T0)); /* one waits that came before */
    assert_int_equal(started(s, T0), 4);
    end(s, 2, SCHED_OK, T0);
    assert_true(claim(s, 3, "a", T0));
    end(s, 3, SCHED_OK, T0);
    sched_stop(s, "a", true);
    assert_false(claim(s, 5, "a", T0)); /* paused */
    sched_stop(s, "a", false);
    end(s, 4, SCHED_TROUBLE, T0);
    assert_true(claim(s, 5, "a", T0)); /* one failure is not a whole cohort */
    end(s, 5, SCHED_TROUBLE, T0);
    assert_false(claim(s, 6, "a", T0)); /* left alone now */
    assert_true(claim(s, 6, "a", T0 + 2000));
    sched_give_back(s, (struct delivery_id){6}, T0 + 2000);
    sched_more(s, "a", T0 + 2000);
    assert_false(claim(s, 7, "a", T0 + 2000)); /* the ledger has more that is due */
    sched_free(s);
}

static void a_claim_takes_a_token_and_keeps_to_the_total(void **state)
{
    static const struct sched_limits paced = {.concurrency = 9,
                                              .rate = {.count = 2, .per_ms = 60000},
                                              .backoff_min_ms = 1000,
                                              .backoff_max_ms = 1000};
    struct sched *s = with(2, "ab", &paced, NULL);

    (void)state;
    assert_true(claim(s, 1, "a", T0));
    assert_true(claim(s, 2, "b", T0)); /* nothing runs there, so in spite of the total */
    assert_false(claim(s, 3, "a", T0));
    end(s, 2, SCHED_OK, T0);
    assert_true(claim(s, 3, "a", T0));
    end(s, 1, SCHED_OK, T0);
    assert_false(claim(s, 4, "a", T0)); /* the rate is used up */
    sched_give_back(s, (struct delivery_id){3}, T0);
    assert_true(claim(s, 4, "a", T0));
    sched_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(breaking_goes_first_then_by_due_time),
        CASE(one_in_four_is_a_retry_and_neither_waits_when_the_other_is_empty),
        CASE(destinations_take_turns_however_long_their_queues),
        CASE(a_destination_with_nothing_running_starts_in_spite_of_the_total),
        CASE(the_same_id_twice_is_one_job_and_the_later_due_time_wins),
        CASE(a_job_that_comes_in_again_while_it_runs_waits_for_its_end),
        CASE(what_is_worthless_expires_instead_of_starting),
        CASE(a_cancelled_job_is_not_started_and_unknown_ids_are_fine),
        CASE(a_removed_destination_starts_nothing_and_what_runs_may_end),
        CASE(a_stopped_destination_starts_and_asks_nothing_until_it_goes_on),
        CASE(a_rate_is_kept_across_a_restart),
        CASE(another_rate_gives_nothing_back_of_what_was_used),
        CASE(a_job_given_back_gives_its_token_back),
        CASE(a_clock_that_goes_back_an_hour_stalls_nothing),
        CASE(an_older_answer_does_not_wipe_out_what_was_dropped_since),
        CASE(more_told_while_an_answer_is_awaited_is_asked_for_after_it),
        CASE(it_asks_for_as_many_more_as_it_knows_already),
        CASE(a_turn_is_claimed_only_where_nothing_waits_and_one_more_may_run),
        CASE(a_claim_takes_a_token_and_keeps_to_the_total),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
