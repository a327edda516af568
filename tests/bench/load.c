/* The sender of the benchmarks: so many requests over so many kept connections, and when each
 * was sent and answered. Run by bench_end_to_end.py, alone against the service; on loopback
 * only, since it knows no other address. One thread, one epoll; knows just enough HTTP for one
 * answer at a time per connection.
 *
 *   bench_load PORT COUNT CONNECTIONS [rate=N] [from=N] [tag=TEXT] [bytes=N] [out=FILE]
 * [get=PATH]
 *
 * With rate, request k is due at k/rate seconds and its time counts from then, also when no
 * connection was free: a service that stalls must not slow its own measurement down. Without,
 * each connection sends as soon as it has its answer.
 *
 * out: a line per request, "number due_us answered_us status", on the clock of
 * clock_mono_us(), which all programs of the machine share. Standard output: one JSON object.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"

#define ANSWER_BYTES (16 * 1024) /* a longer one is read on, only its head is kept */
#define REQUEST_BYTES (32 * 1024)
#define STALL_US (20 * 1000 * MS_SECOND) /* nothing answered for so long: give up */

struct shot {
    int64_t due_us, answered_us;
    int status; /* 0: none came */
};
struct connection {
    int fd;
    int64_t shot; /* -1: free */
    size_t sent, request_len;
    size_t got; /* of the answer's head */
    int64_t body_left;
    bool in_body, writing;
    char request[REQUEST_BYTES], answer[ANSWER_BYTES];
};
struct load {
    struct sockaddr_in to;
    int epoll;
    int64_t count, connections, rate, from, bytes;
    const char *tag, *out, *get;
    char *filler;
    struct connection *v;
    struct shot *shots;
    int64_t next, answered, failed, start_us, last_us;
};

static struct load l = {.bytes = 3000, .tag = "World"};

static NORETURN void give_up(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    _exit(1);
}

/* ---- a request ---- */

static void fill_get(struct connection *c)
{
    c->request_len = (size_t)snprintf(
        c->request, sizeof c->request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", l.get);
}

/* An article of the length that articles have, each with names of its own. */
static void fill_article(struct connection *c, int64_t number)
{
    char body[REQUEST_BYTES - 512];
    int head =
        snprintf(body,
                 sizeof body,
                 "{\"id\":\"bench-%lld\",\"url\":\"https://news.example/%08llx/%lld\","
                 "\"title\":\"Article %lld of a benchmark, with a title as long as titles "
                 "are\",\"summary\":\"What happened, in the one sentence that a reader sees "
                 "first.\",\"categories\":[\"%s\"],\"tags\":[\"bench\",\"speed\"],"
                 "\"authors\":[\"A. Writer\"],\"language\":\"en\",\"body\":\"",
                 (long long)number,
                 (unsigned long long)number * 2654435761U % 0xffffffffU,
                 (long long)number,
                 (long long)number,
                 l.tag);
    int len = head + (int)l.bytes + 2;

    must(head > 0 && (size_t)len < sizeof body);
    memcpy(body + head, l.filler, (size_t)l.bytes);
    memcpy(body + head + l.bytes, "\"}", 3);
    c->request_len = (size_t)snprintf(c->request,
                                      sizeof c->request,
                                      "POST /v1/articles HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                      "Content-Type: application/json\r\n"
                                      "Content-Length: %d\r\n\r\n%s",
                                      len,
                                      body);
    must(c->request_len < sizeof c->request);
}

static void watch(struct connection *c, bool writing, int how)
{
    struct epoll_event e = {.events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0),
                            .data = {.ptr = c}};

    c->writing = writing;
    if (epoll_ctl(l.epoll, how, c->fd, &e) != 0) {
        give_up("epoll_ctl");
    }
}

static void open_connection(struct connection *c)
{
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l.to, sizeof l.to) != 0) {
        give_up("connect");
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->shot = -1;
    watch(c, false, EPOLL_CTL_ADD);
}

static void send_more(struct connection *c)
{
    while (c->sent < c->request_len) {
        ssize_t n = send(
            c->fd, c->request + c->sent, c->request_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            break; /* full, or broken: the next read tells */
        }
        c->sent += (size_t)n;
    }
    if (c->writing != (c->sent < c->request_len)) {
        watch(c, !c->writing, EPOLL_CTL_MOD);
    }
}

/* When request k is to leave; without a rate now. */
static int64_t due_us(int64_t k)
{
    return l.rate > 0 ? l.start_us + k * 1000000 / l.rate : clock_mono_us();
}

static void shoot(struct connection *c)
{
    c->shot = l.next++;
    c->sent = c->got = 0;
    c->in_body = false;
    if (l.get) {
        fill_get(c);
    } else {
        fill_article(c, l.from + c->shot);
    }
    l.shots[c->shot].due_us = due_us(c->shot);
    send_more(c);
}

static bool is_time(void)
{
    return l.next < l.count && (l.rate == 0 || due_us(l.next) <= clock_mono_us());
}

/* ---- an answer ---- */

static void end_shot(struct connection *c, int status)
{
    struct shot *s = &l.shots[c->shot];

    s->answered_us = l.last_us = clock_mono_us();
    s->status = status;
    l.answered++;
    l.failed += status < 200 || status > 299;
    c->shot = -1;
    c->got = 0;
    c->in_body = false;
    if (l.rate == 0 && is_time()) {
        shoot(c);
    }
}

static int status_of(const struct connection *c)
{
    int status = 0;

    (void)sscanf(c->answer, "HTTP/1.1 %d", &status);
    return status;
}

/* What follows the head counts towards the body. */
static void read_head(struct connection *c)
{
    char *end, *length;
    long long bytes = 0;

    c->answer[c->got] = '\0';
    end = strstr(c->answer, "\r\n\r\n");
    if (!end) {
        return;
    }
    *end = '\0';
    length = strcasestr(c->answer, "\r\ncontent-length:");
    if (length) {
        (void)sscanf(length + 17, "%lld", &bytes);
    }
    c->in_body = true;
    c->body_left = bytes - (int64_t)(c->got - (size_t)(end + 4 - c->answer));
}

/* A new connection first: the end of this shot may start the next one on it. */
static void broken(struct connection *c)
{
    int64_t shot = c->shot;

    close(c->fd);
    open_connection(c);
    c->shot = shot;
    if (shot >= 0) {
        end_shot(c, 0);
    }
}

static void on_readable(struct connection *c)
{
    char away[ANSWER_BYTES];
    char *to = c->in_body ? away : c->answer + c->got;
    size_t room = c->in_body ? sizeof away : sizeof c->answer - 1 - c->got;
    ssize_t n = recv(c->fd, to, room, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || c->shot < 0) {
        broken(c);
        return;
    }
    if (c->in_body) {
        c->body_left -= n;
    } else {
        c->got += (size_t)n;
        read_head(c);
    }
    if (c->in_body && c->body_left <= 0) {
        end_shot(c, status_of(c));
    }
}

/* ---- all of it ---- */

static void shoot_what_is_due(void)
{
    for (int64_t i = 0; i < l.connections && is_time(); i++) {
        if (l.v[i].shot < 0) {
            shoot(&l.v[i]);
        }
    }
}

static int wait_ms(void)
{
    int64_t left_us = l.next < l.count ? due_us(l.next) - clock_mono_us() : INT64_MAX;

    return l.rate == 0 || left_us > 100000 ? 100 : left_us <= 0 ? 1 : (int)(left_us / 1000);
}

static void run(void)
{
    struct epoll_event events[256];

    l.start_us = l.last_us = clock_mono_us();
    while (l.answered < l.count && clock_mono_us() - l.last_us < STALL_US) {
        int n;

        shoot_what_is_due();
        n = epoll_wait(l.epoll, events, ARRAY_LEN(events), wait_ms());
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (events[i].events & EPOLLOUT) {
                send_more(c);
            }
            if (events[i].events & ~(uint32_t)EPOLLOUT) {
                on_readable(c);
            }
        }
    }
}

static void write_shots(void)
{
    FILE *f = l.out ? fopen(l.out, "w") : NULL;

    if (!f) {
        return;
    }
    for (int64_t i = 0; i < l.next; i++) {
        fprintf(f,
                "%lld %lld %lld %d\n",
                (long long)l.from + i,
                (long long)l.shots[i].due_us,
                (long long)l.shots[i].answered_us,
                l.shots[i].status);
    }
    if (fclose(f) != 0) {
        give_up(l.out);
    }
}

static bool option(const char *text, const char *name, const char **out)
{
    size_t len = strlen(name);

    if (strncmp(text, name, len) != 0 || text[len] != '=') {
        return false;
    }
    *out = text + len + 1;
    return true;
}

static bool read_option(const char *text)
{
    const char *value;

    if (option(text, "rate", &value)) {
        return parse_i64(value, &l.rate);
    }
    if (option(text, "from", &value)) {
        return parse_i64(value, &l.from);
    }
    if (option(text, "bytes", &value)) {
        return parse_i64(value, &l.bytes) && l.bytes >= 0 && l.bytes < REQUEST_BYTES / 2;
    }
    return option(text, "tag", &l.tag) || option(text, "out", &l.out) ||
           option(text, "get", &l.get);
}

static bool read_arguments(int argc, char **argv)
{
    int64_t port;

    if (argc < 4 || !parse_i64(argv[1], &port) || !parse_i64(argv[2], &l.count) ||
        !parse_i64(argv[3], &l.connections) || l.count < 1 || l.connections < 1) {
        return false;
    }
    for (int i = 4; i < argc; i++) {
        if (!read_option(argv[i])) {
            return false;
        }
    }
    l.to = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return true;
}

/* Words, not one letter again and again: hashing and escaping see ordinary text. */
static void make_filler(void)
{
    static const char words[] =
        "the council met on Tuesday and said that the bridge stays closed ";

    l.filler = mem_alloc((size_t)l.bytes + 1);
    for (int64_t i = 0; i < l.bytes; i++) {
        l.filler[i] = words[(size_t)i % (sizeof words - 1)];
    }
}

int main(int argc, char **argv)
{
    double seconds;

    if (!read_arguments(argc, argv)) {
        fprintf(stderr,
                "bench_load PORT COUNT CONNECTIONS [rate=N] [from=N] [tag=TEXT] [bytes=N] "
                "[out=FILE] [get=PATH]\n");
        return 2;
    }
    make_filler();
    l.shots = mem_calloc((size_t)l.count, sizeof *l.shots);
    l.v = mem_calloc((size_t)l.connections, sizeof *l.v);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int64_t i = 0; i < l.connections; i++) {
        open_connection(&l.v[i]);
    }
    run();
    write_shots();
    seconds = (double)(l.last_us - l.start_us) / 1e6;
    printf("{\"answered\": %lld, \"failed\": %lld, \"seconds\": %.6f, \"per_second\": %.1f}\n",
           (long long)l.answered,
           (long long)l.failed,
           seconds,
           seconds > 0 ? (double)(l.answered - l.failed) / seconds : 0);
    mem_free(l.filler);
    mem_free(l.shots);
    mem_free(l.v);
    return l.answered == l.count ? 0 : 1;
}
