/* The next members of a wave: a batch that is about to leave, written down before any of it does. Called by
 * sqlite.c; how a wave is kept, and what a crash leaves, stands in sqlite_wave.c.
 *
 * Those who are due again come first, then, where it is asked for, unknown ones, then whoever has not had their
 * turn. For those nothing is written but the cursor: a wave to a million costs the reading of their rows. */

#include "queue/sqlite_audience.h"

#include "base/clock.h"
#include "base/mem.h"

/* Members that one call looks at: articles wait behind it. */
#define LOOKED_MAX 20000
/* Waves that count for `recent`; no cap on alerts is larger. */
#define RECENT_MAX 64
/* A member has a message so long after its wave began, at the latest: it was put off, and worth something as yet. */
#define LATE_MAX_MS MS_DAY

/* ---- a member ---- */

struct recent_wave {
    int64_t delivery, topics, upto, started_ms;
    bool test, has_exceptions;
};
struct picking {
    struct sqlite *s;
    struct ledger_wave_next *r;
    const struct wave_row *row;
    struct recent_wave recent[RECENT_MAX];
    size_t recent_count;
};

/* Column order of those who may be handed out, here and in SQL_EXCEPTION_DUE. */
enum {
    ID,
    ADDRESS,
    LANGUAGE,
    KEYS,
    KEY_ID,
    ZONE,
    QUIET_FROM,
    QUIET_TO,
    TOPICS,
    TEST,
    OPTED_IN_AT,
    STATE,
    TRIES
};

static const char *text_into(struct ledger_texts *to, sqlite3_stmt *stmt, int column)
{
    const char *text = sqlite__col_text(stmt, column);

    return text ? ledger__texts_add(to, text, (size_t)sqlite3_column_bytes(stmt, column))
                : NULL;
}

static struct member_traits read_traits(sqlite3_stmt *stmt)
{
    return (struct member_traits){.topics = sqlite3_column_int64(stmt, TOPICS),
                                  .quiet_from = sqlite3_column_int(stmt, QUIET_FROM),
                                  .quiet_to = sqlite3_column_int(stmt, QUIET_TO),
                                  .test = sqlite3_column_int(stmt, TEST) != 0};
}

/* Its message has come by the member, for better or worse. */
static bool
has_passed(const struct recent_wave *w, uint64_t id, const struct member_traits *traits)
{
    return (int64_t)id <= w->upto && sqlite__wave_is_for(w->topics, w->test, traits);
}

/* When they had it, or may have had it; 0: they have not. */
static int64_t had_at_ms(const struct picking *p, const struct recent_wave *w, uint64_t id)
{
    int64_t at_ms = w->started_ms;
    sqlite3_stmt *stmt;

    if (!w->has_exceptions) {
        return at_ms;
    }
    stmt = sqlite__query(&p->s->writer, SQL_EXCEPTION_GET, ARGS(ARG_I(w->delivery), ARG_I(id)));
    if (sqlite__row(&p->s->writer, stmt)) {
        int state = sqlite3_column_int(stmt, 0);
        bool has_not = state == WAVE_AGAIN || state == WAVE_REFUSED || state == WAVE_SPARED;

        at_ms = has_not ? 0 : sqlite3_column_int64(stmt, 1);
        sqlite__end(stmt);
    }
    return at_ms;
}

/* Members are looked up only where it makes a difference. */
static int64_t count_recent(const struct picking *p, uint64_t id, const struct member_traits *t)
{
    int64_t count = 0, most = 0;

    for (size_t i = 0; i < p->recent_count; i++) {
        most += has_passed(&p->recent[i], id, t);
    }
    if (most < p->r->recent_enough) {
        return most;
    }
    for (size_t i = 0; i < p->recent_count; i++) {
        const struct recent_wave *w = &p->recent[i];

        count += has_passed(w, id, t) && had_at_ms(p, w, id) >= p->r->recent_since_ms;
    }
    return count;
}

static struct ledger_wave_member *
hand(struct picking *p, sqlite3_stmt *stmt, const struct member_traits *traits)
{
    struct ledger_wave_member *m = &p->r->v[p->r->count++];
    struct ledger_texts *texts = p->r->texts;
    const void *keys = sqlite3_column_blob(stmt, KEYS);
    size_t keys_len = (size_t)sqlite3_column_bytes(stmt, KEYS);

    m->id = (uint64_t)sqlite3_column_int64(stmt, ID);
    m->address = text_into(texts, stmt, ADDRESS);
    m->address = m->address ? m->address : "?"; /* a damaged file */
    m->language = text_into(texts, stmt, LANGUAGE);
    m->zone = text_into(texts, stmt, ZONE);
    m->key_id = sqlite3_column_int64(stmt, KEY_ID);
    m->opted_in_at_ms = sqlite3_column_int64(stmt, OPTED_IN_AT);
    m->traits = *traits;
    m->recent = count_recent(p, m->id, traits);
    if (keys && keys_len <= MEMBER_KEYS_BYTES) { /* or the file is damaged */
        m->keys = ledger__texts_add(texts, keys, keys_len);
        m->keys_len = keys_len;
    }
    return m;
}

static struct recent_wave read_wave(sqlite3_stmt *stmt)
{
    return (struct recent_wave){.delivery = sqlite3_column_int64(stmt, 0),
                                .topics = sqlite3_column_int64(stmt, 1),
                                .test = sqlite3_column_int(stmt, 2) != 0,
                                .upto = sqlite3_column_int64(stmt, 3),
                                .started_ms = sqlite3_column_int64(stmt, 4),
                                .has_exceptions = sqlite3_column_int(stmt, 5) != 0};
}

/* The other waves of the channel that count: of an earlier one only who has it late. */
static void read_recent(struct picking *p)
{
    int64_t since_ms = p->r->recent_since_ms;
    sqlite3_stmt *stmt;

    if (since_ms == 0) {
        return;
    }
    stmt = sqlite__query(
        &p->s->writer,
        SQL_WAVE_RECENT,
        ARGS(ARG_I(p->row->channel), ARG_I(since_ms - LATE_MAX_MS), ARG_I(RECENT_MAX + 1)));
    while (sqlite__row(&p->s->writer, stmt)) {
        struct recent_wave w = read_wave(stmt);

        if ((uint64_t)w.delivery != p->r->id.v && p->recent_count < RECENT_MAX &&
            (w.started_ms >= since_ms || w.has_exceptions)) {
            p->recent[p->recent_count++] = w;
        }
    }
}

/* ---- those who are due ---- */

static void leave(struct picking *p, size_t from, const struct id_list *gone)
{
    uint64_t delivery = p->r->id.v;

    for (size_t i = from; i < p->r->count; i++) {
        sqlite__do(&p->s->writer,
                   SQL_EXCEPTION_LEAVE,
                   ARGS(ARG_I(delivery), ARG_I(p->r->v[i].id), ARG_I(p->row->batches + 1)));
    }
    for (size_t i = 0; i < gone->count; i++) {
        sqlite__do(&p->s->writer, SQL_EXCEPTION_DROP, ARGS(ARG_I(delivery), ARG_I(gone->v[i])));
    }
}

/* Those of a state that are due; who has stopped or was removed since is left out of the wave. */
static void take_due(struct picking *p, enum wave_exception_state state, int64_t due_ms)
{
    struct wave_deltas d = {.accepted = 0};
    struct id_list gone = {.v = NULL};
    size_t from = p->r->count;
    sqlite3_stmt *stmt = sqlite__query(&p->s->writer,
                                       SQL_EXCEPTION_DUE,
                                       ARGS(ARG_I(p->r->id.v),
                                            ARG_I(state),
                                            ARG_I(due_ms),
                                            ARG_I(p->r->limit - p->r->count),
                                            ARG_I(p->row->channel)));

    while (sqlite__row(&p->s->writer, stmt)) {
        struct member_traits traits = read_traits(stmt);

        if (!sqlite__col_text(stmt, ADDRESS) ||
            sqlite3_column_int(stmt, STATE) != MEMBER_ACTIVE) {
            sqlite__ids_add(&gone, sqlite3_column_int64(stmt, ID));
        } else {
            hand(p, stmt, &traits)->tries = sqlite3_column_int64(stmt, TRIES);
        }
    }
    leave(p, from, &gone);
    *(state == WAVE_AGAIN ? &d.again : &d.unknown) =
        -(int64_t)(p->r->count - from) - (int64_t)gone.count;
    sqlite__ids_done(&gone);
    if (d.again != 0 || d.unknown != 0) {
        sqlite__wave_add(p->s, (int64_t)p->r->id.v, &d);
    }
}

static void take_unknown(struct picking *p)
{
    int64_t before_ms = p->r->unknown_before_ms;

    /* A platform that has told of nothing since may be one that cannot reach us. */
    if (!p->r->unheard && p->row->w.told_ms < before_ms) {
        before_ms = p->row->w.told_ms;
    }
    if (before_ms > 0 && p->row->w.unknown > 0 && p->r->count < p->r->limit) {
        take_due(p, WAVE_UNKNOWN, before_ms);
    }
}

/* ---- those who have not had their turn ---- */

struct pass {
    int64_t cursor; /* then */
    int64_t looked, skipped;
    struct id_list passed; /* … who they are */
};

static void look_at_one(struct picking *p, sqlite3_stmt *stmt, struct pass *out)
{
    struct member_traits traits;

    out->cursor = sqlite3_column_int64(stmt, ID);
    out->looked++;
    if (sqlite3_column_int(stmt, STATE) != MEMBER_ACTIVE) {
        return;
    }
    traits = read_traits(stmt);
    if (sqlite__wave_is_for(p->row->topics, p->row->test, &traits)) {
        (void)hand(p, stmt, &traits);
    } else {
        sqlite__ids_add(&out->passed, out->cursor);
        out->skipped++;
    }
}

static void walk(struct picking *p, struct pass *out)
{
    struct ledger_wave_next *r = p->r;
    sqlite3_stmt *stmt = sqlite__query(&p->s->writer,
                                       SQL_WAVE_FRESH,
                                       ARGS(ARG_I(p->row->channel),
                                            ARG_I(p->row->cursor),
                                            ARG_I(p->row->last),
                                            ARG_I(LOOKED_MAX)));

    while (sqlite__row(&p->s->writer, stmt)) {
        look_at_one(p, stmt, out);
        if (r->count == r->limit) {
            sqlite__end(stmt);
            return;
        }
    }
    if (out->looked < LOOKED_MAX) {
        out->cursor = p->row->last;
    }
    r->more = out->cursor < p->row->last;
}

static void take_fresh(struct picking *p, struct pass *out)
{
    size_t from = p->r->count;

    out->cursor = p->row->cursor;
    if (from == p->r->limit || p->row->cursor >= p->row->last) {
        return;
    }
    walk(p, out);
    sqlite__prepared_take(p->s,
                          p->row->channel,
                          p->r->v + from,
                          p->r->count - from,
                          &out->passed,
                          p->row->cursor,
                          out->cursor,
                          p->r->texts);
}

/* ---- the batch ---- */

/* What its article has come to since the wave began: whoever has not had the message is spared one that is not to
 * be believed any more. The message that takes it back goes to all of them. */
static void look_at_article(struct sqlite *s, struct ledger_wave_next *r)
{
    struct delivery_row d;
    struct delivery_id behind;
    struct known k;

    r->retracted = r->withdrawn = false;
    r->behind.v = 0;
    if (!sqlite__delivery(s, r->id, &d)) {
        return;
    }
    behind = sqlite__open_ones(s, d.article, d.channel).behind;
    r->behind.v = behind.v != d.id.v ? behind.v : 0;
    sqlite__known(s, d.article, &k);
    r->retracted = k.found && k.retracted && !d.retracts; /* which is for all who had it */
    r->withdrawn = k.found && k.retract_at_ms > 0 && !d.retracts;
    sqlite__known_done(&k);
    sqlite__delivery_done(&d);
}

static bool may_leave(const struct ledger_wave_next *r, const struct ledger_wave *w)
{
    return !r->retracted && !r->withdrawn && !w->halted && !w->waits_for_word &&
           r->now_ms >= w->go_at_ms;
}

static void write_batch(struct picking *p, const struct pass *pass)
{
    struct ledger_wave_next *r = p->r;
    const struct wave_row *row = p->row;

    r->number = r->count > 0 ? row->batches + 1 : 0;
    if (r->number > 0) {
        sqlite__do(&p->s->writer,
                   SQL_WAVE_BATCH_NEW,
                   ARGS(ARG_I(r->id.v),
                        ARG_I(r->number),
                        ARG_I(row->cursor),
                        ARG_I(pass->cursor),
                        ARG_I(r->now_ms)));
    }
    if (r->number > 0 || pass->cursor != row->cursor) {
        sqlite__do(&p->s->writer,
                   SQL_WAVE_CURSOR,
                   ARGS(ARG_I(r->id.v),
                        ARG_I(pass->cursor),
                        ARG_I(row->batches + (r->number > 0)),
                        ARG_I(pass->skipped)));
    }
}

enum err_code sqlite__wave_next(struct sqlite *s, struct ledger_wave_next *r)
{
    struct pass pass = {.looked = 0};
    struct wave_row row;
    struct picking p = {.s = s, .r = r, .row = &row};

    r->number = 0;
    r->count = r->returning = 0;
    r->more = false;
    r->v = NULL;
    r->texts = NULL;
    if (!sqlite__wave_get(&s->writer, (int64_t)r->id.v, &row)) {
        return err_set(&r->req.why, ERR_NOT_FOUND, "the delivery has no wave");
    }
    look_at_article(s, r);
    if (may_leave(r, &row.w)) {
        r->v = mem_calloc(r->limit, sizeof *r->v);
        r->texts = ledger__texts_new();
        read_recent(&p);
        if (row.w.again > 0) {
            take_due(&p, WAVE_AGAIN, r->now_ms);
        }
        take_unknown(&p);
        r->returning = r->count;
        take_fresh(&p, &pass);
        write_batch(&p, &pass);
        sqlite__ids_done(&pass.passed);
    }
    r->wave = sqlite__wave_look(&s->writer, (int64_t)r->id.v);
    return ERR_NONE;
}
