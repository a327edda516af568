/* Who is not reached any more: what messages teach of members, and how that is undone when it was wrong. Called by
 * the waves with every answer, and by sqlite.c.
 *
 * A member is gone only by evidence: the platform says that the address reaches nobody, or nothing reached them on
 * several days. And when more go in an hour than do so of themselves, it is more likely that something is wrong with
 * us, or with the platform, than with them: the others are put aside until a person has looked. Whoever has
 * stopped by a word of their own is none of these. */

#include "queue/sqlite_audience.h"

#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"

/* Not reached on so many days: the number was given up, or its owner does not use the service. */
#define FAILURES_MAX 3
/* The brake: more than so many, and more than that part of all, in an hour. */
#define BRAKE_COUNT 100
#define BRAKE_PART 20
/* Members that one call brings back. */
#define BACK_MAX 10000

/* ---- the brake ---- */

struct brake {
    int64_t active, hour_ms, count;
    bool told;
};

static struct brake read_brake(struct sqlite *s, const struct member_lesson *l)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_AUDIENCE_GET, ARGS(ARG_I(l->channel)));
    struct brake b = {.hour_ms = l->now_ms - l->now_ms % MS_HOUR};

    if (sqlite__row(&s->writer, stmt)) {
        b.active = sqlite3_column_int64(stmt, 0) + l->counts.by[MEMBER_ACTIVE];
        if (sqlite3_column_int64(stmt, 5) == b.hour_ms) {
            b.count = sqlite3_column_int64(stmt, 6);
            b.told = sqlite3_column_int(stmt, 7) != 0;
        }
        sqlite__end(stmt);
    }
    return b;
}

static int64_t most(const struct brake *b, int64_t gone_max)
{
    int64_t part = (b->active + b->count) / BRAKE_PART;

    if (gone_max > 0) {
        return gone_max;
    }
    return part > BRAKE_COUNT ? part : BRAKE_COUNT;
}

static void tell_brake(struct sqlite *s, const struct member_lesson *l, int64_t gone)
{
    struct buf b;

    sqlite__event_start(&b);
    json_put_text(&b, "channel", l->name);
    json_put_int(&b, "gone", gone);
    sqlite__event_write(s, "audience.brake", &b, l->now_ms);
}

/* Whether it would be one too many for this hour; counts it. */
static bool brakes(struct sqlite *s, const struct member_lesson *l)
{
    struct brake b = read_brake(s, l);
    bool too_many = b.count >= most(&b, l->gone_max);

    if (too_many && !b.told) {
        tell_brake(s, l, b.count);
    }
    sqlite__do(&s->writer,
               SQL_AUDIENCE_BRAKE,
               ARGS(ARG_I(l->channel),
                    ARG_I(b.hour_ms),
                    ARG_I(b.count + !too_many),
                    ARG_I(b.told || too_many)));
    return too_many;
}

/* ---- what messages teach ---- */

static void lose(struct sqlite *s, struct member_lesson *l, int64_t id, const char *detail)
{
    enum member_state to = brakes(s, l) ? MEMBER_QUARANTINED : MEMBER_GONE;

    sqlite__member_enter(s, l->channel, id, MEMBER_ACTIVE, to, detail, l->now_ms, &l->counts);
}

static void note_failures(struct sqlite *s,
                          const struct member_lesson *l,
                          int64_t id,
                          int64_t failures,
                          int64_t at_ms)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_FAILED,
               ARGS(ARG_I(l->channel), ARG_I(id), ARG_I(failures), ARG_I(at_ms)));
}

static void fail(
    struct sqlite *s, struct member_lesson *l, int64_t id, int64_t failures, const char *detail)
{
    note_failures(s, l, id, failures, l->now_ms);
    if (failures >= FAILURES_MAX) {
        lose(s, l, id, detail);
    }
}

void sqlite__member_learn(struct sqlite *s,
                          struct member_lesson *l,
                          uint64_t member,
                          enum member_outcome outcome,
                          const char *detail)
{
    int64_t id = (int64_t)member, failures = 0, failed_at_ms = 0;
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MEMBER_GET, ARGS(ARG_I(l->channel), ARG_I(id)));
    bool active = false;

    if (sqlite__row(&s->writer, stmt)) {
        active = sqlite__member_state(stmt, 0) == MEMBER_ACTIVE;
        failures = sqlite3_column_int64(stmt, 1);
        failed_at_ms = sqlite3_column_int64(stmt, 2);
        sqlite__end(stmt);
    }
    if (!active) {
        return;
    }
    if (outcome == MEMBER_UNSUBSCRIBED) {
        sqlite__member_enter(
            s, l->channel, id, MEMBER_ACTIVE, MEMBER_STOPPED, detail, l->now_ms, &l->counts);
    } else if (outcome == MEMBER_LOST) {
        lose(s, l, id, detail);
    } else if (outcome == MEMBER_UNDELIVERABLE && failed_at_ms / MS_DAY != l->now_ms / MS_DAY) {
        fail(s, l, id, failures + 1, detail);
    } else if (outcome == MEMBER_ACCEPTED && failures > 0) {
        note_failures(s, l, id, 0, failed_at_ms);
    }
}

/* ---- and back ---- */

static void tell_back(struct sqlite *s,
                      const struct ledger_members_back *r,
                      enum member_state from,
                      enum member_state to,
                      int64_t count)
{
    struct buf b;

    sqlite__event_start(&b);
    json_put_text(&b, "channel", r->channel);
    json_put_text(&b, "from", member_state_name(from));
    json_put_text(&b, "to", member_state_name(to));
    json_put_int(&b, "members", count);
    sqlite__event_write(s, "audience.back", &b, r->now_ms);
}

static void move_all(struct sqlite *s,
                     struct ledger_members_back *r,
                     int64_t channel,
                     enum member_state from,
                     enum member_state to)
{
    struct audience_counts counts = {.by = {0}};
    int64_t room = BACK_MAX - r->count, count;

    if (room <= 0) {
        return;
    }
    count = sqlite__do(&s->writer,
                       SQL_MEMBERS_BACK,
                       ARGS(ARG_I(channel),
                            ARG_I(from),
                            ARG_I(r->since_ms),
                            ARG_I(to),
                            ARG_I(room),
                            ARG_I(r->now_ms)));
    if (count == 0) {
        return;
    }
    counts.by[from] = -count;
    counts.by[to] = count;
    sqlite__audience_add(s, channel, &counts);
    tell_back(s, r, from, to, count);
    r->count += count;
}

enum err_code sqlite__members_back(struct sqlite *s, struct ledger_members_back *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);

    r->count = 0;
    r->more = false;
    if (!ch) {
        return ERR_NONE; /* it has no members; or the error sticks */
    }
    if (r->gone) {
        move_all(s, r, ch->id, MEMBER_QUARANTINED, MEMBER_GONE);
    } else {
        if (r->state < 0 || r->state == MEMBER_GONE) {
            move_all(s, r, ch->id, MEMBER_GONE, MEMBER_ACTIVE);
        }
        if (r->state < 0 || r->state == MEMBER_QUARANTINED) {
            move_all(s, r, ch->id, MEMBER_QUARANTINED, MEMBER_ACTIVE);
        }
    }
    r->more = r->count >= BACK_MAX;
    return ERR_NONE;
}
