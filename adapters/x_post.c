/* The post itself: its text, the request that makes it, the one that edits it or replies to it. The last steps of
 * the courses publish and update.
 *
 * X has no key to repeat a request by. A post that may have been made is looked for: of a publication by the
 * course verify, of an update here. The step `update` asks for the account's list instead of posting when an
 * earlier request of the delivery had no answer; so it may be repeated, and nothing is posted twice. */

#include "adapters/x_internal.h"

#include <string.h>

#include "adapters/fit.h"
#include "adapters/record.h"
#include "adapters/trouble.h"
#include "base/json.h"

#define TEXT_BYTES_MAX ((size_t)256 * 1024)
#define EDITABLE_MS                                                                            \
    MS_HOUR /* the changelog has an hour, a guide half of it: X says no in between */

static const struct step post_step = {.publishes = true};

/* ---- the text ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether "$" at this place begins a cashtag, as X links them: $TICKER, up to six letters. */
static bool is_cashtag(const char *text, size_t at)
{
    size_t n = 0;

    if (text[at] != '$' || (at > 0 && !strchr(" \t\n\r(\"'", text[at - 1]))) {
        return false;
    }
    while (is_letter(text[at + 1 + n])) {
        n++;
    }
    return n >= 1 && n <= 6;
}

/* Apps may use one cashtag a post; the others become plain words. */
static void leave_one_cashtag(struct buf *text)
{
    size_t out = 0, seen = 0;
    char *t = text->data;

    for (size_t i = 0; i < text->len; i++) {
        if (is_cashtag(buf_str(text), i) && seen++ > 0) {
            continue;
        }
        t[out++] = t[i];
    }
    buf_truncate(text, out);
}

static bool is_reply(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && x__settings(ctx)->on_update == X_REPLY;
}

static bool is_edit(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && x__settings(ctx)->on_update == X_EDIT;
}

/* Into the record, once per delivery: X's filter of duplicates knows a text by its bytes. */
static MUST_USE enum err_code fix_text(struct step_ctx *ctx, struct err *why)
{
    const struct x_settings *s = x__settings(ctx);
    struct text_rule rule = x__limits[X_LIMIT_TEXT];
    const char *link = ctx->link;
    enum err_code rc;
    struct buf text;

    if (record_str(ctx->record, "text")) {
        return ERR_NONE;
    }
    rule.max = (size_t)s->max_characters;
    buf_init(&text, TEXT_BYTES_MAX);
    if (s->link == X_LINK_NONE) {
        ctx->link = ""; /* {{url}} is nothing then */
    }
    rc = fit_text(ctx,
                  is_reply(ctx) ? s->update_text : s->text,
                  &rule,
                  mustache_escape_none,
                  NULL,
                  &text,
                  why);
    ctx->link = link;
    if (!rc) {
        leave_one_cashtag(&text);
        json_set_str(ctx->record, "text", buf_str(&text));
    }
    buf_done(&text);
    return rc;
}

/* ---- the request ---- */

static void set_media(const struct step_ctx *ctx, json_t *body)
{
    json_t *ids = x__media_ids(ctx);

    if (json_array_size(ids) > 0) {
        (void)json_object_set_new(body, "media", json_pack("{s:O}", "media_ids", ids));
    }
    json_decref(ids);
}

static json_t *make_body(const struct step_ctx *ctx, const char *newest)
{
    const struct x_settings *s = x__settings(ctx);
    json_t *body = json_object();

    json_set_str(body, "text", record_str(ctx->record, "text"));
    set_media(ctx, body);
    if (is_reply(ctx)) {
        (void)json_object_set_new(
            body, "reply", json_pack("{s:s}", "in_reply_to_tweet_id", newest));
    } else if (s->reply_settings > 0) {
        json_set_str(body, "reply_settings", x__reply_settings[s->reply_settings]);
    }
    if (is_edit(ctx)) {
        (void)json_object_set_new(
            body, "edit_options", json_pack("{s:s}", "previous_post_id", newest));
    }
    if (s->made_with_ai) {
        (void)json_object_set_new(body, "made_with_ai", json_true());
    }
    return body;
}

/* Whether this is a second sending of a post that was never refused. */
static void note_sending(struct step_ctx *ctx)
{
    if (record_age(ctx->record, "sent_at_ms", ctx->now_ms) > 0) {
        record_set_flag(ctx->record, "sent_again", true);
    }
}

/* Of a post that was sent twice the refusal says nothing about the first time. */
static void note_refusal(struct step_ctx *ctx)
{
    if (!record_flag(ctx->record, "sent_again")) {
        record_drop(ctx->record, "sent_at_ms");
    }
}

static void build_request(struct step_ctx *ctx, struct http_request *req, const char *newest)
{
    json_t *body = make_body(ctx, newest);

    note_sending(ctx);
    x__request(ctx, req, HTTP_POST, "/2/tweets");
    http_set_json(req, body);
    json_decref(body);
    x__sign(ctx, req, NULL);
}

enum err_code x__build_post(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    enum err_code rc = fix_text(ctx, why);

    if (!rc) {
        build_request(ctx, req, NULL);
    }
    return rc;
}

/* ---- the answer ---- */

static void made(struct step_ctx *ctx, const char *id)
{
    x__note_standing(ctx, id, is_edit(ctx));
    record_set_int(ctx->record, "posted_at_ms", ctx->now_ms);
    x__set_post(ctx, id);
}

static bool is_duplicate(const struct http_response *res)
{
    return res->status == 403 && x__says(res, "duplicate content");
}

/* The filter says no to a text it has just seen: of ours, if one of our requests had no answer. */
static struct verdict known_text(struct step_ctx *ctx, const struct http_response *res)
{
    if (!record_flag(ctx->record, "sent_again")) {
        return x__trouble(ctx, &post_step, res);
    }
    if (record_flag(ctx->record, "known_text")) {
        return verdict_make(VERDICT_REJECTED,
                            SCOPE_POST,
                            0,
                            "403: X says it has this text, and the account's list has not: see "
                            "for yourself, or change the text");
    }
    record_set_flag(ctx->record, "known_text", true);
    return verdict_make(VERDICT_UNKNOWN,
                        SCOPE_POST,
                        0,
                        "403: X has this text already, perhaps of an earlier attempt");
}

static bool lost_media(const struct http_response *res)
{
    return (res->status == 400 || res->status == 403 || res->status == 404) &&
           (x__says(res, "media ID") || x__says(res, "media_id"));
}

static struct verdict post_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (is_duplicate(res)) {
        v = known_text(ctx, res);
    } else if (lost_media(res) && x__media_renew(ctx, &v)) {
        note_refusal(ctx);
        return v;
    } else {
        v = x__trouble(ctx, &post_step, res);
    }
    if (v.kind != VERDICT_UNKNOWN) {
        note_refusal(ctx);
    }
    if (v.kind == VERDICT_AGAIN) {
        v.jump = "begin_video"; /* uploads may have ended when it goes on */
    }
    if (v.kind == VERDICT_REJECTED) {
        /* When somebody sends it again after changing the template, it is rendered anew. */
        record_drop(ctx->record, "text");
    }
    return v;
}

struct verdict x__read_post(struct step_ctx *ctx, const struct http_response *res)
{
    char id[X_ID_BYTES];

    if (!x__answer_id(res, id)) {
        return post_trouble(ctx, res);
    }
    made(ctx, id);
    return verdict_done();
}

struct verdict
x__post_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    if (outcome == TRANSPORT_NOT_SENT) {
        note_refusal(ctx);
    }
    return trouble_from_transport(&post_step, outcome, error);
}

/* ---- updates ---- */

bool x__nothing_to_do(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && x__settings(ctx)->on_update == X_IGNORE;
}

/* An earlier request of this delivery may have made the post. One of this very moment is the same one, built
 * again; one of the time to come is as early as any: the clock was set back since. */
static bool in_doubt(const struct step_ctx *ctx)
{
    const json_t *sent = json_object_get(ctx->record, "sent_at_ms");

    return sent && json_integer_value(sent) != ctx->now_ms;
}

static MUST_USE enum err_code
may_update(const struct step_ctx *ctx, const char *newest, struct err *why)
{
    int64_t posted_ms = record_int(ctx->post, "posted_at_ms");

    if (!newest) {
        return err_set(why, ERR_NOT_FOUND, "the id of the post to change is not known");
    }
    if (is_edit(ctx) && posted_ms > 0 && ctx->now_ms - posted_ms > EDITABLE_MS) {
        return err_set(
            why,
            ERR_INVALID,
            "X lets a post be edited for an hour at most: on_update: replace or reply "
            "reaches older ones");
    }
    return ERR_NONE;
}

static void build_look(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    record_set_flag(ctx->record, "looking", true);
    if (record_str(ctx->record, "me")) {
        x__build_list(ctx, req);
    } else {
        (void)x__build_whoami(ctx, req, why);
    }
}

enum err_code x__build_update(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    char id[X_ID_BYTES];
    const char *newest = x__newest(ctx, id);
    enum err_code rc;

    if (x__nothing_to_do(ctx)) {
        record_keep(ctx,
                    (const char *const[]){
                        "remote_id", "remote_url", "text", "standing", "posted_at_ms", NULL});
        req->skip = true;
        return ERR_NONE;
    }
    if (record_str(ctx->record, "remote_id")) {
        req->skip = true; /* made; what is left is the old one's removal */
        return ERR_NONE;
    }
    if (in_doubt(ctx)) {
        build_look(ctx, req, why);
        return ERR_NONE;
    }
    rc = may_update(ctx, newest, why);
    rc = rc ? rc : fix_text(ctx, why);
    if (!rc) {
        build_request(ctx, req, newest);
    }
    return rc;
}

static void forget_look(struct step_ctx *ctx)
{
    record_drop(ctx->record, "looking");
    record_drop(ctx->record, "me");
    record_drop(ctx->record, "pages");
    record_drop(ctx->record, "next_page");
}

static struct verdict read_me(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = x__read_whoami(ctx, res);

    record_drop(ctx->record, "looking");
    if (v.kind == VERDICT_NEXT) {
        json_set_str(ctx->record, "me", record_str(ctx->account, "id"));
        v.jump = "update";
    }
    return v;
}

static struct verdict read_look(struct step_ctx *ctx, const struct http_response *res)
{
    static const struct step any_step = {.repeatable = true};
    char id[X_ID_BYTES];

    record_drop(ctx->record, "looking");
    switch (x__read_list(ctx, res, true, id)) {
    case X_FOUND:
    case X_FOUND_OLDER:
        forget_look(ctx);
        made(ctx, id);
        return verdict_next();
    case X_MORE_PAGES:
        return verdict_jump("update");
    case X_NOT_HERE:
        forget_look(ctx);
        record_drop(ctx->record, "sent_at_ms");
        /* A list may lag; then the filter of duplicates knows better, and is asked what it means. */
        record_set_flag(ctx->record, "sent_again", true);
        return verdict_jump("update");
    case X_UNREADABLE:
        break;
    }
    return x__trouble(ctx, &any_step, res);
}

/* What stands says the same already: there is nothing to replace. */
static struct verdict same_text(struct step_ctx *ctx)
{
    record_drop(ctx->record, "sent_at_ms");
    record_keep(
        ctx,
        (const char *const[]){"remote_id", "remote_url", "standing", "posted_at_ms", NULL});
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "X takes no second post with the same text: the one that stands stays");
}

static bool stands_with_it(const struct step_ctx *ctx)
{
    const char *text = record_str(ctx->record, "text"), *before = post_str(ctx, "text");

    return text && before && strcmp(text, before) == 0;
}

static struct verdict update_trouble(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (is_duplicate(res) && stands_with_it(ctx)) {
        return same_text(ctx);
    }
    v = post_trouble(ctx, res);
    if (v.kind == VERDICT_UNKNOWN) {
        v.kind = VERDICT_AGAIN; /* the next try looks */
        v.maybe_public = true;
        v.retry_after_ms = TROUBLE_AFTER_LOSS_MS;
        v.jump = NULL;
    }
    if (is_edit(ctx) && res->status == 403 && v.kind == VERDICT_BLOCKED &&
        x__says(res, "edit")) {
        v.kind =
            VERDICT_REJECTED; /* too late, too often, or no Premium: no reason to stop the channel */
    }
    return v;
}

struct verdict x__read_update(struct step_ctx *ctx, const struct http_response *res)
{
    char id[X_ID_BYTES];

    if (record_flag(ctx->record, "looking")) {
        return record_str(ctx->record, "me") ? read_look(ctx, res) : read_me(ctx, res);
    }
    if (!x__answer_id(res, id)) {
        return update_trouble(ctx, res);
    }
    made(ctx, id);
    return verdict_next();
}

struct verdict
x__update_unanswered(struct step_ctx *ctx, enum transport_outcome outcome, const char *error)
{
    static const struct step update_step = {.publishes = true, .repeatable = true};

    if (record_flag(ctx->record, "looking")) {
        record_drop(ctx->record, "looking");
    } else if (outcome == TRANSPORT_NOT_SENT) {
        note_refusal(ctx);
    }
    return trouble_from_transport(&update_step, outcome, error);
}
