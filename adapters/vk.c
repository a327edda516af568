/* VK: what a channel of this kind can be told, what the platform's limits are, and the order of steps of
 * each course. The steps themselves stand in vk_photo.c and vk_post.c, tokens in vk_token.c. Found
 * through registry.h; everything here is constant. */

#include "adapters/vk_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"

static const char *const media_choices[] = {"auto", "never", NULL};

#define SETTING(member) offsetof(struct vk_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}{{/"         \
    "hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "group", .kind = FIELD_INT, .offset = SETTING(group), .required = true, .min = "1", .max = "9007199254740991",
     .example = "123456789", .help = "number of the community whose wall it posts to, without a minus"},
    OAUTH_CLIENT_ROWS(SETTING(oauth), "VK", "https://id.vk.com/about/business/go"),
    OAUTH_TOKEN_ROWS(SETTING(oauth), "VK"),
    {.key = "device_id", .kind = FIELD_STRING, .offset = SETTING(device_id), .min = "1", .max = "512", .example = "${VK_DEVICE_ID}",
     .help = "what VK ID gave together with refresh_token, where that was got elsewhere"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post"},
    {.key = "link", .kind = FIELD_BOOL, .offset = SETTING(link), .def = "true",
     .help = "attach the article's link, which VK shows as a card"},
    {.key = "media", .kind = FIELD_ENUM, .offset = SETTING(media), .def = "auto", .choices = media_choices,
     .help = "auto attaches the article's first picture, with its alternative text as caption, never leaves it to the card"},
    {.key = "source", .kind = FIELD_BOOL, .offset = SETTING(source), .def = "false",
     .help = "name the article as source below the post"},
    {.key = "signed", .kind = FIELD_BOOL, .offset = SETTING(is_signed), .def = "false",
     .help = "show who posted for the community"},
    {.key = "close_comments", .kind = FIELD_BOOL, .offset = SETTING(close_comments), .def = "false",
     .help = "take no comments"},
    {.key = "mute_notifications", .kind = FIELD_BOOL, .offset = SETTING(silent), .def = "false",
     .help = "do not notify the members"},
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://api.vk.com", .help = "address of the API"},
    {.key = "login_url", .kind = FIELD_URL, .offset = SETTING(login_url), .def = "https://id.vk.com",
     .help = "where tokens are asked for"},
    {.key = "version", .kind = FIELD_STRING, .offset = SETTING(version), .def = "5.199", .min = "3", .max = "16",
     .help = "version of the API"},
    FIELD_END,
};

const struct text_rule vk__limits[] = {
    [VK_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 15895,
     .source = "error 103 of wall.post beyond; https://dev.vk.com/method/wall.post names no number"},
    [VK_LIMIT_CAPTION] =
    {.name = "caption", .unit = TEXT_UTF16, .max = 2048,
     .source = "https://dev.vk.com/method/photos.saveWallPhoto: 2048 characters"},
    {.name = NULL},
};

#define SAMPLE_SERVER "{\"response\":{\"album_id\":-14,\"upload_url\":\"https://pu.vk.com/c1/ss2/upload.php?act=do_add\",\"user_id\":1}}"
#define SAMPLE_UPLOAD "{\"server\":1,\"photo\":\"[{}]\",\"hash\":\"h\"}"
#define SAMPLE_SAVED "{\"response\":[{\"id\":789,\"owner_id\":-123}]}"
#define SAMPLE_POST "{\"response\":{\"post_id\":456}}"
#define SAMPLE_WALL "{\"response\":{\"count\":0,\"items\":[]}}"

#define PICTURE \
    {.name = "get_upload_server", .repeatable = true, \
     .build = vk__build_server, .read = vk__read_server, .sample = SAMPLE_SERVER}, \
    {.name = "upload_photo", .repeatable = true, .wants_media = true, .media_wanted = vk__media_wanted, \
     .build = vk__build_upload, .read = vk__read_upload, .sample = SAMPLE_UPLOAD}, \
    {.name = "save_photo", .repeatable = true, \
     .build = vk__build_save, .read = vk__read_save, .sample = SAMPLE_SAVED}

static const struct step publish[] = {
    PICTURE,
    {.name = "wall_post", .publishes = true,
     .build = vk__build_post, .read = vk__read_post, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step update[] = {
    PICTURE,
    {.name = "wall_edit", .repeatable = true, .publishes = true,
     .build = vk__build_edit, .read = vk__read_edit, .sample = SAMPLE_POST},
    STEP_END,
};
static const struct step retract[] = {
    {.name = "wall_delete", .repeatable = true,
     .build = vk__build_delete, .read = vk__read_delete, .sample = "{\"response\":1}"},
    STEP_END,
};
static const struct step verify[] = {
    {.name = "find_post", .repeatable = true,
     .build = vk__build_find, .read = vk__read_find, .sample = SAMPLE_WALL},
    STEP_END,
};
static const struct step test[] = {
    {.name = "look_at_wall", .repeatable = true,
     .build = vk__build_test_wall, .read = vk__read_test_wall, .sample = SAMPLE_WALL},
    {.name = "ask_for_upload", .repeatable = true,
     .build = vk__build_test_server, .read = vk__read_test_server, .sample = SAMPLE_SERVER},
    STEP_END,
};
// clang-format on

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct vk_settings *s = object;

    if (s->version[strspn(s->version, "0123456789.")] != '\0') {
        return err_set(why, ERR_INVALID, "version: a number is accepted, such as 5.199");
    }
    if (s->oauth.refresh_token.text && (!s->device_id || !s->oauth.client_id)) {
        return err_set(
            why, ERR_INVALID, "refresh_token: client_id and device_id must be set with it");
    }
    return oauth_check(&vk__oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    return vk__post_number(object, remote_id, link) > 0;
}

// clang-format off
static const char setup[] =
    "1. Sign in at https://vk.com with an account that is an administrator or editor of the community. The\n"
    "   number of the community stands under Manage, Settings, behind \"club\".\n"
    "2. Open https://id.vk.com/about/business/go, sign in, press \"Create app\", kind: web. Base domain:\n"
    "   that of your site. Trusted redirect URL: the address of \"Signing in\" below.\n"
    "3. In the app, under \"Accesses\", ask for wall, photos and groups (VK admits them after a look).\n"
    "4. Copy the app's id (\"ID of the application\"), give it to crier as an environment variable, here\n"
    "   VK_CLIENT_ID, and write:\n"
    "\n"
    "     channels:\n"
    "       vk:\n"
    "         type: vk\n"
    "         group: 123456789                      # the number of step 1\n"
    "         client_id: ${VK_CLIENT_ID}\n"
    "         when: {breaking: true}\n"
    "\n"
    "5. Run `crier check`, then `crier keys login vk`. Open the address it shows, signed in as the account\n"
    "   of step 1, and allow it.\n"
    "   (A user's token without an end, from before VK ID, goes into access_token instead. A community's\n"
    "   token cannot post to its wall.)\n"
    "6. With the service running, this looks at the wall, asks for an upload and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/vk/test\n"
    "\n"
    "The token lives for an hour, and crier renews it by itself. When VK asks for a captcha, the channel\n"
    "stops: sign in to vk.com with the account, do what it asks, then `crier resume vk`.";
// clang-format on

const struct adapter adapter_vk = {
    .name = "vk",
    .title = "VK",
    .doc_url = "https://dev.vk.com/method/wall.post",
    .about = "a post on a community's wall with the article's picture, its text and the link "
             "as a card",
    .settings = settings,
    .settings_size = sizeof(struct vk_settings),
    .limits = vk__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .post_id_form = "the name of the post (-123_456), its number, or its link",
    .post_named = post_named,
    .media_max_bytes = VK_IMAGE_BYTES,
    .media = "the article's first picture, with the alternative text as caption",
    .rate = {.count = 3, .per_ms = MS_SECOND},
    .quota = {.count = 50,
              .window = QUOTA_ROLLING,
              .per_ms = MS_DAY,
              .source =
                  "error 214 of https://dev.vk.com/method/wall.post: about 50 posts a day"},
    .oauth = &vk__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check_settings,
    .setup = setup,
};
