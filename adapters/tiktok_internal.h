#ifndef CRIER_ADAPTERS_TIKTOK_INTERNAL_H
#define CRIER_ADAPTERS_TIKTOK_INTERNAL_H

/* Shared between the files of the TikTok adapter:
 *   tiktok.c          settings, limits, courses, sign-in, how to set it up
 *   tiktok_post.c     what the account may do; the requests that begin a post
 *   tiktok_upload.c   a video in pieces
 *   tiktok_status.c   what became of a post; finding ours after an unknown outcome
 *   tiktok_trouble.c  from error codes and reasons to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url    the post: its public id, or publish_id while TikTok tells none
 *   title text              as sent, fixed by the first request of the delivery
 *   creator privacy         the account's name, and who sees the post
 *   max_ms                  how long a video of this account may be
 *   photos                  addresses of the pictures, for TikTok to fetch; null: not to be had
 *   publish_id              what TikTok calls the post until it is public
 *   upload                  address for the pieces; who has it can upload, so it is dropped at the end
 *   upload_at_ms piece offset pieces   that upload: when, size of a piece, how far it is, pieces sent
 *   total file_type file_hash          and the file it is for (upload.h)
 *   last_sent complete      the last piece left; and was taken
 *   file_trouble            why the file cannot be sent on, for people; or that it is another one
 *   other_file
 *   begun_at_ms             when the request that begins the post was sent
 *   begins pulls asked_again   counters: of such requests, of fetches that failed; asked once more
 *   since_ms public_since_ms   since when it is waited for; public, and without an id
 */

#include "adapters/adapter.h"
#include "adapters/oauth.h"

enum tiktok_kind { TIKTOK_AUTO, TIKTOK_PHOTO, TIKTOK_VIDEO };
enum tiktok_video { TIKTOK_UPLOAD, TIKTOK_PULL };
enum tiktok_mode { TIKTOK_DIRECT, TIKTOK_INBOX };

struct tiktok_settings {
    struct oauth_settings oauth;
    char *api, *sign_in_url;
    struct mustache *title, *text;
    int privacy; /* index in tiktok__privacies */
    bool privacy_fallback;
    int kind;  /* enum tiktok_kind */
    int video; /* enum tiktok_video */
    int mode;  /* enum tiktok_mode */
    int64_t max_photos, cover_ms, daily_posts;
    bool disable_comment, disable_duet, disable_stitch;
    bool brand_content, brand_organic, auto_add_music, aigc;
};
extern const char *const tiktok__privacies[];

enum { TIKTOK_LIMIT_TITLE, TIKTOK_LIMIT_TEXT, TIKTOK_LIMIT_CAPTION };
extern const struct text_rule tiktok__limits[];

#define TIKTOK_PHOTOS_MAX 35
#define TIKTOK_PHOTO_BYTES_MAX 20000000
#define TIKTOK_VIDEO_BYTES_MAX INT64_C(4000000000)
#define TIKTOK_ID_BYTES 65 /* of a publish_id */

static inline const struct tiktok_settings *tiktok__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* POST path below settings.api, with the token; body NULL: {}. Takes body over. */
void tiktok__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     const char *path,
                     json_t *body);
/* Whether this delivery is a video (else pictures). */
bool tiktok__is_video(const struct step_ctx *ctx);

/* "data" of an answer whose error.code is "ok"; NULL. New reference to the whole answer in *body. */
const json_t *tiktok__data(const struct http_response *res, json_t **body);
/* An answer that is not "ok". step: whether it publishes and may be repeated. */
struct verdict
tiktok__trouble(struct step_ctx *ctx, const struct step *step, const struct http_response *res);
/* What the fail_reason of a post means; nothing of it is public. */
struct verdict tiktok__failed(struct step_ctx *ctx, const char *reason);
/* An upload is over: its address leaves the record. */
void tiktok__forget_upload(struct step_ctx *ctx);

/* post */
enum err_code
tiktok__build_creator(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_creator(struct step_ctx *ctx, const struct http_response *res);
struct verdict tiktok__read_test(struct step_ctx *ctx, const struct http_response *res);
bool tiktok__photo_wanted(const struct step_ctx *ctx);
void tiktok__photo_wish(const struct step_ctx *ctx, struct media_wish *wish);
/* Nothing is sent: the address of the picture is noted, and the next step's turn comes. */
void tiktok__note_photo(struct step_ctx *ctx, struct http_request *req, size_t number);
struct verdict tiktok__read_photo(struct step_ctx *ctx, const struct http_response *res);
enum err_code
tiktok__build_photos(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_photos(struct step_ctx *ctx, const struct http_response *res);
void tiktok__pull_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
tiktok__build_pull(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_pull(struct step_ctx *ctx, const struct http_response *res);
/* post_info of a video; new reference. */
json_t *tiktok__video_info(const struct step_ctx *ctx);
const char *tiktok__video_path(const struct step_ctx *ctx);
MUST_USE enum err_code tiktok__fit(struct step_ctx *ctx, struct err *why);
MUST_USE enum err_code tiktok__no_video(const struct step_ctx *ctx, struct err *why);
/* publish_id out of data; false: none. */
bool tiktok__take_publish_id(struct step_ctx *ctx, const json_t *data);

/* upload */
void tiktok__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
tiktok__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code
tiktok__build_piece(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
tiktok__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_piece(struct step_ctx *ctx, const struct http_response *res);
struct verdict tiktok__last_unanswered(struct step_ctx *ctx,
                                       enum transport_outcome outcome,
                                       const char *error);

/* The upload is not complete, so another one does no harm. */
struct verdict tiktok__begin_anew(struct step_ctx *ctx, const char *reason);

/* status */
enum err_code
tiktok__build_status(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_status(struct step_ctx *ctx, const struct http_response *res);
enum err_code
tiktok__build_look(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_look(struct step_ctx *ctx, const struct http_response *res);
enum err_code
tiktok__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict tiktok__read_list(struct step_ctx *ctx, const struct http_response *res);

#endif
