/* sources/charset: which set is chosen, by which of the rules, and that pieces make no difference. Sets
 * of many languages are among the fixtures of test_sources_feed.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/charset.h"

struct row {
    const char *content_type; /* NULL: none */
    const char *bytes;
    size_t len; /* 0: up to the NUL */
    const char *name, *text;
    size_t replaced;
};

static void
read_pieces(const struct row *row, size_t piece, struct buf *out, size_t *out_replaced)
{
    struct charset *c = charset_new(row->content_type);
    size_t len = row->len > 0 ? row->len : strlen(row->bytes);

    for (size_t at = 0; at < len; at += piece) {
        charset_read(c, row->bytes + at, len - at < piece ? len - at : piece, false, out);
    }
    charset_read(c, NULL, 0, true, out);
    if (strcmp(charset_name(c), row->name) != 0) {
        fail_msg("%s is read as %s, expected %s", row->bytes, charset_name(c), row->name);
    }
    *out_replaced = charset_replaced(c);
    charset_free(c);
}

static void check(const struct row *row)
{
    for (size_t piece = 1; piece < 20; piece += 3) {
        size_t replaced;
        struct buf out;

        buf_init(&out, 1000000);
        read_pieces(row, piece, &out, &replaced);
        assert_string_equal(buf_str(&out), row->text);
        assert_int_equal(replaced, row->replaced);
        buf_done(&out);
    }
}

/* clang-format off */
#define XML(set) "<?xml version='1.0' encoding='" set "'?>"
static void the_rules_hold_in_their_order(void **state)
{
    static const struct row rows[] = {
        /* 1: marks */
        {"text/xml; charset=koi8-r", "\xEF\xBB\xBF\xC3\xBC", 0, "utf-8", "ü", 0},
        {"text/xml; charset=utf-8", "\xFF\xFE\xFC\0", 4, "utf-16le", "ü", 0},
        {"text/xml; charset=utf-8", "\xFE\xFF\0\xFC", 4, "utf-16be", "ü", 0},
        {NULL, "\xFF\xFE\0\0\xFC\0\0\0", 8, "utf-32", "ü", 0},
        {NULL, "\0\0\xFE\xFF\0\0\0\xFC", 8, "utf-32", "ü", 0},
        {NULL, "<\0a\0", 4, "utf-16le", "<a", 0}, {NULL, "\0{\0}", 4, "utf-16be", "{}", 0},
        /* 2: valid UTF-8 */
        {"text/xml; charset=iso-8859-1", XML("koi8-r") "\xC3\xBC", 0, "utf-8", XML("koi8-r") "ü", 0},
        {"text/xml; charset=utf-16", "\xC3\xBC", 0, "utf-8", "ü", 0},
        {NULL, "ASCII", 0, "utf-8", "ASCII", 0}, {"text/xml; charset=koi8-r", "ASCII", 0, "utf-8", "ASCII", 0},
        /* … but for a few bytes */
        {"text/xml; charset=iso-8859-1", "\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xFC", 0, "utf-8", "üüüü\uFFFD", 1},
        /* 3: the header */
        {"text/xml; charset=windows-1251", "\xCC\xEE\xF1\xF2", 0, "windows-1251", "Мост", 0},
        {"text/xml;charset=\"KOI8-R\"; x=y", "\xED\xCF\xD3\xD4", 0, "koi8-r", "Мост", 0},
        {"text/xml; charset=windows-1251", XML("koi8-r") "\xCC\xEE", 0, "windows-1251", XML("koi8-r") "Мо", 0},
        /* what servers say by default */
        {"text/xml; charset=iso-8859-1", XML("koi8-r") "\xED\xCF", 0, "koi8-r", XML("koi8-r") "Мо", 0},
        {"text/xml; charset=us-ascii", XML("koi8-r") "\xED\xCF", 0, "koi8-r", XML("koi8-r") "Мо", 0},
        {"text/xml; charset=utf-8", XML("koi8-r") "\xED\xCF", 0, "koi8-r", XML("koi8-r") "Мо", 0},
        {"text/xml; charset=windows-1252", XML("koi8-r") "\xFC", 0, "windows-1252", XML("koi8-r") "ü", 0},
        /* 4: the declaration, junk before it too */
        {NULL, "x " XML("KOI8-R") "\xED\xCF", 0, "koi8-r", "x " XML("KOI8-R") "Мо", 0},
        {NULL, "<?xml version = \"1.0\" encoding = \"koi8-r\" ?>\xED", 0, "koi8-r", "<?xml version = \"1.0\" encoding = \"koi8-r\" ?>М", 0},
        {NULL, XML("utf-16") "\xFC", 0, "windows-1252", XML("utf-16") "ü", 0},
        /* 5 */
        {NULL, "\x93Z\xFCrich\x94 \x96 5 \x80", 0, "windows-1252", "“Zürich” – 5 €", 0},
        {"text/xml; charset=utf-8", "\x93Z\xFCrich\x94", 0, "windows-1252", "“Zürich”", 0},
        {"text/xml; charset=nonsense", "\xFC", 0, "windows-1252", "ü", 0}, {"text/xml; charset=", "\xFC", 0, "windows-1252", "ü", 0},
        {NULL, "\x81", 0, "windows-1252", "\uFFFD", 1},
        /* 7 bits */
        {"text/xml; charset=iso-2022-jp", "\x1B$B66\x1B(B", 0, "iso-2022-jp", "橋", 0},
        /* cut in a character */
        {"text/xml; charset=utf-8", "\xC3\xBC\xC3\xBC\xE2\x82", 0, "utf-8", "üü\uFFFD", 1},
        {"text/xml; charset=shift_jis", "\x8B\xB4\x8B", 0, "shift_jis", "橋\uFFFD", 1},
        {NULL, "\xFF\xFE\x3D\xD8\x25\xDD\x3D\xD8", 8, "utf-16le", "🔥\uFFFD", 1},
        {NULL, "\xFF\xFE\x3D\xD8" "a\0" "b", 7, "utf-16le", "\uFFFDa\uFFFD", 2},
        /* bytes that are none of it */
        {"text/xml; charset=euc-kr", "\xB4\xD9\xFF\xB8\xAE", 0, "euc-kr", "다\uFFFD리", 1},
        /* a letter that waits for its accent */
        {"text/xml; charset=windows-1255", "\xE9", 0, "windows-1255", "י", 0},
        {"text/xml; charset=windows-1255", "\xE9\xC4x", 0, "windows-1255", "\uFB1Dx", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
    assert_int_equal(mem_live_count(), 0);
}

static void labels_are_those_of_the_web(void **state)
{
    static const struct { const char *label, *name; } rows[] = {
        {"latin1", "windows-1252"}, {"ISO-8859-1", "windows-1252"}, {"us-ascii", "windows-1252"}, {"iso-8859-9", "windows-1254"},
        {"gb2312", "gbk"}, {"shift_jis", "shift_jis"}, {"ms932", "shift_jis"}, {"ks_c_5601-1987", "euc-kr"}, {"tis-620", "windows-874"},
        {" UTF8 ", "utf-8"}, {"'utf-8'", "utf-8"}, {"iso-8859-8-i", "iso-8859-8"}, {"x-x-big5", "big5"}, {"utf-16", "utf-16le"},
        {"hz-gb-2312", NULL}, {"utf-7", NULL}, {"", NULL}, {"latin", NULL}, {"latin11", NULL}, {"l1 l2", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *name = charset_by_label(rows[i].label, strlen(rows[i].label));

        if (rows[i].name ? !name || strcmp(name, rows[i].name) != 0 : name != NULL) {
            fail_msg("\"%s\" gives %s", rows[i].label, name ? name : "nothing");
        }
    }
}
/* clang-format on */

/* What comes behind the bytes that were looked at does not change the decision. */
static void the_look_is_bounded(void **state)
{
    struct charset *c = charset_new(NULL);
    struct buf out, bytes;

    (void)state;
    buf_init(&bytes, 1000000);
    buf_init(&out, 1000000);
    for (size_t i = 0; i < CHARSET_LOOK_BYTES / 2 + 2; i++) {
        buf_adds(&bytes, "ü");
    }
    buf_adds(&bytes, "\xFC");
    charset_read(c, bytes.data, bytes.len, true, &out);
    assert_string_equal(charset_name(c), "utf-8");
    assert_int_equal(charset_replaced(c), 1);
    assert_true(text_valid(out.data, out.len));
    charset_free(c);
    buf_done(&bytes);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_hold_in_their_order),
        cmocka_unit_test(labels_are_those_of_the_web),
        cmocka_unit_test(the_look_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
