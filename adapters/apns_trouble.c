/* What Apple's answers mean. Called by apns_push.c on lanes' threads, and by the test. Pure.
 *
 * Source: https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */

#include "adapters/apns_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define KEY_HINT "look at key, key_id and team_id"
#define ENVIRONMENT_HINT                                                                       \
    "do sandbox and bundle_id fit the app? Tokens of builds from Xcode work with sandbox: "    \
    "true alone"
#define TOKEN_UPDATES_MS (60 * MS_SECOND)
#define BUSY_MS (5 * MS_SECOND)
#define SHUTDOWN_MS (1 * MS_SECOND)

// clang-format off
static const struct row {
    const char *reason;
    enum apns_reach reach;
    int64_t wait_ms;
    const char *hint;
} rows[] = {
    {"BadDeviceToken",         APNS_NOT_OURS, 0, ENVIRONMENT_HINT},
    {"DeviceTokenNotForTopic", APNS_NOT_OURS, 0, ENVIRONMENT_HINT},
    {"Unregistered",           APNS_GONE,     0, NULL},
    {"ExpiredToken",           APNS_GONE,     0, NULL},
    /* Made by us, the same for everybody. */
    {"BadCollapseId",          APNS_MESSAGE,  0, NULL},
    {"BadExpirationDate",      APNS_MESSAGE,  0, NULL},
    {"BadMessageId",           APNS_MESSAGE,  0, NULL},
    {"BadPriority",            APNS_MESSAGE,  0, NULL},
    {"DuplicateHeaders",       APNS_MESSAGE,  0, NULL},
    {"InvalidPushType",        APNS_MESSAGE,  0, NULL},
    {"MissingDeviceToken",     APNS_MESSAGE,  0, NULL},
    {"PayloadEmpty",           APNS_MESSAGE,  0, NULL},
    {"PayloadTooLarge",        APNS_MESSAGE,  0, NULL},
    {"BadPath",                APNS_MESSAGE,  0, NULL},
    {"MethodNotAllowed",       APNS_MESSAGE,  0, NULL},
    /* Made by us of bundle_id, which somebody can mend: the article waits for that. */
    {"BadTopic",               APNS_OPERATOR, 0, "look at bundle_id"},
    {"MissingTopic",           APNS_OPERATOR, 0, "look at bundle_id"},
    {"TopicDisallowed",        APNS_OPERATOR, 0, "the key may not be used for this bundle_id"},
    {"ExpiredProviderToken",   APNS_EXPIRED,  0, "this machine's clock is wrong: it must be right within minutes"},
    {"InvalidProviderToken",   APNS_OPERATOR, 0, KEY_HINT},
    {"MissingProviderToken",   APNS_OPERATOR, 0, KEY_HINT},
    {"BadCertificate",         APNS_OPERATOR, 0, KEY_HINT},
    {"BadCertificateEnvironment",  APNS_OPERATOR, 0, KEY_HINT},
    {"BadEnvironmentKeyIdInToken", APNS_OPERATOR, 0, "the key is for the other environment: look at sandbox"},
    {"BadEnvironmentKeyInToken",   APNS_OPERATOR, 0, "the key is for the other environment: look at sandbox"},
    {"Forbidden",              APNS_OPERATOR, 0, KEY_HINT},
    {"UnrelatedKeyIdInToken",  APNS_BUSY,     BUSY_MS, NULL}, /* a connection that another key has used */
    {"IdleTimeout",            APNS_DEVICE,   0, NULL},
    {"TooManyRequests",        APNS_DEVICE,   0, NULL},
    {"TooManyProviderTokenUpdates", APNS_BUSY, TOKEN_UPDATES_MS, NULL}, /* somebody else uses the key too */
    {"InternalServerError",    APNS_DEVICE,   0, NULL},
    {"ServiceUnavailable",     APNS_BUSY,     BUSY_MS, NULL},
    {"Shutdown",               APNS_BUSY,     SHUTDOWN_MS, NULL},
};
// clang-format on

static const struct row *find(const char *reason)
{
    for (size_t i = 0; reason && i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].reason, reason) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum apns_reach reach_of_status(int status)
{
    switch (status) {
    case 400:
        return APNS_REFUSED;
    case 401:
    case 403:
        return APNS_OPERATOR;
    case 404:
    case 405:
    case 413:
        return APNS_MESSAGE;
    case 410:
        return APNS_GONE;
    case 429:
    case 500:
        return APNS_DEVICE;
    default:
        return status > 500 ? APNS_BUSY : status >= 400 ? APNS_REFUSED : APNS_UNREADABLE;
    }
}

/* Of a 410: since when. */
static void add_since(struct apns_said *out, const json_t *body)
{
    char text[TIME_TEXT_BYTES];
    size_t len = strlen(out->detail);

    out->since_ms = record_int(body, "timestamp");
    if (out->since_ms > 0) {
        (void)time_rfc3339_seconds(out->since_ms, text);
        (void)snprintf(out->detail + len, sizeof out->detail - len, " since %s", text);
    }
}

void apns__read_answer(struct apns_said *out, const struct http_response *res)
{
    json_t *body;
    const char *reason;
    const struct row *row;
    int64_t told_ms;

    *out = (struct apns_said){.reach = APNS_TAKEN};
    if (res->status == 200) {
        return;
    }
    body = http_json(res);
    reason = json_path_str(body, "reason");
    row = find(reason);
    told_ms = http_retry_after_ms(res);
    out->reach = row ? row->reach : reach_of_status(res->status);
    out->wait_ms = told_ms > 0               ? told_ms
                   : row                     ? row->wait_ms
                   : out->reach == APNS_BUSY ? BUSY_MS
                                             : 0;
    out->hint = row && row->hint ? row->hint : KEY_HINT;
    (void)snprintf(out->detail,
                   sizeof out->detail,
                   "%d %.60s",
                   res->status,
                   reason ? reason : "without a reason");
    add_since(out, body);
    (void)text_drop_halves(out->detail);
    json_decref(body);
}

/* ---- the test: a message to a token that is none ---- */

struct verdict apns__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    const struct apns_settings *s = apns__settings(ctx);
    struct apns_said said;

    apns__read_answer(&said, res);
    switch (said.reach) {
    case APNS_NOT_OURS: /* who we are is looked at before it */
        return verdict_make(VERDICT_DONE,
                            SCOPE_POST,
                            0,
                            "Apple knows the key, and takes messages for %.100s%s",
                            s->bundle_id,
                            s->sandbox ? " (sandbox)" : "");
    case APNS_EXPIRED:
    case APNS_OPERATOR:
        return verdict_make(
            VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s; %s", said.detail, said.hint);
    case APNS_DEVICE:
    case APNS_BUSY:
    case APNS_UNREADABLE:
        return verdict_make(VERDICT_AGAIN, SCOPE_HOST, said.wait_ms, "%s", said.detail);
    default:
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said.detail);
    }
}
