/* dev.to, and other sites that run Forem: what a channel of this kind can be told, what the platform's
 * limits are, and the order of steps of each course. The steps themselves stand in devto_article.c.
 * Found through registry.h; everything here is constant. */

#include "adapters/devto_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"

static const char *const media_choices[] = {"auto", "never", NULL};

#define SETTING(member) offsetof(struct devto_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{#summary}}{{summary}}\n\n{{/summary}}Read the whole story at {{site}}:\n\n{{url}}"

// clang-format off
static const struct field settings[] = {
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://dev.to/api",
     .help = "address of the API, for other sites that run Forem"},
    {.key = "api_key", .kind = FIELD_SECRET, .offset = SETTING(api_key), .required = true,
     .example = "${DEVTO_API_KEY}", .help = "API key of the account, from Settings, Extensions"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the article there"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "its text, Markdown; search engines are told that yours is the original"},
    {.key = "description", .kind = FIELD_TEMPLATE, .offset = SETTING(description), .def = "{{summary}}",
     .help = "what previews show below the title"},
    {.key = "tags", .kind = FIELD_STRINGS, .offset = SETTING(tags), .example = "news",
     .help = "tags instead of the article's, at most 4, small letters and digits"},
    {.key = "series", .kind = FIELD_STRING, .offset = SETTING(series), .min = "1", .max = "128", .example = "Breaking news",
     .help = "series the articles belong to there"},
    {.key = "organization_id", .kind = FIELD_INT, .offset = SETTING(organization_id), .def = "0", .min = "0", .max = "9007199254740991",
     .help = "number of the organization to post for; 0 is the account itself"},
    {.key = "published", .kind = FIELD_BOOL, .offset = SETTING(published), .def = "true",
     .help = "false leaves drafts, for a person to publish"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto shows the article's first picture above the text, never shows none"},
    FIELD_END,
};

const struct text_rule devto__limits[] = {
    [DEVTO_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 128,
     .source = "forem/forem, app/models/article.rb: title length"},
    [DEVTO_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_BYTES, .max = 800000,
     .source = "forem/forem, app/models/article.rb: body_markdown of 800 kilobytes"},
    [DEVTO_LIMIT_DESCRIPTION] =
    {.name = "description", .unit = TEXT_CODE_POINTS, .max = 150,
     .source = "our choice; previews show no more"},
    {.name = NULL},
};

#define SAMPLE_ARTICLE \
    "{\"id\":1234567,\"url\":\"https://dev.to/news/a-title-1a2b\",\"slug\":\"a-title-1a2b\"}"

/* Its guard against repeats is good for five minutes; one is left for clocks and for the way there. */
#define GUARDED_MS (4 * MS_MINUTE)
#define LIST_OWN \
    {.name = "list_own", .repeatable = true, \
     .build = devto__build_list, .read = devto__read_list, .sample = "[]"}

static const struct step publish[] = {
    {.name = "create_article", .repeatable = true, .repeat_within_ms = GUARDED_MS, .publishes = true,
     .build = devto__build_create, .read = devto__read_create, .sample = SAMPLE_ARTICLE},
    LIST_OWN, /* where it was refused as a repeat */
    STEP_END,
};
static const struct step update[] = {
    {.name = "edit_article", .repeatable = true, .publishes = true,
     .build = devto__build_edit, .read = devto__read_edit, .sample = SAMPLE_ARTICLE},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "unpublish_article", .repeatable = true,
     .build = devto__build_unpublish, .read = devto__read_unpublish, .sample = SAMPLE_ARTICLE},
    STEP_END,
};
static const struct step verify[] = {LIST_OWN, STEP_END};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true,
     .build = devto__build_whoami, .read = devto__read_whoami, .sample = "{\"id\":1,\"username\":\"news\"}"},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct devto_settings *s = object;

    if (s->tags.count > DEVTO_TAGS_MAX) {
        return err_set(why, ERR_INVALID, "tags: at most %d are accepted", DEVTO_TAGS_MAX);
    }
    for (size_t i = 0; i < s->tags.count; i++) {
        const char *tag = s->tags.v[i];

        if (*tag == '\0' || tag[strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789")] != '\0') {
            return err_set(why,
                           ERR_INVALID,
                           "tags: small letters and digits are accepted, not \"%s\"",
                           tag);
        }
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    (void)object;
    (void)link;
    return devto__number(remote_id) > 0;
}

// clang-format off
static const char setup[] =
    "1. Sign in at https://dev.to with the account that is to post, in a browser.\n"
    "2. Open Settings (behind your picture), then Extensions. At the bottom, under \"DEV Community API\n"
    "   Keys\", give it the description crier and press \"Generate API Key\".\n"
    "3. Open the new line and copy the key.\n"
    "4. Give it to crier as an environment variable, here DEVTO_API_KEY, and write:\n"
    "\n"
    "     channels:\n"
    "       devto:\n"
    "         type: devto\n"
    "         api_key: ${DEVTO_API_KEY}\n"
    "         tags: [news]\n"
    "         when: {category: Technology}\n"
    "\n"
    "5. Run `crier check`. With the service running, this answers with the account's name and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/devto/test\n"
    "   A key ends when it is revoked in the same place. A retracted article becomes a draft again: only\n"
    "   a person can delete it, in the dashboard.";
// clang-format on

const struct adapter adapter_devto = {
    .name = "devto",
    .title = "dev.to",
    .doc_url = "https://developers.forem.com/api/v1",
    .about = "an article with the picture, a summary and the link, which names yours as the "
             "original",
    .settings = settings,
    .settings_size = sizeof(struct devto_settings),
    .limits = devto__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_retract = "unpublished: it stays a draft of the account, which a person may delete",
    .post_id_form = "the number of the article",
    .post_named = post_named,
    .pictures = "the site fetches it from its address",
    .media = "the article's first picture, without alternative text, which the site fetches",
    .rate = {.count = 10, .per_ms = 30 * MS_SECOND},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
