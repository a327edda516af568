/* Telegram: one message of a bot in a channel or group, with the article's picture when it has
 * one. Called through the registry. Owns its settings and courses; the requests are
 * telegram_build.c's, the answers telegram_read.c's, measuring its HTML telegram_text.c's, which
 * message stands telegram_post.c's.
 *
 * Sending is not repeatable and a bot cannot read a chat's history, so an answer that never
 * came stays unknown and `on_unknown` of the channel decides. Editing and deleting are harmless
 * to repeat. What a post was (picture or text, in which chat, when) stands in its record,
 * because edits differ by it and only young messages can be deleted.
 *
 * Three refusals are answered at once, in the same course: a picture Telegram cannot use (the
 * text goes alone, with a link preview), markup it cannot read (the same text without markup),
 * a group that became a supergroup (the new chat id, kept in the account).
 *
 * Sources: Bot API 10.1 of 11 Jun 2026; error texts of tdlib/telegram-bot-api. */

#include "adapters/telegram_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"

static const char *const parse_modes[] = {"html", "none", NULL};
static const char *const photos[] = {"auto", "never", NULL};
static const char *const previews[] = {"large", "small", "none", NULL};

#define DEFAULT_TEXT "<b>{{title}}</b>\n\n{{#summary}}{{summary}}\n\n{{/summary}}{{url}}"
#define DEFAULT_RETRACTION "<i>Withdrawn:</i> <s>{{title}}</s>"

#define AT(member) .offset = offsetof(struct telegram_settings, member)
// clang-format off
static const struct field settings[] = {
    {.key = "token", .kind = FIELD_SECRET, AT(token), .required = true,
     .example = "${TELEGRAM_TOKEN}",
     .help = "the bot's token, from BotFather"},
    {.key = "chat", .kind = FIELD_STRING, AT(chat), .required = true, .example = "@example",
     .help = "@name of a public channel or group, or the number of any chat"},
    {.key = "thread", .kind = FIELD_INT, AT(thread), .min = "0", .example = "4",
     .help = "topic of a forum group to post in; 0: none"},
    {.key = "text", .kind = FIELD_TEMPLATE, AT(text), .def = DEFAULT_TEXT,
     .help = "the message, in Telegram's HTML (b i u s a code pre blockquote tg-spoiler)"},
    {.key = "retraction", .kind = FIELD_TEMPLATE, AT(retraction), .def = DEFAULT_RETRACTION,
     .help = "what a retracted message too old to be deleted is changed to"},
    {.key = "parse_mode", .kind = FIELD_ENUM, AT(parse_mode), .choices = parse_modes, .def = "html",
     .help = "none: tags of the template are dropped and the text goes without markup"},
    {.key = "photo", .kind = FIELD_ENUM, AT(photo), .choices = photos, .def = "auto",
     .help = "auto: the article's first picture with the text as its caption; never: text with a link preview"},
    {.key = "preview", .kind = FIELD_ENUM, AT(preview), .choices = previews, .def = "large",
     .help = "the link preview of a message without picture"},
    {.key = "preview_above", .kind = FIELD_BOOL, AT(preview_above), .def = "false",
     .help = "the preview stands above the text"},
    {.key = "button", .kind = FIELD_STRING, AT(button), .max = "64", .example = "Read",
     .help = "label of a button below the message that opens the article; none when not set"},
    {.key = "silent", .kind = FIELD_BOOL, AT(silent), .def = "false",
     .help = "readers get the message without a sound"},
    {.key = "silent_unless_breaking", .kind = FIELD_BOOL, AT(silent_unless_breaking), .def = "false",
     .help = "only breaking articles make a sound"},
    {.key = "protect", .kind = FIELD_BOOL, AT(protect), .def = "false",
     .help = "readers cannot forward or save the message"},
    {.key = "api_base", .kind = FIELD_URL, AT(api_base), .def = "https://api.telegram.org",
     .help = "where the Bot API is; another one for a server of your own"},
    FIELD_END,
};

// clang-format on

const struct text_rule telegram__limits[] = {
    [LIMIT_TEXT] =
        {.name = "text",
         .unit = TEXT_UTF16,
         .max = 4096,
         .source = "https://core.telegram.org/bots/api#sendmessage (after entities parsing)"},
    [LIMIT_CAPTION] =
        {.name = "caption",
         .unit = TEXT_UTF16,
         .max = 1024,
         .source = "https://core.telegram.org/bots/api#sendphoto (after entities parsing)"},
    {.name = NULL},
};

/* ---- courses ---- */

#define SAMPLE_MESSAGE                                                                         \
    "{\"ok\":true,\"result\":{\"message_id\":1,\"chat\":{\"id\":-1001234567890,"               \
    "\"username\":\"example\"}}}"
#define SAMPLE_TRUE "{\"ok\":true,\"result\":true}"

/* The text is sent alone when the article has no picture, or when Telegram refused it. */
const struct step telegram__publish[] = {
    {.name = "send_photo",
     .publishes = true,
     .build = telegram__photo_build,
     .read = telegram__photo_read,
     .sample = SAMPLE_MESSAGE},
    {.name = "send_text",
     .publishes = true,
     .build = telegram__text_build,
     .read = telegram__text_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step telegram__update[] = {
    {.name = "edit",
     .repeatable = true,
     .publishes = true,
     .build = telegram__edit_build,
     .read = telegram__edit_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step telegram__retract[] = {
    {.name = "delete",
     .repeatable = true,
     .publishes = true,
     .build = telegram__delete_build,
     .read = telegram__delete_read,
     .sample = SAMPLE_TRUE},
    {.name = "edit_retracted",
     .repeatable = true,
     .publishes = true,
     .build = telegram__retracted_build,
     .read = telegram__retracted_read,
     .sample = SAMPLE_MESSAGE},
    STEP_END,
};
const struct step telegram__test[] = {
    {.name = "get_me",
     .repeatable = true,
     .build = telegram__me_build,
     .read = telegram__me_read,
     .sample =
         "{\"ok\":true,\"result\":{\"id\":1,\"is_bot\":true,\"username\":\"example_bot\"}}"},
    {.name = "get_chat",
     .repeatable = true,
     .build = telegram__chat_build,
     .read = telegram__chat_read,
     .sample = "{\"ok\":true,\"result\":{\"id\":-1001234567890,\"type\":\"channel\"}}"},
    STEP_END,
};

/* ---- settings ---- */

/* "@name", or a number: the API takes nothing else, and says so only when an article is due. */
static bool is_chat(const char *text)
{
    int64_t number;

    return text[0] == '@' ? telegram__is_name(text + 1)
                          : parse_i64(text, &number) && number != 0;
}

/* "123456:ABC-def": it becomes part of an address. */
static bool is_token(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    size_t rest;

    if (digits == 0 || text[digits] != ':') {
        return false;
    }
    text += digits + 1;
    rest = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return rest > 0 && text[rest] == '\0';
}

static enum err_code check(const void *object, struct err *why)
{
    const struct telegram_settings *s = object;

    if (!s->token.text || !is_token(s->token.text)) {
        return err_set(
            why, ERR_INVALID, "token: looks like 123456:ABC-def, as BotFather gave it");
    }
    if (!s->chat || !is_chat(s->chat)) {
        return err_set(why, ERR_INVALID, "chat: @name of a public chat, or the chat's number");
    }
    if (s->silent && s->silent_unless_breaking) {
        return err_set(why, ERR_INVALID, "silent_unless_breaking: has no effect beside silent");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    struct telegram_post post;

    (void)object;
    return telegram__post_read(&post, remote_id, link);
}

static const char setup[] =
    "1. Talk to @BotFather in Telegram: /newbot, choose a name; it answers with the token.\n"
    "2. In your channel: Administrators, Add, the bot's name, right \"Post messages\" (and\n"
    "   \"Delete messages\" for retractions).\n"
    "3. chat is @ and the channel's public name; for a private one its number, -100 and ten\n"
    "   digits or more, as the link of any message shows it behind t.me/c/.\n"
    "4. Give the token to crier as an environment variable, here TELEGRAM_TOKEN, and write:\n"
    "\n"
    "     channels:\n"
    "       telegram:\n"
    "         type: telegram\n"
    "         token: ${TELEGRAM_TOKEN}\n"
    "         chat: \"@example\"\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`. With the service running, this asks Telegram for bot and chat, and "
    "posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/telegram/test\n"
    "   A token ends when it is revoked at @BotFather.";

const struct adapter adapter_telegram = {
    .name = "telegram",
    .title = "Telegram",
    .doc_url = "https://core.telegram.org/bots/api",
    .about = "a picture with a caption, or a text with a link preview, in a channel or group",
    .settings = settings,
    .settings_size = sizeof(struct telegram_settings),
    .limits = telegram__limits,
    .publish = telegram__publish,
    .update = telegram__update,
    .retract = telegram__retract,
    .test = telegram__test,
    .post_id_form = "CHAT/ID, with the chat's number or @name, or the message's link",
    .post_named = post_named,
    .cannot_verify = "a bot cannot read what stands in a chat",
    .rate = {.count = 20, .per_ms = MS_MINUTE},
    /* Telegram fetches the picture itself before it answers; giving up early makes unknowns. */
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check,
    .setup = setup,
    .media = "a picture over the text or as the link's card, by its address; no video",
    .pictures = "by their address, which Telegram fetches",
};
