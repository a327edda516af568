/* base/url: parts, encodings, the identifying form, parameters. Addresses have test_base_url_address.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/url.h"

static void add_part(struct buf *out, const char *text, size_t len)
{
    buf_addc(out, '|');
    if (text == NULL) {
        buf_adds(out, "-");
    } else {
        buf_add(out, text, len);
    }
}

/* "scheme|host|port|path|query|fragment", '-' for what is absent. */
static void parts_text(struct buf *out, const struct url_parts *p)
{
    buf_add(out, p->scheme, p->scheme_len);
    add_part(out, p->host, p->host_len);
    buf_addf(out, "|%d", p->port);
    add_part(out, p->path, p->path_len);
    add_part(out, p->query, p->query_len);
    add_part(out, p->fragment, p->fragment_len);
    buf_adds(out, p->has_userinfo ? "|user" : "");
}

static void takes_urls_apart(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *parts; } rows[] = {
        {"https://news.example", "https|news.example|0||-|-"},
        {"https://news.example/", "https|news.example|0|/|-|-"},
        {"HTTP://News.Example:8080/a/b?x=1&y#top", "HTTP|News.Example|8080|/a/b|x=1&y|top"},
        {"http://news.example?q", "http|news.example|0||q|-"},
        {"http://news.example#f?x", "http|news.example|0||-|f?x"},
        {"http://news.example/?", "http|news.example|0|/||-"},
        {"http://u:p@news.example/", "http|news.example|0|/|-|-|user"},
        {"http://192.0.2.1:1/", "http|192.0.2.1|1|/|-|-"},
        {"http://[2001:db8::1]/", "http|[2001:db8::1]|0|/|-|-"},
        {"http://[::ffff:192.0.2.1]:65535/", "http|[::ffff:192.0.2.1]|65535|/|-|-"},
        {"http://localhost", "http|localhost|0||-|-"},
        {"http://a.example./", "http|a.example.|0|/|-|-"},
        {"http://a_b.example/", "http|a_b.example|0|/|-|-"},
        {"https://zeitung.example/über/日本", "https|zeitung.example|0|/über/日本|-|-"},
        {"https://bücher.example/", "https|bücher.example|0|/|-|-"},
        {"https://a.example/x@y:z", "https|a.example|0|/x@y:z|-|-"},
        {"https://a.example:/x", "https|a.example|0|/x|-|-"},
        {"https://a.example/a|b{c}", "https|a.example|0|/a|b{c}|-|-"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url_parts p;
        struct buf text;

        buf_init(&text, 1000);
        if (!url_parse(&p, rows[i].url)) {
            fail_msg("refused %s", rows[i].url);
        }
        parts_text(&text, &p);
        assert_string_equal(buf_str(&text), rows[i].parts);
        buf_done(&text);
    }
}

static void refuses_what_is_no_absolute_http_url(void **state)
{
    static const char *const rows[] = {"",
                                       "news.example",
                                       "//news.example/",
                                       "/path",
                                       "ftp://news.example/",
                                       "javascript:alert(1)",
                                       "https:/news.example/",
                                       "https:news.example",
                                       "https://",
                                       "https:///path",
                                       "https://?q",
                                       "https://:80/",
                                       "https://user@/",
                                       "https://a@b@c.example/",
                                       "https://news.example:0/",
                                       "https://news.example:65536/",
                                       "https://news.example:99999999999/",
                                       "https://news.example:8a/",
                                       "https://news.example:-1/",
                                       "https://news..example/",
                                       "https://.example/",
                                       "https://./",
                                       "https://news.exa mple/",
                                       "https://news.example/a b",
                                       "https://news.example/\n",
                                       " https://news.example/",
                                       "https://news.example/\x7f",
                                       "https://news.example/\"x",
                                       "https://news.example/<x>",
                                       "https://news.example\\@evil.example/",
                                       "https://news.example/%",
                                       "https://news.example/%4",
                                       "https://news.example/%zz",
                                       "https://news%2eexample/",
                                       "https://news.example/\xff",
                                       "https://news.example/\xc0\xaf",
                                       "https://[::1/",
                                       "https://[]/",
                                       "https://[1.2.3.4]/",
                                       "https://[::1]x/",
                                       "https://[fe80::1%25eth0]/",
                                       "https://[:::]/",
                                       "https://::1/",
                                       "https://exa$mple/",
                                       "https://exa(mple)/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url_parts p;

        if (url_parse(&p, rows[i])) {
            fail_msg("accepted \"%s\"", rows[i]);
        }
    }
    struct url_parts p;
    assert_false(url_parse(&p, NULL));
}

static void bounds_host_names(void **state)
{
    /* clang-format off */
    static const struct { size_t label, labels; bool ok; } rows[] = {
        {63, 1, true}, {64, 1, false}, {49, 5, true}, {50, 5, false}, {1, 126, true}, {1, 127, true},
        {1, 128, false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url_parts p;
        struct buf url;

        buf_init(&url, 1000);
        buf_adds(&url, "http://");
        for (size_t j = 0; j < rows[i].labels; j++) {
            buf_adds(&url, j > 0 ? "." : "");
            for (size_t k = 0; k < rows[i].label; k++) {
                buf_addc(&url, 'a');
            }
        }
        if (rows[i].label == 50) {
            assert_int_equal(url.len - 7, 254);
        }
        assert_int_equal(url_parse(&p, buf_str(&url)), rows[i].ok);
        buf_done(&url);
    }
}

static void identifies_an_article_by_one_form(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *identity; } rows[] = {
        {"https://news.example", "https://news.example/"},
        {"http://news.example/", "https://news.example/"},
        {"HTTP://NEWS.example:80/A/b", "https://news.example/A/b"},
        {"https://news.example:443/a", "https://news.example/a"},
        {"https://news.example:8443/a", "https://news.example:8443/a"},
        {"https://news.example./a", "https://news.example/a"},
        {"https://user:secret@news.example/a", "https://news.example/a"},
        {"https://[2001:DB8::A]/a", "https://[2001:db8::a]/a"},
        {"https://news.example/a/", "https://news.example/a"},
        {"https://news.example/a///", "https://news.example/a"},
        {"https://news.example//", "https://news.example/"},
        {"https://news.example/a/#comments", "https://news.example/a"},
        {"https://news.example/#!/a", "https://news.example/"},
        {"https://news.example/a?", "https://news.example/a"},
        {"https://news.example/a/?id=7", "https://news.example/a?id=7"},
        {"https://news.example/?p=48211", "https://news.example/?p=48211"},
        {"https://news.example/%7euser/%2d%5F%2E", "https://news.example/~user/-_."},
        {"https://news.example/a%2fb%c3%bc", "https://news.example/a%2Fb%C3%BC"},
        {"https://news.example/aü", "https://news.example/a%C3%BC"},
        {"https://news.example/a|b", "https://news.example/a%7Cb"},
        {"https://news.example/a/./b/../c", "https://news.example/a/c"},
        {"https://news.example/../../a", "https://news.example/a"},
        {"https://news.example/a/%2e%2e/b", "https://news.example/b"},
        {"https://news.example/a/..", "https://news.example/"},
        {"https://news.example/a?utm_source=x&utm_medium=y", "https://news.example/a"},
        {"https://news.example/a?id=7&utm_source=x&page=2", "https://news.example/a?id=7&page=2"},
        {"https://news.example/a?UTM_Source=x&b", "https://news.example/a?b"},
        {"https://news.example/a?utm%5Fsource=x", "https://news.example/a"},
        {"https://news.example/a?fbclid=1&gclid=2&dclid=3&msclkid=4&twclid=5&igshid=6&mc_cid=7&mc_eid=8&yclid=9&_hsenc=a&_hsmi=b&z=1",
         "https://news.example/a?z=1"},
        {"https://news.example/a?fbclidx=1&utm=2&gclid", "https://news.example/a?fbclidx=1&utm=2"},
        {"https://news.example/a?b=2&a=1&&b=2&", "https://news.example/a?b=2&a=1&b=2"},
        {"https://news.example/a?q=x+y%20z", "https://news.example/a?q=x+y%20z"},
        {"https://bücher.example/", "https://bücher.example/"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf once, twice;

        buf_init(&once, 1000);
        buf_init(&twice, 1000);
        assert_true(url_identity(&once, rows[i].url));
        assert_string_equal(buf_str(&once), rows[i].identity);
        assert_true(url_identity(&twice, buf_str(&once)));
        assert_string_equal(buf_str(&twice), rows[i].identity);
        buf_done(&once);
        buf_done(&twice);
    }
    struct buf out;
    buf_init(&out, 1000);
    assert_false(url_identity(&out, "mailto:desk@news.example"));
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

static void a_full_buffer_is_noticed(void **state)
{
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 40; max++) {
        buf_init(&out, max);
        (void)url_identity(&out, "http://news.example/a/../b%20c?d=e&f");
        assert_int_equal(buf_ok(&out), max >= strlen("https://news.example/b%20c?d=e&f"));
        buf_done(&out);
    }
}

static void encodes_and_decodes(void **state)
{
    /* clang-format off */
    static const struct { const char *plain, *encoded; } rows[] = {
        {"", ""}, {"AZaz09-._~", "AZaz09-._~"}, {"a b", "a%20b"}, {"a+b&c=d", "a%2Bb%26c%3Dd"},
        {"ü€😀", "%C3%BC%E2%82%AC%F0%9F%98%80"}, {"100%", "100%25"}, {"/?#[]@!$'()*,;:", "%2F%3F%23%5B%5D%40%21%24%27%28%29%2A%2C%3B%3A"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf encoded, decoded;

        buf_init(&encoded, 1000);
        buf_init(&decoded, 1000);
        url_encode(&encoded, rows[i].plain);
        assert_string_equal(buf_str(&encoded), rows[i].encoded);
        assert_true(url_decode(&decoded, buf_str(&encoded), encoded.len, false));
        assert_string_equal(buf_str(&decoded), rows[i].plain);
        buf_done(&encoded);
        buf_done(&decoded);
    }
}

static void decodes_as_told_or_not_at_all(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool plus, ok; const char *plain; } rows[] = {
        {"a+b%2B", true, true, "a b+"}, {"a+b%2b", false, true, "a+b+"}, {"%", false, false, ""},
        {"ab%2", false, false, ""}, {"ab%2g", false, false, ""}, {"%41%42", false, true, "AB"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 100);
        assert_int_equal(url_decode(&out, rows[i].text, strlen(rows[i].text), rows[i].plus),
                         rows[i].ok);
        assert_string_equal(buf_str(&out), rows[i].plain);
        buf_done(&out);
    }
}

static void finds_parameters(void **state)
{
    static const char query[] = "a=1&b=x+y%21&&c&d=&a=2&%65=e&bad=%zz&last=z";
    /* clang-format off */
    static const struct { const char *name, *value; } rows[] = {
        {"a", "1"}, {"b", "x y!"}, {"c", ""}, {"d", ""}, {"e", "e"}, {"last", "z"}, {"bad", NULL},
        {"A", NULL}, {"las", NULL}, {"", NULL}, {"x", NULL},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 100);
        bool found = url_query_get(&out, query, strlen(query), rows[i].name);
        assert_string_equal(found ? buf_str(&out) : "(none)",
                            rows[i].value != NULL ? rows[i].value : "(none)");
        buf_done(&out);
    }
}

static void adds_parameters(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *name, *value, *result; } rows[] = {
        {"https://a.example/", "x", "1", "https://a.example/?x=1"},
        {"https://a.example/?", "x", "1", "https://a.example/?x=1"},
        {"https://a.example/?y=2", "x", "1", "https://a.example/?y=2&x=1"},
        {"https://a.example/?y=2&", "x", "1", "https://a.example/?y=2&x=1"},
        {"https://a.example/#top", "x", "1", "https://a.example/?x=1#top"},
        {"https://a.example/?y#top", "x", "1", "https://a.example/?y&x=1#top"},
        {"https://a.example/#a?b", "x", "1", "https://a.example/?x=1#a?b"},
        {"https://a.example/?y=?", "x", "1", "https://a.example/?y=?&x=1"},
        {"https://a.example/?x=9", "x", "1", "https://a.example/?x=9"},
        {"https://a.example/?%78=9", "x", "1", "https://a.example/?%78=9"},
        {"https://a.example/?xx=9", "x", "1", "https://a.example/?xx=9&x=1"},
        {"https://a.example/", "a b", "c&d=é", "https://a.example/?a%20b=c%26d%3D%C3%A9"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf url;

        buf_init(&url, 1000);
        buf_adds(&url, rows[i].url);
        url_add_param(&url, rows[i].name, rows[i].value);
        assert_string_equal(buf_str(&url), rows[i].result);
        buf_done(&url);
    }
}

/* The "a" rows are those of RFC 3986 sections 5.4.1 and 5.4.2. */
static void resolves_references(void **state)
{
    static const char rfc[] = "http://a/b/c/d;p?q",
                      news[] = "https://news.example/2026/story?x=1#top";
    /* clang-format off */
    static const struct { const char *base, *ref, *whole; } rows[] = {
        {rfc, "g", "http://a/b/c/g"}, {rfc, "./g", "http://a/b/c/g"}, {rfc, "g/", "http://a/b/c/g/"},
        {rfc, "/g", "http://a/g"}, {rfc, "//g", "http://g"}, {rfc, "?y", "http://a/b/c/d;p?y"},
        {rfc, "g?y", "http://a/b/c/g?y"}, {rfc, "#s", "http://a/b/c/d;p?q#s"},
        {rfc, "g#s", "http://a/b/c/g#s"}, {rfc, "g?y#s", "http://a/b/c/g?y#s"},
        {rfc, ";x", "http://a/b/c/;x"}, {rfc, "g;x?y#s", "http://a/b/c/g;x?y#s"},
        {rfc, "", "http://a/b/c/d;p?q"}, {rfc, ".", "http://a/b/c/"}, {rfc, "./", "http://a/b/c/"},
        {rfc, "..", "http://a/b/"}, {rfc, "../", "http://a/b/"}, {rfc, "../g", "http://a/b/g"},
        {rfc, "../..", "http://a/"}, {rfc, "../../g", "http://a/g"}, {rfc, "../../../g", "http://a/g"},
        {rfc, "/./g", "http://a/g"}, {rfc, "/../g", "http://a/g"}, {rfc, "g.", "http://a/b/c/g."},
        {rfc, "..g", "http://a/b/c/..g"}, {rfc, "./../g", "http://a/b/g"}, {rfc, "./g/.", "http://a/b/c/g/"},
        {rfc, "g/./h", "http://a/b/c/g/h"}, {rfc, "g/../h", "http://a/b/c/h"},
        {rfc, "g?y/../x", "http://a/b/c/g?y/../x"},
        {news, "img/a b.jpg", "https://news.example/2026/img/a%20b.jpg"},
        {news, " \n/i/1.jpg\t", "https://news.example/i/1.jpg"},
        {news, "/i/100%.jpg", "https://news.example/i/100%25.jpg"},
        {news, "//cdn.example/x", "https://cdn.example/x"},
        {news, "HTTP://Other.example/x", "HTTP://Other.example/x"},
        {news, "/über", "https://news.example/über"},
        {"https://news.example", "a/b:c", "https://news.example/a/b:c"},
        {"https://news.example:8443", "?x", "https://news.example:8443?x"},
        {"", "https://a.example/x", "https://a.example/x"},
        {news, "mailto:desk@news.example", NULL}, {news, "javascript:alert(1)", NULL},
        {news, "data:text/html,x", NULL}, {news, "https://", NULL}, {"", "/x", NULL},
        {news, "//[::1", NULL}, {news, "\\\\evil.example\\x", NULL},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 200);
        buf_adds(&out, "=");
        bool good = url_resolve(&out, rows[i].base, rows[i].ref);
        if (good != (rows[i].whole != NULL) ||
            strcmp(buf_str(&out) + 1, good ? rows[i].whole : "") != 0) {
            fail_msg("%s on %s gives %s", rows[i].ref, rows[i].base, buf_str(&out));
        }
        buf_done(&out);
    }
}

/* Stays the last one. */
static void what_crawlers_read_is_ascii(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *ascii; } rows[] = {
        {"https://news.example/a", "https://news.example/a"},
        {"HTTPS://News.Example/A?B=C#D", "https://news.example/A?B=C#D"},
        {"https://news.example/über?q=é&r=%C3%A9", "https://news.example/%C3%BCber?q=%C3%A9&r=%C3%A9"},
        {"https://news.example/a|b{c}", "https://news.example/a%7Cb%7Bc%7D"},
        {"https://news.example", "https://news.example"},
        {"https://münchen.example/a", NULL},
        {"/a", NULL}, {"ftp://news.example/a", NULL}, {"", NULL},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        assert_int_equal(url_ascii(&out, rows[i].url), rows[i].ascii != NULL);
        assert_string_equal(buf_str(&out), rows[i].ascii != NULL ? rows[i].ascii : "");
        buf_done(&out);
    }
}

static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_crawlers_read_is_ascii),
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(refuses_what_is_no_absolute_http_url),
        cmocka_unit_test(bounds_host_names),
        cmocka_unit_test(identifies_an_article_by_one_form),
        cmocka_unit_test(a_full_buffer_is_noticed),
        cmocka_unit_test(encodes_and_decodes),
        cmocka_unit_test(decodes_as_told_or_not_at_all),
        cmocka_unit_test(finds_parameters),
        cmocka_unit_test(adds_parameters),
        cmocka_unit_test(resolves_references),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
