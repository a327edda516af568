/* service/page_fill and service/complete_event: what a page adds, to an article and to an event. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/complete_event.h"
#include "service/intake_event.h"
#include "service/page_fill.h"

#define URL "https://news.example/a/1"

static void fills_what_an_article_lacks(void **state)
{
    /* clang-format off */
    static const struct { const char *article, *page, *is; } rows[] = {
        {"{'url':'https://a.example/1','title':'T'}",
         "{'url':'https://a.example/1','canonical':'https://a.example/x','title':'Other','summary':'S & <b>','language':'de',"
         "'images':[{'url':'https://a.example/i.jpg','alt':'A','width':1200,'height':630}],'authors':['J'],'tags':['x'],'type':'NewsArticle'}",
         "{'url':'https://a.example/1','title':'T','summary':'S & <b>','language':'de','authors':['J'],"
         "'images':[{'url':'https://a.example/i.jpg','alt':'A','width':1200,'height':630}]}"},
        {"{'url':'https://a.example/1','title':'T','summary':'Own','language':'en','authors':['K'],'images':[{'url':'https://a.example/o.jpg'}]}",
         "{'url':'https://a.example/1','title':'O','summary':'S','language':'de','authors':['J'],'images':[{'url':'https://a.example/i.jpg','alt':'A'}]}",
         "{'url':'https://a.example/1','title':'T','summary':'Own','language':'en','authors':['K'],'images':[{'url':'https://a.example/o.jpg'}]}"},
        {"{'url':'https://a.example/1','title':'T','images':[{'url':'https://a.example/o.jpg'},{'url':'https://a.example/i.jpg'}]}",
         "{'url':'https://a.example/1','images':[{'url':'https://a.example/i.jpg','alt':'A','width':3,'height':2}]}",
         "{'url':'https://a.example/1','title':'T','images':[{'url':'https://a.example/o.jpg'},{'url':'https://a.example/i.jpg','alt':'A','width':3,'height':2}]}"},
        {"{'url':'https://a.example/1','title':'T'}", "{'summary':'S'}", "{'url':'https://a.example/1','title':'T'}"},
        {"{'url':'https://a.example/1','title':'T'}", "garbage", "{'url':'https://a.example/1','title':'T'}"},
        {"{'url':'https://a.example/1','title':'T'}", NULL, "{'url':'https://a.example/1','title':'T'}"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char article[1000], page[1000], is[1000];
        char *const texts[] = {article, page, is};
        const char *const given[] = {rows[i].article, rows[i].page, rows[i].is};
        struct article *a = NULL;
        struct buf out;

        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            (void)snprintf(texts[t], 1000, "%s", given[t] ? given[t] : "");
            for (char *c = texts[t]; *c; c++) {
                *c = *c == '\'' ? '"' : *c;
            }
        }
        assert_int_equal(article_restore(&a, article, strlen(article), NULL), 0);
        page_fill_article(a, given[1] ? page : NULL);
        buf_init(&out, 4096);
        article_write(&out, a);
        json_t *got = json_loads(buf_str(&out), 0, NULL), *wanted = json_loads(is, 0, NULL);
        if (!json_equal(got, wanted)) {
            fail_msg("row %zu: %s", i, buf_str(&out));
        }
        json_decref(got);
        json_decref(wanted);
        buf_done(&out);
        article_unref(a);
    }
}

static void read_page(struct page_facts *out, const char *html)
{
    page_read(out, &(struct page_input){.bytes = html, .len = strlen(html), .url = URL});
}

/* What a page shows as text is text, also when it looks like markup. */
static void a_thin_event_becomes_an_article(void **state)
{
    static const char html[] =
        "<html lang=en><meta property='og:title' content='If a &amp;lt; b &amp;amp;&amp;amp; "
        "c'>"
        "<meta property='og:description' content='Short'><meta property='article:section' "
        "content='Local'><meta property='article:modified_time' content='2026-09-22T05:52:30Z'>"
        "<script type='application/ld+json'>{\"@type\":\"NewsArticle\",\"correction\":\"The "
        "road\",\"keywords\":\"a,b\"}</script>";
    struct source_events events = {0};
    struct source_event *e = source_events_add(&events, EVENT_PUBLISHED);
    struct intake_content content = {0};
    struct page_facts facts;

    (void)state;
    e->id = mem_strdup("77");
    e->url = mem_strdup(URL);
    e->article = json_pack("{s:s, s:[s]}", "summary", "Own", "categories", "World");
    read_page(&facts, html);
    complete_event_fill(e, &facts);
    intake_event_read(&content, e, true, 0);
    if (content.rc) {
        fail_msg("%s", content.why.text);
    }
    assert_string_equal(content.article->title, "If a < b && c");
    assert_string_equal(content.article->summary, "Own");
    assert_string_equal(content.article->categories.v[0], "World");
    assert_string_equal(content.article->correction, "The road");
    assert_string_equal(content.article->language, "en");
    assert_int_equal(content.article->tags.count, 2);
    assert_true(content.article->updated_at_ms > 0);
    assert_string_equal(content.article->id, "77");
    intake_content_done(&content);
    page_facts_done(&facts);
    source_events_done(&events);
}

static void an_event_comes_back_from_the_inbox(void **state)
{
    struct source_events events = {0}, again = {0};
    struct source_event *e = source_events_add(&events, EVENT_CORRECTED), *back;
    struct buf first, second;
    struct err why;

    (void)state;
    e->id = mem_strdup("77");
    e->guid = mem_strdup("g");
    e->url = mem_strdup(URL);
    e->key = mem_strdup("k");
    e->at_ms = 1790000000000;
    e->article = json_pack("{s:s}", "summary", "S");
    e->urls.v = mem_calloc(1, sizeof(char *));
    e->urls.v[e->urls.count++] = mem_strdup("https://news.example/b");
    buf_init(&first, 4096);
    buf_init(&second, 4096);
    complete_event_write(&first, e);
    back = source_events_add(&again, EVENT_NOTHING);
    assert_int_equal(complete_event_read(back, buf_str(&first), &why), 0);
    assert_int_equal(back->kind, EVENT_CORRECTED);
    complete_event_write(&second, back);
    assert_string_equal(buf_str(&first), buf_str(&second));
    assert_true(complete_event_same(e, back));
    assert_int_equal(complete_event_read(back, "[]", &why), ERR_INVALID);
    assert_int_equal(complete_event_read(back, "{", &why), ERR_INVALID);
    buf_done(&first);
    buf_done(&second);
    source_events_done(&events);
    source_events_done(&again);
}

static void knows_events_of_one_article(void **state)
{
    static char one[] = "1", two[] = "2", url[] = URL, other[] = "http://news.example/a/1/#x",
                third[] = "https://news.example/a/2";
    const struct source_event a = {.id = one, .url = url}, b = {.id = one, .url = third},
                              c = {.id = two, .url = other}, d = {.id = two},
                              e = {.url = third};

    (void)state;
    assert_true(complete_event_same(&a, &b));
    assert_true(complete_event_same(&a, &c));
    assert_true(complete_event_same(&b, &e));
    assert_false(complete_event_same(&a, &d));
    assert_false(complete_event_same(&d, &e));
}

/* Stays the last one. */
static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_what_an_article_lacks),
        cmocka_unit_test(a_thin_event_becomes_an_article),
        cmocka_unit_test(an_event_comes_back_from_the_inbox),
        cmocka_unit_test(knows_events_of_one_article),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
