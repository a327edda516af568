/* Where VK's tokens come from: VK ID (OAuth 2.1 with PKCE). A token lives about an hour, and each renewal
 * ends the refresh token before it; the device_id that comes with the sign-in belongs to all of them. Run
 * by the token keeper. */

#include "adapters/vk_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

#define ADDRESS_BYTES_MAX 4096

static const char *login_of(const struct oauth_call *call)
{
    return ((const struct vk_settings *)call->settings)->login_url;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    struct buf page;

    buf_init(&page, ADDRESS_BYTES_MAX);
    oauth_address(&page, login_of(call), "/authorize");
    oauth_authorize_url(url, &vk__oauth, call, buf_str(&page), NULL);
    buf_done(&page);
}

static const char *device_id(const struct oauth_call *call)
{
    const char *came = record_str(call->callback, "device_id");
    const char *kept = record_str(call->grant, "device_id");

    return came ? came : kept ? kept : ((const struct vk_settings *)call->settings)->device_id;
}

static void add_device(const struct oauth_call *call, struct http_request *req)
{
    oauth_form_add(req, "client_id", oauth_settings_of(&vk__oauth, call->settings)->client_id);
    oauth_form_add(req, "device_id", device_id(call));
    oauth_form_add(req, "state", call->state ? call->state : "crier");
}

static enum err_code
build_login(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    struct buf url;

    if (!device_id(call)) {
        return err_set(why, ERR_INVALID, "VK came back without device_id");
    }
    buf_init(&url, ADDRESS_BYTES_MAX);
    oauth_address(&url, login_of(call), "/oauth2/auth");
    oauth_build_code(req, &vk__oauth, call, buf_str(&url), OAUTH_CLIENT_NONE);
    add_device(call, req);
    buf_done(&url);
    return ERR_NONE;
}

static enum err_code
build_renew(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    struct buf url;

    (void)why;
    buf_init(&url, ADDRESS_BYTES_MAX);
    oauth_address(&url, login_of(call), "/oauth2/auth");
    oauth_build_refresh(req, &vk__oauth, call, buf_str(&url), OAUTH_CLIENT_NONE);
    add_device(call, req);
    buf_done(&url);
    return ERR_NONE;
}

/* Whether VK says that the grant is gone: it has a word of its own for it as well. */
static bool is_dead(const char *error)
{
    return strcmp(error, "invalid_grant") == 0 || strcmp(error, "invalid_token") == 0;
}

/* Refusals come with status 200 too. */
static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *error = record_str(body, "error"), *device = device_id(call);
    const char *said = record_str(body, "error_description");
    int64_t user = record_int(body, "user_id");
    struct oauth_verdict v;
    char who[32];

    if (error && res->status < 500 && res->status != 429) {
        v = oauth_verdict_make(is_dead(error) ? OAUTH_REVOKED : OAUTH_REFUSED,
                               0,
                               "%d %.60s%s%.120s",
                               res->status,
                               error,
                               said ? ": " : "",
                               said ? said : "");
    } else {
        v = oauth_read_token(call, res);
    }
    if (v.outcome == OAUTH_OK) {
        json_set_str(call->grant, "device_id", device);
        if (user > 0) {
            (void)snprintf(who, sizeof who, "id%lld", (long long)user);
            json_set_str(call->grant, "who", who);
        }
    }
    json_decref(body);
    return v;
}

static bool can_renew(const struct oauth_call *call)
{
    return record_str(call->grant, "refresh_token") && device_id(call) &&
           oauth_settings_of(&vk__oauth, call->settings)->client_id;
}

static const struct oauth_step login[] = {
    {.name = "exchange_code", .build = build_login, .read = read_token},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "refresh_token", .build = build_renew, .read = read_token},
    OAUTH_STEP_END,
};

const struct oauth vk__oauth = {
    .settings_at = offsetof(struct vk_settings, oauth),
    .scopes = "wall photos groups",
    .pkce = true,
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .can_renew = can_renew,
    .rotates = true,
};
