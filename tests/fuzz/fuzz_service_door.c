/* Bytes on a connection of the door: the input is what a client sends before it closes its side. Whatever
 * it is, the door lives and answers in HTTP: every answer has a head and the body it announces, no more requests are handled than are answered, and what reaches a handler
 * (parameters, query, body) is decoded, valid text and within its limits. Nothing is left behind. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"
#include "service/crier.h"
#include "service/door.h"
#include "tests/fuzz/input.h"

#define MAX_BODY 1000
#define ANSWER_BYTES ((size_t)256 * 1024)
#define TURNS_MAX 5000 /* of a millisecond, most of them */
#define PATH "/dev/shm/crier-fuzz-door-%d"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
    uv_loop_t loop;
    struct crier crier;
    struct config config;
    char path[64];
    size_t kept_count; /* allocations of the door without connections */
    int handled;
    char answer[ANSWER_BYTES + 1];
    size_t answer_len;
} w;

static void answer(struct door_request *r, const char *name)
{
    static const char *const names[] = {"q", "limit", "cursor", ""};
    size_t len;

    w.handled++;
    (void)door_body(r, &len);
    must(len <= MAX_BODY);
    must(name == NULL || text_valid(name, strlen(name)));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = door_query(r, names[i]);

        must(value == NULL || text_valid(value, strlen(value)));
    }
    door_reply_json(r, 200, json_pack("{s:s?, s:I}", "name", name, "bytes", (json_int_t)len));
}

static void handle_one(struct crier *c, struct door_request *r)
{
    (void)c;
    answer(r, door_param(r, 0));
}

static void handle_all(struct crier *c, struct door_request *r)
{
    (void)c;
    answer(r, NULL);
}

static const struct door_route routes[] = {
    {HTTP_GET, AUTH_NONE, "/v1/articles/{id}", handle_one},
    {HTTP_POST, AUTH_NONE, "/v1/articles", handle_all},
    {HTTP_GET, AUTH_TOKEN, "/v1/channels", handle_all},
    {HTTP_POST, AUTH_NONE, "/hooks/{source}", handle_one},
    {.pattern = NULL},
};

static void remove_socket(void)
{
    unlink(w.path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)snprintf(w.path, sizeof w.path, PATH, (int)getpid());
    log_setup(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
    must(atexit(remove_socket) == 0);
    must(uv_loop_init(&w.loop) == 0);
    w.config.server.listen = mem_printf("unix:%s", w.path);
    w.config.server.max_body_bytes = MAX_BODY;
    w.config.server.max_connections = 10;
    w.config.server.idle_timeout_ms = 1000;
    w.config.server.request_timeout_ms = 1000;
    secret_take(&w.config.server.token, mem_strdup("s3cr3t-token"));
    w.crier.loop = &w.loop;
    w.crier.config = &w.config;
    w.crier.phase = CRIER_READY;
    must(door_new(&w.crier.door, &w.crier, routes, NULL) == ERR_NONE);
    w.kept_count = mem_live_count();
    return 0;
}

/* ---- the client ---- */

static int connected(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", w.path);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* False: the door has closed, or does not read any more. */
static bool send_some(int fd, const uint8_t *data, size_t size, size_t *sent)
{
    ssize_t n = *sent < size ? send(fd, data + *sent, size - *sent, MSG_NOSIGNAL) : 0;

    *sent += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* False: all of it has come. */
static bool receive_some(int fd)
{
    ssize_t n = recv(fd, w.answer + w.answer_len, ANSWER_BYTES - w.answer_len, 0);

    w.answer_len += n > 0 ? (size_t)n : 0;
    must(w.answer_len < ANSWER_BYTES);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

static void exchange(const uint8_t *data, size_t size)
{
    int fd = connected(), turns = 0;
    size_t sent = 0;
    bool shut = false;

    w.answer_len = 0;
    w.handled = 0;
    for (bool open = true; open; turns++) {
        must(turns < TURNS_MAX);
        if (!shut && !send_some(fd, data, size, &sent) && (sent == size || errno != EAGAIN)) {
            shutdown(fd, SHUT_WR);
            shut = true;
        }
        uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, turns < 20 ? 0 : 1);
        open = receive_some(fd);
    }
    close(fd);
    w.answer[w.answer_len] = '\0';
}

/* The door, too, sees that the connection is over. */
static void settle(void)
{
    for (int turns = 0; mem_live_count() != w.kept_count; turns++) {
        must(turns < TURNS_MAX);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        (void)poll(NULL, 0, turns < 20 ? 0 : 1);
    }
}

/* ---- what came back ---- */

/* Of an answer's head: the value of a header, NULL: it has none. */
static char *header_dup(const char *head, const char *end, const char *name)
{
    for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2) {
        size_t len = strlen(name);

        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1 + strspn(line + len + 1, " ");

            return mem_strndup(value, (size_t)(strstr(value, "\r\n") - value));
        }
    }
    return NULL;
}

static void check_json(const char *type, const char *body, size_t len)
{
    json_t *v = NULL;

    if (type != NULL && strstr(type, "json") != NULL && len > 0) {
        must(json_read(&v, body, len, 16, NULL) == ERR_NONE);
        json_decref(v);
    }
}

/* Behind the answer at `at`. *out_ok: 200. */
static const char *check_answer(const char *at, bool *out_ok)
{
    const char *end = strstr(at, "\r\n\r\n");
    char *length, *type;
    uint64_t len = 0;
    int status;

    must(end != NULL && strncmp(at, "HTTP/1.", 7) == 0 && sscanf(at + 9, "%d", &status) == 1);
    must(status == 100 || (status >= 200 && status <= 599 && status != 500));
    *out_ok = status == 200;
    if (status == 100) {
        return end + 4;
    }
    end += 2;
    length = header_dup(at, end, "Content-Length");
    type = header_dup(at, end, "Content-Type");
    must(status == 204 || (length != NULL && parse_u64(length, &len)));
    /* libmicrohttpd answers for itself what it cannot read as HTTP. */
    must(status < 400 || type == NULL || strcmp(type, "text/html") == 0 ||
         strcmp(type, "application/problem+json") == 0);
    end += 2;
    /* What a HEAD would have got is announced only. */
    if (strncmp(end, "HTTP/1.", 7) == 0 || *end == '\0') {
        len = 0;
    }
    must(len <= strlen(end));
    check_json(type, end, len);
    mem_free(length);
    mem_free(type);
    return end + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ok = 0;

    if (size > 65536) {
        return 0;
    }
    exchange(data, size);
    must(memchr(w.answer, '\0', w.answer_len) == NULL);
    for (const char *at = w.answer; *at != '\0';) {
        bool is_ok;

        at = check_answer(at, &is_ok);
        ok += is_ok;
    }
    must(ok <= w.handled);
    settle();
    return 0;
}
