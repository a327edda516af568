/* The calendars that platforms count posts by. Called by the ledger's policy (queue/quota.c) and by whoever
 * shows a quota. Pure: Los Angeles is computed, so that nothing depends on the machine's own time zone or on
 * its list of zones.
 *
 * United States since 2007 (15 U.S.C. 260a): summer time from the second Sunday of March, 2:00 of standard
 * time, to the first Sunday of November, 2:00 of summer time. */

#include "base/quota.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/parse.h"

#define PACIFIC_STANDARD_MS (8 * MS_HOUR)
#define PACIFIC_SUMMER_MS (7 * MS_HOUR)

static int64_t day_of(int64_t at_ms)
{
    int64_t day = at_ms / MS_DAY;

    return at_ms % MS_DAY < 0 ? day - 1 : day;
}

/* The year of a day counted from 1970: a guess from the mean length, then put right. */
static int year_of(int64_t day)
{
    int year = 1970 + (int)(day * 400 / 146097);
    int64_t start_ms;

    for (;;) {
        const struct time_civil first = {.year = year, .month = 1, .day = 1};
        const struct time_civil next = {.year = year + 1, .month = 1, .day = 1};

        if (!time_from_civil(first, &start_ms)) {
            return year; /* beyond all calendars */
        }
        if (day_of(start_ms) > day) {
            year--;
        } else if (time_from_civil(next, &start_ms) && day_of(start_ms) <= day) {
            year++;
        } else {
            return year;
        }
    }
}

/* The n-th Sunday of a month, as a day counted from 1970. */
static int64_t sunday(int year, int month, int n)
{
    const struct time_civil first = {.year = year, .month = month, .day = 1};
    int64_t first_ms = 0, day;

    (void)time_from_civil(first, &first_ms);
    day = day_of(first_ms);
    /* 1970-01-01 was a Thursday: day 3 a Sunday. */
    return day + ((3 - day) % 7 + 7) % 7 + 7 * (int64_t)(n - 1);
}

static int64_t pacific_behind_ms(int64_t at_ms)
{
    int year = year_of(day_of(at_ms - PACIFIC_STANDARD_MS));
    int64_t begins_ms = sunday(year, 3, 2) * MS_DAY + 2 * MS_HOUR + PACIFIC_STANDARD_MS;
    int64_t ends_ms = sunday(year, 11, 1) * MS_DAY + 2 * MS_HOUR + PACIFIC_SUMMER_MS;

    return at_ms >= begins_ms && at_ms < ends_ms ? PACIFIC_SUMMER_MS : PACIFIC_STANDARD_MS;
}

/* Midnight of a day in Los Angeles. The clock never changes at midnight, so what holds an hour before or
 * after is no question. */
static int64_t pacific_midnight(int64_t day)
{
    int64_t at_ms = day * MS_DAY + PACIFIC_STANDARD_MS;

    return day * MS_DAY + pacific_behind_ms(at_ms);
}

static int64_t pacific_day(int64_t at_ms)
{
    return day_of(at_ms - pacific_behind_ms(at_ms));
}

int64_t quota_window_start(const struct quota *q, int64_t now_ms)
{
    switch (q->window) {
    case QUOTA_DAY_UTC:
        return day_of(now_ms) * MS_DAY;
    case QUOTA_DAY_PACIFIC:
        return pacific_midnight(pacific_day(now_ms));
    case QUOTA_ROLLING:
        break;
    }
    return now_ms - q->per_ms + 1;
}

int64_t quota_frees_at(const struct quota *q, int64_t at_ms)
{
    switch (q->window) {
    case QUOTA_DAY_UTC:
        return (day_of(at_ms) + 1) * MS_DAY;
    case QUOTA_DAY_PACIFIC:
        return pacific_midnight(pacific_day(at_ms) + 1);
    case QUOTA_ROLLING:
        break;
    }
    return at_ms + q->per_ms;
}

const char *quota_window_text(const struct quota *q, char out[QUOTA_TEXT_BYTES])
{
    char per[PARSE_TEXT_BYTES];

    if (q->window == QUOTA_ROLLING) {
        const char *length = q->per_ms == MS_DAY ? "24h" : format_duration(q->per_ms, per);

        (void)snprintf(out, QUOTA_TEXT_BYTES, "in %s", length);
    } else {
        (void)snprintf(out, QUOTA_TEXT_BYTES, "today");
    }
    return out;
}

const char *quota_text(const struct quota *q, char out[QUOTA_TEXT_BYTES])
{
    char window[QUOTA_TEXT_BYTES];

    if (q->window == QUOTA_ROLLING) {
        (void)snprintf(
            out, QUOTA_TEXT_BYTES, "%" PRId64 " %.32s", q->count, quota_window_text(q, window));
    } else {
        (void)snprintf(out,
                       QUOTA_TEXT_BYTES,
                       "%" PRId64 " a day (%s)",
                       q->count,
                       q->window == QUOTA_DAY_UTC ? "UTC" : "Pacific time");
    }
    return out;
}
