/* Requests against a discovery document. Called by the contract tests; owns nothing.
 *
 * Such a document has resources with methods; a method has a path with variables, parameters by name, and
 * the name of the schema of its body. A method that takes a file is there under /upload too. */

#include "support/discovery.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/dialogue.h"

/* "Video" -> "#/schemas/Video", everywhere below. */
static void spell_out(json_t *v)
{
    const char *name = json_string_value(json_object_get(v, "$ref")), *key;
    json_t *member;
    size_t i;

    if (name) {
        (void)json_object_set_new(v, "$ref", json_sprintf("#/schemas/%s", name));
        return;
    }
    json_object_foreach(v, key, member)
    {
        spell_out(member);
    }
    json_array_foreach(v, i, member)
    {
        spell_out(member);
    }
}

json_t *discovery_load(const char *path)
{
    json_t *doc = dialogue_load(path);

    spell_out(doc);
    return doc;
}

/* ---- the method ---- */

static bool path_matches(const char *form, const char *path)
{
    for (; *form; form++, path++) {
        if (*form == '{') {
            form = strchr(form, '}');
            if (*path == '/' || *path == '\0' || *path == '?') {
                return false;
            }
            path += strcspn(path, "/?") - 1;
        } else if (*form != *path) {
            return false;
        }
    }
    return *path == '\0' || *path == '?';
}

static bool is_method(const json_t *method, const char *verb, const char *path)
{
    bool upload = strncmp(path, "/upload/", 8) == 0;
    const char *flat = json_string_value(json_object_get(method, "flatPath"));
    const char *form = flat ? flat : json_string_value(json_object_get(method, "path"));

    return strcmp(json_string_value(json_object_get(method, "httpMethod")), verb) == 0 &&
           path_matches(form, path + (upload ? 8 : 1)) &&
           (!upload || json_object_get(method, "mediaUpload"));
}

/* A resource may have others in it. */
static const json_t *find_method(const json_t *resources, const char *verb, const char *path)
{
    const char *key, *name;
    json_t *resource, *method;

    json_object_foreach((json_t *)(uintptr_t)resources, key, resource)
    {
        const json_t *inner = find_method(json_object_get(resource, "resources"), verb, path);

        if (inner) {
            return inner;
        }
        json_object_foreach(json_object_get(resource, "methods"), name, method)
        {
            if (is_method(method, verb, path)) {
                return method;
            }
        }
    }
    return NULL;
}

const json_t *discovery_method(const json_t *doc, const char *verb, const char *path)
{
    return find_method(json_object_get(doc, "resources"), verb, path);
}

/* ---- the query ---- */

static void check_value(
    struct fault *f, const json_t *doc, const json_t *known, const char *name, const char *text)
{
    json_t *schema = json_copy((json_t *)(uintptr_t)known);
    json_t *as[] = {json_string(text), json_loads(text, JSON_DECODE_ANY, NULL)};
    bool fits = false;

    (void)json_object_del(schema, "required"); /* of parameters it is a flag */
    for (size_t i = 0; i < ARRAY_LEN(as); i++) {
        struct fault one = {.text = ""};

        if (as[i]) {
            schema_check(&one, doc, schema, name, as[i]);
            fits = fits || !fault_told(&one);
        }
        json_decref(as[i]);
    }
    json_decref(schema);
    if (!fits) {
        fault_tell(f, "the parameter %s is no %s", name, text);
    }
}

static const json_t *parameter(const json_t *doc, const json_t *method, const char *name)
{
    const json_t *own = json_object_get(json_object_get(method, "parameters"), name);

    return own ? own : json_object_get(json_object_get(doc, "parameters"), name);
}

static void
check_query(struct fault *f, const json_t *doc, const json_t *method, const char *query)
{
    while (*query) {
        size_t len = strcspn(query, "&"), end = strcspn(query, "=&");
        char name[64], value[1024];
        const json_t *known;

        (void)snprintf(name, sizeof name, "%.*s", (int)end, query);
        (void)snprintf(value, sizeof value, "%.*s", (int)(len - end), query + end);
        known = parameter(doc, method, name);
        if (value[0] != '=' || !known ||
            strcmp(json_string_value(json_object_get(known, "location")), "query") != 0) {
            fault_tell(f, "no such parameter: %.*s", (int)len, query);
        } else {
            check_value(f, doc, known, name, value + 1);
        }
        query += len + (query[len] == '&');
    }
}

static bool has_parameter(const char *query, const char *name)
{
    size_t len = strlen(name);

    for (; *query; query += strcspn(query, "&"), query += *query == '&') {
        if (strncmp(query, name, len) == 0 && query[len] == '=') {
            return true;
        }
    }
    return false;
}

static void check_required(struct fault *f, const json_t *method, const char *query)
{
    const char *name;
    json_t *p;

    json_object_foreach(json_object_get(method, "parameters"), name, p)
    {
        if (json_is_true(json_object_get(p, "required")) &&
            strcmp(json_string_value(json_object_get(p, "location")), "query") == 0 &&
            !has_parameter(query, name)) {
            fault_tell(f, "the parameter %s is missing", name);
        }
    }
}

/* ---- the body ---- */

void discovery_check_body(struct fault *f,
                          const json_t *doc,
                          const json_t *method,
                          const json_t *body)
{
    const json_t *schema = json_object_get(method, "request");

    if (!schema) {
        fault_tell(f, "it takes no body");
    } else {
        schema_check(f, doc, schema, "body", body);
    }
}

static bool is_accepted(const json_t *upload, const char *type)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(upload, "accept"), i, item)
    {
        const char *form = json_string_value(item);
        size_t len = strlen(form);

        if (type && (strcmp(form, type) == 0 ||
                     (form[len - 1] == '*' && strncmp(form, type, len - 1) == 0))) {
            return true;
        }
    }
    return false;
}

static void check_file(struct fault *f, const json_t *method, const char *type, size_t len)
{
    const json_t *upload = json_object_get(method, "mediaUpload");
    const char *max = json_string_value(json_object_get(upload, "maxSize"));
    long long most = 0;

    must(max && sscanf(max, "%lld", &most) == 1);
    if (!is_accepted(upload, type)) {
        fault_tell(f, "a file of type %s is not taken", type ? type : "(none)");
    }
    if (len == 0 || len > (size_t)most) {
        fault_tell(f, "a file of %zu bytes is not taken", len);
    }
}

static void check_json(struct fault *f,
                       const json_t *doc,
                       const json_t *method,
                       const struct http_request *req)
{
    const char *type = http_header(&req->headers, "Content-Type");
    json_t *body;

    if (!json_object_get(method, "request")) {
        if (req->body.len > 0 || req->bytes_len > 0 || type) {
            fault_tell(f, "a body is too many");
        }
        return;
    }
    if (!type || strncmp(type, "application/json", 16) != 0) {
        fault_tell(f, "Content-Type is %s", type ? type : "missing");
    }
    body = json_loadb(buf_str(&req->body), req->body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!body) {
        fault_tell(f, "the body is no JSON");
    } else {
        discovery_check_body(f, doc, method, body);
    }
    json_decref(body);
}

/* The beginning of an upload tells its file in headers. */
static void
check_announced(struct fault *f, const json_t *method, const struct http_request *req)
{
    const char *len = http_header(&req->headers, "X-Upload-Content-Length");
    long long bytes = 0;

    if (!len || sscanf(len, "%lld", &bytes) != 1) {
        fault_tell(f, "X-Upload-Content-Length is missing");
        return;
    }
    check_file(f, method, http_header(&req->headers, "X-Upload-Content-Type"), (size_t)bytes);
}

const json_t *
discovery_check(struct fault *f, const json_t *doc, const struct http_request *req)
{
    const char *host = strstr(req->url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    const json_t *method =
        path ? discovery_method(doc, http_method_name(req->method), path) : NULL;
    const char *query = path ? strchr(path, '?') : NULL;

    if (!method) {
        fault_tell(f, "no such call: %s %s", http_method_name(req->method), req->url);
        return NULL;
    }
    query = query ? query + 1 : "";
    check_query(f, doc, method, query);
    check_required(f, method, query);
    if (strstr(query, "uploadType=media")) {
        check_file(f, method, http_header(&req->headers, "Content-Type"), req->bytes_len);
        return method;
    }
    check_json(f, doc, method, req);
    if (strstr(query, "uploadType=resumable")) {
        check_announced(f, method, req);
    }
    return method;
}
