/* Discord's requests: what each step sends. Called by the courses in discord.c. Owns nothing; what a
 * message says is discord_message.c's, which one stands discord_post.c's. A step that belongs to the
 * other way in (webhook, bot) has nothing to send.
 *
 * Always version 10 of the API, whatever the copied address of a webhook says: older ones count
 * retry_after in milliseconds. */

#include "adapters/discord_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"

#define FLAG_SUPPRESS_NOTIFICATIONS 4096
#define NONCE_DIGITS 25 /* the most the API takes; 100 bits of the delivery's key */
#define TEXT_BYTES_MAX ((size_t)64 * 1024)

static void
set_url(const struct discord_settings *s, struct http_request *req, const char *path)
{
    size_t base_len = strlen(s->api_base);
    struct discord_hook h;

    if (discord__hook_read(&h, s->webhook_url.text)) {
        http_set_url(req,
                     "%.*s/api/v10/webhooks/%.*s/%.*s%s",
                     (int)h.origin_len,
                     h.origin,
                     (int)h.id_len,
                     h.id,
                     (int)h.token_len,
                     h.token,
                     path);
        return;
    }
    while (base_len > 0 && s->api_base[base_len - 1] == '/') {
        base_len--;
    }
    http_set_url(req, "%.*s%s", (int)base_len, s->api_base, path);
}

/* Without a User-Agent of this form Cloudflare, in front of the API, may turn us away. */
void discord__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *path_format,
                      ...)
{
    const struct discord_settings *s = discord__settings(ctx);
    bool has_site = ctx->site && ctx->site->url && *ctx->site->url;
    char path[256];
    va_list args;
    int len;

    va_start(args, path_format);
    len = vsnprintf(path, sizeof path, path_format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof path);
    req->method = method;
    set_url(s, req, path);
    http_set_headerf(req,
                     "User-Agent",
                     "DiscordBot (%s, " CRIER_VERSION ")",
                     has_site ? ctx->site->url : "https://discord.com");
    if (!discord__is_hook(s)) {
        http_set_headerf(req, "Authorization", "Bot %s", s->token.text ? s->token.text : "");
    }
}

static void set_body_take(struct http_request *req, json_t *body)
{
    http_set_json(req, body);
    json_decref(body);
}

/* ---- publish ---- */

static void set_flags(const struct step_ctx *ctx, json_t *body)
{
    const struct discord_settings *s = discord__settings(ctx);

    if (s->silent || (s->silent_unless_breaking && !ctx->breaking)) {
        (void)json_object_set_new(body, "flags", json_integer(FLAG_SUPPRESS_NOTIFICATIONS));
    }
}

static MUST_USE enum err_code
set_thread_name(struct step_ctx *ctx, json_t *body, struct err *why)
{
    const struct discord_settings *s = discord__settings(ctx);
    struct buf name;
    enum err_code rc;

    if (!s->thread_name) {
        return ERR_NONE;
    }
    buf_init(&name, TEXT_BYTES_MAX);
    rc = fit_text(ctx,
                  s->thread_name,
                  &discord__limits[DISCORD_LIMIT_THREAD],
                  mustache_escape_none,
                  NULL,
                  &name,
                  why);
    if (!rc) {
        json_set_str(body, "thread_name", buf_str(&name));
    }
    buf_done(&name);
    return rc;
}

/* With wait=true the answer is the message, and a refusal is one. */
enum err_code
discord__build_hook(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct discord_settings *s = discord__settings(ctx);
    enum err_code rc;
    json_t *body;

    if (!discord__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    rc = discord__message(ctx, body, why);
    if (!rc) {
        rc = set_thread_name(ctx, body, why);
    }
    set_flags(ctx, body);
    json_set_str(body, "username", s->username);
    json_set_str(body, "avatar_url", s->avatar_url);
    discord__request(ctx,
                     req,
                     HTTP_POST,
                     "?wait=true%s%s",
                     s->thread_id ? "&thread_id=" : "",
                     s->thread_id ? s->thread_id : "");
    set_body_take(req, body);
    return rc;
}

/* The nonce makes a repeat give the first message back, for some minutes. */
enum err_code
discord__build_bot(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct discord_settings *s = discord__settings(ctx);
    enum err_code rc;
    json_t *body;

    if (discord__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    must(strlen(ctx->key) >= NONCE_DIGITS);
    record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    body = json_object();
    rc = discord__message(ctx, body, why);
    set_flags(ctx, body);
    (void)json_object_set_new(body, "nonce", json_stringn(ctx->key, NONCE_DIGITS));
    (void)json_object_set_new(body, "enforce_nonce", json_true());
    discord__request(ctx, req, HTTP_POST, "/channels/%s/messages", s->channel);
    set_body_take(req, body);
    return rc;
}

/* ---- what stands ---- */

static MUST_USE enum err_code message_request(struct step_ctx *ctx,
                                              struct http_request *req,
                                              enum http_method method,
                                              struct err *why)
{
    bool is_hook = discord__is_hook(discord__settings(ctx));
    struct discord_post post;
    const char *thread;

    if (!discord__know_post(ctx, &post) || (!is_hook && post.channel[0] == '\0')) {
        return err_set(why, ERR_NOT_FOUND, "the id of the message is not known");
    }
    thread = discord__thread(ctx);
    if (is_hook) {
        discord__request(ctx,
                         req,
                         method,
                         "/messages/%s%s%s",
                         post.message,
                         thread ? "?thread_id=" : "",
                         thread ? thread : "");
    } else {
        discord__request(
            ctx, req, method, "/channels/%s/messages/%s", post.channel, post.message);
    }
    return ERR_NONE;
}

enum err_code
discord__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body;
    enum err_code rc = message_request(ctx, req, HTTP_PATCH, why);

    if (rc) {
        return rc;
    }
    body = json_object();
    rc = discord__message(ctx, body, why);
    set_body_take(req, body);
    return rc;
}

enum err_code
discord__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return message_request(ctx, req, HTTP_DELETE, why);
}
