/* Header fields and bodies of mail. Called by the e-mail adapter while it builds a message. Pure;
 * appends to the caller's buffer and owns nothing. The rest of MIME (the order of parts, what stands
 * in which field) is the adapter's. */

#include "adapters/mime.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"

#define VALUE_BYTES ((size_t)64 * 1024)
#define WORD_BEGIN "=?UTF-8?B?"
#define WORD_END "?="
/* RFC 2047 section 2: an encoded word has at most 75 bytes. */
#define WORD_BYTES 75
#define WORD_FRAME (sizeof WORD_BEGIN - 1 + sizeof WORD_END - 1)

/* ---- lines of a header ---- */

/* A field under construction: column is where its last line ends. */
struct line {
    struct buf *out;
    size_t column;
    bool has_word;
};

static void line_begin(struct line *l, struct buf *out, const char *name)
{
    buf_addf(out, "%s:", name);
    l->out = out;
    l->column = strlen(name) + 1;
    l->has_word = false;
}

/* A blank, or a fold where the word would pass the end of the line; not before the first, as some
 * readers take a field whose first line is empty for an empty one. */
static void line_add(struct line *l, const char *word, size_t len)
{
    if (l->has_word && l->column + 1 + len > MIME_LINE_BYTES) {
        buf_adds(l->out, "\r\n");
        l->column = 0;
    }
    buf_addc(l->out, ' ');
    buf_add(l->out, word, len);
    l->column += 1 + len;
    l->has_word = true;
}

static void line_add_words(struct line *l, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " ");

        if (len > 0) {
            line_add(l, text, len);
        }
        text += len + strspn(text + len, " ");
    }
}

static void line_end(struct line *l)
{
    buf_adds(l->out, "\r\n");
}

/* On one line, ends trimmed, without control characters; yours. */
static void clean(struct buf *out, const char *text)
{
    buf_init(out, VALUE_BYTES);
    text_collapse(out, text, strlen(text));
}

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80) {
            return false;
        }
    }
    return true;
}

/* ---- encoded words ---- */

/* The most bytes of text that fit an encoded word of so many bytes, whole characters, one at least. */
static size_t word_prefix(const char *text, size_t len, size_t room)
{
    size_t most = room > WORD_FRAME ? (room - WORD_FRAME) / 4 * 3 : 0;
    size_t n = 0;

    while (n < len) {
        size_t c = text_character(text + n, len - n);

        c = c ? c : 1;
        if (n > 0 && n + c > most) {
            break;
        }
        n += c;
    }
    return n;
}

/* Text as encoded words; what stands between two of them is not shown (RFC 2047 section 6.2). */
static void line_add_encoded(struct line *l, const char *text, size_t len)
{
    struct buf word;

    buf_init(&word, VALUE_BYTES);
    while (len > 0) {
        size_t room = MIME_LINE_BYTES - 1 - (l->column < MIME_LINE_BYTES ? l->column : 0);
        size_t n;

        room = room < WORD_FRAME + 8 || room > WORD_BYTES ? WORD_BYTES : room;
        n = word_prefix(text, len, room);
        buf_clear(&word);
        buf_adds(&word, WORD_BEGIN);
        crypto_base64(&word, text, n);
        buf_adds(&word, WORD_END);
        line_add(l, buf_str(&word), word.len);
        text += n;
        len -= n;
    }
    buf_done(&word);
}

/* Whether it can stand as it is: else it must be encoded, also when it only looks as if it was. A word
 * that is longer than a line could not be folded. */
static bool is_plain(const char *text)
{
    if (!is_ascii(text) || strstr(text, "=?")) {
        return false;
    }
    for (const char *at = text; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        if (strcspn(at, " ") > MIME_LINE_BYTES - 2) {
            return false;
        }
    }
    return true;
}

void mime_text(struct buf *out, const char *name, const char *text)
{
    struct buf value;
    struct line l;

    clean(&value, text);
    line_begin(&l, out, name);
    if (is_plain(buf_str(&value))) {
        line_add_words(&l, buf_str(&value));
    } else {
        line_add_encoded(&l, buf_str(&value), value.len);
    }
    line_end(&l);
    buf_done(&value);
}

void mime_value(struct buf *out, const char *name, const char *value)
{
    struct buf one_line;
    struct line l;

    clean(&one_line, value);
    line_begin(&l, out, name);
    line_add_words(&l, buf_str(&one_line));
    line_end(&l);
    buf_done(&one_line);
}

/* ---- mailboxes ---- */

/* RFC 5322 section 3.2.3: what may stand in a phrase without quotes. */
static bool is_phrase(const char *text)
{
    for (; *text; text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        bool digit = *text >= '0' && *text <= '9';

        if (!letter && !digit && !strchr("!#$%&'*+-/=?^_`{|}~ ", *text)) {
            return false;
        }
    }
    return true;
}

static void line_add_quoted(struct line *l, const char *text)
{
    struct buf quoted;

    buf_init(&quoted, VALUE_BYTES);
    buf_addc(&quoted, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            buf_addc(&quoted, '\\');
        }
        buf_addc(&quoted, *text);
    }
    buf_addc(&quoted, '"');
    line_add(l, buf_str(&quoted), quoted.len);
    buf_done(&quoted);
}

static void line_add_display(struct line *l, const char *text, size_t len)
{
    if (!is_plain(text)) {
        line_add_encoded(l, text, len);
    } else if (is_phrase(text)) {
        line_add_words(l, text);
    } else {
        line_add_quoted(l, text);
    }
}

void mime_mailbox(struct buf *out, const char *name, const char *display, const char *address)
{
    struct buf shown, where;
    struct line l;

    clean(&shown, display ? display : "");
    clean(&where, address);
    line_begin(&l, out, name);
    if (shown.len > 0) {
        struct buf angled;

        line_add_display(&l, buf_str(&shown), shown.len);
        buf_init(&angled, VALUE_BYTES);
        buf_addf(&angled, "<%s>", buf_str(&where));
        line_add(&l, buf_str(&angled), angled.len);
        buf_done(&angled);
    } else {
        line_add(&l, buf_str(&where), where.len);
    }
    line_end(&l);
    buf_done(&shown);
    buf_done(&where);
}

void mime_date(struct buf *out, const char *name, int64_t at_ms)
{
    char time[TIME_TEXT_BYTES];

    (void)time_http(at_ms, time);
    /* The same but for the zone, which is to be a number (RFC 5322 section 3.3). */
    buf_addf(out, "%s: %.*s +0000\r\n", name, (int)strcspn(time, "G") - 1, time);
}

/* ---- bodies ---- */

/* A line of text as quoted-printable (RFC 2045 section 6.7). */
struct quoted {
    struct buf *out;
    size_t column;
};

static void quoted_add(struct quoted *q, const char *bytes, size_t len, bool last)
{
    /* A soft line break takes the last column, unless the line ends here anyway. */
    if (q->column + len > MIME_LINE_BYTES - (last ? 0 : 1)) {
        buf_adds(q->out, "=\r\n");
        q->column = 0;
    }
    buf_add(q->out, bytes, len);
    q->column += len;
}

/* Blanks at the end of a line get lost on the way; a dot at its beginning is the protocol's, "From " the
 * mail store's. */
static bool must_quote(const struct quoted *q, const char *text, size_t len)
{
    unsigned char byte = (unsigned char)*text;

    if (byte == ' ' || byte == '\t') {
        return len == 1;
    }
    if (q->column == 0 && (byte == '.' || (len >= 5 && memcmp(text, "From ", 5) == 0))) {
        return true;
    }
    return byte < 0x21 || byte > 0x7e || byte == '=';
}

static void quoted_line(struct buf *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    struct quoted q = {.out = out};

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool last = i + 1 == len;
        char coded[3] = {'=', digits[byte >> 4], digits[byte & 15]};

        /* What would begin a new line behind a soft break is quoted as a beginning. */
        if (q.column + 1 > MIME_LINE_BYTES - (last ? 0 : 1)) {
            buf_adds(out, "=\r\n");
            q.column = 0;
        }
        if (must_quote(&q, text + i, len - i)) {
            quoted_add(&q, coded, sizeof coded, last);
        } else {
            quoted_add(&q, text + i, 1, last);
        }
    }
    buf_adds(out, "\r\n");
}

static void quoted_printable(struct buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;

        quoted_line(out, text + at, n > 0 && text[at + n - 1] == '\r' ? n - 1 : n);
        at += n + 1;
    }
}

/* Each line of base64 is whole in itself: 57 bytes make 76 characters. */
static void base64_lines(struct buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len; at += 57) {
        crypto_base64(out, text + at, len - at < 57 ? len - at : 57);
        buf_adds(out, "\r\n");
    }
}

/* Text is CRLF inside, too (RFC 2045 section 6.8). */
static void with_crlf(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) {
            buf_addc(out, '\r');
        }
        buf_addc(out, text[i]);
    }
}

static size_t count_coded(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        count += (unsigned char)text[i] >= 0x80;
    }
    return count;
}

void mime_body(struct buf *out, const char *type, const char *text, size_t len)
{
    /* A coded byte takes three for one, base64 four for three. */
    bool quoted = count_coded(text, len) * 6 <= len;
    struct buf lines;

    mime_value(out, "Content-Type", type);
    mime_value(out, "Content-Transfer-Encoding", quoted ? "quoted-printable" : "base64");
    buf_adds(out, "\r\n");
    if (quoted) {
        quoted_printable(out, text, len);
        return;
    }
    buf_init(&lines, 2 * len + 1);
    with_crlf(&lines, text, len);
    base64_lines(out, buf_str(&lines), lines.len);
    buf_done(&lines);
}
