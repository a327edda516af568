#ifndef CRIER_ADAPTERS_NOTICE_PLAN_H
#define CRIER_ADAPTERS_NOTICE_PLAN_H

/* The plan of a wave (push.h) where one message is the same for everybody but for the tokens it is addressed to, and
 * an access token says who we are: what fcm_push.c and huawei_push.c share. Apple's, whose token is in the path and
 * who is told by headers, is apns_push.c's own. */

#include "adapters/notice.h"
#include "adapters/push.h"

struct push_plan {
    char *origin, *path, *authorization;
    char *rest; /* the message without its opening bracket and its target */
    size_t rest_len;
    struct notice_tally *tally;
};

/* path: below api, with its first slash. payload: the message as an object, without a target. */
MUST_USE enum err_code
notice_plan_make(struct push_plan **out,
                 const struct step_ctx *ctx,
                 const char *api,
                 const char *path,
                 void (*payload)(const struct step_ctx *, const struct notice *, struct buf *),
                 struct err *why);

/* As in struct push. */
void notice_plan_done(struct push_plan *plan);
bool notice_plan_origin(const struct push_plan *plan, const struct member *m, struct buf *out);
void notice_plan_headers(const struct push_plan *plan,
                         const struct member *m,
                         const char *origin,
                         int64_t now_ms,
                         struct http_headers *out,
                         int64_t *until_ms);

#endif
