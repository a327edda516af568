/* Reads for the running program: what is due, what one delivery needs, the channels, the events
 * since. Called on the reading thread with its own connection; changes nothing. */

#include "queue/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- due ---- */

struct job_list {
    struct ledger_job *v;
    size_t count, cap;
};

static struct ledger_job *job_add(struct job_list *l)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->v = mem_realloc(l->v, l->cap, sizeof *l->v);
    }
    return &l->v[l->count++];
}

static void read_job(sqlite3_stmt *stmt, const char *channel, struct ledger_job *out)
{
    size_t len = strlen(channel);

    *out = (struct ledger_job){
        .id = {(uint64_t)sqlite3_column_int64(stmt, 0)},
        .article = {(uint64_t)sqlite3_column_int64(stmt, 1)},
        .breaking = sqlite3_column_int(stmt, 2) != 0,
        .verify = sqlite3_column_int(stmt, 3) == DELIVERY_UNKNOWN,
        .due_at_ms = sqlite3_column_int64(stmt, 4),
        .not_after_ms = sqlite3_column_int64(stmt, 5),
        .created_at_ms = sqlite3_column_int64(stmt, 6),
        .attempts = sqlite3_column_int64(stmt, 7),
    };
    memcpy(out->channel, channel, len < sizeof out->channel ? len : sizeof out->channel - 1);
}

/* What is asked of the index delivery_due. */
struct due_range {
    int64_t channel;
    enum sqlite_sql sql; /* due now or later */
    int breaking;
    enum delivery_state state;
};

/* What is ready is due, whatever the clock said when it became so: one that was set back must
 * not hold up what came before. */
static void add_range(struct sqlite_conn *c,
                      const struct ledger_due *r,
                      const struct due_range *range,
                      struct job_list *out)
{
    /* One more than asked for tells whether there is more. */
    bool ready = range->state == DELIVERY_READY;
    sqlite3_stmt *stmt = sqlite__query(c,
                                       range->sql,
                                       ARGS(ARG_I(range->channel),
                                            ARG_I(range->breaking),
                                            ARG_I(range->state),
                                            ARG_I(ready ? INT64_MAX : r->now_ms),
                                            ARG_I(r->limit + 1)));

    while (sqlite__row(c, stmt)) {
        struct ledger_job *job = job_add(out);

        read_job(stmt, r->channel, job);
        if (ready && job->due_at_ms > r->now_ms) {
            job->due_at_ms = r->now_ms;
        }
    }
}

static int by_due(const void *a, const void *b)
{
    const struct ledger_job *x = a, *y = b;

    return x->due_at_ms < y->due_at_ms ? -1 : x->due_at_ms > y->due_at_ms;
}

static void sort(struct job_list *l)
{
    if (l->count > 1) {
        qsort(l->v, l->count, sizeof *l->v, by_due);
    }
}

/* Takes up to max of them, oldest due first. */
static void take(struct ledger_due *r, const struct job_list *from, size_t start, size_t max)
{
    for (size_t i = start; i < from->count && i - start < max && r->count < r->limit; i++) {
        r->jobs[r->count++] = from->v[i];
    }
}

/* New and retried in equal parts; what one leaves the other gets. */
static void
take_shared(struct ledger_due *r, const struct job_list *fresh, const struct job_list *retry)
{
    size_t room = r->limit - r->count;
    size_t fresh_part = room - (retry->count < room / 2 ? retry->count : room / 2);
    size_t before = r->count;

    take(r, fresh, 0, fresh_part);
    take(r, retry, 0, room - (r->count - before));
}

static void gather(struct sqlite_conn *c, struct ledger_due *r, int64_t channel)
{
    struct job_list urgent = {.v = NULL}, fresh = {.v = NULL}, retry = {.v = NULL};
    struct job_list later = {.v = NULL};
    static const enum delivery_state states[] = {
        DELIVERY_READY, DELIVERY_AGAIN, DELIVERY_UNKNOWN};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct due_range range = {channel, SQL_DUE_NOW, 1, states[i]};

        add_range(c, r, &range, &urgent);
        range.breaking = 0;
        add_range(c, r, &range, states[i] == DELIVERY_READY ? &fresh : &retry);
        range.sql = SQL_DUE_LATER;
        add_range(c, r, &range, &later);
        range.breaking = 1;
        add_range(c, r, &range, &later);
    }
    sort(&urgent);
    sort(&retry);
    sort(&later);
    r->jobs = mem_calloc(r->limit, sizeof *r->jobs);
    take(r, &urgent, 0, r->limit);
    take_shared(r, &fresh, &retry);
    take(r, &later, 0, r->limit);
    r->more = urgent.count + fresh.count + retry.count + later.count > r->count;
    mem_free(urgent.v);
    mem_free(fresh.v);
    mem_free(retry.v);
    mem_free(later.v);
}

enum err_code sqlite__due(struct sqlite_conn *c, struct ledger_due *r)
{
    int64_t channel = sqlite__int(c, SQL_CHANNEL_ID, ARGS(ARG_S(r->channel)), 0);

    r->count = 0;
    r->more = false;
    if (channel != 0 && r->limit > 0) {
        gather(c, r, channel);
    }
    return ERR_NONE;
}

/* ---- load ---- */

static void load_texts(sqlite3_stmt *stmt, struct ledger_load *r)
{
    char text[ID_TEXT_BYTES];
    const char *public_id = sqlite__col_text(stmt, 1);
    const char *record = sqlite__col_text(stmt, 16);

    r->public_id = mem_strdup(public_id ? public_id : id_article_text(r->article, text));
    r->reason = sqlite__col_dup(stmt, 7);
    r->document = sqlite__col_dup(stmt, 8);
    r->channel = sqlite__col_dup(stmt, 10);
    r->course = sqlite__col_dup(stmt, 14);
    r->step = sqlite__col_dup(stmt, 15);
    r->record = mem_strdup(record ? record : "{}");
    r->post = sqlite__col_dup(stmt, 20);
}

static void load_row(sqlite3_stmt *stmt, struct ledger_load *r)
{
    r->article.v = (uint64_t)sqlite3_column_int64(stmt, 2);
    r->revision = sqlite3_column_int64(stmt, 3);
    r->latest_revision = sqlite3_column_int64(stmt, 4);
    r->retract = sqlite3_column_int(stmt, 5) == 2;
    r->breaking = sqlite3_column_int(stmt, 6) != 0;
    sqlite__col_hash(stmt, 9, r->face);
    r->created_at_ms = sqlite3_column_int64(stmt, 11);
    r->not_after_ms = sqlite3_column_int64(stmt, 12);
    r->attempts = sqlite3_column_int64(stmt, 13);
    r->step_first_at_ms = sqlite3_column_int64(stmt, 17);
    r->exposed = sqlite3_column_int(stmt, 18) != 0;
    r->has_post = sqlite3_column_int(stmt, 19) != 0;
    sqlite__col_hash(stmt, 21, r->post_face);
    r->maybe_public = sqlite3_column_int(stmt, 22) != 0;
    load_texts(stmt, r);
}

enum err_code sqlite__load(struct sqlite_conn *c, struct ledger_load *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_LOAD, ARGS(ARG_I(r->id.v)));
    char text[ID_TEXT_BYTES];
    int state;

    if (!sqlite__row(c, stmt)) {
        return err_set(
            &r->req.why, ERR_NOT_FOUND, "no delivery %s", id_delivery_text(r->id, text));
    }
    state = sqlite3_column_int(stmt, 0);
    if (state < 0 || state >= DELIVERY_STATE_COUNT) {
        sqlite__end(stmt);
        return err_set(&r->req.why, ERR_IO, "delivery with unknown state %d", state);
    }
    r->state = (enum delivery_state)state;
    load_row(stmt, r);
    sqlite__end(stmt);
    return ERR_NONE;
}

/* ---- channels ---- */

static void read_channel(sqlite3_stmt *stmt, struct ledger_channel *out)
{
    sqlite__col_name(stmt, 1, out->name);
    out->paused = sqlite3_column_int(stmt, 2) != 0;
    out->blocked = sqlite3_column_int(stmt, 3) != 0;
    out->blocked_why = sqlite__col_dup(stmt, 4);
    out->blocked_at_ms = sqlite3_column_int64(stmt, 5);
    out->last_error = sqlite__col_dup(stmt, 6);
    out->last_error_at_ms = sqlite3_column_int64(stmt, 7);
    out->last_done_at_ms = sqlite3_column_int64(stmt, 8);
    out->bucket.tokens = sqlite3_column_double(stmt, 9);
    out->bucket.at_ms = sqlite3_column_int64(stmt, 10);
    out->account = sqlite__col_dup(stmt, 11);
}

static void read_counts(struct sqlite_conn *c, int64_t id, struct ledger_channel *out)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_TALLY, ARGS(ARG_I(id)));

    while (sqlite__row(c, stmt)) {
        int state = sqlite3_column_int(stmt, 0);

        if (state >= 0 && state < DELIVERY_STATE_COUNT) {
            out->by_state[state] = sqlite3_column_int64(stmt, 1);
        }
    }
}

static void read_oldest(struct sqlite_conn *c, int64_t id, struct ledger_channel *out)
{
    static const enum delivery_state waiting[] = {
        DELIVERY_HELD, DELIVERY_READY, DELIVERY_AGAIN, DELIVERY_BLOCKED};

    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        int64_t at = sqlite__int(c, SQL_OLDEST_OF_STATE, ARGS(ARG_I(id), ARG_I(waiting[i])), 0);

        if (at > 0 && (out->oldest_waiting_at_ms == 0 || at < out->oldest_waiting_at_ms)) {
            out->oldest_waiting_at_ms = at;
        }
    }
}

enum err_code sqlite__channels(struct sqlite_conn *c, struct ledger_channels *r)
{
    sqlite3_stmt *stmt = sqlite__query(c, SQL_CHANNELS, NO_ARGS);

    r->v = NULL;
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        struct ledger_channel *ch;
        int64_t id = sqlite3_column_int64(stmt, 0);

        r->v = mem_realloc(r->v, r->count + 1, sizeof *r->v);
        ch = &r->v[r->count++];
        *ch = (struct ledger_channel){.paused = false};
        read_channel(stmt, ch);
        read_counts(c, id, ch);
        read_oldest(c, id, ch);
    }
    return ERR_NONE;
}

/* ---- events ---- */

enum err_code sqlite__events(struct sqlite_conn *c, struct ledger_events *r)
{
    sqlite3_stmt *stmt =
        sqlite__query(c, SQL_EVENT_LIST, ARGS(ARG_I(r->after), ARG_I(r->limit)));

    r->v = mem_calloc(r->limit > 0 ? r->limit : 1, sizeof *r->v);
    r->count = 0;
    while (sqlite__row(c, stmt)) {
        r->v[r->count++] = (struct ledger_event){
            .id = sqlite3_column_int64(stmt, 0),
            .at_ms = sqlite3_column_int64(stmt, 1),
            .kind = sqlite__col_dup(stmt, 2),
            .data = sqlite__col_dup(stmt, 3),
        };
    }
    r->oldest = sqlite__int(c, SQL_EVENT_OLDEST, NO_ARGS, 0);
    return ERR_NONE;
}
