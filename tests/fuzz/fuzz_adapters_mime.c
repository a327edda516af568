/* Mail out of any text: names, subjects, addresses, bodies. The input: lines for the display name, the
 * address and the subject, then the body. No text begins a field of its own; lines keep their
 * lengths; and whoever decodes what was made gets the text back. */

#include "adapters/mime.h"
#include "base/crypto.h"
#include "base/text.h"
#include "tests/fuzz/input.h"

#define BYTES ((size_t)1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what any field must be ---- */

/* One field of that name: each line ends with CRLF, those behind the first begin with a blank, none is
 * longer than 998 bytes, and none is empty. */
static void check_field(const struct buf *out, const char *name, bool ascii)
{
    const char *text = buf_str(out);
    size_t len = out->len, line = 0;

    must(buf_ok(out) && strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == ':');
    must(len >= 2 && memcmp(text + len - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < len - 2; i++) {
        unsigned char c = (unsigned char)text[i];

        must(!ascii || c < 0x80);
        must(c >= ' ' || c == '\r' || c == '\n');
        must(c != '\n' || (text[i - 1] == '\r' && text[i + 1] == ' ' && text[i + 2] != '\r'));
        must(c != '\r' || text[i + 1] == '\n');
        line = c == '\n' ? 0 : line + 1;
        must(line <= 998);
    }
}

/* The field without its name and its folds. */
static void unfold(struct buf *out, const struct buf *field, const char *name)
{
    const char *text = buf_str(field) + strlen(name) + 1;

    for (; *text != '\0'; text++) {
        if (*text != '\r' && *text != '\n') {
            buf_addc(out, *text);
        }
    }
}

/* RFC 2047: encoded words decoded, blanks between two of them dropped. */
static void decode_words(struct buf *out, const char *text)
{
    bool behind_word = false;

    text += strspn(text, " ");
    while (*text != '\0') {
        const char *next = text + strspn(text, " ");
        const char *end = strncmp(next, "=?UTF-8?B?", 10) == 0 ? strstr(next + 10, "?=") : NULL;

        if (end != NULL && (next == text || behind_word)) {
            must((size_t)(end + 2 - next) <= 75);
            must(crypto_unbase64(out, next + 10, (size_t)(end - next) - 10));
            text = end + 2;
            behind_word = true;
        } else {
            buf_addc(out, *text++);
            behind_word = false;
        }
    }
}

/* ---- fields ---- */

static void check_text(const char *text)
{
    struct buf field, value, shown, want;

    buf_init(&field, BYTES);
    buf_init(&value, BYTES);
    buf_init(&shown, BYTES);
    buf_init(&want, BYTES);
    mime_text(&field, "Subject", text);
    check_field(&field, "Subject", true);
    unfold(&value, &field, "Subject");
    decode_words(&shown, buf_str(&value));
    text_collapse(&want, text, strlen(text));
    must(strcmp(buf_str(&shown), buf_str(&want)) == 0);
    buf_done(&field);
    buf_done(&value);
    buf_done(&shown);
    buf_done(&want);
}

static void check_mailbox(const char *display, const char *address)
{
    struct buf field, value, name;

    buf_init(&field, BYTES);
    buf_init(&value, BYTES);
    buf_init(&name, BYTES);
    text_collapse(&name, display, strlen(display));
    mime_mailbox(&field, "From", display, address);
    check_field(&field, "From", false);
    unfold(&value, &field, "From");
    /* A name that is quoted ends where its quotes do. */
    if (name.len > 0 && buf_str(&value)[1] == '"') {
        const char *c = buf_str(&value) + 2;

        for (; *c != '"'; c++) {
            c += *c == '\\';
            must(*c != '\0');
        }
        must(strncmp(c, "\" <", 3) == 0);
    }
    buf_done(&name);
    buf_done(&field);
    buf_done(&value);
}

/* ---- bodies ---- */

static int digit(char c)
{
    const char *at = c == '\0' ? NULL : strchr("0123456789ABCDEF", c);

    must(at != NULL);
    return (int)(at - "0123456789ABCDEF");
}

static void decode_quoted(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text != '=') {
            buf_addc(out, *text);
        } else if (text[1] == '\r') {
            text += 2;
        } else {
            buf_addc(out, (char)(digit(text[1]) << 4 | digit(text[2])));
            text += 2;
        }
    }
}

static void decode_base64(struct buf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\r");

        must(crypto_unbase64(out, text, len));
        text += len + 2;
    }
}

/* Every line at most 76 bytes of 7 bits, none beginning with a dot or "From ", no blank at an end. */
static void check_lines(const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\r");

        must(len <= MIME_LINE_BYTES && text[len] == '\r' && text[len + 1] == '\n');
        must(memchr(text, '\n', len) == NULL);
        must(*text != '.' && strncmp(text, "From ", 5) != 0);
        must(len == 0 || (text[len - 1] != ' ' && text[len - 1] != '\t'));
        for (size_t i = 0; i < len; i++) {
            must((unsigned char)text[i] < 0x7f && (text[i] >= ' ' || text[i] == '\t'));
        }
        text += len + 2;
    }
}

/* Line ends of either kind, and the last one there or not (or half of it), are the same text. */
static void normal_lines(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n') {
            continue;
        }
        buf_add(out, text + i, 1);
    }
    while (out->len > 0 && strchr("\r\n", out->data[out->len - 1]) != NULL) {
        buf_truncate(out, out->len - 1);
    }
}

static void check_body(const char *text, size_t len)
{
    struct buf part, decoded, want, got;
    const char *body;

    buf_init(&part, BYTES);
    buf_init(&decoded, BYTES);
    buf_init(&want, BYTES);
    buf_init(&got, BYTES);
    mime_body(&part, "text/plain; charset=utf-8", text, len);
    must(buf_ok(&part) && (body = strstr(buf_str(&part), "\r\n\r\n")) != NULL);
    check_lines(body + 4);
    if (strstr(buf_str(&part), "quoted-printable") != NULL) {
        decode_quoted(&decoded, body + 4);
    } else {
        decode_base64(&decoded, body + 4);
    }
    normal_lines(&want, text, len);
    normal_lines(&got, buf_str(&decoded), decoded.len);
    must(want.len == got.len && memcmp(buf_str(&want), buf_str(&got), got.len) == 0);
    buf_done(&part);
    buf_done(&decoded);
    buf_done(&want);
    buf_done(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    char *display, *address, *subject;

    if (size > 16384) {
        return 0;
    }
    display = input_line_dup(&in);
    address = input_line_dup(&in);
    subject = input_line_dup(&in);
    if (text_valid(display, strlen(display)) && text_valid(address, strlen(address)) &&
        text_valid(subject, strlen(subject))) {
        check_text(subject);
        check_text(display);
        check_mailbox(display, address);
    }
    if (text_valid((const char *)in.at, in.left)) {
        check_body((const char *)in.at, in.left);
    }
    mem_free(display);
    mem_free(address);
    mem_free(subject);
    must(mem_live_count() == 0);
    return 0;
}
