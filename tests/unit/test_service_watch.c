/* The screen of `crier status --watch`, and a wave in words: every line fits the terminal, nothing steers it, and it
 * says what it should. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/cli_watch_draw.h"
#include "service/cli_wave_view.h"

static const char channels_text[] =
    "[{\"name\": \"telegram\", \"health\": \"ok\"}, {\"name\": \"mastodon\", \"health\": "
    "\"blocked\"},"
    " {\"name\": \"webpush\", \"health\": \"ok\", \"audience\": {\"active\": 1204300, "
    "\"gone\": 3201,"
    "  \"quarantined\": 120, \"prepared\": 980000, \"mode\": \"live\", \"canary\": {\"ok\": "
    "false, \"stage\": \"service\","
    "  \"detail\": \"https://fcm.googleapis.com: timeout\"}}}]";

static const char waves_text[] =
    "[{\"delivery\": \"dlv_4\", \"article\": \"d\", \"title\": \"Taken back\", \"channel\": "
    "\"webpush\", \"state\": \"done\","
    "  \"members\": 1000, \"accepted\": 400, \"skipped\": 600, \"halted\": true, \"by\": "
    "\"anna\","
    "  \"started_at\": \"2026-11-27T21:00:00.000Z\"},"
    " {\"delivery\": \"dlv_3\", \"article\": \"c\", \"title\": \"Waits\", \"channel\": "
    "\"webpush\", \"state\": \"again\","
    "  \"members\": 1204300, \"waits_for_word\": true, \"started_at\": "
    "\"2026-11-27T21:00:00.000Z\"},"
    " {\"delivery\": \"dlv_2\", \"article\": \"b\", \"title\": \"In a moment\", \"channel\": "
    "\"webpush\", \"state\": \"again\","
    "  \"members\": 1204300, \"go_at\": \"2026-11-27T21:00:21.500Z\", \"started_at\": "
    "\"2026-11-27T21:00:00.000Z\"},"
    " {\"delivery\": \"dlv_1\", \"article\": \"a\", \"title\": \"Harbour fire: three injured, "
    "ferries stopped, roads closed"
    " until the evening, says the mayor \\u001b[31mof the town\", \"channel\": \"webpush\", "
    "\"breaking\": true,"
    "  \"state\": \"in_flight\", \"members\": 1000000, \"accepted\": 780120, "
    "\"undeliverable\": 1203, \"refused\": 3,"
    "  \"again\": 812, \"unknown\": 2, \"started_at\": \"2026-11-27T21:00:00.000Z\", "
    "\"services\": ["
    "   {\"name\": \"fcm\", \"accepted\": 640112, \"retried\": 412, \"gone\": 900, "
    "\"refused\": 2, \"unknown\": 0,"
    "    \"ms\": {\"50\": 2130, \"90\": 5900, \"99\": 6900, \"100\": null}},"
    "   {\"name\": \"mozilla\", \"accepted\": 100004, \"retried\": 0, \"gone\": 301, "
    "\"refused\": 1, \"unknown\": 2,"
    "    \"ms\": {\"50\": 850, \"90\": 41000, \"99\": 200000, \"100\": 7260000}}]}]";

static json_t *read_json(const char *text)
{
    json_t *v = NULL;
    struct err why = {0};

    if (json_read(&v, text, strlen(text), 16, &why)) {
        fail_msg("%s", why.text);
    }
    return v;
}

static int64_t now(void)
{
    static const char text[] = "2026-11-27T21:00:10Z";
    int64_t at_ms = 0;

    assert_true(time_parse_rfc3339(text, strlen(text), &at_ms));
    return at_ms;
}

struct made {
    json_t *channels, *waves, *rates, *events;
    struct buf out;
};

static void make(struct made *m, size_t width, size_t height, bool utf8)
{
    struct watch_view v;

    buf_init(&m->out, 1 << 20);
    m->channels = read_json(channels_text);
    m->waves = read_json(waves_text);
    m->rates = json_pack("{s:i}", "dlv_1", 99120);
    m->events = json_pack("[s, s]", "21:00:01 telegram done", "21:00:02 mastodon blocked");
    v = (struct watch_view){.where = "http://127.0.0.1:8480",
                            .ready = true,
                            .channels = m->channels,
                            .waves = m->waves,
                            .rates = m->rates,
                            .events = m->events,
                            .width = width,
                            .height = height,
                            .utf8 = utf8,
                            .now_ms = now()};
    watch_draw(&m->out, &v);
    if (getenv("SHOW") != NULL) {
        (void)printf("%s", buf_str(&m->out));
    }
}

static void made_done(struct made *m)
{
    buf_done(&m->out);
    json_decref(m->channels);
    json_decref(m->waves);
    json_decref(m->rates);
    json_decref(m->events);
}

static void every_line_fits_and_the_screen_does_not_move(void **state)
{
    static const struct {
        size_t width, height;
    } rows[] = {{80, 40}, {80, 24}, {40, 24}, {120, 60}, {80, 3}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct made m;
        size_t lines = 0;
        char *text, *rest, *line;

        make(&m, rows[i].width, rows[i].height, true);
        assert_null(strchr(buf_str(&m.out), '\x1b'));
        rest = text = mem_strdup(buf_str(&m.out));
        while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
            if (text_columns(line, strlen(line)) > rows[i].width) {
                fail_msg("%zu columns: \"%s\"", rows[i].width, line);
            }
            lines++;
        }
        assert_true(lines <= rows[i].height + 1);
        mem_free(text);
        made_done(&m);
    }
}

static void says(const struct made *m, const char *words)
{
    if (strstr(buf_str(&m->out), words) == NULL) {
        fail_msg("\"%s\" is not in\n%s", words, buf_str(&m->out));
    }
}

static void it_says_how_each_wave_is_and_what_can_be_done(void **state)
{
    struct made m;

    (void)state;
    make(&m, 80, 60, false);
    says(&m, "2 of 3 channels ok, mastodon blocked");
    says(&m,
         "webpush  1,204,300 members, 980,000 prepared, 3,201 gone, 120 put aside\n"
         "  dry run failed at service: https://fcm.googleapis.com: timeout\n");
    says(&m, "running, 99,120/s, 2.2 s left");
    says(&m, "780,120 accepted of 1,000,000, 1,203 gone, 3 refused, 812 again, 2 unknown");
    says(&m, "  webpush  breaking\n");
    says(&m, "78 %\n");
    says(&m,
         "  fcm         640,112     412    900       2       0   2.1s   5.9s   6.9s       \n");
    says(&m,
         "  mozilla     100,004       0    301       1       2  850ms    41s  3m20s  2h01m\n");
    says(&m, "let it go: crier wave confirm dlv_3");
    says(&m, "leaves in 12 s");
    says(&m, "take it back: crier wave stop dlv_2");
    says(&m, "stopped by anna");
    says(&m, "21:00:02 mastodon blocked");
    /* what is open stands before what has ended */
    assert_true(strstr(buf_str(&m.out), "Harbour fire") <
                strstr(buf_str(&m.out), "Taken back"));
    made_done(&m);
}

static void numbers_and_spans_are_for_people(void **state)
{
    static const struct {
        int64_t n;
        const char *count, *span;
    } rows[] = {
        {0, "0", "0 ms"},
        {999, "999", "999 ms"},
        {1000, "1,000", "1.0 s"},
        {-5, "0", "0 ms"},
        {59999, "59,999", "59 s"},
        {1234567, "1,234,567", "20 min 34 s"},
        {10000000, "10,000,000", "2 h 46 min"},
    };
    char text[CLI_COUNT_BYTES], span[CLI_SPAN_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(cli_count(rows[i].n, text), rows[i].count);
        assert_string_equal(cli_span(rows[i].n, span), rows[i].span);
    }
}

static void a_wave_is_not_through_before_all_of_it_is(void **state)
{
    json_t *w =
        read_json("{\"members\": 1000000, \"accepted\": 999999, \"state\": \"in_flight\"}");
    struct buf line;

    (void)state;
    assert_int_equal(wave_percent(w), 99);
    (void)json_object_set_new(w, "refused", json_integer(1));
    assert_int_equal(wave_percent(w), 100);
    (void)json_object_set_new(w, "channel", json_string("webpush"));
    buf_init(&line, 1024);
    watch_line(&line, w, 10, now());
    assert_string_equal(
        buf_str(&line),
        "webpush        100 % running, 10/s: 999,999 accepted of 1,000,000, 1 refused");
    buf_done(&line);
    json_decref(w);
}

static int nothing_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_fits_and_the_screen_does_not_move),
        cmocka_unit_test(it_says_how_each_wave_is_and_what_can_be_done),
        cmocka_unit_test(numbers_and_spans_are_for_people),
        cmocka_unit_test(a_wave_is_not_through_before_all_of_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, nothing_left);
}
