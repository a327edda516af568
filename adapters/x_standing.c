/* Which of our posts of an article stand, and their removal. Corrections may be posts of their own (replies, or
 * one in place of another), so a retraction deletes all of them, newest first: a reply goes before what it
 * replies to. Of the courses update (replace: the old one goes when the new one is there) and retract. A post
 * that is gone already is as good as deleted. */

#include "adapters/x_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "adapters/standing.h"
#include "base/json.h"

/* Where a person named one, that one too. */
static json_t *before(const struct step_ctx *ctx)
{
    char named[X_ID_BYTES];

    return standing_before(
        ctx, x__is_id, x__post_id(post_id(ctx), post_str(ctx, "remote_url"), named), NULL);
}

const char *x__newest(const struct step_ctx *ctx, char out[X_ID_BYTES])
{
    json_t *list = before(ctx);
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
    json_t *list = before(ctx);

    if (in_place && json_array_size(list) > 0) {
        (void)json_array_remove(list, json_array_size(list) - 1);
    }
    standing_add(list, x__is_id(id) ? id : NULL, NULL);
    (void)json_object_set_new(ctx->record, "standing", list);
}

static json_t *left(struct step_ctx *ctx)
{
    return standing_left(ctx, before);
}

static bool keeps_the_old(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && x__settings(ctx)->on_update != X_REPLACE;
}

enum err_code x__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool update = ctx->course == COURSE_UPDATE;

    if (keeps_the_old(ctx) ||
        (update && (json_array_size(left(ctx)) == 0 || !standing_try(ctx)))) {
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
        return update ? standing_not_deleted(ctx, v) : v;
    }
    standing_forget_tries(ctx);
    if (standing_is_more_left(ctx)) {
        return verdict_jump("delete");
    }
    if (update) {
        now_stands_alone(ctx);
    }
    return verdict_done();
}
