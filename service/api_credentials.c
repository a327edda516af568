/* A channel's tokens over the API: `crier keys login` hands over what it got, sealed with the key that both
 * have, and `crier keys forget` ends it. Called by the door; leaves the rest to the keeper. */

#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/channels.h"
#include "service/keeper.h"

/* A request that waits for the ledger. */
struct handing {
    struct crier *crier;
    struct door_request *request;
    const struct channel *channel;
};

static struct handing *handing_new(struct crier *c, struct door_request *r, struct channel *ch)
{
    struct handing *h = mem_zalloc(sizeof *h);

    h->crier = c;
    h->request = r;
    h->channel = ch;
    return h;
}

static void on_saved(void *context, enum err_code rc, const struct err *why)
{
    struct handing *h = context;

    if (rc) {
        door_problem_err(h->request, rc, why);
    } else {
        door_reply_json(h->request, 200, channel_json(h->crier, h->channel, NULL));
    }
    mem_free(h);
}

/* NULL: refused already. */
static struct channel *find(struct crier *c, struct door_request *r)
{
    struct channel *ch = api__channel(c, r);

    if (ch != NULL && !keeper_knows(c->keeper, ch)) {
        door_problem(
            r,
            409,
            NULL,
            "channel \"%s\" has no tokens that crier could keep: %s is configured in the "
            "settings alone",
            ch->name,
            ch->adapter->title);
        ch = NULL;
    }
    return ch;
}

void api_put_credentials(struct crier *c, struct door_request *r)
{
    struct channel *ch = find(c, r);
    struct handing *h;
    struct err why;
    enum err_code rc;
    json_t *body;

    if (ch == NULL || !api__takes_in(c, r)) {
        return;
    }
    body = api__body_or_empty(r);
    if (body == NULL) {
        return;
    }
    if (json_path_str(body, "sealed") == NULL) {
        door_problem(r, 422, NULL, "sealed: the grant, as `crier keys login` seals it");
        json_decref(body);
        return;
    }
    h = handing_new(c, r, ch);
    rc = keeper_take_sealed(c->keeper, ch, json_path_str(body, "sealed"), on_saved, h, &why);
    json_decref(body);
    if (rc) {
        mem_free(h);
        door_problem(r, 422, NULL, "sealed: %s", why.text);
    }
    /* Continues in on_saved(). */
}

void api_delete_credentials(struct crier *c, struct door_request *r)
{
    struct channel *ch = find(c, r);

    if (ch == NULL || !api__takes_in(c, r)) {
        return;
    }
    keeper_forget(c->keeper, ch, on_saved, handing_new(c, r, ch));
    /* Continues in on_saved(). */
}
