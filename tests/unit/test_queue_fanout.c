/* From a revision to its deliveries: channels that are switched off or no longer configured, what
 * may be public without our knowing, and how long a correction is worth sending. */

#include "tests/support/queue_kit.h"

#include "base/clock.h"

#define NONE DELIVERY_STATE_COUNT

/* Brings the delivery of the first revision on the only channel given to where the row wants it. */
static void bring(struct kit *k, struct delivery_id id, enum delivery_state to, bool exposed)
{
    struct ledger_end end;

    if (to == DELIVERY_READY) {
        return;
    }
    kit_begin(k, id);
    if (to != DELIVERY_IN_FLIGHT) {
        end = kit_end_request(k, id, to);
        end.exposed = exposed;
        assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    }
}

static void expect_on(struct kit *k,
                      const struct kit_accept *a,
                      const char *channel,
                      enum delivery_state want)
{
    const struct accept_delivery *d = kit_on(a, channel);

    if (want == NONE) {
        assert_null(d);
        return;
    }
    assert_non_null(d);
    assert_string_equal(delivery_state_name(d->state), delivery_state_name(want));
    kit_expect(k, d->id, want);
}

/* ---- channels that are not there now ---- */

/* The first revision got so far on b; then b is switched off (given, not matching) or not
 * configured any more (not given), and a second revision or a retraction comes. */
static void a_channel_that_is_away_is_kept_up_to_date_and_rid_of_what_is_retracted(void **state)
{
    static const struct {
        enum delivery_state first_at;
        bool exposed;
        enum delivery_state first_then, content, retraction;
    } rows[] = {
        {DELIVERY_READY, false, DELIVERY_CANCELLED, DELIVERY_READY, NONE},
        {DELIVERY_AGAIN, false, DELIVERY_CANCELLED, DELIVERY_READY, NONE},
        {DELIVERY_AGAIN, true, DELIVERY_AGAIN, DELIVERY_HELD, DELIVERY_HELD},
        {DELIVERY_BLOCKED, false, DELIVERY_CANCELLED, DELIVERY_READY, NONE},
        {DELIVERY_IN_FLIGHT, false, DELIVERY_IN_FLIGHT, DELIVERY_HELD, DELIVERY_HELD},
        {DELIVERY_UNKNOWN, true, DELIVERY_UNKNOWN, DELIVERY_HELD, DELIVERY_HELD},
        {DELIVERY_DONE, true, DELIVERY_DONE, DELIVERY_READY, DELIVERY_READY},
        {DELIVERY_REJECTED, false, DELIVERY_REJECTED, NONE, NONE},
        {DELIVERY_EXPIRED, false, DELIVERY_EXPIRED, NONE, NONE},
        /* it may be public */
        {DELIVERY_REJECTED, true, DELIVERY_REJECTED, NONE, DELIVERY_READY},
        {DELIVERY_EXPIRED, true, DELIVERY_EXPIRED, NONE, DELIVERY_READY},
    };
    static const char *const given[] = {"a", "a !b"};
    struct kit *k = *state;

    for (size_t n = 0; n < ARRAY_LEN(rows) * 4; n++) {
        bool retracts = n & 1;
        const char *channels = given[n >> 1 & 1];
        size_t i = n >> 2;
        struct kit_accept one, two;
        struct delivery_id first;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", n);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A", .channels = "b"});
        first = one.a.deliveries[0].id;
        bring(k, first, rows[i].first_at, rows[i].exposed);
        kit_accept(k,
                   &two,
                   (struct kit_article){
                       .id = name, .title = retracts ? NULL : "B", .channels = channels});
        kit_expect(k, first, rows[i].first_then);
        expect_on(k, &two, "b", retracts ? rows[i].retraction : rows[i].content);
        expect_on(k, &two, "a", retracts ? NONE : DELIVERY_READY);
        assert_int_equal(two.a.superseded_count, rows[i].first_then == DELIVERY_CANCELLED);
        kit_accept_done(&one);
        kit_accept_done(&two);
    }
}

static void what_a_returning_channel_finds_is_the_newest_revision_only(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, two;
    struct ledger_due due;

    kit_accept(k, &one, (struct kit_article){.id = "1", .title = "Wrong", .channels = "b c"});
    kit_accept(k, &two, (struct kit_article){.id = "1", .title = "Right", .channels = "a"});
    assert_int_equal(two.a.delivery_count, 3);
    assert_int_equal(two.a.job_count, 3);
    for (size_t i = 0; i < two.a.delivery_count; i++) {
        assert_int_equal(kit_due(k, two.a.deliveries[i].channel, &due), 1);
        assert_int_equal(due.jobs[0].id.v, two.a.deliveries[i].id.v);
        ledger_request_done(&due.req);
    }
    assert_int_equal(kit_count(k, DELIVERY_CANCELLED, NULL), 2);
    kit_accept_done(&one);
    kit_accept_done(&two);
}

static void a_channel_that_never_had_anything_of_it_is_left_alone(void **state)
{
    struct kit *k = *state;
    struct kit_accept other, one, two;
    struct ledger_channels channels = {.req = {.kind = LEDGER_CHANNELS}};

    kit_accept(k, &other, (struct kit_article){.id = "9", .title = "X", .channels = "z"});
    kit_accept(k, &one, (struct kit_article){.id = "1", .title = "A", .channels = "a !b"});
    kit_accept(k, &two, (struct kit_article){.id = "1", .title = "B", .channels = "a !b"});
    assert_int_equal(two.a.delivery_count, 1);
    assert_int_equal(kit_run(k, &channels.req), ERR_NONE);
    assert_int_equal(channels.count, 2); /* no row for b */
    ledger_request_done(&channels.req);
    kit_accept_done(&other);
    kit_accept_done(&one);
    kit_accept_done(&two);
}

/* ---- what may be public ---- */

static bool maybe_public(struct kit *k, struct delivery_id id)
{
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}, .id = id};
    bool maybe;

    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_true(load.retract);
    maybe = load.maybe_public;
    assert_false(maybe && load.has_post);
    ledger_request_done(&load.req);
    return maybe;
}

static void a_retraction_is_told_what_may_be_public(void **state)
{
    static const struct {
        enum delivery_state first_at;
        bool exposed, maybe;
    } rows[] = {
        {DELIVERY_DONE, true, false}, /* a post is known */
        {DELIVERY_REJECTED, true, true},
        {DELIVERY_EXPIRED, true, true},
        {DELIVERY_AGAIN, true, false}, /* its end will tell */
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept one, gone;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A"});
        bring(k, one.a.deliveries[0].id, rows[i].first_at, rows[i].exposed);
        kit_accept(k, &gone, (struct kit_article){.id = name});
        assert_int_equal(gone.a.delivery_count, 1);
        assert_int_equal(maybe_public(k, gone.a.deliveries[0].id), rows[i].maybe);
        kit_accept_done(&one);
        kit_accept_done(&gone);
    }
}

static void a_doubt_lasts_over_later_revisions_until_a_retraction_is_done(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct ledger_end end;
    struct delivery_id id;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    bring(k, a.a.deliveries[0].id, DELIVERY_EXPIRED, true);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "B"});
    bring(k, a.a.deliveries[0].id, DELIVERY_REJECTED, false);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1"});
    assert_int_equal(a.a.delivery_count, 1);
    id = a.a.deliveries[0].id;
    assert_true(maybe_public(k, id));
    kit_begin_step(k, id, "retract", "retract", false, true);
    end = kit_end_request(k, id, DELIVERY_DONE);
    end.course = "retract";
    end.post_stands = false;
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "C", .republish = true});
    bring(k, a.a.deliveries[0].id, DELIVERY_REJECTED, false);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1"});
    assert_int_equal(a.a.delivery_count, 0); /* nothing can be there any more */
    kit_accept_done(&a);
}

/* ---- cancelled while it may be public ---- */

static enum err_code cancel(struct kit *k, struct delivery_id id, struct ledger_move *r)
{
    *r = (struct ledger_move){.req = {.kind = LEDGER_MOVE},
                              .move = MOVE_CANCEL,
                              .id = id,
                              .by = "api",
                              .now_ms = k->now_ms};
    return kit_run(k, &r->req);
}

static void what_is_held_behind_a_cancelled_doubt_is_no_second_post(void **state)
{
    static const struct {
        enum delivery_state first_at;
        bool exposed;
        bool retraction;
        enum delivery_state second;
    } rows[] = {
        {DELIVERY_UNKNOWN, true, false, DELIVERY_CANCELLED},
        {DELIVERY_UNKNOWN, true, true, DELIVERY_READY},
        {DELIVERY_AGAIN, true, false, DELIVERY_CANCELLED},
        {DELIVERY_BLOCKED, true, true, DELIVERY_READY},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept one, two, three;
        struct ledger_move move;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A"});
        bring(k, one.a.deliveries[0].id, rows[i].first_at, rows[i].exposed);
        kit_accept(k,
                   &two,
                   (struct kit_article){.id = name, .title = rows[i].retraction ? NULL : "B"});
        expect_on(k, &two, "a", DELIVERY_HELD);
        assert_int_equal(cancel(k, one.a.deliveries[0].id, &move), ERR_NONE);
        kit_expect(k, one.a.deliveries[0].id, DELIVERY_CANCELLED);
        kit_expect(k, two.a.deliveries[0].id, rows[i].second);
        assert_int_equal(move.has_released, rows[i].retraction);
        kit_accept(k, &three, (struct kit_article){.id = name, .title = "C"});
        expect_on(k, &three, "a", NONE); /* the newsroom wants nothing there */
        kit_accept_done(&one);
        kit_accept_done(&two);
        kit_accept_done(&three);
    }
}

static void a_retraction_goes_where_a_doubt_was_cancelled(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, gone;
    struct ledger_move move;

    kit_accept(k, &one, (struct kit_article){.id = "1", .title = "A"});
    bring(k, one.a.deliveries[0].id, DELIVERY_UNKNOWN, true);
    assert_int_equal(cancel(k, one.a.deliveries[0].id, &move), ERR_NONE);
    kit_accept(k, &gone, (struct kit_article){.id = "1"});
    expect_on(k, &gone, "a", DELIVERY_READY);
    assert_true(maybe_public(k, gone.a.deliveries[0].id));
    kit_accept_done(&one);
    kit_accept_done(&gone);
}

/* ---- how long a revision is worth sending ---- */

static int64_t limit_of(struct kit *k, struct delivery_id id)
{
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}, .id = id};
    int64_t limit;

    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    limit = load.not_after_ms;
    ledger_request_done(&load.req);
    return limit;
}

/* Sent in the evening, worth two hours; what comes later, and when. Limits count from the
 * evening. */
// clang-format off
static const struct {
    const char *name;
    enum delivery_state first_at;
    bool exposed;
    const char *channels;
    bool republish, breaking;
    int64_t later_ms, not_after_ms; /* 0: two hours after it came */
    enum delivery_state second;
    int64_t limit_ms;
} corrections[] = {
    {"a typo in the morning",      DELIVERY_EXPIRED, false, "a",    false, false, 10 * MS_HOUR, 0,              DELIVERY_EXPIRED, 2 * MS_HOUR},
    {"while it waits",             DELIVERY_READY,   false, "a",    false, false, MS_HOUR,      0,              DELIVERY_READY,   2 * MS_HOUR},
    {"the source says less",       DELIVERY_READY,   false, "a",    false, false, MS_HOUR,      90 * MS_MINUTE, DELIVERY_READY,   90 * MS_MINUTE},
    {"it stands there",            DELIVERY_DONE,    true,  "a",    false, false, 10 * MS_HOUR, 0,              DELIVERY_READY,   12 * MS_HOUR},
    {"it may come to stand there", DELIVERY_UNKNOWN, true,  "a",    false, false, 10 * MS_HOUR, 0,              DELIVERY_HELD,    12 * MS_HOUR},
    {"published again",            DELIVERY_EXPIRED, false, "a",    true,  false, 10 * MS_HOUR, 0,              DELIVERY_READY,   12 * MS_HOUR},
    {"breaking only now",          DELIVERY_EXPIRED, false, "a",    false, true,  10 * MS_HOUR, 0,              DELIVERY_READY,   12 * MS_HOUR},
    {"a channel of its own",       DELIVERY_DONE,    true,  "b !a", false, false, 10 * MS_HOUR, 0,              DELIVERY_EXPIRED, 2 * MS_HOUR},
};
// clang-format on

static void a_corrected_alert_is_worth_no_longer_than_the_alert(void **state)
{
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(corrections); i++) {
        struct kit_accept one, two;
        const struct accept_delivery *d;
        int64_t came_ms = KIT_NOW + corrections[i].later_ms;
        int64_t own_limit_ms = came_ms + 2 * MS_HOUR;
        char name[16];

        k->now_ms = KIT_NOW;
        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k,
                   &one,
                   (struct kit_article){.id = name,
                                        .title = "A",
                                        .not_after_ms = KIT_NOW + 2 * MS_HOUR,
                                        .own_ms = 2 * MS_HOUR});
        bring(k, one.a.deliveries[0].id, corrections[i].first_at, corrections[i].exposed);
        k->now_ms = came_ms;
        kit_accept(
            k,
            &two,
            (struct kit_article){.id = name,
                                 .title = "B",
                                 .channels = corrections[i].channels,
                                 .republish = corrections[i].republish,
                                 .breaking = corrections[i].breaking,
                                 .not_after_ms = corrections[i].not_after_ms
                                                     ? KIT_NOW + corrections[i].not_after_ms
                                                     : own_limit_ms,
                                 .own_ms = 2 * MS_HOUR});
        d = kit_on(&two, corrections[i].channels[0] == 'b' ? "b" : "a");
        assert_non_null(d);
        if (d->state != corrections[i].second ||
            limit_of(k, d->id) != KIT_NOW + corrections[i].limit_ms) {
            fail_msg("%s: %s, %lld ms",
                     corrections[i].name,
                     delivery_state_name(d->state),
                     (long long)(limit_of(k, d->id) - KIT_NOW));
        }
        kit_accept_done(&one);
        kit_accept_done(&two);
    }
}

static const char *text_of(const struct ledger_article *show, size_t i, const char *member)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(show->out, "deliveries"), i), member));
}

static void what_comes_too_late_is_seen_and_can_be_replayed(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, two;
    struct ledger_article show = {.req = {.kind = LEDGER_ARTICLE}, .url = KIT_URL};
    struct ledger_move replay = {.req = {.kind = LEDGER_MOVE}, .move = MOVE_REPLAY};
    const struct kit_article evening = {
        .id = "1", .url = KIT_URL, .title = "A", .not_after_ms = KIT_NOW + 5, .own_ms = 5};
    struct kit_article morning = evening;

    kit_accept(k, &one, evening);
    k->now_ms += 100;
    morning.title = "B";
    morning.not_after_ms = k->now_ms + 5;
    kit_accept(k, &two, morning);
    assert_int_equal(two.a.job_count, 0);
    expect_on(k, &two, "a", DELIVERY_EXPIRED);
    assert_int_equal(kit_count(k, DELIVERY_EXPIRED, "a"), 1);
    assert_int_equal(kit_run(k, &show.req), ERR_NONE);
    assert_string_equal(text_of(&show, 1, "state"), "expired");
    assert_string_equal(text_of(&show, 1, "detail"), "worthless by now");
    ledger_request_done(&show.req);
    replay.id = two.a.deliveries[0].id;
    replay.now_ms = k->now_ms;
    replay.not_after_ms = k->now_ms + 1000;
    assert_int_equal(kit_run(k, &replay.req), ERR_NONE);
    kit_expect(k, replay.id, DELIVERY_READY);
    kit_accept_done(&one);
    kit_accept_done(&two);
}

/* An alert made of yesterday's news waits; a typo in it is corrected: it is still that alert. */
static void a_correction_lives_as_long_as_what_it_replaces(void **state)
{
    struct kit *k = *state;
    struct kit_article in = {.id = "1", .title = "A", .not_after_ms = KIT_NOW + 5, .own_ms = 5};
    struct kit_accept a;

    kit_accept(k, &a, in);
    kit_accept_done(&a);
    k->now_ms += 100;
    in.title = "B";
    in.breaking = true;
    in.not_after_ms = k->now_ms + 5;
    kit_accept(k, &a, in);
    expect_on(k, &a, "a", DELIVERY_READY);
    kit_accept_done(&a);
    k->now_ms += 2;
    in.title = "C";
    in.not_after_ms = k->now_ms + 5;
    kit_accept(k, &a, in);
    expect_on(k, &a, "a", DELIVERY_READY);
    assert_int_equal(limit_of(k, a.a.deliveries[0].id), KIT_NOW + 105);
    kit_accept_done(&a);
}

#define IN_MEMORY(f) cmocka_unit_test_setup_teardown(f, kit_setup_memory, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_channel_that_is_away_is_kept_up_to_date_and_rid_of_what_is_retracted),
        IN_MEMORY(what_a_returning_channel_finds_is_the_newest_revision_only),
        IN_MEMORY(a_channel_that_never_had_anything_of_it_is_left_alone),
        IN_MEMORY(a_retraction_is_told_what_may_be_public),
        IN_MEMORY(a_doubt_lasts_over_later_revisions_until_a_retraction_is_done),
        IN_MEMORY(what_is_held_behind_a_cancelled_doubt_is_no_second_post),
        IN_MEMORY(a_retraction_goes_where_a_doubt_was_cancelled),
        IN_MEMORY(a_corrected_alert_is_worth_no_longer_than_the_alert),
        IN_MEMORY(what_comes_too_late_is_seen_and_can_be_replayed),
        IN_MEMORY(a_correction_lives_as_long_as_what_it_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
