/* The reading thread: in the order of arrival, done on the loop, nothing lost at the end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/mem.h"
#include "service/reader.h"

#define JOBS 500

struct one {
    struct reader_job job;
    pthread_t worked_on;
    int number, dones;
};

static struct {
    uv_loop_t loop;
    struct reader *reader;
    int worked[JOBS + 1], ended[JOBS + 1];
    int worked_count, ended_count;
} w;

static void work(struct reader_job *job)
{
    struct one *o = container_of(job, struct one, job);

    o->worked_on = pthread_self();
    w.worked[w.worked_count++] = o->number;
}

static void done(struct reader_job *job)
{
    struct one *o = container_of(job, struct one, job);

    o->dones++;
    w.ended[w.ended_count++] = o->number;
}

static void submit(struct one *o, int number)
{
    *o = (struct one){.job = {.work = work, .done = done}, .number = number};
    reader_submit(w.reader, &o->job);
}

static int setup(void **state)
{
    (void)state;
    w.worked_count = w.ended_count = 0;
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(reader_new(&w.reader, &w.loop, NULL), ERR_NONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    reader_free(w.reader);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

static void what_comes_first_is_read_first_elsewhere_and_done_here(void **state)
{
    static struct one v[JOBS];

    (void)state;
    for (int i = 0; i < JOBS; i++) {
        submit(&v[i], i);
        assert_int_equal(v[i].dones, 0); /* never before it has returned */
    }
    while (w.ended_count < JOBS) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(w.worked[i], i);
        assert_int_equal(w.ended[i], i);
        assert_int_equal(v[i].dones, 1);
        assert_false(pthread_equal(v[i].worked_on, pthread_self()));
    }
}

static struct one late;

static void submit_one_more(struct reader_job *job)
{
    done(job);
    submit(&late, JOBS);
}

static void at_the_end_nothing_is_lost_not_even_what_a_done_submits(void **state)
{
    static struct one v[JOBS];

    (void)state;
    for (int i = 0; i < JOBS - 1; i++) {
        submit(&v[i], i);
    }
    v[JOBS - 1] =
        (struct one){.job = {.work = work, .done = submit_one_more}, .number = JOBS - 1};
    reader_submit(w.reader, &v[JOBS - 1].job);
    reader_stop(w.reader);
    assert_int_equal(w.worked_count, JOBS + 1);
    assert_int_equal(w.ended_count, JOBS + 1);
    assert_int_equal(late.dones, 1);
}

static void a_reader_of_none_is_nothing_to_free(void **state)
{
    (void)state;
    reader_free(NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_comes_first_is_read_first_elsewhere_and_done_here),
        CASE(at_the_end_nothing_is_lost_not_even_what_a_done_submits),
        CASE(a_reader_of_none_is_nothing_to_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
