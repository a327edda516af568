/* Slack's answers: what each step's answer means, and what a message is known by afterwards. Called
 * by the courses in slack.c. Owns nothing. */

#include "adapters/slack_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/record.h"
#include "base/json.h"
#include "base/mem.h"

/* Members of a post's record. */
static const char *const kept[] = {"remote_id", "remote_url", NULL};

/* https://example.slack.com/archives/C012/p1503435956000247; NULL while the workspace's address has
 * not been learned. */
static char *message_link(const struct step_ctx *ctx, const struct slack_post *post)
{
    const char *url = record_str(slack__workspace(ctx), "url");
    const char *dot = strchr(post->ts, '.');

    return url && dot ? mem_printf("%sarchives/%s/p%.*s%s",
                                   url,
                                   post->channel,
                                   (int)(dot - post->ts),
                                   post->ts,
                                   dot + 1)
                      : NULL;
}

bool slack__record_message(struct step_ctx *ctx, const char *channel, const char *ts)
{
    char *id = mem_printf("%s/%s", channel ? channel : "", ts ? ts : "");
    struct slack_post post;
    bool known = slack__post_read(&post, id, NULL);
    char *link;

    if (known) {
        link = message_link(ctx, &post);
        post_set(ctx, id, link);
        mem_free(link);
    }
    mem_free(id);
    return known;
}

/* A picture Slack cannot fetch makes it refuse the whole message; so it goes without, once. */
static bool goes_without_picture(struct step_ctx *ctx,
                                 const struct step *step,
                                 const struct http_response *res,
                                 struct verdict *out)
{
    char error[SLACK_ERROR_BYTES];

    slack__error(res, error);
    if (!slack__has_picture(ctx) || strncmp(error, "invalid_blocks", 14) != 0) {
        return false;
    }
    record_set_flag(ctx->record, "picture_off", true);
    *out = verdict_jump(step->name);
    out->refused = true;
    (void)snprintf(out->detail, sizeof out->detail, "%s: without the picture", error);
    return true;
}

/* ---- publish ---- */

/* A webhook says "ok", and not as what the message is known. */
struct verdict slack__read_hook(struct step_ctx *ctx, const struct http_response *res)
{
    const struct step *step = &slack__publish[1];
    struct verdict v;

    if (res->status == 200 && res->body_len >= 2 && strncmp(res->body, "ok", 2) == 0 &&
        res->body[2 + strspn(res->body + 2, " \r\n")] == '\0') {
        post_set(ctx, NULL, NULL);
        return verdict_done();
    }
    if (res->status == 400 && goes_without_picture(ctx, step, res, &v)) {
        return v;
    }
    return slack__hook_trouble(step, res);
}

struct verdict slack__read_bot(struct step_ctx *ctx, const struct http_response *res)
{
    const struct step *step = &slack__publish[2];
    json_t *body = slack__ok(res);
    bool known =
        slack__record_message(ctx, record_str(body, "channel"), record_str(body, "ts"));
    struct verdict v;

    json_decref(body);
    if (known) {
        return verdict_done();
    }
    return goes_without_picture(ctx, step, res, &v) ? v : slack__trouble(step, res);
}

/* ---- what stands ---- */

static struct verdict done_keeping(struct step_ctx *ctx)
{
    record_keep(ctx, kept);
    return verdict_done();
}

static bool said_ok(const struct http_response *res)
{
    json_t *body = slack__ok(res);
    bool ok = body != NULL;

    json_decref(body);
    return ok;
}

static bool said(const struct http_response *res, const char *word)
{
    char error[SLACK_ERROR_BYTES];

    slack__error(res, error);
    return strcmp(error, word) == 0;
}

struct verdict slack__read_update(struct step_ctx *ctx, const struct http_response *res)
{
    const struct step *step = &slack__update[0];
    struct verdict v;

    if (said_ok(res)) {
        return done_keeping(ctx);
    }
    return goes_without_picture(ctx, step, res, &v) ? v : slack__trouble(step, res);
}

/* Somebody was faster: gone is what we wanted. What a workspace does not let us delete is changed. */
struct verdict slack__read_delete(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (said_ok(res) || said(res, "message_not_found")) {
        return done_keeping(ctx);
    }
    if (said(res, "cant_delete_message")) {
        v = verdict_jump("update_retracted");
        v.refused = true;
        return v;
    }
    return slack__trouble(&slack__retract[0], res);
}

struct verdict slack__read_retracted(struct step_ctx *ctx, const struct http_response *res)
{
    return said_ok(res) || said(res, "message_not_found")
               ? done_keeping(ctx)
               : slack__trouble(&slack__retract[1], res);
}

/* ---- test ---- */

/* "No text" is what a webhook that is there says to a message without one. */
struct verdict slack__read_probe(struct step_ctx *ctx, const struct http_response *res)
{
    (void)ctx;
    if (res->status == 400 &&
        (said(res, "no_text") || said(res, "missing_text_or_fallback_or_attachments") ||
         said(res, "invalid_payload"))) {
        return verdict_make(VERDICT_DONE, SCOPE_POST, 0, "the webhook is there");
    }
    return slack__hook_trouble(&slack__test[1], res);
}
