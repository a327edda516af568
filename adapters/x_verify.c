/* Whose credentials these are, and whether our post stands after an outcome nobody knows. Courses verify and
 * test, and the look of an update. The account's own list is read, newest first, from a while before the
 * delivery was made: a post that says word for word what we sent, or links the article, is ours. X shortens
 * every link in the text and tells beside it where it leads. */

#include "adapters/x_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

/* Every post of the answer costs a tenth of a cent. */
#define PAGE_SIZE 20
#define PAGES_MAX 5
#define TEXT_BYTES_MAX ((size_t)256 * 1024)

void x__set_post(struct step_ctx *ctx, const char *id)
{
    const char *handle = record_str(ctx->account, "handle");
    char *url = handle ? mem_printf("https://x.com/%s/status/%s", handle, id)
                       : mem_printf("https://x.com/i/web/status/%s", id);

    post_set(ctx, id, url);
    mem_free(url);
}

/* ---- whose they are ---- */

enum err_code x__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    x__request(ctx, req, HTTP_GET, "/2/users/me");
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

static bool is_handle(const char *text)
{
    size_t len =
        text ? strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
             : 0;

    return len > 0 && len <= 50 && text[len] == '\0';
}

struct verdict x__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *data = json_path(body, "data", NULL);
    const char *id = json_path_str(data, "id"), *handle = json_path_str(data, "username");

    if (!x__is_id(id)) {
        json_decref(body);
        return x__trouble(ctx, &any_step, res);
    }
    json_set_str(ctx->account, "id", id);
    if (is_handle(handle)) {
        json_set_str(ctx->account, "handle", handle);
    }
    json_decref(body);
    return verdict_next();
}

enum err_code x__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    return x__build_whoami(ctx, req, why);
}

struct verdict x__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = x__read_whoami(ctx, res);
    const char *handle = record_str(ctx->account, "handle");

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%s", handle ? handle : "?");
}

/* ---- the list ---- */

void x__build_list(struct step_ctx *ctx, struct http_request *req)
{
    const char *page = record_str(ctx->record, "next_page");
    char since[TIME_TEXT_BYTES];
    struct buf more;

    buf_init(&more, 1024);
    buf_adds(&more, time_rfc3339_seconds(ctx->created_at_ms - ADAPTER_CLOCK_WRONG_MS, since));
    if (page) {
        buf_adds(&more, "&pagination_token=");
        url_encode(&more, page);
    }
    x__request(ctx,
               req,
               HTTP_GET,
               "/2/users/%s/tweets?max_results=%d&exclude=retweets&"
               "post.fields=created_at,entities,note_post&start_time=%s",
               record_str(ctx->account, "id"),
               PAGE_SIZE,
               buf_str(&more));
    buf_done(&more);
    x__sign(ctx, req, NULL);
}

/* What a link of a post leads to. */
static const char *target(const json_t *link)
{
    const char *to = json_path_str(link, "expanded_url");

    return to ? to : json_path_str(link, "unwound_url");
}

static bool is_media_link(const char *to)
{
    return to && strstr(to, "/status/") && (strstr(to, "/photo/") || strstr(to, "/video/"));
}

/* Text with its short links made long again; those to its own pictures are dropped. */
static void lengthen(struct buf *out, const char *text, const json_t *links)
{
    while (*text) {
        const char *found = NULL;
        size_t found_len = 0, i;
        json_t *link;

        json_array_foreach(links, i, link)
        {
            const char *brief = json_path_str(link, "url");
            size_t len = brief ? strlen(brief) : 0;

            if (len > found_len && strncmp(text, brief, len) == 0) {
                found = target(link);
                found_len = found ? len : 0;
            }
        }
        if (found_len > 0) {
            buf_adds(out, is_media_link(found) ? "" : found);
            text += found_len;
        } else {
            buf_addc(out, *text++);
        }
    }
}

/* Entities decoded, blanks folded: what two texts are compared by. X escapes "&", "<" and ">" alone. */
static void plain(struct buf *out, const char *text)
{
    struct buf decoded;

    buf_init(&decoded, TEXT_BYTES_MAX);
    while (*text) {
        size_t len = *text == '&' ? text_entity(&decoded, text, strlen(text)) : 0;

        if (len == 0) {
            buf_addc(&decoded, *text);
            len = 1;
        }
        text += len;
    }
    text_collapse(out, buf_str(&decoded), decoded.len);
    buf_done(&decoded);
}

static bool says(const json_t *post, const char *sent)
{
    const json_t *whole = json_object_get(post, "note_post");
    const char *text = json_path_str(whole ? whole : post, "text");
    const json_t *links = json_path(whole ? whole : post, "entities", "urls", NULL);
    struct buf longer, a, b;
    bool same;

    if (!text || !sent || !*sent) {
        return false;
    }
    buf_init(&longer, TEXT_BYTES_MAX);
    buf_init(&a, TEXT_BYTES_MAX);
    buf_init(&b, TEXT_BYTES_MAX);
    lengthen(&longer, text, links);
    plain(&a, buf_str(&longer));
    text_collapse(&b, sent, strlen(sent));
    same = buf_ok(&longer) && a.len > 0 && strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_done(&b);
    buf_done(&a);
    buf_done(&longer);
    return same;
}

static bool links_article(const struct step_ctx *ctx, const json_t *post)
{
    json_t *link;
    size_t i;

    json_array_foreach(json_path(post, "entities", "urls", NULL), i, link)
    {
        const char *to = json_path_str(link, "expanded_url");
        const char *end = json_path_str(link, "unwound_url");

        if ((to && (strcmp(to, ctx->link) == 0 || strcmp(to, ctx->article->url) == 0)) ||
            (end && strcmp(end, ctx->link) == 0)) {
            return true;
        }
    }
    return false;
}

/* A post of before this delivery: an update must not take it for its own. */
static bool stood_before(const struct step_ctx *ctx, const char *id)
{
    const char *own = post_id(ctx);
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(ctx->post, "standing"), i, one)
    {
        if (strcmp(json_string_value(one), id) == 0) {
            return true;
        }
    }
    return own && strcmp(own, id) == 0;
}

static bool is_ours(const struct step_ctx *ctx, const json_t *post, bool strict)
{
    const char *text = record_str(ctx->record, "text");

    if (strict) {
        return !stood_before(ctx, json_path_str(post, "id")) && says(post, text);
    }
    return links_article(ctx, post) || says(post, text ? text : post_str(ctx, "text"));
}

static bool is_older(const struct step_ctx *ctx, const json_t *post)
{
    const char *created = json_path_str(post, "created_at");
    int64_t at_ms;

    return created && time_parse_rfc3339(created, strlen(created), &at_ms) &&
           at_ms < ctx->created_at_ms - ADAPTER_CLOCK_DIFFERENCE_MS;
}

static enum x_found go_further(struct step_ctx *ctx, const json_t *body)
{
    const char *next = json_path_str(json_object_get(body, "meta"), "next_token");
    int64_t pages = record_int(ctx->record, "pages") + 1;

    if (!next || pages >= PAGES_MAX) {
        return X_NOT_HERE;
    }
    record_set_int(ctx->record, "pages", pages);
    json_set_str(ctx->record, "next_page", next);
    return X_MORE_PAGES;
}

enum x_found x__read_list(struct step_ctx *ctx,
                          const struct http_response *res,
                          bool strict,
                          char out[X_ID_BYTES])
{
    json_t *body = res->status == 200 ? http_json(res) : NULL, *post;
    const json_t *list = json_object_get(body, "data");
    enum x_found found = X_UNREADABLE;
    size_t i;

    json_array_foreach(list, i, post)
    {
        const char *id = json_path_str(post, "id");

        if (x__is_id(id) && is_ours(ctx, post, strict)) {
            (void)snprintf(out, X_ID_BYTES, "%s", id);
            found = is_older(ctx, post) ? X_FOUND_OLDER : X_FOUND;
            break;
        }
    }
    /* An empty list has no `data`, but says that it is empty. */
    if (found == X_UNREADABLE && json_is_object(json_object_get(body, "meta"))) {
        found = go_further(ctx, body);
    }
    json_decref(body);
    return found;
}

/* ---- the course verify ---- */

enum err_code x__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!x__is_id(record_str(ctx->account, "id"))) {
        return err_set(why, ERR_NOT_FOUND, "the id of the account is not known");
    }
    x__build_list(ctx, req);
    return ERR_NONE;
}

static struct verdict end_find(struct step_ctx *ctx, struct verdict v)
{
    record_drop(ctx->record, "pages");
    record_drop(ctx->record, "next_page");
    return v;
}

static struct verdict found_ours(struct step_ctx *ctx, const char *id)
{
    static const char *const kept[] = {"text", "pictures", "video", NULL};

    record_keep(ctx, kept);
    x__note_standing(ctx, id, false);
    record_set_int(ctx->record, "posted_at_ms", ctx->created_at_ms);
    x__set_post(ctx, id);
    return end_find(ctx, verdict_done());
}

struct verdict x__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    int64_t pages = record_int(ctx->record, "pages") + 1;
    char id[X_ID_BYTES];
    struct verdict v;

    switch (x__read_list(ctx, res, false, id)) {
    case X_FOUND:
        return found_ours(ctx, id);
    case X_FOUND_OLDER:
        return end_find(
            ctx, verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "%s", ADAPTER_SEEMS_OLDER));
    case X_MORE_PAGES:
        return verdict_jump("find_post");
    case X_NOT_HERE:
        if (pages < PAGES_MAX && look_is_too_soon(ctx, &v)) {
            return end_find(ctx, v);
        }
        return end_find(
            ctx,
            pages >= PAGES_MAX
                ? verdict_make(VERDICT_UNKNOWN,
                               SCOPE_POST,
                               0,
                               "the account has posted too much since to look through")
                : verdict_make(
                      VERDICT_ABSENT, SCOPE_POST, 0, "the account's list holds no such post"));
    case X_UNREADABLE:
        break;
    }
    return x__trouble(ctx, &any_step, res);
}
