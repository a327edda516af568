/* Messages to tokens, as lanes send them: one request for each. Called through the audience of fcm.c, mostly on
 * lanes' threads. Pure.
 *
 * What an answer means for the others: a token that is none, or none of this project's, may also be a wrong project
 * in the settings, so nobody is removed for it before Firebase has taken a message of the same run. */

#include "adapters/fcm_internal.h"

#include <stdint.h>

#include "adapters/audience.h"
#include "adapters/notice_plan.h"
#include "base/json_put.h"
#include "base/mem.h"

#define TOKEN_BYTES_MIN 32

static enum err_code make_plan(struct step_ctx *ctx, struct push_plan **out, struct err *why)
{
    const struct fcm_settings *s = fcm__settings(ctx);
    char *path;
    enum err_code rc = fcm__path(&path, s, why);

    if (!rc) {
        rc = notice_plan_make(out, ctx, s->api, path, fcm__payload, why);
        mem_free(path);
    }
    return rc;
}

/* ---- a request ---- */

static const char *service(const char *origin)
{
    (void)origin;
    return "fcm";
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

/* As in "eXaMpLe:APA91b…". */
static bool may_be(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == ':' || c == '_' || c == '-';
}

bool fcm__address(const char *text, char *out)
{
    return notice_token(text, out, may_be, TOKEN_BYTES_MIN);
}

const struct push fcm__push = {
    .many = 1,
    .plan = make_plan,
    .done = notice_plan_done,
    .origin = notice_plan_origin,
    .service = service,
    .headers = notice_plan_headers,
    .compose = compose,
    .read = read_answer,
};
