/* How a destination is doing: how many at once, and when to leave it alone. Called by sched.c
 * when a job ends; owns the numbers in struct dest, leaves the order of jobs to others.
 *
 * A cohort is what runs at once, N jobs. Up: until the first trouble every success adds one, so a
 * whole cohort doubles the window and a healthy receiver has its ceiling after a few round trips (slow
 * start, RFC 5681 section 3.1); from then on it adds 1/N, so a whole cohort adds one. A window that is
 * not half used is not known to be good, and does not grow (RFC 7661).
 *
 * Down: a failure takes 1/N, as in Postfix's queue manager. "Too many" halves, once for all that were
 * running when it was said: they were sent into the same crowd. It also teaches a limit, one less than
 * what was too many. The window is soon back there and stays for some cohorts before it tries one more;
 * when that is refused again the limit is confirmed, and it stays twice as long. So a destination that
 * takes ten at once gets ten, and refuses one request in thousands. When a whole cohort has failed
 * without one success, the destination is left alone, longer each time, with full jitter; then one
 * job at a time probes it. Jobs that were already running when it was left alone belong to that same
 * trouble and do not count again. */

#include "queue/sched_internal.h"

/* Half of Postfix's initial_destination_concurrency would be slow to reach fifty channels'
 * pace; it is the size of a first burst that no platform minds. */
#define FIRST_WINDOW 5.0
/* At a learned limit it stays for so many cohorts before it tries one more. */
#define PATIENCE_MIN 8.0
#define PATIENCE_MAX 1024.0

int64_t quiet_left(struct quiet *q, int64_t now_ms)
{
    if (q->until_ms == 0) {
        return 0;
    }
    if (now_ms < q->from_ms) {
        q->until_ms = now_ms + (q->until_ms - q->from_ms);
        q->from_ms = now_ms;
    }
    return q->until_ms > now_ms ? q->until_ms - now_ms : 0;
}

void quiet_extend(struct quiet *q, int64_t now_ms, int64_t wait_ms)
{
    if (wait_ms > quiet_left(q, now_ms)) {
        q->from_ms = now_ms;
        q->until_ms = now_ms + wait_ms;
    }
}

static double ceiling(const struct dest *d)
{
    return d->limits.concurrency > 1 ? (double)d->limits.concurrency : 1.0;
}

static void set_window(struct dest *d, double window)
{
    double max = ceiling(d);

    d->window = window < 1.0 ? 1.0 : window > max ? max : window;
}

void feedback_init(struct dest *d)
{
    d->steep_till = ceiling(d);
    d->patience = PATIENCE_MIN;
    set_window(d, FIRST_WINDOW);
}

void feedback_limits(struct dest *d)
{
    set_window(d, d->window);
}

size_t feedback_slots(const struct dest *d)
{
    /* The sum of many 1/N misses a whole number by rounding. */
    return d->probing ? 1 : (size_t)(d->window + 1e-9);
}

int64_t feedback_quiet_left(struct dest *d, int64_t now_ms)
{
    int64_t own = quiet_left(&d->quiet, now_ms);
    int64_t host = d->host ? quiet_left(&d->host->quiet, now_ms) : 0;

    return own > host ? own : host;
}

static void grow(struct dest *d)
{
    double by = 1.0 / d->window;

    if (2.0 * (double)d->running < d->window) {
        return;
    }
    if (d->window < d->steep_till) {
        by = 1.0;
    } else if (d->limit > 0 && d->window < d->limit + 1.0) {
        by /= d->patience;
    } else if (d->limit > 0 && d->window >= d->limit + 2.0) {
        d->limit = 0; /* a whole cohort of one more went well */
        d->patience = PATIENCE_MIN;
    }
    set_window(d, d->window + by);
}

/* It was too many at this window. */
static void shrink(struct dest *d)
{
    double limit = d->window > 2.0 ? (double)(int64_t)d->window - 1.0 : 1.0;

    if (limit == d->limit) {
        d->patience = 2.0 * d->patience < PATIENCE_MAX ? 2.0 * d->patience : PATIENCE_MAX;
    } else {
        d->patience = PATIENCE_MIN;
    }
    d->cut++;
    d->limit = d->steep_till = limit;
    set_window(d, d->window / 2);
}

static void success(struct dest *d, const struct sjob *j)
{
    if (j->cohort != d->cohort) {
        return; /* from before it was left alone: says nothing of now */
    }
    if (j->cut == d->cut) {
        grow(d); /* else it went well in a larger crowd, of which others were refused */
    }
    d->failed_cohorts = 0;
    d->backoffs = 0;
    d->probing = false;
}

static void leave_alone(struct sched *s, struct dest *d, int64_t now_ms)
{
    d->backoffs++;
    d->cohort++;
    d->failed_cohorts = 0;
    d->probing = true;
    d->steep_till = d->window;
    set_window(d, 1.0);
    quiet_extend(&d->quiet,
                 now_ms,
                 policy_backoff_ms(
                     d->limits.backoff_min_ms, d->limits.backoff_max_ms, d->backoffs, &s->rng));
}

static void
failure(struct sched *s, struct dest *d, const struct sjob *j, bool overload, int64_t now_ms)
{
    if (j->cohort != d->cohort) {
        return;
    }
    d->failed_cohorts += 1.0 / j->among;
    if (!overload) {
        set_window(d, d->window - 1.0 / d->window);
        d->steep_till = d->window;
    } else if (j->cut == d->cut) {
        shrink(d);
    }
    if (d->probing || d->failed_cohorts >= 1.0 - 1e-9) {
        leave_alone(s, d, now_ms);
    }
}

void feedback_end(struct sched *s,
                  struct dest *d,
                  const struct sjob *j,
                  const struct sched_end *end,
                  int64_t now_ms)
{
    switch (end->outcome) {
    case SCHED_OK:
        success(d, j);
        break;
    case SCHED_TROUBLE:
        failure(s, d, j, end->overload, now_ms);
        break;
    case SCHED_STOPPED:
        d->stopped = true;
        break;
    case SCHED_NEUTRAL:
        break;
    }
    if (end->whole_channel || end->whole_host) {
        quiet_extend(&d->quiet, now_ms, end->retry_after_ms);
    }
    if (end->whole_host && d->host) {
        quiet_extend(&d->host->quiet, now_ms, end->retry_after_ms);
    }
}
