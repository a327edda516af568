/* Finds the route of a request and refuses what cannot be served, before any of its body is
 * read: targets that are no UTF-8, unknown paths, wrong methods, strangers. Called by door_request.c when the headers are there. It knows routes only as rows
 * of a table. */

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/url.h"
#include "service/door_internal.h"

static bool method_parse(const char *name, enum http_method *out)
{
    static const enum http_method all[] = {
        HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strcmp(http_method_name(all[i]), name) == 0) {
            *out = all[i];
            return true;
        }
    }
    return false;
}

/* Appends the segment decoded; false when that gives no text. */
static bool decode(struct buf *out, const char *text, size_t len)
{
    return url_decode(out, text, len, false) && buf_ok(out) &&
           text_valid(buf_str(out), out->len);
}

/* Splits the target; false when path or query are no percent-encoded UTF-8. */
static bool read_target(struct door_request *r)
{
    const char *mark = strchr(r->target, '?');
    size_t path_len = mark == NULL ? strlen(r->target) : (size_t)(mark - r->target);
    struct buf text;
    bool good;

    buf_init(&text, DOOR_TARGET_BYTES);
    good = decode(&text, r->target, path_len);
    r->path = mem_strndup(good ? buf_str(&text) : "", good ? text.len : 0);
    if (mark != NULL) {
        r->query = mark + 1;
        r->query_len = strlen(r->query);
        buf_clear(&text);
        good = good && decode(&text, r->query, r->query_len);
    }
    buf_done(&text);
    return good;
}

/* The next segment of a path, "/" before it taken off: false at the end. */
static bool next_segment(const char **at, const char *end, const char **out, size_t *out_len)
{
    const char *slash;

    if (*at >= end || **at != '/') {
        return false;
    }
    *out = *at + 1;
    slash = memchr(*out, '/', (size_t)(end - *out));
    *at = slash == NULL ? end : slash;
    *out_len = (size_t)(*at - *out);
    return true;
}

static void params_clear(struct door_request *r)
{
    while (r->param_count > 0) {
        mem_free(r->params[--r->param_count]);
    }
}

static void param_add(struct door_request *r, const char *text, size_t len)
{
    struct buf value;

    must(r->param_count < DOOR_PARAMS_MAX);
    buf_init(&value, DOOR_TARGET_BYTES);
    if (!decode(&value, text, len)) {
        buf_clear(&value);
    }
    r->params[r->param_count++] = mem_strndup(buf_str(&value), value.len);
    buf_done(&value);
}

/* Segment by segment, still encoded, so that a %2F inside one is no border. */
static bool match(struct door_request *r, const char *pattern)
{
    const char *a = pattern, *a_end = pattern + strlen(pattern);
    const char *b = r->target, *b_end = b + strcspn(b, "?");
    const char *want, *have;
    size_t want_len, have_len;

    params_clear(r);
    while (next_segment(&a, a_end, &want, &want_len)) {
        if (!next_segment(&b, b_end, &have, &have_len)) {
            return false;
        }
        if (want_len > 0 && want[0] == '{') {
            if (have_len == 0) {
                return false;
            }
            param_add(r, have, have_len);
        } else if (want_len != have_len || memcmp(want, have, want_len) != 0) {
            return false;
        }
    }
    return b == b_end;
}

static void allow_add(struct buf *allow, const char *method)
{
    if (allow->len > 0) {
        buf_adds(allow, ", ");
    }
    buf_adds(allow, method);
}

/* Sets r->route, or fills allow with what the path would take ("" when there is no such path).
 * A GET route serves HEAD as well. */
static void find_route(struct door_request *r, bool known_method, struct buf *allow)
{
    enum http_method wanted = r->method == HTTP_HEAD ? HTTP_GET : r->method;

    for (const struct door_route *at = r->door->routes; at->pattern != NULL; at++) {
        if (!match(r, at->pattern)) {
            continue;
        }
        if (known_method && at->method == wanted) {
            r->route = at;
            return;
        }
        if (at->method !=
            HTTP_OPTIONS) { /* comes at the end, whether there is a route or not */
            allow_add(allow, http_method_name(at->method));
        }
        if (at->method == HTTP_GET) {
            allow_add(allow, "HEAD");
        }
    }
    if (allow->len > 0) {
        allow_add(allow, "OPTIONS");
    }
}

static bool refuse_method(struct door_request *r, const char *method, const struct buf *allow)
{
    if (allow->len == 0) {
        door_problem(r, 404, NULL, "there is nothing at %s", r->path);
        return false;
    }
    door_reply_header(r, "Allow", buf_str(allow));
    if (strcmp(method, "OPTIONS") == 0) {
        door_reply_empty(r, 204);
    } else {
        door_problem(r, 405, NULL, "%s takes %s", r->path, buf_str(allow));
    }
    return false;
}

static bool check_route(struct door_request *r, const char *method)
{
    bool known = method_parse(method, &r->method), found;
    struct buf allow;

    buf_init(&allow, 128);
    find_route(r, known, &allow);
    found = r->route != NULL || refuse_method(r, method, &allow);
    buf_done(&allow);
    return found;
}

/* Where anybody may send something, little is read. */
static bool check_small(struct door_request *r)
{
    const char *length = door_header(r, "Content-Length");
    uint64_t bytes = 0;

    if (r->route->auth != AUTH_READER) {
        return true;
    }
    if (length != NULL && parse_u64(length, &bytes) && bytes > DOOR_READER_BYTES) {
        door_problem(r, 413, NULL, "the body is larger than %d bytes", DOOR_READER_BYTES);
        return false;
    }
    r->body.max = r->body.max < DOOR_READER_BYTES ? r->body.max : DOOR_READER_BYTES;
    return true;
}

bool door__admit(struct door_request *r, const char *method, const char *version)
{
    if (!door__check_head(r, version)) {
        return false;
    }
    if (!read_target(r)) {
        door_problem(r, 400, NULL, "the request target is no percent-encoded UTF-8");
        return false;
    }
    return check_route(r, method) && check_small(r) && door__authorised(r);
}
