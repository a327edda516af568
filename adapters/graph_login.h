#ifndef CRIER_ADAPTERS_GRAPH_LOGIN_H
#define CRIER_ADAPTERS_GRAPH_LOGIN_H

/* How tokens of Meta's platforms are got and kept alive. Two ways:
 *
 *   by Facebook    code -> the person's token -> a long-lived one (60 days) -> the tokens of the person's
 *                  pages, which do not end. The person's token stays in the grant as `refresh_token`: it
 *                  makes a new page token when the old one is no longer taken.
 *   by the app     (Instagram, Threads) code -> a token for an hour -> a long-lived one (60 days), which is
 *                  exchanged for a new one as long as it lives and is a day old. */

#include "adapters/graph.h"
#include "adapters/oauth.h"

/* What a refusal of a token endpoint means: 190 is REVOKED, throttles and trouble LATER, else REFUSED. */
struct oauth_verdict graph_login_trouble(const struct http_response *res);

/* POST url with the code; the "#_" that Instagram puts behind it is not part of it. */
void graph_login_build_code(struct http_request *req,
                            const struct oauth *o,
                            const struct oauth_call *call,
                            const char *url);
/* An answer with access_token and expires_in into the grant; `user_id`, if it tells one, too. */
struct oauth_verdict graph_login_read_token(struct oauth_call *call,
                                            const struct http_response *res);

/* ---- by the app ---- */

/* path at the host of api, without its version; yours (mem_free). */
char *graph_login_host_dup(const char *api, const char *path);
/* GET /access_token of the host of api, grant_type "ig_exchange_token" or "th_exchange_token". */
void graph_login_build_exchange(struct http_request *req,
                                const struct oauth *o,
                                const struct oauth_call *call,
                                const char *api,
                                const char *grant_type);
/* GET /refresh_access_token, "ig_refresh_token" or "th_refresh_token". */
void graph_login_build_refresh(struct http_request *req,
                               const struct oauth_call *call,
                               const char *api,
                               const char *grant_type);
/* For struct oauth.can_renew: there is a token, and it has not ended. */
bool graph_login_can_renew(const struct oauth_call *call);
/* What both have in common, for struct oauth: */
#define GRAPH_LOGIN_RENEW_BEFORE_MS (53 * MS_DAY) /* of 60 days: once a week */
#define GRAPH_LOGIN_AGE_MIN_MS (25 * MS_HOUR)     /* a token must be a day old */

/* ---- by Facebook ---- */

/* GET {api}/oauth/access_token, fb_exchange_token: the person's token in the grant for a long-lived one. */
void graph_login_build_long_lived(struct http_request *req,
                                  const struct oauth *o,
                                  const struct oauth_call *call,
                                  const char *api);
/* The code's answer, and the one of the exchange: into refresh_token. */
struct oauth_verdict graph_login_read_person(struct oauth_call *call,
                                             const struct http_response *res);
/* GET {api}/me/accounts; more_fields: ",instagram_business_account{id,username}" or "". */
void graph_login_build_pages(struct http_request *req,
                             const struct oauth *o,
                             const struct oauth_call *call,
                             const char *api,
                             const char *more_fields);
/* The token of the page `page_id`, or (instagram_id set) of the one that this Instagram account is linked to. */
struct oauth_verdict graph_login_read_pages(struct oauth_call *call,
                                            const struct http_response *res,
                                            const char *page_id,
                                            const char *instagram_id);

#endif
