/* What adapters share whose audience is served by lanes: the step for one member, made of the same functions that
 * lanes call for a million (previews and dialogues show what lanes send), and what names and ends a message.
 * Called through steps' tables and by adapters' plans. Pure. */

#include "adapters/push.h"

#include <stdio.h>
#include <string.h>

#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define PATH_BYTES ((size_t)8 * 1024)

static const struct push *push_of(const struct step_ctx *ctx)
{
    must(ctx->audience && ctx->audience->push);
    return ctx->audience->push;
}

static void copy_headers(struct http_request *req, const struct http_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        http_set_header(req, headers->v[i].name, headers->v[i].value);
    }
}

enum err_code push_subscription_read(const struct audience *a,
                                     const void *settings,
                                     const json_t *given,
                                     struct push_subscription *out,
                                     struct err *why)
{
    const char *token = json_path_str(given, "token");
    char text[MEMBER_ADDRESS_BYTES];

    if (a->push->subscription) {
        return a->push->subscription(settings, given, out, why);
    }
    if (!token || !a->address(token, text)) {
        return err_set(why, ERR_INVALID, "token: expected %s", a->address_form);
    }
    *out = (struct push_subscription){.address = mem_strdup(text)};
    return ERR_NONE;
}

enum err_code push_build_planned(const struct push *push,
                                 const struct push_plan *plan,
                                 const struct member *m,
                                 int64_t now_ms,
                                 struct http_request *req,
                                 struct err *why)
{
    struct http_headers headers = {0};
    struct buf origin, path;
    int64_t until_ms;
    enum err_code rc;

    buf_init(&origin, PATH_BYTES);
    buf_init(&path, PATH_BYTES);
    if (!push->origin(plan, m, &origin) || !buf_ok(&origin)) {
        rc = err_set(why, ERR_INVALID, "the member has no address that can be used");
        goto out;
    }
    rc = push->compose(plan, &m, 1, &path, &req->body, why);
    if (!rc) {
        rc = buf_check(&path, "path", why);
    }
    if (!rc) {
        req->method = HTTP_POST;
        http_set_url(req, "%s%s", buf_str(&origin), buf_str(&path));
        push->headers(plan, m, buf_str(&origin), now_ms, &headers, &until_ms);
        copy_headers(req, &headers);
    }
out:
    http_headers_done(&headers);
    buf_done(&origin);
    buf_done(&path);
    return rc;
}

enum err_code push_build(struct step_ctx *ctx, struct http_request *out_req, struct err *why)
{
    const struct push *push = push_of(ctx);
    struct push_plan *plan;
    enum err_code rc = push->plan(ctx, &plan, why);

    if (rc) {
        return rc;
    }
    rc = push_build_planned(
        push, plan, member_of(ctx, ctx->audience), ctx->now_ms, out_req, why);
    push->done(plan);
    return rc;
}

struct verdict push_read(struct step_ctx *ctx, const struct http_response *res)
{
    const struct push *push = push_of(ctx);
    const struct member *m = member_of(ctx, ctx->audience);
    struct err why = {0};
    struct push_plan *plan;
    struct verdict v;

    memset(&ctx->word, 0, sizeof ctx->word);
    if (push->plan(ctx, &plan, &why)) { /* it was made before, or nothing would have left */
        member_say(ctx, MEMBER_UNKNOWN, 0, why.text);
        return verdict_next();
    }
    v = push->read(plan, &m, 1, res, &ctx->word);
    push->done(plan);
    return v;
}

/* As lanes take it where the adapter says nothing else. */
static struct verdict
plain_unanswered(enum transport_outcome outcome, const char *error, struct member_word *word)
{
    static const struct step one = {.name = "message", .repeatable = true};
    struct verdict v = trouble_from_transport(&one, outcome, error);

    word->outcome = outcome == TRANSPORT_LOST ? MEMBER_UNKNOWN : MEMBER_AGAIN;
    (void)snprintf(word->detail, sizeof word->detail, "%.150s", v.detail);
    (void)text_drop_halves(word->detail);
    return outcome == TRANSPORT_LOST ? verdict_next() : v;
}

struct verdict
push_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    const struct push *push = push_of(ctx);
    struct err why = {0};
    struct push_plan *plan;
    struct verdict v;

    memset(&ctx->word, 0, sizeof ctx->word);
    if (!push->unanswered || push->plan(ctx, &plan, &why)) {
        return plain_unanswered(outcome, error, &ctx->word);
    }
    v = push->unanswered(plan, outcome, error, &ctx->word, 1);
    push->done(plan);
    return v;
}

void push_topic(char out[PUSH_TOPIC_BYTES], const char *article_id)
{
    uint8_t hash[SHA256_BYTES];
    struct buf text;

    crypto_sha256(article_id, strlen(article_id), hash);
    buf_init(&text, 64);
    crypto_base64url(&text, hash, sizeof hash);
    memcpy(out, buf_str(&text), PUSH_TOPIC_BYTES - 1);
    out[PUSH_TOPIC_BYTES - 1] = '\0';
    buf_done(&text);
}

int64_t push_ttl_s(const struct step_ctx *ctx, int64_t min_s, int64_t max_s)
{
    int64_t left_s = (ctx->not_after_ms - ctx->now_ms) / MS_SECOND;

    if (ctx->not_after_ms == 0 || left_s > max_s) {
        return max_s;
    }
    return left_s < min_s ? min_s : left_s;
}
