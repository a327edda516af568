/* From a Bluesky server's error answers to verdicts. Called by every `read` of the adapter for
 * answers that are not the one hoped for. All requests of the adapter can be repeated: the
 * record's key is ours, so what is unclear is tried again and changes nothing. Errors are told
 * by name in the body; the status often is 400 whatever happened. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/parse.h"

#define SAID_BYTES_MAX 4096
#define SWAP_WAIT_MS (1 * MS_SECOND)

// clang-format off
static const struct trouble_row rows[] = {
    {0,   "AccountTakedown",         VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "AccountSuspended",        VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "AccountDeactivated",      VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "AuthFactorTokenRequired", VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "AuthMissing",             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "AuthenticationRequired",  VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "RateLimitExceeded",       VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    {429, NULL,                      VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    {0,   "UpstreamFailure",         VERDICT_AGAIN,    SCOPE_HOST,    NULL},
    {0,   "UpstreamTimeout",         VERDICT_AGAIN,    SCOPE_HOST,    NULL},
    {400, "InvalidSwap",             VERDICT_AGAIN,    SCOPE_POST,    NULL}, /* two writes at one time */
    /* A record stands at our key: it is ours, and `verify` looks. */
    {0,   "already a value at key",  VERDICT_UNKNOWN,  SCOPE_POST,    NULL},
    {401, NULL,                      VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {400, NULL,                      VERDICT_REJECTED, SCOPE_POST,    NULL},
    {413, NULL,                      VERDICT_REJECTED, SCOPE_POST,    NULL},
    TROUBLE_END,
};
// clang-format on

void bluesky__error_text(struct buf *out, const struct http_response *res)
{
    json_t *body = http_json(res);

    trouble_say(out, body, "error", "message");
    json_decref(body);
}

bool bluesky__error_is(const struct http_response *res, const char *name)
{
    json_t *body = http_json(res);
    const char *said = record_str(body, "error");
    bool same = said && strcmp(said, name) == 0;

    json_decref(body);
    return same;
}

/* Retry-After, or RateLimit-Reset, which counts seconds since 1970. */
static int64_t reset_ms(const struct http_response *res)
{
    const char *reset = http_header(&res->headers, "RateLimit-Reset");
    int64_t told_ms = http_retry_after_ms(res), at_s, wait_ms;

    if (told_ms > 0 || !reset || !parse_i64(reset, &at_s) || at_s < 0 ||
        at_s > INT64_MAX / MS_SECOND) {
        return told_ms;
    }
    wait_ms = at_s * MS_SECOND - res->now_ms;
    if (wait_ms > MS_DAY) { /* the longest window there is is a day */
        return MS_DAY;
    }
    return wait_ms > MS_SECOND ? wait_ms : MS_SECOND;
}

static int64_t wait_for(const struct http_response *res)
{
    if (res->status == 429 || bluesky__error_is(res, "RateLimitExceeded")) {
        return reset_ms(res);
    }
    if (bluesky__error_is(res, "InvalidSwap")) {
        return SWAP_WAIT_MS;
    }
    return http_retry_after_ms(res);
}

static bool is_page(const struct http_response *res)
{
    size_t blank = res->body_len > 0 ? strspn(res->body, " \t\r\n") : 0;

    return blank < res->body_len && res->body[blank] == '<';
}

struct verdict bluesky__trouble(const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v;
    struct buf said;
    bool matched;

    if (res->status >= 300 && res->status < 400) {
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "%d: the server sends us elsewhere: check `host`",
                            res->status);
    }
    if (res->status >= 400 && is_page(res)) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_HOST,
                            http_retry_after_ms(res),
                            "%d: a web page instead of an answer: maintenance, or a guard in "
                            "front of the server",
                            res->status);
    }
    buf_init(&said, SAID_BYTES_MAX);
    bluesky__error_text(&said, res);
    matched = trouble_match(rows, res->status, buf_str(&said), wait_for(res), &v);
    buf_done(&said);
    return matched ? v : trouble_from_status(&any_step, res);
}
