#ifndef CRIER_ADAPTERS_LINKEDIN_INTERNAL_H
#define CRIER_ADAPTERS_LINKEDIN_INTERNAL_H

/* Shared between the files of the LinkedIn adapter:
 *   linkedin.c          settings, limits, courses, how to set it up
 *   linkedin_request.c  address, headers and author of a request; URNs
 *   linkedin_oauth.c    the way to tokens
 *   linkedin_text.c     "little text": what is escaped in a commentary
 *   linkedin_image.c    pictures: begun, sent, waited for
 *   linkedin_video.c    the video: begun, sent in parts, ended, waited for
 *   linkedin_post.c     the post, its edit, its deletion
 *   linkedin_verify.c   whose token this is; finding our post after an unknown outcome
 *   linkedin_trouble.c  from error answers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url    the post's URN, its page
 *   text commentary         the text for people, and as it is sent; fixed by the first request
 *   card_title              of the card, which cannot be changed later
 *   images                  {"0": {id, upload_url, until_ms, sent, ready, blind, off}, …} by their place in the
 *                           article; blind: it may not be asked for, so a little is waited; off: why the post
 *                           goes without it, for people
 *   video                   {id, token, parts: [{url, first, last, etag}], next, ended, ready, hash, until_ms,
 *                           off}
 *   media_since_ms          when the first request about a picture or a video was built
 *   sent_at_ms sent_again   when the post was first sent and not refused; whether more than once
 *   duplicate               the URN LinkedIn says our post is a duplicate of
 *   forbidden               how often a post was forbidden right after its upload
 *   look_pages look_from    see look.h
 * Members of ctx->account: person (id of the member, for author: me), limited_at_ms (the last 429). */

#include "adapters/adapter.h"
#include "adapters/oauth.h"

enum linkedin_content {
    LINKEDIN_CARD,
    LINKEDIN_PICTURES,
    LINKEDIN_VIDEO,
    LINKEDIN_TEXT,
};

struct linkedin_settings {
    char *author; /* a URN, or "me" */
    struct oauth_settings oauth;
    char *version;
    struct mustache *text;
    int content; /* enum linkedin_content */
    int64_t pictures;
    char *api, *authorize_page, *token_address;
};
extern const struct oauth linkedin__oauth;

enum {
    LINKEDIN_LIMIT_TEXT,
    LINKEDIN_LIMIT_CARD_TITLE,
    LINKEDIN_LIMIT_CARD_DESCRIPTION,
    LINKEDIN_LIMIT_ALT,
};
extern const struct text_rule linkedin__limits[];

#define LINKEDIN_IMAGES_MAX 4
#define LINKEDIN_IMAGE_BYTES ((size_t)5 * 1024 * 1024)

static inline const struct linkedin_settings *linkedin__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* ---- linkedin_request.c ---- */

/* Method, address below `api` and the headers that every call must have. */
void linkedin__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...) PRINTF_LIKE(4, 5);
/* The URN posts are made by; NULL: author is "me", and who that is is not known yet. Copied to out. */
#define LINKEDIN_URN_BYTES 160
const char *linkedin__author(const struct step_ctx *ctx, char out[LINKEDIN_URN_BYTES]);
bool linkedin__is_person(const struct linkedin_settings *s);
bool linkedin__author_ok(const char *author);
/* urn:li:KIND:ID with nothing in it that could not stand in an address once ':' is escaped. kind NULL: any. */
bool linkedin__is_urn(const char *text, const char *kind);
/* A post's URN by itself or in the address of its page; NULL. Copied to out. */
const char *
linkedin__post_urn(const char *remote_id, const char *link, char out[LINKEDIN_URN_BYTES]);
/* A URN as a part of a path, copied to out. */
#define LINKEDIN_PATH_BYTES ((size_t)3 * LINKEDIN_URN_BYTES)
const char *linkedin__path_of(const char *urn, char out[LINKEDIN_PATH_BYTES]);
/* Whether the token may go along to an address LinkedIn gave for an upload. */
bool linkedin__is_theirs(const struct step_ctx *ctx, const char *url);

/* ---- linkedin_trouble.c ---- */

void linkedin__error_text(struct buf *out, const struct http_response *res);
bool linkedin__says(const struct http_response *res, const char *needle);
/* Of "Content is a duplicate of urn:li:share:1": that URN; NULL: the answer does not say so. Copied to out. */
const char *linkedin__duplicate(const struct http_response *res, char out[LINKEDIN_URN_BYTES]);
bool linkedin__is_duplicate(const struct http_response *res);
struct verdict linkedin__trouble(struct step_ctx *ctx,
                                 const struct step *step,
                                 const struct http_response *res);

/* ---- linkedin_text.c ---- */

/* Plain text as a commentary. */
void linkedin__escape(struct buf *out, const char *text, size_t len);
/* Text and commentary into the record, once per delivery. */
MUST_USE enum err_code linkedin__fix_text(struct step_ctx *ctx, struct err *why);

/* ---- media ---- */

bool linkedin__media_over(
    const struct step_ctx *ctx); /* the post was sent: nothing more is uploaded */
bool linkedin__waited_too_long(struct step_ctx *ctx);
bool linkedin__image_begin_wanted(const struct step_ctx *ctx, size_t index);
bool linkedin__image_put_wanted(const struct step_ctx *ctx, size_t index);
void linkedin__image_wish(const struct step_ctx *ctx, struct media_wish *wish, size_t index);
enum err_code linkedin__build_image(struct step_ctx *ctx,
                                    struct http_request *req,
                                    size_t index,
                                    struct err *why);
struct verdict
linkedin__read_image(struct step_ctx *ctx, const struct http_response *res, size_t index);
enum err_code linkedin__build_put(struct step_ctx *ctx, struct http_request *req, size_t index);
struct verdict
linkedin__read_put(struct step_ctx *ctx, const struct http_response *res, size_t index);
const char *linkedin__image_id(const struct step_ctx *ctx, size_t index); /* ready; NULL */
/* LinkedIn does not find a picture it was given: without pictures, then. False: there was none. */
bool linkedin__images_off(struct step_ctx *ctx, const char *reason);

bool linkedin__video_begin_wanted(const struct step_ctx *ctx);
bool linkedin__video_put_wanted(const struct step_ctx *ctx);
void linkedin__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
bool linkedin__video_comes(const struct step_ctx *ctx);
const char *linkedin__video_id(const struct step_ctx *ctx); /* ready; NULL */

#define LINKEDIN_STEP(name)                                                                    \
    enum err_code linkedin__build_##name(                                                      \
        struct step_ctx *ctx, struct http_request *req, struct err *why);                      \
    struct verdict linkedin__read_##name(struct step_ctx *ctx, const struct http_response *res)

LINKEDIN_STEP(await_images);
LINKEDIN_STEP(begin_video);
LINKEDIN_STEP(put_video);
LINKEDIN_STEP(end_video);
LINKEDIN_STEP(await_video);

/* ---- posts ---- */

void linkedin__set_post(struct step_ctx *ctx, const char *urn);
LINKEDIN_STEP(whoami);
LINKEDIN_STEP(post);
LINKEDIN_STEP(confirm);
LINKEDIN_STEP(edit);
LINKEDIN_STEP(delete);
LINKEDIN_STEP(find);
LINKEDIN_STEP(test);
struct verdict linkedin__post_unanswered(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error);

#endif
