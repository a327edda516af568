/* JSON written member by member. Called by everybody who writes the same form again and again;
 * owns nothing. Whether a comma is due shows in the last byte written: behind an opening bracket
 * or a colon there is none, and no value ends in one of those. */

#include "base/json_put.h"

#include <string.h>

/* ---- text ---- */

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* The high bit of each byte that is zero, and perhaps of the one above it. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE) & ~word & HIGH_BITS;
}

/* Eight bytes that stand in a string as they are: no control, quotation mark or reverse solidus
 * (RFC 8259 section 7). Bytes of other characters, 0x80 and up, do. */
static bool is_plain_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return (((word - EACH_BYTE * 0x20) & ~word & HIGH_BITS) |
            zero_bytes(word ^ EACH_BYTE * '"') | zero_bytes(word ^ EACH_BYTE * '\\')) == 0;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* How many bytes from the start stand as they are. */
static size_t plain_run(const char *text, size_t len)
{
    size_t i = 0;

    while (len - i >= sizeof(uint64_t) && is_plain_word(text + i)) {
        i += sizeof(uint64_t);
    }
    while (i < len && is_plain(text[i])) {
        i++;
    }
    return i;
}

static void put_escape(struct buf *b, char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (const char *at = shorts; *at; at += 2) {
        if (*at == c) {
            buf_addc(b, '\\');
            buf_addc(b, at[1]);
            return;
        }
    }
    buf_addf(b, "\\u%04X", (unsigned)(unsigned char)c);
}

static void put_string(struct buf *b, const char *text, size_t len)
{
    buf_addc(b, '"');
    for (size_t i = 0; i < len; i++) {
        size_t run = plain_run(text + i, len - i);

        buf_add(b, text + i, run);
        i += run;
        if (i < len) {
            put_escape(b, text[i]);
        }
    }
    buf_addc(b, '"');
}

/* ---- members ---- */

static void put_key(struct buf *b, const char *key)
{
    char last = b->len > 0 ? b->data[b->len - 1] : '{';

    if (last != '{' && last != '[' && last != ':') {
        buf_addc(b, ',');
    }
    if (key) {
        buf_addc(b, '"');
        buf_adds(b, key);
        buf_add(b, "\":", 2);
    }
}

void json_put_open(struct buf *b, const char *key, char bracket)
{
    put_key(b, key);
    buf_addc(b, bracket);
}

void json_put_close(struct buf *b, char bracket)
{
    buf_addc(b, bracket);
}

void json_put_text(struct buf *b, const char *key, const char *value)
{
    if (value) {
        put_key(b, key);
        put_string(b, value, strlen(value));
    }
}

void json_put_int(struct buf *b, const char *key, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    put_key(b, key);
    buf_add(b, digits + at, sizeof digits - at);
}

void json_put_bool(struct buf *b, const char *key, bool value)
{
    put_key(b, key);
    buf_adds(b, value ? "true" : "false");
}

void json_put_raw(struct buf *b, const char *key, const char *json, size_t len)
{
    put_key(b, key);
    buf_add(b, json, len);
}
