/* The link gate's place in the ledger: what waits for it, for how long, and what lets it go; and that two articles
 * turn out to be one, by what the page says or by their names. */

#include "tests/support/queue_kit.h"

#include "base/json.h"

#define UNTIL (KIT_NOW + 45000)
#define CANONICAL "https://news.example/canonical"
#define AGENCY "https://agency.example/99"

/* ---- the gate ---- */

static struct ledger_gate gate_of(struct kit *k, struct article_id id)
{
    struct ledger_gate r = {.req = {.kind = LEDGER_GATE},
                            .article = id,
                            .page = "{\"title\":\"As the page has it\"}",
                            .delivery_id = k->next_id,
                            .delivery_ids = 20,
                            .now_ms = k->now_ms};

    k->next_id += 20;
    return r;
}

static void pass(struct kit *k, struct article_id id, size_t jobs)
{
    struct ledger_gate r = gate_of(k, id);

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.job_count, jobs);
    assert_int_equal(r.kept.v, id.v);
    ledger_request_done(&r.req);
}

static size_t gated(struct kit *k)
{
    struct ledger_gated r = {.req = {.kind = LEDGER_GATED}, .limit = 10};
    size_t count;

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    count = r.count;
    if (count > 0) {
        assert_int_equal(r.v[0].until_ms, UNTIL);
        assert_string_equal(r.v[0].url, KIT_URL);
    }
    ledger_request_done(&r.req);
    return count;
}

static void what_is_first_sent_waits_for_its_page(void **state)
{
    struct ledger_begin start = {
        .req = {.kind = LEDGER_BEGIN}, .course = "publish", .step = "post", .counts = true};
    struct kit *k = *state;
    struct ledger_due due;
    struct kit_accept a;
    json_t *shown;

    kit_fill(k,
             &a,
             &(struct kit_article){.id = "1",
                                   .wanted_id = "1",
                                   .url = KIT_URL,
                                   .title = "A",
                                   .channels = "a b",
                                   .gate_until_ms = UNTIL});
    a.channels[0].start = &start; /* whoever offers a turn is not taken at his word */
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    assert_int_equal(a.a.gated_until_ms, UNTIL);
    assert_int_equal(a.a.job_count, 2);
    assert_int_equal(a.a.jobs[0].due_at_ms, UNTIL);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
    assert_int_equal(kit_due(k, "a", &due),
                     1); /* a gate that never opens holds nothing longer */
    assert_int_equal(due.jobs[0].due_at_ms, UNTIL);
    ledger_request_done(&due.req);
    assert_int_equal(gated(k), 1);
    kit_reopen(k);
    assert_int_equal(gated(k), 1);
    pass(k, a.a.article, 2);
    assert_int_equal(gated(k), 0);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_READY);
    pass(k, a.a.article, 0);
    shown = kit_show(k, "1");
    assert_true(json_is_null(json_object_get(json_object_get(shown, "gate"), "until")));
    assert_string_equal(
        json_path_str(json_object_get(json_object_get(shown, "gate"), "page"), "title"),
        "As the page has it");
    json_decref(shown);
    kit_accept_done(&a);
}

static void a_revision_waits_with_it_and_no_longer(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .url = KIT_URL, .title = "A", .gate_until_ms = UNTIL});
    kit_accept_done(&a);
    k->now_ms += 1000;
    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "1", .url = KIT_URL, .title = "B", .gate_until_ms = UNTIL + 1000});
    assert_int_equal(a.a.gated_until_ms, UNTIL);
    assert_int_equal(a.a.superseded_count, 1);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
    pass(k, a.a.article, 1);
    kit_accept_done(&a);
    kit_accept(k,
               &a,
               (struct kit_article){
                   .id = "1", .url = KIT_URL, .title = "C", .gate_until_ms = UNTIL + 1000});
    assert_int_equal(a.a.gated_until_ms, 0); /* its page was looked at */
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_READY);
    kit_accept_done(&a);
}

static void what_would_be_worthless_by_then_does_not_wait(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_accept(k,
               &a,
               (struct kit_article){.id = "1",
                                    .title = "A",
                                    .gate_until_ms = UNTIL,
                                    .not_after_ms = UNTIL,
                                    .breaking = true});
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_READY);
    kit_accept_done(&a);
}

static void what_was_recorded_and_what_comes_back_wait_as_well(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_accept(k,
               &a,
               (struct kit_article){.source = "feed",
                                    .url = KIT_URL,
                                    .title = "A",
                                    .quiet = "first sight",
                                    .gate_until_ms = UNTIL});
    assert_int_equal(a.a.gated_until_ms, 0);
    kit_accept_done(&a);
    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .url = KIT_URL, .title = "A", .gate_until_ms = UNTIL});
    assert_int_equal(a.a.outcome, ACCEPT_NEW);
    assert_int_equal(a.a.gated_until_ms, UNTIL);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1", .withdraw_at_ms = UNTIL});
    kit_accept_done(&a);
    assert_int_equal(gated(k), 0);
    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .url = KIT_URL, .title = "A", .gate_until_ms = UNTIL});
    assert_int_equal(a.a.gated_until_ms, UNTIL);
    assert_int_equal(a.a.job_count, 1);
    assert_int_equal(a.a.jobs[0].due_at_ms, UNTIL);
    pass(k, a.a.article, 1);
    kit_accept_done(&a);
}

static void the_courier_gets_what_the_page_said(void **state)
{
    struct kit *k = *state;
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
    struct ledger_gate r;
    struct kit_accept a;

    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .url = KIT_URL, .title = "A", .gate_until_ms = UNTIL});
    r = gate_of(k, a.a.article);
    r.note = "no picture";
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    ledger_request_done(&r.req);
    load.id = a.a.deliveries[0].id;
    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_string_equal(load.page, "{\"title\":\"As the page has it\"}");
    assert_string_equal(load.gate_note, "no picture");
    ledger_request_done(&load.req);
    kit_accept_done(&a);
}

/* ---- two are one ---- */

struct stories {
    struct article_id old, young; /* "1" of cms, "9" of agency */
    struct delivery_id old_on[2], young_on[2];
};

static struct article_id take(struct kit *k, struct kit_article in, struct delivery_id *out)
{
    struct kit_accept a;
    struct article_id id;

    kit_accept(k, &a, in);
    for (size_t i = 0; i < a.a.delivery_count && i < 2; i++) {
        out[i] = a.a.deliveries[i].id;
    }
    id = a.a.article;
    kit_accept_done(&a);
    return id;
}

static struct stories two(struct kit *k, struct kit_article old, struct kit_article young)
{
    struct stories p = {.old = {0}};

    old.id = old.wanted_id = old.id ? old.id : "1";
    old.url = KIT_URL;
    old.title = "A";
    young.source = young.source ? young.source : "agency";
    young.id = young.wanted_id = "9";
    young.url = AGENCY;
    young.title = "B";
    p.old = take(k, old, p.old_on);
    p.young = take(k, young, p.young_on);
    return p;
}

/* The page of `article` has the other's address as its canonical one. */
static struct ledger_gate find_same(struct kit *k, struct article_id article, const char *url)
{
    static struct accept_alias name;
    struct ledger_gate r = gate_of(k, article);

    name =
        (struct accept_alias){.kind = "url", .value = url, .why = "canonical URL of the page"};
    r.names = &name;
    r.name_count = 1;
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return r;
}

static void the_older_keeps_and_one_post_goes_to_each_channel(void **state)
{
    struct kit *k = *state;
    struct stories p = two(k,
                           (struct kit_article){.channels = "a", .gate_until_ms = UNTIL},
                           (struct kit_article){.channels = "a", .gate_until_ms = UNTIL});
    struct ledger_gate r = find_same(k, p.young, KIT_URL);
    json_t *shown;

    assert_int_equal(r.merged_count, 1);
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.job_count, 0); /* the keeper's own gate is closed */
    assert_int_equal(r.superseded_count, 1);
    ledger_request_done(&r.req);
    kit_expect(k, p.young_on[0], DELIVERY_CANCELLED);
    kit_expect(k, p.old_on[0], DELIVERY_AGAIN);
    pass(k, p.old, 1);
    r = find_same(k, p.young, KIT_URL); /* once more: it is merged already */
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.merged_count, 0);
    ledger_request_done(&r.req);
    shown = kit_show(k, "9"); /* its public id still answers */
    assert_string_equal(json_string_value(json_object_get(shown, "merged_into")), "1");
    assert_int_equal(json_array_size(json_object_get(shown, "aliases")), 1);
    json_decref(shown);
    shown = kit_show(k, "1");
    assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "merged"), 0)),
                        "9");
    assert_int_equal(json_array_size(json_object_get(shown, "aliases")), 4);
    json_decref(shown);
}

static void what_comes_for_its_names_reaches_the_keeper(void **state)
{
    struct kit *k = *state;
    struct stories p =
        two(k,
            (struct kit_article){.channels = "a"},
            (struct kit_article){.channels = "a", .gate_until_ms = UNTIL, .replay_key = "r"});
    struct ledger_gate r = find_same(k, p.young, KIT_URL);
    struct kit_accept a;

    ledger_request_done(&r.req);
    kit_accept(k, &a, (struct kit_article){.source = "agency", .id = "9", .title = "C"});
    assert_int_equal(a.a.article.v, p.old.v);
    assert_int_equal(a.a.outcome, ACCEPT_REVISED);
    kit_accept_done(&a);
    kit_accept(
        k,
        &a,
        (struct kit_article){.source = "agency", .id = "9", .title = "B", .replay_key = "r"});
    assert_int_equal(a.a.outcome, ACCEPT_REPLAYED);
    assert_string_equal(a.a.public_id, "1");
    kit_accept_done(&a);
    kit_accept(
        k,
        &a,
        (struct kit_article){
            .source = "agency", .id = "9", .wanted_id = "9", .url = CANONICAL, .title = "C"});
    assert_int_equal(a.a.article.v, p.old.v);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.source = "agency", .id = "9"});
    assert_int_equal(a.a.article.v, p.old.v);
    assert_int_equal(a.a.outcome, ACCEPT_RETRACTED);
    kit_accept_done(&a);
}

static void the_one_that_is_public_keeps(void **state)
{
    static const enum delivery_state at[] = {
        DELIVERY_DONE, DELIVERY_IN_FLIGHT, DELIVERY_UNKNOWN};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct kit_accept a;
        struct ledger_gate r;
        struct stories p;
        void *own = NULL;

        assert_int_equal(kit_setup_memory(&own), 0);
        p = two(own,
                (struct kit_article){.channels = "a", .gate_until_ms = UNTIL},
                (struct kit_article){.channels = "a"});
        kit_begin(own, p.young_on[0]);
        if (at[i] != DELIVERY_IN_FLIGHT) {
            kit_end(own, p.young_on[0], at[i]);
        }
        r = find_same(own, p.old, AGENCY);
        assert_int_equal(r.kept.v, p.young.v);
        assert_int_equal(r.job_count, 0);
        ledger_request_done(&r.req);
        kit_expect(own, p.old_on[0], DELIVERY_CANCELLED);
        kit_expect(own, p.young_on[0], at[i]);
        kit_accept(own, &a, (struct kit_article){.id = "1", .title = "D"});
        assert_int_equal(a.a.article.v, p.young.v);
        kit_accept_done(&a);
        assert_int_equal(kit_teardown(&own), 0);
    }
}

/* The feed's story is not breaking, the agency's flash of it is, and only the alarm takes that. */
static void a_breaking_alert_is_not_lost(void **state)
{
    struct kit *k = *state;
    struct stories p = two(k,
                           (struct kit_article){.channels = "a !alarm"},
                           (struct kit_article){.channels = "a alarm",
                                                .breaking = true,
                                                .reason = "the source says so",
                                                .gate_until_ms = UNTIL});
    struct kit_accept a;
    struct ledger_gate r;
    json_t *shown;

    kit_deliver(k, p.old_on[0]);
    r = find_same(k, p.young, KIT_URL);
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.superseded_count, 2);
    assert_int_equal(r.job_count, 1);
    assert_string_equal(r.jobs[0].channel, "alarm");
    assert_true(r.jobs[0].breaking);
    assert_int_equal(r.jobs[0].article.v, p.old.v);
    kit_expect(k, r.jobs[0].id, DELIVERY_READY);
    kit_deliver(k, r.jobs[0].id);
    ledger_request_done(&r.req);
    shown = kit_show(k, "1");
    assert_true(json_is_true(json_object_get(shown, "breaking")));
    assert_string_equal(json_string_value(json_object_get(shown, "reason")),
                        "the source says so");
    json_decref(shown);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "E", .channels = "a !alarm"});
    assert_int_equal(a.a.job_count, 2); /* both posts are updated */
    kit_accept_done(&a);
}

static void the_loud_one_keeps(void **state)
{
    struct kit *k = *state;
    struct stories p = two(k,
                           (struct kit_article){.channels = "a", .quiet = "first sight"},
                           (struct kit_article){.channels = "a", .gate_until_ms = UNTIL});
    struct ledger_gate r = find_same(k, p.young, KIT_URL);

    assert_int_equal(r.kept.v, p.young.v);
    assert_int_equal(r.job_count, 1);
    kit_expect(k, p.young_on[0], DELIVERY_READY);
    ledger_request_done(&r.req);
}

static void a_dropped_story_is_not_sent_under_another_name(void **state)
{
    struct kit *k = *state;
    struct ledger_drop drop = {
        .req = {.kind = LEDGER_DROP}, .id = "1", .by = "api", .now_ms = k->now_ms};
    struct stories p =
        two(k,
            (struct kit_article){.channels = "a", .quiet = "40 at once", .held = true},
            (struct kit_article){.channels = "a b", .gate_until_ms = UNTIL});
    struct ledger_gate r;

    assert_int_equal(kit_run(k, &drop.req), ERR_NONE);
    r = find_same(k, p.young, KIT_URL);
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.job_count, 0);
    assert_int_equal(r.superseded_count, 2);
    ledger_request_done(&r.req);
}

/* Both are public already. */
static void posts_of_both_stay_and_no_third_comes(void **state)
{
    struct kit *k = *state;
    struct stories p = two(
        k, (struct kit_article){.channels = "a !b"}, (struct kit_article){.channels = "a b"});
    struct ledger_events events = {.req = {.kind = LEDGER_EVENTS}, .limit = 100};
    struct kit_accept a;
    struct ledger_gate r;

    kit_deliver(k, p.old_on[0]);
    kit_deliver(k, p.young_on[0]);
    kit_deliver(k, p.young_on[1]);
    r = find_same(k, p.old, AGENCY);
    assert_int_equal(r.kept.v, p.old.v);
    ledger_request_done(&r.req);
    assert_int_equal(kit_run(k, &events.req), ERR_NONE);
    for (size_t i = 0; i < events.count; i++) {
        if (strcmp(events.v[i].kind, "article.merged") == 0) {
            assert_non_null(strstr(events.v[i].data,
                                   "\"merged\":\"9\",\"why\":\"canonical URL of the page\""));
            assert_non_null(strstr(events.v[i].data,
                                   "\"posts\":[{\"channel\":\"a\",\"link\":\"https://"
                                   "there.example/r1\"},{\"channel\":\"b\""));
            k->dones++;
        }
    }
    assert_int_equal(k->dones, 1);
    ledger_request_done(&events.req);
    /* b matches now: but the other's post is there */
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "F", .channels = "a b"});
    assert_int_equal(a.a.job_count, 1);
    assert_null(kit_on(&a, "b"));
    kit_accept_done(&a);
    /* and when the story goes, all of it goes */
    kit_accept(k, &a, (struct kit_article){.id = "1", .channels = "a b", .reason = "killed"});
    assert_true(a.a.look_at_withdrawn);
    kit_accept_done(&a);
    kit_fill(k, &a, &(struct kit_article){.channels = "a b"});
    a.a.known = p.young;
    a.a.retract_at_ms = k->now_ms;
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    assert_int_equal(a.a.delivery_count, 2);
    kit_accept_done(&a);
}

static void what_was_in_flight_goes_on_where_the_keeper_is_not(void **state)
{
    struct kit *k = *state;
    struct stories p = two(
        k, (struct kit_article){.channels = "a !b"}, (struct kit_article){.channels = "a b"});
    struct ledger_gate r;

    kit_deliver(k, p.old_on[0]);
    kit_begin(k, p.young_on[0]);
    kit_begin(k, p.young_on[1]);
    r = find_same(k, p.old, AGENCY);
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.superseded_count, 0);
    ledger_request_done(&r.req);
    kit_end(k, p.young_on[0], DELIVERY_AGAIN);
    kit_expect(k, p.young_on[0], DELIVERY_CANCELLED); /* it would be the second post on a */
    kit_end(k, p.young_on[1], DELIVERY_AGAIN);
    kit_expect(k, p.young_on[1], DELIVERY_AGAIN);
}

static void articles_that_one_source_tells_apart_are_two(void **state)
{
    struct kit *k = *state;
    struct stories p =
        two(k,
            (struct kit_article){.id = "1", .channels = "a"},
            (struct kit_article){.source = "cms", .channels = "a", .gate_until_ms = UNTIL});
    struct ledger_gate r = find_same(k, p.young, KIT_URL);
    struct kit_accept a;

    assert_int_equal(r.merged_count, 0);
    assert_int_equal(r.kept.v, p.young.v);
    assert_int_equal(r.job_count, 1);
    ledger_request_done(&r.req);
    /* unless it says itself that they are one */
    kit_fill(k, &a, &(struct kit_article){.id = "9", .guid = "1", .title = "B"});
    a.aliases[1].kind = "id";
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    assert_int_equal(a.a.merged_count, 1);
    assert_int_equal(a.a.article.v, p.old.v);
    kit_accept_done(&a);
}

static void two_names_of_one_article_merge_when_they_come(void **state)
{
    struct kit *k = *state;
    struct stories p =
        two(k, (struct kit_article){.channels = "a"}, (struct kit_article){.channels = "a b"});
    struct kit_accept a;
    json_t *shown;

    kit_accept(k,
               &a,
               (struct kit_article){.source = "feed",
                                    .guid = "g",
                                    .url = AGENCY,
                                    .url2 = KIT_URL,
                                    .title = "B",
                                    .channels = "a !b"});
    assert_int_equal(a.a.merged_count, 1);
    assert_int_equal(a.a.article.v, p.old.v);
    assert_int_equal(a.a.outcome, ACCEPT_REVISED);
    assert_int_equal(kit_count(k, DELIVERY_READY, "a"), 1);
    assert_int_equal(kit_count(k, DELIVERY_READY, "b"), 1);
    kit_accept_done(&a);
    shown = kit_show(k, "1");
    assert_int_equal(json_array_size(json_object_get(shown, "aliases")), 5);
    json_decref(shown);
}

static void three_merge_into_one_and_lead_to_it_directly(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct stories p =
        two(k, (struct kit_article){.channels = "a"}, (struct kit_article){.channels = "a"});
    struct article_id third = take(k,
                                   (struct kit_article){.source = "wire",
                                                        .id = "7",
                                                        .wanted_id = "7",
                                                        .url = CANONICAL,
                                                        .title = "C",
                                                        .channels = "a"},
                                   d);
    struct ledger_gate r = find_same(k, third, AGENCY); /* into the second … */
    json_t *shown;

    assert_int_equal(r.kept.v, p.young.v);
    ledger_request_done(&r.req);
    r = find_same(k, p.young, KIT_URL); /* … and that into the first */
    assert_int_equal(r.kept.v, p.old.v);
    ledger_request_done(&r.req);
    shown = kit_show(k, "7");
    assert_string_equal(json_path_str(shown, "merged_into"), "1");
    json_decref(shown);
    assert_int_equal(kit_count(k, DELIVERY_READY, "a"), 1);
}

static void back_under_another_name_is_back(void **state)
{
    struct kit *k = *state;
    struct delivery_id d[2];
    struct article_id old =
        take(k,
             (struct kit_article){
                 .id = "1", .wanted_id = "1", .url = KIT_URL, .title = "A", .channels = "a b"},
             d);
    struct article_id young;
    struct delivery_id e[2];
    struct kit_accept a;
    struct ledger_gate r;

    kit_deliver(k, d[0]);
    kit_accept(k, &a, (struct kit_article){.id = "1", .withdraw_at_ms = KIT_NOW + 120000});
    kit_accept_done(&a);
    k->now_ms += 5000;
    young = take(k,
                 (struct kit_article){.source = "agency",
                                      .id = "9",
                                      .url = AGENCY,
                                      .title = "B",
                                      .channels = "a b",
                                      .gate_until_ms = UNTIL},
                 e);
    r = find_same(k, young, KIT_URL);
    assert_int_equal(r.kept.v, old.v);
    assert_true(r.look_at_withdrawn);
    assert_int_equal(r.job_count, 1); /* b, which was called off */
    ledger_request_done(&r.req);
    kit_expect(k, d[1], DELIVERY_READY);
}

static void withdrawn_under_one_name_is_withdrawn(void **state)
{
    struct kit *k = *state;
    struct stories p = two(k,
                           (struct kit_article){.channels = "a", .gate_until_ms = UNTIL},
                           (struct kit_article){.channels = "a"});
    struct kit_accept a;
    struct ledger_gate r;
    json_t *shown;

    kit_deliver(k, p.young_on[0]);
    k->now_ms += 1000;
    kit_accept(k, &a, (struct kit_article){.id = "1", .withdraw_at_ms = KIT_NOW + 120000});
    kit_accept_done(&a);
    r = find_same(k, p.young, KIT_URL);
    assert_int_equal(r.kept.v, p.young.v);
    assert_true(r.look_at_withdrawn);
    ledger_request_done(&r.req);
    shown = kit_show(k, "9");
    assert_true(json_is_object(json_object_get(shown, "withdrawn")));
    json_decref(shown);
}

static void a_retracted_story_stays_away_under_another_name(void **state)
{
    struct kit *k = *state;
    struct stories p = two(k,
                           (struct kit_article){.channels = "a"},
                           (struct kit_article){.channels = "a b", .gate_until_ms = UNTIL});
    struct kit_accept a;
    struct ledger_gate r;

    kit_accept(k, &a, (struct kit_article){.id = "1", .reason = "killed"});
    kit_accept_done(&a);
    r = find_same(k, p.young, KIT_URL);
    assert_int_equal(r.kept.v, p.old.v);
    assert_int_equal(r.job_count, 0);
    ledger_request_done(&r.req);
    kit_expect(k, p.young_on[0], DELIVERY_CANCELLED);
}

static void the_keeper_is_pruned_after_what_was_merged_into_it(void **state)
{
    struct kit *k = *state;
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 1};
    struct stories p =
        two(k, (struct kit_article){.channels = "a"}, (struct kit_article){.channels = "a"});
    struct ledger_gate r;

    kit_deliver(k, p.old_on[0]);
    kit_begin(k, p.young_on[0]);
    r = find_same(k, p.young, KIT_URL);
    ledger_request_done(&r.req);
    prune.before_ms = KIT_NOW + 1;
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 0); /* one is in flight */
    kit_end(k, p.young_on[0], DELIVERY_DONE);
    kit_insist_clean(k->location);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    }
    assert_int_equal(prune.count, 2);
}

static void an_article_that_is_not_there_has_no_gate(void **state)
{
    struct kit *k = *state;
    struct ledger_gate r = gate_of(k, (struct article_id){77});

    assert_int_equal(kit_run(k, &r.req), ERR_NOT_FOUND);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_is_first_sent_waits_for_its_page),
        ON_DISK(a_revision_waits_with_it_and_no_longer),
        ON_DISK(what_would_be_worthless_by_then_does_not_wait),
        ON_DISK(what_was_recorded_and_what_comes_back_wait_as_well),
        ON_DISK(the_courier_gets_what_the_page_said),
        ON_DISK(the_older_keeps_and_one_post_goes_to_each_channel),
        ON_DISK(what_comes_for_its_names_reaches_the_keeper),
        cmocka_unit_test(the_one_that_is_public_keeps),
        ON_DISK(a_breaking_alert_is_not_lost),
        ON_DISK(the_loud_one_keeps),
        ON_DISK(a_dropped_story_is_not_sent_under_another_name),
        ON_DISK(posts_of_both_stay_and_no_third_comes),
        ON_DISK(what_was_in_flight_goes_on_where_the_keeper_is_not),
        ON_DISK(articles_that_one_source_tells_apart_are_two),
        ON_DISK(two_names_of_one_article_merge_when_they_come),
        ON_DISK(three_merge_into_one_and_lead_to_it_directly),
        ON_DISK(back_under_another_name_is_back),
        ON_DISK(withdrawn_under_one_name_is_withdrawn),
        ON_DISK(a_retracted_story_stays_away_under_another_name),
        ON_DISK(the_keeper_is_pruned_after_what_was_merged_into_it),
        ON_DISK(an_article_that_is_not_there_has_no_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
