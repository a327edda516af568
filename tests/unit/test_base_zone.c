/* base/zone: the same offsets as libc finds, on the days when clocks are set and in the far future; the next time
 * that a clock shows a minute; files and names that are none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/zone.h"
#include "base/zone_internal.h"

#define ZONES FIXTURES "/zones"

static const char *const names[] = {"Europe/Berlin",
                                    "Europe/Dublin",
                                    "America/New_York",
                                    "America/Nuuk",
                                    "Australia/Lord_Howe",
                                    "Asia/Kathmandu",
                                    "Pacific/Apia"};

static int64_t at(const char *text)
{
    int64_t ms = 0;

    assert_true(time_parse_rfc3339(text, strlen(text), &ms));
    return ms;
}

static void libc_use(const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof path, ":%s/%s", ZONES, name);
    assert_int_equal(setenv("TZ", path, 1), 0);
    tzset();
}

static int32_t libc_offset(int64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    return (int32_t)tm.tm_gmtoff;
}

static void offsets_are_those_of_libc(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        libc_use(names[i]);
        assert_true(zone_known(names[i]));
        for (int64_t ms = at("1900-01-01T00:00:00Z"); ms < at("2200-01-01T00:00:00Z");
             ms += 101 * MS_HOUR + 11 * MS_SECOND) {
            if (zone_offset_s(names[i], ms) != libc_offset(ms)) {
                char text[TIME_TEXT_BYTES];

                fail_msg("%s at %s: %d, libc says %d",
                         names[i],
                         time_rfc3339(ms, text),
                         (int)zone_offset_s(names[i], ms),
                         (int)libc_offset(ms));
            }
        }
    }
}

/* Every change of clocks in a time that only the rule at the end of the file knows, to the second. */
static void clocks_are_set_at_the_second(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        libc_use(names[i]);
        for (int64_t ms = at("2039-01-01T00:00:00Z"); ms < at("2040-01-01T00:00:00Z");
             ms += 30 * MS_MINUTE) {
            assert_int_equal(zone_offset_s(names[i], ms), libc_offset(ms));
            assert_int_equal(zone_offset_s(names[i], ms - 1000), libc_offset(ms - 1000));
        }
    }
}

/* clang-format off */
static const struct { const char *sentence, *zone, *now; int minute; const char *next; } nexts[] = {
    {"later the same day", "Europe/Berlin", "2026-07-01T10:00:00Z", 22 * 60, "2026-07-01T20:00:00Z"},
    {"the next day when it has passed", "Europe/Berlin", "2026-07-01T20:00:01Z", 22 * 60, "2026-07-02T20:00:00Z"},
    {"the next day when it is now", "Europe/Berlin", "2026-07-01T20:00:00Z", 22 * 60, "2026-07-02T20:00:00Z"},
    {"over the night when an hour is left out", "Europe/Berlin", "2026-03-28T22:00:00Z", 7 * 60, "2026-03-29T05:00:00Z"},
    {"over the night when an hour comes twice", "Europe/Berlin", "2026-10-24T21:00:00Z", 7 * 60, "2026-10-25T06:00:00Z"},
    {"a minute that is left out comes when the clock jumps", "Europe/Berlin", "2026-03-28T22:00:00Z", 2 * 60 + 30, "2026-03-29T01:00:00Z"},
    {"the first minute left out", "Europe/Berlin", "2026-03-28T22:00:00Z", 2 * 60, "2026-03-29T01:00:00Z"},
    {"the first minute after the jump", "Europe/Berlin", "2026-03-28T22:00:00Z", 3 * 60, "2026-03-29T01:00:00Z"},
    {"a minute that comes twice, the first time", "Europe/Berlin", "2026-10-24T22:00:00Z", 2 * 60 + 30, "2026-10-25T00:30:00Z"},
    {"… and the second time", "Europe/Berlin", "2026-10-25T00:30:00Z", 2 * 60 + 30, "2026-10-25T01:30:00Z"},
    {"the minute to which the clock is set back", "Europe/Berlin", "2026-10-25T00:00:00Z", 2 * 60, "2026-10-25T01:00:00Z"},
    {"half an hour is left out", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 7 * 60, "2026-10-03T20:00:00Z"},
    {"a zone of three quarters", "Asia/Kathmandu", "2026-07-01T00:00:00Z", 7 * 60, "2026-07-01T01:15:00Z"},
    {"a clock set at midnight", "America/Nuuk", "2026-03-28T20:00:00Z", 23 * 60 + 30, "2026-03-29T01:00:00Z"},
    {"a whole day that did not exist", "Pacific/Apia", "2011-12-30T09:00:00Z", 12 * 60, "2011-12-30T10:00:00Z"},
    {"the far future", "America/New_York", "2150-07-01T00:00:00Z", 7 * 60, "2150-07-01T11:00:00Z"},
    {"midnight", "Europe/Berlin", "2026-07-01T21:59:59Z", 0, "2026-07-01T22:00:00Z"},
    {"a zone not known is UTC", "Mars/Olympus", "2026-07-01T10:00:00Z", 7 * 60, "2026-07-02T07:00:00Z"},
};
/* clang-format on */

static void the_next_time_of_a_minute(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(nexts); i++) {
        char text[TIME_TEXT_BYTES];
        int64_t next = zone_next_minute(nexts[i].zone, at(nexts[i].now), nexts[i].minute);

        if (next != at(nexts[i].next)) {
            fail_msg("%s: %s, not %s",
                     nexts[i].sentence,
                     time_rfc3339_seconds(next, text),
                     nexts[i].next);
        }
    }
}

static void hours_may_span_midnight(void **state)
{
    int64_t eleven = at("2026-07-01T21:00:00Z"), six = at("2026-07-01T04:00:00Z"),
            noon = at("2026-07-01T10:00:00Z");

    (void)state;
    assert_true(zone_within("Europe/Berlin", eleven, 22 * 60, 7 * 60));
    assert_true(zone_within("Europe/Berlin", six, 22 * 60, 7 * 60));
    assert_false(zone_within("Europe/Berlin", noon, 22 * 60, 7 * 60));
    assert_true(zone_within("Europe/Berlin", noon, 12 * 60, 13 * 60));
    assert_false(zone_within("Europe/Berlin", noon, 11 * 60, 12 * 60));
    assert_false(zone_within("Europe/Berlin", noon, 0, 0));
    assert_int_equal(zone_minute_of_day("Europe/Berlin", eleven), 23 * 60);
    assert_int_equal(zone_minute_of_day("Europe/Berlin", -1), 59);
    assert_int_equal(zone_minute_of_day(NULL, eleven + 59999), 21 * 60);
}

static void names_lead_nowhere_else(void **state)
{
    static const char *const none[] = {"",
                                       "/etc/passwd",
                                       "../zones/Europe/Berlin",
                                       "Europe/../Europe/Berlin",
                                       "Europe/./Berlin",
                                       "./Europe/Berlin",
                                       "Europe//Berlin",
                                       "Europe/Berlin/",
                                       "/Europe/Berlin",
                                       "Europe",
                                       "README.md",
                                       "Europe/Berlin ",
                                       "Europe/Berlin\n",
                                       "Europe\\Berlin",
                                       "right/Europe/Berlin",
                                       "Europe/Nowhere"};
    char longest[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        if (zone_known(none[i])) {
            fail_msg("\"%s\" counts as a zone", none[i]);
        }
    }
    memset(longest, 'A', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(zone_known(longest));
    assert_false(zone_known(NULL));
    for (int i = 0; i < 3000; i++) { /* what is none is not remembered without bound */
        char name[32];

        (void)snprintf(name, sizeof name, "Made/Up%d", i);
        assert_false(zone_known(name));
    }
    assert_true(mem_live_count() < 2500);
    assert_true(zone_known("Europe/Berlin"));
}

static void without_files_all_is_utc(void **state)
{
    (void)state;
    assert_false(zone_missing());
    zone_forget();
    zone_use_directory("/nonexistent");
    assert_true(zone_missing());
    assert_false(zone_known("Europe/Berlin"));
    assert_int_equal(zone_offset_s("Europe/Berlin", 0), 0);
}

/* clang-format off */
static const struct { const char *rule; bool good; } rules[] = {
    {"CET-1CEST,M3.5.0,M10.5.0/3", true}, {"<+0330>-3:30", true}, {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
    {"XXX3EDT4,0/0,J365/23", true}, {"EST5EDT4,M3.2.0/-167,M11.1.0/167:59:59", true},
    {"", false}, {"CE-1", false}, {"CET", false}, {"CET-1CEST", false}, {"CET-1CEST,M3.5.0", false},
    {"CET-168", false}, {"CET-1CEST,M13.5.0,M10.5.0/3", false}, {"CET-1CEST,M3.6.0,M10.5.0", false},
    {"CET-1CEST,M3.0.0,M10.5.0", false}, {"CET-1CEST,M3.5.7,M10.5.0", false}, {"CET-1CEST,J0,M10.5.0", false},
    {"CET-1CEST,366,M10.5.0", false}, {"CET-1CEST,M3.5.0,M10.5.0/3x", false}, {"<>-1", false}, {"<+1", false},
    {"CET-1:60", false}, {"CET-1CEST,M3.5.0,M10.5.0/168", false}, {"CET-99999999999", false},
};
/* clang-format on */

static void rules_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct zone_rule r;

        if (zone__rule_read(&r, rules[i].rule, strlen(rules[i].rule)) != rules[i].good) {
            fail_msg("%s", rules[i].rule);
        }
    }
}

static void a_summer_may_last_all_year(void **state)
{
    static const char text[] = "XXX3EDT4,0/0,J365/23"; /* RFC 9636, section 3.3.1 */
    struct zone_rule r;

    (void)state;
    assert_true(zone__rule_read(&r, text, sizeof text - 1));
    for (int64_t s = 1900000000; s < 1900000000 + 86400 * 800; s += 1800) {
        assert_int_equal(zone__rule_offset(&r, s), -4 * 3600);
    }
}

/* Each byte of a file cut off, or changed: it is a zone or it is none. */
static void damaged_files_do_no_harm(void **state)
{
    uint8_t bytes[8192], copy[8192];
    FILE *f = fopen(ZONES "/Europe/Berlin", "rb");
    size_t len;

    (void)state;
    assert_non_null(f);
    len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    for (size_t i = 0; i < len; i++) {
        uint8_t *cut = mem_zalloc(i + 1);
        struct zone *z;

        memcpy(cut, bytes, i);
        assert_null(zone_read(cut, i));
        mem_free(cut);
        memcpy(copy, bytes, len);
        copy[i] ^= 0xff;
        z = zone_read(copy, len);
        if (z) {
            (void)zone_offset_in(z, INT64_MAX);
            (void)zone_offset_in(z, INT64_MIN);
        }
        zone_free(z);
    }
}

static int set_up(void **state)
{
    (void)state;
    zone_use_directory(ZONES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zone_forget();
    zone_use_directory(NULL);
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(offsets_are_those_of_libc, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clocks_are_set_at_the_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_time_of_a_minute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hours_may_span_midnight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_lead_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_files_all_is_utc, set_up, tear_down),
        cmocka_unit_test(rules_are_read_strictly),
        cmocka_unit_test(a_summer_may_last_all_year),
        cmocka_unit_test_setup_teardown(damaged_files_do_no_harm, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
