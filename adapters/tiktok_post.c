/* What the account may do, and the requests that begin a post. Called by the course that publishes. TikTok
 * wants to be asked before each post who may see it; the answer also tells how long a video may be.
 *
 * Pictures are always fetched by TikTok, and so is a video where the settings say so: then the request that
 * begins the post is the one that publishes it, and must not be repeated when its answer is lost. An upload
 * publishes nothing before its last byte (tiktok_upload.c). */

#include "adapters/tiktok_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mustache.h"

#define PHOTO_EDGE 1920 /* "1080p" */
#define PHOTO_PIXELS (INT64_C(1920) * 1080)

bool tiktok__is_video(const struct step_ctx *ctx)
{
    int kind = tiktok__settings(ctx)->kind;

    return kind == TIKTOK_VIDEO || (kind == TIKTOK_AUTO && ctx->article->video.url != NULL);
}

static bool is_inbox(const struct step_ctx *ctx)
{
    return tiktok__settings(ctx)->mode == TIKTOK_INBOX;
}

/* ---- texts ---- */

static MUST_USE enum err_code fit_one(struct step_ctx *ctx,
                                      const struct mustache *tpl,
                                      int limit,
                                      const char *member,
                                      struct err *why)
{
    return fit_record(ctx, member, tpl, &tiktok__limits[limit], mustache_escape_none, why);
}

enum err_code tiktok__fit(struct step_ctx *ctx, struct err *why)
{
    const struct tiktok_settings *s = tiktok__settings(ctx);
    enum err_code rc;

    if (tiktok__is_video(ctx)) {
        return fit_one(ctx, s->text, TIKTOK_LIMIT_CAPTION, "text", why);
    }
    rc = fit_one(ctx, s->title, TIKTOK_LIMIT_TITLE, "title", why);
    return rc ? rc : fit_one(ctx, s->text, TIKTOK_LIMIT_TEXT, "text", why);
}

/* ---- what the account may do ---- */

static MUST_USE enum err_code check_media(const struct step_ctx *ctx, struct err *why)
{
    if (tiktok__is_video(ctx)) {
        return ctx->article->video.url ? ERR_NONE : tiktok__no_video(ctx, why);
    }
    return ctx->article->image_count > 0
               ? ERR_NONE
               : err_set(why,
                         ERR_INVALID,
                         "this article has no picture%s, and TikTok takes nothing else",
                         tiktok__settings(ctx)->kind == TIKTOK_PHOTO ? "" : " and no video");
}

enum err_code
tiktok__build_creator(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = ctx->course == COURSE_PUBLISH ? check_media(ctx, why) : ERR_NONE;

    if (!rc) {
        tiktok__request(ctx, req, "/v2/post/publish/creator_info/query/", NULL);
    }
    return rc;
}

static bool has_word(const json_t *list, const char *word)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);

        if (text && strcmp(text, word) == 0) {
            return true;
        }
    }
    return false;
}

/* The level to post with; NULL: the settings' is not among those that the account has. */
static const char *choose_privacy(const struct step_ctx *ctx, const json_t *options)
{
    const struct tiktok_settings *s = tiktok__settings(ctx);
    size_t from = (size_t)s->privacy;

    for (size_t i = from; tiktok__privacies[i]; i++) { /* from the widest to the narrowest */
        if (has_word(options, tiktok__privacies[i])) {
            return tiktok__privacies[i];
        }
        if (!s->privacy_fallback) {
            return NULL;
        }
    }
    return NULL;
}

static void name_options(const json_t *options, struct buf *out)
{
    json_t *item;
    size_t i;

    json_array_foreach(options, i, item)
    {
        if (json_is_string(item)) {
            buf_addf(out, "%s%.40s", out->len > 0 ? ", " : "", json_string_value(item));
        }
    }
}

static struct verdict take_creator(struct step_ctx *ctx, const json_t *data)
{
    const json_t *options = json_object_get(data, "privacy_level_options");
    const char *privacy = choose_privacy(ctx, options);
    struct verdict v;
    struct buf names;

    json_set_str(ctx->record, "creator", record_str(data, "creator_username"));
    record_set_int(
        ctx->record, "max_ms", record_int(data, "max_video_post_duration_sec") * MS_SECOND);
    if (privacy || is_inbox(ctx)) {
        json_set_str(ctx->record, "privacy", privacy);
        return verdict_next();
    }
    buf_init(&names, 256);
    name_options(options, &names);
    v = verdict_make(VERDICT_BLOCKED,
                     SCOPE_CHANNEL,
                     0,
                     "the account does not let posts go to %s, only to: %s",
                     tiktok__privacies[tiktok__settings(ctx)->privacy],
                     buf_str(&names));
    buf_done(&names);
    return v;
}

struct verdict tiktok__read_creator(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.repeatable = true};
    const struct tiktok_settings *s = tiktok__settings(ctx);
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    struct verdict v = data ? take_creator(ctx, data) : tiktok__trouble(ctx, &self, res);

    json_decref(body);
    if (v.kind != VERDICT_NEXT || !data) {
        return v;
    }
    return verdict_jump(!tiktok__is_video(ctx)      ? "photo_1"
                        : s->video == TIKTOK_UPLOAD ? "begin_upload"
                                                    : "begin_pull");
}

struct verdict tiktok__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.repeatable = true};
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    struct verdict v = data ? take_creator(ctx, data) : tiktok__trouble(ctx, &self, res);

    json_decref(body);
    if (v.kind == VERDICT_NEXT && data) {
        const char *who = record_str(ctx->record, "creator");

        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%.60s", who ? who : "?");
    }
    return v;
}

/* ---- pictures ---- */

static size_t photo_count(const struct step_ctx *ctx)
{
    size_t max = (size_t)tiktok__settings(ctx)->max_photos;

    return ctx->article->image_count < max ? ctx->article->image_count : max;
}

static size_t photos_done(const struct step_ctx *ctx)
{
    return json_array_size(json_object_get(ctx->record, "photos"));
}

bool tiktok__photo_wanted(const struct step_ctx *ctx)
{
    return photos_done(ctx) < photo_count(ctx);
}

void tiktok__photo_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->kind = MEDIA_PICTURE;
    wish->index = photos_done(ctx);
    wish->by_address = true;
    wish->bounds.max_bytes = TIKTOK_PHOTO_BYTES_MAX;
    wish->bounds.types = MEDIA_JPEG | MEDIA_WEBP;
    wish->bounds.max_edge = PHOTO_EDGE;
    wish->bounds.max_pixels = PHOTO_PIXELS;
}

/* The number keeps a step that is built twice from noting two. */
void tiktok__note_photo(struct step_ctx *ctx, struct http_request *req, size_t number)
{
    json_t *photos = json_object_get(ctx->record, "photos");

    if (!photos) {
        photos = json_array();
        (void)json_object_set_new(ctx->record, "photos", photos);
    }
    if (json_array_size(photos) == number && number < photo_count(ctx)) {
        (void)json_array_append_new(
            photos, ctx->media && ctx->media->url ? json_string(ctx->media->url) : json_null());
    }
    req->skip = true;
}

struct verdict tiktok__read_photo(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    (void)res; /* nothing is ever sent */
    return verdict_next();
}

static void set_flag(json_t *object, const char *name, bool value)
{
    (void)json_object_set_new(object, name, json_boolean(value));
}

static void set_common(const struct step_ctx *ctx, json_t *info)
{
    const struct tiktok_settings *s = tiktok__settings(ctx);

    json_set_str(info, "privacy_level", record_str(ctx->record, "privacy"));
    set_flag(info, "disable_comment", s->disable_comment);
    set_flag(info, "brand_content_toggle", s->brand_content);
    set_flag(info, "brand_organic_toggle", s->brand_organic);
}

static json_t *photo_addresses(const struct step_ctx *ctx)
{
    json_t *addresses = json_array(), *item;
    size_t i;

    json_array_foreach(json_object_get(ctx->record, "photos"), i, item)
    {
        if (json_is_string(item)) {
            (void)json_array_append(addresses, item);
        }
    }
    return addresses;
}

static json_t *photo_post(const struct step_ctx *ctx, json_t *addresses)
{
    json_t *post = json_object(), *info = json_object(), *source = json_object();

    json_set_str(info, "title", record_str(ctx->record, "title"));
    json_set_str(info, "description", record_str(ctx->record, "text"));
    if (!is_inbox(ctx)) {
        set_common(ctx, info);
        set_flag(info, "auto_add_music", tiktok__settings(ctx)->auto_add_music);
    }
    json_set_str(source, "source", "PULL_FROM_URL");
    (void)json_object_set_new(source, "photo_cover_index", json_integer(0));
    (void)json_object_set_new(source, "photo_images", addresses);
    json_set_str(post, "media_type", "PHOTO");
    json_set_str(post, "post_mode", is_inbox(ctx) ? "MEDIA_UPLOAD" : "DIRECT_POST");
    (void)json_object_set_new(post, "post_info", info);
    (void)json_object_set_new(post, "source_info", source);
    return post;
}

enum err_code
tiktok__build_photos(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *addresses = photo_addresses(ctx);
    enum err_code rc;

    if (json_array_size(addresses) == 0) {
        json_decref(addresses);
        return err_set(why,
                       ERR_INVALID,
                       "no picture of this article could be had at a public address: %.120s",
                       ctx->media_error ? ctx->media_error : "see the log");
    }
    rc = tiktok__fit(ctx, why);
    if (rc) {
        json_decref(addresses);
        return rc;
    }
    record_set_int(ctx->record, "begun_at_ms", ctx->now_ms);
    tiktok__request(ctx, req, "/v2/post/publish/content/init/", photo_post(ctx, addresses));
    return ERR_NONE;
}

/* ---- answers ---- */

bool tiktok__take_publish_id(struct step_ctx *ctx, const json_t *data)
{
    const char *id = record_str(data, "publish_id");

    if (!id || !*id || strlen(id) >= TIKTOK_ID_BYTES) {
        return false;
    }
    json_set_str(ctx->record, "publish_id", id);
    record_set_int(ctx->record, "begins", record_int(ctx->record, "begins") + 1);
    record_drop(ctx->record, "since_ms");
    record_drop(ctx->record, "public_since_ms");
    return true;
}

/* Of a request that publishes by itself. */
static struct verdict read_begun(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.publishes = true};
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    bool taken = data && tiktok__take_publish_id(ctx, data);

    json_decref(body);
    if (taken) {
        return verdict_jump("await_post");
    }
    return tiktok__trouble(ctx, &self, res);
}

struct verdict tiktok__read_photos(struct step_ctx *ctx, const struct http_response *res)
{
    return read_begun(ctx, res);
}

/* ---- a video that TikTok fetches ---- */

void tiktok__pull_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    tiktok__video_wish(ctx, wish);
    wish->by_address = true;
}

json_t *tiktok__video_info(const struct step_ctx *ctx)
{
    const struct tiktok_settings *s = tiktok__settings(ctx);
    json_t *info = json_object();

    json_set_str(info, "title", record_str(ctx->record, "text"));
    set_common(ctx, info);
    set_flag(info, "disable_duet", s->disable_duet);
    set_flag(info, "disable_stitch", s->disable_stitch);
    set_flag(info, "is_aigc", s->aigc);
    if (s->cover_ms > 0) {
        (void)json_object_set_new(info, "video_cover_timestamp_ms", json_integer(s->cover_ms));
    }
    return info;
}

const char *tiktok__video_path(const struct step_ctx *ctx)
{
    return is_inbox(ctx) ? "/v2/post/publish/inbox/video/init/"
                         : "/v2/post/publish/video/init/";
}

enum err_code tiktok__no_video(const struct step_ctx *ctx, struct err *why)
{
    if (!ctx->article->video.url) {
        return err_set(why, ERR_INVALID, "this article has no video");
    }
    return err_set(why,
                   ERR_INVALID,
                   "the video could not be had: %.150s",
                   ctx->media_error ? ctx->media_error : "it could not be fetched");
}

enum err_code
tiktok__build_pull(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *post, *source;
    enum err_code rc;

    if (!ctx->media || !ctx->media->url) {
        return tiktok__no_video(ctx, why);
    }
    rc = tiktok__fit(ctx, why);
    if (rc) {
        return rc;
    }
    post = json_object();
    source = json_object();
    json_set_str(source, "source", "PULL_FROM_URL");
    json_set_str(source, "video_url", ctx->media->url);
    if (!is_inbox(ctx)) {
        (void)json_object_set_new(post, "post_info", tiktok__video_info(ctx));
    }
    (void)json_object_set_new(post, "source_info", source);
    record_set_int(ctx->record, "begun_at_ms", ctx->now_ms);
    tiktok__request(ctx, req, tiktok__video_path(ctx), post);
    return ERR_NONE;
}

struct verdict tiktok__read_pull(struct step_ctx *ctx, const struct http_response *res)
{
    return read_begun(ctx, res);
}
