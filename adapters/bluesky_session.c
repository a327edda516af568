/* Signing in to a Bluesky server, and staying signed in. Called as the first steps of every
 * course that needs a token. A host allows an account 300 sign-ins a day, so the session is
 * kept in the channel's account: the access token lives two hours, the refresh token 90 days.
 *
 *   refresh_session  skipped while there is no session or the access token is good; else a new
 *                    pair. Refused: the session is dropped
 *   create_session   skipped while there is a session; else identifier and password
 *
 * A later step whose token is refused (an HTTP 400 with ExpiredToken or InvalidToken) drops the
 * access token and jumps back to refresh_session; the second time in a row it drops the whole
 * session; the third time it gives up for now. Neither tokens nor bodies that hold them go into
 * a detail. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/url.h"

#define TOKEN_BYTES_MAX 16384
#define EARLY_MS MS_MINUTE /* a token that ends within a minute is renewed first */
#define LIFE_MAX_MS (366 * MS_DAY)
#define ROUNDS_MAX 2

static bool same_text(const json_t *object, const char *name, const char *wanted)
{
    const char *text = record_str(object, name);

    return text && strcmp(text, wanted) == 0;
}

/* A session of exactly the account and host that the settings name now. */
static bool has_session(const struct step_ctx *ctx)
{
    const struct bluesky_settings *s = bluesky__settings(ctx);

    return record_str(ctx->account, "did") &&
           same_text(ctx->account, "identifier", s->identifier) &&
           same_text(ctx->account, "host", s->host);
}

static const char *token(const struct step_ctx *ctx, const char *name)
{
    return has_session(ctx) ? record_str(ctx->account, name) : NULL;
}

const char *bluesky__did(const struct step_ctx *ctx)
{
    return has_session(ctx) ? record_str(ctx->account, "did") : NULL;
}

int64_t bluesky__token_life_ms(const char *jwt)
{
    const char *payload = strchr(jwt, '.');
    const char *end = payload ? strchr(payload + 1, '.') : NULL;
    json_t *claims = NULL;
    int64_t life_s = 0;
    struct buf text;

    if (!end) {
        return 0;
    }
    buf_init(&text, TOKEN_BYTES_MAX);
    if (crypto_unbase64(&text, payload + 1, (size_t)(end - payload - 1)) &&
        !json_read(&claims, buf_str(&text), text.len, 8, NULL)) {
        int64_t from_s = record_int(claims, "iat"), to_s = record_int(claims, "exp");

        life_s = from_s > 0 && to_s > from_s ? to_s - from_s : 0;
    }
    json_decref(claims);
    buf_done(&text);
    return life_s < LIFE_MAX_MS / MS_SECOND ? life_s * MS_SECOND : LIFE_MAX_MS;
}

/* An access token that is worth sending. Its age is taken by our clock alone, so that a clock
 * that differs from the server's costs no sign-ins. One that does not say how long it lives is
 * tried. */
static bool is_signed_in(const struct step_ctx *ctx)
{
    const char *access = token(ctx, "access");
    int64_t life_ms = access ? bluesky__token_life_ms(access) : 0;
    int64_t early_ms = life_ms / 2 < EARLY_MS ? life_ms / 2 : EARLY_MS;

    return access && (life_ms == 0 || ctx->now_ms < record_int(ctx->account, "renewed_at_ms") +
                                                        life_ms - early_ms);
}

static int host_len(const char *host)
{
    size_t len = strlen(host);

    while (len > 0 && host[len - 1] == '/') {
        len--;
    }
    return (int)len;
}

static void set_address(struct http_request *req, const char *host, const char *nsid)
{
    http_set_url(req, "%.*s/xrpc/%s", host_len(host), host, nsid);
    http_set_header(req, "Accept", "application/json");
}

void bluesky__request_open(const struct step_ctx *ctx,
                           struct http_request *req,
                           enum http_method method,
                           const char *nsid)
{
    const char *pds = token(ctx, "pds");

    req->method = method;
    set_address(req, pds ? pds : bluesky__settings(ctx)->host, nsid);
}

void bluesky__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *nsid)
{
    const char *access = token(ctx, "access");

    bluesky__request_open(ctx, req, method, nsid);
    if (access) {
        http_set_headerf(req, "Authorization", "Bearer %s", access);
    }
}

enum err_code
bluesky__build_refresh(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *refresh = token(ctx, "refresh");

    (void)why;
    if (bluesky__nothing_to_do(ctx) || is_signed_in(ctx) || !refresh) {
        req->skip = true;
        return ERR_NONE;
    }
    req->method = HTTP_POST;
    set_address(req, bluesky__settings(ctx)->host, "com.atproto.server.refreshSession");
    http_set_headerf(req, "Authorization", "Bearer %s", refresh);
    return ERR_NONE;
}

enum err_code
bluesky__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct bluesky_settings *s = bluesky__settings(ctx);
    json_t *body;

    (void)why;
    if (bluesky__nothing_to_do(ctx) || is_signed_in(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    req->method = HTTP_POST;
    set_address(req, s->host, "com.atproto.server.createSession");
    body = json_object();
    json_set_str(body, "identifier", s->identifier);
    json_set_str(body, "password", s->password.text);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

/* Where the repository is kept: the entry of the DID document with id "…#atproto_pds". The
 * token goes there, so an https host may not send us to plain http. */
static const char *pds_address(const json_t *session, const char *host)
{
    json_t *services = json_path(session, "didDoc", "service", NULL);
    json_t *one;
    size_t i;

    json_array_foreach(services, i, one)
    {
        const char *id = record_str(one, "id"), *hash = id ? strrchr(id, '#') : NULL;
        const char *url = record_str(one, "serviceEndpoint");
        struct url_parts parts;

        if (hash && strcmp(hash, "#atproto_pds") == 0 && url && strlen(url) < 1024 &&
            url_parse(&parts, url) && !parts.has_userinfo &&
            (is_https(url) || !is_https(host))) {
            return url;
        }
    }
    return NULL;
}

static void forget_session(struct step_ctx *ctx)
{
    record_drop(ctx->account, "access");
    record_drop(ctx->account, "refresh");
}

static void keep_session(struct step_ctx *ctx, const json_t *session)
{
    const struct bluesky_settings *s = bluesky__settings(ctx);
    const char *pds = pds_address(session, s->host);

    if (!has_session(ctx)) {
        record_drop(ctx->account, "pds");
    }
    json_set_str(ctx->account, "identifier", s->identifier);
    json_set_str(ctx->account, "host", s->host);
    json_set_str(ctx->account, "did", record_str(session, "did"));
    json_set_str(ctx->account, "handle", record_str(session, "handle"));
    json_set_str(ctx->account, "access", record_str(session, "accessJwt"));
    json_set_str(ctx->account, "refresh", record_str(session, "refreshJwt"));
    json_set_str(ctx->account, "pds", pds); /* absent: what was known stays */
    record_set_int(ctx->account, "renewed_at_ms", ctx->now_ms);
}

/* A header value, and a DID that may stand in an address. */
static bool is_plain(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len <= max &&
           strspn(text,
                  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:+/=%") ==
               len;
}

static bool is_session(const json_t *body)
{
    return is_plain(record_str(body, "accessJwt"), TOKEN_BYTES_MAX) &&
           is_plain(record_str(body, "refreshJwt"), TOKEN_BYTES_MAX) &&
           is_plain(record_str(body, "did"), 256) && is_plain(record_str(body, "handle"), 256);
}

/* `active` is false for accounts taken down, suspended or deactivated; absent means true. */
static bool is_inactive(const json_t *body, struct verdict *out)
{
    const char *status = record_str(body, "status");

    if (!json_is_false(json_object_get(body, "active"))) {
        return false;
    }
    *out = verdict_make(VERDICT_BLOCKED,
                        SCOPE_CHANNEL,
                        0,
                        "the account is not active: %s",
                        status ? status : "no reason given");
    return true;
}

/* Whatever is refused here is refused to us, not to an article. */
static struct verdict session_trouble(const struct http_response *res)
{
    struct verdict v;

    if (res->status >= 200 && res->status < 300) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_CHANNEL,
                            0,
                            "%d: the answer to signing in could not be read",
                            res->status);
    }
    v = bluesky__trouble(res);
    if (v.kind == VERDICT_REJECTED || v.kind == VERDICT_UNKNOWN) {
        v.kind = VERDICT_BLOCKED;
        v.scope = SCOPE_CHANNEL;
    }
    return v;
}

/* True when the answer was a session, which is kept, or said that there is none to be had. */
static bool
take_session(struct step_ctx *ctx, const struct http_response *res, struct verdict *out)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool taken = is_session(body);

    if (taken && !is_inactive(body, out)) {
        keep_session(ctx, body);
        *out = verdict_next();
    }
    json_decref(body);
    return taken;
}

static bool says_token_refused(const struct http_response *res)
{
    return bluesky__error_is(res, "ExpiredToken") || bluesky__error_is(res, "InvalidToken");
}

struct verdict bluesky__read_refresh(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (take_session(ctx, res, &v)) {
        return v;
    }
    if (says_token_refused(res)) {
        forget_session(ctx);
        return verdict_next(); /* to create_session */
    }
    return session_trouble(res);
}

struct verdict bluesky__read_create(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    return take_session(ctx, res, &v) ? v : session_trouble(res);
}

bool bluesky__token_refused(struct step_ctx *ctx,
                            const struct http_response *res,
                            struct verdict *out)
{
    int64_t rounds = record_int(ctx->record, "session_rounds") + 1;

    if (!says_token_refused(res)) {
        return false;
    }
    record_drop(ctx->account, "access");
    if (rounds > ROUNDS_MAX) {
        record_drop(ctx->record, "session_rounds");
        *out = verdict_make(VERDICT_AGAIN,
                            SCOPE_CHANNEL,
                            0,
                            "%d: the server refuses the token it has just given",
                            res->status);
        return true;
    }
    if (rounds == ROUNDS_MAX) {
        forget_session(ctx);
    }
    record_set_int(ctx->record, "session_rounds", rounds);
    *out = verdict_jump("refresh_session");
    return true;
}

enum err_code
bluesky__build_session(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    bluesky__request(ctx, req, HTTP_GET, "com.atproto.server.getSession");
    return ERR_NONE;
}

struct verdict bluesky__read_session(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *handle = record_str(body, "handle");
    struct verdict v;

    if (handle && !is_inactive(body, &v)) {
        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%s", handle);
    } else if (!handle && !bluesky__token_refused(ctx, res, &v)) {
        v = session_trouble(res);
    }
    json_decref(body);
    return v;
}
