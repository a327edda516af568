/* The picture of a post on VK, in three steps: an address to upload to, the upload, the saving, which gives
 * the name a post attaches. Nothing of it is public. An address is good for one upload, and what the
 * upload gave for one saving; where one of them is refused the post goes without. */

#include "adapters/vk_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/picture.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

#define CAPTION_BYTES_MAX ((size_t)16 * 1024)
#define UPLOAD_BYTES_MAX ((size_t)64 * 1024)

bool vk__media_wanted(const struct step_ctx *ctx)
{
    return vk__settings(ctx)->media == VK_MEDIA_AUTO && picture_is_wanted(ctx) &&
           record_str(ctx->record, "upload_url") && !record_str(ctx->record, "photo");
}

static bool is_open(const struct step_ctx *ctx)
{
    return vk__settings(ctx)->media == VK_MEDIA_AUTO && picture_is_wanted(ctx) &&
           !record_str(ctx->record, "photo");
}

static void forget_upload(struct step_ctx *ctx)
{
    record_drop(ctx->record, "upload_url");
    record_drop(ctx->record, "photo");
    record_drop(ctx->record, "server");
    record_drop(ctx->record, "hash");
}

static struct verdict photo_trouble(struct step_ctx *ctx, struct verdict v)
{
    v = picture_trouble(ctx, v);
    if (v.kind == VERDICT_NEXT) {
        forget_upload(ctx);
    }
    return v;
}

/* ---- the address ---- */

enum err_code vk__build_server(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (!is_open(ctx) || record_str(ctx->record, "upload_url")) {
        req->skip = true;
        return ERR_NONE;
    }
    vk__call(ctx, req, "photos.getWallUploadServer");
    vk__add_int(req, "group_id", vk__settings(ctx)->group);
    return ERR_NONE;
}

/* It leaves us in plain words, so an API that is asked by https may not lead to anything else. */
static const char *address_in(const struct step_ctx *ctx, const json_t *response)
{
    const char *url = record_str(response, "upload_url");
    bool plain = strncmp(vk__settings(ctx)->api, "http://", 7) == 0;
    struct url_parts parts;

    return url && strlen(url) < 2048 && url_parse(&parts, url) && !parts.has_userinfo &&
                   (plain || strncmp(url, "https://", 8) == 0)
               ? url
               : NULL;
}

struct verdict vk__read_server(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *url = address_in(ctx, vk__response(res, body));
    struct verdict v = verdict_next();

    if (url) {
        json_set_str(ctx->record, "upload_url", url);
    } else if (vk__response(res, body)) {
        picture_off(ctx, "VK names no address for the upload that could be used");
    } else {
        v = photo_trouble(ctx, vk__trouble(res, false));
    }
    json_decref(body);
    return v;
}

/* ---- the upload ---- */

enum err_code vk__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (record_str(ctx->record, "photo")) {
        req->skip = true;
        return ERR_NONE;
    }
    if (!picture_begin(ctx, req, vk__media_wanted(ctx), VK_IMAGE_BYTES)) {
        return ERR_NONE;
    }
    req->method = HTTP_POST;
    http_set_url(req, "%s", record_str(ctx->record, "upload_url"));
    http_add_part_bytes(req,
                        "photo",
                        picture_file_name(ctx->media->type),
                        ctx->media->type,
                        ctx->media->bytes,
                        ctx->media->len);
    req->max_answer_bytes = UPLOAD_BYTES_MAX;
    return ERR_NONE;
}

/* "[]" where it did not like what it got. */
static bool is_photo(const char *photo)
{
    return photo && *photo && strcmp(photo, "[]") != 0;
}

/* The upload servers are not the API: their errors are what a status says. */
static struct verdict upload_trouble(const struct http_response *res, const json_t *body)
{
    static const struct step any_step = {.repeatable = true};

    if (record_str(body, "photo") || record_str(body, "error")) {
        return verdict_make(VERDICT_REJECTED,
                            SCOPE_POST,
                            0,
                            "%d: the upload was not taken: %.100s",
                            res->status,
                            record_str(body, "error") ? record_str(body, "error") : "");
    }
    return trouble_from_status(&any_step, res);
}

struct verdict vk__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *photo = res->status == 200 ? record_str(body, "photo") : NULL;
    char *server = json_text_dup(json_object_get(body, "server"));
    struct verdict v = verdict_next();

    if (is_photo(photo) && server && record_str(body, "hash")) {
        json_set_str(ctx->record, "photo", photo);
        json_set_str(ctx->record, "server", server);
        json_set_str(ctx->record, "hash", record_str(body, "hash"));
    } else {
        v = photo_trouble(ctx, upload_trouble(res, body));
    }
    mem_free(server);
    json_decref(body);
    return v;
}

/* ---- the saving ---- */

enum err_code vk__build_save(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *photo = record_str(ctx->record, "photo");
    struct buf caption;

    (void)why;
    if (!photo || record_str(ctx->record, "media_id")) {
        req->skip = true;
        return ERR_NONE;
    }
    vk__call(ctx, req, "photos.saveWallPhoto");
    vk__add_int(req, "group_id", vk__settings(ctx)->group);
    oauth_form_add(req, "photo", photo);
    oauth_form_add(req, "server", record_str(ctx->record, "server"));
    oauth_form_add(req, "hash", record_str(ctx->record, "hash"));
    buf_init(&caption, CAPTION_BYTES_MAX);
    picture_alt(ctx, &vk__limits[VK_LIMIT_CAPTION], &caption);
    if (caption.len > 0) {
        oauth_form_add(req, "caption", buf_str(&caption));
    }
    buf_done(&caption);
    return ERR_NONE;
}

struct verdict vk__read_save(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const json_t *saved = json_array_get(vk__response(res, body), 0);
    const char *key = record_str(saved, "access_key");
    struct verdict v = verdict_next();
    struct buf name;

    buf_init(&name, 256);
    if (record_int(saved, "id") > 0 && record_int(saved, "owner_id") != 0) {
        buf_addf(&name,
                 "photo%lld_%lld%s%s",
                 (long long)record_int(saved, "owner_id"),
                 (long long)record_int(saved, "id"),
                 key ? "_" : "",
                 key ? key : "");
        picture_taken(ctx, buf_str(&name));
        forget_upload(ctx);
    } else {
        v = photo_trouble(ctx, vk__trouble(res, false));
    }
    buf_done(&name);
    json_decref(body);
    return v;
}
