/* An origin on a thread: whose turn it is, on which connection, and when one more connection is worth it. What
 * happens when it is in trouble is in lane_trouble.c.
 *
 * Who may go: as many requests at a time as `window` says, which grows with good answers and falls with bad ones
 * (lane_trouble.c), and no more on a connection than its peer allows. Connections are filled one behind the
 * other, so that their frames fill whole records.
 *
 * One more connection is opened only when the others are full, all of them have proved to answer (a service that
 * first allows one stream raises that when it knows us), and their limits keep us below what a core could send
 * at this service's round trip. At most as many at a time as stand already, and none sooner than OPEN_EVERY_MS
 * after the last: some services take a flood of connections for an attack. */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/url.h"

#define OPEN_EVERY_MS 20
#define ENOUGH_PER_SECOND 150000 /* messages that are ours to make, on one thread */
#define WINDOW_FIRST 512

/* ---- what threads share ---- */

static struct lane_shared *shared_ref(struct lanes *l, const char *key)
{
    struct lane_shared *s;

    uv_mutex_lock(&l->lock);
    s = map_get(l->shared, key, strlen(key));
    if (!s) {
        s = mem_zalloc(sizeof *s);
        (void)map_put(l->shared, key, strlen(key), s);
    }
    (void)atomic_fetch_add(&s->refs, 1);
    uv_mutex_unlock(&l->lock);
    return s;
}

static void shared_unref(struct lanes *l, const char *key, struct lane_shared *s)
{
    uv_mutex_lock(&l->lock);
    if (atomic_fetch_sub(&s->refs, 1) == 1) {
        (void)map_remove(l->shared, key, strlen(key));
        mem_free(s);
    }
    uv_mutex_unlock(&l->lock);
}

/* ---- life ---- */

static struct lane_origin *origin_new(struct lane *t, const char *url, const char *key)
{
    struct lane_origin *o;
    struct url_parts p;
    bool tls;

    if (!url_parse(&p, url) || p.host_len == 0) {
        return NULL;
    }
    tls = p.scheme_len == 5;
    o = mem_zalloc(sizeof *o);
    o->lane = t;
    o->key = mem_strdup(key);
    o->url = mem_strdup(url);
    o->authority = p.port ? mem_printf("%.*s:%d", (int)p.host_len, p.host, p.port)
                          : mem_strndup(p.host, p.host_len);
    o->host = p.host[0] == '[' ? mem_strndup(p.host + 1, p.host_len - 2)
                               : mem_strndup(p.host, p.host_len);
    o->port = url_port(&p);
    (void)snprintf(o->service, sizeof o->service, "%d", o->port);
    o->tls = tls;
    o->shared = shared_ref(t->lanes, key);
    o->window = WINDOW_FIRST;
    o->slow_from = 1e9;
    o->body_max = 4096;
    o->connections_max = LANE_CONNECTIONS;
    o->idle_since_ms = t->now_ms;
    list_init(&o->groups);
    list_init(&o->conns);
    list_push(&t->origins, &o->node);
    (void)map_put(t->by_key, key, strlen(key), o);
    return o;
}

bool lane__origin_key(char out[LANE_KEY_BYTES],
                      const char *url,
                      const char *apart,
                      bool allow_private)
{
    int n =
        snprintf(out, LANE_KEY_BYTES, "%s %s%s", url, apart, allow_private ? " private" : "");

    return n >= 0 && n < LANE_KEY_BYTES;
}

struct lane_origin *
lane__origin_get(struct lane *t, const char *url, const char *apart, bool allow_private)
{
    char key[LANE_KEY_BYTES];
    struct lane_origin *o;

    if (!lane__origin_key(key, url, apart, allow_private)) {
        return NULL;
    }
    o = map_get(t->by_key, key, strlen(key));
    if (!o) {
        o = origin_new(t, url, key);
        if (o) {
            o->allow_private = allow_private;
        }
    }
    return o && (o->tls || allow_private) ? o : NULL; /* in the clear only to our own */
}

bool lane__origin_idle(const struct lane_origin *o)
{
    return list_empty(&o->groups) && list_empty(&o->conns) && !o->resolving;
}

void lane__origin_free(struct lane_origin *o)
{
    struct lane *t = o->lane;

    must(lane__origin_idle(o));
    if (list_linked(&o->dirty_node)) {
        list_remove(&t->dirty, &o->dirty_node);
    }
    if (list_linked(&o->name_node)) {
        list_remove(&t->names, &o->name_node);
    }
    list_remove(&t->origins, &o->node);
    (void)map_remove(t->by_key, o->key, strlen(o->key));
    shared_unref(t->lanes, o->key, o->shared);
    for (size_t i = 0; i < LANE_HEADERS; i++) {
        lane__headers_done(&o->headers[i]);
    }
    uv_freeaddrinfo(o->addresses);
    mem_free(o->key);
    mem_free(o->url);
    mem_free(o->host);
    mem_free(o->authority);
    mem_free(o);
}

/* ---- queues ---- */

/* Urgent ones before the others, else in the order they came. */
void lane__origin_queue(struct lane_group *g)
{
    struct lane_origin *o = g->origin;
    struct list_node *at = NULL;

    if (g->waiting == 0) {
        return;
    }
    if (!list_linked(&g->node)) {
        if (g->work->batch->urgent) {
            at = list_first(&o->groups);
            while (at && container_of(at, struct lane_group, node)->work->batch->urgent) {
                at = list_next(&o->groups, at);
            }
        }
        if (at) {
            list_insert_before(&o->groups, at, &g->node);
        } else {
            list_push(&o->groups, &g->node);
        }
    }
    lane__origin_dirty(o);
}

void lane__origin_dirty(struct lane_origin *o)
{
    if (!o->dirty) {
        o->dirty = true;
        list_push(&o->lane->dirty, &o->dirty_node);
    }
}

/* ---- whose turn ---- */

static struct lane_conn *conn_with_room(struct lane_origin *o)
{
    LIST_EACH(&o->conns, n)
    {
        struct lane_conn *c = container_of(n, struct lane_conn, node);

        if (c->state == CONN_READY && lane__conn_room(c) > 0) {
            return c;
        }
    }
    return NULL;
}

/* The first group whose pace lets it go; *wait_ms: how long the others have to wait, at least. */
static struct lane_group *next_group(struct lane_origin *o, int64_t *wait_ms)
{
    LIST_EACH(&o->groups, n)
    {
        struct lane_group *g = container_of(n, struct lane_group, node);
        size_t many = g->work->batch->push->many, count = many < g->waiting ? many : g->waiting;
        int64_t ms = lane_pace_take(g->work->batch->pace, count, o->lane->now_us);

        if (ms == 0) {
            return g;
        }
        g->work->since_ms = o->lane->now_ms; /* it is us whom it waits for */
        *wait_ms = *wait_ms == 0 || ms < *wait_ms ? ms : *wait_ms;
    }
    return NULL;
}

static bool window_open(const struct lane_origin *o)
{
    return (double)o->in_flight < o->window;
}

/* ---- one more connection ---- */

static bool limits_are_enough(const struct lane_origin *o)
{
    double streams = 0;

    LIST_EACH(&o->conns, n)
    {
        const struct lane_conn *c = container_of(n, struct lane_conn, node);

        if (c->state == CONN_READY) {
            if (!c->proven) {
                return true; /* as yet nobody knows */
            }
            streams += (double)c->limit;
        }
    }
    return o->srtt_us > 0 && streams * 1e6 / (double)o->srtt_us > ENOUGH_PER_SECOND;
}

static bool claim_opening(struct lane_origin *o)
{
    int64_t from = atomic_load(&o->shared->open_from_ms), now = o->lane->now_ms;

    return from <= now &&
           atomic_compare_exchange_strong(&o->shared->open_from_ms, &from, now + OPEN_EVERY_MS);
}

static void open_more(struct lane_origin *o)
{
    size_t standing = o->ready;

    if (o->resolving || list_linked(&o->name_node) ||
        o->connecting >= (standing > 0 ? standing : 1) || o->lane->ending) {
        return;
    }
    if (standing > 0 && (!o->held || limits_are_enough(o) ||
                         atomic_load(&o->shared->connections) >= o->connections_max)) {
        return;
    }
    if (!claim_opening(o)) {
        lane__wake_in(o->lane, OPEN_EVERY_MS);
        return;
    }
    lane__connect(o);
}

/* ---- */

static void flush_all(struct lane_origin *o)
{
    for (struct list_node *n = list_first(&o->conns), *behind; n; n = behind) {
        struct lane_conn *c = container_of(n, struct lane_conn, node);

        behind = list_next(&o->conns, n);
        if (c->session && !c->dead) {
            lane__session_gather(c);
            lane__conn_flush(c, true);
        }
        if (c->dead) {
            lane__conn_fail(c, c->error[0] ? c->error : "the connection was lost");
        }
    }
}

static void fill(struct lane_origin *o)
{
    int64_t wait_ms = 0;
    struct lane_group *g;
    struct lane_conn *c;

    o->held = false;
    while (o->waiting > 0 && window_open(o)) {
        c = conn_with_room(o);
        if (!c) {
            o->held = true;
            break;
        }
        g = next_group(o, &wait_ms);
        if (!g) {
            break;
        }
        (void)lane__send(c, g);
        if (c->out.len - c->out_at >= LANE_RECORD) {
            lane__conn_flush(c, false);
        }
    }
    if (wait_ms > 0) {
        lane__wake_in(o->lane, wait_ms);
    }
}

static struct lane_group *first_group(const struct lane_origin *o)
{
    struct list_node *n = list_first(&o->groups);

    return n ? container_of(n, struct lane_group, node) : NULL;
}

/* Where nobody may go now. True: nobody waits any more. */
static bool send_back(struct lane_origin *o)
{
    int64_t quiet_ms = lane__quiet_left(o);
    struct lane_group *g;

    if (quiet_ms == 0 && !o->stalled && !(o->ready == 0 && lane__speaks_otherwise(o))) {
        return false;
    }
    while ((g = first_group(o)) != NULL) {
        if (quiet_ms > 0) {
            lane__leave_alone(g, quiet_ms);
        } else if (o->stalled) {
            lane__give_back(g, LANE_STALL_MS, "its push service does not answer");
        } else {
            lane__give_over(g);
        }
    }
    return true;
}

void lane__pump(struct lane_origin *o)
{
    if (!send_back(o)) {
        fill(o);
    }
    flush_all(o);
    if (o->waiting > 0) {
        open_more(o);
    }
    if (!lane__origin_idle(o)) {
        o->idle_since_ms = o->lane->now_ms;
    }
}
