/* What Huawei's answers mean. Called by huawei_push.c on lanes' threads, and by the test. Pure.
 *
 * An error may come with status 200: the code in the body decides. A request is for up to a thousand members; when
 * some of them are not taken the answer names those, and the others have their message.
 *
 * Source: https://developer.huawei.com/consumer/en/doc/HMSCore-References/https-send-api-0000001050986197 */

#include "adapters/huawei_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define ALL_TAKEN "80000000"
#define SOME_TAKEN "80100000"
#define NONE_TAKEN "80300007"
#define DEPTH_MAX 8
#define BUSY_MS (10 * MS_SECOND)

#define ACCOUNT_HINT "look at client_id and client_secret, and whether Push Kit is enabled"

enum reach { REACH_TOKEN, REACH_OPERATOR, REACH_BUSY, REACH_MESSAGE, REACH_NOT_OURS };

// clang-format off
static const struct row {
    const char *code;
    enum reach reach;
    const char *hint;
} rows[] = {
    {NONE_TAKEN, REACH_NOT_OURS, "is client_id the id of the app that the tokens are of?"},
    {"80100001", REACH_MESSAGE,  NULL}, /* parameters */
    {"80100003", REACH_MESSAGE,  NULL}, /* structure */
    {"80100004", REACH_MESSAGE,  NULL}, /* expiry */
    {"80100013", REACH_MESSAGE,  NULL}, /* collapse_key */
    {"80100016", REACH_MESSAGE,  "Huawei takes its content for sensitive"},
    {"80100017", REACH_BUSY,     NULL}, /* too many topic messages at once */
    {"80100018", REACH_MESSAGE,  NULL}, /* topic */
    {"80200001", REACH_OPERATOR, ACCOUNT_HINT},
    {"80200003", REACH_TOKEN,    NULL},
    {"80300002", REACH_OPERATOR, "the app may not send messages: enable Push Kit in AppGallery Connect"},
    {"80300008", REACH_MESSAGE,  NULL}, /* larger than 4 KiB */
    {"80300010", REACH_MESSAGE,  NULL}, /* too many tokens */
    {"80300011", REACH_OPERATOR, "the app has no right to urgent messages: apply for it, or say urgent: never"},
    {"80600003", REACH_BUSY,     NULL},
    {"81000001", REACH_BUSY,     NULL},
};
/* Why single tokens are not taken, where that is no word on the member. */
static const char *const not_the_members[] = {"noPushTypeRight", "countryNotSupport", NULL};
// clang-format on

struct said {
    int status;
    const char *code; /* borrowed from the body */
    char detail[MEMBER_DETAIL_BYTES];
};

/* ---- some of them ---- */

static void say_of(const struct member *const *m,
                   size_t count,
                   const char *token,
                   enum member_outcome outcome,
                   const char *detail,
                   struct member_word *words)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(m[i]->address, token) == 0) {
            notice_say(&words[i], 1, outcome, 0, detail);
        }
    }
}

static bool is_not_the_members(const char *reason)
{
    for (size_t i = 0; reason && not_the_members[i]; i++) {
        if (strcasecmp(reason, not_the_members[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct some {
    const struct member *const *m;
    size_t count;
    struct member_word *words;
    size_t left; /* levels that may still come */
};

/* A list of tokens, or lists of them by reason: {"noRight": ["…"]}, [{"reason": …, "tokens": […]}]. */
static void take_illegal(struct some *s, const json_t *v, const char *reason)
{
    const char *key = json_path_str(v, "reason");
    char detail[MEMBER_DETAIL_BYTES];
    const json_t *item;
    size_t i;

    if (s->left == 0) {
        return;
    }
    s->left--;
    if (json_is_string(v)) {
        (void)snprintf(detail,
                       sizeof detail,
                       SOME_TAKEN " %.60s",
                       reason ? reason : "the token is not taken");
        say_of(s->m,
               s->count,
               json_string_value(v),
               is_not_the_members(reason) ? MEMBER_REFUSED : MEMBER_LOST,
               detail,
               s->words);
    }
    reason = key ? key : reason;
    json_array_foreach(v, i, item)
    {
        take_illegal(s, item, reason);
    }
    json_object_foreach(json_unconst(v), key, item)
    {
        if (strcmp(key, "reason") != 0) {
            take_illegal(s, item, json_path_str(v, "reason") ? reason : key);
        }
    }
    s->left++;
}

/* `msg` is JSON within a text. */
static bool read_some(const struct member *const *m,
                      size_t count,
                      const char *msg,
                      struct member_word *words)
{
    struct some s = {.m = m, .count = count, .words = words, .left = DEPTH_MAX};
    const json_t *illegal;
    json_t *v = NULL;

    if (!msg || json_read(&v, msg, strlen(msg), DEPTH_MAX, NULL)) {
        return false;
    }
    illegal = json_object_get(v, "illegal_tokens");
    take_illegal(&s, illegal, NULL);
    json_decref(v);
    return illegal != NULL;
}

static size_t
count_of(const struct member_word *words, size_t count, enum member_outcome outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        n += words[i].outcome == outcome;
    }
    return n;
}

/* Which of them have it is not told: each shows it once, however often it comes. */
static struct verdict unknown(struct member_word *words, size_t count, const char *detail)
{
    notice_say(words, count, MEMBER_UNKNOWN, 0, detail);
    return verdict_next();
}

static struct verdict some_taken(struct notice_tally *tally,
                                 const struct member *const *m,
                                 size_t count,
                                 const char *msg,
                                 const struct said *said,
                                 struct member_word *words)
{
    size_t taken;

    if (!read_some(m, count, msg, words)) {
        return unknown(words, count, said->detail);
    }
    taken = count_of(words, count, MEMBER_ACCEPTED);
    if (taken > 0) {
        return notice_accepted(tally, taken);
    }
    if (count_of(words, count, MEMBER_REFUSED) == count) {
        notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "%s; the app has no right to this kind of message, or not in that "
                            "country",
                            said->detail);
    }
    return notice_not_ours(tally, words, count, said->detail, rows[0].hint);
}

/* ---- all of them ---- */

static struct verdict busy(struct member_word *words,
                           size_t count,
                           const struct said *said,
                           const struct http_response *res,
                           int64_t least_ms)
{
    int64_t told_ms = http_retry_after_ms(res), wait_ms = told_ms > 0 ? told_ms : least_ms;

    notice_say(words, count, MEMBER_AGAIN, wait_ms, said->detail);
    return verdict_make(VERDICT_AGAIN, SCOPE_HOST, wait_ms, "%s", said->detail);
}

static struct verdict
blocked(struct member_word *words, size_t count, const struct said *said, const char *hint)
{
    notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
    return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s; %s", said->detail, hint);
}

static struct verdict
token_refused(struct member_word *words, size_t count, const struct said *said)
{
    notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
    return verdict_token_refused("%s", said->detail);
}

static struct verdict
rejected(struct member_word *words, size_t count, const struct said *said, const char *hint)
{
    notice_say(words, count, MEMBER_REFUSED, 0, said->detail);
    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "%s%s%s",
                        said->detail,
                        hint ? "; " : "",
                        hint ? hint : "");
}

static struct verdict by_status(struct notice_tally *tally,
                                struct member_word *words,
                                size_t count,
                                const struct said *said,
                                const struct http_response *res)
{
    switch (said->status) {
    case 401:
        return token_refused(words, count, said);
    case 403:
        return blocked(words, count, said, ACCOUNT_HINT);
    case 404:
        return blocked(words, count, said, "there is no such app: look at client_id");
    case 413:
        return rejected(words, count, said, NULL);
    case 429:
    case 503:
        return busy(words, count, said, res, BUSY_MS);
    default:
        break;
    }
    if (said->status >= 500) { /* not all of it may have failed: each shows it once */
        notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
        return verdict_next();
    }
    return said->status >= 400 ? notice_refused(tally, words, count, said->detail)
                               : unknown(words, count, said->detail);
}

static struct verdict by_row(const struct row *row,
                             struct notice_tally *tally,
                             struct member_word *words,
                             size_t count,
                             const struct said *said,
                             const struct http_response *res)
{
    switch (row->reach) {
    case REACH_TOKEN:
        return token_refused(words, count, said);
    case REACH_OPERATOR:
        return blocked(words, count, said, row->hint);
    case REACH_BUSY:
        return busy(words, count, said, res, BUSY_MS);
    case REACH_NOT_OURS:
        return notice_not_ours(tally, words, count, said->detail, row->hint);
    case REACH_MESSAGE:
        break;
    }
    return rejected(words, count, said, row->hint);
}

/* ---- an answer ---- */

static const struct row *find(const char *code)
{
    for (size_t i = 0; code && i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static void set_said(struct said *out, const struct http_response *res, const json_t *body)
{
    const char *msg = json_path_str(body, "msg");
    char text[TROUBLE_EXCERPT_BYTES + 1] = "";

    out->status = res->status;
    out->code = json_path_str(body, "code");
    if (!out->code || strcmp(out->code, SOME_TAKEN) != 0) { /* else tokens stand in it */
        trouble_excerpt(text, msg ? msg : res->body, msg ? strlen(msg) : res->body_len);
    }
    (void)snprintf(out->detail,
                   sizeof out->detail,
                   "%d %.20s%s%.90s",
                   res->status,
                   out->code ? out->code : "",
                   out->code && *text ? ": " : "",
                   text);
    (void)text_drop_halves(out->detail);
}

struct verdict huawei__read(struct notice_tally *tally,
                            const struct member *const *m,
                            size_t count,
                            const struct http_response *res,
                            struct member_word *words)
{
    json_t *body = http_json(res);
    const struct row *row;
    struct verdict v;
    struct said said;

    set_said(&said, res, body);
    row = find(said.code);
    if (said.code && res->status == 200 && strcmp(said.code, ALL_TAKEN) == 0) {
        v = notice_accepted(tally, count);
    } else if (said.code && strcmp(said.code, SOME_TAKEN) == 0) {
        v = some_taken(tally, m, count, json_path_str(body, "msg"), &said, words);
    } else if (row) {
        v = by_row(row, tally, words, count, &said, res);
    } else if (said.code && res->status == 200) {
        v = notice_refused(tally, words, count, said.detail);
    } else {
        v = by_status(tally, words, count, &said, res);
    }
    json_decref(body);
    return v;
}

/* ---- the test: Huawei looks at a message, and sends nothing ---- */

/* It looks at the token last, so a word on that is none against us. */
static bool looked_at_tokens(const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *code = json_path_str(body, "code");
    bool good = code && res->status < 500 &&
                (strcmp(code, ALL_TAKEN) == 0 || strcmp(code, SOME_TAKEN) == 0 ||
                 strcmp(code, NONE_TAKEN) == 0);

    json_decref(body);
    return good;
}

struct verdict huawei__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    const struct member *m = member_of(ctx, ctx->audience);
    struct notice_tally tally = {.accepted = 0};
    struct member_word word = {.outcome = MEMBER_ACCEPTED};
    struct verdict v = huawei__read(&tally, &m, 1, res, &word);

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    if (looked_at_tokens(res)) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "Huawei takes messages from this app");
    }
    return word.outcome == MEMBER_REFUSED
               ? verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", word.detail)
               : verdict_make(VERDICT_AGAIN, SCOPE_HOST, 0, "%s", word.detail);
}
