/* YouTube: the article's video with title, description and tags. What a channel of this kind can be told,
 * what the platform's limits are, how one signs in, and the order of steps of each course. The steps stand
 * in the files that youtube_internal.h lists. Found through registry.h; everything here is constant.
 *
 * There is no way to post a text or a picture (community posts have no API), so an article without a video
 * is refused. */

#include "adapters/youtube_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/record.h"
#include "base/json.h"
#include "base/url.h"

const char *const youtube__privacies[] = {"public", "unlisted", "private", NULL};
static const char *const thumbnail_choices[] = {"auto", "never", NULL};
static const char *const retract_choices[] = {"private", "delete", NULL};

#define SETTING(member) offsetof(struct youtube_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{#summary}}{{summary}}\n\n{{/summary}}{{url}}{{#hashtags}}\n\n{{hashtags}}{{/hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://youtube.googleapis.com",
     .help = "address of the API"},
    {.key = "upload_api", .kind = FIELD_URL, .offset = SETTING(upload_api), .def = "https://www.googleapis.com/upload",
     .help = "address of the API for uploads"},
    GOOGLE_ROWS("YOUTUBE"),
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of the video"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "description of the video"},
    {.key = "tags", .kind = FIELD_BOOL, .offset = SETTING(tags), .def = "true",
     .help = "the article's categories and tags become tags of the video, as many as fit"},
    {.key = "category", .kind = FIELD_STRING, .offset = SETTING(category), .def = "25", .min = "1", .max = "4",
     .help = "YouTube's number of the category: 25 is news and politics, 17 sport, 24 entertainment"},
    {.key = "language", .kind = FIELD_STRING, .offset = SETTING(language), .min = "2", .max = "35", .example = "en",
     .help = "language to declare instead of the article's or the site's"},
    {.key = "privacy", .kind = FIELD_ENUM, .offset = SETTING(privacy), .def = "public", .choices = youtube__privacies,
     .help = "who sees the video: everybody, whoever has its address, you alone"},
    {.key = "notify_subscribers", .kind = FIELD_BOOL, .offset = SETTING(notify_subscribers), .def = "true",
     .help = "tell the channel's subscribers of the new video"},
    {.key = "made_for_kids", .kind = FIELD_BOOL, .offset = SETTING(made_for_kids), .def = "false",
     .help = "declare the videos to be made for children"},
    {.key = "contains_synthetic_media", .kind = FIELD_BOOL, .offset = SETTING(synthetic), .def = "false",
     .help = "declare that the videos show realistic scenes that were generated or altered"},
    {.key = "embeddable", .kind = FIELD_BOOL, .offset = SETTING(embeddable), .def = "true",
     .help = "other sites may show the video"},
    {.key = "thumbnail", .kind = FIELD_ENUM, .offset = SETTING(thumbnail), .def = "auto", .choices = thumbnail_choices,
     .help = "auto sets the article's first picture as preview picture, never leaves the choice to YouTube"},
    {.key = "retract", .kind = FIELD_ENUM, .offset = SETTING(retract), .def = "private", .choices = retract_choices,
     .help = "what a retraction does: private hides the video and can be undone by hand, delete cannot be undone"},
    {.key = "wait_processing", .kind = FIELD_MS, .offset = SETTING(wait_processing_ms), .def = "0s", .min = "0s", .max = "12h",
     .help = "wait so long for YouTube to process the video before it counts as done; 0s: one look, to see whether it is public"},
    FIELD_END,
};

const struct text_rule youtube__limits[] = {
    [YOUTUBE_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_CODE_POINTS, .max = 100,
     .source = "https://developers.google.com/youtube/v3/docs/videos#snippet.title"},
    [YOUTUBE_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_BYTES, .max = 5000,
     .source = "https://developers.google.com/youtube/v3/docs/videos#snippet.description"},
    [YOUTUBE_LIMIT_TAGS] =
    {.name = "tags", .unit = TEXT_CODE_POINTS, .max = 500,
     .source = "https://developers.google.com/youtube/v3/docs/videos#snippet.tags[]"},
    {.name = NULL},
};

#define SAMPLE_VIDEO "{\"id\":\"dQw4w9WgXcQ\",\"status\":{\"uploadStatus\":\"uploaded\",\"privacyStatus\":\"public\"}}"
#define SAMPLE_CHECK "{\"items\":[" SAMPLE_VIDEO "]}"
#define SAMPLE_CHANNEL \
    "{\"items\":[{\"id\":\"UCexample\",\"snippet\":{\"title\":\"Example News\"}," \
    "\"contentDetails\":{\"relatedPlaylists\":{\"uploads\":\"UUexample\"}}}]}"
// clang-format on

static const struct step publish[] = {
    {.name = "start_session",
     .repeatable = true, /* a session that gets no bytes is nothing */
     .wants_media = true,
     .media_wanted = youtube__video_wanted,
     .media_wish = youtube__video_wish,
     .build = youtube__build_session,
     .read = youtube__read_session,
     .sample_headers =
         "Location: https://www.googleapis.com/upload/youtube/v3/videos?upload_id=x"},
    /* Each piece but the last. */
    {.name = "upload_piece",
     .wants_media = true,
     .media_wanted = youtube__piece_wanted,
     .media_wish = youtube__video_wish,
     .build = youtube__build_piece,
     .read = youtube__read_piece,
     .unanswered = youtube__piece_unanswered,
     .sample = SAMPLE_VIDEO},
    {.name = "upload_last",
     .publishes = true,
     .wants_media = true,
     .media_wanted = youtube__piece_wanted,
     .media_wish = youtube__video_wish,
     .build = youtube__build_last,
     .read = youtube__read_last,
     .unanswered = youtube__last_unanswered,
     .sample = SAMPLE_VIDEO},
    {.name = "set_thumbnail",
     .repeatable = true,
     .wants_media = true,
     .media_wanted = youtube__thumbnail_wanted,
     .media_wish = youtube__thumbnail_wish,
     .build = youtube__build_thumbnail,
     .read = youtube__read_thumbnail,
     .unanswered = youtube__thumbnail_unanswered},
    {.name = "check_video",
     .repeatable = true,
     .build = youtube__build_check,
     .read = youtube__read_check,
     .sample = SAMPLE_CHECK},
    STEP_END,
};

static const struct step update[] = {
    {.name = "update_video",
     .repeatable = true,
     .publishes = true,
     .build = youtube__build_update,
     .read = youtube__read_update,
     .sample = SAMPLE_VIDEO},
    {.name = "set_thumbnail",
     .repeatable = true,
     .wants_media = true,
     .media_wanted = youtube__thumbnail_wanted,
     .media_wish = youtube__thumbnail_wish,
     .build = youtube__build_thumbnail,
     .read = youtube__read_thumbnail,
     .unanswered = youtube__thumbnail_unanswered},
    STEP_END,
};

static const struct step retract[] = {
    {.name = "withdraw_video",
     .repeatable = true,
     .build = youtube__build_retract,
     .read = youtube__read_retract},
    STEP_END,
};

static const struct step verify[] = {
    {.name = "probe_session",
     .repeatable = true,
     .build = youtube__build_probe,
     .read = youtube__read_probe,
     .sample = SAMPLE_VIDEO},
    {.name = "find_channel",
     .repeatable = true,
     .build = youtube__build_channel,
     .read = youtube__read_channel,
     .sample = SAMPLE_CHANNEL},
    {.name = "find_video",
     .repeatable = true,
     .build = youtube__build_find,
     .read = youtube__read_find,
     .sample = "{\"items\":[]}"},
    STEP_END,
};

static const struct step test[] = {
    {.name = "find_channel",
     .repeatable = true,
     .build = youtube__build_test,
     .read = youtube__read_test,
     .sample = SAMPLE_CHANNEL},
    STEP_END,
};

/* ---- sign-in ---- */

static enum err_code
build_who(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct youtube_settings *s = call->settings;

    (void)why;
    oauth_build_look(req, call, s->api, "/youtube/v3/channels?part=snippet&mine=true");
    return ERR_NONE;
}

static struct oauth_verdict read_who(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = res->status == 200 ? http_json(res) : NULL;
    const json_t *items = json_object_get(body, "items");
    const char *title =
        json_string_value(json_path(json_array_get(items, 0), "snippet", "title", NULL));
    struct oauth_verdict v = {.outcome = OAUTH_OK};

    if (title) {
        json_set_str(call->grant, "who", title);
    } else if (body && json_array_size(items) == 0) {
        v = oauth_verdict_make(OAUTH_REFUSED,
                               0,
                               "this Google account has no YouTube channel: sign in again and "
                               "choose the channel's account");
    } /* else the token is good, and its name is worth no failure */
    json_decref(body);
    return v;
}

static const struct oauth_step login[] = {
    {.name = "token", .build = google_build_code, .read = google_read_token},
    {.name = "who", .build = build_who, .read = read_who},
    OAUTH_STEP_END,
};

static const struct oauth_step renew[] = {
    {.name = "renew", .build = google_build_refresh, .read = google_read_token},
    OAUTH_STEP_END,
};

static void authorize(const struct oauth_call *call, struct buf *url);

static const struct oauth oauth = {
    .settings_at = 0,
    .scopes = "https://www.googleapis.com/auth/youtube.upload "
              "https://www.googleapis.com/auth/youtube.force-ssl",
    .pkce = true,
    .authorize = authorize,
    .login = login,
    .renew = renew,
};

static void authorize(const struct oauth_call *call, struct buf *url)
{
    google_authorize(&oauth, call, url);
}

/* ---- the rest ---- */

void youtube__request(const struct step_ctx *ctx,
                      struct http_request *req,
                      enum http_method method,
                      const char *base,
                      const char *path_format,
                      ...)
{
    va_list args;

    req->method = method;
    va_start(args, path_format);
    http_vset_url_below(req, base, path_format, args);
    va_end(args);
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_header(req, "Accept", "application/json");
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct youtube_settings *s = object;
    const char *language = s->language ? s->language : "";

    if (s->category[strspn(s->category, "0123456789")] != '\0') {
        return err_set(why, ERR_INVALID, "category: a number is accepted, such as 25");
    }
    if (language[strspn(language,
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] !=
        '\0') {
        return err_set(why, ERR_INVALID, "language: a language tag is accepted, such as en");
    }
    return oauth_check(&oauth, object, why);
}

static bool post_named(const void *object, const char *remote_id, const char *link)
{
    char id[YOUTUBE_ID_BYTES];

    (void)object;
    return youtube__video_id(remote_id, link, id) != NULL;
}

// clang-format off
static const char setup[] =
    "Only articles with a video can go out here: choose them with `when`.\n"
    "\n"
    "1. Open https://console.cloud.google.com, sign in with the Google account that manages your\n"
    "   YouTube channel, and create a project (\"New project\", name: crier).\n"
    "2. Menu, APIs & Services, Library: search \"YouTube Data API v3\" and press Enable.\n"
    "3. Menu, APIs & Services, OAuth consent screen (Google Auth Platform): choose External, fill in\n"
    "   name and addresses. Under Data access add the scopes .../auth/youtube.upload and\n"
    "   .../auth/youtube.force-ssl. Under Audience press \"Publish app\": while it says Testing, every\n"
    "   sign-in ends after 7 days.\n"
    "4. Clients, Create client, type \"Desktop app\" (it needs no redirect address). Copy the client id and\n"
    "   the client secret.\n"
    "5. Give both to crier as environment variables, here YOUTUBE_CLIENT_ID and YOUTUBE_CLIENT_SECRET,\n"
    "   and write:\n"
    "\n"
    "     channels:\n"
    "       youtube:\n"
    "         type: youtube\n"
    "         client_id: ${YOUTUBE_CLIENT_ID}\n"
    "         client_secret: ${YOUTUBE_CLIENT_SECRET}\n"
    "         privacy: public\n"
    "         when: {category: Video}\n"
    "\n"
    "6. Run `crier check`, then `crier keys login youtube`. Open the address it shows, choose the account,\n"
    "   then the channel, and allow everything that is asked for. \"Google has not verified this app\" is\n"
    "   your own app: Advanced, then go on.\n"
    "7. With the service running, this answers with the channel's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/youtube/test\n"
    "8. Ask for Google's audit (https://support.google.com/youtube/contact/yt_api_form). Until it is\n"
    "   passed YouTube locks everything that comes from your project to private, whatever `privacy`\n"
    "   says; crier tells you when that happens.\n"
    "\n"
    "The token lives for an hour, and crier renews it by itself. The sign-in ends when it is revoked, the\n"
    "password is changed, or nothing was uploaded for six months.\n"
    "\n"
    "Videos longer than 15 minutes, and preview pictures of your own, need a channel with a verified\n"
    "phone number (https://www.youtube.com/verify). A project may upload 100 videos a day, counted from\n"
    "midnight in California.";
// clang-format on

const struct adapter adapter_youtube = {
    .name = "youtube",
    .title = "YouTube",
    .doc_url = "https://developers.google.com/youtube/v3/docs/videos/insert",
    .about = "the article's video, with its title, its summary, the link and tags",
    .settings = settings,
    .settings_size = sizeof(struct youtube_settings),
    .limits = youtube__limits,
    .publish = publish,
    .update = update,
    .retract = retract,
    .verify = verify,
    .test = test,
    .cannot_update = "title, description, tags and preview picture; the video itself stays",
    .cannot_retract = "it is made private, or deleted where `retract` says so",
    .post_id_form = "the id of the video (11 characters), or its link",
    .post_named = post_named,
    .media_max_bytes = YOUTUBE_PICTURE_BYTES_MAX,
    .media =
        "the article's video (MP4 or MOV, up to 256 GB or 12 hours), and its first picture as "
        "preview picture",
    .quota = {.count = 100,
              .window = QUOTA_DAY_PACIFIC,
              .source = "https://developers.google.com/youtube/v3/determine_quota_cost"},
    .oauth = &oauth,
    .answer_timeout_ms = 5 * MS_MINUTE, /* a piece on a slow line */
    .check = check_settings,
    .setup = setup,
};
