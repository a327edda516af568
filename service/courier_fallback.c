/* A channel is blocked, and has others to fall back to: what waits there goes to them. Called when the end that
 * blocked it is on disk (courier_end.c); the deliveries are made by the ledger, in one transaction for as many
 * as a call may do. What a crash leaves is told in queue/sqlite_fallback.c. */

#include "service/courier_internal.h"

#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

struct falling {
    struct ledger_fallback fallback;
    struct courier *courier;
    struct config *config; /* holds the adapters' names */
    struct strings names;
    struct ledger_fallback_to *to;
    char channel[64];
    char *why;
};

static void falling_free(struct falling *f)
{
    f->courier->asked--;
    ledger_request_done(&f->fallback.req);
    config_unref(f->config);
    strings_done(&f->names);
    mem_free(f->to);
    mem_free(f->why);
    mem_free(f);
}

static void tell(const struct falling *f)
{
    struct buf to;

    buf_init(&to, 4096);
    for (size_t i = 0; i < f->names.count; i++) {
        buf_addf(&to, "%s%s", i > 0 ? ", " : "", f->names.v[i]);
    }
    log_warn(EV_CHANNEL_FALLBACK,
             LOG_STR("channel", f->channel),
             LOG_STR("to", buf_str(&to)),
             LOG_U64("articles", f->fallback.job_count),
             LOG_STR("detail", f->why));
    buf_done(&to);
}

static void falling_2_on_done(struct ledger_request *r)
{
    struct falling *f = container_of(r, struct falling, fallback.req);
    struct courier *k = f->courier;
    struct channel *ch = channels_find(k->crier->channels, f->channel);
    bool more = r->rc == ERR_NONE && f->fallback.more;

    if (r->rc == ERR_IO && !k->draining) {
        courier__retry_later(k, r);
        return;
    }
    for (size_t i = 0; r->rc == ERR_NONE && i < f->fallback.stopped_count; i++) {
        courier_cancel(k, f->fallback.stopped[i]);
    }
    if (r->rc == ERR_NONE && f->fallback.job_count > 0) {
        tell(f);
        courier_add(k, f->fallback.jobs, f->fallback.job_count);
    }
    falling_free(f);
    if (more && ch && ch->kept.blocked) {
        courier_fall_back(k, ch);
    }
    courier_poke(k); /* it may be what a drain waits for */
}

static void fill_to(struct falling *f)
{
    f->to = mem_calloc(f->names.count, sizeof *f->to);
    for (size_t i = 0; i < f->names.count; i++) {
        const struct channel_settings *s = config_channel(f->config, f->names.v[i]);

        f->to[i] = (struct ledger_fallback_to){
            .channel = f->names.v[i],
            .adapter = s->type->name,
            .own_ms = s->not_after_ms ? s->not_after_ms : f->config->queue.not_after_ms};
    }
}

void courier_fall_back(struct courier *k, struct channel *ch)
{
    if (!k->draining) {
        courier__fall_back(k, ch, (struct delivery_id){0});
    }
}

void courier__fall_back(struct courier *k, struct channel *ch, struct delivery_id blocked)
{
    struct crier *c = k->crier;
    struct strings names = channel_fallbacks(c, ch);
    int64_t now_ms = clock_wall_ms();
    struct falling *f;

    if (names.count == 0) {
        return;
    }
    f = mem_zalloc(sizeof *f);
    f->courier = k;
    f->config = config_ref(c->config);
    f->names = names;
    f->why = mem_strdup(ch->kept.blocked_why ? ch->kept.blocked_why : "it is blocked");
    memcpy(f->channel, ch->name, sizeof f->channel);
    fill_to(f);
    f->fallback = (struct ledger_fallback){
        .req = {.kind = LEDGER_FALLBACK, .done = falling_2_on_done},
        .channel = f->channel,
        .why = f->why,
        .blocked = blocked,
        .to = f->to,
        .to_count = names.count,
        .delivery_id = id_next_block(&c->ids, now_ms, (FALLBACK_BATCH + 1) * names.count),
        .now_ms = now_ms,
    };
    k->asked++;
    ledger_submit(c->ledger, &f->fallback.req);
}
