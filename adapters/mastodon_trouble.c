/* From a Mastodon server's error answers to verdicts. Called by every `read` of the adapter for
 * answers that are not the one hoped for. All requests of the adapter can be repeated (the
 * status by its Idempotency-Key), so what is unclear is tried again. */

#include "adapters/mastodon_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/text.h"

/* Two requests with one key in flight at once can create two statuses; so the repeat of a
 * request that may still be worked on waits a little (app/services/post_status_service.rb). */
#define AFTER_FAILURE_MS (5 * MS_SECOND)
#define SAID_BYTES_MAX 4096

// clang-format off
static const struct trouble_row rows[] = {
    {401, NULL,                           VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "login is currently",           VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* disabled, pending */
    {403, "outside the authorized scopes", VERDICT_BLOCKED, SCOPE_CHANNEL, NULL},
    {403, "suspended",                    VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "moved",                        VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "confirm",                      VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* the e-mail address */
    {403, NULL,                           VERDICT_REJECTED, SCOPE_POST,    NULL},
    {404, NULL,                           VERDICT_REJECTED, SCOPE_POST,    NULL},
    {410, NULL,                           VERDICT_REJECTED, SCOPE_POST,    NULL},
    {422, NULL,                           VERDICT_REJECTED, SCOPE_POST,    NULL},
    {429, NULL,                           VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    TROUBLE_END,
};
// clang-format on

static bool is_html(const struct http_response *res)
{
    const char *type = http_header(&res->headers, "Content-Type");
    size_t blank = res->body_len > 0 ? strspn(res->body, " \t\r\n") : 0;

    return (type && strncasecmp(type, "text/html", 9) == 0) ||
           (blank < res->body_len && res->body[blank] == '<');
}

json_t *mastodon__json(const struct http_response *res)
{
    return is_html(res) ? NULL : http_json(res);
}

const char *mastodon__id(const json_t *entity)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    const char *id = record_str(entity, "id");
    size_t len = id ? strlen(id) : 0;

    return len > 0 && len <= 128 && strspn(id, allowed) == len ? id : NULL;
}

void mastodon__error_text(struct buf *out, const struct http_response *res)
{
    json_t *body = mastodon__json(res);

    trouble_say(out, body, "error", "error_description");
    json_decref(body);
}

int64_t mastodon__reset_ms(const struct http_response *res)
{
    const char *reset = http_header(&res->headers, "X-RateLimit-Reset");
    int64_t told_ms = http_retry_after_ms(res), at_ms;

    if (told_ms > 0 || !reset || !time_parse_rfc3339(reset, strlen(reset), &at_ms)) {
        return told_ms;
    }
    /* A reset in the past is a clock that differs from ours. */
    return at_ms - res->now_ms > MS_SECOND ? at_ms - res->now_ms : MS_SECOND;
}

static struct verdict page_trouble(const struct http_response *res)
{
    return verdict_make(VERDICT_AGAIN,
                        SCOPE_HOST,
                        http_retry_after_ms(res),
                        "%d: a web page instead of an answer: maintenance, or a guard in front "
                        "of the server",
                        res->status);
}

struct verdict mastodon__trouble(const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v;
    struct buf said;
    bool matched;

    if (res->status >= 300 && res->status < 400) {
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "%d: the server sends us elsewhere: set `instance` to the address "
                            "the server itself uses",
                            res->status);
    }
    if (is_html(res)) {
        return page_trouble(res);
    }
    buf_init(&said, SAID_BYTES_MAX);
    mastodon__error_text(&said, res);
    matched = trouble_match(rows, res->status, buf_str(&said), mastodon__reset_ms(res), &v);
    buf_done(&said);
    if (!matched) {
        v = trouble_from_status(&any_step, res);
    }
    if (v.kind == VERDICT_AGAIN && res->status != 429 && v.retry_after_ms < AFTER_FAILURE_MS) {
        v.retry_after_ms = AFTER_FAILURE_MS;
    }
    return v;
}
