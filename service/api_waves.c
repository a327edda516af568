/* Waves over the API: which are under way or wait, one of them, and a person's word: stop it, or let it go. Called
 * by the door. Stopping all of them at once is api_waves_halt.c's.
 *
 * A word is written down first (LEDGER_WAVE_SAY), with who said it, and acted on then: so what is answered holds
 * after a crash as well.
 *
 *   api_stop_wave       the word
 *   stop_2_on_said      it is on disk: what runs begins nothing more
 *   stop_2_unsaid       there is no wave yet: the delivery that would become one is cancelled
 *   stop_3_on_cancelled … and nobody has it */

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "service/api_internal.h"
#include "service/api_waves.h"
#include "service/channels.h"
#include "service/courier.h"
#include "service/wave.h"

#define LIMIT_DEFAULT 20

/* ---- looking ---- */

static void answer_list(struct api_call *call)
{
    door_reply_json(
        call->request, 200, json_pack("{s:O}", "items", json_unconst(call->u.waves.out)));
}

/* ?limit= &channel= &open=true */
void api_list_waves(struct crier *c, struct door_request *r)
{
    const char *limit = door_query(r, "limit"), *open = door_query(r, "open");
    const char *channel = door_query(r, "channel");
    struct api_call *call;
    int64_t n = LIMIT_DEFAULT;

    if (limit != NULL && (!parse_i64(limit, &n) || n < 1 || n > API_LIMIT_MAX)) {
        door_problem(r, 400, NULL, "limit is a number from 1 to %d", API_LIMIT_MAX);
        return;
    }
    if (open != NULL && strcmp(open, "true") != 0) {
        door_problem(r, 400, NULL, "open: expected true, got \"%.64s\"", open);
        return;
    }
    if (channel != NULL && channels_find_any(c->channels, channel) == NULL) {
        api__unknown_word(r, "channel", channel, "channels", api__channel_names(c));
        return;
    }
    call = api__call_new(c, r, LEDGER_WAVES, answer_list);
    call->u.waves.channel = channel;
    call->u.waves.open = open != NULL;
    call->u.waves.limit = (size_t)n;
    api__call_submit(call);
    /* Continues in answer_list(). */
}

static bool read_id(struct door_request *r, struct delivery_id *out)
{
    if (id_parse_delivery(door_param(r, 0), out)) {
        return true;
    }
    door_problem(r, 404, NULL, "\"%.32s\" is no id of a delivery (dlv_…)", door_param(r, 0));
    return false;
}

static void answer_one(struct api_call *call)
{
    json_t *v = json_array_get(call->u.waves.out, 0);

    if (v == NULL) {
        door_problem(call->request, 404, NULL, "that delivery has no wave (yet)");
    } else {
        door_reply_json(call->request, 200, json_incref(v));
    }
}

void api_get_wave(struct crier *c, struct door_request *r)
{
    struct delivery_id id;
    struct api_call *call;

    if (!read_id(r, &id)) {
        return;
    }
    call = api__call_new(c, r, LEDGER_WAVES, answer_one);
    call->u.waves.id = id;
    call->u.waves.limit = 1;
    api__call_submit(call);
    /* Continues in answer_one(). */
}

/* ---- a person's word ---- */

int64_t api__wave_had(const struct ledger_wave *w)
{
    return w->accepted + w->unknown;
}

/* Nobody that is left gets it: not those whose turn has not come, nor those who were to be tried again. (Whom it was not
 * for is among them: the ledger counts both as skipped.) */
int64_t api__wave_spared(const struct ledger_wave *w)
{
    int64_t rest =
        w->total - w->accepted - w->unknown - w->refused - w->undeliverable - w->stopped;

    return rest > 0 ? rest : 0;
}

void api__log_word(struct delivery_id id,
                   const char *word,
                   const char *by,
                   const struct ledger_wave *w)
{
    log_warn(EV_WAVE_SAID,
             LOG_DELIVERY(id),
             LOG_STR("word", word),
             LOG_STR("by", by),
             LOG_I64("had", w ? api__wave_had(w) : 0),
             LOG_I64("spared", w ? api__wave_spared(w) : 0));
}

json_t *api__wave_stopped_json(struct delivery_id id, const struct ledger_wave *w)
{
    char text[ID_TEXT_BYTES];

    return json_pack("{s:s, s:b, s:I, s:I, s:I}",
                     "delivery",
                     id_delivery_text(id, text),
                     "begun",
                     w != NULL,
                     "members",
                     (json_int_t)(w ? w->total : 0),
                     "had",
                     (json_int_t)(w ? api__wave_had(w) : 0),
                     "spared",
                     (json_int_t)(w ? api__wave_spared(w) : 0));
}

bool api__said_by(struct door_request *r, const json_t *body, char out[API_BY_BYTES])
{
    const char *by = json_path_str(body, "by");

    if (json_object_get(body, "by") != NULL && (!by || strlen(by) >= API_BY_BYTES)) {
        door_problem(r,
                     422,
                     api__pointed("/by", "a short text"),
                     "by: who says so, in at most %d bytes",
                     API_BY_BYTES - 1);
        return false;
    }
    memset(out, 0, API_BY_BYTES);
    memcpy(out, by && by[0] ? by : "api", by && by[0] ? strlen(by) : 3);
    return true;
}

static void stop_2_on_said(struct api_call *call)
{
    const struct ledger_wave_say *say = &call->u.say;

    wave_said(call->crier, say->id);
    api__log_word(say->id, "stop", say->by, &say->wave);
    door_reply_json(call->request, 200, api__wave_stopped_json(say->id, &say->wave));
}

static void stop_3_on_cancelled(struct api_call *call)
{
    const struct ledger_move *m = &call->u.move;

    courier_moved(call->crier->courier, m);
    api__log_word(m->id, "stop", m->by, NULL);
    door_reply_json(call->request, 200, api__wave_stopped_json(m->id, NULL));
}

/* It runs, and its wave is about to be opened: the word comes a moment too early. */
static void stop_3_not_cancelled(struct api_call *call)
{
    if (call->u.req.rc == ERR_CONFLICT) {
        door_problem(call->request,
                     409,
                     NULL,
                     "it has ended, or begins in this moment; say it again if it goes on");
    } else {
        door_problem_err(call->request, call->u.req.rc, &call->u.req.why);
    }
}

static void stop_2_unsaid(struct api_call *call)
{
    struct api_call *move;

    if (call->u.req.rc != ERR_NOT_FOUND) {
        door_problem_err(call->request, call->u.req.rc, &call->u.req.why);
        return;
    }
    move = api__call_new(call->crier, call->request, LEDGER_MOVE, stop_3_on_cancelled);
    move->failed = stop_3_not_cancelled;
    move->kept = call->kept; /* who said so */
    move->free_kept = mem_free;
    call->kept = NULL;
    move->u.move.move = MOVE_CANCEL;
    move->u.move.id = call->u.say.id;
    move->u.move.by = call->u.say.by;
    move->u.move.now_ms = clock_wall_ms();
    api__call_submit(move);
    /* Continues in stop_3_on_cancelled(). */
}

static void confirm_2_on_said(struct api_call *call)
{
    const struct ledger_wave_say *say = &call->u.say;
    char id[ID_TEXT_BYTES];

    wave_said(call->crier, say->id);
    api__log_word(say->id, "confirm", say->by, &say->wave);
    door_reply_json(call->request,
                    200,
                    json_pack("{s:s, s:I}",
                              "delivery",
                              id_delivery_text(say->id, id),
                              "members",
                              (json_int_t)say->wave.total));
}

static void confirm_2_unsaid(struct api_call *call)
{
    if (call->u.req.rc == ERR_NOT_FOUND) {
        door_problem(call->request, 404, NULL, "that delivery has no wave (yet)");
    } else {
        door_problem_err(call->request, call->u.req.rc, &call->u.req.why);
    }
}

static void say(struct crier *c, struct door_request *r, enum wave_word word, api_call_fn *done)
{
    json_t *body = api__body_or_empty(r);
    char *by = mem_zalloc(API_BY_BYTES);
    struct api_call *call;
    struct delivery_id id;

    if (body == NULL || !read_id(r, &id) || !api__said_by(r, body, by)) {
        json_decref(body);
        mem_free(by);
        return;
    }
    json_decref(body);
    call = api__call_new(c, r, LEDGER_WAVE_SAY, done);
    call->failed = word == WAVE_STOP ? stop_2_unsaid : confirm_2_unsaid;
    call->kept = by;
    call->free_kept = mem_free;
    call->u.say.id = id;
    call->u.say.word = word;
    call->u.say.by = by;
    call->u.say.now_ms = clock_wall_ms();
    api__call_submit(call);
}

void api_stop_wave(struct crier *c, struct door_request *r)
{
    say(c, r, WAVE_STOP, stop_2_on_said);
    /* Continues in stop_2_on_said(). */
}

/* Nothing is let go while the service goes down; a stop is always taken. */
void api_confirm_wave(struct crier *c, struct door_request *r)
{
    if (api__takes_in(c, r)) {
        say(c, r, WAVE_CONFIRM, confirm_2_on_said);
    }
    /* Continues in confirm_2_on_said(). */
}
