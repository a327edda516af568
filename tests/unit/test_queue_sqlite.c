/* The SQLite store beneath the ledger: batches over a disk that cannot be read, and ends that may
 * not be. */

#include "tests/support/queue_kit.h"

#include <sys/stat.h>

#include "queue/sqlite_internal.h"

#define OLD_ARTICLES 400
#define READS_MAX 60

/* ---- a disk whose n-th read fails ---- */

static struct disk {
    sqlite3_vfs vfs;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real;
    int reads;     /* since it was armed */
    int fails_at;  /* 0: never */
    bool for_ever; /* all reads from then on */
    int failed;
} disk;

static int disk_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    disk.reads++;
    if (disk.fails_at > 0 &&
        (disk.for_ever ? disk.reads >= disk.fails_at : disk.reads == disk.fails_at)) {
        disk.failed++;
        return SQLITE_IOERR_READ;
    }
    return disk.real->xRead(f, to, len, at);
}

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    const sqlite3_vfs *unix_vfs = v->pAppData;
    int rc = sqlite3_vfs_find("unix")->xOpen(v->pAppData, name, f, flags, out);

    assert_string_equal(unix_vfs->zName, "unix");
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) {
        disk.real = f->pMethods;
        disk.methods = *f->pMethods;
        disk.methods.xRead = disk_read;
        f->pMethods = &disk.methods;
    }
    return rc;
}

static int disk_setup(void **state)
{
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");

    assert_non_null(unix_vfs);
    disk = (struct disk){.vfs = *unix_vfs};
    disk.vfs.zName = "failing";
    disk.vfs.pNext = NULL;
    disk.vfs.pAppData = unix_vfs;
    disk.vfs.xOpen = disk_open;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
    return kit_setup(state);
}

static int disk_teardown(void **state)
{
    assert_int_equal(sqlite3_vfs_unregister(&disk.vfs), SQLITE_OK);
    return kit_teardown(state);
}

/* ---- a batch over it ---- */

/* Something old is touched between two new articles. */
struct three {
    struct kit_accept first, last;
    struct ledger_begin begin;
};

static void fill_three(struct kit *k, struct three *t, struct delivery_id old, int round)
{
    char ids[2][32];

    (void)snprintf(ids[0], sizeof ids[0], "first%d", round);
    (void)snprintf(ids[1], sizeof ids[1], "last%d", round);
    kit_fill(k, &t->first, &(struct kit_article){.id = ids[0], .title = "A"});
    kit_fill(k, &t->last, &(struct kit_article){.id = ids[1], .title = "A"});
    t->first.aliases[0].value = t->first.names[1]; /* a place that lives on */
    t->last.aliases[0].value = t->last.names[1];
    (void)snprintf(t->first.names[1], sizeof t->first.names[1], "%s", ids[0]);
    (void)snprintf(t->last.names[1], sizeof t->last.names[1], "%s", ids[1]);
    t->begin = (struct ledger_begin){.req = {.kind = LEDGER_BEGIN},
                                     .id = old,
                                     .course = "publish",
                                     .step = "post",
                                     .publishes = true,
                                     .counts = true,
                                     .attempt_id = k->next_id++,
                                     .now_ms = k->now_ms};
}

static enum delivery_state state_of(struct sqlite *s, struct delivery_id id)
{
    struct ledger_load load = {.req = {.kind = LEDGER_LOAD}, .id = id};
    enum delivery_state state = DELIVERY_STATE_COUNT;

    ledger_sqlite.read(s, &load.req);
    if (load.req.rc == ERR_NONE) {
        state = load.state;
    } else {
        assert_int_equal(load.req.rc, ERR_NOT_FOUND);
    }
    ledger_request_done(&load.req);
    return state;
}

static void run_three(struct kit *k, struct delivery_id old, int round)
{
    struct ledger_opened opened;
    struct ledger_batch batch = {.count = 3};
    struct ledger_request *requests[3];
    struct three *t = mem_zalloc(sizeof *t);
    struct err why = {.code = ERR_NONE};
    void *store = NULL;
    struct sqlite *s;

    assert_int_equal(ledger_sqlite.open(&store, k->path, k->now_ms, &opened, &why), ERR_NONE);
    s = store;
    fill_three(k, t, old, round);
    requests[0] = &t->first.a.req;
    requests[1] = &t->begin.req;
    requests[2] = &t->last.a.req;
    batch.v = requests;
    list_init(&batch.events);
    (void)sqlite3_db_release_memory(s->writer.db); /* pages are to come from the disk */
    disk.reads = 0;
    disk.fails_at = round / 2 + 1;
    disk.for_ever = round % 2 == 1;
    ledger_sqlite.write(store, &batch);
    disk.fails_at = 0;
    assert_int_equal(state_of(s, (struct delivery_id){t->first.ids[0]}),
                     t->first.a.req.rc ? DELIVERY_STATE_COUNT : DELIVERY_READY);
    assert_int_equal(state_of(s, old), t->begin.req.rc ? DELIVERY_READY : DELIVERY_IN_FLIGHT);
    assert_int_equal(state_of(s, (struct delivery_id){t->last.ids[0]}),
                     t->last.a.req.rc ? DELIVERY_STATE_COUNT : DELIVERY_READY);
    kit_accept_done(&t->first);
    kit_accept_done(&t->last);
    mem_free(t);
    ledger_sqlite.close(store);
}

static void what_is_told_of_a_batch_holds_whichever_read_fails(void **state)
{
    struct kit *k = *state;
    struct delivery_id old[OLD_ARTICLES];

    for (int i = 0; i < OLD_ARTICLES; i++) {
        struct kit_accept a;
        char id[32];

        (void)snprintf(id, sizeof id, "old%d", i);
        kit_accept(k, &a, (struct kit_article){.id = id, .title = "A"});
        old[i] = a.a.deliveries[0].id;
        kit_accept_done(&a);
    }
    kit_close(k);
    for (int round = 0; round < READS_MAX; round++) {
        run_three(k, old[round * 5], round);
    }
    assert_in_range(disk.failed, 20, INT32_MAX); /* it was the disk that was tried */
    kit_open(k);
}

/* ---- what may end ---- */

/* What goes on behind it, when it has ended or waits, is a delivery of its own: an end that comes
 * late must not open a second one beside it. */
static void an_end_moves_only_what_is_in_flight_or_had_its_turn(void **state)
{
    static const struct {
        enum delivery_state from, to;
        bool legal;
    } rows[] = {
        {DELIVERY_READY, DELIVERY_DONE, true},
        {DELIVERY_READY, DELIVERY_REJECTED, true},
        {DELIVERY_READY, DELIVERY_AGAIN, true},
        {DELIVERY_READY, DELIVERY_UNKNOWN, false},
        {DELIVERY_READY, DELIVERY_IN_FLIGHT, false},
        {DELIVERY_IN_FLIGHT, DELIVERY_IN_FLIGHT, true},
        {DELIVERY_IN_FLIGHT, DELIVERY_READY, true},
        {DELIVERY_AGAIN, DELIVERY_EXPIRED, true},
        {DELIVERY_AGAIN, DELIVERY_IN_FLIGHT, false},
        {DELIVERY_UNKNOWN, DELIVERY_UNKNOWN, true},
        {DELIVERY_UNKNOWN, DELIVERY_READY, true},
        {DELIVERY_UNKNOWN, DELIVERY_IN_FLIGHT, false},
        {DELIVERY_BLOCKED, DELIVERY_READY, false},
        {DELIVERY_BLOCKED, DELIVERY_EXPIRED, false},
        {DELIVERY_REJECTED, DELIVERY_READY, false},
        {DELIVERY_REJECTED, DELIVERY_HELD, false},
        {DELIVERY_EXPIRED, DELIVERY_READY, false},
        {DELIVERY_CANCELLED, DELIVERY_READY, false},
        {DELIVERY_DONE, DELIVERY_AGAIN, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct kit_meet at = {.first_at = rows[i].from};
        struct kit *k = *state;
        struct kit_accept a;
        struct delivery_id id;
        struct ledger_end end;
        char name[32];

        (void)snprintf(name, sizeof name, "%zu", i);
        kit_accept(k, &a, (struct kit_article){.id = name, .title = "A"});
        id = kit_bring_to(k, &a, &at);
        end = kit_end_request(k, id, rows[i].to);
        assert_int_equal(kit_run(k, &end.req), rows[i].legal ? ERR_NONE : ERR_CONFLICT);
        kit_expect(k, id, rows[i].legal ? rows[i].to : rows[i].from);
        kit_accept_done(&a);
    }
}

/* Nor what is held behind an earlier revision. */
static void an_end_does_not_let_go_what_is_held(void **state)
{
    struct kit *k = *state;
    struct kit_accept a, b;
    struct ledger_end end;

    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "A"});
    kit_begin(k, a.a.deliveries[0].id);
    kit_accept(k, &b, (struct kit_article){.id = "1", .title = "B"});
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_HELD);
    end = kit_end_request(k, b.a.deliveries[0].id, DELIVERY_READY);
    assert_int_equal(kit_run(k, &end.req), ERR_CONFLICT);
    end = kit_end_request(k, b.a.deliveries[0].id, DELIVERY_EXPIRED);
    assert_int_equal(kit_run(k, &end.req), ERR_CONFLICT);
    kit_expect(k, b.a.deliveries[0].id, DELIVERY_HELD);
    kit_accept_done(&a);
    kit_accept_done(&b);
}

/* ---- the log beside the file ---- */

#define MIB ((size_t)1024 * 1024)

static size_t size_of(const char *path, const char *end)
{
    char name[160];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s%s", path, end);
    return stat(name, &st) == 0 ? (size_t)st.st_size : 0;
}

static void accept_long(struct kit *k, int number, char *document)
{
    struct kit_accept a;
    char id[16];

    (void)snprintf(id, sizeof id, "%d", number);
    kit_fill(k, &a, &(struct kit_article){.id = id, .title = id});
    a.a.document = document;
    assert_int_equal(kit_run(k, &a.a.req), ERR_NONE);
    kit_accept_done(&a);
}

/* Writes that never pause would let it grow for ever. */
static void the_log_is_taken_into_the_file_and_stays_bounded(void **state)
{
    struct kit *k = *state;
    char *document = mem_alloc(4 * MIB);
    size_t longest = 0;
    int count = 0;

    memset(document, 'x', 4 * MIB - 1);
    document[4 * MIB - 1] = '\0';
    for (; count < 40; count++) {
        accept_long(k, count, document);
        longest = size_of(k->path, "-wal") > longest ? size_of(k->path, "-wal") : longest;
    }
    assert_in_range(longest, 16 * MIB, 170 * MIB); /* two tries later at most */
    /* Only what a pass left is not in the file yet. */
    assert_true(size_of(k->path, "") > 60 * MIB);
    kit_reopen(k);
    assert_int_equal(kit_count(k, DELIVERY_READY, "a"), count);
    mem_free(document);
}

/* A backup, a check, somebody's shell: the log cannot begin anew while they look. Waiting for them would
 * be five seconds a commit. */
static void who_reads_for_long_holds_up_no_write(void **state)
{
    struct kit *k = *state;
    char *document = mem_alloc(4 * MIB);
    sqlite3 *other = NULL;
    int64_t from_ms;
    int count = 0;

    memset(document, 'x', 4 * MIB - 1);
    document[4 * MIB - 1] = '\0';
    assert_int_equal(sqlite3_open(k->path, &other), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(other, "BEGIN; SELECT count(*) FROM article", NULL, NULL, NULL),
        SQLITE_OK);
    from_ms = clock_mono_ms();
    while (size_of(k->path, "-wal") < 180 * MIB && count < 100) {
        accept_long(k, count++, document);
    }
    assert_in_range(clock_mono_ms() - from_ms, 0, 30000);
    assert_true(size_of(k->path, "-wal") >= 180 * MIB);
    sqlite3_close(other);
    while (size_of(k->path, "-wal") > 80 * MIB && count < 150) {
        accept_long(k, count++, document);
        (void)usleep(100000); /* what takes it into the file has time for it */
    }
    assert_in_range(size_of(k->path, "-wal"), 0, 80 * MIB); /* it began anew */
    assert_int_equal(kit_count(k, DELIVERY_READY, "a"), count);
    mem_free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_told_of_a_batch_holds_whichever_read_fails, disk_setup, disk_teardown),
        cmocka_unit_test_setup_teardown(
            an_end_moves_only_what_is_in_flight_or_had_its_turn, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            an_end_does_not_let_go_what_is_held, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            the_log_is_taken_into_the_file_and_stays_bounded, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(
            who_reads_for_long_holds_up_no_write, kit_setup, kit_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
