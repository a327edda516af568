/* The note of an update: another note, in place of the first or in reply to it. A step of the course update.
 *
 * Nobody verifies an update, so it looks for itself: while an earlier request of the delivery may have made the
 * note, the account's own notes are asked for instead of sending it. What says word for word the same and did not
 * stand before is it. So the step may be repeated, and nothing is posted twice. */

#include "adapters/misskey_internal.h"

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define PAGE_BYTES_MAX 4096

/* Of this very moment: the same request, built once more. */
static bool in_doubt(const struct step_ctx *ctx)
{
    int64_t sent_at_ms = record_int(ctx->record, "sent_at_ms");

    return sent_at_ms > 0 && sent_at_ms != ctx->now_ms;
}

enum err_code
misskey__build_change(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc;

    if (record_str(ctx->record, "remote_id")) {
        req->skip = true; /* made; what is left is the old one's removal */
        return ERR_NONE;
    }
    record_set_flag(ctx->record, "looking", in_doubt(ctx));
    if (in_doubt(ctx) && !misskey__own_id(ctx)) {
        return misskey__build_whoami(ctx, req, why);
    }
    if (in_doubt(ctx)) {
        misskey__list(ctx, req, true);
        return ERR_NONE;
    }
    rc = misskey__build_note(ctx, req, why);
    if (!rc && !req->skip) {
        record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    }
    return rc;
}

/* ---- the look ---- */

static bool is_it(const struct step_ctx *ctx, const struct look_post *post)
{
    return post->id && !misskey__stood_before(ctx, post->id) &&
           look_same_text(post->text, record_str(ctx->record, "text"));
}

static struct verdict take(struct step_ctx *ctx, const char *id)
{
    struct buf page;

    buf_init(&page, PAGE_BYTES_MAX);
    misskey__page(ctx, id, &page);
    post_set(ctx, id, buf_ok(&page) ? buf_str(&page) : NULL);
    misskey__note_standing(ctx, id);
    buf_done(&page);
    return verdict_next();
}

static struct verdict look_through(struct step_ctx *ctx, const json_t *list)
{
    struct look_post post = {.id = NULL};
    bool older = false;
    struct verdict v;
    json_t *note;
    size_t i;

    json_array_foreach(list, i, note)
    {
        post = misskey__listed(note);
        older = older || look_is_too_old(ctx, &post);
        if (!older && is_it(ctx, &post)) {
            return take(ctx, post.id);
        }
    }
    v = look_further(ctx, "create_note", post.id, older || json_array_size(list) == 0);
    if (v.kind == VERDICT_ABSENT) {
        record_drop(ctx->record, "sent_at_ms");
        v = verdict_jump("create_note");
    }
    return v;
}

static struct verdict read_look(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    struct verdict v;

    if (json_is_array(list)) {
        v = look_through(ctx, list);
    } else if (misskey__own_id(ctx)) {
        v = misskey__trouble(res, false);
    } else {
        v = misskey__read_whoami(ctx, res);
        v.jump = v.kind == VERDICT_NEXT ? "create_note" : NULL;
    }
    json_decref(list);
    return v;
}

/* ---- the answer ---- */

struct verdict misskey__read_change(struct step_ctx *ctx, const struct http_response *res)
{
    bool looked = record_flag(ctx->record, "looking");
    struct verdict v;

    record_drop(ctx->record, "looking");
    if (looked) {
        return read_look(ctx, res);
    }
    v = misskey__read_note(ctx, res);
    if (res->status >= 400 && res->status < 500 && res->status != 408) {
        record_drop(ctx->record, "sent_at_ms"); /* refused, whatever for */
    } else if (v.kind == VERDICT_AGAIN) {       /* it may still be worked on */
        v.maybe_public = true;
        v.retry_after_ms =
            v.retry_after_ms > TROUBLE_AFTER_LOSS_MS ? v.retry_after_ms : TROUBLE_AFTER_LOSS_MS;
    }
    return v;
}

struct verdict misskey__change_unanswered(struct step_ctx *ctx,
                                          enum transport_outcome outcome,
                                          const char *error)
{
    static const struct step step = {.repeatable = true, .publishes = true};

    if (outcome == TRANSPORT_NOT_SENT && !record_flag(ctx->record, "looking")) {
        record_drop(ctx->record, "sent_at_ms");
    }
    record_drop(ctx->record, "looking");
    return trouble_from_transport(&step, outcome, error);
}
