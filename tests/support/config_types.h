#ifndef CRIER_TESTS_SUPPORT_CONFIG_TYPES_H
#define CRIER_TESTS_SUPPORT_CONFIG_TYPES_H

/* Types of channels for tests of settings: "every" has a setting of each kind, "telegram" and
 * "webhook" have the keys that examples use. They stand here and not in adapters/, since
 * config/ must work without knowing any. */

#include <string.h>

#include "base/mustache.h"
#include "config/config.h"

struct every_settings {
    char *string, *url;
    struct secret secret, key_file;
    int64_t duration_ms, size_bytes, number;
    bool flag;
    int choice;
    struct rate pace;
    struct strings words;
    struct pairs headers;
    struct mustache *text, *note;
    struct every_inner {
        char *name;
        int64_t depth;
    } inner;
};
struct telegram_settings {
    struct secret token;
    char *chat;
    struct mustache *text;
};
struct json_settings {
    int signature;
    int64_t window_ms;
};
struct webhook_settings {
    char *url;
    struct secret secret;
};

struct letters_settings {
    struct secret key;
};

/* clang-format off */
static const char *const every_note_names[] = {"extra", NULL};
static const char *const every_choices[] = {"standard", "cloudevents", "none", NULL};
static const struct field every_inner_fields[] = {
    {.key = "name", .kind = FIELD_STRING, .offset = offsetof(struct every_inner, name), .required = true, .help = "a name"},
    {.key = "depth", .kind = FIELD_INT, .offset = offsetof(struct every_inner, depth), .def = "3", .help = "a depth"},
    FIELD_END,
};
#define EVERY(member) .offset = offsetof(struct every_settings, member)
static const struct field every_fields[] = {
    {.key = "string", .kind = FIELD_STRING, EVERY(string), .min = "2", .max = "5", .example = "abc", .help = "a text"},
    {.key = "url", .kind = FIELD_URL, EVERY(url), .required = true, .help = "an address"},
    {.key = "secret", .kind = FIELD_SECRET, EVERY(secret), .max = "40", .help = "a secret"},
    {.key = "duration", .kind = FIELD_MS, EVERY(duration_ms), .def = "90s", .min = "1s", .max = "1d", .help = "a duration"},
    {.key = "size", .kind = FIELD_BYTES, EVERY(size_bytes), .def = "64KiB", .max = "1MiB", .help = "a size"},
    {.key = "number", .kind = FIELD_INT, EVERY(number), .def = "7", .min = "-5", .max = "10", .help = "a number"},
    {.key = "flag", .kind = FIELD_BOOL, EVERY(flag), .def = "true", .help = "a flag | or not"},
    {.key = "choice", .kind = FIELD_ENUM, EVERY(choice), .choices = every_choices, .def = "cloudevents", .help = "a choice"},
    {.key = "pace", .kind = FIELD_RATE, EVERY(pace), .def = "20/min", .help = "a rate"},
    {.key = "words", .kind = FIELD_STRINGS, EVERY(words), .max = "3", .help = "some words"},
    {.key = "headers", .kind = FIELD_MAP, EVERY(headers), .help = "more headers"},
    {.key = "text", .kind = FIELD_TEMPLATE, EVERY(text), .def = "{{title}}\n{{url}}", .help = "a text"},
    {.key = "note", .kind = FIELD_TEMPLATE, EVERY(note), .names = every_note_names, .help = "a note"},
    {.key = "inner", .kind = FIELD_OBJECT, EVERY(inner), .fields = every_inner_fields, .help = "more"},
    {.key = "key_file", .kind = FIELD_SECRET, EVERY(key_file), .lines = true, .help = "a secret of several lines"},
    FIELD_END,
};
static const struct field telegram_fields[] = {
    {.key = "token", .kind = FIELD_SECRET, .offset = offsetof(struct telegram_settings, token), .required = true, .help = "the bot's token"},
    {.key = "chat", .kind = FIELD_STRING, .offset = offsetof(struct telegram_settings, chat), .required = true, .help = "the chat"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = offsetof(struct telegram_settings, text), .help = "the message"},
    FIELD_END,
};
static const struct field webhook_fields[] = {
    {.key = "url", .kind = FIELD_URL, .offset = offsetof(struct webhook_settings, url), .required = true, .help = "where to post"},
    {.key = "secret", .kind = FIELD_SECRET, .offset = offsetof(struct webhook_settings, secret), .help = "signs"},
    FIELD_END,
};
static const struct field letters_fields[] = {
    {.key = "key", .kind = FIELD_SECRET, .offset = offsetof(struct letters_settings, key), .help = "a key"},
    FIELD_END,
};
/* clang-format on */

static enum err_code every_check(const void *settings, struct err *why)
{
    const struct every_settings *s = settings;

    if (s->string != NULL && strcmp(s->string, "wrong") == 0) {
        return err_set(why, ERR_INVALID, "string: does not go with this url");
    }
    return ERR_NONE;
}

static const struct config_type test_type_rows[] = {
    {.name = "telegram",
     .title = "Telegram",
     .settings = telegram_fields,
     .settings_size = sizeof(struct telegram_settings)},
    {.name = "webhook",
     .title = "Webhook",
     .settings = webhook_fields,
     .settings_size = sizeof(struct webhook_settings)},
    {.name = "every",
     .title = "Every kind",
     .settings = every_fields,
     .settings_size = sizeof(struct every_settings),
     .check = every_check},
    {.name = "letters",
     .title = "One by one",
     .settings = letters_fields,
     .settings_size = sizeof(struct letters_settings),
     .audience = true},
    {.name = "browsers",
     .title = "One by one, who subscribe",
     .settings = letters_fields,
     .settings_size = sizeof(struct letters_settings),
     .audience = true,
     .subscribed = true},
};
static const char *const json_signatures[] = {"hub", "standard", "none", NULL};
static const struct field json_fields[] = {
    {.key = "signature",
     .kind = FIELD_ENUM,
     .offset = offsetof(struct json_settings, signature),
     .choices = json_signatures,
     .def = "hub",
     .help = "how it signs"},
    {.key = "replay_window",
     .kind = FIELD_MS,
     .offset = offsetof(struct json_settings, window_ms),
     .def = "5m",
     .min = "1s",
     .max = "1d",
     .help = "a window"},
    FIELD_END,
};

static bool json_is_open(const struct config_type *type, const void *settings)
{
    const struct json_settings *s = settings;

    (void)type;
    return s->signature == 2;
}

static const struct config_type test_source_rows[] = {
    {.name = "json",
     .title = "JSON",
     .settings = json_fields,
     .settings_size = sizeof(struct json_settings),
     .help = "JSON",
     .called = true,
     .is_open = json_is_open},
};
static const struct config_types test_types = {{test_type_rows, 5}, {test_source_rows, 1}};

#endif
