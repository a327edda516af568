/* The fake push service as a program; what it is told, and how, stands in push_sink.h. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/parse.h"
#include "tests/support/push_sink.h"

#define REQUEST_BYTES ((size_t)1024 * 1024)

static void answer(int fd, int status, const char *body, size_t len)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    buf_addf(&b,
             "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
             status,
             status == 200 ? "OK" : "No",
             len);
    buf_add(&b, body, len);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);

        if (n <= 0) {
            break;
        }
        at += (size_t)n;
    }
    buf_done(&b);
}

static void tell_count(struct push_sink *s, int fd)
{
    struct push_sink_count c;
    struct buf b;
    bool first = true;

    push_sink_flush(s);
    push_sink_count(s, &c);
    buf_init(&b, REQUEST_BYTES);
    buf_addf(&b,
             "{\"requests\": %" PRIu64 ", \"accepted\": %" PRIu64 ", \"bytes\": %" PRIu64
             ", \"connections\": %zu, \"opened\": %" PRIu64
             ", \"streams_max\": %zu, \"goaways\": %" PRIu64 ", \"statuses\": {",
             c.requests,
             c.accepted,
             c.bytes,
             c.connections,
             c.opened,
             c.streams_max,
             c.goaways);
    for (size_t i = 0; i < sizeof c.statuses / sizeof c.statuses[0]; i++) {
        if (c.statuses[i] > 0) {
            buf_addf(&b, "%s\"%zu\": %" PRIu64, first ? "" : ", ", i, c.statuses[i]);
            first = false;
        }
    }
    buf_adds(&b, "}}\n");
    answer(fd, 200, b.data, b.len);
    buf_done(&b);
}

static void add_path(void *context, const char *path, uint64_t requests, uint64_t accepted)
{
    buf_addf(context, "%" PRIu64 " %" PRIu64 " %s\n", accepted, requests, path);
}

static void tell_paths(struct push_sink *s, int fd)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    push_sink_each_path(s, add_path, &b);
    answer(fd, 200, buf_str(&b), b.len);
    buf_done(&b);
}

static void obey(struct push_sink *s, int fd, char *body)
{
    while (*body) {
        char *end = strchr(body, '\n');

        if (end) {
            *end = '\0';
        }
        if (*body && !push_sink_do(s, body)) {
            answer(fd, 400, body, strlen(body));
            return;
        }
        body = end ? end + 1 : body + strlen(body);
    }
    answer(fd, 200, "", 0);
}

/* Reads the head and the body; where the body begins. NULL: no request. */
static char *read_request(int fd, struct buf *b)
{
    char block[16384], *head_end, *length;
    int64_t want = 0;
    ssize_t n;

    while ((n = recv(fd, block, sizeof block, 0)) > 0) {
        buf_add(b, block, (size_t)n);
        head_end = strstr(buf_str(b), "\r\n\r\n");
        if (!head_end) {
            continue;
        }
        length = strcasestr(b->data, "\r\ncontent-length:");
        if (length && length < head_end) {
            char digits[16] = "";
            const char *at = length + 17 + strspn(length + 17, " ");

            memcpy(digits, at, strspn(at, "0123456789") < 15 ? strspn(at, "0123456789") : 15);
            (void)parse_i64(digits, &want);
        }
        if (b->len - (size_t)(head_end + 4 - b->data) >= (size_t)want) {
            return head_end + 4;
        }
    }
    return NULL;
}

static void serve(struct push_sink *s, int fd)
{
    struct buf b;
    char *body;

    buf_init(&b, REQUEST_BYTES);
    body = read_request(fd, &b);
    if (!body) {
        /* gone again */
    } else if (strncmp(b.data, "GET /count ", 11) == 0) {
        tell_count(s, fd);
    } else if (strncmp(b.data, "GET /paths ", 11) == 0) {
        tell_paths(s, fd);
    } else if (strncmp(b.data, "POST /do ", 9) == 0) {
        obey(s, fd, body);
    } else if (strncmp(b.data, "POST /reset ", 12) == 0) {
        push_sink_reset(s);
        answer(fd, 200, "", 0);
    } else {
        answer(fd, 404, "", 0);
    }
    buf_done(&b);
    (void)close(fd);
}

static int control_open(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)(void *)&a, sizeof a) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&a, &len) != 0) {
        perror("push sink: control");
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

static bool read_options(struct push_sink_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int64_t n = 0;

        if (strncmp(argv[i], "ca=", 3) == 0) {
            o->ca = argv[i] + 3;
        } else if (strncmp(argv[i], "record=", 7) == 0) {
            o->record = argv[i] + 7;
        } else if (strncmp(argv[i], "port=", 5) == 0 && parse_i64(argv[i] + 5, &n)) {
            o->port = (int)n;
        } else if (strncmp(argv[i], "threads=", 8) == 0 && parse_i64(argv[i] + 8, &n)) {
            o->threads = (int)n;
        } else if (strcmp(argv[i], "plain") == 0) {
            o->plain = true;
        } else if (strcmp(argv[i], "paths=off") == 0) {
            o->no_paths = true;
        } else {
            (void)fprintf(stderr, "push sink: %s is no option\n", argv[i]);
            return false;
        }
    }
    return true;
}

static void on_end(int number)
{
    (void)number;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct push_sink_options o = {0};
    struct push_sink *s;
    int control, port = 0, fd;

    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_options(&o, argc, argv) || (control = control_open(&port)) < 0) {
        return 2;
    }
    s = push_sink_start(&o);
    if (!s) {
        return 1;
    }
    (void)signal(SIGTERM, on_end);
    (void)printf("listening %d %d\n", push_sink_port(s), port);
    (void)fflush(stdout);
    while ((fd = accept4(control, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        serve(s, fd);
    }
    push_sink_stop(s);
    return 0;
}
