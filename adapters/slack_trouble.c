/* From Slack's error answers to verdicts. Called by every `read` of the adapter for answers that are
 * not the one hoped for. Pure. The Web API says no with status 200 and a word; webhooks say it with
 * a status and plain text.
 *
 * Sources: the errors of chat.postMessage, chat.update, chat.delete, conversations.history and
 * auth.test (slack-ruby/slack-api-ref, 20 Aug 2026); Slack's changelog of 17 May 2016 for webhooks. */

#include "adapters/slack_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/text.h"

#define SAID_BYTES_MAX 4096

struct error_row {
    const char *error;
    enum verdict_kind kind; /* UNKNOWN: some of it may have been done */
    enum verdict_scope scope;
};

// clang-format off
/* Errors that are not here say no to this message. */
static const struct error_row rows[] = {
    {"ratelimited",                  VERDICT_AGAIN,   SCOPE_CHANNEL},
    {"rate_limited",                 VERDICT_AGAIN,   SCOPE_CHANNEL},
    {"service_unavailable",          VERDICT_AGAIN,   SCOPE_HOST},
    {"request_timeout",              VERDICT_AGAIN,   SCOPE_POST}, /* our body did not arrive */
    {"team_added_to_org",            VERDICT_AGAIN,   SCOPE_CHANNEL},
    {"org_login_required",           VERDICT_AGAIN,   SCOPE_CHANNEL},
    {"external_channel_migrating",   VERDICT_AGAIN,   SCOPE_POST},
    {"streaming_state_conflict",     VERDICT_AGAIN,   SCOPE_POST},
    {"update_failed",                VERDICT_AGAIN,   SCOPE_POST},
    {"fatal_error",                  VERDICT_UNKNOWN, SCOPE_POST},
    {"internal_error",               VERDICT_UNKNOWN, SCOPE_POST},
    /* the token */
    {"invalid_auth",                 VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"not_authed",                   VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"account_inactive",             VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"token_revoked",                VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"token_expired",                VERDICT_BLOCKED, SCOPE_CHANNEL}, /* rotation is on */
    {"not_allowed_token_type",       VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"is_bot",                       VERDICT_BLOCKED, SCOPE_CHANNEL}, /* of an old kind */
    {"metadata_must_be_sent_from_app", VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"as_user_not_supported",        VERDICT_BLOCKED, SCOPE_CHANNEL},
    /* its rights */
    {"missing_scope",                VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"no_permission",                VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"ekm_access_denied",            VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"access_denied",                VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"accesslimited",                VERDICT_BLOCKED, SCOPE_CHANNEL}, /* from this network */
    {"two_factor_setup_required",    VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"app_access_restricted",        VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"enterprise_is_restricted",     VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"send_on_behalf_not_allowed",   VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"restricted_action",                         VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"restricted_action_read_only_channel",       VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"restricted_action_thread_only_channel",     VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"restricted_action_non_threadable_channel",  VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"restricted_action_thread_locked",           VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"message_limit_exceeded",       VERDICT_BLOCKED, SCOPE_CHANNEL}, /* of the free plan */
    /* the channel */
    {"channel_not_found",            VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"not_in_channel",               VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"is_archived",                  VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"team_not_found",               VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"messages_tab_disabled",        VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"channel_is_limited_access",    VERDICT_BLOCKED, SCOPE_CHANNEL},
    /* the address */
    {"deprecated_endpoint",          VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"method_deprecated",            VERDICT_BLOCKED, SCOPE_CHANNEL},
    {"unknown_method",               VERDICT_BLOCKED, SCOPE_CHANNEL},
};

/* A webhook belongs to one channel: what says no to it stops the channel. */
static const struct trouble_row hook_rows[] = {
    {.status = 429,                              .kind = VERDICT_AGAIN,    .scope = SCOPE_CHANNEL},
    {.status = 400, .needle = "user_not_found",  .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 400,                              .kind = VERDICT_REJECTED, .scope = SCOPE_POST},
    {.status = 401,                              .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 403,                              .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 404,                              .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 405,                              .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    {.status = 410,                              .kind = VERDICT_BLOCKED,  .scope = SCOPE_CHANNEL},
    TROUBLE_END,
};
// clang-format on

/* ---- what it said ---- */

json_t *slack__ok(const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;

    if (!json_is_object(body) || !json_is_true(json_object_get(body, "ok"))) {
        json_decref(body);
        return NULL;
    }
    return body;
}

/* A word such as "is_archived". */
static void keep_word(char out[SLACK_ERROR_BYTES], const char *text)
{
    size_t len = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;

    out[0] = '\0';
    if (len > 0 && len < SLACK_ERROR_BYTES) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
}

void slack__error(const struct http_response *res, char out[SLACK_ERROR_BYTES])
{
    json_t *body = http_json(res);

    keep_word(out, json_is_object(body) ? record_str(body, "error") : res->body);
    json_decref(body);
}

/* "invalid_blocks: [ERROR] downloading image failed [json-pointer:/blocks/2/image_url]", and of a
 * scope that is missing, which. */
static void say(struct buf *out, const json_t *body)
{
    const char *needed = record_str(body, "needed");
    json_t *message;
    size_t i;

    trouble_say(out, body, "error", NULL);
    if (needed) {
        buf_addf(out, ": needed is %s", needed);
    }
    json_array_foreach(json_path(body, "response_metadata", "messages", NULL), i, message)
    {
        if (json_is_string(message)) {
            buf_addf(out, ": %s", json_string_value(message));
        }
    }
    if (!buf_ok(out)) { /* more than anybody reads: the word will do */
        buf_clear(out);
        trouble_say(out, body, "error", NULL);
    }
}

/* ---- verdicts ---- */

static struct verdict elsewhere(const struct http_response *res, const char *setting)
{
    return verdict_make(VERDICT_BLOCKED,
                        SCOPE_CHANNEL,
                        0,
                        "%d: %s leads elsewhere: it is not Slack's address",
                        res->status,
                        setting);
}

static const struct error_row *row_of(const char *error)
{
    for (size_t i = 0; error && i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].error, error) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What may have been done is tried again where that does no harm. */
static enum verdict_kind kind_for(const struct step *step, enum verdict_kind kind)
{
    bool harmless = step->repeatable || !step->publishes;

    return kind == VERDICT_UNKNOWN && harmless ? VERDICT_AGAIN : kind;
}

/* body: an answer that says ok: false. */
static struct verdict
refused(const struct step *step, const json_t *body, const struct http_response *res)
{
    const struct error_row *row = row_of(record_str(body, "error"));
    enum verdict_kind kind = kind_for(step, row ? row->kind : VERDICT_REJECTED);
    char excerpt[TROUBLE_EXCERPT_BYTES + 1];
    struct buf said;

    buf_init(&said, SAID_BYTES_MAX);
    say(&said, body);
    trouble_excerpt(excerpt, buf_str(&said), said.len);
    buf_done(&said);
    return verdict_make(kind,
                        row ? row->scope : SCOPE_POST,
                        kind == VERDICT_AGAIN ? http_retry_after_ms(res) : 0,
                        "%s",
                        excerpt);
}

struct verdict slack__trouble(const struct step *step, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool told = json_is_false(json_object_get(body, "ok")) && record_str(body, "error");
    struct verdict v;

    if (res->status >= 300 && res->status < 400) {
        v = elsewhere(res, "api_base");
    } else if (told && res->status < 500) {
        v = refused(step, body, res);
    } else {
        v = trouble_from_status(step, res);
    }
    json_decref(body);
    return v;
}

struct verdict slack__hook_trouble(const struct step *step, const struct http_response *res)
{
    struct verdict v;

    if (res->status >= 300 && res->status < 400) {
        return elsewhere(res, "webhook_url");
    }
    return trouble_match(hook_rows, res->status, res->body, http_retry_after_ms(res), &v)
               ? v
               : trouble_from_status(step, res);
}
