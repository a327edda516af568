/* A delivery on its way to an audience, batch by batch. Started by courier_run.c when its step is for
 * `each_member`; owns the batches and messages on their way; leaves who is next and what is known to the
 * ledger (queue/sqlite_wave.c), one message to wave_send.c, the pace to wave_pace.c, and what becomes of the
 * delivery to wave_end.c.
 *
 *   wave_start          the ledger opens the wave: where it stands, and who was on their way at a crash
 *   wave_2_on_opened    pump
 *   wave__pump          hand out messages as fast as may be; ask for the next batch ahead of need
 *   wave_3_on_batch     it is written down: these may leave
 *   (a message)         leaves, is answered, and is noted in its batch
 *   wave_4_on_ended     all of a batch have their answer, and that is on disk
 *   wave__finish        nothing is on its way: what the counts say of the delivery
 *
 * No more than two batches are open, so a crash leaves no more members in doubt than that, and an audience of
 * any size takes the same memory. Two, so that one can be written down while the other is under way. */

#include "service/wave_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"

#define BATCHES_OPEN 2
/* A wave begins with so many at a time: where no answer comes, no more become unknown by that. */
#define WINDOW_START 4
/* What might stop a wave that waits is looked at so often. */
#define LOOK_MS 250
/* A withdrawn article comes back within minutes, or is retracted then. */
#define WITHDRAWN_LOOK_MS (30 * MS_SECOND)

static ledger_done_fn wave_2_on_opened, wave_3_on_batch, wave_4_on_ended;

static struct courier *courier_of(const struct wave *w)
{
    return w->run->courier;
}

static struct ledger *ledger_of(const struct wave *w)
{
    return courier_of(w)->crier->ledger;
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

static void look_whether_to_stop(struct wave *w)
{
    const struct run *run = w->run;

    if (courier_of(w)->draining || run->channel->gone || run->channel->kept.paused ||
        run->channel->kept.blocked || courier__is_outdated(run)) {
        wave__stop(w, WAVE_STOPPED, NULL);
    } else if (is_late(w)) {
        wave__stop(w, WAVE_LATE, NULL);
    }
}

/* ---- batches ---- */

static void batch_free(struct wave_batch *b)
{
    ledger_request_done(&b->next.req);
    mem_free(b->results);
    mem_free(b->details);
    mem_free(b);
}

static void end_batch(struct wave_batch *b)
{
    b->end = (struct ledger_wave_end){
        .req = {.kind = LEDGER_WAVE_END, .done = wave_4_on_ended},
        .id = b->next.id,
        .number = b->next.number,
        .v = b->results,
        .count = b->next.count,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(ledger_of(b->wave), &b->end.req);
}

void wave__batch_answered(struct wave_batch *b, size_t at)
{
    b->results[at].member = b->next.v[at].id;
    b->results[at].detail = b->details[at];
    b->answered++;
    if (b->answered == b->next.count) {
        end_batch(b);
    }
}

/* Those that have not left are to come again, as if nothing had been. */
static void take_back(struct wave_batch *b)
{
    while (b->handed < b->next.count) {
        size_t at = b->handed++;

        b->results[at] =
            (struct ledger_wave_result){.outcome = MEMBER_AGAIN, .due_at_ms = clock_wall_ms()};
        wave__batch_answered(b, at);
    }
}

static void take_all_back(struct wave *w)
{
    LIST_EACH(&w->batches, n)
    {
        take_back(container_of(n, struct wave_batch, node));
    }
}

/* The answers are known and cannot be written down: tried again each second, and given up only with the
 * program, which then finds the batch on its way. */
static void wave_4_on_ended(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, end.req);
    struct wave *w = b->wave;

    if (r->rc == ERR_IO && !courier_of(w)->hurried) {
        courier__retry_later(courier_of(w), r);
        return;
    }
    if (r->rc) {
        courier__complain(courier_of(w), &r->why);
        wave__stop(w, WAVE_STOPPED, NULL);
    } else {
        (void)FAULT("wave.ended");
        w->counts = b->end.wave;
        w->exhausted = false; /* some may be to come again */
    }
    list_remove(&w->batches, &b->node);
    batch_free(b);
    wave__pump(w);
}

/* Also those of a batch that is open are spared, as far as their message has not left. */
static void heed_article(struct wave *w, const struct ledger_wave_next *next)
{
    static const struct verdict for_now = {.retry_after_ms = WITHDRAWN_LOOK_MS,
                                           .detail = "its article is withdrawn for now"};

    if (next->retracted) {
        wave__stop(w, WAVE_OFF, NULL);
    } else if (next->withdrawn) {
        wave__stop(w, WAVE_HELD, &for_now);
    }
}

static void wave_3_on_batch(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, next.req);
    struct wave *w = b->wave;

    w->asking = false;
    if (r->rc || b->next.number == 0) {
        if (r->rc) {
            courier__complain(courier_of(w), &r->why);
            wave__stop(w, WAVE_STOPPED, NULL);
        } else {
            w->counts = b->next.wave;
            w->exhausted = !b->next.more;
            heed_article(w, &b->next);
        }
        batch_free(b);
        wave__pump(w);
        return;
    }
    (void)FAULT(
        "wave.batch"); /* of use with ":exit", as are the others: nothing of it has left */
    w->counts = b->next.wave;
    b->results = mem_calloc(b->next.count, sizeof *b->results);
    b->details = mem_calloc(b->next.count, sizeof *b->details);
    list_push(&w->batches, &b->node);
    wave__pump(w);
}

static void ask(struct wave *w)
{
    struct wave_batch *b = mem_zalloc(sizeof *b);
    int64_t now_ms = clock_wall_ms(), resend_ms = wave__resend_ms(w);

    b->wave = w;
    b->next = (struct ledger_wave_next){
        .req = {.kind = LEDGER_WAVE_NEXT, .done = wave_3_on_batch},
        .id = w->run->job.id,
        .limit = w->audience->batch,
        .unknown_before_ms = resend_ms >= 0 ? now_ms - resend_ms : 0,
        .unheard = w->run->settings->on_unknown == ON_UNKNOWN_RETRY,
        .now_ms = now_ms,
    };
    w->asking = true;
    ledger_submit(ledger_of(w), &b->next.req);
}

/* ---- the pump ---- */

static struct wave_batch *unsent(const struct wave *w)
{
    LIST_EACH(&w->batches, n)
    {
        struct wave_batch *b = container_of(n, struct wave_batch, node);

        if (b->handed < b->next.count) {
            return b;
        }
    }
    return NULL;
}

static size_t left_to_send(const struct wave *w)
{
    size_t left = 0;

    LIST_EACH(&w->batches, n)
    {
        const struct wave_batch *b = container_of(n, struct wave_batch, node);

        left += b->next.count - b->handed;
    }
    return left;
}

static bool wants_more(const struct wave *w)
{
    return w->stop == WAVE_GOES_ON && !w->asking && !w->exhausted &&
           w->batches.count < BATCHES_OPEN && left_to_send(w) < wave__window_max(w);
}

static void on_timer(uv_timer_t *timer)
{
    wave__pump(timer->data);
}

static void look_again_in(struct wave *w, int64_t wait_ms)
{
    wait_ms = wait_ms < LOOK_MS ? wait_ms : LOOK_MS;
    must(uv_timer_start(&w->timer, on_timer, (uint64_t)wait_ms, 0) == 0);
}

/* Returns how long until the next may leave. */
static int64_t hand_out(struct wave *w)
{
    struct wave_batch *b;

    while ((b = unsent(w)) != NULL) {
        int64_t wait_ms;

        if (w->sends.count >= w->window) {
            return LOOK_MS; /* an answer comes before */
        }
        wait_ms = wave__wait_ms(w, clock_mono_ms());
        if (wait_ms > 0) {
            return wait_ms;
        }
        wave__send(w, b);
    }
    return LOOK_MS;
}

void wave__pump(struct wave *w)
{
    int64_t wait_ms = LOOK_MS;

    if (w->finished) {
        return;
    }
    look_whether_to_stop(w);
    if (w->stop == WAVE_GOES_ON) {
        wait_ms = hand_out(w);
    }
    if (w->stop != WAVE_GOES_ON) { /* also by what was just handed out */
        take_all_back(w);
    }
    if (wants_more(w)) {
        ask(w);
    }
    if (list_empty(&w->batches) && !w->asking) {
        wave__finish(w);
        return;
    }
    look_again_in(w, wait_ms);
}

void wave_poke(struct wave *w)
{
    look_again_in(w, 0);
}

void wave_hurry(struct wave *w)
{
    LIST_EACH(&w->sends, n)
    {
        out_cancel(&container_of(n, struct wave_send, node)->exchange);
    }
    wave_poke(w);
}

/* ---- the start ---- */

static void wave_2_on_opened(struct ledger_request *r)
{
    struct wave *w = container_of(r, struct wave, open.req);

    if (r->rc == ERR_IO && !courier_of(w)->hurried) {
        courier__retry_later(courier_of(w), r);
        return;
    }
    w->counts = w->open.wave;
    if (r->rc) {
        wave__stop(w, WAVE_STOPPED, NULL);
    }
    wave__pump(w);
}

void wave_start(struct run *run)
{
    struct wave *w = mem_zalloc(sizeof *w);
    struct crier *c = run->courier->crier;

    run->wave = w;
    w->run = run;
    w->audience = run->channel->adapter->audience;
    w->window = wave__window_max(w) < WINDOW_START ? wave__window_max(w) : WINDOW_START;
    list_init(&w->batches);
    list_init(&w->sends);
    must(uv_timer_init(c->loop, &w->timer) == 0);
    w->timer.data = w;
    run->channel->pace.breaking += run->load.breaking;
    w->open = (struct ledger_wave_open){
        .req = {.kind = LEDGER_WAVE_OPEN, .done = wave_2_on_opened},
        .id = run->job.id,
        .channel = run->channel->name,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(c->ledger, &w->open.req);
    /* Continues in wave_2_on_opened(). */
}
