/* discord_text.c: Markdown escaped; discord_post.c: webhooks by their address, messages by their names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/discord_internal.h"
#include "base/attr.h"
#include "base/mem.h"

static void what_means_something_is_escaped(void **state)
{
    static const struct {
        const char *text, *escaped;
    } rows[] = {
        {"", ""},
        {"plain, with (brackets) and 1. numbers!", "plain, with (brackets) and 1. numbers!"},
        {"*a* _b_ ~c~ `d` |e| \\", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\` \\|e\\| \\\\"},
        {"<@1> <t:1> a < b > c", "\\<@1\\> \\<t:1\\> a \\< b \\> c"},
        {"[x](https://a.example/b_c*d)", "\\[x\\](https://a.example/b_c*d)"},
        {"https://a.example/b_c", "https://a.example/b_c"},
        {"see https://a.example/b_c, *now*", "see https://a.example/b_c, \\*now\\*"},
        {"# head\n- item\n -# small\n+ more", "\\# head\n\\- item\n \\-# small\n\\+ more"},
        {"a #1 - b +c", "a #1 - b +c"},
        {"https://a.example/ # no head", "https://a.example/ # no head"},
        {"üñ 🌊 _日本_", "üñ 🌊 \\_日本\\_"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        discord__escape(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].escaped);
    }
    buf_done(&out);
}

static void a_colour_is_six_digits(void **state)
{
    static const char *const bad[] = {
        "", "#", "#12345", "#1234567", "123456", "#12345g", "red"};
    int64_t color = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(discord__read_color(bad[i], &color));
        assert_int_equal(color, 7);
    }
    assert_true(discord__read_color("#1A5fb4", &color));
    assert_int_equal(color, 0x1a5fb4);
    assert_true(discord__read_color("#000000", &color));
    assert_int_equal(color, 0);
}

static void a_webhook_is_known_by_its_address(void **state)
{
    static const struct {
        const char *url, *origin, *id, *token; /* id NULL: it is none */
    } rows[] = {
        {"https://discord.com/api/webhooks/12/ab-_C9", "https://discord.com", "12", "ab-_C9"},
        {"https://ptb.discord.com/api/v10/webhooks/12/a", "https://ptb.discord.com", "12", "a"},
        {"http://127.0.0.1:8080/api/webhooks/12/a", "http://127.0.0.1:8080", "12", "a"},
        {"https://discord.com/api/webhooks/12345678901234567890/a",
         "https://discord.com",
         "12345678901234567890",
         "a"},
        {"https://discord.com/api/webhooks/123456789012345678901/a", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/a/", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/a/github", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks//a", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/a%2Fb", NULL, NULL, NULL},
        {"https://discord.com/api/v/webhooks/12/a", NULL, NULL, NULL},
        {"https://discord.com/api/vx/webhooks/12/a", NULL, NULL, NULL},
        {"https://discord.com/webhooks/12/a", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/a?wait=true", NULL, NULL, NULL},
        {"https://discord.com/api/webhooks/12/a#b", NULL, NULL, NULL},
        {"https://me@discord.com/api/webhooks/12/a", NULL, NULL, NULL},
        {"https://discord.com", NULL, NULL, NULL},
        {"discord.com/api/webhooks/12/a", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
        {NULL, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct discord_hook h = {.id = NULL};
        bool known = discord__hook_read(&h, rows[i].url);

        if (known != (rows[i].id != NULL)) {
            fail_msg("%s", rows[i].url ? rows[i].url : "NULL");
        }
        if (known) {
            assert_int_equal(h.origin_len, strlen(rows[i].origin));
            assert_memory_equal(h.origin, rows[i].origin, h.origin_len);
            assert_int_equal(h.id_len, strlen(rows[i].id));
            assert_memory_equal(h.id, rows[i].id, h.id_len);
            assert_int_equal(h.token_len, strlen(rows[i].token));
            assert_memory_equal(h.token, rows[i].token, h.token_len);
        }
    }
}

static void a_message_is_known_by_its_id_or_its_link(void **state)
{
    static const struct {
        const char *remote_id, *link, *channel, *message; /* message NULL: they name none */
    } rows[] = {
        {"77", NULL, "", "77"},
        {"5/77", NULL, "5", "77"},
        {"18446744073709551615", NULL, "", "18446744073709551615"},
        {NULL, "https://discord.com/channels/1/5/77", "5", "77"},
        {NULL, "http://Discord.com/channels/1/5/77/", "5", "77"},
        {NULL, "https://canary.discord.com/channels/1/5/77?x#y", "5", "77"},
        {NULL, "https://discordapp.com/channels/1/5/77", "5", "77"},
        {"https://discord.com/channels/1/5/77", NULL, "5", "77"},
        {"77", "https://discord.com/channels/1/5/78", "", "77"},
        {"x", "https://discord.com/channels/1/5/78", "5", "78"},
        {NULL, NULL, NULL, NULL},
        {"", "", NULL, NULL},
        {"0", NULL, NULL, NULL},
        {"077", NULL, NULL, NULL},
        {"-7", NULL, NULL, NULL},
        {"7x", NULL, NULL, NULL},
        {"77/", NULL, NULL, NULL},
        {"/77", NULL, NULL, NULL},
        {"5/77/8", NULL, NULL, NULL},
        {"5/x", NULL, NULL, NULL},
        {"184467440737095516150", NULL, NULL, NULL},
        {NULL, "https://discord.com/channels/1/5", NULL, NULL},
        {NULL, "https://discord.com/channels/1/5/", NULL, NULL},
        {NULL, "https://discord.com/channels/1/5/77/8", NULL, NULL},
        {NULL, "https://discord.com/channels/@me/5/77", NULL, NULL},
        {NULL, "https://discord.com/5/77", NULL, NULL},
        {NULL, "https://discord.com.evil.example/channels/1/5/77", NULL, NULL},
        {NULL, "https://news.example/channels/1/5/77", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct discord_post post = {.channel = ""};
        bool known = discord__post_read(&post, rows[i].remote_id, rows[i].link);

        if (known != (rows[i].message != NULL) ||
            strcmp(post.message, rows[i].message ? rows[i].message : "") != 0 ||
            strcmp(post.channel, rows[i].channel ? rows[i].channel : "") != 0) {
            fail_msg("row %zu: got \"%s\" in \"%s\"", i, post.message, post.channel);
        }
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
        cmocka_unit_test(what_means_something_is_escaped),
        cmocka_unit_test(a_colour_is_six_digits),
        cmocka_unit_test(a_webhook_is_known_by_its_address),
        cmocka_unit_test(a_message_is_known_by_its_id_or_its_link),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
