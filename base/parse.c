/* Numbers, durations, sizes, rates and ranges as people write them, and back. Called by
 * config/, by the doors and by tools. The only file that calls strto*; keeps nothing. */

#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool parse_i64(const char *text, int64_t *out)
{
    char *end;

    if (!is_digit(text[0]) && !(text[0] == '-' && is_digit(text[1]))) {
        return false; /* strtoll would also take blanks and a plus */
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

/* Digits from *at on; moves *at behind them. */
static bool take_count(const char **at, uint64_t *out)
{
    char *end;

    if (!is_digit(**at)) {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(*at, &end, 10);
    if (errno != 0) {
        return false;
    }
    *at = end;
    *out = value;
    return true;
}

bool parse_u64(const char *text, uint64_t *out)
{
    uint64_t value;

    if (!take_count(&text, &value) || *text != '\0') {
        return false;
    }
    *out = value;
    return true;
}

bool parse_f64(const char *text, double *out)
{
    char *end;

    for (const char *c = text; *c != '\0'; c++) {
        if (!is_digit(*c) && strchr("+-.eE", *c) == NULL) {
            return false; /* strtod also takes blanks, hexadecimal, "inf" and "nan" */
        }
    }
    if (!is_digit(text[0]) && !(text[0] == '-' && is_digit(text[1]))) {
        return false;
    }
    errno = 0;
    double value = strtod(text, &end);
    if ((errno != 0 && (value > 1 || value < -1)) || *end != '\0') {
        return false; /* too small for a double is close enough to zero */
    }
    *out = value;
    return true;
}

bool parse_bool(const char *text, bool *out)
{
    static const char *const words[][2] = {
        {"true", "false"},
        {"yes", "no"},
        {"on", "off"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (size_t j = 0; j < 2; j++) {
            if (strcmp(text, words[i][j]) == 0) {
                *out = j == 0;
                return true;
            }
        }
    }
    return false;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"d", 86400000},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
};

static const struct unit *
find_unit(const struct unit *units, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, name, len) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

/* *total += count * factor, unless that overflows. */
static bool add_product(int64_t *total, uint64_t count, int64_t factor)
{
    if (count > (uint64_t)((INT64_MAX - *total) / factor)) {
        return false;
    }
    *total += (int64_t)count * factor;
    return true;
}

bool parse_duration_ms(const char *text, int64_t *out_ms)
{
    const struct unit *last = NULL;
    int64_t total = 0;

    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    while (*text != '\0') {
        uint64_t count;

        if (!take_count(&text, &count)) {
            return false;
        }
        size_t len = strspn(text, "dhms");
        const struct unit *unit =
            find_unit(duration_units, ARRAY_LEN(duration_units), text, len);
        if (unit == NULL || (last != NULL && unit <= last) ||
            !add_product(&total, count, unit->factor)) {
            return false; /* each unit once, the larger first */
        }
        last = unit;
        text += len;
    }
    if (last == NULL) {
        return false;
    }
    *out_ms = total;
    return true;
}

static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"TB", INT64_C(1000000000000)},
    {"GiB", 1 << 30},
    {"GB", 1000000000},
    {"MiB", 1 << 20},
    {"MB", 1000000},
    {"KiB", 1 << 10},
    {"KB", 1000},
    {"kB", 1000},
    {"B", 1},
    {"", 1},
};

bool parse_size(const char *text, int64_t *out_bytes)
{
    uint64_t count;
    int64_t total = 0;

    if (!take_count(&text, &count)) {
        return false;
    }
    const struct unit *unit = find_unit(size_units, ARRAY_LEN(size_units), text, strlen(text));
    if (unit == NULL || !add_product(&total, count, unit->factor)) {
        return false;
    }
    *out_bytes = total;
    return true;
}

static const struct unit rate_units[] = {
    {"ms", 1},
    {"s", 1000},
    {"sec", 1000},
    {"second", 1000},
    {"m", 60000},
    {"min", 60000},
    {"minute", 60000},
    {"h", 3600000},
    {"hour", 3600000},
    {"d", 86400000},
    {"day", 86400000},
};

bool parse_rate(const char *text, struct rate *out)
{
    uint64_t count, units = 1;
    int64_t per_ms = 0;

    if (strcmp(text, "unlimited") == 0 || strcmp(text, "0") == 0) {
        *out = (struct rate){.count = RATE_UNLIMITED};
        return true;
    }
    if (!take_count(&text, &count) || count == 0 || count > INT64_MAX || *text++ != '/') {
        return false;
    }
    if (is_digit(*text) && (!take_count(&text, &units) || units == 0)) {
        return false;
    }
    const struct unit *unit = find_unit(rate_units, ARRAY_LEN(rate_units), text, strlen(text));
    if (unit == NULL || !add_product(&per_ms, units, unit->factor)) {
        return false;
    }
    *out = (struct rate){.count = (int64_t)count, .per_ms = per_ms};
    return true;
}

bool parse_range(const char *text, struct range *out)
{
    uint64_t low, high;

    if (!take_count(&text, &low)) {
        return false;
    }
    high = low;
    if (strncmp(text, "..", 2) == 0) {
        text += 2;
        if (!take_count(&text, &high)) {
            return false;
        }
    }
    if (*text != '\0' || high < low || high > INT64_MAX) {
        return false;
    }
    *out = (struct range){.low = (int64_t)low, .high = (int64_t)high};
    return true;
}

const char *format_duration(int64_t ms, char out[PARSE_TEXT_BYTES])
{
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    size_t len = 0;

    if (ms == 0) {
        memcpy(out, "0", 2);
        return out;
    }
    out[0] = '\0';
    if (ms < 0) {
        out[len++] = '-';
    }
    for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
        uint64_t factor = (uint64_t)duration_units[i].factor;

        if (left / factor > 0) {
            len += (size_t)snprintf(out + len,
                                    PARSE_TEXT_BYTES - len,
                                    "%" PRIu64 "%s",
                                    left / factor,
                                    duration_units[i].name);
            left %= factor;
        }
    }
    return out;
}

const char *format_size(int64_t bytes, char out[PARSE_TEXT_BYTES])
{
    size_t unit = ARRAY_LEN(size_units) - 1;

    for (size_t i = 0; bytes > 0 && i < ARRAY_LEN(size_units); i++) {
        if (bytes % size_units[i].factor == 0 && size_units[i].factor > 1) {
            unit = i;
            break;
        }
    }
    (void)snprintf(out,
                   PARSE_TEXT_BYTES,
                   "%" PRId64 "%s",
                   bytes / size_units[unit].factor,
                   size_units[unit].name);
    return out;
}

/* Three digits are enough to compare; decimal units, as platforms write their limits. */
const char *format_size_about(int64_t bytes, char out[PARSE_TEXT_BYTES])
{
    static const char *const units[] = {"", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out,
                   PARSE_TEXT_BYTES,
                   value < 9.95 && unit > 0 ? "%.1f%s" : "%.0f%s",
                   value,
                   units[unit]);
    return out;
}

const char *format_rate(struct rate rate, char out[PARSE_TEXT_BYTES])
{
    char per[PARSE_TEXT_BYTES];

    if (rate.count <= 0) {
        (void)snprintf(out, PARSE_TEXT_BYTES, "unlimited");
        return out;
    }
    for (size_t i = ARRAY_LEN(rate_units); i-- > 0;) {
        bool common =
            strcmp(rate_units[i].name, "s") == 0 || strcmp(rate_units[i].name, "min") == 0 ||
            strcmp(rate_units[i].name, "h") == 0 || strcmp(rate_units[i].name, "day") == 0;

        if (common && rate.per_ms % rate_units[i].factor == 0) {
            int64_t units = rate.per_ms / rate_units[i].factor;

            (void)snprintf(per, sizeof per, "%" PRId64, units);
            (void)snprintf(out,
                           PARSE_TEXT_BYTES,
                           "%" PRId64 "/%.20s%s",
                           rate.count,
                           units == 1 ? "" : per,
                           rate_units[i].name);
            return out;
        }
    }
    (void)snprintf(out, PARSE_TEXT_BYTES, "%" PRId64 "/%" PRId64 "ms", rate.count, rate.per_ms);
    return out;
}

#define CLOSEST_BYTES 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a to b: insert, delete, change, or swap two neighbours (optimal string
 * alignment). */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][CLOSEST_BYTES + 1];

    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        const size_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        size_t *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;

            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + change);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = least(row[j], above2[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *parse_closest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t len = strlen(word);
    size_t best_distance = len / 3 + 1; /* one edit in three letters, and one in the shortest */

    if (len > CLOSEST_BYTES) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);

        if (other > CLOSEST_BYTES) {
            continue;
        }
        size_t edits = distance(word, len, candidates[i], other);
        if (edits < other &&
            (edits < best_distance || (best == NULL && edits == best_distance))) {
            best = candidates[i];
            best_distance = edits;
        }
    }
    return best;
}
