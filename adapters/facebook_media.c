/* Photos of a post, uploaded unpublished before it, and posts of a video, which Facebook processes in the
 * background. Steps of the adapter's courses. Pure. */

#include <string.h>

#include "adapters/facebook_internal.h"
#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define VIDEO_PATIENCE_MS (30 * MS_MINUTE)

/* ---- photos ---- */

static size_t photo_count(const struct step_ctx *ctx)
{
    return json_array_size(json_object_get(ctx->record, "photos"));
}

bool facebook__photo_wanted(const struct step_ctx *ctx)
{
    size_t count = photo_count(ctx);

    return facebook__kind(ctx) == FACEBOOK_KIND_PHOTO &&
           !record_flag(ctx->record, "photos_closed") && count < FACEBOOK_PHOTOS_MAX &&
           count < ctx->article->image_count;
}

void facebook__photo_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->index = photo_count(ctx);
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG;
}

/* With those there are; without any it is the link's preview that shows one. */
static void close_photos(struct step_ctx *ctx, const char *reason)
{
    record_set_flag(ctx->record, "photos_closed", true);
    if (photo_count(ctx) == 0) {
        json_set_str(ctx->record, "media_off", reason);
    }
}

enum err_code
facebook__build_photo(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    size_t index = photo_count(ctx);
    struct buf alt;

    if (!facebook__photo_wanted(ctx)) {
        req->skip = true;
        return facebook__has_what_it_takes(ctx, why);
    }
    if (!ctx->media || !ctx->media->bytes) {
        close_photos(ctx,
                     ctx->media_error ? ctx->media_error : "the picture could not be fetched");
        req->skip = true;
        return ERR_NONE;
    }
    facebook__request(ctx, req, HTTP_POST, "/%s/photos", facebook__settings(ctx)->page_id);
    http_add_part_text(req, "published", "false");
    buf_init(&alt, TEXT_BYTES_MAX);
    fit_plain(
        ctx, &facebook__limits[FACEBOOK_LIMIT_ALT], ctx->article->images[index].alt, &alt);
    if (alt.len > 0) {
        http_add_part_text(req, "alt_text_custom", buf_str(&alt));
    }
    buf_done(&alt);
    http_add_part_media(req,
                        "source",
                        strcmp(ctx->media->type, "image/png") == 0 ? "photo.png" : "photo.jpg",
                        ctx->media);
    return ERR_NONE;
}

struct verdict facebook__read_photo(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *photos = json_object_get(ctx->record, "photos");
    char id[GRAPH_ID_BYTES];
    struct verdict v;

    if (!graph_answer_id(res, "id", id)) {
        v = facebook__trouble(&facebook__invisible, res);
        if (v.kind == VERDICT_REJECTED) {
            close_photos(ctx, v.detail);
            return verdict_next();
        }
        return v;
    }
    if (!photos) {
        photos = json_array();
        must(json_object_set_new(ctx->record, "photos", photos) == 0);
    }
    must(json_array_append_new(photos, json_string(id)) == 0);
    return facebook__photo_wanted(ctx) ? verdict_jump("upload_photo") : verdict_next();
}

/* ---- a video ---- */

bool facebook__video_wanted(const struct step_ctx *ctx)
{
    return facebook__kind(ctx) == FACEBOOK_KIND_VIDEO && !record_str(ctx->record, "remote_id");
}

void facebook__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->kind = MEDIA_VIDEO;
    wish->by_address = facebook__settings(ctx)->videos == FACEBOOK_BY_ADDRESS;
    wish->bounds = (struct media_bounds){.max_bytes = FACEBOOK_VIDEO_BYTES,
                                         .types = MEDIA_MP4 | MEDIA_MOV};
}

static void video_title(struct step_ctx *ctx, struct buf *out)
{
    const struct article *a = ctx->article;

    fit_plain(ctx,
              &facebook__limits[FACEBOOK_LIMIT_TITLE],
              a->video.title ? a->video.title : a->title,
              out);
}

static void fill_upload(struct step_ctx *ctx, struct http_request *req, const char *title)
{
    http_add_part_text(req, "title", title);
    http_add_part_text(req, "description", record_str(ctx->record, "text"));
    http_add_part_media(req,
                        "source",
                        strcmp(ctx->media->type, "video/quicktime") == 0 ? "video.mov"
                                                                         : "video.mp4",
                        ctx->media);
}

static void fill_address(struct step_ctx *ctx, struct http_request *req, const char *title)
{
    json_t *body = json_object();

    json_set_str(body, "title", title);
    json_set_str(body, "description", record_str(ctx->record, "text"));
    json_set_str(body, "file_url", ctx->media->url);
    http_set_json(req, body);
    json_decref(body);
}

static enum err_code video_is_there(const struct step_ctx *ctx, struct err *why)
{
    bool by_address = facebook__settings(ctx)->videos == FACEBOOK_BY_ADDRESS;

    if (ctx->media && (by_address ? ctx->media->url != NULL : ctx->media->len > 0)) {
        return ERR_NONE;
    }
    return err_set(why,
                   ERR_NOT_FOUND,
                   "this article's video cannot be had: %s",
                   ctx->media_error ? ctx->media_error : "it could not be fetched");
}

enum err_code
facebook__build_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct facebook_settings *s = facebook__settings(ctx);
    enum err_code rc;
    struct buf title;

    if (!facebook__video_wanted(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    rc = video_is_there(ctx, why);
    if (!rc) {
        rc = facebook__fix_text(ctx, FACEBOOK_KIND_VIDEO, why);
    }
    if (rc) {
        return rc;
    }
    graph_request(req,
                  HTTP_POST,
                  s->videos == FACEBOOK_BY_UPLOAD ? s->video_api : s->api,
                  ctx->token ? ctx->token : "",
                  "/%s/videos",
                  s->page_id);
    graph_prove(req, &s->oauth.client_secret, ctx->token);
    buf_init(&title, TEXT_BYTES_MAX);
    video_title(ctx, &title);
    (s->videos == FACEBOOK_BY_UPLOAD ? fill_upload : fill_address)(ctx, req, buf_str(&title));
    buf_done(&title);
    facebook__note_sending(ctx);
    return ERR_NONE;
}

struct verdict facebook__read_video(struct step_ctx *ctx, const struct http_response *res)
{
    char id[GRAPH_ID_BYTES];

    if (!graph_answer_id(res, "id", id)) {
        return facebook__not_posted(ctx, res);
    }
    facebook__note_post(ctx, id, NULL);
    return verdict_next();
}

enum err_code
facebook__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = record_str(ctx->record, "remote_id");

    (void)why;
    if (facebook__kind(ctx) != FACEBOOK_KIND_VIDEO || !id) {
        req->skip = true;
        return ERR_NONE;
    }
    facebook__request(ctx, req, HTTP_GET, "/%s?fields=status,permalink_url", id);
    return ERR_NONE;
}

static struct verdict await_more(struct step_ctx *ctx)
{
    int64_t age_ms = record_age(ctx->record, "processing_since_ms", ctx->now_ms);
    struct verdict v;

    if (age_ms > VIDEO_PATIENCE_MS) {
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "Facebook has the video and still works on it");
    }
    v = verdict_make(VERDICT_AGAIN,
                     SCOPE_POST,
                     age_ms < MS_MINUTE ? 5 * MS_SECOND : 30 * MS_SECOND,
                     "Facebook is processing the video");
    v.not_counted = true;
    return v;
}

/* It was given to the platform, which made nothing of it. */
static struct verdict processing_failed(const json_t *status)
{
    const char *said = json_string_value(
        json_path(json_array_get(json_path(status, "processing_phase", "errors", NULL), 0),
                  "message",
                  NULL));

    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "Facebook could not process the video%s%.150s",
                        said ? ": " : "",
                        said ? said : "");
}

struct verdict facebook__read_await(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *status = json_object_get(body, "status");
    const char *word = record_str(status, "video_status");
    struct verdict v;

    if (word && strcmp(word, "ready") == 0) {
        facebook__note_post(ctx, record_str(ctx->record, "remote_id"), body);
        v = verdict_done();
    } else if (word && strcmp(word, "error") == 0) {
        v = processing_failed(status);
    } else if (word) {
        v = await_more(ctx);
    } else {
        v = facebook__trouble(&facebook__invisible, res);
    }
    json_decref(body);
    return v;
}
