/* Members of audiences: who they are, that they agreed, and whether they still want and get anything. Called
 * by sqlite.c and by the waves. How many there are of each state stands in `audience`, changed in the same
 * transaction, so that nothing has to count them. No event tells an address. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Not reached on so many days: the number was given up, or its owner does not use the service. */
#define FAILURES_MAX 3
/* The brake: when more than so many, and more than that part of all, would be gone in a day, it is more
 * likely that something is wrong with us than with them. */
#define BRAKE_COUNT 100
#define BRAKE_PART 20

/* ---- counts ---- */

/* From `from` to `to`; MEMBER_STATES: from or to nowhere. */
static void
count_move(struct sqlite *s, int64_t channel, enum member_state from, enum member_state to)
{
    int64_t by[MEMBER_STATES] = {0};

    if (from < MEMBER_STATES) {
        by[from]--;
    }
    if (to < MEMBER_STATES) {
        by[to]++;
    }
    sqlite__do(&s->writer,
               SQL_AUDIENCE_ADD,
               ARGS(ARG_I(channel),
                    ARG_I(by[MEMBER_ACTIVE]),
                    ARG_I(by[MEMBER_STOPPED]),
                    ARG_I(by[MEMBER_GONE]),
                    ARG_I(by[MEMBER_QUARANTINED])));
}

static enum member_state state_of(sqlite3_stmt *stmt, int column)
{
    int state = sqlite3_column_int(stmt, column);

    return state >= 0 && state < MEMBER_STATES ? (enum member_state)state : MEMBER_STOPPED;
}

static void enter(struct sqlite *s,
                  int64_t channel,
                  int64_t id,
                  enum member_state from,
                  enum member_state to,
                  const char *why,
                  int64_t now_ms)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_STATE,
               ARGS(ARG_I(channel), ARG_I(id), ARG_I(to), ARG_I(now_ms), ARG_S(why)));
    count_move(s, channel, from, to);
}

/* ---- put ---- */

struct found {
    bool there;
    int64_t id, state_at_ms, opted_in_at_ms;
    enum member_state state;
    bool same_language;
};

static struct found
find(struct sqlite *s, int64_t channel, const char *address, const char *language)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MEMBER_FIND, ARGS(ARG_I(channel), ARG_S(address)));
    struct found f = {.there = false};
    const char *has;

    if (sqlite__row(&s->writer, stmt)) {
        has = sqlite__col_text(stmt, 3);
        f = (struct found){
            .there = true,
            .id = sqlite3_column_int64(stmt, 0),
            .state = state_of(stmt, 1),
            .state_at_ms = sqlite3_column_int64(stmt, 2),
            .opted_in_at_ms = sqlite3_column_int64(stmt, 4),
            .same_language = !language || (has && strcmp(has, language) == 0),
        };
        sqlite__end(stmt);
    }
    return f;
}

static void put_new(struct sqlite *s, struct ledger_members_put *r, int64_t channel, size_t i)
{
    const struct ledger_new_member *m = &r->v[i];

    sqlite__do(&s->writer,
               SQL_MEMBER_NEW,
               ARGS(ARG_I(channel),
                    ARG_I(r->first_id + i),
                    ARG_S(m->address),
                    ARG_S(m->language),
                    ARG_I(m->opted_in_at_ms),
                    ARG_S(m->opted_in_by)));
    count_move(s, channel, MEMBER_STATES, MEMBER_ACTIVE);
    r->added++;
}

static void
put_consent(struct sqlite *s, int64_t channel, int64_t id, const struct ledger_new_member *m)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_CONSENT,
               ARGS(ARG_I(channel),
                    ARG_I(id),
                    ARG_S(m->language),
                    ARG_I(m->opted_in_at_ms),
                    ARG_S(m->opted_in_by)));
}

static void
put_one(struct sqlite *s, struct ledger_members_put *r, const struct channel_row *ch, size_t i)
{
    const struct ledger_new_member *m = &r->v[i];
    struct found f = find(s, ch->id, m->address, m->language);

    if (!f.there) {
        put_new(s, r, ch->id, i);
    } else if (f.state != MEMBER_ACTIVE && m->opted_in_at_ms <= f.state_at_ms) {
        r->left_out++;
    } else if (f.state != MEMBER_ACTIVE) {
        put_consent(s, ch->id, f.id, m);
        enter(s, ch->id, f.id, f.state, MEMBER_ACTIVE, NULL, r->now_ms);
        r->back++;
    } else if (m->opted_in_at_ms > f.opted_in_at_ms) {
        put_consent(s, ch->id, f.id, m);
        r->changed++;
    } else if (!f.same_language) {
        sqlite__do(&s->writer,
                   SQL_MEMBER_LANGUAGE,
                   ARGS(ARG_I(ch->id), ARG_I(f.id), ARG_S(m->language)));
        r->changed++;
    } else {
        r->unchanged++;
    }
}

enum err_code sqlite__members_put(struct sqlite *s, struct ledger_members_put *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);

    r->added = r->changed = r->back = r->unchanged = r->left_out = 0;
    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    sqlite__do(&s->writer, SQL_AUDIENCE_NEW, ARGS(ARG_I(ch->id)));
    for (size_t i = 0; i < r->count; i++) {
        put_one(s, r, ch, i);
    }
    return ERR_NONE;
}

/* ---- one member ---- */

/* What is erased is written over, in the file as well: SQLite would only forget where it stood. */
static void erase(struct sqlite *s, int64_t channel, const struct found *f)
{
    int64_t was =
        sqlite__pragma(&s->writer, "PRAGMA secure_delete"); /* the library's default */

    sqlite__exec(&s->writer, "PRAGMA secure_delete = ON");
    sqlite__do(&s->writer, SQL_MEMBER_DROP, ARGS(ARG_I(channel), ARG_I(f->id)));
    sqlite__exec(&s->writer,
                 was == 1 ? "PRAGMA secure_delete = ON" : "PRAGMA secure_delete = OFF");
    count_move(s, channel, f->state, MEMBER_STATES);
}

static void start_again(struct sqlite *s,
                        const struct ledger_member_set *r,
                        int64_t channel,
                        const struct found *f)
{
    const struct ledger_new_member consent = {.opted_in_at_ms = r->now_ms,
                                              .opted_in_by = r->why};

    put_consent(s, channel, f->id, &consent);
    enter(s, channel, f->id, f->state, MEMBER_ACTIVE, NULL, r->now_ms);
}

enum err_code sqlite__member_set(struct sqlite *s, struct ledger_member_set *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);
    struct found f = {.there = false};

    if (ch) {
        f = find(s, ch->id, r->address, NULL);
    }
    if (!f.there) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the audience has no such member");
    }
    switch (r->change) {
    case MEMBER_STOP:
        if (f.state != MEMBER_STOPPED) {
            enter(s, ch->id, f.id, f.state, MEMBER_STOPPED, r->why, r->now_ms);
        }
        break;
    case MEMBER_START:
        if (f.state != MEMBER_ACTIVE) {
            start_again(s, r, ch->id, &f);
        }
        break;
    case MEMBER_ERASE:
        erase(s, ch->id, &f);
        break;
    case MEMBER_TRAITS:
        break;
    }
    return ERR_NONE;
}

/* ---- what messages teach ---- */

/* Whether it would be one too many for today; counts it. */
static bool brakes(struct sqlite *s, int64_t channel, int64_t now_ms)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_AUDIENCE_GET, ARGS(ARG_I(channel)));
    int64_t day_ms = now_ms - now_ms % MS_DAY, active = 0, count = 0;

    if (sqlite__row(&s->writer, stmt)) {
        active = sqlite3_column_int64(stmt, 0);
        count = sqlite3_column_int64(stmt, 5) == day_ms ? sqlite3_column_int64(stmt, 6) : 0;
        sqlite__end(stmt);
    }
    sqlite__do(
        &s->writer, SQL_AUDIENCE_BRAKE, ARGS(ARG_I(channel), ARG_I(day_ms), ARG_I(count + 1)));
    return count >= BRAKE_COUNT && count >= (active + count) / BRAKE_PART;
}

static void
lose(struct sqlite *s, int64_t channel, int64_t id, const char *detail, int64_t now_ms)
{
    enum member_state to = brakes(s, channel, now_ms) ? MEMBER_QUARANTINED : MEMBER_GONE;

    enter(s, channel, id, MEMBER_ACTIVE, to, detail, now_ms);
}

static void fail(struct sqlite *s,
                 int64_t channel,
                 int64_t id,
                 int64_t failures,
                 const char *detail,
                 int64_t now_ms)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_FAILED,
               ARGS(ARG_I(channel), ARG_I(id), ARG_I(failures), ARG_I(now_ms)));
    if (failures >= FAILURES_MAX) {
        lose(s, channel, id, detail, now_ms);
    }
}

void sqlite__member_learn(struct sqlite *s,
                          int64_t channel,
                          uint64_t member,
                          enum member_outcome outcome,
                          const char *detail,
                          int64_t now_ms)
{
    int64_t id = (int64_t)member, failures = 0, failed_at_ms = 0;
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_MEMBER_GET, ARGS(ARG_I(channel), ARG_I(id)));
    bool active = false;

    if (sqlite__row(&s->writer, stmt)) {
        active = state_of(stmt, 0) == MEMBER_ACTIVE;
        failures = sqlite3_column_int64(stmt, 1);
        failed_at_ms = sqlite3_column_int64(stmt, 2);
        sqlite__end(stmt);
    }
    if (!active) {
        return;
    }
    if (outcome == MEMBER_UNSUBSCRIBED) {
        enter(s, channel, id, MEMBER_ACTIVE, MEMBER_STOPPED, detail, now_ms);
    } else if (outcome == MEMBER_LOST) {
        lose(s, channel, id, detail, now_ms);
    } else if (outcome == MEMBER_UNDELIVERABLE && failed_at_ms / MS_DAY != now_ms / MS_DAY) {
        fail(s, channel, id, failures + 1, detail, now_ms);
    } else if (outcome == MEMBER_ACCEPTED && failures > 0) {
        fail(s, channel, id, 0, detail, failed_at_ms);
    }
}

/* ---- reading ---- */

static char *text_of(sqlite3_stmt *stmt, int column)
{
    char *text = sqlite__col_dup(stmt, column);

    return text ? text : mem_strdup("?"); /* a damaged file */
}

static void read_counts(struct sqlite_conn *c, int64_t channel, struct ledger_members *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_AUDIENCE_GET, ARGS(ARG_I(channel)));

    if (sqlite__row(c, stmt)) {
        for (int i = 0; i < MEMBER_STATES; i++) {
            r->by_state[i] = sqlite3_column_int64(stmt, i);
        }
        sqlite__end(stmt);
    }
}

static sqlite3_stmt *
start_list(struct sqlite_conn *c, int64_t channel, const struct ledger_members *r)
{
    enum sqlite_sql id = r->state < 0                ? SQL_MEMBER_LIST
                         : r->state == MEMBER_ACTIVE ? SQL_MEMBER_LIST_ACTIVE
                                                     : SQL_MEMBER_LIST_OUT;

    if (r->address) {
        return sqlite__query(c, SQL_MEMBER_SHOW, ARGS(ARG_I(channel), ARG_S(r->address)));
    }
    if (id == SQL_MEMBER_LIST_OUT) {
        return sqlite__query(
            c, id, ARGS(ARG_I(channel), ARG_I(r->after), ARG_I(r->limit + 1), ARG_I(r->state)));
    }
    return sqlite__query(c, id, ARGS(ARG_I(channel), ARG_I(r->after), ARG_I(r->limit + 1)));
}

static struct ledger_member read_member(sqlite3_stmt *stmt)
{
    return (struct ledger_member){
        .id = (uint64_t)sqlite3_column_int64(stmt, 0),
        .address = text_of(stmt, 1),
        .language = sqlite__col_dup(stmt, 2),
        .state = state_of(stmt, 3),
        .state_at_ms = sqlite3_column_int64(stmt, 4),
        .state_why = sqlite__col_dup(stmt, 5),
        .opted_in_at_ms = sqlite3_column_int64(stmt, 6),
        .opted_in_by = text_of(stmt, 7),
        .failures = sqlite3_column_int64(stmt, 8),
    };
}

enum err_code sqlite__members(struct sqlite_conn *c, struct ledger_members *r)
{
    int64_t channel = sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), 0);
    sqlite3_stmt *stmt;

    r->v = NULL;
    r->count = 0;
    r->more = false;
    memset(r->by_state, 0, sizeof r->by_state);
    read_counts(c, channel, r);
    if (r->limit == 0) {
        return ERR_NONE;
    }
    r->v = mem_calloc(r->limit, sizeof *r->v);
    stmt = start_list(c, channel, r);
    while (sqlite__row(c, stmt)) {
        if (r->count == r->limit) {
            r->more = true;
            sqlite__end(stmt);
            break;
        }
        r->v[r->count++] = read_member(stmt);
    }
    return ERR_NONE;
}
