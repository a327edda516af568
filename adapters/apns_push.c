/* Apple's messages, as lanes send them: one request for each device token. Called through the audience of apns.c,
 * mostly on lanes' threads. Pure.
 *
 * Sources: https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns and
 * .../generating-a-remote-notification */

#include "adapters/apns_internal.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "adapters/audience.h"
#include "adapters/push.h"
#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"

#define PAYLOAD_BYTES ((size_t)64 * 1024)
#define TTL_S_MAX ((int64_t)30 * 24 * 3600)
/* 32 bytes in hex today; Apple says not to count on it. */
#define TOKEN_DIGITS_MIN 64
#define TOKEN_DIGITS_MAX 200
/* Nobody's: as long as one, so that nothing but the token is wrong. */
#define NO_TOKEN "0000000000000000000000000000000000000000000000000000000000000000"

struct push_plan {
    struct apns_tokens tokens;
    char *origin, *path, *payload;
    char *topic, *collapse_id, *expiration;
    const char *priority;
    size_t payload_len;
    struct notice_tally *tally;
};

/* ---- the payload ---- */

const struct text_rule apns__limits[] = {
    [APNS_LIMIT_PAYLOAD] = {.name = "payload",
                            .unit = TEXT_BYTES,
                            .max = 4096,
                            .source =
                                "https://developer.apple.com/documentation/usernotifications/"
                                "generating-a-remote-notification"},
    {.name = NULL},
};

static void add_payload(const struct step_ctx *ctx, const struct notice *n, struct buf *out)
{
    json_put_open(out, NULL, '{');
    notice_put_aps(out, &apns__settings(ctx)->apple, n, true);
    json_put_text(out, "image", n->picture); /* for the app's extension */
    notice_put_data(out, ctx, n);
    json_put_close(out, '}');
}

enum err_code apns__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const struct notice_way way = {.rule = &apns__limits[APNS_LIMIT_PAYLOAD],
                                          .payload = add_payload};

    return notice_prepare(ctx, req, &way, why);
}

/* ---- a plan ---- */

static void free_plan(struct push_plan *p)
{
    if (p) {
        apns__tokens_done(&p->tokens);
        mem_free(p->origin);
        mem_free(p->path);
        mem_free(p->payload);
        mem_free(p->topic);
        mem_free(p->collapse_id);
        mem_free(p->expiration);
        mem_free(p->tally);
        mem_free(p);
    }
}

static void set_address(struct push_plan *p, const struct apns_settings *s)
{
    const char *base;
    struct buf b;
    size_t len;

    buf_init(&b, PAYLOAD_BYTES);
    notice_origin(&b, apns__api(s));
    p->origin = buf_detach(&b, NULL);
    base = notice_base_path(apns__api(s), &len);
    p->path = mem_printf("%.*s/3/device/", (int)len, base);
}

static void set_headers(struct push_plan *p, const struct step_ctx *ctx, const struct notice *n)
{
    int64_t until_s = ctx->now_ms / MS_SECOND + push_ttl_s(ctx, 0, TTL_S_MAX);
    char id[PUSH_TOPIC_BYTES];

    push_topic(id, ctx->article_id);
    p->topic = mem_strdup(apns__settings(ctx)->bundle_id);
    p->collapse_id = mem_strdup(id);
    p->expiration = mem_printf("%" PRId64, until_s);
    p->priority = notice_apple_priority(n);
}

static enum err_code make_plan(struct step_ctx *ctx, struct push_plan **out, struct err *why)
{
    struct push_plan *p;
    struct notice n;
    struct buf b;
    enum err_code rc;

    if (!notice_read(&n, ctx)) {
        return err_set(why, ERR_INVALID, "the message is not made yet");
    }
    p = mem_zalloc(sizeof *p);
    buf_init(&b, PAYLOAD_BYTES);
    add_payload(ctx, &n, &b);
    rc = buf_check(&b, "message", why);
    if (!rc) {
        rc = apns__tokens_init(&p->tokens, ctx, why);
    }
    if (rc) {
        buf_done(&b);
        free_plan(p);
        return rc;
    }
    p->payload = buf_detach(&b, &p->payload_len);
    set_address(p, apns__settings(ctx));
    set_headers(p, ctx, &n);
    p->tally = mem_zalloc(sizeof *p->tally);
    *out = p;
    return ERR_NONE;
}

/* ---- a request ---- */

static bool add_origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    (void)m;
    buf_adds(out, plan->origin);
    return true;
}

/* One that has seen the tokens of another team's key, or of an unrelated one, refuses ours. */
static const char *apart(const struct push_plan *plan)
{
    return plan->tokens.key_id;
}

static const char *service(const char *origin)
{
    (void)origin;
    return "apns";
}

static void headers(const struct push_plan *plan,
                    const struct member *m,
                    const char *origin,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms)
{
    struct buf token;

    (void)m;
    (void)origin;
    buf_init_secret(&token, PAYLOAD_BYTES);
    apns__tokens_add(&token, &plan->tokens, now_ms, until_ms);
    http_headers_put(out, "authorization", buf_str(&token));
    buf_done(&token);
    http_headers_put(out, "apns-topic", plan->topic);
    http_headers_put(out, "apns-push-type", "alert");
    http_headers_put(out, "apns-priority", plan->priority);
    http_headers_put(out, "apns-expiration", plan->expiration);
    http_headers_put(out, "apns-collapse-id", plan->collapse_id);
}

static enum err_code compose(const struct push_plan *plan,
                             const struct member *const *m,
                             size_t count,
                             struct buf *path,
                             struct buf *body,
                             struct err *why)
{
    (void)count;
    (void)why;
    buf_adds(path, plan->path);
    buf_adds(path, m[0]->address);
    buf_add(body, plan->payload, plan->payload_len);
    return ERR_NONE;
}

/* ---- an answer ---- */

static struct verdict blocked(const struct apns_said *said)
{
    return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s; %s", said->detail, said->hint);
}

/* A lane may have kept a header beyond its time: with a new one once more. */
static struct verdict expired(const struct member *m,
                              struct member_word *words,
                              size_t count,
                              const struct apns_said *said)
{
    notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
    words[0].second = !m->second;
    return m->second ? blocked(said) : verdict_next();
}

/* An app that was installed again may have the token it had: who has handed it in since is no longer gone, and stays
 * where Apple says so on a few days only. */
static enum member_outcome how_gone(const struct member *m, const struct apns_said *said)
{
    return said->since_ms > 0 && m->opted_in_at_ms > said->since_ms ? MEMBER_UNDELIVERABLE
                                                                    : MEMBER_LOST;
}

static struct verdict judge(const struct push_plan *plan,
                            const struct member *m,
                            struct member_word *words,
                            size_t count,
                            const struct apns_said *said)
{
    switch (said->reach) {
    case APNS_TAKEN:
        return notice_accepted(plan->tally, count);
    case APNS_GONE:
        notice_say(words, count, how_gone(m, said), 0, said->detail);
        return verdict_next();
    case APNS_NOT_OURS:
        return notice_not_ours(plan->tally, words, count, said->detail, said->hint);
    case APNS_EXPIRED:
        return expired(m, words, count, said);
    case APNS_OPERATOR:
        notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
        return blocked(said);
    case APNS_DEVICE:
        notice_say(words, count, MEMBER_AGAIN, said->wait_ms, said->detail);
        return verdict_next();
    case APNS_BUSY:
        notice_say(words, count, MEMBER_AGAIN, said->wait_ms, said->detail);
        return verdict_make(VERDICT_AGAIN, SCOPE_HOST, said->wait_ms, "%s", said->detail);
    case APNS_MESSAGE:
        notice_say(words, count, MEMBER_REFUSED, 0, said->detail);
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said->detail);
    case APNS_REFUSED:
        return notice_refused(plan->tally, words, count, said->detail);
    case APNS_UNREADABLE:
        break;
    }
    notice_say(words, count, MEMBER_UNKNOWN, 0, said->detail);
    return verdict_next();
}

static struct verdict read_answer(const struct push_plan *plan,
                                  const struct member *const *m,
                                  size_t count,
                                  const struct http_response *res,
                                  struct member_word *words)
{
    struct apns_said said;

    apns__read_answer(&said, res);
    return judge(plan, m[0], words, count, &said);
}

/* ---- the test ---- */

enum err_code apns__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct apns_settings *s = apns__settings(ctx);
    struct apns_tokens tokens;
    int64_t until_ms;
    struct buf text;
    enum err_code rc = apns__tokens_init(&tokens, ctx, why);

    if (rc) {
        return rc;
    }
    buf_init_secret(&text, PAYLOAD_BYTES);
    apns__tokens_add(&text, &tokens, ctx->now_ms, &until_ms);
    req->method = HTTP_POST;
    http_set_url_below(req, apns__api(s), "/3/device/%s", NO_TOKEN);
    http_set_header(req, "authorization", buf_str(&text));
    http_set_header(req, "apns-topic", s->bundle_id);
    http_set_header(req, "apns-push-type", "alert");
    http_set_header(req, "apns-expiration", "0");
    buf_adds(&req->body, "{\"aps\":{\"alert\":{\"title\":\"crier\"}}}");
    buf_done(&text);
    apns__tokens_done(&tokens);
    return ERR_NONE;
}

/* ---- members ---- */

/* Hex, as apps hand it in; some write it as iOS once showed it, in groups within angle brackets. */
bool apns__address(const char *text, char *out)
{
    size_t n = 0;

    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;

        if (strchr(" <>\t\r\n", c)) {
            continue;
        }
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || n == TOKEN_DIGITS_MAX) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return n >= TOKEN_DIGITS_MIN && n % 2 == 0;
}

const struct push apns__push = {
    .many = 1,
    .plan = make_plan,
    .done = free_plan,
    .origin = add_origin,
    .apart = apart,
    .service = service,
    .headers = headers,
    .compose = compose,
    .read = read_answer,
};
