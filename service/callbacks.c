/* What platforms call us with about their messages: /callbacks/{channel}. Called by the door; a call belongs to
 * nobody but itself until it is answered.
 *
 *   callback_verify       GET: is this the address to call? The platform's question when it is set up
 *   callback_deliver      POST: of a channel with an audience that is told of things?
 *   deliver_2_read        on the reading thread: the signature, then what it says
 *   deliver_3_on_read     refuse, or all of it to the ledger
 *   deliver_4_on_written  one of the writes is on disk; the last one answers
 *
 * 200 only when all of it is on disk: else 503, and the platform tells it again. What comes twice, late or in
 * another order changes nothing (queue/sqlite_wave_told.c). What is of no member or no message of ours is
 * nobody's business, and answered like the rest. */

#include "service/callbacks.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/metrics.h"
#include "service/reader.h"
#include "service/wave.h"

struct callback;
/* A word of a member's own. */
struct wish {
    struct callback *callback;
    const struct member_news *news;
    struct ledger_member_set set;
};
struct callback {
    struct reader_job job;
    struct crier *crier;
    struct door_request *request;
    struct config *config; /* holds settings */
    const struct channel_settings *settings;
    const struct audience *audience;
    char channel[64];
    struct audience_call call;
    char *signature;
    /* what the reading thread leaves */
    enum audience_signed verdict;
    bool readable;
    struct member_news_list list;
    struct ledger_wave_told told;
    struct ledger_wave_news *news;
    struct wish *wishes;
    size_t wish_count, waiting;
    bool failed;
};

static void callback_free(struct callback *k)
{
    mem_free(k->list.v);
    mem_free(k->news);
    mem_free(k->wishes);
    mem_free(k->signature);
    config_unref(k->config);
    mem_free(k);
}

static struct channel *find(struct crier *c, struct door_request *r)
{
    struct channel *ch = channels_find(c->channels, door_param(r, 0));

    if (ch == NULL || ch->adapter->audience == NULL || ch->adapter->audience->read == NULL) {
        door_problem(r,
                     404,
                     NULL,
                     "there is no channel \"%.64s\" that is told of things",
                     door_param(r, 0));
        return NULL;
    }
    return ch;
}

/* ---- the question ---- */

void callback_verify(struct crier *c, struct door_request *r)
{
    struct channel *ch = find(c, r);
    const char *answer;
    struct buf text;

    if (ch == NULL) {
        return;
    }
    answer = ch->adapter->audience->challenge(ch->settings->own,
                                              door_query(r, "hub.mode"),
                                              door_query(r, "hub.verify_token"),
                                              door_query(r, "hub.challenge"));
    if (answer == NULL) {
        door_refuse_login(r,
                          door_query(r, "hub.verify_token") != NULL,
                          "the verify token is not the channel's verify_token");
        return;
    }
    buf_init(&text, strlen(answer) + 1);
    buf_adds(&text, answer);
    door_reply_text(r, 200, "text/plain; charset=utf-8", &text);
}

/* ---- answers ---- */

static void answer(struct callback *k)
{
    if (k->failed) {
        door_reply_header(k->request, "Retry-After", "30");
        door_problem(k->request, 503, NULL, "not now; it is not lost if you come again");
    } else {
        door_reply_empty(k->request, 200);
    }
    callback_free(k);
}

static void settle(struct callback *k, enum err_code rc)
{
    k->failed |= rc != ERR_NONE && rc != ERR_NOT_FOUND;
    if (--k->waiting == 0) {
        answer(k);
    }
}

static void deliver_4_on_told(struct ledger_request *r)
{
    struct callback *k = container_of(r, struct callback, told.req);
    enum err_code rc = r->rc;

    for (size_t i = 0; rc == ERR_NONE && i < k->told.settled_count; i++) {
        wave_settled(k->crier, k->told.settled[i]);
    }
    ledger_request_done(r);
    settle(k, rc);
}

static void deliver_4_on_set(struct ledger_request *r)
{
    struct wish *w = container_of(r, struct wish, set.req);
    struct callback *k = w->callback;

    if (r->rc == ERR_NOT_FOUND && w->news->other[0] != '\0' &&
        w->set.address != w->news->other) {
        w->set.address = w->news->other;
        r->rc = ERR_NONE;
        ledger_submit(k->crier->ledger, r);
        return;
    }
    if (r->rc == ERR_NONE) {
        log_info(EV_AUDIENCE_CHANGED,
                 LOG_STR("channel", k->channel),
                 LOG_STR("by", "webhook"),
                 LOG_STR("what", w->news->kind == NEWS_STOP ? "stopped" : "back"),
                 LOG_I64("count", 1));
    }
    settle(k, r->rc);
}

/* ---- what is told ---- */

static const char *kind_of(const struct member_news *n)
{
    if (n->kind != NEWS_STATUS) {
        return n->kind == NEWS_STOP ? "stop" : "start";
    }
    return n->status == MEMBER_WAS_SENT        ? "sent"
           : n->status == MEMBER_WAS_DELIVERED ? "delivered"
           : n->status == MEMBER_WAS_READ      ? "read"
                                               : "failed";
}

static void stop_channel(struct callback *k, const struct member_news *n)
{
    struct channel *ch = channels_find(k->crier->channels, k->channel);

    if (ch && !ch->kept.blocked) {
        channel_block(k->crier, ch, n->detail);
    }
}

static void take_status(struct callback *k, const struct member_news *n)
{
    struct ledger_wave_news *to = &k->news[k->told.count];
    char delivery[32];

    if (n->stops_channel) {
        stop_channel(k, n);
    }
    if (member_name_read(n->name, delivery, &to->member) &&
        id_parse_delivery(delivery, &to->delivery)) {
        to->status = n->status;
        to->outcome = n->outcome;
        to->detail = n->detail;
        k->told.count++;
    }
}

static void take_wish(struct callback *k, const struct member_news *n)
{
    struct wish *w = &k->wishes[k->wish_count++];

    w->callback = k;
    w->news = n;
    w->set = (struct ledger_member_set){
        .req = {.kind = LEDGER_MEMBER_SET, .done = deliver_4_on_set},
        .channel = k->channel,
        .address = n->address,
        .change = n->kind == NEWS_STOP ? MEMBER_STOP : MEMBER_START,
        .why = n->detail,
        .now_ms = clock_wall_ms(),
    };
}

static void submit_all(struct callback *k)
{
    k->waiting = 1 + k->wish_count;
    for (size_t i = 0; i < k->wish_count; i++) {
        ledger_submit(k->crier->ledger, &k->wishes[i].set.req);
    }
    k->told.req = (struct ledger_request){.kind = LEDGER_WAVE_TOLD, .done = deliver_4_on_told};
    k->told.channel = k->channel;
    k->told.v = k->news;
    k->told.now_ms = clock_wall_ms();
    ledger_submit(k->crier->ledger, &k->told.req);
    /* Continues in deliver_4_on_set() and deliver_4_on_told(). */
}

static void take_all(struct callback *k)
{
    k->news = mem_calloc(k->list.count, sizeof *k->news);
    k->wishes = mem_calloc(k->list.count, sizeof *k->wishes);
    for (size_t i = 0; i < k->list.count; i++) {
        const struct member_news *n = &k->list.v[i];

        metrics_add(k->crier->metrics, METRIC_MEMBER_NEWS, k->channel, kind_of(n));
        if (n->kind == NEWS_STATUS) {
            take_status(k, n);
        } else {
            take_wish(k, n);
        }
    }
    if (k->told.count == 0 && k->wish_count == 0) {
        answer(k);
        return;
    }
    submit_all(k);
}

/* ---- the call ---- */

static void deliver_2_read(struct reader_job *job)
{
    struct callback *k = container_of(job, struct callback, job);

    k->verdict = k->audience->check(k->settings->own, &k->call);
    if (k->verdict == AUDIENCE_GOOD) {
        k->readable = k->audience->read(k->settings->own, &k->call, &k->list);
    }
}

static const char *why_refused(enum audience_signed verdict)
{
    switch (verdict) {
    case AUDIENCE_NO_SECRET:
        return "the channel has no app_secret, so nothing that is told can be believed";
    case AUDIENCE_UNSIGNED:
        return "the call is not signed";
    default:
        return "the signature is wrong: app_secret is another app's, or this is a forgery";
    }
}

static void deliver_3_on_read(struct reader_job *job)
{
    struct callback *k = container_of(job, struct callback, job);

    if (k->verdict != AUDIENCE_GOOD) {
        door_refuse_login(k->request, k->verdict == AUDIENCE_WRONG, why_refused(k->verdict));
    } else if (!k->readable) {
        door_problem(k->request, 400, NULL, "the body is no JSON object");
    } else if (k->crier->phase != CRIER_READY) {
        k->failed = true;
        answer(k);
        return;
    } else {
        take_all(k);
        return;
    }
    callback_free(k);
}

void callback_deliver(struct crier *c, struct door_request *r)
{
    struct channel *ch = find(c, r);
    struct callback *k;

    if (ch == NULL) {
        return;
    }
    k = mem_zalloc(sizeof *k);
    k->crier = c;
    k->request = r;
    k->config = config_ref(ch->config);
    k->settings = ch->settings;
    k->audience = ch->adapter->audience;
    (void)snprintf(k->channel, sizeof k->channel, "%s", ch->name);
    k->signature = mem_strdup(door_header(r, k->audience->signature_header));
    k->call.signature = k->signature;
    k->call.body = door_body(r, &k->call.body_len);
    k->job.work = deliver_2_read;
    k->job.done = deliver_3_on_read;
    reader_submit(c->reader, &k->job);
    /* Continues in deliver_3_on_read(). */
}
