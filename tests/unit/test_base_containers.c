/* base/list, base/heap and base/map, each against a plain model of what it promises. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct item {
    int value;
    struct list_node link;
    struct heap_node place;
};

static int value_of(struct list_node *n)
{
    return container_of(n, struct item, link)->value;
}

/* Asserts that the list holds these digits in this order. */
static void assert_list(const struct list *l, const char *digits)
{
    size_t i = 0;

    assert_int_equal(l->count, strlen(digits));
    LIST_EACH(l, n)
    {
        assert_int_equal(value_of(n), digits[i++] - '0');
    }
    assert_int_equal(i, strlen(digits));
}

static void a_list_keeps_its_order(void **state)
{
    struct item v[5] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    struct list l, other;

    (void)state;
    list_init(&l);
    list_init(&other);
    assert_true(list_empty(&l));
    assert_null(list_first(&l));
    assert_null(list_pop(&l));
    list_push(&l, &v[1].link);
    list_push(&l, &v[2].link);
    list_push_front(&l, &v[0].link);
    list_insert_before(&l, &v[2].link, &v[3].link);
    assert_list(&l, "0132");
    assert_true(list_linked(&v[3].link));
    list_remove(&l, &v[3].link);
    assert_false(list_linked(&v[3].link));
    assert_list(&l, "012");
    list_push(&other, &v[4].link);
    list_move_all(&other, &l);
    assert_list(&other, "4012");
    assert_list(&l, "");
    list_move_all(&other, &l);
    list_move_all(&other, &other);
    assert_list(&other, "4012");
    assert_int_equal(value_of(list_pop(&other)), 4);
    assert_list(&other, "012");
}

static bool smaller(const struct heap_node *a, const struct heap_node *b)
{
    const struct item *x = (const void *)((const char *)a - offsetof(struct item, place));
    const struct item *y = (const void *)((const char *)b - offsetof(struct item, place));

    return x->value < y->value;
}

static void a_heap_gives_the_least_whatever_was_done_to_it(void **state)
{
    enum { COUNT = 300 };
    static struct item v[COUNT];
    struct heap h;
    struct rng r;

    (void)state;
    rng_init(&r, 7);
    heap_init(&h, smaller);
    for (int step = 0; step < 20000; step++) {
        struct item *it = &v[rng_below(&r, COUNT)];
        int least = INT32_MAX;

        if (it->place.place == 0) {
            it->value = (int)rng_below(&r, 1000);
            heap_push(&h, &it->place);
        } else if (rng_below(&r, 2) == 0) {
            it->value = (int)rng_below(&r, 1000);
            heap_update(&h, &it->place);
        } else {
            heap_remove(&h, &it->place);
            assert_int_equal(it->place.place, 0);
        }
        size_t inside = 0;
        for (size_t i = 0; i < COUNT; i++) {
            if (v[i].place.place > 0) {
                inside++;
                least = v[i].value < least ? v[i].value : least;
            }
        }
        assert_int_equal(h.count, inside);
        if (inside > 0) {
            assert_int_equal(container_of(heap_min(&h), struct item, place)->value, least);
        } else {
            assert_null(heap_min(&h));
        }
    }
    heap_done(&h);
    assert_int_equal(v[0].place.place, 0);
}

static void a_map_holds_what_was_put_in_and_not_removed(void **state)
{
    enum { KEYS = 500 };
    static char values[2];
    void *model[KEYS] = {0};
    struct map *m = map_new();
    size_t count = 0;
    struct rng r;

    (void)state;
    rng_init(&r, 11);
    for (int step = 0; step < 50000; step++) {
        size_t k = (size_t)rng_below(&r, KEYS);
        char key[64];
        /* Every third key is longer than what is kept in the slot. */
        int len =
            snprintf(key, sizeof key, k % 3 == 0 ? "a key that is rather long: %zu" : "%zu", k);
        void *value = &values[rng_below(&r, 2)];

        assert_ptr_equal(map_get(m, key, (size_t)len), model[k]);
        if (rng_below(&r, 2) == 0) {
            assert_ptr_equal(map_put(m, key, (size_t)len, value), model[k]);
            count += model[k] == NULL ? 1 : 0;
            model[k] = value;
        } else {
            assert_ptr_equal(map_remove(m, key, (size_t)len), model[k]);
            count -= model[k] == NULL ? 0 : 1;
            model[k] = NULL;
        }
        assert_int_equal(map_count(m), count);
    }
    size_t cursor = 0, seen = 0;
    while (map_each(m, &cursor) != NULL) {
        seen++;
    }
    assert_int_equal(seen, count);
    map_free(m);
    map_free(NULL);
}

static void keys_are_bytes_with_a_length(void **state)
{
    static int a, b, c, d;
    struct map *m = map_new();

    (void)state;
    assert_null(map_put(m, "", 0, &a));
    assert_null(map_put(m, "\0", 1, &b));
    assert_null(map_put(m, "\0\0", 2, &c));
    assert_null(map_put(m, "0123456789abcdef0", 17, &d));
    assert_ptr_equal(map_get(m, NULL, 0), &a);
    assert_ptr_equal(map_get(m, "\0", 1), &b);
    assert_ptr_equal(map_get(m, "\0\0", 2), &c);
    assert_ptr_equal(map_get(m, "0123456789abcdef0", 17), &d);
    assert_null(map_get(m, "0123456789abcdef", 16));
    map_free(m);
}

static void numbers_are_keys_too(void **state)
{
    static int values[2000];
    struct map *m = map_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_null(map_put_u64(m, i << 20, &values[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_ptr_equal(map_get_u64(m, i << 20), &values[i]);
    }
    assert_null(map_get_u64(m, 1));
    assert_ptr_equal(map_remove_u64(m, 0), &values[0]);
    assert_null(map_remove_u64(m, 0));
    map_free(m);
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
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(a_heap_gives_the_least_whatever_was_done_to_it),
        cmocka_unit_test(a_map_holds_what_was_put_in_and_not_removed),
        cmocka_unit_test(keys_are_bytes_with_a_length),
        cmocka_unit_test(numbers_are_keys_too),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
