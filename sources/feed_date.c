/* Reading a date of which only is known that somebody meant one. Called for every item of a feed. The
 * text is walked once, word by word and number by number; each takes the place that is left for it: "22"
 * is a day, "2026" a year, "5:38" a time, "Sept." a month, and three numbers with the same sign between
 * them are a date whose order the longest of them tells. What no date can hold makes it none. */

#include "sources/feed_date.h"

#include <string.h>

#include "base/clock.h"
#include "sources/feed_date_internal.h"

#define DATE_BYTES 128
#define WORD_BYTES 48
#define WORDS_MAX 10 /* nobody says more of a date */
#define FIRST_YEAR 1971
#define WEST_MOST (-720) /* minutes: there are clocks from -12 to +14 hours */
#define EAST_MOST 840

struct date {
    const char *at, *end;
    struct feed_date_rules rules;
    struct time_civil c; /* year, month, day: 0 while not told */
    bool has_time, has_zone, has_offset, digits;
    bool pm, am;
    int zone_minutes;
    int words;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static char peek(const struct date *d, size_t ahead)
{
    return (size_t)(d->end - d->at) > ahead ? d->at[ahead] : '\0';
}

static void skip_blanks(struct date *d)
{
    while (peek(d, 0) == ' ' || peek(d, 0) == '\t') {
        d->at++;
    }
}

struct number {
    int64_t value;
    int digits;
};

/* At most 18 digits are counted; a longer one is nobody's. */
static bool take_number(struct date *d, struct number *out)
{
    *out = (struct number){0};
    while (is_digit(peek(d, 0)) && out->digits < 18) {
        out->value = out->value * 10 + (*d->at++ - '0');
        out->digits++;
    }
    return out->digits > 0 && !is_digit(peek(d, 0));
}

/* ---- parts ---- */

static int full_year(struct number n)
{
    if (n.digits > 2) {
        return n.digits == 4 ? (int)n.value : 0;
    }
    return (int)n.value + (n.value < 50 ? 2000 : 1900); /* RFC 5322 section 4.3 */
}

static void take_fraction(struct date *d)
{
    int weight = 100;

    if ((peek(d, 0) != '.' && peek(d, 0) != ',') || !is_digit(peek(d, 1))) {
        return;
    }
    for (d->at++; is_digit(peek(d, 0)); d->at++) {
        d->c.ms += (*d->at - '0') * weight;
        weight /= 10;
    }
}

static bool set_time(struct date *d, int64_t hour, int64_t minute, int64_t second)
{
    if (d->has_time || hour > 24 || minute > 59 || second > 60) {
        return false;
    }
    d->has_time = true;
    d->c.hour = (int)hour;
    d->c.minute = (int)minute;
    d->c.second = (int)second;
    return true;
}

/* Behind the hour, at the ':' or the 'h'. */
static bool take_clock(struct date *d, struct number hour)
{
    struct number minute = {0}, second = {0};

    d->at++;
    if (hour.digits > 2 || !take_number(d, &minute) || minute.digits > 2) {
        return false;
    }
    if (peek(d, 0) == ':' && is_digit(peek(d, 1))) {
        d->at++;
        if (!take_number(d, &second) || second.digits > 2) {
            return false;
        }
        take_fraction(d);
    }
    return set_time(d, hour.value, minute.value, second.value);
}

/* 20260922, 202609220538, 20260922053800, 1790055480, 1790055480000; or behind a day 0538, 053800. */
static bool set_run(struct date *d, struct number n)
{
    int64_t v = n.value;

    if (d->c.year > 0) {
        v = n.digits == 4 ? v * 100 : v;
        return (n.digits == 4 || n.digits == 6) &&
               set_time(d, v / 10000, v / 100 % 100, v % 100);
    }
    if (n.digits == 14 || n.digits == 12) {
        int64_t rest = n.digits == 14 ? v % 1000000 : v % 10000 * 100;

        v = n.digits == 14 ? v / 1000000 : v / 10000;
        if (!set_time(d, rest / 10000, rest / 100 % 100, rest % 100)) {
            return false;
        }
    } else if (n.digits != 8) {
        return false;
    }
    d->c.year = (int)(v / 10000);
    d->c.month = (int)(v / 100 % 100);
    d->c.day = (int)(v % 100);
    return true;
}

static bool set_day(struct date *d, struct number day, struct number month, struct number year)
{
    if (year.digits > 4 || day.digits > 2 || month.digits > 2 || day.value == 0 ||
        month.value == 0) {
        return false;
    }
    d->c.year = full_year(year);
    d->c.month = (int)month.value;
    d->c.day = (int)day.value;
    return true;
}

static bool is_separator(char c)
{
    return c == '-' || c == '/' || c == '.';
}

/* The next number of a date like 2026-09-22, when the same sign stands before it. */
static bool next_of_date(struct date *d, char sign, struct number *out)
{
    const char *before = d->at;

    if (peek(d, 0) != sign) {
        return false;
    }
    d->at++;
    if (sign == '.') {
        skip_blanks(d); /* "2026. 9. 22." */
    }
    if (!take_number(d, out) || out->digits > 4 || peek(d, 0) == ':') {
        d->at = before;
        return false;
    }
    return true;
}

/* Two or three numbers with a sign between them. */
static bool take_day(struct date *d, struct number first)
{
    char sign = peek(d, 0);
    struct number second = {0}, third = {0};

    if (!next_of_date(d, sign, &second)) {
        return false;
    }
    bool three = next_of_date(d, sign, &third);
    if (first.digits == 4) {
        struct number one = {.value = 1, .digits = 1};

        return set_day(d, three ? third : one, second, first);
    }
    if (!three) {
        return false;
    }
    /* Points are written by people who begin with the day. */
    bool swapped = sign != '.' && d->rules.month_first;
    if ((swapped ? first.value : second.value) > 12) {
        swapped = !swapped;
    }
    return set_day(d, swapped ? second : first, swapped ? first : second, third);
}

/* A number that stands alone. */
static bool set_number(struct date *d, struct number n)
{
    if (n.digits > 4 || (n.digits == 4 && d->c.year > 0)) {
        return set_run(d, n);
    }
    if (n.digits == 4) {
        d->c.year = (int)n.value;
        return true;
    }
    if (n.digits > 2) {
        return false;
    }
    if (d->c.day == 0) {
        d->c.day = (int)n.value;
        return n.value > 0;
    }
    if (d->c.year == 0) {
        d->c.year = full_year(n);
        return true;
    }
    return false;
}

/* ---- words ---- */

static enum date_word take_word(struct date *d, int *out_value)
{
    char word[WORD_BYTES];
    const char *from = d->at;

    /* An Asian unit is a word of one character, and digits follow it at once. */
    while (is_letter(peek(d, 0)) || (peek(d, 0) == '.' && is_letter(peek(d, 1)))) {
        d->at++;
    }
    size_t len = date__fold(from, (size_t)(d->at - from), word, sizeof word);
    *out_value = 0;
    if (d->has_time && len == 1 && word[0] >= 'a' && word[0] <= 'z') {
        return WORD_ZONE; /* military letters, of which RFC 822 had the signs wrong: UTC */
    }
    return date__word(word, len, out_value);
}

static bool set_unit(struct date *d, enum date_word unit, struct number n)
{
    int value = n.digits <= 4 ? (int)n.value : 0;

    switch (unit) {
    case WORD_YEAR:
        d->c.year = value;
        return value > 0;
    case WORD_MONTH_UNIT:
        d->c.month = value;
        return value > 0;
    case WORD_DAY:
        d->c.day = value;
        return value > 0;
    case WORD_HOUR:
        return set_time(d, value, 0, 0);
    case WORD_MINUTE:
        d->c.minute = value;
        return d->has_time && value < 60;
    case WORD_SECOND:
        d->c.second = value;
        return d->has_time && value <= 60;
    case WORD_AM:
    case WORD_PM:
        d->pm = unit == WORD_PM;
        d->am = unit == WORD_AM;
        return set_time(d, value, 0, 0);
    default:
        return set_number(d, n);
    }
}

/* A word right behind a number may say what the number is: "3 PM", "22일", "15 h 04", "2nd". */
static bool take_behind(struct date *d, struct number n)
{
    const char *before = d->at;
    int value;

    skip_blanks(d);
    if (!is_letter(peek(d, 0))) {
        d->at = before;
        return set_number(d, n);
    }
    enum date_word word = take_word(d, &value);
    if (word == WORD_HOUR && n.digits <= 2) {
        skip_blanks(d);
        if (is_digit(peek(d, 0)) && (unsigned char)before[0] < 0x80) {
            d->at--; /* take_clock() wants a sign to pass over */
            return take_clock(d, n);
        }
    }
    if (word >= WORD_YEAR && word <= WORD_SECOND) {
        return set_unit(d, word, n);
    }
    if ((word == WORD_AM || word == WORD_PM) && !d->has_time && n.digits <= 2) {
        return set_unit(d, word, n);
    }
    d->at = before;
    return set_number(d, n);
}

static bool take_digits(struct date *d)
{
    struct number n;

    if (!take_number(d, &n)) {
        return false;
    }
    d->digits = true;
    if (peek(d, 0) == ':') {
        return take_clock(d, n);
    }
    if (is_separator(peek(d, 0)) && d->c.year == 0 && d->c.day == 0) {
        const char *before = d->at;

        if (take_day(d, n)) {
            return true;
        }
        d->at = before;
    }
    return take_behind(d, n);
}

/* "+0200" "-05:00" "+2", behind a time or the name of a zone. */
static bool take_offset(struct date *d)
{
    bool west = *d->at == '-';
    struct number n, minutes = {0};

    d->at++;
    if (!take_number(d, &n) || n.digits > 4) {
        return false;
    }
    if (n.digits > 2) {
        minutes.value = n.value % 100;
        n.value /= 100;
    } else if (peek(d, 0) == ':' && is_digit(peek(d, 1))) {
        d->at++;
        if (!take_number(d, &minutes) || minutes.digits > 2) {
            return false;
        }
    }
    int64_t offset = (west ? -1 : 1) * (n.value * 60 + minutes.value);
    bool possible = offset >= WEST_MOST && offset <= EAST_MOST && minutes.value < 60;
    d->zone_minutes = possible ? (int)offset : 0;
    d->has_zone = d->has_offset = true;
    return true;
}

static bool read_word(struct date *d)
{
    int value;

    if (++d->words > WORDS_MAX) {
        return false;
    }
    enum date_word word = take_word(d, &value);

    switch (word) {
    case WORD_MONTH:
        /* The first may be a day of the week, as "mar." is in three languages. */
        d->c.month = value;
        return true;
    case WORD_ZONE:
        if (!d->has_offset) {
            d->zone_minutes = value;
            d->has_zone = d->has_time || d->digits;
        }
        return true;
    case WORD_AM:
    case WORD_PM:
        /* Before any number it is German: "am 22. September". */
        d->pm = d->digits && word == WORD_PM;
        d->am = d->digits && word == WORD_AM;
        return true;
    case WORD_FILLER:
    case WORD_HOUR: /* "15:04 Uhr" */
        return true;
    default:
        return !d->digits; /* before the first number anything may stand, a day of the week mostly */
    }
}

static bool skip_remark(struct date *d, char close)
{
    while (d->at < d->end && *d->at != close) {
        d->at++;
    }
    if (d->at == d->end) {
        return false;
    }
    d->at++;
    return true;
}

static bool read_next(struct date *d)
{
    char c = peek(d, 0);

    if (is_digit(c)) {
        return take_digits(d);
    }
    if ((c == 'T' || c == 't') && d->c.year > 0 && !d->has_time && is_digit(peek(d, 1))) {
        d->at++;
        return true;
    }
    if (is_letter(c)) {
        return read_word(d);
    }
    if ((c == '+' || c == '-') && (d->has_time || d->has_zone) && is_digit(peek(d, 1)) &&
        d->c.day > 0) {
        return take_offset(d);
    }
    if (c == '(' || c == '[') {
        return skip_remark(d, c == '(' ? ')' : ']');
    }
    d->at++;
    return strchr(" \t\r\n,;-/.|@", c) != NULL && c != '\0';
}

/* ---- the whole ---- */

static bool finish(struct date *d, int64_t *out_ms)
{
    int64_t at_ms, more_ms = 0;

    if (d->c.year < FIRST_YEAR || (d->c.month == 0 && d->c.day != 0)) {
        return false;
    }
    d->c.month = d->c.month == 0 ? 1 : d->c.month;
    d->c.day = d->c.day == 0 ? 1 : d->c.day;
    if (d->c.hour == 24) {
        if (d->c.minute != 0 || d->c.second != 0) {
            return false;
        }
        d->c.hour = 0;
        more_ms = MS_DAY;
    }
    if (d->pm && d->c.hour < 12) {
        d->c.hour += 12;
    } else if (d->am && d->c.hour == 12) {
        d->c.hour = 0;
    }
    if (!time_from_civil(d->c, &at_ms)) {
        return false;
    }
    int zone = d->has_zone ? d->zone_minutes : d->rules.zone_minutes;
    *out_ms = at_ms + more_ms - zone * MS_MINUTE;
    return true;
}

/* Seconds or milliseconds since 1970. */
static bool read_unix(const char *text, size_t len, int64_t *out_ms)
{
    struct date d = {.at = text, .end = text + len};
    struct number n;

    if ((len != 9 && len != 10 && len != 13) || !take_number(&d, &n) || d.at != d.end) {
        return false;
    }
    *out_ms = len == 13 ? n.value : n.value * MS_SECOND;
    return *out_ms >= 365 * MS_DAY;
}

bool feed_date_parse(const char *text,
                     size_t len,
                     const struct feed_date_rules *rules,
                     int64_t *out_ms)
{
    struct date d = {.rules = *rules};

    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    for (; len > 0 && strchr(" \t\r\n", *text) != NULL; text++) {
        len--;
    }
    if (len > DATE_BYTES) {
        return false;
    }
    if (read_unix(text, len, out_ms)) {
        return true;
    }
    d.at = text;
    d.end = text + len;
    while (d.at < d.end) {
        if (!read_next(&d)) {
            return false;
        }
    }
    return finish(&d, out_ms);
}
