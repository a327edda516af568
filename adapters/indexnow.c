/* IndexNow: search engines (Bing, Yandex, Seznam, Naver, Yep and others, not Google) are told that an
 * article's page is new, changed or gone, so that they look at it at once. Called through the
 * registry. Owns its settings.
 *
 * Nothing is published here: an engine that was told may come or not. So what is done is "announced".
 * Publishing, updating and retracting are one request; a page that is gone is announced as well, the
 * engine finds out by itself. Where an update changed the address, the old one is announced beside
 * it. Telling twice does no harm. Sources: https://www.indexnow.org/documentation and
 * https://yandex.ru/support/webmaster/indexnow/reference/get-url.html (2026). */

#include <string.h>
#include <strings.h>

#include "adapters/adapters_list.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/url.h"

#define KEY_BYTES_MIN 8
#define KEY_BYTES_MAX 128
/* "Too many requests" means that the engine takes us for spam: not sooner, where it names no time. */
#define PATIENCE_MS MS_HOUR
#define URL_BYTES ((size_t)3 * ARTICLE_URL_BYTES)

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

/* ---- the request ---- */

/* What is told of: in a test the front page, which is always worth a look. */
static const char *page_of(const struct step_ctx *ctx)
{
    bool has_site = ctx->site != NULL && ctx->site->url != NULL;

    return ctx->is_test && has_site ? ctx->site->url : ctx->article->url;
}

/* Where the article was when it was last announced, if that was another address on the same host. */
static const char *moved_from(const struct step_ctx *ctx, const struct url_parts *now)
{
    const char *before = post_str(ctx, "url");
    struct url_parts parts;

    if (before == NULL || ctx->is_test || strcmp(before, ctx->article->url) == 0 ||
        !url_parse(&parts, before) || parts.host_len != now->host_len ||
        strncasecmp(parts.host, now->host, now->host_len) != 0) {
        return NULL;
    }
    return before;
}

static bool put_url(struct buf *b, const char *url)
{
    struct buf ascii;
    bool ok;

    buf_init(&ascii, URL_BYTES);
    ok = url_ascii(&ascii, url) && buf_ok(&ascii);
    if (ok) {
        json_put_text(b, NULL, buf_str(&ascii));
    }
    buf_done(&ascii);
    return ok;
}

static void put_host(struct buf *b, const struct url_parts *parts)
{
    char host[ARTICLE_URL_BYTES + 1];
    size_t len = 0;

    for (; len < parts->host_len && len < sizeof host - 1; len++) {
        char c = parts->host[len];
        host[len] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    host[len] = '\0';
    json_put_text(b, "host", host);
}

static enum err_code tell_build(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct indexnow_settings *s = ctx->settings;
    const char *page = page_of(ctx);
    struct buf *b = &req->body;
    struct url_parts parts;
    const char *before;
    bool ok;

    if (!url_parse(&parts, page)) {
        return err_set(why, ERR_INVALID, "the article has no URL to announce");
    }
    before = moved_from(ctx, &parts);
    req->method = HTTP_POST;
    http_set_url(req, "%s", s->endpoint);
    http_set_header(req, "Content-Type", "application/json; charset=utf-8");
    json_put_open(b, NULL, '{');
    put_host(b, &parts);
    json_put_text(b, "key", s->key);
    json_put_text(b, "keyLocation", s->key_location);
    json_put_open(b, "urlList", '[');
    ok = put_url(b, page);
    if (before != NULL) {
        (void)put_url(b, before);
    }
    json_put_close(b, ']');
    json_put_close(b, '}');
    if (!ok) {
        return err_set(why, ERR_INVALID, "the host of the article's URL is not ASCII");
    }
    return buf_check(b, "list of addresses", why);
}

/* ---- the answer ---- */

// clang-format off
static const struct trouble_row troubles[] = {
    {.status = 301, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 302, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 307, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 308, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 403, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL}, /* the key file is not there, or says another key */
    {.status = 404, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL}, /* no such endpoint */
    {.status = 405, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    {.status = 410, .kind = VERDICT_BLOCKED, .scope = SCOPE_CHANNEL},
    TROUBLE_END,
};
// clang-format on

static struct verdict tell_read(struct step_ctx *ctx, const struct http_response *res);

static const struct step tell[] = {
    {.name = "announce",
     .repeatable = true,
     .publishes = true,
     .build = tell_build,
     .read = tell_read},
    STEP_END,
};

static struct verdict told(struct step_ctx *ctx, int status)
{
    json_set_str(ctx->record, "url", ctx->article->url);
    json_set_str(ctx->record, "text", page_of(ctx));
    post_set(ctx, NULL, NULL);
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        status == 202 ? ADAPTER_ANNOUNCED
                            "; the engine has yet to look at the key"
                                      : ADAPTER_ANNOUNCED);
}

static struct verdict tell_read(struct step_ctx *ctx, const struct http_response *res)
{
    int64_t wait_ms = http_retry_after_ms(res);
    struct verdict v;

    if (res->status == 200 || res->status == 202) {
        return told(ctx, res->status);
    }
    if (res->status == 429) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_CHANNEL,
                            wait_ms > 0 ? wait_ms : PATIENCE_MS,
                            "429: the engine has heard too much of this site");
    }
    if (trouble_match(troubles, res->status, res->body, wait_ms, &v)) {
        return v;
    }
    return trouble_from_status(tell, res);
}

/* ---- settings ---- */

static enum err_code check(const void *object, struct err *why)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const struct indexnow_settings *s = object;
    size_t len = strlen(s->key);

    if (len < KEY_BYTES_MIN || len > KEY_BYTES_MAX || strspn(s->key, allowed) != len) {
        return err_set(
            why, ERR_INVALID, "key: is 8 to 128 characters a-z, A-Z, 0-9 and -, nothing else");
    }
    return ERR_NONE;
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
