/* Firebase's service account: a file with a private key, and the access tokens that it gets us, each for an hour
 * (RFC 7523). Run by the token keeper; no person is needed.
 *
 * Source: https://developers.google.com/identity/protocols/oauth2/service-account */

#include "adapters/fcm_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/url.h"

#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define LIFE_S 3600
#define DEPTH_MAX 4
#define TOKEN_BYTES ((size_t)16 * 1024)
/* Google refuses a token from the future, and two clocks that are right may differ so far. */
#define CLOCK_S 60

/* ---- the file ---- */

static void wipe(json_t *file)
{
    union {
        const char *text;
        char *bytes;
    } key = {json_path_str(file, "private_key")};

    if (key.text) {
        mem_wipe(key.bytes, strlen(key.text));
    }
    json_decref(file);
}

/* What stands in a path or in JSON of ours as it is. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~' || strchr("\"\\/?#%", *text)) {
            return false;
        }
    }
    return true;
}

static const char *fault_of(const json_t *file)
{
    const char *uri = record_str(file, "token_uri"),
               *key_id = record_str(file, "private_key_id");
    const char *type = record_str(file, "type"), *project = record_str(file, "project_id");
    struct url_parts parts;

    if (type && strcmp(type, "service_account") != 0) {
        return "it is another kind of file: download one under Project settings > Service "
               "accounts > Generate new private key";
    }
    if (!project || !*project || !is_plain(project)) {
        return "project_id is missing in it";
    }
    if (!record_str(file, "client_email") || !record_str(file, "private_key")) {
        return "client_email or private_key is missing in it";
    }
    if (!key_id || !is_plain(key_id)) {
        return "private_key_id is missing in it";
    }
    return uri && url_parse(&parts, uri) ? NULL : "token_uri is missing in it";
}

static enum err_code
take(struct fcm_account *out, const json_t *file, bool with_key, struct err *why)
{
    const char *pem = record_str(file, "private_key"), *fault = fault_of(file);
    enum err_code rc;

    if (fault) {
        return err_set(why, ERR_INVALID, "%s", fault);
    }
    rc = with_key ? rs256_key_read(&out->key, pem, strlen(pem), why) : ERR_NONE;
    if (rc) {
        return rc;
    }
    out->project = mem_strdup(record_str(file, "project_id"));
    out->key_id = mem_strdup(record_str(file, "private_key_id"));
    out->email = mem_strdup(record_str(file, "client_email"));
    out->token_uri = mem_strdup(record_str(file, "token_uri"));
    return ERR_NONE;
}

enum err_code fcm__account_read(struct fcm_account *out,
                                const struct secret *file,
                                bool with_key,
                                struct err *why)
{
    json_t *json = NULL;
    enum err_code rc;

    *out = (struct fcm_account){.project = NULL};
    /* The parser's own words may quote the file. */
    if (json_read(&json, file->text, file->len, DEPTH_MAX, NULL) || !json_is_object(json)) {
        rc = err_set(why, ERR_INVALID, "it is no JSON object: all of the file is needed");
    } else {
        rc = take(out, json, with_key, why);
    }
    wipe(json);
    if (rc) {
        err_wrap(why, "service_account");
        fcm__account_done(out);
    }
    return rc;
}

void fcm__account_done(struct fcm_account *a)
{
    mem_free(a->project);
    mem_free(a->key_id);
    mem_free(a->email);
    mem_free(a->token_uri);
    rs256_key_free(a->key);
    *a = (struct fcm_account){.project = NULL};
}

/* ---- tokens ---- */

static void sign(struct buf *out, const struct fcm_account *a, int64_t now_ms)
{
    int64_t from_s = now_ms / MS_SECOND - CLOCK_S;
    struct buf head, claims;

    buf_init(&head, TOKEN_BYTES);
    buf_init(&claims, TOKEN_BYTES);
    json_put_open(&head, NULL, '{');
    json_put_text(&head, "alg", "RS256");
    json_put_text(&head, "typ", "JWT");
    json_put_text(&head, "kid", a->key_id);
    json_put_close(&head, '}');
    json_put_open(&claims, NULL, '{');
    json_put_text(&claims, "iss", a->email);
    json_put_text(&claims, "scope", SCOPE);
    json_put_text(&claims, "aud", a->token_uri);
    json_put_int(&claims, "iat", from_s);
    json_put_int(&claims, "exp", from_s + LIFE_S);
    json_put_close(&claims, '}');
    rs256_sign_jwt(a->key, buf_str(&head), buf_str(&claims), out);
    buf_done(&head);
    buf_done(&claims);
}

static enum err_code
build_token(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct fcm_settings *s = call->settings;
    struct fcm_account account;
    struct buf assertion;
    enum err_code rc = fcm__account_read(&account, &s->service_account, true, why);

    if (rc) {
        return rc;
    }
    buf_init_secret(&assertion, TOKEN_BYTES);
    sign(&assertion, &account, call->now_ms);
    oauth_build_assertion(req, account.token_uri, buf_str(&assertion));
    buf_done(&assertion);
    fcm__account_done(&account);
    return ERR_NONE;
}

/* There is no grant that could be dead: a no is for the key, the account or our clock. */
static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    const struct fcm_settings *s = call->settings;
    struct oauth_verdict v = oauth_read_token(call, res);
    struct fcm_account account;

    if (v.outcome == OAUTH_REVOKED || v.outcome == OAUTH_REFUSED) {
        return oauth_verdict_make(
            OAUTH_REFUSED,
            0,
            "%.160s: the key was deleted, the account is disabled, or this machine's clock is "
            "wrong",
            v.detail);
    }
    if (v.outcome == OAUTH_OK &&
        !fcm__account_read(&account, &s->service_account, false, NULL)) {
        json_set_str(call->grant, "who", account.email);
        fcm__account_done(&account);
    }
    return v;
}

static bool can_renew(const struct oauth_call *call)
{
    (void)call;
    return true;
}

static void made_from(const void *object, struct buf *out)
{
    const struct fcm_settings *s = object;

    buf_add(out, s->service_account.text, s->service_account.len);
}

static const struct oauth_step renew[] = {
    {.name = "get_token", .build = build_token, .read = read_token},
    OAUTH_STEP_END,
};

const struct oauth fcm__oauth = {
    .settings_at = offsetof(struct fcm_settings, oauth),
    .scopes = SCOPE,
    .renew = renew,
    .can_renew = can_renew,
    .made_from = made_from,
    .renew_before_ms = 5 * MS_MINUTE,
};
