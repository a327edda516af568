/* The tree of a settings file: what stands where, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/yaml.h"

/* The tree as one line: texts in quotes (plain ones bare), each with its position. */
static void show(const struct node *n, struct buf *out)
{
    if (n->kind == NODE_TEXT) {
        buf_addf(out, n->plain ? "%s" : "'%s'", n->text);
    }
    if (n->kind == NODE_LIST) {
        buf_addc(out, '[');
        for (size_t i = 0; i < n->count; i++) {
            buf_adds(out, i > 0 ? " " : "");
            show(n->items[i], out);
        }
        buf_addc(out, ']');
    }
    if (n->kind == NODE_MAP) {
        buf_addc(out, '{');
        for (size_t i = 0; i < n->count; i++) {
            buf_adds(out, i > 0 ? " " : "");
            show(n->keys[i], out);
            buf_addc(out, '=');
            show(n->items[i], out);
        }
        buf_addc(out, '}');
    }
    buf_addf(out, "@%d:%d", n->line, n->column);
}

static void read_and_show(const char *text, struct buf *out)
{
    struct problems problems;
    struct node *root = NULL;

    problems_init(&problems);
    if (yaml_read(&root, text, strlen(text), "f", &problems)) {
        show(root, out);
        node_free(root);
    } else {
        assert_true(problems.count > 0);
    }
    for (size_t i = 0; i < problems.count; i++) {
        buf_adds(out, out->len > 0 ? "\n" : "");
        problem_print(&problems.v[i], out);
        buf_truncate(out, out->len - 1);
    }
    problems_done(&problems);
}

struct row {
    const char *text, *expected;
};

static void run(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out;

        buf_init(&out, 1 << 20);
        read_and_show(rows[i].text, &out);
        assert_string_equal(buf_str(&out), rows[i].expected);
        buf_done(&out);
    }
}

static void every_value_knows_its_line_and_column(void **state)
{
    static const struct row rows[] = {
        {"a: b", "{a@1:1=b@1:4}@1:1"},
        {"a:\n  b: 'c'\n  d: \"e\"", "{a@1:1={b@2:3='c'@2:6 d@3:3='e'@3:6}@2:3}@1:1"},
        {"a: [b, {c: d}]", "{a@1:1=[b@1:5 {c@1:9=d@1:12}@1:8]@1:4}@1:1"},
        {"a:\nb: ~", "{a@1:1=@1:3 b@2:1=~@2:4}@1:1"},
        {"ä: ö # comment", "{ä@1:1=ö@1:4}@1:1"},
        {"a: |\n  x\n  y\n", "{a@1:1='x\ny\n'@1:4}@1:1"},
        {"\xEF\xBB\xBF"
         "a: b\r\nc: d\r\n",
         "{a@1:1=b@1:4 c@2:1=d@2:4}@1:1"},
    };

    (void)state;
    run(rows, ARRAY_LEN(rows));
}

static void references_may_stand_without_quotes_inside_braces(void **state)
{
    static const struct row rows[] = {
        {"{a: ${B}, c: d}", "{a@1:2=${B}@1:5 c@1:11=d@1:14}@1:1"},
        {"[${file:/run/s}, x${A}y${B}]", "[${file:/run/s}@1:2 x${A}y${B}@1:18]@1:1"},
        {"a: \"${B}\"", "{a@1:1='${B}'@1:4}@1:1"},
        {"a: $${B}", "{a@1:1=$${B}@1:4}@1:1"},
        {"{a: $${B}}", "{a@1:2=$${B}@1:5}@1:1"},
        {"a: |\n  ${B}\n", "{a@1:1='${B}\n'@1:4}@1:1"},
        {"a: $b{c}", "{a@1:1=$b{c}@1:4}@1:1"},
        {"a: '{{title}} ${B}'", "{a@1:1='{{title}} ${B}'@1:4}@1:1"},
    };

    (void)state;
    run(rows, ARRAY_LEN(rows));
}

static void aliases_repeat_and_merging_fills_up(void **state)
{
    static const struct row rows[] = {
        {"a: &x [1]\nb: *x", "{a@1:1=[1@1:8]@1:4 b@2:1=[1@1:8]@1:4}@1:1"},
        {"a: &x 1\nb: &x 2\nc: *x", "{a@1:1=1@1:4 b@2:1=2@2:4 c@3:1=2@2:4}@1:1"},
        {"a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}",
         "{a@1:1={k@1:8=1@1:11 l@1:14=2@1:17}@1:4 b@2:1={k@2:13=3@2:16 "
         "l@1:14=2@1:17}@2:4}@1:1"},
        {"{<<: [{a: 1}, {a: 2, b: 3}]}", "{a@1:8=1@1:11 b@1:22=3@1:25}@1:1"},
        {"{'<<': 1}", "{'<<'@1:2=1@1:8}@1:1"},
        {"{<<: &x {a: 1}, b: *x}", "{b@1:17={a@1:10=1@1:13}@1:6 a@1:10=1@1:13}@1:1"},
        {"{? [a] : &x b, c: *x}",
         "{c@1:16=b@1:10}@1:1\nf:1:4: a list where a key belongs: a text as key; a value with "
         "{{…}} "
         "must stand in quotes"},
        {"{<<: 1}", "{}@1:1\nf:1:6: <<: a text: an alias to a mapping, or a list of such"},
        {"a: *x",
         "f:1:4: an alias to nothing: an anchor (&name) that stands complete before it"},
        {"&x [*x]",
         "f:1:5: an alias to nothing: an anchor (&name) that stands complete before it"},
    };

    (void)state;
    run(rows, ARRAY_LEN(rows));
}

static void a_key_that_stands_twice_is_told_and_the_rest_is_kept(void **state)
{
    static const struct row rows[] = {
        {"a: 1\na: 2\nb: 3",
         "{a@1:1=1@1:4 a@2:1=2@2:4 b@3:1=3@3:4}@1:1\n"
         "f:2:1: `a` stands here a second time, first in line 1: each key once"},
    };

    (void)state;
    run(rows, ARRAY_LEN(rows));
}

/* A text of `count` copies of part between head and tail. */
static struct node *read_long(const char *head,
                              const char *part,
                              size_t count,
                              const char *tail,
                              struct problems *problems)
{
    struct node *root = NULL;
    struct buf text;

    buf_init(&text, 1 << 24);
    buf_adds(&text, head);
    for (size_t i = 0; i < count; i++) {
        buf_adds(&text, part);
    }
    buf_adds(&text, tail);
    if (!yaml_read(&root, buf_str(&text), text.len, "f", problems)) {
        root = NULL;
    }
    buf_done(&text);
    return root;
}

static void what_could_fill_the_memory_is_bounded(void **state)
{
    static const struct {
        const char *head, *part;
        size_t count;
        const char *tail, *problem; /* NULL: fine */
    } rows[] = {
        {"", "[", 32, "", "not YAML"}, /* deep enough, but never closed */
        {"", "[", 33, "", "nested too deep"},
        {"", "[", 100000, "", "nested too deep"},
        {"", "{a: ", 100000, "", "nested too deep"},
        {"", "- ", 100000, "a", "nested too deep"},
        {"", "- a\n", 49999, "", NULL},
        {"", "- a\n", 50000, "", "too many values"},
        {"- &x \"", "0123456789", 10000, "\"\n- [*x, *x, *x]", NULL},
        {"- &x [\"", "0123456789", 90000, "\"]\n- [*x, *x, *x, *x, *x]", "too many values"},
        {"", "a", YAML_FILE_BYTES, "", NULL},
        {"", "a", YAML_FILE_BYTES + 1, "", "too large"},
        {"a: \"", "\\\"", 400000, "\"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct problems problems;
        struct node *root;

        problems_init(&problems);
        root = read_long(rows[i].head, rows[i].part, rows[i].count, rows[i].tail, &problems);
        if (rows[i].problem == NULL) {
            assert_int_equal(problems.count, 0);
            assert_non_null(root);
        } else {
            assert_null(root);
            assert_int_equal(problems.count, 1);
            assert_memory_equal(problems.v[0].what, rows[i].problem, strlen(rows[i].problem));
        }
        node_free(root);
        problems_done(&problems);
    }
}

static void nothing_is_nothing_only_without_quotes(void **state)
{
    static const struct {
        const char *text;
        bool null;
    } rows[] = {
        {"- ~", true},
        {"- null", true},
        {"-", true},
        {"- Null", true},
        {"- ''", false},
        {"- 'null'", false},
        {"- nil", false},
        {"- []", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct problems problems;
        struct node *root = NULL;

        problems_init(&problems);
        assert_true(yaml_read(&root, rows[i].text, strlen(rows[i].text), "f", &problems));
        assert_int_equal(node_is_null(root->items[0]), rows[i].null);
        node_free(root);
        problems_done(&problems);
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
        cmocka_unit_test(every_value_knows_its_line_and_column),
        cmocka_unit_test(references_may_stand_without_quotes_inside_braces),
        cmocka_unit_test(aliases_repeat_and_merging_fills_up),
        cmocka_unit_test(a_key_that_stands_twice_is_told_and_the_rest_is_kept),
        cmocka_unit_test(what_could_fill_the_memory_is_bounded),
        cmocka_unit_test(nothing_is_nothing_only_without_quotes),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
