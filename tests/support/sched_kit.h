#ifndef CRIER_TESTS_SUPPORT_SCHED_KIT_H
#define CRIER_TESTS_SUPPORT_SCHED_KIT_H

/* For the tests of the scheduler: jobs and destinations in one line. Header only, since each test is a
 * program of its own. */

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
#include "queue/sched.h"

#define T0 INT64_C(1795000000000)

static const struct sched_limits easy = {
    .concurrency = 20, .backoff_min_ms = 1000, .backoff_max_ms = 600000};

static inline struct ledger_job job(uint64_t id, const char *channel)
{
    struct ledger_job j = {.id = {id}, .due_at_ms = T0, .created_at_ms = T0};

    (void)snprintf(j.channel, sizeof j.channel, "%s", channel);
    return j;
}

/* It asks for the jobs of that destination; the others have nothing to do. */
static inline void asks(struct sched *s, const char *name, int64_t now_ms)
{
    struct sched_next n;

    sched_next(s, now_ms, &n);
    assert_int_equal(n.what, SCHED_LOAD);
    assert_string_equal(n.destination, name);
}

/* … and the ledger has none. */
static inline void finds_nothing(struct sched *s, const char *name, int64_t now_ms)
{
    asks(s, name, now_ms);
    sched_loaded(s, name, NULL, 0, false, now_ms);
}

/* A scheduler whose channels have nothing more in the ledger. */
static inline struct sched *
with(int64_t total, const char *names, const struct sched_limits *limits, const char *host)
{
    struct sched *s = sched_new(1, total);

    for (; *names; names++) {
        char name[2] = {*names, '\0'};

        sched_destination_set(s, name, host, limits, NULL, T0);
        finds_nothing(s, name, T0);
    }
    return s;
}

static inline void add(struct sched *s, uint64_t id, const char *channel)
{
    struct ledger_job j = job(id, channel);

    sched_add(s, &j, T0);
}

/* The id that is started now, 0: sleep. Anything else is a failure. */
static inline uint64_t started(struct sched *s, int64_t now_ms)
{
    struct sched_next n;

    sched_next(s, now_ms, &n);
    if (n.what == SCHED_SLEEP) {
        return 0;
    }
    assert_int_equal(n.what, SCHED_START);
    return n.job.id.v;
}

static inline int64_t sleeps_until(struct sched *s, int64_t now_ms)
{
    struct sched_next n;

    sched_next(s, now_ms, &n);
    assert_int_equal(n.what, SCHED_SLEEP);
    return n.until_ms;
}

static inline void end(struct sched *s, uint64_t id, enum sched_outcome outcome, int64_t now_ms)
{
    sched_end(s, (struct delivery_id){id}, &(struct sched_end){.outcome = outcome}, now_ms);
}

static inline double window_of(const struct sched *s, const char *name)
{
    struct sched_view v;

    sched_view(s, name, T0, &v);
    return v.window;
}

static inline int no_memory_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, no_memory_is_left)

#endif
