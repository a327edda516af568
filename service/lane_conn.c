/* The bytes of a connection, its silence and its end.
 *
 * What has left us. A request was handed over when any byte of it was given to SSL_write(), or to the socket: from
 * then on it may arrive, whatever that call says. A request that only stood in `out` has not left, and goes again
 * by itself when the connection is lost. */

#include "service/lane_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/fault.h"

#define CONNECT_MS (10 * MS_SECOND)
#define IDLE_MS (5 * MS_MINUTE)
#define PING_AFTER_MS (30 * MS_SECOND)     /* of silence while nothing is under way … */
#define PING_BUSY_AFTER_MS (5 * MS_SECOND) /* … and while something is */
#define PONG_MS (10 * MS_SECOND)
#define READS_IN_A_TURN 32

void lane__conn_poll(struct lane_conn *c, int events)
{
    if (events != c->events) {
        c->events = events;
        must(uv_poll_start(&c->poll, events, lane__on_poll) == 0);
    }
}

static void read_all(struct lane_conn *c);

/* ---- out ---- */

static ssize_t write_some(struct lane_conn *c, const char *bytes, size_t len)
{
    int n;

    if (FAULT("lane.write")) {
        return -1;
    }
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

void lane__conn_flush(struct lane_conn *c, bool all)
{
    while (!c->dead && !c->blocked) {
        size_t left = c->out.len - c->out_at;
        size_t len = left < LANE_RECORD ? left : LANE_RECORD;
        ssize_t n;

        if (left == 0 || (!all && left < LANE_RECORD)) {
            break;
        }
        c->handed = c->made - left + len;
        n = write_some(c, c->out.data + c->out_at, len);
        if (n < 0) {
            /* What the peer said before it closed is here, and may be answers, or that it goes away. */
            read_all(c);
            (void)snprintf(c->error, sizeof c->error, "the connection was lost while writing");
            c->dead = true;
        } else if (n == 0) {
            c->blocked = true;
            lane__conn_poll(c, UV_READABLE | UV_WRITABLE);
        }
        c->out_at += n > 0 ? (size_t)n : 0;
        (void)atomic_fetch_add_explicit(
            &c->origin->lane->lanes->bytes, n > 0 ? (uint64_t)n : 0, memory_order_relaxed);
    }
    if (c->out_at == c->out.len) {
        buf_clear(&c->out);
        c->out_at = 0;
    } else if (c->out_at > LANE_OUT) {
        memmove(c->out.data, c->out.data + c->out_at, c->out.len - c->out_at);
        buf_truncate(&c->out, c->out.len - c->out_at);
        c->out_at = 0;
    }
}

/* Room for a request whose frames leave nghttp2 at once: see lane_send.c. */
size_t lane__conn_room(const struct lane_conn *c)
{
    int32_t window;
    size_t wanted = c->origin->body_max < 32768 ? c->origin->body_max : 32768;

    if (c->open >= c->limit || c->dead || c->out.len - c->out_at >= LANE_OUT) {
        return 0;
    }
    window = nghttp2_session_get_remote_window_size(c->session);
    return window < 0 || (size_t)window < wanted ? 0 : c->limit - c->open;
}

/* ---- in ---- */

static ssize_t read_some(struct lane_conn *c, uint8_t *to, size_t room)
{
    int n;

    if (FAULT("lane.read")) {
        return -1;
    }
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

/* Who talks without end is interrupted, so that others have their turn. What TLS has read already no descriptor tells
 * of, but that it can be written to does. */
static void read_all(struct lane_conn *c)
{
    struct lane *t = c->origin->lane;
    ssize_t n;

    c->more = false;
    for (int i = 0; !c->dead && (n = read_some(c, t->block, LANE_OUT)) != 0; i++) {
        if (n < 0) {
            (void)snprintf(c->error, sizeof c->error, "the connection was closed");
            c->dead = true;
            break;
        }
        c->heard_ms = t->now_ms;
        lane__session_feed(c, t->block, (size_t)n);
        if (!c->ssl && (size_t)n < LANE_OUT) {
            break;
        }
        if (i == READS_IN_A_TURN) {
            c->more = true;
            lane__conn_poll(c, UV_READABLE | UV_WRITABLE);
            break;
        }
    }
}

void lane__on_poll(uv_poll_t *poll, int status, int events)
{
    struct lane_conn *c = container_of(poll, struct lane_conn, poll);

    lane__clock(c->origin->lane);
    if (c->state == CONN_CONNECTING || c->state == CONN_SHAKING) {
        lane__connect_turn(c);
        return;
    }
    if (events & UV_WRITABLE) {
        c->blocked = false;
        lane__conn_poll(c, UV_READABLE);
    }
    if (events & UV_READABLE || status < 0 || c->more) {
        read_all(c);
    }
    lane__origin_dirty(c->origin); /* which writes, and ends it when it is dead */
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct lane_conn *c = container_of((uv_poll_t *)(void *)handle, struct lane_conn, poll);

    (void)close(c->fd);
    mem_free(c);
}

static void count_out(struct lane_conn *c)
{
    struct lane_origin *o = c->origin;

    if (c->state == CONN_READY) {
        o->ready--;
    } else if (c->state != CONN_DRAINING) {
        o->connecting--;
    }
    c->state = CONN_CLOSED;
    (void)atomic_fetch_sub(&o->shared->connections, 1);
    (void)atomic_fetch_sub(&o->lane->lanes->connections, 1);
    (void)atomic_fetch_sub(&o->lane->lanes->strangers, c->of_stranger);
}

/* Nothing is under way on it, or what is has been told. */
void lane__conn_close(struct lane_conn *c)
{
    struct list_node *n;

    if (c->session && !c->dead) {
        (void)nghttp2_session_terminate_session(c->session, NGHTTP2_NO_ERROR);
        lane__session_gather(c);
        lane__conn_flush(c, true);
    }
    if (c->ssl && !c->dead && SSL_is_init_finished(c->ssl)) {
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    while ((n = list_first(&c->streams)) != NULL) {
        lane__stream_free(container_of(n, struct lane_stream, node));
    }
    count_out(c);
    list_remove(&c->origin->conns, &c->node);
    nghttp2_session_del(c->session);
    SSL_free(c->ssl);
    buf_done(&c->out);
    uv_close((uv_handle_t *)&c->poll, on_closed);
}

void lane__conn_fail(struct lane_conn *c, const char *error)
{
    struct lane_origin *o = c->origin;
    bool stood = c->proven, was_new = c->state != CONN_READY && c->state != CONN_DRAINING;

    c->dead = true;
    LIST_EACH(&c->streams, n)
    {
        struct lane_stream *s = container_of(n, struct lane_stream, node);

        if (s->made_from >= c->handed) {
            lane__again(s, !stood);
        } else {
            lane__lost(s, error);
        }
    }
    lane__conn_close(c);
    lane__origin_dirty(o);
    if (!stood && o->ready == 0 && o->connecting == 0 && !o->lane->ending) {
        lane__unreachable(o, error);
    } else if (was_new) {
        atomic_store(&o->shared->open_from_ms, o->lane->now_ms + MS_SECOND);
    }
}

/* ---- in every tick ---- */

static bool wants_ping(const struct lane_conn *c, int64_t now)
{
    return c->ping_ms == 0 &&
           now - c->heard_ms > (c->open > 0 ? PING_BUSY_AFTER_MS : PING_AFTER_MS);
}

void lane__conn_look_after(struct lane_conn *c)
{
    int64_t now = c->origin->lane->now_ms;

    if (c->state < CONN_READY) {
        if (now - c->opened_ms > CONNECT_MS) {
            lane__conn_fail(c, "no connection in time");
        }
        return;
    }
    if (c->open == 0 && (c->state == CONN_DRAINING || now - c->used_ms > IDLE_MS)) {
        lane__conn_close(c);
    } else if (c->ping_ms > 0 && now - c->ping_ms > PONG_MS) {
        lane__conn_fail(c, "the connection is dead: it does not answer a ping");
    } else if (wants_ping(c, now)) {
        c->ping_ms = now;
        (void)nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
        lane__origin_dirty(c->origin);
    }
}
