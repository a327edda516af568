/* A subscriber's half of WebSub without its socket. Called by service/websub.c; owns nothing. */

#include "sources/websub.h"

#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"
#include "sources/page.h"

#define URL_BYTES ((size_t)4096)
#define HUBS_MAX 8

/* ---- discovery ---- */

struct found {
    char *hubs[HUBS_MAX];
    size_t count;
    char *self;
};

static char *absolute(const char *base, const char *href, size_t len)
{
    char *ref = mem_strndup(href, len), *text = NULL;
    struct buf out;

    buf_init(&out, URL_BYTES);
    if (url_resolve(&out, base, ref) && buf_ok(&out)) {
        text = buf_detach(&out, NULL);
    }
    buf_done(&out);
    mem_free(ref);
    return text;
}

static void
add_hub(struct found *f, const char *base, const char *href, size_t len, bool secure)
{
    char *hub = f->count < HUBS_MAX ? absolute(base, href, len) : NULL;

    if (hub && (!secure || strncmp(hub, "https:", 6) == 0)) {
        f->hubs[f->count++] = hub;
        return;
    }
    mem_free(hub);
}

static void read_links(struct found *f, const char *text, const char *url, bool secure)
{
    struct link_value link;
    size_t pos = 0;

    while (link_header_next(text, &pos, &link)) {
        if (!link.rel) {
            continue;
        }
        if (link_rel_has(link.rel, link.rel_len, "hub")) {
            add_hub(f, url, link.href, link.href_len, secure);
        }
        if (!f->self && link_rel_has(link.rel, link.rel_len, "self")) {
            f->self = absolute(url, link.href, link.href_len);
        }
    }
}

static void read_feed(
    struct found *f, const char *url, const struct strings *hubs, const char *self, bool secure)
{
    /* A header's hub with the feed's self is a pair that publishers do make. */
    if (!f->self && self) {
        f->self = absolute(url, self, strlen(self));
    }
    for (size_t i = 0; f->count == 0 && hubs && i < hubs->count; i++) {
        add_hub(f, url, hubs->v[i], strlen(hubs->v[i]), secure);
    }
}

void websub_discover(struct websub_offer *out,
                     const struct strings *link_headers,
                     const char *url,
                     const struct strings *hubs,
                     const char *self,
                     bool secure,
                     size_t turn)
{
    struct found f = {.count = 0};

    *out = (struct websub_offer){.hub = NULL};
    for (size_t i = 0; i < link_headers->count; i++) {
        read_links(&f, link_headers->v[i], url, secure);
    }
    read_feed(&f, url, hubs, self, secure);
    if (f.count > 0) {
        out->hub = mem_strdup(f.hubs[turn % f.count]);
        out->topic = mem_strdup(f.self ? f.self : url);
    }
    for (size_t i = 0; i < f.count; i++) {
        mem_free(f.hubs[i]);
    }
    mem_free(f.self);
}

void websub_offer_done(struct websub_offer *o)
{
    mem_free(o->hub);
    mem_free(o->topic);
    o->hub = o->topic = NULL;
}

/* ---- asking ---- */

static void add_pair(struct buf *out, const char *name, const char *value)
{
    buf_adds(out, out->len > 0 ? "&" : "");
    buf_addf(out, "%s=", name);
    url_encode(out, value);
}

void websub_write_form(struct buf *out, const struct websub_ask *ask)
{
    add_pair(out, "hub.mode", ask->unsubscribe ? "unsubscribe" : "subscribe");
    add_pair(out, "hub.topic", ask->topic);
    add_pair(out, "hub.callback", ask->callback);
    if (ask->unsubscribe) {
        return;
    }
    buf_addf(out, "&hub.lease_seconds=%lld", (long long)WEBSUB_LEASE_S);
    add_pair(out, "hub.secret", ask->secret->text);
}

/* ---- intents ---- */

static int64_t lease_of(const char *text)
{
    int64_t seconds;

    if (!text || !parse_i64(text, &seconds) || seconds <= 0) {
        return WEBSUB_LEASE_S;
    }
    seconds = seconds < WEBSUB_LEASE_MIN_S ? WEBSUB_LEASE_MIN_S : seconds;
    return seconds < WEBSUB_LEASE_MAX_S ? seconds : WEBSUB_LEASE_MAX_S;
}

void websub_read_intent(struct websub_intent *out,
                        const struct websub_call *call,
                        const char *topic,
                        bool asked,
                        bool leaving)
{
    *out = (struct websub_intent){.kind = WEBSUB_NOT_OURS};
    if (!call->mode || !topic) {
        return;
    }
    if (strcmp(call->mode, "denied") == 0) {
        /* Some hubs leave the topic out; the address of the callback tells which one it is. */
        out->kind =
            !call->topic || strcmp(call->topic, topic) == 0 ? WEBSUB_DENIED : WEBSUB_NOT_OURS;
        return;
    }
    if (!call->challenge || !call->topic || strcmp(call->topic, topic) != 0) {
        return;
    }
    if (strcmp(call->mode, "subscribe") == 0 && asked && !leaving) {
        out->kind = WEBSUB_SUBSCRIBED;
        out->lease_s = lease_of(call->lease_seconds);
    } else if (strcmp(call->mode, "unsubscribe") == 0 && leaving) {
        out->kind = WEBSUB_UNSUBSCRIBED;
    }
}

/* ---- signatures ---- */

enum websub_signature websub_check_signature(const char *header,
                                             const struct secret *secret,
                                             const void *body,
                                             size_t len)
{
    static const struct {
        const char *prefix;
        enum crypto_digest digest;
    } rows[] = {
        {"sha1=", CRYPTO_SHA1},
        {"sha256=", CRYPTO_SHA256},
        {"sha384=", CRYPTO_SHA384},
        {"sha512=", CRYPTO_SHA512},
    };
    uint8_t want[CRYPTO_DIGEST_MAX_BYTES], have[CRYPTO_DIGEST_MAX_BYTES];

    if (!header) {
        return WEBSUB_UNSIGNED;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t prefix_len = strlen(rows[i].prefix), mac_len;

        if (strncasecmp(header, rows[i].prefix, prefix_len) != 0) {
            continue;
        }
        mac_len = crypto_hmac(rows[i].digest, secret->text, secret->len, body, len, want);
        header += prefix_len;
        return crypto_unhex(header, strlen(header), have, mac_len) &&
                       crypto_equal(want, have, mac_len)
                   ? WEBSUB_SIGNED
                   : WEBSUB_FORGED;
    }
    return WEBSUB_FORGED;
}
