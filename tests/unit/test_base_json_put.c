/* JSON written member by member: the same bytes as Jansson's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json_put.h"
#include "base/mem.h"

static void check_string(const char *text)
{
    json_t *v = json_string(text);
    char *want = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    struct buf b;

    buf_init(&b, 4096);
    json_put_text(&b, NULL, text);
    assert_string_equal(buf_str(&b), want);
    buf_done(&b);
    free(want); /* Jansson's */
    json_decref(v);
}

static void every_character_is_written_as_jansson_does(void **state)
{
    char text[64];

    (void)state;
    /* Each at every place of the eight that are looked at together, and behind them. */
    for (int c = 1; c < 128; c++) {
        for (size_t at = 0; at < 20; at++) {
            memset(text, 'a', 20);
            text[20] = '\0';
            text[at] = (char)c;
            check_string(text);
        }
    }
    check_string("");
    check_string("ü€😀 \"日本\" \\ العربية\n\x7f");
    check_string("\"\"\"\"\"\"\"\"\"");
}

static void commas_come_by_themselves(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    json_put_open(&b, NULL, '{');
    json_put_text(&b, "none", NULL);
    json_put_open(&b, "empty", '{');
    json_put_close(&b, '}');
    json_put_open(&b, "list", '[');
    json_put_text(&b, NULL, "{");
    json_put_text(&b, NULL, "[");
    json_put_int(&b, NULL, 7);
    json_put_open(&b, NULL, '[');
    json_put_close(&b, ']');
    json_put_open(&b, NULL, '{');
    json_put_bool(&b, "yes", true);
    json_put_bool(&b, "no", false);
    json_put_close(&b, '}');
    json_put_close(&b, ']');
    json_put_raw(&b, "raw", "{\"a\":1}", 7);
    json_put_text(&b, "colon", ":");
    json_put_text(&b, "last", "x");
    json_put_close(&b, '}');
    assert_string_equal(buf_str(&b),
                        "{\"empty\":{},\"list\":[\"{\",\"[\",7,[],{\"yes\":true,\"no\":false}],"
                        "\"raw\":{\"a\":1},\"colon\":\":\",\"last\":\"x\"}");
    buf_done(&b);
}

static void numbers_of_all_sizes(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {10, "10"},
        {1795000000000, "1795000000000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct buf b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_init(&b, 64);
        json_put_int(&b, NULL, rows[i].value);
        assert_string_equal(buf_str(&b), rows[i].text);
        buf_done(&b);
    }
}

static void the_ceiling_holds(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    json_put_text(&b, "key", "longer than that");
    assert_false(buf_ok(&b));
    buf_done(&b);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_written_as_jansson_does),
        cmocka_unit_test(commas_come_by_themselves),
        cmocka_unit_test(numbers_of_all_sizes),
        cmocka_unit_test(the_ceiling_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
