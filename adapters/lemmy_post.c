/* The link post on a Lemmy site: made, edited, deleted, and looked for after an outcome nobody knows. The
 * later steps of the adapter's courses.
 *
 * The site takes no key of ours and takes the same link twice, so the post is sent once and then looked
 * for: first by its address, then in the account's own list, since a site may have taken campaign
 * parameters out of the address before it kept it. */

#include "adapters/lemmy_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/fit.h"
#include "adapters/look.h"
#include "adapters/markdown.h"
#include "adapters/picture.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/url.h"

#define ALT_BYTES_MAX ((size_t)64 * 1024)
#define QUERY_BYTES_MAX ((size_t)4 * ARTICLE_URL_BYTES)
#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PAGE_SIZE 50 /* the most a site gives at once */

/* ---- the post ---- */

static bool is_allowed(const json_t *allowed, json_int_t id)
{
    json_t *one;
    size_t i;

    json_array_foreach(allowed, i, one)
    {
        if (json_integer_value(one) == id) {
            return true;
        }
    }
    return !allowed || json_array_size(allowed) == 0;
}

static const char *language_tag(const struct step_ctx *ctx)
{
    const char *given = lemmy__settings(ctx)->language;

    return given                    ? given
           : ctx->article->language ? ctx->article->language
                                    : ctx->site->language;
}

/* The site's number for the language: of the tag as it is, else of its first part. 0: none that the
 * community takes; then none is declared. */
static json_int_t language_id(const struct step_ctx *ctx)
{
    const json_t *by_code = json_object_get(lemmy__site(ctx), "languages");
    const char *tag = language_tag(ctx);
    char primary[16] = "";
    size_t len = tag ? strcspn(tag, "-_") : 0;
    json_int_t id;

    if (len == 0 || len >= sizeof primary) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        primary[i] = tag[i] >= 'A' && tag[i] <= 'Z' ? (char)(tag[i] - 'A' + 'a') : tag[i];
    }
    id = record_int(by_code, tag);
    id = id > 0 ? id : record_int(by_code, primary);
    return is_allowed(json_object_get(lemmy__community(ctx), "languages"), id) ? id : 0;
}

static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct lemmy_settings *s = lemmy__settings(ctx);
    enum err_code rc = fit_record(
        ctx, "title", s->title, &lemmy__limits[LEMMY_LIMIT_TITLE], mustache_escape_none, why);
    json_int_t language;

    if (rc) {
        return rc;
    }
    rc = fit_record(
        ctx, "text", s->text, &lemmy__limits[LEMMY_LIMIT_TEXT], markdown_escape, why);
    language = language_id(ctx);
    if (!rc && language > 0 && !json_object_get(ctx->record, "language_id")) {
        record_set_int(ctx->record, "language_id", language);
    }
    return rc;
}

/* The site shows the article's picture by its address, with the alternative text; those before 0.19.4
 * do not know either member, and do not mind. */
static void set_picture(struct step_ctx *ctx, json_t *body)
{
    struct buf alt;

    if (lemmy__settings(ctx)->thumbnail == LEMMY_THUMBNAIL_NEVER || !picture_url(ctx)) {
        return;
    }
    json_set_str(body, "custom_thumbnail", picture_url(ctx));
    buf_init(&alt, ALT_BYTES_MAX);
    picture_alt(ctx, &lemmy__limits[LEMMY_LIMIT_ALT], &alt);
    if (alt.len > 0) {
        json_set_str(body, "alt_text", buf_str(&alt));
    }
    buf_done(&alt);
}

static json_t *post_body(struct step_ctx *ctx)
{
    json_t *body = json_object();
    const char *text = record_str(ctx->record, "text");

    json_set_str(body, "name", record_str(ctx->record, "title"));
    json_set_str(body, "url", ctx->link);
    if ((text && *text) || ctx->course == COURSE_UPDATE) {
        json_set_str(body, "body", text);
    }
    if (json_object_get(ctx->record, "language_id")) {
        record_set_int(body, "language_id", record_int(ctx->record, "language_id"));
    }
    (void)json_object_set_new(body, "nsfw", json_boolean(lemmy__settings(ctx)->nsfw));
    set_picture(ctx, body);
    return body;
}

enum err_code
lemmy__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc;
    json_t *body;

    /* Settings may name another community by now than when it was learned. */
    record_set_flag(ctx->record, "learning", !lemmy__community(ctx));
    if (!lemmy__community(ctx)) {
        return lemmy__build_community(ctx, req, why);
    }
    rc = fix_texts(ctx, why);
    if (rc) {
        return rc;
    }
    lemmy__request(ctx, req, HTTP_POST, "/api/v3/post");
    body = post_body(ctx);
    record_set_int(body, "community_id", record_int(lemmy__community(ctx), "id"));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

enum err_code lemmy__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t number =
        lemmy__post_number(lemmy__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"));
    enum err_code rc;
    json_t *body;

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to edit is not known");
    }
    rc = fix_texts(ctx, why);
    if (rc) {
        return rc;
    }
    lemmy__request(ctx, req, HTTP_PUT, "/api/v3/post");
    body = post_body(ctx);
    record_set_int(body, "post_id", number);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* ---- names ---- */

static int64_t plain_number(const char *text)
{
    int64_t number = 0;

    return text && parse_i64(text, &number) && number > 0 ? number : 0;
}

static int64_t number_in_link(const struct lemmy_settings *s, const char *link)
{
    static const char before[] = "/post/";
    struct url_parts url, own;
    char digits[24];

    if (!link || !url_parse(&url, link) || !url_parse(&own, s->instance) ||
        url.host_len != own.host_len || strncasecmp(url.host, own.host, own.host_len) != 0 ||
        url.path_len <= sizeof before - 1 || url.path_len - (sizeof before - 1) > 20 ||
        memcmp(url.path, before, sizeof before - 1) != 0) {
        return 0;
    }
    memcpy(digits, url.path + sizeof before - 1, url.path_len - (sizeof before - 1));
    digits[url.path_len - (sizeof before - 1)] = '\0';
    return plain_number(digits);
}

int64_t
lemmy__post_number(const struct lemmy_settings *s, const char *remote_id, const char *link)
{
    int64_t number = plain_number(remote_id);

    number = number > 0 ? number : number_in_link(s, remote_id);
    return number > 0 ? number : number_in_link(s, link);
}

/* A post of an answer, and its number as text in id. False: it is none. */
static bool read_post(const json_t *post, struct look_post *out, struct buf *id)
{
    int64_t number = record_int(post, "id");

    if (number <= 0) {
        return false;
    }
    buf_clear(id);
    buf_addf(id, "%lld", (long long)number);
    *out = (struct look_post){.id = buf_str(id),
                              .url = record_str(post, "ap_id"),
                              .link = record_str(post, "url"),
                              .at_ms = look_time(record_str(post, "published"))};
    return true;
}

static struct verdict
read_saved(struct step_ctx *ctx, const struct http_response *res, bool publishes)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    struct verdict v = verdict_done();
    struct look_post post;
    struct buf id;

    buf_init(&id, 32);
    if (read_post(json_path(body, "post_view", "post", NULL), &post, &id)) {
        post_set(ctx, post.id, post.url);
    } else {
        v = lemmy__trouble(res, publishes);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "language_id");
    }
    buf_done(&id);
    json_decref(body);
    return v;
}

static struct verdict read_learned(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = lemmy__read_community(ctx, res);

    if (v.kind == VERDICT_NEXT) {
        v = verdict_jump("create_post");
        v.refused = true; /* nothing was posted */
    }
    return v;
}

struct verdict lemmy__read_create(struct step_ctx *ctx, const struct http_response *res)
{
    bool learned = record_flag(ctx->record, "learning");

    record_drop(ctx->record, "learning");
    return learned ? read_learned(ctx, res) : read_saved(ctx, res, true);
}

struct verdict lemmy__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    return read_saved(ctx, res, false);
}

/* ---- deletion ---- */

enum err_code
lemmy__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t number =
        lemmy__post_number(lemmy__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"));
    json_t *body;

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to delete is not known");
    }
    lemmy__request(ctx, req, HTTP_POST, "/api/v3/post/delete");
    body = json_object();
    record_set_int(body, "post_id", number);
    (void)json_object_set_new(body, "deleted", json_true());
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* A post that is not there any more is deleted. */
struct verdict lemmy__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *error = record_str(body, "error");
    bool gone = (res->status == 200 && json_object_get(body, "post_view")) ||
                (error && strcmp(error, "couldnt_find_post") == 0);

    (void)ctx;
    json_decref(body);
    return gone ? verdict_done() : lemmy__trouble(res, false);
}

/* ---- the look ---- */

enum err_code
lemmy__build_search(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    struct buf url;

    (void)why;
    buf_init(&url, QUERY_BYTES_MAX);
    url_encode(&url, ctx->article->url);
    lemmy__request(ctx,
                   req,
                   HTTP_GET,
                   "/api/v3/search?q=%s&type_=Url&community_id=%lld&sort=New&limit=%d",
                   buf_str(&url),
                   (long long)record_int(lemmy__community(ctx), "id"),
                   PAGE_SIZE);
    req->max_answer_bytes = LIST_BYTES_MAX;
    buf_done(&url);
    return ERR_NONE;
}

static bool is_own(const struct step_ctx *ctx, const json_t *view)
{
    int64_t creator = json_integer_value(json_path(view, "creator", "id", NULL));

    return creator > 0 && creator == record_int(lemmy__site(ctx), "person_id");
}

/* The first of the list's posts that is ours; older: one was met that is too old. */
static bool
find_ours(struct step_ctx *ctx, const json_t *list, bool *older, struct verdict *out)
{
    static const char *const kept[] = {"title", "text", "language_id", NULL};
    struct look_post post;
    bool found = false;
    struct buf id;
    json_t *view;
    size_t i;

    buf_init(&id, 32);
    json_array_foreach(list, i, view)
    {
        const json_t *entity = json_object_get(view, "post");

        if (found || !is_own(ctx, view) || !read_post(entity, &post, &id) ||
            json_is_true(json_object_get(entity, "deleted"))) {
            continue;
        }
        *older = *older || look_is_too_old(ctx, &post);
        found = !look_is_too_old(ctx, &post) && look_is_ours(ctx, &post);
        if (found) {
            *out = look_found(ctx, &post, kept);
        }
    }
    buf_done(&id);
    return found;
}

struct verdict lemmy__read_search(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "posts");
    struct verdict v = verdict_next();
    bool older = false;

    if (!json_is_array(list)) {
        v = lemmy__trouble(res, false);
    } else {
        (void)find_ours(ctx, list, &older, &v);
    }
    json_decref(body);
    return v;
}

enum err_code lemmy__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *page = look_from(ctx);

    (void)why;
    lemmy__request(ctx,
                   req,
                   HTTP_GET,
                   "/api/v3/user?person_id=%lld&sort=New&limit=%d&page=%s",
                   (long long)record_int(lemmy__site(ctx), "person_id"),
                   PAGE_SIZE,
                   page ? page : "1");
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

struct verdict lemmy__read_list(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "posts");
    bool older = false;
    struct verdict v;
    char next[24];

    if (!json_is_array(list)) {
        v = lemmy__trouble(res, false);
    } else if (!find_ours(ctx, list, &older, &v)) {
        (void)snprintf(
            next, sizeof next, "%lld", (long long)record_int(ctx->record, "look_pages") + 2);
        v = look_further(ctx, "list_own", next, older || json_array_size(list) == 0);
    }
    json_decref(body);
    return v;
}
