/* base/json: bounded reading, walking, pointers, canonical text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

static void reads_within_bounds_or_says_where_it_is_wrong(void **state)
{
    /* clang-format off */
    static const struct { const char *text; enum err_code rc; const char *begins; } rows[] = {
        {"{\"a\": [1, {\"b\": null}]}", ERR_NONE, ""},
        {"\"text\"", ERR_NONE, ""}, {"17", ERR_NONE, ""}, {"null", ERR_NONE, ""},
        {"[[[[]]]]", ERR_NONE, ""},
        {"[[[[[]]]]]", ERR_INVALID, "nested deeper than 4 levels"},
        {"{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", ERR_INVALID, "nested deeper than 4 levels"},
        {"[\"[[[[[[\", \"\\\"[[[[[[\"]", ERR_NONE, ""}, /* brackets inside strings do not nest */
        {"", ERR_INVALID, "line 1, column 0: "},
        {"{\"a\": 1,\n \"b\" 2}", ERR_INVALID, "line 2, column "},
        {"{\"a\": 1, \"a\": 2}", ERR_INVALID, "line 1, column "},
        {"{\"a\": 1} x", ERR_INVALID, "line 1, column "},
        {"[1", ERR_INVALID, "line 1, column "},
        {"\"\xff\"", ERR_INVALID, "line 1, column "},
        {"\"\xc0\xaf\"", ERR_INVALID, "line 1, column "},
        {"\"\xed\xa0\x80\"", ERR_INVALID, "line 1, column "},
        {"\"\\u0000\"", ERR_INVALID, "line 1, column "},
        {"\"\\ud800\"", ERR_INVALID, "line 1, column "},
        {"1e999", ERR_INVALID, "line 1, column "},
        {"{a: 1}", ERR_INVALID, "line 1, column "},
        {"\xef\xbb\xbf{}", ERR_INVALID, "line 1, column "},
        {"[1,\v2]", ERR_INVALID, "line 1, column 3: a control character"},
        {"true\"", ERR_INVALID, "line 1, column 4: more behind the end"},
        {"[1,\n\n  \"a\nb\"]", ERR_INVALID, "line 3, column 4: "},
        {"[1,]", ERR_INVALID, "line 1, column "}, {"{\"a\":1,}", ERR_INVALID, "line 1, column "},
        {"01", ERR_INVALID, ""}, {"+1", ERR_INVALID, ""}, {"NaN", ERR_INVALID, ""},
        {"tru", ERR_INVALID, ""}, {"1.", ERR_INVALID, ""}, {"// c\n1", ERR_INVALID, ""},
        {"\"\\x\"", ERR_INVALID, ""}, {"\"\\u12\"", ERR_INVALID, ""},
        {"9223372036854775808", ERR_INVALID, "line 1, column 0: an integer of more than 64 bits"},
        {"-9223372036854775808", ERR_NONE, ""}, {"-0", ERR_NONE, ""}, {"1E+2", ERR_NONE, ""},
        {"{\"\\u0000\": 1}", ERR_INVALID, "line 1, column 9: a name with a NUL character"},
        {"\"\\ud83d\\ude00\"", ERR_NONE, ""}, {"\"\\ud7ff\\ue000\"", ERR_NONE, ""},
        {"\"\\\\ud800\"", ERR_NONE, ""}, /* a backslash, then letters */
        {"\"\\ude00\\ud83d\"", ERR_INVALID, "line 1, column 1: half a surrogate pair"},
        {"\"\\ud83d\\ud83d\"", ERR_INVALID, "line 1, column 1: half a surrogate pair"},
        {"\"\\ud83dx\"", ERR_INVALID, "line 1, column 1: half a surrogate pair"},
        {"\"\\ud83d", ERR_INVALID, "line 1, column 1: half a surrogate pair"},
        {"\"\\", ERR_INVALID, "line 1, column "},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err why = {0};
        json_t *v = NULL;

        assert_int_equal(json_read(&v, rows[i].text, strlen(rows[i].text), 4, &why),
                         rows[i].rc);
        assert_memory_equal(why.text, rows[i].begins, strlen(rows[i].begins));
        assert_int_equal(v == NULL, rows[i].rc != ERR_NONE);
        json_decref(v);
    }
}

static void a_hundred_thousand_brackets_cost_nothing(void **state)
{
    char *text = mem_alloc(100000);
    struct err why;
    json_t *v = NULL;

    (void)state;
    memset(text, '[', 100000);
    assert_int_equal(json_read(&v, text, 100000, 64, &why), ERR_INVALID);
    assert_null(v);
    mem_free(text);
}

static void what_is_read_is_what_was_written(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5,true,false,null,\"\\\"\\u00fc\\ud83d\\ude00\\n\",{}],\"\":{\"b\":[]}}";
    json_t *v = NULL;
    struct buf again;

    (void)state;
    buf_init(&again, 1000);
    assert_int_equal(json_read(&v, text, strlen(text), 8, NULL), ERR_NONE);
    json_write(&again, v);
    assert_string_equal(buf_str(&again),
                        "{\"a\":[1,-2.5,true,false,null,\"\\\"ü😀\\n\",{}],\"\":{\"b\":[]}}");
    buf_done(&again);
    json_decref(v);
    assert_int_equal(mem_live_count(), 0);
}

static void walks_by_names(void **state)
{
    json_t *v =
        json_pack("{s:{s:{s:i,s:s}},s:[i]}", "result", "chat", "id", 7, "name", "x", "list", 1);

    (void)state;
    assert_int_equal(json_integer_value(json_path(v, "result", "chat", "id", NULL)), 7);
    assert_null(json_path(v, "result", "chat", "missing", NULL));
    assert_null(json_path(v, "result", "missing", "id", NULL));
    assert_null(json_path(v, "list", "id", NULL));
    assert_null(json_path(NULL, "result", NULL));
    assert_string_equal(json_path_str(json_path(v, "result", "chat", NULL), "name"), "x");
    assert_null(json_path_str(json_path(v, "result", "chat", NULL), "id"));
    assert_null(json_path_str(NULL, "id"));
    json_decref(v);
}

static void ids_come_as_strings_and_as_integers(void **state)
{
    json_t *v = json_pack("[s,I,f,b,n]", "abc", (json_int_t)INT64_MAX, 1.5, 1);
    char *a = json_text_dup(json_array_get(v, 0)), *b = json_text_dup(json_array_get(v, 1));

    (void)state;
    assert_string_equal(a, "abc");
    assert_string_equal(b, "9223372036854775807");
    for (size_t i = 2; i < 6; i++) {
        assert_null(json_text_dup(json_array_get(v, i)));
    }
    mem_free(a);
    mem_free(b);
    json_decref(v);
}

static void pointers_follow_rfc_6901(void **state)
{
    static const char document[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/"
                                   "b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                                   "\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    /* clang-format off */
    static const struct { const char *pointer, *value; } rows[] = {
        {"", document}, {"/foo", "[\"bar\",\"baz\"]"}, {"/foo/0", "\"bar\""}, {"/foo/1", "\"baz\""},
        {"/", "0"}, {"/a~1b", "1"}, {"/c%d", "2"}, {"/e^f", "3"}, {"/g|h", "4"}, {"/i\\j", "5"},
        {"/k\"l", "6"}, {"/ ", "7"}, {"/m~0n", "8"},
        {"/foo/2", NULL}, {"/foo/01", NULL}, {"/foo/-", NULL}, {"/foo/bar", NULL}, {"/foo/0/x", NULL},
        {"foo", NULL}, {"/nope", NULL}, {"/m~n", NULL}, {"/m~2n", NULL}, {"/m~", NULL}, {"//", NULL},
    };
    /* clang-format on */
    json_t *v = json_loads(document, 0, NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *found = json_pointer(v, rows[i].pointer);
        struct buf text;

        buf_init(&text, 1000);
        if (found != NULL) {
            json_write(&text, found);
        }
        assert_string_equal(found == NULL ? "(nothing)" : buf_str(&text),
                            rows[i].value == NULL ? "(nothing)" : rows[i].value);
        buf_done(&text);
    }
    assert_null(json_pointer(NULL, ""));
    json_decref(v);
}

static void values_are_written_in_their_order(void **state)
{
    json_t *v =
        json_loads("{ \"b\": [1, 25e-1, \"\\u00fc\"], \"a\":{\"y\":null,\"x\":true}}", 0, NULL);
    struct buf compact, pretty;

    (void)state;
    buf_init(&compact, 1000);
    buf_init(&pretty, 1000);
    json_write(&compact, v);
    json_write_pretty(&pretty, json_path(v, "a", NULL));
    assert_string_equal(buf_str(&compact),
                        "{\"b\":[1,2.5,\"ü\"],\"a\":{\"y\":null,\"x\":true}}");
    assert_string_equal(buf_str(&pretty), "{\n  \"y\": null,\n  \"x\": true\n}");
    buf_done(&compact);
    buf_done(&pretty);
    json_decref(v);
}

static void writing_stops_at_the_ceiling(void **state)
{
    json_t *v = json_string("0123456789");
    struct buf text;

    (void)state;
    buf_init(&text, 11);
    json_write(&text, v);
    assert_false(buf_ok(&text));
    buf_clear(&text);
    json_write(&text, NULL);
    assert_false(buf_ok(&text));
    buf_done(&text);
    json_decref(v);
}

static void sets_strings_that_are_there(void **state)
{
    json_t *v = json_object();

    (void)state;
    json_set_str(v, "a", "x");
    json_set_str(v, "b", NULL);
    assert_string_equal(json_path_str(v, "a"), "x");
    assert_int_equal(json_object_size(v), 1);
    json_decref(v);
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
        cmocka_unit_test(reads_within_bounds_or_says_where_it_is_wrong),
        cmocka_unit_test(a_hundred_thousand_brackets_cost_nothing),
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(walks_by_names),
        cmocka_unit_test(ids_come_as_strings_and_as_integers),
        cmocka_unit_test(pointers_follow_rfc_6901),
        cmocka_unit_test(values_are_written_in_their_order),
        cmocka_unit_test(writing_stops_at_the_ceiling),
        cmocka_unit_test(sets_strings_that_are_there),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
