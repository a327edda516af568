/* What a browser hands in when its reader subscribes (PushSubscription, W3C Push API), and the parts of the address
 * in it. Called by the doors that take subscriptions, and for every message. Pure.
 *
 * Behind its host an address is kept byte for byte: what stands there is the push service's affair, and Windows'
 * holds escapes that must not be decoded. Host and port are written in one way, or a reader could be many members, and
 * a service many origins. */

#include "adapters/webpush_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

#define SCHEME "https://"
#define SCHEME_BYTES (sizeof SCHEME - 1)

/* ---- addresses ---- */

/* What a request line can hold as it is. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

/* No longer than it came. */
static void put_normal(char *out, const struct url_parts *p)
{
    size_t len = SCHEME_BYTES;

    memcpy(out, SCHEME, SCHEME_BYTES);
    for (size_t i = 0; i < p->host_len; i++) {
        char c = p->host[i];

        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    if (p->port != 0 && p->port != 443) {
        len += (size_t)snprintf(out + len, MEMBER_ADDRESS_BYTES - len, ":%d", p->port);
    }
    memcpy(out + len, p->path, strlen(p->path) + 1);
}

bool webpush__address(const char *text, char *out)
{
    size_t len = strlen(text);
    struct url_parts parts;

    if (len >= MEMBER_ADDRESS_BYTES || strncmp(text, SCHEME, SCHEME_BYTES) != 0 ||
        !is_plain(text) || !url_parse(&parts, text) || parts.has_userinfo || parts.fragment ||
        parts.host_len == 0) {
        return false;
    }
    put_normal(out, &parts);
    return true;
}

/* Host and port, without one that goes without saying. */
static size_t authority_length(const char *address, size_t *out_shown)
{
    const char *authority = address + SCHEME_BYTES;
    size_t len = strcspn(authority, "/?#");

    *out_shown = len > 4 && memcmp(authority + len - 4, ":443", 4) == 0 ? len - 4 : len;
    return len;
}

bool webpush__origin(const char *address, struct buf *out)
{
    size_t shown;

    if (strncmp(address, SCHEME, SCHEME_BYTES) != 0) {
        return false;
    }
    (void)authority_length(address, &shown);
    if (shown == 0) {
        return false;
    }
    buf_adds(out, SCHEME);
    for (size_t i = 0; i < shown; i++) {
        char c = address[SCHEME_BYTES + i];

        buf_addc(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    return true;
}

void webpush__path(const char *address, struct buf *out)
{
    size_t shown;
    const char *path = address + SCHEME_BYTES + authority_length(address, &shown);

    buf_adds(out, *path == '/' ? "" : "/");
    buf_adds(out, path);
}

/* ---- subscriptions ---- */

/* So many bytes in base64, of either alphabet, with or without padding. */
static bool decode(const json_t *given, uint8_t *out, size_t len)
{
    const char *text = json_string_value(given);
    struct buf bytes;
    bool good;

    buf_init(&bytes, len);
    good = text && crypto_unbase64(&bytes, text, strlen(text)) && buf_ok(&bytes) &&
           bytes.len == len;
    if (good) {
        memcpy(out, bytes.data, len);
    }
    buf_done(&bytes);
    return good;
}

static enum err_code
read_keys(const json_t *given, uint8_t keys[MEMBER_KEYS_BYTES], struct err *why)
{
    const json_t *both = json_object_get(given, "keys");

    if (!decode(json_object_get(both, "p256dh"), keys, P256_PUBLIC_BYTES) ||
        !p256_public_good(keys)) {
        return err_set(
            why,
            ERR_INVALID,
            "keys.p256dh: expected a point of the curve P-256, its 65 bytes in base64url");
    }
    if (!decode(json_object_get(both, "auth"), keys + P256_PUBLIC_BYTES, WEBPUSH_AUTH_BYTES)) {
        return err_set(why, ERR_INVALID, "keys.auth: expected 16 bytes in base64url");
    }
    return ERR_NONE;
}

/* The ids of our keys, the one of today first. Making them of the settings takes longer than everything else that is
 * done with a subscription, and of those millions come in at once: so each thread keeps the last ones that it made. No
 * secret is kept, a hash of the settings tells them from others. */
struct known_ids {
    uint8_t of[SHA256_BYTES];
    int64_t v[WEBPUSH_KEYS_MAX];
    size_t count; /* 0: none are kept */
};
static _Thread_local struct known_ids known;

static void hash_settings(const struct webpush_settings *s, uint8_t out[SHA256_BYTES])
{
    struct crypto_sum *sum = crypto_sha256_begin();

    crypto_sha256_add(sum, s->key.text ? s->key.text : "", s->key.len + (s->key.text ? 1 : 0));
    crypto_sha256_add(sum, s->old_keys.text ? s->old_keys.text : "", s->old_keys.len);
    crypto_sha256_end(sum, out);
}

static enum err_code
our_ids(const struct webpush_settings *s, const struct known_ids **out, struct err *why)
{
    uint8_t of[SHA256_BYTES];
    struct webpush_keys keys;
    enum err_code rc = ERR_NONE;

    hash_settings(s, of);
    if (known.count == 0 || memcmp(known.of, of, sizeof of) != 0) {
        rc = webpush__keys_init(&keys, s, why);
        if (rc) {
            return rc;
        }
        memcpy(known.of, of, sizeof of);
        known.count = keys.count;
        for (size_t i = 0; i < keys.count; i++) {
            known.v[i] = keys.v[i].id;
        }
        webpush__keys_done(&keys);
    }
    *out = &known;
    return rc;
}

/* `key`: the applicationServerKey that it was made with; absent: the one that pages get now. */
static enum err_code
read_key_id(const void *settings, const json_t *given, int64_t *out, struct err *why)
{
    const json_t *named = json_object_get(given, "key");
    uint8_t public_key[P256_PUBLIC_BYTES];
    const struct known_ids *ours;
    int64_t id;
    enum err_code rc;

    if (named && !json_is_null(named) && !decode(named, public_key, sizeof public_key)) {
        return err_set(why,
                       ERR_INVALID,
                       "key: expected the public key it was made for, 65 bytes in base64url");
    }
    rc = our_ids(settings, &ours, why);
    if (rc) {
        return rc;
    }
    id = named && !json_is_null(named) ? webpush__key_id(public_key) : ours->v[0];
    for (size_t i = 0; i < ours->count; i++) {
        if (ours->v[i] == id) {
            *out = id;
            return ERR_NONE;
        }
    }
    return err_set(
        why, ERR_INVALID, "key: none of ours; subscribe again with the key that is in force");
}

enum err_code webpush__subscription(const void *settings,
                                    const json_t *given,
                                    struct push_subscription *out,
                                    struct err *why)
{
    const char *endpoint = json_string_value(json_object_get(given, "endpoint"));
    struct push_subscription s = {.keys_len = WEBPUSH_KEYS_BYTES};
    char normal[MEMBER_ADDRESS_BYTES];
    enum err_code rc;

    if (!endpoint || !webpush__address(endpoint, normal)) {
        return err_set(
            why,
            ERR_INVALID,
            "endpoint: expected an https:// address without a fragment, of less than "
            "%d bytes",
            MEMBER_ADDRESS_BYTES);
    }
    rc = read_keys(given, s.keys, why);
    if (!rc) {
        rc = read_key_id(settings, given, &s.key_id, why);
    }
    if (rc) {
        return rc;
    }
    s.address = mem_strdup(normal);
    *out = s;
    return ERR_NONE;
}
