/* The page that a platform sends a browser back to. Called by cli_login.c; owns its listener and the connections
 * to it. As little of HTTP as a browser needs: the first line of a GET, one answer, the end.
 *
 * Whoever is on this machine can call it, so nothing that comes is believed: who started the sign-in compares
 * `state`. */

#include "service/callback.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"

#define HEAD_BYTES ((size_t)32 * 1024) /* codes are long at some platforms */
#define BACKLOG 8

struct callback {
    uv_tcp_t listener;
    char *path;
    callback_fn *fn;
    void *context;
    struct list visits;
    struct visit *waiting; /* for callback_answer() */
    bool closing, listener_closed;
};

struct visit {
    struct list_node node;
    struct callback *callback;
    uv_tcp_t tcp;
    uv_write_t write;
    struct buf head, answer;
    char room[4096]; /* what was read last */
    bool answered;
};

static void free_when_all_is_closed(struct callback *c)
{
    if (c->listener_closed && list_empty(&c->visits)) {
        mem_free(c->path);
        mem_free(c);
    }
}

static void on_visit_closed(uv_handle_t *handle)
{
    struct visit *v = container_of((uv_tcp_t *)handle, struct visit, tcp);
    struct callback *c = v->callback;

    list_remove(&c->visits, &v->node);
    buf_done(&v->head);
    buf_done(&v->answer);
    mem_free(v);
    free_when_all_is_closed(c);
}

static void end(struct visit *v)
{
    if (v->callback->waiting == v) {
        v->callback->waiting = NULL;
    }
    if (!uv_is_closing((uv_handle_t *)&v->tcp)) {
        uv_close((uv_handle_t *)&v->tcp, on_visit_closed);
    }
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    end(container_of(write, struct visit, write));
}

static void answer(struct visit *v, const char *status, const char *sentence)
{
    struct buf page;
    uv_buf_t bytes;

    if (v->answered || uv_is_closing((uv_handle_t *)&v->tcp)) {
        return;
    }
    v->answered = true;
    buf_init(&page, (size_t)16 * 1024);
    buf_adds(
        &page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>crier</title>"
        "<body style=\"font: 1.2em/1.5 sans-serif; margin: 4em auto; max-width: 30em\"><p>");
    text_escape_html(&page, sentence, strlen(sentence));
    buf_adds(&page, "</p></body></html>\n");
    buf_addf(&v->answer,
             "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
             "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
             "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
             "Connection: close\r\n\r\n%s",
             status,
             page.len,
             buf_str(&page));
    buf_done(&page);
    bytes = uv_buf_init(v->answer.data, (unsigned)v->answer.len);
    if (uv_write(&v->write, (uv_stream_t *)&v->tcp, &bytes, 1, on_written) != 0) {
        end(v);
    }
}

/* The target of "GET TARGET HTTP/1.1", in place; NULL: it is another thing. */
static char *target_of(struct visit *v)
{
    char *line = v->head.data, *end_of_target;

    if (strncmp(line, "GET /", 5) != 0) {
        return NULL;
    }
    end_of_target = strpbrk(line + 4, " \r\n");
    if (!end_of_target || strncmp(end_of_target, " HTTP/1.", 8) != 0) {
        return NULL;
    }
    *end_of_target = '\0';
    return line + 4;
}

static void on_head(struct visit *v)
{
    struct callback *c = v->callback;
    char *target = target_of(v);
    size_t len = target ? strcspn(target, "?") : 0;

    if (!target || len != strlen(c->path) || strncmp(target, c->path, len) != 0) {
        answer(v, "404 Not Found", "There is nothing here.");
        return;
    }
    if (c->waiting || c->closing) {
        answer(v, "409 Conflict", "A sign-in is under way in another window.");
        return;
    }
    c->waiting = v;
    c->fn(c->context, target[len] == '?' ? target + len + 1 : "");
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct visit *v = container_of((uv_tcp_t *)handle, struct visit, tcp);

    (void)wanted;
    *out = uv_buf_init(v->room, sizeof v->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct visit *v = container_of((uv_tcp_t *)stream, struct visit, tcp);

    if (n < 0) {
        end(v);
        return;
    }
    buf_add(&v->head, bytes->base, (size_t)n);
    if (!buf_ok(&v->head) || memchr(buf_str(&v->head), '\0', v->head.len)) {
        end(v);
    } else if (strstr(buf_str(&v->head), "\r\n\r\n")) {
        (void)uv_read_stop(stream);
        on_head(v);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct callback *c = container_of((uv_tcp_t *)listener, struct callback, listener);
    struct visit *v;

    if (status != 0) {
        return;
    }
    v = mem_zalloc(sizeof *v);
    v->callback = c;
    buf_init_secret(&v->head, HEAD_BYTES);
    buf_init(&v->answer, (size_t)32 * 1024);
    list_push(&c->visits, &v->node);
    must(uv_tcp_init(listener->loop, &v->tcp) == 0);
    if (uv_accept(listener, (uv_stream_t *)&v->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&v->tcp, on_room, on_read) != 0) {
        end(v);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct callback *c = container_of((uv_tcp_t *)handle, struct callback, listener);

    c->listener_closed = true;
    free_when_all_is_closed(c);
}

enum err_code callback_listen(struct callback **out,
                              uv_loop_t *loop,
                              int port,
                              const char *path,
                              callback_fn *fn,
                              void *context,
                              struct err *why)
{
    struct callback *c = mem_zalloc(sizeof *c);
    struct sockaddr_in address;
    int rc;

    c->path = mem_strdup(path);
    c->fn = fn;
    c->context = context;
    list_init(&c->visits);
    must(uv_ip4_addr("127.0.0.1", port, &address) == 0);
    must(uv_tcp_init(loop, &c->listener) == 0);
    rc = uv_tcp_bind(&c->listener, (const struct sockaddr *)&address, 0);
    if (rc == 0) {
        rc = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);
    }
    if (rc != 0) {
        callback_close(c);
        return err_set(why,
                       rc == UV_EADDRINUSE ? ERR_BUSY : ERR_NETWORK,
                       "listen on 127.0.0.1:%d: %s",
                       port,
                       uv_strerror(rc));
    }
    *out = c;
    return ERR_NONE;
}

void callback_answer(struct callback *c, bool well, const char *sentence)
{
    struct visit *v = c->waiting;

    if (v) {
        c->waiting = NULL;
        answer(v, well ? "200 OK" : "400 Bad Request", sentence);
    }
}

void callback_close(struct callback *c)
{
    if (!c || c->closing) {
        return;
    }
    c->closing = true;
    uv_close((uv_handle_t *)&c->listener, on_listener_closed);
    LIST_EACH(&c->visits, n)
    {
        struct visit *v = container_of(n, struct visit, node);

        if (!v->answered) {
            end(v);
        }
    }
}
