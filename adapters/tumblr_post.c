/* The post on Tumblr as blocks of the Neue Post Format: headline, picture, text, the link as a card. Made, replaced
 * as a whole, deleted: the steps of the courses publish, update and retract. The picture goes along in the same
 * request; when Tumblr does not want it, or the day's pictures are used up, the post goes without. */

#include "adapters/tumblr_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/picture.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)
#define SLUG_BYTES 100
#define IDENTIFIER "picture"

static const struct step post_step = {.publishes = true};
static const struct step any_step = {.repeatable = true};

/* ---- the picture ---- */

bool tumblr__media_wanted(const struct step_ctx *ctx)
{
    return tumblr__settings(ctx)->media == TUMBLR_MEDIA_AUTO && picture_url(ctx) &&
           !record_str(ctx->record, "media_off");
}

void tumblr__media_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    (void)ctx;
    wish->bounds.max_bytes = TUMBLR_IMAGE_BYTES;
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG | MEDIA_GIF | MEDIA_WEBP;
}

/* Whether it goes along with this request. */
static bool has_picture(struct step_ctx *ctx)
{
    if (!tumblr__media_wanted(ctx)) {
        return false;
    }
    if (!ctx->media) {
        picture_off(ctx,
                    ctx->media_error ? ctx->media_error : "the picture could not be fetched");
    } else if (strncmp(ctx->media->type, "image/", 6) != 0) {
        picture_off(ctx, "only pictures are taken");
    } else if (ctx->media->len > TUMBLR_IMAGE_BYTES) {
        picture_off(ctx, "the picture is larger than Tumblr takes");
    } else {
        return true;
    }
    return false;
}

static json_t *picture_block(struct step_ctx *ctx)
{
    const struct media *m = ctx->media;
    json_t *media = json_pack("{s:s, s:s}", "type", m->type, "identifier", IDENTIFIER);
    json_t *block = json_pack("{s:s}", "type", "image");
    struct buf alt;

    if (m->width > 0 && m->height > 0) {
        record_set_int(media, "width", m->width);
        record_set_int(media, "height", m->height);
    }
    (void)json_object_set_new(block, "media", json_pack("[o]", media));
    buf_init(&alt, TEXT_BYTES_MAX);
    picture_alt(ctx, &tumblr__limits[TUMBLR_LIMIT_ALT], &alt);
    if (alt.len > 0) {
        json_set_str(block, "alt_text", buf_str(&alt));
    }
    buf_done(&alt);
    return block;
}

/* ---- texts ---- */

static bool is_slug(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The last part of the article's own address, else its id; one and the same for all its revisions, so that a
 * post can be found by it. */
static void fix_slug(struct step_ctx *ctx)
{
    const char *had = post_str(ctx, "slug"), *url = ctx->article->url;
    size_t len = strcspn(url, "?#"), from, n = 0;
    char slug[SLUG_BYTES];

    if (record_str(ctx->record, "slug")) {
        return;
    }
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    for (from = len; from > 0 && url[from - 1] != '/';) {
        from--;
    }
    for (size_t i = from; i < len && n + 1 < sizeof slug && is_slug(url[i]); i++) {
        slug[n++] = url[i];
    }
    slug[n] = '\0';
    json_set_str(ctx->record,
                 "slug",
                 had                        ? had
                 : n == len - from && n > 1 ? slug
                                            : ctx->article_id);
}

static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct tumblr_settings *s = tumblr__settings(ctx);
    enum err_code rc = fit_record(
        ctx, "title", s->title, &tumblr__limits[TUMBLR_LIMIT_TITLE], mustache_escape_none, why);

    rc = rc ? rc
            : fit_record(ctx,
                         "text",
                         s->text,
                         &tumblr__limits[TUMBLR_LIMIT_TEXT],
                         mustache_escape_none,
                         why);
    rc = rc ? rc
            : fit_record(ctx,
                         "description",
                         s->description,
                         &tumblr__limits[TUMBLR_LIMIT_DESCRIPTION],
                         mustache_escape_none,
                         why);
    fix_slug(ctx);
    return rc;
}

static void
add_text(const struct step_ctx *ctx, json_t *content, const char *member, const char *subtype)
{
    const char *text = record_str(ctx->record, member);
    json_t *block;

    if (!text || !*text) {
        return;
    }
    block = json_pack("{s:s}", "type", "text");
    json_set_str(block, "subtype", subtype);
    json_set_str(block, "text", text);
    (void)json_array_append_new(content, block);
}

static json_t *link_block(const struct step_ctx *ctx)
{
    const char *description = record_str(ctx->record, "description");
    json_t *block = json_pack(
        "{s:s, s:s, s:s}", "type", "link", "url", ctx->link, "title", ctx->article->title);

    if (description && *description) {
        json_set_str(block, "description", description);
    }
    return block;
}

/* One string with commas between them, so a comma in one is a blank. */
static void add_tags(struct buf *out, const struct strings *words)
{
    for (size_t i = 0; i < words->count; i++) {
        buf_adds(out, out->len > 0 ? "," : "");
        for (const char *p = words->v[i]; *p; p++) {
            buf_addc(out, *p == ',' ? ' ' : *p);
        }
    }
}

static json_t *make_body(struct step_ctx *ctx, bool with_picture)
{
    const struct article *a = ctx->article;
    json_t *content = json_array(), *body;
    struct buf tags;

    add_text(ctx, content, "title", "heading1");
    if (with_picture) {
        (void)json_array_append_new(content, picture_block(ctx));
    }
    add_text(ctx, content, "text", NULL);
    (void)json_array_append_new(content, link_block(ctx));
    body = json_pack("{s:o, s:s}", "content", content, "state", "published");
    buf_init(&tags, TEXT_BYTES_MAX);
    if (tumblr__settings(ctx)->tags) {
        add_tags(&tags, &a->categories);
        add_tags(&tags, &a->tags);
    }
    if (tags.len > 0) {
        json_set_str(body, "tags", buf_str(&tags));
    }
    buf_done(&tags);
    json_set_str(body, "slug", record_str(ctx->record, "slug"));
    json_set_str(body, "source_url", ctx->link);
    return body;
}

/* With a picture the same JSON is one part of a form. */
static MUST_USE enum err_code
fill(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_texts(ctx, why);
    bool with_picture = has_picture(ctx);
    struct buf text;
    json_t *body;

    if (rc) {
        return rc;
    }
    body = make_body(ctx, with_picture);
    if (!with_picture) {
        http_set_json(req, body);
        json_decref(body);
        return ERR_NONE;
    }
    buf_init(&text, 8 * TEXT_BYTES_MAX);
    json_write(&text, body);
    json_decref(body);
    rc = buf_check(&text, "the post", why);
    if (!rc) {
        http_add_part_json(req, "json", buf_str(&text));
        http_add_part_media(req, IDENTIFIER, picture_file_name(ctx->media->type), ctx->media);
    }
    buf_done(&text);
    return rc;
}

/* ---- the requests ---- */

enum err_code
tumblr__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    tumblr__request(ctx, req, HTTP_POST, "/v2/blog/%s/posts", tumblr__settings(ctx)->blog);
    return fill(ctx, req, why);
}

const char *tumblr__id_of(const json_t *post, char out[TUMBLR_ID_BYTES])
{
    const json_t *id = json_object_get(post, "id_string");
    char *text = json_text_dup(id ? id : json_object_get(post, "id"));
    const char *found = tumblr__post_id(text, NULL, out);

    mem_free(text);
    return found;
}

/* Of a blog there is a page on tumblr.com, but for those at a host of their own. */
void tumblr__set_post(struct step_ctx *ctx, const char *id)
{
    static const char end[] = ".tumblr.com";
    const char *blog = tumblr__settings(ctx)->blog;
    size_t len = strlen(blog), end_len = sizeof end - 1;
    char *url;

    if (len > end_len && strcmp(blog + len - end_len, end) == 0) {
        len -= end_len;
    }
    url = memchr(blog, '.', len)
              ? mem_printf("https://%s/post/%s", blog, id)
              : mem_printf("https://www.tumblr.com/%.*s/%s", (int)len, blog, id);
    post_set(ctx, id, url);
    mem_free(url);
}

/* Without its picture the post has nothing against it. */
static bool is_about_picture(const struct step_ctx *ctx, const struct http_response *res)
{
    return !record_str(ctx->record, "media_off") && tumblr__media_wanted(ctx) &&
           (tumblr__has_code(res, "8004") || tumblr__has_code(res, "8005") ||
            res->status == 413);
}

static struct verdict post_trouble(struct step_ctx *ctx,
                                   const struct step *step,
                                   const struct http_response *res,
                                   const char *self)
{
    struct verdict v = tumblr__trouble(step, res);

    if (is_about_picture(ctx, res)) {
        picture_off(ctx, v.detail);
        v = verdict_jump(self);
        v.refused = true;
        return v;
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "description");
    }
    return v;
}

static bool take_id(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 || res->status == 201 ? http_json(res) : NULL;
    char id[TUMBLR_ID_BYTES];
    bool taken = tumblr__id_of(json_object_get(body, "response"), id) != NULL;

    if (taken) {
        tumblr__set_post(ctx, id);
    }
    json_decref(body);
    return taken;
}

struct verdict tumblr__read_post(struct step_ctx *ctx, const struct http_response *res)
{
    return take_id(ctx, res) ? verdict_done() : post_trouble(ctx, &post_step, res, "post");
}

static MUST_USE enum err_code
standing(const struct step_ctx *ctx, char id[TUMBLR_ID_BYTES], struct err *why)
{
    if (!tumblr__post_id(post_id(ctx), post_str(ctx, "remote_url"), id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post is not known");
    }
    return ERR_NONE;
}

/* What is left out of a replacement is gone. */
enum err_code
tumblr__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[TUMBLR_ID_BYTES];
    enum err_code rc = standing(ctx, id, why);

    if (rc) {
        return rc;
    }
    tumblr__request(
        ctx, req, HTTP_PUT, "/v2/blog/%s/posts/%s", tumblr__settings(ctx)->blog, id);
    return fill(ctx, req, why);
}

struct verdict tumblr__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    char id[TUMBLR_ID_BYTES];

    if (res->status == 404) {
        return verdict_make(VERDICT_REJECTED, SCOPE_POST, 0, "404: the post is gone");
    }
    if (res->status < 200 || res->status >= 300) {
        return post_trouble(ctx, &any_step, res, "edit");
    }
    if (!take_id(ctx, res) && tumblr__post_id(post_id(ctx), post_str(ctx, "remote_url"), id)) {
        tumblr__set_post(ctx, id);
    }
    return verdict_done();
}

enum err_code
tumblr__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[TUMBLR_ID_BYTES];
    enum err_code rc = standing(ctx, id, why);
    json_t *body;

    if (rc) {
        return rc;
    }
    tumblr__request(
        ctx, req, HTTP_POST, "/v2/blog/%s/post/delete", tumblr__settings(ctx)->blog);
    body = json_pack("{s:s}", "id", id);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

struct verdict tumblr__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    return res->status == 200 || res->status == 404 ? verdict_done()
                                                    : tumblr__trouble(&any_step, res);
}
