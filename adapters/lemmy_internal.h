#ifndef CRIER_ADAPTERS_LEMMY_INTERNAL_H
#define CRIER_ADAPTERS_LEMMY_INTERNAL_H

/* Shared between the files of the Lemmy adapter:
 *   lemmy.c          settings, limits, courses, how to set it up
 *   lemmy_account.c  signing in; what the site and the community tell of themselves
 *   lemmy_post.c     the link post: made, edited, deleted, looked for
 *   lemmy_trouble.c  requests to the site, and from its error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url  number of the post on its site, and its page there (ap_id)
 *   title text            as sent, fixed by the first request of the delivery
 *   language_id           the number the site has for its language; absent: none was declared
 *   learning              create_post asks for the community, which is not known any more
 * Members of ctx->account: site {instance, at_ms, version, person_id, name, languages: {"en": 37}},
 * community {instance, name, at_ms, id, languages: [numbers]}. */

#include "adapters/adapter.h"
#include "adapters/oauth.h"
#include "base/secret.h"

struct trouble_said;

enum lemmy_thumbnail { LEMMY_THUMBNAIL_AUTO, LEMMY_THUMBNAIL_NEVER };

struct lemmy_settings {
    struct oauth_settings oauth; /* none is set: the password is what there is */
    char *instance;
    char *username;
    struct secret password;
    char *community;
    struct mustache *title, *text;
    char *language; /* NULL: the article's */
    bool nsfw;
    int thumbnail; /* enum lemmy_thumbnail */
};

enum { LEMMY_LIMIT_TITLE, LEMMY_LIMIT_TEXT, LEMMY_LIMIT_ALT };
extern const struct text_rule lemmy__limits[];
extern const struct oauth lemmy__oauth;

static inline const struct lemmy_settings *lemmy__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Method, address below the site, token and Accept of a request. */
void lemmy__request(const struct step_ctx *ctx,
                    struct http_request *req,
                    enum http_method method,
                    const char *path_format,
                    ...) PRINTF_LIKE(4, 5);
/* The verdict on any answer that is not the one hoped for. `publishes`: of the step that makes the post. */
struct verdict lemmy__trouble(const struct http_response *res, bool publishes);

/* The site, or the community, as last learned and still true of these settings; NULL. */
const json_t *lemmy__site(const struct step_ctx *ctx);
const json_t *lemmy__community(const struct step_ctx *ctx);

enum err_code
lemmy__build_site(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_site(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_community(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_community(struct step_ctx *ctx, const struct http_response *res);
struct verdict lemmy__read_test(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_create(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_search(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_search(struct step_ctx *ctx, const struct http_response *res);
enum err_code
lemmy__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict lemmy__read_list(struct step_ctx *ctx, const struct http_response *res);
/* The number of a post, by it or by its page on this site; 0: neither names one. */
int64_t
lemmy__post_number(const struct lemmy_settings *s, const char *remote_id, const char *link);

#endif
