/* The service from start to end: makes the parts in the order of struct crier, runs the loop, takes
 * them down. Called by `crier serve` only. What each part does is in its own file; here is only who
 * comes before whom.
 *
 * Going down, and why in this order:
 *   1. door_quiesce       nobody new comes in; every answer says Connection: close
 *      watch_stop         we go and look no more
 *      canaries_stop      no dry run begins; what one asks comes to its end
 *      prepare_stop       nothing is made for later
 *      withdrawals_stop   nothing is retracted any more: what waits for that waits in the ledger
 *      gate_stop          no page is looked at any more: what waits for one waits in the ledger
 *   2. courier_drain      deliveries in flight end, at most server.drain, then they are hurried
 *   3. event_hub_close    the streams end, since nothing changes any more
 *   4. door_idle          every request that waits for the ledger has its answer: the HTTP library
 *                         stops the process when a suspended connection is left
 *   5. reader_free        what was still being read is submitted, or refused
 *   6. ledger_close       what was submitted is written; its dones still find all parts alive
 *   7. the parts, newest first, and last the loop, which must be empty: a handle left open is a bug
 * A second SIGTERM or SIGINT goes to the hurry at once. */

#include "service/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/api.h"
#include "service/canary.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/complete.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/events.h"
#include "service/gate.h"
#include "service/keeper.h"
#include "service/lane.h"
#include "service/lookout.h"
#include "service/manager.h"
#include "service/media.h"
#include "service/metrics.h"
#include "service/out.h"
#include "service/outlet.h"
#include "service/page_fetch.h"
#include "service/reader.h"
#include "service/passed.h"
#include "service/push_door.h"
#include "service/prepare.h"
#include "service/serve_internal.h"
#include "service/share.h"
#include "service/topics.h"
#include "service/watch.h"
#include "service/wave.h"
#include "service/withdrawals.h"

#define IDLE_LOOK_MS 10
#define IDLE_MAX_MS 5000 /* for answers to leave; who reads slower is cut off */

struct service {
    struct crier crier;
    struct passed passed;
    uv_loop_t loop;
    uv_timer_t drain_timer, idle_timer;
    int64_t drain_started_mono_ms;
    const char *drain_reason;
    bool loop_ready, handles_ready;
};

/* ---- going down ---- */

static struct service *service_of(struct crier *c)
{
    return container_of(c, struct service, crier);
}

static void on_idle_look(uv_timer_t *timer)
{
    struct service *s = container_of(timer, struct service, idle_timer);
    int64_t waited_ms = clock_mono_ms() - s->drain_started_mono_ms;

    if ((!door_idle(s->crier.door) || !watch_idle(s->crier.watch) ||
         !keeper_idle(s->crier.keeper) || !canaries_idle(s->crier.canaries)) &&
        waited_ms < s->crier.config->server.drain_ms + IDLE_MAX_MS) {
        return;
    }
    uv_stop(&s->loop);
}

static void on_drained(struct crier *c)
{
    event_hub_close(c->events);
    must(uv_timer_start(&service_of(c)->idle_timer, on_idle_look, 0, IDLE_LOOK_MS) == 0);
}

static void on_drain_over(uv_timer_t *timer)
{
    courier_hurry(container_of(timer, struct service, drain_timer)->crier.courier);
}

void crier_drain(struct crier *c, const char *reason)
{
    struct service *s = service_of(c);

    if (c->phase == CRIER_DRAINING) {
        courier_hurry(c->courier);
        return;
    }
    c->phase = CRIER_DRAINING;
    s->drain_reason = reason;
    s->drain_started_mono_ms = clock_mono_ms();
    manager_stopping(c->manager, reason, c->config->server.drain_ms + IDLE_MAX_MS);
    door_quiesce(c->door);
    push_door_stop(c->push_door);
    watch_stop(c->watch);
    gate_stop(c->gate);
    keeper_stop(c->keeper);
    canaries_stop(c->canaries);
    completer_stop(c->completer);
    prepare_stop(c->preparer);
    withdrawals_stop(c->withdrawals);
    courier_drain(c->courier, on_drained);
    must(uv_timer_start(
             &s->drain_timer, on_drain_over, (uint64_t)c->config->server.drain_ms, 0) == 0);
}

/* ---- signals and wake-ups ---- */

static void on_stop_signal(uv_signal_t *handle, int number)
{
    crier_drain(handle->data, number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void on_reload_signal(uv_signal_t *handle, int number)
{
    struct problems problems;
    struct buf restart;

    (void)number;
    problems_init(&problems);
    buf_init(&restart, 4096);
    if (crier_reload(handle->data, &problems, &restart, NULL) != ERR_NONE) {
        serve__print_problems(&problems);
    }
    buf_done(&restart);
    problems_done(&problems);
}

/* From the ledger's threads. */
static void wake_ledger(void *context)
{
    struct crier *c = context;

    (void)uv_async_send(&c->ledger_wake);
}

static void on_ledger_wake(uv_async_t *handle)
{
    struct crier *c = container_of(handle, struct crier, ledger_wake);

    if (c->ledger) {
        ledger_collect(c->ledger);
    }
}

/* A signal that comes before the loop hears it waits until it does: an end asked for while we start is a
 * clean one. And one that comes when the loop has gone changes nothing any more. Threads are made only
 * in between, so that none of them holds signals back, or is left to take one. */
static void hold_signals(int how)
{
    sigset_t ours;

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGHUP);
    must(pthread_sigmask(how, &ours, NULL) == 0);
}

static void watch_signal(struct crier *c, uv_signal_t *handle, uv_signal_cb fn, int number)
{
    must(uv_signal_init(c->loop, handle) == 0);
    handle->data = c;
    must(uv_signal_start(handle, fn, number) == 0);
}

static void make_handles(struct service *s)
{
    struct crier *c = &s->crier;

    must(uv_async_init(c->loop, &c->ledger_wake, on_ledger_wake) == 0);
    must(uv_timer_init(c->loop, &c->housekeeping) == 0);
    must(uv_timer_init(c->loop, &s->drain_timer) == 0);
    must(uv_timer_init(c->loop, &s->idle_timer) == 0);
    watch_signal(c, &c->on_term, on_stop_signal, SIGTERM);
    watch_signal(c, &c->on_int, on_stop_signal, SIGINT);
    watch_signal(c, &c->on_hup, on_reload_signal, SIGHUP);
    hold_signals(SIG_UNBLOCK);
    s->handles_ready = true;
}

/* ---- coming up ---- */

static void prepare_process(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    (void)umask(077); /* the ledger holds tokens of accounts */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &none); /* a core would hold every secret there is */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

void serve__print_problems(const struct problems *problems)
{
    struct buf text;

    buf_init(&text, (size_t)1024 * 1024);
    problems_print(problems, &text);
    (void)fputs(buf_str(&text), stderr);
    buf_done(&text);
}

static enum err_code read_settings(struct crier *c, struct err *why)
{
    struct problems problems;
    enum err_code rc;

    problems_init(&problems);
    rc = config_load(&c->config, c->config_path, &c->types, &problems, why);
    if (rc && problems.count > 0) {
        serve__print_problems(&problems);
        (void)err_set(why,
                      rc,
                      "%zu mistake%s in %s",
                      problems.count,
                      problems.count == 1 ? "" : "s",
                      c->config_path);
    }
    problems_done(&problems);
    if (rc == ERR_NONE) {
        log_setup(STDERR_FILENO,
                  (enum log_form)c->config->server.log_form,
                  (enum log_level)c->config->server.log_level);
    }
    return rc;
}

/* The hub takes what the event holds. */
static void on_ledger_event(void *context, struct ledger_event *event)
{
    struct crier *c = context;

    outlet_heard(c->outlet, event->kind);
    lookout_heard(c->lookout, event->kind);
    event_hub_publish(c->events, event);
}

static enum err_code open_ledger(struct crier *c, struct err *why)
{
    struct ledger_stats stats;
    enum err_code rc;

    rc = ledger_open(
        &c->ledger, c->config->ledger.location, wake_ledger, c, clock_wall_ms(), why);
    if (rc) {
        return rc;
    }
    ledger_set_event_fn(c->ledger, on_ledger_event, c);
    ledger_stats(c->ledger, &stats);
    log_info(EV_LEDGER_OPENED,
             LOG_STR("ledger", c->config->ledger.location),
             LOG_I64("recovered", stats.recovered_ready + stats.recovered_unknown),
             LOG_I64("ready", stats.recovered_ready),
             LOG_I64("unknown", stats.recovered_unknown));
    if (stats.restored_from_ms > 0) {
        char from[TIME_TEXT_BYTES];

        log_warn(EV_LEDGER_RESTORED,
                 LOG_STR("from", time_rfc3339_seconds(stats.restored_from_ms, from)),
                 LOG_I64("in_doubt", stats.restored));
    }
    return ERR_NONE;
}

/* In the order of struct crier, but for the hub: events may come as soon as the ledger is open.
 */
static enum err_code make_parts(struct crier *c, struct err *why)
{
    enum err_code rc;

    c->metrics = metrics_new();
    c->events = event_hub_new(c);
    rc = reader_new(&c->reader, c->loop, why);
    if (rc) {
        return rc;
    }
    rc = open_ledger(c, why);
    if (rc) {
        return rc;
    }
    c->sched = sched_new(rng_u64(&c->rng), c->config->queue.total_concurrency);
    c->channels = channels_new(c);
    rc = channels_load(c->channels, why);
    if (rc) {
        return rc;
    }
    channels_apply(c->channels);
    c->topics = topics_new(c);
    rc = topics_load(c->topics, why);
    if (rc) {
        return rc;
    }
    rc = out_new(&c->out, c, why);
    if (rc) {
        return rc;
    }
    c->keeper = keeper_new(c);
    rc = keeper_load(c->keeper, why);
    if (rc) {
        return rc;
    }
    keeper_apply(c->keeper);
    c->media = media_store_new(c);
    c->pages = pages_new(c);
    c->courier = courier_new(c);
    c->lookout = lookout_new(c);
    c->canaries = canaries_new(c);
    rc = waves_prepare(c, why);
    if (rc) {
        return rc;
    }
    c->watch = watch_new(c);
    rc = watch_load(c->watch, why);
    if (rc) {
        return rc;
    }
    c->gate = gate_new(c);
    c->completer = completer_new(c);
    c->withdrawals = withdrawals_new(c);
    c->preparer = prepare_new(c);
    rc = share_targets_load(&c->share, why);
    if (rc) {
        return rc;
    }
    c->outlet = outlet_new(c);
    c->push_door = push_door_new(c);
    return door_new(&c->door, c, api_routes, why);
}

static void announce(const struct crier *c)
{
    log_info(EV_START,
             LOG_STR("listen", door_url(c->door)),
             LOG_STR("ledger", c->config->ledger.location),
             LOG_U64("channels", c->config->channel_count),
             LOG_STR("version", CRIER_VERSION));
    (void)printf("listening on %s\n", door_url(c->door));
    (void)fflush(stdout);
    manager_ready(c->manager);
}

/* Before everything else: what it tells us stands in the environment and in descriptor 3. */
static enum err_code hear_manager(struct service *s, struct err *why)
{
    enum err_code rc = manager_new(&s->crier.manager, &s->crier, why);

    if (!rc) {
        rc = passed_read(&s->passed, why);
    }
    s->crier.passed = &s->passed;
    return rc;
}

/* In a container root is the rule and no harm, elsewhere a mistake: neither a reason to refuse. */
static void warn_of_root(void)
{
    if (geteuid() == 0) {
        log_warn(EV_AS_ROOT, LOG_STR("expected", "a user of its own, such as crier"));
    }
}

static enum err_code start(struct service *s, const char *config_path, struct err *why)
{
    struct crier *c = &s->crier;
    enum err_code rc;

    c->config_path = config_path;
    c->started_at_ms = clock_wall_ms();
    c->types = crier_config_types();
    rng_init_system(&c->rng);
    id_maker_init(&c->ids, &c->rng);
    rc = hear_manager(s, why);
    if (rc) {
        return rc;
    }
    rc = read_settings(c, why);
    if (rc) {
        return rc;
    }
    warn_of_root();
    must(uv_loop_init(&s->loop) == 0);
    s->loop_ready = true;
    c->loop = &s->loop;
    make_handles(s);
    rc = make_parts(c, why);
    if (rc) {
        return rc;
    }
    c->phase = CRIER_READY;
    housekeeping_start(c);
    courier_poke(c->courier);
    watch_apply(c->watch);
    gate_start(c->gate);
    completer_start(c->completer);
    withdrawals_look(c->withdrawals);
    lookout_look(c->lookout);
    prepare_start(c->preparer);
    announce(c);
    return ERR_NONE;
}

/* ---- taking down ---- */

static void close_handles(struct service *s)
{
    struct crier *c = &s->crier;

    if (!s->handles_ready) {
        return;
    }
    uv_close((uv_handle_t *)&c->ledger_wake, NULL);
    uv_close((uv_handle_t *)&c->housekeeping, NULL);
    uv_close((uv_handle_t *)&s->drain_timer, NULL);
    uv_close((uv_handle_t *)&s->idle_timer, NULL);
    uv_close((uv_handle_t *)&c->on_term, NULL);
    uv_close((uv_handle_t *)&c->on_int, NULL);
    uv_close((uv_handle_t *)&c->on_hup, NULL);
}

/* Also of what has come up only half. */
static void take_down(struct service *s)
{
    struct crier *c = &s->crier;

    reader_free(c->reader);
    c->reader = NULL;
    ledger_close(c->ledger);
    c->ledger = NULL;
    door_free(c->door);
    outlet_free(c->outlet);
    share_targets_free(c->share);
    prepare_free(c->preparer);
    withdrawals_free(c->withdrawals);
    completer_free(c->completer);
    gate_free(c->gate);
    canaries_free(c->canaries);
    lookout_free(c->lookout);
    courier_free(c->courier);
    pages_free(c->pages);
    media_store_free(c->media);
    lanes_free(c->lanes);
    out_free(c->out);
    push_door_free(c->push_door); /* what it had asked for has ended with out */
    keeper_free(c->keeper);
    watch_free(c->watch);
    topics_free(c->topics);
    channels_free(c->channels);
    sched_free(c->sched);
    event_hub_free(c->events);
    metrics_free(c->metrics);
    manager_free(c->manager);
    hold_signals(SIG_BLOCK);
    close_handles(s);
    if (s->loop_ready) {
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        must(uv_loop_close(&s->loop) == 0);
    }
    config_unref(c->config);
}

int serve_run(const char *config_path)
{
    struct service *s = mem_zalloc(sizeof *s);
    struct err why = {0};
    int code = 0;

    hold_signals(SIG_BLOCK);
    prepare_process();
    if (start(s, config_path, &why) != ERR_NONE) {
        (void)fprintf(stderr, "crier: %s\n", why.text);
        manager_failed(s->crier.manager, why.text);
        code = 1;
    } else {
        (void)uv_run(&s->loop, UV_RUN_DEFAULT);
        log_info(EV_STOP,
                 LOG_STR("reason", s->drain_reason),
                 LOG_MS("waited", clock_mono_ms() - s->drain_started_mono_ms));
    }
    take_down(s);
    mem_free(s);
    return code;
}
