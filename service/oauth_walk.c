/* An adapter's oauth steps over the network, one after the other. Called by keeper_renew.c and cli_login.c;
 * what it got stays in the walk until they take it.
 *
 * What is not an answer is LATER, and so is whatever cannot be read; a build that fails is about the settings,
 * so REFUSED. The answers hold the very tokens that must not be told, so what is said of them is cleaned of the
 * grant before and of the one behind. */

#include "service/oauth_walk.h"

#include "adapters/record.h"
#include "service/hide.h"

#define TIMEOUT_MS (30 * MS_SECOND)

static out_done_fn walk_2_on_answer;

static void send_step(struct oauth_walk *w)
{
    w->exchange = (struct out_exchange){
        .request = &w->request,
        .allow_private = w->channel->allow_private,
        .once = w->once,
        .timeout_ms = w->channel->timeout_ms > 0 ? w->channel->timeout_ms : TIMEOUT_MS,
        .done = walk_2_on_answer,
    };
    out_send(w->out, &w->exchange);
}

/* From the step at hand on. true: a request is on its way. */
static bool walk_on(struct oauth_walk *w)
{
    struct err why = {0};

    for (; w->at->name; w->at++) {
        w->call.now_ms = clock_wall_ms();
        http_request_init(&w->request);
        if (w->at->build(&w->call, &w->request, &why)) {
            w->verdict = oauth_verdict_make(OAUTH_REFUSED, 0, "%.200s", why.text);
            http_request_done(&w->request);
            return false;
        }
        if (!w->request.skip) {
            send_step(w);
            return true;
        }
        http_request_done(&w->request);
    }
    w->verdict = record_str(w->call.grant, "access_token")
                     ? oauth_verdict_make(OAUTH_OK, 0, "%s", "")
                     : oauth_verdict_make(OAUTH_LATER, 0, "no token came of it");
    return false;
}

static struct oauth_verdict read_answer(struct oauth_walk *w)
{
    struct out_exchange *x = &w->exchange;
    json_t *before = json_deep_copy(w->call.grant);
    struct oauth_verdict v;

    w->call.now_ms = clock_wall_ms();
    if (x->outcome != TRANSPORT_ANSWERED) {
        w->lost = x->outcome == TRANSPORT_LOST;
        v = oauth_verdict_make(OAUTH_LATER, 0, "no answer: %.200s", x->error);
    } else {
        if (x->response.status >=
            300) { /* a token that stays the same may come back with a yes */
            hide_in_answer(x, w->channel, NULL, before);
        }
        v = w->at->read(&w->call, &x->response);
    }
    hide_in_detail(v.detail, sizeof v.detail, w->channel, before, w->call.grant);
    json_decref(before);
    return v;
}

static void walk_2_on_answer(struct out_exchange *x)
{
    struct oauth_walk *w = container_of(x, struct oauth_walk, exchange);

    w->verdict = read_answer(w);
    out_exchange_done(x);
    http_request_done(&w->request);
    if (w->verdict.outcome == OAUTH_OK) {
        w->at++;
        if (walk_on(w)) {
            return; /* comes here again */
        }
    }
    w->done(w);
}

bool oauth_walk_start(struct oauth_walk *w)
{
    w->at = w->steps;
    w->lost = false;
    return walk_on(w);
}

void oauth_walk_cancel(struct oauth_walk *w)
{
    out_cancel(&w->exchange);
}

void oauth_walk_done(struct oauth_walk *w)
{
    json_decref(w->call.grant);
    w->call.grant = NULL;
}
