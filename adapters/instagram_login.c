/* Tokens for Instagram: by Instagram Login (a token of the account, 60 days, exchanged weekly for a new one)
 * or by Facebook Login (the token of the page that the account is linked to). Pure. */

#include <string.h>

#include "adapters/graph_login.h"
#include "adapters/instagram_internal.h"
#include "adapters/record.h"
#include "base/json.h"

#define INSTAGRAM_SCOPES "instagram_business_basic,instagram_business_content_publish"
#define FACEBOOK_SCOPES                                                                        \
    "instagram_basic,instagram_content_publish,instagram_manage_contents,pages_show_list,"     \
    "pages_read_engagement,business_management"

static bool by_facebook(const struct oauth_call *call)
{
    return ((const struct instagram_settings *)call->settings)->login == INSTAGRAM_BY_FACEBOOK;
}

static const char *api_of(const struct oauth_call *call)
{
    return instagram__api(call->settings);
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct instagram_settings *s = call->settings;
    struct oauth way = instagram__oauth;
    const char *page = s->login_page;

    if (by_facebook(call)) {
        way.scopes = FACEBOOK_SCOPES;
        page = page ? page : "https://www.facebook.com/v26.0/dialog/oauth";
    }
    oauth_authorize_url(
        url, &way, call, page ? page : "https://www.instagram.com/oauth/authorize", NULL);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct instagram_settings *s = call->settings;
    const char *url = s->token_address;

    (void)why;
    if (!url) {
        url = by_facebook(call) ? "https://graph.facebook.com/v26.0/oauth/access_token"
                                : "https://api.instagram.com/oauth/access_token";
    }
    graph_login_build_code(req, &instagram__oauth, call, url);
    return ERR_NONE;
}

static struct oauth_verdict read_code(struct oauth_call *call, const struct http_response *res)
{
    return by_facebook(call) ? graph_login_read_person(call, res)
                             : graph_login_read_token(call, res);
}

static enum err_code
build_long_lived(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    if (by_facebook(call)) {
        graph_login_build_long_lived(req, &instagram__oauth, call, api_of(call));
    } else {
        graph_login_build_exchange(
            req, &instagram__oauth, call, api_of(call), "ig_exchange_token");
    }
    return ERR_NONE;
}

/* Whose it is: the page by Facebook, the account itself by Instagram. */
static enum err_code
build_account(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    if (by_facebook(call)) {
        graph_login_build_pages(req,
                                &instagram__oauth,
                                call,
                                api_of(call),
                                ",instagram_business_account{id,username}");
    } else {
        const char *token = record_str(call->grant, "access_token");

        graph_request(
            req, HTTP_GET, api_of(call), token ? token : "", "/me?fields=user_id,username");
    }
    return ERR_NONE;
}

static struct oauth_verdict read_self(struct oauth_call *call, const struct http_response *res)
{
    const struct instagram_settings *s = call->settings;
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");
    struct oauth_verdict v = {.outcome = OAUTH_OK};
    char id[GRAPH_ID_BYTES];

    if (!name || !graph_answer_id(res, "user_id", id)) {
        v = graph_login_trouble(res);
    } else if (s->user_id && strcmp(s->user_id, id) != 0) {
        v = oauth_verdict_make(OAUTH_REFUSED,
                               0,
                               "signed in as @%.60s, whose id is %s, not %.40s as user_id says",
                               name,
                               id,
                               s->user_id);
    } else {
        json_set_str(call->grant, "user_id", id);
        json_set_str(call->grant, "who", name);
    }
    json_decref(body);
    return v;
}

static struct oauth_verdict read_account(struct oauth_call *call,
                                         const struct http_response *res)
{
    const struct instagram_settings *s = call->settings;

    return by_facebook(call) ? graph_login_read_pages(call, res, NULL, s->user_id)
                             : read_self(call, res);
}

static enum err_code
build_renew(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    if (by_facebook(call)) {
        return build_account(call, req, why);
    }
    graph_login_build_refresh(req, call, api_of(call), "ig_refresh_token");
    return ERR_NONE;
}

static struct oauth_verdict read_renew(struct oauth_call *call, const struct http_response *res)
{
    return by_facebook(call) ? read_account(call, res) : graph_login_read_token(call, res);
}

static bool can_renew(const struct oauth_call *call)
{
    return by_facebook(call) ? record_str(call->grant, "refresh_token") != NULL
                             : graph_login_can_renew(call);
}

static const struct oauth_step login[] = {
    {.name = "code", .build = build_code, .read = read_code},
    {.name = "long_lived", .build = build_long_lived, .read = read_code},
    {.name = "account", .build = build_account, .read = read_account},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "refresh", .build = build_renew, .read = read_renew},
    OAUTH_STEP_END,
};

const struct oauth instagram__oauth = {
    .settings_at = offsetof(struct instagram_settings, oauth),
    .scopes = INSTAGRAM_SCOPES,
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .can_renew = can_renew,
    .renew_before_ms = GRAPH_LOGIN_RENEW_BEFORE_MS,
    .renew_age_min_ms = GRAPH_LOGIN_AGE_MIN_MS,
};
