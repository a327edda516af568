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

/* ---- what is handed out ---- */

/* Room for one more in a list that doubles from 8 on. */
static void *grown(void *list, size_t count, size_t size)
{
    if (count == 0) {
        return mem_realloc(list, 8, size);
    }
    return count >= 8 && (count & (count - 1)) == 0 ? mem_realloc(list, 2 * count, size) : list;
}

void sqlite__hand_job(const struct handed *h, const struct ledger_job *job)
{
    *h->jobs = grown(*h->jobs, *h->job_count, sizeof **h->jobs);
    (*h->jobs)[(*h->job_count)++] = *job;
}

/* What was ready a moment ago, in the same request, is no job. */
static void take_job_back(const struct handed *h, struct delivery_id id)
{
    for (size_t i = 0; i < *h->job_count; i++) {
        if ((*h->jobs)[i].id.v == id.v) {
            (*h->jobs)[i] = (*h->jobs)[--*h->job_count];
            return;
        }
    }
}

void sqlite__hand_cancelled(const struct handed *h, struct delivery_id id)
{
    take_job_back(h, id);
    *h->cancelled = grown(*h->cancelled, *h->cancelled_count, sizeof **h->cancelled);
    (*h->cancelled)[(*h->cancelled_count)++] = id;
}

struct handed sqlite__handed_accept(struct ledger_accept *a)
{
    return (struct handed){.jobs = &a->jobs,
                           .job_count = &a->job_count,
                           .cancelled = &a->superseded,
                           .cancelled_count = &a->superseded_count};
}

/* ---- what is there ---- */

static void
supersede(struct sqlite *s, struct ledger_accept *a, struct delivery_id id, int64_t revision)
{
    struct handed out = sqlite__handed_accept(a);
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
    sqlite__hand_cancelled(&out, d.id);
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

/* ---- its rows ---- */

static void
add_delivery(struct ledger_accept *a, const struct ledger_job *job, enum delivery_state state)
{
    struct accept_delivery *d = &a->deliveries[a->delivery_count++];
    struct handed out = sqlite__handed_accept(a);

    *d = (struct accept_delivery){.id = job->id, .state = state};
    memcpy(d->channel, job->channel, sizeof d->channel);
    if (state == DELIVERY_READY || state == DELIVERY_AGAIN) {
        sqlite__hand_job(&out, job);
    }
}

/* One delivery to be written. */
struct making {
    const struct accepted *at;
    struct channel_row *ch;
    const struct standing *st; /* before it */
    struct ledger_job job;     /* its due time counts for what waits for a gate only */
    enum delivery_state state;
    const char *adapter;
    const char *detail;
    const char *blocked_why;          /* as accept_channel's; NULL */
    const struct ledger_begin *start; /* in flight: how it begins */
    int64_t now_ms;
};

static void write_delivery(struct sqlite *s, const struct making *m)
{
    static const struct ledger_begin none = {.course = NULL};
    bool starts = m->state == DELIVERY_IN_FLIGHT && m->start;
    const struct ledger_begin *start = starts ? m->start : &none;

    sqlite__do(&s->writer,
               SQL_DELIVERY_NEW,
               ARGS(ARG_I(m->job.id.v),
                    ARG_I(m->at->article.v),
                    ARG_I(m->at->revision),
                    ARG_I(m->at->revision_id),
                    ARG_I(m->at->retracts),
                    ARG_I(m->ch->id),
                    m->st->any ? ARG_I(m->st->last.v) : ARG_NULL,
                    ARG_I(m->state),
                    ARG_I(m->job.breaking),
                    ARG_I(m->job.not_after_ms),
                    ARG_I(m->now_ms),
                    ARG_S(m->adapter),
                    ARG_S(m->detail),
                    ARG_S(start->course),
                    ARG_S(start->step),
                    ARG_I(starts ? m->now_ms : 0),
                    ARG_I(start->repeatable),
                    ARG_I(start->publishes),
                    ARG_I(starts),
                    ARG_I(start->attempt_id),
                    m->state == DELIVERY_AGAIN ? ARG_I(m->job.due_at_ms) : ARG_NULL));
}

static void write_standing(struct sqlite *s, const struct making *m)
{
    struct sql_arg id = ARG_I(m->job.id.v);
    bool held = m->state == DELIVERY_HELD;
    struct sql_arg front = held || delivery_state_ended(m->state) ? ARG_NULL : id;
    int64_t till = m->job.not_after_ms > 0 ? m->job.not_after_ms : INT64_MAX;
    int64_t worth = m->at->retracts ? 0 : till;

    if (m->st->any) {
        sqlite__do(&s->writer,
                   SQL_STANDING_NEXT,
                   ARGS(ARG_I(m->at->article.v),
                        ARG_I(m->ch->id),
                        id,
                        front,
                        held ? id : ARG_NULL,
                        ARG_I(worth)));
        return;
    }
    sqlite__do(&s->writer,
               SQL_STANDING_NEW,
               ARGS(ARG_I(m->at->article.v), ARG_I(m->ch->id), id, front, ARG_I(worth)));
}

static void make_delivery(struct sqlite *s, const struct making *m)
{
    write_delivery(s, m);
    write_standing(s, m);
    sqlite__count(m->ch, m->state, 1);
    if (m->state == DELIVERY_IN_FLIGHT && m->start) {
        m->ch->bucket = m->start->bucket;
        if (m->start->uses_quota) {
            sqlite__quota_put(s, m->job.id, m->ch, m->now_ms);
        }
    }
}

/* ---- what becomes of it ---- */

static struct ledger_job job_of(const struct accepted *at,
                                const struct channel_row *ch,
                                uint64_t id,
                                int64_t not_after_ms,
                                int64_t now_ms)
{
    struct ledger_job job = {
        .id = {id},
        .article = at->article,
        .breaking = at->breaking,
        .due_at_ms = now_ms,
        .not_after_ms = not_after_ms,
        .created_at_ms = now_ms,
    };

    memcpy(job.channel, ch->name, sizeof job.channel);
    return job;
}

/* What is first sent there waits for the gate; not what would be worthless when that opens. */
static bool waits_for_gate(const struct accepted *at,
                           const struct standing *st,
                           const struct ledger_job *job)
{
    return at->gate_until_ms > 0 && !at->retracts && !st->post && !st->doubt &&
           (job->not_after_ms == 0 || job->not_after_ms > at->gate_until_ms);
}

static enum delivery_state state_of_new(const struct making *m)
{
    const struct accepted *at = m->at;
    const struct standing *st = m->st;
    const struct ledger_job *job = &m->job;

    if (st->in_the_way) {
        return DELIVERY_HELD;
    }
    if (job->not_after_ms > 0 && job->not_after_ms <= job->created_at_ms) {
        return DELIVERY_EXPIRED;
    }
    if (m->blocked_why && !at->retracts && !st->post && !st->doubt) {
        return DELIVERY_BLOCKED;
    }
    if (waits_for_gate(at, st, job)) {
        return DELIVERY_AGAIN;
    }
    return at->is_new && m->start ? DELIVERY_IN_FLIGHT : DELIVERY_READY;
}

static const char *detail_of(const struct making *m)
{
    return m->state == DELIVERY_EXPIRED   ? "worthless by now"
           : m->state == DELIVERY_AGAIN   ? "waits until its page was looked at"
           : m->state == DELIVERY_BLOCKED ? m->blocked_why
                                          : NULL;
}

/* Something of what was merged into the article is on that channel, or may be: another post would be the
 * second of one story. */
static bool is_taken(struct sqlite *s,
                     const struct accepted *at,
                     const struct channel_row *ch,
                     const struct standing *st)
{
    return !at->is_new && !st->any &&
           sqlite__int(
               &s->writer, SQL_MERGED_HAS, ARGS(ARG_I(at->article.v), ARG_I(ch->id)), 0) != 0;
}

/* The article has not gone to the blocked channel, and nobody has said that it shall not. */
static bool may_fall_back(struct sqlite *s, const struct accepted *at, const char *blocked)
{
    struct channel_row *ch = at->is_new ? NULL : sqlite__channel(s, blocked, false);
    struct standing st = {.any = false};

    if (ch) {
        look(s, at, ch, &st);
    }
    return !st.post && !st.doubt && !st.unwanted;
}

/* Whether it goes there for one of them at least. */
static bool
falls_back(struct sqlite *s, const struct accepted *at, const struct accept_channel *c)
{
    for (size_t i = 0; i < c->instead_count; i++) {
        if (may_fall_back(s, at, c->instead_of[i].channel)) {
            return true;
        }
    }
    return false;
}

static void note_fallbacks(struct sqlite *s,
                           const struct accepted *at,
                           const struct accept_channel *c,
                           const struct channel_row *ch,
                           const struct ledger_job *job)
{
    for (size_t i = 0; i < c->instead_count; i++) {
        if (may_fall_back(s, at, c->instead_of[i].channel)) {
            sqlite__fallback_note(s,
                                  at,
                                  job->id,
                                  ch,
                                  c->instead_of[i].channel,
                                  c->instead_of[i].why,
                                  job->created_at_ms);
        }
    }
}

static void fan_out_to(struct sqlite *s,
                       struct ledger_accept *a,
                       const struct accepted *at,
                       const struct accept_channel *c,
                       struct channel_row *ch,
                       const struct standing *st,
                       uint64_t id)
{
    struct making m = {.at = at,
                       .ch = ch,
                       .st = st,
                       .adapter = c->adapter,
                       .blocked_why = c->blocked_why,
                       .start = c->start,
                       .now_ms = a->now_ms};

    for (size_t i = 0; i < ARRAY_LEN(st->waiting); i++) {
        if (st->waiting[i].v != 0) {
            supersede(s, a, st->waiting[i], at->revision);
        }
    }
    if (!is_wanted(at, c, st) || is_taken(s, at, ch, st)) {
        return;
    }
    m.job = job_of(at, ch, id, limit_of(at, c, st), a->now_ms);
    m.state = state_of_new(&m);
    m.detail = detail_of(&m);
    if (m.state == DELIVERY_AGAIN) {
        m.job.due_at_ms = at->gate_until_ms;
    }
    make_delivery(s, &m);
    add_delivery(a, &m.job, m.state);
    if (c->matches) {
        note_fallbacks(s, at, c, ch, &m.job);
    }
}

bool sqlite__stand_in(struct sqlite *s,
                      const struct accepted *at,
                      struct channel_row *ch,
                      const struct stand_in *in,
                      const struct handed *out)
{
    struct standing st = {.any = false};
    struct making m = {
        .at = at, .ch = ch, .st = &st, .adapter = in->adapter, .now_ms = in->now_ms};

    look(s, at, ch, &st);
    if (st.any || is_taken(s, at, ch, &st)) {
        return false;
    }
    m.job = job_of(at, ch, in->id, in->not_after_ms, in->now_ms);
    m.state = state_of_new(&m);
    m.detail = in->detail ? in->detail : detail_of(&m);
    if (m.state == DELIVERY_AGAIN) {
        m.job.due_at_ms = at->gate_until_ms;
    }
    make_delivery(s, &m);
    if (!delivery_state_ended(m.state)) {
        sqlite__hand_job(out, &m.job);
    }
    return true;
}

static void
fan_out_given(struct sqlite *s, struct ledger_accept *a, const struct accepted *at, size_t i)
{
    struct accept_channel channel = a->channels[i];
    struct accept_channel *c = &channel;
    struct standing st = {.any = false};
    struct channel_row *ch;

    if (c->matches && c->instead_count > 0) {
        c->matches = falls_back(s, at, c);
    }
    /* No row for a channel that never had anything. */
    ch = sqlite__channel(s, c->name, c->matches);

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
