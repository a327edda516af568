/* Signatures of hook calls: see signature.h. Called by api_hooks.c, with the raw body, before
 * anything reads it.
 *
 * Standard Webhooks secrets are written "whsec_" and base64. One without that prefix is taken
 * as its bytes and, where it decodes to 24 bytes or more, also as base64, since libraries
 * differ there. */

#include "service/signature.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/parse.h"

#define KEY_BYTES_MAX 4096
#define KEY_BYTES_MIN                                                                          \
    24 /* the specification's least; under that a decoded text is an accident */
#define SIGNATURES_MAX 16 /* in one header; more than any rotation needs */

const char *signature_explain(enum signature_verdict v)
{
    switch (v) {
    case SIGNATURE_GOOD:
        return "the signature is good";
    case SIGNATURE_MISSING:
        return "the signature is missing";
    case SIGNATURE_WRONG:
        return "the signature is wrong";
    case SIGNATURE_STALE:
        return "the call is too old, or its clock is wrong (webhook-timestamp)";
    }
    return "";
}

static bool hub_right(const struct secret *secret, const struct signature_call *call)
{
    static const char prefix[] = "sha256=";
    uint8_t want[SHA256_BYTES], have[SHA256_BYTES];

    if (secret->len == 0 || strncmp(call->hub, prefix, sizeof prefix - 1) != 0) {
        return false;
    }
    if (!crypto_unhex(call->hub + sizeof prefix - 1,
                      strlen(call->hub + sizeof prefix - 1),
                      have,
                      sizeof have)) {
        return false;
    }
    crypto_hmac_sha256(secret->text, secret->len, call->body, call->body_len, want);
    return crypto_equal(want, have, sizeof want);
}

/* Any "v1,<base64>" of the header may be the right one. */
static bool any_matches(const char *list, const uint8_t want[SHA256_BYTES])
{
    struct buf have;
    bool good = false;
    int left = SIGNATURES_MAX;

    buf_init(&have, 256);
    while (*list != '\0' && left-- > 0) {
        size_t len = strcspn(list, " ");

        buf_clear(&have);
        if (len > 3 && strncmp(list, "v1,", 3) == 0 &&
            crypto_unbase64(&have, list + 3, len - 3) && have.len == SHA256_BYTES) {
            good = crypto_equal(have.data, want, SHA256_BYTES) || good;
        }
        list += len;
        list += strspn(list, " ");
    }
    buf_done(&have);
    return good;
}

static bool key_right(const void *key, size_t key_len, const struct signature_call *call)
{
    struct buf content;
    uint8_t want[SHA256_BYTES];
    bool good;

    buf_init(&content, call->body_len + strlen(call->id) + strlen(call->timestamp) + 2);
    buf_addf(&content, "%s.%s.", call->id, call->timestamp);
    buf_add(&content, call->body, call->body_len);
    crypto_hmac_sha256(key, key_len, buf_str(&content), content.len, want);
    good = buf_ok(&content) && any_matches(call->signature, want);
    buf_done(&content);
    return good;
}

static bool standard_right(const struct secret *secret, const struct signature_call *call)
{
    static const char prefix[] = "whsec_";
    bool marked, decoded, good = false;
    struct buf key;

    if (secret->len == 0) {
        return false;
    }
    marked = strncmp(secret->text, prefix, sizeof prefix - 1) == 0;
    buf_init_secret(&key, KEY_BYTES_MAX);
    decoded =
        marked ? crypto_unbase64(
                     &key, secret->text + sizeof prefix - 1, secret->len - (sizeof prefix - 1))
               : crypto_unbase64(&key, secret->text, secret->len) && key.len >= KEY_BYTES_MIN;
    if (decoded && buf_ok(&key)) {
        good = key_right(key.data, key.len, call);
    }
    if (!marked) {
        good = key_right(secret->text, secret->len, call) || good;
    }
    buf_done(&key);
    return good;
}

static enum signature_verdict check_hub(const struct source_settings *source,
                                        const struct signature_call *call)
{
    if (call->hub == NULL) {
        return SIGNATURE_MISSING;
    }
    if (hub_right(&source->secret, call) || hub_right(&source->old_secret, call)) {
        return SIGNATURE_GOOD;
    }
    return SIGNATURE_WRONG;
}

/* The signature first: only a genuine call is told that it came too late. */
static enum signature_verdict check_standard(const struct source_settings *source,
                                             const struct signature_call *call)
{
    int64_t at_s, off_ms;

    if (call->id == NULL || call->timestamp == NULL || call->signature == NULL) {
        return SIGNATURE_MISSING;
    }
    if (!standard_right(&source->secret, call) && !standard_right(&source->old_secret, call)) {
        return SIGNATURE_WRONG;
    }
    if (!parse_i64(call->timestamp, &at_s) || at_s < 0 || at_s > INT64_MAX / MS_SECOND) {
        return SIGNATURE_STALE;
    }
    off_ms = call->now_ms - at_s * MS_SECOND;
    if (off_ms > source->replay_window_ms || off_ms < -source->replay_window_ms) {
        return SIGNATURE_STALE;
    }
    return SIGNATURE_GOOD;
}

enum signature_verdict signature_check(const struct source_settings *source,
                                       const struct signature_call *call)
{
    switch ((enum source_signature)source->signature) {
    case SIGN_HUB:
        return check_hub(source, call);
    case SIGN_STANDARD:
        return check_standard(source, call);
    case SIGN_NONE:
        return SIGNATURE_GOOD;
    }
    return SIGNATURE_WRONG;
}
