/* Tumblr: what a channel of this kind can be told, what the platform's limits are, how its tokens are got and kept,
 * and the order of steps of each course. The steps themselves stand in tumblr_post.c and tumblr_verify.c. Found
 * through registry.h; everything here is constant.
 *
 * Publishing is one request. Tokens live for 42 minutes, and each renewal ends the refresh token before it. */

#include "adapters/tumblr_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/record.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/url.h"

static const char *const media_choices[] = {"auto", "never", NULL};

#define SETTING(member) offsetof(struct tumblr_settings, member)

// clang-format off
static const struct field settings[] = {
    {.key = "blog", .kind = FIELD_STRING, .offset = SETTING(blog), .required = true, .min = "1", .max = "128",
     .example = "examplenews", .help = "the blog's name, or its host"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "TUMBLR", "tumblr.com/oauth/apps, \"OAuth Consumer Key\""),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "TUMBLR"),
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "headline of the post"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = "{{summary}}",
     .help = "text below the headline and the picture; the link stands in a card below it"},
    {.key = "description", .kind = FIELD_TEMPLATE, .offset = SETTING(description), .def = "{{site}}",
     .help = "second line of the card"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto shows the article's first picture with its alternative text, never shows none"},
    {.key = "tags", .kind = FIELD_BOOL, .offset = SETTING(tags), .def = "true",
     .help = "tag the post with the article's categories and tags"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://api.tumblr.com",
     .help = "where the API is"},
    {.key = "authorize_page", .kind = FIELD_URL, .offset = SETTING(authorize_page), .def = "https://www.tumblr.com/oauth2/authorize",
     .help = "the page where an account says yes"},
    FIELD_END,
};

#define NPF "https://www.tumblr.com/docs/npf"
const struct text_rule tumblr__limits[] = {
    [TUMBLR_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 4096, .source = NPF ", text block"},
    [TUMBLR_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_CODE_POINTS, .max = 4096, .source = NPF ", text block"},
    [TUMBLR_LIMIT_DESCRIPTION] =
    {.name = "description", .unit = TEXT_CODE_POINTS, .max = 1000, .source = "our choice: a card shows no more"},
    [TUMBLR_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 4096, .source = NPF ", image block, alt_text"},
    {.name = NULL},
};

#define SAMPLE_POST "{\"meta\":{\"status\":201,\"msg\":\"Created\"},\"response\":{\"id\":\"1234567891234567\"}}"
static const struct step publish[] = {
    {.name = "post", .publishes = true, .wants_media = true, .media_wanted = tumblr__media_wanted,
     .media_wish = tumblr__media_wish, .build = tumblr__build_post, .read = tumblr__read_post, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step update[] = {
    /* The same replacement twice is one. */
    {.name = "edit", .repeatable = true, .publishes = true, .wants_media = true, .media_wanted = tumblr__media_wanted,
     .media_wish = tumblr__media_wish, .build = tumblr__build_edit, .read = tumblr__read_edit, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete", .repeatable = true, .build = tumblr__build_delete, .read = tumblr__read_delete, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "find_post", .repeatable = true, .build = tumblr__build_find, .read = tumblr__read_find,
     .sample = "{\"response\":{\"posts\":[]}}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "user_info", .repeatable = true, .build = tumblr__build_test, .read = tumblr__read_test,
     .sample = "{\"response\":{\"user\":{\"name\":\"examplenews\",\"blogs\":[]}}}"},
    STEP_END,
};
// clang-format on

void tumblr__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     enum http_method method,
                     const char *path_format,
                     ...)
{
    va_list args;

    va_start(args, path_format);
    http_vset_url_below(req, tumblr__settings(ctx)->api, path_format, args);
    va_end(args);
    req->method = method;
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "Accept", "application/json");
}

bool tumblr__blog_ok(const char *blog)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:";

    return blog[strspn(blog, allowed)] == '\0' && blog[0] != '.';
}

static bool take_digits(const char *text, const char *stops, char out[TUMBLR_ID_BYTES])
{
    size_t len = text ? strspn(text, "0123456789") : 0;

    if (len == 0 || len >= TUMBLR_ID_BYTES ||
        (text[len] != '\0' && !strchr(stops, text[len]))) {
        return false;
    }
    (void)snprintf(out, TUMBLR_ID_BYTES, "%.*s", (int)len, text);
    return true;
}

/* https://www.tumblr.com/BLOG/ID/SLUG, https://HOST/post/ID/SLUG: the only part that is a number. */
static const char *id_in_link(const char *link, char out[TUMBLR_ID_BYTES])
{
    struct url_parts url;

    if (!link || !url_parse(&url, link)) {
        return NULL;
    }
    for (const char *at = url.path; at < url.path + url.path_len; at++) {
        if (*at == '/' && strspn(at + 1, "0123456789") >= 6 &&
            take_digits(at + 1, "/?#", out)) {
            return out;
        }
    }
    return NULL;
}

const char *tumblr__post_id(const char *remote_id, const char *link, char out[TUMBLR_ID_BYTES])
{
    const char *found = NULL;

    if (take_digits(remote_id, "", out)) {
        return out;
    }
    found = id_in_link(remote_id, out); /* people give the link for the id, too */
    return found ? found : id_in_link(link, out);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[TUMBLR_ID_BYTES];

    (void)object;
    return tumblr__post_id(remote_id, link, id) != NULL;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct tumblr_settings *s = object;

    if (!tumblr__blog_ok(s->blog)) {
        return err_set(why,
                       ERR_INVALID,
                       "blog: its name or its host is accepted, such as examplenews or "
                       "blog.news.example");
    }
    return oauth_check(&tumblr__oauth, object, why);
}

/* ---- tokens ---- */

static const char *api_of(const struct oauth_call *call)
{
    return ((const struct tumblr_settings *)call->settings)->api;
}

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct tumblr_settings *s = call->settings;

    oauth_authorize_url(url, &tumblr__oauth, call, s->authorize_page, NULL);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_code(req, &tumblr__oauth, call, api_of(call), OAUTH_CLIENT_FORM);
    http_set_url_below(req, api_of(call), "/v2/oauth2/token");
    return ERR_NONE;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_refresh(req, &tumblr__oauth, call, api_of(call), OAUTH_CLIENT_FORM);
    http_set_url_below(req, api_of(call), "/v2/oauth2/token");
    return ERR_NONE;
}

static enum err_code
build_who(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    (void)why;
    oauth_build_look(req, call, api_of(call), "/v2/user/info");
    return ERR_NONE;
}

/* Only to say whose account it is: a token is no worse without. */
static struct oauth_verdict read_who(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;

    json_set_str(
        call->grant, "who", json_path_str(json_path(body, "response", "user", NULL), "name"));
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK};
}

static const struct oauth_step login[] = {
    {.name = "token", .build = build_code, .read = oauth_read_token},
    {.name = "who", .build = build_who, .read = read_who},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "renew", .build = build_refresh, .read = oauth_read_token},
    OAUTH_STEP_END,
};

const struct oauth tumblr__oauth = {
    .settings_at = offsetof(struct tumblr_settings, oauth),
    .scopes = "basic write offline_access",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .rotates = true,
};

// clang-format off
static const char setup[] =
    "1. Sign in at https://www.tumblr.com with the account that has the blog.\n"
    "2. Open https://www.tumblr.com/oauth/apps, press \"Register application\". Name and website: those of\n"
    "   your site. \"Default callback URL\" and \"OAuth2 redirect URLs\": the address of \"Signing in\" below.\n"
    "3. Copy \"OAuth Consumer Key\"; press \"Show secret key\" and copy the secret.\n"
    "4. Give both to crier as environment variables, here TUMBLR_CLIENT_ID and TUMBLR_CLIENT_SECRET, and\n"
    "   write:\n"
    "\n"
    "     channels:\n"
    "       tumblr:\n"
    "         type: tumblr\n"
    "         blog: examplenews\n"
    "         client_id: ${TUMBLR_CLIENT_ID}\n"
    "         client_secret: ${TUMBLR_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`, then `crier keys login tumblr`. Open the address it shows, signed in as the\n"
    "   account, and say yes.\n"
    "6. With the service running, this answers with the account's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/tumblr/test\n"
    "\n"
    "The token lives for 42 minutes, and crier renews it by itself. The sign-in ends when it is revoked in\n"
    "Tumblr's settings.";
// clang-format on

const struct adapter adapter_tumblr = {
    .name = "tumblr",
    .title = "Tumblr",
    .doc_url = "https://www.tumblr.com/docs/en/api/v2",
    .about = "a post with the article's headline, picture, summary and a card that links it",
    .settings = settings,
    .settings_size = sizeof(struct tumblr_settings),
    .limits = tumblr__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .post_id_form = "the number of the post, or its link",
    .post_named = post_named,
    .media_max_bytes = TUMBLR_IMAGE_BYTES,
    .media = "the first picture with alternative text",
    .rate = {.count = 300, .per_ms = MS_MINUTE},
    .quota = {.count = 250,
              .window = QUOTA_DAY_UTC,
              .source = "https://www.tumblr.com/docs/en/api/v2#rate-limits"},
    .oauth = &tumblr__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
