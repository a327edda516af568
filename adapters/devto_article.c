/* Requests to dev.to (or another Forem), and what its answers mean. All steps of the adapter.
 *
 * The server takes no title twice within five minutes. That is what makes a repeat harmless: whatever
 * was lost, the same request within four of them makes nothing new, and the refusal leads to a look in the
 * account's own list (list_own). Later the list is looked through first. */

#include "adapters/devto_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/fit.h"
#include "adapters/look.h"
#include "adapters/markdown.h"
#include "adapters/picture.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define GUARD "already been used in the last five minutes"
#define GUARD_MS (5 * MS_MINUTE)
#define RATE_WAIT_MS (30 * MS_SECOND) /* the window of its limits */
#define TAG_BYTES_MAX 30
#define PAGE_SIZE 30
#define SAID_BYTES_MAX 4096
#define LIST_BYTES_MAX ((size_t)16 * 1024 * 1024) /* with the whole text of each */

// clang-format off
static const struct trouble_row rows[] = {
    {401, NULL, VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {403, NULL, VERDICT_BLOCKED,  SCOPE_CHANNEL, NULL},
    {404, NULL, VERDICT_REJECTED, SCOPE_POST,    NULL},
    {422, NULL, VERDICT_REJECTED, SCOPE_POST,    NULL},
    {429, NULL, VERDICT_AGAIN,    SCOPE_CHANNEL, NULL},
    TROUBLE_END,
};
// clang-format on

static void
set_request(const struct step_ctx *ctx, struct http_request *req, enum http_method method)
{
    req->method = method;
    http_set_header(req, "api-key", devto__settings(ctx)->api_key.text);
    http_set_header(req, "Accept", "application/vnd.forem.api-v1+json");
}

static struct verdict trouble(const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    json_t *body = http_json(res); /* not JSON: a guard in front of it, for 429 and 5xx too */
    int64_t wait_ms = http_retry_after_ms(res);
    struct verdict v;
    struct buf said;

    buf_init(&said, SAID_BYTES_MAX);
    trouble_say(&said, body, "error", "message");
    wait_ms = wait_ms > 0 ? wait_ms : RATE_WAIT_MS;
    if (!body && trouble_is_page(res) && res->status != 429 && res->status != 401) {
        v = trouble_from_page(&any_step, res);
    } else if (!trouble_match(rows, res->status, buf_str(&said), wait_ms, &v)) {
        v = trouble_from_status(&any_step, res);
    }
    buf_done(&said);
    json_decref(body);
    return v;
}

/* ---- the article ---- */

/* A tag as the server takes it: small letters and digits, nothing else. */
static bool add_tag(json_t *tags, const char *word)
{
    char tag[TAG_BYTES_MAX + 1];
    size_t len = 0;

    for (; *word && len < TAG_BYTES_MAX; word++) {
        char c = *word >= 'A' && *word <= 'Z' ? (char)(*word - 'A' + 'a') : *word;

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            tag[len++] = c;
        } else if (c & 0x80) {
            return false; /* half a word is another word */
        }
    }
    tag[len] = '\0';
    for (size_t i = 0; i < json_array_size(tags); i++) {
        if (strcmp(json_string_value(json_array_get(tags, i)), tag) == 0) {
            return false;
        }
    }
    return len > 0 && json_array_append_new(tags, json_string(tag)) == 0;
}

static void add_tags(json_t *tags, const struct strings *words)
{
    for (size_t i = 0; i < words->count && json_array_size(tags) < DEVTO_TAGS_MAX; i++) {
        (void)add_tag(tags, words->v[i]);
    }
}

static json_t *tags_of(const struct step_ctx *ctx)
{
    const struct devto_settings *s = devto__settings(ctx);
    json_t *tags = json_array();

    if (s->tags.count > 0) {
        add_tags(tags, &s->tags);
    } else {
        add_tags(tags, &ctx->article->tags);
        add_tags(tags, &ctx->article->categories);
    }
    return tags;
}

static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct devto_settings *s = devto__settings(ctx);
    enum err_code rc = fit_record(
        ctx, "title", s->title, &devto__limits[DEVTO_LIMIT_TITLE], mustache_escape_none, why);

    rc = rc ? rc
            : fit_record(
                  ctx, "text", s->text, &devto__limits[DEVTO_LIMIT_TEXT], markdown_escape, why);
    return rc ? rc
              : fit_record(ctx,
                           "description",
                           s->description,
                           &devto__limits[DEVTO_LIMIT_DESCRIPTION],
                           mustache_escape_none,
                           why);
}

static void set_article(const struct step_ctx *ctx, json_t *article)
{
    const struct devto_settings *s = devto__settings(ctx);
    const char *description = record_str(ctx->record, "description");

    json_set_str(article, "title", record_str(ctx->record, "title"));
    json_set_str(article, "body_markdown", record_str(ctx->record, "text"));
    json_set_str(article, "canonical_url", ctx->article->url);
    if (description && *description) {
        json_set_str(article, "description", description);
    }
    (void)json_object_set_new(article, "tags", tags_of(ctx));
    if (s->media == DEVTO_MEDIA_AUTO) {
        json_set_str(article, "main_image", picture_url(ctx));
    }
    json_set_str(article, "series", s->series);
    if (s->organization_id > 0) {
        record_set_int(article, "organization_id", s->organization_id);
    }
}

static void set_body(struct http_request *req, json_t *article_taken)
{
    json_t *body = json_object();

    (void)json_object_set_new(body, "article", article_taken);
    http_set_json(req, body);
    json_decref(body);
}

enum err_code
devto__build_create(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_texts(ctx, why);
    json_t *article;

    if (rc) {
        return rc;
    }
    set_request(ctx, req, HTTP_POST);
    http_set_url_below(req, devto__settings(ctx)->api, "/articles");
    article = json_object();
    set_article(ctx, article);
    (void)json_object_set_new(
        article, "published", json_boolean(devto__settings(ctx)->published));
    set_body(req, article);
    return ERR_NONE;
}

int64_t devto__number(const char *remote_id)
{
    int64_t number = 0;

    return remote_id && parse_i64(remote_id, &number) && number > 0 ? number : 0;
}

static MUST_USE enum err_code build_change(struct step_ctx *ctx,
                                           struct http_request *req,
                                           json_t *article_taken,
                                           struct err *why)
{
    int64_t number = devto__number(post_id(ctx));

    if (number <= 0) {
        json_decref(article_taken);
        return err_set(why, ERR_NOT_FOUND, "the number of the article is not known");
    }
    set_request(ctx, req, HTTP_PUT);
    http_set_url_below(req, devto__settings(ctx)->api, "/articles/%lld", (long long)number);
    set_body(req, article_taken);
    return ERR_NONE;
}

/* `published` stays as it is: what a person has unpublished there is not published by a correction. */
enum err_code devto__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_texts(ctx, why);
    json_t *article;

    if (rc) {
        return rc;
    }
    article = json_object();
    set_article(ctx, article);
    return build_change(ctx, req, article, why);
}

enum err_code
devto__build_unpublish(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *article = json_object();

    (void)json_object_set_new(article, "published", json_false());
    return build_change(ctx, req, article, why);
}

/* ---- answers ---- */

/* An article of an answer, and its number as text in id. False: it is none. */
static bool read_article(const json_t *article, struct look_post *out, struct buf *id)
{
    int64_t number = record_int(article, "id");
    const char *at = record_str(article, "published_at");

    if (number <= 0) {
        return false;
    }
    buf_clear(id);
    buf_addf(id, "%lld", (long long)number);
    *out = (struct look_post){
        .id = buf_str(id),
        .url = record_str(article, "url"),
        .link = record_str(article, "canonical_url"),
        .at_ms = look_time(at ? at : record_str(article, "created_at")),
    };
    return true;
}

static bool is_guarded(const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *error = record_str(body, "error");
    bool guarded = res->status == 422 && error && strcasestr(error, GUARD);

    json_decref(body);
    return guarded;
}

static struct verdict
read_saved(struct step_ctx *ctx, const struct http_response *res, int status)
{
    json_t *body = res->status == status ? http_json(res) : NULL;
    struct verdict v = verdict_done();
    struct look_post post;
    struct buf id;

    buf_init(&id, 32);
    if (read_article(body, &post, &id)) {
        post_set(ctx, post.id, post.url);
    } else {
        v = trouble(res);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "description");
    }
    buf_done(&id);
    json_decref(body);
    return v;
}

struct verdict devto__read_create(struct step_ctx *ctx, const struct http_response *res)
{
    if (is_guarded(res)) {
        struct verdict v = verdict_jump("list_own");

        v.maybe_public = true; /* of an earlier request of ours; the list will tell */
        return v;
    }
    return read_saved(ctx, res, 201);
}

struct verdict devto__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    return read_saved(ctx, res, 200);
}

struct verdict devto__read_unpublish(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool gone = record_int(body, "id") > 0 || (res->status == 404 && !trouble_is_page(res));

    (void)ctx;
    json_decref(body);
    return gone ? verdict_done() : trouble(res);
}

/* ---- the look ---- */

enum err_code devto__build_list(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *page = look_from(ctx);

    (void)why;
    set_request(ctx, req, HTTP_GET);
    http_set_url_below(req,
                       devto__settings(ctx)->api,
                       "/articles/me/all?per_page=%d&page=%s",
                       PAGE_SIZE,
                       page ? page : "1");
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

static bool
find_ours(struct step_ctx *ctx, const json_t *list, bool *older, struct verdict *out)
{
    static const char *const kept[] = {"title", "text", "description", NULL};
    struct look_post post;
    bool found = false;
    struct buf id;
    json_t *one;
    size_t i;

    buf_init(&id, 32);
    json_array_foreach(list, i, one)
    {
        if (found || !read_article(one, &post, &id)) {
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

/* Not there, and yet refused as a repeat: another article of the account has this title. */
static struct verdict title_in_use(void)
{
    struct verdict v = verdict_make(VERDICT_AGAIN,
                                    SCOPE_POST,
                                    GUARD_MS,
                                    "another article had this title within five minutes");

    v.jump = "create_article";
    return v;
}

struct verdict devto__read_list(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    bool older = false;
    struct verdict v;
    char next[24];

    if (!json_is_array(list)) {
        v = trouble(res);
    } else if (!find_ours(ctx, list, &older, &v)) {
        (void)snprintf(
            next, sizeof next, "%lld", (long long)record_int(ctx->record, "look_pages") + 2);
        v = look_further(ctx, "list_own", next, older || json_array_size(list) < PAGE_SIZE);
    }
    if (v.kind == VERDICT_ABSENT && ctx->course == COURSE_PUBLISH) {
        v = title_in_use();
    }
    json_decref(list);
    return v;
}

/* ---- whose key this is ---- */

enum err_code
devto__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    set_request(ctx, req, HTTP_GET);
    http_set_url_below(req, devto__settings(ctx)->api, "/users/me");
    return ERR_NONE;
}

struct verdict devto__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");
    struct verdict v = name
                           ? verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%s", name)
                           : trouble(res);

    (void)ctx;
    json_decref(body);
    return v;
}
