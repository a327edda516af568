#ifndef CRIER_ADAPTERS_FACEBOOK_INTERNAL_H
#define CRIER_ADAPTERS_FACEBOOK_INTERNAL_H

/* Shared between the files of the Facebook adapter:
 *   facebook.c        settings, limits, courses, how to set it up
 *   facebook_post.c   the requests about a post: post, edit, delete; what refusals mean
 *   facebook_media.c  its photos; posts of a video
 *   facebook_look.c   whose token this is; finding our post after an unknown outcome
 *   facebook_login.c  the way to a page's token
 *
 * Members of ctx->record:
 *   remote_id remote_url text   the post, its text as sent, fixed before the first request
 *   kind                        "link", "photo", "video" or "text": what was posted
 *   photos photos_closed        ids of the photos that were uploaded, unpublished; no more are wanted
 *   media_off                   why the post goes without photos, for people
 *   link_tries link_off         how often Facebook could not read the page; it goes without the preview
 *   sent_at_ms                  when the request that publishes left last, and was not refused
 *   sent_again                  it left more than once: what Facebook calls a duplicate may be ours
 *   processing_since_ms         since when a video is waited for */

#include "adapters/adapter.h"
#include "adapters/graph.h"
#include "adapters/oauth.h"

enum facebook_post { FACEBOOK_AUTO, FACEBOOK_LINK, FACEBOOK_PHOTO, FACEBOOK_VIDEO };
enum facebook_videos { FACEBOOK_BY_ADDRESS, FACEBOOK_BY_UPLOAD };

struct facebook_settings {
    char *page_id;
    struct oauth_settings oauth;
    int post; /* enum facebook_post */
    struct mustache *message;
    int videos; /* enum facebook_videos */
    char *api, *video_api, *login_page;
};

enum { FACEBOOK_LIMIT_MESSAGE, FACEBOOK_LIMIT_TITLE, FACEBOOK_LIMIT_ALT };
extern const struct text_rule facebook__limits[];
#define FACEBOOK_PHOTOS_MAX 10
#define FACEBOOK_PHOTO_BYTES 4000000 /* error 1366046 says "smaller than 4 MB" */
#define FACEBOOK_VIDEO_BYTES 1000000000

extern const struct oauth facebook__oauth;

static inline const struct facebook_settings *facebook__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* Method, address below the API, token, proof. */
void facebook__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...) PRINTF_LIKE(4, 5);
/* A post's id, or that of its photo or video, by itself or in a link; NULL. */
const char *facebook__post_id(const struct facebook_settings *s,
                              const char *remote_id,
                              const char *link,
                              char out[GRAPH_ID_BYTES]);
/* The verdict on any answer that is not the one hoped for. */
struct verdict facebook__trouble(const struct step *step, const struct http_response *res);

enum facebook_kind {
    FACEBOOK_KIND_LINK,
    FACEBOOK_KIND_PHOTO,
    FACEBOOK_KIND_VIDEO,
    FACEBOOK_KIND_TEXT,
};
/* What this delivery posts, as things stand. */
enum facebook_kind facebook__kind(const struct step_ctx *ctx);
/* ERR_NOT_FOUND when the article lacks what the settings want. */
MUST_USE enum err_code facebook__has_what_it_takes(const struct step_ctx *ctx, struct err *why);
/* The text into the record, once per delivery and kind. */
MUST_USE enum err_code
facebook__fix_text(struct step_ctx *ctx, enum facebook_kind kind, struct err *why);
/* A request that publishes is about to leave. */
void facebook__note_sending(struct step_ctx *ctx);
/* id and address of the post; body: the answer, which may tell it. */
void facebook__note_post(struct step_ctx *ctx, const char *id, const json_t *body);
/* The verdict on an answer to a publishing request that brought no post. */
struct verdict facebook__not_posted(struct step_ctx *ctx, const struct http_response *res);
/* A step whose request makes nothing public and may be repeated. */
extern const struct step facebook__invisible;

bool facebook__photo_wanted(const struct step_ctx *ctx);
void facebook__photo_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
facebook__build_photo(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_photo(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_post(struct step_ctx *ctx, const struct http_response *res);
struct verdict facebook__unanswered_post(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error);
bool facebook__video_wanted(const struct step_ctx *ctx);
void facebook__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
facebook__build_video(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_video(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_await(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
facebook__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict facebook__read_whoami(struct step_ctx *ctx, const struct http_response *res);

#endif
