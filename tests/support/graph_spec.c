/* Requests against Meta's definitions of its API. Called by the contract tests; owns nothing. */

#include "support/graph_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/url.h"

#define VALUE_BYTES_MAX ((size_t)1024 * 1024)

/* Every call takes these, whatever it is. */
static const char *const everywhere[] = {"fields", "limit", "after", "appsecret_proof", NULL};

/* ---- which call ---- */

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* The length of what stands for a variable; 0: it does not fit. */
static size_t variable(const char *name, const char *path)
{
    size_t first = digits(path), second;

    if (strncmp(name, "{post}", 6) == 0) {
        second = first > 0 && path[first] == '_' ? digits(path + first + 1) : 0;
        return second > 0 ? first + 1 + second : 0;
    }
    return first == 0 && strncmp(path, "me", 2) == 0 ? 2 : first;
}

static bool path_matches(const char *form, const char *path)
{
    for (; *form; form++) {
        if (*form == '{') {
            size_t len = variable(form, path);

            if (len == 0) {
                return false;
            }
            path += len;
            form = strchr(form, '}');
        } else if (*form != *path++) {
            return false;
        }
    }
    return *path == '\0' || *path == '?';
}

static const json_t *api_of(const json_t *spec, const struct graph_call *call)
{
    const json_t *node = json_object_get(json_object_get(spec, "nodes"), call->node);
    json_t *api;
    size_t i;

    json_array_foreach(json_object_get(node, "apis"), i, api)
    {
        if (strcmp(json_string_value(json_object_get(api, "method")), call->method) == 0 &&
            strcmp(json_string_value(json_object_get(api, "endpoint")), call->endpoint) == 0) {
            return api;
        }
    }
    return NULL;
}

/* ---- parameters ---- */

static const json_t *parameter(const json_t *api, const char *name)
{
    json_t *p;
    size_t i;

    json_array_foreach(json_object_get(api, "params"), i, p)
    {
        if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0) {
            return p;
        }
    }
    return NULL;
}

static bool is_number(const char *text)
{
    return digits(text) > 0 && text[digits(text)] == '\0';
}

/* A value as forms write it. */
static bool text_fits(const char *type, const char *text)
{
    if (strcmp(type, "bool") == 0) {
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    }
    if (strcmp(type, "unsigned int") == 0 || strcmp(type, "int") == 0) {
        return is_number(text);
    }
    return strcmp(type, "file") != 0 && *text;
}

static bool value_fits(const char *type, const json_t *v)
{
    if (strncmp(type, "list", 4) == 0) {
        return json_is_array(v) && json_array_size(v) > 0;
    }
    if (strcmp(type, "Object") == 0 || strcmp(type, "map") == 0) {
        return json_is_object(v);
    }
    if (strcmp(type, "bool") == 0) {
        return json_is_boolean(v);
    }
    return json_is_string(v) && text_fits(type, json_string_value(v));
}

/* Notes that it was given, and gives its type; NULL and a fault: it is not known. */
static const char *take(struct fault *f, const json_t *api, json_t *given, const char *name)
{
    const json_t *p = parameter(api, name);

    for (size_t i = 0; !p && everywhere[i]; i++) {
        if (strcmp(everywhere[i], name) == 0) {
            return "string";
        }
    }
    if (!p || json_object_get(given, name)) {
        fault_tell(f, "parameter %s is not known, or given twice", name);
        return NULL;
    }
    (void)json_object_set_new(given, name, json_true());
    return json_string_value(json_object_get(p, "type"));
}

static void check_pairs(struct fault *f, const json_t *api, json_t *given, const char *form)
{
    while (form && *form) {
        size_t len = strcspn(form, "&"), equals = strcspn(form, "=");
        struct buf name, value;
        const char *type;

        buf_init(&name, VALUE_BYTES_MAX);
        buf_init(&value, VALUE_BYTES_MAX);
        if (equals >= len || !url_decode(&name, form, equals, false) ||
            !url_decode(&value, form + equals + 1, len - equals - 1, false)) {
            fault_tell(f, "no form: %s", form);
        } else {
            type = take(f, api, given, buf_str(&name));
            if (type && !text_fits(type, buf_str(&value))) {
                fault_tell(f, "%s is no %s: %s", buf_str(&name), type, buf_str(&value));
            }
        }
        buf_done(&value);
        buf_done(&name);
        form += len + (form[len] == '&');
    }
}

static void check_json(struct fault *f, const json_t *api, json_t *given, const char *text)
{
    json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *v;
    const char *name;

    if (!json_is_object(body)) {
        fault_tell(f, "the body is no object");
    }
    json_object_foreach(body, name, v)
    {
        const char *type = take(f, api, given, name);

        if (type && !value_fits(type, v)) {
            fault_tell(f, "%s is no %s", name, type);
        }
    }
    json_decref(body);
}

static void
check_parts(struct fault *f, const json_t *api, json_t *given, const struct http_request *req)
{
    for (size_t i = 0; i < req->part_count; i++) {
        const struct http_part *part = &req->parts[i];
        const char *type = take(f, api, given, part->name);
        /* The definition calls a video's file a text. */
        bool file = type && (strcmp(type, "file") == 0 || strcmp(part->name, "source") == 0);

        if (type &&
            (part->text ? file || !text_fits(type, part->text) : !file || part->len == 0)) {
            fault_tell(f, "%s is no %s", part->name, type);
        }
    }
}

static void check_required(struct fault *f, const json_t *api, const json_t *given)
{
    json_t *p;
    size_t i;

    json_array_foreach(json_object_get(api, "params"), i, p)
    {
        const char *name = json_string_value(json_object_get(p, "name"));

        if (json_is_true(json_object_get(p, "required")) && !json_object_get(given, name)) {
            fault_tell(f, "parameter %s is missing", name);
        }
    }
}

/* ---- fields ---- */

static bool has_field(const json_t *node, const char *name, size_t len)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(node, "fields"), i, one)
    {
        const char *known = json_string_value(one);

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return true;
        }
    }
    json_array_foreach(json_object_get(node, "apis"), i, one) /* edges can be asked for too */
    {
        const char *known = json_string_value(json_object_get(one, "endpoint"));

        if (strlen(known) == len && memcmp(known, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_fields(struct fault *f, const json_t *spec, const char *returns, const char *url)
{
    const json_t *node =
        returns ? json_object_get(json_object_get(spec, "nodes"), returns) : NULL;
    const char *at = strstr(url, "fields=");

    if (!at) {
        return;
    }
    if (!node) {
        fault_tell(f, "no fields can be asked for here");
        return;
    }
    for (at += 7; *at && *at != '&';) {
        size_t len = strcspn(at, ",{&");

        if (!has_field(node, at, len)) {
            fault_tell(f, "%s has no field %.*s", returns, (int)len, at);
            return;
        }
        at += len;
        at += *at == '{' ? strcspn(at, "}") + 1 : 0;
        at += *at == ',';
    }
}

const struct graph_call *graph_spec_check(struct fault *f,
                                          const json_t *spec,
                                          const struct graph_call *calls,
                                          size_t count,
                                          const char *base,
                                          const struct http_request *req)
{
    const char *type = http_header(&req->headers, "Content-Type");
    const char *path = req->url + strlen(base);
    const struct graph_call *call = NULL;
    json_t *given = json_object();
    const json_t *api;

    for (size_t i = 0; !call && strncmp(req->url, base, strlen(base)) == 0 && i < count; i++) {
        if (strcmp(calls[i].method, http_method_name(req->method)) == 0 &&
            path_matches(calls[i].path, path)) {
            call = &calls[i];
        }
    }
    api = call ? api_of(spec, call) : NULL;
    if (!api) {
        fault_tell(f, "no such call: %s %s", http_method_name(req->method), req->url);
        json_decref(given);
        return NULL;
    }
    check_fields(f, spec, call->returns, req->url);
    check_pairs(f, api, given, strchr(path, '?') ? strchr(path, '?') + 1 : NULL);
    if (req->part_count > 0) {
        check_parts(f, api, given, req);
    } else if (req->body.len > 0 && type && strcmp(type, "application/json") == 0) {
        check_json(f, api, given, buf_str(&req->body));
    } else if (req->body.len > 0) {
        check_pairs(f, api, given, buf_str(&req->body));
    }
    check_required(f, api, given);
    json_decref(given);
    return call;
}
