#ifndef CRIER_ADAPTERS_REDDIT_INTERNAL_H
#define CRIER_ADAPTERS_REDDIT_INTERNAL_H

/* Shared between the files of the Reddit adapter:
 *   reddit.c          settings, limits, courses, how to set it up
 *   reddit_token.c    where tokens come from
 *   reddit_post.c     the post: submitted, edited, deleted; whose token this is
 *   reddit_verify.c   our post in the account's own list
 *   reddit_trouble.c  requests to the API, and from its error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url  "t3_…", and its page
 *   title text            as sent, fixed by the first request of the delivery; text of self posts only */

#include "adapters/adapter.h"
#include "adapters/oauth.h"
#include "base/secret.h"

enum reddit_kind { REDDIT_LINK, REDDIT_SELF };

struct reddit_settings {
    struct oauth_settings oauth;
    char *api, *login_url;
    char *username;
    struct secret password; /* of script apps; not set: a refresh token */
    char *subreddit;
    int kind; /* enum reddit_kind */
    struct mustache *title, *text;
    char *flair_id, *flair_text;
    bool nsfw, spoiler, send_replies;
};

enum { REDDIT_LIMIT_TITLE, REDDIT_LIMIT_TEXT };
extern const struct text_rule reddit__limits[];
extern const struct oauth reddit__oauth;

static inline const struct reddit_settings *reddit__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Every request needs one of its own kind, or is turned away (429, 403). */
void reddit__set_agent(struct http_request *req, const struct reddit_settings *s);
/* Method, address, token and User-Agent of a request. */
void reddit__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     enum http_method method,
                     const char *path_format,
                     ...) PRINTF_LIKE(4, 5);
/* The first error of an answer, which may well be a 200: {"json":{"errors":[["CODE","text","field"]]}}. */
const char *reddit__error_code(const json_t *body);
/* The verdict on any answer that is not the one hoped for. once: of the step that must not be repeated. */
struct verdict reddit__trouble(const struct http_response *res, bool once);

/* "t3_abc" of a post by its name, its id or its page; NULL when none names one. Copied to out. */
#define REDDIT_NAME_BYTES 24
const char *
reddit__post_name(const char *remote_id, const char *link, char out[REDDIT_NAME_BYTES]);

enum err_code
reddit__build_link(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
reddit__build_self(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_link(struct step_ctx *ctx, const struct http_response *res);
struct verdict reddit__read_self(struct step_ctx *ctx, const struct http_response *res);
enum err_code
reddit__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code
reddit__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
reddit__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
reddit__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_whoami(struct step_ctx *ctx, const struct http_response *res);
enum err_code
reddit__build_about(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict reddit__read_about(struct step_ctx *ctx, const struct http_response *res);

#endif
