#ifndef CRIER_ADAPTERS_VK_INTERNAL_H
#define CRIER_ADAPTERS_VK_INTERNAL_H

/* Shared between the files of the VK adapter:
 *   vk.c          settings, limits, courses, how to set it up
 *   vk_token.c    where tokens come from (VK ID)
 *   vk_photo.c    the picture: an address for it, the upload, the saving
 *   vk_post.c     the post on the community's wall: made, edited, deleted, looked for
 *   vk_trouble.c  calls of methods, and from error numbers to verdicts
 *
 * Members of ctx->record:
 *   remote_id remote_url  "-123_456" (owner and post), and its page
 *   text                  as sent, fixed by the first request of the delivery
 *   upload_url            where the picture goes; told by VK, good for one upload
 *   photo server hash     what the upload gave, for saving
 *   media_id media_url media_off media_since_ms   the picture (picture.h); media_id: "photo-123_789" */

#include "adapters/adapter.h"
#include "adapters/oauth.h"
#include "base/secret.h"

enum vk_media { VK_MEDIA_AUTO, VK_MEDIA_NEVER };

struct vk_settings {
    struct oauth_settings oauth;
    char *device_id;
    int64_t group;
    struct mustache *text;
    int media; /* enum vk_media */
    bool link, source, is_signed, close_comments, silent;
    char *api, *login_url, *version;
};

enum { VK_LIMIT_TEXT, VK_LIMIT_CAPTION };
extern const struct text_rule vk__limits[];
extern const struct oauth vk__oauth;
#define VK_IMAGE_BYTES ((size_t)50 * 1024 * 1024)

static inline const struct vk_settings *vk__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* POST of a method, as a form with token and version; parameters follow by oauth_form_add() or: */
void vk__call(const struct step_ctx *ctx, struct http_request *req, const char *method);
void vk__add_int(struct http_request *req, const char *name, int64_t value);
void vk__add_flag(struct http_request *req, const char *name, bool value); /* false: nothing */

/* What an answer holds as `response`, when it is no error; borrowed from body. NULL. */
const json_t *vk__response(const struct http_response *res, const json_t *body);
int64_t vk__error_code(const json_t *body); /* 0: none */
/* The verdict on any answer that is not the one hoped for. `publishes`: of the step that makes the post. */
struct verdict vk__trouble(const struct http_response *res, bool publishes);
/* Whether the adapter knows what an error number means. */
bool vk__knows_error(int64_t code);

/* The number of a post of this group by its name or its page; 0: neither names one. */
int64_t vk__post_number(const struct vk_settings *s, const char *remote_id, const char *link);

bool vk__media_wanted(const struct step_ctx *ctx);
enum err_code vk__build_server(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_server(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_save(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_save(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_post(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_edit(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code vk__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_find(struct step_ctx *ctx, const struct http_response *res);
enum err_code
vk__build_test_wall(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_test_wall(struct step_ctx *ctx, const struct http_response *res);
enum err_code
vk__build_test_server(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict vk__read_test_server(struct step_ctx *ctx, const struct http_response *res);

#endif
