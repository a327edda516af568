/* The ledger's threads: who waits, who writes, who is told. Owners submit requests from their
 * own thread and collect them there; one thread here writes, taking everything that waits into
 * one transaction, another reads. What a request means is the store's affair (sqlite.c).
 *
 * The course of a write:
 *   ledger_submit     puts it into `writes.waiting`
 *   write_loop        takes all that wait (up to BATCH_MAX), gives them to the store as one
 * batch finish            puts them into `writes.finished` and the batch's events into
 * `events`, wakes ledger_collect    on the owner's thread: events first, then each `done`
 *
 * The lock covers the lists only; it is never held while the store works or a done runs. */

#include "queue/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "queue/ledger_internal.h"

/* A batch this large has long amortised its fsync; a larger one would only delay its first. */
#define BATCH_MAX 4096

/* One direction of work, writes or reads. */
struct lane {
    struct list waiting, finished;
    pthread_cond_t more;
    pthread_t thread;
    bool has_thread;
    struct ledger_request *batch[BATCH_MAX]; /* what its thread works on */
};

/* The store's own affairs, beside writes and reads. */
struct tending {
    pthread_cond_t wanted_now;
    pthread_t thread;
    bool has_thread, wanted;
};

struct ledger {
    const struct ledger_store *ops;
    void *store;
    struct ledger_opened opened;

    pthread_mutex_t lock;
    struct lane writes, reads;
    struct tending tending;
    pthread_cond_t waited_for; /* a request of ledger_run() has finished */
    struct list events;
    ledger_event_fn *event_fn;
    void *event_context;
    bool closing;

    ledger_wake_fn *wake;
    void *wake_context;

    _Atomic uint64_t commit_count, write_count, failed_count;
    _Atomic int64_t last_commit_us, queue_now;
    _Atomic bool last_failed;
};

static bool is_write(enum ledger_kind kind)
{
    return kind < LEDGER_DUE;
}

static bool is_pulse(enum ledger_kind kind)
{
    return kind == LEDGER_WRITES_PULSE || kind == LEDGER_READS_PULSE;
}

/* Marks a request whose submitter waits in ledger_run(); never called. */
static void run_done(struct ledger_request *r)
{
    (void)r;
}

/* ---- on the ledger's threads ---- */

/* Waits until there is work, takes up to BATCH_MAX; 0: closing and nothing left. */
static size_t take_waiting(struct ledger *l, struct lane *lane)
{
    size_t count = 0;

    pthread_mutex_lock(&l->lock);
    while (list_empty(&lane->waiting) && !l->closing) {
        pthread_cond_wait(&lane->more, &l->lock);
    }
    while (count < BATCH_MAX && !list_empty(&lane->waiting)) {
        lane->batch[count++] =
            container_of(list_pop(&lane->waiting), struct ledger_request, node);
    }
    pthread_mutex_unlock(&l->lock);
    return count;
}

/* With the lock held. Returns whether the owner must be woken for it. */
static bool finish_one(struct ledger *l, struct lane *lane, struct ledger_request *r)
{
    if (r->done == run_done) {
        r->done = NULL;
        pthread_cond_broadcast(&l->waited_for);
        return false;
    }
    list_push(&lane->finished, &r->node);
    return true;
}

/* events: NULL for reads. Requests must not be touched once the lock is given up. */
static void finish(struct ledger *l,
                   struct lane *lane,
                   struct ledger_request **v,
                   size_t count,
                   struct list *events)
{
    bool wake;

    pthread_mutex_lock(&l->lock);
    wake = events && !list_empty(events);
    if (events) {
        list_move_all(&l->events, events);
    }
    for (size_t i = 0; i < count; i++) {
        wake |= finish_one(l, lane, v[i]);
    }
    pthread_mutex_unlock(&l->lock);
    if (wake && l->wake) {
        l->wake(l->wake_context);
    }
}

static void ask_to_tend(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->tending.wanted = true;
    pthread_cond_signal(&l->tending.wanted_now);
    pthread_mutex_unlock(&l->lock);
}

static void
write_batch(struct ledger *l, struct ledger_request **v, size_t count, bool want_events)
{
    struct ledger_batch batch = {.v = v, .count = count, .want_events = want_events};
    int64_t start_us = clock_mono_us();

    list_init(&batch.events);
    l->ops->write(l->store, &batch);
    atomic_fetch_add(&l->commit_count, batch.commits);
    atomic_fetch_add(&l->failed_count, batch.failed_commits);
    atomic_fetch_add(&l->write_count, count);
    if (batch.commits + batch.failed_commits > 0) {
        atomic_store(&l->last_failed, batch.failed_commits > 0);
    }
    atomic_store(&l->last_commit_us, clock_mono_us() - start_us);
    atomic_fetch_sub(&l->queue_now, (int64_t)count);
    finish(l, &l->writes, v, count, &batch.events);
    if (batch.tend) {
        ask_to_tend(l);
    }
}

/* The fault points are of use with ":hang". */
static void pulse_one(struct ledger *l, struct ledger_request **r)
{
    bool write = is_write((*r)->kind);

    (void)FAULT(write ? "ledger.pulse.writes" : "ledger.pulse.reads");
    if (write) {
        atomic_fetch_sub(&l->queue_now, 1);
    }
    finish(l, write ? &l->writes : &l->reads, r, 1, NULL);
}

static void read_one(struct ledger *l, struct ledger_request **r)
{
    if (is_pulse((*r)->kind)) {
        pulse_one(l, r);
        return;
    }
    l->ops->read(l->store, *r);
    finish(l, &l->reads, r, 1, NULL);
}

/* With a store of one connection reads stand among the writes: each run of writes is a
 * batch, and a pulse stands alone. */
static void
work_off(struct ledger *l, struct ledger_request **v, size_t count, bool want_events)
{
    size_t from = 0;

    while (from < count) {
        size_t to = from;

        while (to < count && is_write(v[to]->kind) && !is_pulse(v[to]->kind)) {
            to++;
        }
        if (to > from) {
            write_batch(l, v + from, to - from, want_events);
        } else {
            read_one(l, &v[to++]);
        }
        from = to;
    }
}

static void *write_loop(void *arg)
{
    struct ledger *l = arg;
    size_t count;
    bool want_events;

    while ((count = take_waiting(l, &l->writes)) > 0) {
        pthread_mutex_lock(&l->lock);
        want_events = l->event_fn != NULL;
        pthread_mutex_unlock(&l->lock);
        work_off(l, l->writes.batch, count, want_events);
    }
    return NULL;
}

static void *read_loop(void *arg)
{
    struct ledger *l = arg;
    size_t count;

    while ((count = take_waiting(l, &l->reads)) > 0) {
        for (size_t i = 0; i < count; i++) {
            read_one(l, &l->reads.batch[i]);
        }
    }
    return NULL;
}

/* False: closing. */
static bool wait_until_wanted(struct ledger *l)
{
    bool go_on;

    pthread_mutex_lock(&l->lock);
    while (!l->tending.wanted && !l->closing) {
        pthread_cond_wait(&l->tending.wanted_now, &l->lock);
    }
    l->tending.wanted = false;
    go_on = !l->closing;
    pthread_mutex_unlock(&l->lock);
    return go_on;
}

static void *tend_loop(void *arg)
{
    struct ledger *l = arg;

    while (wait_until_wanted(l)) {
        l->ops->tend(l->store);
    }
    return NULL;
}

/* ---- on the owner's thread ---- */

static void lane_init(struct lane *lane)
{
    list_init(&lane->waiting);
    list_init(&lane->finished);
    pthread_cond_init(&lane->more, NULL);
}

static struct ledger *
ledger_new(const struct ledger_store *ops, ledger_wake_fn *wake, void *wake_context)
{
    struct ledger *l = mem_zalloc(sizeof *l);

    l->ops = ops;
    l->wake = wake;
    l->wake_context = wake_context;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->waited_for, NULL);
    lane_init(&l->writes);
    lane_init(&l->reads);
    pthread_cond_init(&l->tending.wanted_now, NULL);
    list_init(&l->events);
    return l;
}

static void ledger_free(struct ledger *l)
{
    struct list_node *n;

    while ((n = list_pop(&l->events))) {
        ledger__event_free(container_of(n, struct ledger_event_node, node));
    }
    pthread_cond_destroy(&l->writes.more);
    pthread_cond_destroy(&l->reads.more);
    pthread_cond_destroy(&l->tending.wanted_now);
    pthread_cond_destroy(&l->waited_for);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

static enum err_code start_thread(
    pthread_t *out, bool *out_has, void *(*loop)(void *), struct ledger *l, struct err *why)
{
    int error = pthread_create(out, NULL, loop, l);

    if (error) {
        return err_set(why, ERR_BUSY, "no thread for the ledger: %s", strerror(error));
    }
    *out_has = true;
    return ERR_NONE;
}

static void join_thread(pthread_t thread, bool *has)
{
    if (*has) {
        pthread_join(thread, NULL);
        *has = false;
    }
}

static void stop_threads(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->writes.more);
    pthread_cond_broadcast(&l->reads.more);
    pthread_cond_broadcast(&l->tending.wanted_now);
    pthread_mutex_unlock(&l->lock);
    join_thread(l->writes.thread, &l->writes.has_thread);
    join_thread(l->reads.thread, &l->reads.has_thread);
    join_thread(l->tending.thread, &l->tending.has_thread);
}

static enum err_code start_threads(struct ledger *l, struct err *why)
{
    struct tending *t = &l->tending;
    enum err_code rc =
        start_thread(&l->writes.thread, &l->writes.has_thread, write_loop, l, why);

    if (!rc && !l->opened.single) {
        rc = start_thread(&l->reads.thread, &l->reads.has_thread, read_loop, l, why);
    }
    if (!rc && !l->opened.single) {
        rc = start_thread(&t->thread, &t->has_thread, tend_loop, l, why);
    }
    if (rc) {
        stop_threads(l);
    }
    return rc;
}

const struct ledger_store *ledger__store_find(const char *location, const char **out_rest)
{
    static const struct ledger_store *const stores[] = {&ledger_sqlite};

    for (size_t i = 0; i < ARRAY_LEN(stores); i++) {
        size_t len = strlen(stores[i]->scheme);

        if (strncmp(location, stores[i]->scheme, len) == 0 && location[len] == ':') {
            *out_rest = location + len + 1;
            return **out_rest != '\0' ? stores[i] : NULL;
        }
    }
    return NULL;
}

enum err_code ledger__location_refused(const char *location, struct err *why)
{
    return err_set(
        why, ERR_INVALID, "ledger \"%s\": expected sqlite:/path/to/file.db", location);
}

enum err_code ledger_open(struct ledger **out,
                          const char *location,
                          ledger_wake_fn *wake,
                          void *wake_context,
                          int64_t now_ms,
                          struct err *why)
{
    enum err_code rc;
    const char *rest = NULL;
    const struct ledger_store *ops = ledger__store_find(location, &rest);
    struct ledger *l;

    if (!ops) {
        return ledger__location_refused(location, why);
    }
    l = ledger_new(ops, wake, wake_context);
    rc = ops->open(&l->store, rest, now_ms, &l->opened, why);
    if (rc) {
        err_wrap(why, "open ledger %s", location);
        goto out;
    }
    rc = start_threads(l, why);
    if (rc) {
        ops->close(l->store);
        goto out;
    }
    *out = l;
    l = NULL; /* the caller's now */
out:
    if (l) {
        ledger_free(l);
    }
    return rc;
}

void ledger_set_event_fn(struct ledger *l, ledger_event_fn *fn, void *context)
{
    pthread_mutex_lock(&l->lock);
    l->event_fn = fn;
    l->event_context = context;
    pthread_mutex_unlock(&l->lock);
}

static struct lane *lane_of(struct ledger *l, const struct ledger_request *r)
{
    return is_write(r->kind) || l->opened.single ? &l->writes : &l->reads;
}

void ledger_submit(struct ledger *l, struct ledger_request *r)
{
    struct lane *lane = lane_of(l, r);

    r->rc = ERR_NONE;
    r->why = (struct err){.code = ERR_NONE};
    pthread_mutex_lock(&l->lock);
    if (l->closing) {
        r->rc = err_set(&r->why, ERR_STOPPED, "the ledger is closing");
        (void)finish_one(l, is_write(r->kind) ? &l->writes : &l->reads, r);
    } else {
        if (is_write(r->kind)) {
            atomic_fetch_add(&l->queue_now, 1);
        }
        list_push(&lane->waiting, &r->node);
        pthread_cond_signal(&lane->more);
    }
    pthread_mutex_unlock(&l->lock);
}

static void run_events(struct list *events, ledger_event_fn *fn, void *context)
{
    struct list_node *n;

    while ((n = list_pop(events))) {
        struct ledger_event_node *e = container_of(n, struct ledger_event_node, node);

        if (fn) {
            fn(context, &e->event);
        }
        ledger__event_free(e);
    }
}

static size_t run_dones(struct list *finished)
{
    struct list_node *n;
    size_t count = 0;

    while ((n = list_pop(finished))) {
        struct ledger_request *r = container_of(n, struct ledger_request, node);

        count++;
        if (r->done) {
            r->done(r); /* may free it */
        }
    }
    return count;
}

/* Returns how many requests it finished. */
static size_t collect(struct ledger *l)
{
    struct list events, writes, reads;
    ledger_event_fn *fn;
    void *context;

    list_init(&events);
    list_init(&writes);
    list_init(&reads);
    pthread_mutex_lock(&l->lock);
    list_move_all(&events, &l->events);
    list_move_all(&writes, &l->writes.finished);
    list_move_all(&reads, &l->reads.finished);
    fn = l->event_fn;
    context = l->event_context;
    pthread_mutex_unlock(&l->lock);

    run_events(&events, fn, context);
    return run_dones(&writes) + run_dones(&reads);
}

void ledger_collect(struct ledger *l)
{
    (void)collect(l);
}

void ledger_close(struct ledger *l)
{
    if (!l) {
        return;
    }
    stop_threads(l);
    while (collect(l) > 0) {
        /* a done may have submitted once more: it is told ERR_STOPPED in the next round */
    }
    l->ops->close(l->store);
    ledger_free(l);
}

enum err_code ledger_run(struct ledger *l, struct ledger_request *r, struct err *why)
{
    ledger_done_fn *done = r->done;

    r->done = run_done;
    ledger_submit(l, r);
    pthread_mutex_lock(&l->lock);
    while (r->done == run_done) {
        pthread_cond_wait(&l->waited_for, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    r->done = done;
    if (r->rc && why) {
        *why = r->why;
    }
    return r->rc;
}

void ledger_stats(const struct ledger *l, struct ledger_stats *out)
{
    *out = (struct ledger_stats){
        .commits = atomic_load(&l->commit_count),
        .writes = atomic_load(&l->write_count),
        .failed_commits = atomic_load(&l->failed_count),
        .last_commit_us = atomic_load(&l->last_commit_us),
        .queue_now = atomic_load(&l->queue_now),
        .last_failed = atomic_load(&l->last_failed),
        .recovered_ready = l->opened.recovered_ready,
        .recovered_unknown = l->opened.recovered_unknown,
        .restored_from_ms = l->opened.restored_from_ms,
        .restored = l->opened.restored,
    };
}
