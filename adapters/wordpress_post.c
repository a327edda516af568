/* The post on another WordPress site: its picture, the post itself, its correction, its removal, the look
 * whether it stands. The later steps of the adapter's courses.
 *
 * WordPress takes no key of ours, but it keeps the end of the address one asks for. Ours is made of the
 * article's own address and of the delivery's key, so no other post has it, and one look at it tells
 * whether a request whose answer was lost made the post. Sent again it would make "…-2". */

#include "adapters/wordpress_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/look.h"
#include "adapters/picture.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"
#include "base/url.h"

#define SLUG_WORDS_BYTES 60 /* of the article's own */
#define SLUG_KEY_DIGITS 10
#define SLUG_BYTES (SLUG_WORDS_BYTES + SLUG_KEY_DIGITS + 8)
#define ALT_BYTES_MAX ((size_t)64 * 1024)

/* ---- names ---- */

/* The last part of the article's path, as far as it is letters, digits and hyphens. */
static size_t add_words(char out[SLUG_BYTES], const char *url)
{
    struct url_parts parts;
    size_t from, len = 0;

    if (!url_parse(&parts, url)) {
        return 0;
    }
    while (parts.path_len > 0 && parts.path[parts.path_len - 1] == '/') {
        parts.path_len--;
    }
    from = parts.path_len;
    while (from > 0 && parts.path[from - 1] != '/') {
        from--;
    }
    for (; from < parts.path_len && parts.path[from] != '.' && len < SLUG_WORDS_BYTES; from++) {
        char c = parts.path[from];

        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            out[len++] = c;
        } else if (len > 0 && out[len - 1] != '-') {
            out[len++] = '-';
        }
    }
    while (len > 0 && out[len - 1] == '-') {
        len--;
    }
    return len;
}

static const char *slug(struct step_ctx *ctx)
{
    const char *had = record_str(ctx->record, "slug");
    char made[SLUG_BYTES];
    size_t len;

    if (had) {
        return had;
    }
    len = add_words(made, ctx->article->url);
    if (len == 0) {
        memcpy(made, "crier", 5);
        len = 5;
    }
    made[len++] = '-';
    memcpy(made + len, ctx->key, SLUG_KEY_DIGITS);
    made[len + SLUG_KEY_DIGITS] = '\0';
    json_set_str(ctx->record, "slug", made);
    return record_str(ctx->record, "slug");
}

/* ---- the picture ---- */

bool wordpress__media_wanted(const struct step_ctx *ctx)
{
    return wordpress__settings(ctx)->media == WORDPRESS_MEDIA_AUTO && picture_is_wanted(ctx);
}

enum err_code
wordpress__build_upload(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *end;
    struct buf name, alt;

    (void)why;
    if (!picture_begin(ctx, req, wordpress__media_wanted(ctx), WORDPRESS_IMAGE_BYTES)) {
        return ERR_NONE;
    }
    buf_init(&name, SLUG_BYTES + 16);
    buf_init(&alt, ALT_BYTES_MAX);
    end = strrchr(picture_file_name(ctx->media->type), '.');
    buf_addf(&name, "%s%s", slug(ctx), end ? end : "");
    picture_alt(ctx, &wordpress__limits[WORDPRESS_LIMIT_ALT], &alt);
    wordpress__request(ctx, req, HTTP_POST, "/media");
    if (alt.len > 0) {
        http_add_part_text(req, "alt_text", buf_str(&alt));
    }
    http_add_part_bytes(
        req, "file", buf_str(&name), ctx->media->type, ctx->media->bytes, ctx->media->len);
    buf_done(&alt);
    buf_done(&name);
    return ERR_NONE;
}

/* One that may post may not always upload; then posts go without their pictures. */
struct verdict wordpress__read_upload(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 201 ? http_json(res) : NULL;
    struct verdict v = verdict_next();
    char number[24];

    if (record_int(body, "id") > 0) {
        (void)snprintf(number, sizeof number, "%lld", (long long)record_int(body, "id"));
        picture_taken(ctx, number);
    } else {
        v = wordpress__trouble(res, false);
        if (wordpress__error_is(res, "rest_cannot_create")) {
            v.kind = VERDICT_REJECTED;
        }
        v = picture_trouble(ctx, v);
    }
    json_decref(body);
    return v;
}

/* ---- the post ---- */

/* Title and excerpt are text that may hold entities. */
static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct wordpress_settings *s = wordpress__settings(ctx);
    const struct text_rule *limits = wordpress__limits;
    enum err_code rc;

    rc = fit_record(
        ctx, "title", s->title, &limits[WORDPRESS_LIMIT_TITLE], text_escape_brackets, why);
    rc = rc ? rc
            : fit_record(
                  ctx, "text", s->text, &limits[WORDPRESS_LIMIT_TEXT], text_escape_html, why);
    return rc ? rc
              : fit_record(ctx,
                           "excerpt",
                           s->excerpt,
                           &limits[WORDPRESS_LIMIT_EXCERPT],
                           text_escape_brackets,
                           why);
}

static void set_canonical(const struct step_ctx *ctx, json_t *body)
{
    const char *field = wordpress__settings(ctx)->canonical_field;
    json_t *meta;

    if (field) {
        meta = json_object();
        json_set_str(meta, field, ctx->article->url);
        (void)json_object_set_new(body, "meta", meta);
    }
}

static json_t *post_body(const struct step_ctx *ctx)
{
    json_t *body = json_object();
    int64_t picture = wordpress__number(record_str(ctx->record, "media_id"));

    json_set_str(body, "title", record_str(ctx->record, "title"));
    json_set_str(body, "content", record_str(ctx->record, "text"));
    json_set_str(body, "excerpt", record_str(ctx->record, "excerpt"));
    (void)json_object_set_new(body, "categories", wordpress__terms(ctx, "categories"));
    (void)json_object_set_new(body, "tags", wordpress__terms(ctx, "tags"));
    record_set_int(body, "featured_media", picture); /* 0: none */
    set_canonical(ctx, body);
    return body;
}

enum err_code
wordpress__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_texts(ctx, why);
    json_t *body;

    if (rc) {
        return rc;
    }
    wordpress__request(ctx, req, HTTP_POST, "/posts");
    body = post_body(ctx);
    json_set_str(body, "slug", slug(ctx));
    json_set_str(body, "status", wordpress__statuses[wordpress__settings(ctx)->status]);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

static int64_t standing(const struct step_ctx *ctx)
{
    return wordpress__post_number(
        wordpress__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"));
}

/* Address and status stay: what an editor there has published or put aside stays so. */
enum err_code
wordpress__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t number = standing(ctx);
    enum err_code rc;
    json_t *body;

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to edit is not known");
    }
    rc = fix_texts(ctx, why);
    if (rc) {
        return rc;
    }
    record_keep(ctx, (const char *const[]){"slug", NULL});
    wordpress__request(ctx, req, HTTP_POST, "/posts/%lld", (long long)number);
    body = post_body(ctx);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* Its names, from an answer; false: it holds none. */
static bool take_names(struct step_ctx *ctx, const json_t *post)
{
    char number[24];

    if (record_int(post, "id") <= 0) {
        return false;
    }
    (void)snprintf(number, sizeof number, "%lld", (long long)record_int(post, "id"));
    post_set(ctx, number, record_str(post, "link"));
    return true;
}

static struct verdict
read_saved(struct step_ctx *ctx, const struct http_response *res, int status, bool publishes)
{
    json_t *body = res->status == status ? http_json(res) : NULL;
    struct verdict v = verdict_done();

    if (!take_names(ctx, body)) {
        v = wordpress__trouble(res, publishes);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "excerpt");
    }
    json_decref(body);
    return v;
}

struct verdict wordpress__read_create(struct step_ctx *ctx, const struct http_response *res)
{
    return read_saved(ctx, res, 201, true);
}

struct verdict wordpress__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    return read_saved(ctx, res, 200, false);
}

/* ---- removal ---- */

enum err_code
wordpress__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool for_good = wordpress__settings(ctx)->retract == WORDPRESS_DELETE ||
                    record_flag(ctx->record, "no_trash");
    int64_t number = standing(ctx);

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to delete is not known");
    }
    wordpress__request(ctx,
                       req,
                       HTTP_DELETE,
                       "/posts/%lld%s",
                       (long long)number,
                       for_good ? "?force=true" : "");
    return ERR_NONE;
}

struct verdict wordpress__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool gone = (res->status == 200 && json_is_object(body)) ||
                wordpress__error_is(res, "rest_already_trashed") ||
                wordpress__error_is(res, "rest_post_invalid_id");

    json_decref(body);
    if (gone) {
        return verdict_done();
    }
    if (wordpress__error_is(res, "rest_trash_not_supported") &&
        !record_flag(ctx->record, "no_trash")) {
        record_set_flag(ctx->record, "no_trash", true);
        return verdict_jump("delete_post");
    }
    return wordpress__trouble(res, false);
}

/* ---- the look ---- */

enum err_code
wordpress__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *chosen = post_str(ctx, "slug");

    if (!chosen) {
        return err_set(why, ERR_NOT_FOUND, "which address was asked for is not known");
    }
    wordpress__request(
        ctx, req, HTTP_GET, "/posts?slug=%s&status=any&_fields=id,link,slug", chosen);
    return ERR_NONE;
}

struct verdict wordpress__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    static const char *const kept[] = {
        "slug", "title", "text", "excerpt", "media_id", "media_url", NULL};
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    const json_t *first = json_array_get(list, 0);
    const char *told = record_str(first, "slug"), *chosen = post_str(ctx, "slug");
    struct verdict v;

    if (!json_is_array(list)) {
        v = wordpress__trouble(res, false);
    } else if (told && chosen && strcmp(told, chosen) == 0 && take_names(ctx, first)) {
        record_keep(ctx, kept);
        v = verdict_done();
    } else {
        v = verdict_make(VERDICT_ABSENT,
                         SCOPE_POST,
                         0,
                         "the site has no post with the address we asked for");
    }
    json_decref(list);
    return v;
}

/* ---- whose login this is ---- */

enum err_code
wordpress__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    wordpress__request(
        ctx, req, HTTP_GET, "/users/me?context=edit&_fields=id,name,slug,capabilities");
    return ERR_NONE;
}

struct verdict wordpress__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    const struct wordpress_settings *s = wordpress__settings(ctx);
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "name");
    const json_t *can = json_object_get(body, "capabilities");
    const char *needed = s->status == WORDPRESS_PUBLISH ? "publish_posts" : "edit_posts";
    struct verdict v;

    if (!name) {
        v = wordpress__trouble(res, false);
    } else if (!json_is_true(json_object_get(can, needed))) {
        v = verdict_make(
            VERDICT_BLOCKED,
            SCOPE_CHANNEL,
            0,
            "%s may not %s there: the account needs the role of an author or editor",
            name,
            s->status == WORDPRESS_PUBLISH ? "publish" : "write");
    } else {
        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as %s", name);
    }
    json_decref(body);
    return v;
}
