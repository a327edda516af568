/* How fast the messages of a channel go: its rate as a bucket of tokens, slower after the platform said "too
 * fast", and not at all while it wants to be left alone. Called by wave.c; the pace is the channel's, since its
 * waves share the platform's patience. */

#include "service/wave_internal.h"

#include "base/clock.h"

/* A bucket holds what the rate gives in this time, and one message at least: a rate is kept at any moment,
 * not only over a minute. */
#define BURST_MS 100
#define SLOWEST (1.0 / 16)
#define FASTER 1.02 /* with every message that went well */
/* Trouble of which the platform says no time: doubled with each that follows. */
#define QUIET_MIN_MS (1 * MS_SECOND)
#define QUIET_MAX_MS (5 * MS_MINUTE)
/* What is longer is waited out by the scheduler, and not in a run. */
#define QUIET_IN_RUN_MS (5 * MS_SECOND)
#define BEHIND_BREAKING_MS 100

static struct rate rate_of(const struct wave *w)
{
    struct rate own = w->run->settings->rate;

    return own.count != 0 ? own : w->run->channel->adapter->rate;
}

/* Messages a millisecond; 0: no limit. */
static double speed_of(const struct wave *w, const struct wave_pace *p)
{
    struct rate rate = rate_of(w);
    double slow = p->slow > 0 ? p->slow : 1;

    return rate.count > 0 && rate.per_ms > 0 ? slow * (double)rate.count / (double)rate.per_ms
                                             : 0;
}

static void fill(struct wave_pace *p, double speed, int64_t mono_ms)
{
    double room = speed * BURST_MS > 1 ? speed * BURST_MS : 1;

    if (p->filled_at_ms == 0) {
        p->tokens = room;
    } else {
        p->tokens += speed * (double)(mono_ms - p->filled_at_ms);
    }
    p->filled_at_ms = mono_ms;
    if (p->tokens > room) {
        p->tokens = room;
    }
}

int64_t wave__wait_ms(struct wave *w, int64_t mono_ms)
{
    struct wave_pace *p = &w->run->channel->pace;
    double speed = speed_of(w, p);

    if (p->quiet_until_ms > mono_ms) {
        return p->quiet_until_ms - mono_ms;
    }
    if (p->breaking > 0 && !w->run->load.breaking) {
        return BEHIND_BREAKING_MS;
    }
    if (speed <= 0) {
        return 0;
    }
    fill(p, speed, mono_ms);
    if (p->tokens < 1) {
        return 1 + (int64_t)((1 - p->tokens) / speed);
    }
    p->tokens -= 1;
    return 0;
}

/* After trouble one message goes at a time, until one went well: where no answer comes, no more than that
 * become unknown. */
void wave__slow_down(struct wave *w, int64_t quiet_ms, bool too_fast)
{
    struct wave_pace *p = &w->run->channel->pace;
    int64_t mono_ms = clock_mono_ms(), own_ms = QUIET_MIN_MS;

    w->window = 1;
    if (p->quiet_until_ms > mono_ms && quiet_ms == 0) {
        return; /* the answers that were under way say the same */
    }
    for (int64_t i = 0; i < w->troubles && own_ms < QUIET_MAX_MS; i++) {
        own_ms *= 2;
    }
    w->troubles++;
    own_ms = own_ms < QUIET_MAX_MS ? own_ms : QUIET_MAX_MS;
    quiet_ms = quiet_ms > 0 ? quiet_ms : own_ms;
    if (mono_ms + quiet_ms > p->quiet_until_ms) {
        p->quiet_until_ms = mono_ms + quiet_ms;
    }
    if (too_fast) {
        p->slow = (p->slow > 0 ? p->slow : 1) / 2;
        p->slow = p->slow > SLOWEST ? p->slow : SLOWEST;
    }
    if (quiet_ms > QUIET_IN_RUN_MS) {
        wave__stop(w, WAVE_PAUSED, NULL);
        w->why.retry_after_ms = quiet_ms;
    }
}

size_t wave__window_max(const struct wave *w)
{
    int64_t own = w->run->settings->concurrency;

    return own > 0 ? (size_t)own : w->audience->parallel;
}

void wave__went_well(struct wave *w)
{
    struct wave_pace *p = &w->run->channel->pace;

    w->troubles = 0;
    if (w->window < wave__window_max(w)) {
        w->window++;
    }
    if (p->slow > 0) {
        p->slow *= FASTER;
        p->slow = p->slow < 1 ? p->slow : 0;
    }
}
