/* Which of our posts of an article stand on Threads, and their removal: posts cannot be edited, so a changed
 * article is another post. The new one is published first and the old one deleted behind it, which leaves
 * both for a moment rather than neither. The last steps of the courses update and retract, and the look whose
 * token this is. */

#include <string.h>

#include "adapters/record.h"
#include "adapters/standing.h"
#include "adapters/threads_internal.h"
#include "adapters/trouble.h"
#include "base/json.h"

bool threads__nothing_to_do(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && threads__settings(ctx)->on_update == THREADS_IGNORE;
}

/* The one a person named included. */
static json_t *before(const struct step_ctx *ctx)
{
    const char *named = post_id(ctx);

    return standing_before(
        ctx,
        graph_is_id,
        graph_is_id(named) ? named : NULL,
        ctx->course == COURSE_RETRACT ? NULL : record_str(ctx->record, "remote_id"));
}

void threads__note_standing(struct step_ctx *ctx)
{
    json_t *standing = before(ctx);

    standing_add(standing, record_str(ctx->record, "remote_id"), NULL);
    must(json_object_set_new(ctx->record, "standing", standing) == 0);
}

static json_t *left(struct step_ctx *ctx)
{
    return standing_left(ctx, before);
}

static void keep_standing_post(struct step_ctx *ctx)
{
    static const char *const kept[] = {
        "remote_id", "remote_url", "text", "container", "standing", NULL};

    record_keep(ctx, kept);
}

enum err_code
threads__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool update = ctx->course == COURSE_UPDATE;

    if (update && threads__settings(ctx)->on_update != THREADS_REPLACE) {
        if (threads__settings(ctx)->on_update == THREADS_IGNORE) {
            keep_standing_post(ctx);
        }
        req->skip = true;
        return ERR_NONE;
    }
    if (json_array_size(left(ctx)) == 0) {
        req->skip = update;
        return update
                   ? ERR_NONE
                   : err_set(why, ERR_NOT_FOUND, "the id of the post to delete is not known");
    }
    container_request(&threads__platform,
                      ctx,
                      req,
                      HTTP_DELETE,
                      "/%s",
                      json_string_value(json_array_get(left(ctx), 0)));
    return ERR_NONE;
}

static bool says_gone(const struct http_response *res)
{
    struct graph_error e;

    graph_error_read(&e, res);
    return graph_is(&e, 100, 33) || graph_is(&e, 24, 4279009);
}

/* The new post is out, so an old one that stays is no reason to fail. */
static struct verdict old_not_deleted(struct step_ctx *ctx, struct verdict v)
{
    if (v.kind == VERDICT_REJECTED) {
        record_drop(ctx->record, "left");
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "the old post could not be deleted: %.200s", v.detail);
    }
    v.stands = v.kind == VERDICT_AGAIN;
    return v;
}

struct verdict threads__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step step = {.name = "delete_post", .repeatable = true};
    bool update = ctx->course == COURSE_UPDATE;
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    bool deleted = record_flag(body, "success");
    struct verdict v;

    json_decref(body);
    if (!deleted && !says_gone(res)) {
        v = container_trouble(&threads__platform, ctx, &step, res);
        return update ? old_not_deleted(ctx, v) : v;
    }
    if (standing_is_more_left(ctx)) {
        return verdict_jump(update ? "delete_old" : "delete_post");
    }
    if (update) {
        json_t *alone = json_array();

        standing_add(alone, record_str(ctx->record, "remote_id"), NULL);
        must(json_object_set_new(ctx->record, "standing", alone) == 0);
    }
    return verdict_done();
}

enum err_code
threads__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    container_request(&threads__platform, ctx, req, HTTP_GET, "/me?fields=id,username");
    return ERR_NONE;
}

struct verdict threads__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step step = {.name = "whoami", .repeatable = true};
    const char *wanted = threads__settings(ctx)->user_id;
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "username");
    char id[GRAPH_ID_BYTES];
    struct verdict v;

    if (!name || !graph_answer_id(res, "id", id)) {
        v = container_trouble(&threads__platform, ctx, &step, res);
    } else if (wanted && strcmp(wanted, id) != 0) {
        v = verdict_make(
            VERDICT_BLOCKED,
            SCOPE_CHANNEL,
            0,
            "the token is @%.60s's, whose id is %s: set user_id to it, or leave it out",
            name,
            id);
    } else {
        v = verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%.100s", name);
    }
    json_decref(body);
    return v;
}
