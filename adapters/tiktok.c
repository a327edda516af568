/* TikTok: the article's video, or its pictures, with a text. What a channel of this kind can be told, what
 * the platform's limits are, how one signs in, and the order of steps of each course. The steps stand in the
 * files that tiktok_internal.h lists. Found through registry.h; everything here is constant.
 *
 * An address in a text is no link there, so the usual text has none. Nothing can be changed or taken back
 * through the API. */

#include "adapters/tiktok_internal.h"

#include <stddef.h>
#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/record.h"
#include "base/crypto.h"
#include "base/json.h"

/* From the widest to the narrowest. */
const char *const tiktok__privacies[] = {
    "PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY", NULL};
static const char *const kind_choices[] = {"auto", "photo", "video", NULL};
static const char *const video_choices[] = {"upload", "pull", NULL};
static const char *const mode_choices[] = {"direct", "inbox", NULL};

#define TOKEN_PATH "/v2/oauth/token/"
#define SETTING(member) offsetof(struct tiktok_settings, member)
#define DEFAULT_TEXT                                                                           \
    "{{title}}{{#summary}}\n\n{{summary}}{{/summary}}{{#hashtags}}\n\n{{hashtags}}{{/"         \
    "hashtags}}"

// clang-format off
static const struct field settings[] = {
    {.key = "api", .kind = FIELD_URL, .offset = SETTING(api), .def = "https://open.tiktokapis.com",
     .help = "address of the API"},
    OAUTH_CLIENT_ROWS(offsetof(struct tiktok_settings, oauth), "TIKTOK", "TikTok's developer portal, called client key there"),
    OAUTH_TOKEN_ROWS(offsetof(struct tiktok_settings, oauth), "TIKTOK"),
    {.key = "sign_in_url", .kind = FIELD_URL, .offset = SETTING(sign_in_url), .def = "https://www.tiktok.com/v2/auth/authorize/",
     .help = "page where `crier keys login` sends you to"},
    {.key = "title", .kind = FIELD_TEMPLATE, .offset = SETTING(title), .def = "{{title}}",
     .help = "title of a post of pictures; a video has none"},
    {.key = "text", .kind = FIELD_TEMPLATE, .offset = SETTING(text), .def = DEFAULT_TEXT,
     .help = "text of the post; an address in it is no link there"},
    {.key = "kind", .kind = FIELD_ENUM, .offset = SETTING(kind), .def = "auto", .choices = kind_choices,
     .help = "auto posts the article's video, or its pictures where it has none"},
    {.key = "max_photos", .kind = FIELD_INT, .offset = SETTING(max_photos), .def = "10", .min = "1", .max = "35",
     .help = "so many pictures of an article at most"},
    {.key = "video", .kind = FIELD_ENUM, .offset = SETTING(video), .def = "upload", .choices = video_choices,
     .help = "upload sends the file, pull gives its address to TikTok, whose domain must be verified then"},
    {.key = "mode", .kind = FIELD_ENUM, .offset = SETTING(mode), .def = "direct", .choices = mode_choices,
     .help = "direct posts, inbox leaves a draft in the account's inbox, which a person finishes in the app"},
    {.key = "privacy", .kind = FIELD_ENUM, .offset = SETTING(privacy), .def = "PUBLIC_TO_EVERYONE", .choices = tiktok__privacies,
     .help = "who sees the post; the account must allow it"},
    {.key = "privacy_fallback", .kind = FIELD_BOOL, .offset = SETTING(privacy_fallback), .def = "false",
     .help = "where the account does not allow `privacy`, post with the next narrower one it does; else the channel stops"},
    {.key = "disable_comment", .kind = FIELD_BOOL, .offset = SETTING(disable_comment), .def = "false",
     .help = "no comments"},
    {.key = "disable_duet", .kind = FIELD_BOOL, .offset = SETTING(disable_duet), .def = "false",
     .help = "no duets with the video"},
    {.key = "disable_stitch", .kind = FIELD_BOOL, .offset = SETTING(disable_stitch), .def = "false",
     .help = "no stitches of the video"},
    {.key = "brand_content", .kind = FIELD_BOOL, .offset = SETTING(brand_content), .def = "false",
     .help = "declare a paid partnership"},
    {.key = "brand_organic", .kind = FIELD_BOOL, .offset = SETTING(brand_organic), .def = "false",
     .help = "declare that the posts advertise your own business"},
    {.key = "auto_add_music", .kind = FIELD_BOOL, .offset = SETTING(auto_add_music), .def = "false",
     .help = "TikTok chooses music for pictures"},
    {.key = "aigc", .kind = FIELD_BOOL, .offset = SETTING(aigc), .def = "false",
     .help = "declare that the videos were made by AI"},
    {.key = "cover", .kind = FIELD_MS, .offset = SETTING(cover_ms), .def = "0s", .min = "0s", .max = "10m",
     .help = "the moment of the video that is its preview picture; 0s: TikTok chooses"},
    {.key = "daily_posts", .kind = FIELD_INT, .offset = SETTING(daily_posts), .def = "15", .min = "1", .max = "1000",
     .help = "so many posts a day TikTok takes of the account; it does not say how many"},
    FIELD_END,
};

const struct text_rule tiktok__limits[] = {
    [TIKTOK_LIMIT_TITLE] =
    {.name = "title", .unit = TEXT_UTF16, .max = 90,
     .source = "https://developers.tiktok.com/doc/content-posting-api-reference-photo-post"},
    [TIKTOK_LIMIT_TEXT] =
    {.name = "text", .unit = TEXT_UTF16, .max = 4000,
     .source = "https://developers.tiktok.com/doc/content-posting-api-reference-photo-post"},
    [TIKTOK_LIMIT_CAPTION] =
    {.name = "caption", .unit = TEXT_UTF16, .max = 2200,
     .source = "https://developers.tiktok.com/doc/content-posting-api-reference-direct-post"},
    {.name = NULL},
};

#define OK "\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"x\"}"
#define SAMPLE_CREATOR \
    "{\"data\":{\"creator_username\":\"example\",\"privacy_level_options\":[\"PUBLIC_TO_EVERYONE\"," \
    "\"FOLLOWER_OF_CREATOR\",\"MUTUAL_FOLLOW_FRIENDS\",\"SELF_ONLY\"]," \
    "\"max_video_post_duration_sec\":600}," OK "}"
#define SAMPLE_BEGUN \
    "{\"data\":{\"publish_id\":\"p_pub_url~v2.123\",\"upload_url\":\"https://open-upload.tiktokapis.com/video/?upload_id=1\"}," OK "}"
#define SAMPLE_STATUS \
    "{\"data\":{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":[7512345678901234567]}," OK "}"

/* One for each picture: what fetches one notes its address, and a step fetches one. */
#define PHOTOS(X) \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) \
    X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35)
#define PHOTO_BUILD(n) \
    static enum err_code photo_##n(struct step_ctx *ctx, struct http_request *req, struct err *why) \
    { \
        (void)why; \
        tiktok__note_photo(ctx, req, (n) - 1); \
        return ERR_NONE; \
    }
#define PHOTO_STEP(n) \
    {.name = "photo_" #n, \
     .repeatable = true, \
     .wants_media = true, \
     .media_wanted = tiktok__photo_wanted, \
     .media_wish = tiktok__photo_wish, \
     .build = photo_##n, \
     .read = tiktok__read_photo},
PHOTOS(PHOTO_BUILD)

static const struct step publish[] = {
    {.name = "query_creator",
     .repeatable = true,
     .build = tiktok__build_creator,
     .read = tiktok__read_creator,
     .sample = SAMPLE_CREATOR},
    PHOTOS(PHOTO_STEP)
    {.name = "begin_photos",
     .publishes = true,
     .build = tiktok__build_photos,
     .read = tiktok__read_photos,
     .sample = SAMPLE_BEGUN},
    {.name = "begin_pull",
     .publishes = true,
     .wants_media = true,
     .media_wish = tiktok__pull_wish,
     .build = tiktok__build_pull,
     .read = tiktok__read_pull,
     .sample = SAMPLE_BEGUN},
    {.name = "begin_upload",
     .repeatable = true, /* without bytes it is nothing */
     .wants_media = true,
     .media_wish = tiktok__video_wish,
     .build = tiktok__build_upload,
     .read = tiktok__read_upload,
     .sample = SAMPLE_BEGUN},
    {.name = "upload_piece",
     .repeatable = true,
     .wants_media = true,
     .media_wish = tiktok__video_wish,
     .build = tiktok__build_piece,
     .read = tiktok__read_piece},
    /* The same bytes of one publish_id twice are one post. */
    {.name = "upload_last",
     .repeatable = true,
     .publishes = true,
     .wants_media = true,
     .media_wish = tiktok__video_wish,
     .build = tiktok__build_last,
     .read = tiktok__read_piece,
     .unanswered = tiktok__last_unanswered},
    {.name = "await_post",
     .repeatable = true,
     .build = tiktok__build_status,
     .read = tiktok__read_status,
     .sample = SAMPLE_STATUS},
    STEP_END,
};
// clang-format on

static const struct step verify[] = {
    {.name = "look_at_post",
     .repeatable = true,
     .build = tiktok__build_look,
     .read = tiktok__read_look,
     .sample = SAMPLE_STATUS},
    {.name = "find_post",
     .repeatable = true,
     .build = tiktok__build_list,
     .read = tiktok__read_list,
     .sample = "{\"data\":{\"videos\":[]}," OK "}"},
    STEP_END,
};

static const struct step test[] = {
    {.name = "query_creator",
     .repeatable = true,
     .build = tiktok__build_creator,
     .read = tiktok__read_test,
     .sample = SAMPLE_CREATOR},
    STEP_END,
};

/* ---- sign-in ---- */

static void authorize(const struct oauth_call *call, struct buf *url);
static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why);
static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why);

/* Its errors come with status 200 too. */
static struct oauth_verdict read_token(struct oauth_call *call, const struct http_response *res)
{
    json_t *body = http_json(res);
    const char *error = record_str(body, "error");
    const char *id = record_str(body, "open_id");
    struct http_response refusal = *res;
    struct oauth_verdict v;

    if (res->status < 300 && error && *error && strcmp(error, "ok") != 0) {
        refusal.status = 400;
    }
    v = oauth_read_token(call, &refusal);
    if (v.outcome == OAUTH_OK && id) {
        json_set_str(call->grant, "open_id", id);
    }
    json_decref(body);
    return v;
}

static enum err_code
build_who(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct tiktok_settings *s = call->settings;

    (void)why;
    oauth_build_look(req, call, s->api, "/v2/user/info/?fields=open_id,display_name");
    return ERR_NONE;
}

static struct oauth_verdict read_who(struct oauth_call *call, const struct http_response *res)
{
    json_t *body;
    const json_t *data = tiktok__data(res, &body);

    json_set_str(
        call->grant, "who", json_string_value(json_path(data, "user", "display_name", NULL)));
    json_decref(body);
    return (struct oauth_verdict){.outcome = OAUTH_OK}; /* the token is good, named or not */
}

static const struct oauth_step login[] = {
    {.name = "token", .build = build_code, .read = read_token},
    {.name = "who", .build = build_who, .read = read_who},
    OAUTH_STEP_END,
};
static const struct oauth_step renew[] = {
    {.name = "renew", .build = build_refresh, .read = read_token},
    OAUTH_STEP_END,
};

static const struct oauth oauth = {
    .settings_at = offsetof(struct tiktok_settings, oauth),
    .scopes = "user.info.basic,video.publish,video.upload,video.list",
    .pkce = true,
    .authorize = authorize,
    .login = login,
    .renew = renew,
    .rotates = true,
};

/* The challenge is the hash in hexadecimal digits, where RFC 7636 has base64url. */
static void authorize(const struct oauth_call *call, struct buf *url)
{
    const struct tiktok_settings *s = call->settings;
    struct oauth_call plain = *call;
    uint8_t hash[SHA256_BYTES];

    plain.challenge = NULL;
    oauth_authorize_url(url, &oauth, &plain, s->sign_in_url, "client_key");
    if (call->verifier) {
        crypto_sha256(call->verifier, strlen(call->verifier), hash);
        buf_adds(url, "&code_challenge=");
        for (size_t i = 0; i < sizeof hash; i++) {
            buf_addf(url, "%02x", hash[i]);
        }
        buf_adds(url, "&code_challenge_method=S256");
    }
}

static void add_client(const struct oauth_call *call, struct http_request *req)
{
    const struct tiktok_settings *s = call->settings;

    oauth_form_add(req, "client_key", s->oauth.client_id);
    oauth_form_add(req, "client_secret", s->oauth.client_secret.text);
}

static enum err_code
build_code(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct tiktok_settings *s = call->settings;

    (void)why;
    oauth_build_code(req, &oauth, call, s->api, OAUTH_CLIENT_NONE);
    http_set_url_below(req, s->api, TOKEN_PATH);
    add_client(call, req);
    return ERR_NONE;
}

static enum err_code
build_refresh(const struct oauth_call *call, struct http_request *req, struct err *why)
{
    const struct tiktok_settings *s = call->settings;

    (void)why;
    oauth_build_refresh(req, &oauth, call, s->api, OAUTH_CLIENT_NONE);
    http_set_url_below(req, s->api, TOKEN_PATH);
    add_client(call, req);
    return ERR_NONE;
}

/* ---- the rest ---- */

void tiktok__request(const struct step_ctx *ctx,
                     struct http_request *req,
                     const char *path,
                     json_t *body)
{
    body = body ? body : json_object();
    req->method = HTTP_POST;
    http_set_url_below(req, tiktok__settings(ctx)->api, "%s", path);
    http_set_headerf(req, "Authorization", "Bearer %s", ctx->token ? ctx->token : "");
    http_set_json(req, body);
    http_set_header(req, "Content-Type", "application/json; charset=UTF-8");
    json_decref(body);
}

static int64_t quota_told(const void *object, const json_t *account)
{
    const struct tiktok_settings *s = object;

    (void)account;
    return s->daily_posts;
}

static enum err_code check_settings(const void *object, struct err *why)
{
    const struct tiktok_settings *s = object;

    if (s->brand_content && s->privacy == 3 /* SELF_ONLY */) {
        return err_set(
            why, ERR_INVALID, "brand_content: a paid partnership cannot be for SELF_ONLY");
    }
    return oauth_check(&oauth, object, why);
}

// clang-format off
static const char setup[] =
    "Only articles with a video or pictures can go out here: choose them with `when`.\n"
    "\n"
    "1. Open https://developers.tiktok.com, sign in, Manage apps, \"Connect an app\". Fill in name, icon\n"
    "   and the addresses of your terms and privacy pages.\n"
    "2. Add the products \"Login Kit\" and \"Content Posting API\"; in the latter switch \"Direct Post\" on.\n"
    "   Scopes: user.info.basic, video.publish, video.upload, video.list.\n"
    "3. In Login Kit, Desktop, add as redirect address the one of \"Signing in\" below.\n"
    "4. Content Posting API, \"Verify domains\": add the domain that your pictures come from (and that of\n"
    "   server.public_url, where crier serves those it had to change). TikTok fetches pictures itself\n"
    "   and takes none from other domains. Videos are uploaded and need no domain.\n"
    "5. Copy the client key and the client secret, give both to crier as environment variables, here\n"
    "   TIKTOK_CLIENT_ID and TIKTOK_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       tiktok:\n"
    "         type: tiktok\n"
    "         client_id: ${TIKTOK_CLIENT_ID}       # the client key\n"
    "         client_secret: ${TIKTOK_CLIENT_SECRET}\n"
    "         privacy: PUBLIC_TO_EVERYONE\n"
    "         when: {category: Video}\n"
    "\n"
    "6. Run `crier check`, then `crier keys login tiktok`. Open the address it shows, signed in as the\n"
    "   account that is to post, and allow everything.\n"
    "7. With the service running, this answers with the account's name and posts nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/tiktok/test\n"
    "8. Submit the app for TikTok's audit. Until it is passed only private accounts can be posted to, and\n"
    "   only with privacy: SELF_ONLY.\n"
    "\n"
    "The token lives for a day, and crier renews it by itself. A sign-in lasts for a year, unless\n"
    "TikTok prolongs it: `crier status` tells ahead when to sign in again.\n"
    "\n"
    "TikTok's guidelines want a person to choose who sees a post and to agree to it: posting on its own is\n"
    "your decision. mode: inbox leaves drafts that a person finishes in the app. What was posted can be\n"
    "deleted in the app only.";
// clang-format on

const struct adapter adapter_tiktok = {
    .name = "tiktok",
    .title = "TikTok",
    .doc_url = "https://developers.tiktok.com/doc/content-posting-api-get-started",
    .about = "the article's video, or its pictures, with a text that has no link",
    .settings = settings,
    .settings_size = sizeof(struct tiktok_settings),
    .limits = tiktok__limits,
    .publish = publish,
    .verify = verify,
    .test = test,
    .cannot_update =
        "TikTok has no way to change a post: edit it in the app, or delete it there "
        "and let it be sent again",
    .cannot_retract = "TikTok has no way to delete a post: somebody must delete it in the app",
    .media_max_bytes = TIKTOK_PHOTO_BYTES_MAX,
    .media = "a video (MP4 or MOV, up to 4 GB), or up to 35 pictures; no alternative text",
    .quota = {.count = 15,
              .window = QUOTA_ROLLING,
              .per_ms = MS_DAY,
              .source = "not documented; seen by other publishers"},
    .quota_told = quota_told,
    .rate = {.count = 6, .per_ms = MS_MINUTE},
    .oauth = &oauth,
    .answer_timeout_ms = 5 * MS_MINUTE, /* a piece on a slow line */
    .check = check_settings,
    .setup = setup,
};
