/* JSON against a schema: the keywords that the descriptions in tests/fixtures/specs use. Called by the
 * contract tests; owns nothing. */

#include "support/schema.h"

#include <regex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"

void fault_tell(struct fault *f, const char *format, ...)
{
    va_list args;

    if (f->text[0]) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
}

bool fault_told(const struct fault *f)
{
    return f->text[0] != '\0';
}

/* "#/components/schemas/RichEmbed" */
static const json_t *resolve(const json_t *root, const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const json_t *at = root;
    char name[128];

    if (!ref) {
        return schema;
    }
    must(strncmp(ref, "#/", 2) == 0);
    for (ref += 2; at && *ref; ref += strcspn(ref, "/"), ref += *ref == '/') {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(ref, "/"), ref);
        at = json_object_get(at, name);
    }
    must(at);
    return resolve(root, at);
}

const json_t *schema_member(const json_t *root, const json_t *schema, const char *name)
{
    const json_t *found;
    json_t *part;
    size_t i;

    schema = resolve(root, schema);
    found = json_object_get(json_object_get(schema, "properties"), name);
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        found = found ? found : schema_member(root, part, name);
    }
    return found;
}

/* ---- objects ---- */

static void check_required(struct fault *f,
                           const json_t *root,
                           const json_t *schema,
                           const char *where,
                           const json_t *v)
{
    json_t *part;
    size_t i;

    schema = resolve(root, schema);
    json_array_foreach(json_object_get(schema, "required"), i, part)
    {
        if (!json_object_get(v, json_string_value(part))) {
            fault_tell(f, "%s.%s is missing", where, json_string_value(part));
        }
    }
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        check_required(f, root, part, where, v);
    }
}

static void check_members(struct fault *f,
                          const json_t *root,
                          const json_t *schema,
                          const char *where,
                          const json_t *v)
{
    const json_t *others = json_object_get(schema, "additionalProperties");
    const json_t *known;
    const char *name;
    json_t *member;
    char below[160];

    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        (void)snprintf(below, sizeof below, "%s.%s", where, name);
        known = schema_member(root, schema, name);
        if (known || json_is_object(others)) {
            schema_check(f, root, known ? known : others, below, member);
        } else if (!json_is_true(others)) {
            fault_tell(f, "%s is unknown", below);
        }
    }
}

/* ---- one value ---- */

static bool is_of_type(const char *type, const json_t *v)
{
    return (strcmp(type, "string") == 0 && json_is_string(v)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(v)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(v)) ||
           (strcmp(type, "number") == 0 && json_is_number(v)) ||
           (strcmp(type, "array") == 0 && json_is_array(v)) ||
           (strcmp(type, "object") == 0 && json_is_object(v)) ||
           (strcmp(type, "null") == 0 && json_is_null(v));
}

static void
check_type(struct fault *f, const json_t *schema, const char *where, const json_t *v)
{
    const json_t *type = json_object_get(schema, "type");
    bool fits = !type || (json_is_string(type) && is_of_type(json_string_value(type), v));
    json_t *one;
    size_t i;

    json_array_foreach(type, i, one)
    {
        fits = fits || is_of_type(json_string_value(one), v);
    }
    if (!fits) {
        fault_tell(f, "%s is of another type", where);
    }
}

static void
check_choice(struct fault *f, const json_t *schema, const char *where, const json_t *v)
{
    const json_t *choices = json_object_get(schema, "enum");
    const json_t *only = json_object_get(schema, "const");
    bool fits = !choices;
    json_t *one;
    size_t i;

    json_array_foreach(choices, i, one)
    {
        fits = fits || json_equal(one, v);
    }
    if (!fits || (only && !json_equal(only, v))) {
        fault_tell(f, "%s is no choice", where);
    }
}

/* Whether n lies between the schema's bounds of these names. */
static bool within(const json_t *schema, const char *min, const char *max, double n)
{
    const json_t *low = json_object_get(schema, min), *high = json_object_get(schema, max);

    return (!json_is_number(low) || n >= json_number_value(low)) &&
           (!json_is_number(high) || n <= json_number_value(high));
}

static size_t code_points(const char *text)
{
    size_t n = 0;

    for (; *text; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    bool found;

    must(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool has_format(const char *format, const char *text)
{
    if (strcmp(format, "uri") == 0) {
        return matches("^https?://[^[:space:]/]+(/[^[:space:]]*)?$", text);
    }
    if (strcmp(format, "date-time") == 0) {
        return matches(
            "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-]"
            "[0-9]{2}:[0-9]{2})$",
            text);
    }
    return true;
}

static void
check_bounds(struct fault *f, const json_t *schema, const char *where, const json_t *v)
{
    const char *text = json_string_value(v);
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    const char *format = json_string_value(json_object_get(schema, "format"));

    if (text && !within(schema, "minLength", "maxLength", (double)code_points(text))) {
        fault_tell(f, "%s has %zu code points", where, code_points(text));
    }
    if (text &&
        ((pattern && !matches(pattern, text)) || (format && !has_format(format, text)))) {
        fault_tell(f, "%s is not of the form that is wanted: %s", where, text);
    }
    if (json_is_array(v) &&
        !within(schema, "minItems", "maxItems", (double)json_array_size(v))) {
        fault_tell(f, "%s has %zu items", where, json_array_size(v));
    }
    if (json_is_number(v) && !within(schema, "minimum", "maximum", json_number_value(v))) {
        fault_tell(f, "%s is out of bounds", where);
    }
}

static void check_items(struct fault *f,
                        const json_t *root,
                        const json_t *schema,
                        const char *where,
                        const json_t *v)
{
    const json_t *items = json_object_get(schema, "items");
    json_t *item;
    char below[160];
    size_t i;

    json_array_foreach(v, i, item)
    {
        (void)snprintf(below, sizeof below, "%s.%zu", where, i);
        if (items) {
            schema_check(f, root, items, below, item);
        }
    }
}

/* Of several schemas one is enough; told is what the last one finds. */
static void check_any(struct fault *f,
                      const json_t *root,
                      const json_t *schemas,
                      const char *where,
                      const json_t *v)
{
    struct fault last = {.text = ""};
    json_t *one;
    size_t i;

    json_array_foreach(schemas, i, one)
    {
        last.text[0] = '\0';
        schema_check(&last, root, one, where, v);
        if (!fault_told(&last)) {
            return;
        }
    }
    if (fault_told(&last)) {
        fault_tell(f, "%s", last.text);
    }
}

static bool describes_object(const json_t *schema)
{
    return json_object_get(schema, "properties") || json_object_get(schema, "allOf") ||
           json_object_get(schema, "required");
}

/* What is no object: allOf may be of texts, too. */
static void check_other(struct fault *f,
                        const json_t *root,
                        const json_t *schema,
                        const char *where,
                        const json_t *v)
{
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        schema_check(f, root, part, where, v);
    }
    if (!json_is_null(v) && /* null is the type's matter */
        (json_object_get(schema, "properties") || json_object_get(schema, "required"))) {
        fault_tell(f, "%s is no object", where);
    }
}

void schema_check(struct fault *f,
                  const json_t *root,
                  const json_t *schema,
                  const char *where,
                  const json_t *v)
{
    schema = resolve(root, schema);
    check_any(f, root, json_object_get(schema, "oneOf"), where, v);
    check_any(f, root, json_object_get(schema, "anyOf"), where, v);
    check_type(f, schema, where, v);
    check_choice(f, schema, where, v);
    check_bounds(f, schema, where, v);
    check_items(f, root, schema, where, v);
    if (json_is_object(v) && describes_object(schema)) {
        check_members(f, root, schema, where, v);
        check_required(f, root, schema, where, v);
    } else if (!json_is_object(v)) {
        check_other(f, root, schema, where, v);
    }
}
