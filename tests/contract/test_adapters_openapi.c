/* Mastodon's requests held against the description of its API
 * (tests/fixtures/specs/mastodon.json, trimmed): every request of every dialogue must be an
 * operation that exists, with parameters and a body that it knows. Shares no code with the
 * adapter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/registry.h"
#include "base/mem.h"
#include "support/dialogue.h"

struct check {
    json_t *spec;
    size_t requests;
};

/* ---- schemas ---- */

static const json_t *resolve(const json_t *spec, const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));

    if (!ref) {
        return schema;
    }
    return json_object_get(json_object_get(json_object_get(spec, "components"), "schemas"),
                           strrchr(ref, '/') + 1);
}

static const char *value_fault(const json_t *spec, const json_t *schema, const json_t *v);

/* The schema of a member, looked for in all parts of an allOf; NULL when no part knows it. */
static const json_t *member_schema(const json_t *spec, const json_t *schema, const char *name)
{
    const json_t *found;
    json_t *part;
    size_t i;

    schema = resolve(spec, schema);
    found = json_object_get(json_object_get(schema, "properties"), name);
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        found = found ? found : member_schema(spec, part, name);
    }
    return found;
}

/* The name of a required member that is missing; NULL. */
static const char *missing(const json_t *spec, const json_t *schema, const json_t *v)
{
    const char *fault = NULL;
    json_t *part;
    size_t i;

    schema = resolve(spec, schema);
    json_array_foreach(json_object_get(schema, "required"), i, part)
    {
        if (!json_object_get(v, json_string_value(part))) {
            return json_string_value(part);
        }
    }
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        fault = fault ? fault : missing(spec, part, v);
    }
    return fault;
}

/* The description names this one as forms write it, "media_attributes[]", of strings; its text
 * says that each has id, description and focus. */
static bool are_attributes(const json_t *v)
{
    const char *name;
    json_t *item, *member;
    size_t i;

    json_array_foreach(v, i, item)
    {
        json_object_foreach(item, name, member)
        {
            if (!json_is_string(member) ||
                (strcmp(name, "id") != 0 && strcmp(name, "description") != 0 &&
                 strcmp(name, "focus") != 0)) {
                return false;
            }
        }
        if (!json_object_get(item, "id")) {
            return false;
        }
    }
    return json_is_array(v);
}

static const char *object_fault(const json_t *spec, const json_t *schema, const json_t *v)
{
    const json_t *known;
    const char *name;
    json_t *member;

    if (!json_is_object(v)) {
        return "(the body)";
    }
    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        if (strcmp(name, "media_attributes") == 0 &&
            member_schema(spec, schema, "media_attributes[]")) {
            if (!are_attributes(member)) {
                return name;
            }
            continue;
        }
        known = member_schema(spec, schema, name);
        if (!known || value_fault(spec, known, member)) {
            return name;
        }
    }
    return missing(spec, schema, v);
}

static bool in_enum(const json_t *choices, const json_t *v)
{
    json_t *one;
    size_t i;

    json_array_foreach(choices, i, one)
    {
        if (json_equal(one, v)) {
            return true;
        }
    }
    return !choices;
}

static bool is_of_type(const char *type, const json_t *v)
{
    return (strcmp(type, "string") == 0 && json_is_string(v)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(v)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(v)) ||
           (strcmp(type, "array") == 0 && json_is_array(v)) ||
           (strcmp(type, "object") == 0 && json_is_object(v));
}

/* NULL, or the name of what is not as described. Of several schemas one is enough. */
static const char *value_fault(const json_t *spec, const json_t *schema, const json_t *v)
{
    const json_t *one_of, *choices;
    const char *type, *fault = NULL;
    json_t *item;
    size_t i;

    schema = resolve(spec, schema);
    one_of = json_object_get(schema, "oneOf");
    json_array_foreach(one_of, i, item)
    {
        fault = value_fault(spec, item, v);
        if (!fault) {
            return NULL;
        }
    }
    if (one_of) {
        return fault;
    }
    type = json_string_value(json_object_get(schema, "type"));
    choices = json_object_get(schema, "enum");
    if (json_object_get(schema, "allOf") || (type && strcmp(type, "object") == 0)) {
        return object_fault(spec, schema, v);
    }
    if ((type && !is_of_type(type, v)) || !in_enum(choices, v)) {
        return type ? type : "enum";
    }
    json_array_foreach(v, i, item)
    {
        fault = fault ? fault : value_fault(spec, json_object_get(schema, "items"), item);
    }
    return fault;
}

/* ---- operations ---- */

/* Whether a path, up to a '?', is of the form "/api/v1/media/{id}". */
static bool path_matches(const char *form, const char *path)
{
    for (; *form; form++, path++) {
        if (*form == '{') {
            form = strchr(form, '}');
            if (*path == '/' || *path == '\0' || *path == '?') {
                return false;
            }
            path += strcspn(path, "/?") - 1;
            continue;
        }
        if (*form != *path) {
            return false;
        }
    }
    return *path == '\0' || *path == '?';
}

/* A path without variables before one with: "…/verify_credentials" is no "…/{id}". */
static const json_t *operation(const json_t *spec, const char *method, const char *path)
{
    const json_t *found = NULL, *exact = NULL;
    char lower[8] = "";
    const char *form;
    json_t *methods;

    for (size_t i = 0; method[i] && i + 1 < sizeof lower; i++) {
        lower[i] = (char)(method[i] - 'A' + 'a');
    }
    json_object_foreach(json_object_get(spec, "paths"), form, methods)
    {
        if (path_matches(form, path)) {
            found = json_object_get(methods, lower);
            exact = strchr(form, '{') ? exact : found;
        }
    }
    return exact ? exact : found;
}

static const json_t *parameter(const json_t *op, const char *in, const char *name, size_t len)
{
    json_t *p;
    size_t i;

    json_array_foreach(json_object_get(op, "parameters"), i, p)
    {
        const char *known = json_string_value(json_object_get(p, "name"));

        if (strlen(known) == len && memcmp(known, name, len) == 0 &&
            strcmp(json_string_value(json_object_get(p, "in")), in) == 0) {
            return p;
        }
    }
    return NULL;
}

static void check_query(struct dialogue *d, const json_t *op, const char *path)
{
    const char *p = strchr(path, '?');

    while (p && *p) {
        size_t len = strcspn(++p, "&"), name = strcspn(p, "=&");

        if (name == len || !parameter(op, "query", p, name)) {
            dialogue_fault(d, "no such parameter: %.*s", (int)len, p);
        }
        p += len;
    }
}

static const json_t *body_schema(const json_t *op, const char *type)
{
    const json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");

    return json_object_get(json_object_get(content, type), "schema");
}

static void check_parts(struct dialogue *d, const json_t *op, const struct http_request *req)
{
    const json_t *schema = body_schema(op, "multipart/form-data");
    bool has_file = false;

    for (size_t i = 0; i < req->part_count; i++) {
        const struct http_part *part = &req->parts[i];
        const json_t *known =
            json_object_get(json_object_get(schema, "properties"), part->name);
        const char *format = json_string_value(json_object_get(known, "format"));
        bool binary = format && strcmp(format, "binary") == 0;

        if (!known || (binary && (!part->bytes || !part->type || !part->filename)) ||
            (!binary && !part->text)) {
            dialogue_fault(d, "part %s is not as described", part->name);
        }
        has_file = has_file || strcmp(part->name, "file") == 0;
    }
    if (!has_file) {
        dialogue_fault(d, "the file is missing");
    }
}

static void check_body(struct dialogue *d,
                       const json_t *spec,
                       const json_t *op,
                       const struct http_request *req)
{
    const json_t *schema = body_schema(op, "application/json");
    const char *fault = NULL;
    json_t *body;

    if (req->part_count > 0) {
        check_parts(d, op, req);
        return;
    }
    if (!schema) {
        if (req->body.len > 0 || req->bytes_len > 0 || json_object_get(op, "requestBody")) {
            dialogue_fault(d, "a body is too many, or missing");
        }
        return;
    }
    body = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);
    fault = value_fault(spec, schema, body);
    json_decref(body);
    if (fault) {
        dialogue_fault(d, "%s is not as described", fault);
    }
}

static void check_request(struct dialogue *d,
                          const struct adapter *a,
                          const struct step *step,
                          const struct http_request *req,
                          void *context)
{
    struct check *c = context;
    const char *host = strstr(req->url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    const json_t *op = path ? operation(c->spec, http_method_name(req->method), path) : NULL;
    const char *key = http_header(&req->headers, "Idempotency-Key");

    (void)a;
    (void)step;
    c->requests++;
    if (!op) {
        dialogue_fault(d, "no such call: %s %s", http_method_name(req->method), req->url);
        return;
    }
    check_query(d, op, path);
    check_body(d, c->spec, op, req);
    if (key ? !parameter(op, "header", "Idempotency-Key", 15) || strlen(key) > 127
            : parameter(op, "header", "Idempotency-Key", 15) != NULL) {
        dialogue_fault(d, "an Idempotency-Key is missing, or where none is known");
    }
}

static json_t *spec_load(void)
{
    return dialogue_load(FIXTURES "/specs/mastodon.json");
}

static void every_request_is_as_the_description_has_it(void **state)
{
    struct check c = {.spec = spec_load()};
    int faults = dialogues_run(adapter_find("mastodon"), NULL, check_request, &c);

    (void)state;
    json_decref(c.spec);
    assert_int_equal(faults, 0);
    assert_true(c.requests > 150);
}

/* The checker itself: what it must not let pass. */
static void the_description_refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *about, *method, *path, *body;
        bool good;
    } rows[] = {
        {"a text", "POST", "/api/v1/statuses", "{\"status\":\"x\"}", true},
        {"a picture alone", "POST", "/api/v1/statuses", "{\"media_ids\":[\"1\"]}", true},
        {"neither", "POST", "/api/v1/statuses", "{\"language\":\"en\"}", false},
        {"an unknown member",
         "POST",
         "/api/v1/statuses",
         "{\"status\":\"x\",\"lang\":\"\"}",
         false},
        {"a number for an id", "POST", "/api/v1/statuses", "{\"media_ids\":[1]}", false},
        {"an unknown visibility",
         "POST",
         "/api/v1/statuses",
         "{\"status\":\"x\",\"visibility\":\"all\"}",
         false},
        {"an edit",
         "PUT",
         "/api/v1/statuses/1",
         "{\"media_attributes\":[{\"id\":\"1\"}]}",
         true},
        {"attributes without id",
         "PUT",
         "/api/v1/statuses/1",
         "{\"media_attributes\":[{\"description\":\"1\"}]}",
         false},
        {"an edit of nothing", "PUT", "/api/v1/statuses/", "{}", false},
        {"a call there is not", "PATCH", "/api/v1/statuses/1", "{}", false},
    };
    json_t *spec = spec_load();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *op = operation(spec, rows[i].method, rows[i].path);
        json_t *body = json_loads(rows[i].body, 0, NULL);
        bool good = op && !value_fault(spec, body_schema(op, "application/json"), body);

        json_decref(body);
        if (good != rows[i].good) {
            fail_msg("%s", rows[i].about);
        }
    }
    json_decref(spec);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_as_the_description_has_it),
        cmocka_unit_test(the_description_refuses_what_is_wrong),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
