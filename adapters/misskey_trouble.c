/* Requests to a Misskey server, and what its error answers mean. Called by every step of the adapter. Every
 * call is a POST with the token as member `i` of its body; errors are {"error":{"code","message","info"}}. */

#include "adapters/misskey_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/url.h"

#define RATE_WAIT_MS (15 * MS_MINUTE) /* of an hour's 300 notes some are free again by then */
#define MEND "an operator must see to the account"
#define ASK "ask for a new token with all permissions of `crier channels misskey`"

// clang-format off
static const struct trouble_code rows[] = {
    {"AUTHENTICATION_FAILED",     VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "make a new access token", false},
    {"CREDENTIAL_REQUIRED",       VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "make a new access token", false},
    {"YOUR_ACCOUNT_SUSPENDED",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"YOUR_ACCOUNT_MOVED",        VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"PERMISSION_DENIED",         VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, ASK, false},
    {"ROLE_PERMISSION_DENIED",    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"ACCESS_DENIED",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"INVALID_PARAM",             VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"CONTAINS_PROHIBITED_WORDS", VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"CONTAINS_TOO_MANY_MENTIONS", VERDICT_REJECTED, SCOPE_POST,   0, NULL, false},
    {"NO_SUCH_FILE",              VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"NO_SUCH_REPLY_TARGET",      VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"CANNOT_REPLY_TO_AN_INVISIBLE_NOTE", VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"INVALID_FILE_NAME",         VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"INAPPROPRIATE",             VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"NO_FREE_SPACE",             VERDICT_REJECTED, SCOPE_POST,    0, "the account's drive is full", false},
    {"MAX_FILE_SIZE_EXCEEDED",    VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"NO_SUCH_NOTE",              VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"RATE_LIMIT_EXCEEDED",       VERDICT_AGAIN,    SCOPE_CHANNEL, RATE_WAIT_MS, NULL, false},
    {"INTERNAL_ERROR",            VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    TROUBLE_CODE_END,
};
// clang-format on

void misskey__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      const char *endpoint,
                      json_t *body_taken)
{
    const struct misskey_settings *s = misskey__settings(ctx);

    req->method = HTTP_POST;
    http_set_url_below(req, s->instance, "/api/%s", endpoint);
    http_set_header(req, "Accept", "application/json");
    if (body_taken) {
        json_set_str(body_taken, "i", s->token.text);
        http_set_json(req, body_taken);
        json_decref(body_taken);
    }
}

bool misskey__error_is(const struct http_response *res, const char *code)
{
    json_t *body = http_json(res);
    const char *told = json_string_value(json_path(body, "error", "code", NULL));
    bool same = told && strcmp(told, code) == 0;

    json_decref(body);
    return same;
}

/* When the limit ends, by the server's clock in milliseconds; the longest there is is an hour. */
static int64_t reset_ms(const json_t *error, const struct http_response *res)
{
    int64_t told_ms = http_retry_after_ms(res);
    int64_t at_ms = json_integer_value(json_path(error, "info", "resetMs", NULL));
    int64_t wait_ms = at_ms - res->now_ms;

    if (told_ms > 0 || at_ms <= 0) {
        return told_ms;
    }
    if (wait_ms < MS_SECOND) {
        return MS_SECOND;
    }
    return wait_ms < MS_HOUR ? wait_ms : MS_HOUR;
}

struct verdict misskey__trouble(const struct http_response *res, bool publishes)
{
    const struct step step = {.repeatable = !publishes, .publishes = publishes};
    json_t *body = http_json(res);
    const json_t *error = json_object_get(body, "error");
    struct trouble_said said = {.status = res->status,
                                .code = record_str(error, "code"),
                                .message = record_str(error, "message"),
                                .told_ms = reset_ms(error, res)};
    struct verdict v;

    if (res->status >= 300 && res->status < 400) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "%d: the server sends us elsewhere: set `instance` to the address the "
                         "server itself uses",
                         res->status);
    } else if (!trouble_by_code(rows, &step, &said, &v)) {
        v = trouble_is_page(res) ? trouble_from_page(&step, res)
                                 : trouble_from_status(&step, res);
    }
    if (v.kind == VERDICT_AGAIN && res->status == 429 && v.retry_after_ms == 0) {
        v.retry_after_ms = RATE_WAIT_MS;
    }
    json_decref(body);
    return v;
}

/* ---- names ---- */

static bool is_id(const char *text, size_t len)
{
    return len > 0 && len < MISSKEY_ID_BYTES &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") >=
               len;
}

const char *misskey__id(const json_t *entity)
{
    const char *id = record_str(entity, "id");

    return id && is_id(id, strlen(id)) ? id : NULL;
}

void misskey__page(const struct step_ctx *ctx, const char *id, struct buf *out)
{
    const char *instance = misskey__settings(ctx)->instance;
    size_t len = strlen(instance);

    while (len > 0 && instance[len - 1] == '/') {
        len--;
    }
    buf_addf(out, "%.*s/notes/%s", (int)len, instance, id);
}

static const char *id_in_link(const struct misskey_settings *s, const char *link, size_t *len)
{
    static const char before[] = "/notes/";
    struct url_parts url, own;
    const char *id;

    if (!link || !url_parse(&url, link) || !url_parse(&own, s->instance) ||
        url.host_len != own.host_len || strncasecmp(url.host, own.host, own.host_len) != 0 ||
        url.path_len < sizeof before || memcmp(url.path, before, sizeof before - 1) != 0) {
        return NULL;
    }
    id = url.path + sizeof before - 1;
    *len = url.path_len - (sizeof before - 1);
    return is_id(id, *len) ? id : NULL;
}

const char *misskey__note_id(const struct misskey_settings *s,
                             const char *remote_id,
                             const char *link,
                             char out[MISSKEY_ID_BYTES])
{
    size_t len = remote_id ? strlen(remote_id) : 0;
    const char *id = remote_id && is_id(remote_id, len) ? remote_id : NULL;

    id = id ? id : id_in_link(s, remote_id, &len);
    id = id ? id : id_in_link(s, link, &len);
    if (!id) {
        return NULL;
    }
    memcpy(out, id, len);
    out[len] = '\0';
    return out;
}
