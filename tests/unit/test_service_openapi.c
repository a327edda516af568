/* The description of the API against the table of routes, both ways; and against itself:
 * references that lead somewhere, path parameters that are explained, errors that are problem
 * documents. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "adapters/http.h"
#include "base/json.h"
#include "base/mem.h"
#include "queue/state.h"
#include "service/api.h"

extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

static json_t *doc;

static int load(void **state)
{
    struct err why = {.text = ""};

    (void)state;
    if (json_read(&doc, (const char *)openapi_json, openapi_json_len, 64, &why)) {
        print_error("%s\n", why.text);
    }
    return doc == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(doc);
    return mem_live_count() == 0 ? 0 : -1;
}

static const char *const methods[] = {
    "get", "head", "post", "put", "patch", "delete", "options"};

static bool is_method(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const json_t *operation(const struct door_route *route)
{
    const json_t *path = json_object_get(json_object_get(doc, "paths"), route->pattern);

    for (size_t i = 0; path != NULL && i < ARRAY_LEN(methods); i++) {
        if (strcasecmp(methods[i], http_method_name(route->method)) == 0) {
            return json_object_get(path, methods[i]);
        }
    }
    return NULL;
}

static void every_route_is_described(void **state)
{
    (void)state;
    for (const struct door_route *r = api_routes; r->pattern != NULL; r++) {
        if (strncmp(r->pattern, "/test/", 6) == 0) {
            continue; /* in builds for tests only */
        }
        if (operation(r) == NULL) {
            fail_msg("%s %s is not described", http_method_name(r->method), r->pattern);
        }
    }
}

static bool is_routed(const char *path, const char *method)
{
    for (const struct door_route *r = api_routes; r->pattern != NULL; r++) {
        if (strcmp(r->pattern, path) == 0 &&
            strcasecmp(http_method_name(r->method), method) == 0) {
            return true;
        }
    }
    return false;
}

static void everything_described_is_a_route(void **state)
{
    const char *path, *method;
    json_t *item, *op;
    size_t count = 0;

    (void)state;
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, op)
        {
            if (!is_method(method)) {
                continue;
            }
            count++;
            if (!is_routed(path, method)) {
                fail_msg("%s %s is no route", method, path);
            }
            assert_non_null(json_path_str(op, "summary"));
            assert_non_null(json_path_str(op, "operationId"));
            assert_true(json_object_size(json_object_get(op, "responses")) > 0);
        }
    }
    assert_in_range(count, 20, 80);
}

/* Open routes say so ("security": []); the others rest on the token or on a signature. */
static void who_may_ask_is_told_as_it_is(void **state)
{
    (void)state;
    for (const struct door_route *r = api_routes; r->pattern != NULL; r++) {
        const json_t *op = operation(r), *security;

        if (op == NULL) {
            continue;
        }
        security = json_object_get(op, "security");
        if (r->auth == AUTH_TOKEN) {
            assert_null(security);
        } else {
            /* A source may sign in one of several ways, a platform in one. */
            assert_int_equal(json_array_size(security),
                             r->auth != AUTH_HOOK                     ? 0
                             : strncmp(r->pattern, "/hooks/", 7) == 0 ? 4
                                                                      : 1);
        }
        if ((r->auth == AUTH_NONE || r->auth == AUTH_READER) !=
            (security != NULL && json_array_size(security) == 0)) {
            fail_msg("%s", r->pattern);
        }
    }
}

static bool parameter_is_described(const json_t *list, const char *name, size_t len)
{
    size_t i;
    json_t *p;

    json_array_foreach(list, i, p)
    {
        const char *have = json_path_str(p, "name");

        if (strlen(have) == len && memcmp(have, name, len) == 0) {
            return json_is_true(json_object_get(p, "required"));
        }
    }
    return false;
}

static void every_part_of_a_path_is_explained(void **state)
{
    const char *path;
    json_t *item;

    (void)state;
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        const char *open = strchr(path, '{');

        if (open == NULL) {
            continue;
        }
        if (!parameter_is_described(
                json_object_get(item, "parameters"), open + 1, strcspn(open + 1, "}"))) {
            fail_msg("%s: its parameter is not described", path);
        }
    }
}

static size_t check_references(json_t *v)
{
    const char *key;
    json_t *child;
    size_t i, found = 0;

    if (json_is_object(v)) {
        json_object_foreach(v, key, child)
        {
            if (strcmp(key, "$ref") == 0) {
                const char *to = json_string_value(child);

                found++;
                if (to == NULL || to[0] != '#' || json_pointer(doc, to + 1) == NULL) {
                    fail_msg("%s leads nowhere", to == NULL ? "$ref" : to);
                }
            }
            found += check_references(child);
        }
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, child)
        {
            found += check_references(child);
        }
    }
    return found;
}

static void references_lead_somewhere(void **state)
{
    (void)state;
    assert_true(check_references(doc) > 100);
}

static void errors_are_problem_documents(void **state)
{
    const char *name;
    json_t *response;

    (void)state;
    json_object_foreach(json_path(doc, "components", "responses", NULL), name, response)
    {
        const json_t *content =
            json_path(response, "content", "application/problem+json", NULL);
        const json_t *example = json_object_get(content, "example");

        if (content == NULL || json_path_str(example, "detail") == NULL ||
            !json_is_integer(json_object_get(example, "status"))) {
            fail_msg("%s is no problem document", name);
        }
    }
}

static void the_states_are_ours(void **state)
{
    const json_t *list = json_path(doc, "components", "schemas", "State", "enum", NULL);

    (void)state;
    assert_int_equal(json_array_size(list), DELIVERY_STATE_COUNT);
    for (size_t i = 0; i < DELIVERY_STATE_COUNT; i++) {
        assert_string_equal(json_string_value(json_array_get(list, i)),
                            delivery_state_name((enum delivery_state)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(everything_described_is_a_route),
        cmocka_unit_test(who_may_ask_is_told_as_it_is),
        cmocka_unit_test(every_part_of_a_path_is_explained),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(errors_are_problem_documents),
        cmocka_unit_test(the_states_are_ours),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
