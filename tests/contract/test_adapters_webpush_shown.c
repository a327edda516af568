/* Web Push beyond dialogues: what is believed of answers that many get, and the shape that the worker reads. */

#include "support/webpush_kit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- answers that many get ---- */

static struct verdict read_response(struct scene *s,
                                    const char *address,
                                    const struct http_response *res,
                                    struct member_word *word)
{
    struct member m = reader(address);
    const struct member *one = &m;

    m.second = true;
    memset(word, 0, sizeof *word);
    return webpush__push.read(s->plan, &one, 1, res, word);
}

static struct verdict answer(struct scene *s,
                             const char *address,
                             int status,
                             const char *body,
                             struct member_word *word)
{
    struct http_response res = {
        .status = status, .body = body, .body_len = strlen(body), .now_ms = NOW_MS};

    return read_response(s, address, &res, word);
}

#define MISMATCH "{\"reason\":\"VapidPkHashMismatch\"}"

static void a_no_to_everybody_stops_the_wave_and_costs_nobody_their_place(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum member_outcome first;
    } rows[] = {
        {403, MISMATCH, MEMBER_UNDELIVERABLE},
        {401, "{\"errno\":109}", MEMBER_AGAIN},
        {403, "{\"reason\":\"BadJwtToken\"}", MEMBER_AGAIN},
        {400, "UnauthorizedRegistration", MEMBER_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct member_word word;
        struct scene s;

        begin(&s, NULL, NULL);
        plan(&s);
        for (int n = 0; n < 2; n++) {
            assert_int_equal(answer(&s, FCM, rows[i].status, rows[i].body, &word).kind,
                             VERDICT_NEXT);
            assert_int_equal(word.outcome, rows[i].first);
        }
        assert_int_equal(answer(&s, FCM, rows[i].status, rows[i].body, &word).kind,
                         VERDICT_BLOCKED);
        assert_int_equal(word.outcome, MEMBER_AGAIN);
        end(&s);
    }
}

static void a_no_to_some_is_about_them(void **state)
{
    struct member_word word;
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (int n = 0; n < 100; n++) {
        assert_int_equal(answer(&s, FCM, 201, "", &word).kind, VERDICT_NEXT);
        assert_int_equal(word.outcome, MEMBER_ACCEPTED);
    }
    for (int n = 0; n < 899; n++) { /* of other keys than ours, handed in by somebody */
        assert_int_equal(answer(&s, FCM, 403, MISMATCH, &word).kind, VERDICT_NEXT);
        assert_int_equal(word.outcome, MEMBER_UNDELIVERABLE);
    }
    assert_int_equal(answer(&s, FCM, 403, MISMATCH, &word).kind, VERDICT_BLOCKED);
    end(&s);
}

static void a_stranger_cannot_stop_a_wave(void **state)
{
    static const int statuses[] = {400, 401, 403, 406, 413, 429, 500, 503};
    struct member_word word;
    struct scene s;

    (void)state;
    begin(&s, NULL, NULL);
    plan(&s);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        for (int n = 0; n < 100; n++) {
            struct verdict v =
                answer(&s, "https://evil.example/p", statuses[i], MISMATCH, &word);

            assert_true(v.kind == VERDICT_NEXT ||
                        (v.kind == VERDICT_AGAIN && v.scope == SCOPE_HOST));
            assert_int_not_equal(word.outcome, MEMBER_LOST);
        }
    }
    end(&s);
}

static void later_is_said_to_one_until_it_is_said_to_all(void **state)
{
    static const struct {
        int status;
        int64_t wait_ms;
    } rows[] = {{429, 60000}, {503, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = rows[i].status;
        struct member_word word;
        struct scene s;

        begin(&s, NULL, NULL);
        plan(&s);
        for (int round = 0; round < 2; round++) {
            assert_int_equal(answer(&s, FCM, status, "", &word).kind, VERDICT_NEXT);
            assert_int_equal(answer(&s, FCM, status, "", &word).kind, VERDICT_NEXT);
            assert_int_equal(word.outcome, MEMBER_AGAIN);
            assert_int_equal(word.retry_after_ms, rows[i].wait_ms);
            (void)answer(&s, FCM, 201, "", &word);
        }
        (void)answer(&s, FCM, status, "", &word);
        (void)answer(&s, FCM, status, "", &word);
        assert_int_equal(answer(&s, FCM, status, "", &word).scope, SCOPE_HOST);
        end(&s);
    }
}

static void who_says_how_long_is_waited_for_so_long(void **state)
{
    static const int statuses[] = {429, 503};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct http_response res = {.status = statuses[i], .body = "", .now_ms = NOW_MS};
        struct verdict v = {0};
        struct member_word word;
        struct scene s;

        begin(&s, NULL, NULL);
        plan(&s);
        http_headers_put(&res.headers, "retry-after", "2");
        for (int n = 0; n < 3; n++) {
            v = read_response(&s, FCM, &res, &word);
            assert_int_equal(word.retry_after_ms, 2000);
        }
        assert_int_equal(v.scope, SCOPE_HOST);
        assert_int_equal(v.retry_after_ms, 2000);
        http_headers_done(&res.headers);
        end(&s);
    }
}

/* ---- what is shown ---- */

static json_t *message_of(struct scene *s, const char *name)
{
    const char *text = json_string_value(json_object_get(s->ctx.record, name));

    return text ? loads(text) : NULL;
}

static void expect_fixture(struct scene *s, const char *name)
{
    char path[512];
    json_t *want, *got = message_of(s, "payload");

    (void)snprintf(path, sizeof path, FIXTURES "/push/%s.json", name);
    want = json_load_file(path, 0, NULL);
    assert_non_null(want);
    if (!json_equal(want, got)) {
        char *text = json_dumps(got, JSON_INDENT(2));

        fail_msg("%s.json is not what we send: %s", name, text);
    }
    json_decref(want);
    json_decref(got);
}

static void the_shape_is_the_one_that_the_worker_reads(void **state)
{
    struct scene s;

    (void)state;
    begin(&s,
          "{\"icon\": \"https://news.example/icon-192.png\","
          " \"badge\": \"https://news.example/badge-96.png\","
          " \"require_interaction\": \"breaking\","
          " \"actions\": {\"Live blog\": \"https://news.example/live\"}}",
          "{\"title\": \"Dam gives way above Riverton\", \"language\": \"en\","
          " \"summary\": \"Sirens are sounding in three villages; people are asked to go "
          "uphill at "
          "once.\", \"url\": \"https://news.example/flood\","
          " \"images\": [{\"url\": \"https://news.example/flood.jpg\"}]}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.breaking = true;
    prepare_message(&s);
    expect_fixture(&s, "message");
    end(&s);

    begin(&s,
          "{\"body\": \"{{#correction}}{{correction}}{{/correction}}\"}",
          "{\"title\": \"Dam above Riverton holds\", \"language\": \"en\","
          " \"correction\": \"An earlier message said that it gave way.\","
          " \"url\": \"https://news.example/flood\"}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.course = COURSE_UPDATE;
    s.ctx.revision = 2;
    s.ctx.created_at_ms = NOW_MS + 600000;
    prepare_message(&s);
    expect_fixture(&s, "correction");
    end(&s);

    begin(&s,
          "{\"on_retract\": \"close\"}",
          "{\"title\": \"Dam gives way above Riverton\", \"language\": \"en\","
          " \"url\": \"https://news.example/flood\"}");
    s.ctx.link = "https://news.example/flood?utm_source=push";
    s.ctx.course = COURSE_RETRACT;
    s.ctx.revision = 3;
    s.ctx.created_at_ms = NOW_MS + 1200000;
    prepare_message(&s);
    expect_fixture(&s, "retraction");
    end(&s);
}

/* An article of so many words of a kind, so that cuts fall everywhere. */
static json_t *article_of(const char *word, size_t count)
{
    struct buf text, title;
    json_t *v;

    buf_init(&title, 1024);
    buf_addf(&title, "News %s", word);
    buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "%s%s", i ? " " : "", word);
    }
    v = json_pack("{s:s, s:s, s:s, s:[{s:s}]}",
                  "title",
                  buf_str(&title),
                  "summary",
                  buf_str(&text),
                  "url",
                  "https://news.example/a",
                  "images",
                  "url",
                  "https://news.example/a.jpg");
    buf_done(&title);
    buf_done(&text);
    return v;
}

static void whatever_the_text_the_message_is_small_enough_and_whole_characters(void **state)
{
    static const char *const words[] = {
        "word", "\\\"", "né", "洪水", "🌊", "👩‍👩‍👧‍👦", "\\u0001\\t", "שלום"};
    static const size_t counts[] = {1, 50, 99, 100, 101, 400, 600};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
            json_t *article = article_of(words[i], counts[k]);
            char *text = json_dumps(article, 0);
            json_t *message, *brief;
            const char *payload;
            struct scene s;

            begin(&s, NULL, text);
            free(text); /* Jansson's */
            json_decref(article);
            prepare_message(&s);
            payload = json_string_value(json_object_get(s.ctx.record, "payload"));
            assert_true(strlen(payload) <= 2820);
            message = message_of(&s, "payload");
            assert_non_null(json_path_str(json_object_get(message, "notification"), "image"));
            assert_non_null(json_path_str(json_object_get(message, "notification"), "body"));
            payload = json_string_value(json_object_get(s.ctx.record, "short"));
            assert_true(payload && strlen(payload) <= 1024);
            brief = message_of(&s, "short");
            assert_null(json_object_get(json_object_get(brief, "notification"), "image"));
            json_decref(message);
            json_decref(brief);
            end(&s);
        }
    }
}

static void a_message_is_worth_as_long_as_its_delivery(void **state)
{
    static const struct {
        int64_t not_after_ms, ttl_s;
        const char *more;
    } rows[] = {
        {0, 12 * 3600, NULL},
        {NOW_MS + 90 * 1000, 90, NULL},
        {NOW_MS + 90 * MS_DAY, 12 * 3600, NULL},
        {NOW_MS - 1000, 1, NULL}, /* it leaves in this moment, or not at all */
        {NOW_MS + 90 * 1000, 0, "{\"ttl\": \"0s\"}"},
        {0, 2419200, "{\"ttl\": \"28d\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;

        begin(&s, rows[i].more, NULL);
        s.ctx.not_after_ms = rows[i].not_after_ms;
        plan(&s);
        assert_int_equal(s.plan->ttl_s, rows[i].ttl_s);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_no_to_everybody_stops_the_wave_and_costs_nobody_their_place),
        cmocka_unit_test(a_no_to_some_is_about_them),
        cmocka_unit_test(a_stranger_cannot_stop_a_wave),
        cmocka_unit_test(later_is_said_to_one_until_it_is_said_to_all),
        cmocka_unit_test(who_says_how_long_is_waited_for_so_long),
        cmocka_unit_test(the_shape_is_the_one_that_the_worker_reads),
        cmocka_unit_test(whatever_the_text_the_message_is_small_enough_and_whole_characters),
        cmocka_unit_test(a_message_is_worth_as_long_as_its_delivery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
