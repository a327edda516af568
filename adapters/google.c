/* Tokens and error answers of Google's APIs. Called by the adapters youtube and google_news; owns nothing.
 *
 * Every error answer has a reason, and the reason says more than the status: 403 is a quota that ends at
 * midnight in Los Angeles, a pace that was too fast, or a right that is missing. */

#include "adapters/google.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

/* ---- tokens ---- */

static const struct oauth any = {.settings_at = 0};

static const struct google_settings *settings_of(const struct oauth_call *call)
{
    return call->settings;
}

void google_authorize(const struct oauth *o, const struct oauth_call *call, struct buf *url)
{
    oauth_authorize_url(url, o, call, settings_of(call)->sign_in_url, NULL);
    buf_adds(url, "&access_type=offline&prompt=consent");
}

enum err_code
google_build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_code(req, &any, call, settings_of(call)->token_url, OAUTH_CLIENT_FORM);
    return ERR_NONE;
}

enum err_code
google_build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_refresh(req, &any, call, settings_of(call)->token_url, OAUTH_CLIENT_FORM);
    return ERR_NONE;
}

struct oauth_verdict google_read_token(struct oauth_call *call, const struct http_response *res)
{
    struct oauth_verdict v = oauth_read_token(call, res);

    if (v.outcome == OAUTH_REVOKED) {
        return oauth_verdict_make(OAUTH_REVOKED,
                                  0,
                                  "%.70s; sign in again. If this comes every 7 days, the "
                                  "consent screen of your app is in \"Testing\": publish it",
                                  v.detail);
    }
    return v;
}

/* ---- error answers ---- */

// clang-format off
static const struct google_row common[] = {
    {"quotaExceeded",           VERDICT_AGAIN,   SCOPE_CHANNEL, GOOGLE_MIDNIGHT, "the project's quota of the day is used up"},
    {"dailyLimitExceeded",      VERDICT_AGAIN,   SCOPE_CHANNEL, GOOGLE_MIDNIGHT, "the project's quota of the day is used up"},
    {"rateLimitExceeded",       VERDICT_AGAIN,   SCOPE_CHANNEL, GOOGLE_BACKOFF,  NULL},
    {"userRateLimitExceeded",   VERDICT_AGAIN,   SCOPE_CHANNEL, GOOGLE_BACKOFF,  NULL},
    {"RESOURCE_EXHAUSTED",      VERDICT_AGAIN,   SCOPE_CHANNEL, GOOGLE_BACKOFF,  NULL},
    {"accessNotConfigured",     VERDICT_BLOCKED, SCOPE_CHANNEL, GOOGLE_BACKOFF,  "switch the API on in the Google Cloud console"},
    {"insufficientPermissions", VERDICT_BLOCKED, SCOPE_CHANNEL, GOOGLE_BACKOFF,  "sign in again and allow everything that is asked for"},
    {"forbidden",               VERDICT_BLOCKED, SCOPE_CHANNEL, GOOGLE_BACKOFF,  NULL},
    {"accountDisabled",         VERDICT_BLOCKED, SCOPE_CHANNEL, GOOGLE_BACKOFF,  NULL},
    GOOGLE_ROW_END,
};
// clang-format on

static const json_t *error_of(const json_t *body)
{
    return json_object_get(body, "error");
}

static const char *reason_of(const json_t *body)
{
    const json_t *error = error_of(body);
    const char *reason =
        record_str(json_array_get(json_object_get(error, "errors"), 0), "reason");

    return reason ? reason : record_str(error, "status");
}

/* A word: a reason goes into details, where nobody's text has a place. */
static bool is_word(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len < GOOGLE_REASON_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
               len;
}

void google_reason(const struct http_response *res, char out[GOOGLE_REASON_BYTES])
{
    json_t *body = http_json(res);
    const char *reason = reason_of(body);

    (void)snprintf(out, GOOGLE_REASON_BYTES, "%s", is_word(reason) ? reason : "");
    json_decref(body);
}

static const struct google_row *find_row(const struct google_row *rows, const char *reason)
{
    for (; rows && rows->reason; rows++) {
        if (strcmp(rows->reason, reason) == 0) {
            return rows;
        }
    }
    return NULL;
}

static int64_t wait_ms(enum google_wait wait, const struct http_response *res)
{
    static const struct quota daily = {.count = 1, .window = QUOTA_DAY_PACIFIC};
    int64_t told_ms = http_retry_after_ms(res);

    if (told_ms > 0 || wait == GOOGLE_BACKOFF) {
        return told_ms;
    }
    if (wait == GOOGLE_DAY) {
        return MS_DAY;
    }
    return quota_frees_at(&daily, res->now_ms) - res->now_ms;
}

static void say(char out[TROUBLE_EXCERPT_BYTES + 1],
                const struct http_response *res,
                const char *reason,
                bool quote)
{
    json_t *body = http_json(res);
    const char *message = quote ? record_str(error_of(body), "message") : NULL;
    char text[512];

    (void)snprintf(text,
                   sizeof text,
                   "%s%s%.400s",
                   reason,
                   *reason && message ? ": " : "",
                   message ? message : "");
    trouble_excerpt(out, text, strlen(text));
    json_decref(body);
}

/* Its words are told by whoever asked for it, or (no JSON) as they stand there. */
static struct verdict
by_status(const struct step *step, const struct http_response *res, bool quote)
{
    struct http_response bare = *res;
    char reason[GOOGLE_REASON_BYTES];

    google_reason(res, reason);
    if (!quote || reason[0] != '\0') {
        bare.body = NULL;
        bare.body_len = 0;
    }
    return trouble_from_status(step, &bare);
}

struct verdict google_trouble(const struct google_row *rows,
                              const struct step *step,
                              const struct http_response *res,
                              bool quote)
{
    char reason[GOOGLE_REASON_BYTES], said[TROUBLE_EXCERPT_BYTES + 1];
    const struct google_row *row;
    struct verdict v;

    google_reason(res, reason);
    say(said, res, reason, quote);
    row = res->status >= 400 && res->status < 500 ? find_row(rows, reason) : NULL;
    row = row || res->status < 400 || res->status >= 500 ? row : find_row(common, reason);
    if (!row && res->status == 401) {
        return verdict_token_refused("401%s%s", *said ? " " : "", said);
    }
    if (!row) {
        v = by_status(step, res, quote);
        return *said
                   ? verdict_make(v.kind, v.scope, v.retry_after_ms, "%d %s", res->status, said)
                   : v;
    }
    return verdict_make(row->kind,
                        row->scope,
                        row->kind == VERDICT_AGAIN ? wait_ms(row->wait, res) : 0,
                        "%d %s%s%s",
                        res->status,
                        said,
                        row->hint ? ": " : "",
                        row->hint ? row->hint : "");
}
