/* One step of a delivery: written before its request leaves, and again after its answer.
 *
 * The order, and what a crash just there leaves:
 *   1. sqlite__begin commits      in flight, with course, step, record and key of the step at
 * hand. A crash before: it is as it was, nothing has left.
 *   2. the request leaves         A crash after 1, before or after the answer: found in flight
 * at open; sqlite_recover.c makes it ready again (the step is repeatable, or publishes nothing)
 * or unknown (it may be public: a look is planned).
 *   3. sqlite__end_step commits   the verdict, and with it what hangs on it: the post that
 * stands and the delivery held behind it. Never one without the other. All checks stand before
 * the first write, so a request that is refused has written nothing. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/fault.h"

static enum err_code
get_row(struct sqlite *s, struct delivery_id id, struct delivery_row *d, struct err *why)
{
    char text[ID_TEXT_BYTES];

    if (!sqlite__delivery(s, id, d)) {
        return err_set(why, ERR_NOT_FOUND, "no delivery %s", id_delivery_text(id, text));
    }
    return ERR_NONE;
}

static void save_account(struct sqlite *s, const struct channel_row *ch, const char *account)
{
    if (account) {
        sqlite__do(&s->writer, SQL_CHANNEL_ACCOUNT, ARGS(ARG_I(ch->id), ARG_S(account)));
    }
}

/* ---- begin ---- */

/* In flight is the next step of an attempt of ours; a second attempt beside it would be a
 * second post. */
static bool may_begin(const struct delivery_row *d, const struct ledger_begin *r)
{
    if (d->state == DELIVERY_IN_FLIGHT) {
        return !r->counts;
    }
    return delivery_may_move(d->state, DELIVERY_IN_FLIGHT);
}

static void write_begin(struct sqlite *s, struct delivery_row *d, const struct ledger_begin *r)
{
    enum delivery_state from = d->state;

    if (r->counts) {
        d->tries++;
    }
    if (from != DELIVERY_IN_FLIGHT && !sqlite__enter(s, d, DELIVERY_IN_FLIGHT)) {
        return;
    }
    sqlite__do(&s->writer,
               SQL_DELIVERY_BEGIN,
               ARGS(ARG_I(d->id.v),
                    ARG_I(r->now_ms),
                    ARG_I(d->tries),
                    ARG_S(r->course),
                    ARG_S(r->step),
                    ARG_I(r->repeatable),
                    ARG_I(r->publishes),
                    ARG_S(r->record ? r->record : "{}"),
                    ARG_I(r->attempt_id)));
    if (from != DELIVERY_IN_FLIGHT) {
        sqlite__tell(s, d, from, &(struct move_note){.detail = NULL}, r->now_ms);
    }
    save_account(s, d->channel, r->account);
    d->channel->bucket = r->bucket;
    d->channel->changed = true;
    if (r->uses_quota) {
        sqlite__quota_put(s, d->id, d->channel, r->now_ms);
    }
}

enum err_code sqlite__begin(struct sqlite *s, struct ledger_begin *r)
{
    struct delivery_row d;
    enum err_code rc;

    if (FAULT("ledger.begin")) {
        return err_set(&r->req.why, ERR_IO, "begin: fault point");
    }
    rc = get_row(s, r->id, &d, &r->req.why);
    if (rc) {
        return rc;
    }
    if (may_begin(&d, r)) {
        write_begin(s, &d, r);
    } else {
        rc = err_set(
            &r->req.why, ERR_CONFLICT, "the delivery is %s", delivery_state_name(d.state));
    }
    sqlite__delivery_done(&d);
    return rc;
}

/* ---- end ---- */

static bool is_open(enum delivery_state s)
{
    return s == DELIVERY_READY || s == DELIVERY_AGAIN;
}

/* May something of it be public, after this answer? What was exposed stays so, except that a
 * look at the platform is believed when it found nothing. */
static bool exposed_after(const struct delivery_row *d, const struct ledger_end *r)
{
    if (r->to == DELIVERY_UNKNOWN) {
        return true;
    }
    if (d->in_doubt && is_open(r->to)) {
        return r->exposed;
    }
    return d->exposed || r->exposed;
}

static void apply(struct sqlite *s, struct delivery_row *d, struct ledger_end *r)
{
    d->exposed = exposed_after(d, r);
    d->failures += r->failure ? 1 : 0;
    d->has_due = r->to == DELIVERY_AGAIN || (r->to == DELIVERY_UNKNOWN && r->due_at_ms > 0);
    d->due_at_ms = r->due_at_ms;
    if (r->to != DELIVERY_IN_FLIGHT) {
        d->in_doubt = r->to == DELIVERY_UNKNOWN;
    }
    r->state = r->to;
    if (is_open(r->to) && !d->exposed && sqlite__is_overtaken(s, d)) {
        r->state = DELIVERY_CANCELLED;
    }
}

void sqlite__attempt_write(struct sqlite *s,
                           const struct delivery_row *d,
                           const struct ledger_end *end)
{
    if (d->attempt_at_ms == 0) {
        return; /* it ended without a request */
    }
    sqlite__do(&s->writer,
               SQL_ATTEMPT_NEW,
               ARGS(ARG_I(d->id.v),
                    ARG_I(d->attempt),
                    ARG_I(d->attempt_at_ms),
                    end ? ARG_I(end->now_ms) : ARG_NULL,
                    ARG_S(end ? end->verdict : NULL),
                    end ? ARG_I(end->status) : ARG_NULL,
                    ARG_S(end ? end->detail : NULL),
                    end ? ARG_I(end->sent_ms) : ARG_NULL));
}

static void write_row(struct sqlite *s,
                      const struct delivery_row *d,
                      const struct ledger_end *r,
                      const char *detail)
{
    sqlite__do(&s->writer,
               SQL_DELIVERY_END,
               ARGS(ARG_I(d->id.v),
                    ARG_I(d->state),
                    d->has_due ? ARG_I(d->due_at_ms) : ARG_NULL,
                    ARG_I(r->now_ms),
                    ARG_I(d->failures),
                    ARG_I(d->exposed),
                    ARG_I(d->in_doubt),
                    ARG_S(detail),
                    ARG_S(r->course),
                    ARG_S(r->next_step),
                    ARG_S(r->record),
                    ARG_S(r->remote_id),
                    ARG_S(r->remote_url),
                    ARG_S(r->text),
                    ARG_I(r->sent_ms)));
}

static void
note_on_channel(struct sqlite *s, const struct delivery_row *d, const struct ledger_end *r)
{
    if (r->state == DELIVERY_DONE) {
        d->channel->last_done_at_ms = r->now_ms;
        d->channel->changed = true;
    } else if (r->failure || r->to == DELIVERY_REJECTED || r->to == DELIVERY_BLOCKED ||
               r->to == DELIVERY_UNKNOWN) {
        sqlite__do(&s->writer,
                   SQL_CHANNEL_ERROR,
                   ARGS(ARG_I(d->channel->id), ARG_S(r->detail), ARG_I(r->now_ms)));
    }
}

/* A retraction that leaves the post standing changes nothing of it. */
static void
write_post(struct sqlite *s, const struct delivery_row *d, const struct ledger_end *r)
{
    if (!r->post_stands) {
        sqlite__post_remove(s, d);
    } else if (d->retracts) {
        sqlite__post_keep(s, d);
    } else {
        sqlite__post_set(s, d, r->record ? r->record : "{}", r->now_ms);
    }
}

/* What hangs on an end: the post, and the delivery held behind. */
static void write_after(struct sqlite *s, struct delivery_row *d, struct ledger_end *r)
{
    note_on_channel(s, d, r);
    if (r->state == DELIVERY_DONE) {
        write_post(s, d, r);
    } else if (r->post_in_doubt && r->record && delivery_state_ended(r->state)) {
        sqlite__do(&s->writer,
                   SQL_STANDING_RECORD,
                   ARGS(ARG_I(d->article.v), ARG_I(d->channel->id), ARG_S(r->record)));
    }
    if (delivery_state_ended(r->state)) {
        r->has_released = sqlite__release(s, d->article, d->channel, r->now_ms, &r->released);
    }
}

static void write_end(struct sqlite *s, struct delivery_row *d, struct ledger_end *r)
{
    enum delivery_state from = d->state;
    struct move_note note = {.detail = r->detail, .link = r->remote_url};

    apply(s, d, r);
    sqlite__attempt_write(s, d, r);
    if (r->gives_quota_back) {
        sqlite__quota_drop(s, d->id);
    }
    save_account(s, d->channel, r->account);
    if (r->state == DELIVERY_IN_FLIGHT) {
        write_row(s, d, r, NULL);
        return;
    }
    if (!sqlite__enter(s, d, r->state)) {
        return;
    }
    if (r->state != r->to) {
        note.detail = sqlite__why_overtaken(d);
    }
    write_row(s, d, r, note.detail);
    sqlite__tell(s, d, from, &note, r->now_ms);
    write_after(s, d, r);
}

/* An end is a verdict of what is in flight, or an outcome that needed no request of what had its
 * turn. What has ended is moved by a person's replay only, what is held or blocked when that is
 * over: an end that comes for such a one is late, and would open a second delivery beside the one
 * that goes on meanwhile. */
static bool may_end(const struct delivery_row *d, enum delivery_state to)
{
    switch (d->state) {
    case DELIVERY_IN_FLIGHT:
        return to == DELIVERY_IN_FLIGHT || delivery_may_move(d->state, to);
    case DELIVERY_READY:
    case DELIVERY_AGAIN:
    case DELIVERY_UNKNOWN:
        return to != DELIVERY_IN_FLIGHT && delivery_may_move(d->state, to);
    default:
        return false;
    }
}

enum err_code sqlite__end_step(struct sqlite *s, struct ledger_end *r)
{
    struct delivery_row d;
    enum err_code rc;

    if (FAULT("ledger.end")) {
        return err_set(&r->req.why, ERR_IO, "end: fault point");
    }
    rc = get_row(s, r->id, &d, &r->req.why);
    if (rc) {
        return rc;
    }
    if (may_end(&d, r->to)) {
        write_end(s, &d, r);
    } else {
        rc = err_set(&r->req.why,
                     ERR_CONFLICT,
                     "the delivery is %s and cannot become %s",
                     delivery_state_name(d.state),
                     delivery_state_name(r->to));
    }
    sqlite__delivery_done(&d);
    return rc;
}
