/* What a feed has said before: new, changed, unchanged; kept as text; bounded. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/watch_known.h"

#define NOW_MS (1000 * MS_DAY)

static void an_item_is_known_by_its_key_or_its_url(void **state)
{
    struct watch_known *k = watch_known_new();

    (void)state;
    assert_int_equal(watch_known_look(k, 11, 12, 5), WATCH_NEW);
    watch_known_put(k, 11, 12, 5);
    assert_int_equal(watch_known_look(k, 11, 12, 5), WATCH_UNCHANGED);
    assert_int_equal(watch_known_look(k, 11, 99, 6), WATCH_CHANGED);   /* edited, moved */
    assert_int_equal(watch_known_look(k, 77, 12, 5), WATCH_UNCHANGED); /* a new guid */
    assert_int_equal(watch_known_look(k, 77, 0, 5), WATCH_NEW);
    watch_known_put(k, 21, 21, 5); /* the key is the URL */
    assert_int_equal(watch_known_count(k), 3);
    watch_known_free(k);
}

static void it_comes_back_from_text_as_it_was(void **state)
{
    struct watch_known *a = watch_known_new(), *b = watch_known_new();
    struct buf text, again;

    (void)state;
    for (uint64_t i = 1; i <= 500; i++) {
        watch_known_put(a, i, 1000 + i, i * i);
    }
    watch_known_title(a, 7, NOW_MS);
    watch_known_title(a, 8, NOW_MS - 2 * MS_DAY);
    buf_init(&text, 1000000);
    buf_init(&again, 1000000);
    watch_known_write(a, NOW_MS, &text);
    assert_true(watch_known_read(b, buf_str(&text), text.len));
    watch_known_write(b, NOW_MS, &again);
    assert_int_equal(text.len, again.len);
    assert_int_equal(watch_known_count(b), 1000);
    assert_int_equal(watch_known_look(b, 500, 0, 250000), WATCH_UNCHANGED);
    assert_true(watch_known_has_title(b, 7, NOW_MS));
    assert_false(watch_known_has_title(b, 8, NOW_MS));
    buf_done(&text);
    buf_done(&again);
    watch_known_free(a);
    watch_known_free(b);
}

static void what_is_no_such_text_changes_nothing(void **state)
{
    struct watch_known *k = watch_known_new();
    static const char *const rows[] = {"", "x", "AAAA", "AQAAAAD_____AAAAAA", "not base64!"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(watch_known_read(k, rows[i], strlen(rows[i])));
    }
    assert_int_equal(watch_known_count(k), 0);
    watch_known_free(k);
}

static void those_not_seen_for_longest_are_forgotten(void **state)
{
    struct watch_known *k = watch_known_new();

    (void)state;
    for (uint64_t reading = 0; reading < 200; reading++) {
        watch_known_turn(k, true);
        for (uint64_t i = 0; i < 100; i++) { /* ten new ones each time */
            watch_known_put(k, 1 + reading * 10 + i, 0, 5);
        }
    }
    watch_known_turn(k, true);
    assert_true(watch_known_count(k) <= WATCH_KNOWN_MIN);
    assert_int_equal(watch_known_look(k, 1 + 199 * 10 + 99, 0, 5), WATCH_UNCHANGED);
    assert_int_equal(watch_known_look(k, 1, 0, 5), WATCH_NEW);
    watch_known_free(k);
}

static void a_feed_of_any_size_is_bounded(void **state)
{
    struct watch_known *k = watch_known_new();

    (void)state;
    for (uint64_t i = 1; i <= 30000; i++) {
        watch_known_put(k, i, 0, 5);
    }
    watch_known_turn(k, true);
    assert_int_equal(watch_known_count(k), WATCH_KNOWN_MAX);
    watch_known_free(k);
}

static void a_title_counts_for_a_day(void **state)
{
    struct watch_known *k = watch_known_new();
    uint64_t title = watch_known_hash("bridge closed after fire");

    (void)state;
    watch_known_title(k, title, NOW_MS);
    assert_true(watch_known_has_title(k, title, NOW_MS + MS_HOUR));
    assert_false(watch_known_has_title(k, title, NOW_MS + MS_DAY));
    assert_false(watch_known_has_title(k, title + 1, NOW_MS));
    for (uint64_t i = 0; i < 3000; i++) {
        watch_known_title(k, i, NOW_MS);
    }
    assert_false(watch_known_has_title(k, title, NOW_MS)); /* the oldest go */
    watch_known_free(k);
}

static int no_memory_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_known_by_its_key_or_its_url),
        cmocka_unit_test(it_comes_back_from_text_as_it_was),
        cmocka_unit_test(what_is_no_such_text_changes_nothing),
        cmocka_unit_test(those_not_seen_for_longest_are_forgotten),
        cmocka_unit_test(a_feed_of_any_size_is_bounded),
        cmocka_unit_test(a_title_counts_for_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, no_memory_is_left);
}
