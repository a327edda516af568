/* What became of a batch of a wave. Called by sqlite.c; how a wave is kept stands in sqlite_wave.c.
 *
 * Most have it: they are a number. Of the others each is an exception, or teaches something of the member. Those
 * who came again and have it now are exceptions no more, all in one statement: what is left on its way of the
 * batch, when the others were noted, are they. */

#include "queue/sqlite_audience.h"

#include <string.h>

/* ---- services ---- */

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        v |= (uint32_t)at[i] << (8 * i);
    }
    return v;
}

void sqlite__wave_service_read(sqlite3_stmt *stmt, struct ledger_wave_service *out)
{
    const uint8_t *times = sqlite3_column_blob(stmt, 5);
    size_t len = (size_t)sqlite3_column_bytes(stmt, 5);

    out->accepted = sqlite3_column_int64(stmt, 0);
    out->retried = sqlite3_column_int64(stmt, 1);
    out->gone = sqlite3_column_int64(stmt, 2);
    out->refused = sqlite3_column_int64(stmt, 3);
    out->unknown = sqlite3_column_int64(stmt, 4);
    for (size_t i = 0; i < LEDGER_TIMES; i++) {
        out->times[i] = times && 4 * i + 4 <= len ? get_u32(times + 4 * i) : 0;
    }
}

static void add_service(struct sqlite *s, int64_t delivery, const struct ledger_wave_service *v)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_WAVE_SERVICE_GET, ARGS(ARG_I(delivery), ARG_S(v->name)));
    struct ledger_wave_service had = {.accepted = 0};
    uint8_t times[4 * LEDGER_TIMES];

    if (sqlite__row(&s->writer, stmt)) {
        sqlite__wave_service_read(stmt, &had);
        sqlite__end(stmt);
    }
    for (size_t i = 0; i < LEDGER_TIMES; i++) {
        put_u32(times + 4 * i, had.times[i] + v->times[i]);
    }
    sqlite__do(&s->writer,
               SQL_WAVE_SERVICE_PUT,
               ARGS(ARG_I(delivery),
                    ARG_S(v->name),
                    ARG_I(had.accepted + v->accepted),
                    ARG_I(had.retried + v->retried),
                    ARG_I(had.gone + v->gone),
                    ARG_I(had.refused + v->refused),
                    ARG_I(had.unknown + v->unknown),
                    ARG_BLOB(times, sizeof times)));
}

/* ---- members ---- */

struct ending {
    struct sqlite *s;
    const struct ledger_wave_end *r;
    struct member_lesson lesson;
    struct wave_deltas d;
};

static void end_one(struct ending *e, const struct ledger_wave_result *v)
{
    int64_t delivery = (int64_t)e->r->id.v;

    switch (v->outcome) {
    case MEMBER_ACCEPTED:
        e->d.accepted++;
        break;
    case MEMBER_AGAIN:
        sqlite__exception_put(e->s, delivery, v, WAVE_AGAIN);
        e->d.again++;
        break;
    case MEMBER_UNKNOWN:
        sqlite__wave_doubt(e->s,
                           e->lesson.channel,
                           delivery,
                           (int64_t)v->member,
                           v->detail,
                           v->due_at_ms,
                           &e->d);
        break;
    case MEMBER_REFUSED:
        sqlite__exception_put(e->s, delivery, v, v->spared ? WAVE_SPARED : WAVE_REFUSED);
        *(v->spared ? &e->d.skipped : &e->d.refused) += 1;
        break;
    case MEMBER_UNDELIVERABLE:
    case MEMBER_LOST:
        e->d.undeliverable++;
        sqlite__member_learn(e->s, &e->lesson, v->member, v->outcome, v->detail);
        break;
    case MEMBER_UNSUBSCRIBED:
        e->d.stopped++;
        sqlite__member_learn(e->s, &e->lesson, v->member, v->outcome, v->detail);
        break;
    }
}

/* Those who came again and have it now. */
static void end_returning(struct sqlite *s, const struct ledger_wave_end *r)
{
    if (r->remembers) {
        sqlite__do(&s->writer,
                   SQL_EXCEPTIONS_LATE,
                   ARGS(ARG_I(r->id.v), ARG_I(r->number), ARG_I(r->now_ms)));
    } else {
        sqlite__do(&s->writer, SQL_EXCEPTIONS_LEFT, ARGS(ARG_I(r->id.v), ARG_I(r->number)));
    }
}

enum err_code sqlite__wave_end(struct sqlite *s, struct ledger_wave_end *r)
{
    struct ending e = {.s = s, .r = r};
    struct channel_row *ch;
    struct wave_row row;

    if (!sqlite__wave_get(&s->writer, (int64_t)r->id.v, &row)) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the delivery has no wave");
    }
    ch = sqlite__channel_by_id(s, row.channel);
    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    if (sqlite__do(&s->writer, SQL_WAVE_BATCH_END, ARGS(ARG_I(r->id.v), ARG_I(r->number))) ==
        0) {
        return err_set(&r->req.why, ERR_CONFLICT, "the batch has ended before");
    }
    e.d = (struct wave_deltas){.accepted = r->accepted};
    e.lesson = (struct member_lesson){
        .channel = row.channel, .name = ch->name, .gone_max = r->gone_max, .now_ms = r->now_ms};
    for (size_t i = 0; i < r->count; i++) {
        end_one(&e, &r->v[i]);
    }
    end_returning(s, r);
    for (size_t i = 0; i < r->service_count; i++) {
        add_service(s, (int64_t)r->id.v, &r->services[i]);
    }
    sqlite__audience_add(s, row.channel, &e.lesson.counts);
    sqlite__wave_add(s, (int64_t)r->id.v, &e.d);
    r->wave = sqlite__wave_look(&s->writer, (int64_t)r->id.v);
    return ERR_NONE;
}
