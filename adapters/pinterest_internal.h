#ifndef CRIER_ADAPTERS_PINTEREST_INTERNAL_H
#define CRIER_ADAPTERS_PINTEREST_INTERNAL_H

/* Shared between the files of the Pinterest adapter:
 *   pinterest.c          settings, limits, courses, sign-in, how to set it up
 *   pinterest_media.c    a video: registered, uploaded, waited for; the addresses of a carousel
 *   pinterest_pin.c      the Pin: made, changed, deleted
 *   pinterest_verify.c   whose account this is; finding our Pin after an unknown outcome
 *   pinterest_trouble.c  from error answers to verdicts; ids
 *
 * Members of ctx->record:
 *   remote_id remote_url   the Pin
 *   title text alt         as sent, fixed by the first request of the delivery
 *   pictures               addresses of the carousel's pictures; null: not to be had
 *   media_id               the video
 *   upload                 {url, parameters}: where its bytes go; who has it can upload, so it is dropped
 *                          as soon as they are there
 *   uploaded since_ms      they are there; since when it is waited for
 *   registered fetches     counters: of registrations, of pictures that Pinterest could not fetch */

#include "adapters/adapter.h"
#include "adapters/oauth.h"

enum pinterest_kind { PINTEREST_AUTO, PINTEREST_IMAGE, PINTEREST_CAROUSEL, PINTEREST_VIDEO };

struct pinterest_settings {
    struct oauth_settings oauth;
    char *api, *sign_in_url;
    char *board, *section; /* section NULL: none */
    struct mustache *title, *text;
    int kind; /* enum pinterest_kind */
    char *dominant_color;
};

enum { PINTEREST_LIMIT_TITLE, PINTEREST_LIMIT_TEXT, PINTEREST_LIMIT_ALT };
extern const struct text_rule pinterest__limits[];

#define PINTEREST_PICTURES_MAX 5
#define PINTEREST_PICTURE_BYTES_MAX 10485760
#define PINTEREST_VIDEO_BYTES_MAX INT64_C(2147483648)
#define PINTEREST_LINK_MAX 2048
#define PINTEREST_ID_BYTES 32

static inline const struct pinterest_settings *pinterest__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

void pinterest__request(const struct step_ctx *ctx,
                        struct http_request *req,
                        enum http_method method,
                        const char *path_format,
                        ...) PRINTF_LIKE(4, 5);
/* What this article is posted as; never AUTO. */
enum pinterest_kind pinterest__kind(const struct step_ctx *ctx);

/* A number of digits; NULL when neither an id nor the address of a Pin names one. Copied to out. */
const char *
pinterest__pin_id(const char *remote_id, const char *link, char out[PINTEREST_ID_BYTES]);
bool pinterest__is_id(const char *text);
struct verdict pinterest__trouble(const struct step *step, const struct http_response *res);

/* media */
bool pinterest__video_wanted(const struct step_ctx *ctx);
void pinterest__video_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
pinterest__build_register(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_register(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_await(struct step_ctx *ctx, const struct http_response *res);
bool pinterest__picture_wanted(const struct step_ctx *ctx);
void pinterest__picture_wish(const struct step_ctx *ctx, struct media_wish *wish);
/* Nothing is sent: the address of the picture is noted, and the next step's turn comes. */
void pinterest__note_picture(struct step_ctx *ctx, struct http_request *req, size_t number);
struct verdict pinterest__read_nothing(struct step_ctx *ctx, const struct http_response *res);

/* pin */
bool pinterest__cover_wanted(const struct step_ctx *ctx);
void pinterest__cover_wish(const struct step_ctx *ctx, struct media_wish *wish);
enum err_code
pinterest__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_create(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_update(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_delete(struct step_ctx *ctx, const struct http_response *res);

/* verify */
enum err_code
pinterest__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_who(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_who(struct step_ctx *ctx, const struct http_response *res);
enum err_code
pinterest__build_board(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict pinterest__read_board(struct step_ctx *ctx, const struct http_response *res);

#endif
