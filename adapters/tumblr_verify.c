/* Whose token this is, and whether our post stands after an outcome nobody knows. Courses verify and test. Tumblr has
 * no key to repeat a request by; the blog's own list is read, newest first, and a post with our slug, or with a
 * card that leads to the article, is ours. */

#include "adapters/tumblr_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"

#define PAGE_SIZE 20 /* the most Tumblr gives at once */

static const struct step any_step = {.repeatable = true};

/* ---- the blog's list ---- */

enum err_code
tumblr__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *from = look_from(ctx);

    (void)why;
    tumblr__request(ctx,
                    req,
                    HTTP_GET,
                    "/v2/blog/%s/posts?npf=true&limit=%d%s%s",
                    tumblr__settings(ctx)->blog,
                    PAGE_SIZE,
                    from ? "&offset=" : "",
                    from ? from : "");
    return ERR_NONE;
}

static const char *card_of(const json_t *post)
{
    json_t *block;
    size_t i;

    json_array_foreach(json_object_get(post, "content"), i, block)
    {
        const char *type = json_path_str(block, "type");

        if (type && strcmp(type, "link") == 0) {
            return json_path_str(block, "url");
        }
    }
    return json_path_str(post, "source_url");
}

static bool has_our_slug(const struct step_ctx *ctx, const json_t *post)
{
    const char *ours = post_str(ctx, "slug"), *theirs = json_path_str(post, "slug");

    return ours && theirs && *ours && strcmp(ours, theirs) == 0;
}

static struct verdict found(struct step_ctx *ctx, const struct look_post *post)
{
    static const char *const kept[] = {
        "title", "text", "description", "slug", "media_off", NULL};
    struct verdict v = look_found(ctx, post, kept);

    if (v.kind == VERDICT_DONE) {
        tumblr__set_post(ctx, post->id);
    }
    return v;
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *list)
{
    int64_t pages = record_int(ctx->record, "look_pages") + 1;
    bool reached = json_array_size(list) < PAGE_SIZE;
    char id[TUMBLR_ID_BYTES], from[24];
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct look_post post = {.id = tumblr__id_of(one, id),
                                 .link = card_of(one),
                                 .at_ms = record_int(one, "timestamp") * MS_SECOND};

        /* A pinned post stands first, however old: only one behind it says how far back this goes. */
        reached = reached || (i > 0 && look_is_too_old(ctx, &post));
        if (post.id && !look_is_too_old(ctx, &post) &&
            (has_our_slug(ctx, one) || look_is_ours(ctx, &post))) {
            return found(ctx, &post);
        }
    }
    (void)snprintf(from, sizeof from, "%lld", (long long)pages * PAGE_SIZE);
    return look_further(ctx, "find_post", from, reached);
}

struct verdict tumblr__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *list = json_path(body, "response", "posts", NULL);
    struct verdict v =
        json_is_array(list) ? look_through(ctx, list) : tumblr__trouble(&any_step, res);

    json_decref(body);
    return v;
}

/* ---- the course test ---- */

enum err_code
tumblr__build_test(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    tumblr__request(ctx, req, HTTP_GET, "/v2/user/info");
    return ERR_NONE;
}

/* A blog is known by its name, its host, or its uuid. */
static bool is_blog(const json_t *blog, const char *wanted)
{
    const char *name = json_path_str(blog, "name"), *url = json_path_str(blog, "url");
    const char *uuid = json_path_str(blog, "uuid");
    size_t len = name ? strlen(name) : 0;

    return (name && strncasecmp(wanted, name, len) == 0 &&
            (wanted[len] == '\0' || strcasecmp(wanted + len, ".tumblr.com") == 0)) ||
           (uuid && strcmp(uuid, wanted) == 0) || (url && strcasestr(url, wanted));
}

struct verdict tumblr__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    const char *wanted = tumblr__settings(ctx)->blog;
    json_t *body = res->status == 200 ? http_json(res) : NULL, *blog;
    const json_t *user = json_path(body, "response", "user", NULL);
    const char *name = json_path_str(user, "name");
    struct verdict v = tumblr__trouble(&any_step, res);
    size_t i;

    if (user) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "signed in as %.60s, who has no blog %.80s",
                         name ? name : "?",
                         wanted);
    }
    json_array_foreach(json_object_get(user, "blogs"), i, blog)
    {
        if (is_blog(blog, wanted)) {
            v = verdict_make(
                VERDICT_DONE, SCOPE_POST, 0, "signed in as %.60s", name ? name : "?");
        }
    }
    json_decref(body);
    return v;
}
