/* WebSub: a hub is told that a feed has something new, fetches it and passes it on to everybody who
 * subscribed, within seconds. Called through the registry. Owns its settings.
 *
 * The ping says nothing of the article; the hub reads the feed, so the feed must show the change
 * before the ping leaves. It does: a delivery is made in the commit that changes the article, and
 * the feeds crier serves are made from what is committed (service/outlet.c). What is done is
 * "announced". One channel per hub, so that each has its own retries. Telling twice does no harm. What
 * is sent stands in ping_websub.c. */

#include "adapters/adapters_list.h"
#include "adapters/ping.h"

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

static enum err_code ping_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct websub_settings *s = ctx->settings;

    return ping_websub_build(ctx, req, s->hub, &s->topics, why);
}

static struct verdict ping_read(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = ping_websub_read(res);

    if (v.kind == VERDICT_DONE) {
        post_set(ctx, NULL, NULL);
    }
    return v;
}

static const struct step ping[] = {
    {.name = "announce",
     .repeatable = true,
     .publishes = true,
     .build = ping_build,
     .read = ping_read},
    STEP_END,
};

static enum err_code check(const void *object, struct err *why)
{
    const struct websub_settings *s = object;

    return ping_websub_check(&s->topics, why);
}

static const char *own_feeds_hub(const void *object, size_t index)
{
    const struct websub_settings *s = object;

    return s->topics.count == 0 && index == 0 ? s->hub : NULL;
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
