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
    bool any;               /* it ever had a delivery */
    bool post;              /* a post stands */
    bool open;              /* a delivery that has not ended, before superseding */
    bool in_the_way;        /* … and one that goes on to its end, after it */
    bool maybe;             /* one ended in doubt: it may be public, and no post is known */
    bool unwanted;          /* the last one was cancelled by a person */
    int64_t worth_till_ms;  /* as the revision before was to be sent; 0: none was */
    char adapter[64];       /* of the last one */
    struct id_list waiting; /* nothing of them can be public: the new one goes instead */
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

/* The newest says what all before it say: how long they were worth sending goes from one to the
 * next. A retraction has a limit of its own. */
static void look_at_last(struct sqlite *s,
                         const struct accepted *at,
                         const struct channel_row *ch,
                         struct standing *st)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_DELIVERY_LAST, ARGS(ARG_I(at->article.v), ARG_I(ch->id)));

    while (sqlite__row(&s->writer, stmt)) {
        int64_t not_after_ms = sqlite3_column_int64(stmt, 2);
        bool retracts = sqlite3_column_int(stmt, 4) == 2;

        if (!st->any) {
            st->any = true;
            st->unwanted = sqlite3_column_int(stmt, 0) == DELIVERY_CANCELLED &&
                           sqlite3_column_int(stmt, 1) != 0;
            sqlite__col_name(stmt, 3, st->adapter);
        }
        if (!retracts && st->worth_till_ms == 0) {
            st->worth_till_ms = not_after_ms > 0 ? not_after_ms : INT64_MAX;
        }
    }
}

static void look_at_open(struct sqlite *s,
                         const struct accepted *at,
                         const struct channel_row *ch,
                         struct standing *st)
{
    sqlite3_stmt *stmt =
        sqlite__query(&s->writer, SQL_DELIVERY_OPEN, ARGS(ARG_I(at->article.v), ARG_I(ch->id)));

    while (sqlite__row(&s->writer, stmt)) {
        st->open = true;
        if (waits(sqlite3_column_int(stmt, 1)) && sqlite3_column_int(stmt, 2) == 0) {
            sqlite__ids_add(&st->waiting, sqlite3_column_int64(stmt, 0));
        } else {
            st->in_the_way = true;
        }
    }
}

/* Only what is open and what came last is read: an article of a thousand revisions costs what one
 * of two does. Whether one ended in doubt matters to a retraction alone, which comes once. */
static void look(struct sqlite *s,
                 const struct accepted *at,
                 const struct channel_row *ch,
                 struct standing *st)
{
    const struct sql_arg *args = ARGS(ARG_I(at->article.v), ARG_I(ch->id));

    look_at_last(s, at, ch, st);
    if (!st->any) {
        return;
    }
    look_at_open(s, at, ch, st);
    st->post = sqlite__int(&s->writer, SQL_POST_HAS, args, 0) != 0;
    st->maybe =
        at->retracts && !st->post && sqlite__int(&s->writer, SQL_DELIVERY_DOUBT, args, 0) != 0;
}

static bool
is_wanted(const struct accepted *at, const struct accept_channel *c, const struct standing *st)
{
    if (at->retracts) {
        return st->post || st->in_the_way || st->maybe;
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

static void make_delivery(struct sqlite *s,
                          struct ledger_accept *a,
                          const struct accepted *at,
                          const struct accept_channel *c,
                          struct ledger_job *job,
                          enum delivery_state state)
{
    struct channel_row *ch = sqlite__channel(s, job->channel, false);

    if (!ch) {
        return; /* an error, which sticks */
    }
    sqlite__do(&s->writer,
               SQL_DELIVERY_NEW,
               ARGS(ARG_I(job->id.v),
                    ARG_I(at->article.v),
                    ARG_I(at->revision),
                    ARG_I(ch->id),
                    ARG_I(state),
                    ARG_I(at->breaking),
                    state == DELIVERY_READY ? ARG_I(a->now_ms) : ARG_NULL,
                    ARG_I(job->not_after_ms),
                    ARG_I(a->now_ms),
                    ARG_S(c->adapter),
                    ARG_S(state == DELIVERY_EXPIRED ? "worthless by now" : NULL)));
    sqlite__count(ch, state, 1);
    add_delivery(a, job, state);
}

static void fan_out_to(struct sqlite *s,
                       struct ledger_accept *a,
                       const struct accepted *at,
                       const struct accept_channel *c,
                       const struct channel_row *ch,
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

    for (size_t i = st->waiting.count; i-- > 0;) {
        supersede(s, a, (struct delivery_id){(uint64_t)st->waiting.v[i]}, at->revision);
    }
    if (!is_wanted(at, c, st)) {
        return;
    }
    memcpy(job.channel, ch->name, sizeof job.channel);
    make_delivery(s,
                  a,
                  at,
                  c,
                  &job,
                  st->in_the_way ? DELIVERY_HELD
                  : over         ? DELIVERY_EXPIRED
                                 : DELIVERY_READY);
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
    sqlite__ids_done(&st.waiting);
}

static void fan_out_elsewhere(struct sqlite *s,
                              struct ledger_accept *a,
                              const struct accepted *at,
                              const struct channel_row *ch,
                              uint64_t id)
{
    struct accept_channel c = a->elsewhere;
    struct standing st = {.any = false};

    look(s, at, ch, &st);
    c.name = ch->name;
    c.adapter = st.adapter;
    c.matches = false;
    fan_out_to(s, a, at, &c, ch, &st, id);
    sqlite__ids_done(&st.waiting);
}

void sqlite__fan_out(struct sqlite *s, struct ledger_accept *a, const struct accepted *at)
{
    struct id_list known = {.v = NULL};
    size_t used = 0;

    if (!at->is_new) {
        sqlite__ids_query(&s->writer, SQL_ARTICLE_CHANNELS, ARGS(ARG_I(at->article.v)), &known);
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
        const struct channel_row *ch = sqlite__channel_by_id(s, known.v[i]);

        if (ch && ch->fan_out != s->fan_outs) {
            fan_out_elsewhere(s, a, at, ch, a->elsewhere_id + used++);
        }
    }
    sqlite__ids_done(&known);
}

/* Of each channel the newest delivery: what an answer to a repeated request shows. */
void sqlite__standing(struct sqlite *s, struct ledger_accept *a, struct article_id article)
{
    sqlite3_stmt *stmt = sqlite__query(&s->writer, SQL_STANDING, ARGS(ARG_I(article.v)));

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
