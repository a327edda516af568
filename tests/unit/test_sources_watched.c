/* The settings of feeds and sitemaps: what no single row can say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sources/registry.h"
#include "sources/watched.h"

static void a_zone_is_an_offset(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int minutes;
    } rows[] = {
        {"Z", true, 0},
        {"+01:00", true, 60},
        {"-0530", true, -330},
        {"+1", true, 60},
        {"+14:00", true, 840},
        {"-03", true, -180},
        {"", false, 0},
        {"01:00", false, 0},
        {"+15:00", false, 0},
        {"+01:60", false, 0},
        {"+123", false, 0},
        {"+", false, 0},
        {"+01:", false, 0},
        {"Europe", false, 0},
        {"+1:00", false, 0},
        {"+012345", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int minutes = 0;
        bool good = watched_zone(rows[i].text, &minutes);

        if (good != rows[i].good || minutes != rows[i].minutes) {
            fail_msg("\"%s\": %d, %d", rows[i].text, good, minutes);
        }
    }
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    const struct source *feed = source_find("feed");
    char accept[] = "Accept", authorization[] = "Authorization", x[] = "x", zone[] = "CET";
    struct pair header = {.key = accept, .value = x};
    struct pair login = {.key = authorization, .value = x};
    const struct {
        struct watched_settings s;
        const char *key; /* NULL: good */
    } rows[] = {
        {{.every_ms = 60000, .every_max_ms = 60000}, NULL},
        {{.every_ms = 60000, .every_max_ms = 59999}, "every_max:"},
        {{.date_zone = zone}, "date_zone:"},
        {{.headers = {.v = &header, .count = 1}}, "headers:"},
        {{.headers = {.v = &login, .count = 1}}, NULL},
        {{.headers = {.v = &login, .count = 1}, .token = {x, 1}}, "token:"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why = {0};
        enum err_code rc = feed->check(&rows[i].s, &why);

        assert_int_equal(rc, rows[i].key ? ERR_INVALID : ERR_NONE);
        if (rows[i].key) {
            assert_non_null(strstr(why.text, rows[i].key));
        }
    }
}

static void both_kinds_are_watched(void **state)
{
    (void)state;
    assert_true(source_is_watched("feed"));
    assert_true(source_is_watched("sitemap"));
    assert_false(source_is_watched("json"));
    assert_false(source_find("feed")->called);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_is_an_offset),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(both_kinds_are_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
