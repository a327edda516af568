/* service/lane*.c against the fake push service: one origin's trouble is not another's, and whatever fails leaves a
 * result for each. */

#include <poll.h>
#include <signal.h>

#include "base/fault.h"
#include "tests/support/lane_kit.h"

static void an_origin_that_wants_to_be_left_alone_is_and_only_it(void **state)
{
    struct fixture f;
    struct call busy, other, later;
    struct push_sink_count count;

    (void)state;
    setup(&f, true, 1);
    order(&f, 0, "streams 10");
    order(&f, 0, "rule skip=50 status=429 retry_after=30");
    call_make(&f, &busy, 0, "busy", 1000);
    call_make(&f, &other, 1, "other", 500);
    lanes_submit(f.lanes, &busy.b);
    lanes_submit(f.lanes, &other.b);
    wait_for(&busy);
    wait_for(&other);
    assert_each_once(&other);
    assert_int_equal(outcomes(&busy, MEMBER_ACCEPTED), 50);
    assert_int_equal(outcomes(&busy, MEMBER_AGAIN), 950);
    assert_true(untried(&busy) >= 930);
    assert_in_range(busy.b.results[999].retry_after_ms, 20000, 30000);
    call_make(&f, &later, 0, "later", 10); /* within the 30 s */
    push_sink_count(f.sinks[0], &count);
    run_all(&f, &later);
    assert_int_equal(untried(&later), 10);
    assert_int_equal(asked(&later, 0), 0);
    call_done(&busy);
    call_done(&other);
    call_done(&later);
    teardown(&f);
}

static void an_origin_that_stalls_holds_up_its_own_alone(void **state)
{
    struct fixture f;
    struct call slow, other;

    (void)state;
    setup(&f, true, 1);
    order(&f, 0, "rule stall");
    call_make(&f, &slow, 0, "slow", 40);
    slow.b.timeout_ms = 700;
    call_make(&f, &other, 1, "other", 1000);
    lanes_submit(f.lanes, &slow.b);
    lanes_submit(f.lanes, &other.b);
    wait_for(&other);
    assert_each_once(&other);
    assert_int_equal(slow.dones, 0);
    wait_for(&slow);
    assert_int_equal(outcomes(&slow, MEMBER_UNKNOWN), 40);
    assert_non_null(strstr(slow.b.results[0].detail, "no answer after 700 ms"));
    call_done(&slow);
    call_done(&other);
    teardown(&f);
}

static void while_nobody_listens_nothing_is_sent(void **state)
{
    struct fixture f;
    struct call before, down, after;
    int64_t until;

    (void)state;
    setup(&f, true, 1);
    call_make(&f, &before, 1, "before", 10);
    run_all(&f, &before);
    order(&f, 1, "down 60000");
    until = clock_mono_ms() + 5000;
    for (struct push_sink_count n = {.connections = 1};
         n.connections > 0 && clock_mono_ms() < until;) {
        push_sink_count(f.sinks[1], &n);
    }
    call_make(&f, &down, 1, "down", 10);
    run_all(&f, &down);
    assert_int_equal(untried(&down) + outcomes(&down, MEMBER_UNKNOWN), 10);
    assert_int_equal(outcomes(&down, MEMBER_LOST), 0);
    order(&f, 1, "down 0");
    do { /* it is left alone a little, then asked again */
        call_make(&f, &after, 1, "after", 10);
        run_all(&f, &after);
        if (untried(&after) == 0) {
            break;
        }
        call_done(&after);
    } while (clock_mono_ms() < until + 10000);
    assert_each_once(&after);
    call_done(&before);
    call_done(&down);
    call_done(&after);
    teardown(&f);
}

/* By ALPN an origin says that it has another protocol, or ends the handshake: its members come back marked, at once and
 * without a try, also those that come later, which costs no connection more; the others do not notice. */
static void who_speaks_no_http_2_gives_its_members_back_marked(void **state)
{
    static const bool refuses[] = {false, true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refuses); i++) {
        struct fixture f;
        struct call old, other, later;
        struct push_sink_count count;

        setup(&f, true, 2);
        order(&f, 1, refuses[i] ? "http1 refuse" : "http1 on");
        call_make(&f, &old, 1, "old", 300);
        call_make(&f, &other, 0, "other", 300);
        lanes_submit(f.lanes, &old.b);
        lanes_submit(f.lanes, &other.b);
        wait_for(&old);
        wait_for(&other);
        assert_each_once(&other);
        assert_false(other.b.results[299].other_protocol);
        call_make(&f, &later, 1, "later", 5);
        run_all(&f, &later);
        for (size_t k = 0; k < 300; k++) {
            const struct lane_result *r = k < 5 ? &later.b.results[k] : &old.b.results[k];

            assert_true(r->other_protocol && r->outcome == MEMBER_AGAIN && !r->sent);
            assert_int_equal(r->retry_after_ms, 0);
        }
        push_sink_count(f.sinks[1], &count);
        assert_int_equal(count.requests, 0);
        assert_int_equal(count.opened, 1);
        call_done(&old);
        call_done(&other);
        call_done(&later);
        teardown(&f);
    }
}

/* Who asks it otherwise says how it is, and that is heeded, as if the lanes had heard it. */
static void trouble_heard_otherwise_is_heeded(void **state)
{
    struct fixture f;
    struct call c, later;
    int64_t left_ms;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "http1 on");
    call_make(&f, &c, 1, "a", 2);
    assert_int_equal(lanes_quiet_left(f.lanes, &c.b, &c.members[0]), 0);
    run_all(&f, &c);
    assert_true(c.b.results[0].other_protocol);
    lanes_well(f.lanes, &c.b, &c.members[0]);
    assert_int_equal(lanes_trouble(f.lanes, &c.b, &c.members[0], 0, clock_mono_ms() - 1000), 0);
    assert_int_equal(lanes_quiet_left(f.lanes, &c.b, &c.members[0]), 0);
    assert_int_equal(lanes_trouble(f.lanes, &c.b, &c.members[0], 30000, clock_mono_ms()),
                     30000);
    left_ms = lanes_quiet_left(f.lanes, &c.b, &c.members[1]);
    assert_in_range(left_ms, 25000, 30000);
    call_make(&f, &later, 1, "later", 2);
    run_all(&f, &later);
    assert_false(later.b.results[1].other_protocol);
    assert_in_range(later.b.results[1].retry_after_ms, 20000, 30000);
    call_done(&c);
    call_done(&later);
    teardown(&f);
}

#if WITH_FAULTS
/* After an hour it is asked anew. */
static void an_origin_that_has_learnt_http_2_is_believed_in_the_end(void **state)
{
    struct fixture f;
    struct call c, after;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "http1 on");
    call_make(&f, &c, 1, "a", 2);
    run_all(&f, &c);
    assert_true(c.b.results[0].other_protocol);
    order(&f, 1, "http1 off");
    clock_advance(MS_HOUR);
    call_make(&f, &after, 1, "b", 2);
    run_all(&f, &after);
    assert_each_once(&after);
    call_done(&c);
    call_done(&after);
    teardown(&f);
}
#endif

#if WITH_FAULTS
static void under_way(struct fixture *f, int sink, uint64_t count)
{
    for (struct push_sink_count n = {0}; n.requests < count;) {
        push_sink_count(f->sinks[sink], &n);
    }
}

/* A service that takes all and answers nothing: who waits for it is given back after seconds, and those under way
 * have the time an answer may take, since the connection lives. */
static void who_waits_for_a_service_that_is_silent_is_given_back_first(void **state)
{
    struct fixture f;
    struct call first, second;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "rule stall");
    order(&f, 1, "streams 10");
    call_make(&f, &first, 1, "first", 10);
    call_make(&f, &second, 1, "second", 40);
    first.b.timeout_ms = second.b.timeout_ms = 60000;
    first.b.connections = second.b.connections = 1;
    lanes_submit(f.lanes, &first.b);
    lanes_submit(f.lanes, &second.b);
    under_way(&f, 1, 10);
    clock_advance(6000);
    wait_for(&second);
    assert_int_equal(untried(&second), 40);
    assert_string_equal(second.b.results[0].detail, "its push service does not answer");
    assert_int_equal(first.dones, 0);
    clock_advance(60000);
    wait_for(&first);
    assert_int_equal(outcomes(&first, MEMBER_UNKNOWN), 10);
    assert_string_equal(first.b.results[0].detail, "no answer after 60000 ms");
    call_done(&first);
    call_done(&second);
    teardown(&f);
}

/* One that is not there any more, without a word: a ping finds out. */
static void a_dead_connection_is_found_by_a_ping(void **state)
{
    struct fixture f;
    struct call c;

    (void)state;
    setup(&f, true, 1);
    order(&f, 1, "rule stall");
    call_make(&f, &c, 1, "a", 10);
    c.b.timeout_ms = 600000;
    lanes_submit(f.lanes, &c.b);
    under_way(&f, 1, 10);
    order(&f, 1, "freeze on");
    for (int i = 0; c.dones == 0 && i < 100; i++) {
        clock_advance(6000);
        (void)poll(NULL, 0, 20);
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    order(&f, 1, "freeze off");
    assert_int_equal(outcomes(&c, MEMBER_UNKNOWN), 10);
    assert_non_null(strstr(c.b.results[0].detail, "does not answer a ping"));
    call_done(&c);
    teardown(&f);
}
#endif

/* Whatever fails, and when: everybody has a result, and nobody's message is there twice. */
static void every_fault_leaves_a_result_for_each(void **state)
{
    static const char *const points[] = {"lane.socket:1",
                                         "lane.connect:1",
                                         "lane.tls:1",
                                         "lane.resolve:1",
                                         "lane.compose:3",
                                         "lane.write:2",
                                         "lane.read:3"};

    (void)state;
#if WITH_FAULTS
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct fixture f;
        struct call c;

        setup(&f, true, 1);
        (void)fault_set(points[i]);
        call_make(&f, &c, 1, "a", 100);
        run_all(&f, &c);
        assert_int_equal(fault_set(NULL), 1);
        for (size_t k = 0; k < 100; k++) {
            const struct lane_result *r = &c.b.results[k];

            assert_true(asked(&c, k) <= 1);
            assert_true(r->outcome != MEMBER_ACCEPTED || asked(&c, k) == 1);
            assert_true(r->outcome != MEMBER_AGAIN || asked(&c, k) == 0);
        }
        call_done(&c);
        teardown(&f);
    }
#else
    (void)points;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_that_wants_to_be_left_alone_is_and_only_it),
        cmocka_unit_test(an_origin_that_stalls_holds_up_its_own_alone),
        cmocka_unit_test(while_nobody_listens_nothing_is_sent),
        cmocka_unit_test(who_speaks_no_http_2_gives_its_members_back_marked),
        cmocka_unit_test(trouble_heard_otherwise_is_heeded),
#if WITH_FAULTS
        cmocka_unit_test(an_origin_that_has_learnt_http_2_is_believed_in_the_end),
        cmocka_unit_test(who_waits_for_a_service_that_is_silent_is_given_back_first),
        cmocka_unit_test(a_dead_connection_is_found_by_a_ping),
#endif
        cmocka_unit_test(every_fault_leaves_a_result_for_each),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
