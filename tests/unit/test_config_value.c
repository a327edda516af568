/* Every kind of field: what is stored for what is written, defaults, comparing. Messages of
 * what is refused stand in tests/fixtures/config. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/manual.h"
#include "config/value.h"
#include "tests/support/config_types.h"

/* Reads one mapping into an every_settings; the count of problems. */
static size_t read_every(const char *text, struct every_settings *out)
{
    struct problems problems;
    struct value_reader reader = {.file = "f", .problems = &problems};
    const struct value_section section = {.fields = every_fields, .object = out};
    struct node *root = NULL;
    size_t count;

    *out = (struct every_settings){0};
    problems_init(&problems);
    assert_true(yaml_read(&root, text, strlen(text), "f", &problems));
    value_read_mapping(&reader, &section, 1, root, "every");
    node_free(root);
    count = problems.count;
    problems_done(&problems);
    return count;
}

static void what_is_not_given_has_its_default(void **state)
{
    struct every_settings s;

    (void)state;
    assert_int_equal(read_every("url: http://a.example", &s), 0);
    assert_string_equal(s.url, "http://a.example");
    assert_null(s.string);
    assert_null(s.secret.text);
    assert_int_equal(s.duration_ms, 90000);
    assert_int_equal(s.size_bytes, 65536);
    assert_int_equal(s.number, 7);
    assert_true(s.flag);
    assert_int_equal(s.choice, 1);
    assert_int_equal(s.pace.count, 20);
    assert_int_equal(s.pace.per_ms, 60000);
    assert_int_equal(s.words.count, 0);
    assert_int_equal(s.headers.count, 0);
    assert_string_equal(mustache_source(s.text), "{{title}}\n{{url}}");
    assert_null(s.note);
    assert_null(
        s.inner.name); /* an inner struct that is not given has defaults, and lacks nothing */
    assert_int_equal(s.inner.depth, 3);
    field_done(every_fields, &s);
}

struct number_row {
    const char *key, *value;
    size_t offset;
    int64_t expected;
    bool refused;
};

static void numbers_are_read_as_people_write_them(void **state)
{
    static const struct number_row rows[] = {
        {"duration", "30s", offsetof(struct every_settings, duration_ms), 30000, false},
        {"duration", "'1h30m'", offsetof(struct every_settings, duration_ms), 5400000, false},
        {"duration", "1d", offsetof(struct every_settings, duration_ms), 86400000, false},
        {"duration", "1000ms", offsetof(struct every_settings, duration_ms), 1000, false},
        {"duration", "999ms", 0, 0, true},
        {"duration", "30", 0, 0, true},
        {"duration", "-1h", 0, 0, true},
        {"size", "0", offsetof(struct every_settings, size_bytes), 0, false},
        {"size", "1MiB", offsetof(struct every_settings, size_bytes), 1048576, false},
        {"size", "5KB", offsetof(struct every_settings, size_bytes), 5000, false},
        {"size", "1048577", 0, 0, true},
        {"number", "10", offsetof(struct every_settings, number), 10, false},
        {"number", "'-5'", offsetof(struct every_settings, number), -5, false},
        {"number", "0x10", 0, 0, true},
        {"number", "1e1", 0, 0, true},
        {"number", "9223372036854775808", 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct every_settings s;
        char *text = mem_printf("{url: http://a.example, %s: %s}", rows[i].key, rows[i].value);

        assert_int_equal(read_every(text, &s), rows[i].refused ? 1 : 0);
        if (!rows[i].refused) {
            assert_int_equal(*(int64_t *)(void *)((char *)&s + rows[i].offset),
                             rows[i].expected);
        }
        field_done(every_fields, &s);
        mem_free(text);
    }
}

static void yes_and_no_have_many_names(void **state)
{
    static const struct {
        const char *text;
        int expected; /* -1: refused */
    } rows[] = {
        {"true", 1},
        {"True", 1},
        {"yes", 1},
        {"ON", 1},
        {"'true'", 1},
        {"false", 0},
        {"No", 0},
        {"off", 0},
        {"1", -1},
        {"0", -1},
        {"y", -1},
        {"''", -1},
        {"truely", -1},
        {"[true]", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct every_settings s;
        char *text = mem_printf("{url: http://a.example, flag: %s}", rows[i].text);

        assert_int_equal(read_every(text, &s), rows[i].expected < 0 ? 1 : 0);
        if (rows[i].expected >= 0) {
            assert_int_equal(s.flag, rows[i].expected);
        }
        field_done(every_fields, &s);
        mem_free(text);
    }
}

static void lists_and_maps_take_what_is_given(void **state)
{
    struct every_settings s;

    (void)state;
    assert_int_equal(read_every("{url: http://a.example, words: one}", &s), 0);
    assert_int_equal(s.words.count, 1);
    assert_string_equal(s.words.v[0], "one");
    field_done(every_fields, &s);
    assert_int_equal(read_every("{url: http://a.example, words: [one, 2, yes], "
                                "headers: {X-A: '', x-a: 5}, inner: {name: n, depth: 9}}",
                                &s),
                     0);
    assert_int_equal(s.words.count, 3);
    assert_string_equal(s.words.v[1], "2");
    assert_string_equal(s.words.v[2], "yes");
    assert_int_equal(s.headers.count, 2);
    assert_string_equal(s.headers.v[0].key, "X-A");
    assert_string_equal(s.headers.v[0].value, "");
    assert_string_equal(s.headers.v[1].value, "5");
    assert_string_equal(s.inner.name, "n");
    assert_int_equal(s.inner.depth, 9);
    field_done(every_fields, &s);
    assert_int_equal(read_every("{url: http://a.example, words: , headers: }", &s), 0);
    assert_int_equal(s.words.count, 0);
    field_done(every_fields, &s);
}

static void a_value_is_one_line_but_for_templates(void **state)
{
    static const struct {
        const char *yaml; /* behind the url */
        const char *path; /* of the mistake; NULL: none */
    } rows[] = {
        {"secret: \"hush\\nhush\"", "every.secret: the value has a line break"},
        {"secret: \"hush\\n\"", "every.secret: the value has a line break"},
        {"secret: \"hush\\thush\"", "every.secret: the value has a line break"},
        {"secret: \"hush\\x7f\"", "every.secret: the value has a line break"},
        {"secret: 'hush hüsh'", NULL},
        {"string: \"hu\\rsh\"", "every.string: the value has a line break"},
        {"string: hüsh", NULL},
        {"words: [one, \"hush\\n\"]", "every.words: the value has a line break"},
        {"headers: {X-A: \"hush\\r\\nX-B: hush\"}",
         "every.headers.X-A: the value has a line break"},
        {"number: \"5\\n\"", "every.number: the value has a line break"},
        {"text: \"{{title}}\\n\\t{{url}}\\r\\n\"", NULL},
        {"note: |\n  one\n  two\n", NULL},
        {"key_file: |\n  -----BEGIN\n  abc=\n", NULL},
        {"key_file: \"one\\r\\n\\ttwo\"", NULL},
        {"key_file: \"hush\\x01hush\"", "every.key_file: the value has a line break"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct problems problems;
        struct value_reader reader = {.file = "f", .problems = &problems};
        struct every_settings s = {0};
        const struct value_section section = {.fields = every_fields, .object = &s};
        struct node *root = NULL;
        char *text = mem_printf("url: http://a.example\n%s\n", rows[i].yaml);

        problems_init(&problems);
        assert_true(yaml_read(&root, text, strlen(text), "f", &problems));
        value_read_mapping(&reader, &section, 1, root, "every");
        assert_int_equal(problems.count, rows[i].path ? 1 : 0);
        if (rows[i].path) {
            assert_int_equal(problems.v[0].line, 2);
            assert_ptr_equal(strstr(problems.v[0].what, rows[i].path), problems.v[0].what);
            assert_null(strstr(problems.v[0].what, "hu"));
        }
        node_free(root);
        field_done(every_fields, &s);
        problems_done(&problems);
        mem_free(text);
    }
}

static void a_message_shows_a_value_cut_and_in_one_line(void **state)
{
    static const struct {
        const char *text, *shown, *key;
    } rows[] = {
        {"", "", ""},
        {"short", "short", "short"},
        {"a\nb\tc\x1b[31m", "a b c [31m", "a b…"},
        {"token:abc", "token:abc", "token…"},
        {"Our Telegram", "Our Telegram", "Our…"},
        {"äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää",
         "ääääääääääääääääääääääääääääääääääääääääääääää…",
         "ääääääääääääääääääääääääääääääääääääääääääääää…"},
    };
    char shown[PROBLEM_SHOWN_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(problem_shown(rows[i].text, shown), rows[i].shown);
        if (strcspn(rows[i].text, "\n") == strlen(rows[i].text)) {
            assert_string_equal(problem_shown_key(rows[i].text, shown), rows[i].key);
        }
    }
}

/* Values of one kind, equal and not. */
static void values_compare_by_kind(void **state)
{
    static const struct {
        const char *key, *a, *b;
        bool same;
    } rows[] = {
        {"string", "abc", "'abc'", true},
        {"string", "abc", "abd", false},
        {"url", "http://a", "http://a", true},
        {"secret", "abc", "abd", false},
        {"secret", "abc", "abc", true},
        {"duration", "60s", "1m", true},
        {"duration", "60s", "61s", false},
        {"number", "1", "2", false},
        {"flag", "yes", "true", true},
        {"flag", "yes", "no", false},
        {"choice", "none", "none", true},
        {"choice", "none", "standard", false},
        {"pace", "60/h", "60/60min", true},
        {"pace", "1/s", "60/min", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct every_settings a, b;
        const struct field *f = every_fields;
        char *text_a = mem_printf("{%s: %s}", rows[i].key, rows[i].a);
        char *text_b = mem_printf("{%s: %s}", rows[i].key, rows[i].b);

        while (strcmp(f->key, rows[i].key) != 0) {
            f++;
        }
        (void)read_every(text_a, &a);
        (void)read_every(text_b, &b);
        assert_int_equal(value_same(f, (char *)&a + f->offset, (char *)&b + f->offset),
                         rows[i].same);
        field_done(every_fields, &a);
        field_done(every_fields, &b);
        mem_free(text_a);
        mem_free(text_b);
    }
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(yes_and_no_have_many_names),
        cmocka_unit_test(lists_and_maps_take_what_is_given),
        cmocka_unit_test(a_value_is_one_line_but_for_templates),
        cmocka_unit_test(a_message_shows_a_value_cut_and_in_one_line),
        cmocka_unit_test(values_compare_by_kind),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
