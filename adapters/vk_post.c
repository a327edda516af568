/* The post on a VK community's wall: made, edited, deleted, and looked for. The last steps of the adapter's
 * courses. Whether `guid` holds off a second post is not promised anywhere, so it is sent, and the post is
 * looked for all the same before anything is sent again. */

#include "adapters/vk_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/fit.h"
#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"

#define GUID_DIGITS 32
#define NAME_BYTES 64
#define ATTACHMENTS_BYTES_MAX ((size_t)3 * ARTICLE_URL_BYTES)
#define PAGE_SIZE 100 /* the most it gives at once */
#define LIST_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* ---- the post ---- */

/* A comma divides attachments, so one in an address is encoded. */
static void add_link(struct buf *out, const char *url)
{
    for (; *url; url++) {
        if (*url == ',') {
            buf_adds(out, "%2C");
        } else {
            buf_addc(out, *url);
        }
    }
}

static void add_attachments(const struct step_ctx *ctx, struct http_request *req)
{
    const char *photo = record_str(ctx->record, "media_id");
    struct buf list;

    buf_init(&list, ATTACHMENTS_BYTES_MAX);
    if (photo) {
        buf_adds(&list, photo);
    }
    if (vk__settings(ctx)->link) {
        buf_adds(&list, photo ? "," : "");
        add_link(&list, ctx->link);
    }
    oauth_form_add(req, "attachments", list.len > 0 && buf_ok(&list) ? buf_str(&list) : NULL);
    buf_done(&list);
}

static void add_post(const struct step_ctx *ctx, struct http_request *req)
{
    const struct vk_settings *s = vk__settings(ctx);

    vk__add_int(req, "owner_id", -s->group);
    oauth_form_add(req, "message", record_str(ctx->record, "text"));
    add_attachments(ctx, req);
    vk__add_flag(req, "signed", s->is_signed);
    vk__add_flag(req, "close_comments", s->close_comments);
    oauth_form_add(req, "copyright", s->source ? ctx->article->url : NULL);
}

static MUST_USE enum err_code fix_text(struct step_ctx *ctx, struct err *why)
{
    return fit_record(ctx,
                      "text",
                      vk__settings(ctx)->text,
                      &vk__limits[VK_LIMIT_TEXT],
                      mustache_escape_none,
                      why);
}

enum err_code vk__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_text(ctx, why);
    char guid[GUID_DIGITS + 1];

    if (rc) {
        return rc;
    }
    vk__call(ctx, req, "wall.post");
    add_post(ctx, req);
    vk__add_flag(req, "from_group", true);
    vk__add_flag(req, "mute_notifications", vk__settings(ctx)->silent);
    (void)snprintf(guid, sizeof guid, "%s", ctx->key);
    oauth_form_add(req, "guid", guid);
    return ERR_NONE;
}

static void set_names(struct step_ctx *ctx, int64_t number)
{
    long long group = (long long)vk__settings(ctx)->group;
    char name[NAME_BYTES], page[NAME_BYTES + 24];

    (void)snprintf(name, sizeof name, "-%lld_%lld", group, (long long)number);
    (void)snprintf(page, sizeof page, "https://vk.com/wall%s", name);
    post_set(ctx, name, page);
}

static struct verdict
read_saved(struct step_ctx *ctx, const struct http_response *res, bool publishes)
{
    json_t *body = http_json(res);
    int64_t number = record_int(vk__response(res, body), "post_id");
    struct verdict v = verdict_done();

    if (number > 0) {
        set_names(ctx, number);
    } else {
        v = vk__trouble(res, publishes);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "text");
    }
    json_decref(body);
    return v;
}

struct verdict vk__read_post(struct step_ctx *ctx, const struct http_response *res)
{
    return read_saved(ctx, res, true);
}

/* ---- what stands ---- */

static int64_t standing(const struct step_ctx *ctx)
{
    return vk__post_number(vk__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"));
}

/* An edit replaces everything: what is left out is gone. */
enum err_code vk__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t number = standing(ctx);
    enum err_code rc;

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to edit is not known");
    }
    rc = fix_text(ctx, why);
    if (rc) {
        return rc;
    }
    vk__call(ctx, req, "wall.edit");
    add_post(ctx, req);
    vk__add_int(req, "post_id", number);
    return ERR_NONE;
}

/* Later versions tell the number, older ones say 1. */
struct verdict vk__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool done = json_integer_value(vk__response(res, body)) == 1;

    json_decref(body);
    if (done) {
        set_names(ctx, standing(ctx));
        return verdict_done();
    }
    return read_saved(ctx, res, false);
}

enum err_code vk__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    int64_t number = standing(ctx);

    if (number <= 0) {
        return err_set(why, ERR_NOT_FOUND, "the number of the post to delete is not known");
    }
    vk__call(ctx, req, "wall.delete");
    vk__add_int(req, "owner_id", -vk__settings(ctx)->group);
    vk__add_int(req, "post_id", number);
    return ERR_NONE;
}

struct verdict vk__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *message = record_str(json_object_get(body, "error"), "error_msg");
    bool gone = json_integer_value(vk__response(res, body)) == 1 ||
                vk__error_code(body) == 104 ||
                (message && strcasestr(message, "post or comment deleted"));

    (void)ctx;
    json_decref(body);
    return gone ? verdict_done() : vk__trouble(res, false);
}

/* ---- the look ---- */

static void build_wall(const struct step_ctx *ctx, struct http_request *req, int64_t count)
{
    vk__call(ctx, req, "wall.get");
    vk__add_int(req, "owner_id", -vk__settings(ctx)->group);
    vk__add_int(req, "count", count);
    oauth_form_add(req, "filter", "owner");
    req->max_answer_bytes = LIST_BYTES_MAX;
}

enum err_code vk__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    build_wall(ctx, req, PAGE_SIZE);
    oauth_form_add(req, "offset", look_from(ctx));
    return ERR_NONE;
}

static const char *link_of(const json_t *item)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(item, "attachments"), i, one)
    {
        const char *url = record_str(json_object_get(one, "link"), "url");

        if (url) {
            return url;
        }
    }
    return NULL;
}

/* The first one of the wall that is ours. */
static bool
find_ours(struct step_ctx *ctx, const json_t *items, bool *older, struct verdict *out)
{
    static const char *const kept[] = {"text", "media_id", "media_url", NULL};
    bool found = false;
    json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        struct look_post post = {.id = record_int(item, "id") > 0 ? "" : NULL,
                                 .link = link_of(item),
                                 .text = record_str(item, "text"),
                                 .at_ms = record_int(item, "date") * MS_SECOND};
        bool is_pinned = record_int(item, "is_pinned") == 1; /* the first whatever its age */
        bool too_old = look_is_too_old(ctx, &post);

        *older = *older || (too_old && !is_pinned);
        if (!found && !too_old && look_is_ours(ctx, &post)) {
            found = true;
            *out = look_found(ctx, &post, kept);
            if (out->kind == VERDICT_DONE) {
                set_names(ctx, record_int(item, "id"));
            }
        }
    }
    return found;
}

struct verdict vk__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    const json_t *items = json_object_get(vk__response(res, body), "items");
    bool older = false;
    struct verdict v;
    char next[24];

    if (!json_is_array(items)) {
        v = vk__trouble(res, false);
    } else if (!find_ours(ctx, items, &older, &v)) {
        (void)snprintf(next,
                       sizeof next,
                       "%lld",
                       (long long)(record_int(ctx->record, "look_pages") + 1) * PAGE_SIZE);
        v = look_further(ctx, "find_post", next, older || json_array_size(items) == 0);
    }
    json_decref(body);
    return v;
}

/* ---- the test ---- */

enum err_code
vk__build_test_wall(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    build_wall(ctx, req, 1);
    return ERR_NONE;
}

struct verdict vk__read_test_wall(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool good = json_is_array(json_object_get(vk__response(res, body), "items"));

    (void)ctx;
    json_decref(body);
    return good ? verdict_next() : vk__trouble(res, false);
}

/* Asking for an upload changes nothing, and is refused to who may not post there. */
enum err_code
vk__build_test_server(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    vk__call(ctx, req, "photos.getWallUploadServer");
    vk__add_int(req, "group_id", vk__settings(ctx)->group);
    return ERR_NONE;
}

struct verdict vk__read_test_server(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool good = record_str(vk__response(res, body), "upload_url") != NULL;
    const char *who = record_str(ctx->grant, "who");
    struct verdict v;

    json_decref(body);
    if (!good) {
        v = vk__trouble(res, false);
        v.kind = v.kind == VERDICT_REJECTED ? VERDICT_BLOCKED : v.kind;
        return v;
    }
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "the token%s%s is taken for club%lld",
                        who ? " of " : "",
                        who ? who : "",
                        (long long)vk__settings(ctx)->group);
}
