/* Whose token this is, and whether our post stands after an outcome nobody knows: the page's newest posts are
 * looked through for one that links the article or says what we sent. Courses verify and test. Pure. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/facebook_internal.h"
#include "adapters/look.h"
#include "adapters/record.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/url.h"

#define LIST_LIMIT 25
#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)

static const struct step looking = {.name = "looking", .repeatable = true};

void facebook__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...)
{
    const struct facebook_settings *s = facebook__settings(ctx);
    va_list args;

    va_start(args, path_format);
    graph_vrequest(req, method, s->api, ctx->token ? ctx->token : "", path_format, args);
    va_end(args);
    graph_prove(req, &s->oauth.client_secret, ctx->token);
}

/* Behind the last "/" of a path, and whether that is one below /posts/. */
static const char *last_part(const struct url_parts *url, size_t *len, bool *is_post)
{
    const char *end = url->path + url->path_len, *last = end;

    while (last > url->path && last[-1] != '/') {
        last--;
    }
    *len = (size_t)(end - last);
    *is_post = last - url->path >= 7 && strncmp(last - 7, "/posts/", 7) == 0;
    return last;
}

/* …/PAGE/posts/123, …/videos/123, …/permalink.php?story_fbid=123&id=456, or www.facebook.com/456_123. */
static bool
id_in_link(const struct facebook_settings *s, const char *link, char out[GRAPH_ID_BYTES])
{
    struct url_parts url;
    struct buf story, page;
    bool is_post;
    size_t len;
    const char *last;

    if (!link || !url_parse(&url, link) || url.host_len < 12 ||
        strncasecmp(url.host + url.host_len - 12, "facebook.com", 12) != 0) {
        return false;
    }
    buf_init(&story, GRAPH_ID_BYTES);
    buf_init(&page, GRAPH_ID_BYTES);
    last = last_part(&url, &len, &is_post);
    if (url.query && url_query_get(&story, url.query, url.query_len, "story_fbid") &&
        url_query_get(&page, url.query, url.query_len, "id")) {
        (void)snprintf(out, GRAPH_ID_BYTES, "%.30s_%.30s", buf_str(&page), buf_str(&story));
    } else if (is_post) {
        (void)snprintf(out, GRAPH_ID_BYTES, "%.30s_%.*s", s->page_id, (int)len, last);
    } else {
        (void)snprintf(out, GRAPH_ID_BYTES, "%.*s", (int)len, last);
    }
    buf_done(&page);
    buf_done(&story);
    return graph_is_id(out);
}

const char *facebook__post_id(const struct facebook_settings *s,
                              const char *remote_id,
                              const char *link,
                              char out[GRAPH_ID_BYTES])
{
    if (graph_is_id(remote_id)) {
        (void)snprintf(out, GRAPH_ID_BYTES, "%s", remote_id);
        return out;
    }
    return id_in_link(s, remote_id, out) || id_in_link(s, link, out) ? out : NULL;
}

/* ---- verify ---- */

enum err_code
facebook__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    facebook__request(ctx,
                      req,
                      HTTP_GET,
                      "/%s/published_posts?fields=id,created_time,message,permalink_url,"
                      "attachments{unshimmed_url,url}&limit=%d",
                      facebook__settings(ctx)->page_id,
                      LIST_LIMIT);
    graph_query(req, "after", look_from(ctx));
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

static struct look_post read_listed(const json_t *listed)
{
    const char *id = record_str(listed, "id");
    struct look_post post = {.id = graph_is_id(id) ? id : NULL,
                             .url = record_str(listed, "permalink_url"),
                             .text = record_str(listed, "message")};

    if (!graph_time(record_str(listed, "created_time"), &post.at_ms)) {
        post.at_ms = 0;
    }
    return post;
}

/* By its text, or by what one of its attachments leads to. */
static bool is_ours(const struct step_ctx *ctx, struct look_post post, const json_t *listed)
{
    json_t *one;
    size_t i;

    if (look_is_ours(ctx, &post)) {
        return true;
    }
    json_array_foreach(json_path(listed, "attachments", "data", NULL), i, one)
    {
        const char *to = record_str(one, "unshimmed_url");

        post.link = to ? to : record_str(one, "url");
        if (look_is_ours(ctx, &post)) {
            return true;
        }
    }
    return false;
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *body, const json_t *list)
{
    static const char *const kept[] = {"text", "kind", "photos", NULL};
    const char *after = json_string_value(json_path(body, "paging", "cursors", "after", NULL));
    bool reached = json_array_size(list) < LIST_LIMIT;
    json_t *listed;
    size_t i;

    json_array_foreach(list, i, listed)
    {
        struct look_post post = read_listed(listed);

        if (look_is_too_old(ctx, &post)) {
            reached = true;
        } else if (is_ours(ctx, post, listed)) {
            return look_found(ctx, &post, kept);
        }
    }
    return look_further(ctx, "find_post", after, reached);
}

struct verdict facebook__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_object_get(body, "data");
    struct verdict v =
        json_is_array(list) ? look_through(ctx, body, list) : facebook__trouble(&looking, res);

    json_decref(body);
    return v;
}

/* ---- test ---- */

enum err_code
facebook__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    facebook__request(ctx, req, HTTP_GET, "/me?fields=id,name");
    return ERR_NONE;
}

static struct verdict signed_in(const struct step_ctx *ctx, const char *name)
{
    int64_t ends_ms = record_int(ctx->grant, "data_access_expires_at_ms");
    char day[TIME_TEXT_BYTES];

    if (ends_ms <= 0) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in for the page %.100s", name);
    }
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "signed in for the page %.100s; sign in again before %.10s, when the "
                        "person's consent ends",
                        name,
                        time_rfc3339(ends_ms, day));
}

struct verdict facebook__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    const char *page_id = facebook__settings(ctx)->page_id;
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "name");
    char id[GRAPH_ID_BYTES];
    struct verdict v;

    if (!name || !graph_answer_id(res, "id", id)) {
        v = facebook__trouble(&looking, res);
    } else if (strcmp(id, page_id) != 0) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "the token is of %.80s (%s), not of the page %.40s: a person's token "
                         "does not post for a page, `crier keys login` gets the page's",
                         name,
                         id,
                         page_id);
    } else {
        v = signed_in(ctx, name);
    }
    json_decref(body);
    return v;
}
