/* What a platform tells, later and by a call of its own, of messages it has taken: sent, delivered, read,
 * failed. Called by sqlite.c. It comes more than once and in any order, before the answer to the message or
 * after it, also for one whose answer was lost: then it is the answer.
 *
 * Which of it a member has had is kept with the member for their newest message only, so each is counted once,
 * and what is told of older ones is no longer counted. */

#include "queue/sqlite_audience.h"

#include "base/mem.h"

/* The message is there: whoever was unknown, or to be tried again, is through. Returns whether nothing of
 * the wave is unknown any more by that. */
static bool settle(struct sqlite *s, const struct ledger_wave_news *n)
{
    sqlite3_stmt *stmt = sqlite__query(
        &s->writer, SQL_EXCEPTION_GET, ARGS(ARG_I(n->delivery.v), ARG_I(n->member)));
    int state = -1;

    if (sqlite__row(&s->writer, stmt)) {
        state = sqlite3_column_int(stmt, 0);
        sqlite__end(stmt);
    }
    if (state != WAVE_AGAIN && state != WAVE_UNKNOWN) {
        return false;
    }
    sqlite__do(&s->writer, SQL_EXCEPTION_DROP, ARGS(ARG_I(n->delivery.v), ARG_I(n->member)));
    sqlite__do(&s->writer,
               SQL_WAVE_ADD,
               ARGS(ARG_I(n->delivery.v),
                    ARG_I(1),
                    ARG_I(0),
                    ARG_I(0),
                    ARG_I(0),
                    ARG_I(state == WAVE_AGAIN ? -1 : 0),
                    ARG_I(state == WAVE_UNKNOWN ? -1 : 0),
                    ARG_I(0)));
    return sqlite__int(&s->writer,
                       SQL_EXCEPTION_FIRST,
                       ARGS(ARG_I(n->delivery.v), ARG_I(WAVE_UNKNOWN)),
                       0) == 0;
}

/* Whether it is news of the member's newest message. */
static bool note(struct sqlite *s, int64_t channel, const struct ledger_wave_news *n)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MEMBER_GET, ARGS(ARG_I(channel), ARG_I(n->member)));
    int64_t wave, told, id = (int64_t)n->delivery.v;

    if (!sqlite__row(&s->writer, stmt)) {
        return false; /* removed since */
    }
    wave = sqlite3_column_int64(stmt, 3);
    told = wave == id ? sqlite3_column_int64(stmt, 4) : 0;
    sqlite__end(stmt);
    if (wave > id || (told & n->status) != 0) {
        return false;
    }
    sqlite__do(&s->writer,
               SQL_MEMBER_TOLD,
               ARGS(ARG_I(channel), ARG_I(n->member), ARG_I(id), ARG_I(told | n->status)));
    return true;
}

static void count(struct sqlite *s, const struct ledger_wave_news *n)
{
    sqlite__do(&s->writer,
               SQL_WAVE_WAS,
               ARGS(ARG_I(n->delivery.v),
                    ARG_I(n->status == MEMBER_WAS_SENT),
                    ARG_I(n->status == MEMBER_WAS_DELIVERED),
                    ARG_I(n->status == MEMBER_WAS_READ),
                    ARG_I(n->status == MEMBER_WAS_FAILED)));
}

static void learn(struct sqlite *s, struct member_lesson *l, const struct ledger_wave_news *n)
{
    enum member_outcome outcome = MEMBER_ACCEPTED;

    if (n->status == MEMBER_WAS_SENT) {
        return; /* not there yet */
    }
    if (n->status == MEMBER_WAS_FAILED) {
        outcome = n->outcome;
    }
    sqlite__member_learn(s, l, n->member, outcome, n->detail);
}

static void tell_settled(struct ledger_wave_told *r, struct delivery_id id)
{
    r->settled = mem_realloc(r->settled, r->settled_count + 1, sizeof *r->settled);
    r->settled[r->settled_count++] = id;
}

static bool is_of(struct sqlite *s, int64_t channel, struct delivery_id id)
{
    return sqlite__int(&s->writer, SQL_WAVE_GET, ARGS(ARG_I(id.v)), 0) == channel;
}

enum err_code sqlite__wave_told(struct sqlite *s, struct ledger_wave_told *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);
    struct member_lesson lesson = {.name = r->channel, .now_ms = r->now_ms};

    r->settled = NULL;
    r->settled_count = 0;
    if (!ch) {
        return ERR_NONE;
    }
    lesson.channel = ch->id;
    sqlite__do(&s->writer, SQL_AUDIENCE_TOLD, ARGS(ARG_I(ch->id), ARG_I(r->now_ms)));
    for (size_t i = 0; i < r->count; i++) {
        const struct ledger_wave_news *n = &r->v[i];

        if (!is_of(s, ch->id, n->delivery)) {
            continue; /* of another crier on the same account, or pruned */
        }
        if (note(s, ch->id, n)) {
            count(s, n);
            learn(s, &lesson, n);
        }
        if (settle(s, n)) {
            tell_settled(r, n->delivery);
        }
    }
    sqlite__audience_add(s, ch->id, &lesson.counts);
    return ERR_NONE;
}
