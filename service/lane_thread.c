/* A lane: a thread with a loop. It waits for batches and for sockets; whatever an event has changed is followed
 * up once, before it waits again (on_pump), so that what many answers make room for leaves together. */

#include "service/lane_internal.h"

#include <string.h>

#define TICK_MS 100
#define TICK_IDLE_MS 1000
#define IDLE_ORIGIN_MS (10 * MS_MINUTE)

void lane__clock(struct lane *t)
{
    t->now_us = clock_mono_us();
    t->now_ms = t->now_us / 1000;
    t->wall_ms = clock_wall_ms();
}

/* ---- pumping ---- */

static void free_idle_origins(struct lane *t)
{
    for (struct list_node *n = list_first(&t->origins), *behind; n; n = behind) {
        struct lane_origin *o = container_of(n, struct lane_origin, node);

        behind = list_next(&t->origins, n);
        if (lane__origin_idle(o) && list_empty(&t->works) &&
            (t->ending ||
             (t->now_ms - o->idle_since_ms > IDLE_ORIGIN_MS && !lane__speaks_otherwise(o)))) {
            lane__origin_free(o);
        }
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct lane *t = container_of(timer, struct lane, tick);

    lane__clock(t);
    LIST_EACH(&t->origins, n)
    {
        lane__look_after(container_of(n, struct lane_origin, node));
    }
    free_idle_origins(t);
    if (list_empty(&t->works)) { /* connections may be left, which end one day */
        uv_timer_set_repeat(&t->tick, TICK_IDLE_MS);
        t->ticking = false;
    }
    if (list_empty(&t->works) && list_empty(&t->origins)) {
        (void)uv_timer_stop(&t->tick);
    }
}

static void on_pace(uv_timer_t *timer)
{
    struct lane *t = container_of(timer, struct lane, pace);

    lane__clock(t);
    lane__look_up_strangers(t);
    LIST_EACH(&t->origins, n)
    {
        struct lane_origin *o = container_of(n, struct lane_origin, node);

        if (o->waiting > 0) {
            lane__origin_dirty(o);
        }
    }
}

void lane__wake_in(struct lane *t, int64_t ms)
{
    uint64_t wanted = (uint64_t)(ms > 0 ? ms : 1);

    if (!uv_is_active((uv_handle_t *)&t->pace) || uv_timer_get_due_in(&t->pace) > wanted) {
        must(uv_timer_start(&t->pace, on_pace, wanted, 0) == 0);
    }
}

static void close_all(struct lane *t);

static void on_pump(uv_prepare_t *prepare)
{
    struct lane *t = container_of(prepare, struct lane, pump);
    struct list_node *n;

    lane__clock(t);
    while ((n = list_pop(&t->dirty)) != NULL) {
        struct lane_origin *o = container_of(n, struct lane_origin, dirty_node);

        o->dirty = false;
        lane__pump(o);
    }
    lane__look_done(t);
    if (t->ending) {
        close_all(t);
    }
}

/* ---- orders ---- */

static void take_inbox(struct lane *t)
{
    struct list mine;
    struct list_node *n;

    list_init(&mine);
    uv_mutex_lock(&t->lock);
    list_move_all(&mine, &t->inbox);
    uv_mutex_unlock(&t->lock);
    while ((n = list_pop(&mine)) != NULL) {
        lane__work_begin(t, container_of(n, struct lane_work, node));
    }
}

static void on_wake(uv_async_t *wake)
{
    struct lane *t = container_of(wake, struct lane, wake);

    lane__clock(t);
    take_inbox(t);
    LIST_EACH(&t->works, n)
    {
        lane__obey_cancel(container_of(n, struct lane_work, node));
    }
    if (!t->ticking) {
        t->ticking = true;
        must(uv_timer_start(&t->tick, on_tick, TICK_MS, TICK_MS) == 0);
    }
    t->ending = atomic_load(&t->stopping);
}

/* ---- life ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

/* No batch is here any more. Look-ups end by themselves; then the loop is empty. */
static void close_all(struct lane *t)
{
    LIST_EACH(&t->origins, n)
    {
        struct lane_origin *o = container_of(n, struct lane_origin, node);

        for (struct list_node *at = list_first(&o->conns), *behind; at; at = behind) {
            behind = list_next(&o->conns, at);
            lane__conn_close(container_of(at, struct lane_conn, node));
        }
        if (o->resolving) {
            (void)uv_cancel((uv_req_t *)&o->resolve);
        }
    }
    free_idle_origins(t);
    if (list_empty(&t->origins)) {
        close_handle((uv_handle_t *)&t->wake);
        close_handle((uv_handle_t *)&t->tick);
        close_handle((uv_handle_t *)&t->pace);
        close_handle((uv_handle_t *)&t->pump);
    }
}

static void free_pools(struct lane *t)
{
    while (t->texts) {
        struct lane_text *x = t->texts;

        t->texts = x->next;
        buf_done(&x->path);
        buf_done(&x->body);
        mem_free(x);
    }
    while (t->streams) {
        struct lane_stream *s = t->streams;

        t->streams = s->next_unused;
        mem_free(s);
    }
    for (size_t i = 0; i < t->answer_count; i++) {
        buf_done(t->answers[i]);
        mem_free(t->answers[i]);
    }
    mem_free(t->answers);
    mem_free(t->words);
    mem_free(t->members);
    mem_free(t->copies);
    mem_free(t->block);
    buf_done(&t->origin_text);
}

static void run(void *context)
{
    struct lane *t = context;

    (void)uv_run(&t->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&t->loop) == 0);
}

void lane__thread_begin(struct lane *t, struct lanes *l)
{
    t->lanes = l;
    list_init(&t->inbox);
    list_init(&t->works);
    list_init(&t->origins);
    list_init(&t->dirty);
    list_init(&t->names);
    t->by_key = map_new();
    t->block = mem_alloc(LANE_OUT);
    buf_init(&t->origin_text, 512);
    rng_init_system(&t->rng);
    must(uv_mutex_init(&t->lock) == 0);
    must(uv_loop_init(&t->loop) == 0);
    must(uv_async_init(&t->loop, &t->wake, on_wake) == 0);
    must(uv_timer_init(&t->loop, &t->tick) == 0);
    must(uv_timer_init(&t->loop, &t->pace) == 0);
    must(uv_prepare_init(&t->loop, &t->pump) == 0);
    must(uv_prepare_start(&t->pump, on_pump) == 0);
    must(uv_thread_create(&t->thread, run, t) == 0);
}

void lane__thread_end(struct lane *t)
{
    atomic_store(&t->stopping, true);
    must(uv_async_send(&t->wake) == 0);
    must(uv_thread_join(&t->thread) == 0);
    must(list_empty(&t->inbox) && list_empty(&t->works) && map_count(t->by_key) == 0);
    map_free(t->by_key);
    free_pools(t);
    uv_mutex_destroy(&t->lock);
}
