/* An article that is not public any more, perhaps for a moment only: an editor unpublishes to mend something
 * and is back in a minute, and then the posts shall still stand. Called by sqlite_accept.c and by a merge.
 *
 *   withdraw     what waits and cannot be public is cancelled at once; when it is to be retracted is noted
 *   bring back   before that time: the note is dropped, and what was cancelled goes on
 *   retract      at that time: an ordinary retraction, which service/withdrawals.c asks for
 *
 * Neither lost nor doubled, whatever crashes. The note is a column of the article and is written in the
 * transaction that cancels; whoever is to retract reads it from there, after a start as well, so it cannot be
 * forgotten. The retraction is accepted only while the note is there and due, and takes it away in its own
 * transaction: a second one, or one that a return has overtaken, is refused. What of it may be public by
 * then, or in flight, is known to the ledger (attempts are written before they leave), so the retraction
 * reaches it or waits behind it, as any does. A delivery in flight that comes back without being public is
 * cancelled then (delivery_row.called_off). */

#include "queue/sqlite_internal.h"

#include "base/mem.h"

/* ---- off ---- */

static bool can_be_called_off(const struct delivery_row *d)
{
    return !d->exposed && !d->retracts &&
           (d->state == DELIVERY_HELD || d->state == DELIVERY_READY ||
            d->state == DELIVERY_AGAIN || d->state == DELIVERY_BLOCKED);
}

static void call_off_one(struct sqlite *s,
                         struct delivery_id id,
                         const char *detail,
                         int64_t now_ms,
                         const struct handed *out)
{
    struct delivery_row d;

    if (id.v == 0 || !sqlite__delivery(s, id, &d)) {
        return;
    }
    if (can_be_called_off(&d)) {
        sqlite__move(s, &d, DELIVERY_CANCELLED, &(struct move_note){.detail = detail}, now_ms);
        sqlite__hand_cancelled(out, id);
    }
    sqlite__delivery_done(&d);
}

void sqlite__call_off(struct sqlite *s,
                      struct article_id article,
                      const char *detail,
                      int64_t now_ms,
                      const struct handed *out)
{
    struct id_list ids = {.v = NULL};
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_STANDING_OPEN_ALL, ARGS(ARG_I(article.v)));

    while (sqlite__row(&s->writer, stmt)) {
        sqlite__ids_add(&ids, sqlite3_column_int64(stmt, 1)); /* the one behind first */
        sqlite__ids_add(&ids, sqlite3_column_int64(stmt, 0));
    }
    for (size_t i = 0; i < ids.count; i++) {
        call_off_one(s, (struct delivery_id){(uint64_t)ids.v[i]}, detail, now_ms, out);
    }
    sqlite__ids_done(&ids);
}

/* ---- the note ---- */

static int64_t note(struct sqlite *s,
                    enum sqlite_sql id,
                    struct article_id article,
                    int64_t at_ms,
                    const struct ledger_accept *a)
{
    return sqlite__do(&s->writer,
                      id,
                      ARGS(ARG_I(article.v),
                           ARG_I(at_ms),
                           ARG_I(a->now_ms),
                           ARG_S(a->source),
                           ARG_S(a->reason)));
}

void sqlite__withdraw(struct sqlite *s, struct ledger_accept *a, const struct known *k)
{
    char *detail = mem_printf("withdrawn by %s", a->source);
    struct handed out = sqlite__handed_accept(a);

    (void)note(s, SQL_WITHDRAW, k->id, a->retract_at_ms, a);
    (void)note(s, SQL_WITHDRAW_MERGED, k->id, a->retract_at_ms, a);
    sqlite__call_off(s, k->id, detail, a->now_ms, &out);
    mem_free(detail);
}

bool sqlite__retract_merged(struct sqlite *s,
                            struct article_id article,
                            const struct ledger_accept *a)
{
    return note(s, SQL_WITHDRAW_MERGED, article, a->now_ms, a) > 0;
}

void sqlite__withdrawal_drop(struct sqlite *s, struct article_id article)
{
    sqlite__do(&s->writer, SQL_WITHDRAWAL_DROP, ARGS(ARG_I(article.v)));
    sqlite__do(&s->writer, SQL_WITHDRAWAL_DROP_MERGED, ARGS(ARG_I(article.v)));
}

/* ---- on again ---- */

static enum delivery_state
state_when_back(struct sqlite *s, struct delivery_row *d, bool post, int64_t gate_until_ms)
{
    bool in_time = d->not_after_ms == 0 || d->not_after_ms > gate_until_ms;

    if (sqlite__open_ones(s, d->article, d->channel).front.v != 0) {
        return DELIVERY_HELD;
    }
    if (post || gate_until_ms == 0 || !in_time) {
        return DELIVERY_READY; /* too late by now: it expires as any */
    }
    d->has_due = true;
    d->due_at_ms = gate_until_ms;
    return DELIVERY_AGAIN;
}

static void bring_back_one(struct sqlite *s,
                           struct delivery_id id,
                           bool post,
                           int64_t gate_until_ms,
                           int64_t now_ms,
                           const struct handed *out)
{
    struct move_note note = {.detail = "the article is back"};
    struct ledger_job job;
    struct delivery_row d;
    enum delivery_state to;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    /* Nothing of it is public: from the start, since uploads may have been dropped by now. */
    sqlite__do(&s->writer, SQL_DELIVERY_RESTART, ARGS(ARG_I(id.v)));
    d.failures = 0;
    to = state_when_back(s, &d, post, gate_until_ms);
    sqlite__move(s, &d, to, &note, now_ms);
    if (to != DELIVERY_HELD) {
        sqlite__job(&d, now_ms, &job);
        sqlite__hand_job(out, &job);
    }
    sqlite__delivery_done(&d);
}

void sqlite__bring_back(struct sqlite *s,
                        struct article_id article,
                        int64_t gate_until_ms,
                        int64_t now_ms,
                        const struct handed *out)
{
    struct id_list ids = {.v = NULL}, posts = {.v = NULL};
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_STANDING_CALLED_OFF, ARGS(ARG_I(article.v)));

    while (sqlite__row(&s->writer, stmt)) {
        sqlite__ids_add(&ids, sqlite3_column_int64(stmt, 0));
        sqlite__ids_add(&posts, sqlite3_column_int64(stmt, 1));
    }
    for (size_t i = 0; i < ids.count; i++) {
        bring_back_one(s,
                       (struct delivery_id){(uint64_t)ids.v[i]},
                       posts.v[i] != 0,
                       gate_until_ms,
                       now_ms,
                       out);
    }
    sqlite__ids_done(&ids);
    sqlite__ids_done(&posts);
}

/* ---- which wait ---- */

enum err_code sqlite__withdrawn(struct sqlite_conn *c, struct ledger_withdrawn *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_WITHDRAWN, ARGS(ARG_I(r->limit)));

    r->v = mem_calloc(r->limit > 0 ? r->limit : 1, sizeof *r->v);
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        char *source = sqlite__col_dup(stmt, 2);

        r->v[r->count++] = (struct ledger_withdrawal){
            .article = {(uint64_t)sqlite3_column_int64(stmt, 0)},
            .retract_at_ms = sqlite3_column_int64(stmt, 1),
            .source = source ? source : mem_strdup("?"),
            .why = sqlite__col_dup(stmt, 3),
        };
    }
    return ERR_NONE;
}
