/* What must be done now and then, whatever happens: write down the channels' states, expire
 * what has become worthless, drop what is too old to keep, look after audiences. Started by serve.c; one timer,
 * stopped with the loop. */

#include "service/serve_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/canary.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/lookout.h"
#include "service/manager.h"

#define EVERY_MS 5000
#define PRUNE_EVERY_MS MS_HOUR
#define KEEP_EVENTS 100000

struct pruning {
    struct ledger_prune prune;
    struct crier *crier;
};

static void prune(struct crier *c);

static void prune_2_on_done(struct ledger_request *r)
{
    struct pruning *p = container_of(r, struct pruning, prune.req);
    struct crier *c = p->crier;
    bool more = r->rc == ERR_NONE && p->prune.more;

    if (r->rc && r->rc != ERR_STOPPED) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    }
    ledger_request_done(r);
    mem_free(p);
    if (more && c->phase == CRIER_READY) {
        prune(c);
    }
}

static void prune(struct crier *c)
{
    struct pruning *p = mem_zalloc(sizeof *p);
    int64_t keep_ms = c->config->ledger.keep_ms;

    p->crier = c;
    p->prune.req.kind = LEDGER_PRUNE;
    p->prune.req.done = prune_2_on_done;
    p->prune.before_ms = keep_ms > 0 ? clock_wall_ms() - keep_ms : 0; /* 0: articles stay */
    p->prune.keep_events = KEEP_EVENTS;
    ledger_submit(c->ledger, &p->prune.req);
}

static void on_timer(uv_timer_t *timer)
{
    struct crier *c = container_of(timer, struct crier, housekeeping);
    int64_t now_ms = clock_mono_ms();

    if (c->phase != CRIER_READY) {
        return;
    }
    channels_save_changed(c->channels);
    courier_expire(c->courier);
    lookout_look(c->lookout);
    canaries_look(c->canaries);
    manager_status(c->manager);
    if (now_ms - c->pruned_mono_ms >= PRUNE_EVERY_MS) {
        c->pruned_mono_ms = now_ms;
        prune(c);
    }
}

void housekeeping_start(struct crier *c)
{
    c->pruned_mono_ms = clock_mono_ms();
    must(uv_timer_start(&c->housekeeping, on_timer, EVERY_MS, EVERY_MS) == 0);
}
