/* sources/feed_date: every form of a date that feeds were seen with, and those that are none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "sources/feed_date.h"

struct row {
    const char *text, *time; /* time NULL: it is none */
};

static void check(const struct row *rows, size_t count, const struct feed_date_rules *rules)
{
    for (size_t i = 0; i < count; i++) {
        char got[TIME_TEXT_BYTES] = "nothing";
        const char *expected = rows[i].time ? rows[i].time : "nothing";
        int64_t at_ms = 0;

        if (feed_date_parse(rows[i].text, strlen(rows[i].text), rules, &at_ms)) {
            (void)(at_ms % 1000 ? time_rfc3339(at_ms, got) : time_rfc3339_seconds(at_ms, got));
        }
        if (strcmp(got, expected) != 0) {
            fail_msg("\"%s\"\n  gives    %s\n  expected %s", rows[i].text, got, expected);
        }
    }
}

/* clang-format off */
#define MORNING "2026-09-22T05:38:00Z"
static void dates_of_mail(void **state)
{
    static const struct row rows[] = {
        {"Tue, 22 Sep 2026 05:38:00 GMT", MORNING}, {"22 Sep 2026 05:38:00 GMT", MORNING},
        {"Fri, 22 Sep 2026 05:38:00 GMT", MORNING}, /* the wrong day of the week */
        {"Tue, 22 Sep 2026 05:38 GMT", MORNING}, {"Tue, 22 Sep 26 05:38:00 GMT", MORNING},
        {"Tue,22 Sep 2026 05:38:00 GMT", MORNING}, {"Tue 22 Sep 2026 05:38:00 GMT", MORNING},
        {"Tue, 22 Sep, 2026 05:38:00 GMT", MORNING}, {"tue, 22 SEP 2026 05:38:00 gmt", MORNING},
        {"Tuesday, 22 September 2026 05:38:00 GMT", MORNING}, {"Tues, 22 Sept 2026 05:38:00 GMT", MORNING},
        {"  Tue, 22 Sep 2026 05:38:00 GMT\n", MORNING}, {"Tue, 22-Sep-2026 05:38:00 GMT", MORNING},
        {"Tuesday, 22-Sep-26 05:38:00 GMT", MORNING}, {"Tue,  2 Sep 2026 05:38:00 GMT", "2026-09-02T05:38:00Z"},
        {"2 Sep 99 05:38:00 GMT", "1999-09-02T05:38:00Z"}, {"2 Sep 49 05:38:00 GMT", "2049-09-02T05:38:00Z"},
        {"Tue, 22 Sep 2026 05:38:00 UT", MORNING}, {"Tue, 22 Sep 2026 05:38:00 UTC", MORNING},
        {"Tue, 22 Sep 2026 05:38:00 Z", MORNING}, {"Tue, 22 Sep 2026 00:38:00 EST", MORNING},
        {"Tue, 22 Sep 2026 01:38:00 EDT", MORNING}, {"Mon, 21 Sep 2026 23:38:00 CST", MORNING},
        {"Tue, 22 Sep 2026 00:38:00 CDT", MORNING}, {"Mon, 21 Sep 2026 22:38:00 MST", MORNING},
        {"Mon, 21 Sep 2026 23:38:00 MDT", MORNING}, {"Mon, 21 Sep 2026 21:38:00 PST", MORNING},
        {"Mon, 21 Sep 2026 22:38:00 PDT", MORNING}, {"Tue, 22 Sep 2026 07:38:00 CEST", MORNING},
        {"Tue, 22 Sep 2026 05:38:00 +0000", MORNING}, {"Tue, 22 Sep 2026 00:38:00 -0500", MORNING},
        {"Tue, 22 Sep 2026 06:38:00 +01:00", MORNING}, {"Tue, 22 Sep 2026 07:38:00 GMT+0200", MORNING},
        {"Tue, 22 Sep 2026 07:38:00 UTC+2", MORNING}, {"Tue, 22 Sep 2026 05:38:00 +0000 UTC", MORNING},
        {"Tue, 22 Sep 2026 07:38:00 +0200 (CEST)", MORNING}, {"Tue, 22 Sep 2026 07:38:00 +0200 CET", MORNING},
        {"Tue, 22 Sep 2026 05:38:00 A", MORNING}, {"Tue, 22 Sep 2026 05:38:00 Y", MORNING},
        {"Tue, 22 Sep 2026 05:38:00", MORNING}, {"Tue, 22 Sep 2026", "2026-09-22T00:00:00Z"},
        {"Tue, 22 Sep 2026 24:00:00 GMT", "2026-09-23T00:00:00Z"}, {"Tue, 22 Sep 2026 05:38:60 GMT", "2026-09-22T05:38:59Z"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){0});
}

static void dates_of_machines(void **state)
{
    static const struct row rows[] = {
        {"2026-09-22T05:38:00Z", MORNING}, {"2026-09-22t05:38:00z", MORNING}, {"2026-09-22 05:38:00", MORNING},
        {"2026-09-22T05:38Z", MORNING}, {"2026-09-22T05:38:00.5Z", "2026-09-22T05:38:00.500Z"},
        {"2026-09-22T05:38:00.123456789Z", "2026-09-22T05:38:00.123Z"}, {"2026-09-22T05:38:00,25Z", "2026-09-22T05:38:00.250Z"},
        {"2026-09-22T07:38:00+02:00", MORNING}, {"2026-09-22T07:38:00+0200", MORNING}, {"2026-09-22T07:38:00+02", MORNING},
        {"2026-09-22 07:38:00 +0200", MORNING}, {"2026-09-22T07:38:00 +02:00", MORNING}, {"2026-09-22T05:38:00", MORNING},
        {"2026-09-22T07:38:00+02:00[Europe/Berlin]", MORNING}, {"2026-09-22T11:08:00+05:30", MORNING},
        {"2026-09-22", "2026-09-22T00:00:00Z"}, {"2026-09", "2026-09-01T00:00:00Z"}, {"2026", "2026-01-01T00:00:00Z"},
        {"2026-9-2", "2026-09-02T00:00:00Z"}, {"2026/09/22", "2026-09-22T00:00:00Z"}, {"2026/09/22 05:38", MORNING},
        {"20260922", "2026-09-22T00:00:00Z"}, {"20260922T053800Z", MORNING}, {"20260922T0538Z", MORNING},
        {"20260922053800", MORNING}, {"202609220538", MORNING},
        {"1790055480", MORNING}, {"1790055480000", MORNING}, {"1790055480123", "2026-09-22T05:38:00.123Z"},
        {"Tue Sep 22 05:38:00 2026", MORNING}, {"Tue Sep  2 05:38:00 2026", "2026-09-02T05:38:00Z"},
        {"Tue Sep 22 05:38:00 UTC 2026", MORNING}, {"Tue Sep 22 05:38:00 +0000 2026", MORNING},
        {"22-Sep-2026 05:38", MORNING}, {"2026-Sep-22 05:38", MORNING},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){0});
}

static void dates_of_people(void **state)
{
    static const struct row rows[] = {
        {"September 22, 2026 5:38 AM", MORNING}, {"Sep 22, 2026, 5:38 a.m.", MORNING}, {"September 22, 2026", "2026-09-22T00:00:00Z"},
        {"January 2, 2006 3:04 PM", "2006-01-02T15:04:00Z"}, {"Jan 2 2006 12:04 AM", "2006-01-02T00:04:00Z"},
        {"Jan 2 2006 12:04 PM", "2006-01-02T12:04:00Z"}, {"Jan. 2nd, 2006 3 p.m.", "2006-01-02T15:00:00Z"},
        {"2nd January 2006", "2006-01-02T00:00:00Z"}, {"Tuesday, September 22nd 2026 at 05:38", MORNING},
        {"02.01.2006 15:04", "2006-01-02T15:04:00Z"}, {"2.1.06", "2006-01-02T00:00:00Z"}, {"22.09.2026, 05:38 Uhr", MORNING},
        {"02/01/2006", "2006-01-02T00:00:00Z"}, {"01/22/2006", "2006-01-22T00:00:00Z"}, {"22/01/2006", "2006-01-22T00:00:00Z"},
        {"02-01-2006 15:04:05", "2006-01-02T15:04:05Z"}, {"05:38 22.09.2026", MORNING}, {"2026. 9. 22. 05:38", MORNING},
    };
    static const struct row americans[] = {
        {"02/01/2006", "2006-02-01T00:00:00Z"}, {"22/01/2006", "2006-01-22T00:00:00Z"}, {"02.01.2006", "2006-01-02T00:00:00Z"},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){0});
    check(americans, ARRAY_LEN(americans), &(struct feed_date_rules){.month_first = true});
}

static void dates_of_many_languages(void **state)
{
    static const struct row rows[] = {
        {"Di, 22 Sep 2026 07:38:00 +0200", MORNING}, {"Mi, 4 Mär 2026 05:38:00 GMT", "2026-03-04T05:38:00Z"},
        {"Fr, 01 Mai 2026 05:38:00 GMT", "2026-05-01T05:38:00Z"}, {"Do, 1 Okt 2026 05:38 GMT", "2026-10-01T05:38:00Z"},
        {"Mittwoch, 23. Dezember 2026 05:38", "2026-12-23T05:38:00Z"}, {"am 2. Dez. 2026 um 12:04 Uhr", "2026-12-02T12:04:00Z"},
        {"lun., 5 janv. 2026 05:38:00 GMT", "2026-01-05T05:38:00Z"}, {"mar. 3 févr. 2026 15 h 04", "2026-02-03T15:04:00Z"},
        {"mar. 3 févr. 2026 15h04", "2026-02-03T15:04:00Z"}, {"mer, 12 août 2026 05:38:00 +0000", "2026-08-12T05:38:00Z"},
        {"1er juillet 2026", "2026-07-01T00:00:00Z"}, {"jeu. 25 juin 2026", "2026-06-25T00:00:00Z"}, {"25 DÉC 2026", "2026-12-25T00:00:00Z"},
        {"mar, 22 sep 2026 05:38:00 GMT", MORNING}, {"22 de septiembre de 2026", "2026-09-22T00:00:00Z"},
        {"mié, 14 ene 2026 05:38:00 GMT", "2026-01-14T05:38:00Z"}, {"sáb, 02 ago 2025", "2025-08-02T00:00:00Z"},
        {"gio, 22 gen 2026 05:38:00 GMT", "2026-01-22T05:38:00Z"}, {"martedì 22 settembre 2026", "2026-09-22T00:00:00Z"},
        {"ter, 22 set 2026 05:38:00 GMT", MORNING}, {"seg, 5 out 2026", "2026-10-05T00:00:00Z"},
        {"di 24 mrt 2026", "2026-03-24T00:00:00Z"}, {"lør, 02 mai 2026", "2026-05-02T00:00:00Z"}, {"fre, 4 des 2026", "2026-12-04T00:00:00Z"},
        {"Τρι, 22 Σεπ 2026 05:38:00 GMT", MORNING}, {"Πεμ, 01 Ιαν 2026", "2026-01-01T00:00:00Z"}, {"Κυρ, 01 Μάι 2026", "2026-05-01T00:00:00Z"},
        {"Δευ, 15 Ιουν 2026", "2026-06-15T00:00:00Z"}, {"Δευ, 13 Ιούλ 2026", "2026-07-13T00:00:00Z"},
        {"2026. szeptember 22., kedd 05:38", MORNING}, {"2026-szeptember-22 05:38", MORNING}, {"kedd, 2026. ápr. 7.", "2026-04-07T00:00:00Z"},
        {"wt., 22 wrz 2026", "2026-09-22T00:00:00Z"}, {"22 października 2026", "2026-10-22T00:00:00Z"},
        {"Вт, 22 Сен 2026 05:38:00 GMT", MORNING}, {"22 мая 2026", "2026-05-22T00:00:00Z"}, {"Salı, 22 Eylül 2026", "2026-09-22T00:00:00Z"},
        {"2026-09-22 오후 3:04", "2026-09-22T15:04:00Z"}, {"2026년 9월 22일 오전 5시 38분", MORNING}, {"2026. 9. 22. 오후 12:04:05", "2026-09-22T12:04:05Z"},
        {"2026年9月22日 5時38分", MORNING}, {"2026年9月22日（火）", NULL}, {"2026年09月22日 05:38:00", MORNING},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){0});
}

static void no_dates(void **state)
{
    static const struct row rows[] = {
        {"", NULL}, {" ", NULL}, {"yesterday", NULL}, {"now", NULL}, {"Tue", NULL}, {"22", NULL}, {"05:38", NULL}, {"22:38 GMT", NULL},
        {"31 June 2026", NULL}, {"29 Feb 2026", NULL}, {"0 Sep 2026", NULL}, {"22 Sep 2026 25:14:00 GMT", NULL}, {"22 Sep 2026 05:60", NULL},
        {"22 Sep 2026 05:38:61 GMT", NULL}, {"2026-13-01", NULL}, {"2026-00-10", NULL}, {"2026-09-00", NULL},
        {"0000-00-00", NULL}, {"0000-00-00 00:00:00", NULL}, {"0001-01-01T00:00:00Z", NULL}, {"-0001-11-30T00:00:00+00:00", NULL},
        {"1970-01-01T00:00:00Z", NULL}, {"Thu, 01 Jan 1970 00:00:00 +0000", NULL}, {"0", NULL}, {"000000000", NULL}, {"1", NULL},
        {"22 Sep 2026 or so", NULL}, {"22 Sep 2026 05:38:00 05:39:00", NULL}, {"22 Sep 2026 (", NULL}, {"2026-09-22T05:38:00+", NULL},
        {"{{ date }}", NULL}, {"%a, %d %b %Y", NULL}, {"Invalid Date", NULL}, {"99999999999999999999999999", NULL},
        {"Tue, 22 Sep 2026 05:38:00 GMT, which is far too long for a date, as it goes on and on and on and on, without an end, and says nothing", NULL},
        /* Where no clock can be: UTC, as others read it. */
        {"22 Sep 2026 05:38:00 +9900", MORNING}, {"22 Sep 2026 05:38:00 -1300", MORNING}, {"22 Sep 2026 19:38:00 +1400", MORNING},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){0});
}

static void a_zone_of_its_own(void **state)
{
    static const struct row rows[] = {
        {"2026-09-22 07:38:00", MORNING}, {"22.09.2026 07:38", MORNING}, {"2026-09-22", "2026-09-21T22:00:00Z"},
        {"2026-09-22 05:38:00Z", MORNING}, {"22 Sep 2026 05:38:00 GMT", MORNING}, {"22 Sep 2026 05:38:00 XYZ", NULL},
    };

    (void)state;
    check(rows, ARRAY_LEN(rows), &(struct feed_date_rules){.zone_minutes = 120});
}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_of_mail),
        cmocka_unit_test(dates_of_machines),
        cmocka_unit_test(dates_of_people),
        cmocka_unit_test(dates_of_many_languages),
        cmocka_unit_test(no_dates),
        cmocka_unit_test(a_zone_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
