/* The post on LinkedIn: made, its text changed, deleted. The last steps of the adapter's courses.
 *
 * LinkedIn has no key to repeat a request by, but a filter: for a day or two it refuses the same text by the same
 * author and names the post that has it. So after an outcome nobody knows the same bytes are sent again when the
 * account's list cannot be read, and a refusal is where our post is found. The id of a new post is in a header. */

#include "adapters/linkedin_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/mem.h"

#define NOT_READY_MS (3 * MS_SECOND)
#define FORBIDDEN_MAX 2
#define FORBIDDEN_MS (5 * MS_SECOND)
#define CARD_BYTES_MAX ((size_t)64 * 1024)

static const struct step post_step = {.publishes = true};
static const struct step any_step = {.repeatable = true};

/* ---- what it shows ---- */

static void
set_fitted(struct step_ctx *ctx, json_t *v, const char *name, int limit, const char *text)
{
    struct buf fitted;

    if (!text || !*text) {
        return;
    }
    buf_init(&fitted, CARD_BYTES_MAX);
    fit_plain(ctx, &linkedin__limits[limit], text, &fitted);
    if (fitted.len > 0) {
        json_set_str(v, name, buf_str(&fitted));
    }
    buf_done(&fitted);
}

static json_t *card(struct step_ctx *ctx)
{
    const struct article *a = ctx->article;
    const char *image = linkedin__image_id(ctx, 0);
    json_t *v = json_object();

    json_set_str(v, "source", ctx->link);
    set_fitted(ctx, v, "title", LINKEDIN_LIMIT_CARD_TITLE, a->title);
    set_fitted(ctx, v, "description", LINKEDIN_LIMIT_CARD_DESCRIPTION, a->summary);
    json_set_str(v, "thumbnail", image);
    json_set_str(ctx->record, "card_title", a->title);
    return json_pack("{s:o}", "article", v);
}

static json_t *pictures(struct step_ctx *ctx)
{
    json_t *list = json_array(), *only;

    for (size_t i = 0; i < LINKEDIN_IMAGES_MAX && i < ctx->article->image_count; i++) {
        const char *id = linkedin__image_id(ctx, i);

        if (id) {
            json_t *one = json_pack("{s:s}", "id", id);

            set_fitted(ctx, one, "altText", LINKEDIN_LIMIT_ALT, ctx->article->images[i].alt);
            (void)json_array_append_new(list, one);
        }
    }
    if (json_array_size(list) > 1) {
        return json_pack("{s:{s:o}}", "multiImage", "images", list);
    }
    only = json_array_size(list) == 1 ? json_pack("{s:O}", "media", json_array_get(list, 0))
                                      : NULL;
    json_decref(list);
    return only;
}

static json_t *video(struct step_ctx *ctx)
{
    const char *id = linkedin__video_id(ctx);
    const char *title = ctx->article->video.title;
    json_t *v;

    if (!id) {
        return NULL;
    }
    v = json_pack("{s:s}", "id", id);
    set_fitted(ctx,
               v,
               "title",
               LINKEDIN_LIMIT_CARD_TITLE,
               title && *title ? title : ctx->article->title);
    return json_pack("{s:o}", "media", v);
}

/* What was hoped for, or the card in its stead. NULL: nothing but the text. */
static json_t *content(struct step_ctx *ctx)
{
    json_t *v = NULL;

    switch (linkedin__settings(ctx)->content) {
    case LINKEDIN_TEXT:
        return NULL;
    case LINKEDIN_PICTURES:
        v = pictures(ctx);
        break;
    case LINKEDIN_VIDEO:
        v = video(ctx);
        break;
    default:
        break;
    }
    return v ? v : card(ctx);
}

static json_t *make_body(struct step_ctx *ctx, const char *author)
{
    json_t *body = json_pack("{s:s, s:s, s:s, s:{s:s, s:[], s:[]}}",
                             "author",
                             author,
                             "commentary",
                             record_str(ctx->record, "commentary"),
                             "visibility",
                             "PUBLIC",
                             "distribution",
                             "feedDistribution",
                             "MAIN_FEED",
                             "targetEntities",
                             "thirdPartyDistributionChannels");
    json_t *shown = content(ctx);

    if (shown) {
        (void)json_object_set_new(body, "content", shown);
    }
    json_set_str(body, "lifecycleState", "PUBLISHED");
    (void)json_object_set_new(body, "isReshareDisabledByAuthor", json_false());
    return body;
}

/* ---- made ---- */

/* Of a post that was sent twice a refusal says nothing about the first time. */
static void note_refusal(struct step_ctx *ctx)
{
    if (!record_flag(ctx->record, "sent_again")) {
        record_drop(ctx->record, "sent_at_ms");
    }
}

enum err_code
linkedin__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char author[LINKEDIN_URN_BYTES];
    enum err_code rc = linkedin__fix_text(ctx, why);
    json_t *body;

    if (rc) {
        return rc;
    }
    if (!linkedin__author(ctx, author)) {
        return err_set(why, ERR_NOT_FOUND, "whose token this is is not known");
    }
    if (record_age(ctx->record, "sent_at_ms", ctx->now_ms) > 0) {
        record_set_flag(ctx->record, "sent_again", true);
    }
    body = make_body(ctx, author);
    linkedin__request(ctx, req, HTTP_POST, "/rest/posts");
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

void linkedin__set_post(struct step_ctx *ctx, const char *urn)
{
    char *url = mem_printf("https://www.linkedin.com/feed/update/%s/", urn);

    post_set(ctx, urn, url);
    mem_free(url);
}

static const char *new_urn(const struct http_response *res, char out[LINKEDIN_URN_BYTES])
{
    const char *id = http_header(&res->headers, "x-restli-id");

    id = id ? id : http_header(&res->headers, "x-linkedin-id");
    return res->status == 201 ? linkedin__post_urn(id, NULL, out) : NULL;
}

static struct verdict duplicate(struct step_ctx *ctx, const struct http_response *res)
{
    char urn[LINKEDIN_URN_BYTES];
    struct verdict v;

    if (!record_flag(ctx->record, "sent_again")) {
        return linkedin__trouble(ctx, &post_step, res);
    }
    if (!linkedin__duplicate(res, urn)) {
        return verdict_make(
            VERDICT_UNKNOWN,
            SCOPE_POST,
            0,
            "422: LinkedIn has this text already, perhaps of an earlier attempt");
    }
    json_set_str(ctx->record, "duplicate", urn);
    v = verdict_jump("confirm");
    v.maybe_public = true;
    return v;
}

static bool about_media(const struct http_response *res)
{
    return res->status == 404 || linkedin__says(res, "urn:li:image") ||
           linkedin__says(res, "urn:li:digitalmediaAsset") ||
           linkedin__says(res, "urn:li:video");
}

static struct verdict a_moment(int64_t ms, const char *what)
{
    struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, ms, "%s", what);

    v.not_counted = true;
    return v;
}

/* A picture LinkedIn does not find yet: for a while, then without. */
static bool
not_ready(struct step_ctx *ctx, const struct http_response *res, struct verdict *out)
{
    if (!linkedin__image_id(ctx, 0) || res->status < 400 || res->status >= 500 ||
        !about_media(res)) {
        return false;
    }
    if (!linkedin__waited_too_long(ctx)) {
        *out = a_moment(NOT_READY_MS, "LinkedIn does not find the picture yet");
        return true;
    }
    (void)linkedin__images_off(ctx, "LinkedIn did not find the picture it was given");
    *out = verdict_jump("post");
    out->refused = true;
    return true;
}

/* Seen right after an upload, and gone a moment later. */
static bool forbidden_for_now(struct step_ctx *ctx, const struct http_response *res)
{
    int64_t count = record_int(ctx->record, "forbidden");

    if (res->status != 403 || count >= FORBIDDEN_MAX || !linkedin__image_id(ctx, 0)) {
        return false;
    }
    record_set_int(ctx->record, "forbidden", count + 1);
    return true;
}

static struct verdict post_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (linkedin__is_duplicate(res)) {
        v = duplicate(ctx, res);
    } else if (res->status == 400 && linkedin__says(res, "Unable to obtain activity")) {
        v = verdict_make(VERDICT_UNKNOWN, SCOPE_POST, 0, "400: Unable to obtain activity");
    } else if (forbidden_for_now(ctx, res)) {
        v = a_moment(FORBIDDEN_MS, "403: not yet, it seems: the picture is new");
    } else if (!not_ready(ctx, res, &v)) {
        v = linkedin__trouble(ctx, &post_step, res);
    }
    if (v.kind != VERDICT_UNKNOWN && !v.maybe_public) {
        note_refusal(ctx);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "commentary");
    }
    return v;
}

struct verdict linkedin__read_post(struct step_ctx *ctx, const struct http_response *res)
{
    char urn[LINKEDIN_URN_BYTES];

    if (!new_urn(res, urn)) {
        return post_trouble(ctx, res);
    }
    linkedin__set_post(ctx, urn);
    return verdict_done();
}

struct verdict linkedin__post_unanswered(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error)
{
    if (outcome == TRANSPORT_NOT_SENT) {
        note_refusal(ctx);
    }
    return trouble_from_transport(&post_step, outcome, error);
}

/* ---- the duplicate LinkedIn named ---- */

/* A post that was deleted a while ago is still named sometimes, and is not there. */
enum err_code
linkedin__build_confirm(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *urn = record_str(ctx->record, "duplicate");
    char path[LINKEDIN_PATH_BYTES];

    (void)why;
    if (!urn) {
        req->skip = true;
        return ERR_NONE;
    }
    linkedin__request(ctx, req, HTTP_GET, "/rest/posts/%s", linkedin__path_of(urn, path));
    return ERR_NONE;
}

struct verdict linkedin__read_confirm(struct step_ctx *ctx, const struct http_response *res)
{
    const char *urn = record_str(ctx->record, "duplicate");

    if (res->status == 404) {
        return verdict_make(
            VERDICT_REJECTED,
            SCOPE_POST,
            0,
            "LinkedIn calls it a duplicate of %.80s, which is not there: change "
            "the text, or wait a day or two",
            urn ? urn : "a post");
    }
    /* Not allowed to read: what LinkedIn said is all there is. */
    if (urn && (res->status == 200 || res->status == 403)) {
        linkedin__set_post(ctx, urn);
        return verdict_done();
    }
    return linkedin__trouble(ctx, &any_step, res);
}

/* ---- changed ---- */

static MUST_USE enum err_code
standing(const struct step_ctx *ctx, char path[LINKEDIN_PATH_BYTES], struct err *why)
{
    char urn[LINKEDIN_URN_BYTES];

    if (!linkedin__post_urn(post_id(ctx), post_str(ctx, "remote_url"), urn)) {
        return err_set(why, ERR_NOT_FOUND, "the URN of the post is not known");
    }
    (void)linkedin__path_of(urn, path);
    return ERR_NONE;
}

enum err_code
linkedin__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char path[LINKEDIN_PATH_BYTES];
    enum err_code rc = standing(ctx, path, why);
    json_t *body;

    rc = rc ? rc : linkedin__fix_text(ctx, why);
    if (rc) {
        return rc;
    }
    linkedin__request(ctx, req, HTTP_POST, "/rest/posts/%s", path);
    http_set_header(req, "X-RestLi-Method", "PARTIAL_UPDATE");
    body = json_pack(
        "{s:{s:{s:s}}}", "patch", "$set", "commentary", record_str(ctx->record, "commentary"));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

struct verdict linkedin__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    static const char *const kept[] = {"remote_id", "remote_url", "card_title", NULL};
    const char *card_title = post_str(ctx, "card_title");

    if (res->status < 200 || res->status >= 300) {
        return linkedin__trouble(ctx, &any_step, res);
    }
    record_keep(ctx, kept);
    if (card_title && strcmp(card_title, ctx->article->title) != 0) {
        return verdict_make(
            VERDICT_DONE,
            SCOPE_POST,
            0,
            "the text is changed; the card keeps its old title: LinkedIn changes "
            "no cards");
    }
    return verdict_done();
}

/* ---- deleted ---- */

enum err_code
linkedin__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char path[LINKEDIN_PATH_BYTES];
    enum err_code rc = standing(ctx, path, why);

    if (rc) {
        return rc;
    }
    linkedin__request(ctx, req, HTTP_DELETE, "/rest/posts/%s", path);
    http_set_header(req, "X-RestLi-Method", "DELETE");
    return ERR_NONE;
}

struct verdict linkedin__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    bool gone = (res->status >= 200 && res->status < 300) || res->status == 404;

    return gone ? verdict_done() : linkedin__trouble(ctx, &any_step, res);
}
