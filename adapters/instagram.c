/* Instagram, for professional accounts: what a channel of this kind can be told, what the platform's limits
 * are, and the order of steps of each course. What a post is made of stands in instagram_post.c, the way to a
 * token in instagram_login.c, how containers are made, published and found again in container.c. Found
 * through registry.h; everything here is constant.
 *
 * Instagram takes no text alone: an article without picture and video is rejected. It fetches the media
 * itself, from an address anybody can read, which is the article's own or one below server.public_url. */

#include "adapters/instagram_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "base/url.h"

static const char *const login_choices[] = {"instagram", "facebook", NULL};
static const char *const post_choices[] = {"auto", "image", "carousel", "reel", "story", NULL};

#define SETTING(member) offsetof(struct instagram_settings, member)
#define DEFAULT_CAPTION                                                                        \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}"            \
    "{{/hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "login", .kind = FIELD_ENUM, .offset = SETTING(login), .def = "instagram", .choices = login_choices,
     .help = "which way the token comes: Instagram's own login, or Facebook's for an account that is linked to a page (that one can also delete posts)"},
    {.key = "user_id", .kind = FIELD_STRING, .offset = SETTING(user_id), .min = "1", .max = "32", .example = "17841400000000000",
     .help = "the account's number, needed with login: facebook; with login: instagram the token tells it"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "INSTAGRAM", "Meta's app dashboard"),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "INSTAGRAM"),
    {.key = "post", .kind = FIELD_ENUM, .offset = SETTING(post), .def = "auto", .choices = post_choices,
     .help = "auto posts the article's picture, several as a carousel, or its video as a reel when it has no picture; or one of these alone"},
    {.key = "caption", .kind = FIELD_TEMPLATE, .offset = SETTING(caption), .def = DEFAULT_CAPTION,
     .help = "caption of the post; links in it cannot be clicked; a story has none"},
    {.key = "share_to_feed", .kind = FIELD_BOOL, .offset = SETTING(share_to_feed), .def = "true",
     .help = "show a reel among the account's posts too"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .example = "https://graph.instagram.com/v26.0",
     .help = "address and version of the API instead of https://graph.instagram.com/v26.0, or graph.facebook.com with login: facebook"},
    {.key = "login_page", .kind = FIELD_URL, .offset = SETTING(login_page), .example = "https://www.instagram.com/oauth/authorize",
     .help = "the page where one signs in, instead of the official one"},
    {.key = "token_address", .kind = FIELD_URL, .offset = SETTING(token_address), .example = "https://api.instagram.com/oauth/access_token",
     .help = "where a sign-in is exchanged for a token, instead of the official address"},
    FIELD_END,
};

const struct text_rule instagram__limits[] = {
    [INSTAGRAM_LIMIT_CAPTION] =
    {.name = "caption", .unit = TEXT_CODE_POINTS, .max = 2200,
     .source = "https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media, caption: also 30 hashtags, 20 mentions"},
    [INSTAGRAM_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1000,
     .source = "the same page, alt_text"},
    {.name = NULL},
};

#define SAMPLE_ID "{\"id\":\"17889455560051444\"}"
#define SAMPLE_FINISHED "{\"status_code\":\"FINISHED\",\"status\":\"Finished: Media has been uploaded and it is ready to be published.\"}"
#define SAMPLE_PERMALINK "{\"id\":\"17895695668004550\",\"permalink\":\"https://www.instagram.com/p/DRabcdefghi/\"}"
#define SAMPLE_QUOTA "{\"data\":[{\"quota_usage\":4,\"config\":{\"quota_total\":50,\"quota_duration\":86400}}]}"

CONTAINER_STEP(quota, &instagram__platform)
CONTAINER_STEP(item, &instagram__platform)
CONTAINER_STEP(create, &instagram__platform)
CONTAINER_STEP(await, &instagram__platform)
CONTAINER_STEP(publish, &instagram__platform)
CONTAINER_STEP(permalink, &instagram__platform)
CONTAINER_STEP(look, &instagram__platform)
CONTAINER_STEP(find, &instagram__platform)

static const struct step publish[] = {
    {.name = "read_quota", .repeatable = true, .build = build_quota, .read = read_quota, .sample = SAMPLE_QUOTA},
    {.name = "create_item", .repeatable = true, .wants_media = true,
     .media_wanted = instagram__item_wanted, .media_wish = instagram__item_wish,
     .build = build_item, .read = read_item, .sample = SAMPLE_ID},
    {.name = "create", .repeatable = true, .wants_media = true,
     .media_wanted = instagram__media_wanted, .media_wish = instagram__media_wish,
     .build = build_create, .read = read_create, .sample = SAMPLE_ID},
    {.name = "await", .repeatable = true, .build = build_await, .read = read_await, .sample = SAMPLE_FINISHED},
    {.name = "publish", .publishes = true, .build = build_publish, .read = read_publish, .sample = SAMPLE_ID},
    {.name = "find_new", .repeatable = true, .build = build_find, .read = read_find, .sample = "{\"data\":[]}"},
    {.name = "permalink", .repeatable = true, .build = build_permalink, .read = read_permalink,
     .unanswered = container_unanswered_permalink, .sample = SAMPLE_PERMALINK},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete_post", .repeatable = true,
     .build = instagram__build_delete, .read = instagram__read_delete, .sample = "{\"success\":true}"},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "look", .repeatable = true, .build = build_look, .read = read_look, .sample = SAMPLE_FINISHED},
    {.name = "find_post", .repeatable = true, .build = build_find, .read = read_find, .sample = "{\"data\":[]}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true, .build = instagram__build_whoami, .read = instagram__read_whoami,
     .sample = "{\"id\":\"17841400000000000\",\"user_id\":\"17841400000000000\",\"username\":\"news\"}"},
    STEP_END,
};
// clang-format on

const char *instagram__api(const struct instagram_settings *s)
{
    return s->api                              ? s->api
           : s->login == INSTAGRAM_BY_FACEBOOK ? "https://graph.facebook.com/v26.0"
                                               : "https://graph.instagram.com/v26.0";
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct instagram_settings *s = object;

    if (s->user_id && (!graph_is_id(s->user_id) || strchr(s->user_id, '_'))) {
        return err_set(why,
                       ERR_INVALID,
                       "user_id: the account's number is accepted, such as 17841400000000000");
    }
    if (s->login == INSTAGRAM_BY_FACEBOOK && !s->user_id) {
        return err_set(
            why, ERR_INVALID, "user_id: the account's number is required with login: facebook");
    }
    return oauth_check(&instagram__oauth, object, why);
}

static bool rules_out(const void *object, enum course c)
{
    const struct instagram_settings *s = object;

    return c == COURSE_RETRACT && s->login == INSTAGRAM_BY_INSTAGRAM;
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    (void)object;
    (void)link;
    return graph_is_id(remote_id);
}

static void host(const void *object, struct buf *out)
{
    (void)url_put_host(out, instagram__api(object));
}

static void media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    (void)ctx;
    bounds->types = MEDIA_JPEG;
    bounds->min_ratio_milli = 800;
    bounds->max_ratio_milli = 1910;
}

static int64_t quota_told(const void *object, const json_t *own)
{
    (void)object;
    return container_quota_told(own);
}

// clang-format off
static const char setup[] =
    "Instagram takes pictures and videos from professional accounts only. An article without either is\n"
    "not posted. Instagram fetches the picture itself, so it must be at a public https address; set\n"
    "server.public_url, so that crier can offer it as the JPEG that Instagram wants.\n"
    "\n"
    "1. In Instagram's app: Settings, \"Account type and tools\", \"Switch to professional account\",\n"
    "   Business. (Creator accounts cannot post stories by the API.)\n"
    "2. Sign in at https://developers.facebook.com, \"My Apps\", \"Create App\". Use case: \"Manage\n"
    "   messaging & content on Instagram\". Name it, for example, Example News publishing.\n"
    "3. In the app: \"Instagram\", \"API setup with Instagram login\". Copy \"Instagram app ID\" and\n"
    "   \"Instagram app secret\".\n"
    "4. There, below \"Set up Instagram business login\", add as redirect address the one of \"Signing in\"\n"
    "   below.\n"
    "5. Below \"App roles\", \"Roles\", add the Instagram account as \"Instagram tester\", and accept the\n"
    "   invitation in Instagram's settings (\"Apps and websites\"). For an account of your own no\n"
    "   review of the app is needed.\n"
    "6. Give id and secret to crier as environment variables, here INSTAGRAM_CLIENT_ID and\n"
    "   INSTAGRAM_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       instagram:\n"
    "         type: instagram\n"
    "         client_id: ${INSTAGRAM_CLIENT_ID}\n"
    "         client_secret: ${INSTAGRAM_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "7. Run `crier check`, then `crier keys login instagram`. Open the address it shows, signed in as the\n"
    "   account, and allow everything.\n"
    "8. With the service running, this answers with the account's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/instagram/test\n"
    "\n"
    "The token lives for 60 days; crier renews it every week while it runs. One that has ended cannot be\n"
    "renewed: sign in again. Meta may take its access from an app that is not used for four weeks.\n"
    "\n"
    "To delete posts by crier too, link the account to a Facebook page, make the app for the use case\n"
    "\"Manage everything on your Page\" with the permissions instagram_basic, instagram_content_publish,\n"
    "instagram_manage_contents, pages_show_list and pages_read_engagement, and write `login: facebook` and\n"
    "`user_id:` (the account's number, in Meta Business Suite under Settings, \"Instagram accounts\") beside\n"
    "its id and secret. Without, what must go is deleted in Instagram's app by hand: crier says so.";
// clang-format on

const struct adapter adapter_instagram = {
    .name = "instagram",
    .title = "Instagram",
    .doc_url = "https://developers.facebook.com/docs/instagram-platform/content-publishing",
    .about = "the article's picture, a carousel of its pictures, a reel or a story, with title "
             "and summary as caption; links cannot be clicked there",
    .settings = settings,
    .settings_size = sizeof(struct instagram_settings),
    .limits = instagram__limits,
    .publish = publish,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "Instagram does not let captions be changed: edit it in the app",
    .cannot_retract =
        "with Instagram's own login posts cannot be deleted: delete it in the app, "
        "or set login: facebook",
    .rules_out = rules_out,
    .post_id_form = "the id of the media object, digits",
    .post_named = post_named,
    .host = host,
    .media_max_bytes = INSTAGRAM_IMAGE_BYTES,
    .media_bounds = media_bounds,
    .pictures = "fetched by Instagram from its address, as a JPEG from 4:5 to 1.91:1",
    .media =
        "a JPEG with alternative text, a carousel of 2 to 10, a reel of up to 15 minutes, or "
        "a story; required",
    /* The guide says 100, the reference 50; the account is asked. */
    .quota = {.count = 50,
              .window = QUOTA_ROLLING,
              .per_ms = MS_DAY,
              .source = "https://developers.facebook.com/docs/instagram-platform/"
                        "instagram-graph-api/reference/ig-user/media_publish"},
    .quota_told = quota_told,
    .oauth = &instagram__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
