/* A copy of the ledger: for `crier backup`, and before a file is brought to a newer version. Called by
 * upkeep.c and sqlite_migrate.c; owns the file it writes until that has its name.
 *
 * By VACUUM INTO, not by SQLite's backup calls. It reads one state, in one read transaction, so it comes
 * to its end however fast the service writes, which the backup calls do only when they are not asked for
 * it in portions; it holds up no writer, only the log grows meanwhile (sqlite_tend.c). It writes rows, not
 * pages: a page that is damaged fails the copy instead of being copied, and nothing that was deleted
 * comes along.
 *
 * The order, and what a crash leaves: the copy grows under the name TO.part, for its owner alone; it is
 * marked, synced, and only then renamed, and the folder synced. So TO is whole or not there, and what
 * stays of a killed try is TO.part, which the next one writes anew.
 *
 * The mark (a table `copied`) says that this file is a copy: when a service opens it, time has passed in
 * which what waits here was sent (sqlite_restored.c). */

#include "queue/sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

#define PROGRESS_STEPS                                                                         \
    100 /* of SQLite's machine: some twenty rows, each of which may be megabytes */
/* The disk is handed the copy in pieces: a sync of gigabytes at the end would hold up the service's. */
#define SYNC_BYTES (INT64_C(16) * 1024 * 1024)

struct copy {
    const char *to;
    bool replaces;
    ledger_stop_fn *stop; /* NULL: nothing stops it */
    char *part;
    int fd;
    bool ours; /* the part: locked by us */
    int64_t synced_bytes;
};

static bool is_stopped(const struct copy *p)
{
    return p->stop && p->stop();
}

static enum err_code say_stopped(struct err *why)
{
    return err_set(why, ERR_STOPPED, "stopped; nothing was written");
}

/* ---- the file ---- */

static enum err_code refuse_existing(const char *path, struct err *why)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return ERR_NONE;
    }
    return err_set(why,
                   ERR_CONFLICT,
                   S_ISDIR(st.st_mode) ? "%s is a folder; name a file in it"
                                       : "%s is there already, and stays; name another file",
                   path);
}

static void drop_journal(const struct copy *p)
{
    char *journal = mem_printf("%s-journal", p->part);

    (void)unlink(journal);
    mem_free(journal);
}

/* Two that write the same copy would mix it; and one that was renamed between open and lock is not the
 * part any more. */
static enum err_code lock_part(struct copy *p, struct err *why)
{
    struct stat opened, named;
    bool locked = flock(p->fd, LOCK_EX | LOCK_NB) == 0;

    if (!locked && errno != EWOULDBLOCK) {
        return err_errno(why, "lock %s", p->part);
    }
    p->ours = locked && fstat(p->fd, &opened) == 0 && lstat(p->part, &named) == 0 &&
              opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
    return p->ours ? ERR_NONE
                   : err_set(why, ERR_BUSY, "another copy is being written to %s", p->part);
}

/* VACUUM INTO wants an empty file; we make it, so that its mode is ours. */
static enum err_code take_part(struct copy *p, struct err *why)
{
    enum err_code rc;

    p->fd = open(p->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->fd < 0) {
        return err_errno(why, "make %s", p->part);
    }
    rc = lock_part(p, why);
    if (rc) {
        return rc;
    }
    drop_journal(p);
    if (ftruncate(p->fd, 0) != 0 || fchmod(p->fd, 0600) != 0) {
        return err_errno(why, "empty %s", p->part);
    }
    return ERR_NONE;
}

static enum err_code sync_folder_of(const char *path, struct err *why)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err_code rc = ERR_NONE;

    /* EINVAL: this file system has no such thing. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        rc = err_errno(why, "sync folder %s", folder);
    }
    if (fd >= 0) {
        close(fd);
    }
    mem_free(folder);
    return rc;
}

/* Not every file system can refuse to replace: there, a look must do. */
static bool give_name(const struct copy *p)
{
    struct stat st;

    if (p->replaces) {
        return rename(p->part, p->to) == 0;
    }
    if (renameat2(AT_FDCWD, p->part, AT_FDCWD, p->to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (lstat(p->to, &st) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(p->part, p->to) == 0;
}

static enum err_code finish(struct copy *p, struct err *why)
{
    if (fsync(p->fd) != 0) {
        return err_errno(why, "write %s", p->part);
    }
    if (is_stopped(p)) {
        return say_stopped(why);
    }
    (void)FAULT("ledger.copied"); /* of use with ":exit": whole, without its name */
    if (!give_name(p)) {
        return errno == EEXIST ? refuse_existing(p->to, why)
                               : err_errno(why, "rename %s to %s", p->part, p->to);
    }
    p->ours = false;
    return sync_folder_of(p->to, why);
}

/* ---- what is in it ---- */

static int on_progress(void *context)
{
    struct copy *p = context;
    struct stat st;

    if (is_stopped(p)) {
        return 1;
    }
    if (fstat(p->fd, &st) == 0 && st.st_size - p->synced_bytes >= SYNC_BYTES) {
        (void)fdatasync(p->fd); /* the last sync says whether it worked */
        p->synced_bytes = st.st_size;
    }
    return 0;
}

static enum err_code fill(struct copy *p, struct sqlite_conn *c, struct err *why)
{
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", p->part);
    enum err_code rc;

    must(sql != NULL);
    sqlite3_progress_handler(c->db, PROGRESS_STEPS, on_progress, p);
    if (FAULT("ledger.copy")) {
        err_set(&c->error, ERR_IO, "fault point");
    }
    sqlite__exec(c, sql);
    sqlite3_progress_handler(c->db, 0, NULL, NULL);
    sqlite3_free(sql);
    rc = sqlite__error_take(c, why);
    return rc && is_stopped(p) ? say_stopped(why) : rc;
}

/* A copy of a copy is as old as the oldest mark says. No journal: a part is not kept. */
static const char mark_sql[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;"
    "CREATE TABLE IF NOT EXISTS copied (at INTEGER NOT NULL);"
    "INSERT INTO copied VALUES (1000 * CAST(strftime('%s', 'now') AS INTEGER));"
    "COMMIT;";

static enum err_code mark(struct copy *p, struct ledger_size *out, struct err *why)
{
    struct sqlite_conn c = {.db = NULL};

    if (sqlite3_open_v2(p->part, &c.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        sqlite__fail(&c, "open the copy");
    }
    sqlite__exec(&c, mark_sql);
    if (out) {
        sqlite__count_rows(&c, out);
    }
    sqlite__conn_done(&c);
    return sqlite__error_take(&c, why);
}

static enum err_code
write_copy(struct copy *p, struct sqlite_conn *c, struct ledger_size *out, struct err *why)
{
    enum err_code rc = take_part(p, why);

    if (!rc) {
        rc = fill(p, c, why);
    }
    if (!rc) {
        rc = mark(p, out, why);
    }
    return rc ? rc : finish(p, why);
}

static enum err_code
copy_to(struct copy *p, struct sqlite_conn *c, struct ledger_size *out, struct err *why)
{
    enum err_code rc;

    p->part = mem_printf("%s.part", p->to);
    p->fd = -1;
    rc = write_copy(p, c, out, why);
    if (p->ours) {
        (void)unlink(p->part);
        drop_journal(p);
    }
    if (p->fd >= 0) {
        close(p->fd);
    }
    mem_free(p->part);
    return rc;
}

enum err_code sqlite__copy(struct sqlite_conn *c, const char *to, struct err *why)
{
    struct copy p = {.to = to, .replaces = true};

    return copy_to(&p, c, NULL, why);
}

/* ---- crier backup ---- */

/* Names that SQLite and we give to what stands beside the ledger: a backup there would be taken for it, or
 * deleted. */
static bool is_beside(const char *to, const char *path)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal", ".lock", ".mark"};
    const char *slash = strrchr(to, '/');
    char *folder = slash ? mem_strndup(to, (size_t)(slash - to) + 1) : mem_strdup(".");
    char *real_folder = realpath(folder, NULL);
    char *real_path = realpath(path, NULL);
    char *full =
        mem_printf("%s/%s", real_folder ? real_folder : folder, slash ? slash + 1 : to);
    bool beside = false;

    for (size_t i = 0; real_path && i < ARRAY_LEN(endings); i++) {
        char *name = mem_printf("%s%s", real_path, endings[i]);

        beside = beside || strcmp(name, full) == 0;
        mem_free(name);
    }
    mem_free(full);
    mem_free(folder);
    free(real_folder); /* libc's */
    free(real_path);   /* libc's */
    return beside;
}

enum err_code sqlite__backup(const char *path,
                             const char *to,
                             ledger_stop_fn *stop,
                             struct ledger_size *out,
                             struct err *why)
{
    struct copy p = {.to = to, .stop = stop};
    struct sqlite_conn c = {.db = NULL};
    struct ledger_size size = {.articles = 0};
    enum err_code rc = refuse_existing(to, why);

    if (!rc && is_beside(to, path)) {
        rc = err_set(
            why, ERR_INVALID, "%s is a name of the ledger's own; name another file", to);
    }
    if (!rc) {
        rc = sqlite__beside(&c, path, &size.version, why);
    }
    if (!rc) {
        /* As long as the log is read, it grows; nothing here is written but the copy. */
        sqlite__exec(&c, "PRAGMA synchronous = OFF");
        rc = copy_to(&p, &c, &size, why);
    }
    sqlite__conn_done(&c);
    if (!rc) {
        size.bytes = sqlite__file_bytes(to, "");
        *out = size;
    }
    return rc;
}
