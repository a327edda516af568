/* Those who cannot sign (Strapi, Directus, WordPress.com) send the secret itself: in a header, with
 * user name and password, in the query, or as the end of the path. Called by sign.c. */

#include "sources/sign_internal.h"

#include <string.h>

#include "base/text.h"

#define LOGIN_BYTES 4096

/* Digests are compared, so that not even the length of the secret shows in the time taken. */
static bool same(const struct secret *secret, const char *text, size_t len)
{
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

    crypto_sha256(text, len, a);
    crypto_sha256(secret->text, secret->len, b);
    return crypto_equal(a, b, sizeof a) && secret->len > 0;
}

static bool opens(const struct sign_keys *keys, const char *text, size_t len)
{
    bool now = same(keys->secret, text, len), before = same(keys->old_secret, text, len);

    return now || before;
}

/* The password of "user:password" in base64. */
static bool basic_opens(const struct sign_keys *keys, const char *text)
{
    struct buf login;
    const char *colon;
    bool good = false;

    buf_init_secret(&login, LOGIN_BYTES);
    if (crypto_unbase64(&login, text, strlen(text)) && buf_ok(&login)) {
        colon = memchr(buf_str(&login), ':', login.len);
        good = colon != NULL &&
               opens(keys, colon + 1, login.len - (size_t)(colon + 1 - buf_str(&login)));
    }
    buf_done(&login);
    return good;
}

static bool authorization_opens(const struct sign_keys *keys, const char *value)
{
    size_t len = strcspn(value, " ");
    const char *rest = value + len + strspn(value + len, " ");

    if (len == 6 && strncasecmp(value, "Bearer", len) == 0) {
        return opens(keys, rest, strlen(rest));
    }
    return len == 5 && strncasecmp(value, "Basic", len) == 0 && basic_opens(keys, rest);
}

enum sign_verdict sign__token(const struct sign_keys *keys, const struct source_call *call)
{
    const char *login = call->header(call->context, "Authorization");
    const char *plain[] = {
        keys->token_header != NULL ? call->header(call->context, keys->token_header) : NULL,
        call->query(call->context, "token"),
        call->rest,
    };
    bool tried = login != NULL, good = login != NULL && authorization_opens(keys, login);

    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        tried = tried || plain[i] != NULL;
        good = good || (plain[i] != NULL && opens(keys, plain[i], strlen(plain[i])));
    }
    if (good) {
        return SIGN_GOOD;
    }
    return tried ? SIGN_WRONG : SIGN_MISSING;
}
