/* From a batch to the queues of origins, and from answers to a whole batch. A group is the part of a batch that
 * goes to one origin; its waiting members are a chain of indices in the work, so nothing is allocated for a
 * member. */

#include "service/lane_internal.h"

#include <stdio.h>
#include <string.h>

struct lane_work *lane__work_new(struct lane_batch *b)
{
    struct lane_work *w = mem_zalloc(sizeof *w + b->count * sizeof w->next[0]);

    must(b->count > 0 && b->count < UINT32_MAX);
    w->batch = b;
    w->left = b->count;
    w->tries = mem_zalloc(b->count);
    list_init(&w->groups);
    b->results = mem_calloc(b->count, sizeof *b->results);
    b->service_count = 0;
    b->stopped = false;
    return w;
}

/* ---- results ---- */

static struct lane_result *result_of(struct lane_work *w, uint32_t i)
{
    struct lane_result *r = &w->batch->results[i];

    must(w->left > 0);
    w->left--;
    r->answered_ms = w->lane->wall_ms;
    return r;
}

void lane__settle(
    struct lane_group *g, uint32_t i, const struct member_word *word, int status, bool sent)
{
    struct lane_result *r = result_of(g->work, i);

    r->outcome = word->outcome;
    r->sent = sent;
    r->status = status;
    r->service = g->service;
    r->retry_after_ms = word->retry_after_ms;
    if (word->outcome != MEMBER_ACCEPTED && word->detail[0] != '\0') {
        r->detail = mem_strdup(word->detail);
    }
}

static struct member_word
word_make(enum member_outcome outcome, int64_t retry_after_ms, const char *detail)
{
    struct member_word word = {.outcome = outcome, .retry_after_ms = retry_after_ms};

    (void)snprintf(word.detail, sizeof word.detail, "%s", detail);
    return word;
}

static void wait_ends(struct lane_group *g, size_t count)
{
    struct lane *t = g->work->lane;

    g->waiting -= count;
    g->origin->waiting -= count;
    (void)atomic_fetch_sub_explicit(&t->lanes->waiting, count, memory_order_relaxed);
    if (g->waiting == 0) {
        g->head = g->tail = 0;
        if (list_linked(&g->node)) {
            list_remove(&g->origin->groups, &g->node);
        }
    }
}

static void settle_waiting(struct lane_group *g, const struct member_word *word)
{
    size_t count = 0;

    for (uint32_t i = g->head; i > 0; i = g->work->next[i - 1]) {
        lane__settle(g, i - 1, word, 0, false);
        count++;
    }
    must(count == g->waiting);
    wait_ends(g, count);
}

void lane__give_back(struct lane_group *g, int64_t retry_after_ms, const char *detail)
{
    struct member_word word = word_make(MEMBER_AGAIN, retry_after_ms, detail);

    settle_waiting(g, &word);
}

void lane__leave_alone(struct lane_group *g, int64_t quiet_ms)
{
    for (uint32_t i = g->head; i > 0; i = g->work->next[i - 1]) {
        g->work->batch->results[i - 1].left_alone = true;
    }
    lane__give_back(g, quiet_ms, LANE_LEFT_ALONE);
}

void lane__give_over(struct lane_group *g)
{
    for (uint32_t i = g->head; i > 0; i = g->work->next[i - 1]) {
        g->work->batch->results[i - 1].other_protocol = true;
    }
    lane__give_back(g, 0, "its push service does not speak HTTP/2");
}

void lane__not_sent(struct lane_group *g, int64_t retry_after_ms, const char *error)
{
    const struct push *push = g->work->batch->push;
    struct member_word word = word_make(MEMBER_AGAIN, 0, error);

    if (push->unanswered) {
        struct verdict v =
            push->unanswered(g->work->batch->plan, TRANSPORT_NOT_SENT, error, &word, 1);

        (void)v; /* the origin is left alone anyway; of the wave it says nothing */
    }
    if (word.outcome == MEMBER_AGAIN && word.retry_after_ms < retry_after_ms) {
        word.retry_after_ms = retry_after_ms;
    }
    settle_waiting(g, &word);
}

/* ---- queues ---- */

uint32_t lane__take(struct lane_group *g, size_t most, uint32_t *out_head)
{
    const struct member *members = g->work->batch->members;
    uint32_t *next = g->work->next, last = g->head, count = 1;

    *out_head = g->head;
    while (count < most && next[last - 1] > 0 &&
           members[next[last - 1] - 1].key_id == members[g->head - 1].key_id) {
        last = next[last - 1];
        count++;
    }
    g->head = next[last - 1];
    next[last - 1] = 0;
    wait_ends(g, count);
    return count;
}

static void put_front(struct lane_group *g, uint32_t i)
{
    g->work->next[i - 1] = g->head;
    g->head = i;
    g->tail = g->tail ? g->tail : i;
    g->waiting++;
    g->origin->waiting++;
    (void)atomic_fetch_add_explicit(&g->work->lane->lanes->waiting, 1, memory_order_relaxed);
}

void lane__put_back(struct lane_group *g, uint32_t head, uint32_t count, bool counts)
{
    struct lane_work *w = g->work;
    struct member_word word = word_make(
        MEMBER_AGAIN,
        0,
        "the service took no notice of it, again and again (refused, or it went away)");
    bool stops = w->cancelled > 0 || w->batch->stopped;

    for (uint32_t i = head, behind; count > 0; i = behind, count--) {
        behind = w->next[i - 1];
        if (stops) {
            word.detail[0] = '\0';
            lane__settle(g, i - 1, &word, 0, false);
        } else if (counts && ++w->tries[i - 1] >= LANE_TRIES) {
            lane__settle(g, i - 1, &word, 0, true);
        } else {
            put_front(g, i);
        }
    }
    if (g->waiting > 0) {
        lane__origin_queue(g);
    }
}

const struct member *
lane__member(struct lane *t, const struct lane_work *w, uint32_t i, size_t n)
{
    if (!w->second || !w->second[i]) {
        return &w->batch->members[i];
    }
    t->copies[n] = w->batch->members[i];
    t->copies[n].second = true;
    t->copies[n].prepared = NULL; /* it was used for the first */
    return &t->copies[n];
}

bool lane__once_more(struct lane_group *g, uint32_t i, const struct member_word *word)
{
    struct lane_work *w = g->work;

    if (!word->second || word->outcome != MEMBER_AGAIN || w->cancelled > 0 ||
        w->batch->stopped || (w->second && w->second[i])) {
        return false;
    }
    if (!w->second) {
        w->second = mem_zalloc(w->batch->count * sizeof *w->second);
    }
    w->second[i] = true;
    put_front(g, i + 1);
    return true;
}

/* ---- a batch begins ---- */

static uint8_t service_index(struct lane_batch *b, const char *name)
{
    size_t i = 0;

    while (i < b->service_count && strcmp(b->services[i], name) != 0) {
        i++;
    }
    if (i == b->service_count) {
        if (i == LANE_SERVICES_MAX) {
            return LANE_SERVICES_MAX - 1;
        }
        b->services[b->service_count++] = name;
    }
    return (uint8_t)i;
}

static struct lane_group *group_of(struct lane *t, struct lane_work *w, const char *url)
{
    struct lane_batch *b = w->batch;
    const char *apart = b->push->apart ? b->push->apart(b->plan) : "";
    struct lane_origin *o = lane__origin_get(t, url, apart, b->allow_private);
    struct lane_group *g;
    const char *name;

    if (!o) {
        return NULL;
    }
    LIST_EACH(&w->groups, n)
    {
        g = container_of(n, struct lane_group, work_node);
        if (g->origin == o) {
            return g;
        }
    }
    g = mem_zalloc(sizeof *g);
    g->work = w;
    g->origin = o;
    name = b->push->service ? b->push->service(url) : "";
    g->service = service_index(b, name[0] != '\0' ? name : "other");
    o->stranger = strcmp(name, "other") == 0;
    o->connections_max = b->connections > 0 ? b->connections : LANE_CONNECTIONS;
    list_push(&w->groups, &g->work_node);
    return g;
}

/* No group: it has no origin, so it counts for none. */
static void refuse(struct lane_work *w, uint32_t i)
{
    struct lane_result *r = result_of(w, i);

    r->outcome = MEMBER_REFUSED;
    r->service = service_index(w->batch, "other");
    r->detail = mem_strdup("the address names no push service that could be asked");
}

static void append(struct lane_group *g, uint32_t i)
{
    if (g->tail) {
        g->work->next[g->tail - 1] = i;
    } else {
        g->head = i;
    }
    g->tail = i;
    g->waiting++;
    g->origin->waiting++;
}

void lane__work_begin(struct lane *t, struct lane_work *w)
{
    struct lane_batch *b = w->batch;
    struct lane_group *g = NULL;
    struct buf *text = &t->origin_text;
    char last[512] = "";

    w->since_ms = t->now_ms;
    list_push(&t->works, &w->node);
    for (uint32_t i = 0; i < b->count; i++) {
        buf_clear(text);
        if (!b->push->origin(b->plan, &b->members[i], text) || !buf_ok(text)) {
            refuse(w, i);
            continue;
        }
        /* Most have the origin of the one before. */
        if (!g || strcmp(last, buf_str(text)) != 0) {
            (void)snprintf(last, sizeof last, "%s", buf_str(text));
            g = group_of(t, w, buf_str(text));
        }
        if (g) {
            append(g, i + 1);
            (void)atomic_fetch_add_explicit(&t->lanes->waiting, 1, memory_order_relaxed);
        } else {
            refuse(w, i);
        }
    }
    LIST_EACH(&w->groups, n)
    {
        lane__origin_queue(container_of(n, struct lane_group, work_node));
    }
}

/* ---- a batch ends ---- */

static void give_all_back(struct lane_work *w)
{
    LIST_EACH(&w->groups, n)
    {
        lane__give_back(container_of(n, struct lane_group, work_node), 0, "");
    }
}

void lane__stop(struct lane_work *w, const struct verdict *v)
{
    if (w->batch->stopped) {
        return;
    }
    w->batch->stopped = true;
    w->batch->why = *v;
    give_all_back(w);
}

static void lose_streams(struct lane_conn *c, const struct lane_work *w)
{
    LIST_EACH(&c->streams, n)
    {
        struct lane_stream *s = container_of(n, struct lane_stream, node);

        if (s->group && s->group->work == w) {
            (void)nghttp2_submit_rst_stream(
                c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
            lane__lost(s, "broken off by us");
        }
    }
}

void lane__obey_cancel(struct lane_work *w)
{
    int cancel = atomic_load(&w->cancel);

    if (cancel == w->cancelled) {
        return;
    }
    w->cancelled = cancel;
    give_all_back(w);
    for (struct list_node *n = list_first(&w->groups); cancel == 2 && n;
         n = list_next(&w->groups, n)) {
        struct lane_origin *o = container_of(n, struct lane_group, work_node)->origin;

        LIST_EACH(&o->conns, at)
        {
            lose_streams(container_of(at, struct lane_conn, node), w);
        }
        lane__origin_dirty(o);
    }
}

static void hand_over(struct lane *t, struct lane_work *w)
{
    struct list_node *n;

    while ((n = list_pop(&w->groups)) != NULL) {
        mem_free(container_of(n, struct lane_group, work_node));
    }
    LIST_EACH(&t->origins, at)
    { /* headers of a plan that may end now */
        struct lane_origin *o = container_of(at, struct lane_origin, node);

        for (size_t i = 0; i < LANE_HEADERS; i++) {
            if (o->headers[i].work == w) {
                lane__headers_done(&o->headers[i]);
            }
        }
    }
    list_remove(&t->works, &w->node);
    (void)atomic_fetch_sub(&t->load, w->batch->count);
    uv_mutex_lock(&t->lanes->lock);
    list_push(&t->lanes->done, &w->node);
    uv_cond_signal(&t->lanes->some_done);
    uv_mutex_unlock(&t->lanes->lock);
    must(uv_async_send(&t->lanes->wake) == 0);
}

void lane__look_done(struct lane *t)
{
    for (struct list_node *n = list_first(&t->works), *behind; n; n = behind) {
        struct lane_work *w = container_of(n, struct lane_work, node);

        behind = list_next(&t->works, n);
        if (w->left == 0) {
            hand_over(t, w);
        }
    }
}
