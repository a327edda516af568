/* Our keys, by which push services know us (VAPID, RFC 8292), and the tokens that are signed with them. Called when
 * settings are checked, when a browser subscribes and when a wave begins.
 *
 * A subscription is made for one key and takes messages by no other, so keys that were used before stay until nobody
 * is left who subscribed with them; each member knows theirs by its id. */

#include "adapters/webpush_internal.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"

#define PEM_BEGIN "-----BEGIN"
#define PEM_END "-----END"

/* ---- which there are ---- */

int64_t webpush__key_id(const uint8_t public_key[P256_PUBLIC_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    uint64_t id;

    crypto_sha256(public_key, P256_PUBLIC_BYTES, hash);
    id = crypto_first64(hash);
    return id == 0 ? 1 : (int64_t)id;
}

static enum err_code add_key(
    struct webpush_keys *k, const char *setting, const char *text, size_t len, struct err *why)
{
    struct p256_key *key;

    if (k->count == WEBPUSH_KEYS_MAX) {
        return err_set(
            why, ERR_INVALID, "%s: more than %d keys", setting, WEBPUSH_KEYS_MAX - 1);
    }
    if (p256_key_read(&key, text, len, why)) {
        return k->count == 0 ? err_wrap(why, "%s", setting)
                             : err_wrap(why, "%s: key %zu of them", setting, k->count);
    }
    k->v[k->count++] =
        (struct webpush_key){.key = key, .id = webpush__key_id(p256_key_public(key))};
    return ERR_NONE;
}

/* The first key in text: a word, or a PEM block with the blanks and line breaks in it. */
static size_t next_key(const char *text)
{
    const char *end;

    if (strncmp(text, PEM_BEGIN, strlen(PEM_BEGIN)) != 0) {
        return strcspn(text, " \t\r\n,");
    }
    end = strstr(text, PEM_END);
    end = end ? strstr(end + strlen(PEM_END), "-----") : NULL;
    return end ? (size_t)(end - text) + 5 : strlen(text);
}

static enum err_code
add_old_keys(struct webpush_keys *k, const struct webpush_settings *s, struct err *why)
{
    const char *at = s->old_keys.text ? s->old_keys.text : "";
    enum err_code rc = ERR_NONE;

    for (at += strspn(at, " \t\r\n,"); *at && !rc; at += strspn(at, " \t\r\n,")) {
        size_t len = next_key(at);

        rc = add_key(k, "old_keys", at, len, why);
        at += len;
    }
    return rc;
}

enum err_code
webpush__keys_init(struct webpush_keys *k, const struct webpush_settings *s, struct err *why)
{
    enum err_code rc;

    memset(k, 0, sizeof *k);
    rc = add_key(k, "key", s->key.text ? s->key.text : "", s->key.len, why);
    if (!rc) {
        rc = add_old_keys(k, s, why);
    }
    if (rc) {
        webpush__keys_done(k);
    }
    return rc;
}

void webpush__keys_done(struct webpush_keys *k)
{
    for (size_t i = 0; i < k->count; i++) {
        p256_key_free(k->v[i].key);
    }
    memset(k, 0, sizeof *k);
}

const struct webpush_key *webpush__key_find(const struct webpush_keys *k, int64_t id)
{
    for (size_t i = 0; i < k->count; i++) {
        if (id == 0 || k->v[i].id == id) {
            return &k->v[i];
        }
    }
    return NULL;
}

void webpush__public_key(const void *settings, struct buf *out)
{
    struct webpush_keys keys;

    if (webpush__keys_init(&keys, settings, NULL) == ERR_NONE) { /* they were checked */
        crypto_base64url(out, p256_key_public(keys.v[0].key), P256_PUBLIC_BYTES);
        webpush__keys_done(&keys);
    }
}

/* ---- who we are ---- */

/* Apple takes no token whose subject is not that of somebody (BadJwtToken). */
static bool is_public_name(const char *name, size_t len)
{
    static const char *const own[] = {
        "localhost", "local", "localdomain", "internal", "invalid"};
    const char *dot = memrchr(name, '.', len);
    size_t last_len = dot ? (size_t)(name + len - dot - 1) : 0;

    if (!dot || dot == name || last_len < 2) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strlen(own[i]) == last_len && strncasecmp(dot + 1, own[i], last_len) == 0) {
            return false;
        }
    }
    return dot[1] < '0' || dot[1] > '9'; /* no address of numbers */
}

bool webpush__subject_good(const char *subject)
{
    struct url_parts parts;

    if (strncmp(subject, "mailto:", 7) == 0) {
        const char *at = strrchr(subject, '@');

        return at && at > subject + 7 && !strpbrk(subject, " \t\r\n<>\"?") &&
               is_public_name(at + 1, strlen(at + 1));
    }
    return strncmp(subject, "https://", 8) == 0 && url_parse(&parts, subject) &&
           !parts.has_userinfo && is_public_name(parts.host, parts.host_len);
}

void webpush__authorization(const struct webpush_key *key,
                            const char *subject,
                            const char *origin,
                            int64_t expires_ms,
                            struct buf *out)
{
    json_t *claims = json_pack("{s:s, s:I, s:s}",
                               "aud",
                               origin,
                               "exp",
                               (json_int_t)(expires_ms / MS_SECOND),
                               "sub",
                               subject);
    struct buf text;

    buf_init(&text, 4096);
    json_write(&text, claims);
    json_decref(claims);
    buf_adds(out, "vapid t=");
    p256_sign_jwt(key->key, "{\"typ\":\"JWT\",\"alg\":\"ES256\"}", buf_str(&text), out);
    buf_adds(out, ", k=");
    crypto_base64url(out, p256_key_public(key->key), P256_PUBLIC_BYTES);
    buf_done(&text);
}
