#ifndef CRIER_ADAPTERS_OAUTH_H
#define CRIER_ADAPTERS_OAUTH_H

/* How a platform's access tokens are got and kept alive, as data and pure steps. An adapter whose
 * platform gives tokens that end, or that an operator gets through a page of the platform, points to a
 * struct oauth. service/keeper.c runs it: it renews ahead of the end, one renewal at a time, writes what it
 * got (sealed) before anybody uses it, and gives every step of the adapter the token in force (ctx->token).
 * `crier keys login CHANNEL` walks an operator through `authorize` and `login`.
 *
 * The grant is what is known of one authorisation, a JSON object; it is the adapter's to fill, and these
 * members are the keeper's to read:
 *   access_token           what requests carry
 *   refresh_token          absent: there is none
 *   obtained_at_ms         when the access token was got
 *   expires_at_ms          when it ends; absent: it does not, as far as anybody said
 *   refresh_expires_at_ms  the same of the refresh token
 *   scope                  as the platform told it
 *   who                    the account, for people: "@news", "Example News"
 * Others (device_id, open_id, page_id, user_token) are the adapter's own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "adapters/http.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/secret.h"

/* A member of the settings of every adapter that has a struct oauth; rows by OAUTH_CLIENT_ROWS and
 * OAUTH_TOKEN_ROWS. */
struct oauth_settings {
    char *client_id; /* NULL: not set */
    struct secret client_secret;
    /* What to begin with, for tokens that were got elsewhere. The grant that is kept goes before them,
     * unless it was made from others than these. */
    struct secret access_token, refresh_token;
};

/* at: offset of the struct oauth_settings in the adapter's settings. env: "X" for ${X_CLIENT_ID}. */
// clang-format off
#define OAUTH_CLIENT_ROWS(at, env, where) \
    {.key = "client_id", .kind = FIELD_STRING, .offset = (at) + offsetof(struct oauth_settings, client_id), \
     .min = "1", .max = "512", .example = "${" env "_CLIENT_ID}", \
     .help = "id of your app, from " where "; with it tokens are renewed" }, \
    {.key = "client_secret", .kind = FIELD_SECRET, .offset = (at) + offsetof(struct oauth_settings, client_secret), \
     .example = "${" env "_CLIENT_SECRET}", .help = "secret of your app" }
#define OAUTH_TOKEN_ROWS(at, env) \
    {.key = "access_token", .kind = FIELD_SECRET, .offset = (at) + offsetof(struct oauth_settings, access_token), \
     .example = "${" env "_ACCESS_TOKEN}", \
     .help = "a token to begin with; not set: what `crier keys login` has stored" }, \
    {.key = "refresh_token", .kind = FIELD_SECRET, .offset = (at) + offsetof(struct oauth_settings, refresh_token), \
     .example = "${" env "_REFRESH_TOKEN}", .help = "a refresh token to begin with" }
// clang-format on

/* What the steps see. */
struct oauth_call {
    const void *settings; /* the adapter's own */
    json_t
        *grant; /* changed by `read` of the steps; a copy, kept when all of them are through */
    /* login only */
    const char *redirect_uri, *state;
    const char *verifier, *challenge; /* RFC 7636, S256; NULL without pkce */
    const char *code;                 /* what the platform came back with */
    const json_t *callback; /* all it came back with: an object of strings (VK's device_id) */
    int64_t now_ms;
};

enum oauth_outcome {
    OAUTH_OK,      /* on to the next step */
    OAUTH_LATER,   /* no connection, 5xx, 429, nothing one can read */
    OAUTH_REVOKED, /* the grant is dead: an operator must sign in again */
    OAUTH_REFUSED, /* client_id, client_secret or the app: an operator must mend the settings */
};
#define OAUTH_DETAIL_BYTES 256
struct oauth_verdict {
    enum oauth_outcome outcome;
    int64_t retry_after_ms;          /* LATER: what the platform asked for; 0 */
    char detail[OAUTH_DETAIL_BYTES]; /* for people; never a secret */
};

struct oauth_step {
    const char *name;
    enum err_code (*build)(const struct oauth_call *call,
                           struct http_request *out_req,
                           struct err *why); /* may set skip */
    struct oauth_verdict (*read)(struct oauth_call *call, const struct http_response *res);
};
#define OAUTH_STEP_END                                                                         \
    {                                                                                          \
        .name = NULL                                                                           \
    }

struct oauth {
    size_t settings_at; /* offset of the struct oauth_settings */
    const char *scopes; /* for people and for authorize, separated as the platform wants */
    bool pkce;
    /* The address of the page where an operator says yes, appended to url. NULL: there is none. */
    void (*authorize)(const struct oauth_call *call, struct buf *url);
    const struct oauth_step *login; /* from call->code to a grant */
    const struct oauth_step *renew; /* NULL: a token cannot be renewed */
    /* Whether a channel with these settings has a grant at all: false where they hold credentials that do not
     * end (OAuth 1.0a). Its steps are run then, without ctx->token. NULL: always. */
    bool (*applies)(const void *settings);
    /* Whether it can be with this grant and these settings; may hold for an empty grant (a password in
     * the settings). NULL: when there is a refresh token and a client id. */
    bool (*can_renew)(const struct oauth_call *call);
    /* What of the settings a token is made from, where it needs no person (a service account, a client's
     * credentials), appended: with others the token that is kept counts no more. NULL: nothing. */
    void (*made_from)(const void *settings, struct buf *out);
    int64_t
        renew_before_ms; /* so long ahead of its end; 0: a fifth of its life, at most a day */
    int64_t renew_age_min_ms; /* a younger token is not renewed (Instagram: 24 h) */
    /* Each renewal ends the refresh token before it. After an answer that was lost the old one is tried
     * again; a no then means that the grant is gone. */
    bool rotates;
};

/* ---- what adapters build theirs from (RFC 6749) ---- */

/* The adapter's struct oauth, for a channel with these settings; NULL: there is no grant to keep. */
struct adapter;
const struct oauth *oauth_with(const struct adapter *a, const void *settings);
/* GET, with the access token of the grant: whose it is. */
void oauth_build_look(struct http_request *req,
                      const struct oauth_call *call,
                      const char *api,
                      const char *path);
/* `path` below `base`, appended. */
void oauth_address(struct buf *out, const char *base, const char *path);
/* For struct adapter.check: a channel that is signed in needs the id of an app, or a token to begin with. */
MUST_USE enum err_code
oauth_check(const struct oauth *o, const void *settings, struct err *why);
const struct oauth_settings *oauth_settings_of(const struct oauth *o, const void *settings);
/* An authorisation request, section 4.1.1: response_type=code, client_id, redirect_uri, scope, state and
 * PKCE's challenge, appended to the address `page`, which may have a query of its own. client_id_name NULL:
 * "client_id" (TikTok's is "client_key"). */
void oauth_authorize_url(struct buf *url,
                         const struct oauth *o,
                         const struct oauth_call *call,
                         const char *page,
                         const char *client_id_name);
/* How an app says who it is at the token endpoint. */
enum oauth_client_auth {
    OAUTH_CLIENT_BASIC, /* Authorization: Basic; without a secret: client_id in the form (section 2.3.1) */
    OAUTH_CLIENT_FORM, /* client_id and client_secret in the form */
    OAUTH_CLIENT_NONE, /* the caller does it */
};
/* POST url, a form: grant_type=authorization_code with code, redirect_uri, code_verifier (section 4.1.3)… */
void oauth_build_code(struct http_request *req,
                      const struct oauth *o,
                      const struct oauth_call *call,
                      const char *url,
                      enum oauth_client_auth how);
/* … or grant_type=refresh_token (section 6), from the grant's refresh token. */
void oauth_build_refresh(struct http_request *req,
                         const struct oauth *o,
                         const struct oauth_call *call,
                         const char *url,
                         enum oauth_client_auth how);
/* … or grant_type=password (section 4.3), for the few platforms where a script signs in so. */
void oauth_build_password(struct http_request *req,
                          const struct oauth *o,
                          const struct oauth_call *call,
                          const char *url,
                          enum oauth_client_auth how,
                          const char *username,
                          const struct secret *password);
/* … or grant_type=client_credentials (section 4.4), for an app that acts for itself. */
void oauth_build_client(struct http_request *req,
                        const struct oauth *o,
                        const struct oauth_call *call,
                        const char *url,
                        enum oauth_client_auth how);
/* … or a token that we have signed, grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7523 section 2.1). */
void oauth_build_assertion(struct http_request *req, const char *url, const char *assertion);
/* Append name=value to a form body, percent-encoded; sets Content-Type with the first. value NULL: nothing. */
void oauth_form_add(struct http_request *req, const char *name, const char *value);
/* The answer of section 5.1 into the grant: access_token, expires_in, refresh_token (absent: the old one
 * stays), refresh_token_expires_in or refresh_expires_in, scope; or what section 5.2 says: invalid_grant is
 * REVOKED, invalid_client and unauthorized_client are REFUSED, other 4xx REFUSED, 429, 5xx and what cannot be
 * read LATER. Tokens with control characters, or longer than 16 KiB, are no tokens. */
struct oauth_verdict oauth_read_token(struct oauth_call *call, const struct http_response *res);
/* The same from an object that is part of an answer. false: it has no token that could be used. */
bool oauth_take_token(struct oauth_call *call, const json_t *token);
struct oauth_verdict
oauth_verdict_make(enum oauth_outcome outcome, int64_t retry_after_ms, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
