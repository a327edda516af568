/* sources/feed: every feed of tests/fixtures/feeds gives what stands in the file .expected beside it:
 * in one push, byte by byte, and in pieces of odd sizes. Articles are shown as article_from_json() reads
 * them. UPDATE_EXPECTED=1 in the environment writes those files anew, to be looked at. */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/article.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sources/feed.h"

#define NOW_MS INT64_C(1790056800000) /* 2026-09-22T06:00:00Z */
#define FILE_BYTES ((size_t)4 * 1024 * 1024)

/* Those that need more than their bytes. */
static const struct {
    const char *name, *content_type;
    int zone_minutes;
} calls[] = {
    {"charset-header-only.xml", "application/rss+xml; charset=windows-1251", 0},
    {"charset-header-default.xml", "text/xml; charset=ISO-8859-1", 0},
    {"charset-koi8-r.xml", "text/xml; charset=utf-8", 0},
    {"charset-utf-8-called-latin1.xml", "text/xml; charset=\"iso-8859-1\"", 0},
    {"dates-no-zone.xml", "text/html", 120},
    {"rss-2.0.xml", "text/plain; charset=us-ascii", 0},
};

static struct feed_call call_of(const char *name)
{
    struct feed_call call = {
        .content_type = "application/rss+xml",
        .url = "https://news.example/feeds/all.xml",
        .now_ms = NOW_MS,
    };

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(calls[i].name, name) == 0) {
            call.content_type = calls[i].content_type;
            call.zone_minutes = calls[i].zone_minutes;
        }
    }
    return call;
}

/* ---- as text ---- */

static void set_time_of(json_t *object, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_BYTES];

    if (at_ms != 0) {
        json_set_str(object, key, time_rfc3339(at_ms, text));
    }
}

static void set_true(json_t *object, const char *key, bool value)
{
    if (value) {
        (void)json_object_set_new(object, key, json_true());
    }
}

static void set_number(json_t *object, const char *key, int64_t value)
{
    if (value != 0) {
        (void)json_object_set_new(object, key, json_integer(value));
    }
}

static void set_strings(json_t *object, const char *key, const struct strings *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->count; i++) {
        (void)json_array_append_new(list, json_string(s->v[i]));
    }
    if (s->count > 0) {
        (void)json_object_set(object, key, list);
    }
    json_decref(list);
}

/* Read as the doors read it, and written again. What lacks a title or a URL is lent one. */
static json_t *canonical(const json_t *given)
{
    json_t *whole = json_copy(json_pointer(given, "")), *read = NULL;
    struct article *article = NULL;
    struct article_faults faults;
    struct err why;
    struct buf text;

    if (!json_object_get(whole, "title")) {
        json_set_str(whole, "title", "(lent)");
    }
    if (!json_object_get(whole, "url")) {
        json_set_str(whole, "url", "https://lent.example/");
    }
    if (article_from_json(&article, whole, NOW_MS, &faults, &why) != 0) {
        fail_msg("the article is refused: %s", why.text);
    }
    buf_init(&text, FILE_BYTES);
    article_write(&text, article);
    assert_int_equal(json_read(&read, buf_str(&text), text.len, 8, &why), 0);
    buf_done(&text);
    article_unref(article);
    json_decref(whole);
    return read;
}

static json_t *item_json(const struct feed_item *item)
{
    json_t *v = json_object();

    json_set_str(v, "key", item->key);
    json_set_str(v, "event", source_event_name(item->event.kind));
    json_set_str(v, "guid", item->event.guid);
    json_set_str(v, "url", item->event.url);
    set_strings(v, "urls", &item->event.urls);
    set_time_of(v, "published_at", item->published_at_ms);
    set_time_of(v, "updated_at", item->updated_at_ms);
    set_true(v, "future", item->future);
    set_true(v, "unreadable_date", item->unreadable_date);
    if (item->event.article) {
        (void)json_object_set_new(v, "article", canonical(item->event.article));
    }
    return v;
}

static json_t *feed_json(const struct feed *feed)
{
    json_t *v = json_object(), *items = json_array(), *more = json_array();

    json_set_str(v, "format", feed_format_name(feed->format));
    json_set_str(v, "charset", feed->charset);
    json_set_str(v, "damage", feed->damage);
    set_true(v, "complete", feed->complete);
    json_set_str(v, "title", feed->title);
    json_set_str(v, "language", feed->language);
    json_set_str(v, "link", feed->link);
    json_set_str(v, "self", feed->self);
    json_set_str(v, "next", feed->next);
    set_strings(v, "hubs", &feed->hubs);
    set_number(v, "ttl_ms", feed->ttl_ms);
    set_number(v, "update_ms", feed->update_ms);
    set_time_of(v, "updated_at", feed->updated_at_ms);
    set_true(v, "expired", feed->expired);
    set_number(v, "left_out", (int64_t)feed->left_out);
    for (size_t i = 0; i < feed->count; i++) {
        (void)json_array_append_new(items, item_json(&feed->items[i]));
    }
    for (size_t i = 0; i < feed->more_count; i++) {
        json_t *one = json_object();

        json_set_str(one, "url", feed->more[i].url);
        set_time_of(one, "updated_at", feed->more[i].updated_at_ms);
        (void)json_array_append_new(more, one);
    }
    (void)json_object_set_new(v, "items", items);
    if (json_array_size(more) > 0) {
        (void)json_object_set(v, "more", more);
    }
    json_decref(more);
    return v;
}

static void read_feed(const char *name, const struct buf *bytes, size_t piece, struct buf *out)
{
    struct feed_call call = call_of(name);
    struct feed_reader *r = feed_reader_new(&call);
    struct feed feed;
    struct err why = {.code = ERR_NONE};
    enum err_code rc = ERR_NONE;

    for (size_t at = 0; at < bytes->len && !rc; at += piece) {
        size_t left = bytes->len - at;

        rc = feed_reader_push(r, bytes->data + at, left < piece ? left : piece, &why);
    }
    rc = feed_reader_finish(r, &feed, &why);
    if (rc) {
        buf_addf(out, "%s: %s", err_name(rc), why.text);
    } else {
        json_t *v = feed_json(&feed);

        json_write_pretty(out, v);
        json_decref(v);
        feed_done(&feed);
    }
    buf_addc(out, '\n');
    feed_reader_free(r);
}

/* ---- fixtures ---- */

static bool load(const char *name, const char *ending, struct buf *out)
{
    char *path = mem_printf("%s/feeds/%s%s", FIXTURES, name, ending), block[4096];
    FILE *file = fopen(path, "rb");
    size_t n;

    mem_free(path);
    while (file && (n = fread(block, 1, sizeof block, file)) > 0) {
        buf_add(out, block, n);
    }
    if (file) {
        (void)fclose(file);
    }
    return file != NULL;
}

static void store(const char *name, const struct buf *text)
{
    char *path = mem_printf("%s/feeds/%s.expected", FIXTURES, name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
    assert_int_equal(fclose(file), 0);
    mem_free(path);
}

static void check_fixture(const char *name)
{
    static const size_t pieces[] = {FILE_BYTES, 1, 7, 1000};
    struct buf bytes, expected, got;

    buf_init(&bytes, FILE_BYTES);
    buf_init(&expected, FILE_BYTES);
    buf_init(&got, FILE_BYTES);
    assert_true(load(name, "", &bytes));
    if (getenv("UPDATE_EXPECTED")) {
        read_feed(name, &bytes, FILE_BYTES, &got);
        store(name, &got);
    }
    if (!load(name, ".expected", &expected)) {
        fail_msg("%s.expected is missing", name);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        buf_clear(&got);
        read_feed(name, &bytes, pieces[i], &got);
        if (strcmp(buf_str(&got), buf_str(&expected)) != 0) {
            fail_msg("%s, in pieces of %zu, gives\n%s\nexpected\n%s",
                     name,
                     pieces[i],
                     buf_str(&got),
                     buf_str(&expected));
        }
    }
    buf_done(&bytes);
    buf_done(&expected);
    buf_done(&got);
}

static int is_fixture(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return entry->d_name[0] != '.' &&
           (len < 9 || strcmp(entry->d_name + len - 9, ".expected") != 0);
}

static void fixtures_give_what_is_expected(void **state)
{
    struct dirent **entries = NULL;
    int count = scandir(FIXTURES "/feeds", &entries, is_fixture, alphasort);

    (void)state;
    assert_true(count > 50);
    for (int i = 0; i < count; i++) {
        check_fixture(entries[i]->d_name);
        free(entries[i]); /* libc's */
    }
    free(entries); /* libc's */
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixtures_give_what_is_expected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
