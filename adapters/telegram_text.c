/* Telegram's HTML, both ways: escaping values for it, and what is left of it when Telegram has
 * parsed it, which is what its limits count. Called by telegram.c through fit_text(). Pure. */

#include "adapters/telegram_internal.h"

#include <string.h>

#include "base/attr.h"

#define ENTITY_MAX 12 /* bytes of "&#x10FFFF;" and some leading zeros */

void telegram__escape(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&':
            buf_adds(out, "&amp;");
            break;
        case '<':
            buf_adds(out, "&lt;");
            break;
        case '>':
            buf_adds(out, "&gt;");
            break;
        case '"':
            buf_adds(out, "&quot;");
            break;
        default:
            buf_addc(out, text[i]);
        }
    }
}

static void add_code_point(struct buf *out, unsigned long c)
{
    if (c < 0x80) {
        buf_addc(out, (char)c);
    } else if (c < 0x800) {
        buf_addc(out, (char)(0xc0 | (c >> 6)));
        buf_addc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_addc(out, (char)(0xe0 | (c >> 12)));
        buf_addc(out, (char)(0x80 | ((c >> 6) & 0x3f)));
        buf_addc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_addc(out, (char)(0xf0 | (c >> 18)));
        buf_addc(out, (char)(0x80 | ((c >> 12) & 0x3f)));
        buf_addc(out, (char)(0x80 | ((c >> 6) & 0x3f)));
        buf_addc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* The value of a digit in base 10 or 16; -1: none. */
static int digit(char c, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    int lower = c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c;
    const char *at = lower ? memchr(digits, lower, base) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* "#65" or "#x41", without & and ;. False when it is no character. */
static bool numeric_entity(const char *name, size_t len, unsigned long *out)
{
    bool hex = len > 1 && (name[1] == 'x' || name[1] == 'X');
    unsigned base = hex ? 16 : 10;
    size_t from = hex ? 2 : 1;
    unsigned long value = 0;

    if (len <= from) {
        return false;
    }
    for (size_t i = from; i < len; i++) {
        int d = digit(name[i], base);

        if (d < 0) {
            return false;
        }
        value = value * base + (unsigned long)d; /* ENTITY_MAX bounds it */
    }
    *out = value;
    return value > 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
}

/* Length of the entity at html (which begins with '&'), its character added; 0: none there. */
static size_t add_entity(struct buf *out, const char *html, size_t len)
{
    static const struct {
        const char *name;
        char c;
    } named[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}};
    const char *end = memchr(html, ';', len < ENTITY_MAX ? len : ENTITY_MAX);
    size_t name_len = end ? (size_t)(end - html) - 1 : 0;
    unsigned long c;

    if (name_len == 0) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (strlen(named[i].name) == name_len &&
            memcmp(html + 1, named[i].name, name_len) == 0) {
            buf_addc(out, named[i].c);
            return name_len + 2;
        }
    }
    if (html[1] != '#' || !numeric_entity(html + 1, name_len, &c)) {
        return 0;
    }
    add_code_point(out, c);
    return name_len + 2;
}

/* Length of the tag at html (which begins with '<'); 0: none there. */
static size_t tag_length(const char *html, size_t len)
{
    const char *end = memchr(html, '>', len);
    int first = len > 1 ? html[1] : 0;
    bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');

    return end && (letter || first == '/') ? (size_t)(end - html) + 1 : 0;
}

void telegram__strip(struct buf *out, const char *html, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t skip = 0;

        if (html[i] == '<') {
            skip = tag_length(html + i, len - i);
        } else if (html[i] == '&') {
            skip = add_entity(out, html + i, len - i);
        }
        if (skip == 0) {
            buf_addc(out, html[i]);
            skip = 1;
        }
        i += skip;
    }
}
