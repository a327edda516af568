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
 *   the article was taken back              rejected, or done with what it has reached */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/wave.h"

/* Between looks at a wave of which something is unknown. */
#define LOOK_MS (30 * MS_SECOND)

int64_t wave__resend_ms(const struct wave *w)
{
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

static void say_counts(const struct ledger_wave *c, char *out, size_t size)
{
    struct words w = {out, size};

    if (c->total == 0) {
        (void)snprintf(out, size, "nobody to send it to: the audience has no members");
        return;
    }
    (void)snprintf(
        out, size, "accepted by %lld of %lld", (long long)c->accepted, (long long)c->total);
    say(&w, c->undeliverable, "undeliverable");
    say(&w, c->stopped + c->missing, "stopped");
    say(&w, c->refused, "refused");
    say(&w, c->again, "to be tried again");
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
    say_counts(&w->counts, o->detail, sizeof o->detail);
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

static void end_later(struct wave *w, int64_t due_at_ms)
{
    struct outcome *o;
    int64_t not_after_ms = w->run->load.not_after_ms;

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

/* The scheduler waits, longer with every time. */
static void end_paused(struct wave *w)
{
    struct outcome *o = &w->run->outcome;

    end_later(w, clock_wall_ms() + w->why.retry_after_ms);
    if (o->to == DELIVERY_AGAIN) {
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
    return w->counts.told_ms < w->counts.since_ms &&
           now_ms - w->counts.since_ms >= 2 * resend_ms &&
           w->run->settings->on_unknown != ON_UNKNOWN_RETRY;
}

static void end_unknown(struct wave *w)
{
    int64_t now_ms = clock_wall_ms(), resend_ms = wave__resend_ms(w);
    int64_t may_go_ms = resend_ms >= 0 ? w->counts.since_ms + resend_ms : now_ms;
    struct outcome *o;

    if (w->settled) {
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

static void decide(struct wave *w)
{
    const struct ledger_wave *c = &w->counts;

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
        end_later(w, clock_wall_ms());
        return;
    case WAVE_PAUSED:
        end_paused(w);
        return;
    case WAVE_GOES_ON:
        break;
    }
    if (c->again > 0) {
        end_later(w, c->due_ms);
    } else if (c->unknown > 0) {
        end_unknown(w);
    } else if (c->total > 0 && c->accepted == 0) {
        start(w, DELIVERY_REJECTED, VERDICT_REJECTED)->feedback.outcome = SCHED_OK;
    } else {
        end_done(w, NULL);
    }
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void wave__finish(struct wave *w)
{
    struct run *run = w->run;

    must(list_empty(&w->sends) && list_empty(&w->batches));
    w->finished = true;
    run->channel->pace.breaking -= run->load.breaking;
    run->exposed |= reached_somebody(&w->counts);
    run->status = 0;
    decide(w);
    run->wave = NULL;
    uv_close((uv_handle_t *)&w->timer, on_closed);
    courier__finish(run);
}

/* ---- what the platform tells meanwhile ---- */

struct wake {
    struct ledger_move move;
    struct crier *crier;
};

static void wake_2_on_moved(struct ledger_request *r)
{
    struct wake *k = container_of(r, struct wake, move.req);

    /* A newer revision waits behind it: then what it has reached is what it is. */
    if (r->rc == ERR_CONFLICT && k->move.move == MOVE_REPLAY) {
        k->move.move = MOVE_POSTED;
        r->rc = ERR_NONE;
        ledger_submit(k->crier->ledger, r);
        return;
    }
    if (r->rc == ERR_NONE) {
        courier_moved(k->crier->courier, &k->move);
    }
    courier__asked_end(k->crier->courier);
    mem_free(k);
}

void wave_settled(struct crier *c, struct delivery_id id)
{
    struct run *run = courier__find(c->courier, id);
    struct wake *k;

    if (run) {
        if (run->wave) {
            run->wave->settled = true;
        }
        return;
    }
    if (c->phase == CRIER_DRAINING) {
        return; /* the next start finds it */
    }
    k = mem_zalloc(sizeof *k);
    k->crier = c;
    k->move = (struct ledger_move){
        .req = {.kind = LEDGER_MOVE, .done = wake_2_on_moved},
        .move = MOVE_REPLAY,
        .id = id,
        .by = "webhook",
        .now_ms = clock_wall_ms(),
    };
    courier__asked_begin(c->courier);
    ledger_submit(c->ledger, &k->move.req);
    /* Continues in wake_2_on_moved(). */
}

void wave_said(struct crier *c, struct delivery_id id)
{
    struct run *run = courier__find(c->courier, id);

    if (run && run->wave) {
        wave__stop(run->wave, WAVE_STOPPED, NULL);
        wave_poke(run->wave);
    }
}
