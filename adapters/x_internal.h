#ifndef CRIER_ADAPTERS_X_INTERNAL_H
#define CRIER_ADAPTERS_X_INTERNAL_H

/* Shared between the files of the X adapter:
 *   x.c           settings, limits, courses, how to set it up
 *   x_request.c   address and credentials of a request; what an answer holds
 *   x_oauth.c     the way to tokens that end (OAuth 2)
 *   x_picture.c   pictures: upload, alternative text
 *   x_video.c     the video: begun, sent in segments, ended, waited for
 *   x_post.c      the text, the post, the edit, the reply
 *   x_standing.c  which posts stand; their removal
 *   x_verify.c    whose credentials these are; finding our post after an unknown outcome
 *   x_trouble.c   from error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url text   the post; the text as sent, fixed by the first request of the delivery
 *   standing                    ids of all our posts of this article that stand, oldest first
 *   posted_at_ms                when it was made: it can be edited for a time only
 *   pictures                    {"0": {id, until_ms, described, off}, …} by their place in the article; off:
 *                               why the post goes without it, for people
 *   video                       {id, total, hash, segment, until_ms, ended, ready, off}: segment is the next to send
 *   media_since_ms              when the first request about a picture or a video was built
 *   media_again                 all was uploaded anew, there is no third time
 *   sent_at_ms sent_again       when the post was first sent and not refused; whether more than once
 *   known_text                  X said that it has this text already
 *   looking                     update: this request looks for the post instead of making it
 *   pages next_page             how far the account's list was read
 *   left                        ids still to be deleted
 *   delete_tries delete_tried_ms  how often the first of them was tried, and when last
 * Members of ctx->account: id, handle; clock_ms (what X's clock is ahead of ours, OAuth 1.0a alone). */

#include "adapters/adapter.h"
#include "adapters/oauth.h"
#include "base/secret.h"

enum x_link { X_LINK_IN_POST, X_LINK_NONE };
enum x_on_update { X_REPLACE, X_REPLY, X_EDIT, X_IGNORE };
enum x_media { X_MEDIA_AUTO, X_MEDIA_PICTURES, X_MEDIA_NEVER };

struct x_settings {
    struct secret consumer_key, consumer_secret, token, token_secret; /* all or none */
    struct oauth_settings oauth;
    struct mustache *text, *update_text;
    int link;      /* enum x_link */
    int on_update; /* enum x_on_update */
    int media;     /* enum x_media */
    int64_t pictures;
    int reply_settings; /* index in x__reply_settings */
    bool made_with_ai;
    int64_t max_characters;
    char *api, *authorize_page;
};
extern const char *const x__reply_settings[];
extern const struct oauth x__oauth;

enum { X_LIMIT_TEXT, X_LIMIT_ALT };
extern const struct text_rule x__limits[];

#define X_PICTURES_MAX 4
#define X_PICTURE_BYTES ((size_t)5 * 1024 * 1024)

static inline const struct x_settings *x__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* Signed by keys that do not end, instead of a token of OAuth 2. */
static inline bool x__uses_keys(const struct x_settings *s)
{
    return s->consumer_key.text != NULL;
}
/* An update that this channel leaves alone. */
bool x__nothing_to_do(const struct step_ctx *ctx);

/* ---- x_request.c ---- */

/* Method, address below `api` and Accept of a request. */
void x__request(const struct step_ctx *ctx,
                struct http_request *req,
                enum http_method method,
                const char *path_format,
                ...) PRINTF_LIKE(4, 5);
/* Its credentials; the request must be whole. what: see oauth1_nonce(). */
void x__sign(const struct step_ctx *ctx, struct http_request *req, const char *what);
#define X_ID_BYTES 20
bool x__is_id(const char *text);
/* data.id of an answer with status 2xx; NULL. Copied to out. */
const char *x__answer_id(const struct http_response *res, char out[X_ID_BYTES]);
/* The id of a post by its id or by its link; NULL when neither names one. Copied to out. */
const char *x__post_id(const char *remote_id, const char *link, char out[X_ID_BYTES]);
/* Milliseconds of a number of seconds at `name`, as X writes them ("check_after_secs"); 0. */
int64_t x__seconds(const json_t *v, const char *name);

/* ---- x_trouble.c ---- */

/* "title: detail (type)" or "message" of an error answer, appended. */
void x__error_text(struct buf *out, const struct http_response *res);
bool x__says(const struct http_response *res, const char *needle);
/* The verdict on any answer that is not the one hoped for. */
struct verdict
x__trouble(struct step_ctx *ctx, const struct step *step, const struct http_response *res);

/* ---- media ---- */

int64_t x__media_age(struct step_ctx *ctx);
/* Pictures and videos are out of the question for this delivery. */
bool x__media_never(const struct step_ctx *ctx);
/* The id of the video or the pictures to attach, a new array, empty when there are none. */
json_t *x__media_ids(const struct step_ctx *ctx);
/* X does not know the media any more: upload all of it once more. False: that was done already. */
bool x__media_renew(struct step_ctx *ctx, struct verdict *out);
bool x__video_comes(const struct step_ctx *ctx); /* it is there, or on its way */
const char *x__video_id(const struct step_ctx *ctx);
json_t *x__picture_ids(const struct step_ctx *ctx);

bool x__picture_wanted(const struct step_ctx *ctx, size_t index);
void x__picture_wish(const struct step_ctx *ctx, struct media_wish *wish, size_t index);
enum err_code x__build_picture(struct step_ctx *ctx, struct http_request *req, size_t index);
struct verdict
x__read_picture(struct step_ctx *ctx, const struct http_response *res, size_t index);
enum err_code x__build_alt(struct step_ctx *ctx, struct http_request *req, size_t index);
struct verdict x__read_alt(struct step_ctx *ctx, const struct http_response *res, size_t index);

#define X_STEP(name)                                                                           \
    enum err_code x__build_##name(                                                             \
        struct step_ctx *ctx, struct http_request *req, struct err *why);                      \
    struct verdict x__read_##name(struct step_ctx *ctx, const struct http_response *res)

bool x__video_begin_wanted(const struct step_ctx *ctx);
bool x__video_append_wanted(const struct step_ctx *ctx);
void x__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
X_STEP(begin_video);
X_STEP(append_video);
X_STEP(end_video);
X_STEP(await_video);

/* ---- posts ---- */

X_STEP(post);
X_STEP(update);
struct verdict
x__post_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error);
struct verdict
x__update_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error);

/* Note in the record that the post of this id stands, behind those that did or, of an edit, in place of the
 * last one. */
void x__note_standing(struct step_ctx *ctx, const char *id, bool in_place);
/* The newest post that stands; NULL when none is known. Copied to out. */
const char *x__newest(const struct step_ctx *ctx, char out[X_ID_BYTES]);
X_STEP(delete);

/* ---- looking ---- */

X_STEP(whoami);
X_STEP(test);
X_STEP(find);
/* The request that lists the account's own posts from the time of the delivery on. The account's id must be
 * known. */
void x__build_list(struct step_ctx *ctx, struct http_request *req);
enum x_found { X_FOUND, X_FOUND_OLDER, X_NOT_HERE, X_MORE_PAGES, X_UNREADABLE };
/* What a list says of our post; its id is copied to out when it is found. strict: by its text alone. */
enum x_found x__read_list(struct step_ctx *ctx,
                          const struct http_response *res,
                          bool strict,
                          char out[X_ID_BYTES]);
/* Public address of a post. */
void x__set_post(struct step_ctx *ctx, const char *id);

#endif
