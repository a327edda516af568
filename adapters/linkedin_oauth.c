/* The way to LinkedIn's tokens: a page where a person says yes, a code, a token for sixty days. Only partners get
 * a refresh token with it (a year, whose clock does not begin anew); everybody else signs in again every sixty
 * days, which the keeper tells of ahead. What is asked for depends on who posts: a page or a member. */

#include "adapters/linkedin_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct linkedin_settings *s = call->settings;

    (void)why;
    oauth_build_code(req, &linkedin__oauth, call, s->token_address, OAUTH_CLIENT_FORM);
    return ERR_NONE;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct linkedin_settings *s = call->settings;

    (void)why;
    oauth_build_refresh(req, &linkedin__oauth, call, s->token_address, OAUTH_CLIENT_FORM);
    return ERR_NONE;
}

static enum err_code
build_who(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct linkedin_settings *s = call->settings;

    (void)why;
    if (!linkedin__is_person(s)) {
        req->skip = true; /* a page's token has no scope for it */
        return ERR_NONE;
    }
    oauth_build_look(req, call, s->api, "/v2/userinfo");
    return ERR_NONE;
}

static struct oauth_verdict read_who(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;

    json_set_str(call->grant, "who", json_path_str(body, "name"));
    json_set_str(call->grant, "person", json_path_str(body, "sub"));
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK};
}

static const struct oauth_step login[] = {
    {.name = "token", .build = build_code, .read = oauth_read_token},
    {.name = "who", .build = build_who, .read = read_who},
    OAUTH_STEP_END,
};

static const struct oauth_step renew[] = {
    {.name = "renew", .build = build_refresh, .read = oauth_read_token},
    OAUTH_STEP_END,
};

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct linkedin_settings *s = call->settings;
    struct oauth asked = linkedin__oauth;

    if (linkedin__is_person(s)) {
        asked.scopes = "w_member_social openid profile";
    }
    oauth_authorize_url(url, &asked, call, s->authorize_page, NULL);
}

const struct oauth linkedin__oauth = {
    .settings_at = offsetof(struct linkedin_settings, oauth),
    .scopes = "w_organization_social r_organization_social",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .renew_before_ms = 7 * MS_DAY,
};
