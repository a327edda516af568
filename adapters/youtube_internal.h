#ifndef CRIER_ADAPTERS_YOUTUBE_INTERNAL_H
#define CRIER_ADAPTERS_YOUTUBE_INTERNAL_H

/* Shared between the files of the YouTube adapter:
 *   youtube.c          settings, limits, courses, sign-in, how to set it up
 *   youtube_text.c     title, description, tags; the resource that is sent
 *   youtube_upload.c   the upload: session, pieces, what is there already
 *   youtube_video.c    what comes behind it: preview picture, state; change, withdraw
 *   youtube_verify.c   whose channel this is; finding our video after an unknown outcome
 *   youtube_trouble.c  from error answers to verdicts; ids
 *
 * Members of ctx->record:
 *   remote_id remote_url  the video
 *   title text            as sent, fixed by the first request of the delivery; text: the description
 *   session               address of the upload session. Who has it can upload, so it leaves the record as
 *                         soon as the video is there
 *   session_at_ms         when it was begun
 *   total file_type file_hash    the file it is for (upload.h)
 *   offset                so many bytes of it are there, as far as the platform told
 *   sent_at_ms            a piece left and nothing is known of it: ask before anything else
 *   asked                 the request under way is that question
 *   sessions stalls pieces       counters: of sessions, of pieces that changed nothing, of pieces
 *   thumbnail_url thumbnail_off  the picture that was set; or why there is none, for people
 *   checked_at_ms         since when its processing is waited for
 * Members of ctx->account: uploads {channel, at_ms}: the playlist of all uploads. */

#include "adapters/adapter.h"
#include "adapters/google.h"

enum youtube_retract { YOUTUBE_RETRACT_PRIVATE, YOUTUBE_RETRACT_DELETE };
enum youtube_thumbnail { YOUTUBE_THUMBNAIL_AUTO, YOUTUBE_THUMBNAIL_NEVER };

struct youtube_settings {
    struct google_settings google; /* first: google.h */
    char *api, *upload_api;
    struct mustache *title, *text;
    char *category;
    char *language; /* NULL: the article's */
    int privacy;    /* index in youtube__privacies */
    bool notify_subscribers, made_for_kids, embeddable, synthetic, tags;
    int thumbnail; /* enum youtube_thumbnail */
    int retract;   /* enum youtube_retract */
    int64_t wait_processing_ms;
};
extern const char *const youtube__privacies[];
#define YOUTUBE_PRIVATE 2 /* in youtube__privacies */

enum { YOUTUBE_LIMIT_TITLE, YOUTUBE_LIMIT_TEXT, YOUTUBE_LIMIT_TAGS };
extern const struct text_rule youtube__limits[];

#define YOUTUBE_VIDEO_BYTES_MAX INT64_C(274877906944) /* 256 GB */
#define YOUTUBE_PICTURE_BYTES_MAX 2097152

static inline const struct youtube_settings *youtube__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Method, address below settings.api, token. */
void youtube__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *base,
                      const char *path_format,
                      ...) PRINTF_LIKE(5, 6);

/* Renders title and description into the record, once per delivery. */
MUST_USE enum err_code youtube__fit(struct step_ctx *ctx, struct err *why);
/* The resource's members; new references. snippet is whole: what an update leaves out is cleared. */
json_t *youtube__snippet(struct step_ctx *ctx);
json_t *youtube__status(const struct step_ctx *ctx, int privacy);

/* An id of a video: 11 characters; NULL when neither names one. Copied to out. */
#define YOUTUBE_ID_BYTES 12
const char *
youtube__video_id(const char *remote_id, const char *link, char out[YOUTUBE_ID_BYTES]);
/* Takes the id of a Video resource over: post_set(), and the session is forgotten. False: it has none. */
bool youtube__found(struct step_ctx *ctx, const json_t *video);
struct verdict youtube__trouble(const struct step *step, const struct http_response *res);
/* The same for answers of the upload session, whose address must not be told. */
struct verdict youtube__session_trouble(const struct step *step,
                                        const struct http_response *res);

/* upload */
bool youtube__video_wanted(const struct step_ctx *ctx);
void youtube__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
bool youtube__piece_wanted(const struct step_ctx *ctx);
enum err_code
youtube__build_session(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_session(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_piece(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_piece(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_last(struct step_ctx *ctx, const struct http_response *res);
struct verdict youtube__piece_unanswered(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error);
struct verdict youtube__last_unanswered(struct step_ctx *ctx,
                                        enum transport_outcome outcome,
                                        const char *error);
/* "PUT the session nothing": how much is there? session, total: as in the record. */
void youtube__probe(const struct step_ctx *ctx,
                    struct http_request *req,
                    const char *session,
                    int64_t total);

/* video */
bool youtube__thumbnail_wanted(const struct step_ctx *ctx);
void youtube__thumbnail_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
youtube__build_thumbnail(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_thumbnail(struct step_ctx *ctx, const struct http_response *res);
struct verdict youtube__thumbnail_unanswered(struct step_ctx *ctx,
                                             enum transport_outcome outcome,
                                             const char *error);
enum err_code
youtube__build_check(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_check(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_update(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_retract(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_retract(struct step_ctx *ctx, const struct http_response *res);

/* verify */
enum err_code
youtube__build_probe(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_probe(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_channel(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_channel(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
youtube__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict youtube__read_test(struct step_ctx *ctx, const struct http_response *res);

#endif
