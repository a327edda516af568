/* The version of a ledger file: made new, brought forward, or refused. Called once, at open,
 * before anything else touches the file.
 *
 * The order, and what a crash leaves: the copy beside the file is complete and on disk before
 * the first change; the changes and the new version number are one transaction, so a crash
 * leaves either version whole. A copy of an earlier, interrupted try is written anew. */

#include "queue/sqlite_internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

extern const unsigned char schema_sql[]; /* schema.sql, embedded by the build; NUL-terminated */

static int64_t pragma(struct sqlite_conn *c, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = 0;

    if (c->error.code) {
        return 0;
    }
    if (sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite__fail(c, "read the file");
    } else {
        value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return value;
}

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

static enum err_code sync_file(const char *path, int flags, struct err *why)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    enum err_code rc = ERR_NONE;

    if (fd < 0 || fsync(fd) != 0) {
        rc = err_errno(why, "write %s", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* VACUUM INTO wants an empty file; we make it, so that its mode is ours. */
static enum err_code
copy_beside(struct sqlite_conn *c, const char *path, int version, struct err *why)
{
    char *copy = mem_printf("%s.v%d.bak", path, version);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
    enum err_code rc;

    must(sql != NULL);
    rc = sync_file(copy, O_RDWR | O_CREAT | O_TRUNC, why);
    if (!rc) {
        sqlite__exec(c, sql);
        rc = sqlite__error_take(c, why);
    }
    if (!rc) {
        rc = sync_file(copy, O_RDWR, why);
    }
    if (rc) {
        err_wrap(why, "copy it to %s before migrating", copy);
    }
    sqlite3_free(sql);
    mem_free(copy);
    return rc;
}

static enum err_code step_forward(struct sqlite_conn *c,
                                  int version,
                                  int newest,
                                  const struct sqlite_migration *steps,
                                  size_t count,
                                  struct err *why)
{
    enum err_code rc;

    sqlite__exec(c, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++) {
        if (steps[i].to > version && steps[i].to <= newest) {
            sqlite__exec(c, steps[i].sql);
        }
    }
    set_version(c, newest);
    rc = finish(c, why);
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

enum err_code sqlite__migrate(struct sqlite_conn *c,
                              const char *path,
                              int newest,
                              const struct sqlite_migration *steps,
                              size_t count,
                              struct err *why)
{
    int64_t version = pragma(c, "PRAGMA user_version");
    int64_t application = pragma(c, "PRAGMA application_id");
    int64_t tables = pragma(c, "SELECT count(*) FROM sqlite_master");
    enum err_code rc = sqlite__error_take(c, why);

    if (!rc) {
        rc = check_ours(version, application, tables, why);
    }
    if (rc || version == newest) {
        return rc;
    }
    if (version > newest || version < 0) {
        return err_set(why,
                       ERR_UNSUPPORTED,
                       "it was written by a newer crier (schema %lld, this one knows up to %d)",
                       (long long)version,
                       newest);
    }
    if (version == 0) {
        return create(c, newest, why);
    }
    rc = path ? copy_beside(c, path, (int)version, why) : ERR_NONE;
    return rc ? rc : step_forward(c, (int)version, newest, steps, count, why);
}
