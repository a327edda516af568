/* What the readers' door decides without a network: which endpoint can be one, which origin is the same, how often
 * somebody may come, what a wish says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/zone.h"
#include "service/push_door_internal.h"
#include "service/topics.h"

/* clang-format off */
static const struct { const char *url, *host; bool anywhere; } endpoints[] = {
    {"https://fcm.googleapis.com/fcm/send/abc", "fcm.googleapis.com", true},
    {"https://FCM.GoogleAPIs.com:443/fcm/send/abc?x=%2b", "fcm.googleapis.com", true},
    {"https://xn--bcher-kva.example/p", "xn--bcher-kva.example", true},
    {"https://push-1.example.co/p", "push-1.example.co", true},
    {"https://push.example:8443/p", "push.example", false},
    {"https://localhost/p", "localhost", false},
    {"https://127.0.0.1/p", "127.0.0.1", false},
    {"https://127.1/p", "127.1", false},
    {"https://0x7f000001/p", "0x7f000001", false},
    {"https://1.2.3.0x4/p", "1.2.3.0x4", false},
    {"https://[::1]/p", "[::1]", false},
    {"https://[::ffff:10.0.0.1]/p", "[::ffff:10.0.0.1]", false},
    {"https://push.example./p", "push.example.", false},
    {"https://.example/p", NULL, false},
    {"https://push..example/p", NULL, false},
    {"https://push_1.example/p", "push_1.example", false},
    {"https://intranet/p", "intranet", false},
    {"http://fcm.googleapis.com/p", NULL, false},
    {"https://a:b@push.example/p", NULL, false},
    {"https://push.example/p#x", NULL, false},
    {"push.example/p", NULL, false},
    {"", NULL, false},
};
/* clang-format on */

static void an_endpoint_is_at_a_public_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        char host[PUSH_HOST_BYTES] = "";
        const char *wrong = push__endpoint_wrong(endpoints[i].url, false, host);

        if ((wrong == NULL) != endpoints[i].anywhere) {
            fail_msg("%s: %s", endpoints[i].url, wrong ? wrong : "good");
        }
        wrong = push__endpoint_wrong(endpoints[i].url, true, host);
        if ((wrong == NULL) != (endpoints[i].host != NULL)) {
            fail_msg("%s, in the own network: %s", endpoints[i].url, wrong ? wrong : "good");
        }
        if (endpoints[i].host) {
            assert_string_equal(host, endpoints[i].host);
        }
    }
}

/* clang-format off */
static const struct { const char *a, *b; bool same; } origins[] = {
    {"https://news.example/", "https://news.example", true},
    {"https://News.Example:443/x?y", "https://news.example", true},
    {"https://news.example:8443", "https://news.example:8443", true},
    {"http://news.example:80", "http://news.example", true},
    {"http://news.example", "https://news.example", false},
    {"https://news.example", "https://m.news.example", false},
    {"https://news.example", "https://news.example:444", false},
    {"https://news.example", "https://news.example.evil.example", false},
    {"https://news.example", "null", false},
    {"https://news.example", "", false},
};
/* clang-format on */

static void origins_are_compared_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        if (push__same_origin(origins[i].a, origins[i].b) != origins[i].same) {
            fail_msg("%s and %s", origins[i].a, origins[i].b);
        }
    }
}

/* ---- how often ---- */

static struct push_limit limit;
static const struct rate five_a_minute = {.count = 5, .per_ms = MS_MINUTE};

static void one_client_has_so_much_and_gets_it_back(void **state)
{
    int64_t now = MS_DAY;

    (void)state;
    push__limit_init(&limit);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(push__limit_take(&limit, "203.0.113.1", five_a_minute, now), 0);
    }
    assert_in_range(push__limit_take(&limit, "203.0.113.1", five_a_minute, now), 11000, 12001);
    assert_int_equal(push__limit_take(&limit, "203.0.113.2", five_a_minute, now), 0);
    assert_true(push__limit_take(&limit, "203.0.113.1", five_a_minute, now + 11 * MS_SECOND) >
                0);
    assert_int_equal(push__limit_take(&limit, "203.0.113.1", five_a_minute, now + 12001), 0);
    assert_true(push__limit_take(&limit, "203.0.113.1", five_a_minute, now + 12001) > 0);
    assert_int_equal(
        push__limit_take(&limit, "203.0.113.1", (struct rate){.count = 0}, now + 12001), 0);
}

static void all_together_have_so_much(void **state)
{
    int64_t now = MS_DAY;
    int good = 0;

    (void)state;
    push__limit_init(&limit);
    for (int i = 0; i < 10000; i++) {
        char peer[DOOR_PEER_BYTES];

        (void)snprintf(peer, sizeof peer, "10.%d.%d.1", i / 256, i % 256);
        good += push__limit_take(&limit, i % 2 ? peer : NULL, five_a_minute, now) == 0;
    }
    assert_int_equal(good, 4000);
    assert_true(push__limit_take(&limit, NULL, five_a_minute, now) > 0);
    assert_int_equal(push__limit_take(&limit, NULL, five_a_minute, now + MS_SECOND), 0);
}

/* ---- wishes ---- */

static struct topics *topics;
static struct channel_settings channel;
static char breaking_name[] = "breaking", sport_name[] = "sport", nature_name[] = "nature";
static struct pair all_topics[] = {
    {breaking_name, breaking_name}, {sport_name, sport_name}, {nature_name, nature_name}};
static char channel_name[] = "web";

static int set_up(void **state)
{
    (void)state;
    zone_use_directory(FIXTURES "/zones");
    topics = topics_new(NULL);
    topics_set(topics, "web", "breaking", 1);
    topics_set(topics, "web", "sport", 4);
    topics_set(topics, "other", "nature", 8);
    channel.name = channel_name;
    channel.audience.topics = (struct pairs){all_topics, 2};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    topics_free(topics);
    zone_forget();
    zone_use_directory(NULL);
    return mem_live_count() == 0 ? 0 : -1;
}

/* clang-format off */
static const struct {
    const char *given; bool good; int64_t topics; int from, to; const char *zone, *language;
} wishes[] = {
    {"{}", true, 1, 60, 120, NULL, NULL},
    {"{\"topics\": null}", true, MEMBER_TOPICS_ALL, 60, 120, NULL, NULL},
    {"{\"topics\": [\"sport\"], \"language\": \"pt-BR\"}", true, 4, 60, 120, NULL, "pt-BR"},
    {"{\"topics\": [\"sport\", \"breaking\", \"sport\"]}", true, 5, 60, 120, NULL, NULL},
    {"{\"quiet\": null, \"zone\": \"Europe/Berlin\"}", true, 1, 0, 0, "Europe/Berlin", NULL},
    {"{\"quiet\": {\"from\": \"22:00\", \"to\": \"07:30\"}, \"time_zone\": \"Asia/Kathmandu\"}", true, 1, 1320, 450, "Asia/Kathmandu", NULL},
    {"{\"zone\": \"../../etc/passwd\", \"language\": \"<script>\"}", true, 1, 60, 120, NULL, NULL},
    {"{\"zone\": 5, \"language\": 7}", true, 1, 60, 120, NULL, NULL},
    {"{\"topics\": []}", false, 0, 0, 0, NULL, NULL},
    {"{\"topics\": \"sport\"}", false, 0, 0, 0, NULL, NULL},
    {"{\"topics\": [\"nature\"]}", false, 0, 0, 0, NULL, NULL},
    {"{\"topics\": [\"sport\", 1]}", false, 0, 0, 0, NULL, NULL},
    {"{\"quiet\": {\"from\": \"24:00\", \"to\": \"07:30\"}}", false, 0, 0, 0, NULL, NULL},
    {"{\"quiet\": {\"from\": \"22:00\"}}", false, 0, 0, 0, NULL, NULL},
    {"{\"quiet\": {\"from\": \"22:60\", \"to\": \"07:30\"}}", false, 0, 0, 0, NULL, NULL},
    {"{\"quiet\": {\"from\": \"2200\", \"to\": \"07:30\"}}", false, 0, 0, 0, NULL, NULL},
    {"{\"quiet\": 5}", false, 0, 0, 0, NULL, NULL},
};
/* clang-format on */

static void same_text(const char *a, const char *b, const char *given)
{
    if ((a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0)) {
        fail_msg("%s: \"%s\", not \"%s\"", given, a ? a : "", b ? b : "");
    }
}

static void a_wish_changes_what_it_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct member_traits t = {.topics = 1, .quiet_from = 60, .quiet_to = 120};
        struct push_wish w;
        json_t *given = NULL;
        struct err why = {0};
        enum err_code rc;

        assert_int_equal(json_read(&given, wishes[i].given, strlen(wishes[i].given), 8, NULL),
                         ERR_NONE);
        rc = push_wish_read(&w, topics, &channel, given, &why);
        if ((rc == ERR_NONE) != wishes[i].good || (rc == ERR_NONE) != (why.text[0] == '\0')) {
            fail_msg("%s: %s", wishes[i].given, rc ? why.text : "good");
        }
        if (strstr(wishes[i].given, "nature")) {
            assert_string_equal(why.text,
                                "topics: \"nature\" is none of the channel's: breaking, sport");
        }
        if (!rc) {
            (void)push_wish_apply(&w, &t);
            assert_int_equal(t.topics, wishes[i].topics);
            assert_int_equal(t.quiet_from, wishes[i].from);
            assert_int_equal(t.quiet_to, wishes[i].to);
            same_text(w.zone, wishes[i].zone, wishes[i].given);
            same_text(w.language, wishes[i].language, wishes[i].given);
        }
        push_wish_done(&w);
        json_decref(given);
    }
}

static char cat_sport[] = "SPORT", cat_ball[] = "Football", tag_breaking[] = "breaking";

static void an_article_is_for_the_topics_it_has(void **state)
{
    char *sport[] = {cat_ball, cat_sport}, *breaking[] = {tag_breaking};
    struct article a = {.categories = {sport, 2}}, b = {.tags = {breaking, 1}};
    struct channel_settings none = {.name = channel_name};

    (void)state;
    assert_int_equal(topics_of_article(topics, &channel, &a, false), 4);
    assert_int_equal(topics_of_article(topics, &channel, &a, true), 5);
    assert_int_equal(topics_of_article(topics, &channel, &b, false),
                     0); /* a word is not enough */
    assert_int_equal(topics_of_article(topics, &channel, &b, true), 1);
    assert_int_equal(topics_of_article(topics, &none, &a, false), MEMBER_TOPICS_ALL);
    channel.audience.topics.count = 3; /* one that has no number yet is nobody's */
    assert_int_equal(topics_of_article(topics, &channel, &a, false), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_is_at_a_public_name),
        cmocka_unit_test(origins_are_compared_whole),
        cmocka_unit_test(one_client_has_so_much_and_gets_it_back),
        cmocka_unit_test(all_together_have_so_much),
        cmocka_unit_test_setup_teardown(a_wish_changes_what_it_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_article_is_for_the_topics_it_has, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
