/* What a handler sees of a request, and how it answers: JSON, text, nothing, or a problem
 * document (RFC 9457), each with the headers that every answer of ours has. Called by the
 * handlers in api_*.c. An answer ends the handler's hold on the request. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/door_internal.h"
#include "service/metrics.h"

#define ANSWER_BYTES ((size_t)256 * 1024 * 1024)

struct crier *door_crier(const struct door_request *r)
{
    return r->crier;
}

enum http_method door_method(const struct door_request *r)
{
    return r->method;
}

const char *door_path(const struct door_request *r)
{
    return r->path;
}

const char *door_param(const struct door_request *r, size_t index)
{
    must(index < r->param_count);
    return r->params[index];
}

size_t door_param_count(const struct door_request *r)
{
    return r->param_count;
}

const char *door_target(const struct door_request *r)
{
    return r->target;
}

static const char *keep(struct door_request *r, char *text_taken)
{
    r->kept.v = mem_realloc(r->kept.v, r->kept.count + 1, sizeof *r->kept.v);
    r->kept.v[r->kept.count++] = text_taken;
    return text_taken;
}

const char *door_query(struct door_request *r, const char *name)
{
    struct buf value;
    const char *text = NULL;

    if (r->query == NULL) {
        return NULL;
    }
    buf_init(&value, DOOR_TARGET_BYTES);
    if (url_query_get(&value, r->query, r->query_len, name) && buf_ok(&value)) {
        text = keep(r, mem_strndup(buf_str(&value), value.len));
    }
    buf_done(&value);
    return text;
}

const char *door_header(const struct door_request *r, const char *name)
{
    if (r->connection == NULL) {
        return NULL;
    }
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result
add_header(void *out, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct pairs *headers = out;

    (void)kind;
    headers->v = mem_realloc(headers->v, headers->count + 1, sizeof *headers->v);
    headers->v[headers->count++] =
        (struct pair){mem_strdup(name), mem_strdup(value != NULL ? value : "")};
    return MHD_YES;
}

void door_headers_dup(const struct door_request *r, struct pairs *out)
{
    if (r->connection != NULL) {
        (void)MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_header, out);
    }
}

const char *door_peer(const struct door_request *r)
{
    return r->peer;
}

const char *door_body(const struct door_request *r, size_t *out_len)
{
    *out_len = r->body.len;
    return buf_str(&r->body);
}

int64_t door_started_us(const struct door_request *r)
{
    return r->started_us;
}

void door_set_context(struct door_request *r, void *context, void (*free_context)(void *))
{
    must(r->context == NULL);
    r->context = context;
    r->free_context = free_context;
}

void *door_context(const struct door_request *r)
{
    return r->context;
}

void door_reply_header(struct door_request *r, const char *name, const char *value)
{
    struct pairs *h = &r->headers;

    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->v[i].key, name) == 0) {
            mem_free(h->v[i].value);
            h->v[i].value = mem_strdup(value);
            return;
        }
    }
    h->v = mem_realloc(h->v, h->count + 1, sizeof *h->v);
    h->v[h->count].key = mem_strdup(name);
    h->v[h->count++].value = mem_strdup(value);
}

static bool has_header(const struct door_request *r, const char *name)
{
    for (size_t i = 0; i < r->headers.count; i++) {
        if (strcmp(r->headers.v[i].key, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing of ours is a page to be framed, sniffed, stored by a cache or sent along as a
 * referrer. */
static const struct {
    const char *name, *value;
} always[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
};

static void add_headers(struct door_request *r, struct MHD_Response *response)
{
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (!has_header(r, always[i].name)) {
            (void)MHD_add_response_header(response, always[i].name, always[i].value);
        }
    }
    for (size_t i = 0; i < r->headers.count; i++) {
        (void)MHD_add_response_header(response, r->headers.v[i].key, r->headers.v[i].value);
    }
    if (r->door != NULL && (r->door->quiesced || (r->has_body && r->phase == DOOR_READING))) {
        (void)MHD_add_response_header(response, "Connection", "close");
    }
}

void door__request_answer(struct door_request *r, int status, struct MHD_Response *response)
{
    char label[16];

    must(!r->answered);
    must(response != NULL);
    r->answered = true;
    if (status >= 400) {
        (void)snprintf(label, sizeof label, "%d", status);
        metrics_add(r->crier->metrics, METRIC_REFUSED, label, NULL);
    }
    if (r->connection == NULL) { /* gone while we worked on it */
        MHD_destroy_response(response);
        door__request_drop(r);
        return;
    }
    add_headers(r, response);
    r->status = status;
    r->response = response;
    if (r->suspended) {
        r->suspended = false;
        door__resume(r->door, r->connection);
    }
}

static void answer_buf(struct door_request *r, int status, const char *type, struct buf *body)
{
    size_t len = 0;
    char *bytes = buf_detach(body, &len);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
        bytes == NULL ? 0 : len, bytes, mem_free);

    must(response != NULL);
    door_reply_header(r, "Content-Type", type);
    door__request_answer(r, status, response);
}

void door_reply_text(struct door_request *r,
                     int status,
                     const char *type,
                     struct buf *body_taken)
{
    answer_buf(r, status, type, body_taken);
}

static void
answer_json(struct door_request *r, int status, const char *type, json_t *body_taken)
{
    struct buf body;

    buf_init(&body, ANSWER_BYTES);
    json_write(&body, body_taken);
    buf_addc(&body, '\n');
    json_decref(body_taken);
    answer_buf(r, status, type, &body);
    buf_done(&body);
}

void door_reply_json(struct door_request *r, int status, json_t *body_taken)
{
    answer_json(r, status, "application/json", body_taken);
}

void door_reply_empty(struct door_request *r, int status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

    door__request_answer(r, status, response);
}

/* Who knocks in vain is worth a line; a mistyped path is not, nor what the whole world may send to readers' doors:
 * those are counted, and fill no disk. */
static void log_refusal(const struct door_request *r, int status, const char *detail)
{
    const char *method = r->route == NULL ? "" : http_method_name(r->method);
    /* Behind a source's name there may stand its secret. */
    bool secretive = r->route != NULL && ((r->route->auth == AUTH_HOOK && r->param_count > 1) ||
                                          /* whoever has that address is nobody's business */
                                          strstr(r->route->pattern, "{address}") != NULL);
    const char *path = secretive ? r->route->pattern : r->path == NULL ? "" : r->path;
    bool open = r->route != NULL && r->route->auth == AUTH_READER && status < 500;
    enum log_level level = LOG_INFO;

    if (open) {
        level = LOG_DEBUG;
    } else if (status == 401 || status == 403 || status == 429 || status >= 500) {
        level = LOG_WARN;
    } else if (status == 404 || status == 405) {
        level = LOG_DEBUG;
    }
    log_write(level,
              EV_DOOR_REFUSED,
              LOG_FIELDS(LOG_STR("peer", r->peer),
                         LOG_STR("method", method),
                         LOG_STR("path", path),
                         LOG_I64("status", status),
                         LOG_STR("error", detail)));
}

static json_t *problem_json(int status, const char *detail)
{
    json_t *body = json_object();

    json_set_str(body, "type", "about:blank");
    json_set_str(body, "title", MHD_get_reason_phrase_for((unsigned int)status));
    (void)json_object_set_new(body, "status", json_integer(status));
    json_set_str(body, "detail", detail);
    return body;
}

void door__problem_bytes(struct buf *out, int status, const char *detail)
{
    json_t *problem = problem_json(status, detail);
    struct buf body;

    buf_init(&body, out->max);
    json_write(&body, problem);
    buf_addc(&body, '\n');
    buf_addf(out, "HTTP/1.1 %d %s\r\n", status, json_path_str(problem, "title"));
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        buf_addf(out, "%s: %s\r\n", always[i].name, always[i].value);
    }
    buf_addf(out,
             "Connection: close\r\nRetry-After: 1\r\nContent-Type: application/problem+json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             body.len,
             buf_str(&body));
    buf_done(&body);
    json_decref(problem);
}

void door_problem(
    struct door_request *r, int status, json_t *extra_taken, const char *format, ...)
{
    char detail[ERR_TEXT_BYTES + 256];
    json_t *body;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    log_refusal(r, status, detail);
    body = problem_json(status, detail);
    if (extra_taken != NULL) {
        (void)json_object_update_missing(body, extra_taken);
    }
    json_decref(extra_taken);
    answer_json(r, status, "application/problem+json", body);
}

static int status_of(enum err_code rc)
{
    switch (rc) {
    case ERR_INVALID:
        return 400;
    case ERR_TOO_BIG:
        return 413;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
    case ERR_UNSUPPORTED:
        return 409;
    case ERR_DENIED:
        return 403;
    case ERR_BUSY:
        return 429;
    case ERR_IO:
    case ERR_STOPPED:
        return 503;
    case ERR_NETWORK:
        return 502;
    case ERR_NONE:
        break;
    }
    return 500;
}

void door_problem_err(struct door_request *r, enum err_code rc, const struct err *why)
{
    int status = status_of(rc);

    /* Tried again soon, it may well work: the ledger's disk is mended, the new process is
     * there. */
    if (status == 503 || status == 429) {
        door_reply_header(r, "Retry-After", status == 503 ? "5" : "1");
    }
    door_problem(r,
                 status,
                 NULL,
                 "%s",
                 why != NULL && why->text[0] != '\0' ? why->text : err_describe(rc));
}
