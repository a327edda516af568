/* The picture of a post that is uploaded before the post: what several adapters do alike. Called by
 * their upload steps; keeps nothing but the record's members that picture.h names. */

#include "adapters/picture.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "base/attr.h"
#include "base/json.h"

/* How long a post may wait for its picture, from the first request about it. */
#define PATIENCE_MS (5 * MS_MINUTE)
#define PATIENCE_BREAKING_MS (30 * MS_SECOND)

const char *picture_url(const struct step_ctx *ctx)
{
    return ctx->article->image_count > 0 ? ctx->article->images[0].url : NULL;
}

static bool is_open(const struct step_ctx *ctx)
{
    return picture_url(ctx) && !record_str(ctx->record, "media_off") &&
           !record_str(ctx->record, "media_id");
}

static bool is_same(const struct step_ctx *ctx)
{
    const char *url = picture_url(ctx), *had = post_str(ctx, "media_url");

    return url && had && post_str(ctx, "media_id") && strcmp(url, had) == 0;
}

bool picture_is_wanted(const struct step_ctx *ctx)
{
    return is_open(ctx) && !is_same(ctx);
}

static int64_t patience_ms(const struct step_ctx *ctx)
{
    return ctx->breaking ? PATIENCE_BREAKING_MS : PATIENCE_MS;
}

/* Why it cannot go; NULL when it can. */
static const char *objection(struct step_ctx *ctx, size_t max_bytes)
{
    if (!ctx->media) {
        return ctx->media_error ? ctx->media_error : "the picture could not be fetched";
    }
    if (strncmp(ctx->media->type, "image/", 6) != 0) {
        return "only pictures are taken";
    }
    if (max_bytes > 0 && ctx->media->len > max_bytes) {
        return "the picture is larger than the server takes";
    }
    if (record_age(ctx->record, "media_since_ms", ctx->now_ms) > patience_ms(ctx)) {
        return "uploading the picture took too long";
    }
    return NULL;
}

bool picture_begin(struct step_ctx *ctx,
                   struct http_request *req,
                   bool wanted,
                   size_t max_bytes)
{
    const char *reason;

    req->skip = true;
    if (!wanted) {
        if (is_open(ctx) && is_same(ctx)) {
            record_keep(ctx, (const char *const[]){"media_id", "media_url", NULL});
        }
        return false;
    }
    reason = objection(ctx, max_bytes);
    if (reason) {
        picture_off(ctx, reason);
        return false;
    }
    req->skip = false;
    return true;
}

void picture_taken(struct step_ctx *ctx, const char *id)
{
    json_set_str(ctx->record, "media_id", id);
    json_set_str(ctx->record, "media_url", picture_url(ctx));
}

void picture_off(struct step_ctx *ctx, const char *reason)
{
    record_drop(ctx->record, "media_id");
    record_drop(ctx->record, "media_url");
    json_set_str(ctx->record, "media_off", reason);
}

struct verdict picture_trouble(struct step_ctx *ctx, struct verdict v)
{
    bool too_long =
        v.kind == VERDICT_AGAIN && v.scope != SCOPE_HOST && v.retry_after_ms > patience_ms(ctx);

    if (v.kind == VERDICT_REJECTED || too_long) {
        picture_off(ctx, v.detail);
        return verdict_next();
    }
    return v;
}

const char *picture_file_name(const char *type)
{
    static const struct {
        const char *type, *name;
    } names[] = {{"image/jpeg", "image.jpg"},
                 {"image/png", "image.png"},
                 {"image/gif", "image.gif"},
                 {"image/webp", "image.webp"},
                 {"image/heif", "image.heif"},
                 {"image/heic", "image.heic"},
                 {"image/avif", "image.avif"}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i].type, type) == 0) {
            return names[i].name;
        }
    }
    return "image";
}

void picture_alt(struct step_ctx *ctx, const struct text_rule *rule, struct buf *out)
{
    const struct article *a = ctx->article;

    if (a->image_count > 0 && a->images[0].alt) {
        fit_plain(ctx, rule, a->images[0].alt, out);
    }
}
