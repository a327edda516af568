/* Which of our posts of an article stand, and their removal. Corrections may be posts of their own (replies, or
 * one in place of another), so a retraction deletes all of them, newest first: a reply goes before what it
 * replies to. Of the courses update (replace: the old one goes when the new one is there) and retract. A post
 * that is gone already is as good as deleted. */

#include "adapters/x_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"

#define STANDING_MAX 64
/* How often the old post is tried to be deleted before an update is done without: over ten minutes. */
#define DELETE_TRIES_MAX 8
#define DELETE_WAIT_MS (5 * MS_SECOND)

static bool holds(const json_t *list, const char *id)
{
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(one), id) == 0) {
            return true;
        }
    }
    return false;
}

static void add(json_t *list, const char *id)
{
    if (x__is_id(id) && !holds(list, id) && json_array_size(list) < STANDING_MAX) {
        (void)json_array_append_new(list, json_string(id));
    }
}

/* A new list of what stood before this delivery: what the post's record lists and, where a person named one,
 * that one too. */
static json_t *standing_before(const struct step_ctx *ctx)
{
    json_t *list = json_array(), *one;
    char named[X_ID_BYTES];
    size_t i;

    json_array_foreach(json_object_get(ctx->post, "standing"), i, one)
    {
        add(list, json_string_value(one));
    }
    if (ctx->post && x__post_id(post_id(ctx), post_str(ctx, "remote_url"), named)) {
        add(list, named);
    }
    return list;
}

const char *x__newest(const struct step_ctx *ctx, char out[X_ID_BYTES])
{
    json_t *list = standing_before(ctx);
    size_t count = json_array_size(list);

    if (count > 0) {
        (void)snprintf(
            out, X_ID_BYTES, "%s", json_string_value(json_array_get(list, count - 1)));
    }
    json_decref(list);
    return count > 0 ? out : NULL;
}

void x__note_standing(struct step_ctx *ctx, const char *id, bool in_place)
{
    json_t *list = standing_before(ctx);

    if (in_place && json_array_size(list) > 0) {
        (void)json_array_remove(list, json_array_size(list) - 1);
    }
    add(list, id);
    (void)json_object_set_new(ctx->record, "standing", list);
}

/* The ids still to be deleted, newest first. */
static json_t *left(struct step_ctx *ctx)
{
    json_t *list = json_object_get(ctx->record, "left"), *before;

    if (!list) {
        before = standing_before(ctx);
        list = json_array();
        for (size_t i = json_array_size(before); i-- > 0;) {
            (void)json_array_append(list, json_array_get(before, i));
        }
        json_decref(before);
        (void)json_object_set_new(ctx->record, "left", list);
    }
    return list;
}

/* Counts by the time, so that building a request twice at one time is one try. */
static int64_t count_try(struct step_ctx *ctx)
{
    int64_t tries = record_int(ctx->record, "delete_tries");

    if (tries == 0 || record_int(ctx->record, "delete_tried_ms") != ctx->now_ms) {
        record_set_int(ctx->record, "delete_tries", ++tries);
        record_set_int(ctx->record, "delete_tried_ms", ctx->now_ms);
    }
    return tries;
}

static void forget_tries(struct step_ctx *ctx)
{
    record_drop(ctx->record, "delete_tries");
    record_drop(ctx->record, "delete_tried_ms");
}

static bool keeps_the_old(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && x__settings(ctx)->on_update != X_REPLACE;
}

enum err_code x__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool update = ctx->course == COURSE_UPDATE;

    if (keeps_the_old(ctx) ||
        (update && (json_array_size(left(ctx)) == 0 || count_try(ctx) > DELETE_TRIES_MAX))) {
        req->skip = true;
        return ERR_NONE;
    }
    if (json_array_size(left(ctx)) == 0) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to delete is not known");
    }
    x__request(
        ctx, req, HTTP_DELETE, "/2/tweets/%s", json_string_value(json_array_get(left(ctx), 0)));
    x__sign(ctx, req, NULL);
    return ERR_NONE;
}

/* The new post is out, so an old one that stays is no reason to fail: it is tried again for a while, at a pace
 * of its own. Then both stand, and both are listed. */
static struct verdict old_not_deleted(struct step_ctx *ctx, struct verdict v)
{
    int64_t tries = record_int(ctx->record, "delete_tries");
    int64_t wait_ms = DELETE_WAIT_MS << (tries > 0 ? tries - 1 : 0);

    if (v.kind == VERDICT_REJECTED || (v.kind == VERDICT_AGAIN && tries >= DELETE_TRIES_MAX)) {
        record_drop(ctx->record, "left");
        forget_tries(ctx);
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "the old post could not be deleted: %s", v.detail);
    }
    if (v.kind == VERDICT_AGAIN && v.scope == SCOPE_POST) {
        v.not_counted = true;
        v.retry_after_ms = v.retry_after_ms > wait_ms ? v.retry_after_ms : wait_ms;
    }
    return v;
}

static bool is_gone(const struct http_response *res)
{
    json_t *body = http_json(res);
    bool gone = res->status == 404 ||
                (res->status == 200 && json_is_true(json_path(body, "data", "deleted", NULL)));

    json_decref(body);
    return gone || (res->status == 200 && x__says(res, "Not Found Error"));
}

static void now_stands_alone(struct step_ctx *ctx)
{
    (void)json_object_set_new(
        ctx->record, "standing", json_pack("[s]", record_str(ctx->record, "remote_id")));
}

struct verdict x__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    bool update = ctx->course == COURSE_UPDATE;
    struct verdict v;

    if (!is_gone(res)) {
        v = x__trouble(ctx, &any_step, res);
        return update ? old_not_deleted(ctx, v) : v;
    }
    forget_tries(ctx);
    (void)json_array_remove(left(ctx), 0);
    if (json_array_size(left(ctx)) > 0) {
        return verdict_jump("delete"); /* the list only shrinks */
    }
    record_drop(ctx->record, "left");
    if (update) {
        now_stands_alone(ctx);
    }
    return verdict_done();
}
