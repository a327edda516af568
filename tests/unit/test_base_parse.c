/* base/parse: numbers, durations, sizes, rates and ranges in both directions, and suggestions.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/parse.h"

static void reads_integers(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; int64_t v; } rows[] = {
        {"0", true, 0}, {"-0", true, 0}, {"42", true, 42}, {"-42", true, -42}, {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX}, {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0},
        {"", false, 0}, {"-", false, 0}, {"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0},
        {"1.0", false, 0}, {"0x10", false, 0}, {"1e3", false, 0}, {"--1", false, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 99;

        assert_int_equal(parse_i64(rows[i].text, &v), rows[i].ok);
        assert_int_equal(v, rows[i].ok ? rows[i].v : 99);
    }
}

static void reads_unsigned_integers(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; uint64_t v; } rows[] = {
        {"0", true, 0}, {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0}, {"-1", false, 0}, {"", false, 0}, {"+1", false, 0},
        {" 1", false, 0}, {"1x", false, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t v = 99;

        assert_int_equal(parse_u64(rows[i].text, &v), rows[i].ok);
        assert_int_equal(v, rows[i].ok ? rows[i].v : 99);
    }
}

static void reads_fractions(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; double v; } rows[] = {
        {"0", true, 0}, {"0.5", true, 0.5}, {"-2.25", true, -2.25}, {"1e3", true, 1000},
        {"1E-3", true, 0.001}, {"1e-400", true, 0}, {"1e400", false, 0}, {"", false, 0},
        {".5", false, 0}, {"inf", false, 0}, {"nan", false, 0}, {"0x1p3", false, 0},
        {" 1", false, 0}, {"1 ", false, 0}, {"1.2.3", false, 0}, {"1e", false, 0}, {"-", false, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 99;

        assert_int_equal(parse_f64(rows[i].text, &v), rows[i].ok);
        double expected = rows[i].ok ? rows[i].v : 99;
        assert_memory_equal(&v, &expected, sizeof v);
    }
}

static void reads_yes_and_no(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok, v; } rows[] = {
        {"true", true, true}, {"yes", true, true}, {"on", true, true}, {"false", true, false},
        {"no", true, false}, {"off", true, false}, {"", false, false}, {"1", false, false},
        {"True", false, false}, {"y", false, false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool v = true;

        assert_int_equal(parse_bool(rows[i].text, &v), rows[i].ok);
        assert_int_equal(v, rows[i].ok ? rows[i].v : true);
    }
}

static void reads_durations_and_writes_them_back(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; int64_t ms; const char *back; } rows[] = {
        {"0", true, 0, "0"}, {"0s", true, 0, "0"}, {"500ms", true, 500, "500ms"},
        {"30s", true, 30000, "30s"}, {"5m", true, 300000, "5m"}, {"2h", true, 7200000, "2h"},
        {"1d", true, 86400000, "1d"}, {"1h30m", true, 5400000, "1h30m"}, {"90m", true, 5400000, "1h30m"},
        {"1d2h3m4s5ms", true, 93784005, "1d2h3m4s5ms"}, {"1500ms", true, 1500, "1s500ms"},
        {"106751991167d", true, 9223372036828800000, "106751991167d"},
        {"106751991168d", false, 0, NULL}, {"9223372036854775808ms", false, 0, NULL},
        {"", false, 0, NULL}, {"1", false, 0, NULL}, {"s", false, 0, NULL}, {"-1s", false, 0, NULL},
        {"1.5h", false, 0, NULL}, {"1 h", false, 0, NULL}, {"30m1h", false, 0, NULL},
        {"1h1h", false, 0, NULL}, {"1H", false, 0, NULL}, {"1w", false, 0, NULL}, {"1mm", false, 0, NULL},
        {"00", false, 0, NULL}, {"2h ", false, 0, NULL},
    };
    /* clang-format on */
    char text[PARSE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 99;

        if (parse_duration_ms(rows[i].text, &ms) != rows[i].ok) {
            fail_msg("\"%s\"", rows[i].text);
        }
        assert_int_equal(ms, rows[i].ok ? rows[i].ms : 99);
        if (rows[i].ok) {
            assert_string_equal(format_duration(ms, text), rows[i].back);
        }
    }
    assert_string_equal(format_duration(-90000, text), "-1m30s");
    assert_string_equal(format_duration(INT64_MIN, text), "-106751991167d7h12m55s808ms");
}

static void reads_sizes_and_writes_them_back(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; int64_t bytes; const char *back; } rows[] = {
        {"0", true, 0, "0"}, {"100", true, 100, "100"}, {"100B", true, 100, "100"},
        {"64KiB", true, 65536, "64KiB"}, {"10MiB", true, 10485760, "10MiB"}, {"1GiB", true, 1 << 30, "1GiB"},
        {"5KB", true, 5000, "5KB"}, {"5kB", true, 5000, "5KB"}, {"5MB", true, 5000000, "5MB"},
        {"1GB", true, 1000000000, "1GB"}, {"2048KiB", true, 2097152, "2MiB"}, {"1001", true, 1001, "1001"},
        {"8388607TiB", true, INT64_C(8388607) << 40, "8388607TiB"},
        {"8388608TiB", false, 0, NULL}, {"99999999999999999999", false, 0, NULL},
        {"", false, 0, NULL}, {"KiB", false, 0, NULL}, {"-1", false, 0, NULL}, {"1.5MiB", false, 0, NULL},
        {"1 KiB", false, 0, NULL}, {"1K", false, 0, NULL}, {"1kib", false, 0, NULL},
    };
    /* clang-format on */
    char text[PARSE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t bytes = 99;

        if (parse_size(rows[i].text, &bytes) != rows[i].ok) {
            fail_msg("\"%s\"", rows[i].text);
        }
        assert_int_equal(bytes, rows[i].ok ? rows[i].bytes : 99);
        if (rows[i].ok) {
            assert_string_equal(format_size(bytes, text), rows[i].back);
        }
    }
}

static void writes_sizes_to_compare(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {{0, "0"},
                {999, "999"},
                {1000, "1.0KB"},
                {812345, "812KB"},
                {999499, "999KB"},
                {999500, "1.0MB"},
                {4200000, "4.2MB"},
                {9949999, "9.9MB"},
                {9950000, "10MB"},
                {20971520, "21MB"},
                {INT64_MAX, "9223372TB"}};
    char text[PARSE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(format_size_about(rows[i].bytes, text), rows[i].text);
    }
}

static void reads_rates_and_writes_them_back(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; int64_t count, per_ms; const char *back; } rows[] = {
        {"20/min", true, 20, 60000, "20/min"}, {"1/s", true, 1, 1000, "1/s"},
        {"300/3h", true, 300, 10800000, "300/3h"}, {"5000/day", true, 5000, 86400000, "5000/day"},
        {"20/10m", true, 20, 600000, "20/10min"}, {"1/second", true, 1, 1000, "1/s"},
        {"7/hour", true, 7, 3600000, "7/h"}, {"10/250ms", true, 10, 250, "10/250ms"},
        {"10/90s", true, 10, 90000, "10/90s"}, {"100/24h", true, 100, 86400000, "100/day"},
        {"1/40000000001s", true, 1, 40000000001000, "1/40000000001s"},
        {"9223372036854775807/9223372036854775807ms", true, INT64_MAX, INT64_MAX,
         "9223372036854775807/9223372036854775807ms"},
        {"unlimited", true, -1, 0, "unlimited"}, {"0", true, -1, 0, "unlimited"},
        {"0/s", false, 0, 0, NULL}, {"20", false, 0, 0, NULL}, {"/s", false, 0, 0, NULL},
        {"20/", false, 0, 0, NULL}, {"20/0s", false, 0, 0, NULL}, {"20/x", false, 0, 0, NULL},
        {"-1/s", false, 0, 0, NULL}, {"1 / s", false, 0, 0, NULL}, {"1/s ", false, 0, 0, NULL},
        {"9223372036854775808/s", false, 0, 0, NULL}, {"1/9223372036854775807d", false, 0, 0, NULL},
        {"", false, 0, 0, NULL},
    };
    /* clang-format on */
    char text[PARSE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rate rate = {99, 99}, again;

        if (parse_rate(rows[i].text, &rate) != rows[i].ok) {
            fail_msg("\"%s\"", rows[i].text);
        }
        assert_int_equal(rate.count, rows[i].ok ? rows[i].count : 99);
        assert_int_equal(rate.per_ms, rows[i].ok ? rows[i].per_ms : 99);
        if (rows[i].ok) {
            assert_string_equal(format_rate(rate, text), rows[i].back);
            assert_true(parse_rate(text, &again));
            assert_int_equal(again.count, rate.count);
            assert_int_equal(again.per_ms, rate.per_ms);
        }
    }
}

static void reads_ranges(void **state)
{
    /* clang-format off */
    static const struct { const char *text; bool ok; int64_t low, high; } rows[] = {
        {"3", true, 3, 3}, {"1..3", true, 1, 3}, {"0..0", true, 0, 0}, {"2..2", true, 2, 2},
        {"3..1", false, 0, 0}, {"1..", false, 0, 0}, {"..3", false, 0, 0}, {"1...3", false, 0, 0},
        {"1-3", false, 0, 0}, {"1..3 ", false, 0, 0}, {"", false, 0, 0},
        {"1..9223372036854775808", false, 0, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct range range = {99, 99};

        assert_int_equal(parse_range(rows[i].text, &range), rows[i].ok);
        assert_int_equal(range.low, rows[i].ok ? rows[i].low : 99);
        assert_int_equal(range.high, rows[i].ok ? rows[i].high : 99);
    }
}

static void suggests_what_was_probably_meant(void **state)
{
    static const char *const known[] = {
        "title", "summary", "categories", "url", "published_at", "tags"};
    /* clang-format off */
    static const struct { const char *word, *closest; } rows[] = {
        {"titel", "title"}, {"Title", "title"}, {"tittle", "title"}, {"sumary", "summary"},
        {"category", "categories"}, {"ulr", "url"}, {"uri", "url"}, {"publishedAt", "published_at"},
        {"tag", "tags"}, {"headline", NULL}, {"x", NULL}, {"", NULL}, {"body", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *closest = parse_closest(rows[i].word, known, ARRAY_LEN(known));

        assert_string_equal(closest == NULL ? "(none)" : closest,
                            rows[i].closest == NULL ? "(none)" : rows[i].closest);
    }
    assert_null(parse_closest("title", known, 0));
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
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_unsigned_integers),
        cmocka_unit_test(reads_fractions),
        cmocka_unit_test(reads_yes_and_no),
        cmocka_unit_test(reads_durations_and_writes_them_back),
        cmocka_unit_test(reads_sizes_and_writes_them_back),
        cmocka_unit_test(writes_sizes_to_compare),
        cmocka_unit_test(reads_rates_and_writes_them_back),
        cmocka_unit_test(reads_ranges),
        cmocka_unit_test(suggests_what_was_probably_meant),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
