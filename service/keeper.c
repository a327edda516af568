/* The keeper of tokens: what each channel's credential is, and what is due by the clock. Called by serve.c
 * (start, reload, end) and by the doors; owns a struct held per channel whose adapter has a struct oauth, for as
 * long as the program runs. A token for a step: keeper_ask.c; a renewal: keeper_renew.c; the ledger:
 * keeper_save.c; what people see: keeper_view.c.
 *
 * Which grant counts. What the ledger holds goes before the tokens in the settings, since it was got from them
 * and they may be used up; unless the settings have other tokens than those it was made beside: then somebody
 * has put new ones there, and they begin a new grant. What the ledger holds and nobody can open (another
 * vault.key) is not passed over: to begin with used-up tokens again would end the grant at many platforms. */

#include "service/keeper_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/vault.h"

#define LOOK_MAX_MS (60 * MS_SECOND) /* a wall clock that was set is noticed so soon */

/* ---- what is held ---- */

const struct oauth *keeper__oauth(const struct channel *ch)
{
    return oauth_with(ch->adapter, ch->settings->own);
}

struct grant_way keeper__way(const struct held *h)
{
    return (struct grant_way){
        .oauth = keeper__oauth(h->channel),
        .settings = h->channel->settings->own,
        .has_vault = vault_has_key(h->keeper->crier->config),
    };
}

struct held *keeper__find(const struct keeper *k, const struct channel *ch)
{
    LIST_EACH(&k->held, n)
    {
        struct held *h = container_of(n, struct held, node);

        if (h->channel == ch) {
            return keeper__oauth(ch) ? h : NULL;
        }
    }
    return NULL;
}

void keeper__set_grant(struct held *h, json_t *grant)
{
    json_decref(h->grant);
    h->grant = grant;
    h->dead[0] = h->failing[0] = '\0';
    h->refused = h->lost = false;
    h->failures = h->retry_at_ms = h->warned_days = 0;
    mem_free_secret_text(h->doubted);
    h->doubted = NULL;
}

void keeper__block_if_hopeless(struct held *h)
{
    struct forecast f;

    if (!(h->dead[0] || h->refused) || h->channel->kept.blocked || h->channel->gone ||
        h->generation != h->channel->generation || keeper__usable(h, clock_wall_ms())) {
        return;
    }
    keeper_forecast(h->keeper, h->channel, &f);
    channel_block(h->keeper->crier, h->channel, f.text);
}

/* ---- settings into force ---- */

static const struct ledger_credential *kept_row(const struct keeper *k, const char *channel)
{
    for (size_t i = 0; i < k->kept.count; i++) {
        if (strcmp(k->kept.v[i].channel, channel) == 0) {
            return &k->kept.v[i];
        }
    }
    return NULL;
}

static void set_origin(struct held *h, const char *origin)
{
    (void)snprintf(h->origin, sizeof h->origin, "%s", origin);
}

static void begin_from_settings(struct held *h)
{
    struct grant_way way = keeper__way(h);

    grant_origin(&way, h->origin);
    h->serial++;
    h->locked[0] = '\0';
    h->stored = false;
    keeper__set_grant(h, grant_from_settings(&way));
}

static void lock(struct held *h, const struct err *why)
{
    if (strcmp(h->locked, why->text) != 0) {
        log_error(EV_CREDENTIAL_FAILED,
                  LOG_STR("channel", h->channel->name),
                  LOG_STR("outcome", "locked"),
                  LOG_STR("detail", why->text));
    }
    (void)snprintf(h->locked, sizeof h->locked, "%.*s", (int)sizeof h->locked - 1, why->text);
}

static void open_row(struct held *h, const struct ledger_credential *row)
{
    const char *dead;
    json_t *kept = NULL;
    struct err why;
    bool old = false;

    set_origin(h, row->origin);
    if (vault_open(
            &kept, h->keeper->crier->config, h->channel->name, row->sealed, &old, &why)) {
        lock(h, &why);
        return;
    }
    h->locked[0] = '\0';
    keeper__set_grant(h, json_incref(json_object_get(kept, "grant")));
    h->stored = true;
    dead = json_path_str(kept, "dead");
    (void)snprintf(h->dead, sizeof h->dead, "%s", dead ? dead : "");
    h->generation = h->channel->generation;
    json_decref(kept);
    if (old) {
        keeper__save(h);
    }
}

/* The settings have tokens, and they are not those of before. */
static bool has_news(const struct held *h)
{
    struct grant_way way = keeper__way(h);
    char origin[SHA256_HEX_BYTES];

    grant_origin(&way, origin);
    return origin[0] && strcmp(origin, h->origin) != 0;
}

static void apply_one(struct keeper *k, struct channel *ch)
{
    const struct ledger_credential *row = kept_row(k, ch->name);
    struct held *h = keeper__find(k, ch);
    bool is_new = h == NULL;

    if (is_new) {
        h = mem_zalloc(sizeof *h);
        h->keeper = k;
        h->channel = ch;
        h->generation = ch->generation;
        list_init(&h->waits);
        list_push(&k->held, &h->node);
    }
    if (row && (is_new || h->locked[0])) {
        open_row(h, row);
    }
    if (has_news(h) || (is_new && !row)) {
        begin_from_settings(h);
    }
    keeper__heed_generation(h);
}

/* Nobody else could read what the ledger has once the key of before is gone. */
static void heed_key(struct keeper *k)
{
    const struct secret *secret = &k->crier->config->vault.key;
    uint8_t key[SHA256_BYTES];
    bool same;

    crypto_sha256(secret->text ? secret->text : "", secret->len, key);
    same = memcmp(key, k->key, sizeof key) == 0;
    memcpy(k->key, key, sizeof key);
    if (same || !k->applied) {
        return;
    }
    LIST_EACH(&k->held, n)
    {
        struct held *h = container_of(n, struct held, node);

        if (h->stored && keeper__oauth(h->channel)) {
            keeper__save(h);
        }
    }
}

void keeper_apply(struct keeper *k)
{
    struct channel *ch;
    size_t cursor = 0;

    heed_key(k);
    k->applied = true;
    while ((ch = channels_each(k->crier->channels, &cursor)) != NULL) {
        if (keeper__oauth(ch)) {
            apply_one(k, ch);
        }
    }
    keeper_poke(k);
}

enum err_code keeper_load(struct keeper *k, struct err *why)
{
    k->kept.req.kind = LEDGER_CREDENTIALS;
    return ledger_run(k->crier->ledger, &k->kept.req, why);
}

/* ---- the clock ---- */

/* When it is to be renewed by the clock; INT64_MAX: it is not. */
static int64_t due_at(const struct held *h, int64_t now_ms)
{
    struct grant_way way = keeper__way(h);
    int64_t at_ms = grant_renew_at(&way, h->grant);

    if (h->locked[0] || h->dead[0] || !h->channel->settings->enabled ||
        !grant_can_renew(&way, h->grant, now_ms) ||
        (grant_token(h->grant) && !grant_is_ripe(&way, h->grant, now_ms))) {
        return INT64_MAX;
    }
    if (h->doubted) {
        at_ms = 0;
    }
    return at_ms > h->retry_at_ms ? at_ms : h->retry_at_ms;
}

static int64_t look_at(struct held *h, int64_t now_ms)
{
    int64_t at_ms;

    if (h->channel->gone || !keeper__oauth(h->channel)) {
        return INT64_MAX;
    }
    if (h->renewal) {
        keeper__renewal_look(h->renewal);
    }
    if (h->renewal) {
        return h->renewal->unsaved ? now_ms + KEEPER_SAVE_AGAIN_MS : INT64_MAX;
    }
    keeper__heed_generation(h);
    keeper__warn(h, now_ms);
    keeper__block_if_hopeless(h);
    at_ms = due_at(h, now_ms);
    if (at_ms <= now_ms && !h->keeper->stopped) {
        keeper__renew(h);
        return INT64_MAX;
    }
    return at_ms;
}

static void on_timer(uv_timer_t *timer)
{
    keeper__look(container_of(timer, struct keeper, timer));
}

void keeper__look(struct keeper *k)
{
    int64_t now_ms = clock_wall_ms(), next_ms = now_ms + LOOK_MAX_MS;

    must(uv_timer_start(&k->timer, on_timer, LOOK_MAX_MS, 0) == 0);
    LIST_EACH(&k->held, n)
    {
        int64_t at_ms = look_at(container_of(n, struct held, node), now_ms);

        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    /* What was looked at may have asked for a turn of its own (keeper_poke). */
    if (uv_timer_get_due_in(&k->timer) > 0) {
        int64_t in_ms = next_ms > now_ms ? next_ms - now_ms : 1;

        must(uv_timer_start(&k->timer, on_timer, (uint64_t)in_ms, 0) == 0);
    }
}

void keeper__look_in(struct keeper *k, int64_t ms)
{
    must(uv_timer_start(&k->timer, on_timer, (uint64_t)ms, 0) == 0);
}

void keeper_poke(struct keeper *k)
{
    keeper__look_in(k, 0);
}

/* ---- life ---- */

struct keeper *keeper_new(struct crier *c)
{
    struct keeper *k = mem_zalloc(sizeof *k);

    k->crier = c;
    list_init(&k->held);
    must(uv_timer_init(c->loop, &k->timer) == 0);
    return k;
}

void keeper_stop(struct keeper *k)
{
    k->stopped = true;
}

bool keeper_idle(const struct keeper *k)
{
    LIST_EACH(&k->held, n)
    {
        if (container_of(n, struct held, node)->renewal) {
            return false;
        }
    }
    return k->saving == 0;
}

static void held_free(struct held *h)
{
    must(list_empty(&h->waits));
    if (h->renewal) {
        keeper__renewal_free(h->renewal);
    }
    json_decref(h->grant);
    mem_free_secret_text(h->doubted);
    mem_free(h);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(container_of((uv_timer_t *)handle, struct keeper, timer));
}

void keeper_free(struct keeper *k)
{
    struct list_node *n;

    if (!k) {
        return;
    }
    while ((n = list_pop(&k->held)) != NULL) {
        held_free(container_of(n, struct held, node));
    }
    ledger_request_done(&k->kept.req);
    uv_close((uv_handle_t *)&k->timer, on_closed);
}
