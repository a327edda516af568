/* What hubs send to /websub/{id}. Called by the door; a delivery belongs to nobody but itself until its
 * request is answered.
 *
 *   websub_verify       GET: only what we asked for is confirmed
 *   websub_deliver      POST: of a subscription of ours?
 *   deliver_2_check     on the reading thread: the signature
 *   deliver_3_on_check  a forged one is answered like a good one, and ignored
 *   deliver_4_on_read   what the feed says goes into the ledger
 *   deliver_5_on_taken  it is on disk: 2xx. Otherwise 503, and the hub will come again
 *
 * A hub is not told whether it was believed: who guesses secrets learns nothing. */

#include "service/websub_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/door.h"
#include "service/metrics.h"

#define SLICE_BYTES ((size_t)64 * 1024)
#define AT_ONCE 8 /* deliveries of one source at work; a hub that sends more comes again */

struct delivery {
    struct watched *source;
    struct door_request *request;
    struct reader_job job;
    struct secret secret; /* a copy: the subscription may be replaced meanwhile */
    char *signature, *type, *url;
    const char *body;
    size_t body_len, body_at; /* so much of it is being read */
    enum websub_signature verdict;
    bool is_reading;
    struct watch_reading reading;
    struct watch_take take;
};

static struct websub *find_in_left(const struct watch *w, const char *id)
{
    LIST_EACH(&w->left, n)
    {
        struct websub *h = container_of(n, struct watched, left_node)->websub;

        if (h && strcmp(h->id, id) == 0) {
            return h;
        }
    }
    return NULL;
}

static struct websub *find(const struct watch *w, const char *id)
{
    for (size_t i = 0; i < w->count; i++) {
        struct websub *h = w->in_order[i]->websub;

        if (h && strcmp(h->id, id) == 0) {
            return h;
        }
    }
    return find_in_left(w, id);
}

/* ---- the question ---- */

static void confirm(struct door_request *r, const char *challenge)
{
    struct buf text;

    buf_init(&text, strlen(challenge) + 1);
    buf_adds(&text, challenge);
    door_reply_text(r, 200, "text/plain; charset=utf-8", &text);
}

static void grant(struct websub *h, int64_t lease_s)
{
    h->lease_s = lease_s;
    h->lease_until_ms = clock_wall_ms() + lease_s * MS_SECOND;
    websub__set_state(h, WEBSUB_ACTIVE, NULL);
}

static void let_go(struct websub *h)
{
    h->state = WEBSUB_NONE;
    h->next_mono_ms = INT64_MAX;
    watch__end_if_idle(h->source);
}

void websub_verify(struct crier *c, struct door_request *r)
{
    struct websub *h = find(c->watch, door_param(r, 0));
    const struct websub_call call = {.mode = door_query(r, "hub.mode"),
                                     .topic = door_query(r, "hub.topic"),
                                     .challenge = door_query(r, "hub.challenge"),
                                     .lease_seconds = door_query(r, "hub.lease_seconds")};
    struct websub_intent intent = {.kind = WEBSUB_NOT_OURS};
    const char *reason = door_query(r, "hub.reason");

    if (h) {
        websub_read_intent(&intent,
                           &call,
                           h->topic,
                           h->running || h->state == WEBSUB_ASKED || h->state == WEBSUB_ACTIVE,
                           h->state == WEBSUB_LEAVING);
    }
    if (intent.kind != WEBSUB_NOT_OURS) {
        h->heard = true;
    }
    switch (intent.kind) {
    case WEBSUB_SUBSCRIBED:
        grant(h, intent.lease_s);
        confirm(r, call.challenge);
        break;
    case WEBSUB_UNSUBSCRIBED:
        let_go(h);
        confirm(r, call.challenge);
        break;
    case WEBSUB_DENIED:
        h->failures++;
        if (h->state != WEBSUB_LEAVING) {
            websub__set_state(
                h, WEBSUB_DENIED_STATE, reason ? reason : "the hub gave no reason");
        }
        door_reply_empty(r, 200);
        break;
    case WEBSUB_NOT_OURS:
        door_problem(r, 404, NULL, "nobody here asked for that");
        break;
    }
}

/* ---- a delivery ---- */

static void count(const struct delivery *d, const char *result)
{
    metrics_add(
        d->source->watch->crier->metrics, METRIC_SOURCE_PUSHES, d->source->name, result);
}

static void delivery_end(struct delivery *d)
{
    struct watched *s = d->source;

    if (d->is_reading) {
        watch__reading_done(&d->reading);
    }
    secret_done(&d->secret);
    mem_free(d->signature);
    mem_free(d->type);
    mem_free(d->url);
    mem_free(d);
    s->users--;
    watch__end_if_idle(s);
}

static void answer(struct delivery *d, const char *result)
{
    count(d, result);
    door_reply_empty(d->request, 202);
    delivery_end(d);
}

static void ask_again(struct delivery *d)
{
    count(d, "failed");
    door_reply_header(d->request, "Retry-After", "30");
    door_problem(d->request, 503, NULL, "not now; it is not lost if you come again");
    delivery_end(d);
}

static void deliver_5_on_taken(struct watch_take *t)
{
    struct delivery *d = t->context;
    enum err_code rc = t->rc;
    bool told = t->count > 0;

    watch__take_done(t);
    if (rc) {
        ask_again(d);
        return;
    }
    if (told) {
        watch__save(d->source);
    }
    answer(d, told ? "read" : "known");
}

/* Some hubs only say that there is something: then we look. */
static void deliver_4_on_read(struct watch_reading *r)
{
    struct delivery *d = container_of(r, struct delivery, reading);
    struct watched *s = d->source;

    if (s->watch->stopping) {
        ask_again(d);
    } else if (!s->source) {
        answer(d, "left");
    } else if (r->rc) {
        watched_poll_now(s);
        answer(d, "unreadable");
    } else {
        d->take.origin = "websub";
        d->take.done = deliver_5_on_taken;
        d->take.context = d;
        d->take.partial = true; /* only what is new: first sight needs the feed whole */
        watch__take(s, &d->take, r);
    }
}

static void push_on(struct watch_reading *r)
{
    struct delivery *d = container_of(r, struct delivery, reading);

    while (d->body_at < d->body_len && !watch__reading_over(r)) {
        size_t left = d->body_len - d->body_at, n = left < SLICE_BYTES ? left : SLICE_BYTES;
        bool more = watch__reading_push(r, d->body + d->body_at, n);

        d->body_at += n;
        if (!more) {
            return; /* comes again when there is room */
        }
    }
    watch__reading_end(r);
}

static void start_reading(struct delivery *d)
{
    struct watch_reading *r = &d->reading;

    r->crier = d->source->watch->crier;
    watch__feed_call(&r->call, d->source->settings);
    r->call.url = d->url;
    r->call.content_type = d->type;
    r->call.now_ms = clock_wall_ms();
    r->more = push_on;
    r->done = deliver_4_on_read;
    watch__reading_start(r);
    d->is_reading = true;
    push_on(r);
    /* Continues in deliver_4_on_read(). */
}

static void deliver_2_check(struct reader_job *job)
{
    struct delivery *d = container_of(job, struct delivery, job);

    d->verdict = websub_check_signature(d->signature, &d->secret, d->body, d->body_len);
}

static void deliver_3_on_check(struct reader_job *job)
{
    struct delivery *d = container_of(job, struct delivery, job);
    struct watched *s = d->source;

    if (d->verdict != WEBSUB_SIGNED) {
        answer(d, d->verdict == WEBSUB_FORGED ? "forged" : "unsigned");
    } else if (!s->source || s->watch->stopping) {
        ask_again(d);
    } else {
        if (s->websub) {
            s->websub->pushed_at_ms = clock_wall_ms();
        }
        start_reading(d);
    }
}

void websub_deliver(struct crier *c, struct door_request *r)
{
    struct websub *h = find(c->watch, door_param(r, 0));
    struct delivery *d;

    if (!h || !h->source->source || h->state == WEBSUB_NONE || h->state == WEBSUB_LEAVING) {
        door_problem(r, 410, NULL, "that subscription is over");
        return;
    }
    if (c->phase != CRIER_READY || h->source->users >= AT_ONCE) {
        door_reply_header(r, "Retry-After", "30");
        door_problem(r, 503, NULL, "not now");
        return;
    }
    d = mem_zalloc(sizeof *d);
    d->source = h->source;
    d->source->users++;
    d->request = r;
    secret_take(&d->secret, mem_strdup(h->secret.text));
    d->signature = mem_strdup(door_header(r, "X-Hub-Signature"));
    d->type = mem_strdup(door_header(r, "Content-Type"));
    d->url = mem_strdup(h->topic);
    d->body = door_body(r, &d->body_len);
    d->job.work = deliver_2_check;
    d->job.done = deliver_3_on_check;
    reader_submit(c->reader, &d->job);
    /* Continues in deliver_3_on_check(). */
}
