/* From a revision to its deliveries: which channels it reaches, what it overtakes there, and
 * what it must wait for. Called by sqlite_accept.c inside the transaction that writes the
 * revision.
 *
 * On one channel the revisions of an article go out one after the other: an earlier delivery of
 * which nothing can be public is cancelled, one that may be public goes on to its end, and the
 * new one is held behind it. That holds for every channel that ever had something of the
 * article, also for one that is not given because it is not configured now: there too nothing
 * old may go out when it comes back, and what stands there must be updated or taken away. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

/* What there is of the article on one channel before the new revision. */
struct standing {
    bool any;              /* it ever had a delivery */
    bool post;             /* a post stands */
    bool doubt;            /* one ended in doubt: it may be public */
    bool open;             /* a delivery that has not ended, before superseding */
    bool in_the_way;       /* … and one that goes on to its end, before the new one */
    bool unwanted;         /* the last one was cancelled by a person */
    int64_t worth_till_ms; /* as the revision before was to be sent; 0: none was */
    char adapter[64];      /* of the last one */
    struct delivery_id last;
    /* Open, and nothing of them can be public: the new one goes instead. 0: none. */
    struct delivery_id waiting[2];
};

static void add_superseded(struct ledger_accept *a, struct delivery_id id)
{
    a->superseded = mem_realloc(a->superseded, a->superseded_count + 1, sizeof *a->superseded);
    a->superseded[a->superseded_count++] = id;
}

static void
supersede(struct sqlite *s, struct ledger_accept *a, struct delivery_id id, int64_t revision)
{
    char detail[64];
    struct delivery_row d;
    struct buf text;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    buf_init(&text, sizeof detail);
    buf_addf(&text, "superseded by revision %lld", (long long)revision);
    sqlite__move(
        s, &d, DELIVERY_CANCELLED, &(struct move_note){.detail = buf_str(&text)}, a->now_ms);
    add_superseded(a, d.id);
    buf_done(&text);
    sqlite__delivery_done(&d);
}

static bool waits(int state)
{
    return state == DELIVERY_HELD || state == DELIVERY_READY || state == DELIVERY_AGAIN ||
           state == DELIVERY_BLOCKED;
}

static void look_at_open(sqlite3_stmt *stmt, struct standing *st)
{
    struct delivery_id front = {(uint64_t)sqlite3_column_int64(stmt, 1)};
    struct delivery_id behind = {(uint64_t)sqlite3_column_int64(stmt, 2)};

    st->open = front.v != 0 || behind.v != 0;
    st->waiting[1] = behind;
    if (front.v == 0) {
        return;
    }
    if (waits(sqlite3_column_int(stmt, 6)) && sqlite3_column_int(stmt, 7) == 0) {
        st->waiting[0] = front;
    } else {
        st->in_the_way = true;
    }
}

/* One row, however many revisions the article has. */
static void look(struct sqlite *s,
                 const struct accepted *at,
                 const struct channel_row *ch,
                 struct standing *st)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_STANDING_LOOK, ARGS(ARG_I(at->article.v), ARG_I(ch->id)));

    st->any = sqlite__row(&s->writer, stmt);
    if (!st->any) {
        return;
    }
    st->last.v = (uint64_t)sqlite3_column_int64(stmt, 0);
    st->post = sqlite3_column_int(stmt, 3) != 0;
    st->doubt = sqlite3_column_int(stmt, 4) != 0;
    st->worth_till_ms = sqlite3_column_int64(stmt, 5);
    st->unwanted =
        sqlite3_column_int(stmt, 8) == DELIVERY_CANCELLED && sqlite3_column_int(stmt, 9) != 0;
    sqlite__col_name(stmt, 10, st->adapter);
    look_at_open(stmt, st);
    sqlite__end(stmt);
}

static bool
is_wanted(const struct accepted *at, const struct accept_channel *c, const struct standing *st)
{
    if (at->retracts) {
        return st->post || st->in_the_way || st->doubt;
    }
    if (st->unwanted && !st->post) {
        return false;
    }
    return c->matches || st->post || st->open;
}

/* News that nobody has seen yet are as old as their first revision: a corrected word does not
 * make last night's alert worth sending in the morning. */
static int64_t
limit_of(const struct accepted *at, const struct accept_channel *c, const struct standing *st)
{
    int64_t first_ms = at->created_at_ms + c->own_ms;
    int64_t till_ms = first_ms > st->worth_till_ms ? first_ms : st->worth_till_ms;

    if (at->is_new || at->retracts || at->fresh || c->own_ms <= 0 || st->post ||
        st->in_the_way) {
        return c->not_after_ms;
    }
    return c->not_after_ms > 0 && c->not_after_ms < till_ms ? c->not_after_ms : till_ms;
}

static void
add_delivery(struct ledger_accept *a, const struct ledger_job *job, enum delivery_state state)
{
    struct accept_delivery *d = &a->deliveries[a->delivery_count++];

    *d = (struct accept_delivery){.id = job->id, .state = state};
    memcpy(d->channel, job->channel, sizeof d->channel);
    if (state == DELIVERY_READY) {
        a->jobs[a->job_count++] = *job;
    }
}

/* What is written of a delivery that starts at once; all zero for the others. */
static struct ledger_begin start_of(const struct accept_channel *c, enum delivery_state state)
{
    return state == DELIVERY_IN_FLIGHT ? *c->start : (struct ledger_begin){.course = NULL};
}

static void write_delivery(struct sqlite *s,
                           const struct ledger_accept *a,
                           const struct accepted *at,
                           const struct accept_channel *c,
                           const struct channel_row *ch,
                           const struct standing *st,
                           const struct ledger_job *job,
                           enum delivery_state state)
{
    struct ledger_begin start = start_of(c, state);
    bool starts = state == DELIVERY_IN_FLIGHT;

    sqlite__do(&s->writer,
               SQL_DELIVERY_NEW,
               ARGS(ARG_I(job->id.v),
                    ARG_I(at->article.v),
                    ARG_I(at->revision),
                    ARG_I(at->revision_id),
                    ARG_I(at->retracts),
                    ARG_I(ch->id),
                    st->any ? ARG_I(st->last.v) : ARG_NULL,
                    ARG_I(state),
                    ARG_I(at->breaking),
                    ARG_I(job->not_after_ms),
                    ARG_I(a->now_ms),
                    ARG_S(c->adapter),
                    ARG_S(state == DELIVERY_EXPIRED ? "worthless by now" : NULL),
                    ARG_S(start.course),
                    ARG_S(start.step),
                    ARG_I(starts ? a->now_ms : 0),
                    ARG_I(start.repeatable),
                    ARG_I(start.publishes),
                    ARG_I(starts),
                    ARG_I(start.attempt_id)));
}

static void write_standing(struct sqlite *s,
                           const struct accepted *at,
                           const struct channel_row *ch,
                           const struct standing *st,
                           const struct ledger_job *job,
                           enum delivery_state state)
{
    struct sql_arg id = ARG_I(job->id.v);
    struct sql_arg front =
        state == DELIVERY_HELD || delivery_state_ended(state) ? ARG_NULL : id;
    int64_t worth = at->retracts ? 0 : job->not_after_ms > 0 ? job->not_after_ms : INT64_MAX;

    if (st->any) {
        sqlite__do(&s->writer,
                   SQL_STANDING_NEXT,
                   ARGS(ARG_I(at->article.v),
                        ARG_I(ch->id),
                        id,
                        front,
                        state == DELIVERY_HELD ? id : ARG_NULL,
                        ARG_I(worth)));
        return;
    }
    sqlite__do(&s->writer,
               SQL_STANDING_NEW,
               ARGS(ARG_I(at->article.v), ARG_I(ch->id), id, front, ARG_I(worth)));
}

static void make_delivery(struct sqlite *s,
                          struct ledger_accept *a,
                          const struct accepted *at,
                          const struct accept_channel *c,
                          struct channel_row *ch,
                          const struct standing *st,
                          const struct ledger_job *job,
                          enum delivery_state state)
{
    write_delivery(s, a, at, c, ch, st, job, state);
    write_standing(s, at, ch, st, job, state);
    sqlite__count(ch, state, 1);
    if (state == DELIVERY_IN_FLIGHT) {
        ch->bucket = c->start->bucket;
    }
    add_delivery(a, job, state);
}

static enum delivery_state state_of_new(const struct accepted *at,
                                        const struct accept_channel *c,
                                        const struct standing *st,
                                        bool over)
{
    if (st->in_the_way) {
        return DELIVERY_HELD;
    }
    if (over) {
        return DELIVERY_EXPIRED;
    }
    return at->is_new && c->start ? DELIVERY_IN_FLIGHT : DELIVERY_READY;
}

static void fan_out_to(struct sqlite *s,
                       struct ledger_accept *a,
                       const struct accepted *at,
                       const struct accept_channel *c,
                       struct channel_row *ch,
                       const struct standing *st,
                       uint64_t id)
{
    struct ledger_job job = {
        .id = {id},
        .article = at->article,
        .breaking = at->breaking,
        .due_at_ms = a->now_ms,
        .not_after_ms = limit_of(at, c, st),
        .created_at_ms = a->now_ms,
    };
    bool over = job.not_after_ms > 0 && job.not_after_ms <= a->now_ms;

    for (size_t i = 0; i < ARRAY_LEN(st->waiting); i++) {
        if (st->waiting[i].v != 0) {
            supersede(s, a, st->waiting[i], at->revision);
        }
    }
    if (!is_wanted(at, c, st)) {
        return;
    }
    memcpy(job.channel, ch->name, sizeof job.channel);
    make_delivery(s, a, at, c, ch, st, &job, state_of_new(at, c, st, over));
}

static void
fan_out_given(struct sqlite *s, struct ledger_accept *a, const struct accepted *at, size_t i)
{
    const struct accept_channel *c = &a->channels[i];
    /* No row for a channel that never had anything. */
    struct channel_row *ch = sqlite__channel(s, c->name, c->matches);
    struct standing st = {.any = false};

    if (!ch) {
        return;
    }
    ch->fan_out = s->fan_outs;
    if (!at->is_new) {
        look(s, at, ch, &st);
    }
    fan_out_to(s, a, at, c, ch, &st, a->delivery_ids[i]);
}

static void fan_out_elsewhere(struct sqlite *s,
                              struct ledger_accept *a,
                              const struct accepted *at,
                              struct channel_row *ch,
                              uint64_t id)
{
    struct accept_channel c = a->elsewhere;
    struct standing st = {.any = false};

    look(s, at, ch, &st);
    c.name = ch->name;
    c.adapter = st.adapter;
    c.matches = false;
    fan_out_to(s, a, at, &c, ch, &st, id);
}

void sqlite__fan_out(struct sqlite *s, struct ledger_accept *a, const struct accepted *at)
{
    struct id_list known = {.v = NULL};
    size_t used = 0;

    if (!at->is_new) {
        sqlite__ids_query(
            &s->writer, SQL_STANDING_CHANNELS, ARGS(ARG_I(at->article.v)), &known);
    }
    if (a->channel_count + known.count > 0) {
        a->deliveries = mem_calloc(a->channel_count + known.count, sizeof *a->deliveries);
        a->jobs = mem_calloc(a->channel_count + known.count, sizeof *a->jobs);
    }
    s->fan_outs++;
    for (size_t i = 0; i < a->channel_count; i++) {
        fan_out_given(s, a, at, i);
    }
    for (size_t i = 0; i < known.count && used < a->elsewhere_ids; i++) {
        struct channel_row *ch = sqlite__channel_by_id(s, known.v[i]);

        if (ch && ch->fan_out != s->fan_outs) {
            fan_out_elsewhere(s, a, at, ch, a->elsewhere_id + used++);
        }
    }
    sqlite__ids_done(&known);
}

/* Of each channel the newest delivery: what an answer to a repeated request shows. */
void sqlite__standing(struct sqlite *s, struct ledger_accept *a, struct article_id article)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_STANDING_ALL, ARGS(ARG_I(article.v)));

    while (sqlite__row(&s->writer, stmt)) {
        struct accept_delivery *d;
        int state = sqlite3_column_int(stmt, 2);

        if (state < 0 || state >= DELIVERY_STATE_COUNT) {
            continue; /* the schema knows no such state: damaged */
        }
        a->deliveries =
            mem_realloc(a->deliveries, a->delivery_count + 1, sizeof *a->deliveries);
        d = &a->deliveries[a->delivery_count++];
        d->id.v = (uint64_t)sqlite3_column_int64(stmt, 0);
        sqlite__col_name(stmt, 1, d->channel);
        d->state = (enum delivery_state)state;
    }
}
