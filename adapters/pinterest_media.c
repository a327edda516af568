/* What a Pin shows: a video, registered, uploaded and waited for; or the addresses of a carousel's pictures.
 * Called by the course that publishes. A single picture goes along with the Pin itself (pinterest_pin.c).
 * Nothing of this is public before the Pin is. */

#include "adapters/pinterest_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "adapters/upload.h"
#include "base/json.h"

#define REGISTERED_MAX 3
#define PATIENCE_MS (30 * MS_MINUTE)

static const struct step harmless = {.repeatable = true};

enum pinterest_kind pinterest__kind(const struct step_ctx *ctx)
{
    int kind = pinterest__settings(ctx)->kind;

    if (kind != PINTEREST_AUTO) {
        return (enum pinterest_kind)kind;
    }
    return ctx->article->video.url ? PINTEREST_VIDEO : PINTEREST_IMAGE;
}

static bool is_video(const struct step_ctx *ctx)
{
    return pinterest__kind(ctx) == PINTEREST_VIDEO;
}

/* ---- a video ---- */

enum err_code
pinterest__build_register(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body;

    if (is_video(ctx) && !ctx->article->video.url) {
        return err_set(why, ERR_INVALID, "this article has no video");
    }
    if (!is_video(ctx) && ctx->article->image_count == 0) {
        return err_set(why,
                       ERR_INVALID,
                       "this article has no picture%s, and a Pin must show one",
                       pinterest__settings(ctx)->kind == PINTEREST_AUTO ? " and no video" : "");
    }
    if (!is_video(ctx) || record_str(ctx->record, "media_id")) {
        req->skip = true;
        return ERR_NONE;
    }
    body = json_object();
    json_set_str(body, "media_type", "video");
    pinterest__request(ctx, req, HTTP_POST, "/media");
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* Texts only: they become parts of a form. */
static json_t *parameters_of(const json_t *told)
{
    json_t *parameters = json_object(), *value;
    const char *name;

    json_object_foreach(json_unconst(told), name, value)
    {
        if (json_is_string(value)) {
            (void)json_object_set(parameters, name, value);
        }
    }
    return parameters;
}

static bool take_registration(struct step_ctx *ctx, const json_t *body)
{
    const char *id = record_str(body, "media_id"), *where = record_url(body, "upload_url");
    json_t *upload;

    if (!pinterest__is_id(id) || !where || strlen(where) > ARTICLE_URL_BYTES) {
        return false;
    }
    upload = json_object();
    json_set_str(upload, "url", where);
    (void)json_object_set_new(
        upload, "parameters", parameters_of(json_object_get(body, "upload_parameters")));
    json_set_str(ctx->record, "media_id", id);
    (void)json_object_set_new(ctx->record, "upload", upload);
    record_set_int(ctx->record, "registered", record_int(ctx->record, "registered") + 1);
    return true;
}

struct verdict pinterest__read_register(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 || res->status == 201 ? http_json(res) : NULL;
    bool taken = take_registration(ctx, body);

    json_decref(body);
    return taken ? verdict_next() : pinterest__trouble(&harmless, res);
}

bool pinterest__video_wanted(const struct step_ctx *ctx)
{
    return is_video(ctx) && !record_flag(ctx->record, "uploaded");
}

void pinterest__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->kind = MEDIA_VIDEO;
    wish->bounds = (struct media_bounds){.max_bytes = (size_t)PINTEREST_VIDEO_BYTES_MAX,
                                         .types = MEDIA_MP4 | MEDIA_MOV,
                                         .max_duration_ms = 15 * MS_MINUTE};
}

/* The parameters say who may upload: no token goes along. The file comes last, as S3 wants it. */
enum err_code
pinterest__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const json_t *upload = json_object_get(ctx->record, "upload");
    const char *name;
    json_t *value;

    if (!pinterest__video_wanted(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!record_url(upload, "url")) {
        return err_set(why, ERR_NOT_FOUND, "where the video goes is not known");
    }
    if (!ctx->media) {
        return err_set(why,
                       ERR_INVALID,
                       "the video could not be had: %.150s",
                       ctx->media_error ? ctx->media_error : "it could not be fetched");
    }
    req->method = HTTP_POST;
    http_set_url(req, "%s", record_str(upload, "url"));
    json_object_foreach(json_object_get(upload, "parameters"), name, value)
    {
        http_add_part_text(req, name, json_string_value(value));
    }
    http_add_part_media(req,
                        "file",
                        strcmp(ctx->media->type, "video/quicktime") == 0 ? "video.mov"
                                                                         : "video.mp4",
                        ctx->media);
    return ERR_NONE;
}

/* The place was given for a time, and that is over: another one. */
static struct verdict register_anew(struct step_ctx *ctx, int status)
{
    struct verdict v = verdict_jump("register_video");

    record_drop(ctx->record, "upload");
    record_drop(ctx->record, "media_id");
    record_drop(ctx->record, "uploaded");
    record_drop(ctx->record, "since_ms");
    if (record_int(ctx->record, "registered") >= REGISTERED_MAX) {
        return verdict_make(VERDICT_REJECTED,
                            SCOPE_POST,
                            0,
                            "the video was refused %d times (%d)",
                            REGISTERED_MAX,
                            status);
    }
    return v;
}

/* Its words are not told: they repeat the parameters. */
struct verdict pinterest__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    struct http_response bare = *res;

    if (res->status >= 200 && res->status < 300) {
        record_set_flag(ctx->record, "uploaded", true);
        record_drop(ctx->record, "upload");
        return verdict_next();
    }
    if (res->status >= 400 && res->status < 500 && res->status != 408 && res->status != 429) {
        return register_anew(ctx, res->status);
    }
    bare.body = NULL;
    bare.body_len = 0;
    return trouble_from_status(&harmless, &bare);
}

enum err_code
pinterest__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = record_str(ctx->record, "media_id");

    if (!is_video(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!pinterest__is_id(id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the video is not known");
    }
    pinterest__request(ctx, req, HTTP_GET, "/media/%s", id);
    return ERR_NONE;
}

static struct verdict wait_more(struct step_ctx *ctx, const char *status)
{
    int64_t age_ms = record_age(ctx->record, "since_ms", ctx->now_ms);
    struct verdict v;

    if (age_ms > PATIENCE_MS) {
        return verdict_make(
            VERDICT_REJECTED, SCOPE_POST, 0, "Pinterest did not finish processing the video");
    }
    v = verdict_make(
        VERDICT_AGAIN, SCOPE_POST, upload_poll_ms(age_ms), "the video is %.20s", status);
    v.not_counted = true;
    return v;
}

struct verdict pinterest__read_await(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *status = record_str(body, "status");
    struct verdict v;

    if (!status) {
        v = res->status == 404 ? register_anew(ctx, 404) : pinterest__trouble(&harmless, res);
    } else if (strcmp(status, "succeeded") == 0) {
        v = verdict_next();
    } else if (strcmp(status, "failed") == 0) {
        v = verdict_make(
            VERDICT_REJECTED, SCOPE_POST, 0, "Pinterest could not process the video");
    } else {
        v = wait_more(ctx, status);
    }
    json_decref(body);
    return v;
}

/* ---- a carousel ---- */

static size_t picture_count(const struct step_ctx *ctx)
{
    size_t count = ctx->article->image_count;

    if (pinterest__kind(ctx) != PINTEREST_CAROUSEL || count < 2) {
        return 0;
    }
    return count < PINTEREST_PICTURES_MAX ? count : PINTEREST_PICTURES_MAX;
}

static size_t pictures_done(const struct step_ctx *ctx)
{
    return json_array_size(json_object_get(ctx->record, "pictures"));
}

bool pinterest__picture_wanted(const struct step_ctx *ctx)
{
    return pictures_done(ctx) < picture_count(ctx);
}

void pinterest__picture_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->kind = MEDIA_PICTURE;
    wish->index = pictures_done(ctx);
    wish->by_address = true;
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG;
}

/* The number keeps a step that is built twice from noting two. */
void pinterest__note_picture(struct step_ctx *ctx, struct http_request *req, size_t number)
{
    json_t *pictures = json_object_get(ctx->record, "pictures");
    bool has = ctx->media && ctx->media->url;

    req->skip = true;
    if (number >= picture_count(ctx)) {
        return;
    }
    if (!pictures) {
        pictures = json_array();
        (void)json_object_set_new(ctx->record, "pictures", pictures);
    }
    if (json_array_size(pictures) == number) {
        (void)json_array_append_new(pictures, has ? json_string(ctx->media->url) : json_null());
    }
}

struct verdict pinterest__read_nothing(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    (void)res;
    return verdict_next();
}
