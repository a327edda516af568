/* The one place that moves a delivery: counts, standing, row and event together. Called by every
 * write of the store; the legal moves stand in state.c. Also what hangs on a move: the delivery
 * behind it, and the post that stands afterwards.
 *
 * Standing says which delivery of an article is open on a channel, and which is held behind it. There
 * are never more: a newer revision that finds one held cancels it and takes its place
 * (sqlite_fanout.c). */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

static void read_row(sqlite3_stmt *stmt, struct delivery_row *out, int64_t *out_channel)
{
    int i = 0;

    out->id.v = (uint64_t)sqlite3_column_int64(stmt, i++);
    out->article.v = (uint64_t)sqlite3_column_int64(stmt, i++);
    out->revision = sqlite3_column_int64(stmt, i++);
    out->revision_id = sqlite3_column_int64(stmt, i++);
    out->retracts = sqlite3_column_int(stmt, i++) != 0;
    *out_channel = sqlite3_column_int64(stmt, i++);
    out->state = (enum delivery_state)sqlite3_column_int(stmt, i++);
    out->breaking = sqlite3_column_int(stmt, i++) != 0;
    out->has_due = sqlite3_column_type(stmt, i) != SQLITE_NULL;
    out->due_at_ms = sqlite3_column_int64(stmt, i++);
    out->not_after_ms = sqlite3_column_int64(stmt, i++);
    out->created_at_ms = sqlite3_column_int64(stmt, i++);
    out->failures = sqlite3_column_int64(stmt, i++);
    out->tries = sqlite3_column_int64(stmt, i++);
    out->exposed = sqlite3_column_int(stmt, i++) != 0;
    out->in_doubt = sqlite3_column_int(stmt, i++) != 0;
    out->by_hand = sqlite3_column_int(stmt, i++) != 0;
    out->repeatable = sqlite3_column_int(stmt, i++) != 0;
    out->publishes = sqlite3_column_int(stmt, i++) != 0;
    out->attempt = sqlite3_column_int64(stmt, i++);
    out->attempt_at_ms = sqlite3_column_int64(stmt, i++);
    out->public_id = sqlite__col_dup(stmt, i++);
    out->called_off = sqlite3_column_int(stmt, i) != 0 && !out->retracts;
}

bool sqlite__delivery(struct sqlite *s, struct delivery_id id, struct delivery_row *out)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_DELIVERY_GET, ARGS(ARG_I(id.v)));
    int64_t channel;

    *out = (struct delivery_row){.public_id = NULL};
    if (!sqlite__row(&s->writer, stmt)) {
        return false;
    }
    read_row(stmt, out, &channel);
    sqlite__end(stmt);
    if ((unsigned)out->state < DELIVERY_STATE_COUNT) {
        out->channel = sqlite__channel_by_id(s, channel);
    }
    if (!out->channel) { /* the schema forbids both: the file is damaged */
        err_set(&s->writer.error, ERR_IO, "delivery with unknown state or channel");
        sqlite__delivery_done(out);
        return false;
    }
    return true;
}

void sqlite__delivery_done(struct delivery_row *d)
{
    mem_free(d->public_id);
    d->public_id = NULL;
}

void sqlite__tell(struct sqlite *s,
                  const struct delivery_row *d,
                  enum delivery_state from,
                  const struct move_note *note,
                  int64_t now_ms)
{
    char id[ID_TEXT_BYTES];
    struct buf b;

    sqlite__event_start(&b);
    json_put_text(&b, "delivery", id_delivery_text(d->id, id));
    sqlite__event_article(&b, "article", d->article, d->public_id);
    json_put_text(&b, "channel", d->channel->name);
    json_put_int(&b, "revision", d->revision);
    json_put_text(&b, "from", delivery_state_name(from));
    json_put_text(&b, "to", delivery_state_name(d->state));
    json_put_int(&b, "attempt", d->tries);
    if (d->has_due && d->due_at_ms > now_ms) {
        json_put_int(&b, "due_at_ms", d->due_at_ms);
    }
    json_put_text(&b, "detail", note->detail);
    json_put_text(&b, "link", note->link);
    json_put_text(&b, "by", note->by);
    sqlite__event_write(s, "delivery.state", &b, now_ms);
}

/* Only these wait for a time of their own; for all others it is gone (delivery_due in schema.sql). */
static bool waits_for_a_time(enum delivery_state s)
{
    return s == DELIVERY_AGAIN || s == DELIVERY_UNKNOWN;
}

/* Callers ask for legal moves only, of what they read through an index: a row that is elsewhere
 * means that the file is damaged. The request fails, and what it wrote is taken back. */
static void refuse(struct sqlite *s, enum delivery_state from, enum delivery_state to)
{
    s->writer.wrote = true; /* what came before this move may not stay */
    if (!s->writer.error.code) {
        err_set(&s->writer.error,
                ERR_IO,
                "a delivery cannot move from %s to %s: the file is damaged",
                delivery_state_name(from),
                delivery_state_name(to));
    }
}

static void point(struct sqlite *s, const struct delivery_row *d, enum sqlite_sql id)
{
    sqlite__do(
        &s->writer, id, ARGS(ARG_I(d->article.v), ARG_I(d->channel->id), ARG_I(d->id.v)));
}

/* What the article's standing on the channel says of it. One that is done says more, and is written
 * with its post: sqlite__post_…(). */
static void
note_standing(struct sqlite *s, const struct delivery_row *d, enum delivery_state from)
{
    if (d->state == DELIVERY_DONE) {
        return;
    }
    if (delivery_state_ended(d->state)) {
        sqlite__do(&s->writer,
                   SQL_STANDING_ENDED,
                   ARGS(ARG_I(d->article.v),
                        ARG_I(d->channel->id),
                        ARG_I(d->id.v),
                        ARG_I(d->exposed && !d->retracts)));
    } else if (d->state == DELIVERY_HELD) {
        point(s, d, SQL_STANDING_BEHIND);
    } else if (from == DELIVERY_HELD || delivery_state_ended(from)) {
        point(s, d, SQL_STANDING_FRONT);
    }
}

bool sqlite__enter(struct sqlite *s, struct delivery_row *d, enum delivery_state to)
{
    enum delivery_state from = d->state;

    if (!delivery_may_move(from, to)) {
        refuse(s, from, to);
        return false;
    }
    d->state = to;
    d->has_due = d->has_due && waits_for_a_time(to);
    sqlite__count(d->channel, from, -1);
    sqlite__count(d->channel, to, 1);
    note_standing(s, d, from);
    return true;
}

void sqlite__move(struct sqlite *s,
                  struct delivery_row *d,
                  enum delivery_state to,
                  const struct move_note *note,
                  int64_t now_ms)
{
    enum delivery_state from = d->state;

    if (!sqlite__enter(s, d, to)) {
        return;
    }
    sqlite__do(&s->writer,
               SQL_DELIVERY_MOVE,
               ARGS(ARG_I(d->id.v),
                    ARG_I(to),
                    d->has_due ? ARG_I(d->due_at_ms) : ARG_NULL,
                    ARG_I(d->not_after_ms),
                    ARG_I(now_ms),
                    ARG_I(d->failures),
                    ARG_I(d->tries),
                    ARG_I(d->exposed),
                    ARG_I(d->in_doubt),
                    ARG_I(d->by_hand),
                    ARG_S(note->detail)));
    sqlite__tell(s, d, from, note, now_ms);
}

void sqlite__make_ready(struct sqlite *s,
                        struct delivery_row *d,
                        const char *by,
                        int64_t now_ms)
{
    d->in_doubt = false;
    d->by_hand = false;
    sqlite__move(s, d, DELIVERY_READY, &(struct move_note){.by = by}, now_ms);
}

void sqlite__job(const struct delivery_row *d, int64_t now_ms, struct ledger_job *out)
{
    *out = (struct ledger_job){
        .id = d->id,
        .article = d->article,
        .breaking = d->breaking,
        .verify = d->state == DELIVERY_UNKNOWN,
        .due_at_ms = d->has_due ? d->due_at_ms : now_ms,
        .not_after_ms = d->exposed ? 0 : d->not_after_ms,
        .created_at_ms = d->created_at_ms,
        .attempts = d->failures,
    };
    memcpy(out->channel, d->channel->name, sizeof out->channel);
}

struct open_ones
sqlite__open_ones(struct sqlite *s, struct article_id article, const struct channel_row *ch)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_STANDING_OPEN, ARGS(ARG_I(article.v), ARG_I(ch->id)));
    struct open_ones open = {.front = {0}};

    if (sqlite__row(&s->writer, stmt)) {
        open.front.v = (uint64_t)sqlite3_column_int64(stmt, 0);
        open.behind.v = (uint64_t)sqlite3_column_int64(stmt, 1);
        open.last.v = (uint64_t)sqlite3_column_int64(stmt, 2);
        sqlite__end(stmt);
    }
    return open;
}

bool sqlite__release(struct sqlite *s,
                     struct article_id article,
                     struct channel_row *ch,
                     int64_t now_ms,
                     struct ledger_job *out)
{
    struct open_ones open = sqlite__open_ones(s, article, ch);
    struct delivery_row d;

    if (open.front.v != 0 || open.behind.v == 0 || !sqlite__delivery(s, open.behind, &d)) {
        return false;
    }
    sqlite__make_ready(s, &d, NULL, now_ms);
    sqlite__job(&d, now_ms, out);
    sqlite__delivery_done(&d);
    return true;
}

bool sqlite__is_overtaken(struct sqlite *s, const struct delivery_row *d)
{
    struct open_ones open = sqlite__open_ones(s, d->article, d->channel);

    if (d->called_off) {
        return true;
    }
    return open.behind.v != 0 && open.behind.v != d->id.v;
}

const char *sqlite__why_overtaken(const struct delivery_row *d)
{
    return d->called_off ? "its article was withdrawn, or merged into another"
                         : "superseded by a newer revision";
}

void sqlite__post_set(struct sqlite *s,
                      const struct delivery_row *d,
                      const char *record,
                      int64_t now_ms)
{
    sqlite__do(&s->writer,
               SQL_STANDING_POST,
               ARGS(ARG_I(d->article.v),
                    ARG_I(d->channel->id),
                    ARG_I(d->id.v),
                    ARG_I(now_ms),
                    ARG_I(d->revision_id),
                    ARG_S(record)));
}

void sqlite__post_remove(struct sqlite *s, const struct delivery_row *d)
{
    point(s, d, SQL_STANDING_NO_POST);
}

void sqlite__post_keep(struct sqlite *s, const struct delivery_row *d)
{
    point(s, d, SQL_STANDING_DONE);
}
