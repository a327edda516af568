/* WebSub: a hub is told that a feed has something new, fetches it and passes it on to everybody who
 * subscribed, within seconds. Called through the registry. Owns its settings.
 *
 * The ping says nothing of the article; the hub reads the feed, so the feed must show the change
 * before the ping leaves. It does: a delivery is made in the commit that changes the article, and
 * the feeds crier serves are made from what is committed (service/outlet.c). What is done is
 * "announced". One channel per hub, so that each has its own retries. Telling twice does no harm.
 * Sources: W3C WebSub section 6 (which leaves the ping open) and the form that public hubs take,
 * https://pubsubhubbub.appspot.com/ and https://pubsubhubbub.superfeedr.com/ (2026). */

#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/trouble.h"
#include "base/url.h"

struct websub_settings {
    char *hub;
    struct strings topics;
};

#define AT(member) .offset = offsetof(struct websub_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "hub", .kind = FIELD_URL, AT(hub), .required = true,
     .example = "https://pubsubhubbub.appspot.com/",
     .help = "the hub to tell; one channel for each"},
    {.key = "topics", .kind = FIELD_STRINGS, AT(topics), .max = "10",
     .example = "[https://news.example/feed.xml]",
     .help = "the feeds that have changed, each as its rel=self says, byte for byte; not set: the feeds that crier serves (see `outlets`), which name this hub then"},
    FIELD_END,
};
// clang-format on

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

static enum err_code ping_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct websub_settings *s = ctx->settings;
    size_t count = s->topics.count;

    req->method = HTTP_POST;
    http_set_url(req, "%s", s->hub);
    http_set_header(req, "Content-Type", "application/x-www-form-urlencoded");
    buf_adds(&req->body, "hub.mode=publish");
    for (size_t i = 0; i < s->topics.count; i++) {
        add_topic(&req->body, s->topics.v[i]);
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

static struct verdict ping_read(struct step_ctx *ctx, const struct http_response *res);

static const struct step ping[] = {
    {.name = "announce",
     .repeatable = true,
     .publishes = true,
     .build = ping_build,
     .read = ping_read},
    STEP_END,
};

static struct verdict ping_read(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (res->status >= 200 && res->status <= 299) {
        post_set(ctx, NULL, NULL);
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, ADAPTER_ANNOUNCED);
    }
    if (trouble_match(troubles, res->status, res->body, http_retry_after_ms(res), &v)) {
        return v;
    }
    return trouble_from_status(ping, res);
}

/* ---- settings ---- */

static enum err_code check(const void *object, struct err *why)
{
    const struct websub_settings *s = object;
    struct url_parts parts;

    for (size_t i = 0; i < s->topics.count; i++) {
        if (!url_parse(&parts, s->topics.v[i])) {
            return err_set(why,
                           ERR_INVALID,
                           "topics: \"%.100s\" is no absolute http or https URL",
                           s->topics.v[i]);
        }
    }
    return ERR_NONE;
}

static const char *own_feeds_hub(const void *object)
{
    const struct websub_settings *s = object;

    return s->topics.count == 0 ? s->hub : NULL;
}

const struct adapter adapter_websub = {
    .name = "websub",
    .title = "WebSub",
    .doc_url = "https://www.w3.org/TR/websub/",
    .about =
        "a ping to a hub, which fetches the feed at once and passes it on to its subscribers",
    .settings = settings,
    .settings_size = sizeof(struct websub_settings),
    .publish = ping,
    .update = ping,
    .retract = ping,
    .test = ping,
    .retract_without_post = true, /* the feed has changed, whoever knew of the article before */
    .cannot_update = "another ping, for the changed item",
    .cannot_retract = "another ping, for the feed without it",
    .cannot_verify = "not needed: announcing twice does no harm",
    .announces = true,
    .own_feeds_hub = own_feeds_hub,
    .answer_timeout_ms = 20 * MS_SECOND,
    .check = check,
    .setup =
        "1. Switch the feeds of crier on (see `outlets`) and let the reverse proxy pass /news/ "
        "on, or\n"
        "   name the feeds of your site as topics; those must name the hub themselves.\n"
        "2. Choose a hub. Public ones: https://pubsubhubbub.appspot.com/ and\n"
        "   https://pubsubhubbub.superfeedr.com/\n"
        "3. Write, with `when` as the feeds have it, since a ping without news is a nuisance:\n"
        "\n"
        "     channels:\n"
        "       hub:\n"
        "         type: websub\n"
        "         hub: https://pubsubhubbub.appspot.com/\n"
        "         when: {breaking: true}\n"
        "\n"
        "4. Run `crier check`. With the service running, this sends a ping:\n"
        "     curl -X POST -H \"Authorization: Bearer $CRIER_TOKEN\" \\\n"
        "       http://127.0.0.1:8480/v1/channels/hub/test\n"
        "\n"
        "The hub fetches the feed when it is pinged, so no cache between it and crier may keep "
        "a feed\n"
        "for long. What is done is announced: who reads the feed decides what becomes of it.",
    .media = "addresses of pictures in the feed",
    .pictures = "as addresses in the feed",
};
