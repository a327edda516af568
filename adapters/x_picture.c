/* The pictures of a post: each uploaded in one request, then told its alternative text. Called by the courses
 * that make a post. A picture is never worth the news: what cannot be had, is refused or takes too long is
 * left out, and the record says why. Ids of uploads end after about a day; a post that waited longer gets
 * them anew. */

#include "adapters/x_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"

/* How long a post may wait for its pictures or its video, from the first request about them. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (90 * MS_SECOND)
#define LIFE_MS (20 * MS_HOUR) /* of an upload whose end was not told */
#define ALT_BYTES_MAX ((size_t)64 * 1024)

int64_t x__media_age(struct step_ctx *ctx)
{
    return record_age(ctx->record, "media_since_ms", ctx->now_ms);
}

static bool waited_too_long(struct step_ctx *ctx)
{
    return x__media_age(ctx) > (ctx->breaking ? PATIENCE_BREAKING_MS : PATIENCE_MS);
}

bool x__media_never(const struct step_ctx *ctx)
{
    const struct x_settings *s = x__settings(ctx);

    return x__nothing_to_do(ctx) || s->media == X_MEDIA_NEVER ||
           (ctx->course == COURSE_UPDATE && s->on_update == X_REPLY) ||
           json_object_get(ctx->record, "sent_at_ms");
}

/* What is known of a picture; NULL: nothing. */
static json_t *known(const struct step_ctx *ctx, size_t index)
{
    return record_slot(ctx->record, "pictures", index);
}

static json_t *known_or_new(struct step_ctx *ctx, size_t index)
{
    return record_slot_made(ctx->record, "pictures", index);
}

static bool is_alive(const struct step_ctx *ctx, const json_t *picture)
{
    return record_str(picture, "id") && record_int(picture, "until_ms") > ctx->now_ms;
}

static void picture_off(struct step_ctx *ctx, size_t index, const char *reason)
{
    json_t *picture = known_or_new(ctx, index);

    (void)json_object_clear(picture);
    json_set_str(picture, "off", reason);
}

bool x__picture_wanted(const struct step_ctx *ctx, size_t index)
{
    const json_t *picture = known(ctx, index);

    return !x__media_never(ctx) && !x__video_comes(ctx) && index < ctx->article->image_count &&
           (int64_t)index < x__settings(ctx)->pictures && !record_str(picture, "off") &&
           !is_alive(ctx, picture);
}

void x__picture_wish(const struct step_ctx *ctx, struct media_wish *wish, size_t index)
{
    (void)ctx;
    wish->index = index;
    wish->bounds.max_bytes = X_PICTURE_BYTES;
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG | MEDIA_WEBP;
}

static const char *objection(struct step_ctx *ctx)
{
    if (!ctx->media) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (strcmp(ctx->media->type, "image/jpeg") != 0 &&
        strcmp(ctx->media->type, "image/png") != 0 &&
        strcmp(ctx->media->type, "image/webp") != 0) {
        return "X does not take pictures of this type";
    }
    if (ctx->media->len > X_PICTURE_BYTES) {
        return "the picture is larger than 5 MB";
    }
    return waited_too_long(ctx) ? "uploading the picture took too long" : NULL;
}

enum err_code x__build_picture(struct step_ctx *ctx, struct http_request *req, size_t index)
{
    const char *reason;

    if (!x__picture_wanted(ctx, index)) {
        req->skip = true;
        return ERR_NONE;
    }
    reason = objection(ctx);
    if (reason) {
        picture_off(ctx, index, reason);
        req->skip = true;
        return ERR_NONE;
    }
    x__request(ctx, req, HTTP_POST, "/2/media/upload");
    http_add_part_media(req, "media", "picture", ctx->media);
    http_add_part_text(req, "media_category", "tweet_image");
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

static int64_t until(const struct step_ctx *ctx, const json_t *data)
{
    int64_t life_ms = x__seconds(data, "expires_after_secs");

    /* Some are told a fortnight; the file is kept a day all the same. */
    return ctx->now_ms + (life_ms > 0 && life_ms < LIFE_MS ? life_ms : LIFE_MS);
}

/* Answers about the picture alone: it does not go, the post does. */
static struct verdict
picture_trouble(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v = x__trouble(ctx, &any_step, res);
    bool about_picture = v.kind == VERDICT_REJECTED || res->status == 413 || res->status == 415;

    if (about_picture) {
        picture_off(ctx, index, v.detail);
        return verdict_next();
    }
    if (res->status == 429 && ctx->breaking && v.retry_after_ms > PATIENCE_BREAKING_MS) {
        picture_off(ctx, index, "X takes no more pictures for a while");
        return verdict_next();
    }
    if (v.kind == VERDICT_BLOCKED && x__says(res, "not permitted")) {
        (void)snprintf(v.detail,
                       sizeof v.detail,
                       "%d: X takes no pictures from us: the token needs the scope media.write "
                       "(or set media: never)",
                       res->status);
    }
    return v;
}

struct verdict
x__read_picture(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    json_t *body, *picture;
    char id[X_ID_BYTES];

    if (!x__answer_id(res, id)) {
        return picture_trouble(ctx, res, index);
    }
    body = http_json(res);
    picture = known_or_new(ctx, index);
    (void)json_object_clear(picture);
    json_set_str(picture, "id", id);
    record_set_int(picture, "until_ms", until(ctx, json_object_get(body, "data")));
    json_decref(body);
    return verdict_next();
}

enum err_code x__build_alt(struct step_ctx *ctx, struct http_request *req, size_t index)
{
    const json_t *picture = known(ctx, index);
    const char *alt =
        index < ctx->article->image_count ? ctx->article->images[index].alt : NULL;
    json_t *body;
    struct buf text;

    if (x__media_never(ctx) || !alt || !*alt || !is_alive(ctx, picture) ||
        record_flag(picture, "described") || waited_too_long(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    buf_init(&text, ALT_BYTES_MAX);
    fit_plain(ctx, &x__limits[X_LIMIT_ALT], alt, &text);
    body = json_pack("{s:s, s:{s:{s:s}}}",
                     "id",
                     record_str(picture, "id"),
                     "metadata",
                     "alt_text",
                     "text",
                     buf_str(&text));
    buf_done(&text);
    x__request(ctx, req, HTTP_POST, "/2/media/metadata");
    http_set_json(req, body);
    json_decref(body);
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

/* The picture is there; without its description it still goes. */
struct verdict x__read_alt(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v = verdict_next();

    if (res->status < 200 || res->status >= 300) {
        v = x__trouble(ctx, &any_step, res);
        if (v.kind != VERDICT_REJECTED && v.kind != VERDICT_AGAIN) {
            return v;
        }
        if (v.kind == VERDICT_AGAIN && !ctx->breaking && !waited_too_long(ctx)) {
            return v;
        }
        json_set_str(known_or_new(ctx, index), "alt_off", v.detail);
        v = verdict_next();
    }
    record_set_flag(known_or_new(ctx, index), "described", true);
    return v;
}

json_t *x__picture_ids(const struct step_ctx *ctx)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < X_PICTURES_MAX; i++) {
        const char *id = record_str(known(ctx, i), "id");

        if (id) {
            (void)json_array_append_new(ids, json_string(id));
        }
    }
    return ids;
}

json_t *x__media_ids(const struct step_ctx *ctx)
{
    const char *video = x__video_id(ctx);

    return video ? json_pack("[s]", video) : x__picture_ids(ctx);
}

bool x__media_renew(struct step_ctx *ctx, struct verdict *out)
{
    json_t *ids = x__media_ids(ctx);
    bool any = json_array_size(ids) > 0;

    json_decref(ids);
    if (!any) {
        return false;
    }
    record_drop(ctx->record, "pictures");
    record_drop(ctx->record, "video");
    if (record_flag(ctx->record, "media_again")) {
        json_set_str(record_object(ctx->record, "video"), "off", "X lost it twice");
        for (size_t i = 0; i < X_PICTURES_MAX; i++) {
            picture_off(ctx, i, "X lost it twice");
        }
    }
    record_set_flag(ctx->record, "media_again", true);
    record_drop(ctx->record, "media_since_ms");
    *out = verdict_jump("begin_video");
    out->refused = true;
    return true;
}
