#ifndef CRIER_TESTS_SUPPORT_DOOR_KIT_H
#define CRIER_TESTS_SUPPORT_DOOR_KIT_H

/* A door on a real loop, a few handlers behind it, and clients that are threads writing and reading
 * bytes on real sockets; for the test programs of the door, each of which includes it once. */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/door.h"

#define MAX_BODY 1000
#define HELD_MAX 64
#define PATIENCE_MS 5000

/* ---- the world: one loop, one door, a few handlers ---- */

static struct world {
    uv_loop_t loop;
    struct crier crier;
    struct config config;
    struct door_request *held[HELD_MAX]; /* suspended by handle_hold, for the test to answer */
    size_t held_count;
    struct door_stream *stream;
    int streams_closed, streams_drained;
    int handled;
    uv_timer_t ticker; /* answers what is held, when running */
    uv_async_t client_done;
    char *token;
} w;

static inline void handle_echo(struct crier *c, struct door_request *r)
{
    size_t len;
    const char *body = door_body(r, &len);
    const char *q = door_query(r, "q");

    (void)c;
    (void)body;
    w.handled++;
    door_reply_json(r,
                    200,
                    json_pack("{s:s, s:s, s:s?, s:I}",
                              "method",
                              http_method_name(door_method(r)),
                              "name",
                              door_param(r, 0),
                              "q",
                              q,
                              "bytes",
                              (json_int_t)len));
}

static inline void handle_hold(struct crier *c, struct door_request *r)
{
    (void)c;
    assert_true(w.held_count < HELD_MAX);
    w.held[w.held_count++] = r;
}

static inline void answer_held(void)
{
    size_t count = w.held_count;

    w.held_count = 0;
    for (size_t i = 0; i < count; i++) {
        door_reply_json(w.held[i], 202, json_pack("{s:s}", "held", "answered"));
    }
}

static inline void on_tick(uv_timer_t *timer)
{
    (void)timer;
    answer_held();
}

static inline void on_stream_closed(void *context)
{
    assert_ptr_equal(context, &w);
    w.streams_closed++;
    w.stream = NULL;
}

static inline void handle_stream(struct crier *c, struct door_request *r)
{
    (void)c;
    w.stream = door_stream_start(r, "text/event-stream", on_stream_closed, &w);
    assert_true(door_stream_write(w.stream, "hello\n", 6, 1000));
}

static inline void handle_context(struct crier *c, struct door_request *r)
{
    (void)c;
    door_set_context(r, mem_strdup("freed with the request"), mem_free);
    door_reply_header(r, "Cache-Control", "max-age=60");
    door_reply_empty(r, 204);
}

static inline void handle_problem(struct crier *c, struct door_request *r)
{
    const struct err why = {.code = ERR_IO, .text = "disk full"};

    (void)c;
    door_problem_err(r, ERR_IO, &why);
}

static const struct door_route routes[] = {
    {HTTP_GET, AUTH_NONE, "/echo/{name}", handle_echo},
    {HTTP_POST, AUTH_NONE, "/echo/{name}", handle_echo},
    {HTTP_GET, AUTH_TOKEN, "/secret/{name}", handle_echo},
    {HTTP_GET, AUTH_NONE, "/hold", handle_hold},
    {HTTP_POST, AUTH_NONE, "/hold", handle_hold},
    {HTTP_GET, AUTH_NONE, "/stream", handle_stream},
    {HTTP_GET, AUTH_NONE, "/context", handle_context},
    {HTTP_GET, AUTH_NONE, "/problem", handle_problem},
    {.pattern = NULL},
};

static inline void on_client_done(uv_async_t *async)
{
    (void)async; /* it only wakes the loop in client_wait() */
}

static inline void open_world(const char *listen, const char *token)
{
    struct err why;

    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(uv_async_init(&w.loop, &w.client_done, on_client_done), 0);
    assert_int_equal(uv_timer_init(&w.loop, &w.ticker), 0);
    w.config.server.listen = mem_strdup(listen);
    w.config.server.max_body_bytes = MAX_BODY;
    w.config.server.max_connections = 100;
    w.config.server.idle_timeout_ms = 1000;
    w.config.server.request_timeout_ms = 20000;
    if (token != NULL) {
        secret_take(&w.config.server.token, mem_strdup(token));
    }
    w.crier.loop = &w.loop;
    w.crier.config = &w.config;
    w.crier.phase = CRIER_READY;
    if (door_new(&w.crier.door, &w.crier, routes, &why)) {
        fail_msg("%s", why.text);
    }
}

static inline void close_world(void)
{
    door_free(w.crier.door);
    w.crier.door = NULL;
    answer_held(); /* a handler may answer after the door has gone */
    uv_close((uv_handle_t *)&w.client_done, NULL);
    uv_close((uv_handle_t *)&w.ticker, NULL);
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    mem_free(w.config.server.listen);
    secret_done(&w.config.server.token);
    assert_int_equal(mem_live_count(), 0);
}

static inline int setup(void **state)
{
    (void)state;
    open_world("127.0.0.1:0", NULL);
    return 0;
}

static inline int setup_token(void **state)
{
    (void)state;
    open_world("127.0.0.1:0", "s3cr3t-token");
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    close_world();
    return 0;
}

/* ---- the client ---- */

struct client {
    pthread_t thread;
    void (*run)(struct client *);
    const char *request;
    size_t request_len;
    char answer[200000];
    size_t answer_len;
    int gap_ms;  /* between the bytes of the request */
    bool vanish; /* close without reading */
    bool failed; /* no connection, or it broke under our bytes */
    int status;  /* of curl's answer */
    atomic_bool done;
};

static inline int port_of(void)
{
    int64_t port = 0;

    assert_true(parse_i64(strrchr(door_url(w.crier.door), ':') + 1, &port));
    return (int)port;
}

static inline int connect_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of())};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static inline void read_all(int fd, struct client *c)
{
    ssize_t n = 1;

    while (n > 0 && c->answer_len < sizeof c->answer - 1) {
        n = recv(fd, c->answer + c->answer_len, sizeof c->answer - 1 - c->answer_len, 0);
        if (n > 0) {
            c->answer_len += (size_t)n;
        }
    }
    c->answer[c->answer_len] = '\0';
}

static inline void run_raw(struct client *c)
{
    int fd = connect_tcp();

    c->failed = fd < 0;
    if (c->failed) {
        return;
    }
    for (size_t i = 0; c->gap_ms > 0 && i < c->request_len; i++) {
        (void)send_all(fd, c->request + i, 1);
        (void)poll(NULL, 0, c->gap_ms);
    }
    if (c->gap_ms == 0) {
        c->failed = !send_all(fd, c->request, c->request_len);
    }
    if (!c->vanish) {
        read_all(fd, c);
    }
    close(fd);
}

static inline void *client_main(void *arg)
{
    struct client *c = arg;

    c->run(c);
    atomic_store(&c->done, true);
    uv_async_send(&w.client_done);
    return NULL;
}

static inline void client_start(struct client *c)
{
    atomic_store(&c->done, false);
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

static inline void client_wait(struct client *c)
{
    while (!atomic_load(&c->done)) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(pthread_join(c->thread, NULL), 0);
}

/* One request, and all that comes back until the door closes the connection. */
static inline struct client *ask(const char *request, size_t len)
{
    static struct client c;

    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = request;
    c.request_len = len;
    client_start(&c);
    client_wait(&c);
    return &c;
}

static inline int status_of(const char *answer)
{
    int64_t status = 0;
    char digits[4] = "";

    if (strncmp(answer, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    memcpy(digits, answer + 9, 3);
    (void)parse_i64(digits, &status);
    return (int)status;
}

/* Runs the loop for a moment, for what is only seen by its consequences. */
static inline void on_moment(uv_timer_t *timer)
{
    (void)timer;
    uv_stop(&w.loop);
}

static inline void run_for(uint64_t ms)
{
    assert_int_equal(uv_timer_start(&w.ticker, on_moment, ms, 0), 0);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_timer_stop(&w.ticker), 0);
}

/* Runs the loop until cond holds; a busy machine may need long, 10 s is never. */
#define RUN_UNTIL(cond)                                                                        \
    do {                                                                                       \
        for (int turns_ = 0; !(cond) && turns_ < 1000; turns_++) {                             \
            run_for(10);                                                                       \
        }                                                                                      \
        assert_true(cond);                                                                     \
    } while (0)

#endif
