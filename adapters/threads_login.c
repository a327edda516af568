/* Tokens for Threads: a token of the account for 60 days, exchanged weekly for a new one. Pure. */

#include <stddef.h>

#include "adapters/graph_login.h"
#include "adapters/record.h"
#include "adapters/threads_internal.h"
#include "base/json.h"
#include "base/mem.h"

static const char *api_of(const struct oauth_call *call)
{
    return ((const struct threads_settings *)call->settings)->api;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct threads_settings *s = call->settings;

    oauth_authorize_url(url, &threads__oauth, call, s->login_page, NULL);
}

/* The code goes to the host of the API, beside its versions. */
static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    char *url = graph_login_host_dup(api_of(call), "/oauth/access_token");

    (void)why;
    graph_login_build_code(req, &threads__oauth, call, url);
    mem_free(url);
    return ERR_NONE;
}

static enum err_code
build_long_lived(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    graph_login_build_exchange(req, &threads__oauth, call, api_of(call), "th_exchange_token");
    return ERR_NONE;
}

static enum err_code
build_account(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const char *token = record_str(call->grant, "access_token");

    (void)why;
    graph_request(req, HTTP_GET, api_of(call), token ? token : "", "/me?fields=id,username");
    return ERR_NONE;
}

static struct oauth_verdict read_account(struct oauth_call *call,
                                         const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");
    struct oauth_verdict v = {.outcome = OAUTH_OK};
    char id[GRAPH_ID_BYTES];

    if (name && graph_answer_id(res, "id", id)) {
        json_set_str(call->grant, "user_id", id);
        json_set_str(call->grant, "who", name);
    } else {
        v = graph_login_trouble(res);
    }
    json_decref(body);
    return v;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    graph_login_build_refresh(req, call, api_of(call), "th_refresh_token");
    return ERR_NONE;
}

static const struct oauth_step login[] = {
    {.name = "code", .build = build_code, .read = graph_login_read_token},
    {.name = "long_lived", .build = build_long_lived, .read = graph_login_read_token},
    {.name = "account", .build = build_account, .read = read_account},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "refresh", .build = build_refresh, .read = graph_login_read_token},
    OAUTH_STEP_END,
};

const struct oauth threads__oauth = {
    .settings_at = offsetof(struct threads_settings, oauth),
    .scopes = "threads_basic,threads_content_publish,threads_delete",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .can_renew = graph_login_can_renew,
    .renew_before_ms = GRAPH_LOGIN_RENEW_BEFORE_MS,
    .renew_age_min_ms = GRAPH_LOGIN_AGE_MIN_MS,
};
