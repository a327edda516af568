/* Huawei's messages, as lanes send them: one request for up to a thousand tokens. Called through the audience of
 * huawei.c, mostly on lanes' threads. Pure.
 *
 * Source: https://developer.huawei.com/consumer/en/doc/HMSCore-References/https-send-api-0000001050986197 */

#include "adapters/huawei_internal.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "adapters/audience.h"
#include "adapters/notice_plan.h"
#include "base/json_put.h"
#include "base/mem.h"

#define API_SOURCE                                                                             \
    "https://developer.huawei.com/consumer/en/doc/HMSCore-References/"                         \
    "https-send-api-0000001050986197"
#define TTL_S_MIN ((int64_t)60)
#define TTL_S_MAX ((int64_t)15 * 24 * 3600)
#define MANY 1000
#define TOKEN_BYTES_MIN 16
#define TO_OPEN_A_PAGE 2 /* click_action.type */
#define TO_OPEN_THE_APP 3

const struct text_rule huawei__limits[] = {
    [HUAWEI_LIMIT_PAYLOAD] = {.name = "payload",
                              .unit = TEXT_BYTES,
                              .max = 4096,
                              .source = API_SOURCE},
    {.name = NULL},
};

/* ---- the message ---- */

static void put_words(struct buf *out, const struct notice *n)
{
    json_put_open(out, "notification", '{');
    json_put_text(out, "title", n->title);
    json_put_text(out, "body", *n->body != '\0' ? n->body : NULL);
    json_put_text(out, "image", n->picture);
    json_put_close(out, '}');
}

/* Huawei opens pages over https alone. */
static void put_click(struct buf *out, const struct notice *n)
{
    bool page = n->link && strncmp(n->link, "https://", 8) == 0;

    json_put_open(out, "click_action", '{');
    json_put_int(out, "type", page ? TO_OPEN_A_PAGE : TO_OPEN_THE_APP);
    json_put_text(out, "url", page ? n->link : NULL);
    json_put_close(out, '}');
}

static void put_android(struct buf *out, const struct step_ctx *ctx, const struct notice *n)
{
    const struct huawei_settings *s = huawei__settings(ctx);
    char tag[PUSH_TOPIC_BYTES], ttl[32];

    push_topic(tag, ctx->article_id);
    (void)snprintf(ttl, sizeof ttl, "%" PRId64 "s", push_ttl_s(ctx, TTL_S_MIN, TTL_S_MAX));
    json_put_open(out, "android", '{');
    json_put_int(out, "collapse_key", -1); /* none is dropped for another: the tag does that */
    json_put_text(out, "urgency", n->urgent ? "HIGH" : "NORMAL");
    json_put_text(out, "category", s->category);
    json_put_text(out, "ttl", ttl);
    json_put_open(out, "notification", '{');
    json_put_text(out, "tag", tag);
    put_click(out, n);
    json_put_text(out, "channel_id", s->channel_id);
    json_put_text(out, "importance", n->quiet ? "LOW" : huawei__importances[s->importance]);
    json_put_bool(out, "default_sound", n->sound);
    json_put_close(out, '}');
    json_put_close(out, '}');
}

static void add_payload(const struct step_ctx *ctx, const struct notice *n, struct buf *out)
{
    json_put_open(out, NULL, '{');
    put_words(out, n);
    put_android(out, ctx, n);
    json_put_close(out, '}');
}

enum err_code huawei__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const struct notice_way way = {.rule = &huawei__limits[HUAWEI_LIMIT_PAYLOAD],
                                          .payload = add_payload};

    return notice_prepare(ctx, req, &way, why);
}

/* ---- a plan ---- */

static enum err_code make_plan(struct step_ctx *ctx, struct push_plan **out, struct err *why)
{
    const struct huawei_settings *s = huawei__settings(ctx);
    char *path = mem_printf("/v1/%s/messages:send", s->oauth.client_id);
    enum err_code rc = notice_plan_make(out, ctx, s->api, path, add_payload, why);

    mem_free(path);
    return rc;
}

/* ---- a request ---- */

static const char *service(const char *origin)
{
    (void)origin;
    return "huawei";
}

static enum err_code compose(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why)
{
    (void)why;
    buf_adds(path, plan->path);
    buf_adds(body, "{\"message\":{\"token\":[");
    for (size_t i = 0; i < count; i++) {
        json_put_text(body, NULL, m[i]->address);
    }
    buf_adds(body, "],");
    buf_add(body, plan->rest, plan->rest_len);
    buf_addc(body, '}');
    return ERR_NONE;
}

static struct verdict read_answer(const struct push_plan *plan,
                                  const struct member *const *m,
                                  size_t count,
                                  const struct http_response *res,
                                  struct member_word *words)
{
    return huawei__read(plan->tally, m, count, res, words);
}

/* ---- the test ---- */

enum err_code
huawei__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct huawei_settings *s = huawei__settings(ctx);

    (void)why;
    req->method = HTTP_POST;
    http_set_url_below(req, s->api, "/v1/%s/messages:send", s->oauth.client_id);
    http_set_header(req, "Content-Type", "application/json; charset=UTF-8");
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    buf_addf(
        &req->body,
        "{\"validate_only\":true,\"message\":{\"token\":[\"%s\"],\"android\":{"
        "\"notification\":{\"title\":\"crier\",\"body\":\"crier\",\"click_action\":{\"type\":"
        "%d}}}}}",
        ctx->audience->sample->address,
        TO_OPEN_THE_APP);
    return ERR_NONE;
}

/* ---- members ---- */

/* Huawei says nothing of its form; nothing beyond ASCII, and nothing that JSON would write otherwise. */
static bool may_be(char c)
{
    return c > ' ' && c <= '~' && !strchr("\"\\<>", c);
}

bool huawei__address(const char *text, char *out)
{
    return notice_token(text, out, may_be, TOKEN_BYTES_MIN);
}

const struct push huawei__push = {
    .many = MANY,
    .plan = make_plan,
    .done = notice_plan_done,
    .origin = notice_plan_origin,
    .service = service,
    .headers = notice_plan_headers,
    .compose = compose,
    .read = read_answer,
};
