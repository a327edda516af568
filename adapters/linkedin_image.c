/* The pictures of a LinkedIn post: for each an address is asked for, the bytes are put there, and then it is waited
 * until LinkedIn has looked through them. LinkedIn does not fetch the linked page, so a card's picture comes this
 * way, too. A picture is never worth the news: what cannot be had, is refused or takes too long is left out. */

#include "adapters/linkedin_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

/* How long a post may wait for its pictures or its video, from the first request about them. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_VIDEO_MS (15 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (90 * MS_SECOND)
#define POLL_MS (1 * MS_SECOND)
#define BLIND_MS                                                                               \
    (4 * MS_SECOND)     /* personal pictures may not be asked for; this long they mostly take */
#define LIFE_MS MS_HOUR /* of an address whose end was not told */
#define PIXELS_MAX 36152319 /* "fewer than 36,152,320 pixels" */

bool linkedin__media_over(const struct step_ctx *ctx)
{
    return json_object_get(ctx->record, "sent_at_ms") != NULL;
}

bool linkedin__waited_too_long(struct step_ctx *ctx)
{
    bool video = linkedin__settings(ctx)->content == LINKEDIN_VIDEO;

    return record_age(ctx->record, "media_since_ms", ctx->now_ms) > (ctx->breaking
                                                                         ? PATIENCE_BREAKING_MS
                                                                     : video ? PATIENCE_VIDEO_MS
                                                                             : PATIENCE_MS);
}

static json_t *known(const struct step_ctx *ctx, size_t index)
{
    return record_slot(ctx->record, "images", index);
}

static json_t *known_or_new(struct step_ctx *ctx, size_t index)
{
    return record_slot_made(ctx->record, "images", index);
}

static void image_off(struct step_ctx *ctx, size_t index, const char *reason)
{
    json_t *image = known_or_new(ctx, index);

    (void)json_object_clear(image);
    json_set_str(image, "off", reason);
}

/* A card and a video's stead have one picture; a post of pictures has as many as it may. */
static size_t count_wanted(const struct step_ctx *ctx)
{
    const struct linkedin_settings *s = linkedin__settings(ctx);

    if (s->content == LINKEDIN_TEXT || linkedin__video_comes(ctx)) {
        return 0;
    }
    return s->content == LINKEDIN_PICTURES ? (size_t)s->pictures : 1;
}

static bool is_open(const struct step_ctx *ctx, size_t index)
{
    return !linkedin__media_over(ctx) && index < count_wanted(ctx) &&
           index < ctx->article->image_count && !record_str(known(ctx, index), "off") &&
           !record_flag(known(ctx, index), "sent");
}

bool linkedin__image_begin_wanted(const struct step_ctx *ctx, size_t index)
{
    const json_t *image = known(ctx, index);

    return is_open(ctx, index) &&
           !(record_str(image, "id") && record_int(image, "until_ms") > ctx->now_ms);
}

bool linkedin__image_put_wanted(const struct step_ctx *ctx, size_t index)
{
    return is_open(ctx, index) && record_str(known(ctx, index), "id");
}

void linkedin__image_wish(const struct step_ctx *ctx, struct media_wish *wish, size_t index)
{
    (void)ctx;
    wish->index = index;
    wish->bounds.max_bytes = LINKEDIN_IMAGE_BYTES;
    wish->bounds.max_pixels = PIXELS_MAX;
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG | MEDIA_GIF;
}

static const char *objection(struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    if (!m) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (strcmp(m->type, "image/jpeg") != 0 && strcmp(m->type, "image/png") != 0 &&
        strcmp(m->type, "image/gif") != 0) {
        return "LinkedIn does not take pictures of this type";
    }
    if (m->len > LINKEDIN_IMAGE_BYTES) {
        return "the picture is larger than 5 MB";
    }
    return linkedin__waited_too_long(ctx) ? "uploading the picture took too long" : NULL;
}

static bool
goes_without(struct step_ctx *ctx, struct http_request *req, bool wanted, size_t index)
{
    const char *reason = wanted ? objection(ctx) : NULL;

    if (reason) {
        image_off(ctx, index, reason);
    }
    req->skip = !wanted || reason;
    return req->skip;
}

enum err_code linkedin__build_image(struct step_ctx *ctx,
                                    struct http_request *req,
                                    size_t index,
                                    struct err *why)
{
    char author[LINKEDIN_URN_BYTES];
    json_t *body;

    if (goes_without(ctx, req, linkedin__image_begin_wanted(ctx, index), index)) {
        return ERR_NONE;
    }
    if (!linkedin__author(ctx, author)) {
        return err_set(why, ERR_NOT_FOUND, "whose token this is is not known");
    }
    linkedin__request(ctx, req, HTTP_POST, "/rest/images?action=initializeUpload");
    body = json_pack("{s:{s:s}}", "initializeUploadRequest", "owner", author);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* Answers about the picture alone: it does not go, the post does. */
static struct verdict
image_trouble(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    static const struct step any_step = {.repeatable = true};
    struct verdict v = linkedin__trouble(ctx, &any_step, res);
    bool too_long = v.kind == VERDICT_AGAIN && ctx->breaking &&
                    (v.retry_after_ms > PATIENCE_BREAKING_MS || linkedin__waited_too_long(ctx));

    if (v.kind == VERDICT_REJECTED || too_long) {
        image_off(ctx, index, v.detail);
        return verdict_next();
    }
    return v;
}

static bool take_upload(const struct step_ctx *ctx, json_t *image, const json_t *value)
{
    const char *url = json_path_str(value, "uploadUrl"), *id = json_path_str(value, "image");
    int64_t until_ms = record_int(value, "uploadUrlExpiresAt");

    if (!linkedin__is_urn(id, "image") || !linkedin__is_theirs(ctx, url)) {
        return false;
    }
    json_set_str(image, "id", id);
    json_set_str(image, "upload_url", url);
    record_set_int(image, "until_ms", until_ms > 0 ? until_ms : ctx->now_ms + LIFE_MS);
    return true;
}

struct verdict
linkedin__read_image(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool taken = take_upload(ctx, known_or_new(ctx, index), json_object_get(body, "value"));
    struct verdict v = verdict_next();

    if (!taken && json_object_get(body, "value")) {
        image_off(ctx, index, "LinkedIn names no place for the picture that is its own");
    } else if (!taken) {
        v = image_trouble(ctx, res, index);
    }
    json_decref(body);
    return v;
}

enum err_code linkedin__build_put(struct step_ctx *ctx, struct http_request *req, size_t index)
{
    if (goes_without(ctx, req, linkedin__image_put_wanted(ctx, index), index)) {
        return ERR_NONE;
    }
    req->method = HTTP_PUT;
    http_set_url(req, "%s", record_str(known(ctx, index), "upload_url"));
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "Content-Type", "application/octet-stream");
    http_set_media(req, ctx->media, 0, ctx->media->len);
    return ERR_NONE;
}

struct verdict
linkedin__read_put(struct step_ctx *ctx, const struct http_response *res, size_t index)
{
    json_t *image = known_or_new(ctx, index);

    if (res->status < 200 || res->status >= 300) {
        return image_trouble(ctx, res, index);
    }
    record_set_flag(image, "sent", true);
    record_drop(image, "upload_url");
    return verdict_next();
}

/* ---- waiting ---- */

/* The first one that was sent and is not known to be ready; LINKEDIN_IMAGES_MAX: none. */
static size_t next_waiting(const struct step_ctx *ctx)
{
    size_t i = 0;

    while (i < LINKEDIN_IMAGES_MAX &&
           (!record_flag(known(ctx, i), "sent") || record_flag(known(ctx, i), "ready"))) {
        i++;
    }
    return i;
}

enum err_code
linkedin__build_await_images(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    size_t index = next_waiting(ctx);
    char path[LINKEDIN_PATH_BYTES];

    (void)why;
    for (; index < LINKEDIN_IMAGES_MAX && linkedin__waited_too_long(ctx);
         index = next_waiting(ctx)) {
        image_off(ctx, index, "LinkedIn did not finish processing the picture in time");
    }
    if (index == LINKEDIN_IMAGES_MAX || linkedin__media_over(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    linkedin__request(ctx,
                      req,
                      HTTP_GET,
                      "/rest/images/%s",
                      linkedin__path_of(record_str(known(ctx, index), "id"), path));
    return ERR_NONE;
}

static struct verdict wait_for_it(int64_t ms)
{
    struct verdict v =
        verdict_make(VERDICT_AGAIN, SCOPE_POST, ms, "LinkedIn is processing the picture");

    v.not_counted = true;
    return v;
}

/* May not be asked for, so a little is waited instead. */
static struct verdict wait_blindly(json_t *image)
{
    if (record_flag(image, "blind")) {
        record_set_flag(image, "ready", true);
        return verdict_jump("await_images");
    }
    record_set_flag(image, "blind", true);
    return wait_for_it(BLIND_MS);
}

struct verdict linkedin__read_await_images(struct step_ctx *ctx,
                                           const struct http_response *res)
{
    size_t index = next_waiting(ctx);
    json_t *image = known_or_new(ctx, index), *body = http_json(res);
    const char *status = json_path_str(body, "status");
    struct verdict v = verdict_jump("await_images");

    if (res->status == 403) {
        v = wait_blindly(image);
    } else if (res->status == 404 ||
               (res->status == 200 && status &&
                (strcmp(status, "PROCESSING") == 0 || strcmp(status, "WAITING_UPLOAD") == 0))) {
        v = wait_for_it(POLL_MS);
    } else if (res->status == 200 && status && strcmp(status, "AVAILABLE") == 0) {
        record_set_flag(image, "ready", true);
    } else if (res->status == 200 && status) {
        image_off(ctx, index, "LinkedIn could not process the picture");
    } else {
        v = image_trouble(ctx, res, index);
    }
    json_decref(body);
    if (v.kind == VERDICT_NEXT && next_waiting(ctx) == LINKEDIN_IMAGES_MAX) {
        v.jump = NULL;
    }
    return v;
}

const char *linkedin__image_id(const struct step_ctx *ctx, size_t index)
{
    return record_flag(known(ctx, index), "ready") ? record_str(known(ctx, index), "id") : NULL;
}

bool linkedin__images_off(struct step_ctx *ctx, const char *reason)
{
    bool any = false;

    for (size_t i = 0; i < LINKEDIN_IMAGES_MAX; i++) {
        if (linkedin__image_id(ctx, i)) {
            image_off(ctx, i, reason);
            any = true;
        }
    }
    return any;
}
