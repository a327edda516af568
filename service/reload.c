/* New settings into force, all or nothing. Called on SIGHUP and by POST /v1/reload. A file with
 * any mistake changes nothing. Deliveries in flight hold the settings they started with; what
 * waits takes the new ones with its next attempt. What only a start reads (the listening
 * address, the ledger) stays as it is and is named to the caller. */

#include "service/crier.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/door.h"
#include "service/keeper.h"
#include "service/manager.h"
#include "service/metrics.h"
#include "service/topics.h"
#include "service/watch.h"
#include "service/wave.h"

static void log_refused(const struct crier *c, const struct problems *p, const struct err *why)
{
    log_error(EV_CONFIG_REFUSED,
              LOG_STR("file", c->config_path),
              LOG_U64("mistakes", p->count),
              LOG_I64("line", p->count > 0 ? p->v[0].line : 0),
              LOG_STR("first", p->count > 0 ? p->v[0].what : why->text));
}

static void put_in_force(struct crier *c, struct config *config)
{
    struct config *old = c->config;
    struct err why = {0};

    c->config = config;
    log_setup(STDERR_FILENO,
              (enum log_form)config->server.log_form,
              (enum log_level)config->server.log_level);
    sched_total_set(c->sched, config->queue.total_concurrency);
    channels_apply(c->channels);
    topics_apply(c->topics);
    keeper_apply(c->keeper);
    if (waves_prepare(c, &why) != ERR_NONE) { /* the first wave tries again, and waits */
        log_error(EV_WAVE_SERVICE,
                  LOG_STR("service", "lanes"),
                  LOG_STR("state", "trouble"),
                  LOG_STR("detail", why.text));
    }
    watch_apply(c->watch);
    courier_poke(c->courier);
    config_unref(old);
}

/* The first mistake; `crier check` names the others. */
static void tell_refused(struct crier *c, const struct problems *p, const struct err *why)
{
    char *text = p->count > 0
                     ? mem_printf("%s:%d: %s", p->v[0].file, p->v[0].line, p->v[0].what)
                     : mem_strdup(why->text);

    manager_reloaded(c->manager, text);
    mem_free(text);
}

static enum err_code
read_settings(struct crier *c, struct config **out, struct problems *problems, struct err *why)
{
    enum err_code rc = config_load(out, c->config_path, &c->types, problems, why);

    if (rc) {
        return rc;
    }
    rc = door_fits(c->door, *out, why);
    if (rc) {
        config_unref(*out);
    }
    return rc;
}

enum err_code
crier_reload(struct crier *c, struct problems *problems, struct buf *restart, struct err *why)
{
    struct config *config = NULL;
    struct err own = {0};
    enum err_code rc;

    manager_reloading(c->manager);
    rc = read_settings(c, &config, problems, &own);
    if (rc) {
        log_refused(c, problems, &own);
        metrics_add(c->metrics, METRIC_RELOADS, "refused", NULL);
        tell_refused(c, problems, &own);
        if (why) {
            *why = own;
        }
        return rc;
    }
    if (config_needs_restart(c->config, config, restart)) {
        log_warn(EV_CONFIG_RELOADED,
                 LOG_STR("file", c->config_path),
                 LOG_STR("needs_restart", buf_str(restart)));
    }
    put_in_force(c, config);
    metrics_add(c->metrics, METRIC_RELOADS, "ok", NULL);
    log_info(EV_CONFIG_RELOADED,
             LOG_STR("file", c->config_path),
             LOG_U64("channels", c->config->channel_count));
    manager_reloaded(c->manager, NULL);
    return ERR_NONE;
}
