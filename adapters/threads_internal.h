#ifndef CRIER_ADAPTERS_THREADS_INTERNAL_H
#define CRIER_ADAPTERS_THREADS_INTERNAL_H

/* Shared between the files of the Threads adapter:
 *   threads.c           settings, limits, courses, how to set it up
 *   threads_post.c      what goes into a container, what refusals mean
 *   threads_standing.c  which posts stand, their removal, whose token this is
 *   threads_login.c     the way to a token
 * The way of a post is container.h's; its members of record and account are told there. Own members of
 * ctx->record:
 *   standing   ids of all our posts of this article that stand, oldest first
 *   left       ids still to be deleted */

#include "adapters/adapter.h"
#include "adapters/container.h"
#include "adapters/oauth.h"

enum threads_post { THREADS_LINK, THREADS_IMAGE, THREADS_CAROUSEL, THREADS_VIDEO };
enum threads_on_update { THREADS_REPLACE, THREADS_REPLY, THREADS_IGNORE };

struct threads_settings {
    char *user_id; /* NULL: the token's own */
    struct oauth_settings oauth;
    int post; /* enum threads_post */
    struct mustache *text, *topic_tag;
    int reply_control; /* index in threads__reply_controls */
    int on_update;     /* enum threads_on_update */
    char *api, *login_page;
};
extern const char *const threads__reply_controls[];

enum { THREADS_LIMIT_TEXT, THREADS_LIMIT_TOPIC, THREADS_LIMIT_ALT };
extern const struct text_rule threads__limits[];
#define THREADS_LINKS_MAX 5
#define THREADS_IMAGE_BYTES 8000000
#define THREADS_VIDEO_BYTES 1000000000

extern const struct oauth threads__oauth;
extern const struct container_platform threads__platform;

static inline const struct threads_settings *threads__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* An update that this channel leaves alone. */
bool threads__nothing_to_do(const struct step_ctx *ctx);

bool threads__item_wanted(const struct step_ctx *ctx);
bool threads__media_wanted(const struct step_ctx *ctx);
void threads__item_wish(const struct step_ctx *ctx, struct media_wish *wish);
void threads__media_wish(const struct step_ctx *ctx, struct media_wish *wish);

/* The post of this delivery is public under record.remote_id: it stands beside those before. */
void threads__note_standing(struct step_ctx *ctx);
enum err_code
threads__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict threads__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
threads__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict threads__read_whoami(struct step_ctx *ctx, const struct http_response *res);

#endif
