/* When an origin is left alone, and how much it gets at a time. Additive increase, multiplicative decrease: each
 * good answer lets a little more go, each bad time (429, 503, no answer in time) halves it, once per round trip.
 *
 * An origin that is in trouble holds nobody up but its own members, and those not for long: whoever waits for
 * it is given back, not tried. That is so while it is left alone (it asked for that, or cannot be reached), and while
 * it does not answer at all (LANE_STALL_MS). */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MAX 32000.0
#define SLOW_AGAIN_MS 100 /* falls no sooner again */
#define QUIET_FIRST_MS 500
#define QUIET_MAX_MS (60 * MS_SECOND)
#define OTHER_KEPT_MS MS_HOUR

void lane__went_well(struct lane_origin *o, int64_t us)
{
    o->srtt_us = o->srtt_us == 0 ? us : o->srtt_us + (us - o->srtt_us) / 16;
    if ((double)o->in_flight * 2 < o->window) {
        return; /* it was not put to the test */
    }
    o->window += o->window < o->slow_from ? 1 : 1 / o->window;
    o->window = o->window > WINDOW_MAX ? WINDOW_MAX : o->window;
}

void lane__too_much(struct lane_origin *o)
{
    int64_t now = o->lane->now_ms;
    int64_t round_ms = o->srtt_us / 1000 > SLOW_AGAIN_MS ? o->srtt_us / 1000 : SLOW_AGAIN_MS;

    if (o->slowed_ms != 0 && now - o->slowed_ms < round_ms) {
        return;
    }
    o->slowed_ms = now;
    o->window = (o->window < (double)o->in_flight ? o->window : (double)o->in_flight + 1) / 2;
    o->window = o->window < 1 ? 1 : o->window;
    o->slow_from = o->window;
}

static int64_t quiet_left(struct lane_shared *s, int64_t now_ms)
{
    int64_t left = atomic_load(&s->quiet_until_ms) - now_ms;

    return left > 0 ? left : 0;
}

int64_t lane__quiet_left(const struct lane_origin *o)
{
    return quiet_left(o->shared, o->lane->now_ms);
}

static int64_t
quiet(struct lane_shared *s, struct rng *rng, int64_t now_ms, int64_t retry_after_ms)
{
    int64_t until, old, left = quiet_left(s, now_ms);

    if (retry_after_ms <= 0 && left > 0) {
        return left; /* what was under way says the same, and is no trouble more */
    }
    if (retry_after_ms <= 0) {
        int n = atomic_fetch_add(&s->troubles, 1);

        retry_after_ms = n > 7 ? QUIET_MAX_MS : (int64_t)QUIET_FIRST_MS << n;
        retry_after_ms = retry_after_ms > QUIET_MAX_MS ? QUIET_MAX_MS : retry_after_ms;
        retry_after_ms += (int64_t)rng_below(rng, (uint64_t)retry_after_ms / 4 + 1);
    }
    until = now_ms + retry_after_ms;
    old = atomic_load(&s->quiet_until_ms);
    while (old < until && !atomic_compare_exchange_weak(&s->quiet_until_ms, &old, until)) {
    }
    return retry_after_ms;
}

int64_t lane__quiet(struct lane_origin *o, int64_t retry_after_ms)
{
    lane__origin_dirty(o);
    return quiet(o->shared, &o->lane->rng, o->lane->now_ms, retry_after_ms);
}

void lane__unreachable(struct lane_origin *o, const char *error)
{
    int64_t quiet_ms = lane__quiet(o, 0);
    struct list_node *n;

    while ((n = list_first(&o->groups)) != NULL) {
        lane__not_sent(container_of(n, struct lane_group, node), quiet_ms, error);
    }
}

/* ---- another protocol ---- */

bool lane__speaks_otherwise(const struct lane_origin *o)
{
    return atomic_load_explicit(&o->shared->other_until_ms, memory_order_relaxed) >
           o->lane->now_ms;
}

void lane__other_protocol(struct lane_conn *c)
{
    struct lane_origin *o = c->origin;

    if (o->ready > 0) { /* one of its machines is older than the others */
        lane__conn_fail(c, "it does not speak HTTP/2");
        return;
    }
    atomic_store(&o->shared->other_until_ms, o->lane->now_ms + OTHER_KEPT_MS);
    lane__conn_close(c);
    lane__origin_dirty(o);
}

/* With the lock of the lanes, which a caller lets go: what an origin's threads share. NULL: none does for now. */
static struct lane_shared *
shared_lock(struct lanes *l, const struct lane_batch *b, const struct member *m)
{
    struct buf url;
    char key[LANE_KEY_BYTES];
    bool found;

    buf_init(&url, LANE_KEY_BYTES);
    found = b->push->origin(b->plan, m, &url) && buf_ok(&url) &&
            lane__origin_key(key,
                             buf_str(&url),
                             b->push->apart ? b->push->apart(b->plan) : "",
                             b->allow_private);
    buf_done(&url);
    uv_mutex_lock(&l->lock);
    return found ? map_get(l->shared, key, strlen(key)) : NULL;
}

int64_t lanes_quiet_left(struct lanes *l, const struct lane_batch *b, const struct member *m)
{
    struct lane_shared *s = shared_lock(l, b, m);
    int64_t left = s ? quiet_left(s, clock_mono_ms()) : 0;

    uv_mutex_unlock(&l->lock);
    return left;
}

int64_t lanes_trouble(struct lanes *l,
                      const struct lane_batch *b,
                      const struct member *m,
                      int64_t retry_after_ms,
                      int64_t since_ms)
{
    struct lane_shared *s = shared_lock(l, b, m);

    if (s && atomic_load(&s->well_ms) > since_ms) {
        retry_after_ms = 0;
    } else if (s) {
        retry_after_ms = quiet(s, &l->crier->rng, clock_mono_ms(), retry_after_ms);
    }
    uv_mutex_unlock(&l->lock);
    return retry_after_ms;
}

void lanes_well(struct lanes *l, const struct lane_batch *b, const struct member *m)
{
    struct lane_shared *s = shared_lock(l, b, m);

    if (s) {
        atomic_store(&s->troubles, 0);
        atomic_store(&s->well_ms, clock_mono_ms());
    }
    uv_mutex_unlock(&l->lock);
}

/* ---- in every tick ---- */

static void time_out(struct lane_conn *c)
{
    struct lane_origin *o = c->origin;

    LIST_EACH(&c->streams, n)
    {
        struct lane_stream *s = container_of(n, struct lane_stream, node);
        char error[LANE_ERROR_BYTES];
        int64_t timeout_ms;

        if (!s->group) {
            continue;
        }
        timeout_ms = s->group->work->batch->timeout_ms;
        if (timeout_ms > 0 && o->lane->now_ms - s->started_ms >= timeout_ms) {
            (void)snprintf(
                error, sizeof error, "no answer after %lld ms", (long long)timeout_ms);
            (void)nghttp2_submit_rst_stream(
                c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
            lane__lost(s, error);
            lane__too_much(o);
            lane__origin_dirty(o);
        }
    }
}

/* Those that wait longer than an answer may take are no use to anybody here. */
static void lose_patience(struct lane_origin *o)
{
    for (struct list_node *n = list_first(&o->groups), *behind; n; n = behind) {
        struct lane_group *g = container_of(n, struct lane_group, node);
        int64_t timeout_ms = g->work->batch->timeout_ms;

        behind = list_next(&o->groups, n);
        if (timeout_ms > 0 && o->lane->now_ms - g->work->since_ms > timeout_ms) {
            lane__give_back(g, 0, "its push service takes no more for now");
        }
    }
}

void lane__look_after(struct lane_origin *o)
{
    int64_t now = o->lane->now_ms;

    for (struct list_node *n = list_first(&o->conns), *behind; n; n = behind) {
        struct lane_conn *c = container_of(n, struct lane_conn, node);

        behind = list_next(&o->conns, n);
        if (c->session) {
            time_out(c);
        }
        lane__conn_look_after(c);
    }
    lose_patience(o);
    if (!o->stalled && o->in_flight > 0 && now - o->progress_ms > LANE_STALL_MS) {
        o->stalled = true;
        lane__too_much(o);
    } else if (o->stalled && o->in_flight == 0) {
        o->stalled = false;
        (void)lane__quiet(o, 0);
    }
    if (o->waiting > 0) {
        lane__origin_dirty(o);
    }
}
