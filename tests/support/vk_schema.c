/* See vk_schema.h. The description is JSON schema of draft 3: "required" stands with each member. */

#include "support/vk_schema.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/url.h"

#define FORM_BYTES ((size_t)1024 * 1024)

const json_t *vk_method(const json_t *methods, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(methods, "methods"), i, one)
    {
        if (strcmp(json_path_str(one, "name"), name) == 0) {
            return one;
        }
    }
    return NULL;
}

/* ---- parameters ---- */

/* The description has `domain` alone, "user or community short address", of the entity owner; the method's
 * page names owner_id beside it, as for all methods of a wall. */
static bool is_wall_of(const json_t *method, const char *name)
{
    return strcmp(json_path_str(method, "name"), "wall.get") == 0 &&
           (strcmp(name, "owner_id") == 0 || strcmp(name, "filter") == 0);
}

static const json_t *parameter(const json_t *method, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(method, "parameters"), i, one)
    {
        if (strcmp(json_path_str(one, "name"), name) == 0) {
            return one;
        }
    }
    return NULL;
}

static void check_type(struct fault *f, const json_t *parameter, const char *value)
{
    const char *type = json_path_str(parameter, "type");
    const char *name = json_path_str(parameter, "name");
    const json_t *minimum = json_object_get(parameter, "minimum");
    int64_t number;

    if (type && strcmp(type, "integer") == 0) {
        if (!parse_i64(value, &number)) {
            fault_tell(f, "%s: \"%s\" is no number", name, value);
        } else if (json_is_integer(minimum) && number < json_integer_value(minimum)) {
            fault_tell(f, "%s: %s is too small", name, value);
        }
    } else if (type && strcmp(type, "boolean") == 0) {
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0) {
            fault_tell(f, "%s: \"%s\" is neither 0 nor 1", name, value);
        }
    } else if (*value == '\0') {
        fault_tell(f, "%s is empty", name);
    }
}

static void
check_parameter(struct fault *f, const json_t *method, const char *name, const char *value)
{
    const json_t *known = parameter(method, name);

    if (known) {
        check_type(f, known, value);
    } else if (strcmp(name, "v") != 0 && strcmp(name, "access_token") != 0 &&
               !is_wall_of(method, name)) {
        fault_tell(f, "no parameter \"%s\"", name);
    }
}

static void check_required(struct fault *f, const json_t *method, const json_t *given)
{
    json_t *one;
    size_t i;

    if (!json_object_get(given, "v") || !json_object_get(given, "access_token")) {
        fault_tell(f, "version or token are missing");
    }
    json_array_foreach(json_object_get(method, "parameters"), i, one)
    {
        const char *name = json_path_str(one, "name");

        if (json_is_true(json_object_get(one, "required")) && !json_object_get(given, name)) {
            fault_tell(f, "%s is missing", name);
        }
    }
}

/* One "name=value", decoded. */
static void take_pair(struct fault *f, json_t *given, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    struct buf name, value;

    buf_init(&name, FORM_BYTES);
    buf_init(&value, FORM_BYTES);
    if (!equals || !url_decode(&name, pair, name_len, true) ||
        !url_decode(&value, equals + 1, len - name_len - 1, true)) {
        fault_tell(f, "no form: %.*s", (int)len, pair);
    } else if (json_object_get(given, buf_str(&name))) {
        fault_tell(f, "%s stands there twice", buf_str(&name));
    } else {
        json_set_str(given, buf_str(&name), buf_str(&value));
    }
    buf_done(&value);
    buf_done(&name);
}

void vk_check_form(struct fault *f, const json_t *method, const char *form, size_t len)
{
    json_t *given = json_object(), *value;
    const char *end = form + len, *name;

    while (form < end) {
        const char *stop = memchr(form, '&', (size_t)(end - form));

        stop = stop ? stop : end;
        take_pair(f, given, form, (size_t)(stop - form));
        form = stop < end ? stop + 1 : end;
    }
    json_object_foreach(given, name, value)
    {
        check_parameter(f, method, name, json_string_value(value));
    }
    check_required(f, method, given);
    json_decref(given);
}

const json_t *
vk_check_request(struct fault *f, const json_t *methods, const struct http_request *req)
{
    const char *at = strstr(req->url, "/method/");
    const json_t *method = at ? vk_method(methods, at + 8) : NULL;
    const char *type = http_header(&req->headers, "Content-Type");

    if (!method) {
        fault_tell(f, "no such method: %s", req->url);
        return NULL;
    }
    if (req->method != HTTP_POST || !type ||
        strcmp(type, "application/x-www-form-urlencoded") != 0) {
        fault_tell(f, "not the POST of a form");
    }
    vk_check_form(f, method, buf_str(&req->body), req->body.len);
    return method;
}

/* ---- answers ---- */

static bool is_of_type(const json_t *v, const char *type)
{
    return strcmp(type, "integer") == 0  ? json_is_integer(v)
           : strcmp(type, "object") == 0 ? json_is_object(v)
           : strcmp(type, "array") == 0  ? json_is_array(v)
           : strcmp(type, "string") == 0 ? json_is_string(v)
                                         : true;
}

static void check_members(struct fault *f, const json_t *schema, const json_t *v)
{
    const char *name;
    json_t *member;

    json_object_foreach(json_object_get(schema, "properties"), name, member)
    {
        const json_t *given = json_object_get(v, name);
        const char *type = json_path_str(member, "type");

        if (!given && json_is_true(json_object_get(member, "required"))) {
            fault_tell(f, "the answer lacks %s", name);
        } else if (given && type && !is_of_type(given, type)) {
            fault_tell(f, "%s is no %s", name, type);
        } else if (given) {
            check_members(f, member, given);
        }
    }
}

bool vk_check_answer(struct fault *f,
                     const json_t *responses,
                     const json_t *method,
                     const json_t *answer)
{
    const char *ref =
        json_string_value(json_path(method, "responses", "response", "$ref", NULL));
    const char *name = ref ? strrchr(ref, '/') : NULL;
    const json_t *schema = name ? json_path(responses, "definitions", name + 1, NULL) : NULL;

    if (schema) {
        check_members(f, schema, answer);
    }
    return schema != NULL;
}
