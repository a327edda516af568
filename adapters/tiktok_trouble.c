/* From TikTok's error codes to verdicts, and from the reasons of posts that failed. Called by every `read`
 * of the adapter. The code is what counts: an answer of status 200 may hold an error, and only the code "ok"
 * is a success. Sources: https://developers.tiktok.com/doc/content-posting-api-reference-direct-post and
 * -reference-get-video-status (2026). */

#include "adapters/tiktok_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define PACE_MS MS_MINUTE
#define PULLS_MAX 3

struct row {
    const char *code;
    enum verdict_kind kind;
    enum verdict_scope scope;
    int64_t wait_ms;
    const char *hint;
};

// clang-format off
static const struct row rows[] = {
    {"scope_not_authorized",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "sign in again and allow everything that is asked for"},
    {"scope_permission_missed",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "sign in again and allow everything that is asked for"},
    {"rate_limit_exceeded",                   VERDICT_AGAIN,    SCOPE_CHANNEL, PACE_MS, NULL},
    {"spam_risk_too_many_posts",              VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the account's posts of the day are used up"},
    {"spam_risk_too_many_pending_share",      VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "too many posts wait in the account's inbox"},
    {"reached_active_user_cap",               VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the app has as many users today as TikTok lets it have"},
    {"spam_risk_user_banned_from_posting",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "TikTok has banned the account from posting"},
    {"spam_risk_text",                        VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes the text for spam"},
    {"spam_risk",                             VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes it for spam"},
    {"unaudited_client_can_only_post_to_private_accounts", VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the app has not passed TikTok's audit"},
    {"url_ownership_unverified",              VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "verify the pictures' domain in TikTok's developer portal"},
    {"app_version_check_failed",              VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL},
    {"invalid_param",                         VERDICT_REJECTED, SCOPE_POST,    0, NULL},
    {"invalid_params",                        VERDICT_REJECTED, SCOPE_POST,    0, NULL},
    {"invalid_file_upload",                   VERDICT_REJECTED, SCOPE_POST,    0, NULL},
    {"invalid_publish_id",                    VERDICT_REJECTED, SCOPE_POST,    0, "TikTok does not know the post any more: look there yourself"},
    {"token_not_authorized_for_specified_publish_id", VERDICT_REJECTED, SCOPE_POST, 0, "another account's post: look there yourself"},
    {NULL, VERDICT_DONE, SCOPE_POST, 0, NULL},
};

/* fail_reason: it failed, so nothing of it is public. */
static const struct row reasons[] = {
    {"file_format_check_failed",              VERDICT_REJECTED, SCOPE_POST,    0, "not a format TikTok takes"},
    {"duration_check_failed",                 VERDICT_REJECTED, SCOPE_POST,    0, "too short or too long"},
    {"frame_rate_check_failed",               VERDICT_REJECTED, SCOPE_POST,    0, "23 to 60 pictures a second are taken"},
    {"picture_size_check_failed",             VERDICT_REJECTED, SCOPE_POST,    0, "360 to 4096 pixels a side are taken"},
    {"publish_cancelled",                     VERDICT_REJECTED, SCOPE_POST,    0, "somebody cancelled it"},
    {"auth_removed",                          VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "the account has taken its permission back: sign in again"},
    {"spam_risk_too_many_posts",              VERDICT_AGAIN,    SCOPE_CHANNEL, MS_DAY, "the account's posts of the day are used up"},
    {"spam_risk_user_banned_from_posting",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "TikTok has banned the account from posting"},
    {"spam_risk_text",                        VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes the text for spam"},
    {"spam_risk",                             VERDICT_REJECTED, SCOPE_POST,    0, "TikTok takes it for spam"},
    {NULL, VERDICT_DONE, SCOPE_POST, 0, NULL},
};
// clang-format on

static const struct row *find_row(const struct row *table, const char *code)
{
    for (; table->code; table++) {
        if (strcmp(table->code, code) == 0) {
            return table;
        }
    }
    return NULL;
}

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
                                        "total",
                                        "piece",
                                        "offset",
                                        "type",
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

static struct verdict from_row(const struct row *row, const char *said, int64_t told_ms)
{
    return verdict_make(row->kind,
                        row->scope,
                        row->kind == VERDICT_AGAIN && told_ms > row->wait_ms ? told_ms
                                                                             : row->wait_ms,
                        "%s%s%s",
                        said,
                        row->hint ? ": " : "",
                        row->hint ? row->hint : "");
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
                              const char *code,
                              const char *said,
                              const struct http_response *res)
{
    const struct row *row = find_row(rows, code);

    if (strcmp(code, "privacy_level_option_mismatch") == 0) {
        return privacy_mismatch(ctx, said);
    }
    if (strcmp(code, "access_token_invalid") == 0) {
        return verdict_token_refused("%s", said);
    }
    if (!row) {
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%d %s", res->status, said);
    }
    return from_row(row, said, http_retry_after_ms(res));
}

static bool is_internal(const char *code)
{
    return strncmp(code, "internal", 8) == 0;
}

/* What was done before it went wrong, nobody knows. */
static struct verdict went_wrong(const struct step *step, const char *said)
{
    bool maybe = step->publishes && !step->repeatable;

    return verdict_make(maybe ? VERDICT_UNKNOWN : VERDICT_AGAIN, SCOPE_POST, 0, "%s", said);
}

struct verdict
tiktok__trouble(struct step_ctx *ctx, const struct step *step, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *code = record_str(error_of(body), "code");
    struct verdict v = {.kind = VERDICT_DONE};
    char said[TROUBLE_EXCERPT_BYTES + 1];
    struct buf text;

    buf_init(&text, 4096);
    trouble_say(&text, error_of(body), "code", "message");
    trouble_excerpt(said, buf_str(&text), text.len);
    buf_done(&text);
    if (code && is_internal(code)) {
        v = went_wrong(step, said);
    } else if (code && strcmp(code, "ok") != 0 && (res->status < 500 || find_row(rows, code))) {
        v = by_code(ctx, code, said, res);
    } else if (res->status == 401) {
        v = verdict_token_refused("401");
    } else {
        v = trouble_from_status(step, res);
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
    const struct row *row = find_row(reasons, reason);
    char said[TROUBLE_EXCERPT_BYTES + 1];
    struct verdict v;

    if (strcmp(reason, "video_pull_failed") == 0 || strcmp(reason, "photo_pull_failed") == 0 ||
        is_internal(reason)) {
        return from_the_beginning(ctx, reason);
    }
    trouble_excerpt(said, reason, strlen(reason));
    record_drop(ctx->record, "publish_id");
    tiktok__forget_upload(ctx);
    if (!row) {
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "TikTok failed: %s", said);
    }
    v = from_row(row, said, 0);
    v.jump = v.kind == VERDICT_REJECTED ? NULL : "query_creator";
    return v;
}
