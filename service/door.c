/* The door's frame: libmicrohttpd's daemon under the libuv loop. Its epoll descriptor lies
 * under a uv_poll_t and its timeout under a uv_timer_t; every turn is one MHD_run(). Called by
 * serve.c, which makes the door last and takes it down first. It owns the daemon, the listening
 * socket and the requests that still have a connection; what a request is and how it is
 * answered stands in door_request.c and door_reply.c.
 *
 * Going down: door_quiesce() stops accepting and says "Connection: close" on every answer; when
 * door_idle() is true nothing is suspended any more, and door_free() stops the daemon, which
 * would abort the process over a suspended connection. Requests still open then are cut loose;
 * those that have not come whole are not waited for, or whoever sends slowly would hold up the end.
 */

#include "service/door.h"

#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/text.h"
#include "service/door_internal.h"

/* Request line and headers of one connection, and the window its body comes through. */
#define CONNECTION_BYTES (32 * 1024)
/* Beyond server.max_connections door_crowd.c makes room; what it has cut is gone a turn later. */
#define CONNECTIONS_BEYOND 256
/* libmicrohttpd reads and writes a piece at a time, and says by a timeout of 0 that there is more.
 * So many pieces in one turn of the loop, then everybody else's. */
#define PIECES_AT_ONCE 16
/* The longest wait for more when nothing came of the last so many turns, as a power of two. */
#define FRUITLESS_MAX 4

static void arm_timer(struct door *d);

static bool has_more(const struct door *d)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    return MHD_get_timeout(d->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
}

static void run(struct door *d)
{
    if (d->running || d->closing) {
        return;
    }
    d->running = true;
    for (int left = PIECES_AT_ONCE; left > 0; left--) {
        d->progress = false;
        (void)MHD_run(d->daemon);
        if (!d->progress || !has_more(d)) {
            break;
        }
    }
    d->running = false;
    d->fruitless = d->progress ? 0 : d->fruitless + (d->fruitless < FRUITLESS_MAX ? 1 : 0);
    arm_timer(d);
}

static void on_timer(uv_timer_t *timer)
{
    run(container_of(timer, struct door, timer));
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(container_of(poll, struct door, poll));
}

/* When there was no descriptor for a connection, libmicrohttpd listens again in the turn behind the one
 * in which somebody left, and nothing else would wake it for whoever waits. */
static bool takes_turn_anyway(struct door *d)
{
    bool left = d->left;

    d->left = false;
    return left;
}

/* Never 0: libuv 1.44 calls a timer that starts itself anew with 0 for ever, and nobody else's
 * turn comes. And a connection that libmicrohttpd cannot get on with (a chunk extension larger
 * than its memory) makes it ask for 0 until it is closed; what is really there to be read shows
 * at the descriptor as well. */
static void arm_timer(struct door *d)
{
    uint64_t again_ms = UINT64_C(1) << d->fruitless;
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (takes_turn_anyway(d)) {
        must(uv_timer_start(&d->timer, on_timer, 1, 0) == 0);
    } else if (MHD_get_timeout(d->daemon, &wait_ms) == MHD_YES) {
        must(uv_timer_start(
                 &d->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : again_ms, 0) == 0);
    } else {
        must(uv_timer_stop(&d->timer) == 0);
    }
}

/* libmicrohttpd wakes nobody in external mode; the timer of 0 does, once for all that are
 * resumed in this turn of the loop. */
void door__resume(struct door *d, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    if (!d->running && !d->closing) {
        must(uv_timer_start(&d->timer, on_timer, 0, 0) == 0);
    }
}

void door__handle_closed(struct door *d)
{
    if (--d->handles > 0) {
        return;
    }
    mem_free(d->socket_path);
    mem_free(d);
}

static void poll_closed(uv_handle_t *handle)
{
    door__handle_closed(container_of(handle, struct door, poll));
}

static void crowd_timer_closed(uv_handle_t *handle)
{
    door__handle_closed(container_of(handle, struct door, crowd_timer));
}

static void timer_closed(uv_handle_t *handle)
{
    door__handle_closed(container_of(handle, struct door, timer));
}

/* libmicrohttpd must not decode: a decoded slash in a path segment would be taken for a border.
 */
static size_t keep_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum err_code
start_daemon(struct door *d, const struct server_settings *s, struct err *why)
{
    unsigned int idle_s = (unsigned int)((s->idle_timeout_ms + MS_SECOND - 1) / MS_SECOND);

    d->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO,
                                 0,
                                 NULL,
                                 NULL,
                                 door__on_request,
                                 d,
                                 MHD_OPTION_LISTEN_SOCKET,
                                 d->listen_fd,
                                 MHD_OPTION_URI_LOG_CALLBACK,
                                 door__request_new,
                                 d,
                                 MHD_OPTION_NOTIFY_COMPLETED,
                                 door__on_completed,
                                 d,
                                 MHD_OPTION_UNESCAPE_CALLBACK,
                                 keep_escaped,
                                 NULL,
                                 MHD_OPTION_NOTIFY_CONNECTION,
                                 door__on_connection,
                                 d,
                                 MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned int)d->crowd_max + CONNECTIONS_BEYOND,
                                 MHD_OPTION_CONNECTION_TIMEOUT,
                                 idle_s,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)CONNECTION_BYTES,
                                 MHD_OPTION_END);
    if (d->daemon == NULL) {
        return err_set(why, ERR_IO, "start the HTTP server on %s", d->url);
    }
    return ERR_NONE;
}

static void watch_daemon(struct door *d)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    must(info != NULL);
    must(uv_poll_init(d->crier->loop, &d->poll, info->epoll_fd) == 0);
    must(uv_timer_init(d->crier->loop, &d->timer) == 0);
    must(uv_timer_init(d->crier->loop, &d->crowd_timer) == 0);
    d->handles = 3;
    must(uv_poll_start(&d->poll, UV_READABLE, on_poll) == 0);
    arm_timer(d);
}

static enum err_code find_socket(struct door *d, const char *listen, struct err *why)
{
    if (d->crier->passed == NULL || d->crier->passed->fd < 0) {
        return door__listen(d, listen, why);
    }
    door__adopt(d, d->crier->passed, listen);
    return ERR_NONE;
}

enum err_code door_fits(const struct door *d, const struct config *config, struct err *why)
{
    if (!d->open) {
        return ERR_NONE;
    }
    if (config->server.token.text == NULL || config->server.token.len == 0) {
        return err_set(
            why,
            ERR_INVALID,
            "the service listens on %s, open to other machines: expected server.token",
            d->url);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        if (config_source_is_open(&config->sources[i])) {
            return err_set(why,
                           ERR_INVALID,
                           "the service listens on %s, open to other machines, and "
                           "sources.%s.signature is none: expected another, and a secret",
                           d->url,
                           config->sources[i].name);
        }
    }
    return ERR_NONE;
}

enum err_code
door_new(struct door **out, struct crier *c, const struct door_route *routes, struct err *why)
{
    const struct server_settings *s = &c->config->server;
    struct door *d = mem_zalloc(sizeof *d);
    enum err_code rc;

    d->crier = c;
    d->routes = routes;
    d->listen_fd = -1;
    list_init(&d->requests);
    list_init(&d->lingers);
    door__crowd_init(d);
    crypto_random(d->login_salt, sizeof d->login_salt);
    rc = find_socket(d, s->listen, why);
    if (rc) {
        goto out;
    }
    rc = door_fits(d, c->config, why);
    if (!rc) {
        rc = start_daemon(d, s, why);
    }
    if (rc) {
        close(d->listen_fd);
        goto out;
    }
    watch_daemon(d);
    *out = d;
    d = NULL;
out:
    if (d != NULL) {
        mem_free(d->socket_path);
        mem_free(d);
    }
    return rc;
}

const char *door_url(const struct door *d)
{
    return d->url;
}

size_t door_connections(const struct door *d)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info == NULL ? 0 : info->num_connections;
}

void door_quiesce(struct door *d)
{
    if (d->quiesced) {
        return;
    }
    d->quiesced = true;
    (void)MHD_quiesce_daemon(d->daemon);
    close(d->listen_fd);
    d->listen_fd = -1;
    if (d->socket_path != NULL) {
        (void)unlink(d->socket_path);
    }
    run(d);
}

bool door_idle(const struct door *d)
{
    return list_empty(&d->crowd[DOOR_HELD]) && list_empty(&d->crowd[DOOR_ANSWERING]);
}

void door_free(struct door *d)
{
    if (d == NULL) {
        return;
    }
    must(!d->running);
    door_quiesce(d);
    d->closing = true;
    door__crowd_disperse(d);
    door__requests_abandon(d);
    door__lingers_end(d);
    /* The descriptor under the poll dies with the daemon, so libuv must let go of it first. */
    uv_close((uv_handle_t *)&d->poll, poll_closed);
    MHD_stop_daemon(d->daemon);
    d->daemon = NULL;
    uv_close((uv_handle_t *)&d->timer, timer_closed);
    uv_close((uv_handle_t *)&d->crowd_timer, crowd_timer_closed);
}
