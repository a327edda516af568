/* Requests to a Lemmy site, and what its error answers mean. Called by every step of the adapter. Errors
 * are told by name, {"error":"rate_limit_error"}; the status is 400 for most of them. The names are those
 * of LemmyErrorType, of 0.19 and of 1.0. */

#include "adapters/lemmy_internal.h"

#include <stdarg.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"

#define RATE_WAIT_MS (10 * MS_MINUTE) /* six posts in ten minutes is what sites come with */
#define MEND "an operator must see to the account"
#define SETTINGS "see `community` in the settings"

// clang-format off
static const struct trouble_code rows[] = {
    {"not_logged_in",                    VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL, true},
    {"incorrect_login",                  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL, true},
    {"missing_totp_token",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0,
     "switch two-factor sign-in off for this account: a service cannot type a code", false},
    {"incorrect_totp_token",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"email_not_verified",               VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"registration_application_is_pending", VERDICT_BLOCKED, SCOPE_CHANNEL, 0, MEND, false},
    {"registration_denied",              VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"banned",                           VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"site_ban",                         VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"person_is_banned_from_site",       VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"person_is_banned_from_community",  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"banned_from_community",            VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"deleted",                          VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"only_mods_can_post_in_community",  VERDICT_BLOCKED,  SCOPE_CHANNEL, 0,
     "make the account a moderator there, or choose another community", false},
    {"community_is_blocked",             VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, SETTINGS, false},
    {"couldnt_find_community",           VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, SETTINGS, false},
    {"community_has_no_followers",       VERDICT_BLOCKED,  SCOPE_CHANNEL, 0,
     "nobody on this site follows that community yet: follow it with the account", false},
    {"private_instance",                 VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, MEND, false},
    {"invalid_url",                      VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_url_scheme",               VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"blocked_url",                      VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"slurs",                            VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_post_title",               VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"post_title_too_long",              VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"language_not_allowed",             VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"invalid_body_field",               VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"alt_text_length_overflow",         VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"couldnt_find_post",                VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"no_post_edit_allowed",             VERDICT_REJECTED, SCOPE_POST,    0, NULL, false},
    {"couldnt_update_post",              VERDICT_AGAIN,    SCOPE_POST,    0, NULL, false},
    {"couldnt_create_post",              VERDICT_UNKNOWN,  SCOPE_POST,    0, NULL, false},
    {"rate_limit_error",                 VERDICT_AGAIN,    SCOPE_CHANNEL, RATE_WAIT_MS, NULL, false},
    {"too_many_requests",                VERDICT_AGAIN,    SCOPE_CHANNEL, RATE_WAIT_MS, NULL, false},
    TROUBLE_CODE_END,
};
// clang-format on

void lemmy__request(const struct step_ctx *ctx,
                    struct http_request *req,
                    enum http_method method,
                    const char *path_format,
                    ...)
{
    va_list args;

    req->method = method;
    va_start(args, path_format);
    http_vset_url_below(req, lemmy__settings(ctx)->instance, path_format, args);
    va_end(args);
    if (ctx->token) {
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token);
    }
    http_set_header(req, "Accept", "application/json");
}

struct verdict lemmy__trouble(const struct http_response *res, bool publishes)
{
    const struct step step = {.repeatable = !publishes, .publishes = publishes};
    json_t *body = http_json(res);
    struct trouble_said said = {.status = res->status,
                                .code = record_str(body, "error"),
                                .message = record_str(body, "message"),
                                .told_ms = http_retry_after_ms(res)};
    struct verdict v;

    if (res->status >= 300 && res->status < 400) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "%d: the site sends us elsewhere: set `instance` to the address it "
                         "itself uses",
                         res->status);
    } else if (!trouble_by_code(rows, &step, &said, &v)) {
        v = trouble_is_page(res) ? trouble_from_page(&step, res)
                                 : trouble_from_status(&step, res);
    }
    if (v.kind == VERDICT_BLOCKED && res->status == 401) {
        v.token_refused = true;
    }
    if (v.kind == VERDICT_AGAIN && res->status == 429 && v.retry_after_ms == 0) {
        v.retry_after_ms = RATE_WAIT_MS;
    }
    json_decref(body);
    return v;
}
