/* What a hub of feeds is told, and what it answers: one request of the adapters websub and google_news.
 * See ping.h. Sources: W3C WebSub section 6 (which leaves the ping open) and the form that public hubs take,
 * https://pubsubhubbub.appspot.com/ and https://pubsubhubbub.superfeedr.com/ (2026). */

#include "adapters/ping.h"

#include <string.h>

#include "adapters/trouble.h"
#include "base/url.h"

/* ---- the request ---- */

static void add_pair(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, "&%s=", name);
    url_encode(b, value);
}

/* hub.url is the name of old, hub.topic the one some hubs have changed to. */
static void add_topic(struct buf *b, const char *topic)
{
    add_pair(b, "hub.url", topic);
    add_pair(b, "hub.topic", topic);
}

static size_t add_own_feeds(struct buf *b, const struct site_facts *site)
{
    size_t count = 0;

    for (; site != NULL && site->feeds != NULL && site->feeds[count] != NULL; count++) {
        add_topic(b, site->feeds[count]);
    }
    return count;
}

enum err_code ping_websub_build(const struct step_ctx *ctx,
                                struct http_request *req,
                                const char *hub,
                                const struct strings *topics,
                                struct err *why)
{
    size_t count = topics->count;

    req->method = HTTP_POST;
    http_set_url(req, "%s", hub);
    http_set_header(req, "Content-Type", "application/x-www-form-urlencoded");
    buf_adds(&req->body, "hub.mode=publish");
    for (size_t i = 0; i < topics->count; i++) {
        add_topic(&req->body, topics->v[i]);
    }
    if (count == 0) {
        count = add_own_feeds(&req->body, ctx->site);
    }
    if (count == 0) {
        return err_set(
            why, ERR_INVALID, "no topics are set, and crier serves no feeds (outlets)");
    }
    return buf_check(&req->body, "list of topics", why);
}

/* ---- the answer ---- */

/* A hub is one channel's, so what refuses every ping stops the channel. */
// clang-format off
static const struct trouble_row troubles[] = {
    {.status = 301, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 302, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 307, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 308, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 401, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 403, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 404, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 405, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 410, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    TROUBLE_END,
};
// clang-format on

struct verdict ping_websub_read(const struct http_response *res)
{
    static const struct step harmless = {.repeatable = true, .publishes = true};
    struct verdict v;

    if (res->status >= 200 && res->status <= 299) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, ADAPTER_ANNOUNCED);
    }
    if (trouble_match(troubles, res->status, res->body, http_retry_after_ms(res), &v)) {
        return v;
    }
    return trouble_from_status(&harmless, res);
}

enum err_code ping_websub_check(const struct strings *topics, struct err *why)
{
    struct url_parts parts;

    for (size_t i = 0; i < topics->count; i++) {
        if (!url_parse(&parts, topics->v[i])) {
            return err_set(why,
                           ERR_INVALID,
                           "topics: \"%.100s\" is no absolute http or https URL",
                           topics->v[i]);
        }
    }
    return ERR_NONE;
}
