/* Reads plain JSON fast: what nearly all of it is. Called by json_read(), which asks Jansson
 * about everything this gives back as NULL: mistakes (Jansson says where), numbers with a
 * fraction or an exponent or more than 18 digits, escapes in names, names that come twice,
 * lone surrogates. So Jansson alone decides what is JSON; this may only be quicker about it,
 * and never takes what Jansson would not. The unit test and the fuzz target compare the two.
 *
 * Why: Jansson looks at every character three times through calls; an article with its text
 * costs a door that has to take thirty thousand a second more there than in all the rest
 * (tests/bench). */

#include "base/json_internal.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define DIGITS_MAX 18 /* always fit an int64 */
#define DEPTH_MAX 256 /* ours; Jansson's own is 2048 */
#define ASCII_SPACE " \t\n\r"

struct reader {
    const char *p, *end;
    size_t depth_left;
    struct buf text; /* of a string with escapes */
};

static json_t *read_value(struct reader *r);

static void skip_space(struct reader *r)
{
    while (r->p < r->end && *r->p != '\0' && strchr(ASCII_SPACE, *r->p)) {
        r->p++;
    }
}

static bool take(struct reader *r, char c)
{
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}

/* ---- strings ---- */

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* A word whose byte's high bit is set where the byte of w was 0, and perhaps in bytes above it.
 */
static uint64_t zero_bytes(uint64_t w)
{
    return (w - EACH_BYTE(1)) & ~w & EACH_BYTE(0x80);
}

/* Whether one of eight bytes is special. The borrows of one special byte can only report
 * another, so the answer is right. */
static bool has_special(const char *text)
{
    uint64_t w;

    memcpy(&w, text, sizeof w);
    return (zero_bytes(w ^ EACH_BYTE('"')) | zero_bytes(w ^ EACH_BYTE('\\')) |
            ((w - EACH_BYTE(0x20)) & ~w & EACH_BYTE(0x80))) != 0;
}

size_t json__plain_bytes(const char *text, size_t len)
{
    size_t i = 0;

    while (len - i >= sizeof(uint64_t) && !has_special(text + i)) {
        i += sizeof(uint64_t);
    }
    while (i < len && (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\') {
        i++;
    }
    return i;
}

/* From r->p up to the first byte that is not plain, or the end. */
static const char *plain_run(const struct reader *r)
{
    return r->p + json__plain_bytes(r->p, (size_t)(r->end - r->p));
}

static bool read_hex(struct reader *r, uint32_t *out)
{
    uint32_t value = 0;

    if (r->end - r->p < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        char c = *r->p++;
        char lower = (char)(c | 0x20);

        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = value;
    return true;
}

static void add_code_point(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_addc(out, (char)c);
    } else if (c < 0x800) {
        buf_addc(out, (char)(0xC0 | c >> 6));
        buf_addc(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_addc(out, (char)(0xE0 | c >> 12));
        buf_addc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_addc(out, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_addc(out, (char)(0xF0 | c >> 18));
        buf_addc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        buf_addc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        buf_addc(out, (char)(0x80 | (c & 0x3F)));
    }
}

/* Behind "\u". Surrogates come in pairs (RFC 8259 section 7); U+0000 is Jansson's to refuse. */
static bool read_unicode(struct reader *r)
{
    uint32_t c, low;

    if (!read_hex(r, &c) || c == 0 || (c >= 0xDC00 && c <= 0xDFFF)) {
        return false;
    }
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (!take(r, '\\') || !take(r, 'u') || !read_hex(r, &low) || low < 0xDC00 ||
            low > 0xDFFF) {
            return false;
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    add_code_point(&r->text, c);
    return true;
}

/* Behind the backslash. */
static bool read_escape(struct reader *r)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (r->p == r->end || *r->p == '\0') {
        return false;
    }
    if (take(r, 'u')) {
        return read_unicode(r);
    }
    at = strchr(names, *r->p);
    if (!at) {
        return false;
    }
    buf_addc(&r->text, meant[at - names]);
    r->p++;
    return true;
}

/* Behind the opening quotation mark; run is the first backslash. */
static json_t *read_escaped_string(struct reader *r, const char *run)
{
    buf_clear(&r->text);
    for (;;) {
        buf_add(&r->text, r->p, (size_t)(run - r->p));
        r->p = run;
        if (take(r, '"')) {
            return buf_ok(&r->text) ? json_stringn_nocheck(buf_str(&r->text), r->text.len)
                                    : NULL;
        }
        if (!take(r, '\\') || !read_escape(r)) {
            return NULL;
        }
        run = plain_run(r);
    }
}

static json_t *read_string(struct reader *r)
{
    const char *from = r->p, *run = plain_run(r);

    if (run == r->end || *run != '"') {
        return run < r->end && *run == '\\' ? read_escaped_string(r, run) : NULL;
    }
    r->p = run + 1;
    return json_stringn_nocheck(from, (size_t)(run - from));
}

/* ---- the rest ---- */

static json_t *read_integer(struct reader *r)
{
    bool negative = take(r, '-');
    const char *from = r->p;
    int64_t value = 0;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && r->p - from < DIGITS_MAX) {
        value = value * 10 + (*r->p++ - '0');
    }
    if (r->p == from || (*from == '0' && r->p - from > 1) ||
        (r->p < r->end && *r->p != '\0' && strchr("0123456789.eE", *r->p))) {
        return NULL;
    }
    return json_integer(negative ? -value : value);
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0) {
        return NULL;
    }
    r->p += len;
    return value;
}

static bool read_member(struct reader *r, json_t *object)
{
    const char *key, *run;
    size_t key_len;
    json_t *v;

    skip_space(r);
    if (!take(r, '"')) {
        return false;
    }
    key = r->p;
    run = plain_run(r);
    if (run == r->end || *run != '"') {
        return false;
    }
    key_len = (size_t)(run - key);
    r->p = run + 1;
    skip_space(r);
    if (json_object_getn(object, key, key_len) || !take(r, ':')) {
        return false;
    }
    v = read_value(r);
    return v && json_object_setn_new_nocheck(object, key, key_len, v) == 0;
}

static bool read_item(struct reader *r, json_t *array)
{
    json_t *v = read_value(r);

    return v && json_array_append_new(array, v) == 0;
}

/* Behind the opening bracket. */
static json_t *read_list(struct reader *r,
                         json_t *list,
                         char close,
                         bool (*read_one)(struct reader *, json_t *))
{
    bool good = r->depth_left-- > 0;

    skip_space(r);
    if (good && !take(r, close)) {
        do {
            good = read_one(r, list);
            skip_space(r);
        } while (good && take(r, ','));
        good = good && take(r, close);
    }
    r->depth_left++;
    if (!good) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *read_value(struct reader *r)
{
    skip_space(r);
    if (r->p == r->end) {
        return NULL;
    }
    switch (*r->p) {
    case '{':
        r->p++;
        return read_list(r, json_object(), '}', read_member);
    case '[':
        r->p++;
        return read_list(r, json_array(), ']', read_item);
    case '"':
        r->p++;
        return read_string(r);
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    default:
        return read_integer(r);
    }
}

json_t *json__read_plain(const char *text, size_t len, size_t max_depth)
{
    struct reader r = {.p = text,
                       .end = text + len,
                       .depth_left = max_depth < DEPTH_MAX ? max_depth : DEPTH_MAX};
    json_t *v;

    if (!text_valid(text, len)) {
        return NULL;
    }
    buf_init(&r.text, len);
    v = read_value(&r);
    buf_done(&r.text);
    skip_space(&r);
    if (v && r.p != r.end) {
        json_decref(v);
        return NULL;
    }
    return v;
}
