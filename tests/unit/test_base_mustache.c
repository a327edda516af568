/* base/mustache: every behaviour of the public specification, from cases.json, and the ways a
 * template can be wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"

static const char *partial_of(void *context, const char *name)
{
    return json_path_str(context, name);
}

/* The rendering, or "ERR_…: why"; mem_free. */
static char *render(const char *template, const json_t *data, json_t *partials, size_t max)
{
    struct mustache *m = NULL;
    struct err why;
    struct buf out;
    char *text;

    buf_init(&out, max);
    enum err_code rc = mustache_parse(&m, template, &why);
    if (!rc) {
        rc = mustache_render(m, data, NULL, partial_of, partials, &out, &why);
    }
    text = rc ? mem_printf("%s: %s", err_name(rc), why.text) : buf_detach(&out, NULL);
    buf_done(&out);
    mustache_free(m);
    return text;
}

static void renders_every_case_of_the_specification(void **state)
{
    json_error_t error;
    json_t *cases = json_load_file(FIXTURES "/mustache/cases.json", 0, &error);
    size_t failed = 0;

    (void)state;
    assert_true(json_array_size(cases) >= 120);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        json_t *c = json_array_get(cases, i);
        const char *expected = json_path_str(c, "expected");
        char *text = render(json_path_str(c, "template"),
                            json_path(c, "data", NULL),
                            json_path(c, "partials", NULL),
                            65536);

        if (strcmp(text, expected) != 0) {
            print_error("%s: %s\n  expected <%s>\n  rendered <%s>\n",
                        json_path_str(c, "module"),
                        json_path_str(c, "name"),
                        expected,
                        text);
            failed++;
        }
        mem_free(text);
    }
    json_decref(cases);
    assert_int_equal(failed, 0);
}

static void refuses_broken_templates_with_line_and_column(void **state)
{
    /* clang-format off */
    static const struct { const char *template, *why; } rows[] = {
        {"{{title", "1:1: this tag is never closed"},
        {"a\nb {{{title}} c", "2:3: this tag is never closed"},
        {"über {{", "1:6: this tag is never closed"},
        {"{{}}", "1:1: expected a name without blanks"},
        {"x{{ }}", "1:2: expected a name without blanks"},
        {"{{#}}{{/}}", "1:1: expected a name without blanks"},
        {"{{two words}}", "1:1: expected a name without blanks"},
        {"{{a..b}}", "1:1: expected a name without blanks"},
        {"{{.a}}", "1:1: expected a name without blanks"},
        {"{{a.}}", "1:1: expected a name without blanks"},
        {"{{>}}", "1:1: expected a name without blanks"},
        {"{{title}}\n{{#tags}}\n#{{.}}\n", "2:1: section \"tags\" is never closed"},
        {"{{#a}}{{^b}}{{/a}}", "1:13: section \"a\" closed where \"b\" is open"},
        {"{{#a}}{{/ab}}", "1:7: section \"ab\" closed where \"a\" is open"},
        {"x {{/a}}", "1:3: section \"a\" was never opened"},
        {"{{=<%=}}", "1:1: expected two delimiters, as in {{=<% %>=}}"},
        {"{{=a b c=}}", "1:1: expected two delimiters, as in {{=<% %>=}}"},
        {"{{=a= =}}", "1:1: expected two delimiters, as in {{=<% %>=}}"},
        {"{{==}}", "1:1: expected two delimiters, as in {{=<% %>=}}"},
        {"{{=0123456789abcdef x=}}", "1:1: expected two delimiters, as in {{=<% %>=}}"},
        {"{{<parent}}{{/parent}}", "1:1: template inheritance is not supported"},
        {"{{$block}}{{/block}}", "1:1: template inheritance is not supported"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mustache *m = NULL;
        struct err why = {0};

        assert_int_equal(mustache_parse(&m, rows[i].template, &why), ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
        assert_null(m);
    }
}

static void names_the_partial_whose_text_is_broken(void **state)
{
    json_t *partials = json_pack("{s:s,s:s}", "a", "ok {{>b}}", "b", "{{#open}}");
    char *text = render("{{>a}}", NULL, partials, 1000);

    (void)state;
    assert_string_equal(text,
                        "ERR_INVALID: partial \"a\": partial \"b\": 1:1: section \"open\" is "
                        "never closed");
    mem_free(text);
    json_decref(partials);
}

static void stops_what_would_not_end(void **state)
{
    /* clang-format off */
    static const struct { const char *partial, *begins; } rows[] = {
        {"{{>p}}", "ERR_TOO_BIG: "},                /* into itself for ever */
        {"{{>p}}{{>p}}", "ERR_TOO_BIG: "},          /* and twice as often each time */
        {"{{#on}}{{>p}}{{/on}}", "ERR_TOO_BIG: "},
    };
    /* clang-format on */
    json_t *data = json_pack("{s:b}", "on", 1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *partials = json_pack("{s:s}", "p", rows[i].partial);
        char *text = render("{{>p}}", data, partials, 1000);

        assert_memory_equal(text, rows[i].begins, strlen(rows[i].begins));
        mem_free(text);
        json_decref(partials);
    }
    json_decref(data);
}

static void refuses_sections_nested_too_deep(void **state)
{
    struct buf template;

    (void)state;
    buf_init(&template, 10000);
    for (int i = 0; i < 65; i++) {
        buf_adds(&template, "{{#a}}");
    }
    char *text = render(buf_str(&template), NULL, NULL, 1000);
    assert_string_equal(text, "ERR_INVALID: 1:385: sections nested too deep");
    mem_free(text);
    buf_done(&template);
}

static void keeps_the_output_under_its_ceiling(void **state)
{
    json_t *data = json_pack("{s:[i,i,i,i,i]}", "list", 1, 2, 3, 4, 5);
    char *fits = render("{{#list}}ab{{/list}}", data, NULL, 10);
    char *spills = render("{{#list}}ab{{/list}}", data, NULL, 9);

    (void)state;
    assert_string_equal(fits, "ababababab");
    assert_string_equal(spills, "ERR_TOO_BIG: the text is larger than 9 bytes");
    mem_free(fits);
    mem_free(spills);
    json_decref(data);
}

static void list_name(void *context, const char *name)
{
    buf_adds(context, name);
    buf_addc(context, ' ');
}

static void tells_every_name_it_uses(void **state)
{
    struct mustache *m = NULL;
    struct buf names;
    const char *source = "{{a}}{{{b.c}}}{{#d}}{{.}}{{/d}}{{^e}}{{&f}}{{/e}}{{!g}}{{>h}}";

    (void)state;
    buf_init(&names, 1000);
    assert_int_equal(mustache_parse(&m, source, NULL), ERR_NONE);
    mustache_names(m, list_name, &names);
    assert_string_equal(buf_str(&names), "a b.c d . e f ");
    assert_string_equal(mustache_source(m), source);
    mustache_free(m);
    buf_done(&names);
}

static void shout(struct buf *out, const char *text, size_t len)
{
    buf_adds(out, "<<");
    buf_add(out, text, len);
    buf_adds(out, ">>");
}

static void escapes_with_the_function_given(void **state)
{
    json_t *data = json_pack("{s:s}", "a", "&");
    struct mustache *m = NULL;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(mustache_parse(&m, "{{a}} {{{a}}}", NULL), ERR_NONE);
    assert_int_equal(mustache_render(m, data, shout, NULL, NULL, &out, NULL), ERR_NONE);
    assert_string_equal(buf_str(&out), "<<&>> &");
    buf_clear(&out);
    assert_int_equal(mustache_render(m, data, mustache_escape_none, NULL, NULL, &out, NULL),
                     ERR_NONE);
    assert_string_equal(buf_str(&out), "& &");
    buf_done(&out);
    mustache_free(m);
    json_decref(data);
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
        cmocka_unit_test(renders_every_case_of_the_specification),
        cmocka_unit_test(refuses_broken_templates_with_line_and_column),
        cmocka_unit_test(names_the_partial_whose_text_is_broken),
        cmocka_unit_test(stops_what_would_not_end),
        cmocka_unit_test(refuses_sections_nested_too_deep),
        cmocka_unit_test(keeps_the_output_under_its_ceiling),
        cmocka_unit_test(tells_every_name_it_uses),
        cmocka_unit_test(escapes_with_the_function_given),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
