/* A changed article on a Misskey server: another note, since notes cannot be edited. Steps renew_note and
 * find_new of the course update.
 *
 * An update cannot be looked for by the course verify, so this course looks by itself. That a note is about to
 * leave is in the record before it leaves (sent_at_ms); whatever brings the course back to renew_note
 * (no answer, a crash) finds that, and looks through the account's notes first. Only when the note is not there,
 * a few seconds after it was sent, it is sent again. So the step can be repeated, and is never repeated blindly. */

#include "adapters/misskey_internal.h"

#include <string.h>

#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"
#include "base/text.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)

static bool was_sent(const struct step_ctx *ctx)
{
    return record_int(ctx->record, "sent_at_ms") > 0;
}

/* Built twice at one time it is one sending. */
enum err_code
misskey__build_renew(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc;

    if (was_sent(ctx) && record_int(ctx->record, "sent_at_ms") != ctx->now_ms) {
        req->skip = true; /* find_new looks */
        return ERR_NONE;
    }
    rc = misskey__build_note(ctx, req, why);
    if (!rc && !req->skip) {
        record_set_int(ctx->record, "sent_at_ms", ctx->now_ms);
    }
    return rc;
}

static struct verdict look_first(const char *detail)
{
    struct verdict v =
        verdict_make(VERDICT_AGAIN, SCOPE_POST, TROUBLE_AFTER_LOSS_MS, "%s", detail);

    v.jump = "find_new";
    v.maybe_public = true; /* a success nobody can read is no refusal */
    return v;
}

struct verdict misskey__read_renew(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = misskey__read_note(ctx, res);

    if (v.kind == VERDICT_UNKNOWN) {
        return look_first(v.detail);
    }
    record_drop(ctx->record, "sent_at_ms"); /* it is there, or was refused for certain */
    return v.kind == VERDICT_NEXT && !v.jump ? verdict_jump("delete_old") : v;
}

struct verdict misskey__unanswered_renew(struct step_ctx *ctx,
                                         enum transport_outcome outcome,
                                         const char *error)
{
    static const struct step once = {.publishes = true};
    struct verdict v = trouble_from_transport(&once, outcome, error);

    if (v.kind == VERDICT_UNKNOWN) {
        return look_first(v.detail);
    }
    record_drop(ctx->record, "sent_at_ms");
    return v;
}

/* ---- the look ---- */

enum err_code
misskey__build_find_new(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (!was_sent(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    return misskey__build_find(ctx, req, why);
}

static bool stood_before(const struct step_ctx *ctx, const char *id)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(ctx->post, "standing"), i, one)
    {
        if (strcmp(json_string_value(one), id) == 0) {
            return true;
        }
    }
    return post_id(ctx) && strcmp(post_id(ctx), id) == 0;
}

/* The server may trim what it gets. */
static bool says(const char *text, const char *sent)
{
    struct buf a, b;
    bool same;

    buf_init(&a, TEXT_BYTES_MAX);
    buf_init(&b, TEXT_BYTES_MAX);
    text_collapse(&a, text, strlen(text));
    text_collapse(&b, sent, strlen(sent));
    same = buf_ok(&a) && buf_ok(&b) && strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_done(&b);
    buf_done(&a);
    return same;
}

static const char *find_sent(const struct step_ctx *ctx, const json_t *list)
{
    const char *sent = record_str(ctx->record, "text");
    json_t *note;
    size_t i;

    json_array_foreach(list, i, note)
    {
        const char *id = misskey__id(note), *text = record_str(note, "text");

        if (id && text && sent && says(text, sent) && !stood_before(ctx, id)) {
            return id;
        }
    }
    return NULL;
}

/* Not there: but a request without an answer may still be worked on. */
static struct verdict not_there(struct step_ctx *ctx)
{
    int64_t age_ms = ctx->now_ms - record_int(ctx->record, "sent_at_ms");
    struct verdict v;

    if (age_ms >= 0 && age_ms < TROUBLE_AFTER_LOSS_MS) {
        v = verdict_make(VERDICT_AGAIN,
                         SCOPE_POST,
                         TROUBLE_AFTER_LOSS_MS - age_ms,
                         "it may still be worked on");
        v.not_counted = true;
        return v;
    }
    record_drop(ctx->record, "sent_at_ms");
    return verdict_jump("renew_note");
}

struct verdict misskey__read_find_new(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    const char *id = find_sent(ctx, list);
    struct verdict v;

    if (!json_is_array(list)) {
        v = misskey__trouble(res, false);
    } else if (id) {
        misskey__take_note(ctx, id);
        record_drop(ctx->record, "sent_at_ms");
        v = verdict_next();
    } else {
        v = not_there(ctx);
    }
    json_decref(list);
    return v;
}
