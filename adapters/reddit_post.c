/* The post on Reddit: submitted, edited, deleted; and whose token this is. Most steps of the adapter.
 *
 * A link is taken once per community (resubmit=false), so submitting it again makes nothing new: the
 * refusal ALREADY_SUB leads to a look in the account's own list. A text can be posted twice: it is sent
 * once, and looked for. */

#include "adapters/reddit_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/fit.h"
#include "adapters/markdown.h"
#include "adapters/record.h"
#include "base/json.h"

static MUST_USE enum err_code fix_texts(struct step_ctx *ctx, struct err *why)
{
    const struct reddit_settings *s = reddit__settings(ctx);
    const struct text_rule *limits = reddit__limits;
    enum err_code rc = fit_record(
        ctx, "title", s->title, &limits[REDDIT_LIMIT_TITLE], mustache_escape_none, why);

    if (rc || s->kind != REDDIT_SELF) {
        return rc;
    }
    return fit_record(ctx, "text", s->text, &limits[REDDIT_LIMIT_TEXT], markdown_escape, why);
}

static const char *word(bool yes)
{
    return yes ? "true" : "false";
}

static MUST_USE enum err_code
build_submit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct reddit_settings *s = reddit__settings(ctx);
    bool is_link = s->kind == REDDIT_LINK;
    enum err_code rc = fix_texts(ctx, why);

    if (rc) {
        return rc;
    }
    reddit__request(ctx, req, HTTP_POST, "/api/submit");
    oauth_form_add(req, "api_type", "json");
    oauth_form_add(req, "sr", s->subreddit);
    oauth_form_add(req, "kind", is_link ? "link" : "self");
    oauth_form_add(req, "title", record_str(ctx->record, "title"));
    oauth_form_add(
        req, is_link ? "url" : "text", is_link ? ctx->link : record_str(ctx->record, "text"));
    oauth_form_add(req, "resubmit", is_link ? "false" : NULL);
    oauth_form_add(req, "sendreplies", word(s->send_replies));
    oauth_form_add(req, "nsfw", word(s->nsfw));
    oauth_form_add(req, "spoiler", word(s->spoiler));
    oauth_form_add(req, "flair_id", s->flair_id);
    oauth_form_add(req, "flair_text", s->flair_text);
    return ERR_NONE;
}

enum err_code
reddit__build_link(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (reddit__settings(ctx)->kind != REDDIT_LINK) {
        req->skip = true;
        return ERR_NONE;
    }
    return build_submit(ctx, req, why);
}

enum err_code
reddit__build_self(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (reddit__settings(ctx)->kind != REDDIT_SELF) {
        req->skip = true;
        return ERR_NONE;
    }
    return build_submit(ctx, req, why);
}

static struct verdict
read_submitted(struct step_ctx *ctx, const struct http_response *res, bool once)
{
    json_t *body = http_json(res);
    const json_t *data = json_path(body, "json", "data", NULL);
    const char *name = record_str(data, "name"), *code = reddit__error_code(body);
    char checked[REDDIT_NAME_BYTES];
    struct verdict v = verdict_done();

    if (res->status == 200 && !code && reddit__post_name(name, NULL, checked)) {
        post_set(ctx, checked, record_str(data, "url"));
    } else if (code && strcmp(code, "ALREADY_SUB") == 0) {
        v = verdict_jump("find_post");
    } else {
        v = reddit__trouble(res, once);
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "title");
        record_drop(ctx->record, "text");
    }
    json_decref(body);
    return v;
}

struct verdict reddit__read_link(struct step_ctx *ctx, const struct http_response *res)
{
    return read_submitted(ctx, res, false);
}

struct verdict reddit__read_self(struct step_ctx *ctx, const struct http_response *res)
{
    return read_submitted(ctx, res, true);
}

/* ---- what stands ---- */

static MUST_USE enum err_code
standing(const struct step_ctx *ctx, char out[REDDIT_NAME_BYTES], struct err *why)
{
    return reddit__post_name(post_id(ctx), post_str(ctx, "remote_url"), out)
               ? ERR_NONE
               : err_set(why, ERR_NOT_FOUND, "the id of the post is not known");
}

enum err_code
reddit__build_edit(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char name[REDDIT_NAME_BYTES];
    enum err_code rc = standing(ctx, name, why);

    rc = rc ? rc : fix_texts(ctx, why);
    if (rc) {
        return rc;
    }
    reddit__request(ctx, req, HTTP_POST, "/api/editusertext");
    oauth_form_add(req, "api_type", "json");
    oauth_form_add(req, "thing_id", name);
    oauth_form_add(req, "text", record_str(ctx->record, "text"));
    return ERR_NONE;
}

struct verdict reddit__read_edit(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool done = res->status == 200 && json_path(body, "json", "data", NULL) &&
                !reddit__error_code(body);

    json_decref(body);
    if (!done) {
        return reddit__trouble(res, false);
    }
    record_keep(ctx, (const char *const[]){"remote_id", "remote_url", NULL});
    return verdict_done();
}

enum err_code
reddit__build_delete(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char name[REDDIT_NAME_BYTES];
    enum err_code rc = standing(ctx, name, why);

    if (rc) {
        return rc;
    }
    reddit__request(ctx, req, HTTP_POST, "/api/del");
    oauth_form_add(req, "id", name);
    return ERR_NONE;
}

/* It says {} to everything, also where there is nothing to delete. */
struct verdict reddit__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = http_json(res);
    bool done = res->status == 200 && json_is_object(body) && !reddit__error_code(body);

    (void)ctx;
    json_decref(body);
    return done ? verdict_done() : reddit__trouble(res, false);
}

/* ---- the test ---- */

enum err_code
reddit__build_whoami(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    reddit__request(ctx, req, HTTP_GET, "/api/v1/me?raw_json=1");
    return ERR_NONE;
}

struct verdict reddit__read_whoami(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const char *name = record_str(body, "name");
    const char *wanted = reddit__settings(ctx)->username;
    struct verdict v = verdict_next();

    if (!name) {
        v = reddit__trouble(res, false);
    } else if (strcasecmp(name, wanted) != 0) {
        v = verdict_make(VERDICT_BLOCKED,
                         SCOPE_CHANNEL,
                         0,
                         "the token is of /u/%s, `username` says %s",
                         name,
                         wanted);
    } else if (json_is_true(json_object_get(body, "is_suspended"))) {
        v = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "the account is suspended");
    }
    json_decref(body);
    return v;
}

enum err_code
reddit__build_about(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    (void)why;
    reddit__request(
        ctx, req, HTTP_GET, "/r/%s/about?raw_json=1", reddit__settings(ctx)->subreddit);
    return ERR_NONE;
}

/* What the community takes: "any", "link" or "self". */
static const char *objection(const struct reddit_settings *s, const json_t *data)
{
    const char *takes = record_str(data, "submission_type");

    if (json_is_true(json_object_get(data, "user_is_banned"))) {
        return "the account is banned there";
    }
    if (takes && strcmp(takes, "link") == 0 && s->kind == REDDIT_SELF) {
        return "it takes links only: set kind: link";
    }
    if (takes && strcmp(takes, "self") == 0 && s->kind == REDDIT_LINK) {
        return "it takes texts only: set kind: self";
    }
    return NULL;
}

struct verdict reddit__read_about(struct step_ctx *ctx, const struct http_response *res)
{
    const struct reddit_settings *s = reddit__settings(ctx);
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *data = json_object_get(body, "data");
    const char *reason = objection(s, data);
    struct verdict v;

    if (!record_str(data, "display_name")) {
        v = res->status == 200
                ? verdict_make(
                      VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "there is no r/%s", s->subreddit)
                : reddit__trouble(res, false);
        v.kind = v.kind == VERDICT_REJECTED ? VERDICT_BLOCKED : v.kind;
    } else if (reason) {
        v = verdict_make(VERDICT_BLOCKED, SCOPE_CHANNEL, 0, "r/%s: %s", s->subreddit, reason);
    } else {
        v = verdict_make(VERDICT_DONE,
                         SCOPE_POST,
                         0,
                         "signed in as /u/%s; r/%s is there",
                         s->username,
                         s->subreddit);
    }
    json_decref(body);
    return v;
}
