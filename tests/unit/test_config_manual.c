/* What is told about settings from their tables: terminal, Markdown, JSON, JSON Schema. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "config/manual.h"
#include "config/schema.h"
#include "tests/support/config_types.h"

static void the_table_for_a_terminal(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    config_fields_text(every_fields, &out);
    assert_string_equal(
        buf_str(&out),
        "setting      kind                             default             meaning\n"
        "string       string, 2 to 5                                       a text\n"
        "url          URL                              required            an address\n"
        "secret       secret, at most 40                                   a secret\n"
        "duration     duration, 1s to 1d               90s                 a duration\n"
        "size         size, at most 1MiB               64KiB               a size\n"
        "number       integer, -5 to 10                7                   a number\n"
        "flag         boolean                          true                a flag | or not\n"
        "choice       standard or cloudevents or none  cloudevents         a choice\n"
        "pace         rate                             20/min              a rate\n"
        "words        list of strings, at most 3                           some words\n"
        "headers      map of strings                                       more headers\n"
        "text         template                         {{title}}\\n{{url}}  a text\n"
        "note         template                                             a note\n"
        "inner.name   string                           required            a name\n"
        "inner.depth  integer                          3                   a depth\n"
        "key_file     secret                                               a secret of several "
        "lines\n");
    buf_done(&out);
}

static void the_table_for_the_readme(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    config_fields_markdown(every_fields, "every.", &out);
    assert_non_null(strstr(buf_str(&out),
                           "| setting | kind | default | meaning |\n|---|---|---|---|\n"
                           "| `every.string` | string, 2 to 5 |  | a text; e.g. `abc` |\n"
                           "| `every.url` | URL | required | an address |\n"));
    assert_non_null(
        strstr(buf_str(&out), "| `every.flag` | boolean | `true` | a flag \\| or not |\n"));
    assert_non_null(
        strstr(buf_str(&out), "| `every.inner.name` | string | required | a name |\n"));
    buf_done(&out);
}

static void the_reference_has_every_section_and_type(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    config_reference(&test_types, &out);
    for (const struct field *f = config_fields; f->kind != FIELD_END_KIND; f++) {
        char *title = mem_printf("### `%s`\n", f->key);
        assert_non_null(strstr(buf_str(&out), title));
        mem_free(title);
    }
    for (size_t i = 0; i < test_types.channels.count; i++) {
        char *title = mem_printf("### Channels of type `%s`\n", test_types.channels.v[i].name);
        assert_non_null(strstr(buf_str(&out), title));
        mem_free(title);
    }
    assert_non_null(strstr(buf_str(&out), "| `server.listen` |"));
    assert_non_null(strstr(buf_str(&out), "(restart) |"));
    assert_non_null(strstr(buf_str(&out), "| `site.utm.source` |"));
    assert_true(buf_ok(&out));
    buf_done(&out);
}

/* A row without help, or with a default that its own bounds refuse, would be found by the first
 * reader of the manual; this finds it before. */
static void check_rows(const struct field *fields)
{
    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        assert_non_null(f->help);
        assert_true(strlen(f->help) > 0 && f->help[strlen(f->help) - 1] != '.');
        assert_true(f->help[0] < 'A' || f->help[0] > 'Z' || strchr(f->help, ' ') != NULL);
        assert_false(f->required && f->def != NULL);
        assert_true(f->kind != FIELD_SECRET || f->def == NULL);
        assert_true(f->kind != FIELD_ENUM || f->choices != NULL);
        if (f->fields != NULL) {
            check_rows(f->fields);
        }
    }
}

static void every_row_explains_itself(void **state)
{
    (void)state;
    check_rows(config_fields);
}

static void rows_as_json(void **state)
{
    json_t *rows = config_fields_json(every_fields);

    (void)state;
    assert_int_equal(json_array_size(rows), 15);
    assert_string_equal(json_path_str(json_array_get(rows, 3), "kind"), "duration");
    assert_string_equal(json_path_str(json_array_get(rows, 3), "default"), "90s");
    assert_string_equal(json_path_str(json_array_get(rows, 3), "max"), "1d");
    assert_int_equal(json_array_size(json_path(json_array_get(rows, 7), "choices", NULL)), 3);
    assert_int_equal(json_array_size(json_path(json_array_get(rows, 13), "settings", NULL)), 2);
    assert_true(json_is_true(json_path(json_array_get(rows, 1), "required", NULL)));
    json_decref(rows);
}

static void the_schema_knows_every_setting(void **state)
{
    json_t *schema = config_schema(&test_types);
    const json_t *every = json_path(schema, "$defs", "channel_every", "properties", NULL);

    (void)state;
    for (const struct field *f = config_fields; f->kind != FIELD_END_KIND; f++) {
        assert_non_null(json_path(schema, "properties", f->key, "description", NULL));
    }
    for (const struct field *f = config_channel_fields(); f->kind != FIELD_END_KIND; f++) {
        assert_non_null(json_object_get(every, f->key));
    }
    for (const struct field *f = every_fields; f->kind != FIELD_END_KIND; f++) {
        assert_non_null(json_object_get(every, f->key));
    }
    assert_int_equal(json_array_size(json_path(
                         schema, "$defs", "channel", "properties", "type", "enum", NULL)),
                     5);
    assert_int_equal(json_integer_value(json_path(every, "number", "default", NULL)), 7);
    assert_true(json_is_true(json_path(every, "flag", "default", NULL)));
    assert_true(json_is_false(json_path(schema, "additionalProperties", NULL)));
    json_decref(schema);
}

static void a_program_without_types_still_has_a_schema(void **state)
{
    const struct config_types none = {{NULL, 0}, {NULL, 0}};
    json_t *schema = config_schema(&none);

    (void)state;
    assert_non_null(json_path(schema, "$defs", "channel", NULL));
    json_decref(schema);
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_for_a_terminal),
        cmocka_unit_test(the_table_for_the_readme),
        cmocka_unit_test(the_reference_has_every_section_and_type),
        cmocka_unit_test(every_row_explains_itself),
        cmocka_unit_test(rows_as_json),
        cmocka_unit_test(the_schema_knows_every_setting),
        cmocka_unit_test(a_program_without_types_still_has_a_schema),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
