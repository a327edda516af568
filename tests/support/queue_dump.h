#ifndef CRIER_TESTS_SUPPORT_QUEUE_DUMP_H
#define CRIER_TESTS_SUPPORT_QUEUE_DUMP_H

/* What is in a ledger's file, in words that can be compared: for the tests of what goes wrong. Header only. */

#include <sqlite3.h>

#include "base/buf.h"
#include "tests/support/queue_kit.h"

#define DUMP_BYTES ((size_t)64 * 1024)

static inline int dump_row(void *to, int count, char **values, char **names)
{
    struct buf *out = to;

    (void)names;
    for (int i = 0; i < count; i++) {
        buf_addf(out, "%s|", values[i] ? values[i] : "-");
    }
    buf_addc(out, '\n');
    return 0;
}

/* All that is kept, in words; the ledger is closed. Also insists on a sound file, and on counts that are
 * those of the rows. */
static inline char *dump(const char *path)
{
    static const char *const queries[] = {
        "PRAGMA integrity_check",
        "SELECT article, revision, channel, state, due_at, failures, tries, exposed, in_doubt, "
        "course, "
        "step, record, remote_id FROM delivery ORDER BY id",
        "SELECT id, public_id, revision, state, breaking, names, quiet, held, retract_at, "
        "merged_into, gate_until, page FROM article ORDER BY id",
        "SELECT kind, value, article FROM alias ORDER BY 1, 2",
        "SELECT name, state FROM source",
        "SELECT id, source, tries FROM inbox",
        "SELECT article, revision FROM revision ORDER BY id",
        "SELECT article, channel, post, record, doubt FROM standing ORDER BY article, channel",
        "SELECT delivery, verdict, started_at, ended_at FROM attempt ORDER BY delivery, "
        "started_at, verdict",
        "SELECT name, paused, account FROM channel ORDER BY id",
        "SELECT channel, held, ready, in_flight, done, again, unknown, cancelled, tokens FROM "
        "tally",
        "SELECT id, kind, data FROM event ORDER BY id",
        "SELECT id, state, address, topics, state_why, failures FROM member ORDER BY id",
        "SELECT * FROM member_mark_new ORDER BY member",
        "SELECT * FROM audience",
        "SELECT * FROM topic",
        "SELECT first, last, count, holes, hex(bytes) FROM prepared ORDER BY first",
        "SELECT * FROM wave",
        "SELECT * FROM wave_batch",
        "SELECT * FROM wave_exception",
        "SELECT name, accepted, gone, hex(times) FROM wave_service",
        "SELECT 'miscounted', channel FROM tally t WHERE (SELECT count(*) FROM delivery d "
        "WHERE "
        "d.channel = t.channel) <> held + ready + in_flight + done + again + unknown + "
        "rejected + "
        "blocked + expired + cancelled",
    };
    sqlite3 *db = NULL;
    struct buf out;
    char *text;

    buf_init(&out, DUMP_BYTES);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        if (sqlite3_exec(db, queries[i], dump_row, &out, NULL) != SQLITE_OK) {
            fail_msg("%s: %s", queries[i], sqlite3_errmsg(db));
        }
    }
    (void)sqlite3_close(db);
    assert_true(buf_ok(&out));
    text = buf_detach(&out, NULL);
    assert_non_null(strstr(text, "ok|\n"));
    assert_null(strstr(text, "miscounted"));
    return text;
}

#endif
