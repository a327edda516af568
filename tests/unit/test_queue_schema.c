/* The schema: how each statement finds its rows, the sample files of released versions, and the
 * machinery that brings a file forward. */

#include "tests/support/queue_kit.h"

#include <sys/stat.h>

#include "queue/sqlite_internal.h"

/* ---- plans ---- */

/* Tables that grow; channel and tally have a row or ten per channel. */
static bool grows(const char *plan)
{
    static const char *const small[] = {"SCAN channel",
                                        "SCAN c ",
                                        "SCAN CONSTANT ROW",
                                        /* the deliveries, revisions, names of one article */
                                        "SCAN chain",
                                        "SCAN gone",
                                        "SCAN revisions",
                                        "SCAN n VIRTUAL TABLE",
                                        "SCAN m VIRTUAL TABLE",
                                        /* a row per source, a row per channel */
                                        "SCAN source",
                                        "SCAN credential"};

    for (size_t i = 0; i < ARRAY_LEN(small); i++) {
        if (strncmp(plan, small[i], strlen(small[i])) == 0) {
            return false;
        }
    }
    return strncmp(plan, "SCAN", 4) == 0 || strstr(plan, "TEMP B-TREE") != NULL;
}

/* Statements that may sort or scan, and why it is bounded. */
static bool is_bounded(enum sqlite_sql id)
{
    return id == SQL_ARTICLE_COUNTS    /* the deliveries of one article */
           || id == SQL_ARTICLE_STATES /* the same */
           || id == SQL_SHOW_ALIASES || id == SQL_SHOW_DELIVERIES /* the same */
           || id == SQL_SHOW_REVISIONS                            /* the same */
           || id == SQL_MERGE_NAMES                               /* those of two */
           || id == SQL_INBOX_RESTORED           /* all of it, once, when a backup came back */
           || id == SQL_AUDIENCE_FORGET_PREPARED /* a row for each channel, then likewise */
           || id == SQL_WAVES /* the newest, and no more waves than deliveries are kept */
           || id == SQL_SHOW_ATTEMPTS; /* those of one delivery */
}

static void check_plan(sqlite3 *db, enum sqlite_sql id)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = mem_printf("EXPLAIN QUERY PLAN %s", sqlite__sql(id));

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sqlite__sql(id), sqlite3_errmsg(db));
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *plan = (const char *)sqlite3_column_text(stmt, 3);

        if (grows(plan) && !is_bounded(id)) {
            fail_msg("%s: %s", sqlite__sql(id), plan);
        }
    }
    sqlite3_finalize(stmt);
    mem_free(sql);
}

static void every_statement_finds_its_rows_by_an_index(void **state)
{
    struct kit *k = *state;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    for (int id = 0; id < SQL_COUNT; id++) {
        check_plan(db, (enum sqlite_sql)id);
    }
    sqlite3_close(db);
}

/* ---- an article of many revisions ---- */

#define REVISIONS 2000

/* The first is in flight all the time, so all the others are held in turn, and superseded. */
static void revise_often(struct kit *k)
{
    for (int i = 0; i < REVISIONS; i++) {
        struct kit_accept a;
        char title[16];

        (void)snprintf(title, sizeof title, "%d", i);
        kit_accept(k, &a, (struct kit_article){.id = "1", .title = title, .channels = "a b"});
        assert_int_equal(a.a.revision, i + 1);
        assert_int_equal(a.a.superseded_count, i > 1 ? 2 : 0);
        if (i == 0) {
            kit_begin(k, a.a.deliveries[0].id);
            kit_begin(k, a.a.deliveries[1].id);
        }
        kit_accept_done(&a);
    }
}

/* How many instructions SQLite's machine needs for it. */
static int steps_of(sqlite3 *db, enum sqlite_sql id, int64_t article)
{
    sqlite3_stmt *stmt = NULL;
    int steps;

    assert_int_equal(sqlite3_prepare_v2(db, sqlite__sql(id), -1, &stmt, NULL), SQLITE_OK);
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
        sqlite3_bind_int64(stmt, i, i == 1 ? article : 1); /* channel 1, behind revision 1 */
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
    }
    steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
    sqlite3_finalize(stmt);
    return steps;
}

static void an_article_of_many_revisions_costs_what_one_of_two_does(void **state)
{
    static const enum sqlite_sql ids[] = {
        SQL_STANDING_LOOK,
        SQL_STANDING_OPEN,
        SQL_STANDING_CHANNELS,
        SQL_STANDING_ALL,
        SQL_ARTICLE_GET,
    };
    struct kit *k = *state;
    struct kit_accept a;
    sqlite3 *db = NULL;

    revise_often(k);
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    kit_accept(k, &a, (struct kit_article){.id = "1", .title = "1999", .channels = "a b"});
    assert_int_equal(a.a.outcome, ACCEPT_UNCHANGED);
    assert_int_equal(a.a.delivery_count, 2);
    assert_int_equal(a.a.deliveries[0].state, DELIVERY_HELD);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        int steps = steps_of(db, ids[i], (int64_t)a.a.article.v);

        if (steps < 5 || steps > 200) {
            fail_msg("%d steps: %s", steps, sqlite__sql(ids[i]));
        }
    }
    sqlite3_close(db);
    kit_accept_done(&a);
}

/* ---- samples of released versions ---- */

static void a_file_of_every_released_version_opens_with_all_it_held(void **state)
{
    static const struct {
        enum delivery_state state;
        int64_t count;
    } rows[] = {
        {DELIVERY_READY, 1},
        {DELIVERY_DONE, 1},
        {DELIVERY_AGAIN, 1},
        {DELIVERY_UNKNOWN, 2}, /* one was in flight */
        {DELIVERY_REJECTED, 1},
        {DELIVERY_BLOCKED, 1},
        {DELIVERY_EXPIRED, 1},
        {DELIVERY_CANCELLED, 1},
        {DELIVERY_HELD, 1},
        {DELIVERY_IN_FLIGHT, 0},
    };

    (void)state;
    for (int version = 1; version <= SQLITE_SCHEMA_VERSION; version++) {
        struct ledger_article show = {.req = {.kind = LEDGER_ARTICLE},
                                      .url = "https://news.example/done"};
        struct kit k;
        char from[512];

        kit_init(&k);
        (void)snprintf(from, sizeof from, "%s/ledger/v%d.db", FIXTURES, version);
        kit_copy_file(from, k.path);
        kit_open(&k);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            assert_int_equal(kit_count(&k, rows[i].state, "telegram"), rows[i].count);
        }
        assert_int_equal(kit_run(&k, &show.req), ERR_NONE);
        assert_string_equal(json_string_value(json_object_get(show.out, "reason")),
                            "category Breaking");
        ledger_request_done(&show.req);
        kit_done_all(&k);
    }
}

/* All of the schema as text, yours. */
static char *schema_of(const char *path, const char *how)
{
    static const char sql[] =
        "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master"
        " WHERE sql IS NOT NULL ORDER BY name)";
    char *uri = mem_printf("file:%s?%s", path, how);
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    char *text;

    assert_int_equal(sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    text = mem_strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    mem_free(uri);
    return text;
}

static void the_schema_file_and_the_newest_sample_are_the_same(void **state)
{
    struct kit *k = *state;
    char sample[512];
    char *ours, *theirs;

    (void)snprintf(sample, sizeof sample, "%s/ledger/v%d.db", FIXTURES, SQLITE_SCHEMA_VERSION);
    ours = schema_of(k->path, "mode=ro");
    theirs = schema_of(sample, "immutable=1");
    assert_string_equal(ours, theirs);
    mem_free(ours);
    mem_free(theirs);
}

static void an_old_file_becomes_what_a_new_one_is(void **state)
{
    struct kit *k = *state;

    for (int version = 1; version < SQLITE_SCHEMA_VERSION; version++) {
        struct kit old;
        char from[512];
        char *ours, *theirs;

        kit_init(&old);
        (void)snprintf(from, sizeof from, "%s/ledger/v%d.db", FIXTURES, version);
        kit_copy_file(from, old.path);
        kit_open(&old);
        ours = schema_of(k->path, "mode=ro");
        theirs = schema_of(old.path, "mode=ro");
        assert_string_equal(ours, theirs);
        mem_free(ours);
        mem_free(theirs);
        kit_done_all(&old);
    }
}

/* ---- migrations ---- */

static int64_t version_of(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t version;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

static void an_older_file_is_copied_then_brought_forward_in_one_piece(void **state)
{
    static const struct sqlite_migration good[] = {
        {.to = SQLITE_SCHEMA_VERSION + 1, .sql = "ALTER TABLE article ADD COLUMN mood TEXT;"},
        {.to = SQLITE_SCHEMA_VERSION + 2, .sql = "UPDATE article SET mood = 'calm';"},
    };
    static const struct sqlite_migration bad[] = {
        {.to = SQLITE_SCHEMA_VERSION + 1, .sql = "ALTER TABLE article ADD COLUMN mood TEXT;"},
        {.to = SQLITE_SCHEMA_VERSION + 2, .sql = "UPDATE no_such_table SET x = 1;"},
    };
    struct kit *k = *state;
    char copy[160];

    (void)snprintf(copy, sizeof copy, "%s.v%d.bak", k->path, SQLITE_SCHEMA_VERSION);
    kit_close(k);
    for (int round = 0; round < 2; round++) {
        struct sqlite_conn c = {.db = NULL};
        struct err why = {.code = ERR_NONE};
        struct stat st;
        enum err_code rc;

        assert_int_equal(sqlite3_open(k->path, &c.db), SQLITE_OK);
        rc = sqlite__migrate(
            &c, k->path, SQLITE_SCHEMA_VERSION + 2, round ? good : bad, 2, &why);
        sqlite__conn_done(&c);
        assert_int_equal(rc, round ? ERR_NONE : ERR_IO);
        assert_int_equal(version_of(k->path), SQLITE_SCHEMA_VERSION + (round ? 2 : 0));
        assert_int_equal(version_of(copy), SQLITE_SCHEMA_VERSION);
        assert_int_equal(stat(copy, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        if (!round) {
            assert_non_null(strstr(why.text, "migrate from version 4 to 6"));
            kit_open(k); /* as it was */
            kit_close(k);
        }
    }
}

#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(every_statement_finds_its_rows_by_an_index),
        ON_DISK(an_article_of_many_revisions_costs_what_one_of_two_does),
        cmocka_unit_test(a_file_of_every_released_version_opens_with_all_it_held),
        ON_DISK(the_schema_file_and_the_newest_sample_are_the_same),
        ON_DISK(an_old_file_becomes_what_a_new_one_is),
        ON_DISK(an_older_file_is_copied_then_brought_forward_in_one_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
