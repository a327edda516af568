/* From TikTok's error codes to verdicts, and from the reasons of posts that failed. Called by every `read`
 * of the adapter. The code is what counts: an answer of status 200 may hold an error, and only the code "ok"
 * is a success. Sources: https://developers.tiktok.com/doc/content-posting-api-reference-direct-post and
 * -reference-get-video-status (2026). */

#include "adapters/tiktok_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "adapters/upload.h"
#include "base/json.h"

#define PACE_MS MS_MINUTE
#define PULLS_MAX 3

// clang-format off
static const struct trouble_code rows[] = {
    {"access_token_invalid",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL, true},
    {"internal_error",                        VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    {"internal",                              VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    {"scope_not_authorized",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "sign in again and allow everything that is asked for", false},
    {"scope_permission_missed",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "sign in again and allow everything that is asked for", false},
    {"rate_limit_exceeded",                   VERDICT_AGAIN,    SCOPE_CHANNEL, PACE_MS, NULL, false},
    {"spam_risk_too_many_posts",              VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the account's posts of the day are used up", false},
    {"spam_risk_too_many_pending_share",      VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "too many posts wait in the account's inbox", false},
    {"reached_active_user_cap",               VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the app has as many users today as TikTok lets it have", false},
    {"spam_risk_user_banned_from_posting",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "TikTok has banned the account from posting", false},
    {"spam_risk_text",                        VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes the text for spam", false},
    {"spam_risk",                             VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes it for spam", false},
    {"unaudited_client_can_only_post_to_private_accounts", VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the app has not passed TikTok's audit", false},
    {"url_ownership_unverified",              VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "verify the pictures' domain in TikTok's developer portal", false},
    {"app_version_check_failed",              VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL, false},
    {"invalid_param",                         VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_params",                        VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_file_upload",                   VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_publish_id",                    VERDICT_REJECTED, SCOPE_POST,    0, "TikTok does not know the post any more: look there yourself", false},
    {"token_not_authorized_for_specified_publish_id", VERDICT_REJECTED, SCOPE_POST, 0, "another account's post: look there yourself", false},
    TROUBLE_CODE_END,
};

/* fail_reason: it failed, so nothing of it is public. */
static const struct trouble_code reasons[] = {
    {"file_format_check_failed",              VERDICT_REJECTED, SCOPE_POST,    0, "not a format TikTok takes", false},
    {"duration_check_failed",                 VERDICT_REJECTED, SCOPE_POST,    0, "too short or too long", false},
    {"frame_rate_check_failed",               VERDICT_REJECTED, SCOPE_POST,    0, "23 to 60 pictures a second are taken", false},
    {"picture_size_check_failed",             VERDICT_REJECTED, SCOPE_POST,    0, "360 to 4096 pixels a side are taken", false},
    {"publish_cancelled",                     VERDICT_REJECTED, SCOPE_POST,    0, "somebody cancelled it", false},
    {"auth_removed",                          VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "the account has taken its permission back: sign in again", false},
    {"spam_risk_too_many_posts",              VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the account's posts of the day are used up", false},
    {"spam_risk_user_banned_from_posting",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "TikTok has banned the account from posting", false},
    {"spam_risk_text",                        VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes the text for spam", false},
    {"spam_risk",                             VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes it for spam", false},
    TROUBLE_CODE_END,
};
// clang-format on

static const json_t *error_of(const json_t *body)
{
    return json_object_get(body, "error");
}

const json_t *tiktok__data(const struct http_response *res, json_t **body)
{
    const char *code;

    *body = http_json(res);
    code = record_str(error_of(*body), "code");
    return res->status == 200 && code && strcmp(code, "ok") == 0
               ? json_object_get(*body, "data")
               : NULL;
}

void tiktok__forget_upload(struct step_ctx *ctx)
{
    static const char *const names[] = {"upload",
                                        "upload_at_ms",
                                        UPLOAD_MEMBERS,
                                        "piece",
                                        "offset",
                                        "pieces",
                                        "last_sent",
                                        "complete",
                                        "file_trouble",
                                        "other_file",
                                        NULL};

    for (size_t i = 0; names[i]; i++) {
        record_drop(ctx->record, names[i]);
    }
}

/* The level was allowed a moment ago; the account's owner may have changed it since. */
static struct verdict privacy_mismatch(struct step_ctx *ctx, const char *said)
{
    struct verdict v = verdict_jump("query_creator");

    if (record_flag(ctx->record, "asked_again")) {
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said);
    }
    record_set_flag(ctx->record, "asked_again", true);
    record_drop(ctx->record, "privacy");
    v.refused = true;
    return v;
}

static struct verdict by_code(struct step_ctx *ctx,
                              const struct step *step,
                              const struct trouble_said *said,
                              const struct http_response *res)
{
    char message[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;

    if (trouble_by_code(rows, step, said, &v)) {
        return v;
    }
    trouble_excerpt(message, said->message, said->message ? strlen(said->message) : 0);
    if (strcmp(said->code, "privacy_level_option_mismatch") == 0) {
        return privacy_mismatch(ctx, message);
    }
    if (res->status >= 500 || res->status == 429) {
        return trouble_from_status(step, res);
    }
    return verdict_make(
        VERDICT_REJECTED, SCOPE_POST, 0, "%d: %.48s: %s", res->status, said->code, message);
}

struct verdict
tiktok__trouble(struct step_ctx *ctx, const struct step *step, const struct http_response *res)
{
    json_t *body = http_json(res);
    const struct trouble_said said = {.status = res->status,
                                      .code = record_str(error_of(body), "code"),
                                      .message = record_str(error_of(body), "message"),
                                      .told_ms = http_retry_after_ms(res)};
    struct verdict v;

    if (said.code && strcmp(said.code, "ok") != 0) {
        v = by_code(ctx, step, &said, res);
    } else {
        v = res->status == 401 ? verdict_token_refused("401") : trouble_from_status(step, res);
    }
    if (v.kind == VERDICT_REJECTED) { /* sent again with another template, it is made anew */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
    }
    if (v.kind == VERDICT_AGAIN && res->status == 429 && v.retry_after_ms < PACE_MS) {
        v.retry_after_ms = PACE_MS;
    }
    json_decref(body);
    return v;
}

/* TikTok could not fetch a file, or broke down over it: from the beginning, a few times. */
static struct verdict from_the_beginning(struct step_ctx *ctx, const char *reason)
{
    int64_t pulls = record_int(ctx->record, "pulls") + 1;
    struct verdict v;

    record_set_int(ctx->record, "pulls", pulls);
    record_drop(ctx->record, "publish_id");
    record_drop(ctx->record, "photos"); /* our own copies may have gone meanwhile */
    tiktok__forget_upload(ctx);
    if (pulls >= PULLS_MAX) {
        return verdict_make(VERDICT_REJECTED,
                            SCOPE_POST,
                            0,
                            "TikTok failed %d times: %.60s",
                            PULLS_MAX,
                            reason);
    }
    v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 0, "TikTok failed: %.60s", reason);
    v.jump = "query_creator";
    return v;
}

struct verdict tiktok__failed(struct step_ctx *ctx, const char *reason)
{
    static const struct step self = {.repeatable = true};
    const struct trouble_said said = {.status = 200, .code = reason};
    char text[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;

    if (strcmp(reason, "video_pull_failed") == 0 || strcmp(reason, "photo_pull_failed") == 0 ||
        strncmp(reason, "internal", 8) == 0) {
        return from_the_beginning(ctx, reason);
    }
    record_drop(ctx->record, "publish_id");
    tiktok__forget_upload(ctx);
    if (!trouble_by_code(reasons, &self, &said, &v)) {
        trouble_excerpt(text, reason, strlen(reason));
        v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "TikTok failed: %s", text);
    }
    v.jump = v.kind == VERDICT_REJECTED ? NULL : "query_creator";
    return v;
}
