/* The text forms of time: RFC 3339 and the HTTP dates, both ways. Days are counted with the
 * proleptic Gregorian calendar by arithmetic alone, so neither the locale nor the time zone of
 * the machine has a say. */

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

#define FIRST_MS INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z */
#define LAST_MS INT64_C(253402300799999)  /* 9999-12-31T23:59:59.999Z */

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && leap_year(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01, with the year begun in March so that the leap day comes last. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct time_civil *out)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out->year = (int)(yoe + era * 400 + (out->month <= 2 ? 1 : 0));
}

/* Times outside the years 1 to 9999 are shown as the nearest one inside. */
static int64_t split(int64_t at_ms, struct time_civil *out)
{
    at_ms = at_ms < FIRST_MS ? FIRST_MS : at_ms > LAST_MS ? LAST_MS : at_ms;
    int64_t days = at_ms / MS_DAY - (at_ms % MS_DAY < 0 ? 1 : 0);
    int64_t rest = at_ms - days * MS_DAY;

    civil_from_days(days, out);
    out->hour = (int)(rest / MS_HOUR);
    out->minute = (int)(rest / MS_MINUTE % 60);
    out->second = (int)(rest / MS_SECOND % 60);
    out->ms = (int)(rest % MS_SECOND);
    return days;
}

bool time_from_civil(struct time_civil c, int64_t *out_ms)
{
    if (c.year < 1 || c.year > 9999 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > month_days(c.year, c.month) || c.hour < 0 || c.hour > 23 || c.minute < 0 ||
        c.minute > 59 || c.second < 0 || c.second > 60) {
        return false;
    }
    if (c.second == 60) {
        c.second = 59;
    }
    *out_ms = days_from_civil(c.year, c.month, c.day) * MS_DAY + c.hour * MS_HOUR +
              c.minute * MS_MINUTE + c.second * MS_SECOND + c.ms;
    return true;
}

const char *time_rfc3339(int64_t at_ms, char out[TIME_TEXT_BYTES])
{
    struct time_civil c;

    split(at_ms, &c);
    (void)snprintf(out,
                   TIME_TEXT_BYTES,
                   "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)c.year % 10000,
                   (unsigned)c.month % 100,
                   (unsigned)c.day % 100,
                   (unsigned)c.hour % 100,
                   (unsigned)c.minute % 100,
                   (unsigned)c.second % 100,
                   (unsigned)c.ms % 1000);
    return out;
}

const char *time_rfc3339_seconds(int64_t at_ms, char out[TIME_TEXT_BYTES])
{
    time_rfc3339(at_ms, out);
    memcpy(out + 19, "Z", 2);
    return out;
}

const char *time_http(int64_t at_ms, char out[TIME_TEXT_BYTES])
{
    struct time_civil c;
    int64_t days = split(at_ms, &c);
    size_t weekday = (size_t)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */

    (void)snprintf(out,
                   TIME_TEXT_BYTES,
                   "%s, %02u %s %04u %02u:%02u:%02u GMT",
                   day_names[weekday],
                   (unsigned)c.day % 100,
                   month_names[c.month - 1],
                   (unsigned)c.year % 10000,
                   (unsigned)c.hour % 100,
                   (unsigned)c.minute % 100,
                   (unsigned)c.second % 100);
    return out;
}

/* What is left of a text being read; every taker moves `at` on success. */
struct reader {
    const char *at, *end;
};

static bool take_number(struct reader *r, int width, int *out)
{
    int value = 0;

    if (r->end - r->at < width) {
        return false;
    }
    for (int i = 0; i < width; i++) {
        if (r->at[i] < '0' || r->at[i] > '9') {
            return false;
        }
        value = value * 10 + (r->at[i] - '0');
    }
    r->at += width;
    *out = value;
    return true;
}

static bool take_char(struct reader *r, const char *any_of)
{
    if (r->at == r->end || *r->at == '\0' || strchr(any_of, *r->at) == NULL) {
        return false;
    }
    r->at++;
    return true;
}

static bool take_text(struct reader *r, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0) {
        return false;
    }
    r->at += len;
    return true;
}

static bool take_clock(struct reader *r, struct time_civil *c)
{
    return take_number(r, 2, &c->hour) && take_char(r, ":") && take_number(r, 2, &c->minute) &&
           take_char(r, ":") && take_number(r, 2, &c->second);
}

/* Milliseconds from any number of digits; what is finer is cut off. */
static bool take_fraction(struct reader *r, int *out_ms)
{
    int weight = 100, digit, ms = 0;

    if (!take_char(r, ".,")) {
        *out_ms = 0;
        return true;
    }
    if (!take_number(r, 1, &digit)) {
        return false;
    }
    do {
        ms += digit * weight;
        weight /= 10;
    } while (take_number(r, 1, &digit));
    *out_ms = ms;
    return true;
}

static bool take_zone(struct reader *r, int64_t *out_offset_ms)
{
    int hours, minutes;

    if (take_char(r, "Zz")) {
        *out_offset_ms = 0;
        return true;
    }
    bool west = r->at < r->end && *r->at == '-';
    if (!take_char(r, "+-") || !take_number(r, 2, &hours) || !take_char(r, ":") ||
        !take_number(r, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_offset_ms = (west ? -1 : 1) * (hours * MS_HOUR + minutes * MS_MINUTE);
    return true;
}

bool time_parse_rfc3339(const char *text, size_t len, int64_t *out_ms)
{
    struct reader r = {.at = text, .end = text + len};
    struct time_civil c = {0};
    int64_t offset_ms, at_ms;

    bool read = take_number(&r, 4, &c.year) && take_char(&r, "-") &&
                take_number(&r, 2, &c.month) && take_char(&r, "-") &&
                take_number(&r, 2, &c.day) && take_char(&r, "Tt ") && take_clock(&r, &c) &&
                take_fraction(&r, &c.ms) && take_zone(&r, &offset_ms);
    if (!read || r.at != r.end || !time_from_civil(c, &at_ms)) {
        return false;
    }
    at_ms -= offset_ms;
    if (at_ms < FIRST_MS ||
        at_ms > LAST_MS) { /* the zone moved it out of the years we can write */
        return false;
    }
    *out_ms = at_ms;
    return true;
}

static bool take_month(struct reader *r, int *out)
{
    for (size_t i = 0; i < ARRAY_LEN(month_names); i++) {
        if (take_text(r, month_names[i])) {
            *out = (int)i + 1;
            return true;
        }
    }
    return false;
}

static bool take_day_name(struct reader *r)
{
    for (size_t i = 0; i < ARRAY_LEN(day_names); i++) {
        if (take_text(r, day_names[i])) {
            return true;
        }
    }
    return false;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", what follows the comma. */
static bool take_imf_date(struct reader *r, struct time_civil *c)
{
    return take_text(r, ", ") && take_number(r, 2, &c->day) && take_char(r, " ") &&
           take_month(r, &c->month) && take_char(r, " ") && take_number(r, 4, &c->year) &&
           take_char(r, " ") && take_clock(r, c) && take_text(r, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", after "Sun". Two digits under 70 are of this century. */
static bool take_rfc850_date(struct reader *r, struct time_civil *c)
{
    while (r->at < r->end && *r->at >= 'a' && *r->at <= 'z') {
        r->at++;
    }
    if (!take_text(r, ", ") || !take_number(r, 2, &c->day) || !take_char(r, "-") ||
        !take_month(r, &c->month) || !take_char(r, "-") || !take_number(r, 2, &c->year)) {
        return false;
    }
    c->year += c->year < 70 ? 2000 : 1900;
    return take_char(r, " ") && take_clock(r, c) && take_text(r, " GMT");
}

/* "Sun Nov  6 08:49:37 1994", after "Sun". */
static bool take_asctime_date(struct reader *r, struct time_civil *c)
{
    return take_char(r, " ") && take_month(r, &c->month) && take_char(r, " ") &&
           (take_char(r, " ") ? take_number(r, 1, &c->day) : take_number(r, 2, &c->day)) &&
           take_char(r, " ") && take_clock(r, c) && take_char(r, " ") &&
           take_number(r, 4, &c->year);
}

bool time_parse_http(const char *text, int64_t *out_ms)
{
    typedef bool take_date_fn(struct reader * r, struct time_civil * c);
    static take_date_fn *const forms[] = {take_imf_date, take_rfc850_date, take_asctime_date};
    const char *end = text + strlen(text);

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct reader r = {.at = text, .end = end};
        struct time_civil c = {0};

        if (take_day_name(&r) && forms[i](&r, &c) && r.at == r.end) {
            return time_from_civil(c, out_ms);
        }
    }
    return false;
}
