/* What is accepted: which article a request names, whether it says anything new, where it goes,
 * and what happens when revisions meet on a channel. */

#include "tests/support/queue_kit.h"

/* ---- accept ---- */

/* A story told in accepts; each row says what must come of it. */
struct accept_row {
    struct kit_article in;
    enum accept_outcome outcome;
    int64_t revision;
    size_t deliveries, jobs;
};

static void play(struct kit *k, const struct accept_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct kit_accept a;

        kit_accept(k, &a, rows[i].in);
        if (a.a.outcome != rows[i].outcome || a.a.revision != rows[i].revision ||
            a.a.delivery_count != rows[i].deliveries || a.a.job_count != rows[i].jobs) {
            fail_msg("row %zu: %s revision %d, %zu deliveries, %zu jobs",
                     i,
                     accept_outcome_name(a.a.outcome),
                     (int)a.a.revision,
                     a.a.delivery_count,
                     a.a.job_count);
        }
        kit_accept_done(&a);
    }
}

static void the_first_sight_is_new_the_same_again_unchanged_a_change_a_revision(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .url = KIT_URL, .title = "A", .channels = "a b"}, ACCEPT_NEW, 1, 2, 2},
        {{.id = "1", .url = KIT_URL, .title = "A", .channels = "a b"},
         ACCEPT_UNCHANGED,
         1,
         2,
         0},
        {{.id = "1", .url = KIT_URL, .title = "B", .channels = "a b"}, ACCEPT_REVISED, 2, 2, 2},
        {{.id = "1", .title = "B", .channels = "a b"}, ACCEPT_UNCHANGED, 2, 2, 0},
        {{.id = "2", .url = "https://news.example/2", .title = "B"}, ACCEPT_NEW, 1, 1, 1},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void one_article_is_known_under_all_its_names(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .url = KIT_URL, .title = "A"}, ACCEPT_NEW, 1, 1, 1},
        /* another source knows the URL only, and gives its own id to it */
        {{.source = "feed", .id = "g9", .url = KIT_URL, .title = "A"},
         ACCEPT_UNCHANGED,
         1,
         1,
         0},
        {{.source = "feed", .id = "g9", .title = "B"}, ACCEPT_REVISED, 2, 1, 1},
        /* the slug changes, the id stays */
        {{.id = "1", .url = "https://news.example/new-slug", .title = "B"},
         ACCEPT_UNCHANGED,
         2,
         1,
         0},
        {{.source = "other", .url = "https://news.example/new-slug", .title = "C"},
         ACCEPT_REVISED,
         3,
         1,
         1},
        /* an id means nothing in another source */
        {{.source = "other", .id = "1", .title = "C"}, ACCEPT_NEW, 1, 1, 1},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void older_than_what_is_stored_is_ignored(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .title = "A", .updated_at_ms = 100}, ACCEPT_NEW, 1, 1, 1},
        {{.id = "1", .title = "B", .updated_at_ms = 99}, ACCEPT_STALE, 1, 1, 0},
        {{.id = "1", .title = "A", .updated_at_ms = 300}, ACCEPT_UNCHANGED, 1, 1, 0},
        {{.id = "1", .title = "B", .updated_at_ms = 200}, ACCEPT_STALE, 1, 1, 0},
        {{.id = "1", .title = "B"}, ACCEPT_REVISED, 2, 1, 1},
        {{.id = "1", .updated_at_ms = 200}, ACCEPT_STALE, 2, 1, 0}, /* an old retraction */
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void a_retracted_article_stays_away_until_it_is_published_again(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .title = "A"}, ACCEPT_NEW, 1, 1, 1},
        {{.id = "1"}, ACCEPT_RETRACTED, 2, 0, 0}, /* nothing was public: nothing to take back */
        {{.id = "1"}, ACCEPT_UNCHANGED, 2, 1, 0},
        {{.id = "1", .title = "A"}, ACCEPT_RETRACTED, 2, 1, 0}, /* the same: not recorded */
        {{.id = "1", .title = "B"}, ACCEPT_RETRACTED, 3, 0, 0}, /* recorded, not sent */
        {{.id = "1", .title = "B"}, ACCEPT_RETRACTED, 3, 1, 0},
        {{.id = "1", .title = "B", .republish = true}, ACCEPT_REVISED, 4, 1, 1},
        {{.id = "1", .title = "B"}, ACCEPT_UNCHANGED, 4, 1, 0},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void a_replayed_request_is_answered_as_before(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .title = "A", .replay_key = "sig1"}, ACCEPT_NEW, 1, 1, 1},
        {{.id = "1", .title = "B", .replay_key = "sig2"}, ACCEPT_REVISED, 2, 1, 1},
        /* somebody repeats the first, signed, request: it must not bring A back */
        {{.id = "1", .title = "A", .replay_key = "sig1"}, ACCEPT_REPLAYED, 2, 1, 0},
        {{.id = "77", .title = "X", .replay_key = "sig2"}, ACCEPT_REPLAYED, 2, 1, 0},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void a_revision_goes_where_it_matches_and_where_the_article_already_is(void **state)
{
    static const struct accept_row rows[] = {
        {{.id = "1", .title = "A", .channels = "a !b !c"}, ACCEPT_NEW, 1, 1, 1},
        {{.id = "1", .title = "B", .channels = "!a !b c"}, ACCEPT_REVISED, 2, 2, 2},
        {{.id = "1", .title = "C", .channels = "!b"}, ACCEPT_REVISED, 3, 2, 2},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void a_retraction_of_what_is_unknown_is_not_found(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_fill(k, &a, &(struct kit_article){.id = "nope"});
    assert_int_equal(kit_run(k, &a.a.req), ERR_NOT_FOUND);
    assert_null(a.a.public_id);
}

static void the_wanted_id_is_given_once_and_never_looks_like_ours(void **state)
{
    static const struct {
        const char *source, *id, *wanted;
        bool granted;
    } rows[] = {
        {"cms", "story-1", "story-1", true},
        {"wire", "story-1", "story-1", false},
        {"cms", "art_0000000000001", "art_0000000000001", false},
        {"cms", "4", "", false},
        {"cms", "5", NULL, false},
        {"wire", "story-6", "story-6", true},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept a;
        struct article_id id;

        kit_accept(k,
                   &a,
                   (struct kit_article){.source = rows[i].source,
                                        .id = rows[i].id,
                                        .title = "A",
                                        .wanted_id = rows[i].wanted});
        assert_int_equal(id_parse_article(a.a.public_id, &id), !rows[i].granted);
        if (rows[i].granted) {
            struct ledger_article show = {.req = {.kind = LEDGER_ARTICLE},
                                          .id = rows[i].wanted};

            assert_string_equal(a.a.public_id, rows[i].wanted);
            assert_int_equal(kit_run(k, &show.req), ERR_NONE);
            assert_int_equal(show.article.v, a.a.article.v);
            ledger_request_done(&show.req);
        }
        kit_accept_done(&a);
    }
}

static void when_names_lead_to_two_articles_the_id_wins_and_the_url_stays(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, two, both;
    struct ledger_article by_url = {.req = {.kind = LEDGER_ARTICLE},
                                    .url = "https://n.example/2"};

    kit_accept(
        k, &one, (struct kit_article){.id = "1", .url = "https://n.example/1", .title = "A"});
    kit_accept(
        k, &two, (struct kit_article){.id = "2", .url = "https://n.example/2", .title = "B"});
    kit_accept(
        k, &both, (struct kit_article){.id = "1", .url = "https://n.example/2", .title = "C"});
    assert_int_equal(both.a.article.v, one.a.article.v);
    assert_int_equal(both.a.outcome, ACCEPT_REVISED);
    assert_int_equal(kit_run(k, &by_url.req), ERR_NONE);
    assert_int_equal(by_url.article.v, two.a.article.v);
    ledger_request_done(&by_url.req);
    kit_accept_done(&one);
    kit_accept_done(&two);
    kit_accept_done(&both);
}

/* ---- revisions that meet ---- */

static void what_cannot_be_public_gives_way_what_may_be_goes_on_to_its_end(void **state)
{
    static const struct kit_meet rows[] = {
        {DELIVERY_READY, false, DELIVERY_CANCELLED, DELIVERY_READY},
        {DELIVERY_AGAIN, false, DELIVERY_CANCELLED, DELIVERY_READY},
        {DELIVERY_AGAIN, true, DELIVERY_AGAIN, DELIVERY_HELD},
        {DELIVERY_BLOCKED, false, DELIVERY_CANCELLED, DELIVERY_READY},
        {DELIVERY_BLOCKED, true, DELIVERY_BLOCKED, DELIVERY_HELD},
        {DELIVERY_IN_FLIGHT, false, DELIVERY_IN_FLIGHT, DELIVERY_HELD},
        {DELIVERY_UNKNOWN, true, DELIVERY_UNKNOWN, DELIVERY_HELD},
        {DELIVERY_DONE, true, DELIVERY_DONE, DELIVERY_READY},
        {DELIVERY_REJECTED, false, DELIVERY_REJECTED, DELIVERY_READY},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept one, two;
        struct delivery_id first;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A"});
        first = kit_bring_to(k, &one, &rows[i]);
        kit_accept(k, &two, (struct kit_article){.id = name, .title = "B"});
        kit_expect(k, first, rows[i].first_then);
        kit_expect(k, two.a.deliveries[0].id, rows[i].second);
        assert_int_equal(two.a.superseded_count, rows[i].first_then == DELIVERY_CANCELLED);
        assert_int_equal(two.a.job_count, rows[i].second == DELIVERY_READY);
        kit_accept_done(&one);
        kit_accept_done(&two);
    }
}

/* Revision 1 is in flight, revision 2 waits behind it: how revision 1 ends decides. */
static void the_one_behind_is_released_when_the_first_has_ended(void **state)
{
    static const struct {
        enum delivery_state to;
        bool exposed;
        enum delivery_state first_then, second;
    } rows[] = {
        {DELIVERY_DONE, true, DELIVERY_DONE, DELIVERY_READY},
        {DELIVERY_REJECTED, false, DELIVERY_REJECTED, DELIVERY_READY},
        {DELIVERY_EXPIRED, false, DELIVERY_EXPIRED, DELIVERY_READY},
        {DELIVERY_AGAIN, true, DELIVERY_AGAIN, DELIVERY_HELD},
        {DELIVERY_UNKNOWN, true, DELIVERY_UNKNOWN, DELIVERY_HELD},
        /* it failed and nothing of it is public: the newer one goes instead */
        {DELIVERY_AGAIN, false, DELIVERY_CANCELLED, DELIVERY_READY},
        {DELIVERY_READY, false, DELIVERY_CANCELLED, DELIVERY_READY},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept one, two;
        struct ledger_end end;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A"});
        kit_begin(k, one.a.deliveries[0].id);
        kit_accept(k, &two, (struct kit_article){.id = name, .title = "B"});
        end = kit_end_request(k, one.a.deliveries[0].id, rows[i].to);
        end.exposed = rows[i].exposed;
        end.attempt_id = 0;
        assert_int_equal(kit_run(k, &end.req), ERR_NONE);
        assert_int_equal(end.state, rows[i].first_then);
        kit_expect(k, one.a.deliveries[0].id, rows[i].first_then);
        kit_expect(k, two.a.deliveries[0].id, rows[i].second);
        assert_int_equal(end.has_released, rows[i].second == DELIVERY_READY);
        if (end.has_released) {
            assert_int_equal(end.released.id.v, two.a.deliveries[0].id.v);
            assert_string_equal(end.released.channel, "a");
        }
        kit_accept_done(&one);
        kit_accept_done(&two);
    }
}

static void a_retraction_goes_only_where_something_stands_or_may_come(void **state)
{
    static const struct kit_meet rows[] = {
        /* second: of the retraction; HELD, READY or none */
        {DELIVERY_READY, false, DELIVERY_CANCELLED, DELIVERY_STATE_COUNT},
        {DELIVERY_AGAIN, false, DELIVERY_CANCELLED, DELIVERY_STATE_COUNT},
        {DELIVERY_AGAIN, true, DELIVERY_AGAIN, DELIVERY_HELD},
        {DELIVERY_IN_FLIGHT, false, DELIVERY_IN_FLIGHT, DELIVERY_HELD},
        {DELIVERY_UNKNOWN, true, DELIVERY_UNKNOWN, DELIVERY_HELD},
        {DELIVERY_DONE, true, DELIVERY_DONE, DELIVERY_READY},
        {DELIVERY_REJECTED, false, DELIVERY_REJECTED, DELIVERY_STATE_COUNT},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept one, gone;
        struct delivery_id first;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &one, (struct kit_article){.id = name, .title = "A"});
        first = kit_bring_to(k, &one, &rows[i]);
        kit_accept(k, &gone, (struct kit_article){.id = name, .reason = "error"});
        kit_expect(k, first, rows[i].first_then);
        assert_int_equal(gone.a.delivery_count, rows[i].second != DELIVERY_STATE_COUNT);
        if (gone.a.delivery_count > 0) {
            kit_expect(k, gone.a.deliveries[0].id, rows[i].second);
        }
        kit_accept_done(&one);
        kit_accept_done(&gone);
    }
}

static void a_retraction_stops_what_waits_for_a_channel_no_longer_configured(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, gone;

    kit_accept(k, &one, (struct kit_article){.id = "1", .title = "A", .channels = "a b"});
    kit_accept(k, &gone, (struct kit_article){.id = "1", .channels = "a"});
    assert_int_equal(gone.a.superseded_count, 2);
    assert_int_equal(kit_count(k, DELIVERY_CANCELLED, "b"), 1);
    kit_accept_done(&one);
    kit_accept_done(&gone);
}

static void a_retraction_carries_the_last_content_and_takes_the_post_away(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, gone;
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
    struct ledger_end end;

    kit_accept(k,
               &one,
               (struct kit_article){.id = "1", .title = "A", .breaking = true, .reason = "b"});
    kit_deliver(k, one.a.deliveries[0].id);
    kit_accept(k, &gone, (struct kit_article){.id = "1", .reason = "wrong"});
    assert_true(gone.a.out_breaking);
    load.id = gone.a.deliveries[0].id;
    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_true(load.retract);
    assert_true(load.has_post);
    assert_true(load.breaking);
    assert_string_equal(load.reason, "wrong");
    assert_string_equal(load.article_content->title, "A");
    ledger_request_done(&load.req);
    kit_begin(k, load.id);
    end = kit_end_request(k, load.id, DELIVERY_DONE);
    end.post_stands = false;
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_false(load.has_post);
    ledger_request_done(&load.req);
    kit_accept_done(&one);
    kit_accept_done(&gone);
}

#define IN_MEMORY(f) cmocka_unit_test_setup_teardown(f, kit_setup_memory, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(the_first_sight_is_new_the_same_again_unchanged_a_change_a_revision),
        IN_MEMORY(one_article_is_known_under_all_its_names),
        IN_MEMORY(older_than_what_is_stored_is_ignored),
        IN_MEMORY(a_retracted_article_stays_away_until_it_is_published_again),
        IN_MEMORY(a_replayed_request_is_answered_as_before),
        IN_MEMORY(a_revision_goes_where_it_matches_and_where_the_article_already_is),
        IN_MEMORY(a_retraction_of_what_is_unknown_is_not_found),
        IN_MEMORY(the_wanted_id_is_given_once_and_never_looks_like_ours),
        IN_MEMORY(when_names_lead_to_two_articles_the_id_wins_and_the_url_stays),
        IN_MEMORY(what_cannot_be_public_gives_way_what_may_be_goes_on_to_its_end),
        IN_MEMORY(the_one_behind_is_released_when_the_first_has_ended),
        IN_MEMORY(a_retraction_goes_only_where_something_stands_or_may_come),
        IN_MEMORY(a_retraction_stops_what_waits_for_a_channel_no_longer_configured),
        IN_MEMORY(a_retraction_carries_the_last_content_and_takes_the_post_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
