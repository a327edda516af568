#ifndef CRIER_ADAPTERS_TUMBLR_INTERNAL_H
#define CRIER_ADAPTERS_TUMBLR_INTERNAL_H

/* Shared between the files of the Tumblr adapter:
 *   tumblr.c          settings, limits, courses, tokens, how to set it up
 *   tumblr_post.c     the post as blocks (Neue Post Format): made, replaced, deleted
 *   tumblr_verify.c   whose token this is; finding our post after an unknown outcome
 *   tumblr_trouble.c  from error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url      the post
 *   title text description    as sent, fixed by the first request of the delivery
 *   slug                      the end of its address, by which it is found again; the same for all revisions
 *   media_off                 why the post goes without its picture, for people
 *   look_pages look_from      see look.h */

#include "adapters/adapter.h"
#include "adapters/oauth.h"

enum tumblr_media { TUMBLR_MEDIA_AUTO, TUMBLR_MEDIA_NEVER };

struct tumblr_settings {
    char *blog;
    struct oauth_settings oauth;
    struct mustache *title, *text, *description;
    int media; /* enum tumblr_media */
    bool tags;
    char *api, *authorize_page;
};
extern const struct oauth tumblr__oauth;

enum { TUMBLR_LIMIT_TITLE, TUMBLR_LIMIT_TEXT, TUMBLR_LIMIT_DESCRIPTION, TUMBLR_LIMIT_ALT };
extern const struct text_rule tumblr__limits[];

#define TUMBLR_IMAGE_BYTES ((size_t)10 * 1024 * 1024)

static inline const struct tumblr_settings *tumblr__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Method, address below `api` and the headers of a request. */
void tumblr__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     enum http_method method,
                     const char *path_format,
                     ...) PRINTF_LIKE(4, 5);
bool tumblr__blog_ok(const char *blog);
/* A post's id, digits alone, by itself or in the address of its page; NULL. Copied to out. */
#define TUMBLR_ID_BYTES 24
const char *tumblr__post_id(const char *remote_id, const char *link, char out[TUMBLR_ID_BYTES]);
void tumblr__set_post(struct step_ctx *ctx, const char *id);
/* The id of a post in an answer, a string or a number; NULL. Copied to out. */
const char *tumblr__id_of(const json_t *post, char out[TUMBLR_ID_BYTES]);

struct verdict tumblr__trouble(const struct step *step, const struct http_response *res);
/* Whether the answer has this code of Tumblr's own ("8005"). */
bool tumblr__has_code(const struct http_response *res, const char *code);

bool tumblr__media_wanted(const struct step_ctx *ctx);
void tumblr__media_wish(const struct step_ctx *ctx, struct media_wish *wish);
#define TUMBLR_STEP(name)                                                                      \
    enum err_code tumblr__build_##name(                                                        \
        struct step_ctx *ctx, struct http_request *req, struct err *why);                      \
    struct verdict tumblr__read_##name(struct step_ctx *ctx, const struct http_response *res)

TUMBLR_STEP(post);
TUMBLR_STEP(edit);
TUMBLR_STEP(delete);
TUMBLR_STEP(find);
TUMBLR_STEP(test);

#endif
