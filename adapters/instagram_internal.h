#ifndef CRIER_ADAPTERS_INSTAGRAM_INTERNAL_H
#define CRIER_ADAPTERS_INSTAGRAM_INTERNAL_H

/* Shared between the files of the Instagram adapter:
 *   instagram.c        settings, limits, courses, how to set it up
 *   instagram_post.c   what goes into a container, deletion, whose token this is, error answers
 *   instagram_login.c  both ways to a token
 * The way of a post is container.h's; its members of record and account are told there. */

#include "adapters/adapter.h"
#include "adapters/container.h"
#include "adapters/oauth.h"

enum instagram_login { INSTAGRAM_BY_INSTAGRAM, INSTAGRAM_BY_FACEBOOK };
enum instagram_post {
    INSTAGRAM_AUTO,
    INSTAGRAM_IMAGE,
    INSTAGRAM_CAROUSEL,
    INSTAGRAM_REEL,
    INSTAGRAM_STORY,
};

struct instagram_settings {
    int login; /* enum instagram_login */
    char *user_id;
    struct oauth_settings oauth;
    int post; /* enum instagram_post */
    struct mustache *caption;
    bool share_to_feed;
    char *api, *login_page, *token_address; /* NULL: the official one of the way in */
};

enum { INSTAGRAM_LIMIT_CAPTION, INSTAGRAM_LIMIT_ALT };
extern const struct text_rule instagram__limits[];
#define INSTAGRAM_HASHTAGS_MAX 30
#define INSTAGRAM_MENTIONS_MAX 20
#define INSTAGRAM_IMAGE_BYTES 8000000
#define INSTAGRAM_REEL_BYTES 300000000
#define INSTAGRAM_STORY_VIDEO_BYTES 100000000

extern const struct oauth instagram__oauth;
extern const struct container_platform instagram__platform;

static inline const struct instagram_settings *instagram__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
const char *instagram__api(const struct instagram_settings *s);

bool instagram__item_wanted(const struct step_ctx *ctx);
bool instagram__media_wanted(const struct step_ctx *ctx);
void instagram__item_wish(const struct step_ctx *ctx, struct media_wish *wish);
void instagram__media_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
instagram__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict instagram__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
instagram__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict instagram__read_whoami(struct step_ctx *ctx, const struct http_response *res);

#endif
