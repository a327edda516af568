/* The way to X's tokens of OAuth 2: a page where the account says yes, a code, a token for two hours and a
 * refresh token that is good once. Run by service/keeper.c and `crier keys login`. A channel with the four keys
 * of OAuth 1.0a has no use for it. */

#include "adapters/x_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"

static bool applies(const void *settings)
{
    return !x__uses_keys(settings);
}

static const char *api_of(const struct oauth_call *call)
{
    return ((const struct x_settings *)call->settings)->api;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct x_settings *s = call->settings;

    oauth_authorize_url(url, &x__oauth, call, s->authorize_page, NULL);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_code(req, &x__oauth, call, api_of(call), OAUTH_CLIENT_BASIC);
    http_set_url_below(req, api_of(call), "/2/oauth2/token");
    return ERR_NONE;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_refresh(req, &x__oauth, call, api_of(call), OAUTH_CLIENT_BASIC);
    http_set_url_below(req, api_of(call), "/2/oauth2/token");
    return ERR_NONE;
}

/* A refresh token that is no good any more is often "invalid_request" here. */
static bool is_dead(const struct http_response *res)
{
    json_t *body = res->status == 400 ? http_json(res) : NULL;
    const char *said = record_str(body, "error_description");
    bool dead = said && strstr(said, "token was invalid");

    json_decref(body);
    return dead;
}

static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    if (is_dead(res)) {
        return oauth_verdict_make(
            OAUTH_REVOKED, 0, "400: X does not take the refresh token any more");
    }
    return oauth_read_token(call, res);
}

static enum err_code
build_who(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_look(req, call, api_of(call), "/2/users/me");
    return ERR_NONE;
}

/* Only to say whose account it is: a token is no worse without. */
static struct oauth_verdict read_who(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *handle = json_path_str(json_object_get(body, "data"), "username");
    char *who = handle ? mem_printf("@%.60s", handle) : NULL;

    json_set_str(call->grant, "who", who);
    mem_free(who);
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK};
}

static const struct oauth_step login[] = {
    {.name = "token", .build = build_code, .read = read_token},
    {.name = "who", .build = build_who, .read = read_who},
    OAUTH_STEP_END,
};

static const struct oauth_step renew[] = {
    {.name = "renew", .build = build_refresh, .read = read_token},
    OAUTH_STEP_END,
};

const struct oauth x__oauth = {
    .settings_at = offsetof(struct x_settings, oauth),
    .scopes = "tweet.read tweet.write users.read media.write offline.access",
    .pkce = true,
    .applies = applies,
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .rotates = true,
};
