/* What a search engine is told, and what it answers: one request of the adapters indexnow and google_news.
 * See ping.h. Sources: https://www.indexnow.org/documentation and
 * https://yandex.ru/support/webmaster/indexnow/reference/get-url.html (2026). */

#include "adapters/ping.h"

#include <string.h>
#include <strings.h>

#include "adapters/trouble.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/url.h"

#define KEY_BYTES_MIN 8
#define KEY_BYTES_MAX 128
/* "Too many requests" means that the engine takes us for spam: not sooner, where it names no time. */
#define PATIENCE_MS MS_HOUR
#define URL_BYTES ((size_t)3 * ARTICLE_URL_BYTES)

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

enum err_code ping_indexnow_build(const struct step_ctx *ctx,
                                  struct http_request *req,
                                  const struct ping_indexnow *to,
                                  struct err *why)
{
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
    http_set_url(req, "%s", to->endpoint);
    http_set_header(req, "Content-Type", "application/json; charset=utf-8");
    json_put_open(b, NULL, '{');
    put_host(b, &parts);
    json_put_text(b, "key", to->key);
    json_put_text(b, "keyLocation", to->key_location);
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

struct verdict ping_indexnow_read(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step harmless = {.repeatable = true, .publishes = true};
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
    return trouble_from_status(&harmless, res);
}

enum err_code ping_indexnow_check(const char *name, const char *key, struct err *why)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(key);

    if (len < KEY_BYTES_MIN || len > KEY_BYTES_MAX || strspn(key, allowed) != len) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: is 8 to 128 characters a-z, A-Z, 0-9 and -, nothing else",
                       name);
    }
    return ERR_NONE;
}
