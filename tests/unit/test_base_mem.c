/* base/mem and base/buf: counting what is alive, and the buffer with its ceiling. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void counts_what_is_alive(void **state)
{
    size_t before = mem_live_count();
    void *a = mem_alloc(0), *b = mem_zalloc(10), *c = mem_calloc(3, 4);
    char *d = mem_strdup("text");

    (void)state;
    assert_int_equal(mem_live_count(), before + 4);
    a = mem_realloc(a, 100, 8); /* moved, not new */
    assert_int_equal(mem_live_count(), before + 4);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free_secret(d, 4);
    mem_free(NULL);
    mem_free_secret(NULL, 0);
    assert_int_equal(mem_live_count(), before);
}

static void clears_what_it_says_it_clears(void **state)
{
    static const char zeros[12];
    char *a = mem_zalloc(12), *b = mem_calloc(3, 4);

    (void)state;
    assert_memory_equal(a, zeros, 12);
    assert_memory_equal(b, zeros, 12);
    mem_free(a);
    mem_free(b);
}

static void copies_text(void **state)
{
    char *a = mem_strdup("Lima"), *b = mem_strndup("ab\0cd", 5),
         *c = mem_printf("%d-%s", 7, "x");

    (void)state;
    assert_null(mem_strdup(NULL));
    assert_string_equal(a, "Lima");
    assert_memory_equal(b, "ab\0cd", 6);
    assert_string_equal(c, "7-x");
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void appends_in_every_way(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_string_equal(buf_str(&b), "");
    buf_add(&b, "abc", 2);
    buf_adds(&b, "-");
    buf_adds(&b, NULL);
    buf_addc(&b, 'c');
    buf_addf(&b, " %d %s", 42, "x");
    assert_string_equal(buf_str(&b), "ab-c 42 x");
    assert_int_equal(b.len, 9);
    buf_truncate(&b, 4);
    assert_string_equal(buf_str(&b), "ab-c");
    buf_done(&b);
}

static void holds_exactly_its_ceiling(void **state)
{
    /* clang-format off */
    static const struct { size_t max, add; bool ok; } rows[] = {
        {0, 0, true}, {0, 1, false}, {1, 1, true}, {1, 2, false}, {63, 63, true}, {64, 64, true},
        {64, 65, false}, {100, 100, true}, {100, 101, false}, {1000, 999, true},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf one, each;

        buf_init(&one, rows[i].max);
        buf_init(&each, rows[i].max);
        buf_addf(&one, "%*s", (int)rows[i].add, "");
        for (size_t j = 0; j < rows[i].add; j++) {
            buf_addc(&each, 'x');
        }
        assert_int_equal(buf_ok(&one), rows[i].ok);
        assert_int_equal(buf_ok(&each), rows[i].ok);
        assert_true(each.len <= rows[i].max && each.cap <= rows[i].max + 1);
        buf_done(&one);
        buf_done(&each);
    }
}

static void fails_once_and_stays_failed(void **state)
{
    struct err why;
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_adds(&b, "abc");
    buf_adds(&b, "de");
    buf_adds(&b, "f"); /* would fit, but would leave a hole */
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abc");
    assert_int_equal(buf_check(&b, "the answer", &why), ERR_TOO_BIG);
    assert_string_equal(why.text, "the answer is larger than 4 bytes");
    buf_clear(&b);
    assert_int_equal(buf_check(&b, "the answer", &why), ERR_NONE);
    buf_adds(&b, "full");
    assert_string_equal(buf_str(&b), "full");
    buf_done(&b);
}

static void gives_its_text_away(void **state)
{
    struct buf b;
    size_t len = 99;

    (void)state;
    buf_init(&b, 10);
    buf_adds(&b, "mine");
    char *text = buf_detach(&b, &len);
    assert_string_equal(text, "mine");
    assert_int_equal(len, 4);
    assert_int_equal(b.len, 0);
    mem_free(text);
    text = buf_detach(&b, &len); /* of an empty one */
    assert_string_equal(text, "");
    mem_free(text);
    buf_adds(&b, "much too long for it");
    assert_null(buf_detach(&b, &len));
    buf_done(&b);
}

static void a_zeroed_buffer_may_be_ended(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_clear(&b);
    buf_done(&b);
    assert_null(b.data);
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
        cmocka_unit_test(counts_what_is_alive),
        cmocka_unit_test(clears_what_it_says_it_clears),
        cmocka_unit_test(copies_text),
        cmocka_unit_test(appends_in_every_way),
        cmocka_unit_test(holds_exactly_its_ceiling),
        cmocka_unit_test(fails_once_and_stays_failed),
        cmocka_unit_test(gives_its_text_away),
        cmocka_unit_test(a_zeroed_buffer_may_be_ended),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
