/* Telegram: one message of a bot in a channel or group, with the article's picture when it has
 * one. Called through the registry. Owns its settings; text is telegram_text.c's and fit.c's.
 *
 * Sending is not repeatable and a bot cannot read a chat's history, so an answer that never
 * came stays unknown and `on_unknown` of the channel decides. Editing and deleting are harmless
 * to repeat. What a post was (picture or text, in which chat, when) stands in its record,
 * because edits differ by it and only young messages can be deleted.
 *
 * Three refusals are answered at once, in the same course: a picture Telegram cannot use (the
 * text goes alone, with a link preview), markup it cannot read (the same text without markup),
 * a group that became a supergroup (the new chat id, kept in the account).
 *
 * Sources: Bot API 10.1 of 11 Jun 2026; error texts of tdlib/telegram-bot-api. */

#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/telegram_internal.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

/* deleteMessage: "can only be deleted if it was sent less than 48 hours ago"; some minutes for
 * the way there. */
#define DELETE_WITHIN_MS (48 * MS_HOUR - 5 * MS_MINUTE)

enum parse_mode { PARSE_HTML, PARSE_NONE };
enum photo { PHOTO_AUTO, PHOTO_NEVER };
enum preview { PREVIEW_LARGE, PREVIEW_SMALL, PREVIEW_NONE };

struct telegram_settings {
    struct secret token;
    char *chat;
    char *api_base;
    int64_t thread;
    struct mustache *text, *retraction;
    int parse_mode; /* enum parse_mode */
    int photo;      /* enum photo */
    int preview;    /* enum preview */
    bool preview_above, silent, silent_unless_breaking, protect;
    char *button;
};

static const char *const parse_modes[] = {"html", "none", NULL};
static const char *const photos[] = {"auto", "never", NULL};
static const char *const previews[] = {"large", "small", "none", NULL};

#define DEFAULT_TEXT                                                                           \
    "<b>{{title}}</b>\n\n{{#summary}}{{summary}}\n\n{{/summary}}{{#url}}{{url}}{{/url}}"
#define DEFAULT_RETRACTION "<i>Withdrawn:</i> <s>{{title}}</s>"

#define AT(member) .offset = offsetof(struct telegram_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "token", .kind = FIELD_SECRET, AT(token), .required = true,
     .example = "${TELEGRAM_TOKEN}",
     .help = "the bot's token, from BotFather"},
    {.key = "chat", .kind = FIELD_STRING, AT(chat), .required = true, .example = "@example",
     .help = "@name of a public channel or group, or the number of any chat"},
    {.key = "thread", .kind = FIELD_INT, AT(thread), .min = "0", .example = "4",
     .help = "topic of a forum group to post in; 0: none"},
    {.key = "text", .kind = FIELD_TEMPLATE, AT(text), .def = DEFAULT_TEXT,
     .help = "the message, in Telegram's HTML (b i u s a code pre blockquote tg-spoiler)"},
    {.key = "retraction", .kind = FIELD_TEMPLATE, AT(retraction), .def = DEFAULT_RETRACTION,
     .help = "what a retracted message too old to be deleted is changed to"},
    {.key = "parse_mode", .kind = FIELD_ENUM, AT(parse_mode), .choices = parse_modes, .def = "html",
     .help = "none: tags of the template are dropped and the text goes without markup"},
    {.key = "photo", .kind = FIELD_ENUM, AT(photo), .choices = photos, .def = "auto",
     .help = "auto: the article's first picture with the text as its caption; never: text with a link preview"},
    {.key = "preview", .kind = FIELD_ENUM, AT(preview), .choices = previews, .def = "large",
     .help = "the link preview of a message without picture"},
    {.key = "preview_above", .kind = FIELD_BOOL, AT(preview_above), .def = "false",
     .help = "the preview stands above the text"},
    {.key = "button", .kind = FIELD_STRING, AT(button), .max = "64", .example = "Read",
     .help = "label of a button below the message that opens the article; none when not set"},
    {.key = "silent", .kind = FIELD_BOOL, AT(silent), .def = "false",
     .help = "readers get the message without a sound"},
    {.key = "silent_unless_breaking", .kind = FIELD_BOOL, AT(silent_unless_breaking), .def = "false",
     .help = "only breaking articles make a sound"},
    {.key = "protect", .kind = FIELD_BOOL, AT(protect), .def = "false",
     .help = "readers cannot forward or save the message"},
    {.key = "api_base", .kind = FIELD_URL, AT(api_base), .def = "https://api.telegram.org",
     .help = "where the Bot API is; another one for a server of your own"},
    FIELD_END,
};

// clang-format on

enum { LIMIT_TEXT, LIMIT_CAPTION };
static const struct text_rule limits[] = {
    [LIMIT_TEXT] =
        {.name = "text",
         .unit = TEXT_UTF16,
         .max = 4096,
         .source = "https://core.telegram.org/bots/api#sendmessage (after entities parsing)"},
    [LIMIT_CAPTION] =
        {.name = "caption",
         .unit = TEXT_UTF16,
         .max = 1024,
         .source = "https://core.telegram.org/bots/api#sendphoto (after entities parsing)"},
    {.name = NULL},
};

/* ---- courses ---- */

typedef enum err_code build_fn(struct step_ctx *ctx, struct http_request *req, struct err *why);
typedef struct verdict read_fn(struct step_ctx *ctx, const struct http_response *res);

static build_fn photo_build, text_build, edit_build, delete_build, retracted_build, me_build,
    chat_build;
static read_fn photo_read, text_read, edit_read, delete_read, retracted_read, me_read,
    chat_read;

#define SAMPLE_MESSAGE                                                                         \
    "{\"ok\":true,\"result\":{\"message_id\":1,\"chat\":{\"id\":-1001234567890,"               \
    "\"username\":\"example\"}}}"
#define SAMPLE_TRUE "{\"ok\":true,\"result\":true}"

/* The text is sent alone when the article has no picture, or when Telegram refused it. */
static const struct step publish_course[] = {
    {.name = "send_photo",
     .publishes = true,
     .build = photo_build,
     .read = photo_read,
     .sample = SAMPLE_MESSAGE},
    {.name = "send_text",
     .publishes = true,
     .build = text_build,
     .read = text_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
static const struct step update_course[] = {
    {.name = "edit",
     .repeatable = true,
     .publishes = true,
     .build = edit_build,
     .read = edit_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
static const struct step retract_course[] = {
    {.name = "delete",
     .repeatable = true,
     .publishes = true,
     .build = delete_build,
     .read = delete_read,
     .sample = SAMPLE_TRUE},
    {.name = "edit_retracted",
     .repeatable = true,
     .publishes = true,
     .build = retracted_build,
     .read = retracted_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
static const struct step test_course[] = {
    {.name = "get_me",
     .repeatable = true,
     .build = me_build,
     .read = me_read,
     .sample =
         "{\"ok\":true,\"result\":{\"id\":1,\"is_bot\":true,\"username\":\"example_bot\"}}"},
    {.name = "get_chat",
     .repeatable = true,
     .build = chat_build,
     .read = chat_read,
     .sample = "{\"ok\":true,\"result\":{\"id\":-1001234567890,\"type\":\"channel\"}}"},
    STEP_END,
};

/* ---- requests ---- */

/* Members of a post's record. "chat" is the chat it stands in, as the API takes it. */
static const char *const kept[] = {
    "remote_id", "remote_url", "chat", "message_id", "kind", "posted_at_ms", NULL};

/* The chat this delivery is about: the post's, or the one the settings name. */
static const char *named_chat(const struct step_ctx *ctx)
{
    const struct telegram_settings *s = ctx->settings;
    const char *chat = post_str(ctx, "chat");

    return chat ? chat : s->chat;
}

/* The same, or what it has become. */
static const char *target_chat(const struct step_ctx *ctx)
{
    const char *chat = named_chat(ctx);
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
    json_object_set_new(body, "message_id", json_integer(record_int(ctx->post, "message_id")));
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
 * whole message over one tag it does not know, so markup goes only until it was refused once.
 */
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

/* What both ways of sending have in common. */
static void set_delivery(const struct step_ctx *ctx, json_t *body)
{
    const struct telegram_settings *s = ctx->settings;

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

/* ---- answers ---- */

/* An answer of the Bot API taken apart. Strings are borrowed from json. */
struct answer {
    json_t *json;
    const json_t *result; /* NULL unless "ok" is true */
    int code;             /* error_code, else the HTTP status */
    const char *description;
    int64_t retry_after_ms;
    const json_t *migrated; /* the supergroup a group became */
};

static void answer_read(struct answer *a, const struct http_response *res)
{
    const json_t *code, *after, *parameters;

    memset(a, 0, sizeof *a);
    a->json = http_json(res);
    a->code = res->status;
    if (json_is_true(json_object_get(a->json, "ok")) && res->status == 200) {
        a->result = json_object_get(a->json, "result");
    }
    code = json_object_get(a->json, "error_code");
    if (json_integer_value(code) >= 400 && json_integer_value(code) <= 599) {
        a->code = (int)json_integer_value(code);
    }
    a->description = json_string_value(json_object_get(a->json, "description"));
    parameters = json_object_get(a->json, "parameters");
    after = json_object_get(parameters, "retry_after");
    a->retry_after_ms = json_is_number(after) ? http_seconds_ms(json_number_value(after))
                                              : http_retry_after_ms(res);
    a->migrated = json_object_get(parameters, "migrate_to_chat_id");
}

// clang-format off
/* A picture Telegram cannot fetch or use: the text goes alone. The caption is measured as Telegram
 * says it measures; should it find one too long all the same, the longer limit of texts helps. */
static const struct trouble_row photo_troubles[] = {
#define PHOTO_REFUSED(text) \
    {.status = 400, .needle = text, .kind = VERDICT_NEXT, .jump = "send_text"}
    PHOTO_REFUSED("wrong type of the web page content"),
    PHOTO_REFUSED("failed to get HTTP URL content"),
    PHOTO_REFUSED("wrong HTTP URL specified"),
    PHOTO_REFUSED("wrong file identifier/HTTP URL specified"),
    PHOTO_REFUSED("wrong remote file identifier"),
    PHOTO_REFUSED("PHOTO_"), /* PHOTO_INVALID_DIMENSIONS, PHOTO_SAVE_FILE_INVALID, … */
    PHOTO_REFUSED("IMAGE_PROCESS_FAILED"),
    PHOTO_REFUSED("WEBPAGE_"), /* WEBPAGE_CURL_FAILED, WEBPAGE_MEDIA_EMPTY */
    PHOTO_REFUSED("MEDIA_EMPTY"),
    PHOTO_REFUSED("file is too big"),
    PHOTO_REFUSED("message caption is too long"),
    TROUBLE_END,
};

static const struct trouble_row edit_troubles[] = {
    {.status = 400, .needle = "message is not modified", .kind = VERDICT_DONE},
    TROUBLE_END,
};

static const struct trouble_row delete_troubles[] = {
    /* Somebody was faster: gone is what we wanted. */
    {.status = 400, .needle = "message to delete not found", .kind = VERDICT_DONE},
    {.status = 400, .needle = "message can't be deleted",    .kind = VERDICT_NEXT, .jump = "edit_retracted"},
    TROUBLE_END,
};

static const struct trouble_row retracted_troubles[] = {
    {.status = 400, .needle = "message is not modified",     .kind = VERDICT_DONE},
    {.status = 400, .needle = "message to edit not found",   .kind = VERDICT_DONE},
    TROUBLE_END,
};

#define ROW(code, text, verdict) \
    {.status = code, .needle = text, .kind = verdict, .scope = SCOPE_POST}
#define STOP(code, text) \
    {.status = code, .needle = text, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL}
static const struct trouble_row troubles[] = {
    {.status = 429, .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL},
    STOP(401, NULL), /* the token was revoked */
    STOP(404, NULL), /* the token is none */
    STOP(403, NULL), /* kicked, blocked, no member, chat deleted: the operator's to mend */
    STOP(400, "chat not found"),
    STOP(400, "PEER_ID_INVALID"),
    STOP(400, "user not found"),
    STOP(400, "not enough rights"),
    STOP(400, "have no rights"),
    STOP(400, "need administrator rights"),
    STOP(400, "CHAT_WRITE_FORBIDDEN"),
    STOP(400, "CHAT_ADMIN_REQUIRED"),
    STOP(400, "CHAT_RESTRICTED"),
    STOP(400, "TOPIC_CLOSED"),
    STOP(400, "TOPIC_DELETED"),
    STOP(400, "message thread not found"),
    STOP(400, "group chat was upgraded"), /* and did not say to what */
    ROW(400,  "message is too long",         VERDICT_REJECTED),
    ROW(400,  "message caption is too long", VERDICT_REJECTED),
    ROW(400,  "message text is empty",       VERDICT_REJECTED),
    ROW(400,  "entities too long",           VERDICT_REJECTED),
    ROW(400,  "BUTTON_URL_INVALID",          VERDICT_REJECTED),
    ROW(400,  "reply markup is too long",    VERDICT_REJECTED),
    ROW(400,  "message to edit not found",   VERDICT_REJECTED),
    ROW(400,  "message can't be edited",     VERDICT_REJECTED),
    ROW(400,  "message to delete not found", VERDICT_REJECTED),
    ROW(400,  "message can't be deleted",    VERDICT_REJECTED),
    ROW(400,  NULL,                          VERDICT_REJECTED),
    TROUBLE_END,
};
// clang-format on

/* A group became a supergroup: remember its new number and say the same there, at once, but
 * only once in a delivery. */
static struct verdict migrate(struct step_ctx *ctx, const struct step *step, const json_t *to)
{
    char *chat = json_text_dup(to);
    bool again = record_flag(ctx->record, "migrated");

    if (chat && !again) {
        record_set_flag(ctx->record, "migrated", true);
        json_set_str(ctx->account, "migrated_from", named_chat(ctx));
        json_set_str(ctx->account, "migrated_to", chat);
    }
    mem_free(chat);
    if (!chat || again) {
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "400: the group became a supergroup that cannot be written to");
    }
    return verdict_jump(step->name);
}

/* Everything but success. own: rows of this step, before the common ones; may be NULL. */
static struct verdict refused(struct step_ctx *ctx,
                              const struct step *step,
                              const struct answer *a,
                              const struct trouble_row *own,
                              const struct http_response *res)
{
    struct verdict v;

    if (a->code == 400 && a->migrated) {
        return migrate(ctx, step, a->migrated);
    }
    if (a->code == 400 && a->description && !record_flag(ctx->record, "plain") &&
        strcasestr(a->description, "can't parse entities")) {
        record_set_flag(ctx->record, "plain", true);
        return verdict_jump(step->name);
    }
    if (own && trouble_match(own, a->code, a->description, a->retry_after_ms, &v)) {
        return v;
    }
    /* A gateway's page is no word of Telegram's. */
    if (a->code < 500 &&
        trouble_match(troubles, a->code, a->description, a->retry_after_ms, &v)) {
        return v;
    }
    v = trouble_from_status(step, res);
    if (v.kind == VERDICT_AGAIN && a->retry_after_ms > v.retry_after_ms) {
        v.retry_after_ms = a->retry_after_ms;
    }
    return v;
}

static bool is_name(const char *text)
{
    size_t len =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    return len >= 4 && len <= 64 && text[len] == '\0';
}

/* Where readers see a message; NULL when only members of a small group can. Supergroups and
 * channels are "-100" and the number that links use. */
static char *public_link(const json_t *chat, const char *chat_id, json_int_t message_id)
{
    const char *name = json_path_str(chat, "username");

    if (name && is_name(name)) {
        return mem_printf("https://t.me/%s/%" JSON_INTEGER_FORMAT, name, message_id);
    }
    if (strncmp(chat_id, "-100", 4) == 0 && chat_id[4] != '\0') {
        return mem_printf("https://t.me/c/%s/%" JSON_INTEGER_FORMAT, chat_id + 4, message_id);
    }
    return NULL;
}

/* The Message in the answer: what the post is known by from now on. False when there is none.
 */
static bool record_message(struct step_ctx *ctx, const json_t *message, const char *kind)
{
    const json_t *id = json_object_get(message, "message_id");
    const json_t *chat = json_object_get(message, "chat");
    const json_t *chat_number = json_object_get(chat, "id");
    char *chat_id, *remote_id, *link;

    if (!json_is_integer(id) || json_integer_value(id) <= 0 || !json_is_integer(chat_number)) {
        return false;
    }
    chat_id = json_text_dup(chat_number);
    remote_id = mem_printf("%s/%" JSON_INTEGER_FORMAT, chat_id, json_integer_value(id));
    link = public_link(chat, chat_id, json_integer_value(id));
    post_set(ctx, remote_id, link);
    json_set_str(ctx->record, "chat", chat_id);
    json_set_str(ctx->record, "kind", kind);
    record_set_int(ctx->record, "message_id", json_integer_value(id));
    mem_free(chat_id);
    mem_free(remote_id);
    mem_free(link);
    return true;
}

static struct verdict sent_read(struct step_ctx *ctx,
                                const struct step *step,
                                const struct http_response *res,
                                const char *kind,
                                const struct trouble_row *own)
{
    struct verdict v = verdict_done();
    struct answer a;

    answer_read(&a, res);
    if (a.result && record_message(ctx, a.result, kind)) {
        record_set_int(ctx->record, "posted_at_ms", res->now_ms);
    } else {
        v = refused(ctx, step, &a, own, res);
    }
    json_decref(a.json);
    return v;
}

/* ---- publish ---- */

static enum err_code
photo_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
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
    set_delivery(ctx, body);
    json_set_str(body, "photo", ctx->article->images[0].url);
    rc = set_text(ctx, body, "caption", s->text, &limits[LIMIT_CAPTION], why);
    set_body_take(req, body);
    return rc;
}

static struct verdict photo_read(struct step_ctx *ctx, const struct http_response *res)
{
    return sent_read(ctx, &publish_course[0], res, "photo", photo_troubles);
}

static enum err_code text_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;
    json_t *body = json_object();
    enum err_code rc;

    set_method(req, ctx, "sendMessage");
    set_delivery(ctx, body);
    set_preview(ctx, body);
    rc = set_text(ctx, body, "text", s->text, &limits[LIMIT_TEXT], why);
    set_body_take(req, body);
    return rc;
}

static struct verdict text_read(struct step_ctx *ctx, const struct http_response *res)
{
    return sent_read(ctx, &publish_course[1], res, "text", NULL);
}

/* ---- update and retract ---- */

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

    if (record_int(ctx->post, "message_id") <= 0) {
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
                  &limits[photo ? LIMIT_CAPTION : LIMIT_TEXT],
                  why);
    set_body_take(req, body);
    return rc;
}

/* An edit's answer is the message, or just true: the post stays known by what it was. */
static struct verdict edited_read(struct step_ctx *ctx,
                                  const struct step *step,
                                  const struct http_response *res,
                                  const struct trouble_row *own)
{
    struct verdict v = verdict_done();
    struct answer a;

    answer_read(&a, res);
    if (!json_is_object(a.result) && !json_is_true(a.result)) {
        v = refused(ctx, step, &a, own, res);
    }
    if (v.kind == VERDICT_DONE) {
        record_keep(ctx, kept);
    }
    json_decref(a.json);
    return v;
}

static enum err_code edit_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;

    return edit_request(ctx, req, s->text, why);
}

static struct verdict edit_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &update_course[0], res, edit_troubles);
}

static enum err_code
delete_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body;

    if (record_int(ctx->post, "message_id") <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the id of the message is not known");
    }
    if (ctx->now_ms - record_int(ctx->post, "posted_at_ms") >= DELETE_WITHIN_MS) {
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

static struct verdict delete_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &retract_course[0], res, delete_troubles);
}

static enum err_code
retracted_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct telegram_settings *s = ctx->settings;

    return edit_request(ctx, req, s->retraction, why);
}

static struct verdict retracted_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &retract_course[1], res, retracted_troubles);
}

/* ---- test ---- */

static enum err_code me_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    set_method(req, ctx, "getMe");
    set_body_take(req, json_object());
    return ERR_NONE;
}

static struct verdict me_read(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = verdict_next();
    struct answer a;

    answer_read(&a, res);
    if (json_is_object(a.result)) {
        json_set_str(ctx->record, "bot", json_path_str(a.result, "username"));
    } else {
        v = refused(ctx, &test_course[0], &a, NULL, res);
    }
    json_decref(a.json);
    return v;
}

static enum err_code chat_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = json_object();

    (void)why;
    set_method(req, ctx, "getChat");
    set_chat(body, ctx);
    set_body_take(req, body);
    return ERR_NONE;
}

static struct verdict chat_read(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = verdict_done();
    struct answer a;

    answer_read(&a, res);
    if (json_is_object(a.result)) {
        json_set_str(ctx->record, "chat_title", json_path_str(a.result, "title"));
    } else {
        v = refused(ctx, &test_course[1], &a, NULL, res);
    }
    json_decref(a.json);
    return v;
}

/* ---- settings ---- */

/* "@name", or a number: the API takes nothing else, and says so only when an article is due. */
static bool is_chat(const char *text)
{
    int64_t number;

    return text[0] == '@' ? is_name(text + 1) : parse_i64(text, &number) && number != 0;
}

/* "123456:ABC-def": it becomes part of an address. */
static bool is_token(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    size_t rest;

    if (digits == 0 || text[digits] != ':') {
        return false;
    }
    text += digits + 1;
    rest = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return rest > 0 && text[rest] == '\0';
}

static enum err_code check(const void *object, struct err *why)
{
    const struct telegram_settings *s = object;

    if (!s->token.text || !is_token(s->token.text)) {
        return err_set(
            why, ERR_INVALID, "token: looks like 123456:ABC-def, as BotFather gave it");
    }
    if (!s->chat || !is_chat(s->chat)) {
        return err_set(why, ERR_INVALID, "chat: @name of a public chat, or the chat's number");
    }
    if (s->silent && s->silent_unless_breaking) {
        return err_set(why, ERR_INVALID, "silent_unless_breaking: has no effect beside silent");
    }
    return ERR_NONE;
}

const struct adapter adapter_telegram = {
    .name = "telegram",
    .title = "Telegram",
    .doc_url = "https://core.telegram.org/bots/api",
    .about = "a picture with a caption, or a text with a link preview, in a channel or group",
    .settings = settings,
    .settings_size = sizeof(struct telegram_settings),
    .limits = limits,
    .publish = publish_course,
    .update = update_course,
    .retract = retract_course,
    .test = test_course,
    .cannot_verify = "a bot cannot read what stands in a chat",
    .rate = {.count = 20, .per_ms = MS_MINUTE},
    /* Telegram fetches the picture itself before it answers; giving up early makes unknowns. */
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check,
    .setup = "1. Talk to @BotFather in Telegram: /newbot, choose a name; it answers with the "
             "token.\n"
             "2. In your channel: Administrators, Add, the bot's name, right \"Post messages\" "
             "(and\n"
             "   \"Delete messages\" for retractions).\n"
             "3. chat is @ and the channel's public name; for a private one its number, -100 "
             "and ten\n"
             "   digits or more, as the link of any message shows it behind t.me/c/.\n"
             "4. POST /v1/channels/NAME/test asks Telegram for the bot and the chat and posts "
             "nothing.\n",
};
