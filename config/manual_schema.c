/* The settings file as a JSON Schema (draft 2020-12), for editors that check while one types.
 * `crier schema` prints it. Made from the same rows as the parser, so it accepts what the
 * parser accepts but for what a schema cannot say: bounds of durations and sizes, secrets that
 * are needed only on an open door, templates, regular expressions. Every value may also be a
 * `${…}`. */

#include "config/manual.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "config/rule_internal.h"
#include "config/schema.h"

#define REFERENCE "\\$\\{"

/* Takes both. */
static json_t *any_of_take(json_t *first, json_t *second)
{
    return json_pack("{s:[o,o]}", "anyOf", first, second);
}

static json_t *reference(void)
{
    return json_pack("{s:s,s:s}", "type", "string", "pattern", REFERENCE);
}

static json_t *pattern(const char *text)
{
    return json_pack("{s:s,s:s}", "type", "string", "pattern", text);
}

/* YAML makes 20 a number and yes a boolean; where a text belongs both are one. */
static json_t *text(void)
{
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *def_reference(const char *name)
{
    char *at = mem_printf("#/$defs/%s", name);
    json_t *ref = json_pack("{s:s}", "$ref", at);

    mem_free(at);
    return ref;
}

/* ---- one row ---- */

static void set_bound(json_t *schema, const char *name, const char *bound)
{
    int64_t value;

    if (bound != NULL) {
        must(parse_i64(bound, &value));
        json_object_set_new(schema, name, json_integer(value));
    }
}

static json_t *string_schema(const struct field *f)
{
    json_t *schema = text();

    set_bound(schema, "minLength", f->min);
    return schema; /* no maxLength: ${…} may be longer than what it stands for */
}

static json_t *int_schema(const struct field *f)
{
    json_t *number = json_pack("{s:s}", "type", "integer");

    set_bound(number, "minimum", f->min);
    set_bound(number, "maximum", f->max);
    return any_of_take(number, pattern("^-?[0-9]+$|" REFERENCE));
}

static json_t *enum_schema(const struct field *f)
{
    json_t *choices = json_array();

    for (size_t i = 0; f->choices[i] != NULL; i++) {
        json_array_append_new(choices, json_string(f->choices[i]));
    }
    return any_of_take(json_pack("{s:o}", "enum", choices), reference());
}

static json_t *bool_schema(void)
{
    return any_of_take(json_pack("{s:s}", "type", "boolean"),
                       pattern("^([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]"
                               "ff|OFF)$|" REFERENCE));
}

static json_t *size_schema(void)
{
    return any_of_take(json_pack("{s:s,s:i}", "type", "integer", "minimum", 0),
                       pattern("^[0-9]+([KMGT]i?B|kB|B)?$|" REFERENCE));
}

static json_t *strings_schema(const struct field *f)
{
    json_t *list = json_pack("{s:s,s:o}", "type", "array", "items", text());

    set_bound(list, "minItems", f->min);
    set_bound(list, "maxItems", f->max);
    return any_of_take(text(), list);
}

static json_t *object_schema(const struct field *fields);

static json_t *kind_schema(const struct field *f)
{
    switch (f->kind) {
    case FIELD_STRING:
        return string_schema(f);
    case FIELD_URL:
        return pattern("^[Hh][Tt][Tt][Pp][Ss]?://|" REFERENCE);
    case FIELD_SECRET:
        return json_pack("{s:[s,s],s:i}", "type", "string", "number", "minLength", 1);
    case FIELD_MS:
        return any_of_take(json_pack("{s:i}", "const", 0),
                           pattern("^0$|^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?"
                                   "([0-9]+s)?([0-9]+ms)?$|" REFERENCE));
    case FIELD_BYTES:
        return size_schema();
    case FIELD_INT:
        return int_schema(f);
    case FIELD_BOOL:
        return bool_schema();
    case FIELD_ENUM:
        return enum_schema(f);
    case FIELD_RATE:
        return any_of_take(
            json_pack("{s:i}", "const", 0),
            pattern("^(0|unlimited|[0-9]+/[0-9]*(ms|s|sec|second|m|min|minute|h|hour|d|"
                    "day))$|" REFERENCE));
    case FIELD_STRINGS:
        return strings_schema(f);
    case FIELD_MAP:
        return json_pack(
            "{s:[s,s],s:o}", "type", "object", "null", "additionalProperties", text());
    case FIELD_OBJECT:
        return object_schema(f->fields);
    default: /* templates; FIELD_CUSTOM is said where it is known */
        return text();
    }
}

/* The default as the file would have it: numbers and booleans bare. */
static json_t *default_json(const struct field *f)
{
    int64_t number;
    bool flag;

    if (f->kind == FIELD_INT && parse_i64(f->def, &number)) {
        return json_integer(number);
    }
    if (f->kind == FIELD_BOOL && parse_bool(f->def, &flag)) {
        return json_boolean(flag);
    }
    return json_string(f->def);
}

static json_t *described_take(const struct field *f, json_t *schema)
{
    json_object_set_new(schema, "description", json_string(f->help));
    if (f->def != NULL) {
        json_object_set_new(schema, "default", default_json(f));
    }
    return schema;
}

static void add_rows(json_t *properties, json_t *required, const struct field *fields)
{
    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        if (f->required) {
            json_array_append_new(required, json_string(f->key));
        }
        if (json_object_get(properties, f->key) == NULL) { /* FIELD_CUSTOM: set before */
            json_object_set_new(properties, f->key, described_take(f, kind_schema(f)));
        }
    }
}

/* Takes properties, which may hold what only the caller knows. */
static json_t *mapping_take(json_t *properties, json_t *required, bool may_be_empty)
{
    json_t *type = may_be_empty && json_array_size(required) == 0
                       ? json_pack("[s,s]", "object", "null")
                       : json_string("object");
    json_t *schema = json_pack(
        "{s:o,s:o,s:b}", "type", type, "properties", properties, "additionalProperties", 0);

    if (json_array_size(required) > 0) {
        json_object_set(schema, "required", required);
    }
    json_decref(required);
    return schema;
}

static json_t *object_schema(const struct field *fields)
{
    json_t *properties = json_object();
    json_t *required = json_array();

    add_rows(properties, required, fields);
    return mapping_take(properties, required, true);
}

/* ---- rules ---- */

static json_t *one_or_list_take(json_t *one)
{
    json_t *list = json_pack("{s:s,s:i,s:O}", "type", "array", "minItems", 1, "items", one);

    return any_of_take(one, list);
}

static json_t *rule_list(void)
{
    return json_pack(
        "{s:s,s:i,s:o}", "type", "array", "minItems", 1, "items", def_reference("rule"));
}

/* One duration, or two with dots between, one of which may be missing. */
static json_t *age_schema(void)
{
    return pattern(
        "^(?=.)(([0-9]+(d|h|m|s|ms))+|0)?(\\.\\.(([0-9]+(d|h|m|s|ms))+)?)?$|" REFERENCE);
}

static json_t *urgency_schema(void)
{
    return any_of_take(
        json_pack("{s:s,s:i,s:i}", "type", "integer", "minimum", 1, "maximum", 9),
        pattern("^[1-9](\\.\\.[1-9])?$|" REFERENCE));
}

/* A row whose schema only its own code knows; takes it. */
static void set_custom(json_t *properties, const char *key, json_t *schema)
{
    json_object_set_new(properties, key, schema);
}

static void describe_custom(json_t *properties, const struct field *fields)
{
    for (const struct field *f = fields; f->kind != FIELD_END_KIND; f++) {
        json_t *schema = json_object_get(properties, f->key);
        if (f->kind == FIELD_CUSTOM && schema != NULL) {
            (void)described_take(f, schema);
        }
    }
}

static json_t *rule_schema(void)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    json_t *schema;

    set_custom(properties, "breaking", bool_schema());
    set_custom(properties, "marked", bool_schema());
    set_custom(properties, "age", age_schema());
    set_custom(properties,
               "title",
               one_or_list_take(json_pack("{s:s,s:i}", "type", "string", "minLength", 1)));
    set_custom(properties, "urgency", one_or_list_take(urgency_schema()));
    set_custom(properties, "not", def_reference("rule"));
    set_custom(properties, "any", rule_list());
    set_custom(properties, "all", rule_list());
    describe_custom(properties, rule__fields);
    add_rows(properties, required, rule__fields);
    schema = mapping_take(properties, required, false);
    json_object_set_new(schema, "minProperties", json_integer(1));
    return schema;
}

/* ---- sources and channels ---- */

static json_t *named_take(json_t *entry)
{
    return json_pack("{s:[s,s],s:{s:s},s:o}",
                     "type",
                     "object",
                     "null",
                     "propertyNames",
                     "pattern",
                     "^[a-z0-9_-]{1,48}$",
                     "additionalProperties",
                     entry);
}

/* The three tables of an entry of this type, as one mapping. */
static json_t *entry_of_type(const struct config_type *type,
                             const struct field *common,
                             const struct field *called)
{
    json_t *properties = json_object();
    json_t *required = json_array();

    set_custom(properties, "type", json_pack("{s:s}", "const", type->name));
    if (called == NULL) {
        set_custom(properties, "when", def_reference("rule"));
    }
    describe_custom(properties, common);
    add_rows(properties, required, common);
    if (type->called) {
        add_rows(properties, required, called);
    }
    add_rows(properties, required, type->settings);
    return mapping_take(properties, required, false);
}

static char *def_name(const char *of, const struct config_type *type)
{
    return mem_printf("%s_%s", of, type->name);
}

/* The type chooses the rest: if/then instead of oneOf, so that an editor tells what is wrong
 * with a Telegram channel and not that it is none of ten others. of: "channel". */
static json_t *typed_schema(const char *of, const struct config_type_list *types)
{
    json_t *names = json_array();
    json_t *choices = json_array();
    json_t *schema;

    for (size_t i = 0; i < types->count; i++) {
        char *name = def_name(of, &types->v[i]);

        json_array_append_new(names, json_string(types->v[i].name));
        json_array_append_new(choices,
                              json_pack("{s:{s:{s:{s:s}},s:[s]},s:o}",
                                        "if",
                                        "properties",
                                        "type",
                                        "const",
                                        types->v[i].name,
                                        "required",
                                        "type",
                                        "then",
                                        def_reference(name)));
        mem_free(name);
    }
    schema = json_pack("{s:s,s:[s],s:{s:{s:o}}}",
                       "type",
                       "object",
                       "required",
                       "type",
                       "properties",
                       "type",
                       "enum",
                       names);
    if (json_array_size(choices) > 0) { /* an empty allOf is not allowed */
        json_object_set(schema, "allOf", choices);
    }
    json_decref(choices);
    return schema;
}

/* ---- the file ---- */

static void add_typed(json_t *defs,
                      const char *of,
                      const struct config_type_list *types,
                      const struct field *common,
                      const struct field *called)
{
    json_object_set_new(defs, of, typed_schema(of, types));
    for (size_t i = 0; i < types->count; i++) {
        char *name = def_name(of, &types->v[i]);

        json_object_set_new(defs, name, entry_of_type(&types->v[i], common, called));
        mem_free(name);
    }
}

static json_t *definitions(const struct config_types *types)
{
    json_t *defs = json_object();

    json_object_set_new(defs, "rule", rule_schema());
    add_typed(defs, "source", &types->sources, config_source_common, config_source_called);
    add_typed(defs, "channel", &types->channels, config_channel_common, NULL);
    return defs;
}

static json_t *breaking_schema(void)
{
    return json_pack("{s:[s,s],s:o}", "type", "array", "null", "items", def_reference("rule"));
}

static json_t *ledger_schema(void)
{
    return any_of_take(pattern("^sqlite:.|" REFERENCE), object_schema(config_ledger_fields));
}

static json_t *group_schema(void)
{
    return one_or_list_take(pattern("^[a-z0-9_-]{1,48}$|" REFERENCE));
}

json_t *config_schema(const struct config_types *types)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    json_t *schema;

    set_custom(properties, "ledger", ledger_schema());
    set_custom(properties, "sources", named_take(def_reference("source")));
    set_custom(properties, "breaking", breaking_schema());
    set_custom(properties, "channels", named_take(def_reference("channel")));
    set_custom(properties, "groups", named_take(group_schema()));
    describe_custom(properties, config_fields);
    add_rows(properties, required, config_fields);
    schema = mapping_take(properties, required, false);
    json_object_set_new(
        schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(schema, "title", json_string("Settings of crier"));
    json_object_set_new(schema, "patternProperties", json_pack("{s:{}}", "^x[-_]"));
    json_object_set_new(schema, "$defs", definitions(types));
    return schema;
}
