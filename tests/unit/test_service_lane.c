/* service/lane*.c against the fake push service: nobody is lost, and nobody gets a message twice that could not be
 * meant to. */

#include <signal.h>

#include "tests/support/lane_kit.h"

static void each_member_gets_a_message_over_tls_and_in_the_clear(void **state)
{
    struct fixture f;
    struct call calls[4];
    struct lanes_stats stats;

    (void)state;
    setup(&f, true, 2);
    for (int i = 0; i < 4; i++) {
        call_make(&f, &calls[i], i % 2, i < 2 ? "a" : "b", 700);
        lanes_submit(f.lanes, &calls[i].b);
    }
    for (int i = 0; i < 4; i++) {
        wait_for(&calls[i]);
        assert_each_once(&calls[i]);
        assert_int_equal(calls[i].b.service_count, 1);
        assert_string_equal(calls[i].b.services[0], i % 2 ? "secure" : "plain");
        assert_int_equal(calls[i].b.results[699].status, 201);
        assert_true(calls[i].b.results[699].sent);
        assert_null(calls[i].b.results[699].detail);
        call_done(&calls[i]);
    }
    lanes_stats(f.lanes, &stats);
    assert_int_equal(stats.messages, 2800);
    assert_int_equal(stats.streams + stats.waiting, 0);
    assert_true(stats.connections_opened >= 2 && stats.connections_opened <= 4);
    assert_int_equal(atomic_load(&f.plan.headers_made), stats.connections_opened); /* kept */
    teardown(&f);
}

static void an_address_that_is_private_or_a_certificate_of_nobody_gets_nothing(void **state)
{
    struct fixture f;
    struct call private, stranger, clear, odd;
    struct lanes *distrustful;
    struct err why = {0};

    (void)state;
    setup(&f, true, 1);
    call_make(&f, &private, 1, "p", 3);
    private.b.allow_private = false;
    run_all(&f, &private);
    assert_int_equal(untried(&private), 3);
    assert_non_null(strstr(private.b.results[0].detail, "is a private address"));
    assert_true(private.b.results[0].retry_after_ms > 0);
    call_make(&f, &clear, 0, "c", 3); /* http:// */
    clear.b.allow_private = false;
    run_all(&f, &clear);
    assert_int_equal(outcomes(&clear, MEMBER_REFUSED), 3);
    call_make(&f, &odd, 7, "o", 3); /* no origin at all */
    run_all(&f, &odd);
    assert_int_equal(outcomes(&odd, MEMBER_REFUSED), 3);
    (void)setenv("SSL_CERT_FILE", "/dev/null", 1);
    assert_int_equal(lanes_new(&distrustful, &f.crier, 1, &why), 0);
    call_make(&f, &stranger, 1, "s", 3);
    lanes_submit(distrustful, &stranger.b);
    wait_for(&stranger);
    assert_int_equal(untried(&stranger), 3);
    assert_non_null(strstr(stranger.b.results[0].detail, "certificate is not to be trusted"));
    lanes_free(distrustful);
    assert_int_equal(asked(&stranger, 0) + asked(&private, 0) + asked(&clear, 0), 0);
    call_done(&private);
    call_done(&stranger);
    call_done(&clear);
    call_done(&odd);
    teardown(&f);
}

static void answers_are_those_of_each_member(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "rule path=/a/7 status=404 body=nobody");
    order(&f, 1, "rule path=/a/8 status=410");
    order(&f, 1, "rule path=/a/9 status=413 body=too large");
    order(&f, 1, "rule path=/a/10 status=500 retry_after=9");
    call_make(&f, &c, 1, "a", 20);
    f.plan.no_compose = "1/a/11";
    run_all(&f, &c);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED), 15);
    assert_int_equal(c.b.results[7].outcome, MEMBER_LOST);
    assert_int_equal(c.b.results[7].status, 404);
    assert_string_equal(c.b.results[7].detail, "404 nobody");
    assert_int_equal(c.b.results[8].outcome, MEMBER_LOST);
    assert_int_equal(c.b.results[9].outcome, MEMBER_REFUSED);
    assert_int_equal(c.b.results[10].outcome, MEMBER_AGAIN);
    assert_int_equal(c.b.results[10].retry_after_ms, 9000);
    assert_true(c.b.results[10].sent);
    assert_int_equal(c.b.results[11].outcome, MEMBER_REFUSED);
    assert_false(c.b.results[11].sent);
    assert_string_equal(c.b.results[11].detail, "its key is no point of the curve");
    call_done(&c);
    teardown(&f);
}

static void many_members_share_a_request_when_they_share_a_key(void **state)
{
    struct fixture f;
    struct call c;
    struct push_sink_count count;

    (void)state;
    setup(&f, false, 1);
    call_make(&f, &c, 0, "a", 45);
    for (size_t i = 20; i < 45; i++) {
        c.members[i].key_id = 5;
    }
    c.b.push = &ten;
    run_all(&f, &c);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED), 45);
    push_sink_count(f.sinks[0], &count);
    assert_int_equal(count.requests, 5); /* 10 10 · 10 10 5 */
    assert_int_equal(
        asked(&c, 0) + asked(&c, 10) + asked(&c, 20) + asked(&c, 30) + asked(&c, 40), 5);
    assert_int_equal(atomic_load(&f.plan.headers_made), 2);
    call_done(&c);
    teardown(&f);
}

static void a_connection_that_goes_away_takes_nobody_along(void **state)
{
    struct fixture f;
    struct call c;
    struct lanes_stats stats;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "goaway 300");
    call_make(&f, &c, 1, "a", 2000);
    run_all(&f, &c);
    assert_each_once(&c);
    lanes_stats(f.lanes, &stats);
    assert_true(stats.goaways >= 5);
    call_done(&c);
    teardown(&f);
}

static void limits_of_streams_are_kept_also_when_they_change_midway(void **state)
{
    struct fixture f;
    struct call up, down;
    struct push_sink_count count;
    struct lanes_stats stats;

    (void)state;
    setup(&f, true, 1);
    order(&f, 0, "streams 1"); /* until the first answer, as APNs */
    order(&f, 0, "then 50 1");
    order(&f, 1, "streams 400");
    order(&f, 1, "then 5 100");
    call_make(&f, &up, 0, "up", 300);
    call_make(&f, &down, 1, "down", 1500);
    down.b.connections = 1;
    lanes_submit(f.lanes, &up.b);
    run_all(&f, &down);
    wait_for(&up);
    assert_each_once(&up);
    assert_each_once(&down);
    push_sink_count(f.sinks[0], &count);
    assert_true(count.streams_max > 1 && count.streams_max <= 50);
    push_sink_count(f.sinks[1], &count);
    assert_true(count.streams_max > 5 && count.streams_max <= 400);
    lanes_stats(f.lanes, &stats);
    assert_true(stats.streams_refused <= 400); /* those on their way when it shrank */
    call_done(&up);
    call_done(&down);
    teardown(&f);
}

static void what_was_refused_unseen_goes_again_and_not_for_ever(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, false, 1);
    order(&f, 0, "rule path=/a/5 refuse");
    order(&f, 0, "rule every=3 first=20 refuse");
    call_make(&f, &c, 0, "a", 100);
    run_all(&f, &c);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED), 99);
    assert_int_equal(c.b.results[5].outcome, MEMBER_AGAIN);
    assert_true(c.b.results[5].sent);
    assert_int_equal(asked(&c, 5), 0);
    assert_int_equal(asked(&c, 6), 1);
    call_done(&c);
    teardown(&f);
}

static void what_may_have_arrived_is_unknown_and_not_sent_again(void **state)
{
    struct fixture f;
    struct call c, reset;
    size_t unknown;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "rule path=/a/50 close");
    order(&f, 1, "rule path=/r/5 reset");
    call_make(&f, &reset, 1, "r", 20);
    run_all(&f, &reset);
    assert_int_equal(reset.b.results[5].outcome, MEMBER_UNKNOWN);
    assert_int_equal(outcomes(&reset, MEMBER_ACCEPTED), 19);
    call_make(&f, &c, 1, "a", 400);
    run_all(&f, &c);
    unknown = outcomes(&c, MEMBER_UNKNOWN);
    assert_true(unknown >= 1);
    assert_int_equal(c.b.results[50].outcome, MEMBER_UNKNOWN);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED) + unknown, 400);
    for (size_t i = 0; i < 400; i++) {
        assert_true(asked(&c, i) <= 1);
    }
    call_done(&c);
    call_done(&reset);
    teardown(&f);
}

static void a_no_to_us_stops_the_batch(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, false, 1);
    order(&f, 0, "streams 10");
    order(&f, 0, "rule skip=30 status=403");
    call_make(&f, &c, 0, "a", 500);
    run_all(&f, &c);
    assert_true(c.b.stopped);
    assert_int_equal(c.b.why.kind, VERDICT_BLOCKED);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED), 30);
    assert_true(untried(&c) >= 450);
    call_done(&c);
    teardown(&f);
}

static void cancelled_batches_come_back_soon(void **state)
{
    struct fixture f;
    struct call calm, hurried;

    (void)state;
    setup(&f, false, 1);
    order(&f, 0, "streams 10");
    order(&f, 0, "rtt 200");
    order(&f, 1, "rule stall");
    order(&f, 1, "streams 10");
    call_make(&f, &calm, 0, "calm", 500);
    call_make(&f, &hurried, 1, "hurried", 500);
    lanes_submit(f.lanes, &calm.b);
    lanes_submit(f.lanes, &hurried.b);
    for (struct push_sink_count a = {0}, b = {0}; a.requests == 0 || b.requests < 10;) {
        push_sink_count(f.sinks[0], &a);
        push_sink_count(f.sinks[1], &b);
    }
    lanes_cancel(f.lanes, &calm.b, false);
    lanes_cancel(f.lanes, &hurried.b, true);
    wait_for(&calm);
    wait_for(&hurried);
    assert_int_equal(outcomes(&calm, MEMBER_ACCEPTED) + untried(&calm), 500);
    assert_true(outcomes(&calm, MEMBER_ACCEPTED) >= 10); /* waited for */
    assert_true(outcomes(&hurried, MEMBER_UNKNOWN) >= 10);
    assert_int_equal(outcomes(&hurried, MEMBER_UNKNOWN) + untried(&hurried), 500);
    call_done(&calm);
    call_done(&hurried);
    teardown(&f);
}

static void the_pace_holds_over_all_threads(void **state)
{
    struct fixture f;
    struct call a, b;
    int64_t from_ms = clock_mono_ms();

    (void)state;
    setup(&f, false, 2);
    call_make(&f, &a, 0, "a", 60);
    call_make(&f, &b, 0, "b", 60);
    b.b.pace = a.b.pace;
    atomic_store(&a.pace.per_second, 200);
    lanes_submit(f.lanes, &a.b);
    lanes_submit(f.lanes, &b.b);
    wait_for(&a);
    wait_for(&b);
    assert_each_once(&a);
    assert_each_once(&b);
    assert_in_range(
        clock_mono_ms() - from_ms, 550, 20000); /* 120 at 200 a second, and a hundredth ahead */
    call_done(&a);
    call_done(&b);
    teardown(&f);
}

static void urgent_ones_go_before_those_that_wait(void **state)
{
    struct fixture f;
    struct call slow, urgent;

    (void)state;
    setup(&f, false, 1);
    order(&f, 0, "streams 5");
    order(&f, 0, "rtt 20");
    call_make(&f, &slow, 0, "slow", 1500);
    slow.b.connections = urgent.b.connections = 1;
    call_make(&f, &urgent, 0, "urgent", 50);
    urgent.b.urgent = true;
    urgent.b.connections = 1;
    lanes_submit(f.lanes, &slow.b);
    lanes_submit(f.lanes, &urgent.b);
    wait_for(&urgent);
    assert_each_once(&urgent);
    assert_int_equal(slow.dones, 0);
    lanes_cancel(f.lanes, &slow.b, false);
    wait_for(&slow);
    call_done(&slow);
    call_done(&urgent);
    teardown(&f);
}

static void small_windows_and_large_bodies_fit_together(void **state)
{
    struct fixture f;
    struct call c;
    struct push_sink_count count;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "window 65535");
    f.plan.body_bytes = (size_t)150 * 1024;
    call_make(&f, &c, 1, "a", 30);
    run_all(&f, &c);
    assert_each_once(&c);
    push_sink_count(f.sinks[1], &count);
    assert_true(count.bytes > (uint64_t)30 * 150 * 1024);
    call_done(&c);
    teardown(&f);
}

static void headers_are_made_anew_when_their_time_is_over_or_the_plan_is_another(void **state)
{
    struct fixture f;
    struct call c[3];

    (void)state;
    setup(&f, false, 1);
    for (int i = 0; i < 3; i++) {
        call_make(&f, &c[i], 0, i == 0 ? "a" : i == 1 ? "b" : "c", 5);
        c[i].b.plan_number = i == 2 ? 2 : 1;
        run_all(&f, &c[i]);
        assert_each_once(&c[i]);
        assert_int_equal(atomic_load(&f.plan.headers_made), i == 2 ? 2 : 1);
    }
    f.plan.headers_until_ms = clock_wall_ms() - 1;
    for (int i = 0; i < 3; i++) {
        call_done(&c[i]);
    }
    call_make(&f, &c[0], 0, "d", 5);
    c[0].b.plan_number = 3;
    run_all(&f, &c[0]);
    assert_int_equal(atomic_load(&f.plan.headers_made), 2 + 5);
    call_done(&c[0]);
    teardown(&f);
}

static void who_is_asked_for_otherwise_gets_it_at_once_and_once(void **state)
{
    static const uint8_t prepared[4] = {0};
    struct fixture f;
    struct call c, stubborn;

    (void)state;
    setup(&f, false, 1);
    f.plan.gives_second = true;
    order(&f, 0, "rule path=/a/* once status=401");
    order(&f, 0, "rule path=/b/* status=401");
    call_make(&f, &c, 0, "a", 50);
    for (size_t i = 0; i < 50; i++) {
        c.members[i].prepared = prepared;
    }
    run_all(&f, &c);
    assert_int_equal(outcomes(&c, MEMBER_ACCEPTED), 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(asked(&c, i), 2);
    }
    assert_true(f.plan.headers_made >= 2); /* what was not taken is made anew */
    call_make(&f, &stubborn, 0, "b", 50);
    run_all(&f, &stubborn);
    assert_int_equal(outcomes(&stubborn, MEMBER_AGAIN), 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(asked(&stubborn, i), 2);
    }
    call_done(&c);
    call_done(&stubborn);
    teardown(&f);
}

static void the_end_of_the_lanes_brings_every_batch_back(void **state)
{
    struct fixture f;
    struct call c[2];

    (void)state;
    setup(&f, true, 2);
    order(&f, 0, "rule stall");
    order(&f, 1, "rule stall");
    for (int i = 0; i < 2; i++) {
        call_make(&f, &c[i], i, "a", 50);
        lanes_submit(f.lanes, &c[i].b);
    }
    for (struct push_sink_count a = {0}; a.requests == 0;) {
        push_sink_count(f.sinks[0], &a);
    }
    lanes_free(f.lanes);
    f.lanes = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(c[i].dones, 1);
        assert_int_equal(outcomes(&c[i], MEMBER_UNKNOWN) + untried(&c[i]), 50);
        call_done(&c[i]);
    }
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_gets_a_message_over_tls_and_in_the_clear),
        cmocka_unit_test(an_address_that_is_private_or_a_certificate_of_nobody_gets_nothing),
        cmocka_unit_test(answers_are_those_of_each_member),
        cmocka_unit_test(many_members_share_a_request_when_they_share_a_key),
        cmocka_unit_test(a_connection_that_goes_away_takes_nobody_along),
        cmocka_unit_test(limits_of_streams_are_kept_also_when_they_change_midway),
        cmocka_unit_test(what_was_refused_unseen_goes_again_and_not_for_ever),
        cmocka_unit_test(what_may_have_arrived_is_unknown_and_not_sent_again),
        cmocka_unit_test(a_no_to_us_stops_the_batch),
        cmocka_unit_test(cancelled_batches_come_back_soon),
        cmocka_unit_test(the_pace_holds_over_all_threads),
        cmocka_unit_test(urgent_ones_go_before_those_that_wait),
        cmocka_unit_test(small_windows_and_large_bodies_fit_together),
        cmocka_unit_test(headers_are_made_anew_when_their_time_is_over_or_the_plan_is_another),
        cmocka_unit_test(who_is_asked_for_otherwise_gets_it_at_once_and_once),
        cmocka_unit_test(the_end_of_the_lanes_brings_every_batch_back),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
