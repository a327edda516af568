/* Misskey and its forks (Sharkey, Firefish): what a channel of this kind can be told, what the platform's
 * limits are, and the order of steps of each course. The steps themselves stand in misskey_note.c,
 * misskey_gone.c and misskey_verify.c. Found through registry.h; everything here is constant. */

#include "adapters/misskey_internal.h"

#include <stddef.h>

#include "adapters/adapters_list.h"
#include "base/url.h"

const char *const misskey__visibilities[] = {"public", "home", "followers", NULL};
static const char *const media_choices[] = {"auto", "never", NULL};
static const char *const on_update_choices[] = {"replace", "reply", "ignore", NULL};

#define SETTING(member) offsetof(struct misskey_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}\n\n{{url}}{{#hashtags}}\n\n{{hashtags}}" \
    "{{/hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "instance", .kind = FIELD_URL, .offset = SETTING(instance), .required = true,
     .example = "https://misskey.example", .help = "address of the server the account lives on"},
    {.key = "token", .kind = FIELD_SECRET, .offset = SETTING(token), .required = true,
     .example = "${MISSKEY_TOKEN}", .help = "access token of the account, with the permissions read:account write:notes write:drive"},
    {.key = "visibility", .kind = FIELD_ENUM, .offset = SETTING(visibility), .def = "public", .choices = misskey__visibilities,
     .help = "who sees the note: everybody, everybody but only on the home timeline, followers"},
    {.key = "cw", .kind = FIELD_TEMPLATE, .offset = SETTING(cw), .example = "War",
     .help = "content warning above the note, which readers must open then"},
    {.key = "local_only", .kind = FIELD_BOOL, .offset = SETTING(local_only), .def = "false",
     .help = "keep the note on its own server"},
    {.key = "sensitive", .kind = FIELD_BOOL, .offset = SETTING(sensitive), .def = "false",
     .help = "hide the picture behind a warning"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the note"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto attaches the article's first picture with its alternative text, never leaves it to the link preview"},
    {.key = "max_characters", .kind = FIELD_INT, .offset = SETTING(max_characters), .def = "3000", .min = "50", .max = "100000",
     .help = "longest note while the server has not told its own limit"},
    {.key = "on_update", .kind = FIELD_ENUM, .offset = SETTING(on_update), .def = "replace", .choices = on_update_choices,
     .help = "notes cannot be edited: replace them by a new one (reactions and replies stay behind), reply with the change, or leave them as they are"},
    FIELD_END,
};

const struct text_rule misskey__limits[] = {
    /* JSON schema counts code points, some forks the units of JavaScript's strings: never fewer. */
    [MISSKEY_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 3000,
     .source = "misskey-dev/misskey, packages/backend/src/const.ts: MAX_NOTE_TEXT_LENGTH"},
    [MISSKEY_LIMIT_CW] =
    {.name = "cw", .unit = TEXT_UTF16, .max = 100,
     .source = "misskey-dev/misskey, endpoints/notes/create.ts: cw maxLength"},
    [MISSKEY_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_UTF16, .max = 512,
     .source = "misskey-dev/misskey, packages/backend/src/const.ts: DB_MAX_IMAGE_COMMENT_LENGTH"},
    {.name = NULL},
};

#define SAMPLE_FILE "{\"id\":\"9fil3x0000\",\"type\":\"image/jpeg\"}"
#define SAMPLE_NOTE "{\"createdNote\":{\"id\":\"9n0te00000\",\"createdAt\":\"2026-11-23T15:00:01.000Z\"}}"
#define SAMPLE_ACCOUNT "{\"id\":\"9acc0unt00\",\"username\":\"news\"}"

#define FIRST_STEPS \
    {.name = "learn_limits", .repeatable = true, \
     .build = misskey__build_limits, .read = misskey__read_limits, .sample = "{\"maxNoteTextLength\":3000}"}, \
    {.name = "upload_file", .repeatable = true, .wants_media = true, .media_wanted = misskey__media_wanted, \
     .build = misskey__build_upload, .read = misskey__read_upload, .sample = SAMPLE_FILE}
#define WHOAMI \
    {.name = "whoami", .repeatable = true, \
     .build = misskey__build_whoami, .read = misskey__read_whoami, .sample = SAMPLE_ACCOUNT}
#define DELETE(step) \
    {.name = (step), .repeatable = true, .build = misskey__build_delete, .read = misskey__read_delete}

static const struct step publish[] = {
    FIRST_STEPS,
    {.name = "create_note", .publishes = true,
     .build = misskey__build_note, .read = misskey__read_note, .sample = SAMPLE_NOTE},
    STEP_END,
};
static const struct step update[] = {
    WHOAMI, /* for find_new */
    FIRST_STEPS,
    /* Repeated it looks first; the bound says that its request must not be sent again at once. */
    {.name = "renew_note", .repeatable = true, .repeat_within_ms = 366 * MS_DAY, .publishes = true, .makes_post = true,
     .build = misskey__build_renew, .read = misskey__read_renew, .unanswered = misskey__unanswered_renew,
     .sample = SAMPLE_NOTE},
    {.name = "find_new", .repeatable = true,
     .build = misskey__build_find_new, .read = misskey__read_find_new, .sample = "[]"},
    DELETE("delete_old"),
    STEP_END,
};
static const struct step retract[] = {DELETE("delete_note"), STEP_END};
static const struct step verify[] = {
    WHOAMI,
    {.name = "find_note", .repeatable = true,
     .build = misskey__build_find, .read = misskey__read_find, .sample = "[]"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true,
     .build = misskey__build_whoami, .read = misskey__read_test, .sample = SAMPLE_ACCOUNT},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct misskey_settings *s = object;
    struct url_parts url;

    if (!url_parse(&url, s->instance) || url.has_userinfo || url.query || url.fragment) {
        return err_set(why,
                       ERR_INVALID,
                       "instance: only the address of the server is accepted, such as "
                       "https://misskey.example");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[MISSKEY_ID_BYTES];

    return misskey__note_id(object, remote_id, link, id) != NULL;
}

// clang-format off
static const char setup[] =
    "1. Sign in to the account that is to post, in a browser, on its own server.\n"
    "2. Open Settings, then API (on some servers: \"Other settings\", then API), then \"Generate access\n"
    "   token\".\n"
    "3. Name: crier. Switch everything off, then on: \"View your account information\", \"Compose or\n"
    "   delete notes\", \"Access your drive files and folders\" for editing (write:drive). Confirm.\n"
    "4. Copy the token shown: it is shown once.\n"
    "5. Give it to crier as an environment variable, here MISSKEY_TOKEN, and write:\n"
    "\n"
    "     channels:\n"
    "       misskey:\n"
    "         type: misskey\n"
    "         instance: https://misskey.example     # the server of step 1\n"
    "         token: ${MISSKEY_TOKEN}\n"
    "         when: {breaking: true}\n"
    "\n"
    "6. Run `crier check`. With the service running, this answers with the account's name and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/misskey/test\n"
    "   A token ends when it is removed in the same place, or the account is suspended.";
// clang-format on

const struct adapter adapter_misskey = {
    .name = "misskey",
    .title = "Misskey",
    .doc_url = "https://misskey-hub.net/en/docs/for-developers/api/",
    .about =
        "a note with the article's picture, its text and the link, which the server turns into "
        "a preview",
    .settings = settings,
    .settings_size = sizeof(struct misskey_settings),
    .limits = misskey__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "by another note, in place of the first or in reply to it",
    .post_id_form = "the id of the note, or its link on this instance",
    .post_named = post_named,
    .media_max_bytes = MISSKEY_IMAGE_BYTES,
    .media = "the article's first picture, with alternative text",
    .rate = {.count = 300, .per_ms = MS_HOUR},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
