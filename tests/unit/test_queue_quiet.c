/* Articles that are recorded and sent to nobody: what keeps them so, what sends them after all; corrections told
 * from updates; and why an article has the names it has. */

#include "tests/support/queue_kit.h"

#define FIRST "first sight of the feed"

/* A story told in accepts; each row says what must come of it. */
struct row {
    struct kit_article in;
    enum accept_outcome outcome;
    int64_t revision;
    size_t deliveries, jobs;
};

static void play(struct kit *k, const struct row *rows, size_t count)
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

/* ---- quiet ---- */

static void the_source_that_recorded_it_keeps_it_quiet(void **state)
{
    static const struct row rows[] = {
        {{.source = "feed", .guid = "1", .url = KIT_URL, .title = "A", .quiet = FIRST},
         ACCEPT_RECORDED,
         1,
         0,
         0},
        {{.source = "feed", .guid = "1", .title = "A"}, ACCEPT_UNCHANGED, 1, 0, 0},
        {{.source = "feed", .guid = "1", .title = "B"}, ACCEPT_RECORDED, 2, 0, 0},
        {{.source = "feed", .guid = "1", .title = "C", .quiet = FIRST},
         ACCEPT_RECORDED,
         3,
         0,
         0},
        /* another source that would only record it, too */
        {{.source = "old", .url = KIT_URL, .title = "D", .quiet = "published 3d ago"},
         ACCEPT_RECORDED,
         4,
         0,
         0},
        {{.source = "feed", .guid = "1", .title = "B", .updated_at_ms = 5},
         ACCEPT_RECORDED,
         5,
         0,
         0},
        {{.source = "feed", .guid = "1", .title = "A", .updated_at_ms = 4},
         ACCEPT_STALE,
         5,
         0,
         0},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

static void another_source_or_breaking_or_a_person_sends_it(void **state)
{
    static const struct {
        struct kit_article in;
        int64_t revision;
    } ways[] = {
        {{.source = "cms", .id = "7", .url = KIT_URL, .title = "A", .channels = "a b"}, 1},
        {{.source = "cms", .id = "7", .url = KIT_URL, .title = "B", .channels = "a b"}, 2},
        /* older than what was recorded: that goes out */
        {{.source = "cms", .url = KIT_URL, .title = "B", .channels = "a b", .updated_at_ms = 1},
         1},
        {{.source = "feed", .guid = "1", .title = "B", .channels = "a b", .breaking = true}, 2},
        {{.source = "feed", .guid = "1", .title = "A", .channels = "a b", .breaking = true}, 1},
        {{.source = "feed", .guid = "1", .title = "A", .channels = "a b", .by_hand = true}, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct kit_accept a;
        void *own = NULL;

        (void)state;
        assert_int_equal(kit_setup_memory(&own), 0);
        kit_accept(own,
                   &a,
                   (struct kit_article){.source = "feed",
                                        .guid = "1",
                                        .url = KIT_URL,
                                        .title = "A",
                                        .quiet = FIRST,
                                        .updated_at_ms = 2});
        kit_accept_done(&a);
        kit_accept(own, &a, ways[i].in);
        if (a.a.outcome != ACCEPT_NEW || a.a.revision != ways[i].revision ||
            a.a.job_count != 2 || a.a.deliveries[0].state != DELIVERY_READY ||
            a.a.out_breaking != ways[i].in.breaking) {
            fail_msg("way %zu: %s revision %d, %zu jobs",
                     i,
                     accept_outcome_name(a.a.outcome),
                     (int)a.a.revision,
                     a.a.job_count);
        }
        kit_deliver(own, a.a.deliveries[0].id);
        kit_accept_done(&a);
        /* and from then on it is an article as any, whatever its first source thinks */
        kit_accept(own,
                   &a,
                   (struct kit_article){.source = "feed",
                                        .guid = "1",
                                        .title = "Z",
                                        .channels = "a b",
                                        .quiet = FIRST});
        assert_int_equal(a.a.outcome, ACCEPT_REVISED);
        assert_int_equal(a.a.job_count, 2);
        kit_accept_done(&a);
        assert_int_equal(kit_teardown(&own), 0);
    }
}

static enum err_code
send(struct kit *k, struct kit_accept *a, struct article_id id, int64_t revision)
{
    kit_fill(k, a, &(struct kit_article){.source = "api", .channels = "a b"});
    a->a.kind = ACCEPT_SEND;
    a->a.known = id;
    a->a.only_revision = revision;
    return kit_run(k, &a->a.req);
}

static void a_person_sends_what_was_held_once(void **state)
{
    struct kit *k = *state;
    struct article_id id;
    struct kit_accept a;
    json_t *shown;

    kit_accept(
        k,
        &a,
        (struct kit_article){
            .source = "feed", .guid = "1", .title = "A", .quiet = "40 at once", .held = true});
    id = a.a.article;
    shown = kit_show(k, a.a.public_id);
    assert_true(json_is_true(json_object_get(json_object_get(shown, "quiet"), "held")));
    json_decref(shown);
    kit_accept_done(&a);
    assert_int_equal(send(k, &a, id, 2),
                     ERR_CONFLICT); /* it was another revision that was looked at */
    assert_int_equal(send(k, &a, id, 1), ERR_NONE);
    assert_int_equal(a.a.outcome, ACCEPT_NEW);
    assert_int_equal(a.a.revision, 1);
    assert_int_equal(a.a.job_count, 2);
    shown = kit_show(k, a.a.public_id);
    assert_true(json_is_null(json_object_get(shown, "quiet")));
    json_decref(shown);
    kit_accept_done(&a);
    assert_int_equal(send(k, &a, id, 1), ERR_CONFLICT);
    assert_int_equal(send(k, &a, (struct article_id){77}, 1), ERR_NOT_FOUND);
}

static void what_a_person_has_dropped_only_a_person_sends(void **state)
{
    static const struct row rows[] = {
        {{.source = "cms", .url = KIT_URL, .title = "A"}, ACCEPT_UNCHANGED, 1, 0, 0},
        {{.source = "cms", .url = KIT_URL, .title = "B", .breaking = true},
         ACCEPT_RECORDED,
         2,
         0,
         0},
        {{.source = "api", .url = KIT_URL, .title = "B", .by_hand = true}, ACCEPT_NEW, 2, 1, 1},
    };
    struct kit *k = *state;
    struct ledger_drop drop = {.req = {.kind = LEDGER_DROP}, .by = "api", .now_ms = k->now_ms};
    struct kit_accept a;

    kit_accept(k,
               &a,
               (struct kit_article){.source = "feed",
                                    .url = KIT_URL,
                                    .title = "A",
                                    .quiet = "40 at once",
                                    .held = true});
    drop.article = a.a.article;
    kit_accept_done(&a);
    assert_int_equal(kit_run(k, &drop.req), ERR_NONE);
    play(k, rows, ARRAY_LEN(rows));
    assert_int_equal(kit_run(k, &drop.req), ERR_CONFLICT);
    drop.article.v = 77;
    assert_int_equal(kit_run(k, &drop.req), ERR_NOT_FOUND);
}

static void the_list_of_what_is_held(void **state)
{
    struct kit *k = *state;
    struct ledger_list r = {
        .req = {.kind = LEDGER_ARTICLES}, .limit = 2, .state = -1, .held = true};
    struct kit_accept a;

    for (int i = 0; i < 6; i++) {
        char id[8];

        (void)snprintf(id, sizeof id, "%d", i);
        kit_accept(k,
                   &a,
                   (struct kit_article){.id = id,
                                        .wanted_id = id,
                                        .title = "A",
                                        .quiet = i % 2 ? FIRST : NULL,
                                        .held = i > 2});
        kit_accept_done(&a);
    }
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(json_array_size(json_object_get(r.out, "items")), 2); /* 3 and 5 */
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(r.out, "items"), 0), "id")),
                        "5");
    assert_true(json_is_null(json_object_get(r.out, "next")));
    ledger_request_done(&r.req);
}

static void a_quiet_article_is_retracted_and_stays_away(void **state)
{
    static const struct row rows[] = {
        {{.source = "feed", .url = KIT_URL, .title = "A", .quiet = FIRST},
         ACCEPT_RECORDED,
         1,
         0,
         0},
        {{.source = "cms", .url = KIT_URL}, ACCEPT_RETRACTED, 2, 0, 0},
        {{.source = "cms", .url = KIT_URL, .title = "A"}, ACCEPT_RETRACTED, 2, 0, 0},
        {{.source = "feed", .url = KIT_URL, .title = "A", .republish = true},
         ACCEPT_RECORDED,
         3,
         0,
         0},
        {{.source = "cms", .url = KIT_URL, .title = "B"}, ACCEPT_NEW, 4, 1, 1},
    };

    play(*state, rows, ARRAY_LEN(rows));
}

/* ---- corrections, names ---- */

static void a_correction_is_told_from_an_update(void **state)
{
    static const char *const kinds[] = {"published", "updated", "corrected", "retracted"};
    struct kit *k = *state;
    struct kit_accept a;
    json_t *shown;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        static const char *const titles[] = {"A", "B", "C", NULL};

        kit_accept(k,
                   &a,
                   (struct kit_article){
                       .id = "1", .wanted_id = "1", .title = titles[i], .correction = i == 2});
        kit_accept_done(&a);
    }
    shown = kit_show(k, "1");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_string_equal(
            json_string_value(json_object_get(
                json_array_get(json_object_get(shown, "revisions"), i), "kind")),
            kinds[i]);
    }
    json_decref(shown);
}

static const char *said(json_t *shown, const char *value, const char *member)
{
    json_t *list = json_object_get(shown, "aliases"), *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "value")), value) == 0) {
            return json_string_value(json_object_get(one, member));
        }
    }
    fail_msg("no name %s", value);
    return NULL;
}

static void each_name_says_who_brought_it_when_and_why(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    json_t *shown;

    kit_accept(
        k, &a, (struct kit_article){.id = "1", .wanted_id = "1", .url = KIT_URL, .title = "A"});
    kit_accept_done(&a);
    k->now_ms += 60000;
    kit_fill(k,
             &a,
             &(struct kit_article){.source = "feed",
                                   .guid = "g",
                                   .url = KIT_URL,
                                   .url2 = "https://news.example/amp",
                                   .title = "A"});
    a.aliases[2].why = "address of its feed item";
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    assert_int_equal(a.a.outcome, ACCEPT_UNCHANGED);
    kit_accept_done(&a);
    shown = kit_show(k, "1");
    assert_string_equal(said(shown, KIT_URL, "why"), "url named by source cms");
    assert_string_equal(said(shown, "g", "why"), "guid named by source feed");
    assert_string_equal(said(shown, "https://news.example/amp", "why"),
                        "address of its feed item");
    assert_string_equal(said(shown, "https://news.example/amp", "by"), "feed");
    assert_string_not_equal(said(shown, "g", "at"), said(shown, KIT_URL, "at"));
    json_decref(shown);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(the_source_that_recorded_it_keeps_it_quiet),
        cmocka_unit_test(another_source_or_breaking_or_a_person_sends_it),
        ON_DISK(a_person_sends_what_was_held_once),
        ON_DISK(what_a_person_has_dropped_only_a_person_sends),
        ON_DISK(the_list_of_what_is_held),
        ON_DISK(a_quiet_article_is_retracted_and_stays_away),
        ON_DISK(a_correction_is_told_from_an_update),
        ON_DISK(each_name_says_who_brought_it_when_and_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
