/* The HTTP door on a real loop with real sockets: what it answers, to well-formed and to
 * malformed requests, at once and later, whole and bit by bit, and what is left when everybody
 * has gone. The client is a thread that writes and reads bytes; the loop runs in the test's own
 * thread. */

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
#include <curl/curl.h>
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

static void handle_echo(struct crier *c, struct door_request *r)
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

static void handle_hold(struct crier *c, struct door_request *r)
{
    (void)c;
    assert_true(w.held_count < HELD_MAX);
    w.held[w.held_count++] = r;
}

static void answer_held(void)
{
    size_t count = w.held_count;

    w.held_count = 0;
    for (size_t i = 0; i < count; i++) {
        door_reply_json(w.held[i], 202, json_pack("{s:s}", "held", "answered"));
    }
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    answer_held();
}

static void on_stream_closed(void *context)
{
    assert_ptr_equal(context, &w);
    w.streams_closed++;
    w.stream = NULL;
}

static void handle_stream(struct crier *c, struct door_request *r)
{
    (void)c;
    w.stream = door_stream_start(r, "text/event-stream", on_stream_closed, &w);
    assert_true(door_stream_write(w.stream, "hello\n", 6, 1000));
}

static void handle_context(struct crier *c, struct door_request *r)
{
    (void)c;
    door_set_context(r, mem_strdup("freed with the request"), mem_free);
    door_reply_header(r, "Cache-Control", "max-age=60");
    door_reply_empty(r, 204);
}

static void handle_problem(struct crier *c, struct door_request *r)
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

static void on_client_done(uv_async_t *async)
{
    (void)async; /* it only wakes the loop in client_wait() */
}

static void open_world(const char *listen, const char *token)
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

static void close_world(void)
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

static int setup(void **state)
{
    (void)state;
    open_world("127.0.0.1:0", NULL);
    return 0;
}

static int setup_token(void **state)
{
    (void)state;
    open_world("127.0.0.1:0", "s3cr3t-token");
    return 0;
}

static int teardown(void **state)
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

static int port_of(void)
{
    int64_t port = 0;

    assert_true(parse_i64(strrchr(door_url(w.crier.door), ':') + 1, &port));
    return (int)port;
}

static int connect_tcp(void)
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

static bool send_all(int fd, const char *bytes, size_t len)
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

static void read_all(int fd, struct client *c)
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

static void run_raw(struct client *c)
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

static void *client_main(void *arg)
{
    struct client *c = arg;

    c->run(c);
    atomic_store(&c->done, true);
    uv_async_send(&w.client_done);
    return NULL;
}

static void client_start(struct client *c)
{
    atomic_store(&c->done, false);
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
}

static void client_wait(struct client *c)
{
    while (!atomic_load(&c->done)) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(pthread_join(c->thread, NULL), 0);
}

/* One request, and all that comes back until the door closes the connection. */
static struct client *ask(const char *request, size_t len)
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

static int status_of(const char *answer)
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
static void on_moment(uv_timer_t *timer)
{
    (void)timer;
    uv_stop(&w.loop);
}

static void run_for(uint64_t ms)
{
    assert_int_equal(uv_timer_start(&w.ticker, on_moment, ms, 0), 0);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_timer_stop(&w.ticker), 0);
}

/* ---- cases ---- */

#define END "Host: localhost\r\nConnection: close\r\n\r\n"

struct case_row {
    const char *sentence, *request;
    int status;
    const char *has[4]; /* in the answer */
    const char *hasnt;
};

static void check_row(const struct case_row *row)
{
    const struct client *c = ask(row->request, strlen(row->request));

    if (status_of(c->answer) != row->status) {
        fail_msg("%s: expected %d, got \"%s\"", row->sentence, row->status, c->answer);
    }
    for (size_t i = 0; i < ARRAY_LEN(row->has) && row->has[i] != NULL; i++) {
        if (strstr(c->answer, row->has[i]) == NULL) {
            fail_msg("%s: no \"%s\" in \"%s\"", row->sentence, row->has[i], c->answer);
        }
    }
    if (row->hasnt != NULL && strstr(c->answer, row->hasnt) != NULL) {
        fail_msg("%s: \"%s\" in \"%s\"", row->sentence, row->hasnt, c->answer);
    }
}

static const struct case_row request_rows[] = {
    {"a segment is decoded, its slash is no border",
     "GET /echo/a%2Fb HTTP/1.1\r\n" END,
     200,
     {"\"name\":\"a/b\"", "Content-Type: application/json", "nosniff", "no-store"},
     "Server:"},
    {"a query value is decoded",
     "GET /echo/x?p=1&q=caf%C3%A9+%26 HTTP/1.1\r\n" END,
     200,
     {"\"q\":\"café &\""},
     NULL},
    {"an absent query value is null",
     "GET /echo/x HTTP/1.1\r\n" END,
     200,
     {"\"q\":null"},
     NULL},
    {"HEAD is GET without a body",
     "HEAD /echo/x HTTP/1.1\r\n" END,
     200,
     {"Content-Length: ", "application/json"},
     "\"name\""},
    {"unknown paths are problems",
     "GET /nowhere HTTP/1.1\r\n" END,
     404,
     {"application/problem+json", "\"status\":404", "about:blank", "Not Found"},
     NULL},
    {"a segment too many is unknown", "GET /echo/x/y HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"an empty segment matches no parameter", "GET /echo/ HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"a wrong method names the right ones",
     "DELETE /echo/x HTTP/1.1\r\n" END,
     405,
     {"Allow: GET, HEAD, POST, OPTIONS"},
     NULL},
    {"a method nobody knows too", "BREW /echo/x HTTP/1.1\r\n" END, 405, {"Allow: GET"}, NULL},
    {"OPTIONS tells what is allowed",
     "OPTIONS /hold HTTP/1.1\r\n" END,
     204,
     {"Allow: GET, HEAD, POST, OPTIONS"},
     NULL},
    {"OPTIONS of nothing is nothing", "OPTIONS /nowhere HTTP/1.1\r\n" END, 404, {NULL}, NULL},
    {"bytes that are no UTF-8 are refused",
     "GET /echo/%ff HTTP/1.1\r\n" END,
     400,
     {"UTF-8"},
     NULL},
    {"so they are in the query", "GET /echo/x?q=%c3%28 HTTP/1.1\r\n" END, 400, {"UTF-8"}, NULL},
    {"a NUL is refused", "GET /echo/%00 HTTP/1.1\r\n" END, 400, {NULL}, NULL},
    {"half an escape is refused", "GET /echo/%4 HTTP/1.1\r\n" END, 400, {NULL}, NULL},
    {"HTTP/1.1 without Host is refused",
     "GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n",
     400,
     {NULL},
     NULL},
    {"a body is counted",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 5\r\n" END "12345",
     200,
     {"\"bytes\":5"},
     NULL},
    {"a chunked body is counted",
     "POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
     "5\r\n12345\r\n2;x=y\r\n67\r\n0\r\n\r\n",
     200,
     {"\"bytes\":7"},
     NULL},
    {"who waits for 100 gets it",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" END "ab",
     100,
     {"HTTP/1.1 200", "\"bytes\":2"},
     NULL},
    {"a body announced too large is refused unread",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 1001\r\n" END,
     413,
     {"problem+json", "max_body (1000)", "Connection: close"},
     NULL},
    {"nor is it asked for",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n" END,
     413,
     {NULL},
     "100 Continue"},
    {"two lengths are one too many",
     "POST /echo/x HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n" END
     "2\r\nab\r\n0\r\n\r\n",
     400,
     {"exclude each other"},
     NULL},
    {"a header set by the handler wins, its context is freed",
     "GET /context HTTP/1.1\r\n" END,
     204,
     {"Cache-Control: max-age=60"},
     "no-store"},
    {"an error of ours has its status",
     "GET /problem HTTP/1.1\r\n" END,
     503,
     {"Retry-After: 5", "disk full"},
     NULL},
};

static void requests_are_answered_by_their_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
        check_row(&request_rows[i]);
    }
}

static void a_body_at_the_limit_passes_and_one_byte_more_does_not(void **state)
{
    char request[2000];
    int head;

    (void)state;
    for (int over = 0; over < 2; over++) {
        head = snprintf(request,
                        sizeof request,
                        "POST /echo/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "%x\r\n",
                        MAX_BODY + over);
        memset(request + head, 'x', (size_t)MAX_BODY + 1);
        memcpy(request + head + MAX_BODY + over, "\r\n0\r\n\r\n", 8);
        assert_int_equal(
            status_of(ask(request, strlen("\r\n0\r\n\r\n") + (size_t)(head + MAX_BODY + over))
                          ->answer),
            over ? 413 : 200);
    }
}

static char *big_request(const char *head, size_t body, size_t *out_len)
{
    size_t len = strlen(head);
    char *bytes = malloc(len + body);

    assert_non_null(bytes);
    memset(bytes, '7', len + body);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = head[i];
    }
    *out_len = len + body;
    return bytes;
}

/* Four megabytes are on their way when the answer goes out: without lingering the kernel would
 * reset the connection and the client would never read it. */
static void a_client_that_goes_on_sending_still_hears_why_not(void **state)
{
    size_t len;
    char *bytes = big_request(
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n", 4000000, &len);

    (void)state;
    for (int i = 0; i < 5; i++) {
        const struct client *c = ask(bytes, len);

        assert_false(c->failed);
        assert_int_equal(status_of(c->answer), 413);
    }
    free(bytes);
}

static void endless_chunks_are_cut_off_in_bounded_memory(void **state)
{
    static const char head[] =
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n";
    size_t len;
    char *bytes = big_request(head, (size_t)80 * 1024 * 1024, &len);
    struct client *c;

    (void)state;
    c = ask(bytes, len);
    assert_int_equal(c->answer_len,
                     0); /* cut: no limit is known to a client that ignores ours */
    assert_int_equal(w.handled, 0);
    free(bytes);
}

static void long_request_lines_and_headers_are_refused(void **state)
{
    static char request[60000];

    (void)state;
    (void)snprintf(request, sizeof request, "GET /echo/%017000d HTTP/1.1\r\n" END, 1);
    assert_int_equal(status_of(ask(request, strlen(request))->answer), 414);
    (void)snprintf(request, sizeof request, "GET /echo/x HTTP/1.1\r\nX-A: %040000d\r\n" END, 1);
    assert_in_range(status_of(ask(request, strlen(request))->answer), 400, 499);
    assert_int_equal(w.handled, 0);
}

static void garbage_ends_the_connection_and_nothing_else(void **state)
{
    static const char *const rows[] = {"\x16\x03\x01\x02",
                                       "GET\r\n\r\n",
                                       "\r\n\r\n\r\n\r\n",
                                       "GET /echo/x HTTP/9.9\r\n\r\n",
                                       "POST /echo/x HTTP/1.1\r\nHost: "
                                       "h\r\nContent-Length: -1\r\n\r\n",
                                       "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                                       "chunked\r\n\r\nzz\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct client *c = ask(rows[i], strlen(rows[i]));

        assert_true(c->answer_len == 0 || status_of(c->answer) >= 400);
    }
    assert_int_equal(
        status_of(ask("GET /echo/x HTTP/1.1\r\n" END, strlen("GET /echo/x HTTP/1.1\r\n" END))
                      ->answer),
        200);
}

static void a_slow_body_is_waited_for(void **state)
{
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = "POST /echo/slow HTTP/1.1\r\nContent-Length: 3\r\n" END "abc";
    c.request_len = strlen(c.request);
    c.gap_ms = 2;
    client_start(&c);
    client_wait(&c);
    assert_int_equal(status_of(c.answer), 200);
    assert_non_null(strstr(c.answer, "\"bytes\":3"));
}

static void idle_connections_are_closed(void **state)
{
    const struct client *c;
    int64_t start_ms = clock_mono_ms();

    (void)state;
    c = ask("GET /echo/half", 14);
    assert_true(c->answer_len == 0 || status_of(c->answer) >= 400);
    assert_in_range(clock_mono_ms() - start_ms, 500, 4000);
}

static void answers_may_come_later(void **state)
{
    static struct client c[20];

    (void)state;
    memset(c, 0, sizeof c);
    assert_int_equal(uv_timer_start(&w.ticker, on_tick, 20, 20), 0);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i].run = run_raw;
        c[i].request = "POST /hold HTTP/1.1\r\nContent-Length: 3\r\n" END "abc";
        c[i].request_len = strlen(c[i].request);
        client_start(&c[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_wait(&c[i]);
        assert_int_equal(status_of(c[i].answer), 202);
    }
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
    static const char two[] =
        "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /echo/second HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
        "GET /echo/third HTTP/1.1\r\n" END;
    const struct client *c;
    const char *first, *second, *third;

    (void)state;
    assert_int_equal(uv_timer_start(&w.ticker, on_tick, 20, 20), 0);
    c = ask(two, strlen(two));
    first = strstr(c->answer, "answered");
    second = strstr(c->answer, "second");
    third = strstr(c->answer, "third");
    assert_true(first != NULL && second > first && third > second);
}

static void a_client_that_vanishes_harms_nobody(void **state)
{
    static const char hold[] = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = hold;
    c.request_len = strlen(hold);
    c.vanish = true;
    client_start(&c);
    client_wait(&c);
    run_for(50);
    assert_int_equal(w.held_count, 1);
    assert_false(door_idle(w.crier.door));
    answer_held();
    run_for(50);
    assert_true(door_idle(w.crier.door));
    assert_int_equal(door_connections(w.crier.door), 0);
}

static void a_client_that_vanishes_within_its_body_is_forgotten(void **state)
{
    static struct client c;

    (void)state;
    memset(&c, 0, sizeof c);
    c.run = run_raw;
    c.request = "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc";
    c.request_len = strlen(c.request);
    c.vanish = true;
    client_start(&c);
    client_wait(&c);
    run_for(50);
    assert_int_equal(w.handled, 0);
    assert_true(door_idle(w.crier.door));
}

/* ---- tokens ---- */

static int secret_status(const char *headers)
{
    char request[600];

    (void)snprintf(request, sizeof request, "GET /secret/x HTTP/1.1\r\n%s" END, headers);
    return status_of(ask(request, strlen(request))->answer);
}

static void the_token_opens(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        {"", 401},
        {"Authorization: Bearer s3cr3t-token\r\n", 200},
        {"Authorization: bearer s3cr3t-token\r\n", 200},
        {"Authorization: Bearer s3cr3t-toke\r\n", 401},
        {"Authorization: Bearer s3cr3t-token2\r\n", 401},
        {"Authorization: Basic s3cr3t-token\r\n", 401},
        {"Authorization: Bearer\r\n", 401},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (secret_status(rows[i].headers) != rows[i].status) {
            fail_msg("%s: expected %d", rows[i].headers, rows[i].status);
        }
    }
    assert_non_null(strstr(
        ask("GET /secret/x HTTP/1.1\r\n" END, strlen("GET /secret/x HTTP/1.1\r\n" END))->answer,
        "WWW-Authenticate: Bearer"));
}

static void ten_wrong_tokens_close_the_door_for_a_minute(void **state)
{
#define FROM(peer, token)                                                                      \
    "X-Forwarded-For: 9.9.9.9, " peer "\r\nAuthorization: Bearer " token "\r\n"
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(secret_status(FROM("203.0.113.1", "guess")), 401);
    }
    assert_int_equal(secret_status(FROM("203.0.113.1", "guess")), 429);
    assert_int_equal(secret_status(FROM("203.0.113.1", "s3cr3t-token")), 429);
    assert_int_equal(secret_status(FROM("203.0.113.2", "s3cr3t-token")), 200);
    for (int i = 0; i < 10;
         i++) { /* whoever is on this machine keeps the right token's way in */
        assert_int_equal(secret_status("Authorization: Bearer guess\r\n"), 401);
    }
    assert_int_equal(secret_status("Authorization: Bearer guess\r\n"), 429);
    assert_int_equal(secret_status("Authorization: Bearer s3cr3t-token\r\n"), 200);
#if WITH_FAULTS
    clock_advance(61 * MS_SECOND);
    assert_int_equal(secret_status(FROM("203.0.113.1", "s3cr3t-token")), 200);
#endif
}

static void without_a_token_only_this_machine_gets_in(void **state)
{
    static const struct case_row rows[] = {
        {"a local program", "GET /secret/x HTTP/1.1\r\n" END, 200, {NULL}, NULL},
        {"by address and port",
         "GET /secret/x HTTP/1.1\r\nHost: 127.0.0.1:8480\r\nConnection: close\r\n\r\n",
         200,
         {NULL},
         NULL},
        {"a page in a browser",
         "GET /secret/x HTTP/1.1\r\nOrigin: https://evil.example\r\n" END,
         403,
         {"server.token"},
         NULL},
        {"a name that was made to point here",
         "GET /secret/x HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n",
         403,
         {NULL},
         NULL},
        {"somebody behind a proxy",
         "GET /secret/x HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" END,
         403,
         {NULL},
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_row(&rows[i]);
    }
}

/* ---- streams ---- */

struct stream_reader {
    struct client c;
    int fd;
};

static void run_stream_open(struct client *c)
{
    struct stream_reader *s = container_of(c, struct stream_reader, c);
    static const char request[] = "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";

    s->fd = connect_tcp();
    (void)send_all(s->fd, request, strlen(request));
    /* Until the first piece is there: the stream has begun. */
    while (strstr(c->answer, "hello") == NULL) {
        ssize_t n =
            recv(s->fd, c->answer + c->answer_len, sizeof c->answer - 1 - c->answer_len, 0);

        if (n <= 0) {
            return;
        }
        c->answer_len += (size_t)n;
    }
}

static void run_stream_rest(struct client *c)
{
    read_all(container_of(c, struct stream_reader, c)->fd, c);
}

static void stream_step(struct stream_reader *s, void (*run)(struct client *))
{
    s->c.run = run;
    client_start(&s->c);
    client_wait(&s->c);
}

static void on_drained(void *context)
{
    assert_ptr_equal(context, &w);
    w.streams_drained++;
}

static void a_stream_says_things_bit_by_bit(void **state)
{
    static struct stream_reader s;

    (void)state;
    memset(&s, 0, sizeof s);
    stream_step(&s, run_stream_open);
    assert_int_equal(status_of(s.c.answer), 200);
    assert_non_null(strstr(s.c.answer, "text/event-stream"));
    for (int i = 0; i < 3; i++) {
        assert_true(door_stream_write(w.stream, "more\n", 5, 1000));
        run_for(10);
    }
    door_stream_on_drained(w.stream, on_drained);
    run_for(20);
    assert_int_equal(w.streams_drained, 1);
    door_stream_end(w.stream);
    assert_false(door_stream_write(w.stream, "late\n", 5, 1000));
    stream_step(&s, run_stream_rest);
    assert_non_null(strstr(s.c.answer, "more\n"));
    assert_null(strstr(s.c.answer, "late"));
    assert_non_null(strstr(s.c.answer, "\r\n0\r\n"));
    close(s.fd);
    run_for(20);
    assert_int_equal(w.streams_closed, 1);
}

static void a_slow_reader_is_bounded_and_then_served(void **state)
{
    static struct stream_reader s;
    static char piece[10000];
    size_t written = 0;

    (void)state;
    memset(&s, 0, sizeof s);
    memset(piece, 'p', sizeof piece);
    stream_step(&s, run_stream_open);
    while (door_stream_write(w.stream, piece, sizeof piece, 100000)) {
        written += sizeof piece;
        assert_true(written < 100000000);
        if (written % 100000 == 0) {
            run_for(1); /* the kernel takes what it can hold */
        }
    }
    assert_false(door_stream_write(w.stream, piece, sizeof piece, 100000));
    door_stream_end(w.stream);
    close(s.fd); /* and never reads */
    run_for(100);
    assert_int_equal(w.streams_closed, 1);
}

static void a_listener_that_vanishes_is_noticed_at_the_next_write(void **state)
{
    static struct stream_reader s;

    (void)state;
    memset(&s, 0, sizeof s);
    stream_step(&s, run_stream_open);
    close(s.fd);
    for (int i = 0; i < 20 && w.streams_closed == 0; i++) {
        (void)door_stream_write(w.stream, ": still here\n\n", 14, 1000);
        run_for(10);
    }
    assert_int_equal(w.streams_closed, 1);
    assert_true(door_idle(w.crier.door));
}

static void an_open_stream_ends_with_the_door(void **state)
{
    static struct stream_reader s;

    (void)state;
    memset(&s, 0, sizeof s);
    stream_step(&s, run_stream_open);
    close_world();
    assert_int_equal(w.streams_closed, 1);
    close(s.fd);
    open_world("127.0.0.1:0", NULL);
}

/* ---- going down ---- */

static void run_refused(struct client *c)
{
    int fd = connect_tcp();

    c->failed = fd < 0;
    if (fd >= 0) {
        close(fd);
    }
}

static void quiesce_answers_what_is_suspended_and_takes_nothing_new(void **state)
{
    static struct client held, late;

    (void)state;
    memset(&held, 0, sizeof held);
    held.run = run_raw; /* keep-alive: the door must say close, or this never ends */
    held.request = "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n";
    held.request_len = strlen(held.request);
    client_start(&held);
    while (w.held_count == 0) {
        run_for(5);
    }
    door_quiesce(w.crier.door);
    assert_false(door_idle(w.crier.door));
    memset(&late, 0, sizeof late);
    late.run = run_refused;
    client_start(&late);
    client_wait(&late);
    assert_true(late.failed);
    answer_held();
    client_wait(&held);
    assert_int_equal(status_of(held.answer), 202);
    assert_non_null(strstr(held.answer, "Connection: close"));
    run_for(20);
    assert_true(door_idle(w.crier.door));
}

static void a_door_may_go_with_requests_unanswered(void **state)
{
    static struct client c[5];

    (void)state;
    memset(c, 0, sizeof c);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i].run = run_raw;
        c[i].request = "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        c[i].request_len = strlen(c[i].request);
        client_start(&c[i]);
    }
    while (w.held_count < ARRAY_LEN(c)) {
        run_for(5);
    }
    door_free(w.crier.door);
    w.crier.door = NULL;
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        size_t len;

        assert_int_equal(pthread_join(c[i].thread, NULL), 0);
        assert_string_equal(door_body(w.held[i], &len), "abc"); /* still theirs to read */
        assert_null(door_header(w.held[i], "Host"));
    }
    /* close_world() answers them now and finds nothing left. */
}

/* ---- other ways to listen ---- */

static size_t take_nothing(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static long curl_status(const char *url, const char *socket_path)
{
    CURL *curl = curl_easy_init();
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_nothing);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

static char listen_path[128];

static void run_curl(struct client *c)
{
    char url[200];

    (void)snprintf(url,
                   sizeof url,
                   "%s/secret/x",
                   listen_path[0] != '\0' ? "http://localhost" : door_url(w.crier.door));
    c->status = (int)curl_status(url, listen_path[0] != '\0' ? listen_path : NULL);
}

static int curl_get(void)
{
    static struct client c;

    memset(&c, 0, sizeof c);
    c.run = run_curl;
    client_start(&c);
    client_wait(&c);
    return c.status;
}

static void it_listens_on_a_unix_socket_and_clears_a_dead_one(void **state)
{
    char folder[] = "/tmp/crier-door-XXXXXX", listen[160];
    struct sockaddr_un dead = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(listen_path, sizeof listen_path, "%s/sock", folder);
    (void)snprintf(listen, sizeof listen, "unix:%s", listen_path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(dead.sun_path, listen_path, strlen(listen_path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&dead, sizeof dead), 0);
    close(fd); /* the file stays, nobody listens */
    open_world(listen, NULL);
    assert_string_equal(door_url(w.crier.door), listen);
    assert_int_equal(stat(listen_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(curl_get(), 200);
    close_world();
    assert_int_not_equal(stat(listen_path, &st), 0);
    listen_path[0] = '\0';
    assert_int_equal(rmdir(folder), 0);
}

static void it_listens_on_ipv6(void **state)
{
    (void)state;
    open_world("[::1]:0", NULL);
    assert_int_equal(strncmp(door_url(w.crier.door), "http://[::1]:", 13), 0);
    assert_int_equal(curl_get(), 200);
    close_world();
}

static void what_cannot_be_listened_on_is_said(void **state)
{
    static const char *const rows[] = {
        "nonsense", "127.0.0.1:", "1.2.3.4:1", "unix:", "unix:/nowhere/at/all"};
    struct door *d = NULL;
    struct err why;

    (void)state;
    open_world("127.0.0.1:0", NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *right = w.config.server.listen;

        w.config.server.listen = mem_strdup(rows[i]);
        why.text[0] = '\0';
        assert_int_not_equal(door_new(&d, &w.crier, routes, &why), ERR_NONE);
        assert_true(strlen(why.text) > 0);
        mem_free(w.config.server.listen);
        w.config.server.listen = right;
    }
    close_world();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(requests_are_answered_by_their_row),
        CASE(a_body_at_the_limit_passes_and_one_byte_more_does_not),
        CASE(a_client_that_goes_on_sending_still_hears_why_not),
        CASE(endless_chunks_are_cut_off_in_bounded_memory),
        CASE(long_request_lines_and_headers_are_refused),
        CASE(garbage_ends_the_connection_and_nothing_else),
        CASE(a_slow_body_is_waited_for),
        CASE(idle_connections_are_closed),
        CASE(answers_may_come_later),
        CASE(pipelined_requests_are_answered_in_their_order),
        CASE(a_client_that_vanishes_harms_nobody),
        CASE(a_client_that_vanishes_within_its_body_is_forgotten),
        cmocka_unit_test_setup_teardown(the_token_opens, setup_token, teardown),
        cmocka_unit_test_setup_teardown(
            ten_wrong_tokens_close_the_door_for_a_minute, setup_token, teardown),
        CASE(without_a_token_only_this_machine_gets_in),
        CASE(a_stream_says_things_bit_by_bit),
        CASE(a_slow_reader_is_bounded_and_then_served),
        CASE(a_listener_that_vanishes_is_noticed_at_the_next_write),
        CASE(an_open_stream_ends_with_the_door),
        CASE(quiesce_answers_what_is_suspended_and_takes_nothing_new),
        CASE(a_door_may_go_with_requests_unanswered),
        cmocka_unit_test(it_listens_on_a_unix_socket_and_clears_a_dead_one),
        cmocka_unit_test(it_listens_on_ipv6),
        cmocka_unit_test(what_cannot_be_listened_on_is_said),
    };

    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
