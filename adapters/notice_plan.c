/* See notice_plan.h. Called by fcm_push.c and huawei_push.c: made on the loop, used on lanes' threads. Pure. */

#include "adapters/notice_plan.h"

#include <stdint.h>

#include "base/mem.h"

#define PAYLOAD_BYTES ((size_t)64 * 1024)

void notice_plan_done(struct push_plan *plan)
{
    if (plan) {
        mem_free(plan->origin);
        mem_free(plan->path);
        mem_free_secret_text(plan->authorization);
        mem_free(plan->rest);
        mem_free(plan->tally);
        mem_free(plan);
    }
}

static void set_address(struct push_plan *plan, const char *api, const char *path)
{
    struct buf origin;
    const char *base;
    size_t len;

    buf_init(&origin, PAYLOAD_BYTES);
    notice_origin(&origin, api);
    plan->origin = buf_detach(&origin, NULL);
    base = notice_base_path(api, &len);
    plan->path = mem_printf("%.*s%s", (int)len, base, path);
}

enum err_code
notice_plan_make(struct push_plan **out,
                 const struct step_ctx *ctx,
                 const char *api,
                 const char *path,
                 void (*payload)(const struct step_ctx *, const struct notice *, struct buf *),
                 struct err *why)
{
    struct push_plan *plan;
    struct notice n;
    struct buf b;
    enum err_code rc;

    if (!notice_read(&n, ctx)) {
        return err_set(why, ERR_INVALID, "the message is not made yet");
    }
    buf_init(&b, PAYLOAD_BYTES);
    payload(ctx, &n, &b);
    rc = buf_check(&b, "message", why);
    if (!rc) {
        plan = mem_zalloc(sizeof *plan);
        plan->rest = mem_strndup(buf_str(&b) + 1, b.len - 1);
        plan->rest_len = b.len - 1;
        plan->authorization = mem_printf("Bearer %s", ctx->token ? ctx->token : "");
        plan->tally = mem_zalloc(sizeof *plan->tally);
        set_address(plan, api, path);
        *out = plan;
    }
    buf_done(&b);
    return rc;
}

bool notice_plan_origin(const struct push_plan *plan, const struct member *m, struct buf *out)
{
    (void)m;
    buf_adds(out, plan->origin);
    return true;
}

void notice_plan_headers(const struct push_plan *plan,
                         const struct member *m,
                         const char *origin,
                         int64_t now_ms,
                         struct http_headers *out,
                         int64_t *until_ms)
{
    (void)m;
    (void)origin;
    (void)now_ms;
    http_headers_put(out, "content-type", "application/json; charset=UTF-8");
    http_headers_put(out, "authorization", plan->authorization);
    *until_ms = INT64_MAX; /* a token that has ended is refused, and renewed */
}
