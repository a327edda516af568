/* The requests about a post on a page: photos, the post itself, a video; edit and deletion. The steps of the
 * adapter's courses. Pure.
 *
 * Only one request of a course publishes. Photos are uploaded unpublished before it, invisible and free to be
 * repeated; a post is then made of them, or of the article's link, whose preview Facebook takes from the page.
 * Facebook knows no key of ours. It refuses a post that says the same as the one before (506): after a request
 * of ours that got no answer, that is a sign that it arrived, and the page is looked through. */

#include <stdio.h>
#include <string.h>

#include "adapters/facebook_internal.h"
#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)512 * 1024)
#define LINK_TRIES_MAX 3
#define LINK_PAUSE_MS (10 * MS_SECOND)
#define VIDEO_PATIENCE_MS (30 * MS_MINUTE)

enum { DUPLICATE = GRAPH_OWN, UNREADABLE_LINK };
#define FLAGGED                                                                                \
    "Facebook takes the text or the link for abuse: look into the page's Support Inbox"

// clang-format off
static const struct graph_row rows[] = {
    {506,     0,       NULL, (enum graph_means)DUPLICATE, 0, "it says the same as the post before"},
    {0,       1366051, NULL, (enum graph_means)DUPLICATE, 0, "these photos were posted already"},
    {1366051, 0,       NULL, (enum graph_means)DUPLICATE, 0, "these photos were posted already"},
    {0,       1609005, NULL, (enum graph_means)UNREADABLE_LINK, 0, "Facebook could not read the article's page"},
    {1609005, 0,       NULL, (enum graph_means)UNREADABLE_LINK, 0, "Facebook could not read the article's page"},
    {0,       1390008, NULL, GRAPH_PAUSED, 2 * MS_HOUR, "the page posts too fast for Facebook"},
    {1390008, 0,       NULL, GRAPH_PAUSED, 2 * MS_HOUR, "the page posts too fast for Facebook"},
    {0,       1404112, NULL, GRAPH_PAUSED, 12 * MS_HOUR, "Facebook limits this account for days: look into its account quality page"},
    {1404112, 0,       NULL, GRAPH_PAUSED, 12 * MS_HOUR, "Facebook limits this account for days: look into its account quality page"},
    {0,       1404078, NULL, GRAPH_BROKEN, 0, "the person must go through Page Publishing Authorization"},
    {1404078, 0,       NULL, GRAPH_BROKEN, 0, "the person must go through Page Publishing Authorization"},
    {0,       4854002, NULL, GRAPH_BROKEN, 0, "the person must confirm their identity at Facebook"},
    {4854002, 0,       NULL, GRAPH_BROKEN, 0, "the person must confirm their identity at Facebook"},
    {0,       1363047, NULL, GRAPH_UNCLEAR, 0, NULL},
    {1363047, 0,       NULL, GRAPH_UNCLEAR, 0, NULL},
    {0,       1609010, NULL, GRAPH_UNCLEAR, 0, NULL},
    {1609010, 0,       NULL, GRAPH_UNCLEAR, 0, NULL},
    {0,       1609008, NULL, GRAPH_REFUSED, 0, "links to facebook.com are not taken"},
    {1609008, 0,       NULL, GRAPH_REFUSED, 0, "links to facebook.com are not taken"},
    {0,       1346003, NULL, GRAPH_REFUSED, 0, FLAGGED},
    {1346003, 0,       NULL, GRAPH_REFUSED, 0, FLAGGED},
    {0,       1404102, NULL, GRAPH_REFUSED, 0, FLAGGED},
    {1404102, 0,       NULL, GRAPH_REFUSED, 0, FLAGGED},
    {0,       1404006, NULL, GRAPH_REFUSED, 0, FLAGGED},
    {1404006, 0,       NULL, GRAPH_REFUSED, 0, FLAGGED},
    {0,       1349125, NULL, GRAPH_REFUSED, 0, NULL},
    {1349125, 0,       NULL, GRAPH_REFUSED, 0, NULL},
    {0,       2061006, NULL, GRAPH_REFUSED, 0, NULL},
    {2061006, 0,       NULL, GRAPH_REFUSED, 0, NULL},
    {0,       2069019, NULL, GRAPH_REFUSED, 0, NULL},
    {2069019, 0,       NULL, GRAPH_REFUSED, 0, NULL},
    {0,       1366046, NULL, GRAPH_REFUSED, 0, "photos must be JPEG or PNG below 4 MB"},
    {1366046, 0,       NULL, GRAPH_REFUSED, 0, "photos must be JPEG or PNG below 4 MB"},
    {324,     0,       NULL, GRAPH_REFUSED, 0, "a photo or video is missing or invalid"},
    GRAPH_END,
};
// clang-format on

static const struct step invisible = {.name = "invisible", .repeatable = true};
static const struct step publishing = {.name = "post", .publishes = true};

struct verdict facebook__trouble(const struct step *step, const struct http_response *res)
{
    return graph_trouble(rows, step, res);
}

/* ---- what is posted ---- */

enum kind { KIND_LINK, KIND_PHOTO, KIND_VIDEO, KIND_TEXT };
static const char *const kind_names[] = {"link", "photo", "video", "text"};

/* Of a post that a person named, nothing is known: as if it were a link's. */
static enum kind kind_named(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return (enum kind)i;
        }
    }
    return KIND_LINK;
}

/* Where Facebook cannot read the page, a photo says more than bare text. */
static enum kind kind_without_link(const struct step_ctx *ctx)
{
    return facebook__settings(ctx)->post == FACEBOOK_AUTO && ctx->article->image_count > 0 &&
                   !record_str(ctx->record, "media_off")
               ? KIND_PHOTO
               : KIND_TEXT;
}

static enum kind kind_of(const struct step_ctx *ctx)
{
    switch ((enum facebook_post)facebook__settings(ctx)->post) {
    case FACEBOOK_VIDEO:
        return KIND_VIDEO;
    case FACEBOOK_PHOTO:
        if (!record_str(ctx->record, "media_off")) {
            return KIND_PHOTO;
        }
        break; /* its photos are not to be had: the link's preview has one */
    case FACEBOOK_AUTO:
    case FACEBOOK_LINK:
        break;
    }
    return record_flag(ctx->record, "link_off") ? kind_without_link(ctx) : KIND_LINK;
}

static enum err_code has_what_it_takes(const struct step_ctx *ctx, struct err *why)
{
    const struct article *a = ctx->article;
    int post = facebook__settings(ctx)->post;

    if (post == FACEBOOK_VIDEO && !a->video.url) {
        return err_set(
            why, ERR_NOT_FOUND, "this article has no video, which post: video needs");
    }
    if (post == FACEBOOK_PHOTO && a->image_count == 0) {
        return err_set(
            why, ERR_NOT_FOUND, "this article has no picture, which post: photo needs");
    }
    return ERR_NONE;
}

/* Where no preview carries the link it stands in the text. */
static void add_link(const struct step_ctx *ctx, enum kind kind, struct buf *text)
{
    if (kind != KIND_LINK && !strstr(buf_str(text), ctx->link)) {
        buf_addf(text, "%s%s", text->len > 0 ? "\n\n" : "", ctx->link);
    }
}

/* Once per delivery and kind. */
static MUST_USE enum err_code fix_text(struct step_ctx *ctx, enum kind kind, struct err *why)
{
    struct text_rule rule = facebook__limits[FACEBOOK_LIMIT_MESSAGE];
    const char *had = record_str(ctx->record, "kind");
    enum err_code rc;
    struct buf text;

    if (had && strcmp(had, kind_names[kind]) == 0 && record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    rule.max -= strlen(ctx->link) + 2;
    buf_init(&text, TEXT_BYTES_MAX);
    rc = fit_text(
        ctx, facebook__settings(ctx)->message, &rule, mustache_escape_none, NULL, &text, why);
    if (!rc) {
        add_link(ctx, kind, &text);
        rc = buf_check(&text, "message", why);
    }
    if (!rc) {
        json_set_str(ctx->record, "text", buf_str(&text));
        json_set_str(ctx->record, "kind", kind_names[kind]);
    }
    buf_done(&text);
    return rc;
}

/* ---- photos ---- */

static size_t photo_count(const struct step_ctx *ctx)
{
    return json_array_size(json_object_get(ctx->record, "photos"));
}

bool facebook__photo_wanted(const struct step_ctx *ctx)
{
    size_t count = photo_count(ctx);

    return kind_of(ctx) == KIND_PHOTO && !record_flag(ctx->record, "photos_closed") &&
           count < FACEBOOK_PHOTOS_MAX && count < ctx->article->image_count;
}

void facebook__photo_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->index = photo_count(ctx);
    wish->bounds.types = MEDIA_JPEG | MEDIA_PNG;
}

/* With those there are; without any it is the link's preview that shows one. */
static void close_photos(struct step_ctx *ctx, const char *reason)
{
    record_set_flag(ctx->record, "photos_closed", true);
    if (photo_count(ctx) == 0) {
        json_set_str(ctx->record, "media_off", reason);
    }
}

enum err_code
facebook__build_photo(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    size_t index = photo_count(ctx);
    struct buf alt;

    if (!facebook__photo_wanted(ctx)) {
        req->skip = true;
        return has_what_it_takes(ctx, why);
    }
    if (!ctx->media || !ctx->media->bytes) {
        close_photos(ctx,
                     ctx->media_error ? ctx->media_error : "the picture could not be fetched");
        req->skip = true;
        return ERR_NONE;
    }
    facebook__request(ctx, req, HTTP_POST, "/%s/photos", facebook__settings(ctx)->page_id);
    http_add_part_text(req, "published", "false");
    buf_init(&alt, TEXT_BYTES_MAX);
    fit_plain(
        ctx, &facebook__limits[FACEBOOK_LIMIT_ALT], ctx->article->images[index].alt, &alt);
    if (alt.len > 0) {
        http_add_part_text(req, "alt_text_custom", buf_str(&alt));
    }
    buf_done(&alt);
    http_add_part_media(req,
                        "source",
                        strcmp(ctx->media->type, "image/png") == 0 ? "photo.png" : "photo.jpg",
                        ctx->media);
    return ERR_NONE;
}

struct verdict facebook__read_photo(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *photos = json_object_get(ctx->record, "photos");
    char id[GRAPH_ID_BYTES];
    struct verdict v;

    if (!graph_answer_id(res, "id", id)) {
        v = facebook__trouble(&invisible, res);
        if (v.kind == VERDICT_REJECTED) {
            close_photos(ctx, v.detail);
            return verdict_next();
        }
        return v;
    }
    if (!photos) {
        photos = json_array();
        must(json_object_set_new(ctx->record, "photos", photos) == 0);
    }
    must(json_array_append_new(photos, json_string(id)) == 0);
    return facebook__photo_wanted(ctx) ? verdict_jump("upload_photo") : verdict_next();
}

/* ---- the post ---- */

/* A request that left earlier and was not refused may have arrived. Counted by the time, so that building
 * twice at one time is one request. */
static void note_sending(struct step_ctx *ctx)
{
    int64_t sent_at_ms = record_int(ctx->record, "sent_at_ms");

    if (sent_at_ms != 0 && sent_at_ms != ctx->now_ms) {
        record_set_flag(ctx->record, "sent_again", true);
    }
    record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
}

static void add_photos(const struct step_ctx *ctx, json_t *body)
{
    json_t *media = json_array(), *one;
    size_t i;

    json_array_foreach(json_object_get(ctx->record, "photos"), i, one)
    {
        json_t *entry = json_object();

        must(json_object_set(entry, "media_fbid", one) == 0);
        must(json_array_append_new(media, entry) == 0);
    }
    must(json_object_set_new(body, "attached_media", media) == 0);
}

enum err_code
facebook__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum kind kind = kind_of(ctx);
    enum err_code rc;
    json_t *body;

    if (kind == KIND_VIDEO) {
        req->skip = true;
        return has_what_it_takes(ctx, why);
    }
    rc = fix_text(ctx, kind, why);
    if (rc) {
        return rc;
    }
    facebook__request(ctx,
                      req,
                      HTTP_POST,
                      "/%s/feed?fields=id,permalink_url",
                      facebook__settings(ctx)->page_id);
    body = json_object();
    json_set_str(body, "message", record_str(ctx->record, "text"));
    if (kind == KIND_LINK) {
        json_set_str(body, "link", ctx->link);
    } else if (kind == KIND_PHOTO) {
        add_photos(ctx, body);
    }
    http_set_json(req, body);
    json_decref(body);
    note_sending(ctx);
    return ERR_NONE;
}

/* Of videos it tells a path only. */
static void note_post(struct step_ctx *ctx, const char *id, const json_t *body)
{
    const char *told = record_str(body, "permalink_url");
    char *url;

    if (told && strncmp(told, "https://", 8) == 0) {
        url = mem_strdup(told);
    } else if (told && told[0] == '/') {
        url = mem_printf("https://www.facebook.com%.500s", told);
    } else {
        url = mem_printf("https://www.facebook.com/%s", id);
    }
    post_set(ctx, id, url);
    mem_free(url);
}

/* The page may have been slow. Then it goes without its preview, and the link stands in the text. */
static struct verdict link_not_read(struct step_ctx *ctx, const char *said)
{
    int64_t tries = record_int(ctx->record, "link_tries") + 1;
    struct verdict v;

    record_set_int(ctx->record, "link_tries", tries);
    if (tries <= LINK_TRIES_MAX) {
        v = verdict_make(
            VERDICT_AGAIN, SCOPE_POST, LINK_PAUSE_MS << (tries - 1), "%.250s", said);
        return v;
    }
    record_set_flag(ctx->record, "link_off", true);
    v = verdict_jump(kind_of(ctx) == KIND_PHOTO ? "upload_photo" : "post");
    v.refused = true;
    return v;
}

/* Our own of before, or another's. */
static struct verdict duplicate(struct step_ctx *ctx, const char *said)
{
    return verdict_make(record_flag(ctx->record, "sent_again") ? VERDICT_UNKNOWN
                                                               : VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "%.250s",
                        said);
}

static struct verdict not_posted(struct step_ctx *ctx, const struct http_response *res)
{
    struct graph_error e;
    const struct graph_row *row;
    struct verdict v;

    graph_error_read(&e, res);
    row = graph_find(rows, &e);
    v = graph_verdict(row, &e, &publishing, res);
    if (row && (int)row->means == DUPLICATE) {
        return duplicate(ctx, v.detail);
    }
    if (v.kind != VERDICT_UNKNOWN && res->status >= 400 && res->status < 500) {
        record_drop(ctx->record, "sent_at_ms"); /* refused, whatever for */
    }
    return row && (int)row->means == UNREADABLE_LINK ? link_not_read(ctx, v.detail) : v;
}

struct verdict facebook__read_post(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    char id[GRAPH_ID_BYTES];
    struct verdict v;

    if (graph_answer_id(res, "id", id)) {
        note_post(ctx, id, body);
        v = verdict_done();
    } else {
        v = not_posted(ctx, res);
    }
    json_decref(body);
    return v;
}

static struct verdict
unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    if (outcome == TRANSPORT_NOT_SENT) {
        record_drop(ctx->record, "sent_at_ms");
    }
    return trouble_from_transport(&publishing, outcome, error);
}

struct verdict facebook__unanswered_post(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error)
{
    return unanswered(ctx, outcome, error);
}

/* ---- a video ---- */

bool facebook__video_wanted(const struct step_ctx *ctx)
{
    return kind_of(ctx) == KIND_VIDEO && !record_str(ctx->record, "remote_id");
}

void facebook__video_wish(const struct step_ctx *ctx, struct media_wish *wish)
{
    wish->kind = MEDIA_VIDEO;
    wish->by_address = facebook__settings(ctx)->videos == FACEBOOK_BY_ADDRESS;
    wish->bounds = (struct media_bounds){.max_bytes = FACEBOOK_VIDEO_BYTES,
                                         .types = MEDIA_MP4 | MEDIA_MOV};
}

static void video_title(struct step_ctx *ctx, struct buf *out)
{
    const struct article *a = ctx->article;

    fit_plain(ctx,
              &facebook__limits[FACEBOOK_LIMIT_TITLE],
              a->video.title ? a->video.title : a->title,
              out);
}

static void fill_upload(struct step_ctx *ctx, struct http_request *req, const char *title)
{
    http_add_part_text(req, "title", title);
    http_add_part_text(req, "description", record_str(ctx->record, "text"));
    http_add_part_media(req,
                        "source",
                        strcmp(ctx->media->type, "video/quicktime") == 0 ? "video.mov"
                                                                         : "video.mp4",
                        ctx->media);
}

static void fill_address(struct step_ctx *ctx, struct http_request *req, const char *title)
{
    json_t *body = json_object();

    json_set_str(body, "title", title);
    json_set_str(body, "description", record_str(ctx->record, "text"));
    json_set_str(body, "file_url", ctx->media->url);
    http_set_json(req, body);
    json_decref(body);
}

static enum err_code video_is_there(const struct step_ctx *ctx, struct err *why)
{
    bool by_address = facebook__settings(ctx)->videos == FACEBOOK_BY_ADDRESS;

    if (ctx->media && (by_address ? ctx->media->url != NULL : ctx->media->len > 0)) {
        return ERR_NONE;
    }
    return err_set(why,
                   ERR_NOT_FOUND,
                   "this article's video cannot be had: %s",
                   ctx->media_error ? ctx->media_error : "it could not be fetched");
}

enum err_code
facebook__build_video(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct facebook_settings *s = facebook__settings(ctx);
    enum err_code rc;
    struct buf title;

    if (!facebook__video_wanted(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    rc = video_is_there(ctx, why);
    if (!rc) {
        rc = fix_text(ctx, KIND_VIDEO, why);
    }
    if (rc) {
        return rc;
    }
    graph_request(req,
                  HTTP_POST,
                  s->videos == FACEBOOK_BY_UPLOAD ? s->video_api : s->api,
                  ctx->token ? ctx->token : "",
                  "/%s/videos",
                  s->page_id);
    graph_prove(req, &s->oauth.client_secret, ctx->token);
    buf_init(&title, TEXT_BYTES_MAX);
    video_title(ctx, &title);
    (s->videos == FACEBOOK_BY_UPLOAD ? fill_upload : fill_address)(ctx, req, buf_str(&title));
    buf_done(&title);
    note_sending(ctx);
    return ERR_NONE;
}

struct verdict facebook__read_video(struct step_ctx *ctx, const struct http_response *res)
{
    char id[GRAPH_ID_BYTES];

    if (!graph_answer_id(res, "id", id)) {
        return not_posted(ctx, res);
    }
    note_post(ctx, id, NULL);
    return verdict_next();
}

struct verdict facebook__unanswered_video(struct step_ctx *ctx,
                                          enum transport_outcome outcome,
                                          const char *error)
{
    return unanswered(ctx, outcome, error);
}

enum err_code
facebook__build_await(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = record_str(ctx->record, "remote_id");

    (void)why;
    if (kind_of(ctx) != KIND_VIDEO || !id) {
        req->skip = true;
        return ERR_NONE;
    }
    facebook__request(ctx, req, HTTP_GET, "/%s?fields=status,permalink_url", id);
    return ERR_NONE;
}

static struct verdict await_more(struct step_ctx *ctx)
{
    int64_t age_ms = record_age(ctx->record, "processing_since_ms", ctx->now_ms);
    struct verdict v;

    if (age_ms > VIDEO_PATIENCE_MS) {
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "Facebook has the video and still works on it");
    }
    v = verdict_make(VERDICT_AGAIN,
                     SCOPE_POST,
                     age_ms < MS_MINUTE ? 5 * MS_SECOND : 30 * MS_SECOND,
                     "Facebook is processing the video");
    v.not_counted = true;
    return v;
}

/* It was given to the platform, which made nothing of it. */
static struct verdict processing_failed(const json_t *status)
{
    const char *said = json_string_value(
        json_path(json_array_get(json_path(status, "processing_phase", "errors", NULL), 0),
                  "message",
                  NULL));

    return verdict_make(VERDICT_REJECTED,
                        SCOPE_POST,
                        0,
                        "Facebook could not process the video%s%.150s",
                        said ? ": " : "",
                        said ? said : "");
}

struct verdict facebook__read_await(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *status = json_object_get(body, "status");
    const char *word = record_str(status, "video_status");
    struct verdict v;

    if (word && strcmp(word, "ready") == 0) {
        note_post(ctx, record_str(ctx->record, "remote_id"), body);
        v = verdict_done();
    } else if (word && strcmp(word, "error") == 0) {
        v = processing_failed(status);
    } else if (word) {
        v = await_more(ctx);
    } else {
        v = facebook__trouble(&invisible, res);
    }
    json_decref(body);
    return v;
}

/* ---- edit and deletion ---- */

enum err_code
facebook__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const char *const kept[] = {"kind", "photos", NULL};
    char id[GRAPH_ID_BYTES];
    enum kind kind;
    enum err_code rc;
    json_t *body;

    if (!facebook__post_id(
            facebook__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to change is not known");
    }
    record_keep(ctx, kept);
    kind = kind_named(record_str(ctx->record, "kind"));
    rc = fix_text(ctx, kind, why);
    if (rc) {
        return rc;
    }
    facebook__request(ctx, req, HTTP_POST, "/%s", id);
    body = json_object();
    /* Of a post by its video's id the text is the video's. */
    json_set_str(body,
                 kind == KIND_VIDEO && !strchr(id, '_') ? "description" : "message",
                 record_str(ctx->record, "text"));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

static bool says_success(const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool success = record_flag(body, "success");

    json_decref(body);
    return success;
}

struct verdict facebook__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step step = {.name = "edit", .repeatable = true, .publishes = true};
    static const char *const kept[] = {"remote_id", "remote_url", NULL};

    if (!says_success(res)) {
        return facebook__trouble(&step, res);
    }
    record_keep(ctx, kept);
    return verdict_done();
}

enum err_code
facebook__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[GRAPH_ID_BYTES];

    if (!facebook__post_id(
            facebook__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to delete is not known");
    }
    facebook__request(ctx, req, HTTP_DELETE, "/%s", id);
    return ERR_NONE;
}

struct verdict facebook__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    struct graph_error e;

    (void)ctx;
    if (says_success(res)) {
        return verdict_done();
    }
    graph_error_read(&e, res);
    if (graph_is(&e, 100, 33)) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "it was gone already");
    }
    return facebook__trouble(&invisible, res);
}
