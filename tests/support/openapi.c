/* Requests against an OpenAPI description. Called by the contract tests; owns nothing. */

#include "support/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const json_t *openapi_operation(const json_t *spec, const char *method, const char *path)
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
            found = json_object_get(methods, lower) ? json_object_get(methods, lower) : found;
            exact = strchr(form, '{') ? exact : json_object_get(methods, lower);
        }
    }
    return exact ? exact : found;
}

const json_t *openapi_parameter(const json_t *op, const char *in, const char *name, size_t len)
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

const json_t *openapi_body(const json_t *op, const char *type)
{
    const json_t *content = json_object_get(json_object_get(op, "requestBody"), "content");

    return json_object_get(json_object_get(content, type), "schema");
}

/* ---- the query ---- */

static void check_value(struct fault *f,
                        const json_t *spec,
                        const json_t *schema,
                        const char *name,
                        const char *text);

/* "explode": false, so all items in one value with commas between them. */
static void check_list(struct fault *f,
                       const json_t *spec,
                       const json_t *schema,
                       const char *name,
                       const char *text)
{
    char item[256];

    do {
        (void)snprintf(item, sizeof item, "%.*s", (int)strcspn(text, ","), text);
        check_value(f, spec, json_object_get(schema, "items"), name, item);
        text += strcspn(text, ",");
    } while (*text++);
}

/* A query has only text: whatever it can be read as will do. */
static void check_value(struct fault *f,
                        const json_t *spec,
                        const json_t *schema,
                        const char *name,
                        const char *text)
{
    const char *type = json_string_value(json_object_get(schema, "type"));
    json_t *as[] = {json_string(text), json_loads(text, JSON_DECODE_ANY, NULL)};
    struct fault one = {.text = ""};
    bool fits = false;

    if (type && strcmp(type, "array") == 0) {
        json_decref(as[0]);
        json_decref(as[1]);
        check_list(f, spec, schema, name, text);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(as); i++) {
        one.text[0] = '\0';
        if (as[i]) {
            schema_check(&one, spec, schema, name, as[i]);
            fits = fits || !fault_told(&one);
        }
        json_decref(as[i]);
    }
    if (!fits) {
        fault_tell(f, "the parameter %s is no %s", name, text);
    }
}

static void check_query(struct fault *f, const json_t *spec, const json_t *op, const char *path)
{
    const char *p = strchr(path, '?');

    while (p && *p) {
        size_t len = strcspn(++p, "&"), end = strcspn(p, "=&");
        const json_t *known = openapi_parameter(op, "query", p, end);
        char name[64], value[1024];

        (void)snprintf(name, sizeof name, "%.*s", (int)end, p);
        (void)snprintf(value, sizeof value, "%.*s", (int)(len - end), p + end);
        if (value[0] != '=' || !known) {
            fault_tell(f, "no such parameter: %.*s", (int)len, p);
        } else if (json_object_get(known, "schema")) {
            check_value(f, spec, json_object_get(known, "schema"), name, value + 1);
        }
        p += len;
    }
}

/* ---- the body ---- */

static void check_parts(struct fault *f, const json_t *op, const struct http_request *req)
{
    const json_t *schema = openapi_body(op, "multipart/form-data");

    for (size_t i = 0; i < req->part_count; i++) {
        const struct http_part *part = &req->parts[i];
        const json_t *known =
            json_object_get(json_object_get(schema, "properties"), part->name);
        const char *format = json_string_value(json_object_get(known, "format"));
        bool binary = format && strcmp(format, "binary") == 0;

        if (!known ||
            (binary && ((!part->bytes && !part->media) || !part->type || !part->filename)) ||
            (!binary && !part->text)) {
            fault_tell(f, "part %s is not as described", part->name);
        }
    }
}

static void check_body(struct fault *f,
                       const json_t *spec,
                       const json_t *op,
                       const struct http_request *req)
{
    const json_t *schema = openapi_body(op, "application/json");
    const char *type = http_header(&req->headers, "Content-Type");
    json_t *body;

    if (req->part_count > 0) {
        check_parts(f, op, req);
        return;
    }
    if (!schema) {
        if (req->body.len > 0 || req->bytes_len > 0 || type ||
            json_object_get(op, "requestBody")) {
            fault_tell(f, "a body is too many, or missing");
        }
        return;
    }
    if (!type || strncmp(type, "application/json", 16) != 0) {
        fault_tell(f, "Content-Type is %s", type ? type : "missing");
    }
    body = json_loadb(buf_str(&req->body), req->body.len, 0, NULL);
    if (!body) {
        fault_tell(f, "the body is no JSON");
    } else {
        schema_check(f, spec, schema, "body", body);
    }
    json_decref(body);
}

/* ---- the whole ---- */

/* Behind the host and the path of the description's server. */
static const char *path_of(const json_t *spec, const char *url)
{
    const json_t *servers = json_object_get(spec, "servers");
    const char *server = json_string_value(json_object_get(json_array_get(servers, 0), "url"));
    const char *host = strstr(url, "://"), *base;
    const char *path = host ? strchr(host + 3, '/') : NULL;

    server = server ? strstr(server, "://") : NULL;
    base = server ? strchr(server + 3, '/') : NULL;
    if (!path || !base) {
        return path;
    }
    return strncmp(path, base, strlen(base)) == 0 ? path + strlen(base) : NULL;
}

const json_t *openapi_check(struct fault *f, const json_t *spec, const struct http_request *req)
{
    const char *path = path_of(spec, req->url);
    const json_t *op =
        path ? openapi_operation(spec, http_method_name(req->method), path) : NULL;

    if (!op) {
        fault_tell(f, "no such call: %s %s", http_method_name(req->method), req->url);
        return NULL;
    }
    check_query(f, spec, op, path);
    check_body(f, spec, op, req);
    return op;
}
