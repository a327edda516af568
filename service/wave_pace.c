/* How fast the messages of a channel go: its rate as a bucket of tokens, slower after the platform said "too
 * fast", and not at all while it wants to be left alone. The pace is the channel's, since its waves share the
 * platform's patience. Lanes have the bucket themselves (struct lane_pace), which holds the least of the channel's
 * rate and what the site bears (wave_probe.c); what is here is who goes first. */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/lane.h"

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
        wave__lane_pace(w);
    }
    if (quiet_ms > QUIET_IN_RUN_MS) {
        struct verdict pause = w->why;

        pause.retry_after_ms = quiet_ms;
        wave__stop(w, WAVE_PAUSED, &pause);
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
        wave__lane_pace(w);
    }
}

/* ---- lanes ---- */

/* What the lanes can do is taken up by a wave that may go as fast as this, or as it likes. */
#define FILLS_LANES 10000
/* Between the tries of a service that is in trouble, doubled with each; what it asks for itself is the members'. */
#define SERVICE_MIN_MS (1 * MS_SECOND)
#define SERVICE_MAX_MS (1 * MS_MINUTE)
#define TROUBLES_TOLD 2 /* in a row; one odd answer is nothing to tell of */

void wave__lane_pace(const struct wave *w)
{
    struct wave_pace *p = &w->run->channel->pace;
    double speed = speed_of(w, p) * (double)MS_SECOND;
    int64_t own = speed <= 0 ? 0 : speed < 1 ? 1 : (int64_t)speed;
    int64_t site = wave__probe_pace(p->probe);

    atomic_store(&p->lane.per_second, own == 0 || (site > 0 && site < own) ? site : own);
}

static bool fills_lanes(const struct wave *w)
{
    int64_t per_second = atomic_load(&w->run->channel->pace.lane.per_second);

    return per_second == 0 || per_second >= FILLS_LANES;
}

void wave__set_urgent(struct wave *w, bool urgent)
{
    bool all = urgent && fills_lanes(w);

    if (urgent != w->urgent) {
        w->urgent = urgent;
        w->run->channel->pace.urgent += urgent ? 1 : (size_t)-1;
    }
    if (all != w->urgent_for_all) {
        w->urgent_for_all = all;
        w->run->courier->urgent_waves += all ? 1 : (size_t)-1;
    }
}

int64_t wave__lane_wait_ms(const struct wave *w, int64_t mono_ms)
{
    const struct wave_pace *p = &w->run->channel->pace;

    if (p->quiet_until_ms > mono_ms) {
        return p->quiet_until_ms - mono_ms;
    }
    if (!w->run->load.breaking && (p->urgent > 0 || w->run->courier->urgent_waves > 0)) {
        return BEHIND_BREAKING_MS;
    }
    return 0;
}

static struct wave_service *service_of(struct wave_pace *p, const char *name)
{
    for (size_t i = 0; i < p->service_count; i++) {
        if (strcmp(p->services[i].name, name) == 0) {
            return &p->services[i];
        }
    }
    if (p->service_count == WAVE_SERVICES) {
        return &p->services[WAVE_SERVICES - 1];
    }
    (void)snprintf(p->services[p->service_count].name, sizeof p->services[0].name, "%s", name);
    return &p->services[p->service_count++];
}

static void note_service(const struct wave *w,
                         const struct wave_service *s,
                         const char *state,
                         const char *detail)
{
    log_write(s->troubles ? LOG_WARN : LOG_INFO,
              EV_WAVE_SERVICE,
              LOG_FIELDS(LOG_STR("channel", w->run->channel->name),
                         LOG_STR("service", s->name),
                         LOG_STR("state", state),
                         LOG_STR("detail", detail)));
}

int64_t
wave__service_trouble(struct wave *w, const char *service, const char *detail, int64_t now_ms)
{
    struct wave_service *s = service_of(&w->run->channel->pace, service);
    int64_t wait_ms = SERVICE_MIN_MS;

    if (s->again_at_ms > now_ms && s->again_at_ms - now_ms <= SERVICE_MAX_MS) {
        return s->again_at_ms; /* what was under way says the same */
    }
    for (int64_t i = 0; i < s->troubles && wait_ms < SERVICE_MAX_MS; i++) {
        wait_ms *= 2;
    }
    s->again_at_ms = now_ms + (wait_ms < SERVICE_MAX_MS ? wait_ms : SERVICE_MAX_MS);
    if (++s->troubles == TROUBLES_TOLD) {
        note_service(w, s, "trouble", detail);
    }
    return s->again_at_ms;
}

void wave__service_well(struct wave *w, const char *service)
{
    struct wave_service *s = service_of(&w->run->channel->pace, service);

    bool told = s->troubles >= TROUBLES_TOLD;

    s->troubles = 0;
    s->again_at_ms = 0;
    if (told) {
        note_service(w, s, "well", NULL);
    }
}
