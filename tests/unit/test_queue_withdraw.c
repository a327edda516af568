/* An article that is unpublished, and perhaps back before it is retracted: what is stopped at once, what stands
 * meanwhile, what goes on, and what is retracted in the end. */

#include "tests/support/queue_kit.h"

#define LATER (k->now_ms + 120000)

static struct article_id publish(struct kit *k, const char *channels, struct delivery_id *out)
{
    struct kit_accept a;
    struct article_id id;

    kit_accept(k,
               &a,
               (struct kit_article){.id = "1",
                                    .wanted_id = "1",
                                    .url = KIT_URL,
                                    .title = "A",
                                    .channels = channels,
                                    .updated_at_ms = 100});
    for (size_t i = 0; i < a.a.delivery_count; i++) {
        out[i] = a.a.deliveries[i].id;
    }
    id = a.a.article;
    kit_accept_done(&a);
    return id;
}

static void withdraw(struct kit *k, enum accept_outcome want, size_t cancelled)
{
    struct kit_accept a;

    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .withdraw_at_ms = LATER, .reason = "unpublished"});
    assert_string_equal(accept_outcome_name(a.a.outcome), accept_outcome_name(want));
    assert_int_equal(a.a.superseded_count, cancelled);
    assert_int_equal(a.a.look_at_withdrawn, want == ACCEPT_WITHDRAWN);
    kit_accept_done(&a);
}

static size_t waiting(struct kit *k)
{
    struct ledger_withdrawn r = {.req = {.kind = LEDGER_WITHDRAWN}, .limit = 10};
    size_t count;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    count = r.count;
    if (count > 0) {
        assert_string_equal(r.v[0].source, "cms");
        assert_string_equal(r.v[0].why, "unpublished");
    }
    ledger_request_done(&r.req);
    return count;
}

/* As service/withdrawals.c asks for it. */
static enum err_code
retract_due(struct kit *k, struct article_id id, int64_t at_ms, size_t *out_count)
{
    struct kit_accept a;
    enum err_code rc;

    kit_fill(k, &a, &(struct kit_article){.channels = "a b c"});
    a.a.known = id;
    a.a.retract_at_ms = at_ms;
    rc = kit_run(k, &a.a.req);
    *out_count = a.a.delivery_count;
    kit_accept_done(&a);
    return rc;
}

/* ---- stopped at once ---- */

static void what_waits_is_cancelled_and_what_may_be_public_goes_on(void **state)
{
    static const struct {
        enum delivery_state at;
        bool exposed;
        enum delivery_state then;
    } rows[] = {
        {DELIVERY_READY, false, DELIVERY_CANCELLED},
        {DELIVERY_AGAIN, false, DELIVERY_CANCELLED},
        {DELIVERY_BLOCKED, false, DELIVERY_CANCELLED},
        {DELIVERY_AGAIN, true, DELIVERY_AGAIN},
        {DELIVERY_BLOCKED, true, DELIVERY_BLOCKED},
        {DELIVERY_IN_FLIGHT, false, DELIVERY_IN_FLIGHT},
        {DELIVERY_UNKNOWN, true, DELIVERY_UNKNOWN},
        {DELIVERY_DONE, true, DELIVERY_DONE},
        {DELIVERY_REJECTED, false, DELIVERY_REJECTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_meet row = {.first_at = rows[i].at, .exposed = rows[i].exposed};
        struct kit_accept a;
        struct delivery_id id;
        void *own = NULL;

        assert_int_equal(kit_setup_memory(&own), 0);
        kit_accept(own, &a, (struct kit_article){.id = "1", .title = "A"});
        id = kit_bring_to(own, &a, &row);
        kit_accept_done(&a);
        withdraw(own, ACCEPT_WITHDRAWN, rows[i].then == DELIVERY_CANCELLED ? 1 : 0);
        kit_expect(own, id, rows[i].then);
        withdraw(own, ACCEPT_UNCHANGED, 0);
        assert_int_equal(waiting(own), 1);
        assert_int_equal(kit_teardown(&own), 0);
    }
}

static void what_was_in_flight_and_is_not_public_is_not_tried_again(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct ledger_move absent = {
        .req = {.kind = LEDGER_MOVE}, .move = MOVE_ABSENT, .by = "api", .now_ms = k->now_ms};
    struct ledger_move replay = absent;

    (void)publish(k, "a b", d);
    kit_begin(k, d[0]);
    kit_begin(k, d[1]);
    withdraw(k, ACCEPT_WITHDRAWN, 0);
    kit_end(k, d[0], DELIVERY_AGAIN);
    kit_expect(k, d[0], DELIVERY_CANCELLED);
    kit_end(k, d[1], DELIVERY_UNKNOWN);
    absent.id = d[1];
    assert_int_equal(kit_run(k, &absent.req), ERR_NONE);
    kit_expect(k, d[1], DELIVERY_CANCELLED);
    replay.move = MOVE_REPLAY;
    replay.id = d[0];
    assert_int_equal(kit_run(k, &replay.req), ERR_CONFLICT);
    assert_non_null(strstr(replay.req.why.text, "withdrawn"));
}

/* ---- back in time ---- */

static void unchanged_and_back_in_time_nothing_has_happened(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[3];
    struct kit_accept a;

    (void)publish(k, "a b c", d);
    kit_deliver(k, d[0]);
    kit_begin(k, d[2]);
    withdraw(k, ACCEPT_WITHDRAWN, 1);
    kit_expect(k, d[1], DELIVERY_CANCELLED);
    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "1", .title = "A", .channels = "a b c", .updated_at_ms = 100});
    assert_int_equal(a.a.outcome, ACCEPT_UNCHANGED);
    assert_int_equal(a.a.revision, 1);
    assert_int_equal(a.a.job_count, 1);
    assert_int_equal(a.a.jobs[0].id.v, d[1].v);
    assert_true(a.a.look_at_withdrawn);
    kit_accept_done(&a);
    kit_expect(k, d[0], DELIVERY_DONE);
    kit_expect(k, d[1], DELIVERY_READY);
    kit_expect(k, d[2], DELIVERY_IN_FLIGHT);
    assert_int_equal(waiting(k), 0);
    kit_end(k, d[2], DELIVERY_AGAIN);
    kit_expect(k, d[2], DELIVERY_AGAIN);
    kit_deliver(k, d[1]);
}

static void changed_and_back_in_time_it_is_a_revision_as_any(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct kit_accept a;

    (void)publish(k, "a b", d);
    kit_deliver(k, d[0]);
    withdraw(k, ACCEPT_WITHDRAWN, 1);
    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .title = "B", .channels = "a b", .updated_at_ms = 200});
    assert_int_equal(a.a.outcome, ACCEPT_REVISED);
    assert_int_equal(a.a.job_count, 2);
    assert_string_equal(delivery_state_name(kit_on(&a, "b")->state), "ready");
    kit_accept_done(&a);
    assert_int_equal(waiting(k), 0);
}

/* A person's cancel stands. */
static void what_a_person_cancelled_stays_so(void **state)
{
    struct kit *k = *state;
    struct ledger_move cancel = {
        .req = {.kind = LEDGER_MOVE}, .move = MOVE_CANCEL, .by = "api", .now_ms = k->now_ms};
    struct delivery_id d[2];
    struct kit_accept a;

    (void)publish(k, "a b", d);
    cancel.id = d[0];
    assert_int_equal(kit_run(k, &cancel.req), ERR_NONE);
    withdraw(k, ACCEPT_WITHDRAWN, 1);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept_done(&a);
    kit_expect(k, d[0], DELIVERY_CANCELLED);
    kit_expect(k, d[1], DELIVERY_READY);
}

static void a_withdrawn_update_goes_out_when_the_article_is_back(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[1];
    struct kit_accept a, b;

    (void)publish(k, "a", d);
    kit_deliver(k, d[0]);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "B"});
    withdraw(k, ACCEPT_WITHDRAWN, 1);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_CANCELLED);
    kit_accept(k, &b, (struct kit_article){.id = "1", .title = "B"});
    assert_int_equal(b.a.outcome, ACCEPT_UNCHANGED);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_READY);
    kit_accept_done(&a);
    kit_accept_done(&b);
}

static void only_who_knows_brings_it_back(void **state)
{
    static const struct {
        struct kit_article in;
        enum accept_outcome outcome;
    } rows[] = {
        {{.id = "1", .title = "A", .updated_at_ms = 99}, ACCEPT_STALE},
        {{.id = "1", .title = "B", .updated_at_ms = 99}, ACCEPT_STALE},
        /* from a cache */
        {{.source = "feed", .url = KIT_URL, .title = "A"}, ACCEPT_STALE},
        {{.source = "feed", .url = KIT_URL, .title = "B"}, ACCEPT_STALE},
        {{.source = "feed", .url = KIT_URL, .title = "B", .updated_at_ms = KIT_NOW - 1},
         ACCEPT_STALE},
        {{.source = "feed", .url = KIT_URL, .title = "B", .updated_at_ms = KIT_NOW + 1},
         ACCEPT_REVISED},
        {{.source = "api", .url = KIT_URL, .title = "A", .by_hand = true}, ACCEPT_UNCHANGED},
        {{.id = "1", .title = "A"}, ACCEPT_UNCHANGED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct delivery_id d[1];
        struct kit_accept a;
        void *own = NULL;

        assert_int_equal(kit_setup_memory(&own), 0);
        (void)publish(own, "a", d);
        withdraw(own, ACCEPT_WITHDRAWN, 1);
        kit_accept(own, &a, rows[i].in);
        if (a.a.outcome != rows[i].outcome) {
            fail_msg("row %zu: %s", i, accept_outcome_name(a.a.outcome));
        }
        assert_int_equal(waiting(own), rows[i].outcome == ACCEPT_STALE ? 1 : 0);
        kit_accept_done(&a);
        assert_int_equal(kit_teardown(&own), 0);
    }
}

static void an_old_withdrawal_stops_nothing_and_an_old_article_brings_nothing_back(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[1];
    struct kit_accept a;

    (void)publish(k, "a", d);
    kit_accept(
        k, &a, (struct kit_article){.id = "1", .withdraw_at_ms = LATER, .updated_at_ms = 99});
    assert_int_equal(a.a.outcome, ACCEPT_STALE);
    kit_accept_done(&a);
    kit_accept(
        k, &a, (struct kit_article){.id = "1", .withdraw_at_ms = LATER, .updated_at_ms = 300});
    assert_int_equal(a.a.outcome, ACCEPT_WITHDRAWN);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "B", .updated_at_ms = 200});
    assert_int_equal(a.a.outcome, ACCEPT_STALE); /* sent before, come after */
    kit_accept_done(&a);
    kit_expect(k, d[0], DELIVERY_CANCELLED);
}

/* ---- retracted ---- */

static void when_it_is_due_it_is_retracted_once(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct article_id id = publish(k, "a b", d);
    int64_t at_ms = LATER;
    size_t count;
    json_t *shown;

    kit_deliver(k, d[0]);
    withdraw(k, ACCEPT_WITHDRAWN, 1);
    assert_int_equal(retract_due(k, id, at_ms - 1, &count), ERR_CONFLICT);
    shown = kit_show(k, "1");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(shown, "withdrawn"), "why")),
        "unpublished");
    json_decref(shown);
    assert_int_equal(retract_due(k, id, at_ms, &count), ERR_NONE);
    assert_int_equal(count, 1); /* where a post stands */
    assert_int_equal(waiting(k), 0);
    assert_int_equal(retract_due(k, id, at_ms, &count), ERR_CONFLICT);
    shown = kit_show(k, "1");
    assert_true(json_is_null(json_object_get(shown, "withdrawn")));
    assert_string_equal(json_string_value(json_object_get(shown, "state")), "retracted");
    json_decref(shown);
}

static void one_that_came_back_is_not_retracted(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[1];
    struct article_id id = publish(k, "a", d);
    int64_t at_ms = LATER;
    struct kit_accept a;
    size_t count;

    withdraw(k, ACCEPT_WITHDRAWN, 1);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept_done(&a);
    assert_int_equal(retract_due(k, id, at_ms, &count), ERR_CONFLICT);
    k->now_ms += 1000;
    withdraw(k, ACCEPT_WITHDRAWN, 1); /* and away again, until later */
    assert_int_equal(retract_due(k, id, at_ms, &count), ERR_CONFLICT);
    assert_int_equal(retract_due(k, id, LATER, &count), ERR_NONE);
}

static void a_kill_does_not_wait(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[1];
    struct kit_accept a;

    (void)publish(k, "a", d);
    kit_deliver(k, d[0]);
    withdraw(k, ACCEPT_WITHDRAWN, 0);
    kit_accept(k, &a, (struct kit_article){.id = "1", .reason = "killed"});
    assert_int_equal(a.a.outcome, ACCEPT_RETRACTED);
    assert_int_equal(a.a.job_count, 1);
    assert_true(a.a.look_at_withdrawn);
    kit_accept_done(&a);
    assert_int_equal(waiting(k), 0);
    withdraw(k, ACCEPT_UNCHANGED, 0);
    assert_int_equal(waiting(k), 0);
}

static void it_waits_across_a_restart_and_is_not_pruned(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct article_id id = publish(k, "a b", d);
    struct ledger_prune prune = {
        .req = {.kind = LEDGER_PRUNE}, .before_ms = KIT_NOW + 1, .keep_events = 100};
    size_t count;

    kit_deliver(k, d[0]);
    kit_begin(k, d[1]); /* in flight at the end */
    withdraw(k, ACCEPT_WITHDRAWN, 0);
    kit_reopen(k);
    assert_int_equal(waiting(k), 1);
    kit_expect(k, d[1], DELIVERY_UNKNOWN);
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 0);
    assert_int_equal(retract_due(k, id, LATER, &count), ERR_NONE);
    assert_int_equal(count, 2);
}

/* A step that publishes nothing was under way: it is not begun anew. */
static void a_crash_while_it_was_prepared_leaves_it_cancelled(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[1];

    (void)publish(k, "a", d);
    assert_int_equal(kit_begin_step(k, d[0], "publish", "upload", true, false), ERR_NONE);
    withdraw(k, ACCEPT_WITHDRAWN, 0);
    kit_reopen(k);
    kit_expect(k, d[0], DELIVERY_CANCELLED);
}

static void what_is_unknown_is_not_found(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_fill(k, &a, &(struct kit_article){.id = "nope", .withdraw_at_ms = LATER});
    assert_int_equal(kit_run(k, &a.a.req), ERR_NOT_FOUND);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_cancelled_and_what_may_be_public_goes_on),
        ON_DISK(what_was_in_flight_and_is_not_public_is_not_tried_again),
        ON_DISK(unchanged_and_back_in_time_nothing_has_happened),
        ON_DISK(changed_and_back_in_time_it_is_a_revision_as_any),
        ON_DISK(what_a_person_cancelled_stays_so),
        ON_DISK(a_withdrawn_update_goes_out_when_the_article_is_back),
        cmocka_unit_test(only_who_knows_brings_it_back),
        ON_DISK(an_old_withdrawal_stops_nothing_and_an_old_article_brings_nothing_back),
        ON_DISK(when_it_is_due_it_is_retracted_once),
        ON_DISK(one_that_came_back_is_not_retracted),
        ON_DISK(a_kill_does_not_wait),
        ON_DISK(it_waits_across_a_restart_and_is_not_pruned),
        ON_DISK(a_crash_while_it_was_prepared_leaves_it_cancelled),
        ON_DISK(what_is_unknown_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
