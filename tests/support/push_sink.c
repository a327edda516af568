/* The fake push service: its threads, each with an epoll, a listening socket and connections of its own, on
 * nghttp2 and OpenSSL. A round trip is made by keeping what was read, and what is to be written, for half of it
 * each, in the form it has without TLS. */

#include "tests/support/push_sink_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"

#define BLOCK ((size_t)64 * 1024)
#define OUT_BYTES ((size_t)256 * 1024) /* kept before we stop making more */
#define LOOK_MS 20                     /* for orders: down, cut, the end */

struct piece { /* of bytes that are on their way */
    struct piece *next;
    int64_t due_us;
    size_t len;
    uint8_t bytes[];
};
struct pieces {
    struct piece *first, *last;
};

struct sink_conn {
    struct sink_conn *next, **link;
    struct sink_thread *thread;
    int fd;
    SSL *ssl; /* NULL: plain */
    bool shaken, writable_wanted, dead, closing;
    unsigned cut;
    uint64_t number;
    int requests;
    size_t open; /* streams */
    bool shrunk, gone_away;
    nghttp2_session *session;
    struct sink_one *one; /* it speaks HTTP/1.1 */
    struct pieces in, out;
    uint8_t *pending; /* to be written now */
    size_t pending_at, pending_len;
};

struct sink_thread {
    struct push_sink *sink;
    pthread_t thread;
    int epoll, listen;
    struct sink_conn *conns;
    struct sink_request *pool;
    uint8_t *block;
};

/* ---- requests ---- */

static struct sink_request *request_new(struct sink_thread *t, int32_t id)
{
    struct sink_request *r = t->pool;

    if (r) {
        t->pool = r->next;
    } else {
        r = mem_zalloc(sizeof *r);
        buf_init(&r->path, (size_t)64 * 1024);
        buf_init(&r->host, 1024);
        buf_init(&r->headers, (size_t)64 * 1024);
        buf_init(&r->body, (size_t)1024 * 1024);
    }
    r->id = id;
    r->bytes = r->said = 0;
    return r;
}

static void request_give(struct sink_thread *t, struct sink_request *r)
{
    buf_clear(&r->path);
    buf_clear(&r->host);
    buf_clear(&r->headers);
    buf_clear(&r->body);
    r->next = t->pool;
    t->pool = r;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct sink_conn *c = user;

    /* What comes behind a GOAWAY is none of ours, also before that has left. */
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST &&
        !c->gone_away) {
        struct sink_request *r = request_new(c->thread, frame->hd.stream_id);
        struct push_sink *s = c->thread->sink;

        (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, r);
        c->open++;
        (void)pthread_mutex_lock(&s->lock);
        s->count.streams_max = c->open > s->count.streams_max ? c->open : s->count.streams_max;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return 0;
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
    struct sink_conn *c = user;
    struct sink_request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    if (!r) {
        return 0;
    }
    r->bytes += name_len + value_len;
    if (name_len == 5 && memcmp(name, ":path", 5) == 0) {
        buf_add(&r->path, value, value_len);
    } else if (name_len == 10 && memcmp(name, ":authority", 10) == 0) {
        buf_add(&r->host, value, value_len);
    }
    if (c->thread->sink->record) {
        json_put_text(&r->headers, (const char *)name, (const char *)value);
    }
    return 0;
}

static int on_data(nghttp2_session *session,
                   uint8_t flags,
                   int32_t id,
                   const uint8_t *data,
                   size_t len,
                   void *user)
{
    struct sink_conn *c = user;
    struct sink_request *r = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    if (r) {
        r->bytes += len;
        if (c->thread->sink->record) {
            buf_add(&r->body, data, len);
        }
    }
    return 0;
}

static ssize_t say_body(nghttp2_session *session,
                        int32_t id,
                        uint8_t *to,
                        size_t room,
                        uint32_t *flags,
                        nghttp2_data_source *source,
                        void *user)
{
    struct sink_request *r = source->ptr;
    const char *body = r->answer.rule->body;
    size_t left = strlen(body) - r->said, n = left < room ? left : room;

    (void)session;
    (void)id;
    (void)user;
    memcpy(to, body + r->said, n);
    r->said += n;
    if (n == left) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static nghttp2_nv pair(const char *name, const char *value)
{
    union {
        const char *c;
        uint8_t *u;
    } n = {.c = name}, v = {.c = value};

    return (nghttp2_nv){n.u, v.u, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void answer(struct sink_conn *c, struct sink_request *r)
{
    const struct sink_answer *a = &r->answer;
    char status[12], seconds[12], location[64];
    bool has_body = a->rule && a->rule->body[0];
    nghttp2_data_provider provider = {.source.ptr = r, .read_callback = say_body};
    nghttp2_nv nv[4];
    size_t n = 0;

    (void)snprintf(status, sizeof status, "%d", a->status);
    nv[n++] = pair(":status", status);
    if (a->status == 201 &&
        atomic_load_explicit(&c->thread->sink->location, memory_order_relaxed)) {
        (void)snprintf(location, sizeof location, "https://localhost/m/%d", r->id);
        nv[n++] = pair("location", location);
    }
    if (a->retry_after >= 0) {
        (void)snprintf(seconds, sizeof seconds, "%d", a->retry_after);
        nv[n++] = pair("retry-after", seconds);
    }
    if (a->rule && a->rule->header_name[0]) {
        nv[n++] = pair(a->rule->header_name, a->rule->header_value);
    }
    (void)nghttp2_submit_response(c->session, r->id, nv, n, has_body ? &provider : NULL);
}

static void go_away(struct sink_conn *c)
{
    struct push_sink *s = c->thread->sink;

    if (c->gone_away) {
        return;
    }
    c->gone_away = true;
    (void)nghttp2_submit_goaway(c->session,
                                NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(c->session),
                                NGHTTP2_NO_ERROR,
                                NULL,
                                0);
    (void)pthread_mutex_lock(&s->lock);
    s->count.goaways++;
    (void)pthread_mutex_unlock(&s->lock);
}

static void set_streams(struct sink_conn *c, int n)
{
    nghttp2_settings_entry e = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)n};

    (void)nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &e, 1);
}

static void request_whole(struct sink_conn *c, struct sink_request *r)
{
    struct push_sink *s = c->thread->sink;
    int goaway = atomic_load_explicit(&s->goaway_after, memory_order_relaxed);
    int then = atomic_load_explicit(&s->then_after, memory_order_relaxed);

    sink_judge(s, r, c->number);
    c->requests++;
    switch (r->answer.what) {
    case SINK_ANSWER:
    case SINK_GOAWAY:
        answer(c, r);
        break;
    case SINK_STALL:
        break;
    case SINK_CLOSE:
        c->dead = true;
        break;
    case SINK_RESET:
    case SINK_REFUSE:
        (void)nghttp2_submit_rst_stream(c->session,
                                        NGHTTP2_FLAG_NONE,
                                        r->id,
                                        r->answer.what == SINK_RESET ? NGHTTP2_INTERNAL_ERROR
                                                                     : NGHTTP2_REFUSED_STREAM);
        break;
    }
    if (r->answer.what == SINK_GOAWAY || (goaway > 0 && c->requests >= goaway)) {
        go_away(c);
    }
    if (then > 0 && c->requests >= then && !c->shrunk) {
        c->shrunk = true;
        set_streams(c, atomic_load(&s->then_streams));
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct sink_conn *c = user;
    struct sink_request *r;

    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (r) {
            request_whole(c, r);
        }
    }
    return c->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct sink_conn *c = user;
    struct sink_request *r = nghttp2_session_get_stream_user_data(session, id);

    (void)error;
    if (r) {
        c->open--;
        request_give(c->thread, r);
    }
    return 0;
}

static void session_begin(struct sink_conn *c)
{
    struct push_sink *s = c->thread->sink;
    nghttp2_session_callbacks *callbacks;
    int window = atomic_load(&s->window);
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)atomic_load(&s->streams)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window}};

    (void)nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    (void)nghttp2_session_server_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    (void)nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (window > 65535) {
        (void)nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, window);
    }
}

/* ---- bytes ---- */

static int64_t half_rtt_us(const struct sink_conn *c)
{
    return (int64_t)atomic_load_explicit(&c->thread->sink->rtt_ms, memory_order_relaxed) * 500;
}

static void piece_add(struct pieces *p, const uint8_t *bytes, size_t len, int64_t due_us)
{
    struct piece *x = mem_alloc(sizeof *x + len);

    x->next = NULL;
    x->due_us = due_us;
    x->len = len;
    memcpy(x->bytes, bytes, len);
    if (p->last) {
        p->last->next = x;
    } else {
        p->first = x;
    }
    p->last = x;
}

static void piece_drop(struct pieces *p)
{
    struct piece *x = p->first;

    p->first = x->next;
    if (!p->first) {
        p->last = NULL;
    }
    mem_free(x);
}

static void feed_one(struct sink_conn *c, const uint8_t *bytes, size_t len)
{
    struct sink_request *r = request_new(c->thread, 0);
    struct buf out;

    buf_init(&out, OUT_BYTES);
    if (!sink_one_feed(c->thread->sink, c->one, r, c->number, bytes, len, &out) ||
        c->pending_len + out.len > OUT_BYTES) {
        c->dead = true;
    } else {
        memcpy(c->pending + c->pending_len, buf_str(&out), out.len);
        c->pending_len += out.len;
    }
    buf_done(&out);
    request_give(c->thread, r);
}

static void feed(struct sink_conn *c, const uint8_t *bytes, size_t len)
{
    if (c->one) {
        feed_one(c, bytes, len);
        return;
    }
    if (!c->dead && nghttp2_session_mem_recv(c->session, bytes, len) != (ssize_t)len) {
        c->dead = true;
    }
}

static ssize_t read_some(struct sink_conn *c, uint8_t *to, size_t room)
{
    int n;

    if (!c->ssl) {
        ssize_t got = recv(c->fd, to, room, 0);

        return got == 0 ? -1 : got < 0 && errno == EAGAIN ? 0 : got;
    }
    ERR_clear_error();
    n = SSL_read(c->ssl, to, (int)room);
    if (n > 0) {
        return n;
    }
    n = SSL_get_error(c->ssl, n);
    return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t write_some(struct sink_conn *c, const uint8_t *bytes, size_t len)
{
    int n;

    if (!c->ssl) {
        ssize_t sent = send(c->fd, bytes, len, MSG_NOSIGNAL);

        return sent < 0 && errno == EAGAIN ? 0 : sent;
    }
    ERR_clear_error();
    n = SSL_write(c->ssl, bytes, (int)len);
    if (n > 0) {
        return n;
    }
    n = SSL_get_error(c->ssl, n);
    return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void read_all(struct sink_conn *c)
{
    int64_t half = half_rtt_us(c);
    ssize_t n;

    while (!c->dead && (n = read_some(c, c->thread->block, BLOCK)) != 0) {
        if (n < 0) {
            c->dead = true;
        } else if (half > 0 || c->in.first) {
            piece_add(&c->in, c->thread->block, (size_t)n, clock_mono_us() + half);
        } else {
            feed(c, c->thread->block, (size_t)n);
        }
    }
}

/* What nghttp2 has to say, gathered so that it fills records. */
static void gather(struct sink_conn *c)
{
    int64_t half = half_rtt_us(c);

    if (c->pending_at == c->pending_len) {
        c->pending_at = c->pending_len = 0;
    }
    while (!c->one && c->pending_len < OUT_BYTES - BLOCK) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(c->session, &bytes);

        if (n <= 0) {
            c->dead = c->dead || n < 0;
            break;
        }
        memcpy(c->pending + c->pending_len, bytes, (size_t)n);
        c->pending_len += (size_t)n;
    }
    if ((half > 0 || c->out.first) && c->pending_len > c->pending_at) {
        piece_add(&c->out,
                  c->pending + c->pending_at,
                  c->pending_len - c->pending_at,
                  clock_mono_us() + half);
        c->pending_at = c->pending_len = 0;
    }
}

static void want_writable(struct sink_conn *c, bool wanted)
{
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0U), .data.ptr = c};

    if (wanted != c->writable_wanted) {
        c->writable_wanted = wanted;
        (void)epoll_ctl(c->thread->epoll, EPOLL_CTL_MOD, c->fd, &e);
    }
}

/* True: all of it went. */
static bool write_bytes(struct sink_conn *c, const uint8_t *bytes, size_t len, size_t *at)
{
    while (*at < len && !c->dead) {
        ssize_t n = write_some(c, bytes + *at, len - *at);

        if (n <= 0) {
            c->dead = n < 0;
            want_writable(c, true);
            return false;
        }
        *at += (size_t)n;
    }
    return !c->dead;
}

static void write_all(struct sink_conn *c)
{
    int64_t now = clock_mono_us();

    for (;;) {
        gather(c);
        while (c->out.first && c->out.first->due_us <= now) {
            struct piece *x = c->out.first;
            size_t at = 0;

            if (!write_bytes(c, x->bytes, x->len, &at)) {
                memmove(x->bytes, x->bytes + at, x->len - at);
                x->len -= at;
                return;
            }
            piece_drop(&c->out);
        }
        if (c->pending_at == c->pending_len) {
            break;
        }
        if (!write_bytes(c, c->pending, c->pending_len, &c->pending_at)) {
            return;
        }
    }
    want_writable(c, false);
    /* Behind a GOAWAY it is the client that closes, which else would not hear the last answers. */
    if (!c->one && !c->out.first && !c->gone_away && !nghttp2_session_want_read(c->session) &&
        !nghttp2_session_want_write(c->session)) {
        c->dead = true;
    }
}

/* ---- connections ---- */

static void conn_free(struct sink_conn *c)
{
    struct push_sink *s = c->thread->sink;

    if (c->next) {
        c->next->link = c->link;
    }
    *c->link = c->next;
    (void)close(c->fd);
    if (c->session) {
        nghttp2_session_del(c->session);
    }
    SSL_free(c->ssl);
    if (c->one) {
        buf_done(&c->one->in);
        mem_free(c->one);
    }
    while (c->in.first) {
        piece_drop(&c->in);
    }
    while (c->out.first) {
        piece_drop(&c->out);
    }
    mem_free(c->pending);
    mem_free(c);
    (void)pthread_mutex_lock(&s->lock);
    s->count.connections--;
    (void)pthread_mutex_unlock(&s->lock);
}

/* nghttp2_session_del() does not say that streams close. */
static void conn_forget_streams(struct sink_conn *c)
{
    for (int32_t id = 1;
         c->open > 0 && id <= nghttp2_session_get_last_proc_stream_id(c->session);
         id += 2) {
        struct sink_request *r = nghttp2_session_get_stream_user_data(c->session, id);

        if (r) {
            c->open--;
            request_give(c->thread, r);
        }
    }
}

static void conn_accept(struct sink_thread *t, int fd)
{
    struct push_sink *s = t->sink;
    struct sink_conn *c = mem_zalloc(sizeof *c);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->thread = t;
    c->fd = fd;
    c->cut = atomic_load(&s->cut);
    c->pending = mem_alloc(OUT_BYTES);
    c->next = t->conns;
    c->link = &t->conns;
    if (t->conns) {
        t->conns->link = &c->next;
    }
    t->conns = c;
    if (s->tls) {
        c->ssl = SSL_new(s->tls);
        (void)SSL_set_fd(c->ssl, fd);
        SSL_set_accept_state(c->ssl);
    }
    (void)pthread_mutex_lock(&s->lock);
    s->count.connections++;
    c->number = ++s->count.opened;
    (void)pthread_mutex_unlock(&s->lock);
    session_begin(c);
    (void)epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void begin_one(struct sink_conn *c)
{
    const unsigned char *protocol = NULL;
    unsigned int len = 0;

    SSL_get0_alpn_selected(c->ssl, &protocol, &len);
    if (len != 2) {
        c->one = mem_zalloc(sizeof *c->one);
        buf_init(&c->one->in, OUT_BYTES);
    }
}

static void conn_turn(struct sink_conn *c, uint32_t events)
{
    if (c->ssl && !c->shaken) {
        int n = SSL_do_handshake(c->ssl);

        if (n != 1) {
            n = SSL_get_error(c->ssl, n);
            c->dead = n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE;
            return;
        }
        begin_one(c);
    }
    c->shaken = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        read_all(c);
    }
    if (!c->dead) {
        write_all(c);
    }
}

/* What is due by now; the time until the next is. */
static int64_t conn_due(struct sink_conn *c, int64_t now)
{
    bool fed = false;
    int64_t next = INT64_MAX;

    while (c->in.first && c->in.first->due_us <= now && !c->dead) {
        feed(c, c->in.first->bytes, c->in.first->len);
        piece_drop(&c->in);
        fed = true;
    }
    if (c->shaken && !c->dead && (fed || (c->out.first && c->out.first->due_us <= now))) {
        write_all(c);
    }
    next = c->in.first ? c->in.first->due_us : next;
    return c->out.first && c->out.first->due_us < next ? c->out.first->due_us : next;
}

/* ---- threads ---- */

static int listen_on(struct push_sink *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)s->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)(void *)&a, sizeof a) != 0 || listen(fd, 512) != 0) {
        perror("push sink: listen");
        (void)close(fd);
        return -1;
    }
    (void)getsockname(fd, (struct sockaddr *)(void *)&a, &len);
    s->port = ntohs(a.sin_port);
    return fd;
}

static void thread_listen(struct sink_thread *t, bool up)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

    if (up == (t->listen >= 0)) {
        return;
    }
    if (!up) {
        (void)close(t->listen);
        t->listen = -1;
    } else {
        t->listen = listen_on(t->sink);
        (void)epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->listen, &e);
    }
}

static void thread_accept(struct sink_thread *t)
{
    int fd;

    while ((fd = accept4(t->listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        conn_accept(t, fd);
    }
}

static int64_t thread_look(struct sink_thread *t)
{
    struct push_sink *s = t->sink;
    int64_t now = clock_mono_us(), next = INT64_MAX;
    bool down = atomic_load(&s->down_until_us) > now;
    unsigned cut = atomic_load(&s->cut);

    thread_listen(t, !down);
    for (struct sink_conn *c = t->conns, *behind; c; c = behind) {
        int64_t due = conn_due(c, now);

        behind = c->next;
        next = due < next ? due : next;
        if (down || c->cut != cut || c->dead) {
            conn_forget_streams(c);
            conn_free(c);
        }
    }
    return next == INT64_MAX ? LOOK_MS * 1000 : next - now;
}

static void *thread_run(void *context)
{
    struct sink_thread *t = context;
    struct epoll_event events[64];

    while (!atomic_load(&t->sink->stopping)) {
        if (atomic_load(&t->sink->frozen)) {
            (void)poll(NULL, 0, 1);
            continue;
        }
        int64_t wait_us = thread_look(t);
        int wait = wait_us <= 0               ? 0
                   : wait_us > LOOK_MS * 1000 ? LOOK_MS
                                              : (int)(wait_us / 1000) + 1;
        int n = epoll_wait(t->epoll, events, ARRAY_LEN(events), wait);

        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr) {
                thread_accept(t);
            } else {
                conn_turn(events[i].data.ptr, events[i].events);
            }
        }
    }
    while (t->conns) {
        conn_forget_streams(t->conns);
        conn_free(t->conns);
    }
    return NULL;
}

static struct sink_thread *thread_new(struct push_sink *s)
{
    struct sink_thread *t = mem_zalloc(sizeof *t);

    t->sink = s;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->block = mem_alloc(BLOCK);
    t->listen = -1;
    thread_listen(t, true);
    return t;
}

static void thread_free(struct sink_thread *t)
{
    if (t->listen >= 0) {
        (void)close(t->listen);
    }
    (void)close(t->epoll);
    while (t->pool) {
        struct sink_request *r = t->pool;

        t->pool = r->next;
        buf_done(&r->path);
        buf_done(&r->host);
        buf_done(&r->headers);
        buf_done(&r->body);
        mem_free(r);
    }
    mem_free(t->block);
    mem_free(t);
}

struct push_sink *push_sink_start(const struct push_sink_options *o)
{
    struct push_sink *s = mem_zalloc(sizeof *s);

    s->port = o->port;
    s->plain = o->plain;
    s->no_paths = o->no_paths;
    s->thread_count = o->threads > 0 && o->threads <= SINK_THREADS ? (size_t)o->threads : 1;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->paths = map_new();
    atomic_init(&s->streams, 1000);
    atomic_init(&s->window, 16 * 1024 * 1024);
    if ((!o->plain && !(s->tls = sink_tls_new(s, o->ca))) ||
        (o->record && !(s->record = fopen(o->record, "w")))) {
        (void)fprintf(stderr, "push sink: it cannot begin\n");
        push_sink_stop(s);
        return NULL;
    }
    for (size_t i = 0; i < s->thread_count; i++) {
        s->threads[i] = thread_new(s);
    }
    for (size_t i = 0; i < s->thread_count; i++) {
        must(pthread_create(&s->threads[i]->thread, NULL, thread_run, s->threads[i]) == 0);
    }
    return s;
}

int push_sink_port(const struct push_sink *s)
{
    return s->port;
}

void push_sink_stop(struct push_sink *s)
{
    atomic_store(&s->stopping, true);
    for (size_t i = 0; i < s->thread_count && s->threads[i]; i++) {
        (void)pthread_join(s->threads[i]->thread, NULL);
        thread_free(s->threads[i]);
    }
    SSL_CTX_free(s->tls);
    if (s->record) {
        (void)fclose(s->record);
    }
    sink_rules_done(s);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
