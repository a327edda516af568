/* State changes to whoever listens: GET /v1/events as server-sent events. ledger_collect()
 * hands every committed event in (event_hub_publish); listeners come through api_service.c
 * (events_serve). It owns the ring of the last events and the listeners; the streams themselves
 * are the door's.
 *
 * A listener that wants what came before gets it in three parts, without a hole between them:
 * from the ledger, page by page, until the ring has what is next; from the ring; live. While it
 * reads pages (`catching_up`), live events pass it by: they are in the ring when it gets there,
 * and if the ring has moved on by then it reads another page. */

#include "service/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/door.h"

#define RING_EVENTS 1024
#define PAGE_EVENTS 256
#define PENDING_BYTES ((size_t)256 * 1024)
#define KEEPALIVE_MS 15000
#define LINE_BYTES ((size_t)512 * 1024)
#define LISTENERS_MAX 256

struct event_hub {
    struct crier *crier;
    struct ledger_event ring[RING_EVENTS];
    size_t first, count;
    struct list listeners;
    uv_timer_t *keepalive; /* a heap handle: it outlives the hub until its close callback */
    bool closed;
};

struct listener {
    struct ledger_events page; /* while catching up */
    struct list_node node;
    struct event_hub *hub;      /* NULL: the hub has gone */
    struct door_stream *stream; /* NULL: closed */
    int64_t after;              /* the last event this one has got */
    bool catching_up;           /* what it gets comes from the ledger */
    bool reading;               /* a page is being read */
    bool ending;
};

static void write_event(struct buf *out, const struct ledger_event *e)
{
    buf_addf(out, "id: %" PRId64 "\nevent: %s\ndata: ", e->id, e->kind);
    buf_adds(out, e->data);
    buf_adds(out, "\n\n");
}

static void listener_send(struct listener *l, const char *text, size_t len)
{
    if (l->stream == NULL || l->ending) {
        return;
    }
    if (!door_stream_write(l->stream, text, len, PENDING_BYTES)) {
        l->ending = true; /* too slow: it may come back with Last-Event-ID */
        door_stream_end(l->stream);
    }
}

static struct ledger_event *ring_at(struct event_hub *h, size_t index)
{
    return &h->ring[(h->first + index) % RING_EVENTS];
}

static void event_done(struct ledger_event *e)
{
    mem_free(e->kind);
    mem_free(e->data);
}

/* Takes what it holds. */
static const struct ledger_event *ring_add(struct event_hub *h, struct ledger_event *e)
{
    struct ledger_event *slot;

    if (h->count == RING_EVENTS) {
        event_done(ring_at(h, 0));
        h->first = (h->first + 1) % RING_EVENTS;
        h->count--;
    }
    slot = ring_at(h, h->count++);
    *slot = *e;
    e->kind = e->data = NULL;
    return slot;
}

/* As it goes over the wire; one larger than any of ours is left out. */
static void listeners_send(struct event_hub *h, const struct ledger_event *e)
{
    struct buf text;

    buf_init(&text, LINE_BYTES);
    write_event(&text, e);
    LIST_EACH(&h->listeners, n)
    {
        struct listener *l = container_of(n, struct listener, node);

        if (!l->catching_up) {
            l->after = e->id;
            listener_send(l, buf_str(&text), buf_ok(&text) ? text.len : 0);
        }
    }
    buf_done(&text);
}

void event_hub_publish(void *hub, struct ledger_event *event)
{
    struct event_hub *h = hub;
    const struct ledger_event *kept = ring_add(h, event);

    if (!list_empty(&h->listeners)) {
        listeners_send(h, kept);
    }
}

static void on_keepalive(uv_timer_t *timer)
{
    static const char comment[] = ": still here\n\n";
    struct event_hub *h = timer->data;

    LIST_EACH(&h->listeners, n)
    listener_send(container_of(n, struct listener, node), comment, sizeof comment - 1);
}

struct event_hub *event_hub_new(struct crier *c)
{
    struct event_hub *h = mem_zalloc(sizeof *h);

    h->crier = c;
    list_init(&h->listeners);
    h->keepalive = mem_zalloc(sizeof *h->keepalive);
    must(uv_timer_init(c->loop, h->keepalive) == 0);
    h->keepalive->data = h;
    must(uv_timer_start(h->keepalive, on_keepalive, KEEPALIVE_MS, KEEPALIVE_MS) == 0);
    uv_unref((uv_handle_t *)h->keepalive); /* alone it keeps nobody up */
    return h;
}

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

void event_hub_close(struct event_hub *h)
{
    h->closed = true;
    LIST_EACH(&h->listeners, n)
    {
        struct listener *l = container_of(n, struct listener, node);

        l->ending = true;
        if (l->stream != NULL) {
            door_stream_end(l->stream);
        }
    }
}

void event_hub_free(struct event_hub *h)
{
    struct list_node *n;

    if (h == NULL) {
        return;
    }
    event_hub_close(h);
    while ((n = list_pop(&h->listeners)) != NULL) {
        container_of(n, struct listener, node)->hub = NULL;
    }
    for (size_t i = 0; i < h->count; i++) {
        event_done(ring_at(h, i));
    }
    uv_close((uv_handle_t *)h->keepalive, timer_closed);
    mem_free(h);
}

/* Ends with both its stream and its read of the ledger. */
static void listener_drop(struct listener *l)
{
    if (l->stream != NULL || l->reading) {
        return;
    }
    if (l->hub != NULL) {
        list_remove(&l->hub->listeners, &l->node);
    }
    mem_free(l);
}

static void on_stream_closed(void *context)
{
    struct listener *l = context;

    l->stream = NULL;
    listener_drop(l);
}

static void send_event(struct listener *l, const struct ledger_event *e)
{
    struct buf text;

    buf_init(&text, LINE_BYTES);
    write_event(&text, e);
    l->after = e->id;
    if (buf_ok(&text)) {
        listener_send(l, buf_str(&text), text.len);
    }
    buf_done(&text);
}

/* What the ring holds beyond l->after. False when something between is no longer in it, unless
 * that is known to be nothing (`whole`). */
static bool send_from_ring(struct listener *l, bool whole)
{
    struct event_hub *h = l->hub;

    if (!whole && (h->count == 0 || ring_at(h, 0)->id > l->after + 1)) {
        return false;
    }
    for (size_t i = 0; i < h->count; i++) {
        if (ring_at(h, i)->id > l->after) {
            send_event(l, ring_at(h, i));
        }
    }
    return true;
}

static void catch_up(struct listener *l);

/* Events were pruned that this listener never saw: it should read the state anew. */
static void send_gap(struct listener *l)
{
    char text[160];
    int n = snprintf(text,
                     sizeof text,
                     "event: gap\ndata: {\"after\":%" PRId64 ",\"oldest\":%" PRId64 "}\n\n",
                     l->after,
                     l->page.oldest);

    listener_send(l, text, (size_t)n);
}

static void send_page(struct listener *l)
{
    if (l->page.oldest > l->after + 1 && l->after > 0) {
        send_gap(l);
    }
    for (size_t i = 0; i < l->page.count; i++) {
        send_event(l, &l->page.v[i]);
    }
}

/* The page is out: the next one, or live from here. */
static void on_drained(void *context)
{
    struct listener *l = context;

    l->catching_up = false;
    if (l->hub != NULL && !l->ending && !send_from_ring(l, false)) {
        catch_up(l);
    }
}

/* Still catching up until the reader has taken the page, so that no live event comes in
 * between. */
static void go_on(struct listener *l, bool more)
{
    if (more) {
        door_stream_on_drained(l->stream, on_drained);
        return;
    }
    l->catching_up = false;
    (void)send_from_ring(l, true);
}

static void on_page(struct ledger_request *r)
{
    struct listener *l = container_of(r, struct listener, page.req);
    bool failed = r->rc != ERR_NONE, more;

    l->reading = false;
    if (failed && l->stream != NULL) {
        door_stream_end(l->stream); /* it may come back when the ledger is well again */
    }
    if (failed || l->stream == NULL || l->hub == NULL || l->ending) {
        ledger_request_done(r);
        listener_drop(l);
        return;
    }
    send_page(l);
    more = l->page.count > 0;
    ledger_request_done(r);
    go_on(l, more);
}

static void catch_up(struct listener *l)
{
    struct ledger *ledger = l->hub->crier->ledger;

    l->page = (struct ledger_events){
        .req = {.kind = LEDGER_EVENTS, .done = on_page},
        .after = l->after,
        .limit = PAGE_EVENTS,
    };
    l->catching_up = true;
    l->reading = true;
    ledger_submit(ledger, &l->page.req);
    /* Continues in on_page(). */
}

/* Where to go on: 0 from the beginning of what is kept, -1 only what comes. */
static bool read_after(struct door_request *r, int64_t *out)
{
    const char *text = door_header(r, "Last-Event-ID");

    if (text == NULL) {
        text = door_query(r, "after");
    }
    *out = -1;
    return text == NULL || (parse_i64(text, out) && *out >= 0);
}

static void start(struct event_hub *h, struct door_request *r, int64_t after)
{
    struct listener *l = mem_zalloc(sizeof *l);
    static const char hello[] = "retry: 2000\n\n";

    l->hub = h;
    l->after = after;
    l->stream = door_stream_start(r, "text/event-stream", on_stream_closed, l);
    if (l->stream == NULL) {
        mem_free(l);
        return;
    }
    list_push(&h->listeners, &l->node);
    listener_send(l, hello, sizeof hello - 1);
    if (after >= 0 && !send_from_ring(l, false)) {
        catch_up(l);
    }
}

void events_serve(struct crier *c, struct door_request *r)
{
    struct event_hub *h = c->events;
    int64_t after;

    if (!read_after(r, &after)) {
        door_problem(r, 400, NULL, "Last-Event-ID is a number, as in the id lines");
    } else if (door_method(r) == HTTP_HEAD) {
        door_reply_header(r, "Content-Type", "text/event-stream");
        door_reply_empty(r, 200);
    } else if (h->closed || h->listeners.count >= LISTENERS_MAX) {
        door_reply_header(r, "Retry-After", "5");
        door_problem(
            r, 503, NULL, "%s", h->closed ? "shutting down" : "too many listeners at once");
    } else {
        start(h, r, after);
    }
}
