/* service/out_mail.c against a mail server that stalls, lies and cuts at every point of the
 * dialogue. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <signal.h>

#include <cmocka.h>

#include "base/clock.h"
#include "service/crier.h"
#include "service/out.h"
#include "tests/support/tiny_mail.h"

#define MESSAGE "Subject: News\r\n\r\nOne line.\r\n"

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct out *out;
    struct tiny_mail server;
};

struct call {
    struct out_exchange x;
    struct http_request request;
    int dones;
    bool sent; /* out_send() has returned */
};

static void setup(struct fixture *f, const struct tiny_move *moves)
{
    struct err why = {0};

    memset(f, 0, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    assert_int_equal(out_new(&f->out, &f->crier, &why), 0);
    tiny_mail_start(&f->server, moves);
}

static void teardown(struct fixture *f)
{
    out_free(f->out);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    tiny_mail_stop(&f->server);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
}

static void on_done(struct out_exchange *x)
{
    struct call *c = container_of(x, struct call, x);

    assert_true(c->sent);
    c->dones++;
}

static void prepare(struct fixture *f, struct call *c)
{
    memset(c, 0, sizeof *c);
    http_request_init(&c->request);
    http_set_url(&c->request, "smtp://127.0.0.1:%d/crier.example", f->server.port);
    http_set_mail(&c->request, "news@news.example", "reader@example.org", MAIL_TLS_NONE);
    buf_adds(&c->request.body, MESSAGE);
    c->x.allow_private = true;
    c->x.timeout_ms = 10000;
}

static void send_call(struct fixture *f, struct call *c)
{
    c->x.request = &c->request;
    c->x.done = on_done;
    out_send(f->out, &c->x);
    c->sent = true;
}

static void wait_done(struct fixture *f, struct call *c)
{
    for (int i = 0; c->dones == 0 && i < 100000; i++) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_int_equal(c->dones, 1);
}

static void wait_stalled(struct fixture *f)
{
    while (!atomic_load(&f->server.stalled)) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

static void done(struct call *c)
{
    out_exchange_done(&c->x);
    http_request_done(&c->request);
}

/* ---- the dialogue ---- */

#define GREET                                                                                  \
    {                                                                                          \
        NULL, "220 mail.example ESMTP"                                                         \
    }
#define HELLO                                                                                  \
    {                                                                                          \
        "EHLO crier.example", "250-mail.example\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"    \
    }
#define FROM                                                                                   \
    {                                                                                          \
        "MAIL FROM:<news@news.example>", "250 2.1.0 Ok"                                        \
    }
#define TO                                                                                     \
    {                                                                                          \
        "RCPT TO:<reader@example.org>", "250 2.1.5 Ok"                                         \
    }
#define DATA                                                                                   \
    {                                                                                          \
        "DATA", "354 Go ahead"                                                                 \
    }
#define TAKEN                                                                                  \
    {                                                                                          \
        ".", "250 2.0.0 Ok: queued as 4XyZ"                                                    \
    }
#define BYE                                                                                    \
    {                                                                                          \
        "QUIT", "221 2.0.0 Bye"                                                                \
    }
#define NO_MORE                                                                                \
    {                                                                                          \
        NULL, NULL                                                                             \
    }

static const struct tiny_move good[] = {GREET, HELLO, FROM, TO, DATA, TAKEN, BYE, NO_MORE};

static void a_message_is_taken_and_the_reply_is_the_answer(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, good);
    prepare(&f, &c);
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(c.x.response.status, 250);
    assert_int_equal(c.x.response.stage, MAIL_MESSAGE);
    assert_string_equal(c.x.response.body, "2.0.0 Ok: queued as 4XyZ");
    assert_string_equal(c.x.error, "");
    assert_true(c.x.timing.total_us > 0 && c.x.timing.connect_us > 0);
    assert_int_equal(f.server.messages, 1);
    assert_non_null(strstr(tiny_mail_heard(&f.server), "\r\n" MESSAGE ".\r\nQUIT\r\n"));
    done(&c);
    teardown(&f);
}

/* Every point at which a server can go, stall or lie. Nobody has the mail but where it was whole. */
static const struct {
    const char *name;
    const struct tiny_move moves[10];
    enum transport_outcome outcome;
    int status;
    enum mail_stage stage;
    const char *body; /* or error */
} points[] = {
    /* cut */
    {"before the greeting", {{NULL, NULL}}, TRANSPORT_NOT_SENT, 0, 0, ""},
    {"after the greeting", {GREET, {"EHLO", NULL}}, TRANSPORT_NOT_SENT, 0, 0, "EHLO: "},
    {"after EHLO", {GREET, HELLO, {"MAIL", NULL}}, TRANSPORT_NOT_SENT, 0, 0, "MAIL FROM: "},
    {"after MAIL", {GREET, HELLO, FROM, {"RCPT", NULL}}, TRANSPORT_NOT_SENT, 0, 0, "RCPT TO: "},
    {"after RCPT",
     {GREET, HELLO, FROM, TO, {"DATA", NULL}},
     TRANSPORT_NOT_SENT,
     0,
     0,
     "DATA: "},
    {"after the final dot",
     {GREET, HELLO, FROM, TO, DATA, {".", NULL}},
     TRANSPORT_LOST,
     0,
     0,
     "message: "},
    {"inside the last reply",
     {GREET, HELLO, FROM, TO, DATA, {".", "250-2.0.0 nearly"}, {NULL, NULL}},
     TRANSPORT_LOST,
     0,
     0,
     "message: "},
    {"after the last reply",
     {GREET, HELLO, FROM, TO, DATA, TAKEN, {NULL, NULL}},
     TRANSPORT_ANSWERED,
     250,
     MAIL_MESSAGE,
     "queued as 4XyZ"},
    {"instead of a reply to QUIT",
     {GREET, HELLO, FROM, TO, DATA, TAKEN, {"QUIT", NULL}},
     TRANSPORT_ANSWERED,
     250,
     MAIL_MESSAGE,
     "queued as 4XyZ"},
    /* said no */
    {"busy", {{NULL, "421 4.3.2 busy"}}, TRANSPORT_ANSWERED, 421, MAIL_GREETING, "4.3.2 busy"},
    {"no service",
     {{NULL, "554 5.7.1 go away"}},
     TRANSPORT_ANSWERED,
     554,
     MAIL_GREETING,
     "5.7.1 go"},
    {"no to the sender",
     {GREET, HELLO, {"MAIL", "550 5.7.1 not from you"}},
     TRANSPORT_ANSWERED,
     550,
     MAIL_SENDER,
     "5.7.1 not from you"},
    {"no to the recipient, in two lines",
     {GREET, HELLO, FROM, {"RCPT", "550-5.1.1 no such user\r\n550 5.1.1 see our help"}},
     TRANSPORT_ANSWERED,
     550,
     MAIL_RECIPIENT,
     "5.1.1 no such user\n5.1.1 see our help"},
    {"no to DATA",
     {GREET, HELLO, FROM, TO, {"DATA", "451 4.3.0 not now"}},
     TRANSPORT_ANSWERED,
     451,
     MAIL_DATA,
     "4.3.0 not now"},
    {"no to the message",
     {GREET, HELLO, FROM, TO, DATA, {".", "550 5.7.26 unauthenticated"}, BYE},
     TRANSPORT_ANSWERED,
     550,
     MAIL_MESSAGE,
     "5.7.26 unauthenticated"},
    {"not now to the message, and gone",
     {GREET, HELLO, FROM, TO, DATA, {".", "421 4.3.2 shutting down"}, {NULL, NULL}},
     TRANSPORT_ANSWERED,
     421,
     MAIL_MESSAGE,
     "4.3.2 shutting down"},
    {"a code alone",
     {GREET, HELLO, FROM, {"RCPT", "550"}},
     TRANSPORT_ANSWERED,
     550,
     MAIL_RECIPIENT,
     ""},
    /* lied */
    {"250 where 354 belongs",
     {GREET, HELLO, FROM, TO, {"DATA", "250 2.0.0 Ok: queued"}},
     TRANSPORT_NOT_SENT,
     0,
     0,
     "DATA: "},
    {"no SMTP at all",
     {{NULL, "HTTP/1.1 200 OK\r\n\r\nhello"}, {NULL, NULL}},
     TRANSPORT_NOT_SENT,
     0,
     0,
     ""},
    {"another protocol after the message",
     {GREET, HELLO, FROM, TO, DATA, {".", "+OK taken"}, {NULL, NULL}},
     TRANSPORT_LOST,
     0,
     0,
     "message: "},
};

static void every_point_of_the_dialogue_has_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct fixture f;
        struct call c;
        bool answered = points[i].outcome == TRANSPORT_ANSWERED;

        setup(&f, points[i].moves);
        prepare(&f, &c);
        send_call(&f, &c);
        wait_done(&f, &c);
        if (c.x.outcome != points[i].outcome || c.x.response.status != points[i].status ||
            c.x.response.stage != points[i].stage ||
            !strstr(answered ? c.x.response.body : c.x.error, points[i].body) ||
            (c.x.error[0] == '\0') != answered) {
            fail_msg("%s: outcome %d, status %d at \"%s\", body \"%s\", error \"%s\"",
                     points[i].name,
                     (int)c.x.outcome,
                     c.x.response.status,
                     mail_stage_name(c.x.response.stage),
                     c.x.response.body,
                     c.x.error);
        }
        if (c.x.outcome == TRANSPORT_NOT_SENT) {
            assert_int_equal(f.server.messages, 0);
        }
        assert_int_equal(f.server.connections, 1);
        done(&c);
        teardown(&f);
    }
}

static void a_stall_ends_with_the_timeout_and_stops_nothing_else(void **state)
{
    static const struct {
        const struct tiny_move moves[8];
        enum transport_outcome outcome;
    } rows[] = {
        {{{NULL, ""}}, TRANSPORT_NOT_SENT},
        {{GREET, {"EHLO", ""}}, TRANSPORT_NOT_SENT},
        {{GREET, HELLO, FROM, TO, {"DATA", ""}}, TRANSPORT_NOT_SENT},
        {{GREET, HELLO, FROM, TO, DATA, {".", ""}}, TRANSPORT_LOST},
        {{GREET, HELLO, FROM, TO, DATA, TAKEN, {"QUIT", ""}}, TRANSPORT_ANSWERED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct call c;
        int64_t longest_us = 0;

        setup(&f, rows[i].moves);
        prepare(&f, &c);
        c.x.timeout_ms = rows[i].outcome == TRANSPORT_ANSWERED ? 60000 : 700;
        send_call(&f, &c);
        while (c.dones == 0) {
            int64_t from_us = clock_mono_us();

            (void)uv_run(&f.loop, UV_RUN_NOWAIT); /* what the loop costs everybody else */
            longest_us =
                clock_mono_us() - from_us > longest_us ? clock_mono_us() - from_us : longest_us;
            usleep(1000);
        }
        assert_int_equal(c.x.outcome, rows[i].outcome);
        assert_true(longest_us < 300000);
        assert_true(c.x.timing.total_us < 5000000);
        done(&c);
        teardown(&f);
    }
}

static char *lines(size_t count)
{
    char *text = mem_alloc(count * 8 + 1);

    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * 8, ".dots.\r\n", 8);
    }
    text[count * 8] = '\0';
    return text;
}

/* The server takes no more in the middle of a message: nothing may look like its end. */
static void a_mail_broken_off_half_way_is_not_delivered(void **state)
{
    static const struct tiny_move moves[] = {GREET, HELLO, FROM, TO, DATA, {NULL, ""}};
    struct fixture f;
    struct call c;
    char *text = lines((size_t)8 * 1024 * 1024 / 8);

    (void)state;
    setup(&f, moves);
    prepare(&f, &c);
    buf_adds(&c.request.body, text);
    mem_free(text);
    send_call(&f, &c);
    wait_stalled(&f);
    out_cancel(&c.x);
    out_cancel(&c.x);
    assert_int_equal(c.dones, 0);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_string_equal(c.x.error, "broken off by us");
    done(&c);
    teardown(&f); /* waits for the thread, which has a copy of the message */
}

static void a_mail_broken_off_behind_its_end_may_be_there(void **state)
{
    static const struct tiny_move moves[] = {GREET, HELLO, FROM, TO, DATA, {".", ""}};
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, moves);
    prepare(&f, &c);
    send_call(&f, &c);
    wait_stalled(&f);
    out_cancel(&c.x);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_LOST);
    done(&c);
    teardown(&f);
}

static void freeing_it_ends_what_runs(void **state)
{
    static const struct tiny_move moves[] = {{NULL, ""}};
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, moves);
    prepare(&f, &c);
    send_call(&f, &c);
    assert_int_equal(out_running(f.out), 1);
    out_free(f.out);
    f.out = NULL;
    assert_int_equal(c.dones, 1);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    done(&c);
    teardown(&f);
}

static void lines_that_begin_with_a_dot_arrive_as_they_are(void **state)
{
    struct fixture f;
    struct call c;
    char *text = lines(20000);
    size_t dots = 0;

    (void)state;
    setup(&f, good);
    prepare(&f, &c);
    buf_adds(&c.request.body, text);
    mem_free(text);
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(f.server.messages, 1);
    for (const char *at = tiny_mail_heard(&f.server);
         (at = strstr(at, "\r\n..dots.\r\n")) != NULL;
         at++) {
        dots++;
    }
    assert_int_equal(dots, 20000);
    done(&c);
    teardown(&f);
}

static void a_server_without_end_is_cut(void **state)
{
    static char flood[200 * 1024];
    const struct tiny_move moves[] = {{NULL, flood}, {NULL, ""}, NO_MORE};
    struct fixture f;
    struct call c;

    (void)state;
    for (size_t i = 0; i + 12 < sizeof flood; i += 10) {
        memcpy(flood + i, "220-hello\r\n", 11);
        flood[i + 9] = '\n';
    }
    setup(&f, moves);
    prepare(&f, &c);
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_string_equal(c.x.error, "the server does not stop talking");
    done(&c);
    teardown(&f);
}

static void private_addresses_are_never_connected_to(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, good);
    prepare(&f, &c);
    c.x.allow_private = false;
    http_set_url(&c.request, "smtp://localhost:%d", f.server.port);
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_non_null(strstr(c.x.error, "is a private address"));
    assert_int_equal(f.server.connections, 0);
    done(&c);
    teardown(&f);
}

/* No kind of request can be made to speak the other's protocol, whatever address it is given. */
static void mail_goes_to_mail_servers_and_nothing_else_does(void **state)
{
    static const struct {
        const char *scheme;
        bool mail;
    } rows[] = {
        {"http", true}, {"file", true}, {"pop3", true}, {"smtp", false}, {"smtps", false}};
    struct fixture f;

    (void)state;
    setup(&f, good);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call c;

        prepare(&f, &c);
        http_set_url(&c.request, "%s://127.0.0.1:%d/", rows[i].scheme, f.server.port);
        if (!rows[i].mail) {
            http_request_done(&c.request);
            http_request_init(&c.request);
            http_set_url(&c.request, "%s://127.0.0.1:%d/", rows[i].scheme, f.server.port);
        }
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
        assert_true(c.x.error[0] != '\0');
        done(&c);
    }
    assert_int_equal(f.server.connections, 0);
    teardown(&f);
}

static void nobody_listening_is_not_sent(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, good);
    prepare(&f, &c);
    http_set_url(&c.request, "smtp://127.0.0.1:1");
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_non_null(strstr(c.x.error, "Failed to connect"));
    done(&c);
    teardown(&f);
}

static void without_starttls_nothing_is_said_where_it_is_required(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, good);
    prepare(&f, &c);
    c.request.mail->tls = MAIL_TLS_REQUIRED;
    http_set_mail_login(&c.request, "news", &(struct secret){.text = (char[]){"pass-word"}});
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
    assert_non_null(strstr(c.x.error, "STARTTLS"));
    assert_null(strstr(tiny_mail_heard(&f.server), "MAIL"));
    assert_null(strstr(tiny_mail_heard(&f.server), "AUTH"));
    done(&c);
    teardown(&f);
}

static void a_login_that_is_refused_is_the_answer(void **state)
{
    static const struct tiny_move moves[] = {
        GREET,
        {"EHLO", "250-mail.example\r\n250 AUTH GSSAPI PLAIN"},
        {"AUTH PLAIN ", "535 5.7.8 bad credentials"},
        NO_MORE};
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, moves);
    prepare(&f, &c);
    http_set_mail_login(
        &c.request, "news@news.example", &(struct secret){.text = (char[]){"pass-word"}});
    send_call(&f, &c);
    wait_done(&f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(c.x.response.status, 535);
    assert_int_equal(c.x.response.stage, MAIL_LOGIN);
    assert_null(strstr(c.x.error, "pass-word"));
    done(&c);
    teardown(&f);
}

static void a_noop_proves_the_way_and_sends_nothing(void **state)
{
    static const struct {
        const struct tiny_move moves[6];
        enum transport_outcome outcome;
        int status;
        enum mail_stage stage;
    } rows[] = {
        {{GREET, HELLO, {"NOOP", "250 2.0.0 Ok"}, BYE}, TRANSPORT_ANSWERED, 250, MAIL_NOOP},
        {{GREET, HELLO, {"NOOP", "421 4.3.2 no"}}, TRANSPORT_ANSWERED, 421, MAIL_NOOP},
        {{GREET, HELLO, {"NOOP", NULL}}, TRANSPORT_NOT_SENT, 0, MAIL_NO_STAGE},
        {{{NULL, "554 5.7.1 no"}}, TRANSPORT_ANSWERED, 554, MAIL_GREETING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct call c;

        setup(&f, rows[i].moves);
        prepare(&f, &c);
        http_set_mail(&c.request, "news@news.example", NULL, MAIL_TLS_NONE);
        send_call(&f, &c);
        wait_done(&f, &c);
        assert_int_equal(c.x.outcome, rows[i].outcome);
        assert_int_equal(c.x.response.status, rows[i].status);
        assert_int_equal(c.x.response.stage, rows[i].stage);
        assert_null(strstr(tiny_mail_heard(&f.server), "MAIL"));
        done(&c);
        teardown(&f);
    }
}

static void twenty_at_once_all_come_back(void **state)
{
    static struct call calls[20];
    struct fixture f;

    (void)state;
    setup(&f, good);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        prepare(&f, &calls[i]);
        calls[i].x.timeout_ms = 60000;
        send_call(&f, &calls[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        wait_done(&f, &calls[i]);
        assert_int_equal(calls[i].x.outcome, TRANSPORT_ANSWERED);
        done(&calls[i]);
    }
    assert_int_equal(f.server.messages, 20);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_taken_and_the_reply_is_the_answer),
        cmocka_unit_test(every_point_of_the_dialogue_has_its_outcome),
        cmocka_unit_test(a_stall_ends_with_the_timeout_and_stops_nothing_else),
        cmocka_unit_test(a_mail_broken_off_half_way_is_not_delivered),
        cmocka_unit_test(a_mail_broken_off_behind_its_end_may_be_there),
        cmocka_unit_test(freeing_it_ends_what_runs),
        cmocka_unit_test(lines_that_begin_with_a_dot_arrive_as_they_are),
        cmocka_unit_test(a_server_without_end_is_cut),
        cmocka_unit_test(private_addresses_are_never_connected_to),
        cmocka_unit_test(mail_goes_to_mail_servers_and_nothing_else_does),
        cmocka_unit_test(nobody_listening_is_not_sent),
        cmocka_unit_test(without_starttls_nothing_is_said_where_it_is_required),
        cmocka_unit_test(a_login_that_is_refused_is_the_answer),
        cmocka_unit_test(a_noop_proves_the_way_and_sends_nothing),
        cmocka_unit_test(twenty_at_once_all_come_back),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as the service does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
