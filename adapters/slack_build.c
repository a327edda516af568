/* Slack's requests: what each step sends. Called by the courses in slack.c. Owns nothing; what a
 * message says is slack_message.c's. A step that belongs to the other way in (webhook, bot) has
 * nothing to send. */

#include "adapters/slack_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

void slack__request(const struct step_ctx *ctx,
                    struct http_request *req,
                    enum http_method method,
                    const char *path)
{
    const struct slack_settings *s = slack__settings(ctx);
    size_t base_len = strlen(s->api_base);

    while (base_len > 0 && s->api_base[base_len - 1] == '/') {
        base_len--;
    }
    req->method = method;
    http_set_url(req, "%.*s/%s", (int)base_len, s->api_base, path);
    http_set_headerf(req, "Authorization", "Bearer %s", s->token.text ? s->token.text : "");
}

/* Without its charset Slack warns of every body. */
static void set_body_take(struct http_request *req, json_t *body)
{
    http_set_json(req, body);
    http_set_header(req, "Content-Type", "application/json; charset=utf-8");
    json_decref(body);
}

static void set_unfurl(const struct step_ctx *ctx, json_t *body)
{
    bool unfurl = slack__settings(ctx)->unfurl_links;

    (void)json_object_set_new(body, "unfurl_links", json_boolean(unfurl));
    (void)json_object_set_new(body, "unfurl_media", json_boolean(unfurl));
}

/* ---- publish ---- */

enum err_code slack__build_hook(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct slack_settings *s = slack__settings(ctx);
    enum err_code rc;
    json_t *body;

    if (!slack__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    rc = slack__message(ctx, body, why);
    set_unfurl(ctx, body);
    req->method = HTTP_POST;
    http_set_url(req, "%s", s->webhook_url.text);
    set_body_take(req, body);
    return rc;
}

/* Our key goes with the message, where no reader sees it: verify finds it by that. */
static void set_metadata(const struct step_ctx *ctx, json_t *body)
{
    must(strlen(ctx->key) >= SLACK_KEY_DIGITS);
    (void)json_object_set_new(body,
                              "metadata",
                              json_pack("{s:s, s:{s:s%, s:s}}",
                                        "event_type",
                                        "article_published",
                                        "event_payload",
                                        "key",
                                        ctx->key,
                                        (size_t)SLACK_KEY_DIGITS,
                                        "article",
                                        ctx->article_id));
}

enum err_code slack__build_bot(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct slack_settings *s = slack__settings(ctx);
    enum err_code rc;
    json_t *body;

    if (slack__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    json_set_str(body, "channel", s->channel);
    rc = slack__message(ctx, body, why);
    set_unfurl(ctx, body);
    set_metadata(ctx, body);
    json_set_str(body, "username", s->username);
    json_set_str(body, "icon_url", s->icon_url);
    slack__request(ctx, req, HTTP_POST, "chat.postMessage");
    set_body_take(req, body);
    return rc;
}

/* ---- what stands ---- */

/* A body that names the message; NULL: nobody knows which. */
static json_t *standing(const struct step_ctx *ctx, struct err *why)
{
    struct slack_post post;
    json_t *body;

    if (!slack__post_read(&post, post_id(ctx), post_str(ctx, "remote_url"))) {
        (void)err_set(why, ERR_NOT_FOUND, "the id of the message is not known");
        return NULL;
    }
    body = json_object();
    json_set_str(body, "channel", post.channel);
    json_set_str(body, "ts", post.ts);
    return body;
}

enum err_code
slack__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = standing(ctx, why);
    enum err_code rc;

    if (!body) {
        return ERR_NOT_FOUND;
    }
    rc = slack__message(ctx, body, why);
    slack__request(ctx, req, HTTP_POST, "chat.update");
    set_body_take(req, body);
    return rc;
}

enum err_code
slack__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = standing(ctx, why);

    if (!body) {
        return ERR_NOT_FOUND;
    }
    slack__request(ctx, req, HTTP_POST, "chat.delete");
    set_body_take(req, body);
    return ERR_NONE;
}

enum err_code
slack__build_retracted(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = standing(ctx, why);
    enum err_code rc;

    if (!body) {
        return ERR_NOT_FOUND;
    }
    rc = slack__retracted_message(ctx, body, why);
    slack__request(ctx, req, HTTP_POST, "chat.update");
    set_body_take(req, body);
    return rc;
}

/* ---- test ---- */

enum err_code
slack__build_token(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (slack__is_hook(slack__settings(ctx))) {
        req->skip = true;
        return ERR_NONE;
    }
    slack__request(ctx, req, HTTP_POST, "auth.test");
    set_body_take(req, json_object());
    return ERR_NONE;
}

/* A message without text is refused, and how tells whether the webhook is there. */
enum err_code
slack__build_probe(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct slack_settings *s = slack__settings(ctx);
    json_t *body;

    (void)why;
    if (!slack__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    json_set_str(body, "text", "");
    req->method = HTTP_POST;
    http_set_url(req, "%s", s->webhook_url.text);
    set_body_take(req, body);
    return ERR_NONE;
}
