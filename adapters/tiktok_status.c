/* What became of a post, by its publish_id; and, where there is none, whether ours is in the account's list.
 * Called by the courses that publish and verify. Processing takes seconds or minutes, and the public id comes
 * only when moderation is through with it, so both are waited for without counting tries.
 *
 * The list is not known to have pictures in it, so for those "not in the list" is no answer, and a person
 * must say. Sources: https://developers.tiktok.com/doc/content-posting-api-reference-get-video-status and
 * https://developers.tiktok.com/doc/tiktok-api-v2-video-list (2026). */

#include "adapters/tiktok_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/upload.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define LOOK_AGAIN_MS (15 * MS_SECOND)
#define ID_PATIENCE_MS (5 * MS_MINUTE)   /* moderation may take hours; the news is out */
#define UPLOAD_LIVES_MS (1 * MS_HOUR)    /* the address for the pieces */
#define LIST_PATIENCE_MS (3 * MS_MINUTE) /* until a new post is in the list */
#define LIST_SIZE 20                     /* the most there is at once */

static const struct step harmless = {.repeatable = true};

/* Of the delivery, or of the one in doubt. */
static const char *noted(const struct step_ctx *ctx, const char *name)
{
    const char *text = record_str(ctx->record, name);

    return text ? text : post_str(ctx, name);
}

static void ask(const struct step_ctx *ctx, struct http_request *req)
{
    json_t *body = json_object();

    json_set_str(body, "publish_id", noted(ctx, "publish_id"));
    tiktok__request(ctx, req, "/v2/post/publish/status/fetch/", body);
}

enum err_code
tiktok__build_status(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!noted(ctx, "publish_id")) {
        return err_set(why, ERR_NOT_FOUND, "what TikTok calls the post is not known");
    }
    ask(ctx, req);
    return ERR_NONE;
}

static struct verdict wait_more(struct step_ctx *ctx, const char *what)
{
    int64_t age_ms = record_age(ctx->record, "since_ms", ctx->now_ms);
    struct verdict v =
        verdict_make(VERDICT_AGAIN, SCOPE_POST, upload_poll_ms(age_ms), "TikTok: %.60s", what);

    v.not_counted = true;
    return v;
}

/* ---- it is there ---- */

static void set_post(struct step_ctx *ctx, const char *id)
{
    const char *creator = noted(ctx, "creator");
    char url[256];

    if (!id || !creator || creator[strcspn(creator, "/?#@ ")] != '\0') {
        post_set(ctx, id ? id : noted(ctx, "publish_id"), NULL);
        return;
    }
    (void)snprintf(url,
                   sizeof url,
                   "https://www.tiktok.com/@%.100s/%s/%.40s",
                   creator,
                   tiktok__is_video(ctx) ? "video" : "photo",
                   id);
    post_set(ctx, id, url);
}

static void keep_texts(struct step_ctx *ctx)
{
    static const char *const kept[] = {"title", "text", "creator", "publish_id", NULL};

    record_keep(ctx, kept);
}

static struct verdict done(struct step_ctx *ctx, const char *id, const char *said)
{
    set_post(ctx, id);
    keep_texts(ctx);
    tiktok__forget_upload(ctx);
    record_drop(ctx->record, "since_ms");
    record_drop(ctx->record, "public_since_ms");
    return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "%s", said);
}

/* The id is a number of 64 bits; new text, NULL: none is told. */
static char *public_id(const json_t *data)
{
    const json_t *ids = json_object_get(data, "publicaly_available_post_id"); /* sic */

    if (!ids) {
        ids = json_object_get(data, "publicly_available_post_id");
    }
    return json_text_dup(json_array_get(ids, 0));
}

static struct verdict is_public(struct step_ctx *ctx, const json_t *data, bool wait)
{
    char *id = public_id(data);
    struct verdict v;

    if (id && strspn(id, "0123456789") == strlen(id)) {
        v = done(ctx, id, "");
    } else if (wait &&
               record_age(ctx->record, "public_since_ms", ctx->now_ms) < ID_PATIENCE_MS) {
        v = wait_more(ctx, "published, and its address is not told yet");
    } else {
        v = done(ctx, NULL, "published; TikTok has not told its address yet");
    }
    mem_free(id);
    return v;
}

/* ---- it is on its way ---- */

static bool is_incomplete(const struct step_ctx *ctx, const json_t *data)
{
    const json_t *told = json_object_get(data, "uploaded_bytes");

    return record_url(ctx->record, "upload") && !record_flag(ctx->record, "complete") &&
           json_integer_value(told) < record_int(ctx->record, "total");
}

/* The upload was broken off: it goes on, or from the beginning where it cannot. */
static struct verdict go_on(struct step_ctx *ctx)
{
    const char *trouble = record_str(ctx->record, "file_trouble");
    int64_t age_ms = ctx->now_ms - record_int(ctx->record, "upload_at_ms");
    struct verdict v;

    if (record_flag(ctx->record, "other_file")) {
        return tiktok__begin_anew(ctx, "the video's file has changed");
    }
    if (age_ms >= UPLOAD_LIVES_MS) {
        return tiktok__begin_anew(ctx, "the upload took more than an hour");
    }
    v = verdict_make(VERDICT_AGAIN,
                     SCOPE_POST,
                     0,
                     "%s%.150s",
                     trouble ? "the video could not be had again: "
                             : "the upload was broken off",
                     trouble ? trouble : "");
    v.jump = "upload_piece";
    return v;
}

static struct verdict judge(struct step_ctx *ctx, const json_t *data)
{
    const char *status = record_str(data, "status");
    const char *reason = record_str(data, "fail_reason");

    status = status ? status : "";
    if (strcmp(status, "PUBLISH_COMPLETE") == 0) {
        return is_public(ctx, data, true);
    }
    if (strcmp(status, "SEND_TO_USER_INBOX") == 0) {
        return done(ctx, NULL, "it is in the account's inbox, where a person must finish it");
    }
    if (strcmp(status, "FAILED") == 0) {
        return tiktok__failed(ctx, reason && *reason ? reason : "it does not say why");
    }
    if (strcmp(status, "PROCESSING_UPLOAD") == 0 && is_incomplete(ctx, data)) {
        return go_on(ctx);
    }
    return wait_more(ctx, *status ? status : "no status");
}

struct verdict tiktok__read_status(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    struct verdict v = data ? judge(ctx, data) : tiktok__trouble(ctx, &harmless, res);

    json_decref(body);
    return v;
}

/* ---- a look ---- */

enum err_code
tiktok__build_look(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (!noted(ctx, "publish_id")) {
        req->skip = true;
        return ERR_NONE;
    }
    ask(ctx, req);
    return ERR_NONE;
}

static struct verdict look_at(struct step_ctx *ctx, const json_t *data)
{
    const char *status = record_str(data, "status");

    status = status ? status : "";
    if (strcmp(status, "PUBLISH_COMPLETE") == 0) {
        return is_public(ctx, data, false);
    }
    if (strcmp(status, "SEND_TO_USER_INBOX") == 0) {
        return done(ctx, NULL, "it is in the account's inbox, where a person must finish it");
    }
    if (strcmp(status, "FAILED") == 0 ||
        (strcmp(status, "PROCESSING_UPLOAD") == 0 && is_incomplete(ctx, data))) {
        return verdict_make(VERDICT_ABSENT, SCOPE_POST, 0, "TikTok: %.60s", status);
    }
    return verdict_make(VERDICT_AGAIN, SCOPE_POST, LOOK_AGAIN_MS, "TikTok: %.60s", status);
}

static bool is_unknown_id(const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *code = record_str(json_object_get(body, "error"), "code");
    bool unknown = code && (strcmp(code, "invalid_publish_id") == 0 ||
                            strcmp(code, "token_not_authorized_for_specified_publish_id") == 0);

    json_decref(body);
    return unknown;
}

struct verdict tiktok__read_look(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    struct verdict v = data                 ? look_at(ctx, data)
                       : is_unknown_id(res) ? verdict_next()
                                            : tiktok__trouble(ctx, &harmless, res);

    json_decref(body);
    return v;
}

/* ---- the list ---- */

enum err_code
tiktok__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *body = json_object();

    (void)why;
    (void)json_object_set_new(body, "max_count", json_integer(LIST_SIZE));
    tiktok__request(ctx,
                    req,
                    "/v2/video/list/"
                    "?fields=id,title,video_description,create_time,share_url",
                    body);
    return ERR_NONE;
}

static bool is_older(const struct step_ctx *ctx, const json_t *video, int64_t by_ms)
{
    int64_t at_ms = record_int(video, "create_time") * MS_SECOND;

    return at_ms > 0 && at_ms < ctx->created_at_ms - by_ms;
}

/* The same words; white space may come back another way. before: what may stand before them; NULL: nothing. */
static bool says(const char *said, const char *before, const char *sent)
{
    struct buf whole, a, b;
    bool same;

    if (!said || !sent || !*sent) {
        return false;
    }
    buf_init(&whole, (size_t)64 * 1024);
    buf_init(&a, (size_t)64 * 1024);
    buf_init(&b, (size_t)64 * 1024);
    buf_addf(&whole, "%s %s", before ? before : "", sent);
    text_collapse(&a, said, strlen(said));
    text_collapse(&b, buf_str(&whole), whole.len);
    same = buf_ok(&whole) && buf_ok(&a) && buf_ok(&b) && b.len > 0 &&
           strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_done(&b);
    buf_done(&a);
    buf_done(&whole);
    return same;
}

static bool is_ours(const struct step_ctx *ctx, const json_t *video)
{
    const char *text = noted(ctx, "text"), *title = noted(ctx, "title");
    const char *said = record_str(video, "video_description");

    return says(said, NULL, text) || says(record_str(video, "title"), NULL, text) ||
           (title && says(said, title, text));
}

static struct verdict end_found(struct step_ctx *ctx, const json_t *video)
{
    char *id = json_text_dup(json_object_get(video, "id"));
    struct verdict v;

    if (is_older(ctx, video, ADAPTER_CLOCK_DIFFERENCE_MS)) {
        v = verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER);
    } else {
        v = done(ctx, id, "");
    }
    mem_free(id);
    return v;
}

static struct verdict not_in_list(const struct step_ctx *ctx, bool reached)
{
    int64_t begun_at_ms = record_int(ctx->record, "begun_at_ms");

    if (begun_at_ms == 0) {
        begun_at_ms = record_int(ctx->post, "begun_at_ms");
    }
    if (ctx->now_ms - begun_at_ms < LIST_PATIENCE_MS) {
        return verdict_make(VERDICT_AGAIN,
                            SCOPE_POST,
                            LIST_PATIENCE_MS - (ctx->now_ms - begun_at_ms),
                            "not in the account's list, which takes minutes to have new posts");
    }
    if (!tiktok__is_video(ctx)) {
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            "not in the account's list, which may lack posts of pictures: see "
                            "for yourself");
    }
    if (!reached) {
        return verdict_make(VERDICT_UNKNOWN,
                            SCOPE_POST,
                            0,
                            "the account has posted too much since to look through");
    }
    return verdict_make(
        VERDICT_ABSENT, SCOPE_POST, 0, "the account's list holds no such video");
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *videos)
{
    bool reached = json_array_size(videos) < LIST_SIZE;
    json_t *video;
    size_t i;

    json_array_foreach(videos, i, video)
    {
        bool older = is_older(ctx, video, ADAPTER_CLOCK_WRONG_MS);

        reached = reached || older;
        if (!older && is_ours(ctx, video)) {
            return end_found(ctx, video);
        }
    }
    return not_in_list(ctx, reached);
}

struct verdict tiktok__read_list(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body;
    const json_t *data = tiktok__data(res, &body);
    struct verdict v;

    if (data && json_is_array(json_object_get(data, "videos"))) {
        v = look_through(ctx, json_object_get(data, "videos"));
    } else {
        v = tiktok__trouble(ctx, &harmless, res);
    }
    json_decref(body);
    if (v.kind == VERDICT_BLOCKED && !v.token_refused) { /* scope video.list was not given */
        v.kind = VERDICT_UNKNOWN;
    }
    return v;
}
