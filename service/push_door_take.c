/* Subscribing, changing one's mind, unsubscribing: what readers' browsers and apps send to POST /push/…. Called by
 * the door. A call belongs to itself until its request is answered, and is answered after the commit.
 *
 *   push_subscribe          who it is, what they want, whether the adapter takes it for a subscription
 *   subscribe_2_on_proof    its endpoint is at a push service (push_door_proof.c)
 *   subscribe_3_on_found    where only some of their wishes are told: what they had
 *   subscribe_4_on_written  201: a new one; 200: known
 *
 *   push_topics             which subscription
 *   topics_2_on_found       what it has; what is told is to be changed
 *   topics_3_on_written     what it has now
 *
 * The consent is this moment's, by the page or the app. Who unsubscribes is told the same whether they were known
 * or not. Nothing here writes an endpoint or a token anywhere but into the ledger: whoever has one can send to it. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/metrics.h"
#include "service/push_door_internal.h"
#include "service/topics.h"

struct taking {
    struct crier *crier;
    struct door_request *request;
    struct config *config; /* holds the settings */
    const struct channel_settings *settings;
    char channel[64];
    char by[PUSH_BY_BYTES];
    struct push_wish wish;
    struct member_traits traits;
    struct push_subscription who; /* for a change of wishes: the address alone */
    char *instead_of;             /* mem_free() */
    struct push_proving proving;
    struct ledger_new_member member;
    union {
        struct ledger_request req;
        struct ledger_members look;
        struct ledger_members_put put;
        struct ledger_member_set set;
    } u;
    char *zone, *language; /* as found */
};

static struct taking *
taking_new(struct crier *c, struct door_request *r, const struct channel *ch, const char *by)
{
    struct taking *t = mem_zalloc(sizeof *t);

    t->crier = c;
    t->request = r;
    t->config = config_ref(ch->config);
    t->settings = ch->settings;
    t->traits.topics = MEMBER_TOPICS_ALL;
    (void)snprintf(t->channel, sizeof t->channel, "%s", ch->name);
    (void)snprintf(t->by, sizeof t->by, "%s", by);
    return t;
}

static void taking_free(struct taking *t)
{
    push_wish_done(&t->wish);
    config_unref(t->config);
    mem_free(t->who.address);
    mem_free(t->instead_of);
    mem_free(t->zone);
    mem_free(t->language);
    mem_free(t);
}

/* Counted, and told only to whoever looks closely: there may be a million of them. */
static void count(const struct taking *t, const char *what)
{
    metrics_add(t->crier->metrics, METRIC_READERS, t->channel, what);
    log_debug(EV_AUDIENCE_CHANGED,
              LOG_STR("channel", t->channel),
              LOG_STR("by", t->by),
              LOG_STR("what", what),
              LOG_I64("count", 1));
}

/* The ledger's own words would say more than strangers need to know. */
static void refuse_write(struct taking *t, enum err_code rc)
{
    if (rc == ERR_IO || rc == ERR_BUSY || rc == ERR_STOPPED) {
        push__come_again(t->request, 503, 5 * MS_SECOND, "it could not be written down");
    } else {
        door_problem(t->request, 500, NULL, "%s", err_describe(rc));
    }
}

static void look_up(struct taking *t, const char *address, ledger_done_fn *done)
{
    t->u.look = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = done},
        .channel = t->channel,
        .limit = 1,
        .state = -1,
        .address = address,
    };
    ledger_submit(t->crier->ledger, &t->u.req);
}

/* What was found; false: nobody, or somebody who gets nothing any more. */
static bool keep_found(struct taking *t)
{
    const struct ledger_members *look = &t->u.look;
    bool found = look->count == 1;

    if (found) {
        t->traits = look->v[0].traits;
        t->zone = mem_strdup(look->v[0].zone);
        t->language = mem_strdup(look->v[0].language);
        found = look->v[0].state == MEMBER_ACTIVE;
    }
    return found;
}

/* ---- subscribing ---- */

static void subscribe_4_on_written(struct ledger_request *r)
{
    struct taking *t = container_of(r, struct taking, u.req);
    const struct ledger_members_put *put = &t->u.put;

    if (r->rc) {
        refuse_write(t, r->rc);
    } else if (put->left_out > 0) { /* the clock was set back */
        push__come_again(t->request, 503, MS_MINUTE, "it could not be written down");
    } else {
        count(t, put->added > 0 ? "subscribed" : put->back > 0 ? "back" : "known");
        door_reply_json(
            t->request, put->added > 0 ? 201 : 200, json_pack("{s:s}", "channel", t->channel));
    }
    ledger_request_done(r);
    taking_free(t);
}

static void subscribe_write(struct taking *t)
{
    bool tells_some = t->wish.has_topics || t->wish.has_quiet;
    int64_t now_ms = clock_wall_ms();

    (void)push_wish_apply(&t->wish, &t->traits);
    t->member = (struct ledger_new_member){
        .address = t->who.address,
        .language = t->wish.language,
        .opted_in_by = t->by,
        .opted_in_at_ms = now_ms,
        .keys = t->who.keys_len > 0 ? t->who.keys : NULL,
        .keys_len = t->who.keys_len,
        .key_id = t->who.key_id,
        .traits = t->traits,
        .keeps_traits = !tells_some,
        .zone = t->wish.zone,
        .instead_of = t->instead_of,
    };
    t->u.put = (struct ledger_members_put){
        .req = {.kind = LEDGER_MEMBERS_PUT, .done = subscribe_4_on_written},
        .channel = t->channel,
        .v = &t->member,
        .count = 1,
        .first_id = id_next_block(&t->crier->ids, now_ms, 1),
        .now_ms = now_ms,
    };
    ledger_submit(t->crier->ledger, &t->u.req);
}

/* Whose place this one takes is not there when the same was asked before, and its answer was lost. */
static void subscribe_3_on_found(struct ledger_request *r)
{
    struct taking *t = container_of(r, struct taking, u.req);
    enum err_code rc = r->rc;
    bool looks_again;

    if (!rc) {
        (void)keep_found(t);
    }
    looks_again = !rc && t->u.look.count == 0 && t->u.look.address != t->who.address;
    ledger_request_done(r);
    if (rc) {
        refuse_write(t, rc);
        taking_free(t);
    } else if (looks_again) {
        look_up(t, t->who.address, subscribe_3_on_found);
    } else {
        subscribe_write(t);
    }
}

static void subscribe_2_on_proof(struct push_proving *w, enum push_proof what, const char *why)
{
    struct taking *t = container_of(w, struct taking, proving);

    switch (what) {
    case PUSH_PROVEN:
        /* What is told in part goes over what there was. */
        if (t->wish.has_topics != t->wish.has_quiet) {
            look_up(t, t->instead_of ? t->instead_of : t->who.address, subscribe_3_on_found);
        } else {
            subscribe_write(t);
        }
        return;
    case PUSH_REFUSED:
        metrics_add(t->crier->metrics, METRIC_READERS, t->channel, "refused");
        door_problem(t->request, 422, NULL, "%s", why);
        break;
    case PUSH_TOO_MANY:
        push__come_again(t->request, 429, MS_MINUTE, why);
        break;
    case PUSH_STOPPED:
        push__come_again(t->request, 503, 5 * MS_SECOND, "not now");
        break;
    }
    taking_free(t);
}

/* What the adapter reads: the subscription, and beside it the key that it was made for. */
static enum err_code read_subscription(struct taking *t,
                                       const struct audience *a,
                                       const json_t *body,
                                       struct err *why)
{
    const json_t *given = json_object_get(body, "subscription");
    const json_t *key = json_object_get(body, "key");
    json_t *own;
    enum err_code rc;

    if (!json_is_object(given)) {
        return err_set(
            why,
            ERR_INVALID,
            "subscription: expected what the browser gave, {\"endpoint\": …, \"keys\": …}, or "
            "{\"token\": …} of an app");
    }
    own = json_copy(json_unconst(given));
    if (json_is_string(key)) {
        (void)json_object_set(own, "key", json_unconst(key));
    }
    rc = push_subscription_read(a, t->settings->own, own, &t->who, why);
    json_decref(own);
    return rc;
}

static void read_instead_of(struct taking *t, const struct channel *ch, const json_t *body)
{
    const char *text = json_path_str(body, "instead_of");
    char address[MEMBER_ADDRESS_BYTES];

    if (text && ch->adapter->audience->address(text, address) &&
        strcmp(address, t->who.address) != 0) {
        t->instead_of = mem_strdup(address);
    }
}

void push_subscribe(struct crier *c, struct door_request *r)
{
    struct channel *ch = NULL;
    char by[PUSH_BY_BYTES] = "";
    json_t *body = push__body(c, r, &ch, by);
    struct err why = {0};
    struct taking *t;

    if (!body) {
        return;
    }
    t = taking_new(c, r, ch, by);
    if (push_wish_read(&t->wish, c->topics, ch->settings, body, &why) ||
        read_subscription(t, ch->adapter->audience, body, &why)) {
        door_problem(r, 422, NULL, "%s", why.text);
        taking_free(t);
        json_decref(body);
        return;
    }
    read_instead_of(t, ch, body);
    json_decref(body);
    t->proving.done = subscribe_2_on_proof;
    if (ch->adapter->audience->push->public_key) {
        push__prove(c->push_door->proofs,
                    &t->proving,
                    ch->adapter->audience->push,
                    t->who.address,
                    ch->settings->allow_private,
                    clock_mono_ms());
    } else { /* a token of an app: where it goes is the adapter's, not theirs */
        subscribe_2_on_proof(&t->proving, PUSH_PROVEN, NULL);
    }
    /* Continues in subscribe_2_on_proof(). */
}

/* ---- changing one's mind ---- */

static void answer_choices(struct taking *t)
{
    json_t *answer = json_object();

    push_wish_tell(answer,
                   t->crier->topics,
                   t->settings,
                   &t->traits,
                   t->wish.zone ? t->wish.zone : t->zone,
                   t->wish.language ? t->wish.language : t->language);
    door_reply_json(t->request, 200, answer);
}

static void topics_3_on_written(struct ledger_request *r)
{
    struct taking *t = container_of(r, struct taking, u.req);

    if (r->rc == ERR_NOT_FOUND) {
        door_problem(t->request, 404, NULL, "there is no such subscription");
    } else if (r->rc) {
        refuse_write(t, r->rc);
    } else {
        count(t, "chose");
        answer_choices(t);
    }
    ledger_request_done(r);
    taking_free(t);
}

static bool differs(const char *wanted, const char *found)
{
    return wanted && (!found || strcmp(wanted, found) != 0);
}

static void topics_2_on_found(struct ledger_request *r)
{
    struct taking *t = container_of(r, struct taking, u.req);
    enum err_code rc = r->rc;
    bool found = !rc && keep_found(t), changes;

    ledger_request_done(r);
    if (rc || !found) {
        if (rc) {
            refuse_write(t, rc);
        } else {
            door_problem(t->request, 404, NULL, "there is no such subscription");
        }
        taking_free(t);
        return;
    }
    changes = push_wish_apply(&t->wish, &t->traits) || differs(t->wish.zone, t->zone) ||
              differs(t->wish.language, t->language);
    if (!changes) {
        answer_choices(t);
        taking_free(t);
        return;
    }
    t->u.set = (struct ledger_member_set){
        .req = {.kind = LEDGER_MEMBER_SET, .done = topics_3_on_written},
        .channel = t->channel,
        .address = t->who.address,
        .change = MEMBER_TRAITS,
        .traits = t->traits,
        .zone = t->wish.zone,
        .language = t->wish.language,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(t->crier->ledger, &t->u.req);
    /* Continues in topics_3_on_written(). */
}

/* A call about a subscription that is there; NULL: refused already. The body is taken. */
static struct taking *known_taking(struct crier *c, struct door_request *r, json_t **out_body)
{
    char by[PUSH_BY_BYTES] = "", address[MEMBER_ADDRESS_BYTES];
    struct channel *ch = NULL;
    json_t *body = push__body(c, r, &ch, by);
    struct taking *t;

    if (!body) {
        return NULL;
    }
    if (!push__address(r, ch, body, address)) {
        json_decref(body);
        return NULL;
    }
    t = taking_new(c, r, ch, by);
    t->who.address = mem_strdup(address);
    *out_body = body;
    return t;
}

void push_topics(struct crier *c, struct door_request *r)
{
    json_t *body = NULL;
    struct taking *t = known_taking(c, r, &body);
    struct err why = {0};
    enum err_code rc;

    if (!t) {
        return;
    }
    rc = push_wish_read(&t->wish, c->topics, t->settings, body, &why);
    json_decref(body);
    if (rc) {
        door_problem(r, 422, NULL, "%s", why.text);
        taking_free(t);
        return;
    }
    look_up(t, t->who.address, topics_2_on_found);
    /* Continues in topics_2_on_found(). */
}

/* ---- unsubscribing ---- */

static void on_unsubscribed(struct ledger_request *r)
{
    struct taking *t = container_of(r, struct taking, u.req);

    if (r->rc && r->rc != ERR_NOT_FOUND) {
        refuse_write(t, r->rc);
    } else {
        count(t, "unsubscribed");
        door_reply_empty(t->request, 204);
    }
    ledger_request_done(r);
    taking_free(t);
}

void push_unsubscribe(struct crier *c, struct door_request *r)
{
    json_t *body = NULL;
    struct taking *t = known_taking(c, r, &body);

    if (!t) {
        return;
    }
    json_decref(body);
    t->u.set = (struct ledger_member_set){
        .req = {.kind = LEDGER_MEMBER_SET, .done = on_unsubscribed},
        .channel = t->channel,
        .address = t->who.address,
        .change = MEMBER_STOP,
        .why = "unsubscribed",
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(c->ledger, &t->u.req);
    /* Continues in on_unsubscribed(). */
}
