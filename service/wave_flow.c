/* How many members of a wave are in the lanes: what is measured of them, and what follows. Called by wave_lane.c. Pure:
 * time comes in. */

#include "service/wave_flow.h"

#include "base/clock.h"

/* Where no answer ever comes, no more than this become unknown by that. */
#define WINDOW_START 1000
#define WINDOW_AFTER_TROUBLE 100
#define WINDOW_MIN 4
/* So much is under way that the lanes have it sent in this time: what a breaking article waits at most. */
#define HOLD_MS 400
#define HOLD_MAX_MS 800
#define SAMPLE_MS 200
#define PARTS 4 /* batches of a window */
/* From one sample to the next: it may be far too much, and is never far too little for long. */
#define GROWS 2
#define SHRINKS 8

void flow_init(struct wave_flow *f)
{
    *f = (struct wave_flow){.window = WINDOW_START};
}

void flow_held_up(struct wave_flow *f)
{
    f->since_ms = 0;
    f->answered = 0;
    f->was_full = false;
}

void flow_full(struct wave_flow *f)
{
    f->was_full = true;
}

void flow_trouble(struct wave_flow *f)
{
    flow_held_up(f);
    f->window = WINDOW_AFTER_TROUBLE;
}

static size_t within(double wanted, double least, double most)
{
    return (size_t)(wanted < least ? least : wanted > most ? most : wanted);
}

/* Twice the time of the quickest answer: with less of it the window would hold the lanes up, and never find out. */
static int64_t hold_ms(const struct wave_flow *f)
{
    int64_t twice = 2 * f->least_ms;

    return twice < HOLD_MS ? HOLD_MS : twice > HOLD_MAX_MS ? HOLD_MAX_MS : twice;
}

static void measure(struct wave_flow *f, int64_t now_ms)
{
    double had = (double)f->window;

    f->per_ms = (double)f->answered / (double)(now_ms - f->since_ms);
    f->window = within(
        f->was_full ? f->per_ms * (double)hold_ms(f) : had * GROWS, had / SHRINKS, had * GROWS);
    f->window = within((double)f->window, WINDOW_MIN, FLOW_WINDOW_MAX);
    f->since_ms = now_ms;
    f->answered = 0;
    f->was_full = false;
}

void flow_answered(struct wave_flow *f, size_t count, int64_t left_ms, int64_t now_ms)
{
    int64_t took_ms = now_ms > left_ms ? now_ms - left_ms : 1;

    if (f->least_ms == 0 || took_ms < f->least_ms) {
        f->least_ms = took_ms;
    }
    if (f->since_ms == 0) {
        f->since_ms = left_ms;
    }
    f->answered += (int64_t)count;
    if (now_ms - f->since_ms >= SAMPLE_MS) {
        measure(f, now_ms);
    }
}

size_t flow_window(const struct wave_flow *f, int64_t per_second)
{
    double paced = (double)per_second * HOLD_MS / MS_SECOND;

    return per_second > 0 && paced < (double)f->window ? within(paced, 1, FLOW_WINDOW_MAX)
                                                       : f->window;
}

size_t flow_batch(const struct wave_flow *f, int64_t per_second)
{
    size_t part = (flow_window(f, per_second) + PARTS - 1) / PARTS;

    return part < FLOW_BATCH_MAX ? part : FLOW_BATCH_MAX;
}
