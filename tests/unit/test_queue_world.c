/* Hours of a newsroom played through the scheduler in milliseconds, against a small world of
 * channels that work, fail and come back. */

#include "queue/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"

#define T0 INT64_C(1795000000000)

static const struct sched_limits easy = {
    .concurrency = 20, .backoff_min_ms = 1000, .backoff_max_ms = 600000};

static struct ledger_job job(uint64_t id, const char *channel)
{
    struct ledger_job j = {.id = {id}, .due_at_ms = T0, .created_at_ms = T0};

    (void)snprintf(j.channel, sizeof j.channel, "%s", channel);
    return j;
}

/* ---- the world ---- */

#define WORLD_JOBS 6000
#define WORLD_CHANNELS 4

struct wjob {
    struct ledger_job job;
    int64_t arrived_ms, done_ms, ends_ms; /* done 0: not yet; ends 0: not running */
    bool came;
    size_t tries;
};
struct world {
    struct sched *s;
    struct wjob jobs[WORLD_JOBS];
    size_t count;
    int64_t now_ms;
    int64_t down_from_ms, down_until_ms; /* of channel "b" */
    int64_t answer_ms, timeout_ms;
    size_t loads, decisions, most_held;
};

static bool is_down(const struct world *w, const struct wjob *j)
{
    return strcmp(j->job.channel, "b") == 0 && w->now_ms >= w->down_from_ms &&
           w->now_ms < w->down_until_ms;
}

static int urgency(const void *a, const void *b)
{
    const struct ledger_job *x = a, *y = b;

    if (x->breaking != y->breaking) {
        return x->breaking ? -1 : 1;
    }
    return x->due_at_ms < y->due_at_ms ? -1 : x->due_at_ms > y->due_at_ms;
}

/* As LEDGER_DUE answers: due before not due, half of what is due may be retries. */
static void world_load(struct world *w, const char *name)
{
    static struct ledger_job all[WORLD_JOBS], out[SCHED_WINDOW];
    size_t count = 0, given = 0, retries = 0;

    w->loads++;
    for (size_t i = 0; i < w->count; i++) {
        const struct wjob *j = &w->jobs[i];

        if (j->came && !j->done_ms && !j->ends_ms && strcmp(j->job.channel, name) == 0) {
            all[count++] = j->job;
        }
    }
    qsort(all, count, sizeof *all, urgency);
    for (int pass = 0; pass < 2; pass++) { /* due, then later */
        for (size_t i = 0; i < count && given < SCHED_WINDOW; i++) {
            bool due = all[i].due_at_ms <= w->now_ms;

            if (due != (pass == 0) ||
                (due && all[i].attempts > 0 && retries >= SCHED_WINDOW / 2)) {
                continue;
            }
            retries += due && all[i].attempts > 0;
            out[given++] = all[i];
        }
    }
    sched_loaded(w->s, name, out, given, given < count, w->now_ms);
}

static void world_start(struct world *w, const struct sched_next *n)
{
    struct wjob *j = &w->jobs[n->job.id.v - 1];

    assert_true(j->came && !j->done_ms && !j->ends_ms);
    j->tries++;
    j->ends_ms = w->now_ms + (is_down(w, j) ? w->timeout_ms : w->answer_ms);
}

/* All decisions of this moment; returns when to look again. */
static int64_t world_decide(struct world *w)
{
    struct sched_next n;

    for (;;) {
        struct sched_view v;

        w->decisions++;
        sched_next(w->s, w->now_ms, &n);
        if (n.what == SCHED_SLEEP) {
            return n.until_ms;
        }
        sched_view(w->s, n.destination, w->now_ms, &v);
        w->most_held = v.waiting > w->most_held ? v.waiting : w->most_held;
        if (n.what == SCHED_LOAD) {
            world_load(w, n.destination);
        } else {
            assert_int_equal(n.what, SCHED_START);
            world_start(w, &n);
        }
    }
}

static void world_end(struct world *w, struct wjob *j)
{
    struct sched_end e = {.outcome = SCHED_OK};

    j->ends_ms = 0;
    if (is_down(w, j)) {
        e.outcome = SCHED_TROUBLE;
        j->job.attempts++;
        j->job.due_at_ms = sched_retry_at(w->s, j->job.channel, j->job.attempts, 0, w->now_ms);
    } else {
        j->done_ms = w->now_ms;
    }
    sched_end(w->s, j->job.id, &e, w->now_ms);
    if (!j->done_ms) {
        sched_add(w->s, &j->job, w->now_ms);
    }
}

static int64_t world_happen(struct world *w)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < w->count; i++) {
        struct wjob *j = &w->jobs[i];

        if (!j->came && j->arrived_ms <= w->now_ms) {
            j->came = true;
            sched_add(w->s, &j->job, w->now_ms);
        } else if (j->ends_ms && j->ends_ms <= w->now_ms) {
            world_end(w, j);
        }
        if (!j->came) {
            next_ms = j->arrived_ms < next_ms ? j->arrived_ms : next_ms;
        }
    }
    return next_ms;
}

static int64_t world_next_end(const struct world *w)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < w->count; i++) {
        if (w->jobs[i].ends_ms) {
            next_ms = w->jobs[i].ends_ms < next_ms ? w->jobs[i].ends_ms : next_ms;
        }
    }
    return next_ms;
}

static void world_run(struct world *w, int64_t until_ms)
{
    while (w->now_ms < until_ms) {
        int64_t arrival_ms = world_happen(w);
        int64_t look_ms = world_decide(w);
        int64_t end_ms = world_next_end(w);
        int64_t next_ms = arrival_ms < end_ms ? arrival_ms : end_ms;

        next_ms = look_ms < next_ms ? look_ms : next_ms;
        if (next_ms == INT64_MAX) {
            return;
        }
        assert_true(next_ms > w->now_ms); /* it never spins */
        w->now_ms = next_ms;
    }
}

static struct world *world_new(int64_t total, const struct sched_limits *limits)
{
    struct world *w = mem_zalloc(sizeof *w);

    w->s = sched_new(3, total);
    w->now_ms = T0;
    w->answer_ms = 200;
    w->timeout_ms = 30000;
    for (int c = 0; c < WORLD_CHANNELS; c++) {
        char name[2] = {(char)('a' + c), '\0'};

        sched_destination_set(w->s, name, NULL, limits, NULL, T0);
    }
    return w;
}

static struct wjob *world_add(struct world *w, const char *channel, int64_t at_ms)
{
    struct wjob *j = &w->jobs[w->count++];

    assert_true(w->count <= WORLD_JOBS);
    j->job = job(w->count, channel);
    j->job.due_at_ms = j->job.created_at_ms = j->arrived_ms = at_ms;
    return j;
}

static void world_free(struct world *w)
{
    sched_free(w->s);
    mem_free(w);
}

static void a_channel_down_for_an_hour_delays_nothing_else_and_catches_up(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct world *w = world_new(6, &easy);
    int64_t worst[3] = {0};

    (void)state;
    w->down_from_ms = T0 + 600000;
    w->down_until_ms = w->down_from_ms + 3600000;
    for (int n = 0; n < 540; n++) { /* an article every ten seconds for ninety minutes */
        for (size_t c = 0; c < ARRAY_LEN(names); c++) {
            world_add(w, names[c], T0 + INT64_C(10000) * n);
        }
    }
    world_run(w, T0 + 3 * MS_HOUR);
    for (size_t i = 0; i < w->count; i++) {
        const struct wjob *j = &w->jobs[i];
        size_t c = (size_t)(j->job.channel[0] - 'a');
        int64_t late = j->done_ms - j->arrived_ms;

        assert_true(j->done_ms != 0);
        worst[c] = late > worst[c] ? late : worst[c];
    }
    assert_true(worst[0] <= 1000 && worst[2] <= 1000);
    assert_true(worst[1] >= 3000000); /* it was down indeed */
    assert_true(worst[1] <= MS_HOUR + 20 * MS_MINUTE + MS_MINUTE);
    assert_true(w->decisions < 20000);
    world_free(w);
}

static void a_mountain_of_retries_does_not_starve_a_new_article(void **state)
{
    struct sched_limits limits = easy;
    struct world *w;
    struct wjob *fresh, *breaking;

    (void)state;
    limits.concurrency = 1;
    limits.rate = (struct rate){.count = 1, .per_ms = 1000};
    w = world_new(10, &limits);
    for (int n = 0; n < 3000; n++) {
        struct wjob *j = world_add(w, "a", T0);

        j->job.attempts = 3;
    }
    fresh = world_add(w, "a", T0 + 60000);
    breaking = world_add(w, "a", T0 + 90000);
    breaking->job.breaking = true;
    world_run(w, T0 + 600000);
    assert_in_range(fresh->done_ms, T0 + 60000, T0 + 66000);
    assert_in_range(breaking->done_ms, T0 + 90000, T0 + 92000);
    world_free(w);
}

static void a_mountain_of_later_retries_does_not_hide_what_is_new(void **state)
{
    struct world *w = world_new(10, &easy);
    int64_t worst = 0;

    (void)state;
    for (int n = 0; n < 2000; n++) {
        struct wjob *j = world_add(w, "a", T0);

        j->job.attempts = 3;
        j->job.due_at_ms = T0 + 3600000 + n;
    }
    for (int n = 0; n < 1000; n++) { /* a burst that is larger than the window */
        world_add(w, "a", T0 + 60000);
    }
    world_run(w, T0 + 1800000);
    for (size_t i = 2000; i < 3000; i++) {
        int64_t late = w->jobs[i].done_ms - w->jobs[i].arrived_ms;

        assert_true(w->jobs[i].done_ms != 0);
        worst = late > worst ? late : worst;
    }
    assert_true(worst < 60000);
    assert_true(w->loads < 100);
    world_run(w, T0 + 2 * MS_HOUR);
    for (size_t i = 0; i < w->count; i++) {
        assert_true(w->jobs[i].done_ms != 0);
    }
    world_free(w);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void a_burst_beside_a_mountain_of_retries_gets_its_share(void **state)
{
    struct sched_limits limits = easy;
    int64_t done_ms[600];
    struct world *w;

    (void)state;
    limits.concurrency = 1;
    limits.rate = (struct rate){.count = 2, .per_ms = 1000};
    w = world_new(10, &limits);
    for (int n = 0; n < 3000; n++) {
        world_add(w, "a", T0)->job.attempts = 1;
    }
    for (int n = 0; n < 600; n++) { /* more than the window holds */
        world_add(w, "a", T0 + 10000);
    }
    world_run(w, T0 + MS_HOUR);
    for (size_t i = 0; i < ARRAY_LEN(done_ms); i++) {
        done_ms[i] = w->jobs[3000 + i].done_ms;
    }
    qsort(done_ms, ARRAY_LEN(done_ms), sizeof *done_ms, by_number);
    assert_in_range(done_ms[0], T0 + 10000, T0 + 12000);
    for (size_t i = 1; i < ARRAY_LEN(done_ms);
         i++) { /* three of four turns, two turns a second */
        assert_in_range(done_ms[i] - done_ms[i - 1], 0, 2500);
    }
    world_free(w);
}

static void a_long_queue_is_held_in_part_and_done_whole(void **state)
{
    struct world *w = world_new(50, &easy);

    (void)state;
    for (int n = 0; n < WORLD_JOBS; n++) {
        world_add(w, "a", T0);
    }
    world_run(w, T0 + MS_HOUR);
    for (size_t i = 0; i < w->count; i++) {
        assert_int_equal(w->jobs[i].tries, 1);
        assert_true(w->jobs[i].done_ms != 0);
    }
    assert_true(w->most_held <= (size_t)3 * SCHED_WINDOW);
    assert_in_range(w->loads, WORLD_JOBS / SCHED_WINDOW - 2, 200);
    world_free(w);
}

static int no_memory_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, no_memory_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_channel_down_for_an_hour_delays_nothing_else_and_catches_up),
        CASE(a_mountain_of_retries_does_not_starve_a_new_article),
        CASE(a_mountain_of_later_retries_does_not_hide_what_is_new),
        CASE(a_burst_beside_a_mountain_of_retries_gets_its_share),
        CASE(a_long_queue_is_held_in_part_and_done_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
