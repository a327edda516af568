/* base/text: validity, the four ways of measuring, prefixes, links, cutting, foldings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/text_internal.h"

#define FAMILY                                                                                 \
    "👨‍👩‍👧‍👦" /* 25 bytes, 7 code points, 11 UTF-16 units, 1 grapheme */
#define FLAG "🇵🇪"               /* 8, 2, 4, 1 */
#define E_ACUTE "e\u0301"       /* 3, 2, 2, 1 */

static void valid_text_is_utf8_without_nul(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t len; bool ok; } rows[] = {
        {"", 0, true}, {"abc", 3, true}, {"ü€😀", 9, true}, {"a\0b", 3, false}, {"\0", 1, false},
        {"\x80", 1, false}, {"\xc2", 1, false}, {"\xc0\x80", 2, false}, {"\xc1\xbf", 2, false},
        {"\xc2\x80", 2, true}, {"\xdf\xbf", 2, true},
        {"\xe0\x9f\xbf", 3, false}, {"\xe0\xa0\x80", 3, true}, {"\xed\x9f\xbf", 3, true},
        {"\xed\xa0\x80", 3, false}, {"\xed\xbf\xbf", 3, false}, {"\xee\x80\x80", 3, true},
        {"\xef\xbf\xbf", 3, true}, {"\xe2\x82", 2, false}, {"\xe2\x28\xa1", 3, false},
        {"\xf0\x8f\xbf\xbf", 4, false}, {"\xf0\x90\x80\x80", 4, true}, {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false}, {"\xf5\x80\x80\x80", 4, false}, {"\xf0\x9f\x98", 3, false},
        {"\xf0\x9f\x98x", 4, false}, {"\xfe", 1, false}, {"\xff", 1, false}, {"a\xe2\x82\xac", 3, false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (text_valid(rows[i].text, rows[i].len) != rows[i].ok) {
            fail_msg("row %zu", i);
        }
    }
}

static void measures_in_every_unit(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t bytes, code_points, utf16, graphemes; } rows[] = {
        {"", 0, 0, 0, 0}, {"abc", 3, 3, 3, 3}, {"über", 5, 4, 4, 4}, {E_ACUTE, 3, 2, 2, 1},
        {"日本", 6, 2, 2, 2}, {"😀", 4, 1, 2, 1}, {FAMILY, 25, 7, 11, 1}, {FLAG FLAG, 16, 4, 8, 2},
        {"👍🏽", 8, 2, 4, 1}, {"한국", 6, 2, 2, 2}, {"\u1100\u1161\u11a8", 9, 3, 3, 1}, {"\r\n", 2, 2, 2, 1},
        {"नमस्ते", 18, 6, 6, 4}, {"مرحبا", 10, 5, 5, 5}, {"a\u200db", 5, 3, 3, 2}, {"1️⃣", 7, 3, 3, 1},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t expected[] = {
            rows[i].bytes, rows[i].code_points, rows[i].utf16, rows[i].graphemes};

        for (enum text_unit unit = TEXT_BYTES; unit <= TEXT_GRAPHEMES; unit++) {
            struct text_rule rule = {.unit = unit};
            size_t units = text_measure(&rule, rows[i].text, strlen(rows[i].text));

            if (units != expected[unit]) {
                fail_msg("\"%s\" has %zu %s, not %zu",
                         rows[i].text,
                         expected[unit],
                         text_unit_name(unit),
                         units);
            }
        }
    }
}

static void an_emoji_may_count_its_bytes(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t units; } rows[] = {
        {"plain", 5}, {"für", 3}, {"日本", 2}, {E_ACUTE, 1}, {"नमस्ते", 4}, {"50 %…", 5}, {"1 # *", 5},
        {"👍", 4}, {"👍🏽", 8}, {FAMILY, 25}, {FLAG, 8}, {"1️⃣", 7}, {"☔", 3}, {"❤️", 6}, {"a👍b", 6},
        {"© ™", 6},
    };
    /* clang-format on */
    struct text_rule rule = {.unit = TEXT_EMOJI_BYTES};
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t units = text_measure(&rule, rows[i].text, strlen(rows[i].text));

        if (units != rows[i].units) {
            fail_msg("\"%s\" counts %zu, not %zu", rows[i].text, rows[i].units, units);
        }
    }
    buf_init(&out, 100);
    assert_true(text_cut(&out, TEXT_EMOJI_BYTES, "go 👍 on", strlen("go 👍 on"), 8));
    assert_string_equal(buf_str(&out), "go 👍…");
    buf_clear(&out);
    assert_true(text_cut(&out, TEXT_EMOJI_BYTES, "go 👍 on", strlen("go 👍 on"), 7));
    assert_string_equal(buf_str(&out), "go…");
    buf_done(&out);
}

static void a_link_counts_what_the_platform_says(void **state)
{
    static const struct text_rule mastodon = {
        .unit = TEXT_GRAPHEMES, .max = 30, .link_length = 23};
    /* clang-format off */
    static const struct { const char *text; size_t units; } rows[] = {
        {"no link", 7}, {"https://a.example/", 23}, {"x https://a.example/a/very/long/path/indeed y", 27},
        {"https://a.example https://b.example", 47}, {"(https://a.example/)", 25},
        {"https://a.example/ü!", 24}, {"http:// nothing", 15},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);

        assert_int_equal(text_measure(&mastodon, rows[i].text, len), rows[i].units);
        assert_int_equal(text_fits(&mastodon, rows[i].text, len), rows[i].units <= 30);
    }
}

static void fits_when_both_ceilings_allow(void **state)
{
    /* clang-format off */
    static const struct { struct text_rule rule; const char *text; bool fits; } rows[] = {
        {{.unit = TEXT_GRAPHEMES, .max = 3, .max_bytes = 10}, "abc", true},
        {{.unit = TEXT_GRAPHEMES, .max = 3, .max_bytes = 10}, "abcd", false},
        {{.unit = TEXT_GRAPHEMES, .max = 3, .max_bytes = 10}, FAMILY, false},
        {{.unit = TEXT_GRAPHEMES, .max = 3, .max_bytes = 25}, FAMILY, true},
        {{.unit = TEXT_GRAPHEMES, .max = 0}, "as long as you like", true},
        {{.unit = TEXT_GRAPHEMES, .max = 0, .max_bytes = 4}, "as long", false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(text_fits(&rows[i].rule, rows[i].text, strlen(rows[i].text)),
                         rows[i].fits);
    }
}

static void a_prefix_ends_between_clusters(void **state)
{
    /* clang-format off */
    static const struct { enum text_unit unit; const char *text; size_t units, bytes; } rows[] = {
        {TEXT_BYTES, "abc", 2, 2}, {TEXT_BYTES, "abc", 0, 0}, {TEXT_BYTES, "abc", 9, 3},
        {TEXT_BYTES, "aü", 2, 1}, {TEXT_BYTES, "x" FAMILY "y", 25, 1}, {TEXT_BYTES, "x" FAMILY "y", 26, 26},
        {TEXT_CODE_POINTS, E_ACUTE "x", 1, 0}, {TEXT_CODE_POINTS, E_ACUTE "x", 2, 3},
        {TEXT_UTF16, "a😀b", 2, 1}, {TEXT_UTF16, "a😀b", 3, 5}, {TEXT_UTF16, FLAG "a", 3, 0},
        {TEXT_GRAPHEMES, FAMILY FLAG "a", 1, 25}, {TEXT_GRAPHEMES, FAMILY FLAG "a", 2, 33},
        {TEXT_GRAPHEMES, "日本", 1, 3}, {TEXT_CODE_POINTS, "\r\nx", 1, 0}, {TEXT_GRAPHEMES, "\r\nx", 1, 2},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t bytes =
            text_prefix(rows[i].unit, rows[i].text, strlen(rows[i].text), rows[i].units);

        if (bytes != rows[i].bytes) {
            fail_msg("row %zu: %zu bytes, not %zu", i, bytes, rows[i].bytes);
        }
    }
}

static void finds_links_as_readers_see_them(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *links; } rows[] = {
        {"", ""}, {"no links here: none", ""},
        {"https://a.example", "https://a.example;"},
        {"see https://a.example/b and http://c.example/d.", "https://a.example/b;http://c.example/d;"},
        {"HTTPS://A.Example/X", "HTTPS://A.Example/X;"},
        {"Is it https://a.example/?", "https://a.example/;"},
        {"https://a.example/x,y.", "https://a.example/x,y;"},
        {"https://a.example/!!!...", "https://a.example/;"},
        {"(https://a.example/b)", "https://a.example/b;"},
        {"(https://a.example/b(c))", "https://a.example/b(c);"},
        {"https://a.example/b_(c)", "https://a.example/b_(c);"},
        {"https://a.example/b)))", "https://a.example/b;"},
        {"https://a.example/b(", "https://a.example/b;"},
        {"[https://a.example/[b]]", "https://a.example/[b];"},
        {"<https://a.example/b>", "https://a.example/b;"},
        {"\"https://a.example/b\"", "https://a.example/b;"},
        {"“https://a.example/b”", "https://a.example/b;"},
        {"https://a.example/日本語。", "https://a.example/日本語;"},
        {"https://a.example/b\nhttps://c.example", "https://a.example/b;https://c.example;"},
        {"https://a.example/b\u00a0c", "https://a.example/b;"},
        {"https://a.example/b\u3000c", "https://a.example/b;"},
        {"xhttps://a.example", ""}, {"_http://a.example", ""}, {"日本http://a.example", "http://a.example;"},
        {"shttp://a.example", ""}, {"http:/a.example", ""}, {"https://", ""}, {"https:// a", ""},
        {"https://.", ""}, {"https://)", ""}, {"https://?x", ""},
        {"http://[::1]/x", "http://[::1]/x;"},
        {"a:b:c https://d.example:80/e?f=g#h", "https://d.example:80/e?f=g#h;"},
        {"ftp://a.example mailto:x@a.example", ""},
        {"https://a.example/?u=http://b.example/", "https://a.example/?u=http://b.example/;"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text), pos = 0, start, end;
        struct buf links;

        buf_init(&links, 1000);
        while (text_next_link(rows[i].text, len, pos, &start, &end)) {
            assert_true(start >= pos && end > start && end <= len);
            buf_add(&links, rows[i].text + start, end - start);
            buf_addc(&links, ';');
            pos = end;
        }
        assert_string_equal(buf_str(&links), rows[i].links);
        buf_done(&links);
    }
}

static void cuts_where_a_reader_would(void **state)
{
    /* clang-format off */
    static const struct { enum text_unit unit; const char *text; size_t units; const char *cut; } rows[] = {
        {TEXT_GRAPHEMES, "", 0, ""},
        {TEXT_GRAPHEMES, "short", 5, "short"},
        {TEXT_GRAPHEMES, "short", 4, "sho…"},             /* a word longer than all there is room for */
        {TEXT_GRAPHEMES, "two words", 8, "two wor…"},         /* a word boundary would lose more than half */
        {TEXT_GRAPHEMES, "two words", 7, "two…"},
        {TEXT_GRAPHEMES, "two words", 4, "two…"},
        {TEXT_GRAPHEMES, "two words", 3, "tw…"},
        {TEXT_GRAPHEMES, "two words", 1, "…"},
        {TEXT_GRAPHEMES, "two words", 0, ""},
        {TEXT_GRAPHEMES, "a verylongword", 9, "a verylo…"},
        {TEXT_GRAPHEMES, "some verylongword", 9, "some…"},
        {TEXT_GRAPHEMES, "one, two, three", 11, "one, two…"},
        {TEXT_GRAPHEMES, "one – two and more", 7, "one…"},
        {TEXT_GRAPHEMES, "one    two", 6, "one…"},
        {TEXT_GRAPHEMES, "He said: “Go home” at once", 11, "He said…"},
        {TEXT_GRAPHEMES, "The price fell 50% again", 20, "The price fell 50%…"},
        {TEXT_GRAPHEMES, "!!!!!!!!!!", 5, "…"},
        {TEXT_GRAPHEMES, "one…two three", 8, "one…two…"},
        {TEXT_GRAPHEMES, "one… two three", 6, "one…"},
        {TEXT_GRAPHEMES, "日本語の文章は続く", 5, "日本語の…"},
        {TEXT_GRAPHEMES, "東京、大阪、京都", 4, "東京…"},
        {TEXT_GRAPHEMES, "APEC首脳会議が開幕した", 7, "APEC首脳…"},
        {TEXT_GRAPHEMES, "서울에서 열린 회의", 7, "서울에서…"},
        {TEXT_GRAPHEMES, "مرحبا بالعالم", 9, "مرحبا…"},
        {TEXT_GRAPHEMES, FAMILY FAMILY FAMILY, 2, FAMILY "…"},
        {TEXT_BYTES, FAMILY FAMILY, 49, FAMILY "…"},
        {TEXT_BYTES, FAMILY FAMILY, 27, "…"},
        {TEXT_BYTES, "abcdef", 5, "ab…"},
        {TEXT_BYTES, "abcdef", 2, ""},
        {TEXT_BYTES, "abcdef", 3, "…"},
        {TEXT_UTF16, "😀😀😀", 5, "😀😀…"},
        {TEXT_UTF16, "😀😀😀", 4, "😀…"},
        {TEXT_CODE_POINTS, E_ACUTE E_ACUTE E_ACUTE, 4, E_ACUTE "…"},
        {TEXT_GRAPHEMES, "see https://a.example/b now", 26, "see https://a.example/b…"},
        {TEXT_GRAPHEMES, "see https://a.example/b now", 24, "see https://a.example/b…"},
        {TEXT_GRAPHEMES, "see https://a.example/b now", 23, "see…"},
        {TEXT_GRAPHEMES, "see https://a.example/b/ now", 25, "see https://a.example/b/…"},
        {TEXT_GRAPHEMES, "https://a.example/b now", 10, "…"},
        {TEXT_GRAPHEMES, "see (https://a.example/b) now", 26, "see (https://a.example/b…"},
        {TEXT_GRAPHEMES, "a https://a.example/b https://c.example/d", 39, "a https://a.example/b…"},
        {TEXT_GRAPHEMES, "line one\nline two is long", 12, "line one…"},
        {TEXT_GRAPHEMES, "end. Next sentence", 6, "end…"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        struct text_rule rule = {.unit = rows[i].unit};
        struct buf out;

        buf_init(&out, 1000);
        bool cut = text_cut(&out, rows[i].unit, rows[i].text, len, rows[i].units);
        if (strcmp(buf_str(&out), rows[i].cut) != 0) {
            fail_msg("\"%s\" in %zu: \"%s\", not \"%s\"",
                     rows[i].text,
                     rows[i].units,
                     buf_str(&out),
                     rows[i].cut);
        }
        assert_int_equal(cut, strcmp(rows[i].cut, rows[i].text) != 0);
        assert_true(text_measure(&rule, buf_str(&out), out.len) <= rows[i].units);
        buf_done(&out);
    }
}

static void never_cuts_longer_than_told(void **state)
{
    static const char text[] = "Lima, 23. Nov. – " FAMILY " „Über“ 日本語、テスト。 " FLAG FLAG
                               " https://a.example/a_(b)/ü?x=1, " E_ACUTE E_ACUTE
                               "각각 (http://b.example) end.\r\nمرحبا";

    (void)state;
    for (enum text_unit unit = TEXT_BYTES; unit <= TEXT_EMOJI_BYTES; unit++) {
        struct text_rule rule = {.unit = unit};

        for (size_t units = 0; units < sizeof text + 5; units++) {
            struct buf out;

            buf_init(&out, 1000);
            bool cut = text_cut(&out, unit, text, strlen(text), units);
            assert_true(text_measure(&rule, buf_str(&out), out.len) <= units);
            assert_true(text_valid(buf_str(&out), out.len));
            assert_int_equal(cut, text_measure(&rule, text, strlen(text)) > units);
            /* No link is left in part. */
            assert_true(strstr(buf_str(&out), "https://") == NULL ||
                        strstr(buf_str(&out), "https://a.example/a_(b)/ü?x=1") != NULL);
            assert_true(strstr(buf_str(&out), "http://") == NULL ||
                        strstr(buf_str(&out), "http://b.example") != NULL);
            buf_done(&out);
        }
    }
}

static void long_texts_are_cut_in_one_pass(void **state)
{
    struct buf text, out;

    (void)state;
    buf_init(&text, 8 << 20);
    buf_init(&out, 8 << 20);
    for (int i = 0; i < 200000; i++) {
        buf_adds(&text, "http://a) ");
    }
    assert_true(text_cut(&out, TEXT_GRAPHEMES, text.data, text.len, text.len - 1));
    buf_clear(&out);
    buf_clear(&text);
    buf_adds(&text, "http://a");
    for (int i = 0; i < 2000000; i++) {
        buf_addc(&text, ')');
    }
    size_t start, end;
    assert_true(text_next_link(text.data, text.len, 0, &start, &end));
    assert_int_equal(end, 8);
    buf_done(&text);
    buf_done(&out);
}

static void folds_white_space(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *folded; } rows[] = {
        {"", ""}, {" ", ""}, {"a", "a"}, {"  a  b\t\n\r\n c ", "a b c"}, {"a\u00a0b\u3000c\u2028d", "a b c d"},
        {"a\x01\x1f\x7f" "b", "ab"}, {"a\xc2\x85" "b", "a b"}, {"a\xc2\x90" "b", "ab"}, {"\ufeffa", "a"},
        {"a\u200db", "a\u200db"}, {"a \x01 b", "a b"}, {"a\xff" "b", "a\ufffdb"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        text_collapse(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(buf_str(&out), rows[i].folded);
        buf_done(&out);
    }
}

static void makes_hashtag_words(void **state)
{
    /* clang-format off */
    static const struct { const char *tag, *word; } rows[] = {
        {"diplomacy", "diplomacy"}, {"North Korea", "NorthKorea"}, {"covid-19", "covid19"}, {"#APEC", "APEC"},
        {"R&D", "RD"}, {"한국", "한국"}, {"日本", "日本"}, {"Übersee", "Übersee"}, {"कोलकाता", "कोलकाता"},
        {"snake_case", "snake_case"}, {"2024 election", "2024election"}, {"e\u0301t\u00e9", "e\u0301t\u00e9"},
        {"2024", NULL}, {"", NULL}, {"  ", NULL}, {"!?", NULL}, {"___", NULL}, {"😀", NULL}, {"1_2", NULL},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;

        buf_init(&out, 1000);
        assert_int_equal(text_hashtag(&out, rows[i].tag), rows[i].word != NULL);
        assert_string_equal(buf_str(&out), rows[i].word == NULL ? "" : rows[i].word);
        buf_done(&out);
    }
}

static void compares_without_ascii_case(void **state)
{
    /* clang-format off */
    static const struct { const char *a, *b; bool same; } rows[] = {
        {"", "", true}, {"World", "wORLD", true}, {"World", "Worlds", false}, {"World", "Worl", false},
        {"Über", "über", false}, {"über", "üBER", true}, {"@", "`", false}, {"[", "{", false},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(text_same_fold(rows[i].a, rows[i].b), rows[i].same);
        assert_int_equal(text_same_fold(rows[i].b, rows[i].a), rows[i].same);
    }
}

/* Every character there is, among them the ones that fold to more than themselves. */
static void every_character_is_the_same_word_as_itself(void **state)
{
    (void)state;
    for (int32_t c = 0x80; c <= 0x1FFFF; c++) {
        struct buf a, b;

        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        buf_init(&a, 16);
        buf_init(&b, 16);
        text__append(&a, c);
        text__append(&b, c);
        buf_adds(&a, "É");
        buf_adds(&b, "é");
        if (!text_same_word(buf_str(&a), buf_str(&b))) {
            fail_msg("U+%04X", (unsigned)c);
        }
        buf_done(&a);
        buf_done(&b);
    }
    assert_false(text_same_word("\xff", "\xff\xff"));
    assert_false(text_same_word("é", ""));
}

static void counts_terminal_columns(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t columns; } rows[] = {
        {"", 0}, {"abc", 3}, {"über", 4}, {E_ACUTE, 1}, {"日本", 4}, {FAMILY, 2}, {"a\tb", 2},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(text_columns(rows[i].text, strlen(rows[i].text)), rows[i].columns);
    }
}

/* Stays the last one. */
static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

static void halves_of_characters_are_taken_out_wherever_they_stand(void **state)
{
    static const struct {
        const char *text, *whole;
    } rows[] = {
        {"", ""},
        {"caf\u00e9 \u65b0\u805e", "caf\u00e9 \u65b0\u805e"},
        {"the event \"w\xc3\" is unknown", "the event \"w\" is unknown"},
        {"at the end \xe6\x96", "at the end "},
        {"\xa9 at the start", " at the start"},
        {"\xf0\x9f\x91\xc3\xbc", "\xc3\xbc"},
        {"\xff\xfe", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];

        (void)snprintf(text, sizeof text, "%s", rows[i].text);
        assert_int_equal(text_drop_halves(text), strlen(rows[i].whole));
        assert_string_equal(text, rows[i].whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_of_characters_are_taken_out_wherever_they_stand),
        cmocka_unit_test(valid_text_is_utf8_without_nul),
        cmocka_unit_test(measures_in_every_unit),
        cmocka_unit_test(an_emoji_may_count_its_bytes),
        cmocka_unit_test(a_link_counts_what_the_platform_says),
        cmocka_unit_test(fits_when_both_ceilings_allow),
        cmocka_unit_test(a_prefix_ends_between_clusters),
        cmocka_unit_test(finds_links_as_readers_see_them),
        cmocka_unit_test(cuts_where_a_reader_would),
        cmocka_unit_test(never_cuts_longer_than_told),
        cmocka_unit_test(long_texts_are_cut_in_one_pass),
        cmocka_unit_test(folds_white_space),
        cmocka_unit_test(makes_hashtag_words),
        cmocka_unit_test(compares_without_ascii_case),
        cmocka_unit_test(every_character_is_the_same_word_as_itself),
        cmocka_unit_test(counts_terminal_columns),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
