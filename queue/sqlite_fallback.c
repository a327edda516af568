/* A channel is blocked, and what waits there goes elsewhere. Called by sqlite.c inside the writer's
 * transaction: when a verdict has blocked a channel that has others to fall back to. (An article that comes in
 * while it is blocked is sent there by its accept: sqlite_fanout.c.)
 *
 * What a crash leaves. The end that blocked the delivery and this are two requests. A crash between them leaves
 * the delivery blocked and its channel too; at the start of the program every blocked channel is tried once
 * more, so that end comes again, or the article goes out where it belongs. And this one done twice does
 * nothing: where an article has anything already, no second delivery is made. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

static struct handed handed_by(struct ledger_fallback *r)
{
    return (struct handed){.jobs = &r->jobs,
                           .job_count = &r->job_count,
                           .cancelled = &r->stopped,
                           .cancelled_count = &r->stopped_count};
}

void sqlite__fallback_note(struct sqlite *s,
                           const struct accepted *at,
                           struct delivery_id delivery,
                           const struct channel_row *to,
                           const char *instead_of,
                           const char *why,
                           int64_t now_ms)
{
    struct channel_row *from = sqlite__channel(s, instead_of, true);
    char id[ID_TEXT_BYTES];
    struct buf b;

    if (!from) {
        return; /* an error, which sticks */
    }
    if (sqlite__do(&s->writer,
                   SQL_FALLBACK_NEW,
                   ARGS(ARG_I(at->article.v),
                        ARG_I(to->id),
                        ARG_I(from->id),
                        ARG_I(now_ms),
                        ARG_S(why ? why : ""))) == 0) {
        return; /* it is known */
    }
    sqlite__event_start(&b);
    json_put_text(&b, "delivery", id_delivery_text(delivery, id));
    sqlite__event_article(&b, "article", at->article, at->public_id);
    json_put_text(&b, "channel", to->name);
    json_put_text(&b, "for", from->name);
    json_put_text(&b, "detail", why);
    sqlite__event_write(s, "delivery.fallback", &b, now_ms);
}

bool sqlite__fallback_stands(struct sqlite *s, const struct delivery_row *d, char out[64])
{
    sqlite3_stmt *stmt = sqlite__query(
        &s->writer, SQL_FALLBACK_STANDS, ARGS(ARG_I(d->article.v), ARG_I(d->channel->id)));

    if (!sqlite__row(&s->writer, stmt)) {
        return false;
    }
    sqlite__col_name(stmt, 0, out);
    sqlite__end(stmt);
    return true;
}

/* ---- one delivery ---- */

/* The delivery by which the article went there already because another channel is blocked: then it is there
 * for this one, too. 0: none did. */
static struct delivery_id
went_for_another(struct sqlite *s, struct article_id article, const struct channel_row *ch)
{
    if (sqlite__int(&s->writer, SQL_FALLBACK_IS, ARGS(ARG_I(article.v), ARG_I(ch->id)), 0) ==
        0) {
        return (struct delivery_id){0};
    }
    return sqlite__open_ones(s, article, ch).last;
}

static void send_elsewhere(struct sqlite *s,
                           struct ledger_fallback *r,
                           const struct delivery_row *d,
                           const struct known *k,
                           uint64_t *next_id)
{
    struct handed out = handed_by(r);
    struct accepted at = {
        .article = k->id,
        .public_id = k->public_id,
        .revision = k->revision,
        .revision_id = k->newest,
        .created_at_ms = k->created_at_ms,
        .gate_until_ms = k->gate_until_ms > r->now_ms ? k->gate_until_ms : 0,
        .breaking = d->breaking,
    };

    for (size_t i = 0; i < r->to_count; i++) {
        struct delivery_id id;
        const struct ledger_fallback_to *to = &r->to[i];
        struct channel_row *ch = sqlite__channel(s, to->channel, true);
        int64_t own_ms = d->created_at_ms + to->own_ms;
        struct stand_in in = {
            .id = (*next_id)++,
            .adapter = to->adapter,
            .not_after_ms =
                d->not_after_ms > 0 && d->not_after_ms < own_ms ? d->not_after_ms : own_ms,
            .now_ms = r->now_ms,
        };

        if (ch && sqlite__stand_in(s, &at, ch, &in, &out)) {
            id.v = in.id;
        } else {
            id = ch ? went_for_another(s, k->id, ch) : (struct delivery_id){0};
        }
        if (id.v != 0) {
            sqlite__fallback_note(s, &at, id, ch, r->channel, r->why, r->now_ms);
        }
    }
}

/* Nothing of the article stands there, as far as anybody knows, and it is to be known. */
static bool is_missing(struct sqlite *s, const struct delivery_row *d)
{
    return !d->retracts && !d->called_off &&
           sqlite__int(&s->writer,
                       SQL_STANDING_PUBLIC,
                       ARGS(ARG_I(d->article.v), ARG_I(d->channel->id)),
                       1) == 0;
}

/* A test is for those alone whom it was sent to. */
static bool is_test(struct sqlite *s, struct article_id article)
{
    return sqlite__int(&s->writer, SQL_ARTICLE_IS_TEST, ARGS(ARG_I(article.v)), 0) != 0;
}

static void fall_back(struct sqlite *s,
                      struct ledger_fallback *r,
                      struct delivery_row *d,
                      uint64_t *next_id)
{
    struct handed out = handed_by(r);
    struct known k;

    if (d->state == DELIVERY_READY || d->state == DELIVERY_AGAIN) {
        sqlite__move(s, d, DELIVERY_BLOCKED, &(struct move_note){.detail = r->why}, r->now_ms);
        sqlite__hand_cancelled(&out, d->id);
    }
    if (d->state != DELIVERY_BLOCKED || !is_missing(s, d)) {
        return;
    }
    sqlite__known(s, d->article, &k);
    if (k.found && !k.retracted && !k.quiet && !is_test(s, d->article)) {
        send_elsewhere(s, r, d, &k, next_id);
    }
    sqlite__known_done(&k);
}

static void fall_back_by_id(struct sqlite *s,
                            struct ledger_fallback *r,
                            struct delivery_id id,
                            uint64_t *next_id)
{
    struct delivery_row d;

    if (sqlite__delivery(s, id, &d)) {
        fall_back(s, r, &d, next_id);
        sqlite__delivery_done(&d);
    }
}

/* ---- all that wait ---- */

static void
add_waiting(struct sqlite *s, const struct channel_row *ch, int64_t limit, struct id_list *out)
{
    static const enum delivery_state waiting[] = {DELIVERY_READY, DELIVERY_AGAIN};

    /* Breaking ones first, should there be too many for one call. */
    for (int breaking = 1; breaking >= 0; breaking--) {
        for (size_t i = 0; i < ARRAY_LEN(waiting) && out->count < (size_t)limit; i++) {
            struct id_list some = {.v = NULL};

            sqlite__ids_query(
                &s->writer,
                SQL_FALLBACK_WAITING,
                ARGS(ARG_I(ch->id), ARG_I(waiting[i]), ARG_I(breaking), ARG_I(limit)),
                &some);
            for (size_t n = 0; n < some.count && out->count < (size_t)limit; n++) {
                sqlite__ids_add(out, some.v[n]);
            }
            sqlite__ids_done(&some);
        }
    }
}

enum err_code sqlite__fallback(struct sqlite *s, struct ledger_fallback *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);
    struct id_list ids = {.v = NULL};
    uint64_t next_id = r->delivery_id; /* a request that is run again has the same ones */

    r->jobs = NULL;
    r->stopped = NULL;
    r->job_count = r->stopped_count = 0;
    r->more = false;
    if (!ch) {
        return ERR_NONE; /* it never had a delivery */
    }
    if (r->blocked.v != 0) {
        fall_back_by_id(s, r, r->blocked, &next_id);
    }
    add_waiting(s, ch, FALLBACK_BATCH, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        fall_back_by_id(s, r, (struct delivery_id){(uint64_t)ids.v[i]}, &next_id);
    }
    /* In a damaged file none of them may be what it was found as: then coming again helps nothing. */
    r->more = ids.count == FALLBACK_BATCH && r->stopped_count > 0;
    sqlite__ids_done(&ids);
    return ERR_NONE;
}
