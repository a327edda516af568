/* Channels as the writer sees them. A channel's bucket, its counts and its last success change
 * with every delivery; they are gathered in memory and written once before the commit, so a
 * batch of a thousand deliveries costs one row per channel. After a rollback what was gathered
 * is dropped. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

static struct channel_row *remember(struct sqlite *s, sqlite3_stmt *stmt)
{
    struct channel_row *ch = mem_zalloc(sizeof *ch);

    ch->id = sqlite3_column_int64(stmt, 0);
    sqlite__col_name(stmt, 1, ch->name);
    ch->bucket.tokens = sqlite3_column_double(stmt, 2);
    ch->bucket.at_ms = sqlite3_column_int64(stmt, 3);
    ch->last_done_at_ms = sqlite3_column_int64(stmt, 4);
    map_put(s->channels, ch->name, strlen(ch->name), ch);
    map_put_u64(s->channels_by_id, (uint64_t)ch->id, ch);
    return ch;
}

static struct channel_row *
read_channel(struct sqlite *s, enum sqlite_sql id, const struct sql_arg *args)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, id, args);
    struct channel_row *ch = NULL;

    if (sqlite__row(&s->writer, stmt)) {
        ch = remember(s, stmt);
        sqlite__end(stmt);
    }
    return ch;
}

struct channel_row *sqlite__channel(struct sqlite *s, const char *name, bool create)
{
    struct channel_row *ch = map_get(s->channels, name, strlen(name));

    if (!ch) {
        ch = read_channel(s, SQL_CHANNEL_BY_NAME, ARGS(ARG_S(name)));
    }
    if (!ch && create) {
        sqlite__do(&s->writer, SQL_CHANNEL_NEW, ARGS(ARG_S(name)));
        ch = read_channel(s, SQL_CHANNEL_BY_NAME, ARGS(ARG_S(name)));
        if (ch) {
            sqlite__do(&s->writer, SQL_TALLY_NEW, ARGS(ARG_I(ch->id)));
        }
    }
    return ch;
}

struct channel_row *sqlite__channel_by_id(struct sqlite *s, int64_t id)
{
    struct channel_row *ch = map_get_u64(s->channels_by_id, (uint64_t)id);

    return ch ? ch : read_channel(s, SQL_CHANNEL_BY_ID, ARGS(ARG_I(id)));
}

void sqlite__count(struct channel_row *ch, enum delivery_state state, int64_t by)
{
    ch->moved[state] += by;
    ch->changed = true;
}

static void flush(struct sqlite *s, struct channel_row *ch)
{
    const int64_t *by = ch->moved;

    sqlite__do(&s->writer,
               SQL_TALLY_ADD,
               ARGS(ARG_I(ch->id),
                    ARG_I(by[DELIVERY_HELD]),
                    ARG_I(by[DELIVERY_READY]),
                    ARG_I(by[DELIVERY_IN_FLIGHT]),
                    ARG_I(by[DELIVERY_DONE]),
                    ARG_I(by[DELIVERY_AGAIN]),
                    ARG_I(by[DELIVERY_UNKNOWN]),
                    ARG_I(by[DELIVERY_REJECTED]),
                    ARG_I(by[DELIVERY_BLOCKED]),
                    ARG_I(by[DELIVERY_EXPIRED]),
                    ARG_I(by[DELIVERY_CANCELLED]),
                    ARG_D(ch->bucket.tokens),
                    ARG_I(ch->bucket.at_ms),
                    ARG_I(ch->last_done_at_ms)));
    memset(ch->moved, 0, sizeof ch->moved);
    ch->changed = false;
}

void sqlite__channels_flush(struct sqlite *s)
{
    struct channel_row *ch;
    size_t cursor = 0;

    while ((ch = map_each(s->channels, &cursor))) {
        if (ch->changed) {
            flush(s, ch);
        }
    }
}

void sqlite__channels_forget(struct sqlite *s)
{
    struct channel_row *ch;
    size_t cursor = 0;

    while ((ch = map_each(s->channels, &cursor))) {
        mem_free(ch);
    }
    map_free(s->channels);
    map_free(s->channels_by_id);
    s->channels = map_new();
    s->channels_by_id = map_new();
}

static void tell(struct sqlite *s, const struct ledger_channel_save *r)
{
    const struct ledger_channel *c = r->channel;
    struct buf b;

    sqlite__event_start(&b);
    json_put_text(&b, "channel", c->name);
    json_put_text(&b, "event", r->event);
    json_put_bool(&b, "paused", c->paused);
    json_put_bool(&b, "blocked", c->blocked);
    json_put_text(&b, "detail", c->blocked ? c->blocked_why : NULL);
    sqlite__event_write(s, "channel.state", &b, r->now_ms);
}

enum err_code sqlite__channel_save(struct sqlite *s, struct ledger_channel_save *r)
{
    const struct ledger_channel *c = r->channel;
    struct channel_row *ch = sqlite__channel(s, c->name, true);

    if (!ch) {
        return ERR_NONE; /* an error, which sticks */
    }
    if (c->bucket.at_ms > 0) {
        ch->bucket = c->bucket;
        ch->changed = true;
    }
    sqlite__do(&s->writer,
               SQL_CHANNEL_SAVE,
               ARGS(ARG_I(ch->id),
                    ARG_I(c->paused),
                    ARG_I(c->blocked),
                    ARG_S(c->blocked_why),
                    ARG_I(c->blocked_at_ms),
                    ARG_S(c->last_error),
                    ARG_I(c->last_error_at_ms)));
    if (r->event) {
        tell(s, r);
    }
    return ERR_NONE;
}
