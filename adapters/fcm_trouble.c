/* What Firebase's answers mean, for messages to tokens (on lanes' threads) and to topics, and the test. Pure.
 *
 * An error has a status of HTTP, a status of Google's APIs, and in one of its details a code of Firebase's own,
 * which says most.
 *
 * Source: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */

#include "adapters/fcm_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define FCM_ERROR "type.googleapis.com/google.firebase.fcm.v1.FcmError"
#define QUOTA_WAIT_MS (60 * MS_SECOND) /* quotas are refilled by the minute */
#define BUSY_WAIT_MS (10 * MS_SECOND)

// clang-format off
static const struct row {
    const char *code; /* Firebase's, or the API's */
    enum fcm_reach reach;
    const char *hint; /* for people; NULL */
} rows[] = {
    {"UNREGISTERED",           FCM_GONE,     NULL},
    {"SENDER_ID_MISMATCH",     FCM_NOT_OURS, NULL},
    {"QUOTA_EXCEEDED",         FCM_QUOTA,    NULL},
    {"THIRD_PARTY_AUTH_ERROR", FCM_BEYOND,   "Apple's key, or that for browsers, is missing or has ended: Firebase console, Project settings > Cloud Messaging"},
    {"APNS_AUTH_ERROR",        FCM_BEYOND,   "Apple's key is missing or has ended: Firebase console, Project settings > Cloud Messaging"},
    {"INTERNAL",               FCM_INTERNAL, NULL},
    {"UNAVAILABLE",            FCM_BUSY,     NULL},
    {"UNSPECIFIED_ERROR",      FCM_INTERNAL, NULL},
    {"UNAUTHENTICATED",        FCM_TOKEN,    NULL},
    {"PERMISSION_DENIED",      FCM_OPERATOR, "the API is switched off in the project, or the account lacks the role Firebase Cloud Messaging API Admin"},
    {"NOT_FOUND",              FCM_OPERATOR, "there is no such project"},
    {"RESOURCE_EXHAUSTED",     FCM_QUOTA,    NULL},
};
// clang-format on

/* ---- what it says ---- */

static const char *code_of(const json_t *error)
{
    const json_t *detail;
    size_t i;

    json_array_foreach(json_object_get(error, "details"), i, detail)
    {
        const char *type = json_path_str(detail, "@type");

        if (type && strcmp(type, FCM_ERROR) == 0) {
            return json_path_str(detail, "errorCode");
        }
    }
    return NULL;
}

/* Which member of our request is wrong; NULL: nobody says. */
static const char *field_of(const json_t *error)
{
    const json_t *detail, *violation;
    size_t i, n;

    json_array_foreach(json_object_get(error, "details"), i, detail)
    {
        json_array_foreach(json_object_get(detail, "fieldViolations"), n, violation)
        {
            if (json_path_str(violation, "field")) {
                return json_path_str(violation, "field");
            }
        }
    }
    return NULL;
}

static bool says(const char *message, const char *word)
{
    return message && strcasestr(message, word) != NULL;
}

static const struct row *find(const char *code)
{
    for (size_t i = 0; code && i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* INVALID_ARGUMENT is all of it: a token that is none, a message that is too large, a member there is not. */
static enum fcm_reach reach_of_argument(const json_t *error)
{
    const char *field = field_of(error), *message = json_path_str(error, "message");

    if (field) {
        return strcmp(field, "message.token") == 0 ? FCM_NOT_OURS : FCM_PAYLOAD;
    }
    if (says(message, "registration token")) {
        return FCM_REFUSED;
    }
    return says(message, "payload") || says(message, "too big") ? FCM_PAYLOAD : FCM_REFUSED;
}

static enum fcm_reach reach_of_status(int status)
{
    switch (status) {
    case 400:
        return FCM_REFUSED;
    case 401:
        return FCM_TOKEN;
    case 403:
    case 404:
        return FCM_OPERATOR;
    case 413:
        return FCM_PAYLOAD;
    case 429:
        return FCM_QUOTA;
    default:
        break;
    }
    return status == 408 || status == 502 || status == 503 || status == 504 ? FCM_BUSY
           : status >= 500                                                  ? FCM_INTERNAL
           : status >= 400                                                  ? FCM_PAYLOAD
                                                                            : FCM_UNREADABLE;
}

static const struct row *judge(struct fcm_said *out, int status, const json_t *error)
{
    const char *code = code_of(error), *word = json_path_str(error, "status");
    const struct row *row = find(code);

    if (!row && (status == 400 || (code && strcmp(code, "INVALID_ARGUMENT") == 0))) {
        out->reach = reach_of_argument(error);
        return NULL;
    }
    row = row ? row : find(word);
    out->reach = row ? row->reach : reach_of_status(status);
    if (out->reach == FCM_QUOTA && says(json_path_str(error, "message"), "device")) {
        out->reach = FCM_DEVICE;
    }
    return row;
}

static int64_t wait_of(const struct fcm_said *said, const struct http_response *res)
{
    int64_t told_ms = http_retry_after_ms(res);

    return told_ms > 0                                             ? told_ms
           : said->reach == FCM_QUOTA || said->reach == FCM_DEVICE ? QUOTA_WAIT_MS
           : said->reach == FCM_BUSY                               ? BUSY_WAIT_MS
                                                                   : 0;
}

static void tell(struct fcm_said *out,
                 const struct http_response *res,
                 const json_t *error,
                 const struct row *row)
{
    const char *code = code_of(error), *message = json_path_str(error, "message");
    char said[TROUBLE_EXCERPT_BYTES + 1];

    code = code ? code : json_path_str(error, "status");
    if (row && row->hint) {
        (void)snprintf(
            out->detail, sizeof out->detail, "%d %.40s: %s", res->status, code, row->hint);
        return;
    }
    trouble_excerpt(
        said, message ? message : res->body, message ? strlen(message) : res->body_len);
    (void)snprintf(out->detail,
                   sizeof out->detail,
                   "%d %.40s%s%.100s",
                   res->status,
                   code ? code : "",
                   code ? ": " : "",
                   said);
}

void fcm__read_answer(struct fcm_said *out, const struct http_response *res)
{
    json_t *body;
    const json_t *error;
    const struct row *row;

    *out = (struct fcm_said){.reach = FCM_TAKEN};
    if (res->status == 200 && res->body_len > 0 && strstr(res->body, "\"name\"")) {
        return;
    }
    body = http_json(res);
    error = json_object_get(body, "error");
    row = judge(out, res->status, error);
    out->wait_ms = wait_of(out, res);
    tell(out, res, error, row);
    (void)text_drop_halves(out->detail);
    json_decref(body);
}

/* ---- the test: Firebase looks at a message, and sends nothing ---- */

enum err_code fcm__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fcm__request(ctx, req, why);

    if (!rc) {
        buf_adds(
            &req->body,
            "{\"validateOnly\":true,\"message\":{\"topic\":\"crier-test\",\"notification\":"
            "{\"title\":\"crier\"}}}");
    }
    return rc;
}

struct verdict fcm__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct fcm_said said;

    (void)ctx;
    fcm__read_answer(&said, res);
    switch (said.reach) {
    case FCM_TAKEN:
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "Firebase takes messages from this account");
    case FCM_TOKEN:
        return verdict_token_refused("%s", said.detail);
    case FCM_QUOTA:
    case FCM_DEVICE:
    case FCM_BUSY:
    case FCM_INTERNAL:
        return verdict_make(VERDICT_AGAIN, SCOPE_CHANNEL, said.wait_ms, "%s", said.detail);
    case FCM_UNREADABLE:
        return verdict_make(VERDICT_AGAIN, SCOPE_HOST, said.wait_ms, "%s", said.detail);
    default:
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said.detail);
    }
}
