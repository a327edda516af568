/* The list of an article's posts that stand on a platform without edits. See standing.h; called by the last steps of
 * courses update and retract. Pure; keeps nothing but the members of the record named there. */

#include "adapters/standing.h"

#include <string.h>

#include "adapters/record.h"

#define STANDING_MAX 64
#define TRIES_MAX 8
#define WAIT_MS (5 * MS_SECOND)

void standing_add(json_t *list, const char *id, const char *own)
{
    bool there = !id || (own && strcmp(id, own) == 0) || json_array_size(list) >= STANDING_MAX;

    for (size_t i = 0; !there && i < json_array_size(list); i++) {
        there = strcmp(json_string_value(json_array_get(list, i)), id) == 0;
    }
    if (!there) {
        must(json_array_append_new(list, json_string(id)) == 0);
    }
}

json_t *standing_before(const struct step_ctx *ctx,
                        bool (*is_id)(const char *id),
                        const char *named,
                        const char *own)
{
    json_t *list = json_array(), *one;
    size_t i;

    json_array_foreach(json_object_get(ctx->post, "standing"), i, one)
    {
        const char *id = json_string_value(one);

        standing_add(list, id && (!is_id || is_id(id)) ? id : NULL, own);
    }
    standing_add(list, ctx->post ? named : NULL, own);
    return list;
}

json_t *standing_left(struct step_ctx *ctx, json_t *(*before)(const struct step_ctx *ctx))
{
    json_t *list = json_object_get(ctx->record, "left"), *oldest_first;

    if (!list) {
        oldest_first = before(ctx);
        list = json_array();
        for (size_t i = json_array_size(oldest_first); i-- > 0;) {
            must(json_array_append(list, json_array_get(oldest_first, i)) == 0);
        }
        json_decref(oldest_first);
        must(json_object_set_new(ctx->record, "left", list) == 0);
    }
    return list;
}

bool standing_is_more_left(struct step_ctx *ctx)
{
    json_t *list = json_object_get(ctx->record, "left");

    (void)json_array_remove(list, 0);
    if (json_array_size(list) > 0) {
        return true;
    }
    record_drop(ctx->record, "left");
    return false;
}

bool standing_try(struct step_ctx *ctx)
{
    int64_t tries = record_int(ctx->record, "delete_tries");

    if (tries == 0 || record_int(ctx->record, "delete_tried_ms") != ctx->now_ms) {
        record_set_int(ctx->record, "delete_tries", ++tries);
        record_set_int(ctx->record, "delete_tried_ms", ctx->now_ms);
    }
    return tries <= TRIES_MAX;
}

void standing_forget_tries(struct step_ctx *ctx)
{
    record_drop(ctx->record, "delete_tries");
    record_drop(ctx->record, "delete_tried_ms");
}

struct verdict standing_not_deleted(struct step_ctx *ctx, struct verdict v)
{
    int64_t tries = record_int(ctx->record, "delete_tries");
    int64_t wait_ms = WAIT_MS << (tries > 0 && tries <= TRIES_MAX ? tries - 1 : 0);

    if (v.kind == VERDICT_REJECTED || (v.kind == VERDICT_AGAIN && tries >= TRIES_MAX)) {
        record_drop(ctx->record, "left");
        standing_forget_tries(ctx);
        return verdict_make(
            VERDICT_DONE, SCOPE_POST, 0, "the old post could not be deleted: %.200s", v.detail);
    }
    if (v.kind == VERDICT_AGAIN && v.scope == SCOPE_POST) {
        v.not_counted = true;
        v.retry_after_ms = v.retry_after_ms > wait_ms ? v.retry_after_ms : wait_ms;
    }
    return v;
}
