/* base/text_x, base/text_x_link: how X counts and what it links, by the vendor's own vectors
 * (tests/fixtures/x, made by tests/support/x_vectors.py), and what they leave open. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/text_internal.h"

#define LIMIT 280

static const struct text_rule rule = {
    .name = "text", .unit = TEXT_X_WEIGHTED, .max = LIMIT, .link_length = 23};

static json_t *vectors(const char *name)
{
    json_error_t error;
    char path[1024];
    json_t *v;

    (void)snprintf(path, sizeof path, "%s/x/%s.json", FIXTURES, name);
    v = json_load_file(path, 0, &error);
    if (!v) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    return v;
}

static const char *str(const json_t *v, const char *name)
{
    return json_string_value(json_object_get(v, name));
}

static void texts_weigh_what_the_vendor_says(void **state)
{
    json_t *root = vectors("counting"), *v;
    const json_t *list = json_object_get(root, "vectors");
    int wrong = 0;
    size_t i;

    (void)state;
    json_array_foreach(list, i, v)
    {
        const char *text = str(v, "text");
        size_t want = (size_t)json_integer_value(json_object_get(v, "weight"));
        size_t got = text_measure(&rule, text, strlen(text));

        if (got != want || text_fits(&rule, text, strlen(text)) != (want <= LIMIT)) {
            print_error("%s: want %zu, got %zu\n", str(v, "about"), want, got);
            wrong++;
        }
    }
    assert_true(json_array_size(list) >= 42);
    json_decref(root);
    assert_int_equal(wrong, 0);
}

static size_t utf16_length(const char *text, size_t len)
{
    struct text_rule units = {.unit = TEXT_UTF16};

    return text_measure(&units, text, len);
}

/* The vendor tells how much of a text would do; of texts without links, whose beginning is plain. */
static void prefixes_end_where_the_vendor_says(void **state)
{
    json_t *root = vectors("counting"), *v;
    size_t i, checked = 0, start, end;
    int wrong = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        const char *text = str(v, "text");
        size_t len = strlen(text), want, got;

        if (text_x_next_link(text, len, 0, &start, &end) ||
            strcmp(str(v, "suite"), "UnicodeDirectionalMarkerCounterTest") == 0) {
            continue;
        }
        want = (size_t)json_integer_value(json_object_get(v, "valid_end")) + 1;
        got = utf16_length(text, text_prefix(TEXT_X_WEIGHTED, text, len, LIMIT));
        if (got != want) {
            print_error("%s: want %zu, got %zu\n", str(v, "about"), want, got);
            wrong++;
        }
        checked++;
    }
    json_decref(root);
    assert_true(checked >= 20);
    assert_int_equal(wrong, 0);
}

static bool same_links(const json_t *v)
{
    const json_t *want = json_object_get(v, "links");
    const char *text = str(v, "text");
    size_t len = strlen(text), pos = 0, start, end, count = 0;
    bool same = true;

    while (text_x_next_link(text, len, pos, &start, &end)) {
        const char *one = json_string_value(json_array_get(want, count));

        if (!one || strlen(one) != end - start || memcmp(one, text + start, end - start) != 0) {
            print_error("%s: got %.*s\n", str(v, "about"), (int)(end - start), text + start);
            same = false;
        }
        assert_true(end > pos && start >= pos && end <= len);
        count++;
        pos = end;
    }
    if (count != json_array_size(want)) {
        print_error(
            "%s: want %zu links, got %zu\n", str(v, "about"), json_array_size(want), count);
        same = false;
    }
    return same;
}

static void links_are_those_the_vendor_makes(void **state)
{
    json_t *root = vectors("links"), *v;
    const json_t *list = json_object_get(root, "vectors");
    int wrong = 0;
    size_t i;

    (void)state;
    json_array_foreach(list, i, v)
    {
        wrong += !same_links(v);
    }
    assert_true(json_array_size(list) >= 108);
    json_decref(root);
    assert_int_equal(wrong, 0);
}

static void what_the_vectors_leave_open(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t weight; } rows[] = {
        {"", 0}, {"…", 2}, {"\u2013\u2018\u2019", 3}, {"\u1ebf", 2}, {"e\u0302\u0301", 2}, {"한", 2}, {"\u1112\u1161\u11ab", 2},
        {"©", 1}, {"©\ufe0f", 2}, {"™", 2}, {"🇵🇪", 2}, {"🇵🇪🇵🇪", 4}, {"🇽🇽", 4}, {"🇵", 2},
        {"☺\ufe0f", 2}, {"☺\ufe0e", 4}, {"1\ufe0f\u20e3", 2}, {"#\u20e3", 2}, {"1\ufe0f", 3}, {"👍🏽", 2}, {"❤️‍🔥", 2},
        {"🏳️‍🌈", 2}, {"news.example", 12}, {"news.example.com", 23}, {"https://news.example/a-b?c=1#d", 30},
        {"https://news.example.com/a-b?c=1#d x", 25}, {"NEWS.COM", 23}, {"xn--fiqs8s.xn--fiqs8s", 23},
        {"сайт.рф", 7}, {"http://сайт.рф", 23}, {"http://сайт.РФ", 23}, {"\U0001D160", 6}, {"a.b", 3},
        {"mail@news.com", 13}, {"http://127.0.0.1/", 17}, {"https://t.co/0123456789", 23},
    };
    /* clang-format on */
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t got = text_measure(&rule, rows[i].text, strlen(rows[i].text));

        if (got != rows[i].weight) {
            print_error("%s: want %zu, got %zu\n", rows[i].text, rows[i].weight, got);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_string_equal(text_unit_name(TEXT_X_WEIGHTED), "characters as X weighs them");
}

static void texts_are_cut_by_weight(void **state)
{
    /* clang-format off */
    static const struct { const char *text; size_t units; const char *cut; } rows[] = {
        {"one two three", 13, "one two three"}, {"one two three", 12, "one two…"}, {"one two three", 9, "one two…"},
        {"one two three", 8, "one…"}, {"漢字漢字", 8, "漢字漢字"}, {"漢字漢字", 7, "漢字…"}, {"漢字漢字", 6, "漢字…"},
        {"😀😀😀", 5, "😀…"}, {"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"}, {"ab", 1, ""},
    };
    /* clang-format on */
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_init(&out, 4096);
        (void)text_cut(
            &out, TEXT_X_WEIGHTED, rows[i].text, strlen(rows[i].text), rows[i].units);
        assert_string_equal(buf_str(&out), rows[i].cut);
        buf_done(&out);
    }
}

/* Names without end, brackets, dots: read once or nearly so. Anything that is read again from every place
 * would take minutes here. */
static void hostile_texts_take_no_time(void **state)
{
    static const char *const bits[] = {"a.",
                                       "漢",
                                       "http://",
                                       "(",
                                       "a_b.com.",
                                       "-",
                                       "\u0301",
                                       "http://a.com/(",
                                       "漢.com",
                                       "😀\u200d",
                                       "a.com漢",
                                       "漢_a.com"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
        struct buf text;

        buf_init(&text, 1024 * 1024);
        while (text.len < (size_t)20 * 1000) {
            buf_adds(&text, bits[i]);
        }
        assert_true(text_measure(&rule, buf_str(&text), text.len) > 0);
        buf_done(&text);
    }
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_weigh_what_the_vendor_says),
        cmocka_unit_test(prefixes_end_where_the_vendor_says),
        cmocka_unit_test(links_are_those_the_vendor_makes),
        cmocka_unit_test(what_the_vectors_leave_open),
        cmocka_unit_test(texts_are_cut_by_weight),
        cmocka_unit_test(hostile_texts_take_no_time),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
