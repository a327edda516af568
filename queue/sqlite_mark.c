/* How far the ledger has come, noted outside of it: the number of its newest event, in the lock file.
 * Called by sqlite.c after each commit and by sqlite_open.c; owns nothing.
 *
 * SQLite takes what it finds of its log for all there was. When the end of it is missing (somebody
 * removed it beside the file, a disk lost what it had confirmed, an older copy was put back), the file
 * opens without a word, as it was before its newest commits. But what was posted since is public: a
 * delivery that had its end is ready again, an article's correction finds no article. All of it would
 * go out a second time. So a ledger that has not come as far as it once had is refused, and a person
 * decides.
 *
 * The note is written after the commit and never waited for. A crash in between, or the power, leaves
 * an older one, which is no reason for suspicion. */

#include "queue/sqlite_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"

#define FORMAT "event %020" PRId64 "\n"
#define PREFIX_BYTES 6
#define NOTE_BYTES (PREFIX_BYTES + 20 + 1)

void sqlite__mark(struct sqlite *s)
{
    char note[NOTE_BYTES + 1];
    int64_t newest = s->next_event - 1; /* 0 and less: none since the start */

    if (s->lock_fd < 0 || newest <= s->marked) {
        return;
    }
    (void)snprintf(note, sizeof note, FORMAT, newest);
    if (pwrite(s->lock_fd, note, NOTE_BYTES, 0) == NOTE_BYTES) {
        s->marked = newest;
    }
}

/* 0: none, or none that can be read. */
static int64_t read_note(int fd)
{
    char note[NOTE_BYTES + 1] = "";
    const char *digits = note + PREFIX_BYTES;
    int64_t event;

    if (pread(fd, note, NOTE_BYTES, 0) != NOTE_BYTES ||
        strncmp(note, FORMAT, PREFIX_BYTES) != 0) {
        return 0;
    }
    note[NOTE_BYTES - 1] = '\0';
    digits += strspn(digits, "0");
    return parse_i64(digits, &event) ? event : 0;
}

enum err_code sqlite__mark_check(struct sqlite *s, const char *path, struct err *why)
{
    int64_t newest = sqlite__int(&s->writer, SQL_EVENT_NEXT, NO_ARGS, 1) - 1;
    enum err_code rc = sqlite__error_take(&s->writer, why);

    s->marked = read_note(s->lock_fd);
    if (rc || newest >= s->marked) {
        return rc;
    }
    return err_set(
        why,
        ERR_INVALID,
        "its newest writes are missing: it ends with event %" PRId64 " and had come to %" PRId64
        ". What was posted since could be posted again. Expected the whole of it (%s "
        "and, if there was one, %s-wal); to go on without what is missing, remove "
        "%s.lock",
        newest,
        s->marked,
        path,
        path,
        path);
}
