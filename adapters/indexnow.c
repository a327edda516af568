/* IndexNow: search engines (Bing, Yandex, Seznam, Naver, Yep and others, not Google) are told that an
 * article's page is new, changed or gone, so that they look at it at once. Called through the
 * registry. Owns its settings.
 *
 * Nothing is published here: an engine that was told may come or not. So what is done is "announced".
 * Publishing, updating and retracting are one request; a page that is gone is announced as well, the
 * engine finds out by itself. Where an update changed the address, the old one is announced beside
 * it. Telling twice does no harm. What is sent stands in ping_indexnow.c. */

#include "adapters/adapters_list.h"
#include "adapters/ping.h"
#include "base/url.h"

struct indexnow_settings {
    char *key, *key_location, *endpoint;
};

#define AT(member) .offset = offsetof(struct indexnow_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "key", .kind = FIELD_STRING, AT(key), .required = true, .min = "8", .max = "128",
     .example = "3f1c5a7e9b2d4068a1c3e5f708192a3b",
     .help = "proves that the site is yours: a-z, A-Z, 0-9 and -; public, since the site serves it as a file KEY.txt with the key in it"},
    {.key = "key_location", .kind = FIELD_URL, AT(key_location),
     .example = "https://news.example/news/3f1c5a7e9b2d4068a1c3e5f708192a3b.txt",
     .help = "where that file is, if not at the top of the site; only pages below its folder can be announced then"},
    {.key = "endpoint", .kind = FIELD_URL, AT(endpoint), .def = "https://api.indexnow.org/indexnow",
     .help = "the engine to tell; it passes it on to all the others"},
    FIELD_END,
};
// clang-format on

static enum err_code tell_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct indexnow_settings *s = ctx->settings;
    struct ping_indexnow to = {s->key, s->key_location, s->endpoint};

    return ping_indexnow_build(ctx, req, &to, why);
}

static const struct step tell[] = {
    {.name = "announce",
     .repeatable = true,
     .publishes = true,
     .build = tell_build,
     .read = ping_indexnow_read},
    STEP_END,
};

static enum err_code check(const void *object, struct err *why)
{
    const struct indexnow_settings *s = object;

    return ping_indexnow_check("key", s->key, why);
}

/* Not that of key_location, which is the site's. */
static void host(const void *object, struct buf *out)
{
    (void)url_put_host(out, ((const struct indexnow_settings *)object)->endpoint);
}

static const char *site_key(const void *object)
{
    const struct indexnow_settings *s = object;

    return s->key;
}

const struct adapter adapter_indexnow = {
    .name = "indexnow",
    .title = "IndexNow",
    .doc_url = "https://www.indexnow.org/documentation",
    .about =
        "the address of the page, announced to Bing, Yandex and other search engines, which "
        "come and look when they like",
    .settings = settings,
    .settings_size = sizeof(struct indexnow_settings),
    .publish = tell,
    .update = tell,
    .retract = tell,
    .test = tell,
    .retract_without_post = true, /* a page that is gone is announced by its address alone */
    .cannot_update = "the change is announced",
    .cannot_retract = "that the page is gone is announced",
    .cannot_verify = "not needed: announcing twice does no harm",
    .every_revision = true,
    .announces = true,
    .host = host,
    .site_key = site_key,
    .answer_timeout_ms = 20 * MS_SECOND,
    .check = check,
    .setup = "1. Make a key: 8 to 128 characters of a-z, A-Z, 0-9 and -, such as\n"
             "     openssl rand -hex 16\n"
             "2. Serve it as https://YOUR-SITE/KEY.txt, a text file with nothing but the key "
             "in it: it\n"
             "   proves that the site is yours. crier serves that file at /news/KEY.txt; a "
             "reverse proxy\n"
             "   can pass https://YOUR-SITE/KEY.txt on to it. A file elsewhere on the site is "
             "named by\n"
             "   key_location, and then only pages below its folder can be announced.\n"
             "3. Write:\n"
             "\n"
             "     channels:\n"
             "       indexnow:\n"
             "         type: indexnow\n"
             "         key: 3f1c5a7e9b2d4068a1c3e5f708192a3b\n"
             "\n"
             "4. Run `crier check`. With the service running, this announces the front page:\n"
             "     curl -X POST -H \"Authorization: Bearer $CRIER_TOKEN\" \\\n"
             "       http://127.0.0.1:8480/v1/channels/indexnow/test\n"
             "\n"
             "One endpoint is enough, the engines tell each other. Google does not take part. "
             "What is\n"
             "done is announced: whether and when an engine shows the page is its own affair.",
    .media = "none: the engine reads the page",
    .pictures = "none: the engine reads the page",
};
