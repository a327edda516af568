/* What the answers to a batch mean: for its members, which goes to the ledger; for the push services they came from,
 * which is counted; and for the wave. Called by wave_lane.c when a batch is back.
 *
 * Whoever has the message is only counted. What a service says of itself (429, 5xx, no connection) is no try of a
 * member: they come again as long as the message is worth anything, so a service that is down for a while costs
 * nobody their message and no member their place. */

#include "service/wave_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/hide.h"
#include "service/metrics.h"

/* One without an answer, again and again: the times between grow to this. */
#define RESEND_MAX_MS (10 * MS_MINUTE)
/* So many of those whose turn it was first, and nothing got through: the others are not used up on it. */
#define TROUBLE_PERCENT 90
/* More than these wait for another try: as much of a ledger as a wave shall take up. */
#define AGAIN_MEMBERS_MAX 500000
#define PAUSE_MAX_MS (30 * MS_SECOND)
/* What was to come again together does not come back in one moment: a part of its wait. */
#define JITTER_PARTS 4

struct of_service { /* in this batch */
    size_t trouble, others;
    int64_t quiet_ms; /* it is left alone so long, for trouble of before */
    int64_t again_at_ms;
    const char *detail;
};

struct reading {
    struct wave *w;
    struct wave_batch *b;
    int64_t now_ms;
    struct of_service services[LANE_SERVICES_MAX];
    size_t fresh_trouble, fresh_sent;
    bool all_answered;
    bool accepted, unknown; /* by anybody, of anybody */
    /* What was last hidden in, and what came of it: a service in trouble says the same thousands of times. */
    char said[MEMBER_DETAIL_BYTES], shown[MEMBER_DETAIL_BYTES];
};

static const struct ledger_wave_member *member_at(const struct wave_batch *b, size_t i)
{
    return &b->next.v[b->places[i]];
}

/* Not about the member, but about whom we talk to. */
static bool is_of_service(const struct lane_result *r)
{
    return r->outcome == MEMBER_AGAIN &&
           (!r->sent || r->status == 0 || r->status == 429 || r->status >= 500);
}

/* ---- details ---- */

/* No detail that is kept holds a secret or an address: platforms like to repeat them. */
static void hide(struct reading *x, size_t i)
{
    const struct run *run = x->w->run;
    char *detail = x->b->lane.results[i].detail;
    size_t size = detail ? strlen(detail) + 1 : 0;

    if (!detail) {
        return;
    }
    if (strncmp(detail, x->said, sizeof x->said - 1) != 0 || x->said[0] == '\0') {
        (void)snprintf(x->said, sizeof x->said, "%s", detail);
        (void)snprintf(x->shown, sizeof x->shown, "%s", detail);
        hide_in_detail(
            x->shown, sizeof x->shown, run->settings, run->sc.ctx.account, run->sc.ctx.grant);
    }
    (void)snprintf(detail, size, "%s", x->shown);
    wave__mask_address(detail, member_at(x->b, i)->address);
}

/* ---- the services ---- */

static int64_t longer(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

static void look_at(struct reading *x, size_t i)
{
    const struct lane_result *r = &x->b->lane.results[i];
    struct of_service *s = &x->services[r->service];
    bool trouble = is_of_service(r);
    bool is_fresh = x->b->places[i] >= x->b->next.returning;

    x->all_answered &= r->status != 0;
    if (r->other_protocol) {
        return; /* it waits for its turn */
    }
    if (trouble && !r->sent && (x->b->called_back || x->b->lane.stopped)) {
        return; /* we have called it back */
    }
    if (r->left_alone) {
        s->quiet_ms = longer(s->quiet_ms, r->retry_after_ms);
    } else {
        s->trouble += trouble;
        s->others += !trouble;
    }
    if (trouble && !s->detail) {
        hide(x, i);
        s->detail = r->detail;
    }
    x->fresh_trouble += is_fresh && trouble;
    x->fresh_sent += is_fresh;
}

static void look_at_services(struct reading *x)
{
    for (size_t i = 0; i < x->b->leaving; i++) {
        look_at(x, i);
    }
    for (size_t i = 0; i < x->b->lane.service_count; i++) {
        struct of_service *s = &x->services[i];
        const char *name = x->b->lane.services[i];

        if (s->trouble > s->others) {
            s->again_at_ms = wave__service_trouble(x->w, name, s->detail, x->now_ms);
        } else if (s->others > 0 && s->quiet_ms == 0) {
            wave__service_well(x->w, name);
        }
        if (s->quiet_ms > 0) {
            s->again_at_ms = longer(s->again_at_ms, x->now_ms + s->quiet_ms);
        }
    }
}

/* ---- a member ---- */

static int64_t jitter(const struct wave *w, int64_t wait_ms)
{
    return wait_ms > 0 ? (int64_t)rng_below(&w->run->courier->crier->rng,
                                            (uint64_t)(wait_ms / JITTER_PARTS + 1))
                       : 0;
}

static void note_again(const struct reading *x, size_t i, struct ledger_wave_result *out)
{
    const struct lane_result *r = &x->b->lane.results[i];
    int64_t wait_ms = r->retry_after_ms;

    if (r->other_protocol) {
        out->detail = NULL; /* nothing is wrong */
    } else if (is_of_service(r)) {
        wait_ms = longer(wait_ms, x->services[r->service].again_at_ms - x->now_ms);
    } else {
        wait_ms = wave__again_in_ms(x->w, member_at(x->b, i)->tries, r->retry_after_ms);
        out->tried = true;
        if (wait_ms == 0) {
            out->outcome = MEMBER_REFUSED;
        }
    }
    out->due_at_ms = x->now_ms + wait_ms + jitter(x->w, wait_ms);
}

/* It counts as unknown from later on the more often that was so: what waits for it (wave__resend_ms()) waits longer. */
static int64_t unknown_since_ms(const struct reading *x, size_t i)
{
    int64_t resend_ms = wave__resend_ms(x->w), wait_ms = resend_ms;
    int64_t tries = member_at(x->b, i)->tries;
    int64_t since_ms = x->b->lane.results[i].answered_ms;

    since_ms =
        since_ms < x->now_ms ? since_ms : x->now_ms; /* the clock may have been set back */
    for (int64_t n = 0; n < tries && wait_ms > 0 && wait_ms < RESEND_MAX_MS; n++) {
        wait_ms *= 2;
    }
    return since_ms + (wait_ms > resend_ms ? wait_ms - resend_ms : 0);
}

static void note_result(struct reading *x, size_t i)
{
    const struct lane_result *r = &x->b->lane.results[i];
    struct ledger_wave_result *out = &x->b->results[x->b->result_count++];

    hide(x, i);
    *out = (struct ledger_wave_result){
        .member = x->b->members[i].id,
        .outcome = r->outcome,
        .due_at_ms = x->now_ms,
        .detail = r->detail,
    };
    if (r->outcome == MEMBER_AGAIN) {
        note_again(x, i, out);
    } else if (r->outcome == MEMBER_UNKNOWN) {
        out->due_at_ms = unknown_since_ms(x, i);
    }
}

/* ---- what is counted ---- */

static void count_time(struct ledger_wave_service *s, const struct reading *x, int64_t at_ms)
{
    int64_t took_ms = at_ms - x->w->counts.started_ms;

    s->times[ledger_time_bucket(took_ms > 0 ? took_ms : 0)]++;
}

static void count(struct reading *x, enum member_outcome outcome, const struct lane_result *r)
{
    struct ledger_wave_service *s = &x->b->services[r->service];
    struct wave_tally *t = &x->w->tally;

    switch (outcome) {
    case MEMBER_ACCEPTED:
        s->accepted++;
        t->accepted++;
        break;
    case MEMBER_AGAIN:
        s->retried += r->sent;
        t->retried++;
        return;
    case MEMBER_UNKNOWN:
        s->unknown++;
        t->unknown++;
        return;
    case MEMBER_REFUSED:
        s->refused++;
        t->refused++;
        break;
    case MEMBER_UNDELIVERABLE:
    case MEMBER_LOST:
    case MEMBER_UNSUBSCRIBED:
        s->gone++;
        t->gone++;
        break;
    }
    count_time(s, x, r->answered_ms);
}

/* The last bucket holds all the rest. */
static int64_t bound_us(size_t bucket)
{
    int64_t ms = ledger_time_bound_ms(bucket);

    return (ms < MS_HOUR ? ms : MS_HOUR) * 1000;
}

static void tell_metrics(const struct reading *x)
{
    struct metrics *m = x->w->run->courier->crier->metrics;
    const char *channel = x->w->run->channel->name;

    for (size_t i = 0; i < x->b->lane.service_count; i++) {
        const struct ledger_wave_service *s = &x->b->services[i];

        metrics_add_pushes(m, channel, s->name, "accepted", s->accepted);
        metrics_add_pushes(m, channel, s->name, "gone", s->gone);
        metrics_add_pushes(m, channel, s->name, "retried", s->retried);
        metrics_add_pushes(m, channel, s->name, "refused", s->refused);
        metrics_add_pushes(m, channel, s->name, "unknown", s->unknown);
        for (size_t t = 0; t < LEDGER_TIMES; t++) {
            metrics_observe_pushes(m, channel, s->name, bound_us(t), s->times[t]);
        }
    }
}

/* ---- the wave ---- */

static void heed_verdict(const struct reading *x)
{
    struct wave *w = x->w;
    struct verdict *v = &x->b->lane.why;

    if (!x->b->lane.stopped) {
        return;
    }
    hide_in_detail(v->detail,
                   sizeof v->detail,
                   w->run->settings,
                   w->run->sc.ctx.account,
                   w->run->sc.ctx.grant);
    if (v->kind == VERDICT_BLOCKED) {
        wave__stop(w, WAVE_BLOCKED, v);
    } else if (v->kind == VERDICT_REJECTED) {
        wave__heed_refusal(w, v);
    } else {
        (void)snprintf(w->why.detail, sizeof w->why.detail, "%s", v->detail);
        wave__slow_down(w, v->retry_after_ms, true);
        flow_trouble(&w->flow);
    }
}

/* When the first service that is in trouble should be tried again. */
static int64_t pause_ms(const struct reading *x)
{
    int64_t least_ms = PAUSE_MAX_MS;

    for (size_t i = 0; i < x->b->lane.service_count; i++) {
        int64_t wait_ms = x->services[i].again_at_ms - x->now_ms;

        least_ms = wait_ms > 0 && wait_ms < least_ms ? wait_ms : least_ms;
    }
    return least_ms;
}

static bool nothing_gets_through(const struct reading *x)
{
    return x->fresh_trouble > 0 && x->fresh_trouble * 100 >= x->fresh_sent * TROUBLE_PERCENT;
}

static void heed(const struct reading *x)
{
    struct wave *w = x->w;

    if (nothing_gets_through(x) ||
        (x->fresh_trouble > 0 && w->counts.again > AGAIN_MEMBERS_MAX)) {
        wave__slow_down(w, pause_ms(x), false);
        flow_trouble(&w->flow);
    } else if (x->all_answered && !x->b->called_back && x->b->leaving > 0 &&
               x->b->singly == 0) {
        flow_answered(&w->flow, x->b->leaving, x->b->left_ms, clock_mono_ms());
    }
}

static void name_services(struct wave_batch *b)
{
    b->services = mem_calloc(b->lane.service_count, sizeof *b->services);
    for (size_t i = 0; i < b->lane.service_count; i++) {
        (void)snprintf(
            b->services[i].name, sizeof b->services[i].name, "%s", b->lane.services[i]);
    }
}

void wave__read_results(struct wave_batch *b)
{
    struct reading x = {.w = b->wave, .b = b, .now_ms = clock_wall_ms(), .all_answered = true};

    if (b->leaving == 0) {
        return;
    }
    name_services(b);
    look_at_services(&x);
    for (size_t i = 0; i < b->leaving; i++) {
        const struct lane_result *r = &b->lane.results[i];
        enum member_outcome outcome = r->outcome;

        if (outcome != MEMBER_ACCEPTED) {
            note_result(&x, i);
            outcome = b->results[b->result_count - 1].outcome;
        }
        x.accepted |= outcome == MEMBER_ACCEPTED;
        x.unknown |= outcome == MEMBER_UNKNOWN;
        count(&x, outcome, r);
    }
    tell_metrics(&x);
    b->wave->run->exposed |= x.accepted || x.unknown;
    if (x.accepted) {
        b->wave->refused_in_row = 0;
        wave__went_well(b->wave);
    }
    heed_verdict(&x);
    heed(&x);
}

void wave__spare_results(struct wave_batch *b)
{
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < b->leaving; i++) {
        b->results[b->result_count++] = (struct ledger_wave_result){
            .member = b->members[i].id, .outcome = MEMBER_AGAIN, .due_at_ms = now_ms};
    }
}
