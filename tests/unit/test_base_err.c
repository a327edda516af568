/* base/err: names, texts built outward, and what happens at the ends of the buffer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

static void every_code_has_a_name_and_a_text(void **state)
{
    /* clang-format off */
    static const struct { enum err_code code; const char *name, *text; } rows[] = {
        {ERR_NONE, "ERR_NONE", "no error"},
        {ERR_INVALID, "ERR_INVALID", "input refused"},
        {ERR_TOO_BIG, "ERR_TOO_BIG", "larger than the limit"},
        {ERR_STOPPED, "ERR_STOPPED", "shutting down"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(err_name(rows[i].code), rows[i].name);
        assert_string_equal(err_describe(rows[i].code), rows[i].text);
    }
}

static void text_is_built_outward(void **state)
{
    struct err why;

    (void)state;
    assert_int_equal(err_set(&why, ERR_IO, "disk %s", "full"), ERR_IO);
    assert_int_equal(err_wrap(&why, "migrate to version %d", 2), ERR_IO);
    assert_int_equal(err_wrap(&why, "open ledger"), ERR_IO);
    assert_string_equal(why.text, "open ledger: migrate to version 2: disk full");
    assert_int_equal(why.code, ERR_IO);
}

static void a_text_may_quote_itself(void **state)
{
    struct err why;

    (void)state;
    (void)err_set(&why, ERR_IO, "inner");
    assert_int_equal(err_set(&why, ERR_BUSY, "outer (%s)", why.text), ERR_BUSY);
    assert_string_equal(why.text, "outer (inner)");
}

static void errno_decides_code_and_reason(void **state)
{
    /* clang-format off */
    static const struct { int number; enum err_code code; const char *text; } rows[] = {
        {ENOENT, ERR_NOT_FOUND, "open /x: No such file or directory"},
        {EACCES, ERR_DENIED, "open /x: Permission denied"},
        {EPERM, ERR_DENIED, "open /x: Operation not permitted"},
        {ENOSPC, ERR_IO, "open /x: No space left on device"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why;

        errno = rows[i].number;
        assert_int_equal(err_errno(&why, "open %s", "/x"), rows[i].code);
        assert_int_equal(why.code, rows[i].code);
        assert_string_equal(why.text, rows[i].text);
    }
}

static void without_a_place_for_text_the_code_is_still_returned(void **state)
{
    (void)state;
    errno = ENOENT;
    assert_int_equal(err_errno(NULL, "open"), ERR_NOT_FOUND);
    assert_int_equal(err_set(NULL, ERR_DENIED, "no"), ERR_DENIED);
    assert_int_equal(err_wrap(NULL, "more"), ERR_INVALID);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    char filler[ERR_TEXT_BYTES * 2];

    (void)state;
    memset(filler, 'x', sizeof filler);
    for (size_t len = ERR_TEXT_BYTES - 12; len < ERR_TEXT_BYTES + 2; len++) {
        struct err why;

        filler[len] = '\0';
        (void)err_set(&why, ERR_IO, "%s€𝄞", filler);
        filler[len] = 'x';
        assert_true(strlen(why.text) < ERR_TEXT_BYTES);
        assert_true(strlen(why.text) + 4 >= ERR_TEXT_BYTES || strlen(why.text) == len + 7);
        assert_true(text_valid(why.text, strlen(why.text)));
    }
}

static void wrapping_a_full_text_keeps_its_begin(void **state)
{
    char filler[ERR_TEXT_BYTES];
    struct err why;

    (void)state;
    memset(filler, 'x', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    (void)err_set(&why, ERR_IO, "%s", filler);
    (void)err_wrap(&why, "read");
    assert_memory_equal(why.text, "read: xxx", 9);
    assert_int_equal(strlen(why.text), ERR_TEXT_BYTES - 1);
}

/* Stays the last one. */
static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_and_a_text),
        cmocka_unit_test(text_is_built_outward),
        cmocka_unit_test(a_text_may_quote_itself),
        cmocka_unit_test(errno_decides_code_and_reason),
        cmocka_unit_test(without_a_place_for_text_the_code_is_still_returned),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(wrapping_a_full_text_keeps_its_begin),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
