/* Text as characters and clusters: validity, measuring, prefixes, and the small foldings.
 * Called by the doors (validity), adapters (limits) and templates. Keeps nothing. Cutting and
 * links are in text_cut.c, HTML in text_html.c. utf8proc knows Unicode; most news is ASCII,
 * which never asks it. */

#include "base/text.h"

#include <string.h>

#include <utf8proc.h>

#include "base/text_internal.h"

const char *text_unit_name(enum text_unit unit)
{
    switch (unit) {
    case TEXT_BYTES:
        return "bytes";
    case TEXT_CODE_POINTS:
        return "code points";
    case TEXT_UTF16:
        return "UTF-16 units";
    case TEXT_GRAPHEMES:
        return "graphemes";
    case TEXT_EMOJI_BYTES:
        return "characters, emoji as bytes";
    case TEXT_X_WEIGHTED:
        return "characters as X weighs them";
    }
    return "?";
}

static bool continues(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* The second byte decides about overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool second_ok(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second <= 0x9F;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second <= 0x8F;
    default:
        return true;
    }
}

size_t text_character(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;

    if (len == 0) {
        return 0;
    }
    if (c[0] < 0x80) {
        return 1;
    }
    size_t bytes = c[0] >= 0xF0 ? 4 : c[0] >= 0xE0 ? 3 : 2;
    if (c[0] < 0xC2 || c[0] > 0xF4 || len < bytes || !second_ok(c[0], c[1])) {
        return 0;
    }
    for (size_t i = 1; i < bytes; i++) {
        if (!continues(c[i])) {
            return 0;
        }
    }
    return bytes;
}

size_t text_drop_halves(char *text)
{
    size_t len = strlen(text), kept = 0, n;

    for (size_t at = 0; at<len; at += n> 0 ? n : 1) {
        n = text_character(text + at, len - at);
        memmove(text + kept, text + at, n);
        kept += n;
    }
    text[kept] = '\0';
    return kept;
}

/* Eight bytes of which none is 0 and none has its high bit: most news is ASCII. */
static bool is_ascii_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    /* The borrow of a zero byte reaches its high bit; so may its neighbour's, which is no harm:
     * the slow way then looks at each. */
    return ((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0;
}

bool text_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        if (len - i >= sizeof(uint64_t) && is_ascii_word(text + i)) {
            i += sizeof(uint64_t);
            continue;
        }
        size_t bytes = text_character(text + i, len - i);

        if (bytes == 0 || text[i] == '\0') {
            return false;
        }
        i += bytes;
    }
    return true;
}

int32_t text__code_point(const char *text, size_t len, size_t pos, size_t *out_next)
{
    const unsigned char *c = (const unsigned char *)text + pos;

    switch (text_character(text + pos, len - pos)) {
    case 1:
        *out_next = pos + 1;
        return c[0];
    case 2:
        *out_next = pos + 2;
        return (c[0] & 0x1F) << 6 | (c[1] & 0x3F);
    case 3:
        *out_next = pos + 3;
        return (c[0] & 0x0F) << 12 | (c[1] & 0x3F) << 6 | (c[2] & 0x3F);
    case 4:
        *out_next = pos + 4;
        return (c[0] & 0x07) << 18 | (c[1] & 0x3F) << 12 | (c[2] & 0x3F) << 6 | (c[3] & 0x3F);
    default:
        *out_next = pos + 1;
        return 0xFFFD;
    }
}

static size_t utf16_units(int32_t c)
{
    return c > 0xFFFF ? 2 : 1;
}

/* Makes an emoji of the cluster it stands in: a pictograph (© and ™ are such too), half a flag, the frame of
 * a keycap, the wish for a coloured picture. */
static bool makes_emoji(int32_t c)
{
    int class = c < 0xA9 ? UTF8PROC_BOUNDCLASS_OTHER : utf8proc_get_property(c)->boundclass;

    return class == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC ||
           class == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR || c == 0x20E3 || c == 0xFE0F;
}

struct text_cluster text__cluster(const char *text, size_t len, size_t pos)
{
    struct text_cluster c = {.code_points = 1};
    utf8proc_int32_t state = 0;
    size_t next;

    c.first = text__code_point(text, len, pos, &c.end);
    c.utf16 = utf16_units(c.first);
    if (c.first < 0x80 && c.first != '\r' &&
        (c.end == len || (unsigned char)text[c.end] < 0x80)) {
        return c;
    }
    c.emoji = makes_emoji(c.first);
    for (int32_t last = c.first; c.end < len; c.end = next) {
        int32_t more = text__code_point(text, len, c.end, &next);

        if (utf8proc_grapheme_break_stateful(last, more, &state)) {
            break;
        }
        c.code_points++;
        c.utf16 += utf16_units(more);
        c.emoji = c.emoji || makes_emoji(more);
        last = more;
    }
    return c;
}

size_t
text__cost(enum text_unit unit, const char *text, const struct text_cluster *c, size_t pos)
{
    switch (unit) {
    case TEXT_BYTES:
        return c->end - pos;
    case TEXT_CODE_POINTS:
        return c->code_points;
    case TEXT_UTF16:
        return c->utf16;
    case TEXT_GRAPHEMES:
        return 1;
    case TEXT_EMOJI_BYTES:
        return c->emoji ? c->end - pos : 1;
    case TEXT_X_WEIGHTED:
        return text__x_cost(text + pos, c->end - pos);
    }
    return 1;
}

void text__append(struct buf *out, int32_t code_point)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t len = utf8proc_encode_char(code_point, bytes);

    buf_add(out, bytes, len > 0 ? (size_t)len : 0);
}

bool text__is_blank(int32_t c)
{
    if (c < 0x80) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool text__is_punctuation(int32_t c)
{
    if (c == '%' || c == 0x2030 || c == 0xFF05 || c == 0x66A) {
        return false; /* "50 %" means something else without it */
    }
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

static size_t measure_plain(enum text_unit unit, const char *text, size_t len)
{
    size_t units = 0;

    if (unit == TEXT_BYTES) {
        return len;
    }
    for (size_t pos = 0; pos < len;) {
        struct text_cluster c = text__cluster(text, len, pos);

        units += text__cost(unit, text, &c, pos);
        pos = c.end;
    }
    return units;
}

static bool next_link(
    enum text_unit unit, const char *text, size_t len, size_t pos, size_t *start, size_t *end)
{
    return unit == TEXT_X_WEIGHTED ? text_x_next_link(text, len, pos, start, end)
                                   : text_next_link(text, len, pos, start, end);
}

size_t text_measure(const struct text_rule *rule, const char *text, size_t len)
{
    size_t units = 0, pos = 0, start, end;

    while (rule->link_length > 0 && next_link(rule->unit, text, len, pos, &start, &end)) {
        units += measure_plain(rule->unit, text + pos, start - pos) + rule->link_length;
        pos = end;
    }
    return units + measure_plain(rule->unit, text + pos, len - pos);
}

bool text_fits(const struct text_rule *rule, const char *text, size_t len)
{
    if (rule->max_bytes > 0 && len > rule->max_bytes) {
        return false;
    }
    return rule->max == 0 || text_measure(rule, text, len) <= rule->max;
}

size_t text_prefix(enum text_unit unit, const char *text, size_t len, size_t units)
{
    size_t pos = 0;

    if (len <= units && unit != TEXT_X_WEIGHTED) {
        return len; /* no other unit is smaller than a byte: X takes some characters apart first */
    }
    while (pos < len) {
        struct text_cluster c = text__cluster(text, len, pos);
        size_t cost = text__cost(unit, text, &c, pos);

        if (cost > units) {
            break;
        }
        units -= cost;
        pos = c.end;
    }
    return pos;
}

void text_collapse(struct buf *out, const char *text, size_t len)
{
    bool blank = false, any = false;
    size_t next;

    for (size_t pos = 0; pos < len; pos = next) {
        int32_t c = text__code_point(text, len, pos, &next);

        if (text__is_blank(c)) {
            blank = true;
            continue;
        }
        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xFEFF) {
            continue;
        }
        if (blank && any) {
            buf_addc(out, ' ');
        }
        text__append(out, c);
        blank = false;
        any = true;
    }
}

static bool is_word_character(int32_t c)
{
    if (c == '_') {
        return true;
    }
    utf8proc_category_t category = utf8proc_category(c);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME) ||
           category == UTF8PROC_CATEGORY_ND;
}

static bool is_letter(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);

    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool text_hashtag(struct buf *out, const char *tag)
{
    size_t len = strlen(tag), before = out->len, next;
    bool letters = false;

    for (size_t pos = 0; pos < len; pos = next) {
        int32_t c = text__code_point(tag, len, pos, &next);

        if (is_word_character(c)) {
            text__append(out, c);
            letters = letters || is_letter(c);
        }
    }
    if (!letters) {
        buf_truncate(out, before);
    }
    return letters;
}

size_t text_hashtag_length(const char *text, size_t len)
{
    size_t pos = 0, next;
    bool letters = false;

    while (pos < len) {
        int32_t c = text__code_point(text, len, pos, &next);

        if (!is_word_character(c)) {
            break;
        }
        letters = letters || is_letter(c);
        pos = next;
    }
    return letters ? pos : 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_same_fold(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

size_t text_columns(const char *text, size_t len)
{
    size_t columns = 0;

    for (size_t pos = 0; pos < len;) {
        struct text_cluster c = text__cluster(text, len, pos);
        int width = c.first < 0x20 ? 0 : utf8proc_charwidth(c.first);

        columns += width > 0 ? (size_t)width : 0;
        pos = c.end;
    }
    return columns;
}
