/* The documents that are served: names, languages and XML that a parser takes, whatever an article
 * says; and when a crawler is told that it has one already. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <libxml/parser.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/outlet_http.h"

#define NOW INT64_C(1795000000000)

static void languages_are_those_of_news_sitemaps(void **state)
{
    /* clang-format off */
    static const struct { const char *given, *code; } rows[] = {
        {"de", "de"}, {"de-AT", "de"}, {"EN_us", "en"}, {"fil", "fil"}, {"zh", "zh-cn"}, {"zh-Hans", "zh-cn"},
        {"zh-CN", "zh-cn"}, {"zh-TW", "zh-tw"}, {"zh-Hant", "zh-tw"}, {"ZH-hk", "zh-tw"}, {"x", "und"},
        {"german", "und"}, {"", "und"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char code[OUTLET_LANGUAGE_BYTES];

        assert_string_equal(outlet_language(rows[i].given, code), rows[i].code);
    }
}

static void xml_gets_only_what_it_can_hold(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *xml; } rows[] = {
        {"a & b < c > d \" e ' f", "a &amp; b &lt; c &gt; d &quot; e &apos; f"},
        {"]]>", "]]&gt;"}, {"tab\tline\nend\r", "tab\tline\nend\r"}, {"a\x01" "b\x1f" "c\x08", "abc"},
        {"\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD", "\xEF\xBF\xBD"}, {"\xff" "a\xc3", "a"}, {"速報 😀", "速報 😀"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        outlet_escape_xml(rows[i].text, &out);
        assert_string_equal(buf_str(&out), rows[i].xml);
        buf_done(&out);
    }
}

/* Three of an article that says the worst, and one that is gone. */
static void fill(struct ledger_shown v[4], struct article *a)
{
    static char url[] = "https://news.example/a?b='&c=é", title[] = "]]> & <b>\x01\xEF\xBF\xBF";
    static char summary[] = "<script>&amp;\"'</script>", language[] = "de\"-AT",
                author[] = "J & <D>";
    static char far[] = "https://münchen.example/"; /* cannot be written: left out */
    static char *authors[] = {author};
    static struct article_image image = {.url = url, .alt = summary, .credit = author};

    a[0] = (struct article){.url = url,
                            .title = title,
                            .summary = summary,
                            .language = language,
                            .authors = {authors, 1},
                            .tags = {authors, 1},
                            .images = &image,
                            .image_count = 1};
    a[1] = (struct article){.url = url, .title = title};
    a[2] = (struct article){.url = far, .title = title};
    for (size_t i = 0; i < 4; i++) {
        v[i] = (struct ledger_shown){.article = {i + 1},
                                     .fresh = i < 3,
                                     .recent = i < 3,
                                     .gone = i == 3,
                                     .breaking = true,
                                     .created_at_ms = NOW,
                                     .published_at_ms = NOW,
                                     .updated_at_ms = NOW + 5000,
                                     .revision = 1 + (int64_t)(i == 0),
                                     .content = i < 3 ? &a[i] : NULL};
    }
}

static struct outlet_facts facts_of(const struct ledger_shown *v)
{
    return (struct outlet_facts){
        .name = "The <Example> & \"News\"",
        .language = "de",
        .site_url = "https://News.example/",
        .self = "https://push.news.example/news/feed.xml?a=1&b=2",
        .hubs = {"https://hub.example/?a&b"},
        .hub_count = 1,
        .v = v,
        .count = 4,
    };
}

static size_t count_of(const char *text, const char *needle)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, needle)) != NULL; at++) {
        count++;
    }
    return count;
}

static void documents_are_well_formed_whatever_an_article_says(void **state)
{
    struct ledger_shown v[4];
    struct article a[3];
    struct outlet_facts f;

    (void)state;
    fill(v, a);
    f = facts_of(v);
    for (int kind = OUTLET_SITEMAP; kind <= OUTLET_RSS; kind++) {
        struct buf out;
        xmlDocPtr doc;

        buf_init(&out, 1 << 20);
        outlet_write((enum outlet_kind)kind, &f, &out);
        doc = xmlReadMemory(buf_str(&out), (int)out.len, NULL, NULL, XML_PARSE_NONET);
        assert_non_null(doc);
        assert_int_equal(count_of(buf_str(&out), kind == OUTLET_RSS ? "<item>" : "<url>"), 2);
        assert_int_equal(count_of(buf_str(&out), "<at:deleted-entry"), kind == OUTLET_RSS);
        assert_null(strstr(buf_str(&out), "<script"));
        xmlFreeDoc(doc);
        buf_done(&out);
    }
}

static void a_json_feed_is_json(void **state)
{
    struct ledger_shown v[4];
    struct article a[3];
    struct outlet_facts f;
    json_t *feed = NULL, *item;
    struct buf out;

    (void)state;
    fill(v, a);
    f = facts_of(v);
    buf_init(&out, 1 << 20);
    outlet_write(OUTLET_JSON, &f, &out);
    assert_int_equal(json_read(&feed, buf_str(&out), out.len, 8, NULL), ERR_NONE);
    assert_string_equal(json_path_str(feed, "version"), "https://jsonfeed.org/version/1.1");
    assert_int_equal(json_array_size(json_object_get(feed, "items")), 2);
    item = json_array_get(json_object_get(feed, "items"), 0);
    assert_string_equal(json_path_str(item, "id"), "tag:news.example,2026:art_0000000000001");
    assert_string_equal(json_path_str(item, "content_text"), "<script>&amp;\"'</script>");
    assert_non_null(json_path_str(item, "date_modified"));
    item = json_array_get(json_object_get(feed, "items"), 1);
    assert_string_equal(json_path_str(item, "content_text"),
                        a[1].title); /* it must have text */
    assert_null(json_path_str(item, "date_modified"));
    json_decref(feed);
    buf_done(&out);
}

static void who_has_it_need_not_get_it(void **state)
{
    static const struct {
        const char *none_match, *since;
        int64_t now_ms;
        bool has_it;
    } rows[] = {
        {NULL, NULL, NOW + 5000, false},
        {"\"abc\"", NULL, NOW, true},
        {"W/\"abc\"", NULL, NOW, true},
        {"\"x\" , W/\"abc\"", NULL, NOW, true},
        {"\"x\",\"y\"", NULL, NOW, false},
        {"*", NULL, NOW, true},
        {"", NULL, NOW, false},
        {"\"ab\"", NULL, NOW, false},
        {"abc", NULL, NOW, false},
        {NULL, "Wed, 18 Nov 2026 11:06:40 GMT", NOW + 5000, true},
        {NULL, "Wed, 18 Nov 2026 11:06:39 GMT", NOW + 5000, false},
        {NULL, "Wed, 18 Nov 2026 11:06:40 GMT", NOW + 999, false}, /* it may change again */
        {NULL, "yesterday", NOW + 5000, false},
        {"\"x\"", "Wed, 18 Nov 2026 11:06:40 GMT", NOW + 5000, false},
    };
    const struct outlet_document d = {.etag = "\"abc\"", .changed_at_ms = NOW};
    char at[TIME_TEXT_BYTES];

    (void)state;
    assert_string_equal(time_http(NOW, at), "Wed, 18 Nov 2026 11:06:40 GMT");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (outlet_not_modified(&d, rows[i].none_match, rows[i].since, rows[i].now_ms) !=
            rows[i].has_it) {
            fail_msg("row %zu", i);
        }
    }
}

static void the_same_bytes_stay_as_old_as_they_are(void **state)
{
    struct outlet_document kept = {.bytes = NULL}, made = {.bytes = NULL};
    struct buf body;

    (void)state;
    for (int i = 0; i < 4; i++) {
        buf_init(&body, 100);
        buf_adds(&body, i < 2 ? "one" : i == 2 ? "two" : "one");
        outlet_document_take(&made, &body);
        buf_done(&body);
        outlet_document_replace(&kept, &made, NOW + i * 1000);
        assert_null(made.bytes);
        assert_int_equal(kept.changed_at_ms, NOW + (i < 2 ? 0 : i * 1000));
    }
    assert_int_equal(strlen(kept.etag), 34);
    outlet_document_done(&kept);
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_are_those_of_news_sitemaps),
        cmocka_unit_test(xml_gets_only_what_it_can_hold),
        cmocka_unit_test(documents_are_well_formed_whatever_an_article_says),
        cmocka_unit_test(a_json_feed_is_json),
        cmocka_unit_test(who_has_it_need_not_get_it),
        cmocka_unit_test(the_same_bytes_stay_as_old_as_they_are),
        cmocka_unit_test(nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
