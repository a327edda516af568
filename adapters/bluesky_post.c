/* The requests about a post: its picture, the post, and the look whether it stands. The later steps
 * of the adapter's courses; what becomes of older posts is bluesky_standing.c's.
 *
 * Posts are put at a key of ours, so sending one twice changes nothing. A picture is never worth the news: what cannot
 * be had, is refused or takes too long is left out, and the record says why. */

#include "adapters/bluesky_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

/* How long a post may wait for its picture, from the first request about it. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (30 * MS_SECOND)
#define SAID_BYTES_MAX 4096
#define QUERY_BYTES_MAX 4096

static const char *picture_url(const struct step_ctx *ctx)
{
    return ctx->article->image_count > 0 ? ctx->article->images[0].url : NULL;
}

static bool same_picture(const struct step_ctx *ctx)
{
    const char *url = picture_url(ctx), *had = post_str(ctx, "thumb_url");

    return url && had && strcmp(url, had) == 0 && json_object_get(ctx->post, "thumb") &&
           !record_flag(ctx->record, "thumb_again");
}

/* The record is not made yet and may still get a picture. */
static bool picture_is_open(const struct step_ctx *ctx)
{
    return !bluesky__nothing_to_do(ctx) && picture_url(ctx) &&
           !json_object_get(ctx->record, "thumb") && !json_object_get(ctx->record, "post") &&
           !record_str(ctx->record, "thumb_off");
}

bool bluesky__thumb_wanted(const struct step_ctx *ctx)
{
    return picture_is_open(ctx) && !same_picture(ctx);
}

static void picture_off(struct step_ctx *ctx, const char *reason)
{
    record_drop(ctx->record, "thumb");
    record_drop(ctx->record, "thumb_url");
    json_set_str(ctx->record, "thumb_off", reason);
}

static size_t max_bytes(const struct step_ctx *ctx)
{
    return bluesky__settings(ctx)->card == BLUESKY_CARD_AUTO ? BLUESKY_THUMB_BYTES
                                                             : BLUESKY_IMAGE_BYTES;
}

void bluesky__thumb_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    bounds->max_bytes = max_bytes(ctx);
}

/* Why this picture cannot go; NULL when it can. */
static const char *objection(struct step_ctx *ctx)
{
    size_t max = max_bytes(ctx);
    int64_t age_ms = record_age(ctx->record, "thumb_since_ms", ctx->now_ms);

    if (!ctx->media) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (strncmp(ctx->media->type, "image/", 6) != 0) {
        return "only pictures are taken";
    }
    if (ctx->media->len > max) {
        return max == BLUESKY_THUMB_BYTES ? "the picture is larger than 1,000,000 bytes"
                                          : "the picture is larger than 2,000,000 bytes";
    }
    if (age_ms > (ctx->breaking ? PATIENCE_BREAKING_MS : PATIENCE_MS)) {
        return "uploading the picture took too long";
    }
    return NULL;
}

enum err_code
bluesky__build_thumb(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const char *const kept[] = {
        "thumb", "thumb_url", "thumb_width", "thumb_height", NULL};
    const char *reason = NULL;

    (void)why;
    if (!bluesky__thumb_wanted(ctx)) {
        req->skip = true;
        if (picture_is_open(ctx)) {
            record_keep(ctx, kept); /* the blob stays as long as the standing post names it */
        }
        return ERR_NONE;
    }
    reason = objection(ctx);
    if (reason) {
        picture_off(ctx, reason);
        req->skip = true;
        return ERR_NONE;
    }
    bluesky__request(ctx, req, HTTP_POST, "com.atproto.repo.uploadBlob");
    http_set_header(req, "Content-Type", ctx->media->type);
    req->bytes = ctx->media->bytes;
    req->bytes_len = ctx->media->len;
    record_set_int(ctx->record, "thumb_width", ctx->media->width);
    record_set_int(ctx->record, "thumb_height", ctx->media->height);
    return ERR_NONE;
}

struct verdict bluesky__read_thumb(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    json_t *blob = json_object_get(body, "blob");
    struct verdict v = verdict_next();

    if (json_object_get(blob, "ref")) {
        (void)json_object_set(ctx->record, "thumb", blob);
        json_set_str(ctx->record, "thumb_url", picture_url(ctx));
    } else if (!bluesky__token_refused(ctx, res, &v)) {
        v = bluesky__trouble(res);
        if (v.kind == VERDICT_REJECTED) {
            picture_off(ctx, v.detail);
            v = verdict_next();
        }
    }
    json_decref(body);
    return v;
}

/* What is known of a post: first its names, which an answer tells, then how it was made. */
#define POST_NAMES 3
static const char *const post_members[] = {"remote_id",
                                           "remote_url",
                                           "cid",
                                           "text",
                                           "did",
                                           "rkey",
                                           "post",
                                           "standing",
                                           "root",
                                           "thumb",
                                           "thumb_url",
                                           "thumb_width",
                                           "thumb_height",
                                           NULL};

enum err_code
bluesky__build_put(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc;
    json_t *body;

    if (bluesky__nothing_to_do(ctx)) {
        record_keep(ctx, post_members);
        req->skip = true;
        return ERR_NONE;
    }
    rc = bluesky__names_are_ours(ctx, why);
    if (rc) {
        return rc;
    }
    rc = bluesky__make_record(ctx, why);
    if (rc) {
        return rc;
    }
    bluesky__note_standing(
        ctx); /* before it leaves: whatever comes of it, no post is forgotten */
    bluesky__request(ctx, req, HTTP_POST, "com.atproto.repo.putRecord");
    body = json_object();
    json_set_str(body, "repo", record_str(ctx->record, "did"));
    json_set_str(body, "collection", BLUESKY_COLLECTION);
    json_set_str(body, "rkey", record_str(ctx->record, "rkey"));
    (void)json_object_set(body, "record", json_object_get(ctx->record, "post"));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* "handle.invalid" is what a server gives when the handle does not lead back to the account. */
static void note_post(struct step_ctx *ctx, const char *uri, const char *cid)
{
    const char *handle = record_str(ctx->account, "handle");
    const char *base = bluesky__settings(ctx)->post_url_base, *key = bluesky__key_of(uri);
    size_t base_len = strlen(base);
    struct buf url;

    while (base_len > 0 && base[base_len - 1] == '/') {
        base_len--;
    }
    if (!handle || strcmp(handle, "handle.invalid") == 0) {
        handle = record_str(ctx->record, "did");
    }
    buf_init(&url, QUERY_BYTES_MAX);
    buf_add(&url, base, base_len);
    buf_addf(&url, "/profile/%s/post/%s", handle ? handle : "", key ? key : "");
    post_set(ctx, uri, buf_ok(&url) ? buf_str(&url) : NULL);
    json_set_str(ctx->record, "cid", cid);
    buf_done(&url);
}

static void note_root(struct step_ctx *ctx, const char *uri, const char *cid)
{
    json_t *reply = json_object_get(json_object_get(ctx->record, "post"), "reply");
    json_t *root = reply ? json_deep_copy(json_object_get(reply, "root")) : json_object();

    if (!reply) {
        json_set_str(root, "uri", uri);
        json_set_str(root, "cid", cid);
    }
    (void)json_object_set_new(ctx->record, "root", root);
}

static bool is_about_blob(const char *said)
{
    static const char *const needles[] = {"BlobTooLarge",
                                          "file is too large",
                                          "InvalidMimeType",
                                          "find blob",
                                          "BlobNotFound",
                                          "blob not found"};

    for (size_t i = 0; i < ARRAY_LEN(needles); i++) {
        if (strcasestr(said, needles[i])) {
            return true;
        }
    }
    return false;
}

/* Nothing was written, so the record may be made anew: with the picture uploaded again when the
 * server has lost it, else without. */
static bool refused_for_blob(struct step_ctx *ctx, const char *said, struct verdict *out)
{
    bool lost = strcasestr(said, "find blob") || strcasestr(said, "NotFound");

    if (!json_object_get(ctx->record, "thumb") || !is_about_blob(said)) {
        return false;
    }
    record_drop(ctx->record, "post");
    if (lost && !record_flag(ctx->record, "thumb_again")) {
        record_set_flag(ctx->record, "thumb_again", true);
        record_drop(ctx->record, "thumb");
        *out = verdict_jump("upload_thumb");
        return true;
    }
    picture_off(ctx, said);
    *out = verdict_jump("put_record");
    return true;
}

static struct verdict put_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;
    struct buf said;
    bool handled;

    if (bluesky__token_refused(ctx, res, &v)) {
        return v;
    }
    buf_init(&said, SAID_BYTES_MAX);
    bluesky__error_text(&said, res);
    handled = res->status == 400 && refused_for_blob(ctx, buf_str(&said), &v);
    buf_done(&said);
    if (handled) {
        return v;
    }
    v = bluesky__trouble(res);
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is made anew. */
        record_drop(ctx->record, "post");
        record_drop(ctx->record, "text");
    }
    return v;
}

struct verdict bluesky__read_put(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *uri = record_str(body, "uri"), *cid = record_str(body, "cid");
    const char *validation = record_str(body, "validationStatus");
    struct verdict v;

    if (!bluesky__key_of(uri) || !cid) {
        v = put_trouble(ctx, res);
        json_decref(body);
        return v;
    }
    note_post(ctx, uri, cid);
    note_root(ctx, uri, cid);
    bluesky__note_standing(ctx);
    record_drop(ctx->record, "session_rounds");
    if (ctx->course == COURSE_UPDATE && bluesky__settings(ctx)->on_update == BLUESKY_REPLACE) {
        v = verdict_next(); /* to delete_old */
    } else if (validation && strcmp(validation, "valid") != 0) {
        v = verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "the server did not check the post: %s", validation);
    } else {
        v = verdict_done();
    }
    json_decref(body);
    return v;
}

enum err_code
bluesky__build_look(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *key = post_str(ctx, "rkey"), *did = post_str(ctx, "did");
    struct buf query;

    if (!key || !did) {
        return err_set(why, ERR_NOT_FOUND, "the key of the post to look for is not known");
    }
    /* Reading needs no token, so an ended session does not stand in the way. */
    bluesky__request_open(ctx, req, HTTP_GET, "com.atproto.repo.getRecord");
    buf_init(&query, QUERY_BYTES_MAX);
    url_encode(&query, did);
    buf_adds(&query, "&collection=" BLUESKY_COLLECTION "&rkey=");
    url_encode(&query, key);
    http_set_url(req, "%s?repo=%s", req->url, buf_str(&query));
    buf_done(&query);
    return ERR_NONE;
}

static void found(struct step_ctx *ctx, const char *uri, const char *cid)
{
    record_keep(ctx, post_members + POST_NAMES);
    note_post(ctx, uri, cid);
    if (!json_object_get(ctx->record, "root")) {
        note_root(ctx, uri, cid);
    }
    if (!json_object_get(ctx->record, "standing")) {
        bluesky__note_standing(ctx);
    }
}

static bool says_absent(const struct http_response *res)
{
    struct buf said;
    bool absent;

    buf_init(&said, SAID_BYTES_MAX);
    bluesky__error_text(&said, res);
    absent = res->status == 400 && (strcasestr(buf_str(&said), "RecordNotFound") ||
                                    strcasestr(buf_str(&said), "Could not locate record"));
    buf_done(&said);
    return absent;
}

struct verdict bluesky__read_look(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *uri = record_str(body, "uri");
    struct verdict v;

    if (bluesky__key_of(uri)) {
        found(ctx, uri, record_str(body, "cid"));
        v = verdict_done();
    } else if (says_absent(res)) {
        v = verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "the repository holds no such record");
    } else {
        v = bluesky__trouble(res);
    }
    json_decref(body);
    return v;
}
