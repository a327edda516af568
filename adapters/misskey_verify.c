/* Whose token this is, and whether our note stands after an outcome nobody knows. Courses verify and
 * test. The server knows no key of ours, so the account's own notes are read, newest first, back to
 * the time the delivery was made. */

#include "adapters/misskey_internal.h"

#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/json.h"

#define PAGE_SIZE 100 /* the most a server gives at once */
#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PAGE_BYTES_MAX 4096

static const char *own_id(const struct step_ctx *ctx)
{
    const char *instance = record_str(ctx->account, "instance");

    return instance && strcmp(instance, misskey__settings(ctx)->instance) == 0
               ? misskey__id(ctx->account)
               : NULL;
}

enum err_code
misskey__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    if (misskey__nothing_to_do(ctx) || (own_id(ctx) && ctx->course != COURSE_TEST)) {
        req->skip = true;
        return ERR_NONE;
    }
    misskey__request(ctx, req, "i", json_object());
    return ERR_NONE;
}

struct verdict misskey__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *id = misskey__id(body);
    struct verdict v = verdict_next();

    if (!id) {
        v = misskey__trouble(res, false);
    } else if (json_is_true(json_object_get(body, "isSuspended"))) {
        v = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the account is suspended");
    } else {
        json_set_str(ctx->account, "id", id);
        json_set_str(ctx->account, "username", record_str(body, "username"));
        json_set_str(ctx->account, "instance", misskey__settings(ctx)->instance);
    }
    json_decref(body);
    return v;
}

struct verdict misskey__read_test(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = misskey__read_whoami(ctx, res);
    const char *name = record_str(ctx->account, "username");

    if (v.kind != VERDICT_NEXT) {
        return v;
    }
    return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "signed in as @%s", name ? name : "?");
}

enum err_code
misskey__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const char *id = own_id(ctx);
    json_t *body;

    if (!id) {
        return err_set(why, ERR_NOT_FOUND, "the id of the account is not known");
    }
    body = json_object();
    json_set_str(body, "userId", id);
    record_set_int(body, "limit", PAGE_SIZE);
    (void)json_object_set_new(body, "withReplies", json_false());
    (void)json_object_set_new(body, "withRenotes", json_false());
    json_set_str(body, "untilId", look_from(ctx));
    misskey__request(ctx, req, "users/notes", body);
    req->max_answer_bytes = LIST_BYTES_MAX;
    return ERR_NONE;
}

static struct look_post post_of(const json_t *note)
{
    return (struct look_post){.id = misskey__id(note),
                              .text = record_str(note, "text"),
                              .at_ms = look_time(record_str(note, "createdAt"))};
}

static struct verdict take_found(struct step_ctx *ctx, struct look_post post)
{
    static const char *const kept[] = {"text", "cw", "media_id", "media_url", NULL};
    struct buf page;
    struct verdict v;

    buf_init(&page, PAGE_BYTES_MAX);
    misskey__page(ctx, post.id, &page);
    post.url = buf_ok(&page) ? buf_str(&page) : NULL;
    v = look_found(ctx, &post, kept);
    if (v.kind == VERDICT_DONE) {
        misskey__note_standing(ctx, post.id);
    }
    buf_done(&page);
    return v;
}

struct verdict misskey__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *list = res->status == 200 ? http_json(res) : NULL;
    struct look_post post = {.id = NULL};
    bool older = false, found = false;
    struct verdict v;
    json_t *note;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(list);
        return misskey__trouble(res, false);
    }
    json_array_foreach(list, i, note)
    {
        post = post_of(note);
        older = older || look_is_too_old(ctx, &post);
        if (!found && !older && look_is_ours(ctx, &post)) {
            found = true;
            v = take_found(ctx, post);
        }
    }
    if (!found) {
        v = look_further(ctx, "find_note", post.id, older || json_array_size(list) == 0);
    }
    json_decref(list);
    return v;
}
