/* The picture of a status: uploaded first, waited for while the server processes it. Called by
 * the courses that post and edit. A picture is never worth the news: when it cannot be had, is
 * refused, or takes too long, the status goes without it and the record says why. The wait is
 * bounded by time, not by tries: what a lost connection costs counts too. */

#include "adapters/mastodon_internal.h"

#include <string.h>

#include "adapters/picture.h"
#include "adapters/record.h"
#include "base/json.h"

/* How long a post may wait for its picture, from the first request about it. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (30 * MS_SECOND)
#define POLL_SOON_MS (1 * MS_SECOND) /* pictures take a second or two */
#define POLL_LATER_MS (3 * MS_SECOND)
#define POLL_SOON_FOR_MS (5 * MS_SECOND)
#define HOLD_MS (3 * MS_SECOND)
/* MAX_IMAGE_PIXELS of app/models/media_attachment.rb (7680 x 4320), unless the server tells another. */
#define IMAGE_PIXELS 33177600
#define ALT_BYTES_MAX ((size_t)256 * 1024)

/* What every server takes (app/models/media_attachment.rb); HEIC is turned into JPEG there. */
static const char *const usual_types[] = {"image/jpeg",
                                          "image/png",
                                          "image/gif",
                                          "image/webp",
                                          "image/heif",
                                          "image/heic",
                                          "image/avif"};

/* The picture the standing post has is the one this revision wants. */
static bool same_picture(const struct step_ctx *ctx)
{
    const char *url = picture_url(ctx), *had = post_str(ctx, "media_url");

    return url && had && post_str(ctx, "media_id") && strcmp(url, had) == 0;
}

static bool out_of_question(const struct step_ctx *ctx)
{
    return mastodon__settings(ctx)->media == MASTODON_MEDIA_NEVER || !picture_url(ctx) ||
           record_str(ctx->record, "media_off");
}

bool mastodon__media_wanted(const struct step_ctx *ctx)
{
    return !out_of_question(ctx) && !record_str(ctx->record, "media_id") &&
           (record_flag(ctx->record, "media_again") || !same_picture(ctx));
}

void mastodon__media_off(struct step_ctx *ctx, const char *reason)
{
    record_drop(ctx->record, "media_id");
    record_drop(ctx->record, "media_url");
    record_drop(ctx->record, "media_ready");
    json_set_str(ctx->record, "media_off", reason);
}

bool mastodon__media_renew(struct step_ctx *ctx, const char *self, struct verdict *out)
{
    if (!record_str(ctx->record, "media_id")) {
        return false;
    }
    if (record_flag(ctx->record, "media_again")) {
        mastodon__media_off(ctx, "the server lost the picture twice");
        *out = verdict_jump(self);
        return true;
    }
    record_set_flag(ctx->record, "media_again", true);
    record_drop(ctx->record, "media_id");
    record_drop(ctx->record, "media_ready");
    *out = verdict_jump("upload_media");
    return true;
}

static int64_t image_bytes(const struct step_ctx *ctx)
{
    return record_int(mastodon__learned(ctx), "image_bytes");
}

void mastodon__media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    int64_t bytes = image_bytes(ctx),
            pixels = record_int(mastodon__learned(ctx), "image_pixels");

    if (bytes > 0 && (uint64_t)bytes < bounds->max_bytes) {
        bounds->max_bytes = (size_t)bytes;
    }
    bounds->max_pixels = pixels > 0 ? pixels : IMAGE_PIXELS;
}

static int64_t patience_ms(const struct step_ctx *ctx)
{
    return ctx->breaking ? PATIENCE_BREAKING_MS : PATIENCE_MS;
}

static bool waited_too_long(struct step_ctx *ctx)
{
    return record_age(ctx->record, "media_since_ms", ctx->now_ms) > patience_ms(ctx);
}

static bool type_is_taken(const struct step_ctx *ctx, const char *type)
{
    const json_t *told = json_object_get(mastodon__learned(ctx), "image_types");
    json_t *one;
    size_t i;

    if (!told) {
        for (i = 0; i < ARRAY_LEN(usual_types); i++) {
            if (strcmp(usual_types[i], type) == 0) {
                return true;
            }
        }
        return false;
    }
    json_array_foreach(told, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), type) == 0) {
            return true;
        }
    }
    return false;
}

/* Why this picture cannot go; NULL when it can. */
static const char *objection(struct step_ctx *ctx)
{
    int64_t max_bytes = image_bytes(ctx);

    if (!ctx->media) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (!type_is_taken(ctx, ctx->media->type)) {
        return "the server does not take pictures of this type";
    }
    if (max_bytes > 0 && ctx->media->len > (uint64_t)max_bytes) {
        return "the picture is larger than the server takes";
    }
    if (waited_too_long(ctx)) {
        return "uploading the picture took too long";
    }
    return NULL;
}

enum err_code
mastodon__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *reason;
    struct buf alt;

    (void)why;
    if (!mastodon__media_wanted(ctx)) {
        req->skip = true;
        if (!out_of_question(ctx) && !record_str(ctx->record, "media_id")) {
            record_keep(ctx,
                        (const char *const[]){"media_id", "media_url", "media_ready", NULL});
        }
        return ERR_NONE;
    }
    reason = objection(ctx);
    if (reason) {
        mastodon__media_off(ctx, reason);
        req->skip = true;
        return ERR_NONE;
    }
    mastodon__request(ctx, req, HTTP_POST, "/api/v2/media");
    http_add_part_bytes(req,
                        "file",
                        picture_file_name(ctx->media->type),
                        ctx->media->type,
                        ctx->media->bytes,
                        ctx->media->len);
    buf_init(&alt, ALT_BYTES_MAX);
    mastodon__alt(ctx, &alt);
    if (alt.len > 0) {
        http_add_part_text(req, "description", buf_str(&alt));
    }
    buf_done(&alt);
    return ERR_NONE;
}

/* Answers about the picture alone: it does not go, the status does. */
static bool is_about_picture(int status)
{
    return status == 400 || status == 404 || status == 410 || status == 413 || status == 415 ||
           status == 422;
}

static struct verdict upload_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = mastodon__trouble(res);

    if (v.kind == VERDICT_REJECTED && is_about_picture(res->status)) {
        mastodon__media_off(ctx, v.detail);
        return verdict_next();
    }
    /* 30 pictures in half an hour are a limit of their own; breaking news does not wait for
     * it. */
    if (res->status == 429 && ctx->breaking && v.retry_after_ms > PATIENCE_BREAKING_MS) {
        mastodon__media_off(ctx, "the server takes no more pictures for a while");
        return verdict_next();
    }
    return v;
}

struct verdict mastodon__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = mastodon__json(res);
    const char *id = mastodon__id(body);

    if ((res->status != 200 && res->status != 202) || !id) {
        json_decref(body);
        return upload_trouble(ctx, res);
    }
    json_set_str(ctx->record, "media_id", id);
    json_set_str(ctx->record, "media_url", picture_url(ctx));
    record_set_flag(ctx->record, "media_ready", res->status == 200);
    json_decref(body);
    return verdict_next();
}

enum err_code
mastodon__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = record_str(ctx->record, "media_id");

    (void)why;
    if (!id || record_flag(ctx->record, "media_ready")) {
        req->skip = true;
        return ERR_NONE;
    }
    if (waited_too_long(ctx)) {
        mastodon__media_off(ctx, "the server did not finish processing the picture in time");
        req->skip = true;
        return ERR_NONE;
    }
    mastodon__request(ctx, req, HTTP_GET, "/api/v1/media/%s", id);
    return ERR_NONE;
}

static struct verdict wait_for_picture(struct step_ctx *ctx, int64_t ms)
{
    int64_t age_ms = record_age(ctx->record, "media_since_ms", ctx->now_ms);
    struct verdict v;

    if (ms == 0) {
        ms = age_ms < POLL_SOON_FOR_MS ? POLL_SOON_MS : POLL_LATER_MS;
    }
    v = verdict_make(VERDICT_AGAIN, SCOPE_POST, ms, "the server is processing the picture");
    v.not_counted = true;
    return v;
}

struct verdict mastodon__read_await(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = mastodon__json(res);
    bool readable = body != NULL;
    struct verdict v;

    json_decref(body);
    if (res->status == 206) {
        return wait_for_picture(ctx, 0);
    }
    if (res->status == 200 && readable && record_flag(ctx->record, "media_hold")) {
        /* It said so before, and then refused the status. */
        record_drop(ctx->record, "media_hold");
        return wait_for_picture(ctx, HOLD_MS);
    }
    if (res->status == 200 && readable) {
        record_set_flag(ctx->record, "media_ready", true);
        return verdict_next();
    }
    if (res->status == 404 && !record_flag(ctx->record, "media_again") &&
        mastodon__media_renew(ctx, "await_media", &v)) {
        return v;
    }
    return upload_trouble(ctx, res);
}
