/* What is held, for people and machines: the forecast in the API, the numbers for Prometheus, the warnings in the
 * log ahead of an end that nobody but a person can prevent. Called by the doors and by keeper.c; reads only. */

#include "service/keeper_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "service/metrics.h"

bool keeper_knows(const struct keeper *k, const struct channel *ch)
{
    return k && keeper__find(k, ch) != NULL;
}

static void forecast(const struct held *h, struct forecast *out)
{
    struct grant_way way = keeper__way(h);
    struct forecast_facts facts = {
        .channel = h->channel->name,
        .grant = h->grant,
        .dead = h->dead[0] ? h->dead : NULL,
        .failing = h->failing[0] ? h->failing : NULL,
        .refused = h->refused,
        .retry_at_ms = h->retry_at_ms,
        .now_ms = clock_wall_ms(),
    };

    forecast_make(out, &way, &facts);
    if (h->locked[0]) {
        *out = (struct forecast){.kind = FORECAST_NONE, .needs_eye = true};
        (void)snprintf(
            out->text,
            sizeof out->text,
            "what is kept of it cannot be opened: mend vault.key, or run `crier keys login %s` "
            "(%.200s)",
            h->channel->name,
            h->locked);
    }
}

void keeper_forecast(const struct keeper *k, const struct channel *ch, struct forecast *out)
{
    const struct held *h = keeper__find(k, ch);

    must(h != NULL);
    forecast(h, out);
}

json_t *keeper_json(const struct keeper *k, const struct channel *ch)
{
    const struct held *h = k ? keeper__find(k, ch) : NULL;
    struct forecast f;
    json_t *out;

    if (!h) {
        return NULL;
    }
    forecast(h, &f);
    out = json_object();
    forecast_write(out, &f, h->grant);
    return out;
}

static bool is_shown(const struct held *h)
{
    return !h->channel->gone && keeper__oauth(h->channel);
}

static void print_one(struct buf *out, const char *name, const struct held *h, int64_t value)
{
    buf_addf(out, "%s{channel=\"%s\"} %lld\n", name, h->channel->name, (long long)value);
}

void keeper_print_gauges(const struct keeper *k, struct buf *out)
{
    static const char expires[] = "crier_credential_expires_seconds";
    static const char attention[] = "crier_credential_needs_attention";
    int64_t now_ms = clock_wall_ms();

    buf_addf(out,
             "# HELP %s Until the channel's access token ends; absent where it does not\n"
             "# TYPE %s gauge\n",
             expires,
             expires);
    LIST_EACH(&k->held, n)
    {
        const struct held *h = container_of(n, struct held, node);
        int64_t ends_at_ms = record_int(h->grant, "expires_at_ms");

        if (ends_at_ms > 0 && is_shown(h)) {
            print_one(out, expires, h, (ends_at_ms - now_ms) / MS_SECOND);
        }
    }
    buf_addf(out,
             "# HELP %s 1 when a person must do something about the channel's token\n"
             "# TYPE %s gauge\n",
             attention,
             attention);
    LIST_EACH(&k->held, n)
    {
        const struct held *h = container_of(n, struct held, node);
        struct forecast f;

        if (is_shown(h)) {
            forecast(h, &f);
            print_one(out, attention, h, f.needs_eye);
        }
    }
}

/* 14, 7, 3 and 1 days ahead; each once, and the nearest only when several have passed. */
void keeper__warn(struct held *h, int64_t now_ms)
{
    static const int64_t days[] = {1, 3, 7, 14};
    struct forecast f;

    forecast(h, &f);
    if (f.kind != FORECAST_ENDS) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        if (f.ends_at_ms - now_ms > days[i] * MS_DAY) {
            continue;
        }
        if (h->warned_days == 0 || days[i] < h->warned_days) {
            h->warned_days = days[i];
            log_warn(EV_CREDENTIAL_ENDS,
                     LOG_STR("channel", h->channel->name),
                     LOG_STR("detail", f.text));
        }
        return;
    }
}
