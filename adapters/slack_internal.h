#ifndef CRIER_ADAPTERS_SLACK_INTERNAL_H
#define CRIER_ADAPTERS_SLACK_INTERNAL_H

/* Shared between the files of the Slack adapter and their tests:
 *   slack.c          settings, limits, courses, how to set it up
 *   slack_text.c     escaping for Slack's mrkdwn
 *   slack_message.c  a message: its blocks and the text beside them
 *   slack_build.c    the requests of the steps
 *   slack_post.c     which message stands
 *   slack_read.c     the answers of the steps
 *   slack_trouble.c  from error answers to verdicts
 *   slack_verify.c   as whom we post; finding our message after an unknown outcome
 *
 * Members of ctx->record: remote_id ("CHANNEL/TS"), remote_url, text; picture_off: Slack could not
 * use the picture; sent_at_ms: when a bot last sent it; pages, cursor, unclear: how far verify has read, and whether it saw a message that
 * may be ours.
 * Member of ctx->account: workspace {of, url, bot, team, user}: learned once; `of` says for which
 * token. */

#include "adapters/adapter.h"
#include "base/secret.h"

enum slack_image { SLACK_IMAGE_LARGE, SLACK_IMAGE_SMALL, SLACK_IMAGE_NEVER };

struct slack_settings {
    struct secret webhook_url, token;
    char *channel, *api_base;
    struct mustache *header, *text, *footer, *notification, *retraction;
    int image; /* enum slack_image */
    char *button;
    bool unfurl_links;
    char *username, *icon_url;
};

static inline const struct slack_settings *slack__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* Whether the channel posts by an incoming webhook; else as a bot. */
static inline bool slack__is_hook(const struct slack_settings *s)
{
    return s->webhook_url.text != NULL;
}

enum {
    SLACK_LIMIT_HEADER,
    SLACK_LIMIT_TEXT,
    SLACK_LIMIT_FOOTER,
    SLACK_LIMIT_NOTIFICATION,
    SLACK_LIMIT_ALT,
    SLACK_LIMIT_BUTTON,
};
extern const struct text_rule slack__limits[];
#define SLACK_URL_BYTES 3000 /* of every address in a block */

/* The courses, for what a refusal means to the step it came to. */
extern const struct step slack__publish[], slack__update[], slack__retract[], slack__verify[],
    slack__test[];

/* Text for mrkdwn: the three characters that begin markup as entities; characters that would begin
 * bold, italic, struck or code text with an invisible blank behind them, as there is no way to escape
 * those. In links a '|' is percent-encoded, since it would end the link. */
void slack__escape(struct buf *out, const char *text, size_t len);

/* https://hooks.slack.com/services/T…/B…/… */
bool slack__is_hook_url(const char *url);
/* "C0123456789": what the API calls a channel. */
bool slack__is_channel(const char *text);
/* Which message a person means by "CHANNEL/TS" or by its link
 * (https://WORKSPACE.slack.com/archives/CHANNEL/pTS). Either may be NULL; false when neither says
 * it. */
struct slack_post {
    char channel[32];
    char ts[32]; /* "1503435956.000247" */
};
bool slack__post_read(struct slack_post *out, const char *remote_id, const char *link);

/* What a message says, under the names of the API. */
MUST_USE enum err_code slack__message(struct step_ctx *ctx, json_t *body, struct err *why);
/* What is left of a retracted one that cannot be deleted. */
MUST_USE enum err_code
slack__retracted_message(struct step_ctx *ctx, json_t *body, struct err *why);
/* Whether the message carries the article's picture. */
bool slack__has_picture(const struct step_ctx *ctx);

#define SLACK_KEY_DIGITS 32 /* 128 bits of the delivery's key, in the message's metadata */

/* What the account knows of the workspace, if it was learned for this token; NULL. */
const json_t *slack__workspace(const struct step_ctx *ctx);
/* The error of an answer of the Web API, or of a webhook; "" when it tells none. */
#define SLACK_ERROR_BYTES 64
void slack__error(const struct http_response *res, char out[SLACK_ERROR_BYTES]);
/* The object of an answer of the Web API that says ok, new reference; NULL. */
json_t *slack__ok(const struct http_response *res);
/* The verdict on any answer of the Web API that is not the one hoped for. */
struct verdict slack__trouble(const struct step *step, const struct http_response *res);
/* The same for webhooks, which speak in plain words. */
struct verdict slack__hook_trouble(const struct step *step, const struct http_response *res);
/* What a message is known by from now on. False: these are no channel and time. */
bool slack__record_message(struct step_ctx *ctx, const char *channel, const char *ts);

#define SLACK_STEP(name)                                                                       \
    enum err_code slack__build_##name(                                                         \
        struct step_ctx *ctx, struct http_request *req, struct err *why);                      \
    struct verdict slack__read_##name(struct step_ctx *ctx, const struct http_response *res)
SLACK_STEP(workspace);
SLACK_STEP(hook);
SLACK_STEP(bot);
SLACK_STEP(update);
SLACK_STEP(delete);
SLACK_STEP(retracted);
SLACK_STEP(find);
SLACK_STEP(token);
SLACK_STEP(probe);
/* Below the API's address, with the bot's token. */
void slack__request(const struct step_ctx *ctx,
                    struct http_request *req,
                    enum http_method method,
                    const char *path);

#endif
