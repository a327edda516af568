/* Telegram's answers: what each step's answer means, and what a post is known by afterwards.
 * Called by the courses in telegram.c. Owns nothing. */

#include "adapters/telegram_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"

/* Members of a post's record. "chat" is the chat it stands in, as the API takes it. */
static const char *const kept[] = {
    "remote_id", "remote_url", "chat", "message_id", "kind", "posted_at_ms", NULL};

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
        json_set_str(ctx->account, "migrated_from", telegram__named_chat(ctx));
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

bool telegram__is_name(const char *text)
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

    if (name && telegram__is_name(name)) {
        return mem_printf("https://t.me/%s/%" JSON_INTEGER_FORMAT, name, message_id);
    }
    if (strncmp(chat_id, "-100", 4) == 0 && chat_id[4] != '\0') {
        return mem_printf("https://t.me/c/%s/%" JSON_INTEGER_FORMAT, chat_id + 4, message_id);
    }
    return NULL;
}

/* The Message in the answer: what the post is known by from now on. False when there is
 * none. */
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

struct verdict telegram__photo_read(struct step_ctx *ctx, const struct http_response *res)
{
    return sent_read(ctx, &telegram__publish[0], res, "photo", photo_troubles);
}

struct verdict telegram__text_read(struct step_ctx *ctx, const struct http_response *res)
{
    return sent_read(ctx, &telegram__publish[1], res, "text", NULL);
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

struct verdict telegram__edit_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &telegram__update[0], res, edit_troubles);
}

struct verdict telegram__delete_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &telegram__retract[0], res, delete_troubles);
}

struct verdict telegram__retracted_read(struct step_ctx *ctx, const struct http_response *res)
{
    return edited_read(ctx, &telegram__retract[1], res, retracted_troubles);
}

/* A look at the connection: a name it tells is kept for people. */
static struct verdict name_read(struct step_ctx *ctx,
                                const struct step *step,
                                const struct http_response *res,
                                const char *kept_as,
                                const char *member,
                                struct verdict good)
{
    struct verdict v = good;
    struct answer a;

    answer_read(&a, res);
    if (json_is_object(a.result)) {
        json_set_str(ctx->record, kept_as, json_path_str(a.result, member));
    } else {
        v = refused(ctx, step, &a, NULL, res);
    }
    json_decref(a.json);
    return v;
}

struct verdict telegram__me_read(struct step_ctx *ctx, const struct http_response *res)
{
    return name_read(ctx, &telegram__test[0], res, "bot", "username", verdict_next());
}

struct verdict telegram__chat_read(struct step_ctx *ctx, const struct http_response *res)
{
    return name_read(ctx, &telegram__test[1], res, "chat_title", "title", verdict_done());
}
