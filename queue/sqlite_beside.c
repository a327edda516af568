/* A ledger file opened from outside, for a copy of it or a look at it. Called by sqlite_backup.c and
 * sqlite_check.c; owns nothing that outlives the connection.
 *
 * The service may be running, may have ended well, or may have died and left its log (WAL) behind. What
 * the log holds is part of the ledger in all three cases, so it is read, and after a death it stays where
 * it is: taking it into the file is for the service's next start. A reader of a log makes an index of it
 * beside the file; the last one to close a ledger whose log was empty takes both away again.
 *
 * No lock file here: who only looks stands in nobody's way, and must not keep the service from starting. */

#include "queue/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static enum err_code look_at_file(const char *path, struct err *why)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return errno == ENOENT ? err_set(why,
                                         ERR_NOT_FOUND,
                                         "there is no ledger %s; the service makes it when it "
                                         "first starts",
                                         path)
                               : err_errno(why, "look at %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(why, ERR_INVALID, "%s is no file", path);
    }
    return ERR_NONE;
}

int ledger_schema_version(void)
{
    return SQLITE_SCHEMA_VERSION;
}

int64_t sqlite__file_bytes(const char *path, const char *ending)
{
    char *name = mem_printf("%s%s", path, ending);
    struct stat st;
    int64_t bytes = stat(name, &st) == 0 ? st.st_size : 0;

    mem_free(name);
    return bytes;
}

/* The file says whether it has a log (bytes 18 and 19 of its first page: 2), which ours have from their
 * first start on; a copy says no. SQLite does not look: it would take the pages of the one for the
 * other's. */
enum err_code sqlite__check_log(const char *path, struct err *why)
{
    unsigned char head[20] = {0};
    int fd;
    bool whole;

    if (sqlite__file_bytes(path, "-wal") == 0) {
        return ERR_NONE;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    whole = fd >= 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head;
    if (fd >= 0) {
        close(fd);
    }
    if (!whole || head[18] != 1) {
        return ERR_NONE; /* what it is, SQLite will say */
    }
    return err_set(why,
                   ERR_CONFLICT,
                   "a backup was put in place of it, and the log beside it (%s-wal) is of the "
                   "ledger before: move that away, and %s-shm",
                   path,
                   path);
}

static enum err_code check_version(struct sqlite_conn *c, int *out_version, struct err *why)
{
    int64_t version = sqlite__pragma(c, "PRAGMA user_version");
    int64_t application = sqlite__pragma(c, "PRAGMA application_id");
    enum err_code rc = sqlite__error_take(c, why);

    if (rc) {
        return rc;
    }
    if (application != SQLITE_APPLICATION_ID || version < 1) {
        return err_set(why, ERR_INVALID, "this database is not a ledger of crier");
    }
    if (version > SQLITE_SCHEMA_VERSION) {
        return sqlite__refuse_newer(version, SQLITE_SCHEMA_VERSION, why);
    }
    *out_version = (int)version;
    return ERR_NONE;
}

enum err_code
sqlite__beside(struct sqlite_conn *c, const char *path, int *out_version, struct err *why)
{
    enum err_code rc = look_at_file(path, why);

    if (!rc) {
        rc = sqlite__check_log(path, why);
    }
    if (rc) {
        return rc;
    }
    if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        return err_set(why, ERR_IO, "open %s: %s", path, sqlite3_errmsg(c->db));
    }
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, SQLITE_BUSY_MS);
    if (sqlite__file_bytes(path, "-wal") > 0) {
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    sqlite__exec(c, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
    rc = check_version(c, out_version, why);
    return rc ? err_wrap(why, "open %s", path) : ERR_NONE;
}

void sqlite__count_rows(struct sqlite_conn *c, struct ledger_size *out)
{
    out->articles = sqlite__pragma(c, "SELECT count(*) FROM article");
    out->deliveries = sqlite__pragma(c, "SELECT count(*) FROM delivery");
}
