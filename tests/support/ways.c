/* See ways.h. */

#include "support/ways.h"

#include <string.h>

#include "base/mem.h"
#include "support/settings_fill.h"

#define WAYS_MAX 64

/* clang-format off */
static const struct {
    const char *name, *adapter, *settings;
} rows[] = {
    {"webhook", "webhook",
     "{\"url\": \"https://partner.example/hook\", \"secret\": \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}"},
    {"telegram", "telegram", "{\"token\": \"123456:AAF-secret_token\", \"chat\": \"@example\"}"},
    {"mastodon", "mastodon", "{\"instance\": \"https://mastodon.example\", \"token\": \"tok-9f3c21\"}"},
    {"bluesky", "bluesky", "{\"identifier\": \"news.example\", \"password\": \"abcd-efgh-ijkl-mnop\"}"},
    {"email", "email",
     "{\"server\": \"mail.example:587\", \"user\": \"news\", \"password\": \"mail-pass-word\","
     " \"from\": \"Example News <news@news.example>\","
     " \"to\": [\"desk@partner.example\", \"night@news.example\"]}"},
    {"discord", "discord",
     "{\"token\": \"MTIz.bot-Token.secret_part\", \"channel\": \"223456789012345601\"}"},
    {"discord webhook", "discord",
     "{\"webhook_url\": \"https://discord.com/api/webhooks/223456789012345678/hook-Token_secret\"}"},
    {"slack", "slack",
     "{\"token\": \"xoxb-1234-5678-secretPartOfTheToken\", \"channel\": \"C0123456789\"}"},
    {"slack webhook", "slack",
     "{\"webhook_url\": \"https://hooks.slack.com/services/T0123456789/B0123456789/hookSecretPart\"}"},
    {"x", "x",
     "{\"consumer_key\": \"xvz1evFS4wEEPTGEFPHBog\", \"consumer_secret\": \"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw\","
     " \"token\": \"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\","
     " \"token_secret\": \"LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE\"}"},
    {"x oauth 2", "x", "{\"client_id\": \"x-app\", \"client_secret\": \"s3cret-of-the-x-app\"}"},
    {"linkedin", "linkedin",
     "{\"author\": \"urn:li:organization:5515715\", \"client_id\": \"li-app\", \"client_secret\": \"s3cret-of-the-li-app\"}"},
    {"linkedin member", "linkedin",
     "{\"author\": \"me\", \"client_id\": \"li-app\", \"client_secret\": \"s3cret-of-the-li-app\","
     " \"content\": \"video\", \"text\": \"{{title}} {{url}}\"}"},
    {"tumblr", "tumblr",
     "{\"blog\": \"examplenews\", \"client_id\": \"tumblr-app\", \"client_secret\": \"s3cret-of-the-tumblr-app\"}"},
    {"indexnow", "indexnow", "{\"key\": \"3f1c5a7e9b2d4068a1c3e5f708192a3b\"}"},
    {"websub", "websub",
     "{\"hub\": \"https://hub.example/\", \"topics\": [\"https://news.example/feed.xml\"]}"},
    {"fcm", "fcm", "{\"service_account\": {\"file\": \"keys/service_account.json\"}, \"taken_back\": \"Withdrawn.\","
     " \"data\": {\"section\": \"{{categories.0}}\"}}"},
    {"fcm topic", "fcm_topic",
     "{\"service_account\": {\"file\": \"keys/service_account.json\"}, \"topic\": \"news-{{language}}\","
     " \"topics\": {\"Sports\": \"sports\"}, \"taken_back\": \"Withdrawn.\"}"},
    {"apns", "apns",
     "{\"key\": {\"file\": \"keys/apns.p8\"}, \"key_id\": \"ABC123DEFG\", \"team_id\": \"DEF123GHIJ\","
     " \"bundle_id\": \"example.news.app\", \"taken_back\": \"Withdrawn.\"}"},
    {"huawei", "huawei",
     "{\"client_id\": \"100000001\", \"client_secret\": \"huawei-app-secret\", \"taken_back\": \"Withdrawn.\"}"},
    {"whatsapp", "whatsapp",
     "{\"phone_number_id\": \"106540352242922\", \"token\": \"EAAsecretWhatsApp\", \"app_secret\": \"a1b2secretApp\","
     " \"verify_token\": \"verify-me-secret\", \"template\": \"breaking_news\", \"language\": \"en_US\","
     " \"languages\": {\"de\": \"de\"}, \"body\": [\"{{title}}\", \"{{summary}}\"], \"button\": \"{{path}}\","
     " \"header\": \"picture\", \"picture_default\": \"https://news.example/logo.jpg\", \"on_update\": \"send\"}"},
    {"webpush", "webpush",
     "{\"key\": \"yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw\", \"subject\": \"mailto:push@news.example\","
     " \"icon\": \"https://news.example/icon-192.png\", \"actions\": {\"Read\": \"{{url}}\"}, \"on_update\": \"all\"}"},
    {"facebook", "facebook",
     "{\"page_id\": \"102030405060708\", \"client_id\": \"4711\", \"client_secret\": \"facebook-app-secret\"}"},
    {"facebook photo", "facebook", "{\"page_id\": \"102030405060708\", \"post\": \"photo\", \"access_token\": \"EAAB-secretPart\"}"},
    {"instagram", "instagram", "{\"client_id\": \"4712\", \"client_secret\": \"instagram-app-secret\"}"},
    {"instagram by facebook", "instagram",
     "{\"login\": \"facebook\", \"user_id\": \"17841400000000000\", \"client_id\": \"4711\","
     " \"client_secret\": \"facebook-app-secret\"}"},
    {"threads", "threads", "{\"client_id\": \"4713\", \"client_secret\": \"threads-app-secret\"}"},
    {"threads carousel", "threads", "{\"post\": \"carousel\", \"text\": \"{{title}} {{url}}\", \"access_token\": \"THAA-secretPart\"}"},
    {"lemmy", "lemmy",
     "{\"instance\": \"https://lemmy.example\", \"username\": \"news\", \"password\": \"lemmy-pass-word\","
     " \"community\": \"news\"}"},
    {"youtube", "youtube", "{\"client_id\": \"id.apps.example\", \"client_secret\": \"GOCSPX-secretPart\"}"},
    {"tiktok", "tiktok", "{\"client_id\": \"awkey1\", \"client_secret\": \"tt-secretPart\"}"},
    {"misskey", "misskey", "{\"instance\": \"https://misskey.example\", \"token\": \"misskey-tok-9f3c21\"}"},
    {"devto", "devto", "{\"api_key\": \"devto-key-9f3c21\"}"},
    {"pinterest", "pinterest",
     "{\"client_id\": \"1500001\", \"client_secret\": \"pin-secretPart\", \"board\": \"549755885175\"}"},
    {"pinterest carousel", "pinterest",
     "{\"client_id\": \"1500001\", \"client_secret\": \"pin-secretPart\", \"board\": \"549755885175\","
     " \"kind\": \"carousel\"}"},
    {"google_news", "google_news",
     "{\"hubs\": [\"https://hub.example/\"], \"topics\": [\"https://news.example/feed.xml\"],"
     " \"indexnow_key\": \"3f1c5a7e9b2d4068a1c3e5f708192a3b\"}"},
    {"google_news signed in", "google_news",
     "{\"hubs\": [\"https://hub.example/\"], \"topics\": [\"https://news.example/feed.xml\"],"
     " \"search_console\": \"sc-domain:news.example\", \"sitemap\": \"https://news.example/news-sitemap.xml\","
     " \"client_id\": \"id.apps.example\", \"client_secret\": \"GOCSPX-secretPart\"}"},
    {"wordpress", "wordpress",
     "{\"site\": \"https://partner.example\", \"user\": \"newsroom\", \"password\": \"abcd EFGH 1234 ijkl MNOP 5678\"}"},
    {"reddit", "reddit",
     "{\"subreddit\": \"examplenews\", \"username\": \"examplenews\", \"client_id\": \"AbCdEf\","
     " \"client_secret\": \"reddit-app-secret\"}"},
    {"reddit text", "reddit",
     "{\"subreddit\": \"examplenews\", \"username\": \"examplenews\", \"client_id\": \"AbCdEf\","
     " \"client_secret\": \"reddit-app-secret\", \"kind\": \"self\"}"},
    {"vk", "vk", "{\"group\": 123456789, \"client_id\": \"51234567\"}"},
};
/* clang-format on */

static struct way made[WAYS_MAX];

static void make(struct way *out, const char *name, const char *adapter, const char *text)
{
    const struct adapter *a = adapter_find(adapter);
    json_t *values = json_loads(text, 0, NULL);
    void *settings;

    must(a && values);
    settings = mem_zalloc(a->settings_size);
    must(settings_fill(a->settings, settings, a->settings_size, values, NULL) == 0);
    must(!a->check || a->check(settings, NULL) == 0);
    json_decref(values);
    *out = (struct way){name, a, settings};
}

static bool has(const struct adapter *a)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (made[i].adapter == a) {
            return true;
        }
    }
    return false;
}

const struct way *ways_all(size_t *out_count)
{
    const struct adapter *const *all;
    size_t count;

    _Static_assert(ARRAY_LEN(rows) <= WAYS_MAX, "room for all ways");
    for (size_t i = 0; !made[i].name && i < ARRAY_LEN(rows); i++) {
        make(&made[i], rows[i].name, rows[i].adapter, rows[i].settings);
    }
    all = adapters_all(&count);
    for (size_t i = 0; i < count; i++) {
        must(has(all[i]));
    }
    *out_count = ARRAY_LEN(rows);
    return made;
}
