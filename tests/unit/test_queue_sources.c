/* What the ledger keeps for those who read sources: the states of watchers, and the inbox of what is not complete
 * yet; also after a backup came back. */

#include "tests/support/queue_kit.h"

#define HELD_WHY "a backup came back: it may have been sent since"

/* ---- states ---- */

static void save(struct kit *k, const char *name, const char *state)
{
    struct ledger_source_save r = {
        .req = {.kind = LEDGER_SOURCE_SAVE}, .name = name, .state = state, .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
}

static void expect_sources(struct kit *k, const char *want)
{
    struct ledger_sources r = {.req = {.kind = LEDGER_SOURCES}};
    struct buf said;

    buf_init(&said, 4096);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    for (size_t i = 0; i < r.count; i++) {
        buf_addf(&said,
                 "%s%s=%s%s",
                 i ? " " : "",
                 r.v[i].name,
                 r.v[i].state,
                 r.v[i].restored ? "!" : "");
    }
    assert_string_equal(buf_str(&said), want);
    ledger_request_done(&r.req);
    buf_done(&said);
}

static void what_a_watcher_saved_is_there_after_a_restart(void **state)
{
    struct kit *k = *state;

    expect_sources(k, "");
    save(k, "feed", "{\"etag\":\"1\"}");
    save(k, "cms", "{}");
    save(k, "feed", "{\"etag\":\"2\"}");
    kit_reopen(k);
    expect_sources(k, "cms={} feed={\"etag\":\"2\"}");
    save(k, "feed", NULL);
    save(k, "never", NULL);
    expect_sources(k, "cms={}");
}

/* ---- inbox ---- */

static bool put(struct kit *k, uint64_t id, const char *key)
{
    struct ledger_inbox_put r = {.req = {.kind = LEDGER_INBOX_PUT},
                                 .id = id,
                                 .source = "cms",
                                 .body = "{\"kind\":\"published\"}",
                                 .replay_key = key,
                                 .due_at_ms = k->now_ms + 1000,
                                 .why = "its title is not known",
                                 .now_ms = k->now_ms};

    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    return !r.known;
}

/* As "id:tries" of each. */
static void expect_inbox(struct kit *k, const char *want)
{
    struct ledger_inbox_list r = {.req = {.kind = LEDGER_INBOX_LIST}, .limit = 2};
    struct buf said;

    buf_init(&said, 4096);
    do {
        assert_int_equal(kit_run(k, &r.req), ERR_NONE);
        for (size_t i = 0; i < r.count; i++) {
            assert_string_equal(r.v[i].source, "cms");
            assert_string_equal(r.v[i].body, "{\"kind\":\"published\"}");
            assert_string_equal(r.v[i].why, "its title is not known");
            buf_addf(&said, "%s%d:%d", said.len ? " " : "", (int)r.v[i].id, (int)r.v[i].tries);
        }
        r.after = r.count > 0 ? r.v[r.count - 1].id : 0;
        ledger_request_done(&r.req);
    } while (r.after > 0);
    assert_string_equal(buf_str(&said), want);
    buf_done(&said);
}

static void what_waits_is_there_until_it_is_accepted_or_given_up(void **state)
{
    struct kit *k = *state;
    struct ledger_inbox_end end = {.req = {.kind = LEDGER_INBOX_END},
                                   .id = 6,
                                   .why = "its page is gone",
                                   .now_ms = k->now_ms};
    struct ledger_events events = {.req = {.kind = LEDGER_EVENTS}, .limit = 10};
    struct kit_accept a;

    assert_true(put(k, 5, NULL));
    assert_true(put(k, 6, NULL));
    assert_true(put(k, 7, NULL));
    assert_true(put(k, 6, NULL)); /* waits on */
    kit_reopen(k);
    expect_inbox(k, "5:0 6:1 7:0");
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A", .inbox = 5});
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A", .inbox = 7});
    assert_int_equal(a.a.outcome, ACCEPT_UNCHANGED);
    kit_accept_done(&a);
    expect_inbox(k, "6:1");
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    assert_int_equal(kit_run(k, &end.req), ERR_NONE); /* it is gone, and not told twice */
    expect_inbox(k, "");
    assert_int_equal(kit_run(k, &events.req), ERR_NONE);
    assert_string_equal(events.v[events.count - 1].kind, "source.given_up");
    assert_string_equal(events.v[events.count - 1].data,
                        "{\"source\":\"cms\",\"why\":\"its page is gone\"}");
    assert_string_equal(events.v[events.count - 2].kind, "article.accepted");
    ledger_request_done(&events.req);
}

static void what_is_refused_stays_in_the_inbox(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    assert_true(put(k, 5, NULL));
    kit_fill(k, &a, &(struct kit_article){.id = "unknown", .inbox = 5});
    assert_int_equal(kit_run(k, &a.a.req), ERR_NOT_FOUND);
    expect_inbox(k, "5:0");
}

static void the_same_call_again_is_put_once(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    assert_true(put(k, 5, "hook 1"));
    assert_false(put(k, 6, "hook 1"));
    expect_inbox(k, "5:0");
    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .title = "A", .inbox = 5, .replay_key = "hook 1"});
    kit_accept_done(&a);
    assert_false(put(k, 7, "hook 1"));
    expect_inbox(k, "");
    /* and one that was put under another number all the same ends */
    assert_true(put(k, 8, NULL));
    kit_accept(
        k,
        &a,
        (struct kit_article){.id = "1", .title = "A", .inbox = 8, .replay_key = "hook 1"});
    assert_int_equal(a.a.outcome, ACCEPT_REPLAYED);
    kit_accept_done(&a);
    expect_inbox(k, "");
}

/* ---- a backup comes back ---- */

static void restore(struct kit *k)
{
    char *copy = mem_printf("%s/copy.db", k->dir), *mark = mem_printf("%s.mark", k->path);
    struct ledger_size size;
    struct err why = {.code = ERR_NONE};

    kit_close(k);
    if (ledger_backup(k->location, copy, kit_go_on, &size, &why)) {
        fail_msg("%s", why.text);
    }
    unlink(mark);
    kit_copy_file(copy, k->path);
    unlink(copy);
    kit_open(k);
    mem_free(mark);
    mem_free(copy);
}

static void what_stood_in_a_backup_may_have_been_sent_since(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    save(k, "feed", "{}");
    assert_true(put(k, 5, NULL));
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept_done(&a);
    restore(k);
    expect_sources(k, "feed={}!");
    save(k, "feed", "{}");
    expect_sources(k, "feed={}");
    expect_inbox(k, "5:0");
    assert_true(put(k, 6, NULL)); /* came after it: as any */
    kit_accept(k, &a, (struct kit_article){.id = "2", .title = "B", .inbox = 5});
    assert_int_equal(a.a.outcome, ACCEPT_RECORDED);
    assert_string_equal(a.a.quiet, HELD_WHY);
    assert_true(a.a.held);
    kit_accept_done(&a);
    kit_accept(k, &a, (struct kit_article){.id = "3", .title = "C", .inbox = 6});
    assert_int_equal(a.a.outcome, ACCEPT_NEW);
    kit_accept_done(&a);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown_clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_a_watcher_saved_is_there_after_a_restart),
        ON_DISK(what_waits_is_there_until_it_is_accepted_or_given_up),
        ON_DISK(what_is_refused_stays_in_the_inbox),
        ON_DISK(the_same_call_again_is_put_once),
        ON_DISK(what_stood_in_a_backup_may_have_been_sent_since),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
