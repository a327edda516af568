/* The article's video on LinkedIn: begun (its size), put part by part to the addresses LinkedIn gives, ended with
 * the tags its parts got, and waited for. Where it stands is in the record, so a broken upload goes on at the
 * part it had come to; a part that was put twice is one. When it does not come the post is a card. */

#include "adapters/linkedin_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

#define VIDEO_BYTES ((size_t)500 * 1000 * 1000)
#define VIDEO_BYTES_MIN ((size_t)75 * 1000)
#define VIDEO_MS_MIN (3 * MS_SECOND)
#define VIDEO_MS_MAX (30 * MS_MINUTE)
#define PARTS_MAX 150 /* of 4 MB, as LinkedIn cuts them */
#define POLL_MS (3 * MS_SECOND)
#define LIFE_MS MS_HOUR

static const json_t *known(const struct step_ctx *ctx)
{
    return json_object_get(ctx->record, "video");
}

static void video_off(struct step_ctx *ctx, const char *reason)
{
    json_t *video = record_object(ctx->record, "video");

    (void)json_object_clear(video);
    json_set_str(video, "off", reason);
}

static bool is_out_of_question(const struct step_ctx *ctx)
{
    return linkedin__settings(ctx)->content != LINKEDIN_VIDEO || !ctx->article->video.url ||
           record_str(known(ctx), "off");
}

static size_t part_count(const json_t *video)
{
    return json_array_size(json_object_get(video, "parts"));
}

static json_t *next_part(const json_t *video)
{
    return json_array_get(json_object_get(video, "parts"), (size_t)record_int(video, "next"));
}

static bool is_begun(const struct step_ctx *ctx)
{
    return record_str(known(ctx), "id") && (record_flag(known(ctx), "ended") ||
                                            record_int(known(ctx), "until_ms") > ctx->now_ms);
}

bool linkedin__video_comes(const struct step_ctx *ctx)
{
    return record_str(known(ctx), "id") && !is_out_of_question(ctx);
}

const char *linkedin__video_id(const struct step_ctx *ctx)
{
    return record_flag(known(ctx), "ready") ? record_str(known(ctx), "id") : NULL;
}

bool linkedin__video_begin_wanted(const struct step_ctx *ctx)
{
    return !linkedin__media_over(ctx) && !is_out_of_question(ctx) && !is_begun(ctx);
}

bool linkedin__video_put_wanted(const struct step_ctx *ctx)
{
    return !linkedin__media_over(ctx) && !is_out_of_question(ctx) && is_begun(ctx) &&
           next_part(known(ctx));
}

void linkedin__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->kind = MEDIA_VIDEO;
    wish->bounds.max_bytes = VIDEO_BYTES;
    wish->bounds.max_duration_ms = VIDEO_MS_MAX;
    wish->bounds.types = MEDIA_MP4;
}

static const char *objection(struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    if (!m) {
        return ctx->media_error ? ctx->media_error : "the video could not be fetched";
    }
    if (strcmp(m->type, "video/mp4") != 0) {
        return "LinkedIn takes MP4 alone";
    }
    if (m->len > VIDEO_BYTES || m->len < VIDEO_BYTES_MIN) {
        return "LinkedIn takes videos from 75 KB to 500 MB";
    }
    if (m->duration_ms > VIDEO_MS_MAX ||
        (m->duration_ms > 0 && m->duration_ms < VIDEO_MS_MIN)) {
        return "LinkedIn takes videos from 3 seconds to 30 minutes";
    }
    return linkedin__waited_too_long(ctx) ? "uploading the video took too long" : NULL;
}

static enum err_code
go_without(struct step_ctx *ctx, struct http_request *req, const char *reason)
{
    if (reason) {
        video_off(ctx, reason);
    }
    req->skip = true;
    return ERR_NONE;
}

enum err_code
linkedin__build_begin_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char author[LINKEDIN_URN_BYTES];
    const char *reason;
    json_t *body;

    if (!linkedin__video_begin_wanted(ctx)) {
        return go_without(ctx, req, NULL);
    }
    reason = objection(ctx);
    if (reason) {
        return go_without(ctx, req, reason);
    }
    if (!linkedin__author(ctx, author)) {
        return err_set(why, ERR_NOT_FOUND, "whose token this is is not known");
    }
    linkedin__request(ctx, req, HTTP_POST, "/rest/videos?action=initializeUpload");
    body = json_pack("{s:{s:s, s:I, s:b, s:b}}",
                     "initializeUploadRequest",
                     "owner",
                     author,
                     "fileSizeBytes",
                     (json_int_t)ctx->media->len,
                     "uploadCaptions",
                     0,
                     "uploadThumbnail",
                     0);
    http_set_json(req, body);
    json_decref(body);
    json_set_str(record_object(ctx->record, "video"), "hash", ctx->media->hash);
    return ERR_NONE;
}

/* Answers about the video alone: it does not go, the post does. */
static struct verdict video_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v = linkedin__trouble(ctx, &any_step, res);

    if (v.kind == VERDICT_REJECTED ||
        (v.kind == VERDICT_AGAIN &&
         (linkedin__waited_too_long(ctx) || (ctx->breaking && v.scope == SCOPE_CHANNEL)))) {
        video_off(ctx, v.detail);
        return verdict_jump("image_1");
    }
    return v;
}

/* Their addresses are ours to store: parts that do not follow one another, or lie elsewhere, are refused. */
static json_t *read_parts(const struct step_ctx *ctx, const json_t *list)
{
    json_t *parts = json_array(), *one;
    json_int_t from = 0;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const char *url = json_path_str(one, "uploadUrl");
        json_int_t first = record_int(one, "firstByte"), last = record_int(one, "lastByte");

        if (i >= PARTS_MAX || first != from || last < first || !linkedin__is_theirs(ctx, url)) {
            json_decref(parts);
            return NULL;
        }
        (void)json_array_append_new(
            parts, json_pack("{s:s, s:I, s:I}", "url", url, "first", first, "last", last));
        from = last + 1;
    }
    return parts;
}

struct verdict linkedin__read_begin_video(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    json_t *value = json_object_get(body, "value"),
           *video = record_object(ctx->record, "video");
    const char *id = json_path_str(value, "video");
    int64_t until_ms = record_int(value, "uploadUrlsExpireAt");
    json_t *parts = read_parts(ctx, json_object_get(value, "uploadInstructions"));
    struct verdict v = verdict_next();

    if (linkedin__is_urn(id, "video") && json_array_size(parts) > 0) {
        const char *token = json_path_str(value, "uploadToken");

        json_set_str(video, "id", id);
        json_set_str(video, "token", token ? token : "");
        (void)json_object_set(video, "parts", parts);
        record_set_int(video, "next", 0);
        record_set_int(video, "until_ms", until_ms > 0 ? until_ms : ctx->now_ms + LIFE_MS);
    } else if (value) {
        video_off(ctx, "LinkedIn names no places for the video that are its own");
    } else {
        v = video_trouble(ctx, res);
    }
    json_decref(parts);
    json_decref(body);
    return v;
}

static const char *changed(const struct step_ctx *ctx, const json_t *part)
{
    const char *hash = record_str(known(ctx), "hash");
    bool same = (uint64_t)record_int(part, "last") < ctx->media->len &&
                (!hash || !ctx->media->hash || strcmp(hash, ctx->media->hash) == 0);

    return same ? NULL : "the video changed while it was uploaded";
}

enum err_code
linkedin__build_put_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const json_t *part = next_part(known(ctx));
    int64_t first = record_int(part, "first"), last = record_int(part, "last");
    const char *reason;

    (void)why;
    if (!linkedin__video_put_wanted(ctx)) {
        return go_without(ctx, req, NULL);
    }
    reason = objection(ctx);
    reason = reason ? reason : changed(ctx, part);
    if (reason) {
        return go_without(ctx, req, reason);
    }
    req->method = HTTP_PUT;
    http_set_url(req, "%s", record_str(part, "url"));
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "Content-Type", "application/octet-stream");
    http_set_media(req, ctx->media, (size_t)first, (size_t)(last - first + 1));
    return ERR_NONE;
}

struct verdict linkedin__read_put_video(struct step_ctx *ctx, const struct http_response *res)
{
    const char *etag = http_header(&res->headers, "ETag");
    json_t *video = record_object(ctx->record, "video"), *part = next_part(video);

    if (res->status < 200 || res->status >= 300 || !etag || !part) {
        return video_trouble(ctx, res);
    }
    json_set_str(part, "etag", etag);
    record_drop(part, "url");
    record_set_int(video, "next", record_int(video, "next") + 1);
    return next_part(video) ? verdict_jump("put_video") : verdict_next();
}

enum err_code
linkedin__build_end_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *tags, *body;

    (void)why;
    if (linkedin__media_over(ctx) || !linkedin__video_comes(ctx) || next_part(known(ctx)) ||
        record_flag(known(ctx), "ended")) {
        return go_without(ctx, req, NULL);
    }
    tags = json_array();
    for (size_t i = 0; i < part_count(known(ctx)); i++) {
        const json_t *part = json_array_get(json_object_get(known(ctx), "parts"), i);

        (void)json_array_append(tags, json_object_get(part, "etag"));
    }
    body = json_pack("{s:{s:s, s:s, s:o}}",
                     "finalizeUploadRequest",
                     "video",
                     record_str(known(ctx), "id"),
                     "uploadToken",
                     record_str(known(ctx), "token"),
                     "uploadedPartIds",
                     tags);
    linkedin__request(ctx, req, HTTP_POST, "/rest/videos?action=finalizeUpload");
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

struct verdict linkedin__read_end_video(struct step_ctx *ctx, const struct http_response *res)
{
    if (res->status < 200 || res->status >= 300) {
        return video_trouble(ctx, res);
    }
    record_set_flag(record_object(ctx->record, "video"), "ended", true);
    return verdict_next();
}

enum err_code
linkedin__build_await_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char path[LINKEDIN_PATH_BYTES];

    (void)why;
    if (linkedin__media_over(ctx) || !linkedin__video_comes(ctx) ||
        !record_flag(known(ctx), "ended") || linkedin__video_id(ctx)) {
        return go_without(ctx, req, NULL);
    }
    if (linkedin__waited_too_long(ctx)) {
        return go_without(ctx, req, "LinkedIn did not finish processing the video in time");
    }
    linkedin__request(ctx,
                      req,
                      HTTP_GET,
                      "/rest/videos/%s",
                      linkedin__path_of(record_str(known(ctx), "id"), path));
    return ERR_NONE;
}

struct verdict linkedin__read_await_video(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *status = json_path_str(body, "status");
    struct verdict v = verdict_next();

    if (status && strcmp(status, "AVAILABLE") == 0) {
        record_set_flag(record_object(ctx->record, "video"), "ready", true);
    } else if (status && strcmp(status, "PROCESSING_FAILED") == 0) {
        video_off(ctx, "LinkedIn could not process the video");
        v = verdict_jump("image_1");
    } else if (status) {
        v = verdict_make(
            VERDICT_AGAIN, SCOPE_POST, POLL_MS, "LinkedIn is processing the video");
        v.not_counted = true;
    } else {
        v = video_trouble(ctx, res);
    }
    json_decref(body);
    return v;
}
