/* Work for libuv's pool that can be broken off. Called by the files of the media store. libuv cannot take
 * back what has begun, and what it works on must not go meanwhile: so who breaks off waits for the end of
 * it, a moment. The memory ends in libuv's own callback, later. */

#include "service/media_work.h"

#include <stdbool.h>

#include "base/mem.h"

struct media_work {
    uv_work_t work;
    media_work_fn *run, *done;
    void *context;
    uv_sem_t ended;
    bool abandoned;
};

static void on_run(uv_work_t *work)
{
    struct media_work *w = work->data;

    w->run(w->context);
    uv_sem_post(&w->ended);
}

static void on_done(uv_work_t *work, int status)
{
    struct media_work *w = work->data;
    media_work_fn *done = w->abandoned ? NULL : w->done;
    void *context = w->context;

    (void)status;
    uv_sem_destroy(&w->ended);
    mem_free(w);
    if (done) {
        done(context);
    }
}

struct media_work *
media_work_start(uv_loop_t *loop, media_work_fn *run, media_work_fn *done, void *context)
{
    struct media_work *w = mem_zalloc(sizeof *w);

    w->run = run;
    w->done = done;
    w->context = context;
    w->work.data = w;
    must(uv_sem_init(&w->ended, 0) == 0);
    must(uv_queue_work(loop, &w->work, on_run, on_done) == 0);
    return w;
}

void media_work_abandon(struct media_work *w)
{
    if (!w) {
        return;
    }
    w->abandoned = true;
    if (uv_cancel((uv_req_t *)&w->work) != 0) {
        uv_sem_wait(&w->ended);
    }
}
