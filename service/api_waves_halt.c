/* The kill switch: everything that is on its way to audiences, or waits to be, stops, and nothing begins there
 * until a person resumes the channels. Called by the door.
 *
 *   api_halt_waves      the channels are paused, at once: what runs looks at that before each message
 *   halt_2_on_waves     the open waves, as the ledger knows them: each gets its word
 *   halt_3_on_waiting   deliveries that would become waves: each is cancelled, so that an old alert does not go
 *                       out when the channel is resumed
 *   (a round)           a run that was about to open its wave does so meanwhile, sees the pause, and waits: so
 *                       there is another round, until one finds nothing and nothing runs
 *   answer              what was stopped, what had not begun, what is paused
 *
 * What comes in later waits, as on any paused channel, and goes out when it is resumed, if it is worth it then. */

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/state.h"
#include "service/api_internal.h"
#include "service/api_waves.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/wave.h"

#define ROUND_MS 50
#define ROUNDS_MAX 20
#define AT_ONCE 200

struct halt {
    struct crier *crier;
    struct door_request *request;
    char by[API_BY_BYTES];
    struct strings channels; /* paused */
    json_t *stopped, *cancelled, *troubles;
    uv_timer_t timer;
    size_t open;  /* requests at the ledger */
    size_t found; /* in this round */
    int rounds;
};

/* A request of the halt; the texts that it borrows live in the halt. */
struct ask {
    struct halt *halt;
    union {
        struct ledger_request req;
        struct ledger_waves waves;
        struct ledger_list list;
        struct ledger_wave_say say;
        struct ledger_move move;
    } u;
};

static void next_round(struct halt *h);

static struct ask *ask_new(struct halt *h, enum ledger_kind kind, ledger_done_fn *done)
{
    struct ask *a = mem_zalloc(sizeof *a);

    a->halt = h;
    a->u.req.kind = kind;
    a->u.req.done = done;
    h->open++;
    return a;
}

/* The last of them brings the next round. */
static void ask_free(struct ask *a)
{
    struct halt *h = a->halt;

    ledger_request_done(&a->u.req);
    mem_free(a);
    if (--h->open == 0) {
        next_round(h);
    }
}

static void note_trouble(struct halt *h, const struct err *why)
{
    if (json_array_size(h->troubles) < 10) {
        (void)json_array_append_new(h->troubles, json_string(why->text));
    }
}

/* ---- one of each ---- */

static void on_said(struct ledger_request *r)
{
    struct ask *a = container_of(r, struct ask, u.req);
    struct halt *h = a->halt;

    if (r->rc == ERR_NONE) {
        wave_said(h->crier, a->u.say.id);
        api__log_word(a->u.say.id, "stop", h->by, &a->u.say.wave);
        (void)json_array_append_new(h->stopped,
                                    api__wave_stopped_json(a->u.say.id, &a->u.say.wave));
        h->found++;
    } else if (r->rc != ERR_CONFLICT && r->rc != ERR_NOT_FOUND) {
        note_trouble(h, &r->why);
    }
    ask_free(a);
}

static void stop_wave(struct halt *h, struct delivery_id id)
{
    struct ask *a = ask_new(h, LEDGER_WAVE_SAY, on_said);

    a->u.say.id = id;
    a->u.say.word = WAVE_STOP;
    a->u.say.by = h->by;
    a->u.say.now_ms = clock_wall_ms();
    ledger_submit(h->crier->ledger, &a->u.req);
    /* Continues in on_said(). */
}

static void on_cancelled(struct ledger_request *r)
{
    struct ask *a = container_of(r, struct ask, u.req);
    struct halt *h = a->halt;
    char id[ID_TEXT_BYTES];

    if (r->rc == ERR_NONE) {
        courier_moved(h->crier->courier, &a->u.move);
        api__log_word(a->u.move.id, "stop", h->by, NULL);
        (void)json_array_append_new(h->cancelled,
                                    json_string(id_delivery_text(a->u.move.id, id)));
        h->found++;
    } else if (r->rc != ERR_CONFLICT) {
        note_trouble(h, &r->why);
    }
    ask_free(a);
}

static void cancel(struct halt *h, struct delivery_id id)
{
    struct ask *a = ask_new(h, LEDGER_MOVE, on_cancelled);

    a->u.move.move = MOVE_CANCEL;
    a->u.move.id = id;
    a->u.move.by = h->by;
    a->u.move.now_ms = clock_wall_ms();
    ledger_submit(h->crier->ledger, &a->u.req);
    /* Continues in on_cancelled(). */
}

/* ---- what there is ---- */

static bool is_ours(const struct halt *h, const json_t *row)
{
    const char *channel = json_path_str(row, "channel");

    return channel != NULL && strings_has(&h->channels, channel);
}

static void halt_2_on_waves(struct ledger_request *r)
{
    struct ask *a = container_of(r, struct ask, u.req);
    struct delivery_id id;
    const char *text;
    json_t *v;
    size_t i;

    if (r->rc) {
        note_trouble(a->halt, &r->why);
    }
    json_array_foreach(r->rc ? NULL : a->u.waves.out, i, v)
    {
        text = json_path_str(v, "delivery");
        if (is_ours(a->halt, v) && !json_is_true(json_object_get(v, "halted")) && text &&
            id_parse_delivery(text, &id)) {
            stop_wave(a->halt, id);
        }
    }
    ask_free(a);
}

/* Those that have a wave were stopped with it. */
static void halt_3_on_waiting(struct ledger_request *r)
{
    struct ask *a = container_of(r, struct ask, u.req);
    struct delivery_id id;
    const char *text;
    json_t *v;
    size_t i;

    if (r->rc) {
        note_trouble(a->halt, &r->why);
    }
    json_array_foreach(r->rc ? NULL : json_object_get(a->u.list.out, "items"), i, v)
    {
        text = json_path_str(v, "id");
        if (json_object_get(v, "wave") == NULL && text && id_parse_delivery(text, &id)) {
            cancel(a->halt, id);
        }
    }
    ask_free(a);
}

static void look_for_waves(struct halt *h)
{
    struct ask *a = ask_new(h, LEDGER_WAVES, halt_2_on_waves);

    a->u.waves.open = true;
    a->u.waves.limit = AT_ONCE;
    ledger_submit(h->crier->ledger, &a->u.req);
    /* Continues in halt_2_on_waves(). */
}

static void look_for_waiting(struct halt *h, const char *channel)
{
    static const enum delivery_state states[] = {
        DELIVERY_HELD, DELIVERY_READY, DELIVERY_AGAIN, DELIVERY_BLOCKED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct ask *a = ask_new(h, LEDGER_DELIVERIES, halt_3_on_waiting);

        a->u.list.channel = channel;
        a->u.list.state = (int)states[i];
        a->u.list.limit = AT_ONCE;
        ledger_submit(h->crier->ledger, &a->u.req);
    }
    /* Continues in halt_3_on_waiting(). */
}

/* ---- rounds ---- */

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static json_t *names_json(const struct strings *names)
{
    json_t *list = json_array();

    for (size_t i = 0; i < names->count; i++) {
        (void)json_array_append_new(list, json_string(names->v[i]));
    }
    return list;
}

static void answer(struct halt *h)
{
    json_t *v = json_pack("{s:o, s:o, s:o, s:o}",
                          "paused",
                          names_json(&h->channels),
                          "waves",
                          h->stopped,
                          "cancelled",
                          h->cancelled,
                          "troubles",
                          h->troubles);

    log_warn(EV_WAVES_HALTED,
             LOG_STR("by", h->by),
             LOG_U64("channels", h->channels.count),
             LOG_U64("waves", json_array_size(h->stopped)),
             LOG_U64("cancelled", json_array_size(h->cancelled)));
    door_reply_json(h->request, 200, v);
    strings_done(&h->channels);
    uv_close((uv_handle_t *)&h->timer, on_closed);
}

static bool something_runs(const struct halt *h)
{
    for (size_t i = 0; i < h->channels.count; i++) {
        struct channel *ch = channels_find_any(h->crier->channels, h->channels.v[i]);

        if (ch != NULL && courier_running_on(h->crier->courier, ch) > 0) {
            return true;
        }
    }
    return false;
}

static void round_of(struct halt *h)
{
    h->rounds++;
    h->found = 0;
    h->open++; /* no end before all are asked */
    look_for_waves(h);
    for (size_t i = 0; i < h->channels.count; i++) {
        look_for_waiting(h, h->channels.v[i]);
    }
    if (--h->open == 0) {
        next_round(h);
    }
}

static void on_timer(uv_timer_t *timer)
{
    round_of(container_of(timer, struct halt, timer));
}

/* What is on its way to a platform may take a while to be answered; that is not waited for for ever. */
static void next_round(struct halt *h)
{
    if ((h->found == 0 && !something_runs(h)) || h->rounds >= ROUNDS_MAX ||
        json_array_size(h->troubles) > 0) {
        answer(h);
        return;
    }
    must(uv_timer_start(&h->timer, on_timer, ROUND_MS, 0) == 0);
}

static void pause_channel(struct halt *h, struct channel *ch)
{
    if (ch == NULL || ch->adapter->audience == NULL) {
        return;
    }
    channel_pause(h->crier, ch);
    h->channels.v = mem_realloc(h->channels.v, h->channels.count + 1, sizeof *h->channels.v);
    h->channels.v[h->channels.count++] = mem_strdup(ch->name);
}

/* Those that a name stands for; all when there is none. False: refused. */
static bool pause_all(struct halt *h, const char *name)
{
    struct strings names = {.v = NULL};
    struct channel *ch;
    size_t cursor = 0;

    if (name != NULL && !config_channels_of(h->crier->config, name, &names)) {
        api__unknown_word(
            h->request, "channel", name, "channels", api__channel_names(h->crier));
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        pause_channel(h, channels_find(h->crier->channels, names.v[i]));
    }
    while (name == NULL && (ch = channels_each(h->crier->channels, &cursor)) != NULL) {
        pause_channel(h, ch->gone ? NULL : ch);
    }
    strings_done(&names);
    return true;
}

/* {"channel": "a channel or a group", "by": "…"} */
void api_halt_waves(struct crier *c, struct door_request *r)
{
    json_t *body = api__body_or_empty(r);
    struct halt *h;

    if (body == NULL) {
        return;
    }
    h = mem_zalloc(sizeof *h);
    h->crier = c;
    h->request = r;
    if (!api__said_by(r, body, h->by) || !pause_all(h, json_path_str(body, "channel"))) {
        mem_free(h);
        json_decref(body);
        return;
    }
    json_decref(body);
    h->stopped = json_array();
    h->cancelled = json_array();
    h->troubles = json_array();
    must(uv_timer_init(c->loop, &h->timer) == 0);
    h->timer.data = h;
    round_of(h);
    /* Continues in halt_2_on_waves() and halt_3_on_waiting(). */
}
