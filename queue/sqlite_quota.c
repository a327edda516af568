/* What is used of quotas: which delivery made a post, or may have, and when. Written with the begin of its
 * request and with its end (sqlite_attempt.c), so a crash between the two leaves it counted: it may be public.
 * What is left is decided by queue/quota.c. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Longer than any quota's window (config/parse_check.c). */
#define QUOTA_KEPT_MS (32 * MS_DAY)

void sqlite__quota_put(struct sqlite *s,
                       struct delivery_id delivery,
                       const struct channel_row *ch,
                       int64_t at_ms)
{
    sqlite__do(&s->writer, SQL_QUOTA_PUT, ARGS(ARG_I(delivery.v), ARG_I(ch->id), ARG_I(at_ms)));
}

void sqlite__quota_drop(struct sqlite *s, struct delivery_id delivery)
{
    sqlite__do(&s->writer, SQL_QUOTA_DROP, ARGS(ARG_I(delivery.v)));
}

void sqlite__quota_prune(struct sqlite *s, int64_t now_ms)
{
    sqlite__do(&s->writer, SQL_QUOTA_PRUNE, ARGS(ARG_I(now_ms - QUOTA_KEPT_MS)));
}

enum err_code sqlite__quota(struct sqlite_conn *c, struct ledger_quota *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_QUOTA_LIST, ARGS(ARG_I(r->since_ms)));
    size_t room = 0;

    r->v = NULL;
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        struct ledger_quota_use *use;

        if (r->count == room) {
            room = room ? 2 * room : 64;
            r->v = mem_realloc(r->v, room, sizeof *r->v);
        }
        use = &r->v[r->count++];
        use->delivery.v = (uint64_t)sqlite3_column_int64(stmt, 0);
        sqlite__col_name(stmt, 1, use->channel);
        use->at_ms = sqlite3_column_int64(stmt, 2);
    }
    return ERR_NONE;
}
