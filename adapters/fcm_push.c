/* Messages to tokens, as lanes send them: one request for each. Called through the audience of fcm.c, mostly on
 * lanes' threads. Pure.
 *
 * What an answer means for the others: a token that is none, or none of this project's, may also be a wrong project
 * in the settings, so nobody is removed for it before Firebase has taken a message of the same run. */

#include "adapters/fcm_internal.h"

#include <stdint.h>
#include <string.h>

#include "adapters/audience.h"
#include "adapters/push.h"
#include "base/json_put.h"
#include "base/mem.h"

#define PAYLOAD_BYTES ((size_t)64 * 1024)
#define TOKEN_BYTES_MIN 32

struct push_plan {
    char *origin, *path, *authorization;
    char *rest; /* the message without its opening bracket and its target */
    size_t rest_len;
    struct notice_tally *tally;
};

/* ---- a plan ---- */

static void free_plan(struct push_plan *p)
{
    if (p) {
        mem_free(p->origin);
        mem_free(p->path);
        mem_free_secret_text(p->authorization);
        mem_free(p->rest);
        mem_free(p->tally);
        mem_free(p);
    }
}

static char *origin_text(const struct fcm_settings *s)
{
    struct buf b;

    buf_init(&b, PAYLOAD_BYTES);
    notice_origin(&b, s->api);
    return buf_detach(&b, NULL);
}

static enum err_code make_plan(struct step_ctx *ctx, struct push_plan **out, struct err *why)
{
    const struct fcm_settings *s = fcm__settings(ctx);
    struct push_plan *p;
    struct notice n;
    struct buf b;
    enum err_code rc;

    if (!notice_read(&n, ctx)) {
        return err_set(why, ERR_INVALID, "the message is not made yet");
    }
    buf_init(&b, PAYLOAD_BYTES);
    rc = fcm__path(&b, s, why);
    if (rc) {
        buf_done(&b);
        return rc;
    }
    p = mem_zalloc(sizeof *p);
    p->path = buf_detach(&b, NULL);
    fcm__payload(ctx, &n, &b);
    rc = buf_check(&b, "message", why);
    if (rc) {
        buf_done(&b);
        free_plan(p);
        return rc;
    }
    p->rest = mem_strndup(buf_str(&b) + 1, b.len - 1);
    p->rest_len = b.len - 1;
    p->origin = origin_text(s);
    p->authorization = mem_printf("Bearer %s", ctx->token ? ctx->token : "");
    p->tally = mem_zalloc(sizeof *p->tally);
    buf_done(&b);
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

static const char *service(const char *origin)
{
    (void)origin;
    return "fcm";
}

static void headers(const struct push_plan *plan,
                    const struct member *m,
                    const char *origin,
                    int64_t now_ms,
                    struct http_headers *out,
                    int64_t *until_ms)
{
    (void)m;
    (void)origin;
    (void)now_ms;
    notice_header(out, "content-type", "application/json; charset=UTF-8");
    notice_header(out, "authorization", plan->authorization);
    *until_ms = INT64_MAX; /* a token that has ended is refused, and renewed */
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
    buf_adds(body, "{\"message\":{");
    json_put_text(body, "token", m[0]->address);
    buf_addc(body, ',');
    buf_add(body, plan->rest, plan->rest_len);
    buf_addc(body, '}');
    return ERR_NONE;
}

/* ---- an answer ---- */

static struct verdict
later(struct member_word *words, size_t count, const struct fcm_said *said, bool all)
{
    notice_say(words, count, MEMBER_AGAIN, said->wait_ms, said->detail);
    return all ? verdict_make(VERDICT_AGAIN, SCOPE_HOST, said->wait_ms, "%s", said->detail)
               : verdict_next();
}

static struct verdict judge(const struct push_plan *plan,
                            struct member_word *words,
                            size_t count,
                            const struct fcm_said *said)
{
    switch (said->reach) {
    case FCM_TAKEN:
        return notice_accepted(plan->tally, count);
    case FCM_GONE:
        notice_say(words, count, MEMBER_LOST, 0, said->detail);
        return verdict_next();
    case FCM_NOT_OURS:
        return notice_not_ours(plan->tally,
                               words,
                               count,
                               said->detail,
                               "is service_account of the project that the app is in?");
    case FCM_BEYOND:
        return notice_doubted(
            plan->tally, words, count, said->detail, "Firebase took no other message");
    case FCM_TOKEN:
        notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
        return verdict_token_refused("%s", said->detail);
    case FCM_OPERATOR:
        notice_say(words, count, MEMBER_AGAIN, 0, said->detail);
        return verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "%s", said->detail);
    case FCM_QUOTA:
    case FCM_BUSY:
        return later(words, count, said, true);
    case FCM_DEVICE:
    case FCM_INTERNAL:
        return later(words, count, said, false);
    case FCM_PAYLOAD:
        notice_say(words, count, MEMBER_REFUSED, 0, said->detail);
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "%s", said->detail);
    case FCM_REFUSED:
        return notice_refused(plan->tally, words, count, said->detail);
    case FCM_UNREADABLE:
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
    struct fcm_said said;

    (void)m;
    fcm__read_answer(&said, res);
    return judge(plan, words, count, &said);
}

/* ---- members ---- */

/* Letters, digits and what Firebase has between them, as "eXaMpLe:APA91b…". */
bool fcm__address(const char *text, char *out)
{
    size_t n = 0;

    text += strspn(text, " \t\r\n");
    for (; *text && !strchr(" \t\r\n", *text); text++) {
        bool good = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                    (*text >= '0' && *text <= '9') || strchr(":_-", *text);

        if (!good || n + 1 >= MEMBER_ADDRESS_BYTES) {
            return false;
        }
        out[n++] = *text;
    }
    out[n] = '\0';
    return n >= TOKEN_BYTES_MIN && text[strspn(text, " \t\r\n")] == '\0';
}

static enum err_code subscription(const void *settings,
                                  const json_t *given,
                                  char **address,
                                  uint8_t keys[MEMBER_KEYS_BYTES],
                                  size_t *keys_len,
                                  int64_t *key_id,
                                  struct err *why)
{
    (void)settings;
    (void)keys;
    *keys_len = 0;
    *key_id = 0;
    return notice_subscription(
        given, fcm__address, "the token that Firebase gave the app", address, why);
}

const struct push fcm__push = {
    .many = 1,
    .plan = make_plan,
    .done = free_plan,
    .origin = add_origin,
    .service = service,
    .headers = headers,
    .compose = compose,
    .read = read_answer,
    .subscription = subscription,
};
