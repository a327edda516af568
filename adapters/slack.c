/* Slack: a message in a channel, by an incoming webhook of that channel or as a bot. Called through
 * the registry. Owns its settings and courses; messages are slack_message.c's, requests
 * slack_build.c's, answers slack_read.c's and slack_trouble.c's, which message stands slack_post.c's,
 * looking for one slack_verify.c's.
 *
 * Two ways in, chosen by the settings; each has a step of its own in publish, which the other skips. A
 * webhook says "ok" and nothing by which its message could be changed, deleted or found again. A bot's
 * answer tells channel and time, which are the message's name. Neither can be repeated: Slack knows no
 * key of ours. So after a lost answer a bot reads the channel for the metadata it sent along, and of a
 * webhook's message `on_unknown` decides.
 *
 * Sources: slack-ruby/slack-api-ref (20 Aug 2026, from docs.slack.dev), Slack's OpenAPI description
 * of 2021, docs.slack.dev on rate limits. */

#include "adapters/slack_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"

static const char *const images[] = {"large", "small", "never", NULL};

#define AT(member) .offset = offsetof(struct slack_settings, member)
#define DEFAULT_TEXT "{{#summary}}{{summary}}\n{{/summary}}{{url}}"

// clang-format off
static const struct field settings[] = {
    {.key = "webhook_url", .kind = FIELD_SECRET, AT(webhook_url), .example = "${SLACK_WEBHOOK_URL}",
     .help = "address of an incoming webhook, which can only post; this, or token and channel"},
    {.key = "token", .kind = FIELD_SECRET, AT(token), .example = "${SLACK_TOKEN}",
     .help = "a bot's token, with the scopes chat:write and channels:history (groups:history for a private channel)"},
    {.key = "channel", .kind = FIELD_STRING, AT(channel), .example = "C0123456789",
     .help = "id of the channel a bot posts in; only with token"},
    {.key = "header", .kind = FIELD_TEMPLATE, AT(header), .def = "{{title}}",
     .help = "the headline, without markup"},
    {.key = "text", .kind = FIELD_TEMPLATE, AT(text), .def = DEFAULT_TEXT,
     .help = "the text below it, in Slack's mrkdwn; <{{url}}|words> is a link, <!here> calls who is there"},
    {.key = "footer", .kind = FIELD_TEMPLATE, AT(footer), .def = "{{site}}",
     .help = "small last line, in mrkdwn"},
    {.key = "notification", .kind = FIELD_TEMPLATE, AT(notification), .def = "{{title}}",
     .help = "what notifications and screen readers get instead, in mrkdwn"},
    {.key = "image", .kind = FIELD_ENUM, AT(image), .choices = images, .def = "large",
     .help = "the article's first picture below the text, beside it, or not at all"},
    {.key = "button", .kind = FIELD_STRING, AT(button), .max = "75", .example = "Read",
     .help = "label of a button that opens the article; Slack then wants an Interactivity URL of the app, or marks it with a warning"},
    {.key = "unfurl_links", .kind = FIELD_BOOL, AT(unfurl_links), .def = "false",
     .help = "Slack adds a preview of the link of its own"},
    {.key = "retraction", .kind = FIELD_TEMPLATE, AT(retraction), .def = "_Withdrawn:_ ~{{title}}~",
     .help = "what a retracted message is changed to that the workspace does not let us delete"},
    {.key = "username", .kind = FIELD_STRING, AT(username), .min = "1", .max = "80", .example = "Example News",
     .help = "name to post under instead of the bot's; only with token, and the scope chat:write.customize"},
    {.key = "api_base", .kind = FIELD_URL, AT(api_base), .def = "https://slack.com/api",
     .help = "where a bot finds the Web API"},
    {.key = "icon_url", .kind = FIELD_URL, AT(icon_url), .example = "https://news.example/logo.png",
     .help = "picture to post under instead of the bot's; as username"},
    FIELD_END,
};

#define BLOCKS "https://docs.slack.dev/reference/block-kit/blocks"
const struct text_rule slack__limits[] = {
    [SLACK_LIMIT_HEADER] =
    {.name = "header", .unit = TEXT_UTF16, .max = 150, .source = BLOCKS "/header-block"},
    [SLACK_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 3000, .source = BLOCKS "/section-block"},
    [SLACK_LIMIT_FOOTER] =
    {.name = "footer", .unit = TEXT_UTF16, .max = 2000, .source = BLOCKS "/context-block"},
    [SLACK_LIMIT_NOTIFICATION] =
    {.name = "notification", .unit = TEXT_UTF16, .max = 4000,
     .source = "https://docs.slack.dev/reference/methods/chat.update (msg_too_long)"},
    [SLACK_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_UTF16, .max = 2000, .source = BLOCKS "/image-block"},
    [SLACK_LIMIT_BUTTON] =
    {.name = "button", .unit = TEXT_UTF16, .max = 75,
     .source = "https://docs.slack.dev/reference/block-kit/block-elements/button-element"},
    {.name = NULL},
};
// clang-format on

/* ---- courses ---- */

#define SAMPLE_TOKEN                                                                           \
    "{\"ok\":true,\"url\":\"https://example.slack.com/\",\"team\":\"Example\",\"user\":"       \
    "\"news\",\"bot_id\":\"B0123456789\"}"
#define SAMPLE_MESSAGE "{\"ok\":true,\"channel\":\"C0123456789\",\"ts\":\"1503435956.000247\"}"
#define SAMPLE_LIST "{\"ok\":true,\"messages\":[],\"has_more\":false}"
#define LEARN_WORKSPACE                                                                        \
    {                                                                                          \
        .name = "learn_workspace", .repeatable = true, .build = slack__build_workspace,        \
        .read = slack__read_workspace, .sample = SAMPLE_TOKEN                                  \
    }

const struct step slack__publish[] = {
    LEARN_WORKSPACE,
    {.name = "post_webhook",
     .publishes = true,
     .build = slack__build_hook,
     .read = slack__read_hook}, /* its answer is no JSON: nothing follows anyway */
    {.name = "post_message",
     .publishes = true,
     .build = slack__build_bot,
     .read = slack__read_bot,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step slack__update[] = {
    {.name = "update_message",
     .repeatable = true,
     .publishes = true,
     .build = slack__build_update,
     .read = slack__read_update,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step slack__retract[] = {
    {.name = "delete_message",
     .repeatable = true,
     .publishes = true,
     .build = slack__build_delete,
     .read = slack__read_delete,
     .sample = SAMPLE_MESSAGE},
    {.name = "update_retracted",
     .repeatable = true,
     .publishes = true,
     .build = slack__build_retracted,
     .read = slack__read_retracted,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step slack__verify[] = {
    LEARN_WORKSPACE,
    {.name = "find_message",
     .repeatable = true,
     .build = slack__build_find,
     .read = slack__read_find,
     .sample = SAMPLE_LIST},
    STEP_END,
};
const struct step slack__test[] = {
    {.name = "check_token",
     .repeatable = true,
     .build = slack__build_token,
     .read = slack__read_token,
     .sample = SAMPLE_TOKEN},
    {.name = "probe_webhook",
     .repeatable = true,
     .build = slack__build_probe,
     .read = slack__read_probe},
    STEP_END,
};

static bool rules_out(const void *object, enum course c)
{
    return slack__is_hook(object) &&
           (c == COURSE_UPDATE || c == COURSE_RETRACT || c == COURSE_VERIFY);
}

/* ---- settings ---- */

static enum err_code refuse(struct err *why, const char *text)
{
    return err_set(why, ERR_INVALID, "%s", text);
}

static enum err_code check_hook(const struct slack_settings *s, struct err *why)
{
    if (!slack__is_hook_url(s->webhook_url.text)) {
        return refuse(why,
                      "webhook_url: looks like https://hooks.slack.com/services/T…/B…/…, as "
                      "Slack shows it");
    }
    if (s->channel) {
        return refuse(why, "channel: only with token; a webhook has its channel");
    }
    if (s->username) {
        return refuse(why, "username: only with token; a webhook has the name of its app");
    }
    if (s->icon_url) {
        return refuse(why, "icon_url: only with token; a webhook has the picture of its app");
    }
    return ERR_NONE;
}

/* xoxb-, of a bot; xoxp-, of a person; xoxe.xoxb-, of an app with rotation. It goes into a header. */
static bool is_token(const char *text)
{
    return strncmp(text, "xox", 3) == 0 &&
           text[strspn(text,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
               '\0';
}

static enum err_code check_bot(const struct slack_settings *s, struct err *why)
{
    if (!is_token(s->token.text)) {
        return refuse(why, "token: begins with xoxb-, on the app's page OAuth & Permissions");
    }
    if (!slack__is_channel(s->channel)) {
        return refuse(why,
                      "channel: the channel's id is needed beside token, such as C0123456789");
    }
    if (s->icon_url && strlen(s->icon_url) > SLACK_URL_BYTES) {
        return refuse(why, "icon_url: longer than 3000 bytes");
    }
    return ERR_NONE;
}

static enum err_code check(const void *object, struct err *why)
{
    const struct slack_settings *s = object;

    if (s->webhook_url.text && s->token.text) {
        return refuse(why, "webhook_url: not beside token: a channel posts one way");
    }
    if (!s->webhook_url.text && !s->token.text) {
        return refuse(why, "webhook_url: needed, or token and channel");
    }
    return slack__is_hook(s) ? check_hook(s, why) : check_bot(s, why);
}

/* What a webhook posted can be changed by nobody, so it needs no name. */
static bool post_named(const void *object, const char *remote_id, const char *link)
{
    struct slack_post post;

    return (object && slack__is_hook(object)) || slack__post_read(&post, remote_id, link);
}

// clang-format off
static const char setup[] =
    "As a bot, which can correct and delete what it posted:\n"
    "1. At https://api.slack.com/apps press Create New App, From scratch; choose a name and your\n"
    "   workspace.\n"
    "2. On its page OAuth & Permissions, under Bot Token Scopes, add chat:write and\n"
    "   channels:history (for a private channel groups:history). Press Install to Workspace and copy\n"
    "   the Bot User OAuth Token. Leave Token Rotation off.\n"
    "3. In Slack, write /invite @ and the app's name in the channel. Click the channel's name: its\n"
    "   id stands at the bottom of the window.\n"
    "4. Give the token to crier as an environment variable, here SLACK_TOKEN, and write:\n"
    "\n"
    "     channels:\n"
    "       slack:\n"
    "         type: slack\n"
    "         token: ${SLACK_TOKEN}\n"
    "         channel: C0123456789\n"
    "         when: {breaking: true}\n"
    "\n"
    "By an incoming webhook, which can only post; corrections and retractions do not reach it:\n"
    "1. Make an app as above. On its page Incoming Webhooks switch them on, press Add New Webhook,\n"
    "   choose the channel, copy the address: whoever has it can post. Write:\n"
    "\n"
    "     channels:\n"
    "       slack:\n"
    "         type: slack\n"
    "         webhook_url: ${SLACK_WEBHOOK_URL}\n"
    "         when: {breaking: true}\n"
    "\n"
    "Either way: run `crier check`. With the service running, this asks Slack for the bot, or whether\n"
    "the webhook is there, and posts nothing:\n"
    "  curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "    http://127.0.0.1:8480/v1/channels/slack/test";
// clang-format on

const struct adapter adapter_slack = {
    .name = "slack",
    .title = "Slack",
    .doc_url = "https://docs.slack.dev/reference/methods/chat.postMessage",
    .about = "a headline with text, link and picture in a channel",
    .settings = settings,
    .settings_size = sizeof(struct slack_settings),
    .limits = slack__limits,
    .publish = slack__publish,
    .update = slack__update,
    .retract = slack__retract,
    .verify = slack__verify,
    .test = slack__test,
    .rules_out = rules_out,
    .cannot_update = "what an incoming webhook posted cannot be changed: use a bot's token",
    .cannot_retract = "what an incoming webhook posted cannot be deleted: use a bot's token",
    .cannot_verify = "an incoming webhook cannot read its channel: use a bot's token",
    .post_id_form = "CHANNEL/TS of the message, or its link",
    .post_named = post_named,
    .media = "a picture with alternative text, by its address; no video",
    .pictures = "by their address, which Slack fetches",
    .rate = {.count = 1, .per_ms = MS_SECOND},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
