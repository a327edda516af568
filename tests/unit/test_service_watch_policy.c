/* What answers of feed servers mean: freshness, validators, waits, redirects for good. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "service/watch_policy.h"

#define NOW_MS INT64_C(1795788000000) /* Fri, 27 Nov 2026 14:00:00 GMT */

/* head: "Name: value" lines. */
static struct http_response answer_of(int status, const char *head)
{
    struct http_response res = {.status = status, .now_ms = NOW_MS};

    while (*head != '\0') {
        size_t name_len = strcspn(head, ":"), line_len = strcspn(head, "\n");

        http_headers_add(
            &res.headers, head, name_len, head + name_len + 2, line_len - name_len - 2);
        head += line_len + (head[line_len] == '\n');
    }
    return res;
}

static void an_answer_is_fresh_as_long_as_it_says(void **state)
{
    static const struct {
        const char *sentence, *head;
        int64_t want_s;
    } rows[] = {
        {"nothing said", "", 0},
        {"max-age", "Cache-Control: public, max-age=300", 300},
        {"max-age in quotes and upper case", "Cache-Control: MAX-AGE=\"60\"", 60},
        {"its age counts", "Cache-Control: max-age=300\nAge: 100", 200},
        {"older than fresh", "Cache-Control: max-age=300\nAge: 400", 0},
        {"s-maxage is for shared caches", "Cache-Control: s-maxage=900, max-age=60", 60},
        {"no-cache wins", "Cache-Control: max-age=300, no-cache", 0},
        {"no-store in a second header",
         "Cache-Control: max-age=300\nCache-Control: no-store",
         0},
        {"no-cached is another word", "Cache-Control: no-cached, max-age=5", 5},
        {"a number beyond all bounds is bounded",
         "Cache-Control: max-age=99999999999999999999",
         INT32_MAX},
        {"no number", "Cache-Control: max-age=soon", 0},
        {"Expires minus Date",
         "Expires: Fri, 27 Nov 2026 12:10:00 GMT\nDate: Fri, 27 Nov 2026 12:00:00 GMT",
         600},
        {"Expires by our clock", "Expires: Fri, 27 Nov 2026 14:01:00 GMT", 60},
        {"Expires: 0 means now", "Expires: 0", 0},
        {"Expires in the past", "Expires: Thu, 19 Nov 1981 08:52:00 GMT", 0},
        {"max-age before Expires",
         "Cache-Control: max-age=30\nExpires: Fri, 27 Nov 2026 14:10:00 GMT",
         30},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response res = answer_of(200, rows[i].head);
        int64_t have = watch_fresh_ms(&res);

        if (have != rows[i].want_s * 1000) {
            fail_msg("%s: %lld ms", rows[i].sentence, (long long)have);
        }
        http_headers_done(&res.headers);
    }
}

static void a_status_has_one_meaning(void **state)
{
    static const struct {
        int status;
        const char *head;
        enum watch_answer_kind want;
        bool permanent;
        int64_t retry_s;
        const char *why; /* a part of it */
    } rows[] = {
        {200, "", WATCH_BODY, false, 0, ""},
        {226, "", WATCH_BODY, false, 0, ""},
        {304, "", WATCH_SAME, false, 0, ""},
        {301, "Location: /new", WATCH_ELSEWHERE, true, 0, ""},
        {308, "Location: /new", WATCH_ELSEWHERE, true, 0, ""},
        {302, "Location: /new", WATCH_ELSEWHERE, false, 0, ""},
        {307, "Location: /new", WATCH_ELSEWHERE, false, 0, ""},
        {303, "", WATCH_TROUBLE, false, 0, "without Location"},
        {410, "", WATCH_GONE, false, 0, "gone"},
        {401, "", WATCH_TROUBLE, false, 0, "password"},
        {403, "", WATCH_TROUBLE, false, 0, "refuses"},
        {403, "cf-mitigated: challenge", WATCH_TROUBLE, false, 0, "browser"},
        {404, "", WATCH_TROUBLE, false, 0, "no feed"},
        {429, "Retry-After: 120", WATCH_TROUBLE, false, 120, "too often"},
        {503, "Retry-After: 999999", WATCH_TROUBLE, false, 86400, "trouble"},
        {503, "Retry-After: Fri, 27 Nov 2026 14:02:00 GMT", WATCH_TROUBLE, false, 120, ""},
        {204, "", WATCH_TROUBLE, false, 0, "no answer"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response res = answer_of(rows[i].status, rows[i].head);
        struct watch_answer a;

        watch_answer_read(&a, &res);
        if (a.kind != rows[i].want || a.permanent != rows[i].permanent ||
            a.retry_after_ms != rows[i].retry_s * 1000 || !strstr(a.why, rows[i].why)) {
            fail_msg("row %zu: kind %d, retry %lld, %s",
                     i,
                     (int)a.kind,
                     (long long)a.retry_after_ms,
                     a.why);
        }
        http_headers_done(&res.headers);
    }
}

static void validators_are_kept_byte_for_byte(void **state)
{
    struct watch_validators v = {NULL, NULL};
    struct http_response res = answer_of(200, "ETag: W/\"a-gzip\"\nLast-Modified: yesterday");
    struct http_request request;

    (void)state;
    watch_validators_take(&v, &res);
    http_request_init(&request);
    watch_validators_ask(&v, &request);
    assert_string_equal(http_header(&request.headers, "If-None-Match"), "W/\"a-gzip\"");
    assert_string_equal(http_header(&request.headers, "If-Modified-Since"), "yesterday");
    http_request_done(&request);
    http_headers_done(&res.headers);

    res = answer_of(304, "ETag: \"b\"");
    watch_validators_take(&v, &res);
    assert_string_equal(v.etag, "\"b\"");
    assert_string_equal(v.last_modified, "yesterday"); /* a 304 need not repeat it */
    http_headers_done(&res.headers);

    res = answer_of(200, "Last-Modified: today");
    watch_validators_take(&v, &res);
    assert_null(v.etag); /* of another body */
    assert_string_equal(v.last_modified, "today");
    http_headers_done(&res.headers);
    watch_validators_done(&v);
}

static void the_wait_follows_the_site(void **state)
{
    static const struct {
        const char *sentence;
        struct watch_pace pace;
        struct watch_course course;
        int64_t want_ms;
    } rows[] = {
        {"active: as agreed", {60000, 900000, true, false}, {.quiet_ms = 0}, 60000},
        {"a quarter of an hour after news",
         {60000, 900000, true, false},
         {.quiet_ms = WATCH_ACTIVE_MS},
         60000},
        {"quiet for an hour", {60000, 900000, true, false}, {.quiet_ms = MS_HOUR}, 240000},
        {"quiet for a night", {60000, 900000, true, false}, {.quiet_ms = 8 * MS_HOUR}, 900000},
        {"the same pace by day and night",
         {60000, 60000, true, false},
         {.quiet_ms = 8 * MS_HOUR},
         60000},
        {"fresh for longer than every",
         {60000, 900000, true, false},
         {.fresh_ms = 300000},
         300000},
        {"fresh for a week", {60000, 900000, true, false}, {.fresh_ms = 7 * MS_DAY}, 900000},
        {"by agreement", {60000, 900000, false, false}, {.fresh_ms = 300000}, 60000},
        {"a hub tells", {60000, 900000, true, true}, {.quiet_ms = 0}, 900000},
        {"one failure", {60000, 900000, true, false}, {.failures = 1}, 120000},
        {"three", {60000, 900000, true, false}, {.failures = 3}, 480000},
        {"many", {60000, 900000, true, false}, {.failures = 1000}, MS_HOUR},
        {"a slow one", {2 * MS_HOUR, 2 * MS_HOUR, true, false}, {.failures = 3}, 2 * MS_HOUR},
        {"Retry-After",
         {60000, 900000, true, false},
         {.failures = 1, .retry_after_ms = MS_DAY},
         MS_DAY},
        {"a short Retry-After",
         {60000, 900000, true, false},
         {.failures = 1, .retry_after_ms = 1},
         120000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t have = watch_wait_ms(&rows[i].pace, &rows[i].course);

        if (have != rows[i].want_ms) {
            fail_msg("%s: %lld ms", rows[i].sentence, (long long)have);
        }
    }
}

static void chance_moves_it_by_a_tenth(void **state)
{
    int64_t low = INT64_MAX, high = 0;

    (void)state;
    for (uint64_t random = 0; random < 20000; random++) {
        int64_t ms = watch_jitter_ms(60000, 0, random);

        low = ms < low ? ms : low;
        high = ms > high ? ms : high;
    }
    assert_int_equal(low, 54000);
    assert_int_equal(high, 66000);
    assert_int_equal(watch_jitter_ms(60000, 60000, 0),
                     60000); /* never before it was asked for */
    assert_int_equal(watch_jitter_ms(0, 0, 77), 0);
}

static void a_move_is_believed_the_third_time(void **state)
{
    struct watch_move m = {NULL, 0};

    (void)state;
    assert_false(watch_move_note(&m, "https://a.example/"));
    assert_false(watch_move_note(&m, "https://a.example/"));
    assert_false(watch_move_note(&m, "https://b.example/"));
    assert_false(watch_move_note(&m, "https://b.example/"));
    assert_false(watch_move_note(&m, NULL));
    assert_false(watch_move_note(&m, "https://b.example/"));
    assert_false(watch_move_note(&m, "https://b.example/"));
    assert_true(watch_move_note(&m, "https://b.example/"));
    watch_move_done(&m);
}

static int no_memory_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_fresh_as_long_as_it_says),
        cmocka_unit_test(a_status_has_one_meaning),
        cmocka_unit_test(validators_are_kept_byte_for_byte),
        cmocka_unit_test(the_wait_follows_the_site),
        cmocka_unit_test(chance_moves_it_by_a_tenth),
        cmocka_unit_test(a_move_is_believed_the_third_time),
    };

    return cmocka_run_group_tests(tests, NULL, no_memory_is_left);
}
