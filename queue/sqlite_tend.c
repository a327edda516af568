/* Taking the log (WAL) into the file, beside the writing. Called by ledger.c on a thread of its own, when
 * the writer has asked for it; owns a connection that reads and writes nothing else.
 *
 * SQLite would do it inside a commit, every so many pages: then the articles of that commit wait for some
 * thousand pages and the fsync of the file. A passive checkpoint from another connection holds up
 * nobody. But under a load that never pauses the log cannot start anew, since there are always frames
 * that came after the last pass; it only grows. So when it has grown to WAL_MAX_FRAMES the writer stops
 * and does the rest itself: that is little, most has been taken over by then.
 *
 * Nor can it start anew while somebody reads an older state: a long list of our own reader, and `crier
 * backup`, a check or a sqlite3 shell beside us, for as long as they take. The writer waits for nobody
 * longer than a moment; the log goes on growing, and is tried again a little later, by turns with
 * another pass: what has gathered meanwhile is not for one commit to take over.
 *
 * What a crash leaves is for SQLite to say: what is in the log is taken from there at the next open. A
 * checkpoint that fails (the disk is full) costs nothing but the log's length; it is tried again. */

#include "queue/sqlite_internal.h"

#include "base/fault.h"

/* 16 MB of pages: they are still in the page cache. */
#define TEND_FRAMES 2000
#define WAL_MAX_FRAMES 16000          /* 128 MB */
#define MOST_FRAMES (2 * TEND_FRAMES) /* that a commit may take over by itself */
#define RESTART_WAIT_MS 20

/* After each commit, on the writing thread. */
static int on_commit(void *store, sqlite3 *db, const char *name, int frames)
{
    struct sqlite *s = store;

    (void)db;
    (void)name;
    s->wal_frames = frames;
    return SQLITE_OK;
}

void sqlite__tend_watch(struct sqlite *s)
{
    (void)sqlite3_wal_hook(s->writer.db, on_commit, s);
}

static bool start_anew(struct sqlite *s)
{
    int rc;

    sqlite3_busy_timeout(s->writer.db, RESTART_WAIT_MS);
    rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    sqlite3_busy_timeout(s->writer.db, SQLITE_BUSY_MS);
    return rc == SQLITE_OK;
}

bool sqlite__tend_wanted(struct sqlite *s)
{
    int tended = atomic_load(&s->wal_tended), behind;

    if (s->wal_frames < tended) { /* the log began anew */
        atomic_store(&s->wal_tended, 0);
        tended = 0;
    }
    behind = s->wal_frames - tended;
    if (s->wal_frames < WAL_MAX_FRAMES) {
        s->wal_refused = 0;
        return behind >= TEND_FRAMES;
    }
    if (s->wal_frames - s->wal_refused < TEND_FRAMES || atomic_load(&s->tending)) {
        return false; /* a pass is over soon, and no other begins before this has had its turn */
    }
    if ((behind <= MOST_FRAMES || s->wal_frames >= 2 * WAL_MAX_FRAMES) && start_anew(s)) {
        atomic_store(&s->wal_tended, 0);
        s->wal_frames = s->wal_refused = 0;
        return false;
    }
    s->wal_refused = s->wal_frames;
    return true;
}

void sqlite__tend(struct sqlite *s)
{
    int frames = 0, taken = 0;

    if (FAULT("ledger.tend")) {
        return;
    }
    atomic_store(&s->tending, true);
    if (sqlite3_wal_checkpoint_v2(
            s->tender.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &taken) == SQLITE_OK &&
        taken >= 0) {
        atomic_store(&s->wal_tended, taken);
    }
    atomic_store(&s->tending, false);
}
