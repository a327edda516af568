#ifndef CRIER_ADAPTERS_CONTAINER_H
#define CRIER_ADAPTERS_CONTAINER_H

/* Publishing by containers, as Instagram and Threads do it: a container is made of a text and addresses of
 * pictures or a video, Meta fetches and processes those, and then the container is published. It is
 * invisible until then, lives for a day, and is published once at most: so its id, which stands in the
 * record before anything is public, is what makes posting exact.
 *
 *   read_quota      how many posts a day the account has, asked once an hour
 *   create_item     a picture of a carousel, once for each
 *   create          the container
 *   await           until it is processed
 *   publish         makes it public. After an unknown outcome the container says whether it did
 *   permalink       the post's address; does without
 *
 * Where a post is changed by another one (course update) there is no `verify`, so there `publish` itself
 * looks at the container before it is sent a second time, and `find_new` takes the place of the answer.
 *
 * Members of ctx->record:
 *   remote_id remote_url text   the post, its text as sent
 *   container                   its id
 *   containers                  how many were made
 *   container_dead              it will never be published
 *   children items_closed       of a carousel: ids of its items; no more are wanted
 *   media_off                   why the post goes without its picture or video, for people
 *   await_since_ms              since when it is waited for
 *   fetch_tries item_tries publish_tries find_since_ms
 *   sent_at_ms                  when publish left last, and may have been done
 *   sent_again                  publish: it left before that, too
 *   looking                     update: the container is being asked
 *   was_published               the container says so, the post is to be found
 * Members of ctx->account: quota {user, at_ms, total}. */

#include "adapters/adapter.h"
#include "adapters/graph.h"

enum container_shape {
    CONTAINER_TEXT,
    CONTAINER_IMAGE,
    CONTAINER_CAROUSEL,
    CONTAINER_VIDEO,
    CONTAINER_STORY_IMAGE,
    CONTAINER_STORY_VIDEO,
};

/* What an adapter's error rows may mean beside what all have. */
enum container_means {
    CONTAINER_NEW = GRAPH_OWN, /* this container will not do, another may */
    CONTAINER_NOT_READY,       /* it is still being processed */
    CONTAINER_NOT_SEEN,        /* it was just made, and is not known everywhere yet */
    CONTAINER_FETCH,           /* Meta could not fetch the picture or the video */
};

#define CONTAINER_KEPT_MS (23 * MS_HOUR) /* it lives for a day */

struct container_account {
    const char *api, *user;
    const struct secret *app_secret; /* for appsecret_proof; NULL: none is sent */
};

struct container_platform {
    const char *edge, *publish_edge, *limit_edge; /* below /{user} */
    const char *status, *explanation;             /* members of a container */
    const char *text;                             /* member of a container and of a post */
    const char *list_fields;
    const struct graph_row *rows;
    struct container_account (*account)(const struct step_ctx *ctx);
    /* What the article and the settings want; ERR_NOT_FOUND when the article lacks what it takes. */
    enum err_code (*shape)(const struct step_ctx *ctx,
                           enum container_shape *out,
                           struct err *why);
    enum err_code (*make_text)(struct step_ctx *ctx, struct buf *out, struct err *why);
    /* Members of the container besides the text; media is ctx->media or, of an article whose file is not
     * known, NULL. */
    enum err_code (*fill)(struct step_ctx *ctx,
                          enum container_shape shape,
                          bool is_item,
                          struct http_request *req,
                          struct err *why);
    /* Its picture or video is not to be had: NEXT, jumping, when there is a form without; else REJECTED. */
    bool can_do_without_media;
    /* This revision changes nothing here (update that is ignored). NULL: never. */
    bool (*nothing_to_do)(const struct step_ctx *ctx);
    /* Where posts without a text are listed; NULL: with the others. */
    const char *(*list_edge)(const struct step_ctx *ctx);
    size_t items_max;
};

#define CONTAINER_PARAMETERS const struct container_platform *p, struct step_ctx *ctx
#define CONTAINER_LOOKS const struct container_platform *p, const struct step_ctx *ctx
#define CONTAINER_DECLARE(step)                                                                \
    enum err_code container_build_##step(                                                      \
        CONTAINER_PARAMETERS, struct http_request *req, struct err *why);                      \
    struct verdict container_read_##step(CONTAINER_PARAMETERS, const struct http_response *res)
CONTAINER_DECLARE(quota);
CONTAINER_DECLARE(item);
CONTAINER_DECLARE(create);
CONTAINER_DECLARE(await);
CONTAINER_DECLARE(publish);   /* publish: not repeatable, with a verify course */
CONTAINER_DECLARE(republish); /* update: looks first */
CONTAINER_DECLARE(permalink);
CONTAINER_DECLARE(look); /* verify */
CONTAINER_DECLARE(find); /* verify, and find_new of an update */
#undef CONTAINER_DECLARE
struct verdict container_unanswered_republish(struct step_ctx *ctx,
                                              enum transport_outcome outcome,
                                              const char *error);
struct verdict container_unanswered_permalink(struct step_ctx *ctx,
                                              enum transport_outcome outcome,
                                              const char *error);

bool container_item_wanted(CONTAINER_LOOKS);
bool container_media_wanted(CONTAINER_LOOKS);
size_t container_item_index(const struct step_ctx *ctx);
enum container_shape container_shape_of(CONTAINER_LOOKS);
/* Make the functions of a step in an adapter's file: build_create(), read_create(). */
#define CONTAINER_STEP(step, platform)                                                         \
    static enum err_code build_##step(                                                         \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        return container_build_##step(platform, ctx, req, why);                                \
    }                                                                                          \
    static struct verdict read_##step(struct step_ctx *ctx, const struct http_response *res)   \
    {                                                                                          \
        return container_read_##step(platform, ctx, res);                                      \
    }

/* The post's text, once per delivery: rendered by the adapter, kept in the record. */
MUST_USE enum err_code container_fix_text(CONTAINER_PARAMETERS, struct err *why);
/* A picture of the article, or its video, by the address of the media in hand, else the picture's own; NULL,
 * with a reason: it is not to be had. */
const char *
container_media_url(const struct step_ctx *ctx, size_t index, const char **out_reason);
/* For struct adapter.quota_told. */
int64_t container_quota_told(const json_t *account);
/* The verdict on an answer that is not the one hoped for. */
struct verdict container_trouble(CONTAINER_PARAMETERS,
                                 const struct step *step,
                                 const struct http_response *res);
/* A request to the account; path below the API. */
void container_request(CONTAINER_PARAMETERS,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...) PRINTF_LIKE(5, 6);

#endif
