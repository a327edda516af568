/* What is left of a platform's allowance, over days and years that pass in a millisecond. */

#include "queue/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"

static const struct quota a_day = {.count = 25, .window = QUOTA_ROLLING, .per_ms = MS_DAY};
static const struct quota utc = {.count = 3, .window = QUOTA_DAY_UTC};
static const struct quota pacific = {.count = 3, .window = QUOTA_DAY_PACIFIC};

static int64_t at(const char *text)
{
    int64_t ms = 0;

    assert_true(time_parse_rfc3339(text, strlen(text), &ms));
    return ms;
}

static struct delivery_id no(uint64_t v)
{
    return (struct delivery_id){v};
}

static void assert_time(int64_t got_ms, const char *wanted)
{
    char got[TIME_TEXT_BYTES];

    assert_string_equal(time_rfc3339_seconds(got_ms, got), wanted);
}

/* ---- calendars ---- */

static void a_pacific_day_begins_at_midnight_in_los_angeles(void **state)
{
    static const struct {
        const char *now, *start, *next;
    } rows[] = {
        /* winter, summer */
        {"2026-01-15T12:00:00Z", "2026-01-15T08:00:00Z", "2026-01-16T08:00:00Z"},
        {"2026-01-15T07:59:59Z", "2026-01-14T08:00:00Z", "2026-01-15T08:00:00Z"},
        {"2026-07-15T07:00:00Z", "2026-07-15T07:00:00Z", "2026-07-16T07:00:00Z"},
        {"2026-07-15T06:59:59Z", "2026-07-14T07:00:00Z", "2026-07-15T07:00:00Z"},
        /* 8 March 2026, 2:00: a day of 23 hours */
        {"2026-03-08T09:59:59Z", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"},
        {"2026-03-08T10:00:00Z", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"},
        {"2026-03-09T07:00:00Z", "2026-03-09T07:00:00Z", "2026-03-10T07:00:00Z"},
        /* 1 November 2026: a day of 25 hours */
        {"2026-11-01T08:59:59Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"},
        {"2026-11-01T09:00:00Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"},
        {"2026-11-02T07:59:59Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"},
        /* other years' Sundays; the turn of a leap year */
        {"2027-03-14T12:00:00Z", "2027-03-14T08:00:00Z", "2027-03-15T07:00:00Z"},
        {"2027-11-07T12:00:00Z", "2027-11-07T07:00:00Z", "2027-11-08T08:00:00Z"},
        {"2029-01-01T03:00:00Z", "2028-12-31T08:00:00Z", "2029-01-01T08:00:00Z"},
        {"1969-12-31T23:00:00Z", "1969-12-31T08:00:00Z", "1970-01-01T08:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_time(quota_window_start(&pacific, at(rows[i].now)), rows[i].start);
        assert_time(quota_frees_at(&pacific, at(rows[i].now)), rows[i].next);
    }
}

static void every_pacific_day_follows_the_one_before(void **state)
{
    int64_t day_ms = at("2024-01-01T08:00:00Z"), short_days = 0, long_days = 0;

    (void)state;
    for (int i = 0; i < 10 * 366; i++) {
        int64_t next_ms = quota_frees_at(&pacific, day_ms);

        assert_int_equal(quota_window_start(&pacific, day_ms), day_ms);
        assert_int_equal(quota_window_start(&pacific, next_ms - 1), day_ms);
        assert_int_equal(quota_window_start(&pacific, next_ms), next_ms);
        short_days += next_ms - day_ms == 23 * MS_HOUR;
        long_days += next_ms - day_ms == 25 * MS_HOUR;
        day_ms = next_ms;
    }
    assert_int_equal(short_days, 10);
    assert_int_equal(long_days, 10);
}

static void a_utc_day_begins_at_midnight(void **state)
{
    (void)state;
    assert_time(quota_window_start(&utc, at("2026-11-27T23:59:59Z")), "2026-11-27T00:00:00Z");
    assert_time(quota_frees_at(&utc, at("2026-11-27T00:00:00Z")), "2026-11-28T00:00:00Z");
}

/* ---- what is left ---- */

static void the_reserve_is_for_breaking_articles_alone(void **state)
{
    struct quota_book book = {.v = NULL};
    struct quota_ask normal = {.quota = &a_day, .reserve = 3};
    struct quota_ask breaking = {.quota = &a_day, .reserve = 3, .breaking = true};
    int64_t now_ms = at("2026-11-27T12:00:00Z");
    char why[QUOTA_WHY_BYTES];
    struct quota_view v;

    (void)state;
    for (uint64_t i = 1; i <= 22; i++) {
        assert_true(quota_look(&book, &normal, now_ms).may_go);
        quota_book_put(&book, no(i), now_ms + (int64_t)i * MS_MINUTE);
    }
    now_ms += MS_HOUR;
    v = quota_look(&book, &normal, now_ms);
    assert_false(v.may_go);
    assert_int_equal(v.used, 22);
    assert_int_equal(v.left, 3);
    assert_time(v.next_at_ms, "2026-11-28T12:01:00Z");
    assert_string_equal(
        quota_why(&v, &normal, now_ms, why),
        "quota: 22 of 25 used in 24h, 3 are kept for breaking articles; next at "
        "2026-11-28 12:01 UTC");
    for (uint64_t i = 23; i <= 25; i++) {
        assert_true(quota_look(&book, &breaking, now_ms).may_go);
        quota_book_put(&book, no(i), now_ms);
    }
    v = quota_look(&book, &breaking, now_ms);
    assert_false(v.may_go);
    assert_int_equal(v.left, 0);
    assert_time(v.next_at_ms, "2026-11-28T12:01:00Z");
    assert_string_equal(quota_why(&v, &breaking, at("2026-11-28T09:00:00Z"), why),
                        "quota: 25 of 25 used in 24h; next at 12:01 UTC");
    /* The normal ones wait for the breaking ones' posts as well. */
    assert_time(quota_look(&book, &normal, now_ms).next_at_ms, "2026-11-28T12:04:00Z");
    assert_true(quota_look(&book, &breaking, at("2026-11-28T12:01:00Z")).may_go);
    assert_false(quota_look(&book, &breaking, at("2026-11-28T12:01:00Z") - 1).may_go);
    assert_false(quota_look(&book, &normal, at("2026-11-28T12:03:59Z")).may_go);
    assert_true(quota_look(&book, &normal, at("2026-11-28T12:04:00Z")).may_go);
    quota_book_done(&book);
}

static void what_was_certainly_refused_is_given_back(void **state)
{
    struct quota_book book = {.v = NULL};
    struct quota_ask ask = {.quota = &utc};
    int64_t now_ms = at("2026-11-27T12:00:00Z");

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        quota_book_put(&book, no(i), now_ms);
    }
    assert_false(quota_look(&book, &ask, now_ms).may_go);
    quota_book_drop(&book, no(2));
    quota_book_drop(&book, no(2));
    assert_int_equal(quota_look(&book, &ask, now_ms).left, 1);
    quota_book_put(&book, no(4), now_ms);
    assert_time(quota_look(&book, &ask, now_ms).next_at_ms, "2026-11-28T00:00:00Z");
    assert_true(quota_look(&book, &ask, at("2026-11-28T00:00:00Z")).may_go);
    quota_book_done(&book);
}

/* A second try of a post that may be there already uses nothing more. */
static void a_delivery_counts_once_and_is_no_obstacle_to_itself(void **state)
{
    struct quota_book book = {.v = NULL};
    struct quota_ask ask = {.quota = &utc};
    int64_t now_ms = at("2026-11-27T12:00:00Z");

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        quota_book_put(&book, no(i), now_ms);
    }
    quota_book_put(&book, no(1), now_ms + MS_HOUR);
    assert_int_equal(book.count, 3);
    assert_int_equal(book.v[2].delivery.v, 1);
    ask.delivery = no(1);
    assert_true(quota_look(&book, &ask, now_ms + MS_HOUR).may_go);
    ask.reserve = 2; /* nor does it wait for what was kept from it since */
    assert_true(quota_look(&book, &ask, now_ms + MS_HOUR).may_go);
    assert_false(quota_look(&book, &ask, at("2026-11-28T00:00:00Z")).used != 0);
    ask.delivery = no(9);
    assert_false(quota_look(&book, &ask, now_ms + MS_HOUR).may_go);
    quota_book_done(&book);
}

static void nothing_waits_where_there_is_no_quota(void **state)
{
    static const struct quota none = {.count = 0};
    struct quota_book book = {.v = NULL};
    struct quota_ask ask = {.quota = &none, .reserve = 3};

    (void)state;
    assert_true(quota_look(&book, &ask, 1).may_go);
    assert_int_equal(quota_look(&book, &ask, 1).limit, 0);
    quota_book_done(&book);
}

static void a_reserve_of_everything_lets_breaking_articles_go_only(void **state)
{
    struct quota_book book = {.v = NULL};
    struct quota_ask ask = {.quota = &utc, .reserve = 5};
    int64_t now_ms = at("2026-11-27T12:00:00Z");

    (void)state;
    assert_false(quota_look(&book, &ask, now_ms).may_go);
    assert_true(quota_look(&book, &ask, now_ms).next_at_ms > now_ms);
    ask.breaking = true;
    assert_true(quota_look(&book, &ask, now_ms).may_go);
    quota_book_done(&book);
}

static void a_clock_that_was_set_back_holds_nothing_up_for_long(void **state)
{
    struct quota_book book = {.v = NULL};
    struct quota_ask ask = {.quota = &a_day};
    int64_t now_ms = at("2026-11-27T12:00:00Z");

    (void)state;
    for (uint64_t i = 1; i <= 25; i++) {
        quota_book_put(&book, no(i), now_ms + 365 * MS_DAY);
    }
    assert_true(quota_look(&book, &ask, now_ms).next_at_ms > now_ms + 300 * MS_DAY);
    quota_book_clock_back(&book, now_ms);
    assert_time(quota_look(&book, &ask, now_ms).next_at_ms, "2026-11-28T12:00:00Z");
    quota_book_done(&book);
}

/* However they come: never more than the limit in any window, and never more than limit less reserve that
 * are normal. */
static void a_month_of_posts_never_has_too_many_in_a_day(void **state)
{
    static int64_t sent_ms[1000];
    struct quota_book book = {.v = NULL};
    int64_t now_ms = at("2026-11-01T00:00:00Z");
    uint64_t normal = 0, all = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (int i = 0; i < 30 * 24 * 6; i++, now_ms += 10 * MS_MINUTE) {
        struct quota_ask ask = {
            .quota = &a_day, .reserve = 3, .breaking = rng_below(&rng, 10) == 0};

        if (rng_below(&rng, 3) == 0 && quota_look(&book, &ask, now_ms).may_go) {
            sent_ms[all++] = now_ms;
            normal += ask.breaking ? 0 : 1;
            quota_book_put(&book, no(all), now_ms);
        }
        quota_book_prune(&book, &a_day, now_ms);
        assert_true(book.count <= 25);
    }
    assert_in_range(all, 29 * 22, 30 * 25);
    assert_true(normal > 29 * 10);
    for (uint64_t i = 25; i < all; i++) {
        assert_true(sent_ms[i] - sent_ms[i - 25] >= MS_DAY);
    }
    quota_book_done(&book);
}

static void quotas_are_said_in_words(void **state)
{
    char text[QUOTA_TEXT_BYTES];

    (void)state;
    assert_string_equal(quota_text(&a_day, text), "25 in 24h");
    assert_string_equal(quota_text(&utc, text), "3 a day (UTC)");
    assert_string_equal(quota_text(&pacific, text), "3 a day (Pacific time)");
    assert_string_equal(quota_window_text(&a_day, text), "in 24h");
    assert_string_equal(quota_window_text(&pacific, text), "today");
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pacific_day_begins_at_midnight_in_los_angeles),
        cmocka_unit_test(every_pacific_day_follows_the_one_before),
        cmocka_unit_test(a_utc_day_begins_at_midnight),
        cmocka_unit_test(the_reserve_is_for_breaking_articles_alone),
        cmocka_unit_test(what_was_certainly_refused_is_given_back),
        cmocka_unit_test(a_delivery_counts_once_and_is_no_obstacle_to_itself),
        cmocka_unit_test(nothing_waits_where_there_is_no_quota),
        cmocka_unit_test(a_reserve_of_everything_lets_breaking_articles_go_only),
        cmocka_unit_test(a_clock_that_was_set_back_holds_nothing_up_for_long),
        cmocka_unit_test(a_month_of_posts_never_has_too_many_in_a_day),
        cmocka_unit_test(quotas_are_said_in_words),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
