/* The day in Los Angeles, by which Google counts quotas. Arithmetic alone, as in clock_text.c: the machine
 * may have no table of time zones, or an old one. */

#include "base/clock.h"

#include "base/attr.h"

#define STANDARD_MS (-8 * MS_HOUR)
#define SUMMER_MS (-7 * MS_HOUR)
#define LAST_MS INT64_C(253000000000000) /* in 9987 */

static int64_t first_of(int year, int month)
{
    struct time_civil c = {.year = year, .month = month, .day = 1};
    int64_t at_ms;

    must(time_from_civil(c, &at_ms));
    return at_ms;
}

/* The number-th Sunday at or after a day that begins at from_ms; 1970 began on a Thursday. */
static int64_t sunday(int64_t from_ms, int number)
{
    int64_t week_day = (from_ms / MS_DAY + 4) % 7; /* 0: a Sunday */

    return from_ms + ((7 - week_day) % 7 + 7 * (number - 1)) * MS_DAY;
}

static int year_of(int64_t at_ms)
{
    int year = 1970 + (int)(at_ms / (366 * MS_DAY)); /* too early, if anything */

    while (first_of(year + 1, 1) <= at_ms) {
        year++;
    }
    return year;
}

/* From the second Sunday of March to the first of November, both at two in the morning. */
static int64_t offset_at(int64_t at_ms)
{
    int year = year_of(at_ms + STANDARD_MS);
    int64_t begins_ms = sunday(first_of(year, 3), 2) + 2 * MS_HOUR - STANDARD_MS;
    int64_t ends_ms = sunday(first_of(year, 11), 1) + 2 * MS_HOUR - SUMMER_MS;

    return at_ms >= begins_ms && at_ms < ends_ms ? SUMMER_MS : STANDARD_MS;
}

int64_t time_pacific_day(int64_t at_ms)
{
    int64_t local_ms, midnight_ms;

    if (at_ms < MS_DAY || at_ms > LAST_MS) { /* no time a clock should show */
        return 0;
    }
    local_ms = at_ms + offset_at(at_ms);
    midnight_ms = local_ms - local_ms % MS_DAY;
    /* The clocks change after midnight: on such a day midnight has the other offset. */
    return midnight_ms - offset_at(midnight_ms - offset_at(at_ms));
}
