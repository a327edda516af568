#ifndef CRIER_ADAPTERS_WORDPRESS_INTERNAL_H
#define CRIER_ADAPTERS_WORDPRESS_INTERNAL_H

/* Shared between the files of the WordPress adapter:
 *   wordpress.c          settings, limits, courses, how to set it up
 *   wordpress_terms.c    the numbers of categories and tags
 *   wordpress_post.c     the picture, the post: made, changed, taken back, looked for
 *   wordpress_trouble.c  requests to the site, and from its error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url     number of the post there, and its page
 *   slug                     what its address ends with, chosen by us before the first request: by it the
 *                            post is found again
 *   title text excerpt       as sent, fixed by the first request of the delivery
 *   media_id media_url media_off media_since_ms   the picture (picture.h)
 *   terms_off                ["tags/flood"]: what the post does without
 *   term_kind term_name      the one that is asked about; term_missing: it is not there yet
 *   no_trash                 the site has no trash: deleted for good
 * Members of ctx->account: terms {api, categories: {"World": 5}, tags: {…}}. */

#include "adapters/adapter.h"
#include "base/secret.h"

enum wordpress_status {
    WORDPRESS_PUBLISH,
    WORDPRESS_DRAFT,
    WORDPRESS_PENDING,
    WORDPRESS_PRIVATE
};
enum wordpress_media { WORDPRESS_MEDIA_AUTO, WORDPRESS_MEDIA_NEVER };
enum wordpress_retract { WORDPRESS_TRASH, WORDPRESS_DELETE };

struct wordpress_settings {
    char *site, *api; /* api NULL: below the site */
    char *user;
    struct secret password;
    int status; /* enum wordpress_status */
    struct mustache *title, *text, *excerpt;
    struct strings categories, tags; /* none: the article's */
    bool create_terms;
    int media;   /* enum wordpress_media */
    int retract; /* enum wordpress_retract */
    char *canonical_field;
};
extern const char *const wordpress__statuses[];

enum {
    WORDPRESS_LIMIT_TITLE,
    WORDPRESS_LIMIT_TEXT,
    WORDPRESS_LIMIT_EXCERPT,
    WORDPRESS_LIMIT_ALT
};
extern const struct text_rule wordpress__limits[];
#define WORDPRESS_IMAGE_BYTES ((size_t)8 * 1024 * 1024)

static inline const struct wordpress_settings *wordpress__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* The address of the site's REST API. */
void wordpress__api(const struct wordpress_settings *s, struct buf *out);
/* Method, address below wp/v2, login and Accept of a request. */
void wordpress__request(const struct step_ctx *ctx,
                        struct http_request *req,
                        enum http_method method,
                        const char *path_format,
                        ...) PRINTF_LIKE(4, 5);
/* The verdict on any answer that is not the one hoped for. `publishes`: of the step that makes the post. */
struct verdict wordpress__trouble(const struct http_response *res, bool publishes);
bool wordpress__error_is(const struct http_response *res, const char *code);

/* The numbers of the post's categories, or tags, as far as they are known: a new list. */
json_t *wordpress__terms(const struct step_ctx *ctx, const char *taxonomy);
/* A number of the site, as text too: 0 when it is none. */
int64_t wordpress__number(const char *text);
/* The number of a post by it, or by an address that holds it (?p=12); 0: neither names one. */
int64_t wordpress__post_number(const struct wordpress_settings *s,
                               const char *remote_id,
                               const char *link);

bool wordpress__media_wanted(const struct step_ctx *ctx);
enum err_code
wordpress__build_find_term(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_find_term(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_make_term(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_make_term(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_create(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
wordpress__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict wordpress__read_whoami(struct step_ctx *ctx, const struct http_response *res);

#endif
