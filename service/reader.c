/* The reading thread: two lists and a lock. Called by the doors' handlers on the loop; owns its thread
 * and the handle that wakes the loop, never a job. The lock covers the lists only. */

#include "service/reader.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

struct reader {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list waiting, finished;
    bool stopping;
    bool has_thread;
    uv_async_t wake;
};

static struct reader_job *job_of(struct list_node *n)
{
    return container_of(n, struct reader_job, node);
}

/* NULL: stopping, and nothing is left. */
static struct reader_job *take(struct reader *r)
{
    struct list_node *n;

    pthread_mutex_lock(&r->lock);
    while (list_empty(&r->waiting) && !r->stopping) {
        pthread_cond_wait(&r->more, &r->lock);
    }
    n = list_pop(&r->waiting);
    pthread_mutex_unlock(&r->lock);
    return n ? job_of(n) : NULL;
}

/* The loop is woken for the first of several. */
static void give(struct reader *r, struct reader_job *job)
{
    bool first;

    pthread_mutex_lock(&r->lock);
    first = list_empty(&r->finished);
    list_push(&r->finished, &job->node);
    pthread_mutex_unlock(&r->lock);
    if (first) {
        (void)uv_async_send(&r->wake);
    }
}

static void *read_all(void *arg)
{
    struct reader *r = arg;
    struct reader_job *job;

    while ((job = take(r)) != NULL) {
        job->work(job);
        give(r, job);
    }
    return NULL;
}

static void run_dones(struct reader *r)
{
    struct list now;
    struct list_node *n;

    list_init(&now);
    pthread_mutex_lock(&r->lock);
    list_move_all(&now, &r->finished);
    pthread_mutex_unlock(&r->lock);
    while ((n = list_pop(&now)) != NULL) {
        job_of(n)->done(job_of(n));
    }
}

static void on_wake(uv_async_t *handle)
{
    run_dones(container_of(handle, struct reader, wake));
}

void reader_submit(struct reader *r, struct reader_job *job)
{
    if (!r->has_thread) {
        job->work(job);
        list_push(&r->finished, &job->node); /* reader_stop() runs its done */
        return;
    }
    pthread_mutex_lock(&r->lock);
    list_push(&r->waiting, &job->node);
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

enum err_code reader_new(struct reader **out, uv_loop_t *loop, struct err *why)
{
    struct reader *r = mem_zalloc(sizeof *r);
    int error;

    list_init(&r->waiting);
    list_init(&r->finished);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);
    must(uv_async_init(loop, &r->wake, on_wake) == 0);
    error = pthread_create(&r->thread, NULL, read_all, r);
    if (error) {
        reader_free(r);
        return err_set(why, ERR_BUSY, "no thread for reading: %s", strerror(error));
    }
    r->has_thread = true;
    *out = r;
    return ERR_NONE;
}

void reader_stop(struct reader *r)
{
    if (r->has_thread) {
        pthread_mutex_lock(&r->lock);
        r->stopping = true;
        pthread_cond_signal(&r->more);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
        r->has_thread = false;
    }
    while (!list_empty(&r->finished)) {
        run_dones(r);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct reader *r = container_of((uv_async_t *)(void *)handle, struct reader, wake);

    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void reader_free(struct reader *r)
{
    if (!r) {
        return;
    }
    reader_stop(r);
    uv_close((uv_handle_t *)&r->wake, on_closed);
}
