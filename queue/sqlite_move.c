/* Deliveries moved by a person or a rule: replay, cancel, settle an unknown outcome, and let go
 * what a mended channel had blocked. Called by sqlite.c inside the writer's transaction; every
 * check stands before the first write. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

static enum err_code refuse(const struct delivery_row *d, const char *what, struct err *why)
{
    return err_set(
        why, ERR_CONFLICT, "a delivery that is %s %s", delivery_state_name(d->state), what);
}

/* The job of what is ready now, for the scheduler. */
static void give_job(struct ledger_move *r, const struct delivery_row *d)
{
    sqlite__job(d, r->now_ms, &r->job);
    r->has_job = true;
}

static void
release_behind(struct sqlite *s, struct ledger_move *r, const struct delivery_row *d)
{
    r->has_released = sqlite__release(s, d->article, d->channel, r->now_ms, &r->released);
}

/* ---- replay ---- */

static bool is_waiting(enum delivery_state s)
{
    return s == DELIVERY_AGAIN || s == DELIVERY_BLOCKED || s == DELIVERY_UNKNOWN;
}

static enum err_code may_replay(struct sqlite *s, const struct delivery_row *d, struct err *why)
{
    if (!is_waiting(d->state) && !delivery_may_move(d->state, DELIVERY_READY)) {
        return refuse(d, "cannot be replayed", why);
    }
    if (d->state == DELIVERY_IN_FLIGHT || d->state == DELIVERY_HELD) {
        return refuse(d, "cannot be replayed", why);
    }
    if (sqlite__open_ones(s, d->article, d->channel).last.v != d->id.v) {
        return err_set(why, ERR_CONFLICT, "a newer revision has a delivery on that channel");
    }
    if (d->called_off) {
        return err_set(why, ERR_CONFLICT, "%s", sqlite__why_overtaken(d));
    }
    if (!d->retracts &&
        sqlite__int(&s->writer, SQL_ARTICLE_STATE, ARGS(ARG_I(d->article.v)), 0) == 1) {
        return err_set(why, ERR_CONFLICT, "the article is retracted");
    }
    return ERR_NONE;
}

/* Another delivery of the article is still open on that channel. */
static bool is_behind(struct sqlite *s, const struct delivery_row *d)
{
    return sqlite__open_ones(s, d->article, d->channel).front.v != 0;
}

/* Until when the article is worth sending there goes from revision to revision. */
static void extend_limit(struct sqlite *s, struct delivery_row *d, int64_t not_after_ms)
{
    d->not_after_ms = not_after_ms;
    if (!d->retracts) {
        sqlite__do(&s->writer,
                   SQL_STANDING_WORTH,
                   ARGS(ARG_I(d->article.v), ARG_I(d->channel->id), ARG_I(not_after_ms)));
    }
}

static void replay(struct sqlite *s, struct delivery_row *d, struct ledger_move *r)
{
    if (r->not_after_ms > 0 && (d->state == DELIVERY_EXPIRED || d->not_after_ms <= r->now_ms)) {
        extend_limit(s, d, r->not_after_ms);
    }
    d->failures = 0;
    d->by_hand = false;
    if (delivery_state_ended(d->state) && !d->exposed) {
        /* Nothing of it is public: from the start, since uploads may have been dropped by
         * now. */
        sqlite__do(&s->writer, SQL_DELIVERY_RESTART, ARGS(ARG_I(d->id.v)));
    }
    if (delivery_state_ended(d->state) && is_behind(s, d)) {
        sqlite__move(s, d, DELIVERY_HELD, &(struct move_note){.by = r->by}, r->now_ms);
        return;
    }
    sqlite__make_ready(s, d, r->by, r->now_ms);
    give_job(r, d);
}

/* ---- cancel ---- */

/* One held behind would be published beside what may stand there already. */
static void
cancel_behind(struct sqlite *s, const struct delivery_row *front, const struct ledger_move *r)
{
    struct delivery_id id = sqlite__open_ones(s, front->article, front->channel).behind;
    struct delivery_row d;

    if (id.v == 0 || id.v == front->id.v || !sqlite__delivery(s, id, &d)) {
        return;
    }
    if (!d.retracts) {
        d.by_hand = true;
        sqlite__move(s,
                     &d,
                     DELIVERY_CANCELLED,
                     &(struct move_note){.by = r->by,
                                         .detail = "an earlier revision was cancelled that may "
                                                   "be public: this would be a second post"},
                     r->now_ms);
    }
    sqlite__delivery_done(&d);
}

static void cancel(struct sqlite *s, struct delivery_row *d, struct ledger_move *r)
{
    if (d->exposed) {
        cancel_behind(s, d, r);
    }
    d->by_hand = true;
    d->in_doubt = false;
    sqlite__move(s, d, DELIVERY_CANCELLED, &(struct move_note){.by = r->by}, r->now_ms);
    release_behind(s, r, d);
}

/* ---- settle an unknown outcome ---- */

#define RECORD_BYTES ((size_t)16 * 1024 * 1024) /* far more than an adapter keeps */

/* The record with the ids a person gave, as an adapter would have stored them; yours. */
static char *
record_with_ids(struct sqlite *s, const struct delivery_row *d, const struct ledger_move *r)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_DELIVERY_RECORD, ARGS(ARG_I(d->id.v)));
    json_t *record = NULL;
    struct buf text;

    if (sqlite__row(&s->writer, stmt)) {
        record = json_loads(sqlite__col_text(stmt, 0), 0, NULL);
        sqlite__end(stmt);
    }
    if (!json_is_object(record)) {
        json_decref(record);
        record = json_object();
    }
    json_set_str(record, "remote_id", r->remote_id);
    json_set_str(record, "remote_url", r->remote_url);
    buf_init(&text, RECORD_BYTES);
    json_write(&text, record);
    json_decref(record);
    return buf_detach(&text, NULL);
}

static void posted(struct sqlite *s, struct delivery_row *d, struct ledger_move *r)
{
    char *record = record_with_ids(s, d, r);

    sqlite__wave_resolve(s, d->id, true, r->now_ms);
    d->in_doubt = false;
    d->exposed = true;
    sqlite__do(&s->writer,
               SQL_DELIVERY_SETTLE,
               ARGS(ARG_I(d->id.v),
                    ARG_S(record ? record : "{}"),
                    ARG_S(r->remote_id),
                    ARG_S(r->remote_url)));
    sqlite__move(s,
                 d,
                 DELIVERY_DONE,
                 &(struct move_note){.by = r->by, .link = r->remote_url},
                 r->now_ms);
    if (d->retracts) {
        sqlite__post_remove(s, d);
    } else {
        sqlite__post_set(s, d, record ? record : "{}", r->now_ms);
    }
    release_behind(s, r, d);
    mem_free(record);
}

static void absent(struct sqlite *s, struct delivery_row *d, struct ledger_move *r)
{
    sqlite__wave_resolve(s, d->id, false, r->now_ms);
    d->exposed = false;
    d->in_doubt = false;
    sqlite__quota_drop(s, d->id);
    if (sqlite__is_overtaken(s, d)) {
        sqlite__move(s,
                     d,
                     DELIVERY_CANCELLED,
                     &(struct move_note){.by = r->by, .detail = sqlite__why_overtaken(d)},
                     r->now_ms);
        release_behind(s, r, d);
        return;
    }
    sqlite__make_ready(s, d, r->by, r->now_ms);
    give_job(r, d);
}

/* ---- */

static bool may_cancel(enum delivery_state s)
{
    return s == DELIVERY_HELD || s == DELIVERY_READY || s == DELIVERY_AGAIN ||
           s == DELIVERY_BLOCKED || s == DELIVERY_UNKNOWN;
}

static enum err_code move_row(struct sqlite *s, struct delivery_row *d, struct ledger_move *r)
{
    enum err_code rc;

    switch (r->move) {
    case MOVE_REPLAY:
        rc = may_replay(s, d, &r->req.why);
        if (rc) {
            return rc;
        }
        replay(s, d, r);
        break;
    case MOVE_CANCEL:
        if (!may_cancel(d->state)) {
            return refuse(d, "cannot be cancelled", &r->req.why);
        }
        cancel(s, d, r);
        break;
    case MOVE_POSTED:
    case MOVE_ABSENT:
        if (d->state != DELIVERY_UNKNOWN) {
            return refuse(d, "has nothing to resolve", &r->req.why);
        }
        (r->move == MOVE_POSTED ? posted : absent)(s, d, r);
        break;
    }
    r->state = d->state;
    return ERR_NONE;
}

enum err_code sqlite__move_asked(struct sqlite *s, struct ledger_move *r)
{
    char text[ID_TEXT_BYTES];
    struct delivery_row d;
    enum err_code rc;

    if (!sqlite__delivery(s, r->id, &d)) {
        return err_set(
            &r->req.why, ERR_NOT_FOUND, "no delivery %s", id_delivery_text(r->id, text));
    }
    rc = move_row(s, &d, r);
    sqlite__delivery_done(&d);
    return rc;
}

/* Its article went out elsewhere meanwhile, and is not wanted here any more. As by a person's word: later
 * revisions stay away too. */
static bool give_up_late(struct sqlite *s, struct delivery_row *d, int64_t now_ms)
{
    char *detail, elsewhere[64];
    struct ledger_job job;

    if (d->exposed || d->retracts ||
        sqlite__int(&s->writer,
                    SQL_STANDING_PUBLIC,
                    ARGS(ARG_I(d->article.v), ARG_I(d->channel->id)),
                    1) != 0 ||
        !sqlite__fallback_stands(s, d, elsewhere)) {
        return false;
    }
    detail = mem_printf("went out by fallback %s", elsewhere);
    d->by_hand = true;
    sqlite__move(s,
                 d,
                 DELIVERY_CANCELLED,
                 &(struct move_note){.by = "fallback", .detail = detail},
                 now_ms);
    (void)sqlite__release(s, d->article, d->channel, now_ms, &job); /* found by LEDGER_DUE */
    mem_free(detail);
    return true;
}

static void
release_blocked(struct sqlite *s, struct ledger_release_channel *r, struct delivery_id id)
{
    struct delivery_row d;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    if (r->both || !give_up_late(s, &d, r->now_ms)) {
        sqlite__make_ready(s, &d, NULL, r->now_ms);
        r->count++;
    }
    sqlite__delivery_done(&d);
}

enum err_code sqlite__release_channel(struct sqlite *s, struct ledger_release_channel *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);
    struct id_list ids = {.v = NULL};

    if (!ch) {
        return ERR_NONE; /* it never had a delivery */
    }
    sqlite__of_state(&s->writer, ch->id, DELIVERY_BLOCKED, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        release_blocked(s, r, (struct delivery_id){(uint64_t)ids.v[i]});
    }
    sqlite__ids_done(&ids);
    return ERR_NONE;
}
