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

/* What is asked of the indexes delivery_state and delivery_due. */
struct due_range {
    int64_t channel;
    enum sqlite_sql sql; /* due now or later */
    int breaking;
    enum delivery_state state;
};

/* One more than asked for tells whether there is more. */
static void add_jobs(struct sqlite_conn *c,
                     const struct ledger_due *r,
                     sqlite3_stmt *stmt,
                     struct job_list *out)
{
    while (sqlite__row(c, stmt)) {
        read_job(stmt, r->channel, job_add(out));
    }
}

/* What is ready has no time of its own: it is due, in the order of its making, whatever a clock that
 * was set back would say. */
static void add_ready(struct sqlite_conn *c,
                      const struct ledger_due *r,
                      int64_t channel,
                      int breaking,
                      struct job_list *out)
{
    add_jobs(
        c,
        r,
        sqlite__query(
            c,
            SQL_DUE_READY,
            ARGS(ARG_I(channel), ARG_I(DELIVERY_READY), ARG_I(breaking), ARG_I(r->limit + 1))),
        out);
    for (size_t i = 0; i < out->count; i++) {
        if (out->v[i].due_at_ms == 0) {
            out->v[i].due_at_ms = r->now_ms;
        }
    }
}

static void add_range(struct sqlite_conn *c,
                      const struct ledger_due *r,
                      const struct due_range *range,
                      struct job_list *out)
{
    add_jobs(c,
             r,
             sqlite__query(c,
                           range->sql,
                           ARGS(ARG_I(range->channel),
                                ARG_I(range->state),
                                ARG_I(range->breaking),
                                ARG_I(r->now_ms),
                                ARG_I(r->limit + 1))),
             out);
}

static int by_due(const void *a, const void *b)
{
    const struct ledger_job *x = a, *y = b;

    if (x->due_at_ms != y->due_at_ms) {
        return x->due_at_ms < y->due_at_ms ? -1 : 1;
    }
    return x->id.v < y->id.v ? -1 : x->id.v > y->id.v;
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
    static const enum delivery_state timed[] = {DELIVERY_AGAIN, DELIVERY_UNKNOWN};

    add_ready(c, r, channel, 1, &urgent);
    add_ready(c, r, channel, 0, &fresh);
    for (size_t i = 0; i < ARRAY_LEN(timed); i++) {
        add_range(c, r, &(struct due_range){channel, SQL_DUE_NOW, 1, timed[i]}, &urgent);
        add_range(c, r, &(struct due_range){channel, SQL_DUE_NOW, 0, timed[i]}, &retry);
        add_range(c, r, &(struct due_range){channel, SQL_DUE_LATER, 0, timed[i]}, &later);
        add_range(c, r, &(struct due_range){channel, SQL_DUE_LATER, 1, timed[i]}, &later);
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
    r->channel = sqlite__col_dup(stmt, 10);
    r->course = sqlite__col_dup(stmt, 14);
    r->step = sqlite__col_dup(stmt, 15);
    r->record = mem_strdup(record ? record : "{}");
    r->post = sqlite__col_dup(stmt, 20);
    r->page = sqlite__col_dup(stmt, 23);
    r->gate_note = sqlite__col_dup(stmt, 24);
}

/* Here and not on the owner's thread, which has better things to do than to read JSON. */
/* As it stands there: whether it is UTF-8 is looked at where it is read. */
static void load_content(sqlite3_stmt *stmt, struct ledger_load *r)
{
    const char *text = (const char *)sqlite3_column_text(stmt, 8);
    enum err_code rc = article_restore(&r->article_content,
                                       text ? text : "",
                                       (size_t)sqlite3_column_bytes(stmt, 8),
                                       &r->req.why);

    if (rc) {
        err_wrap(&r->req.why, "stored article");
    }
}

static void load_row(sqlite3_stmt *stmt, struct ledger_load *r)
{
    r->article.v = (uint64_t)sqlite3_column_int64(stmt, 2);
    r->revision = sqlite3_column_int64(stmt, 3);
    r->latest_revision = sqlite3_column_int64(stmt, 4);
    r->retract = sqlite3_column_int(stmt, 5) != 0;
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
    r->test = sqlite3_column_int(stmt, 25) != 0;
    load_texts(stmt, r);
    load_content(stmt, r);
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

static void read_counts(sqlite3_stmt *stmt, int first_column, struct ledger_channel *out)
{
    for (int state = 0; state < DELIVERY_STATE_COUNT; state++) {
        out->by_state[state] = sqlite3_column_int64(stmt, first_column + state);
    }
}

static void read_oldest(struct sqlite_conn *c, int64_t id, struct ledger_channel *out)
{
    static const enum delivery_state waiting[] = {
        DELIVERY_HELD, DELIVERY_READY, DELIVERY_AGAIN, DELIVERY_BLOCKED};

    for (size_t i = 0; i < 2 * ARRAY_LEN(waiting); i++) {
        int64_t at = sqlite__int(
            c, SQL_OLDEST_OF_STATE, ARGS(ARG_I(id), ARG_I(waiting[i / 2]), ARG_I(i % 2)), 0);

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
        read_counts(stmt, 12, ch);
        read_oldest(c, id, ch);
    }
    return ERR_NONE;
}

/* ---- events ---- */

static char *text_or_dup(sqlite3_stmt *stmt, int column, const char *otherwise)
{
    const char *text = sqlite__col_text(stmt, column);

    return mem_strdup(text ? text : otherwise);
}

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
            .kind = text_or_dup(stmt, 2, "damaged"),
            .data = text_or_dup(stmt, 3, "{}"),
        };
    }
    r->oldest = sqlite__int(c, SQL_EVENT_OLDEST, NO_ARGS, 0);
    return ERR_NONE;
}
