/* Requests to Reddit, and what its error answers mean. Called by every step of the adapter. Whether
 * something was done is said in the body: a refusal is a 200 as well. */

#include "adapters/reddit_internal.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/attr.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/url.h"

#define RATE_WAIT_MS (10 * MS_MINUTE) /* when it names no time */
#define QUOTA_WAIT_MS MS_HOUR
#define WAIT_MAX_MS MS_DAY
#define RULES "see the community's rules and `subreddit`"

// clang-format off
static const struct trouble_code rows[] = {
    {"RATELIMIT",            VERDICT_AGAIN,    SCOPE_CHANNEL, RATE_WAIT_MS, NULL, false},
    {"QUOTA_FILLED",         VERDICT_AGAIN,    SCOPE_CHANNEL, QUOTA_WAIT_MS, NULL, false},
    {"USER_REQUIRED",        VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, NULL, true},
    {"BAD_CAPTCHA",          VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, "the account is too new to post by a program", false},
    {"USER_BLOCKED",         VERDICT_BLOCKED,  SCOPE_CHANNEL, 0, RULES, false},
    {"SUBREDDIT_NOEXIST",    VERDICT_REJECTED, SCOPE_POST, 0, RULES, false},
    {"SUBREDDIT_NOTALLOWED", VERDICT_REJECTED, SCOPE_POST, 0, RULES, false},
    {"SUBREDDIT_REQUIRED",   VERDICT_REJECTED, SCOPE_POST, 0, RULES, false},
    {"SUBMIT_VALIDATION_FLAIR_REQUIRED", VERDICT_REJECTED, SCOPE_POST, 0, "set `flair_id`: the community wants one", false},
    {"BAD_FLAIR_TEMPLATE_ID", VERDICT_REJECTED, SCOPE_POST, 0, "see `flair_id`", false},
    {"NO_LINKS",             VERDICT_REJECTED, SCOPE_POST, 0, "the community takes texts only: set kind: self", false},
    {"NO_SELFS",             VERDICT_REJECTED, SCOPE_POST, 0, "the community takes links only: set kind: link", false},
    {"DOMAIN_BANNED",        VERDICT_REJECTED, SCOPE_POST, 0, RULES, false},
    {"BAD_URL",              VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"NO_URL",               VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"TOO_LONG",             VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"NO_TEXT",              VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"INVALID_OPTION",       VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    {"NOT_AUTHOR",           VERDICT_REJECTED, SCOPE_POST, 0, NULL, false},
    TROUBLE_CODE_END,
};
static const struct trouble_row statuses[] = {
    {400, NULL, VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, NULL, VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* banned there, or the app was shut off */
    {404, NULL, VERDICT_REJECTED, SCOPE_POST,    NULL},
    {429, NULL, VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    TROUBLE_END,
};
// clang-format on

void reddit__set_agent(struct http_request *req, const struct reddit_settings *s)
{
    http_set_headerf(
        req, "User-Agent", "linux:crier.%s:1.0 (by /u/%s)", s->username, s->username);
}

void reddit__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     enum http_method method,
                     const char *path_format,
                     ...)
{
    va_list args;

    req->method = method;
    va_start(args, path_format);
    http_vset_url_below(req, reddit__settings(ctx)->api, path_format, args);
    va_end(args);
    reddit__set_agent(req, reddit__settings(ctx));
    if (ctx->token) {
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token);
    }
    http_set_header(req, "Accept", "application/json");
}

/* ---- what is said ---- */

static const json_t *first_error(const json_t *body)
{
    return json_array_get(json_path(body, "json", "errors", NULL), 0);
}

const char *reddit__error_code(const json_t *body)
{
    return json_string_value(json_array_get(first_error(body), 0));
}

/* "Try again in 9 minutes", "Take a break for 40 seconds": so long, and a second more. 0: it names none. */
static int64_t told_in_words(const char *text)
{
    static const struct {
        const char *word;
        int64_t ms;
    } units[] = {
        {"millisecond", 1}, {"second", MS_SECOND}, {"minute", MS_MINUTE}, {"hour", MS_HOUR}};
    size_t at = text ? strcspn(text, "0123456789") : 0;
    int64_t count = 0;

    if (!text || text[at] == '\0') {
        return 0;
    }
    while (text[at] >= '0' && text[at] <= '9' && count < 1000000) {
        count = count * 10 + (text[at++] - '0');
    }
    at += strspn(text + at, " ");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strncasecmp(text + at, units[i].word, strlen(units[i].word)) == 0) {
            int64_t ms = count * units[i].ms + MS_SECOND;

            return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
        }
    }
    return 0;
}

static int64_t told_ms(const json_t *body, const char *message)
{
    const json_t *seconds = json_path(body, "json", "ratelimit", NULL);
    int64_t ms = http_seconds_ms(json_number_value(seconds));

    if (ms > 0) {
        return (ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS) + MS_SECOND;
    }
    return told_in_words(message);
}

/* X-Ratelimit-Reset: seconds from now; its numbers come with a fraction at times. */
static int64_t reset_ms(const struct http_response *res)
{
    const char *reset = http_header(&res->headers, "X-Ratelimit-Reset");
    int64_t ms = http_retry_after_ms(res);
    double seconds;

    return ms > 0 || !reset || !parse_f64(reset, &seconds) ? ms : http_seconds_ms(seconds);
}

/* Codes of a kind: the community's own rules. */
static bool is_validation(const char *code)
{
    return code && strncmp(code, "SUBMIT_VALIDATION_", 18) == 0;
}

static struct verdict verdict_of_code(const json_t *body, const struct step *step, int status)
{
    const json_t *error = first_error(body);
    const char *code = reddit__error_code(body);
    const char *message = json_string_value(json_array_get(error, 1));
    struct trouble_said said = {
        .status = status, .code = code, .message = message, .told_ms = told_ms(body, message)};
    struct verdict v;

    if (trouble_by_code(rows, step, &said, &v)) {
        return v;
    }
    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "%d: %.60s: %.120s%s",
                        status,
                        code,
                        message ? message : "",
                        is_validation(code) ? "; " RULES : "");
}

struct verdict reddit__trouble(const struct http_response *res, bool once)
{
    const struct step step = {.repeatable = !once, .publishes = once};
    json_t *body = http_json(res);
    struct verdict v;
    struct buf said;

    buf_init(&said, 4096);
    trouble_say(&said, body, "reason", "message");
    if (reddit__error_code(body)) {
        v = verdict_of_code(body, &step, res->status);
    } else if (res->status == 401) {
        v = verdict_token_refused("401: the token is not taken");
    } else if (trouble_is_page(res) && res->status != 403 && res->status != 429) {
        v = trouble_from_page(&step, res);
    } else if (!trouble_match(statuses, res->status, buf_str(&said), reset_ms(res), &v)) {
        v = trouble_from_status(&step, res);
        trouble_doubt_503(&step, res, &v);
    }
    if (v.kind == VERDICT_AGAIN && res->status == 429 && v.retry_after_ms == 0) {
        v.retry_after_ms = MS_MINUTE;
    }
    buf_done(&said);
    json_decref(body);
    return v;
}

/* ---- names ---- */

static bool is_id(const char *text, size_t len)
{
    return len > 0 && len < REDDIT_NAME_BYTES - 4 &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") >= len;
}

/* The part behind /comments/ of a page's address, or all of a short one's (redd.it). */
static const char *id_in_link(const char *link, size_t *len)
{
    static const char before[] = "/comments/";
    struct url_parts url;
    const char *at;

    if (!link || !url_parse(&url, link)) {
        return NULL;
    }
    at = memmem(url.path, url.path_len, before, sizeof before - 1);
    if (at) {
        at += sizeof before - 1;
    } else if (url.host_len == 7 && strncasecmp(url.host, "redd.it", 7) == 0) {
        at = url.path + 1;
    } else {
        return NULL;
    }
    *len = strspn(at, "0123456789abcdefghijklmnopqrstuvwxyz");
    return is_id(at, *len) ? at : NULL;
}

const char *
reddit__post_name(const char *remote_id, const char *link, char out[REDDIT_NAME_BYTES])
{
    const char *id = remote_id && strncmp(remote_id, "t3_", 3) == 0 ? remote_id + 3 : remote_id;
    size_t len = id ? strlen(id) : 0;

    id = id && is_id(id, len) ? id : id_in_link(remote_id, &len);
    id = id ? id : id_in_link(link, &len);
    if (!id) {
        return NULL;
    }
    memcpy(out, "t3_", 3);
    memcpy(out + 3, id, len);
    out[3 + len] = '\0';
    return out;
}
