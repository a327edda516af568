/* A channel is blocked: what waits there goes elsewhere, once, and the ledger knows why. And what is used of
 * quotas, as the ledger keeps it. */

#include "tests/support/queue_kit.h"

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"

#define WHY "the token was revoked"

static void fall_back_to(struct kit *k,
                         struct ledger_fallback *r,
                         const char *channel,
                         struct delivery_id blocked,
                         const struct ledger_fallback_to *to,
                         size_t count)
{
    *r = (struct ledger_fallback){.req = {.kind = LEDGER_FALLBACK},
                                  .channel = channel,
                                  .why = WHY,
                                  .blocked = blocked,
                                  .to = to,
                                  .to_count = count,
                                  .delivery_id = k->next_id,
                                  .now_ms = k->now_ms};
    k->next_id += (FALLBACK_BATCH + 1) * count;
    if (kit_run(k, &r->req)) {
        fail_msg("fallback: %s", r->req.why.text);
    }
}

/* From "a" to "b", with all that waits. How many jobs came of it. */
static size_t fall_back(struct kit *k, struct delivery_id blocked)
{
    static const struct ledger_fallback_to b = {
        .channel = "b", .adapter = "webhook", .own_ms = MS_HOUR};
    struct ledger_fallback r;
    size_t jobs;

    fall_back_to(k, &r, "a", blocked, &b, 1);
    jobs = r.job_count;
    assert_false(r.more);
    ledger_request_done(&r.req);
    return jobs;
}

static struct delivery_id accept_one(struct kit *k, const char *id, const char *title)
{
    struct kit_accept a;
    struct delivery_id first = {0};

    kit_accept(
        k,
        &a,
        (struct kit_article){.id = id, .wanted_id = id, .title = title, .channels = "a !b"});
    if (a.a.delivery_count > 0) {
        first = a.a.deliveries[0].id;
    }
    kit_accept_done(&a);
    return first;
}

static struct delivery_id block_one(struct kit *k, const char *id)
{
    struct delivery_id d = accept_one(k, id, "First");

    kit_begin(k, d);
    kit_end(k, d, DELIVERY_BLOCKED);
    return d;
}

/* The article's delivery on a channel, as the API shows its newest there; new reference. */
static json_t *on(struct kit *k, const char *id, const char *channel)
{
    json_t *article = kit_show(k, id), *found = json_null(), *d;
    size_t i;

    json_array_foreach(json_object_get(article, "deliveries"), i, d)
    {
        if (strcmp(json_path_str(d, "channel"), channel) == 0) {
            found = d;
        }
    }
    json_incref(found);
    json_decref(article);
    return found;
}

static void expect_on(struct kit *k, const char *id, const char *channel, const char *state)
{
    json_t *d = on(k, id, channel);

    if (!state) {
        assert_true(json_is_null(d));
    } else {
        assert_true(json_is_object(d));
        assert_string_equal(json_path_str(d, "state"), state);
    }
    json_decref(d);
}

static struct delivery_id id_on(struct kit *k, const char *id, const char *channel)
{
    json_t *d = on(k, id, channel);
    struct delivery_id out = {0};

    assert_true(json_is_object(d) && id_parse_delivery(json_path_str(d, "id"), &out));
    json_decref(d);
    return out;
}

static int64_t release(struct kit *k, const char *channel, bool both)
{
    struct ledger_release_channel r = {.req = {.kind = LEDGER_RELEASE_CHANNEL},
                                       .channel = channel,
                                       .both = both,
                                       .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r.count;
}

/* ---- going elsewhere ---- */

static void what_was_blocked_and_what_waits_behind_it_go_to_the_fallback(void **state)
{
    struct kit *k = *state;
    struct delivery_id blocked = block_one(k, "one");
    struct ledger_due due;
    json_t *d;

    accept_one(k, "two", "Second");
    assert_int_equal(fall_back(k, blocked), 2);
    expect_on(k, "one", "a", "blocked");
    expect_on(k, "two", "a", "blocked");
    expect_on(k, "one", "b", "ready");
    expect_on(k, "two", "b", "ready");
    assert_int_equal(kit_due(k, "a", &due), 0);
    ledger_request_done(&due.req);
    d = on(k, "two", "b");
    assert_string_equal(json_path_str(json_object_get(d, "fallback"), "for"), "a");
    assert_string_equal(json_path_str(json_object_get(d, "fallback"), "why"), WHY);
    json_decref(d);
    d = on(k, "two", "a");
    assert_true(json_is_null(json_object_get(d, "fallback")));
    json_decref(d);
}

/* It is for those it was sent to, and not for whoever reads another channel. */
static void a_test_goes_nowhere_else(void **state)
{
    struct kit *k = *state;
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
    struct kit_accept a;

    kit_accept(k,
               &a,
               (struct kit_article){.source = "test",
                                    .id = "trial",
                                    .wanted_id = "trial",
                                    .title = "A test",
                                    .channels = "a !b"});
    load.id = a.a.deliveries[0].id;
    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_true(load.test);
    ledger_request_done(&load.req);
    kit_begin(k, a.a.deliveries[0].id);
    kit_end(k, a.a.deliveries[0].id, DELIVERY_BLOCKED);
    assert_int_equal(fall_back(k, a.a.deliveries[0].id), 0);
    expect_on(k, "trial", "a", "blocked");
    expect_on(k, "trial", "b", NULL);
    kit_accept_done(&a);
}

static void done_twice_it_does_nothing(void **state)
{
    struct kit *k = *state;
    struct delivery_id blocked = block_one(k, "one");

    assert_int_equal(fall_back(k, blocked), 1);
    assert_int_equal(fall_back(k, blocked), 0);
    kit_deliver(k, id_on(k, "one", "b"));
    assert_int_equal(fall_back(k, blocked), 0);
    assert_int_equal(kit_count(k, DELIVERY_DONE, "b"), 1);
}

static void an_article_that_is_there_already_does_not_come_again(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    json_t *d;

    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "one", .wanted_id = "one", .title = "First", .channels = "a b"});
    kit_begin(k, kit_on(&a, "a")->id);
    kit_end(k, kit_on(&a, "a")->id, DELIVERY_BLOCKED);
    assert_int_equal(fall_back(k, kit_on(&a, "a")->id), 0);
    kit_accept_done(&a);
    d = on(k, "one", "b");
    assert_true(json_is_null(json_object_get(d, "fallback")));
    json_decref(d);
}

/* A correction that cannot get there is none of the article's first post: that stands. */
static void what_stands_on_the_blocked_channel_goes_nowhere_else(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");

    kit_deliver(k, d);
    d = accept_one(k, "one", "First, corrected");
    kit_begin(k, d);
    kit_end(k, d, DELIVERY_BLOCKED);
    assert_int_equal(fall_back(k, d), 0);
    expect_on(k, "one", "b", NULL);
    assert_int_equal(release(k, "a", false), 1);
}

static void several_that_fall_back_to_one_send_it_once(void **state)
{
    static const struct ledger_fallback_to c = {
        .channel = "c", .adapter = "webhook", .own_ms = MS_HOUR};
    struct kit *k = *state;
    struct ledger_fallback r;
    struct kit_accept a;

    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "one", .wanted_id = "one", .title = "First", .channels = "a b"});
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "b" : "a";

        kit_begin(k, kit_on(&a, name)->id);
        kit_end(k, kit_on(&a, name)->id, DELIVERY_BLOCKED);
        fall_back_to(k, &r, name, kit_on(&a, name)->id, &c, 1);
        assert_int_equal(r.job_count, i ? 0 : 1);
        ledger_request_done(&r.req);
    }
    kit_accept_done(&a);
    expect_on(k, "one", "c", "ready");
    /* It is there for both. */
    kit_deliver(k, id_on(k, "one", "c"));
    assert_int_equal(release(k, "a", false), 0);
    assert_int_equal(release(k, "b", false), 0);
}

static void corrections_and_retractions_follow(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    (void)fall_back(k, block_one(k, "one"));
    kit_deliver(k, id_on(k, "one", "b"));
    accept_one(k, "one", "First, corrected");
    expect_on(k, "one", "b", "ready");
    kit_deliver(k, id_on(k, "one", "b"));
    kit_accept(k, &a, (struct kit_article){.id = "one", .channels = "a b"});
    assert_non_null(kit_on(&a, "b"));
    assert_null(kit_on(&a, "a"));
    kit_accept_done(&a);
}

static void news_are_worth_no_more_there_than_where_they_were_to_go(void **state)
{
    static const struct ledger_fallback_to b = {
        .channel = "b", .adapter = "webhook", .own_ms = 2 * MS_HOUR};
    struct kit *k = *state;
    struct ledger_fallback r;
    struct kit_accept a;

    for (int i = 0; i < 2; i++) {
        int64_t limit_ms = KIT_NOW + (i ? 3 : 1) * MS_HOUR;

        kit_accept(k,
                   &a,
                   (struct kit_article){.id = i ? "two" : "one",
                                        .title = i ? "2" : "1",
                                        .channels = "a",
                                        .not_after_ms = limit_ms});
        kit_accept_done(&a);
        fall_back_to(k, &r, "a", (struct delivery_id){0}, &b, 1);
        assert_int_equal(r.job_count, 1);
        assert_true(r.jobs[0].not_after_ms == KIT_NOW + (i ? 2 : 1) * MS_HOUR);
        ledger_request_done(&r.req);
    }
}

static void many_go_in_batches_breaking_ones_first(void **state)
{
    static const struct ledger_fallback_to b = {
        .channel = "b", .adapter = "webhook", .own_ms = MS_HOUR};
    struct kit *k = *state;
    struct ledger_fallback r;
    struct kit_accept a;
    size_t jobs = 0;

    for (int i = 0; i <= FALLBACK_BATCH; i++) {
        char id[16];

        (void)snprintf(id, sizeof id, "no%d", i);
        kit_accept(
            k,
            &a,
            (struct kit_article){
                .id = id, .title = id, .channels = "a", .breaking = i == FALLBACK_BATCH});
        kit_accept_done(&a);
    }
    for (int i = 0; i < 2; i++) {
        fall_back_to(k, &r, "a", (struct delivery_id){0}, &b, 1);
        assert_true(i > 0 || (r.more && r.jobs[0].breaking));
        jobs += r.job_count;
        ledger_request_done(&r.req);
    }
    assert_int_equal(jobs, FALLBACK_BATCH + 1);
    assert_int_equal(kit_count(k, DELIVERY_BLOCKED, "a"), FALLBACK_BATCH + 1);
}

/* ---- coming in while it is blocked ---- */

static void accept_blocked(struct kit *k, struct kit_accept *a, struct kit_article in)
{
    static const struct accept_instead instead = {.channel = "a", .why = WHY};

    kit_fill(k, a, &in);
    for (size_t i = 0; i < a->a.channel_count; i++) {
        if (strcmp(a->names[i], "a") == 0) {
            a->channels[i].blocked_why = WHY;
        } else {
            a->channels[i].instead_of = &instead;
            a->channels[i].instead_count = 1;
        }
    }
    assert_int_equal(kit_run(k, &a->a.req), ERR_NONE);
}

static void what_comes_in_while_it_is_blocked_goes_elsewhere_at_once(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    json_t *d;

    accept_blocked(k,
                   &a,
                   (struct kit_article){
                       .id = "one", .wanted_id = "one", .title = "First", .channels = "a b"});
    assert_int_equal(kit_on(&a, "a")->state, DELIVERY_BLOCKED);
    assert_int_equal(kit_on(&a, "b")->state, DELIVERY_READY);
    assert_int_equal(a.a.job_count, 1);
    kit_accept_done(&a);
    d = on(k, "one", "b");
    assert_string_equal(json_path_str(json_object_get(d, "fallback"), "for"), "a");
    json_decref(d);
    assert_int_equal(fall_back(k, id_on(k, "one", "a")), 0);
}

static void a_correction_of_what_stands_there_goes_nowhere_else(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_deliver(k, accept_one(k, "one", "First"));
    accept_blocked(
        k,
        &a,
        (struct kit_article){
            .id = "one", .wanted_id = "one", .title = "First, corrected", .channels = "a b"});
    assert_int_equal(kit_on(&a, "a")->state, DELIVERY_READY); /* it waits for its channel */
    assert_null(kit_on(&a, "b"));
    kit_accept_done(&a);
}

/* ---- mended ---- */

static void what_went_out_elsewhere_is_not_posted_late(void **state)
{
    struct kit *k = *state;
    struct delivery_id next;
    json_t *d;

    (void)fall_back(k, block_one(k, "one"));
    kit_deliver(k, id_on(k, "one", "b"));
    assert_int_equal(release(k, "a", false), 0);
    expect_on(k, "one", "a", "cancelled");
    d = on(k, "one", "a");
    assert_string_equal(json_path_str(d, "detail"), "went out by fallback b");
    json_decref(d);
    /* Nor with its next revision. */
    next = accept_one(k, "one", "First, corrected");
    assert_int_equal(next.v, id_on(k, "one", "b").v);
    expect_on(k, "one", "a", "cancelled");
}

static void unless_the_channel_shall_have_it_too(void **state)
{
    struct kit *k = *state;

    (void)fall_back(k, block_one(k, "one"));
    kit_deliver(k, id_on(k, "one", "b"));
    assert_int_equal(release(k, "a", true), 1);
    expect_on(k, "one", "a", "ready");
}

static void what_did_not_get_out_elsewhere_goes_on(void **state)
{
    struct kit *k = *state;

    (void)fall_back(k, block_one(k, "one"));
    kit_begin(k, id_on(k, "one", "b"));
    kit_end(k, id_on(k, "one", "b"), DELIVERY_REJECTED);
    assert_int_equal(release(k, "a", false), 1);
    expect_on(k, "one", "a", "ready");
}

/* a falls back to b, b to c, c to a: each has it once. */
static void a_fallback_that_is_blocked_falls_back_in_turn(void **state)
{
    static const struct ledger_fallback_to to[] = {
        {.channel = "b", .adapter = "webhook", .own_ms = MS_HOUR},
        {.channel = "c", .adapter = "webhook", .own_ms = MS_HOUR},
        {.channel = "a", .adapter = "webhook", .own_ms = MS_HOUR}};
    static const char *const names[] = {"a", "b", "c"};
    struct kit *k = *state;
    struct ledger_fallback r;

    accept_one(k, "one", "First");
    for (size_t i = 0; i < 3; i++) {
        struct delivery_id d = id_on(k, "one", names[i]);

        kit_begin(k, d);
        kit_end(k, d, DELIVERY_BLOCKED);
        fall_back_to(k, &r, names[i], d, &to[i], 1);
        assert_int_equal(r.job_count, i < 2 ? 1 : 0);
        ledger_request_done(&r.req);
    }
    /* c is mended, has it, and nothing goes to a and b any more. */
    assert_int_equal(release(k, "c", false), 1);
    kit_deliver(k, id_on(k, "one", "c"));
    assert_int_equal(release(k, "b", false), 0);
    assert_int_equal(release(k, "a", false), 0);
    expect_on(k, "one", "a", "cancelled");
    expect_on(k, "one", "b", "cancelled");
}

/* ---- quotas ---- */

static size_t used(struct kit *k, struct delivery_id id, int64_t *out_at_ms)
{
    struct ledger_quota r = {.req = {.kind = LEDGER_QUOTA}, .since_ms = 0};
    size_t count;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    count = r.count;
    for (size_t i = 0; out_at_ms && i < r.count; i++) {
        if (r.v[i].delivery.v == id.v) {
            assert_string_equal(r.v[i].channel, "a");
            *out_at_ms = r.v[i].at_ms;
        }
    }
    ledger_request_done(&r.req);
    return count;
}

static void a_post_counts_from_its_request_on_and_over_a_restart(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");
    int64_t at_ms = 0;

    assert_int_equal(used(k, d, NULL), 0);
    kit_begin_quota(k, d);
    assert_int_equal(used(k, d, &at_ms), 1);
    assert_true(at_ms == k->now_ms);
    kit_reopen(k); /* in flight, and may be public */
    assert_int_equal(used(k, d, NULL), 1);
    expect_on(k, "one", "a", "unknown");
}

static void one_that_was_refused_for_certain_does_not_count(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");
    struct ledger_end end;

    kit_begin_quota(k, d);
    end = kit_end_request(k, d, DELIVERY_AGAIN);
    end.gives_quota_back = true;
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    assert_int_equal(used(k, d, NULL), 0);
}

static void a_post_that_a_person_did_not_find_does_not_count(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");
    struct ledger_move move = {.req = {.kind = LEDGER_MOVE},
                               .move = MOVE_ABSENT,
                               .id = d,
                               .by = "api",
                               .now_ms = k->now_ms};

    kit_begin_quota(k, d);
    kit_end(k, d, DELIVERY_UNKNOWN);
    assert_int_equal(used(k, d, NULL), 1);
    assert_int_equal(kit_run(k, &move.req), ERR_NONE);
    assert_int_equal(used(k, d, NULL), 0);
}

static void a_second_request_of_one_post_is_counted_once_and_later(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");
    int64_t at_ms = 0;

    kit_begin_quota(k, d);
    kit_end(k, d, DELIVERY_AGAIN);
    k->now_ms += MS_MINUTE;
    kit_begin_quota(k, d);
    assert_int_equal(used(k, d, &at_ms), 1);
    assert_true(at_ms == KIT_NOW + MS_MINUTE);
}

static void uses_from_a_wrong_clock_count_from_now(void **state)
{
    struct kit *k = *state;
    struct delivery_id d = accept_one(k, "one", "First");
    int64_t at_ms = 0;

    k->now_ms += 300 * MS_DAY;
    kit_begin_quota(k, d);
    k->now_ms -= 300 * MS_DAY;
    kit_reopen(k);
    (void)used(k, d, &at_ms);
    assert_true(at_ms == KIT_NOW);
}

static void what_no_quota_asks_for_any_more_is_pruned(void **state)
{
    struct kit *k = *state;
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 1};

    kit_begin_quota(k, accept_one(k, "one", "First"));
    for (int i = 0; i < 2; i++) {
        k->now_ms += 31 * MS_DAY;
        (void)accept_one(k, i ? "two" : "three", "Later");
        assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
        assert_int_equal(used(k, (struct delivery_id){0}, NULL), i ? 0 : 1);
    }
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_was_blocked_and_what_waits_behind_it_go_to_the_fallback),
        ON_DISK(a_test_goes_nowhere_else),
        ON_DISK(done_twice_it_does_nothing),
        ON_DISK(an_article_that_is_there_already_does_not_come_again),
        ON_DISK(what_stands_on_the_blocked_channel_goes_nowhere_else),
        ON_DISK(several_that_fall_back_to_one_send_it_once),
        ON_DISK(corrections_and_retractions_follow),
        ON_DISK(news_are_worth_no_more_there_than_where_they_were_to_go),
        ON_DISK(many_go_in_batches_breaking_ones_first),
        ON_DISK(what_comes_in_while_it_is_blocked_goes_elsewhere_at_once),
        ON_DISK(a_correction_of_what_stands_there_goes_nowhere_else),
        ON_DISK(what_went_out_elsewhere_is_not_posted_late),
        ON_DISK(unless_the_channel_shall_have_it_too),
        ON_DISK(what_did_not_get_out_elsewhere_goes_on),
        ON_DISK(a_fallback_that_is_blocked_falls_back_in_turn),
        ON_DISK(a_post_counts_from_its_request_on_and_over_a_restart),
        ON_DISK(one_that_was_refused_for_certain_does_not_count),
        ON_DISK(a_post_that_a_person_did_not_find_does_not_count),
        ON_DISK(a_second_request_of_one_post_is_counted_once_and_later),
        ON_DISK(uses_from_a_wrong_clock_count_from_now),
        ON_DISK(what_no_quota_asks_for_any_more_is_pruned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
