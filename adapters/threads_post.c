/* What a post on Threads is made of: text with a link card, or with pictures or a video; and what the
 * platform's refusals mean. Called by threads.c's courses and by container.c. Pure.
 *
 * Sources: https://developers.facebook.com/docs/threads/posts, …/threads/reference/publishing and
 * …/threads/troubleshooting. */

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/threads_internal.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mustache.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)
#define ITEMS_MAX 20

// clang-format off
#define NEW     ((enum graph_means)CONTAINER_NEW)
#define WAIT    ((enum graph_means)CONTAINER_NOT_READY)
#define UNSEEN  ((enum graph_means)CONTAINER_NOT_SEEN)
#define FETCH   ((enum graph_means)CONTAINER_FETCH)
static const struct graph_row rows[] = {
    {24, 4279009, NULL, UNSEEN, 0, NULL}, /* "Media Not Found", right after it was made */
    {24, 2207008, NULL, UNSEEN, 0, NULL},
    {24, 2207006, NULL, NEW,    0, NULL},
    {-2, 2207020, NULL, NEW,    0, NULL},
    {0,  2207027, NULL, WAIT,   0, NULL},
    {0,  2207052, NULL, FETCH,  0, NULL},
    {0,  2207003, NULL, FETCH,  0, NULL},
    {0,  0, "could not be fetched from this URI", FETCH, 0, NULL},
    {0,  2207051, NULL, GRAPH_PAUSED, MS_DAY, "Threads takes this for spam: post by hand for a day and look into the account's status"},
    {0,  4279013, NULL, GRAPH_BROKEN, 0, "the account is restricted: open the Threads app and follow what it says"},
    {0,  2207042, NULL, GRAPH_THROTTLED, MS_HOUR, "the account has posted all that Threads allows in 24 hours"},
    {0,  0, "maximum number of posts", GRAPH_THROTTLED, MS_HOUR, "the account has posted all that Threads allows in 24 hours"},
    {0,  0, "quota", GRAPH_THROTTLED, MS_HOUR, "the account has posted all that Threads allows in 24 hours"},
    {0,  0, "LINK_LIMIT_EXCEEDED", GRAPH_REFUSED, 0, "at most 5 links"},
    {0,  0, "at most 500 characters", GRAPH_REFUSED, 0, "an emoji counts as its bytes"},
    GRAPH_END,
};
// clang-format on

/* ---- what of the article ---- */

static enum err_code
shape(const struct step_ctx *ctx, enum container_shape *out, struct err *why)
{
    const struct article *a = ctx->article;

    (void)why;
    *out = CONTAINER_TEXT; /* also of an article that lacks what is wanted: the news goes out */
    if (record_str(ctx->record, "media_off")) {
        return ERR_NONE;
    }
    switch ((enum threads_post)threads__settings(ctx)->post) {
    case THREADS_LINK:
        break;
    case THREADS_IMAGE:
        *out = a->image_count > 0 ? CONTAINER_IMAGE : CONTAINER_TEXT;
        break;
    case THREADS_CAROUSEL:
        *out = a->image_count > 1   ? CONTAINER_CAROUSEL
               : a->image_count > 0 ? CONTAINER_IMAGE
                                    : CONTAINER_TEXT;
        break;
    case THREADS_VIDEO:
        *out = a->video.url ? CONTAINER_VIDEO : CONTAINER_TEXT;
        break;
    }
    return ERR_NONE;
}

bool threads__item_wanted(const struct step_ctx *ctx)
{
    return container_item_wanted(&threads__platform, ctx);
}

bool threads__media_wanted(const struct step_ctx *ctx)
{
    return container_media_wanted(&threads__platform, ctx);
}

void threads__item_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->index = container_item_index(ctx);
    wish->by_address = true;
}

void threads__media_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->by_address = true;
    if (container_shape_of(&threads__platform, ctx) == CONTAINER_VIDEO) {
        wish->kind = MEDIA_VIDEO;
        wish->bounds = (struct media_bounds){.max_bytes = THREADS_VIDEO_BYTES,
                                             .types = MEDIA_MP4 | MEDIA_MOV,
                                             .max_duration_ms = 5 * MS_MINUTE};
    }
}

/* ---- the text ---- */

struct links {
    const char *v[THREADS_LINKS_MAX];
    size_t len[THREADS_LINKS_MAX];
    size_t count, max;
};

/* Whether this one may stand: it is among those there are, or there is room for it. */
static bool admit(struct links *links, const char *url, size_t len)
{
    for (size_t i = 0; i < links->count; i++) {
        if (links->len[i] == len && memcmp(links->v[i], url, len) == 0) {
            return true;
        }
    }
    if (links->count >= links->max) {
        return false;
    }
    links->v[links->count] = url;
    links->len[links->count++] = len;
    return true;
}

/* Different links beyond five are refused; the article's own counts, which stands in the card. */
static void bound_links(struct buf *out, const char *text, size_t len, const char *own)
{
    struct links links = {.max = THREADS_LINKS_MAX};
    size_t pos = 0, start, end;

    (void)admit(&links, own, strlen(own));
    while (text_next_link(text, len, pos, &start, &end)) {
        buf_add(out, text + pos, start - pos);
        if (admit(&links, text + start, end - start)) {
            buf_add(out, text + start, end - start);
        }
        pos = end;
    }
    buf_add(out, text + pos, len - pos);
}

static enum err_code make_text(struct step_ctx *ctx, struct buf *out, struct err *why)
{
    enum err_code rc;
    struct buf fitted;

    buf_init(&fitted, TEXT_BYTES_MAX);
    rc = fit_text(ctx,
                  threads__settings(ctx)->text,
                  &threads__limits[THREADS_LIMIT_TEXT],
                  mustache_escape_none,
                  NULL,
                  &fitted,
                  why);
    if (!rc) {
        bound_links(out, buf_str(&fitted), fitted.len, ctx->link);
    }
    buf_done(&fitted);
    return rc;
}

/* The first line of what the template gives, without what a topic may not hold. */
static void clean_topic(struct buf *out, const char *text)
{
    size_t end = text ? strspn(text, " \t\r\n#") : 0, begin = end;

    while (text && text[end] != '\0' && text[end] != '\n') {
        end++;
    }
    for (size_t i = begin; i < end; i++) {
        if (text[i] != '.' && text[i] != '&') {
            buf_addc(out, text[i]);
        }
    }
}

static MUST_USE enum err_code
add_topic(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    json_t *view = fit_view(ctx);
    struct buf rendered, line, topic;
    enum err_code rc;

    buf_init(&rendered, TEXT_BYTES_MAX);
    buf_init(&line, TEXT_BYTES_MAX);
    buf_init(&topic, TEXT_BYTES_MAX);
    rc = mustache_render(threads__settings(ctx)->topic_tag,
                         view,
                         mustache_escape_none,
                         NULL,
                         NULL,
                         &rendered,
                         why);
    if (!rc) {
        clean_topic(&line, buf_str(&rendered));
        fit_plain(ctx, &threads__limits[THREADS_LIMIT_TOPIC], buf_str(&line), &topic);
        if (topic.len > 0) {
            oauth_form_add(req, "topic_tag", buf_str(&topic));
        }
    }
    buf_done(&topic);
    buf_done(&line);
    buf_done(&rendered);
    json_decref(view);
    return rc;
}

/* ---- a container ---- */

static void add_alt(struct step_ctx *ctx, struct http_request *req, bool video, size_t index)
{
    const struct article *a = ctx->article;
    const char *text = video                    ? a->video.title
                       : index < a->image_count ? a->images[index].alt
                                                : NULL;
    struct buf alt;

    if (!text) {
        return;
    }
    buf_init(&alt, TEXT_BYTES_MAX);
    fit_plain(ctx, &threads__limits[THREADS_LIMIT_ALT], text, &alt);
    oauth_form_add(req, "alt_text", buf_str(&alt));
    buf_done(&alt);
}

static MUST_USE enum err_code add_media(
    struct step_ctx *ctx, bool video, bool is_item, struct http_request *req, struct err *why)
{
    size_t index = is_item ? container_item_index(ctx) : 0;
    const char *reason = NULL, *url = container_media_url(ctx, index, &reason);

    if (!url) {
        return err_set(why, ERR_NOT_FOUND, "the picture or video cannot be had: %s", reason);
    }
    oauth_form_add(req, "media_type", video ? "VIDEO" : "IMAGE");
    oauth_form_add(req, video ? "video_url" : "image_url", url);
    add_alt(ctx, req, video, index);
    return ERR_NONE;
}

static MUST_USE enum err_code
add_common(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct threads_settings *s = threads__settings(ctx);

    if (s->reply_control > 0) {
        oauth_form_add(req, "reply_control", threads__reply_controls[s->reply_control]);
    }
    if (ctx->course == COURSE_UPDATE && s->on_update == THREADS_REPLY &&
        graph_is_id(post_id(ctx))) {
        oauth_form_add(req, "reply_to_id", post_id(ctx));
    }
    return s->topic_tag ? add_topic(ctx, req, why) : ERR_NONE;
}

static enum err_code fill(struct step_ctx *ctx,
                          enum container_shape what,
                          bool is_item,
                          struct http_request *req,
                          struct err *why)
{
    enum err_code rc = ERR_NONE;

    if (what == CONTAINER_TEXT) {
        oauth_form_add(req, "media_type", "TEXT");
        oauth_form_add(req, "link_attachment", ctx->link);
    } else if (what != CONTAINER_CAROUSEL) {
        rc = add_media(ctx, what == CONTAINER_VIDEO, is_item, req, why);
    }
    return rc || is_item ? rc : add_common(ctx, req, why);
}

static struct container_account account(const struct step_ctx *ctx)
{
    const struct threads_settings *s = threads__settings(ctx);

    return (struct container_account){.api = s->api, .user = s->user_id ? s->user_id : "me"};
}

const struct container_platform threads__platform = {
    .edge = "threads",
    .publish_edge = "threads_publish",
    .limit_edge = "threads_publishing_limit",
    .status = "status",
    .explanation = "error_message",
    .text = "text",
    .list_fields = "id,text,permalink,timestamp,link_attachment_url",
    .rows = rows,
    .account = account,
    .shape = shape,
    .make_text = make_text,
    .fill = fill,
    .can_do_without_media = true,
    .nothing_to_do = threads__nothing_to_do,
    .items_max = ITEMS_MAX,
};
