/* X, once Twitter: what a channel of this kind can be told, what the platform's limits are, and the order of
 * steps of each course. The steps themselves stand in x_video.c, x_picture.c, x_post.c, x_standing.c and
 * x_verify.c. Found through registry.h; everything here is constant.
 *
 * Publishing: the video or the pictures are uploaded, then the post is made. Only the last request publishes;
 * it is not repeated before the account's own list was looked at. Posts cost money by the piece, those with a
 * link thirteen times as much as those without: that is the operator's choice. */

#include "adapters/x_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/attr.h"
#include "base/url.h"

const char *const x__reply_settings[] = {
    "everyone", "following", "mentionedUsers", "subscribers", "verified", NULL};
static const char *const link_choices[] = {"in_post", "none", NULL};
static const char *const on_update_choices[] = {"replace", "reply", "edit", "ignore", NULL};
static const char *const media_choices[] = {"auto", "pictures", "never", NULL};

#define SETTING(member) offsetof(struct x_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}{{/"         \
    "hashtags}}{{#url}}\n\n{{url}}{{/url}}"
#define DEFAULT_UPDATE                                                                         \
    "{{#correction}}Correction: {{/correction}}{{^correction}}Update: {{/correction}}"         \
    "{{title}}{{#url}}\n\n{{url}}{{/url}}"

// clang-format off
static const struct field settings[] = {
    {.key = "consumer_key", .kind = FIELD_SECRET, .offset = SETTING(consumer_key), .example = "${X_CONSUMER_KEY}",
     .help = "\"API key\" of your app: with the next three the channel needs no login and no renewal"},
    {.key = "consumer_secret", .kind = FIELD_SECRET, .offset = SETTING(consumer_secret), .example = "${X_CONSUMER_SECRET}",
     .help = "\"API key secret\" of your app"},
    {.key = "token", .kind = FIELD_SECRET, .offset = SETTING(token), .example = "${X_TOKEN}",
     .help = "\"Access token\" of the account, made with the permission to write"},
    {.key = "token_secret", .kind = FIELD_SECRET, .offset = SETTING(token_secret), .example = "${X_TOKEN_SECRET}",
     .help = "\"Access token secret\" of the account"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "X", "console.x.com, \"OAuth 2.0 Client ID\""),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "X"),
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post"},
    {.key = "update_text", .kind = FIELD_TEMPLATE, .offset = SETTING(update_text), .def = DEFAULT_UPDATE,
     .help = "text of a reply that tells of a change, with on_update: reply"},
    {.key = "link", .kind = FIELD_ENUM, .offset = SETTING(link), .def = "in_post", .choices = link_choices,
     .help = "a post with a link costs 0.20 dollars, one without 0.015 (spring of 2026): none leaves {{url}} empty"},
    {.key = "on_update", .kind = FIELD_ENUM, .offset = SETTING(on_update), .def = "replace", .choices = on_update_choices,
     .help = "of a changed article: make a new post and delete the old one, reply to it, edit it (accounts with Premium, for an hour at most), or leave it"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto attaches the article's video or else its pictures, pictures leaves videos out, never leaves all to the link's card"},
    {.key = "pictures", .kind = FIELD_INT, .offset = SETTING(pictures), .def = "1", .min = "0", .max = "4",
     .help = "how many of the article's pictures to attach"},
    {.key = "reply_settings", .kind = FIELD_ENUM, .offset = SETTING(reply_settings), .def = "everyone", .choices = x__reply_settings,
     .help = "who may reply"},
    {.key = "made_with_ai", .kind = FIELD_BOOL, .offset = SETTING(made_with_ai), .def = "false",
     .help = "tell readers that the pictures are made by a machine"},
    {.key = "max_characters", .kind = FIELD_INT, .offset = SETTING(max_characters), .def = "280", .min = "50", .max = "25000",
     .help = "longest post, as X weighs characters; accounts with Premium may have more than 280"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://api.x.com",
     .help = "where the API is"},
    {.key = "authorize_page", .kind = FIELD_URL, .offset = SETTING(authorize_page), .def = "https://x.com/i/oauth2/authorize",
     .help = "the page where an account says yes"},
    FIELD_END,
};

const struct text_rule x__limits[] = {
    [X_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_X_WEIGHTED, .max = 280, .link_length = 23,
     .source = "https://docs.x.com/fundamentals/counting-characters"},
    [X_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1000,
     .source = "OpenAPI 2.167, CreateMediaMetadataMetadataAltText"},
    {.name = NULL},
};
// clang-format on

/* ---- the steps of one picture know which it is ---- */

#define PICTURE(index)                                                                         \
    static bool wanted_##index(const struct step_ctx *ctx)                                     \
    {                                                                                          \
        return x__picture_wanted(ctx, index);                                                  \
    }                                                                                          \
    static void wish_##index(const struct step_ctx *ctx, struct media_wish *wish)              \
    {                                                                                          \
        x__picture_wish(ctx, wish, index);                                                     \
    }                                                                                          \
    static enum err_code build_picture_##index(                                                \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        (void)why;                                                                             \
        return x__build_picture(ctx, req, index);                                              \
    }                                                                                          \
    static struct verdict read_picture_##index(struct step_ctx *ctx,                           \
                                               const struct http_response *res)                \
    {                                                                                          \
        return x__read_picture(ctx, res, index);                                               \
    }                                                                                          \
    static enum err_code build_alt_##index(                                                    \
        struct step_ctx *ctx, struct http_request *req, struct err *why)                       \
    {                                                                                          \
        (void)why;                                                                             \
        return x__build_alt(ctx, req, index);                                                  \
    }                                                                                          \
    static struct verdict read_alt_##index(struct step_ctx *ctx,                               \
                                           const struct http_response *res)                    \
    {                                                                                          \
        return x__read_alt(ctx, res, index);                                                   \
    }

PICTURE(0)
PICTURE(1)
PICTURE(2)
PICTURE(3)

#define LOOKS_ITSELF_MS (365 * MS_DAY) /* at any time; but every request of it is known of */
#define SAMPLE_MEDIA "{\"data\":{\"id\":\"1880028106020515840\",\"expires_after_secs\":86400}}"
#define SAMPLE_POST                                                                            \
    "{\"data\":{\"id\":\"1880028106020515841\",\"text\":\"A post\","                           \
    "\"edit_history_post_ids\":[\"1880028106020515841\"]}}"
#define SAMPLE_ME                                                                              \
    "{\"data\":{\"id\":\"2244994945\",\"name\":\"Example "                                     \
    "News\",\"username\":\"examplenews\"}}"

// clang-format off
#define PICTURE_STEPS(number, index) \
    {.name = "picture_" number, .repeatable = true, .wants_media = true, .media_wanted = wanted_##index, \
     .media_wish = wish_##index, .build = build_picture_##index, .read = read_picture_##index, .sample = SAMPLE_MEDIA}, \
    {.name = "picture_" number "_alt", .repeatable = true, .build = build_alt_##index, .read = read_alt_##index}
#define MEDIA_STEPS \
    {.name = "begin_video", .repeatable = true, .wants_media = true, .media_wanted = x__video_begin_wanted, \
     .media_wish = x__video_wish, .build = x__build_begin_video, .read = x__read_begin_video, .sample = SAMPLE_MEDIA}, \
    {.name = "append_video", .repeatable = true, .wants_media = true, .media_wanted = x__video_append_wanted, \
     .media_wish = x__video_wish, .build = x__build_append_video, .read = x__read_append_video}, \
    {.name = "end_video", .repeatable = true, .build = x__build_end_video, .read = x__read_end_video, .sample = SAMPLE_MEDIA}, \
    {.name = "await_video", .repeatable = true, .build = x__build_await_video, .read = x__read_await_video, .sample = SAMPLE_MEDIA}, \
    PICTURE_STEPS("1", 0), PICTURE_STEPS("2", 1), PICTURE_STEPS("3", 2), PICTURE_STEPS("4", 3)

static const struct step publish[] = {
    MEDIA_STEPS,
    {.name = "post", .publishes = true, .build = x__build_post, .read = x__read_post,
     .unanswered = x__post_unanswered, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step update[] = {
    MEDIA_STEPS,
    /* It looks before it posts again (x_post.c), so it may be repeated, but not by whoever carries it. */
    {.name = "update", .repeatable = true, .repeat_within_ms = LOOKS_ITSELF_MS, .publishes = true, .makes_post = true, .build = x__build_update, .read = x__read_update,
     .unanswered = x__update_unanswered, .sample = SAMPLE_POST},
    {.name = "delete", .repeatable = true, .build = x__build_delete, .read = x__read_delete,
     .sample = "{\"data\":{\"deleted\":true}}"},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete", .repeatable = true, .build = x__build_delete, .read = x__read_delete,
     .sample = "{\"data\":{\"deleted\":true}}"},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "whoami", .repeatable = true, .build = x__build_whoami, .read = x__read_whoami, .sample = SAMPLE_ME},
    {.name = "find_post", .repeatable = true, .build = x__build_find, .read = x__read_find,
     .sample = "{\"meta\":{\"result_count\":0}}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true, .build = x__build_test, .read = x__read_test, .sample = SAMPLE_ME},
    STEP_END,
};
// clang-format on

static size_t keys_given(const struct x_settings *s)
{
    return (size_t)(s->consumer_key.text != NULL) + (s->consumer_secret.text != NULL) +
           (s->token.text != NULL) + (s->token_secret.text != NULL);
}

static bool is_address_only(const char *text)
{
    struct url_parts url;

    return url_parse(&url, text) && !url.has_userinfo && !url.query && !url.fragment;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct x_settings *s = object;
    size_t keys = keys_given(s);

    if (keys > 0 && keys < 4) {
        return err_set(why,
                       ERR_INVALID,
                       "consumer_key: all four of consumer_key, consumer_secret, token and "
                       "token_secret are accepted, or none");
    }
    if (keys == 4 && s->oauth.client_id) {
        return err_set(why,
                       ERR_INVALID,
                       "client_id: either the four keys (OAuth 1.0a) or client_id (OAuth 2) is "
                       "accepted, not both");
    }
    if (keys == 0 && !s->oauth.client_id && !s->oauth.access_token.text) {
        return err_set(why,
                       ERR_INVALID,
                       "consumer_key: credentials are missing: the four keys (OAuth 1.0a), or "
                       "client_id (OAuth 2)");
    }
    if (!is_address_only(s->api)) {
        return err_set(
            why, ERR_INVALID, "api: an address is accepted, such as https://api.x.com");
    }
    return ERR_NONE;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[X_ID_BYTES];

    (void)object;
    return x__post_id(remote_id, link, id) != NULL;
}

// clang-format off
static const char setup[] =
    "X charges for its API by the piece (spring of 2026): 0.20 dollars for a post with a link, 0.015 for\n"
    "one without (link: none), 0.01 for a deletion. Without credits every call is refused.\n"
    "\n"
    "1. Sign in at https://console.x.com with the account that is to post. Accept the developer agreement.\n"
    "2. Buy credits (\"Billing\"), and set a spending cap that a busy news day does not reach.\n"
    "3. \"Apps\", \"Create app\", name it after your site.\n"
    "4. In the app open \"User authentication settings\", press \"Set up\". App permissions: \"Read and\n"
    "   write\". Type of app: \"Web App, Automated App or Bot\". Callback URL:\n"
    "   http://127.0.0.1:8490/callback. Website: the address of your site. Press \"Save\".\n"
    "5. Open \"Keys and tokens\". Under \"Consumer keys\" copy API key and secret; under \"Access token and\n"
    "   secret\" press \"Generate\" (after step 4: it must say \"Read and write\") and copy both. Give all\n"
    "   four to crier as environment variables, here X_CONSUMER_KEY, X_CONSUMER_SECRET, X_TOKEN and\n"
    "   X_TOKEN_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       x:\n"
    "         type: x\n"
    "         consumer_key: ${X_CONSUMER_KEY}\n"
    "         consumer_secret: ${X_CONSUMER_SECRET}\n"
    "         token: ${X_TOKEN}\n"
    "         token_secret: ${X_TOKEN_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "6. Run `crier check`. With the service running, this answers with the account's name and posts\n"
    "   nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/x/test\n"
    "\n"
    "These four have no end of their own; they end when they are made anew or revoked in the same place.\n"
    "\n"
    "For another account than the app's: copy \"OAuth 2.0 Client ID\" and \"Client Secret\" in step 5, write\n"
    "client_id: ${X_CLIENT_ID} and client_secret: ${X_CLIENT_SECRET} in place of the four, run\n"
    "`crier keys login x` (\"Signing in\" below) and say yes in the browser as that account. That token\n"
    "lives for two hours, and crier renews it by itself.";
// clang-format on

const struct adapter adapter_x = {
    .name = "x",
    .title = "X",
    .doc_url = "https://docs.x.com/x-api/posts/create-post",
    .about = "a post with the article's text and link, and its picture or video",
    .settings = settings,
    .settings_size = sizeof(struct x_settings),
    .limits = x__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "by another post: X lets only accounts with Premium edit, for an hour",
    .post_id_form = "the id of the post, or its link",
    .post_named = post_named,
    .media_max_bytes = X_PICTURE_BYTES,
    .media = "up to 4 pictures with alternative text, or a video of up to 140 seconds",
    .rate = {.count = 100, .per_ms = 15 * MS_MINUTE},
    .quota = {.count = 300,
              .window = QUOTA_ROLLING,
              .per_ms = 3 * MS_HOUR,
              .source = "https://docs.x.com/x-api/fundamentals/rate-limits"},
    .oauth = &x__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
