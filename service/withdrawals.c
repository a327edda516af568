/* Turns a withdrawal into a retraction when its time has come. Called by serve.c and, whenever what waits has
 * changed, by intake; owns one timer.
 *
 *   withdrawals_look   ask the ledger for those that are due first
 *   look_2_on_read     each that is due: intake_retract_due(); then sleep until the next
 *   retract_2_on_done  one is on disk; with the last, look again
 *
 * Nothing is kept here that matters. A crash, at any point, leaves the withdrawal in the ledger, or the
 * retraction with its deliveries: they are one transaction, in which the writer looks once more whether
 * it is due (ledger.h). So nothing is lost by looking anew after a start, nothing is doubled by looking
 * once too often, and an article that comes back in the very moment stays. */

#include "service/withdrawals.h"

#include <uv.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/crier.h"
#include "service/intake.h"

#define AT_ONCE 50
/* The clock may be set, and the timer does not see that; reading an index that is mostly empty is cheap. */
#define LONGEST_SLEEP_MS (30 * MS_SECOND)
#define RETRY_MS (5 * MS_SECOND)

struct withdrawals {
    struct crier *crier;
    uv_timer_t timer;
    struct ledger_withdrawn waiting;
    bool reading, again; /* … and once more afterwards: something has changed since */
    bool failed;         /* the disk: not at once again */
    bool stopped;
    size_t retracting;
};

struct retraction {
    struct intake in;
    struct withdrawals *of;
};

static void on_timer(uv_timer_t *timer)
{
    withdrawals_look(container_of(timer, struct withdrawals, timer));
}

static void sleep_ms(struct withdrawals *w, int64_t ms)
{
    ms = ms < 0 ? 0 : ms > LONGEST_SLEEP_MS ? LONGEST_SLEEP_MS : ms;
    if (!w->stopped) {
        must(uv_timer_start(&w->timer, on_timer, (uint64_t)ms, 0) == 0);
    }
}

static void look_again(struct withdrawals *w)
{
    bool failed = w->failed;

    w->failed = false;
    if (failed) {
        sleep_ms(w, RETRY_MS);
    } else {
        withdrawals_look(w);
    }
}

static void retract_2_on_done(struct intake *in)
{
    struct retraction *r = container_of(in, struct retraction, in);
    struct withdrawals *w = r->of;

    /* ERR_CONFLICT: it came back. What the disk refused intake has logged. */
    w->failed |= in->rc == ERR_IO;
    intake_free_parts(in);
    mem_free(r);
    if (--w->retracting == 0) {
        look_again(w);
    }
}

static void retract(struct withdrawals *w, const struct ledger_withdrawal *one)
{
    struct retraction *r = mem_zalloc(sizeof *r);

    r->of = w;
    w->retracting++;
    (void)FAULT("withdrawals.due"); /* of use with ":exit" */
    intake_retract_due(w->crier, &r->in, one, retract_2_on_done, NULL);
}

/* Returns how long to sleep, for what is not due yet. */
static int64_t retract_due(struct withdrawals *w)
{
    int64_t now_ms = clock_wall_ms();

    for (size_t i = 0; i < w->waiting.count; i++) {
        if (w->waiting.v[i].retract_at_ms > now_ms) {
            return w->waiting.v[i].retract_at_ms - now_ms;
        }
        retract(w, &w->waiting.v[i]);
    }
    return LONGEST_SLEEP_MS;
}

static void look_2_on_read(struct ledger_request *r)
{
    struct withdrawals *w = container_of(r, struct withdrawals, waiting.req);

    w->reading = false;
    if (r->rc == ERR_NONE && !w->stopped) {
        bool any = w->waiting.count > 0;
        int64_t wait_ms = retract_due(w);

        if (any && w->retracting == 0) {
            sleep_ms(w, wait_ms);
        }
    } else if (r->rc == ERR_IO) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
        sleep_ms(w, RETRY_MS);
    }
    ledger_request_done(r);
    if (w->again) {
        w->again = false;
        withdrawals_look(w);
    }
}

void withdrawals_look(struct withdrawals *w)
{
    if (!w || w->stopped || w->retracting > 0) {
        return; /* the last of them looks again */
    }
    if (w->reading) {
        w->again = true;
        return;
    }
    (void)uv_timer_stop(&w->timer);
    w->reading = true;
    w->waiting.limit = AT_ONCE;
    ledger_submit(w->crier->ledger, &w->waiting.req);
    /* Continues in look_2_on_read(). */
}

struct withdrawals *withdrawals_new(struct crier *c)
{
    struct withdrawals *w = mem_zalloc(sizeof *w);

    w->crier = c;
    w->waiting.req.kind = LEDGER_WITHDRAWN;
    w->waiting.req.done = look_2_on_read;
    must(uv_timer_init(c->loop, &w->timer) == 0);
    return w;
}

void withdrawals_stop(struct withdrawals *w)
{
    w->stopped = true;
    (void)uv_timer_stop(&w->timer);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_timer_t *)handle, struct withdrawals, timer));
}

void withdrawals_free(struct withdrawals *w)
{
    if (w) {
        withdrawals_stop(w);
        uv_close((uv_handle_t *)&w->timer, on_closed);
    }
}
