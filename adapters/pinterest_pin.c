/* The Pin: made, changed, deleted. The last steps of the adapter's courses. Pinterest knows no repeat: a
 * request that makes a Pin and got no answer is looked for on the board (pinterest_verify.c). A change leaves
 * the picture as it is. */

#include "adapters/pinterest_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/mustache.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define FETCHES_MAX 3

/* ---- texts ---- */

static MUST_USE enum err_code fit_one(struct step_ctx *ctx,
                                      const struct mustache *tpl,
                                      int limit,
                                      const char *member,
                                      struct err *why)
{
    return fit_record(ctx, member, tpl, &pinterest__limits[limit], mustache_escape_none, why);
}

static MUST_USE enum err_code fit(struct step_ctx *ctx, struct err *why)
{
    const struct pinterest_settings *s = pinterest__settings(ctx);
    const struct article *a = ctx->article;
    struct buf alt;
    enum err_code rc;

    if (record_str(ctx->record, "title") && record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    rc = fit_one(ctx, s->title, PINTEREST_LIMIT_TITLE, "title", why);
    rc = rc ? rc : fit_one(ctx, s->text, PINTEREST_LIMIT_TEXT, "text", why);
    if (rc) {
        return rc;
    }
    buf_init(&alt, TEXT_BYTES_MAX);
    fit_plain(ctx,
              &pinterest__limits[PINTEREST_LIMIT_ALT],
              a->image_count > 0 ? a->images[0].alt : NULL,
              &alt);
    json_set_str(ctx->record, "alt", buf_str(&alt));
    buf_done(&alt);
    return ERR_NONE;
}

static void set_texts(const struct step_ctx *ctx, json_t *pin)
{
    const char *alt = record_str(ctx->record, "alt");

    json_set_str(pin, "title", record_str(ctx->record, "title"));
    json_set_str(pin, "description", record_str(ctx->record, "text"));
    if (strlen(ctx->link) <= PINTEREST_LINK_MAX) {
        json_set_str(pin, "link", ctx->link);
    }
    if (alt && *alt) {
        json_set_str(pin, "alt_text", alt);
    }
}

/* ---- what it shows ---- */

bool pinterest__cover_wanted(const struct step_ctx *ctx)
{
    return pinterest__kind(ctx) != PINTEREST_CAROUSEL || ctx->article->image_count < 2;
}

void pinterest__cover_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG;
}

static bool has_bytes(const struct step_ctx *ctx)
{
    const struct media *m = ctx->media;

    return m && m->bytes && m->len <= PINTEREST_PICTURE_BYTES_MAX &&
           (strcmp(m->type, "image/jpeg") == 0 || strcmp(m->type, "image/png") == 0);
}

static void
set_bytes(const struct step_ctx *ctx, json_t *source, const char *type, const char *data)
{
    struct buf base64;

    buf_init(&base64, 2 * (size_t)PINTEREST_PICTURE_BYTES_MAX);
    crypto_base64(&base64, ctx->media->bytes, ctx->media->len);
    json_set_str(source, type, ctx->media->type);
    json_set_str(source, data, buf_str(&base64));
    buf_done(&base64);
}

/* A cover there must be: the article's picture, else the first moment of the video. */
static json_t *video_source(const struct step_ctx *ctx)
{
    json_t *source = json_object();

    json_set_str(source, "source_type", "video_id");
    json_set_str(source, "media_id", record_str(ctx->record, "media_id"));
    if (has_bytes(ctx)) {
        set_bytes(ctx, source, "cover_image_content_type", "cover_image_data");
    } else {
        (void)json_object_set_new(source, "cover_image_key_frame_time", json_integer(0));
    }
    return source;
}

static json_t *carousel_items(const struct step_ctx *ctx)
{
    json_t *items = json_array(), *address, *item;
    size_t i;

    json_array_foreach(json_object_get(ctx->record, "pictures"), i, address)
    {
        if (json_is_string(address)) {
            item = json_object();
            (void)json_object_set(item, "url", address);
            (void)json_array_append_new(items, item);
        }
    }
    return items;
}

/* NULL: no picture could be had. */
static json_t *carousel_source(const struct step_ctx *ctx)
{
    json_t *source = json_object(), *items = carousel_items(ctx);
    size_t count = json_array_size(items);

    if (count >= 2) {
        json_set_str(source, "source_type", "multiple_image_urls");
        (void)json_object_set(source, "items", items);
        (void)json_object_set_new(source, "index", json_integer(0));
    } else if (count == 1) {
        json_set_str(source, "source_type", "image_url");
        json_set_str(source, "url", record_str(json_array_get(items, 0), "url"));
    } else {
        json_decref(source);
        source = NULL;
    }
    json_decref(items);
    return source;
}

static json_t *image_source(const struct step_ctx *ctx)
{
    json_t *source;

    if (!has_bytes(ctx)) {
        return NULL;
    }
    source = json_object();
    json_set_str(source, "source_type", "image_base64");
    set_bytes(ctx, source, "content_type", "data");
    return source;
}

static json_t *source_of(const struct step_ctx *ctx)
{
    switch (pinterest__kind(ctx)) {
    case PINTEREST_VIDEO:
        return video_source(ctx);
    case PINTEREST_CAROUSEL:
        return ctx->article->image_count > 1 ? carousel_source(ctx) : image_source(ctx);
    default:
        return image_source(ctx);
    }
}

/* ---- made ---- */

enum err_code
pinterest__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct pinterest_settings *s = pinterest__settings(ctx);
    json_t *source = source_of(ctx), *pin;
    enum err_code rc;

    if (!source) {
        return err_set(why,
                       ERR_INVALID,
                       "the picture could not be had, and a Pin must show one: %.120s",
                       ctx->media_error ? ctx->media_error : "it is no JPEG or PNG");
    }
    rc = fit(ctx, why);
    if (rc) {
        json_decref(source);
        return rc;
    }
    pin = json_object();
    json_set_str(pin, "board_id", s->board);
    json_set_str(pin, "board_section_id", s->section);
    json_set_str(pin, "dominant_color", s->dominant_color);
    set_texts(ctx, pin);
    (void)json_object_set_new(pin, "media_source", source);
    pinterest__request(ctx, req, HTTP_POST, "/pins");
    http_set_json(req, pin);
    json_decref(pin);
    return ERR_NONE;
}

static void set_post(struct step_ctx *ctx, const char *id)
{
    char url[96];

    (void)snprintf(url, sizeof url, "https://www.pinterest.com/pin/%s/", id);
    post_set(ctx, id, url);
}

static bool is_fetch_trouble(const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *said = record_str(body, "message");
    bool is = res->status >= 400 && res->status < 500 && said &&
              (strcasestr(said, "unable to reach") || strcasestr(said, "could not fetch"));

    json_decref(body);
    return is;
}

static struct verdict create_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step self = {.publishes = true};
    struct verdict v = pinterest__trouble(&self, res);
    int64_t fetches = record_int(ctx->record, "fetches");

    if (is_fetch_trouble(res) && fetches < FETCHES_MAX) {
        record_set_int(ctx->record, "fetches", fetches + 1);
        v.kind = VERDICT_AGAIN;
        v.scope = SCOPE_POST;
    }
    if (v.kind == VERDICT_REJECTED) { /* sent again with another template, it is made anew */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "alt");
    }
    return v;
}

struct verdict pinterest__read_create(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 || res->status == 201 ? http_json(res) : NULL;
    const char *id = record_str(body, "id");

    if (!pinterest__is_id(id)) {
        json_decref(body);
        return create_trouble(ctx, res);
    }
    set_post(ctx, id);
    json_decref(body);
    return verdict_done();
}

/* ---- changed, deleted ---- */

static bool standing_id(const struct step_ctx *ctx, char out[PINTEREST_ID_BYTES])
{
    return pinterest__pin_id(post_id(ctx), post_str(ctx, "remote_url"), out) != NULL;
}

static const struct step harmless = {.repeatable = true, .publishes = true};

enum err_code
pinterest__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[PINTEREST_ID_BYTES];
    enum err_code rc;
    json_t *pin;

    if (!standing_id(ctx, id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the Pin is not known");
    }
    rc = fit(ctx, why);
    if (rc) {
        return rc;
    }
    pin = json_object();
    set_texts(ctx, pin);
    pinterest__request(ctx, req, HTTP_PATCH, "/pins/%s", id);
    http_set_json(req, pin);
    json_decref(pin);
    return ERR_NONE;
}

struct verdict pinterest__read_update(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = record_str(body, "id");

    if (!pinterest__is_id(id)) {
        json_decref(body);
        return pinterest__trouble(&harmless, res);
    }
    set_post(ctx, id);
    json_decref(body);
    return verdict_done();
}

enum err_code
pinterest__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[PINTEREST_ID_BYTES];

    if (!standing_id(ctx, id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the Pin is not known");
    }
    pinterest__request(ctx, req, HTTP_DELETE, "/pins/%s", id);
    return ERR_NONE;
}

struct verdict pinterest__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    if (res->status == 204 || res->status == 200 || res->status == 410 ||
        (res->status == 404 && !trouble_is_page(res))) {
        return verdict_done();
    }
    return pinterest__trouble(&harmless, res);
}
