/* Address, headers and author of a request to LinkedIn, and URNs, which are what everything there is known by.
 * Called by every step of the adapter. */

#include "adapters/linkedin_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/url.h"

void linkedin__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...)
{
    const struct linkedin_settings *s = linkedin__settings(ctx);
    va_list args;

    va_start(args, path_format);
    http_vset_url_below(req, s->api, path_format, args);
    va_end(args);
    req->method = method;
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "LinkedIn-Version", s->version);
    http_set_header(req, "X-Restli-Protocol-Version", "2.0.0");
    http_set_header(req, "Accept", "application/json");
}

bool linkedin__is_urn(const char *text, const char *kind)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    const char *at = text, *id;
    size_t len;

    if (!text || strlen(text) >= LINKEDIN_URN_BYTES || strncmp(text, "urn:li:", 7) != 0) {
        return false;
    }
    at += 7;
    len = strspn(at, allowed);
    if (len == 0 || at[len] != ':' ||
        (kind && (strlen(kind) != len || memcmp(at, kind, len) != 0))) {
        return false;
    }
    id = at + len + 1;
    return *id && id[strspn(id, allowed)] == '\0';
}

bool linkedin__author_ok(const char *author)
{
    return strcmp(author, "me") == 0 || linkedin__is_urn(author, "organization") ||
           linkedin__is_urn(author, "person");
}

bool linkedin__is_person(const struct linkedin_settings *s)
{
    return strcmp(s->author, "me") == 0 || linkedin__is_urn(s->author, "person");
}

const char *linkedin__author(const struct step_ctx *ctx, char out[LINKEDIN_URN_BYTES])
{
    const char *author = linkedin__settings(ctx)->author;
    const char *person = record_str(ctx->grant, "person");

    if (strcmp(author, "me") != 0) {
        (void)snprintf(out, LINKEDIN_URN_BYTES, "%s", author);
        return out;
    }
    person = person ? person : record_str(ctx->account, "person");
    if (!person) {
        return NULL;
    }
    (void)snprintf(out, LINKEDIN_URN_BYTES, "urn:li:person:%s", person);
    return linkedin__is_urn(out, "person") ? out : NULL;
}

static bool is_post(const char *urn)
{
    return linkedin__is_urn(urn, "share") || linkedin__is_urn(urn, "ugcPost");
}

/* https://www.linkedin.com/feed/update/URN/, its colons escaped or not. */
static const char *urn_in_link(const char *link, char out[LINKEDIN_URN_BYTES])
{
    static const char before[] = "/feed/update/";
    struct url_parts url;
    const char *at, *found = NULL;
    struct buf urn;

    if (!link || !url_parse(&url, link)) {
        return NULL;
    }
    at = strstr(url.path, before);
    if (!at || at >= url.path + url.path_len) {
        return NULL;
    }
    at += sizeof before - 1;
    buf_init(&urn, LINKEDIN_URN_BYTES);
    if (url_decode(&urn, at, strcspn(at, "/?#"), false) && buf_ok(&urn) &&
        is_post(buf_str(&urn))) {
        (void)snprintf(out, LINKEDIN_URN_BYTES, "%s", buf_str(&urn));
        found = out;
    }
    buf_done(&urn);
    return found;
}

const char *
linkedin__post_urn(const char *remote_id, const char *link, char out[LINKEDIN_URN_BYTES])
{
    const char *found;

    if (is_post(remote_id)) {
        (void)snprintf(out, LINKEDIN_URN_BYTES, "%s", remote_id);
        return out;
    }
    found = urn_in_link(remote_id, out); /* people give the link for the URN, too */
    return found ? found : urn_in_link(link, out);
}

const char *linkedin__path_of(const char *urn, char out[LINKEDIN_PATH_BYTES])
{
    struct buf path;

    buf_init(&path, LINKEDIN_PATH_BYTES);
    url_encode(&path, urn);
    (void)snprintf(out, LINKEDIN_PATH_BYTES, "%s", buf_str(&path));
    buf_done(&path);
    return out;
}

static bool ends_with(const char *host, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len > n && strncasecmp(host + len - n, end, n) == 0;
}

bool linkedin__is_theirs(const struct step_ctx *ctx, const char *url)
{
    struct url_parts to, api;

    return url && url_parse(&to, url) && url_parse(&api, linkedin__settings(ctx)->api) &&
           !to.has_userinfo &&
           (ends_with(to.host, to.host_len, ".linkedin.com") ||
            (to.host_len == api.host_len && strncasecmp(to.host, api.host, to.host_len) == 0));
}
