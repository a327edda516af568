/* Lingering close. A request that is refused before its body was read is answered while the
 * client may still be sending; closing then would make the kernel answer with a reset, and the
 * client would lose the very answer that tells it why. So a duplicate of the connection's
 * descriptor is kept for a moment and what comes is thrown away, bounded in time, in bytes and
 * in number. Used by door_request.c when libmicrohttpd is done with such a request. */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "service/door_internal.h"

#define LINGER_MS 3000
#define LINGER_BYTES ((size_t)16 * 1024 * 1024)

struct door_linger {
    struct list_node node;
    struct door *door;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int handles;
    bool ending;
    size_t bytes;
};

static void handle_gone(struct door_linger *l)
{
    struct door *d = l->door;

    if (--l->handles > 0) {
        return;
    }
    close(l->fd);
    mem_free(l);
    door__handle_closed(d);
}

static void poll_gone(uv_handle_t *handle)
{
    handle_gone(container_of(handle, struct door_linger, poll));
}

static void timer_gone(uv_handle_t *handle)
{
    handle_gone(container_of(handle, struct door_linger, timer));
}

static void linger_end(struct door_linger *l)
{
    if (l->ending) {
        return;
    }
    l->ending = true;
    list_remove(&l->door->lingers, &l->node);
    uv_close((uv_handle_t *)&l->poll, poll_gone);
    uv_close((uv_handle_t *)&l->timer, timer_gone);
}

static void on_timeout(uv_timer_t *timer)
{
    linger_end(container_of(timer, struct door_linger, timer));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct door_linger *l = container_of(poll, struct door_linger, poll);
    char waste[16384];
    ssize_t n = read(l->fd, waste, sizeof waste);

    (void)events;
    if (n > 0) {
        l->bytes += (size_t)n;
    }
    if (status < 0 || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        l->bytes > LINGER_BYTES) {
        linger_end(l);
    }
}

void door__linger_start(struct door *d, int fd)
{
    struct door_linger *l;

    if (fd < 0) {
        return;
    }
    (void)shutdown(fd, SHUT_WR); /* the client need not wait for the end of our patience */
    if (d->closing || d->lingers.count >= DOOR_LINGERS_MAX) {
        close(fd);
        return;
    }
    l = mem_zalloc(sizeof *l);
    l->door = d;
    l->fd = fd;
    if (uv_poll_init(d->crier->loop, &l->poll, fd) != 0) {
        close(fd);
        mem_free(l);
        return;
    }
    must(uv_timer_init(d->crier->loop, &l->timer) == 0);
    l->handles = 2;
    d->handles++; /* the door outlives its lingerers' close callbacks */
    list_push(&d->lingers, &l->node);
    must(uv_poll_start(&l->poll, UV_READABLE, on_readable) == 0);
    must(uv_timer_start(&l->timer, on_timeout, LINGER_MS, 0) == 0);
}

void door__lingers_end(struct door *d)
{
    while (!list_empty(&d->lingers)) {
        linger_end(container_of(list_first(&d->lingers), struct door_linger, node));
    }
}
