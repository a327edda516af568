/* Our post in the account's own list: after an outcome nobody knows (course verify), and where a link was
 * refused because it is there already (course publish). */

#include "adapters/reddit_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"

#define PAGE_SIZE 100 /* the most it gives at once */
#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PAGE_BYTES_MAX 4096

enum err_code
reddit__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *after = look_from(ctx);

    (void)why;
    reddit__request(ctx,
                    req,
                    HTTP_GET,
                    "/user/%s/submitted?sort=new&limit=%d&raw_json=1%s%s",
                    reddit__settings(ctx)->username,
                    PAGE_SIZE,
                    after ? "&after=" : "",
                    after ? after : "");
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

static bool is_there(const struct step_ctx *ctx, const json_t *data)
{
    const char *community = record_str(data, "subreddit");

    return community && strcasecmp(community, reddit__settings(ctx)->subreddit) == 0 &&
           !record_str(data, "removed_by_category");
}

static struct look_post post_of(const json_t *data, struct buf *page)
{
    const char *permalink = record_str(data, "permalink");
    double at_s = json_number_value(json_object_get(data, "created_utc"));

    buf_clear(page);
    if (permalink && permalink[0] == '/') {
        buf_addf(page, "https://www.reddit.com%s", permalink);
    }
    return (struct look_post){
        .id = record_str(data, "name"),
        .url = page->len > 0 && buf_ok(page) ? buf_str(page) : NULL,
        .link = record_str(data, "url"),
        .text = record_str(data, "selftext"),
        .at_ms = at_s > 0 && at_s < 1e11 ? (int64_t)at_s * MS_SECOND : 0,
    };
}

/* When it was refused because it is there, its age does not matter: there is no other. */
static struct verdict take_found(struct step_ctx *ctx, struct look_post *post)
{
    static const char *const kept[] = {"title", "text", NULL};

    if (ctx->course == COURSE_PUBLISH) {
        post->at_ms = 0;
    }
    return look_found(ctx, post, kept);
}

static bool
find_ours(struct step_ctx *ctx, const json_t *children, bool *older, struct verdict *out)
{
    char name[REDDIT_NAME_BYTES];
    struct look_post post;
    bool found = false;
    struct buf page;
    json_t *one;
    size_t i;

    buf_init(&page, PAGE_BYTES_MAX);
    json_array_foreach(children, i, one)
    {
        const json_t *data = json_object_get(one, "data");

        post = post_of(data, &page);
        *older = *older || look_is_too_old(ctx, &post);
        if (!found && is_there(ctx, data) && reddit__post_name(post.id, NULL, name) &&
            (ctx->course == COURSE_PUBLISH || !look_is_too_old(ctx, &post)) &&
            look_is_ours(ctx, &post)) {
            found = true;
            *out = take_found(ctx, &post);
        }
    }
    buf_done(&page);
    return found;
}

/* Somebody else has posted it: the link is there, and Reddit takes it once. */
static struct verdict posted_by_another(void)
{
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "somebody else has posted this link there already; theirs cannot be "
                        "changed or taken back by us");
}

struct verdict reddit__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *children = json_path(body, "data", "children", NULL);
    const char *after = record_str(json_object_get(body, "data"), "after");
    char next[REDDIT_NAME_BYTES];
    bool older = false;
    struct verdict v;

    if (!json_is_array(children)) {
        v = reddit__trouble(res, false);
    } else if (!find_ours(ctx, children, &older, &v)) {
        v = look_further(ctx,
                         "find_post",
                         reddit__post_name(after, NULL, next),
                         !after || (older && ctx->course != COURSE_PUBLISH));
        if (ctx->course == COURSE_PUBLISH && v.kind != VERDICT_NEXT) {
            v = posted_by_another();
        }
    }
    json_decref(body);
    return v;
}
