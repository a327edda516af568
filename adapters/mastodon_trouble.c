/* From a Mastodon server's error answers to verdicts. Called by every `read` of the adapter for
 * answers that are not the one hoped for. All requests of the adapter can be repeated (the
 * status by its Idempotency-Key), so what is unclear is tried again. */

#include "adapters/mastodon_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/text.h"
#include "base/url.h"

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

json_t *mastodon__json(const struct http_response *res)
{
    return trouble_is_page(res) ? NULL : http_json(res);
}

static bool is_id(const char *text, size_t len)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

    return len > 0 && len < MASTODON_ID_BYTES && strspn(text, allowed) >= len;
}

const char *mastodon__id(const json_t *entity)
{
    const char *id = record_str(entity, "id");

    return id && is_id(id, strlen(id)) ? id : NULL;
}

/* Where the id begins in the path of a status' page: /@user/ID, /users/user/statuses/ID,
 * /notice/ID. NULL: it is no such path. */
static const char *id_in_path(const struct url_parts *url)
{
    const char *end = url->path + url->path_len, *id = end, *before;
    size_t len;

    while (id > url->path && id[-1] != '/') {
        id--;
    }
    if (id - url->path < 2 || !is_id(id, (size_t)(end - id))) {
        return NULL;
    }
    before = id - 1;
    while (before > url->path && before[-1] != '/') {
        before--;
    }
    len = (size_t)(id - 1 - before);
    return len > 0 && (*before == '@' || (len == 8 && memcmp(before, "statuses", len) == 0) ||
                       (len == 6 && memcmp(before, "notice", len) == 0))
               ? id
               : NULL;
}

/* Every server counts its statuses itself: only a page of this one tells an id. */
static const char *id_in_link(const struct mastodon_settings *s, const char *link, size_t *len)
{
    struct url_parts url, own;
    const char *id;

    if (!link || !url_parse(&url, link) || !url_parse(&own, s->instance) ||
        url.host_len != own.host_len || strncasecmp(url.host, own.host, own.host_len) != 0) {
        return NULL;
    }
    id = id_in_path(&url);
    *len = id ? (size_t)(url.path + url.path_len - id) : 0;
    return id;
}

const char *mastodon__status_id(const struct mastodon_settings *s,
                                const char *remote_id,
                                const char *link,
                                char out[MASTODON_ID_BYTES])
{
    size_t len = remote_id ? strlen(remote_id) : 0;
    const char *id = len > 0 && is_id(remote_id, len) ? remote_id : NULL;

    if (!id) {
        id = id_in_link(s, remote_id, &len); /* people give the link for the id, too */
    }
    if (!id) {
        id = id_in_link(s, link, &len);
    }
    if (!id) {
        return NULL;
    }
    memcpy(out, id, len);
    out[len] = '\0';
    return out;
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
    if (trouble_is_page(res)) {
        return trouble_from_page(&any_step, res);
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
