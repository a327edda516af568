/* One dry run of an audience. Started by canary.c; owns all that it holds until canary__ended().
 *
 *   canary__run          a row of the channel is written, as it is
 *   run_2_on_saved       it is on disk; members are read, to make a message for
 *   run_3_on_members     the access token, where the adapter has one
 *   run_4_on_token       plan, sign, compose, encrypt: as for a wave, with an article of our own
 *   run_5_on_probed      the adapter's own test has said what the platform thinks of us
 *   run_6_on_answer      a push service has answered; the next one, or the end
 *
 * Nothing is sent to anybody: what is composed is thrown away, and a push service is asked for its front page. Settings
 * may be read anew meanwhile: the run goes on with those it began with. */

#include "service/canary_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/oauth.h"
#include "adapters/push.h"
#include "adapters/registry.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "service/channels.h"
#include "service/context.h"
#include "service/courier.h"
#include "service/crier.h"
#include "service/hide.h"
#include "service/keeper.h"
#include "service/out.h"

#define SAMPLES 200 /* members that are read: their push services are the ones in use */
#define ORIGINS_MAX 8
#define FEW_PART 10 /* less than a tenth of them are few */
#define ORIGIN_BYTES 300
#define SERVICE_TIMEOUT_MS (15 * MS_SECOND)
#define PATH_MAX_BYTES ((size_t)16 * 1024)
#define BODY_MAX_BYTES ((size_t)1024 * 1024)

struct canary_run {
    struct canary *of;
    struct crier *crier;
    struct config *config; /* holds settings */
    const struct channel_settings *settings;
    const struct adapter *adapter;
    json_t *account;
    int64_t started_mono_ms;
    struct ledger_channel_save save;
    struct ledger_channel copy;
    struct ledger_members members;
    struct keeper_wait token;
    char origins[ORIGINS_MAX][ORIGIN_BYTES];
    size_t origin_members[ORIGINS_MAX]; /* of those that were read */
    size_t origin_count, asked;
    struct http_request request;
    struct out_exchange exchange;
    enum { CANARY_ELSEWHERE, CANARY_AT_TOKEN, CANARY_AT_SERVICE } at; /* what it waits for */
};

/* ---- the end ---- */

static void end(struct canary_run *r, const char *stage, const char *detail)
{
    struct canary *of = r->of;
    char text[CANARY_DETAIL_BYTES];
    int64_t took_ms = clock_mono_ms() - r->started_mono_ms;

    (void)snprintf(text, sizeof text, "%s", detail);
    hide_in_detail(text, sizeof text, r->settings, r->account, r->token.grant);
    ledger_channel_done(&r->copy);
    ledger_request_done(&r->members.req);
    keeper_wait_done(&r->token);
    http_request_done(&r->request);
    json_decref(r->account);
    config_unref(r->config);
    mem_free(r);
    canary__ended(of, stage, text, took_ms);
}

static void pass(struct canary_run *r)
{
    end(r, NULL, "");
}

/* ---- push services ---- */

static void ask_next(struct canary_run *r);

/* Whatever it says to a request for its front page: it is there, and it is itself. */
static void run_6_on_answer(struct out_exchange *x)
{
    struct canary_run *r = container_of(x, struct canary_run, exchange);
    bool good = x->outcome == TRANSPORT_ANSWERED && x->response.status < 500;
    char detail[CANARY_DETAIL_BYTES];

    if (!good) {
        (void)snprintf(detail,
                       sizeof detail,
                       "%.100s: %.100s (status %d)",
                       r->origins[r->asked - 1],
                       x->error[0] ? x->error : "no good answer",
                       x->outcome == TRANSPORT_ANSWERED ? x->response.status : 0);
    }
    r->at = CANARY_ELSEWHERE;
    out_exchange_done(x);
    http_request_done(&r->request);
    http_request_init(&r->request);
    if (!good) {
        end(r, "service", detail);
        return;
    }
    ask_next(r);
}

static void ask_next(struct canary_run *r)
{
    if (r->asked == r->origin_count) {
        pass(r);
        return;
    }
    r->request.method = HTTP_HEAD;
    http_set_url(&r->request, "%s/", r->origins[r->asked++]);
    r->exchange = (struct out_exchange){
        .request = &r->request,
        .allow_private = r->settings->allow_private,
        .timeout_ms = SERVICE_TIMEOUT_MS,
        .done = run_6_on_answer,
    };
    r->at = CANARY_AT_SERVICE;
    out_send(r->crier->out, &r->exchange);
    /* Continues in run_6_on_answer(). */
}

/* ---- the adapter's own test ---- */

static void run_5_on_probed(void *context, const struct verdict *v)
{
    struct canary_run *r = context;

    if (v->kind != VERDICT_DONE) {
        end(r, "probe", v->detail);
        return;
    }
    ask_next(r);
}

static void probe(struct canary_run *r)
{
    struct err why = {0};
    enum err_code rc;

    if (adapter_course_with(r->adapter, r->settings->own, COURSE_TEST) == NULL) {
        ask_next(r);
        return;
    }
    rc = courier_probe(r->crier->courier, r->of->channel, run_5_on_probed, r, &why);
    if (rc) {
        end(r, "probe", why.text);
    }
    /* Continues in run_5_on_probed(). */
}

/* ---- a message ---- */

/* What all messages share is made in the steps before; those that would send something go by the sample of an
 * answer, as in a preview. */
static enum err_code share_step(const struct step *step, struct step_ctx *ctx, struct err *why)
{
    const char *body = step->sample != NULL ? step->sample : "{}";
    struct http_response res = {
        .status = 200, .body = body, .body_len = strlen(body), .now_ms = ctx->now_ms};
    struct http_request request;
    enum err_code rc;

    http_request_init(&request);
    rc = step->build(ctx, &request, why);
    if (rc == ERR_NONE && !request.skip && step->read(ctx, &res).kind != VERDICT_NEXT) {
        rc =
            err_set(why, ERR_INVALID, "step %s: a sample answer is not understood", step->name);
    }
    http_request_done(&request);
    return rc;
}

/* The step for each member, what comes before it being made. */
static enum err_code
reach_members(const struct adapter *a, struct step_ctx *ctx, struct err *why)
{
    enum err_code rc = ERR_NONE;

    for (const struct step *s = a->publish; rc == ERR_NONE && s->name && !s->each_member; s++) {
        rc = share_step(s, ctx, why);
    }
    return rc;
}

static const struct step *member_step(const struct adapter *a)
{
    const struct step *s = a->publish;

    while (s->name != NULL && !s->each_member) {
        s++;
    }
    return s->name != NULL ? s : NULL;
}

static struct member member_from(const struct ledger_member *m)
{
    return (struct member){.id = m->id,
                           .address = m->address,
                           .language = m->language,
                           .keys = m->keys,
                           .keys_len = m->keys_len,
                           .key_id = m->key_id};
}

/* One that no adapter knows: a reader's browser may bring any. */
static bool is_stranger(const struct canary_run *r, const char *origin)
{
    const struct push *push = r->adapter->audience->push;

    return push->service != NULL && strcmp(push->service(origin), "other") == 0;
}

/* true: it is the first of this push service. Strangers leave room for others. */
static bool note_origin(struct canary_run *r, const char *origin)
{
    size_t most = is_stranger(r, origin) ? ORIGINS_MAX / 2 : ORIGINS_MAX;

    for (size_t i = 0; i < r->origin_count; i++) {
        if (strcmp(r->origins[i], origin) == 0) {
            r->origin_members[i]++;
            return false;
        }
    }
    if (r->origin_count >= most || strlen(origin) >= ORIGIN_BYTES) {
        return false;
    }
    r->origin_members[r->origin_count] = 1;
    (void)snprintf(r->origins[r->origin_count++], ORIGIN_BYTES, "%s", origin);
    return true;
}

/* A stranger that few use is not asked: it would be anybody's to raise the alarm. */
static void leave_strangers_out(struct canary_run *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->origin_count; i++) {
        if (is_stranger(r, r->origins[i]) &&
            r->origin_members[i] * FEW_PART < r->members.count) {
            continue;
        }
        if (kept != i) {
            memcpy(r->origins[kept], r->origins[i], ORIGIN_BYTES);
        }
        kept++;
    }
    r->origin_count = kept;
}

/* For one member: where to, signed, encrypted; and thrown away. */
static enum err_code compose(const struct push *push,
                             const struct push_plan *plan,
                             const struct member *m,
                             const char *origin,
                             struct err *why)
{
    struct http_headers headers = {.count = 0};
    int64_t until_ms = 0;
    struct buf path, body;
    enum err_code rc;

    buf_init(&path, PATH_MAX_BYTES);
    buf_init(&body, BODY_MAX_BYTES);
    push->headers(plan, m, origin, clock_wall_ms(), &headers, &until_ms);
    rc = push->compose(plan, &m, 1, &path, &body, why);
    if (rc == ERR_NONE && headers.count == 0 && body.len == 0) {
        rc = err_set(why, ERR_INVALID, "the message is empty");
    }
    http_headers_done(&headers);
    buf_done(&path);
    buf_done(&body);
    return rc;
}

static enum err_code compose_if_new(struct canary_run *r,
                                    const struct push *push,
                                    const struct push_plan *plan,
                                    const struct member *m,
                                    struct err *why)
{
    struct buf origin;
    enum err_code rc = ERR_NONE;

    buf_init(&origin, ORIGIN_BYTES);
    if (push->origin(plan, m, &origin) && buf_ok(&origin) && note_origin(r, buf_str(&origin))) {
        rc = compose(push, plan, m, buf_str(&origin), why);
    }
    buf_done(&origin);
    return rc;
}

static enum err_code try_push(struct canary_run *r, struct step_ctx *ctx, struct err *why)
{
    const struct push *push = r->adapter->audience->push;
    struct push_plan *plan = NULL;
    enum err_code rc = push->plan(ctx, &plan, why);

    if (rc) {
        return rc;
    }
    for (size_t i = 0; rc == ERR_NONE && i < r->members.count; i++) {
        struct member m = member_from(&r->members.v[i]);

        rc = compose_if_new(r, push, plan, &m, why);
    }
    if (rc == ERR_NONE && r->members.count == 0) {
        rc = compose_if_new(r, push, plan, r->adapter->audience->sample, why);
        r->origin_count = 0; /* nobody is there: that service is not in use */
    }
    leave_strangers_out(r);
    if (rc == ERR_NONE && push->self_test != NULL) {
        rc = push->self_test(plan, why);
    }
    push->done(plan);
    return rc;
}

static enum err_code try_step(struct canary_run *r, struct step_ctx *ctx, struct err *why)
{
    const struct step *step = member_step(r->adapter);
    struct http_request request;
    struct member m;
    enum err_code rc;

    if (step == NULL) {
        return ERR_NONE;
    }
    if (r->members.count > 0) {
        m = member_from(&r->members.v[0]);
        ctx->member = &m;
    }
    http_request_init(&request);
    rc = step->build(ctx, &request, why);
    http_request_done(&request);
    ctx->member = NULL;
    return rc;
}

static enum err_code try_message(struct canary_run *r, struct err *why)
{
    static char title[] = "Canary", url[] = "https://example.org/";
    const struct article article = {
        .url = r->config->site.url ? r->config->site.url : url, .title = title, .breaking = -1};
    char id[ID_TEXT_BYTES];
    struct context_facts facts = {
        .config = r->config,
        .channel = r->settings,
        .article = &article,
        .article_id = id_article_text((struct article_id){.v = 1}, id),
        .delivery = {.v = 1},
        .revision = 1,
        .created_at_ms = clock_wall_ms(),
        .course = COURSE_PUBLISH,
        .account = r->account,
        .is_test = true,
    };
    struct step_context sc;
    enum err_code rc = context_init(&sc, &facts, why);

    if (rc == ERR_NONE) {
        sc.ctx.now_ms = clock_wall_ms();
        sc.ctx.grant = r->token.grant;
        sc.ctx.token = r->token.grant ? grant_token(r->token.grant) : NULL;
        rc = reach_members(r->adapter, &sc.ctx, why);
    }
    if (rc == ERR_NONE) {
        rc = r->adapter->audience->push ? try_push(r, &sc.ctx, why) : try_step(r, &sc.ctx, why);
    }
    context_done(&sc);
    return rc;
}

static void run_4_with_token(struct canary_run *r)
{
    struct err why = {0};

    if (try_message(r, &why)) {
        end(r, "message", why.text);
        return;
    }
    probe(r);
}

/* ---- the token ---- */

static void run_4_on_token(struct keeper_wait *w)
{
    struct canary_run *r = container_of(w, struct canary_run, token);

    r->at = CANARY_ELSEWHERE;
    if (w->answer != KEEPER_TOKEN) {
        end(r, "token", w->why);
        return;
    }
    run_4_with_token(r);
}

static void fetch_token(struct canary_run *r)
{
    struct channel *ch = channels_find(r->crier->channels, r->of->channel);

    if (ch == NULL) {
        end(r, "token", "the channel is not configured any more");
        return;
    }
    if (oauth_with(r->adapter, r->settings->own) == NULL) {
        run_4_with_token(r);
        return;
    }
    r->token.done = run_4_on_token;
    r->at = CANARY_AT_TOKEN;
    if (keeper_token(r->crier->keeper, ch, &r->token)) {
        run_4_on_token(&r->token);
    }
    /* Continues in run_4_on_token(). */
}

/* ---- the ledger ---- */

static void run_3_on_members(struct ledger_request *req)
{
    struct canary_run *r = container_of(req, struct canary_run, members.req);

    if (req->rc) {
        end(r, "ledger", req->why.text);
        return;
    }
    fetch_token(r);
}

static void run_2_on_saved(struct ledger_request *req)
{
    struct canary_run *r = container_of(req, struct canary_run, save.req);

    if (req->rc) {
        end(r, "ledger", req->why.text);
        return;
    }
    r->members = (struct ledger_members){
        .req = {.kind = LEDGER_MEMBERS, .done = run_3_on_members},
        .channel = r->of->channel,
        .limit = SAMPLES,
        .state = MEMBER_ACTIVE,
    };
    ledger_submit(r->crier->ledger, &r->members.req);
    /* Continues in run_3_on_members(). */
}

void canary__hurry(struct canary_run *r)
{
    if (r->at == CANARY_AT_SERVICE) {
        out_cancel(&r->exchange);
    } else if (r->at == CANARY_AT_TOKEN) {
        end(r, "token", "the service is shutting down");
    }
}

void canary__run(struct canary *y, struct channel *ch)
{
    struct canary_run *r = mem_zalloc(sizeof *r);

    y->run = r;
    r->of = y;
    r->crier = y->all->crier;
    r->config = config_ref(ch->config);
    r->settings = ch->settings;
    r->adapter = ch->adapter;
    r->account = json_deep_copy(ch->account);
    r->started_mono_ms = clock_mono_ms();
    http_request_init(&r->request);
    channel_copy(r->crier, ch, &r->copy);
    r->save = (struct ledger_channel_save){
        .req = {.kind = LEDGER_CHANNEL_SAVE, .done = run_2_on_saved},
        .channel = &r->copy,
        .now_ms = clock_wall_ms(),
    };
    ledger_submit(r->crier->ledger, &r->save.req);
    /* Continues in run_2_on_saved(). */
}
