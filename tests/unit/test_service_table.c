/* Tables for terminals: widths as a terminal counts them, cuts, colours, hostile text. */

#include "service/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)64 * 1024)

static void columns_are_as_wide_as_what_stands_in_them(void **state)
{
    static const char *const titles[] = {"name", "state", "what"};
    static const char *const cells[][3] = {
        {"a", "done", "x"},
        {"telegram", "ok", "y"},
        {"日本語", "ok", "z"}, /* two columns each */
    };
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        table_row(t);
        for (size_t c = 0; c < 3; c++) {
            table_cell(t, cells[i][c], TINT_NONE);
        }
    }
    buf_init(&out, TEXT_MAX);
    table_print(t, false, 0, &out);
    assert_string_equal(buf_str(&out),
                        "name      state  what\n"
                        "a         done   x\n"
                        "telegram  ok     y\n"
                        "日本語    ok     z\n");
    assert_int_equal(table_rows(t), 3);
    buf_done(&out);
    table_free(t);
}

static void the_last_column_gives_way_to_a_narrow_terminal(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *expect;
    } rows[] = {
        {"a long sentence that does not fit", 20, "x  a long sentence \xe2\x80\xa6\n"},
        {"日本語日本語日本語日本語", 16, "x  日本語日本語\xe2\x80\xa6\n"},
        {"short", 20, "x  short\n"},
        {"never narrower than eight", 2, "x  never n\xe2\x80\xa6\n"},
    };
    static const char *const titles[] = {"x", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct table *t = table_new(titles, ARRAY_LEN(titles));
        struct buf out;
        table_row(t);
        table_cell(t, "x", TINT_NONE);
        table_cell(t, rows[i].text, TINT_NONE);
        buf_init(&out, TEXT_MAX);
        table_print(t, false, rows[i].width, &out);
        assert_string_equal(strchr(buf_str(&out), '\n') + 1, rows[i].expect);
        buf_done(&out);
        table_free(t);
    }
}

static void text_of_others_cannot_steer_the_terminal(void **state)
{
    static const struct {
        const char *text, *expect;
    } rows[] = {
        {"\x1b[2Jgone", " [2Jgone"},
        {"a\nb\rc\td", "a b c d"},
        {"bell\x07 del\x7f", "bell  del "},
        {"c1 \xc2\x9b"
         "31m",
         "c1  31m"},
        {"é ü 日", "é ü 日"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, TEXT_MAX);
        terminal_text(&out, rows[i].text, TINT_NONE, true);
        assert_string_equal(buf_str(&out), rows[i].expect);
        buf_done(&out);
    }
}

static void colours_end_where_their_text_ends(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, TEXT_MAX);
    terminal_text(&out, "done", TINT_GOOD, true);
    assert_string_equal(buf_str(&out), "\x1b[32mdone\x1b[0m");
    buf_clear(&out);
    terminal_text(&out, "done", TINT_GOOD, false);
    assert_string_equal(buf_str(&out), "done");
    buf_done(&out);
}

static void what_is_no_terminal_gets_no_colours(void **state)
{
    (void)state;
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    assert_false(terminal_colours(-1));
    assert_int_equal(terminal_width(-1), 0);
}

static void states_have_their_tints(void **state)
{
    (void)state;
    assert_int_equal(terminal_tint("done"), TINT_GOOD);
    assert_int_equal(terminal_tint("rejected"), TINT_BAD);
    assert_int_equal(terminal_tint("unknown"), TINT_WARN);
    assert_int_equal(terminal_tint("nothing known"), TINT_NONE);
    assert_int_equal(terminal_tint(NULL), TINT_NONE);
}

static void nothing_is_left_in_memory(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_stands_in_them),
        cmocka_unit_test(the_last_column_gives_way_to_a_narrow_terminal),
        cmocka_unit_test(text_of_others_cannot_steer_the_terminal),
        cmocka_unit_test(colours_end_where_their_text_ends),
        cmocka_unit_test(what_is_no_terminal_gets_no_colours),
        cmocka_unit_test(states_have_their_tints),
        cmocka_unit_test(nothing_is_left_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
