#ifndef CRIER_ADAPTERS_DISCORD_INTERNAL_H
#define CRIER_ADAPTERS_DISCORD_INTERNAL_H

/* Shared between the files of the Discord adapter and their tests:
 *   discord.c           settings, limits, courses, how to set it up
 *   discord_text.c      escaping for Discord's Markdown
 *   discord_message.c   a message: text, card, who is notified
 *   discord_build.c     the requests of the steps
 *   discord_post.c      addresses: of a webhook, and of the message that stands
 *   discord_read.c      the answers of the steps
 *   discord_trouble.c   from error answers to verdicts
 *   discord_verify.c    as whom we post and where; finding our message after an unknown outcome
 *
 * Members of ctx->record: remote_id (the message), remote_url, text; channel (where it stands);
 * thread (the same, when that is a thread below the webhook's channel: its messages are reached
 * only by naming it); sent_at_ms: when a bot last sent it;
 * pages, before: how far verify has read.
 * Members of ctx->account: place {of, guild, channel}: where the webhook or the bot posts, learned
 * once; me {of, id}: the bot's own id. `of` says which webhook, channel or token it was learned
 * for. */

#include "adapters/adapter.h"
#include "base/crypto.h"
#include "base/secret.h"

enum discord_card { DISCORD_CARD_AUTO, DISCORD_CARD_NEVER };
enum discord_image { DISCORD_IMAGE_LARGE, DISCORD_IMAGE_SMALL, DISCORD_IMAGE_NEVER };
enum discord_mention { DISCORD_MENTION_ALWAYS, DISCORD_MENTION_BREAKING };

struct discord_settings {
    struct secret webhook_url, token;
    char *channel, *thread_id, *api_base;
    struct mustache *text, *title, *description, *footer, *thread_name;
    int card;  /* enum discord_card */
    int image; /* enum discord_image */
    char *color, *breaking_color;
    struct strings mention;
    int mention_when; /* enum discord_mention */
    bool silent, silent_unless_breaking;
    char *username, *avatar_url;
};

static inline const struct discord_settings *discord__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}
/* Whether the channel posts by a webhook; else as a bot. */
static inline bool discord__is_hook(const struct discord_settings *s)
{
    return s->webhook_url.text != NULL;
}

enum {
    DISCORD_LIMIT_TEXT,
    DISCORD_LIMIT_TITLE,
    DISCORD_LIMIT_DESCRIPTION,
    DISCORD_LIMIT_FOOTER,
    DISCORD_LIMIT_ALT,
    DISCORD_LIMIT_THREAD,
};
extern const struct text_rule discord__limits[];
/* Title, description and footer of the card together. */
#define DISCORD_CARD_UNITS 6000
#define DISCORD_URL_BYTES 2048 /* of every address in a card */

/* The courses, for what a refusal means to the step it came to. */
extern const struct step discord__publish[], discord__update[], discord__retract[],
    discord__verify[], discord__test[];

/* Text for Discord's Markdown. Links in it stay whole: a backslash would become part of them. */
void discord__escape(struct buf *out, const char *text, size_t len);
/* "#1a2b3c"; false when it is none. */
bool discord__read_color(const char *text, int64_t *out);

/* The parts of https://discord.com/api/webhooks/ID/TOKEN; slices of the text. */
struct discord_hook {
    const char *origin, *id, *token;
    size_t origin_len, id_len, token_len;
};
bool discord__hook_read(struct discord_hook *out, const char *url);

#define DISCORD_ID_BYTES 21 /* 64 bits in decimal, and the NUL */
bool discord__is_id(const char *text);
/* Which message a person means by "ID", "CHANNEL/ID" or by its link
 * (https://discord.com/channels/SERVER/CHANNEL/ID). Either may be NULL; false when neither says it. */
struct discord_post {
    char channel[DISCORD_ID_BYTES]; /* "": not told */
    char message[DISCORD_ID_BYTES];
};
bool discord__post_read(struct discord_post *out, const char *remote_id, const char *link);
/* The message that stands, by the post's record or by the names a person gave it; what the record
 * lacks of its place is noted in the delivery's own. False: it is not known. */
bool discord__know_post(struct step_ctx *ctx, struct discord_post *out);
/* The thread below the webhook's channel in which it stands; NULL: in the channel itself. */
const char *discord__thread(const struct step_ctx *ctx);

/* What a message says, under the names of the API. */
MUST_USE enum err_code discord__message(struct step_ctx *ctx, json_t *body, struct err *why);

/* Method, address, credentials. The path stands below the webhook, or for a bot below the API. */
void discord__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *path_format,
                      ...) PRINTF_LIKE(4, 5);

/* What the account knows of that name, if it was learned for this webhook, channel or token. */
const json_t *discord__learned(const struct step_ctx *ctx, const char *name);
/* For whom something is learned: changes with the settings, tells nobody a secret. */
void discord__learned_for(const struct discord_settings *s, char out[SHA256_HEX_BYTES]);
/* The message of an answer: what the post is known by from now on. False when there is none. */
bool discord__record_message(struct step_ctx *ctx, const json_t *message);
/* The verdict on any answer that is not the one hoped for. */
struct verdict discord__trouble(const struct step *step, const struct http_response *res);
/* The `code` of an error answer; 0: none. */
int discord__code(const struct http_response *res);

#define DISCORD_STEP(name)                                                                     \
    enum err_code discord__build_##name(                                                       \
        struct step_ctx *ctx, struct http_request *req, struct err *why);                      \
    struct verdict discord__read_##name(struct step_ctx *ctx, const struct http_response *res)
DISCORD_STEP(place);
DISCORD_STEP(hook);
DISCORD_STEP(bot);
DISCORD_STEP(edit);
DISCORD_STEP(delete);
DISCORD_STEP(me);
DISCORD_STEP(find);
DISCORD_STEP(test);

#endif
