/* From a revision to its deliveries: which channels it reaches, what it overtakes there, and
 * what it must wait for. Called by sqlite_accept.c inside the transaction that writes the
 * revision.
 *
 * On one channel the revisions of an article go out one after the other: an earlier delivery of
 * which nothing can be public is cancelled, one that may be public goes on to its end, and the
 * new one is held behind it. */

#include "queue/sqlite_internal.h"

#include <string.h>

#include "base/mem.h"

/* What there is of the article on one channel before the new revision. */
struct standing {
    bool post;       /* a post stands */
    bool open;       /* a delivery that has not ended, before superseding */
    bool in_the_way; /* … and one that goes on to its end, after it */
    bool unwanted;   /* the last one was cancelled by a person */
};

/* Waiting, and nothing of it can be public: the newer revision goes instead. */
static bool can_be_superseded(const struct delivery_row *d)
{
    return !d->exposed && (d->state == DELIVERY_HELD || d->state == DELIVERY_READY ||
                           d->state == DELIVERY_AGAIN || d->state == DELIVERY_BLOCKED);
}

static void add_superseded(struct ledger_accept *a, struct delivery_id id)
{
    a->superseded = mem_realloc(a->superseded, a->superseded_count + 1, sizeof *a->superseded);
    a->superseded[a->superseded_count++] = id;
}

static void
supersede(struct sqlite *s, struct ledger_accept *a, struct delivery_row *d, int64_t revision)
{
    char detail[64];
    struct buf text;

    buf_init(&text, sizeof detail);
    buf_addf(&text, "superseded by revision %lld", (long long)revision);
    sqlite__move(
        s, d, DELIVERY_CANCELLED, &(struct move_note){.detail = buf_str(&text)}, a->now_ms);
    add_superseded(a, d->id);
    buf_done(&text);
}

/* One earlier delivery, oldest first. */
static void look_at(struct sqlite *s,
                    struct ledger_accept *a,
                    const struct accepted *at,
                    struct delivery_id id,
                    struct standing *st)
{
    struct delivery_row d;

    if (!sqlite__delivery(s, id, &d)) {
        return;
    }
    st->unwanted = d.state == DELIVERY_CANCELLED && d.by_hand;
    if (!delivery_state_ended(d.state)) {
        st->open = true;
        if (can_be_superseded(&d)) {
            supersede(s, a, &d, at->revision);
        } else {
            st->in_the_way = true;
        }
    }
    sqlite__delivery_done(&d);
}

static struct standing look(struct sqlite *s,
                            struct ledger_accept *a,
                            const struct accepted *at,
                            const struct channel_row *ch)
{
    struct standing st = {.post = false};
    struct id_list ids = {.v = NULL};

    if (at->is_new) {
        return st;
    }
    st.post =
        sqlite__int(&s->writer, SQL_POST_HAS, ARGS(ARG_I(at->article.v), ARG_I(ch->id)), 0);
    sqlite__ids_query(
        &s->writer, SQL_DELIVERY_OF, ARGS(ARG_I(at->article.v), ARG_I(ch->id)), &ids);
    for (size_t i = 0; i < ids.count; i++) {
        look_at(s, a, at, (struct delivery_id){(uint64_t)ids.v[i]}, &st);
    }
    sqlite__ids_done(&ids);
    return st;
}

static bool
is_wanted(const struct accepted *at, const struct accept_channel *c, const struct standing *st)
{
    if (st->unwanted && !st->post) {
        return false;
    }
    if (at->retracts) {
        return st->post || st->in_the_way;
    }
    return c->matches || st->post || st->open;
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
                          size_t i,
                          struct channel_row *ch,
                          enum delivery_state state)
{
    const struct accept_channel *c = &a->channels[i];
    struct ledger_job job = {
        .id = {a->delivery_ids[i]},
        .article = at->article,
        .breaking = at->breaking,
        .due_at_ms = a->now_ms,
        .not_after_ms = c->not_after_ms,
        .created_at_ms = a->now_ms,
    };

    memcpy(job.channel, ch->name, sizeof job.channel);
    sqlite__do(&s->writer,
               SQL_DELIVERY_NEW,
               ARGS(ARG_I(job.id.v),
                    ARG_I(at->article.v),
                    ARG_I(at->revision),
                    ARG_I(ch->id),
                    ARG_I(state),
                    ARG_I(at->breaking),
                    state == DELIVERY_READY ? ARG_I(a->now_ms) : ARG_NULL,
                    ARG_I(c->not_after_ms),
                    ARG_I(a->now_ms),
                    ARG_S(c->adapter)));
    sqlite__count(ch, state, 1);
    add_delivery(a, &job, state);
}

/* A retraction also stops what waits for channels that are not configured any more. */
static void stop_waiting(struct sqlite *s, struct ledger_accept *a, const struct accepted *at)
{
    struct id_list ids = {.v = NULL};
    struct standing unused = {.post = false};

    sqlite__ids_query(&s->writer,
                      SQL_DELIVERY_WAITING,
                      ARGS(ARG_I(at->article.v), ARG_I(at->revision)),
                      &ids);
    for (size_t i = 0; i < ids.count; i++) {
        look_at(s, a, at, (struct delivery_id){(uint64_t)ids.v[i]}, &unused);
    }
    sqlite__ids_done(&ids);
}

static void
fan_out_one(struct sqlite *s, struct ledger_accept *a, const struct accepted *at, size_t i)
{
    const struct accept_channel *c = &a->channels[i];
    struct channel_row *ch;
    struct standing st;

    if (at->is_new && !c->matches) {
        return; /* no row for a channel that never had anything */
    }
    ch = sqlite__channel(s, c->name, true);
    if (!ch) {
        return;
    }
    st = look(s, a, at, ch);
    if (is_wanted(at, c, &st)) {
        make_delivery(s, a, at, i, ch, st.in_the_way ? DELIVERY_HELD : DELIVERY_READY);
    }
}

void sqlite__fan_out(struct sqlite *s, struct ledger_accept *a, const struct accepted *at)
{
    if (a->channel_count > 0) {
        a->deliveries = mem_calloc(a->channel_count, sizeof *a->deliveries);
        a->jobs = mem_calloc(a->channel_count, sizeof *a->jobs);
    }
    for (size_t i = 0; i < a->channel_count; i++) {
        fan_out_one(s, a, at, i);
    }
    if (at->retracts) {
        stop_waiting(s, a, at);
    }
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
