/* telegram_text.c: Telegram's HTML, escaped and measured. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/telegram_internal.h"
#include "base/attr.h"
#include "base/mem.h"

static void markup_is_stripped_as_telegram_does(void **state)
{
    static const struct {
        const char *html, *plain;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"<b>bold</b> text", "bold text"},
        {"<a href=\"https://a.example/?x=1&amp;y=2\">link</a>", "link"},
        {"&lt;b&gt; &amp; &quot;q&quot;", "<b> & \"q\""},
        {"&#65;&#x42;&#x1F30A;&#233;&#8364;", "AB🌊é€"},
        {"a < b", "a < b"},
        {"a <", "a <"},
        {"a <b", "a <b"}, /* no end: no tag */
        {"1<2>3", "1<2>3"},
        {"</b>", ""},
        {"&apos; &nbsp; & &;", "&apos; &nbsp; & &;"}, /* names it does not know stay */
        {"&#0; &#xD800; &#x110000; &#; &#x; &#x1G;",
         "&#0; &#xD800; &#x110000; &#; &#x; &#x1G;"},
        {"&lt", "&lt"},
        {"&amp;lt;", "&lt;"}, /* once only */
    };
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        telegram__strip(&out, rows[i].html, strlen(rows[i].html));
        assert_string_equal(buf_str(&out), rows[i].plain);
    }
    buf_done(&out);
}

static void escaping_and_stripping_give_the_text_back(void **state)
{
    static const char *const texts[] = {
        "", "plain", "<b>&amp;</b>", "\"quotes\" & 'more'", "a<b>c&#65;d", "🌊 & é < ü"};
    struct buf html, plain;

    (void)state;
    buf_init(&html, 1024);
    buf_init(&plain, 1024);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_clear(&html);
        buf_clear(&plain);
        telegram__escape(&html, texts[i], strlen(texts[i]));
        telegram__strip(&plain, buf_str(&html), html.len);
        assert_string_equal(buf_str(&plain), texts[i]);
    }
    buf_done(&html);
    buf_done(&plain);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_is_stripped_as_telegram_does),
        cmocka_unit_test(escaping_and_stripping_give_the_text_back),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
