/* What becomes of a delivery when nothing of its wave is on its way any more. Called by wave.c once, as its last
 * act; the outcome is carried out by courier_end.c like any other.
 *
 *   all have had their turn, none is open   done: "accepted by 980 of 1000, 12 undeliverable, 8 stopped"
 *   some are to come again                  again, when the first of them is due
 *   some are unknown                        again: what the platform tells settles them, or, when it has told
 *                                           of later ones and not of them for a while, they go again
 *   … and the platform tells nothing        unknown: a person must say (or, by on_unknown, they go again)
 *   a no to us                              blocked; it goes on from the cursor once that is mended
 *   a no to the article                     rejected, or done with what it has reached
 *   worthless by now                        expired, or done with what it has reached
 *   the article was taken back              rejected, or done with what it has reached
 *   a person has stopped it                 cancelled, or done with what it has reached
 *   a newer revision waits                  done with what it has reached: all of them get that one
 *   it can be taken back, or waits for a    again, then; or when a person says so
 *   person's word */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/wave.h"

/* A wave that waits for a person's word is looked at so often, should that have been missed. */
#define WORD_LOOK_MS (10 * MS_MINUTE)
/* Between looks at a wave of which something is unknown. */
#define LOOK_MS (30 * MS_SECOND)

/* The next message takes the place of the first: nobody's word is waited for, only that what is on its way is so no
 * more. */
#define RESEND_REPLACED_MS (30 * MS_SECOND)

int64_t wave__resend_ms(const struct wave *w)
{
    if (w->audience->replaces) {
        int64_t own_ms = w->audience->resend_after_ms;

        return own_ms > RESEND_REPLACED_MS ? own_ms : RESEND_REPLACED_MS;
    }
    if (w->audience->resend_after_ms > 0) {
        return w->audience->resend_after_ms;
    }
    return w->run->settings->on_unknown == ON_UNKNOWN_RETRY ? 0 : -1;
}

/* ---- words ---- */

struct words {
    char *out;
    size_t size;
};

static void say(struct words *w, int64_t count, const char *what)
{
    size_t len = strlen(w->out);

    if (count > 0) {
        (void)snprintf(w->out + len, w->size - len, ", %lld %s", (long long)count, what);
    }
}

/* At the end also whoever had no turn. */
static int64_t not_reached(const struct ledger_wave *c)
{
    return c->total - c->accepted - c->undeliverable - c->stopped - c->missing - c->refused -
           c->skipped - c->unknown;
}

static void say_counts(const struct ledger_wave *c, bool ends, char *out, size_t size)
{
    struct words w = {out, size};

    if (c->total == 0) {
        (void)snprintf(out, size, "nobody to send it to: the audience has no members");
        return;
    }
    if (c->skipped == c->total && !c->halted) {
        (void)snprintf(
            out, size, "nobody to send it to: it is for none of %lld", (long long)c->total);
        return;
    }
    (void)snprintf(
        out, size, "accepted by %lld of %lld", (long long)c->accepted, (long long)c->total);
    say(&w, c->undeliverable, "undeliverable");
    say(&w, c->stopped + c->missing, "stopped");
    say(&w, c->refused, "refused");
    say(&w, c->skipped, c->halted ? "not for them or spared" : "not for them");
    if (ends) {
        say(&w, not_reached(c), "not reached");
    } else {
        say(&w, c->again, "to be tried again");
    }
    say(&w, c->unknown, "may have it or not");
}

static void say_more(struct outcome *o, const char *why)
{
    size_t len = strlen(o->detail);

    (void)snprintf(o->detail + len, sizeof o->detail - len, "; %s", why);
}

/* ---- outcomes ---- */

static struct outcome *start(struct wave *w, enum delivery_state to, enum verdict_kind verdict)
{
    struct outcome *o = &w->run->outcome;

    *o = (struct outcome){.to = to,
                          .verdict = verdict_name(verdict),
                          .exposed = w->run->exposed,
                          .course = w->run->course,
                          .next_step = w->run->step->name,
                          .feedback.outcome = SCHED_NEUTRAL};
    say_counts(&w->counts, delivery_state_ended(to), o->detail, sizeof o->detail);
    return o;
}

static void end_done(struct wave *w, const char *why)
{
    struct outcome *o = start(w, DELIVERY_DONE, VERDICT_DONE);

    o->next_step = NULL;
    o->post_stands = true;
    o->feedback.outcome = SCHED_OK;
    if (why) {
        say_more(o, why);
    }
    courier__say_picture(w->run);
}

static bool reached_somebody(const struct ledger_wave *c)
{
    return c->accepted > 0 || c->unknown > 0;
}

static void end_for_good(struct wave *w, enum delivery_state to, const char *why)
{
    if (reached_somebody(&w->counts)) {
        end_done(w, why);
    } else {
        say_more(start(w, to, VERDICT_REJECTED), why);
    }
}

static void end_blocked(struct wave *w)
{
    struct outcome *o;

    if (courier__is_outdated(w->run)) {
        o = start(w, DELIVERY_AGAIN, VERDICT_BLOCKED);
        o->due_at_ms = clock_wall_ms() + MS_SECOND;
    } else {
        o = start(w, DELIVERY_BLOCKED, VERDICT_BLOCKED);
        o->block = true;
        o->feedback.outcome = SCHED_STOPPED;
    }
    (void)snprintf(o->detail, sizeof o->detail, "%s", w->why.detail);
}

/* What the counts say of times may be by a clock that was set back since: then it is looked again. */
static int64_t by_this_clock(const struct wave *w, int64_t due_at_ms)
{
    int64_t soon_ms = clock_wall_ms() + MS_SECOND;

    return due_at_ms > soon_ms &&
                   courier__clock_was_set_back(w->run->courier, w->tally.began_mono_ms)
               ? soon_ms
               : due_at_ms;
}

static void end_later(struct wave *w, int64_t due_at_ms)
{
    struct outcome *o;
    int64_t not_after_ms = w->run->load.not_after_ms;

    due_at_ms = by_this_clock(w, due_at_ms);

    if (not_after_ms > 0 && due_at_ms > not_after_ms && w->counts.unknown == 0) {
        end_for_good(w, DELIVERY_EXPIRED, "the next try would come too late");
        return;
    }
    o = start(w, DELIVERY_AGAIN, VERDICT_AGAIN);
    o->due_at_ms = due_at_ms;
    o->waits = true;
    if (w->why.detail[0] != '\0') {
        say_more(o, w->why.detail);
    }
}

/* The scheduler waits, longer with every time. With lanes the services are waited for, each for itself. */
static void end_paused(struct wave *w)
{
    struct outcome *o = &w->run->outcome;

    end_later(w, clock_wall_ms() + w->why.retry_after_ms);
    if (o->to == DELIVERY_AGAIN && !w->audience->push) {
        o->waits = false;
        o->feedback = (struct sched_end){.outcome = SCHED_TROUBLE,
                                         .whole_channel = true,
                                         .retry_after_ms = w->why.retry_after_ms};
    }
}

/* The platform has told of nothing since the message was lost, and for twice the time: it cannot reach us, or
 * there was nothing else to tell. */
static bool is_deaf(const struct wave *w, int64_t resend_ms, int64_t now_ms)
{
    return !w->audience->replaces && w->counts.told_ms < w->counts.since_ms &&
           now_ms - w->counts.since_ms >= 2 * resend_ms &&
           w->run->settings->on_unknown != ON_UNKNOWN_RETRY;
}

static void end_unknown(struct wave *w)
{
    int64_t now_ms = clock_wall_ms(), resend_ms = wave__resend_ms(w);
    int64_t may_go_ms = resend_ms >= 0 ? w->counts.since_ms + resend_ms : now_ms;
    struct outcome *o;

    if (w->run->told) {
        end_later(w, now_ms);
        return;
    }
    if (!is_deaf(w, resend_ms, now_ms)) {
        end_later(w, may_go_ms > now_ms ? may_go_ms : now_ms + LOOK_MS);
        return;
    }
    o = start(w, DELIVERY_UNKNOWN, VERDICT_UNKNOWN);
    o->exposed = true;
    say_more(
        o,
        "the platform has told nothing since: see that its webhook reaches us, or resolve it");
}

/* ---- a person's word ---- */

static void end_halted(struct wave *w)
{
    char why[96];

    (void)snprintf(why, sizeof why, "stopped by %s, the rest is spared it", w->counts.by);
    if (reached_somebody(&w->counts)) {
        end_done(w, why);
    } else {
        say_more(start(w, DELIVERY_CANCELLED, VERDICT_REJECTED), why);
    }
}

static void end_waiting(struct wave *w)
{
    int64_t now_ms = clock_wall_ms(), not_after_ms = w->run->load.not_after_ms;
    int64_t due_at_ms = w->counts.waits_for_word ? now_ms + WORD_LOOK_MS : w->counts.go_at_ms;
    char until[TIME_TEXT_BYTES];
    struct outcome *o = start(w, DELIVERY_AGAIN, VERDICT_AGAIN);

    due_at_ms = by_this_clock(w, due_at_ms);
    if (not_after_ms > 0 && due_at_ms > not_after_ms) {
        due_at_ms = not_after_ms;
    }
    o->due_at_ms = due_at_ms;
    o->waits = true;
    if (w->counts.waits_for_word) {
        (void)snprintf(o->detail,
                       sizeof o->detail,
                       "waits for a person's word, since it is for %lld members",
                       (long long)(w->counts.total - w->counts.skipped));
    } else {
        (void)snprintf(o->detail,
                       sizeof o->detail,
                       "can be stopped until %s, when it goes out",
                       time_rfc3339(w->counts.go_at_ms, until));
    }
}

/* A newer revision waits, which all of them get: nobody is told the older one any more. Where nobody has it, it gives
 * way as any that is not public (queue/sqlite_attempt.c). */
static void end_overtaken(struct wave *w)
{
    if (reached_somebody(&w->counts)) {
        end_done(w, "the rest gets the newer revision");
    } else {
        end_later(w, clock_wall_ms());
    }
}

static void decide(struct wave *w)
{
    const struct ledger_wave *c = &w->counts;

    if (c->halted) {
        end_halted(w);
        return;
    }
    switch (w->stop) {
    case WAVE_BLOCKED:
        end_blocked(w);
        return;
    case WAVE_REJECTED:
        end_for_good(w, DELIVERY_REJECTED, w->why.detail);
        return;
    case WAVE_LATE:
        end_for_good(w, DELIVERY_EXPIRED, "the rest was too late");
        return;
    case WAVE_OFF:
        end_for_good(
            w, DELIVERY_REJECTED, "the rest was spared it: the article was taken back");
        return;
    case WAVE_HELD:
        end_later(w, clock_wall_ms() + w->why.retry_after_ms);
        return;
    case WAVE_STOPPED:
        end_later(w, clock_wall_ms() + w->why.retry_after_ms);
        return;
    case WAVE_PAUSED:
        end_paused(w);
        return;
    case WAVE_WAITS:
        if (w->counts.waits_for_word || w->counts.go_at_ms > clock_wall_ms()) {
            end_waiting(w);
        } else { /* not any more: the last batches to end have told so */
            end_later(w, clock_wall_ms());
        }
        return;
    case WAVE_OVERTAKEN:
        end_overtaken(w);
        return;
    case WAVE_HALTED: /* the counts say so */
    case WAVE_GOES_ON:
        break;
    }
    if (!c->at_end) { /* whatever it was that gave out no more */
        end_later(w, clock_wall_ms() + MS_SECOND);
    } else if (c->again > 0) {
        end_later(w, c->due_ms);
    } else if (c->unknown > 0) {
        end_unknown(w);
    } else if (c->total > c->skipped && c->accepted == 0) {
        start(w, DELIVERY_REJECTED, VERDICT_REJECTED)->feedback.outcome = SCHED_OK;
    } else {
        end_done(w, NULL);
    }
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static const char *const stops[] = {
    [WAVE_GOES_ON] = NULL,
    [WAVE_STOPPED] = "broken off by us",
    [WAVE_BLOCKED] = "blocked",
    [WAVE_REJECTED] = "rejected",
    [WAVE_LATE] = "too late",
    [WAVE_OFF] = "its article was taken back",
    [WAVE_HELD] = "its article is withdrawn for now",
    [WAVE_PAUSED] = "nothing gets through",
    [WAVE_WAITS] = "waits",
    [WAVE_HALTED] = "stopped by a person",
    [WAVE_OVERTAKEN] = "a newer revision waits",
};

static void note_end(const struct wave *w)
{
    const struct wave_tally *t = &w->tally;
    int64_t took_ms = clock_mono_ms() - t->began_mono_ms;

    if (w->stop == WAVE_WAITS) {
        return; /* nothing has begun */
    }
    log_info(EV_WAVE_END,
             LOG_DELIVERY(w->run->job.id),
             LOG_STR("channel", w->run->channel->name),
             LOG_I64("accepted", t->accepted),
             LOG_I64("gone", t->gone),
             LOG_I64("retried", t->retried),
             LOG_I64("refused", t->refused),
             LOG_I64("unknown", t->unknown),
             LOG_I64("waiting", t->waiting),
             LOG_I64("members_per_second",
                     (t->accepted + t->gone) * MS_SECOND / (took_ms > 0 ? took_ms : 1)),
             LOG_MS("sent", took_ms),
             LOG_STR("detail", stops[w->stop]));
}

/* The platform did not take the token: with another one it goes on from where it is. */
static bool goes_on_with_another_token(struct wave *w)
{
    return w->stop == WAVE_BLOCKED && w->why.token_refused && !w->counts.halted &&
           courier__token_refused(w->run, &w->why);
}

void wave__finish(struct wave *w)
{
    struct run *run = w->run;

    must(list_empty(&w->sends) && list_empty(&w->batches) && w->asks == 0);
    w->finished = true;
    run->channel->pace.breaking -= run->load.breaking;
    run->exposed |= reached_somebody(&w->counts);
    run->sent_ms += w->audience->push ? clock_mono_ms() - w->tally.began_mono_ms : 0;
    run->status = 0;
    wave__lane_done(w);
    note_end(w);
    run->wave = NULL;
    uv_close((uv_handle_t *)&w->timer, on_closed);
    if (!goes_on_with_another_token(w)) {
        decide(w);
        run->told = false; /* that has heeded it */
        courier__finish(run);
    }
}
