/* The watchdog's food. Called by manager.c; owns a timer and the two pulses that it sends through the
 * ledger.
 *
 * What a hung service looks like: the process is there, the loop turns, the door takes requests, and
 * nobody ever gets an answer, because a thread of the ledger waits for a disk that does not answer
 * (a dead NFS server, a controller in a reset), or for a lock. A ping by a timer would call that
 * healthy. So a ping is what comes back:
 *   ask              twice in every period: a pulse into the queue of each thread of the ledger
 *   ask_2_on_back    on the loop, when a thread has worked off all that stood before the pulse; with
 *                    the second one back, WATCHDOG=1
 * A loop that does not turn neither asks nor hears. An idle ledger answers at once: a pulse touches
 * no disk. One that fails at once (disk full) is not hung either; a restart would not mend it, and
 * /readyz and the status line tell it. A late pulse is a ping the moment it is back: who merely was
 * slow is left alive. */

#include "service/watchdog.h"

#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "queue/ledger.h"
#include "service/crier.h"
#include "service/notify.h"

enum { PULSE_WRITES, PULSE_READS, PULSE_COUNT };

struct pulse {
    struct ledger_request req;
    struct watchdog *watchdog;
    bool away;
};

struct watchdog {
    struct crier *crier;
    struct notify *notify;
    uv_timer_t timer;
    bool has_timer;
    uint64_t tick_ms; /* a quarter of the period */
    uint64_t ticks;
    int64_t asked_mono_ms;
    struct pulse pulses[PULSE_COUNT];
};

static bool is_away(const struct watchdog *w)
{
    return w->pulses[PULSE_WRITES].away || w->pulses[PULSE_READS].away;
}

static void ask_2_on_back(struct ledger_request *r)
{
    struct pulse *p = container_of(r, struct pulse, req);
    struct watchdog *w = p->watchdog;

    p->away = false;
    if (r->rc == ERR_NONE && !is_away(w)) {
        notify_tell_now(w->notify, "WATCHDOG=1");
    }
}

static void send_pulse(struct watchdog *w, struct pulse *p, enum ledger_kind kind)
{
    *p = (struct pulse){
        .req = {.kind = kind, .done = ask_2_on_back}, .watchdog = w, .away = true};
    ledger_submit(w->crier->ledger, &p->req);
}

static void ask(struct watchdog *w)
{
    w->asked_mono_ms = clock_mono_ms();
    send_pulse(w, &w->pulses[PULSE_WRITES], LEDGER_WRITES_PULSE);
    send_pulse(w, &w->pulses[PULSE_READS], LEDGER_READS_PULSE);
    /* Continues in ask_2_on_back(). */
}

/* Looks twice as often as it asks, so that the log says what hangs before the manager's patience
 * ends. */
static void on_timer(uv_timer_t *timer)
{
    struct watchdog *w = container_of(timer, struct watchdog, timer);

    if (is_away(w)) {
        log_error(EV_LEDGER_STUCK,
                  LOG_BOOL("writes", w->pulses[PULSE_WRITES].away),
                  LOG_BOOL("reads", w->pulses[PULSE_READS].away),
                  LOG_MS("waited", clock_mono_ms() - w->asked_mono_ms));
    } else if (w->ticks % 2 == 0) {
        ask(w);
    }
    w->ticks++;
}

/* 0: not watched. */
static enum err_code read_period_us(uint64_t *out_us, struct err *why)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us, watched;

    *out_us = 0;
    if (period == NULL) {
        return ERR_NONE;
    }
    if (!parse_u64(period, &us) || us == 0) {
        return err_set(why,
                       ERR_INVALID,
                       "WATCHDOG_USEC is \"%.40s\": expected a number of microseconds",
                       period);
    }
    if (pid != NULL && !parse_u64(pid, &watched)) {
        return err_set(why,
                       ERR_INVALID,
                       "WATCHDOG_PID is \"%.40s\": expected the number of a process",
                       pid);
    }
    *out_us = pid == NULL || watched == (uint64_t)getpid() ? us : 0;
    return ERR_NONE;
}

enum err_code
watchdog_new(struct watchdog **out, struct crier *c, struct notify *notify, struct err *why)
{
    uint64_t period_us = 0;
    enum err_code rc = read_period_us(&period_us, why);

    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    *out = NULL;
    if (rc || period_us == 0 || notify == NULL) {
        return rc;
    }
    *out = mem_zalloc(sizeof **out);
    (*out)->crier = c;
    (*out)->notify = notify;
    (*out)->tick_ms = period_us / 4000 > 0 ? period_us / 4000 : 1;
    return ERR_NONE;
}

void watchdog_start(struct watchdog *w)
{
    if (w == NULL) {
        return;
    }
    must(uv_timer_init(w->crier->loop, &w->timer) == 0);
    w->has_timer = true;
    must(uv_timer_start(&w->timer, on_timer, 0, w->tick_ms) == 0);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of(handle, struct watchdog, timer));
}

void watchdog_free(struct watchdog *w)
{
    if (w == NULL) {
        return;
    }
    must(!is_away(w));
    if (w->has_timer) {
        uv_close((uv_handle_t *)&w->timer, on_closed);
    } else {
        mem_free(w);
    }
}
