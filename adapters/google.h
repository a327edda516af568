#ifndef CRIER_ADAPTERS_GOOGLE_H
#define CRIER_ADAPTERS_GOOGLE_H

/* What the adapters for Google's APIs share: how tokens are got, and what error answers mean.
 * Sources: https://developers.google.com/identity/protocols/oauth2/native-app and
 * https://developers.google.com/youtube/v3/docs/errors (2026). */

#include "adapters/adapter.h"
#include "adapters/oauth.h"

/* Begins the settings of such an adapter. */
struct google_settings {
    struct oauth_settings oauth;
    char *sign_in_url, *token_url;
};
// clang-format off
#define GOOGLE_ROWS(env) \
    OAUTH_CLIENT_ROWS(offsetof(struct google_settings, oauth), env, "the Google Cloud console, Clients"), \
    OAUTH_TOKEN_ROWS(offsetof(struct google_settings, oauth), env), \
    {.key = "sign_in_url", .kind = FIELD_URL, .offset = offsetof(struct google_settings, sign_in_url), \
     .def = "https://accounts.google.com/o/oauth2/v2/auth", .help = "page where `crier keys login` sends you to" }, \
    {.key = "token_url", .kind = FIELD_URL, .offset = offsetof(struct google_settings, token_url), \
     .def = "https://oauth2.googleapis.com/token", .help = "address where tokens are got and renewed" }
// clang-format on

/* Of a struct oauth whose settings_at is 0. Without access_type=offline there is no refresh token, without
 * prompt=consent only at the very first sign-in. */
void google_authorize(const struct oauth *o, const struct oauth_call *call, struct buf *url);
enum err_code
google_build_code(const struct oauth_call *call, struct http_request *req, struct err *why);
enum err_code
google_build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why);
struct oauth_verdict google_read_token(struct oauth_call *call,
                                       const struct http_response *res);

/* How long what is refused is left alone, when the answer does not say. */
enum google_wait {
    GOOGLE_BACKOFF,  /* as queue.backoff_* have it */
    GOOGLE_MIDNIGHT, /* until the next day of Los Angeles, when quotas begin anew */
    GOOGLE_DAY,      /* 24 hours */
};
/* A row of an error table, by the reason of the answer; first match wins. */
struct google_row {
    const char *reason;
    enum verdict_kind kind;
    enum verdict_scope scope;
    enum google_wait wait;
    const char *hint; /* what a person may do; NULL: nothing more than the platform's words */
};
#define GOOGLE_ROW_END                                                                         \
    {                                                                                          \
        .reason = NULL                                                                         \
    }
/* The reason of an error answer, "" when it has none: error.errors[0].reason, else error.status. */
#define GOOGLE_REASON_BYTES 64
void google_reason(const struct http_response *res, char out[GOOGLE_REASON_BYTES]);
/* What an error answer means: by rows, then by what all APIs of Google share, then by its status. quote
 * false: the platform's words are not told, since an address with a key in it may stand in them. */
struct verdict google_trouble(const struct google_row *rows,
                              const struct step *step,
                              const struct http_response *res,
                              bool quote);

#endif
