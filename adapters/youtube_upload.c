/* The upload. Called by the course that publishes. A session is begun with what is said of the video, and
 * the platform answers with its address; to that the file goes in pieces. The video comes to exist when the
 * last byte of a session is there, so everything before that may be broken off and taken up again, and the
 * last piece alone publishes.
 *
 * After a piece of which nothing is known the platform is asked how much it has ("bytes *" of the total),
 * and the next piece begins there: the mark is `sent_at_ms`, written with the request, gone with its answer.
 * A session is given up only when it is known that its file is not complete, or by way of a look through the
 * channel's uploads, so two sessions never make two videos. Source:
 * https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol (2026). */

#include "adapters/youtube_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "adapters/upload.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/url.h"

/* A multiple of 262,144, as every piece but the last has to be: about a second on the line of a newsroom,
 * and little to repeat. */
#define PIECE_BYTES INT64_C(8388608)
/* The courier lets a run have so many steps and no more; a long video takes several runs. */
#define PIECES_PER_RUN 100
#define SESSIONS_MAX 5
#define STALLS_MAX 5

bool youtube__video_wanted(const struct step_ctx *ctx)
{
    return ctx->article->video.url && !record_url(ctx->record, "session");
}

/* A question how much is there needs no file. */
bool youtube__piece_wanted(const struct step_ctx *ctx)
{
    return ctx->article->video.url && record_int(ctx->record, "sent_at_ms") == 0;
}

void youtube__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->kind = MEDIA_VIDEO;
    wish->bounds = (struct media_bounds){.max_bytes = (size_t)YOUTUBE_VIDEO_BYTES_MAX,
                                         .types = MEDIA_MP4 | MEDIA_MOV,
                                         .max_duration_ms = 12 * MS_HOUR};
}

/* ---- the session ---- */

static void forget_session(struct step_ctx *ctx)
{
    record_drop(ctx->record, "session");
    record_drop(ctx->record, "session_at_ms");
    record_drop(ctx->record, "offset");
    record_drop(ctx->record, "sent_at_ms");
    record_drop(ctx->record, "stalls");
}

static enum err_code no_video(const struct step_ctx *ctx, struct err *why)
{
    if (!ctx->article->video.url) {
        return err_set(
            why, ERR_INVALID, "this article has no video, and YouTube takes nothing else");
    }
    return err_set(why,
                   ERR_INVALID,
                   "the video could not be had: %.150s",
                   ctx->media_error ? ctx->media_error : "it could not be fetched");
}

static void set_resource(struct step_ctx *ctx, struct http_request *req)
{
    json_t *video = json_object();

    (void)json_object_set_new(video, "snippet", youtube__snippet(ctx));
    (void)json_object_set_new(
        video, "status", youtube__status(ctx, youtube__settings(ctx)->privacy));
    http_set_json(req, video);
    http_set_header(req, "Content-Type", "application/json; charset=UTF-8");
    json_decref(video);
}

enum err_code
youtube__build_session(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct youtube_settings *s = youtube__settings(ctx);
    enum err_code rc;

    if (record_url(ctx->record, "session")) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!ctx->media || ctx->media->len == 0) {
        return no_video(ctx, why);
    }
    rc = youtube__fit(ctx, why);
    if (rc) {
        return rc;
    }
    upload_note_file(ctx);
    youtube__request(ctx,
                     req,
                     HTTP_POST,
                     s->upload_api,
                     "/youtube/v3/videos?uploadType=resumable&part=snippet,status"
                     "&notifySubscribers=%s",
                     s->notify_subscribers ? "true" : "false");
    http_set_header(req, "X-Upload-Content-Type", ctx->media->type);
    http_set_headerf(req, "X-Upload-Content-Length", "%zu", ctx->media->len);
    set_resource(ctx, req);
    return ERR_NONE;
}

struct verdict youtube__read_session(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.repeatable = true};
    const char *where = http_header(&res->headers, "Location");
    struct url_parts url;

    if (res->status != 200 && res->status != 201) {
        struct verdict v = youtube__trouble(&self, res);

        if (v.kind ==
            VERDICT_REJECTED) { /* sent again with another template, it is made anew */
            record_drop(ctx->record, "title");
            record_drop(ctx->record, "text");
        }
        return v;
    }
    if (!where || strlen(where) > ARTICLE_URL_BYTES || !url_parse(&url, where) ||
        url.has_userinfo) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_POST,
                            0,
                            "%d: the answer has no address to upload to",
                            res->status);
    }
    json_set_str(ctx->record, "session", where);
    record_set_int(ctx->record, "session_at_ms", ctx->now_ms);
    record_set_int(ctx->record, "offset", 0);
    record_set_int(ctx->record, "sessions", record_int(ctx->record, "sessions") + 1);
    return verdict_next();
}

/* ---- pieces ---- */

static bool same_host(const char *a, const char *b)
{
    struct url_parts x, y;

    return url_parse(&x, a) && url_parse(&y, b) && x.scheme_len == y.scheme_len &&
           x.host_len == y.host_len && x.port == y.port &&
           strncasecmp(x.host, y.host, x.host_len) == 0;
}

/* The address says it all; the token goes along only to the host that it is for. */
static void put(const struct step_ctx *ctx, struct http_request *req, const char *session)
{
    const struct youtube_settings *s = youtube__settings(ctx);

    req->method = HTTP_PUT;
    http_set_url(req, "%s", session);
    if (ctx->token && (same_host(session, s->upload_api) || same_host(session, s->api))) {
        http_set_headerf(req, "Authorization", "Bearer %s", ctx->token);
    }
}

void youtube__probe(const struct step_ctx *ctx,
                    struct http_request *req,
                    const char *session,
                    int64_t total)
{
    put(ctx, req, session);
    http_set_headerf(req, "Content-Range", "bytes */%" PRId64, total);
}

static int64_t offset_of(const struct step_ctx *ctx)
{
    return record_int(ctx->record, "offset");
}

static int64_t rest_of(const struct step_ctx *ctx)
{
    return upload_total(ctx) - offset_of(ctx);
}

static bool must_ask(const struct step_ctx *ctx)
{
    int64_t sent_at_ms = record_int(ctx->record, "sent_at_ms");

    /* Of this very moment: the same request, built once more. */
    return (sent_at_ms > 0 && sent_at_ms != ctx->now_ms) || !ctx->media ||
           upload_is_other_file(ctx) || rest_of(ctx) <= 0;
}

static void build_put(struct step_ctx *ctx, struct http_request *req)
{
    const char *session = record_url(ctx->record, "session");
    int64_t total = upload_total(ctx), from = offset_of(ctx);
    int64_t len = total - from < PIECE_BYTES ? total - from : PIECE_BYTES;

    record_set_flag(ctx->record, "asked", must_ask(ctx));
    if (must_ask(ctx)) {
        youtube__probe(ctx, req, session, total);
        return;
    }
    put(ctx, req, session);
    http_set_header(req, "Content-Type", ctx->media->type);
    http_set_headerf(req,
                     "Content-Range",
                     "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                     from,
                     from + len - 1,
                     total);
    http_set_media(req, ctx->media, (size_t)from, (size_t)len);
    record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
}

static enum err_code no_session(struct err *why)
{
    return err_set(why, ERR_NOT_FOUND, "the upload session is not known");
}

enum err_code
youtube__build_piece(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!record_url(ctx->record, "session")) {
        return no_session(why);
    }
    if (rest_of(ctx) <= PIECE_BYTES && record_int(ctx->record, "sent_at_ms") == 0) {
        req->skip = true; /* it is the last one, which is another step's */
        return ERR_NONE;
    }
    build_put(ctx, req);
    return ERR_NONE;
}

enum err_code
youtube__build_last(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!record_url(ctx->record, "session")) {
        return no_session(why);
    }
    build_put(ctx, req);
    return ERR_NONE;
}

/* ---- answers ---- */

/* "bytes=0-N": N + 1 bytes are there. No header: none. -1: it makes no sense. */
static int64_t told_offset(const struct step_ctx *ctx, const struct http_response *res)
{
    const char *range = http_header(&res->headers, "Range");
    int64_t last;

    if (!range) {
        return 0;
    }
    range += strncasecmp(range, "bytes=", 6) == 0 ? 6 : 0;
    if (strncmp(range, "0-", 2) != 0 || !parse_i64(range + 2, &last) || last < 0 ||
        last >= upload_total(ctx)) {
        return -1;
    }
    return last + 1;
}

static struct verdict again(const char *detail)
{
    return verdict_make(VERDICT_AGAIN, SCOPE_POST, 0, "%s", detail);
}

/* On with the next piece; nothing of the video is public before the last one. */
static struct verdict go_on(struct step_ctx *ctx)
{
    int64_t pieces = record_int(ctx->record, "pieces") + 1;
    struct verdict v =
        verdict_jump(rest_of(ctx) > PIECE_BYTES ? "upload_piece" : "upload_last");

    record_set_int(ctx->record, "pieces", pieces);
    v.refused = true;
    if (pieces % PIECES_PER_RUN == 0) {
        const char *jump = v.jump;

        v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 1, "so far: %" PRId64 " pieces", pieces);
        v.not_counted = true;
        v.jump = jump;
    }
    return v;
}

static struct verdict begin_anew(struct step_ctx *ctx, const char *reason)
{
    struct verdict v = verdict_jump("start_session");

    forget_session(ctx);
    if (record_int(ctx->record, "sessions") >= SESSIONS_MAX) {
        return verdict_make(VERDICT_REJECTED,
                            SCOPE_POST,
                            0,
                            "%s, %d times; the video is not there",
                            reason,
                            SESSIONS_MAX);
    }
    v.refused = true;
    return v;
}

static struct verdict stalled(struct step_ctx *ctx, int64_t offset)
{
    int64_t stalls = record_int(ctx->record, "stalls") + 1;

    record_set_int(ctx->record, "stalls", stalls);
    if (stalls > STALLS_MAX) { /* known to be incomplete, so another session does no harm */
        return begin_anew(ctx, "the upload did not get on");
    }
    return verdict_make(VERDICT_AGAIN,
                        SCOPE_POST,
                        0,
                        "the platform has %" PRId64 " bytes and took no more",
                        offset);
}

/* 308: so much is there, and it is not all. */
static struct verdict incomplete(struct step_ctx *ctx, const struct http_response *res)
{
    int64_t offset = told_offset(ctx, res), before = offset_of(ctx);
    bool asked = record_flag(ctx->record, "asked");

    if (offset < 0) {
        return again("308: the platform tells no sensible number of bytes");
    }
    record_set_int(ctx->record, "offset", offset);
    record_drop(ctx->record, "sent_at_ms");
    if (upload_is_other_file(ctx)) {
        return begin_anew(ctx, "the video's file has changed");
    }
    if (!ctx->media && ctx->media_error) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_POST,
                            0,
                            "the video could not be had again: %.150s",
                            ctx->media_error);
    }
    if (offset > before) {
        record_drop(ctx->record, "stalls");
    }
    if (rest_of(ctx) <= 0) {
        return again("all of it is there, and YouTube has not made a video of it yet");
    }
    return asked || offset > before ? go_on(ctx) : stalled(ctx, offset);
}

/* The video is there. */
static bool is_complete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *video = res->status == 200 || res->status == 201 ? http_json(res) : NULL;
    bool found = youtube__found(ctx, video);

    json_decref(video);
    return found;
}

static bool is_gone(const struct http_response *res)
{
    return res->status == 404 || res->status == 410;
}

struct verdict youtube__read_piece(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.repeatable = true};

    if (is_complete(ctx, res)) {
        return verdict_jump("set_thumbnail");
    }
    if (res->status == 308) {
        return incomplete(ctx, res);
    }
    if (is_gone(res)) {
        return begin_anew(ctx, "the upload session has ended");
    }
    return youtube__session_trouble(&self, res);
}

/* The session is gone, and with it the answer whether its file is complete. */
static struct verdict lost_track(struct step_ctx *ctx)
{
    struct verdict v = verdict_make(VERDICT_UNKNOWN,
                                    SCOPE_POST,
                                    0,
                                    "the upload session has ended, and its last piece may "
                                    "have arrived");

    forget_session(ctx);
    v.jump = "start_session";
    return v;
}

struct verdict youtube__read_last(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step asks = {.repeatable = true};
    bool asked = record_flag(ctx->record, "asked");
    struct verdict v;

    if (is_complete(ctx, res)) {
        return verdict_next();
    }
    if (res->status == 308) {
        return incomplete(ctx, res);
    }
    if (is_gone(res)) {
        return asked ? lost_track(ctx) : begin_anew(ctx, "the upload session has ended");
    }
    v = youtube__session_trouble(&asks, res);
    if (res->status < 300 || (res->status >= 500 && !asked)) {
        v.kind = VERDICT_UNKNOWN; /* all of it left: the session, asked again, knows */
    }
    return v;
}

/* A piece that did not leave changed nothing. */
static void note_unsent(struct step_ctx *ctx, enum transport_outcome outcome)
{
    if (outcome == TRANSPORT_NOT_SENT && !record_flag(ctx->record, "asked")) {
        record_drop(ctx->record, "sent_at_ms");
    }
}

struct verdict youtube__piece_unanswered(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error)
{
    static const struct step self = {.repeatable = true};

    note_unsent(ctx, outcome);
    return trouble_from_transport(&self, outcome, error);
}

struct verdict youtube__last_unanswered(struct step_ctx *ctx,
                                        enum transport_outcome outcome,
                                        const char *error)
{
    static const struct step asks = {.repeatable = true}, sends = {.publishes = true};

    note_unsent(ctx, outcome);
    return trouble_from_transport(
        record_flag(ctx->record, "asked") ? &asks : &sends, outcome, error);
}
