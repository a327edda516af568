/* What a destination holds of its queue: a bounded window of jobs, sorted by whose turn it is,
 * and the memory of what was left in the ledger. Called by sched.c; knows nothing of rates or
 * concurrency.
 *
 * Each sort has its own ceiling, so that a thousand retries in an hour cannot push out a new
 * article: what does not fit stays in the ledger, and more_at_ms says from when on it is
 * wanted. */

#include "queue/sched_internal.h"

#include "base/mem.h"

/* With fewer new ones than this at hand, what was left in the ledger may be newer than the
 * retries that fill the window: look again, but not more often than LOOK_AGAIN_MS. */
#define FEW_FRESH (SCHED_WINDOW / 4)
#define LOOK_AGAIN_MS 1000

/* When it must be looked at: due, or over. A look at an unknown outcome is never over. */
static int64_t due_key(const struct ledger_job *job)
{
    if (!job->verify && job->not_after_ms > 0 && job->not_after_ms < job->due_at_ms) {
        return job->not_after_ms;
    }
    return job->due_at_ms;
}

bool job_is_over(const struct ledger_job *job, int64_t now_ms)
{
    return !job->verify && job->not_after_ms > 0 && job->not_after_ms <= now_ms;
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    const struct sjob *x = container_of_const(a, struct sjob, node);
    const struct sjob *y = container_of_const(b, struct sjob, node);
    int64_t x_due = due_key(&x->job), y_due = due_key(&y->job);

    return x_due != y_due ? x_due < y_due : x->job.id.v < y->job.id.v;
}

static struct sjob *first(const struct dest *d, enum place place)
{
    struct heap_node *n = heap_min(&d->jobs[place]);

    return n ? container_of(n, struct sjob, node) : NULL;
}

void window_init(struct dest *d)
{
    for (int i = 0; i < PLACE_WAITING_COUNT; i++) {
        heap_init(&d->jobs[i], before);
    }
    d->more_at_ms = INT64_MIN; /* nothing was loaded yet: ask */
    d->loaded_at_ms = INT64_MIN;
}

void window_done(struct sched *s, struct dest *d)
{
    for (int i = 0; i < PLACE_WAITING_COUNT; i++) {
        struct sjob *j;

        while ((j = first(d, (enum place)i))) {
            window_drop(s, j);
        }
        heap_done(&d->jobs[i]);
        heap_init(&d->jobs[i], before);
    }
}

static enum place place_of(const struct ledger_job *job, int64_t now_ms)
{
    if (due_key(job) > now_ms) {
        return PLACE_LATER;
    }
    return job->breaking                      ? PLACE_URGENT
           : job->attempts > 0 || job->verify ? PLACE_RETRY
                                              : PLACE_FRESH;
}

static void put_at(struct sjob *j, enum place place)
{
    j->place = place;
    heap_push(&j->dest->jobs[place], &j->node);
}

static void remember_more(struct dest *d, int64_t at_ms)
{
    d->more_at_ms = at_ms < d->more_at_ms ? at_ms : d->more_at_ms;
}

static bool has_room(const struct dest *d, const struct ledger_job *job, enum place place)
{
    return job->breaking || d->jobs[place].count < SCHED_WINDOW;
}

struct sjob *window_new(struct sched *s, struct dest *d, const struct ledger_job *job)
{
    struct sjob *j = mem_zalloc(sizeof *j);

    j->job = *job;
    j->dest = d;
    map_put_u64(s->jobs, job->id.v, j);
    return j;
}

static void
put_new(struct sched *s, struct dest *d, const struct ledger_job *job, int64_t now_ms)
{
    enum place place = place_of(job, now_ms);

    if (!has_room(d, job, place)) {
        remember_more(d, due_key(job));
        return;
    }
    put_at(window_new(s, d, job), place);
}

static void put_again(struct sjob *j, const struct ledger_job *job, int64_t now_ms)
{
    if (job->due_at_ms < j->job.due_at_ms) {
        return;
    }
    heap_remove(&j->dest->jobs[j->place], &j->node);
    j->job = *job;
    put_at(j, place_of(job, now_ms));
}

void window_put(struct sched *s, struct dest *d, const struct ledger_job *job, int64_t now_ms)
{
    struct sjob *j = map_get_u64(s->jobs, job->id.v);

    if (!j) {
        put_new(s, d, job, now_ms);
    } else if (j->place != PLACE_RUNNING) {
        put_again(j, job, now_ms);
    }
}

void window_promote(struct dest *d, int64_t now_ms)
{
    struct sjob *j;

    while ((j = first(d, PLACE_LATER)) && due_key(&j->job) <= now_ms) {
        heap_remove(&d->jobs[PLACE_LATER], &j->node);
        put_at(j, place_of(&j->job, now_ms));
    }
}

struct sjob *window_peek(struct dest *d)
{
    bool retries_turn = d->turn_of_retries % SCHED_RETRY_SHARE == SCHED_RETRY_SHARE - 1;
    struct sjob *j = first(d, PLACE_URGENT);

    if (!j) {
        j = first(d, retries_turn ? PLACE_RETRY : PLACE_FRESH);
    }
    if (!j) {
        j = first(d, retries_turn ? PLACE_FRESH : PLACE_RETRY);
    }
    return j;
}

void window_take(struct sjob *j)
{
    if (j->place != PLACE_URGENT) {
        j->dest->turn_of_retries++;
    }
    heap_remove(&j->dest->jobs[j->place], &j->node);
}

void window_drop(struct sched *s, struct sjob *j)
{
    if (j->place != PLACE_RUNNING && j->node.place != 0) {
        heap_remove(&j->dest->jobs[j->place], &j->node);
    }
    map_remove_u64(s->jobs, j->job.id.v);
    mem_free(j->next);
    mem_free(j);
}

size_t window_due(const struct dest *d)
{
    return d->jobs[PLACE_URGENT].count + d->jobs[PLACE_FRESH].count +
           d->jobs[PLACE_RETRY].count;
}

/* Where the answer ended: what it left out is due no earlier than that (LEDGER_DUE gives all
 * that is due before anything that is not). */
static int64_t end_of(const struct ledger_job *jobs, size_t count, int64_t now_ms)
{
    int64_t last = now_ms;

    for (size_t i = 0; i < count; i++) {
        last = jobs[i].due_at_ms > last ? jobs[i].due_at_ms : last;
    }
    return last;
}

/* What is remembered from now on may be missing from the answer; what was, will be in it. */
void window_asked(struct dest *d)
{
    d->loading = true;
    d->more_at_ms = INT64_MAX;
}

/* Also what came in again for a running one: its end adds it, or the ledger has it. */
void window_forget(struct sched *s, struct dest *d)
{
    window_done(s, d);
    d->more_at_ms = INT64_MIN;
    d->loaded_at_ms = INT64_MIN;
    d->stale = d->loading;
}

void window_more(struct dest *d, int64_t at_ms)
{
    remember_more(d, at_ms);
}

void window_loaded(struct sched *s,
                   struct dest *d,
                   const struct ledger_job *jobs,
                   size_t count,
                   bool more,
                   int64_t now_ms)
{
    size_t held = map_count(s->jobs);

    d->loading = false;
    if (d->stale) {
        d->stale = false;
        return;
    }
    d->loaded_at_ms = now_ms;
    if (more) {
        remember_more(d, end_of(jobs, count, now_ms));
    }
    for (size_t i = 0; i < count; i++) {
        window_put(s, d, &jobs[i], now_ms);
    }
    if (map_count(s->jobs) == held && d->more_at_ms < now_ms + LOOK_AGAIN_MS) {
        d->more_at_ms = now_ms + LOOK_AGAIN_MS; /* it told nothing new: do not ask at once */
    }
}

/* When to look again in spite of a filled window. */
static int64_t look_again_at(const struct dest *d)
{
    return d->loaded_at_ms == INT64_MIN ? INT64_MIN : d->loaded_at_ms + LOOK_AGAIN_MS;
}

bool window_wants_more(const struct dest *d, int64_t now_ms)
{
    if (d->loading || d->more_at_ms > now_ms) {
        return false;
    }
    if (window_due(d) < SCHED_WINDOW / 2) {
        return true;
    }
    return d->jobs[PLACE_FRESH].count < FEW_FRESH &&
           (look_again_at(d) <= now_ms || d->loaded_at_ms > now_ms);
}

int64_t window_next_at(const struct dest *d, int64_t now_ms)
{
    struct sjob *j = first(d, PLACE_LATER);
    int64_t at = j ? due_key(&j->job) : INT64_MAX;
    int64_t more_at = d->more_at_ms;

    if (d->loading || more_at == INT64_MAX) {
        return at;
    }
    if (more_at <= now_ms) {
        more_at =
            look_again_at(d); /* the window is full: only its new part may be looked after */
        if (more_at <= now_ms || d->jobs[PLACE_FRESH].count >= FEW_FRESH) {
            return at;
        }
    }
    return more_at < at ? more_at : at;
}
