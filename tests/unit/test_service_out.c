/* service/out.c against a server that answers, cuts, stalls, floods and lies. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "service/crier.h"
#include "service/out.h"
#include "tests/support/tiny_server.h"

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct out *out;
    struct tiny_server server;
};

struct call {
    struct out_exchange x;
    struct buf pieces;
    size_t piece_count;
    bool pauses;
    struct http_request request;
    int dones;
    bool sent; /* out_send() has returned */
    char url[200];
};

static void setup(struct fixture *f, tiny_answer_fn *answer)
{
    struct err why = {0};

    memset(f, 0, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    assert_int_equal(out_new(&f->out, &f->crier, &why), 0);
    tiny_server_start(&f->server, answer, f);
}

static void teardown(struct fixture *f)
{
    out_free(f->out);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    tiny_server_stop(&f->server);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
}

static void on_done(struct out_exchange *x)
{
    struct call *c = container_of(x, struct call, x);

    assert_true(c->sent);
    c->dones++;
}

static void send_call(struct fixture *f, struct call *c)
{
    c->request.url = c->request.url ? c->request.url : mem_strdup(c->url);
    c->x.request = &c->request;
    c->x.done = on_done;
    c->x.timeout_ms = c->x.timeout_ms ? c->x.timeout_ms : 5000;
    out_send(f->out, &c->x);
    c->sent = true;
}

static void prepare(struct fixture *f, struct call *c, const char *path)
{
    memset(c, 0, sizeof *c);
    http_request_init(&c->request);
    c->x.allow_private = true;
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d%s", f->server.port, path);
}

static void wait_done(struct fixture *f, struct call *c)
{
    for (int i = 0; c->dones == 0 && i < 100000; i++) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(c->dones, 1);
}

static void done(struct call *c)
{
    out_exchange_done(&c->x);
    http_request_done(&c->request);
}

/* ---- answers ---- */

static bool echo(struct tiny_request *r)
{
    char *text = mem_printf("%s\n%.*s", r->head, (int)r->body_len, r->body);

    tiny_reply(r, 200, "X-Twice:  a b \r\nRetry-After: 7\r\n", text);
    mem_free(text);
    return true;
}

static bool cut_at_once(struct tiny_request *r)
{
    (void)r;
    return false;
}

static bool cut_in_the_head(struct tiny_request *r)
{
    tiny_say(r->fd, "HTTP/1.1 200 OK\r\nContent-Le");
    return false;
}

static bool cut_in_the_body(struct tiny_request *r)
{
    tiny_say(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    return false;
}

static bool garbage(struct tiny_request *r)
{
    tiny_say(r->fd, "\x01\x02 what is this\r\n\r\n");
    return false;
}

static bool stall(struct tiny_request *r)
{
    char c;

    (void)recv(r->fd, &c, 1, 0); /* until the client goes */
    return false;
}

static bool endless(struct tiny_request *r)
{
    char block[4096];

    memset(block, 'x', sizeof block);
    tiny_say(r->fd, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 100000 && send(r->fd, block, sizeof block, MSG_NOSIGNAL) > 0; i++) {
    }
    return false;
}

static bool endless_head(struct tiny_request *r)
{
    tiny_say(r->fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100000 && send(r->fd, "X-More: abcdefghijkl\r\n", 22, MSG_NOSIGNAL) > 0;
         i++) {
    }
    return false;
}

/* The answer to the first request is fine and keeps the connection; every later one is read
 * whole and then the connection is cut, as by a server that took it and died. */
static bool take_and_die(struct tiny_request *r)
{
    if (r->number == 1) {
        tiny_reply(r, 200, "", "first");
        return true;
    }
    return false;
}

static bool redirect(struct tiny_request *r)
{
    if (strncmp(r->head, "GET /end", 8) == 0) {
        tiny_reply(r, 200, "", "the end");
    } else if (strncmp(r->head, "GET /file", 9) == 0) {
        tiny_reply(r, 302, "Location: file:///etc/passwd\r\n", "");
    } else if (strncmp(r->head, "GET /loop", 9) == 0) {
        tiny_reply(r, 302, "Location: /loop\r\n", "");
    } else {
        tiny_reply(r, 302, "Location: /end\r\n", "");
    }
    return true;
}

/* ---- a gzip bomb: one literal, then matches of 258 bytes at distance 1, 13 bits each ---- */

struct bits {
    unsigned char v[64 * 1024];
    size_t count;
};

static void put(struct bits *b, unsigned value, int n, bool msb_first)
{
    for (int i = 0; i < n; i++) {
        unsigned bit = value >> (msb_first ? n - 1 - i : i) & 1;

        b->v[b->count / 8] |= (unsigned char)(bit << (b->count % 8));
        b->count++;
    }
}

static bool bomb(struct tiny_request *r)
{
    static struct bits b; /* about 8 MiB of zeros */
    char head[200];

    memset(&b, 0, sizeof b);
    put(&b, 1, 1, false);
    put(&b, 1, 2, false);
    put(&b, 0x30, 8, true);
    for (int i = 0; i < 32000; i++) {
        put(&b, 0xc5, 8, true);
        put(&b, 0, 5, true);
    }
    put(&b, 0, 7, true);
    (void)snprintf(head,
                   sizeof head,
                   "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                   10 + b.count / 8 + 1);
    tiny_say(r->fd, head);
    tiny_write(r->fd, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    tiny_write(r->fd, b.v, b.count / 8 + 1);
    return false;
}

static bool long_body(struct tiny_request *r)
{
    char *text = mem_alloc(300001);

    for (size_t i = 0; i < 300000; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[300000] = '\0';
    tiny_reply(r, 200, "X-Kind: long\r\n", text);
    mem_free(text);
    return true;
}

static void on_piece(struct out_exchange *x, const char *bytes, size_t len)
{
    struct call *c = container_of(x, struct call, x);

    assert_int_equal(x->response.status, 200);
    assert_string_equal(http_header(&x->response.headers, "X-Kind"), "long");
    assert_false(x->paused);
    buf_add(&c->pieces, bytes, len);
    c->piece_count++;
    if (c->pauses) {
        out_pause(x);
    }
}

static void check_alphabet(const struct call *c, size_t len)
{
    assert_int_equal(c->pieces.len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(c->pieces.data[i], 'a' + (int)(i % 26));
    }
}

/* ---- cases ---- */

static void addresses_that_are_private_are_never_connected_to(void **state)
{
    static const char *const hosts[] = {"127.0.0.1",
                                        "[::1]",
                                        "0.0.0.0",
                                        "[::ffff:127.0.0.1]",
                                        "localhost",
                                        "2130706433",
                                        "0x7f.1",
                                        "127.1"};
    struct fixture f;

    (void)state;
    setup(&f, echo);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct call c;

        prepare(&f, &c, "/");
        c.x.allow_private = false;
        (void)snprintf(c.url, sizeof c.url, "http://%s:%d/", hosts[i], f.server.port);
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
        if (!strstr(c.x.error, "private address")) {
            fail_msg("%s: %s", hosts[i], c.x.error);
        }
        done(&c);
    }
    assert_int_equal(f.server.connections, 0);
    teardown(&f);
}

static void metadata_is_refused_without_a_packet(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, echo);
    prepare(&f, &c, "/");
    c.x.allow_private = false;
    (void)snprintf(c.url, sizeof c.url, "http://169.254.169.254/latest/meta-data");
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_non_null(strstr(c.x.error, "169.254.169.254"));
    done(&c);
    teardown(&f);
}

static void a_pooled_connection_to_a_private_address_is_not_lent(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, echo);
    prepare(&f, &c, "/");
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    done(&c);

    prepare(&f, &c, "/");
    c.x.allow_private = false;
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_int_equal(f.server.requests, 1);
    done(&c);
    teardown(&f);
}

static void an_answer_comes_with_status_headers_and_body(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, echo);
    prepare(&f, &c, "/a?b=c");
    c.request.method = HTTP_POST;
    http_set_header(&c.request, "X-Own", "yes");
    buf_adds(&c.request.body, "hello");
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(c.x.response.status, 200);
    assert_string_equal(http_header(&c.x.response.headers, "x-twice"), "a b");
    assert_int_equal(http_retry_after_ms(&c.x.response), 7000);
    assert_non_null(strstr(c.x.response.body, "POST /a?b=c HTTP/1.1"));
    assert_non_null(strstr(c.x.response.body, "X-Own: yes"));
    assert_non_null(strstr(c.x.response.body, "User-Agent: crier/"));
    assert_non_null(strstr(c.x.response.body, "\nhello"));
    assert_null(strcasestr(c.x.response.body, "expect:"));
    assert_null(strcasestr(c.x.response.body, "content-type:"));
    assert_true(c.x.timing.total_us > 0);
    assert_string_equal(c.x.error, "");
    done(&c);
    teardown(&f);
}

static void each_method_is_said_as_it_is(void **state)
{
    static const struct {
        enum http_method method;
        const char *body, *line, *length;
    } rows[] = {
        {HTTP_GET, NULL, "GET /m ", NULL},
        {HTTP_POST, "", "POST /m ", "Content-Length: 0"},
        {HTTP_PUT, "x", "PUT /m ", "Content-Length: 1"},
        {HTTP_PUT, NULL, "PUT /m ", "Content-Length: 0"},
        {HTTP_PATCH, "xy", "PATCH /m ", "Content-Length: 2"},
        {HTTP_DELETE, NULL, "DELETE /m ", NULL},
        {HTTP_DELETE, "xyz", "DELETE /m ", "Content-Length: 3"},
    };
    struct fixture f;

    (void)state;
    setup(&f, echo);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call c;

        prepare(&f, &c, "/m");
        c.request.method = rows[i].method;
        buf_adds(&c.request.body, rows[i].body ? rows[i].body : "");
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
        assert_memory_equal(c.x.response.body, rows[i].line, strlen(rows[i].line));
        if (rows[i].length) {
            assert_non_null(strstr(c.x.response.body, rows[i].length));
        } else {
            assert_null(strstr(c.x.response.body, "Content-Length"));
        }
        done(&c);
    }
    teardown(&f);
}

static void a_multipart_body_holds_its_parts(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, echo);
    prepare(&f, &c, "/");
    c.request.method = HTTP_POST;
    http_add_part_text(&c.request, "caption", "words");
    http_add_part_bytes(&c.request, "photo", "p.png", "image/png", "\x89PNG", 4);
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_non_null(strstr(c.x.response.body, "multipart/form-data; boundary="));
    assert_non_null(strstr(c.x.response.body, "name=\"caption\"\r\n\r\nwords"));
    assert_non_null(
        strstr(c.x.response.body,
               "name=\"photo\"; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG"));
    done(&c);
    teardown(&f);
}

static void what_may_have_arrived_is_lost(void **state)
{
    static const struct {
        const char *name;
        tiny_answer_fn *answer;
    } rows[] = {
        {"cut after reading", cut_at_once},
        {"cut inside the head", cut_in_the_head},
        {"cut inside the body", cut_in_the_body},
        {"garbage", garbage},
        {"a head without end", endless_head},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct call c;

        setup(&f, rows[i].answer);
        prepare(&f, &c, "/");
        c.request.method = HTTP_POST;
        c.x.once = true;
        buf_adds(&c.request.body, "x");
        send_call(&f, &c);
        wait_done(&f, &c);
        if (c.x.outcome != TRANSPORT_LOST || c.x.error[0] == '\0') {
            fail_msg("%s: outcome %d, %s", rows[i].name, (int)c.x.outcome, c.x.error);
        }
        assert_int_equal(f.server.requests, 1);
        done(&c);
        teardown(&f);
    }
}

static void a_stall_ends_with_the_timeout(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, stall);
    prepare(&f, &c, "/");
    c.x.timeout_ms = 150;
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_LOST);
    assert_true(c.x.timing.total_us >= 140000);
    assert_true(c.x.timing.total_us < 3000000);
    done(&c);
    teardown(&f);
}

static void without_a_connection_nothing_was_sent(void **state)
{
    struct fixture f;
    static const char *const urls[] = {"http://127.0.0.1:1/",
                                       "https://127.0.0.1:%d/",
                                       "http://no-such-name.invalid/",
                                       "nonsense",
                                       "ftp://127.0.0.1/"};

    (void)state;
    setup(&f, echo);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct call c;

        prepare(&f, &c, "/");
        if (strchr(urls[i], '%')) {
            /* A server that speaks no TLS: the request is never about to go. */
            (void)snprintf(c.url, sizeof c.url, "https://127.0.0.1:%d/", f.server.port);
        } else {
            (void)snprintf(c.url, sizeof c.url, "%s", urls[i]);
        }
        c.x.timeout_ms = 1500;
        send_call(&f, &c);
        wait_done(&f, &c);
        if (c.x.outcome != TRANSPORT_NOT_SENT || c.x.error[0] == '\0') {
            fail_msg("%s: outcome %d, %s", c.url, (int)c.x.outcome, c.x.error);
        }
        done(&c);
    }
    assert_int_equal(f.server.requests, 0);
    teardown(&f);
}

static void a_body_without_end_is_an_answer_cut_at_its_bound(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, endless);
    prepare(&f, &c, "/");
    c.request.max_answer_bytes = 10000;
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_true(c.x.response.truncated);
    assert_int_equal(c.x.response.body_len, 10000);
    done(&c);
    teardown(&f);
}

static void an_answer_is_handed_out_in_pieces(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f, long_body);
    for (int round = 0; round < 2; round++) {
        struct call c;

        prepare(&f, &c, "/");
        buf_init(&c.pieces, 1000000);
        c.x.piece = on_piece;
        c.request.max_answer_bytes = round == 0 ? 0 : 1000;
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
        assert_int_equal(c.x.response.truncated, round == 1);
        assert_int_equal(c.x.response.body_len, 0);
        check_alphabet(&c, round == 0 ? 300000 : 1000);
        buf_done(&c.pieces);
        done(&c);
    }
    teardown(&f);
}

/* Each piece is the last until we ask for more, and none is lost or comes twice. */
static void an_answer_waits_while_it_is_paused(void **state)
{
    struct fixture f;
    struct call c;
    size_t resumed = 0;

    (void)state;
    setup(&f, long_body);
    prepare(&f, &c, "/");
    buf_init(&c.pieces, 1000000);
    c.x.piece = on_piece;
    c.pauses = true;
    send_call(&f, &c);
    while (c.dones == 0) {
        size_t had = c.piece_count;

        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        if (c.piece_count == had && c.x.paused) {
            resumed++;
            out_resume(&c.x);
        }
    }
    assert_true(resumed > 5);
    check_alphabet(&c, 300000);
    out_resume(&c.x); /* too late, and no harm */
    buf_done(&c.pieces);
    done(&c);
    teardown(&f);
}

static void a_paused_answer_can_be_broken_off(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, long_body);
    prepare(&f, &c, "/");
    buf_init(&c.pieces, 1000000);
    c.x.piece = on_piece;
    c.pauses = true;
    send_call(&f, &c);
    while (c.piece_count == 0) {
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    }
    out_cancel(&c.x);
    wait_done(&f, &c);
    assert_int_equal(c.piece_count, 1);
    buf_done(&c.pieces);
    done(&c);
    teardown(&f);
}

static void a_bomb_is_bounded_after_decompression(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, bomb);
    prepare(&f, &c, "/");
    c.request.max_answer_bytes = 100000;
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_true(c.x.response.truncated);
    assert_int_equal(c.x.response.body_len, 100000);
    done(&c);
    teardown(&f);
}

static int posts_taken(bool once)
{
    struct fixture f;
    int taken;

    setup(&f, take_and_die);
    for (int i = 0; i < 2; i++) {
        struct call c;

        prepare(&f, &c, "/");
        c.request.method = HTTP_POST;
        c.x.once = once;
        buf_adds(&c.request.body, "news");
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, i == 0 ? TRANSPORT_ANSWERED : TRANSPORT_LOST);
        done(&c);
    }
    taken = f.server.requests;
    teardown(&f);
    return taken;
}

/* What libcurl does on a pooled connection, shown so that nobody takes `once` for needless. */
static void a_pooled_post_that_is_taken_and_cut_goes_twice_by_itself(void **state)
{
    (void)state;
    assert_int_equal(posts_taken(false), 3);
}

static void a_once_post_that_is_taken_and_cut_goes_once(void **state)
{
    (void)state;
    assert_int_equal(posts_taken(true), 2);
}

static void redirects_are_followed_only_where_asked_and_only_to_http(void **state)
{
    static const struct {
        const char *path;
        bool follow;
        enum http_method method;
        enum transport_outcome outcome;
        int status;
    } rows[] = {
        {"/start", true, HTTP_GET, TRANSPORT_ANSWERED, 200},
        {"/start", false, HTTP_GET, TRANSPORT_ANSWERED, 302},
        {"/start", true, HTTP_POST, TRANSPORT_ANSWERED, 302},
        {"/file", true, HTTP_GET, TRANSPORT_LOST, 0},
        {"/loop", true, HTTP_GET, TRANSPORT_LOST, 0},
    };
    struct fixture f;

    (void)state;
    setup(&f, redirect);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call c;

        prepare(&f, &c, rows[i].path);
        c.request.method = rows[i].method;
        c.x.follow = rows[i].follow;
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, rows[i].outcome);
        if (rows[i].status) {
            assert_int_equal(c.x.response.status, rows[i].status);
        }
        done(&c);
    }
    teardown(&f);
}

static void a_cancelled_exchange_still_comes_to_its_done(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, stall);
    prepare(&f, &c, "/");
    send_call(&f, &c);
    out_cancel(&c.x);
    assert_int_equal(c.dones, 0);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    done(&c);

    prepare(&f, &c, "/");
    send_call(&f, &c);
    while (f.server.requests == 0) {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    out_cancel(&c.x);
    out_cancel(&c.x);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_LOST);
    done(&c);
    teardown(&f);
}

static void freeing_it_ends_what_runs(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, stall);
    prepare(&f, &c, "/");
    send_call(&f, &c);
    assert_int_equal(out_running(f.out), 1);
    out_free(f.out);
    f.out = NULL;
    assert_int_equal(c.dones, 1);
    done(&c);
    teardown(&f);
}

static void a_hundred_at_once_all_come_back(void **state)
{
    static struct call calls[100];
    struct fixture f;

    (void)state;
    setup(&f, echo);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        prepare(&f, &calls[i], "/");
        send_call(&f, &calls[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        wait_done(&f, &calls[i]);
        assert_int_equal(calls[i].x.outcome, TRANSPORT_ANSWERED);
        done(&calls[i]);
    }
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_private_are_never_connected_to),
        cmocka_unit_test(metadata_is_refused_without_a_packet),
        cmocka_unit_test(a_pooled_connection_to_a_private_address_is_not_lent),
        cmocka_unit_test(an_answer_comes_with_status_headers_and_body),
        cmocka_unit_test(each_method_is_said_as_it_is),
        cmocka_unit_test(a_multipart_body_holds_its_parts),
        cmocka_unit_test(what_may_have_arrived_is_lost),
        cmocka_unit_test(a_stall_ends_with_the_timeout),
        cmocka_unit_test(without_a_connection_nothing_was_sent),
        cmocka_unit_test(a_body_without_end_is_an_answer_cut_at_its_bound),
        cmocka_unit_test(an_answer_is_handed_out_in_pieces),
        cmocka_unit_test(an_answer_waits_while_it_is_paused),
        cmocka_unit_test(a_paused_answer_can_be_broken_off),
        cmocka_unit_test(a_bomb_is_bounded_after_decompression),
        cmocka_unit_test(a_pooled_post_that_is_taken_and_cut_goes_twice_by_itself),
        cmocka_unit_test(a_once_post_that_is_taken_and_cut_goes_once),
        cmocka_unit_test(redirects_are_followed_only_where_asked_and_only_to_http),
        cmocka_unit_test(a_cancelled_exchange_still_comes_to_its_done),
        cmocka_unit_test(freeing_it_ends_what_runs),
        cmocka_unit_test(a_hundred_at_once_all_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
