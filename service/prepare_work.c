/* The thread that prepares. Called by prepare.c; owns the thread, and while a job is on its way what the job makes.
 *
 * It has the lowest priority there is (SCHED_IDLE): it runs when nobody else on the machine wants the processor.
 * Where the system does not permit that it runs as any thread; prepare.c gives it work only when we have none. */

#include "service/prepare_work.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

struct prepare_work {
    uv_thread_t thread;
    uv_mutex_t lock; /* over job, ending */
    uv_cond_t wake;
    uv_async_t done;
    struct prepare_job *job; /* NULL: none */
    bool ending;
    atomic_bool hurry;
    void (*fn)(void *context);
    void *context;
};

void prepare_job_done(struct prepare_job *job)
{
    if (job->bytes) {
        mem_free_secret(job->bytes, job->count * job->push->prepared_bytes);
    }
    mem_free(job->made);
    memset(job, 0, sizeof *job);
}

/* ---- the thread ---- */

static void lowest_priority(void)
{
    const struct sched_param none = {0};
    sigset_t all;

    (void)sigfillset(&all); /* they are the loop's */
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

static int64_t cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void prepare_one(struct prepare_job *job, const struct ledger_unprepared_member *of)
{
    struct member m = {.id = of->id, .keys = of->keys, .keys_len = of->keys_len};
    uint8_t *out = job->bytes + job->made_count * job->push->prepared_bytes;

    if (job->push->prepare(&m, out)) {
        job->made[job->made_count++] = *of;
    }
}

static void run_job(struct prepare_work *w, struct prepare_job *job)
{
    int64_t began_us = cpu_us();

    while (job->looked < job->count && !atomic_load(&w->hurry)) {
        prepare_one(job, &job->members[job->looked++]);
    }
    job->cpu_us = cpu_us() - began_us;
    job->ended_us = (int64_t)(uv_hrtime() / 1000);
}

static void work(void *context)
{
    struct prepare_work *w = context;

    lowest_priority();
    uv_mutex_lock(&w->lock);
    while (!w->ending) {
        struct prepare_job *job = w->job;

        if (!job) {
            uv_cond_wait(&w->wake, &w->lock);
            continue;
        }
        uv_mutex_unlock(&w->lock);
        run_job(w, job);
        uv_mutex_lock(&w->lock);
        w->job = NULL;
        (void)uv_async_send(&w->done);
    }
    uv_mutex_unlock(&w->lock);
}

/* ---- the loop ---- */

static void on_done(uv_async_t *handle)
{
    struct prepare_work *w = container_of(handle, struct prepare_work, done);

    uv_mutex_lock(&w->lock); /* behind the thread's last word: what it has made is ours now */
    must(w->job == NULL);
    uv_mutex_unlock(&w->lock);
    w->fn(w->context);
}

struct prepare_work *
prepare_work_new(uv_loop_t *loop, void (*done)(void *context), void *context)
{
    struct prepare_work *w = mem_zalloc(sizeof *w);

    w->fn = done;
    w->context = context;
    must(uv_mutex_init(&w->lock) == 0 && uv_cond_init(&w->wake) == 0);
    must(uv_async_init(loop, &w->done, on_done) == 0);
    must(uv_thread_create(&w->thread, work, w) == 0);
    return w;
}

void prepare_work_begin(struct prepare_work *w, struct prepare_job *job)
{
    job->bytes = mem_calloc(job->count, job->push->prepared_bytes);
    job->made = mem_calloc(job->count, sizeof *job->made);
    atomic_store(&w->hurry, false);
    uv_mutex_lock(&w->lock);
    must(w->job == NULL);
    w->job = job;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
}

void prepare_work_hurry(struct prepare_work *w)
{
    atomic_store(&w->hurry, true);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of(handle, struct prepare_work, done));
}

void prepare_work_free(struct prepare_work *w)
{
    if (!w) {
        return;
    }
    atomic_store(&w->hurry, true);
    uv_mutex_lock(&w->lock);
    w->ending = true;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->lock);
    must(uv_thread_join(&w->thread) == 0);
    uv_cond_destroy(&w->wake);
    uv_mutex_destroy(&w->lock);
    uv_close((uv_handle_t *)&w->done, on_closed);
}
