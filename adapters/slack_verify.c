/* As whom we post, and whether our message stands after an outcome nobody knows. Courses verify and
 * test, and the first step of publish.
 *
 * The workspace's address is asked for once and kept, since links of messages have it in them and no
 * answer to a message tells it. That never holds up news: only a no to us, or a limit, stops here.
 *
 * The channel is read, newest first, back to the time the delivery was made, for the message whose
 * metadata hold our key. A message of our own bot without metadata proves nothing either way. A bot
 * that may post may not be allowed to read: then a person must say. */

#include "adapters/slack_internal.h"

#include <stdio.h>
#include <string.h>

#include "adapters/look.h"
#include "adapters/record.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/url.h"

#define PAGE_SIZE 100
#define PAGES_MAX 10 /* a page may hold as few as 15 messages, whatever was asked for */
#define PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define CURSOR_BYTES 1024

/* ---- the workspace ---- */

/* Says which token, and tells nobody the token. */
static void token_mark(const struct step_ctx *ctx, char out[SHA256_HEX_BYTES])
{
    const struct secret *token = &slack__settings(ctx)->token;
    uint8_t digest[SHA256_BYTES];

    crypto_sha256(token->text ? token->text : "", token->len, digest);
    (void)crypto_hex(digest, sizeof digest, out);
}

const json_t *slack__workspace(const struct step_ctx *ctx)
{
    const json_t *known = json_object_get(ctx->account, "workspace");
    const char *of = record_str(known, "of");
    char now[SHA256_HEX_BYTES];

    token_mark(ctx, now);
    return of && strcmp(of, now) == 0 ? known : NULL;
}

enum err_code
slack__build_workspace(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    if (slack__workspace(ctx)) {
        req->skip = true;
        return ERR_NONE;
    }
    return slack__build_token(ctx, req, why);
}

/* Only an address that links can begin with. */
static const char *usable_url(const char *url)
{
    struct url_parts parts;

    return url && url_parse(&parts, url) && !parts.query && !parts.fragment &&
                   parts.path_len == 1
               ? url
               : NULL;
}

static bool learn(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = slack__ok(res);
    char of[SHA256_HEX_BYTES];
    json_t *workspace;

    if (!body) {
        return false;
    }
    workspace = json_object();
    token_mark(ctx, of);
    json_set_str(workspace, "of", of);
    json_set_str(workspace, "url", usable_url(record_str(body, "url")));
    json_set_str(workspace, "bot", record_str(body, "bot_id"));
    json_set_str(workspace, "team", record_str(body, "team"));
    json_set_str(workspace, "user", record_str(body, "user"));
    (void)json_object_set_new(ctx->account, "workspace", workspace);
    json_decref(body);
    return true;
}

struct verdict slack__read_workspace(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v;

    if (learn(ctx, res)) {
        return verdict_next();
    }
    v = slack__trouble(&slack__publish[0], res);
    return v.kind == VERDICT_BLOCKED || v.scope != SCOPE_POST ? v : verdict_next();
}

struct verdict slack__read_token(struct step_ctx *ctx, const struct http_response *res)
{
    const char *user, *team;

    if (!learn(ctx, res)) {
        return slack__trouble(&slack__test[0], res);
    }
    user = record_str(slack__workspace(ctx), "user");
    team = record_str(slack__workspace(ctx), "team");
    return verdict_make(VERDICT_DONE,
                        SCOPE_POST,
                        0,
                        "signed in as %s of %s",
                        user ? user : "?",
                        team ? team : "?");
}

/* ---- our message ---- */

enum err_code slack__build_find(struct step_ctx *ctx, struct http_request *req, struct err *why)
{
    const struct slack_settings *s = slack__settings(ctx);
    const char *cursor = record_str(ctx->record, "cursor");
    int64_t from_s = (ctx->created_at_ms - ADAPTER_CLOCK_WRONG_MS) / MS_SECOND;
    struct buf path;
    enum err_code rc;

    if (slack__is_hook(s)) {
        req->skip = true;
        return ERR_NONE;
    }
    buf_init(&path, 4 * (size_t)CURSOR_BYTES);
    buf_addf(&path,
             "conversations.history?channel=%s&oldest=%lld.000000&limit=%d"
             "&include_all_metadata=true",
             s->channel,
             (long long)from_s,
             PAGE_SIZE);
    if (cursor) {
        buf_adds(&path, "&cursor=");
        url_encode(&path, cursor);
    }
    rc = buf_check(&path, "cursor", why);
    if (!rc) {
        slack__request(ctx, req, HTTP_GET, buf_str(&path));
        req->max_answer_bytes = PAGE_BYTES_MAX;
    }
    buf_done(&path);
    return rc;
}

enum sight { SIGHT_OTHER, SIGHT_OURS, SIGHT_UNCLEAR };

static enum sight look_at(const struct step_ctx *ctx, const json_t *message)
{
    const char *key =
        json_string_value(json_path(message, "metadata", "event_payload", "key", NULL));
    const char *bot = record_str(message, "bot_id");
    const char *own = record_str(slack__workspace(ctx), "bot");

    if (key && strlen(key) == SLACK_KEY_DIGITS &&
        strncmp(ctx->key, key, SLACK_KEY_DIGITS) == 0) {
        return SIGHT_OURS;
    }
    return bot && own && strcmp(bot, own) == 0 && !json_object_get(message, "metadata")
               ? SIGHT_UNCLEAR
               : SIGHT_OTHER;
}

static struct verdict end_look(struct step_ctx *ctx, enum verdict_kind kind, const char *what)
{
    record_drop(ctx->record, "pages");
    record_drop(ctx->record, "cursor");
    record_drop(ctx->record, "unclear");
    return verdict_make(kind, SCOPE_POST, 0, "%s", what);
}

static struct verdict go_further(struct step_ctx *ctx, const json_t *body)
{
    int64_t pages = record_int(ctx->record, "pages") + 1;
    const char *cursor =
        json_string_value(json_path(body, "response_metadata", "next_cursor", NULL));
    bool more = cursor && *cursor && strlen(cursor) < CURSOR_BYTES;
    struct verdict v;

    if (!more && json_is_true(json_object_get(body, "has_more"))) {
        return end_look(ctx, VERDICT_UNKNOWN, "Slack shows only a part of the channel");
    }
    if (!more && record_flag(ctx->record, "unclear")) {
        return end_look(
            ctx, VERDICT_UNKNOWN, "there are messages of this bot that hold no sign of whose");
    }
    if (!more && look_is_too_soon(ctx, &v)) {
        (void)end_look(ctx, VERDICT_AGAIN, "");
        return v;
    }
    if (!more) {
        return end_look(ctx, VERDICT_ABSENT, "the channel holds no such message");
    }
    if (pages >= PAGES_MAX) {
        return end_look(
            ctx, VERDICT_UNKNOWN, "the channel has seen too much since to look through");
    }
    record_set_int(ctx->record, "pages", pages);
    json_set_str(ctx->record, "cursor", cursor);
    return verdict_jump("find_message");
}

/* A bot that may post but not read: no reason to stop posting. */
static struct verdict cannot_look(struct step_ctx *ctx, const struct http_response *res)
{
    struct verdict v = slack__trouble(&slack__verify[1], res);
    char error[SLACK_ERROR_BYTES], what[160];

    slack__error(res, error);
    if (strcmp(error, "missing_scope") != 0 && strcmp(error, "not_in_channel") != 0) {
        return v;
    }
    (void)snprintf(what,
                   sizeof what,
                   "%s: to look, the bot must be in the channel and have channels:history",
                   error);
    return end_look(ctx, VERDICT_UNKNOWN, what);
}

struct verdict slack__read_find(struct step_ctx *ctx, const struct http_response *res)
{
    json_t *body = slack__ok(res);
    const json_t *list = json_object_get(body, "messages");
    struct verdict v;
    json_t *message;
    size_t i;

    if (!json_is_array(list)) {
        json_decref(body);
        return cannot_look(ctx, res);
    }
    json_array_foreach(list, i, message)
    {
        enum sight sight = look_at(ctx, message);

        if (sight == SIGHT_OURS && slack__record_message(ctx,
                                                         slack__settings(ctx)->channel,
                                                         record_str(message, "ts"))) {
            json_decref(body);
            return end_look(ctx, VERDICT_DONE, "");
        }
        if (sight == SIGHT_UNCLEAR) {
            record_set_flag(ctx->record, "unclear", true);
        }
    }
    v = go_further(ctx, body);
    json_decref(body);
    return v;
}
