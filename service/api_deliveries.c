/* Deliveries over the API: the queue and its dead letters, and what a person can do about one.
 * Called by the door. A move that the state does not allow is answered with 409, the state, and
 * what is possible instead. */

#include <string.h>

#include "adapters/registry.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/api_internal.h"
#include "service/channels.h"
#include "service/courier.h"

/* ---- list ---- */

void api__tell_announced(json_t *deliveries)
{
    json_t *d;
    size_t i;

    json_array_foreach(deliveries, i, d)
    {
        const char *state = json_path_str(d, "state"), *name = json_path_str(d, "adapter");
        const struct adapter *adapter = name != NULL ? adapter_find(name) : NULL;

        if (adapter != NULL && adapter->announces && state != NULL &&
            strcmp(state, delivery_state_name(DELIVERY_DONE)) == 0) {
            (void)json_object_set_new(d, "announced", json_true());
        }
    }
}

static void answer_list(struct api_call *call)
{
    api__tell_announced(json_object_get(call->u.list.out, "items"));
    door_reply_json(call->request, 200, json_incref(call->u.list.out));
}

static bool read_state(struct door_request *r, struct ledger_list *list)
{
    const char *name = door_query(r, "state");
    enum delivery_state state;
    json_t *states;

    if (name == NULL) {
        return true;
    }
    if (delivery_state_parse(name, &state)) {
        list->state = (int)state;
        return true;
    }
    states = json_array();
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        (void)json_array_append_new(states,
                                    json_string(delivery_state_name((enum delivery_state)i)));
    }
    api__unknown_word(r, "state", name, "states", states);
    return false;
}

static void submit_list(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__call_new(c, r, LEDGER_DELIVERIES, answer_list);

    if (!api__page(r, &call->u.list) || !read_state(r, &call->u.list)) {
        mem_free(call);
        return;
    }
    call->u.list.channel = door_query(r, "channel");
    api__call_submit(call);
}

/* A channel that is no longer configured may still have deliveries in the ledger. */
static void list_if_known(struct api_call *call)
{
    const char *name = door_query(call->request, "channel");

    for (size_t i = 0; i < call->u.channels.count; i++) {
        if (strcmp(call->u.channels.v[i].name, name) == 0) {
            submit_list(call->crier, call->request);
            return;
        }
    }
    api__unknown_word(
        call->request, "channel", name, "channels", api__channel_names(call->crier));
}

void api_list_deliveries(struct crier *c, struct door_request *r)
{
    const char *channel = door_query(r, "channel");

    if (channel == NULL || channels_find(c->channels, channel) != NULL) {
        submit_list(c, r);
    } else {
        api__call_submit(api__call_new(c, r, LEDGER_CHANNELS, list_if_known));
    }
}

/* ---- moves ---- */

static void answer_conflict(struct door_request *r, enum delivery_state state, const char *why)
{
    static const struct {
        const char *verb;
        unsigned states; /* a bit per state it can start from; see queue/ledger.h */
    } verbs[] = {
        {"replay",
         1U << DELIVERY_REJECTED | 1U << DELIVERY_EXPIRED | 1U << DELIVERY_CANCELLED |
             1U << DELIVERY_BLOCKED | 1U << DELIVERY_AGAIN | 1U << DELIVERY_UNKNOWN},
        {"cancel",
         1U << DELIVERY_HELD | 1U << DELIVERY_READY | 1U << DELIVERY_AGAIN |
             1U << DELIVERY_BLOCKED | 1U << DELIVERY_UNKNOWN},
        {"resolve", 1U << DELIVERY_UNKNOWN},
    };
    json_t *possible = json_array();

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if ((verbs[i].states >> (unsigned)state & 1U) != 0) {
            (void)json_array_append_new(possible, json_string(verbs[i].verb));
        }
    }
    door_problem(
        r,
        409,
        json_pack("{s:s, s:o}", "state", delivery_state_name(state), "possible", possible),
        "%s",
        why);
}

static void answer_with_state(struct api_call *call)
{
    answer_conflict(call->request, call->u.load.state, door_context(call->request));
}

/* Not possible: look which state it is in now, to say so. */
static void move_failed(struct api_call *call)
{
    struct door_request *r = call->request;
    struct api_call *look;

    if (call->u.req.rc != ERR_CONFLICT) {
        door_problem_err(r, call->u.req.rc, &call->u.req.why);
        return;
    }
    door_set_context(r, mem_strdup(call->u.req.why.text), mem_free);
    look = api__call_new(call->crier, r, LEDGER_LOAD, answer_with_state);
    look->u.load.id = call->u.move.id;
    api__call_submit(look);
}

static void answer_move(struct api_call *call)
{
    const struct ledger_move *m = &call->u.move;
    struct crier *c = call->crier;
    char id[ID_TEXT_BYTES];

    if (m->move == MOVE_ABSENT) {
        channels_quota_drop(c->channels, m->id);
    }
    courier_moved(c->courier, m);
    door_reply_json(call->request,
                    200,
                    json_pack("{s:s, s:s}",
                              "id",
                              id_delivery_text(m->id, id),
                              "state",
                              delivery_state_name(m->state)));
}

static bool read_id(struct door_request *r, struct delivery_id *out)
{
    if (id_parse_delivery(door_param(r, 0), out)) {
        return true;
    }
    door_problem(r, 404, NULL, "\"%.32s\" is no id of a delivery (dlv_…)", door_param(r, 0));
    return false;
}

/* The move on its way, to be completed and submitted; NULL: refused. */
static struct api_call *
move_new(struct crier *c, struct door_request *r, enum ledger_move_kind move)
{
    struct api_call *call;
    struct delivery_id id;

    if (!read_id(r, &id)) {
        return NULL;
    }
    call = api__call_new(c, r, LEDGER_MOVE, answer_move);
    call->failed = move_failed;
    call->u.move.move = move;
    call->u.move.id = id;
    call->u.move.by = "api";
    call->u.move.now_ms = clock_wall_ms();
    return call;
}

/* Whoever replays an expired delivery wants it now: it is worth as long as a new one. */
void api_replay(struct crier *c, struct door_request *r)
{
    struct api_call *call = api__takes_in(c, r) ? move_new(c, r, MOVE_REPLAY) : NULL;

    if (call == NULL) {
        return;
    }
    call->u.move.not_after_ms = call->u.move.now_ms + c->config->queue.not_after_ms;
    api__call_submit(call);
}

void api_cancel(struct crier *c, struct door_request *r)
{
    struct api_call *call = move_new(c, r, MOVE_CANCEL);

    if (call != NULL) {
        api__call_submit(call);
    }
}

/* ---- resolve ---- */

static bool read_outcome(struct door_request *r, const json_t *body, enum ledger_move_kind *out)
{
    const char *outcome = json_path_str(body, "outcome");

    if (outcome != NULL && strcmp(outcome, "posted") == 0) {
        *out = MOVE_POSTED;
    } else if (outcome != NULL && strcmp(outcome, "absent") == 0) {
        *out = MOVE_ABSENT;
    } else {
        door_problem(r,
                     422,
                     json_pack("{s:[{s:s, s:s}]}",
                               "errors",
                               "pointer",
                               "/outcome",
                               "detail",
                               "\"posted\" or \"absent\""),
                     "outcome is \"posted\" (it is there) or \"absent\" (it is not)");
        return false;
    }
    return true;
}

static void free_json(void *json)
{
    json_decref(json);
}

static void
settle(struct crier *c, struct door_request *r, enum ledger_move_kind move, json_t *body_taken)
{
    struct api_call *call = move_new(c, r, move);

    if (call == NULL) {
        json_decref(body_taken);
        return;
    }
    call->u.move.remote_id = json_path_str(body_taken, "remote_id");
    call->u.move.remote_url = json_path_str(body_taken, "link");
    call->kept = body_taken;
    call->free_kept = free_json;
    api__call_submit(call);
}

/* The form a name of the post must have and has not; NULL: it will do. */
static const char *
missing_name(struct crier *c, const struct ledger_load *load, const json_t *b)
{
    const struct channel *ch = channels_find_any(c->channels, load->channel);
    const struct adapter *a = ch != NULL ? ch->adapter : NULL;

    if (a == NULL || a->post_id_form == NULL || load->retract ||
        load->state != DELIVERY_UNKNOWN ||
        a->post_named(
            ch->settings->own, json_path_str(b, "remote_id"), json_path_str(b, "link"))) {
        return NULL;
    }
    return a->post_id_form;
}

/* Settled without a name that the platform takes, the post could never be changed or retracted. */
static void settle_if_named(struct api_call *look)
{
    json_t *body = look->kept;
    const char *form = missing_name(look->crier, &look->u.load, body);
    bool by_link = json_path_str(body, "remote_id") == NULL && json_path_str(body, "link");

    if (form == NULL) {
        settle(look->crier, look->request, MOVE_POSTED, json_incref(body));
        return;
    }
    door_problem(look->request,
                 422,
                 json_pack("{s:[{s:s, s:s}]}",
                           "errors",
                           "pointer",
                           by_link ? "/link" : "/remote_id",
                           "detail",
                           form),
                 "which post? Later changes need remote_id or link: %s",
                 form);
}

static void submit_look(struct crier *c, struct door_request *r, json_t *body_taken)
{
    struct api_call *look;
    struct delivery_id id;

    if (!read_id(r, &id)) {
        json_decref(body_taken);
        return;
    }
    look = api__call_new(c, r, LEDGER_LOAD, settle_if_named);
    look->u.load.id = id;
    look->kept = body_taken;
    look->free_kept = free_json;
    api__call_submit(look);
}

void api_resolve(struct crier *c, struct door_request *r)
{
    json_t *body = api__body_or_empty(r);
    enum ledger_move_kind move;

    if (body == NULL) {
        return;
    }
    if (!read_outcome(r, body, &move)) {
        json_decref(body);
    } else if (move == MOVE_POSTED) {
        submit_look(c, r, body);
    } else {
        settle(c, r, move, body);
    }
}
