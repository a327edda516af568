/* Share links: the address and parameters of every working target, and what becomes of awkward
 * titles and URLs on the way. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "service/share.h"

#define PLAIN "https://news.example/a"
/* The article's URL inside a parameter, tagged for a target: encoded once as a whole. */
#define IN(target)                                                                             \
    "https%3A%2F%2Fnews.example%2Fa%3Futm_source%3D" target                                    \
    "%26utm_medium%3Dsocial%26utm_campaign%3Dshare-button"
#define TAGGED(target)                                                                         \
    PLAIN "?utm_source=" target "&utm_medium=social&utm_campaign=share-button"

static struct site_settings site;
static struct share_targets *targets;

static int load(void **state)
{
    struct err why;

    (void)state;
    site.name = mem_strdup("Example News");
    return (int)share_targets_load(&targets, &why);
}

static int unload(void **state)
{
    (void)state;
    share_targets_free(targets);
    mem_free(site.name);
    return mem_live_count() == 0 ? 0 : -1;
}

static char *link_for(const char *target, const struct share_facts *facts)
{
    struct buf out;
    struct err why;
    char *text;

    buf_init(&out, 100000);
    if (share_link(targets, target, facts, &out, &why)) {
        fail_msg("%s: %s", target, why.text);
    }
    text = buf_detach(&out, NULL);
    buf_done(&out);
    return text;
}

static const struct {
    const char *target, *link;
} links[] = {
    {"facebook",
     "https://www.facebook.com/sharer/sharer.php?u=" IN("facebook") "&hashtag=%23World"},
    {"x", "https://x.com/intent/post?text=Two%20words&url=" IN("x") "&hashtags=World%2CTop"},
    {"threads",
     "https://www.threads.com/intent/post?text=Two%20words&url=" IN("threads") "&tag=World"},
    {"bluesky", "https://bsky.app/intent/compose?text=Two%20words%0A" IN("bluesky")},
    {"linkedin", "https://www.linkedin.com/sharing/share-offsite/?url=" IN("linkedin")},
    {"whatsapp", "https://wa.me/?text=Two%20words%20" IN("whatsapp")},
    {"telegram", "https://t.me/share/url?url=" IN("telegram") "&text=Two%20words"},
    {"line", "https://social-plugins.line.me/lineit/share?url=" IN("line") "&text=Two%20words"},
    {"sms", "sms:?body=Two%20words%20" IN("sms")},
    {"email", "mailto:?subject=Two%20words&body=Longer%20text%0D%0A%0D%0A" IN("email")},
    {"reddit", "https://www.reddit.com/submit?url=" IN("reddit") "&title=Two%20words"},
    {"hackernews",
     "https://news.ycombinator.com/submitlink?u=" IN("hackernews") "&t=Two%20words"},
    {"lobsters", "https://lobste.rs/stories/new?url=" IN("lobsters") "&title=Two%20words"},
    {"pinterest",
     "https://www.pinterest.com/pin/create/button/?url=" IN(
         "pinterest") "&media=https%3A%2F%2Fnews.example%2Fi.jpg&description=Two%20words"},
    {"tumblr",
     "https://www.tumblr.com/widgets/share/tool?posttype=link&canonicalUrl=" IN(
         "tumblr") "&content=" IN("tumblr") "&title=Two%20words&caption=Longer%20text&tags="
                                            "World%2CTop"},
    {"flipboard",
     "https://share.flipboard.com/bookmarklet/popout?v=2&title=Two%20words&url=" IN(
         "flipboard")},
    {"instapaper",
     "https://www.instapaper.com/hello2?url=" IN(
         "instapaper") "&title=Two%20words&description=Longer%20text"},
    {"raindrop", "https://app.raindrop.io/add?link=" IN("raindrop") "&title=Two%20words"},
    {"teams", "https://teams.microsoft.com/share?href=" IN("teams") "&msgText=Two%20words"},
    {"vk",
     "https://vk.com/share.php?url=" IN("vk") "&title=Two%20words&image=https%3A%2F%2Fnews."
                                              "example%2Fi.jpg&comment=Longer%20text"},
    {"odnoklassniki",
     "https://connect.ok.ru/offer?url=" IN(
         "odnoklassniki") "&title=Two%20words&imageUrl=https%3A%2F%2Fnews.example%2Fi.jpg"
                          "&description=Longer%20text"},
    {"weibo",
     "https://service.weibo.com/share/share.php?url=" IN(
         "weibo") "&title=Two%20words&pic=https%3A%2F%2Fnews.example%2Fi.jpg"},
    {"native", TAGGED("native")},
    {"copy", TAGGED("copy")},
    {"qr", TAGGED("qr")},
    {"print", TAGGED("print")},
};

static void every_working_target_has_its_link(void **state)
{
    static const char *const tags[] = {"#World", "Top", "2026"};
    const struct share_facts facts = {.url = PLAIN,
                                      .title = "Two words",
                                      .text = "Longer text",
                                      .image = "https://news.example/i.jpg",
                                      .hashtags = tags,
                                      .hashtag_count = 3,
                                      .site = &site};
    json_t *list = share_links(targets, &facts);

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char *got = link_for(links[i].target, &facts);

        assert_string_equal(got, links[i].link);
        mem_free(got);
    }
    /* The list holds these and no others: those that need an app id or a server name are left
     * out. */
    assert_int_equal(json_array_size(list), sizeof links / sizeof links[0]);
    assert_int_equal(share_target_count(targets), json_array_size(list));
    assert_string_equal(json_path_str(json_array_get(list, 0), "id"), "native");
    assert_string_equal(json_path_str(json_array_get(list, 0), "render"), "native");
    assert_string_equal(json_path_str(json_array_get(list, 2), "id"), "whatsapp");
    assert_string_equal(json_path_str(json_array_get(list, 2), "category"), "messaging");
    assert_null(json_path_str(json_array_get(list, 2), "render"));
    json_decref(list);
}

static void values_are_encoded_once_as_a_whole(void **state)
{
    static const struct {
        const char *sentence, *target, *url, *title, *link;
    } rows[] = {
        {"what would end a parameter",
         "reddit",
         PLAIN,
         "R&D: 50% off #1 + \"a\"?",
         "https://www.reddit.com/submit?url=" IN(
             "reddit") "&title=R%26D%3A%2050%25%20off%20%231%20%2B%20%22a%22%3F"},
        {"Chinese",
         "telegram",
         PLAIN,
         "突发新闻",
         "https://t.me/share/url?url=" IN(
             "telegram") "&text=%E7%AA%81%E5%8F%91%E6%96%B0%E9%97%BB"},
        {"emoji",
         "whatsapp",
         PLAIN,
         "🚨 now",
         "https://wa.me/?text=%F0%9F%9A%A8%20now%20" IN("whatsapp")},
        {"white space folds to one blank",
         "reddit",
         PLAIN,
         " Two \n\t words ",
         "https://www.reddit.com/submit?url=" IN("reddit") "&title=Two%20words"},
        {"an escape in the URL is escaped again",
         "linkedin",
         "https://news.example/caf%C3%A9",
         "x",
         "https://www.linkedin.com/sharing/share-offsite/"
         "?url=https%3A%2F%2Fnews.example%2Fcaf%25C3%25A9%3Futm_source%3Dlinkedin%26utm_medium%"
         "3Dsocial%26utm_campaign%3Dshare-button"},
        {"tags go before the fragment and beside a query",
         "linkedin",
         "https://news.example/a?id=7#top",
         "x",
         "https://www.linkedin.com/sharing/share-offsite/"
         "?url=https%3A%2F%2Fnews.example%2Fa%3Fid%3D7%26utm_source%3Dlinkedin%26utm_medium%"
         "3Dsocial%"
         "26utm_campaign%3Dshare-button%23top"},
        {"a URL that is tagged stays as it is",
         "linkedin",
         "https://news.example/a?utm_campaign=x",
         "x",
         "https://www.linkedin.com/sharing/share-offsite/"
         "?url=https%3A%2F%2Fnews.example%2Fa%3Futm_campaign%3Dx"},
        {"no title, no parameter",
         "reddit",
         PLAIN,
         NULL,
         "https://www.reddit.com/submit?url=" IN("reddit")},
        {"no title, no blank before the link",
         "whatsapp",
         PLAIN,
         NULL,
         "https://wa.me/?text=" IN("whatsapp")},
        {"no text, no empty lines in a mail",
         "email",
         PLAIN,
         "T",
         "mailto:?subject=T&body=" IN("email")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct share_facts facts = {
            .url = rows[i].url, .title = rows[i].title, .site = &site};
        char *got = link_for(rows[i].target, &facts);

        if (strcmp(got, rows[i].link) != 0) {
            fail_msg("%s:\n%s\nnot\n%s", rows[i].sentence, got, rows[i].link);
        }
        mem_free(got);
    }
}

static void long_titles_are_cut_and_the_url_never_is(void **state)
{
    static char title[9001], text[9001];
    const struct share_facts facts = {
        .url = PLAIN, .title = title, .text = text, .site = &site};

    (void)state;
    for (size_t i = 0; i < 9000; i++) {
        title[i] = "word of 9 "[i % 10];
        text[i] = "\xe7\xaa\x81\xe7\xaa\x81\xe7\xaa\x81 "[i % 10];
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char *got = link_for(links[i].target, &facts), whole[400];

        (void)snprintf(whole, sizeof whole, "utm_source%%3D%s%%26utm_medium", links[i].target);
        assert_true(strlen(got) <= 2000);
        if (strstr(got, whole) == NULL && strcmp(got, links[i].link) != 0) {
            fail_msg("%s lost its URL: %s", links[i].target, got);
        }
        mem_free(got);
    }
}

static size_t decoded_graphemes(const char *from, const char *to)
{
    size_t n = 0;

    for (const char *at = from; at < to; at++, n++) {
        if (*at == '%') {
            at += 2; /* one byte; the case uses ASCII but for the ellipsis of three */
        }
    }
    return n;
}

static void a_post_with_its_link_stays_within_the_platforms_limit(void **state)
{
    static char title[1001];
    const struct share_facts facts = {.url = PLAIN, .title = title, .site = &site};
    char *got;

    (void)state;
    memset(title, 'a', 1000);
    for (size_t i = 9; i < 1000; i += 10) {
        title[i] = ' ';
    }
    got = link_for("bluesky", &facts); /* 300 grapheme clusters, the link among them */
    assert_in_range(decoded_graphemes(strstr(got, "text=") + 5, got + strlen(got)), 280, 302);
    mem_free(got);
    got = link_for("x", &facts); /* 280, of which the link is 23 and a blank */
    assert_in_range(
        decoded_graphemes(strstr(got, "text=") + 5, strstr(got, "&url=")), 240, 258);
    mem_free(got);
    got = link_for("hackernews", &facts); /* the title alone: 80 */
    assert_in_range(decoded_graphemes(strstr(got, "&t=") + 3, got + strlen(got)), 65, 82);
    mem_free(got);
}

static void what_is_no_target_is_not_found(void **state)
{
    static const char *const rows[] = {"", "nobody", "pocket", "mastodon", "messenger", "../x"};
    const struct share_facts facts = {.url = PLAIN, .site = &site};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        struct err why;

        buf_init(&out, 1000);
        assert_int_equal(share_link(targets, rows[i], &facts, &out, &why), ERR_NOT_FOUND);
        assert_int_equal(out.len, 0);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_working_target_has_its_link),
        cmocka_unit_test(values_are_encoded_once_as_a_whole),
        cmocka_unit_test(long_titles_are_cut_and_the_url_never_is),
        cmocka_unit_test(a_post_with_its_link_stays_within_the_platforms_limit),
        cmocka_unit_test(what_is_no_target_is_not_found),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
