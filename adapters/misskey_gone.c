/* Which of our notes of an article stand, and their removal. The last steps of the courses update and
 * retract.
 *
 * Notes cannot be edited, so a changed article is a new note, made first, and the old one is deleted
 * behind it. What stands is in the record, so a retraction takes all of it away. */

#include "adapters/misskey_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/standing.h"
#include "base/json.h"

/* What the post's record says, and what a person named. */
static json_t *before(const struct step_ctx *ctx)
{
    char id[MISSKEY_ID_BYTES];

    return standing_before(
        ctx,
        NULL,
        misskey__note_id(misskey__settings(ctx), post_id(ctx), post_str(ctx, "remote_url"), id),
        NULL);
}

void misskey__note_standing(struct step_ctx *ctx, const char *id)
{
    json_t *list = ctx->course == COURSE_UPDATE ? before(ctx) : json_array();

    standing_add(list, id, NULL);
    (void)json_object_set_new(ctx->record, "standing", list);
}

static json_t *left(struct step_ctx *ctx)
{
    return standing_left(ctx, before);
}

static bool replaces(const struct step_ctx *ctx)
{
    return misskey__settings(ctx)->on_update == MISSKEY_REPLACE;
}

enum err_code
misskey__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    bool update = ctx->course == COURSE_UPDATE;
    json_t *body;

    if (update && (!replaces(ctx) || json_array_size(left(ctx)) == 0)) {
        req->skip = true;
        return ERR_NONE;
    }
    if (json_array_size(left(ctx)) == 0) {
        return err_set(why, ERR_NOT_FOUND, "the id of the note to delete is not known");
    }
    body = json_object();
    json_set_str(body, "noteId", json_string_value(json_array_get(left(ctx), 0)));
    misskey__request(ctx, req, "notes/delete", body);
    return ERR_NONE;
}

static void stands_no_more(struct step_ctx *ctx, const char *id)
{
    json_t *standing = json_object_get(ctx->record, "standing");

    for (size_t i = json_array_size(standing); id && i-- > 0;) {
        if (strcmp(json_string_value(json_array_get(standing, i)), id) == 0) {
            (void)json_array_remove(standing, i);
        }
    }
}

static struct verdict one_is_gone(struct step_ctx *ctx)
{
    bool update = ctx->course == COURSE_UPDATE;

    stands_no_more(ctx, json_string_value(json_array_get(left(ctx), 0)));
    if (standing_is_more_left(ctx)) {
        return verdict_jump(update ? "delete_old" : "delete_note");
    }
    return verdict_done();
}

/* 204 and nothing more; a 200 with something else is not its answer. */
static bool is_gone(const struct http_response *res)
{
    return res->status == 204 || (res->status == 200 && res->body_len == 0) ||
           misskey__error_is(res, "NO_SUCH_NOTE");
}

/* The new note is out, so an old one that cannot go is no reason to fail: both stand, and are listed. */
struct verdict misskey__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (is_gone(res)) {
        return one_is_gone(ctx);
    }
    v = misskey__trouble(res, false);
    if (v.kind == VERDICT_REJECTED && ctx->course == COURSE_UPDATE) {
        record_drop(ctx->record, "left");
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "the old note could not be deleted: %s", v.detail);
    }
    return v;
}
