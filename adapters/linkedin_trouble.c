/* From LinkedIn's error answers to verdicts: {status, code, serviceErrorCode, message, errorDetails}. Called by
 * every `read` of the adapter for answers that are not the one hoped for. There are no headers that tell of
 * limits: who is refused a second time on one day waits for midnight UTC, when they begin anew. */

#include "adapters/linkedin_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define SAID_BYTES_MAX 4096
#define LIMIT_WAIT_MS (10 * MS_MINUTE)

// clang-format off
static const struct trouble_row rows[] = {
    {426, NULL,                        VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "NONEXISTENT_VERSION",       VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {429, NULL,                        VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    {403, NULL,                        VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {422, NULL,                        VERDICT_REJECTED, SCOPE_POST,    NULL},
    {400, NULL,                        VERDICT_REJECTED, SCOPE_POST,    NULL},
    {404, NULL,                        VERDICT_REJECTED, SCOPE_POST,    NULL},
    {409, NULL,                        VERDICT_AGAIN,    SCOPE_POST,    NULL}, /* two writes at one time */
    TROUBLE_END,
};
// clang-format on

static const json_t *first_input_error(const json_t *body)
{
    const json_t *list = json_path(body, "errorDetails", "inputErrors", NULL);

    return json_array_get(list, 0);
}

void linkedin__error_text(struct buf *out, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *input = json_path_str(first_input_error(body), "code");

    trouble_say(out, body, "code", "message");
    if (input) {
        buf_addf(out, " (%s)", input);
    }
    trouble_say_body(out, res);
    json_decref(body);
}

bool linkedin__says(const struct http_response *res, const char *needle)
{
    struct buf said;
    bool found;

    buf_init(&said, SAID_BYTES_MAX);
    linkedin__error_text(&said, res);
    found = strcasestr(buf_str(&said), needle) != NULL;
    buf_done(&said);
    return found;
}

bool linkedin__is_duplicate(const struct http_response *res)
{
    return res->status == 422 && (linkedin__says(res, "DUPLICATE_POST") ||
                                  linkedin__says(res, "duplicate of urn:li:"));
}

const char *linkedin__duplicate(const struct http_response *res, char out[LINKEDIN_URN_BYTES])
{
    const char *found = NULL, *at;
    struct buf said;
    size_t len;

    buf_init(&said, SAID_BYTES_MAX);
    linkedin__error_text(&said, res);
    at = strcasestr(buf_str(&said), "duplicate of urn:li:");
    if (at && linkedin__is_duplicate(res)) {
        at += strlen("duplicate of ");
        len = strspn(at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_:");
        if (len > 0 && len < LINKEDIN_URN_BYTES) {
            char urn[LINKEDIN_URN_BYTES];

            (void)snprintf(urn, sizeof urn, "%.*s", (int)len, at);
            found = linkedin__post_urn(urn, NULL, out);
        }
    }
    buf_done(&said);
    return found;
}

static int64_t midnight_ms(int64_t now_ms)
{
    return MS_DAY - now_ms % MS_DAY + MS_MINUTE; /* a minute for clocks */
}

static int64_t limit_wait_ms(struct step_ctx *ctx, const struct http_response *res)
{
    int64_t told_ms = http_retry_after_ms(res);
    int64_t last_ms = record_int(ctx->account, "limited_at_ms");

    record_set_int(ctx->account, "limited_at_ms", res->now_ms);
    if (told_ms > 0) {
        return told_ms;
    }
    return last_ms > 0 && last_ms / MS_DAY == res->now_ms / MS_DAY ? midnight_ms(res->now_ms)
                                                                   : LIMIT_WAIT_MS;
}

static const char *hint(const struct http_response *res)
{
    if (res->status == 426 || linkedin__says(res, "NONEXISTENT_VERSION")) {
        return "; LinkedIn has switched this version of its API off: set `version` to a newer "
               "one";
    }
    return "; the token's scopes, or the person's role on the page, do not allow it";
}

struct verdict linkedin__trouble(struct step_ctx *ctx,
                                 const struct step *step,
                                 const struct http_response *res)
{
    struct verdict v;
    struct buf said;

    if (trouble_is_page(res)) {
        return trouble_from_page(step, res);
    }
    buf_init(&said, SAID_BYTES_MAX);
    linkedin__error_text(&said, res);
    if (res->status == 401) {
        v = verdict_token_refused("401: %.160s",
                                  said.len > 0 ? buf_str(&said) : "the token is not taken");
    } else if (!trouble_match(rows,
                              res->status,
                              buf_str(&said),
                              res->status == 429 ? limit_wait_ms(ctx, res) : 0,
                              &v)) {
        v = trouble_from_status(step, res);
        trouble_doubt_503(step, res, &v);
    } else if (v.kind == VERDICT_BLOCKED) {
        v = verdict_make(
            v.kind, v.scope, 0, "%d: %.130s%s", res->status, buf_str(&said), hint(res));
    }
    buf_done(&said);
    return v;
}
