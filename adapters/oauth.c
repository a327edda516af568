/* What the platforms' ways to tokens have in common: the requests and answers of RFC 6749, from and to
 * the grant that service/keeper.c holds. Called by the adapters' own oauth steps; no socket, no clock. */

#include "adapters/oauth.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapter.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

#define TOKEN_BYTES_MAX ((size_t)16 * 1024)
#define FORM_BYTES_MAX ((size_t)64 * 1024)
#define LIFE_MAX_S ((json_int_t)10 * 366 * 24 * 3600)

const struct oauth *oauth_with(const struct adapter *a, const void *settings)
{
    return a->oauth && (!a->oauth->applies || a->oauth->applies(settings)) ? a->oauth : NULL;
}

const struct oauth_settings *oauth_settings_of(const struct oauth *o, const void *settings)
{
    return (const void *)((const char *)settings + o->settings_at);
}

enum err_code oauth_check(const struct oauth *o, const void *settings, struct err *why)
{
    const struct oauth_settings *s = oauth_settings_of(o, settings);

    if ((o->applies && !o->applies(settings)) || s->client_id || s->access_token.text) {
        return ERR_NONE;
    }
    return err_set(
        why,
        ERR_INVALID,
        "client_id: the id of your app must be set (or access_token): `crier channels "
        "TYPE` tells where to get it");
}

PRINTF_LIKE(3, 4)
struct oauth_verdict
oauth_verdict_make(enum oauth_outcome outcome, int64_t retry_after_ms, const char *format, ...)
{
    struct oauth_verdict v = {.outcome = outcome, .retry_after_ms = retry_after_ms};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(v.detail, sizeof v.detail, format, args);
    va_end(args);
    (void)text_drop_halves(v.detail);
    return v;
}

/* ---- requests ---- */

static void add_parameter(struct buf *url, const char *name, const char *value)
{
    if (!value || !*value) {
        return;
    }
    buf_addc(url, strchr(buf_str(url), '?') ? '&' : '?');
    buf_adds(url, name);
    buf_addc(url, '=');
    url_encode(url, value);
}

void oauth_authorize_url(struct buf *url,
                         const struct oauth *o,
                         const struct oauth_call *call,
                         const char *page,
                         const char *client_id_name)
{
    buf_adds(url, page);
    add_parameter(url, "response_type", "code");
    add_parameter(url,
                  client_id_name ? client_id_name : "client_id",
                  oauth_settings_of(o, call->settings)->client_id);
    add_parameter(url, "redirect_uri", call->redirect_uri);
    add_parameter(url, "scope", o->scopes);
    add_parameter(url, "state", call->state);
    if (call->challenge) {
        add_parameter(url, "code_challenge", call->challenge);
        add_parameter(url, "code_challenge_method", "S256");
    }
}

void oauth_form_add(struct http_request *req, const char *name, const char *value)
{
    if (!value) {
        return;
    }
    if (req->body.len > 0) {
        buf_addc(&req->body, '&');
    } else {
        http_set_header(req, "Content-Type", "application/x-www-form-urlencoded");
    }
    url_encode(&req->body, name);
    buf_addc(&req->body, '=');
    url_encode(&req->body, value);
}

/* Both percent-encoded before they are joined (RFC 6749 section 2.3.1). */
static void set_basic(struct http_request *req, const struct oauth_settings *s)
{
    struct buf pair, text;

    buf_init_secret(&pair, FORM_BYTES_MAX);
    buf_init_secret(&text, FORM_BYTES_MAX);
    url_encode(&pair, s->client_id);
    buf_addc(&pair, ':');
    url_encode(&pair, s->client_secret.text);
    crypto_base64(&text, buf_str(&pair), pair.len);
    http_set_headerf(req, "Authorization", "Basic %s", buf_str(&text));
    buf_done(&text);
    buf_done(&pair);
}

static void
add_client(struct http_request *req, const struct oauth_settings *s, enum oauth_client_auth how)
{
    bool basic = how == OAUTH_CLIENT_BASIC && s->client_id && s->client_secret.text;

    if (basic) {
        set_basic(req, s);
    } else if (how != OAUTH_CLIENT_NONE) {
        oauth_form_add(req, "client_id", s->client_id);
        oauth_form_add(req, "client_secret", s->client_secret.text);
    }
}

void oauth_build_look(struct http_request *req,
                      const struct oauth_call *call,
                      const char *api,
                      const char *path)
{
    req->method = HTTP_GET;
    http_set_url_below(req, api, "%s", path);
    http_set_header(req, "Accept", "application/json");
    http_set_headerf(
        req, "Authorization", "Bearer %s", record_str(call->grant, "access_token"));
}

void oauth_address(struct buf *out, const char *base, const char *path)
{
    size_t len = strlen(base);

    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    buf_addf(out, "%.*s%s", (int)len, base, path);
}

static void token_request(struct http_request *req, const char *url, const char *grant_type)
{
    req->method = HTTP_POST;
    http_set_url(req, "%s", url);
    http_set_header(req, "Accept", "application/json");
    oauth_form_add(req, "grant_type", grant_type);
}

void oauth_build_code(struct http_request *req,
                      const struct oauth *o,
                      const struct oauth_call *call,
                      const char *url,
                      enum oauth_client_auth how)
{
    token_request(req, url, "authorization_code");
    oauth_form_add(req, "code", call->code);
    oauth_form_add(req, "redirect_uri", call->redirect_uri);
    oauth_form_add(req, "code_verifier", call->verifier);
    add_client(req, oauth_settings_of(o, call->settings), how);
}

void oauth_build_refresh(struct http_request *req,
                         const struct oauth *o,
                         const struct oauth_call *call,
                         const char *url,
                         enum oauth_client_auth how)
{
    token_request(req, url, "refresh_token");
    oauth_form_add(req, "refresh_token", record_str(call->grant, "refresh_token"));
    add_client(req, oauth_settings_of(o, call->settings), how);
}

void oauth_build_password(struct http_request *req,
                          const struct oauth *o,
                          const struct oauth_call *call,
                          const char *url,
                          enum oauth_client_auth how,
                          const char *username,
                          const struct secret *password)
{
    token_request(req, url, "password");
    oauth_form_add(req, "username", username);
    oauth_form_add(req, "password", password->text);
    add_client(req, oauth_settings_of(o, call->settings), how);
}

void oauth_build_client(struct http_request *req,
                        const struct oauth *o,
                        const struct oauth_call *call,
                        const char *url,
                        enum oauth_client_auth how)
{
    token_request(req, url, "client_credentials");
    add_client(req, oauth_settings_of(o, call->settings), how);
}

void oauth_build_assertion(struct http_request *req, const char *url, const char *assertion)
{
    token_request(req, url, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    oauth_form_add(req, "assertion", assertion);
}

/* ---- answers ---- */

static bool is_token(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && len <= TOKEN_BYTES_MAX;
}

/* Some write it as a number, some as a string of digits. */
static json_int_t seconds_of(const json_t *token, const char *name)
{
    const json_t *v = json_object_get(token, name);
    json_int_t seconds = json_is_number(v) ? (json_int_t)json_number_value(v) : 0;
    int64_t parsed;

    if (json_is_string(v) && parse_i64(json_string_value(v), &parsed)) {
        seconds = parsed;
    }
    return seconds < 0 ? 0 : seconds > LIFE_MAX_S ? LIFE_MAX_S : seconds;
}

static void set_end(json_t *grant, const char *name, json_int_t seconds, int64_t now_ms)
{
    if (seconds > 0) {
        record_set_int(grant, name, now_ms + seconds * MS_SECOND);
    } else {
        record_drop(grant, name);
    }
}

bool oauth_take_token(struct oauth_call *call, const json_t *token)
{
    const char *access = record_str(token, "access_token");
    const char *refresh = record_str(token, "refresh_token");
    const char *scope = record_str(token, "scope");
    json_int_t life = seconds_of(token, "refresh_token_expires_in");

    if (!is_token(access) || (refresh && !is_token(refresh))) {
        return false;
    }
    json_set_str(call->grant, "access_token", access);
    record_set_int(call->grant, "obtained_at_ms", call->now_ms);
    set_end(call->grant, "expires_at_ms", seconds_of(token, "expires_in"), call->now_ms);
    if (refresh) {
        json_set_str(call->grant, "refresh_token", refresh);
    }
    life = life > 0 ? life : seconds_of(token, "refresh_expires_in");
    if (refresh || life > 0) {
        set_end(call->grant, "refresh_expires_at_ms", life, call->now_ms);
    }
    if (scope) {
        json_set_str(call->grant, "scope", scope);
    }
    return true;
}

static struct oauth_verdict refusal(const json_t *body, const struct http_response *res)
{
    const char *error = record_str(body, "error");
    const char *said = record_str(body, "error_description");
    bool dead = error && strcmp(error, "invalid_grant") == 0;

    return oauth_verdict_make(dead ? OAUTH_REVOKED : OAUTH_REFUSED,
                              0,
                              "%d %.60s%s%.120s",
                              res->status,
                              error ? error : "the token request was refused",
                              said ? ": " : "",
                              said ? said : "");
}

struct oauth_verdict oauth_read_token(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = http_json(res);
    struct oauth_verdict v = {.outcome = OAUTH_OK};

    if (res->status >= 200 && res->status < 300) {
        if (!oauth_take_token(call, body)) {
            v = oauth_verdict_make(OAUTH_LATER,
                                   0,
                                   "%d: the answer holds no token that could be used",
                                   res->status);
        }
    } else if (res->status == 429 || res->status >= 500) {
        v = oauth_verdict_make(
            OAUTH_LATER, http_retry_after_ms(res), "%d: no token for now", res->status);
    } else {
        v = refusal(body, res);
    }
    json_decref(body);
    return v;
}
