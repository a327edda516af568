/* Whose turn it is. Called by the loop only; pure: time comes in, a decision goes out. Owns the
 * destinations, the jobs they hold and their order; the ledger keeps the jobs themselves.
 *
 * A destination is in one of three places: in `turns` when it may have something to do, in
 * `starved` when it would start a job but the total is used up, in `wakes` when it knows how
 * long it has nothing to do (perhaps for ever). sched_next() takes the first in turn, asks it,
 * and puts it behind the others (round robin), or to sleep. Whatever could change its mind (a
 * job comes, one ends, its limits change) puts it in turn again. So each call costs a heap
 * operation or two, however many destinations and jobs there are.
 *
 * The total is a soft limit: a destination that has nothing running may always start one, so
 * that others, slow or hanging, can never starve it. */

#include "queue/sched.h"

#include <string.h>

#include "base/mem.h"
#include "queue/sched_internal.h"

/* For a destination that is not known any more. */
#define DEFAULT_BACKOFF_MIN_MS (5 * MS_SECOND)
#define DEFAULT_BACKOFF_MAX_MS (10 * MS_MINUTE)

static bool wakes_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of_const(a, struct dest, wake)->wake_at_ms <
           container_of_const(b, struct dest, wake)->wake_at_ms;
}

/* ---- places ---- */

static void leave_place(struct sched *s, struct dest *d)
{
    if (list_linked(&d->turn)) {
        list_remove(d->starved ? &s->starved : &s->turns, &d->turn);
        d->starved = false;
    }
    if (d->wake.place != 0) {
        heap_remove(&s->wakes, &d->wake);
    }
}

/* It may have something to do: in turn, unless it already is. */
static void rouse(struct sched *s, struct dest *d)
{
    if (d->removed || (list_linked(&d->turn) && !d->starved)) {
        return;
    }
    leave_place(s, d);
    list_push(&s->turns, &d->turn);
}

static void sleep_until(struct sched *s, struct dest *d, int64_t at_ms)
{
    leave_place(s, d);
    d->wake_at_ms = at_ms;
    heap_push(&s->wakes, &d->wake);
}

static void starve(struct sched *s, struct dest *d)
{
    leave_place(s, d);
    d->starved = true;
    list_push(&s->starved, &d->turn);
}

/* ---- hosts ---- */

static struct host *host_ref(struct sched *s, const char *name)
{
    struct host *h;

    if (!name) {
        return NULL;
    }
    h = map_get(s->hosts, name, strlen(name));
    if (!h) {
        h = mem_zalloc(sizeof *h);
        h->name = mem_strdup(name);
        map_put(s->hosts, name, strlen(name), h);
    }
    h->users++;
    return h;
}

static void host_unref(struct sched *s, struct host *h)
{
    if (h && --h->users == 0) {
        map_remove(s->hosts, h->name, strlen(h->name));
        mem_free(h->name);
        mem_free(h);
    }
}

/* ---- destinations ---- */

static struct dest *dest_find(const struct sched *s, const char *name)
{
    return map_get(s->dests, name, strlen(name));
}

static struct dest *dest_new(struct sched *s, const char *name)
{
    struct dest *d = mem_zalloc(sizeof *d);
    size_t len = strlen(name);

    must(len < sizeof d->name);
    memcpy(d->name, name, len);
    window_init(d);
    map_put(s->dests, d->name, len, d);
    return d;
}

static void dest_free(struct sched *s, struct dest *d)
{
    leave_place(s, d);
    window_done(s, d);
    host_unref(s, d->host);
    for (int i = 0; i < PLACE_WAITING_COUNT; i++) {
        heap_done(&d->jobs[i]);
    }
    mem_free(d);
}

static void set_bucket(struct dest *d, const struct ledger_bucket *kept, int64_t now_ms)
{
    if (kept && kept->at_ms > 0) {
        d->bucket = (struct bucket){.tokens = kept->tokens, .at_ms = kept->at_ms};
    } else {
        int64_t full = d->limits.rate.count > 0 ? d->limits.rate.count : 0;

        d->bucket = (struct bucket){.tokens = (double)full, .at_ms = now_ms};
    }
    bucket_fill(&d->bucket, d->limits.rate, now_ms);
}

/* What was left stays what is left, at most what the new rate allows: settings that change give
 * nothing back of what was used. Without a rate nothing was counted. */
static void carry_bucket(struct dest *d, struct rate old, int64_t now_ms)
{
    if (old.count <= 0 || old.per_ms <= 0) {
        set_bucket(d, NULL, now_ms);
        return;
    }
    bucket_fill(&d->bucket, old, now_ms);
    bucket_fill(&d->bucket, d->limits.rate, now_ms);
}

void sched_destination_set(struct sched *s,
                           const char *name,
                           const char *host,
                           const struct sched_limits *limits,
                           const struct ledger_bucket *bucket,
                           int64_t now_ms)
{
    struct dest *d = dest_find(s, name);
    struct host *old = d ? d->host : NULL;
    struct rate rate = d ? d->limits.rate : limits->rate;
    bool is_new = !d;

    if (is_new) {
        d = dest_new(s, name);
    }
    d->host = host_ref(s, host);
    host_unref(s, old);
    d->limits = *limits;
    if (is_new) {
        feedback_init(d);
        set_bucket(d, bucket, now_ms);
    } else {
        carry_bucket(d, rate, now_ms);
    }
    feedback_limits(d);
    rouse(s, d);
}

void sched_destination_remove(struct sched *s, const char *name)
{
    struct dest *d = dest_find(s, name);

    if (!d) {
        return;
    }
    map_remove(s->dests, d->name, strlen(d->name));
    leave_place(s, d);
    window_done(s, d);
    d->removed = true;
    if (d->running == 0) {
        dest_free(s, d);
    }
}

void sched_stop(struct sched *s, const char *name, bool stopped)
{
    struct dest *d = dest_find(s, name);

    if (d) {
        d->stopped = stopped;
        rouse(s, d);
    }
}

bool sched_is_stopped(const struct sched *s, const char *name)
{
    const struct dest *d = dest_find(s, name);

    return d && d->stopped;
}

/* ---- the whole ---- */

struct sched *sched_new(uint64_t seed, int64_t total_concurrency)
{
    struct sched *s = mem_zalloc(sizeof *s);

    rng_init(&s->rng, seed);
    s->total = total_concurrency;
    s->dests = map_new();
    s->hosts = map_new();
    s->jobs = map_new();
    list_init(&s->turns);
    list_init(&s->starved);
    heap_init(&s->wakes, wakes_before);
    s->last_ms = INT64_MIN;
    return s;
}

/* Of removed destinations only the running jobs are left to tell. */
static void free_running(struct sched *s)
{
    struct sjob *j;
    size_t cursor = 0;

    while ((j = map_each(s->jobs, &cursor))) {
        struct dest *d = j->dest;

        if (d->removed && --d->running == 0) {
            dest_free(s, d);
        }
        mem_free(j->next);
        mem_free(j);
    }
}

void sched_free(struct sched *s)
{
    struct dest *d;
    size_t cursor = 0;

    if (!s) {
        return;
    }
    while ((d = map_each(s->dests, &cursor))) {
        window_done(s, d);
    }
    free_running(s);
    cursor = 0;
    while ((d = map_each(s->dests, &cursor))) {
        dest_free(s, d);
    }
    heap_done(&s->wakes);
    map_free(s->dests);
    map_free(s->hosts);
    map_free(s->jobs);
    mem_free(s);
}

void sched_total_set(struct sched *s, int64_t total_concurrency)
{
    s->total = total_concurrency;
}

size_t sched_running(const struct sched *s)
{
    return s->running;
}

/* ---- jobs come and go ---- */

static void keep_for_later(struct sjob *j, const struct ledger_job *job)
{
    if (!j->next) {
        j->next = mem_alloc(sizeof *j->next);
    } else if (job->due_at_ms < j->next->due_at_ms) {
        return;
    }
    *j->next = *job;
}

void sched_add(struct sched *s, const struct ledger_job *job, int64_t now_ms)
{
    struct sjob *j = map_get_u64(s->jobs, job->id.v);
    struct dest *d = dest_find(s, job->channel);

    if (j && j->place == PLACE_RUNNING) {
        keep_for_later(j, job); /* its end is about to be told */
    } else if (d) {
        window_put(s, d, job, now_ms);
        rouse(s, d);
    }
}

void sched_loaded(struct sched *s,
                  const char *name,
                  const struct ledger_job *jobs,
                  size_t count,
                  bool more,
                  int64_t now_ms)
{
    struct dest *d = dest_find(s, name);

    if (d) {
        window_loaded(s, d, jobs, count, more, now_ms);
        rouse(s, d);
    }
}

void sched_more(struct sched *s, const char *name, int64_t now_ms)
{
    struct dest *d = dest_find(s, name);

    if (d) {
        window_more(d, now_ms);
        rouse(s, d);
    }
}

void sched_forget(struct sched *s)
{
    struct dest *d;
    struct sjob *j;
    size_t cursor = 0;

    while ((d = map_each(s->dests, &cursor))) {
        window_forget(s, d);
        rouse(s, d);
    }
    cursor = 0;
    while ((j = map_each(s->jobs, &cursor))) { /* those that run */
        if (j->next) {
            mem_free(j->next);
            j->next = NULL;
            window_more(j->dest, INT64_MIN);
        }
    }
}

void sched_cancel(struct sched *s, struct delivery_id id)
{
    struct sjob *j = map_get_u64(s->jobs, id.v);

    if (!j) {
        return;
    }
    if (j->place == PLACE_RUNNING) {
        mem_free(j->next);
        j->next = NULL;
        return;
    }
    rouse(s, j->dest);
    window_drop(s, j);
}

/* ---- whose turn ---- */

static void give(const struct dest *d, enum sched_what what, struct sched_next *out)
{
    memset(out, 0, sizeof *out);
    out->what = what;
    memcpy(out->destination, d->name, sizeof out->destination);
}

static void run(struct sched *s, struct dest *d, struct sjob *j)
{
    j->place = PLACE_RUNNING;
    j->cohort = d->cohort;
    j->cut = d->cut;
    j->among = d->probing ? 1.0 : d->window;
    d->running++;
    s->running++;
}

static struct ledger_bucket bucket_of(const struct dest *d)
{
    return (struct ledger_bucket){.tokens = d->bucket.tokens, .at_ms = d->bucket.at_ms};
}

static void start(struct sched *s, struct dest *d, struct sjob *j, struct sched_next *out)
{
    window_take(j);
    run(s, d, j);
    give(d, SCHED_START, out);
    out->job = j->job;
    out->bucket = bucket_of(d);
}

static void expire(struct sched *s, struct dest *d, struct sjob *j, struct sched_next *out)
{
    give(d, SCHED_EXPIRE, out);
    out->job = j->job;
    window_drop(s, j);
}

static bool total_is_used_up(const struct sched *s, const struct dest *d)
{
    return s->total > 0 && s->running >= (size_t)s->total && d->running > 0;
}

/* The next job of a destination that may work now. False: it was put elsewhere. */
static bool start_next(struct sched *s, struct dest *d, int64_t now_ms, struct sched_next *out)
{
    struct sjob *j = window_peek(d);
    int64_t wait_ms;

    if (!j || d->running >= feedback_slots(d)) {
        sleep_until(s, d, window_next_at(d, now_ms));
        return false;
    }
    if (job_is_over(&j->job, now_ms)) {
        expire(s, d, j, out);
        return true;
    }
    if (total_is_used_up(s, d)) {
        starve(s, d);
        return false;
    }
    wait_ms = bucket_take(&d->bucket, d->limits.rate, now_ms);
    if (wait_ms > 0) {
        sleep_until(s, d, now_ms + wait_ms);
        return false;
    }
    start(s, d, j, out);
    return true;
}

/* Nothing waits there that has its turn before a new one. */
static bool is_free(struct sched *s, struct dest *d, int64_t now_ms)
{
    if (d->stopped || feedback_quiet_left(d, now_ms) > 0 || d->running >= feedback_slots(d) ||
        total_is_used_up(s, d)) {
        return false;
    }
    window_promote(d, now_ms);
    return window_due(d) == 0 && !d->loading && d->more_at_ms > now_ms;
}

bool sched_claim(struct sched *s,
                 const struct ledger_job *job,
                 int64_t now_ms,
                 struct ledger_bucket *out_bucket)
{
    struct dest *d = dest_find(s, job->channel);

    if (!d || map_get_u64(s->jobs, job->id.v) || !is_free(s, d, now_ms) ||
        bucket_take(&d->bucket, d->limits.rate, now_ms) > 0) {
        return false;
    }
    run(s, d, window_new(s, d, job));
    *out_bucket = bucket_of(d);
    return true;
}

/* Asks the destination whose turn it is. True: it has something, and goes behind the others. */
static bool ask(struct sched *s, struct dest *d, int64_t now_ms, struct sched_next *out)
{
    int64_t quiet_ms = feedback_quiet_left(d, now_ms);

    if (d->stopped) {
        sleep_until(s, d, INT64_MAX);
        return false;
    }
    if (quiet_ms > 0) {
        sleep_until(s, d, now_ms + quiet_ms);
        return false;
    }
    window_promote(d, now_ms);
    if (window_wants_more(d, now_ms)) {
        window_asked(d);
        give(d, SCHED_LOAD, out);
        out->limit = SCHED_WINDOW + window_due(d) + d->running;
        return true;
    }
    return start_next(s, d, now_ms, out);
}

/* A clock that went back: all wait for times that may be far off by now. */
static void rouse_all(struct sched *s, int64_t now_ms)
{
    struct dest *d;
    size_t cursor = 0;

    while ((d = map_each(s->dests, &cursor))) {
        if (d->more_at_ms != INT64_MAX) {
            d->more_at_ms = now_ms;
        }
        rouse(s, d);
    }
}

static void wake_due(struct sched *s, int64_t now_ms)
{
    struct heap_node *n;

    if (now_ms < s->last_ms) {
        rouse_all(s, now_ms);
    }
    s->last_ms = now_ms;
    while ((n = heap_min(&s->wakes)) != NULL) {
        struct dest *d = container_of(n, struct dest, wake);

        if (d->wake_at_ms > now_ms) {
            break;
        }
        rouse(s, d);
    }
}

/* The first in turn; when nobody is, the first who was starved and need not be any more. */
static struct dest *next_in_turn(struct sched *s)
{
    struct list_node *n = list_first(&s->turns);

    if (!n && (s->total <= 0 || s->running < (size_t)s->total)) {
        n = list_first(&s->starved);
    }
    return n ? container_of(n, struct dest, turn) : NULL;
}

static void go_behind(struct sched *s, struct dest *d)
{
    leave_place(s, d);
    list_push(&s->turns, &d->turn);
}

void sched_next(struct sched *s, int64_t now_ms, struct sched_next *out)
{
    struct heap_node *n;
    struct dest *d;

    wake_due(s, now_ms);
    while ((d = next_in_turn(s))) {
        if (ask(s, d, now_ms, out)) {
            go_behind(s, d);
            return;
        }
    }
    memset(out, 0, sizeof *out);
    out->what = SCHED_SLEEP;
    n = heap_min(&s->wakes);
    out->until_ms = n ? container_of(n, struct dest, wake)->wake_at_ms : INT64_MAX;
}

/* ---- how it ended ---- */

static void take_out(struct sched *s, struct sjob *j, int64_t now_ms)
{
    struct dest *d = j->dest;
    struct ledger_job *again = j->next;

    j->next = NULL;
    d->running--;
    s->running--;
    window_drop(s, j);
    if (d->removed) {
        if (d->running == 0) {
            dest_free(s, d);
        }
    } else {
        rouse(s, d);
    }
    if (again) {
        sched_add(s, again, now_ms);
        mem_free(again);
    }
}

static struct sjob *running_find(struct sched *s, struct delivery_id id)
{
    struct sjob *j = map_get_u64(s->jobs, id.v);

    return j && j->place == PLACE_RUNNING ? j : NULL;
}

void sched_end(struct sched *s,
               struct delivery_id id,
               const struct sched_end *end,
               int64_t now_ms)
{
    struct sjob *j = running_find(s, id);

    if (j) {
        feedback_end(s, j->dest, j, end, now_ms);
        take_out(s, j, now_ms);
    }
}

void sched_give_back(struct sched *s, struct delivery_id id, int64_t now_ms)
{
    struct sjob *j = running_find(s, id);

    if (j) {
        j->dest->bucket.tokens += 1.0;
        bucket_fill(&j->dest->bucket, j->dest->limits.rate, now_ms);
        take_out(s, j, now_ms);
    }
}

int64_t sched_retry_at(struct sched *s,
                       const char *destination,
                       int64_t failures,
                       int64_t retry_after_ms,
                       int64_t now_ms)
{
    const struct dest *d = dest_find(s, destination);
    int64_t min_ms = d ? d->limits.backoff_min_ms : DEFAULT_BACKOFF_MIN_MS;
    int64_t max_ms = d ? d->limits.backoff_max_ms : DEFAULT_BACKOFF_MAX_MS;
    int64_t wait_ms = policy_backoff_ms(min_ms, max_ms, failures, &s->rng);

    return now_ms + (wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
}

void sched_view(const struct sched *s,
                const char *destination,
                int64_t now_ms,
                struct sched_view *out)
{
    const struct dest *d = dest_find(s, destination);
    struct quiet own, host = {.until_ms = 0};
    struct bucket bucket;
    int64_t quiet_ms;

    memset(out, 0, sizeof *out);
    if (!d) {
        return;
    }
    own = d->quiet;
    if (d->host) {
        host = d->host->quiet;
    }
    quiet_ms = quiet_left(&own, now_ms);
    quiet_ms = quiet_left(&host, now_ms) > quiet_ms ? quiet_left(&host, now_ms) : quiet_ms;
    bucket = d->bucket;
    bucket_fill(&bucket, d->limits.rate, now_ms);
    *out = (struct sched_view){
        .known = true,
        .stopped = d->stopped,
        .waiting = window_due(d) + d->jobs[PLACE_LATER].count,
        .running = d->running,
        .window = d->window,
        .quiet_until_ms = quiet_ms > 0 ? now_ms + quiet_ms : 0,
        .bucket = {.tokens = bucket.tokens, .at_ms = bucket.at_ms},
        .rate = d->limits.rate,
    };
}
