/* What a post on Instagram is made of: which pictures or video, the caption, the members of a container;
 * and what Instagram's refusals mean. Called by instagram.c's courses and by container.c. Pure.
 *
 * Sources: …/instagram-platform/instagram-graph-api/reference/ig-user/media and …/reference/error-codes of
 * https://developers.facebook.com/docs, 2 June 2026. */

#include <string.h>

#include "adapters/fit.h"
#include "adapters/instagram_internal.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define ITEMS_MAX 10
#define ONLY_JPEG "Instagram takes JPEG only; or a permission is missing"

// clang-format off
#define NEW     ((enum graph_means)CONTAINER_NEW)
#define WAIT    ((enum graph_means)CONTAINER_NOT_READY)
#define UNSEEN  ((enum graph_means)CONTAINER_NOT_SEEN)
#define FETCH   ((enum graph_means)CONTAINER_FETCH)
static const struct graph_row rows[] = {
    /* to be tried again */
    {-1,    2207001, NULL, GRAPH_UNCLEAR, 0, NULL},
    {-1,    2207032, NULL, GRAPH_UNCLEAR, 0, NULL},
    {-1,    2207053, NULL, NEW,           0, NULL},
    {-2,    2207020, NULL, NEW,           0, NULL}, /* the media have expired */
    {24,    2207006, NULL, NEW,           0, NULL},
    {24,    2207008, NULL, UNSEEN,        0, NULL},
    {9007,  2207027, NULL, WAIT,          0, NULL},
    {0,     2207003, NULL, FETCH,         0, "fetching it took too long"},
    {0,     2207052, NULL, FETCH,         0, NULL},
    {0,     2207082, NULL, FETCH,         0, NULL},
    {9004,  0,       NULL, FETCH,         0, NULL},
    /* The window rolls: what is left is asked for again within the hour. */
    {9,     2207042, NULL, GRAPH_THROTTLED, MS_HOUR, "the account has posted all that Instagram allows in 24 hours"},
    {0,     2207042, NULL, GRAPH_THROTTLED, MS_HOUR, "the account has posted all that Instagram allows in 24 hours"},
    {0,     2207051, NULL, GRAPH_PAUSED, MS_DAY, "Instagram takes this for spam: post by hand for a day and look into the account's status"},
    {0,     2207085, NULL, GRAPH_LATER, 15 * MS_MINUTE, "a fault of Instagram's own: delete it in the app"},
    /* the account */
    {25,    2207050, NULL, GRAPH_BROKEN, 0, "the account is restricted: open Instagram's app and follow what it says"},
    {0,     2207050, NULL, GRAPH_BROKEN, 0, "the account is restricted: open Instagram's app and follow what it says"},
    {0,     0, "not an Instagram Business", GRAPH_BROKEN, 0, "turn it into a professional account in Instagram's app"},
    /* the article */
    {36000, 2207004, NULL, GRAPH_REFUSED, 0, "the picture is larger than 8 MB"},
    {36001, 2207005, NULL, GRAPH_REFUSED, 0, ONLY_JPEG},
    {0,     2207005, NULL, GRAPH_REFUSED, 0, ONLY_JPEG},
    {36003, 2207009, NULL, GRAPH_REFUSED, 0, "pictures must be from 4:5 to 1.91:1"},
    {0,     2207009, NULL, GRAPH_REFUSED, 0, "pictures must be from 4:5 to 1.91:1"},
    {36004, 2207010, NULL, GRAPH_REFUSED, 0, "the caption is too long"},
    {100,   2207023, NULL, GRAPH_REFUSED, 0, NULL}, /* an unknown kind of media */
    {0,     2207028, NULL, GRAPH_REFUSED, 0, "a carousel has 2 to 10 pictures"},
    {352,   2207026, NULL, GRAPH_REFUSED, 0, "videos must be MP4 or MOV"},
    {0,     2207026, NULL, GRAPH_REFUSED, 0, "videos must be MP4 or MOV"},
    {1,     2207057, NULL, GRAPH_REFUSED, 0, NULL}, /* the thumbnail's offset */
    {0,     2207035, NULL, GRAPH_REFUSED, 0, NULL}, /* tags of products */
    {0,     2207036, NULL, GRAPH_REFUSED, 0, NULL},
    {0,     2207037, NULL, GRAPH_REFUSED, 0, NULL},
    {0,     2207039, NULL, GRAPH_REFUSED, 0, NULL},
    {0,     2207040, NULL, GRAPH_REFUSED, 0, "more than 20 accounts are named"},
    {100,   33,      NULL, GRAPH_BROKEN, 0, "user_id is not an account this token may use"},
    GRAPH_END,
};
// clang-format on

/* ---- what of the article ---- */

static enum err_code lacks(struct err *why, const char *what)
{
    return err_set(why,
                   ERR_NOT_FOUND,
                   "this article has no %s, and Instagram takes no posts without",
                   what);
}

static enum err_code
shape_auto(const struct article *a, enum container_shape *out, struct err *why)
{
    if (a->image_count > 0) {
        *out = a->image_count > 1 ? CONTAINER_CAROUSEL : CONTAINER_IMAGE;
        return ERR_NONE;
    }
    *out = CONTAINER_VIDEO;
    return a->video.url ? ERR_NONE : lacks(why, "picture and no video");
}

static enum err_code
shape_story(const struct article *a, enum container_shape *out, struct err *why)
{
    *out = a->image_count > 0 ? CONTAINER_STORY_IMAGE : CONTAINER_STORY_VIDEO;
    return a->image_count > 0 || a->video.url ? ERR_NONE : lacks(why, "picture and no video");
}

static enum err_code
shape(const struct step_ctx *ctx, enum container_shape *out, struct err *why)
{
    const struct article *a = ctx->article;

    switch ((enum instagram_post)instagram__settings(ctx)->post) {
    case INSTAGRAM_AUTO:
        return shape_auto(a, out, why);
    case INSTAGRAM_STORY:
        return shape_story(a, out, why);
    case INSTAGRAM_REEL:
        *out = CONTAINER_VIDEO;
        return a->video.url ? ERR_NONE : lacks(why, "video");
    case INSTAGRAM_CAROUSEL:
        *out = a->image_count > 1 ? CONTAINER_CAROUSEL : CONTAINER_IMAGE;
        return a->image_count > 0 ? ERR_NONE : lacks(why, "picture");
    case INSTAGRAM_IMAGE:
        break;
    }
    *out = CONTAINER_IMAGE;
    return a->image_count > 0 ? ERR_NONE : lacks(why, "picture");
}

bool instagram__item_wanted(const struct step_ctx *ctx)
{
    return container_item_wanted(&instagram__platform, ctx);
}

bool instagram__media_wanted(const struct step_ctx *ctx)
{
    return container_media_wanted(&instagram__platform, ctx);
}

void instagram__item_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->index = container_item_index(ctx);
    wish->by_address = true;
}

static void wish_video(struct media_wish *wish, size_t bytes, int64_t duration_ms)
{
    wish->kind = MEDIA_VIDEO;
    wish->bounds = (struct media_bounds){
        .max_bytes = bytes, .types = MEDIA_MP4 | MEDIA_MOV, .max_duration_ms = duration_ms};
}

void instagram__media_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->by_address = true;
    switch (container_shape_of(&instagram__platform, ctx)) {
    case CONTAINER_VIDEO:
        wish_video(wish, INSTAGRAM_REEL_BYTES, 15 * MS_MINUTE);
        break;
    case CONTAINER_STORY_VIDEO:
        wish_video(wish, INSTAGRAM_STORY_VIDEO_BYTES, MS_MINUTE);
        break;
    case CONTAINER_STORY_IMAGE: /* shown whole, whatever its form */
        wish->bounds.min_ratio_milli = wish->bounds.max_ratio_milli = 0;
        break;
    default:
        break;
    }
}

/* ---- the caption ---- */

static bool is_word(unsigned char c)
{
    return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

/* What begins a hashtag or a mention beyond so many of them loses its sign: the word stays. */
static void copy_signs(struct buf *out, const char *text, size_t from, size_t to, int left[2])
{
    for (size_t i = from; i < to; i++) {
        unsigned char before = i > 0 ? (unsigned char)text[i - 1] : ' ';
        bool begins = (text[i] == '#' || text[i] == '@') && !is_word(before) &&
                      is_word((unsigned char)text[i + 1]);
        int *count = &left[text[i] == '@'];

        if (begins && *count == 0) {
            continue;
        }
        *count -= begins ? 1 : 0;
        buf_addc(out, text[i]);
    }
}

static void bound_signs(struct buf *out, const char *text, size_t len)
{
    int left[2] = {INSTAGRAM_HASHTAGS_MAX, INSTAGRAM_MENTIONS_MAX};
    size_t pos = 0, start, end;

    while (text_next_link(text, len, pos, &start, &end)) {
        copy_signs(out, text, pos, start, left);
        buf_add(out, text + start, end - start);
        pos = end;
    }
    copy_signs(out, text, pos, len, left);
}

static enum err_code make_text(struct step_ctx *ctx, struct buf *out, struct err *why)
{
    enum err_code rc;
    struct buf fitted;

    buf_init(&fitted, TEXT_BYTES_MAX);
    rc = fit_text(ctx,
                  instagram__settings(ctx)->caption,
                  &instagram__limits[INSTAGRAM_LIMIT_CAPTION],
                  mustache_escape_none,
                  NULL,
                  &fitted,
                  why);
    if (!rc) {
        bound_signs(out, buf_str(&fitted), fitted.len);
    }
    buf_done(&fitted);
    return rc;
}

/* ---- a container ---- */

static void add_alt(struct step_ctx *ctx, struct http_request *req, size_t index)
{
    const struct article *a = ctx->article;
    struct buf alt;

    if (index >= a->image_count || !a->images[index].alt) {
        return;
    }
    buf_init(&alt, TEXT_BYTES_MAX);
    fit_plain(ctx, &instagram__limits[INSTAGRAM_LIMIT_ALT], a->images[index].alt, &alt);
    oauth_form_add(req, "alt_text", buf_str(&alt));
    buf_done(&alt);
}

static enum err_code fill(struct step_ctx *ctx,
                          enum container_shape what,
                          bool is_item,
                          struct http_request *req,
                          struct err *why)
{
    bool video = what == CONTAINER_VIDEO || what == CONTAINER_STORY_VIDEO;
    size_t index = is_item ? container_item_index(ctx) : 0;
    const char *reason = NULL, *url;

    if (what == CONTAINER_CAROUSEL) {
        return ERR_NONE;
    }
    url = container_media_url(ctx, index, &reason);
    if (!url) {
        return err_set(why,
                       ERR_NOT_FOUND,
                       "Instagram takes no posts without a picture or a video, and this "
                       "article's cannot be had: %s",
                       reason);
    }
    if (what == CONTAINER_VIDEO) {
        oauth_form_add(req, "media_type", "REELS");
    } else if (what != CONTAINER_IMAGE) {
        oauth_form_add(req, "media_type", "STORIES");
    }
    oauth_form_add(req, video ? "video_url" : "image_url", url);
    if (what == CONTAINER_VIDEO) {
        oauth_form_add(
            req, "share_to_feed", instagram__settings(ctx)->share_to_feed ? "true" : "false");
    }
    if (what == CONTAINER_IMAGE) {
        add_alt(ctx, req, index);
    }
    return ERR_NONE;
}

static const char *list_edge(const struct step_ctx *ctx)
{
    return instagram__settings(ctx)->post == INSTAGRAM_STORY ? "stories" : "media";
}

static struct container_account account(const struct step_ctx *ctx)
{
    const struct instagram_settings *s = instagram__settings(ctx);
    const char *user = s->user_id ? s->user_id : record_str(ctx->grant, "user_id");

    return (struct container_account){
        .api = instagram__api(s),
        .user = user && graph_is_id(user) ? user : "me",
        .app_secret = s->login == INSTAGRAM_BY_FACEBOOK ? &s->oauth.client_secret : NULL,
    };
}

const struct container_platform instagram__platform = {
    .edge = "media",
    .publish_edge = "media_publish",
    .limit_edge = "content_publishing_limit",
    .status = "status_code",
    .explanation = "status",
    .text = "caption",
    .list_fields = "id,caption,permalink,timestamp",
    .rows = rows,
    .account = account,
    .shape = shape,
    .make_text = make_text,
    .fill = fill,
    .list_edge = list_edge,
    .items_max = ITEMS_MAX,
};

/* ---- deletion, and whose token this is ---- */

enum err_code
instagram__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = post_id(ctx);

    if (!graph_is_id(id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to delete is not known");
    }
    container_request(&instagram__platform, ctx, req, HTTP_DELETE, "/%s", id);
    return ERR_NONE;
}

struct verdict instagram__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step step = {.name = "delete_post", .repeatable = true};
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool deleted = record_flag(body, "success");
    struct graph_error e;

    json_decref(body);
    graph_error_read(&e, res);
    if (deleted) {
        return verdict_done();
    }
    if (graph_is(&e, 100, 33)) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "it was gone already");
    }
    return container_trouble(&instagram__platform, ctx, &step, res);
}

enum err_code
instagram__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool by_facebook = instagram__settings(ctx)->login == INSTAGRAM_BY_FACEBOOK;
    struct container_account a = account(ctx);

    (void)why;
    container_request(&instagram__platform,
                      ctx,
                      req,
                      HTTP_GET,
                      "/%s?fields=%s,username",
                      by_facebook ? a.user : "me",
                      by_facebook ? "id" : "user_id");
    return ERR_NONE;
}

struct verdict instagram__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step step = {.name = "whoami", .repeatable = true};
    const struct instagram_settings *s = instagram__settings(ctx);
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");
    char *id = json_text_dup(
        json_object_get(body, s->login == INSTAGRAM_BY_FACEBOOK ? "id" : "user_id"));
    struct verdict v;

    if (!name || !id) {
        v = container_trouble(&instagram__platform, ctx, &step, res);
    } else if (s->user_id && strcmp(id, s->user_id) != 0) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "the token is @%.60s's, whose id is %.40s: set user_id to it",
                         name,
                         id);
    } else {
        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%.100s", name);
    }
    mem_free(id);
    json_decref(body);
    return v;
}
