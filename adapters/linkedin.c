/* LinkedIn: what a channel of this kind can be told, what the platform's limits are, and the order of steps of each
 * course. The steps themselves stand in linkedin_image.c, linkedin_video.c, linkedin_post.c and
 * linkedin_verify.c. Found through registry.h; everything here is constant.
 *
 * Publishing: a video or pictures are uploaded and waited for, then the post is made. LinkedIn fetches no page, so a
 * card is built of title, summary and picture here. Every call names the month of the API it is written for;
 * a month lives for about a year and is then refused, so it is a setting. */

#include "adapters/linkedin_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"

static const char *const content_choices[] = {"card", "pictures", "video", "text", NULL};

#define SETTING(member) offsetof(struct linkedin_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}{{/"         \
    "hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "author", .kind = FIELD_STRING, .offset = SETTING(author), .required = true, .min = "2", .max = "128",
     .example = "urn:li:organization:1234567",
     .help = "who posts: the page, urn:li:organization: and the number in the address of its admin view; me: the member who signed in"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "LINKEDIN", "linkedin.com/developers, \"Auth\""),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "LINKEDIN"),
    {.key = "version", .kind = FIELD_STRING, .offset = SETTING(version), .def = "202609", .min = "6", .max = "6",
     .help = "month of the API that requests are made for; LinkedIn refuses one when it is about a year old"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post; hashtags are linked, all other signs are shown as they are"},
    {.key = "content", .kind = FIELD_ENUM, .offset = SETTING(content), .def = "card", .choices = content_choices,
     .help = "below the text: the article as a card with its picture, its pictures, its video (else the card), or nothing; without a card the text must hold {{url}}"},
    {.key = "pictures", .kind = FIELD_INT, .offset = SETTING(pictures), .def = "1", .min = "1", .max = "4",
     .help = "how many of the article's pictures to show, with content: pictures"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://api.linkedin.com",
     .help = "where the API is"},
    {.key = "authorize_page", .kind = FIELD_URL, .offset = SETTING(authorize_page), .def = "https://www.linkedin.com/oauth/v2/authorization",
     .help = "the page where a person says yes"},
    {.key = "token_address", .kind = FIELD_URL, .offset = SETTING(token_address), .def = "https://www.linkedin.com/oauth/v2/accessToken",
     .help = "where tokens are given out"},
    FIELD_END,
};

#define POSTS_API "https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"
const struct text_rule linkedin__limits[] = {
    /* "Characters" is all that is said; code units of UTF-16 are the narrowest meaning of it. */
    [LINKEDIN_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 3000, .source = POSTS_API ", FIELD_LENGTH_TOO_LONG"},
    [LINKEDIN_LIMIT_CARD_TITLE] =
    {.name = "card_title", .unit = TEXT_UTF16, .max = 400, .source = POSTS_API ", article.title"},
    [LINKEDIN_LIMIT_CARD_DESCRIPTION] =
    {.name = "card_description", .unit = TEXT_UTF16, .max = 4086, .source = POSTS_API ", article.description"},
    [LINKEDIN_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_UTF16, .max = 4086, .source = POSTS_API ", media.altText"},
    {.name = NULL},
};
// clang-format on

/* ---- the steps of one picture know which it is ---- */

#define IMAGE(index)                                                                           \
    static bool begin_wanted_##index(const struct step_ctx *ctx)                               \
    {                                                                                          \
        return linkedin__image_begin_wanted(ctx, index);                                       \
    }                                                                                          \
    static bool put_wanted_##index(const struct step_ctx *ctx)                                 \
    {                                                                                          \
        return linkedin__image_put_wanted(ctx, index);                                         \
    }                                                                                          \
    static void wish_##index(const struct step_ctx *ctx, struct media_wish *wish)              \
    {                                                                                          \
        linkedin__image_wish(ctx, wish, index);                                                \
    }                                                                                          \
    static enum err_code build_image_##index(                                                  \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        return linkedin__build_image(ctx, req, index, why);                                    \
    }                                                                                          \
    static struct verdict read_image_##index(struct step_ctx *ctx,                             \
                                             const struct http_response *res)                  \
    {                                                                                          \
        return linkedin__read_image(ctx, res, index);                                          \
    }                                                                                          \
    static enum err_code build_put_##index(                                                    \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        (void)why;                                                                             \
        return linkedin__build_put(ctx, req, index);                                           \
    }                                                                                          \
    static struct verdict read_put_##index(struct step_ctx *ctx,                               \
                                           const struct http_response *res)                    \
    {                                                                                          \
        return linkedin__read_put(ctx, res, index);                                            \
    }

IMAGE(0)
IMAGE(1)
IMAGE(2)
IMAGE(3)

#define SAMPLE_IMAGE                                                                           \
    "{\"value\":{\"uploadUrlExpiresAt\":4102444800000,\"uploadUrl\":"                          \
    "\"https://www.linkedin.com/dms-uploads/sample\",\"image\":\"urn:li:image:C4E10AQ\"}}"
#define SAMPLE_VIDEO                                                                           \
    "{\"value\":{\"uploadUrlsExpireAt\":4102444800000,\"video\":\"urn:li:video:C5F10AQ\","     \
    "\"uploadToken\":\"\",\"uploadInstructions\":[{\"uploadUrl\":"                             \
    "\"https://www.linkedin.com/dms-uploads/sample\",\"firstByte\":0,\"lastByte\":0}]}}"
#define SAMPLE_READY "{\"status\":\"AVAILABLE\"}"

// clang-format off
#define IMAGE_STEPS(number, index) \
    {.name = "image_" number, .repeatable = true, .wants_media = true, .media_wanted = begin_wanted_##index, \
     .media_wish = wish_##index, .build = build_image_##index, .read = read_image_##index, .sample = SAMPLE_IMAGE}, \
    {.name = "image_" number "_put", .repeatable = true, .wants_media = true, .media_wanted = put_wanted_##index, \
     .media_wish = wish_##index, .build = build_put_##index, .read = read_put_##index}
#define WHOAMI \
    {.name = "whoami", .repeatable = true, .build = linkedin__build_whoami, .read = linkedin__read_whoami, \
     .sample = "{\"sub\":\"782bbtaQ\",\"name\":\"Ines Lund\"}"}

static const struct step publish[] = {
    WHOAMI,
    {.name = "begin_video", .repeatable = true, .wants_media = true, .media_wanted = linkedin__video_begin_wanted,
     .media_wish = linkedin__video_wish, .build = linkedin__build_begin_video, .read = linkedin__read_begin_video,
     .sample = SAMPLE_VIDEO},
    {.name = "put_video", .repeatable = true, .wants_media = true, .media_wanted = linkedin__video_put_wanted,
     .media_wish = linkedin__video_wish, .build = linkedin__build_put_video, .read = linkedin__read_put_video,
     .sample_headers = "ETag: sample\n"},
    {.name = "end_video", .repeatable = true, .build = linkedin__build_end_video, .read = linkedin__read_end_video},
    {.name = "await_video", .repeatable = true, .build = linkedin__build_await_video, .read = linkedin__read_await_video,
     .sample = SAMPLE_READY},
    IMAGE_STEPS("1", 0), IMAGE_STEPS("2", 1), IMAGE_STEPS("3", 2), IMAGE_STEPS("4", 3),
    {.name = "await_images", .repeatable = true, .build = linkedin__build_await_images,
     .read = linkedin__read_await_images, .sample = SAMPLE_READY},
    {.name = "post", .publishes = true, .build = linkedin__build_post, .read = linkedin__read_post,
     .unanswered = linkedin__post_unanswered, .sample_headers = "x-restli-id: urn:li:share:7000000000000000000\n"},
    {.name = "confirm", .repeatable = true, .build = linkedin__build_confirm, .read = linkedin__read_confirm},
    STEP_END,
};
static const struct step update[] = {
    /* The same text twice is one change. */
    {.name = "edit", .repeatable = true, .publishes = true, .build = linkedin__build_edit, .read = linkedin__read_edit},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete", .repeatable = true, .build = linkedin__build_delete, .read = linkedin__read_delete},
    STEP_END,
};
static const struct step verify[] = {
    WHOAMI,
    {.name = "find_post", .repeatable = true, .build = linkedin__build_find, .read = linkedin__read_find,
     .sample = "{\"elements\":[]}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true, .build = linkedin__build_test, .read = linkedin__read_test,
     .sample = "{\"sub\":\"782bbtaQ\",\"name\":\"Ines Lund\"}"},
    STEP_END,
};
// clang-format on

static void note_link(void *context, const char *name)
{
    bool *has_link = context;

    *has_link = *has_link || strcmp(name, "url") == 0 || strcmp(name, "canonical_url") == 0;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct linkedin_settings *s = object;
    bool has_link = false;

    if (!linkedin__author_ok(s->author)) {
        return err_set(
            why,
            ERR_INVALID,
            "author: urn:li:organization:NUMBER, urn:li:person:ID or me is accepted");
    }
    if (s->version[strspn(s->version, "0123456789")] != '\0') {
        return err_set(why, ERR_INVALID, "version: a month is accepted, such as 202609");
    }
    mustache_names(s->text, note_link, &has_link);
    if (s->content != LINKEDIN_CARD && !has_link) {
        return err_set(why,
                       ERR_INVALID,
                       "text: {{url}} must stand in it when content is not card, since nothing "
                       "else carries the link then");
    }
    return oauth_check(&linkedin__oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char urn[LINKEDIN_URN_BYTES];

    (void)object;
    return linkedin__post_urn(remote_id, link, urn) != NULL;
}

// clang-format off
static const char setup[] =
    "A page can be posted to by an app with LinkedIn's product \"Community Management API\", which LinkedIn\n"
    "gives to registered companies after a review of some weeks. The person who signs in must be an\n"
    "administrator of the page.\n"
    "\n"
    "1. Open https://www.linkedin.com/developers/apps, press \"Create app\". Name: your site. LinkedIn\n"
    "   Page: yours. Confirm the page with the link that \"Settings\", \"Verify\" gives.\n"
    "2. \"Products\": request \"Community Management API\". It must be the only product of the app. (To post\n"
    "   as a member instead: \"Share on LinkedIn\" and \"Sign In with LinkedIn using OpenID Connect\", given\n"
    "   at once.)\n"
    "3. \"Auth\": add to \"Authorized redirect URLs\" the address of \"Signing in\" below. Copy \"Client ID\" and\n"
    "   \"Primary Client Secret\".\n"
    "4. The page's number is in the address of its admin view: linkedin.com/company/1234567/admin/.\n"
    "5. Give id and secret to crier as environment variables, here LINKEDIN_CLIENT_ID and\n"
    "   LINKEDIN_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       linkedin:\n"
    "         type: linkedin\n"
    "         author: urn:li:organization:1234567    # or: me\n"
    "         client_id: ${LINKEDIN_CLIENT_ID}\n"
    "         client_secret: ${LINKEDIN_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "6. Run `crier check`, then `crier keys login linkedin`. Open the address it shows, signed in as an\n"
    "   administrator of the page, and say yes.\n"
    "7. With the service running, this answers whether the token is taken and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/linkedin/test\n"
    "\n"
    "The token ends after 60 days and, but for LinkedIn's partners, cannot be renewed: `crier status`\n"
    "tells ahead when to sign in again. LinkedIn switches each version of its API off after about a year;\n"
    "the channel stops then and says so: set `version` to a newer month.";
// clang-format on

const struct adapter adapter_linkedin = {
    .name = "linkedin",
    .title = "LinkedIn",
    .doc_url = POSTS_API,
    .about =
        "a post with the article's text and a card that shows its title, summary and picture",
    .settings = settings,
    .settings_size = sizeof(struct linkedin_settings),
    .limits = linkedin__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "the text alone: card, pictures and video stay as they were",
    .post_id_form =
        "the URN of the post (urn:li:share:…), or its link (linkedin.com/feed/update/…)",
    .post_named = post_named,
    .media_max_bytes = LINKEDIN_IMAGE_BYTES,
    .media = "a card with the picture, up to 4 pictures with alternative text, or a video",
    /* Of requests, four or so a post; what is told on the page of an app may be more. */
    .quota = {.count = 100,
              .window = QUOTA_DAY_UTC,
              .source = "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/"
                        "rate-limits (development tier, a member a day)"},
    .oauth = &linkedin__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
