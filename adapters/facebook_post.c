/* The requests about a post on a page: the post itself, its edit and its deletion, and what Facebook's refusals
 * mean. Its photos, and posts of a video, are facebook_media.c's. Pure.
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

const struct step facebook__invisible = {.name = "invisible", .repeatable = true};
static const struct step publishing = {.name = "post", .publishes = true};

struct verdict facebook__trouble(const struct step *step, const struct http_response *res)
{
    struct graph_error e;
    const struct graph_row *row;
    struct verdict v;

    graph_error_read(&e, res);
    row = graph_find(rows, &e);
    v = graph_verdict(row, &e, step, res);
    if (row && (int)row->means == DUPLICATE) {
        v.kind =
            VERDICT_REJECTED; /* again it would be no other: of a photo the post goes without */
    }
    return v;
}

/* ---- what is posted ---- */

static const char *const kind_names[] = {"link", "photo", "video", "text"};

/* Of a post that a person named, nothing is known: as if it were a link's. */
static enum facebook_kind kind_named(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return (enum facebook_kind)i;
        }
    }
    return FACEBOOK_KIND_LINK;
}

/* Where Facebook cannot read the page, a photo says more than bare text. */
static enum facebook_kind kind_without_link(const struct step_ctx *ctx)
{
    return facebook__settings(ctx)->post == FACEBOOK_AUTO && ctx->article->image_count > 0 &&
                   !record_str(ctx->record, "media_off")
               ? FACEBOOK_KIND_PHOTO
               : FACEBOOK_KIND_TEXT;
}

enum facebook_kind facebook__kind(const struct step_ctx *ctx)
{
    switch ((enum facebook_post)facebook__settings(ctx)->post) {
    case FACEBOOK_VIDEO:
        return FACEBOOK_KIND_VIDEO;
    case FACEBOOK_PHOTO:
        if (!record_str(ctx->record, "media_off")) {
            return FACEBOOK_KIND_PHOTO;
        }
        break; /* its photos are not to be had: the link's preview has one */
    case FACEBOOK_AUTO:
    case FACEBOOK_LINK:
        break;
    }
    return record_flag(ctx->record, "link_off") ? kind_without_link(ctx) : FACEBOOK_KIND_LINK;
}

enum err_code facebook__has_what_it_takes(const struct step_ctx *ctx, struct err *why)
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
static void add_link(const struct step_ctx *ctx, enum facebook_kind kind, struct buf *text)
{
    if (kind != FACEBOOK_KIND_LINK && !strstr(buf_str(text), ctx->link)) {
        buf_addf(text, "%s%s", text->len > 0 ? "\n\n" : "", ctx->link);
    }
}

/* Once per delivery and kind. */
enum err_code facebook__fix_text(struct step_ctx *ctx, enum facebook_kind kind, struct err *why)
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

/* ---- the post ---- */

/* A request that left earlier and was not refused may have arrived. Counted by the time, so that building
 * twice at one time is one request. */
void facebook__note_sending(struct step_ctx *ctx)
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
    enum facebook_kind kind = facebook__kind(ctx);
    enum err_code rc;
    json_t *body;

    if (kind == FACEBOOK_KIND_VIDEO) {
        req->skip = true;
        return facebook__has_what_it_takes(ctx, why);
    }
    rc = facebook__fix_text(ctx, kind, why);
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
    if (kind == FACEBOOK_KIND_LINK) {
        json_set_str(body, "link", ctx->link);
    } else if (kind == FACEBOOK_KIND_PHOTO) {
        add_photos(ctx, body);
    }
    http_set_json(req, body);
    json_decref(body);
    facebook__note_sending(ctx);
    return ERR_NONE;
}

/* Of videos it tells a path only. */
void facebook__note_post(struct step_ctx *ctx, const char *id, const json_t *body)
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
    v = verdict_jump(facebook__kind(ctx) == FACEBOOK_KIND_PHOTO ? "upload_photo" : "post");
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

struct verdict facebook__not_posted(struct step_ctx *ctx, const struct http_response *res)
{
    struct graph_error e;
    const struct graph_row *row;
    struct verdict v;

    graph_error_read(&e, res);
    row = graph_find(rows, &e);
    v = graph_verdict(row, &e, &publishing, res);
    trouble_doubt_503(&publishing, res, &v);
    if (graph_is(&e, 100, 33)) { /* what does not exist is the page, or not for this token */
        return verdict_make(VERDICT_BLOCKED,
                            SCOPE_CHANNEL,
                            0,
                            "%.160s; page_id is no page that this token may post on",
                            v.detail);
    }
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
        facebook__note_post(ctx, id, body);
        v = verdict_done();
    } else {
        v = facebook__not_posted(ctx, res);
    }
    json_decref(body);
    return v;
}

struct verdict facebook__unanswered_post(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error)
{
    if (outcome == TRANSPORT_NOT_SENT) {
        record_drop(ctx->record, "sent_at_ms");
    }
    return trouble_from_transport(&publishing, outcome, error);
}

/* ---- edit and deletion ---- */

enum err_code
facebook__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    static const char *const kept[] = {"kind", "photos", NULL};
    char id[GRAPH_ID_BYTES];
    enum facebook_kind kind;
    enum err_code rc;
    json_t *body;

    if (!facebook__post_id(
            facebook__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to change is not known");
    }
    record_keep(ctx, kept);
    kind = kind_named(record_str(ctx->record, "kind"));
    rc = facebook__fix_text(ctx, kind, why);
    if (rc) {
        return rc;
    }
    facebook__request(ctx, req, HTTP_POST, "/%s", id);
    body = json_object();
    /* Of a post by its video's id the text is the video's. */
    json_set_str(body,
                 kind == FACEBOOK_KIND_VIDEO && !strchr(id, '_') ? "description" : "message",
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
    return facebook__trouble(&facebook__invisible, res);
}
