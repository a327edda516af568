/* The batches of a wave that goes over lanes: from the ledger to the lanes and back. Called by wave.c. The loop
 * touches a member twice and in passing, when a batch leaves and when it is back, and makes nothing for each; the
 * messages are composed, sent and read on the lanes' own threads.
 *
 *   wave__lane_start    the plan: what all messages have in common
 *   wave__lane_pump     batches that wait leave, as many as wave_flow.c says; the next ones are asked for ahead of need
 *   lane_3_on_batch     it is written down: its members may leave, but who has to wait (wave_hold.c)
 *   lane_4_on_answers   all of it is back, with an answer or without; some may go otherwise (wave_singly.c)
 *   lane_5_on_ended     that is on disk
 *
 * What is written down and has no end is in doubt after a crash: what is in the lanes, and the one or two batches
 * that wait for their turn there. So a wave of any size takes the same memory, and a second message to somebody,
 * which takes the place of the first, is bounded by that. */

#include "service/wave_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "service/lane.h"

#define ASKS_MAX                                                                               \
    2 /* the second is written down with the first one's commit, or the end of a batch */
#define BATCHES_WAITING_MAX 2
#define WITHOUT_LANES_MS (1 * MS_MINUTE)

static ledger_done_fn lane_3_on_batch, lane_5_on_ended;
static lane_done_fn lane_4_on_answers;

static struct lanes *lanes_of(const struct wave *w)
{
    return w->run->courier->crier->lanes;
}

static int64_t per_second(const struct wave *w)
{
    return atomic_load(&w->run->channel->pace.lane.per_second);
}

/* ---- the start and the end ---- */

static bool any_needs_lanes(struct crier *c)
{
    const struct channel *ch;
    size_t cursor = 0;

    while ((ch = channels_each(c->channels, &cursor)) != NULL) {
        if (ch->adapter->audience && ch->adapter->audience->push) {
            return true;
        }
    }
    return false;
}

enum err_code waves_prepare(struct crier *c, struct err *why)
{
    return c->lanes || !any_needs_lanes(c) ? ERR_NONE : lanes_new(&c->lanes, c, 0, why);
}

static enum err_code make_plan(struct wave *w, struct err *why)
{
    struct run *run = w->run;
    enum err_code rc;

    run->sc.ctx.now_ms = clock_wall_ms();
    rc = w->audience->push->plan(&run->sc.ctx, &w->plan, why);
    w->plan_number = ++run->courier->plans;
    return rc;
}

void wave__lane_start(struct wave *w)
{
    struct run *run = w->run;
    struct err why = {0};

    if (waves_prepare(run->courier->crier, &why) !=
        ERR_NONE) { /* which says nothing of the article */
        struct verdict v = verdict_make(
            VERDICT_AGAIN, SCOPE_CHANNEL, WITHOUT_LANES_MS, "no lanes: %.150s", why.text);

        wave__stop(w, WAVE_PAUSED, &v);
        return;
    }
    if (make_plan(w, &why) != ERR_NONE) {
        struct verdict v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%.200s", why.text);

        wave__stop(w, WAVE_REJECTED, &v);
        return;
    }
    wave__set_urgent(w, run->load.breaking);
    wave__probe_begin(w);
    wave__lane_pace(w);
}

void wave__lane_done(struct wave *w)
{
    wave__set_urgent(w, false);
    if (w->plan) {
        wave__probe_end(w);
        w->audience->push->done(w->plan);
        w->plan = NULL;
    }
}

/* ---- a batch ---- */

static void batch_free(struct wave_batch *b)
{
    lane_batch_done(&b->lane);
    ledger_request_done(&b->next.req);
    mem_free(b->members);
    mem_free(b->places);
    mem_free(b->results);
    mem_free(b->services);
    mem_free(b);
}

static void end_batch(struct wave_batch *b)
{
    const struct wave *w = b->wave;

    b->state = BATCH_ANSWERED;
    (void)FAULT("wave.answered"); /* it is not on disk that they have it */
    b->end = (struct ledger_wave_end){
        .req = {.kind = LEDGER_WAVE_END, .done = lane_5_on_ended},
        .id = b->next.id,
        .number = b->next.number,
        .v = b->results,
        .count = b->result_count,
        .accepted = (int64_t)(b->next.count - b->result_count),
        .remembers = w->run->settings->audience.cap.count > 0,
        .services = b->services,
        .service_count = b->lane.service_count,
        .gone_max = w->run->settings->audience.gone_max,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(wave__ledger(w), &b->end.req);
}

static void lane_5_on_ended(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, end.req);
    struct wave *w = b->wave;

    if (wave__took_end(b)) {
        batch_free(b);
        wave__pump(w);
    }
}

void wave__lane_answered(struct wave_batch *b)
{
    wave__read_results(b);
    end_batch(b);
}

static void lane_4_on_answers(struct lane_batch *l)
{
    struct wave_batch *b = container_of(l, struct wave_batch, lane);
    struct wave *w = b->wave;

    w->in_lanes -= b->leaving;
    if (!wave__singly_begin(b)) {
        wave__lane_answered(b);
    }
    wave__pump(w);
}

static void leave(struct wave_batch *b)
{
    struct wave *w = b->wave;
    const struct run *run = w->run;

    if (b->leaving == 0) {
        wave__lane_answered(b);
        return;
    }
    b->state = BATCH_LEFT;
    b->left_ms = clock_mono_ms();
    w->in_lanes += b->leaving;
    b->lane = (struct lane_batch){
        .push = w->audience->push,
        .plan = w->plan,
        .members = b->members,
        .count = b->leaving,
        .allow_private = run->settings->allow_private,
        .timeout_ms = wave__answer_timeout(w),
        .connections = (int)run->settings->audience.connections,
        .pace = &w->run->channel->pace.lane,
        .urgent = run->load.breaking,
        .plan_number = w->plan_number,
        .done = lane_4_on_answers,
    };
    lanes_submit(lanes_of(w), &b->lane);
}

/* ---- from the ledger ---- */

static void take_member(struct wave_batch *b, size_t at)
{
    const struct ledger_wave_member *m = &b->next.v[at];
    size_t prepared_bytes = b->wave->audience->push->prepared_bytes;

    b->places[b->leaving] = (uint32_t)at;
    b->members[b->leaving++] = (struct member){
        .id = m->id,
        .address = m->address,
        .language = m->language,
        .keys = m->keys,
        .keys_len = m->keys_len,
        .key_id = m->key_id,
        .opted_in_at_ms = m->opted_in_at_ms,
        /* Of another size: another release has made it. */
        .prepared = m->prepared_len == prepared_bytes ? m->prepared : NULL,
    };
}

static void place_member(struct wave_batch *b, size_t at, int64_t now_ms)
{
    const struct ledger_wave_member *m = &b->next.v[at];
    struct ledger_wave_result *result = &b->results[b->result_count];
    struct wave *w = b->wave;

    switch (wave__holds(w, m, now_ms, result)) {
    case HOLD_NOT:
        take_member(b, at);
        break;
    case HOLD_SPARED:
        *result = (struct ledger_wave_result){.outcome = MEMBER_REFUSED, .spared = true};
        result->member = m->id;
        b->result_count++;
        break;
    case HOLD_LATER:
        result->member = m->id;
        b->result_count++;
        w->tally.waiting++;
        break;
    }
}

static void fill_batch(struct wave_batch *b)
{
    int64_t now_ms = clock_wall_ms();

    b->members = mem_calloc(b->next.count, sizeof *b->members);
    b->places = mem_calloc(b->next.count, sizeof *b->places);
    b->results = mem_calloc(b->next.count, sizeof *b->results);
    for (size_t i = 0; i < b->next.count; i++) {
        place_member(b, i, now_ms);
    }
}

static void lane_3_on_batch(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, next.req);
    struct wave *w = b->wave;

    if (wave__took_batch(b)) {
        fill_batch(b);
        wave__heed_article(w, &b->next);
    } else {
        batch_free(b);
    }
    wave__pump(w);
}

/* Where one request addresses many, whole requests. */
static size_t batch_size(const struct wave *w)
{
    size_t wanted = flow_batch(&w->flow, per_second(w)), many = w->audience->push->many;

    return many > 1 ? (wanted + many - 1) / many * many : wanted;
}

static void ask(struct wave *w)
{
    struct wave_batch *b = mem_zalloc(sizeof *b);

    b->wave = w;
    b->next = wave__next(w, batch_size(w), lane_3_on_batch);
    w->asks++;
    ledger_submit(wave__ledger(w), &b->next.req);
}

/* ---- the pump ---- */

static struct wave_batch *waiting(const struct wave *w)
{
    LIST_EACH(&w->batches, n)
    {
        struct wave_batch *b = container_of(n, struct wave_batch, node);

        if (b->state == BATCH_WAITS) {
            return b;
        }
    }
    return NULL;
}

static size_t count_waiting(const struct wave *w)
{
    size_t count = 0;

    LIST_EACH(&w->batches, n)
    {
        count += container_of(n, struct wave_batch, node)->state == BATCH_WAITS;
    }
    return count;
}

static bool has_room(const struct wave *w)
{
    return w->in_lanes < flow_window(&w->flow, per_second(w));
}

/* Returns when to look again. */
static int64_t hand_out(struct wave *w)
{
    int64_t wait_ms = wave__lane_wait_ms(w, clock_mono_ms());
    struct wave_batch *b;

    w->is_held_up = wait_ms > 0;
    if (w->is_held_up) {
        flow_held_up(&w->flow);
        return wait_ms;
    }
    while ((b = waiting(w)) != NULL) {
        if (!has_room(w)) {
            flow_full(&w->flow);
            break;
        }
        leave(b);
    }
    return WAVE_LOOK_MS;
}

/* Not while another goes first: what is written down and waits would only be in doubt. */
static bool wants_more(const struct wave *w)
{
    return w->stop == WAVE_GOES_ON && !w->exhausted && !w->is_held_up && w->asks < ASKS_MAX &&
           w->batches.count - w->singly_batches + w->asks < FLOW_BATCHES_MAX &&
           count_waiting(w) + w->asks < BATCHES_WAITING_MAX;
}

/* What has not left comes again as if nothing had been; what is in the lanes has its answer, but for what they have
 * not sent. */
static void take_all_back(struct wave *w)
{
    struct list_node *n = list_first(&w->batches);

    while (n) {
        struct wave_batch *b = container_of(n, struct wave_batch, node);

        n = list_next(&w->batches, n);
        if (b->state == BATCH_WAITS) {
            wave__spare_results(b);
            end_batch(b);
        } else if (b->state == BATCH_LEFT && !b->called_back) {
            b->called_back = true;
            lanes_cancel(lanes_of(w), &b->lane, w->hurried);
        }
    }
}

static bool has_more(const struct wave *w)
{
    return w->stop == WAVE_GOES_ON && (!w->exhausted || waiting(w) != NULL);
}

void wave__lane_pump(struct wave *w)
{
    int64_t wait_ms = wave__singly_pump(w);

    if (w->stop == WAVE_GOES_ON) {
        int64_t lanes_ms = hand_out(w);

        wait_ms = lanes_ms < wait_ms ? lanes_ms : wait_ms;
    }
    if (w->stop != WAVE_GOES_ON) { /* also by what was just handed out */
        take_all_back(w);
    }
    while (wants_more(w)) {
        ask(w);
    }
    wave__set_urgent(w, has_more(w) && !w->is_held_up && w->run->load.breaking);
    if (list_empty(&w->batches) && w->asks == 0 && !has_more(w) && !w->looks_behind) {
        wave__finish(w);
        return;
    }
    wave__look_again_in(w, wait_ms);
}

void wave__lane_hurry(struct wave *w)
{
    w->hurried = true;
    wave__stop(w, WAVE_STOPPED, NULL);
    LIST_EACH(&w->batches, n)
    {
        container_of(n, struct wave_batch, node)->called_back = false;
    }
}
