/* A ledger that came back from a backup: since it was made time has passed, in which a service sent on
 * from another file. Called once, at open, before the recovery and in its transaction; the mark that
 * sqlite_backup.c leaves in every copy says that it is one, and is taken off here.
 *
 * Whatever waited in it may have been sent meanwhile, so it is exposed: it is not dropped when it is late,
 * and a newer revision waits behind it. And it begins anew, since the step at hand says nothing any more;
 * one that is exposed and has not begun is what the courier looks for before it sends, or holds for a
 * person, unless all of its course may be repeated. What was in flight where a repeat does harm becomes
 * unknown by the recovery, as after a crash.
 *
 * Nobody can say here what was accepted since: those articles are not in the file. So a source that is
 * watched is told to look as if for the first time, and what its inbox holds becomes an article that is held
 * for a person. What was prepared for members may have been used: it is forgotten. */

#include "queue/sqlite_internal.h"

bool sqlite__is_copy(struct sqlite_conn *c)
{
    return sqlite__pragma(c,
                          "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                          " AND name = 'copied'") > 0;
}

static void doubt(struct sqlite *s, struct delivery_id id)
{
    struct delivery_row d;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    if (d.state != DELIVERY_IN_FLIGHT || d.repeatable || !d.publishes) {
        sqlite__attempt_write(s, &d, NULL);
        sqlite__do(&s->writer, SQL_DELIVERY_DOUBT, ARGS(ARG_I(id.v)));
    }
    sqlite__delivery_done(&d);
}

static void find_waiting(struct sqlite *s, struct id_list *out)
{
    static const enum delivery_state states[] = {
        DELIVERY_HELD, DELIVERY_READY, DELIVERY_IN_FLIGHT, DELIVERY_AGAIN, DELIVERY_BLOCKED};
    struct id_list channels = {.v = NULL};

    sqlite__ids_query(&s->writer, SQL_CHANNEL_IDS, NO_ARGS, &channels);
    for (size_t i = 0; i < channels.count; i++) {
        for (size_t n = 0; n < ARRAY_LEN(states); n++) {
            sqlite__of_state(&s->writer, channels.v[i], states[n], out);
        }
    }
    sqlite__ids_done(&channels);
}

void sqlite__restored(struct sqlite *s, struct ledger_opened *opened)
{
    struct id_list ids = {.v = NULL};

    if (!sqlite__is_copy(&s->writer)) {
        return;
    }
    opened->restored_from_ms = sqlite__pragma(&s->writer, "SELECT min(at) FROM copied");
    find_waiting(s, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        doubt(s, (struct delivery_id){(uint64_t)ids.v[i]});
    }
    opened->restored = (int64_t)ids.count;
    sqlite__do(&s->writer, SQL_SOURCES_RESTORED, NO_ARGS);
    sqlite__do(&s->writer, SQL_INBOX_RESTORED, NO_ARGS);
    sqlite__do(&s->writer, SQL_PREPARED_FORGET, NO_ARGS);
    sqlite__do(&s->writer, SQL_AUDIENCE_FORGET_PREPARED, NO_ARGS);
    sqlite__ids_done(&ids);
    sqlite__exec(&s->writer, "DROP TABLE copied");
}
