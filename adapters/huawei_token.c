/* Huawei's access tokens: an app's id and secret get one for an hour (RFC 6749 section 4.4). Run by the token
 * keeper; no person is needed.
 *
 * Source: https://developer.huawei.com/consumer/en/doc/HMSCore-Guides/oauth2-0000001212610981 */

#include "adapters/huawei_internal.h"

#include <stddef.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"

#define ADDRESS_BYTES_MAX 4096

static enum err_code
build_token(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct huawei_settings *s = call->settings;
    struct buf url;

    (void)why;
    buf_init(&url, ADDRESS_BYTES_MAX);
    oauth_address(&url, s->login_url, "/oauth2/v3/token");
    oauth_build_client(req, &huawei__oauth, call, buf_str(&url), OAUTH_CLIENT_FORM);
    buf_done(&url);
    return ERR_NONE;
}

/* There is no grant that could be dead: a no is for the id or the secret. */
static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    const struct huawei_settings *s = call->settings;
    struct oauth_verdict v = oauth_read_token(call, res);

    if (v.outcome == OAUTH_REVOKED) {
        v.outcome = OAUTH_REFUSED;
    }
    if (v.outcome == OAUTH_OK) {
        json_set_str(call->grant, "who", s->oauth.client_id);
    }
    return v;
}

static bool can_renew(const struct oauth_call *call)
{
    (void)call; /* both are required */
    return true;
}

static void made_from(const void *object, struct buf *out)
{
    const struct huawei_settings *s = object;

    buf_addf(out, "%s\n", s->oauth.client_id);
    buf_add(out, s->oauth.client_secret.text, s->oauth.client_secret.len);
}

static const struct oauth_step renew[] = {
    {.name = "get_token", .build = build_token, .read = read_token},
    OAUTH_STEP_END,
};

const struct oauth huawei__oauth = {
    .settings_at = offsetof(struct huawei_settings, oauth),
    .renew = renew,
    .can_renew = can_renew,
    .made_from = made_from,
    .renew_before_ms = 5 * MS_MINUTE,
};
