/* Firebase Cloud Messaging, to tokens: a notification to each app or browser that handed one in. Called through the
 * registry. Owns its settings and courses; the messages are fcm_message.c's and fcm_push.c's, answers
 * fcm_trouble.c's, access tokens fcm_account.c's. The members are the channel's audience.
 *
 * Source: https://firebase.google.com/docs/cloud-messaging */

#include "adapters/fcm_internal.h"

#include "adapters/adapters_list.h"
#include "adapters/push.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/url.h"

// clang-format off
static const struct field settings[] = {
    FCM_ACCOUNT_ROW,
    FCM_ROWS,
    FIELD_END,
};
// clang-format on

/* Firebase reads them itself, or keeps them for itself. */
static const char *const taken[] = {"from", "message_type", "google", "gcm", NULL};

enum err_code fcm__check(const struct fcm_settings *s, struct err *why)
{
    struct fcm_account account;
    enum err_code rc = fcm__account_read(&account, &s->service_account, true, why);

    fcm__account_done(&account);
    return rc ? rc : notice_check(&s->notice, taken, why);
}

static enum err_code check(const void *object, struct err *why)
{
    return fcm__check(object, why);
}

void fcm__host(const void *object, struct buf *out)
{
    (void)url_put_host(out, ((const struct fcm_settings *)object)->api);
}

/* ---- courses ---- */

static const struct step send_steps[] = {
    NOTICE_PREPARE_STEP(fcm__prepare),
    {.name = "message",
     .repeatable = true,
     .publishes = true,
     .each_member = true,
     .build = push_build,
     .read = push_read,
     .sample =
         "{\"name\":\"projects/example-news/messages/0:1500415314455276%31bd1c9631bd1c96\"}"},
    STEP_END,
};
static const struct step test_steps[] = {
    {.name = "look",
     .repeatable = true,
     .build = fcm__build_test,
     .read = fcm__read_test,
     .sample = "{\"name\":\"projects/example-news/messages/fake_message_id\"}"},
    STEP_END,
};

/* ---- the audience ---- */

static const struct member sample = {
    .id = 1, .address = "dQw4w9WgXcQ:APA91bExampleTokenThatStandsForOneTelephoneOfAReader"};

static const struct audience audience = {
    .batch = 5000,
    .parallel = 100,
    .again_ms = 10 * MS_SECOND, /* Firebase's advice, with a doubling */
    .again_factor = 2,
    .again_max = 5,
    .resend_after_ms = 30 * MS_SECOND,
    .address = fcm__address,
    .address_form = FCM_ADDRESS_FORM,
    .sample = &sample,
    .push = &fcm__push,
    .replaces = true,
};

// clang-format off
static const char setup[] =
    "Sends to the tokens of your own app (Android, iPhone) or site, which Firebase delivers. Without an app of\n"
    "yours there is nothing to send to; for readers in browsers alone webpush needs no Firebase.\n"
    "\n"
    "1. At https://console.firebase.google.com open the project that your app is in. Under Project settings >\n"
    "   Cloud Messaging, \"Firebase Cloud Messaging API (V1)\" must be enabled; for iPhones upload Apple's key\n"
    "   there.\n"
    "2. Under Project settings > Service accounts press Generate new private key. Put the file where only crier\n"
    "   can read it, here /etc/crier/firebase.json. Its account has the role it needs (Firebase Cloud Messaging\n"
    "   API Admin).\n"
    "3. Write:\n"
    "\n"
    "     channels:\n"
    "       app:\n"
    "         type: fcm\n"
    "         service_account: \"${file:/etc/crier/firebase.json}\"\n"
    "         taken_back: We have withdrawn this report.\n"
    "         when: {breaking: true}\n"
    "         audience: {app_key: \"${CRIER_APP_KEY}\", topics: {sports: Sports}}\n"
    "\n"
    "4. Your app hands in its token, and again whenever Firebase gives it another:\n"
    "     curl -H \"X-Crier-Key: $CRIER_APP_KEY\" -H \"Content-Type: application/json\" -d \\\n"
    "       '{\"channel\": \"app\", \"subscription\": {\"token\": \"…\"}, \"language\": \"en\", \"topics\": [\"sports\"]}' \\\n"
    "       https://push.news.example/push/subscribe\n"
    "   Tokens that you have already come in one a line, with where and when those readers agreed:\n"
    "     crier members app import tokens.txt --format firebase --consent \"the app\" --consented-at 2026-01-01T00:00:00Z\n"
    "5. Run `crier check`. With the service running, this has Firebase look at a message and sends nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/app/test\n"
    "\n"
    "A tap opens the app with url, story_id and lang in its data. A correction has the tag of the message before\n"
    "and replaces it. One that is taken back has retracted: \"true\", so that the app can remove it; where the app\n"
    "is not running its text takes the place of what was shown. Firebase takes 600,000 messages a minute for a\n"
    "project; ask Google for more before you need it.";
// clang-format on

const struct adapter adapter_fcm = {
    .name = "fcm",
    .title = "Firebase",
    .doc_url = "https://firebase.google.com/docs/cloud-messaging",
    .about = "a notification to each app or browser that handed in a token",
    .settings = settings,
    .settings_size = sizeof(struct fcm_settings),
    .limits = fcm__limits,
    .publish = send_steps,
    .update = send_steps,
    .retract = send_steps,
    .test = test_steps,
    .rules_out = notice_rules_out,
    .retract_without_post = true,
    .cannot_update = NOTICE_CANNOT_UPDATE,
    .cannot_retract = NOTICE_CANNOT_RETRACT,
    .cannot_verify = "Firebase cannot be asked for a message",
    .host = fcm__host,
    .audience = &audience,
    .media_max_bytes = (size_t)1000 * 1000, /* Android's */
    .media_bounds = notice_media_bounds,
    .pictures = "by their address, which telephones fetch",
    .media = "the article's first picture",
    .rate = {.count = 600000, .per_ms = MS_MINUTE},
    .oauth = &fcm__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
