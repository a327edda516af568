/* Server-sent events: what a listener gets who comes new, comes back, comes back late, or reads
 * too slowly. A real door, a real ledger in memory, a client thread that reads bytes. */

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "queue/ledger.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/events.h"

static struct world {
    uv_loop_t loop;
    struct crier crier;
    struct config config;
    uv_async_t wake, client_done;
    bool client_said_done;
} w;

static void on_wake(uv_async_t *async)
{
    (void)async;
    ledger_collect(w.crier.ledger);
}

static void wake_loop(void *context)
{
    (void)context;
    uv_async_send(&w.wake);
}

static void on_client_done(uv_async_t *async)
{
    (void)async;
    w.client_said_done = true;
}

static void serve(struct crier *c, struct door_request *r)
{
    events_serve(c, r);
}

static const struct door_route routes[] = {{HTTP_GET, AUTH_NONE, "/v1/events", serve},
                                           {.pattern = NULL}};

static int open_world(void **state)
{
    struct err why = {.text = ""};

    (void)state;
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(uv_async_init(&w.loop, &w.wake, on_wake), 0);
    assert_int_equal(uv_async_init(&w.loop, &w.client_done, on_client_done), 0);
    w.config.server.listen = mem_strdup("127.0.0.1:0");
    w.config.server.max_body_bytes = 1000;
    w.config.server.max_connections = 100;
    w.config.server.idle_timeout_ms = 5000;
    w.config.server.request_timeout_ms = 20000;
    w.crier.loop = &w.loop;
    w.crier.config = &w.config;
    if (ledger_open(
            &w.crier.ledger, "sqlite::memory:", wake_loop, NULL, clock_wall_ms(), &why)) {
        fail_msg("%s", why.text);
    }
    w.crier.events = event_hub_new(&w.crier);
    ledger_set_event_fn(w.crier.ledger, event_hub_publish, w.crier.events);
    if (door_new(&w.crier.door, &w.crier, routes, &why)) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    event_hub_close(w.crier.events);
    door_free(w.crier.door);
    event_hub_free(w.crier.events);
    ledger_set_event_fn(w.crier.ledger, NULL, NULL);
    ledger_close(w.crier.ledger);
    uv_close((uv_handle_t *)&w.wake, NULL);
    uv_close((uv_handle_t *)&w.client_done, NULL);
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    mem_free(w.config.server.listen);
    return mem_live_count() == 0 ? 0 : -1;
}

/* ---- events, made by the smallest write that has one ---- */

struct note {
    struct ledger_channel_save save;
    struct ledger_channel channel;
};
static int notes_open;

static void on_noted(struct ledger_request *r)
{
    struct note *n = container_of(r, struct note, save.req);

    assert_int_equal(r->rc, ERR_NONE);
    ledger_request_done(r);
    mem_free(n);
    notes_open--;
}

static void make_events(int count)
{
    for (int i = 0; i < count; i++) {
        struct note *n = mem_zalloc(sizeof *n);

        (void)snprintf(n->channel.name, sizeof n->channel.name, "channel");
        n->save = (struct ledger_channel_save){
            .req = {.kind = LEDGER_CHANNEL_SAVE, .done = on_noted},
            .channel = &n->channel,
            .event = i % 2 == 0 ? "channel_paused" : "channel_resumed",
            .now_ms = clock_wall_ms(),
        };
        n->channel.paused = i % 2 == 0;
        notes_open++;
        ledger_submit(w.crier.ledger, &n->save.req);
    }
    while (notes_open > 0) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
}

/* ---- the listener ---- */

struct listener {
    pthread_t thread;
    const char *head;  /* extra header lines */
    const char *until; /* stops reading when this is there */
    char *got;
    size_t len;
    int fd;
    bool closed; /* by the door, in order */
    atomic_bool done;
};

static int connect_door(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int64_t port = 0;

    assert_true(parse_i64(strrchr(door_url(w.crier.door), ':') + 1, &port));
    a.sin_port = htons((uint16_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

#define GOT_BYTES ((size_t)8 * 1024 * 1024)

/* Only the end is searched: what is there already did not hold it. */
static bool has_until(const struct listener *l, size_t before)
{
    size_t back = strlen(l->until) + 8;

    return strstr(l->got + (before > back ? before - back : 0), l->until) != NULL;
}

static void *listener_main(void *arg)
{
    struct listener *l = arg;
    ssize_t n = 1;

    while (n > 0 && l->len < GOT_BYTES - 1) {
        size_t before = l->len;

        n = recv(l->fd, l->got + l->len, GOT_BYTES - 1 - l->len, 0);
        l->len += n > 0 ? (size_t)n : 0;
        l->got[l->len] = '\0';
        l->closed = n == 0;
        if (n > 0 && has_until(l, before)) {
            break;
        }
    }
    atomic_store(&l->done, true);
    uv_async_send(&w.client_done);
    return NULL;
}

/* HTTP/1.0 has no chunks: what is read is what was written. */
static void listener_ask(struct listener *l, const char *query, const char *head)
{
    char request[300];
    int n = snprintf(
        request, sizeof request, "GET /v1/events%s HTTP/1.0\r\nHost: h\r\n%s\r\n", query, head);

    memset(l, 0, sizeof *l);
    l->got = mem_alloc(GOT_BYTES);
    l->fd = connect_door();
    assert_true(l->fd >= 0);
    assert_int_equal(send(l->fd, request, (size_t)n, MSG_NOSIGNAL), n);
}

/* Reads on until the text is there, the door has closed, or patience is at its end. */
static void listener_read(struct listener *l, const char *until)
{
    l->until = until;
    atomic_store(&l->done, false);
    assert_int_equal(pthread_create(&l->thread, NULL, listener_main, l), 0);
    while (!atomic_load(&l->done)) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(pthread_join(l->thread, NULL), 0);
}

static void listener_end(struct listener *l)
{
    close(l->fd);
    mem_free(l->got);
}

/* The ids it got are exactly from first to last, each once and in order. */
static void check_ids(const struct listener *l, int first, int last)
{
    const char *at = l->got, *end = l->got + l->len;
    int want = first;

    while (at != NULL && at < end) {
        char line[32];
        int n = snprintf(line, sizeof line, "id: %d\nevent: ", want);

        if (strncmp(at, "id: ", 4) == 0) {
            if (strncmp(at, line, (size_t)n) != 0) {
                fail_msg("expected id %d, got %.20s", want, at);
            }
            want++;
        }
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    assert_int_equal(want - 1, last);
}

/* ---- cases ---- */

static void a_new_listener_gets_only_what_comes(void **state)
{
    struct listener l;

    (void)state;
    make_events(3);
    listener_ask(&l, "", "");
    listener_read(&l, "retry: ");
    make_events(2);
    listener_read(&l, "id: 5\n");
    check_ids(&l, 4, 5);
    assert_non_null(strstr(l.got, "Content-Type: text/event-stream"));
    assert_non_null(strstr(l.got, "event: channel.state\ndata: {"));
    listener_end(&l);
}

static void who_comes_back_misses_nothing(void **state)
{
    static const struct {
        const char *query, *head;
        int first;
    } rows[] = {
        {"", "Last-Event-ID: 3\r\n", 4},
        {"?after=3", "", 4},
        {"?after=0", "", 1},
        {"?after=1", "Last-Event-ID: 7\r\n", 8}, /* the browser knows better than the page */
    };

    (void)state;
    make_events(8);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener l;

        listener_ask(&l, rows[i].query, rows[i].head);
        listener_read(&l, "retry: ");
        make_events(1);
        {
            char last[32];

            (void)snprintf(last, sizeof last, "id: %d\n", 9 + (int)i);
            listener_read(&l, last);
        }
        check_ids(&l, rows[i].first, 9 + (int)i);
        listener_end(&l);
    }
}

/* 3,000 events are more than the ring holds: the first come from the ledger, in pages;
 * meanwhile more are made. */
static void who_comes_back_late_is_served_from_the_ledger(void **state)
{
    struct listener l;

    (void)state;
    make_events(3000);
    listener_ask(&l, "?after=10", "");
    make_events(50);
    listener_read(&l, "id: 3050\n");
    check_ids(&l, 11, 3050);
    make_events(1);
    listener_read(&l, "id: 3051\n");
    check_ids(&l, 11, 3051);
    assert_null(strstr(l.got, "event: gap"));
    listener_end(&l);
}

static void on_pruned(struct ledger_request *r)
{
    assert_int_equal(r->rc, ERR_NONE);
    ledger_request_done(r);
    notes_open--;
}

static void what_was_forgotten_is_told_as_a_gap(void **state)
{
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE, .done = on_pruned},
                                 .keep_events = 1500};
    struct listener l;

    (void)state;
    make_events(3000);
    notes_open++;
    ledger_submit(w.crier.ledger, &prune.req);
    while (notes_open > 0) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    listener_ask(&l, "?after=10", "");
    listener_read(&l, "id: 3000\n");
    assert_non_null(strstr(l.got, "event: gap\ndata: {\"after\":10,\"oldest\":"));
    check_ids(&l, 1501, 3000);
    listener_end(&l);
}

static void who_never_reads_is_cut_off_and_others_are_not(void **state)
{
    struct listener slow, quick;

    (void)state;
    listener_ask(&slow, "", "");
    listener_ask(&quick, "", "");
    listener_read(&quick, "retry: ");
    for (int i = 0; i < 60; i++) { /* some megabytes: more than the kernel takes for anybody */
        char last[32];

        make_events(1000);
        (void)snprintf(last, sizeof last, "id: %d\n", (i + 1) * 1000);
        listener_read(&quick, last);
    }
    check_ids(&quick, 1, 60000);
    listener_read(&slow, "id: 60000\n");
    assert_null(strstr(slow.got, "id: 60000\n"));
    assert_true(slow.closed); /* an orderly end: it may resume */
    listener_end(&slow);
    listener_end(&quick);
}

static void a_wrong_place_to_go_on_is_refused(void **state)
{
    static const char *const rows[] = {"Last-Event-ID: x\r\n",
                                       "Last-Event-ID: -1\r\n",
                                       "Last-Event-ID: 99999999999999999999\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener l;

        listener_ask(&l, "", rows[i]);
        listener_read(&l, "}\n");
        assert_int_equal(strncmp(l.got, "HTTP/1.1 400", 12), 0);
        listener_end(&l);
    }
}

static void closing_the_hub_ends_the_streams(void **state)
{
    struct listener l, late;

    (void)state;
    listener_ask(&l, "", "");
    listener_read(&l, "retry: ");
    event_hub_close(w.crier.events);
    listener_read(&l, "never said");
    assert_true(l.closed);
    listener_ask(&late, "", "");
    listener_read(&late, "}\n");
    assert_int_equal(strncmp(late.got, "HTTP/1.1 503", 12), 0);
    listener_end(&l);
    listener_end(&late);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(a_new_listener_gets_only_what_comes),
        CASE(who_comes_back_misses_nothing),
        CASE(who_comes_back_late_is_served_from_the_ledger),
        CASE(what_was_forgotten_is_told_as_a_gap),
        CASE(who_never_reads_is_cut_off_and_others_are_not),
        CASE(a_wrong_place_to_go_on_is_refused),
        CASE(closing_the_hub_ends_the_streams),
    };

    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
