/* From Tumblr's error answers to verdicts: {meta: {status, msg}, errors: [{title, code, detail}]}. Called by every
 * `read` of the adapter for answers that are not the one hoped for. The codes are Tumblr's own, four digits,
 * and say more than the status. */

#include "adapters/tumblr_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"

#define SAID_BYTES_MAX 4096
/* A calendar day by a clock nobody tells: tried every hour. */
#define NEXT_DAY_MS MS_HOUR
#define SOON_MS (30 * MS_SECOND)
#define TRANSCODING_MS (5 * MS_MINUTE)
#define LIMIT_WAIT_MAX_MS MS_DAY

// clang-format off
static const struct trouble_code codes[] = {
    {.code = "8001", .kind = VERDICT_REJECTED, .scope = SCOPE_POST}, /* no valid NPF */
    {.code = "8005", .kind = VERDICT_REJECTED, .scope = SCOPE_POST}, /* a format of media it does not take */
    {.code = "8004", .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL, .wait_ms = NEXT_DAY_MS, .hint = "the day's pictures are used up"},
    {.code = "8011", .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL, .wait_ms = NEXT_DAY_MS, .hint = "the day's videos are used up"},
    {.code = "8022", .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL, .wait_ms = NEXT_DAY_MS, .hint = "the day's posts are used up"},
    {.code = "8023", .kind = VERDICT_AGAIN, .scope = SCOPE_CHANNEL, .wait_ms = NEXT_DAY_MS, .hint = "the day's posts are used up"},
    {.code = "8010", .kind = VERDICT_AGAIN, .scope = SCOPE_POST, .wait_ms = TRANSCODING_MS},
    /* The upload failed: there is no post. */
    {.code = "8006", .kind = VERDICT_AGAIN, .scope = SCOPE_POST, .wait_ms = SOON_MS},
    {.code = "8009", .kind = VERDICT_AGAIN, .scope = SCOPE_POST, .wait_ms = SOON_MS},
    TROUBLE_CODE_END,
};

static const struct trouble_row rows[] = {
    {403, NULL, VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {404, NULL, VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* of a blog; a post that is gone is the caller's matter */
    {429, NULL, VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    {503, NULL, VERDICT_AGAIN,    SCOPE_HOST,    NULL}, /* "posting is disabled" */
    {400, NULL, VERDICT_REJECTED, SCOPE_POST,    NULL},
    TROUBLE_END,
};
// clang-format on

/* The window's end, seconds from now, where it is used up; 0: it is not, or is not told of. */
static int64_t
bucket_ms(const struct http_response *res, const char *remaining, const char *reset)
{
    const char *left = http_header(&res->headers, remaining);
    const char *end = http_header(&res->headers, reset);
    int64_t seconds;

    if ((left && strcmp(left, "0") != 0) || !end || !parse_i64(end, &seconds) || seconds < 0) {
        return 0;
    }
    return seconds < LIMIT_WAIT_MAX_MS / MS_SECOND ? seconds * MS_SECOND : LIMIT_WAIT_MAX_MS;
}

static int64_t limit_wait_ms(const struct http_response *res)
{
    int64_t hour_ms =
        bucket_ms(res, "X-Ratelimit-Perhour-Remaining", "X-Ratelimit-Perhour-Reset");
    int64_t day_ms = bucket_ms(res, "X-Ratelimit-Perday-Remaining", "X-Ratelimit-Perday-Reset");
    int64_t wait_ms = http_retry_after_ms(res);

    wait_ms = hour_ms > wait_ms ? hour_ms : wait_ms;
    return day_ms > wait_ms ? day_ms : wait_ms;
}

static const json_t *first_error(const json_t *body)
{
    return json_array_get(json_object_get(body, "errors"), 0);
}

/* "Bad Request: …", of the first error, else of `meta`. */
static void say(struct buf *out, const json_t *body)
{
    trouble_say(out, first_error(body), "title", "detail");
    if (out->len == 0) {
        trouble_say(out, json_object_get(body, "meta"), "msg", NULL);
    }
}

bool tumblr__has_code(const struct http_response *res, const char *code)
{
    json_t *body = http_json(res);
    char *told = json_text_dup(json_object_get(first_error(body), "code"));
    bool same = told && strcmp(told, code) == 0;

    mem_free(told);
    json_decref(body);
    return same;
}

struct verdict tumblr__trouble(const struct step *step, const struct http_response *res)
{
    json_t *body = http_json(res);
    char *code = json_text_dup(json_object_get(first_error(body), "code"));
    struct trouble_said said = {.status = res->status, .code = code};
    struct verdict v;
    struct buf text;

    buf_init(&text, SAID_BYTES_MAX);
    say(&text, body);
    trouble_say_body(&text, res);
    said.message = text.len > 0 ? buf_str(&text) : NULL;
    if (trouble_is_page(res)) {
        v = trouble_from_page(step, res);
    } else if (res->status == 401) {
        v = verdict_token_refused("401: %.160s",
                                  said.message ? said.message : "the token is not taken");
    } else if (!trouble_by_code(codes, step, &said, &v) &&
               !trouble_match(rows,
                              res->status,
                              said.message,
                              res->status == 429 ? limit_wait_ms(res)
                                                 : http_retry_after_ms(res),
                              &v)) {
        v = trouble_from_status(step, res);
    }
    buf_done(&text);
    mem_free(code);
    json_decref(body);
    return v;
}
