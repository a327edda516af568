/* Bytes to UTF-8, by the rules of charset.h. Called by the readers of feeds and pages, which give what
 * came as it came. The course: the first bytes are kept until a byte order mark would be seen
 * (OPENING); then ASCII is passed on as it is (ASCII), since nearly all sets agree about it; at the
 * first byte that is not ASCII as much as CHARSET_LOOK_BYTES are gathered and looked at (LOOKING);
 * from then on it is decoded (DECODING). UTF-8, UTF-16, UTF-32 and windows-1252 are decoded here, the
 * others by iconv. */

#include "sources/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sources/charset_internal.h"

#define OPENING_BYTES 1024 /* an XML declaration is shorter, with some junk before it */
#define UTF8_FEW                                                                               \
    4 /* for each bad byte so many good characters, and it is UTF-8 with mistakes */

enum stage { OPENING, ASCII, LOOKING, DECODING };
struct charset;
/* Decodes what it can and returns the bytes it took; a character cut in two at the end is left. */
typedef size_t decode_fn(struct charset *c, const char *bytes, size_t len, struct buf *out);

struct charset {
    enum stage stage;
    const struct charset_row *header, *declared, *row; /* row: decided */
    bool header_by_default;
    decode_fn *decode;
    iconv_t iconv; /* NULL: none */
    const char *name;
    int unit; /* bytes of a UTF-16 or UTF-32 unit */
    bool big_endian;
    struct buf kept; /* not decoded yet */
    size_t replaced;
};

/* ---- decoders ---- */

static void put_bad(struct charset *c, struct buf *out)
{
    buf_adds(out, "\xEF\xBF\xBD");
    c->replaced++;
}

static void put(struct charset *c, uint32_t code_point, struct buf *out)
{
    char text[4];
    size_t len = 0;

    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
        put_bad(c, out);
        return;
    }
    if (code_point < 0x80) {
        buf_addc(out, (char)code_point);
        return;
    }
    if (code_point < 0x800) {
        text[len++] = (char)(0xC0 | code_point >> 6);
    } else {
        if (code_point < 0x10000) {
            text[len++] = (char)(0xE0 | code_point >> 12);
        } else {
            text[len++] = (char)(0xF0 | code_point >> 18);
            text[len++] = (char)(0x80 | (code_point >> 12 & 0x3F));
        }
        text[len++] = (char)(0x80 | (code_point >> 6 & 0x3F));
    }
    text[len++] = (char)(0x80 | (code_point & 0x3F));
    buf_add(out, text, len);
}

/* Whether the bytes could be the beginning of a UTF-8 character that is cut off. */
static bool is_cut_character(const char *bytes, size_t len)
{
    static const char tails[3] = {(char)0xBF, (char)0xBF, (char)0xBF};
    char whole[8];

    if (len == 0 || len > 3 || (unsigned char)bytes[0] < 0xC2) {
        return false;
    }
    /* A second byte that excludes some thirds does not exist: if the rest can be anything, BF will do. But
     * behind F4 and ED the second decides, and when it is missing 80 will do. */
    memcpy(whole, bytes, len);
    memcpy(whole + len, tails, sizeof tails);
    if (text_character(whole, len + 3) > len) {
        return true;
    }
    memset(whole + len, 0x80, 3);
    return text_character(whole, len + 3) > len;
}

static size_t decode_utf8(struct charset *c, const char *bytes, size_t len, struct buf *out)
{
    size_t at = 0, good = 0; /* [good, at) is valid and not written yet */

    if (text_valid(bytes, len)) {
        buf_add(out, bytes, len);
        return len;
    }
    while (at < len) {
        size_t n = text_character(bytes + at, len - at);

        if (n > 0) {
            at += n;
            continue;
        }
        if (is_cut_character(bytes + at, len - at)) {
            break;
        }
        buf_add(out, bytes + good, at - good);
        put_bad(c, out);
        good = ++at;
    }
    buf_add(out, bytes + good, at - good);
    return at;
}

static size_t
decode_windows_1252(struct charset *c, const char *bytes, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        int32_t code_point = text_windows_1252(byte);

        if (code_point == 0 && byte != 0) {
            put_bad(c, out);
        } else {
            put(c, (uint32_t)code_point, out);
        }
    }
    return len;
}

static uint32_t unit_at(const struct charset *c, const char *bytes)
{
    uint32_t value = 0;

    for (int i = 0; i < c->unit; i++) {
        value = value << 8 | (unsigned char)bytes[c->big_endian ? i : c->unit - 1 - i];
    }
    return value;
}

static size_t decode_units(struct charset *c, const char *bytes, size_t len, struct buf *out)
{
    size_t unit = (size_t)c->unit, at = 0;

    for (; len - at >= unit; at += unit) {
        uint32_t value = unit_at(c, bytes + at), low;

        if (unit == 2 && value >= 0xD800 && value < 0xDC00) {
            if (len - at < 4) {
                break;
            }
            low = unit_at(c, bytes + at + 2);
            if (low >= 0xDC00 && low < 0xE000) {
                value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
                at += 2;
            }
        }
        put(c, value, out);
    }
    return at;
}

static size_t decode_iconv(struct charset *c, const char *bytes, size_t len, struct buf *out)
{
    char text[4096];
    union {
        const char *given;
        char *at; /* iconv does not write there */
    } in = {.given = bytes};
    size_t left = len;

    while (left > 0) {
        char *to = text;
        size_t room = sizeof text;
        size_t rc = iconv(c->iconv, &in.at, &left, &to, &room);
        int error = errno;

        buf_add(out, text, sizeof text - room);
        if (rc != (size_t)-1 || (error == EINVAL && left < 16)) {
            break;
        }
        if (error != E2BIG) {
            put_bad(c, out);
            in.at++;
            left--;
        }
    }
    return len - left;
}

/* Some sets keep a letter back, for an accent that may follow. */
static void flush_iconv(struct charset *c, struct buf *out)
{
    char text[64], *to = text;
    size_t room = sizeof text;

    (void)iconv(c->iconv, NULL, NULL, &to, &room);
    buf_add(out, text, sizeof text - room);
}

/* ---- deciding ---- */

static void decide(struct charset *c, const struct charset_row *row)
{
    c->stage = DECODING;
    c->name = row->name;
    if (row->iconv) {
        iconv_t iconv = iconv_open("UTF-8", row->iconv);

        c->iconv = (intptr_t)iconv == -1 ? NULL : iconv;
        c->decode = decode_iconv;
    }
    if (row->iconv && !c->iconv) { /* a C library without its tables */
        row = charset__row("latin1", strlen("latin1"));
        c->name = row->name;
    }
    if (!row->iconv) {
        c->decode = strcmp(row->name, "utf-8") == 0 ? decode_utf8 : decode_windows_1252;
    }
}

static void decide_units(struct charset *c, int unit, bool big_endian)
{
    c->stage = DECODING;
    c->unit = unit;
    c->big_endian = big_endian;
    c->decode = decode_units;
    c->name = unit == 4 ? "utf-32" : big_endian ? "utf-16be" : "utf-16le";
}

/* Rule 1. Returns the bytes of the mark. */
static size_t read_mark(struct charset *c)
{
    static const struct {
        const char *bytes;
        size_t len, mark;
        int unit; /* 0: UTF-8 */
        bool big_endian;
    } marks[] = {
        {"\xEF\xBB\xBF", 3, 3, 0, false},
        {"\xFF\xFE\0\0", 4, 4, 4, false},
        {"\0\0\xFE\xFF", 4, 4, 4, true},
        {"\xFF\xFE", 2, 2, 2, false},
        {"\xFE\xFF", 2, 2, 2, true},
        {"<\0", 2, 0, 2, false},
        {"\0<", 2, 0, 2, true},
        {"{\0", 2, 0, 2, false},
        {"\0{", 2, 0, 2, true},
    };

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (c->kept.len < marks[i].len ||
            memcmp(c->kept.data, marks[i].bytes, marks[i].len) != 0) {
            continue;
        }
        if (marks[i].unit > 0) {
            decide_units(c, marks[i].unit, marks[i].big_endian);
        } else {
            decide(c, charset__row("utf-8", strlen("utf-8")));
        }
        return marks[i].mark;
    }
    return 0;
}

/* iso-2022-jp is ASCII to look at, with escapes: nobody says it by mistake. */
static bool is_escaped(const struct charset_row *row)
{
    return row && strcmp(row->name, "iso-2022-jp") == 0;
}

/* What came begins with ASCII: a label of two bytes a character is wrong. */
static bool is_possible(const struct charset_row *row)
{
    return row && strncmp(row->name, "utf-16", 6) != 0;
}

static void open_text(struct charset *c)
{
    size_t len = c->kept.len < OPENING_BYTES ? c->kept.len : OPENING_BYTES;

    c->declared = charset__of_declaration(buf_str(&c->kept), len);
    c->stage = ASCII;
    if (is_escaped(c->header) || is_escaped(c->declared)) {
        decide(c, is_escaped(c->header) ? c->header : c->declared);
    }
}

static const struct charset_row *told(const struct charset *c)
{
    if (is_possible(c->header) && !(c->header_by_default && is_possible(c->declared))) {
        return c->header;
    }
    return is_possible(c->declared) ? c->declared : charset__row("latin1", strlen("latin1"));
}

/* Rule 2, and what follows from its failing. */
static void look(struct charset *c)
{
    const struct charset_row *utf8 = charset__row("utf-8", strlen("utf-8")), *row = told(c);
    size_t good = 0, bad = 0, len = c->kept.len;

    for (size_t at = 0, n; at<len; at += n> 0 ? n : 1) {
        n = text_character(c->kept.data + at, len - at);
        /* Cut by the end of what is looked at; alone it says nothing for UTF-8. */
        if (n == 0 && good > 0 && is_cut_character(c->kept.data + at, len - at)) {
            break;
        }
        good += n > 1;
        bad += n == 0;
    }
    if (bad * UTF8_FEW <= good) {
        row = utf8;
    } else if (row == utf8 && good < bad) { /* it says so, and is not */
        row = is_possible(c->declared) && c->declared != utf8
                  ? c->declared
                  : charset__row("latin1", strlen("latin1"));
    }
    decide(c, row);
}

/* ---- the course ---- */

static size_t ascii_run(const char *bytes, size_t len)
{
    size_t i = 0;
    uint64_t word;

    for (; len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
    }
    while (i < len && (unsigned char)bytes[i] < 0x80) {
        i++;
    }
    return i;
}

static void forget(struct buf *kept, size_t len)
{
    if (len > 0 && len < kept->len) {
        memmove(kept->data, kept->data + len, kept->len - len);
    }
    buf_truncate(kept, kept->len - len);
}

/* One stage on; false: more bytes are needed. */
static bool advance(struct charset *c, bool last, struct buf *out)
{
    size_t n;

    switch (c->stage) {
    case OPENING:
        if (c->kept.len < OPENING_BYTES && !last) {
            return false;
        }
        forget(&c->kept, read_mark(c));
        if (c->stage == OPENING) {
            open_text(c);
        }
        return true;
    case ASCII:
        n = ascii_run(buf_str(&c->kept), c->kept.len);
        buf_add(out, c->kept.data, n);
        forget(&c->kept, n);
        c->stage = c->kept.len > 0 ? LOOKING : ASCII;
        return c->kept.len > 0;
    case LOOKING:
        if (c->kept.len < CHARSET_LOOK_BYTES && !last) {
            return false;
        }
        /* No more than that, so that pieces make no difference. */
        n = c->kept.len;
        c->kept.len = n < CHARSET_LOOK_BYTES ? n : CHARSET_LOOK_BYTES;
        look(c);
        c->kept.len = n;
        return true;
    case DECODING:
        break;
    }
    forget(&c->kept, c->decode(c, buf_str(&c->kept), c->kept.len, out));
    return false;
}

static void end_text(struct charset *c, struct buf *out)
{
    if (c->iconv) {
        flush_iconv(c, out);
    }
    if (c->kept.len > 0) { /* cut in the middle of a character */
        put_bad(c, out);
        buf_truncate(&c->kept, 0);
    }
}

void charset_read(struct charset *c, const void *bytes, size_t len, bool last, struct buf *out)
{
    if (len > 0 && c->kept.len == 0 &&
        c->stage == DECODING) { /* straight from where they are */
        size_t n = c->decode(c, bytes, len, out);

        buf_add(&c->kept, (const char *)bytes + n, len - n);
    } else {
        buf_add(&c->kept, bytes, len);
    }
    while (advance(c, last, out)) {
    }
    if (last) {
        end_text(c, out);
    }
}

struct charset *charset_new(const char *content_type)
{
    struct charset *c = mem_zalloc(sizeof *c);

    c->header = charset__of_header(content_type, &c->header_by_default);
    c->name = "utf-8";
    buf_init(&c->kept, SIZE_MAX / 2); /* a piece and what is looked at */
    return c;
}

void charset_free(struct charset *c)
{
    if (!c) {
        return;
    }
    if (c->iconv) {
        (void)iconv_close(c->iconv);
    }
    buf_done(&c->kept);
    mem_free(c);
}

const char *charset_name(const struct charset *c)
{
    return c->name;
}

size_t charset_replaced(const struct charset *c)
{
    return c->replaced;
}
