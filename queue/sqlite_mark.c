/* Whether the newest writes are all there. SQLite ends its log (WAL) at the first frame that is damaged or
 * missing, and says nothing: what follows was never written. So would a file from a backup. For a ledger
 * that means articles lost after their 202, and posts that are sent again. So how far the writing has come
 * is noted beside the ledger, in PATH.mark, and a ledger that does not reach as far is not opened. Called by
 * sqlite_open.c and after each commit; owns the mark's descriptor and one to look into the log's index.
 *
 * When it is noted, and why that is sound: after COMMIT has returned, so when the commit is on disk
 * (synchronous=FULL), and before anybody is told of it. The mark is not synced, so after a power failure
 * it may be older than the ledger, never newer: a whole ledger is never refused. When the process alone
 * dies the page cache keeps it, so then it is exact, but for a commit that nobody was told of. It is one
 * write of 32 bytes per group of requests.
 *
 * What is noted, and what it finds:
 *   events  the number of the newest event. The file holds fewer: it is an older copy, or the log is gone.
 *   log     the salts of the log, which are new each time it begins anew, and its frames. The same log
 *           with fewer: it was cut or damaged. Also where events would not tell: frames that are in the
 *           file already are read from the log as long as it is there, so a log that ends early shows
 *           older pages beside newer ones.
 * A copy that `crier backup` made is older by intention, and what that means is seen to
 * (sqlite_restored.c): it is not held against its mark.
 * A log of other salts, or none, is no mistake: it began anew or was taken into the file, by us or by
 * somebody with the sqlite3 command after a crash. Then the events must do. */

#include "queue/sqlite_internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

#define MAGIC "crier-m1"

/* As in the file. It is no further than this machine, so in its byte order. */
struct mark {
    char magic[8];
    int64_t events;
    uint32_t salts[2]; /* 0: no log */
    uint32_t frames;
    uint32_t sum; /* of all before it */
};
_Static_assert(sizeof(struct mark) == 32, "written with one call, within one sector");

/* The head of the index of the log, a file that all connections map:
 * https://www.sqlite.org/walformat.html#the_wal_index_file_format */
#define INDEX_VERSION 3007000
struct index_head {
    uint32_t version, unused, changes;
    uint8_t is_init, big_endian_sums;
    uint16_t page_size;
    uint32_t frames, pages;
    uint32_t frame_sums[2], salts[2], sums[2];
};
_Static_assert(sizeof(struct index_head) == 48, "as SQLite has it");

static uint32_t sum_of(const struct mark *m)
{
    const uint8_t *bytes = (const uint8_t *)m;
    uint32_t sum = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < offsetof(struct mark, sum); i++) {
        sum = (sum ^ bytes[i]) * 16777619U;
    }
    return sum;
}

/* ---- the log ---- */

/* Opened once and closed after the connections: with any descriptor of a file POSIX drops all locks that
 * the process has there, and SQLite's are on this one. */
static bool read_log(struct sqlite *s, struct index_head *out)
{
    if (s->index_fd < 0) {
        char *name = mem_printf("%s-shm", s->path);

        s->index_fd = open(name, O_RDONLY | O_CLOEXEC);
        mem_free(name);
    }
    return s->index_fd >= 0 && pread(s->index_fd, out, sizeof *out, 0) == sizeof *out &&
           out->version == INDEX_VERSION && out->is_init;
}

/* -1: an error, which sticks to the connection. */
static int64_t newest_event(struct sqlite_conn *c)
{
    sqlite3_stmt *stmt = NULL;
    int64_t found = -1;
    int rc;

    if (sqlite3_prepare_v2(c->db, "SELECT max(id) FROM event", -1, &stmt, NULL)) {
        rc = sqlite3_extended_errcode(c->db);
        if (rc == SQLITE_ERROR) {
            return 0; /* no such table: the file is empty, or none of ours */
        }
        sqlite__fail(c, "read the newest event");
        return -1;
    }
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        found = sqlite3_column_int64(stmt, 0);
    } else {
        sqlite__fail(c, "read the newest event");
    }
    sqlite3_finalize(stmt);
    return found;
}

static void write_mark(struct sqlite *s, struct mark *m)
{
    m->events = s->newest_event;
    m->sum = sum_of(m);
    /* A mark that could not be written is older than the ledger, which is no harm. */
    if (!FAULT("ledger.mark")) {
        (void)!pwrite(s->mark_fd, m, sizeof *m, 0);
    }
}

/* ---- at open ---- */

static enum err_code
read_mark(struct sqlite *s, const char *name, struct mark *out, struct err *why)
{
    ssize_t len = pread(s->mark_fd, out, sizeof *out, 0);

    if (len < 0) {
        return err_errno(why, "read %s", name);
    }
    if (len == 0) { /* the first start with this ledger, or somebody removed it */
        *out = (struct mark){.magic = MAGIC};
        return ERR_NONE;
    }
    if (len != sizeof *out || memcmp(out->magic, MAGIC, sizeof out->magic) != 0 ||
        out->sum != sum_of(out)) {
        return err_set(
            why,
            ERR_IO,
            "%s, which says how far the ledger was written, is damaged; the disk may "
            "be failing. If you know the ledger to be whole, remove %s",
            name,
            name);
    }
    return ERR_NONE;
}

static enum err_code refuse(const char *name, const char *found, struct err *why)
{
    return err_set(
        why,
        ERR_IO,
        "its newest writes are missing: %s. Articles that were accepted would be lost, "
        "and posts sent twice. Put the newest whole copy of the ledger in its place; to "
        "go on with what is there, remove %s",
        found,
        name);
}

static enum err_code
compare(struct sqlite *s, const char *name, const struct mark *m, struct err *why)
{
    int64_t events = newest_event(&s->writer);
    enum err_code rc = sqlite__error_take(&s->writer, why);
    struct index_head log;
    char found[128];

    s->newest_event = events;
    if (!rc && sqlite__is_copy(&s->writer)) { /* the mark is of another file */
        write_mark(s, &(struct mark){.magic = MAGIC});
        return ERR_NONE;
    }
    if (rc || m->events == 0) {
        return rc;
    }
    if (events < m->events) {
        (void)snprintf(found,
                       sizeof found,
                       "it ends at event %lld of %lld",
                       (long long)events,
                       (long long)m->events);
        return refuse(name, found, why);
    }
    if (read_log(s, &log) && memcmp(log.salts, m->salts, sizeof log.salts) == 0 &&
        log.frames < m->frames) {
        (void)snprintf(found,
                       sizeof found,
                       "its log (-wal) ends at frame %u of %u",
                       (unsigned)log.frames,
                       (unsigned)m->frames);
        return refuse(name, found, why);
    }
    return ERR_NONE;
}

enum err_code sqlite__mark_open(struct sqlite *s, struct err *why)
{
    char *name = mem_printf("%s.mark", s->path);
    enum err_code rc = ERR_NONE;
    struct mark m;

    s->mark_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->mark_fd < 0) {
        rc = err_errno(why, "open %s", name);
    }
    if (!rc) {
        rc = read_mark(s, name, &m, why);
    }
    if (!rc) {
        rc = compare(s, name, &m, why);
    }
    mem_free(name);
    return rc;
}

/* ---- while it is open ---- */

void sqlite__mark(struct sqlite *s)
{
    struct mark m = {.magic = MAGIC};
    struct index_head log;

    if (s->mark_fd < 0) {
        return;
    }
    if (read_log(s, &log)) {
        memcpy(m.salts, log.salts, sizeof m.salts);
        m.frames = log.frames;
    }
    write_mark(s, &m);
}

void sqlite__mark_end(struct sqlite *s)
{
    int frames = 0, taken = 0;

    if (s->mark_fd >= 0 &&
        sqlite3_wal_checkpoint_v2(
            s->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &taken) == SQLITE_OK &&
        frames == taken) {
        write_mark(s, &(struct mark){.magic = MAGIC});
    }
}
