#ifndef CRIER_ADAPTERS_MASTODON_INTERNAL_H
#define CRIER_ADAPTERS_MASTODON_INTERNAL_H

/* Shared between the files of the Mastodon adapter:
 *   mastodon.c          settings, limits, courses, how to set it up
 *   mastodon_text.c     what the server counts, what it said its limits are, the text that fits
 *   mastodon_media.c    the picture: upload, wait until it is processed
 *   mastodon_status.c   post, edit, delete
 *   mastodon_verify.c   whose token this is; finding our post after an unknown outcome
 *   mastodon_trouble.c  from error answers to verdicts
 *
 * Members of ctx->record (all but the first four are only for the way there):
 *   remote_id remote_url  the status
 *   text spoiler          as sent, fixed by the first request of the delivery
 *   media_id media_url    the attachment, and the picture's address it was made from
 *   media_ready           the server has processed it
 *   media_off             why the status goes without a picture, for people
 *   media_since_ms        when the first request about the picture was built
 *   media_again           it was uploaded a second time, there is no third
 *   media_refused_count   how often the status was refused because the picture was not ready
 *   media_hold            wait a little even if the server now says it is ready
 *   sent_at_ms sent_again when the status was first sent and not refused; whether more than
 * once pages max_id          verify: how far the list was read Members of ctx->account: id,
 * acct; limits {instance, at_ms, max_characters, url_characters, alt_characters, image_bytes,
 * image_pixels, image_types}. */

#include "adapters/adapter.h"
#include "base/secret.h"

enum mastodon_media { MASTODON_MEDIA_AUTO, MASTODON_MEDIA_NEVER };

struct mastodon_settings {
    char *instance;
    struct secret token;
    int visibility; /* index in mastodon__visibilities */
    char *language; /* NULL: the article's */
    bool sensitive;
    struct mustache *spoiler_text; /* NULL: none */
    struct mustache *text;
    int media; /* enum mastodon_media */
    int64_t max_characters;
};
extern const char *const mastodon__visibilities[];

enum { MASTODON_LIMIT_TEXT, MASTODON_LIMIT_SPOILER, MASTODON_LIMIT_ALT };
extern const struct text_rule mastodon__limits[];

static inline const struct mastodon_settings *mastodon__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Method, address below the instance, token and Accept of a request. */
void mastodon__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...) PRINTF_LIKE(4, 5);

/* Text as the server counts it: of "@user@domain" only "@user" (fit_strip_fn). */
void mastodon__strip(struct buf *out, const char *text, size_t len);
/* The account's limits, if it learned any of this instance; NULL. */
const json_t *mastodon__learned(const struct step_ctx *ctx);
/* Renders text and spoiler into the record, once per delivery. */
MUST_USE enum err_code mastodon__fit(struct step_ctx *ctx, struct err *why);
/* The picture's alternative text, cut to what the server takes; "" when there is none. */
void mastodon__alt(struct step_ctx *ctx, struct buf *out);

/* Go on without the picture, and remember why. */
void mastodon__media_off(struct step_ctx *ctx, const char *reason);
/* The picture is refused as unknown: upload it once more, then go without. False: neither is
 * left to do. `self` is the step that goes on without. */
bool mastodon__media_renew(struct step_ctx *ctx, const char *self, struct verdict *out);

/* The id of a status by its id or by its link on this instance, of which the last part is the id;
 * NULL when neither names one. Copied to out. */
#define MASTODON_ID_BYTES 129
const char *mastodon__status_id(const struct mastodon_settings *s,
                                const char *remote_id,
                                const char *link,
                                char out[MASTODON_ID_BYTES]);
/* The answer as an object or array; NULL for anything else, HTML pages included. */
json_t *mastodon__json(const struct http_response *res);
/* The `id` of an entity; NULL unless it is one that may stand in a path. Borrowed. */
const char *mastodon__id(const json_t *entity);
/* The error text of an answer, appended; empty when there is none. */
void mastodon__error_text(struct buf *out, const struct http_response *res);
/* Milliseconds until the limit is lifted, from X-RateLimit-Reset (ISO 8601) or Retry-After. */
int64_t mastodon__reset_ms(const struct http_response *res);
/* The verdict on any answer that is not the one hoped for. */
struct verdict mastodon__trouble(const struct http_response *res);

enum err_code
mastodon__build_learn(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_learn(struct step_ctx *ctx, const struct http_response *res);
void mastodon__media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds);
bool mastodon__media_wanted(const struct step_ctx *ctx);
enum err_code
mastodon__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_upload(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_await(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why);
enum err_code
mastodon__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_status(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_delete(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_whoami(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_test(struct step_ctx *ctx, const struct http_response *res);
enum err_code
mastodon__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why);
struct verdict mastodon__read_find(struct step_ctx *ctx, const struct http_response *res);

#endif
