/* Discord: a message in a channel with the article as a card, by a webhook of that channel or as a
 * bot. Called through the registry. Owns its settings and courses; messages are discord_message.c's,
 * requests discord_build.c's, answers discord_read.c's and discord_trouble.c's, which message stands
 * discord_post.c's, looking for one discord_verify.c's.
 *
 * Two ways in, chosen by the settings; each has a step of its own in publish, which the other skips.
 * A webhook needs no account, but a message it may have posted can neither be told apart from a
 * second one nor be looked for: `on_unknown` of the channel decides. A bot sends a nonce, and for some
 * minutes a repeat gives the first message back; later the channel is read. Both edit and delete
 * their own messages at any time, and repeating that does no harm.
 *
 * Sources: the OpenAPI description of version 10 (18 Jul 2026), discord-api-docs (6 Aug 2026). */

#include "adapters/discord_internal.h"

#include <string.h>
#include <strings.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"
#include "base/text.h"

static const char *const cards[] = {"auto", "never", NULL};
static const char *const images[] = {"large", "small", "never", NULL};
static const char *const mention_times[] = {"always", "breaking", NULL};

#define AT(member) .offset = offsetof(struct discord_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "webhook_url", .kind = FIELD_SECRET, AT(webhook_url), .example = "${DISCORD_WEBHOOK_URL}",
     .help = "address of a webhook of the channel, as Discord copies it; this, or token and channel"},
    {.key = "token", .kind = FIELD_SECRET, AT(token), .example = "${DISCORD_BOT_TOKEN}",
     .help = "a bot's token; unlike a webhook, a bot can look for what it may have posted"},
    {.key = "channel", .kind = FIELD_STRING, AT(channel), .example = "123456789012345678",
     .help = "number of the channel or thread a bot posts in; only with token"},
    {.key = "thread_id", .kind = FIELD_STRING, AT(thread_id), .example = "123456789012345678",
     .help = "number of a thread of the webhook's channel to post in; only with webhook_url"},
    {.key = "thread_name", .kind = FIELD_TEMPLATE, AT(thread_name), .example = "\"{{title}}\"",
     .help = "for a forum: each article begins a thread of this name, which stays when the message is deleted; only with webhook_url"},
    {.key = "card", .kind = FIELD_ENUM, AT(card), .choices = cards, .def = "auto",
     .help = "auto shows the article as a card, never sends text alone, which then must be set and hold {{url}}"},
    {.key = "text", .kind = FIELD_TEMPLATE, AT(text), .example = "\"**BREAKING** {{title}}\"",
     .help = "text above the card, in Discord's Markdown; none when not set"},
    {.key = "title", .kind = FIELD_TEMPLATE, AT(title), .def = "{{title}}",
     .help = "title of the card, which links the article"},
    {.key = "description", .kind = FIELD_TEMPLATE, AT(description), .def = "{{summary}}",
     .help = "text of the card, in Discord's Markdown"},
    {.key = "footer", .kind = FIELD_TEMPLATE, AT(footer), .def = "{{site}}",
     .help = "last line of the card, beside the time of publication"},
    {.key = "image", .kind = FIELD_ENUM, AT(image), .choices = images, .def = "large",
     .help = "the article's first picture below the text of the card, beside it, or not at all"},
    {.key = "color", .kind = FIELD_STRING, AT(color), .example = "\"#1a5fb4\"",
     .help = "colour of the card's edge"},
    {.key = "breaking_color", .kind = FIELD_STRING, AT(breaking_color), .example = "\"#c01c28\"",
     .help = "the same for breaking articles; not set: color"},
    {.key = "mention", .kind = FIELD_STRINGS, AT(mention), .max = "10", .example = "[everyone]",
     .help = "who is notified by name: everyone, here, or numbers of roles; not set: nobody, whatever the article says"},
    {.key = "mention_when", .kind = FIELD_ENUM, AT(mention_when), .choices = mention_times, .def = "always",
     .help = "breaking: only breaking articles mention"},
    {.key = "silent", .kind = FIELD_BOOL, AT(silent), .def = "false",
     .help = "readers get the message without a notification"},
    {.key = "silent_unless_breaking", .kind = FIELD_BOOL, AT(silent_unless_breaking), .def = "false",
     .help = "only breaking articles notify"},
    {.key = "username", .kind = FIELD_STRING, AT(username), .min = "1", .max = "80", .example = "Example News",
     .help = "name to post under instead of the webhook's; only with webhook_url"},
    {.key = "api_base", .kind = FIELD_URL, AT(api_base), .def = "https://discord.com/api/v10",
     .help = "where a bot finds the API"},
    {.key = "avatar_url", .kind = FIELD_URL, AT(avatar_url), .example = "https://news.example/logo.png",
     .help = "picture to post under instead of the webhook's; only with webhook_url"},
    FIELD_END,
};

#define LIMITS "https://discord.com/developers/docs/resources/message#embed-object-embed-limits"
const struct text_rule discord__limits[] = {
    [DISCORD_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 2000,
     .source = "https://discord.com/developers/docs/resources/webhook#execute-webhook"},
    [DISCORD_LIMIT_TITLE] = {.name = "title", .unit = TEXT_UTF16, .max = 256, .source = LIMITS},
    /* 4096, but 6000 with title and footer: see discord_message.c. */
    [DISCORD_LIMIT_DESCRIPTION] =
    {.name = "description", .unit = TEXT_UTF16, .max = 4096, .source = LIMITS},
    [DISCORD_LIMIT_FOOTER] = {.name = "footer", .unit = TEXT_UTF16, .max = 2048, .source = LIMITS},
    [DISCORD_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_UTF16, .max = 4096,
     .source = "OpenAPI description of version 10, RichEmbedImage"},
    [DISCORD_LIMIT_THREAD] =
    {.name = "thread_name", .unit = TEXT_UTF16, .max = 100,
     .source = "https://discord.com/developers/docs/resources/webhook#execute-webhook"},
    {.name = NULL},
};
// clang-format on

/* ---- courses ---- */

#define SAMPLE_PLACE                                                                           \
    "{\"id\":\"123456789012345678\",\"name\":\"news\",\"guild_id\":\"123456789012345600\","    \
    "\"channel_id\":\"123456789012345601\"}"
#define SAMPLE_MESSAGE "{\"id\":\"123456789012345679\",\"channel_id\":\"123456789012345601\"}"

/* "In the past few minutes", says the documentation: two are surely among them. */
#define NONCE_KEPT_MS (2 * MS_MINUTE)

const struct step discord__publish[] = {
    {.name = "learn_place",
     .repeatable = true,
     .build = discord__build_place,
     .read = discord__read_place,
     .sample = SAMPLE_PLACE},
    {.name = "execute_webhook",
     .publishes = true,
     .build = discord__build_hook,
     .read = discord__read_hook,
     .sample = SAMPLE_MESSAGE},
    {.name = "create_message",
     .repeatable = true,
     .repeat_within_ms = NONCE_KEPT_MS,
     .publishes = true,
     .build = discord__build_bot,
     .read = discord__read_bot,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step discord__update[] = {
    {.name = "edit_message",
     .repeatable = true,
     .publishes = true,
     .build = discord__build_edit,
     .read = discord__read_edit,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step discord__retract[] = {
    {.name = "delete_message",
     .repeatable = true,
     .publishes = true,
     .build = discord__build_delete,
     .read = discord__read_delete},
    STEP_END,
};
const struct step discord__verify[] = {
    {.name = "whoami",
     .repeatable = true,
     .build = discord__build_me,
     .read = discord__read_me,
     .sample = SAMPLE_PLACE},
    {.name = "find_message",
     .repeatable = true,
     .build = discord__build_find,
     .read = discord__read_find,
     .sample = "[]"},
    STEP_END,
};
const struct step discord__test[] = {
    {.name = "look_at_place",
     .repeatable = true,
     .build = discord__build_test,
     .read = discord__read_test,
     .sample = SAMPLE_PLACE},
    STEP_END,
};

static bool rules_out(const void *object, enum course c)
{
    return c == COURSE_VERIFY && discord__is_hook(object);
}

/* ---- settings ---- */

static enum err_code refuse(struct err *why, const char *text)
{
    return err_set(why, ERR_INVALID, "%s", text);
}

/* A bot token is three parts of base64url between dots. */
static bool is_token(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] ==
               '\0';
}

static enum err_code check_hook(const struct discord_settings *s, struct err *why)
{
    struct discord_hook h;

    if (!discord__hook_read(&h, s->webhook_url.text)) {
        return refuse(why,
                      "webhook_url: looks like https://discord.com/api/webhooks/123/abc, as "
                      "Discord copies it");
    }
    if (s->channel) {
        return refuse(why, "channel: only with token; a webhook has its channel");
    }
    if (s->thread_id && !discord__is_id(s->thread_id)) {
        return refuse(why, "thread_id: the thread's number");
    }
    if (s->thread_id && s->thread_name) {
        return refuse(why, "thread_name: not beside thread_id: it begins threads of its own");
    }
    return ERR_NONE;
}

static enum err_code check_bot(const struct discord_settings *s, struct err *why)
{
    if (!is_token(s->token.text)) {
        return refuse(why, "token: a bot's token, without the word Bot before it");
    }
    if (!discord__is_id(s->channel)) {
        return refuse(why, "channel: the channel's number is needed beside token");
    }
    if (s->thread_id) {
        return refuse(why, "thread_id: only with webhook_url; a bot's channel may be a thread");
    }
    if (s->thread_name) {
        return refuse(why, "thread_name: only with webhook_url");
    }
    if (s->username) {
        return refuse(why, "username: only with webhook_url; a bot has its name");
    }
    if (s->avatar_url) {
        return refuse(why, "avatar_url: only with webhook_url; a bot has its picture");
    }
    return ERR_NONE;
}

static enum err_code check_look(const struct discord_settings *s, struct err *why)
{
    int64_t color;

    if (s->card == DISCORD_CARD_NEVER && !s->text) {
        return refuse(why, "text: needed with card: never");
    }
    if (s->color && !discord__read_color(s->color, &color)) {
        return refuse(why, "color: # and six hexadecimal digits");
    }
    if (s->breaking_color && !discord__read_color(s->breaking_color, &color)) {
        return refuse(why, "breaking_color: # and six hexadecimal digits");
    }
    if (s->avatar_url && strlen(s->avatar_url) > DISCORD_URL_BYTES) {
        return refuse(why, "avatar_url: longer than 2048 bytes");
    }
    /* Discord refuses both in any spelling. */
    if (s->username &&
        (strcasestr(s->username, "discord") || strcasestr(s->username, "clyde"))) {
        return refuse(why, "username: Discord allows neither \"discord\" nor \"clyde\" in it");
    }
    return ERR_NONE;
}

static enum err_code check_notice(const struct discord_settings *s, struct err *why)
{
    for (size_t i = 0; i < s->mention.count; i++) {
        const char *word = s->mention.v[i];

        if (!text_same_fold(word, "everyone") && !text_same_fold(word, "here") &&
            !discord__is_id(word)) {
            return err_set(why,
                           ERR_INVALID,
                           "mention: everyone, here or the number of a role, not \"%s\"",
                           word);
        }
    }
    if (s->silent && s->silent_unless_breaking) {
        return refuse(why, "silent_unless_breaking: has no effect beside silent");
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct discord_settings *s = object;
    enum err_code rc;

    if (s->webhook_url.text && s->token.text) {
        return refuse(why, "webhook_url: not beside token: a channel posts one way");
    }
    if (!s->webhook_url.text && !s->token.text) {
        return refuse(why, "webhook_url: needed, or token and channel");
    }
    rc = discord__is_hook(s) ? check_hook(s, why) : check_bot(s, why);
    if (!rc) {
        rc = check_look(s, why);
    }
    return rc ? rc : check_notice(s, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    struct discord_post post;

    (void)object;
    return discord__post_read(&post, remote_id, link);
}

// clang-format off
static const char setup[] =
    "By a webhook, which is enough for most:\n"
    "1. In Discord, open the channel's settings (the gear beside its name), then Integrations,\n"
    "   Webhooks, New Webhook. Give it a name and a picture, press Copy Webhook URL.\n"
    "2. Give that address to crier as an environment variable, here DISCORD_WEBHOOK_URL: whoever\n"
    "   has it can post. Write:\n"
    "\n"
    "     channels:\n"
    "       discord:\n"
    "         type: discord\n"
    "         webhook_url: ${DISCORD_WEBHOOK_URL}\n"
    "         when: {breaking: true}\n"
    "\n"
    "   For a thread, add its number as thread_id; for a forum, thread_name: \"{{title}}\".\n"
    "\n"
    "As a bot, which can also look for what it may have posted when an answer got lost:\n"
    "1. At https://discord.com/developers/applications press New Application; on its page Bot press\n"
    "   Reset Token and copy the token.\n"
    "2. On its page Installation choose the scope bot with the rights View Channels, Send Messages,\n"
    "   Embed Links and Read Message History, open the install link and add it to your server.\n"
    "3. In Discord, turn on Settings, Advanced, Developer Mode; right-click the channel, Copy\n"
    "   Channel ID. Write:\n"
    "\n"
    "     channels:\n"
    "       discord:\n"
    "         type: discord\n"
    "         token: ${DISCORD_BOT_TOKEN}\n"
    "         channel: \"123456789012345678\"\n"
    "         when: {breaking: true}\n"
    "\n"
    "Either way: nobody is mentioned unless `mention` says so; then a bot also needs the right\n"
    "Mention Everyone. Run `crier check`. With the service running, this asks Discord for the\n"
    "webhook, or for the channel, and posts nothing:\n"
    "  curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "    http://127.0.0.1:8480/v1/channels/discord/test";
// clang-format on

const struct adapter adapter_discord = {
    .name = "discord",
    .title = "Discord",
    .doc_url = "https://discord.com/developers/docs/resources/webhook",
    .about = "a card with the article's title, summary and picture in a channel or thread",
    .settings = settings,
    .settings_size = sizeof(struct discord_settings),
    .limits = discord__limits,
    .publish = discord__publish,
    .update = discord__update,
    .retract = discord__retract,
    .verify = discord__verify,
    .test = discord__test,
    .rules_out = rules_out,
    .cannot_verify = "a webhook cannot read what stands in its channel: use a bot's token",
    .post_id_form = "ID or CHANNEL/ID of the message, or its link",
    .post_named = post_named,
    .media = "a picture in the embed, by its address; no video",
    .pictures = "by their address, which Discord fetches",
    /* No number is promised; this is what webhooks are seen to get per channel. */
    .rate = {.count = 30, .per_ms = MS_MINUTE},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
