/* Whether a reader could read our messages: one is made for a browser of our own making, and read as that browser
 * would. Called by the canary (service/canary_run.c). The functions that encrypt are held to the vectors of RFC 8291 by a
 * test; here it is the settings, the plan and the machine at hand that are tried. */

#include "adapters/webpush_internal.h"

#include <string.h>

#include "base/crypto.h"
#include "base/ece.h"
#include "base/mem.h"

#define PATH_BYTES 2048

static char address[] = "https://updates.push.services.mozilla.com/wpush/v2/canary";

static enum err_code read_it(const struct push_plan *plan,
                             const struct p256_key *browser,
                             const uint8_t *auth,
                             const struct buf *body,
                             struct err *why)
{
    uint8_t secret[P256_PRIVATE_BYTES];
    struct buf text;
    bool good;

    buf_init(&text, ECE_TEXT_MAX_BYTES + 64);
    p256_key_private(browser, secret);
    good = ece_open(&text, secret, auth, body->data, body->len) &&
           text.len == plan->payload_len && memcmp(text.data, plan->payload, text.len) == 0;
    mem_wipe(secret, sizeof secret);
    buf_done(&text);
    return good ? ERR_NONE
                : err_set(
                      why, ERR_INVALID, "a browser could not read what was encrypted for it");
}

enum err_code webpush__self_test(const struct push_plan *plan, struct err *why)
{
    struct p256_key *browser = p256_key_random();
    uint8_t keys[WEBPUSH_KEYS_BYTES];
    const struct member m = {
        .id = 1, .address = address, .keys = keys, .keys_len = sizeof keys};
    const struct member *one = &m;
    struct buf path, body;
    enum err_code rc;

    memcpy(keys, p256_key_public(browser), P256_PUBLIC_BYTES);
    crypto_random(keys + P256_PUBLIC_BYTES, WEBPUSH_AUTH_BYTES);
    buf_init(&path, PATH_BYTES);
    buf_init(&body, ECE_TEXT_MAX_BYTES + ECE_OVERHEAD_BYTES);
    rc = webpush__push.compose(plan, &one, 1, &path, &body, why);
    if (rc == ERR_NONE) {
        rc = read_it(plan, browser, keys + P256_PUBLIC_BYTES, &body, why);
    }
    buf_done(&path);
    buf_done(&body);
    p256_key_free(browser);
    return rc;
}
