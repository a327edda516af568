/* adapters/mime.c: header fields and bodies of mail. What other programs make of them is shown by
 * tests/integration/test_email.py, where Python's parser reads them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/mime.h"
#include "base/attr.h"
#include "base/mem.h"

#define BYTES ((size_t)1024 * 1024)

/* What holds for everything that is written: 7-bit, CRLF, no long line, no line that is the end. */
static void check_lines(const struct buf *b, const char *what)
{
    size_t column = 0;

    assert_true(buf_ok(b) && b->len >= 2);
    assert_memory_equal(b->data + b->len - 2, "\r\n", 2);
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];

        if (c == '\n') {
            if (b->data[i - 1] != '\r' || column > MIME_LINE_BYTES + 1) {
                fail_msg("%s: a line of %zu bytes, or without CR", what, column);
            }
            column = 0;
            continue;
        }
        if (c >= 0x7f || (c < 0x20 && c != '\r') || (column == 0 && c == '.')) {
            fail_msg("%s: byte %02x at column %zu", what, c, column);
        }
        column++;
    }
}

static const struct {
    const char *text, *want;
} subjects[] = {
    {"Harbour bridge closed", "Subject: Harbour bridge closed\r\n"},
    {"  two \t blanks\n", "Subject: two blanks\r\n"},
    {"", "Subject:\r\n"},
    /* What only looks encoded must not be decoded. */
    {"=?UTF-8?B?SGVsbG8=?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP1NHVnNiRzg9Pz0=?=\r\n"},
    {"Prix de l'énergie", "Subject: =?UTF-8?B?UHJpeCBkZSBsJ8OpbmVyZ2ll?=\r\n"},
    /* A field of its own making. */
    {"News\r\nBcc: all@example.org\r\n\r\nBody", "Subject: News Bcc: all@example.org Body\r\n"},
    {"Zwölf\nBcc: x@example.org",
     "Subject: =?UTF-8?B?WnfDtmxmIEJjYzogeEBleGFtcGxlLm9yZw==?=\r\n"},
    {"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen",
     "Subject: one two three four five six seven eight nine ten eleven twelve\r\n"
     " thirteen fourteen fifteen\r\n"},
};

static void a_subject_is_one_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
        struct buf out;

        buf_init(&out, BYTES);
        mime_text(&out, "Subject", subjects[i].text);
        assert_string_equal(buf_str(&out), subjects[i].want);
        buf_done(&out);
    }
}

/* Long texts of all scripts: words of at most 75 bytes, whole characters in each (RFC 2047 section 5:
 * a decoder may look at one alone). */
static void long_subjects_are_folded_between_characters(void **state)
{
    static const char *const pieces[] = {"عاجل: إغلاق جسر الميناء ",
                                         "速報　潮見灘でM7.1の地震、",
                                         "Überschwemmung ",
                                         "👨‍👩‍👧‍👦",
                                         "x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct buf text, out;

        buf_init(&text, BYTES);
        buf_init(&out, BYTES);
        for (int k = 0; k < 40; k++) {
            buf_adds(&text, pieces[i]);
        }
        mime_text(&out, "Subject", buf_str(&text));
        check_lines(&out, pieces[i]);
        for (const char *at = buf_str(&out); (at = strstr(at, "=?UTF-8?B?")) != NULL;) {
            size_t len = strcspn(at + 10, "?");

            assert_true(len % 4 == 0 && len + 12 <= 75);
            at += 10 + len;
        }
        buf_done(&text);
        buf_done(&out);
    }
}

static void a_mailbox_is_quoted_where_it_must_be(void **state)
{
    static const struct {
        const char *display, *want;
    } rows[] = {
        {NULL, "From: a@example.org\r\n"},
        {"", "From: a@example.org\r\n"},
        {"Example News", "From: Example News <a@example.org>\r\n"},
        {"News, Inc. \"daily\"", "From: \"News, Inc. \\\"daily\\\"\" <a@example.org>\r\n"},
        {"Zürich <b@c>", "From: =?UTF-8?B?WsO8cmljaCA8YkBjPg==?= <a@example.org>\r\n"},
        {"A\r\nBcc: b@c", "From: \"A Bcc: b@c\" <a@example.org>\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, BYTES);
        mime_mailbox(&out, "From", rows[i].display, "a@example.org");
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_done(&out);
    }
}

static void a_value_is_folded_at_its_blanks_only(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, BYTES);
    mime_value(&out,
               "List-Unsubscribe",
               "<https://news.example/unsubscribe/0123456789012345678901234567890123456789>, "
               "<mailto:unsubscribe@news.example>");
    assert_string_equal(
        buf_str(&out),
        "List-Unsubscribe: "
        "<https://news.example/unsubscribe/0123456789012345678901234567890123456789>,\r\n"
        " <mailto:unsubscribe@news.example>\r\n");
    buf_clear(&out);
    mime_value(&out, "X", "a\r\nY: b");
    assert_string_equal(buf_str(&out), "X: a Y: b\r\n");
    buf_done(&out);
}

static void a_date_has_a_zone_in_numbers(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, BYTES);
    mime_date(&out, "Date", INT64_C(1795446245678));
    assert_string_equal(buf_str(&out), "Date: Mon, 23 Nov 2026 15:04:05 +0000\r\n");
    buf_done(&out);
}

#define QUOTED                                                                                 \
    "Content-Type: text/plain; charset=utf-8\r\n"                                              \
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"

static void a_body_is_quoted_where_mail_would_change_it(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", QUOTED},
        {"plain\n", QUOTED "plain\r\n"},
        {"no end", QUOTED "no end\r\n"},
        {"one\r\ntwo\n\nthree", QUOTED "one\r\ntwo\r\n\r\nthree\r\n"},
        {".\n..\n.x", QUOTED "=2E\r\n=2E.\r\n=2Ex\r\n"},
        {"From here\nFromage\n", QUOTED "=46rom here\r\nFromage\r\n"},
        {"-- \nend \t\n", QUOTED "--=20\r\nend =09\r\n"},
        {"1 + 1 = 2, a lot more text", QUOTED "1 + 1 =3D 2, a lot more text\r\n"},
        {"a \x01 byte, a lot more text", QUOTED "a =01 byte, a lot more text\r\n"},
        {"caf\xc3\xa9, a lot more text", QUOTED "caf=C3=A9, a lot more text\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, BYTES);
        mime_body(&out, "text/plain; charset=utf-8", rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_done(&out);
    }
}

static void long_lines_are_broken_softly(void **state)
{
    struct buf text, out;

    (void)state;
    buf_init(&text, BYTES);
    buf_init(&out, BYTES);
    for (size_t len = 1; len < 400; len++) {
        buf_clear(&text);
        buf_clear(&out);
        for (size_t i = 0; i < len; i++) { /* dots and "From " where a new line may begin */
            buf_adds(&text, i % 7 == 3 ? "\xc3\xa9" : i % 3 ? "." : "From ");
        }
        mime_body(&out, "text/plain; charset=utf-8", buf_str(&text), text.len);
        check_lines(&out, "soft");
        assert_null(strstr(buf_str(&out), "\r\nFrom "));
    }
    buf_done(&text);
    buf_done(&out);
}

static void other_scripts_are_base64(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, BYTES);
    mime_body(&out, "text/plain; charset=utf-8", "速報\n地震\n", 14);
    assert_string_equal(buf_str(&out),
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n"
                        "6YCf5aCxDQrlnLDpnIcNCg==\r\n");
    buf_done(&out);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_is_one_field),
        cmocka_unit_test(long_subjects_are_folded_between_characters),
        cmocka_unit_test(a_mailbox_is_quoted_where_it_must_be),
        cmocka_unit_test(a_value_is_folded_at_its_blanks_only),
        cmocka_unit_test(a_date_has_a_zone_in_numbers),
        cmocka_unit_test(a_body_is_quoted_where_mail_would_change_it),
        cmocka_unit_test(long_lines_are_broken_softly),
        cmocka_unit_test(other_scripts_are_base64),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
