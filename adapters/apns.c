/* Apple Push Notification service, without Firebase between: a notification to each iPhone, iPad or Mac whose app
 * handed in its device token. Called through the registry. Owns its settings and courses; the messages are
 * apns_push.c's, answers apns_trouble.c's, who we are apns_token.c's. The members are the channel's audience.
 *
 * Source: https://developer.apple.com/documentation/usernotifications/setting-up-a-remote-notification-server */

#include "adapters/apns_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/push.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/url.h"

#define AT(member) .offset = offsetof(struct apns_settings, member)
#define APPLE "https://api.push.apple.com"
#define SANDBOX "https://api.sandbox.push.apple.com"

// clang-format off
static const struct field settings[] = {
    {.key = "key", .kind = FIELD_SECRET, AT(key), .required = true, .lines = true,
     .example = "${file:/etc/crier/AuthKey_ABC123DEFG.p8}",
     .help = "all of the .p8 file that Apple gives out once, under Certificates, Identifiers & Profiles > Keys"},
    {.key = "key_id", .kind = FIELD_STRING, AT(key_id), .required = true, .min = "10", .max = "10", .example = "ABC123DEFG",
     .help = "id of that key: ten characters, also in the file's name"},
    {.key = "team_id", .kind = FIELD_STRING, AT(team_id), .required = true, .min = "10", .max = "10", .example = "DEF123GHIJ",
     .help = "id of your team: ten characters, from Membership details"},
    {.key = "bundle_id", .kind = FIELD_STRING, AT(bundle_id), .required = true, .min = "1", .max = "255", .example = "example.news.app",
     .help = "of the app"},
    {.key = "sandbox", .kind = FIELD_BOOL, AT(sandbox), .def = "false",
     .help = "the tokens are of builds that come from Xcode, not from the App Store or TestFlight"},
    NOTICE_ROWS("breaking"),
    NOTICE_DATA_ROW,
    NOTICE_APPLE_ROWS(offsetof(struct apns_settings, apple)),
    {.key = "api", .kind = FIELD_URL, AT(api), .example = "https://api.push.apple.com:2197",
     .help = "where Apple takes messages; not set: port 443, as sandbox says"},
    FIELD_END,
};
// clang-format on

const struct apns_settings *apns__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

const char *apns__api(const struct apns_settings *s)
{
    return s->api ? s->api : s->sandbox ? SANDBOX : APPLE;
}

/* Channels of one host share its trouble. */
static void host(const void *object, struct buf *out)
{
    (void)url_put_host(out, apns__api(object));
}

/* ---- courses ---- */

static const struct step send_steps[] = {
    NOTICE_PREPARE_STEP(apns__prepare),
    {.name = "message",
     .repeatable = true,
     .publishes = true,
     .each_member = true,
     .build = push_build,
     .read = push_read},
    STEP_END,
};
static const struct step test_steps[] = {
    {.name = "look", .repeatable = true, .build = apns__build_test, .read = apns__read_test},
    STEP_END,
};

/* ---- the audience ---- */

static const struct member sample = {
    .id = 1, .address = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"};

static const struct audience audience = {
    .batch = 5000,
    .parallel = 100,
    .again_ms = 10 * MS_SECOND,
    .again_factor = 2,
    .again_max = 5,
    .resend_after_ms = 30 * MS_SECOND,
    .address = apns__address,
    .address_form = APNS_ADDRESS_FORM,
    .sample = &sample,
    .push = &apns__push,
    .replaces = true,
};

/* ---- settings ---- */

static bool is_id(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

static const char *const taken[] = {"aps", NULL};

static enum err_code check(const void *object, struct err *why)
{
    const struct apns_settings *s = object;
    struct p256_key *key = NULL;
    enum err_code rc;

    if (!is_id(s->key_id) || !is_id(s->team_id)) {
        return err_set(why,
                       ERR_INVALID,
                       "%s: capital letters and digits, as Apple shows it",
                       is_id(s->key_id) ? "team_id" : "key_id");
    }
    rc = p256_key_read(&key, s->key.text, s->key.len, why);
    p256_key_free(key);
    return rc ? err_wrap(why, "key") : notice_check(&s->notice, taken, why);
}

// clang-format off
static const char setup[] =
    "Sends to the device tokens of your own app, at Apple itself. An app that has Firebase in it may use type fcm\n"
    "for all its telephones instead.\n"
    "\n"
    "1. At https://developer.apple.com/account open Certificates, Identifiers & Profiles > Keys, press +, tick\n"
    "   Apple Push Notifications service (APNs), for both environments. Download the .p8 file (Apple gives it out\n"
    "   once) and put it where only crier can read it, here /etc/crier/apns.p8. Note the Key ID, and under\n"
    "   Membership details the Team ID.\n"
    "2. The app needs the capability Push Notifications. Pictures need a notification service extension in it,\n"
    "   which fetches the address in \"image\"; breaking_level: time-sensitive needs that capability too.\n"
    "3. Write:\n"
    "\n"
    "     channels:\n"
    "       iphone:\n"
    "         type: apns\n"
    "         key: \"${file:/etc/crier/apns.p8}\"\n"
    "         key_id: ABC123DEFG\n"
    "         team_id: DEF123GHIJ\n"
    "         bundle_id: example.news.app\n"
    "         taken_back: We have withdrawn this report.\n"
    "         when: {breaking: true}\n"
    "         audience: {app_key: \"${CRIER_APP_KEY}\"}\n"
    "\n"
    "4. Your app hands in its token at each start:\n"
    "     curl -H \"X-Crier-Key: $CRIER_APP_KEY\" -H \"Content-Type: application/json\" -d \\\n"
    "       '{\"channel\": \"iphone\", \"subscription\": {\"token\": \"00fc13ad…\"}, \"language\": \"en\"}' \\\n"
    "       https://push.news.example/push/subscribe\n"
    "   Tokens that you have already come in one a line, with where and when those readers agreed:\n"
    "     crier members iphone import tokens.txt --format firebase --consent \"the app\" --consented-at 2026-01-01T00:00:00Z\n"
    "5. Run `crier check`. With the service running, this sends a message to a token that is nobody's, which Apple\n"
    "   refuses after it has looked at the key:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/iphone/test\n"
    "\n"
    "For builds from Xcode make a second channel with sandbox: true, best with a key of its own: Apple refuses a key\n"
    "for a while when it sees many tokens signed with it (TooManyProviderTokenUpdates), also those of other programs.";
// clang-format on

const struct adapter adapter_apns = {
    .name = "apns",
    .title = "Apple push",
    .doc_url = "https://developer.apple.com/documentation/usernotifications",
    .about = "a notification to each iPhone, iPad or Mac whose app handed in its device token",
    .settings = settings,
    .settings_size = sizeof(struct apns_settings),
    .limits = apns__limits,
    .publish = send_steps,
    .update = send_steps,
    .retract = send_steps,
    .test = test_steps,
    .rules_out = notice_rules_out,
    .retract_without_post = true,
    .cannot_update = NOTICE_CANNOT_UPDATE,
    .cannot_retract = NOTICE_CANNOT_RETRACT,
    .cannot_verify = "Apple cannot be asked for a message",
    .host = host,
    .audience = &audience,
    .media_max_bytes = (size_t)10 * 1000 * 1000, /* of an attachment */
    .media_bounds = notice_media_bounds,
    .pictures = "by their address, which the app's extension fetches",
    .media = "the article's first picture",
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
