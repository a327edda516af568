/* From X's error answers to verdicts. Called by every `read` of the adapter for answers that are not the one
 * hoped for. Errors are problem documents ({title, detail, type, status}) or {errors: [{code, message}]};
 * the same status can mean this text, this account or this app, so the words decide.
 *
 * After a server error a post may be public: X has no key to repeat it by. Its own filter of duplicates,
 * which refuses a text it has just seen, is the net below us; so the text never changes between attempts. */

#include "adapters/x_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/parse.h"

#define SAID_BYTES_MAX 4096
#define LIMIT_WAIT_MIN_MS                                                                      \
    MS_MINUTE /* whatever a header says; without one a repeat comes too soon, too */
#define LIMIT_WAIT_MAX_MS MS_DAY
#define CLOCK_OFF_MS MS_MINUTE

// clang-format off
static const struct trouble_row rows[] = {
    {402, NULL,                             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* CreditsDepleted */
    {0,   "CreditsDepleted",                VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "usage-capped",                   VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "UsageCapExceeded",               VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {429, NULL,                             VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    {0,   "suspended",                      VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {0,   "temporarily locked",             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL}, /* code 326 */
    {403, "oauth1-permissions",             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "client-forbidden",               VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "access this feature",            VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, "duplicate content",              VERDICT_REJECTED, SCOPE_POST,    NULL}, /* code 187 */
    {403, "cashtag",                        VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "invalid URL",                    VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "maximum of",                     VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "longer than",                    VERDICT_REJECTED, SCOPE_POST,    NULL}, /* a video */
    {403, "a bit shorter",                  VERDICT_REJECTED, SCOPE_POST,    NULL}, /* code 186 */
    {403, "too long",                       VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "deleted or not visible",         VERDICT_REJECTED, SCOPE_POST,    NULL}, /* code 385: what we reply to */
    {403, "not allowed to reply",           VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, "Reply to this conversation",     VERDICT_REJECTED, SCOPE_POST,    NULL},
    {403, NULL,                             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {401, NULL,                             VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {400, NULL,                             VERDICT_REJECTED, SCOPE_POST,    NULL},
    {404, NULL,                             VERDICT_REJECTED, SCOPE_POST,    NULL},
    TROUBLE_END,
};
// clang-format on

static void say_errors(struct buf *out, const json_t *body)
{
    const json_t *first = json_array_get(json_object_get(body, "errors"), 0);

    trouble_say(out, first, json_object_get(first, "title") ? "title" : "message", "detail");
}

void x__error_text(struct buf *out, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *type = json_path_str(body, "type"), *kind;

    trouble_say(out, body, "title", "detail");
    if (out->len == 0) {
        say_errors(out, body);
    }
    /* The last part of https://api.x.com/2/problems/usage-capped says what it is. */
    kind = type ? strrchr(type, '/') : NULL;
    if (kind && kind[1]) {
        buf_addf(out, " (%s)", kind + 1);
    }
    trouble_say_body(out, res);
    json_decref(body);
}

bool x__says(const struct http_response *res, const char *needle)
{
    struct buf said;
    bool found;

    buf_init(&said, SAID_BYTES_MAX);
    x__error_text(&said, res);
    found = strcasestr(buf_str(&said), needle) != NULL;
    buf_done(&said);
    return found;
}

/* Until the end of a window that is used up; 0: this one is not, or is not told of. */
static int64_t
bucket_ms(const struct http_response *res, const char *remaining, const char *reset)
{
    const char *left = http_header(&res->headers, remaining);
    const char *end = http_header(&res->headers, reset);
    int64_t at_s;

    if ((left && strcmp(left, "0") != 0) || !end || !parse_i64(end, &at_s) || at_s < 0 ||
        at_s > INT64_MAX / MS_SECOND) {
        return 0;
    }
    return at_s * MS_SECOND - res->now_ms;
}

/* The later end of those that are used up: of the quarter of an hour, of the day, of ours and of the app's. */
static int64_t limit_wait_ms(const struct http_response *res)
{
    static const char *const buckets[][2] = {
        {"x-rate-limit-remaining", "x-rate-limit-reset"},
        {"x-user-limit-24hour-remaining", "x-user-limit-24hour-reset"},
        {"x-app-limit-24hour-remaining", "x-app-limit-24hour-reset"},
    };
    int64_t wait_ms = http_retry_after_ms(res);

    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        int64_t one_ms = bucket_ms(res, buckets[i][0], buckets[i][1]);

        wait_ms = one_ms > wait_ms ? one_ms : wait_ms;
    }
    wait_ms = wait_ms > LIMIT_WAIT_MIN_MS ? wait_ms : LIMIT_WAIT_MIN_MS;
    return wait_ms < LIMIT_WAIT_MAX_MS ? wait_ms : LIMIT_WAIT_MAX_MS;
}

/* A signature is good for a few minutes by X's clock. Where ours is off, X's is taken for requests to it. */
static bool
clock_was_off(struct step_ctx *ctx, const struct http_response *res, struct verdict *out)
{
    const char *date = http_header(&res->headers, "Date");
    int64_t theirs_ms, known_ms = record_int(ctx->account, "clock_ms"), off_ms;

    if (!date || !time_parse_http(date, &theirs_ms)) {
        return false;
    }
    off_ms = theirs_ms - res->now_ms;
    if (off_ms - known_ms < CLOCK_OFF_MS && known_ms - off_ms < CLOCK_OFF_MS) {
        return false;
    }
    record_set_int(ctx->account, "clock_ms", off_ms);
    *out = verdict_make(VERDICT_AGAIN,
                        SCOPE_POST,
                        1,
                        "401: our clock is %lld seconds from X's: signed anew by theirs",
                        (long long)(off_ms / MS_SECOND));
    out->not_counted = true;
    return true;
}

static struct verdict
refused_credentials(struct step_ctx *ctx, const struct http_response *res, const char *said)
{
    struct verdict v;

    if (!x__uses_keys(x__settings(ctx))) {
        return verdict_token_refused("401: %.160s", said[0] ? said : "the token is not taken");
    }
    if (clock_was_off(ctx, res, &v)) {
        return v;
    }
    return verdict_make(VERDICT_BLOCKED,
                        SCOPE_CHANNEL,
                        0,
                        "401: X does not take these keys: %.120s",
                        said[0] ? said : "no reason is given");
}

/* What an operator does about it. */
static const char *hint(const struct http_response *res, const char *said)
{
    if (res->status == 402 || strcasestr(said, "CreditsDepleted")) {
        return "; buy credits at console.x.com, then resume the channel";
    }
    if (strcasestr(said, "usage-capped") || strcasestr(said, "UsageCapExceeded")) {
        return "; the spend cap is reached: raise it, or wait for the next billing cycle";
    }
    if (strcasestr(said, "oauth1-permissions")) {
        return "; give the app \"Read and write\", then make the access token anew";
    }
    if (strcasestr(said, "client-forbidden")) {
        return "; the app must belong to a project with access to the API";
    }
    if (res->status == 403 && strcasestr(said, "not permitted")) {
        return "; the app's permissions or the token's scopes do not allow it, or the account "
               "is locked";
    }
    return "";
}

struct verdict
x__trouble(struct step_ctx *ctx, const struct step *step, const struct http_response *res)
{
    struct verdict v;
    struct buf said;

    if (trouble_is_page(res)) {
        return trouble_from_page(step, res);
    }
    buf_init(&said, SAID_BYTES_MAX);
    x__error_text(&said, res);
    if (res->status == 401 && !strcasestr(buf_str(&said), "suspended") &&
        !strcasestr(buf_str(&said), "locked")) {
        v = refused_credentials(ctx, res, buf_str(&said));
    } else if (!trouble_match(rows, res->status, buf_str(&said), limit_wait_ms(res), &v)) {
        v = trouble_from_status(step, res);
        trouble_doubt_503(step, res, &v);
    } else if (v.kind == VERDICT_BLOCKED) {
        v = verdict_make(v.kind,
                         v.scope,
                         0,
                         "%d: %.110s%s",
                         res->status,
                         buf_str(&said),
                         hint(res, buf_str(&said)));
    }
    buf_done(&said);
    return v;
}
