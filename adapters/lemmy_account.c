/* Who we are on a Lemmy site, and what it tells of itself: the sign-in by password (run by the token
 * keeper), the numbers of languages, the number of the community. The first steps of the adapter's courses.
 *
 * A token of 0.19 does not end by itself; one of 1.0 ends after a week unless one asks to stay signed
 * in, which the older ones do not mind. There is no refresh token: whoever is refused signs in anew. What
 * was learned is kept in the channel's account for a day. */

#include "adapters/lemmy_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/url.h"

#define LEARNED_FOR_MS MS_DAY
#define NO_API                                                                                 \
    "404: nothing answers there at /api/v3: see `instance`; is it a Lemmy site that still "    \
    "speaks that version?"
#define LANGUAGES_MAX 1000
#define NAME_BYTES_MAX 1024
#define SITE_BYTES_MAX                                                                         \
    ((size_t)4 * 1024 * 1024) /* with the lists of what the account follows */

/* ---- signing in ---- */

static enum err_code
build_login(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct lemmy_settings *s = call->settings;
    json_t *body = json_object();

    (void)why;
    req->method = HTTP_POST;
    http_set_url_below(req, s->instance, "/api/v3/user/login");
    http_set_header(req, "Accept", "application/json");
    json_set_str(body, "username_or_email", s->username);
    json_set_str(body, "password", s->password.text);
    (void)json_object_set_new(body, "stay_logged_in", json_true());
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* What the site said of the sign-in: its own word, never a token. */
static struct oauth_verdict login_trouble(const struct http_response *res, const json_t *body)
{
    const char *error = record_str(body, "error");
    bool later = res->status == 429 || res->status >= 500 ||
                 (trouble_is_page(res) && res->status != 404) ||
                 (error && strstr(error, "rate_limit"));

    if (later) {
        return oauth_verdict_make(OAUTH_LATER,
                                  http_retry_after_ms(res),
                                  "%d: no sign-in for now: %.60s",
                                  res->status,
                                  error ? error : "no reason given");
    }
    if (res->status == 404) {
        return oauth_verdict_make(OAUTH_REFUSED, 0, NO_API);
    }
    return oauth_verdict_make(
        OAUTH_REFUSED,
        0,
        "%d: %.60s: see `username` and `password`%s",
        res->status,
        error ? error : "the site answers the sign-in with something else",
        error && strstr(error, "totp") ? "; two-factor sign-in must be off" : "");
}

static struct oauth_verdict read_login(struct oauth_call *call, const struct http_response *res)
{
    const struct lemmy_settings *s = call->settings;
    json_t *body = http_json(res), *token = json_object();
    struct oauth_verdict v = {.outcome = OAUTH_OK};
    json_t *jwt = res->status == 200 ? json_object_get(body, "jwt") : NULL;

    (void)json_object_set(token, "access_token", jwt);
    if (!jwt || !oauth_take_token(call, token)) {
        v = login_trouble(res, body);
    } else {
        json_set_str(call->grant, "who", s->username);
    }
    json_decref(token);
    json_decref(body);
    return v;
}

static bool has_password(const struct oauth_call *call)
{
    (void)call;
    return true; /* both are required settings */
}

static const struct oauth_step sign_in[] = {
    {.name = "sign_in", .build = build_login, .read = read_login},
    OAUTH_STEP_END,
};

const struct oauth lemmy__oauth = {
    .settings_at = offsetof(struct lemmy_settings, oauth),
    .renew = sign_in,
    .can_renew = has_password,
};

/* ---- the site ---- */

static bool is_of(const json_t *object, const char *name, const char *wanted)
{
    const char *text = record_str(object, name);

    return text && strcmp(text, wanted) == 0;
}

const json_t *lemmy__site(const struct step_ctx *ctx)
{
    const json_t *site = json_object_get(ctx->account, "site");

    return is_of(site, "instance", lemmy__settings(ctx)->instance) ? site : NULL;
}

const json_t *lemmy__community(const struct step_ctx *ctx)
{
    const struct lemmy_settings *s = lemmy__settings(ctx);
    const json_t *community = json_object_get(ctx->account, "community");

    return is_of(community, "instance", s->instance) && is_of(community, "name", s->community)
               ? community
               : NULL;
}

/* A test asks anew. */
static bool is_fresh(const struct step_ctx *ctx, const json_t *learned)
{
    int64_t age_ms = ctx->now_ms - record_int(learned, "at_ms");

    return learned && ctx->course != COURSE_TEST && age_ms >= 0 && age_ms < LEARNED_FOR_MS;
}

enum err_code lemmy__build_site(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    req->skip = is_fresh(ctx, lemmy__site(ctx));
    if (!req->skip) {
        lemmy__request(ctx, req, HTTP_GET, "/api/v3/site");
        req->max_answer_bytes = SITE_BYTES_MAX;
    }
    return ERR_NONE;
}

/* "en" to 37. */
static json_t *languages_of(const json_t *body)
{
    json_t *by_code = json_object(), *one;
    size_t i;

    json_array_foreach(json_object_get(body, "all_languages"), i, one)
    {
        const char *code = record_str(one, "code");

        if (code && json_is_integer(json_object_get(one, "id")) && i < LANGUAGES_MAX) {
            record_set_int(by_code, code, record_int(one, "id"));
        }
    }
    return by_code;
}

static void keep_site(struct step_ctx *ctx, const json_t *body, const json_t *person)
{
    json_t *site = json_object();

    json_set_str(site, "instance", lemmy__settings(ctx)->instance);
    record_set_int(site, "at_ms", ctx->now_ms);
    json_set_str(site, "version", record_str(body, "version"));
    record_set_int(site, "person_id", record_int(person, "id"));
    json_set_str(site, "name", record_str(person, "name"));
    (void)json_object_set_new(site, "languages", languages_of(body));
    (void)json_object_set_new(ctx->account, "site", site);
}

/* A token that is no good is not refused here: the site answers as to a stranger, without my_user. */
struct verdict lemmy__read_site(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *person = json_path(body, "my_user", "local_user_view", "person", NULL);
    struct verdict v = verdict_next();

    if (res->status == 404) {
        v = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, NO_API);
    } else if (!json_is_array(json_object_get(body, "all_languages"))) {
        v = lemmy__trouble(res, false);
    } else if (record_int(person, "id") <= 0) {
        v = verdict_token_refused("%d: the site does not know our token", res->status);
    } else {
        keep_site(ctx, body, person);
    }
    json_decref(body);
    return v;
}

/* ---- the community ---- */

enum err_code
lemmy__build_community(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    struct buf name;

    (void)why;
    req->skip = is_fresh(ctx, lemmy__community(ctx));
    if (!req->skip) {
        buf_init(&name, NAME_BYTES_MAX);
        url_encode(&name, lemmy__settings(ctx)->community);
        lemmy__request(ctx, req, HTTP_GET, "/api/v3/community?name=%s", buf_str(&name));
        buf_done(&name);
    }
    return ERR_NONE;
}

static void keep_community(struct step_ctx *ctx, const json_t *body, json_int_t id)
{
    const struct lemmy_settings *s = lemmy__settings(ctx);
    json_t *languages = json_object_get(body, "discussion_languages");
    json_t *community = json_object();

    json_set_str(community, "instance", s->instance);
    json_set_str(community, "name", s->community);
    record_set_int(community, "at_ms", ctx->now_ms);
    record_set_int(community, "id", id);
    if (json_is_array(languages) && json_array_size(languages) <= LANGUAGES_MAX) {
        (void)json_object_set(community, "languages", languages);
    }
    (void)json_object_set_new(ctx->account, "community", community);
}

struct verdict lemmy__read_community(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    json_int_t id =
        json_integer_value(json_path(body, "community_view", "community", "id", NULL));
    struct verdict v = verdict_next();

    if (id > 0) {
        keep_community(ctx, body, id);
    } else {
        v = lemmy__trouble(res, false);
    }
    json_decref(body);
    return v;
}

struct verdict lemmy__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = lemmy__read_community(ctx, res);
    const char *name = record_str(lemmy__site(ctx), "name");

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "signed in as %s; the community %s is there",
                        name ? name : "?",
                        lemmy__settings(ctx)->community);
}
