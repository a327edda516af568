/* Long answers, written bit by bit, to readers of every speed; and the door going down under answers
 * that are short, long, or not there yet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/door_kit.h"

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
    RUN_UNTIL(w.streams_drained == 1);
    door_stream_end(w.stream);
    assert_false(door_stream_write(w.stream, "late\n", 5, 1000));
    stream_step(&s, run_stream_rest);
    assert_non_null(strstr(s.c.answer, "more\n"));
    assert_null(strstr(s.c.answer, "late"));
    assert_non_null(strstr(s.c.answer, "\r\n0\r\n"));
    close(s.fd);
    RUN_UNTIL(w.streams_closed == 1);
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
    RUN_UNTIL(w.streams_closed == 1);
}

static void a_listener_that_vanishes_is_noticed_at_the_next_write(void **state)
{
    static struct stream_reader s;

    (void)state;
    memset(&s, 0, sizeof s);
    stream_step(&s, run_stream_open);
    close(s.fd);
    for (int i = 0; i < 500 && w.streams_closed == 0; i++) {
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
    RUN_UNTIL(door_idle(w.crier.door));
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

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_stream_says_things_bit_by_bit),
        CASE(a_slow_reader_is_bounded_and_then_served),
        CASE(a_listener_that_vanishes_is_noticed_at_the_next_write),
        CASE(an_open_stream_ends_with_the_door),
        CASE(quiesce_answers_what_is_suspended_and_takes_nothing_new),
        CASE(a_door_may_go_with_requests_unanswered),
    };

    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
