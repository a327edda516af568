/* The receiver of the benchmarks: takes webhooks on loopback, notes which article came when
 * under which webhook-id, and answers as told. Run by bench_end_to_end.py. One thread, one
 * epoll; knows just enough HTTP for one request at a time per connection.
 *
 *   bench_sink [delay_ms=N] [fail=N] [slots=N] [retry_after=N]
 *
 *   delay_ms  answers so long after the request was whole
 *   fail      every N-th request gets 503 instead of 200; 0: none
 *   slots     requests at once; one more gets 429 at once; 0: no limit
 *   retry_after  seconds asked for with a 429; 0: nothing is asked for
 *
 * Prints "port N". Every POST is a webhook; GET /count gives {"posts", "taken", "connections"}, GET /dump a
 * line per webhook in the order of arrival: "first_us article webhook-id status path", first_us
 * on the clock of clock_mono_us(); GET /reset forgets them. Ends on SIGTERM. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/parse.h"

#define REQUEST_BYTES (64 * 1024)
#define DUMP_BYTES ((size_t)1024 * 1024 * 1024)

struct arrival {
    int64_t first_us;
    int status;
    char article[48], webhook_id[48], path[16];
};
struct peer {
    struct list_node node; /* in sink.late while its answer waits */
    int fd;
    size_t got;
    size_t whole; /* head and body; 0: the head is not whole yet */
    int64_t first_us, answer_us;
    int status;
    bool brought; /* a webhook: counts as a connection */
    char request[REQUEST_BYTES];
};
struct sink {
    int listener, epoll;
    int64_t delay_ms, fail, slots, retry_after;
    struct list late; /* in the order of their time: the delay is the same for all */
    size_t late_count;
    struct arrival *v;
    size_t count, cap;
    int64_t posts, taken, connections;
};

static struct sink s;

static NORETURN void give_up(const char *what)
{
    fprintf(stderr, "bench_sink: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void watch(int fd, void *what)
{
    struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = what}};

    if (epoll_ctl(s.epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        give_up("epoll_ctl");
    }
}

/* ---- answers ---- */

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0) {
            return; /* who has gone needs no answer */
        }
        bytes += n;
        len -= (size_t)n;
    }
}

static void answer(struct peer *p, int status, const char *body, size_t len)
{
    char head[160], wait[48] = "";
    int n;

    if (status == 429 && s.retry_after > 0) {
        (void)snprintf(wait, sizeof wait, "Retry-After: %lld\r\n", (long long)s.retry_after);
    }
    n = snprintf(
        head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n", status, len, wait);
    send_all(p->fd, head, (size_t)n);
    send_all(p->fd, body, len);
    memmove(p->request, p->request + p->whole, p->got - p->whole);
    p->got -= p->whole;
    p->whole = 0;
}

/* ---- a webhook ---- */

/* The text after `before`, up to `until`. */
static void cut_out(char *out, size_t size, const char *text, const char *before, char until)
{
    const char *from = text ? strcasestr(text, before) : NULL;
    size_t len = 0;

    if (from) {
        from += strlen(before);
        while (from[len] != '\0' && from[len] != until && len + 1 < size) {
            len++;
        }
        memcpy(out, from, len);
    }
    out[len] = '\0';
}

static int choose_status(void)
{
    s.posts++;
    if (s.slots > 0 && (int64_t)s.late_count >= s.slots) {
        return 429;
    }
    return s.fail > 0 && s.posts % s.fail == 0 ? 503 : 200;
}

static void note(const struct peer *p)
{
    struct arrival *a;

    if (s.count == s.cap) {
        s.cap = s.cap > 0 ? s.cap * 2 : 4096;
        s.v = mem_realloc(s.v, s.cap, sizeof *s.v);
    }
    a = &s.v[s.count++];
    a->first_us = p->first_us;
    a->status = p->status;
    s.taken += p->status == 200;
    cut_out(a->path, sizeof a->path, p->request, "POST ", ' ');
    cut_out(a->webhook_id, sizeof a->webhook_id, p->request, "\r\nwebhook-id: ", '\r');
    cut_out(
        a->article, sizeof a->article, strstr(p->request, "\"article\":{"), "\"id\":\"", '"');
}

static void take_webhook(struct peer *p)
{
    s.connections += !p->brought;
    p->brought = true;
    p->status = choose_status();
    note(p);
    if (p->status == 429 || s.delay_ms == 0) {
        answer(p, p->status, "", 0);
        return;
    }
    p->answer_us = clock_mono_us() + s.delay_ms * 1000;
    list_push(&s.late, &p->node);
    s.late_count++;
}

static void answer_late(void)
{
    struct list_node *n;

    while ((n = list_first(&s.late)) != NULL) {
        struct peer *p = container_of(n, struct peer, node);

        if (p->answer_us > clock_mono_us()) {
            return;
        }
        list_remove(&s.late, n);
        s.late_count--;
        answer(p, p->status, "", 0);
    }
}

/* ---- questions ---- */

static void dump(struct buf *out)
{
    for (size_t i = 0; i < s.count; i++) {
        const struct arrival *a = &s.v[i];

        buf_addf(out,
                 "%lld %s %s %d %s\n",
                 (long long)a->first_us,
                 a->article[0] ? a->article : "-",
                 a->webhook_id[0] ? a->webhook_id : "-",
                 a->status,
                 a->path);
    }
}

static void take_question(struct peer *p)
{
    struct buf out;

    buf_init(&out, DUMP_BYTES);
    if (strncmp(p->request, "GET /dump ", 10) == 0) {
        dump(&out);
    } else if (strncmp(p->request, "GET /reset ", 11) == 0) {
        s.count = 0;
        s.posts = s.taken = 0;
    }
    if (out.len == 0) {
        buf_addf(&out,
                 "{\"posts\": %lld, \"taken\": %lld, \"connections\": %lld}\n",
                 (long long)s.posts,
                 (long long)s.taken,
                 (long long)s.connections);
    }
    answer(p, 200, buf_str(&out), out.len);
    buf_done(&out);
}

/* ---- connections ---- */

static void read_head(struct peer *p)
{
    const char *end, *length;
    size_t bytes = 0;

    p->request[p->got] = '\0';
    end = strstr(p->request, "\r\n\r\n");
    if (!end) {
        return;
    }
    length = strcasestr(p->request, "\r\ncontent-length:");
    if (length && length < end) {
        (void)sscanf(length + 17, "%zu", &bytes);
    }
    p->whole = (size_t)(end + 4 - p->request) + bytes;
    if (p->whole >= sizeof p->request) {
        errno = EMSGSIZE;
        give_up("a webhook");
    }
}

static void leave(struct peer *p)
{
    if (p->answer_us != 0 && p->whole != 0) { /* its answer waits */
        list_remove(&s.late, &p->node);
        s.late_count--;
    }
    close(p->fd);
    mem_free(p);
}

static void on_readable(struct peer *p)
{
    ssize_t n;

    if (p->got == 0) {
        p->first_us = clock_mono_us();
    }
    n = recv(p->fd, p->request + p->got, sizeof p->request - 1 - p->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        leave(p);
        return;
    }
    p->got += (size_t)n;
    if (p->whole == 0) {
        read_head(p);
    }
    if (p->whole == 0 || p->got < p->whole) {
        return;
    }
    p->answer_us = 0;
    if (strncmp(p->request, "POST ", 5) == 0) {
        take_webhook(p);
    } else {
        take_question(p);
    }
}

static void on_connection(void)
{
    int fd = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
    int on = 1;
    struct peer *p;

    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p = mem_zalloc(sizeof *p);
    p->fd = fd;
    watch(fd, p);
}

static void start_listening(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;

    s.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s.listener < 0 || bind(s.listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s.listener, 1024) != 0 ||
        getsockname(s.listener, (struct sockaddr *)&at, &len) != 0) {
        give_up("listen");
    }
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
}

static bool read_option(const char *text)
{
    static const struct {
        const char *name;
        int64_t *to;
    } rows[] = {{"delay_ms=", &s.delay_ms},
                {"fail=", &s.fail},
                {"slots=", &s.slots},
                {"retry_after=", &s.retry_after}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].name);

        if (strncmp(text, rows[i].name, len) == 0) {
            return parse_i64(text + len, rows[i].to) && *rows[i].to >= 0;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct epoll_event events[256];

    for (int i = 1; i < argc; i++) {
        if (!read_option(argv[i])) {
            fprintf(stderr, "bench_sink [delay_ms=N] [fail=N] [slots=N] [retry_after=N]\n");
            return 2;
        }
    }
    list_init(&s.late);
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    start_listening();
    watch(s.listener, NULL);
    for (;;) {
        int n = epoll_wait(s.epoll, events, ARRAY_LEN(events), s.late_count > 0 ? 1 : -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr) {
                on_readable(events[i].data.ptr);
            } else {
                on_connection();
            }
        }
        answer_late();
    }
}
