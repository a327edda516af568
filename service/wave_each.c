/* The batches of a wave whose messages are exchanges of their own. Called by wave.c; leaves one message to
 * wave_send.c.
 *
 *   wave__each_pump     hand out messages as fast as may be; ask for the next batch ahead of need
 *   each_3_on_batch     it is written down: these may leave
 *   (a message)         leaves, is answered, and is noted in its batch
 *   each_4_on_ended     all of a batch have their answer, and that is on disk
 *
 * No more than two batches are open, so a crash leaves no more members in doubt than that, and an audience of
 * any size takes the same memory. Two, so that one can be written down while the other is under way. */

#include "service/wave_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#define BATCHES_OPEN 2

static ledger_done_fn each_3_on_batch, each_4_on_ended;

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
        .req = {.kind = LEDGER_WAVE_END, .done = each_4_on_ended},
        .id = b->next.id,
        .number = b->next.number,
        .v = b->results,
        .count = b->next.count,
        .gone_max = b->wave->run->settings->audience.gone_max,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(wave__ledger(b->wave), &b->end.req);
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

static void each_4_on_ended(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, end.req);
    struct wave *w = b->wave;

    if (wave__took_end(b)) {
        batch_free(b);
        wave__pump(w);
    }
}

static void each_3_on_batch(struct ledger_request *r)
{
    struct wave_batch *b = container_of(r, struct wave_batch, next.req);
    struct wave *w = b->wave;

    if (wave__took_batch(b)) {
        b->results = mem_calloc(b->next.count, sizeof *b->results);
        b->details = mem_calloc(b->next.count, sizeof *b->details);
    } else {
        batch_free(b);
    }
    wave__pump(w);
}

static void ask(struct wave *w)
{
    struct wave_batch *b = mem_zalloc(sizeof *b);

    b->wave = w;
    b->next = wave__next(w, w->audience->batch, each_3_on_batch);
    w->asks++;
    ledger_submit(wave__ledger(w), &b->next.req);
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
    return w->stop == WAVE_GOES_ON && w->asks == 0 && !w->exhausted &&
           w->batches.count < BATCHES_OPEN && left_to_send(w) < wave__window_max(w);
}

/* Returns how long until the next may leave. */
static int64_t hand_out(struct wave *w)
{
    struct wave_batch *b;

    while ((b = unsent(w)) != NULL) {
        int64_t wait_ms;

        if (w->sends.count >= w->window) {
            return WAVE_LOOK_MS; /* an answer comes before */
        }
        wait_ms = wave__wait_ms(w, clock_mono_ms());
        if (wait_ms > 0) {
            return wait_ms;
        }
        wave__send(w, b);
    }
    return WAVE_LOOK_MS;
}

void wave__each_pump(struct wave *w)
{
    int64_t wait_ms = WAVE_LOOK_MS;

    if (w->stop == WAVE_GOES_ON) {
        wait_ms = hand_out(w);
    }
    if (w->stop != WAVE_GOES_ON) { /* also by what was just handed out */
        take_all_back(w);
    }
    if (wants_more(w)) {
        ask(w);
    }
    if (list_empty(&w->batches) && w->asks == 0 && !w->looks_behind) {
        wave__finish(w);
        return;
    }
    wave__look_again_in(w, wait_ms);
}
