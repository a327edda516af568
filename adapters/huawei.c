/* Huawei Push Kit: a notification to each telephone without Google's services whose app handed in its token. Called
 * through the registry. Owns its settings and courses; the messages are huawei_push.c's, answers huawei_trouble.c's,
 * access tokens huawei_token.c's. The members are the channel's audience. Apps for HarmonyOS NEXT need another
 * interface (v3), which this does not speak.
 *
 * Source: https://developer.huawei.com/consumer/en/hms/huawei-pushkit */

#include "adapters/huawei_internal.h"

#include <string.h>

#include "adapters/adapters_list.h"
#include "adapters/push.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/url.h"

const char *const huawei__importances[] = {"LOW", "NORMAL", NULL};
#define IMPORTANCE_NORMAL "NORMAL"

#define AT(member) .offset = offsetof(struct huawei_settings, member)

// clang-format off
static const struct field settings[] = {
    OAUTH_CLIENT_ROWS(offsetof(struct huawei_settings, oauth), "HUAWEI", "AppGallery Connect: the App ID"),
    /* Urgent messages need a right of their own. */
    NOTICE_ROWS("never"),
    {.key = "channel_id", .kind = FIELD_STRING, AT(channel_id), .min = "1", .max = "128", .example = "breaking",
     .help = "notification channel of your app; not set: its default"},
    {.key = "category", .kind = FIELD_STRING, AT(category), .min = "1", .max = "64", .example = "NEWS",
     .help = "kind of message, as Huawei classifies them for your app; how many a day it lets through depends on it"},
    {.key = "importance", .kind = FIELD_ENUM, AT(importance), .choices = huawei__importances, .def = IMPORTANCE_NORMAL,
     .help = "how it is shown; LOW without a sound, among the silent ones"},
    {.key = "login_url", .kind = FIELD_URL, AT(login_url), .def = "https://oauth-login.cloud.huawei.com",
     .help = "where tokens are got"},
    {.key = "api", .kind = FIELD_URL, AT(api), .def = "https://push-api.cloud.huawei.com",
     .help = "where Huawei takes messages"},
    FIELD_END,
};
// clang-format on

const struct huawei_settings *huawei__settings(const struct step_ctx *ctx)
{
    return ctx->settings;
}

/* Two addresses stand in the settings: messages go to this one. */
static void host(const void *object, struct buf *out)
{
    (void)url_put_host(out, ((const struct huawei_settings *)object)->api);
}

/* ---- courses ---- */

#define SAMPLE                                                                                 \
    "{\"code\":\"80000000\",\"msg\":\"Success\",\"requestId\":\"157440955549500001002006\"}"

static const struct step send_steps[] = {
    NOTICE_PREPARE_STEP(huawei__prepare),
    {.name = "message",
     .repeatable = true,
     .publishes = true,
     .each_member = true,
     .build = push_build,
     .read = push_read,
     .sample = SAMPLE},
    STEP_END,
};
static const struct step test_steps[] = {
    {.name = "look",
     .repeatable = true,
     .build = huawei__build_test,
     .read = huawei__read_test,
     .sample = SAMPLE},
    STEP_END,
};

/* ---- the audience ---- */

static const struct member sample = {
    .id = 1, .address = "IQAAAACy0example0token0that0stands0for0one0telephone0of0a0reader"};

static const struct audience audience = {
    .batch = 10000,
    .parallel = 20,
    .again_ms = 10 * MS_SECOND,
    .again_factor = 2,
    .again_max = 5,
    .resend_after_ms = 30 * MS_SECOND,
    .address = huawei__address,
    .address_form = HUAWEI_ADDRESS_FORM,
    .sample = &sample,
    .push = &huawei__push,
    .replaces = true,
};

/* ---- settings ---- */

static enum err_code check(const void *object, struct err *why)
{
    const struct huawei_settings *s = object;
    const char *id = s->oauth.client_id;

    if (!id || id[0] == '\0' || id[strspn(id, "0123456789")] != '\0') {
        return err_set(why,
                       ERR_INVALID,
                       "client_id: the App ID, digits only, as AppGallery Connect shows it");
    }
    if (!s->oauth.client_secret.text) {
        return err_set(why, ERR_INVALID, "client_secret: needed, from the same page");
    }
    return ERR_NONE;
}

// clang-format off
static const char setup[] =
    "Sends to the tokens that Push Kit gave your own app on Huawei's telephones.\n"
    "\n"
    "1. At https://developer.huawei.com/consumer/en/console open AppGallery Connect > My projects, your app,\n"
    "   and enable Push Kit under Grow > Push Kit.\n"
    "2. Under Project settings > General information copy the App ID and the client secret of the app.\n"
    "3. Give them to crier as environment variables, here HUAWEI_CLIENT_ID and HUAWEI_CLIENT_SECRET, and write:\n"
    "\n"
    "     channels:\n"
    "       huawei:\n"
    "         type: huawei\n"
    "         client_id: ${HUAWEI_CLIENT_ID}\n"
    "         client_secret: ${HUAWEI_CLIENT_SECRET}\n"
    "         category: NEWS\n"
    "         taken_back: We have withdrawn this report.\n"
    "         when: {breaking: true}\n"
    "         audience: {app_key: \"${CRIER_APP_KEY}\"}\n"
    "\n"
    "4. Your app hands in its token at each start:\n"
    "     curl -H \"X-Crier-Key: $CRIER_APP_KEY\" -H \"Content-Type: application/json\" -d \\\n"
    "       '{\"channel\": \"huawei\", \"subscription\": {\"token\": \"IQAAAA…\"}, \"language\": \"en\"}' \\\n"
    "       https://push.news.example/push/subscribe\n"
    "   Tokens that you have already come in one a line, with where and when those readers agreed:\n"
    "     crier members huawei import tokens.txt --format firebase --consent \"the app\" --consented-at 2026-01-01T00:00:00Z\n"
    "5. Run `crier check`. With the service running, this has Huawei look at a message and sends nothing:\n"
    "     curl -H \"Authorization: Bearer $CRIER_TOKEN\" --json '{\"probe\": true}' \\\n"
    "       http://127.0.0.1:8480/v1/channels/huawei/test\n"
    "\n"
    "How many messages a day a telephone takes depends on the category and the country; in China classify them\n"
    "first. Messages that wake a sleeping telephone (urgent) need a right that Huawei gives on application.";
// clang-format on

const struct adapter adapter_huawei = {
    .name = "huawei",
    .title = "Huawei",
    .doc_url = "https://developer.huawei.com/consumer/en/hms/huawei-pushkit",
    .about = "a notification to each Huawei telephone whose app handed in its token",
    .settings = settings,
    .settings_size = sizeof(struct huawei_settings),
    .limits = huawei__limits,
    .publish = send_steps,
    .update = send_steps,
    .retract = send_steps,
    .test = test_steps,
    .rules_out = notice_rules_out,
    .retract_without_post = true,
    .cannot_update = NOTICE_CANNOT_UPDATE,
    .cannot_retract = NOTICE_CANNOT_RETRACT,
    .cannot_verify = "Huawei cannot be asked for a message",
    .host = host,
    .audience = &audience,
    .media_max_bytes = (size_t)500 * 1000,
    .media_bounds = notice_media_bounds,
    .pictures = "by their address, which telephones fetch",
    .media = "the article's first picture",
    .oauth = &huawei__oauth,
    .answer_timeout_ms = 30 * MS_SECOND,
    .check = check,
    .setup = setup,
};
