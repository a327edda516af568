/* The status itself: posted, edited, deleted. The last steps of the adapter's courses.
 *
 * The order that matters when a status is refused because of its picture: "not found or already
 * attached" can mean that an earlier request of ours, whose answer was lost, did create the
 * status and used the picture up. So only a status that was sent once may be sent again with a
 * new picture; after a second sending it is unknown, and the account's list is searched. */

#include "adapters/mastodon_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/text.h"

#define REFUSED_MAX 5 /* then without the picture */
#define SAID_BYTES_MAX 4096
#define ALT_BYTES_MAX ((size_t)256 * 1024)

static const char *own_name(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE ? "edit_status" : "post_status";
}

/* The primary subtag, as in ISO 639-1: regional tags are not taken by every server. */
static void set_language(const struct step_ctx *ctx, json_t *body)
{
    const char *given = mastodon__settings(ctx)->language;
    const char *tag = given                    ? given
                      : ctx->article->language ? ctx->article->language
                                               : ctx->site->language;
    size_t len = tag ? strcspn(tag, "-_") : 0;
    char primary[4];

    if (given) {
        json_set_str(body, "language", given);
        return;
    }
    if (len < 2 || len > 3) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        char c = tag[i] >= 'A' && tag[i] <= 'Z' ? (char)(tag[i] - 'A' + 'a') : tag[i];

        if (c < 'a' || c > 'z') {
            return;
        }
        primary[i] = c;
    }
    primary[len] = '\0';
    json_set_str(body, "language", primary);
}

static json_t *media_ids(const struct step_ctx *ctx)
{
    const char *id = record_str(ctx->record, "media_id");
    json_t *ids = json_array();

    if (id) {
        (void)json_array_append_new(ids, json_string(id));
    }
    return ids;
}

static void set_common(const struct step_ctx *ctx, json_t *body)
{
    json_set_str(body, "status", record_str(ctx->record, "text"));
    set_language(ctx, body);
    (void)json_object_set_new(
        body, "sensitive", json_boolean(mastodon__settings(ctx)->sensitive));
}

/* Whether this is a second sending of a status that was never refused. */
static void note_sending(struct step_ctx *ctx)
{
    if (record_age(ctx->record, "sent_at_ms", ctx->now_ms) > 0) {
        record_set_flag(ctx->record, "sent_again", true);
    }
}

static void note_refusal(struct step_ctx *ctx)
{
    record_drop(ctx->record, "sent_at_ms");
    record_drop(ctx->record, "sent_again");
}

enum err_code
mastodon__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct mastodon_settings *s = mastodon__settings(ctx);
    const char *spoiler;
    json_t *body, *ids;
    enum err_code rc;

    rc = mastodon__fit(ctx, why);
    if (rc) {
        return rc;
    }
    note_sending(ctx);
    mastodon__request(ctx, req, HTTP_POST, "/api/v1/statuses");
    http_set_header(req, "Idempotency-Key", ctx->key);
    body = json_object();
    set_common(ctx, body);
    json_set_str(body, "visibility", mastodon__visibilities[s->visibility]);
    spoiler = record_str(ctx->record, "spoiler");
    if (spoiler && *spoiler) {
        json_set_str(body, "spoiler_text", spoiler);
    }
    ids = media_ids(ctx);
    if (json_array_size(ids) > 0) {
        (void)json_object_set(body, "media_ids", ids);
    }
    json_decref(ids);
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

/* An attachment keeps the description it was uploaded with unless told otherwise. */
static json_t *media_attributes(struct step_ctx *ctx)
{
    const char *id = record_str(ctx->record, "media_id");
    json_t *all = json_array(), *one;
    struct buf alt;

    if (id) {
        buf_init(&alt, ALT_BYTES_MAX);
        mastodon__alt(ctx, &alt);
        one = json_object();
        json_set_str(one, "id", id);
        json_set_str(one, "description", buf_str(&alt));
        (void)json_array_append_new(all, one);
        buf_done(&alt);
    }
    return all;
}

/* The status that stands; false when nothing names it. */
static bool standing_id(const struct step_ctx *ctx, char out[MASTODON_ID_BYTES])
{
    return mastodon__status_id(
               mastodon__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), out) != NULL;
}

/* An edit replaces everything: what is left out is gone. */
enum err_code
mastodon__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[MASTODON_ID_BYTES];
    const char *spoiler;
    enum err_code rc;
    json_t *body;

    if (!standing_id(ctx, id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the status to edit is not known");
    }
    rc = mastodon__fit(ctx, why);
    if (rc) {
        return rc;
    }
    mastodon__request(ctx, req, HTTP_PUT, "/api/v1/statuses/%s", id);
    body = json_object();
    set_common(ctx, body);
    spoiler = record_str(ctx->record, "spoiler");
    json_set_str(body, "spoiler_text", spoiler ? spoiler : "");
    (void)json_object_set_new(body, "media_ids", media_ids(ctx));
    (void)json_object_set_new(body, "media_attributes", media_attributes(ctx));
    http_set_json(req, body);
    json_decref(body);
    return ERR_NONE;
}

static struct verdict picture_not_ready(struct step_ctx *ctx)
{
    int64_t count = record_int(ctx->record, "media_refused_count") + 1;

    record_set_int(ctx->record, "media_refused_count", count);
    if (count > REFUSED_MAX) {
        mastodon__media_off(ctx, "the server did not finish processing the picture");
        return verdict_jump(own_name(ctx));
    }
    record_drop(ctx->record, "media_ready");
    record_set_flag(ctx->record, "media_hold", true);
    return verdict_jump("await_media");
}

static bool picture_is_gone(const char *said)
{
    return strcasestr(said, "media") &&
           (strcasestr(said, "not found") || strcasestr(said, "not be found") ||
            strcasestr(said, "already attached"));
}

/* 422 because of the picture; false when it is about something else. */
static bool refused_for_picture(struct step_ctx *ctx, const char *said, struct verdict *out)
{
    bool again = record_flag(ctx->record, "sent_again");

    if (!record_str(ctx->record, "media_id")) {
        return false;
    }
    if (strcasestr(said, "finished processing")) {
        note_refusal(ctx);
        *out = picture_not_ready(ctx);
        return true;
    }
    if (!picture_is_gone(said)) {
        return false;
    }
    if (again && ctx->course == COURSE_PUBLISH) {
        *out = verdict_make(
            VERDICT_UNKNOWN,
            SCOPE_POST,
            0,
            "the picture is used up, perhaps by a status of an earlier attempt: %s",
            said);
        return true;
    }
    note_refusal(ctx);
    return mastodon__media_renew(ctx, own_name(ctx), out);
}

static struct verdict status_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;
    struct buf said;
    bool handled = false;

    if (res->status == 422) {
        buf_init(&said, SAID_BYTES_MAX);
        mastodon__error_text(&said, res);
        handled = refused_for_picture(ctx, buf_str(&said), &v);
        buf_done(&said);
    }
    if (!handled) {
        v = mastodon__trouble(res);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        note_refusal(ctx);
        record_drop(ctx->record, "text");
        record_drop(ctx->record, "spoiler");
    }
    return v;
}

struct verdict mastodon__read_status(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? mastodon__json(res) : NULL;
    const char *id = mastodon__id(body);
    const char *url = record_str(body, "url");

    if (!id) {
        json_decref(body);
        return status_trouble(ctx, res);
    }
    /* `url` is null for what has no page; the ActivityPub id is then the best there is. */
    post_set(ctx, id, url ? url : record_str(body, "uri"));
    json_decref(body);
    return verdict_done();
}

enum err_code
mastodon__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[MASTODON_ID_BYTES];

    if (!standing_id(ctx, id)) {
        return err_set(why, ERR_NOT_FOUND, "the id of the status to delete is not known");
    }
    mastodon__request(ctx, req, HTTP_DELETE, "/api/v1/statuses/%s?delete_media=true", id);
    return ERR_NONE;
}

struct verdict mastodon__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = mastodon__json(res);
    bool gone = body && (res->status == 200 || res->status == 404 || res->status == 410);

    (void)ctx;
    json_decref(body);
    return gone || res->status == 410 ? verdict_done() : mastodon__trouble(res);
}
