/* The version of a ledger file: made new, brought forward, or refused. Called once, at open,
 * before anything else touches the file.
 *
 * The order, and what a crash leaves: the copy beside the file is complete and on disk before
 * the first change, or the file stays as it is; the changes and the new version number are one
 * transaction, so a crash leaves either version whole. A copy of an earlier, interrupted try is
 * replaced when the new one is whole. */

#include "queue/sqlite_internal.h"

#include "base/fault.h"
#include "base/mem.h"

extern const unsigned char schema_sql[]; /* schema.sql, embedded by the build; NUL-terminated */

static void set_version(struct sqlite_conn *c, int version)
{
    char *sql = mem_printf(
        "PRAGMA application_id = %d; PRAGMA user_version = %d", SQLITE_APPLICATION_ID, version);

    sqlite__exec(c, sql);
    mem_free(sql);
}

static enum err_code finish(struct sqlite_conn *c, struct err *why)
{
    enum err_code rc;

    sqlite__exec(c, "COMMIT");
    rc = sqlite__error_take(c, why);
    if (rc && !sqlite3_get_autocommit(c->db)) {
        sqlite__exec(c, "ROLLBACK");
        c->error.code = ERR_NONE;
    }
    return rc;
}

static enum err_code create(struct sqlite_conn *c, int version, struct err *why)
{
    sqlite__exec(c, "BEGIN IMMEDIATE");
    sqlite__exec(c, (const char *)schema_sql);
    set_version(c, version);
    return finish(c, why);
}

static enum err_code
copy_beside(struct sqlite_conn *c, const char *path, int version, struct err *why)
{
    char *copy = mem_printf("%s.v%d.bak", path, version);
    enum err_code rc = sqlite__copy(c, copy, why);

    if (rc) {
        err_wrap(why, "copy it to %s before migrating", copy);
    }
    mem_free(copy);
    return rc;
}

/* What a schema makes and the file does not have, in the words of the schema. SQLite itself is asked what
 * that is: it runs in memory, and its list of it is read. */
static void make_missing(struct sqlite_conn *c, const char *schema)
{
    struct sqlite_conn model = {.db = NULL};
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_open(":memory:", &model.db) != SQLITE_OK ||
        sqlite3_exec(model.db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(model.db,
                           "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
                           " ORDER BY rowid",
                           -1,
                           &stmt,
                           NULL) != SQLITE_OK) {
        err_set(&c->error, ERR_IO, "read the schema: %s", sqlite3_errmsg(model.db));
    }
    while (stmt && !c->error.code && sqlite3_step(stmt) == SQLITE_ROW) {
        char *ask = sqlite3_mprintf("SELECT count(*) FROM sqlite_master WHERE name = %Q",
                                    (const char *)sqlite3_column_text(stmt, 0));

        if (sqlite__pragma(c, ask) == 0) {
            sqlite__exec(c, (const char *)sqlite3_column_text(stmt, 1));
        }
        sqlite3_free(ask);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(model.db);
}

static void take_step(struct sqlite_conn *c, const struct sqlite_migration *step)
{
    if (step->make_missing) {
        make_missing(c, step->sql);
    } else {
        sqlite__exec(c, step->sql);
    }
}

static enum err_code step_forward(struct sqlite_conn *c,
                                  int version,
                                  int newest,
                                  const struct sqlite_migration *steps,
                                  size_t count,
                                  struct err *why)
{
    enum err_code rc;

    /* The fault points are of use with ":exit". */
    sqlite__exec(c, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++) {
        if (steps[i].to > version && steps[i].to <= newest) {
            (void)FAULT("ledger.migrate");
            take_step(c, &steps[i]);
        }
    }
    set_version(c, newest);
    (void)FAULT("ledger.migrate");
    rc = finish(c, why);
    (void)FAULT("ledger.migrate");
    if (rc) {
        err_wrap(why, "migrate from version %d to %d", version, newest);
    }
    return rc;
}

static enum err_code
check_ours(int64_t version, int64_t application, int64_t tables, struct err *why)
{
    if (application == SQLITE_APPLICATION_ID || (version == 0 && tables == 0)) {
        return ERR_NONE;
    }
    return err_set(why, ERR_INVALID, "this database is not a ledger of crier");
}

enum err_code sqlite__refuse_newer(int64_t version, int newest, struct err *why)
{
    return err_set(
        why,
        ERR_UNSUPPORTED,
        "it was written by a newer crier (schema %lld, this one knows up to %d): start that "
        "one, or put back the copy it made beside the file before it changed it "
        "(.v%d.bak)",
        (long long)version,
        newest,
        newest);
}

enum err_code sqlite__migrate(struct sqlite_conn *c,
                              const char *path,
                              int newest,
                              const struct sqlite_migration *steps,
                              size_t count,
                              struct err *why)
{
    int64_t version = sqlite__pragma(c, "PRAGMA user_version");
    int64_t application = sqlite__pragma(c, "PRAGMA application_id");
    int64_t tables = sqlite__pragma(c, "SELECT count(*) FROM sqlite_master");
    enum err_code rc = sqlite__error_take(c, why);

    if (!rc) {
        rc = check_ours(version, application, tables, why);
    }
    if (rc || version == newest) {
        return rc;
    }
    if (version > newest || version < 0) {
        return sqlite__refuse_newer(version, newest, why);
    }
    if (version == 0) {
        return create(c, newest, why);
    }
    rc = path ? copy_beside(c, path, (int)version, why) : ERR_NONE;
    return rc ? rc : step_forward(c, (int)version, newest, steps, count, why);
}
