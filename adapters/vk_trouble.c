/* Calls of VK's methods, and what its error numbers mean. Called by every step of the adapter. Every answer
 * is a 200: {"response": …} or {"error": {"error_code", "error_msg"}}. The table has every number that the
 * description (VKCOM/vk-api-schema) says any method, or one of ours, may answer. */

#include "adapters/vk_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/parse.h"
#include "base/url.h"

#define SOON_MS (1 * MS_SECOND)
#define FLOOD_MS (10 * MS_MINUTE)
#define LIMIT_MS MS_HOUR
#define RIGHTS                                                                                 \
    "the token must be a user's who manages the community, with the rights wall, photos and "  \
    "groups"
#define HUMAN "sign in to vk.com with the account and do what it asks"
#define APP "see the app's settings at id.vk.com"
#define GROUP "see `group`"

#define BLOCKED(code, hint)                                                                    \
    {                                                                                          \
        code, VERDICT_BLOCKED, SCOPE_CHANNEL, 0, hint, false                                   \
    }
#define TOKEN(code)                                                                            \
    {                                                                                          \
        code, VERDICT_BLOCKED, SCOPE_CHANNEL, 0, NULL, true                                    \
    }
#define REJECTED(code, hint)                                                                   \
    {                                                                                          \
        code, VERDICT_REJECTED, SCOPE_POST, 0, hint, false                                     \
    }
#define AGAIN(code, ms)                                                                        \
    {                                                                                          \
        code, VERDICT_AGAIN, SCOPE_CHANNEL, ms, NULL, false                                    \
    }
#define MAYBE(code)                                                                            \
    {                                                                                          \
        code, VERDICT_UNKNOWN, SCOPE_POST, 0, NULL, false                                      \
    }

// clang-format off
static const struct trouble_code rows[] = {
    MAYBE("1"),                     /* unknown error */
    BLOCKED("2", APP),              /* application is disabled */
    BLOCKED("3", "see `api` and `version`"),
    BLOCKED("4", APP),              /* incorrect signature */
    TOKEN("5"),                     /* authorization failed */
    AGAIN("6", SOON_MS),            /* too many a second */
    BLOCKED("7", RIGHTS),
    REJECTED("8", NULL),            /* invalid request */
    AGAIN("9", FLOOD_MS),           /* flood control */
    MAYBE("10"),                    /* internal server error */
    BLOCKED("11", APP),             /* test mode */
    MAYBE("13"),                    /* runtime error */
    BLOCKED("14", HUMAN),           /* captcha */
    BLOCKED("15", RIGHTS),
    BLOCKED("16", "https is demanded: see `api`"),
    BLOCKED("17", HUMAN),           /* validation required */
    BLOCKED("18", HUMAN),           /* deleted or banned */
    REJECTED("19", NULL),           /* content blocked */
    BLOCKED("20", APP),
    BLOCKED("21", APP),
    REJECTED("22", NULL),           /* upload error */
    BLOCKED("23", NULL),            /* method disabled */
    BLOCKED("24", HUMAN),           /* confirmation required */
    BLOCKED("25", HUMAN),
    BLOCKED("27", RIGHTS),          /* a community's token */
    BLOCKED("28", RIGHTS),          /* an app's token */
    AGAIN("29", LIMIT_MS),          /* rate limit reached */
    BLOCKED("30", NULL),            /* private profile */
    AGAIN("32", MS_MINUTE),         /* need wait */
    BLOCKED("33", NULL),            /* not implemented yet */
    BLOCKED("34", "see `version`"), /* client version deprecated */
    BLOCKED("35", "see `version`"),
    MAYBE("36"),                    /* interrupted due to timeout */
    BLOCKED("37", HUMAN),           /* banned */
    BLOCKED("38", APP),             /* unknown application */
    BLOCKED("39", NULL),            /* unknown user */
    BLOCKED("40", GROUP),           /* unknown group */
    BLOCKED("41", HUMAN),           /* additional signup required */
    BLOCKED("42", "VK does not take calls from this machine's address"),
    AGAIN("43", FLOOD_MS),          /* section temporarily unavailable */
    REJECTED("100", NULL),          /* a parameter is missing or invalid */
    BLOCKED("101", APP),
    REJECTED("103", NULL),          /* out of limits */
    REJECTED("104", NULL),          /* not found */
    REJECTED("105", NULL),          /* could not save file */
    REJECTED("106", NULL),          /* unable to process action */
    REJECTED("113", NULL),
    REJECTED("114", NULL),          /* of the picture: album, server, hash, photos, photo */
    REJECTED("118", NULL),
    REJECTED("121", NULL),
    REJECTED("122", NULL),
    BLOCKED("125", GROUP),
    REJECTED("129", NULL),
    REJECTED("150", NULL),          /* timestamp */
    REJECTED("200", NULL),          /* access to album, audio denied */
    REJECTED("201", NULL),
    BLOCKED("203", RIGHTS),
    BLOCKED("210", RIGHTS),         /* access to wall's post denied */
    AGAIN("214", LIMIT_MS),         /* adding denied: 50 a day, or too often */
    AGAIN("219", LIMIT_MS),         /* advertisements */
    AGAIN("220", LIMIT_MS),         /* too many recipients */
    REJECTED("222", "set link: false"), /* hyperlinks are forbidden */
    AGAIN("224", LIMIT_MS),
    REJECTED("225", NULL),          /* donut */
    REJECTED("300", NULL),          /* album is full */
    BLOCKED("500", NULL),           /* votes, advertisements */
    BLOCKED("600", RIGHTS),
    BLOCKED("603", RIGHTS),
    BLOCKED("703", HUMAN),          /* two-factor sign-in must be on */
    BLOCKED("704", HUMAN),
    BLOCKED("1114", RIGHTS),        /* anonymous tokens */
    BLOCKED("1116", RIGHTS),
    TOKEN("1117"),                  /* access token has expired */
    BLOCKED("1118", RIGHTS),
    AGAIN("1105", FLOOD_MS),        /* too many auth attempts */
    REJECTED("3102", NULL),         /* specified link is incorrect */
    BLOCKED("3300", HUMAN),         /* captcha, phone, password, code, mail, votes */
    BLOCKED("3301", HUMAN),
    BLOCKED("3302", HUMAN),
    BLOCKED("3303", HUMAN),
    BLOCKED("3304", HUMAN),
    BLOCKED("3305", HUMAN),
    TOKEN("3609"),                  /* token extension required */
    BLOCKED("3610", HUMAN),         /* deactivated */
    BLOCKED("3611", HUMAN),
    BLOCKED("9999", "see `api`"),   /* not supported http method */
    BLOCKED("11500", HUMAN),        /* confirmation required */
    TROUBLE_CODE_END,
};
// clang-format on

#define NUMBER_BYTES 24

/* ---- calls ---- */

void vk__add_int(struct http_request *req, const char *name, int64_t value)
{
    char text[NUMBER_BYTES];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    oauth_form_add(req, name, text);
}

void vk__add_flag(struct http_request *req, const char *name, bool value)
{
    oauth_form_add(req, name, value ? "1" : NULL);
}

void vk__call(const struct step_ctx *ctx, struct http_request *req, const char *method)
{
    const struct vk_settings *s = vk__settings(ctx);

    req->method = HTTP_POST;
    http_set_url_below(req, s->api, "/method/%s", method);
    http_set_header(req, "Accept", "application/json");
    oauth_form_add(req, "v", s->version);
    oauth_form_add(req, "access_token", ctx->token);
}

/* ---- answers ---- */

const json_t *vk__response(const struct http_response *res, const json_t *body)
{
    return res->status == 200 ? json_object_get(body, "response") : NULL;
}

int64_t vk__error_code(const json_t *body)
{
    return record_int(json_object_get(body, "error"), "error_code");
}

bool vk__knows_error(int64_t code)
{
    char text[NUMBER_BYTES];

    (void)snprintf(text, sizeof text, "%lld", (long long)code);
    for (const struct trouble_code *row = rows; row->code; row++) {
        if (strcmp(row->code, text) == 0) {
            return true;
        }
    }
    return false;
}

static struct verdict
verdict_of_code(const json_t *error, const struct step *step, const struct http_response *res)
{
    char code[NUMBER_BYTES];
    struct trouble_said said = {.status = res->status,
                                .code = code,
                                .message = record_str(error, "error_msg"),
                                .told_ms = http_retry_after_ms(res)};
    struct verdict v;

    (void)snprintf(code, sizeof code, "%lld", (long long)record_int(error, "error_code"));
    if (!trouble_by_code(rows, step, &said, &v)) {
        char text[TROUBLE_EXCERPT_BYTES + 1];

        trouble_excerpt(text, said.message, said.message ? strlen(said.message) : 0);
        v = verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "error %s: %s", code, text);
    }
    return v;
}

struct verdict vk__trouble(const struct http_response *res, bool publishes)
{
    const struct step step = {.repeatable = !publishes, .publishes = publishes};
    json_t *body = http_json(res);
    struct verdict v;

    if (vk__error_code(body) != 0) {
        v = verdict_of_code(json_object_get(body, "error"), &step, res);
    } else if (res->status == 401) {
        v = verdict_token_refused("401: the token is not taken");
    } else if (trouble_is_page(res)) {
        v = trouble_from_page(&step, res);
    } else {
        v = trouble_from_status(&step, res);
    }
    json_decref(body);
    return v;
}

/* ---- names ---- */

/* "-123_456", of this group. */
static int64_t number_in_name(const struct vk_settings *s, const char *name, size_t len)
{
    char owner[NUMBER_BYTES + 2];
    int64_t number = 0;
    size_t owner_len;
    char digits[NUMBER_BYTES];

    (void)snprintf(owner, sizeof owner, "-%lld_", (long long)s->group);
    owner_len = strlen(owner);
    if (len <= owner_len || len - owner_len >= sizeof digits ||
        strncmp(name, owner, owner_len) != 0) {
        return 0;
    }
    memcpy(digits, name + owner_len, len - owner_len);
    digits[len - owner_len] = '\0';
    return parse_i64(digits, &number) && number > 0 ? number : 0;
}

/* https://vk.com/wall-123_456, or any page of a VK host with w=wall-123_456. */
static int64_t number_in_link(const struct vk_settings *s, const char *link)
{
    struct url_parts url;
    const char *at;

    if (!link || !url_parse(&url, link) || url.host_len < 6 ||
        (strncasecmp(url.host + url.host_len - 6, "vk.com", 6) != 0 &&
         strncasecmp(url.host + url.host_len - 5, "vk.ru", 5) != 0)) {
        return 0;
    }
    at = strstr(url.path, "wall-");
    return at ? number_in_name(s, at + 4, strspn(at + 4, "-_0123456789")) : 0;
}

int64_t vk__post_number(const struct vk_settings *s, const char *remote_id, const char *link)
{
    int64_t number = remote_id ? number_in_name(s, remote_id, strlen(remote_id)) : 0;

    if (number <= 0 && remote_id && parse_i64(remote_id, &number) && number > 0) {
        return number;
    }
    number = number > 0 ? number : number_in_link(s, remote_id);
    return number > 0 ? number : number_in_link(s, link);
}
