/* A video in pieces. Called by the course that publishes. The request that begins an upload publishes
 * nothing, so one whose answer was lost is sent again; the post comes to exist with the last byte. A post has
 * one publish_id from the beginning, and that can be asked for at any time (tiktok_status.c): so a last piece
 * of which nothing is known leads there, and never to a second post.
 *
 * Pieces have one size, but the last one, which takes the rest and is smaller than two. Source:
 * https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide (2026). */

#include "adapters/tiktok_internal.h"

#include <inttypes.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "adapters/upload.h"
#include "base/json.h"

/* 5 to 64 MB are taken; the last one may have up to 128. */
#define PIECE_BYTES INT64_C(16777216)
#define PIECES_PER_RUN 100 /* the courier lets a run have so many steps and no more */
#define BEGINS_MAX 4

void tiktok__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->kind = MEDIA_VIDEO;
    wish->bounds = (struct media_bounds){.max_bytes = (size_t)TIKTOK_VIDEO_BYTES_MAX,
                                         .types = MEDIA_MP4 | MEDIA_MOV,
                                         .max_duration_ms = record_int(ctx->record, "max_ms")};
}

/* ---- the beginning ---- */

static json_t *source_of(const struct step_ctx *ctx)
{
    int64_t total = upload_total(ctx), piece = record_int(ctx->record, "piece");
    json_t *source = json_object();

    json_set_str(source, "source", "FILE_UPLOAD");
    (void)json_object_set_new(source, "video_size", json_integer(total));
    (void)json_object_set_new(source, "chunk_size", json_integer(piece));
    (void)json_object_set_new(source, "total_chunk_count", json_integer(total / piece));
    return source;
}

static void note_file(struct step_ctx *ctx)
{
    int64_t total = (int64_t)ctx->media->len;

    upload_note_file(ctx);
    record_set_int(ctx->record, "piece", total < 2 * PIECE_BYTES ? total : PIECE_BYTES);
    record_set_int(ctx->record, "offset", 0);
}

enum err_code
tiktok__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc;
    json_t *post;

    if (record_url(ctx->record, "upload")) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!ctx->media || ctx->media->len == 0) {
        return tiktok__no_video(ctx, why);
    }
    rc = tiktok__fit(ctx, why);
    if (rc) {
        return rc;
    }
    note_file(ctx);
    post = json_object();
    if (tiktok__settings(ctx)->mode == TIKTOK_DIRECT) {
        (void)json_object_set_new(post, "post_info", tiktok__video_info(ctx));
    }
    (void)json_object_set_new(post, "source_info", source_of(ctx));
    tiktok__request(ctx, req, tiktok__video_path(ctx), post);
    return ERR_NONE;
}

static bool take_upload(struct step_ctx *ctx, const json_t *data)
{
    const char *where = record_url(data, "upload_url");

    if (!where || strlen(where) > ARTICLE_URL_BYTES || !tiktok__take_publish_id(ctx, data)) {
        return false;
    }
    json_set_str(ctx->record, "upload", where);
    record_set_int(ctx->record, "upload_at_ms", ctx->now_ms);
    return true;
}

struct verdict tiktok__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.repeatable = true};
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    bool taken = data && take_upload(ctx, data);

    json_decref(body);
    if (taken) {
        return verdict_next();
    }
    return data ? verdict_make(
                      VERDICT_AGAIN, SCOPE_POST, 0, "the answer has no address to upload to")
                : tiktok__trouble(ctx, &self, res);
}

/* ---- pieces ---- */

static int64_t rest_of(const struct step_ctx *ctx)
{
    return upload_total(ctx) - record_int(ctx->record, "offset");
}

static bool is_last(const struct step_ctx *ctx)
{
    return rest_of(ctx) < 2 * record_int(ctx->record, "piece");
}

/* Whether the file that the upload was begun with is at hand. If not, the post is asked for, and what comes
 * then is decided there. */
static bool has_file(struct step_ctx *ctx)
{
    bool other = upload_is_other_file(ctx);

    record_set_flag(ctx->record, "other_file", other);
    record_drop(ctx->record, "file_trouble");
    if (!ctx->media) {
        json_set_str(ctx->record,
                     "file_trouble",
                     ctx->media_error ? ctx->media_error : "it could not be fetched");
    }
    return ctx->media && !other;
}

/* The address opens it: no token goes along. */
static void put(const struct step_ctx *ctx, struct http_request *req, int64_t len)
{
    int64_t from = record_int(ctx->record, "offset");

    req->method = HTTP_PUT;
    http_set_url(req, "%s", record_url(ctx->record, "upload"));
    http_set_header(req, "Content-Type", ctx->media->type);
    http_set_headerf(req,
                     "Content-Range",
                     "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                     from,
                     from + len - 1,
                     upload_total(ctx));
    http_set_media(req, ctx->media, (size_t)from, (size_t)len);
}

static enum err_code no_upload(struct err *why)
{
    return err_set(why, ERR_NOT_FOUND, "the upload is not known");
}

enum err_code
tiktok__build_piece(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!record_url(ctx->record, "upload")) {
        return no_upload(why);
    }
    if (is_last(ctx) || !has_file(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    put(ctx, req, record_int(ctx->record, "piece"));
    return ERR_NONE;
}

enum err_code
tiktok__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!record_url(ctx->record, "upload")) {
        return no_upload(why);
    }
    if (!has_file(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    record_set_flag(ctx->record, "last_sent", true);
    put(ctx, req, rest_of(ctx));
    return ERR_NONE;
}

static struct verdict go_on(struct step_ctx *ctx)
{
    int64_t pieces = record_int(ctx->record, "pieces") + 1;
    struct verdict v;

    record_set_int(ctx->record, "pieces", pieces);
    record_set_int(ctx->record,
                   "offset",
                   record_int(ctx->record, "offset") + record_int(ctx->record, "piece"));
    if (pieces % PIECES_PER_RUN != 0) {
        return verdict_jump("upload_piece");
    }
    v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 1, "so far: %" PRId64 " pieces", pieces);
    v.not_counted = true;
    return v;
}

struct verdict tiktok__begin_anew(struct step_ctx *ctx, const char *reason)
{
    struct verdict v = verdict_jump("begin_upload");

    tiktok__forget_upload(ctx);
    record_drop(ctx->record, "publish_id");
    if (record_int(ctx->record, "begins") >= BEGINS_MAX) {
        return verdict_make(
            VERDICT_REJECTED, SCOPE_POST, 0, "%s, %d times", reason, BEGINS_MAX);
    }
    v.refused = true;
    return v;
}

/* What a no to a piece says is not told: it may hold the address. */
static struct verdict piece_trouble(const struct http_response *res)
{
    static const struct step self = {.repeatable = true};
    struct http_response bare = *res;

    bare.body = NULL;
    bare.body_len = 0;
    return trouble_from_status(&self, &bare);
}

static bool is_refusal(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

struct verdict tiktok__read_piece(struct step_ctx *ctx, const struct http_response *res)
{
    bool last = record_flag(ctx->record, "last_sent");

    if (res->status == 201 || (last && res->status >= 200 && res->status < 300)) {
        record_set_flag(ctx->record, "complete", true);
        return verdict_jump("await_post");
    }
    if (res->status == 206 || res->status == 200) {
        return go_on(ctx);
    }
    if (is_refusal(res->status)) {
        return last ? verdict_jump("await_post") /* it may have come before */
                    : tiktok__begin_anew(ctx, "TikTok ended the upload");
    }
    return piece_trouble(res);
}

struct verdict
tiktok__last_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    static const struct step self = {.repeatable = true, .publishes = true};
    struct verdict v = trouble_from_transport(&self, outcome, error);

    (void)ctx;
    v.jump = "await_post";
    return v;
}
