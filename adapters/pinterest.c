/* Pinterest: a Pin with the article's picture, several of them, or its video, that leads to the article. What a
 * channel of this kind can be told, what the platform's limits are, how one signs in, and the order of steps of
 * each course. The steps stand in the files that pinterest_internal.h lists. Found through registry.h;
 * everything here is constant. */

#include "adapters/pinterest_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/record.h"
#include "base/json.h"

static const char *const kind_choices[] = {"auto", "image", "carousel", "video", NULL};

#define TOKEN_PATH "/oauth/token"
#define SETTING(member) offsetof(struct pinterest_settings, member)
#define DEFAULT_TEXT "{{summary}}{{#hashtags}}\n\n{{hashtags}}{{/hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://api.pinterest.com/v5",
     .help = "address of the API; https://api-sandbox.pinterest.com/v5 for trying things out"},
    OAUTH_CLIENT_ROWS(offsetof(struct pinterest_settings, oauth), "PINTEREST", "developers.pinterest.com, My apps"),
    OAUTH_TOKEN_ROWS(offsetof(struct pinterest_settings, oauth), "PINTEREST"),
    {.key = "sign_in_url", .kind = FIELD_URL, .offset = SETTING(sign_in_url), .def = "https://www.pinterest.com/oauth/",
     .help = "page where `crier keys login` sends you to"},
    {.key = "board", .kind = FIELD_STRING, .offset = SETTING(board), .required = true, .min = "1", .max = "31",
     .example = "549755885175", .help = "number of the board that Pins go to"},
    {.key = "section", .kind = FIELD_STRING, .offset = SETTING(section), .min = "1", .max = "31",
     .help = "number of a section of that board"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the Pin"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "description of the Pin; its link is always the article's"},
    {.key = "kind", .kind = FIELD_ENUM, .offset = SETTING(kind), .def = "auto", .choices = kind_choices,
     .help = "auto posts the article's video, or its first picture where it has none; carousel posts two to five pictures, which Pinterest fetches"},
    {.key = "dominant_color", .kind = FIELD_STRING, .offset = SETTING(dominant_color), .min = "7", .max = "7", .example = "\"#6E7874\"",
     .help = "colour shown while the picture loads"},
    FIELD_END,
};

const struct text_rule pinterest__limits[] = {
    [PINTEREST_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 100,
     .source = "https://developers.pinterest.com/docs/api/v5/pins-create/"},
    [PINTEREST_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_CODE_POINTS, .max = 800,
     .source = "https://developers.pinterest.com/docs/api/v5/pins-create/"},
    [PINTEREST_LIMIT_ALT] =
    {.name = "alt", .unit = TEXT_CODE_POINTS, .max = 500,
     .source = "https://developers.pinterest.com/docs/api/v5/pins-create/"},
    {.name = NULL},
};

#define SAMPLE_PIN "{\"id\":\"813744226420795884\"}"
#define SAMPLE_MEDIA \
    "{\"media_id\":\"12345\",\"media_type\":\"video\",\"status\":\"succeeded\"," \
    "\"upload_url\":\"https://pinterest-media-upload.s3-accelerate.amazonaws.com/\",\"upload_parameters\":{\"key\":\"uploads/1\"}}"

/* One for each picture: a step fetches one, and notes its address. */
#define PICTURES(X) X(1) X(2) X(3) X(4) X(5)
#define PICTURE_BUILD(n) \
    static enum err_code picture_##n(struct step_ctx *ctx, struct http_request *req, struct err *why) \
    { \
        (void)why; \
        pinterest__note_picture(ctx, req, (n) - 1); \
        return ERR_NONE; \
    }
#define PICTURE_STEP(n) \
    {.name = "picture_" #n, \
     .repeatable = true, \
     .wants_media = true, \
     .media_wanted = pinterest__picture_wanted, \
     .media_wish = pinterest__picture_wish, \
     .build = picture_##n, \
     .read = pinterest__read_nothing},
PICTURES(PICTURE_BUILD)

static const struct step publish[] = {
    {.name = "register_video",
     .repeatable = true,
     .build = pinterest__build_register,
     .read = pinterest__read_register,
     .sample = SAMPLE_MEDIA},
    {.name = "upload_video",
     .repeatable = true,
     .wants_media = true,
     .media_wanted = pinterest__video_wanted,
     .media_wish = pinterest__video_wish,
     .build = pinterest__build_upload,
     .read = pinterest__read_upload},
    {.name = "await_video",
     .repeatable = true,
     .build = pinterest__build_await,
     .read = pinterest__read_await,
     .sample = SAMPLE_MEDIA},
    PICTURES(PICTURE_STEP)
    {.name = "create_pin",
     .publishes = true,
     .wants_media = true,
     .media_wanted = pinterest__cover_wanted,
     .media_wish = pinterest__cover_wish,
     .build = pinterest__build_create,
     .read = pinterest__read_create,
     .sample = SAMPLE_PIN},
    STEP_END,
};
// clang-format on

static const struct step update[] = {
    {.name = "update_pin",
     .repeatable = true,
     .publishes = true,
     .build = pinterest__build_update,
     .read = pinterest__read_update,
     .sample = SAMPLE_PIN},
    STEP_END,
};

static const struct step retract[] = {
    {.name = "delete_pin",
     .repeatable = true,
     .build = pinterest__build_delete,
     .read = pinterest__read_delete},
    STEP_END,
};

static const struct step verify[] = {
    {.name = "find_pin",
     .repeatable = true,
     .build = pinterest__build_find,
     .read = pinterest__read_find,
     .sample = "{\"items\":[]}"},
    STEP_END,
};

static const struct step test[] = {
    {.name = "whoami",
     .repeatable = true,
     .build = pinterest__build_who,
     .read = pinterest__read_who,
     .sample = "{\"username\":\"example\"}"},
    {.name = "look_at_board",
     .repeatable = true,
     .build = pinterest__build_board,
     .read = pinterest__read_board,
     .sample = "{\"items\":[]}"},
    STEP_END,
};

/* ---- sign-in ---- */

static void authorize(const struct oauth_call *call, struct buf *url);
static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why);
static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why);

static enum err_code
build_name(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct pinterest_settings *s = call->settings;

    (void)why;
    req->method = HTTP_GET;
    http_set_url_below(req, s->api, "/user_account");
    http_set_headerf(
        req, "Authorization", "Bearer %s", record_str(call->grant, "access_token"));
    return ERR_NONE;
}

static struct oauth_verdict read_name(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;

    json_set_str(call->grant, "who", record_str(body, "username"));
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK}; /* the token is good, named or not */
}

static const struct oauth_step login[] = {
    {.name = "token", .build = build_code, .read = oauth_read_token},
    {.name = "who", .build = build_name, .read = read_name},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "renew", .build = build_refresh, .read = oauth_read_token},
    OAUTH_STEP_END,
};

/* Refresh tokens end after 60 days and are renewed with each use. */
static const struct oauth oauth = {
    .settings_at = offsetof(struct pinterest_settings, oauth),
    .scopes = "boards:read,boards:write,pins:read,pins:write,user_accounts:read",
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .rotates = true,
};

static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct pinterest_settings *s = call->settings;

    oauth_authorize_url(url, &oauth, call, s->sign_in_url, NULL);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct pinterest_settings *s = call->settings;

    (void)why;
    oauth_build_code(req, &oauth, call, s->api, OAUTH_CLIENT_BASIC);
    http_set_url_below(req, s->api, TOKEN_PATH);
    oauth_form_add(req, "continuous_refresh", "true");
    return ERR_NONE;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct pinterest_settings *s = call->settings;

    (void)why;
    oauth_build_refresh(req, &oauth, call, s->api, OAUTH_CLIENT_BASIC);
    http_set_url_below(req, s->api, TOKEN_PATH);
    return ERR_NONE;
}

/* ---- the rest ---- */

void pinterest__request(const struct step_ctx *ctx,
                        struct http_request *req,
                        enum http_method method,
                        const char *path_format,
                        ...)
{
    va_list args;

    req->method = method;
    va_start(args, path_format);
    http_vset_url_below(req, pinterest__settings(ctx)->api, path_format, args);
    va_end(args);
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "Accept", "application/json");
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct pinterest_settings *s = object;
    const char *color = s->dominant_color;

    if (!pinterest__is_id(s->board)) {
        return err_set(why,
                       ERR_INVALID,
                       "board: the number of the board is accepted, such as 549755885175");
    }
    if (s->section && !pinterest__is_id(s->section)) {
        return err_set(why, ERR_INVALID, "section: the number of the section is accepted");
    }
    if (color && (color[0] != '#' || strspn(color + 1, "0123456789abcdefABCDEF") != 6)) {
        return err_set(
            why, ERR_INVALID, "dominant_color: a colour is accepted, such as #6E7874");
    }
    return oauth_check(&oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[PINTEREST_ID_BYTES];

    (void)object;
    return pinterest__pin_id(remote_id, link, id) != NULL;
}

// clang-format off
static const char setup[] =
    "Only articles with a picture or a video can go out here.\n"
    "\n"
    "1. Use a business account of Pinterest (free: Settings, Account management, Convert to business).\n"
    "2. Open https://developers.pinterest.com, My apps, \"Connect app\", fill in the form and wait for the\n"
    "   approval. It begins with Trial access: Pins made with it can be seen by you alone.\n"
    "3. Open the app, Manage. Add as redirect address the one of \"Signing in\" below. Copy the app id and\n"
    "   the app secret key.\n"
    "4. The board's number: at the app press \"Generate\", production; copy the token, which is good for a\n"
    "   day, in place of TOKEN:\n"
    "     curl -H \"Authorization: Bearer TOKEN\" https://api.pinterest.com/v5/boards\n"
    "   In the answer it stands as \"id\" beside the board's name.\n"
    "5. Give id and secret to crier as environment variables, here PINTEREST_CLIENT_ID and\n"
    "   PINTEREST_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       pinterest:\n"
    "         type: pinterest\n"
    "         board: \"549755885175\"\n"
    "         client_id: ${PINTEREST_CLIENT_ID}\n"
    "         client_secret: ${PINTEREST_CLIENT_SECRET}\n"
    "         when: {breaking: true}\n"
    "\n"
    "6. Run `crier check`, then `crier keys login pinterest`. Open the address it shows, signed in as the\n"
    "   account, and allow everything.\n"
    "7. With the service running, this answers with the account's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/pinterest/test\n"
    "8. Ask for Standard access at the app (a short video of how you use it is wanted). Until then nobody\n"
    "   but you sees the Pins.\n"
    "\n"
    "The token lives for 30 days, and crier renews it by itself. When crier has not run for 60 days, sign in\n"
    "again.";
// clang-format on

const struct adapter adapter_pinterest = {
    .name = "pinterest",
    .title = "Pinterest",
    .doc_url = "https://developers.pinterest.com/docs/api/v5/",
    .about = "a Pin with the article's picture, pictures or video, that leads to the article",
    .settings = settings,
    .settings_size = sizeof(struct pinterest_settings),
    .limits = pinterest__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "title, description, link and alternative text; the picture stays",
    .post_id_form = "the number of the Pin, or its link",
    .post_named = post_named,
    .media_max_bytes = PINTEREST_PICTURE_BYTES_MAX,
    .media =
        "the first picture with its alternative text, two to five pictures, or a video (MP4 or "
        "MOV, up to 2 GB and 15 minutes)",
    .oauth = &oauth,
    .answer_timeout_ms = 10 * MS_MINUTE, /* a whole video on a slow line */
    .check = check_settings,
    .setup = setup,
};
