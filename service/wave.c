/* A delivery on its way to an audience, batch by batch. Started by courier_run.c when its step is for
 * `each_member`; leaves who is next and what is known to the ledger (queue/sqlite_wave.c), the batches to wave_lane.c
 * or, where each message is an exchange of its own, to wave_each.c, and what becomes of the delivery to wave_end.c.
 *
 *   wave_start          the ledger opens the wave: where it stands, and who was on their way at a crash
 *   wave_2_on_opened    it may go, or it waits, or a person has stopped it
 *   wave__pump          the batches, until none is left or something stops it
 *   wave__finish        nothing is on its way: what the counts say of the delivery */

#include "service/wave_internal.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/lane.h"
#include "service/topics.h"

/* A wave begins with so many at a time: where no answer comes, no more become unknown by that. */
#define WINDOW_START 4
/* A withdrawn article comes back within minutes, or is retracted then. */
#define WITHDRAWN_LOOK_MS (30 * MS_SECOND)
/* A run of lanes is no longer than this, and the next goes on from there: with another token where one ends, another
 * plan, other times to live. */
#define RUN_MAX_MS (10 * MS_MINUTE)

/* The member of a post's record that says for whom it was. */
#define TOPICS_MEMBER "_topics"

/* A bit that no topic has: for those who have chosen none, and nobody else. */
#define NOBODYS_TOPIC (INT64_C(1) << MEMBER_TOPICS_MAX)

static ledger_done_fn wave_2_on_opened;

static struct courier *courier_of(const struct wave *w)
{
    return w->run->courier;
}

struct ledger *wave__ledger(const struct wave *w)
{
    return courier_of(w)->crier->ledger;
}

static bool has_lanes(const struct wave *w)
{
    return w->audience->push != NULL;
}

/* Nothing comes back: tried again each second, and given up only with the program. True: it is tried. */
static bool retry_write(const struct wave *w, struct ledger_request *r)
{
    if (r->rc != ERR_IO || courier_of(w)->hurried) {
        return false;
    }
    courier__retry_later(courier_of(w), r);
    return true;
}

/* Something failed there: it begins anew in a moment, with what the ledger says then. */
static void ledger_failed(struct wave *w, const struct ledger_request *r)
{
    static const struct verdict in_a_moment = {.retry_after_ms = MS_SECOND};

    courier__complain(courier_of(w), &r->why);
    wave__stop(w, WAVE_STOPPED, &in_a_moment);
}

struct ledger_wave_next wave__next(const struct wave *w, size_t limit, ledger_done_fn *done)
{
    int64_t now_ms = clock_wall_ms(), resend_ms = wave__resend_ms(w);

    return (struct ledger_wave_next){
        .req = {.kind = LEDGER_WAVE_NEXT, .done = done},
        .id = w->run->job.id,
        .limit = limit,
        .unknown_before_ms = resend_ms >= 0 ? now_ms - resend_ms : 0,
        .unheard = w->run->settings->on_unknown == ON_UNKNOWN_RETRY || w->audience->replaces,
        .recent_since_ms = has_lanes(w) ? wave__recent_since_ms(w, now_ms) : 0,
        .recent_enough = w->run->settings->audience.cap.count,
        .now_ms = now_ms,
    };
}

bool wave__took_batch(struct wave_batch *b)
{
    struct wave *w = b->wave;

    w->asks--;
    if (b->next.req.rc) {
        ledger_failed(w, &b->next.req);
        return false;
    }
    w->counts = b->next.wave;
    if (b->next.number == 0) {
        w->exhausted = !b->next.more;
        wave__heed_article(w, &b->next);
        return false;
    }
    (void)FAULT(
        "wave.batch"); /* of use with ":exit", as are the others: nothing of it has left */
    list_push(&w->batches, &b->node);
    return true;
}

/* What is known and cannot be written down stays on its way, for the next start to find. */
bool wave__took_end(struct wave_batch *b)
{
    struct wave *w = b->wave;

    if (retry_write(w, &b->end.req)) {
        return false;
    }
    if (b->end.req.rc) {
        ledger_failed(w, &b->end.req);
    } else {
        (void)FAULT("wave.ended");
        w->counts = b->end.wave;
        w->exhausted = false; /* some may be to come again */
    }
    list_remove(&w->batches, &b->node);
    return true;
}

/* ---- stopping ---- */

void wave__stop(struct wave *w, enum wave_stop why, const struct verdict *v)
{
    if (w->stop == WAVE_GOES_ON) {
        w->stop = why;
        if (v) {
            w->why = *v;
        }
    }
}

static bool is_late(const struct wave *w)
{
    return w->run->load.not_after_ms > 0 && clock_wall_ms() >= w->run->load.not_after_ms;
}

void wave__look_whether_to_stop(struct wave *w)
{
    const struct run *run = w->run;

    if (courier_of(w)->draining || run->channel->gone || run->channel->kept.paused ||
        run->channel->kept.blocked || courier__is_outdated(run)) {
        wave__stop(w, WAVE_STOPPED, NULL);
    } else if (is_late(w)) {
        wave__stop(w, WAVE_LATE, NULL);
    } else if (has_lanes(w) && clock_mono_ms() - w->tally.began_mono_ms > RUN_MAX_MS) {
        wave__stop(w, WAVE_STOPPED, NULL);
    }
}

static void look_at_word(struct wave *w, const struct ledger_wave *c)
{
    if (c->halted) {
        wave__stop(w, WAVE_HALTED, NULL);
    } else if (c->waits_for_word || c->go_at_ms > clock_wall_ms()) {
        wave__stop(w, WAVE_WAITS, NULL);
    }
}

/* Also those of a batch that is open are spared, as far as their message has not left. */
void wave__heed_article(struct wave *w, const struct ledger_wave_next *next)
{
    static const struct verdict for_now = {.retry_after_ms = WITHDRAWN_LOOK_MS,
                                           .detail = "its article is withdrawn for now"};

    look_at_word(w, &next->wave);
    if (next->retracted) {
        wave__stop(w, WAVE_OFF, NULL);
    } else if (next->withdrawn) {
        wave__stop(w, WAVE_HELD, &for_now);
    } else if (w->audience->replaces && next->behind.v != w->behind.id.v) {
        wave__look_behind(w, next->behind);
    }
}

/* ---- the pump ---- */

static void on_timer(uv_timer_t *timer)
{
    wave__pump(timer->data);
}

void wave__look_again_in(struct wave *w, int64_t wait_ms)
{
    wait_ms = wait_ms < WAVE_LOOK_MS ? wait_ms : WAVE_LOOK_MS;
    must(uv_timer_start(&w->timer, on_timer, (uint64_t)wait_ms, 0) == 0);
}

void wave__pump(struct wave *w)
{
    if (w->finished) {
        return;
    }
    wave__look_whether_to_stop(w);
    if (has_lanes(w)) {
        wave__lane_pump(w);
    } else {
        wave__each_pump(w);
    }
}

void wave_poke(struct wave *w)
{
    if (w->opened) {
        wave__look_again_in(w, 0);
    }
}

void wave_hurry(struct wave *w)
{
    if (has_lanes(w)) {
        wave__lane_hurry(w);
    }
    wave__cancel_sends(w); /* of lanes: those that go singly */
    wave_poke(w);
}

/* ---- the start ---- */

static void note_start(const struct wave *w)
{
    const struct ledger_wave *c = &w->counts;

    log_info(EV_WAVE_START,
             LOG_DELIVERY(w->run->job.id),
             LOG_STR("channel", w->run->channel->name),
             LOG_STR("course", course_name(w->run->course)),
             LOG_I64("members", c->total),
             LOG_I64("had", c->accepted),
             LOG_I64("again", c->again),
             LOG_I64("unknown", c->unknown));
}

static void wave_2_on_opened(struct ledger_request *r)
{
    struct wave *w = container_of(r, struct wave, open.req);

    if (retry_write(w, r)) {
        return;
    }
    w->opened = true;
    w->counts = w->open.wave;
    if (r->rc) {
        ledger_failed(w, r);
    }
    look_at_word(w, &w->counts);
    if (w->stop == WAVE_GOES_ON) {
        note_start(w);
        if (has_lanes(w)) {
            wave__lane_start(w);
        }
    }
    wave__pump(w);
}

/* For whom it is: the topics of the article, and of a change also those that what it changes had, or who has read
 * that would not hear of it. It is kept with the post. */
static int64_t topics_of(const struct run *run)
{
    const json_t *before = run->sc.post ? json_object_get(run->sc.post, TOPICS_MEMBER) : NULL;
    int64_t topics = topics_of_article(run->courier->crier->topics,
                                       run->settings,
                                       run->load.article_content,
                                       run->load.breaking);

    if (json_is_integer(before)) {
        topics |= json_integer_value(before);
    }
    (void)json_object_set_new(run->sc.ctx.record, TOPICS_MEMBER, json_integer(topics));
    return topics != 0 ? topics : NOBODYS_TOPIC;
}

/* Of a wave that begins. The fence between tests and readers: what is a test, or goes out while the channel is in
 * test mode, is for test members, whoever asked for it; they are few, and nobody has to confirm that. What is taken
 * back is so at once. */
static void fill_open(struct wave *w)
{
    struct run *run = w->run;
    const struct audience_settings *set = &run->settings->audience;
    bool at_once = run->course == COURSE_RETRACT;

    w->test = run->sc.ctx.is_test || set->mode == AUDIENCE_TEST;
    w->open = (struct ledger_wave_open){
        .req = {.kind = LEDGER_WAVE_OPEN, .done = wave_2_on_opened},
        .id = run->job.id,
        .channel = run->channel->name,
        .topics = has_lanes(w) ? topics_of(run) : MEMBER_TOPICS_ALL,
        .test = w->test,
        .undo_ms = at_once ? 0 : set->undo_ms,
        .confirm_above = at_once || w->test ? 0 : set->confirm_above,
        .now_ms = clock_wall_ms(),
    };
}

void wave_start(struct run *run)
{
    struct wave *w = mem_zalloc(sizeof *w);
    struct crier *c = run->courier->crier;

    run->wave = w;
    w->run = run;
    w->audience = run->channel->adapter->audience;
    w->window = wave__window_max(w) < WINDOW_START ? wave__window_max(w) : WINDOW_START;
    w->tally.began_mono_ms = clock_mono_ms();
    flow_init(&w->flow);
    list_init(&w->batches);
    list_init(&w->sends);
    must(uv_timer_init(c->loop, &w->timer) == 0);
    w->timer.data = w;
    run->channel->pace.breaking += run->load.breaking;
    fill_open(w);
    ledger_submit(c->ledger, &w->open.req);
    /* Continues in wave_2_on_opened(). */
}
