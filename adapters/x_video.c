/* The article's video: begun (its size and type), sent in segments, ended, and waited for while X looks through
 * it. Called by the courses that make a post, before the pictures, which take its place when it does not come.
 * Where it stands is in the record, so a broken upload goes on at the segment it had come to; a segment that
 * was sent twice is one. */

#include "adapters/x_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

/* The documentation names no longest segment; its examples have 1 MB, and 5 MB are known to work. */
#define SEGMENT_BYTES ((size_t)4 * 1024 * 1024)
#define VIDEO_BYTES ((size_t)512 * 1024 * 1024)
#define VIDEO_MS_MAX (140 * MS_SECOND)
#define PATIENCE_MS (30 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (3 * MS_MINUTE)
#define POLL_MS (2 * MS_SECOND)
#define LIFE_MS (20 * MS_HOUR)

static const json_t *known(const struct step_ctx *ctx)
{
    return json_object_get(ctx->record, "video");
}

static bool waited_too_long(struct step_ctx *ctx)
{
    return x__media_age(ctx) > (ctx->breaking ? PATIENCE_BREAKING_MS : PATIENCE_MS);
}

static void video_off(struct step_ctx *ctx, const char *reason)
{
    json_t *video = record_object(ctx->record, "video");

    (void)json_object_clear(video);
    json_set_str(video, "off", reason);
}

static bool is_out_of_question(const struct step_ctx *ctx)
{
    return x__media_never(ctx) || x__settings(ctx)->media != X_MEDIA_AUTO ||
           !ctx->article->video.url || record_str(known(ctx), "off");
}

static bool is_alive(const struct step_ctx *ctx)
{
    return record_str(known(ctx), "id") && record_int(known(ctx), "until_ms") > ctx->now_ms;
}

static bool all_is_sent(const json_t *video)
{
    return record_int(video, "segment") * (int64_t)SEGMENT_BYTES >= record_int(video, "total");
}

bool x__video_comes(const struct step_ctx *ctx)
{
    return record_str(known(ctx), "id") != NULL && !is_out_of_question(ctx);
}

const char *x__video_id(const struct step_ctx *ctx)
{
    return record_flag(known(ctx), "ready") ? record_str(known(ctx), "id") : NULL;
}

bool x__video_begin_wanted(const struct step_ctx *ctx)
{
    return !is_out_of_question(ctx) && !is_alive(ctx);
}

bool x__video_append_wanted(const struct step_ctx *ctx)
{
    return !is_out_of_question(ctx) && is_alive(ctx) && !all_is_sent(known(ctx));
}

void x__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->kind = MEDIA_VIDEO;
    wish->bounds.max_bytes = VIDEO_BYTES;
    wish->bounds.max_duration_ms = VIDEO_MS_MAX;
    wish->bounds.types = MEDIA_MP4 | MEDIA_MOV;
}

static const char *objection(struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    if (!m) {
        return ctx->media_error ? ctx->media_error : "the video could not be fetched";
    }
    if (strcmp(m->type, "video/mp4") != 0 && strcmp(m->type, "video/quicktime") != 0) {
        return "X does not take videos of this type";
    }
    if (m->len == 0 || m->len > VIDEO_BYTES) {
        return "the video is larger than 512 MB";
    }
    if (m->duration_ms > VIDEO_MS_MAX) {
        return "the video is longer than 140 seconds";
    }
    return waited_too_long(ctx) ? "uploading the video took too long" : NULL;
}

/* Of a build: nothing to send, because of this. */
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
x__build_begin_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *reason;
    json_t *body;

    (void)why;
    if (!x__video_begin_wanted(ctx)) {
        return go_without(ctx, req, NULL);
    }
    reason = objection(ctx);
    if (reason) {
        return go_without(ctx, req, reason);
    }
    x__request(ctx, req, HTTP_POST, "/2/media/upload/initialize");
    body = json_pack("{s:s, s:I, s:s}",
                     "media_type",
                     ctx->media->type,
                     "total_bytes",
                     (json_int_t)ctx->media->len,
                     "media_category",
                     "tweet_video");
    http_set_json(req, body);
    json_decref(body);
    record_set_int(record_object(ctx->record, "video"), "total", (int64_t)ctx->media->len);
    json_set_str(record_object(ctx->record, "video"), "hash", ctx->media->hash);
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

/* Answers about the video alone: it does not go, the post does. */
static struct verdict video_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v = x__trouble(ctx, &any_step, res);
    bool given_up = v.kind == VERDICT_AGAIN && waited_too_long(ctx);

    if (v.kind == VERDICT_REJECTED || given_up || res->status == 413 || res->status == 415 ||
        (res->status == 429 && ctx->breaking)) {
        video_off(ctx, v.detail);
        return verdict_jump("picture_1");
    }
    return v;
}

struct verdict x__read_begin_video(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *video = record_object(ctx->record, "video");
    char id[X_ID_BYTES];

    if (!x__answer_id(res, id)) {
        return video_trouble(ctx, res);
    }
    json_set_str(video, "id", id);
    record_set_int(video, "segment", 0);
    /* What is told at the beginning is how long it may take to send it; the finished file lives shorter. */
    record_set_int(video, "until_ms", ctx->now_ms + LIFE_MS);
    record_drop(video, "ended");
    record_drop(video, "ready");
    return verdict_next();
}

static bool is_same_file(const struct step_ctx *ctx, const json_t *video)
{
    const char *hash = record_str(video, "hash");

    return (int64_t)ctx->media->len == record_int(video, "total") &&
           (!hash || !ctx->media->hash || strcmp(hash, ctx->media->hash) == 0);
}

enum err_code
x__build_append_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const json_t *video = known(ctx);
    int64_t segment = record_int(video, "segment");
    size_t from = (size_t)segment * SEGMENT_BYTES, left;
    const char *reason;
    char index[24];

    (void)why;
    if (!x__video_append_wanted(ctx)) {
        return go_without(ctx, req, NULL);
    }
    reason = objection(ctx);
    if (!reason && !is_same_file(ctx, video)) {
        reason = "the video changed while it was uploaded";
    }
    if (reason) {
        return go_without(ctx, req, reason);
    }
    left = ctx->media->len - from;
    (void)snprintf(index, sizeof index, "%lld", (long long)segment);
    x__request(ctx, req, HTTP_POST, "/2/media/upload/%s/append", record_str(video, "id"));
    http_add_part_text(req, "segment_index", index);
    http_add_part_media_range(
        req, "media", "segment", ctx->media, from, left < SEGMENT_BYTES ? left : SEGMENT_BYTES);
    x__sign(ctx, req, index);
    return ERR_NONE;
}

/* An upload X has forgotten is begun anew, once. */
static bool
begin_anew(struct step_ctx *ctx, const struct http_response *res, struct verdict *out)
{
    if (res->status != 404 || record_flag(ctx->record, "media_again")) {
        return false;
    }
    record_set_flag(ctx->record, "media_again", true);
    record_drop(ctx->record, "video");
    *out = verdict_jump("begin_video");
    return true;
}

struct verdict x__read_append_video(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *video = record_object(ctx->record, "video");
    struct verdict v;

    if (res->status < 200 || res->status >= 300) {
        return begin_anew(ctx, res, &v) ? v : video_trouble(ctx, res);
    }
    record_set_int(video, "segment", record_int(video, "segment") + 1);
    return all_is_sent(video) ? verdict_next() : verdict_jump("append_video");
}

enum err_code
x__build_end_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (!x__video_comes(ctx) || !all_is_sent(known(ctx)) || record_flag(known(ctx), "ended")) {
        return go_without(ctx, req, NULL);
    }
    x__request(
        ctx, req, HTTP_POST, "/2/media/upload/%s/finalize", record_str(known(ctx), "id"));
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

/* How far X has come with it, at the end and while we wait. */
static struct verdict read_processing(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res), *video = record_object(ctx->record, "video");
    const json_t *info = json_path(body, "data", "processing_info", NULL);
    const char *state = json_path_str(info, "state");
    int64_t wait_ms = x__seconds(info, "check_after_secs");
    struct verdict v = verdict_next();

    record_set_flag(video, "ended", true);
    if (!state || strcmp(state, "succeeded") == 0) {
        record_set_flag(video, "ready", true);
    } else if (strcmp(state, "failed") == 0) {
        video_off(ctx, "X could not process the video");
        v = verdict_jump("picture_1");
    } else if (waited_too_long(ctx)) {
        video_off(ctx, "X did not finish processing the video in time");
        v = verdict_jump("picture_1");
    } else {
        v = verdict_make(VERDICT_AGAIN,
                         SCOPE_POST,
                         wait_ms > 0 ? wait_ms : POLL_MS,
                         "X is processing the video");
        v.not_counted = true;
        v.jump = "await_video";
    }
    json_decref(body);
    return v;
}

struct verdict x__read_end_video(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;
    char id[X_ID_BYTES];

    if (!x__answer_id(res, id)) {
        return begin_anew(ctx, res, &v) ? v : video_trouble(ctx, res);
    }
    return read_processing(ctx, res);
}

enum err_code
x__build_await_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (!x__video_comes(ctx) || !record_flag(known(ctx), "ended") || x__video_id(ctx)) {
        return go_without(ctx, req, NULL);
    }
    x__request(ctx,
               req,
               HTTP_GET,
               "/2/media/upload?command=STATUS&media_id=%s",
               record_str(known(ctx), "id"));
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

struct verdict x__read_await_video(struct step_ctx *ctx, const struct http_response *res)
{
    return x__read_end_video(ctx, res);
}
