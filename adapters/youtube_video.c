/* What comes behind an upload: the preview picture, a look at what became of the video; and what becomes of
 * it later: its description changed, taken from the public or deleted. By now the video is there, so nothing
 * of the first two makes a failure of it: what did not work is told with the outcome.
 *
 * A change replaces the whole snippet, since members that are missing are cleared, and leaves the status
 * alone, which a person may have set by hand meanwhile. */

#include "adapters/youtube_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define POLL_MS (15 * MS_SECOND)

static const struct step harmless = {.repeatable = true};

/* The video this is about: made by this delivery, or the one that stands. */
static const char *video_id(const struct step_ctx *ctx, char out[YOUTUBE_ID_BYTES])
{
    const char *made = youtube__video_id(record_str(ctx->record, "remote_id"), NULL, out);

    return made ? made : youtube__video_id(post_id(ctx), post_str(ctx, "remote_url"), out);
}

static enum err_code no_id(struct err *why)
{
    return err_set(why, ERR_NOT_FOUND, "the id of the video is not known");
}

/* ---- the preview picture ---- */

static const char *picture_url(const struct step_ctx *ctx)
{
    return ctx->article->image_count > 0 ? ctx->article->images[0].url : NULL;
}

bool youtube__thumbnail_wanted(const struct step_ctx *ctx)
{
    const char *url = picture_url(ctx), *had = post_str(ctx, "thumbnail_url");

    return youtube__settings(ctx)->thumbnail == YOUTUBE_THUMBNAIL_AUTO && url &&
           !record_str(ctx->record, "thumbnail_off") && !(had && strcmp(had, url) == 0);
}

void youtube__thumbnail_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->kind = MEDIA_PICTURE;
    wish->bounds = (struct media_bounds){.max_bytes = YOUTUBE_PICTURE_BYTES_MAX,
                                         .types = MEDIA_JPEG | MEDIA_PNG};
}

static const char *objection(const struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    if (!m || !m->bytes) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (strcmp(m->type, "image/jpeg") != 0 && strcmp(m->type, "image/png") != 0) {
        return "YouTube takes JPEG and PNG";
    }
    return m->len > YOUTUBE_PICTURE_BYTES_MAX ? "it is larger than 2 MiB" : NULL;
}

enum err_code
youtube__build_thumbnail(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const char *const kept[] = {"thumbnail_url", NULL};
    char id[YOUTUBE_ID_BYTES];
    const char *reason;

    if (!video_id(ctx, id)) {
        return no_id(why);
    }
    req->skip = !youtube__thumbnail_wanted(ctx);
    if (req->skip) {
        record_keep(ctx, kept);
        return ERR_NONE;
    }
    reason = objection(ctx);
    if (reason) {
        json_set_str(ctx->record, "thumbnail_off", reason);
        req->skip = true;
        return ERR_NONE;
    }
    youtube__request(ctx,
                     req,
                     HTTP_POST,
                     youtube__settings(ctx)->upload_api,
                     "/youtube/v3/thumbnails/set?videoId=%s&uploadType=media",
                     id);
    http_set_header(req, "Content-Type", ctx->media->type);
    req->bytes = ctx->media->bytes;
    req->bytes_len = ctx->media->len;
    return ERR_NONE;
}

struct verdict youtube__read_thumbnail(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (res->status == 200) {
        json_set_str(ctx->record, "thumbnail_url", picture_url(ctx));
        return verdict_next();
    }
    v = youtube__trouble(&harmless, res);
    json_set_str(ctx->record,
                 "thumbnail_off",
                 res->status == 403 ? "403: only a channel with a verified phone number may "
                                      "set its own preview pictures"
                                    : v.detail);
    return verdict_next();
}

struct verdict youtube__thumbnail_unanswered(struct step_ctx *ctx,
                                             enum transport_outcome outcome,
                                             const char *error)
{
    struct verdict v = trouble_from_transport(&harmless, outcome, error);

    json_set_str(ctx->record, "thumbnail_off", v.detail);
    return verdict_next();
}

/* ---- what became of it ---- */

enum err_code
youtube__build_check(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[YOUTUBE_ID_BYTES];

    if (!video_id(ctx, id)) {
        return no_id(why);
    }
    youtube__request(ctx,
                     req,
                     HTTP_GET,
                     youtube__settings(ctx)->api,
                     "/youtube/v3/videos?part=status,processingDetails&id=%s",
                     id);
    return ERR_NONE;
}

/* Done, with what there is to say of it. */
static struct verdict done_with(struct step_ctx *ctx, const char *said)
{
    const char *off = record_str(ctx->record, "thumbnail_off");

    record_drop(ctx->record, "checked_at_ms");
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "%s%s%s%.120s",
                        said,
                        *said && off ? "; " : "",
                        off ? "without a preview picture of its own: " : "",
                        off ? off : "");
}

static struct verdict refused(const json_t *status, const char *state)
{
    const char *reason = record_str(status, "rejectionReason");

    reason = reason ? reason : record_str(status, "failureReason");
    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "YouTube took the video and then said %.20s: %.60s",
                        state,
                        reason ? reason : "it does not say why");
}

static struct verdict judge_status(struct step_ctx *ctx, const json_t *status)
{
    const struct youtube_settings *s = youtube__settings(ctx);
    const char *state = record_str(status, "uploadStatus");
    const char *privacy = record_str(status, "privacyStatus");
    struct verdict v;

    if (state && (strcmp(state, "failed") == 0 || strcmp(state, "rejected") == 0 ||
                  strcmp(state, "deleted") == 0)) {
        return refused(status, state);
    }
    if (privacy && strcmp(privacy, "private") == 0 && s->privacy != YOUTUBE_PRIVATE) {
        return done_with(ctx,
                         "YouTube has locked it to private: the API project has not passed "
                         "Google's audit");
    }
    if (state && strcmp(state, "uploaded") == 0 && s->wait_processing_ms > 0 &&
        record_age(ctx->record, "checked_at_ms", ctx->now_ms) < s->wait_processing_ms) {
        v = verdict_make(VERDICT_AGAIN, SCOPE_POST, POLL_MS, "YouTube is processing the video");
        v.not_counted = true;
        return v;
    }
    return done_with(ctx, "");
}

struct verdict youtube__read_check(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *items = json_object_get(body, "items");
    struct verdict v;

    if (json_array_size(items) > 0) {
        v = judge_status(ctx, json_object_get(json_array_get(items, 0), "status"));
    } else {
        v = done_with(ctx, "what became of it could not be seen");
    }
    json_decref(body);
    return v;
}

/* ---- change, withdraw ---- */

enum err_code
youtube__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[YOUTUBE_ID_BYTES];
    enum err_code rc;
    json_t *video;

    if (!video_id(ctx, id)) {
        return no_id(why);
    }
    rc = youtube__fit(ctx, why);
    if (rc) {
        return rc;
    }
    youtube__request(
        ctx, req, HTTP_PUT, youtube__settings(ctx)->api, "/youtube/v3/videos?part=snippet");
    video = json_object();
    json_set_str(video, "id", id);
    (void)json_object_set_new(video, "snippet", youtube__snippet(ctx));
    http_set_json(req, video);
    json_decref(video);
    return ERR_NONE;
}

struct verdict youtube__read_update(struct step_ctx *ctx, const struct http_response *res)
{
    static const char *const kept[] = {"remote_id", "remote_url", NULL};

    if (res->status != 200) {
        struct verdict v = youtube__trouble(&harmless, res);

        if (v.kind == VERDICT_REJECTED) {
            record_drop(ctx->record, "title");
            record_drop(ctx->record, "text");
        }
        return v;
    }
    record_keep(ctx, kept);
    return verdict_next();
}

enum err_code
youtube__build_retract(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct youtube_settings *s = youtube__settings(ctx);
    char id[YOUTUBE_ID_BYTES];
    json_t *video;

    if (!video_id(ctx, id)) {
        return no_id(why);
    }
    if (s->retract == YOUTUBE_RETRACT_DELETE) {
        youtube__request(ctx, req, HTTP_DELETE, s->api, "/youtube/v3/videos?id=%s", id);
        return ERR_NONE;
    }
    youtube__request(ctx, req, HTTP_PUT, s->api, "/youtube/v3/videos?part=status");
    video = json_object();
    json_set_str(video, "id", id);
    (void)json_object_set_new(video, "status", youtube__status(ctx, YOUTUBE_PRIVATE));
    http_set_json(req, video);
    json_decref(video);
    return ERR_NONE;
}

struct verdict youtube__read_retract(struct step_ctx *ctx, const struct http_response *res)
{
    char reason[GOOGLE_REASON_BYTES];

    if (res->status == 200 && youtube__settings(ctx)->retract == YOUTUBE_RETRACT_PRIVATE) {
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "it is private now, and can be seen by you alone");
    }
    if (res->status == 200 || res->status == 204) {
        return verdict_done();
    }
    google_reason(res, reason);
    if (res->status == 410 || (res->status == 404 && strcmp(reason, "videoNotFound") == 0)) {
        return verdict_done();
    }
    return youtube__trouble(&harmless, res);
}
