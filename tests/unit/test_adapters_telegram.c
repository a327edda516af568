/* telegram_text.c: Telegram's HTML, escaped and measured; telegram_post.c: messages by their names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static void a_message_is_known_by_its_id_or_its_link(void **state)
{
    static const struct {
        const char *remote_id, *link, *chat; /* chat NULL: they name none */
        int64_t message_id;
    } rows[] = {
        {"-1001234567890/77", NULL, "-1001234567890", 77},
        {"@example/77", NULL, "@example", 77},
        {NULL, "https://t.me/example/77", "@example", 77},
        {NULL, "http://T.me/example/77/", "@example", 77},
        {NULL, "https://telegram.me/s/example/77?single#x", "@example", 77},
        {NULL, "https://t.me/example/4/77", "@example", 77},
        {NULL, "https://t.me/c/1234567890/77", "-1001234567890", 77},
        {NULL, "https://t.me/c/1234567890/4/77", "-1001234567890", 77},
        {"https://t.me/example/77", NULL, "@example", 77},
        {"77", "https://t.me/example/78", "@example", 78},
        {"@example/77", "https://t.me/other/78", "@example", 77},
        {NULL, NULL, NULL, 0},
        {"", "", NULL, 0},
        {"77", NULL, NULL, 0},
        {"/77", NULL, NULL, 0},
        {"0/77", NULL, NULL, 0},
        {"example/77", NULL, NULL, 0},
        {"@ex/77", NULL, NULL, 0},
        {"-100123/0", NULL, NULL, 0},
        {"-100123/-7", NULL, NULL, 0},
        {"-100123/7x", NULL, NULL, 0},
        {"-100123/99999999999999999999", NULL, NULL, 0},
        {NULL, "https://t.me/example", NULL, 0},
        {NULL, "https://t.me/example/77/x", NULL, 0},
        {NULL, "https://t.me/c/example/77", NULL, 0},
        {NULL, "https://t.me/c/77", NULL, 0},
        {NULL, "https://t.me/s/example/1/2/3", NULL, 0},
        {NULL, "https://t.me/joinchat/AAAAAE", NULL, 0},
        {NULL, "https://t.me", NULL, 0},
        {NULL, "https://t.me.evil.example/example/77", NULL, 0},
        {NULL, "https://news.example/example/77", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct telegram_post post = {.chat = ""};
        bool known = telegram__post_read(&post, rows[i].remote_id, rows[i].link);

        if (known != (rows[i].chat != NULL) ||
            strcmp(post.chat, rows[i].chat ? rows[i].chat : "") != 0 ||
            post.message_id != rows[i].message_id) {
            fail_msg("row %zu: got \"%s\" %lld", i, post.chat, (long long)post.message_id);
        }
    }
}

static void a_name_too_long_is_none(void **state)
{
    char name[400], link[500];
    struct telegram_post post;

    (void)state;
    for (size_t len = 60; len < 90; len++) {
        memset(name, 'a', len);
        name[len] = '\0';
        (void)snprintf(link, sizeof link, "https://t.me/%s/77", name);
        assert_int_equal(telegram__post_read(&post, NULL, link), len <= 64);
        (void)snprintf(link, sizeof link, "@%s/77", name);
        assert_int_equal(telegram__post_read(&post, link, NULL), len <= 64);
        memset(name, '1', len);
        (void)snprintf(link, sizeof link, "https://t.me/c/%s/77", name);
        assert_false(telegram__post_read(&post, NULL, link));
    }
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
        cmocka_unit_test(a_message_is_known_by_its_id_or_its_link),
        cmocka_unit_test(a_name_too_long_is_none),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
