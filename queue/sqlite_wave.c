/* A delivery on its way to an audience: how it begins, how it stands, and a person's word on it. Called by sqlite.c
 * for service/wave.c, one wave by one run at a time; several waves of a channel may be under way.
 *
 * The order of writes, and what a crash just there leaves:
 *   1. NEXT commits    the cursor has moved, the batch stands in wave_batch (sqlite_wave_next.c). A crash before:
 *                      nothing has left, the same members come up again.
 *   2. its messages leave, their answers come. A crash after 1: the batch is found when the wave is opened
 *                      next. Whoever of it the platform has told of has it; all others are unknown.
 *   3. END commits     what became of each: counted, or an exception (sqlite_wave_end.c). The batch is no more.
 * So a member can be lost to doubt, and never get the message twice by us alone: an unknown one goes again
 * only when whoever asks for a batch says so. */

#include "queue/sqlite_audience.h"

#include <stdio.h>

#include "base/json_put.h"
#include "base/mem.h"

/* ---- how it stands ---- */

bool sqlite__wave_get(struct sqlite_conn *c, int64_t delivery, struct wave_row *out)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_WAVE_GET, ARGS(ARG_I(delivery)));
    const char *by;
    int64_t v[23];

    if (!sqlite__row(c, stmt)) {
        return false;
    }
    for (int i = 0; i < (int)ARRAY_LEN(v); i++) {
        v[i] = sqlite3_column_int64(stmt, i);
    }
    *out = (struct wave_row){.channel = v[0],
                             .last = v[2],
                             .cursor = v[3],
                             .batches = v[4],
                             .topics = v[19],
                             .test = v[20] != 0};
    out->w = (struct ledger_wave){.total = v[1],
                                  .accepted = v[5],
                                  .refused = v[6],
                                  .undeliverable = v[7],
                                  .stopped = v[8],
                                  .again = v[9],
                                  .unknown = v[10],
                                  .was_sent = v[11],
                                  .was_delivered = v[12],
                                  .was_read = v[13],
                                  .was_failed = v[14],
                                  .told_ms = v[15],
                                  .skipped = v[16],
                                  .started_ms = v[17],
                                  .go_at_ms = v[18],
                                  .waits_for_word = v[21] != 0,
                                  .halted = v[22] != 0,
                                  .at_end = v[3] >= v[2]};
    by = sqlite__col_text(stmt, 23);
    out->has_ended = delivery_state_ended((enum delivery_state)sqlite3_column_int(stmt, 24));
    (void)snprintf(out->w.by, sizeof out->w.by, "%s", by ? by : "");
    sqlite__end(stmt);
    return true;
}

static int64_t
first_of(struct sqlite_conn *c, int64_t delivery, enum wave_exception_state state)
{
    return sqlite__int(c, SQL_EXCEPTION_FIRST, ARGS(ARG_I(delivery), ARG_I(state)), 0);
}

/* Whoever had no turn when it was stopped, or ended, or was to be tried again, is spared it. */
static void spare_rest(struct ledger_wave *w)
{
    int64_t reached = w->accepted + w->refused + w->undeliverable + w->stopped + w->unknown;

    w->skipped = w->total > reached ? w->total - reached : 0;
    w->again = 0;
    w->missing = 0;
}

struct ledger_wave sqlite__wave_look(struct sqlite_conn *c, int64_t delivery)
{
    struct wave_row row = {.channel = 0};
    struct ledger_wave *w = &row.w;
    bool open;

    if (!sqlite__wave_get(c, delivery, &row)) {
        return row.w;
    }
    if (w->again > 0) {
        w->due_ms = first_of(c, delivery, WAVE_AGAIN);
    }
    if (w->unknown > 0) {
        w->since_ms = first_of(c, delivery, WAVE_UNKNOWN);
    }
    open = (w->at_end || w->halted || row.has_ended) &&
           sqlite__int(c, SQL_WAVE_BATCH_OPEN, ARGS(ARG_I(delivery)), 0) != 0;
    if (w->at_end && !open) {
        w->missing = w->total - w->accepted - w->refused - w->undeliverable - w->stopped -
                     w->again - w->unknown - w->skipped;
        w->missing = w->missing > 0 ? w->missing : 0;
    }
    if ((w->halted || row.has_ended) && !open) {
        w->due_ms = 0;
        spare_rest(w);
    }
    return row.w;
}

void sqlite__wave_add(struct sqlite *s, int64_t delivery, const struct wave_deltas *d)
{
    sqlite__do(&s->writer,
               SQL_WAVE_ADD,
               ARGS(ARG_I(delivery),
                    ARG_I(d->accepted),
                    ARG_I(d->refused),
                    ARG_I(d->undeliverable),
                    ARG_I(d->stopped),
                    ARG_I(d->again),
                    ARG_I(d->unknown),
                    ARG_I(d->skipped)));
}

bool sqlite__wave_is_for(int64_t topics, bool test, const struct member_traits *member)
{
    return (topics == MEMBER_TOPICS_ALL || member->topics == MEMBER_TOPICS_ALL ||
            (topics & member->topics) != 0) &&
           (!test || member->test);
}

/* ---- doubt ---- */

/* Has the platform told something of this message to them? */
static bool was_told(struct sqlite *s, int64_t channel, int64_t member, int64_t delivery)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MEMBER_GET, ARGS(ARG_I(channel), ARG_I(member)));
    bool told = false;

    if (sqlite__row(&s->writer, stmt)) {
        told = sqlite3_column_int64(stmt, 3) == delivery && sqlite3_column_int(stmt, 4) != 0;
        sqlite__end(stmt);
    }
    return told;
}

void sqlite__exception_put(struct sqlite *s,
                           int64_t delivery,
                           const struct ledger_wave_result *v,
                           enum wave_exception_state state)
{
    sqlite__do(&s->writer,
               SQL_EXCEPTION_PUT,
               ARGS(ARG_I(delivery),
                    ARG_I(v->member),
                    ARG_I(state),
                    ARG_I(v->due_at_ms),
                    ARG_I(v->tried),
                    ARG_S(v->detail)));
}

void sqlite__wave_doubt(struct sqlite *s,
                        int64_t channel,
                        int64_t delivery,
                        int64_t member,
                        const char *detail,
                        int64_t since_ms,
                        struct wave_deltas *d)
{
    const struct ledger_wave_result unknown = {
        .member = (uint64_t)member, .due_at_ms = since_ms, .tried = true, .detail = detail};

    if (was_told(s, channel, member, delivery)) {
        sqlite__do(&s->writer, SQL_EXCEPTION_DROP, ARGS(ARG_I(delivery), ARG_I(member)));
        d->accepted++;
        return;
    }
    sqlite__exception_put(s, delivery, &unknown, WAVE_UNKNOWN);
    d->unknown++;
}

/* ---- open ---- */

static void make(struct sqlite *s, const struct ledger_wave_open *r, int64_t channel)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_AUDIENCE_GET, ARGS(ARG_I(channel)));
    int64_t total = 0;

    if (sqlite__row(&s->writer, stmt)) {
        total = sqlite3_column_int64(stmt, 0);
        sqlite__end(stmt);
    }
    sqlite__do(&s->writer,
               SQL_WAVE_NEW,
               ARGS(ARG_I(r->id.v),
                    ARG_I(channel),
                    ARG_I(r->now_ms),
                    ARG_I(total),
                    ARG_I(sqlite__int(&s->writer, SQL_MEMBER_LAST, ARGS(ARG_I(channel)), 0)),
                    ARG_I(r->topics != 0 ? r->topics : MEMBER_TOPICS_ALL),
                    ARG_I(r->test),
                    ARG_I(r->undo_ms > 0 ? r->now_ms + r->undo_ms : 0),
                    ARG_I(r->confirm_above > 0 && total > r->confirm_above)));
}

/* Since when they are unknown: whoever called us in vain while we were away calls again, so what a platform has
 * told counts from the start on. */
static int64_t since_ms(const struct sqlite *s, int64_t begun_ms, int64_t now_ms)
{
    int64_t since = begun_ms > s->opened_ms ? begun_ms : s->opened_ms;

    return since < now_ms ? since : now_ms; /* the clock may have been set back */
}

static void lose_fresh(struct sqlite *s,
                       int64_t delivery,
                       const struct wave_row *row,
                       int64_t now_ms,
                       struct wave_deltas *d)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_WAVE_BATCHES, ARGS(ARG_I(delivery)));

    while (sqlite__row(&s->writer, stmt)) {
        int64_t after = sqlite3_column_int64(stmt, 1), upto = sqlite3_column_int64(stmt, 2);
        int64_t since = since_ms(s, sqlite3_column_int64(stmt, 3), now_ms);

        d->unknown += sqlite__do(&s->writer,
                                 SQL_WAVE_LOST,
                                 ARGS(ARG_I(delivery),
                                      ARG_I(row->channel),
                                      ARG_I(after),
                                      ARG_I(upto),
                                      ARG_I(since),
                                      ARG_I(row->topics),
                                      ARG_I(row->test)));
        d->accepted +=
            sqlite__int(&s->writer,
                        SQL_WAVE_FOUND,
                        ARGS(ARG_I(delivery), ARG_I(row->channel), ARG_I(after), ARG_I(upto)),
                        0);
    }
}

static void lose_tried(
    struct sqlite *s, int64_t delivery, int64_t channel, int64_t now_ms, struct wave_deltas *d)
{
    struct id_list members = {.v = NULL};

    sqlite__ids_query(
        &s->writer, SQL_EXCEPTION_OF, ARGS(ARG_I(delivery), ARG_I(WAVE_ON_ITS_WAY)), &members);
    for (size_t i = 0; i < members.count; i++) {
        sqlite__wave_doubt(s,
                           channel,
                           delivery,
                           members.v[i],
                           "stopped before the answer came",
                           since_ms(s, 0, now_ms),
                           d);
    }
    sqlite__ids_done(&members);
}

enum err_code sqlite__wave_open(struct sqlite *s, struct ledger_wave_open *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);
    int64_t delivery = (int64_t)r->id.v;
    struct wave_deltas d = {.accepted = 0};
    struct wave_row row;

    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    if (!sqlite__wave_get(&s->writer, delivery, &row)) {
        make(s, r, ch->id);
    } else if (sqlite__int(&s->writer, SQL_WAVE_BATCH_OPEN, ARGS(ARG_I(delivery)), 0) != 0) {
        lose_fresh(s, delivery, &row, r->now_ms, &d);
        lose_tried(s, delivery, row.channel, r->now_ms, &d);
        sqlite__do(&s->writer, SQL_WAVE_BATCHES_END, ARGS(ARG_I(delivery)));
        sqlite__wave_add(s, delivery, &d);
    }
    r->wave = sqlite__wave_look(&s->writer, delivery);
    return ERR_NONE;
}

/* ---- a clock that was set back ---- */

static void set_back(struct sqlite *s, int64_t delivery, int64_t now_ms, int64_t by_ms)
{
    static const enum wave_exception_state timed[] = {WAVE_AGAIN, WAVE_UNKNOWN};

    for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
        sqlite__do(&s->writer,
                   SQL_EXCEPTIONS_CLOCK_BACK,
                   ARGS(ARG_I(delivery), ARG_I(timed[i]), ARG_I(now_ms), ARG_I(by_ms)));
    }
}

/* Where nobody knows how far it was, the delivery's last move says at least how far. Whoever comes up early by it, as at
 * the end of quiet hours, which no clock moves, waits again. */
void sqlite__waves_clock_back(struct sqlite *s,
                              const struct sql_arg *args,
                              const struct ledger_clock_back *r)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_WAVES_CLOCK_BACK, args);

    while (sqlite__row(&s->writer, stmt)) {
        int64_t delivery = sqlite3_column_int64(stmt, 0),
                least_ms = sqlite3_column_int64(stmt, 1);
        int64_t by_ms = r->by_ms > least_ms ? r->by_ms : least_ms;

        sqlite__do(&s->writer, SQL_WAVE_CLOCK_BACK, ARGS(ARG_I(delivery), ARG_I(r->now_ms)));
        if (by_ms > 0) {
            set_back(s, delivery, r->now_ms, by_ms);
        }
    }
}

/* ---- a person's word ---- */

void sqlite__wave_resolve(struct sqlite *s, struct delivery_id id, bool arrived, int64_t now_ms)
{
    struct wave_row row;
    struct wave_deltas d;

    if (!sqlite__wave_get(&s->writer, (int64_t)id.v, &row) || row.w.unknown == 0) {
        return;
    }
    d = (struct wave_deltas){.accepted = arrived ? row.w.unknown : 0,
                             .again = arrived ? 0 : row.w.unknown,
                             .unknown = -row.w.unknown};
    if (arrived) {
        sqlite__do(&s->writer, SQL_EXCEPTIONS_DROP, ARGS(ARG_I(id.v), ARG_I(WAVE_UNKNOWN)));
    } else {
        sqlite__do(&s->writer, SQL_EXCEPTIONS_AGAIN, ARGS(ARG_I(id.v), ARG_I(now_ms)));
    }
    sqlite__wave_add(s, (int64_t)id.v, &d);
}

static const char *why_not(const struct ledger_wave_say *r,
                           const struct ledger_wave *w,
                           const struct delivery_row *d)
{
    if (w->halted) {
        return "the wave was stopped before";
    }
    if (delivery_state_ended(d->state)) {
        return "the wave is through";
    }
    if (r->word == WAVE_CONFIRM && !w->waits_for_word) {
        return "the wave waits for no word";
    }
    return NULL;
}

static void
tell_word(struct sqlite *s, const struct ledger_wave_say *r, const struct delivery_row *d)
{
    char id[ID_TEXT_BYTES];
    struct buf b;

    sqlite__event_start(&b);
    json_put_text(&b, "delivery", id_delivery_text(r->id, id));
    sqlite__event_article(&b, "article", d->article, d->public_id);
    json_put_text(&b, "channel", d->channel->name);
    json_put_text(&b, "by", r->by);
    sqlite__event_write(
        s, r->word == WAVE_STOP ? "wave.stopped" : "wave.confirmed", &b, r->now_ms);
}

enum err_code sqlite__wave_say(struct sqlite *s, struct ledger_wave_say *r)
{
    struct ledger_wave w = sqlite__wave_look(&s->writer, (int64_t)r->id.v);
    struct delivery_row d;
    const char *no;

    if (w.started_ms == 0 || !sqlite__delivery(s, r->id, &d)) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the delivery has no wave");
    }
    no = why_not(r, &w, &d);
    if (!no) {
        sqlite__do(&s->writer,
                   SQL_WAVE_SAID,
                   ARGS(ARG_I(r->id.v), ARG_I(r->word == WAVE_STOP), ARG_S(r->by)));
        /* It waits for that no more, also for who finds it after a crash. */
        sqlite__do(&s->writer, SQL_WAVE_DUE, ARGS(ARG_I(r->id.v), ARG_I(r->now_ms)));
        tell_word(s, r, &d);
        r->wave = sqlite__wave_look(&s->writer, (int64_t)r->id.v);
    }
    sqlite__delivery_done(&d);
    return no ? err_set(&r->req.why, ERR_CONFLICT, "%s", no) : ERR_NONE;
}
