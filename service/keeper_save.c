/* What goes into the ledger of a channel's credential, besides renewals: a grant that has died, a sign-in, a
 * forgetting. Called by the keeper's other files and by the API; leaves sealing to vault.c. */

#include "service/keeper_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/vault.h"

static char *seal(const struct held *h, const json_t *grant, const char *dead)
{
    const struct config *config = h->keeper->crier->config;
    json_t *kept;
    char *sealed;

    if (!vault_has_key(config)) {
        return NULL;
    }
    kept = json_object();
    (void)json_object_set(kept, "grant", json_unconst(grant));
    if (dead[0]) {
        json_set_str(kept, "dead", dead);
    }
    sealed = vault_seal(config, h->channel->name, kept);
    json_decref(kept);
    return sealed;
}

char *keeper__seal(const struct held *h, const json_t *grant)
{
    return seal(h, grant, "");
}

/* ---- one write ---- */

struct saving {
    struct ledger_credential_put put;
    struct held *held;
    uint64_t serial;
    json_t *grant; /* in force once it is on disk; NULL: what is in force stays */
    char *sealed, *origin;
    keeper_saved_fn *done;
    void *context;
};

static void in_force(struct saving *s)
{
    struct held *h = s->held;

    keeper__set_grant(h, json_incref(s->grant));
    h->locked[0] = '\0';
    h->stored = true;
    log_info(EV_CREDENTIAL_SIGNED_IN,
             LOG_STR("channel", h->channel->name),
             LOG_STR("who", record_str(h->grant, "who")));
    if (h->channel->kept.blocked) {
        channel_unblock(h->keeper->crier, h->channel, "login");
        keeper__heed_generation(h);
    }
    keeper__answer_all(h);
    keeper_poke(h->keeper);
}

static void on_saved(struct ledger_request *r)
{
    struct saving *s = container_of(r, struct saving, put.req);

    s->held->keeper->saving--;
    if (r->rc) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
    } else if (s->grant && s->serial == s->held->serial) {
        in_force(s);
    }
    if (s->done) {
        s->done(s->context, r->rc, &r->why);
    }
    json_decref(s->grant);
    mem_free(s->sealed);
    mem_free(s->origin);
    mem_free(s);
}

/* sealed NULL: the row goes. */
static struct saving *saving_new(struct held *h, char *sealed_taken)
{
    struct saving *s = mem_zalloc(sizeof *s);

    s->held = h;
    s->serial = h->serial;
    s->sealed = sealed_taken;
    s->origin = mem_strdup(h->origin);
    s->put = (struct ledger_credential_put){
        .req = {.kind = LEDGER_CREDENTIAL_PUT, .done = on_saved},
        .channel = h->channel->name,
        .origin = s->origin,
        .sealed = s->sealed,
        .now_ms = clock_wall_ms(),
    };
    return s;
}

static void submit(struct saving *s)
{
    s->held->keeper->saving++;
    ledger_submit(s->held->keeper->crier->ledger, &s->put.req);
    /* Continues in on_saved(). */
}

void keeper__save(struct held *h)
{
    char *sealed = h->grant ? seal(h, h->grant, h->dead) : NULL;

    if (sealed) {
        h->stored = true;
        submit(saving_new(h, sealed));
    }
}

/* ---- from outside ---- */

enum err_code keeper_take_sealed(struct keeper *k,
                                 struct channel *ch,
                                 const char *sealed,
                                 keeper_saved_fn *done,
                                 void *context,
                                 struct err *why)
{
    struct held *h = keeper__find(k, ch);
    struct grant_way way;
    struct saving *s;
    json_t *kept = NULL;
    enum err_code rc;

    if (!h) {
        return err_set(why, ERR_UNSUPPORTED, "%s has no tokens to keep", ch->adapter->title);
    }
    rc = vault_open(&kept, k->crier->config, ch->name, sealed, NULL, why);
    if (rc) {
        return rc;
    }
    way = keeper__way(h);
    grant_origin(&way, h->origin);
    h->serial++;
    s = saving_new(h, mem_strdup(sealed));
    s->grant = json_incref(json_object_get(kept, "grant"));
    s->done = done;
    s->context = context;
    json_decref(kept);
    submit(s);
    return ERR_NONE;
}

void keeper_forget(struct keeper *k, struct channel *ch, keeper_saved_fn *done, void *context)
{
    struct held *h = keeper__find(k, ch);
    struct grant_way way;
    struct saving *s;

    must(h != NULL); /* keeper_knows() says so */
    way = keeper__way(h);
    h->serial++;
    h->locked[0] = '\0';
    h->stored = false;
    grant_origin(&way, h->origin);
    keeper__set_grant(h, grant_from_settings(&way));
    s = saving_new(h, NULL);
    s->done = done;
    s->context = context;
    submit(s);
    keeper_poke(k);
}
