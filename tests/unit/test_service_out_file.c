/* service/out_request.c: bodies that are a file, or a part of one: streamed whatever their size, sent again
 * from their beginning when libcurl has to, and what of them has left is never taken for nothing. */

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapters/adapter.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "service/crier.h"
#include "service/out.h"
#include "tests/support/tiny_server.h"

#define MIB ((size_t)1024 * 1024)
#define FILE_BYTES (3 * MIB + 17)
/* A sanitizer keeps what was freed for a while. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GROWTH_BYTES ((size_t)64 * 1024 * 1024)
#else
#define GROWTH_BYTES ((size_t)8 * 1024 * 1024)
#endif

/* A server that reads bodies of any size: it keeps their hash, and answers, or ends the connection after
 * so many bytes of the n-th request. */
struct sink {
    int listen_fd, port;
    pthread_t thread;
    pthread_mutex_t lock; /* held while a request is taken; what follows is the thread's then */
    int cut_at_request;   /* from 1; 0: never */
    size_t cut_after;
    bool hashes;
    int requests, connections;
    size_t body_bytes; /* of the last that was whole */
    char head[8192], body_start[512], hash[SHA256_HEX_BYTES];
};

struct fixture {
    uv_loop_t loop;
    struct crier crier;
    struct out *out;
    struct sink sink;
    struct out_file file;
    struct media media;
    char *bytes;
};

/* The rest of a body, of which have is there. False: the connection has to end. */
static bool drain(struct sink *s, int fd, const char *have, size_t have_len, size_t len)
{
    static char buf[65536];
    struct crypto_sum *sum = crypto_sha256_begin();
    size_t got = have_len, limit = s->requests == s->cut_at_request ? s->cut_after : SIZE_MAX;
    uint8_t digest[SHA256_BYTES];
    ssize_t n = 1;

    crypto_sha256_add(sum, have, have_len);
    while (got < len && got < limit && n > 0) {
        n = recv(fd, buf, sizeof buf, 0);
        if (n > 0 && s->hashes) {
            crypto_sha256_add(sum, buf, (size_t)n);
        }
        if (got < sizeof s->body_start && n > 0) {
            memcpy(s->body_start + got,
                   buf,
                   (size_t)n < sizeof s->body_start - got ? (size_t)n
                                                          : sizeof s->body_start - got);
        }
        got += n > 0 ? (size_t)n : 0;
    }
    crypto_sha256_end(sum, digest);
    (void)crypto_hex(digest, sizeof digest, s->hash);
    s->body_bytes = got;
    return got >= len && limit == SIZE_MAX;
}

/* The head of a request, and what came of its body with it. */
static char *read_head(int fd, char *buf, size_t size, size_t *len)
{
    char *end = NULL;

    *len = 0;
    while (!end) {
        ssize_t n = recv(fd, buf + *len, size - 1 - *len, 0);

        if (n <= 0) {
            return NULL;
        }
        *len += (size_t)n;
        buf[*len] = '\0';
        end = strstr(buf, "\r\n\r\n");
    }
    return end + 4;
}

static bool serve_one(struct sink *s, int fd)
{
    char buf[sizeof s->head];
    size_t len;
    char *body = read_head(fd, buf, sizeof buf, &len);
    bool whole;

    if (!body) {
        return false;
    }
    (void)pthread_mutex_lock(&s->lock);
    memcpy(s->head, buf, sizeof buf);
    s->requests++;
    len -= (size_t)(body - buf);
    memcpy(s->body_start, body, len < sizeof s->body_start ? len : sizeof s->body_start);
    whole = drain(s, fd, body, len, tiny_body_length(buf));
    (void)pthread_mutex_unlock(&s->lock);
    if (whole) {
        tiny_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    return whole;
}

static void *sink_run(void *arg)
{
    struct sink *s = arg;
    int fd;

    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0) {
        (void)pthread_mutex_lock(&s->lock);
        s->connections++;
        (void)pthread_mutex_unlock(&s->lock);
        while (serve_one(s, fd)) {
        }
        close(fd);
    }
    return NULL;
}

static void sink_start(struct sink *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    s->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listen_fd, 10), 0);
    assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    s->hashes = true;
    assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, sink_run, s), 0);
}

static struct fixture fixture;

static int setup(void **state)
{
    struct fixture *f = &fixture;
    struct err why = {0};
    FILE *file = tmpfile();

    memset(f, 0, sizeof *f);
    *state = f;
    assert_non_null(file);
    f->bytes = mem_alloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        f->bytes[i] = (char)(i * 7 + i / 4096);
    }
    f->file.fd = dup(fileno(file));
    (void)fclose(file);
    assert_int_equal(write(f->file.fd, f->bytes, FILE_BYTES), FILE_BYTES);
    f->file.len = FILE_BYTES;
    f->media = (struct media){.type = "video/mp4", .len = FILE_BYTES, .file = &f->file};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->crier.loop = &f->loop;
    assert_int_equal(out_new(&f->out, &f->crier, &why), 0);
    sink_start(&f->sink);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    out_free(f->out);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    (void)shutdown(f->sink.listen_fd, SHUT_RDWR);
    (void)pthread_join(f->sink.thread, NULL);
    close(f->sink.listen_fd);
    close(f->file.fd);
    mem_free(f->bytes);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(mem_live_count(), 0);
    return 0;
}

/* What the sink did so far is seen here, and what is set here is seen there. */
static void sync_sink(struct fixture *f)
{
    (void)pthread_mutex_lock(&f->sink.lock);
    (void)pthread_mutex_unlock(&f->sink.lock);
}

struct call {
    struct out_exchange x;
    struct http_request request;
    int dones;
};

static void on_done(struct out_exchange *x)
{
    container_of(x, struct call, x)->dones++;
}

static void begin(struct fixture *f, struct call *c, enum http_method method)
{
    memset(c, 0, sizeof *c);
    http_request_init(&c->request);
    c->request.method = method;
    http_set_url(&c->request, "http://127.0.0.1:%d/upload", f->sink.port);
    c->x.request = &c->request;
    c->x.allow_private = true;
    c->x.timeout_ms = 20000;
    c->x.done = on_done;
}

static void run(struct fixture *f, struct call *c)
{
    sync_sink(f);
    out_send(f->out, &c->x);
    while (c->dones == 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    sync_sink(f);
}

static void end(struct call *c)
{
    out_exchange_done(&c->x);
    http_request_done(&c->request);
}

static void check_hash(const struct fixture *f, size_t from, size_t len)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    crypto_sha256(f->bytes + from, len, digest);
    assert_string_equal(f->sink.hash, crypto_hex(digest, sizeof digest, hex));
}

static void a_part_of_a_file_is_a_body(void **state)
{
    static const struct {
        enum http_method method;
        size_t from, len;
    } rows[] = {
        {HTTP_PUT, 0, FILE_BYTES},
        {HTTP_POST, 0, FILE_BYTES},
        {HTTP_PUT, 1, 1},
        {HTTP_PUT, 262144, 524288},
        {HTTP_PATCH, FILE_BYTES - 3, 3},
        {HTTP_PUT, FILE_BYTES, 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char length[64];
        struct call c;

        begin(f, &c, rows[i].method);
        http_set_header(&c.request, "Content-Type", "video/mp4");
        http_set_media(&c.request, &f->media, rows[i].from, rows[i].len);
        run(f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
        assert_int_equal(f->sink.body_bytes, rows[i].len);
        check_hash(f, rows[i].from, rows[i].len);
        (void)snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", rows[i].len);
        assert_non_null(strstr(f->sink.head, length));
        assert_int_equal(strncmp(f->sink.head, http_method_name(rows[i].method), 3), 0);
        assert_null(strstr(f->sink.head, "Expect"));
        assert_null(strstr(f->sink.head, "chunked"));
        end(&c);
    }
    assert_int_equal(f->sink.connections, 1);
}

static void a_file_is_a_part_of_a_form(void **state)
{
    struct fixture *f = *state;
    struct call c;

    begin(f, &c, HTTP_POST);
    http_add_part_text(&c.request, "title", "Harbour");
    http_add_part_media(&c.request, "video", "video.mp4", &f->media);
    run(f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_true(f->sink.body_bytes > FILE_BYTES);
    assert_non_null(strstr(f->sink.head, "multipart/form-data"));
    assert_null(strstr(f->sink.head, "chunked"));
    f->sink.body_start[sizeof f->sink.body_start - 1] = '\0';
    assert_non_null(
        strstr(f->sink.body_start, "filename=\"video.mp4\"\r\nContent-Type: video/mp4"));
    end(&c);
}

/* A pooled connection that dies without an answer: libcurl sends it again, and all of it. */
static void a_repeat_of_libcurls_own_begins_at_the_beginning(void **state)
{
    struct fixture *f = *state;
    struct call first, second;

    f->sink.cut_at_request = 2;
    f->sink.cut_after = 1000000;
    begin(f, &first, HTTP_GET);
    run(f, &first);
    end(&first);
    begin(f, &second, HTTP_PUT);
    http_set_media(&second.request, &f->media, 100, FILE_BYTES - 100);
    run(f, &second);
    if (second.x.outcome == TRANSPORT_ANSWERED) {
        assert_int_equal(f->sink.requests, 3);
        check_hash(f, 100, FILE_BYTES - 100);
    } else { /* a reset while it was sending: not repeated, and not taken for nothing */
        assert_int_equal(second.x.outcome, TRANSPORT_LOST);
    }
    end(&second);
}

static void what_left_in_part_is_lost(void **state)
{
    struct fixture *f = *state;
    struct call c;

    f->sink.cut_at_request = 1;
    f->sink.cut_after = 200000;
    begin(f, &c, HTTP_PUT);
    c.x.once = true;
    http_set_media(&c.request, &f->media, 0, FILE_BYTES);
    run(f, &c);
    assert_int_equal(c.x.outcome, TRANSPORT_LOST);
    end(&c);
    /* The disk fails in the middle: what is there already stays unknown, too. */
    f->sink.cut_at_request = 0;
    (void)fault_set("out.file:5");
    begin(f, &c, HTTP_PUT);
    http_set_media(&c.request, &f->media, 0, FILE_BYTES);
    run(f, &c);
    (void)fault_set(NULL);
    assert_int_equal(c.x.outcome, TRANSPORT_LOST);
    end(&c);
}

static void a_file_that_is_not_there_is_not_sent(void **state)
{
    const struct media by_address = {.type = "video/mp4", .len = 10};
    const struct media longer = {
        .type = "video/mp4", .len = FILE_BYTES + 1, .file = &fixture.file};
    const struct media *const rows[] = {&by_address, &longer};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct call c;

        begin(f, &c, HTTP_PUT);
        http_set_media(&c.request, rows[i], 0, rows[i]->len);
        run(f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
        assert_non_null(strstr(c.x.error, "not there"));
        end(&c);
        begin(f, &c, HTTP_POST);
        http_add_part_media(&c.request, "video", "v.mp4", rows[i]);
        run(f, &c);
        assert_int_equal(c.x.outcome, TRANSPORT_NOT_SENT);
        end(&c);
    }
    assert_int_equal(f->sink.requests, 0);
}

/* 200 MiB: of a file without content on the disk, so that it costs nothing to have it. */
static void a_large_one_takes_no_memory(void **state)
{
    struct fixture *f = *state;
    size_t before = 0, now = 0, most = 0, len = 200 * MIB;
    struct call c;

    assert_int_equal(ftruncate(f->file.fd, (off_t)len), 0);
    f->file.len = len;
    f->media.len = len;
    f->sink.hashes = false;
    begin(f, &c, HTTP_PUT);
    http_set_media(&c.request, &f->media, 0, 1000);
    run(f, &c); /* what a first request needs is there now */
    end(&c);
    assert_int_equal(uv_resident_set_memory(&before), 0);
    begin(f, &c, HTTP_PUT);
    http_set_media(&c.request, &f->media, 0, len);
    sync_sink(f);
    out_send(f->out, &c.x);
    while (c.dones == 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
        (void)uv_resident_set_memory(&now);
        most = now > most ? now : most;
    }
    sync_sink(f);
    assert_int_equal(c.x.outcome, TRANSPORT_ANSWERED);
    assert_int_equal(f->sink.body_bytes, len);
    end(&c);
    if (most > before + GROWTH_BYTES) {
        fail_msg("%zu KiB more", (most - before) / 1024);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_part_of_a_file_is_a_body),
        CASE(a_file_is_a_part_of_a_form),
        CASE(a_repeat_of_libcurls_own_begins_at_the_beginning),
        CASE(what_left_in_part_is_lost),
        CASE(a_file_that_is_not_there_is_not_sent),
        CASE(a_large_one_takes_no_memory),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
