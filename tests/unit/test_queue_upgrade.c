/* From an older version of the file to the newest: nothing of what it held is lost or changed, whatever
 * moment the power goes out at; and what a backup of it is when it comes back. */

#include "tests/support/queue_kit.h"

#include <sys/stat.h>

#include "queue/sqlite_internal.h"
#include "queue/upkeep.h"

#define CRASHED 99

/* ---- files ---- */

/* As if nothing had been there before. */
static void put_in_place(struct kit *k, const char *from)
{
    static const char *const endings[] = {"-wal", "-shm", ".mark"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char *name = mem_printf("%s%s", k->path, endings[i]);

        (void)unlink(name);
        mem_free(name);
    }
    kit_copy_file(from, k->path);
}

static sqlite3 *open_db(const char *path)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    }
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    }
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* ---- a file of version 1 ---- */

/* Beside the sample's states: revisions, retractions, posts, several channels and names. */
static const char more_v1[] =
    "INSERT INTO channel (id, name, paused, blocked, blocked_why, blocked_at, last_error, "
    "last_error_at,"
    " last_done_at, tokens, bucket_at, account) VALUES (50, 'mastodon', 1, 1, 'token revoked', "
    "5, 'no', 6,"
    " 7, 2.5, 8, '{\"id\":\"1\"}');"
    "INSERT INTO article VALUES (5000, 'story-5', 1, 'cms', 'https://news.example/5', 'Five, "
    "changed', 0,"
    " NULL, 3, 2, zeroblob(32), 11, 12, 13, 14), (6000, NULL, 0, 'agency', "
    "'https://news.example/6',"
    " 'Six, changed', 1, 'urgency 1', 2, 2, zeroblob(32), 0, 22, 23, 24);"
    "INSERT INTO alias (kind, scope, value, article) VALUES ('id', 'cms', 'story-5', 5000),"
    " ('guid', 'cms', 'g 5', 5000), ('url', '', 'https://news.example/5', 5000),"
    " ('url', '', 'https://news.example/6', 6000), ('url', '', 'https://news.example/six', "
    "6000);"
    "INSERT INTO revision VALUES"
    " (5000, 1, 0, 12, 'cms', 0, NULL, 'Five', zeroblob(32), zeroblob(32), "
    "'{\"title\":\"Five\"}'),"
    " (5000, 2, 1, 13, 'cms', 0, NULL, 'Five, changed', zeroblob(32), zeroblob(32), '{}'),"
    " (5000, 3, 2, 14, 'cms', 0, 'wrong', NULL, NULL, NULL, NULL),"
    " (6000, 1, 0, 22, 'agency', 1, 'urgency 1', 'Six', zeroblob(32), zeroblob(32), '{}'),"
    " (6000, 2, 1, 23, 'agency', 1, 'urgency 1', 'Six, changed', zeroblob(32), zeroblob(32), "
    "'{}');"
    "INSERT INTO delivery (id, article, revision, channel, state, breaking, due_at, not_after, "
    "created_at,"
    " updated_at, tries, exposed, adapter, course, step, remote_id, remote_url, detail, "
    "sent_ms, text,"
    " record) VALUES"
    " (5001, 5000, 1, 1, 3, 0, NULL, 99, 12, 13, 1, 1, 'telegram', 'publish', NULL, '77',"
    "  'https://t.me/x/77', NULL, 31, 'Five', '{\"remote_id\":\"77\"}'),"
    " (5002, 5000, 2, 1, 3, 0, NULL, 99, 13, 14, 1, 1, 'telegram', 'update', NULL, '77',"
    "  'https://t.me/x/77', NULL, 32, 'Five, changed', '{}'),"
    " (5003, 5000, 3, 1, 3, 0, NULL, 0, 14, 15, 1, 1, 'telegram', 'retract', NULL, NULL, NULL, "
    "NULL, 33,"
    "  NULL, '{}'),"
    " (5004, 5000, 1, 50, 9, 0, NULL, 0, 12, 13, 0, 0, 'mastodon', NULL, NULL, NULL, NULL,"
    "  'superseded', 0, NULL, '{}'),"
    " (6001, 6000, 1, 50, 3, 1, NULL, 0, 22, 23, 2, 1, 'mastodon', 'publish', NULL, '88',"
    "  'https://m.example/88', NULL, 34, 'Six', '{\"remote_id\":\"88\"}'),"
    " (6002, 6000, 2, 50, 4, 1, 9000, 0, 23, 24, 1, 1, 'mastodon', 'update', 'edit_status', "
    "NULL, NULL,"
    "  'HTTP 503', 35, NULL, '{\"n\":2}');"
    "INSERT INTO attempt VALUES (5001, 900, 1, 'send', 12, 13, 'done', 200, NULL, 31),"
    " (5002, 901, 1, 'edit', 13, 14, 'done', 200, NULL, 32),"
    " (5003, 902, 1, 'delete', 14, 15, 'done', 200, NULL, 33),"
    " (6001, 903, 1, 'upload_media', 22, 22, 'next', 200, NULL, 3),"
    " (6001, 903, 2, 'post_status', 22, NULL, NULL, NULL, NULL, NULL),"
    " (6001, 904, 1, 'post_status', 23, 23, 'done', 200, NULL, 31),"
    " (6002, 905, 1, 'edit_status', 24, 24, 'again', 503, 'HTTP 503', 35);"
    "INSERT INTO post VALUES (6000, 50, 6001, 23, zeroblob(32), '{\"remote_id\":\"88\"}');"
    "INSERT INTO click VALUES (6000, 'whatsapp', 12, 99);"
    "INSERT INTO seen VALUES ('key-6', 6000, 22);"
    "DELETE FROM tally; INSERT INTO tally SELECT channel, state, count(*) FROM delivery GROUP "
    "BY 1, 2;";

/* ---- a file of version 2 ---- */

/* The same two stories, as version 2 kept them. */
static const char more_v2[] =
    "INSERT INTO channel (id, name, paused, blocked, blocked_why, blocked_at, last_error, "
    "last_error_at, account) VALUES (50, 'mastodon', 1, 1, 'token revoked', 5, 'no', 6, "
    "'{\"id\":\"1\"}');"
    "INSERT INTO tally (channel, done, cancelled, again, tokens, bucket_at, last_done_at)"
    " VALUES (50, 1, 1, 1, 2.5, 8, 7);"
    "UPDATE tally SET done = done + 3 WHERE channel = 1;"
    "INSERT INTO article VALUES (5000, 'story-5', 1, 'cms', 'https://news.example/5', 'Five, "
    "changed', 0, NULL, 3, -2, -1, zeroblob(32), 11, 12, 13, 14,"
    " '[[\"id\",\"story-5\",\"cms\"],[\"guid\",\"g 5\",\"cms\"],"
    "[\"url\",\"https://news.example/5\",\"\"]]'),"
    " (6000, NULL, 0, 'agency', 'https://news.example/6', 'Six, changed', 1, 'urgency 1', 2, "
    "-3,"
    " -3, zeroblob(32), 0, 22, 23, 24, '[[\"url\",\"https://news.example/6\",\"\"]]');"
    "INSERT INTO alias VALUES ('id', 'story-5', 'cms', 5000), ('guid', 'g 5', 'cms', 5000),"
    " ('url', 'https://news.example/5', '', 5000), ('url', 'https://news.example/6', '', 6000);"
    "INSERT INTO revision VALUES"
    " (5000, 5000, 1, NULL, 5000, 0, 12, 'cms', 0, NULL, 'Five', zeroblob(32), '{}'),"
    " (-1, 5000, 2, 5000, -1, 1, 13, 'cms', 0, NULL, 'Five, changed', zeroblob(32), '{}'),"
    " (-2, 5000, 3, -1, -1, 2, 14, 'cms', 0, 'wrong', NULL, NULL, NULL),"
    " (6000, 6000, 1, NULL, 6000, 0, 22, 'agency', 1, 'urgency 1', 'Six', zeroblob(32), '{}'),"
    " (-3, 6000, 2, 6000, -3, 1, 23, 'agency', 1, 'urgency 1', 'Six, changed', zeroblob(32), "
    "'{}');"
    "INSERT INTO delivery (id, article, revision, revision_id, retracts, channel, previous, "
    "state, breaking, due_at, not_after, created_at, updated_at, tries, exposed, adapter, "
    "course, step, remote_id, detail, sent_ms, text, record) VALUES"
    " (5001, 5000, 1, 5000, 0, 1, NULL, 3, 0, NULL, 99, 12, 13, 1, 1, 'telegram', 'publish', "
    "NULL, '77', NULL, 31, 'Five', '{\"remote_id\":\"77\"}'),"
    " (5002, 5000, 2, -1, 0, 1, 5001, 3, 0, NULL, 99, 13, 14, 1, 1, 'telegram', 'update', "
    "NULL, "
    "'77', NULL, 32, 'Five, changed', '{}'),"
    " (5003, 5000, 3, -2, 1, 1, 5002, 3, 0, NULL, 0, 14, 15, 1, 1, 'telegram', 'retract', "
    "NULL, "
    "NULL, NULL, 33, NULL, '{}'),"
    " (5004, 5000, 1, 5000, 0, 50, NULL, 9, 0, NULL, 0, 12, 13, 0, 0, 'mastodon', NULL, NULL, "
    "NULL, 'superseded', 0, NULL, '{}'),"
    " (6001, 6000, 1, 6000, 0, 50, NULL, 3, 1, NULL, 0, 22, 23, 2, 1, 'mastodon', 'publish', "
    "NULL, '88', NULL, 34, 'Six', '{\"remote_id\":\"88\"}'),"
    " (6002, 6000, 2, -3, 0, 50, 6001, 4, 1, 9000, 0, 23, 24, 1, 1, 'mastodon', 'update', "
    "'edit_status', NULL, 'HTTP 503', 35, NULL, '{\"n\":2}');"
    "INSERT INTO standing (article, channel, last, front, worth_till, post, post_at, face, "
    "record) VALUES (5000, 1, 5003, NULL, 99, NULL, 0, NULL, NULL),"
    " (5000, 50, 5004, NULL, 1, NULL, 0, NULL, NULL),"
    " (6000, 50, 6002, 6002, 1, 6001, 23, zeroblob(32), '{\"remote_id\":\"88\"}');"
    "INSERT INTO attempt VALUES (5001, 900, 1, 'send', 12, 13, 'done', 200, NULL, 31),"
    " (5002, 901, 1, 'edit', 13, 14, 'done', 200, NULL, 32),"
    " (5003, 902, 1, 'delete', 14, 15, 'done', 200, NULL, 33),"
    " (6001, 904, 1, 'post_status', 23, 23, 'done', 200, NULL, 31),"
    " (6002, 905, 1, 'edit_status', 24, 24, 'again', 503, 'HTTP 503', 35);"
    "INSERT INTO click VALUES (6000, 'whatsapp', 12, 99);"
    "INSERT INTO seen VALUES ('key-6', 6000, 22);";

static void make_old(int version, const char *path)
{
    char *from = mem_printf(FIXTURES "/ledger/v%d.db", version);
    sqlite3 *db;

    kit_copy_file(from, path);
    db = open_db(path);
    if (version < 3) { /* the sample of version 3 has all of that */
        exec(db, version == 1 ? more_v1 : more_v2);
    }
    sqlite3_close(db);
    mem_free(from);
}

/* ---- all it held ---- */

#define BOTH_WAYS 0
#define OLD_IN_NEW 1

struct kept {
    const char *old_rows, *new_rows;
    int how;
};

static const struct kept kept_v1[] = {
#define SAME(table, columns)                                                                   \
    {                                                                                          \
        "SELECT " columns " FROM old." table, "SELECT " columns " FROM main." table, BOTH_WAYS \
    }
    SAME("article",
         "id, public_id, state, source, url, title, breaking, reason, revision, hash,"
         " source_updated_at, created_at, updated_at, seen_at"),
    SAME("alias", "kind, scope, value, article"),
    SAME("revision",
         "article, revision, kind, at, source, breaking, reason, title, face, document"),
    SAME("seen", "replay_key, article, at"),
    SAME("click", "article, target, count, last_at"),
    SAME("attempt",
         "delivery, id, seq, step, started_at, ended_at, verdict, status, detail, sent_ms"),
    SAME("channel",
         "id, name, paused, blocked, blocked_why, blocked_at, last_error, last_error_at, "
         "account"),
    {"SELECT id, tokens, bucket_at, last_done_at FROM old.channel",
     "SELECT channel, tokens, bucket_at, last_done_at FROM main.tally",
     BOTH_WAYS},
/* What was in flight is so no more. */
#define OF_DELIVERY                                                                            \
    "id, article, revision, channel, state, breaking, not_after, created_at, updated_at, "     \
    "failures,"                                                                                \
    " tries, exposed, in_doubt, by_hand, repeatable, publishes, adapter, course, step, "       \
    "step_at,"                                                                                 \
    " remote_id, remote_url, detail, sent_ms, text, record, iif(state = 1, NULL, due_at)"
    {"SELECT " OF_DELIVERY " FROM old.delivery WHERE state <> 2",
     "SELECT " OF_DELIVERY " FROM main.delivery WHERE id NOT IN"
     " (SELECT id FROM old.delivery WHERE state = 2)",
     BOTH_WAYS},
    {"SELECT id, article, revision, channel, tries, course, step, record FROM old.delivery",
     "SELECT id, article, revision, channel, tries, course, step, record FROM main.delivery",
     BOTH_WAYS},
    {"SELECT article, channel, delivery, at, face, record FROM old.post",
     "SELECT article, channel, post, post_at, face, record FROM main.standing"
     " WHERE post IS NOT NULL",
     BOTH_WAYS},
    {"SELECT id, at, kind, data FROM old.event",
     "SELECT id, at, kind, data FROM main.event",
     OLD_IN_NEW},
};

static const struct kept kept_v2[] = {
    SAME("article",
         "id, public_id, state, source, url, title, breaking, reason, revision, newest, "
         "content, "
         "hash, source_updated_at, created_at, updated_at, seen_at, names"),
    SAME("alias", "*"),
    SAME("revision", "*"),
    SAME("seen", "*"),
    SAME("click", "*"),
    SAME("standing", "*"),
    SAME("channel", "*"),
    {"SELECT channel, tokens, bucket_at, last_done_at FROM old.tally",
     "SELECT channel, tokens, bucket_at, last_done_at FROM main.tally",
     BOTH_WAYS},
    {"SELECT * FROM old.delivery WHERE state <> 2",
     "SELECT * FROM main.delivery WHERE id NOT IN (SELECT id FROM old.delivery WHERE state = "
     "2)",
     BOTH_WAYS},
    {"SELECT * FROM old.attempt", "SELECT * FROM main.attempt", OLD_IN_NEW},
    {"SELECT * FROM old.event", "SELECT * FROM main.event", OLD_IN_NEW},
    /* nobody said anything of that then */
    {"SELECT * FROM main.article WHERE quiet NOT NULL OR quiet_why NOT NULL OR held <> 0 OR"
     " retract_at NOT NULL OR merged_into NOT NULL OR gate_until NOT NULL OR page NOT NULL",
     "SELECT * FROM main.article WHERE 0",
     OLD_IN_NEW},
};

static const struct kept kept_v3[] = {
    SAME("article", "*"),
    SAME("alias", "*"),
    SAME("revision", "*"),
    SAME("seen", "*"),
    SAME("click", "*"),
    SAME("standing", "*"),
    SAME("channel", "*"),
    SAME("source", "*"),
    SAME("inbox", "*"),
    {"SELECT * FROM old.delivery WHERE state <> 2",
     "SELECT * FROM main.delivery WHERE id NOT IN (SELECT id FROM old.delivery WHERE state = "
     "2)",
     BOTH_WAYS},
    {"SELECT * FROM old.attempt", "SELECT * FROM main.attempt", OLD_IN_NEW},
    {"SELECT * FROM old.event", "SELECT * FROM main.event", OLD_IN_NEW},
    {"SELECT * FROM main.credential", "SELECT * FROM main.credential WHERE 0", OLD_IN_NEW},
};

static const struct {
    const struct kept *v;
    size_t count;
} kept_of[] = {
    [1] = {kept_v1, ARRAY_LEN(kept_v1)},
    [2] = {kept_v2, ARRAY_LEN(kept_v2)},
    [3] = {kept_v3, ARRAY_LEN(kept_v3)},
};

static void insist_on_none(sqlite3 *db, const char *rows, const char *but)
{
    char *sql = mem_printf("SELECT count(*) FROM (%s EXCEPT %s)", rows, but);

    if (number(db, sql) != 0) {
        fail_msg("%lld rows: %s", (long long)number(db, sql), sql);
    }
    mem_free(sql);
}

static void insist_on_all(int version, const char *old_path, const char *path)
{
    const struct kept *kept = kept_of[version].v;
    size_t count = kept_of[version].count;
    sqlite3 *db = open_db(path);
    char *attach = mem_printf("ATTACH '%s' AS old", old_path);

    exec(db, attach);
    for (size_t i = 0; i < count; i++) {
        insist_on_none(db, kept[i].old_rows, kept[i].new_rows);
        if (kept[i].how == BOTH_WAYS) {
            insist_on_none(db, kept[i].new_rows, kept[i].old_rows);
        }
    }
    assert_int_equal(number(db, "SELECT count(*) FROM main.delivery"),
                     number(db, "SELECT count(*) FROM old.delivery"));
    mem_free(attach);
    sqlite3_close(db);
}

/* Untouched. */
static void insist_on_old(int version, const char *path, const char *old)
{
    const char *const tables[] = {"article",
                                  "alias",
                                  "revision",
                                  "delivery",
                                  "attempt",
                                  version == 1 ? "post" : "standing",
                                  "event",
                                  "tally"};
    sqlite3 *db = open_db(path);
    char *attach = mem_printf("ATTACH '%s' AS old", old);

    exec(db, attach);
    assert_int_equal(number(db, "PRAGMA main.user_version"), version);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char *ours = mem_printf("SELECT * FROM main.%s", tables[i]);
        char *theirs = mem_printf("SELECT * FROM old.%s", tables[i]);

        insist_on_none(db, ours, theirs);
        insist_on_none(db, theirs, ours);
        mem_free(ours);
        mem_free(theirs);
    }
    mem_free(attach);
    sqlite3_close(db);
}

static void all_of_an_old_file_is_in_the_new_one(void **state)
{
    struct kit *k = *state;
    char *old = mem_printf("%s/old.db", k->dir);

    for (int version = 1; version < SQLITE_SCHEMA_VERSION; version++) {
        char *copy = mem_printf("%s.v%d.bak", k->path, version);

        make_old(version, old);
        put_in_place(k, old);
        kit_open(k);
        insist_on_all(version, old, k->path);
        kit_insist_clean(k->location);
        kit_close(k);
        kit_insist_clean(k->location);
        insist_on_old(version, copy, old); /* which can be put back */
        mem_free(copy);
    }
    unlink(old);
    mem_free(old);
}

/* ---- the power goes out ---- */

#if WITH_FAULTS

/* In a process of its own, which ends at the fault point. Returns whether it came there. */
static bool crash_while_opening(struct kit *k, const char *fault)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct err why = {.code = ERR_NONE};

        fault_set(fault);
        _exit(ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, &why) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) &&
                (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CRASHED));
    return WEXITSTATUS(status) == CRASHED;
}

static void insist_on_either_version(int from, const char *path, const char *old)
{
    sqlite3 *db = open_db(path);
    int64_t version = number(db, "PRAGMA user_version");
    int64_t old_tables = number(
        db, "SELECT count(*) FROM sqlite_master WHERE name = 'post' OR name LIKE 'old_%'");

    assert_true(version == from || version == SQLITE_SCHEMA_VERSION);
    assert_int_equal(old_tables, version == 1 ? 1 : 0);
    sqlite3_close(db);
    if (version == from) {
        insist_on_old(from, path, old);
    }
}

/* One fault after the other, until none is left; returns how many there were. */
static int crash_at_each(struct kit *k, int version, const char *point, const char *old)
{
    for (int n = 1;; n++) {
        char *fault = mem_printf("%s:%d:exit", point, n);
        bool crashed;

        put_in_place(k, old);
        crashed = crash_while_opening(k, fault);
        mem_free(fault);
        if (crashed) {
            insist_on_either_version(version, k->path, old);
        }
        kit_open(k);
        insist_on_all(version, old, k->path);
        kit_close(k);
        kit_insist_clean(k->location);
        if (!crashed) {
            return n - 1;
        }
    }
}

static void a_crash_at_any_step_leaves_one_version_whole(void **state)
{
    static const char *const points[] = {"ledger.copy", "ledger.copied", "ledger.migrate"};
    struct kit *k = *state;
    char *old = mem_printf("%s/old.db", k->dir);

    for (int version = 1; version < SQLITE_SCHEMA_VERSION; version++) {
        int crashes = 0;

        make_old(version, old);
        for (size_t i = 0; i < ARRAY_LEN(points); i++) {
            crashes += crash_at_each(k, version, points[i], old);
        }
        /* two of the copy, three steps each to versions 2 and 3, one to 4, before and after the commit */
        assert_true(crashes >= 4 + 3 * (3 - version) + 1);
    }
    unlink(old);
    mem_free(old);
}

static void without_a_copy_nothing_is_migrated(void **state)
{
    struct kit *k = *state;
    char *old = mem_printf("%s/old.db", k->dir);
    char *copy = mem_printf("%s.v1.bak", k->path);
    struct err why = {.code = ERR_NONE};

    make_old(1, old);
    put_in_place(k, old);
    kit_copy_file(old, copy);
    fault_set("ledger.copy:1");
    assert_int_equal(ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, &why), ERR_IO);
    assert_non_null(strstr(why.text, "before migrating"));
    assert_int_equal(fault_set(NULL), 1);
    insist_on_either_version(1, k->path, old);
    insist_on_old(1, copy, old); /* of an earlier try: it stays until there is a better one */
    unlink(old);
    mem_free(copy);
    mem_free(old);
}

#endif

/* ---- versions that are not known ---- */

static void a_newer_file_is_refused_with_both_versions_and_what_to_do(void **state)
{
    struct kit *k = *state;
    struct err why = {.code = ERR_NONE};
    sqlite3 *db;

    kit_open(k);
    kit_close(k);
    db = open_db(k->path);
    exec(db, "PRAGMA user_version = 7");
    sqlite3_close(db);
    assert_int_equal(ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, &why),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, k->path));
    assert_non_null(strstr(why.text, "schema 7, this one knows up to 4"));
    assert_non_null(strstr(why.text, "start that one, or put back the copy"));
}

/* ---- a backup comes back ---- */

static void back_up(struct kit *k, const char *to)
{
    struct ledger_size size;
    struct err why = {.code = ERR_NONE};

    if (ledger_backup(k->location, to, kit_go_on, &size, &why)) {
        fail_msg("%s", why.text);
    }
}

/* As schema.sql says them, of each state that waits. */
#define NOT_BEGUN "course IS NULL AND step IS NULL AND step_at = 0 AND attempt_at = 0"

static void what_waits_in_a_backup_may_have_been_sent(void **state)
{
    static const char *const versions[] = {"v1", "v2", "v3", "v4"};
    struct kit *k = *state;
    char *copy = mem_printf("%s/copy.db", k->dir);

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        char *from = mem_printf(FIXTURES "/ledger/%s.db", versions[i]);
        struct ledger_stats stats;
        sqlite3 *db;

        put_in_place(k, from);
        back_up(k, copy);
        put_in_place(k, copy);
        kit_open(k);
        ledger_stats(k->l, &stats);
        assert_true(stats.restored_from_ms > KIT_NOW - 200 * 86400000LL);
        /* held, ready, in flight, again, blocked; from version 3 on one at the gate, one corrected; and
         * in the newest one a wave */
        assert_int_equal(stats.restored, i < 2 ? 5 : i == 2 ? 7 : 8);
        db = open_db(k->path);
        assert_int_equal(
            number(db, "SELECT count(*) FROM delivery WHERE state IN (0, 1, 4, 7)"),
            stats.restored - 1);
        assert_int_equal(number(db,
                                "SELECT count(*) FROM delivery WHERE state IN (0, 1, 4, 7)"
                                " AND exposed = 1 AND " NOT_BEGUN),
                         stats.restored - 1);
        assert_int_equal(kit_count(k, DELIVERY_UNKNOWN, "telegram"), 2); /* one was in flight */
        assert_int_equal(number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'copied'"),
                         0);
        sqlite3_close(db);
        kit_reopen(k);
        ledger_stats(k->l, &stats);
        assert_int_equal(stats.restored_from_ms, 0);
        kit_close(k);
        kit_insist_clean(k->location);
        unlink(copy);
        mem_free(from);
    }
    mem_free(copy);
}

/* A copy of a copy is as old as the first. */
static void a_backup_of_a_backup_keeps_its_age(void **state)
{
    struct kit *k = *state;
    char *copy = mem_printf("%s/copy.db", k->dir);
    struct ledger_stats stats;
    sqlite3 *db;

    kit_open(k);
    kit_close(k);
    back_up(k, copy);
    db = open_db(copy);
    exec(db, "UPDATE copied SET at = 123");
    sqlite3_close(db);
    put_in_place(k, copy);
    unlink(copy);
    back_up(k, copy);
    put_in_place(k, copy);
    kit_open(k);
    ledger_stats(k->l, &stats);
    assert_int_equal(stats.restored_from_ms, 123);
    kit_close(k);
    unlink(copy);
    mem_free(copy);
}

static int set_up(void **state)
{
    struct kit *k = mem_zalloc(sizeof *k);

    kit_init(k);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    struct kit *k = *state;

    kit_done_all(k);
    mem_free(k);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_of_an_old_file_is_in_the_new_one),
#if WITH_FAULTS
        CASE(a_crash_at_any_step_leaves_one_version_whole),
        CASE(without_a_copy_nothing_is_migrated),
#endif
        CASE(a_newer_file_is_refused_with_both_versions_and_what_to_do),
        CASE(what_waits_in_a_backup_may_have_been_sent),
        CASE(a_backup_of_a_backup_keeps_its_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
