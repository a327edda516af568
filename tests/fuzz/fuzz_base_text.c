/* Text from anywhere, valid or not. The first two bytes choose unit and limit. A cut never
 * exceeds its limit, never tears a cluster or a link; HTML gives bounded valid text; links lie
 * in order. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

#define BYTES 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t units_of(enum text_unit unit, const char *text, size_t len)
{
    struct text_rule rule = {.unit = unit};

    return text_measure(&rule, text, len);
}

/* Is there a cluster boundary at len? */
static bool is_boundary(const char *text, size_t total, size_t len)
{
    return text_prefix(TEXT_BYTES, text, total, len) == len;
}

static void check_links_whole(const char *text, size_t len, size_t kept)
{
    size_t start, end, pos = 0;

    while (text_next_link(text, len, pos, &start, &end)) {
        must(start >= pos && end > start && end <= len);
        must(kept <= start || kept >= end);
        pos = end;
    }
}

static void check_links_of_x(const char *text, size_t len)
{
    struct text_rule rule = {.unit = TEXT_X_WEIGHTED, .link_length = 23};
    size_t start, end, pos = 0;

    while (text_x_next_link(text, len, pos, &start, &end)) {
        must(start >= pos && end > start && end <= len &&
             text_valid(text + start, end - start));
        pos = end;
    }
    must(text_measure(&rule, text, len) <= 6 * len + 23);
}

static void check_cut(enum text_unit unit, const char *text, size_t len, size_t units)
{
    size_t whole = units_of(unit, text, len);
    size_t prefix = text_prefix(unit, text, len, units);
    struct buf out;

    must(prefix <= len && units_of(unit, text, prefix) <= units);
    must(is_boundary(text, len, prefix));
    must((prefix == len) == (whole <= units));
    buf_init(&out, BYTES);
    bool cut = text_cut(&out, unit, text, len, units);
    must(cut == (whole > units));
    must(units_of(unit, buf_str(&out), out.len) <= units);
    if (cut && out.len > 0) {
        size_t kept = out.len - strlen("…");

        must(memcmp(text, out.data, kept) == 0 && is_boundary(text, len, kept));
        check_links_whole(text, len, kept);
    }
    buf_done(&out);
}

static void check_foldings(const char *text, size_t len)
{
    struct text_rule rule = {.unit = TEXT_GRAPHEMES, .max = 10, .link_length = 23};
    struct buf out, twice;
    char *copy = mem_strndup(text, len);

    buf_init(&out, BYTES);
    buf_init(&twice, BYTES);
    text_from_html(&out, text, len);
    must(out.len <= 3 * len && text_valid(buf_str(&out), out.len));
    buf_clear(&out);
    text_collapse(&out, text, len);
    must(text_valid(buf_str(&out), out.len));
    text_collapse(&twice, buf_str(&out), out.len);
    must(twice.len == out.len && memcmp(buf_str(&twice), buf_str(&out), out.len) == 0);
    buf_clear(&out);
    text_escape_html(&out, text, len);
    must(out.len >= len);
    buf_clear(&out);
    bool made = text_hashtag(&out, copy);
    must(made == (out.len > 0));
    (void)text_measure(&rule, text, len);
    (void)text_columns(text, len);
    must(text_same_fold(copy, copy));
    buf_done(&out);
    buf_done(&twice);
    mem_free(copy);
}

/* The small parsers see the same bytes: what they accept must come back from its text form. */
static void check_parsers(const char *text, size_t len)
{
    char *copy = mem_strndup(text, len), shown[PARSE_TEXT_BYTES], time[TIME_TEXT_BYTES];
    int64_t value, again;
    struct buf out;

    if (parse_duration_ms(copy, &value)) {
        must(parse_duration_ms(format_duration(value, shown), &again) && again == value);
    }
    if (parse_size(copy, &value)) {
        must(parse_size(format_size(value, shown), &again) && again == value);
    }
    if (time_parse_rfc3339(text, len, &value)) {
        must(time_parse_rfc3339(time_rfc3339(value, time), 24, &again) && again == value);
    }
    (void)time_parse_http(copy, &value);
    buf_init(&out, BYTES);
    if (crypto_unbase64(&out, text, len)) {
        must(out.len == len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1) ||
             memchr(text, '=', len));
    }
    buf_done(&out);
    mem_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 20000) {
        return 0;
    }
    enum text_unit unit = (enum text_unit)(data[0] % (TEXT_X_WEIGHTED + 1));
    const char *text = (const char *)data + 2;
    size_t len = size - 2;

    if (text_valid(text, len)) {
        check_cut(unit, text, len, data[1]);
        check_links_of_x(text, len);
    }
    check_foldings(text, len);
    check_parsers(text, len);
    must(mem_live_count() == 0);
    return 0;
}
