/* Address and credentials of a request to X, and the small things answers have in common. Called by every
 * step of the adapter. A channel has either four keys (OAuth 1.0a, signed per request) or a token of OAuth 2,
 * which the keeper holds. */

#include "adapters/x_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/oauth1.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/url.h"

void x__request(const struct step_ctx *ctx,
                struct http_request *req,
                enum http_method method,
                const char *path_format,
                ...)
{
    va_list args;

    va_start(args, path_format);
    http_vset_url_below(req, x__settings(ctx)->api, path_format, args);
    va_end(args);
    req->method = method;
    http_set_header(req, "Accept", "application/json");
}

void x__sign(const struct step_ctx *ctx, struct http_request *req, const char *what)
{
    const struct x_settings *s = x__settings(ctx);
    int64_t now_ms = ctx->now_ms + record_int(ctx->account, "clock_ms");
    char nonce[OAUTH1_NONCE_BYTES];
    struct oauth1_keys keys;

    if (!x__uses_keys(s)) {
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
        return;
    }
    keys = (struct oauth1_keys){.consumer_key = s->consumer_key.text,
                                .consumer_secret = s->consumer_secret.text,
                                .token = s->token.text,
                                .token_secret = s->token_secret.text};
    oauth1_nonce(ctx, req, what, nonce);
    oauth1_sign(req, &keys, nonce, now_ms / MS_SECOND);
}

/* Ids have 64 bits and are never read as numbers. */
bool x__is_id(const char *text)
{
    size_t len = text ? strspn(text, "0123456789") : 0;

    return len > 0 && len < X_ID_BYTES && text[len] == '\0';
}

static const char *copy_id(const char *id, char out[X_ID_BYTES])
{
    if (!x__is_id(id)) {
        return NULL;
    }
    (void)snprintf(out, X_ID_BYTES, "%s", id);
    return out;
}

const char *x__answer_id(const struct http_response *res, char out[X_ID_BYTES])
{
    json_t *body = res->status >= 200 && res->status < 300 ? http_json(res) : NULL;
    const char *id = copy_id(json_path_str(json_path(body, "data", NULL), "id"), out);

    json_decref(body);
    return id;
}

/* https://x.com/WHO/status/ID, also /i/web/status/ID; what follows the id ("/photo/1") is left out. */
static const char *id_in_link(const char *link, char out[X_ID_BYTES])
{
    static const char before[] = "/status/";
    struct url_parts url;
    const char *at;
    size_t len;

    if (!link || !url_parse(&url, link)) {
        return NULL;
    }
    at = strstr(url.path, before);
    if (!at || at >= url.path + url.path_len) {
        return NULL;
    }
    at += sizeof before - 1;
    len = strspn(at, "0123456789");
    if (len == 0 || len >= X_ID_BYTES || (at[len] != '\0' && !strchr("/?#", at[len]))) {
        return NULL;
    }
    (void)snprintf(out, X_ID_BYTES, "%.*s", (int)len, at);
    return out;
}

const char *x__post_id(const char *remote_id, const char *link, char out[X_ID_BYTES])
{
    const char *id = copy_id(remote_id, out);

    if (!id) {
        id = id_in_link(remote_id, out); /* people give the link for the id, too */
    }
    return id ? id : id_in_link(link, out);
}

int64_t x__seconds(const json_t *v, const char *name)
{
    const json_t *seconds = json_object_get(v, name);

    return json_is_number(seconds) ? http_seconds_ms(json_number_value(seconds)) : 0;
}
