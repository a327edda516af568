/* The way to the token of a Facebook page: a person says yes, the person's token becomes one for 60 days, and
 * that tells the tokens of the person's pages, which do not end. The person's token is kept, under the name
 * refresh_token, to make the page's anew. Pure.
 *
 * A page's token lives until the person changes the password or loses the role; what an app may read of the
 * person ends 90 days after the last sign-in (data_access_expires_at_ms), which people are told. */

#include <stddef.h>

#include "adapters/facebook_internal.h"
#include "adapters/graph_login.h"
#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"

static const struct facebook_settings *settings_of(const struct oauth_call *call)
{
    return call->settings;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    oauth_authorize_url(url, &facebook__oauth, call, settings_of(call)->login_page, NULL);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    struct http_request address;

    (void)why;
    http_request_init(&address);
    graph_request(&address, HTTP_POST, settings_of(call)->api, NULL, "/oauth/access_token");
    graph_login_build_code(req, &facebook__oauth, call, address.url);
    http_request_done(&address);
    return ERR_NONE;
}

static enum err_code
build_long_lived(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    graph_login_build_long_lived(req, &facebook__oauth, call, settings_of(call)->api);
    return ERR_NONE;
}

static enum err_code
build_pages(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    graph_login_build_pages(req, &facebook__oauth, call, settings_of(call)->api, "");
    return ERR_NONE;
}

static struct oauth_verdict read_pages(struct oauth_call *call, const struct http_response *res)
{
    return graph_login_read_pages(call, res, settings_of(call)->page_id, NULL);
}

static enum err_code
build_inspect(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct oauth_settings *s = oauth_settings_of(&facebook__oauth, call->settings);

    (void)why;
    if (!s->client_id || !s->client_secret.text) {
        req->skip = true;
        return ERR_NONE;
    }
    graph_request(req, HTTP_GET, settings_of(call)->api, NULL, "/debug_token");
    http_set_headerf(req, "Authorization", "Bearer %s|%s", s->client_id, s->client_secret.text);
    graph_query(req, "input_token", record_str(call->grant, "access_token"));
    return ERR_NONE;
}

/* Good to know, and no more. */
static struct oauth_verdict read_inspect(struct oauth_call *call,
                                         const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    json_int_t ends =
        json_integer_value(json_path(body, "data", "data_access_expires_at", NULL));

    if (ends > 0 && ends < INT64_MAX / MS_SECOND) {
        record_set_int(call->grant, "data_access_expires_at_ms", ends * MS_SECOND);
    }
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK};
}

static bool can_renew(const struct oauth_call *call)
{
    int64_t ends_ms = record_int(call->grant, "refresh_expires_at_ms");

    return record_str(call->grant, "refresh_token") && (ends_ms == 0 || ends_ms > call->now_ms);
}

#define PAGE_STEPS                                                                             \
    {.name = "pages", .build = build_pages, .read = read_pages},                               \
    {                                                                                          \
        .name = "inspect", .build = build_inspect, .read = read_inspect                        \
    }
static const struct oauth_step login[] = {
    {.name = "code", .build = build_code, .read = graph_login_read_person},
    {.name = "long_lived", .build = build_long_lived, .read = graph_login_read_person},
    PAGE_STEPS,
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {PAGE_STEPS, OAUTH_STEP_END};

const struct oauth facebook__oauth = {
    .settings_at = offsetof(struct facebook_settings, oauth),
    .scopes = "pages_show_list,pages_manage_posts,pages_read_engagement,publish_video,"
              "business_management",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .can_renew = can_renew,
};
