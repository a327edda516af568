#ifndef CRIER_ADAPTERS_NOTICE_H
#define CRIER_ADAPTERS_NOTICE_H

/* What a notification of an app says, whoever carries it (Firebase, Apple, Huawei): title, body, picture, link, and
 * how loud it is. Made once by a step before the one that sends, and kept in the record, so that everybody reads
 * the same, also after a restart; made to fit what the platform takes.
 *
 * A correction replaces what is on the screen, by the id that push_topic() makes of the article. What was shown
 * cannot be taken back: with `taken_back` a sentence takes its place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/field.h"

enum notice_picture { NOTICE_PICTURE_FIT, NOTICE_PICTURE_AS_IS, NOTICE_PICTURE_NONE };
enum notice_update { NOTICE_UPDATE_QUIETLY, NOTICE_UPDATE_ALOUD, NOTICE_UPDATE_IGNORE };
enum notice_when { NOTICE_BREAKING, NOTICE_ALWAYS, NOTICE_NEVER };
enum notice_level {
    NOTICE_LEVEL_PASSIVE,
    NOTICE_LEVEL_ACTIVE,
    NOTICE_LEVEL_TIME_SENSITIVE,
    NOTICE_LEVEL_CRITICAL,
};

/* The first member of the settings of every adapter that uses this; rows by NOTICE_ROWS. */
struct notice_settings {
    struct mustache *title, *body, *taken_back;
    int picture, on_update, urgent, sound;
    struct pairs data; /* templates */
};
/* How an iPhone shows it; rows by NOTICE_APPLE_ROWS. */
struct notice_apple {
    int level, breaking_level; /* enum notice_level */
    char *thread, *category;
};

extern const char *const notice_pictures[], *const notice_updates[], *const notice_whens[],
                                                                         *const notice_levels[];

#define NOTICE_AT(member) .offset = offsetof(struct notice_settings, member)
#define NOTICE_APPLE_AT(at, member) .offset = (at) + offsetof(struct notice_apple, member)
// clang-format off
#define NOTICE_ROWS(urgent_def) \
    {.key = "title", .kind = FIELD_TEMPLATE, NOTICE_AT(title), .def = "{{title}}", \
     .help = "first line of the notification"}, \
    {.key = "body", .kind = FIELD_TEMPLATE, NOTICE_AT(body), .def = "{{summary}}", \
     .help = "text below it; made shorter where the whole would be too large"}, \
    {.key = "taken_back", .kind = FIELD_TEMPLATE, NOTICE_AT(taken_back), .example = "\"We have withdrawn this report.\"", \
     .help = "what takes the place of a notification whose article is retracted; not set: it stays on the screens"}, \
    {.key = "picture", .kind = FIELD_ENUM, NOTICE_AT(picture), .choices = notice_pictures, .def = "fit", \
     .help = "the article's first: fit looks at it and makes it small enough, as_is passes its address on without a look"}, \
    {.key = "on_update", .kind = FIELD_ENUM, NOTICE_AT(on_update), .choices = notice_updates, .def = "quietly", \
     .help = "a correction replaces the notification, without a sound, with it, or not at all"}, \
    {.key = "urgent", .kind = FIELD_ENUM, NOTICE_AT(urgent), .choices = notice_whens, .def = urgent_def, \
     .help = "which articles wake a sleeping telephone; others wait until it wakes by itself"}, \
    {.key = "sound", .kind = FIELD_ENUM, NOTICE_AT(sound), .choices = notice_whens, .def = "breaking", \
     .help = "which articles come with the usual sound"}
#define NOTICE_DATA_ROW \
    {.key = "data", .kind = FIELD_MAP, NOTICE_AT(data), .example = "{section: \"{{categories.0}}\"}", \
     .help = "more that your app gets, each value a template; url, story_id, lang and retracted are there by themselves"}
#define NOTICE_APPLE_ROWS(at) \
    {.key = "interruption_level", .kind = FIELD_ENUM, NOTICE_APPLE_AT(at, level), .choices = notice_levels, .def = "active", \
     .help = "how an iPhone shows it; critical needs Apple's permission"}, \
    {.key = "breaking_level", .kind = FIELD_ENUM, NOTICE_APPLE_AT(at, breaking_level), .choices = notice_levels, .def = "time-sensitive", \
     .help = "the same of a breaking article"}, \
    {.key = "thread", .kind = FIELD_STRING, NOTICE_APPLE_AT(at, thread), .min = "1", .max = "64", .example = "news", \
     .help = "an iPhone shows those of one thread as one stack"}, \
    {.key = "apple_category", .kind = FIELD_STRING, NOTICE_APPLE_AT(at, category), .min = "1", .max = "64", .example = "ARTICLE", \
     .help = "category that your app has registered, for buttons of its own"}
// clang-format on

/* As it stands in the record. */
struct notice {
    const char *title, *body, *picture, *link; /* NULL: none; body never NULL */
    const json_t *data;                        /* object of texts */
    bool urgent, sound, retracted, breaking, quiet;
};
/* false: none is made yet. Borrowed from the record. */
bool notice_read(struct notice *out, const struct step_ctx *ctx);

/* What is specific to a platform. */
struct notice_way {
    const struct text_rule *rule; /* of the payload, in bytes */
    void (*payload)(const struct step_ctx *ctx, const struct notice *n, struct buf *out);
};
/* The build of the step before: makes it, sends nothing. ERR_TOO_BIG: link and data alone are too large. */
MUST_USE enum err_code notice_prepare(struct step_ctx *ctx,
                                      struct http_request *req,
                                      const struct notice_way *way,
                                      struct err *why);
/* The step that comes first in every course. */
#define NOTICE_PREPARE_STEP(make)                                                              \
    {                                                                                          \
        .name = "prepare", .repeatable = true, .wants_media = true,                            \
        .media_wanted = notice_wants_picture, .media_wish = notice_wish, .build = (make),      \
        .read = notice_read_prepared                                                           \
    }
/* The rest of that step. */
struct verdict notice_read_prepared(struct step_ctx *ctx, const struct http_response *res);
bool notice_wants_picture(const struct step_ctx *ctx);
void notice_wish(const struct step_ctx *ctx, struct media_wish *wish);
/* struct adapter.rules_out and .media_bounds. */
bool notice_rules_out(const void *settings, enum course c);
void notice_media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds);
/* For struct adapter.check: whether all templates of data can be read; taken: keys that are refused besides those
 * we set, NULL-terminated, by their beginning. */
MUST_USE enum err_code
notice_check(const struct notice_settings *s, const char *const *taken, struct err *why);

/* Members of a payload: {"url":…,"story_id":…}, opened and closed by the caller. */
void notice_put_data(struct buf *out, const struct step_ctx *ctx, const struct notice *n);
/* "aps":{…}, with title and body where they come by no other way. */
void notice_put_aps(struct buf *out,
                    const struct notice_apple *apple,
                    const struct notice *n,
                    bool with_alert);
/* 10 or 5, as Apple counts. */
const char *notice_apple_priority(const struct notice *n);

#define NOTICE_CANNOT_RETRACT                                                                  \
    "what telephones have shown stays there; with taken_back a sentence takes its place"
#define NOTICE_CANNOT_UPDATE                                                                   \
    "another notification takes the place of the first, or none, with on_update: ignore"

/* The host of an address of settings, and the path behind it without its last slash: "https://host:port", appended. */
void notice_origin(struct buf *out, const char *api);
const char *notice_base_path(const char *api, size_t *out_len);

/* A token as apps hand it in, blanks around it taken off (struct audience.address). */
bool notice_token(const char *text, char *out, bool (*may_be)(char c), size_t least);

/* ---- what answers mean ---- */

/* Whether a platform takes anything from us: of a run of a wave, shared by the lanes' threads. */
struct notice_tally {
    _Atomic uint64_t accepted, doubted;
};
/* All members of a request get the same word. */
void notice_say(struct member_word *words,
                size_t count,
                enum member_outcome outcome,
                int64_t retry_after_ms,
                const char *detail);
/* A no that is either to these members or to us: they are tried again, nobody is removed; and when NOTICE_DOUBTS are
 * of that kind, and no message was taken, the wave stops, with `hint`. */
#define NOTICE_DOUBTS 20
struct verdict notice_doubted(struct notice_tally *tally,
                              struct member_word *words,
                              size_t count,
                              const char *detail,
                              const char *hint);
/* The platform says that these addresses are none of its own, or none of ours. As long as it has taken no other
 * message, that may as well mean a wrong environment or a wrong project in the settings, and is in doubt as above;
 * from then on it is believed. */
struct verdict notice_not_ours(struct notice_tally *tally,
                               struct member_word *words,
                               size_t count,
                               const char *detail,
                               const char *hint);
/* The platform refuses a message without a word on what is wrong with it. One is no word on the others; when
 * NOTICE_DOUBTS are, and none was taken, it is the article's matter. */
struct verdict notice_refused(struct notice_tally *tally,
                              struct member_word *words,
                              size_t count,
                              const char *detail);
struct verdict notice_accepted(struct notice_tally *tally, size_t count);

#endif
