/* base/text_html: HTML to plain text, entities, escaping; and that hostile markup costs no
 * time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

static void html_becomes_plain_text(void **state)
{
    /* clang-format off */
    static const struct { const char *html, *plain; } rows[] = {
        {"", ""}, {"plain", "plain"}, {"  two \n words  ", "two words"},
        {"<b>bold</b> and <i>it</i>alic", "bold and italic"},
        {"<p>One.</p><p>Two.</p>", "One.\nTwo."},
        {"<p>One.</p>\n\n<p>Two.</p>\n", "One.\nTwo."},
        {"<h2>Head</h2>Text<div>Box</div>", "Head\nText\nBox"},
        {"<ul><li>a</li><li>b</li></ul>", "a\nb"},
        {"a<br>b<br/>c<br />d", "a\nb\nc\nd"}, {"a<br><br><br><br>b", "a\n\nb"},
        {"<P CLASS=x>Upper</P>case", "Upper\ncase"},
        {"<table><tr><td>1</td><td>2</td></tr></table>", "1\n2"},
        {"a<!-- hidden -->b", "ab"}, {"a<!-- <p> -- > -->b", "ab"}, {"a<!-->b", "ab"}, {"a<!-- no end", "a"},
        {"<!DOCTYPE html><html><head><title>No</title></head><body>Yes</body></html>", "Yes"},
        {"a<script>if (x < 1) { y(\"</p>\") }</script>b", "ab"},
        {"a<SCRIPT type='x'>x</Script >b", "ab"}, {"a<script>x</scripture>y</script>b", "ab"},
        {"a<style>p {}</style>b", "ab"}, {"a<script>never closed", "a"}, {"a<script src=x />b", "ab"},
        {"<a href=\"x>y\">link</a>", "link"}, {"<a title='>'>link</a>", "link"},
        {"<a href=\"no end>link</a> more", "link more"},
        {"if x < y and y > z", "if x < y and y > z"}, {"I <3 news", "I <3 news"}, {"a <b c", "a <b c"},
        {"1 < 2", "1 < 2"}, {"<", "<"}, {"<>", "<>"}, {"</>", "</>"}, {"a</p", "a</p"},
        {"x<?php echo ?>y", "xy"}, {"x<![CDATA[z]]>y", "xy"},
        {"Tom &amp; Ana &lt;3 &quot;x&quot; &apos;y&apos; &#39;z&#x27;", "Tom & Ana <3 \"x\" 'y' 'z'"},
        {"&Uuml;ber &euro; &hellip; &ndash; &mdash; &rsquo;", "Über € … – — ’"},
        {"&thetasym;&alefsym;&AElig;&zwnj;&zwj;&yuml;", "ϑℵÆ\u200c\u200dÿ"},
        {"a&nbsp;b", "a\u00a0b"}, {"&#8211;&#x2013;&#X2013;&#8211 x", "––––" " x"},
        {"&#150;&#x80;&#129;", "–€"},                 /* Windows-1252 by mistake */
        {"&#0;&#xD800;&#x110000;&#99999999999999;", "\ufffd\ufffd\ufffd\ufffd"},
        {"&#1;a&#9;b", "a b"}, {"&amp;lt;", "&lt;"}, {"&unknown; &; &# &#; &#x; & &amp", "&unknown; &; &# &#; &#x; & &amp"},
        {"&thisnameistoolong;", "&thisnameistoolong;"}, {"AT&T", "AT&T"},
        {"a\x01\x7f" "b\ufeff", "ab"}, {"\xff", "\ufffd"},
        {"한국 <b>日本</b> &copy;", "한국 日本 ©"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        text_from_html(&out, rows[i].html, strlen(rows[i].html));
        if (strcmp(buf_str(&out), rows[i].plain) != 0) {
            fail_msg("%s\n  gives    <%s>\n  expected <%s>",
                     rows[i].html,
                     buf_str(&out),
                     rows[i].plain);
        }
        buf_done(&out);
    }
}

static void escapes_for_html(void **state)
{
    static const char text[] = "<a href=\"x\">Tom & Ana's</a> ü\0y";
    static const char escaped[] =
        "&lt;a href=&quot;x&quot;&gt;Tom &amp; Ana&#39;s&lt;/a&gt; ü\0y";
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    text_escape_html(&out, text, sizeof text - 1);
    assert_int_equal(out.len, sizeof escaped - 1);
    assert_memory_equal(out.data, escaped, sizeof escaped);
    buf_clear(&out);
    text_escape_html(&out, "", 0);
    assert_string_equal(buf_str(&out), "");
    buf_done(&out);
}

static void hostile_markup_takes_linear_time(void **state)
{
    static const char *const pieces[] = {"<a \"",
                                         "<a",
                                         "<",
                                         "<!--",
                                         "<!-- -->",
                                         "<script>",
                                         "</",
                                         "<script></",
                                         "&#",
                                         "&amp",
                                         "<a '>",
                                         "<!",
                                         "<p>",
                                         "<br>",
                                         "<a href=\"x\">",
                                         "<style></styl",
                                         "&lt;",
                                         "\xff"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct buf html, out;
        int64_t before_ms = clock_mono_ms();

        buf_init(&html, 1 << 20);
        while (html.len < (1 << 20) - 20) {
            buf_adds(&html, pieces[i]);
        }
        buf_init(&out, 4 << 20);
        text_from_html(&out, html.data, html.len);
        assert_true(buf_ok(&out));
        assert_true(out.len <= 3 * html.len);
        assert_true(clock_mono_ms() - before_ms < 5000); /* quadratic would be minutes */
        buf_done(&html);
        buf_done(&out);
    }
}

static void a_full_buffer_ends_it(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 3);
    text_from_html(&out, "<p>abcdef</p>", 13);
    assert_false(buf_ok(&out));
    assert_string_equal(buf_str(&out), "abc");
    buf_done(&out);
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
        cmocka_unit_test(html_becomes_plain_text),
        cmocka_unit_test(escapes_for_html),
        cmocka_unit_test(hostile_markup_takes_linear_time),
        cmocka_unit_test(a_full_buffer_ends_it),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
