/* Preparing for waves while there is nothing to do. Called by serve.c; owns what it looks at of each channel, and the
 * requests and the job under way; leaves the making to prepare_work.c and the keeping to the ledger.
 *
 *   look                   who could do with it: the counts of each channel whose push prepares
 *   prepare_2_on_counts    fewer are prepared than there are members: ask for some who are not
 *   prepare_3_on_members   give them to the thread
 *   prepare_4_on_made      write down what it made
 *   prepare_5_on_written   the next ones (to 2), or look again later
 *
 * One block of members is on its way at a time, so that little has to be waited for: before each step we look
 * whether a wave of the channel, or breaking news, is under way, or the loop is late; then it goes on later from where
 * it was.
 *
 * Which members lack something the ledger finds by reading past all who do not, so it is asked from the start only
 * when many do, after a wave, and now and then; else from where new members are. */

#include "service/prepare.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/metrics.h"
#include "service/prepare_work.h"

#define LOOK_MS MS_SECOND
#define NOBODY_LOOK_MS (10 * MS_SECOND) /* when no channel wants anything prepared */
#define WAIT_MS 250                     /* when something else is under way */
#define BLOCK 512
/* An answer of the thread that waits so long for the loop says that the loop has work of its own. */
#define LATE_US ((int64_t)20 * 1000)
#define FULL_EVERY_MS MS_HOUR
#define FULL_PART 100 /* or when one of so many lacks something */

/* What is known of one channel. */
struct place {
    struct list_node node;
    char channel[64];
    uint64_t newest;  /* the last member that was looked at */
    int64_t leftover; /* for so many nothing can be prepared, as the last walk over all found */
    int64_t full_mono_ms;
};

struct preparer {
    struct crier *crier;
    uv_timer_t timer;
    struct prepare_work *work; /* NULL: there was none yet */
    struct list places;
    size_t turn;         /* of the channels */
    struct place *place; /* whose turn it is; NULL: nobody's */
    const struct push *push;
    bool stopping, waits; /* waits: for something else to end */
    bool late;            /* the loop was */
    bool full;            /* the walk is over all */
    uint64_t after;
    int64_t unable; /* members on it for whom nothing can be prepared */
    struct ledger_members counts;
    struct ledger_unprepared members;
    struct ledger_prepared_put put;
    struct prepare_job job;
};

static void look(struct preparer *p);
static void ask_members(struct preparer *p);

/* ---- when ---- */

static const struct push *push_of(const struct channel *ch)
{
    const struct push *push = ch->adapter->audience ? ch->adapter->audience->push : NULL;
    bool wanted = push && push->prepared_bytes > 0 && ch->settings->enabled &&
                  (!push->prepares || push->prepares(ch->settings->own));

    return wanted ? push : NULL;
}

static void again_in(struct preparer *p, int64_t ms);

static void on_timer(uv_timer_t *timer)
{
    struct preparer *p = container_of(timer, struct preparer, timer);

    if (p->place && p->waits) {
        p->waits = false;
        ask_members(p);
    } else if (!p->place) {
        look(p);
    }
}

static void again_in(struct preparer *p, int64_t ms)
{
    if (!p->stopping) {
        must(uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0) == 0);
    }
}

/* Nothing of this channel any more, for now. */
static void leave(struct preparer *p, int64_t ms)
{
    p->place = NULL;
    p->waits = false;
    again_in(p, ms);
}

static bool is_busy(const struct preparer *p)
{
    const struct crier *c = p->crier;

    return c->phase != CRIER_READY || courier_in_the_way(c->courier, p->place->channel);
}

/* ---- what is known of a channel ---- */

static struct place *place_of(struct preparer *p, const char *channel)
{
    struct place *place;

    LIST_EACH(&p->places, n)
    {
        place = container_of(n, struct place, node);
        if (strcmp(place->channel, channel) == 0) {
            return place;
        }
    }
    place = mem_zalloc(sizeof *place);
    (void)snprintf(place->channel, sizeof place->channel, "%s", channel);
    list_push(&p->places, &place->node);
    return place;
}

/* The next one that wants something prepared; NULL: none does. */
static struct channel *next_channel(struct preparer *p)
{
    struct channel *ch, *first = NULL;
    size_t cursor = 0, at = 0;

    while ((ch = channels_each(p->crier->channels, &cursor))) {
        if (!push_of(ch)) {
            continue;
        }
        first = first ? first : ch;
        if (at++ == p->turn) {
            p->turn++;
            return ch;
        }
    }
    p->turn = first ? 1 : 0;
    return first;
}

/* ---- 2: how many ---- */

static bool walk_is_due(const struct place *place, int64_t lacking, int64_t active)
{
    return place->full_mono_ms == 0 || clock_mono_ms() - place->full_mono_ms >= FULL_EVERY_MS ||
           (lacking - place->leftover) * FULL_PART > active;
}

static void prepare_2_on_counts(struct ledger_request *r)
{
    struct preparer *p = container_of(r, struct preparer, counts.req);
    struct place *place = p->place;
    int64_t active = p->counts.by_state[MEMBER_ACTIVE];
    int64_t lacking = active - p->counts.prepared;
    bool good = r->rc == ERR_NONE;

    ledger_request_done(r);
    p->full = walk_is_due(place, lacking, active);
    if (p->stopping || !good || lacking <= 0 || (lacking <= place->leftover && !p->full)) {
        leave(p, LOOK_MS);
        return;
    }
    p->after = p->full ? 0 : place->newest;
    p->unable = 0;
    if (p->full) {
        place->full_mono_ms = clock_mono_ms();
    }
    ask_members(p);
}

static void look(struct preparer *p)
{
    struct channel *ch = next_channel(p);

    if (!ch) {
        again_in(p, NOBODY_LOOK_MS);
        return;
    }
    p->place = place_of(p, ch->name);
    if (is_busy(p)) {
        leave(p, LOOK_MS);
        return;
    }
    p->counts = (struct ledger_members){.channel = p->place->channel, .state = -1};
    p->counts.req.kind = LEDGER_MEMBERS;
    p->counts.req.done = prepare_2_on_counts;
    ledger_submit(p->crier->ledger, &p->counts.req);
    /* Continues in prepare_2_on_counts(). */
}

/* ---- 3: who ---- */

static void on_made(void *context);

static void end_walk(struct preparer *p)
{
    p->place->leftover = p->full ? p->unable : p->place->leftover + p->unable;
    leave(p, LOOK_MS);
}

static void prepare_3_on_members(struct ledger_request *r)
{
    struct preparer *p = container_of(r, struct preparer, members.req);

    if (p->stopping || r->rc) {
        ledger_request_done(r);
        leave(p, LOOK_MS);
        return;
    }
    if (p->members.count == 0) {
        bool more = p->members.more;

        p->after = p->members.upto;
        ledger_request_done(r);
        if (more) {
            ask_members(p);
        } else {
            end_walk(p);
        }
        return;
    }
    if (!p->work) {
        p->work = prepare_work_new(p->crier->loop, on_made, p);
    }
    p->job = (struct prepare_job){
        .push = p->push, .members = p->members.v, .count = p->members.count};
    prepare_work_begin(p->work, &p->job);
    /* Continues in prepare_4_on_made(). */
}

static void ask_members(struct preparer *p)
{
    struct channel *ch = channels_find(p->crier->channels, p->place->channel);

    p->push = ch ? push_of(ch) : NULL;
    if (!p->push) { /* not wanted any more */
        leave(p, LOOK_MS);
        return;
    }
    if (is_busy(p)) {
        p->waits = true;
        again_in(p, WAIT_MS);
        return;
    }
    p->members = (struct ledger_unprepared){
        .channel = p->place->channel, .after = p->after, .limit = BLOCK};
    p->members.req.kind = LEDGER_UNPREPARED;
    p->members.req.done = prepare_3_on_members;
    ledger_submit(p->crier->ledger, &p->members.req);
    /* Continues in prepare_3_on_members(). */
}

/* ---- 4: what ---- */

static void go_on(struct preparer *p)
{
    prepare_job_done(&p->job);
    if (p->stopping) {
        leave(p, LOOK_MS);
    } else if (p->late) {
        p->waits = true;
        again_in(p, MS_SECOND);
    } else {
        ask_members(p);
    }
}

static void prepare_5_on_written(struct ledger_request *r)
{
    struct preparer *p = container_of(r, struct preparer, put.req);

    if (r->rc == ERR_NONE) {
        metrics_add_many(
            p->crier->metrics, METRIC_PREPARED, p->place->channel, (uint64_t)p->put.count);
    } else if (r->rc != ERR_STOPPED) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
        p->late = true; /* the disk is full or gone: not so often */
    }
    ledger_request_done(r);
    go_on(p);
}

static void put(struct preparer *p)
{
    p->put = (struct ledger_prepared_put){.channel = p->place->channel,
                                          .members = p->job.made,
                                          .bytes = p->job.bytes,
                                          .count = p->job.made_count,
                                          .each_bytes = p->job.push->prepared_bytes,
                                          .now_ms = clock_wall_ms()};
    p->put.req.kind = LEDGER_PREPARED_PUT;
    p->put.req.done = prepare_5_on_written;
    ledger_submit(p->crier->ledger, &p->put.req);
    /* Continues in prepare_5_on_written(). */
}

static void prepare_4_on_made(struct preparer *p)
{
    struct place *place = p->place;
    size_t looked = p->job.looked;

    if (looked > 0) {
        p->after = p->members.v[looked - 1].id;
        place->newest = p->after > place->newest ? p->after : place->newest;
    }
    p->unable += (int64_t)(looked - p->job.made_count);
    p->late = (int64_t)(uv_hrtime() / 1000) - p->job.ended_us > LATE_US;
    metrics_observe_us(
        p->crier->metrics, METRIC_PREPARE_SECONDS, place->channel, p->job.cpu_us);
    ledger_request_done(&p->members.req);
    if (p->job.made_count > 0) {
        put(p);
    } else {
        go_on(p);
    }
}

static void on_made(void *context)
{
    prepare_4_on_made(context);
}

/* ---- start and end ---- */

struct preparer *prepare_new(struct crier *c)
{
    struct preparer *p = mem_zalloc(sizeof *p);

    p->crier = c;
    list_init(&p->places);
    must(uv_timer_init(c->loop, &p->timer) == 0);
    return p;
}

void prepare_start(struct preparer *p)
{
    again_in(p, WAIT_MS); /* the start has work enough */
}

void prepare_stop(struct preparer *p)
{
    p->stopping = true;
    (void)uv_timer_stop(&p->timer);
    if (p->work) {
        prepare_work_hurry(p->work);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(container_of(handle, struct preparer, timer));
}

void prepare_free(struct preparer *p)
{
    struct list_node *n;

    if (!p) {
        return;
    }
    p->stopping = true;
    prepare_work_free(p->work);
    ledger_request_done(&p->members.req);
    prepare_job_done(&p->job);
    while ((n = list_first(&p->places))) {
        list_remove(&p->places, n);
        mem_free(container_of(n, struct place, node));
    }
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
