/* Dialogues about tokens: an adapter's way to a grant (login), or to a newer one (renew), played from a file
 * the way service/keeper.c and `crier keys login` run it. Called by dialogue.c. */

#include "support/dialogue_internal.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/oauth.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"

static const char *const outcomes[] = {"ok", "later", "revoked", "refused"};

struct oauth_play {
    struct dialogue *d;
    const struct oauth *oauth;
    struct oauth_call call;
    const struct oauth_step *at; /* NULL: it has ended */
    struct step named; /* for whoever looks at requests: the step's name, and nothing else */
};

static void set_call(struct oauth_play *p)
{
    const json_t *c = json_object_get(p->d->root, "call");
    const json_t *grant = json_object_get(p->d->root, "grant");
    bool login = strcmp(json_path_str(p->d->root, "oauth"), "login") == 0;

    p->call.settings = p->d->settings;
    p->call.grant = grant ? json_deep_copy(grant) : json_object();
    p->call.now_ms = p->d->ctx.now_ms;
    p->at = login ? p->oauth->login : p->oauth->renew;
    if (!login) {
        return;
    }
    p->call.redirect_uri =
        dialogue__text_or(c, "redirect_uri", "http://127.0.0.1:8490/callback");
    p->call.state = dialogue__text_or(c, "state", "st4te");
    p->call.code = dialogue__text_or(c, "code", "c0de");
    p->call.callback = json_object_get(c, "callback");
    if (p->oauth->pkce) { /* RFC 7636, appendix B */
        p->call.verifier =
            dialogue__text_or(c, "verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        p->call.challenge =
            dialogue__text_or(c, "challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}

/* As the keeper asks. */
static bool can_renew(const struct oauth_play *p)
{
    if (!p->oauth->renew) {
        return false;
    }
    return p->oauth->can_renew
               ? p->oauth->can_renew(&p->call)
               : record_str(p->call.grant, "refresh_token") != NULL &&
                     oauth_settings_of(p->oauth, p->call.settings)->client_id != NULL;
}

static void check_page(struct oauth_play *p)
{
    const json_t *want = json_object_get(p->d->root, "authorize");
    const json_t *renews = json_object_get(p->d->root, "can_renew");
    struct buf url;

    if (renews && json_is_true(renews) != can_renew(p)) {
        dialogue_fault(p->d, "can_renew: got %d", can_renew(p));
    }
    if (!want) {
        return;
    }
    buf_init(&url, 16384);
    if (p->oauth->authorize) {
        p->oauth->authorize(&p->call, &url);
    }
    dialogue__expect_text(p->d, "authorize", want, p->oauth->authorize ? buf_str(&url) : NULL);
    buf_done(&url);
}

/* ---- exchanges ---- */

static bool build(struct oauth_play *p, struct http_request *req, const json_t *expect)
{
    const char *want_error = json_path_str(expect, "error");
    struct http_request again;
    struct err why = {.code = ERR_NONE};
    enum err_code rc = p->at->build(&p->call, req, &why);

    if (rc || want_error) {
        if (!rc || !want_error || strcmp(err_name(rc), want_error) != 0) {
            dialogue_fault(p->d,
                           "build: want %s, got %s %s",
                           want_error ? want_error : "no error",
                           err_name(rc),
                           why.text);
        }
        return false;
    }
    http_request_init(&again);
    if (p->at->build(&p->call, &again, NULL) || !dialogue__same_request(req, &again)) {
        dialogue_fault(p->d, "built again it is another request: %s", buf_str(&again.body));
    }
    http_request_done(&again);
    return true;
}

static void go_on(struct oauth_play *p, enum oauth_outcome outcome, bool last)
{
    const struct oauth_step *next = p->at[1].name ? p->at + 1 : NULL;

    p->at = outcome == OAUTH_OK ? next : outcome == OAUTH_LATER && !last ? p->at : NULL;
    if (last && p->at) {
        dialogue_fault(p->d, "the dialogue ends, but the way goes on with %s", p->at->name);
    } else if (!last && !p->at) {
        dialogue_fault(p->d, "the way ended here, but the dialogue goes on");
    } else if (outcome == OAUTH_OK && !p->at && !record_str(p->call.grant, "access_token")) {
        dialogue_fault(p->d, "it went well, and there is no access_token in the grant");
    }
}

static void
check_outcome(struct oauth_play *p, const struct oauth_verdict *v, const json_t *exchange)
{
    const json_t *retry = json_object_get(exchange, "retry_after_ms");
    const char *want = json_path_str(exchange, "outcome");
    const char *detail = json_path_str(exchange, "detail");

    if (!want || strcmp(want, outcomes[v->outcome]) != 0) {
        dialogue_fault(p->d,
                       "outcome: want %s, got %s (%s)",
                       want ? want : "(not told)",
                       outcomes[v->outcome],
                       v->detail);
    }
    if (retry && json_integer_value(retry) != v->retry_after_ms) {
        dialogue_fault(p->d,
                       "retry_after_ms: want %lld, got %lld",
                       (long long)json_integer_value(retry),
                       (long long)v->retry_after_ms);
    }
    if (detail && !strstr(v->detail, detail)) {
        dialogue_fault(p->d, "detail: want \"%s\" in \"%s\"", detail, v->detail);
    }
    if (v->outcome != OAUTH_OK && !v->detail[0]) {
        dialogue_fault(p->d, "it says nothing of why");
    }
    dialogue__check_leaks(p->d, "detail", v->detail, p->call.grant);
    dialogue__check_leaks(p->d, "detail", v->detail, json_object_get(p->d->root, "grant"));
}

static void answer(struct oauth_play *p, const json_t *exchange, bool last)
{
    struct oauth_verdict v;
    struct http_response res;
    struct buf body;

    dialogue__answer(p->d, json_object_get(exchange, "answer"), &res, &body);
    v = p->at->read(&p->call, &res);
    http_headers_done(&res.headers);
    buf_done(&body);
    check_outcome(p, &v, exchange);
    dialogue__expect_subset(p->d, "grant", json_object_get(exchange, "grant"), p->call.grant);
    go_on(p, v.outcome, last);
}

static void exchange(struct oauth_play *p, const json_t *exchange, bool last)
{
    const json_t *expect = json_object_get(exchange, "expect");
    struct http_request req;

    p->d->ctx.now_ms += json_integer_value(json_object_get(exchange, "advance_ms"));
    p->call.now_ms = p->d->ctx.now_ms;
    p->named.name = p->at->name;
    p->d->step = &p->named;
    dialogue__expect_text(p->d, "step", json_object_get(exchange, "step"), p->at->name);
    http_request_init(&req);
    if (!build(p, &req, expect)) {
        p->at = NULL;
    } else if (req.skip != json_is_true(json_object_get(expect, "skip"))) {
        dialogue_fault(p->d, "build: %s", req.skip ? "skipped" : "did not skip");
        p->at = NULL;
    } else if (req.skip) {
        go_on(p, OAUTH_OK, last);
    } else {
        dialogue__check_request(p->d, &req, expect);
        if (p->d->on_request) {
            p->d->on_request(p->d, p->d->adapter, &p->named, &req, p->d->context);
        }
        answer(p, exchange, last);
    }
    http_request_done(&req);
}

static void run(struct oauth_play *p)
{
    const json_t *list = json_object_get(p->d->root, "exchanges");
    json_t *v;
    size_t i;

    if (json_array_size(list) > 0 && !p->at) {
        dialogue_fault(p->d, "the adapter has no such steps");
        return;
    }
    json_array_foreach(list, i, v)
    {
        p->d->at = i + 1;
        if (!p->at) {
            dialogue_fault(p->d, "the way had ended before");
            return;
        }
        exchange(p, v, i + 1 == json_array_size(list));
    }
}

void dialogue__run_oauth(struct dialogue *d)
{
    struct oauth_play p = {.d = d, .oauth = d->adapter->oauth};

    if (!p.oauth) {
        dialogue_fault(d, "the adapter has no struct oauth");
        return;
    }
    if (!dialogue__set_up(d) || !dialogue__set_settings(d)) {
        return;
    }
    d->ctx.grant = NULL; /* it is the call's */
    set_call(&p);
    check_page(&p);
    run(&p);
    d->step = NULL;
    json_decref(p.call.grant);
}
