/* OAuth 1.0a: what a signature is made of (RFC 5849 section 3.4). Called by adapters once a request is
 * whole. Pure: nonce and time come from the caller; the secrets go into a MAC and nowhere else. */

#include "adapters/oauth1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/url.h"

#define PARAMETERS_MAX 128
#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

/* Name and value, each encoded as section 3.6 wants, so that they sort as section 3.4.1.3.2 wants. */
struct parameter {
    char *name, *value;
};
struct parameters {
    struct parameter v[PARAMETERS_MAX];
    size_t count;
};

static void
add_encoded(struct parameters *p, const char *name, size_t name_len, const char *v, size_t len)
{
    struct buf n, value;

    must(p->count < PARAMETERS_MAX);
    buf_init(&n, TEXT_BYTES_MAX);
    buf_init(&value, TEXT_BYTES_MAX);
    url_encode_n(&n, name, name_len);
    url_encode_n(&value, v, len);
    p->v[p->count++] = (struct parameter){mem_strdup(buf_str(&n)), mem_strdup(buf_str(&value))};
    buf_done(&value);
    buf_done(&n);
}

static void add(struct parameters *p, const char *name, const char *value)
{
    add_encoded(p, name, strlen(name), value, strlen(value));
}

/* A query or a form body: decoded, and encoded again the one way there is. */
static void add_form(struct parameters *p, const char *form, size_t len)
{
    struct buf name, value;

    buf_init(&name, TEXT_BYTES_MAX);
    buf_init(&value, TEXT_BYTES_MAX);
    for (const char *at = form, *end = form + len, *stop; at < end; at = stop + 1) {
        const char *equals;

        stop = memchr(at, '&', (size_t)(end - at));
        stop = stop ? stop : end;
        equals = memchr(at, '=', (size_t)(stop - at));
        buf_clear(&name);
        buf_clear(&value);
        (void)url_decode(&name, at, (size_t)((equals ? equals : stop) - at), true);
        if (equals) {
            (void)url_decode(&value, equals + 1, (size_t)(stop - equals - 1), true);
        }
        if (stop > at) {
            add_encoded(p, buf_str(&name), name.len, buf_str(&value), value.len);
        }
    }
    buf_done(&value);
    buf_done(&name);
}

static int by_name(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : strcmp(x->value, y->value);
}

static void add_own(struct parameters *p,
                    const struct oauth1_keys *keys,
                    const char *nonce,
                    const char *timestamp)
{
    add(p, "oauth_consumer_key", keys->consumer_key);
    add(p, "oauth_nonce", nonce);
    add(p, "oauth_signature_method", "HMAC-SHA1");
    add(p, "oauth_timestamp", timestamp);
    add(p, "oauth_token", keys->token);
    add(p, "oauth_version", "1.0");
}

static bool is_form(const struct http_request *req)
{
    const char *type = http_header(&req->headers, "Content-Type");

    return type && strcmp(type, "application/x-www-form-urlencoded") == 0;
}

/* Section 3.4.1.2: without query and fragment; host in small letters, no default port. */
static void add_base_url(struct buf *out, const struct url_parts *u)
{
    struct buf url;

    buf_init(&url, TEXT_BYTES_MAX);
    buf_addf(&url, "%.*s://", (int)u->scheme_len, u->scheme);
    for (size_t i = 0; i < u->host_len; i++) {
        char c = u->host[i];

        buf_addc(&url, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    if (u->port > 0 && u->port != (u->scheme_len == 5 ? 443 : 80)) {
        buf_addf(&url, ":%d", u->port);
    }
    buf_add(&url, u->path_len > 0 ? u->path : "/", u->path_len > 0 ? u->path_len : 1);
    url_encode_n(out, buf_str(&url), url.len);
    buf_done(&url);
}

static void base_string(struct buf *out, const struct http_request *req, struct parameters *p)
{
    struct url_parts u;
    struct buf all;

    must(url_parse(&u, req->url)); /* an adapter made it of a setting that is one */
    if (u.query) {
        add_form(p, u.query, u.query_len);
    }
    if (is_form(req)) {
        add_form(p, buf_str(&req->body), req->body.len);
    }
    qsort(p->v, p->count, sizeof p->v[0], by_name);
    buf_adds(out, http_method_name(req->method));
    buf_addc(out, '&');
    add_base_url(out, &u);
    buf_addc(out, '&');
    buf_init(&all, TEXT_BYTES_MAX);
    for (size_t i = 0; i < p->count; i++) {
        buf_addf(&all, "%s%s=%s", i > 0 ? "&" : "", p->v[i].name, p->v[i].value);
    }
    url_encode_n(out, buf_str(&all), all.len);
    buf_done(&all);
}

static void sign(struct buf *out, const struct oauth1_keys *keys, const struct buf *base)
{
    uint8_t mac[CRYPTO_DIGEST_MAX_BYTES];
    struct buf key;
    size_t len;

    buf_init_secret(&key, TEXT_BYTES_MAX);
    url_encode(&key, keys->consumer_secret);
    buf_addc(&key, '&');
    url_encode(&key, keys->token_secret);
    len = crypto_hmac(CRYPTO_SHA1, buf_str(&key), key.len, buf_str(base), base->len, mac);
    crypto_base64(out, mac, len);
    buf_done(&key);
}

void oauth1_signature(struct buf *out,
                      const struct http_request *req,
                      const struct oauth1_keys *keys,
                      const char *nonce,
                      int64_t timestamp_s)
{
    struct parameters p = {.count = 0};
    char timestamp[24];
    struct buf base;

    (void)snprintf(timestamp, sizeof timestamp, "%lld", (long long)timestamp_s);
    add_own(&p, keys, nonce, timestamp);
    buf_init(&base, 4 * TEXT_BYTES_MAX);
    base_string(&base, req, &p);
    sign(out, keys, &base);
    buf_done(&base);
    for (size_t i = 0; i < p.count; i++) {
        mem_free(p.v[i].name);
        mem_free(p.v[i].value);
    }
}

static void add_quoted(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "%s%s=\"", out->len > 6 ? ", " : "", name);
    url_encode(out, value);
    buf_addc(out, '"');
}

void oauth1_sign(struct http_request *req,
                 const struct oauth1_keys *keys,
                 const char *nonce,
                 int64_t timestamp_s)
{
    struct buf header, signature;
    char timestamp[24];

    (void)snprintf(timestamp, sizeof timestamp, "%lld", (long long)timestamp_s);
    buf_init(&header, TEXT_BYTES_MAX);
    buf_init(&signature, TEXT_BYTES_MAX);
    oauth1_signature(&signature, req, keys, nonce, timestamp_s);
    buf_adds(&header, "OAuth ");
    add_quoted(&header, "oauth_consumer_key", keys->consumer_key);
    add_quoted(&header, "oauth_nonce", nonce);
    add_quoted(&header, "oauth_signature", buf_str(&signature));
    add_quoted(&header, "oauth_signature_method", "HMAC-SHA1");
    add_quoted(&header, "oauth_timestamp", timestamp);
    add_quoted(&header, "oauth_token", keys->token);
    add_quoted(&header, "oauth_version", "1.0");
    http_set_header(req, "Authorization", buf_str(&header));
    buf_done(&signature);
    buf_done(&header);
}

void oauth1_nonce(const struct step_ctx *ctx,
                  const struct http_request *req,
                  const char *what,
                  char out[OAUTH1_NONCE_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    buf_addf(&text,
             "%s %lld %s %s %s",
             ctx->key,
             (long long)ctx->now_ms,
             http_method_name(req->method),
             req->url,
             what ? what : "");
    crypto_sha256(buf_str(&text), text.len, hash);
    buf_done(&text);
    (void)crypto_hex(hash, (OAUTH1_NONCE_BYTES - 1) / 2, out);
}
