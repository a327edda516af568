/* sources/page: what pages say, in the forms of tests/fixtures/pages, and what headers add. */

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
#include "sources/page.h"

#define URL "https://news.example/a/1"

static void load(struct buf *out, const char *name, const char *ending)
{
    char path[256], piece[4096];
    size_t n;

    (void)snprintf(path, sizeof path, FIXTURES "/pages/%s.%s", name, ending);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
        return;
    }
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_add(out, piece, n);
    }
    (void)fclose(f);
}

static void read_text(struct page_facts *out, const char *html)
{
    page_read(out, &(struct page_input){.bytes = html, .len = strlen(html), .url = URL});
}

static void reads_pages_of_the_wild(void **state)
{
    static const struct {
        const char *name, *url, *type;
    } rows[] = {
        {"good", URL, "text/html; charset=utf-8"},
        {"two-plugins", URL, NULL},
        {"double-encoded", URL, NULL},
        {"noindex", URL, NULL},
        {"amp", "https://news.example/amp/a/1.html", "text/html; charset=windows-1252"},
        {"windows-1252", URL, "text/html"},
        {"windows-1251", URL, "text/html; charset=\"windows-1251\""},
        {"graph", URL, NULL},
        {"broken", URL, NULL},
        {"advertisement", URL, NULL},
        {"login", URL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct page_facts facts;
        struct buf page, json, wanted;
        json_t *is = NULL, *should = NULL;

        buf_init(&page, PAGE_BYTES);
        buf_init(&json, PAGE_BYTES);
        buf_init(&wanted, PAGE_BYTES);
        load(&page, rows[i].name, "html");
        load(&wanted, rows[i].name, "json");
        page_read(&facts,
                  &(struct page_input){.bytes = page.data,
                                       .len = page.len,
                                       .url = rows[i].url,
                                       .content_type = rows[i].type});
        page_write(&json, &facts);
        assert_int_equal(json_read(&is, buf_str(&json), json.len, 8, NULL), 0);
        assert_int_equal(json_read(&should, buf_str(&wanted), wanted.len, 8, NULL), 0);
        if (!json_equal(is, should)) {
            fail_msg("%s: %s", rows[i].name, buf_str(&json));
        }
        json_decref(is);
        json_decref(should);
        page_facts_done(&facts);
        buf_done(&page);
        buf_done(&json);
        buf_done(&wanted);
    }
}

static void tells_what_a_card_needs(void **state)
{
    /* clang-format off */
    static const struct { const char *html; bool title, image, password, amp, live; } rows[] = {
        {"<meta property='og:title' content='A'><meta property='og:image' content='/i.jpg'>", true, true, false, false, false},
        {"<meta name='og:title' content='A'><meta name='og:image:url' content='/i.jpg'>", true, true, false, false, false},
        {"<title>A</title><meta name='twitter:image' content='/i.jpg'>", false, false, false, false, false},
        {"<meta property='og:title' content=' '><meta property='og:image' content=''>", false, false, false, false, false},
        {"<meta property='og:image' content='javascript:x'>", false, false, false, false, false},
        {"<title>Sign in</title><input type=password>", false, false, true, false, false},
        {"<meta property='og:title' content='A'><input type=password>", true, false, false, false, false},
        {"<meta property='og:title' content='Protected: A'><input name=post_password type=password>", true, false, true, false, false},
        {"<html amp><title>A</title>", false, false, false, true, false},
        {"<script type='application/ld+json'>{\"@type\":\"LiveBlogPosting\"}</script>", false, false, false, false, true},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct page_facts f;

        read_text(&f, rows[i].html);
        if (f.has_og_title != rows[i].title || f.has_og_image != rows[i].image ||
            f.password != rows[i].password || f.is_amp != rows[i].amp ||
            f.live != rows[i].live) {
            fail_msg("%s", rows[i].html);
        }
        page_facts_done(&f);
    }
}

static void headers_say_the_same(void **state)
{
    char first[] = "</a/2>; title=\"x, y; z\"; rel=\"shortlink canonical\", "
                   "<https://hub.example/>; rel=hub",
         second[] = "<https://news.example/a/1>;rel=self;type=text/html";
    char robots[] = "googlebot: noindex", all[] = "nofollow, NOINDEX",
         later[] = "unavailable_after: 25 Jun 2027 15:00:00 PST";
    char *links[] = {first, second}, *tags[] = {robots, later, all};
    const struct strings link_headers = {links, 2};
    struct page_input in = {.bytes = "<title>A</title>", .len = 16, .url = URL};
    struct page_facts f;

    (void)state;
    in.link_headers = &link_headers;
    for (size_t count = 0; count <= 3; count++) {
        const struct strings robots_headers = {tags, count};

        in.robots_headers = &robots_headers;
        page_read(&f, &in);
        assert_string_equal(f.canonical, "https://news.example/a/2");
        assert_string_equal(page_address(&f), "https://news.example/a/2");
        assert_int_equal(f.link_count, 2);
        assert_string_equal(f.links[0].rel, "hub");
        assert_string_equal(f.links[0].href, "https://hub.example/");
        assert_string_equal(f.links[1].rel, "self");
        assert_string_equal(f.links[1].type, "text/html");
        assert_int_equal(f.noindex, count == 3);
        page_facts_done(&f);
    }
}

static void reads_link_headers(void **state)
{
    /* clang-format off */
    static const struct { const char *header, *is; } rows[] = {
        {"", ""},
        {"<a>", "a:"},
        {"<a>; rel=b", "a:b"},
        {" , <a> ; rel = \"b c\" ; rel=d,<e>;REL=f", "a:b c|e:f"},
        {"garbage, <a>; rel=b", "a:b"},
        {"<a; rel=b", ""},
        {"<a>; rel=\"b", "a:b"},
        {"<a>; title=\"q\\\", <x>; rel=y\"; rel=b", "a:b"},
        {"<a>;;; rel=b nonsense, <c>; rel=d", "a:b|c:d"},
        {"<>; rel=b", ":b"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct link_value v;
        struct buf out;
        size_t pos = 0;

        buf_init(&out, 1000);
        while (link_header_next(rows[i].header, &pos, &v)) {
            buf_adds(&out, out.len > 0 ? "|" : "");
            buf_add(&out, v.href, v.href_len);
            buf_addc(&out, ':');
            buf_add(&out, v.rel ? v.rel : "", v.rel_len);
        }
        if (strcmp(buf_str(&out), rows[i].is) != 0) {
            fail_msg("%s gives %s", rows[i].header, buf_str(&out));
        }
        buf_done(&out);
    }
}

/* A language is a tag or not told. */
static void tidies_languages(void **state)
{
    static const struct {
        const char *given, *is;
    } rows[] = {
        {"en", "en"},
        {"pt_BR", "pt-BR"},
        {" de-AT ", "de-AT"},
        {"zh-Hant-TW", "zh-Hant-TW"},
        {"e", NULL},
        {"en-", NULL},
        {"-en", NULL},
        {"englishlanguage", NULL},
        {"12", NULL},
        {"*", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct page_facts f;
        char html[64];

        (void)snprintf(html, sizeof html, "<html lang=\"%s\">", rows[i].given);
        read_text(&f, html);
        if ((f.language == NULL) != (rows[i].is == NULL) ||
            (f.language && strcmp(f.language, rows[i].is) != 0)) {
            fail_msg("%s gives %s", rows[i].given, f.language ? f.language : "nothing");
        }
        page_facts_done(&f);
    }
}

static void add_many(struct buf *out, const char *text, size_t bytes)
{
    while (out->len + strlen(text) <= bytes) {
        buf_adds(out, text);
    }
}

/* Nested deep, with ends that match nothing: the work for each end grows with the depth. */
static void a_hostile_page_takes_bounded_time(void **state)
{
    static const char *const rows[] = {
        "<b>",
        "<a b=",
        "<!--",
        "<meta property='og:image' content='/x'>",
        "&amp;",
        "<title>",
        "<script type='application/ld+json'>[[[[",
        "<meta property='article:tag' content='a,b'>",
        "<input type=password></x>",
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct page_facts f;
        struct buf page;

        buf_init(&page, 4 * PAGE_BYTES);
        add_many(&page, rows[i], PAGE_BYTES / 2);
        add_many(&page, "</x>", 2 * PAGE_BYTES);
        page_read(&f, &(struct page_input){.bytes = page.data, .len = page.len, .url = URL});
        assert_true(f.image_count <= PAGE_IMAGES_MAX);
        page_facts_done(&f);
        buf_done(&page);
    }
}

/* What the bound on bytes cuts off in the middle of a character is still UTF-8. */
static void a_page_may_be_cut_anywhere(void **state)
{
    static const char html[] = "<html lang=de><title>Überfälle</title><p>ÄÖÜ";

    (void)state;
    for (size_t len = 0; len <= sizeof html - 1; len++) {
        struct page_facts f;

        page_read(&f, &(struct page_input){.bytes = html, .len = len, .url = URL});
        if (len >= 40) {
            assert_string_equal(f.title, "Überfälle");
        }
        page_facts_done(&f);
    }
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
        cmocka_unit_test(reads_pages_of_the_wild),
        cmocka_unit_test(tells_what_a_card_needs),
        cmocka_unit_test(headers_say_the_same),
        cmocka_unit_test(reads_link_headers),
        cmocka_unit_test(tidies_languages),
        cmocka_unit_test(a_hostile_page_takes_bounded_time),
        cmocka_unit_test(a_page_may_be_cut_anywhere),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
