#ifndef CRIER_TESTS_SUPPORT_TINY_SERVER_H
#define CRIER_TESTS_SUPPORT_TINY_SERVER_H

/* A scripted HTTP/1.1 server on loopback, for unit tests of what goes out: a thread that
 * accepts, a thread per connection, and the test's own function that answers each request as
 * badly as it likes. Everything it owns is gone after tiny_server_stop(). */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/parse.h"

#define TINY_CONNECTIONS 128
#define TINY_BYTES ((size_t)256 * 1024)

struct tiny_server;
struct tiny_request {
    struct tiny_server *server;
    int fd;
    int number; /* from 1, over all connections */
    char *head; /* NUL-terminated, request line first */
    char *body;
    size_t body_len;
};
/* Writes an answer (or not) to r->fd. True: read the next request from this connection. */
typedef bool tiny_answer_fn(struct tiny_request *r);

struct tiny_server {
    int listen_fd, port;
    tiny_answer_fn *answer;
    void *context;
    atomic_int connections, requests;
    atomic_bool stopping;
    pthread_t acceptor, threads[TINY_CONNECTIONS];
    atomic_int fds[TINY_CONNECTIONS];
};

struct tiny_connection {
    struct tiny_server *server;
    int fd, slot;
};

static inline void tiny_write(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        p += n;
        len -= (size_t)n;
    }
}

static inline void tiny_say(int fd, const char *text)
{
    tiny_write(fd, text, strlen(text));
}

static inline void
tiny_reply(struct tiny_request *r, int status, const char *headers, const char *body)
{
    char *text = mem_printf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s",
                            status,
                            strlen(body),
                            headers,
                            body);

    tiny_say(r->fd, text);
    mem_free(text);
}

static inline size_t tiny_body_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    char digits[20] = "";
    int64_t length = 0;

    if (at) {
        at += strlen("\r\ncontent-length:");
        at += strspn(at, " ");
        memcpy(digits, at, strspn(at, "0123456789"));
        (void)parse_i64(digits, &length);
    }
    return (size_t)length;
}

/* False: the connection ended. */
static inline bool tiny_read(struct tiny_request *r, char *buf)
{
    size_t len = 0;
    char *end = NULL;

    while (len < TINY_BYTES - 1) {
        ssize_t n = recv(r->fd, buf + len, TINY_BYTES - 1 - len, 0);

        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        buf[len] = '\0';
        end = end ? end : strstr(buf, "\r\n\r\n");
        if (end && len >= (size_t)(end - buf) + 4 + tiny_body_length(buf)) {
            break;
        }
    }
    must(end != NULL);
    end[2] = '\0';
    r->head = buf;
    r->body = end + 4;
    r->body_len = len - (size_t)(r->body - buf);
    return true;
}

static inline void *tiny_connection_run(void *arg)
{
    struct tiny_connection *c = arg;
    struct tiny_request r = {.server = c->server, .fd = c->fd};
    char *buf = mem_alloc(TINY_BYTES);

    while (!c->server->stopping && tiny_read(&r, buf)) {
        r.number = atomic_fetch_add(&c->server->requests, 1) + 1;
        if (!c->server->answer(&r)) {
            break;
        }
    }
    atomic_store(&c->server->fds[c->slot], -1);
    close(c->fd);
    mem_free(buf);
    mem_free(c);
    return NULL;
}

static inline void *tiny_accept_run(void *arg)
{
    struct tiny_server *s = arg;
    int fd;

    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0) {
        struct tiny_connection *c;
        int slot = atomic_load(&s->connections);

        if (s->stopping) {
            close(fd);
            break;
        }
        must(slot < TINY_CONNECTIONS);
        c = mem_zalloc(sizeof *c);
        c->server = s;
        c->fd = fd;
        c->slot = slot;
        atomic_store(&s->fds[slot], fd);
        must(pthread_create(&s->threads[slot], NULL, tiny_connection_run, c) == 0);
        atomic_fetch_add(&s->connections, 1);
    }
    return NULL;
}

static inline void
tiny_server_start(struct tiny_server *s, tiny_answer_fn *answer, void *context)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;

    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->context = context;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(s->listen_fd, (const struct sockaddr *)(const void *)&a, sizeof a) == 0);
    must(listen(s->listen_fd, 64) == 0);
    must(getsockname(s->listen_fd, (struct sockaddr *)(void *)&a, &len) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->acceptor, NULL, tiny_accept_run, s) == 0);
}

static inline void tiny_server_stop(struct tiny_server *s)
{
    s->stopping = true;
    (void)shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->listen_fd);
    for (int i = 0; i < s->connections; i++) {
        int fd = atomic_load(&s->fds[i]);

        if (fd >= 0) {
            (void)shutdown(fd, SHUT_RDWR);
        }
        pthread_join(s->threads[i], NULL);
    }
}

#endif
