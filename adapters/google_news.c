/* Google News: what a publisher can do so that a story is found soon. There is no way to post there: Google
 * comes and reads. So its hub is told that the feeds have changed, search engines that take IndexNow are told
 * of the page (Google does not), and, where an operator has signed in, the news sitemap is handed in again at
 * Search Console. Called through the registry. Owns its settings.
 *
 * What is done is "announced", never published. A change and a retraction are announced like a new article:
 * the feeds and the sitemap already show them. Sources:
 * https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap,
 * https://developers.google.com/webmaster-tools/v1/sitemaps/submit (2026). */

#include <stdio.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/google.h"
#include "adapters/ping.h"
#include "adapters/record.h"
#include "base/url.h"

#define GOOGLES_HUB "https://pubsubhubbub.appspot.com/"
#define SITE_BYTES 512

struct google_news_settings {
    struct google_settings google; /* first: google.h */
    char *api;
    struct strings hubs, topics;
    char *indexnow_key, *indexnow_key_location, *indexnow_endpoint;
    char *search_console, *sitemap;
    int64_t submit_every_ms;
};

#define AT(member) .offset = offsetof(struct google_news_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "hubs", .kind = FIELD_STRINGS, AT(hubs), .max = "4", .example = "[" GOOGLES_HUB "]",
     .help = "the hubs to tell; not set: Google's, " GOOGLES_HUB},
    {.key = "topics", .kind = FIELD_STRINGS, AT(topics), .max = "10", .example = "[https://news.example/feed.xml]",
     .help = "the feeds that have changed, each as its rel=self says, byte for byte; not set: the feeds that crier serves (see `outlets`), which name these hubs then"},
    {.key = "indexnow_key", .kind = FIELD_STRING, AT(indexnow_key), .min = "8", .max = "128", .example = "3f1c5a7e9b2d4068a1c3e5f708192a3b",
     .help = "with it Bing and others are told too, as by a channel of type indexnow; not needed where there is one"},
    {.key = "indexnow_key_location", .kind = FIELD_URL, AT(indexnow_key_location), .example = "https://news.example/news/3f1c5a7e9b2d4068a1c3e5f708192a3b.txt",
     .help = "where the file with that key is, if not at the top of the site"},
    {.key = "indexnow_endpoint", .kind = FIELD_URL, AT(indexnow_endpoint), .def = "https://api.indexnow.org/indexnow",
     .help = "the engine to tell"},
    {.key = "search_console", .kind = FIELD_STRING, AT(search_console), .min = "1", .max = "500", .example = "sc-domain:news.example",
     .help = "your property in Search Console, as it is called there: with it the news sitemap is handed in again, which needs client_id and a sign-in"},
    {.key = "sitemap", .kind = FIELD_URL, AT(sitemap), .example = "https://news.example/news-sitemap.xml",
     .help = "the news sitemap to hand in; not set: the one that crier serves (see `outlets`)"},
    {.key = "submit_every", .kind = FIELD_MS, AT(submit_every_ms), .def = "10m", .min = "1m", .max = "7d",
     .help = "the sitemap is handed in no more often than so: Google reads one it knows by itself"},
    {.key = "api", .kind = FIELD_URL, AT(api), .def = "https://www.googleapis.com",
     .help = "address of the Search Console API"},
    GOOGLE_ROWS("GOOGLE"),
    FIELD_END,
};
// clang-format on

static const struct google_news_settings *settings_of(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- what there is to do ---- */

static const char *hub_at(const struct google_news_settings *s, size_t index)
{
    if (s->hubs.count == 0) {
        return index == 0 ? GOOGLES_HUB : NULL;
    }
    return index < s->hubs.count ? s->hubs.v[index] : NULL;
}

static const char *own_feeds_hub(const void *object, size_t index)
{
    const struct google_news_settings *s = object;

    return s->topics.count == 0 ? hub_at(s, index) : NULL;
}

static const char *site_key(const void *object)
{
    return ((const struct google_news_settings *)object)->indexnow_key;
}

static const char *sitemap_of(const struct step_ctx *ctx)
{
    const char *given = settings_of(ctx)->sitemap;

    return given ? given : ctx->site ? ctx->site->sitemap : NULL;
}

/* Handed in a moment ago: Google will look without being told again. */
static bool is_fresh(const struct step_ctx *ctx)
{
    int64_t age_ms = ctx->now_ms - record_int(ctx->account, "submitted_at_ms");

    return !ctx->is_test && age_ms >= 0 && age_ms < settings_of(ctx)->submit_every_ms;
}

static bool submits(const struct step_ctx *ctx)
{
    return settings_of(ctx)->search_console && sitemap_of(ctx) && !is_fresh(ctx);
}

static struct verdict announced(struct step_ctx *ctx)
{
    post_set(ctx, NULL, NULL);
    record_drop(ctx->record, "hubs");
    return verdict_make(VERDICT_DONE, SCOPE_POST, 0, ADAPTER_ANNOUNCED);
}

/* ---- the hubs ---- */

static enum err_code hub_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct google_news_settings *s = settings_of(ctx);
    const char *hub = hub_at(s, (size_t)record_int(ctx->record, "hubs"));

    if (!hub) { /* the settings name fewer now */
        req->skip = true;
        return ERR_NONE;
    }
    return ping_websub_build(ctx, req, hub, &s->topics, why);
}

static struct verdict hub_read(struct step_ctx *ctx, const struct http_response *res)
{
    const struct google_news_settings *s = settings_of(ctx);
    int64_t told = record_int(ctx->record, "hubs");
    const char *hub = hub_at(s, (size_t)told);
    struct verdict v = ping_websub_read(res);

    if (v.kind != VERDICT_DONE) {
        return verdict_make(v.kind,
                            v.scope,
                            v.retry_after_ms,
                            "the hub %.80s: %.160s",
                            hub ? hub : "",
                            v.detail);
    }
    record_set_int(ctx->record, "hubs", told + 1);
    if (hub_at(s, (size_t)told + 1)) {
        return verdict_jump("ping_hub");
    }
    return s->indexnow_key || submits(ctx) ? verdict_next() : announced(ctx);
}

/* ---- IndexNow ---- */

static enum err_code tell_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct google_news_settings *s = settings_of(ctx);
    struct ping_indexnow to = {s->indexnow_key, s->indexnow_key_location, s->indexnow_endpoint};

    req->skip = !s->indexnow_key;
    return req->skip ? ERR_NONE : ping_indexnow_build(ctx, req, &to, why);
}

static struct verdict tell_read(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = ping_indexnow_read(ctx, res);

    if (v.kind != VERDICT_DONE) {
        return v;
    }
    return submits(ctx) ? verdict_next() : announced(ctx);
}

/* ---- Search Console ---- */

static enum err_code
submit_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct google_news_settings *s = settings_of(ctx);
    struct buf path;
    enum err_code rc;

    req->skip = !submits(ctx);
    if (req->skip) {
        return ERR_NONE;
    }
    buf_init(&path, 4 * (size_t)ARTICLE_URL_BYTES);
    buf_adds(&path, "/webmasters/v3/sites/");
    url_encode(&path, s->search_console);
    buf_adds(&path, "/sitemaps/");
    url_encode(&path, sitemap_of(ctx));
    rc = buf_check(&path, "address of the sitemap", why);
    if (!rc) {
        req->method = HTTP_PUT;
        http_set_url_below(req, s->api, "%s", buf_str(&path));
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    }
    buf_done(&path);
    return rc;
}

static struct verdict submit_read(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct google_row rows[] = {
        {"notFound",
         VERDICT_BLOCKED,
         SCOPE_CHANNEL,
         GOOGLE_BACKOFF,
         "is the property called so in Search Console?"},
        {"forbidden",
         VERDICT_BLOCKED,
         SCOPE_CHANNEL,
         GOOGLE_BACKOFF,
         "the account that signed in must be an owner or full user of the property"},
        {"sitemapNotAllowed",
         VERDICT_BLOCKED,
         SCOPE_CHANNEL,
         GOOGLE_BACKOFF,
         "the sitemap must lie on the property's site"},
        GOOGLE_ROW_END,
    };
    static const struct step harmless = {.repeatable = true, .publishes = true};

    if (res->status == 200 || res->status == 204) {
        record_set_int(ctx->account, "submitted_at_ms", ctx->now_ms);
        return announced(ctx);
    }
    return google_trouble(rows, &harmless, res, true);
}

static const struct step announce[] = {
    {.name = "ping_hub",
     .repeatable = true,
     .publishes = true,
     .build = hub_build,
     .read = hub_read},
    {.name = "indexnow",
     .repeatable = true,
     .publishes = true,
     .build = tell_build,
     .read = tell_read},
    {.name = "submit_sitemap",
     .repeatable = true,
     .publishes = true,
     .build = submit_build,
     .read = submit_read},
    STEP_END,
};

/* ---- sign-in ---- */

static const struct oauth_step login[] = {
    {.name = "token", .build = google_build_code, .read = google_read_token},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "renew", .build = google_build_refresh, .read = google_read_token},
    OAUTH_STEP_END,
};

static bool has_grant(const void *object)
{
    return ((const struct google_news_settings *)object)->search_console != NULL;
}

static void authorize(const struct oauth_call *call, struct buf *url);

static const struct oauth oauth = {
    .settings_at = 0,
    .scopes = "https://www.googleapis.com/auth/webmasters",
    .pkce = true,
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .applies = has_grant,
};

static void authorize(const struct oauth_call *call, struct buf *url)
{
    google_authorize(&oauth, call, url);
}

/* ---- settings ---- */

static enum err_code check(const void *object, struct err *why)
{
    const struct google_news_settings *s = object;
    struct url_parts parts;
    enum err_code rc = ping_websub_check(&s->topics, why);

    for (size_t i = 0; !rc && i < s->hubs.count; i++) {
        if (!url_parse(&parts, s->hubs.v[i])) {
            return err_set(why,
                           ERR_INVALID,
                           "hubs: \"%.100s\" is no absolute http or https URL",
                           s->hubs.v[i]);
        }
    }
    if (!rc && s->indexnow_key) {
        rc = ping_indexnow_check("indexnow_key", s->indexnow_key, why);
    }
    if (!rc && s->search_console && strncmp(s->search_console, "sc-domain:", 10) != 0 &&
        !url_parse(&parts, s->search_console)) {
        rc =
            err_set(why,
                    ERR_INVALID,
                    "search_console: sc-domain:news.example is accepted, or the address of the "
                    "property, such as https://news.example/");
    }
    return rc ? rc : oauth_check(&oauth, object, why);
}

// clang-format off
static const char setup[] =
    "Nobody can post to Google News: Google comes and reads. What you can do is to have everything ready\n"
    "and to tell it at once. So what is done here is announced, never published.\n"
    "\n"
    "1. Once, by hand, in Search Console (https://search.google.com/search-console): add your site as a\n"
    "   property and prove that it is yours.\n"
    "2. Let crier serve the feeds and the news sitemap (setting `outlets`, and server.public_url), or use\n"
    "   those of your CMS. In Search Console, Sitemaps, enter the address of the news sitemap, once; crier\n"
    "   serves it at PUBLIC_URL/news/sitemap.xml. Add a line to the site's robots.txt:\n"
    "     Sitemap: https://push.news.example/news/sitemap.xml\n"
    "   A sitemap at another host than the pages' is taken only if that line is on the pages' host, or\n"
    "   both are properties of one owner.\n"
    "3. Once, by hand, in Publisher Center (https://publishercenter.google.com): name, logo and contact of\n"
    "   the publication. Publication pages are made by Google alone.\n"
    "4. On the pages: NewsArticle JSON-LD with datePublished and dateModified, a picture at least 1200\n"
    "   pixels wide, max-image-preview:large.\n"
    "5. Beside `site` with the publication's name, its address and its language write:\n"
    "\n"
    "     server: {public_url: https://push.news.example}     # where your reverse proxy serves crier\n"
    "     outlets: {enabled: true}\n"
    "     channels:\n"
    "       google_news:\n"
    "         type: google_news\n"
    "         # indexnow_key: 3f1c5a7e9b2d4068a1c3e5f708192a3b   # Bing and others too\n"
    "\n"
    "6. Optional: have the sitemap handed in again after news. In https://console.cloud.google.com make a\n"
    "   project, switch the \"Google Search Console API\" on, publish the OAuth consent screen (while it says\n"
    "   Testing, every sign-in ends after 7 days), and create a client of the type \"Desktop app\" (it\n"
    "   needs no redirect address). Copy its id and secret, give them to crier as environment variables,\n"
    "   here GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, and add to the channel:\n"
    "         search_console: sc-domain:news.example\n"
    "         client_id: ${GOOGLE_CLIENT_ID}\n"
    "         client_secret: ${GOOGLE_CLIENT_SECRET}\n"
    "   Run `crier keys login google_news`, signed in as an owner of the property. crier renews that token\n"
    "   by itself; the sign-in ends when it is revoked or the password is changed.\n"
    "7. Run `crier check`. With the service running, this tells the hubs that the feeds have changed:\n"
    "     curl -X POST -H \"Authorization: Bearer $CRIER_TOKEN\" \\\n"
    "       http://127.0.0.1:8480/v1/channels/google_news/test\n"
    "\n"
    "Not used: Google's Indexing API. It is for pages with job offers and for livestreams (BroadcastEvent)\n"
    "only; articles sent through it count as spam. The old address for pinging sitemaps is gone.";
// clang-format on

const struct adapter adapter_google_news = {
    .name = "google_news",
    .title = "Google News",
    .doc_url =
        "https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap",
    .about = "nothing of its own: Google is told that feeds and news sitemap have changed, and "
             "reads "
             "them and the page",
    .settings = settings,
    .settings_size = sizeof(struct google_news_settings),
    .publish = announce,
    .update = announce,
    .retract = announce,
    .test = announce,
    .retract_without_post =
        true, /* the feeds have changed, whoever knew of the article before */
    .cannot_update = "the change is announced",
    .cannot_retract = "that the article is gone is announced",
    .cannot_verify = "not needed: announcing twice does no harm",
    .every_revision = true,
    .media = "none of its own: what Google reads on the page and in the feeds",
    .announces = true,
    .own_feeds_hub = own_feeds_hub,
    .site_key = site_key,
    .oauth = &oauth,
    .answer_timeout_ms = 20 * MS_SECOND,
    .check = check,
    .setup = setup,
};
