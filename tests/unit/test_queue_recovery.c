/* What a crash leaves: each kind of step found in flight, a process that dies in the midst of
 * commits, and files that cannot be opened. */

#include "tests/support/queue_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <sqlite3.h>

/* ---- in flight at open ---- */

static void what_was_in_flight_is_ready_where_a_repeat_is_harmless_else_unknown(void **state)
{
    static const struct {
        bool repeatable, publishes, in_doubt;
        enum delivery_state then;
        bool exposed;
        int64_t wait_ms;
    } rows[] = {
        /* the request may still be worked on: a repeat must not overlap it, and a look not find nothing */
        {true, true, false, DELIVERY_AGAIN, true, 10000},
        {true, false, false, DELIVERY_READY, false, 0},
        {false, false, false, DELIVERY_READY, false, 0},
        {false, true, false, DELIVERY_UNKNOWN, true, 10000},
        /* a look at an unknown outcome is harmless, but what is looked for may be public */
        {true, false, true, DELIVERY_UNKNOWN, true, 0},
    };
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit_accept a;
        struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
        struct ledger_due due;
        struct ledger_stats stats;
        char name[16], channel[16];

        (void)snprintf(name, sizeof name, "%zu", i);
        (void)snprintf(channel, sizeof channel, "ch%zu", i);
        kit_accept(k, &a, (struct kit_article){.id = name, .title = "A", .channels = channel});
        load.id = a.a.deliveries[0].id;
        kit_accept_done(&a);
        if (rows[i].in_doubt) {
            kit_begin(k, load.id);
            kit_end(k, load.id, DELIVERY_UNKNOWN);
        }
        assert_int_equal(
            kit_begin_step(
                k, load.id, "publish", "post", rows[i].repeatable, rows[i].publishes),
            ERR_NONE);
        k->now_ms += 1000;
        kit_reopen(k);
        ledger_stats(k->l, &stats);
        assert_int_equal(stats.recovered_ready, rows[i].then != DELIVERY_UNKNOWN);
        assert_int_equal(stats.recovered_unknown, rows[i].then == DELIVERY_UNKNOWN);
        assert_int_equal(kit_run(k, &load.req), ERR_NONE);
        assert_int_equal(load.state, rows[i].then);
        assert_int_equal(load.exposed, rows[i].exposed);
        assert_string_equal(load.course, "publish");
        assert_string_equal(load.step, "post");
        assert_string_equal(load.record, "{\"n\":1}");
        ledger_request_done(&load.req);
        assert_int_equal(kit_due(k, channel, &due), 1);
        assert_int_equal(due.jobs[0].verify, rows[i].then == DELIVERY_UNKNOWN);
        assert_int_equal(due.jobs[0].due_at_ms, k->now_ms + rows[i].wait_ms);
        ledger_request_done(&due.req);
    }
}

/* Accepts an article whose delivery starts with it, as by that step. */
static struct delivery_id
accept_started(struct kit *k, const char *id, bool publishes, enum accept_outcome *out_outcome)
{
    const struct ledger_begin start = {.course = "publish",
                                       .step = "post",
                                       .publishes = publishes,
                                       .bucket = {.tokens = 3, .at_ms = k->now_ms},
                                       .attempt_id = k->next_id++};
    struct kit_accept a;
    struct delivery_id delivery;

    kit_fill(k, &a, &(struct kit_article){.id = id, .title = "A"});
    a.channels[0].start = &start;
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    assert_int_equal(a.a.job_count, 0);
    *out_outcome = a.a.outcome;
    delivery = a.a.deliveries[0].id;
    kit_accept_done(&a);
    return delivery;
}

/* The attempt that a crash broke off is written once: what ends afterwards without a request adds none. */
static void what_was_broken_off_is_one_attempt(void **state)
{
    static const enum delivery_state ends[] = {DELIVERY_REJECTED, DELIVERY_AGAIN};
    struct kit *k = *state;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct ledger_article show = {.req = {.kind = LEDGER_ARTICLE}, .url = KIT_URL};
        const char *id = i == 0 ? "1" : "2";
        const char *url = i == 0 ? KIT_URL : "https://news.example/2";
        struct kit_accept a;
        json_t *deliveries;

        show.url = url;
        kit_accept(k, &a, (struct kit_article){.id = id, .url = url, .title = "A"});
        assert_int_equal(kit_begin_step(k, a.a.deliveries[0].id, "publish", "post", true, true),
                         ERR_NONE);
        kit_reopen(k);
        kit_expect(k, a.a.deliveries[0].id, DELIVERY_AGAIN);
        kit_end(k, a.a.deliveries[0].id, ends[i]);
        assert_int_equal(kit_run(k, &show.req), ERR_NONE);
        deliveries = json_object_get(show.out, "deliveries");
        assert_int_equal(json_array_size(deliveries), 1);
        assert_int_equal(
            json_array_size(json_object_get(json_array_get(deliveries, 0), "attempts_log")), 1);
        ledger_request_done(&show.req);
        kit_accept_done(&a);
    }
}

/* Between the end of a step and the next begin nothing is on its way: a token or a picture was waited for. */
static void what_was_answered_already_goes_on(void **state)
{
    struct kit *k = *state;

    for (int exposed = 0; exposed < 2; exposed++) {
        struct ledger_load load = {.req = {.kind = LEDGER_LOAD}};
        struct ledger_end end;
        struct kit_accept a;

        kit_accept(k,
                   &a,
                   (struct kit_article){
                       .id = exposed ? "b" : "a", .title = "A", .channels = "channel"});
        load.id = a.a.deliveries[0].id;
        kit_accept_done(&a);
        kit_begin(k, load.id);
        end = kit_end_request(k, load.id, DELIVERY_IN_FLIGHT);
        end.verdict = exposed ? "next" : "blocked";
        end.exposed = exposed != 0;
        end.post_stands = false;
        end.course = "publish";
        end.next_step = exposed ? "second" : "post";
        assert_int_equal(kit_run(k, &end.req), ERR_NONE);
        kit_reopen(k);
        assert_int_equal(kit_run(k, &load.req), ERR_NONE);
        assert_int_equal(load.state, DELIVERY_READY);
        assert_int_equal(load.exposed, exposed);
        assert_string_equal(load.step, exposed ? "second" : "post");
        ledger_request_done(&load.req);
    }
}

static void what_starts_with_its_accept_is_in_flight_from_the_first_moment(void **state)
{
    struct kit *k = *state;
    enum accept_outcome outcome;
    struct delivery_id one = accept_started(k, "1", true, &outcome);
    struct delivery_id two = accept_started(k, "2", false, &outcome);

    assert_int_equal(outcome, ACCEPT_NEW);
    kit_expect(k, one, DELIVERY_IN_FLIGHT);
    assert_int_equal(kit_count(k, DELIVERY_IN_FLIGHT, "a"), 2);
    accept_started(k, "1", true, &outcome); /* again: nothing starts */
    assert_int_equal(outcome, ACCEPT_UNCHANGED);
    assert_int_equal(kit_count(k, DELIVERY_IN_FLIGHT, "a"), 2);
    kit_reopen(k);
    kit_expect(k, one, DELIVERY_UNKNOWN); /* it may have left */
    kit_expect(k, two, DELIVERY_READY);   /* it could not publish */
}

static void what_is_not_public_gives_way_to_the_revision_behind_it(void **state)
{
    struct kit *k = *state;
    struct kit_accept one, two;

    kit_accept(k, &one, (struct kit_article){.id = "1", .title = "A"});
    assert_int_equal(
        kit_begin_step(k, one.a.deliveries[0].id, "publish", "upload", true, false), ERR_NONE);
    kit_accept(k, &two, (struct kit_article){.id = "1", .title = "B"});
    kit_expect(k, two.a.deliveries[0].id, DELIVERY_HELD);
    kit_reopen(k);
    kit_expect(k, one.a.deliveries[0].id, DELIVERY_CANCELLED);
    kit_expect(k, two.a.deliveries[0].id, DELIVERY_READY);
    kit_accept_done(&one);
    kit_accept_done(&two);
}

static void everything_else_is_as_it_was(void **state)
{
    struct kit *k = *state;
    struct kit_accept a;
    struct ledger_channels list = {.req = {.kind = LEDGER_CHANNELS}};

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A", .channels = "a b c"});
    kit_deliver(k, a.a.deliveries[0].id);
    kit_begin(k, a.a.deliveries[1].id);
    kit_end(k, a.a.deliveries[1].id, DELIVERY_AGAIN);
    kit_reopen(k);
    kit_expect(k, a.a.deliveries[0].id, DELIVERY_DONE);
    kit_expect(k, a.a.deliveries[1].id, DELIVERY_AGAIN);
    kit_expect(k, a.a.deliveries[2].id, DELIVERY_READY);
    assert_int_equal(kit_run(k, &list.req), ERR_NONE);
    assert_true(list.v[0].bucket.tokens > 7.4);
    assert_int_equal(list.v[0].bucket.at_ms, KIT_NOW);
    ledger_request_done(&list.req);
    kit_accept_done(&a);
}

/* ---- killed ---- */

/* The children below end with their threads running, on purpose. Asked by the thread sanitizer.
 */
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's own name
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}
// NOLINTEND(bugprone-reserved-identifier)

static void tell_parent(struct ledger_request *r)
{
    struct kit_accept *a = container_of(r, struct kit_accept, a.req);
    char byte = (char)(r->rc ? 'x' : '.');

    /* the acknowledgement: written before the process can die of the next fault point */
    if (write((int)a->kit->dones, &byte, 1) != 1) {
        _exit(1);
    }
    kit_accept_done(a);
}

/* Accepts one article after the other until the fault point ends the process. */
static void child_accepts(struct kit *k, const char *fault, int fd)
{
    static struct kit_accept a[500];
    static char names[500][16];

    kit_open(k);
    fault_set(fault);
    k->dones = (size_t)fd;
    for (size_t i = 0; i < ARRAY_LEN(a); i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        kit_fill(
            k, &a[i], &(struct kit_article){.id = names[i], .title = "A", .channels = "a b"});
        a[i].a.req.done = tell_parent;
        ledger_submit(k->l, &a[i].a.req);
        ledger_collect(k->l);
        if (i % 7 == 0) {
            usleep(500);
        }
    }
    kit_close(k);
    _exit(0);
}

static size_t acknowledged(int fd)
{
    size_t count = 0;
    char byte;

    while (read(fd, &byte, 1) == 1) {
        assert_int_equal(byte, '.');
        count++;
    }
    return count;
}

static size_t articles_in(struct kit *k)
{
    struct ledger_list list = {.req = {.kind = LEDGER_ARTICLES}, .state = -1, .limit = 1000};
    size_t count;

    assert_int_equal(kit_run(k, &list.req), ERR_NONE);
    count = json_array_size(json_object_get(list.out, "items"));
    ledger_request_done(&list.req);
    return count;
}

static void nothing_acknowledged_is_lost_when_the_process_dies(void **state)
{
    static const char *const faults[] = {
        "ledger.commit:1:exit",
        "ledger.commit:5:exit",
        "ledger.committed:1:exit",
        "ledger.committed:9:exit",
        "ledger.accept:100:exit",
        "ledger.accept:333:exit",
        "*:50:exit",
        "*:777:exit",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct kit k;
        int fds[2], status;
        size_t acks, kept;
        pid_t child;

        kit_init(&k);
        assert_int_equal(pipe(fds), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(fds[0]);
            child_accepts(&k, faults[i], fds[1]);
        }
        close(fds[1]);
        acks = acknowledged(fds[0]);
        close(fds[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0);
        kit_open(&k);
        kept = articles_in(&k);
        if (kept < acks) {
            fail_msg("%s: %zu acknowledged, %zu kept", faults[i], acks, kept);
        }
        /* whole articles only: each with its deliveries, counted right */
        assert_int_equal(kit_count(&k, DELIVERY_READY, "a"), kept);
        assert_int_equal(kit_count(&k, DELIVERY_READY, "b"), kept);
        kit_done_all(&k);
    }
}

/* The whole life of deliveries, killed at every fault point in turn: none is sent twice unless
 * its step says that this is harmless. */
static void child_delivers(struct kit *k, const char *fault, int fd)
{
    struct kit_accept a;
    struct ledger_begin begin;
    struct ledger_end end;

    kit_open(k);
    fault_set(fault);
    for (uint64_t i = 0; i < 5; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "%d", (int)i);
        kit_accept(k, &a, (struct kit_article){.id = name, .title = "A"});
        begin = (struct ledger_begin){.req = {.kind = LEDGER_BEGIN},
                                      .id = a.a.deliveries[0].id,
                                      .course = "publish",
                                      .step = "post",
                                      .publishes = true,
                                      .counts = true,
                                      .attempt_id = k->next_id++,
                                      .now_ms = k->now_ms};
        if (kit_run(k, &begin.req) == ERR_NONE) {
            uint64_t sent = a.a.deliveries[0].id.v;

            if (write(fd, &sent, sizeof sent) != sizeof sent) { /* the request leaves */
                _exit(1);
            }
            end = kit_end_request(k, a.a.deliveries[0].id, DELIVERY_DONE);
            (void)kit_run(k, &end.req);
        }
        kit_accept_done(&a);
    }
    kit_close(k);
    _exit(0);
}

static void what_left_without_an_answer_is_never_ready_again(void **state)
{
    (void)state;
    for (int n = 1; n <= 36; n++) {
        struct kit k;
        int fds[2], status;
        uint64_t sent;
        char fault[32];
        pid_t child;

        (void)snprintf(fault, sizeof fault, "*:%d:exit", n);
        kit_init(&k);
        assert_int_equal(pipe(fds), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(fds[0]);
            child_delivers(&k, fault, fds[1]);
        }
        close(fds[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0);
        kit_open(&k);
        while (read(fds[0], &sent, sizeof sent) == sizeof sent) {
            enum delivery_state s = kit_state(&k, (struct delivery_id){sent});

            if (s != DELIVERY_DONE && s != DELIVERY_UNKNOWN) {
                fail_msg("%s: sent, and now %s", fault, delivery_state_name(s));
            }
        }
        close(fds[0]);
        kit_done_all(&k);
    }
}

/* ---- files ---- */

static enum err_code try_open(struct kit *k, struct err *why)
{
    *why = (struct err){.code = ERR_NONE};
    return ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, why);
}

static void a_ledger_belongs_to_one_process_at_a_time(void **state)
{
    struct kit *k = *state;
    struct ledger *second = NULL;
    struct err why = {.code = ERR_NONE};

    assert_int_equal(ledger_open(&second, k->location, NULL, NULL, k->now_ms, &why), ERR_BUSY);
    assert_non_null(strstr(why.text, "another crier"));
    assert_null(second);
    kit_reopen(k); /* free again once it is closed */
}

static void files_are_for_their_owner_only(void **state)
{
    static const char *const names[] = {"", "-wal", "-shm", ".lock"};
    struct kit *k = *state;
    struct kit_accept a;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_accept_done(&a);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[160];
        struct stat st;

        (void)snprintf(path, sizeof path, "%s%s", k->path, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_missing_folder_is_made_one_level_deep(void **state)
{
    struct kit k;
    struct err why;
    char deep[112];

    (void)state;
    kit_init(&k);
    assert_int_equal(rmdir(k.dir), 0);
    kit_open(&k);
    kit_done_all(&k);

    kit_init(&k);
    (void)snprintf(deep, sizeof deep, "sqlite:%s/a/b/x.db", k.dir);
    memcpy(k.location, deep, sizeof deep);
    assert_int_not_equal(try_open(&k, &why), ERR_NONE);
    assert_non_null(strstr(why.text, "/a/b"));
    assert_int_equal(rmdir(k.dir), 0);
}

static void damage(struct kit *k, long at, const char *bytes, size_t len)
{
    int fd = open(k->path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    close(fd);
}

static void a_damaged_file_gives_a_clear_error(void **state)
{
    static const char junk[8192] = "this is no database at all, but somebody's notes";
    static const struct {
        long at;
        size_t len;
        const char *says;
    } rows[] = {
        {0, 100, "not a database"}, /* no header */
        {8192, 8192, ""},           /* a page of the schema's trees: the words vary */
        {16384, 4000, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit k;
        struct err why;
        struct kit_accept a;

        kit_init(&k);
        kit_open(&k);
        for (int n = 0; n < 20; n++) {
            char name[16];

            (void)snprintf(name, sizeof name, "%d", n);
            kit_accept(&k, &a, (struct kit_article){.id = name, .url = name, .title = "A"});
            kit_accept_done(&a);
        }
        kit_close(&k);
        damage(&k, rows[i].at, junk, rows[i].len);
        assert_int_equal(try_open(&k, &why), ERR_IO);
        assert_non_null(strstr(why.text, k.path));
        assert_non_null(strstr(why.text, rows[i].says));
        kit_done_all(&k);
    }
}

static void run_sql(struct kit *k, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_file_that_is_not_ours_is_left_as_it_is(void **state)
{
    static const struct {
        const char *sql;
        enum err_code rc;
        const char *says;
    } rows[] = {
        {"CREATE TABLE recipes (x); PRAGMA user_version = 1", ERR_INVALID, "not a ledger"},
        {"CREATE TABLE recipes (x)", ERR_INVALID, "not a ledger"},
        {"PRAGMA application_id = 0x63726965; CREATE TABLE x (y); PRAGMA user_version = 7",
         ERR_UNSUPPORTED,
         "newer crier (schema 7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit k;
        struct err why;
        struct stat before, after;

        kit_init(&k);
        run_sql(&k, rows[i].sql);
        assert_int_equal(stat(k.path, &before), 0);
        assert_int_equal(try_open(&k, &why), rows[i].rc);
        assert_non_null(strstr(why.text, rows[i].says));
        assert_int_equal(stat(k.path, &after), 0);
        assert_int_equal(before.st_size, after.st_size);
        assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        kit_done_all(&k);
    }
}

/* What a bug or a disk may leave in a file that is whole as a database. */
static void odd_values_are_read_past(void **state)
{
    struct kit *k = *state;
    struct ledger_list list = {.req = {.kind = LEDGER_DELIVERIES}, .state = -1, .limit = 10};
    struct ledger_article article = {.req = {.kind = LEDGER_ARTICLE}, .url = "1"};
    struct kit_accept a;
    json_t *item;

    kit_accept(k, &a, (struct kit_article){.id = "1", .url = "1", .title = "A"});
    kit_accept_done(&a);
    kit_close(k);
    run_sql(k, "UPDATE delivery SET previous = id; UPDATE revision SET previous = id");
    run_sql(k, "UPDATE article SET title = CAST(x'41ff' AS TEXT)");
    kit_open(k);
    assert_int_equal(kit_run(k, &list.req), ERR_NONE);
    item = json_array_get(json_object_get(list.out, "items"), 0);
    assert_non_null(json_object_get(item, "article"));
    assert_null(json_object_get(item, "title")); /* no UTF-8 */
    ledger_request_done(&list.req);
    assert_int_equal(kit_run(k, &article.req), ERR_NONE); /* the circles have an end */
    assert_int_equal(json_array_size(json_object_get(article.out, "revisions")), 1);
    ledger_request_done(&article.req);
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_was_in_flight_is_ready_where_a_repeat_is_harmless_else_unknown),
        ON_DISK(what_was_broken_off_is_one_attempt),
        ON_DISK(what_was_answered_already_goes_on),
        ON_DISK(what_starts_with_its_accept_is_in_flight_from_the_first_moment),
        ON_DISK(what_is_not_public_gives_way_to_the_revision_behind_it),
        ON_DISK(everything_else_is_as_it_was),
        cmocka_unit_test(nothing_acknowledged_is_lost_when_the_process_dies),
        cmocka_unit_test(what_left_without_an_answer_is_never_ready_again),
        ON_DISK(a_ledger_belongs_to_one_process_at_a_time),
        ON_DISK(files_are_for_their_owner_only),
        cmocka_unit_test(a_missing_folder_is_made_one_level_deep),
        cmocka_unit_test(a_damaged_file_gives_a_clear_error),
        cmocka_unit_test(a_file_that_is_not_ours_is_left_as_it_is),
        ON_DISK(odd_values_are_read_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
