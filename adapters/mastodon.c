/* Mastodon and the servers that speak its API: what a channel of this kind can be told, what
 * the platform's limits are, and the order of steps of each course. The steps themselves stand
 * in mastodon_text.c, mastodon_media.c, mastodon_status.c and mastodon_verify.c. Found through
 * registry.h; everything here is constant.
 *
 * Publishing: the server's limits are asked for once a day, the picture is uploaded and waited
 * for (a status cannot attach one that is still being processed), then the status is posted
 * under an Idempotency-Key. The server remembers keys for an hour and only of statuses it
 * created, so within that hour the request is repeated freely; later the account's own list is
 * searched first. */

#include "adapters/mastodon_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/buf.h"
#include "base/url.h"

const char *const mastodon__visibilities[] = {"public", "unlisted", "private", "direct", NULL};
static const char *const media_choices[] = {"auto", "never", NULL};

#define SETTING(member) offsetof(struct mastodon_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}\n\n{{url}}{{#hashtags}}\n\n{{hashtags}}" \
    "{{/hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "instance", .kind = FIELD_URL, .offset = SETTING(instance), .required = true,
     .example = "https://mastodon.example", .help = "address of the server the account lives on"},
    {.key = "token", .kind = FIELD_SECRET, .offset = SETTING(token), .required = true,
     .example = "${MASTODON_TOKEN}", .help = "access token of the account's application, with the scopes read:accounts read:statuses write:statuses write:media"},
    {.key = "visibility", .kind = FIELD_ENUM, .offset = SETTING(visibility), .def = "public", .choices = mastodon__visibilities,
     .help = "who sees the post: everybody, everybody but not in public timelines, followers, only accounts mentioned"},
    {.key = "language", .kind = FIELD_STRING, .offset = SETTING(language), .min = "2", .max = "35", .example = "en",
     .help = "language to declare instead of the article's or the site's"},
    {.key = "sensitive", .kind = FIELD_BOOL, .offset = SETTING(sensitive), .def = "false",
     .help = "hide the picture behind a warning"},
    {.key = "spoiler_text", .kind = FIELD_TEMPLATE, .offset = SETTING(spoiler_text), .example = "War",
     .help = "content warning above the post, which readers must open then; counts toward the length"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto attaches the article's first picture with its alternative text, never leaves it to the link preview"},
    {.key = "max_characters", .kind = FIELD_INT, .offset = SETTING(max_characters), .def = "500", .min = "50", .max = "100000",
     .help = "longest post while the server has not told its own limit"},
    FIELD_END,
};

const struct text_rule mastodon__limits[] = {
    [MASTODON_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_GRAPHEMES, .max = 500, .link_length = 23,
     .source = "https://docs.joinmastodon.org/user/posting/#text"},
    /* Half of the whole: the warning must leave room for what it warns of. */
    [MASTODON_LIMIT_SPOILER] =
    {.name = "spoiler_text", .unit = TEXT_GRAPHEMES, .max = 250, .link_length = 23,
     .source = "https://docs.joinmastodon.org/user/posting/#text"},
    [MASTODON_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1500,
     .source = "https://docs.joinmastodon.org/entities/Instance/#description_limit"},
    {.name = NULL},
};
// clang-format on

#define SAMPLE_MEDIA                                                                           \
    "{\"id\":\"22348641\",\"type\":\"image\",\"url\":\"https://files.example/22348641.jpg\"}"
#define SAMPLE_STATUS                                                                          \
    "{\"id\":\"103254962155278888\",\"url\":\"https://mastodon.example/@news/"                 \
    "103254962155278888\"}"
#define SAMPLE_ACCOUNT "{\"id\":\"14715\",\"acct\":\"news\"}"
#define SAMPLE_INSTANCE                                                                        \
    "{\"configuration\":{\"statuses\":{\"max_characters\":500,"                                \
    "\"characters_reserved_per_url\":23},\"media_attachments\":{\"description_limit\":1500,"   \
    "\"image_size_limit\":16777216,\"image_matrix_limit\":33177600}}}"

/* The key is kept for an hour after the status was created; a minute is left for clocks and for
 * the way there. */
#define KEY_KEPT_MS (59 * MS_MINUTE)

// clang-format off
/* How a status and its edit begin alike: the limits, the picture. */
#define FIRST_STEPS \
    {.name = "learn_limits", \
     .repeatable = true, \
     .build = mastodon__build_learn, \
     .read = mastodon__read_learn, \
     .sample = SAMPLE_INSTANCE}, \
    {.name = "upload_media", \
     .repeatable = true, \
     .wants_media = true, \
     .media_wanted = mastodon__media_wanted, \
     .build = mastodon__build_upload, \
     .read = mastodon__read_upload, \
     .sample = SAMPLE_MEDIA}, \
    {.name = "await_media", \
     .repeatable = true, \
     .build = mastodon__build_await, \
     .read = mastodon__read_await, \
     .sample = SAMPLE_MEDIA}
// clang-format on

static const struct step publish[] = {
    FIRST_STEPS,
    {.name = "post_status",
     .repeatable = true,
     .repeat_within_ms = KEY_KEPT_MS,
     .publishes = true,
     .build = mastodon__build_post,
     .read = mastodon__read_status,
     .sample = SAMPLE_STATUS},
    STEP_END,
};

static const struct step update[] = {
    FIRST_STEPS,
    /* The same edit twice is one edit: the server compares. */
    {.name = "edit_status",
     .repeatable = true,
     .publishes = true,
     .build = mastodon__build_edit,
     .read = mastodon__read_status,
     .sample = SAMPLE_STATUS},
    STEP_END,
};

static const struct step retract[] = {
    {.name = "delete_status",
     .repeatable = true,
     .build = mastodon__build_delete,
     .read = mastodon__read_delete,
     .sample = SAMPLE_STATUS},
    STEP_END,
};

static const struct step verify[] = {
    {.name = "whoami",
     .repeatable = true,
     .build = mastodon__build_whoami,
     .read = mastodon__read_whoami,
     .sample = SAMPLE_ACCOUNT},
    {.name = "find_post",
     .repeatable = true,
     .build = mastodon__build_find,
     .read = mastodon__read_find,
     .sample = "[]"},
    STEP_END,
};

static const struct step test[] = {
    {.name = "verify_credentials",
     .repeatable = true,
     .build = mastodon__build_test,
     .read = mastodon__read_test,
     .sample = SAMPLE_ACCOUNT},
    STEP_END,
};

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct mastodon_settings *s = object;
    struct url_parts url;
    const char *p = s->language ? s->language : "";

    if (!url_parse(&url, s->instance) || url.has_userinfo || url.path_len > 1 || url.query ||
        url.fragment) {
        return err_set(why,
                       ERR_INVALID,
                       "instance: only the address of the server is accepted, such as "
                       "https://mastodon.example");
    }
    if (p[strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")] != '\0') {
        return err_set(why, ERR_INVALID, "language: a language tag is accepted, such as en");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[MASTODON_ID_BYTES];

    return mastodon__status_id(object, remote_id, link, id) != NULL;
}

void mastodon__request(const struct step_ctx *ctx,
                       struct http_request *req,
                       enum http_method method,
                       const char *path_format,
                       ...)
{
    const struct mastodon_settings *s = mastodon__settings(ctx);
    size_t base_len = strlen(s->instance);
    char path[1024];
    va_list args;
    int len;

    va_start(args, path_format);
    len = vsnprintf(path, sizeof path, path_format, args);
    va_end(args);
    must(len > 0 && (size_t)len < sizeof path);
    while (base_len > 0 && s->instance[base_len - 1] == '/') {
        base_len--;
    }
    req->method = method;
    http_set_url(req, "%.*s%s", (int)base_len, s->instance, path);
    http_set_headerf(req, "Authorization", "Bearer %s", s->token.text);
    http_set_header(req, "Accept", "application/json");
}

// clang-format off
static const char setup[] =
    "1. Sign in to the account that is to post, in a browser, on its own server.\n"
    "2. Open Preferences, then Development, then \"New application\".\n"
    "3. Application name: crier. Application website: the address of your site. Leave the redirect\n"
    "   address as it is.\n"
    "4. Scopes: untick everything, then tick read:accounts, read:statuses, write:statuses and\n"
    "   write:media. Press \"Submit\".\n"
    "5. Click the application's name in the list. Copy the line \"Your access token\".\n"
    "6. Give that token to crier as an environment variable, here MASTODON_TOKEN, and write:\n"
    "\n"
    "     channels:\n"
    "       mastodon:\n"
    "         type: mastodon\n"
    "         instance: https://mastodon.example     # the server of step 1\n"
    "         token: ${MASTODON_TOKEN}\n"
    "         when: {breaking: true}\n"
    "\n"
    "7. Run `crier check`. With the service running, this answers with the account's name and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/mastodon/test\n"
    "   A token ends when it is revoked, the password is reset or the account is suspended.";
// clang-format on

const struct adapter adapter_mastodon = {
    .name = "mastodon",
    .title = "Mastodon",
    .doc_url = "https://docs.joinmastodon.org/methods/statuses/",
    .about =
        "a status with the article's picture, its text and the link, which the server turns "
        "into a preview",
    .settings = settings,
    .settings_size = sizeof(struct mastodon_settings),
    .limits = mastodon__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .post_id_form = "the id of the status, or its link on this instance",
    .post_named = post_named,
    .media = "a picture with alternative text, uploaded; no video",
    .media_max_bytes = 16777216, /* image_size_limit unless the server tells less */
    .media_bounds = mastodon__media_bounds,
    .rate = {.count = 300, .per_ms = 3 * MS_HOUR},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
