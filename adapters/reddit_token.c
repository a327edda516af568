/* Where Reddit's tokens come from: a page where an operator says yes (a permanent refresh token, which does
 * not change), or, for script apps, the account's own password. Run by the token keeper. */

#include "adapters/reddit_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

#define ADDRESS_BYTES_MAX 4096

static const char *login_of(const struct oauth_call *call)
{
    return ((const struct reddit_settings *)call->settings)->login_url;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    struct buf page;

    buf_init(&page, ADDRESS_BYTES_MAX);
    oauth_address(&page, login_of(call), "/api/v1/authorize");
    oauth_authorize_url(url, &reddit__oauth, call, buf_str(&page), NULL);
    buf_adds(url, "&duration=permanent");
    buf_done(&page);
}

static enum err_code
build_login(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    struct buf url;

    (void)why;
    buf_init(&url, ADDRESS_BYTES_MAX);
    oauth_address(&url, login_of(call), "/api/v1/access_token");
    oauth_build_code(req, &reddit__oauth, call, buf_str(&url), OAUTH_CLIENT_BASIC);
    reddit__set_agent(req, call->settings);
    buf_done(&url);
    return ERR_NONE;
}

static enum err_code
build_renew(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct reddit_settings *s = call->settings;
    struct buf url;

    (void)why;
    buf_init(&url, ADDRESS_BYTES_MAX);
    oauth_address(&url, login_of(call), "/api/v1/access_token");
    if (record_str(call->grant, "refresh_token")) {
        oauth_build_refresh(req, &reddit__oauth, call, buf_str(&url), OAUTH_CLIENT_BASIC);
    } else {
        oauth_build_password(req,
                             &reddit__oauth,
                             call,
                             buf_str(&url),
                             OAUTH_CLIENT_BASIC,
                             s->username,
                             &s->password);
    }
    reddit__set_agent(req, s);
    buf_done(&url);
    return ERR_NONE;
}

/* A password that is not taken is a fault of the settings, not the end of a grant; and it is told with
 * status 200. */
static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    const struct reddit_settings *s = call->settings;
    json_t *body = http_json(res);
    const char *error = record_str(body, "error");
    bool by_password = !call->code && !record_str(call->grant, "refresh_token");
    bool refused = error && res->status < 300;
    struct oauth_verdict v;

    if (refused || (error && strcmp(error, "invalid_grant") == 0)) {
        bool dead = strcmp(error, "invalid_grant") == 0 && !by_password;

        v = oauth_verdict_make(dead ? OAUTH_REVOKED : OAUTH_REFUSED,
                               0,
                               "%d %.60s%s",
                               res->status,
                               error,
                               by_password ? ": see `username` and `password`; two-factor "
                                             "sign-in must be off"
                                           : "");
    } else {
        v = oauth_read_token(call, res);
    }
    if (v.outcome == OAUTH_OK) {
        json_set_str(call->grant, "who", s->username);
    }
    json_decref(body);
    return v;
}

static bool can_renew(const struct oauth_call *call)
{
    const struct reddit_settings *s = call->settings;

    return s->oauth.client_id && (record_str(call->grant, "refresh_token") || s->password.text);
}

static const struct oauth_step login[] = {
    {.name = "exchange_code", .build = build_login, .read = read_token},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "get_token", .build = build_renew, .read = read_token},
    OAUTH_STEP_END,
};

const struct oauth reddit__oauth = {
    .settings_at = offsetof(struct reddit_settings, oauth),
    .scopes = "submit read identity flair edit history",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .can_renew = can_renew,
};
