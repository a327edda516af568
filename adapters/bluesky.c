/* Bluesky, and any server of the AT protocol: what a channel of this kind can be told, what the
 * platform's limits are, and the order of steps of each course. The steps themselves stand in
 * bluesky_session.c and bluesky_post.c. Found through registry.h; everything here is constant.
 *
 * Publishing: be signed in, upload the picture, put the post at a key of our own choosing.
 * Because key and record are fixed before the first request, a repeat after an unknown outcome
 * changes nothing, and `verify` need only look at that key. */

#include "adapters/bluesky_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/url.h"

static const char *const card_choices[] = {"auto", "never", NULL};
static const char *const on_update_choices[] = {"replace", "reply", "ignore", NULL};

#define SETTING(member) offsetof(struct bluesky_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}{{/"         \
    "hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "identifier", .kind = FIELD_STRING, .offset = SETTING(identifier), .required = true, .min = "1", .max = "256",
     .example = "news.bsky.social", .help = "the account's handle, or its DID"},
    {.key = "password", .kind = FIELD_SECRET, .offset = SETTING(password), .required = true,
     .example = "${BLUESKY_APP_PASSWORD}", .help = "an app password of the account, never the password one signs in with"},
    {.key = "host", .kind = FIELD_URL, .offset = SETTING(host), .def = "https://bsky.social",
     .help = "server to sign in at, for accounts that live on a server of their own"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post; the link stands in the card below it"},
    {.key = "card", .kind = FIELD_ENUM, .offset = SETTING(card), .def = "auto", .choices = card_choices,
     .help = "auto shows the article as a link card, never shows its picture with the alternative text; then the text must hold {{url}}"},
    {.key = "langs", .kind = FIELD_STRINGS, .offset = SETTING(langs), .example = "en",
     .help = "languages to declare instead of the article's, at most 3"},
    {.key = "tags", .kind = FIELD_BOOL, .offset = SETTING(tags), .def = "true",
     .help = "add the article's tags and categories as hidden tags, which search finds"},
    {.key = "labels", .kind = FIELD_STRINGS, .offset = SETTING(labels), .example = "graphic-media",
     .help = "content labels the account gives its own posts, at most 10"},
    {.key = "on_update", .kind = FIELD_ENUM, .offset = SETTING(on_update), .def = "replace", .choices = on_update_choices,
     .help = "posts cannot be edited: replace them by a new one (likes and replies stay behind), reply with the change, or leave them as they are"},
    {.key = "post_url_base", .kind = FIELD_URL, .offset = SETTING(post_url_base), .def = "https://bsky.app",
     .help = "the app that public links of posts lead to"},
    FIELD_END,
};

const struct text_rule bluesky__limits[] = {
    [BLUESKY_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_GRAPHEMES, .max = 300, .max_bytes = 3000,
     .source = "lexicon app.bsky.feed.post, text: maxGraphemes, maxLength"},
    /* The lexicon sets no end to these two; what is longer is not shown. */
    [BLUESKY_LIMIT_CARD_TITLE] =
    {.name = "card_title", .unit = TEXT_GRAPHEMES, .max = 300,
     .source = "our choice; lexicon app.bsky.embed.external has no limit"},
    [BLUESKY_LIMIT_CARD_DESCRIPTION] =
    {.name = "card_description", .unit = TEXT_GRAPHEMES, .max = 1000,
     .source = "our choice; lexicon app.bsky.embed.external has no limit"},
    [BLUESKY_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_GRAPHEMES, .max = 2000,
     .source = "the limit of the official app; lexicon app.bsky.embed.images has none"},
    [BLUESKY_LIMIT_TAG] =
    {.name = "tag", .unit = TEXT_GRAPHEMES, .max = 64, .max_bytes = 640,
     .source = "lexicon app.bsky.feed.post, tags: maxGraphemes, maxLength"},
    {.name = NULL},
};
// clang-format on

#define SAMPLE_SESSION                                                                         \
    "{\"accessJwt\":\"access-token\",\"refreshJwt\":\"refresh-token\","                        \
    "\"handle\":\"news.bsky.social\",\"did\":\"did:plc:ewvi7nxzyoun6zhxrhs64oiz\"}"
#define SAMPLE_BLOB                                                                            \
    "{\"blob\":{\"$type\":\"blob\",\"ref\":{\"$link\":"                                        \
    "\"bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4\"},"                        \
    "\"mimeType\":\"image/jpeg\",\"size\":12345}}"
#define SAMPLE_POST                                                                            \
    "{\"uri\":\"at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jzfcijpj2z2a\","     \
    "\"cid\":\"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a\","                 \
    "\"validationStatus\":\"valid\"}"
#define SAMPLE_ACCOUNT                                                                         \
    "{\"handle\":\"news.bsky.social\",\"did\":\"did:plc:ewvi7nxzyoun6zhxrhs64oiz\"}"

// clang-format off
#define SIGN_IN                                                                                \
    {.name = "refresh_session", .repeatable = true,                                            \
     .build = bluesky__build_refresh, .read = bluesky__read_refresh, .sample = SAMPLE_SESSION},\
    {.name = "create_session", .repeatable = true,                                             \
     .build = bluesky__build_create, .read = bluesky__read_create, .sample = SAMPLE_SESSION}
#define UPLOAD_AND_PUT                                                                         \
    {.name = "upload_thumb", .repeatable = true, .wants_media = true,                          \
     .media_wanted = bluesky__thumb_wanted,                                                    \
     .build = bluesky__build_thumb, .read = bluesky__read_thumb, .sample = SAMPLE_BLOB},       \
    {.name = "put_record", .repeatable = true, .publishes = true,                              \
     .build = bluesky__build_put, .read = bluesky__read_put, .sample = SAMPLE_POST}
#define DELETE(step)                                                                           \
    {.name = (step), .repeatable = true,                                                       \
     .build = bluesky__build_delete, .read = bluesky__read_delete}

static const struct step publish[] = {SIGN_IN, UPLOAD_AND_PUT, STEP_END};
static const struct step update[] = {SIGN_IN, UPLOAD_AND_PUT, DELETE("delete_old"), STEP_END};
static const struct step retract[] = {SIGN_IN, DELETE("delete_post"), STEP_END};
static const struct step verify[] = {
    {.name = "get_record", .repeatable = true,
     .build = bluesky__build_look, .read = bluesky__read_look, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step test[] = {
    SIGN_IN,
    {.name = "get_session", .repeatable = true,
     .build = bluesky__build_session, .read = bluesky__read_session, .sample = SAMPLE_ACCOUNT},
    STEP_END,
};
// clang-format on

bool bluesky__nothing_to_do(const struct step_ctx *ctx)
{
    return ctx->course == COURSE_UPDATE && bluesky__settings(ctx)->on_update == BLUESKY_IGNORE;
}

static bool is_address_only(const char *text)
{
    struct url_parts url;

    return url_parse(&url, text) && !url.has_userinfo && url.path_len <= 1 && !url.query &&
           !url.fragment;
}

static void note_link(void *context, const char *name)
{
    bool *has_link = context;

    *has_link = *has_link || strcmp(name, "url") == 0 || strcmp(name, "canonical_url") == 0;
}

static enum err_code check_lists(const struct bluesky_settings *s, struct err *why)
{
    if (s->langs.count > BLUESKY_LANGS_MAX) {
        return err_set(why, ERR_INVALID, "langs: at most 3 languages are accepted");
    }
    for (size_t i = 0; i < s->langs.count; i++) {
        if (!bluesky__is_language(s->langs.v[i])) {
            return err_set(why,
                           ERR_INVALID,
                           "langs: \"%s\" is no language tag, such as en or pt-BR",
                           s->langs.v[i]);
        }
    }
    if (s->labels.count > BLUESKY_LABELS_MAX) {
        return err_set(why, ERR_INVALID, "labels: at most 10 labels are accepted");
    }
    for (size_t i = 0; i < s->labels.count; i++) {
        if (s->labels.v[i][0] == '\0' || strlen(s->labels.v[i]) > 128) {
            return err_set(why, ERR_INVALID, "labels: 1 to 128 bytes each are accepted");
        }
    }
    return ERR_NONE;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct bluesky_settings *s = object;
    bool has_link = false;

    if (!is_address_only(s->host)) {
        return err_set(why,
                       ERR_INVALID,
                       "host: only the address of the server is accepted, such as "
                       "https://bsky.social");
    }
    if (s->identifier[0] == '@') {
        return err_set(why, ERR_INVALID, "identifier: the handle is accepted without \"@\"");
    }
    if (s->card == BLUESKY_CARD_NEVER) {
        mustache_names(s->text, note_link, &has_link);
        if (!has_link) {
            return err_set(why,
                           ERR_INVALID,
                           "text: {{url}} must stand in it when card is never, since nothing "
                           "else carries the link then");
        }
    }
    return check_lists(s, why);
}

// clang-format off
static const char setup[] =
    "1. Sign in at https://bsky.app with the account that is to post, in a browser.\n"
    "2. Open Settings, then \"Privacy and security\", then \"App passwords\".\n"
    "3. Press \"Add App Password\", name it crier, leave \"Allow access to your direct messages\"\n"
    "   unticked, press Next. Copy the password shown (four groups of four letters): it is shown\n"
    "   once.\n"
    "4. Give it to crier as an environment variable, here BLUESKY_APP_PASSWORD, and write:\n"
    "\n"
    "     channels:\n"
    "       bluesky:\n"
    "         type: bluesky\n"
    "         identifier: news.bsky.social           # the account's handle, without @\n"
    "         password: ${BLUESKY_APP_PASSWORD}\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`. With the service running, this answers with the account's handle and\n"
    "   posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/bluesky/test\n"
    "   Removing the app password at Bluesky ends crier's access at once.";
// clang-format on

const struct adapter adapter_bluesky = {
    .name = "bluesky",
    .title = "Bluesky",
    .doc_url = "https://docs.bsky.app/docs/advanced-guides/posts",
    .about = "a post with a link card that shows the article's title, summary and picture",
    .settings = settings,
    .settings_size = sizeof(struct bluesky_settings),
    .limits = bluesky__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .media = "the link card's picture, uploaded; no video",
    .media_max_bytes = BLUESKY_IMAGE_BYTES,
    .media_bounds = bluesky__thumb_bounds,
    /* 5,000 points an hour, 3 for each new post. */
    .rate = {.count = 1600, .per_ms = MS_HOUR},
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
