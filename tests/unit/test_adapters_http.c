/* http.c: requests built, answers read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/http.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"

#define NOW_MS INT64_C(1795446001000) /* Mon, 23 Nov 2026 15:00:01 GMT */

static void a_header_set_again_replaces_the_first(void **state)
{
    struct http_request r;

    (void)state;
    http_request_init(&r);
    http_set_header(&r, "X-One", "1");
    http_set_headerf(&r, "x-ONE", "%d and %s", 2, "more");
    http_set_header(&r, "X-Two", "");
    assert_int_equal(r.headers.count, 2);
    assert_string_equal(http_header(&r.headers, "X-one"), "2 and more");
    assert_string_equal(http_header(&r.headers, "x-two"), "");
    assert_null(http_header(&r.headers, "X-Three"));
    http_set_header(&r, "X-One", http_header(&r.headers, "X-One")); /* its own value */
    assert_string_equal(http_header(&r.headers, "X-One"), "2 and more");
    http_request_done(&r);
}

static void no_value_ends_its_header(void **state)
{
    static const struct {
        const char *value, *set;
    } rows[] = {
        {"Bearer abc\r\nX-Admin: yes", "Bearer abcX-Admin: yes"},
        {"abc\n\n", "abc"},
        {"\x01\x1f\x7f", ""},
        {"a\tb", "a\tb"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request r;

        http_request_init(&r);
        http_set_header(&r, "X-New", rows[i].value);
        http_set_header(&r, "X-Old", "old");
        http_set_headerf(&r, "X-Old", "%s", rows[i].value);
        assert_int_equal(r.headers.count, 2);
        assert_string_equal(http_header(&r.headers, "X-New"), rows[i].set);
        assert_string_equal(http_header(&r.headers, "X-Old"), rows[i].set);
        http_request_done(&r);
    }
}

static void a_url_set_again_replaces_the_first(void **state)
{
    struct http_request r;

    (void)state;
    http_request_init(&r);
    assert_null(r.url);
    http_set_url(&r, "https://%s/%d", "a.example", 1);
    http_set_url(&r, "%s?again", r.url);
    assert_string_equal(r.url, "https://a.example/1?again");
    http_request_done(&r);
    http_request_done(&r); /* a zeroed one too */
    http_request_done(NULL);
}

static void a_json_body_is_compact_and_has_its_type(void **state)
{
    json_t *v = json_pack("{s:s, s:[i,i]}", "a", "ü\"", "b", 1, 2);
    struct http_request r;

    (void)state;
    http_request_init(&r);
    http_set_json(&r, v);
    http_set_json(&r, v); /* does not append */
    assert_string_equal(buf_str(&r.body), "{\"a\":\"ü\\\"\",\"b\":[1,2]}");
    assert_string_equal(http_header(&r.headers, "content-type"), "application/json");
    http_request_done(&r);
    json_decref(v);
}

static void parts_keep_text_and_borrow_bytes(void **state)
{
    static const char bytes[] = {'\xff', '\0', 'x'};
    struct http_request r;

    (void)state;
    http_request_init(&r);
    http_add_part_text(&r, "description", "A boat");
    http_add_part_bytes(&r, "file", "i.jpg", "image/jpeg", bytes, sizeof bytes);
    assert_int_equal(r.part_count, 2);
    assert_string_equal(r.parts[0].text, "A boat");
    assert_null(r.parts[0].filename);
    assert_ptr_equal(r.parts[1].bytes, bytes);
    assert_int_equal(r.parts[1].len, 3);
    assert_string_equal(r.parts[1].filename, "i.jpg");
    http_request_done(&r);
}

static void every_method_has_its_name(void **state)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

    (void)state;
    for (int m = HTTP_GET; m <= HTTP_DELETE; m++) {
        assert_string_equal(http_method_name((enum http_method)m), names[m]);
    }
}

static void an_answer_is_json_or_nothing(void **state)
{
    static const struct {
        const char *about, *body;
        bool truncated, json;
    } rows[] = {
        {"an object", "{\"a\":1}", false, true},
        {"an array", "[1]", false, true},
        {"nothing", "", false, false},
        {"a page", "<html>", false, false},
        {"cut off by the peer", "{\"a\":", false, false},
        {"cut off by us, though it would parse", "{\"a\":1}", true, false},
        {"invalid UTF-8", "{\"a\":\"\xff\"}", false, false},
        {"something behind it", "{} x", false, false},
    };
    char deep[2000];
    struct http_response res = {.body = deep, .body_len = sizeof deep - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response row = {.body = rows[i].body,
                                    .body_len = strlen(rows[i].body),
                                    .truncated = rows[i].truncated};
        json_t *v = http_json(&row);

        if ((v != NULL) != rows[i].json) {
            fail_msg("%s", rows[i].about);
        }
        json_decref(v);
    }
    memset(deep, '[', 999);
    memset(deep + 999, ']', 1000);
    deep[1999] = '\0';
    assert_null(http_json(&res));
}

static void retry_after_is_read_in_every_form(void **state)
{
    static const struct {
        const char *value; /* NULL: no header */
        int64_t want_ms;
    } rows[] = {
        {NULL, 0},
        {"0", 0},
        {"1", 1000},
        {"120", 120000},
        {"0.5", 500},
        {"28.706807374954224", 28707},
        {"-5", 0},
        {"soon", 0},
        {"", 0},
        {"nan", 0},
        {"inf", 0},
        {"1e300", 366 * MS_DAY},
        {"99999999999999999999", 366 * MS_DAY},
        {"Mon, 23 Nov 2026 15:00:31 GMT", 30000},
        {"Monday, 23-Nov-26 15:00:31 GMT", 30000},
        {"Mon Nov 23 15:00:31 2026", 30000},
        {"Mon, 23 Nov 2026 14:00:00 GMT", 0}, /* over already */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 366 * MS_DAY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_response res = {.now_ms = NOW_MS};
        int64_t got;

        if (rows[i].value) {
            http_headers_add(
                &res.headers, "retry-AFTER", 11, rows[i].value, strlen(rows[i].value));
        }
        got = http_retry_after_ms(&res);
        http_headers_done(&res.headers);
        if (got != rows[i].want_ms) {
            fail_msg("\"%s\": want %lld, got %lld",
                     rows[i].value ? rows[i].value : "(none)",
                     (long long)rows[i].want_ms,
                     (long long)got);
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
        cmocka_unit_test(a_header_set_again_replaces_the_first),
        cmocka_unit_test(no_value_ends_its_header),
        cmocka_unit_test(a_url_set_again_replaces_the_first),
        cmocka_unit_test(a_json_body_is_compact_and_has_its_type),
        cmocka_unit_test(parts_keep_text_and_borrow_bytes),
        cmocka_unit_test(every_method_has_its_name),
        cmocka_unit_test(an_answer_is_json_or_nothing),
        cmocka_unit_test(retry_after_is_read_in_every_form),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
