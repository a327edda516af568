/* Who has to wait for a message, or is spared it: quiet hours, the cap of messages to one reader, and the fence between
 * tests and readers. Called by wave_lane.c for each member before it leaves. What has to wait does so as long as the
 * message is worth anything: put off, not dropped. */

#include "service/wave_internal.h"

#include "base/clock.h"
#include "base/zone.h"

/* When a reader who has had their number of messages may have another is known to nobody in so many words: it is
 * looked again, this often. */
#define CAP_LOOKS 8 /* in the time that the cap is about */
#define CAP_LOOK_MIN_MS (1 * MS_SECOND)
#define CAP_LOOK_MAX_MS (5 * MS_MINUTE)

static const struct audience_settings *settings_of(const struct wave *w)
{
    return &w->run->settings->audience;
}

/* Later, or not at all where that would be too late. */
static enum wave_hold
put_off(const struct wave *w, int64_t due_at_ms, struct ledger_wave_result *out)
{
    int64_t not_after_ms = w->run->load.not_after_ms;

    if (not_after_ms > 0 && due_at_ms >= not_after_ms) {
        return HOLD_SPARED;
    }
    *out = (struct ledger_wave_result){.outcome = MEMBER_AGAIN, .due_at_ms = due_at_ms};
    return HOLD_LATER;
}

/* What is breaking reaches everybody, and what is taken back must not be read any longer. */
static bool
in_quiet_hours(const struct wave *w, const struct ledger_wave_member *m, int64_t now_ms)
{
    const struct member_traits *t = &m->traits;

    return t->quiet_from != t->quiet_to && settings_of(w)->quiet_hours &&
           !w->run->load.breaking && w->run->course != COURSE_RETRACT &&
           zone_within(m->zone, now_ms, t->quiet_from, t->quiet_to);
}

int64_t wave__recent_since_ms(const struct wave *w, int64_t now_ms)
{
    struct rate cap = settings_of(w)->cap;

    /* A change takes the place of what they have: it is no message more. */
    return cap.count > 0 && w->run->course == COURSE_PUBLISH ? now_ms - cap.per_ms : 0;
}

static bool has_enough(const struct wave *w, const struct ledger_wave_member *m)
{
    struct rate cap = settings_of(w)->cap;

    return cap.count > 0 && w->run->course == COURSE_PUBLISH && m->recent >= cap.count;
}

static int64_t cap_look_ms(const struct wave *w)
{
    int64_t ms = settings_of(w)->cap.per_ms / CAP_LOOKS;

    return ms < CAP_LOOK_MIN_MS ? CAP_LOOK_MIN_MS : ms > CAP_LOOK_MAX_MS ? CAP_LOOK_MAX_MS : ms;
}

enum wave_hold wave__holds(const struct wave *w,
                           const struct ledger_wave_member *m,
                           int64_t now_ms,
                           struct ledger_wave_result *out)
{
    if (w->test && !m->traits.test) {
        return HOLD_SPARED; /* the ledger gives none such; and never shall one get it */
    }
    if (in_quiet_hours(w, m, now_ms)) {
        return put_off(w, zone_next_minute(m->zone, now_ms, m->traits.quiet_to), out);
    }
    if (has_enough(w, m)) {
        return put_off(w, now_ms + cap_look_ms(w), out);
    }
    return HOLD_NOT;
}
