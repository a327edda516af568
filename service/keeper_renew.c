/* One renewal. Started ahead of an end by the clock (keeper.c), or since somebody needs a token (keeper_ask.c);
 * one at a time for each channel.
 *
 *   keeper__renew       the adapter's steps, with a copy of the grant
 *   renew_2_on_walked   what came of them
 *   renew_3_on_saved    the new grant is on disk: it is in force, and whoever waited gets it
 *
 * The order, and what a crash leaves. A new refresh token may be the only one that is good from the answer on, so
 * it is sealed and committed before any step uses what came with it. A crash between the answer and the commit
 * finds the old grant: it is tried again, since an answer that nobody got is the same as none; where the
 * platform ends the old one with the renewal, it says no then, and a person must sign in: nothing we could do
 * would have kept what we never wrote. The same for an answer that was lost on its way.
 *
 * A grant that a sign-in has replaced meanwhile is newer than whatever is said of the one before: that is dropped. */

#include "service/keeper_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/metrics.h"
#include "service/vault.h"

#define BACKOFF_MIN_MS (2 * MS_SECOND)
#define BACKOFF_MAX_MS (10 * MS_MINUTE)
#define REFUSED_PAUSE_MS MS_HOUR
/* Between renewals that went well: a platform that gives tokens which have ended is not asked in a circle. */
#define RENEWED_PAUSE_MS (10 * MS_SECOND)

static oauth_walk_fn renew_2_on_walked;
static ledger_done_fn renew_3_on_saved;

void keeper__renewal_free(struct renewal *r)
{
    r->held->renewal = NULL;
    oauth_walk_done(&r->walk);
    config_unref(r->config);
    mem_free(r->sealed);
    mem_free(r);
}

void keeper__renew(struct held *h)
{
    struct grant_way way = keeper__way(h);
    struct renewal *r;

    if (h->renewal) {
        return;
    }
    r = mem_zalloc(sizeof *r);
    r->held = h;
    r->serial = h->serial;
    r->config = config_ref(h->channel->config);
    r->walk.out = h->keeper->crier->out;
    r->walk.channel = h->channel->settings;
    r->walk.steps = way.oauth->renew;
    r->walk.once = way.oauth->rotates;
    r->walk.call.settings = way.settings;
    r->walk.call.grant = h->grant ? json_deep_copy(h->grant) : json_object();
    r->walk.done = renew_2_on_walked;
    h->renewal = r;
    r->walking = oauth_walk_start(&r->walk);
    if (!r->walking) {
        r->ended = true;
        keeper_poke(h->keeper);
    }
    /* Continues in renew_2_on_walked(). */
}

/* ---- it went well ---- */

static void put(struct renewal *r)
{
    struct held *h = r->held;

    r->put = (struct ledger_credential_put){
        .req = {.kind = LEDGER_CREDENTIAL_PUT, .done = renew_3_on_saved},
        .channel = h->channel->name,
        .origin = h->origin,
        .sealed = r->sealed,
        .now_ms = clock_wall_ms(),
    };
    h->keeper->saving++;
    ledger_submit(h->keeper->crier->ledger, &r->put.req);
}

/* A renewal that the settings, or the platform's no, had made hopeless before. */
static void go_on(struct held *h, bool was_hopeless)
{
    if (was_hopeless && h->channel->kept.blocked) {
        channel_unblock(h->keeper->crier, h->channel, "renewal");
    }
}

static void take(struct renewal *r)
{
    struct held *h = r->held;
    bool was_hopeless = h->refused || h->dead[0];
    json_t *grant = json_incref(r->walk.call.grant);
    char until[TIME_TEXT_BYTES] = "";
    int64_t ends_at_ms = record_int(grant, "expires_at_ms");

    keeper__renewal_free(r);
    keeper__set_grant(h, grant);
    h->retry_at_ms = clock_wall_ms() + RENEWED_PAUSE_MS;
    if (!grant_holds(grant, clock_wall_ms())) {
        (void)snprintf(h->failing, sizeof h->failing, "the new token had ended when it came");
    }
    log_info(EV_CREDENTIAL_RENEWED,
             LOG_STR("channel", h->channel->name),
             LOG_STR("until", ends_at_ms > 0 ? time_rfc3339(ends_at_ms, until) : ""));
    go_on(h, was_hopeless);
    keeper__answer_all(h);
    keeper_poke(h->keeper);
}

/* ---- or not ---- */

static int64_t backoff_ms(struct held *h, int64_t asked_ms)
{
    int shift = h->failures < 10 ? (int)h->failures : 10;
    int64_t most_ms = BACKOFF_MIN_MS << shift;
    uint64_t jitter;

    most_ms = most_ms < BACKOFF_MAX_MS ? most_ms : BACKOFF_MAX_MS;
    jitter = rng_u64(&h->keeper->crier->rng) % (uint64_t)(most_ms / 2);
    most_ms -= (int64_t)jitter; /* between half of it and all */
    return asked_ms > most_ms ? asked_ms : most_ms;
}

static void note_failure(struct held *h, const struct oauth_verdict *v)
{
    static const char *const outcomes[] = {"ok", "later", "revoked", "refused"};

    (void)snprintf(h->failing, sizeof h->failing, "%s", v->detail);
    h->failures++;
    log_write(v->outcome == OAUTH_LATER ? LOG_WARN : LOG_ERROR,
              EV_CREDENTIAL_FAILED,
              LOG_FIELDS(LOG_STR("channel", h->channel->name),
                         LOG_STR("outcome", outcomes[v->outcome]),
                         LOG_STR("detail", v->detail),
                         LOG_I64("failures", h->failures)));
}

static void fail(struct held *h, const struct oauth_verdict *v)
{
    int64_t now_ms = clock_wall_ms();

    note_failure(h, v);
    switch (v->outcome) {
    case OAUTH_OK:
    case OAUTH_LATER:
        h->retry_at_ms = now_ms + backoff_ms(h, v->retry_after_ms);
        break;
    case OAUTH_REFUSED:
        h->refused = true;
        h->generation = h->channel->generation;
        h->retry_at_ms = now_ms + REFUSED_PAUSE_MS;
        break;
    case OAUTH_REVOKED:
        (void)snprintf(h->dead,
                       sizeof h->dead,
                       "%.200s%s",
                       v->detail,
                       h->lost ? "; an answer before was lost" : "");
        h->generation = h->channel->generation;
        keeper__save(h);
        break;
    }
}

static void end_in_vain(struct renewal *r, const struct oauth_verdict *v)
{
    struct held *h = r->held;
    bool ours = r->serial == h->serial;
    bool lost = r->walk.lost;

    keeper__renewal_free(r);
    if (ours) {
        fail(h, v);
        h->lost = lost || (h->lost && v->outcome == OAUTH_LATER);
        keeper__block_if_hopeless(h);
    }
    keeper__answer_all(h);
    keeper_poke(h->keeper);
}

/* ---- the answers ---- */

static void count(const struct renewal *r)
{
    static const char *const outcomes[] = {"ok", "later", "revoked", "refused"};

    metrics_add(r->held->keeper->crier->metrics,
                METRIC_CREDENTIAL_RENEWALS,
                r->held->channel->name,
                outcomes[r->walk.verdict.outcome]);
}

static void on_walked(struct renewal *r)
{
    struct oauth_verdict v = r->walk.verdict;

    r->walking = r->ended = false;
    count(r);
    if (v.outcome != OAUTH_OK || r->serial != r->held->serial) {
        end_in_vain(r, &v);
        return;
    }
    (void)FAULT("keeper.answered"); /* of use with ":exit" */
    r->sealed = keeper__seal(r->held, r->walk.call.grant);
    if (!r->sealed) { /* there is no key: it lives as long as the program, and none that rotates comes here */
        take(r);
        return;
    }
    put(r);
}

static void renew_2_on_walked(struct oauth_walk *w)
{
    on_walked(container_of(w, struct renewal, walk));
}

static void renew_3_on_saved(struct ledger_request *req)
{
    struct renewal *r = container_of(req, struct renewal, put.req);
    struct held *h = r->held;
    struct oauth_verdict v;

    h->keeper->saving--;
    if (req->rc == ERR_NONE) {
        (void)FAULT("keeper.stored"); /* of use with ":exit" */
        if (r->serial == h->serial) {
            h->stored = true;
            take(r);
            return;
        }
    } else {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", req->why.text));
        if (req->rc == ERR_IO && !h->keeper->stopped) {
            r->unsaved = true;
            keeper__look_in(h->keeper, KEEPER_SAVE_AGAIN_MS);
            return;
        }
    }
    v = oauth_verdict_make(
        OAUTH_LATER, 0, "it could not be written down: %.150s", req->why.text);
    end_in_vain(r, &v);
}

void keeper__renewal_look(struct renewal *r)
{
    if (r->ended) {
        on_walked(r);
    } else if (r->unsaved) {
        r->unsaved = false;
        put(r);
    }
}
