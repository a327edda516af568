/* Telegram's requests: what each step sends. Called by the courses in telegram.c. Owns nothing;
 * text is fitted by fit.c and measured by telegram_text.c. Always JSON by POST. */

#include "adapters/telegram_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/parse.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

/* deleteMessage: "can only be deleted if it was sent less than 48 hours ago"; some minutes for
 * the way there. */
#define DELETE_WITHIN_MS (48 * MS_HOUR - 5 * MS_MINUTE)

/* The chat this delivery is about: the post's, or the one the settings name. */
const char *telegram__named_chat(const struct step_ctx *ctx)
{
    const struct telegram_settings *s = ctx->settings;
    const char *chat = post_str(ctx, "chat");

    if (!chat && ctx->post) {
        chat = record_str(ctx->record, "chat"); /* from telegram__know_post() */
    }
    return chat ? chat : s->chat;
}

/* The same, or what it has become. */
static const char *target_chat(const struct step_ctx *ctx)
{
    const char *chat = telegram__named_chat(ctx);
    const char *from = record_str(ctx->account, "migrated_from");
    const char *to = record_str(ctx->account, "migrated_to");

    return from && to && strcmp(from, chat) == 0 ? to : chat;
}

/* Numbers go as numbers, names as strings. */
static void set_chat(json_t *body, const struct step_ctx *ctx)
{
    const char *chat = target_chat(ctx);
    int64_t number;

    if (parse_i64(chat, &number)) {
        json_object_set_new(body, "chat_id", json_integer(number));
    } else {
        json_set_str(body, "chat_id", chat);
    }
}

static void set_message_id(json_t *body, const struct step_ctx *ctx)
{
    json_object_set_new(body, "message_id", json_integer(telegram__message_id(ctx)));
}

/* The token is part of the address: nobody may log it. */
static void set_method(struct http_request *req, const struct step_ctx *ctx, const char *method)
{
    const struct telegram_settings *s = ctx->settings;
    size_t len = strlen(s->api_base);

    while (len > 0 && s->api_base[len - 1] == '/') {
        len--;
    }
    req->method = HTTP_POST;
    http_set_url(req, "%.*s/bot%s/%s", (int)len, s->api_base, s->token.text, method);
}

/* The template fitted to the rule, under the name the method gives it. Telegram refuses the
 * whole message over one tag it does not know, so markup goes only until it was refused
 * once. */
static MUST_USE enum err_code set_text(struct step_ctx *ctx,
                                       json_t *body,
                                       const char *name,
                                       const struct mustache *tpl,
                                       const struct text_rule *rule,
                                       struct err *why)
{
    const struct telegram_settings *s = ctx->settings;
    bool plain = s->parse_mode == PARSE_NONE || record_flag(ctx->record, "plain");
    struct buf text, stripped;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES_MAX);
    buf_init(&stripped, TEXT_BYTES_MAX);
    rc = fit_text(ctx, tpl, rule, telegram__escape, telegram__strip, &text, why);
    if (!rc && plain) {
        telegram__strip(&stripped, buf_str(&text), text.len);
        rc = buf_check(&stripped, name, why);
    }
    if (!rc) {
        json_set_str(body, name, buf_str(plain ? &stripped : &text));
        json_set_str(ctx->record, "text", buf_str(plain ? &stripped : &text));
    }
    if (!rc && !plain) {
        json_set_str(body, "parse_mode", "HTML");
    }
    buf_done(&text);
    buf_done(&stripped);
    return rc;
}

static void set_button(const struct step_ctx *ctx, json_t *body)
{
    const struct telegram_settings *s = ctx->settings;
    json_t *button;

    if (!s->button || !*s->button) {
        return;
    }
    button = json_object();
    json_set_str(button, "text", s->button);
    json_set_str(button, "url", ctx->link);
    json_object_set_new(
        body, "reply_markup", json_pack("{s:[[o]]}", "inline_keyboard", button));
}

static void set_preview(const struct step_ctx *ctx, json_t *body)
{
    const struct telegram_settings *s = ctx->settings;
    json_t *options = json_object();

    if (s->preview == PREVIEW_NONE || ctx->course == COURSE_RETRACT) {
        json_object_set_new(options, "is_disabled", json_true());
    } else {
        json_set_str(options, "url", ctx->link);
        json_object_set_new(options,
                            s->preview == PREVIEW_LARGE ? "prefer_large_media"
                                                        : "prefer_small_media",
                            json_true());
        if (s->preview_above) {
            json_object_set_new(options, "show_above_text", json_true());
        }
    }
    json_object_set_new(body, "link_preview_options", options);
}

/* What both ways of sending have in common. What the message is stands in the record before it
 * leaves: when no answer comes and a person says that it is there, nothing else will tell. */
static void set_delivery(struct step_ctx *ctx, json_t *body, const char *kind)
{
    const struct telegram_settings *s = ctx->settings;

    json_set_str(ctx->record, "kind", kind);
    record_set_int(ctx->record, "posted_at_ms", ctx->now_ms);
    set_chat(body, ctx);
    if (s->thread > 0) {
        json_object_set_new(body, "message_thread_id", json_integer(s->thread));
    }
    if (s->silent || (s->silent_unless_breaking && !ctx->breaking)) {
        json_object_set_new(body, "disable_notification", json_true());
    }
    if (s->protect) {
        json_object_set_new(body, "protect_content", json_true());
    }
    set_button(ctx, body);
}

static void set_body_take(struct http_request *req, json_t *body)
{
    http_set_json(req, body);
    json_decref(body);
}

enum err_code
telegram__photo_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;
    enum err_code rc;
    json_t *body;

    if (s->photo == PHOTO_NEVER || ctx->article->image_count == 0) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    set_method(req, ctx, "sendPhoto");
    set_delivery(ctx, body, "photo");
    json_set_str(body, "photo", ctx->article->images[0].url);
    rc = set_text(ctx, body, "caption", s->text, &telegram__limits[LIMIT_CAPTION], why);
    set_body_take(req, body);
    return rc;
}

enum err_code
telegram__text_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;
    json_t *body = json_object();
    enum err_code rc;

    set_method(req, ctx, "sendMessage");
    set_delivery(ctx, body, "text");
    set_preview(ctx, body);
    rc = set_text(ctx, body, "text", s->text, &telegram__limits[LIMIT_TEXT], why);
    set_body_take(req, body);
    return rc;
}

/* The request that makes the post say what tpl says: a caption is not a text to the API. */
static MUST_USE enum err_code edit_request(struct step_ctx *ctx,
                                           struct http_request *req,
                                           const struct mustache *tpl,
                                           struct err *why)
{
    const char *kind = post_str(ctx, "kind");
    bool photo = kind && strcmp(kind, "photo") == 0;
    enum err_code rc;
    json_t *body;

    if (!telegram__know_post(ctx)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the message is not known");
    }
    body = json_object();
    set_method(req, ctx, photo ? "editMessageCaption" : "editMessageText");
    set_chat(body, ctx);
    set_message_id(body, ctx);
    if (!photo) {
        set_preview(ctx, body);
    }
    if (ctx->course == COURSE_UPDATE) {
        set_button(ctx, body); /* left out it would vanish */
    }
    rc = set_text(ctx,
                  body,
                  photo ? "caption" : "text",
                  tpl,
                  &telegram__limits[photo ? LIMIT_CAPTION : LIMIT_TEXT],
                  why);
    set_body_take(req, body);
    return rc;
}

enum err_code
telegram__edit_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;

    return edit_request(ctx, req, s->text, why);
}

enum err_code
telegram__delete_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t posted_at_ms = record_int(ctx->post, "posted_at_ms");
    json_t *body;

    if (!telegram__know_post(ctx)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the message is not known");
    }
    if (posted_at_ms > 0 && ctx->now_ms - posted_at_ms >= DELETE_WITHIN_MS) {
        req->skip = true; /* too old: it can only be changed */
        return ERR_NONE;
    }
    body = json_object();
    set_method(req, ctx, "deleteMessage");
    set_chat(body, ctx);
    set_message_id(body, ctx);
    set_body_take(req, body);
    return ERR_NONE;
}

enum err_code
telegram__retracted_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;

    return edit_request(ctx, req, s->retraction, why);
}

enum err_code
telegram__me_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    set_method(req, ctx, "getMe");
    set_body_take(req, json_object());
    return ERR_NONE;
}

enum err_code
telegram__chat_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = json_object();

    (void)why;
    set_method(req, ctx, "getChat");
    set_chat(body, ctx);
    set_body_take(req, body);
    return ERR_NONE;
}
