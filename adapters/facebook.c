/* Pages on Facebook: what a channel of this kind can be told, what the platform's limits are, and the order of
 * steps of each course. The steps stand in facebook_post.c and facebook_look.c, the way to a token in
 * facebook_login.c. Found through registry.h; everything here is constant. */

#include "adapters/facebook_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"

static const char *const post_choices[] = {"auto", "link", "photo", "video", NULL};
static const char *const video_choices[] = {"address", "upload", NULL};

#define SETTING(member) offsetof(struct facebook_settings, member)
#define DEFAULT_MESSAGE "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}"

// clang-format off
static const struct field settings[] = {
    {.key = "page_id", .kind = FIELD_STRING, .offset = SETTING(page_id), .required = true, .min = "1", .max = "32",
     .example = "\"102030405060708\"", .help = "number of the page, as its settings show it"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "FACEBOOK", "Meta's app dashboard"),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "FACEBOOK"),
    {.key = "post", .kind = FIELD_ENUM, .offset = SETTING(post), .def = "auto", .choices = post_choices,
     .help = "auto posts the link with the preview of its page, and the article's pictures instead when Facebook cannot read the page; or one of these alone"},
    {.key = "message", .kind = FIELD_TEMPLATE, .offset = SETTING(message), .def = DEFAULT_MESSAGE,
     .help = "text of the post; where no preview shows the link it is put behind"},
    {.key = "videos", .kind = FIELD_ENUM, .offset = SETTING(videos), .def = "address", .choices = video_choices,
     .help = "of post: video: Facebook fetches the video from its address, or crier uploads it"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://graph.facebook.com/v26.0",
     .help = "address and version of the API"},
    {.key = "video_api", .kind = FIELD_URL, .offset = SETTING(video_api), .def = "https://graph-video.facebook.com/v26.0",
     .help = "address that videos are uploaded to"},
    {.key = "login_page", .kind = FIELD_URL, .offset = SETTING(login_page), .def = "https://www.facebook.com/v26.0/dialog/oauth",
     .help = "the page where one signs in"},
    FIELD_END,
};

const struct text_rule facebook__limits[] = {
    [FACEBOOK_LIMIT_MESSAGE] =
    {.name = "message", .unit = TEXT_CODE_POINTS, .max = 63206,
     .source = "widely used; https://developers.facebook.com/docs/graph-api/reference/page/feed tells none"},
    [FACEBOOK_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 255,
     .source = "https://developers.facebook.com/docs/graph-api/reference/page/videos, title"},
    [FACEBOOK_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 1000,
     .source = "our choice; https://developers.facebook.com/docs/graph-api/reference/page/photos tells none"},
    {.name = NULL},
};

#define SAMPLE_POST "{\"id\":\"102030405060708_122100000000001\",\"permalink_url\":\"https://www.facebook.com/102030405060708/posts/122100000000001\"}"
#define SAMPLE_ID "{\"id\":\"122100000000002\"}"
#define SAMPLE_READY "{\"id\":\"122100000000002\",\"status\":{\"video_status\":\"ready\"},\"permalink_url\":\"/102030405060708/videos/122100000000002/\"}"
#define SAMPLE_SUCCESS "{\"success\":true}"

static const struct step publish[] = {
    {.name = "upload_photo", .repeatable = true, .wants_media = true,
     .media_wanted = facebook__photo_wanted, .media_wish = facebook__photo_wish,
     .build = facebook__build_photo, .read = facebook__read_photo, .sample = SAMPLE_ID},
    {.name = "post", .publishes = true,
     .build = facebook__build_post, .read = facebook__read_post,
     .unanswered = facebook__unanswered_post, .sample = SAMPLE_POST},
    {.name = "post_video", .publishes = true, .wants_media = true,
     .media_wanted = facebook__video_wanted, .media_wish = facebook__video_wish,
     .build = facebook__build_video, .read = facebook__read_video,
     .unanswered = facebook__unanswered_post, .sample = SAMPLE_ID},
    {.name = "await_video", .repeatable = true,
     .build = facebook__build_await, .read = facebook__read_await, .sample = SAMPLE_READY},
    STEP_END,
};
static const struct step update[] = {
    /* The same text twice is one edit. */
    {.name = "edit", .repeatable = true, .publishes = true,
     .build = facebook__build_edit, .read = facebook__read_edit, .sample = SAMPLE_SUCCESS},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "delete_post", .repeatable = true,
     .build = facebook__build_delete, .read = facebook__read_delete, .sample = SAMPLE_SUCCESS},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "find_post", .repeatable = true,
     .build = facebook__build_find, .read = facebook__read_find, .sample = "{\"data\":[]}"},
    STEP_END,
};
static const struct step test[] = {
    {.name = "whoami", .repeatable = true,
     .build = facebook__build_whoami, .read = facebook__read_whoami,
     .sample = "{\"id\":\"102030405060708\",\"name\":\"Example News\"}"},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct facebook_settings *s = object;

    if (!graph_is_id(s->page_id) || strchr(s->page_id, '_')) {
        return err_set(why,
                       ERR_INVALID,
                       "page_id: the page's number is accepted, such as 102030405060708");
    }
    return oauth_check(&facebook__oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[GRAPH_ID_BYTES];

    return (remote_id || link) && facebook__post_id(object, remote_id, link, id) != NULL;
}

static void media_bounds(const struct step_ctx *ctx, struct media_bounds *bounds)
{
    (void)ctx;
    bounds->types = MEDIA_JPEG | MEDIA_PNG;
}

// clang-format off
static const char setup[] =
    "You need a role on the page that may create content, and an app of your own at Meta. For a page of\n"
    "your own the app needs no review while those who sign in have a role in it.\n"
    "\n"
    "1. Sign in at https://developers.facebook.com, \"My Apps\", \"Create App\". Use case: \"Manage\n"
    "   everything on your Page\". Name it, for example, Example News publishing.\n"
    "2. In the app: \"Use cases\", \"Customize\". Add the permissions pages_manage_posts,\n"
    "   pages_read_engagement and pages_show_list; business_management where the page belongs to a\n"
    "   business; publish_video for videos.\n"
    "3. \"Facebook Login for Business\", \"Settings\": add to \"Valid OAuth Redirect URIs\" the address of\n"
    "   \"Signing in\" below.\n"
    "4. \"App settings\", \"Basic\": copy \"App ID\" and \"App secret\".\n"
    "5. The page's number: open the page, \"About\", \"Page transparency\", \"Page ID\".\n"
    "6. Give id and secret to crier as environment variables, here FACEBOOK_CLIENT_ID and\n"
    "   FACEBOOK_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       facebook:\n"
    "         type: facebook\n"
    "         page_id: \"102030405060708\"\n"
    "         client_id: ${FACEBOOK_CLIENT_ID}\n"
    "         client_secret: ${FACEBOOK_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "7. Run `crier check`, then `crier keys login facebook`. Open the address it shows, signed in as the\n"
    "   person with the role, and choose the page.\n"
    "8. With the service running, this answers with the page's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/facebook/test\n"
    "\n"
    "The page's token has no end of its own. It dies when that person changes the password, loses the\n"
    "role or removes the app: then sign in again. A system user of the business has a token that does not\n"
    "hang on a person: write it as access_token instead of signing in.\n"
    "\n"
    "The preview of a link comes from og:title, og:description and og:image of the article's page. In\n"
    "Canada Meta shows no news: a post may succeed and not be seen there.";
// clang-format on

const struct adapter adapter_facebook = {
    .name = "facebook",
    .title = "Facebook",
    .doc_url = "https://developers.facebook.com/docs/pages-api/posts",
    .about = "a post on a page with the preview of the article's page, or with its pictures or "
             "its video",
    .settings = settings,
    .settings_size = sizeof(struct facebook_settings),
    .limits = facebook__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "only the text can be changed: the link's preview and pictures stay",
    .post_id_form = "the id of the post (two numbers with _ between), or its link",
    .post_named = post_named,
    .media_max_bytes = FACEBOOK_PHOTO_BYTES,
    .media_bounds = media_bounds,
    .media =
        "the link's preview, from the page; or up to 10 pictures with alternative text; or a "
        "video",
    .oauth = &facebook__oauth,
    .answer_timeout_ms = 60 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
