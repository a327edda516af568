/* Runs deliveries. Called by the fan-out (new jobs), by the doors (cancel, probe), by timers
 * and answers; owns the runs in progress; leaves turns to queue/sched.c, what is kept to the
 * ledger, the requests to the adapters.
 *
 * The pump. sched_next() is asked until it says sleep: "start this" makes a run
 * (courier_run.c), "load" asks the ledger for the next jobs of a destination, "expired" has the
 * ledger look for what has become worthless. Then the timer is set to when something is due.
 * Whatever may change that (new jobs, an end, a channel that goes on, a clock moved by a test)
 * pokes, and a poke is one turn of the loop away, so a thousand of them are one.
 *
 * Stopping. courier_drain() starts nothing more; what runs comes to its end. courier_hurry()
 * breaks exchanges off: each ends as its step allows, ready again or unknown. Only when no run
 * and no request at the ledger is left is `drained` called, so that nothing comes back to freed
 * memory. */

#include "service/courier_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/metrics.h"
#include "service/wave.h"

#define STARTS_PER_TURN 64            /* then answers get their turn */
#define SLEEP_MAX_MS (60 * MS_SECOND) /* a wall clock that was set is noticed so soon */
#define RETRY_MS 1000
/* The clock is kept right by small pushes; more than this is a jump. */
#define CLOCK_JUMP_MS 1000

static void on_pump(uv_timer_t *timer);

void courier_poke(struct courier *k)
{
    must(uv_timer_start(&k->pump_timer, on_pump, 0, 0) == 0);
}

/* ---- trouble with the ledger ---- */

void courier__complain(struct courier *k, const struct err *why)
{
    int64_t now = clock_mono_ms();

    if (k->complained_mono_ms != 0 && now - k->complained_mono_ms < MS_SECOND) {
        return;
    }
    k->complained_mono_ms = now;
    log_error(EV_LEDGER_FAILED, LOG_STR("error", why->text));
}

static void on_retry(uv_timer_t *timer)
{
    struct courier *k = timer->data;
    struct list_node *n;
    struct list now;

    list_init(&now);
    list_move_all(&now, &k->retry);
    while ((n = list_pop(&now)) != NULL) {
        ledger_submit(k->crier->ledger, container_of(n, struct ledger_request, node));
    }
}

void courier__retry_later(struct courier *k, struct ledger_request *r)
{
    courier__complain(k, &r->why);
    list_push(&k->retry, &r->node);
    must(uv_timer_start(&k->retry_timer, on_retry, RETRY_MS, 0) == 0);
}

/* ---- runs ---- */

struct run *courier__run_new(struct courier *k, struct channel *ch)
{
    struct run *run = mem_zalloc(sizeof *run);

    run->courier = k;
    run->load.req.kind = LEDGER_LOAD; /* also of a probe, which never asks: says what to free */
    run->channel = ch;
    run->config = config_ref(ch->config);
    run->settings = ch->settings;
    run->generation = ch->generation;
    list_push(&k->runs, &run->node);
    return run;
}

void courier__run_free(struct run *run)
{
    struct courier *k = run->courier;

    must(run->settled && !run->sending);
    list_remove(&k->runs, &run->node);
    ledger_request_done(&run->load.req);
    media_wait_done(&run->media);
    keeper_wait_done(&run->token);
    context_done(&run->sc);
    http_request_done(&run->request);
    config_unref(run->config);
    json_decref(run->final_record);
    courier__texts_done(&run->begin_texts);
    courier__texts_done(&run->next_texts);
    courier__texts_done(&run->end_texts);
    mem_free(run);
    if (k->draining) {
        courier_poke(k);
    }
}

void courier__give_back(struct run *run, int64_t due_at_ms)
{
    struct courier *k = run->courier;
    struct ledger_job job = run->job;
    int64_t now_ms = clock_wall_ms();

    courier__quota_give_back(run);
    run->settled = true;
    sched_give_back(k->crier->sched, job.id, now_ms);
    courier__run_free(run);
    if (due_at_ms > 0) {
        job.due_at_ms = due_at_ms;
        sched_add(k->crier->sched, &job, now_ms);
    }
    courier_poke(k);
}

static void start(struct courier *k, const struct sched_next *next)
{
    struct channel *ch = channels_find_any(k->crier->channels, next->job.channel);
    struct run *run;

    if (!ch || !ch->settings) {
        sched_give_back(k->crier->sched, next->job.id, clock_wall_ms());
        return;
    }
    run = courier__run_new(k, ch);
    run->job = next->job;
    run->bucket = next->bucket;
    courier__run_start(run);
}

static void start_probe(struct run *run)
{
    struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 0, "shutting down");

    run->probe_waits = false;
    if (run->courier->hurried) {
        courier__probe_finish(run, &v);
    } else {
        courier__run_walk(run);
    }
}

static void start_probes(struct courier *k)
{
    struct list_node *n = list_first(&k->runs);

    while (n) {
        struct run *run = container_of(n, struct run, node);

        n = list_next(&k->runs, n);
        if (run->probe_waits) {
            start_probe(run);
        }
    }
}

/* ---- asking the ledger ---- */

struct ask_due {
    struct ledger_due due;
    struct courier *courier;
    char destination[64];
};

static void ask_due_2_on_done(struct ledger_request *r)
{
    struct ask_due *ask = container_of(r, struct ask_due, due.req);
    struct courier *k = ask->courier;

    if (r->rc == ERR_IO && !k->draining) {
        courier__retry_later(k, r);
        return;
    }
    sched_loaded(k->crier->sched,
                 ask->destination,
                 ask->due.jobs,
                 ask->due.count,
                 ask->due.more,
                 clock_wall_ms());
    ledger_request_done(r);
    k->asked--;
    mem_free(ask);
    courier_poke(k);
}

static void ask_due(struct courier *k, const struct sched_next *next)
{
    struct ask_due *ask = mem_zalloc(sizeof *ask);

    ask->courier = k;
    memcpy(ask->destination, next->destination, sizeof ask->destination);
    ask->due.req.kind = LEDGER_DUE;
    ask->due.req.done = ask_due_2_on_done;
    ask->due.channel = ask->destination;
    ask->due.now_ms = clock_wall_ms();
    ask->due.limit = next->limit;
    k->asked++;
    ledger_submit(k->crier->ledger, &ask->due.req);
}

struct ask_expire {
    struct ledger_expire expire;
    struct courier *courier;
};

static void note_expired(struct courier *k, struct delivery_id id, const char *channel)
{
    courier_cancel(k, id);
    metrics_add(
        k->crier->metrics, METRIC_DELIVERIES, channel, delivery_state_name(DELIVERY_EXPIRED));
    log_warn(EV_DELIVERY_END,
             LOG_DELIVERY(id),
             LOG_STR("channel", channel),
             LOG_STR("state", delivery_state_name(DELIVERY_EXPIRED)),
             LOG_STR("detail", "worthless by now, never sent"));
}

static void ask_expire_2_on_done(struct ledger_request *r)
{
    struct ask_expire *ask = container_of(r, struct ask_expire, expire.req);
    struct courier *k = ask->courier;
    bool more = r->rc == ERR_NONE && ask->expire.count > 0;

    if (r->rc == ERR_IO) {
        courier__complain(k, &r->why);
    }
    for (size_t i = 0; r->rc == ERR_NONE && i < ask->expire.count; i++) {
        note_expired(k, ask->expire.ids[i], ask->expire.channels[i]);
    }
    courier_add(k, ask->expire.released, r->rc ? 0 : ask->expire.released_count);
    ledger_request_done(r);
    k->asked--;
    k->expiring = false;
    mem_free(ask);
    if (more && !k->draining) {
        courier_expire(k);
    }
    if (k->draining) { /* it may be all that a drain waits for */
        courier_poke(k);
    }
}

void courier_expire(struct courier *k)
{
    struct ask_expire *ask;

    if (k->expiring || k->draining) {
        return;
    }
    ask = mem_zalloc(sizeof *ask);
    ask->courier = k;
    ask->expire.req.kind = LEDGER_EXPIRE;
    ask->expire.req.done = ask_expire_2_on_done;
    ask->expire.now_ms = clock_wall_ms();
    k->asked++;
    k->expiring = true;
    ledger_submit(k->crier->ledger, &ask->expire.req);
}

/* ---- a clock that is set ---- */

/* Times that are due stand in the ledger, by the wall clock. When it goes back by an hour, what was to
 * wait a second would wait an hour and a second. Forward is no trouble: it is tried early, and a
 * platform that asked for more time says so again. */
struct ask_clock_back {
    struct ledger_clock_back back;
    struct courier *courier;
};

static void ask_clock_back_2_on_done(struct ledger_request *r)
{
    struct ask_clock_back *ask = container_of(r, struct ask_clock_back, back.req);
    struct courier *k = ask->courier;

    if (r->rc == ERR_IO && !k->draining) {
        courier__retry_later(k, r);
        return;
    }
    sched_forget(k->crier->sched);
    k->clock_back_mono_ms = clock_mono_ms();
    ledger_request_done(r);
    k->asked--;
    mem_free(ask);
    courier_poke(k);
}

bool courier__clock_was_set_back(const struct courier *k, int64_t since_mono_ms)
{
    int64_t ahead_ms = clock_wall_ms() - clock_mono_ms();

    return k->clock_ahead_ms - ahead_ms >= CLOCK_JUMP_MS ||
           k->clock_back_mono_ms >= since_mono_ms;
}

static void heed_clock(struct courier *k)
{
    int64_t now_ms = clock_wall_ms();
    int64_t ahead_ms = now_ms - clock_mono_ms();
    int64_t back_ms = k->clock_ahead_ms - ahead_ms;
    struct ask_clock_back *ask;

    k->clock_ahead_ms = ahead_ms;
    if (back_ms < CLOCK_JUMP_MS) {
        return;
    }
    log_warn(EV_CLOCK_BACK, LOG_MS("by", back_ms));
    k->clock_back_mono_ms = INT64_MAX; /* until the ledger knows */
    channels_quota_clock_back(k->crier->channels);
    ask = mem_zalloc(sizeof *ask);
    ask->courier = k;
    ask->back.req.kind = LEDGER_CLOCK_BACK;
    ask->back.req.done = ask_clock_back_2_on_done;
    ask->back.now_ms = now_ms;
    ask->back.by_ms = back_ms;
    k->asked++;
    ledger_submit(k->crier->ledger, &ask->back.req);
}

/* ---- the pump ---- */

static void sleep_until(struct courier *k, int64_t until_ms)
{
    int64_t delay = until_ms - clock_wall_ms();

    if (until_ms == INT64_MAX) {
        (void)uv_timer_stop(&k->pump_timer);
        return;
    }
    delay = delay < 1 ? 1 : delay > SLEEP_MAX_MS ? SLEEP_MAX_MS : delay;
    uv_update_time(k->crier->loop);
    must(uv_timer_start(&k->pump_timer, on_pump, (uint64_t)delay, 0) == 0);
}

static void pump(struct courier *k)
{
    struct sched_next next;

    for (int starts = 0; starts < STARTS_PER_TURN;) {
        sched_next(k->crier->sched, clock_wall_ms(), &next);
        switch (next.what) {
        case SCHED_SLEEP:
            sleep_until(k, next.until_ms);
            return;
        case SCHED_START:
            starts++;
            start(k, &next);
            break;
        case SCHED_LOAD:
            ask_due(k, &next);
            break;
        case SCHED_EXPIRE:
            courier_expire(k);
            break;
        }
    }
    courier_poke(k);
}

static void tell_drained(struct courier *k)
{
    void (*drained)(struct crier *) = k->drained;

    if (drained && list_empty(&k->runs) && k->asked == 0) {
        k->drained = NULL;
        drained(k->crier);
    }
}

static void on_pump(uv_timer_t *timer)
{
    struct courier *k = timer->data;

    start_probes(k);
    if (k->draining) {
        tell_drained(k);
        return;
    }
    heed_clock(k);
    pump(k);
}

/* ---- from outside ---- */

void courier_add(struct courier *k, const struct ledger_job *jobs, size_t count)
{
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < count; i++) {
        sched_add(k->crier->sched, &jobs[i], now_ms);
    }
    if (count > 0) {
        courier_poke(k);
    }
}

struct run *courier__find(struct courier *k, struct delivery_id id)
{
    LIST_EACH(&k->runs, n)
    {
        struct run *run = container_of(n, struct run, node);

        if (!run->probe && run->job.id.v == id.v) {
            return run;
        }
    }
    return NULL;
}

void courier__asked_begin(struct courier *k)
{
    k->asked++;
}

void courier__asked_end(struct courier *k)
{
    k->asked--;
    courier_poke(k);
}

/* One that runs finds out by itself, when its begin or its end is refused. */
void courier_cancel(struct courier *k, struct delivery_id id)
{
    if (!courier__find(k, id)) {
        sched_cancel(k->crier->sched, id);
    }
}

void courier_moved(struct courier *k, const struct ledger_move *m)
{
    courier_cancel(k, m->id);
    if (m->has_job) {
        courier_add(k, &m->job, 1);
    }
    if (m->has_released) {
        courier_add(k, &m->released, 1);
    }
}

size_t courier_running(const struct courier *k)
{
    return k->runs.count;
}

size_t courier_running_on(const struct courier *k, const struct channel *ch)
{
    size_t count = 0;

    LIST_EACH(&k->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        count += run->channel == ch && !run->probe;
    }
    return count;
}

bool courier_in_the_way(const struct courier *k, const char *channel)
{
    LIST_EACH(&k->runs, n)
    {
        const struct run *run = container_of(n, struct run, node);

        if (run->job.breaking || strcmp(run->job.channel, channel) == 0) {
            return true;
        }
    }
    return false;
}

void courier_drain(struct courier *k, void (*drained)(struct crier *c))
{
    k->draining = true;
    k->drained = drained;
    LIST_EACH(&k->runs, n)
    {
        struct run *run = container_of(n, struct run, node);

        if (run->wave) {
            wave_poke(run->wave); /* an audience is not waited for, what is on its way is */
        }
    }
    courier_poke(k);
}

/* What waits for the disk to recover is given up: its done sees that we are in a hurry. */
static void give_up_retries(struct courier *k)
{
    struct list_node *n;

    while ((n = list_pop(&k->retry)) != NULL) {
        struct ledger_request *r = container_of(n, struct ledger_request, node);

        r->done(r);
    }
}

void courier_hurry(struct courier *k)
{
    struct list_node *n = list_first(&k->runs);

    k->draining = k->hurried = true;
    while (n) {
        struct run *run = container_of(n, struct run, node);

        n = list_next(&k->runs, n);
        courier__run_hurry(run);
    }
    give_up_retries(k);
    courier_poke(k);
}

/* ---- life ---- */

struct courier *courier_new(struct crier *c)
{
    struct courier *k = mem_zalloc(sizeof *k);

    k->crier = c;
    k->clock_ahead_ms = clock_wall_ms() - clock_mono_ms();
    k->clock_back_mono_ms = -1;
    list_init(&k->runs);
    list_init(&k->retry);
    must(uv_timer_init(c->loop, &k->pump_timer) == 0);
    must(uv_timer_init(c->loop, &k->retry_timer) == 0);
    k->pump_timer.data = k->retry_timer.data = k;
    k->open_timers = 2;
    return k;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct courier *k = handle->data;

    if (--k->open_timers == 0) {
        mem_free(k);
    }
}

void courier_free(struct courier *k)
{
    if (!k) {
        return;
    }
    must(list_empty(&k->runs) && k->asked == 0);
    uv_close((uv_handle_t *)&k->pump_timer, on_timer_closed);
    uv_close((uv_handle_t *)&k->retry_timer, on_timer_closed);
}
