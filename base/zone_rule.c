/* The rule by which clocks are set for ever, as the last line of a time zone's file has it: a TZ string of POSIX
 * with the hours beyond a day that RFC 9636 allows (section 3.3.1). Called by zone_file.c. Pure. */

#include "base/zone_internal.h"

#include <string.h>

#define DAY_S 86400
#define HOURS_MAX 167 /* a week, less one */
#define TWO_O_CLOCK 7200

struct text {
    const char *at, *end;
};

static bool next_is(struct text *t, char c)
{
    if (t->at < t->end && *t->at == c) {
        t->at++;
        return true;
    }
    return false;
}

static bool read_number(struct text *t, int max, int *out)
{
    int n = 0;
    const char *start = t->at;

    while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && t->at - start < 4) {
        n = 10 * n + (*t->at++ - '0');
    }
    *out = n;
    return t->at > start && n <= max;
}

/* "CET", "<+0330>" */
static bool skip_name(struct text *t)
{
    const char *start = t->at;

    if (next_is(t, '<')) {
        while (t->at < t->end && *t->at != '>') {
            t->at++;
        }
        return next_is(t, '>') && t->at - start > 2;
    }
    while (t->at < t->end &&
           ((*t->at >= 'a' && *t->at <= 'z') || (*t->at >= 'A' && *t->at <= 'Z'))) {
        t->at++;
    }
    return t->at - start >= 3;
}

/* "-3", "+5:30", "1:00:15" */
static bool read_time(struct text *t, int32_t *out)
{
    int sign = 1, hours, minutes = 0, seconds = 0;

    if (next_is(t, '-')) {
        sign = -1;
    } else {
        (void)next_is(t, '+');
    }
    if (!read_number(t, HOURS_MAX, &hours) ||
        (next_is(t, ':') && (!read_number(t, 59, &minutes) ||
                             (next_is(t, ':') && !read_number(t, 59, &seconds))))) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool read_day(struct text *t, struct zone_date *d)
{
    if (next_is(t, 'J')) {
        d->kind = ZONE_JULIAN;
        return read_number(t, 365, &d->day) && d->day >= 1;
    }
    if (next_is(t, 'M')) {
        d->kind = ZONE_WEEKDAY;
        return read_number(t, 12, &d->month) && d->month >= 1 && next_is(t, '.') &&
               read_number(t, 5, &d->week) && d->week >= 1 && next_is(t, '.') &&
               read_number(t, 6, &d->day);
    }
    d->kind = ZONE_DAY;
    return read_number(t, 365, &d->day);
}

static bool read_date(struct text *t, struct zone_date *d)
{
    d->at_s = TWO_O_CLOCK;
    return next_is(t, ',') && read_day(t, d) && (!next_is(t, '/') || read_time(t, &d->at_s));
}

bool zone__rule_read(struct zone_rule *out, const char *text, size_t len)
{
    struct text t = {text, text + len};
    struct zone_rule r = {.has_summer = false};

    if (!skip_name(&t) || !read_time(&t, &r.standard_s)) {
        return false;
    }
    r.standard_s = -r.standard_s; /* POSIX counts to the west */
    if (t.at < t.end) {
        r.has_summer = true;
        r.summer_s = r.standard_s + 3600;
        if (!skip_name(&t)) {
            return false;
        }
        if (t.at < t.end && *t.at != ',') {
            if (!read_time(&t, &r.summer_s)) {
                return false;
            }
            r.summer_s = -r.summer_s;
        }
        if (!read_date(&t, &r.begins) || !read_date(&t, &r.ends)) {
            return false;
        }
    }
    if (t.at != t.end) {
        return false;
    }
    *out = r;
    return true;
}

/* ---- the calendar ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Days since 1970 of a 1 January. */
static int64_t first_day(int64_t year)
{
    int64_t before = year - 1;

    return 365 * (year - 1970) + floor_div(before, 4) - floor_div(before, 100) +
           floor_div(before, 400) - 477;
}

static int64_t year_of(int64_t day)
{
    int64_t year = 1970 + day * 400 / 146097;

    while (first_day(year) > day) {
        year--;
    }
    while (first_day(year + 1) <= day) {
        year++;
    }
    return year;
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* The week'th such weekday of a month; the fifth is the last. */
static int64_t weekday_of(int64_t year, const struct zone_date *d)
{
    int64_t day = first_day(year);
    int in_month;

    for (int month = 1; month < d->month; month++) {
        day += month_days(year, month);
    }
    /* 1 January 1970 was a Thursday. */
    in_month = (int)((d->day - (day + 4) % 7 + 14) % 7) + 7 * (d->week - 1);
    while (in_month >= month_days(year, d->month)) {
        in_month -= 7;
    }
    return day + in_month;
}

static int64_t moment(int64_t year, const struct zone_date *d, int32_t offset_s)
{
    int64_t day = first_day(year);

    switch (d->kind) {
    case ZONE_JULIAN:
        day += d->day - 1 + (is_leap(year) && d->day >= 60 ? 1 : 0);
        break;
    case ZONE_DAY:
        day += d->day;
        break;
    case ZONE_WEEKDAY:
        day = weekday_of(year, d);
        break;
    }
    return day * DAY_S + d->at_s - offset_s;
}

/* The last change before, or at, that moment says it. Where both come at once, as with a summer that lasts all
 * year, it is summer. */
int32_t zone__rule_offset(const struct zone_rule *r, int64_t at_s)
{
    int64_t year, newest = INT64_MIN;
    bool summer = false;

    if (!r->has_summer) {
        return r->standard_s;
    }
    year = year_of(floor_div(at_s + r->standard_s, DAY_S));
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t begins = moment(y, &r->begins, r->standard_s);
        int64_t ends = moment(y, &r->ends, r->summer_s);

        if (ends <= at_s && ends > newest) {
            newest = ends;
            summer = false;
        }
        if (begins <= at_s && begins >= newest) {
            newest = begins;
            summer = true;
        }
    }
    return summer ? r->summer_s : r->standard_s;
}
