/* What the newsroom's own feeds and sitemap show: which articles, in which order, and until when that
 * answer holds. */

#include "tests/support/queue_kit.h"

#include "base/clock.h"

#define HOUR MS_HOUR

/* Brings an article and forgets it; says its number. */
static struct article_id bring(struct kit *k, struct kit_article in)
{
    struct kit_accept a;
    struct article_id id;

    kit_accept(k, &a, in);
    id = a.a.article;
    kit_accept_done(&a);
    return id;
}

/* The same with a time of publication. */
static struct article_id
bring_published(struct kit *k, const char *id, const char *title, const char *published)
{
    struct kit_accept a;
    struct article_id article;
    struct kit_article in = {.id = id, .title = title};

    kit_fill(k, &a, &in);
    (void)snprintf(
        a.document,
        sizeof a.document,
        "{\"title\":\"%s\",\"url\":\"https://news.example/%s\",\"body\":\"<p>x</p>\","
        "\"published_at\":\"%s\"}",
        title,
        id,
        published);
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    article = a.a.article;
    kit_accept_done(&a);
    return article;
}

static void look(struct kit *k, struct ledger_outlet *out, bool breaking)
{
    *out = (struct ledger_outlet){
        .req = {.kind = LEDGER_OUTLET},
        .now_ms = k->now_ms,
        .fresh_since_ms = k->now_ms - 48 * HOUR,
        .fresh_limit = 10,
        .recent_limit = 3,
        .recent_breaking = breaking,
    };
    assert_int_equal(kit_run(k, &out->req), ERR_NONE);
}

/* "T!fr" and so on: the title, then what it is: fresh, recent, breaking; "-": gone. */
static void expect(struct kit *k, bool breaking, const char *want)
{
    struct ledger_outlet r;
    struct buf text;

    look(k, &r, breaking);
    buf_init(&text, 4096);
    for (size_t i = 0; i < r.count; i++) {
        const struct ledger_shown *s = &r.v[i];

        buf_addf(&text,
                 "%s%s%s%s%s%s",
                 i > 0 ? " " : "",
                 s->content != NULL ? s->content->title : "",
                 s->gone ? "-" : "",
                 s->breaking ? "!" : "",
                 s->fresh ? "f" : "",
                 s->recent ? "r" : "");
        assert_true((s->content == NULL) == s->gone);
        assert_true(s->content == NULL || s->content->body == NULL);
    }
    assert_string_equal(buf_str(&text), want);
    buf_done(&text);
    ledger_request_done(&r.req);
}

static void what_is_sent_is_shown_newest_first(void **state)
{
    struct kit *k = *state;

    expect(k, false, "");
    bring(k, (struct kit_article){.id = "1", .title = "A"});
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "2", .title = "B", .breaking = true});
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "3", .title = "C"});
    expect(k, false, "Cfr B!fr Afr");
    expect(k, true, "Cf B!fr Af");
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "4", .title = "D"});
    expect(k, false, "Dfr Cfr B!fr Af"); /* so many are recent */
    k->now_ms += 49 * HOUR;
    expect(k, false, "Dr Cr B!r");
}

static void what_is_not_public_is_not_shown(void **state)
{
    struct kit *k = *state;

    bring(k, (struct kit_article){.id = "1", .title = "quiet", .quiet = "first sight"});
    bring(k, (struct kit_article){.id = "2", .title = "held", .quiet = "many", .held = true});
    bring(k, (struct kit_article){.id = "3", .title = "test", .source = "test"});
    expect(k, false, "");
    /* A person sends one. */
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "1", .title = "loud", .by_hand = true});
    expect(k, false, "loudfr");
}

static void what_waits_at_the_gate_is_shown_when_it_is_through(void **state)
{
    struct kit *k = *state;
    struct ledger_outlet r;

    bring(k, (struct kit_article){.id = "1", .title = "A", .gate_until_ms = k->now_ms + 45000});
    look(k, &r, false);
    assert_int_equal(r.count, 0);
    assert_int_equal(r.changes_at_ms, k->now_ms + 45000);
    ledger_request_done(&r.req);
    k->now_ms += 45000;
    expect(k, false, "Afr");
}

static void what_is_taken_back_leaves_a_mark(void **state)
{
    struct kit *k = *state;

    bring(k, (struct kit_article){.id = "1", .title = "A", .breaking = true});
    bring(k, (struct kit_article){.id = "2", .title = "B"});
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "1"}); /* retracted */
    bring(k, (struct kit_article){.id = "2", .withdraw_at_ms = k->now_ms + 120000});
    expect(k, false, "- -!");
    expect(k, true, "-!"); /* only of what would be there */
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "2", .title = "B"}); /* it came back */
    expect(k, false, "Bfr -!");
}

static void what_was_breaking_once_stays(void **state)
{
    struct kit *k = *state;

    bring(k, (struct kit_article){.id = "1", .title = "A", .breaking = true});
    k->now_ms += 1000;
    bring(k, (struct kit_article){.id = "1", .title = "A, corrected"});
    expect(k, true, "A, corrected!fr");
}

static void a_publication_is_never_moved(void **state)
{
    struct kit *k = *state;
    struct ledger_outlet r;
    char at[TIME_TEXT_BYTES];
    int64_t first = k->now_ms - HOUR, accepted = k->now_ms;

    (void)bring_published(k, "1", "A", time_rfc3339(first, at));
    k->now_ms += 1000;
    (void)bring_published(k, "1", "A, corrected", time_rfc3339(k->now_ms, at));
    (void)bring_published(k, "2", "ahead", time_rfc3339(k->now_ms + HOUR, at));
    (void)bring_published(k, "3", "old", time_rfc3339(k->now_ms - 48 * HOUR - 1, at));
    (void)bring_published(k, "4", "edge", time_rfc3339(k->now_ms - 48 * HOUR, at));
    look(k, &r, false);
    assert_int_equal(r.count, 4);
    assert_string_equal(r.v[0].content->title, "ahead");
    assert_int_equal(r.v[0].published_at_ms, k->now_ms); /* not in the future */
    assert_string_equal(r.v[1].content->title, "A, corrected");
    assert_int_equal(r.v[1].published_at_ms, first);
    assert_int_equal(r.v[1].created_at_ms, accepted);
    assert_int_equal(r.v[1].updated_at_ms, k->now_ms);
    assert_string_equal(r.v[2].content->title, "edge");
    assert_true(r.v[2].fresh);
    assert_string_equal(r.v[3].content->title, "old");
    assert_false(r.v[3].fresh);
    assert_int_equal(r.changes_at_ms, k->now_ms + 1); /* then the edge is over */
    ledger_request_done(&r.req);
}

static void what_is_damaged_is_left_out(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct kit_article in = {.id = "1", .title = "A"};

    kit_fill(k, &a, &in);
    (void)snprintf(a.document, sizeof a.document, "{\"title\":");
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    kit_accept_done(&a);
    bring(k, (struct kit_article){.id = "2", .title = "B"});
    expect(k, false, "Bfr");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, kit_setup_memory, kit_teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_is_sent_is_shown_newest_first),
        CASE(what_is_not_public_is_not_shown),
        CASE(what_waits_at_the_gate_is_shown_when_it_is_through),
        CASE(what_is_taken_back_leaves_a_mark),
        CASE(what_was_breaking_once_stays),
        CASE(a_publication_is_never_moved),
        CASE(what_is_damaged_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
