/* Members of audiences: who they are, that they agreed, and what they want. Called by sqlite.c. How many there are
 * of each state stands in `audience`, changed in the same transaction, so that nothing has to count them. No event
 * tells an address. */

#include "queue/sqlite_audience.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

/* From so many on a list of new members is put in the order of marks, so that their tree is written from one end to
 * the other. */
#define SORTED_MIN 1000
/* New marks that wait for their place among all the others: so many make some hundred pages. */
#define NEW_MARKS_MAX ((int64_t)128 * 1024)
#define MARKS_MOVED_MIN 100

/* ---- counts ---- */

void sqlite__audience_add(struct sqlite *s, int64_t channel, const struct audience_counts *n)
{
    static const struct audience_counts none = {.by = {0}};

    if (memcmp(n, &none, sizeof none) == 0) {
        return;
    }
    sqlite__do(&s->writer,
               SQL_AUDIENCE_ADD,
               ARGS(ARG_I(channel),
                    ARG_I(n->by[MEMBER_ACTIVE]),
                    ARG_I(n->by[MEMBER_STOPPED]),
                    ARG_I(n->by[MEMBER_GONE]),
                    ARG_I(n->by[MEMBER_QUARANTINED])));
}

enum member_state sqlite__member_state(sqlite3_stmt *stmt, int column)
{
    int state = sqlite3_column_int(stmt, column);

    return state >= 0 && state < MEMBER_STATES ? (enum member_state)state : MEMBER_STOPPED;
}

void sqlite__member_enter(struct sqlite *s,
                          int64_t channel,
                          int64_t id,
                          enum member_state from,
                          enum member_state to,
                          const char *why,
                          int64_t now_ms,
                          struct audience_counts *counts)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_STATE,
               ARGS(ARG_I(channel), ARG_I(id), ARG_I(to), ARG_I(now_ms), ARG_S(why)));
    counts->by[from]--;
    counts->by[to]++;
}

/* ---- one that is there ---- */

int64_t sqlite__member_mark(const char *address)
{
    uint8_t hash[SHA256_BYTES];

    crypto_sha256(address, strlen(address), hash);
    return (int64_t)crypto_first64(hash);
}

struct found {
    bool there;
    int64_t id, mark, state_at_ms, opted_in_at_ms;
    enum member_state state;
    bool same_language, same_keys, same_wants; /* as those of whom it was asked for */
};

static bool same_text(sqlite3_stmt *stmt, int column, const char *text)
{
    const char *has = sqlite__col_text(stmt, column);

    return !text || (has && strcmp(has, text) == 0);
}

static bool same_keys(sqlite3_stmt *stmt, const struct ledger_new_member *m)
{
    return !m->keys || ((size_t)sqlite3_column_bytes(stmt, 5) == m->keys_len &&
                        memcmp(sqlite3_column_blob(stmt, 5), m->keys, m->keys_len) == 0 &&
                        sqlite3_column_int64(stmt, 6) == m->key_id);
}

static int64_t topics_of(const struct member_traits *t)
{
    return t->topics != 0 ? t->topics : MEMBER_TOPICS_ALL;
}

static bool same_wants(sqlite3_stmt *stmt, const struct ledger_new_member *m)
{
    const struct member_traits *t = &m->traits;

    return same_text(stmt, 9, m->zone) &&
           (m->keeps_traits || (sqlite3_column_int64(stmt, 7) == topics_of(t) &&
                                (sqlite3_column_int(stmt, 8) != 0) == t->test &&
                                sqlite3_column_int(stmt, 10) == t->quiet_from &&
                                sqlite3_column_int(stmt, 11) == t->quiet_to));
}

/* m: NULL: nothing is compared. */
static struct found find(struct sqlite *s,
                         int64_t channel,
                         const char *address,
                         int64_t mark,
                         const struct ledger_new_member *m)
{
    sqlite3_stmt *stmt = sqlite__query(
        &s->writer, SQL_MEMBER_FIND, ARGS(ARG_I(channel), ARG_I(mark), ARG_S(address)));
    struct found f = {.there = false};

    if (sqlite__row(&s->writer, stmt)) {
        f = (struct found){
            .there = true,
            .id = sqlite3_column_int64(stmt, 0),
            .mark = mark,
            .state = sqlite__member_state(stmt, 1),
            .state_at_ms = sqlite3_column_int64(stmt, 2),
            .opted_in_at_ms = sqlite3_column_int64(stmt, 3),
            .same_language = !m || same_text(stmt, 4, m->language),
            .same_keys = !m || same_keys(stmt, m),
            .same_wants = !m || same_wants(stmt, m),
        };
        sqlite__end(stmt);
    }
    return f;
}

/* ---- put ---- */

struct putting {
    struct sqlite *s;
    struct ledger_members_put *r;
    int64_t channel, new_marks;
    struct audience_counts counts;
};

/* ---- marks ---- */

static void put_mark(struct putting *p, int64_t id, int64_t mark)
{
    sqlite__do(&p->s->writer, SQL_MARK_NEW, ARGS(ARG_I(p->channel), ARG_I(mark), ARG_I(id)));
    p->new_marks++;
}

static void drop_mark(struct sqlite *s, int64_t channel, int64_t id, int64_t mark)
{
    const struct sql_arg *args = ARGS(ARG_I(channel), ARG_I(mark), ARG_I(id));

    if (sqlite__do(&s->writer, SQL_MARK_DROP, args) == 0) {
        sqlite__do(&s->writer, SQL_MARK_NEW_DROP, args);
    }
}

/* Returns how many wait then. */
static int64_t count_marks(struct putting *p, int64_t by)
{
    return sqlite__int(
        &p->s->writer, SQL_AUDIENCE_MARKS, ARGS(ARG_I(p->channel), ARG_I(by)), 0);
}

/* When too many wait, the next ones in their order go among the others, twice as many as have come: those lie side
 * by side there. Where the last call has stopped it goes on; a start at another place does no harm. */
static void move_marks(struct putting *p)
{
    struct sqlite_conn *c = &p->s->writer;
    int64_t most = 2 * p->new_marks, from = p->s->marks_moved_to, upto, moved;

    if (count_marks(p, p->new_marks) <= NEW_MARKS_MAX) {
        return;
    }
    most = most > MARKS_MOVED_MIN ? most : MARKS_MOVED_MIN;
    upto = sqlite__int(
        c, SQL_MARKS_UPTO, ARGS(ARG_I(p->channel), ARG_I(from), ARG_I(most)), INT64_MAX);
    sqlite__do(c, SQL_MARKS_MOVE, ARGS(ARG_I(p->channel), ARG_I(from), ARG_I(upto)));
    moved = sqlite__do(c, SQL_MARKS_MOVED, ARGS(ARG_I(p->channel), ARG_I(from), ARG_I(upto)));
    (void)count_marks(p, -moved);
    p->s->marks_moved_to = moved < most || upto == INT64_MAX ? INT64_MIN : upto + 1;
}

/* ---- new and known ones ---- */

static void
put_new(struct putting *p, const struct ledger_new_member *m, int64_t id, int64_t mark)
{
    const struct member_traits *t = &m->traits;

    sqlite__do(&p->s->writer,
               SQL_MEMBER_NEW,
               ARGS(ARG_I(p->channel),
                    ARG_I(id),
                    ARG_I(topics_of(t)),
                    ARG_I(t->test),
                    ARG_S(m->address),
                    ARG_S(m->language),
                    ARG_BLOB(m->keys, m->keys_len),
                    ARG_I(m->key_id),
                    ARG_S(m->zone),
                    ARG_I(t->quiet_from),
                    ARG_I(t->quiet_to),
                    ARG_I(m->opted_in_at_ms),
                    ARG_S(m->opted_in_by)));
    put_mark(p, id, mark);
    p->counts.by[MEMBER_ACTIVE]++;
    p->r->added++;
}

static void put_traits(struct sqlite *s,
                       int64_t channel,
                       int64_t id,
                       const struct member_traits *t,
                       const char *zone,
                       const char *language)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_WANTS,
               ARGS(ARG_I(channel),
                    ARG_I(id),
                    ARG_I(topics_of(t)),
                    ARG_I(t->test),
                    ARG_I(t->quiet_from),
                    ARG_I(t->quiet_to),
                    ARG_S(zone),
                    ARG_S(language)));
}

/* Something that was prepared for the old keys is known by its mark; that it must be prepared anew is not. */
static void put_keys(struct putting *p, int64_t id, const struct ledger_new_member *m)
{
    sqlite__do(
        &p->s->writer,
        SQL_MEMBER_KEYS,
        ARGS(ARG_I(p->channel), ARG_I(id), ARG_BLOB(m->keys, m->keys_len), ARG_I(m->key_id)));
    sqlite__do(&p->s->writer, SQL_PREPARED_HOLE, ARGS(ARG_I(p->channel), ARG_I(id)));
}

static void
put_language(struct putting *p, const struct found *f, const struct ledger_new_member *m)
{
    if (!f->same_language) {
        sqlite__do(&p->s->writer,
                   SQL_MEMBER_LANGUAGE,
                   ARGS(ARG_I(p->channel), ARG_I(f->id), ARG_S(m->language)));
    }
}

static void
put_zone(struct putting *p, const struct found *f, const struct ledger_new_member *m)
{
    if (!f->same_wants) {
        sqlite__do(&p->s->writer,
                   SQL_MEMBER_ZONE,
                   ARGS(ARG_I(p->channel), ARG_I(f->id), ARG_S(m->zone)));
    }
}

static void
put_wants(struct putting *p, const struct found *f, const struct ledger_new_member *m)
{
    put_language(p, f, m);
    if (m->keeps_traits) {
        put_zone(p, f, m);
    } else if (!f->same_wants) {
        put_traits(p->s, p->channel, f->id, &m->traits, m->zone, NULL);
    }
    if (!f->same_keys) {
        put_keys(p, f->id, m);
    }
}

static void
put_consent(struct sqlite *s, int64_t channel, int64_t id, int64_t at_ms, const char *by)
{
    sqlite__do(&s->writer,
               SQL_MEMBER_CONSENT,
               ARGS(ARG_I(channel), ARG_I(id), ARG_I(at_ms), ARG_S(by)));
}

/* moved: it has a new address, so that the old one reached nobody says nothing of it. */
static void put_known(struct putting *p,
                      const struct found *f,
                      const struct ledger_new_member *m,
                      bool moved)
{
    bool newer = m->opted_in_at_ms > f->opted_in_at_ms;
    bool back = f->state != MEMBER_ACTIVE &&
                (m->opted_in_at_ms > f->state_at_ms || (moved && f->state != MEMBER_STOPPED));

    if (f->state != MEMBER_ACTIVE && !back) {
        p->r->left_out++;
        return;
    }
    if (moved || m->opted_in_at_ms >= f->opted_in_at_ms) {
        put_wants(p, f, m);
    } else {
        put_language(p, f, m);
    }
    if (newer) {
        put_consent(p->s, p->channel, f->id, m->opted_in_at_ms, m->opted_in_by);
    }
    if (back) {
        sqlite__member_enter(
            p->s, p->channel, f->id, f->state, MEMBER_ACTIVE, NULL, p->r->now_ms, &p->counts);
        p->r->back++;
    } else if (newer || moved || !f->same_language ||
               (m->opted_in_at_ms >= f->opted_in_at_ms && !(f->same_keys && f->same_wants))) {
        p->r->changed++;
    } else {
        p->r->unchanged++;
    }
}

bool sqlite__shred_begin(struct sqlite *s)
{
    bool was =
        sqlite__pragma(&s->writer, "PRAGMA secure_delete") == 1; /* the library's default */

    if (!was) {
        sqlite__exec(&s->writer, "PRAGMA secure_delete = ON");
    }
    return was;
}

void sqlite__shred_end(struct sqlite *s, bool was)
{
    if (!was) {
        sqlite__exec(&s->writer, "PRAGMA secure_delete = OFF");
    }
}

static void
drop(struct sqlite *s, int64_t channel, const struct found *f, struct audience_counts *n)
{
    bool was = sqlite__shred_begin(s);

    sqlite__prepared_erase(s, channel, f->id);
    sqlite__do(&s->writer, SQL_MEMBER_DROP, ARGS(ARG_I(channel), ARG_I(f->id)));
    drop_mark(s, channel, f->id, f->mark);
    sqlite__shred_end(s, was);
    n->by[f->state]--;
}

/* Whose place the new address takes; not there when nobody's. f: who has the new address already: then those are
 * one, and the older address is let go. */
static struct found take_place(struct putting *p,
                               const struct found *f,
                               const struct ledger_new_member *m,
                               int64_t mark)
{
    struct found old =
        find(p->s, p->channel, m->instead_of, sqlite__member_mark(m->instead_of), m);

    if (!old.there || (f->there && f->id == old.id)) {
        return (struct found){.there = false};
    }
    if (f->there) {
        drop(p->s, p->channel, &old, &p->counts);
        return (struct found){.there = false};
    }
    sqlite__do(&p->s->writer,
               SQL_MEMBER_MOVED,
               ARGS(ARG_I(p->channel), ARG_I(old.id), ARG_S(m->address)));
    drop_mark(p->s, p->channel, old.id, old.mark);
    put_mark(p, old.id, mark);
    return old;
}

/* Returns whether the number was used. */
static bool
put_one(struct putting *p, const struct ledger_new_member *m, int64_t mark, int64_t id)
{
    struct found f = find(p->s, p->channel, m->address, mark, m), old = {.there = false};

    if (m->instead_of) {
        old = take_place(p, &f, m, mark);
    }
    if (!f.there && !old.there) {
        put_new(p, m, id, mark);
        return true;
    }
    put_known(p, f.there ? &f : &old, m, !f.there);
    return false;
}

struct place { /* of a list */
    int64_t mark;
    size_t at;
};

static int by_mark(const void *a, const void *b)
{
    const struct place *one = a, *other = b;

    if (one->mark != other->mark) {
        return one->mark < other->mark ? -1 : 1;
    }
    return one->at < other->at ? -1 : one->at > other->at;
}

enum err_code sqlite__members_put(struct sqlite *s, struct ledger_members_put *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, true);
    struct putting p = {.s = s, .r = r, .channel = ch ? ch->id : 0};
    struct place *order;
    uint64_t id = r->first_id;

    r->added = r->changed = r->back = r->unchanged = r->left_out = 0;
    if (!ch) {
        return ERR_NONE; /* the error sticks */
    }
    sqlite__do(&s->writer, SQL_AUDIENCE_NEW, ARGS(ARG_I(ch->id)));
    order = mem_calloc(r->count, sizeof *order);
    for (size_t i = 0; i < r->count; i++) {
        order[i] = (struct place){.mark = sqlite__member_mark(r->v[i].address), .at = i};
    }
    if (r->count >= SORTED_MIN) {
        qsort(order, r->count, sizeof *order, by_mark);
    }
    for (size_t i = 0; i < r->count && !s->writer.error.code; i++) {
        id += put_one(&p, &r->v[order[i].at], order[i].mark, (int64_t)id);
    }
    mem_free(order);
    if (p.new_marks > 0) {
        move_marks(&p);
    }
    sqlite__audience_add(s, ch->id, &p.counts);
    return ERR_NONE;
}

/* ---- one member ---- */

static void start_again(struct sqlite *s,
                        const struct ledger_member_set *r,
                        int64_t channel,
                        const struct found *f,
                        struct audience_counts *counts)
{
    put_consent(s, channel, f->id, r->now_ms, r->why);
    sqlite__member_enter(s, channel, f->id, f->state, MEMBER_ACTIVE, NULL, r->now_ms, counts);
}

static void set(struct sqlite *s,
                const struct ledger_member_set *r,
                int64_t channel,
                const struct found *f,
                struct audience_counts *counts)
{
    switch (r->change) {
    case MEMBER_STOP:
        if (f->state != MEMBER_STOPPED) {
            sqlite__member_enter(
                s, channel, f->id, f->state, MEMBER_STOPPED, r->why, r->now_ms, counts);
        }
        break;
    case MEMBER_START:
        if (f->state != MEMBER_ACTIVE) {
            start_again(s, r, channel, f, counts);
        }
        break;
    case MEMBER_ERASE:
        drop(s, channel, f, counts);
        break;
    case MEMBER_TRAITS:
        put_traits(s, channel, f->id, &r->traits, r->zone, r->language);
        break;
    }
}

enum err_code sqlite__member_set(struct sqlite *s, struct ledger_member_set *r)
{
    struct channel_row *ch = sqlite__channel(s, r->channel, false);
    struct audience_counts counts = {.by = {0}};
    struct found f = {.there = false};

    if (ch) {
        f = find(s, ch->id, r->address, sqlite__member_mark(r->address), NULL);
    }
    if (!f.there) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the audience has no such member");
    }
    set(s, r, ch->id, &f, &counts);
    sqlite__audience_add(s, ch->id, &counts);
    return ERR_NONE;
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
        r->prepared = sqlite3_column_int64(stmt, MEMBER_STATES);
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
        return sqlite__query(
            c,
            SQL_MEMBER_SHOW,
            ARGS(ARG_I(channel), ARG_I(sqlite__member_mark(r->address)), ARG_S(r->address)));
    }
    if (id == SQL_MEMBER_LIST_OUT) {
        return sqlite__query(c,
                             id,
                             ARGS(ARG_I(channel),
                                  ARG_I(r->after),
                                  ARG_I(r->limit + 1),
                                  ARG_I(r->state),
                                  ARG_I(r->since_ms)));
    }
    return sqlite__query(c, id, ARGS(ARG_I(channel), ARG_I(r->after), ARG_I(r->limit + 1)));
}

static struct member_traits read_traits(sqlite3_stmt *stmt, int topics, int test, int quiet)
{
    return (struct member_traits){.topics = sqlite3_column_int64(stmt, topics),
                                  .test = sqlite3_column_int(stmt, test) != 0,
                                  .quiet_from = sqlite3_column_int(stmt, quiet),
                                  .quiet_to = sqlite3_column_int(stmt, quiet + 1)};
}

static struct ledger_member read_member(sqlite3_stmt *stmt)
{
    const void *keys = sqlite3_column_blob(stmt, 9);
    size_t keys_len = (size_t)sqlite3_column_bytes(stmt, 9);
    struct ledger_member m = {
        .id = (uint64_t)sqlite3_column_int64(stmt, 0),
        .address = text_of(stmt, 1),
        .language = sqlite__col_dup(stmt, 2),
        .state = sqlite__member_state(stmt, 3),
        .state_at_ms = sqlite3_column_int64(stmt, 4),
        .state_why = sqlite__col_dup(stmt, 5),
        .opted_in_at_ms = sqlite3_column_int64(stmt, 6),
        .opted_in_by = text_of(stmt, 7),
        .failures = sqlite3_column_int64(stmt, 8),
        .key_id = sqlite3_column_int64(stmt, 10),
        .traits = read_traits(stmt, 11, 12, 14),
        .zone = sqlite__col_dup(stmt, 13),
    };

    if (keys && keys_len <= MEMBER_KEYS_BYTES) { /* or the file is damaged */
        m.keys = mem_alloc(keys_len);
        memcpy(m.keys, keys, keys_len);
        m.keys_len = keys_len;
    }
    return m;
}

enum err_code sqlite__members(struct sqlite_conn *c, struct ledger_members *r)
{
    int64_t channel = sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), 0);
    sqlite3_stmt *stmt;

    r->v = NULL;
    r->count = 0;
    r->more = false;
    r->prepared = 0;
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
