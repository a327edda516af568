/* sources/feed: nothing that a feed holds makes it take more than its limits, and what is within them is
 * still told; fingerprints tell what a reader sees. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sources/feed.h"

#define NOW_MS INT64_C(1790056800000) /* 2026-09-22T06:00:00Z */

/* Reads text, in pieces as they may come. The code of the last push is out_pushed. */
static enum err_code read_text(const struct buf *text,
                               const struct feed_limits *limits,
                               struct feed *out,
                               enum err_code *out_pushed,
                               struct err *why)
{
    struct feed_call call = {
        .url = "https://news.example/feed", .now_ms = NOW_MS, .limits = *limits};
    struct feed_reader *r = feed_reader_new(&call);
    enum err_code rc = ERR_NONE;

    for (size_t at = 0; at < text->len && !rc; at += 1500) {
        rc = feed_reader_push(
            r, text->data + at, text->len - at < 1500 ? text->len - at : 1500, why);
    }
    *out_pushed = rc;
    rc = feed_reader_finish(r, out, why);
    feed_reader_free(r);
    return rc;
}

static struct feed read_whole(struct buf *text, const struct feed_limits *limits)
{
    struct feed feed;
    struct err why;
    enum err_code pushed;

    if (read_text(text, limits, &feed, &pushed, &why) != ERR_NONE) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(pushed, ERR_NONE);
    buf_done(text);
    return feed;
}

static void open_feed(struct buf *b)
{
    buf_init(b, (size_t)64 * 1024 * 1024);
    buf_adds(b, "<rss version=\"2.0\"><channel><title>Harbour News</title>");
}

static void close_feed(struct buf *b)
{
    buf_adds(b, "</channel></rss>");
}

static void add_item(struct buf *b, int n, int minutes_ago, const char *extra)
{
    char date[TIME_TEXT_BYTES];

    buf_addf(b,
             "<item>%s<title>Story %d</title><link>https://news.example/%d</link>"
             "<guid>g%d</guid><pubDate>%s</pubDate></item>",
             extra,
             n,
             n,
             n,
             time_http(NOW_MS - minutes_ago * MS_MINUTE, date));
}

static void the_newest_are_kept(void **state)
{
    struct feed_limits limits = {.max_items = 3};
    struct buf b;

    (void)state;
    open_feed(&b);
    for (int n = 0; n < 100; n++) { /* in no order: 0 7 14 … 98 5 12 … */
        int minutes = n * 7 % 100;

        add_item(&b, minutes, minutes, "");
    }
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 3);
    assert_int_equal(feed.left_out, 97);
    assert_true(feed.complete);
    assert_string_equal(feed.items[0].key, "g2");
    assert_string_equal(feed.items[1].key, "g1");
    assert_string_equal(feed.items[2].key, "g0");
    feed_done(&feed);
    assert_int_equal(mem_live_count(), 0);
}

static void without_dates_the_first_are_the_newest(void **state)
{
    struct feed_limits limits = {.max_items = 2};
    struct buf b;

    (void)state;
    open_feed(&b);
    for (int n = 0; n < 5; n++) {
        buf_addf(&b, "<item><title>Story %d</title><guid>g%d</guid></item>", n, n);
    }
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 2);
    assert_string_equal(feed.items[0].key, "g1");
    assert_string_equal(feed.items[1].key, "g0");
    feed_done(&feed);
}

static void all_items_together_have_a_size(void **state)
{
    struct feed_limits limits = {.max_kept_bytes = 64 * 1024};
    struct buf b, body;

    (void)state;
    buf_init(&body, 100000);
    buf_adds(&body, "<description>");
    for (int i = 0; i < 300; i++) {
        buf_adds(&body, "0123456789");
    }
    buf_adds(&body, "</description>");
    open_feed(&b);
    for (int n = 0; n < 500; n++) {
        add_item(&b, n, n, buf_str(&body));
    }
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_in_range(feed.count, 10, 20);
    assert_string_equal(feed.items[feed.count - 1].key, "g0");
    assert_int_equal(feed.left_out + feed.count, 500);
    feed_done(&feed);
    buf_done(&body);
}

static void what_stands_behind_a_long_text_is_told(void **state)
{
    struct feed_limits limits = {.max_item_bytes = 16 * 1024};
    struct buf b, body;

    (void)state;
    buf_init(&body, (size_t)1024 * 1024);
    buf_adds(&body, "<category>World</category><description>&lt;p&gt;");
    for (int i = 0; i < 50000; i++) {
        buf_adds(&body, "\xC3\xBC\xF0\x9F\x94\xA5"); /* a cut goes through one of them */
    }
    buf_adds(&body, "&lt;/p&gt;</description>");
    open_feed(&b);
    add_item(&b, 1, 1, buf_str(&body));
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 1);
    assert_string_equal(feed.items[0].key, "g1");
    assert_string_equal(feed.items[0].event.url, "https://news.example/1");
    assert_null(json_object_get(feed.items[0].event.article, "body"));
    assert_null(json_object_get(feed.items[0].event.article, "summary"));
    assert_int_equal(
        json_array_size(json_object_get(feed.items[0].event.article, "categories")), 1);
    feed_done(&feed);
    buf_done(&body);
}

static void past_its_size_a_feed_is_not_read(void **state)
{
    struct feed_limits limits = {.max_bytes = 10000};
    enum err_code pushed;
    struct err why;
    struct feed feed;
    struct buf b;

    (void)state;
    open_feed(&b);
    for (int n = 0; n < 1000; n++) {
        add_item(&b, n, n, "");
    }
    close_feed(&b);
    assert_int_equal(read_text(&b, &limits, &feed, &pushed, &why), ERR_NONE);
    assert_int_equal(pushed, ERR_TOO_BIG);
    assert_string_equal(why.text, "the feed is larger than 10000 bytes");
    assert_false(feed.complete);
    assert_string_equal(feed.damage, "cut short, larger than the limit");
    assert_in_range(feed.count, 60, 90);
    assert_string_equal(feed.items[feed.count - 1].key, "g0");
    feed_done(&feed);
    buf_done(&b);
}

static void as_large_as_the_limit_is_not_too_large(void **state)
{
    struct feed_limits limits = {.max_bytes = 0};
    struct buf b;

    (void)state;
    open_feed(&b);
    add_item(&b, 1, 1, "");
    close_feed(&b);
    limits.max_bytes = b.len;
    struct feed feed = read_whole(&b, &limits);

    assert_true(feed.complete);
    assert_null(feed.damage);
    feed_done(&feed);
}

static void items_of_json_are_bounded(void **state)
{
    struct feed_limits limits = {.max_item_bytes = 1000};
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    buf_adds(&b, "{\"version\":\"https://jsonfeed.org/version/1.1\",\"x\":\"");
    for (int i = 0; i < 2000; i++) { /* a member that nobody knows may be as large */
        buf_adds(&b, "x");
    }
    buf_adds(&b, "\",\"items\":[{\"id\":\"large\",\"title\":\"");
    for (int i = 0; i < 2000; i++) {
        buf_adds(&b, "x");
    }
    buf_adds(&b, "\"},{\"id\":\"small\",\"title\":\"Small\"}]}");
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 1);
    assert_string_equal(feed.items[0].key, "small");
    assert_string_equal(feed.damage, "1 items larger than the limit");
    feed_done(&feed);
}

static void of_an_index_the_newest_sitemaps_are_kept(void **state)
{
    struct feed_limits limits = {.max_items = 0};
    char date[TIME_TEXT_BYTES];
    struct buf b;

    (void)state;
    buf_init(&b, (size_t)1024 * 1024);
    buf_adds(&b, "<sitemapindex>");
    for (int n = 0; n < FEED_MORE_MAX + 200; n++) {
        buf_addf(
            &b,
            "<sitemap><loc>https://news.example/%d.xml</loc><lastmod>%s</lastmod></sitemap>",
            n,
            time_rfc3339(NOW_MS - (FEED_MORE_MAX + 200 - n) * MS_DAY, date));
    }
    buf_adds(&b, "</sitemapindex>");
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.more_count, FEED_MORE_MAX);
    assert_int_equal(feed.left_out, 200);
    assert_string_equal(feed.more[0].url, "https://news.example/200.xml");
    assert_string_equal(feed.more[FEED_MORE_MAX - 1].url, "https://news.example/1199.xml");
    feed_done(&feed);
}

/* libxml2 keeps each name for ever and slows down with them. */
static void a_flood_of_names_drowns_nothing(void **state)
{
    struct feed_limits limits = {.max_items = 0};
    struct buf b;

    (void)state;
    open_feed(&b);
    add_item(&b, 1, 1, "");
    for (int n = 0; n < 3000; n++) {
        buf_addf(&b, "<n%d a%d=\"\" xmlns:p%d=\"u\"/>", n, n, n);
    }
    add_item(&b, 2, 2, "");
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 2);
    assert_null(feed.damage);
    feed_done(&feed);
}

static void what_is_too_damaged_is_given_up(void **state)
{
    struct feed_limits limits = {.max_items = 0};
    struct buf b;

    (void)state;
    open_feed(&b);
    add_item(&b, 1, 1, "");
    buf_adds(&b, "<item><title>");
    for (int n = 0; n < 100001; n++) {
        buf_adds(&b, "& ");
    }
    buf_adds(&b, "</title></item>");
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);

    assert_int_equal(feed.count, 1);
    assert_false(feed.complete);
    assert_string_equal(feed.damage, "bare & characters, too damaged to be read to the end");
    feed_done(&feed);
}

/* libxml2 would keep a CDATA section until it ends, and refuse one of more than 10 MB. */
static void a_long_section_is_read_in_parts(void **state)
{
    struct feed_limits limits = {.max_items = 0};
    struct buf b;

    (void)state;
    open_feed(&b);
    buf_adds(&b, "<item><guid>1</guid><content:encoded><![CDATA[");
    for (int n = 0; n < 40000; n++) {
        buf_adds(&b, "]\xC3\xBC]>\xF0\x9F\x94\xA5<b>");
    }
    buf_adds(&b, "]]></content:encoded></item>");
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);
    const char *body = json_string_value(json_object_get(feed.items[0].event.article, "body"));

    assert_null(feed.damage);
    assert_non_null(body);
    assert_int_equal(strlen(body), 40000 * 12);
    for (size_t n = 0; n < 40000; n++) {
        assert_memory_equal(body + n * 12, "]\xC3\xBC]>\xF0\x9F\x94\xA5<b>", 12);
    }
    feed_done(&feed);
}

static uint64_t fingerprint(const char *item)
{
    struct feed_limits limits = {.max_items = 0};
    struct buf b;

    open_feed(&b);
    buf_addf(&b, "<item><guid>g</guid>%s</item>", item);
    close_feed(&b);
    struct feed feed = read_whole(&b, &limits);
    assert_int_equal(feed.count, 1);
    uint64_t value = feed.items[0].fingerprint;

    feed_done(&feed);
    return value;
}

static void fingerprints_tell_what_a_reader_sees(void **state)
{
    static const char story[] =
        "<title>Bridge closed</title><link>https://news.example/1</link>"
        "<description>Fire.</description>";
    static const struct {
        const char *item;
        bool same;
    } rows[] = {
        {"<title>Bridge closed</title><link>https://news.example/1</link>"
         "<description>&lt;p&gt;Fire.&lt;/p&gt;</description><pubDate>22 Sep 2026 05:00:00 "
         "GMT</pubDate>"
         "<content:encoded>All</content:encoded>",
         true},
        {"<title>Bridge open</title><link>https://news.example/1</link>"
         "<description>Fire.</description>",
         false},
        {"<title>Bridge closed</title><link>https://news.example/1</link>"
         "<description>Fire!</description>",
         false},
        {"<title>Bridge closed</title><link>https://news.example/2</link>"
         "<description>Fire.</description>",
         false},
        {"<title>Bridge closed</title><link>https://news.example/1</link>"
         "<description>Fire.</description><category>Breaking</category>",
         false},
        {"<title>Bridge closed</title><link>https://news.example/1</link>"
         "<description>Fire.</description><media:thumbnail url=\"/a.jpg\"/>",
         false},
    };

    (void)state;
    /* SHA-256 of the members as JSON: what is stored of it must hold across versions. */
    assert_true(fingerprint(story) == UINT64_C(0x9d7c5f3f093be27e));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if ((fingerprint(rows[i].item) == fingerprint(story)) != rows[i].same) {
            fail_msg("%s", rows[i].item);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(without_dates_the_first_are_the_newest),
        cmocka_unit_test(all_items_together_have_a_size),
        cmocka_unit_test(what_stands_behind_a_long_text_is_told),
        cmocka_unit_test(past_its_size_a_feed_is_not_read),
        cmocka_unit_test(as_large_as_the_limit_is_not_too_large),
        cmocka_unit_test(items_of_json_are_bounded),
        cmocka_unit_test(of_an_index_the_newest_sitemaps_are_kept),
        cmocka_unit_test(a_flood_of_names_drowns_nothing),
        cmocka_unit_test(what_is_too_damaged_is_given_up),
        cmocka_unit_test(a_long_section_is_read_in_parts),
        cmocka_unit_test(fingerprints_tell_what_a_reader_sees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
