/* Deliveries moved by a person, a rule or time: replay, cancel, resolve, release, expire,
 * prune. */

#include "tests/support/queue_kit.h"

#include <sqlite3.h>

/* ---- moves ---- */

static enum err_code
do_move(struct kit *k, struct ledger_move *r, enum ledger_move_kind kind, struct delivery_id id)
{
    *r = (struct ledger_move){
        .req = {.kind = LEDGER_MOVE}, .move = kind, .id = id, .by = "api", .now_ms = k->now_ms};
    return kit_run(k, &r->req);
}

static void a_person_moves_what_may_be_moved(void **state)
{
    static const struct {
        enum delivery_state from;
        enum ledger_move_kind move;
        enum err_code rc;
        enum delivery_state then;
    } rows[] = {
        {DELIVERY_REJECTED, MOVE_REPLAY, ERR_NONE, DELIVERY_READY},
        {DELIVERY_EXPIRED, MOVE_REPLAY, ERR_NONE, DELIVERY_READY},
        {DELIVERY_BLOCKED, MOVE_REPLAY, ERR_NONE, DELIVERY_READY},
        {DELIVERY_AGAIN, MOVE_REPLAY, ERR_NONE, DELIVERY_READY},
        {DELIVERY_UNKNOWN, MOVE_REPLAY, ERR_NONE, DELIVERY_READY},
        {DELIVERY_READY, MOVE_REPLAY, ERR_CONFLICT, DELIVERY_READY},
        {DELIVERY_IN_FLIGHT, MOVE_REPLAY, ERR_CONFLICT, DELIVERY_IN_FLIGHT},
        {DELIVERY_DONE, MOVE_REPLAY, ERR_CONFLICT, DELIVERY_DONE},
        {DELIVERY_READY, MOVE_CANCEL, ERR_NONE, DELIVERY_CANCELLED},
        {DELIVERY_AGAIN, MOVE_CANCEL, ERR_NONE, DELIVERY_CANCELLED},
        {DELIVERY_BLOCKED, MOVE_CANCEL, ERR_NONE, DELIVERY_CANCELLED},
        {DELIVERY_UNKNOWN, MOVE_CANCEL, ERR_NONE, DELIVERY_CANCELLED},
        {DELIVERY_IN_FLIGHT, MOVE_CANCEL, ERR_CONFLICT, DELIVERY_IN_FLIGHT},
        {DELIVERY_DONE, MOVE_CANCEL, ERR_CONFLICT, DELIVERY_DONE},
        {DELIVERY_UNKNOWN, MOVE_POSTED, ERR_NONE, DELIVERY_DONE},
        {DELIVERY_UNKNOWN, MOVE_ABSENT, ERR_NONE, DELIVERY_READY},
        {DELIVERY_AGAIN, MOVE_POSTED, ERR_CONFLICT, DELIVERY_AGAIN},
        {DELIVERY_READY, MOVE_ABSENT, ERR_CONFLICT, DELIVERY_READY},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_meet at = {.first_at = rows[i].from,
                              .exposed = rows[i].from == DELIVERY_DONE};
        struct kit_accept a;
        struct ledger_move move;
        struct delivery_id id;
        char name[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &a, (struct kit_article){.id = name, .title = "A"});
        id = kit_bring_to(k, &a, &at);
        if (do_move(k, &move, rows[i].move, id) != rows[i].rc) {
            fail_msg("row %zu: %s", i, move.req.why.text);
        }
        kit_expect(k, id, rows[i].then);
        assert_int_equal(move.has_job,
                         rows[i].rc == ERR_NONE && rows[i].then == DELIVERY_READY);
        kit_accept_done(&a);
    }
}

static void what_a_person_cancelled_stays_away_later_too(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b;
    struct ledger_move move;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A", .channels = "a b"});
    assert_int_equal(do_move(k, &move, MOVE_CANCEL, a.a.deliveries[0].id), ERR_NONE);
    kit_accept(k, &b, (struct kit_article){.id = "1", .title = "B", .channels = "a b"});
    assert_int_equal(b.a.delivery_count, 1);
    assert_string_equal(b.a.deliveries[0].channel, "b");
    kit_accept_done(&a);
    kit_accept_done(&b);
}

static void what_was_found_there_is_known_by_its_ids(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
    struct ledger_move move = {.req = {.kind = LEDGER_MOVE},
                               .move = MOVE_POSTED,
                               .by = "cli",
                               .remote_id = "42",
                               .remote_url = "https://there.example/42"};
    json_t *post;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    move.id = load.id = a.a.deliveries[0].id;
    kit_begin(k, move.id);
    kit_end(k, move.id, DELIVERY_UNKNOWN);
    assert_int_equal(kit_run(k, &move.req), ERR_NONE);
    assert_int_equal(kit_run(k, &load.req), ERR_NONE);
    assert_true(load.has_post);
    post = json_loads(load.post, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(post, "remote_id")), "42");
    json_decref(post);
    ledger_request_done(&load.req);
    kit_accept_done(&a);
}

static void an_overtaken_delivery_is_not_replayed(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b;
    struct ledger_move move;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_begin(k, a.a.deliveries[0].id);
    kit_end(k, a.a.deliveries[0].id, DELIVERY_REJECTED);
    kit_accept(k, &b, (struct kit_article){.id = "1", .title = "B"});
    assert_int_equal(do_move(k, &move, MOVE_REPLAY, a.a.deliveries[0].id), ERR_CONFLICT);
    kit_accept_done(&b);
    kit_accept(k, &b, (struct kit_article){.id = "1"});
    assert_int_equal(do_move(k, &move, MOVE_REPLAY, a.a.deliveries[0].id), ERR_CONFLICT);
    kit_accept_done(&a);
    kit_accept_done(&b);
}

static void a_mended_channel_lets_go_what_it_had_blocked(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b;
    struct ledger_release_channel r = {
        .req = {.kind = LEDGER_RELEASE_CHANNEL}, .channel = "a", .now_ms = k->now_ms};

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept(k, &b, (struct kit_article){.id = "2", .title = "B", .channels = "b"});
    kit_begin(k, a.a.deliveries[0].id);
    kit_end(k, a.a.deliveries[0].id, DELIVERY_BLOCKED);
    kit_begin(k, b.a.deliveries[0].id);
    kit_end(k, b.a.deliveries[0].id, DELIVERY_BLOCKED);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 1);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_READY);
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_BLOCKED);
    kit_accept_done(&a);
    kit_accept_done(&b);
}

static void what_waits_too_long_expires_and_lets_go_what_it_held(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b, c;
    struct ledger_expire r = {.req = {.kind = LEDGER_EXPIRE}, .now_ms = KIT_NOW + 5000};

    kit_accept(
        k, &a, (struct kit_article){.id = "1", .title = "A", .not_after_ms = KIT_NOW + 5000});
    kit_begin(k, a.a.deliveries[0].id);
    kit_accept(
        k, &b, (struct kit_article){.id = "1", .title = "B", .not_after_ms = KIT_NOW + 9000});
    kit_end(k, a.a.deliveries[0].id, DELIVERY_BLOCKED);
    kit_accept(
        k, &c, (struct kit_article){.id = "2", .title = "C", .not_after_ms = KIT_NOW + 5001});
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_HELD);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.ids[0].v, a.a.deliveries[0].id.v);
    assert_string_equal(r.channels[0], "a");
    assert_int_equal(r.released_count, 1);
    assert_int_equal(r.released[0].id.v, b.a.deliveries[0].id.v);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_EXPIRED);
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_READY);
    kit_expect(k, c.a.deliveries[0].id, DELIVERY_READY);
    ledger_request_done(&r.req);
    kit_accept_done(&a);
    kit_accept_done(&b);
    kit_accept_done(&c);
}

/* Somebody must look whether it is there: that is decided when its turn comes. */
static void what_may_be_public_does_not_expire_by_itself(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct ledger_expire r = {.req = {.kind = LEDGER_EXPIRE}, .now_ms = KIT_NOW + 5000};
    struct ledger_end end;
    struct ledger_due due;

    kit_accept(
        k, &a, (struct kit_article){.id = "1", .title = "A", .not_after_ms = KIT_NOW + 5000});
    kit_begin(k, a.a.deliveries[0].id);
    end = kit_end_request(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
    end.exposed = true;
    assert_int_equal(kit_run(k, &end.req), ERR_NONE);
    assert_int_equal(kit_run(k, &r.req), ERR_NONE);
    assert_int_equal(r.count, 0);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
    assert_int_equal(kit_due(k, "a", &due), 1);
    assert_int_equal(due.jobs[0].not_after_ms, 0); /* the scheduler must not drop it either */
    ledger_request_done(&due.req);
    kit_accept_done(&a);
}

/* ---- prune ---- */

static void what_is_old_and_ended_goes_with_all_that_hangs_on_it(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b;
    struct ledger_prune prune = {
        .req = {.kind = LEDGER_PRUNE}, .before_ms = KIT_NOW + 1, .keep_events = 100};
    struct ledger_article show = {.req = {.kind = LEDGER_ARTICLE}, .url = KIT_URL};

    kit_accept(k, &a, (struct kit_article){.id = "1", .url = KIT_URL, .title = "A"});
    kit_deliver(k, a.a.deliveries[0].id);
    kit_accept(k, &b, (struct kit_article){.id = "2", .title = "B"}); /* still open */
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 1);
    assert_false(prune.more);
    assert_int_equal(kit_run(k, &show.req), ERR_NOT_FOUND);
    assert_int_equal(kit_count(k, DELIVERY_DONE, "a"), 0);
    assert_int_equal(kit_count(k, DELIVERY_READY, "a"), 1);
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_READY);
    kit_accept_done(&a);
    kit_accept_done(&b);
    kit_accept(k, &a, (struct kit_article){.id = "1", .url = KIT_URL, .title = "A"});
    assert_int_equal(a.a.outcome, ACCEPT_NEW);
    kit_accept_done(&a);
}

static void what_is_brought_again_and_again_is_never_new_again(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_deliver(k, a.a.deliveries[0].id);
    kit_accept_done(&a);
    for (int day = 1; day <= 10; day++) {
        struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 100};

        k->now_ms += MS_DAY;
        kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
        assert_int_equal(a.a.outcome, ACCEPT_UNCHANGED);
        kit_accept_done(&a);
        prune.before_ms = k->now_ms - 3 * MS_DAY;
        assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
        assert_int_equal(prune.count, 0);
    }
}

static void what_is_no_longer_brought_goes_however_long_it_was(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 100};

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_deliver(k, a.a.deliveries[0].id);
    kit_accept_done(&a);
    k->now_ms += MS_DAY;
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept_done(&a);
    prune.before_ms = k->now_ms;
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 0);
    prune.before_ms = k->now_ms + 1;
    assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
    assert_int_equal(prune.count, 1);
}

static void fill(struct kit *k)
{
    static const char sql[] =
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)"
        " INSERT INTO event (id, at, kind, data) SELECT i, 1, 'channel.state', '{}' FROM n;"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000)"
        " INSERT INTO seen (replay_key, article, at) SELECT 'k' || i, 1, 1 FROM n";
    sqlite3 *db = NULL;

    kit_close(k);
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    kit_open(k);
}

static int64_t rows_of(struct kit *k, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t count;

    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

static void tidying_takes_no_more_than_so_many_rows_at_once(void **state)
{
    static const struct {
        int64_t events, seen;
        bool more;
    } rows[] = {{25000, 25000, true}, {5000, 5000, true}, {100, 0, false}, {100, 0, false}};
    struct kit *k = *state;
    struct kit_accept a;

    fill(k);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"}); /* it tells the time */
    kit_accept_done(&a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ledger_prune prune = {.req = {.kind = LEDGER_PRUNE}, .keep_events = 100};

        assert_int_equal(kit_run(k, &prune.req), ERR_NONE);
        assert_int_equal(prune.more, rows[i].more);
        assert_int_equal(rows_of(k, "SELECT count(*) FROM seen"), rows[i].seen);
        assert_int_equal(rows_of(k, "SELECT count(*) FROM event"),
                         rows[i].events + (i < 2 ? 1 : 0)); /* and that of the article */
    }
}

#define IN_MEMORY(f) cmocka_unit_test_setup_teardown(f, kit_setup_memory, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_person_moves_what_may_be_moved),
        IN_MEMORY(what_a_person_cancelled_stays_away_later_too),
        IN_MEMORY(what_was_found_there_is_known_by_its_ids),
        IN_MEMORY(an_overtaken_delivery_is_not_replayed),
        IN_MEMORY(a_mended_channel_lets_go_what_it_had_blocked),
        IN_MEMORY(what_waits_too_long_expires_and_lets_go_what_it_held),
        IN_MEMORY(what_may_be_public_does_not_expire_by_itself),
        IN_MEMORY(what_is_old_and_ended_goes_with_all_that_hangs_on_it),
        IN_MEMORY(what_is_brought_again_and_again_is_never_new_again),
        IN_MEMORY(what_is_no_longer_brought_goes_however_long_it_was),
        cmocka_unit_test_setup_teardown(
            tidying_takes_no_more_than_so_many_rows_at_once, kit_setup, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
