#ifndef CRIER_ADAPTERS_HUAWEI_INTERNAL_H
#define CRIER_ADAPTERS_HUAWEI_INTERNAL_H

/* Shared by Huawei's files: huawei.c (settings, courses, audience), huawei_token.c (access tokens), huawei_push.c
 * (what lanes call), huawei_trouble.c (what answers mean). */

#include "adapters/adapter.h"
#include "adapters/notice.h"
#include "adapters/oauth.h"
#include "base/field.h"

struct huawei_settings {
    struct notice_settings notice; /* the first: see there */
    struct oauth_settings oauth;   /* client_id is the app's id */
    char *channel_id, *category, *login_url, *api;
    int importance;
};
const struct huawei_settings *huawei__settings(const struct step_ctx *ctx);
extern const char *const huawei__importances[];

enum huawei_limit { HUAWEI_LIMIT_PAYLOAD };
extern const struct text_rule huawei__limits[];

/* huawei_token.c */
extern const struct oauth huawei__oauth;

/* huawei_push.c */
extern const struct push huawei__push;
bool huawei__address(const char *text, char *out);
#define HUAWEI_ADDRESS_FORM                                                                    \
    "the token that Push Kit gave the app: no blanks, at least 16 characters"
enum err_code huawei__prepare(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
huawei__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why);

/* huawei_trouble.c */
/* What an answer means for each member of a request, and for the wave. */
struct verdict huawei__read(struct notice_tally *tally,
                            const struct member *const *m,
                            size_t count,
                            const struct http_response *res,
                            struct member_word *words);
struct verdict huawei__read_test(struct step_ctx *ctx, const struct http_response *res);

#endif
