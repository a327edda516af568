/* The limit that a sender over HTTP/2 is compared with: one thread, nghttp2 and OpenSSL, and nothing else to do than
 * to post the same bytes again and again. `./dev bench push` runs it.
 *
 *     bench_h2 PORT COUNT CONNECTIONS STREAMS HEADERS BODY
 *
 * HEADERS is a file with a line "name: value" for each header, :path among them; BODY a file with the body. The
 * certificate is not looked at. Prints JSON. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"

#define CONNECTIONS_MAX 64
#define OUT ((size_t)256 * 1024)
#define RECORD 16384

struct conn {
    int fd;
    SSL *ssl;
    nghttp2_session *session;
    uint8_t *out;
    size_t at, len;
    int64_t open;
    bool settled;
};

static int64_t count, streams, begun, done, good;
static nghttp2_nv nv[32];
static size_t nv_count;
static char body[8192];
static size_t body_len;

static ssize_t on_read(nghttp2_session *session,
                       int32_t id,
                       uint8_t *to,
                       size_t room,
                       uint32_t *flags,
                       nghttp2_data_source *source,
                       void *user)
{
    (void)session;
    (void)id;
    (void)source;
    (void)user;
    must(body_len <= room);
    memcpy(to, body, body_len);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)body_len;
}

static int on_header(nghttp2_session *session,
                     const nghttp2_frame *frame,
                     const uint8_t *name,
                     size_t name_len,
                     const uint8_t *value,
                     size_t value_len,
                     uint8_t flags,
                     void *user)
{
    (void)session;
    (void)frame;
    (void)flags;
    (void)user;
    good +=
        name_len == 7 && memcmp(name, ":status", 7) == 0 && value_len == 3 && value[0] == '2';
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *c = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS) {
        c->settled = true;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct conn *c = user;

    (void)session;
    (void)id;
    (void)error;
    c->open--;
    done++;
    return 0;
}

static void fill(struct conn *c)
{
    nghttp2_data_provider provider = {.read_callback = on_read};
    const uint8_t *bytes;
    ssize_t n;

    if (c->at == c->len) {
        c->at = c->len = 0;
    }
    while (c->len < OUT - 65536) {
        while ((n = nghttp2_session_mem_send(c->session, &bytes)) > 0) {
            memcpy(c->out + c->len, bytes, (size_t)n);
            c->len += (size_t)n;
        }
        if (!c->settled || c->open >= streams || begun >= count) {
            break;
        }
        must(nghttp2_submit_request(c->session, NULL, nv, nv_count, &provider, NULL) > 0);
        c->open++;
        begun++;
    }
}

static void turn(struct conn *c)
{
    uint8_t block[65536];
    int n;

    while ((n = SSL_read(c->ssl, block, sizeof block)) > 0) {
        must(nghttp2_session_mem_recv(c->session, block, (size_t)n) == n);
    }
    fill(c);
    while (c->at < c->len) {
        size_t left = c->len - c->at;

        n = SSL_write(c->ssl, c->out + c->at, left < RECORD ? (int)left : RECORD);
        if (n <= 0) {
            must(SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE);
            break;
        }
        c->at += (size_t)n;
        if (c->at == c->len) {
            fill(c);
        }
    }
}

static void connect_to(struct conn *c, SSL_CTX *tls, int port)
{
    static const unsigned char h2[] = "\x02h2";
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    nghttp2_session_callbacks *callbacks;
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(c->fd, (struct sockaddr *)(void *)&a, sizeof a) == 0);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(tls);
    must(SSL_set_fd(c->ssl, c->fd) == 1 && SSL_set_alpn_protos(c->ssl, h2, sizeof h2 - 1) == 0);
    must(SSL_connect(c->ssl) == 1);
    (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->out = mem_alloc(OUT);
    (void)nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    (void)nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    (void)nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
    (void)nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
}

static size_t read_file(const char *path, char *to, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, room, f) : 0;

    must(f != NULL && n < room);
    (void)fclose(f);
    return n;
}

static void read_headers(const char *path)
{
    static char text[8192];
    char *line = text;

    text[read_file(path, text, sizeof text - 1)] = '\0';
    while (*line && nv_count < ARRAY_LEN(nv)) {
        char *end = strchr(line, '\n'), *colon = strstr(line + 1, ": ");

        must(end != NULL && colon != NULL && colon < end);
        nv[nv_count++] =
            (nghttp2_nv){(uint8_t *)line,
                         (uint8_t *)colon + 2,
                         (size_t)(colon - line),
                         (size_t)(end - colon - 2),
                         NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
        line = end + 1;
    }
}

static void run(struct conn *conns, size_t n)
{
    struct pollfd fds[CONNECTIONS_MAX];

    while (done < count) {
        for (size_t i = 0; i < n; i++) {
            turn(&conns[i]);
            fds[i] = (struct pollfd){
                .fd = conns[i].fd,
                .events = (short)(POLLIN | (conns[i].at < conns[i].len ? POLLOUT : 0))};
        }
        (void)poll(fds, (nfds_t)n, 1000);
    }
}

static double cpu_us(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)u.ru_utime.tv_usec +
           (double)u.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
    static struct conn conns[CONNECTIONS_MAX];
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int64_t port, n, from;
    double cpu;

    if (argc != 7 || !parse_i64(argv[1], &port) || !parse_i64(argv[2], &count) ||
        !parse_i64(argv[3], &n) || n < 1 || n > CONNECTIONS_MAX ||
        !parse_i64(argv[4], &streams)) {
        (void)fprintf(stderr, "usage: bench_h2 PORT COUNT CONNECTIONS STREAMS HEADERS BODY\n");
        return 2;
    }
    read_headers(argv[5]);
    body_len = read_file(argv[6], body, sizeof body);
    (void)SSL_CTX_set_mode(tls,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    from = clock_mono_us();
    cpu = cpu_us();
    for (int64_t i = 0; i < n; i++) {
        connect_to(&conns[i], tls, (int)port);
    }
    run(conns, (size_t)n);
    (void)printf("{\"messages\": %" PRId64 ", \"accepted\": %" PRId64
                 ", \"per_second\": %.0f, \"cpu_us\": %.3f}\n",
                 done,
                 good,
                 (double)done * 1e6 / (double)(clock_mono_us() - from),
                 (cpu_us() - cpu) / (double)done);
    return 0;
}
