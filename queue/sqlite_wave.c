/* A delivery on its way to an audience. Called by sqlite.c for service/wave.c, one wave by one run at a time.
 *
 * The order of writes, and what a crash just there leaves:
 *   1. NEXT commits    the cursor has moved, the batch stands in wave_batch. A crash before: nothing has
 *                      left, the same members come up again.
 *   2. its messages leave, their answers come. A crash after 1: the batch is found when the wave is opened
 *                      next. Whoever of it the platform has told of has it; all others are unknown.
 *   3. END commits     what became of each: counted, or an exception. The batch is no more.
 * So a member can be lost to doubt, and never get the message twice by us alone: an unknown one goes again
 * only when whoever asks for a batch says so. */

#include "queue/sqlite_internal.h"

#include "base/json.h"
#include "base/mem.h"

struct wave_row {
    int64_t channel, last, cursor, batches;
    struct ledger_wave w;
};

static bool get_wave(struct sqlite_conn *c, int64_t delivery, struct wave_row *out)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_WAVE_GET, ARGS(ARG_I(delivery)));
    int64_t v[16];

    if (!sqlite__row(c, stmt)) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        v[i] = sqlite3_column_int64(stmt, i);
    }
    sqlite__end(stmt);
    *out = (struct wave_row){.channel = v[0], .last = v[2], .cursor = v[3], .batches = v[4]};
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
                                  .at_end = v[3] >= v[2]};
    return true;
}

/* How it stands, for whoever asked; zero when there is none. */
static struct ledger_wave look(struct sqlite_conn *c, int64_t delivery)
{
    struct wave_row row = {.channel = 0};
    struct ledger_wave *w = &row.w;

    if (!get_wave(c, delivery, &row)) {
        return row.w;
    }
    if (w->again > 0) {
        w->due_ms =
            sqlite__int(c, SQL_EXCEPTION_FIRST, ARGS(ARG_I(delivery), ARG_I(WAVE_AGAIN)), 0);
    }
    if (w->unknown > 0) {
        w->since_ms =
            sqlite__int(c, SQL_EXCEPTION_FIRST, ARGS(ARG_I(delivery), ARG_I(WAVE_UNKNOWN)), 0);
    }
    if (w->at_end && sqlite__int(c, SQL_WAVE_BATCH_OPEN, ARGS(ARG_I(delivery)), 0) == 0) {
        w->missing = w->total - w->accepted - w->refused - w->undeliverable - w->stopped -
                     w->again - w->unknown;
        w->missing = w->missing > 0 ? w->missing : 0;
    }
    return row.w;
}

/* What is to be added to the counts. */
struct deltas {
    int64_t accepted, refused, undeliverable, stopped, again, unknown;
};

static void add(struct sqlite *s, int64_t delivery, const struct deltas *d)
{
    sqlite__do(&s->writer,
               SQL_WAVE_ADD,
               ARGS(ARG_I(delivery),
                    ARG_I(d->accepted),
                    ARG_I(d->refused),
                    ARG_I(d->undeliverable),
                    ARG_I(d->stopped),
                    ARG_I(d->again),
                    ARG_I(d->unknown)));
}

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

static void put_exception(struct sqlite *s,
                          int64_t delivery,
                          int64_t member,
                          enum wave_exception_state state,
                          int64_t due_at_ms,
                          bool tried,
                          const char *detail)
{
    sqlite__do(&s->writer,
               SQL_EXCEPTION_PUT,
               ARGS(ARG_I(delivery),
                    ARG_I(member),
                    ARG_I(state),
                    ARG_I(due_at_ms),
                    ARG_I(tried),
                    ARG_S(detail)));
}

static void drop_exception(struct sqlite *s, int64_t delivery, int64_t member)
{
    sqlite__do(&s->writer, SQL_EXCEPTION_DROP, ARGS(ARG_I(delivery), ARG_I(member)));
}

/* Without an answer: it arrived, as far as the platform has told, or nobody knows. */
static void doubt(struct sqlite *s,
                  int64_t channel,
                  int64_t delivery,
                  int64_t member,
                  const char *detail,
                  int64_t since_ms,
                  struct deltas *d)
{
    if (was_told(s, channel, member, delivery)) {
        drop_exception(s, delivery, member);
        d->accepted++;
        return;
    }
    put_exception(s, delivery, member, WAVE_UNKNOWN, since_ms, true, detail);
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
                    ARG_I(sqlite__int(&s->writer, SQL_MEMBER_LAST, ARGS(ARG_I(channel)), 0))));
}

/* Since when they are unknown: whoever called us in vain while we were away calls again, so what a platform has
 * told counts from the start on. */
static int64_t since_ms(const struct sqlite *s, int64_t begun_ms)
{
    return begun_ms > s->opened_ms ? begun_ms : s->opened_ms;
}

static void lose_fresh(struct sqlite *s,
                       const struct ledger_wave_open *r,
                       int64_t channel,
                       struct deltas *d)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_WAVE_BATCHES, ARGS(ARG_I(r->id.v)));

    while (sqlite__row(&s->writer, stmt)) {
        int64_t after = sqlite3_column_int64(stmt, 1), upto = sqlite3_column_int64(stmt, 2);
        int64_t since = since_ms(s, sqlite3_column_int64(stmt, 3));

        d->unknown += sqlite__do(
            &s->writer,
            SQL_WAVE_LOST,
            ARGS(ARG_I(r->id.v), ARG_I(channel), ARG_I(after), ARG_I(upto), ARG_I(since)));
        d->accepted +=
            sqlite__int(&s->writer,
                        SQL_WAVE_FOUND,
                        ARGS(ARG_I(r->id.v), ARG_I(channel), ARG_I(after), ARG_I(upto)),
                        0);
    }
}

static void lose_tried(struct sqlite *s,
                       const struct ledger_wave_open *r,
                       int64_t channel,
                       struct deltas *d)
{
    struct id_list members = {.v = NULL};

    sqlite__ids_query(
        &s->writer, SQL_EXCEPTION_OF, ARGS(ARG_I(r->id.v), ARG_I(WAVE_ON_ITS_WAY)), &members);
    for (size_t i = 0; i < members.count; i++) {
        doubt(s,
              channel,
              (int64_t)r->id.v,
              members.v[i],
              "stopped before the answer came",
              since_ms(s, 0),
              d);
    }
    sqlite__ids_done(&members);
}

enum err_code sqlite__wave_open(struct sqlite *s, struct ledger_wave_open *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);
    struct deltas d = {.accepted = 0};
    struct wave_row row;

    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    if (!get_wave(&s->writer, (int64_t)r->id.v, &row)) {
        make(s, r, ch->id);
    } else if (sqlite__int(&s->writer, SQL_WAVE_BATCH_OPEN, ARGS(ARG_I(r->id.v)), 0) != 0) {
        lose_fresh(s, r, ch->id, &d);
        lose_tried(s, r, ch->id, &d);
        sqlite__do(&s->writer, SQL_WAVE_BATCHES_END, ARGS(ARG_I(r->id.v)));
        add(s, (int64_t)r->id.v, &d);
    }
    r->wave = look(&s->writer, (int64_t)r->id.v);
    return ERR_NONE;
}

/* ---- next ---- */

static const char *text_into(struct ledger_texts *to, sqlite3_stmt *stmt, int column)
{
    const char *text = sqlite__col_text(stmt, column);

    return text ? ledger__texts_add(to, text, (size_t)sqlite3_column_bytes(stmt, column)) : NULL;
}

static struct ledger_wave_member *hand(struct ledger_wave_next *r, sqlite3_stmt *stmt, int at)
{
    struct ledger_wave_member *m = &r->v[r->count++];

    m->id = (uint64_t)sqlite3_column_int64(stmt, 0);
    m->address = text_into(r->texts, stmt, at);
    m->address = m->address ? m->address : "?"; /* a damaged file */
    m->language = text_into(r->texts, stmt, at + 1);
    return m;
}

/* Those of a state that are due; who has stopped or was removed since is left out of the wave. */
static void take_due(struct sqlite *s,
                     struct ledger_wave_next *r,
                     const struct wave_row *row,
                     enum wave_exception_state state,
                     int64_t due_ms)
{
    struct deltas d = {.accepted = 0};
    struct id_list gone = {.v = NULL};
    size_t from = r->count;
    sqlite3_stmt *stmt = sqlite__query(&s->writer,
                                       SQL_EXCEPTION_DUE,
                                       ARGS(ARG_I(r->id.v),
                                            ARG_I(state),
                                            ARG_I(due_ms),
                                            ARG_I(r->limit - r->count),
                                            ARG_I(row->channel)));

    while (sqlite__row(&s->writer, stmt)) {
        if (!sqlite__col_text(stmt, 3) || sqlite3_column_int(stmt, 5) != MEMBER_ACTIVE) {
            sqlite__ids_add(&gone, sqlite3_column_int64(stmt, 0));
        } else {
            hand(r, stmt, 3)->tries = sqlite3_column_int64(stmt, 2);
        }
    }
    for (size_t i = from; i < r->count; i++) {
        sqlite__do(&s->writer,
                   SQL_EXCEPTION_LEAVE,
                   ARGS(ARG_I(r->id.v), ARG_I(r->v[i].id), ARG_I(row->batches + 1)));
    }
    for (size_t i = 0; i < gone.count; i++) {
        drop_exception(s, (int64_t)r->id.v, gone.v[i]);
    }
    *(state == WAVE_AGAIN ? &d.again : &d.unknown) =
        -(int64_t)(r->count - from) - (int64_t)gone.count;
    sqlite__ids_done(&gone);
    if (d.again != 0 || d.unknown != 0) {
        add(s, (int64_t)r->id.v, &d);
    }
}

static void
take_unknown(struct sqlite *s, struct ledger_wave_next *r, const struct wave_row *row)
{
    int64_t before_ms = r->unknown_before_ms;

    /* A platform that has told of nothing since may be one that cannot reach us. */
    if (!r->unheard && row->w.told_ms < before_ms) {
        before_ms = row->w.told_ms;
    }
    if (before_ms > 0 && row->w.unknown > 0 && r->count < r->limit) {
        take_due(s, r, row, WAVE_UNKNOWN, before_ms);
    }
}

/* Returns where the cursor is then. */
static int64_t
take_fresh(struct sqlite *s, struct ledger_wave_next *r, const struct wave_row *row)
{
    size_t from = r->count, room = r->limit - r->count;
    sqlite3_stmt *stmt;

    if (room == 0 || row->cursor >= row->last) {
        return row->cursor;
    }
    stmt = sqlite__query(
        &s->writer,
        SQL_WAVE_FRESH,
        ARGS(ARG_I(row->channel), ARG_I(row->cursor), ARG_I(row->last), ARG_I(room)));
    while (sqlite__row(&s->writer, stmt)) {
        (void)hand(r, stmt, 1);
    }
    return r->count - from < room ? row->last : (int64_t)r->v[r->count - 1].id;
}

/* What its article has come to since the wave began: whoever has not had the message is spared one that is not to
 * be believed any more. */
static void look_at_article(struct sqlite *s, struct ledger_wave_next *r)
{
    struct delivery_row d;
    struct known k;

    r->retracted = r->withdrawn = false;
    if (!sqlite__delivery(s, r->id, &d)) {
        return;
    }
    sqlite__known(s, d.article, &k);
    r->retracted = k.found && k.retracted;
    r->withdrawn = k.found && k.retract_at_ms > 0;
    sqlite__known_done(&k);
    sqlite__delivery_done(&d);
}

enum err_code sqlite__wave_next(struct sqlite *s, struct ledger_wave_next *r)
{
    struct wave_row row;
    int64_t cursor;

    if (!get_wave(&s->writer, (int64_t)r->id.v, &row)) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the delivery has no wave");
    }
    r->number = 0;
    r->count = 0;
    r->more = false;
    r->v = NULL;
    r->texts = NULL;
    look_at_article(s, r);
    if (r->retracted || r->withdrawn) {
        r->wave = look(&s->writer, (int64_t)r->id.v);
        return ERR_NONE;
    }
    r->v = mem_calloc(r->limit, sizeof *r->v);
    r->texts = ledger__texts_new();
    if (row.w.again > 0) {
        take_due(s, r, &row, WAVE_AGAIN, r->now_ms);
    }
    take_unknown(s, r, &row);
    cursor = take_fresh(s, r, &row);
    r->number = r->count > 0 ? row.batches + 1 : 0;
    if (r->number > 0) {
        sqlite__do(&s->writer,
                   SQL_WAVE_BATCH_NEW,
                   ARGS(ARG_I(r->id.v),
                        ARG_I(r->number),
                        ARG_I(row.cursor),
                        ARG_I(cursor),
                        ARG_I(r->now_ms)));
    }
    sqlite__do(&s->writer,
               SQL_WAVE_CURSOR,
               ARGS(ARG_I(r->id.v), ARG_I(cursor), ARG_I(row.batches + (r->number > 0))));
    r->wave = look(&s->writer, (int64_t)r->id.v);
    return ERR_NONE;
}

/* ---- end ---- */

static void end_one(struct sqlite *s,
                    const struct ledger_wave_end *r,
                    const struct ledger_wave_result *v,
                    int64_t channel,
                    struct deltas *d)
{
    int64_t delivery = (int64_t)r->id.v, member = (int64_t)v->member;

    switch (v->outcome) {
    case MEMBER_ACCEPTED:
        drop_exception(s, delivery, member);
        d->accepted++;
        break;
    case MEMBER_AGAIN:
        put_exception(s, delivery, member, WAVE_AGAIN, v->due_at_ms, v->tried, v->detail);
        d->again++;
        break;
    case MEMBER_UNKNOWN:
        doubt(s, channel, delivery, member, v->detail, v->due_at_ms, d);
        break;
    case MEMBER_REFUSED:
        put_exception(s, delivery, member, WAVE_REFUSED, r->now_ms, true, v->detail);
        d->refused++;
        break;
    case MEMBER_UNDELIVERABLE:
    case MEMBER_LOST:
        drop_exception(s, delivery, member);
        d->undeliverable++;
        sqlite__member_learn(s, channel, v->member, v->outcome, v->detail, r->now_ms);
        break;
    case MEMBER_UNSUBSCRIBED:
        drop_exception(s, delivery, member);
        d->stopped++;
        sqlite__member_learn(s, channel, v->member, v->outcome, v->detail, r->now_ms);
        break;
    }
}

enum err_code sqlite__wave_end(struct sqlite *s, struct ledger_wave_end *r)
{
    struct deltas d = {.accepted = 0};
    struct wave_row row;

    if (!get_wave(&s->writer, (int64_t)r->id.v, &row)) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the delivery has no wave");
    }
    if (sqlite__do(&s->writer, SQL_WAVE_BATCH_END, ARGS(ARG_I(r->id.v), ARG_I(r->number))) ==
        0) {
        return err_set(&r->req.why, ERR_CONFLICT, "the batch has ended before");
    }
    for (size_t i = 0; i < r->count; i++) {
        end_one(s, r, &r->v[i], row.channel, &d);
    }
    add(s, (int64_t)r->id.v, &d);
    r->wave = look(&s->writer, (int64_t)r->id.v);
    return ERR_NONE;
}

/* ---- a person's word ---- */

void sqlite__wave_resolve(struct sqlite *s, struct delivery_id id, bool arrived, int64_t now_ms)
{
    struct wave_row row;
    struct deltas d;

    if (!get_wave(&s->writer, (int64_t)id.v, &row) || row.w.unknown == 0) {
        return;
    }
    d = (struct deltas){.accepted = arrived ? row.w.unknown : 0,
                        .again = arrived ? 0 : row.w.unknown,
                        .unknown = -row.w.unknown};
    if (arrived) {
        sqlite__do(&s->writer, SQL_EXCEPTIONS_DROP, ARGS(ARG_I(id.v), ARG_I(WAVE_UNKNOWN)));
    } else {
        sqlite__do(&s->writer, SQL_EXCEPTIONS_AGAIN, ARGS(ARG_I(id.v), ARG_I(now_ms)));
    }
    add(s, (int64_t)id.v, &d);
}

/* ---- showing ---- */

void sqlite__wave_show(struct sqlite_conn *c, json_t *object, int64_t delivery)
{
    struct ledger_wave w = look(c, delivery);
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {
        {"members", w.total},
        {"accepted", w.accepted},
        {"refused", w.refused},
        {"undeliverable", w.undeliverable},
        {"stopped", w.stopped + w.missing},
        {"again", w.again},
        {"unknown", w.unknown},
        {"sent", w.was_sent},
        {"delivered", w.was_delivered},
        {"read", w.was_read},
        {"failed", w.was_failed},
    };
    json_t *v;

    if (w.total == 0) {
        return;
    }
    v = json_object();
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_object_set_new(v, counts[i].name, json_integer(counts[i].value));
    }
    json_object_set_new(object, "wave", v);
}
