/* slack_text.c: mrkdwn escaped; slack_post.c: webhooks by their address, messages by their names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/slack_internal.h"
#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"

#define B "\xe2\x80\x8b" /* the invisible blank */

static void what_means_something_is_escaped(void **state)
{
    static const struct {
        const char *text, *mrkdwn, *plain;
    } rows[] = {
        {"", "", ""},
        {"plain, [with] # (all) \\ of it!",
         "plain, [with] # (all) \\ of it!",
         "plain, [with] # (all) \\ of it!"},
        {"<!channel> & <@U1>",
         "&lt;!channel&gt; &amp; &lt;@U1&gt;",
         "&lt;!channel&gt; &amp; &lt;@U1&gt;"},
        {"&amp; &lt;", "&amp;amp; &amp;lt;", "&amp;amp; &amp;lt;"},
        {"*a* _b_ ~c~ `d`", "*" B "a* _" B "b_ ~" B "c~ `" B "d`", "*a* _b_ ~c~ `d`"},
        {"snake_case 3*4 ~5", "snake_case 3*4 ~" B "5", "snake_case 3*4 ~5"},
        {"(*a*)", "(*" B "a*)", "(*a*)"},
        {"日本*語*", "日本*語*", "日本*語*"},
        {"https://a.example/_x_?a=1&b=|2",
         "https://a.example/_x_?a=1&amp;b=%7C2",
         "https://a.example/_x_?a=1&amp;b=|2"},
        {"https://a.example/ *b*", "https://a.example/ *" B "b*", "https://a.example/ *b*"},
        {"a|b", "a|b", "a|b"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&out);
        slack__escape(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].mrkdwn);
        buf_clear(&out);
        text_escape_brackets(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].plain);
    }
    buf_done(&out);
}

static void a_webhook_is_known_by_its_address(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } rows[] = {
        {"https://hooks.slack.com/services/T0/B0/aB9", true},
        {"https://hooks.slack-gov.com/services/T0/B0/aB9", true},
        {"http://127.0.0.1:8080/services/T0/B0/x", true},
        {"https://hooks.slack.com/services/T0/B0/", false},
        {"https://hooks.slack.com/services/T0//x", false},
        {"https://hooks.slack.com/services/T0/B0/x/", false},
        {"https://hooks.slack.com/services/T0/B0/x-y", false},
        {"https://hooks.slack.com/services/T0/B0/x?a", false},
        {"https://hooks.slack.com/services/T0/B0/x#a", false},
        {"https://hooks.slack.com/servicesT0/B0/x", false},
        {"https://hooks.slack.com/triggers/T0/1/x", false},
        {"https://a@hooks.slack.com/services/T0/B0/x", false},
        {"https://hooks.slack.com", false},
        {"hooks.slack.com/services/T0/B0/x", false},
        {"", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slack__is_hook_url(rows[i].url) != rows[i].good) {
            fail_msg("%s", rows[i].url ? rows[i].url : "NULL");
        }
    }
}

static void a_message_is_known_by_its_id_or_its_link(void **state)
{
#define TS "1503435956.000247"
    static const struct {
        const char *remote_id, *link, *channel, *ts; /* channel NULL: they name none */
    } rows[] = {
        {"C012/" TS, NULL, "C012", TS},
        {"G012/" TS, NULL, "G012", TS},
        {NULL, "https://example.slack.com/archives/C012/p1503435956000247", "C012", TS},
        {NULL, "http://Example.Slack.com/archives/C012/p1503435956000247/", "C012", TS},
        {NULL,
         "https://a.enterprise.slack.com/archives/C012/"
         "p1503435956000247?thread_ts=1.2&cid=C012",
         "C012",
         TS},
        {"https://example.slack.com/archives/C012/p1503435956000247", NULL, "C012", TS},
        {"x", "https://example.slack.com/archives/C012/p1503435956000247", "C012", TS},
        {"C9Z/" TS, "https://example.slack.com/archives/C012/p1603435956000247", "C9Z", TS},
        {NULL, NULL, NULL, NULL},
        {"", "", NULL, NULL},
        {TS, NULL, NULL, NULL},
        {"/" TS, NULL, NULL, NULL},
        {"C012", NULL, NULL, NULL},
        {"C012/", NULL, NULL, NULL},
        {"c012/" TS, NULL, NULL, NULL},
        {"U012/" TS, NULL, NULL, NULL},
        {"C012/1503435956", NULL, NULL, NULL},
        {"C012/1503435956.00024", NULL, NULL, NULL},
        {"C012/1503435956.0002470", NULL, NULL, NULL},
        {"C012/150343595.000247", NULL, NULL, NULL},
        {"C012/1503435956x000247", NULL, NULL, NULL},
        {"C012/" TS "/1", NULL, NULL, NULL},
        {"C01234567890123456789012345678901234567890/" TS, NULL, NULL, NULL},
        {NULL, "https://example.slack.com/archives/C012", NULL, NULL},
        {NULL, "https://example.slack.com/archives/C012/p150343595600024", NULL, NULL},
        {NULL, "https://example.slack.com/archives/C012/1503435956000247", NULL, NULL},
        {NULL, "https://example.slack.com/archives/C012/p1503435956000247x", NULL, NULL},
        {NULL, "https://example.slack.com/archives/p1503435956000247", NULL, NULL},
        {NULL, "https://slack.com/archives/C012/p1503435956000247", NULL, NULL},
        {NULL, "https://evilslack.com/archives/C012/p1503435956000247", NULL, NULL},
        {NULL,
         "https://example.slack.com.evil.example/archives/C012/p1503435956000247",
         NULL,
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slack_post post = {.channel = ""};
        bool known = slack__post_read(&post, rows[i].remote_id, rows[i].link);

        if (known != (rows[i].channel != NULL) ||
            strcmp(post.channel, rows[i].channel ? rows[i].channel : "") != 0 ||
            strcmp(post.ts, rows[i].ts ? rows[i].ts : "") != 0) {
            fail_msg("row %zu: got \"%s\" \"%s\"", i, post.channel, post.ts);
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
        cmocka_unit_test(a_webhook_is_known_by_its_address),
        cmocka_unit_test(a_message_is_known_by_its_id_or_its_link),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
