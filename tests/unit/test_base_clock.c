/* base/clock, base/id: the text forms of time in both directions, randomness, ids. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

/* clang-format off */
static const struct { int64_t ms; const char *rfc3339, *seconds, *http; } forms[] = {
    {0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
    {784111777000, "1994-11-06T08:49:37.000Z", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951782400123, "2000-02-29T00:00:00.123Z", "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {1795446245678, "2026-11-23T15:04:05.678Z", "2026-11-23T15:04:05Z", "Mon, 23 Nov 2026 15:04:05 GMT"},
    {4107542399999, "2100-02-28T23:59:59.999Z", "2100-02-28T23:59:59Z", "Sun, 28 Feb 2100 23:59:59 GMT"},
    {-62135596800000, "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT"},
    {253402300799999, "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
};
/* clang-format on */

static void times_become_text(void **state)
{
    char text[TIME_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        assert_string_equal(time_rfc3339(forms[i].ms, text), forms[i].rfc3339);
        assert_string_equal(time_rfc3339_seconds(forms[i].ms, text), forms[i].seconds);
        assert_string_equal(time_http(forms[i].ms, text), forms[i].http);
    }
    assert_string_equal(time_rfc3339(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
    assert_string_equal(time_rfc3339(INT64_MIN, text), "0001-01-01T00:00:00.000Z");
}

static void text_becomes_the_same_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        int64_t ms = 1, seconds = 1, http = 1;
        int64_t whole = forms[i].ms - (forms[i].ms % 1000 + 1000) % 1000;

        assert_true(time_parse_rfc3339(forms[i].rfc3339, strlen(forms[i].rfc3339), &ms));
        assert_true(time_parse_rfc3339(forms[i].seconds, strlen(forms[i].seconds), &seconds));
        assert_true(time_parse_http(forms[i].http, &http));
        assert_int_equal(ms, forms[i].ms);
        assert_int_equal(seconds, whole);
        assert_int_equal(http, whole);
    }
}

static void every_day_of_eight_centuries_comes_back(void **state)
{
    char text[TIME_TEXT_BYTES];

    (void)state;
    for (int64_t day = -135140; day < 157000; day++) { /* 1600 to 2399 */
        int64_t back = 0, at_ms = day * MS_DAY + 12345678;

        time_rfc3339(at_ms, text);
        assert_true(time_parse_rfc3339(text, strlen(text), &back));
        assert_int_equal(back, at_ms);
    }
}

static void reads_the_forms_of_rfc_3339(void **state)
{
    /* clang-format off */
    static const struct { const char *text; int64_t ms; } rows[] = {
        {"1985-04-12T23:20:50.52Z", 482196050520},
        {"1996-12-19T16:39:57-08:00", 851042397000},
        {"1990-12-31T23:59:60Z", 662687999000},         /* a leap second is the second before */
        {"1990-12-31T15:59:60-08:00", 662687999000},
        {"1937-01-01T12:00:27.87+00:20", -1041337172130},
        {"2024-11-16T09:12:00-05:00", 1731766320000},
        {"2024-11-16t09:12:00z", 1731748320000},
        {"2024-11-16 09:12:00Z", 1731748320000},
        {"2024-11-16T09:12:00.1Z", 1731748320100},
        {"2024-11-16T09:12:00.12345678901234567890Z", 1731748320123},
        {"2024-11-16T09:12:00.9999Z", 1731748320999},
        {"2024-11-16T09:12:00+23:59", 1731661980000},
        {"2024-11-16T09:12:00-00:00", 1731748320000},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 0;

        assert_true(time_parse_rfc3339(rows[i].text, strlen(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const rows[] = {
        "",
        "2024",
        "2024-11-16",
        "2024-11-16T09:12Z",
        "2024-11-16T09:12:00",
        "2024-11-16T09:12:00.Z",
        "2024-11-16T09:12:00Zz",
        "2024-11-16T09:12:00+0500",
        "2024-11-16T09:12:00+05",
        "2024-11-16T09:12:00+24:00",
        "2024-11-16T09:12:00+00:60",
        "2024-11-16T24:00:00Z",
        "2024-11-16T23:60:00Z",
        "2024-11-16T23:59:61Z",
        "2024-13-16T09:12:00Z",
        "2024-00-16T09:12:00Z",
        "2024-11-31T09:12:00Z",
        "2024-11-00T09:12:00Z",
        "2023-02-29T09:12:00Z",
        "1900-02-29T09:12:00Z",
        "0000-01-01T00:00:00Z",
        " 2024-11-16T09:12:00Z",
        "2024-11-16T09:12:00Z ",
        "2024-11-16  09:12:00Z",
        "2024-11-16T 9:12:00Z",
        "2024-11-16T+9:12:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "20241116T091200Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 42;

        if (time_parse_rfc3339(rows[i], strlen(rows[i]), &ms)) {
            fail_msg("accepted \"%s\"", rows[i]);
        }
        assert_int_equal(ms, 42);
    }
    int64_t ms = 42;
    assert_false(time_parse_rfc3339("2024-11-16T09:12:00\0", 20, &ms));
}

static void reads_the_three_forms_of_http_date(void **state)
{
    /* clang-format off */
    static const struct { const char *text; int64_t ms; } good[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
        {"Sun Nov  6 08:49:37 1994", 784111777000},
        {"Wed Nov 16 08:49:37 1994", 784975777000},
        {"Monday, 23-Nov-26 15:04:05 GMT", 1795446245000},
    };
    /* clang-format on */
    static const char *const bad[] = {"",
                                      "0",
                                      "Sun",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Xxx, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Xxx 1994 08:49:37 GMT",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Sunday, 06-Nov-1994 08:49:37 GMT",
                                      "Sun Nov 6 08:49:37 1994"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ms = 0;

        assert_true(time_parse_http(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms = 42;

        if (time_parse_http(bad[i], &ms)) {
            fail_msg("accepted \"%s\"", bad[i]);
        }
    }
}

static void both_clocks_jump_together(void **state)
{
    int64_t wall = clock_wall_ms(), mono = clock_mono_ms();

    (void)state;
    assert_true(wall > 1700000000000);
    clock_advance(MS_DAY);
    assert_in_range(clock_wall_ms() - wall, MS_DAY, MS_DAY + MS_MINUTE);
    assert_in_range(clock_mono_ms() - mono, MS_DAY, MS_DAY + MS_MINUTE);
    assert_in_range(clock_mono_us() / 1000 - mono, MS_DAY, MS_DAY + MS_MINUTE);
}

static void randomness_repeats_from_its_seed(void **state)
{
    struct rng a, b, c;
    int differs = 0;

    (void)state;
    rng_init(&a, 1);
    rng_init(&b, 1);
    rng_init_system(&c);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_u64(&a);

        assert_int_equal(x, rng_u64(&b));
        differs += x != rng_u64(&c) ? 1 : 0;
    }
    assert_true(differs > 90);
}

static void random_numbers_are_even_below_their_bound(void **state)
{
    unsigned seen[10] = {0};
    struct rng r;

    (void)state;
    rng_init(&r, 5);
    for (int i = 0; i < 100000; i++) {
        seen[rng_below(&r, 10)]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(seen[i], 9500, 10500);
    }
    assert_int_equal(rng_below(&r, 0), 0);
    assert_int_equal(rng_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void ids_only_grow(void **state)
{
    /* 2026, the same again, a clock that went back, and times no clock should show */
    static const int64_t times[] = {1795446245678,
                                    1795446245678,
                                    1795446245000,
                                    0,
                                    -5,
                                    INT64_MIN / 2,
                                    1795446245679,
                                    INT64_MAX,
                                    INT64_MAX,
                                    1795446245680};
    struct id_maker m;
    struct rng r;
    uint64_t last = 0;

    (void)state;
    rng_init(&r, 3);
    id_maker_init(&m, &r);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        for (int j = 0; j < 1000; j++) {
            uint64_t id = id_next(&m, times[i]);

            assert_true(id > last);
            assert_int_equal(id >> 63, 0);
            last = id;
        }
    }
}

static void the_first_id_is_never_zero(void **state)
{
    struct id_maker m;
    struct rng r = {{0}}; /* gives only zeros */

    (void)state;
    id_maker_init(&m, &r);
    assert_int_equal(id_next(&m, 0), 1);
}

static void a_block_of_ids_is_used_up_before_the_next_one(void **state)
{
    struct rng rng;
    struct id_maker m;
    uint64_t before, first;

    (void)state;
    rng_init(&rng, 3);
    id_maker_init(&m, &rng);
    before = id_next(&m, INT64_C(1795000000000));
    first = id_next_block(&m, INT64_C(1795000000000), 256);
    assert_int_equal(first, before + 1);
    assert_int_equal(id_next(&m, INT64_C(1795000000000)), first + 256);
    assert_true(id_next_block(&m, INT64_C(1795000000000), 0) >
                first + 256); /* of none: as one */
}

static void ids_become_text_and_come_back(void **state)
{
    /* clang-format off */
    static const struct { uint64_t v; const char *text; } rows[] = {
        {1, "0000000000001"},
        {31, "000000000000z"},
        {32, "0000000000010"},
        {UINT64_C(0x7fffffffffffffff), "7zzzzzzzzzzzz"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[ID_TEXT_BYTES];
        struct article_id a = {0};
        struct delivery_id d = {0};

        id_article_text((struct article_id){rows[i].v}, text);
        assert_memory_equal(text, "art_", 4);
        assert_string_equal(text + 4, rows[i].text);
        assert_true(id_parse_article(text, &a));
        assert_false(id_parse_delivery(text, &d));
        assert_int_equal(a.v, rows[i].v);
        id_delivery_text((struct delivery_id){rows[i].v}, text);
        assert_memory_equal(text, "dlv_", 4);
        assert_true(id_parse_delivery(text, &d));
        assert_int_equal(d.v, rows[i].v);
    }
}

static void text_order_is_time_order(void **state)
{
    char before[ID_TEXT_BYTES], after[ID_TEXT_BYTES];
    struct id_maker m;
    struct rng r;

    (void)state;
    rng_init(&r, 3);
    id_maker_init(&m, &r);
    for (int64_t ms = 1795446245678; ms < 1795446246678; ms++) {
        id_article_text((struct article_id){id_next(&m, ms)}, before);
        id_article_text((struct article_id){id_next(&m, ms + 1)}, after);
        assert_true(strcmp(before, after) < 0);
    }
}

static void refuses_what_is_no_id(void **state)
{
    static const char *const rows[] = {"",
                                       "art_",
                                       "art_000000000000",
                                       "art_00000000000001",
                                       "art_0000000000000",
                                       "art_8000000000000",
                                       "art_zzzzzzzzzzzzz",
                                       "art_000000000000u",
                                       "art_000000000000i",
                                       "art_000000000000 ",
                                       "ART_0000000000001",
                                       "dlv_0000000000001",
                                       "0000000000001"};
    struct article_id id = {42};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (id_parse_article(rows[i], &id)) {
            fail_msg("accepted \"%s\"", rows[i]);
        }
    }
    assert_false(id_parse_article(NULL, &id));
    assert_int_equal(id.v, 42);
    assert_true(id_parse_article("art_7ZZZZZZZZZZZZ", &id));
    assert_int_equal(id.v, INT64_MAX);
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
        cmocka_unit_test(times_become_text),
        cmocka_unit_test(text_becomes_the_same_time),
        cmocka_unit_test(every_day_of_eight_centuries_comes_back),
        cmocka_unit_test(reads_the_forms_of_rfc_3339),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(reads_the_three_forms_of_http_date),
        cmocka_unit_test(both_clocks_jump_together),
        cmocka_unit_test(randomness_repeats_from_its_seed),
        cmocka_unit_test(random_numbers_are_even_below_their_bound),
        cmocka_unit_test(ids_only_grow),
        cmocka_unit_test(the_first_id_is_never_zero),
        cmocka_unit_test(a_block_of_ids_is_used_up_before_the_next_one),
        cmocka_unit_test(ids_become_text_and_come_back),
        cmocka_unit_test(text_order_is_time_order),
        cmocka_unit_test(refuses_what_is_no_id),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
