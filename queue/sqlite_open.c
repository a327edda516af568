/* Opening a ledger file: alone, with its mode, its pragmas, its version, and in order. Called
 * by sqlite.c for ledger_open(); owns the lock file and the two connections.
 *
 * One crier at a time: two would send everything twice. SQLite's own locks do not say that
 * (they let two writers take turns), so a file beside the ledger is locked for as long as it is
 * open. The lock file stays when the program ends; removing it would let a third open a new one
 * while a second holds the old. */

#include "queue/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

/* Checking the whole file takes about a second per GiB; a start must take 50 ms. Larger files
 * are checked page by page as they are read (cell_size_check). */
#define CHECKED_WHOLE_BYTES (INT64_C(8) * 1024 * 1024)

extern const unsigned char schema_sql[]; /* embedded by the build, each NUL-terminated */
extern const unsigned char schema_v2_sql[];
extern const unsigned char schema_v3_sql[];
extern const unsigned char migrate_v2_before_sql[];
extern const unsigned char migrate_v2_after_sql[];
extern const unsigned char migrate_v3_before_sql[];
extern const unsigned char migrate_v3_after_sql[];

static const struct sqlite_migration migrations[] = {
    {.to = 2, .sql = (const char *)migrate_v2_before_sql},
    {.to = 2, .sql = (const char *)schema_v2_sql},
    {.to = 2, .sql = (const char *)migrate_v2_after_sql},
    {.to = 3, .sql = (const char *)migrate_v3_before_sql},
    {.to = 3, .sql = (const char *)schema_v3_sql, .make_missing = true},
    {.to = 3, .sql = (const char *)migrate_v3_after_sql},
    /* Version 4 has new tables, and changes none. */
    {.to = 4, .sql = (const char *)schema_sql, .make_missing = true},
};

/* SQLite's own count of its memory takes a lock at every allocation and nobody reads it: a
 * tenth of the time of a write. Possible only before its first use in the process; later it
 * changes nothing. */
static void stop_counting_memory(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void set_up_sqlite(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, stop_counting_memory);
}

/* ---- files ---- */

static enum err_code make_parent(const char *path, struct err *why)
{
    const char *slash = strrchr(path, '/');
    enum err_code rc = ERR_NONE;
    char *parent;

    if (!slash || slash == path) {
        return ERR_NONE;
    }
    parent = mem_strndup(path, (size_t)(slash - path));
    if (mkdir(parent, 0700) != 0 && errno != EEXIST) {
        rc = err_errno(why, "make folder %s", parent);
    }
    mem_free(parent);
    return rc;
}

static enum err_code take_lock(const char *path, int *out_fd, struct err *why)
{
    char *name = mem_printf("%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum err_code rc = ERR_NONE;

    if (fd < 0) {
        rc = err_errno(why, "open %s", name);
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK
                 ? err_set(why, ERR_BUSY, "another crier has it open (%s is locked)", name)
                 : err_errno(why, "lock %s", name);
        close(fd);
    } else {
        *out_fd = fd;
    }
    mem_free(name);
    return rc;
}

/* SQLite gives its WAL the mode of the database file. One that came back from a backup may be open
 * to everybody: it holds tokens of accounts, so that is taken away. The group's rights are somebody's
 * decision and stay. */
static enum err_code make_file(const char *path, struct err *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum err_code rc = ERR_NONE;
    struct stat st;

    if (fd < 0) {
        return err_errno(why, "open %s", path);
    }
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & S_IRWXO) != 0 &&
        fchmod(fd, st.st_mode & (S_IRWXU | S_IRWXG)) != 0) {
        rc = err_errno(why, "close %s to others", path);
    }
    close(fd);
    return rc;
}

/* ---- connections ---- */

static enum err_code connect_to(struct sqlite_conn *c, const char *path, struct err *why)
{
    /* NOMUTEX: each connection stays on one thread. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code =
        FAULT("ledger.open") ? SQLITE_CANTOPEN : sqlite3_open_v2(path, &c->db, flags, NULL);

    if (code != SQLITE_OK) {
        return err_set(why, ERR_IO, "open: %s", sqlite3_errstr(code));
    }
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_timeout(c->db, SQLITE_BUSY_MS);
    sqlite3_db_config(
        c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* see sqlite__close() */
    /* Pages of 8 KiB, for files made from now on: large ones write articles with fewer calls,
     * small ones write less for a lone commit (tests/bench/bench_ledger.c). */
    sqlite__exec(
        c,
        "PRAGMA page_size = 8192; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
        "PRAGMA temp_store = MEMORY;");
    return sqlite__error_take(c, why);
}

static enum err_code set_up_writer(struct sqlite *s, const char *file, struct err *why)
{
    enum err_code rc = sqlite__migrate(
        &s->writer, file, SQLITE_SCHEMA_VERSION, migrations, ARRAY_LEN(migrations), why);

    if (rc) {
        return rc;
    }
    sqlite__exec(&s->writer,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "PRAGMA foreign_keys = OFF; PRAGMA wal_autocheckpoint = 0;"
                 "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;");
    return sqlite__error_take(&s->writer, why);
}

static enum err_code check_whole(struct sqlite_conn *c, struct err *why)
{
    sqlite3_stmt *stmt = NULL;
    enum err_code rc = ERR_NONE;
    const char *found;

    if (sqlite3_prepare_v2(c->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite__fail(c, "check the file");
        rc = sqlite__error_take(c, why);
    } else {
        found = sqlite__col_text(stmt, 0);
        if (!found || strcmp(found, "ok") != 0) {
            rc = err_set(why, ERR_IO, "the file is damaged: %s", found ? found : "?");
        }
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* Yours; NULL after an error. Without the mark of a copy, which is taken off later (sqlite_restored.c). */
static char *schema_of(struct sqlite_conn *c)
{
    static const char sql[] = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM "
                              "sqlite_master WHERE name <> 'copied' ORDER BY type, name)";
    sqlite3_stmt *stmt = NULL;
    char *schema = NULL;

    if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite__fail(c, "read the schema");
    } else {
        schema = sqlite__col_dup(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return schema;
}

/* The schema is text in the file, and no check of SQLite's looks at the words: a name or a condition with
 * one other letter would be found when a statement fails, or never. */
enum err_code sqlite__check_schema(struct sqlite_conn *c, struct err *why)
{
    struct sqlite_conn model = {.db = NULL};
    enum err_code rc = connect_to(&model, ":memory:", why);
    char *is = NULL, *should_be = NULL;

    if (!rc) {
        sqlite__exec(&model, (const char *)schema_sql);
        should_be = schema_of(&model);
        rc = sqlite__error_take(&model, why);
    }
    if (!rc) {
        is = schema_of(c);
        rc = sqlite__error_take(c, why);
    }
    if (!rc && (!is || !should_be || strcmp(is, should_be) != 0)) {
        rc = err_set(
            why, ERR_IO, "the file is damaged: its schema is not the one of its version");
    }
    mem_free(is);
    mem_free(should_be);
    sqlite__conn_done(&model);
    return rc;
}

static enum err_code check_file(struct sqlite *s, const char *path, struct err *why)
{
    enum err_code rc = sqlite__check_schema(&s->writer, why);
    struct stat st;

    if (rc) {
        return rc;
    }
    if (stat(path, &st) != 0) {
        return err_errno(why, "look at %s", path);
    }
    return st.st_size <= CHECKED_WHOLE_BYTES ? check_whole(&s->writer, why) : ERR_NONE;
}

static enum err_code open_others(struct sqlite *s, const char *path, struct err *why)
{
    enum err_code rc = connect_to(&s->reader, path, why);

    if (rc) {
        return rc;
    }
    sqlite__exec(&s->reader, "PRAGMA query_only = ON;");
    rc = sqlite__error_take(&s->reader, why);
    if (rc) {
        return rc;
    }
    sqlite__tend_watch(s);
    rc = connect_to(&s->tender, path, why);
    if (rc) {
        return rc;
    }
    /* A connection that has read nothing knows of no log, and takes none into the file. */
    sqlite__exec(&s->tender, "PRAGMA schema_version;");
    return sqlite__error_take(&s->tender, why);
}

/* ---- */

static enum err_code open_file(struct sqlite *s, const char *path, struct err *why)
{
    enum err_code rc = make_parent(path, why);

    s->path = mem_strdup(path);
    if (!rc) {
        rc = take_lock(path, &s->lock_fd, why);
    }
    if (!rc) {
        rc = make_file(path, why);
    }
    if (!rc) {
        rc = sqlite__check_log(path, why);
    }
    if (!rc) {
        rc = connect_to(&s->writer, path, why);
    }
    if (!rc) {
        rc = sqlite__mark_open(s, why);
    }
    if (!rc) {
        rc = set_up_writer(s, path, why);
    }
    if (!rc) {
        rc = check_file(s, path, why);
    }
    return rc ? rc : open_others(s, path, why);
}

static enum err_code open_memory(struct sqlite *s, struct err *why)
{
    enum err_code rc = connect_to(&s->writer, ":memory:", why);

    s->single = true;
    return rc ? rc : set_up_writer(s, NULL, why);
}

enum err_code sqlite__open(struct sqlite **out,
                           const char *path,
                           int64_t now_ms,
                           struct ledger_opened *opened,
                           struct err *why)
{
    struct sqlite *s = mem_zalloc(sizeof *s);
    enum err_code rc;

    set_up_sqlite();
    s->lock_fd = s->mark_fd = s->index_fd = -1;
    s->opened_ms = s->latest_ms = now_ms;
    s->channels = map_new();
    s->channels_by_id = map_new();
    list_init(&s->events);
    rc = strcmp(path, ":memory:") == 0 ? open_memory(s, why) : open_file(s, path, why);
    if (!rc) {
        opened->single = s->single;
        rc = sqlite__recover(s, now_ms, opened, why);
    }
    if (rc) {
        sqlite__close(s);
        return rc;
    }
    s->opened = true;
    *out = s;
    return ERR_NONE;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* The last connection takes the log into the file and removes it; not that of a ledger that was
 * refused, whose owner may want to look at what is left. */
void sqlite__close(struct sqlite *s)
{
    /* Of use with ":exit": everybody was told, and the log is still there. */
    (void)FAULT("ledger.close");
    sqlite__conn_done(&s->reader);
    sqlite__conn_done(&s->tender);
    if (s->opened) {
        sqlite__mark_end(s);
        sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    sqlite__conn_done(&s->writer);
    sqlite__channels_forget(s);
    map_free(s->channels);
    map_free(s->channels_by_id);
    close_fd(s->index_fd);
    close_fd(s->mark_fd);
    close_fd(s->lock_fd);
    mem_free(s->path);
    mem_free(s);
}
